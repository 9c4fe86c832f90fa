"""Problems that are sums of squares: fits of curves, values to be reached, constraints to be met.

Few adjustable cells go to a trust-region method of Gauss and Newton (Branch, Coleman, Li 1999): it takes
long steps along curved valleys and does not mind how the cells are scaled. With many cells its linear
algebra costs more than it gains; L-BFGS then minimises the sum of squares itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheetml.engine.squares import ResidualFunction
from sheetml.engine.tracing.squares import NotSquares
from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.solve.search import Converged, Search
from sheetml.xlsx.solver_names import MINIMISE

FEW_VARIABLES = 30
NEXT_TO = 1e-9  # a bound, relative to the cell's size
MOST_SLOPES = 3_000_000  # derivatives of all residuals by all variables


@dataclass(frozen=True, slots=True)
class Residual:
    """What is squared and summed, (m,), and its derivatives, (m, n), as functions of the adjustable cells."""

    values: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray], np.ndarray]
    count: int


def of_objective(search: Search, z: np.ndarray) -> Residual | None:
    """The squares in the objective cell, if it is a sum of them to be minimised, of a size for this method."""
    problem = search.problem
    if problem.objective is None or problem.sense != MINIMISE or z.size > FEW_VARIABLES:
        return None
    residuals = ResidualFunction(problem.objective)
    try:
        count = residuals(search.point(z)).size
        if z.size * count > MOST_SLOPES:
            return None
        residuals.jacobian(search.point(z))
    except (NotSquares, NotDifferentiableError, CalculationError):
        return None
    return Residual(residuals, residuals.jacobian, count)


def of_value(search: Search) -> Residual:
    """The distance of the objective from the value it is to have."""
    target = search.problem.target_value

    def values(x: np.ndarray) -> np.ndarray:
        return np.array([search.objective(x) - target])

    return Residual(values, lambda x: search.objective_and_gradient(x)[1][None, :], 1)


def of_constraints(search: Search) -> Residual:
    """By how much the constraints are missed."""
    constraints = search.problem.constraints
    assert constraints is not None

    def missed(gaps: np.ndarray) -> np.ndarray:
        return np.where(constraints.is_equality, gaps, np.maximum(gaps, 0.0))

    def jacobian(x: np.ndarray) -> np.ndarray:
        inside = ~constraints.is_equality & (constraints.gaps(x) <= 0)
        return np.where(inside[:, None], 0.0, search.constraint_slopes(x))

    return Residual(lambda x: missed(constraints.gaps(x)), jacobian, constraints.count)


def minimise(search: Search, z: np.ndarray, residual: Residual) -> bool:
    """Minimises the sum of squares within the bounds from z; the best point is in the search.

    Returns whether the method was at home: it is not where cells are held fixed by their bounds, where
    there is no value at z, or where what is squared changes with a decision.
    """
    from scipy.optimize import least_squares

    if (search.lower >= search.upper).any():
        return False

    def values(z: np.ndarray) -> np.ndarray:
        search.check_time()
        search.evaluations += 1
        try:
            found = residual.values(search.point(z))
        except CalculationError:
            return np.full(residual.count, np.nan)
        if found.size != residual.count:
            raise NotSquares("what is squared depends on a decision")
        return found

    def jacobian(z: np.ndarray) -> np.ndarray:
        """Asked for once an iteration, at the point it came to."""
        search.gradients += 1
        slopes = residual.jacobian(search.point(z)) * search.scale
        search.keep_constrained(z)
        found = values(z)
        search.after_iteration(float(found @ found))
        return np.where(np.isfinite(slopes), slopes, 0.0)

    tolerance = max(search.limits.relative_change, 1e-15)
    search.begin()
    try:
        least_squares(
            values, z, jacobian, (search.lower, search.upper), xtol=1e-15, ftol=tolerance, gtol=1e-15, max_nfev=10_000
        )
    except Converged:
        return True
    except (NotSquares, NotDifferentiableError, CalculationError, ValueError, np.linalg.LinAlgError):
        return False  # ValueError: no value at z
    return True


def onto_bounds(search: Search) -> np.ndarray:
    """The best point with what is next to a bound put on it, which the method only comes near to."""
    assert search.best is not None
    z = search.scaled(search.best.x)
    for bound in (search.lower, search.upper):
        z = np.where(np.abs(z - bound) <= NEXT_TO * np.maximum(1.0, np.abs(z)), bound, z)
    return z
