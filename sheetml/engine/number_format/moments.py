"""Sections that show a date, a time of the day, or a time that has elapsed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from sheetml.engine import dates
from sheetml.engine.number_format.languages import Language
from sheetml.engine.number_format.tokens import FormatError, Style, Token, UnknownLanguage

_DAY = 86400  # seconds
_LENGTH = {"h": 3600, "m": 60, "s": 1}  # of a unit of elapsed time, in seconds
_MOST_FRACTION = 3  # digits of a fraction of a second
_BUDDHIST = 543  # years before the common era
KINDS = frozenset({"date", "elapsed", "half"})  # the tokens that make a section one of a date or a time


@dataclass(frozen=True, slots=True)
class Moments:
    """The parts of a moment, in their order.

    The moment is rounded to what is shown of it: to the fractions of a second, or to whole seconds where
    there are none; minutes and hours are then cut off.
    """

    tokens: tuple[Token, ...]
    language: Language | None  # of the names; None if it is not known

    def shown(self, number: float, style: Style) -> str:
        elapsed_only = self._has("elapsed") and not any(_is_calendar(token) for token in self.tokens)
        if number < 0 and not (elapsed_only or dates.date_1904.get()):
            raise FormatError("a negative number is no date")
        digits = max((len(token.text) - 1 for token in self.tokens if token.kind == "fraction"), default=0)
        end = dates.last_day() + 1
        seconds, fraction = _split(min(abs(number), end), digits if self._has_time() else None)
        if seconds >= end * _DAY:
            raise FormatError("the number is beyond the calendar")
        moment = _Moment(seconds, f"{fraction:0{digits}d}", self._has("half"), style, self.language)
        text = "".join(moment.part(token) for token in self.tokens)
        return f"-{text}" if number < 0 and (seconds or fraction) else text

    def _has(self, kind: str) -> bool:
        return any(token.kind == kind for token in self.tokens)

    def _has_time(self) -> bool:
        return any(not _is_calendar(token) for token in self.tokens if token.kind not in ("literal", "half"))


def _is_calendar(token: Token) -> bool:
    return token.kind == "date" and token.text[0] not in "hs"


def _split(number: float, digits: int | None) -> tuple[int, int]:
    """Whole seconds, and a fraction of so many digits; without digits only what a day's binary fraction lost is
    made good. What is lost beyond that counts as nothing."""
    unit = 10 ** (_MOST_FRACTION if digits is None else digits)
    ticks = int(Decimal(round(number * _DAY * unit, 4)).quantize(Decimal(1), ROUND_HALF_UP))
    return divmod(ticks, unit)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment in the parts a format asks for."""

    seconds: int  # since the start of day 0
    fraction: str  # of a second
    halves: bool  # hours count to 12
    style: Style
    language: Language | None

    def part(self, token: Token) -> str:
        letters = token.text
        match token.kind:
            case "date":
                return self._clock(letters) if letters[0] in "hs" else self._calendar(letters)
            case "minute":
                return f"{self.seconds // 60 % 60:0{len(letters)}d}"
            case "elapsed":
                return f"{self.seconds // _LENGTH[letters[0]]:0{len(letters)}d}"
            case "fraction":
                return "." + self.fraction[: len(letters) - 1]
            case "half":
                return self._half(letters)
        return letters

    def _clock(self, letters: str) -> str:
        if letters[0] == "s":
            return f"{self.seconds % 60:0{len(letters)}d}"
        hour = self.seconds % _DAY // 3600
        return f"{(hour + 11) % 12 + 1 if self.halves else hour:0{len(letters)}d}"

    def _half(self, letters: str) -> str:
        """AM or PM; A or P as the format writes them."""
        before, after = letters.split("/")
        half = after if self.seconds % _DAY >= _DAY // 2 else before
        return half if len(half) == 1 or self.style.halves_as_written else half.upper()

    def _calendar(self, letters: str) -> str:
        year, month, day, weekday = _day(self.seconds // _DAY, dates.date_1904.get())
        count = len(letters)
        match letters[0]:
            case "y":
                return f"{year % 100:02d}" if count < 3 else f"{year:04d}"
            case "e":  # the year of an era, where the language has them
                self._names()
                return f"{year:04d}"
            case "b":
                year += _BUDDHIST
                return f"{year % 100:02d}" if count < 3 else f"{year:04d}"
            case "m":
                return f"{month:0{count}d}" if count < 3 else self._names().month(month, count)
            case "d":
                return f"{day:0{count}d}" if count < 3 else self._names().weekday(weekday, count)
        self._names()  # an era, which the languages known here do not have
        return ""

    def _names(self) -> Language:
        if self.language is None:
            raise UnknownLanguage("the names of days and months in the format's language are not known")
        return self.language


@lru_cache(maxsize=10_000)
def _day(number: int, system_1904: bool) -> tuple[int, int, int, int]:
    """The year, month, day and weekday of a day. The system of dates is set; it is asked for to tell answers apart."""
    year, month, day = (int(part) for part in dates.calendar(number))
    return year, month, day, int(dates.weekday(number))


def section_of_moment(tokens: list[Token], language: Language | None) -> Moments:
    """How a section shows a moment: minutes are told from months, and fractions of a second found; signs that have
    no meaning beside a date stand for themselves."""
    result: list[Token] = []
    elapsed = {token.text[0] for token in tokens if token.kind == "elapsed"}
    clock = [place for place, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.kind == "digit":
            if token.text != "0" or not result or result[-1].kind != "fraction":
                raise FormatError("digits stand in the format of a date")
            result[-1] = Token("fraction", result[-1].text + "0")
        elif token.kind == "point" and following == Token("digit", "0"):
            result.append(Token("fraction", "."))
        elif token.kind == "date":
            minutes = _is_minute(tokens, clock, clock.index(place)) or bool(elapsed)
            result.append(_of_time(token, elapsed, minutes=minutes))
        elif token.kind in ("general", "text", "exponent"):
            raise FormatError(f"{token.text} stands in the format of a date")
        else:
            result.append(token if token.kind in ("elapsed", "half") else Token("literal", token.text))
    if any(token.kind == "fraction" and len(token.text) - 1 > _MOST_FRACTION for token in result):
        raise FormatError("a second has no more than three places")
    return Moments(tuple(result), language)


def _of_time(token: Token, elapsed: set[str], *, minutes: bool) -> Token:
    """The part of a date or a time; where a unit has elapsed, it has wherever the format shows it."""
    letter = token.text[0]
    if letter in "hs" and len(token.text) > 2:
        raise FormatError(f"{token.text} stands in the format")
    if letter in elapsed and len(token.text) <= 2:
        return Token("elapsed", token.text)
    if letter == "m" and len(token.text) <= 2 and minutes:
        return Token("minute", token.text)
    return token


def _is_minute(tokens: list[Token], clock: list[int], position: int) -> bool:
    """An m after hours or before seconds is a minute."""
    before = tokens[clock[position - 1]].text if position else ""
    after = tokens[clock[position + 1]].text if position + 1 < len(clock) else ""
    return before.startswith("h") or after.startswith("s")
