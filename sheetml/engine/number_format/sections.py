"""The sections of a format, and which of them a value is shown in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from sheetml.engine.number_format.decimals import section_of_digits
from sheetml.engine.number_format.fractions import section_of_fraction
from sheetml.engine.number_format.languages import language
from sheetml.engine.number_format.moments import KINDS, Moments, section_of_moment
from sheetml.engine.number_format.tokens import Condition, FormatError, Style, Token, simplified, split

_MOST_SECTIONS = 4


class Body(Protocol):
    """How a section shows a number."""

    def shown(self, number: float, style: Style) -> str: ...


@dataclass(frozen=True, slots=True)
class Section:
    tokens: tuple[Token, ...]
    condition: Condition | None
    body: Body

    @property
    def is_date(self) -> bool:
        return isinstance(self.body, Moments)

    @property
    def is_text(self) -> bool:
        return any(token.kind == "text" for token in self.tokens)

    def shown(self, number: float, style: Style) -> str:
        """The number in this section, with its sign. Raises FormatError."""
        return self.body.shown(number, style)


@lru_cache(maxsize=1000)
def parsed(text: str) -> tuple[Section, ...]:
    """The sections of a format. Raises FormatError."""
    sections = split(text)
    if len(sections) > _MOST_SECTIONS:
        raise FormatError("the format has more than four sections")
    return tuple(_section(tokens) for tokens in sections)


def _section(tokens: list[Token]) -> Section:
    kept, condition, code = simplified(tokens)
    names = language(code)
    body: Body
    if any(token.kind in KINDS for token in kept):
        body = section_of_moment(kept, names)
    else:
        body = section_of_fraction(kept) or section_of_digits(kept)
    return Section(tuple(kept), condition, body)


_GENERAL = _section([Token("general", "General")])


def text_in(value: str, sections: tuple[Section, ...]) -> str:
    """A text in a format: in its last section, if that is for texts."""
    last = sections[-1]
    if len(sections) == _MOST_SECTIONS or last.is_text:
        return "".join(value if token.kind in ("text", "general") else token.text for token in last.tokens)
    return value if any(section.tokens for section in sections) else ""


def section_for(number: float, sections: tuple[Section, ...]) -> tuple[Section, float]:
    """The section for a number, and the number with the sign that it still shows there. Raises FormatError."""
    numeric = [section for section in sections[:3] if not section.is_text]
    if not numeric:
        return (sections[0] if len(sections) == 1 else _GENERAL), number
    if all(section.condition is None for section in numeric):
        if len(numeric) > 2 and number == 0:
            return numeric[2], 0.0
        return (numeric[1], -number) if len(numeric) > 1 and number < 0 else (numeric[0], number)
    for place, section in enumerate(numeric):
        if _takes(number, section, place, len(numeric)):
            return section, abs(number) if _without_sign(numeric, place) else number
    if len(numeric) == 1:
        return _GENERAL, number
    raise FormatError("no section of the format is for this number")


def _takes(number: float, section: Section, place: int, count: int) -> bool:
    """Whether a number belongs here, the sections before having passed it on."""
    if section.condition is not None:
        return section.condition.holds(number)
    if place == 0:
        return number > 0 if count > 2 else number >= 0
    return number < 0 if place == 1 and count > 2 else True


def _without_sign(sections: list[Section], place: int) -> bool:
    """Whether only negative numbers come to this section."""
    condition, first = sections[place].condition, sections[0].condition
    if condition is not None:
        return condition.negative_only
    if place == 1 and len(sections) > 2:
        return True
    return place > 0 and first is not None and first.leaves_negative
