"""The comparison itself: sheets, lines, cells, formulas, moved blocks, names."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from sheetml.engine import questions
from sheetml.engine.values import NUMBER
from sheetml.formula.tree import Binary, Coordinate, ExternalReference, Node, Range, left_spine
from sheetml.report.check import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE
from sheetml.report.compare.align import aligned
from sheetml.report.compare.moves import Move, Place, moves
from sheetml.report.compare.result import (
    ADDED,
    FORMULA,
    MOVED,
    REMOVED,
    RESULT,
    VALUE,
    CellChange,
    Comparison,
    NameChange,
    SheetComparison,
    Side,
)
from sheetml.report.compare.snapshot import Contents, Snapshot
from sheetml.workbook import Book
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

MOST_LIKENESS = 40_000_000  # pairs of lines times cells a line, up to which lines are compared with all others
ENOUGH_IN_COMMON = 0.4  # of the cells of two sheets, from which one is the other under a new name

Lines = list[tuple[int | None, int | None]]


def compare(before: Book, after: Book, tolerance: float = RELATIVE_TOLERANCE) -> Comparison:
    """What is different between two workbooks: values and formulas, cell by cell, sheet by sheet.

    The values are those the workbooks hold just now: of files just opened, the ones stored there. A
    workbook with formulas whose values the file does not hold is calculated first. Numbers are equal
    within the relative tolerance. Rows and columns that were inserted or removed are recognised, and
    formulas count as equal if they refer to the same cells at their new places.
    """
    for workbook in (before, after):
        _calculate_if_needed(workbook)
    contents = Contents()
    sides = [
        [_Side(workbook, sheet, contents) for sheet in range(len(workbook.sheet_names))] for workbook in (before, after)
    ]
    pairs = _paired(*sides)
    maps = {one.name.casefold(): _Map(one, other) for one, other in pairs if one is not None and other is not None}
    matcher = _Matcher(maps)
    sheets, removed, added = [], [], []
    for one, other in pairs:
        sheet, gone, come = _compared(one, other, matcher, tolerance)
        sheets.append(sheet)
        removed += gone
        added += come
    found = _take_moves(sheets, removed, added)
    return Comparison(before.path, after.path, tolerance, sheets, _names(before, after), found)


def _calculate_if_needed(workbook: Book) -> None:
    calculation = workbook.calculation
    formulas = questions.formula_slots(calculation)
    if not calculation.is_calculated and not calculation.has_stored_value(formulas).all():
        workbook.calculate()


class _Side:
    """A sheet on one side, and what its cells hold as numbers."""

    def __init__(self, workbook: Book, sheet: int, contents: Contents) -> None:
        self.snapshot = Snapshot(workbook, sheet)
        self.contents = contents.of(self.snapshot)
        self.name = self.snapshot.name


# ---- which sheet is which ------------------------------------------------------------------------


def _paired(before: list[_Side], after: list[_Side]) -> list[tuple[_Side | None, _Side | None]]:
    """The sheets of equal names, then those that hold much the same, then the rest, in the order after."""
    by_name = {side.name.casefold(): side for side in before}
    of: dict[str, _Side] = {}
    for side in after:
        same = by_name.pop(side.name.casefold(), None)
        if same is not None:
            of[side.name] = same
    for side in after:
        if side.name not in of and by_name:
            likest = max(by_name.values(), key=lambda other: _in_common(other, side))
            if _in_common(likest, side) >= ENOUGH_IN_COMMON:
                of[side.name] = by_name.pop(likest.name.casefold())
    pairs: list[tuple[_Side | None, _Side | None]] = [(of.get(side.name), side) for side in after]
    return pairs + [(side, None) for side in before if side.name.casefold() in by_name]


def _in_common(one: _Side, other: _Side) -> float:
    """The share of cells that hold the same, wherever they stand."""
    if not len(one.snapshot) or not len(other.snapshot):
        return 0.0
    numbers, counts = np.unique(one.contents[:, 0], return_counts=True)
    other_numbers, other_counts = np.unique(other.contents[:, 0], return_counts=True)
    _, mine, its = np.intersect1d(numbers, other_numbers, return_indices=True)
    return float(np.minimum(counts[mine], other_counts[its]).sum() / max(len(one.snapshot), len(other.snapshot)))


# ---- which line is which -------------------------------------------------------------------------


class _Map:
    """Where the rows and columns of a sheet went."""

    def __init__(self, before: _Side, after: _Side) -> None:
        self.name = after.name
        self.rows = _lines(before, after, across=False)
        self.columns = _lines(before, after, across=True)
        self.row_of = {one: other for one, other in self.rows if one is not None}
        self.column_of = {one: other for one, other in self.columns if one is not None}
        self.unmoved = all(one == other for one, other in self.rows if one is not None) and all(
            one == other for one, other in self.columns if one is not None
        )

    def row(self, number: int, upwards: bool) -> int:
        return _moved(number, self.row_of, MAX_ROWS, upwards)

    def column(self, number: int, upwards: bool) -> int:
        return _moved(number, self.column_of, MAX_COLUMNS, upwards)


def _moved(number: int, new: dict[int, int | None], most: int, upwards: bool) -> int:
    """The new number of a line; of a removed one, its neighbour's on the inner side of a range."""
    if number >= most or not new:
        return number
    last = max(new)
    if number > last:
        kept = new[last]
        return number if kept is None else number + kept - last
    step = -1 if upwards else 1
    while new.get(number) is None and 1 <= number + step <= last:
        number += step
    return new.get(number) or number


