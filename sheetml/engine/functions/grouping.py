"""Summaries by groups: what GROUPBY and PIVOTBY make of rows that have a value in common.

Only what Excel's documentation and its results leave no doubt about is computed: a field of rows, and for PIVOTBY
one of columns; totals for all; of several fields of rows the plain list of groups. All else is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.evaluate import Arguments, Context, Lambda, Result, apply
from sheetml.engine.functions.elements import ranks, shared_integer, shared_integers
from sheetml.engine.functions.lambdas import as_array, function_of
from sheetml.engine.functions.lookup import argument
from sheetml.engine.functions.registry import function
from sheetml.engine.sizes import Split
from sheetml.engine.tracing.graph import concrete
from sheetml.engine.values import (
    CALC,
    NUMBER,
    TEXT,
    VALUE,
    Value,
    array_of,
    as_boolean,
    error_value,
    rearranged,
    scalar_value,
)
from sheetml.formula.tree import Call, Missing, Name, Node

_SHARE = "PERCENTOF"  # it is given all the numbers, too
_HIDDEN, _GENERATED, _SHOWN = 1, 2, 3  # headers of fields
_TOTAL = "Total"


def _of_rows(value: Value, rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray) -> Value:
    """Some rows and columns of one cell's array."""
    flat = np.asarray(rows, np.intp)[:, None] * value.shape[2] + np.asarray(columns, np.intp)[None, :]
    return rearranged(value, flat[None])


def _element(value: Value, row: int, column: int) -> Value:
    return _of_rows(value, [row], [column])


@dataclass(slots=True)
class _Axis:
    """The groups of rows that have the same values in some fields: in order, and the first row of each."""

    fields: Value
    groups: list[np.ndarray]

    def label(self, group: int, field: int = 0) -> Value:
        return _element(self.fields, int(self.groups[group][0]), field)

    def sorted_by(self, keys: list[tuple[np.ndarray, int]]) -> None:
        """Puts the groups in order of places, (groups,), in a direction each: the first key comes first."""
        order = np.lexsort([places * direction for places, direction in reversed(keys)])
        self.groups = [self.groups[place] for place in order]

    def places(self, field: int) -> np.ndarray:
        """The places of the groups in the order of a field, (groups,)."""
        return _places(_of_rows(self.fields, [group[0] for group in self.groups], [field]))


def _places(value: Value) -> np.ndarray:
    number, kinds, texts = concrete(value.number), value.kinds, value.texts
    return ranks(number.reshape(-1), kinds.reshape(-1), texts.reshape(-1))


def _grouped(fields: Value, rows: np.ndarray) -> _Axis:
    """The groups of rows, in the order of their fields."""
    columns = [_places(_of_rows(fields, np.arange(fields.shape[1]), [field])) for field in range(fields.shape[2])]
    keys = np.stack(columns, axis=1)[rows]
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    return _Axis(fields, [rows[group == place] for place in range(group.max(initial=-1) + 1)])


class _Summary:
    """What both functions have in common: their fields and values, the rows that take part, and the function."""

    def __init__(self, context: Context, fields: list[Node], values: Node, applied: Node, headers: Node | None) -> None:
        self.context = context.in_array_mode()
        self.fields = [self.context.value(node) for node in fields]
        self.values = self.context.value(values)
        self.problem: Value | None = None
        self.applied = self._function(applied)
        stated = None if headers is None or isinstance(headers, Missing) else shared_integer(context, headers)
        self.has_header = self._looks_like_header() if stated is None else stated in (_HIDDEN, _SHOWN)
        self.shows_header = stated == _SHOWN
        self.headers_stated = stated is not None
        if stated == _GENERATED:
            self.problem = context.uncomputable("generated headers of GROUPBY and PIVOTBY are not supported")
        elif stated is not None and not 0 <= stated <= _SHOWN:
            self.problem = error_value(VALUE)
        sizes = {array.shape[1] for array in (*self.fields, self.values)}
        if len(sizes) > 1:
            self.problem = error_value(VALUE)

    def _function(self, node: Node) -> Lambda | None:
        if isinstance(node, Call) and node.function.upper() in ("HSTACK", "VSTACK"):
            self.problem = self.context.uncomputable("several functions in GROUPBY and PIVOTBY are not supported")
            return None
        is_share = isinstance(node, Name) and node.name.upper().endswith(_SHARE)
        result = function_of(self.context, node, 2 if is_share else 1)
        if isinstance(result, Lambda):
            return result
        self.problem = result
        return None

    def _looks_like_header(self) -> bool:
        kinds = self.values.kinds[0, :, 0]
        return len(kinds) > 1 and kinds[0] == TEXT and kinds[1] == NUMBER

    def rows(self, kept: Node | None) -> np.ndarray:
        """The rows that take part."""
        first = int(self.has_header)
        rows = np.arange(first, self.values.shape[1])
        if kept is None or isinstance(kept, Missing):
            return rows
        truth, errors = as_boolean(self.context.value(kept))
        wanted = concrete(truth).reshape(-1)
        if errors is not None or wanted.size not in (self.values.shape[1], rows.size):
            self.problem = error_value(VALUE)
            return rows
        return rows[wanted[-rows.size :]]

    def measure(self, rows: np.ndarray, among: np.ndarray, column: int = 0) -> Value:
        """The function's value for some rows, among others if it asks for these."""
        assert self.applied is not None
        given: list[Result] = [array_of(_of_rows(self.values, rows, [column]))]
        if len(self.applied.parameters) > 1:
            given.append(array_of(_of_rows(self.values, among, [column])))
        value = self.context.dereference(apply(self.context, self.applied, given))
        return value if value.shape[1:] == (1, 1) else error_value(CALC)


