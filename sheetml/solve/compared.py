"""The cells that constraints compare, and the formulas on their right-hand sides, as one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.calculation import Calculation
from sheetml.engine.cell_function import CellFunction, Recording
from sheetml.engine.cells import TracedCells
from sheetml.engine.dependencies import read_references
from sheetml.engine.evaluate import Context
from sheetml.engine.questions import context_at
from sheetml.engine.reading import parse_number
from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import TEXT, Value
from sheetml.errors import CalculationError
from sheetml.formula.tree import Node
from sheetml.xlsx.model import Area


@dataclass(frozen=True, slots=True)
class Side:
    """A formula on the right-hand side of a constraint: `2*3`, `$I$11/4+$B$3`."""

    text: str
    tree: Node
    sheet: int  # where addresses without a sheet are looked up

    def context(self, calculation: Calculation) -> Context:
        return context_at(calculation, self.sheet, array=True)

    def value(self, calculation: Calculation) -> Value:
        """What it comes to with the cells' present values, (1, R, C)."""
        context = self.context(calculation)
        return context.dereference(context.evaluate(self.tree))

    def reads(self, calculation: Calculation) -> np.ndarray:
        """The slots of the cells it refers to."""
        found = []
        for part in read_references(self.context(calculation), self.tree, False):
            area = Area(int(part.top[0]), int(part.left[0]), int(part.bottom[0]), int(part.right[0]))
            found.append(calculation.within(part.sheet, area))
        return np.unique(np.concatenate([np.zeros(0, np.intp), *found]))


class Compared(CellFunction):
    """Cells and formulas as a function of the adjustable cells: `f(x)` is the cells', then the formulas' values."""

    def __init__(
        self, calculation: Calculation, inputs: np.ndarray, cells: np.ndarray, sides: Sequence[Side] = ()
    ) -> None:
        self.sides = list(sides)
        self.cell_count = cells.size
        reads = [side.reads(calculation) for side in self.sides]
        super().__init__(calculation, inputs, np.concatenate([cells, *reads]), scalar=False)
        self.refuses_flat = True  # a search by slopes is told of it
        self._read_by = np.cumsum([cells.size, *(each.size for each in reads)])
        self.sizes = [int(np.prod(side.value(calculation).shape)) for side in self.sides]

    def of(self, cells: np.ndarray, sides: Sequence[Side]) -> Compared:
        """The same adjustable cells' function with other values."""
        return Compared(self._calculation, self.input_slots, cells, sides)

    @property
    def moving(self) -> np.ndarray:
        """Which of the values depend on any adjustable cell, (k,)."""
        moving = super().moving
        parts = [
            np.full(size, moving[first:last].any())
            for size, first, last in zip(self.sizes, self._read_by, self._read_by[1:])
        ]
        return np.concatenate([moving[: self.cell_count], *parts])

    def present_numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the cells just now, (k,), and which of them hold text that is none; blanks are 0.

        Text that reads as a number counts as that number.
        """
        slots = self._outputs[: self.cell_count]
        numbers, text = self._calculation.numbers(slots).copy(), self._calculation.kinds(slots) == TEXT
        for i in np.nonzero(text)[0].tolist():
            read = parse_number(self._calculation.text(int(slots[i])))
            if read is not None:
                numbers[i], text[i] = read, False
        return numbers, text

    def _gathered(self, cells: TracedCells) -> Value:
        found = [cells.gather(self._outputs[: self.cell_count])]
        found += [side.value(self._calculation) for side in self.sides]
        if len(found) == 1:
            return found[0]
        numbers: list[Any] = [ops.reshape(value.number, (int(np.prod(value.shape)),)) for value in found]
        return Value(ops.concatenate(numbers, axis=0), np.concatenate([value.kinds.reshape(-1) for value in found]))

    def _check_values(self, recording: Recording | None) -> None:
        assert recording is not None
        wrong = recording.without_number
        if wrong.size and int(wrong[0]) >= self.cell_count:
            ends = self.cell_count + np.cumsum(self.sizes)
            side = self.sides[int(np.searchsorted(ends, int(wrong[0]), "right"))]
            raise CalculationError(f"the right-hand side {side.text} is no number")
        super()._check_values(recording)
