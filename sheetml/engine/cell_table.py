"""The cells of a workbook by their slots: where they are, what they hold, and what the file holds for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.cells import Positions, Slots, StoredCells, describe, stored_cells
from sheetml.engine.scope import Scope
from sheetml.engine.values import BLANK
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, CellValue, WorkbookFile

RELATIVE_TOLERANCE = 1e-9  # within which a recomputed number is the one that Excel stored
SMALLEST = 1e-300  # difference that counts, of numbers next to 0
EVERY = slice(None)  # slot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What all cells held at one moment, in the slots that they had then."""

    slots: Slots
    cells: StoredCells


class CellTable:
    """What all cells hold now (`cells`), what the file holds (`original`), and which were set (`changed`).

    `more` are the rows and columns of cells on each sheet that have slots beside those in the file.
    """

    def __init__(self, file: WorkbookFile, more: list[set[tuple[int, int]]]) -> None:
        self.file = file
        self.scope = Scope(file)
        self.slots = self._make_slots([*more, *(set[tuple[int, int]]() for _ in self.scope.others.cells)])
        self.cells = stored_cells(self.scope.cells, self.slots)
        self.original = stored_cells(self.scope.cells, self.slots)
        self.changed = np.zeros(self.slots.count, bool)  # slots set since the last calculation
        self.revision = 0  # counts changes of values, so that what was derived from them can be renewed

    def _make_slots(self, added_cells: list[set[tuple[int, int]]]) -> Slots:
        positions = []
        for cells, more in zip(self.scope.cells, added_cells):
            rows, columns = cells.row.astype(np.int64), cells.column.astype(np.int64)
            if more:
                added = np.array(sorted(more), np.int64).reshape(-1, 2)
                keys = np.concatenate([rows, added[:, 0]]) * (MAX_COLUMNS + 1) + np.concatenate([columns, added[:, 1]])
                rows, columns = np.divmod(np.unique(keys), MAX_COLUMNS + 1)
            positions.append((rows, columns))
        return Slots(positions)

    def make_room(self, sheet: int, places: Iterable[tuple[int, int]]) -> None:
        """Gives slots to cells the workbook does not hold yet; all others keep theirs."""
        before = self.slots.count
        self.slots = self.slots.with_more(sheet, places)
        self.cells, self.original = self.cells.extended(self.count), self.original.extended(self.count)
        self.changed = np.concatenate([self.changed, np.zeros(self.count - before, bool)])
        self.scope.row_limit = min(max(self.slots.last_row, default=1) + 1, MAX_ROWS)
        self.scope.column_limit = min(max(self.slots.last_column, default=1) + 1, MAX_COLUMNS)

    # ---- places

    @property
    def count(self) -> int:
        """How many slots there are, one for each cell and slot 0, which stands for all blanks."""
        return self.slots.count

    def slot(self, sheet: int, row: int, column: int) -> int:
        """A cell's slot, 0 where it has none."""
        return int(self.slots.locate(sheet, row, column))

    def locate(self, sheet: int, rows: np.ndarray | int, columns: np.ndarray | int) -> np.ndarray:
        """The slots of cells (0 for those without one), in the shape rows and columns broadcast to."""
        return self.slots.locate(sheet, rows, columns)

    def locate_area(self, sheet: int, area: Area) -> np.ndarray:
        """The slots of an area's cells, (rows, columns), 0 for those without one."""
        return self.slots.area(sheet, area.top, area.left, area.height, area.width)

    def locate_places(self, places: list[tuple[int, int, int]]) -> np.ndarray:
        """The slots of cells given one by one, (n,), by sheet, row and column."""
        return self.slots.locate_places(places)

    def within(self, sheet: int, area: Area) -> np.ndarray:
        """All slots in an area, in order of rows, then columns."""
        return self.slots.within(sheet, area)

    def held(self, sheet: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows, columns and slots of all cells on a sheet that have one."""
        rows, columns = self.slots.positions(sheet)
        return rows, columns, self.slots.locate(sheet, rows, columns)

    def place(self, slot: int) -> tuple[int, int, int]:
        """The sheet, the row and the column of a slot."""
        return self.slots.place(slot)

    def places(self, slots: Sequence[int] | np.ndarray) -> np.ndarray:
        """The same of many, (n, 3)."""
        return np.array([self.slots.place(int(slot)) for slot in slots], np.int64).reshape(-1, 3)

    def mask(self, *slots: np.ndarray) -> np.ndarray:
        """A mask of all slots in which these are marked."""
        mask = np.zeros(self.slots.count, bool)
        for marked in slots:
            mask[marked] = True
        mask[0] = False
        return mask

    @property
    def sheet_names(self) -> list[str]:
        return self.scope.sheet_names

    def sheet_position(self, name: str) -> int | None:
        """The position of a sheet by its name, without regard to case; None where there is none."""
        return self.scope.sheet(name)

    def last_cell(self, sheet: int) -> tuple[int, int]:
        """The last row and the last column of a sheet that have slots."""
        return self.slots.last_row[sheet], self.slots.last_column[sheet]

    def describe(self, slots: Sequence[int] | np.ndarray) -> str:
        """Cells by their addresses: "dotprod!H25:V39"."""
        return describe(self.slots, self.scope.titles, slots)

    # ---- values

    def snapshot(self) -> Snapshot:
        """What all cells hold now, to be compared with what they hold later."""
        return Snapshot(self.slots, self.cells.copy())

    def restore(self, then: Snapshot, sheets: int | None = None, among: np.ndarray | None = None) -> None:
        """Puts back into all cells what they held, here or where another copy of the workbook was open.

        Only on so many of the first sheets, or among slots that a mask marks, where these are given.
        """
        for sheet in range(len(self.file.sheets) if sheets is None else sheets):
            rows, columns, now = self.held(sheet)
            if among is not None:
                rows, columns, now = rows[among[now]], columns[among[now]], now[among[now]]
            before = then.slots.locate(sheet, rows, columns)
            for name in ("number", "kind", "text"):
                getattr(self.cells, name)[now] = getattr(then.cells, name)[before]
        self.revision += 1

    def differences(self, before: Snapshot, sheet: int) -> Iterator[tuple[int, CellValue]]:
        """The cells of a sheet that hold another value than before, in order of rows: their slots and values then."""
        rows, columns, now = self.held(sheet)
        then = before.slots.locate(sheet, rows, columns)
        for place in np.nonzero(self.cells.differs_from(before.cells, now, then))[0].tolist():
            yield int(now[place]), before.cells.get(int(then[place]))

    def get(self, sheet: int, row: int, column: int) -> CellValue:
        return self.cells.get(self.slot(sheet, row, column))

    def value(self, slot: int) -> CellValue:
        return self.cells.get(slot)

    def kind(self, slot: int) -> int:
        """What a slot holds, numbered as in `values`: NUMBER, BLANK, BOOLEAN, TEXT, ERROR + code."""
        return int(self.cells.kind[slot])

    def kinds(self, slots: Positions = EVERY) -> np.ndarray:
        """The same of many slots, or of all."""
        kinds: np.ndarray = self.cells.kind[slots]
        return kinds

    def number(self, slot: int) -> float:
        """The number in a slot; 0 where there is another kind of value."""
        return float(self.cells.number[slot])

    def numbers(self, slots: Positions = EVERY) -> np.ndarray:
        """The same of many slots, or of all."""
        numbers: np.ndarray = self.cells.number[slots]
        return numbers

    def text(self, slot: int) -> str:
        """The text in a slot; "" where there is another kind of value."""
        return str(self.cells.text[slot])

    def texts(self, slots: Positions = EVERY) -> np.ndarray:
        """The same of many slots, or of all."""
        texts: np.ndarray = self.cells.text[slots]
        return texts

    def set(self, slot: int, value: CellValue) -> None:
        """Puts a value into a cell, to be calculated with at the next calculation."""
        before = self.cells.get(slot)
        if before != value or isinstance(before, bool) != isinstance(value, bool):
            self.cells.set(slot, value)
            self.changed[slot] = True
            self.revision += 1

    def stored_value(self, slot: int) -> CellValue:
        """The value that the file holds for a cell."""
        return self.original.get(slot)

    def has_stored_value(self, slots: np.ndarray) -> np.ndarray:
        """For which slots the file holds a value that still goes with the cell's formula."""
        return self.original.kind[slots] != BLANK

    def moved(
        self, slots: Positions = EVERY, *, relative: float = RELATIVE_TOLERANCE, absolute: float = SMALLEST
    ) -> np.ndarray:
        """Which slots hold another value than the file does; numbers only where they do beyond the tolerances."""
        return self.cells.differs_from(self.original, slots, relative=relative, absolute=absolute)
