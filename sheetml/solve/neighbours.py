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
FINEST = 24  # halvings of a cell's range


def descend(search: Search, lower: np.ndarray, upper: np.ndarray, apart: np.ndarray) -> None:
    """Moves the best point of the search while that improves it.

    `lower` and `upper` are the box of cells that have no bounds; cells marked `apart` (all different) stay.
    """
    random = np.random.default_rng(0)
    for _ in range(MOST_ROUNDS):
        best = search.best
        if best is None:
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
    for step in (1.0, -1.0, 2.0, -2.0, 5.0, -5.0):
        yield _single(counted, np.full(counted.size, step), x.size)
    width = upper - lower
    for halving in range(1, FINEST):
        for way in (1.0, -1.0):
            yield _single(measured, way * width[measured] * 0.5**halving, x.size)
    for bound in (lower, upper):
        yield _single(measured, bound[measured] - x[measured], x.size)
    yield _trades(counted, 1.0, x.size)
    if measured.size:
        for halving in (2, 4, 7, 10, 14):
            yield _trades(measured, float(np.median(width[measured])) * 0.5**halving, x.size)


def _single(cells: np.ndarray, steps: np.ndarray, count: int) -> np.ndarray:
    moves = np.zeros((cells.size, count))
    moves[np.arange(cells.size), cells] = steps
    return moves


def _trades(cells: np.ndarray, step: float, count: int) -> np.ndarray:
    """One cell gains what another loses, for all pairs (or as many as are judged at once)."""
    gains, loses = np.meshgrid(cells, cells, indexing="ij")
    pairs = np.stack([gains[gains != loses], loses[gains != loses]], axis=1)
    if len(pairs) > MOST_MOVES:
        pairs = pairs[np.random.default_rng(0).choice(len(pairs), MOST_MOVES, replace=False)]
    moves = np.zeros((len(pairs), count))
    moves[np.arange(len(pairs)), pairs[:, 0]] = step
    moves[np.arange(len(pairs)), pairs[:, 1]] = -step
    return moves
