"""Values as VBA has them, and the conversions between their types.

A Variant is a Python object whose class says its subtype: None is Empty, bool is Boolean, int is Long,
float is Double, str is String, Decimal is Currency; the subclasses here are the other numeric types.
"""

from __future__ import annotations

import datetime
import math
import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sheetml.macros.errors import OVERFLOW, TYPE_MISMATCH, VbaError
from sheetml.xlsx.model import EPOCH, ERROR_TEXT, ErrorCode

MOST_CHARACTERS = 1 << 22  # of any string
_CURRENCY_STEP = Decimal("0.0001")


class Byte(int):
    __slots__ = ()


class Integer(int):
    """16 bits, signed; what VBA makes of small literals."""

    __slots__ = ()


class LongLong(int):
    __slots__ = ()


class Single(float):
    __slots__ = ()


class Date(float):
    """Days since 30 December 1899, with the time as their fraction."""

    __slots__ = ()


class _Singleton:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


NULL = _Singleton("Null")
NOTHING = _Singleton("Nothing")
MISSING = _Singleton("Missing")  # an optional argument that was left out


class Failure:
    """A Variant of subtype Error: what CVErr makes, and what a cell with an error holds."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __repr__(self) -> str:
        return f"Error {self.number}"


CELL_ERRORS = {
    ErrorCode.NULL: 2000,
    ErrorCode.DIV0: 2007,
    ErrorCode.VALUE: 2015,
    ErrorCode.REF: 2023,
    ErrorCode.NAME: 2029,
    ErrorCode.NUM: 2036,
    ErrorCode.NA: 2042,
    ErrorCode.GETTING_DATA: 2043,
    ErrorCode.SPILL: 2045,
    ErrorCode.CONNECT: 2046,
    ErrorCode.BLOCKED: 2047,
    ErrorCode.UNKNOWN: 2048,
    ErrorCode.FIELD: 2049,
    ErrorCode.CALC: 2050,
}
_CODES = {number: code for code, number in CELL_ERRORS.items()}


def from_cell(value: float | str | bool | ErrorCode | None) -> Any:
    """A cell's value as a Variant."""
    return Failure(CELL_ERRORS.get(value, 2029)) if isinstance(value, ErrorCode) else value


def to_cell(value: Any) -> float | str | bool | ErrorCode | None:
    """A Variant as a cell's value; a string may still be one that Excel reads as something else."""
    if value is None or value is NULL:
        return None
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, Failure):
        return _CODES.get(value.number, ErrorCode.NAME)
    if isinstance(value, (int, float, Decimal)):
        return float(value)
    raise VbaError(TYPE_MISMATCH)


class VbaObject:
    """Anything that Set can put into a variable; objects.py says which there are."""

    type_name = "Object"

    def default_value(self) -> Any:
        """What the object stands for where a value is wanted: its default property."""
        raise VbaError(438)


class Array:
    """An array of up to 60 dimensions; its elements lie in one list, the last index running fastest."""

    __slots__ = ("bounds", "element", "fixed", "items")

    def __init__(
        self, bounds: list[tuple[int, int]] | None, element: str = "Variant", fixed: bool = False, items: Any = None
    ) -> None:
        self.bounds = bounds  # lower and upper of each dimension; None before ReDim
        self.element = element
        self.fixed = fixed
        size = math.prod(upper - lower + 1 for lower, upper in bounds) if bounds else 0
        self.items: list[Any] = [initial(element)] * size if items is None else items

    def position(self, index: list[int]) -> int:
        bounds = self.bounds
        if bounds is None or len(index) != len(bounds):
            raise VbaError(9)
        place = 0
        for number, (lower, upper) in zip(index, bounds):
            if not lower <= number <= upper:
                raise VbaError(9)
            place = place * (upper - lower + 1) + number - lower
        return place

    def copy(self) -> Array:
        return Array(self.bounds, self.element, self.fixed, [copied(item) for item in self.items])

    def rows(self) -> list[list[Any]]:
        """A two-dimensional array's rows; one of one dimension is a single row."""
        if self.bounds is None or len(self.bounds) > 2:
            raise VbaError(TYPE_MISMATCH)
        width = self.bounds[-1][1] - self.bounds[-1][0] + 1
        return [self.items[start : start + width] for start in range(0, len(self.items), width)]


def array_of_rows(rows: list[list[Any]]) -> Array:
    """A two-dimensional array that counts from 1, as Range.Value gives it."""
    return Array([(1, len(rows)), (1, len(rows[0]))], items=[item for row in rows for item in row])


