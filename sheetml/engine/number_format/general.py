"""Numbers in 15 significant decimal digits, and the General format that shows them.

How many digits the General format shows depends on the characters it may take: 11 in a wide cell and
in TEXT, 20 where a number becomes text (by & and wherever a text is wanted). The sign is not counted.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

AS_TEXT = 20  # characters of a number that becomes text
_SMALLEST = 2.2250738585072014e-308  # Excel takes smaller numbers for 0
_SHORTENED = -4  # the smallest power of ten that is rounded to fit; what is smaller is shown in powers of ten instead
_EVERY_DIGIT = Context(prec=1000, rounding=ROUND_HALF_UP)  # of the largest number, and of all places of a format


def decimal(number: float) -> Decimal:
    """The number in its 15 significant digits: 2.675 is 2.675, not a little less."""
    return Decimal(f"{number:.14e}")


def rounded(number: Decimal, places: int) -> Decimal:
    """The number to so many decimal places, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), context=_EVERY_DIGIT)


def general_text(number: float, width: int = AS_TEXT) -> str:
    """A number in the General format, in so many characters and up to 15 significant digits."""
    size = abs(number)
    if size < _SMALLEST:
        return "0"
    if width >= AS_TEXT and 1e-4 <= size < 1e14:  # all 15 digits fit, as Python writes them too
        return f"{number:.15g}"
    return ("-" if number < 0 else "") + _general(decimal(size), width)


def _general(value: Decimal, width: int) -> str:
    exponent = value.adjusted()
    if exponent < width:
        places = max(width - 1 - max(exponent + 1, 1), 0)
        short = rounded(value, places)
        if short.adjusted() < width and (exponent >= _SHORTENED or short == value):
            return _without_zeros(f"{short:f}")
    return _scientific(value, exponent, width)


def _scientific(value: Decimal, exponent: int, width: int) -> str:
    """Powers of ten: at least two digits of the exponent, and room for three where it might grow to 100."""
    digits = width - len("1.E+00") - (abs(exponent) >= 99)
    mantissa = rounded(value.scaleb(-exponent), digits)
    if mantissa.adjusted():  # 9.9999996 has become 10
        return _general(mantissa.scaleb(exponent), width)
    return f"{_without_zeros(f'{mantissa:f}')}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
