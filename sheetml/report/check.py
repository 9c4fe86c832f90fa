"""Recomputes a workbook and compares with the values that Excel stored in it, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sheetml.engine import questions
from sheetml.formula.references import cell_name
from sheetml.report.words import value_text
from sheetml.tables import html_table
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue

RELATIVE_TOLERANCE = 1e-9
MOST_SHOWN = 20  # differences, in a notebook
ABSOLUTE_TOLERANCE = 1e-15  # below it a number is what rounding left of 0: SIN(PI()) is one


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that sheetml computes otherwise than the file says."""

    sheet: str
    cell: str
    formula: str
    stored: CellValue
    computed: CellValue


@dataclass(slots=True)
class SheetCheck:
    """What the formula cells of one sheet came to; a cell is counted in one of the lists below."""

    sheet: str
    formulas: int = 0
    equal: int = 0
    differences: list[Difference] = field(default_factory=list)
    volatile: list[str] = field(default_factory=list)  # cells that change by themselves, or depend on such
    not_stored: list[str] = field(default_factory=list)  # cells whose value the file does not hold
    not_computed: dict[str, str] = field(default_factory=dict)  # why sheetml has no value of its own

    @property
    def compared(self) -> int:
        return self.equal + len(self.differences)


class Checked(list[SheetCheck]):
    """What came of the comparison, a sheet with formulas each; notebooks show it as tables."""

    def __init__(self, sheets: Iterable[SheetCheck] = ()) -> None:
        super().__init__(sheets)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.words}>"

    @property
    def equal(self) -> int:
        return sum(sheet.equal for sheet in self)

    @property
    def compared(self) -> int:
        return sum(sheet.compared for sheet in self)

    @property
    def differences(self) -> list[Difference]:
        return [each for sheet in self for each in sheet.differences]

    @property
    def not_computed(self) -> dict[str, str]:
        """The cells that could not be computed, and why."""
        return {f"{sheet.sheet}!{cell}": why for sheet in self for cell, why in sheet.not_computed.items()}

    @property
    def ok(self) -> bool:
        """What `sheetml check` exits with 0 for: something was compared, nothing differs, everything was computed."""
        return bool(self.compared) and not self.differences and not self.not_computed

    @property
    def words(self) -> str:
        parts = [f"{self.equal:,} of {self.compared:,} comparable cells are equal"]
        if self.not_computed:
            parts.append(f"{len(self.not_computed):,} could not be computed")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        headings = ["Sheet", "Formulas", "Equal", "Different", "Volatile", "Not stored", "Not computed"]
        rows = [
            [each.sheet, each.formulas, each.equal, len(each.differences), len(each.volatile), len(each.not_stored),
             len(each.not_computed)]
            for each in self
        ]  # fmt: skip
        shown = html_table(headings, rows, self.words)
        if self.differences:
            differences = [
                [f"{each.sheet}!{each.cell}", f"={each.formula}", value_text(each.stored), value_text(each.computed)]
                for each in self.differences[:MOST_SHOWN]
            ]
            shown += html_table(["Cell", "Formula", "Stored", "Computed"], differences)
        return shown


def check(workbook: Book, tolerance: float = RELATIVE_TOLERANCE) -> Checked:
    """Recomputes every formula of a workbook just opened, and compares: one entry a sheet with formulas.

    Numbers are equal within the relative tolerance. Cells that depend on RAND, NOW and their kind are
    not compared, nor are those for which the file holds no value or sheetml has none.
    """
    workbook.calculate(everything=True)
    calculation = workbook.calculation
    slots = questions.formula_slots(calculation)
    differs = calculation.moved(slots, relative=tolerance, absolute=ABSOLUTE_TOLERANCE)
    volatile = questions.dependents(calculation, calculation.mask())[slots]
    has_values = calculation.has_stored_value(slots)
    problems = questions.problems(calculation)
    sheets = [SheetCheck(name) for name in workbook.sheet_names]
    for slot, different, changes_itself, has_value in zip(slots.tolist(), differs, volatile, has_values):
        position, row, column = calculation.place(slot)
        sheet, cell = sheets[position], cell_name(row, column)
        sheet.formulas += 1
        if slot in problems:
            sheet.not_computed[cell] = problems[slot]
        elif changes_itself:
            sheet.volatile.append(cell)
        elif not has_value:
            sheet.not_stored.append(cell)
        elif different:
            sheet.differences.append(_difference(workbook, slot))
        else:
            sheet.equal += 1
    return Checked(sheet for sheet in sheets if sheet.formulas)


def _difference(workbook: Book, slot: int) -> Difference:
    calculation = workbook.calculation
    sheet, row, column = calculation.place(slot)
    return Difference(
        workbook.sheet_names[sheet],
        cell_name(row, column),
        calculation.formula_text(sheet, row, column) or "",
        calculation.stored_value(slot),
        calculation.value(slot),
    )
