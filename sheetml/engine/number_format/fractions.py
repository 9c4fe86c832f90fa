"""Sections that show a number as a fraction: "# ?/?", "??/??", "# ??/16"."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sheetml.engine.number_format.decimals import Shown, as_shown, fill_whole, signed, without_commas
from sheetml.engine.number_format.general import decimal
from sheetml.engine.number_format.tokens import FormatError, Style, Token

_MOST_DIGITS = 7  # of a denominator that is looked for


@dataclass(frozen=True, slots=True)
class Fractions:
    """The places of a whole number (there may be none), of a numerator and of a denominator.

    What stands between them belongs to the fraction: where the fraction is 0 it is not shown, and where
    there is no whole number the sign that sets it apart is not. Spaces take its place where a ? asks for
    its width.
    """

    tokens: tuple[Token, ...]
    whole: tuple[int, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    stated: int | None  # the denominator, where the format states it
    grouped: bool  # whether thousands of the whole number are set apart

    def shown(self, number: float, style: Style) -> str:
        whole, above, below = self.parts(Fraction(decimal(abs(number))))
        shown = as_shown(self.tokens)
        fraction = range(self.whole[-1] + 1 if self.whole else self.above[0], self.below[-1] + 1)
        if self.whole and above == 0 and not self.asks("0", self.above):
            fill_whole(str(whole), self.tokens, self.whole, shown, grouped=self.grouped)
            self._hide(fraction, shown, blank=self.asks("?", self.whole + self.above + self.below))
        else:
            self._write(whole, above, below, shown)
        return signed("".join(shown.values()), number < 0 and bool(whole or above or style.sign_of_zero))

    def parts(self, number: Fraction) -> tuple[int, int, int]:
        """Whole number, numerator and denominator of the nearest fraction that the format can show."""
        whole, part = divmod(number, 1) if self.whole else (0, number)
        if self.stated is not None:
            above, below = int(part * self.stated + Fraction(1, 2)), self.stated
        else:
            nearest = part.limit_denominator(10 ** min(len(self.below), _MOST_DIGITS) - 1)
            above, below = nearest.numerator, nearest.denominator
        return (whole + above // below, above % below, below) if self.whole else (0, above, below)

    def asks(self, place: str, positions: tuple[int, ...]) -> bool:
        return any(self.tokens[position] == Token("digit", place) for position in positions)

    def _write(self, whole: int, above: int, below: int, shown: Shown) -> None:
        blank = self.asks("?", self.whole)
        hidden = whole == 0 and not self.asks("0", self.whole) and not (above == 0 and blank)
        fill_whole("" if hidden else str(whole), self.tokens, self.whole, shown, grouped=self.grouped)
        if self.whole and hidden:
            between = range(self.whole[-1] + 1, self.above[0])
            self._hide(between, shown, blank=blank or self.asks("?", self.above))
        fill_whole(str(above), self.tokens, self.above, shown)
        shown.update(dict.fromkeys(self.below, ""))
        width = len(self.below)
        shown[self.below[0]] = str(below).zfill(width) if self.asks("0", self.below) else str(below)
        if self.stated is None and self.asks("?", self.below):
            shown[self.below[0]] = str(below).ljust(width)

    def _hide(self, positions: range, shown: Shown, *, blank: bool) -> None:
        for position in positions:
            shown[position] = " " * len(self.tokens[position].text) if blank else ""


def section_of_fraction(tokens: list[Token]) -> Fractions | None:
    """How a section shows a fraction, if it has a bar between places of digits or before a denominator."""
    tokens, grouped, _ = without_commas(tokens)
    bars = [position for position, token in enumerate(tokens) if token.kind == "slash"]
    digits = [position for position, token in enumerate(tokens) if token.kind == "digit"]
    if not bars or not digits or digits[0] > bars[0]:
        return None
    bar = bars[0]
    below = _run(tokens, next((i for i in range(bar + 1, len(tokens)) if _is_digit(tokens[i])), len(tokens)))
    if not below:
        return None
    if any(token.kind in ("point", "exponent", "percent", "general", "text") for token in tokens):
        raise FormatError("a fraction stands beside a decimal number")
    before = [position for position in digits if position < bar]
    start = before[-1]
    while start - 1 in before:
        start -= 1
    above = tuple(position for position in before if position >= start)
    if any(position > below[-1] for position in digits):
        raise FormatError("places of digits stand behind the fraction")
    written = "".join(tokens[position].text for position in below)
    stated = int(written.replace("#", "0").replace("?", "0")) if written.strip("0#?") else None
    whole = tuple(position for position in before if position < start)
    return Fractions(tuple(tokens), whole, above, below, stated, grouped)


def _is_digit(token: Token) -> bool:
    """A place of a digit, or a digit that is written out."""
    return token.kind == "digit" or (token.kind == "literal" and token.text in "123456789")


def _run(tokens: list[Token], start: int) -> tuple[int, ...]:
    stop = start
    while stop < len(tokens) and _is_digit(tokens[stop]):
        stop += 1
    return tuple(range(start, stop))
