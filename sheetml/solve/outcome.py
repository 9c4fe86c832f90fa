"""What a search came to, as a result: the best point put into the cells, and in words how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve import bounded, constrained
from sheetml.solve.search import CONVERGED, INTERRUPTED, NO_VALUE, NOT_MET, STUCK, Search, Stop


def searched(search: Search, method: str, run: Callable[[], tuple[str, str, int]]) -> Any:
    """Runs a search without derivatives to its end, a limit or Ctrl-C; the result, with the best point assigned.

    `run` gives the method's name, how it ended, and the status; `method` is the name where it does not come to that.
    """
    start_value, ended, status = math.nan, "", CONVERGED
    with np.errstate(all="ignore"):  # points far off overflow, which the methods survive
        try:
            start_value = search.objective(search.problem.start)
            method, ended, status = run()
            if search.best is None and status == CONVERGED:
                why = search.no_value_because or search.worst_constraint(search.problem.start)[1]
                ended, status = f"there is no value at any point tried ({why})", NO_VALUE
        except Stop as stop:
            ended, status = f"{stop}; the best point so far is kept", stop.status
        except KeyboardInterrupt:
            ended, status = "interrupted; the best point so far is kept", INTERRUPTED
        search.take_best()
        return outcome(search, start_value, method, ended, status, by_slope=False)


def outcome(search: Search, start_value: float, method: str, ended: str, status: int, *, by_slope: bool = True) -> Any:
    """The result of a search, an OptimizeResult; its best point is assigned to the cells.

    `by_slope` says whether the method went by derivatives: only then their lack is worth a word.
    """
    from scipy.optimize import OptimizeResult

    problem, best = search.problem, search.overall
    search.finish()
    x = problem.start if best is None else best.x
    objective, gradient = search.objective_and_gradient(x)
    missed, worst = search.worst_constraint(x)
    slope = math.nan if search.no_derivative else _remaining_slope(search, x, objective, gradient)
    message, status = _how_it_ended(search, objective, missed, worst, ended, status)
    if search.no_derivative:
        message += f" (by differences: {search.no_derivative})" if by_slope else ""
        gradient = np.full(x.size, math.nan)
    if best is not None:
        problem.assign(x)  # from here on what was compiled holds no longer
    return OptimizeResult(
        x=x,
        fun=objective,
        fun_start=start_value,
        nit=search.iterations,
        nfev=search.evaluations,
        njev=search.gradients,
        jac=gradient,
        gradient_norm=slope,
        constraint_violation=missed,
        seconds=time.perf_counter() - search.started,
        success=status == CONVERGED,
        status=status,
        message=message[:1].upper() + message[1:] + ".",
        method=method,
    )


def _how_it_ended(
    search: Search, objective: float, missed: float, worst: str, ended: str, status: int
) -> tuple[str, int]:
    """The sentence and the status, from how the method ended and what it came to."""
    problem, precision = search.problem, search.limits.precision
    if missed > precision:
        if status == CONVERGED:
            return f"no point was found that meets the constraints: {worst}", NOT_MET
        return f"{ended}, where {worst}", status
    if status == CONVERGED and problem.to_a_value:
        gap = abs(objective - problem.target_value)
        if gap <= precision * max(1.0, abs(problem.target_value)):
            return "converged: the value was reached", CONVERGED
        return f"the value was not reached: it is {gap:.3g} away", NOT_MET
    if status == CONVERGED and ended in (constrained.STUCK, bounded.AT_A_KINK):
        return ended, STUCK
    return ended, status


def _remaining_slope(search: Search, x: np.ndarray, objective: float, gradient: np.ndarray) -> float:
    """The largest slope of what is optimised along which the point may still move."""
    if math.isnan(objective):
        return math.nan
    search.squared = False
    try:
        return constrained.remaining_slope(search, x, gradient * search.slope(objective))
    except CalculationError:
        return math.nan
