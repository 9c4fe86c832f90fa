"""Cells at many points at once: every formula is evaluated for all points together, over arrays.

The engine evaluates a formula for all cells that hold it at once. Here it takes one step more: as if
the workbook stood there in many copies ("lanes"), one for each point, and the formula's cells in all of
them were one block. What does not depend on the inputs is kept once. Each cell takes its own decisions
(IF, INDEX, MATCH), as it does within a block, so that no trace and no guard is needed: this is for
values, of functions smooth or not; derivatives come from a trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sheetml.engine.block_values import SizesDiffer, evaluated
from sheetml.engine.cells import Slots, StoredCells
from sheetml.engine.distinct import distinct
from sheetml.engine.evaluate import Context, NotReady, Workspace
from sheetml.engine.signals import Signal
from sheetml.engine.sizes import ELEMENTS_AT_ONCE, Split
from sheetml.engine.values import BLANK, BOOLEAN, NUMBER, Value, broadcast, fitted
from sheetml.errors import CalculationError

if TYPE_CHECKING:
    from sheetml.engine.plan import Stage, Step

NUMBERS_AT_ONCE = 4_000_000  # cells of all lanes together; more points are taken in turns


class NotTogether(Signal):
    """The cells cannot be evaluated for several points at once: some depend on themselves, or fill other areas."""


class Calculated(Protocol):
    """The calculation whose cells are evaluated."""

    slots: Slots
    cells: StoredCells
    workspace: Workspace
    revision: int

    def stages_after(self, inputs: np.ndarray, volatile: bool = False) -> list[Stage]: ...

    def stages_between(self, inputs: np.ndarray, outputs: np.ndarray, volatile: bool = False) -> list[Stage]: ...

    def evaluate_step(self, step: Step) -> Value: ...


class Population:
    """Output cells as a function of input cells, for many points at once.

    With `volatile`, what gives another value at each calculation gives another at each point.
    """

    def __init__(
        self, calculation: Calculated, inputs: np.ndarray, outputs: np.ndarray, volatile: bool = False
    ) -> None:
        self.calculation = calculation
        self.inputs = inputs  # slots
        self.outputs = outputs
        self.revision = calculation.revision  # of the values that are kept once
        self.after = calculation.stages_after(inputs, volatile)
        between = calculation.stages_between(inputs, outputs, volatile)
        self.steps = [step for stage in between for step in stage.steps]
        if any(step.circular or step.block.tree is None for step in self.steps):
            raise NotTogether
        moving = distinct(np.concatenate([inputs, *(step.targets.reshape(-1) for step in self.steps)]))
        moving = moving[moving != 0]
        self.fixed = calculation.slots.count  # slots of what is kept once; those of the lanes follow
        self.moving = moving.size  # slots of one lane
        self.position = np.full(self.fixed, -1, np.intp)  # in a lane, by slot; -1 for what is kept once
        self.position[moving] = np.arange(moving.size)
        self._lanes: list[_Lane] = []
        self._cells = StoredCells(0)

    def values(self, points: np.ndarray) -> np.ndarray:
        """The outputs at each of p points, (p, n) to (p, m); nan where a cell holds no number.

        Raises NotTogether where only one point at a time can be evaluated.
        """
        found = self.results(Value(points))
        kind, number = found.kinds, np.asarray(found.number)
        held = (kind == NUMBER) | (kind == BOOLEAN) | (kind == BLANK)
        return np.where(held & np.isfinite(number), number, np.nan)

    def results(self, points: Value) -> Value:
        """The same with values of every kind: points are (p, n), results (p, m)."""
        most, count = max(1, NUMBERS_AT_ONCE // self.moving), points.shape[0]
        found = [StoredCells(0).gather(np.zeros((0, self.outputs.size), np.intp))]
        for start in range(0, count, most):
            found.append(self._together(_rows(points, slice(start, start + most))))
        parts: dict[str, Any] = {name: [getattr(each, name) for each in found] for name in ("kinds", "texts", "number")}
        return Value(*(np.concatenate(parts[name]) for name in ("number", "kinds", "texts")))

    def _together(self, points: Value) -> Value:
        count = points.shape[0]
        self._make_lanes(count)
        workspace = self.calculation.workspace
        pending, reads = workspace.pending, workspace.dynamic_reads
        with workspace.borrowed(self._cells), np.errstate(all="ignore"):  # what is not finite becomes #NUM!
            for stage in self.after:  # also what may yet be read (through OFFSET)
                workspace.pending[stage.targets] = True
            workspace.pending[self.inputs] = False
            workspace.pending |= pending
            workspace.pending[0] = False
            self._run(points, count)
            reads += workspace.dynamic_reads
        return self._cells.gather(self.in_lanes(self.outputs[None, :], np.arange(count)[:, None]))

    def in_lanes(self, slots: np.ndarray, lanes: np.ndarray) -> np.ndarray:
        """The slots that cells have in lanes (broadcast with each other); those kept once stay where they are."""
        position = self.position[slots]
        return np.where(position < 0, slots, self.fixed + lanes * self.moving + position)

    # ---- evaluating

    def _run(self, points: Value, count: int) -> None:
        cells, pending = self._cells, self.calculation.workspace.pending
        lanes = np.arange(count)[:, None]
        given = self.in_lanes(self.inputs[None, :], lanes).reshape(-1), points
        cells.write(*given)
        for step, lane in zip(self.steps, self._lanes):
            cells.write(lane.targets.reshape(-1), self._evaluated(step, lane))
            if lane.writes_inputs:  # inputs hold what they are given
                cells.write(*given)
            pending[step.targets] = False

    def _evaluated(self, step: Step, lane: _Lane) -> Value:
        self.calculation.workspace.calls = 0
        try:
            value = evaluated(lane.context, step.block)
        except NotReady as found:
            raise NotReady(found.readers % self.fixed, found.sources) from None
        except (CalculationError, SizesDiffer):
            raise NotTogether from None
        if step.block.size is not None:
            if step.block.dynamic and value.shape[1:] != step.block.size:
                raise NotTogether
            value = fitted(value, *step.block.size)
        return broadcast(value, lane.targets.shape)

    def _make_lanes(self, count: int) -> None:
        """Room for so many lanes, and the steps' cells repeated in each."""
        stored = self.calculation.cells
        size = self.fixed + count * self.moving
        if len(self._cells.number) == size:
            return
        self._cells = StoredCells(size)
        for own, source in (
            (self._cells.number, stored.number),
            (self._cells.kind, stored.kind),
            (self._cells.text, stored.text),
        ):
            own[: self.fixed] = source
        self._lanes = [_Lane(self, step, count) for step in self.steps]


