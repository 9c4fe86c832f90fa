"""Whole numbers: factorials and combinations, divisors and multiples, Roman numerals, other bases."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import (
    Item,
    Sample,
    as_strict_number,
    elementwise,
    first_of_each_cell,
    function,
    joined,
    of_sample,
    one_by_one,
)
from sheetml.engine.reading import parse_number
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, frozen
from sheetml.engine.values import BLANK, NA, NUM, VALUE, Errors, Value, error_value, error_where
from sheetml.formula.tree import Missing, Node
from sheetml.xlsx.model import ErrorCode

_EXACT = 2.0**53  # whole numbers from here on are not all there
_LARGEST = math.log(np.finfo(np.float64).max)
_MOST_CHOSEN = 1_000_000  # things to choose from

# ---- factorials and combinations -----------------------------------------------------------------

_FACTORIALS = np.array([float(math.factorial(n)) for n in range(171)])
_DOUBLE_FACTORIALS = np.array([float(math.prod(range(n, 0, -2))) for n in range(301)])


@elementwise("FACT", "number", differentiable=False)
def factorial(x: Array) -> tuple[np.ndarray, Errors]:
    """The factorial of the whole part of a number."""
    number = np.trunc(frozen(x))
    wrong = (number < 0) | (number >= len(_FACTORIALS))
    return _FACTORIALS[np.clip(number, 0, len(_FACTORIALS) - 1).astype(int)], error_where(wrong, NUM)


@elementwise("FACTDOUBLE", "strict", differentiable=False)
def double_factorial(x: Array) -> tuple[np.ndarray, Errors]:
    """The product of a whole number and every second one below it."""
    number = np.trunc(frozen(x))
    wrong = (number < -1) | (number >= len(_DOUBLE_FACTORIALS))
    return _DOUBLE_FACTORIALS[np.clip(number, 0, len(_DOUBLE_FACTORIALS) - 1).astype(int)], error_where(wrong, NUM)


def _float(number: int) -> Item:
    try:
        return float(number)
    except OverflowError:
        return ErrorCode.NUM


def _choosing(name: str, about: str, compute: Callable[[int, int], int], *, more: bool = False) -> None:
    """COMBIN and its kind, on whole numbers of things and of choices; `more` choices than things are possible."""

    @one_by_one(name, "number", "number", about=about)
    def evaluate(things: float, choices: float) -> Item:
        if not (0 <= int(choices) <= _MOST_CHOSEN and 0 <= int(things) <= _MOST_CHOSEN):
            return ErrorCode.NUM
        if int(things) < int(choices) and (not more or not int(things)):
            return ErrorCode.NUM
        return _float(compute(int(things), int(choices)))


def _comb(n: int, k: int) -> int:
    """How many ways there are to choose; where they are too many for a number, infinitely many stand for them."""
    few = min(k, n - k)
    if few > 0 and math.lgamma(n + 1) - math.lgamma(few + 1) - math.lgamma(n - few + 1) > _LARGEST + 1:
        return 10**400
    return math.comb(n, few) if few >= 0 else 0


def _perm(n: int, k: int) -> int:
    return 10**400 if math.lgamma(n + 1) - math.lgamma(n - k + 1) > _LARGEST + 1 else math.perm(n, k)


_choosing("COMBIN", "The number of combinations of so many things.", _comb)
_choosing(
    "COMBINA",
    "The number of combinations with repetitions.",
    lambda n, k: _comb(n + k - 1, k) if n else 1,
    more=True,
)
_choosing("PERMUT", "The number of arrangements of so many of the things.", _perm)


# ---- of any numbers ------------------------------------------------------------------------------


def _over_whole_numbers(name: str, about: str, compute: Callable[[list[int]], int]) -> None:
    """Registers a function of any number of whole numbers. A blank cell does not count, but blanks in areas of
    several cells are 0; nothing at all is #VALUE!."""

    @function(name, 1, differentiable=False, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        return of_sample(measure, strict_sample(context, arguments))

    def measure(sample: Sample) -> tuple[np.ndarray, Errors]:
        given = frozen(sample.number)
        included = np.broadcast_to(True if sample.included is None else sample.included, given.shape)
        wrong = ((given < 0) | (given >= _EXACT)) & included
        results, codes = np.zeros(len(given)), np.zeros(len(given), np.uint8)
        for cell, (row, own) in enumerate(zip(given, included)):
            if not own.any():
                codes[cell] = VALUE
            elif wrong[cell].any():
                codes[cell] = NUM
            else:
                result = _float(compute([int(number) for number in row[own]]))
                results[cell], codes[cell] = (0.0, result) if isinstance(result, ErrorCode) else (result, 0)
        return results, codes


def strict_sample(context: Context, arguments: Arguments) -> Sample:
    """The numbers that functions of the former Analysis ToolPak find: text counts if it is a number, else is
    #VALUE! like a boolean; a blank cell alone is passed over; an argument left empty is #N/A."""
    return joined([part for node in arguments for part in _strict_parts(context, node)])


def _strict_parts(context: Context, node: Node) -> list[Sample]:
    if isinstance(node, Missing):
        return [_strict_part(error_value(NA))]
    result = context.evaluate(node)
    if isinstance(result, Areas):
        return [_strict_part(context.read(part)) for part in result.parts]
    if isinstance(result, Reference):
        return [_strict_part(context.read(result))]
    return [_strict_part(context.dereference(result))]


def _strict_part(value: Value) -> Sample:
    number, errors = as_strict_number(value)
    count = value.shape[0]
    size = number.size // count
    included = (value.kinds != BLANK).reshape(count, 1) if size == 1 else None
    return Sample(ops.reshape(number, (count, size)), included, first_of_each_cell(errors, count))


def _lcm(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result = math.lcm(result, number)
        if result >= _EXACT:
            return 10**400
    return result


def _multinomial(numbers: list[int]) -> int:
    """The factorial of the sum over the product of the factorials: choose the first, then of the rest the next ..."""
    result, total = 1, 0
    for number in numbers:
        total += number
        result *= _comb(total, number) if total <= _MOST_CHOSEN else 10**400
        if result > 10**330:
            return 10**400
    return result


_over_whole_numbers("GCD", "The greatest common divisor.", lambda numbers: math.gcd(*numbers))
_over_whole_numbers("LCM", "The least common multiple.", _lcm)
_over_whole_numbers("MULTINOMIAL", "The number of ways to divide things into groups of these sizes.", _multinomial)


# ---- numerals and bases --------------------------------------------------------------------------

_NUMERALS = (1000, 500, 100, 50, 10, 5, 1)
_LETTERS = "MDCLXVI"
_VALUES = dict(zip(_LETTERS, _NUMERALS))
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST_NUMERAL = 255


@one_by_one("ROMAN", "number", "value", defaults=(0.0,))
def roman(number: float, form: Item) -> Item:
    """A number in Roman numerals; forms 1 to 4 are ever more concise."""
    if isinstance(form, bool):
        form = 0.0 if form else 4.0
    if isinstance(form, str):
        form = parse_number(form)
    if isinstance(form, ErrorCode):
        return form
    if form is None or not 0 <= form < 5 or not 0 <= number < 4000:
        return ErrorCode.VALUE
    return _roman(int(number), int(form))


def _roman(number: int, form: int) -> str:
    """Fours and nines are written by subtraction: classically of a unit of their place (XC), in the more concise
    forms of what is up to `form` numerals smaller, as long as that leaves no more than there is (VC, IC)."""
    text = ""
    for unit in range(0, len(_NUMERALS), 2):
        digit = number // _NUMERALS[unit]
        if digit in (4, 9):
            minuend, taken = unit - (1 if digit == 4 else 2), unit
            while taken < min(unit + form, len(_NUMERALS) - 1):
                if _NUMERALS[minuend] - _NUMERALS[taken + 1] > number:
                    break
                taken += 1
            text += _LETTERS[taken] + _LETTERS[minuend]
            number -= _NUMERALS[minuend] - _NUMERALS[taken]
        else:
            text += (_LETTERS[unit - 1] if digit > 4 else "") + _LETTERS[unit] * (digit % 5)
            number %= _NUMERALS[unit]
    return text


@one_by_one("ARABIC", "text")
def arabic(text: str) -> Item:
    """The number that a Roman numeral stands for."""
    letters = text.strip(" ").upper()
    negative = letters.startswith("-")
    values = [_VALUES.get(letter, 0) for letter in letters.removeprefix("-")]
    if len(letters) > _LONGEST_NUMERAL or 0 in values:
        return ErrorCode.VALUE
    total = sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0]))
    return float(-total if negative else total)


@one_by_one("BASE", "number", "number", "number", defaults=(0.0,))
def in_base(number: float, radix: float, length: float) -> Item:
    """A whole number written in a base from 2 to 36, with zeros before it up to a length."""
    if not (0 <= number < _EXACT and 2 <= radix < 37 and 0 <= length < 256):
        return ErrorCode.NUM
    rest, text = int(number), ""
    while rest:
        rest, digit = divmod(rest, int(radix))
        text = _DIGITS[digit] + text
    return (text or "0").rjust(int(length), "0")


@one_by_one("DECIMAL", "text", "number")
def from_base(text: str, radix: float) -> Item:
    """The whole number that a text is in a base from 2 to 36."""
    if not 2 <= radix < 37 or len(text) > _LONGEST_NUMERAL:
        return ErrorCode.NUM
    digits = [_DIGITS.find(letter) for letter in text.strip(" ").upper()]
    if any(not 0 <= digit < int(radix) for digit in digits):
        return ErrorCode.NUM
    number = 0
    for digit in digits:
        number = number * int(radix) + digit
    return _float(number)
