"""What a cell shows: its value in its number format, with the colour that the format may ask for."""

from __future__ import annotations

import re
from functools import lru_cache

from sheetml.engine.number_format import FormatError, UnknownLanguage, formatted, general_text, parsed
from sheetml.engine.number_format.sections import section_for
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT
from sheetml.xlsx.model import ERROR_TEXT, ErrorCode

GENERAL_WIDTH = 11  # characters, at most, of a number in the General format
SHOWN_TEXT = 2_000  # characters of a cell's text that are sent; the formula bar has them all
COLOURS = {
    "black": "#000000", "white": "#ffffff", "red": "#e00000", "green": "#00a030", "blue": "#0050e0",
    "yellow": "#e0c000", "magenta": "#d000d0", "cyan": "#00a0b0",
}  # fmt: skip
_COLOUR = re.compile(r"\[(black|white|red|green|blue|yellow|magenta|cyan)\]", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.')


@lru_cache(maxsize=100_000)
def shown(kind: int, number: float, text: str, code: str, characters: int = GENERAL_WIDTH) -> tuple[str, str | None]:
    """A cell's text in a format, and the colour the format asks for, if any.

    `characters` is how many fit into the cell: the General format rounds to them. A value that its format cannot
    show is shown as it is.
    """
    if kind == BLANK:
        return "", None
    if kind >= ERROR:
        return ERROR_TEXT.get(ErrorCode(kind - ERROR), "#ERROR!"), None
    if kind == NUMBER and code.casefold() == "general":
        return general_text(number, max(min(characters, GENERAL_WIDTH), 1)), None
    value: float | str | bool = text if kind == TEXT else bool(number) if kind == BOOLEAN else number
    try:
        return formatted(value, code)[:SHOWN_TEXT], _colour(number, code) if kind == NUMBER else None
    except (FormatError, UnknownLanguage):
        return (general_text(number, GENERAL_WIDTH) if kind == NUMBER else str(value)[:SHOWN_TEXT]), None


def _colour(number: float, code: str) -> str | None:
    if "[" not in code:
        return None
    sections = parsed(code)
    section, _ = section_for(number, sections)
    place = next((index for index, each in enumerate(sections) if each is section), 0)
    parts = _QUOTED.sub("", code).split(";")
    found = _COLOUR.search(parts[place]) if place < len(parts) else None
    return COLOURS[found[1].lower()] if found else None


@lru_cache(maxsize=1000)
def is_date(code: str) -> bool:
    """Whether a format shows numbers as dates or times."""
    try:
        return any(section.is_date for section in parsed(code))
    except (FormatError, UnknownLanguage):
        return False
