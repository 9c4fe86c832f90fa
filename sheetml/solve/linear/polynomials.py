"""Whether cells are linear, or quadratic, in the adjustable cells: decided from the trace, not sampled.

A trace of the cells is walked once, forwards. What each of its arrays is in terms of the adjustable
cells is known exactly: a constant, a linear form with its coefficients, a quadratic one, or none of
these. A decision that depends on an adjustable cell, a product of three of them, a function like EXP
are none; so is a division by one. Where the bounds of the adjustable cells settle a comparison (MAX(0, A1)
with A1 >= 0) it decides nothing. The coefficients are the sparse matrix of the model: no derivative is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.tracing.graph import Traced, ordered, value_of
from sheetml.solve.linear.terms import Terms, products, stacked, sum_of

MOST_TERMS = 20_000_000  # of products ...
MOST_IN_ALL = 60_000_000  # ... and of all arrays together; more belong to another method
MOST_REASONS = 200  # put into words
NO_AGREEMENT = "the coefficients read off the formulas do not give the cells' values"
AGREEMENT = 1e-9  # of an output with what its coefficients say at the point traced, relative
NO_REASON = np.iinfo(np.int32).max


class TooLarge(Exception):
    """There are too many coefficients to list."""


@dataclass(slots=True)
class Form:
    """What m elements are: constant + linear + quadratic terms; `broken` where they are none of these.

    `why` is the number of the first reason that an element is not linear, NO_REASON where it is. Both are
    None where that holds of no element.
    """

    constant: np.ndarray  # (m,)
    linear: Terms
    quadratic: Terms
    broken: np.ndarray | None = None  # bool (m,)
    why: np.ndarray | None = None  # int32 (m,)

    @property
    def count(self) -> int:
        return self.constant.size

    @property
    def is_constant(self) -> bool:
        """Whether all elements are."""
        return not self.linear.size and not self.quadratic.size and self.broken is None

    def degree(self) -> np.ndarray:
        """0, 1 or 2 for each element, 3 where it is no polynomial of these."""
        degree = self.linear.present.astype(np.int8)
        if self.quadratic.size:
            degree[self.quadratic.present] = 2
        if self.broken is not None:
            degree[self.broken] = 3
        return degree

    def gathered(self, index: np.ndarray) -> Form:
        index = index.reshape(-1)
        return Form(
            self.constant[index],
            self.linear.gathered(index),
            self.quadratic.gathered(index),
            None if self.broken is None else self.broken[index],
            None if self.why is None else self.why[index],
        )

    def scaled(self, factors: np.ndarray) -> Form:
        """Each element times a constant of its own; what is multiplied by 0 is 0, whatever it was."""
        broken, why = self.broken, self.why
        if why is not None:
            broken = None if broken is None else broken & (factors != 0)
            why = np.where(factors != 0, why, NO_REASON).astype(np.int32)
        return Form(self.constant * factors, self.linear.scaled(factors), self.quadratic.scaled(factors), broken, why)

    def added(self, target: np.ndarray, count: int) -> Form:
        """The sums of elements: each is added to its target, (m,), of `count` ones."""
        target = target.reshape(-1)
        broken, why = self.broken, self.why
        if broken is not None:
            broken = np.bincount(target[broken], minlength=count) > 0
        if why is not None:
            reasons = np.full(count, NO_REASON, np.int32)
            np.minimum.at(reasons, target, why)
            why = reasons
        constant = np.bincount(target, weights=self.constant, minlength=count)
        return Form(constant, self.linear.added(target, count), self.quadratic.added(target, count), broken, why)


def _constant(values: Any) -> Form:
    values = np.asarray(values, np.float64).reshape(-1)
    return Form(values, Terms.none(values.size), Terms.none(values.size))


def _stacked(forms: list[Form]) -> Form:
    broken = why = None
    if any(form.broken is not None for form in forms):
        broken = np.concatenate([np.zeros(f.count, bool) if f.broken is None else f.broken for f in forms])
    if any(form.why is not None for form in forms):
        why = np.concatenate([_reasons(form) for form in forms])
    return Form(
        np.concatenate([form.constant for form in forms]),
        stacked([form.linear for form in forms]),
        stacked([form.quadratic for form in forms]),
        broken,
        why,
    )


def _reasons(form: Form) -> np.ndarray:
    return np.full(form.count, NO_REASON, np.int32) if form.why is None else form.why


def _sum(left: Form, right: Form) -> Form:
    broken, why = left.broken, left.why
    if right.broken is not None:
        broken = right.broken if broken is None else broken | right.broken
    if right.why is not None:
        why = np.minimum(_reasons(left), right.why)
    return Form(
        left.constant + right.constant,
        sum_of(left.linear, right.linear),
        sum_of(left.quadratic, right.quadratic),
        broken,
        why,
    )


# ---- the result --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Polynomials:
    """Output cells in terms of n adjustable cells; `reason` says in words why one is not linear, "" if all are.

    Where `quadratic` is None some output is no polynomial of degree 2 either, and `matrix` is of no use.
    """

    constant: np.ndarray  # (m,)
    matrix: csr_array  # (m, n): the linear coefficients
    quadratic: Terms | None  # keys i * n + j, i <= j: coefficients of the products x_i * x_j
    reason: str
    reasons: dict[int, str] = field(default_factory=dict)  # by output, of those that are not linear

    @property
    def is_linear(self) -> bool:
        return not self.reason

    def values(self, x: np.ndarray) -> np.ndarray:
        """The outputs at x, (m,), where they are polynomials."""
        found = self.constant + self.matrix @ x
        if self.quadratic is not None and self.quadratic.size:
            first, second = np.divmod(self.quadratic.keys, x.size)
            np.add.at(found, self.quadratic.rows, self.quadratic.values * x[first] * x[second])
        return found

    def hessian(self, row: int) -> csr_array:
        """The second derivatives of one output, (n, n), symmetric."""
        assert self.quadratic is not None
        size = self.matrix.shape[1]
        own = self.quadratic.rows == row
        first, second = np.divmod(self.quadratic.keys[own], size)
        values = self.quadratic.values[own]
        half = csr_array((values, (first, second)), shape=(size, size))
        return csr_array(half + half.T)


def polynomials(
    function: CellFunction, x: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, frozen: bool = False
) -> Polynomials:
    """The outputs of a function as polynomials of its inputs between these bounds; traced at x.

    With `frozen`, decisions count as they are taken at x: what is found then holds only around x.
    Raises CalculationError where an output has no number at x.
    """
    function.trace_at(x)
    outputs = function.graph
    walk = _Walk(function, lower, upper, frozen)
    try:
        for node in ordered([outputs, *function.guards]):
            walk.visit(node)
        form = walk.of(outputs)
        decided = [] if frozen else [walk.first_moving(guard) for guard in function.guards]
    except TooLarge:
        size = value_of(outputs).size
        return Polynomials(np.zeros(size), csr_array((size, x.size)), None, "there are too many coefficients to list")
    guards = [reason for reason in decided if reason is not None]
    guarded, degree = bool(guards), form.degree()
    reasons = dict.fromkeys(range(form.count), min(guards)) if guarded else {}
    if form.why is not None:
        reasons |= {int(i): int(form.why[i]) for i in np.nonzero(degree > 1)[0]}
    matrix = csr_array((form.linear.values, form.linear.keys, form.linear.starts), shape=(form.count, x.size))
    quadratic = None if guarded or (degree > 2).any() else form.quadratic
    said = {number: walk.words(number) for number in sorted(set(reasons.values()))[:MOST_REASONS]}
    reason = next(iter(said.values()), "")
    words = {output: said.get(number, reason) for output, number in reasons.items()}
    found = Polynomials(form.constant, matrix, quadratic, reason, words)
    if quadratic is not None and not _agrees(found, x, np.asarray(value_of(outputs), np.float64).reshape(-1)):
        return replace(found, quadratic=None, reason=reason or NO_AGREEMENT)
    return found


def _agrees(found: Polynomials, x: np.ndarray, values: np.ndarray) -> bool:
    """Whether the coefficients give the cells' values: a rule that does not fit its operation costs no right answer."""
    size = np.abs(values) + np.abs(found.constant) + abs(found.matrix) @ np.abs(x)
    return bool((np.abs(found.values(x) - values) <= AGREEMENT * np.maximum(1.0, size)).all())


