"""Roots of equations as traceable operations: solved by number, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.tracing.compile import compile_graph
from sheetml.engine.tracing.graph import Primitive, Trace, Traced, divide, gradient, negative, unary, value_of

Equation = Callable[..., Any]  # of the unknown and the operands, in traceable operations; 0 at the root

_copy = unary("copy", lambda x: x + 0.0, lambda x, y: 1.0)


def root_of(name: str, equation: Equation, solve: Callable[..., Any], operands: int) -> Primitive:
    """The operation that solves `equation(x, *operands) == 0` for x, element by element.

    `solve(*operands)` finds x as plain arrays, nan where there is none. If the equation holds whatever
    an operand is, dx/d(operand) = -(d equation/d operand) / (d equation/dx).
    """

    def rule(position: int) -> Callable[..., Any]:
        def derivative(g: Any, x: Any, *given: Any) -> Any:
            # copies, so that an operand that depends on another counts by itself
            unknown, *copies = (_copy(array) for array in (x, *given))
            gap = equation(unknown, *copies)
            slope = gradient(gap, unknown, np.ones(gap.shape))
            return gradient(gap, copies[position], negative(divide(g, slope)))

        return derivative

    return Primitive(name, solve, tuple(rule(position) for position in range(operands)), by_cell=True)


def newton(
    equation: Equation,
    start: np.ndarray,
    operands: tuple[Any, ...],
    *,
    steps: int = 50,
    tolerance: float = 1e-7,
    longest: float = np.inf,
) -> np.ndarray:
    """The roots that Newton's method reaches from a start, element by element; nan where it reaches none.

    No step is longer than `longest`. A root counts as reached once a step is smaller than the tolerance;
    it is then made exact.
    """
    x = np.array(start, np.float64)
    reached = np.zeros(x.shape, bool)
    step_at = _Steps(equation, operands)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            step = step_at(x)
            x = np.where(reached, x, x - np.clip(step, -longest, longest))
            reached = reached | (np.abs(step) < tolerance)
            if (reached | ~np.isfinite(x)).all():
                break
        for _ in range(3):
            step = step_at(x)
            x = np.where(reached & (np.abs(step) < tolerance), x - step, x)
    return missing(x, ~reached)


_TRACED = 2  # steps, which cost what compiling the equation does


class _Steps:
    """The steps of Newton's method from any x. After a few the equation and its slope are compiled, if the way they
    are computed does not depend on x."""

    def __init__(self, equation: Equation, operands: tuple[Any, ...]) -> None:
        self._equation, self._operands = equation, operands
        self._compiled: Callable[..., tuple[Any, ...]] | None = None
        self._left = _TRACED

    def __call__(self, x: np.ndarray) -> np.ndarray:
        gap, slope = self._traced(x) if self._compiled is None else self._compiled(x)
        step: np.ndarray = np.asarray(gap).reshape(x.shape) / slope
        return step

    def _traced(self, x: np.ndarray) -> tuple[Any, Any]:
        trace = Trace()
        leaf = Traced(trace, x)
        gap = self._equation(leaf, *self._operands)
        slope = gradient(gap, leaf, np.ones(gap.shape))
        self._left -= 1
        if not self._left and not trace.guards:
            self._compiled = compile_graph([leaf], [gap, slope])
        return value_of(gap), value_of(slope)


def missing(x: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The array with nan in places, raised as an invalid operation where floating-point errors are watched."""
    if not where.any():
        return x
    infinite = np.where(where, np.inf, 0.0)
    return np.asarray(np.where(where, 0.0, x) + (infinite - infinite))
