"""The functions of VBA itself: Abs, Sqr, Left, MsgBox, Rnd ... Adding one is writing it here."""

from __future__ import annotations

import calendar
import datetime
import math
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sheetml.engine.number_format import VBA, FormatError, formatted
from sheetml.macros import values as v
from sheetml.macros.arithmetic import is_true, order
from sheetml.macros.errors import DESCRIPTIONS, INVALID_CALL, OUT_OF_MEMORY, OVERFLOW, TYPE_MISMATCH, VbaError
from sheetml.macros.machine import Refusal
from sheetml.macros.members import Parameters
from sheetml.macros.values import (
    MISSING,
    MOST_CHARACTERS,
    NOTHING,
    NULL,
    Array,
    Date,
    Failure,
    Integer,
    Single,
    VbaObject,
    let,
    number,
    to_double,
    to_long,
    to_string,
)


@dataclass(slots=True)
class LibraryFunction:
    """A function; `takes_objects` leaves its arguments as they are, `needs_host` puts the host before them."""

    name: str
    function: Callable[..., Any]
    parameters: Parameters
    result: str = "Variant"
    takes_objects: bool = False
    needs_host: bool = False


FUNCTIONS: dict[str, LibraryFunction] = {}


def vba(
    *names: str, result: str = "Variant", takes_objects: bool = False, needs_host: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function of VBA; of a name such as Left$ the plain form is registered too."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = Parameters.of(function, skip=int(needs_host))
        for name in names:
            FUNCTIONS[name.casefold()] = LibraryFunction(name, function, parameters, result, takes_objects, needs_host)
        return function

    return register


def _or(value: Any, default: Any) -> Any:
    return default if value is MISSING else value


def _text(value: Any) -> str:
    return to_string(value)


def _bounded(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise VbaError(OUT_OF_MEMORY)
    return text


def _count(value: Any) -> int:
    """A length or a position that may not be negative."""
    count = int(to_long(value))
    if count < 0:
        raise VbaError(INVALID_CALL)
    return count


def _mathematical(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def compute(number_: Any) -> Any:
        try:
            return function(to_double(number_))
        except ValueError:
            raise VbaError(INVALID_CALL) from None
        except OverflowError:
            raise VbaError(OVERFLOW) from None

    return compute


# ---- mathematics -------------------------------------------------------------------------------

for _name, _function in (
    ("Sqr", math.sqrt),
    ("Exp", math.exp),
    ("Log", math.log),
    ("Sin", math.sin),
    ("Cos", math.cos),
    ("Tan", math.tan),
    ("Atn", math.atan),
):
    vba(_name, result="Double")(_mathematical(_function))


@vba("Abs")
def absolute(number_: Any) -> Any:
    if number_ is NULL:
        return NULL
    value = number(number_)
    if isinstance(value, int):
        return v.CONVERSIONS[v.type_name(value)](abs(int(value)))
    return abs(value) if isinstance(value, Decimal) else type(value)(abs(float(value)))


@vba("Int")
def floor(number_: Any) -> Any:
    return _truncated(number_, math.floor)


@vba("Fix")
def truncate(number_: Any) -> Any:
    return _truncated(number_, math.trunc)


def _truncated(value: Any, function: Callable[[Any], int]) -> Any:
    if value is NULL:
        return NULL
    value = number(value)
    if isinstance(value, int):
        return value
    return v.to_currency(function(value)) if isinstance(value, Decimal) else type(value)(function(value))


@vba("Sgn", result="Integer")
def sign(number_: Any) -> Any:
    value = number(number_)
    return Integer((value > 0) - (value < 0))


@vba("Round")
def round_half_even(number_: Any, num_digits_after_decimal: Any = MISSING) -> Any:
    """Halves go to the even digit, as VBA rounds (the worksheet function does not)."""
    digits = _count(_or(num_digits_after_decimal, 0))
    if number_ is NULL:
        return NULL
    value = number(number_)
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return v.to_currency(round(value, min(digits, 4)))
    if digits > 22:
        raise VbaError(INVALID_CALL)
    scaled = float(value) * 10.0**digits  # as VBA does: 2.675 becomes 2.68, since 267.5 is a half
    result = round(scaled) / 10.0**digits if math.isfinite(scaled) else float(value)
    return type(value)(result)


class Generator:
    """VBA's random numbers, x(n+1) = (x(n) * 1140671485 + 12820163) mod 2^24 (Microsoft KB 231847)."""

    FIRST = 327680

    def __init__(self, seed: int | None = None) -> None:
        self.state = self.FIRST
        self.last = v.to_single(self.state / 2**24)
        self.seed = seed
        if seed is not None:
            self.randomize(float(seed))

    def draw(self, argument: float | None) -> Single:
        if argument == 0:
            return self.last
        if argument is not None and argument < 0:
            bits = struct.unpack("<I", struct.pack("<f", argument))[0]
            self.state = (bits + (bits >> 24)) & 0xFFFFFF
        self.state = (self.state * 1140671485 + 12820163) & 0xFFFFFF
        self.last = v.to_single(self.state / 2**24)
        return self.last

    def randomize(self, argument: float | None) -> None:
        """Puts the number's upper bits into the middle of the state; without one, the seed or the clock's."""
        if argument is None:
            argument = time.time() % 86400 if self.seed is None else float(self.seed)
        high = struct.unpack("<I", struct.pack("<d", argument)[4:])[0]
        self.state = (self.state & 0xFF0000FF) | ((((high & 0xFFFF) ^ (high >> 16)) & 0xFFFF) << 8)


class LastError(Protocol):
    """The error that a macro met last; its number is 0 where there is none."""

    @property
    def number(self) -> int: ...


class Surroundings(Protocol):
    """What functions may ask of the application that a macro runs in."""

    @property
    def generator(self) -> Generator: ...

    @property
    def err(self) -> LastError: ...

    def show(self, text: str) -> None: ...


@vba("Rnd", result="Single", needs_host=True)
def random(host: Surroundings, number_: Any = MISSING) -> Any:
    return host.generator.draw(None if number_ is MISSING else to_double(number_))


@vba("Randomize", needs_host=True)
def randomize(host: Surroundings, number_: Any = MISSING) -> None:
    host.generator.randomize(None if number_ is MISSING else to_double(number_))


# ---- conversions -------------------------------------------------------------------------------

for _name, _type in (
    ("CBool", "Boolean"),
    ("CByte", "Byte"),
    ("CInt", "Integer"),
    ("CLng", "Long"),
    ("CLngLng", "LongLong"),
    ("CLngPtr", "LongLong"),
    ("CSng", "Single"),
    ("CDbl", "Double"),
    ("CCur", "Currency"),
    ("CDate", "Date"),
    ("CStr", "String"),
):
    vba(_name, result=_type)(lambda expression, convert=v.CONVERSIONS[_type]: convert(expression))
    FUNCTIONS[_name.casefold()].parameters = Parameters(("expression",), 1)


@vba("CVar")
def to_variant(expression: Any) -> Any:
    return expression


@vba("CVErr")
def to_error(error_number: Any) -> Any:
    return Failure(int(to_long(error_number)))


@vba("Val", result="Double")
def leading_number(string: Any) -> Any:
    """The number that a string begins with; 0 where it begins with none."""
    text = "".join(_text(string).split())
    based = v.HEXADECIMAL.match(text)
    if based:
        return float(v.based_number(based[1], based[2]))
    match = _LEADING.match(text)
    return float(match[0].lower().replace("d", "e")) if match else 0.0


_LEADING = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")


@vba("Str", "Str$", result="String")
def string_of(number_: Any) -> Any:
    value = number(number_)
    text = to_string(value).replace("0.", ".", 1) if abs(float(value)) < 1 else to_string(value)
    return text if text.startswith("-") else " " + text


@vba("Hex", "Hex$", result="String")
def hexadecimal(number_: Any) -> Any:
    return f"{_bits(number_):X}"


@vba("Oct", "Oct$", result="String")
def octal(number_: Any) -> Any:
    return f"{_bits(number_):o}"


def _bits(value: Any) -> int:
    value = number(value)
    whole = int(v.to_long(value))
    return whole & 0xFFFF if isinstance(value, Integer) and whole < 0 else whole & 0xFFFFFFFF


# ---- questions ---------------------------------------------------------------------------------


@vba("IsNumeric", result="Boolean")
def is_numeric(expression: Any) -> Any:
    if isinstance(expression, (Date, Array, Failure)) or expression in (NULL, NOTHING, MISSING):
        return False
    try:
        number(expression)
    except VbaError:
        return False
    return True


@vba("IsEmpty", result="Boolean")
def is_empty(expression: Any) -> Any:
    return expression is None


@vba("IsNull", result="Boolean")
def is_null(expression: Any) -> Any:
    return expression is NULL


@vba("IsError", result="Boolean")
def is_error(expression: Any) -> Any:
    return isinstance(expression, Failure)


@vba("IsDate", result="Boolean")
def is_date(expression: Any) -> Any:
    if isinstance(expression, str):
        try:
            v.date_in(expression)
        except VbaError:
            return False
        return True
    return isinstance(expression, Date)


@vba("IsArray", result="Boolean", takes_objects=True)
def is_array(var_name: Any) -> Any:
    return isinstance(var_name, Array)


@vba("IsObject", result="Boolean", takes_objects=True)
def is_object(identifier: Any) -> Any:
    return isinstance(identifier, VbaObject) or identifier is NOTHING


@vba("IsMissing", result="Boolean", takes_objects=True)
def is_missing(argname: Any) -> Any:
    return argname is MISSING


@vba("TypeName", result="String", takes_objects=True)
def name_of_type(var_name: Any) -> Any:
    return v.type_name(var_name)


_VAR_TYPES = {
    "Empty": 0, "Null": 1, "Integer": 2, "Long": 3, "Single": 4, "Double": 5, "Currency": 6, "Date": 7, "String": 8,
    "Nothing": 9, "Error": 10, "Boolean": 11, "Variant": 12, "Byte": 17, "LongLong": 20,
}  # fmt: skip


@vba("VarType", result="Integer", takes_objects=True)
def type_number(var_name: Any) -> Any:
    if isinstance(var_name, Array):
        return Integer(8192 + _VAR_TYPES.get(var_name.element, 9))
    if isinstance(var_name, VbaObject):
        try:
            var_name = let(var_name)
        except VbaError:
            return Integer(9)
        return type_number(var_name)
    return Integer(_VAR_TYPES.get(v.type_name(var_name), 9))


# ---- arrays ------------------------------------------------------------------------------------


@vba("LBound", result="Long", takes_objects=True)
def lower_bound(array: Any, dimension: Any = MISSING) -> Any:
    return _bounds(array, dimension)[0]


@vba("UBound", result="Long", takes_objects=True)
def upper_bound(array: Any, dimension: Any = MISSING) -> Any:
    return _bounds(array, dimension)[1]


def _bounds(array: Any, dimension: Any) -> tuple[int, int]:
    place = int(to_long(let(_or(dimension, 1))))
    if isinstance(array, VbaObject):
        array = let(array)
    if not isinstance(array, Array):
        raise VbaError(TYPE_MISMATCH)
    if array.bounds is None or not 1 <= place <= len(array.bounds):
        raise VbaError(9)
    return array.bounds[place - 1]


@vba("Array", takes_objects=True, needs_host=True)
def array_of(host: Surroundings, *arglist: Any) -> Any:
    return Array([(0, len(arglist) - 1)], items=[v.copied(item) for item in arglist])


@vba("Split")
def split(expression: Any, delimiter: Any = MISSING, limit: Any = MISSING, compare: Any = MISSING) -> Any:
    text, mark, most = _text(expression), _text(_or(delimiter, " ")), int(to_long(_or(limit, -1)))
    if not text:
        parts: list[str] = []
    elif not mark:
        parts = [text]
    else:
        parts = text.split(mark) if most < 0 else text.split(mark, max(most - 1, 0))
    return Array([(0, len(parts) - 1)], "String", items=list(parts))


@vba("Join", result="String")
def join(source_array: Any, delimiter: Any = MISSING) -> Any:
    if not isinstance(source_array, Array):
        raise VbaError(TYPE_MISMATCH)
    return _bounded(_text(_or(delimiter, " ")).join(_text(let(item)) for item in source_array.items))


@vba("Filter")
def filtered(source_array: Any, match: Any, include: Any = MISSING, compare: Any = MISSING) -> Any:
    if not isinstance(source_array, Array):
        raise VbaError(TYPE_MISMATCH)
    wanted, keep, fold = _text(match), is_true(_or(include, True)), _folds(compare)
    kept = [_text(item) for item in source_array.items if (_find(_text(item), wanted, 0, fold) >= 0) == keep]
    return Array([(0, len(kept) - 1)], "String", items=kept)


# ---- strings -----------------------------------------------------------------------------------


@vba("Len", result="Long")
def length(expression: Any) -> Any:
    return NULL if expression is NULL else len(_text(expression))


@vba("Left", "Left$", result="String")
def left(string: Any, length: Any) -> Any:
    return _text(string)[: _count(length)]


@vba("Right", "Right$", result="String")
def right(string: Any, length: Any) -> Any:
    text, count = _text(string), _count(length)
    return text[max(len(text) - count, 0) :]


@vba("Mid", "Mid$", result="String")
def middle(string: Any, start: Any, length: Any = MISSING) -> Any:
    first = int(to_long(start)) - 1
    if first < 0:
        raise VbaError(INVALID_CALL)
    text = _text(string)[first:]
    return text if length is MISSING else text[: _count(length)]


@vba("UCase", "UCase$", result="String")
def upper(string: Any) -> Any:
    return _text(string).upper()


@vba("LCase", "LCase$", result="String")
def lower(string: Any) -> Any:
    return _text(string).lower()


@vba("Trim", "Trim$", result="String")
def trim(string: Any) -> Any:
    return _text(string).strip(" ")


@vba("LTrim", "LTrim$", result="String")
def trim_left(string: Any) -> Any:
    return _text(string).lstrip(" ")


@vba("RTrim", "RTrim$", result="String")
def trim_right(string: Any) -> Any:
    return _text(string).rstrip(" ")


@vba("Space", "Space$", result="String")
def spaces(number_: Any) -> Any:
    return _repeated(" ", _count(number_))


@vba("String", "String$", result="String")
def repeated(number_: Any, character: Any) -> Any:
    letter = character[:1] if isinstance(character, str) else chr(int(to_long(character)) % 256)
    return _repeated(letter, _count(number_))


def _repeated(letter: str, count: int) -> str:
    if count > MOST_CHARACTERS:
        raise VbaError(OUT_OF_MEMORY)
    return letter * count


@vba("StrReverse", result="String")
def reverse(expression: Any) -> Any:
    return _text(expression)[::-1]


@vba("Chr", "Chr$", "ChrW", "ChrW$", result="String")
def character(char_code: Any) -> Any:
    code = int(to_long(char_code))
    if not -32768 <= code <= 65535:
        raise VbaError(INVALID_CALL)
    return chr(code & 0xFFFF)


@vba("Asc", "AscW", result="Integer")
def code_of(string: Any) -> Any:
    text = _text(string)
    if not text:
        raise VbaError(INVALID_CALL)
    return Integer(ord(text[0]) if ord(text[0]) < 32768 else ord(text[0]) - 65536)


def _folds(compare: Any) -> bool:
    return compare is not MISSING and int(to_long(compare)) == 1


def _find(text: str, wanted: str, start: int, fold: bool) -> int:
    return text.casefold().find(wanted.casefold(), start) if fold else text.find(wanted, start)


@vba("InStr", result="Long")
def position(start: Any, string1: Any = MISSING, string2: Any = MISSING, compare: Any = MISSING) -> Any:
    """InStr([start,] string1, string2 [, compare])."""
    first = 1
    if string2 is MISSING:
        text, wanted = start, string1
    else:
        first, text, wanted = int(to_long(start)), string1, string2
    if first < 1 or wanted is MISSING:
        raise VbaError(INVALID_CALL)
    if text is NULL or wanted is NULL:
        return NULL
    content = _text(text)
    return 0 if first > len(content) else _find(content, _text(wanted), first - 1, _folds(compare)) + 1


@vba("InStrRev", result="Long")
def last_position(string_check: Any, string_match: Any, start: Any = MISSING, compare: Any = MISSING) -> Any:
    text, wanted = _text(string_check), _text(string_match)
    end = int(to_long(_or(start, -1)))
    if _folds(compare):
        text, wanted = text.casefold(), wanted.casefold()
    return text.rfind(wanted, 0, len(text) if end < 0 else end) + 1


@vba("Replace", result="String")
def replace(
    expression: Any, find: Any, replace: Any, start: Any = MISSING, count: Any = MISSING, compare: Any = MISSING
) -> Any:
    text, old, new = _text(expression)[int(to_long(_or(start, 1))) - 1 :], _text(find), _text(replace)
    if not old:
        return text
    pattern = re.compile(re.escape(old), re.IGNORECASE if _folds(compare) else 0)
    most = int(to_long(_or(count, -1)))
    if most == 0:
        return text
    found = len(pattern.findall(text)) if most < 0 else most
    if len(text) + found * max(len(new) - len(old), 0) > MOST_CHARACTERS:
        raise VbaError(OUT_OF_MEMORY)
    return pattern.sub(lambda _: new, text, count=max(most, 0))


@vba("StrComp", result="Integer")
def compare_strings(string1: Any, string2: Any, compare: Any = MISSING) -> Any:
    if string1 is NULL or string2 is NULL:
        return NULL
    return Integer(order(_text(string1), _text(string2), True, _folds(compare)))


@vba("StrConv", result="String")
def convert_case(string: Any, conversion: Any) -> Any:
    text, kind = _text(string), int(to_long(conversion))
    if kind not in (1, 2, 3):
        raise VbaError(INVALID_CALL)
    return {1: text.upper(), 2: text.lower(), 3: text.title()}[kind]


_NAMED_FORMATS = {
    "general number": "General",
    "currency": "$#,##0.00;($#,##0.00)",
    "fixed": "0.00",
    "standard": "#,##0.00",
    "percent": "0.00%",
    "scientific": "0.00E+00",
    "yes/no": '"Yes";"Yes";"No"',
    "true/false": '"True";"True";"False"',
    "on/off": '"On";"On";"Off"',
    "long date": "dddd, mmmm d, yyyy",
    "medium date": "dd-mmm-yy",
    "short date": "m/d/yyyy",
    "long time": "h:mm:ss AM/PM",
    "medium time": "hh:mm AM/PM",
    "short time": "hh:mm",
}


@vba("Format", "Format$", result="String")
def format_value(expression: Any, format: Any = MISSING) -> Any:
    """A value in a number format, as cells show it; minutes may be written as n."""
    pattern = "" if format is MISSING else _text(format)
    if not pattern or pattern.lower() == "general date" or expression is None or expression is NULL:
        return "" if expression is NULL or expression is None else _text(expression)
    pattern = _NAMED_FORMATS.get(pattern.lower(), pattern)
    if isinstance(expression, str):
        if pattern in ("<", ">"):
            return expression.lower() if pattern == "<" else expression.upper()
        try:
            expression = number(expression)
        except VbaError:
            return _formatted(expression, pattern)
    return _formatted(float(number(expression)), _minutes_as_m(pattern))


def _formatted(value: float | str, pattern: str) -> str:
    try:
        return formatted(value, pattern, VBA)
    except FormatError:
        raise Refusal(f"Format with {pattern!r} is not supported") from None


def _minutes_as_m(pattern: str) -> str:
    """VBA's n is a minute wherever it stands; a cell's m is one only beside hours or seconds."""
    bare = re.sub(r'"[^"]*"|\\.', "", pattern).lower()
    if "n" not in bare.replace("general", ""):
        return pattern
    if not re.search(r"[hs]", bare):
        raise Refusal(f"Format with {pattern!r} (minutes alone) is not supported")
    return re.sub(r"(?i)n", "m", pattern)


@vba("FormatNumber", result="String")
def format_number(expression: Any, num_digits_after_decimal: Any = MISSING) -> Any:
    return _formatted(to_double(expression), "#,##0" + _places(num_digits_after_decimal))


@vba("FormatPercent", result="String")
def format_percent(expression: Any, num_digits_after_decimal: Any = MISSING) -> Any:
    return _formatted(to_double(expression), "0" + _places(num_digits_after_decimal) + "%")


def _places(digits: Any) -> str:
    count = int(to_long(_or(digits, 2)))
    if not -1 <= count <= 30:
        raise VbaError(INVALID_CALL)
    count = 2 if count < 0 else count
    return "." + "0" * count if count else ""


# ---- choices -----------------------------------------------------------------------------------


@vba("IIf", takes_objects=True)
def either(expression: Any, true_part: Any, false_part: Any) -> Any:
    return true_part if is_true(let(expression)) else false_part


@vba("Choose", needs_host=True)
def choose(host: Surroundings, index: Any, *choice: Any) -> Any:
    place = math.floor(to_double(index))
    return choice[place - 1] if 1 <= place <= len(choice) else NULL


@vba("Switch", needs_host=True)
def switch(host: Surroundings, *expressions: Any) -> Any:
    if len(expressions) % 2:
        raise VbaError(INVALID_CALL)
    for test, value in zip(expressions[::2], expressions[1::2]):
        if is_true(test):
            return value
    return NULL


# ---- dates -------------------------------------------------------------------------------------


@vba("Now", result="Date")
def now() -> Any:
    return v.serial(datetime.datetime.now().replace(microsecond=0))


@vba("Date", result="Date")
def today() -> Any:
    return Date(math.floor(now()))


@vba("Time", result="Date")
def time_of_day() -> Any:
    return Date(now() % 1.0)


@vba("Timer", result="Single")
def seconds_since_midnight() -> Any:
    moment = datetime.datetime.now()
    return v.to_single(moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6)


@vba("DateSerial", result="Date")
def date_serial(year: Any, month: Any, day: Any) -> Any:
    y, m, d = (int(to_long(item)) for item in (year, month, day))
    if 0 <= y <= 29:
        y += 2000
    elif 30 <= y <= 99:
        y += 1900
    y, m = y + (m - 1) // 12, (m - 1) % 12 + 1
    return v.to_date(_checked(lambda: v.serial(datetime.datetime(y, m, 1) + datetime.timedelta(days=d - 1))))


@vba("TimeSerial", result="Date")
def time_serial(hour: Any, minute: Any, second: Any) -> Any:
    h, m, s = (int(to_long(item)) for item in (hour, minute, second))
    return Date((h * 3600 + m * 60 + s) / 86400)


@vba("DateValue", result="Date")
def date_value(date: Any) -> Any:
    return Date(math.floor(v.to_date(date)))


@vba("TimeValue", result="Date")
def time_value(time: Any) -> Any:
    return Date(v.to_date(time) % 1.0)


def _checked(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except (ValueError, OverflowError):
        raise VbaError(INVALID_CALL) from None


for _name, _part in (
    ("Year", lambda when: when.year),
    ("Month", lambda when: when.month),
    ("Day", lambda when: when.day),
    ("Hour", lambda when: when.hour),
    ("Minute", lambda when: when.minute),
    ("Second", lambda when: when.second),
):
    vba(_name, result="Integer")(lambda date, part=_part: Integer(part(v.moment(v.to_date(date)))))
    FUNCTIONS[_name.casefold()].parameters = Parameters(("date",), 1)


@vba("Weekday", result="Integer")
def weekday(date: Any, first_day_of_week: Any = MISSING) -> Any:
    first = int(to_long(_or(first_day_of_week, 1))) or 1
    sunday_is_one = v.moment(v.to_date(date)).isoweekday() % 7 + 1
    return Integer((sunday_is_one - first) % 7 + 1)


@vba("DateAdd", result="Date")
def date_add(interval: Any, number_: Any, date: Any) -> Any:
    unit, count, when = _text(interval).lower(), math.trunc(to_double(number_)), v.to_date(date)
    days = {"d": 1.0, "y": 1.0, "w": 1.0, "ww": 7.0, "h": 1 / 24, "n": 1 / 1440, "s": 1 / 86400}
    if unit in days:
        return v.to_date(when + count * days[unit])
    months = {"yyyy": 12, "q": 3, "m": 1}.get(unit)
    if months is None:
        raise VbaError(INVALID_CALL)
    start = v.moment(when)
    month = start.year * 12 + start.month - 1 + months * count
    year, month = month // 12, month % 12 + 1
    if not 100 <= year <= 9999:
        raise VbaError(INVALID_CALL)
    day = min(start.day, calendar.monthrange(year, month)[1])
    return v.serial(start.replace(year=year, month=month, day=day))


@vba("DateDiff", result="Long")
def date_difference(interval: Any, date1: Any, date2: Any) -> Any:
    unit, first, last = _text(interval).lower(), v.to_date(date1), v.to_date(date2)
    a, b = v.moment(first), v.moment(last)
    if unit in ("d", "y"):
        return (b.date() - a.date()).days
    if unit == "yyyy":
        return b.year - a.year
    if unit == "q":
        return (b.year * 4 + (b.month - 1) // 3) - (a.year * 4 + (a.month - 1) // 3)
    if unit == "m":
        return (b.year * 12 + b.month) - (a.year * 12 + a.month)
    if unit == "w":
        return math.trunc((b.date() - a.date()).days / 7)
    if unit == "ww":
        return (b.toordinal() // 7) - (a.toordinal() // 7)
    seconds = {"h": 3600, "n": 60, "s": 1}.get(unit)
    if seconds is None:
        raise VbaError(INVALID_CALL)
    epoch = datetime.datetime(1, 1, 1)
    return int((b - epoch).total_seconds() // seconds - (a - epoch).total_seconds() // seconds)


# ---- output and errors -------------------------------------------------------------------------


@vba("MsgBox", result="Long", needs_host=True)
def message_box(
    host: Surroundings, prompt: Any, buttons: Any = MISSING, title: Any = MISSING, helpfile: Any = MISSING,
    context: Any = MISSING,
) -> Any:  # fmt: skip
    """Prints its text, and answers with its default button."""
    host.show(_text(prompt))
    kind = 0 if buttons is MISSING else int(to_long(buttons))
    answers = {0: [1], 1: [1, 2], 2: [3, 4, 5], 3: [6, 7, 2], 4: [6, 7], 5: [4, 2]}.get(kind & 7, [1])
    return answers[min(kind >> 8 & 3, len(answers) - 1)]


@vba("DoEvents", result="Integer")
def do_events() -> Any:
    return Integer(0)


@vba("Beep")
def beep() -> None:
    return None


@vba("Error", "Error$", result="String", needs_host=True)
def error_description(host: Surroundings, error_number: Any = MISSING) -> Any:
    code = host.err.number if error_number is MISSING else int(to_long(error_number))
    return "" if code == 0 else DESCRIPTIONS.get(code, DESCRIPTIONS[1004])


@vba("RGB", result="Long")
def rgb(red: Any, green: Any, blue: Any) -> Any:
    r, g, b = (min(_count(item), 255) for item in (red, green, blue))
    return r + 256 * g + 65536 * b


# ---- Debug.Print -------------------------------------------------------------------------------

_ZONE = 14  # columns between the stops that a comma goes to


def printed(items: list[tuple[tuple[Any] | None, str]]) -> str:
    """A line as Debug.Print writes it: each item is a value (or none), and the separator after it."""
    line = ""
    for held, separator in items:
        if held is not None:
            line += _printed(held[0])
        if separator == ",":
            line += " " * (_ZONE - len(line) % _ZONE)
    return line


def _printed(value: Any) -> str:
    if value is NULL:
        return "Null"
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, (bool, Date)):
        text = to_string(value)
        return f"{text} " if text.startswith("-") else f" {text} "
    return to_string(value)
