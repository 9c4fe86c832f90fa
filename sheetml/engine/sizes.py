"""How large arrays may become: what would be larger is refused, or computed for fewer cells at once, before it is made.

A formula is evaluated for b cells at once; its arrays are (b, rows, columns).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sheetml.engine.signals import Signal
from sheetml.errors import CalculationError

ELEMENTS_AT_ONCE = 4_000_000  # of one intermediate array; larger batches of cells are split
ELEMENTS_OF_ONE_CELL = 2**25  # of one that a single cell needs: 32 whole columns
ELEMENTS_MADE = 2**24  # of an array that a function makes out of a few numbers, or operands of different shapes


class Split(Signal):
    """The context's cells cannot be evaluated in one go: something that must be alike differs among them.

    `labels`, one a cell, (b,), say which cells can go together; without labels any fewer may do (their
    arrays are too large together).
    """

    def __init__(self, labels: np.ndarray | None = None) -> None:
        super().__init__()
        self.labels = labels

    def groups(self, count: int) -> list[np.ndarray]:
        """The cells, by their positions, in groups to be evaluated apart."""
        if self.labels is not None and self.labels.size == count:
            distinct, group, sizes = np.unique(self.labels, return_inverse=True, return_counts=True)
            if len(distinct) > 1:
                order = np.argsort(group.reshape(-1), kind="stable")
                return np.split(order, np.cumsum(sizes)[:-1])
        return [np.arange(count // 2), np.arange(count // 2, count)]


def check_size(count: int, rows: int, columns: int, most: int = ELEMENTS_MADE) -> None:
    """Raises CalculationError for an array too large to make, Split where it is so only for all cells together."""
    if rows * columns > most:
        raise CalculationError(f"an array of {rows} rows and {columns} columns is too large to compute with")
    if count > 1 and count * rows * columns > ELEMENTS_AT_ONCE:
        raise Split


def check_spread(shape: tuple[int, ...], operands: Sequence[tuple[int, ...]]) -> None:
    """The same of the array, (b, rows, columns), that operands spread to; one of them may be as large as that is."""
    size = math.prod(shape)
    if size > ELEMENTS_AT_ONCE and size > max(map(math.prod, operands)):
        check_size(*shape)
