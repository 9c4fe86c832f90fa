"""Counting, summing and averaging what meets criteria: COUNTIF, SUMIFS and their kin."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.collation import collation_key, folded
from sheetml.engine.division import alike, labels_of
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.area_arrays import over_area_arrays
from sheetml.engine.functions.elements import Elements, places
from sheetml.engine.functions.growing import Growing, growing, shrinking
from sheetml.engine.functions.registry import function, with_errors
from sheetml.engine.functions.search import wildcard_pattern
from sheetml.engine.precision import COMPARISONS, rounded_to_15_digits
from sheetml.engine.reading import parse_number
from sheetml.engine.sizes import Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete
from sheetml.engine.values import (
    BLANK,
    BOOLEAN,
    DIV0,
    ERROR,
    NUMBER,
    TEXT,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    blank_value,
    error_value,
    error_where,
    first_error,
    number_value,
    select,
    to_objects,
)
from sheetml.formula.tree import Node
from sheetml.xlsx.model import ERROR_CODE, ErrorCode

_OPERATOR = re.compile(r"(<=|>=|<>|=|<|>)?(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FEWEST_CELLS_A_RANGE = 4  # that are worth an evaluation of their own
ELEMENTS = 8_000_000  # of a table of criteria by cells
_AT_ONCE = 500_000  # numbers added up together
MANY = 100_000  # of them, from which on cells that are equal to something are looked up


@dataclass(frozen=True, slots=True)
class Criterion:
    """A condition on cells: an operator and what to compare with."""

    operator: str
    operand: float | str | bool | ErrorCode | None  # None: blank

    def met(self, values: Value) -> np.ndarray:
        """Which cells meet it, in their shape."""
        if self.operator == "<>":
            equal = self._equal(values)
            # a text that reads as the number counts as equal to it, and as different from it too
            return ~(equal & (values.kinds == NUMBER) if type(self.operand) is float else equal)
        if self.operator == "=":
            return self._equal(values)
        kinds, operand = values.kinds, self.operand
        if isinstance(operand, (bool, float)):
            return (kinds == _kind(operand)) & self._decided(values, operand)
        if isinstance(operand, str):
            compare = _COMPARE[self.operator]
            known = collation_key(operand)
            result = np.zeros(values.shape, bool)
            for place in zip(*np.nonzero(kinds == TEXT)):
                result[place] = compare(collation_key(values.texts[place]), known)
            return result
        return np.zeros(values.shape, bool)

    def _equal(self, values: Value) -> np.ndarray:
        kinds, operand = values.kinds, self.operand
        if operand is None:
            return kinds == BLANK
        if isinstance(operand, ErrorCode):
            return kinds == ERROR + operand
        if isinstance(operand, bool):
            return (kinds == BOOLEAN) & self._decided(values, operand)
        if isinstance(operand, float):
            equal = (kinds == NUMBER) & self._decided(values, operand)
            return equal | self._texts(values, lambda text: parse_number(text) == operand)
        if operand == "":
            return (kinds == BLANK) | self._texts(values, lambda text: text == "")
        pattern, known = wildcard_pattern(operand), folded(operand)
        if pattern is not None:
            return self._texts(values, pattern.fullmatch)
        return self._texts(values, lambda text: folded(text) == known)

    def _decided(self, values: Value, operand: float) -> np.ndarray:
        """Which numbers meet it: a decision, which binds a trace only while it stays the same."""
        sign = "=" if self.operator == "<>" else self.operator
        return concrete(COMPARISONS[sign](values.number, float(operand)))

    @staticmethod
    def _texts(values: Value, question: Callable[[str], bool]) -> np.ndarray:
        if values.text is None:
            return np.zeros(values.shape, bool)
        result = np.zeros(values.shape, bool)
        answers: dict[str, bool] = {}
        for place in zip(*np.nonzero(values.kinds == TEXT)):
            text = values.text[place]
            if text not in answers:
                answers[text] = question(text)
            result[place] = answers[text]
        return result


def _kind(operand: float) -> int:
    return BOOLEAN if isinstance(operand, bool) else NUMBER


def criterion(item: float | str | bool | ErrorCode | None) -> Criterion:
    """What a criterion argument means: 5, "<=5", "a*", "<>", TRUE ..., a blank cell meaning 0."""
    if item is None:
        return Criterion("=", 0.0)
    if not isinstance(item, str) or isinstance(item, bool):
        return Criterion("=", item if isinstance(item, (bool, ErrorCode)) else float(item))
    match = _OPERATOR.fullmatch(item)
    assert match is not None
    sign, rest = match[1], match[2]
    if rest == "":
        return Criterion(sign or "=", None if sign else "")
    number = parse_number(rest)
    if number is not None:
        return Criterion(sign or "=", number)
    if rest.upper() in ("TRUE", "FALSE"):
        return Criterion(sign or "=", rest.upper() == "TRUE")
    return Criterion(sign or "=", ERROR_CODE.get(rest.upper(), rest))


class Selection:
    """Which cells of ranges meet criteria, for each of the formula's cells.

    `rows` are the distinct combinations of criteria: (d, n) bools if the ranges are shared, else (b, n);
    `which` says which row each formula cell has, in the shape of the criteria (b, R, C).
    """

    def __init__(self, rows: np.ndarray, which: np.ndarray, grouped: tuple[np.ndarray, np.ndarray] | None = None):
        self.rows = rows
        self.which = which
        self.grouped = grouped  # for many criteria "=number": group of each cell, and of each criterion

    def of_each_cell(self, count: int) -> Selection:
        """The same with a row for each of the formula's cells, for ranges that each of them has to itself."""
        if self.which.shape[1:] != (1, 1):
            raise Split(np.arange(count))
        if self.rows.shape[1] * count > ELEMENTS and count > 1:
            raise Split
        which = np.broadcast_to(self.which.reshape(-1), (count,))
        return Selection(self.rows[which], np.arange(count).reshape(-1, 1, 1))


