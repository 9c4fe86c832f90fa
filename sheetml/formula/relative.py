"""A quick test of whether two formulas are "the same formula filled down", without parsing them."""

from __future__ import annotations

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
