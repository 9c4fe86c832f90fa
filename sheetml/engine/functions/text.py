"""Text: parts, places, replacements, letters and their codes.

Lengths and positions count UTF-16 units, as Excel's do: most characters are one, an emoji is two. Half
of such a pair is U+FFFD, the replacement character.
"""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Callable

import numpy as np

from sheetml.engine.functions.registry import Item, also_named, elementwise, one_by_one
from sheetml.engine.functions.search import Wildcards
from sheetml.engine.values import Value, boolean_value
from sheetml.xlsx.model import MAX_TEXT, ErrorCode

_ALL = 1e9  # more characters than any text has
_FIRST_PRINTABLE = 32


class Units:
    """A text in the units that Excel counts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = not text or max(text) <= "\uffff"
        self.code = "" if self.plain else text.encode("utf-16-le", "surrogatepass")

    def __len__(self) -> int:
        return len(self.text) if self.plain else len(self.code) // 2

    def part(self, start: int, stop: int) -> str:
        """The text from one position (counted from 0) to another."""
        if isinstance(self.code, str):
            return self.text[start:stop]
        return self.code[2 * start : 2 * stop].decode("utf-16-le", "replace")

    def index(self, position: int) -> int:
        """The position in the Python text of a position in units."""
        return position if self.plain else len(self.part(0, position))

    def position(self, index: int) -> int:
        """The position in units of a position in the Python text."""
        return index if self.plain else len(Units(self.text[:index]))


def _count(number: float) -> int:
    """A count of characters: cut off to a whole number, and no larger than any text."""
    return int(min(max(number, -_ALL), _ALL))


# ---- parts ---------------------------------------------------------------------------------------


@one_by_one("LEN", "text")
def length(text: str) -> Item:
    """The number of characters."""
    return float(len(Units(text)))


@one_by_one("LEFT", "text", "number", defaults=(1.0,))
def left(text: str, count: float) -> Item:
    """The first characters."""
    return ErrorCode.VALUE if count < 0 else Units(text).part(0, _count(count))


@one_by_one("RIGHT", "text", "number", defaults=(1.0,))
def right(text: str, count: float) -> Item:
    """The last characters."""
    units = Units(text)
    return ErrorCode.VALUE if count < 0 else units.part(max(len(units) - _count(count), 0), len(units))


@one_by_one("MID", "text", "number", "number")
def middle(text: str, start: float, count: float) -> Item:
    """Characters from a position (counted from 1) on."""
    first = _count(start) - 1
    return ErrorCode.VALUE if start < 1 or count < 0 else Units(text).part(first, first + _count(count))


@one_by_one("REPLACE", "text", "number", "number", "text")
def replace_part(text: str, start: float, count: float, new: str) -> Item:
    """The text with the characters at a position replaced by another text."""
    units, first = Units(text), _count(start) - 1
    if start < 1 or count < 0:
        return ErrorCode.VALUE
    return units.part(0, first) + new + units.part(first + _count(count), len(units))


@one_by_one("SUBSTITUTE", "text", "text", "text", "number", defaults=(math.inf,))
def substitute(text: str, old: str, new: str, instance: float) -> Item:
    """The text with another in the place of one that occurs in it: everywhere, or where it occurs the n-th time."""
    if instance < 1:
        return ErrorCode.VALUE
    if not old:
        return text
    if instance == math.inf:  # left out
        too_long = len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT
        return ErrorCode.VALUE if too_long else text.replace(old, new)
    parts = text.split(old, _count(instance))
    if len(parts) <= _count(instance):
        return text
    return old.join(parts[:-1]) + new + parts[-1]


@one_by_one("REPT", "text", "number")
def repeat(text: str, count: float) -> Item:
    """The text so many times over."""
    times = _count(count)
    return ErrorCode.VALUE if count < 0 or len(text) * times > MAX_TEXT else text * times


# ---- places --------------------------------------------------------------------------------------


def _finding(name: str, about: str, find: Callable[[str, str, int], int]) -> None:
    @one_by_one(name, "text", "text", "number", defaults=(1.0,), about=about)
    def evaluate(wanted: str, text: str, start: float) -> Item:
        units, first = Units(text), _count(start) - 1
        if not 0 <= first <= len(units):
            return ErrorCode.VALUE
        place = find(wanted, text, units.index(first))
        return ErrorCode.VALUE if place < 0 else float(units.position(place) + 1)


_finding(
    "FIND",
    "The position of a text in another, capitals told from small letters.",
    lambda wanted, text, start: text.find(wanted, start),
)
_finding(
    "SEARCH",
    "The position of a text in another, capitals not told from small letters; * and ? stand for any characters.",
    lambda wanted, text, start: Wildcards(wanted).search(text, start),
)


@elementwise("EXACT", "text", "text", differentiable=False)
def exact(left: np.ndarray, right: np.ndarray) -> Value:
    """Whether two texts are the same, capitals and small letters too."""
    return boolean_value((left == right).astype(bool))


# ---- letters -------------------------------------------------------------------------------------


def _letter(letter: str, turned: Callable[[str], str]) -> str:
    """Its capital or small letter, if that is one letter too (ß has no capital of its own)."""
    other = turned(letter)
    return other if len(other) == 1 else letter


@one_by_one("UPPER", "text")
def upper(text: str) -> Item:
    """The text in capitals."""
    return "".join(_letter(letter, str.upper) for letter in text)


@one_by_one("LOWER", "text")
def lower(text: str) -> Item:
    """The text in small letters."""
    return "".join(_letter(letter, str.lower) for letter in text)


@one_by_one("PROPER", "text")
def proper(text: str) -> Item:
    """The text with a capital at the start of each word, and after whatever is no letter."""
    result, inside = [], False
    for letter in text:
        result.append(_letter(letter, str.lower if inside else str.upper))
        inside = letter.isalpha()
    return "".join(result)


@one_by_one("TRIM", "text")
def trim(text: str) -> Item:
    """The text without spaces around it, and with single ones inside."""
    return re.sub(" +", " ", text.strip(" "))


@one_by_one("CLEAN", "text")
def clean(text: str) -> Item:
    """The text without characters that cannot be printed."""
    return "".join(letter for letter in text if ord(letter) >= _FIRST_PRINTABLE)


# ---- codes ---------------------------------------------------------------------------------------

_WINDOWS = [bytes([code]).decode("cp1252", "replace") for code in range(256)]
for _code in (0x81, 0x8D, 0x8F, 0x90, 0x9D):  # which Windows leaves as they are
    _WINDOWS[_code] = chr(_code)
_WINDOWS_CODES = {letter: code for code, letter in enumerate(_WINDOWS)}


@one_by_one("CHAR", "number")
def character(code: float) -> Item:
    """The character of a code from 1 to 255 (Windows-1252)."""
    return _WINDOWS[int(code)] if 1 <= code < 256 else ErrorCode.VALUE


@one_by_one("CODE", "text")
def code_of(text: str) -> Item:
    """The code of the first character (Windows-1252)."""
    return float(_WINDOWS_CODES.get(text[0], ord("?"))) if text else ErrorCode.VALUE


@one_by_one("UNICHAR", "number")
def unicode_character(code: float) -> Item:
    """The Unicode character of a code."""
    if not 1 <= code < 0x110000:
        return ErrorCode.VALUE
    number = int(code)
    return ErrorCode.NA if 0xD800 <= number < 0xE000 or number & 0xFFFE == 0xFFFE else chr(number)


@one_by_one("UNICODE", "text")
def unicode_of(text: str) -> Item:
    """The Unicode code of the first character."""
    return float(ord(text[0])) if text else ErrorCode.VALUE


@one_by_one("ENCODEURL", "text")
def url_encoded(text: str) -> Item:
    """The text as it can stand in an address of the web."""
    return urllib.parse.quote(text, safe="-_.~", errors="replace")


for _name in ("LEN", "LEFT", "RIGHT", "MID", "REPLACE", "FIND", "SEARCH"):
    also_named(f"{_name}B", _name)  # which count bytes only where a language has characters of two
