"""What operators and functions make of single values: numbers, text, booleans, errors and blanks as plain Python.

The same as `evaluate.py` and `functions/` make of arrays of them, to the last bit, for what recurrences are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import add as plus
from typing import Any

import numpy as np

from sheetml.engine.number_format import general_text
from sheetml.engine.precision import order_seen, vanishes
from sheetml.engine.reading import parse_number
from sheetml.engine.values import ERROR, Value, error_value, folded, scalar_value, to_objects
from sheetml.xlsx.model import MAX_TEXT, ErrorCode

Item = float | str | bool | ErrorCode | None  # a cell's value: None is a blank

_UNCOMPUTABLE = ErrorCode.UNCOMPUTABLE


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


# ---- coercion ----------------------------------------------------------------------------------


def number(item: Item) -> float | ErrorCode:
    """An item as arithmetic takes it."""
    if type(item) is float or type(item) is ErrorCode:
        return item
    if item is None:
        return 0.0
    if isinstance(item, str):
        parsed = parse_number(item)
        return ErrorCode.VALUE if parsed is None else float(parsed)
    return float(item)


def truth(item: Item) -> bool | ErrorCode:
    """An item as IF takes its condition."""
    if type(item) is bool or type(item) is ErrorCode:
        return item
    if isinstance(item, str):
        word = item.upper()
        return word == "TRUE" if word in ("TRUE", "FALSE") else ErrorCode.VALUE
    return item is not None and item != 0.0


def text(item: Item) -> str | ErrorCode:
    """An item as & takes it."""
    if type(item) is str or type(item) is ErrorCode:
        return item
    if item is None:
        return ""
    if type(item) is bool:
        return "TRUE" if item else "FALSE"
    return general_text(float(item))


def first_wrong(*items: Any) -> ErrorCode | None:
    """The first error among items; but what could not be computed comes before all."""
    wrong = [item for item in items if type(item) is ErrorCode]
    return None if not wrong else _UNCOMPUTABLE if _UNCOMPUTABLE in wrong else wrong[0]


def finite(result: float) -> float | ErrorCode:
    """The number, or #NUM! where it is none."""
    return result if result - result == 0.0 else ErrorCode.NUM


# ---- operators ---------------------------------------------------------------------------------


def _arithmetic(compute: Callable[[float, float], float | ErrorCode]) -> Callable[[Item, Item], Item]:
    def careful(left: Item, right: Item) -> Item:
        x, y = number(left), number(right)
        if type(x) is float and type(y) is float:
            result = compute(x, y)
            return result if type(result) is ErrorCode else finite(result)
        return first_wrong(x, y)

    return careful


_added = _arithmetic(lambda x, y: x + y)
_subtracted = _arithmetic(lambda x, y: x - y)
_multiplied = _arithmetic(lambda x, y: x * y)
_divided = _arithmetic(lambda x, y: ErrorCode.DIV0 if y == 0 else x / y)


def add(left: Item, right: Item) -> Item:
    if type(left) is float and type(right) is float:
        result = left + right
        if result - result == 0.0:
            return result
    return _added(left, right)


def subtract(left: Item, right: Item) -> Item:
    if type(left) is float and type(right) is float:
        result = left - right
        if result - result == 0.0:
            return result
    return _subtracted(left, right)


def multiply(left: Item, right: Item) -> Item:
    if type(left) is float and type(right) is float:
        result = left * right
        if result - result == 0.0:
            return result
    return _multiplied(left, right)


def divide(left: Item, right: Item) -> Item:
    return _divided(left, right)


def _without_rest(total: float, x: float, y: float) -> float:
    return 0.0 if vanishes(total, x, y) else total


# a sum or difference that ends the formula, which may vanish
add_last = _arithmetic(lambda x, y: _without_rest(x + y, x, y))
subtract_last = _arithmetic(lambda x, y: _without_rest(x - y, x, y))


def _raised(x: float, y: float) -> float | ErrorCode:
    if x == 0 and y <= 0:
        return ErrorCode.DIV0 if y < 0 else ErrorCode.NUM
    if x < 0 and y != np.rint(y):
        return ErrorCode.NUM
    return float(np.power(x, y))


power = _arithmetic(_raised)


def join(left: Item, right: Item) -> Item:
    first, second = text(left), text(right)
    wrong = first_wrong(first, second)
    if wrong is not None:
        return wrong
    joined = str(first) + str(second)
    return joined if len(joined) <= MAX_TEXT else ErrorCode.VALUE


def negative(item: Item) -> Item:
    x = number(item)
    return -x if type(x) is float else x


def percent(item: Item) -> Item:
    x = number(item)
    return x / 100.0 if type(x) is float else x


