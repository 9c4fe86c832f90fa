"""Recomputes a workbook and compares with the values that Excel stored in it, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sheetml.engine import questions
from sheetml.formula.references import cell_name
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue

RELATIVE_TOLERANCE = 1e-9
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


def check(workbook: Book, tolerance: float = RELATIVE_TOLERANCE) -> list[SheetCheck]:
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
    places = calculation.places(slots)
    equal = ~(differs | volatile) & has_values & ~np.isin(slots, list(problems))
    for position, sheet in enumerate(sheets):
        own = places[:, 0] == position
        sheet.formulas, sheet.equal = int(np.count_nonzero(own)), int(np.count_nonzero(own & equal))
    for index in np.flatnonzero(~equal).tolist():
        slot, changes_itself, has_value = int(slots[index]), volatile[index], has_values[index]
        position, row, column = places[index].tolist()
        sheet, cell = sheets[position], cell_name(row, column)
        if slot in problems:
            sheet.not_computed[cell] = problems[slot]
        elif changes_itself:
            sheet.volatile.append(cell)
        elif not has_value:
            sheet.not_stored.append(cell)
        else:
            sheet.differences.append(_difference(workbook, slot))
    return [sheet for sheet in sheets if sheet.formulas]


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
