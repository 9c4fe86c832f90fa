"""A traced graph as Python source over NumPy arrays: one expression an operation.

The source calls `np` (NumPy, or jax.numpy, which has the same names), `special` (scipy.special, or its like in
JAX) and helpers of this module, whose own source is in HELPERS. What an operation is called comes from its NumPy
function where it is one; what works along axes has a rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.engine.precision import COMPARISONS, SUMS_THAT_VANISH
from sheetml.engine.signals import Signal
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Traced

HELPERS = {
    "with_15_digits": '''
def with_15_digits(x):
    """Numbers by their 15 significant digits, as Excel sees them in comparisons and whole numbers."""
    digits = 14.0 - np.floor(np.log10(np.where(x == 0.0, 1.0, np.abs(x))))
    scale = 10.0 ** np.minimum(np.abs(digits), 300.0)
    return np.where(digits >= 0.0, np.rint(x * scale) / scale, np.rint(x / scale) * scale)
''',
    "as_seen": '''
def as_seen(x, y):
    """Both sides of a comparison: by 15 digits where they are nearly the same."""
    near = np.abs(x - y) <= 1e-14 * np.abs(x)
    return np.where(near, with_15_digits(x), x), np.where(near, with_15_digits(y), y)
''',
    "unless_vanishing": '''
def unless_vanishing(total, x, y):
    """A formula's last sum, which is 0 where it lies 50 binary places below its operands, as in Excel."""
    _, exponent = np.frexp(np.maximum(np.abs(x), np.abs(y)))
    return np.where(np.abs(total) < np.ldexp(1.0, exponent - 50), 0.0, total)
''',
    "rounded_to": '''
def rounded_to(x, places, rounding):
    """Magnitudes rounded to decimal places (negative: tens, hundreds), as ROUND and its kin do."""
    digits = np.clip(np.trunc(places), -300.0, 300.0)
    scale = 10.0 ** np.abs(digits)
    magnitude = np.where(digits >= 0.0, np.abs(x) * scale, np.abs(x) / scale)
    whole = rounding(with_15_digits(magnitude))
    result = np.where(digits >= 0.0, whole / scale, whole * scale)
    return np.where(magnitude < 1e15, np.copysign(result, x) + 0.0, x)
''',
    "half_up": '''
def half_up(x):
    """The nearest whole numbers; halves go up."""
    return np.floor(x + 0.5)
''',
    "whole_below": '''
def whole_below(x):
    """INT: the largest whole numbers not above, by 15 digits."""
    return np.floor(np.where(np.abs(x) < 1e14, with_15_digits(x), x))
''',
    "to_multiple": '''
def to_multiple(x, step, rounding):
    """Numbers rounded to multiples of a step, 0 for a step of 0."""
    safe = np.where(step == 0.0, 1.0, step)
    return np.where(step == 0.0, 0.0, rounding(with_15_digits(x / safe)) * safe) + 0.0
''',
    "first_equal": '''
def first_equal(wanted, line):
    """The position of numbers in a line of them, from 0; -1 where one is not there."""
    same = wanted[..., None] == line
    return np.where(same.any(-1), same.argmax(-1), -1)
''',
    "gathered_sum": '''
def gathered_sum(values, index, size):
    """The sums of values that go to the same position, (size,)."""
    return np.bincount(index.reshape(-1), weights=values.reshape(-1), minlength=size)
''',
    "with_values": '''
def with_values(base, values, index):
    """An array with other values at some positions of it."""
    result = np.array(base, float)
    result.reshape(-1)[index] = values.reshape(-1)
    return result
''',
    "placed_along": '''
def placed_along(values, index, size):
    """Zeros along the last axis, with values at positions."""
    result = np.zeros((*values.shape[:-1], size))
    np.put_along_axis(result, index.astype(int), values, -1)
    return result
''',
    "adjugate": '''
def adjugate(x):
    """The transposed cofactors of square matrices, by singular values."""
    left, values, right = np.linalg.svd(x)
    others = [np.delete(values, i, axis=-1).prod(axis=-1) for i in range(values.shape[-1])]
    sign = np.rint(np.linalg.det(left) * np.linalg.det(right))
    scaled = np.swapaxes(right, -1, -2) * (sign[..., None] * np.stack(others, axis=-1))[..., None, :]
    return np.matmul(scaled, np.swapaxes(left, -1, -2))
