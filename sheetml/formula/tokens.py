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
from sheetml.xlsx.references import (
    BRACKETS,
    COLUMN,
    END,
    NAME,
    NAME_CHARACTER,
    OTHER_WORKBOOK,
    ROW,
    SHEETS,
    STRING,
)

MAX_LENGTH = 32_768  # Excel's own limit is 8,192, counted without prefixes such as "_xlfn."

CELL = rf"\$?{COLUMN}\$?{ROW}{END}"
COLUMNS = rf"\$?{COLUMN}:\$?{COLUMN}{END}"
ROWS = rf"\$?{ROW}:\$?{ROW}{END}"

ERROR = "|".join(re.escape(text) for text in ERROR_CODE)
SHEET = rf"(?:'(?!'!)[^'\[]*(?:''[^'\[]*)*'|(?!{COLUMN}{ROW}:){SHEETS})!"  # A1:Sheet1!B2 has no sheet named A1
EXTERNAL = rf"{OTHER_WORKBOOK}(?:{COLUMNS}|{ROWS}|{CELL}(?::{CELL})?|{ERROR}|(?:{NAME})?{BRACKETS}|{NAME})"
TOKEN = re.compile(  # what is met most often comes first, where nothing else could be meant
    rf"""
      (?P<operator><>|<=|>=|[-+*/^&=<>%@:,;(){{}}]|(?!{ERROR})\#)
    | (?P<text>{STRING})
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
    """,
    re.VERBOSE | re.DOTALL,
)

_AFTER_SHEETS = frozenset({"columns", "rows", "cell", "error", "structured", "function", "name"})
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
    tokens: list[Token] = []
    position = 0
    while match := TOKEN.match(text, position):  # finditer would look for the next token wherever one does not fit
        start, end = match.span()
        kind = match.lastgroup
        assert kind is not None  # every alternative of TOKEN is a named group
        sheet = match["sheet"] if kind in _AFTER_SHEETS else None
        if sheet is not None:
            tokens.append(Token(kind, text[start + len(sheet) : end], start, sheet[:-1]))
        else:
            tokens.append(Token(kind, text[start:end], start))
        position = end
    if position < len(text):
        unexpected = f"{text[position : position + 10]!r} is not expected"
        raise trouble(text, position, _UNFINISHED.get(text[position], unexpected))
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
