"""Recurrences as compiled loops: the cells of a scan computed one after another on plain floats.

Evaluating a recurrence level by level costs an array operation for every few cells. Where all its
values are numbers, each of its formulas is traced once for all cells, with what it reads as leaves,
and written out as Python source for one cell on floats. The loop then runs over the cells in order.
Whatever does not fit (text, errors, decisions, a domain left) is computed level by level instead.

The source contains nothing from the workbook but numbers, which are bound by name, never printed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.cells import StoredCells
from sheetml.engine.evaluate import NotReady
from sheetml.engine.graph import Primitive, Trace, Traced, ordered
from sheetml.engine.plan import Stage, Step
from sheetml.engine.values import NUMBER, Value
from sheetml.errors import SheetmlError

MOST_EXPRESSIONS = 4000  # in one formula
FEWEST_STEPS = 8  # below which a loop is not worth compiling
_REARRANGING = ("take", "reshape", "transpose", "concatenate", "broadcast_to")
_NAMES: dict[str, Any] = {
    "math": math,
    "__builtins__": {"float": float, "max": max, "min": min, "abs": abs, "ArithmeticError": ArithmeticError},
}


class NotScalar(Exception):
    """The recurrence cannot be written as a loop on floats."""


@dataclass(slots=True)
class Loop:
    """A scan compiled: runs on the numbers of the slots it touches."""

    slots: np.ndarray  # all slots read or written; the loop works on their numbers, in this order
    written: np.ndarray  # positions in `slots`
    order: list[tuple[Callable[[list[float], int], None], int]]  # which formula, for which of its cells
    constants: np.ndarray  # slots whose values are compiled in
    constant_values: np.ndarray
    constant_kinds: np.ndarray

    def holds(self, cells: StoredCells) -> bool:
        """Whether the cells still have the kinds, and the compiled-in values, that the loop was made for."""
        read = np.delete(self.slots, self.written)
        return bool(
            (cells.kind[read] == NUMBER).all()
            and (cells.kind[self.constants] == self.constant_kinds).all()
            and (cells.number[self.constants] == self.constant_values).all()
        )

    def run(self, cells: StoredCells) -> np.ndarray | None:
        """The numbers of the written slots; None where the loop left its domain."""
        values: list[float] = cells.number[self.slots].tolist()
        try:
            for formula, cell in self.order:
                formula(values, cell)
            numbers = np.array([values[position] for position in self.written], np.float64)
        except (ArithmeticError, ValueError, TypeError):  # a domain left; TypeError: a complex number
            return None
        return numbers if np.isfinite(numbers).all() else None


def compile_scan(stage: Stage, cells: StoredCells) -> Loop | None:
    """The loop of a scan; None where it cannot be one."""
    if len(stage.steps) < FEWEST_STEPS or any(step.circular for step in stage.steps):
        return None
    if any(block.block.is_array or block.volatile or block.block.tree is None for block in stage.blocks):
        return None
    for inside_only in (False, True):
        try:
            return _Compilation(stage, cells, inside_only).loop()
        except (NotScalar, NotReady, SheetmlError):
            continue
    return None


class _Leaves:
    """Cells for the trace: what is read of the scan (or of any numbers) becomes a leaf."""

    def __init__(self, stage: Stage, cells: StoredCells, trace: Trace, inside_only: bool) -> None:
        self.cells = cells
        self.trace = trace
        self.inside_only = inside_only
        self.inside = np.zeros(len(cells.number), bool)
        self.inside[stage.targets] = True
        self.leaves: dict[int, np.ndarray] = {}  # the slots behind each leaf
        self.kept: list[Traced] = []
        self.constants: list[np.ndarray] = []

    def gather(self, slots: np.ndarray) -> Value:
        numeric = (self.cells.kind[slots] == NUMBER) | self.inside[slots]
        own = self.inside[slots].any()
        if own and not numeric.all():
            raise NotScalar
        if own or (numeric.all() and not self.inside_only):
            leaf = Traced(self.trace, self.cells.number[slots])
            self.leaves[id(leaf)] = slots
            self.kept.append(leaf)  # so that no other object takes over its identity
            return Value(leaf)
        self.constants.append(slots.reshape(-1))
        return self.cells.gather(slots)

    def write(self, slots: np.ndarray, value: Value) -> None:
        raise NotImplementedError


class _Compilation:
    def __init__(self, stage: Stage, cells: StoredCells, inside_only: bool) -> None:
        self.stage = stage
        self.cells = cells
        self.inside_only = inside_only
        self.position = np.full(len(cells.number), -1, np.intp)  # of a slot among those the loop touches
        self.touched: list[np.ndarray] = []
        self.constants: list[np.ndarray] = [np.zeros(0, np.intp)]

    def loop(self) -> Loop:
        traces = [self._traced(block) for block in self.stage.blocks]
        slots = np.unique(np.concatenate([*self.touched, self.stage.targets]))
        self.position[slots] = np.arange(len(slots))
        formulas = [self._formula(block, *trace) for block, trace in zip(self.stage.blocks, traces)]
        constants = np.unique(np.concatenate(self.constants))
        return Loop(
            slots,
            self.position[self.stage.targets],
            self._order(formulas),
            constants,
            self.cells.number[constants],
            self.cells.kind[constants],
        )

    def _order(
        self, formulas: list[Callable[[list[float], int], None]]
    ) -> list[tuple[Callable[[list[float], int], None], int]]:
        place: dict[int, tuple[Callable[[list[float], int], None], int]] = {}
        for formula, block in zip(formulas, self.stage.blocks):
            place.update((slot, (formula, cell)) for cell, slot in enumerate(block.cells.tolist()))
        return [place[slot] for step in self.stage.steps for slot in step.cells.tolist()]

    def _traced(self, block: Step) -> tuple[Any, _Leaves]:
        """The graph of a block's formula for all its cells, from the cells it reads."""
        from sheetml.engine.calculation import evaluated

        workspace = block.context.workspace
        trace = Trace()
        leaves = _Leaves(self.stage, self.cells, trace, self.inside_only)
        stored, tracing, reads = workspace.cells, workspace.trace, workspace.dynamic_reads
        problems = dict(workspace.problems)
        workspace.cells, workspace.trace, workspace.dynamic_reads = leaves, trace, []
        try:
            with np.errstate(all="ignore"):
                value = evaluated(block.context, block.block)
            if workspace.dynamic_reads:
                raise NotScalar
        finally:
            workspace.cells, workspace.trace, workspace.dynamic_reads = stored, tracing, reads
            workspace.problems = problems
        if value.kind is not None or trace.guards or trace.undifferentiable or value.shape[1:] != (1, 1):
            raise NotScalar
        self.touched += [slots.reshape(-1) for slots in leaves.leaves.values()]
        self.constants += leaves.constants
        return value.number, leaves

    def _formula(self, block: Step, result: Any, leaves: _Leaves) -> Callable[[list[float], int], None]:
        source = _Source(len(block.cells), leaves, self.position)
        written = source.result(result)
        target = source.bind(self.position[block.targets.reshape(-1)].tolist())
        code = "\n    ".join([*source.lines, f"v[{target}[i]] = {written}"])
        namespace = {**_NAMES, **source.bound}
        exec(f"def formula(v, i):\n    {code}", namespace)
        formula: Callable[[list[float], int], None] = namespace["formula"]
        return formula


