"""Array operations that can be traced: each operation's value and derivative, side by side.

Every function of the engine computes through the operations of this module. Applied to NumPy arrays
an operation simply computes. Applied to a `Traced` array it also records itself, so that one ordinary
evaluation of the cells leaves behind the graph from the inputs to the output, with everything that
does not depend on the inputs already folded to constants. Derivatives are written in the same
operations: the gradient is itself a graph, which can be compiled, or differentiated again.

The design follows HIPS autograd (Maclaurin, Duvenaud, Adams 2015): a derivative beside its function,
as the vector-Jacobian product.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from sheetml.errors import NotDifferentiableError


class Trace:
    """One recording: its guards are the decisions it took that depend on the inputs' values."""

    def __init__(self) -> None:
        self.guards: list[tuple[Traced, np.ndarray]] = []
        self.undifferentiable: str | None = None  # what ended the derivative, in words
        self.place: object = ""  # the cells being evaluated, for messages: str() tells them
        self.function: str = ""  # and the worksheet function or operator
        self.problems: dict[int, str] = {}  # why cells could not be computed, by slot
        self._guarded: set[int] = set()

    def guard(self, traced: Traced) -> np.ndarray:
        """The value itself; the trace then holds only while that value stays the same."""
        if id(traced) not in self._guarded:
            self._guarded.add(id(traced))
            self.guards.append((traced, traced.value))
        return traced.value

    @contextlib.contextmanager
    def evaluating(self, function: str) -> Iterator[None]:
        """While a function or an operator is evaluated: messages name the innermost one."""
        outer, self.function = self.function, function
        try:
            yield
        finally:
            self.function = outer

    def forget_after(self, count: int) -> None:
        """Drops the guards recorded after the first `count`: what they were needed for is not used."""
        for traced, _ in self.guards[count:]:
            self._guarded.discard(id(traced))
        del self.guards[count:]


class Traced:
    """An array that depends on the trace's inputs: how it came about, and its value just now."""

    __slots__ = ("function", "operands", "parameters", "place", "primitive", "trace", "value")

    def __init__(
        self,
        trace: Trace,
        value: np.ndarray,
        primitive: Primitive | None = None,
        operands: tuple[Any, ...] = (),
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.trace = trace
        self.value = value
        self.primitive = primitive
        self.operands = operands
        self.parameters = parameters or {}
        self.place = trace.place
        self.function = trace.function  # the worksheet function it is part of, "" for an operator

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def ndim(self) -> int:
        return self.value.ndim


Array: TypeAlias = np.ndarray | Traced
Derivative: TypeAlias = Callable[..., Any]


class Primitive:
    """An operation: `compute` gives its value, `derivatives[i]` its derivative by operand i.

    A derivative is called as `f(gradient, result, *operands, **parameters)` and returns the gradient
    with respect to that operand. `None` for a derivative that is zero wherever it exists (a comparison,
    a position). An operation without `derivatives` cannot be differentiated: that is said by its name.
    `emit` writes the operation as an expression of Python source, `scalar` as one on plain floats. `by_cell` says
    that the first axis of operands and result counts cells, each computed by itself. `on_lanes` is the operation on
    operands that have lanes, a further last axis (see lanes.py), where none of this tells how that goes; `source`
    the same as readable code: from the operands' texts, and what names a helper (see source.py).
    """

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        derivatives: Iterable[Derivative | None] | None = None,
        *,
        elementwise: bool = False,
        emit: Callable[..., str] | None = None,
        scalar: str | None = None,
        by_cell: bool = False,
        on_lanes: Callable[..., Any] | None = None,
        source: Callable[[list[str], Callable[[str], str]], str] | None = None,
    ) -> None:
        self.name = name
        self.compute = compute
        self.derivatives = derivatives
        self.elementwise = elementwise
        self.emit = emit
        self.scalar = scalar
        self.by_cell = by_cell
        self.on_lanes = on_lanes
        self.source = source

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Traced):
                values = [o.value if isinstance(o, Traced) else o for o in operands]
                value = np.asarray(self.compute(*values, **parameters))
                return Traced(operand.trace, value, self, operands, parameters)
        return self.compute(*operands, **parameters)

    def __repr__(self) -> str:
        return f"Primitive({self.name})"


