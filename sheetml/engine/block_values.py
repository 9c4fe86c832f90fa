"""The values of a block's cells, computed at once, or in parts where they cannot be."""

from __future__ import annotations

import sys

import numpy as np

from sheetml.engine.dates import date_1904
from sheetml.engine.evaluate import Context, Split, first_element
from sheetml.engine.formulas import Block
from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import BLANK, NUMBER, Value, broadcast, common_shape
from sheetml.errors import CalculationError

PYTHON_FRAMES = 60_000  # what functions that call themselves (LAMBDA) need at most


class SizesDiffer(Exception):
    """The cells of a block do not all fill areas of one size."""


def evaluated(context: Context, block: Block) -> Value:
    """The results for the context's cells: (b, 1, 1), or for array formulas (b, R, C)."""
    assert block.tree is not None
    system, frames = date_1904.set(context.workspace.scope.file.date_1904), sys.getrecursionlimit()
    sys.setrecursionlimit(max(frames, PYTHON_FRAMES))
    try:
        value = context.dereference(context.evaluate(block.tree))
        if block.size is None:
            value = first_element(value)
    except Split:
        if context.count == 1:
            raise CalculationError("the formula refers to areas of different sizes at once") from None
        half = context.count // 2
        parts = [context.select(part) for part in (slice(0, half), slice(half, context.count))]
        values = [_sized(evaluated(part, block), part.count) for part in parts]
        if block.dynamic and values[0].shape[1:] != values[1].shape[1:]:
            raise SizesDiffer from None
        return stacked(values)
    finally:
        date_1904.reset(system)
        sys.setrecursionlimit(frames)
    return without_blanks(value)


def _sized(value: Value, count: int) -> Value:
    return broadcast(value, (count, *value.shape[1:]))


def stacked(values: list[Value]) -> Value:
    """Values of different cells as one; arrays of different sizes are padded."""
    shape = common_shape(values)
    values = [broadcast(value, (value.shape[0], *shape[1:])) for value in values]
    plain = all(value.kind is None for value in values)
    wordless = all(value.text is None for value in values)
    return Value(
        ops.concatenate([value.number for value in values], axis=0),
        None if plain else np.concatenate([value.kinds for value in values]),
        None if wordless else np.concatenate([value.texts for value in values]),
    )


def without_blanks(value: Value) -> Value:
    """A formula's result is never blank: it is 0."""
    if value.kind is None or not (value.kind == BLANK).any():
        return value
    kind = np.where(value.kind == BLANK, NUMBER, value.kind).astype(np.uint8)
    return Value(value.number, kind if kind.any() else None, value.text)
