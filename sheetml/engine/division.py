"""When the cells of a block cannot be evaluated in one go: what must be alike, and putting results together.

A formula is evaluated for many cells at once. What a function takes once for all of them (an option, the size
of an area, which of its elements count) it asks to be `alike`; where it is not, Split ends the evaluation, and
whoever catches it evaluates groups of cells apart. So no cell's value depends on the cells beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.signals import Signal
from sheetml.engine.sizes import Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import Errors, Value, broadcast, select


class Refused(Signal):
    """The function being evaluated gives one error for all of the context's cells."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def numbered(groups: list[np.ndarray], count: int) -> np.ndarray:
    """The number of the group that each cell is in, (count,); -1 for those in none."""
    labels = np.full(count, -1, np.intp)
    for number, index in enumerate(groups):
        labels[index] = number
    return labels


def labels_of(*arrays: np.ndarray) -> np.ndarray:
    """One label for each of b cells, the same where all arrays, (b, ...) or (1, ...), have the same in them."""
    count = max(array.shape[0] for array in arrays)
    labels = np.zeros(count, np.intp)
    for array in arrays:
        if array.shape[0] == 1:
            continue
        rows = array.reshape(count, -1)
        if rows.dtype == object:
            numbers: dict[tuple[Any, ...], int] = {}
            own = np.array([numbers.setdefault(tuple(row), len(numbers)) for row in rows.tolist()], np.intp)
        elif rows.shape[1] == 1:
            own = np.unique(rows[:, 0], return_inverse=True)[1].reshape(-1)
        else:
            own = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        labels = np.unique(labels * (own.max(initial=0) + 1) + own, return_inverse=True)[1].reshape(-1)
    return labels


def alike(*arrays: np.ndarray) -> None:
    """Raises Split where arrays, (b, ...), are not the same for all cells: what a function takes from the first
    of its cells it asks here to be so for the others."""
    if any(array.shape[0] > 1 and (array != array[:1]).any() for array in arrays):
        raise Split(labels_of(*arrays))


def refuse_errors(errors: Errors) -> None:
    """Ends the function with a cell's first error, (b, ...), where there is one."""
    if errors is not None and errors.any():
        codes = errors.reshape(errors.shape[0], -1)
        alike(codes)
        raise Refused(int(codes[0][codes[0] != 0][0]))


def together(parts: Sequence[tuple[np.ndarray, Any]], count: int) -> Value | Reference | None:
    """Results of groups of the cells, each with the positions of its cells, as one; None where that cannot be."""
    if len(parts) == 1:
        only: Value | Reference = parts[0][1]
        return only
    position = np.empty(count, np.intp)  # of each cell among the results in a row
    position[np.concatenate([index for index, _ in parts])] = np.arange(count)
    results = [result for _, result in parts]
    values = [result for result in results if isinstance(result, Value)]
    if len(values) == len(results):
        if len({value.shape[1:] for value in values}) > 1:
            return None
        spread = [broadcast(value, (len(index), *value.shape[1:])) for (index, _), value in zip(parts, values)]
        return select(stacked(spread), position)
    references = [result for result in results if isinstance(result, Reference)]
    if len(references) == len(results) and len({reference.sheet for reference in references}) == 1:
        return joined_references([(len(index), each) for (index, _), each in zip(parts, references)]).select(position)
    return None


def stacked(values: list[Value]) -> Value:
    """Values of different cells, of one size, as one."""
    plain = all(value.kind is None for value in values)
    wordless = all(value.text is None for value in values)
    return Value(
        ops.concatenate([value.number for value in values], axis=0),
        None if plain else np.concatenate([value.kinds for value in values]),
        None if wordless else np.concatenate([value.texts for value in values]),
    )


def joined_references(parts: list[tuple[int, Reference]]) -> Reference:
    """The areas of different cells on one sheet as one reference; each part with the number of its cells."""

    def spread(edge: str) -> np.ndarray:
        return np.concatenate([np.broadcast_to(getattr(each, edge), (count,)) for count, each in parts])

    errors = None
    if any(reference.errors is not None for _, reference in parts):
        none = np.zeros(1, np.uint8)
        errors = np.concatenate(
            [np.broadcast_to(none if each.errors is None else each.errors, (count,)) for count, each in parts]
        )
    dynamic = any(reference.dynamic for _, reference in parts)
    return Reference(
        parts[0][1].sheet, spread("top"), spread("left"), spread("height"), spread("width"), errors, dynamic
    )