def value_of(array: Any) -> Any:
    """The array's value now, without any promise that it stays: for messages and shapes only."""
    return array.value if isinstance(array, Traced) else array


def concrete(array: Any) -> np.ndarray:
    """The array's value for taking a decision; a trace then holds while the value stays the same."""
    return array.trace.guard(array) if isinstance(array, Traced) else array


def frozen(array: Any, why: str = "") -> np.ndarray:
    """The array's value for something that has no derivative (whole numbers, text).

    Asking for it names the function being evaluated and its cells; `why` says what it did.
    """
    if isinstance(array, Traced):
        trace = array.trace
        if trace.undifferentiable is None:
            where_it_is = f" in {trace.place}" if trace.place else ""
            reason = f" ({why})" if why not in ("", trace.function) else ""
            trace.undifferentiable = f"{trace.function}{where_it_is}{reason}"
    return concrete(array)


def violated(mask: Array, *, flagged: bool = True) -> np.ndarray | None:
    """Where a condition that makes an error holds; None if nowhere.

    With `flagged` the violation also raises a floating-point flag (a division by zero, the root of
    a negative number), which compiled code watches for free; only otherwise a guard is needed.
    """
    value = value_of(mask)
    if not value.any():
        if isinstance(mask, Traced) and not flagged:
            concrete(mask)
        return None
    return concrete(mask)


# ---- shapes ------------------------------------------------------------------------------------


def _shape(array: Any) -> tuple[int, ...]:
    return np.shape(array.value) if isinstance(array, Traced) else np.shape(array)


def sum_to(array: Any, shape: tuple[int, ...]) -> Any:
    """Sums out what broadcasting repeated: the derivative of broadcasting."""
    if _shape(array) == shape:
        return array
    return _sum_to(array, shape=shape)


def _compute_sum_to(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x = np.asarray(x)
    if x.size == 1 and x.ndim <= len(shape) and all(s == 1 for s in shape):
        return x.reshape(shape)
    extra = x.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, size in enumerate(shape) if size == 1 and x.shape[i + extra] != 1
    )
    return np.add.reduce(x, axis=axes).reshape(shape) if axes else x.reshape(shape)


def _emit_sum_to(node: Traced, names: list[str], bind: Callable[[Any], str]) -> str:
    shape, source = node.parameters["shape"], _shape(node.operands[0])
    extra = len(source) - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, size in enumerate(shape) if size == 1 and source[i + extra] != 1
    )
    return f"{bind(np.add.reduce)}({names[0]}, {axes}).reshape({shape})"


def broadcast_to(array: Any, shape: tuple[int, ...]) -> Any:
    if _shape(array) == shape:
        return array
    return _broadcast_to(array, shape=shape)


