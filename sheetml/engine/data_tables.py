"""Data tables of the What-If menu: which values they put into which input cells, for which formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheetml.engine.cells import Slots
from sheetml.engine.distinct import distinct
from sheetml.engine.formulas import Block
from sheetml.errors import CalculationError
from sheetml.xlsx.model import InputCell


@dataclass(frozen=True, slots=True)
class Trial:
    """What a data table tries, in slots: each row of `values`, (p, n), in the n `inputs`, for the m `formulas`."""

    inputs: np.ndarray
    values: np.ndarray
    formulas: np.ndarray
    order: np.ndarray  # (height, width): where a cell of the table finds its value among the p * m results

    @property
    def reads(self) -> np.ndarray:
        """The cells around the table, of which it is made."""
        reads = distinct(np.concatenate([self.values.reshape(-1), self.formulas]))
        return reads[reads != 0]


def trial(block: Block, slots: Slots) -> Trial:
    """What the table of a block tries."""
    table = block.table
    assert table is not None
    area, sheet = table.area, block.sheet
    rows, columns = np.arange(area.top, area.bottom + 1), np.arange(area.left, area.right + 1)
    above, beside = slots.locate(sheet, area.top - 1, columns), slots.locate(sheet, rows, area.left - 1)
    cells = np.arange(area.height * area.width).reshape(area.height, area.width)
    if table.row_input is not None and table.column_input is not None:
        values = [np.broadcast_to(above, cells.shape).reshape(-1), np.repeat(beside, area.width)]
        inputs, formulas, order = [table.row_input, table.column_input], [(area.top - 1, area.left - 1)], cells
    elif table.row_input is not None:
        values, inputs, order = [above], [table.row_input], cells.reshape(area.width, area.height).T
        formulas = [(int(row), area.left - 1) for row in rows]
    elif table.column_input is not None:
        values, inputs, order = [beside], [table.column_input], cells
        formulas = [(area.top - 1, int(column)) for column in columns]
    else:
        raise CalculationError("the data table states no input cell")
    return Trial(
        np.array([_slot(slots, sheet, cell) for cell in inputs], np.intp),
        np.stack(values, axis=1),
        np.array([slots.locate(sheet, row, column) for row, column in formulas], np.intp),
        order,
    )


def _slot(slots: Slots, sheet: int, cell: InputCell) -> int:
    return int(slots.locate(sheet, cell.row, cell.column))
