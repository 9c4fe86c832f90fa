"""Recalculation again and again, cells taking over the values of others in between: one compiled loop.

"Copy the last row's results to the first and recalculate" is how a worksheet iterates. Between the cells
that are written and those that are read only some formulas matter; where all of them can be written as
expressions on floats, they become straight-line code within one loop: on local variables, with what
several cells compute alike computed once, and what stays the same as numbers in the source. The results
are those of `Calculation.calculate` to the last bit, as far as operations are rounded exactly (+ - * /
and the square root, sums and products of arrays).

Excel's last sums vanish beside their operands (precision.py), which is seldom seen and dear to look for on
floats. A long run leaves the rule out, and is looked at afterwards, many iterations at once on arrays: from
the first in which a sum would have vanished it is done again by the rule.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from sheetml.engine.block_values import evaluated
from sheetml.engine.calculation import Calculation
from sheetml.engine.cells import Slots
from sheetml.engine.compiled.floats import (
    DEEPEST,
    NotScalar,
    ScalarFormula,
    Term,
    scalar_formula,
    showing,
    vanishing,
    watch,
)
from sheetml.engine.compiled.recurrence import Loop, Order, cell_order, compiled
from sheetml.engine.dependencies import reads_of
from sheetml.engine.evaluate import Context, NotReady
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Stage, Step
from sheetml.engine.precision import PLAIN_SUMS, may_vanish
from sheetml.engine.tracing.graph import value_of
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.parser import parse

MOST_CELLS = 20_000  # computed in one iteration, as straight-line code
AT_ONCE = 2048  # iterations that are looked at together
FEWEST_AT_ONCE = 32  # below which the rule of vanishing sums is applied as they are computed
MOST_NUMBERS = 4_000_000  # that looking at them holds

_COMMUTATIVE = ("({0} + {1})", "({0} * {1})")  # to the last bit

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
        exact = _Source(program, feedback)
        self._by_the_rule: Callable[..., None] = compiled(exact.loop(), exact.names, "iterate")
        plain = _Source(program, feedback, plain=True)
        self._plainly: Callable[..., None] | None = None
        if plain.sums:
            self._plainly = compiled(plain.loop(), plain.names, "iterate")
            self._replay = compiled(plain.replay(), _on_arrays(plain.names), "replay")
            self._at_once = min(AT_ONCE, MOST_NUMBERS // len(plain.terms))
        self._feedback = list(feedback)
        self._slots: Slots = calculation.slots
        self._constants = np.array(sorted(exact.constants), np.intp)
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
        if self._plainly is None or count < FEWEST_AT_ONCE or self._at_once < FEWEST_AT_ONCE:
            return self._table(self._by_the_rule, start, count)
        tables: list[np.ndarray] = [np.empty((0, self.width))]
        state, done, by_the_rule = list(start), 0, self._at_once
        while done < count:
            asked = min(self._at_once, count - done)
            table = self._table(self._plainly, state, asked)
            table = table[: self._without_the_rule(state, table)]
            if len(table) == asked:
                by_the_rule = self._at_once
            else:  # where sums have come to vanish they often go on to: ever longer without another try
                state = self._after(state, table)
                tables.append(table)
                done += len(table)
                asked = min(by_the_rule, count - done)
                table = self._table(self._by_the_rule, state, asked)
                by_the_rule *= 2
            tables.append(table)
            done += len(table)
            if len(table) < asked:
                break
            state = self._after(state, table)
        return np.concatenate(tables)

    def _table(self, function: Callable[..., None], start: Sequence[float], count: int) -> np.ndarray:
        rows: list[tuple[float, ...]] = []
        with contextlib.suppress(ArithmeticError, ValueError, TypeError):  # a domain left; a complex number
            function(count, start, rows.append)
        table = np.array(rows, np.float64).reshape(-1, self.width)
        whole = np.isfinite(table).all(axis=1)
        return table if whole.all() else table[: int(whole.argmin())]

    def _after(self, state: list[float], table: np.ndarray) -> list[float]:
        """What is written once the iterations of a table are done."""
        if not len(table):
            return state
        last = table[-1].tolist()
        return [value if source is None else last[source] for value, source in zip(state, self._feedback)]

    def _without_the_rule(self, start: list[float], table: np.ndarray) -> int:
        """How many of the iterations from `start` on come to what they would by the rule of vanishing sums."""
        if not len(table):
            return 0
        written = [
            np.full(len(table), value) if source is None else np.append(value, table[:-1, source])
            for value, source in zip(start, self._feedback)
        ]
        touched = np.zeros(len(table), bool)

        def look(total: np.ndarray, operand: np.ndarray | float) -> None:
            maybe = may_vanish(total, operand)
            if maybe.any():
                np.logical_or(touched, maybe & (total != 0), out=touched)

        try:
            with np.errstate(all="ignore"):
                results = self._replay(written, look)
        except (ArithmeticError, ValueError, TypeError):  # something is decided for each number by itself
            self._plainly = None
            return 0
        for column, result in enumerate(results):
            touched |= result != table[:, column]
        return int(touched.argmax()) if touched.any() else len(table)


def compile_iteration(
    calculation: Calculation, written: Sequence[int], read: Sequence[int | Expression], feedback: Sequence[int | None]
) -> Iteration | None:
    """The iteration compiled; None where it cannot be, and `Calculation.calculate` has to do it."""
    calculation.bring_up_to_date()
    try:
        return Iteration(calculation, written, read, feedback)
    except (NotScalar, NotReady, SheetmlError):
        return None


def _on_arrays(names: dict[str, Any]) -> dict[str, Any]:
    """What a source calls, for arrays of numbers; what is not here fails on them."""
    functions = {name: item.args[0] if isinstance(item, partial) else item for name, item in names.items()}
    return functions | {
        "float": lambda x: np.asarray(x, np.float64),
        "abs": np.abs,
        "sqrt": np.sqrt,
        "max": lambda *x: reduce(np.maximum, x),
        "min": lambda *x: reduce(np.minimum, x),
        "dot": lambda x, y: np.vecdot(_stacked(x), _stacked(y)),
        "dot_self": lambda x: np.vecdot(_stacked(x), _stacked(x)),
    }


def _stacked(numbers: Sequence[Any]) -> np.ndarray:
    """Arrays (or numbers), one for each element, as rows of them: (iterations, elements)."""
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(*numbers), axis=-1))


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
        wanted = [np.array([item for item in read if isinstance(item, int)], np.intp)]
        wanted += [reads_of(step.context, step.block.tree) for step in expressions]
        stages = calculation.stages_between(np.array(self.written), np.concatenate(wanted))
        for stage in stages:
            self.live[stage.targets] = True
        self.live[0] = False
        cells = [cell for stage in stages for cell in self._cells(stage)]
        cells += [(self._formula(step), 0, int(step.targets[0, 0, 0])) for step in expressions]
        self.kept = self._kept(cells)

    def _formula(self, step: Step) -> ScalarFormula:
        return scalar_formula(step, self.calculation.cells, self.live)

    def _cells(self, stage: Stage) -> list[Cell]:
        """The cells of a stage in order, with the source that `calculate` would run for them."""
        formulas: list[ScalarFormula]
        order: Order
        if isinstance(stage.loop, Loop):
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


class _Source:
    """The source of a program's iteration, with what several cells compute alike computed once.

    `plain`: without the rule that sums vanish; `sums` are then those that it would be applied to.
    """

    def __init__(self, program: _Program, feedback: Sequence[int | None], *, plain: bool = False) -> None:
        self.program = program
        self.feedback = feedback
        self.plain = plain
        self.constants: set[int] = set()
        self.names: dict[str, Any] = {}
        self.terms: list[Term] = []  # of all cells, each after its operands
        self.sums: set[int] = set()
        self._known: dict[tuple[Any, ...], Term] = {}
        self._of_slot: dict[int, Term] = {}
        self.outputs = self._combined()
        for output in self.outputs:
            output.uses += 2  # logged and taken over: to be assigned

    # ---- terms: what several cells compute alike is computed once

    def _combined(self) -> list[Term]:
        """The terms of what is read, all cells' put together."""
        for slot in self.program.written:
            self._of_slot[slot] = self._leaf(f"s{slot}")
        for formula, cell, slot in self.program.kept:
            self.names.update(formula.functions)
            self.constants.update(formula.constants.tolist())
            made: dict[int, Term] = {}
            for term in formula.terms:
                made[id(term)] = (
                    self._at(formula, term.place, cell)
                    if term.place >= 0
                    else self._operation(term, [made[id(operand)] for operand in term.operands])
                )
            self._of_slot[slot] = made[id(formula.terms[-1])]
        return [self._slot(slot) for slot in self.program.read]

    def _at(self, formula: ScalarFormula, place: int, cell: int) -> Term:
        item = formula.at(place, cell)
        return self._slot(int(item)) if formula.places[place].dtype.kind == "i" else self._number(item)

    def _slot(self, slot: int) -> Term:
        """What a cell comes to, or the number of one that stays as it is."""
        if slot not in self._of_slot:
            self.constants.add(slot)
            return self._number(self.program.calculation.cells.number[slot].item())
        return self._of_slot[slot]

    def _number(self, number: float | bool) -> Term:
        """A number in the source: the shortest text that reads back as the same float."""
        if math.isfinite(number):
            return self._leaf(f"({number!r})")
        name = f"k{len(self.names)}"
        self.names[name] = number
        return self._leaf(name)

    def _leaf(self, name: str) -> Term:
        if (name,) not in self._known:
            self._known[(name,)] = Term("")
            self._known[(name,)].name = name
        return self._known[(name,)]

    def _operation(self, term: Term, operands: list[Term]) -> Term:
        template = PLAIN_SUMS.get(term.template, term.template) if self.plain else term.template
        if template in _COMMUTATIVE:
            operands.sort(key=id)
        key = template, *map(id, operands)
        if key not in self._known:
            self._known[key] = Term(template, operands, term.operation)
            self.terms.append(self._known[key])
        if template is not term.template:
            self.sums.add(id(self._known[key]))
        return self._known[key]

    # ---- source

    def loop(self) -> str:
        """A function of how often to iterate, the values written at first, and where to log those read."""
        lines = self._lines({id(term): lambda term: watch(term.name) for term in self._watched()})
        results = [output.name for output in self.outputs]
        lines.append(f"log(({', '.join(results)},))")
        moved = [
            (f"s{slot}", results[source])
            for slot, source in zip(self.program.written, self.feedback)
            if source is not None
        ]
        if moved:
            lines.append(f"{', '.join(name for name, _ in moved)} = {', '.join(result for _, result in moved)}")
        body = "\n        ".join(lines)
        return f"def iterate(count, start, log):\n    {self._start}= start\n    for _ in range(count):\n        {body}"

    def replay(self) -> str:
        """A function of what is written in many iterations, as arrays, and where to have sums and operands looked at.

        It returns what is read.
        """
        looked_at = [term for term in self.terms if id(term) in self.sums]
        assigned = self.sums | {id(term.operands[0]) for term in looked_at}
        looks = {id(term): lambda term: f"look({term.name}, {term.operands[0].name})" for term in looked_at}
        body = "\n    ".join(self._lines(looks, assigned))
        results = "".join(f"{output.name}, " for output in self.outputs)
        return f"def replay(written, look):\n    {self._start}= written\n    {body}\n    return {results}"

    @property
    def _start(self) -> str:
        return "".join(f"s{slot}, " for slot in self.program.written)

    def _lines(self, after: dict[int, Callable[[Term], str]], assigned: Set[int] = frozenset()) -> list[str]:
        """The operations as lines, each with the line that comes `after` it, by ids.

        One that is used once stands where it is used, unless a line comes after it or it is to be `assigned`.
        """
        lines: list[str] = []
        named = assigned | after.keys()
        text: dict[int, tuple[str, int]] = {}  # the expression of an operation not assigned, and how deep it is
        for term in self.terms:
            parts = [text.pop(id(operand), (operand.name, 0)) for operand in term.operands]
            expression = term.template.format(*(part for part, _ in parts))
            depth = 1 + max((depth for _, depth in parts), default=0)
            if term.uses < 2 and depth < DEEPEST and id(term) not in named:
                text[id(term)] = expression, depth
                continue
            term.name = f"t{len(lines)}"
            lines.append(f"{term.name} = {expression}")
            if id(term) in after:
                lines.append(after[id(term)](term))
        return lines

    def _watched(self) -> list[Term]:
        """The operations whose infinite result would vanish on its way to what is read."""
        shown = {id(output) for output in self.outputs}
        for term in reversed(self.terms):
            if id(term) in shown:
                shown.update(map(id, showing(term)))
        watched = vanishing(self.terms) - shown
        return [term for term in self.terms if id(term) in watched]
