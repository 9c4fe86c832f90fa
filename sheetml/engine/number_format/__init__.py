"""Excel's number formats: what "#,##0.00;[Red]-0", "yyyy-mm-dd" or "# ??/16" make of a value.

A format is read once (`parsed`) into up to four sections, for positive numbers, negative ones, zero
and text, or with their own conditions; each knows how it shows a number. Formats are read as Excel
(English, United States) reads them; colours and fill characters, which only show in a cell, are passed
over. The language is that of ECMA-376 part 1, sections 18.8.30 and 18.8.31.

    tokens      the signs of the language
    general     the General format
    decimals    digits, percents, thousands, powers of ten
    fractions   whole numbers with fractions
    languages   names of months and weekdays
    moments     dates, times, elapsed times
    sections    which section a value is shown in
"""

from __future__ import annotations

from sheetml.engine.number_format.general import decimal, general_text, rounded
from sheetml.engine.number_format.sections import Section, parsed, section_for, text_in
from sheetml.engine.number_format.tokens import CELL, VBA, FormatError, Style, UnknownLanguage

__all__ = [
    "CELL",
    "VBA",
    "FormatError",
    "Section",
    "Style",
    "UnknownLanguage",
    "decimal",
    "formatted",
    "general_text",
    "parsed",
    "rounded",
]


def formatted(value: float | str | bool, text: str, style: Style = CELL) -> str:
    """The value in a format. Raises FormatError where Excel's TEXT is #VALUE!, UnknownLanguage where it is not."""
    sections = parsed(text)
    if isinstance(value, bool):
        value = "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return text_in(value, sections)
    section, number = section_for(value, sections)
    return section.shown(number, style)