def _rows(points: Value, rows: slice) -> Value:
    parts = (None if part is None else part[rows] for part in (points.kind, points.text))
    return Value(np.asarray(points.number)[rows], *parts)


class _Lane:
    """A step's cells in all lanes: where they are evaluated, and the slots they are written to."""

    def __init__(self, population: Population, step: Step, count: int) -> None:
        lanes = np.repeat(np.arange(count), len(step.cells))
        self.targets = population.in_lanes(np.tile(step.targets, (count, 1, 1)), lanes[:, None, None])
        self.context = _LaneContext(population, step, count, lanes)
        self.writes_inputs = bool(np.isin(population.inputs, step.targets).any())


class _LaneContext(Context):
    """The cells of a step in all lanes; what they read is looked up in their own lane."""

    def __init__(self, population: Population, step: Step, count: int, lanes: np.ndarray) -> None:
        own = step.context
        readers = np.tile(own.readers, count) + lanes * population.fixed
        rows, columns = np.tile(own.rows, count), np.tile(own.columns, count)
        super().__init__(own.workspace, own.sheet, rows, columns, readers, own.array, cache={})
        self.population = population
        self.lanes = lanes

    def select(self, index: np.ndarray | slice) -> Context:
        part = super().select(index)
        assert isinstance(part, _LaneContext)
        part.lanes = self.lanes[index]
        return part

    def _gather(self, slots: np.ndarray) -> Value:
        if (self.population.position[slots] < 0).all():
            return super()._gather(slots)
        if self.count > 1 and self.count * slots[0].size > ELEMENTS_AT_ONCE:
            raise Split
        return super()._gather(self.population.in_lanes(slots, self.lanes[:, None, None]))
