"""Recurrences as compiled loops: the cells of a scan computed one after another on plain floats.

Evaluating a recurrence level by level costs an array operation for every few cells. Where all its
values are numbers, its formulas are written out as Python source on floats (see floats.py), and runs
of cells in which the same formulas follow each other, as row after row, become loops over the rows.
Whatever does not fit (text, errors, decisions, a domain left) is computed level by level instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.cells import StoredCells
from sheetml.engine.compiled.floats import NAMES, NotScalar, ScalarFormula, scalar_formula
from sheetml.engine.distinct import distinct
from sheetml.engine.evaluate import NotReady
from sheetml.engine.plan import Stage
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError

FEWEST_STEPS = 8  # below which a loop is not worth compiling
LONGEST_PERIOD = 400  # cells of one row of a recurrence
FEWEST_ROWS = 3  # that make a loop
FEW_LINES = 100  # with so many no better order of the cells is looked for
MOST_LINES = 3000  # of one scan's source

Order = list[tuple[int, int]]  # which formula, for which of its cells


@dataclass(slots=True)
class Loop:
    """A scan compiled: runs on the numbers of the slots it touches."""

    formulas: list[ScalarFormula]
    order: Order
    slots: np.ndarray  # all slots read or written, those written first; the loop works on their numbers
    written: int  # how many are written
    source: str
    names: dict[str, Any]
    constants: np.ndarray  # slots whose values are compiled in
    constant_values: np.ndarray
    constant_kinds: np.ndarray
    function: Callable[[list[float]], None] | None = None

    def holds(self, cells: StoredCells) -> bool:
        """Whether the cells still have the kinds, and the compiled-in values, that the loop was made for."""
        return bool(
            (cells.kind[self.slots[self.written :]] == NUMBER).all()
            and (cells.kind[self.constants] == self.constant_kinds).all()
            and (cells.number[self.constants] == self.constant_values).all()
        )

    def run(self, cells: StoredCells) -> np.ndarray | None:
        """The numbers of the written slots, in the order of `slots`; None where the loop left its domain."""
        if self.function is None:
            self.function = compiled(self.source, self.names, "loop")
        values: list[float] = cells.number[self.slots].tolist()
        try:
            self.function(values)
            numbers = np.array(values[: self.written], np.float64)
        except (ArithmeticError, ValueError, TypeError):  # a domain left; TypeError: a complex number
            return None
        return numbers if np.isfinite(numbers).all() else None


def compiled(source: str, names: dict[str, Any], function: str) -> Callable[..., Any]:
    """The function that the source defines; it sees these names and the elementary functions only."""
    namespace = {**NAMES, **names}
    exec(source, namespace)
    result: Callable[..., Any] = namespace[function]
    return result


def compile_scan(stage: Stage, cells: StoredCells) -> Loop | None:
    """The loop of a scan; None where it cannot be one."""
    if len(stage.steps) < FEWEST_STEPS or any(step.circular for step in stage.steps):
        return None
    live = np.zeros(len(cells.number), bool)
    live[stage.targets] = True
    for only_live in (False, True):
        try:
            formulas = [
                scalar_formula(block, cells, live, only_live=only_live, exactly=False) for block in stage.blocks
            ]
            return _loop(stage, formulas, cells)
        except (NotScalar, NotReady, SheetmlError):
            continue
    return None


def _loop(stage: Stage, formulas: list[ScalarFormula], cells: StoredCells) -> Loop:
    written = np.concatenate([_by_columns(formula) for formula in formulas])
    read = np.concatenate([formula.places[place] for formula in formulas for place in sorted(formula.read)])
    read = read[np.sort(np.unique(read, return_index=True)[1])]  # each once, in the order they are met
    slots = np.concatenate([written, read[~np.isin(read, written)]])
    order, source = _shortest(stage, formulas, slots)
    constants = distinct(np.concatenate([formula.constants for formula in formulas]))
    return Loop(
        formulas,
        order,
        slots,
        len(written),
        source.text,
        source.names,
        constants,
        cells.number[constants],
        cells.kind[constants],
    )


def _by_columns(formula: ScalarFormula) -> np.ndarray:
    """The slots of a formula's cells, column by column, so that a loop over rows runs through neighbours."""
    context = formula.step.context
    return formula.targets[np.lexsort((context.rows, context.columns))]


def _shortest(stage: Stage, formulas: list[ScalarFormula], slots: np.ndarray) -> tuple[Order, _Source]:
    """An order of the cells in which few lines compute them."""
    shortest: tuple[Order, _Source] | None = None
    for order in _orders(stage, formulas):
        source = _Source(formulas, slots, order)
        if shortest is None or len(source.lines) < len(shortest[1].lines):
            shortest = order, source
        if len(source.lines) <= FEW_LINES:
            break
    if shortest is None or len(shortest[1].lines) > MOST_LINES:
        raise NotScalar
    return shortest


def cell_order(stage: Stage) -> Order:
    """The cells of a stage level by level: which of its blocks, which of the block's cells."""
    place = {
        slot: (number, cell)
        for number, block in enumerate(stage.blocks)
        for cell, slot in enumerate(block.cells.tolist())
    }
    return [place[slot] for step in stage.steps for slot in step.cells.tolist()]


