"""What operators and functions make of single values: numbers, text, booleans and blanks as plain Python.

The same as `evaluate.py` and `functions/` make of arrays of them, to the last bit. An error is a Fault that is raised;
only what an area's cells hold, and what `caught` gives, has errors as ErrorCode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from operator import add as plus
from typing import Any

import numpy as np

from sheetml.engine.block_values import defects_named
from sheetml.engine.collation import collation_key, folded
from sheetml.engine.compiled import numbers
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.compiled.numbers import FAULTS, Fault, code_of, fail
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.functions.registry import SAMPLES, SINGLE_VALUES, Sample, finished, of_sample
from sheetml.engine.number_format import general_text
from sheetml.engine.precision import order_seen
from sheetml.engine.reading import parse_number
from sheetml.engine.signals import Signal
from sheetml.engine.values import (
    DIV0,
    ERROR,
    NA,
    NUM,
    NUMBER,
    TEXT,
    UNCOMPUTABLE,
    VALUE,
    Value,
    error_value,
    scalar_value,
    to_objects,
)
from sheetml.errors import SheetmlError
from sheetml.xlsx.model import MAX_TEXT, ErrorCode

Item = float | str | bool | ErrorCode | None  # a cell's value: None is a blank


def value_of_item(item: Item) -> Value:
    """The item as the value of one cell."""
    return error_value(int(item)) if isinstance(item, ErrorCode) else scalar_value(item)


def items_of(value: Value) -> list[Item]:
    """A value's elements."""
    found: list[Item] = to_objects(value).reshape(-1).tolist()
    return found


def value_of_items(items: Sequence[Item]) -> Value:
    """Items as a value, (n, 1, 1)."""
    shape = (len(items), 1, 1)
    if all(type(item) is float for item in items):
        return Value(np.array(items, np.float64).reshape(shape))
    numbers, kinds = np.zeros(len(items)), np.zeros(len(items), np.uint8)
    texts = np.full(len(items), "", object)
    for place, item in enumerate(items):
        if type(item) is float:
            numbers[place] = item
        elif isinstance(item, ErrorCode):
            kinds[place] = ERROR + item
        elif isinstance(item, str):
            texts[place], kinds[place] = item, 3
        elif item is None:
            kinds[place] = 1
        else:
            numbers[place], kinds[place] = item, 2
    return Value(numbers.reshape(shape), kinds.reshape(shape), texts.reshape(shape))


# ---- coercion: of what no error is -----------------------------------------------------------


def number(item: Item) -> float:
    """An item as arithmetic takes it."""
    if type(item) is float:
        return item
    if item is None:
        return 0.0
    if type(item) is str:
        parsed = parse_number(item)
        if parsed is None:
            raise Fault(VALUE)
        return float(parsed)
    if type(item) is ErrorCode:
        raise Fault(int(item))
    return float(item)


def strict(item: Item) -> float:
    """An item as the functions of the former Analysis ToolPak take it."""
    if type(item) is bool:
        raise Fault(VALUE)
    return number(item)


def truth(item: Item) -> bool:
    """An item as IF takes its condition."""
    if type(item) is bool:
        return item
    if type(item) is str:
        word = item.upper()
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        raise Fault(VALUE)
    return item is not None and item != 0.0


def text(item: Item) -> str:
    """An item as & takes it."""
    if type(item) is str:
        return item
    if item is None:
        return ""
    if type(item) is bool:
        return "TRUE" if item else "FALSE"
    return general_text(float(item))


def wrong(item: Item) -> Item:
    """An error that a cell holds, raised."""
    raise Fault(int(item))  # type: ignore[arg-type]


def result(item: Item) -> Item:
    """A formula's result: it is never blank."""
    return 0.0 if item is None else item


def checked(item: Any) -> Any:
    """What a function gave, errors raised; a text is not longer than a cell holds."""
    kind = type(item)
    if kind is float:
        if item - item != 0.0:
            raise Fault(NUM)
    elif kind is str:
        if len(item) > MAX_TEXT:
            raise Fault(VALUE)
    elif kind is ErrorCode:
        raise Fault(int(item))
    elif kind is not bool and item is not None:
        return bool(item) if isinstance(item, np.bool_) else checked(float(item))
    return item


# ---- errors caught -----------------------------------------------------------------------------


def caught(value: Callable[[], Item]) -> Item:
    """A value, or its error as an item; what could not be computed is no error that anything catches."""
    try:
        return value()
    except FAULTS as fault:
        code = code_of(fault)
        if code == UNCOMPUTABLE:
            raise
        return ErrorCode(code)


def instead(value: Callable[[], Item], other: Callable[[], Item]) -> Item:
    """IFERROR."""
    item = caught(value)
    return other() if type(item) is ErrorCode else item


