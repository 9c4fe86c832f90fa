"""The different numbers of an array, by sorting: `numpy.unique` takes a hash table, which is many times slower."""

from __future__ import annotations

import numpy as np


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The different integers of an array of any shape, sorted, (n,)."""
    found = np.sort(numbers, axis=None)
    if found.size < 2:
        return found
    first = np.empty(found.size, bool)
    first[0] = True
    np.not_equal(found[1:], found[:-1], out=first[1:])
    return found[first]
