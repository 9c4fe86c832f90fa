"""Numbers as the workbook shows them: in the number formats of their cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sheetml.engine.number_format import FormatError, UnknownLanguage, formatted
from sheetml.report.ticks import short
from sheetml.report.words import figure, minus
from sheetml.workbook import Book
from sheetml.xlsx.cell_styles import CellStyles

GENERAL = "General"
DIGITS = 5  # of a number whose cell has no format of its own
SPREAD = 1000.0  # times that a column's numbers may differ and still all have the same decimals
MOST_DIGITS = 17  # enough for any two numbers to differ in print


class CellNumbers:
    """Says numbers as the cells of a workbook show them."""

    def __init__(self, workbook: Book) -> None:
        self._styles = CellStyles.of(workbook.file)
        self._names = workbook.sheet_names

    def format_of(self, sheet: str | int, row: int, column: int) -> str:
        """The number format of a cell; General for a cell that the file does not have."""
        position = sheet if isinstance(sheet, int) else self._names.index(sheet)
        return self._styles.number_format(position, row, column)

    def text(self, number: float, sheet: str | int, row: int, column: int) -> str:
        """A number as the cell shows it."""
        return in_format(number, self.format_of(sheet, row, column))


def in_format(number: float, code: str, digits: int = DIGITS) -> str:
    """A number in a format, with the minus sign of print; to a few digits where the format is General."""
    if code != GENERAL and code != "@":
        try:
            text = formatted(number, code).strip()
        except (FormatError, UnknownLanguage):
            text = ""
        if text:
            return minus(text) if any(sign.isdigit() for sign in text) and not _is_moment(code) else text
    return f"{number:,.0f}" if float(number).is_integer() and abs(number) < 1e6 else short(number, digits)


def _is_moment(code: str) -> bool:
    """Whether a format is of dates or times, whose hyphens are no minus signs."""
    bare = code.casefold().split(";")[0]
    return any(letter in bare for letter in "ydhs") and "0" not in bare.replace("s.0", "")


def told_apart(before: float, after: float, code: str) -> tuple[str, str]:
    """Two numbers in a format; to as many digits as it takes where the format does not tell them apart."""
    one, other = in_format(before, code), in_format(after, code)
    if before == after or one != other:
        return one, other
    for digits in range(DIGITS + 1, MOST_DIGITS + 1):
        one, other = minus(f"{before:.{digits}g}"), minus(f"{after:.{digits}g}")
        if one != other:
            break
    return one, other


def in_column(number: float, column: Sequence[float], digits: int = DIGITS) -> str:
    """A number as one of a column: with as many decimals as the others, unless they are of very different sizes."""
    sizes = [abs(each) for each in column if math.isfinite(each) and each]
    if not math.isfinite(number):
        return "–"
    if not sizes or max(sizes) > SPREAD * min(sizes):
        return short(number, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(max(sizes))))
    return minus(f"{number:,.{decimals}f}")


def exact(number: float) -> str:
    """A number to all its digits, for those who point at it."""
    return minus(repr(float(number))) if number == number else figure(number)
