"""The texts that stand beside cells and say what they are."""

from __future__ import annotations

from sheetml.engine import questions
from sheetml.engine.calculation import Calculation
from sheetml.engine.values import BLANK, TEXT
from sheetml.xlsx.model import Area

FARTHEST = 6  # cells to go up from the first cell of an area in search of a text
FARTHEST_LEFT = 2  # and to the left
LONGEST = 40  # characters of a text that may be a label; a longer one is a remark


def label_of(calculation: Calculation, sheet: int, area: Area) -> str:
    """The text that names an area: the nearest one above or left of its first cell; "" if there is none.

    A column of cells is named by what stands above it rather than left, all else the other way round.
    """
    above = _nearest(calculation, sheet, [(area.top - step, area.left) for step in range(1, FARTHEST + 1)])
    left = _nearest(calculation, sheet, [(area.top, area.left - step) for step in range(1, FARTHEST_LEFT + 1)])
    if area.height > area.width:
        return above[0] or left[0]
    return above[0] if 0 < above[1] < left[1] or not left[0] else left[0]


def heading(calculation: Calculation, sheet: int, row: int, column: int) -> str:
    """The nearest text above a cell, over cells with values but not over blanks."""
    return _nearest(calculation, sheet, [(row - step, column) for step in range(1, FARTHEST + 1)])[0]


def _nearest(calculation: Calculation, sheet: int, places: list[tuple[int, int]]) -> tuple[str, int]:
    """The first text at these places, and after how many steps; "" if a blank comes first."""
    for step, (row, column) in enumerate(places, start=1):
        if row < 1 or column < 1:
            break
        slot = calculation.slot(sheet, row, column)
        kind = calculation.kind(slot)
        if kind == TEXT and questions.block(calculation, slot) is None and calculation.text(slot).strip():
            text = " ".join(calculation.text(slot).split())
            return (text, step) if len(text) <= LONGEST else ("", 0)
        if kind == BLANK:
            break
    return "", 0
