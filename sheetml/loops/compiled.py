"""Epochs of a training loop, one after another on floats; the workbook gets what the last of them comes to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sheetml.engine.repetition import Expression, compile_iteration
from sheetml.loops.cells import SheetCells
from sheetml.loops.rules import Annealing, Copies
from sheetml.xlsx.model import Kind

LOG = ("rmsestart", "rmse")
FEWEST_AT_ONCE = 8  # epochs that are computed before looking whether annealing has something to do


class NoNumber(Exception):
    """A cell would hold no number."""


class CompiledRun:
    """An epoch's copies and the formulas between them as one compiled loop."""

    def __init__(self, cells: SheetCells, copies: Copies, annealing: Annealing | None) -> None:
        self.cells = cells
        self.annealing = annealing
        self._read: list[int | Expression] = []
        self._feedback: dict[int, int | None] = {}  # where in `_read` a written cell takes its value over from
        for target, source in sources_of(cells, copies).items():
            self._feedback[target] = self._reading(source)
        self._taken_over: set[int] = set()
        self._stop = -1
        if annealing is not None:
            self._add_annealing(annealing)
        loss = cells.loop.loss
        self._shown = [self._reading(cells.slots(name)[0]) for name in ("const", "slope")]
        if loss is not None:
            self._shown.append(self._reading(loss if isinstance(loss, Expression) else cells.slots(loss)[0]))
        self._log = self._reading(cells.slots(LOG[1])[0]) if cells.has(*LOG) else -1
        self.written = list(self._feedback)
        self._iteration = compile_iteration(
            cells.calculation, self.written, self._read, [self._feedback[slot] for slot in self.written]
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
            (slot,) = self.cells.slots(name)
            self._feedback[slot] = self._reading(Expression(sheet, formula.format_map(places)))
            self._taken_over.add(slot)
        self._stop = self._reading(Expression(sheet, annealing.unless.format_map(places)))
        for name in annealing.looked_at:
            self._reading(self.cells.slots(name)[0])

    def holds(self) -> bool:
        """Whether everything compiled in is still as it was."""
        return self._iteration is not None and self._iteration.holds(self.cells.calculation)

    # ---- running

    def run(self, epochs: int) -> np.ndarray:
        """Up to so many epochs: const, slope and loss after each, (epochs done, 3), except after the last.

        The workbook's cells are then as after the last, whose row is left for them to tell. Where fewer
        are done, the next would leave cells without numbers: that is for the workbook to show.
        """
        calculation = self.cells.calculation
        if self._iteration is None or (calculation.kinds(self.written) != Kind.NUMBER).any():
            return np.zeros((0, 3))
        state = calculation.numbers(self.written).tolist()
        shown: list[np.ndarray] = []
        logged: list[float] = []
        done, annealed, at_once = 0, False, epochs if self.annealing is None else FEWEST_AT_ONCE
        while done < epochs:
            # no annealing has seen to the state at the start, so that nothing can be taken over in the first epoch
            count = 1 if self.annealing is not None and not annealed else min(at_once, epochs - done)
            table = self._until_stop(state, count)
            if not len(table):
                break
            after = self._after(state, table[-1].tolist(), taking_over=annealed)
            rows = table[1:]
            if self.annealing is not None:
                try:
                    after, last = self._annealed(after, self.annealing)
                except NoNumber:
                    break
                rows = np.vstack([rows, last])
                at_once = 2 * at_once if len(table) == count else FEWEST_AT_ONCE
            state, annealed, done = after, True, done + len(table)
            shown.append(self._visible(rows))
            if self._log >= 0:
                logged += table[:, self._log].tolist()
        if not done:
            return np.zeros((0, 3))
        if logged:
            self.cells.extend(LOG[0], logged)
        self.cells.write(self.written, state)
        self.cells.calculate()
        history = np.full((done, 3), np.nan)
        found = np.concatenate(shown)
        history[: len(found)] = found
        return history

    def _until_stop(self, state: Sequence[float], count: int) -> np.ndarray:
        """What is read before each epoch, up to the epoch after which annealing does more than usual."""
        assert self._iteration is not None
        table = self._iteration.run(state, count)
        if self._stop >= 0:
            stops = np.nonzero(table[1:, self._stop])[0]
            table = table[: 1 + int(stops[0])] if stops.size else table
        return table

    def _after(self, state: list[float], last: list[float], *, taking_over: bool) -> list[float]:
        """The state after an epoch: what it copies from `last`, which was read before it."""
        after = []
        for slot, value in zip(self.written, state):
            source = self._feedback[slot]
            kept = source is None or (slot in self._taken_over and not taking_over)
            after.append(value if kept or source is None else last[source])
        return after

    def _annealed(self, state: list[float], annealing: Annealing) -> tuple[list[float], np.ndarray]:
        """The state after annealing, and what is then read."""
        cells = _FloatCells(self, state)
        annealing.procedure(cells)
        return [cells.state[slot] for slot in self.written], cells.read

    def _visible(self, table: np.ndarray) -> np.ndarray:
        """Const, slope and loss of the rows; nan for a loss that the sheet does not have."""
        visible = np.full((len(table), 3), np.nan)
        visible[:, : len(self._shown)] = table[:, self._shown]
        return visible

    def recalculated(self, state: Sequence[float]) -> np.ndarray:
        """What is read with a state. Raises NoNumber where that is not all numbers."""
        assert self._iteration is not None
        table = self._iteration.run(state, 1)
        if not len(table):
            raise NoNumber
        row: np.ndarray = table[0]
        return row

    def position(self, slot: int) -> int:
        """Where a cell stands among those read."""
        return self._read.index(slot)


class _FloatCells:
    """The cells that annealing works on (`rules.NamedCells`), with manual calculation, on floats."""

    automatic = False

    def __init__(self, run: CompiledRun, state: Sequence[float]) -> None:
        self.run = run
        self.state = dict(zip(run.written, state))
        self.calculate()

    def has(self, *names: str) -> bool:
        return self.run.cells.has(*names)

    def _slot(self, name: str) -> int:
        return self.run.cells.slots(name)[0]

    def value(self, name: str) -> float:
        slot = self._slot(name)
        return self.state[slot] if slot in self.state else float(self.read[self.run.position(slot)])

    def put(self, name: str, value: float) -> None:
        self.state[self._slot(name)] = value

    def copy(self, target: str, source: str) -> None:
        self.put(target, self.value(source))

    def append(self, start: str, source: str) -> None:
        raise NotImplementedError

    def clear(self, name: str) -> None:
        raise NotImplementedError

    def calculate(self) -> None:
        self.read = self.run.recalculated(list(self.state.values()))


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
