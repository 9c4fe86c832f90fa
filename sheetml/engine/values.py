"""Values as Excel has them, for many cells at once: numbers, text, booleans, errors and blanks.

A `Value` holds, for b cells evaluated together, what each of them got: a scalar or an array of R rows
and C columns, hence arrays of shape (b, R, C). b is 1 where all cells get the same. Numbers may be
traced (see tracing/graph.py); which kind of value stands where is always concrete.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sheetml.engine.collation import collation_key, folded
from sheetml.engine.number_format import general_text
from sheetml.engine.precision import COMPARISONS
from sheetml.engine.reading import parse_number
from sheetml.engine.sizes import check_spread
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete, frozen, value_of
from sheetml.xlsx.model import ERROR_TEXT, MAX_TEXT, ErrorCode

# Kinds, as in the file (xlsx.model.Kind), except that an error's kind says which error it is.
NUMBER, BLANK, BOOLEAN, TEXT, ERROR = 0, 1, 2, 3, 16

NULL = int(ErrorCode.NULL)
DIV0 = int(ErrorCode.DIV0)
VALUE = int(ErrorCode.VALUE)
REF = int(ErrorCode.REF)
NAME = int(ErrorCode.NAME)
NUM = int(ErrorCode.NUM)
NA = int(ErrorCode.NA)
SPILL = int(ErrorCode.SPILL)
CALC = int(ErrorCode.CALC)
UNCOMPUTABLE = int(ErrorCode.UNCOMPUTABLE)

Errors = np.ndarray | None  # uint8 error codes, 0 for none; None where there are none at all


class Value:
    """What cells hold. `kind` is None where all are numbers; `text` is None where none is text."""

    __slots__ = ("kind", "number", "text")

    def __init__(self, number: Array, kind: np.ndarray | None = None, text: np.ndarray | None = None) -> None:
        self.number = number
        self.kind = kind
        self.text = text

    @property
    def shape(self) -> tuple[int, ...]:
        return self.number.shape

    @property
    def kinds(self) -> np.ndarray:
        return np.zeros(self.shape, np.uint8) if self.kind is None else self.kind

    @property
    def texts(self) -> np.ndarray:
        return np.full(self.shape, "", object) if self.text is None else self.text

    def errors(self) -> Errors:
        """The error code of each element, 0 for none; None if there is no error anywhere."""
        if self.kind is None:
            return None
        if self.kind.size == 1:
            own = self.kind.item()
            return None if own < ERROR else np.full(self.kind.shape, own - ERROR, np.uint8)
        wrong = self.kind >= ERROR
        return np.where(wrong, self.kind - ERROR, 0).astype(np.uint8) if wrong.any() else None

    def __repr__(self) -> str:
        return f"Value({value_of(self.number)!r}, {self.kind!r}, {self.text!r})"


class OneElementArray(Value):
    """An array of one element, which functions tell from a scalar: SUM passes over a text in it."""

    __slots__ = ()


def array_of(value: Value) -> Value:
    """The value as an array, also where it has only one element."""
    alone = value.shape[1:] == (1, 1)
    return OneElementArray(value.number, value.kind, value.text) if alone else value


def is_scalar(value: Value) -> bool:
    """Whether the value stands alone, and is no array of one element."""
    return value.shape[1:] == (1, 1) and not isinstance(value, OneElementArray)


# ---- making values -----------------------------------------------------------------------------


def number_value(number: Any, errors: Errors = None) -> Value:
    """Numbers; errors where `errors` is not 0, and #NUM! where a number is not finite."""
    if not isinstance(number, Traced):
        number = np.asarray(number, np.float64)
    elif number.value.dtype != np.float64:
        number = as_float(number)
    plain = value_of(number)
    if not (math.isfinite(plain.item()) if plain.size == 1 else np.isfinite(plain).all()):
        finite = concrete(ops.is_finite(number))  # a trace holds only where the same elements are not finite
        errors = first_error(errors, np.where(finite, 0, NUM))
    if errors is None or not errors.any():
        return Value(number)
    errors = np.broadcast_to(errors, np.broadcast_shapes(errors.shape, number.shape))
    number = ops.where(errors != 0, 0.0, number)
    return Value(number, np.where(errors, errors + ERROR, NUMBER).astype(np.uint8))


as_float = ops.unary("as_float", lambda x: x.astype(np.float64), lambda x, y: 1.0, "float({0})")


def boolean_value(truth: Any, errors: Errors = None) -> Value:
    """Booleans; errors where `errors` is not 0."""
    number = as_float(truth) if isinstance(truth, Traced) else np.asarray(truth, np.float64)
    shape = number.shape if errors is None else np.broadcast_shapes(errors.shape, number.shape)
    kind = np.full(shape, BOOLEAN, np.uint8)
    if errors is not None:
        errors = np.broadcast_to(errors, shape)
        kind[errors != 0] = errors[errors != 0] + ERROR
        number = ops.where(errors != 0, 0.0, number)
    return Value(number, kind)


