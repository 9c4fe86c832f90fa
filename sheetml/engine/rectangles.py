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
    row, left, right = rows[first], columns[first], columns[last]
    order = np.lexsort((row, right, left))
    row, left, right = row[order], left[order], right[order]
    breaks = np.nonzero((np.diff(left) != 0) | (np.diff(right) != 0) | (np.diff(row) != 1))[0]
    top, bottom = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(row) - 1]])
    found = zip(row[top].tolist(), left[top].tolist(), row[bottom].tolist(), right[top].tolist())
    yield from (Area(*corners) for corners in sorted(found))


def areas_text(sheet: str | None, rows: np.ndarray, columns: np.ndarray, most: int = 4) -> str:
    """Cells in words: "dotprod!H25:V39", with at most so many areas named."""
    areas = list(rectangles(rows, columns))
    text = ", ".join(address(sheet, area) for area in areas[:most])
    return text if len(areas) <= most else f"{text} and {len(areas) - most} more areas"
