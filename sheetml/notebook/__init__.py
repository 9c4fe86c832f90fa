"""A workbook in a notebook, as a grid that can be worked in: `sheetml.show(wb)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetml.optional import needed

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.notebook.widget import WorkbookWidget


def show(workbook: Workbook, sheet: str | None = None, *, height: int = 420) -> WorkbookWidget:
    """The workbook as a grid in Jupyter, VS Code, Colab or marimo, so many pixels high, from one of its sheets.

    What is typed there is in the workbook's cells at once, and calculated with; what Python changes is seen in the
    grid once it is calculated, at the latest when the notebook's cell ends. Raises MissingPackageError where anywidget
    is not installed (`pip install "sheetml[notebook]"`), UnknownSheetError, a KeyError, where there is no such sheet.
    """
    needed("anywidget", extra="notebook")
    from sheetml.notebook.widget import WorkbookWidget

    return WorkbookWidget(workbook, sheet, height)
