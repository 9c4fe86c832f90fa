"""Regular expressions that a workbook states: understood, and kept from running on.

Excel's are those of PCRE2. The library that stands for it here knows the same constructs and stops a pattern that
takes too long, which is then reported and never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import regex

from sheetml.errors import CalculationError

_SECONDS = 1.0  # that a pattern may take for one text

Found = TypeVar("Found")


@lru_cache(maxsize=1000)
def compiled(pattern: str, any_case: bool) -> regex.Pattern[str] | None:
    """The pattern that a text is; None if it is none."""
    try:
        return regex.compile(pattern, regex.IGNORECASE if any_case else 0)
    except (regex.error, RecursionError, OverflowError):
        return None


def in_time(pattern: str, search: Callable[..., Found]) -> Found:
    """What a search finds; raises CalculationError for a pattern that takes too long."""
    try:
        return search(timeout=_SECONDS)
    except TimeoutError:
        raise CalculationError(f'the regular expression "{pattern}" takes too long') from None


def matches(pattern: regex.Pattern[str], text: str) -> bool:
    """Whether a pattern matches anywhere in a text."""
    return in_time(pattern.pattern, lambda timeout: pattern.search(text, timeout=timeout)) is not None
