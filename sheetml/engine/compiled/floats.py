"""Formulas as expressions on plain floats.

A block's formula is traced once for all its cells, with the cells it reads as leaves, and written out
as Python source for any one of them. What cannot be (text, errors, decisions, arrays) is NotScalar: it
is left to array steps.

The source contains nothing from the workbook: what it reads and its numbers have places, `{0}`, `{1}`,
which whoever assembles the source fills with names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sheetml.engine.block_values import evaluated
from sheetml.engine.cells import StoredCells
from sheetml.engine.distinct import distinct
from sheetml.engine.plan import Step
from sheetml.engine.precision import order_seen, vanishes
from sheetml.engine.signals import Signal
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Primitive, Trace, Traced, ordered
from sheetml.engine.values import NUMBER, Value

MOST_TERMS = 4000  # in one formula
DEEPEST = 40  # expressions within expressions: Python's parser has a limit

_REARRANGING = ("take", "reshape", "transpose", "concatenate", "broadcast_to")
# Python's floats and NumPy's arrays agree to the last bit on what IEEE 754 rounds exactly, but not on these
_ROUNDED_FREELY = (
    *("power", "exp", "expm1", "log", "log1p", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
)
# what keeps an infinite or undefined operand in its result, so that it shows there: {operation: operands}
_SHOWS: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("add", "subtract", "multiply", "negative", "square", "sqrt", "absolute", "as_float", "sum"), None),
    **dict.fromkeys(("product", "vecdot", "sum in order"), None),
    "divide": (0,),
}
_CHOOSES = {"where": (1, 2)}  # an operand not chosen does not matter
_EXTREMES = {"argmax": "max", "argmin": "min"}  # positions, of use only for taking what stands there
_POSITIONS = np.empty(0, object)
_STAYS_FINITE = ("sqrt", "negative", "absolute", "as_float")  # of a finite operand


class NotScalar(Signal):
    """The formula cannot be written as an expression on floats."""


def _on_floats(compute: Callable[..., Any], *numbers: float) -> float:
    return float(compute(*map(np.float64, numbers)))


def _dot(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.vecdot(np.array(x), np.array(y)))


def _dot_self(x: Sequence[float]) -> float:
    array = np.array(x)
    return float(np.vecdot(array, array))


NAMES: dict[str, Any] = {
    **{name: item for name, item in vars(math).items() if not name.startswith("_")},
    "dot": _dot,
    "dot_self": _dot_self,
    "order_seen": order_seen,
    "vanishes": vanishes,
    "__builtins__": {
        **{function.__name__: function for function in (float, max, min, abs, range)},
        "ArithmeticError": ArithmeticError,
    },
}


class Term:
    """A number within a formula: what stands at a place, or an operation on other terms."""

    __slots__ = ("depth", "name", "operands", "operation", "place", "template", "uses")
    depth: int

    def __init__(self, template: str, operands: Sequence[Term] = (), operation: str = "", place: int = -1) -> None:
        self.template = template
        self.operands = operands
        self.operation = operation
        self.place = place
        self.uses = 0
        self.depth = 1 + max((operand.depth for operand in operands), default=0)
        self.name = ""  # once it has been assigned
        for position, operand in enumerate(operands):
            operand.uses += template.count(f"{{{position}}}")


@dataclass(slots=True)
class ScalarFormula:
    """A block's formula for any one of its cells.

    `lines` assign intermediate results, `result` is the cell's number. `places` hold, for each `{k}` in
    them, either the slots read or numbers: one a cell, or one for all cells. `functions` are what the
    source calls beside NAMES. `terms` are what it is made of, each after its operands, the result last.
    """

    step: Step
    lines: list[str]
    result: str
    terms: list[Term]
    places: list[np.ndarray]  # integers are slots, floats and booleans constants
    read: set[int]  # the places of slots that the source makes use of
    functions: dict[str, Callable[..., float]]
    constants: np.ndarray  # slots whose values are compiled in

    @property
    def targets(self) -> np.ndarray:
        """The slots of the cells, in their order."""
        return self.step.targets.reshape(-1)

    def slots(self, cell: int) -> list[int]:
        """The slots that one of the cells reads."""
        return [int(self.at(place, cell)) for place in self.read]

    def at(self, place: int, cell: int) -> float | bool:
        """What stands at a place, for one of the cells: a slot or a number."""
        items = self.places[place]
        item: float | bool = items[cell if len(items) > 1 else 0].item()
        return item


def scalar_formula(
    step: Step, cells: StoredCells, live: np.ndarray, *, only_live: bool = True, exactly: bool = True
) -> ScalarFormula:
    """A block's formula on floats. Raises NotScalar where it is none.

    `live` marks the slots that will hold other numbers when the source is run (they may hold anything
    now); with `only_live` all else is compiled in, otherwise all numbers are read. With `exactly`
    elementary functions are NumPy's, so that results equal an array step's to the last bit; else those
    of the math module, which are faster for single numbers.
    """
    trace = Trace()
    leaves = _Leaves(cells, live, trace, only_live)
    result = _evaluated(step, leaves, trace)
    terms = _Terms(len(step.cells), leaves, exactly)
    reached = _reached(terms.of(result))
    writer = _Writer(vanishing(reached))
    return ScalarFormula(
        step,
        result=writer.text(reached[-1]),
        lines=writer.lines,
        terms=reached,
        places=terms.places,
        read={term.place for term in reached if term.place >= 0 and terms.places[term.place].dtype.kind == "i"},
        functions=terms.functions,
        constants=distinct(np.concatenate([np.zeros(0, np.intp), *leaves.constants])),
    )


def _reached(root: Term) -> list[Term]:
    """All terms that a term is made of, each after its operands."""
    order: list[Term] = []
    done: set[int] = set()
    stack = [(root, False)]
    while stack:
        term, expanded = stack.pop()
        if expanded:
            order.append(term)
        elif id(term) not in done:
            done.add(id(term))
            stack.append((term, True))
            stack.extend((operand, False) for operand in reversed(term.operands))
    return order


def sensitive(term: Term) -> list[Term]:
    """The operands whose infinite number might vanish in the term: 1/x is then 0."""
    shows = _CHOOSES[term.operation] if term.operation in _CHOOSES else _SHOWS.get(term.operation, ())
    return [] if shows is None else [operand for i, operand in enumerate(term.operands) if i not in shows]


def showing(term: Term) -> Sequence[Term]:
    """The operands whose infinite or undefined number shows in the term."""
    shows = _SHOWS.get(term.operation, ())
    return term.operands if shows is None else [term.operands[i] for i in shows]


def steady(term: Term) -> Term:
    """The term that this one is infinite with: a root or an absolute value is only where its operand is."""
    while term.operation in _STAYS_FINITE:
        term = term.operands[0]
    return term


def vanishing(terms: Sequence[Term]) -> set[int]:
    """The operations (by id) whose infinite result might vanish further on."""
    return {id(bare) for term in terms for bare in map(steady, sensitive(term)) if bare.operands}


# ---- tracing -----------------------------------------------------------------------------------


class _Leaves:
    """Cells for the trace: what is read becomes a leaf, or is compiled in."""

    def __init__(self, cells: StoredCells, live: np.ndarray, trace: Trace, only_live: bool) -> None:
        self.cells = cells
        self.live = live
        self.trace = trace
        self.only_live = only_live
        self.leaves: dict[int, np.ndarray] = {}  # the slots behind each leaf
        self.kept: list[Traced] = []
        self.constants: list[np.ndarray] = []

    def gather(self, slots: np.ndarray) -> Value:
        numeric = (self.cells.kind[slots] == NUMBER) | self.live[slots]
        alive = self.live[slots].any()
        if alive or (numeric.all() and not self.only_live):
            leaf = Traced(self.trace, np.where(numeric, self.cells.number[slots], 0.0))
            self.leaves[id(leaf)] = slots
            self.kept.append(leaf)  # so that no other object takes over its identity
            if numeric.all():
                return Value(leaf)
            self.constants.append(slots[~numeric])
            text = np.where(numeric, "", self.cells.text[slots])
            return Value(leaf, np.where(numeric, NUMBER, self.cells.kind[slots]).astype(np.uint8), text)
        self.constants.append(slots.reshape(-1))
        return self.cells.gather(slots)

    def write(self, slots: np.ndarray, value: Value) -> None:
        raise NotImplementedError


def _evaluated(step: Step, leaves: _Leaves, trace: Trace) -> Any:
    """The graph of the formula's numbers for all its cells, (b, 1, 1)."""
    if step.block.is_array or step.block.tree is None or step.volatile or step.circular:
        raise NotScalar
    with step.context.workspace.borrowed(leaves, trace) as workspace, np.errstate(all="ignore"):
        value = evaluated(step.context, step.block)
        if workspace.dynamic_reads:
            raise NotScalar
    if value.kind is not None or trace.guards or trace.undifferentiable or value.shape[1:] != (1, 1):
        raise NotScalar
    return value.number