def text_value(text: np.ndarray, errors: Errors = None) -> Value:
    """Text from an object array of str; errors where `errors` is not 0."""
    text = np.asarray(text, object)
    shape = text.shape if errors is None else np.broadcast_shapes(errors.shape, text.shape)
    kind = np.full(shape, TEXT, np.uint8)
    if errors is not None:
        errors = np.broadcast_to(errors, shape)
        kind[errors != 0] = errors[errors != 0] + ERROR
        text = np.where(errors != 0, "", text)
    return Value(np.zeros(shape), kind, text)


def bounded(value: Value) -> Value:
    """The value, with #VALUE! where a text is longer than a cell can hold."""
    if value.text is None:
        return value
    too_long = (value.kinds == TEXT) & (_length(value.text) > MAX_TEXT)
    if not too_long.any():
        return value
    kind = np.where(too_long, np.uint8(ERROR + VALUE), value.kinds)
    return Value(value.number, kind, np.where(too_long, "", value.text))


_length = np.frompyfunc(len, 1, 1)


def error_value(code: int, shape: tuple[int, ...] = (1, 1, 1)) -> Value:
    return Value(np.zeros(shape), np.full(shape, code + ERROR, np.uint8))


def blank_value(shape: tuple[int, ...] = (1, 1, 1)) -> Value:
    return Value(np.zeros(shape), np.full(shape, BLANK, np.uint8))


def scalar_value(item: float | str | bool | None) -> Value:
    """One value for all cells; None is a blank."""
    if item is None:
        return blank_value()
    if isinstance(item, bool):
        return boolean_value(np.full((1, 1, 1), item))
    if isinstance(item, str):
        return text_value(np.full((1, 1, 1), item, object))
    return Value(np.full((1, 1, 1), float(item)))


def array_value(rows: list[list[Any]]) -> Value:
    """A constant array of numbers, text, booleans, ErrorCodes and None, for all cells."""
    items = np.empty((1, len(rows), len(rows[0])), object)
    for i, row in enumerate(rows):
        for j, item in enumerate(row):
            items[0, i, j] = item
    return from_objects(items)


def from_objects(items: np.ndarray) -> Value:
    """A value from an object array of float, str, bool, ErrorCode and None."""
    number, kind = np.zeros(items.shape), np.zeros(items.shape, np.uint8)
    text = np.full(items.shape, "", object)
    for place, item in np.ndenumerate(items):
        if item is None:
            kind[place] = BLANK
        elif isinstance(item, ErrorCode):
            kind[place] = ERROR + item
        elif isinstance(item, (bool, np.bool_)):
            number[place], kind[place] = item, BOOLEAN
        elif isinstance(item, str):
            text[place], kind[place] = item, TEXT
        else:
            number[place] = item
    return Value(number, kind if kind.any() else None, text if (kind == TEXT).any() else None)


def to_objects(value: Value) -> np.ndarray:
    """An object array of float, str, bool, ErrorCode and None: what Python code works with."""
    result = concrete(value.number).astype(object)
    if value.kind is None:
        return result
    for place, kind in np.ndenumerate(value.kind):
        if kind == BLANK:
            result[place] = None
        elif kind == BOOLEAN:
            result[place] = bool(result[place])
        elif kind == TEXT:
            result[place] = value.texts[place]
        elif kind >= ERROR:
            result[place] = ErrorCode(int(kind) - ERROR)
    return result


# ---- errors ------------------------------------------------------------------------------------


def first_error(*errors: Errors) -> Errors:
    """Element by element the first that is not 0; but what could not be computed comes before all."""
    result: Errors = None
    for each in errors:
        if each is None:
            continue
        if result is None:
            result = each
        else:
            keep = (result != 0) & (each != UNCOMPUTABLE)
            result = np.where(keep, result, each)
    return result


def error_where(mask: Any, code: int) -> Errors:
    """The errors of a condition (None: nowhere)."""
    return None if mask is None else np.where(mask, np.uint8(code), np.uint8(0))


# ---- shapes ------------------------------------------------------------------------------------


def select(value: Value, index: np.ndarray | slice) -> Value:
    """The value for some of the cells (positions along the first axis)."""
    if value.shape[0] == 1:
        return value
    chosen = rearranged(value, np.arange(int(np.prod(value.shape))).reshape(value.shape)[index])
    return array_of(chosen) if isinstance(value, OneElementArray) else chosen


def rearranged(value: Value, flat_index: np.ndarray) -> Value:
    """Elements of the flattened value, in the shape of the index."""
    return Value(
        ops.take(value.number, flat_index),
        None if value.kind is None else _trimmed(value.kind.reshape(-1)[flat_index]),
        None if value.text is None else value.text.reshape(-1)[flat_index],
    )


