"""A formula's skeleton: its text without the cells and the numbers in it.

Formulas of which no two are alike often have few skeletons between them: A1*2+B7 and C5*3+A2 are cell * number +
cell. What is found out about one of them (how it is parsed, and what it is compiled to) holds for all.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sheetml.formula.references import column_number
from sheetml.formula.relative import NOT_INSIDE_NAME
from sheetml.formula.tokens import BRACKETS, COLUMN, END, OTHER_WORKBOOK, ROW, STRING

_CELL, _NUMBER = "\x01", "\x02"  # in a skeleton; no formula can hold them outside its strings

# Strings, quoted sheets, other workbooks' names and structured references stay in the skeleton as they are.
_PIECE = re.compile(
    rf"""
    (?=["'\[$A-Za-z0-9.])
    (?: (?=["'\[]) ( {STRING} | {OTHER_WORKBOOK} | '(?:[^']|'')++' | {BRACKETS} )
      | {NOT_INSIDE_NAME}
        (?: (\$?{COLUMN})(\$?{ROW}){END}
          | ((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?){END}
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)


class Skeleton(NamedTuple):
    """A formula taken apart: its skeleton, and in their order its cells and its numbers.

    Of each cell the row and the column, and whether they are absolute ($).
    """

    text: str
    rows: list[int]
    columns: list[int]
    fixed: list[tuple[bool, bool]]
    numbers: list[float]


def skeleton(text: str) -> Skeleton:
    """The skeleton of a formula, written without "="."""
    pieces = _PIECE.split(text)
    found = Skeleton("", [], [], [], [])
    bare = [pieces[0]]
    for kept, letters, row, number, rest in zip(pieces[1::5], pieces[2::5], pieces[3::5], pieces[4::5], pieces[5::5]):
        if row is not None:
            fixed = letters[0] == "$", row[0] == "$"
            found.columns.append(column_number(letters[1:] if fixed[0] else letters))
            found.rows.append(int(row[1:] if fixed[1] else row))
            found.fixed.append((fixed[1], fixed[0]))
            bare.append(_CELL)
        elif number is not None:
            found.numbers.append(float(number))
            bare.append(_NUMBER)
        else:
            bare.append(kept)
        bare.append(rest)
    return found._replace(text="".join(bare))
