"""The cells of the workbook as macros see them: read, write, clear, find the end of data, recalculate.

One write is one recalculation, however many cells it covers, as in Excel; with manual calculation
there is none until it is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sheetml.engine import questions
from sheetml.engine.values import BLANK
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.prefixes import without_prefixes
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node
from sheetml.macros.errors import APPLICATION, OUT_OF_MEMORY, VbaError
from sheetml.macros.machine import Refusal
from sheetml.workbook import Book
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, CellValue

MOST_CELLS = 2_000_000  # of one area that is read or written
MOST_HELD = 5_000_000  # cells of the whole workbook
FEWEST_ADDED, MOST_ADDED = 64, 65_536  # cells for which room is made at once

Rows = list[list[CellValue]]


class Grid:
    """Reads and writes cells; `automatic` says whether each write is followed by a recalculation."""

    def __init__(self, workbook: Book) -> None:
        self.workbook = workbook
        self.calculation = workbook.calculation
        self.automatic = not workbook.file.manual_calculation
        self.written: set[tuple[int, Area]] = set()  # the sheets and areas that macros wrote to
        self._grown: dict[tuple[int, str, int, int], tuple[int, int]] = {}  # where room was made last, and how much

    # ---- reading

    def looked_at(self, sheet: int, area: Area) -> None:
        """Told of areas whose values are read by others than this grid."""

    def slots(self, sheet: int, area: Area) -> np.ndarray:
        """The slots of the area's cells, 0 for those that the workbook does not hold."""
        if area.height * area.width > MOST_CELLS:
            raise VbaError(OUT_OF_MEMORY)
        return self.calculation.locate_area(sheet, area)

    def cell(self, sheet: int, row: int, column: int) -> CellValue:
        return self.calculation.get(sheet, row, column)

    def values(self, sheet: int, area: Area) -> Rows:
        get = self.calculation.value
        return [[get(slot) for slot in row] for row in self.slots(sheet, area).tolist()]

    def used_area(self, sheet: int) -> Area:
        """The smallest area around everything that is not blank; A1 where all is."""
        rows, columns = self.filled(sheet)
        if not len(rows):
            return Area(1, 1, 1, 1)
        return Area(int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max()))

    def filled(self, sheet: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the cells of a sheet that are not blank."""
        rows, columns, slots = self.calculation.held(sheet)
        filled = self.calculation.kinds(slots) != BLANK
        return rows[filled], columns[filled]

    def end(self, sheet: int, row: int, column: int, down: int, right: int) -> tuple[int, int]:
        """Where Ctrl and an arrow key lead from a cell: to the last cell of the filled cells it stands in,
        else to the next filled cell, else to the edge of the sheet."""
        rows, columns = self.filled(sheet)
        along, fixed, start = (rows[columns == column], column, row) if down else (columns[rows == row], row, column)
        step, limit = (down, MAX_ROWS) if down else (right, MAX_COLUMNS)
        place = _end(np.sort(along), start, step, limit)
        return (place, fixed) if down else (fixed, place)

    # ---- writing

    def store(self, sheet: int, area: Area, rows: Sequence[Sequence[CellValue]]) -> None:
        """Puts values into an area without recalculating; formulas that stood there end."""
        slots = self.held(sheet, area)
        self._end_formulas(slots.reshape(-1))
        self.written.add((sheet, area))
        for slot, value in zip(slots.reshape(-1).tolist(), itertools.chain.from_iterable(rows)):
            self.calculation.set(slot, value)

    def blank(self, sheet: int, area: Area) -> None:
        """Empties the cells that hold anything, without recalculating."""
        slots = self.calculation.within(sheet, area)
        self._end_formulas(slots)
        self.written.add((sheet, area))
        for slot in slots.tolist():
            self.calculation.set(slot, None)

    def _end_formulas(self, slots: np.ndarray) -> None:
        if self.calculation.is_formula(slots).any():
            if self.calculation.cuts_array(slots):
                raise VbaError(APPLICATION, "You cannot change part of an array.")
            self.calculation.remove_formulas(slots)
        self.calculation.respill()

    def store_formulas(self, sheet: int, area: Area, text: str, row: int, column: int) -> None:
        """Fills an area with a formula (without "=") that is written for one cell, without recalculating."""
        try:
            tree = parse(text, row, column)
        except FormulaError as error:
            raise VbaError(APPLICATION, f"Application-defined or object-defined error ({error})") from None
        places = list(itertools.product(range(area.top, area.bottom + 1), range(area.left, area.right + 1)))
        self.held(sheet, area)
        self.store_trees(sheet, {tree: places})

    def store_trees(self, sheet: int, formulas: dict[Node, list[tuple[int, int]]]) -> None:
        """Gives held cells formulas, by their trees, without recalculating."""
        for tree, places in formulas.items():
            rows, columns = (np.array(part, np.int64) for part in zip(*places))
            if self.calculation.cuts_array(self.calculation.locate(sheet, rows, columns)):
                raise VbaError(APPLICATION, "You cannot change part of an array.")
            row, column = places[0]
            self.calculation.put_formula(sheet, tree, to_a1(tree, row, column), row, column, places)
            self.written.update((sheet, Area(*place, *place)) for place in places)
        self.calculation.respill()

    # ---- formulas

    def formula(self, sheet: int, row: int, column: int) -> str | None:
        """A cell's formula as Excel shows it, without "="; None where it holds none."""
        text = questions.filling_text(self.calculation, self.calculation.slot(sheet, row, column))
        return None if text is None else without_prefixes(text)

    def copied_tree(self, sheet: int, row: int, column: int) -> Node | None:
        """A cell's formula as a tree, to be given to other cells; None where it holds none."""
        block = questions.block(self.calculation, self.calculation.slot(sheet, row, column))
        if block is None:
            return None
        if block.size is not None:
            raise Refusal("copying an array formula is not supported")
        if block.tree is None:
            raise Refusal(f"a formula that is to be copied cannot be understood ({block.problem})")
        return block.tree

    def has_formula(self, sheet: int, row: int, column: int) -> bool:
        slot = self.calculation.slot(sheet, row, column)
        return bool(slot and self.calculation.is_formula(np.array([slot]))[0])

    def held(self, sheet: int, area: Area) -> np.ndarray:
        """The slots of an area, with room made for those that the workbook does not hold yet.

        Making room means planning anew. So that filling a column or a row cell by cell does not plan for
        each cell, more room is made each time, in the direction in which the cells seem to go.
        """
        slots = self.slots(sheet, area)
        if (slots != 0).all():
            return slots
        down, right = self._growth(sheet, area)
        bottom, last = min(area.bottom + down, MAX_ROWS), min(area.right + right, MAX_COLUMNS)
        if self.calculation.count + (bottom - area.top + 1) * (last - area.left + 1) > MOST_HELD:
            raise VbaError(OUT_OF_MEMORY)
        self.calculation.add_cells(sheet, itertools.product(range(area.top, bottom + 1), range(area.left, last + 1)))
        return self.slots(sheet, area)

    def _growth(self, sheet: int, area: Area) -> tuple[int, int]:
        """For how many rows and columns beyond an area to make room: none where it follows no other one below or
        beside it, else twice as many as for that."""
        column, row = (sheet, "column", area.left, area.right), (sheet, "row", area.top, area.bottom)
        above, before = self._grown.get(column), self._grown.get(row)
        down = right = 0
        if above is not None and area.top > above[0]:
            down = min(max(above[1] * 2, FEWEST_ADDED), MOST_ADDED // area.width)
        elif before is not None and area.left > before[0]:
            right = min(max(before[1] * 2, FEWEST_ADDED), MOST_ADDED // area.height)
        self._grown[column], self._grown[row] = (area.bottom, down), (area.right, right)
        return down, right

    # ---- calculating

    def after_write(self) -> None:
        if self.automatic:
            self.calculate()

    def calculate(self, everything: bool = False) -> None:
        self.workbook.calculate(everything=everything)

    def calculate_sheet(self, sheet: int) -> None:
        self.calculation.calculate_sheet(sheet)

    def set_automatic(self, automatic: bool) -> None:
        """Switching from manual to automatic calculation recalculates."""
        switched = automatic and not self.automatic
        self.automatic = automatic
        if switched:
            self.calculate()


def _end(filled: np.ndarray, start: int, step: int, limit: int) -> int:
    """Where End leads from a place on one line of cells, whose filled places are given sorted."""
    edge = limit if step > 0 else 1
    position = int(filled.searchsorted(start))
    inside = position < len(filled) and int(filled[position]) == start
    ahead = filled[position + 1 :] if inside else filled[position:]
    if step < 0:
        ahead = filled[:position][::-1]
    if not len(ahead):
        return edge
    if not inside or int(ahead[0]) != start + step:
        return int(ahead[0])
    run = np.nonzero(np.diff(ahead) != step)[0]
    return int(ahead[run[0]]) if len(run) else int(ahead[-1])


def area_of(top: int, left: int, height: int, width: int) -> Area:
    """An area by its size; run-time error 1004 where it leaves the sheet."""
    if top < 1 or left < 1 or height < 1 or width < 1 or top + height - 1 > MAX_ROWS or left + width - 1 > MAX_COLUMNS:
        raise VbaError(APPLICATION)
    return Area(top, left, top + height - 1, left + width - 1)
