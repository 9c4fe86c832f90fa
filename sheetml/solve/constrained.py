"""Problems with constraints between cells.

Sequential quadratic programming (SLSQP, Kraft 1988) for as many adjustable cells as its dense linear
algebra bears; where it fails, and for more cells, the method of multipliers (augmented Lagrangian:
Hestenes 1969, Powell 1969; as in Nocedal, Wright, "Numerical Optimization", 2006, ch. 17) over L-BFGS-B.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve import squares
from sheetml.solve.problem import Constraints
from sheetml.solve.search import Search

DENSE_VARIABLES = 1000  # beyond which SLSQP takes minutes
RESTARTS = 3
ACTIVE = 1e-6  # a gap below which a constraint counts as touched
NEXT_TO_NONE = 1e-5  # of a slope
FAR_OFF = 1e6  # stands for a gap that has no value

MEETS_ALL = "converged: no step improves the objective within the constraints"
STUCK = "ended where no step improves the objective within the constraints any further"


def minimise(search: Search, z: np.ndarray) -> tuple[str, str]:
    """Minimises within bounds and constraints from z; the best point is in the search.

    Returns the method that came to it, and how that ended.
    """
    gaps, slope = _Gaps(search, z), float(np.abs(search.value_and_gradient(z)[1]).max(initial=0.0))
    if z.size <= DENSE_VARIABLES:
        if _by_quadratic_programs(search, gaps, z, slope):
            return "SLSQP", MEETS_ALL
        found = not search.meets_constraints and _reaches_them(search)
        if found and _by_quadratic_programs(search, gaps, _at(search), slope):
            return "SLSQP", MEETS_ALL
    _multipliers(search, gaps, _at(search))
    return "augmented Lagrangian", MEETS_ALL if is_stationary(search, slope) else STUCK


def _at(search: Search) -> np.ndarray:
    """Where the best point is."""
    assert search.best is not None
    return search.scaled(search.best.x)


def _by_quadratic_programs(search: Search, gaps: _Gaps, z: np.ndarray, slope: float) -> bool:
    """SLSQP, again from where it ended as long as that moves it; whether it came to a minimum."""
    for _ in range(RESTARTS):
        _quadratic_programs(search, gaps, z)
        if is_stationary(search, slope):
            return True
        if np.array_equal(z, _at(search)):
            break
        z = _at(search)
    return False


def _reaches_them(search: Search) -> bool:
    """Looks for a point that meets the constraints, whatever the objective; whether there is one."""
    squares.minimise(search, _at(search), squares.of_constraints(search))
    return search.meets_constraints


class _Gaps:
    """The constraints' gaps in scaled variables, each divided by its slope at the start; the last is remembered."""

    def __init__(self, search: Search, z: np.ndarray) -> None:
        assert search.problem.constraints is not None
        self.search = search
        self.constraints: Constraints = search.problem.constraints
        self.equal = self.constraints.is_equality
        self.row_scale = np.ones(self.constraints.count)
        self._known: tuple[bytes, str, np.ndarray] | None = None
        largest = np.abs(self.slopes(z)).max(axis=1, initial=0.0)
        self.row_scale = 1.0 / np.where(largest > 0, largest, 1.0)
        self._known = None

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """(m,): at most 0 where a constraint is met."""
        return self._remembered("gaps", z, self._gaps)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """(m, n)."""
        return self._remembered("slopes", z, self._slopes)

    def _remembered(self, what: str, z: np.ndarray, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        key = z.tobytes()
        if self._known is None or self._known[:2] != (key, what):
            self._known = (key, what, compute(z))
        return self._known[2]

    def _gaps(self, z: np.ndarray) -> np.ndarray:
        self.search.check_time()
        try:
            return self.constraints.gaps(self.search.point(z)) * self.row_scale
        except CalculationError:
            return np.full(self.constraints.count, FAR_OFF)

    def _slopes(self, z: np.ndarray) -> np.ndarray:
        try:
            slopes = self.search.constraint_slopes(self.search.point(z))
        except CalculationError:
            return np.zeros((self.constraints.count, z.size))
        return slopes * self.search.scale * self.row_scale[:, None]


def _quadratic_programs(search: Search, gaps: _Gaps, z: np.ndarray) -> None:
    from scipy.optimize import minimize

    _, gradient = search.value_and_gradient(z)
    factor = 1.0 / max(float(np.abs(gradient).max(initial=0.0)), 1e-12) if gradient.any() else 1.0

    def cost(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = search.value_and_gradient(z)
        return factor * value, factor * gradient

    def iterated(z: np.ndarray) -> None:
        search.keep_constrained(z)
        search.after_iteration()

    equal, others = gaps.equal, ~gaps.equal
    constraints: list[dict[str, Any]] = []
    if equal.any():
        constraints.append({"type": "eq", "fun": lambda z: gaps(z)[equal], "jac": lambda z: gaps.slopes(z)[equal]})
    if others.any():
        constraints.append(
            {"type": "ineq", "fun": lambda z: -gaps(z)[others], "jac": lambda z: -gaps.slopes(z)[others]}
        )
    tolerance = 1e-14 if search.limits.tolerance is None else search.limits.tolerance
    found = minimize(
        cost,
        z,
        jac=True,
        method="SLSQP",
        bounds=search.bounds,
        constraints=constraints,
        options={"maxiter": 1000, "ftol": tolerance},
        callback=iterated,
    )
    if np.isfinite(found.x).all():
        search.keep_constrained(found.x)


def _multipliers(search: Search, gaps: _Gaps, z: np.ndarray) -> None:
    """The method of multipliers: a bounded minimisation of the Lagrangian with a penalty, again and again."""
    from scipy.optimize import minimize

    bounds = search.bounds if search.problem.bounded else None
    _, gradient = search.value_and_gradient(z)
    multipliers = np.zeros(gaps.constraints.count)
    penalty = 10.0 * max(float(np.abs(gradient).max(initial=0.0)), 1e-6)
    accuracy, worst = 1e-2, math.inf
    for _ in range(60):

        def lagrangian(z: np.ndarray, penalty: float = penalty, multipliers: np.ndarray = multipliers) -> Any:
            cost, gradient = search.value_and_gradient(z)
            pushed = gaps(z) + multipliers / penalty
            pushed = np.where(gaps.equal, pushed, np.maximum(pushed, 0.0))
            return cost + penalty / 2 * pushed @ pushed, gradient + penalty * (pushed @ gaps.slopes(z))

        options = {"maxcor": 20, "maxiter": 2000, "maxfun": 4000, "ftol": 0.0, "gtol": accuracy}
        for factor in (1.0, 1e-3, 1e-6):  # of the first step
            scaled = lambda z, factor=factor: [factor * part for part in lagrangian(z)]  # noqa: E731
            found = minimize(scaled, z, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            if found.nit or found.success:
                break
        z = found.x
        search.keep_constrained(z)
        search.after_iteration()
        gap = gaps(z)
        missed = float(np.abs(np.where(gaps.equal, gap, np.maximum(gap, -multipliers / penalty))).max(initial=0.0))
        multipliers = multipliers + penalty * gap
        multipliers = np.where(gaps.equal, multipliers, np.maximum(multipliers, 0.0))
        if missed < 1e-10 and accuracy <= 1e-9:
            return
        if missed > 0.25 * worst:
            penalty *= 5
        worst, accuracy = missed, max(accuracy * 0.1, 1e-9)


# ---- whether a point is a minimum ---------------------------------------------------------------


def is_stationary(search: Search, first_slope: float) -> bool:
    """Whether the best point meets all constraints, and next to no slope within them leads down.

    Next to none of the objective's own slope there, or of what it was at the start.
    """
    if search.best is None or not search.meets_constraints:
        return False
    _, gradient = search.value_and_gradient(_at(search))
    size = float(np.abs(gradient).max(initial=0.0))
    remaining = remaining_slope(search, search.best.x, gradient / search.scale)
    return remaining <= max(NEXT_TO_NONE * size, NEXT_TO_NONE**1.5 * first_slope)


def remaining_slope(search: Search, x: np.ndarray, gradient: np.ndarray) -> float:
    """The largest slope (of a cost with this gradient, by scaled variables) that is free to lead down.

    What bounds and touched constraints hold up is left out: the part of the slope downhill that is a sum
    of their normals, each outwards, found by non-negative least squares.
    """
    from scipy.optimize import nnls

    problem, constraints = search.problem, search.problem.constraints
    downhill = -gradient * search.scale
    near = ACTIVE * np.maximum(np.abs(x), search.scale)
    low, high = x <= problem.lower + near, x >= problem.upper - near
    if constraints is not None:
        gaps = constraints.gaps(x)
        touched = constraints.is_equality | (gaps > -ACTIVE * np.maximum(1.0, np.abs(constraints.numbers)))
        normals = (search.constraint_slopes(x) * search.scale)[touched]
        normals = np.concatenate([normals, -normals[constraints.is_equality[touched]]])
        if normals.size:
            walls = np.concatenate([np.eye(x.size)[high], -np.eye(x.size)[low]])
            outwards = np.concatenate([normals, walls])
            largest = np.abs(outwards).max(axis=1, initial=0.0)
            outwards = outwards / np.where(largest > 0, largest, 1.0)[:, None]  # else squares may overflow
            length = np.linalg.norm(outwards, axis=1)
            if not (np.isfinite(length).all() and np.isfinite(downhill).all()):  # next to the largest number
                return math.nan
            outwards = outwards / np.where(length > 0, length, 1.0)[:, None]
            if not (np.isfinite(outwards).all() and np.isfinite(downhill).all()):
                return math.inf
            downhill = downhill - nnls(outwards.T, downhill, maxiter=100 * outwards.shape[0])[0] @ outwards
            return float(np.abs(downhill).max(initial=0.0))
    blocked = (low & (downhill < 0)) | (high & (downhill > 0))
    return float(np.abs(np.where(blocked, 0.0, downhill)).max(initial=0.0))
