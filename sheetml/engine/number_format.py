"""Excel's number formats: what "#,##0.00;[Red]-0", "yyyy-mm-dd" or "# ??/16" make of a value.

A format has up to four sections, for positive numbers, negative ones, zero and text, or with their
own conditions. Formats are read as Excel (English, United States) reads them; colours and fill
characters, which only show in a cell, are passed over. The language is that of ECMA-376 part 1,
section 18.8.31.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from sheetml.engine import dates

LONGEST = 255  # characters of a format
_MOST_SECTIONS = 4
_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|(?P<escaped>\\.?)|(?P<space>_.?)|(?P<fill>\*.?)|(?P<bracket>\[[^\]]*\])
    |(?P<general>general)|(?P<half>am/pm|a/p)|(?P<exponent>e[+-])|(?P<date>y+|m+|d+|h+|s+|b+|e+|g+)
    |(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<slash>/)|(?P<text>@)|(?P<end>;)|(?P<literal>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|=|<|>) *(-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?)", re.IGNORECASE | re.ASCII)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_EMPTY = {"0": "0", "#": "", "?": " "}  # what a place without a digit shows


class FormatError(ValueError):
    """The format cannot be understood, or not applied to this value."""


class Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None = None

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)

    @property
    def is_date(self) -> bool:
        return self.has("date", "elapsed", "half")

    def holds(self, number: float) -> bool:
        assert self.condition is not None
        return _COMPARE[self.condition[0]](number, self.condition[1])

    @property
    def negative_only(self) -> bool:
        """Whether its condition lets only negative numbers in: they then show no sign of their own."""
        if self.condition is None:
            return False
        sign, limit = self.condition
        return (sign == "<" and limit <= 0) or (sign in ("<=", "=") and limit < 0)


def formatted(value: float | str | bool, text: str) -> str:
    """The value in a format. Raises FormatError."""
    sections = parsed(text)
    if isinstance(value, bool):
        value = "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return _text(value, sections)
    section, number = _chosen(value, sections)
    if section is None:
        return general_text(number)
    if section.is_date:
        return _moment(number, section)
    return ("-" if number < 0 else "") + _number(abs(number), section)


def general_text(number: float) -> str:
    """A number as the General format writes it in full: up to 15 significant digits."""
    if number == 0:
        return "0"
    mantissa, exponent_text = f"{number:.14e}".split("e")
    exponent = int(exponent_text)
    if -10 < exponent < 15 and not (exponent < -4 and len(mantissa.rstrip("0").replace("-", "")) > 12):
        text = f"{number:.{14 - exponent}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}E{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


# ---- reading formats ---------------------------------------------------------------------------


@lru_cache(maxsize=1000)
def parsed(text: str) -> tuple[Section, ...]:
    """The sections of a format."""
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
    if len(sections) > _MOST_SECTIONS:
        raise FormatError("the format has more than four sections")
    return tuple(_section(tokens) for tokens in sections)


def _section(tokens: list[Token]) -> Section:
    condition: tuple[str, float] | None = None
    kept: list[Token] = []
    for token in tokens:
        if token.kind == "bracket":
            inside = token.text[1:-1]
            found = _CONDITION.fullmatch(inside)
            if found is not None:
                condition = found[1], float(found[2])
            elif _ELAPSED.fullmatch(inside):
                kept.append(Token("elapsed", inside.lower()))
            elif inside.startswith("$"):
                kept.append(Token("literal", inside[1:].partition("-")[0]))
        elif token.kind != "fill":
            kept.append(_plain(token))
    section = Section(tuple(kept), condition)
    return Section(_date_tokens(kept), condition) if section.is_date else section


def _plain(token: Token) -> Token:
    match token.kind:
        case "quoted":
            return Token("literal", token.text.strip('"'))
        case "escaped":
            return Token("literal", token.text[1:])
        case "space":
            return Token("literal", " ")
        case "date":
            return Token("date", token.text.lower())
    return token


def _date_tokens(tokens: list[Token]) -> tuple[Token, ...]:
    """Tells minutes from months, and finds the fractions of a second; the other signs stand for themselves."""
    result: list[Token] = []
    clock = [place for place, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    for place, token in enumerate(tokens):
        if token.kind == "digit":
            if token.text != "0" or not result or result[-1].kind != "fraction":
                raise FormatError("digits stand in the format of a date")
            result[-1] = Token("fraction", result[-1].text + "0")
        elif token.kind == "point" and place + 1 < len(tokens) and tokens[place + 1] == Token("digit", "0"):
            result.append(Token("fraction", "."))
        elif token.kind == "date" and token.text in ("m", "mm") and _is_minute(tokens, clock, clock.index(place)):
            result.append(Token("minute", token.text))
        elif token.kind in ("date", "elapsed", "half", "literal"):
            result.append(token)
        elif token.kind in ("general", "text", "exponent"):
            raise FormatError(f"{token.text} stands in the format of a date")
        else:
            result.append(Token("literal", token.text))
    return tuple(result)


def _is_minute(tokens: list[Token], clock: list[int], position: int) -> bool:
    """An m after hours or before seconds is a minute."""
    before = tokens[clock[position - 1]].text if position else ""
    after = tokens[clock[position + 1]].text if position + 1 < len(clock) else ""
    return before.startswith("h") or after.startswith("s")


# ---- which section -----------------------------------------------------------------------------


def _text(value: str, sections: tuple[Section, ...]) -> str:
    last = sections[-1]
    if len(sections) == _MOST_SECTIONS or last.has("text"):
        return "".join(value if token.kind == "text" else token.text for token in last.tokens)
    return value if any(section.tokens for section in sections) else ""


def _chosen(number: float, sections: tuple[Section, ...]) -> tuple[Section | None, float]:
    """The section for a number, and the number with the sign that it still shows there."""
    numeric = [section for section in sections[:3] if not section.has("text")]
    if not numeric:
        return (sections[0], number) if len(sections) == 1 else (None, number)
    if all(section.condition is None for section in numeric):
        if len(numeric) > 2 and number == 0:
            return numeric[2], 0.0
        return (numeric[1], -number) if len(numeric) > 1 and number < 0 else (numeric[0], number)
    for place, section in enumerate(numeric):
        implied = section.condition is None
        if implied and place == 0 and len(numeric) > 2 and number <= 0:
            continue
        if implied and place == 1 and len(numeric) > 2 and number >= 0:
            continue
        if implied or section.holds(number):
            return section, -number if number < 0 and _without_sign(numeric, place) else number
    raise FormatError("no section of the format is for this number")


def _without_sign(sections: list[Section], place: int) -> bool:
    """Whether only negative numbers come to this section."""
    if sections[place].negative_only:
        return True
    first = sections[0].condition
    return place > 0 and sections[place].condition is None and first in ((">", 0.0), (">=", 0.0))


# ---- numbers -----------------------------------------------------------------------------------


def decimal(number: float) -> Decimal:
    """The number in its 15 significant digits: 2.675 is 2.675, not a little less."""
    return Decimal(f"{number:.14e}")


def rounded(number: Decimal, places: int) -> Decimal:
    """The number to so many decimal places, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), context=_EVERY_DIGIT)