# ---- terms -------------------------------------------------------------------------------------


class _Terms:
    """The terms of a formula, made from its graph: every element of every array is one."""

    def __init__(self, count: int, leaves: _Leaves, exactly: bool) -> None:
        self.count = count  # of cells
        self.leaves = leaves
        self.exactly = exactly
        self.places: list[np.ndarray] = []
        self.functions: dict[str, Callable[..., float]] = {}
        self._made = 0
        self._read: dict[tuple[bytes, int], Term] = {}

    def of(self, output: Any) -> Term:
        """The term of the one element of the result."""
        elements: dict[int, np.ndarray] = {}
        for node in ordered([output]):
            elements[id(node)] = self._node(node, elements)
        first: Term = self._operand(output, elements).reshape(-1)[0]
        return first

    def _term(self, template: str, operands: Sequence[Term], operation: str) -> Term:
        self._made += 1
        if self._made > MOST_TERMS:
            raise NotScalar
        return Term(template, operands, operation)

    def _node(self, node: Traced, elements: dict[int, np.ndarray]) -> np.ndarray:
        slots = self.leaves.leaves.get(id(node))
        if slots is not None:
            return self._leaf(slots)
        primitive = node.primitive
        assert primitive is not None
        if primitive.name in _REARRANGING:
            return self._rearranged(node, primitive, elements)
        if primitive.name in _EXTREMES:
            return _POSITIONS
        if primitive.name == "take_along":
            return self._extreme(node, elements)
        operands = [self._operand(operand, elements) for operand in node.operands]
        template = self._template(primitive, len(operands))
        if template is not None:
            return _mapped(lambda *parts: self._term(template, parts, primitive.name), *np.broadcast_arrays(*operands))
        if ops.adds_in_order(primitive):
            return self._in_order(operands[0])
        if primitive.name == "sum":
            return self._reduced(operands[0], node.parameters["axis"])
        if primitive.name == "vecdot":
            size = max(np.size(ops.value_of(operand)) for operand in node.operands)
            return self._dot(*np.broadcast_arrays(*operands), short=size <= ops.SHORT_DOT)
        raise NotScalar

    def _template(self, primitive: Primitive, count: int) -> str | None:
        """An elementwise operation in Python; None if it is none."""
        free = self.exactly and primitive.name in _ROUNDED_FREELY
        if primitive.scalar is not None and not free:
            return primitive.scalar
        compute = primitive.compute
        of_numbers = isinstance(compute, np.ufunc) and compute.signature is None and compute.nout == 1
        if not (primitive.elementwise or of_numbers) or primitive.name == "is_finite":
            return None
        name = f"f{id(primitive)}"
        self.functions[name] = partial(_on_floats, compute)
        return f"{name}({', '.join(f'{{{i}}}' for i in range(count))})"

    def _leaf(self, slots: np.ndarray) -> np.ndarray:
        columns = slots.reshape(slots.shape[0], -1).astype(np.int64)
        return self._placed([columns[:, element] for element in range(columns.shape[1])], slots.shape[1:])

    def _operand(self, operand: Any, elements: dict[int, np.ndarray]) -> np.ndarray:
        """The terms of an operand: those of its node, or a constant's numbers."""
        if isinstance(operand, Traced):
            if elements[id(operand)] is _POSITIONS:
                raise NotScalar
            return elements[id(operand)]
        array = np.asarray(operand)
        if array.ndim == 0:
            array = array.reshape(1)
        if array.shape[0] not in (1, self.count):
            raise NotScalar
        numbers = array.astype(array.dtype if array.dtype == bool else np.float64).reshape(array.shape[0], -1)
        return self._placed([numbers[:, element] for element in range(numbers.shape[1])], array.shape[1:])

    def _placed(self, columns: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        terms = np.empty(len(columns), object)
        for element, column in enumerate(columns):
            key = column.tobytes(), ord(column.dtype.char)
            if key not in self._read:
                self._made += 1
                if self._made > MOST_TERMS:
                    raise NotScalar
                self._read[key] = Term("", place=len(self.places))
                self.places.append(column)
            terms[element] = self._read[key]
        return terms.reshape(shape)

    def _reduced(self, elements: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
        rows = _last_axes(elements, axis if isinstance(axis, tuple) else (axis,))
        result = np.empty(rows.shape[:-1], object)
        for place in np.ndindex(result.shape):
            result[place] = self._sum(list(rows[place]))
        return result

    def _in_order(self, elements: np.ndarray) -> np.ndarray:
        """The sums of the rows of each cell's elements, number after number."""
        rows = _last_axes(elements, (1,))
        result = np.empty(rows.shape[:-1], object)
        for place in np.ndindex(result.shape):
            terms = list(rows[place])
            result[place] = self._term(sum_in_order([f"{{{i}}}" for i in range(len(terms))]), terms, "sum in order")
        return result

    def _sum(self, terms: list[Term]) -> Term:
        return self._term(pairwise_sum([f"{{{i}}}" for i in range(len(terms))]), terms, "sum")

    def _dot(self, x: np.ndarray, y: np.ndarray, *, short: bool) -> np.ndarray:
        if short or not self.exactly:
            products = _mapped(lambda a, b: self._term("({0} * {1})", [a, b], "multiply"), x, y)
            return self._reduced(products, -1)
        result = np.empty(x.shape[:-1], object)
        for place in np.ndindex(result.shape):
            left, right = list(x[place]), list(y[place])
            vector = ", ".join(f"{{{i}}}" for i in range(len(left)))
            if left == right:
                result[place] = self._term(f"dot_self(({vector},))", left, "vecdot")
            else:
                other = ", ".join(f"{{{i + len(left)}}}" for i in range(len(right)))
                result[place] = self._term(f"dot(({vector},), ({other},))", left + right, "vecdot")
        return result

    def _extreme(self, node: Traced, elements: dict[int, np.ndarray]) -> np.ndarray:
        """The largest or smallest along the last axis: what MAX and MIN make of more than two numbers."""
        array, place = node.operands
        if not isinstance(place, Traced) or place.primitive is None or place.operands[0] is not array:
            raise NotScalar
        function = _EXTREMES.get(place.primitive.name)
        candidates = self._operand(array, elements)
        if function is None or candidates.shape[-1] < 2:
            raise NotScalar
        template = f"{function}({', '.join(f'{{{i}}}' for i in range(candidates.shape[-1]))})"
        result = np.empty((*candidates.shape[:-1], 1), object)
        for position in np.ndindex(candidates.shape[:-1]):
            result[(*position, 0)] = self._term(template, list(candidates[position]), function)
        return result

    def _rearranged(self, node: Traced, primitive: Primitive, elements: dict[int, np.ndarray]) -> np.ndarray:
        """Where each element of the result comes from, found by rearranging positions instead of numbers."""
        arrays, terms, start = [], [], 0
        sizes: list[tuple[int, int, int]] = []
        for operand in node.operands:
            shape = np.shape(ops.value_of(operand))
            size = int(np.prod(shape))
            arrays.append(np.arange(start, start + size, dtype=np.float64).reshape(shape))
            sizes.append((start, size, shape[0]))
            terms.append(self._operand(operand, elements).reshape(-1))
            start += size
        places = np.asarray(primitive.compute(*arrays, **node.parameters)).astype(np.intp)
        rows = places.reshape(places.shape[0], -1)
        if places.shape[0] not in (1, self.count):
            raise NotScalar
        result = np.empty(rows.shape[1], object)
        for element in range(rows.shape[1]):
            result[element] = _same_element(rows[:, element], sizes, terms)
        return result.reshape(places.shape[1:])


def _same_element(rows: np.ndarray, operands: list[tuple[int, int, int]], terms: list[np.ndarray]) -> Any:
    """The term that all cells take an element from: the same of one operand, each its own cell's."""
    for (start, size, batch), expressions in zip(operands, terms):
        if (rows >= start).all() and (rows < start + size).all():
            inner = size // batch
            cell, element = np.divmod(rows - start, inner)
            if (element != element[0]).any() or (batch > 1 and not np.array_equal(cell, np.arange(len(rows)))):
                raise NotScalar
            return expressions[element[0]]
    raise NotScalar


def _last_axes(elements: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The elements with the axes to be summed (those of all cells' arrays) as one, the last."""
    if any(axis == 0 for axis in axes):
        raise NotScalar
    inner = tuple(axis % (elements.ndim + 1) - 1 if axis < 0 else axis - 1 for axis in axes)
    kept = [axis for axis in range(elements.ndim) if axis not in inner]
    moved = elements.transpose([*kept, *inner])
    return moved.reshape([elements.shape[axis] for axis in kept] + [-1])


_CHAIN = 100  # terms in a row, of one expression: Python's parser has a limit


def sum_in_order(terms: list[str]) -> str:
    """The source of a sum that adds one term after the other."""
    if not terms:
        return "0.0"
    total = terms[0]
    for start in range(1, len(terms), _CHAIN):
        total = f"({' + '.join([total, *terms[start : start + _CHAIN]])})"
    return total if len(terms) > 1 else f"({total})"


def pairwise_sum(terms: list[str]) -> str:
    """The source of a sum in the order in which NumPy adds the numbers of an array.

    It adds eight interleaved partial sums, and the halves of what is longer than 128 each for itself.
    """
    count = len(terms)
    if count == 0:
        return "0.0"
    if count < 8:
        return f"({' + '.join(terms)})"
    if count > 128:
        half = count // 2
        half -= half % 8
        return f"({pairwise_sum(terms[:half])} + {pairwise_sum(terms[half:])})"
    whole = count - count % 8
    lanes = [f"({' + '.join(terms[lane:whole:8])})" for lane in range(8)]
    quarters = [f"({lanes[lane]} + {lanes[lane + 1]})" for lane in range(0, 8, 2)]
    total = f"(({quarters[0]} + {quarters[1]}) + ({quarters[2]} + {quarters[3]}))"
    return f"({' + '.join([total, *terms[whole:]])})"


def _mapped(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """An object array of a function's results, element by element."""
    result = np.empty(arrays[0].shape, object)
    for place in np.ndindex(result.shape):
        result[place] = function(*(array[place] for array in arrays))
    return result


# ---- source ------------------------------------------------------------------------------------


class _Writer:
    """Writes terms as source: those used once within the expression, the others as lines before it."""

    def __init__(self, watched: set[int]) -> None:
        self.watched = watched
        self.lines: list[str] = []
        self._names = 0

    def text(self, term: Term) -> str:
        if term.place >= 0:
            return f"{{{term.place}}}"
        if term.name:
            return term.name
        expression = term.template.format(*map(self.text, term.operands))
        if term.uses < 2 and term.depth % DEEPEST and id(term) not in self.watched:
            return expression
        term.name = f"x{self._names}"
        self._names += 1
        self.lines.append(f"{term.name} = {expression}")
        if id(term) in self.watched:
            self.lines.append(watch(term.name))
        return term.name


def watch(name: str) -> str:
    """A line of source that raises ArithmeticError where a number is infinite or undefined."""
    return f"if {name} - {name}: raise ArithmeticError"
