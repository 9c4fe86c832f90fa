"""The values of a block's cells, computed at once, or in parts where they cannot be."""

from __future__ import annotations

import sys

import numpy as np

from sheetml.engine.dates import date_1904
from sheetml.engine.division import together
from sheetml.engine.evaluate import Context, first_element
from sheetml.engine.formulas import Block
from sheetml.engine.sizes import Split
from sheetml.engine.values import BLANK, NUMBER, Value, fitted
from sheetml.errors import CalculationError

PYTHON_FRAMES = 60_000  # what functions that call themselves (LAMBDA) need at most


class SizesDiffer(Exception):
    """The cells of a block do not all fill areas of one size."""


def evaluated(context: Context, block: Block) -> Value:
    """The results for the context's cells: (b, 1, 1), or for array formulas (b, R, C)."""
    assert block.tree is not None
    system, frames = date_1904.set(context.workspace.scope.file.date_1904), sys.getrecursionlimit()
    sys.setrecursionlimit(max(frames, PYTHON_FRAMES))
    context.last_sum = block.last_sum
    try:
        value = context.value(block.tree)
        if block.size is None:
            value = first_element(value)
    except Split as split:
        if context.count == 1:
            raise CalculationError("the formula refers to areas of different sizes at once") from None
        return _apart(context, block, split.groups(context.count))
    finally:
        date_1904.reset(system)
        sys.setrecursionlimit(frames)
    return without_blanks(value)


def _apart(context: Context, block: Block, groups: list[np.ndarray]) -> Value:
    """The results of groups of the cells; those of array formulas of a stated size each fill that size."""
    values = []
    for index in groups:
        context.workspace.calls = 0
        values.append(evaluated(context.select(index), block))
    if block.size is not None and not block.dynamic:
        values = [fitted(value, *block.size) for value in values]
    result = together(list(zip(groups, values)), context.count)
    if result is None:
        raise SizesDiffer
    assert isinstance(result, Value)
    return result


def without_blanks(value: Value) -> Value:
    """A formula's result is never blank: it is 0."""
    if value.kind is None or not (value.kind == BLANK).any():
        return value
    kind = np.where(value.kind == BLANK, NUMBER, value.kind).astype(np.uint8)
    return Value(value.number, kind if kind.any() else None, value.text)
