"""Databases in cells: what meets a table of criteria, counted, summed, averaged (DSUM and its kin).

A database is an area with the names of its fields in the first row. Criteria are an area of the same
kind: a record meets them if it meets all conditions of any one row. Under a heading that no field has, a condition
is a formula about the first record: each record is put to it, its relative references moved on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.collation import folded
from sheetml.engine.division import alike, together
from sheetml.engine.evaluate import Arguments, Context, Result, first_element
from sheetml.engine.functions.criteria import Criterion, criterion
from sheetml.engine.functions.elements import refuse_where
from sheetml.engine.functions.math import product, total
from sheetml.engine.functions.registry import Sample, function, sample_in
from sheetml.engine.functions.statistics import as_cells, mean_of, variance_of
from sheetml.engine.signals import Signal
from sheetml.engine.sizes import Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, concrete
from sheetml.engine.values import (
    BLANK,
    ERROR,
    NUM,
    NUMBER,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_text,
    error_value,
    first_error,
    rearranged,
    to_objects,
)
from sheetml.formula.tree import Missing, Node
from sheetml.xlsx.model import ErrorCode

_AT_ONCE = 4096  # records that are put to a formula together
Item = float | str | bool | ErrorCode | None


class Unsupported(Signal):
    """A condition under no field's name that is no formula either."""


def _names(value: Value) -> list[list[str]]:
    """The names in the first row of each cell's array, as they show, for comparison."""
    count, height, width = value.shape
    first = np.arange(count)[:, None, None] * (height * width) + np.arange(width)
    row = rearranged(value, first)
    texts, _ = as_text(Value(concrete(row.number), row.kind, row.text))
    return [[folded(text) for text in line] for line in texts[:, 0].tolist()]


class _Database:
    """One cell's database: the names of its fields, and which records meet what was asked of a field so far."""

    def __init__(self, values: Value, at: int, names: list[str]) -> None:
        self.names = names
        self.records, self.width = values.shape[1] - 1, values.shape[2]
        self._values = values
        self._start = at * values.shape[1] * self.width
        self._met: dict[tuple[int, type, Item], np.ndarray] = {}

    def places(self, field: int) -> np.ndarray:
        """Where the records have a field, among all that the databases of all cells hold: (records,)."""
        return self._start + np.arange(1, self.records + 1) * self.width + field

    def met(self, field: int, item: Item) -> np.ndarray:
        """Which records meet a condition on a field, (records,)."""
        key = field, type(item), item
        known = self._met.get(key)
        if known is None:
            column = rearranged(self._values, self.places(field)[None, :, None])
            known = self._met[key] = _condition(item).met(column).reshape(-1)
        return known

    def field(self, item: Item) -> int | None:
        """The position of the field that is asked about; None if there is none."""
        if isinstance(item, (bool, float)):
            position = int(item) - 1
            return position if 0 <= position < self.width else None
        return self.names.index(folded(item)) if isinstance(item, str) and folded(item) in self.names else None


class _Criteria(NamedTuple):
    """One cell's criteria: the headings, and below them rows of conditions."""

    headings: list[str]
    rows: list[list[Item]]


def _condition(item: Item) -> Criterion:
    """A criterion; text without an operator is what a value begins with."""
    meant = criterion(item)
    begins = isinstance(item, str) and item[:1] not in ("=", "<", ">") and isinstance(meant.operand, str)
    return Criterion("=", f"{meant.operand}*") if begins and meant.operand else meant


Stand = Reference | Value  # where the criteria stand, or an array that stands nowhere