class Held:
    """What the cells of a range hold, to be asked by many criteria: each is met by the cells at some positions.

    Equal numbers and equal texts are found by looking them up; what else a criterion may ask is asked of all cells.
    """

    def __init__(self, values: Value) -> None:
        self._values = values
        self._numbers = np.asarray(values.number).reshape(-1)
        self._kinds = values.kinds.reshape(-1)
        own = np.flatnonzero(self._kinds == NUMBER)
        self._order = own[np.argsort(self._numbers[own], kind="stable")]
        self._sorted = self._numbers[self._order]
        self._by_text: dict[str, list[int]] = {}  # without regard to case
        self._by_number: dict[float, list[int]] = {}  # of texts that read as numbers
        if values.text is not None:
            texts: dict[str, list[int]] = {}
            for position in np.flatnonzero(self._kinds == TEXT).tolist():
                texts.setdefault(values.text.reshape(-1)[position], []).append(position)
            for text, positions in texts.items():
                self._by_text.setdefault(folded(text), []).extend(positions)
                number = parse_number(text)
                if number is not None:
                    self._by_number.setdefault(number, []).extend(positions)
        self._masks: dict[Criterion, np.ndarray] = {}

    def equal(self, asked: Criterion) -> np.ndarray | None:
        """The positions, in order, of the cells that meet a criterion of equality; None where it is no such."""
        if asked.operator != "=":
            return None
        operand = asked.operand
        if type(operand) is float:
            reach = abs(operand) * _REACH
            ends = self._sorted.searchsorted(operand - reach), self._sorted.searchsorted(operand + reach, "right")
            near = slice(int(ends[0]), int(ends[1]))
            equal = np.asarray(COMPARISONS["="](self._sorted[near], operand), bool)
            return np.sort(np.append(self._order[near][equal], self._by_number.get(operand, [])).astype(np.intp))
        if isinstance(operand, str) and operand and wildcard_pattern(operand) is None:
            return np.sort(np.array(self._by_text.get(folded(operand), []), np.intp))
        return None

    def met(self, asked: Criterion) -> np.ndarray:
        """Which cells meet it, (n,)."""
        known = self._masks.get(asked)
        if known is None:
            known = asked.met(self._values).reshape(-1)
            if len(self._masks) * known.size < ELEMENTS:
                self._masks[asked] = known
        return known


