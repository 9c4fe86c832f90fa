"""VBA source text into tokens, line by line; comments and continued lines are gone then."""

from __future__ import annotations

import re
from typing import NamedTuple

from sheetml.errors import MacroError

MOST_SOURCE = 4_000_000  # characters of one module


class Token(NamedTuple):
    kind: str  # name, number, string, date, operator, end (of a line)
    text: str
    line: int
    spaced: bool  # whether white space stands before it
    suffix: str = ""  # a name's or a number's type character: % & ! # @ $ ^


_PATTERN = re.compile(
    r"""
    (?P<space>[ \t\u00a0]+)
  | (?P<comment>'.*)
  | (?P<string>"(?:[^"]|"")*")
  | (?P<date>\#[ \t]*[0-9A-Za-z][-0-9A-Za-z/:,.\ ]*\#)
  | (?P<based>&[HhOo][0-9A-Fa-f]+)(?P<based_suffix>[%&^]?)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d+)?)(?P<number_suffix>[%&!\#@^](?![\w.("]))?
  | (?P<name>[^\W\d]\w*|\[[^\]\n]*\])(?P<name_suffix>[%&!\#@$^](?![\w\["]))?
  | (?P<operator>:=|<=|>=|<>|=<|=>|><|[-+*/\\^&=<>(),.;:!?\#])
    """,
    re.VERBOSE,
)


Line = tuple[int, str]  # a logical line: the number of its first line, and its text


def tokenise(lines: list[Line], module: str) -> list[Token]:
    """All tokens of some lines, each closed by an "end" token.

    Raises MacroError for a character VBA does not know.
    """
    tokens: list[Token] = []
    for line, text in lines:
        tokens += _line_tokens(text, line, module)
        tokens.append(Token("end", "", line, False))
    return tokens


def logical_lines(source: str, module: str) -> list[Line]:
    """The lines of a module with their numbers, those continued by " _" joined to the first of them."""
    if len(source) > MOST_SOURCE:
        raise MacroError(f"{module} is too long to be read: {len(source):,} characters.")
    lines: list[Line] = []
    open_text, open_line = "", 0
    for number, text in enumerate(re.split(r"\r\n|\r|\n", source), 1):
        start = open_line or number
        if re.search(r"(^|[ \t])_[ \t]*$", text):
            open_text, open_line = open_text + re.sub(r"_[ \t]*$", " ", text), start
        else:
            lines.append((start, open_text + text))
            open_text, open_line = "", 0
    if open_text:
        lines.append((open_line, open_text))
    return lines


def _line_tokens(text: str, line: int, module: str) -> list[Token]:
    tokens: list[Token] = []
    place, spaced = 0, False
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise MacroError(f"{module}, line {line}: {text[place]!r} cannot be understood.")
        place = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        if kind == "comment" or _is_remark(match, tokens):
            break
        tokens.append(_token(match, line, spaced))
        spaced = False
    return tokens


def _is_remark(match: re.Match[str], tokens: list[Token]) -> bool:
    starts = not tokens or tokens[-1].text == ":"
    return starts and (match["name"] or "").lower() == "rem"


def _token(match: re.Match[str], line: int, spaced: bool) -> Token:
    if match["name"] is not None:
        return Token("name", match["name"], line, spaced, match["name_suffix"] or "")
    if match["string"] is not None:
        return Token("string", match["string"][1:-1].replace('""', '"'), line, spaced)
    if match["date"] is not None:
        return Token("date", match["date"][1:-1].strip(), line, spaced)
    if match["based"] is not None:
        return Token("number", match["based"], line, spaced, match["based_suffix"] or "")
    if match["number"] is not None:
        return Token("number", match["number"], line, spaced, match["number_suffix"] or "")
    return Token("operator", match["operator"], line, spaced)