def instead_of_missing(value: Callable[[], Item], other: Callable[[], Item]) -> Item:
    """IFNA."""
    try:
        return value()
    except Fault as fault:
        if fault.code != NA:
            raise
    return other()


QUESTIONS: dict[str, Callable[[Item], bool]] = {
    "is_error": lambda item: type(item) is ErrorCode,
    "is_other_error": lambda item: type(item) is ErrorCode and item != ErrorCode.NA,
    "is_missing": lambda item: type(item) is ErrorCode and item == ErrorCode.NA,
    "is_number": lambda item: type(item) is float,
    "is_text": lambda item: type(item) is str,
    "is_no_text": lambda item: type(item) is not str,
    "is_boolean": lambda item: type(item) is bool,
    "is_blank": lambda item: item is None,
}


def _asking(question: Callable[[Item], bool]) -> Callable[[Callable[[], Item]], bool]:
    return lambda value: question(caught(value))


# ---- operators ---------------------------------------------------------------------------------


def power_of_arrays(x: float, y: float) -> float:
    """x ^ y, rounded as NumPy does."""
    if x == 0 and y <= 0:
        raise Fault(DIV0 if y < 0 else NUM)
    if x < 0 and y != np.rint(y):
        raise Fault(NUM)
    return float(np.power(x, y))


def joined(left: str, right: str) -> str:
    """The operator &."""
    if len(left) + len(right) > MAX_TEXT:
        raise Fault(VALUE)
    return left + right


def same_text(left: str, right: str) -> bool:
    return left == right or folded(left) == folded(right)


def order(left: Item, right: Item) -> int:
    """-1, 0 or 1: numbers before text before booleans; a blank is of the kind it is compared with."""
    if type(left) is float and type(right) is float:
        return order_seen(left, right)
    if isinstance(left, str) or isinstance(right, str):
        first = "" if left is None else left
        second = "" if right is None else right
        if isinstance(first, str) and isinstance(second, str):
            if first == second:
                return 0
            first, second = collation_key(first), collation_key(second)
            return (first > second) - (first < second)
    ranks = [
        1 if isinstance(one, str) else 2 if type(one if one is not None else other) is bool else 0
        for one, other in ((left, right), (right, left))
    ]
    if ranks[0] != ranks[1]:
        return 1 if ranks[0] > ranks[1] else -1
    return order_seen(float(left or 0), float(right or 0))


# ---- aggregates: of parts, each a number, or the list of an area's ---------------------------------


def listed(area: list[Item]) -> list[float]:
    """The numbers among what an area's cells hold; its first error is raised."""
    kinds = set(map(type, area))
    if kinds == {float}:
        return area  # type: ignore[return-value]
    if ErrorCode in kinds:
        raise_first(area)
    return [item for item in area if type(item) is float]


def texts(area: list[Item]) -> list[str]:
    """What an area's cells hold, as texts."""
    if ErrorCode in set(map(type, area)):
        raise_first(area)
    return [text(item) for item in area]


def conditions(area: list[Item]) -> list[bool]:
    """The conditions among them."""
    if ErrorCode in set(map(type, area)):
        raise_first(area)
    return [item != 0 for item in area if type(item) is float or type(item) is bool]


def raise_first(area: list[Item]) -> None:
    """Raises the first error; but what could not be computed comes before all."""
    errors = [item for item in area if type(item) is ErrorCode]
    raise Fault(UNCOMPUTABLE if ErrorCode.UNCOMPUTABLE in errors else int(errors[0]))


def _together(parts: tuple[Any, ...]) -> list[Any]:
    if len(parts) == 1 and type(parts[0]) is list:
        return parts[0]
    found: list[Any] = []
    for part in parts:
        if type(part) is list:
            found += part
        else:
            found.append(part)
    return found


def sum_of(*parts: Any) -> float:
    """The sum, number after number: `sum` would add otherwise, from Python 3.12 on."""
    numbers = _together(parts)
    return reduce(plus, numbers) if numbers else 0.0


def mean_of(*parts: Any) -> float:
    numbers = _together(parts)
    return reduce(plus, numbers) / len(numbers) if numbers else fail(DIV0)


def max_of_lists(*parts: Any) -> float:
    return max(_together(parts), default=0.0)


def min_of_lists(*parts: Any) -> float:
    return min(_together(parts), default=0.0)


def _on_sample(compute: Callable[..., Any]) -> Callable[..., float]:
    """A function of numbers, as functions/ has it."""

    def of_numbers(*parts: Any) -> Item:
        with np.errstate(all="ignore"):
            return items_of(of_sample(compute, Sample(np.array([_together(parts)], np.float64))))[0]

    computed = defects_left(of_numbers)
    return lambda *parts: checked(computed(*parts))