''',
}
_NEEDS = {
    "as_seen": ["with_15_digits"],
    "rounded_to": ["with_15_digits", "half_up"],
    "whole_below": ["with_15_digits"],
    "to_multiple": ["with_15_digits", "half_up"],
}
_OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "true_divide": "/",
    "power": "**",
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_ROUNDED = {"ROUND": "half_up", "ROUNDUP": "np.ceil", "ROUNDDOWN": "np.floor", "TRUNC": "np.floor"}
_MULTIPLES = {"CEILING": "np.ceil", "FLOOR": "np.floor", "MROUND": "half_up"}


class NoSource(Signal):
    """The operation is computed in a way that this module has no expression for."""


class Scope(Protocol):
    """What the expressions refer to: constants by their text, helpers by their name."""

    def constant(self, item: Any) -> str: ...

    def helper(self, name: str) -> str: ...


def with_needed(helpers: Sequence[str]) -> list[str]:
    """Helpers and those that they call, in the order of HELPERS."""
    wanted = {*helpers, *(needed for name in helpers for needed in _NEEDS.get(name, []))}
    return [name for name in HELPERS if name in wanted]


def expression(node: Traced, operands: list[str], scope: Scope) -> str:
    """The operation on operands given by their texts; an operator stands in parentheses. Raises NoSource."""
    primitive = node.primitive
    assert primitive is not None
    if primitive.source is not None:
        return primitive.source(operands, scope.helper)
    if primitive in COMPARISONS.values():
        return f"np.{primitive.name}(*{scope.helper('as_seen')}({', '.join(operands)}))"
    if primitive in SUMS_THAT_VANISH.values():
        total = f"{operands[0]} {_OPERATORS[primitive.name]} {operands[1]}"
        return f"{scope.helper('unless_vanishing')}({total}, {', '.join(operands)})"
    rule = _RULES.get(primitive.name)
    if rule is not None:
        return rule(node, operands, scope)
    return _named(primitive.compute, operands)


def _named(compute: Any, operands: list[str]) -> str:
    """A function that NumPy or SciPy has by name, elementwise."""
    name = getattr(compute, "__name__", "")
    if isinstance(compute, np.ufunc) and compute.signature is None:
        if name in _OPERATORS:
            return f"({operands[0]} {_OPERATORS[name]} {operands[1]})"
        if name == "negative":
            return f"(-{operands[0]})"
        return f"np.{name}({', '.join(operands)})"
    if name.startswith("special."):
        return f"{name}({', '.join(operands)})"
    raise NoSource


# ---- what works along axes ---------------------------------------------------------------------

Rule = Callable[[Traced, list[str], Scope], str]


def _shape(node: Traced, position: int = 0) -> tuple[int, ...]:
    return np.shape(ops.value_of(node.operands[position]))


def _sum_to(node: Traced, operands: list[str], scope: Scope) -> str:
    shape, source = node.parameters["shape"], _shape(node)
    extra = len(source) - len(shape)
    axes = (*range(extra), *(i + extra for i, size in enumerate(shape) if size == 1 and source[i + extra] != 1))
    return f"{operands[0]}.sum({axes}).reshape({shape})" if axes else f"{operands[0]}.reshape({shape})"


def _take(node: Traced, operands: list[str], scope: Scope) -> str:
    index = node.parameters["index"]
    flat, size = index.reshape(-1), int(np.prod(_shape(node)))
    line = operands[0] if len(_shape(node)) == 1 else f"{operands[0]}.reshape(-1)"
    if flat.size and (np.diff(flat) == 1).all() and flat[0] >= 0:
        first, last = int(flat[0]), int(flat[-1]) + 1
        chosen = f"{line}[{first}:{last}]" if last - first < size else line
        return chosen if index.ndim == 1 else f"{chosen}.reshape({index.shape})"
    return f"{line}[{scope.constant(index)}]"


def _scatter(node: Traced, operands: list[str], scope: Scope) -> str:
    index, size = node.parameters["index"].reshape(-1), node.parameters["size"]
    if np.array_equal(index, np.arange(size)):
        return f"{operands[0]}.reshape(-1)"
    return f"{scope.helper('gathered_sum')}({operands[0]}, {scope.constant(index)}, {size})"


def _put(node: Traced, operands: list[str], scope: Scope) -> str:
    index = np.asarray(node.parameters["index"])
    return f"{scope.helper('with_values')}({operands[0]}, {operands[1]}, {scope.constant(index)})"


def _concatenate(node: Traced, operands: list[str], scope: Scope) -> str:
    return f"np.concatenate([{', '.join(operands)}], axis={node.parameters['axis']})"


def _template(text: str, helper: str = "") -> Rule:
    """`{0}`, `{1}` are operands, `{name}` a parameter of the operation, `{helper}` a helper."""

    def rule(node: Traced, operands: list[str], scope: Scope) -> str:
        parameters = {**node.parameters, "helper": scope.helper(helper) if helper else ""}
        return text.format(*operands, **parameters)

    return rule


_RULES: dict[str, Rule] = {
    "sum_to": _sum_to,
    "broadcast_to": _template("np.broadcast_to({0}, {shape})"),
    "reshape": _template("{0}.reshape({shape})"),
    "transpose": _template("{0}.transpose({axes})"),
    "where": _template("np.where({0}, {1}, {2})"),
    "as_float": _template("{0}.astype(float)"),
    "take": _take,
    "scatter_add": _scatter,
    "put": _put,
    "take_along": _template("np.take_along_axis({0}, {1}.astype(int), -1)"),
    "put_along": _template("{helper}({0}, {1}, {size})", "placed_along"),
    "argmax": _template("np.argmax({0}, axis=-1, keepdims=True)"),
    "argmin": _template("np.argmin({0}, axis=-1, keepdims=True)"),
    "argsort": _template("np.argsort({0}, axis=-1, stable=True)"),
    "concatenate": _concatenate,
    "sum": _template("{0}.sum({axis})"),
    "product": _template("{0}.prod(1)"),
    "vecdot": _template("({0} * {1}).sum(-1)"),
    "matmul": _template("np.matmul({0}, {1})"),
    "inverse": _template("np.linalg.inv({0})"),
    "determinant": _template("np.linalg.det({0})"),
    "adjugate": _template("{helper}({0})", "adjugate"),
    "cumulative_sum": _template("np.cumsum({0}, axis=-1)"),
    "reverse": _template("{0}[..., ::-1]"),
    "polygamma": _template("special.polygamma({order}, {0})"),
    "copy": _template("{0}"),
    **{name: _template(f"{{helper}}({{0}}, {{1}}, {kind})", "rounded_to") for name, kind in _ROUNDED.items()},
    **{name: _template(f"{{helper}}({{0}}, {{1}}, {kind})", "to_multiple") for name, kind in _MULTIPLES.items()},
    "INT": _template("{helper}({0})", "whole_below"),
}
