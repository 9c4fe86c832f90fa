"""A formula filled over cells of a workbook, as the engine sees it: a block and the context it is evaluated in."""

from __future__ import annotations

import numpy as np

import sheetml
from sheetml.engine.evaluate import Context
from sheetml.engine.formulas import Block
from sheetml.formula.parser import parse


def filled(workbook: sheetml.Workbook, formula: str, places: list[tuple[int, int]]) -> tuple[Block, Context]:
    """The block of a formula written for the first place (as its cell would be at row 1 of the operands)."""
    rows, columns = (np.array(part, np.int64) for part in zip(*places))
    text = formula.removeprefix("=")
    tree = parse(text, int(rows[0]), int(columns[0]))
    calculation = workbook.calculation
    calculation.add_cells(0, places)
    context = Context(calculation.workspace, 0, rows, columns, calculation.slots.locate(0, rows, columns))
    return Block(0, text, tree, rows, columns), context
