"""References of many cells at once: for each of b cells an area, all on one sheet."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.values import NULL, REF, VALUE, Errors, error_where, first_error
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS


class Reference:
    """The areas that a formula refers to from each of its cells; arrays of shape (b,) or (1,).

    `dynamic` marks areas that the formula's text does not state (OFFSET): which cells they are is
    known only when they are read. `errors` holds an error code per cell where there is no area.
    """

    __slots__ = ("_cells", "_slots", "dynamic", "errors", "height", "left", "sheet", "top", "width")

    def __init__(
        self,
        sheet: int,
        top: np.ndarray,
        left: np.ndarray,
        height: np.ndarray,
        width: np.ndarray,
        errors: Errors = None,
        dynamic: bool = False,
    ) -> None:
        count = max(array.size for array in (top, left, height, width))
        if errors is not None:
            count = max(count, errors.size)
            errors = np.broadcast_to(errors, (count,)) if errors.any() else None
        self.sheet = sheet
        self.top, self.left, self.height, self.width = (
            array if array.size == count else np.broadcast_to(array, (count,)) for array in (top, left, height, width)
        )
        self.errors = errors
        self.dynamic = dynamic
        self._slots: np.ndarray | None = None
        self._cells = False  # whether it is known that every area is one cell

    @classmethod
    def of_cells(cls, sheet: int, rows: np.ndarray, columns: np.ndarray) -> Reference:
        """References to one cell each, of arrays (b,) or (1,)."""
        reference: Reference = object.__new__(cls)
        count = max(rows.size, columns.size)
        reference.sheet = sheet
        reference.top = rows if rows.size == count else np.full(count, rows[0])
        reference.left = columns if columns.size == count else np.full(count, columns[0])
        reference.height = reference.width = _ones(count)
        reference.errors, reference.dynamic, reference._slots, reference._cells = None, False, None, True
        return reference

    @classmethod
    def of_one(cls, sheet: int, top: int, left: int, height: int, width: int) -> Reference:
        """The one area that all cells refer to; of its edges no arrays are made one by one."""
        reference: Reference = object.__new__(cls)
        edges = np.array((top, left, height, width), np.int64)
        reference.sheet = sheet
        reference.top, reference.left, reference.height, reference.width = edges[:1], edges[1:2], edges[2:3], edges[3:]
        reference.errors, reference.dynamic, reference._slots = None, False, None
        reference._cells = height == width == 1
        return reference

    @property
    def count(self) -> int:
        return self.top.size

    @property
    def only(self) -> tuple[int, int, int, int]:
        """Top, left, height and width of the one area that all cells refer to."""
        return int(self.top[0]), int(self.left[0]), int(self.height[0]), int(self.width[0])

    @property
    def bottom(self) -> np.ndarray:
        return self.top + self.height - 1

    @property
    def right(self) -> np.ndarray:
        return self.left + self.width - 1

    @property
    def uniform(self) -> bool:
        """Whether the areas of all cells have one size."""
        if self._cells or self.top.size == 1:
            return True
        return bool((self.height == self.height[0]).all() and (self.width == self.width[0]).all())

    @property
    def single(self) -> bool:
        """Whether every area is one cell."""
        if self._cells:
            return True
        if self.top.size == 1:
            return bool(self.height[0] == 1 and self.width[0] == 1)
        return bool((self.height == 1).all() and (self.width == 1).all())

    def select(self, index: np.ndarray | slice) -> Reference:
        """The references of some of the cells."""
        if self.count == 1:
            return self
        if self._cells and not self.dynamic and self.errors is None:
            return Reference.of_cells(self.sheet, self.top[index], self.left[index])
        errors = None if self.errors is None else self.errors[index]
        return Reference(
            self.sheet,
            self.top[index],
            self.left[index],
            self.height[index],
            self.width[index],
            errors,
            self.dynamic,
        )


class Areas:
    """A union of references: (A1:A3,C1), or the sheets of a 3-D reference."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Reference]) -> None:
        self.parts = parts

    def select(self, index: np.ndarray | slice) -> Areas:
        return Areas([part.select(index) for part in self.parts])


class AreaArray:
    """For each of b cells an array of areas, on any sheets: arrays of shape (b, R, C), or (1, R, C) for all.

    OFFSET and INDIRECT give one where they are given arrays; functions of areas then give an array of results.
    """

    __slots__ = ("errors", "height", "left", "sheet", "top", "width")

    def __init__(
        self,
        sheet: np.ndarray,
        top: np.ndarray,
        left: np.ndarray,
        height: np.ndarray,
        width: np.ndarray,
        errors: Errors = None,
    ) -> None:
        none = np.zeros((1, 1, 1), np.uint8)
        parts = np.broadcast_arrays(sheet, top, left, height, width, none if errors is None else errors)
        self.sheet, self.top, self.left, self.height, self.width, self.errors = parts

    @property
    def shape(self) -> tuple[int, ...]:
        return self.top.shape

    def select(self, index: np.ndarray | slice) -> AreaArray:
        """The areas of some of the cells."""
        if self.shape[0] == 1:
            return self
        return AreaArray(*(part[index] for part in self._parts()))

    def spread(self, shape: tuple[int, ...]) -> AreaArray:
        """The same, repeated to a shape (b, R, C)."""
        return AreaArray(*(np.broadcast_to(part, shape) for part in self._parts()))

    def elements(self, index: np.ndarray) -> Reference:
        """Some of the areas, by their flat positions, as those of as many cells; they are on one sheet."""
        sheet, top, left, height, width, errors = (part.reshape(-1)[index] for part in self._parts())
        return Reference(int(sheet[0]), top, left, height, width, errors, dynamic=True)

    def _parts(self) -> tuple[np.ndarray, ...]:
        assert self.errors is not None
        return self.sheet, self.top, self.left, self.height, self.width, self.errors


