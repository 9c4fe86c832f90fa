"""Pasting: which cells of the source go where, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sheetml.formula.tree import Node
from sheetml.macros import arithmetic
from sheetml.macros.errors import APPLICATION, VbaError
from sheetml.macros.grid import area_of
from sheetml.macros.machine import Refusal
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


def paste_into(
    target: Range, source: Range, what: str, operation: str | None, skip: bool, turn: bool
) -> tuple[Area, ...]:
    """Pastes the source's values ("values") or formulas ("formulas", "all") into the target.

    One recalculation follows, as after any one act of a user. Returns where it was pasted.
    """
    grid = target.host.grid
    if len(source.areas) > 1:
        raise VbaError(APPLICATION, "PasteSpecial method of Range class failed")
    block = grid.values(source.sheet, source.area)
    formulas = {} if what == "values" else _formulas(source)
    if formulas and (operation is not None or skip or turn):
        raise Refusal("pasting formulas with an operation, SkipBlanks or Transpose is not supported")
    if turn:
        block = [list(column) for column in zip(*block)]
    height, width = len(block), len(block[0])
    places = tuple(pasted_area(area, height, width) for area in target.areas)
    for place in places:
        rows = [[block[i % height][j % width] for j in range(place.width)] for i in range(place.height)]
        if operation is not None or skip:
            _check_plain(target, place)
            rows = _combined(grid.values(target.sheet, place), rows, operation, skip)
        grid.store(target.sheet, place, rows)
        if formulas:
            grid.store_trees(target.sheet, _moved(formulas, place, height, width))
    target.with_areas(places).after_change()
    return places


def _formulas(source: Range) -> dict[tuple[int, int], Node]:
    """The formulas of the source, by their places from its corner."""
    grid, area = source.host.grid, source.area
    if not grid.calculation.is_formula(grid.slots(source.sheet, area).reshape(-1)).any():
        return {}
    found: dict[tuple[int, int], Node] = {}
    for i in range(area.height):
        for j in range(area.width):
            tree = grid.copied_tree(source.sheet, area.top + i, area.left + j)
            if tree is not None:
                found[i, j] = tree
    return found


def _moved(
    formulas: dict[tuple[int, int], Node], place: Area, height: int, width: int
) -> dict[Node, list[tuple[int, int]]]:
    """Which cells get which formula, the block laid out over the whole place."""
    moved: dict[Node, list[tuple[int, int]]] = {}
    for (i, j), tree in formulas.items():
        for row in range(place.top + i, place.bottom + 1, height):
            for column in range(place.left + j, place.right + 1, width):
                moved.setdefault(tree, []).append((row, column))
    return moved


def _check_plain(target: Range, place: Area) -> None:
    grid = target.host.grid
    if grid.calculation.is_formula(grid.slots(target.sheet, place).reshape(-1)).any():
        raise Refusal("PasteSpecial with an operation or SkipBlanks over formulas is not supported")


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
