"""What an optimum of a smooth model is worth: Lagrange multipliers and reduced gradients, by the exact derivatives.

At an optimum the objective's gradient is a sum of the gradients of the constraints that are met exactly, and
of bounds that hold cells (Karush, Kuhn, Tucker). The weights are found by non-negative least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.solve.problem import Problem
from sheetml.xlsx.solver_names import AT_LEAST, MAXIMISE

MOST_SLOPES = 10_000_000  # constraints times cells
NEAR = 1e-6  # a constraint, relative to its number, counts as met exactly


@dataclass(frozen=True, slots=True)
class Multipliers:
    """Changes of the objective: for one more of each constraint's right-hand side, (m,), of each cell, (n,)."""

    prices: np.ndarray
    reduced: np.ndarray
    gradient: np.ndarray  # (n,), of the objective


def multipliers(problem: Problem, x: np.ndarray) -> Multipliers | str:
    """At the optimum x; a reason in words where there are none."""
    from scipy.optimize import nnls

    if problem.objective is None or problem.to_a_value:
        return "there is no objective to be maximised or minimised"
    constraints = problem.constraints
    count = 0 if constraints is None else constraints.count
    if count * x.size > MOST_SLOPES:
        return "there are too many constraints and cells"
    try:
        _, gradient = problem.objective.value_and_gradient(x)
        slopes = np.zeros((0, x.size)) if constraints is None else constraints.jacobian(x)
        gaps = np.zeros(0) if constraints is None else constraints.gaps(x)
    except (CalculationError, NotDifferentiableError) as error:
        return str(error)
    if not np.isfinite(gradient).all() or not np.isfinite(slopes).all():
        return "some derivative is infinite there"
    sign = -1.0 if problem.sense == MAXIMISE else 1.0
    prices = np.zeros(count)
    if constraints is not None:
        touched = constraints.is_equality | (gaps > -NEAR * np.maximum(1.0, np.abs(constraints.numbers)))
        held = np.nonzero(touched)[0]
        size = NEAR * np.maximum(1.0, np.abs(x))
        walls = [np.eye(x.size)[x >= problem.upper - size], -np.eye(x.size)[x <= problem.lower + size]]
        both = np.nonzero(touched & constraints.is_equality)[0]
        outwards = np.concatenate([slopes[held], -slopes[both], *walls])
        length = np.linalg.norm(outwards, axis=1)
        length[length == 0] = 1.0
        if outwards.size:
            weights = nnls((outwards / length[:, None]).T, -sign * gradient, maxiter=100 * len(outwards))[0] / length
            np.add.at(prices, held, -weights[: held.size])
            np.add.at(prices, both, weights[held.size : held.size + both.size])
        # a gap is right minus left for >=: there one more on the right side is one more of the gap
        prices = sign * np.where(constraints.relation == AT_LEAST, -prices, prices)
        left = np.where((constraints.relation == AT_LEAST)[:, None], -slopes, slopes)
        return Multipliers(prices, gradient - prices @ left, gradient)
    return Multipliers(prices, gradient, gradient)
