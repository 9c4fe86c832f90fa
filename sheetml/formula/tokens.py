"""Cuts a formula, as files store it, into tokens.

Files store English function names, commas between arguments and a point in numbers, whatever the
language of the Excel that wrote them. One regular expression does the cutting. The kinds of token
are its group names:

    text        "a ""quoted"" word"            cell        A1, $B$2
    number      1, .5, 1E-3                    columns     A:C, $A:$C
    boolean     TRUE (not the function TRUE()) rows        1:3, $1:$3
    error       #REF!, #N/A ...                structured  Table1[[#All],[a]:[b]], [@a]
    function    a name just before "("         name        rate, _xlpm.x, XFE1
    external    [1]Sheet1!A1:B2, [1]!rate      space       blanks, tabs, newlines
    operator    + - * / ^ & = <> < <= > >= % @ # : , ; ( ) { }
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sheetml.errors import FormulaError
from sheetml.xlsx.model import ERROR_CODE

MAX_LENGTH = 32_768  # Excel's own limit is 8,192, counted without prefixes such as "_xlfn."

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
CELL = rf"\$?{COLUMN}\$?{ROW}{END}"
COLUMNS = rf"\$?{COLUMN}:\$?{COLUMN}{END}"
ROWS = rf"\$?{ROW}:\$?{ROW}{END}"

COLUMN_NAME = r"[^\[\]']*(?:'.[^\[\]']*)*"  # an apostrophe escapes the next character
BRACKETS = rf"\[{COLUMN_NAME}(?:\[{COLUMN_NAME}\]{COLUMN_NAME})*\]"
ERROR = "|".join(re.escape(text) for text in ERROR_CODE)
BARE_SHEET = rf"{NAME_CHARACTER}{{1,255}}"  # Excel stops at 31; without a bound 1.1.1.1 ... is read over and over
SHEETS = rf"{BARE_SHEET}(?::{BARE_SHEET})?"  # Sheet1 or Sheet1:Sheet3
SHEET = rf"(?:'(?!'!)[^'\[]*(?:''[^'\[]*)*'|(?!{COLUMN}{ROW}:){SHEETS})!"  # A1:Sheet1!B2 has no sheet named A1
OTHER_WORKBOOK = rf"(?:'[^'\[]*(?:''[^'\[]*)*\[(?!'!)[^']*(?:''[^']*)*'|\[[^\[\]']+\](?:{SHEETS})?)!"
EXTERNAL = rf"{OTHER_WORKBOOK}(?:{COLUMNS}|{ROWS}|{CELL}(?::{CELL})?|{ERROR}|(?:{NAME})?{BRACKETS}|{NAME})"
STRING = r'"[^"]*(?:""[^"]*)*"(?!")'

TOKEN = re.compile(
    rf"""
      (?P<text>{STRING})
    | (?P<boolean>(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])(?!{NAME_CHARACTER}|[(!\[]))
    | (?P<external>{EXTERNAL})
    | (?P<sheet>{SHEET})?
      (?: (?P<columns>{COLUMNS})
        | (?P<rows>{ROWS})
        | (?P<cell>{CELL})
        | (?P<error>{ERROR})
        | (?P<structured>(?:{NAME})?{BRACKETS})
        | (?P<function>{NAME}(?=\())
        | (?P<name>{NAME}{END})
      )
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<space>\s+)
    | (?P<operator><>|<=|>=|[-+*/^&=<>%@\#:,;(){{}}])
    """,
    re.VERBOSE | re.DOTALL,
)

_UNFINISHED = {
    '"': "a text has no closing quotation mark",
    "'": "a quoted sheet name has no closing quotation mark, or nothing after it",
    "[": "a bracket is not closed",
}


class Token(NamedTuple):
    kind: str  # a group name of TOKEN, or "end"
    text: str  # without its sheet
    position: int  # of the first character, from 0
    sheet: str | None = None  # as written before "!", still quoted


def tokenise(text: str) -> list[Token]:
    """The tokens of a formula (without a leading "="), blanks included."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"a formula of {len(text)} characters is longer than the {MAX_LENGTH} allowed")
    tokens = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            unexpected = f"{text[position : position + 10]!r} is not expected"
            raise trouble(text, position, _UNFINISHED.get(text[position], unexpected))
        kind = match.lastgroup
        assert kind is not None  # every alternative of TOKEN is a named group
        sheet = match["sheet"]
        start = position if sheet is None else match.end("sheet")
        tokens.append(Token(kind, text[start : match.end()], position, sheet and sheet[:-1]))
        position = match.end()
    return tokens


def is_enclosed(text: str) -> bool:
    """Whether all of a formula stands within one pair of parentheses."""
    if not text.lstrip().startswith("("):
        return False
    depth = 0
    tokens = [token for token in tokenise(text) if token.kind != "space"]
    for position, token in enumerate(tokens):
        if token.kind in ("operator", "function"):
            depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return position == len(tokens) - 1
    return False


def trouble(text: str, position: int, what: str) -> FormulaError:
    """The error to raise: one sentence with the position (from 1) and what is wrong there."""
    shown = text if len(text) <= 80 else f"{text[max(0, position - 40) : position + 40]} ..."
    return FormulaError(f"cannot read the formula {shown!r}: {what}, at position {position + 1}")
