"""A quick test of whether two formulas are "the same formula filled down", without parsing them."""

from __future__ import annotations

import re

from sheetml.formula.references import column_number
from sheetml.formula.tokens import BRACKETS, COLUMN, END, OTHER_WORKBOOK, ROW, STRING

NOT_INSIDE_NAME = r"(?<![^\x00-#%-\x2d/:->@\[\]^`{-\x7f\s])"  # nor after a "$"

# Strings, quoted sheets, other workbooks' names and structured references are found only to be left alone.
# The looks ahead at one character do not change what is found: they make the search twice as fast.
_REFERENCE = re.compile(
    rf"""
    (?=["'\[$A-Za-z1-9])
    (?: (?=["'\[]) (?: {STRING} | {OTHER_WORKBOOK} | '(?:[^']|'')++' | {BRACKETS} )
      | {NOT_INSIDE_NAME}
        (?: ({COLUMN}) (?: ({ROW}) | (\${ROW}) ) {END}
          | (\${COLUMN}) ({ROW}) {END}
          | (\$?{COLUMN}) : (\$?{COLUMN}) {END}
          | (\$?{ROW}) : (\$?{ROW}) {END}
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
# By the last group of _REFERENCE that took part: what was found. Absolute cells are found by no group.
_CELL, _ROW_ABSOLUTE, _COLUMN_ABSOLUTE, _COLUMNS, _ROWS = 2, 3, 5, 7, 9


def relative_key(text: str, row: int, column: int) -> str:
    """The formula with each relative reference replaced by its distance from the cell.

    Formulas with equal keys have equal trees. The reverse need not hold: blanks, letters' case and
    superfluous parentheses stay in the key. Distances are marked with control characters, which no
    formula can hold outside its strings.
    """

    def distance(match: re.Match[str]) -> str:
        found = match.lastindex
        if found == _CELL:
            letters, digits = match.group(1, 2)
            return f"\x01{column_number(letters) - column}\x02{int(digits) - row}"
        if found == _ROW_ABSOLUTE:
            return f"\x01{column_number(match[1]) - column}{match[3]}"
        if found == _COLUMN_ABSOLUTE:
            return f"{match[4]}\x02{int(match[5]) - row}"
        if found == _COLUMNS:
            return f"{_column(match[6], column)}:{_column(match[7], column)}"
        if found == _ROWS:
            return f"{_row(match[8], row)}:{_row(match[9], row)}"
        return match[0]

    return _REFERENCE.sub(distance, text)


def _column(text: str, origin: int) -> str:
    return text if text.startswith("$") else f"\x01{column_number(text) - origin}"


def _row(text: str, origin: int) -> str:
    return text if text.startswith("$") else f"\x02{int(text) - origin}"
