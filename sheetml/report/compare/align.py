"""Which rows (or columns) of one sheet are which of another, where some were inserted or removed.

Lines that occur once on both sides and are equal are taken as fixed points, as far as their order
allows (the "patience" method of Bram Cohen). What lies between is aligned by weaker likenesses, and in
the end line by line so that as many cells as possible are equal (Needleman and Wunsch, 1970).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

MOST_AT_ONCE = 250_000  # pairs of lines that are compared with each other cell by cell

Pairs = list[tuple[int, int]]
Keys = Sequence[Hashable]
Gap = tuple[int, int, int, int]  # of the first side from, to; of the second from, to


def aligned(before: Sequence[Keys], after: Sequence[Keys], likeness: np.ndarray | None) -> Pairs:
    """The pairs of lines that are each other, ascending on both sides.

    `before` and `after` hold the lines' keys at several levels, the most exact first; a level is used
    where the one before has nothing to say. `likeness` is a matrix of how many cells each line of the
    one has in common with each of the other, or None where that would be too much.
    """
    pairs: Pairs = []
    _fill((0, len(before[0]), 0, len(after[0])), 0, before, after, likeness, pairs)
    return sorted(pairs)


def _fill(
    gap: Gap, level: int, before: Sequence[Keys], after: Sequence[Keys], likeness: np.ndarray | None, pairs: Pairs
) -> None:
    if level == len(before):
        pairs += _rest(gap, likeness)
        return
    for part in _between(gap, before[level], after[level], pairs):
        if part[0] < part[1] and part[2] < part[3]:
            _fill(part, level + 1, before, after, likeness, pairs)


def _between(gap: Gap, before: Keys, after: Keys, pairs: Pairs) -> Iterator[Gap]:
    """Adds the pairs that this level settles, and yields what is left between them."""
    first, last, other, other_last = gap
    while first < last and other < other_last and before[first] == after[other]:
        pairs.append((first, other))
        first, other = first + 1, other + 1
    tail: Pairs = []
    while first < last and other < other_last and before[last - 1] == after[other_last - 1]:
        last, other_last = last - 1, other_last - 1
        tail.append((last, other_last))
    pairs += tail
    start, other_start = first, other
    for one, two in _fixed_points(before, after, (first, last, other, other_last)):
        yield from _between_points((start, one, other_start, two), before, after, pairs)
        pairs.append((one, two))
        start, other_start = one + 1, two + 1
    yield from _between_points((start, last, other_start, other_last), before, after, pairs)


def _between_points(gap: Gap, before: Keys, after: Keys, pairs: Pairs) -> Iterator[Gap]:
    """The equal lines next to fixed points belong to them; the gap without those."""
    first, last, other, other_last = gap
    while first < last and other < other_last and before[first] == after[other]:
        pairs.append((first, other))
        first, other = first + 1, other + 1
    while first < last and other < other_last and before[last - 1] == after[other_last - 1]:
        last, other_last = last - 1, other_last - 1
        pairs.append((last, other_last))
    yield first, last, other, other_last


def _fixed_points(before: Keys, after: Keys, gap: Gap) -> Pairs:
    """Equal lines that are the only ones of their kind, in an order that both sides share."""
    first, last, other, other_last = gap
    counts, other_counts = Counter(before[first:last]), Counter(after[other:other_last])
    place = {key: position for position, key in enumerate(after[other:other_last], start=other)}
    candidates = [
        (position, place[key])
        for position, key in enumerate(before[first:last], start=first)
        if counts[key] == 1 and other_counts.get(key) == 1
    ]
    return _longest_rising(candidates)


def _longest_rising(pairs: Pairs) -> Pairs:
    """The longest subsequence whose second numbers rise, by piles as in patience sorting."""
    tops: list[int] = []  # the smallest end of a rising sequence of each length
    ends: list[int] = []  # and which pair it is
    former = [-1] * len(pairs)
    for index, (_, value) in enumerate(pairs):
        pile = bisect_left(tops, value)
        if pile == len(tops):
            tops.append(value)
            ends.append(index)
        else:
            tops[pile], ends[pile] = value, index
        former[index] = ends[pile - 1] if pile else -1
    chain: Pairs = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = former[index]
    return chain[::-1]


def _rest(gap: Gap, likeness: np.ndarray | None) -> Pairs:
    """Lines that no key tells apart: by their cells if they differ in number, else one after another."""
    first, last, other, other_last = gap
    height, width = last - first, other_last - other
    if height == width:
        return list(zip(range(first, last), range(other, other_last)))
    if likeness is None or height * width > MOST_AT_ONCE:
        shorter = min(height, width)
        return list(zip(range(first, first + shorter), range(other, other + shorter)))
    found = _best_path(likeness[first:last, other:other_last])
    return [(first + one, other + two) for one, two in found]


def _best_path(likeness: np.ndarray) -> Pairs:
    """The rising pairs of lines whose likeness adds up to the most."""
    height, width = likeness.shape
    # two lines with nothing in common are still rather a pair than not, and rather at the same place
    gain = likeness + 1e-3 + 1e-4 * np.eye(height, width)
    best = np.zeros((height + 1, width + 1))
    for row in range(1, height + 1):
        through = best[row - 1, :-1] + gain[row - 1]
        best[row, 1:] = np.maximum.accumulate(np.maximum(through, best[row - 1, 1:]))
    pairs: Pairs = []
    row, column = height, width
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column]:
            row -= 1
        else:
            pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
    return pairs[::-1]