_REACH = 1e-12  # of a number: within it others may be equal to it by 15 digits


class Places:
    """The positions of the cells that meet criteria, in order, for each distinct combination of criteria, one after the
    other; and of which of them, up to where, each of the formula's cells has its own."""

    def __init__(self, positions: list[np.ndarray], which: np.ndarray, size: int, parts: Growing | None) -> None:
        self.which = which
        self.flat = np.concatenate(positions)
        self.starts = np.concatenate([[0], np.cumsum([len(each) for each in positions])])
        own = which.reshape(-1)
        self._first, self._end = self.starts[own], self.starts[own + 1]
        self._from_start = parts is None or not parts.starts.any()
        if parts is not None:
            stride = size + 1
            codes = np.repeat(np.arange(len(positions)) * stride, np.diff(self.starts)) + self.flat
            self._end = codes.searchsorted(own * stride + parts.starts + parts.sizes)
            if not self._from_start:
                self._first = codes.searchsorted(own * stride + parts.starts)

    def counts(self) -> np.ndarray:
        """How many cells are selected, in the shape of the criteria."""
        return (self._end - self._first).astype(np.float64).reshape(self.which.shape)

    def come_to(self, values: np.ndarray, operation: np.ufunc) -> np.ndarray:
        """What an operation comes to, from one selected value to the next; 0 where there is none."""
        taken = values.reshape(-1)[self.flat]
        if not self._from_start:
            ends = zip(self._first.tolist(), self._end.tolist())
            each = [operation.accumulate(taken[first:end])[-1] if end > first else 0.0 for first, end in ends]
            return np.array(each, np.float64).reshape(self.which.shape)
        running = np.zeros(len(taken) + 1)
        for start, end in itertools.pairwise(self.starts.tolist()):
            if end > start:
                operation.accumulate(taken[start:end], out=running[start:end])
        found: np.ndarray = np.where(self._end > self._first, running[self._end - 1], 0.0)
        return found.reshape(self.which.shape)

    def errors(self, kinds: np.ndarray) -> Errors:
        """The first error among the selected cells."""
        wrong = np.flatnonzero(kinds.reshape(-1)[self.flat] >= ERROR)
        if not wrong.size:
            return None
        place = wrong.searchsorted(self._first)
        first = wrong[np.minimum(place, len(wrong) - 1)]
        own = (place < len(wrong)) & (first < self._end)
        codes = np.where(own, kinds.reshape(-1)[self.flat[first]].astype(np.int64) - ERROR, 0).astype(np.uint8)
        return codes.reshape(self.which.shape) if codes.any() else None


def _places(ranges: list[tuple[Value, np.ndarray]], shape: tuple[int, ...], parts: Growing | None) -> Places:
    keys, which = _distinct(ranges, shape)
    held = [Held(values) for values, _ in ranges]
    asked: list[dict[Any, Criterion]] = [{} for _ in ranges]
    positions: list[np.ndarray] = []
    held_in_all = 0
    for key in keys:
        found: np.ndarray | None = None
        for own, criteria, item in zip(held, asked, key):
            known = criteria.get(item)
            if known is None:
                known = criteria[item] = criterion(item[1])
            equal = own.equal(known)
            if equal is None:
                met = own.met(known)
                found = np.flatnonzero(met) if found is None else found[met[found]]
            else:
                found = equal if found is None else np.intersect1d(found, equal, assume_unique=True)
        assert found is not None
        positions.append(found)
        held_in_all += len(found)
        if held_in_all > ELEMENTS and shape[0] > 1:
            raise Split
    return Places(positions, which, ranges[0][0].shape[1] * ranges[0][0].shape[2], parts)


