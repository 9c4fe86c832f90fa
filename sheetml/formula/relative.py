"""A quick test of whether formulas are "the same formula filled down", without parsing them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from sheetml.formula.skeleton import CELL, Skeletons
from sheetml.xlsx.references import relatives

_MARKS = ("\x01", "\x02")  # of columns and of rows


def relative_key(text: str, row: int, column: int) -> str:
    """The formula with each relative reference replaced by its distance from the cell.

    Formulas with equal keys have equal trees. The reverse need not hold: blanks, letters' case and
    superfluous parentheses stay in the key. Distances are marked with control characters, which no
    formula can hold outside its strings.
    """
    pieces, position = [], 0
    for start, end, is_row, distance in relatives(text, row, column):
        pieces.append(f"{text[position:start]}{_MARKS[is_row]}{distance}")
        position = end
    return "".join([*pieces, text[position:]])


def relative_keys(
    taken: Skeletons, formulas: Sequence[str], rows: Sequence[int], columns: Sequence[int]
) -> list[Hashable]:
    """Keys of many formulas, taken apart, each in its cell: those that are equal have equal trees."""
    sizes = np.diff(taken.first_cell)
    distances = [
        2 * np.where(fixed, place, place - np.repeat(np.asarray(own, np.int64), sizes)) + fixed
        for place, fixed, own in (
            (taken.rows, taken.row_fixed, rows),
            (taken.columns, taken.column_fixed, columns),
        )
    ]
    coded = np.stack(distances, axis=1).tobytes()
    # Whole rows and columns are no cells, and stay in the skeleton, though they may be relative too.
    careful = [text.count(":") != text.count(f"{CELL}:{CELL}") for text in taken.texts]
    starts, firsts = (16 * taken.first_cell).tolist(), taken.first_number.tolist()
    keys: list[Hashable] = []
    for place, which in enumerate(taken.which.tolist()):
        if careful[which]:
            keys.append(relative_key(formulas[place], rows[place], columns[place]))
            continue
        numbers = taken.numbers[firsts[place] : firsts[place + 1]]
        keys.append((which, coded[starts[place] : starts[place + 1]], *numbers))
    return keys