class _Source:
    """The lines of a formula for one cell: every element of every array is a name or an expression."""

    def __init__(self, count: int, leaves: _Leaves, position: np.ndarray) -> None:
        self.count = count  # of cells
        self.leaves = leaves
        self.position = position
        self.lines: list[str] = []
        self.bound: dict[str, Any] = {}
        self.elements: dict[int, np.ndarray] = {}  # expressions by node, in the shape of one cell's array

    def bind(self, item: Any) -> str:
        name = f"k{len(self.bound)}"
        self.bound[name] = item
        return name

    def result(self, output: Any) -> str:
        for node in ordered([output]):
            self.elements[id(node)] = self._node(node)
            if len(self.lines) > MOST_EXPRESSIONS:
                raise NotScalar
        return str(self._operand(output).reshape(-1)[0])

    def _line(self, expression: str) -> str:
        name = f"x{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        return name

    def _node(self, node: Traced) -> np.ndarray:
        slots = self.leaves.leaves.get(id(node))
        if slots is not None:
            return self._leaf(slots)
        primitive = node.primitive
        assert primitive is not None
        if primitive.name in _REARRANGING:
            return self._rearranged(node, primitive)
        operands = [self._operand(operand) for operand in node.operands]
        if primitive.scalar is not None:
            template = primitive.scalar
            spread = np.broadcast_arrays(*operands)
            return _mapped(lambda *parts: self._line(template.format(*parts)), *spread)
        if primitive.name == "sum":
            return self._sum(operands[0], node.parameters["axis"])
        if primitive.name == "vecdot":
            products = _mapped(lambda x, y: f"{x} * {y}", *np.broadcast_arrays(*operands))
            return self._sum(products, -1)
        raise NotScalar

    def _leaf(self, slots: np.ndarray) -> np.ndarray:
        places = self.position[slots].reshape(slots.shape[0], -1)
        names = np.empty(places.shape[1], object)
        for element in range(places.shape[1]):
            if slots.shape[0] == 1:
                names[element] = f"v[{int(places[0, element])}]"
            else:
                names[element] = f"v[{self.bind(places[:, element].tolist())}[i]]"
        return _mapped(self._line, names).reshape(slots.shape[1:])

    def _operand(self, operand: Any) -> np.ndarray:
        """The expressions of an operand: those of its node, or a constant's numbers."""
        if isinstance(operand, Traced):
            return self.elements[id(operand)]
        array = np.asarray(operand)
        if array.ndim == 0 or array.shape[0] == 1:
            inner = array.reshape(array.shape[1:])
            return _mapped(lambda number: self.bind(number.item()), inner)
        if array.shape[0] != self.count:
            raise NotScalar
        columns = array.reshape(self.count, -1)
        names = np.empty(columns.shape[1], object)
        for element in range(columns.shape[1]):
            names[element] = f"{self.bind(columns[:, element].tolist())}[i]"
        return names.reshape(array.shape[1:])

    def _sum(self, elements: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
        axes = axis if isinstance(axis, tuple) else (axis,)
        if any(a == 0 for a in axes):
            raise NotScalar
        inner = tuple(a % (elements.ndim + 1) - 1 if a < 0 else a - 1 for a in axes)
        kept = [a for a in range(elements.ndim) if a not in inner]
        moved = elements.transpose([*kept, *inner])
        rows = moved.reshape([elements.shape[a] for a in kept] + [-1])
        if rows.shape[-1] == 0:
            return _mapped(lambda _: "0.0", np.empty(rows.shape[:-1], object))
        result = np.empty(rows.shape[:-1], object)
        for place in np.ndindex(result.shape):
            result[place] = self._line(" + ".join(map(str, rows[place])))
        return result

    def _rearranged(self, node: Traced, primitive: Primitive) -> np.ndarray:
        """Where each element of the result comes from, found by rearranging positions instead of numbers."""
        arrays, names, start = [], [], 0
        inner_sizes: list[tuple[int, int, int]] = []
        for operand in node.operands:
            shape = np.shape(ops.value_of(operand))
            size = int(np.prod(shape))
            arrays.append(np.arange(start, start + size, dtype=np.float64).reshape(shape))
            inner_sizes.append((start, size, shape[0]))
            names.append(self._operand(operand).reshape(-1))
            start += size
        places = np.asarray(primitive.compute(*arrays, **node.parameters)).astype(np.intp)
        rows = places.reshape(places.shape[0], -1)
        if places.shape[0] not in (1, self.count):
            raise NotScalar
        result = np.empty(rows.shape[1], object)
        for element in range(rows.shape[1]):
            result[element] = _same_element(rows[:, element], inner_sizes, names)
        return result.reshape(places.shape[1:])


def _same_element(rows: np.ndarray, operands: list[tuple[int, int, int]], names: list[np.ndarray]) -> Any:
    """The expression that all cells take an element from: the same of one operand, each its own cell's."""
    for (start, size, batch), expressions in zip(operands, names):
        if (rows >= start).all() and (rows < start + size).all():
            inner = size // batch
            cell, element = np.divmod(rows - start, inner)
            if (element != element[0]).any() or (batch > 1 and not np.array_equal(cell, np.arange(len(rows)))):
                raise NotScalar
            return expressions[element[0]]
    raise NotScalar


def _mapped(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """An object array of a function's results, element by element."""
    result = np.empty(arrays[0].shape, object)
    for place in np.ndindex(result.shape):
        result[place] = function(*(array[place] for array in arrays))
    return result
