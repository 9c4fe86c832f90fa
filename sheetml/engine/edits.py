"""Changing which cells hold formulas, after the workbook was read: what a macro or a user types in.

A value typed over a formula ends the formula; a formula typed in is one more block, or joins the cells
that hold the same one. Cells keep their slots, so that only the plan is made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sheetml.engine.blocks import Block
from sheetml.engine.values import BLANK
from sheetml.formula.parser import parse
from sheetml.formula.relative import relative_key
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node

if TYPE_CHECKING:
    from sheetml.engine.calculation import Calculation

Place = tuple[int, int, int]  # sheet, row, column


class Edits:
    """What was changed in the formulas of a calculation.

    `formulas` holds, for each cell whose formula is no longer the file's, its formula now, or None where
    it has none any more.
    """

    def __init__(self, calculation: Calculation) -> None:
        self.calculation = calculation
        self.formulas: dict[Place, str | None] = {}
        self._holders: np.ndarray | None = None  # by slot: which block the cell's formula is of, -1 for none
        self._dynamic: list[Block] = []
        self._keys: dict[tuple[int, str], Block] = {}

    # ---- looking

    def _holder(self) -> np.ndarray:
        calculation = self.calculation
        if self._holders is None or len(self._holders) != calculation.slots.count:
            self._holders = np.full(calculation.slots.count, -1, np.intp)
            for position, block in enumerate(calculation.blocks):
                self._holders[self._slots(block)] = position
            self._dynamic = [block for block in calculation.blocks if block.dynamic]
        return self._holders

    def _slots(self, block: Block) -> np.ndarray:
        """The slots of all cells that a block fills."""
        height, width = block.size or (1, 1)
        rows = block.rows[:, None, None] + np.arange(height)[None, :, None]
        columns = block.columns[:, None, None] + np.arange(width)[None, None, :]
        slots = self.calculation.slots.locate(block.sheet, rows, columns).reshape(-1)
        return slots[slots != 0]

    def holds_formula(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots a formula fills, without making a plan."""
        return self._holder()[slots] >= 0

    def block(self, slot: int) -> Block | None:
        """The block that fills a slot."""
        position = int(self._holder()[slot])
        return None if position < 0 else self.calculation.blocks[position]

    def tree(self, slot: int) -> Node | None:
        """The formula of a cell; None where it holds none, or one that cannot be understood."""
        block = self.block(slot)
        if block is None:
            return None
        _, row, column = self.calculation.slots.place(slot)
        return block.tree if bool(((block.rows == row) & (block.columns == column)).any()) else None

    def text(self, slot: int) -> str | None:
        """The same as text, without "="; of an array also in the cells that it fills."""
        block = self.block(slot)
        if block is None:
            return None
        if block.tree is None:
            return block.text
        _, row, column = self.calculation.slots.place(slot)
        if block.size is not None:
            top, left = _anchor(block, row, column)
            return to_a1(block.tree, top, left)
        return to_a1(block.tree, row, column)

    # ---- changing

    def part_of_array(self, slots: np.ndarray) -> bool:
        """Whether some but not all cells of an array formula are among the slots."""
        for position in np.unique(self._holder()[slots]):
            block = self.calculation.blocks[int(position)] if position >= 0 else None
            if block is not None and block.size not in (None, (1, 1)) and not block.dynamic:
                for row, column in zip(block.rows.tolist(), block.columns.tolist()):
                    own = self._array_slots(block, row, column)
                    if 0 < np.isin(own, slots).sum() < own.size:
                        return True
        return False

    def _array_slots(self, block: Block, row: int, column: int) -> np.ndarray:
        height, width = block.size or (1, 1)
        rows, columns = np.arange(row, row + height)[:, None], np.arange(column, column + width)[None, :]
        return self.calculation.slots.locate(block.sheet, rows, columns).reshape(-1)

    def remove(self, slots: np.ndarray) -> None:
        """Ends the formulas of cells; their values stay until others are set."""
        slots = np.unique(slots[slots != 0])
        slots = slots[self._holder()[slots] >= 0]
        for position in np.unique(self._holder()[slots])[::-1]:  # from the last, as positions shift
            self._remove_from(self.calculation.blocks[int(position)], slots)
        if slots.size:
            self._replan()

    def _remove_from(self, block: Block, slots: np.ndarray) -> None:
        calculation = self.calculation
        anchors = calculation.slots.locate(block.sheet, block.rows, block.columns)
        gone = np.isin(anchors, slots)
        if block.dynamic and not gone.all():
            self._collapse(block)
        if not gone.any():
            return
        if block.size is not None:
            emptied = [self._array_slots(block, int(r), int(c)) for r, c in zip(block.rows[gone], block.columns[gone])]
            self._empty(np.setdiff1d(np.concatenate(emptied), anchors[gone]))
        for row, column in zip(block.rows[gone].tolist(), block.columns[gone].tolist()):
            self._note(block.sheet, row, column, None)
        for slot in anchors[gone].tolist():
            calculation.workspace.problems.pop(slot, None)
            calculation.workspace.spills.pop(slot, None)
        block.rows, block.columns = block.rows[~gone], block.columns[~gone]
        if not len(block.rows):
            calculation.blocks.remove(block)
            self._keys = {key: other for key, other in self._keys.items() if other is not block}

    def _collapse(self, block: Block) -> None:
        """Something stands where an array spilled: it draws back, and finds out when it is computed."""
        calculation = self.calculation
        anchors = calculation.slots.locate(block.sheet, block.rows, block.columns)
        self._empty(np.setdiff1d(self._slots(block), anchors))
        block.size = (1, 1)
        for slot in anchors.tolist():
            calculation.workspace.spills[slot] = (1, 1)
        calculation.changed[anchors] = True

    def _empty(self, slots: np.ndarray) -> None:
        """Blanks the cells that an array filled."""
        cells = self.calculation.cells
        cells.kind[slots], cells.number[slots], cells.text[slots] = BLANK, 0.0, ""
        self.calculation.changed[slots] = True
        self.calculation.changed[0] = False

    def set_formula(self, sheet: int, text: str, row: int, column: int, places: list[tuple[int, int]]) -> None:
        """Fills cells, which must be held, with a formula written (without "=") for the cell at row and column.

        Raises FormulaError where the text is no formula.
        """
        self.set_tree(sheet, parse(text, row, column), text, row, column, places)

    def set_tree(self, sheet: int, tree: Node, text: str, row: int, column: int, places: list[tuple[int, int]]) -> None:
        calculation = self.calculation
        rows, columns = (np.array(part, np.int64) for part in zip(*places))
        slots = calculation.slots.locate(sheet, rows, columns)
        self.remove(slots)
        key = (sheet, relative_key(text, row, column))
        block = self._keys.get(key)
        if block is None:
            block = self._keys[key] = Block(sheet, text, tree, rows[:0], columns[:0])
            calculation.blocks.append(block)
        block.rows, block.columns = np.concatenate([block.rows, rows]), np.concatenate([block.columns, columns])
        for place_row, place_column in places:
            self._note(sheet, place_row, place_column, to_a1(tree, place_row, place_column))
        calculation.changed[slots] = True
        self._replan()

    def respill(self) -> None:
        """Lets arrays that found no room try again, as after any change of cells."""
        calculation = self.calculation
        self._holder()
        for block in self._dynamic:
            if block.size == (1, 1):
                calculation.changed[calculation.slots.locate(block.sheet, block.rows, block.columns)] = True
                calculation.edited = True

    def divide(self, block: Block, groups: list[np.ndarray]) -> None:
        """Makes blocks of their own of cells, by their positions in an array formula's block: their results are
        no longer of one size."""
        rows, columns = block.rows, block.columns
        for group in groups:
            text = block.text if block.tree is None else to_a1(block.tree, int(rows[group[0]]), int(columns[group[0]]))
            own = Block(block.sheet, text, block.tree, rows[group], columns[group], block.problem, block.size, True)
            self.calculation.blocks.append(own)
        self.calculation.blocks.remove(block)
        self._replan()

    def _note(self, sheet: int, row: int, column: int, text: str | None) -> None:
        """Remembers an edit; what the file stored for the cell is of no use to it any more."""
        self.formulas[sheet, row, column] = text
        original = self.calculation.original
        slot = self.calculation.slot(sheet, row, column)
        original.kind[slot], original.number[slot], original.text[slot] = BLANK, 0.0, ""

    def _replan(self) -> None:
        self._holders = None
        self.calculation.formulas_changed()


def _anchor(block: Block, row: int, column: int) -> tuple[int, int]:
    """The cell that holds the array formula which fills a cell."""
    height, width = block.size or (1, 1)
    inside = (block.rows <= row) & (row < block.rows + height)
    inside &= (block.columns <= column) & (column < block.columns + width)
    place = int(np.nonzero(inside)[0][0])
    return int(block.rows[place]), int(block.columns[place])
