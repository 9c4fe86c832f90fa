"""The lesson's collaborative-filtering workbook: built from one's own ratings or a fitted model, and recognised.

`build` writes a workbook from ratings, `build_from_model` one from arrays; `recognise` finds the sheets of
this layout in any workbook and `read_model` reads their factors and biases. `export` and
`read_workbook_model` are the way from a model of `sheetml.learn` to a workbook and back.
"""

from sheetml.layouts.collab_filter.bridge import export, read_workbook_model
from sheetml.layouts.collab_filter.build import build, build_from_model
from sheetml.layouts.collab_filter.factors import SheetModel
from sheetml.layouts.collab_filter.layout import BY_RATING, CROSSTAB, Layout
from sheetml.layouts.collab_filter.reading import read_model
from sheetml.layouts.collab_filter.recognition import recognise
from sheetml.layouts.collab_filter.sheets import Labels

__all__ = [
    "BY_RATING",
    "CROSSTAB",
    "Labels",
    "Layout",
    "SheetModel",
    "build",
    "build_from_model",
    "export",
    "read_model",
    "read_workbook_model",
    "recognise",
]