def reshape(array: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(array, Traced):
        if array.shape == shape:
            return array
        return _reshape(array, shape=shape)
    return array.reshape(shape)


_sum_to: Primitive = Primitive(
    "sum_to",
    _compute_sum_to,
    (lambda g, r, x, shape: broadcast_to(reshape(g, (1,) * (len(_shape(x)) - len(shape)) + shape), _shape(x)),),
    emit=_emit_sum_to,
)
_broadcast_to: Primitive = Primitive(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    (lambda g, r, x, shape: sum_to(g, _shape(x)),),
)
_reshape: Primitive = Primitive(
    "reshape",
    lambda x, shape: x.reshape(shape),
    (lambda g, r, x, shape: reshape(g, _shape(x)),),
    emit=lambda node, names, bind: f"{names[0]}.reshape({node.parameters['shape']})",
)
transpose: Primitive = Primitive(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    (lambda g, r, x, axes: transpose(g, axes=tuple(int(i) for i in np.argsort(axes))),),
    emit=lambda node, names, bind: f"{names[0]}.transpose({node.parameters['axes']})",
)


# ---- elementwise -------------------------------------------------------------------------------


def _binary(
    name: str, compute: Callable[..., Any], left: Derivative | None, right: Derivative | None, scalar: str
) -> Primitive:
    """A broadcasting operation of two operands; derivatives are given for equal shapes."""

    def reduced(derivative: Derivative | None, position: int) -> Derivative | None:
        if derivative is None:
            return None
        return lambda g, r, x, y: sum_to(derivative(g, r, x, y), _shape((x, y)[position]))

    return Primitive(name, compute, (reduced(left, 0), reduced(right, 1)), elementwise=True, scalar=scalar)


def unary(
    name: str, compute: Callable[..., Any], derivative: Derivative | None, scalar: str | None = None
) -> Primitive:
    """An elementwise operation; `derivative(x, y)` is dy/dx at y = f(x), in traceable operations."""
    rule: Derivative | None = None
    if derivative is not None:
        rule = lambda g, r, x: multiply(g, derivative(x, r))  # noqa: E731
    return Primitive(name, compute, (rule,), elementwise=True, scalar=scalar)


def smooth(name: str, compute: Callable[..., Any], *slopes: Derivative | None) -> Primitive:
    """A broadcasting operation of several operands; `slope(result, *operands)` is its derivative by one of them."""

    def rule(slope: Derivative | None, position: int) -> Derivative | None:
        if slope is None:
            return None
        return lambda g, r, *x: sum_to(multiply(g, slope(r, *x)), _shape(x[position]))

    return Primitive(name, compute, tuple(map(rule, slopes, itertools.count())), elementwise=True)


def _is_one(array: Any) -> bool:
    return not isinstance(array, Traced) and np.ndim(array) == 0 and array == 1.0


_multiply: Primitive = _binary(
    "multiply",
    np.multiply,
    lambda g, r, x, y: multiply(g, y),
    lambda g, r, x, y: multiply(g, x),
    "({0} * {1})",
)


def multiply(x: Any, y: Any) -> Any:
    if _is_one(x):
        return y
    if _is_one(y):
        return x
    return _multiply(x, y)


add: Primitive = _binary("add", np.add, lambda g, r, x, y: g, lambda g, r, x, y: g, "({0} + {1})")
subtract: Primitive = _binary(
    "subtract", np.subtract, lambda g, r, x, y: g, lambda g, r, x, y: negative(g), "({0} - {1})"
)
divide: Primitive = _binary(
    "divide",
    np.divide,
    lambda g, r, x, y: divide(g, y),
    lambda g, r, x, y: negative(divide(multiply(g, r), y)),
    "({0} / {1})",
)
negative: Primitive = Primitive(
    "negative", np.negative, (lambda g, r, x: negative(g),), elementwise=True, scalar="(-{0})"
)


def _power_by_base(g: Any, r: Any, x: Any, y: Any) -> Any:
    if isinstance(y, Traced) or not np.all(y):
        both = logical_and(equal(x, 0.0), equal(y, 0.0))
        x = where(both, 1.0, x)  # x**0 is flat also where x is 0, which 0 * x**-1 would not say
    return multiply(g, multiply(y, power(x, subtract(y, 1.0))))


def _power_by_exponent(g: Any, r: Any, x: Any, y: Any) -> Any:
    # x**y log(x), and 0 where x is 0 (the limit for y > 0)
    positive = greater(x, 0.0)
    return multiply(g, where(positive, multiply(r, log(where(positive, x, 1.0))), 0.0))


_power: Primitive = _binary("power", np.power, _power_by_base, _power_by_exponent, "({0} ** {1})")
square: Primitive = unary("square", np.square, lambda x, y: multiply(2.0, x), "({0} * {0})")


def power(x: Any, y: Any) -> Any:
    """x ** y; the exponents met most are made of cheaper operations, which also differentiate at 0."""
    if not isinstance(y, Traced) and np.size(y) == 1 and np.ndim(y) <= np.ndim(value_of(x)):
        exponent = float(np.reshape(y, ()))
        if exponent == 2.0:
            return square(x)
        if exponent == 1.0:
            return x
        if exponent == 0.0:
            return np.ones(_shape(x))
        if exponent == -1.0:
            return divide(1.0, x)
    return _power(x, y)


maximum: Primitive = _binary(
    "maximum",
    np.maximum,
    lambda g, r, x, y: where(greater_equal(x, y), g, 0.0),
    lambda g, r, x, y: where(greater_equal(x, y), 0.0, g),
    "max({0}, {1})",
)
minimum: Primitive = _binary(
    "minimum",
    np.minimum,
    lambda g, r, x, y: where(less_equal(x, y), g, 0.0),
    lambda g, r, x, y: where(less_equal(x, y), 0.0, g),
    "min({0}, {1})",
)
arctan2: Primitive = _binary(
    "arctan2",
    np.arctan2,
    lambda g, r, y, x: multiply(g, divide(x, add(square(x), square(y)))),
    lambda g, r, y, x: negative(multiply(g, divide(y, add(square(x), square(y))))),
    "atan2({0}, {1})",
)

equal: Primitive = _binary("equal", np.equal, None, None, "float({0} == {1})")
not_equal: Primitive = _binary("not_equal", np.not_equal, None, None, "float({0} != {1})")
less: Primitive = _binary("less", np.less, None, None, "float({0} < {1})")
less_equal: Primitive = _binary("less_equal", np.less_equal, None, None, "float({0} <= {1})")
greater: Primitive = _binary("greater", np.greater, None, None, "float({0} > {1})")
greater_equal: Primitive = _binary("greater_equal", np.greater_equal, None, None, "float({0} >= {1})")
logical_and: Primitive = _binary("logical_and", np.logical_and, None, None, "float({0} != 0 and {1} != 0)")
logical_or: Primitive = _binary("logical_or", np.logical_or, None, None, "float({0} != 0 or {1} != 0)")
logical_not: Primitive = unary("logical_not", np.logical_not, None, "float({0} == 0)")
is_finite: Primitive = unary("is_finite", np.isfinite, None)

exp: Primitive = unary("exp", np.exp, lambda x, y: y, "exp({0})")
log: Primitive = unary("log", np.log, lambda x, y: divide(1.0, x), "log({0})")
log1p: Primitive = unary("log1p", np.log1p, lambda x, y: divide(1.0, add(1.0, x)), "log1p({0})")
expm1: Primitive = unary("expm1", np.expm1, lambda x, y: add(1.0, y), "expm1({0})")
log10: Primitive = unary("log10", np.log10, lambda x, y: divide(1 / np.log(10.0), x), "log10({0})")
sqrt: Primitive = unary("sqrt", np.sqrt, lambda x, y: divide(0.5, y), "sqrt({0})")
absolute: Primitive = unary("absolute", np.abs, lambda x, y: sign(x), "abs({0})")
sign: Primitive = unary("sign", np.sign, None, "float(({0} > 0) - ({0} < 0))")
sin: Primitive = unary("sin", np.sin, lambda x, y: cos(x), "sin({0})")
cos: Primitive = unary("cos", np.cos, lambda x, y: negative(sin(x)), "cos({0})")
tan: Primitive = unary("tan", np.tan, lambda x, y: add(1.0, square(y)), "tan({0})")
arcsin: Primitive = unary("arcsin", np.arcsin, lambda x, y: divide(1.0, sqrt(subtract(1.0, square(x)))), "asin({0})")
arccos: Primitive = unary("arccos", np.arccos, lambda x, y: divide(-1.0, sqrt(subtract(1.0, square(x)))), "acos({0})")
arctan: Primitive = unary("arctan", np.arctan, lambda x, y: divide(1.0, add(1.0, square(x))), "atan({0})")
sinh: Primitive = unary("sinh", np.sinh, lambda x, y: cosh(x), "sinh({0})")
cosh: Primitive = unary("cosh", np.cosh, lambda x, y: sinh(x), "cosh({0})")
tanh: Primitive = unary("tanh", np.tanh, lambda x, y: subtract(1.0, square(y)), "tanh({0})")
arcsinh: Primitive = unary("arcsinh", np.arcsinh, lambda x, y: divide(1.0, sqrt(add(square(x), 1.0))), "asinh({0})")
arccosh: Primitive = unary(
    "arccosh", np.arccosh, lambda x, y: divide(1.0, sqrt(subtract(square(x), 1.0))), "acosh({0})"
)
arctanh: Primitive = unary("arctanh", np.arctanh, lambda x, y: divide(1.0, subtract(1.0, square(x))), "atanh({0})")

_where: Primitive = Primitive(
    "where",
    np.where,
    (
        None,
        lambda g, r, c, x, y: sum_to(where(c, g, 0.0), _shape(x)),
        lambda g, r, c, x, y: sum_to(where(c, 0.0, g), _shape(y)),
    ),
    elementwise=True,
    scalar="({1} if {0} else {2})",
)


def where(condition: Any, x: Any, y: Any) -> Any:
    return _where(condition, x, y)


# ---- gathering and scattering ------------------------------------------------------------------


def _scatter_add(x: np.ndarray, index: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(index.reshape(-1), weights=x.reshape(-1), minlength=size)


def _emit_scatter_add(node: Traced, names: list[str], bind: Callable[[Any], str]) -> str:
    index, size = node.parameters["index"].reshape(-1), node.parameters["size"]
    if np.array_equal(index, np.arange(size)):
        return f"{names[0]}.reshape(-1)"
    flat = f"{names[0]}.reshape(-1)"
    return f"{bind(np.bincount)}({bind(index)}, {flat}, {size})"


_take: Primitive = Primitive(
    "take",
    lambda x, index: x.take(index),
    (lambda g, r, x, index: reshape(scatter_add(g, index=index, size=x.size), x.shape),),
    emit=lambda node, names, bind: f"{names[0]}.take({bind(node.parameters['index'])})",
)
scatter_add: Primitive = Primitive(
    "scatter_add",
    _scatter_add,
    (lambda g, r, x, index, size: reshape(take(g, index), _shape(x)),),
    emit=_emit_scatter_add,
)


def take(array: Any, index: np.ndarray) -> Any:
    """Elements of the flattened array, in the shape of `index` (constant positions)."""
    if isinstance(array, Traced) and index.size == array.size and _is_identity(index):
        return reshape(array, index.shape)
    return _take(array, index=index)


def _is_identity(index: np.ndarray) -> bool:
    flat = index.reshape(-1)
    return bool(flat.size) and flat[0] == 0 and flat[-1] == flat.size - 1 and bool((np.diff(flat) == 1).all())


def _put(base: np.ndarray, values: np.ndarray, index: np.ndarray) -> np.ndarray:
    result = np.array(base, dtype=np.float64)
    result.reshape(-1)[index] = values.reshape(-1)
    return result


put: Primitive = Primitive(
    "put",
    _put,
    (
        lambda g, r, base, values, index: put(g, np.zeros(_shape(values)), index=index),
        lambda g, r, base, values, index: reshape(take(g, index), _shape(values)),
    ),
)


def _put_along(x: np.ndarray, index: np.ndarray, size: int) -> np.ndarray:
    result = np.zeros((*x.shape[:-1], size))
    np.put_along_axis(result, index.astype(np.intp), x, -1)
    return result


take_along: Primitive = Primitive(
    "take_along",
    lambda x, index: np.take_along_axis(x, index.astype(np.intp), -1),
    (lambda g, r, x, index: put_along(g, index, size=_shape(x)[-1]), None),
)
put_along: Primitive = Primitive("put_along", _put_along, (lambda g, r, x, index, size: take_along(g, index), None))
argmax: Primitive = Primitive("argmax", lambda x: np.argmax(x, axis=-1, keepdims=True), (None,))
argmin: Primitive = Primitive("argmin", lambda x: np.argmin(x, axis=-1, keepdims=True), (None,))
argsort: Primitive = Primitive("argsort", lambda x: np.argsort(x, axis=-1, kind="stable"), (None,))

_concatenate: Primitive = Primitive("concatenate", lambda *x, axis: np.concatenate(x, axis=axis))


def _concatenate_rule(position: int) -> Derivative:
    def rule(g: Any, r: Any, *operands: Any, axis: int) -> Any:
        start = int(np.sum([_shape(o)[axis] for o in operands[:position]]))
        flat = np.arange(int(np.prod(_shape(r)))).reshape(_shape(r))
        piece = np.take(flat, np.arange(start, start + _shape(operands[position])[axis]), axis=axis)
        return take(g, piece)

    return rule


class _ConcatenateRules:
    """One rule for each operand, however many there are."""

    def __iter__(self) -> Iterator[Derivative]:
        return map(_concatenate_rule, itertools.count())


_concatenate.derivatives = _ConcatenateRules()


def concatenate(arrays: list[Any], axis: int) -> Any:
    return arrays[0] if len(arrays) == 1 else _concatenate(*arrays, axis=axis)


# ---- reductions and linear algebra -------------------------------------------------------------

_sum: Primitive = Primitive(
    "sum",
    lambda x, axis: np.add.reduce(x, axis=axis),
    (lambda g, r, x, axis: broadcast_to(_expand(g, _shape(x), axis), _shape(x)),),
    emit=lambda node, names, bind: f"{bind(np.add.reduce)}({names[0]}, {node.parameters['axis']})",
)


def _expand(array: Any, shape: tuple[int, ...], axis: int | tuple[int, ...]) -> Any:
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return reshape(array, tuple(1 if i in axes else size for i, size in enumerate(shape)))


def sum(array: Any, axis: int | tuple[int, ...]) -> Any:
    return _sum(array, axis=axis)


_sum_in_order: Primitive = Primitive(
    "sum",
    lambda x, axis: np.add.accumulate(x, axis=1)[:, -1] if x.shape[1] else np.zeros(x.shape[0]),
    _sum.derivatives,
    emit=_sum.emit,
)


def sum_in_order(array: Any) -> Any:
    """The sums of rows, (b, n) to (b,), one number after the other: what rounding leaves depends on the order.

    In compiled functions, which are searched for optima, they are added in halves: that leaves less.
    """
    return _sum_in_order(array, axis=1)


def adds_in_order(primitive: Primitive) -> bool:
    return primitive is _sum_in_order


SHORT_DOT = 256  # numbers in all, up to which products are added in NumPy's order for sums, on any machine


def _vecdot(x: np.ndarray, y: np.ndarray) -> Any:
    return np.add.reduce(x * y, axis=-1) if max(x.size, y.size) <= SHORT_DOT else np.vecdot(x, y)


vecdot: Primitive = Primitive(
    "vecdot",
    _vecdot,
    (
        lambda g, r, x, y: sum_to(multiply(reshape(g, (*_shape(r), 1)), y), _shape(x)),
        lambda g, r, x, y: sum_to(multiply(reshape(g, (*_shape(r), 1)), x), _shape(y)),
    ),
)
vecdot.__doc__ = "The sum over the last axis of x times y."


def _swap(array: Any) -> Any:
    axes = tuple(range(len(_shape(array)) - 2))
    return transpose(array, axes=(*axes, len(axes) + 1, len(axes)))


matmul: Primitive = Primitive(
    "matmul",
    np.matmul,
    (
        lambda g, r, x, y: sum_to(matmul(g, _swap(y)), _shape(x)),
        lambda g, r, x, y: sum_to(matmul(_swap(x), g), _shape(y)),
    ),
)
inverse: Primitive = Primitive(
    "inverse",
    np.linalg.inv,
    (lambda g, r, x: negative(matmul(matmul(_swap(r), g), _swap(r))),),
)


def _compute_adjugate(x: np.ndarray) -> np.ndarray:
    """By singular values: of a product it is the product of adjugates, the other way round."""
    left, values, right = np.linalg.svd(x)
    count = values.shape[-1]
    others = np.stack([np.delete(values, i, axis=-1).prod(axis=-1) for i in range(count)], axis=-1)
    signs = np.linalg.det(left) * np.linalg.det(right)
    scaled = np.swapaxes(right, -1, -2) * (np.rint(signs)[..., None] * others)[..., None, :]
    return np.matmul(scaled, np.swapaxes(left, -1, -2))


def _adjugate_rule(g: Any, r: Any, x: Any) -> Any:
    """Of determinant times inverse: singular matrices are refused by inverse, and so have no derivative here."""
    inverted = inverse(x)
    slope = sum(multiply(g, inverted), axis=(-2, -1))
    by_determinant = multiply(reshape(slope, (*_shape(slope), 1, 1)), _swap(r))
    by_inverse = matmul(matmul(_swap(inverted), g), _swap(inverted))
    return subtract(by_determinant, multiply(reshape(determinant(x), (*_shape(slope), 1, 1)), by_inverse))


adjugate: Primitive = Primitive("adjugate", _compute_adjugate, (_adjugate_rule,))
determinant: Primitive = Primitive(
    "determinant",
    np.linalg.det,
    # Jacobi's formula
    (lambda g, r, x: multiply(reshape(g, (*_shape(r), 1, 1)), _swap(adjugate(x))),),
)
cumulative_sum: Primitive = Primitive(
    "cumulative_sum",
    lambda x: np.cumsum(x, axis=-1),
    (lambda g, r, x: reverse(cumulative_sum(reverse(g))),),
)
reverse: Primitive = Primitive("reverse", lambda x: x[..., ::-1], (lambda g, r, x: reverse(g),))


def position_of(name: str, compute: Callable[..., Any], **forms: Any) -> Primitive:
    """An operation whose result is a position or a decision: its derivative is zero where it exists."""
    return Primitive(name, compute, (None,) * 255, **forms)


def undifferentiable(name: str, compute: Callable[..., Any], scalar: str | None = None) -> Primitive:
    """An operation with a value only (ROUND, INT): asking for its derivative names it."""
    return Primitive(name, compute, None, elementwise=True, scalar=scalar)


# ---- the derivative of a graph -----------------------------------------------------------------


def ordered(outputs: Iterable[Any], leaves: Container[int] = ()) -> list[Traced]:
    """All traced arrays the outputs depend on, each after its operands; not those behind `leaves` (by id)."""
    order: list[Traced] = []
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(output, False) for output in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if not isinstance(node, Traced) or id(node) in done:
            continue
        if expanded:
            done.add(id(node))
            order.append(node)
        else:
            stack.append((node, True))
            if id(node) not in leaves:
                stack.extend((operand, False) for operand in node.operands)
    return order


def gradient(output: Any, wrt: Traced, seed: Any = 1.0) -> Any:
    """The graph of d(seed · output)/d(wrt), by one pass from the output back.

    Raises NotDifferentiableError if an operation without a derivative lies between the two.
    """
    if not isinstance(output, Traced):
        return np.zeros(wrt.shape)
    start = np.ones(output.shape) if np.ndim(value_of(seed)) == 0 and output.size == 1 else seed
    adjoint: dict[int, Any] = {id(output): start}
    depends = dependents(output, wrt)
    for node in reversed(ordered([output])):
        incoming = adjoint.pop(id(node), None) if node is not wrt else None
        if incoming is None or node.primitive is None:
            continue
        _pass_back(node, incoming, adjoint, depends)
    return adjoint.get(id(wrt), np.zeros(wrt.shape))


def dependents(output: Traced, wrt: Traced) -> set[int]:
    """What of the graph depends on `wrt`, itself included (by id)."""
    depends = {id(wrt)}
    for node in ordered([output]):
        if any(id(operand) in depends for operand in node.operands):
            depends.add(id(node))
    return depends


def _pass_back(node: Traced, incoming: Any, adjoint: dict[int, Any], depends: set[int]) -> None:
    primitive = node.primitive
    assert primitive is not None
    if primitive.derivatives is None:
        where_it_is = f" in {node.place}" if node.place else ""
        raise NotDifferentiableError(f"{primitive.name}{where_it_is} has no derivative")
    for operand, derivative in zip(node.operands, primitive.derivatives):
        if derivative is None or id(operand) not in depends:
            continue
        part = derivative(incoming, node, *node.operands, **node.parameters)
        known = adjoint.get(id(operand))
        adjoint[id(operand)] = part if known is None else add(known, part)
