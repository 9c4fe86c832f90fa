"""An example of the gallery as data, and how it becomes a workbook."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheetml.formula.references import cell_name, column_number, parse_area, split_areas
from sheetml.layouts.book import bold, finish, prepare_print, put_comment, put_formula, put_text, put_value, set_width
from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

SHEET = "model"
TOP = 8  # the row where examples begin, below the title and what it teaches
LINE = 110  # characters of that text in a row
SIGNS = ("<=", "=", ">=")  # that say beside the cells what the constraints are
CHANGED, AIMED = "DDEBF7", "FCE4D6"  # the colours of adjustable cells and of the objective

Cells = dict[str, Any]  # by address: a number, a text, or a formula that begins with "="


@dataclass(frozen=True)
class Example:
    """One workbook: its cells, its model, and what can be learned from it.

    `goal` is what is stated of the objective: {"maximise": "F12"}; `model` the further words of
    `Workbook.add_solver_model`. `comments` explain cells. Widths are by column, formats by area.
    """

    name: str
    title: str
    teaches: str
    cells: Cells
    by: str
    goal: Mapping[str, Any] = field(default_factory=dict)
    subject_to: Sequence[str] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    headings: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    widths: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)

    @property
    def objective(self) -> str | None:
        """The objective's address, if there is one."""
        return next((cell for word, cell in self.goal.items() if word != "to"), None)


def rows_at(corner: str, rows: Sequence[Sequence[Any]]) -> Cells:
    """The cells of a block from its first one on; "" and None leave a cell empty."""
    area = parse_area(corner)
    return {
        cell_name(area.top + down, area.left + right): value
        for down, row in enumerate(rows)
        for right, value in enumerate(row)
        if value not in ("", None)
    }


def column_at(corner: str, values: Sequence[Any]) -> Cells:
    """The cells of a column from its first one on."""
    return rows_at(corner, [[value] for value in values])


def write(example: Example, path: Path) -> None:
    """Writes the workbook, its formulas computed, the model in Excel's own names."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = SHEET
    sheet.sheet_view.showGridLines = False
    _put_cells(sheet, example)
    _put_words(sheet, example)
    _paint(sheet, example)
    built = finish(book, path)
    built.add_solver_model(SHEET, by=example.by, subject_to=example.subject_to, **example.goal, **example.model)
    built.save(path, overwrite=True, only_names=True)


def _put_cells(sheet: Worksheet, example: Example) -> None:
    from openpyxl.styles import Alignment

    formats = {area: parse_area(area) for area in example.formats}
    for address, value in example.cells.items():
        place = parse_area(address)
        row, column = place.top, place.left
        number_format = next(
            (example.formats[text] for text, area in formats.items() if _holds(area, place)), "General"
        )
        if isinstance(value, str) and value.startswith("="):
            put_formula(sheet, row, column, value[1:], number_format)
        else:
            put_value(sheet, row, column, value, number_format)
        if value in SIGNS:
            sheet.cell(row, column).alignment = Alignment(horizontal="center")


def _put_words(sheet: Worksheet, example: Example) -> None:
    put_text(sheet, 1, 1, example.title)
    bold(sheet, Area(1, 1, 1, 1), size=14, align="left")
    lines = textwrap.wrap(example.teaches, LINE)
    assert len(lines) <= TOP - 3, f"{example.name}: the text is too long"
    for row, line in enumerate(lines, start=2):
        put_text(sheet, row, 1, line)
    for address, text in example.comments.items():
        place = parse_area(address)
        put_comment(sheet, place.top, place.left, text)


def _paint(sheet: Worksheet, example: Example) -> None:
    for text in split_areas(example.headings) if example.headings else []:
        bold(sheet, parse_area(text), align="left" if parse_area(text).left == 1 else "right")
    for column, width in example.widths.items():
        first, _, last = column.partition(":")
        set_width(sheet, column_number(first), column_number(last or first), width)
    prepare_print(sheet)
    for text in split_areas(example.by):
        _fill(sheet, parse_area(text), CHANGED)
    if example.objective is not None:
        _fill(sheet, parse_area(example.objective), AIMED)


def _fill(sheet: Worksheet, area: Area, colour: str) -> None:
    from openpyxl.styles import Border, PatternFill, Side

    edge = Side(style="thin", color="A6A6A6")
    for row in sheet.iter_rows(area.top, area.bottom, area.left, area.right):
        for cell in row:
            cell.fill = PatternFill("solid", start_color=colour)
            cell.border = Border(left=edge, right=edge, top=edge, bottom=edge)


def _holds(area: Area, cell: Area) -> bool:
    return area.top <= cell.top <= area.bottom and area.left <= cell.left <= area.right