def _computed(context: Context, stand: Stand, cell: int, row: int, column: int, records: int) -> np.ndarray | None:
    """What the formula that stands in the criteria says of each record, (records,); None if no formula is there."""
    if isinstance(stand, Value):
        return None
    at = cell % stand.count
    sheet, top, left = stand.sheet, int(stand.top[at]) + row, int(stand.left[at]) + column
    tree = context.workspace.formula_tree(sheet, top, left)
    if tree is None:
        return None
    readers = np.full(records, context.readers[cell % context.count])
    of_records = Context(context.workspace, sheet, top + np.arange(records), np.full(records, left), readers)
    met = np.zeros(records, bool)
    with context.workspace.watched():
        for index in np.array_split(np.arange(records), max(1, records // _AT_ONCE)):
            truth, errors = as_boolean(_for_each(of_records.select(index), tree))
            met[index] = concrete(truth).reshape(-1) & (errors is None or (errors == 0).reshape(-1))
    return met


def _for_each(context: Context, tree: Node) -> Value:
    """A formula's values for each of the cells, (b, 1, 1), in groups where they cannot be computed together."""
    try:
        return first_element(context.value(tree))
    except Split as split:
        if context.count == 1:
            return error_value(VALUE)
        parts = [(index, _for_each(context.select(index), tree)) for index in split.groups(context.count)]
        found = together(parts, context.count)
        assert isinstance(found, Value)
        return found


def _met(context: Context, database: _Database, criteria: _Criteria, stand: Stand, cell: int) -> np.ndarray:
    """Which records of one cell's database meet its criteria, (records,)."""
    names, records = database.names, database.records
    result = np.zeros(records, bool)
    for row, items in enumerate(criteria.rows, start=1):
        own = np.ones(records, bool)
        for column, item in enumerate(items):
            heading = criteria.headings[column]
            if item is None:
                continue
            if heading in names and heading:
                own &= database.met(names.index(heading), item)
            elif (computed := _computed(context, stand, cell, row, column, records)) is not None:
                own &= computed
            elif isinstance(item, (bool, float)):
                raise Unsupported
            else:
                own[:] = False
        result |= own
    return result


Selected = tuple[Value, np.ndarray]  # the field of every record, (b, n, 1), and which records are chosen, (b, n)


def _selected(context: Context, arguments: Arguments) -> Selected | Value:
    """What is chosen of the field; or an error. Without a field (DCOUNT) the first stands for all records."""
    database, criteria = context.array_value(arguments[0]), context.array_value(arguments[2])
    every_record = isinstance(arguments[1], Missing)
    field = context.value(arguments[1])
    count = max(database.shape[0], criteria.shape[0], field.shape[0])
    if database.shape[1] < 2 or criteria.shape[1] < 2:
        return error_value(VALUE)
    stand = context.evaluate(arguments[2])
    stand = stand if isinstance(stand, Reference) else criteria
    records = database.shape[1] - 1
    places, met = np.zeros((count, records), np.intp), np.zeros((count, records), bool)
    missing, unsupported = np.zeros(count, bool), np.zeros(count, bool)
    databases = [_Database(database, at, names) for at, names in enumerate(_names(database))]
    conditions = [_Criteria(*each) for each in zip(_names(criteria), to_objects(criteria)[:, 1:].tolist())]
    fields = to_objects(field)[:, 0, 0].tolist()
    for cell in range(count):
        own = databases[cell % len(databases)]
        position = 0 if every_record else own.field(fields[cell % len(fields)])
        if position is None:
            missing[cell] = True
            continue
        places[cell] = own.places(position)
        try:
            met[cell] = _met(context, own, conditions[cell % len(conditions)], stand, cell)
        except Unsupported:
            unsupported[cell] = True
    refuse_where(missing, VALUE)
    alike(unsupported)
    if unsupported.any():
        return context.uncomputable("a condition under a heading that no field has is no formula")
    return rearranged(database, places[:, :, None]), met


Measure = Callable[[Sample], tuple[Array, Errors]]


def _over_numbers(name: str, about: str, measure: Measure) -> None:
    """Registers a function of the numbers that are chosen."""

    @function(name, 3, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        chosen = _selected(context, arguments)
        if isinstance(chosen, Value):
            return chosen
        value, met = chosen
        kinds = np.where(met[:, :, None], value.kinds, BLANK).astype(np.uint8)
        sample = sample_in(Value(value.number, kinds))
        if not sample.number.shape[1]:  # as of a blank
            sample = Sample(np.zeros((value.shape[0], 1)), np.zeros((1, 1), bool), sample.errors)
        number, errors = measure(sample)
        return as_cells(number, first_error(sample.errors, errors))


def _extreme(largest: bool) -> Measure:
    def measure(sample: Sample) -> tuple[Array, Errors]:
        place = (ops.argmax if largest else ops.argmin)(sample.filled(-np.inf if largest else np.inf))
        best = ops.reshape(ops.take_along(sample.number, place), (sample.number.shape[0],))
        return ops.where(sample.count > 0, best, 0.0), None

    return measure


def _variance(lost: int, root: bool) -> Measure:
    def measure(sample: Sample) -> tuple[Array, Errors]:
        variance, errors = variance_of(sample, lost)
        return (ops.sqrt(variance) if root else variance), errors

    return measure


_OF = "of a field of the records that meet criteria."
_over_numbers("DSUM", f"The sum {_OF}", lambda sample: (total(sample), None))
_over_numbers("DAVERAGE", f"The mean {_OF}", mean_of)
_over_numbers("DMAX", f"The largest number {_OF}", _extreme(largest=True))
_over_numbers("DMIN", f"The smallest number {_OF}", _extreme(largest=False))
_over_numbers("DPRODUCT", f"The product {_OF}", lambda sample: (product(sample), None))
_over_numbers("DVAR", f"The variance of a sample, {_OF}", _variance(1, root=False))
_over_numbers("DVARP", f"The variance of all there are, {_OF}", _variance(0, root=False))
_over_numbers("DSTDEV", f"The standard deviation of a sample, {_OF}", _variance(1, root=True))
_over_numbers("DSTDEVP", f"The standard deviation of all there are, {_OF}", _variance(0, root=True))


def _counting(name: str, about: str, counted: Callable[[np.ndarray], np.ndarray]) -> None:
    @function(name, 3, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        chosen = _selected(context, arguments)
        if isinstance(chosen, Value):
            return chosen
        value, met = chosen
        own = met if isinstance(arguments[1], Missing) else met & counted(value.kinds[:, :, 0])
        return as_cells(own.sum(axis=1).astype(np.float64), None)


_counting("DCOUNT", f"How many numbers there are {_OF}", lambda kinds: kinds == NUMBER)
_counting("DCOUNTA", f"How many values there are {_OF}", lambda kinds: kinds != BLANK)


@function("DGET", 3, 3)
def the_one(context: Context, arguments: Arguments) -> Result:
    """The value of a field of the one record that meets criteria; #NUM! if several do."""
    chosen = _selected(context, arguments)
    if isinstance(chosen, Value):
        return chosen
    value, met = chosen
    found = rearranged(value, (np.arange(value.shape[0]) * value.shape[1] + met.argmax(axis=1)).reshape(-1, 1, 1))
    count = met.sum(axis=1).reshape(-1, 1, 1)
    codes = np.where(count == 0, VALUE, np.where(count > 1, NUM, 0))
    kinds = np.where(codes != 0, codes + ERROR, found.kinds).astype(np.uint8)
    return Value(ops.where(codes != 0, 0.0, found.number), kinds if kinds.any() else None, found.text)
