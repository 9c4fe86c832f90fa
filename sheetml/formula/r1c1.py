"""Formulas in R1C1 notation: read as the A1 formula of a cell."""

from __future__ import annotations

import re

from sheetml.formula.references import column_letters
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS
from sheetml.xlsx.references import NAME, STRING

_NUMBER = r"(?:[0-9]+|\[[-+]?[0-9]+\])?"
_REFERENCE = re.compile(
    rf"""
      {STRING}
    | '(?:[^']|'')*'
    | (?<![\w.$\]])(?P<row>[Rr]{_NUMBER})(?P<column>[Cc]{_NUMBER})(?![\w.(!\[])
    | (?<![\w.$\]])(?P<rows>[Rr]{_NUMBER})(?::(?P<last_rows>[Rr]{_NUMBER}))?(?![\w.(!\[])
    | (?<![\w.$\]])(?P<columns>[Cc]{_NUMBER})(?::(?P<last_columns>[Cc]{_NUMBER}))?(?![\w.(!\[])
    | {NAME}(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])?
    """,
    re.VERBOSE,
)


def from_r1c1(text: str, row: int, column: int) -> str:
    """The formula as it reads in A1 notation in a cell: R[-1]C+R1C2 in B3 is B2+$B$1.

    Distances that lead off the sheet come back in on the other side, as in Excel.
    """

    def in_a1(match: re.Match[str]) -> str:
        if match["row"]:
            return _column(match["column"], column) + _row(match["row"], row)
        if match["rows"]:
            first = _row(match["rows"], row)
            return f"{first}:{_row(match['last_rows'] or match['rows'], row)}"
        if match["columns"]:
            first = _column(match["columns"], column)
            return f"{first}:{_column(match['last_columns'] or match['columns'], column)}"
        return match[0]

    return _REFERENCE.sub(in_a1, text)


def _row(text: str, origin: int) -> str:
    number, dollar = _place(text[1:], origin, MAX_ROWS)
    return f"{dollar}{number}"


def _column(text: str, origin: int) -> str:
    number, dollar = _place(text[1:], origin, MAX_COLUMNS)
    return f"{dollar}{column_letters(number)}"


def _place(text: str, origin: int, limit: int) -> tuple[int, str]:
    """The number of a row or column, and the dollar sign of an absolute one."""
    if text and not text.startswith("["):
        return (int(text) - 1) % limit + 1, "$"
    distance = int(text[1:-1]) if text else 0
    return (origin + distance - 1) % limit + 1, ""