def copied(value: Any) -> Any:
    """What an assignment hands on: arrays are copied, all else is shared."""
    return value.copy() if isinstance(value, Array) else value


def type_name(value: Any) -> str:
    """What TypeName says."""
    if isinstance(value, Array):
        return f"{value.element}()"
    if isinstance(value, VbaObject):
        return value.type_name
    return _TYPE_NAMES[type(value)] if type(value) in _TYPE_NAMES else str(value)


_TYPE_NAMES: dict[type, str] = {
    type(None): "Empty",
    bool: "Boolean",
    Byte: "Byte",
    Integer: "Integer",
    int: "Long",
    LongLong: "LongLong",
    Single: "Single",
    float: "Double",
    Decimal: "Currency",
    Date: "Date",
    str: "String",
    Failure: "Error",
}


# ---- conversions -------------------------------------------------------------------------------


def let(value: Any) -> Any:
    """The value of an object where a value is wanted."""
    while isinstance(value, VbaObject):
        value = value.default_value()
    return value


def number(value: Any) -> Any:
    """A value as one of the numeric types, as arithmetic takes its operands."""
    kind = type(value)
    if kind is float or kind is int or kind is Integer:
        return value
    if value is None:
        return Integer(0)
    if kind is bool:
        return Integer(-1 if value else 0)
    if kind is str:
        return number_in(value)
    if isinstance(value, (int, float, Decimal)):
        return value
    if isinstance(value, VbaObject):
        return number(let(value))
    if value is NULL:
        raise VbaError(94)
    if value is NOTHING:
        raise VbaError(91)
    raise VbaError(TYPE_MISMATCH)


_NUMBER = re.compile(r"[-+]?\$?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
HEXADECIMAL = re.compile(r"&([HhOo])([0-9A-Fa-f]+)&?")


def number_in(text: str) -> float:
    """The number a string states, as CDbl reads it; a type mismatch where it is none."""
    stripped = text.strip()
    sign = 1.0
    if stripped.startswith("(") and stripped.endswith(")"):
        stripped, sign = stripped[1:-1].strip(), -1.0
    based = HEXADECIMAL.fullmatch(stripped)
    if based:
        return sign * based_number(based[1], based[2])
    if not _NUMBER.fullmatch(stripped):
        raise VbaError(TYPE_MISMATCH)
    try:
        result = float(re.sub("[,$]", "", stripped).lower().replace("d", "e"))
    except ValueError:
        raise VbaError(TYPE_MISMATCH) from None
    if math.isinf(result):
        raise VbaError(OVERFLOW)
    return sign * result


def based_number(base: str, digits: str) -> int:
    """&HFFFF is -1, as an Integer; longer ones are Longs with their sign bit."""
    try:
        value = int(digits, 16 if base in "Hh" else 8)
    except ValueError:
        raise VbaError(TYPE_MISMATCH) from None
    if value <= 0xFFFF:
        return Integer(value - 0x10000 if value >= 0x8000 else value)
    if value <= 0xFFFFFFFF:
        return value - 0x100000000 if value >= 0x80000000 else value
    raise VbaError(OVERFLOW)


def rounded(value: Any) -> int:
    """To the nearest whole number, halves to the even one."""
    try:
        return round(value)
    except (OverflowError, ValueError):
        raise VbaError(OVERFLOW) from None


def _whole(kind: type, lowest: int, highest: int) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is kind:
            return value
        result = rounded(number(value))
        if not lowest <= result <= highest:
            raise VbaError(OVERFLOW)
        return kind(result)

    return convert


to_byte = _whole(Byte, 0, 255)
to_integer = _whole(Integer, -32768, 32767)
to_long = _whole(int, -(2**31), 2**31 - 1)
to_longlong = _whole(LongLong, -(2**63), 2**63 - 1)


def to_double(value: Any) -> float:
    return value if type(value) is float else float(number(value))


def to_single(value: Any) -> Single:
    try:
        return Single(struct.unpack("<f", struct.pack("<f", float(number(value))))[0])
    except OverflowError:
        raise VbaError(OVERFLOW) from None


def to_currency(value: Any) -> Decimal:
    value = number(value)
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)) if isinstance(value, float) else value)
    if not abs(exact) < Decimal(2) ** 63 / 10000:
        raise VbaError(OVERFLOW)
    return exact.quantize(_CURRENCY_STEP, ROUND_HALF_EVEN)


