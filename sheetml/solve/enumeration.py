"""All points there are, where they are few: whole numbers between bounds, orders of a few cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from sheetml.solve.problem import Problem
from sheetml.solve.search import Search

MOST_POINTS = 50_000
AT_ONCE = 5_000


def count(problem: Problem) -> float:
    """How many points there are, inf where they cannot be counted."""
    whole, in_groups = problem.whole, _in_groups(problem)
    free = whole & ~in_groups
    lower, upper = _limits(problem)
    if not whole.all() or not (np.isfinite(lower[free]) & np.isfinite(upper[free])).all():
        return math.inf
    sizes = np.maximum(upper[free] - lower[free] + 1.0, 0.0)
    orders = math.prod(math.factorial(min(group.size, 20)) for group in problem.different)
    return float(np.prod(sizes)) * orders


def try_all(search: Search) -> str:
    """Judges every point; the best is in the search. Returns how it ended."""
    tried = 0
    points = _points(search.problem)
    while lot := list(itertools.islice(points, AT_ONCE)):
        search.judged(np.array(lot))
        search.after_iteration()
        tried += len(lot)
    return f"converged: all {tried:,} points there are were tried (proved)"


def _points(problem: Problem) -> Iterator[np.ndarray]:
    free = np.nonzero(~_in_groups(problem))[0]
    lower, upper = _limits(problem)
    numbers = [np.arange(lower[cell], upper[cell] + 1.0) for cell in free]
    orders = [itertools.permutations(np.arange(1.0, group.size + 1)) for group in problem.different]
    for own in itertools.product(*numbers, *orders):
        point = problem.start.astype(np.float64).copy()
        point[free] = own[: free.size]
        for group, order in zip(problem.different, own[free.size :]):
            point[group] = order
        yield point


def _limits(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    return np.ceil(problem.lower - 1e-9), np.floor(problem.upper + 1e-9)


def _in_groups(problem: Problem) -> np.ndarray:
    inside = np.zeros(problem.start.size, bool)
    for group in problem.different:
        inside[group] = True
    return inside
