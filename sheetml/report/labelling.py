"""Names beside the points of a chart, so that none runs into another."""

from __future__ import annotations

from collections.abc import Sequence

Place = tuple[float, float, str]  # x and y of the text's base line, and its anchor: "start", "end" or "middle"
Box = tuple[float, float, float, float]  # left, top, right, bottom

GAP = 6.0  # between a point and its name
POINT = 4.0  # how far a point reaches


def placed(
    points: Sequence[tuple[float, float]], names: Sequence[str], character: float, height: float, inside: Box
) -> list[Place | None]:
    """Where each name goes: right, left, above or below its point; None where there is room nowhere.

    Greedy, in the order of the points, so that the first are the surest of theirs. `character` is the mean width
    of a letter, `height` that of a line, y grows downwards; `inside` is what names must not leave.
    """
    taken: list[Box] = [(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    places: list[Place | None] = []
    for (x, y), name in zip(points, names):
        width = len(name) * character
        for place, box in _candidates(x, y, width, height):
            if _within(box, inside) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                places.append(place)
                break
        else:
            places.append(None)
    return places


def _candidates(x: float, y: float, width: float, height: float) -> list[tuple[Place, Box]]:
    half = height / 2
    above, below = y - GAP, y + GAP
    return [
        ((x + GAP, y + height / 3, "start"), (x + GAP, y - half, x + GAP + width, y + half)),
        ((x - GAP, y + height / 3, "end"), (x - GAP - width, y - half, x - GAP, y + half)),
        ((x, above, "middle"), (x - width / 2, above - height, x + width / 2, above + 1)),
        ((x, below + height * 0.8, "middle"), (x - width / 2, below - 1, x + width / 2, below + height)),
        ((x + GAP, above, "start"), (x + GAP, above - height, x + GAP + width, above + 1)),
        ((x + GAP, below + height * 0.8, "start"), (x + GAP, below - 1, x + GAP + width, below + height)),
    ]


def _within(box: Box, inside: Box) -> bool:
    return box[0] >= inside[0] and box[1] >= inside[1] and box[2] <= inside[2] and box[3] <= inside[3]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
