"""Tables of what outputs are for values of one input, or of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.whatif.variation import Varied, varied
from sheetml.workbook import Book

MOST_POINTS = 10_000_000


@dataclass(frozen=True)
class Table:
    """The outputs' values: (rows, columns, outputs), the columns one where one input is varied."""

    rows: Varied
    columns: Varied | None
    outputs: list[str]
    values: np.ndarray
    problem: str  # why the first cell without a number has none; "" where all have one


def table(book: Book, inputs: Sequence[str], outputs: Sequence[str], sheet: str | None = None) -> Table:
    """What the output cells are for the values of one or two inputs, such as "B1=0..1:0.05".

    Values that are no numbers are nan. Raises SheetmlError where something is not as stated.
    """
    axes = [varied(book, text, sheet) for text in inputs]
    if not 1 <= len(axes) <= 2:
        raise SheetmlError(f"a table varies one input or two, not {len(axes)}")
    if len({axis.slot for axis in axes}) < len(axes):
        raise SheetmlError(f"{book.path}: {axes[0].address} is varied twice")
    shape = tuple(len(axis.values) for axis in axes)
    if np.prod(shape) > MOST_POINTS:
        raise SheetmlError(f"a table of {' by '.join(f'{size:,}' for size in shape)} has too many cells")
    slots = np.array([axis.slot for axis in axes], np.intp)
    function = book.function_of(slots, book.held_slots(book.areas(outputs, sheet)))
    points = np.stack(
        [grid.reshape(-1) for grid in np.meshgrid(*(axis.values for axis in axes), indexing="ij")], axis=1
    )
    values = function.batch(points).reshape(len(points), -1)
    wrong = np.nonzero(~np.isfinite(values).all(axis=1))[0]
    problem = function.problem(points[wrong[0]]) if wrong.size else ""
    columns = axes[1] if len(axes) == 2 else None
    size = (shape[0], shape[1] if columns else 1, values.shape[1])
    return Table(axes[0], columns, function.output_addresses, values.reshape(size), problem)