def _lines(before: _Side, after: _Side, across: bool) -> Lines:
    """The lines of both sides, those that are each other side by side."""
    numbers, keys = zip(*(_keys(side, across) for side in (before, after)))
    likeness = None
    if len(numbers[0]) != len(numbers[1]):
        likeness = _likeness(before, after, numbers[0], numbers[1], across)
    pairs = aligned(keys[0], keys[1], likeness)
    lines: Lines = []
    first = second = 0
    for one, other in [*pairs, (len(numbers[0]), len(numbers[1]))]:
        lines += [(number, None) for number in numbers[0][first:one]]
        lines += [(None, number) for number in numbers[1][second:other]]
        if one < len(numbers[0]):
            lines.append((numbers[0][one], numbers[1][other]))
        first, second = one + 1, other + 1
    return _without_blank_ends(lines, before, after, across)


def _without_blank_ends(lines: Lines, before: _Side, after: _Side, across: bool) -> Lines:
    """A blank line that is only on one side, with nothing after it, was not inserted: it is the sheet's end."""
    filled = [set((side.snapshot.columns if across else side.snapshot.rows).tolist()) for side in (before, after)]
    while lines and None in lines[-1] and not (lines[-1][0] in filled[0] or lines[-1][1] in filled[1]):
        lines.pop()
    return lines


def _keys(side: _Side, across: bool) -> tuple[list[int], list[list[tuple[int, ...]]]]:
    """The lines' numbers, and at each level of exactness what each line holds, in order."""
    snapshot = side.snapshot
    order = np.lexsort((snapshot.rows, snapshot.columns)) if across else np.arange(len(snapshot))
    place = (snapshot.columns if across else snapshot.rows)[order]
    numbers = snapshot.lines(across)
    starts = np.searchsorted(place, numbers)
    ends = np.searchsorted(place, numbers, side="right")
    levels = []
    for level in range(side.contents.shape[1]):
        content = side.contents[order, level].tolist()
        levels.append([tuple(content[start:end]) for start, end in zip(starts.tolist(), ends.tolist())])
    return numbers, levels


def _likeness(
    before: _Side, after: _Side, numbers: list[int], other_numbers: list[int], across: bool
) -> np.ndarray | None:
    """How many cells each line has in common with each line of the other side."""
    width = max((side.snapshot.last_row if across else side.snapshot.last_column) for side in (before, after))
    if len(numbers) * len(other_numbers) * max(width, 1) > MOST_LIKENESS:
        return None
    grids = []
    for side, lines in ((before, numbers), (after, other_numbers)):
        snapshot = side.snapshot
        along, over = (snapshot.columns, snapshot.rows) if across else (snapshot.rows, snapshot.columns)
        grid = np.zeros((len(lines), width + 1), np.int64)
        grid[np.searchsorted(lines, along), over] = side.contents[:, 1]
        grids.append(grid)
    likeness = np.zeros((len(numbers), len(other_numbers)))
    for column in range(width + 1):
        one, other = grids[0][:, column], grids[1][:, column]
        likeness += (one[:, None] == other[None, :]) & (one[:, None] != 0)
    return likeness


# ---- cell by cell --------------------------------------------------------------------------------


