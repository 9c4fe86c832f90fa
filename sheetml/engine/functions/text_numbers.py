"""Numbers written as text, and read from it."""

from __future__ import annotations

import re

import numpy as np

from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import (
    SINGLE_VALUES,
    Item,
    also_named,
    elementwise,
    function,
    mapped,
    one_by_one,
    spread,
)
from sheetml.engine.number_format import FormatError, UnknownLanguage, decimal, formatted, general_text
from sheetml.engine.number_format import rounded as rounded_decimal
from sheetml.engine.reading import parse_number
from sheetml.engine.sizes import Split
from sheetml.engine.tracing.graph import Array
from sheetml.engine.values import BOOLEAN, VALUE, Errors, Value, as_number, error_where, first_error
from sheetml.xlsx.model import ERROR_TEXT, ErrorCode

_MOST_DECIMALS = 127


@elementwise("VALUE", "value")
def number_of_text(value: Value) -> tuple[Array, Errors]:
    """The number that a text stands for; a number is itself."""
    number, errors = as_number(value)
    return number, first_error(errors, error_where(value.kinds == BOOLEAN, VALUE))


@one_by_one("NUMBERVALUE", "text", "text", "text", defaults=(".", ","))
def number_of_foreign_text(text: str, point: str, group: str) -> Item:
    """The number that a text stands for, with stated signs for the decimal point and between groups of digits."""
    if not point or not group or point[0] == group[0]:
        return ErrorCode.VALUE
    digits = re.sub(r"\s", "", text)
    if not digits:
        return 0.0
    number = digits.rstrip("%")
    whole, _, places = number.partition(point[0])
    whole = whole.replace(group[0], "")
    if group[0] in places or "." in whole + places:  # a point that is neither of the two signs
        return ErrorCode.VALUE
    plain = whole + ("." + places if places else "")
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", plain, re.ASCII) is None:
        return ErrorCode.VALUE
    value = float(plain) / 100.0 ** min(len(digits) - len(number), 200)
    return value if np.isfinite(value) else ErrorCode.NUM


@function("TEXT", 2, 2, intersects=True, differentiable=False)
def formatted_text(context: Context, arguments: Arguments) -> Result:
    """The value as a number format shows it."""
    try:
        return spread(_all_formatted, ("value", "text"), [context.value(argument) for argument in arguments])
    except UnknownLanguage as reason:
        if context.count > 1:
            raise Split from None
        return context.uncomputable(f"TEXT: {reason}")


def _all_formatted(values: Value, formats: np.ndarray) -> Value:
    return mapped(_formatted, (values, formats))


def _formatted(value: Item, number_format: str) -> Item:
    if isinstance(value, ErrorCode):
        return value
    if isinstance(value, str):
        number = parse_number(value)
        value = value if number is None else number
    try:
        return formatted(0.0 if value is None else value, number_format)
    except UnknownLanguage:
        raise
    except FormatError:
        return ErrorCode.VALUE


SINGLE_VALUES["TEXT"] = _formatted, ("value", "text"), (), True


@one_by_one("FIXED", "number", "number", "boolean", defaults=(2.0, False))
def fixed(number: float, decimals: float, plain: bool) -> Item:
    """The number as text with so many decimal places, and commas between thousands unless they are declined."""
    return ErrorCode.VALUE if decimals > _MOST_DECIMALS else _with_places(number, decimals, "0" if plain else "#,##0")


@one_by_one("DOLLAR", "number", "number", defaults=(2.0,))
def dollars(number: float, decimals: float) -> Item:
    """The number as text in dollars, negative ones in parentheses."""
    if decimals > _MOST_DECIMALS:
        return ErrorCode.VALUE
    text = _with_places(abs(number), decimals, "$#,##0")
    return f"({text})" if number < 0 else text


also_named("USDOLLAR", "DOLLAR")


def _with_places(number: float, decimals: float, whole: str) -> str:
    """The number rounded to so many places, before the point where they are negative."""
    places = max(int(decimals), -400)
    value = float(rounded_decimal(decimal(number), places)) if places < 0 else number
    return formatted(value, whole + ("." + "0" * places if places > 0 else ""))


@one_by_one("VALUETOTEXT", "value", "number", defaults=(0.0,))
def value_as_text(value: Item, strict: float) -> Item:
    """Any value as text; strictly (1) with texts in quotation marks."""
    if int(strict) not in (0, 1):
        return ErrorCode.VALUE
    return item_text(value, strict=int(strict) == 1)


def item_text(item: Item, strict: bool) -> str:
    """An item as it stands in a cell or, strictly, in a formula."""
    if isinstance(item, ErrorCode):
        return ERROR_TEXT[item]
    if isinstance(item, bool):
        return "TRUE" if item else "FALSE"
    if isinstance(item, str):
        doubled = item.replace('"', '""')
        return f'"{doubled}"' if strict else item
    return "" if item is None else general_text(item)