def _trimmed(kind: np.ndarray) -> np.ndarray | None:
    return kind if (kind.item() if kind.size == 1 else kind.any()) else None


def broadcast(value: Value, shape: tuple[int, ...]) -> Value:
    """The value repeated to a shape; beyond the extent of an array it is #N/A, as in Excel."""
    if value.shape == shape:
        return value
    extent = tuple(size if own in (1, size) else min(own, size) for own, size in zip(value.shape, shape))
    if extent != shape:
        return _padded(value, shape)
    return Value(
        ops.broadcast_to(value.number, shape),
        None if value.kind is None else np.broadcast_to(value.kind, shape),
        None if value.text is None else np.broadcast_to(value.text, shape),
    )


def _padded(value: Value, shape: tuple[int, ...], code: int = NA) -> Value:
    index = np.arange(int(np.prod(value.shape))).reshape(value.shape)
    positions, inside = [], np.ones(shape, bool)
    for axis, (own, size) in enumerate(zip(value.shape, shape)):
        line = np.zeros(size, np.intp) if own == 1 else np.minimum(np.arange(size), own - 1)
        positions.append(line)
        if own != 1:
            within = (np.arange(size) < own).reshape([-1 if i == axis else 1 for i in range(3)])
            inside &= within
    spread = rearranged(value, index[np.ix_(*positions)])
    kind = np.where(inside, spread.kinds, np.uint8(ERROR + code))
    number = spread.number if inside.all() else ops.where(inside, spread.number, 0.0)
    return Value(number, _trimmed(kind), spread.text)


def fitted(value: Value, height: int, width: int) -> Value:
    """An array formula's result in its area: repeated if one row, column or cell, #N/A beyond it."""
    cropped = value
    if value.shape[1] > height or value.shape[2] > width:
        index = np.arange(int(np.prod(value.shape))).reshape(value.shape)
        cropped = rearranged(value, index[:, :height, :width])
    return broadcast(cropped, (value.shape[0], height, width))


def _is_among(kind: int, kinds: np.ndarray) -> bool:
    """Whether any is of a kind; of one it is sooner asked than of an array."""
    return bool(kinds.item() == kind if kinds.size == 1 else (kinds == kind).any())


def without_blanks(value: Value) -> Value:
    """A formula's result is never blank: it is 0."""
    if value.kind is None or not _is_among(BLANK, value.kind):
        return value
    kind = np.where(value.kind == BLANK, NUMBER, value.kind).astype(np.uint8)
    return Value(value.number, kind if kind.any() else None, value.text)


def common_shape(values: Sequence[Value]) -> tuple[int, ...]:
    """The shape that operands of different shapes spread to: the largest along each axis, if not too large."""
    shapes = [value.shape for value in values]
    shape = tuple(max(sizes) for sizes in zip(*shapes))
    check_spread(shape, shapes)
    return shape


def merge(shape: tuple[int, ...], parts: list[tuple[np.ndarray, Value]]) -> Value:
    """One value from several: each part fills the elements its boolean mask (of `shape`) marks.

    Every part has the same shape or broadcasts to it; masks do not overlap and cover everything.
    """
    check_spread(shape, [part.shape for _, part in parts])
    number: Any = np.zeros(shape)
    kind = np.zeros(shape, np.uint8)
    text: np.ndarray | None = None
    for mask, part in parts:
        spread = broadcast(part, shape)
        number = ops.where(mask, spread.number, number)
        if spread.kind is not None:
            kind = np.where(mask, spread.kind, kind)
        if spread.text is not None:
            text = np.where(mask, spread.text, np.full(shape, "", object) if text is None else text)
    return Value(number, _trimmed(kind), text)


# ---- coercion ----------------------------------------------------------------------------------


def as_number(value: Value) -> tuple[Array, Errors]:
    """Numbers, as arithmetic takes them: a blank is 0, TRUE is 1, text is read as a number if it is one."""
    if value.kind is None:
        return value.number, None
    errors = value.errors()
    if not _is_among(TEXT, value.kind):
        return value.number, errors
    is_text = value.kind == TEXT
    assert value.text is not None
    parsed = np.zeros(value.shape)
    codes = np.zeros(value.shape, np.uint8) if errors is None else errors
    for place in zip(*np.nonzero(is_text)):
        number = parse_number(value.text[place])
        if number is None:
            codes[place] = VALUE
        else:
            parsed[place] = number
    return ops.where(is_text, parsed, value.number), codes if codes.any() else None


