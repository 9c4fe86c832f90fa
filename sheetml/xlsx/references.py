"""How formulas in files refer to cells: what a reference looks like, and what in it is relative.

The smallest pieces of formulas' grammar are here; the rest of it is in `sheetml.formula`.
"""

from __future__ import annotations

import re

from sheetml.xlsx.model import column_number

# What may be repeated is never also what may follow it, so a match that fails goes back over the text once at
# most. Possessive quantifiers would say the same, but the Python 3.11.2 of Debian 12 gets some of them wrong.

# Names may hold any character beyond ASCII, as Excel takes letters of all scripts and even emoji.
NAME_START = r"[^\x00-@\[\]^`{-\x7f\s]"
NAME_CHARACTER = r"[^\x00-\x2d/:->@\[\]^`{-\x7f\s]"  # what may also follow: digits, "." and "?"
NAME = rf"{NAME_START}{NAME_CHARACTER}*"

# The last column is XFD and the last row 1048576: XFE1 and A1048577 are names. Short ones come first.
COLUMN = r"(?:[A-Za-z]{1,2}(?![A-Za-z])|[A-Wa-w][A-Za-z]{2}|[Xx](?:[A-Ea-e][A-Za-z]|[Ff][A-Da-d]))"
ROW = (
    r"(?:[1-9][0-9]{0,5}(?![0-9])"
    r"|10[0-3][0-9]{4}|104[0-7][0-9]{3}|1048[0-4][0-9]{2}|10485[0-6][0-9]|104857[0-6])"
)
END = rf"(?!{NAME_CHARACTER}|[(!])"  # a reference ends here: LOG10( is a function, A1B a name, A1! a sheet

COLUMN_NAME = r"[^\[\]']*(?:'.[^\[\]']*)*"  # an apostrophe escapes the next character
BRACKETS = rf"\[{COLUMN_NAME}(?:\[{COLUMN_NAME}\]{COLUMN_NAME})*\]"
BARE_SHEET = rf"{NAME_CHARACTER}{{1,255}}"  # Excel stops at 31; without a bound 1.1.1.1 ... is read over and over
SHEETS = rf"{BARE_SHEET}(?::{BARE_SHEET})?"  # Sheet1 or Sheet1:Sheet3
OTHER_WORKBOOK = rf"(?:'[^'\[]*(?:''[^'\[]*)*\[(?!'!)[^']*(?:''[^']*)*'|\[[^\[\]']+\](?:{SHEETS})?)!"
STRING = r'"[^"]*(?:""[^"]*)*"(?!")'

_NOT_INSIDE_NAME = r"(?<![^\x00-#%-\x2d/:->@\[\]^`{-\x7f\s])"  # nor after a "$"

# Strings, quoted sheets, other workbooks' names and structured references are found only to be left alone.
# The looks ahead at one character do not change what is found: they make the search twice as fast.
_REFERENCE = re.compile(
    rf"""
    (?=["'\[$A-Za-z1-9])
    (?: (?=["'\[]) (?: {STRING} | {OTHER_WORKBOOK} | '(?:[^']|'')++' | {BRACKETS} )
      | {_NOT_INSIDE_NAME}
        (?: ({COLUMN}) (?: ({ROW}) | (\${ROW}) ) {END}
          | (\${COLUMN}) ({ROW}) {END}
          | (\$?{COLUMN}) : (\$?{COLUMN}) {END}
          | (\$?{ROW}) : (\$?{ROW}) {END}
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
# By the last group of _REFERENCE that took part: the groups that did, each with whether it is a row. A part that begins
# with "$" does not count, and absolute cells are found by no group.
_PARTS = {
    2: ((1, False), (2, True)),
    3: ((1, False),),
    5: ((5, True),),
    7: ((6, False), (7, False)),
    9: ((8, True), (9, True)),
}

Relative = tuple[int, int, bool, int]


def relatives(text: str, row: int, column: int) -> list[Relative]:
    """The relative rows and columns in a formula of a cell, in their order: from where to where each is written,
    whether it is a row, and its distance from the cell.

    Formulas that have these alike, and all between them, have equal trees. The reverse need not hold: blanks,
    letters' case and superfluous parentheses count as differences.
    """
    found: list[Relative] = []
    for match in _REFERENCE.finditer(text):
        if match.lastindex is None:
            continue
        for group, is_row in _PARTS[match.lastindex]:
            part = match[group]
            if part[0] != "$":
                distance = int(part) - row if is_row else column_number(part) - column
                found.append((match.start(group), match.end(group), is_row, distance))
    return found
