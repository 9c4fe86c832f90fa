"""Sparse sums: for each of m elements, coefficients of numbered unknowns, as triples."""

from __future__ import annotations

import numpy as np


class Terms:
    """Triples (row, key, value), sorted by row, with each pair of row and key at most once.

    A key is what a coefficient belongs to: an adjustable cell's position, or i * n + j for a product of two.
    """

    __slots__ = ("_starts", "count", "keys", "rows", "values")

    def __init__(self, count: int, rows: np.ndarray, keys: np.ndarray, values: np.ndarray) -> None:
        self.count = count  # of elements, m
        self.rows = rows
        self.keys = keys
        self.values = values
        self._starts: np.ndarray | None = None

    @classmethod
    def none(cls, count: int) -> Terms:
        """No terms at all."""
        return cls(count, _NO_INDEX, _NO_INDEX, _NO_VALUES)

    @classmethod
    def unknowns(cls, count: int) -> Terms:
        """Each element is the unknown of its own number."""
        return cls(count, np.arange(count), np.arange(count), np.ones(count))

    @property
    def size(self) -> int:
        """How many triples there are."""
        return self.rows.size

    @property
    def starts(self) -> np.ndarray:
        """Where the triples of each row begin, and the end, (m + 1,)."""
        if self._starts is None:
            self._starts = np.searchsorted(self.rows, np.arange(self.count + 1))
        return self._starts

    @property
    def present(self) -> np.ndarray:
        """Which elements have any term, (m,)."""
        present = np.zeros(self.count, bool)
        present[self.rows] = True
        return present

    def gathered(self, index: np.ndarray) -> Terms:
        """The terms of these elements, in this order."""
        if not self.size:
            return Terms.none(index.size)
        first, lengths = self.starts[index], self.starts[index + 1] - self.starts[index]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if ends.size else 0
        place = np.arange(total) + np.repeat(first - ends + lengths, lengths)
        return Terms(index.size, np.repeat(np.arange(index.size), lengths), self.keys[place], self.values[place])

    def scaled(self, factors: np.ndarray) -> Terms:
        """Each element times its factor, (m,); what becomes 0 is dropped."""
        if not self.size:
            return self
        values = self.values * factors[self.rows]
        if values.all():
            return Terms(self.count, self.rows, self.keys, values)
        kept = values != 0
        return Terms(self.count, self.rows[kept], self.keys[kept], values[kept])

    def added(self, target: np.ndarray, count: int) -> Terms:
        """The sums of elements: each is added to its target, (m,), of `count` ones."""
        return summed(count, target[self.rows], self.keys, self.values) if self.size else Terms.none(count)


def summed(count: int, rows: np.ndarray, keys: np.ndarray, values: np.ndarray) -> Terms:
    """Terms from triples in any order: those of the same row and key are added, and dropped if they cancel."""
    order = np.lexsort((keys, rows))
    rows, keys, values = rows[order], keys[order], values[order]
    new = np.ones(rows.size, bool)
    new[1:] = (np.diff(rows) != 0) | (np.diff(keys) != 0)
    if not new.all():
        first = np.nonzero(new)[0]
        # what remains of numbers that cancel, but for their rounding, is nothing
        size = np.add.reduceat(np.abs(values), first)
        values = np.add.reduceat(values, first)
        rows, keys = rows[first], keys[first]
        values[np.abs(values) <= ROUNDING * size] = 0.0
    kept = values != 0
    if not kept.all():
        rows, keys, values = rows[kept], keys[kept], values[kept]
    return Terms(count, rows, keys, values)


def stacked(parts: list[Terms]) -> Terms:
    """The elements of all parts, one after the other."""
    offsets = np.cumsum([0, *(part.count for part in parts)])
    filled = [(offset, part) for offset, part in zip(offsets, parts) if part.size]
    count = int(offsets[-1])
    if not filled:
        return Terms.none(count)
    return Terms(
        count,
        np.concatenate([part.rows + offset for offset, part in filled]),
        np.concatenate([part.keys for _, part in filled]),
        np.concatenate([part.values for _, part in filled]),
    )


def sum_of(left: Terms, right: Terms) -> Terms:
    """Element by element the sum."""
    if not right.size:
        return left
    if not left.size:
        return right
    rows, keys = np.concatenate([left.rows, right.rows]), np.concatenate([left.keys, right.keys])
    return summed(left.count, rows, keys, np.concatenate([left.values, right.values]))


def products(left: Terms, right: Terms, unknowns: int) -> Terms:
    """Element by element the product of two linear forms: keys are i * n + j with i <= j."""
    others = right.gathered(left.rows)
    own = others.rows  # positions among the triples of `left`
    first, second = left.keys[own], others.keys
    keys = np.minimum(first, second) * unknowns + np.maximum(first, second)
    return summed(left.count, left.rows[own], keys, left.values[own] * others.values)


ROUNDING = 1e-15  # relative to the numbers that were added up

_NO_INDEX = np.zeros(0, np.int64)
_NO_VALUES = np.zeros(0)
