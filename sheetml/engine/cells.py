"""Where values are kept: every cell of the workbook has a slot in flat arrays.

Slot 0 is a permanent blank, which stands for all cells that the workbook does not hold. Reading an
area is a gather of slots, writing a scatter; both take whole arrays.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.engine.distinct import distinct
from sheetml.engine.rectangles import areas_text
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Trace, Traced, value_of
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, Value
from sheetml.xlsx.model import MAX_COLUMNS, Area, CellValue, ErrorCode, FileCells, Kind


class Slots:
    """Which slot a cell has: sheet, row and column to slot, and back. A cell keeps its slot for good."""

    def __init__(self, positions: list[tuple[np.ndarray, np.ndarray]], slots: list[np.ndarray] | None = None) -> None:
        """`positions` holds the rows and the columns of each sheet's cells, sorted by row, then column; `slots`
        their slots, which without being stated follow each other from 1."""
        self._keys = [_key(rows, columns) for rows, columns in positions]
        starts = np.cumsum([1, *(len(keys) for keys in self._keys)])
        self.count = int(starts[-1])
        self._slots = [np.arange(*ends) for ends in itertools.pairwise(starts)] if slots is None else slots
        self._sheet, self._place = np.full(self.count, -1, np.int32), np.zeros(self.count, np.int64)
        for sheet, (keys, own) in enumerate(zip(self._keys, self._slots)):
            self._sheet[own], self._place[own] = sheet, keys
        self.last_row = [int(rows.max(initial=0)) for rows, _ in positions]
        self.last_column = [int(columns.max(initial=0)) for _, columns in positions]
        self._grids: dict[int, np.ndarray] = {}  # of sheets that are filled densely: the slots by row and column

    def with_more(self, sheet: int, places: Iterable[tuple[int, int]]) -> Slots:
        """The same with slots for more cells of a sheet, by row and column, after all there are."""
        table = np.array(list(places), np.int64).reshape(-1, 2)
        keys = np.setdiff1d(_key(table[:, 0], table[:, 1]), self._keys[sheet])
        places_among = self._keys[sheet].searchsorted(keys)
        slots, positions = list(self._slots), [self.positions(number) for number in range(len(self._keys))]
        slots[sheet] = np.insert(slots[sheet], places_among, np.arange(self.count, self.count + len(keys)))
        rows, columns = np.divmod(np.insert(self._keys[sheet], places_among, keys), _STRIDE)
        positions[sheet] = rows, columns
        return Slots(positions, slots)

    def locate(self, sheet: int, rows: Any, columns: Any) -> np.ndarray:
        """The slots of cells (0 for those without one), in the shape rows and columns broadcast to."""
        keys = self._keys[sheet]
        rows, columns = np.asarray(rows), np.asarray(columns)
        if rows.size == columns.size == 1:
            place = int(rows.item()) * _STRIDE + int(columns.item())
            at = int(keys.searchsorted(place))
            slot = self._slots[sheet][at] if at < len(keys) and keys[at] == place else 0
            shape = rows.shape if rows.ndim == columns.ndim else np.broadcast_shapes(rows.shape, columns.shape)
            return np.array([slot], np.intp).reshape(shape)
        if max(rows.size, columns.size) >= _MANY and self._is_dense(sheet):
            return self._in_grid(sheet, rows, columns)
        wanted = _key(rows, columns)
        if not len(keys):
            return np.zeros(wanted.shape, np.intp)
        found = keys.searchsorted(wanted)
        found = np.minimum(found, len(keys) - 1)
        return np.where(keys[found] == wanted, self._slots[sheet][found], 0)

    def _is_dense(self, sheet: int) -> bool:
        """Whether most cells have slots from A1 to the sheet's last row and column."""
        return self.last_row[sheet] * self.last_column[sheet] <= _MOST_GAPS * len(self._keys[sheet])

    def _in_grid(self, sheet: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        grid = self._grids.get(sheet)
        if grid is None:
            grid = self._grids[sheet] = np.zeros((self.last_row[sheet] + 2, self.last_column[sheet] + 2), np.int32)
            grid[np.divmod(self._keys[sheet], _STRIDE)] = self._slots[sheet]
        height, width = grid.shape  # the first and the last of them are empty
        found: np.ndarray = grid[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)].astype(np.intp)
        return found

    def area(self, sheet: int, top: int, left: int, height: int, width: int) -> np.ndarray:
        """The slots of one area's cells, (height, width), 0 for those without one."""
        keys = self._keys[sheet]
        first, last = keys.searchsorted((top * _STRIDE + left, (top + height - 1) * _STRIDE + left + width)).tolist()
        if height == width == 1:
            return self._slots[sheet][first:last].reshape(1, 1) if last > first else np.zeros((1, 1), np.intp)
        if last - first > height * width:  # most cells of its rows are beside it
            down, across = np.arange(top, top + height), np.arange(left, left + width)
            return self.locate(sheet, down[:, None], across[None, :])
        slots = np.zeros((height, width), np.intp)
        rows, columns = np.divmod(keys[first:last], _STRIDE)
        inside = (columns >= left) & (columns < left + width)
        slots[rows[inside] - top, columns[inside] - left] = self._slots[sheet][first:last][inside]
        return slots

    def locate_places(self, places: list[tuple[int, int, int]]) -> np.ndarray:
        """The slots of cells given one by one, (n,)."""
        table = np.array(places, np.int64).reshape(-1, 3)
        slots = np.zeros(len(table), np.intp)
        for sheet in distinct(table[:, 0]):
            own = table[:, 0] == sheet
            slots[own] = self.locate(int(sheet), table[own, 1], table[own, 2])
        return slots

    def within(self, sheet: int, area: Area) -> np.ndarray:
        """All slots in an area, in order of rows, then columns."""
        keys = self._keys[sheet]
        ends = area.top * _STRIDE + area.left, area.bottom * _STRIDE + area.right + 1
        first, last = keys.searchsorted(ends).tolist()
        if area.top == area.bottom or first == last:
            return self._slots[sheet][first:last]
        columns = keys[first:last] % _STRIDE
        inside = (columns >= area.left) & (columns <= area.right)
        return self._slots[sheet][first:last][inside]

    def place(self, slot: int) -> tuple[int, int, int]:
        """The sheet, the row and the column of a slot."""
        row, column = divmod(int(self._place[slot]), _STRIDE)
        return int(self._sheet[slot]), row, column

    def places(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The sheets, the rows and the columns of slots."""
        rows, columns = np.divmod(self._place[slots], _STRIDE)
        return self._sheet[slots], rows, columns

    def positions(self, sheet: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows and the columns of a sheet's cells, sorted by row, then column."""
        rows, columns = np.divmod(self._keys[sheet], _STRIDE)
        return rows, columns


_STRIDE = MAX_COLUMNS + 1
_MANY = 1_000  # cells that are looked up at once by row and column
_MOST_GAPS = 3  # places for each cell of a sheet that is filled densely


def _key(rows: Any, columns: Any) -> Any:
    return np.asarray(rows, np.int64) * _STRIDE + columns


def describe(slots: Slots, sheet_names: Sequence[str], chosen: Sequence[int] | np.ndarray) -> str:
    """Cells by their addresses: "dotprod!H25:V39"."""
    places = np.column_stack(slots.places(np.asarray(chosen, np.intp)))
    texts = []
    for sheet in distinct(places[:, 0]):
        own = places[places[:, 0] == sheet]
        texts.append(areas_text(sheet_names[sheet], own[:, 1], own[:, 2]))
    return ", ".join(texts)


Positions = np.ndarray | list[int] | slice  # of slots


class CellStore(Protocol):
    """What an evaluation reads from and writes to."""

    def gather(self, slots: np.ndarray) -> Value: ...

    def write(self, slots: np.ndarray, value: Value) -> None: ...


class StoredCells:
    """The values of all cells, by slot."""

    def __init__(self, count: int) -> None:
        self.number = np.zeros(count)
        self.kind = np.full(count, BLANK, np.uint8)
        self.text = np.full(count, "", object)

    def gather(self, slots: np.ndarray) -> Value:
        kind = self.kind[slots]
        number = self.number[slots]
        if kind.size == 1:  # of one cell it is sooner asked than of an array
            own = kind.item()
            return Value(number) if own == NUMBER else Value(number, kind, self.text[slots] if own == TEXT else None)
        if not kind.any():
            return Value(number)
        return Value(number, kind, self.text[slots] if (kind == TEXT).any() else None)

    def write(self, slots: np.ndarray, value: Value) -> None:
        """Store a value with as many elements as there are slots; slot 0 takes nothing."""
        self.number[slots] = value_of(value.number).reshape(-1)
        if value.kind is None:
            self.kind[slots] = NUMBER
        else:
            self.kind[slots] = value.kind.reshape(-1)
        if value.text is not None:
            self.text[slots] = value.text.reshape(-1)
        self.number[0], self.kind[0] = 0.0, BLANK

    def get(self, slot: int) -> CellValue:
        kind = int(self.kind[slot])
        if kind == NUMBER:
            return float(self.number[slot])
        if kind == TEXT:
            return str(self.text[slot])
        if kind == BOOLEAN:
            return bool(self.number[slot])
        return None if kind == BLANK else ErrorCode(kind - ERROR)

    def set(self, slot: int, value: CellValue) -> None:
        number, kind, text = 0.0, NUMBER, ""
        if value is None:
            kind = BLANK
        elif isinstance(value, ErrorCode):
            kind = ERROR + value
        elif isinstance(value, (bool, np.bool_)):
            number, kind = float(value), BOOLEAN
        elif isinstance(value, str):
            text, kind = value, TEXT
        else:
            number = float(value)
        self.number[slot], self.kind[slot], self.text[slot] = number, kind, text

    def clear(self, slots: np.ndarray) -> None:
        """Makes cells blank."""
        self.kind[slots], self.number[slots], self.text[slots] = BLANK, 0.0, ""

    def copy(self) -> StoredCells:
        """The same values, to be kept while these change."""
        return self.extended(len(self.number))

    def extended(self, count: int) -> StoredCells:
        """The same values, and blanks in further slots up to so many."""
        result, own = StoredCells(count), slice(len(self.number))
        result.number[own], result.kind[own], result.text[own] = self.number, self.kind, self.text
        return result

    def differs_from(
        self,
        other: StoredCells,
        slots: Positions,
        others: Positions | None = None,
        *,
        relative: float = 0.0,
        absolute: float = 0.0,
    ) -> np.ndarray:
        """Which slots hold another value than the other cells do, there (`others`) or in the same slots.

        Numbers differ where they do by more than both tolerances: relative to the larger one, and absolute.
        """
        others = slots if others is None else others
        number, other_number, kind = self.number[slots], other.number[others], self.kind[slots]
        unequal = number != other_number
        if relative or absolute:
            scale = np.maximum(np.abs(number), np.abs(other_number))
            unequal &= np.abs(number - other_number) > np.maximum(relative * scale, absolute)
        differs: np.ndarray = (kind != other.kind[others]) | unequal
        return differs | ((kind == TEXT) & (self.text[slots] != other.text[others]))

    def differs(self, slots: np.ndarray, value: Value) -> np.ndarray:
        """Which of the slots hold something else than the value's elements."""
        if slots.size == 1:
            return self._one_differs(int(slots[0]), value)
        kind = np.zeros(slots.size, np.uint8) if value.kind is None else value.kind.reshape(-1)
        changed = (self.kind[slots] != kind) | (self.number[slots] != value_of(value.number).reshape(-1))
        if value.text is not None:
            changed |= (kind == TEXT) & (self.text[slots] != value.text.reshape(-1))
        return changed

    def _one_differs(self, slot: int, value: Value) -> np.ndarray:
        kind = NUMBER if value.kind is None else int(value.kind.reshape(-1)[0])
        differs = self.kind[slot] != kind or self.number[slot] != value_of(value.number).reshape(-1)[0]
        if not differs and kind == TEXT and value.text is not None:
            differs = self.text[slot] != value.text.reshape(-1)[0]
        return np.array([bool(differs)])


def stored_cells(sheets: Sequence[FileCells], slots: Slots) -> StoredCells:
    """The values the file holds of each sheet, in their slots."""
    cells = StoredCells(slots.count)
    for position, stored in enumerate(sheets):
        where = slots.locate(position, stored.row, stored.column)
        error = stored.kind == Kind.ERROR
        cells.kind[where] = np.where(error, stored.number + ERROR, stored.kind)
        cells.number[where] = np.where(error, 0.0, stored.number)
        texts = stored.texts
        cells.text[where[texts.positions]] = texts.texts
    return cells


def distinct_slots(slots: np.ndarray, count: int) -> np.ndarray:
    """The different ones among slots, sorted, where there are so many in all."""
    if slots.size < count // 256:
        return distinct(slots)
    among = np.zeros(count, bool)
    among[slots.reshape(-1)] = True
    return np.flatnonzero(among)


class TracedCells:
    """Cells during a trace: the stored values, and over them pieces that depend on the inputs."""

    def __init__(self, stored: StoredCells, trace: Trace) -> None:
        self.trace = trace
        self.constant = stored.copy()
        self.pieces: list[Traced] = []
        self.piece = np.full(len(stored.number), -1, np.int32)  # which piece a slot is in
        self.position = np.zeros(len(stored.number), np.intp)  # and where in it
        self.fixed: np.ndarray | None = None  # slots that are inputs: what formulas write there is dropped

    @classmethod
    def beside(cls, cells: CellStore, trace: Trace, slots: np.ndarray, value: Value) -> TracedCells:
        """The same cells, in which some hold other values whatever formulas say; the others are left alone."""
        if isinstance(cells, TracedCells):
            result = cls(cells.constant, trace)
            result.pieces, result.piece, result.position = list(cells.pieces), cells.piece.copy(), cells.position.copy()
            fixed = slots if cells.fixed is None else np.union1d(cells.fixed, slots)
        else:
            assert isinstance(cells, StoredCells)
            result, fixed = cls(cells, trace), slots
        result.write(slots, value)
        result.fixed = fixed
        return result

    def gather(self, slots: np.ndarray) -> Value:
        value = self.constant.gather(slots)
        owners = self.piece[slots]
        if (owners < 0).all():
            return value
        return Value(self._traced(slots, owners, np.asarray(value.number)), value.kind, value.text)

    def _traced(self, slots: np.ndarray, owners: np.ndarray, numbers: np.ndarray) -> Any:
        involved = distinct(owners)
        positions = self.position[slots]
        if len(involved) == 1:
            return ops.take(self.pieces[involved[0]], positions)
        parts: list[Any] = []
        index = np.empty(slots.shape, np.intp)
        start = 0
        for owner in involved:
            mine = owners == owner
            if owner < 0:
                part: Any = numbers[mine]
                index[mine] = start + np.arange(part.size)
            else:
                part = ops.reshape(self.pieces[owner], (self.pieces[owner].size,))
                index[mine] = start + positions[mine]
            parts.append(part)
            start += part.size
        return ops.take(ops.concatenate(parts, axis=0), index)

    def write(self, slots: np.ndarray, value: Value) -> None:
        if self.fixed is not None:
            keep = ~np.isin(slots, self.fixed)
            if not keep.all():
                value = _flat_selection(value, np.nonzero(keep)[0])
                slots = slots[keep]
        if not slots.size:
            return
        self.constant.write(slots, value)
        if isinstance(value.number, Traced):
            self._own(slots, value.number)
        else:
            self.piece[slots] = -1
        self.piece[0] = -1

    def _own(self, slots: np.ndarray, piece: Traced) -> None:
        self.piece[slots] = len(self.pieces)
        self.position[slots] = np.arange(slots.size)
        self.pieces.append(piece)

    def make_input(self, slots: np.ndarray, leaf: Traced) -> None:
        """Let slots hold the elements of the leaf, whatever formulas say."""
        self.constant.write(slots, Value(leaf.value))
        self._own(slots, leaf)
        self.fixed = slots


def _flat_selection(value: Value, index: np.ndarray) -> Value:
    return Value(
        ops.take(value.number, index),
        None if value.kind is None else value.kind.reshape(-1)[index],
        None if value.text is None else value.text.reshape(-1)[index],
    )
