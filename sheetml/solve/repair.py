"""Points moved onto the equations they must meet, such as shares that add up to 1.

A population never meets an equation by chance. Where equations look linear (their slopes are the same
at two points: this guides the search, it proves nothing), points are projected onto them and the bounds
in turn (Dykstra 1983), which leaves them as near as may be to where they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.solve.search import Search

ROUNDS = 60
MOST_EQUATIONS = 200


@dataclass(frozen=True, slots=True)
class Repair:
    """The projection onto `slopes @ x = right` within bounds."""

    slopes: np.ndarray  # (m, n)
    right: np.ndarray  # (m,)
    back: np.ndarray  # (n, m), the pseudo-inverse of the slopes
    lower: np.ndarray
    upper: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """The points, (p, n), moved onto the equations as far as bounds allow."""
        x, correction = points, np.zeros_like(points)
        for _ in range(ROUNDS):
            onto = x - (x @ self.slopes.T - self.right) @ self.back.T
            within = np.clip(onto + correction, self.lower, self.upper)
            correction = onto + correction - within
            if np.abs(within - x).max(initial=0.0) <= 1e-12 * (1.0 + np.abs(within).max(initial=0.0)):
                return within
            x = within
        return x


def repair_of(search: Search) -> Repair | None:
    """The repair for the problem's equations; None if none of them looks linear."""
    problem, constraints = search.problem, search.problem.constraints
    if constraints is None or not constraints.is_equality.any() or constraints.is_equality.sum() > MOST_EQUATIONS:
        return None
    random = np.random.default_rng(0)
    x = np.clip(problem.start, problem.lower, problem.upper)
    other = np.clip(x + random.uniform(0.1, 1.0, x.size) * np.maximum(1.0, np.abs(x)), problem.lower, problem.upper)
    try:
        slopes, elsewhere = constraints.jacobian(x), constraints.jacobian(other)
        gaps, gaps_there = constraints.gaps(x), constraints.gaps(other)
    except (CalculationError, NotDifferentiableError):
        return None
    straight = np.abs(gaps_there - gaps - slopes @ (other - x)) <= 1e-9 * (1.0 + np.abs(gaps_there) + np.abs(gaps))
    linear = (
        constraints.is_equality & straight & (np.abs(slopes - elsewhere) <= 1e-9 * (1 + np.abs(slopes))).all(axis=1)
    )
    if not linear.any() or not np.isfinite(slopes[linear]).all():
        return None
    right = slopes[linear] @ x - gaps[linear]
    return Repair(slopes[linear], right, np.linalg.pinv(slopes[linear]), problem.lower, problem.upper)
