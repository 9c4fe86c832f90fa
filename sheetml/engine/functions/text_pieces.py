"""Text put together from pieces, and taken apart at delimiters."""

from __future__ import annotations

import math
import re
from functools import reduce
from typing import Any

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import alike, refuse_errors
from sheetml.engine.evaluate import Arguments, Context, Result, join
from sheetml.engine.functions.logic import Branch, chosen
from sheetml.engine.functions.lookup import argument, value_or
from sheetml.engine.functions.registry import Item, first_of_each_cell, function, mapped, plain_items, with_errors
from sheetml.engine.functions.text_numbers import item_text
from sheetml.engine.sizes import ELEMENTS_AT_ONCE
from sheetml.engine.values import (
    ERROR,
    NA,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_number,
    as_text,
    error_value,
    error_where,
    first_error,
    from_objects,
    scalar_value,
    text_value,
)
from sheetml.errors import CalculationError
from sheetml.formula.tree import Missing, Node
from sheetml.xlsx.model import MAX_TEXT, ErrorCode

# ---- together ------------------------------------------------------------------------------------


@function("CONCATENATE", 1, intersects=True, differentiable=False)
def concatenate(context: Context, arguments: Arguments) -> Result:
    """Several texts as one; arrays go element by element."""
    return reduce(join, (context.value(argument) for argument in arguments), scalar_value(""))


@function("CONCAT", 1, differentiable=False)
def concat(context: Context, arguments: Arguments) -> Result:
    """All the texts in areas, arrays and values as one."""
    texts, errors = _pieces(context, arguments)
    return _text_of_each_cell([_glued(row, [""]) for row in texts], errors)


@function("TEXTJOIN", 3, differentiable=False)
def text_join(context: Context, arguments: Arguments) -> Result:
    """All the texts in areas, arrays and values as one, with a delimiter (or several in turn) between them."""
    delimiters, wrong_delimiters = _pieces(context, arguments[:1])
    skip, wrong_skip = np.ones((1, 1, 1), bool), None
    if not isinstance(arguments[1], Missing):
        skip, wrong_skip = context.boolean(arguments[1])  # type: ignore[assignment]
    texts, errors = _pieces(context, arguments[2:])
    count = max(len(texts), len(delimiters), skip.shape[0])
    skipping = np.broadcast_to(skip.reshape(-1), (count,)).tolist()
    rows = [
        _glued([text for text in _of(texts, cell) if text or not skipping[cell]], _of(delimiters, cell))
        for cell in range(count)
    ]
    flat = None if wrong_skip is None else wrong_skip.reshape(-1)
    return _text_of_each_cell(rows, first_error(wrong_delimiters, flat, errors))


def _of(rows: list[list[str]], cell: int) -> list[str]:
    return rows[cell] if len(rows) > 1 else rows[0]


def _pieces(context: Context, arguments: Arguments) -> tuple[list[list[str]], Errors]:
    """The texts in areas, arrays and values, for each cell all of them, and the first error of each, (b,)."""
    texts: list[np.ndarray] = []
    errors: Errors = None
    for node in arguments:
        result = context.evaluate(node)
        for part in result.parts if isinstance(result, Areas) else [result]:
            value = context.read(part) if isinstance(part, Reference) else context.dereference(part)
            text, wrong = as_text(value)
            texts.append(text.reshape(value.shape[0], -1))
            errors = first_error(errors, first_of_each_cell(wrong, value.shape[0]))
    count = max(text.shape[0] for text in texts)
    spread = [np.broadcast_to(text, (count, text.shape[1])) for text in texts]
    return np.concatenate(spread, axis=1).tolist(), errors


def _glued(texts: list[str], delimiters: list[str]) -> str | None:
    """The texts with the delimiters in turn between them; None if that is longer than a cell holds."""
    between = max(len(texts) - 1, 0)
    turns, rest = divmod(between, len(delimiters))
    length = sum(map(len, texts)) + turns * sum(map(len, delimiters)) + sum(map(len, delimiters[:rest]))
    if length > MAX_TEXT:
        return None
    if len(delimiters) == 1:
        return delimiters[0].join(texts)
    parts = [part for place, text in enumerate(texts) for part in (text, delimiters[place % len(delimiters)])]
    return "".join(parts[: 2 * len(texts) - 1])