def as_boolean(value: Value) -> tuple[Array, Errors]:
    """Truth values (bool arrays), as IF takes its condition: not 0 is TRUE, "TRUE" and "FALSE" are read."""
    errors = value.errors()
    number = value.number
    if value.kind is not None and _is_among(TEXT, value.kind):
        assert value.text is not None
        codes = np.zeros(value.shape, np.uint8) if errors is None else errors.copy()
        truth = np.zeros(value.shape)
        is_text = value.kind == TEXT
        for place in zip(*np.nonzero(is_text)):
            word = value.text[place].upper()
            if word in ("TRUE", "FALSE"):
                truth[place] = word == "TRUE"
            else:
                codes[place] = VALUE
        number = ops.where(is_text, truth, number)
        errors = codes if codes.any() else None
    return ops.not_equal(number, 0.0), errors


def as_text(value: Value) -> tuple[np.ndarray, Errors]:
    """Text (object arrays of str), as & takes it."""
    errors = value.errors()
    if value.kind is not None and (value.kind == TEXT).all():
        return value.texts, None
    result = value.texts.copy()
    kinds = value.kinds
    numeric = (kinds == NUMBER) | (kinds == BOOLEAN)
    numbers = frozen(value.number, "text made of a number") if numeric.any() else value_of(value.number)
    for place in zip(*np.nonzero(numeric)):
        if kinds[place] == NUMBER:
            result[place] = general_text(float(numbers[place]))
        else:
            result[place] = "TRUE" if numbers[place] else "FALSE"
    return result, errors


# ---- comparison --------------------------------------------------------------------------------

_RANK = np.zeros(256, np.uint8)
_RANK[TEXT], _RANK[BOOLEAN] = 1, 2

_OF_RANKS: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def compare(operator: str, left: Value, right: Value) -> Value:
    """A comparison as Excel makes it: numbers before text before booleans, text without regard to case."""
    shape = common_shape((left, right))
    narrow = left, right
    left, right = broadcast(left, shape), broadcast(right, shape)
    compute, of_ranks = COMPARISONS[operator], _OF_RANKS[operator]
    if not _has_words(left) and not _has_words(right):
        return boolean_value(compute(left.number, right.number), first_error(left.errors(), right.errors()))
    left_rank, right_rank = _ranks(left, right), _ranks(right, left)
    by_rank = of_ranks(left_rank, right_rank)
    same = left_rank == right_rank
    words = same & (left_rank == 1)
    if words.any():
        by_rank = np.where(words, of_ranks(*_ranks_of_texts(*narrow, left, right, operator in ("=", "<>"))), by_rank)
    numeric = same & ~words
    truth = ops.where(numeric, compute(left.number, right.number), by_rank) if numeric.any() else by_rank
    return boolean_value(truth, first_error(left.errors(), right.errors()))


def _has_words(value: Value) -> bool:
    if value.kind is None:
        return False
    if value.kind.size == 1:
        return value.kind.item() in (TEXT, BOOLEAN)
    return bool(((value.kind == TEXT) | (value.kind == BOOLEAN)).any())


def _ranks(value: Value, other: Value) -> np.ndarray:
    """Numbers 0, text 1, booleans 2; a blank is of the kind it is compared with."""
    ranks = _RANK[value.kinds]
    return np.where(value.kinds == BLANK, _RANK[other.kinds], ranks)


def _ranks_of_texts(
    left: Value, right: Value, whole_left: Value, whole_right: Value, equality: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers that compare as the texts of two values do, where these are spread to one shape.

    Each text is looked at as often as it stands in the values, not as often as these are repeated.
    """
    shape, seen = whole_left.shape, _folded if equality else _keys
    texts = [
        seen(value.texts if all(own in (1, size) for own, size in zip(value.shape, shape)) else whole.texts)
        for value, whole in ((left, whole_left), (right, whole_right))
    ]
    keys: Any = dict.fromkeys(itertools.chain.from_iterable(part.reshape(-1).tolist() for part in texts))
    ranks = {key: rank for rank, key in enumerate(keys if equality else sorted(keys))}
    of_left, of_right = (
        np.array([ranks[key] for key in part.reshape(-1).tolist()], np.intp).reshape(part.shape) for part in texts
    )
    return np.broadcast_to(of_left, shape), np.broadcast_to(of_right, shape)


_folded = np.frompyfunc(folded, 1, 1)
_keys = np.frompyfunc(collation_key, 1, 1)


def describe(value: float | str | bool | ErrorCode | None) -> str:
    """A cell's value in messages."""
    if value is None:
        return "a blank"
    if isinstance(value, ErrorCode):
        return ERROR_TEXT[value]
    if isinstance(value, bool):
        return str(value).upper()
    return f'the text "{value}"' if isinstance(value, str) else general_text(value)


def plain(value: float | str | bool | ErrorCode | None) -> float | str | bool | None:
    """A cell's value in plain Python, an error as its text."""
    return ERROR_TEXT[value] if isinstance(value, ErrorCode) else value
