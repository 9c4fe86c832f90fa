"""Blocks of cells that were taken from one place to another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.rectangles import rectangles
from sheetml.xlsx.model import Area

FEWEST_CELLS = 3  # of a block that counts as moved
MOST_ALIKE = 8  # cells that hold the same, beyond which they say nothing of where a block went


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of one side: the sheet's name, row, column, and the number of what it holds."""

    sheet: str
    row: int
    column: int
    content: int


@dataclass(frozen=True, slots=True)
class Move:
    """A block that is elsewhere now: the area it fills, before and after."""

    sheet_before: str
    before: Area
    sheet_after: str
    after: Area
    cells: int


def moves(removed: list[Place], added: list[Place]) -> Iterator[tuple[Move, list[tuple[Place, Place]]]]:
    """The blocks among removed cells that are among the added ones, the largest first, with their cells.

    Cells that hold the same vote for the distance between them; the distance with the most votes is a move.
    """
    gone, come = set(removed), {(place.sheet, place.row, place.column): place for place in added}
    while True:
        distance = _favourite(gone, come.values())
        if distance is None:
            return
        sheet_before, sheet_after, down, across = distance
        pairs = []
        for place in gone:
            other = come.get((sheet_after, place.row + down, place.column + across))
            if place.sheet == sheet_before and other is not None and other.content == place.content:
                pairs.append((place, other))
        yield from _blocks(pairs, down, across)
        for place, other in pairs:
            gone.discard(place)
            come.pop((other.sheet, other.row, other.column), None)


def together(found: Sequence[Move]) -> list[list[Move]]:
    """The moves that went the same way, from one sheet to another by one distance, side by side; the largest first."""
    by_way: dict[tuple[str, str, int, int], list[Move]] = defaultdict(list)
    for move in found:
        down, across = move.after.top - move.before.top, move.after.left - move.before.left
        by_way[move.sheet_before, move.sheet_after, down, across].append(move)
    ways = [sorted(each, key=lambda move: -move.cells) for each in by_way.values()]
    return sorted(ways, key=lambda each: -sum(move.cells for move in each))


def _favourite(gone: set[Place], come: object) -> tuple[str, str, int, int] | None:
    """The distance that most cells agree on, if they are enough."""
    by_content: dict[int, tuple[list[Place], list[Place]]] = defaultdict(lambda: ([], []))
    for place in gone:
        by_content[place.content][0].append(place)
    for place in come:  # type: ignore[attr-defined]
        by_content[place.content][1].append(place)
    votes: Counter[tuple[str, str, int, int]] = Counter()
    for one, other in by_content.values():
        if one and other and max(len(one), len(other)) <= MOST_ALIKE:
            for place in one:
                for target in other:
                    down, across = target.row - place.row, target.column - place.column
                    votes[place.sheet, target.sheet, down, across] += 1
    if not votes:
        return None
    (distance, count), *_ = votes.most_common(1)
    return distance if count >= FEWEST_CELLS else None


def _blocks(
    pairs: list[tuple[Place, Place]], down: int, across: int
) -> Iterator[tuple[Move, list[tuple[Place, Place]]]]:
    """The rectangles that the moved cells make up; single cells and pairs of them are none."""
    rows = np.array([place.row for place, _ in pairs])
    columns = np.array([place.column for place, _ in pairs])
    for area in rectangles(rows, columns):
        inside = [
            pair
            for pair in pairs
            if area.top <= pair[0].row <= area.bottom and area.left <= pair[0].column <= area.right
        ]
        if len(inside) >= FEWEST_CELLS:
            target = Area(area.top + down, area.left + across, area.bottom + down, area.right + across)
            yield Move(inside[0][0].sheet, area, inside[0][1].sheet, target, len(inside)), inside
