"""Where the cells are that formulas read, for thousands of formulas at once, by their skeletons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.cells import Slots
from sheetml.formula.skeleton import Skeletons
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

SINGLE, FIRST, SECOND = range(3)  # what a cell of a skeleton is: read by itself, or a corner of an area
OWN_SHEET = -1


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cells of a skeleton are, in their order, and their sheets (or OWN_SHEET)."""

    roles: list[int]
    sheets: list[int]


@dataclass(slots=True)
class Readers:
    """Cells with formulas of some skeletons, n of them: all are arrays (n,)."""

    formula: np.ndarray  # which of the formulas taken apart
    group: np.ndarray  # ascending: cells of one group have the same formula
    sheet: np.ndarray
    row: np.ndarray
    column: np.ndarray
    down: np.ndarray  # how far each is from the cell that the formula was written for
    right: np.ndarray

    def part(self, chosen: np.ndarray) -> Readers:
        return Readers(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(slots=True)
class Reads:
    """The slots of readers and of what they read: of reader i the cells from `first_cell[i]` to `first_cell[i + 1]`
    and the areas likewise, each in their order. An area is the slots of its cells that have one."""

    slots: list[int]
    cells: list[int]
    first_cell: list[int]
    areas: list[tuple[int, ...]]
    first_area: list[int]


class Locator:
    """Finds what readers read: `shapes` gives each skeleton's shape. Its `readers` are those that read no more than
    `most` cells, and whose areas do not grow from cell to cell of a group."""

    def __init__(self, taken: Skeletons, readers: Readers, shapes: Sequence[Shape], most: int) -> None:
        self._taken, self._shapes = taken, shapes
        self.readers = readers
        self._spread()
        many = np.bincount(self._reader[self._corner], self._size(), len(readers.group)) + self._counts > most
        grows = np.zeros(len(many), bool)
        grows[self._reader[self._corner[self._grow()]]] = True
        crowd = np.bincount(readers.group, minlength=1)[readers.group] > 1
        left_out = np.zeros(int(readers.group.max(initial=-1)) + 1, bool)
        left_out[readers.group[many | (grows & crowd)]] = True
        if left_out.any():
            self.readers = readers.part(~left_out[readers.group])
            self._spread()

    def _spread(self) -> None:
        """All cells that the formulas name, one after the other."""
        taken, readers = self._taken, self.readers
        which = taken.which[readers.formula]
        self._counts = taken.first_cell[readers.formula + 1] - taken.first_cell[readers.formula]
        self._reader = np.repeat(np.arange(len(which)), self._counts)
        position = ranges(taken.first_cell[readers.formula], self._counts)
        starts = np.cumsum([0, *(len(shape.roles) for shape in self._shapes)])
        in_shape = ranges(starts[which], self._counts)
        self._roles = _flat([shape.roles for shape in self._shapes])[in_shape]
        sheet = _flat([shape.sheets for shape in self._shapes])[in_shape]
        self._sheet = np.where(sheet == OWN_SHEET, readers.sheet[self._reader], sheet)
        self._rows, self._columns = taken.rows[position], taken.columns[position]
        self._fixed = taken.row_fixed[position], taken.column_fixed[position]
        if readers.down.any():
            down = np.where(self._fixed[0], 0, readers.down[self._reader])
            self._rows = (self._rows + down - 1) % MAX_ROWS + 1
        if readers.right.any():
            right = np.where(self._fixed[1], 0, readers.right[self._reader])
            self._columns = (self._columns + right - 1) % MAX_COLUMNS + 1
        self._corner = np.flatnonzero(self._roles == FIRST)

    def _edges(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of areas: the first and the last row or column."""
        first, second = numbers[self._corner], numbers[self._corner + 1]
        return np.minimum(first, second), np.maximum(first, second)

    def _size(self) -> np.ndarray:
        (top, bottom), (left, right) = self._edges(self._rows), self._edges(self._columns)
        return (bottom - top + 1) * (right - left + 1)

    def _grow(self) -> np.ndarray:
        return np.logical_or.reduce([fixed[self._corner] != fixed[self._corner + 1] for fixed in self._fixed])

    def reads(self, slots: Slots) -> Reads:
        """Where all of it is."""
        readers = self.readers
        single = np.flatnonzero(self._roles == SINGLE)
        (top, _), (left, right) = self._edges(self._rows), self._edges(self._columns)
        size, width = self._size(), right - left + 1
        within = ranges(np.zeros(len(size), np.intp), size)
        area = np.repeat(np.arange(len(size)), size)
        down = within // width[area]
        found = _located(
            slots,
            np.concatenate([readers.sheet, self._sheet[single], self._sheet[self._corner][area]]),
            np.concatenate([readers.row, self._rows[single], top[area] + down]),
            np.concatenate([readers.column, self._columns[single], left[area] + within - down * width[area]]),
        )
        own, cells = len(readers.row), len(single)
        in_areas = found[own + cells :]
        held = in_areas != 0
        ends = np.cumsum(np.bincount(area[held], minlength=len(size))).tolist()
        listed = in_areas[held].tolist()
        bounds = [
            np.cumsum(np.bincount(self._reader[chosen], minlength=own)).tolist() for chosen in (single, self._corner)
        ]
        return Reads(
            found[:own].tolist(),
            found[own : own + cells].tolist(),
            [0, *bounds[0]],
            [tuple(listed[start:end]) for start, end in zip([0, *ends], ends)],
            [0, *bounds[1]],
        )


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Whole numbers from each start on, as many as its count says, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts)


def _flat(lists: Sequence[list[int]]) -> np.ndarray:
    return np.array([number for each in lists for number in each], np.intp)


def _located(slots: Slots, sheets: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    found = np.zeros(len(sheets), np.intp)
    used = np.flatnonzero(np.bincount(sheets, minlength=1)).tolist()
    for sheet in used:
        own = sheets == sheet if len(used) > 1 else slice(None)
        found[own] = slots.locate(sheet, rows[own], columns[own])
    return found