def _compared(
    one: _Side | None, other: _Side | None, matcher: _Matcher, tolerance: float
) -> tuple[SheetComparison, list[Place], list[Place]]:
    """A pair of sheets, or a sheet alone; also the cells that are only on one side."""
    if one is None or other is None:
        side = one or other
        assert side is not None
        lines = [side.snapshot.lines(across) for across in (False, True)]
        rows: list[Lines] = [[(n, None) if one is not None else (None, n) for n in numbers] for numbers in lines]
        sheet = SheetComparison(one.name if one else None, other.name if other else None, rows[0], rows[1])
        pairs: list[tuple[int | None, int | None]] = [
            (index, None) if one is not None else (None, index) for index in range(len(side.snapshot))
        ]
    else:
        found = matcher.maps[one.name.casefold()]
        sheet = SheetComparison(one.name, other.name, found.rows, found.columns)
        pairs = _cell_pairs(one.snapshot, other.snapshot, found)
    sheet.compared = sum(None not in pair for pair in pairs)
    gone: list[Place] = []
    come: list[Place] = []
    for first, second in pairs:
        change = _change(one, other, first, second, matcher, tolerance)
        if change is None:
            continue
        sheet.changes.append(change)
        if change.before is None and other is not None and second is not None:
            come.append(_place(other, second))
        elif change.after is None and one is not None and first is not None:
            gone.append(_place(one, first))
    return sheet, gone, come


def _place(side: _Side, index: int) -> Place:
    snapshot = side.snapshot
    content = int(side.contents[index, 0])
    return Place(side.name, int(snapshot.rows[index]), int(snapshot.columns[index]), content)


def _cell_pairs(before: Snapshot, after: Snapshot, found: _Map) -> list[tuple[int | None, int | None]]:
    """The cells of both sides that are at the same place, or alone."""
    pairs: list[tuple[int | None, int | None]] = []
    taken = set()
    for index, (row, column) in enumerate(zip(before.rows.tolist(), before.columns.tolist())):
        to = found.row_of.get(row), found.column_of.get(column)
        other = None if None in to else after.place.get(to)
        pairs.append((index, other))
        if other is not None:
            taken.add(other)
    return pairs + [(None, index) for index in range(len(after)) if index not in taken]


def _change(
    one: _Side | None, other: _Side | None, first: int | None, second: int | None, matcher: _Matcher, tolerance: float
) -> CellChange | None:
    if first is None or second is None:
        if first is not None and one is not None:
            return CellChange(REMOVED, _side(one.snapshot, first), None)
        assert second is not None and other is not None
        return CellChange(ADDED, None, _side(other.snapshot, second))
    assert one is not None and other is not None
    equal = _equal(one.snapshot, first, other.snapshot, second, tolerance)
    same_formula = matcher.same(one.snapshot, first, other.snapshot, second)
    if equal and same_formula:
        return None
    has_formula = other.snapshot.formula(second) is not None
    what = FORMULA if not same_formula else RESULT if has_formula else VALUE
    return CellChange(what, _side(one.snapshot, first), _side(other.snapshot, second))


def _side(snapshot: Snapshot, index: int) -> Side:
    return Side(
        int(snapshot.rows[index]),
        int(snapshot.columns[index]),
        snapshot.value(index),
        snapshot.formula_text(index),
        snapshot.number_format(index),
    )


def _equal(before: Snapshot, first: int, after: Snapshot, second: int, tolerance: float) -> bool:
    if before.kind[first] != after.kind[second]:
        return False
    if before.kind[first] == NUMBER:
        one, other = float(before.number[first]), float(after.number[second])
        return one == other or abs(one - other) <= max(tolerance * max(abs(one), abs(other)), _least(tolerance))
    return bool(before.value(first) == after.value(second))


def _least(tolerance: float) -> float:
    """What rounding leaves of 0 counts as 0, unless numbers are to be equal to the last bit."""
    return ABSOLUTE_TOLERANCE if tolerance else 0.0


class _Matcher:
    """Whether formulas are the same after rows, columns and sheets have moved."""

    def __init__(self, maps: dict[str, _Map]) -> None:
        self.maps = maps
        self.unmoved = all(found.unmoved and found.name.casefold() == name for name, found in maps.items())

    def same(self, before: Snapshot, first: int, after: Snapshot, second: int) -> bool:
        one, other = before.formula(first), after.formula(second)
        if one is None or other is None:
            return one is other
        if (one.area is None) != (other.area is None):
            return False
        if self.unmoved and before.formula_key(first) == after.formula_key(second):
            return True
        return self._alike(before, first, after, second)

    def _alike(self, before: Snapshot, first: int, after: Snapshot, second: int) -> bool:
        tree, other = before.plain_tree(first), after.plain_tree(second)
        if tree is None or other is None:
            one_text, other_text = before.formula_text(first), after.formula_text(second)
            return one_text == other_text
        here = (before.name, int(before.rows[first]), int(before.columns[first]))
        there = (after.name, int(after.rows[second]), int(after.columns[second]))
        return _located(tree, *here, self.maps) == _located(other, *there, None)


