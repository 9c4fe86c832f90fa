"""Recalculation again and again, cells taking over the values of others in between: one compiled loop.

"Copy the last row's results to the first and recalculate" is how a worksheet iterates. Between the cells
that are written and those that are read only some formulas matter; where all of them can be written as
expressions on floats, they become straight-line code within one loop, with every cell a local variable
and everything that stays the same a number in the source. The results are those of `Calculation.calculate`
to the last bit, as far as operations are rounded exactly (+ - * / and the square root, sums and products
of arrays).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.blocks import Block
from sheetml.engine.calculation import Calculation, evaluated
from sheetml.engine.cells import Slots
from sheetml.engine.evaluate import Context, NotReady
from sheetml.engine.graph import value_of
from sheetml.engine.plan import Stage, Step
from sheetml.engine.scalar import NotScalar, ScalarFormula, scalar_formula, watch
from sheetml.engine.scan import Order, cell_order, compiled
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.parser import parse

MOST_CELLS = 20_000  # computed in one iteration, as straight-line code

Cell = tuple[ScalarFormula, int, int]  # a formula, which of its cells, and the slot that cell has


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula that stands in no cell, as if it stood on a sheet: something to be read of the cells."""

    sheet: int
    text: str

    def step(self, calculation: Calculation, slot: int) -> Step:
        """It as a step of the plan; `slot` is where its value would go."""
        one = np.ones(1, np.int64)
        context = Context(calculation.workspace, self.sheet, one, one, np.zeros(1, np.intp), cache={})
        block = Block(self.sheet, self.text, parse(self.text, 1, 1), one, one)
        return Step(block, context, np.array([[[slot]]]))

    def value(self, calculation: Calculation) -> float:
        """Its number with the cells' present values; nan where it is none."""
        step = self.step(calculation, 0)
        with np.errstate(all="ignore"):
            value = evaluated(step.context, step.block)
        plain = value.kind is None or value.kind.reshape(-1)[0] == NUMBER
        return float(value_of(value.number).reshape(-1)[0]) if plain else math.nan


class Iteration:
    """Some cells `written`, and some `read` after recalculating; then the first take over values of the second.

    `feedback[i]` says which of the read values the i-th written cell takes over; None: it stays as it is.
    """

    def __init__(
        self,
        calculation: Calculation,
        written: Sequence[int],
        read: Sequence[int | Expression],
        feedback: Sequence[int | None],
    ) -> None:
        """Raises NotScalar where the formulas in between cannot be compiled."""
        program = _Program(calculation, written, read)
        self._function: Callable[..., None] = compiled(program.source(feedback), program.names, "iterate")
        self._slots: Slots = calculation.slots
        self._constants = np.array(sorted(program.constants), np.intp)
        cells = calculation.cells
        self._kinds, self._numbers = cells.kind[self._constants], cells.number[self._constants]
        self._texts = cells.text[self._constants]
        self.width = len(read)

    def holds(self, calculation: Calculation) -> bool:
        """Whether everything compiled in is still as it was."""
        cells = calculation.cells
        return self._slots is calculation.slots and bool(
            (cells.kind[self._constants] == self._kinds).all()
            and (cells.number[self._constants] == self._numbers).all()
            and (cells.text[self._constants] == self._texts).all()
        )

    def run(self, start: Sequence[float], count: int) -> np.ndarray:
        """The values read after each of `count` recalculations, (k, width), the first with `start` written.

        k < count where the next recalculation would not give numbers everywhere.
        """
        rows: list[tuple[float, ...]] = []
        with contextlib.suppress(ArithmeticError, ValueError, TypeError):  # a domain left; a complex number
            self._function(count, start, rows.append)
        table = np.array(rows, np.float64).reshape(-1, self.width)
        whole = np.isfinite(table).all(axis=1)
        return table if whole.all() else table[: int(whole.argmin())]


def compile_iteration(
    calculation: Calculation, written: Sequence[int], read: Sequence[int | Expression], feedback: Sequence[int | None]
) -> Iteration | None:
    """The iteration compiled; None where it cannot be, and `Calculation.calculate` has to do it."""
    if not calculation.is_calculated or calculation.changed.any():
        calculation.calculate()
    try:
        return Iteration(calculation, written, read, feedback)
    except (NotScalar, NotReady, SheetmlError):
        return None