def _text_of_each_cell(texts: list[str | None], errors: Errors) -> Value:
    too_long = np.array([text is None for text in texts])
    shown = np.array(["" if text is None else text for text in texts], object).reshape(-1, 1, 1)
    codes = first_error(errors, error_where(too_long if too_long.any() else None, VALUE))
    return text_value(shown, None if codes is None else codes.reshape(-1, 1, 1))


@function("ARRAYTOTEXT", 1, 2, differentiable=False)
def array_text(context: Context, arguments: Arguments) -> Result:
    """All the values of an array as text; strictly (1) as an array is written in a formula."""
    items = plain_items(context.array_value(arguments[0]))
    number, errors = as_number(value_or(context, argument(arguments, 1), 0.0))

    def compute(rows: tuple[tuple[Item, ...], ...], style: float) -> Item:
        if int(style) not in (0, 1):
            return ErrorCode.VALUE
        if int(style) == 0:
            return ", ".join(item_text(item, strict=False) for row in rows for item in row)
        return "{" + ";".join(",".join(item_text(item, strict=True) for item in row) for row in rows) + "}"

    whole = _one_object_a_cell([tuple(map(tuple, cell)) for cell in items.tolist()])
    return _unless_wrong(mapped(compute, (whole, number)), errors)


def _one_object_a_cell(objects: list[Any]) -> np.ndarray:
    result = np.empty((len(objects), 1, 1), object)
    for place, item in enumerate(objects):
        result[place, 0, 0] = item
    return result


def _unless_wrong(value: Value, errors: Errors) -> Value:
    return value if errors is None else with_errors(value, np.broadcast_to(errors, value.shape))


# ---- apart at one place --------------------------------------------------------------------------


