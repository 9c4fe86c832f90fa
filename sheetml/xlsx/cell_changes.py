"""What changes in the cells of a sheet when it is saved."""

from __future__ import annotations

import sys
from collections.abc import ItemsView, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, CellValue


@dataclass(frozen=True, slots=True)
class CellContent:
    """A cell's new content: its formula as files state it, without "=" (None for none), and its value."""

    formula: str | None
    value: CellValue


@dataclass(frozen=True, slots=True)
class ArrayResult:
    """The first cell of an array formula that, otherwise as it is, fills another area now, and its value."""

    value: CellValue
    area: Area


CellChange = CellValue | CellContent | ArrayResult  # a value alone leaves the cell's formula as it is
CellChanges = Mapping[tuple[int, int], CellChange]

_STRIDE = MAX_COLUMNS + 1
_LARGEST = sys.float_info.max


class SheetChanges(Mapping[tuple[int, int], CellChange]):
    """The changes of a sheet's cells by row and column: many that become numbers, in arrays, and `others`.

    `key` (ascending) tells where those numbers go: the row times `MAX_COLUMNS` + 1, plus the column.
    """

    def __init__(self, key: np.ndarray, number: np.ndarray, others: CellChanges) -> None:
        self.key, self.number, self.others = key, number, others

    @classmethod
    def at(cls, row: np.ndarray, column: np.ndarray, number: np.ndarray, others: CellChanges) -> SheetChanges:
        """The same from rows and columns in any order; a place that is among the others is left out of the numbers."""
        key = row.astype(np.int64) * _STRIDE + column
        if others:
            apart = ~np.isin(key, np.array([row * _STRIDE + column for row, column in others], np.int64))
            key, number = key[apart], number[apart]
        order = np.argsort(key, kind="stable")
        return cls(key[order], number[order], others)

    @classmethod
    def of(cls, changes: CellChanges) -> SheetChanges:
        """The same from any changes."""
        if isinstance(changes, cls):
            return changes
        numbers = {place: value for place, value in changes.items() if _is_number(value) and _is_place(*place)}
        others = {place: value for place, value in changes.items() if place not in numbers}
        places = np.array(list(numbers), np.int64).reshape(-1, 2)
        return cls.at(places[:, 0], places[:, 1], np.array(list(numbers.values()), np.float64), others)

    def only(self, chosen: np.ndarray) -> SheetChanges:
        """The others, and of the numbers those chosen."""
        return SheetChanges(self.key[chosen], self.number[chosen], self.others)

    def rows(self) -> np.ndarray:
        """The rows in which something changes, ascending."""
        others = np.array([row for row, _ in self.others], np.int64)
        return np.unique(np.concatenate([self.key // _STRIDE, others]))

    def __getitem__(self, place: tuple[int, int]) -> CellChange:
        if place in self.others:
            return self.others[place]
        key = place[0] * _STRIDE + place[1]
        position = int(self.key.searchsorted(key))
        if position == len(self.key) or self.key[position] != key:
            raise KeyError(place)
        return float(self.number[position])

    def items(self) -> ItemsView[tuple[int, int], CellChange]:
        rows, columns = np.divmod(self.key, _STRIDE)
        numbers = dict(zip(zip(rows.tolist(), columns.tolist()), self.number.tolist()))
        return {**numbers, **self.others}.items()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rows, columns = np.divmod(self.key, _STRIDE)
        yield from zip(rows.tolist(), columns.tolist())
        yield from self.others

    def __len__(self) -> int:
        return len(self.key) + len(self.others)


def _is_number(value: CellChange) -> bool:
    """Whether a value is a number that cells can hold; whatever is not is left to be refused."""
    return type(value) in (int, float, np.float64) and -_LARGEST <= value <= _LARGEST  # type: ignore[operator]


def _is_place(row: int, column: int) -> bool:
    return 1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS
