"""Smooth optimisation with exact gradients, in place of Excel's "GRG Nonlinear".

Which method suits a problem is decided here: squares.py for fits of few cells, values to be reached and
constraints without an objective, bounded.py for free and bounded problems, constrained.py for the rest.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sheetml.engine.tracing.squares import is_root
from sheetml.solve import bounded, constrained, neighbours, squares
from sheetml.solve import starts as many
from sheetml.solve.cluster import Cluster
from sheetml.solve.leaps import leap
from sheetml.solve.outcome import outcome
from sheetml.solve.problem import Problem
from sheetml.solve.search import (
    CONVERGED,
    INTERRUPTED,
    NO_VALUE,
    Creeps,
    Limits,
    Progress,
    Search,
    Stop,
    gained,
)
from sheetml.solve.smoothness import is_smooth
from sheetml.xlsx.solver_names import MINIMISE

MOST_MOVED = 60  # adjustable cells, up to which moves of single ones are tried
MOST_ROUNDS_OF_MOVES = 5
SHARE_OF_MOVES = 0.2  # of the time the search took, and a second
MOST_LEAPS = 5  # from where a descent ended
SHORT_WINDOW = 30  # iterations in which a short descent must gain something
TRIALS = 300  # points tried where there is no value at the start
LEAST_SQUARES, QUASI_NEWTON, QUADRATIC_PROGRAMS = "least squares", "L-BFGS-B", "SLSQP"


def solve(
    problem: Problem,
    limits: Limits,
    *,
    starts: int = 1,
    seed: int | None = None,
    workers: int | Cluster | None = None,
    central: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> Any:
    """Solves a problem and assigns the best point; see SolverModel.solve for what is returned."""
    search = Search(problem, limits, central, callback, may_creep=limits.tolerance is not None)
    with np.errstate(all="ignore"):  # points far off overflow, which the methods survive
        return _solve(search, starts, seed, workers)


def _solve(search: Search, starts: int, seed: int | None, workers: int | Cluster | None) -> Any:
    problem = search.problem
    start_value, method, ended, status = math.nan, "", "", CONVERGED
    try:
        start_value = search.objective(problem.start)
        first = _first_point(search)
        if starts > 1:
            method, ended = many.run(search, descend_from, _short_descent, first, starts, seed, workers)
        else:
            search.start_at(first)
            method, ended = descend_from(search, first)
        method, ended = _by_moves(search, method, ended)
    except Stop as stop:
        ended, status = f"{stop}; the best point so far is kept", stop.status
    except KeyboardInterrupt:
        ended, status = "interrupted; the best point so far is kept", INTERRUPTED
    search.take_best()
    return outcome(search, start_value, method or _expected_method(problem), ended, status)


def _by_moves(search: Search, method: str, ended: str) -> tuple[str, str]:
    """Moves from the best point where slopes do not tell all: where cells decide, look up or round.

    As long as moves of one or two cells gain, the method goes on from there.
    """
    search.take_best()
    problem = search.problem
    if search.overall is None or problem.start.size > MOST_MOVED or problem.objective is None or problem.to_a_value:
        return method, ended
    if is_smooth(problem):
        return method, ended
    search.best = search.overall
    first, until = search.rank(search.best), 1.0 + (1.0 + SHARE_OF_MOVES) * search.seconds
    for _ in range(MOST_ROUNDS_OF_MOVES):
        before = search.rank(search.best)
        width = 10.0 * np.maximum(1.0, np.abs(search.best.x))
        lower = np.where(np.isfinite(problem.lower), problem.lower, search.best.x - width)
        upper = np.where(np.isfinite(problem.upper), problem.upper, search.best.x + width)
        with contextlib.suppress(Creeps):
            neighbours.descend(search, lower, upper, np.zeros(lower.size, bool), until - search.seconds)
        if not gained(before, search.rank(search.best), 1e-6) or search.seconds > until:
            break
        descend_from(search, search.scaled(search.best.x))
    if not gained(first, search.rank(search.best), 1e-6):
        return method, ended
    _, mark, of_starts = ended.partition("; ")
    return f"{method} and moves", f"ended: moves of one or two cells no longer improve the objective{mark}{of_starts}"


def _expected_method(problem: Problem) -> str:
    return QUASI_NEWTON if problem.constraints is None else QUADRATIC_PROGRAMS


def descend_from(search: Search, z: np.ndarray) -> tuple[str, str]:
    """Minimises from one point. Returns the method that came to the best point, and how that ended."""
    try:
        said = _descended_from(search, z)
        for _ in range(MOST_LEAPS):
            if search.best is None or not leap(search):
                break
            said = _descended_from(search, search.scaled(search.best.x))
        return said
    except Creeps as creeps:
        return _expected_method(search.problem), str(creeps)


def _descended_from(search: Search, z: np.ndarray) -> tuple[str, str]:
    if search.problem.constraints is not None:
        return _within_constraints(search, z)
    residual = squares.of_value(search) if search.problem.to_a_value else squares.of_objective(search, z)
    if residual is None or not squares.minimise(search, z, residual):
        return QUASI_NEWTON, bounded.minimise(search, z)
    assert search.best is not None
    search.settle_at(squares.onto_bounds(search))
    before = search.best.cost
    ended = bounded.minimise(search, search.scaled(search.best.x))
    if search.best.cost < before * (1 - 1e-9):
        return QUASI_NEWTON, ended
    return LEAST_SQUARES, bounded.AT_A_KINK if ended == bounded.AT_A_KINK else bounded.IMPROVES_NO_MORE


def _short_descent(search: Search, z: np.ndarray) -> tuple[str, str]:
    """One run of the method that is cheapest by the step: what is worth more is seen from what it comes to."""
    if search.problem.constraints is not None or search.problem.to_a_value:
        return descend_from(search, z)
    search.window = SHORT_WINDOW
    try:
        return QUASI_NEWTON, bounded.descend(search, z, attempts=1)
    except Creeps as creeps:
        return QUASI_NEWTON, str(creeps)


def _within_constraints(search: Search, z: np.ndarray) -> tuple[str, str]:
    if search.problem.objective is None:
        squares.minimise(search, z, squares.of_constraints(search))
        if search.meets_constraints:
            return LEAST_SQUARES, "converged: all constraints are met"
    return constrained.minimise(search, z)


# ---- where to start ----------------------------------------------------------------------------


def _first_point(search: Search) -> np.ndarray:
    """The start; where it has no value, the first point found around it that has one."""
    problem = search.problem
    start = search.scaled(problem.start)
    if not search.has_value(start):
        found = next((x for x in _around(search) if search.has_value(search.scaled(x))), None)
        if found is not None:
            search.measure_by(found)
            start = search.scaled(found)
        else:
            why = search.no_value_because or search.worst_constraint(search.point(start))[1]
            raise Stop(f"there is no value at the start, nor at any point tried around it ({why})", NO_VALUE)
    search.squared = problem.sense == MINIMISE and problem.objective is not None and is_root(problem.objective.graph)
    return start


def _around(search: Search) -> Iterator[np.ndarray]:
    """Points near the start, then further away, and as many around 0: huge numbers have no neighbours with values."""
    random = np.random.default_rng(0)
    start = search.problem.start
    for trial in range(TRIALS):
        middle = start if trial % 2 == 0 else np.zeros(start.size)
        size = 0.1 * (1.0 + np.abs(middle)) * 10.0 ** (trial * 3 / TRIALS)
        yield middle + random.normal(0.0, size)
