"""The lesson's collaborative-filtering workbook: built from one's own ratings or a fitted model, and recognised.

`build` writes a workbook from ratings, `build_from_model` one from a fitted model; `recognise` finds the
sheets of this layout in any workbook and `read_model` reads their factors and biases.
"""

from sheetml.layouts.collab_filter.build import build, build_from_model
from sheetml.layouts.collab_filter.factors import FactorModel
from sheetml.layouts.collab_filter.layout import BY_RATING, CROSSTAB, Layout
from sheetml.layouts.collab_filter.reading import read_model
from sheetml.layouts.collab_filter.recognition import recognise
from sheetml.layouts.collab_filter.sheets import Labels

__all__ = [
    "BY_RATING",
    "CROSSTAB",
    "FactorModel",
    "Labels",
    "Layout",
    "build",
    "build_from_model",
    "read_model",
    "recognise",
]
