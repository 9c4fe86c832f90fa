"""Epochs of a training loop, one after another on floats; the workbook gets what the last of them comes to."""

from __future__ import annotations

import numpy as np

from sheetml.engine.iteration import Expression, compile_iteration
from sheetml.layouts.graddesc.cells import SheetCells
from sheetml.layouts.graddesc.rules import Annealing, Copies
from sheetml.xlsx.model import Kind

LOG = ("rmsestart", "rmse")


class CompiledRun:
    """An epoch's copies and the formulas between them as one compiled loop."""

    def __init__(self, cells: SheetCells, copies: Copies, annealing: Annealing | None) -> None:
        self.cells = cells
        self.annealing = annealing
        self._read: list[int | Expression] = []
        self._feedback: dict[int, int | None] = {}  # where in `_read` a written cell takes its value over from
        for target, source in sources_of(cells, copies).items():
            self._feedback[target] = self._reading(source)
        self._stop = -1
        if annealing is not None:
            self._add_annealing(annealing)
        self._shown = [self._reading(cells.slots(name)[0]) for name in ("const", "slope")]
        loss = cells.loop.loss
        self._loss = -1
        if loss is not None:
            self._loss = self._reading(loss if isinstance(loss, Expression) else cells.slots(loss)[0])
        self._log = self._reading(cells.slots(LOG[1])[0]) if cells.has(*LOG) else -1
        self._written = list(self._feedback)
        self.iteration = compile_iteration(
            cells.calculation, self._written, self._read, [self._feedback[slot] for slot in self._written]
        )

    def _reading(self, item: int | Expression) -> int:
        """Where an item stands among those read."""
        if item not in self._read:
            self._read.append(item)
        return self._read.index(item)

    def _add_annealing(self, annealing: Annealing) -> None:
        sheet = self.cells.loop.sheet
        places = {name: self.cells.place(name) for name in self.cells.loop.areas}
        for name in annealing.tuned:
            self._feedback[self.cells.slots(name)[0]] = None
        for name, formula in annealing.taken_over:
            expression = Expression(sheet, formula.format_map(places))
            self._feedback[self.cells.slots(name)[0]] = self._reading(expression)
        self._stop = self._reading(Expression(sheet, annealing.unless.format_map(places)))

    def holds(self) -> bool:
        """Whether everything compiled in is still as it was."""
        return self.iteration is not None and self.iteration.holds(self.cells.calculation)

    def run(self, epochs: int) -> np.ndarray:
        """Up to so many epochs: const, slope and loss after each, (epochs done, 3), except after the last.

        The workbook's cells are then as after the last, whose row is left for them to tell. None is done
        where its values would not be numbers: that is for the workbook to show.
        """
        calculation = self.cells.calculation
        if self.iteration is None or (calculation.cells.kind[self._written] != Kind.NUMBER).any():
            return np.zeros((0, 3))
        start = calculation.cells.number[self._written].tolist()
        table = self.iteration.run(start, epochs)
        if self._stop >= 0:
            stops = np.nonzero(table[1:, self._stop])[0]
            table = table[: 1 + int(stops[0])] if stops.size else table
        if not len(table):
            return np.zeros((0, 3))
        last = table[-1].tolist()
        after = [value if source is None else last[source] for value, source in zip(start, self._feedback.values())]
        if self._log >= 0:
            self.cells.extend(LOG[0], table[:, self._log].tolist())
        self.cells.write(self._written, after)
        self.cells.calculate()
        shown = table[:, [*self._shown, self._loss]]
        if self._loss < 0:
            shown[:, 2] = np.nan
        # row i is what the sheet shows before epoch i: what it showed after the one before
        return np.vstack([shown[1:], np.full((1, 3), np.nan)])


def sources_of(cells: SheetCells, copies: Copies) -> dict[int, int]:
    """Which cell's value before an epoch each written cell has after it, by slot.

    The copies follow each other without a recalculation: of formulas they see the values before, of
    cells that an earlier copy has written the new ones.
    """
    found: dict[int, int] = {}
    for target, source in copies:
        slots = cells.slots(source)
        formula = cells.calculation.is_formula(np.array(slots, np.intp))
        values = [slot if own else found.get(slot, slot) for slot, own in zip(slots, formula.tolist())]
        found.update(zip(cells.slots(target), values))
    return found