def _conditions(parts: tuple[Any, ...]) -> list[bool]:
    """All conditions; an empty text that is written into the formula does not count."""
    found: list[bool] = []
    for part in parts:
        if type(part) is list:
            found += part
        elif part is not None and part != "":
            found.append(truth(part))
    if not found:
        raise Fault(VALUE)
    return found


def all_true(*parts: Any) -> bool:
    return all(_conditions(parts))


def any_true(*parts: Any) -> bool:
    return any(_conditions(parts))


def odd_true(*parts: Any) -> bool:
    return sum(_conditions(parts)) % 2 == 1


def count_numbers(*areas: list[Item]) -> float:
    return float(sum(type(item) is float for area in areas for item in area))


def count_all(*areas: list[Item]) -> float:
    return float(sum(item is not None for area in areas for item in area))


def glued(delimiters: list[str], skips: bool, *parts: Any) -> str:
    """CONCAT and TEXTJOIN: texts, and lists of those in areas."""
    if len(delimiters) > 1:
        raise NotScalar  # one after the other
    pieces = _together(parts)
    if skips:
        pieces = [piece for piece in pieces if piece]
    if sum(map(len, pieces)) + len(delimiters[0]) * (len(pieces) - 1) > MAX_TEXT:
        raise Fault(VALUE)
    return delimiters[0].join(pieces)


# ---- functions of functions/ that take single values ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Singly:
    """A function of single values: what its arguments are taken as, and what is given for those left out."""

    checked: Callable[..., Any]
    kinds: tuple[str, ...]
    defaults: tuple[Any, ...]
    on_arrays: bool  # it is computed by arrays of one element, which takes some 50 µs

    @property
    def required(self) -> int:
        return len(self.kinds) - len(self.defaults)

    def default(self, position: int) -> Item:
        item = self.defaults[position - self.required]
        return float(item) if self.kinds[position] in ("number", "strict") else item


def defects_left(compute: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which leaves it to the vectors to say what cannot be computed, and why."""

    @wraps(compute)
    def computed(*operands: Any) -> Any:
        try:
            with defects_named():
                try:
                    return compute(*operands)
                except Fault as fault:
                    found = fault
        except (SheetmlError, Signal):
            raise NotScalar from None
        raise found

    return computed


def _on_items(compute: Callable[..., Any]) -> Callable[..., Any]:
    computed = defects_left(compute)
    return lambda *operands: checked(computed(*operands))


def _on_arrays(compute: Callable[..., Any], kinds: tuple[str, ...]) -> Callable[..., Any]:
    """A function of arrays, for arrays of one element."""
    types = [object if kind == "text" else bool if kind == "boolean" else np.float64 for kind in kinds]
    valued = [kind == "value" for kind in kinds]

    def single(*operands: Any) -> Item:
        arrays = [
            value_of_item(operand) if is_value else np.full((1, 1, 1), operand, of)
            for operand, of, is_value in zip(operands, types, valued)
        ]
        with np.errstate(all="ignore"):
            return items_of(finished(compute(*arrays)))[0]

    return _on_items(single)


def _singly() -> dict[str, Singly]:
    found = {}
    for name, (compute, kinds, defaults, on_items) in SINGLE_VALUES.items():
        if name in FUNCTIONS and "strict value" not in kinds:
            call = _on_items(compute) if on_items else _on_arrays(compute, kinds)
            found[name] = Singly(call, kinds, defaults, not on_items)
    return found


SINGLY = _singly()
OF_SAMPLES = {name: _on_sample(compute) for name, compute in SAMPLES.items()}
GIVES: dict[str, int] = {  # of those that always give values of one kind: which
    **dict.fromkeys(("LEFT", "RIGHT", "MID", "REPLACE", "SUBSTITUTE", "REPT", "UPPER", "LOWER", "PROPER"), TEXT),
    **dict.fromkeys(("TEXT", "TRIM", "CLEAN", "CHAR", "FIXED", "DOLLAR", "ADDRESS", "BASE", "ROMAN"), TEXT),
    **dict.fromkeys(("LEN", "FIND", "SEARCH", "CODE", "DATE", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE"), NUMBER),
    **dict.fromkeys(("SECOND", "TIME", "WEEKDAY", "DAYS", "VALUE", "PMT", "PV", "FV", "EDATE", "EOMONTH"), NUMBER),
}

CALLED: dict[str, Any] = {
    **numbers.CALLED,
    **{name: _asking(question) for name, question in QUESTIONS.items()},
    **{
        each.__name__: each
        for each in (
            *(number, strict, truth, text, wrong, result, caught, instead, instead_of_missing, power_of_arrays),
            *(joined, same_text, order, listed, conditions, sum_of, mean_of, max_of_lists, min_of_lists, all_true),
            *(any_true, odd_true, count_numbers, count_all, texts, glued, type),
        )
    },
    "Wrong": ErrorCode,
    "whole_part": math.trunc,
}