def _orders(stage: Stage, formulas: list[ScalarFormula]) -> Iterator[Order]:
    """Orders in which every cell comes after those it reads: level by level, else line by line of the sheet."""
    by_level = cell_order(stage)
    yield by_level
    table = np.array(by_level)
    rows, columns = np.empty(len(table), np.int64), np.empty(len(table), np.int64)
    for number, block in enumerate(stage.blocks):
        own = table[:, 0] == number
        rows[own], columns[own] = block.context.rows[table[own, 1]], block.context.columns[table[own, 1]]
    for lines in (rows, -rows, columns, -columns):
        order = table[np.argsort(lines, kind="stable")]
        if _in_order(order, formulas):
            yield [(number, cell) for number, cell in order.tolist()]


def _in_order(order: np.ndarray, formulas: list[ScalarFormula]) -> bool:
    """Whether every cell comes after those it reads."""
    rank = np.full(1 + max(int(place.max()) for formula in formulas for place in _slots(formula)), -1)
    position = np.arange(len(order))
    for number, formula in enumerate(formulas):
        own = order[:, 0] == number
        rank[formula.targets[order[own, 1]]] = position[own]
    return all((rank[place] < rank[formula.targets]).all() for formula in formulas for place in _slots(formula)[1:])


def _slots(formula: ScalarFormula) -> list[np.ndarray]:
    """The slots a formula writes, and then those it reads, place by place."""
    return [formula.targets, *(formula.places[place] for place in formula.read)]


class _Source:
    """Python source that computes cells in order on a list of numbers `v`."""

    def __init__(self, formulas: list[ScalarFormula], slots: np.ndarray, order: Order) -> None:
        self.formulas = formulas
        self.names: dict[str, Any] = {}
        for formula in formulas:
            self.names.update(formula.functions)
        self.position = np.zeros(int(slots.max()) + 1, np.int64)  # in v, by slot
        self.position[slots] = np.arange(len(slots))
        self.lines: list[str] = []
        for start, period, rows in runs(order):
            if len(self.lines) > MOST_LINES:
                break
            # the first row of a recurrence reads its start from elsewhere than the others
            self.lines += self._body(order[start : start + period], 1)
            if rows > 1:
                rest = self._body(order[start + period : start + period * rows], rows - 1)
                self.lines += [f"for i in range({rows - 1}):", *(f"    {line}" for line in rest)]

    @property
    def text(self) -> str:
        return "\n    ".join(["def loop(v):", *self.lines])

    def _body(self, stretch: Order, rows: int) -> list[str]:
        """The lines for the formulas that repeat in a stretch, for the i-th time."""
        lines: list[str] = []
        known: dict[str, str] = {}  # what has just been computed: the name of the number by its place in v
        period = len(stretch) // rows
        for number in range(period):
            formula = self.formulas[stretch[number][0]]
            cells = np.array([cell for _, cell in stretch[number::period]])
            names = [self._name(place, cells, known) for place in formula.places]
            lines += [line.format(*names) for line in formula.lines]
            target = self._element(self.position[formula.targets[cells]])
            lines.append(f"{target} = y{number} = {formula.result.format(*names)}")
            known[target] = f"y{number}"
        return lines

    def _name(self, place: np.ndarray, cells: np.ndarray, known: dict[str, str]) -> str:
        of_cells = place[cells] if len(place) > 1 else place
        if place.dtype.kind == "i":
            element = self._element(self.position[of_cells])
            return known.get(element, element)
        if (of_cells == of_cells[0]).all():
            return self._bound(of_cells[0].item())
        return f"{self._bound(of_cells.tolist())}[i]"

    def _element(self, positions: np.ndarray) -> str:
        """The element of v at these positions, one for each i."""
        first = int(positions[0])
        step = int(positions[-1] - first) // max(len(positions) - 1, 1)
        if np.array_equal(positions, first + step * np.arange(len(positions))):
            return f"v[{first}]" if step == 0 else f"v[i + {first}]" if step == 1 else f"v[{step} * i + {first}]"
        return f"v[{self._bound(positions.tolist())}[i]]"

    def _bound(self, item: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = item
        return name


def runs(order: Order) -> Iterator[tuple[int, int, int]]:
    """The order as stretches that repeat, each time for the next cells: (start, period, repetitions)."""
    table = np.array(order, np.int64).reshape(-1, 2)
    start = 0
    while start < len(table):
        period, rows = _repetition(table[start:, 0], table[start:, 1])
        yield start, period, rows
        start += period * rows


def _repetition(formulas: np.ndarray, cells: np.ndarray) -> tuple[int, int]:
    """How long the stretch is that repeats at the beginning, and how often; (1, 1) if none does.

    Each of its formulas moves on by as many of its cells each time.
    """
    for found in np.nonzero(formulas[1 : LONGEST_PERIOD + 1] == formulas[0])[0].tolist():
        period = found + 1
        step = cells[period:] - cells[:-period]
        same_formulas = _true_at_first(formulas[period:] == formulas[:-period])
        same_steps = period + _true_at_first(step[period:] == step[:-period])
        rows = 1 + min(same_formulas, same_steps) // period
        if rows >= FEWEST_ROWS:
            return period, rows
    return 1, 1


def _true_at_first(truth: np.ndarray) -> int:
    """How many elements are true before the first that is not."""
    return len(truth) if truth.all() else int(truth.argmin())
