"""Leaps from where a descent ended: does the objective still improve far out, or beside a point without slope?

A descent that starts at huge numbers may end where its steps, not the objective, are used up. From its best
point one leap along each cell, downhill and on from the start shows that: a better point is gone on from,
and one that is better without end makes the search say that there is no best value. Where the slope is zero,
which a saddle has as well as a minimum, small steps in random directions are tried too.
"""

from __future__ import annotations

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve.search import Search, gained

MOST_CELLS = 50  # whose own directions are tried
LENGTHS = 10.0 ** np.arange(3, 15)  # by the size of the point
FLAT = 1e-9  # a slope below which is none
SMALL = np.array([1e-4, 1e-3, 1e-2])  # steps beside such a point, by its size, and ...
BESIDE = 20  # ... so many of each
WORTH = 1e-6  # relative: a gain less than which is none


def leap(search: Search) -> bool:
    """Judges points far out; whether one of them is better than the best point was.

    Raises Stop where the objective improves without end.
    """
    best, problem = search.best, search.problem
    if best is None or problem.objective is None or problem.to_a_value:
        return False
    before = search.rank(best)
    directions = _directions(search, best.x)
    steps = (LENGTHS[:, None, None] * (1.0 + np.abs(best.x)) * directions).reshape(-1, best.x.size)
    steps = np.concatenate([steps, _beside(search, best.x)])
    search.judged(np.clip(best.x + steps, problem.lower, problem.upper))
    return gained(before, search.rank(search.best or best), WORTH)


def _beside(search: Search, x: np.ndarray) -> np.ndarray:
    """Small steps, (s, n), if the objective has no slope at all."""
    try:
        objective, gradient = search.objective_and_gradient(x)
    except CalculationError:
        return np.zeros((0, x.size))
    if np.abs(gradient * search.scale).max(initial=0.0) > FLAT * (1.0 + abs(objective)):
        return np.zeros((0, x.size))
    random = np.random.default_rng(0)
    steps = random.normal(size=(len(SMALL), BESIDE, x.size)) * SMALL[:, None, None]
    return (steps * np.maximum(np.abs(x), search.scale)).reshape(-1, x.size)


def _directions(search: Search, x: np.ndarray) -> np.ndarray:
    """Where to, (d, n), each with numbers up to 1."""
    found = [np.zeros((0, x.size))]
    if x.size <= MOST_CELLS:
        found += [np.eye(x.size), -np.eye(x.size)]
    try:
        _, gradient = search.objective_and_gradient(x)
        found += [-search.slope(search.objective(x)) * gradient[None, :]]
    except CalculationError:
        pass
    found += [(x - search.problem.start)[None, :], np.ones((1, x.size)), -np.ones((1, x.size))]
    directions = np.concatenate(found)
    size = np.abs(directions).max(axis=1, initial=0.0)
    kept = np.isfinite(size) & (size > 0)
    return directions[kept] / size[kept][:, None]
