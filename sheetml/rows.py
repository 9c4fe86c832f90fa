"""The rows and columns of a sheet, as openpyxl's users walk through them."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from sheetml.cell import Cell
from sheetml.content import Moment, moment_of
from sheetml.formula.references import cell_name
from sheetml.xlsx.model import Area, CellValue

_FIRST = Area(1, 1, 1, 1)


class Rows(ABC):
    """A sheet whose cells can be walked through: what it asks of the sheet, and what it makes of that."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def date_1904(self) -> bool: ...

    @property
    @abstractmethod
    def used(self) -> Area | None:
        """The area from A1 to the last filled row and column; None if the sheet is empty."""

    @property
    @abstractmethod
    def _filled(self) -> Area | None:
        """The smallest area around all filled cells; None if the sheet is empty."""

    @abstractmethod
    def _values(self, area: Area) -> np.ndarray:
        """The values of an area, an object array."""

    @abstractmethod
    def _number_format(self, row: int, column: int) -> str:
        """The code of a cell's number format."""

    @abstractmethod
    def __getitem__(self, key: str) -> Any: ...

    @abstractmethod
    def __setitem__(self, key: str, value: Any) -> None: ...

    @abstractmethod
    def formula(self, text: str) -> str | None: ...

    @abstractmethod
    def number_format(self, key: str) -> str: ...

    def cell(self, row: int, column: int, value: Any = None) -> Cell:
        """The cell in a row and a column, which count from 1; with a value, that is put there."""
        cell_name(row, column)  # raises where there is no such cell
        cell = Cell(self, row, column)
        if value is not None:
            cell.value = value
        return cell

    def iter_rows(
        self,
        min_row: int | None = None,
        max_row: int | None = None,
        min_col: int | None = None,
        max_col: int | None = None,
        values_only: bool = False,
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of cells, or of their values alone: what a number shows as a date or a time is one there.

        Without bounds from A1 to the last filled row and column.
        """
        area = self._bounded(min_row, max_row, min_col, max_col)
        if area is None:
            return
        for row in range(area.top, area.bottom + 1):
            if values_only:
                yield tuple(self._shown(Area(row, area.left, row, area.right)))
            else:
                yield tuple(Cell(self, row, column) for column in range(area.left, area.right + 1))

    def iter_cols(
        self,
        min_col: int | None = None,
        max_col: int | None = None,
        min_row: int | None = None,
        max_row: int | None = None,
        values_only: bool = False,
    ) -> Iterator[tuple[Any, ...]]:
        """The same column by column."""
        area = self._bounded(min_row, max_row, min_col, max_col)
        if area is None:
            return
        for column in range(area.left, area.right + 1):
            if values_only:
                yield tuple(self._shown(Area(area.top, column, area.bottom, column)))
            else:
                yield tuple(Cell(self, row, column) for row in range(area.top, area.bottom + 1))

    def _bounded(
        self, min_row: int | None, max_row: int | None, min_col: int | None, max_col: int | None
    ) -> Area | None:
        used = self.used
        if used is None and not any((min_row, max_row, min_col, max_col)):
            return None
        last = used or Area(1, 1, 1, 1)
        area = Area(min_row or 1, min_col or 1, max_row or last.bottom, max_col or last.right)
        for row, column in ((area.top, area.left), (max(area.bottom, 1), max(area.right, 1))):
            cell_name(row, column)  # raises where there is no such cell
        return area

    def _shown(self, area: Area) -> Iterator[CellValue | Moment]:
        """The values of an area, row by row; a number that shows as a date or a time is one."""
        values = self._values(area).reshape(-1).tolist()
        places = itertools.product(range(area.top, area.bottom + 1), range(area.left, area.right + 1))
        for (row, column), value in zip(places, values):
            moment = None
            if isinstance(value, float):
                moment = moment_of(value, self._number_format(row, column), self.date_1904)
            yield value if moment is None else moment

    @property
    def rows(self) -> Iterator[tuple[Cell, ...]]:
        return self.iter_rows()

    @property
    def columns(self) -> Iterator[tuple[Cell, ...]]:
        return self.iter_cols()

    @property
    def values(self) -> Iterator[tuple[Any, ...]]:
        return self.iter_rows(values_only=True)

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        return self.iter_rows()

    @property
    def min_row(self) -> int:
        """The first filled row, 1 on an empty sheet."""
        return (self._filled or _FIRST).top

    @property
    def max_row(self) -> int:
        """The last filled row, 1 on an empty sheet. Cells that only have a format do not count."""
        return (self._filled or _FIRST).bottom

    @property
    def min_column(self) -> int:
        return (self._filled or _FIRST).left

    @property
    def max_column(self) -> int:
        return (self._filled or _FIRST).right

    @property
    def dimensions(self) -> str:
        """The smallest area around all filled cells, "A1:A1" on an empty sheet."""
        area = self._filled or _FIRST
        return f"{cell_name(area.top, area.left)}:{cell_name(area.bottom, area.right)}"