def _order(left: Item, right: Item) -> int:
    """-1, 0 or 1: numbers before text before booleans; a blank is of the kind it is compared with."""
    if isinstance(left, str) or isinstance(right, str):
        first = "" if left is None else left
        second = "" if right is None else right
        if isinstance(first, str) and isinstance(second, str):
            first, second = folded(first), folded(second)
            return (first > second) - (first < second)
    ranks = [
        1 if isinstance(one, str) else 2 if type(one if one is not None else other) is bool else 0
        for one, other in ((left, right), (right, left))
    ]
    if ranks[0] != ranks[1]:
        return 1 if ranks[0] > ranks[1] else -1
    return order_seen(float(left or 0), float(right or 0))


def _comparison(holds: Callable[[int], bool]) -> Callable[[Item, Item], Item]:
    def compared(left: Item, right: Item) -> Item:
        if type(left) is float and type(right) is float:
            return holds(order_seen(left, right))
        wrong = first_wrong(left, right)
        return holds(_order(left, right)) if wrong is None else wrong

    return compared


COMPARED: dict[str, Callable[[Item, Item], Item]] = {
    "=": _comparison(lambda order: order == 0),
    "<>": _comparison(lambda order: order != 0),
    "<": _comparison(lambda order: order < 0),
    "<=": _comparison(lambda order: order <= 0),
    ">": _comparison(lambda order: order > 0),
    ">=": _comparison(lambda order: order >= 0),
}
BINARY: dict[str, Callable[[Item, Item], Item]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "^": power,
    "&": join,
    **COMPARED,
}
LAST: dict[str, Callable[[Item, Item], Item]] = {"+": add_last, "-": subtract_last}
UNARY: dict[str, Callable[[Item], Item]] = {"-": negative, "%": percent}


# ---- aggregates: of parts, each an item, or a list of what an area holds -------------------------


def _sample(parts: Iterable[Any]) -> list[float] | ErrorCode:
    numbers: list[float] = []
    wrong: list[ErrorCode] = []
    for part in parts:
        if type(part) is list:
            if set(map(type, part)) == {float}:
                numbers += part
                continue
            numbers += [item for item in part if type(item) is float]
            wrong += [item for item in part if type(item) is ErrorCode]
        else:
            item = number(part)
            if type(item) is float:
                numbers.append(item)
            else:
                wrong.append(item)  # type: ignore[arg-type]
    return first_wrong(*wrong) if wrong else numbers  # type: ignore[return-value]


def _aggregate(compute: Callable[[list[float]], float | ErrorCode]) -> Callable[..., Item]:
    def of(*parts: Any) -> Item:
        sample = _sample(parts)
        if type(sample) is ErrorCode:
            return sample
        result = compute(sample)  # type: ignore[arg-type]
        return result if type(result) is ErrorCode else finite(result)

    return of


def _total(numbers: list[float]) -> float:
    return reduce(plus, numbers) if numbers else 0.0  # `sum` would add otherwise, from Python 3.12 on


def _count(*parts: list[Item]) -> Item:
    return float(sum(type(item) is float for part in parts for item in part))


def _count_all(*parts: list[Item]) -> Item:
    return float(sum(item is not None for part in parts for item in part))


def _junction(combine: Callable[[int, int], bool]) -> Callable[..., Item]:
    """AND and its kind: `combine` takes how many conditions are true, and how many there are."""

    def of(*parts: Any) -> Item:
        true = every = 0
        wrong: list[ErrorCode] = []
        for part in parts:
            if type(part) is list:
                wrong += [item for item in part if type(item) is ErrorCode]
                counted = [item for item in part if type(item) is float or type(item) is bool]
                true, every = true + sum(item != 0 for item in counted), every + len(counted)
                continue
            if part is None or part == "":
                continue
            taken = truth(part)
            if type(taken) is ErrorCode:
                wrong.append(taken)
            else:
                true, every = true + int(taken), every + 1
        if wrong:
            return first_wrong(*wrong)
        return combine(true, every) if every else ErrorCode.VALUE

    return of


AGGREGATES: dict[str, Callable[..., Item]] = {
    "SUM": _aggregate(_total),
    "MIN": _aggregate(lambda numbers: min(numbers, default=0.0)),
    "MAX": _aggregate(lambda numbers: max(numbers, default=0.0)),
    "AVERAGE": _aggregate(lambda numbers: _total(numbers) / len(numbers) if numbers else ErrorCode.DIV0),
    "AND": _junction(lambda true, every: true == every),
    "OR": _junction(lambda true, every: true > 0),
    "XOR": _junction(lambda true, every: true % 2 == 1),
}
COUNTS: dict[str, Callable[..., Item]] = {"COUNT": _count, "COUNTA": _count_all}  # of areas alone


def negated(item: Item) -> Item:
    """NOT."""
    taken = truth(item)
    return taken if type(taken) is ErrorCode else not taken


def is_wrong(item: Item) -> bool:
    """Whether IFERROR gives its other value."""
    return type(item) is ErrorCode and item != _UNCOMPUTABLE


def result(item: Item) -> Item:
    """A formula's result: it is never blank."""
    return 0.0 if item is None else item
