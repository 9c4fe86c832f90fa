"""Models that are linear but for decisions: IF, MAX, a row looked up, each a linear program as long as they stay.

Excel's Simplex LP takes such a model as it is at the start, and only tests whether it came out as promised.
The same is done here from piece to piece: the program that holds around a point is solved, and where the
cells themselves are better there, that is the next point. What is found is a start for a method that can
prove more; it is never worse than the start.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve.linear import highs
from sheetml.solve.linear.highs import Bounds, Ending
from sheetml.solve.linear.program import Program, read
from sheetml.solve.problem import Problem
from sheetml.solve.search import Limits
from sheetml.xlsx.solver_names import MAXIMISE

MOST_PIECES = 20
SECONDS = 10.0  # for all of them, where there is no shorter limit
BETTER = 1e-9  # relative, from which a point is


def improved_start(problem: Problem, limits: Limits) -> np.ndarray:
    """The best point found from piece to piece, the start if none is better."""
    best, rank = problem.start, _rank(problem, limits, problem.start)
    end = time.perf_counter() + min(SECONDS, math.inf if limits.max_time is None else limits.max_time)
    for _ in range(MOST_PIECES):
        left = end - time.perf_counter()
        if left <= 0:
            break
        program = read(replace(problem, start=best), frozen=True).program
        if program is None:
            break
        ranked = [(_rank(problem, limits, x), x) for x in _optima(program, best, left)]
        found = min(ranked, key=lambda pair: pair[0], default=(rank, best))
        if found[0] >= (rank[0], rank[1] - BETTER * max(1.0, abs(rank[1]))):
            break
        rank, best = found
    return best


def _optima(program: Program, start: np.ndarray, seconds: float) -> Iterator[np.ndarray]:
    """The optimum of a piece, as far as there is one; and points on the way there, which may be in the same piece."""
    if (program.lower > program.upper).any():
        return
    begin = np.append(start, np.zeros(program.unknowns - start.size))
    found = highs.run(program, begin, Bounds(seconds=seconds))
    if found.x is None or found.ending not in (Ending.OPTIMAL, Ending.LIMIT):
        return
    end = np.where(program.whole, np.rint(found.x), found.x)[: start.size]
    yield end
    if not program.whole.any():
        for part in (0.5, 0.1, 0.01):
            yield start + part * (end - start)


def _rank(problem: Problem, limits: Limits, x: np.ndarray) -> tuple[float, float]:
    """Smaller is better: first by how much constraints are missed, then the cost; infinite where there is no value."""
    x = np.clip(x, problem.lower, problem.upper)
    try:
        value = 0.0 if problem.objective is None else float(problem.objective(x))
        missed = 0.0
        if problem.constraints is not None:
            missed = float(problem.constraints.missed(problem.constraints.gaps(x)).max(initial=0.0))
    except CalculationError:
        return math.inf, math.inf
    if not problem.whole.any() or np.allclose(x[problem.whole], np.rint(x[problem.whole]), atol=1e-6):
        whole = 0.0
    else:
        whole = 1.0
    cost = abs(value - problem.target_value) if problem.to_a_value else value
    missed = missed if missed > limits.precision else 0.0
    return whole + missed, -cost if problem.sense == MAXIMISE else cost