_EVERY_DIGIT = Context(prec=1000, rounding=ROUND_HALF_UP)  # of the largest number, and of all places of a format


@dataclass(frozen=True, slots=True)
class _Layout:
    """The places of a number's digits in a section."""

    whole: list[int]
    places: list[int]
    exponent: list[int]
    power: int  # of ten that the number is multiplied with: percents and thousands
    grouped: bool


def _layout(section: Section) -> _Layout:
    tokens = section.tokens
    point = next((i for i, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    mark = next((i for i, token in enumerate(tokens) if token.kind == "exponent"), len(tokens))
    digits = [i for i, token in enumerate(tokens) if token.kind == "digit"]
    grouped, thousands = _commas(tokens)
    return _Layout(
        [i for i in digits if i < min(point, mark)],
        [i for i in digits if point < i < mark],
        [i for i in digits if i > mark],
        2 * sum(token.kind == "percent" for token in tokens) - 3 * thousands,
        grouped,
    )


def _commas(tokens: tuple[Token, ...]) -> tuple[bool, int]:
    """Whether thousands are set apart (a comma between digits), and by how many thousands the number is divided
    (commas after the digits)."""
    grouped, thousands = False, 0
    kinds = [*(token.kind for token in tokens), "end"]
    for start in range(1, len(tokens)):
        if kinds[start] == "comma" and kinds[start - 1] == "digit":
            stop = next(i for i in range(start, len(kinds)) if kinds[i] != "comma")
            if kinds[stop] == "digit":
                grouped = True
            else:
                thousands += stop - start
    return grouped, thousands


def _number(number: float, section: Section) -> str:
    if section.has("general", "text"):
        own = general_text(number)
        return "".join(own if token.kind in ("general", "text") else token.text for token in section.tokens)
    bar = _fraction_bar(section)
    if bar is not None:
        return _fraction(number, section, bar)
    layout = _layout(section)
    value = decimal(number).scaleb(layout.power) if number else Decimal(0)
    shown = dict.fromkeys(range(len(section.tokens)), "")
    for place, token in enumerate(section.tokens):
        if token.kind in ("literal", "percent", "point", "slash"):
            shown[place] = token.text
    if section.has("exponent"):
        value = _scientific(value, section, layout, shown)
    value = rounded(value, len(layout.places))
    whole, _, rest = f"{value:f}".partition(".")
    _fill_whole(whole.lstrip("0"), section, layout.whole, layout.grouped, shown)
    _fill_places(rest, section, layout.places, shown)
    return "".join(shown.values())


def _fill_whole(digits: str, section: Section, places: list[int], grouped: bool, shown: dict[int, str]) -> None:
    """Digits put into their places from the right; the first place takes all that are left."""
    written = 0
    for order, place in enumerate(reversed(places)):
        taken = digits[-1:] if order < len(places) - 1 else digits
        digits = digits[: len(digits) - len(taken)]
        text = ""
        for digit in reversed(taken or _EMPTY[section.tokens[place].text]):
            comma = "," if digit != " " else " "
            text = digit + (comma if grouped and written and written % 3 == 0 else "") + text
            written += 1
        shown[place] = text


def _fill_places(digits: str, section: Section, places: list[int], shown: dict[int, str]) -> None:
    significant = len(digits.rstrip("0"))
    for order, place in enumerate(places):
        shown[place] = digits[order] if order < significant else _EMPTY[section.tokens[place].text]


def _scientific(value: Decimal, section: Section, layout: _Layout, shown: dict[int, str]) -> Decimal:
    """Writes the exponent, a multiple of the number of places before the point; returns the mantissa."""
    step = max(len(layout.whole), 1)
    exponent = value.adjusted() if value else 0
    exponent -= exponent % step if layout.whole else -1
    mantissa = rounded(value.scaleb(-exponent), len(layout.places))
    if mantissa.adjusted() >= step and mantissa:  # 9.99 becomes 10.0
        exponent += step
        mantissa = value.scaleb(-exponent)
    mark = next(i for i, token in enumerate(section.tokens) if token.kind == "exponent")
    letter, sign = section.tokens[mark].text[0], section.tokens[mark].text[1]
    shown[mark] = letter.upper() + ("-" if exponent < 0 else "+" if sign == "+" else "")
    _fill_whole(str(abs(exponent)) if exponent else "", section, layout.exponent, False, shown)
    return mantissa


# ---- fractions ---------------------------------------------------------------------------------


def _fraction_bar(section: Section) -> int | None:
    """Where a fraction's bar stands: between places of digits, or before a denominator written out."""
    for place, token in enumerate(section.tokens):
        if token.kind == "slash" and 0 < place < len(section.tokens) - 1:
            before, after = section.tokens[place - 1], section.tokens[place + 1]
            if before.kind == "digit" and (after.kind == "digit" or after.text.isdigit()):
                return place
    return None


def _fraction(number: float, section: Section, bar: int) -> str:
    tokens = section.tokens
    start, stop = bar, bar + 1
    while start and tokens[start - 1].kind == "digit":
        start -= 1
    while stop < len(tokens) and (tokens[stop].kind == "digit" or tokens[stop].text.isdigit()):
        stop += 1
    stated = "".join(token.text for token in tokens[bar + 1 : stop])
    places = [place for place in range(start) if tokens[place].kind == "digit"]
    whole, part = divmod(Fraction(decimal(number)), 1) if places else (0, Fraction(decimal(number)))
    above, below = _approximation(part, stated)
    if places:
        whole, above = whole + above // below, above % below
    shown = {place: token.text if token.kind == "literal" else "" for place, token in enumerate(tokens)}
    if places and above == 0:
        shown.update(dict.fromkeys(range(start, stop), " "))
        _fill_whole(str(whole), section, places, False, shown)
        return "".join(shown.values())
    _fill_whole(str(whole) if whole else "", section, places, False, shown)
    _fill_whole(str(above), section, list(range(start, bar)), False, shown)
    shown.update(dict.fromkeys(range(bar + 1, stop), ""))
    shown[bar] = "/" + (str(below).zfill(len(stated)) if "0" in stated else str(below).ljust(len(stated)))
    return "".join(shown.values())


def _approximation(part: Fraction, stated: str) -> tuple[int, int]:
    """The nearest fraction with a stated denominator, or with one of so many digits."""
    if stated.strip("0#?"):
        below = int(stated.replace("#", "").replace("?", ""))
        if below == 0:
            raise FormatError("the format divides by 0")
        return int(part * below + Fraction(1, 2)), below
    nearest = part.limit_denominator(10 ** min(len(stated), 7) - 1)
    return nearest.numerator, nearest.denominator


# ---- dates and times ---------------------------------------------------------------------------


def _moment(number: float, section: Section) -> str:
    """A date, a time or both."""
    if number < 0 or number >= dates.last_day() + 1:
        raise FormatError("the number is no date")
    digits = max((len(token.text) - 1 for token in section.tokens if token.kind == "fraction"), default=0)
    unit = 10**digits
    seconds_shown = any(token.text.startswith("s") for token in section.tokens if token.kind in ("date", "elapsed"))
    ticks = _ticks(number, unit if seconds_shown else 1000)
    if not seconds_shown:
        ticks, unit = ticks // 1000, 1
    day, rest = divmod(ticks, 86400 * unit)
    seconds, fraction = divmod(rest, unit)
    clock = _Clock(day, seconds, any(token.kind == "half" for token in section.tokens))
    parts = []
    for token in section.tokens:
        match token.kind:
            case "date":
                parts.append(clock.part(token.text))
            case "minute":
                parts.append(f"{seconds // 60 % 60:0{len(token.text)}d}")
            case "elapsed":
                length = {"h": 3600, "m": 60, "s": 1}[token.text[0]]
                parts.append(f"{(day * 86400 + seconds) // length:0{len(token.text)}d}")
            case "half":
                parts.append(clock.half(token.text))
            case "fraction":
                parts.append(f".{fraction:0{digits}d}"[: len(token.text)])
            case _:
                parts.append(token.text)
    return "".join(parts)


def _ticks(number: float, unit: int) -> int:
    """The moment in parts of a second, rounded; what is lost in a day's binary fraction counts as nothing."""
    return int(Decimal(round(number * 86400 * unit, 4)).quantize(Decimal(1), ROUND_HALF_UP))


class _Clock:
    """A day and a second of it, in the parts a format asks for."""

    def __init__(self, day: int, seconds: int, halves: bool) -> None:
        self.day = day
        self.seconds = seconds
        self.halves = halves  # hours count to 12

    def part(self, letters: str) -> str:
        year, month, day = (int(part) for part in dates.calendar(self.day))
        count = len(letters)
        match letters[0]:
            case "y" | "e":
                return f"{year % 100:02d}" if count < 3 and letters[0] == "y" else f"{year:04d}"
            case "b":
                return f"{(year + 543) % 100:02d}" if count < 3 else f"{year + 543:04d}"
            case "m":
                return _named(month, _MONTHS[month - 1], count)
            case "d":
                return _named(day, _WEEKDAYS[int(dates.weekday(self.day))], min(count, 4))
            case "h":
                hour = self.seconds // 3600
                return f"{(hour + 11) % 12 + 1 if self.halves else hour:0{min(count, 2)}d}"
            case "s":
                return f"{self.seconds % 60:0{min(count, 2)}d}"
        return ""  # an era, which this calendar does not name

    def half(self, text: str) -> str:
        """AM or PM as the format writes them."""
        before, after = text.split("/")
        return after if self.seconds >= 43200 else before


def _named(number: int, name: str, count: int) -> str:
    match count:
        case 1 | 2:
            return f"{number:0{count}d}"
        case 3:
            return name[:3]
        case 5:
            return name[0]
    return name
