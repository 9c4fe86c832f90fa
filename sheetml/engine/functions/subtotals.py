"""Totals that pass over other totals, over rows that are hidden, or over errors: SUBTOTAL and AGGREGATE."""

from __future__ import annotations

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import Refused
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.area_arrays import over_area_arrays
from sheetml.engine.functions.elements import shared_integer
from sheetml.engine.functions.math import total
from sheetml.engine.functions.registry import Sample, added_up, function, of_sample, sample_in
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array
from sheetml.engine.values import (
    BLANK,
    DIV0,
    ERROR,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    broadcast,
    error_value,
    error_where,
)
from sheetml.formula.tree import Name, Node

_OF_AREAS = ("AVERAGE", "COUNT", "COUNTA", "MAX", "MIN", "PRODUCT", "STDEV.S", "STDEV.P", "SUM", "VAR.S", "VAR.P")
_OF_ARRAYS = ("LARGE", "SMALL", "PERCENTILE.INC", "QUARTILE.INC", "PERCENTILE.EXC", "QUARTILE.EXC")
_AGGREGATES = (*_OF_AREAS, "MEDIAN", "MODE.SNGL", *_OF_ARRAYS)
_SPREADS = {"STDEV.S": (1, True), "STDEV.P": (0, True), "VAR.S": (1, False), "VAR.P": (0, False)}
_OWN_ROWS = 100  # added to a number of SUBTOTAL: rows hidden by hand are passed over, too
_UNKNOWN = ERROR + UNCOMPUTABLE


@function("SUBTOTAL", 2)
@over_area_arrays(lambda position: position == 0)
def subtotal(context: Context, arguments: Arguments) -> Result:
    """A total of areas by the function of a number, without other subtotals and rows that a filter hides."""
    number = shared_integer(context, arguments[0])
    by_hand = number > _OWN_ROWS
    place = number - _OWN_ROWS if by_hand else number
    if not 1 <= place <= len(_OF_AREAS):
        return error_value(VALUE)
    values = [
        _kept(context, area, totals=True, hidden=True, by_hand=by_hand, errors=False)
        for node in arguments[1:]
        for area in _areas(context, node)
    ]
    return _computed(context, _OF_AREAS[place - 1], values, ())


@function("AGGREGATE", 3)
@over_area_arrays(lambda position: position < 2)
def aggregate(context: Context, arguments: Arguments) -> Result:
    """A total by the function of a number, without errors, hidden rows or other totals, as an option says."""
    place, option = shared_integer(context, arguments[0]), shared_integer(context, arguments[1])
    if not (1 <= place <= len(_AGGREGATES) and 0 <= option <= 7):
        return error_value(VALUE)
    totals, hidden, errors = option < 4, option in (1, 3, 5, 7), option in (2, 3, 6, 7)
    name = _AGGREGATES[place - 1]
    of_array = name in _OF_ARRAYS
    if of_array and len(arguments) != 4:
        return error_value(VALUE)
    nodes, last = (arguments[2:3], arguments[3:]) if of_array else (arguments[2:], ())
    values = []
    for node in nodes:
        result = context.in_array_mode().evaluate(node) if of_array else None
        if isinstance(result, Value):
            values.append(_without(result, _wrong(result) if errors else np.zeros(result.shape, bool)))
            continue
        for area in _areas(context, node):
            values.append(_kept(context, area, totals=totals, hidden=hidden, by_hand=hidden, errors=errors))
    if name in _SPREADS:
        sample = sample_in(_beside(values))
        return of_sample(lambda sample: _spread(sample, *_SPREADS[name]), sample)
    return _computed(context, name, values, last)