def from_corners(sheet: int, rows: tuple[Any, Any], columns: tuple[Any, Any], dynamic: bool = False) -> Reference:
    """References from two opposite corners; rows and columns wrap around the sheet, as Excel's do."""
    first_row, last_row = (_wrapped(np.asarray(row), MAX_ROWS) for row in rows)
    first_column, last_column = (_wrapped(np.asarray(column), MAX_COLUMNS) for column in columns)
    top, left = np.minimum(first_row, last_row), np.minimum(first_column, last_column)
    height = np.abs(last_row - first_row) + 1
    width = np.abs(last_column - first_column) + 1
    top, left, height, width = (np.atleast_1d(array) for array in (top, left, height, width))
    return Reference(sheet, top, left, height, width, dynamic=dynamic)


def one_area(sheet: int, rows: tuple[int, int], columns: tuple[int, int]) -> Reference:
    """The same of two corners that all cells refer to."""
    first_row, last_row = ((row - 1) % MAX_ROWS + 1 for row in rows)
    first_column, last_column = ((column - 1) % MAX_COLUMNS + 1 for column in columns)
    height, width = abs(last_row - first_row) + 1, abs(last_column - first_column) + 1
    return Reference.of_one(sheet, min(first_row, last_row), min(first_column, last_column), height, width)


def single_cells(sheet: int, rows: np.ndarray, columns: np.ndarray) -> Reference:
    """References to one cell each; rows and columns wrap around the sheet."""
    return Reference.of_cells(sheet, _wrapped(rows, MAX_ROWS), _wrapped(columns, MAX_COLUMNS))


def _ones(count: int) -> np.ndarray:
    """So many ones, which are not to be written to."""
    global _known_ones
    if len(_known_ones) < count:
        _known_ones = np.ones(2 * count, np.int64)
        _known_ones.flags.writeable = False
    return _known_ones[:count]


_known_ones = np.ones(0, np.int64)


def _wrapped(coordinate: np.ndarray, limit: int) -> np.ndarray:
    return (coordinate - 1) % limit + 1


def moved(
    sheet: int, top: np.ndarray, left: np.ndarray, height: np.ndarray, width: np.ndarray, errors: Errors = None
) -> Reference:
    """References computed by a function; #REF! where they leave the sheet. Negative sizes count backwards."""
    top = np.where(height < 0, top + height + 1, top)
    left = np.where(width < 0, left + width + 1, left)
    height, width = np.abs(height), np.abs(width)
    outside = (top < 1) | (left < 1) | (top + height - 1 > MAX_ROWS) | (left + width - 1 > MAX_COLUMNS)
    outside |= (height == 0) | (width == 0)
    errors = first_error(errors, error_where(outside, REF))
    wrong = np.zeros(1, bool) if errors is None else errors != 0
    top, left, height, width = (np.where(wrong, 1, array) for array in (top, left, height, width))
    return Reference(sheet, top, left, height, width, errors, dynamic=True)


def span(first: Reference, second: Reference) -> Reference:
    """The smallest area around both: the operator ":"."""
    top, left = np.minimum(first.top, second.top), np.minimum(first.left, second.left)
    bottom, right = np.maximum(first.bottom, second.bottom), np.maximum(first.right, second.right)
    errors = first_error(first.errors, second.errors)
    if first.sheet != second.sheet:
        errors = np.full(top.shape, VALUE, np.uint8)
    return Reference(first.sheet, top, left, bottom - top + 1, right - left + 1, errors, dynamic=True)


def intersection(first: Reference, second: Reference) -> Reference:
    """What two areas share: the operator " "; #NULL! where that is nothing."""
    top, left = np.maximum(first.top, second.top), np.maximum(first.left, second.left)
    height = np.minimum(first.bottom, second.bottom) - top + 1
    width = np.minimum(first.right, second.right) - left + 1
    empty = (height < 1) | (width < 1)
    if first.sheet != second.sheet:
        empty = np.ones_like(empty)
    errors = first_error(first.errors, second.errors, error_where(empty, NULL))
    return Reference(
        first.sheet,
        np.where(empty, 1, top),
        np.where(empty, 1, left),
        np.where(empty, 1, height),
        np.where(empty, 1, width),
        errors,
        first.dynamic or second.dynamic,
    )


def implicit_intersection(reference: Reference, rows: np.ndarray, columns: np.ndarray) -> Reference:
    """The one cell of a row or column area that is level with the formula's cell; #VALUE! if none is."""
    if reference.single:
        return reference
    tall, wide = reference.height > 1, reference.width > 1
    row = np.where(tall, rows, reference.top)
    column = np.where(wide, columns, reference.left)
    outside = (row < reference.top) | (row > reference.bottom)
    outside |= (column < reference.left) | (column > reference.right)
    one = np.ones(1, np.int64)
    return Reference(
        reference.sheet,
        np.where(outside, reference.top, row),
        np.where(outside, reference.left, column),
        one,
        one,
        first_error(reference.errors, error_where(outside, VALUE)),
        reference.dynamic,
    )
