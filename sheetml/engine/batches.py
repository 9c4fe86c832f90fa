"""Output cells at many points: all points whose decisions agree together, under one trace.

A trace at one point gives a graph, and guards: the decisions it rests on. The graph is run at all points; where the
guards hold, the values are those of the point alone. The others are traced anew at one of them, and so on. Where
that gets nowhere, because nearly every point decides otherwise (a sort, a table looked up by row), values are computed
by evaluating the formulas for all points together (population.py), and gradients point by point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from sheetml.engine.tracing.graph import Trace, Traced
from sheetml.engine.tracing.lanes import LaneProgram
from sheetml.errors import CalculationError, NotDifferentiableError

FEW_POINTS = 64  # for which nothing is traced, unless it has been already
POINTS_AT_ONCE = 65_536
MOST_KEPT = 64  # traces, to be tried at the next points
FEWEST_PER_TRACE = 32  # points that a trace has to serve to be preferred to evaluating the formulas


class Recorded(Protocol):
    """A trace of the output cells (m,) at one point."""

    trace: Trace
    leaf: Traced
    outputs: Any
    kinds: np.ndarray
    guards: list[Traced]
    expected: list[np.ndarray]
    without_number: np.ndarray

    @property
    def is_differentiable(self) -> bool: ...

    def slope(self, seed: Any) -> Any: ...


class Batches:
    """Values and gradients at many points, by traces that are kept from call to call.

    `record(x)` traces at a point, and raises CalculationError where it cannot; `together(points)` evaluates the
    formulas for all points, (p, n) to (p, m), or gives None where that cannot be.
    """

    def __init__(
        self, record: Callable[[np.ndarray], Recorded], together: Callable[[np.ndarray], np.ndarray | None]
    ) -> None:
        self._record = record
        self._together = together
        self._known: list[_OneTrace] = []  # the most useful first
        self._decides_often = False  # so that new traces serve too few points

    def values(self, points: np.ndarray, outputs: int) -> np.ndarray:
        """The outputs at finite points, (p, n) to (p, m); nan where a cell holds no number."""
        found = np.full((len(points), outputs), np.nan)
        for chunk in _chunks(len(points)):
            self._fill_values(points[chunk], found[chunk])
        return found

    def _fill_values(self, points: np.ndarray, found: np.ndarray) -> None:
        left = np.arange(len(points))
        if self._known or len(points) >= FEW_POINTS:
            left = self._traced(points, left, [found], _OneTrace.values, to_the_last=False)
            self._decides_often |= bool(left.size)
        if not left.size:
            return
        together = self._together(points[left])
        if together is None:
            self._traced(points, left, [found], _OneTrace.values, to_the_last=True)
        else:
            found[left] = together

    def values_and_gradients(self, points: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """The same, and the outputs' derivatives by each input, (p, m, n); nan where there is none."""
        found = np.full((len(points), outputs), np.nan)
        slopes = np.full((len(points), outputs, points.shape[1]), np.nan)
        for chunk in _chunks(len(points)):
            left = np.arange(len(points[chunk]))
            parts = [found[chunk], slopes[chunk]]
            self._traced(points[chunk], left, parts, _OneTrace.values_and_gradients, to_the_last=True)
        return found, slopes

    def _traced(
        self, points: np.ndarray, left: np.ndarray, found: list[np.ndarray], compute: Compute, to_the_last: bool
    ) -> np.ndarray:
        """Fills in what traces give at the points that are left; those still left when a trace serves too few.

        With `to_the_last` no point is, though each may need a trace of its own.
        """
        for known in list(self._known):
            left, _ = _served(known, points, left, found, compute)
        worthwhile = not self._decides_often
        while left.size and (to_the_last or worthwhile):
            before = left.size
            try:
                new = _OneTrace(self._record(points[left[0]]))
                left, served = _served(new, points, left, found, compute, at_the_first=True)
            except CalculationError:  # it has no value there: nan
                left, worthwhile = left[1:], False
                continue
            worthwhile = served >= FEWEST_PER_TRACE
            if worthwhile or 2 * served >= before:
                self._keep(new)
        return left

    def _keep(self, new: _OneTrace) -> None:
        self._known.append(new)
        self._known.sort(key=lambda each: -each.served)
        del self._known[MOST_KEPT:]


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + POINTS_AT_ONCE) for start in range(0, count, POINTS_AT_ONCE)]


def _served(
    trace: _OneTrace,
    points: np.ndarray,
    left: np.ndarray,
    found: list[np.ndarray],
    compute: Compute,
    at_the_first: bool = False,
) -> tuple[np.ndarray, int]:
    """Fills in what the trace gives where it holds: the points left over, and how many it served.

    Made at the first of the points it holds there, whatever operation leaves its domain.
    """
    if not left.size:
        return left, 0
    parts, holds = compute(trace, points[left])
    holds[0] |= at_the_first
    served = left[holds]
    for array, part in zip(found, parts):
        array[served] = part[holds]
    trace.served += served.size
    return left[~holds], served.size


class _OneTrace:
    """One trace as programs that run at many points."""

    def __init__(self, recording: Recorded) -> None:
        self.recording = recording
        self.served = 0  # points so far
        self._guards = list(zip(recording.guards, recording.expected))
        self._values: LaneProgram | None = None
        self._slopes: LaneProgram | None = None
        self._differentiable = recording.is_differentiable

    def values(self, points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The outputs, (p, m), and at which points the trace holds, (p,)."""
        if self._values is None:
            self._values = LaneProgram([self.recording.leaf], [self.recording.outputs], self._guards)
        (values,), holds = self._values(points)
        values[:, self.recording.without_number] = np.nan
        return [values], holds

    def values_and_gradients(self, points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The same with the derivatives, (p, m, n): a pass back for each output."""
        outputs, inputs = self.recording.kinds.size, points.shape[1]
        slopes = np.full((len(points), outputs, inputs), np.nan)
        program = self._program_back(outputs)
        if program is None:
            (values,), holds = self.values(points)
            return [values, slopes], holds
        weights = np.eye(outputs)
        for output in range(outputs):
            (values, slopes[:, output]), holds = program(points, *([weights[output]] if outputs > 1 else []))
        values[:, self.recording.without_number] = np.nan
        slopes[:, self.recording.without_number] = np.nan
        return [values, slopes], holds

    def _program_back(self, outputs: int) -> LaneProgram | None:
        """The outputs, and the derivatives of their weighted sum; None where there are none."""
        if self._slopes is None and self._differentiable:
            recording = self.recording
            weights = Traced(recording.trace, np.ones(outputs))
            leaves = [recording.leaf] if outputs == 1 else [recording.leaf, weights]
            try:
                slope = recording.slope(1.0 if outputs == 1 else weights)
                self._slopes = LaneProgram(leaves, [recording.outputs], self._guards, [slope])
            except NotDifferentiableError:
                self._differentiable = False
        return self._slopes


Compute = Callable[[_OneTrace, np.ndarray], tuple[list[np.ndarray], np.ndarray]]
