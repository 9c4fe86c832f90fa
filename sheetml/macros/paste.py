"""Pasting: which cells of the source go where, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sheetml.macros import arithmetic
from sheetml.macros.errors import APPLICATION, VbaError
from sheetml.macros.grid import area_of
from sheetml.macros.values import to_cell
from sheetml.xlsx.model import Area, ErrorCode

if TYPE_CHECKING:
    from sheetml.macros.ranges import Range

_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
}


def paste(target: Range, source: Range, what: str, operation: str | None, skip: bool, turn: bool) -> None:
    """Pastes the source's values ("values") or formulas ("formulas", "all") into the target.

    One recalculation follows, as after any one act of a user.
    """
    grid = target.host.grid
    if len(source.areas) > 1:
        raise VbaError(APPLICATION, "PasteSpecial method of Range class failed")
    block = grid.values(source.sheet, source.area)
    if turn:
        block = [list(column) for column in zip(*block)]
    for area in target.areas:
        place = pasted_area(area, len(block), len(block[0]))
        rows = [[block[i % len(block)][j % len(block[0])] for j in range(place.width)] for i in range(place.height)]
        if operation is not None or skip:
            rows = _combined(grid.values(target.sheet, place), rows, operation, skip)
        grid.store(target.sheet, place, rows)
    grid.after_write()


def pasted_area(target: Area, height: int, width: int) -> Area:
    """Where a block of this size goes: all over an area of which it is a fraction, else once at its corner."""
    if target.height % height == 0 and target.width % width == 0:
        return target
    return area_of(target.top, target.left, height, width)


def _combined(old: list[list[Any]], new: list[list[Any]], operation: str | None, skip: bool) -> list[list[Any]]:
    return [[_cell(a, b, operation, skip) for a, b in zip(before, after)] for before, after in zip(old, new)]


def _cell(before: Any, pasted: Any, operation: str | None, skip: bool) -> Any:
    if skip and pasted is None:
        return before
    if operation is None:
        return pasted
    if isinstance(pasted, str) or isinstance(before, str):
        return before
    for error in (before, pasted):
        if isinstance(error, ErrorCode):
            return error
    try:
        result = _COMPUTE[operation](float(before or 0), float(pasted or 0))
    except VbaError as error:
        return ErrorCode.DIV0 if error.number in (11, 6) and not pasted else ErrorCode.NUM
    return to_cell(result)