class _Program:
    """The cells between those written and those read, in order, as far as they matter."""

    def __init__(self, calculation: Calculation, written: Sequence[int], read: Sequence[int | Expression]) -> None:
        self.calculation = calculation
        self.written = list(written)
        if calculation.is_formula(np.array(self.written, np.intp)).any():
            raise NotScalar
        free = calculation.slots.count  # slots beyond those of cells stand for expressions
        self.read = [item if isinstance(item, int) else free + position for position, item in enumerate(read)]
        expressions = [
            item.step(calculation, slot) for item, slot in zip(read, self.read) if isinstance(item, Expression)
        ]
        self.live = np.zeros(free, bool)
        self.live[self.written] = True
        stages = calculation.stages_between(np.array(self.written), self._wanted(read, expressions))
        for stage in stages:
            self.live[stage.targets] = True
        self.live[0] = False
        cells = [cell for stage in stages for cell in self._cells(stage)]
        cells += [(self._formula(step), 0, slot) for step, slot in zip(expressions, self._expression_slots(read))]
        self.kept = self._kept(cells)
        self.names: dict[str, Any] = {}
        self.constants: set[int] = set()

    def _expression_slots(self, read: Sequence[int | Expression]) -> list[int]:
        return [slot for item, slot in zip(read, self.read) if isinstance(item, Expression)]

    def _wanted(self, read: Sequence[int | Expression], expressions: list[Step]) -> np.ndarray:
        from sheetml.engine.dependencies import reads_of

        slots = [np.array([item for item in read if isinstance(item, int)], np.intp)]
        return np.concatenate([*slots, *(reads_of(step.context, step.block.tree) for step in expressions)])

    def _formula(self, step: Step) -> ScalarFormula:
        return scalar_formula(step, self.calculation.cells, self.live)

    def _cells(self, stage: Stage) -> list[Cell]:
        """The cells of a stage in order, with the source that `calculate` would run for them."""
        formulas: list[ScalarFormula]
        order: Order
        if stage.loop is not None:
            formulas, order = stage.loop.formulas, stage.loop.order
        else:
            formulas, order = [self._formula(block) for block in stage.blocks], cell_order(stage)
        if any(step.circular for step in stage.steps):
            raise NotScalar
        return [(formulas[number], cell, int(formulas[number].targets[cell])) for number, cell in order]

    def _kept(self, cells: list[Cell]) -> list[Cell]:
        """The cells that what is read depends on."""
        wanted = set(self.read)
        kept = []
        for formula, cell, slot in reversed(cells):
            if slot in wanted:
                kept.append((formula, cell, slot))
                wanted.update(formula.slots(cell))
        if len(kept) > MOST_CELLS:
            raise NotScalar
        return kept[::-1]

    # ---- source

    def source(self, feedback: Sequence[int | None]) -> str:
        """A function of how often to iterate, the values written at first, and where to log those read."""
        self.variables = {slot: f"s{slot}" for slot in self.written}
        watched = self._watched()
        lines = []
        for formula, cell, slot in self.kept:
            lines += self._assignment(formula, cell, slot)
            if slot in watched:
                lines.append(watch(self.variables[slot]))
        results = [self._slot(slot) for slot in self.read]
        lines.append(f"log(({', '.join(results)},))")
        moved = [(f"s{slot}", results[source]) for slot, source in zip(self.written, feedback) if source is not None]
        if moved:
            lines.append(f"{', '.join(name for name, _ in moved)} = {', '.join(result for _, result in moved)}")
        start = "".join(f"s{slot}, " for slot in self.written)
        body = "\n        ".join(lines)
        return f"def iterate(count, start, log):\n    {start}= start\n    for _ in range(count):\n        {body}"

    def _assignment(self, formula: ScalarFormula, cell: int, slot: int) -> list[str]:
        """The lines that compute a cell; none for one that repeats another (=H4)."""
        names = [self._place(place, cell) for place in formula.places]
        result = formula.result.format(*names)
        self.names.update(formula.functions)
        self.constants.update(formula.constants.tolist())
        if not formula.lines and result in names:
            self.variables[slot] = result
            return []
        self.variables[slot] = f"s{slot}"
        return [*(line.format(*names) for line in formula.lines), f"s{slot} = {result}"]

    def _place(self, place: np.ndarray, cell: int) -> str:
        item = place[cell if len(place) > 1 else 0].item()
        return self._slot(item) if place.dtype.kind == "i" else self._number(item)

    def _slot(self, slot: int) -> str:
        """A cell's variable, or the number of one that stays as it is."""
        if slot in self.variables:
            return self.variables[slot]
        self.constants.add(slot)
        return self._number(self.calculation.cells.number[slot].item())

    def _number(self, number: float) -> str:
        """A number in the source: the shortest text that reads back as the same float."""
        if math.isfinite(number):
            return f"({number!r})"
        name = f"k{len(self.names)}"
        self.names[name] = number
        return name

    def _watched(self) -> set[int]:
        """The cells whose infinite value would vanish on its way to what is read."""
        shown = set(self.read)
        hidden: set[int] = set()
        for formula, cell, slot in reversed(self.kept):
            if slot in shown:
                shown.update(formula.slot(place, cell) for place in formula.shown & formula.read)
            hidden.update(formula.slot(place, cell) for place in formula.hidden)
        return hidden - shown
