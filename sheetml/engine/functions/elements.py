"""Arrays taken apart into elements, and elements put together in another shape: what most functions of
dynamic arrays do. Which element goes where is a decision; the elements keep their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.collation import collation_key
from sheetml.engine.division import Refused, alike, refuse_errors
from sheetml.engine.evaluate import Context
from sheetml.engine.functions.lookup import integers
from sheetml.engine.sizes import check_size
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import concrete
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, Value, array_of, as_boolean, as_number
from sheetml.formula.tree import Missing, Node


class Elements:
    """The elements of several arrays, (b, R, C) each: for every cell one after the other, row by row."""

    def __init__(self, *values: Value) -> None:
        self.count = max(value.shape[0] for value in values)
        self.size = sum(value.shape[1] * value.shape[2] for value in values)
        check_size(1, self.size, 1)
        self._number = ops.concatenate([self._spread(value) for value in values], axis=1)
        self._kind = None
        if any(value.kind is not None for value in values):
            self._kind = np.concatenate([self._rows(value.kinds) for value in values], axis=1)
        self._text = None
        if any(value.text is not None for value in values):
            self._text = np.concatenate([self._rows(value.texts) for value in values], axis=1)

    def _spread(self, value: Value) -> ops.Array:
        size = value.shape[1] * value.shape[2]
        return ops.broadcast_to(ops.reshape(value.number, (value.shape[0], size)), (self.count, size))

    def _rows(self, array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array.reshape(array.shape[0], -1), (self.count, array.shape[1] * array.shape[2]))

    def laid_out(self, index: np.ndarray) -> Value:
        """An array of elements by their positions, (R, C) for all cells or (b, R, C)."""
        index = index.reshape(-1, *index.shape[-2:])
        flat = np.arange(self.count)[:, None, None] * self.size + index
        return array_of(
            Value(
                ops.take(self._number, flat),
                None if self._kind is None else _unless_zero(self._kind.reshape(-1)[flat]),
                None if self._text is None else self._text.reshape(-1)[flat],
            )
        )


def _unless_zero(kind: np.ndarray) -> np.ndarray | None:
    return kind if kind.any() else None


def places(value: Value) -> np.ndarray:
    """The positions of an array's elements among themselves, (R, C)."""
    return np.arange(value.shape[1] * value.shape[2]).reshape(value.shape[1:])


def same_for_all(indices: list[np.ndarray]) -> np.ndarray:
    """The arrangements of all cells as one array; they are computed apart where they differ in size."""
    alike(np.array([index.shape for index in indices]))
    return np.stack(indices)


def shared_integer(context: Context, node: Node | None, default: int = 0) -> int:
    """A whole number that shapes the result: one for all cells, which are computed apart where it differs."""
    if node is None or isinstance(node, Missing):
        return default
    numbers, errors = integers(context, node)
    refuse_errors(errors)
    return int(shared(numbers))


def shared_truth(context: Context, node: Node | None, default: bool = False) -> bool:
    """A choice between two ways, likewise."""
    if node is None or isinstance(node, Missing):
        return default
    truth, errors = as_boolean(context.value(node))
    refuse_errors(errors)
    return bool(shared(concrete(truth).reshape(-1)))


def shared_integers(context: Context, node: Node) -> list[int]:
    """Whole numbers of an array, likewise."""
    number, errors = as_number(context.array_value(node))
    refuse_errors(errors)
    return [int(item) for item in shared(np.trunc(concrete(number)).reshape(number.shape[0], -1))]


def shared(array: np.ndarray) -> Any:
    """What all cells have alike, along the first axis."""
    alike(array)
    return array[0]


def refuse_where(cells: np.ndarray, code: int) -> None:
    """Ends the function with an error where a condition, (b,), holds; cells are computed apart where it does not."""
    if cells.any():
        alike(cells)
        raise Refused(code)


# ---- order ---------------------------------------------------------------------------------------


def decided(name: str, compute: Callable[[np.ndarray], np.ndarray], value: Value) -> np.ndarray:
    """Positions that depend on a value's numbers, as int array: a trace then holds while they stay the same."""
    found = ops.position_of(name, lambda number: compute(number).astype(np.float64))(value.number)
    return concrete(found).astype(np.intp)


def ranks(numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The place of each element in Excel's order, equal ones the same: numbers, texts without regard to case,
    booleans, errors, and blanks last of all. Arrays of one shape."""
    result = np.zeros(kinds.shape, np.int64)
    start = 0
    for own, values in (
        (kinds == NUMBER, numbers),
        (kinds == TEXT, texts),
        (kinds == BOOLEAN, numbers),
        (kinds >= ERROR, kinds),
        (kinds == BLANK, kinds),
    ):
        if own.any():
            wanted = _keys(values[own]) if values is texts else values[own]
            distinct, place = np.unique(wanted, return_inverse=True)
            result[own] = start + place.reshape(-1)
            start += len(distinct)
    return result


_keys = np.frompyfunc(collation_key, 1, 1)
