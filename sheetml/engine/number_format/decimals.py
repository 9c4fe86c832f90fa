"""Sections that show a number digit by digit: "0.00", "#,##0,", "0%", "##0.0E+0", "000-00-0000"."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sheetml.engine.number_format.general import decimal, general_text, rounded
from sheetml.engine.number_format.tokens import FormatError, Style, Token

_EMPTY = {"0": "0", "#": "", "?": " "}  # what a place without a digit shows
_SHOWN = frozenset({"literal", "percent", "point", "slash"})  # the tokens that stand for themselves
Shown = dict[int, str]  # what the token at each position shows


def signed(text: str, negative: bool) -> str:
    return f"-{text}" if negative else text


def as_shown(tokens: tuple[Token, ...]) -> Shown:
    """What tokens show before any digit is written: literal text itself, places nothing."""
    return {position: token.text if token.kind in _SHOWN else "" for position, token in enumerate(tokens)}


@dataclass(frozen=True, slots=True)
class General:
    """A number in the General format, or as text shows it, with literal text around."""

    tokens: tuple[Token, ...]

    def shown(self, number: float, style: Style) -> str:
        size = abs(number)
        own = {"general": general_text(size, style.general_width), "text": general_text(size)}
        text = "".join(own.get(token.kind, token.text) for token in self.tokens)
        return signed(text, number < 0 and own["text"] != "0")


@dataclass(frozen=True, slots=True)
class Decimals:
    """The places of a number's digits."""

    tokens: tuple[Token, ...]
    whole: tuple[int, ...]
    places: tuple[int, ...]
    power: int  # of ten that the number is multiplied with: percents and thousands
    grouped: bool

    def shown(self, number: float, style: Style) -> str:
        value = rounded(decimal(abs(number)).scaleb(self.power), len(self.places))
        shown = as_shown(self.tokens)
        whole, _, rest = f"{value:f}".partition(".")
        fill_whole(whole.lstrip("0"), self.tokens, self.whole, shown, grouped=self.grouped)
        fill_places(rest, self.tokens, self.places, shown)
        has_digits = bool(self.whole or self.places)
        return signed("".join(shown.values()), number < 0 and bool(value or style.sign_of_zero or not has_digits))


@dataclass(frozen=True, slots=True)
class Scientific:
    """The places of a mantissa and of its exponent, a multiple of the number of places before the point."""

    tokens: tuple[Token, ...]
    whole: tuple[int, ...]
    places: tuple[int, ...]
    exponent: tuple[int, ...]
    mark: int  # the position of E
    grouped: bool

    def shown(self, number: float, style: Style) -> str:
        mantissa, exponent = self.parts(decimal(abs(number)))
        shown = as_shown(self.tokens)
        whole, _, rest = f"{mantissa:f}".partition(".")
        digits = whole.lstrip("0") if mantissa else "0" * len(self.whole)  # 0 shows in every place
        fill_whole(digits, self.tokens, self.whole, shown, grouped=self.grouped)
        fill_places(rest, self.tokens, self.places, shown)
        mark = self.tokens[self.mark].text  # E+ shows the sign of any exponent, E- that of a negative one
        shown[self.mark] = mark[0]
        fill_whole(str(abs(exponent)), self.tokens, self.exponent, shown)
        first = self.exponent[0]
        shown[first] = ("-" if exponent < 0 else "+" if mark[1] == "+" else "") + shown[first]
        return signed("".join(shown.values()), number < 0)

    def parts(self, value: Decimal) -> tuple[Decimal, int]:
        """Mantissa and exponent; without a place before the point the mantissa is less than 1."""
        step = max(len(self.whole), 1)
        exponent = value.adjusted() if value else 0
        exponent -= exponent % step if self.whole else -1 if value else 0
        mantissa = rounded(value.scaleb(-exponent), len(self.places))
        if mantissa and mantissa.adjusted() >= (step if self.whole else 0):  # 9.99 has become 10.0
            exponent += step
            mantissa = rounded(value.scaleb(-exponent), len(self.places))
        return mantissa, exponent


def section_of_digits(tokens: list[Token]) -> General | Decimals | Scientific:
    """How a section without a date or a fraction shows a number."""
    if any(token.kind in ("general", "text") for token in tokens):
        if any(token.kind in ("digit", "exponent") for token in tokens):
            raise FormatError("places of digits stand beside the whole number")
        return General(tuple(tokens))
    tokens, grouped, thousands = without_commas(tokens)
    digits = [position for position, token in enumerate(tokens) if token.kind == "digit"]
    marks = [position for position, token in enumerate(tokens) if token.kind == "exponent"]
    points = [position for position, token in enumerate(tokens) if token.kind == "point"]
    point = points[0] if points else marks[0] if marks else len(tokens)
    mark = marks[0] if marks else len(tokens)
    whole = tuple(position for position in digits if position < min(point, mark))
    places = tuple(position for position in digits if point < position < mark)
    if marks:
        exponent = tuple(position for position in digits if position > mark)
        if len(marks) > 1 or not exponent or not (whole or places):
            raise FormatError("a power of ten has no place for its digits")
        return Scientific(tuple(tokens), whole, places, exponent, mark, grouped)
    if places and not whole:  # the digits before the point are written all the same
        tokens = [*tokens[:point], Token("digit", "#"), *tokens[point:]]
        whole, places = (point,), tuple(position + 1 for position in places)
    power = 2 * sum(token.kind == "percent" for token in tokens) - 3 * thousands
    return Decimals(tuple(tokens), whole, places, power, grouped)


def without_commas(tokens: list[Token]) -> tuple[list[Token], bool, int]:
    """The tokens without the commas that belong to digits; whether thousands are set apart (a comma between
    digits), and by how many thousands the number is divided (commas after the digits). Others are literal."""
    kept: list[Token] = []
    grouped, pending, thousands = False, 0, 0
    for token in tokens:
        if token.kind == "comma":
            if kept and kept[-1].kind == "digit":
                pending += 1
            else:
                kept.append(Token("literal", ","))
            continue
        if pending and token.kind == "digit":
            grouped = True
        else:
            thousands += pending
        pending = 0
        kept.append(token)
    return kept, grouped, thousands + pending


def fill_whole(
    digits: str, tokens: tuple[Token, ...], places: tuple[int, ...], shown: Shown, *, grouped: bool = False
) -> None:
    """Digits put into their places from the right; the first place takes all that are left."""
    written = 0
    for order, place in enumerate(reversed(places)):
        taken = digits[-1:] if order < len(places) - 1 else digits
        digits = digits[: len(digits) - len(taken)]
        text = ""
        for digit in reversed(taken or _EMPTY[tokens[place].text]):
            comma = "," if digit != " " else " "
            text = digit + (comma if grouped and written and written % 3 == 0 else "") + text
            written += 1
        shown[place] = text


def fill_places(digits: str, tokens: tuple[Token, ...], places: tuple[int, ...], shown: Shown) -> None:
    """Digits put into the places after the point; zeros at their end show only where 0 stands."""
    significant = len(digits.rstrip("0"))
    for order, place in enumerate(places):
        shown[place] = digits[order] if order < significant else _EMPTY[tokens[place].text]