def _beside(name: str, about: str, after: bool) -> None:
    """TEXTAFTER and TEXTBEFORE: what stands beside the n-th delimiter, counted from the end if n is negative."""

    @function(name, 2, 6, differentiable=False, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        text, errors = context.text(arguments[0])
        delimiters, wrong = _delimiters(context, arguments[1])
        errors = first_error(errors, wrong)
        operands: list[Any] = [text, delimiters]
        for position, default in ((2, 1.0), (3, 0.0), (4, 0.0)):
            number, wrong = as_number(value_or(context, argument(arguments, position), default))
            operands.append(number)
            errors = first_error(errors, wrong)
        counted = isinstance(argument(arguments, 2), Node) and not isinstance(arguments[2], Missing)

        def compute(text: str, delimiters: tuple[str, ...], instance: float, mode: float, end: float) -> Item:
            n = math.floor(instance)
            if mode not in (0, 1) or end not in (0, 1) or n == 0:
                return ErrorCode.VALUE
            if counted and (abs(n) > len(text) or max(map(len, delimiters)) > len(text)):
                return ErrorCode.VALUE
            place = _place(text, delimiters, n, bool(mode), bool(end))
            if place is None:
                return ErrorCode.NA
            return text[place[1] :] if after else text[: place[0]]

        found = mapped(compute, tuple(operands))
        other = argument(arguments, 5)
        if other is not None and not isinstance(other, Missing):
            found = _instead(context, found, other)
        return _unless_wrong(found, errors)


_beside("TEXTAFTER", "The text after a delimiter.", after=True)
_beside("TEXTBEFORE", "The text before a delimiter.", after=False)


def _delimiters(context: Context, node: Node) -> tuple[np.ndarray, Errors]:
    """For each cell the tuple of all delimiters, any of which counts, and the first error among them."""
    value = context.array_value(node)
    text, errors = as_text(value)
    rows = text.reshape(value.shape[0], -1).tolist()
    first = first_of_each_cell(errors, value.shape[0])
    return _one_object_a_cell([tuple(row) for row in rows]), None if first is None else first.reshape(-1, 1, 1)


def _pattern(delimiters: tuple[str, ...], any_case: bool) -> re.Pattern[str]:
    longest_first = sorted(delimiters, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE if any_case else 0)


def _place(
    text: str, delimiters: tuple[str, ...], instance: int, any_case: bool, at_end: bool
) -> tuple[int, int] | None:
    """Where the n-th delimiter starts and ends; with `at_end` the end of the text is one more."""
    if instance < 0:
        mirrored = _place(text[::-1], tuple(each[::-1] for each in delimiters), -instance, any_case, at_end)
        return None if mirrored is None else (len(text) - mirrored[1], len(text) - mirrored[0])
    places = [match.span() for match in _pattern(delimiters, any_case).finditer(text)]
    if at_end:
        places.append((len(text), len(text)))
    return places[instance - 1] if instance <= len(places) else None


def _instead(context: Context, found: Value, other: Node) -> Value:
    """The other value, as text, where nothing was found; it is only then computed."""
    missing = found.kinds == ERROR + NA
    if not missing.any():
        return found

    def as_texts(part: Context) -> Result:
        text, errors = as_text(part.value(other))
        return text_value(text, errors)

    branches: list[tuple[np.ndarray, Branch]] = [
        (~missing, found),
        (missing, as_texts),
    ]
    return context.dereference(chosen(context, branches, np.zeros(missing.shape, np.uint8)))


# ---- apart everywhere ----------------------------------------------------------------------------


@function("TEXTSPLIT", 2, 6, differentiable=False)
def text_split(context: Context, arguments: Arguments) -> Result:
    """The pieces of a text between delimiters, those of columns and those of rows, as an array."""
    text, errors = context.text(arguments[0])
    operands: list[np.ndarray] = [text]
    for position in (1, 2):
        node = argument(arguments, position)
        given = node is not None and not isinstance(node, Missing)
        delimiters, wrong = _delimiters(context, node) if given else (_one_object_a_cell([()]), None)  # type: ignore[arg-type]
        operands.append(delimiters)
        errors = first_error(errors, wrong)
    for position in (3, 4):
        truth, wrong = as_boolean(value_or(context, argument(arguments, position), 0.0))
        operands.append(truth)  # type: ignore[arg-type]
        errors = first_error(errors, wrong)
    pad = argument(arguments, 5)
    padding = error_value(NA) if pad is None or isinstance(pad, Missing) else context.value(pad)
    operands.append(plain_items(padding))
    refuse_errors(errors)
    return _tables(operands)


def _tables(operands: list[np.ndarray]) -> Value:
    """The table of each cell; of an array of texts each gives its first piece only."""
    spread = np.broadcast_arrays(*operands)
    known: dict[Any, np.ndarray] = {}
    tables = []
    for items in zip(*(array.reshape(-1).tolist() for array in spread)):
        if items not in known:
            known[items] = _table(*items)
        tables.append(known[items])
    if spread[0].shape[1:] != (1, 1):
        return from_objects(np.array([table[0, 0] for table in tables], object).reshape(spread[0].shape))
    alike(np.array([table.shape for table in tables]))
    return from_objects(np.stack(tables))


def _table(
    text: str, columns: tuple[str, ...], rows: tuple[str, ...], skip: bool, any_case: bool, padding: Item
) -> np.ndarray:
    if not (columns or rows) or "" in columns or "" in rows:
        return _single(ErrorCode.VALUE)
    lines = [_split(line, columns, skip, any_case) for line in _split(text, rows, skip, any_case)]
    lines = [line for line in lines if line or not skip]
    if not lines:
        return _single(ErrorCode.CALC)
    width = max(map(len, lines))
    if len(lines) * width > ELEMENTS_AT_ONCE:
        raise CalculationError(f"a text split into {len(lines)} rows and {width} columns is too large to compute with")
    table = np.empty((len(lines), width), object)
    table.fill(padding)
    for place, line in enumerate(lines):
        table[place, : len(line)] = line
    return table


def _single(item: Item) -> np.ndarray:
    table = np.empty((1, 1), object)
    table[0, 0] = item
    return table


def _split(text: str, delimiters: tuple[str, ...], skip: bool, any_case: bool) -> list[str]:
    pieces = _pattern(delimiters, any_case).split(text) if delimiters else [text]
    return [piece for piece in pieces if piece or not skip]