def to_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if isinstance(value, str):
        known = {"true": True, "false": False, "#true#": True, "#false#": False}.get(value.strip().lower())
        if known is not None:
            return known
    return bool(number(value) != 0)


def to_date(value: Any) -> Date:
    if type(value) is Date:
        return value
    value = let(value)
    if isinstance(value, str):
        try:
            return Date(number_in(value))
        except VbaError:
            return date_in(value)
    serial = float(number(value))
    if not -657434 <= serial < 2958466:
        raise VbaError(OVERFLOW)
    return Date(serial)


_DATE_FORMS = (
    "%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
_TIME_FORMS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I %p")


def date_in(text: str) -> Date:
    """The date, the time or both that a string states, as a computer in the United States reads it."""
    stripped = " ".join(text.split())
    for form in (*_DATE_FORMS, *(f"{day} {time}" for day in _DATE_FORMS for time in _TIME_FORMS)):
        try:
            return Date((datetime.datetime.strptime(stripped, form) - EPOCH) / datetime.timedelta(days=1))
        except ValueError:
            continue
    for form in _TIME_FORMS:
        try:
            moment = datetime.datetime.strptime(stripped, form)
        except ValueError:
            continue
        return Date((moment.hour * 3600 + moment.minute * 60 + moment.second) / 86400)
    raise VbaError(TYPE_MISMATCH)


def moment(value: float) -> datetime.datetime:
    """The moment that a serial number stands for, to the second; before 1899-12-30 the fraction still counts up."""
    days = math.trunc(value)
    seconds = round(abs(value - days) * 86400)
    return EPOCH + datetime.timedelta(days=days, seconds=seconds)


def serial(when: datetime.datetime) -> Date:
    """The serial number of a moment."""
    return Date((when - EPOCH) / datetime.timedelta(days=1))


def to_string(value: Any) -> str:
    """What CStr gives."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "True" if value else "False"
    if isinstance(value, Date):
        return date_text(value)
    if isinstance(value, Single):
        return decimal_text(value, 7)
    if isinstance(value, float):
        return decimal_text(value, 15)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"
    if isinstance(value, Failure):
        return f"Error {value.number}"
    if value is NULL:
        raise VbaError(94)
    if isinstance(value, VbaObject):
        return to_string(let(value))
    if value is NOTHING:
        raise VbaError(91)
    raise VbaError(TYPE_MISMATCH)


def decimal_text(value: float, digits: int) -> str:
    """A number with at most so many significant digits: 0.1, 1E+15, 1.5E-05."""
    text = f"{value + 0.0:.{digits}G}"
    mantissa, mark, exponent = text.partition("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}" if mark else mantissa


def date_text(value: float) -> str:
    """A date as a computer in the United States shows it: 1/31/2018 1:05:00 PM."""
    when = moment(value)
    clock = f"{(when.hour - 1) % 12 + 1}:{when.minute:02}:{when.second:02} {'AM' if when.hour < 12 else 'PM'}"
    day = f"{when.month}/{when.day}/{when.year}"
    if value == math.trunc(value):
        return day
    return clock if math.trunc(value) == 0 else f"{day} {clock}"


def error_text(value: Failure) -> str | None:
    """What a cell shows for the error: "#N/A"."""
    code = _CODES.get(value.number)
    return None if code is None else ERROR_TEXT[code]


# ---- declared types ----------------------------------------------------------------------------

CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": to_boolean,
    "Byte": to_byte,
    "Integer": to_integer,
    "Long": to_long,
    "LongLong": to_longlong,
    "LongPtr": to_longlong,
    "Single": to_single,
    "Double": to_double,
    "Currency": to_currency,
    "Date": to_date,
    "String": to_string,
}
_INITIAL: dict[str, Any] = {
    "Boolean": False,
    "Byte": Byte(0),
    "Integer": Integer(0),
    "Long": 0,
    "LongLong": LongLong(0),
    "LongPtr": LongLong(0),
    "Single": Single(0),
    "Double": 0.0,
    "Currency": Decimal(0).quantize(_CURRENCY_STEP),
    "Date": Date(0),
    "String": "",
    "Variant": None,
}


def initial(type_name: str) -> Any:
    """What a variable of a declared type holds before anything is assigned to it."""
    return _INITIAL.get(type_name, NOTHING)


def is_object_type(type_name: str) -> bool:
    return type_name not in _INITIAL
