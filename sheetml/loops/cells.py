"""A training loop's named cells on the workbook's own cells: what the rules work on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sheetml.errors import CalculationError
from sheetml.formula.references import address
from sheetml.loops.recognition import LoopSheet
from sheetml.workbook import Book
from sheetml.xlsx.model import MAX_ROWS, Area, CellValue


class SheetCells:
    """The named cells of one sheet (`rules.NamedCells`). Excel's calculation mode is automatic at first."""

    def __init__(self, workbook: Book, loop: LoopSheet) -> None:
        self.workbook = workbook
        self.calculation = workbook.calculation
        self.loop = loop
        self.automatic = True

    # ---- places

    def has(self, *names: str) -> bool:
        return self.loop.has(*names)

    def slots(self, name: str) -> list[int]:
        """The slots of an area's cells, with room made for them."""
        slots: list[int] = self.workbook.held_slots([(self.loop.sheet, self.loop.areas[name])]).tolist()
        return slots

    def place(self, name: str) -> str:
        """The absolute address that a name stands for."""
        return address(None, self.loop.areas[name], absolute=True)

    # ---- values

    def values(self, name: str) -> list[CellValue]:
        return [self.calculation.value(slot) for slot in self.slots(name)]

    def value(self, name: str) -> float:
        """The number in a cell; nan where there is none."""
        value = self.values(name)[0]
        return value if isinstance(value, float) else math.nan

    def put(self, name: str, value: float) -> None:
        slots = self.slots(name)
        self._write(slots, [float(value)] * len(slots))

    def copy(self, target: str, source: str) -> None:
        self._write(self.slots(target), self.values(source))

    def clear(self, name: str) -> None:
        slots = self.calculation.within(self.loop.sheet, self.loop.areas[name]).tolist()
        self._write(slots, [None] * len(slots))

    def _write(self, slots: list[int], values: list[CellValue]) -> None:
        self.write(slots, values)
        if self.automatic:
            self.calculate()

    def write(self, slots: Sequence[int], values: Sequence[CellValue]) -> None:
        """Puts values into cells without recalculating."""
        formulas = np.array(slots, np.intp)[self.calculation.is_formula(np.array(slots, np.intp))]
        if formulas.size:
            place = self.calculation.describe(formulas[:1])
            raise CalculationError(
                f"{self.workbook.path}: {place} holds a formula, which the training loop would replace"
            )
        for slot, value in zip(slots, values):
            self.calculation.set(slot, value)

    def calculate(self) -> None:
        self.workbook.calculate()

    # ---- a column that grows

    def append(self, start: str, source: str) -> None:
        self.extend(start, self.values(source)[:1])
        if self.automatic:
            self.calculate()

    def extend(self, start: str, values: Sequence[CellValue]) -> None:
        """Writes values below the last filled cell under a cell, without recalculating."""
        if values:
            first = self._first_blank(start)
            column = self.loop.areas[start].left
            last = min(first + len(values) - 1, MAX_ROWS)
            slots = self.workbook.held_slots([(self.loop.sheet, Area(first, column, last, column))]).tolist()
            self.write(slots, values[: len(slots)])

    def reserve(self, start: str, count: int) -> None:
        """Makes room for so many further values, and more where there is none: new cells cost a new plan."""
        first, column = self._first_blank(start), self.loop.areas[start].left
        last = min(first + count, MAX_ROWS)
        if (self.workbook.slots_of(self.loop.sheet, Area(first, column, last, column)) == 0).any():
            self.workbook.held_slots([(self.loop.sheet, Area(first, column, min(first + 4 * count, MAX_ROWS), column))])

    def _first_blank(self, start: str) -> int:
        area = self.loop.areas[start]
        row = area.top + 1
        while row < MAX_ROWS and self.calculation.get(self.loop.sheet, row, area.left) is not None:
            row += 1
        return row
