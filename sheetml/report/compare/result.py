"""What a comparison of two workbooks comes to."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sheetml.formula.references import address
from sheetml.report.cell_numbers import in_format, told_apart
from sheetml.report.compare.moves import Move
from sheetml.report.words import value_text
from sheetml.tables import html_table
from sheetml.xlsx.model import Area, CellValue

# What happened to a cell
VALUE, RESULT, FORMULA, ADDED, REMOVED, MOVED = "value", "result", "formula", "added", "removed", "moved"
ORDER = "formulas first, then typed values, then results, each by its relative change"
KINDS = {
    VALUE: "typed value changed",
    RESULT: "result of the same formula changed",
    FORMULA: "formula changed",
    ADDED: "added",
    REMOVED: "removed",
    MOVED: "moved",
}


@dataclass(frozen=True, slots=True)
class Side:
    """A cell on one side: where it is and what it holds."""

    row: int
    column: int
    value: CellValue
    formula: str | None
    number_format: str = "General"


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell that is not as it was; one of the sides is None where the cell is only on the other."""

    what: str
    before: Side | None
    after: Side | None

    @property
    def size(self) -> float | None:
        """The relative change, from 0 to 2; None where one of the values is no number."""
        if self.before is None or self.after is None:
            return None
        one, other = self.before.value, self.after.value
        if not _is_number(one) or not _is_number(other):
            return None
        largest = max(abs(one), abs(other))  # type: ignore[arg-type]
        return abs(one - other) / largest if largest else 0.0  # type: ignore[operator]

    @property
    def difference(self) -> float | None:
        """After minus before, None where one of them is no number."""
        if self.before is None or self.after is None:
            return None
        one, other = self.before.value, self.after.value
        return other - one if _is_number(one) and _is_number(other) else None  # type: ignore[operator]

    @property
    def relative(self) -> float | None:
        """The change by what was there before; infinite where that was 0, None where one of them is no number."""
        difference = self.difference
        if difference is None or self.before is None:
            return None
        before = self.before.value
        return abs(difference / before) if before else math.inf if difference else 0.0  # type: ignore[operator]

    @property
    def texts(self) -> tuple[str, str]:
        """The values before and after as the cells show them, to more digits where they would not be told apart."""
        if self.before is not None and self.after is not None and self.difference is not None:
            return told_apart(self.before.value, self.after.value, self.after.number_format)  # type: ignore[arg-type]
        return _value_of(self.before), _value_of(self.after)


def _value_of(side: Side | None) -> str:
    if side is None:
        return ""
    return in_format(side.value, side.number_format) if _is_number(side.value) else value_text(side.value)  # type: ignore[arg-type]


def _is_number(value: CellValue) -> bool:
    return isinstance(value, float)


@dataclass(slots=True)
class SheetComparison:
    """One sheet, or a pair of sheets taken for the same one."""

    before: str | None  # its name, None if it was added
    after: str | None  # None if it was removed
    rows: list[tuple[int | None, int | None]]  # line by line: its number before and after, None where it is not
    columns: list[tuple[int | None, int | None]]
    compared: int = 0  # cells that are on both sides
    changes: list[CellChange] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.after if self.after is not None else self.before or ""

    @property
    def status(self) -> str:
        """ "added", "removed", "renamed", "changed" or "same"."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        if self.before != self.after:
            return "renamed"
        return "changed" if self.changes or self.lines_changed else "same"

    @property
    def counts(self) -> Counter[str]:
        return Counter(change.what for change in self.changes)

    @property
    def lines_changed(self) -> bool:
        return any(self.inserted_rows) or any(self.inserted_columns)

    @property
    def inserted_rows(self) -> tuple[list[int], list[int]]:
        """The rows removed (by their numbers before) and those inserted (by their numbers after)."""
        return _only_on_one_side(self.rows)

    @property
    def inserted_columns(self) -> tuple[list[int], list[int]]:
        return _only_on_one_side(self.columns)


def _only_on_one_side(lines: list[tuple[int | None, int | None]]) -> tuple[list[int], list[int]]:
    removed = [before for before, after in lines if after is None and before is not None]
    inserted = [after for before, after in lines if before is None and after is not None]
    return removed, inserted


@dataclass(frozen=True, slots=True)
class NameChange:
    """A defined name (a setting of a Solver model is one) that is not as it was."""

    name: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Comparison:
    """Two workbooks, cell by cell."""

    before: Path
    after: Path
    tolerance: float
    sheets: list[SheetComparison]
    names: list[NameChange]
    moves: list[Move]

    @property
    def same(self) -> bool:
        return not self.names and all(sheet.status == "same" for sheet in self.sheets)

    def largest(self, most: int) -> list[tuple[SheetComparison, CellChange]]:
        """The changes in the order of ORDER, which whoever shows them states."""
        everything = [(sheet, change) for sheet in self.sheets for change in sheet.changes]
        weight = {what: place for place, what in enumerate((FORMULA, VALUE, RESULT, ADDED, REMOVED, MOVED))}

        def key(pair: tuple[SheetComparison, CellChange]) -> tuple[int, bool, float]:
            relative = pair[1].relative
            return weight[pair[1].what], relative is None, -(relative or 0.0)

        return sorted(everything, key=key)[:most]

    def _repr_html_(self) -> str:
        """How notebooks show it: a line a sheet, then the largest changes."""
        sheets = html_table(
            ["Sheet", "", *KINDS.values()],
            [[sheet.name, sheet.status, *(sheet.counts[kind] or "" for kind in KINDS)] for sheet in self.sheets],
        )
        changes = html_table(
            ["Cell", "", "Before", "After"],
            [[place_of(sheet, change), KINDS[change.what], *side_texts(change)] for sheet, change in self.largest(20)],
        )
        return sheets + (changes if not self.same else "")


def place_of(sheet: SheetComparison, change: CellChange) -> str:
    """A changed cell's address: after, or before where it is gone."""
    side, name = (change.after, sheet.after) if change.after is not None else (change.before, sheet.before)
    assert side is not None
    return address(name, Area(side.row, side.column, side.row, side.column))


def side_texts(change: CellChange) -> tuple[str, str]:
    """What a cell held before and after: its value, and its formula where that has changed."""
    if change.what == RESULT:
        return change.texts
    sides = [
        text if side is None or side.formula is None else f"{text}  (={side.formula})"
        for text, side in zip(change.texts, (change.before, change.after))
    ]
    return sides[0], sides[1]
