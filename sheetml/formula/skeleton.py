"""A formula's skeleton: its text without the cells and the numbers in it.

Formulas of which no two are alike often have few skeletons between them: A1*2+B7 and C5*3+A2 are cell * number +
cell. What is found out about one of them (how it is parsed, and what it is compiled to) holds for all.

Many formulas are taken apart at once, as one text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.formula.references import column_number
from sheetml.xlsx.references import BRACKETS, COLUMN, END, NOT_INSIDE_NAME, OTHER_WORKBOOK, ROW, STRING

_END, CELL, NUMBER = "\0", "\x01", "\x02"  # of a formula; in a skeleton. No formula can hold them outside its strings

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


_STRING = re.compile(r'"((?:[^"]|"")*)"')


def strings_of(skeleton: str) -> list[str]:
    """The strings in a skeleton; none where it holds an apostrophe: quotation marks may be part of a sheet's name."""
    return [] if "'" in skeleton else [string.replace('""', '"') for string in _STRING.findall(skeleton)]


def without_strings(skeleton: str) -> str:
    """A skeleton in which a quotation mark stands for each of these strings."""
    return skeleton if "'" in skeleton else _STRING.sub('"', skeleton)


@dataclass(frozen=True, slots=True, eq=False)
class Skeletons:
    """Formulas taken apart: n of them, with s different skeletons between them, c cells and d numbers.

    The cells of formula i are those from `first_cell[i]` to `first_cell[i + 1]`, in their order; its numbers likewise.
    """

    texts: list[str]  # the different skeletons
    which: np.ndarray  # each formula's skeleton: (n,)
    first_cell: np.ndarray  # (n + 1,)
    rows: np.ndarray  # of the cells, int64 (c,)
    columns: np.ndarray
    row_fixed: np.ndarray  # whether "$" stands before it: bool (c,)
    column_fixed: np.ndarray
    first_number: np.ndarray  # (n + 1,)
    numbers: list[str]  # as they are written: (d,)

    def text(self, formula: int) -> str:
        """A formula's skeleton."""
        return self.texts[int(self.which[formula])]

    def cells(self, formula: int) -> slice:
        """Where a formula's cells are among all."""
        return slice(int(self.first_cell[formula]), int(self.first_cell[formula + 1]))

    def numbers_of(self, formula: int) -> list[float]:
        """A formula's numbers."""
        first, last = self.first_number[formula : formula + 2].tolist()
        return [float(number) for number in self.numbers[first:last]]


def skeletons(formulas: Sequence[str]) -> Skeletons:
    """The skeletons of formulas, written without "="."""
    odd = {place: text for place, text in enumerate(formulas) if _is_odd(text)}
    if odd:  # they are their own skeletons, which no other formula has
        formulas = ["" if place in odd else text for place, text in enumerate(formulas)]
    pieces = _pieces(formulas)
    bare = [pieces[0]]
    for kept, row, number, rest in zip(pieces[1::5], pieces[3::5], pieces[4::5], pieces[5::5]):
        bare += (CELL if row else NUMBER if number else kept, rest)
    texts = "".join(bare).split(_END) if formulas else []
    for place, text in odd.items():
        texts[place] = _END + text
    known: dict[str, int] = {}
    which = np.array([known.setdefault(text, len(known)) for text in texts], np.intp)
    different = list(known)
    rows, row_fixed = _without_dollars(pieces[3::5])
    columns, column_fixed = _without_dollars(pieces[2::5])
    letters = {column: column_number(column) for column in set(columns)}
    return Skeletons(
        different,
        which,
        _starts(np.array([_count(text, CELL) for text in different], np.intp)[which]),
        np.array(list(map(int, rows)), np.int64),
        np.array([letters[column] for column in columns], np.int64),
        row_fixed,
        column_fixed,
        _starts(np.array([_count(text, NUMBER) for text in different], np.intp)[which]),
        list(filter(None, pieces[4::5])),
    )


def _without_dollars(pieces: list[str]) -> tuple[list[str], np.ndarray]:
    """Rows or columns, where there are any, and which of them are fixed."""
    parts = list(filter(None, pieces))
    fixed = np.array([part[0] == "$" for part in parts], bool)
    return ([part.lstrip("$") for part in parts] if fixed.any() else parts), fixed


def _is_odd(text: str) -> bool:
    return _END in text or CELL in text or NUMBER in text


def _count(text: str, mark: str) -> int:
    return 0 if text.startswith(_END) else text.count(mark)


def _starts(counts: np.ndarray) -> np.ndarray:
    starts = np.zeros(len(counts) + 1, np.intp)
    np.cumsum(counts, out=starts[1:])
    return starts


def _pieces(formulas: Sequence[str]) -> list[str]:
    """All formulas, one after the other, cut at what _PIECE finds: as `split` does it."""
    pieces: list[str] = _PIECE.split(_END.join(formulas))
    if not any(_END in kept for kept in pieces[1::5] if kept is not None):
        return pieces
    pieces = []  # a quotation mark that is never closed in one of them was closed in another
    for formula in formulas:
        own = _PIECE.split(formula)
        if pieces:
            pieces[-1] += _END + own[0]
            own = own[1:]
        pieces += own
    return pieces