def _spread(sample: Sample, lost: int, root: bool) -> tuple[Array, Errors]:
    """A variance or its root from the sums of the numbers and of their squares, in one pass, as AGGREGATE has it.

    VAR.S and its kin go through the numbers twice, and lose fewer digits where a mean is far from 0. That it is so,
    and both ways of putting the sums together, is known from the last bits that Excel stored.
    """
    count = sample.count
    few = count <= lost
    numbers = np.maximum(count, 1.0 + lost)
    sum_, squares = total(sample), added_up(ops.square(sample.number))
    if lost:
        variance = ops.divide(ops.subtract(squares, ops.divide(ops.square(sum_), numbers)), numbers - lost)
    else:
        variance = ops.divide(ops.subtract(ops.multiply(numbers, squares), ops.square(sum_)), numbers * numbers)
    variance = ops.maximum(variance, 0.0)
    return (ops.sqrt(variance) if root else variance), error_where(few, DIV0) if few.any() else None


def _areas(context: Context, node: Node) -> list[Reference]:
    result = context.evaluate(node)
    if isinstance(result, Value):
        code = result.errors()
        raise Refused(VALUE if code is None else int(code.reshape(-1)[0]) or VALUE)
    if not isinstance(result, (Reference, Areas)):
        raise Refused(VALUE)
    return result.parts if isinstance(result, Areas) else [result]


def _kept(context: Context, area: Reference, *, totals: bool, hidden: bool, by_hand: bool, errors: bool) -> Value:
    """The values of an area, those blank that are passed over."""
    value = context.read_padded(area)
    out = np.zeros(value.shape, bool)
    if totals:
        out = out | context.workspace.is_total(context.slots_of(area))
    if hidden:
        out = out | _hidden(context, area, value.shape[1], by_hand)
    if errors:
        out = out | _wrong(value)
    return _without(value, out)


def _wrong(value: Value) -> np.ndarray:
    """Errors that may be passed over; what could not be computed may not."""
    return (value.kinds >= ERROR) & (value.kinds != _UNKNOWN)


def _hidden(context: Context, area: Reference, height: int, by_hand: bool) -> np.ndarray:
    """The rows of each cell's area that are not shown: (b, height, 1).

    While a filter hides rows of a sheet, Excel takes all its hidden rows for hidden by the filter.
    """
    file = context.workspace.scope.file
    rows = area.top[:, None, None] + np.arange(height)[None, :, None]
    if area.sheet >= len(file.sheets):  # another workbook's
        return np.zeros(rows.shape, bool)
    sheet = file.sheets[area.sheet]
    hidden = sheet.hidden_rows
    filtered = sheet.filters or any(table.filtered for table in file.tables if table.sheet == area.sheet)
    if not by_hand and not filtered:
        hidden = frozenset()
    return np.isin(rows, list(hidden))


def _without(value: Value, out: np.ndarray) -> Value:
    """The value with blanks in some places; always an area of several cells, in which blanks do not count."""
    kind = np.where(out, np.uint8(BLANK), value.kinds)
    number = ops.where(out, 0.0, value.number) if out.any() else value.number
    count = kind.shape[0]
    flat = ops.reshape(number, (count, 1, number.size // count))
    number = ops.concatenate([flat, np.zeros((count, 1, 1))], axis=2)
    kind = np.concatenate([kind.reshape(count, 1, -1), np.full((count, 1, 1), BLANK, np.uint8)], axis=2)
    text = None
    if value.text is not None:
        text = np.concatenate([value.texts.reshape(count, 1, -1), np.full((count, 1, 1), "", object)], axis=2)
    return Value(number, kind, text)


def _beside(values: list[Value]) -> Value:
    """Lines of values, (b, 1, n), as one line."""
    count = max(value.shape[0] for value in values)
    lines = [broadcast(value, (count, *value.shape[1:])) for value in values]
    number = ops.concatenate([line.number for line in lines], axis=2)
    return Value(number, np.concatenate([line.kinds for line in lines], axis=2))


def _computed(context: Context, name: str, values: list[Value], others: Arguments) -> Result:
    """A function of the values and of further arguments."""
    names = tuple(Name(f"area {place}") for place in range(len(values)))
    inner = context.with_variables({each.name: value for each, value in zip(names, values)})
    return context.workspace.functions[name].evaluate(inner, (*names, *others))
