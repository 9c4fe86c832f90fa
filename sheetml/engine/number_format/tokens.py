"""The signs of a number format: places of digits, parts of dates, literal text, conditions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LONGEST = 255  # characters of a format
_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|(?P<escaped>\\.?)|(?P<space>_.?)|(?P<fill>\*.?)|(?P<bracket>\[[^\]]*\]?)
    |(?P<general>general)|(?P<half>am/pm|a/p)|(?P<exponent>e[+-])|(?P<date>y+|m+|d+|h+|s+|b+|e+|g+)
    |(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<slash>/)|(?P<text>@)|(?P<end>;)|(?P<literal>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|=|<|>) *(-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?)", re.IGNORECASE | re.ASCII)
_ELAPSED = re.compile(r"hh?|mm?|ss?", re.IGNORECASE)
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color *\d{1,2}", re.IGNORECASE | re.ASCII)
_NUMERALS = re.compile(r"dbnum\d|natnum\d+", re.IGNORECASE | re.ASCII)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class FormatError(ValueError):
    """The format cannot be understood, or not applied to this value."""


class UnknownLanguage(FormatError):
    """Excel would show the value in a language, a calendar or numerals that are not known here."""


@dataclass(frozen=True, slots=True)
class Style:
    """In what the users of the language differ."""

    general_width: int  # characters of a number in the General format
    halves_as_written: bool  # am/pm shows "am"; otherwise it is "AM" however it is written
    sign_of_zero: bool  # a negative number that rounds to 0 keeps its sign


CELL = Style(general_width=11, halves_as_written=False, sign_of_zero=False)
"""Cells as they are shown, and TEXT."""

VBA = Style(general_width=20, halves_as_written=True, sign_of_zero=True)
"""The function Format of VBA."""


class Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    sign: str
    limit: float

    def holds(self, number: float) -> bool:
        return _COMPARE[self.sign](number, self.limit)

    @property
    def negative_only(self) -> bool:
        """Whether it lets only negative numbers in: they then show no sign of their own."""
        return (self.sign == "<" and self.limit <= 0) or (self.sign in ("<=", "=") and self.limit < 0)

    @property
    def leaves_negative(self) -> bool:
        """Whether it leaves negative numbers, and no others but 0, to the section that follows."""
        return self.sign in (">", ">=") and self.limit == 0


def split(text: str) -> list[list[Token]]:
    """The tokens of each section of a format."""
    if len(text) > LONGEST:
        raise FormatError("the format is too long")
    sections: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        if kind == "end":
            sections.append([])
        else:
            sections[-1].append(Token(kind, match[0]))
    return sections


def simplified(tokens: list[Token]) -> tuple[list[Token], Condition | None, str]:
    """The tokens that show something, with literal text as it shows; the condition of their section, and the code of
    its language ("" if it states none)."""
    kept: list[Token] = []
    condition: Condition | None = None
    language = ""
    for token in tokens:
        match token.kind:
            case "quoted":
                kept.append(Token("literal", token.text.strip('"')))
            case "escaped":
                kept.append(Token("literal", token.text[1:]))
            case "space":
                kept.append(Token("literal", " "))
            case "date":
                kept.append(Token("date", token.text.lower()))
            case "bracket":
                inside = _inside(token.text)
                found = _CONDITION.fullmatch(inside)
                if found is not None:
                    condition = Condition(found[1], float(found[2]))
                elif _ELAPSED.fullmatch(inside):
                    kept.append(Token("elapsed", inside.lower()))
                elif inside.startswith("$"):  # a currency, a language or both
                    currency, _, language = inside[1:].partition("-")
                    kept.append(Token("literal", currency))
                elif _NUMERALS.fullmatch(inside):
                    raise UnknownLanguage("the format asks for other numerals")
                elif not _COLOUR.fullmatch(inside):
                    raise FormatError(f"[{inside}] stands in the format")
            case "fill":
                pass  # fills the width of a cell, which a text does not have
            case _:
                kept.append(token)
    return kept, condition, language


def _inside(bracket: str) -> str:
    if not bracket.endswith("]"):
        raise FormatError("a bracket of the format is not closed")
    return bracket[1:-1].strip()