def _distinct(
    ranges: list[tuple[Value, np.ndarray]], shape: tuple[int, ...]
) -> tuple[list[tuple[Any, ...]], np.ndarray]:
    """The distinct combinations of criteria, and which of them each element asks, in their shape."""
    keys = [tuple(_key(items[place]) for _, items in ranges) for place in np.ndindex(shape)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return list(numbers), np.array([numbers[key] for key in keys]).reshape(shape)


def selection(
    context: Context,
    pairs: list[tuple[Value, Value]],
    measured: Value | None = None,
    parts: Growing | None = None,
) -> Selection | Places:
    """The cells that meet all criteria; pairs of a range and its criterion, ranges of one size.

    `measured` are the values beside them that are to be selected. `parts` say of which of their cells each formula
    cell's ranges consist, where these are parts of those given.
    """
    shape = np.broadcast_shapes(*(criteria.shape for _, criteria in pairs))
    ranges = [(values, np.broadcast_to(to_objects(criteria), shape)) for values, criteria in pairs]
    if all(values.shape[0] == 1 for values, _ in ranges):
        traced = any(
            isinstance(values.number, Traced) for values in (*(values for values, _ in ranges), measured) if values
        )
        if not traced and (measured is None or measured.shape[0] == 1):
            many = int(np.prod(shape)) * ranges[0][0].shape[1] * ranges[0][0].shape[2] > MANY
            if (parts is not None and shape[1:] == (1, 1)) or (parts is None and many):
                return _places(ranges, shape, parts)
        if parts is not None:
            chosen = _shared(ranges, shape, may_group=False).of_each_cell(context.count)
            place, starts = np.arange(chosen.rows.shape[1]), parts.starts[:, None]
            chosen.rows &= (place >= starts) & (place < starts + parts.sizes[:, None])
            return chosen
        if measured is None or measured.shape[0] == 1:
            return _shared(ranges, shape)
        return _shared(ranges, shape, may_group=False).of_each_cell(measured.shape[0])
    count = max([shape[0], *(values.shape[0] for values, _ in ranges)])
    size = ranges[0][0].shape[1] * ranges[0][0].shape[2]
    if shape[1:] != (1, 1) and context.count > 1:
        raise Split(np.arange(context.count))
    if shape[1:] != (1, 1) or (count * size > ELEMENTS and context.count > 1):
        raise Split
    rows = np.ones((count, size), bool)
    for values, items in ranges:
        cells: dict[Any, list[int]] = {}  # by what they ask
        for cell, item in enumerate(np.broadcast_to(items, (count, 1, 1)).reshape(-1)):
            cells.setdefault(_key(item), []).append(cell)
        for (_, item), own in cells.items():
            part = values if len(cells) == 1 else select(values, np.array(own))
            rows[own] &= criterion(item).met(part).reshape(part.shape[0], -1)
    return Selection(rows, np.arange(count).reshape(-1, 1, 1))


def _shared(ranges: list[tuple[Value, np.ndarray]], shape: tuple[int, ...], may_group: bool = True) -> Selection:
    keys, which = _distinct(ranges, shape)
    distinct = {key: number for number, key in enumerate(keys)}
    size = ranges[0][0].shape[1] * ranges[0][0].shape[2]
    if may_group and len(ranges) == 1 and len(distinct) * size > ELEMENTS // 8:
        grouped = _by_equality(ranges[0][0], list(distinct))
        if grouped is not None:
            return Selection(np.zeros((len(distinct), 0), bool), which, grouped)
    if len(distinct) * size > 16 * ELEMENTS:
        raise Split
    rows = np.ones((len(distinct), size), bool)
    for position, (values, _) in enumerate(ranges):
        met: dict[Any, np.ndarray] = {}
        for key, number in distinct.items():
            own = key[position]
            if own not in met:
                met[own] = criterion(own[1]).met(values).reshape(-1)
            rows[number] &= met[own]
    return Selection(rows, which)


def _key(item: Any) -> tuple[str, Any]:
    return type(item).__name__, item


def _by_equality(values: Value, keys: list[tuple[Any, ...]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Groups of equal numbers, if every criterion is a number to be equal to and no text can be meant."""
    wanted = [criterion(key[0][1]) for key in keys]
    if values.text is not None or not all(c.operator == "=" and isinstance(c.operand, float) for c in wanted):
        return None
    numbers = rounded_to_15_digits(np.array([float(c.operand) for c in wanted]))  # type: ignore[arg-type]
    own = values.kinds.reshape(-1) == NUMBER
    line = rounded_to_15_digits(concrete(values.number).reshape(-1))
    order = np.unique(numbers)
    place = order.searchsorted(line).clip(0, len(order) - 1)
    group = np.where(own & (order[place] == line), place, len(order))
    return group, order.searchsorted(numbers)


# ---- what is made of the selected cells --------------------------------------------------------

Measure = Callable[[Selection | Places, Value], tuple[Array, Errors]]


def counts(chosen: Selection | Places) -> np.ndarray:
    if isinstance(chosen, Places):
        return chosen.counts()
    if chosen.grouped is not None:
        group, wanted = chosen.grouped
        return np.bincount(group, minlength=group.max(initial=0) + 2)[wanted].astype(np.float64)[chosen.which]
    return chosen.rows.sum(axis=1).astype(np.float64)[chosen.which]


def _numeric(values: Value) -> Array:
    """The numbers (b, n) of a range, 0 elsewhere."""
    number = values.number if values.kind is None else ops.where(values.kind == NUMBER, values.number, 0.0)
    return ops.reshape(number, (values.shape[0], values.shape[1] * values.shape[2]))


def sums(chosen: Selection | Places, values: Value) -> tuple[Array, Errors]:
    """The sum of the selected numbers for each formula cell, in the shape of its criteria.

    One number is added after the other, as Excel does: what rounding leaves depends on that, and on nothing else.
    """
    numbers = _numeric(values)
    if isinstance(chosen, Places):
        return chosen.come_to(np.asarray(numbers), np.add), chosen.errors(values.kinds)
    if chosen.grouped is not None:
        group, wanted = chosen.grouped
        size = int(max(group.max(initial=0), wanted.max(initial=0))) + 1
        flat = ops.reshape(numbers, (numbers.shape[1],))
        totals = ops.scatter_add(flat, index=group, size=size)
        return ops.take(totals, wanted[chosen.which]), None
    totals = _added_up(chosen.rows, numbers)
    return ops.take(totals, chosen.which), _errors(chosen, values)


def _added_up(rows: np.ndarray, numbers: Array) -> Array:
    """The sums of the numbers, (1, n) or (d, n), that each of the rows, (d, n), selects."""
    if isinstance(numbers, Traced):
        return ops.sum_in_order(ops.where(rows, numbers, 0.0))
    at_once = max(1, _AT_ONCE // max(1, rows.shape[1]))
    parts = [
        ops.sum_in_order(np.where(rows[own], numbers if len(numbers) == 1 else numbers[own], 0.0))
        for own in (slice(start, start + at_once) for start in range(0, max(len(rows), 1), at_once))
    ]
    return np.concatenate(parts)


def _errors(chosen: Selection | Places, values: Value) -> Errors:
    """The first error among the selected cells."""
    if values.kind is None or not (values.kind >= ERROR).any():
        return None
    if isinstance(chosen, Places):
        return chosen.errors(values.kind)
    kinds = np.broadcast_to(values.kind.reshape(values.shape[0], -1), chosen.rows.shape)
    wrong = chosen.rows & (kinds >= ERROR)
    first = np.take_along_axis(kinds, wrong.argmax(axis=1)[:, None], axis=1)[:, 0].astype(np.int64) - ERROR
    codes = np.where(wrong.any(axis=1), first, 0).astype(np.uint8)
    return codes[chosen.which] if codes.any() else None


def _numbers_selected(chosen: Selection | Places, values: Value) -> np.ndarray:
    """How many of the selected cells hold numbers."""
    if isinstance(chosen, Places):
        return chosen.come_to((values.kinds == NUMBER).astype(np.float64), np.add)
    if chosen.grouped is not None:
        group, wanted = chosen.grouped
        own = (values.kinds.reshape(-1) == NUMBER).astype(np.float64)
        return np.bincount(group, weights=own, minlength=group.max(initial=0) + 2)[wanted][chosen.which]
    own = (values.kinds == NUMBER).reshape(values.shape[0], -1)
    return (chosen.rows & own).sum(axis=1).astype(np.float64)[chosen.which]


def means(chosen: Selection | Places, values: Value) -> tuple[Array, Errors]:
    total, errors = sums(chosen, values)
    count = _numbers_selected(chosen, values)
    empty = error_where(count == 0, DIV0)
    return ops.divide(total, np.maximum(count, 1.0)), first_error(errors, empty)


def _extreme(largest: bool) -> Measure:
    def compute(chosen: Selection | Places, values: Value) -> tuple[Array, Errors]:
        if isinstance(chosen, Places):
            numbers = np.where(values.kinds == NUMBER, np.asarray(values.number), -np.inf if largest else np.inf)
            found = chosen.come_to(numbers, np.maximum if largest else np.minimum)
            return np.where(np.isfinite(found), found, 0.0), chosen.errors(values.kinds)
        own = chosen.rows & (values.kinds == NUMBER).reshape(values.shape[0], -1)
        filler = -np.inf if largest else np.inf
        numbers = ops.where(own, _numeric(values), filler)
        place = (ops.argmax if largest else ops.argmin)(numbers)
        best = ops.take_along(_spread(_numeric(values), own.shape), place)
        found = ops.where(own.any(axis=1), ops.reshape(best, (own.shape[0],)), 0.0)
        return ops.take(found, chosen.which), _errors(chosen, values)

    return compute


def _spread(numbers: Array, shape: tuple[int, ...]) -> Array:
    return ops.broadcast_to(numbers, shape)


# ---- the functions -----------------------------------------------------------------------------


def _several(context: Context, nodes: Arguments, summed: Node | None, measure: Measure | None) -> Result:
    """COUNTIFS and its kin: pairs of a range and a criterion."""
    results = [context.in_array_mode().evaluate(node) for node in (*nodes[::2], *([summed] if summed else []))]
    results, parts = _parts_of_one(context, results)
    areas = [context.in_array_mode().dereference(result) for result in results]
    sizes = {_extent(result, area) for result, area in zip(results, areas)}
    if len(nodes) % 2 or len(sizes) > 1:
        return error_value(VALUE)
    areas = _filled_up(areas)
    pairs = [(area, context.value(node)) for area, node in zip(areas, nodes[1::2])]
    if summed is not None:
        _divide_by_range(results[-1], areas[:-1])
    chosen = selection(context, pairs, areas[-1] if summed else None, parts)
    if measure is None or summed is None:
        found = counts(chosen)
        height, width = sizes.pop()
        beyond = height * width - areas[0].shape[1] * areas[0].shape[2]
        if beyond:  # blanks of whole columns, below all cells
            found = found + beyond * counts(selection(context, [(blank_value(), criteria) for _, criteria in pairs]))
        return _finished(found, _unknown(pairs))
    number, errors = measure(chosen, areas[-1])
    return _finished(number, first_error(errors, _unknown(pairs)))


def _parts_of_one(context: Context, results: list[Result]) -> tuple[list[Result], Growing | None]:
    """Ranges that grow from formula cell to formula cell (A$1:A1, A$1:A2 ...), or shrink, each as the longest of them,
    which is read once; and which of its cells each has. Other ranges as they are."""
    grown: list[Result] = []
    parts: list[Growing] = []
    for result in results:
        own = growing(context, result) or shrinking(context, result)
        if own is None or own.read(context) is None:
            return results, None
        grown.append(own.longest)
        parts.append(own)
    alike_parts = all(
        np.array_equal(parts[0].sizes, other.sizes) and np.array_equal(parts[0].starts, other.starts) for other in parts
    )
    return (grown, parts[0]) if parts and alike_parts else (results, None)


def _extent(result: Result, area: Value) -> tuple[int, int]:
    """Rows and columns, also those that are not read as they lie beyond all cells."""
    if isinstance(result, Reference):
        alike(result.height)
        alike(result.width)
        return int(result.height[0]), int(result.width[0])
    return area.shape[1], area.shape[2]


def _divide_by_range(summed: Result, compared: list[Value]) -> None:
    """Where few ranges stand beside the same cells (one a column, say), each is computed with all its cells."""
    if isinstance(summed, Reference) and all(area.shape[0] == 1 for area in compared):
        labels = labels_of(summed.top, summed.left)
        if 1 < labels.max(initial=0) + 1 <= labels.size // FEWEST_CELLS_A_RANGE:
            raise Split(labels)


def _filled_up(areas: list[Value]) -> list[Value]:
    """Areas of one size, of which more or less was read, filled up with blanks to the same extent."""
    height, width = (max(area.shape[axis] for area in areas) for axis in (1, 2))
    return [area if area.shape[1:] == (height, width) else _with_blanks(area, height, width) for area in areas]


def _with_blanks(area: Value, height: int, width: int) -> Value:
    index = np.full((height, width), area.shape[1] * area.shape[2])
    index[: area.shape[1], : area.shape[2]] = places(area)
    return Elements(area, blank_value()).laid_out(index)


def _one(context: Context, arguments: Arguments, measure: Measure) -> Result:
    """SUMIF and AVERAGEIF: the range summed starts where stated, and is as large as the range compared."""
    area = context.in_array_mode().evaluate(arguments[0])
    if not isinstance(area, Reference):
        return error_value(VALUE)
    summed = area
    if len(arguments) > 2:
        corner = context.reference(arguments[2])
        if isinstance(corner, Value):
            return corner
        summed = corner
        if (corner.height != area.height).any() or (corner.width != area.width).any():
            summed = Reference(
                corner.sheet, corner.top, corner.left, area.height, area.width, corner.errors, dynamic=True
            )
    (whole, whole_summed), parts = _parts_of_one(context, [area, summed])
    assert isinstance(whole, Reference) and isinstance(whole_summed, Reference)
    compared, numbers = _filled_up([context.read(whole), context.read(whole_summed)])
    pairs = [(compared, context.value(arguments[1]))]
    _divide_by_range(whole_summed, [compared])
    number, errors = measure(selection(context, pairs, numbers, parts), numbers)
    return _finished(number, first_error(errors, _unknown(pairs)))


def _unknown(pairs: list[tuple[Value, Value]]) -> Errors:
    """Where a criterion, or a cell that it is asked of, could not be computed: no answer is known there."""
    errors: Errors = None
    for area, criteria in pairs:
        for value in (area, criteria):
            unknown = value.kinds == ERROR + UNCOMPUTABLE
            if unknown.any():
                whole = unknown.any(axis=(1, 2), keepdims=True) if value is area else unknown
                errors = first_error(errors, error_where(whole, UNCOMPUTABLE))
    return errors


def _finished(number: Array, errors: Errors) -> Value:
    result = number_value(number)
    return result if errors is None else with_errors(result, np.broadcast_to(errors, result.shape))


def _follows_a_range(position: int) -> bool:
    return position % 2 == 1


@function("COUNTIF", 2, 2)
@over_area_arrays(_follows_a_range)
def count_if(context: Context, arguments: Arguments) -> Result:
    """How many cells meet a criterion."""
    return _several(context, arguments, None, None)


@function("COUNTIFS", 2)
@over_area_arrays(_follows_a_range)
def count_ifs(context: Context, arguments: Arguments) -> Result:
    """How many cells meet several criteria."""
    return _several(context, arguments, None, None)


@function("SUMIF", 2, 3)
@over_area_arrays(_follows_a_range)
def sum_if(context: Context, arguments: Arguments) -> Result:
    """The sum of the cells that meet a criterion, or of those beside them."""
    return _one(context, arguments, sums)


@function("AVERAGEIF", 2, 3)
@over_area_arrays(_follows_a_range)
def average_if(context: Context, arguments: Arguments) -> Result:
    """The mean of the cells that meet a criterion, or of those beside them."""
    return _one(context, arguments, means)


def _of_range(name: str, about: str, measure: Measure) -> None:
    @function(name, 3, about=about)
    @over_area_arrays(lambda position: position > 0 and position % 2 == 0)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        return _several(context, arguments[1:], arguments[0], measure)


_of_range("SUMIFS", "The sum of the cells beside which several criteria are met.", sums)
_of_range("AVERAGEIFS", "The mean of the cells beside which several criteria are met.", means)
_of_range("MAXIFS", "The largest of the cells beside which several criteria are met.", _extreme(largest=True))
_of_range("MINIFS", "The smallest of the cells beside which several criteria are met.", _extreme(largest=False))
