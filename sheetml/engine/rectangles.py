"""Cells as rectangles, and in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sheetml.formula.references import address
from sheetml.xlsx.model import Area


def rectangles(rows: np.ndarray, columns: np.ndarray) -> Iterator[Area]:
    """Cells as few rectangles: runs along rows, then equal runs of neighbouring rows put together."""
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    breaks = np.nonzero((np.diff(rows) != 0) | (np.diff(columns) != 1))[0]
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [len(rows) - 1]])
    open_areas: dict[tuple[int, int], Area] = {}
    done: list[Area] = []
    for i, j in zip(first, last):
        row, left, right = int(rows[i]), int(columns[i]), int(columns[j])
        above = open_areas.get((left, right))
        if above is not None and above.bottom == row - 1:
            open_areas[left, right] = Area(above.top, left, row, right)
        else:
            if above is not None:
                done.append(above)
            open_areas[left, right] = Area(row, left, row, right)
    yield from sorted([*done, *open_areas.values()], key=lambda area: (area.top, area.left))


def areas_text(sheet: str | None, rows: np.ndarray, columns: np.ndarray, most: int = 4) -> str:
    """Cells in words: "dotprod!H25:V39", with at most so many areas named."""
    areas = list(rectangles(rows, columns))
    text = ", ".join(address(sheet, area) for area in areas[:most])
    return text if len(areas) <= most else f"{text} and {len(areas) - most} more areas"
