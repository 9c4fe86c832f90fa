"""The values of a block's cells, computed at once, or in parts where they cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from sheetml.engine.dates import date_1904
from sheetml.engine.division import together
from sheetml.engine.evaluate import Context, first_element
from sheetml.engine.formulas import Block
from sheetml.engine.signals import Signal
from sheetml.engine.sizes import Split
from sheetml.engine.values import Value, fitted, without_blanks
from sheetml.errors import CalculationError, SheetmlError

MOST_FAILURES = 200  # of cells of a block, one after the other, before its other cells are named with them
PYTHON_FRAMES = 60_000  # what functions that call themselves (LAMBDA) need at most


class SizesDiffer(Signal):
    """The cells of a block do not all fill areas of one size."""


class defects_named:
    """Makes a CalculationError of an exception that nothing foresaw: a defect of sheetml's in some formula.

    It costs the cells at hand their values, with their names, and never the workbook: this is the one place
    where any exception is caught. `place` is put into words only if it comes to that.
    """

    __slots__ = ("place",)

    def __init__(self, place: Callable[[], str] = lambda: "this formula") -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (SheetmlError, Signal)):
            what = f"sheetml failed on {self.place()} ({type(error).__name__}: {error})"
            raise CalculationError(what) from error


def evaluated(context: Context, block: Block) -> Value:
    """The results for the context's cells: (b, 1, 1), or for array formulas (b, R, C).

    Raises CalculationError where they cannot be computed, for whatever reason.
    """
    assert block.tree is not None
    system, frames = date_1904.set(context.workspace.scope.file.date_1904), sys.getrecursionlimit()
    sys.setrecursionlimit(max(frames, PYTHON_FRAMES))
    context.last_sum = block.last_sum
    try:
        with defects_named():
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


def values_or_reasons(context: Context, block: Block) -> Value:
    """The same, where each cell that cannot be computed costs its own value only: the workspace names it."""
    failures = 0

    def of(part: Context) -> Value:
        nonlocal failures
        try:
            return evaluated(part, block)
        except CalculationError as error:
            if part.count == 1 or failures >= MOST_FAILURES:
                failures += part.count
                return part.uncomputable(str(error))
        halves = np.array_split(np.arange(part.count), 2)
        return _joined([(half, of(part.select(half))) for half in halves], part.count, block)

    return of(context)


def _apart(context: Context, block: Block, groups: list[np.ndarray]) -> Value:
    parts = []
    for index in groups:
        context.workspace.calls = 0  # each group may call as often as a formula may
        parts.append((index, evaluated(context.select(index), block)))
    return _joined(parts, context.count, block)


def _joined(parts: list[tuple[np.ndarray, Value]], count: int, block: Block) -> Value:
    """The results of groups of the cells; those of array formulas of a stated size each fill that size."""
    if block.size is not None and not block.dynamic:
        parts = [(index, fitted(value, *block.size)) for index, value in parts]
    result = together(parts, count)
    if result is None:
        raise SizesDiffer
    assert isinstance(result, Value)
    return result