# ---- the walk over the trace -------------------------------------------------------------------


@dataclass(slots=True)
class _Reason:
    """Why an element is not linear: where, by what, of what."""

    node: Traced
    element: int


@dataclass(slots=True)
class _Walk:
    """The forms of all arrays of a trace, by the array's id."""

    function: CellFunction
    lower: np.ndarray
    upper: np.ndarray
    frozen: bool = False  # decisions count as they were taken
    forms: dict[int, Form] = field(default_factory=dict)
    reasons: list[_Reason] = field(default_factory=list)
    terms: int = 0  # of all forms

    @property
    def unknowns(self) -> int:
        return self.lower.size

    def of(self, operand: Any) -> Form:
        return self.forms[id(operand)] if isinstance(operand, Traced) else _constant(operand)

    def visit(self, node: Traced) -> None:
        if node.primitive is None:
            size = self.unknowns
            self.forms[id(node)] = Form(np.zeros(size), Terms.unknowns(size), Terms.none(size))
            return
        rule = _RULES.get(node.primitive.name)
        form = self.forms[id(node)] = (rule or _opaque)(self, node)
        self.terms += form.linear.size + form.quadratic.size
        if self.terms > MOST_IN_ALL:
            raise TooLarge

    def first_moving(self, node: Any) -> int | None:
        """The reason that a decision's array is not constant, if it is not."""
        if not isinstance(node, Traced):
            return None
        form = self.of(node)
        moving = form.degree() > 0
        if not moving.any():
            return None
        element = int(np.argmax(moving))
        return (
            self.note(node, element) if form.why is None or form.why[element] == NO_REASON else int(form.why[element])
        )

    def spread(self, operand: Any, shape: tuple[int, ...]) -> Form:
        """The operand's form, repeated to a shape."""
        own = np.shape(value_of(operand))
        form = self.of(operand)
        if own == shape:
            return form
        return form.gathered(np.broadcast_to(np.arange(form.count).reshape(own), shape))

    def note(self, node: Traced, element: int) -> int:
        self.reasons.append(_Reason(node, element))
        return len(self.reasons) - 1

    def because(self, form: Form, node: Traced, wrong: np.ndarray, *, broken: bool) -> Form:
        """The form with the elements in `wrong` marked as not linear, for this node's reason unless they had one."""
        if not wrong.any():
            return form
        why = _reasons(form).copy()
        unexplained = wrong & (why == NO_REASON)
        if unexplained.any():
            why[unexplained] = self.note(node, int(np.argmax(unexplained)))
        form.why = why
        if broken:
            form.broken = wrong.copy() if form.broken is None else form.broken | wrong
        return form

    def settled(self, form: Form, node: Traced, parts: list[Form], wrong: np.ndarray) -> Form:
        """A form whose elements in `wrong` are no polynomials, with the first reason that a part of them has."""
        if not wrong.any():
            return form
        why = np.minimum.reduce([_reasons(part) for part in parts])
        form.why = np.where(wrong, why, _reasons(form)).astype(np.int32)
        return self.because(form, node, wrong, broken=True)

    def extremes(self, form: Form) -> tuple[np.ndarray, np.ndarray]:
        """The least and the greatest value of each element within the bounds; infinite where it is not known."""
        low, high = form.constant.copy(), form.constant.copy()
        rows, keys, values = form.linear.rows, form.linear.keys, form.linear.values
        with np.errstate(invalid="ignore", over="ignore"):  # numbers of a file that are infinite, or become so
            up, down = values * self.upper[keys], values * self.lower[keys]
            np.add.at(low, rows, np.minimum(up, down))
            np.add.at(high, rows, np.maximum(up, down))
        unknown = (form.degree() > 1) | np.isnan(low) | np.isnan(high)
        low[unknown], high[unknown] = -np.inf, np.inf
        return low, high

    # ---- words

    def words(self, number: int) -> str:
        """A reason as a sentence without its end: "Sheet1!G7 multiplies Sheet1!C2 by Sheet1!C3"."""
        node, element = self.reasons[number].node, self.reasons[number].element
        name = node.primitive.name if node.primitive is not None else ""
        cell, function = self._cell(node, element), node.function
        operands = list(dict.fromkeys(self._operands(node, element))) or ["a changing cell"]
        beside = f" ({function})" if function else ""
        if name in _PRODUCTS:
            others = " and ".join(operands[1:]) or "itself"
            return f"{cell} multiplies {operands[0]} by {others}{beside}"
        what = " and ".join(operands)
        if name in _COMPARISONS or name == "":
            return f"{cell} decides by {what}{beside}"
        if name == "divide" and not function:
            return f"{cell} divides by {self._divisor(node, element) or what}"
        if name == "power" and not function:
            return f"{cell} raises to a power with {what}"
        return f"{cell} takes {function or name} of {what}"

    def _divisor(self, node: Traced, element: int) -> str:
        divisor = node.operands[1]
        where = _sources(divisor, node, element)[0]
        return " and ".join(self._name(slot) for slot in self._slots_read(divisor, where, node.place)[:3])

    def _cell(self, node: Traced, element: int) -> str:
        slots = getattr(node.place, "slots", None)
        if slots is None or not len(slots):
            return str(node.place) or "a cell"
        count = len(slots)
        if count > 1 and node.size % count == 0:
            return self._name(int(slots[element // (node.size // count)]))
        return self._name(int(slots[0])) if count == 1 else str(node.place)

    def _name(self, slot: int) -> str:
        return self.function.describe(slot)

    def _operands(self, node: Traced, element: int) -> Iterator[str]:
        """The changing cells that an element is computed from: those its formula reads."""
        for operand in node.operands:
            if not isinstance(operand, Traced):
                continue
            where = _source_element(operand, node, element)
            for slot in self._slots_read(operand, where, node.place)[:3]:
                yield self._name(slot)

    def _slots_read(self, node: Traced, element: int | None, place: object) -> list[int]:
        """The slots of the changing cells that an element reads, on the way back to where their values were made."""
        found: list[int] = []
        waiting: list[tuple[Traced, int | None]] = [(node, element)]
        seen: set[tuple[int, int | None]] = set()
        while waiting and len(found) < 4 and len(seen) < 1000:
            node, element = waiting.pop(0)
            if (id(node), element) in seen:
                continue
            seen.add((id(node), element))
            if node.primitive is None or node.place is not place:
                slot = self._slot_of(node, element)
                moving = element is None or id(node) not in self.forms or self.of(node).degree()[element] > 0
                if slot is not None and moving and slot not in found:
                    found.append(slot)
                continue
            for operand in node.operands:
                if isinstance(operand, Traced):
                    for each in _sources(operand, node, element):
                        waiting.append((operand, each))
        return found

    def _slot_of(self, node: Traced, element: int | None) -> int | None:
        if node.primitive is None:
            return None if element is None else int(self.function.input_slots[element])
        slots = getattr(node.place, "slots", None)
        if slots is None or element is None or len(slots) != node.size:
            return None if slots is None or len(slots) != 1 else int(slots[0])
        return int(slots[element])


_PRODUCTS = ("multiply", "vecdot", "matmul", "product", "square")
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def _source_element(operand: Traced, node: Traced, element: int) -> int | None:
    return next(iter(_sources(operand, node, element)), None)


def _sources(operand: Traced, node: Traced, element: int | None) -> list[int | None]:
    """Which elements of an operand an element of a node is made of, if that can be said; [None] if not."""
    if element is None or node.primitive is None:
        return [None]
    name = node.primitive.name
    if name in _MOVES or name == "concatenate":
        index = _moved_index(node, operand)
        where = index.reshape(-1)[element]
        return [int(where)] if where >= 0 else []
    if node.primitive.elementwise:
        index = np.broadcast_to(np.arange(operand.size).reshape(operand.shape), node.shape)
        return [int(index.reshape(-1)[element])]
    if name in ("sum", "sum_to"):
        target = _sum_target(node)
        return [int(each) for each in np.nonzero(target.reshape(-1) == element)[0][:200]]
    if operand.size == 1:
        return [0]
    if name == "vecdot":
        length = max(np.shape(value_of(each))[-1] for each in node.operands)
        index = np.broadcast_to(np.arange(operand.size).reshape(operand.shape), (*node.shape, length))
        return [int(each) for each in index.reshape(-1, length)[element][:200]]
    return [None]


# ---- rules: moving elements --------------------------------------------------------------------

_MOVES = ("broadcast_to", "reshape", "transpose", "take", "reverse", "as_float", "copy")


def _moved_index(node: Traced, operand: Traced) -> np.ndarray:
    """For each element of a node that only moves elements, which one of the operand it is; -1 if of another."""
    assert node.primitive is not None
    if node.primitive.name == "concatenate":
        pieces = []
        for each in node.operands:
            shape = np.shape(value_of(each))
            own = np.arange(int(np.prod(shape))) if each is operand else np.full(int(np.prod(shape)), -1)
            pieces.append(own.reshape(shape))
        return np.concatenate(pieces, **node.parameters)
    flat = np.arange(operand.size).reshape(operand.shape)
    if node.primitive.name in ("as_float", "copy"):
        return flat
    return np.asarray(node.primitive.compute(flat, **node.parameters))


def _move(walk: _Walk, node: Traced) -> Form:
    (operand,) = node.operands
    if node.primitive is not None and node.primitive.name in ("reshape", "as_float", "copy"):
        return walk.of(operand)
    return walk.of(operand).gathered(_moved_index(node, operand))


def _concatenated(walk: _Walk, node: Traced) -> Form:
    shapes = [np.shape(value_of(operand)) for operand in node.operands]
    offsets = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    index = [np.arange(first, last).reshape(shape) for first, last, shape in zip(offsets, offsets[1:], shapes)]
    form = _stacked([walk.of(operand) for operand in node.operands])
    joined = np.concatenate(index, **node.parameters)
    return form if len(node.shape) == 1 else form.gathered(joined)


def _put(walk: _Walk, node: Traced) -> Form:
    base, values = node.operands
    index = np.arange(np.size(value_of(base)))
    index[node.parameters["index"]] = index.size + np.arange(np.size(value_of(values)))
    return _stacked([walk.of(base), walk.of(values)]).gathered(index)


def _taken_along(walk: _Walk, node: Traced) -> Form:
    array, position = node.operands
    if walk.of(position).degree().any():
        return _opaque(walk, node)
    shape = np.shape(value_of(array))
    flat = np.arange(int(np.prod(shape))).reshape(shape)
    return walk.of(array).gathered(np.take_along_axis(flat, value_of(position).astype(np.intp), -1))


# ---- rules: sums -------------------------------------------------------------------------------


def _sum_target(node: Traced) -> np.ndarray:
    """To which element of a sum each element of its operand is added."""
    shape = np.shape(value_of(node.operands[0]))
    flat = np.arange(node.size)
    if node.primitive is not None and node.primitive.name == "sum_to":
        return np.broadcast_to(flat.reshape(node.shape), shape)
    axis = node.parameters.get("axis", -1)  # of numbers added in order: along their rows
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return np.broadcast_to(flat.reshape(kept), shape)


def _summed(walk: _Walk, node: Traced) -> Form:
    return walk.of(node.operands[0]).added(_sum_target(node), node.size)


def _scattered(walk: _Walk, node: Traced) -> Form:
    return walk.of(node.operands[0]).added(node.parameters["index"], node.parameters["size"])


def _cumulative(walk: _Walk, node: Traced) -> Form:
    length = node.shape[-1]
    if node.size * length > MOST_TERMS:
        raise TooLarge
    earlier, later = np.nonzero(np.arange(length)[:, None] <= np.arange(length)[None, :])
    lines = np.arange(node.size // length)[:, None] * length
    return walk.of(node.operands[0]).gathered(lines + earlier).added(lines + later, node.size)


def _added(walk: _Walk, node: Traced) -> Form:
    left, right = (walk.spread(operand, node.shape) for operand in node.operands)
    return _sum(left, right)


def _subtracted(walk: _Walk, node: Traced) -> Form:
    left, right = (walk.spread(operand, node.shape) for operand in node.operands)
    return _sum(left, right.scaled(np.full(right.count, -1.0)))


def _negated(walk: _Walk, node: Traced) -> Form:
    return walk.of(node.operands[0]).scaled(np.full(node.size, -1.0))


# ---- rules: products ---------------------------------------------------------------------------


def _product(walk: _Walk, node: Traced, left: Form, right: Form) -> Form:
    """Element by element; an element of the node is the sum of equally many products."""
    if left.is_constant or right.is_constant:
        return right.scaled(left.constant) if left.is_constant else left.scaled(right.constant)
    degrees = left.degree().astype(int), right.degree().astype(int)
    nothing = ((degrees[0] == 0) & (left.constant == 0)) | ((degrees[1] == 0) & (right.constant == 0))
    broken = (degrees[0] + degrees[1] > 2) & ~nothing
    if broken.any() or nothing.any():
        kept = np.where(broken | nothing, 0.0, 1.0)
        reasons = [left, right]
        left, right = left.scaled(kept), right.scaled(kept)
    else:
        reasons = [left, right]
    curved = (degrees[0] == 1) & (degrees[1] == 1) & ~broken
    if curved.any() and int(np.diff(right.linear.starts)[left.linear.rows].sum()) > MOST_TERMS:
        raise TooLarge
    form = Form(
        left.constant * right.constant,
        sum_of(left.linear.scaled(right.constant), right.linear.scaled(left.constant)),
        sum_of(left.quadratic.scaled(right.constant), right.quadratic.scaled(left.constant)),
    )
    if left.why is not None or right.why is not None:
        form.why = np.minimum(_reasons(left), _reasons(right))
    if curved.any():
        form.quadratic = sum_of(form.quadratic, products(left.linear, right.linear, walk.unknowns))
    per_element = curved.size // max(node.size, 1)
    if curved.any():
        form = _because_each(walk, form, node, curved, per_element)
    if broken.any():
        why = np.minimum(_reasons(reasons[0]), _reasons(reasons[1]))
        form.why = np.where(broken, why, _reasons(form)).astype(np.int32)
        form = _because_each(walk, form, node, broken, per_element)
        form.broken = broken
    return form


def _because_each(walk: _Walk, form: Form, node: Traced, wrong: np.ndarray, per_element: int) -> Form:
    """Marks elements as not linear, where each of the node's elements is a sum of several of the form's."""
    why = _reasons(form).copy()
    unexplained = wrong & (why == NO_REASON)
    if unexplained.any():
        why[unexplained] = walk.note(node, int(np.argmax(unexplained)) // max(per_element, 1))
    form.why = why
    return form


def _multiplied(walk: _Walk, node: Traced) -> Form:
    left, right = (walk.spread(operand, node.shape) for operand in node.operands)
    return _product(walk, node, left, right)


def _squared(walk: _Walk, node: Traced) -> Form:
    form = walk.of(node.operands[0])
    return _product(walk, node, form, form)


def _divided(walk: _Walk, node: Traced) -> Form:
    above, below = (walk.spread(operand, node.shape) for operand in node.operands)
    moving = below.degree() > 0
    divisor = np.where(moving | (below.constant == 0), 1.0, below.constant)
    form = above.scaled(1.0 / divisor)
    return walk.settled(form, node, [above, below], moving & ~((above.degree() == 0) & (above.constant == 0)))


def _raised(walk: _Walk, node: Traced) -> Form:
    base, exponent = (walk.spread(operand, node.shape) for operand in node.operands)
    fixed = exponent.degree() == 0
    one, two = fixed & (exponent.constant == 1), fixed & (exponent.constant == 2)
    form = _sum(base.scaled(one.astype(float)), _of_constants(walk, node, [base, exponent], ~(one | two)))
    return _sum(form, _product(walk, node, base, base).scaled(two.astype(float))) if two.any() else form


def _dotted(walk: _Walk, node: Traced) -> Form:
    shapes = [np.shape(value_of(operand)) for operand in node.operands]
    shape = np.broadcast_shapes(*shapes)
    left, right = (walk.spread(operand, shape) for operand in node.operands)
    target = np.repeat(np.arange(node.size), shape[-1])
    return _product(walk, node, left, right).added(target, node.size)


def _matrix_product(walk: _Walk, node: Traced) -> Form:
    left, right = node.operands
    shapes = np.shape(value_of(left)), np.shape(value_of(right))
    if min(map(len, shapes)) < 2:
        return _opaque(walk, node)
    middle = shapes[0][-1]
    if node.size * middle > MOST_TERMS:
        raise TooLarge
    shape = (*node.shape, middle)
    first = np.arange(int(np.prod(shapes[0]))).reshape(shapes[0])[..., :, None, :]
    second = np.swapaxes(np.arange(int(np.prod(shapes[1]))).reshape(shapes[1]), -1, -2)[..., None, :, :]
    forms = [
        walk.of(operand).gathered(np.broadcast_to(index, shape)) for operand, index in ((left, first), (right, second))
    ]
    return _product(walk, node, *forms).added(np.repeat(np.arange(node.size), middle), node.size)


def _row_products(walk: _Walk, node: Traced) -> Form:
    """PRODUCT: of each row's numbers, one after the other."""
    (operand,) = node.operands
    rows, count = operand.shape
    form = walk.of(operand)
    flat = np.arange(form.count).reshape(rows, count)
    result = _constant(np.ones(rows))
    for position in range(count):
        result = _product(walk, node, result, form.gathered(flat[:, position]))
    return result


# ---- rules: decisions --------------------------------------------------------------------------


def _compared(relation: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[_Walk, Traced], Form]:
    """A comparison: constant where both sides are, or where the bounds leave only one answer."""

    def rule(walk: _Walk, node: Traced) -> Form:
        parts = [walk.spread(operand, node.shape) for operand in node.operands]
        form = _of_constants(walk, node, parts, np.ones(node.size, bool))
        if form.broken is None:
            return form
        low, high = walk.extremes(_sum(parts[0], parts[1].scaled(np.full(node.size, -1.0))))
        reached = np.array([low < 0, (low <= 0) & (high >= 0), high > 0])  # signs of the difference
        answers = relation(np.array([-1.0, 0.0, 1.0]), np.zeros(3))[:, None]
        true, false = (reached & answers).any(axis=0), (reached & ~answers).any(axis=0)
        settled = form.broken & (true != false)
        form.constant = np.where(settled, true, form.constant)
        return _mended(form, settled)

    return rule


def _mended(form: Form, settled: np.ndarray) -> Form:
    """The form with some elements no longer broken."""
    assert form.broken is not None and form.why is not None
    form.broken = form.broken & ~settled
    form.why = np.where(settled, NO_REASON, form.why).astype(np.int32)
    if not form.broken.any():
        form.broken = form.why = None
    return form


def _chosen(walk: _Walk, node: Traced) -> Form:
    condition, left, right = (walk.spread(operand, node.shape) for operand in node.operands)
    moving = condition.degree() > 0
    taken = (condition.constant != 0) & ~moving
    form = _sum(left.scaled(taken.astype(float)), right.scaled((~taken & ~moving).astype(float)))
    return walk.settled(form, node, [condition, left, right], moving)


def _extreme(sign: float) -> Callable[[_Walk, Traced], Form]:
    """The larger (sign 1) or the smaller (-1) of two, where the bounds tell which that is."""

    def rule(walk: _Walk, node: Traced) -> Form:
        left, right = (walk.spread(operand, node.shape) for operand in node.operands)
        low, high = walk.extremes(_sum(left, right.scaled(np.full(node.size, -1.0))))
        first = (low >= 0) if sign > 0 else (high <= 0)
        second = ~first & ((high <= 0) if sign > 0 else (low >= 0))
        if walk.frozen:
            chosen = (node.value == np.broadcast_to(value_of(node.operands[0]), node.shape)).reshape(-1)
            first, second = chosen, ~chosen
        form = _sum(left.scaled(first.astype(float)), right.scaled(second.astype(float)))
        return walk.settled(form, node, [left, right], ~first & ~second)

    return rule


def _absolute(walk: _Walk, node: Traced) -> Form:
    form = walk.of(node.operands[0])
    low, high = walk.extremes(form)
    sign = np.where(low >= 0, 1.0, np.where(high <= 0, -1.0, 0.0))
    decided = (low >= 0) | (high <= 0)
    if walk.frozen:
        sign, decided = np.where(value_of(node.operands[0]).reshape(-1) >= 0, 1.0, -1.0), np.ones(sign.size, bool)
    return walk.settled(form.scaled(sign), node, [form], ~decided)


# ---- anything else -----------------------------------------------------------------------------


def _opaque(walk: _Walk, node: Traced) -> Form:
    """An operation that is linear in nothing: a constant where it is given constants."""
    assert node.primitive is not None
    if node.primitive.elementwise:
        parts = [walk.spread(operand, node.shape) for operand in node.operands]
        return _of_constants(walk, node, parts, np.ones(node.size, bool))
    moving = any(bool(walk.of(operand).degree().any()) for operand in node.operands if isinstance(operand, Traced))
    form = _constant(node.value)
    why = [
        _reasons(walk.of(operand)).min(initial=NO_REASON) for operand in node.operands if isinstance(operand, Traced)
    ]
    if moving and min(why) != NO_REASON:
        form.why = np.full(node.size, min(why), np.int32)
    return walk.because(form, node, np.full(node.size, moving), broken=True)


def _of_constants(walk: _Walk, node: Traced, parts: list[Form], wanted: np.ndarray) -> Form:
    """The node's values where all parts are constant, broken where not, 0 where it is not wanted."""
    moving = wanted & (np.maximum.reduce([part.degree() for part in parts]) > 0)
    if walk.frozen and _decides(node):
        moving = np.zeros(moving.size, bool)
    values = np.asarray(node.value, np.float64).reshape(-1)
    form = _constant(np.where(wanted & ~moving, values, 0.0))
    return walk.settled(form, node, parts, moving)


def _decides(node: Traced) -> bool:
    """Whether a node is a decision or a position: its derivative is 0 wherever there is one."""
    derivatives = node.primitive.derivatives if node.primitive is not None else None
    return isinstance(derivatives, tuple) and not any(derivatives)


_RULES: dict[str, Callable[[_Walk, Traced], Form]] = {
    **dict.fromkeys(_MOVES, _move),
    "concatenate": _concatenated,
    "put": _put,
    "take_along": _taken_along,
    "sum": _summed,
    "sum_to": _summed,
    "scatter_add": _scattered,
    "cumulative_sum": _cumulative,
    "add": _added,
    "subtract": _subtracted,
    "negative": _negated,
    "multiply": _multiplied,
    "square": _squared,
    "divide": _divided,
    "power": _raised,
    "vecdot": _dotted,
    "matmul": _matrix_product,
    "product": _row_products,
    "where": _chosen,
    "maximum": _extreme(1.0),
    "minimum": _extreme(-1.0),
    "absolute": _absolute,
    **{name: _compared(getattr(np, name)) for name in _COMPARISONS},
}
