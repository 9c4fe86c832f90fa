"""Numbers, dates and times that a text stands for, as Excel (English, United States) reads them."""

from __future__ import annotations

import datetime
import math
import re

from sheetml.engine import dates

_SPACES = " \t\r\n"
_SPACE = r"[ \t\r\n]*"  # stands only behind another sign, so that many spaces are read in one way
_NUMBER = re.compile(
    rf"(?:(?P<open>\(){_SPACE})?(?:(?P<sign>[-+]){_SPACE})?(?:(?P<currency>[$€£]){_SPACE})?(?P<late_sign>[-+])?"
    r"(?P<digits>(?:\d+(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?P<exponent>[eE][-+]?\d{1,3})?"
    rf"{_SPACE}(?:(?:(?P<percent>%)|(?P<late_currency>[$€£])){_SPACE})?(?P<close>\))?",
    re.ASCII,
)
_FRACTION = re.compile(r"([-+])?(\d+) +(\d{1,7})/(\d{1,7})", re.ASCII)
_TIME = re.compile(r"(\d{1,4})(?::(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?(?: +([aApP])[mM]?)?", re.ASCII)
_MINUTES = re.compile(r"(\d{1,4}):(\d{1,2}\.\d*)", re.ASCII)  # and seconds with a fraction
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = "(?P<name>" + "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS) + r")\.?"
_NAMED = [
    rf"(?P<day>\d{{1,2}})[- /]?{_MONTH}(?:[- /,]+(?P<year>\d{{4}}|\d{{2}}))?",
    rf"{_MONTH}[- /]?(?P<day>\d{{1,2}})(?: *, *| +|[-/])(?P<year>\d{{4}}|\d{{2}})",
    rf"{_MONTH}[- /,]*(?P<year>\d{{4}})",
    rf"{_MONTH}[- /]?(?P<late>\d{{1,2}})",
]
_NUMERIC = [
    r"(?P<year>\d{4})(?P<separator>[-/])(?P<month>\d{1,2})(?P=separator)(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})(?P<separator>[-/])(?P<day>\d{1,2})(?P=separator)(?P<year>\d{4}|\d{2})",
    r"(?P<month>\d{1,2})[-/](?P<year>\d{4})",
    r"(?P<month>\d{1,2})[-/](?P<late>\d{1,2})",
]
_DATES = [re.compile(pattern + r"(?![0-9:./-])", re.IGNORECASE | re.ASCII) for pattern in _NUMERIC + _NAMED]
_LONGEST = 255  # characters of a text that is read as a number


def parse_number(text: str) -> float | None:
    """The number a text stands for ("12", "1,234.5", "50%", "1 1/2", "2024-01-31", "12:30"); None if it is none."""
    if len(text) > _LONGEST:
        return None
    number = text.strip(_SPACES)
    match = _NUMBER.fullmatch(number)
    if match is not None:
        return _number(match)
    fraction = _FRACTION.fullmatch(number)
    if fraction is not None:
        return _fraction(fraction)
    moment = parse_moment(text)
    return None if moment is None else float(sum(moment))


def _number(match: re.Match[str]) -> float | None:
    signs = [sign for sign in (match["sign"], match["late_sign"]) if sign]
    if bool(match["open"]) != bool(match["close"]) or len(signs) + bool(match["open"]) > 1:
        return None
    if match["currency"] and match["late_currency"]:
        return None
    number = float(match["digits"].replace(",", "") + (match["exponent"] or ""))
    if match["percent"]:
        number /= 100
    if not math.isfinite(number):
        return None
    return -number if signs == ["-"] or match["open"] else number


def _fraction(match: re.Match[str]) -> float | None:
    sign, whole, above, below = match.groups()
    if int(below) == 0:
        return None
    number = int(whole) + int(above) / int(below)
    return -number if sign == "-" else number


def parse_moment(text: str) -> tuple[int, float] | None:
    """A date, a time or both: the serial number of the day, and the part of a day (24 hours and more: days).

    A date has no spaces before it; a number and a time may have.
    """
    for pattern in _DATES:
        match = pattern.match(text)
        if match is not None:
            rest = text[match.end() :]
            day = _day(match)
            time = 0.0 if not rest.strip(" ") else _time(rest) if rest[0] in " ," else None
            return None if day is None or time is None else (day, time)
    time = _time(text)
    return None if time is None else (0, time)


def _day(match: re.Match[str]) -> int | None:
    parts = match.groupdict()
    month = _MONTHS.index(_full_name(parts["name"])) + 1 if parts.get("name") else int(parts["month"])
    year = _full_year(parts["year"]) if parts.get("year") else datetime.date.today().year
    late = parts.get("late")
    day = int(late or parts.get("day") or 1)
    if year < dates.first_year() or not 1 <= month <= 12:
        return None
    exists = 1 <= day <= int(dates.days_in_month(year, month))
    if not exists and late is not None and len(late) == 2:  # "1/32" is January 1932
        year, day, exists = _full_year(late), 1, True
    return int(dates.serial(year, month, day)) if exists else None


def _full_year(text: str) -> int:
    """The year that is meant: of two digits, one from 1930 to 2029."""
    year = int(text)
    return year if year >= 100 else year + (2000 if year < 30 else 1900)


def _full_name(name: str) -> str:
    return next(month for month in _MONTHS if month.startswith(name.lower()[:3]))


def _time(text: str) -> float | None:
    """The part of a day that "13:30", "1:30:15 pm", "1 pm" or (in minutes) "30:15.5" is."""
    text = text.lstrip(_SPACES + ",").rstrip(_SPACES)
    short = _MINUTES.fullmatch(text)
    if short is not None:
        return (int(short[1]) * 60 + float(short[2])) / 86400 if float(short[2]) < 60 else None
    match = _TIME.fullmatch(text)
    if match is None or (match[2] is None and match[4] is None):
        return None
    hours, minutes, seconds = int(match[1]), int(match[2] or 0), float(match[3] or 0)
    if match[4]:
        if not hours <= 12:
            return None
        hours = hours % 12 + (12 if match[4].lower() == "p" else 0)
    if minutes > 59 or seconds >= 60:
        return None
    return (hours * 3600 + minutes * 60 + seconds) / 86400
