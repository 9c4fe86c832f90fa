"""Circular references that are computed by iteration, where a workbook asks for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.cells import StoredCells
from sheetml.engine.compiled.recurrence import Loop, compile_scan
from sheetml.engine.distinct import distinct
from sheetml.engine.plan import Stage, Step
from sheetml.engine.values import BLANK, NUMBER, Value


def settle(
    stage: Stage,
    cells: StoredCells,
    evaluate: Callable[[Step], Value],
    most: int,
    delta: float,
    dirty: np.ndarray,
) -> None:
    """Computes a round of cells again and again, at most so often, until no value changes by `delta` or more.

    The slots whose values are others in the end are marked in `dirty`.
    """
    targets = distinct(stage.targets[stage.targets != 0])
    start = cells.copy()
    loop: Loop | None = None
    for number in range(max(most, 1)):
        before = start if number == 0 else cells.copy()
        if number == 1:  # the first round shows of what kinds the values are
            loop = _compiled(stage, cells)
        if loop is None or not _run(loop, cells):
            loop = None
            for step in stage.steps:
                cells.write(step.targets.reshape(-1), evaluate(step))
        if _change(cells, before, targets) < delta:
            break
    dirty[targets[cells.differs_from(start, targets)]] = True


def _compiled(stage: Stage, cells: StoredCells) -> Loop | None:
    """The round as a loop on floats, if all its cells hold numbers."""
    return compile_scan(stage, cells) if (cells.kind[stage.targets] == NUMBER).all() else None


def _run(loop: Loop, cells: StoredCells) -> bool:
    numbers = loop.run(cells) if loop.holds(cells) else None
    if numbers is not None:
        cells.write(loop.slots[: loop.written], Value(numbers))
    return numbers is not None


def _change(cells: StoredCells, before: StoredCells, slots: np.ndarray) -> float:
    """By how much the number that moved most did; a value that is no number, and another than before, moved more."""
    kind, old = cells.kind[slots], before.kind[slots]
    numeric = ((kind == NUMBER) | (kind == BLANK)) & ((old == NUMBER) | (old == BLANK))
    if cells.differs_from(before, slots[~numeric]).any():
        return np.inf
    moves = np.abs(cells.number[slots] - before.number[slots])[numeric]
    return float(moves.max(initial=0.0))
