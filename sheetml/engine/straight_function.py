"""Cells as a function of others where all formulas in between stand alone: straight-line code, forward and backward.

Only the lines between inputs and outputs are run, on numbers of their own; IF is a branch of Python, so that nothing is
traced and nothing has to hold. The gradient goes back through the lines, each with the pass of its skeleton
(compiled/adjoints.py). Where a line gives an error, or there is something that lines are not for, the answer is None:
then the cells are traced (cell_function.py), which also knows what to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.engine.cells import StoredCells
from sheetml.engine.compiled.by_machine import ByMachine, pays
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.compiled.numbers import FAULTS
from sheetml.engine.compiled.straight import CAREFUL, StraightCode, Variant, compiled, compiled_back, items_at
from sheetml.engine.plan import Stage, Straight
from sheetml.engine.values import BLANK, BOOLEAN, NUMBER


class Calculated(Protocol):
    """The calculation whose cells are functions of each other."""

    cells: StoredCells

    @property
    def straight(self) -> StraightCode: ...


class StraightFunction:
    """m output cells as a function of n input cells, by slots. Raises NotScalar where there are no lines for it."""

    def __init__(
        self, calculation: Calculated, stages: Sequence[Stage], inputs: np.ndarray, outputs: np.ndarray
    ) -> None:
        self.inputs: list[int] = inputs.tolist()
        self.outputs: list[int] = outputs.tolist()
        lines = []
        for stage in stages:
            if not isinstance(stage, Straight):
                raise NotScalar
            lines += stage.lines
        cells, code = calculation.cells, calculation.straight
        touched = np.unique(
            np.concatenate([inputs, outputs, *(stage.reads for stage in stages), *(stage.targets for stage in stages)])
        )
        self._v = [0.0] * len(cells.number)
        kinds = bytearray(len(cells.number))
        for slot, number, kind in zip(touched.tolist(), cells.number[touched].tolist(), cells.kind[touched].tolist()):
            self._v[slot] = number
            kinds[slot] = kind
        for slot in self.inputs:
            kinds[slot] = NUMBER
        self.variants: list[Variant] = []
        entries = []
        for line in lines:
            variant, places = code.chosen(line, kinds)
            if variant is CAREFUL:
                raise NotScalar
            kinds[line.slot] = variant.kind
            self.variants.append(variant)
            entries.append((line.slot, places))
        if any(kinds[slot] not in (NUMBER, BOOLEAN, BLANK) for slot in self.outputs):
            raise NotScalar
        compiled(self.variants)
        self._entries: list[tuple[int, Any, tuple[Any, ...]]] = [
            (slot, variant.function, places) for (slot, places), variant in zip(entries, self.variants)
        ]
        self._back: list[tuple[int, Any, tuple[Any, ...]]] | None = None
        self._numbers_of = items_at([line.slot for line in lines])
        self._touched = touched
        self._lines_run = 0  # one by one
        self._machine: ByMachine | None = None
        self.flat = [(line.slot, name) for line, each in zip(lines, self.variants) for name in each.flat]

    def values(self, x: np.ndarray) -> np.ndarray | None:
        """The outputs at x, (m,)."""
        machine = self._for_machine()
        if machine is not None:
            return machine.registers[self.outputs] if self._run_by_machine(machine, x) else None
        return np.array([self._v[slot] for slot in self.outputs], np.float64) if self._run(x) else None

    def slope(self, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The outputs at x, (m,), and the derivatives of their sum with these weights by the inputs, (n,)."""
        values = self.values(x)
        if values is None:
            return None
        slope = self._slope_by_machine(weights)
        if slope is None:
            slope = self._slope_one_by_one(weights)
        return None if slope is None or not np.isfinite(slope).all() else (values, slope)

    # ---- by the machine

    def _for_machine(self) -> ByMachine | None:
        if self._machine is None and pays(len(self._entries), self._lines_run):
            lines = [(slot, places, each.term) for (slot, _, places), each in zip(self._entries, self.variants)]
            self._machine = ByMachine(lines, len(self._v))
            self._machine.registers[self._touched] = [self._v[slot] for slot in self._touched.tolist()]
        return self._machine

    def _run_by_machine(self, machine: ByMachine, x: np.ndarray) -> bool:
        """Computes all lines at x; whether they gave numbers."""
        registers, last = machine.registers, len(self._entries)
        registers[self.inputs] = x
        position = machine.run()
        while position < last:
            slot, function, places = self._entries[position]
            for place in places:
                for read in place if isinstance(place, tuple) else (place,):
                    if isinstance(read, int):
                        self._v[read] = float(registers[read])
            try:
                number = function(self._v, *places)
            except FAULTS:
                return False
            if number - number != 0:
                return False
            registers[slot] = number
            position = machine.run(position + 1)
        return True

    def _slope_by_machine(self, weights: np.ndarray) -> np.ndarray | None:
        machine = self._machine
        if machine is None:
            return None
        adjoints = np.zeros(len(machine.registers))
        np.add.at(adjoints, self.outputs, weights)
        if machine.back(adjoints):
            return adjoints[self.inputs]
        for slot, number in zip(self._touched.tolist(), machine.registers[self._touched].tolist()):
            self._v[slot] = number
        return None

    # ---- one by one

    def _slope_one_by_one(self, weights: np.ndarray) -> np.ndarray | None:
        if not self._compile_back():
            return None
        assert self._back is not None
        v, g = self._v, [0.0] * len(self._v)
        for slot, weight in zip(self.outputs, weights.tolist()):
            g[slot] += weight
        try:
            for slot, back, places in self._back:
                d = g[slot]
                if d:
                    back(v, g, d, *places)
        except FAULTS:
            return None
        return np.array([g[slot] for slot in self.inputs], np.float64)

    def _run(self, x: np.ndarray) -> bool:
        """Computes all lines at x; whether they gave numbers."""
        v = self._v
        for slot, number in zip(self.inputs, x.tolist()):
            v[slot] = number
        self._lines_run += len(self._entries)
        try:
            for slot, function, places in self._entries:
                v[slot] = function(v, *places)
            total = sum(self._numbers_of(v))
        except FAULTS:
            return False
        return total - total == 0  # an infinite number shows in the sum

    def _compile_back(self) -> bool:
        if self._back is None:
            try:
                compiled_back(self.variants)
            except NotScalar:
                return False
            pairs = list(zip(self._entries, self.variants))
            self._back = [(slot, variant.back, places) for (slot, _, places), variant in reversed(pairs)]
        return True