def _depth(context: Context, node: Node | None) -> int | None:
    """How deep totals go; None where it is not stated."""
    return None if node is None or isinstance(node, Missing) else shared_integer(context, node)


def _orders(context: Context, node: Node | None) -> list[int]:
    return [] if node is None or isinstance(node, Missing) else shared_integers(context, node)


@function("GROUPBY", 3, 8)
def group_by(context: Context, arguments: Arguments) -> Result:
    """A table of the groups of rows that have a field in common, with a function of their values and a total."""
    if context.count > 1:
        raise Split
    summary = _Summary(context, [arguments[0]], arguments[1], arguments[2], argument(arguments, 3))
    depth, orders = _depth(context, argument(arguments, 4)), _orders(context, argument(arguments, 5))
    rows = summary.rows(argument(arguments, 6))
    fields = summary.fields[0].shape[2]
    relation = argument(arguments, 7)
    if relation is not None and shared_integer(context, relation) and fields > 1:
        return context.uncomputable("GROUPBY with fields that are no hierarchy is not supported")
    if fields > 1 and depth != 0:
        return context.uncomputable("totals of GROUPBY over several fields are not supported")
    if summary.problem is not None:
        return summary.problem
    if depth not in (None, 0, 1, -1) or any(not 0 < abs(order) <= fields + summary.values.shape[2] for order in orders):
        return error_value(VALUE)
    if not rows.size:
        return error_value(CALC)
    return _group_table(summary, _grouped(summary.fields[0], rows), rows, 1 if depth is None else depth, orders)


def _group_table(summary: _Summary, axis: _Axis, rows: np.ndarray, depth: int, orders: list[int]) -> Value:
    fields, columns = axis.fields.shape[2], summary.values.shape[2]

    def measured() -> list[list[Value]]:
        return [[summary.measure(group, rows, column) for column in range(columns)] for group in axis.groups]

    keys = []
    for order in orders:
        place = abs(order) - 1
        if place < fields:
            own = axis.places(place)
        else:
            own = _places(as_array([line[place - fields] for line in measured()], len(axis.groups), 1))
        keys.append((own, 1 if order > 0 else -1))
    if keys:
        axis.sorted_by(keys)
    lines = [[*(axis.label(place, field) for field in range(fields)), *line] for place, line in enumerate(measured())]
    if depth:
        total = [scalar_value(_TOTAL), *(summary.measure(rows, rows, column) for column in range(columns))]
        lines = [*lines, total] if depth > 0 else [total, *lines]
    if summary.has_header and (summary.shows_header or (fields > 1 and not summary.headers_stated)):
        names = [_element(axis.fields, 0, field) for field in range(fields)]
        lines = [[*names, *(_element(summary.values, 0, column) for column in range(columns))], *lines]
    return as_array([item for line in lines for item in line], len(lines), fields + columns)


@function("PIVOTBY", 4, 11)
def pivot_by(context: Context, arguments: Arguments) -> Result:
    """A table of groups of rows that have one field in common down and another across, with totals."""
    if context.count > 1:
        raise Split
    summary = _Summary(context, list(arguments[:2]), arguments[2], arguments[3], argument(arguments, 4))
    depths = [_depth(context, argument(arguments, place)) for place in (5, 7)]
    orders = [_orders(context, argument(arguments, place)) for place in (6, 8)]
    rows = summary.rows(argument(arguments, 9))
    relative = argument(arguments, 10)
    if summary.shows_header or any(array.shape[2] > 1 for array in (*summary.fields, summary.values)):
        return context.uncomputable("PIVOTBY with headers, or over several fields, is not supported")
    if relative is not None and not isinstance(relative, Missing):
        return context.uncomputable("PIVOTBY relative to other totals is not supported")
    if summary.problem is not None:
        return summary.problem
    if any(depth not in (None, 0, 1, -1) for depth in depths) or any(
        abs(order) != 1 for own in orders for order in own
    ):
        return error_value(VALUE)
    if not rows.size:
        return error_value(CALC)
    axes = [_grouped(fields, rows) for fields in summary.fields]
    for axis, own in zip(axes, orders):
        if own:
            axis.sorted_by([(axis.places(0), own[0])])
    down, across = (1 if depth is None else depth for depth in depths)
    return _pivot_table(summary, axes[0], axes[1], rows, down, across)


def _pivot_table(summary: _Summary, down: _Axis, across: _Axis, rows: np.ndarray, below: int, beside: int) -> Value:
    """The groups of one axis in rows, those of the other in columns; shares are of a column's total."""
    columns = _with_total([(across.label(place), group) for place, group in enumerate(across.groups)], rows, beside)
    lines = _with_total([(down.label(place), group) for place, group in enumerate(down.groups)], rows, below)
    empty = scalar_value("")
    cells = [empty, *(label for label, _ in columns)]
    for label, group in lines:
        cells.append(label)
        for _, other in columns:
            both = np.intersect1d(group, other)
            cells.append(summary.measure(both, other) if both.size else empty)
    return as_array(cells, len(lines) + 1, len(columns) + 1)


_Group = tuple[Value, np.ndarray]  # its label and its rows


def _with_total(groups: list[_Group], rows: np.ndarray, depth: int) -> list[_Group]:
    total = (scalar_value(_TOTAL), rows)
    return [*groups, total] if depth > 0 else [total, *groups] if depth < 0 else groups
