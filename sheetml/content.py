"""What people put into cells, as cells hold it: numbers, text, dates, formulas; and serial numbers as dates again."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.number_format import FormatError, parsed
from sheetml.engine.number_format.sections import section_for
from sheetml.xlsx.model import EPOCH, EPOCH_1904, MAX_TEXT, CellValue, ErrorCode

DAY = datetime.timedelta(days=1)
_LEAP_BUG = 60  # the serial number of 29 February 1900, which never was: Excel keeps it for Lotus 1-2-3's sake

Moment = datetime.datetime | datetime.time | datetime.timedelta


class Text(str):
    """Text that a cell is to hold as it is, also where it begins with "="."""

    __slots__ = ()


def text(words: str) -> Text:
    """Text for a cell, never a formula: `ws["A1"] = sheetml.text("=1+1")` leaves the four characters there."""
    return Text(words)


@dataclass(frozen=True, slots=True)
class FormulaText:
    """A formula for a cell, without its "="."""

    text: str


Content = CellValue | FormulaText


def content(item: Any, date_1904: bool) -> Content:
    """What a cell holds that is given this: text that begins with "=" is a formula, a date its serial number.

    Raises ValueError for a number or a text that no cell can hold, TypeError for anything else.
    """
    if item is None or isinstance(item, (bool, ErrorCode)) or _is_missing(item):
        return None if item is None or _is_missing(item) else item
    if isinstance(item, str):
        return _of_text(item)
    if isinstance(item, np.bool_):
        return bool(item)
    if isinstance(item, (datetime.date, datetime.time, datetime.timedelta)):
        return serial_number(item, date_1904)
    if isinstance(item, (np.datetime64, np.timedelta64)):
        exact = item.astype("M8[us]" if isinstance(item, np.datetime64) else "m8[us]").item()
        return None if exact is None else serial_number(exact, date_1904)
    return _of_number(item)


def _of_text(item: str) -> Content:
    if len(item) > MAX_TEXT:
        raise ValueError(f"a cell holds at most {MAX_TEXT:,} characters, and this text has {len(item):,}")
    if item.startswith("=") and len(item) > 1 and not isinstance(item, Text):
        return FormulaText(item[1:])
    return str(item)


def _of_number(item: Any) -> float:
    if isinstance(item, (bytes, bytearray)):
        raise TypeError("a cell holds text, not bytes: decode them first")
    try:
        number = float(item)
    except OverflowError:
        raise ValueError("the number is too large for a cell") from None
    except (TypeError, ValueError):
        raise TypeError(f"a cell cannot hold a {type(item).__name__}: give a number, text, a date or None") from None
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a number a cell can hold: leave the cell empty with None")
    return number


def _is_missing(item: Any) -> bool:
    """Whether it is one of pandas' missing values, which are known by their names: pandas need not be there."""
    return type(item).__name__ in ("NAType", "NaTType")


def as_array(value: Any) -> np.ndarray:
    """One value, or rows of values, as an array of objects in the same shape.

    What is missing in a pandas frame or series is None. Raises ValueError where rows differ in length.
    """
    if hasattr(value, "isna") and hasattr(value, "astype"):
        frame = np.array(value.astype(object), dtype=object)
        frame[np.asarray(value.isna())] = None
        return frame
    if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not np.isscalar(value)):
        array = np.asarray(value)
        if array.dtype.kind in "Mm":  # as objects they would be bare numbers of nanoseconds
            array = array.astype(f"{array.dtype.kind}8[us]")
        return array.astype(object)
    ragged = ValueError("cannot hold them: the rows of values differ in length")
    try:
        objects = np.array(value, dtype=object)
    except ValueError:  # NumPy's, where rows of rows differ
        raise ragged from None
    if any(isinstance(item, (list, tuple)) for item in objects.reshape(-1).tolist()):
        raise ragged
    return objects


def fitted(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values in the shape of an area: (height, width). One value goes into all cells, one row into all rows.

    A plain list fills a single column as well as a single row. Raises ValueError where the shapes differ.
    """
    if values.ndim == 1 and width == 1 and values.size == height:
        values = values.reshape(height, 1)
    try:
        return np.broadcast_to(values, (height, width))
    except ValueError:
        raise ValueError(f"has {_size(height, width)}, and the values have {_shape(values)}") from None


def _size(height: int, width: int) -> str:
    rows = "1 row" if height == 1 else f"{height:,} rows"
    return f"{rows} and {'1 column' if width == 1 else f'{width:,} columns'}"


def _shape(values: np.ndarray) -> str:
    if values.ndim == 2:
        return _size(*values.shape)
    return f"{values.size:,} in one row" if values.ndim == 1 else f"{values.ndim} dimensions"


# ---- dates -------------------------------------------------------------------------------------


def serial_number(moment: datetime.date | Moment, date_1904: bool) -> float:
    """The serial number of a date, a moment, a time of the day or a length of time.

    Raises ValueError for a moment with a time zone, which a cell cannot keep, and one before the calendar begins.
    """
    if isinstance(moment, datetime.timedelta):
        return moment / DAY
    if isinstance(moment, datetime.time):
        _without_zone(moment)
        return (
            datetime.timedelta(
                hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
            )
            / DAY
        )
    if isinstance(moment, datetime.datetime):
        _without_zone(moment)
    else:
        moment = datetime.datetime.combine(moment, datetime.time())
    days = (moment - (EPOCH_1904 if date_1904 else EPOCH)) / DAY
    if not date_1904 and days < _LEAP_BUG + 1:
        days -= 1
    if days < 0:
        raise ValueError(f"{moment:%Y-%m-%d} is before {'1904' if date_1904 else '1900'}, where the calendar begins")
    return days


def _without_zone(moment: datetime.datetime | datetime.time) -> None:
    if moment.tzinfo is not None:
        raise ValueError(f"{moment} has a time zone, which a cell cannot keep: remove it with .replace(tzinfo=None)")


def moment_of(number: float, number_format: str, date_1904: bool) -> Moment | None:
    """What a number in this format shows as: a date, a time of the day, a length of time; None if it is no moment."""
    try:
        section, _ = section_for(number, parsed(number_format))
    except FormatError:
        return None
    if not section.is_date:
        return None
    exact = datetime.timedelta(milliseconds=round(number * 86_400_000))
    if any(token.kind == "elapsed" for token in section.tokens):
        return exact
    if number < 0:
        return None
    if number < 1 and not date_1904:
        return (datetime.datetime.min + exact).time() if exact < DAY else None
    try:
        leap = DAY if not date_1904 and number < _LEAP_BUG else datetime.timedelta()
        return (EPOCH_1904 if date_1904 else EPOCH) + leap + exact
    except OverflowError:
        return None
