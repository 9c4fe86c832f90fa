"""What the text of files' elements and attributes means: escapes, addresses, dates."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Protocol

from lxml import etree

from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, column_number

TRUE = ("1", "true", "on")
FALSE = ("0", "false", "off")

_ADDRESS = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
_AREA = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Za-z]{1,3})\$?([0-9]{1,7}))?")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class WithAttributes(Protocol):
    """An element, or what else has attributes."""

    def get(self, key: str, default: str) -> str: ...


def states(element: WithAttributes, attribute: str) -> bool:
    """Whether an attribute is there and true."""
    return element.get(attribute, "").lower() in TRUE


def unescape(text: str) -> str:
    """Text with Excel's _xHHHH_ escapes of characters that XML cannot hold put back."""
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def parse_address(text: str) -> tuple[int, int] | None:
    """The row and column of an A1 address, or None if it is none or lies beyond Excel's limits."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    row, column = int(match[2]), column_number(match[1])
    return (row, column) if 1 <= row <= MAX_ROWS and column <= MAX_COLUMNS else None


def parse_area(text: str) -> Area | None:
    """The area "A1:B2" or "A1", or None if the text is none or lies beyond Excel's limits."""
    match = _AREA.fullmatch(text)
    if match is None:
        return None
    first = parse_address(match[1] + match[2])
    last = parse_address(match[3] + match[4]) if match[3] else first
    if first is None or last is None:
        return None
    rows, columns = sorted((first[0], last[0])), sorted((first[1], last[1]))
    return Area(rows[0], columns[0], rows[1], columns[1])


def date_serial(text: str, date_1904: bool) -> float:
    """Excel's serial number of an ISO 8601 date, time or both; ValueError if it is none."""
    if ":" in text and "-" not in text.split(":")[0]:
        moment = datetime.combine(date(1899, 12, 30), time.fromisoformat(text.strip()))
        return (moment.replace(tzinfo=None) - datetime(1899, 12, 30)) / timedelta(days=1)
    moment = datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    if date_1904:
        serial = (moment - datetime(1904, 1, 1)) / timedelta(days=1)
    else:
        serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
        if serial < 61:  # Excel's calendar has a 29 February 1900
            serial -= 1
    if serial < 0:
        raise ValueError("before Excel's first day")
    return serial


def rich_text(element: etree._Element) -> str:
    """The text of an <si> or <is> element: its plain text or its runs, without phonetic guides."""
    parts = [node.text or "" for node in (*element.iterfind("{*}t"), *element.iterfind("{*}r/{*}t")) if node.text]
    return unescape("".join(parts))
