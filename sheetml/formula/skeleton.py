"""A formula's skeleton: its text without the cells and the numbers in it.

Formulas of which no two are alike often have few skeletons between them: A1*2+B7 and C5*3+A2 are cell * number +
cell. What is found out about one of them (how it is parsed, and what it is compiled to) holds for all.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sheetml.formula.references import column_number
from sheetml.xlsx.references import BRACKETS, COLUMN, END, NOT_INSIDE_NAME, OTHER_WORKBOOK, ROW, STRING

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
    """A formula taken apart: its skeleton, and in their order the rows and columns of its cells and its numbers."""

    text: str
    rows: list[int]
    columns: list[int]
    numbers: list[float]
    cells: list[tuple[str, str]]  # the columns and rows as they are written

    def is_fixed(self, position: int) -> tuple[bool, bool]:
        """Whether a cell's row and its column are absolute."""
        column, row = self.cells[position]
        return row[0] == "$", column[0] == "$"


def skeleton(text: str) -> Skeleton:
    """The skeleton of a formula, written without "="."""
    pieces = _PIECE.split(text)
    if len(pieces) == 1:
        return Skeleton(text, [], [], [], [])
    cells: list[tuple[str, str]] = []
    numbers: list[float] = []
    bare = [pieces[0]]
    for kept, column, row, number, rest in zip(pieces[1::5], pieces[2::5], pieces[3::5], pieces[4::5], pieces[5::5]):
        if row is not None:
            cells.append((column, row))
            bare += (_CELL, rest)
        elif number is not None:
            numbers.append(float(number))
            bare += (_NUMBER, rest)
        else:
            bare += (kept, rest)
    rows = [int(row) if row[0] != "$" else int(row[1:]) for _, row in cells]
    columns = [column_number(column) if column[0] != "$" else column_number(column[1:]) for column, _ in cells]
    return Skeleton("".join(bare), rows, columns, numbers, cells)
