"""How Excel hides that numbers are binary: 15 digits in comparisons and whole numbers, and sums that vanish.

- A comparison sees 15 significant digits of both sides: 0.1+0.2=0.3 is TRUE. So does a criterion of COUNTIF.
- INT, FLOOR and their kin take a number of fewer than 15 digits before the point by its 15 digits:
  INT(0.29*100) is 29, though the product is 28.999999999999996.
- Where the last operation of a formula is + or - (not within parentheses) and its result lies 50 binary places
  or more below the operands, the result is 0: 52.8-8.8*6 is 0, (52.8-8.8*6) is -7.1E-15. The two sides of the bound
  are 2^1024-2^971 less 2^1024-5*2^971, which is 0, and less 2^1024-9*2^971, which is not (both published by users).

Sources: Microsoft, "Floating-point arithmetic may give inaccurate results in Excel" (article 78113), which says that
Excel compensates where a sum comes very close to zero; W. Kahan, "How Futile are Mindless Assessments of Roundoff"
(2006), on the parentheses; Excel's stored values in the reference workbooks.

A derivative does not see any of this: it is that of the comparison or of the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Primitive

# Excel reduces angles by pi as a number of 64 bits, which is too large by this share of it: SIN(PI()) is 1.22515E-16
# and not 1.22465E-16. It shows only next to the zeros of sine and cosine, and where one divides by them.
EXCESS_OF_PI = 1.5968198827228853e-20
NEAR_ZERO = 1e-6

NEAR = 1e-14  # relative; numbers further apart differ within 15 digits
_MAYBE_VANISHING = 2.0**-48  # of an operand: only what is smaller can vanish


def with_15_digits(x: float) -> float:
    """The number of 15 significant digits nearest to x."""
    return float(f"{x:.14e}")


def rounded_to_15_digits(x: np.ndarray) -> np.ndarray:
    """The same for arrays (a product decides ties, so that a number halfway between may go either way)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        digits = 14 - np.floor(np.log10(np.abs(x)))
        scale = 10.0 ** np.abs(digits)
        nudged = np.where(digits >= 0, np.rint(x * scale) / scale, np.rint(x / scale) * scale)
    return np.where((np.abs(digits) < 300) & np.isfinite(nudged), nudged, x)


def whole(x: np.ndarray) -> np.ndarray:
    """Numbers as INT and its kin take them: by 15 digits, where these reach beyond the decimal point."""
    return np.where(np.abs(x) < 1e14, rounded_to_15_digits(x), x)


# ---- comparisons -------------------------------------------------------------------------------


def order_seen(x: float, y: float) -> int:
    """-1, 0 or 1 as x is less than, equal to or greater than y within 15 digits."""
    gap = x - y
    if gap == 0 or not abs(gap) <= NEAR * max(abs(x), abs(y)):
        return (gap > 0) - (gap < 0)
    x, y = with_15_digits(x), with_15_digits(y)
    return (x > y) - (x < y)


def _seen(name: str, compute: Callable[..., Any], scalar: str) -> Primitive:
    """A comparison within 15 digits; its derivative is zero."""

    def compared(x: Any, y: Any) -> Any:
        truth = compute(x, y)
        gap = np.abs(np.subtract(x, y))
        near = gap <= np.abs(x) * NEAR
        if near.any() and (near := np.asarray(near & (gap != 0))).any():
            truth = np.asarray(truth)
            x, y = np.broadcast_to(x, truth.shape), np.broadcast_to(y, truth.shape)
            truth = truth.copy()
            for place in map(tuple, np.argwhere(near)):
                truth[place] = compute(float(order_seen(float(x[place]), float(y[place]))), 0.0)
        return truth

    return Primitive(name, compared, (None, None), elementwise=True, scalar=scalar)


COMPARISONS: dict[str, Primitive] = {
    "=": _seen("equal", np.equal, "float(order_seen({0}, {1}) == 0)"),
    "<>": _seen("not_equal", np.not_equal, "float(order_seen({0}, {1}) != 0)"),
    "<": _seen("less", np.less, "float(order_seen({0}, {1}) < 0)"),
    "<=": _seen("less_equal", np.less_equal, "float(order_seen({0}, {1}) <= 0)"),
    ">": _seen("greater", np.greater, "float(order_seen({0}, {1}) > 0)"),
    ">=": _seen("greater_equal", np.greater_equal, "float(order_seen({0}, {1}) >= 0)"),
}


# ---- sums that vanish --------------------------------------------------------------------------


def vanishes(total: float, x: float, y: float) -> bool:
    """Whether a sum (or difference) of x and y is as good as nothing beside them: it lies 50 binary places below."""
    return total != 0 and abs(total) < math.ldexp(1.0, math.frexp(max(abs(x), abs(y)))[1] - 50)


def may_vanish(total: Any, x: Any) -> Any:
    """Where a sum (or difference) of x and something else may be one that vanishes, or is 0 by itself."""
    return np.abs(total) < np.abs(x) * _MAYBE_VANISHING


def _vanishing(name: str, compute: Callable[..., Any], derivative: Primitive, scalar: str) -> Primitive:
    """A sum or difference that is 0 where it vanishes beside its operands; its derivatives are those of the sum."""

    def summed(x: Any, y: Any) -> Any:
        total = compute(x, y)
        maybe = may_vanish(total, x)
        if not np.any(maybe):
            return total
        total = np.array(total)
        x, y = np.broadcast_to(x, total.shape), np.broadcast_to(y, total.shape)
        for place in map(tuple, np.argwhere(np.broadcast_to(maybe, total.shape) & (total != 0))):
            if vanishes(float(total[place]), float(x[place]), float(y[place])):
                total[place] = 0.0
        return total

    return Primitive(name, summed, derivative.derivatives, elementwise=True, scalar=scalar)


# A 64th of a sum that vanishes is lost when it is added to an operand: this asks in three operations, without abs.
_SCALAR = "(r if (r := {0} % {1}) * 0.015625 + {0} != {0} or not vanishes(r, {0}, {1}) else 0.0)"

SUMS_THAT_VANISH: dict[str, Primitive] = {
    "+": _vanishing("add", np.add, ops.add, _SCALAR.replace("%", "+")),
    "-": _vanishing("subtract", np.subtract, ops.subtract, _SCALAR.replace("%", "-")),
}
PLAIN_SUMS = {  # the source on floats by the rule, and without it
    _SCALAR.replace("%", "+"): "({0} + {1})",
    _SCALAR.replace("%", "-"): "({0} - {1})",
}
