"""Moves of one or two cells from the best point, all judged at once; the best one is made, again and again.

What a population finds by luck only: whole numbers one further, two cells that trade a unit, cells put on
a bound or a step finer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sheetml.solve.search import Search

MOST_MOVES = 3000  # judged at once
MOST_ROUNDS = 200
MOST_SECONDS = 5.0
WHOLE_STEPS = 12  # the furthest that a whole number is moved by itself
FINEST = 24  # halvings of a cell's range


def descend(
    search: Search, lower: np.ndarray, upper: np.ndarray, apart: np.ndarray, seconds: float = MOST_SECONDS
) -> None:
    """Moves the best point of the search while that improves it, for so many seconds at most.

    `lower` and `upper` are the box of cells that have no bounds; cells marked `apart` (all different) stay.
    """
    random = np.random.default_rng(0)
    until = search.seconds + seconds
    for _ in range(MOST_ROUNDS):
        best = search.best
        if best is None or search.seconds > until:
            return
        before = search.rank(best)
        moves = np.concatenate([np.zeros((0, best.x.size)), *_moves(search, best.x, lower, upper, apart)])
        if len(moves) > MOST_MOVES:
            moves = moves[random.choice(len(moves), MOST_MOVES, replace=False)]
        if not len(moves):
            return
        search.judged(np.clip(best.x + moves, search.problem.lower, search.problem.upper))
        search.after_iteration()
        if search.best is None or not search.rank(search.best) < before:
            return


def _moves(
    search: Search, x: np.ndarray, lower: np.ndarray, upper: np.ndarray, apart: np.ndarray
) -> Iterator[np.ndarray]:
    """Changes of the cells, (moves, n) each: of single cells, and of pairs that trade the same amount."""
    whole = search.problem.whole
    free = (upper > lower) & ~apart
    counted, measured = np.nonzero(whole & free)[0], np.nonzero(~whole & free)[0]
    width = upper - lower
    for step in range(1, WHOLE_STEPS + 1):
        for sign in (1.0, -1.0):
            yield _single(counted, np.full(counted.size, sign * step), x.size)
    for halving in range(1, FINEST):
        for way in (1.0, -1.0):
            yield _single(measured, way * width[measured] * 0.5**halving, x.size)
    for bound in (lower, upper):
        yield _single(measured, bound[measured] - x[measured], x.size)
    for first, second in ((1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (1.0, -2.0)):
        yield _pairs(counted, first, second, x.size)
    if measured.size:
        for halving in (2, 4, 7, 10, 14):
            amount = float(np.median(width[measured])) * 0.5**halving
            yield _pairs(measured, amount, -amount, x.size)


def _single(cells: np.ndarray, steps: np.ndarray, count: int) -> np.ndarray:
    moves = np.zeros((cells.size, count))
    moves[np.arange(cells.size), cells] = steps
    return moves


def _pairs(cells: np.ndarray, first: float, second: float, count: int) -> np.ndarray:
    """Two cells moved by so much each, for all pairs (or as many as are judged at once)."""
    one, other = np.meshgrid(cells, cells, indexing="ij")
    pairs = np.stack([one[one != other], other[one != other]], axis=1)
    if len(pairs) > MOST_MOVES:
        pairs = pairs[np.random.default_rng(0).choice(len(pairs), MOST_MOVES, replace=False)]
    moves = np.zeros((len(pairs), count))
    moves[np.arange(len(pairs)), pairs[:, 0]] = first
    moves[np.arange(len(pairs)), pairs[:, 1]] = second
    return moves
