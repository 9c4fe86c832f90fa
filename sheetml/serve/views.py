"""What a window of cells looks like, as plain data: texts, styles, colours. Nothing here knows of browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER
from sheetml.serve.conditional import Changed, ConditionalFormats
from sheetml.serve.texts import shown
from sheetml.workbook import Book
from sheetml.xlsx.appearance import DIGIT, PADDING, Appearance, SheetAppearance, Style
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area

MOST_CELLS = 20_000  # of a window
MARGIN_ROWS, MARGIN_COLUMNS = 40, 12  # empty ones that a sheet shows beyond what it holds
FEWEST_ROWS, FEWEST_COLUMNS = 100, 26

Place = tuple[int, int]  # row and column
CellView = tuple[str, str, int, dict[str, Any]]  # text, kind, the style's number, and what differs from the style
Overlay = Callable[[int, Area], dict[Place, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a sheet that somebody looks at."""

    sheet: int
    area: Area


class Views:
    """What the sheets of a workbook look like now."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.calculation = book.calculation
        self.appearance = Appearance(book.file)
        self._formats: dict[int, ConditionalFormats] = {}
        self._widths: dict[int, dict[int, int]] = {}

    # ---- sheets

    def sheet(self, position: int) -> SheetAppearance:
        return self.appearance.sheet(position)

    def extent(self, position: int) -> tuple[int, int]:
        """How many rows and columns of a sheet can be scrolled to: what it holds, and a margin."""
        used = self.book.worksheets[position].used
        look = self.sheet(position)
        rows = max([used.bottom if used else 0, *(area.bottom for area in look.merged)])
        columns = max([used.right if used else 0, *(area.right for area in look.merged)])
        return (
            min(max(rows + MARGIN_ROWS, FEWEST_ROWS), MAX_ROWS),
            min(max(columns + MARGIN_COLUMNS, FEWEST_COLUMNS), MAX_COLUMNS),
        )

    def width(self, position: int, column: int) -> int:
        """The width of a column in pixels."""
        known = self._widths.setdefault(position, {})
        if column not in known:
            look = self.sheet(position)
            stated = (width for first, last, width in look.widths if first <= column <= last)
            known[column] = next(stated, look.default_width)
        return known[column]

    def number_format(self, position: int, row: int, column: int) -> str:
        """The number format of a cell's style."""
        number = int(self.sheet(position).styles(Area(row, column, row, column))[0, 0])
        return self.appearance.style(number).number_format

    # ---- cells

    def cells(self, window: Window, version: int) -> dict[Place, CellView]:
        """What is to be seen in a window, without cells that are empty and look like others.

        `version` counts changes of the workbook: what conditional formats work out of whole areas is kept for it.
        """
        area = window.area
        slots = self.calculation.locate_area(window.sheet, area)
        styles = self.sheet(window.sheet).styles(area)
        changed = self._conditional(window.sheet).of(area, version)
        flat = slots.reshape(-1)
        kinds, numbers, texts = (
            part.reshape(slots.shape).tolist()
            for part in (self.calculation.kinds(flat), self.calculation.numbers(flat), self.calculation.texts(flat))
        )
        found: dict[Place, CellView] = {}
        for down, row_styles in enumerate(styles.tolist()):
            row = area.top + down
            for across, number in enumerate(row_styles):
                column, kind = area.left + across, kinds[down][across]
                change = changed.get((row, column))
                if kind == BLANK and number == 0 and change is None:
                    continue
                found[row, column] = self._cell(
                    window.sheet, column, number, change, kind, numbers[down][across], str(texts[down][across])
                )
        return found

    def _cell(
        self, sheet: int, column: int, style: int, change: Changed | None, kind: int, number: float, text: str
    ) -> CellView:
        code = (change.number_format if change else None) or self.appearance.style(style).number_format
        characters = max((self.width(sheet, column) - PADDING) // DIGIT, 1)
        words, colour = shown(kind, number, text, code, characters)
        more: dict[str, Any] = {} if change is None else _difference(change)
        if colour is not None and "c" not in more:
            more["c"] = colour
        return words, _kind(kind), style, more

    def text(self, position: int, row: int, column: int) -> str:
        """A cell's value in its number format, whatever its width."""
        slot = self.calculation.slot(position, row, column)
        cell = self.calculation.kind(slot), self.calculation.number(slot), self.calculation.text(slot)
        return shown(*cell, self.number_format(position, row, column))[0]

    def _conditional(self, position: int) -> ConditionalFormats:
        if position not in self._formats:
            formats, looks = self.sheet(position).formats, self.appearance.looks
            self._formats[position] = ConditionalFormats(self.calculation, position, formats, looks)
        return self._formats[position]

    # ---- what does not change

    def styles(self) -> list[dict[str, Any]]:
        """All styles, by their numbers, in the words of the page; what is as usual is left out."""
        return [_style(style) for style in self.appearance.styles]

    def layout(self, position: int) -> dict[str, Any]:
        """The columns, rows, merged cells, frozen panes and notes of a sheet."""
        look = self.sheet(position)
        rows, columns = self.extent(position)
        return {
            "rows": rows,
            "columns": columns,
            "widths": look.widths,
            "defaultWidth": look.default_width,
            "heights": [[row, height] for row, height in sorted(look.heights.items())],
            "defaultHeight": look.default_height,
            "merged": [[area.top, area.left, area.bottom, area.right] for area in look.merged],
            "frozen": look.frozen,
            "gridlines": look.gridlines,
            "notes": [[row, column, text] for (row, column), text in sorted(look.notes.items())],
        }


def limited(area: Area) -> Area:
    """A window that is not too large to be answered."""
    right = min(area.right, area.left + 255)
    bottom = min(area.bottom, area.top + max(MOST_CELLS // (right - area.left + 1), 1) - 1)
    return Area(area.top, area.left, bottom, right)


def _kind(kind: int) -> str:
    """n: a number; t: text; b: a truth value; e: an error; "": blank."""
    return "" if kind == BLANK else "e" if kind >= ERROR else {NUMBER: "n", BOOLEAN: "b"}.get(kind, "t")


def _difference(change: Changed) -> dict[str, Any]:
    found: dict[str, Any] = {
        "f": change.fill, "c": change.colour, "b": change.bold, "i": change.italic, "s": change.strike,
        "bar": change.bar, "icon": change.icon, "hide": change.hides_value or None,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value is not None}


def _style(style: Style) -> dict[str, Any]:
    edges = [None if edge is None else [edge.line, edge.colour] for edge in style.borders]
    stated: dict[str, Any] = {
        "b": style.bold, "i": style.italic, "u": style.underline, "s": style.strike, "z": style.size, "c": style.colour,
        "f": style.fill, "e": edges if any(edges) else None, "a": style.across, "v": style.down, "w": style.wrap,
        "n": style.indent, "r": style.rotation,
    }  # fmt: skip
    usual: dict[str, Any] = {"z": 11.0, "a": "general", "v": "bottom"}
    return {key: value for key, value in stated.items() if value and value != usual.get(key)}
