"""Which engine solves a problem: decided by what the problem is, not only by what the file asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.solve.problem import Problem
from sheetml.xlsx.solver_names import EVOLUTIONARY, GRG_NONLINEAR, SIMPLEX_LP

if TYPE_CHECKING:
    from sheetml.solve.linear import Program, Reading
    from sheetml.solve.search import Limits

WANTED = {"grg": GRG_NONLINEAR, "lp": SIMPLEX_LP, "evolutionary": EVOLUTIONARY, "global": 0}  # what a user may ask for

Solve = Callable[..., Any]  # solve(problem, limits, *, starts, seed, central, callback) -> OptimizeResult


@dataclass(frozen=True, slots=True)
class Engine:
    """How a problem is solved, and a sentence for the user where that is not what the file asks for."""

    name: str
    solve: Solve
    note: str = ""
    reading: Reading | None = None  # whether the problem is linear


def choose(problem: Problem, wanted: str = "") -> Engine:
    """The engine that suits the problem; it is imported only here, since most runs need one.

    `wanted` is one of WANTED: it takes the place of what the file asks for.
    """
    if wanted == "global":
        from sheetml.solve import global_search

        return Engine("SCIP", global_search.solve)
    if wanted:
        problem = replace(problem, engine=WANTED[wanted])
    from sheetml.solve import branching, evolutionary, linear, nonlinear, permutations

    try:
        reading = linear.read(problem)
    except KeyboardInterrupt:
        return Engine("none", _interrupted)
    if reading.program is not None:
        solve = linear.solve if problem.whole.any() else _continuous
        return Engine(linear.method(reading.program), partial(solve, reading.program), reading=reading)
    note = ""
    if problem.engine == SIMPLEX_LP:
        note = (
            f"The linearity conditions of Simplex LP are not satisfied ({reading.not_linear}), "
            "so the model was solved as a nonlinear one"
        )
    if problem.different:
        return Engine("permutations", permutations.solve, note, reading)
    if problem.engine == EVOLUTIONARY:
        engine = Engine("Evolutionary", evolutionary.solve, note, reading)
    elif problem.whole.any():
        engine = Engine("branch and bound", branching.solve, note, reading)
    else:
        engine = Engine("GRG Nonlinear", nonlinear.solve, note, reading)
    try:
        in_pieces = linear.read(problem, frozen=True).program is not None
    except KeyboardInterrupt:
        return Engine("none", _interrupted)
    return replace(engine, solve=partial(_in_pieces, engine.solve)) if in_pieces else engine


def _in_pieces(then: Solve, problem: Problem, limits: Limits, **how: Any) -> Any:
    """A model that is linear but for decisions: the best of its linear pieces is where the engine starts."""
    from sheetml.solve import linear

    started = time.perf_counter()
    try:
        start = linear.improved_start(problem, limits)
    except KeyboardInterrupt:
        return _interrupted(problem)
    used = time.perf_counter() - started
    if limits.max_time is not None:
        limits = replace(limits, max_time=max(limits.max_time - used, 0.0))
    before = linear.unsolved(problem, "", 0).fun
    result = then(replace(problem, start=start), limits, **how)
    if not np.array_equal(result.x, problem.start):
        problem.assign(result.x)  # an engine that ends at its start assigns nothing
    result.fun_start = before
    result.seconds += used
    return result


def _continuous(program: Program, problem: Problem, limits: Limits, **how: Any) -> Any:
    """A program without whole numbers; where HiGHS gives up on one, the methods for smooth problems do not."""
    from sheetml.solve import linear, nonlinear
    from sheetml.solve.search import STUCK

    result = linear.solve(program, problem, limits, **how)
    return nonlinear.solve(problem, limits, **how) if result.status == STUCK else result


def _interrupted(problem: Problem, *_: Any, **__: Any) -> Any:
    from sheetml.solve import linear
    from sheetml.solve.search import INTERRUPTED

    return linear.unsolved(problem, "interrupted; the start is kept", INTERRUPTED)
