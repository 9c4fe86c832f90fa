"""What an optimum of a linear program is worth: shadow prices, reduced costs, and how far they hold.

Signs and limits are those of Excel's sensitivity report: a shadow price is the change of the objective as
the model states it, for one more of the constraint's right-hand side; a reduced cost the same for one
more of the cell. They hold while the basis stays optimal (HiGHS' ranging), one number moved at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sheetml.solve.linear import highs
from sheetml.solve.linear.program import Program

BINDING = 1e-9  # slack, relative, up to which a row counts as met exactly


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Arrays over the unknowns, (n,), and over the rows, (m,); inf where a number may move without end."""

    cost: np.ndarray
    reduced: np.ndarray
    cost_increase: np.ndarray
    cost_decrease: np.ndarray
    prices: np.ndarray
    increase: np.ndarray  # of the right-hand side
    decrease: np.ndarray


def sensitivity(program: Program, x: np.ndarray) -> Sensitivity | None:
    """Of a linear program without whole numbers at its optimum x; None where HiGHS finds no basis for it."""
    import highspy

    solver = highs.loaded(program)
    for option, value in (("presolve", "off"), ("solver", "simplex")):
        solver.setOptionValue(option, value)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    _, ranging = solver.getRanging()
    solution, factors = solver.getSolution(), highs.row_factors(program)
    size, sign = program.unknowns, program.sign
    prices = np.array(solution.row_dual) * factors
    if not program.matrix.nnz:  # HiGHS then has no basis to speak of: each cell is at a bound by its own cost
        low = (program.cost > 0) | ((program.cost == 0) & (x <= program.lower))
        high = (program.cost < 0) | ((program.cost == 0) & (x >= program.upper))
        more, less = np.where(low, math.inf, -program.cost), np.where(high, math.inf, program.cost)
        endless = np.full(factors.size, math.inf)
        increase, decrease = _of_rows(program, x, endless, -endless, prices)
    else:
        more = np.array(ranging.col_cost_up.value_)[:size] - program.cost
        less = program.cost - np.array(ranging.col_cost_dn.value_)[:size]
        up, down = np.array(ranging.row_bound_up.value_) / factors, np.array(ranging.row_bound_dn.value_) / factors
        increase, decrease = _of_rows(program, x, up, down, prices)
    if sign < 0:
        more, less = less, more
    return Sensitivity(
        sign * program.cost,
        sign * np.array(solution.col_dual),
        np.maximum(more, 0.0),
        np.maximum(less, 0.0),
        sign * prices,
        np.maximum(increase, 0.0),
        np.maximum(decrease, 0.0),
    )


def _of_rows(
    program: Program, x: np.ndarray, highest: np.ndarray, lowest: np.ndarray, prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By how much each row's number may grow and fall before its shadow price changes."""
    activity = program.matrix @ x
    at_most = np.isneginf(program.row_lower)
    numbers = np.where(np.isfinite(program.row_upper), program.row_upper, program.row_lower)
    up, down = highest - numbers, numbers - lowest
    # a row without a price has one only once its number has moved by its slack
    slack = np.where(at_most, numbers - activity, activity - numbers)
    slack = np.where(np.abs(slack) <= BINDING * np.maximum(1.0, np.abs(numbers)), 0.0, slack)
    idle = (prices == 0) & (program.row_lower != program.row_upper)
    up = np.where(idle, np.where(at_most, math.inf, slack), up)
    down = np.where(idle, np.where(at_most, slack, math.inf), down)
    fixed = (np.diff(program.matrix.indptr) == 0) & (program.row_lower == program.row_upper)
    return np.where(fixed, 0.0, up), np.where(fixed, 0.0, down)
