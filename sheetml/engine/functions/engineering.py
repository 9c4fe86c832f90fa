"""Engineering: bits, number systems, thresholds, Bessel functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.functions.distributions import sound, whole
from sheetml.engine.functions.registry import Item, elementwise, one_by_one
from sheetml.engine.reading import parse_number
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, frozen
from sheetml.engine.tracing.special import scipy_special
from sheetml.engine.values import NUM, Errors, error_where
from sheetml.xlsx.model import ErrorCode

# ---- bits --------------------------------------------------------------------------------------

_MOST_BITS = 48


def _bits(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers of at most 48 bits, 0 in place of others, and which are others."""
    wrong = (number < 0) | (number != np.floor(number)) | (number >= 2.0**_MOST_BITS)
    return np.where(wrong, 0.0, number).astype(np.int64), wrong


def _bitwise(name: str, about: str, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    @elementwise(name, "number", "number", differentiable=False, about=about)
    def evaluate(left: Array, right: Array) -> tuple[np.ndarray, Errors]:
        (x, wrong), (y, wrong_too) = _bits(frozen(left)), _bits(frozen(right))
        return combine(x, y).astype(np.float64), error_where(wrong | wrong_too, NUM)


_bitwise("BITAND", "The bits that both of two numbers have.", np.bitwise_and)
_bitwise("BITOR", "The bits that one of two numbers has, or both.", np.bitwise_or)
_bitwise("BITXOR", "The bits that only one of two numbers has.", np.bitwise_xor)


def _shift(name: str, about: str, sign: int) -> None:
    @elementwise(name, "number", "number", differentiable=False, about=about)
    def evaluate(number: Array, places: Array) -> tuple[np.ndarray, Errors]:
        x, wrong = _bits(frozen(number))
        distance = sign * np.trunc(frozen(places))
        far = np.abs(distance) > 53
        result = np.floor(x * 2.0 ** np.where(far, 0, distance))
        return result, error_where(wrong | far | (result >= 2.0**_MOST_BITS), NUM)


_shift("BITLSHIFT", "A number with its bits moved left.", 1)
_shift("BITRSHIFT", "A number with its bits moved right.", -1)

# ---- thresholds --------------------------------------------------------------------------------


@elementwise("DELTA", "strict", "strict", defaults=(0.0,))
def equal(left: Array, right: Array) -> Array:
    """1 if two numbers are equal, else 0."""
    return ops.where(ops.equal(left, right), 1.0, 0.0)


@elementwise("GESTEP", "strict", "strict", defaults=(0.0,))
def at_least(number: Array, step: Array) -> Array:
    """1 if a number is not below a step, else 0."""
    return ops.where(ops.greater_equal(number, step), 1.0, 0.0)


# ---- number systems ----------------------------------------------------------------------------

_DIGITS = 10  # of a number in any system; the first one of ten is the sign
_BASES = {"BIN": 2, "OCT": 8, "HEX": 16}
_LEFT_OUT = "…"  # in place of the count of places


def _read(text: Item, base: int) -> int | None:
    """A number in a system, of at most ten digits, with ten of them in two's complement."""
    if isinstance(text, float) and text == int(text) and text >= 0:
        text = str(int(text))
    if not isinstance(text, str) or len(text) > _DIGITS:
        return None
    digits = text.strip().upper()
    if not all(digit in "0123456789ABCDEF"[:base] for digit in digits):
        return None
    number = int(digits, base) if digits else 0
    span = base**_DIGITS
    return number - span if number >= span // 2 else number


def _places(item: Item) -> int | ErrorCode | None:
    """How many digits are asked for, from 1 to 10; None where that is left out."""
    if item == _LEFT_OUT:
        return None
    number = parse_number(item) if isinstance(item, str) else item
    if isinstance(number, ErrorCode):
        return number
    if isinstance(number, bool) or (number is None and item is not None):
        return ErrorCode.VALUE
    places = int(number or 0.0)
    return places if 1 <= places <= _DIGITS else ErrorCode.NUM


def _written(number: int, base: int, places: int | None) -> Item:
    """A number in a system, with leading zeros up to so many places; negative ones have ten digits anyway."""
    span = base**_DIGITS
    if not -span // 2 <= number < span // 2:
        return ErrorCode.NUM
    text = format(number % span, {2: "b", 8: "o", 16: "X"}[base])
    if number < 0 or places is None:
        return text
    return text.zfill(places) if len(text) <= places else ErrorCode.NUM


def _rewritten(name: str, about: str, base: int, read: Callable[[Item], int | ErrorCode | None]) -> None:
    """Registers a change of system. A wrong count of places is told before a wrong number, but not before an error."""

    @one_by_one(name, "strict value", "strict value", defaults=(_LEFT_OUT,), about=about)
    def evaluate(item: Item, places: Item) -> Item:
        if isinstance(item, ErrorCode):
            return item
        count, number = _places(places), read(item)
        if isinstance(count, ErrorCode):
            return count
        if number is None or isinstance(number, ErrorCode):
            return ErrorCode.NUM if number is None else number
        return _written(number, base, count)


def _in_system(base: int) -> Callable[[Item], int | ErrorCode | None]:
    return lambda item: ErrorCode.VALUE if isinstance(item, bool) else _read("" if item is None else item, base)


def _decimal(item: Item) -> int | ErrorCode | None:
    number = parse_number(item) if isinstance(item, str) else item
    if isinstance(number, bool) or (number is None and item is not None):
        return ErrorCode.VALUE
    return int(number or 0.0)


_WORDS = {"BIN": "binary", "OCT": "octal", "HEX": "hexadecimal", "DEC": "decimal"}
for _source, _base in _BASES.items():
    for _target in _BASES:
        if _source != _target:
            _about = f"A number as {_WORDS[_target]}, from one that is {_WORDS[_source]}."
            _rewritten(f"{_source}2{_target}", _about, _BASES[_target], _in_system(_base))
    _rewritten(f"DEC2{_source}", f"A number as {_WORDS[_source]}.", _base, _decimal)


def _to_decimal(source: str) -> None:
    @one_by_one(f"{source}2DEC", "strict value", about=f"The number that is written {_WORDS[source]}.")
    def evaluate(item: Item) -> Item:
        if isinstance(item, ErrorCode):
            return item
        if isinstance(item, bool):
            return ErrorCode.VALUE
        number = _read("" if item is None else item, _BASES[source])
        return ErrorCode.NUM if number is None else float(number)


for _name in _BASES:
    _to_decimal(_name)

# ---- Bessel functions --------------------------------------------------------------------------


def _bessel(name: str, function: str, kind: str, sign: tuple[float, float], only_positive: bool) -> None:
    """Registers a Bessel function of whole order n: its derivative is (sign₁ f(n-1) + sign₂ f(n+1)) / 2.

    DLMF 10.6.1 and 10.29.1.
    """
    about = f"The {kind} Bessel function of whole order n at x."

    def slope(result: Array, order: Array, x: Array) -> Array:
        below, above = primitive(ops.subtract(order, 1.0), x), primitive(ops.add(order, 1.0), x)
        return ops.multiply(0.5, ops.add(ops.multiply(sign[0], below), ops.multiply(sign[1], above)))

    primitive: ops.Primitive = ops.smooth(name, scipy_special(function), None, slope)

    @elementwise(name, "strict", "strict", about=about)
    def evaluate(x: Array, order: Array) -> tuple[Array, Errors]:
        n = whole(order)
        wrong: Array = n < 0
        if only_positive:
            wrong = ops.logical_or(wrong, ops.less_equal(x, 0.0))
        (x,), errors = sound(wrong, (x, 1.0))
        return primitive(np.maximum(n, 0.0), x), errors


_bessel("BESSELI", "iv", "modified", (1.0, 1.0), False)
_bessel("BESSELJ", "jv", "first", (1.0, -1.0), False)
_bessel("BESSELK", "kv", "second modified", (-1.0, -1.0), True)
_bessel("BESSELY", "yv", "second", (1.0, -1.0), True)