def _located(node: Node, sheet: str, row: int, column: int, maps: dict[str, _Map] | None) -> Node:
    """The tree with the cells it refers to named by sheet, row and column, as they are after the moves."""
    if isinstance(node, Range):
        return _located_range(node, sheet, row, column, maps)
    if isinstance(node, ExternalReference):
        return replace(node, part=_located(node.part, "", row, column, None))
    if isinstance(node, Binary):
        first, chain = left_spine(node)
        whole = _located(first, sheet, row, column, maps)
        for part in chain:
            whole = Binary(part.operator, whole, _located(part.right, sheet, row, column, maps))
        return whole
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, (Node, tuple)):
            changed[each.name] = _located_part(value, sheet, row, column, maps)
    return replace(node, **changed) if changed else node


def _located_part(item: Any, sheet: str, row: int, column: int, maps: dict[str, _Map] | None) -> Any:
    if isinstance(item, Node):
        return _located(item, sheet, row, column, maps)
    if isinstance(item, tuple):
        return tuple(_located_part(each, sheet, row, column, maps) for each in item)
    return item


def _located_range(node: Range, sheet: str, row: int, column: int, maps: dict[str, _Map] | None) -> Range:
    name = node.sheet or sheet
    found = None if maps is None else maps.get(name.casefold())
    top, left = node.top.at(row), node.left.at(column)
    bottom, right = node.bottom.at(row), node.right.at(column)
    if found is not None:
        top, bottom = found.row(top, upwards=False), found.row(bottom, upwards=True)
        left, right = found.column(left, upwards=False), found.column(right, upwards=True)
        name = found.name
    return replace(
        node,
        top=Coordinate(top, node.top.absolute),
        left=Coordinate(left, node.left.absolute),
        bottom=Coordinate(bottom, node.bottom.absolute),
        right=Coordinate(right, node.right.absolute),
        sheet=name.casefold(),
    )


# ---- moved blocks and names ----------------------------------------------------------------------


def _take_moves(sheets: list[SheetComparison], removed: list[Place], added: list[Place]) -> list[Move]:
    """The blocks that moved; their cells count as moved, no longer as removed here and added there.

    A block that is where it was, whatever lines are taken to have come and gone, has not changed.
    """
    found = []
    stayed: set[tuple[str, int, int]] = set()
    gone: dict[tuple[str, int, int], Place] = {}
    come: dict[tuple[str, int, int], Place] = {}
    for move, pairs in moves(removed, added):
        if move.sheet_before.casefold() == move.sheet_after.casefold() and move.before == move.after:
            stayed.update((place.sheet, place.row, place.column) for pair in pairs for place in pair)
            continue
        found.append(move)
        for place, other in pairs:
            gone[place.sheet, place.row, place.column] = other
            come[other.sheet, other.row, other.column] = place
    for sheet in sheets if found or stayed else ():
        changes = [change for change in sheet.changes if not _stays(sheet, change, stayed)]
        sheet.changes = [_as_moved(sheet, change, gone, come) for change in changes]
    return found


def _stays(sheet: SheetComparison, change: CellChange, stayed: set[tuple[str, int, int]]) -> bool:
    if change.what == REMOVED and change.before is not None:
        return (sheet.before or "", change.before.row, change.before.column) in stayed
    if change.what == ADDED and change.after is not None:
        return (sheet.after or "", change.after.row, change.after.column) in stayed
    return False


def _as_moved(
    sheet: SheetComparison,
    change: CellChange,
    gone: dict[tuple[str, int, int], Place],
    come: dict[tuple[str, int, int], Place],
) -> CellChange:
    before, after = change.before, change.after
    if change.what == REMOVED and before and (sheet.before or "", before.row, before.column) in gone:
        return CellChange(MOVED, before, None)
    if change.what == ADDED and after and (sheet.after or "", after.row, after.column) in come:
        return CellChange(MOVED, None, after)
    return change


def _names(before: Book, after: Book) -> list[NameChange]:
    """The defined names, those of Solver models among them, that are not as they were."""
    sides = []
    for workbook in (before, after):
        names = {}
        for name in workbook.file.names:
            scope = "" if name.scope is None else f"{workbook.sheet_names[name.scope]}!"
            names[f"{scope}{name.name}"] = name.text
        sides.append(names)
    one, other = sides
    everything = list(dict.fromkeys([*one, *other]))
    return [NameChange(name, one.get(name), other.get(name)) for name in everything if one.get(name) != other.get(name)]
