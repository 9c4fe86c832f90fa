"""How a worksheet function is made known to the engine.

Adding a function is one act: write its values with the operations of `graph` (each of which carries
its derivative) under one of these decorators, in the module of its family.

    @elementwise("SQRT", "number")             scalars in, a scalar out; arrays go element by element
    @one_by_one("PROPER", "text")              the same in plain Python values: text, without a derivative
    @aggregate("SUM")                          any number of ranges, arrays and scalars, to one number
    @over_arrays("MMULT", 2)                   whole arrays in, an array out
    @function("IF", 1, 3)                      everything else: gets its arguments unevaluated

The first sentence of its docstring (or `about`) describes the function where functions are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import (
    MOST_ARGUMENTS,
    Arguments,
    Context,
    Evaluation,
    Function,
    Result,
    aligned,
)
from sheetml.engine.functions.growing import Running, running_at
from sheetml.engine.sizes import ELEMENTS_OF_ONE_CELL
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, frozen, value_of
from sheetml.engine.values import (
    BLANK,
    BOOLEAN,
    ERROR,
    NA,
    NUMBER,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_number,
    as_text,
    blank_value,
    bounded,
    error_value,
    error_where,
    first_error,
    from_objects,
    is_scalar,
    number_value,
    scalar_value,
    to_objects,
)
from sheetml.errors import CalculationError
from sheetml.formula.tree import Missing, Node
from sheetml.xlsx.model import ErrorCode

MOST = MOST_ARGUMENTS

FUNCTIONS: dict[str, Function] = {}
# of functions of single values: what computes them, what their arguments arrive as, the defaults of the last ones,
# and whether it takes plain values (else arrays)
SINGLE_VALUES: dict[str, tuple[Callable[..., Any], tuple[str, ...], tuple[float | str | bool, ...], bool]] = {}

SAMPLES: dict[str, Callable[..., Any]] = {}  # what computes functions of the numbers in areas, of a Sample

OF_ARRAYS: dict[str, tuple[Callable[..., Any], int, int]] = {}  # of functions of arrays: what computes, fewest, most


def function(
    name: str,
    fewest: int = 0,
    most: int = MOST,
    *,
    volatile: bool = False,
    by_position: tuple[int, ...] = (),
    intersects: bool = False,
    differentiable: bool = True,
    chooses: bool = False,
    about: str = "",
) -> Callable[[Evaluation], Evaluation]:
    """Registers `evaluate(context, arguments)`, which gets its arguments as trees."""

    def register(evaluate: Evaluation) -> Evaluation:
        described = Function(name, evaluate, fewest, most, volatile, frozenset(by_position), intersects)
        _register(replace(described, differentiable=differentiable, chooses=chooses, about=about), evaluate)
        return evaluate

    return register


def _register(described: Function, source: Callable[..., Any]) -> None:
    """Makes the function known; family and description come from the code that computes it."""
    assert described.name not in FUNCTIONS, f"there are two functions {described.name}"
    about = described.about or _first_sentence(source.__doc__ or "")
    FUNCTIONS[described.name] = replace(described, family=source.__module__.rpartition(".")[2], about=about)


def _first_sentence(text: str) -> str:
    sentence = " ".join(text.split("\n\n")[0].split())
    end = re.search(r"(?<=[^.])\.(?= [A-Z]|$)", sentence)
    return sentence[: end.end()] if end else sentence


def also_named(name: str, original: str) -> None:
    """A second name of a function (STDEV, STDEV.S)."""
    assert name not in FUNCTIONS, f"there are two functions {name}"
    FUNCTIONS[name] = replace(FUNCTIONS[original], name=name)
    tables: tuple[dict[str, Any], ...] = (SINGLE_VALUES, SAMPLES, OF_ARRAYS)
    for table in tables:
        if original in table:
            table[name] = table[original]


# ---- scalars in, a scalar out ------------------------------------------------------------------


def as_strict_number(value: Value) -> tuple[Array, Errors]:
    """Numbers as the functions of Excel's former Analysis ToolPak take them: a boolean is #VALUE!."""
    number, errors = as_number(value)
    if value.kind is not None and (value.kind == BOOLEAN).any():
        errors = first_error(errors, error_where(value.kind == BOOLEAN, VALUE))
    return number, errors


_COERCE: dict[str, Callable[[Value], tuple[Any, Errors]]] = {
    "number": as_number,
    "strict": as_strict_number,
    "boolean": as_boolean,
    "text": as_text,
    "value": lambda value: (value, None),
    "strict value": lambda value: (value, None),
}


def elementwise(
    name: str,
    *kinds: str,
    defaults: tuple[float | str | bool, ...] = (),
    differentiable: bool = True,
    about: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers `compute(*arguments)` on arrays that broadcast with each other.

    Each kind says how an argument arrives: "number" (float Array), "boolean" (bool Array), "text"
    (object array of str), "value" (a Value with its errors in it) or "strict" (float Array, where
    booleans and areas of several cells are #VALUE! and an argument left empty is #N/A: the functions
    of the former Analysis ToolPak) or "strict value" (a Value under the same rules, its booleans left
    to the function). `defaults` fill in the last arguments where they are left out.
    `compute` returns an Array, or an Array and error codes, or a Value; errors among the arguments
    come first.
    """

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        required = len(kinds) - len(defaults)

        def evaluate(context: Context, arguments: Arguments) -> Result:
            values = [_given(context, arguments, i, kind, required, defaults) for i, kind in enumerate(kinds)]
            return spread(compute, kinds, values)

        SINGLE_VALUES[name] = compute, kinds, defaults, False
        described = Function(name, evaluate, required, len(kinds), intersects=True)
        _register(replace(described, differentiable=differentiable, about=about), compute)
        return compute

    return register


def _given(
    context: Context, arguments: Arguments, position: int, kind: str, required: int, defaults: tuple[Any, ...]
) -> Value:
    if position < len(arguments) and not isinstance(arguments[position], Missing):
        strict = kind.startswith("strict")
        return strict_value(context, arguments[position]) if strict else context.value(arguments[position])
    if position < required:
        return error_value(NA) if kind.startswith("strict") else blank_value()
    return scalar_value(defaults[position - required])


def strict_value(context: Context, argument: Node) -> Value:
    """The argument of a ToolPak function: it takes arrays, but no areas of several cells."""
    result = context.evaluate(argument)
    if context.array and isinstance(result, Reference) and not result.single:
        return error_value(VALUE)
    return context.dereference(result)


def spread(compute: Callable[..., Any], kinds: tuple[str, ...], values: list[Value]) -> Value:
    """Applies a computation element by element to values of any shapes."""
    operands, errors = [], []
    for kind, value in zip(kinds, aligned(*values)):
        operand, wrong = _COERCE[kind](value)
        operands.append(operand)
        errors.append(wrong)
    return finished(compute(*operands), first_error(*errors))


def finished(result: Any, errors: Errors = None) -> Value:
    """A computation's result as a Value: an Array, an Array with error codes, or a Value already."""
    if isinstance(result, tuple):
        result, own = result
        errors = first_error(errors, own)
    if not isinstance(result, Value):
        return number_value(result, errors)
    return result if errors is None else with_errors(result, errors)


def with_errors(value: Value, errors: np.ndarray) -> Value:
    """The value, with errors where `errors` is not 0."""
    if not errors.any():
        return value
    kind = np.where(errors != 0, errors + ERROR, value.kinds).astype(np.uint8)
    text = None if value.text is None else np.broadcast_to(value.text, kind.shape)
    number = ops.where(errors != 0, 0.0, value.number)
    return Value(number, kind, text)


Item = float | str | bool | ErrorCode | None  # a value in plain Python


def one_by_one(
    name: str, *kinds: str, defaults: tuple[float | str | bool, ...] = (), about: str = ""
) -> Callable[[Callable[..., Item]], Callable[..., Item]]:
    """Registers `compute(*items)` on plain Python values, for what has no array operation: text above all.

    The kinds are those of `elementwise`; items arrive as float, bool or str, of "value" as an Item. It
    is called once for each distinct combination of items and returns an Item. There is no derivative:
    asking for one names the function. Text longer than a cell holds is #VALUE!.
    """

    def register(compute: Callable[..., Item]) -> Callable[..., Item]:
        def over_arrays(*operands: Any) -> Value:
            return mapped(compute, operands)

        over_arrays.__doc__, over_arrays.__module__ = compute.__doc__, compute.__module__
        elementwise(name, *kinds, defaults=defaults, differentiable=False, about=about)(over_arrays)
        SINGLE_VALUES[name] = compute, kinds, defaults, True
        return compute

    return register


def mapped(compute: Callable[..., Item], operands: tuple[Any, ...]) -> Value:
    """A Python function's values for arrays that broadcast with each other; of a Value it gets its items."""
    arrays = [plain_items(each) if isinstance(each, Value) else frozen(each) for each in operands]
    spread = np.broadcast_arrays(*arrays)
    known: dict[tuple[Any, ...], Item] = {}
    results = np.empty(spread[0].shape, object)
    flat = results.reshape(-1)
    for place, items in enumerate(zip(*(array.reshape(-1).tolist() for array in spread))):
        key = (items, *map(type, items))
        if key not in known:
            known[key] = compute(*items)
        flat[place] = known[key]
    return bounded(from_objects(results))


def plain_items(value: Value) -> np.ndarray:
    """The items of a value, (an object array), for a function that has no derivative by them."""
    return to_objects(Value(frozen(value.number), value.kind, value.text))


# ---- many numbers in, one out ------------------------------------------------------------------


@dataclass(slots=True)
class Sample:
    """The numbers an aggregate works on: for each of b cells n candidates, some of them left out.

    `number` is (b, n), 0 where left out; `included` is a bool array that broadcasts to it, or None
    where all take part; `errors` holds an error code a cell, (b,), or None.
    """

    number: Array
    included: np.ndarray | None = None
    errors: Errors = None

    @property
    def count(self) -> np.ndarray:
        """How many numbers each cell has, (b,)."""
        if self.included is None:
            return np.full(self.number.shape[0], float(self.number.shape[1]))
        spread = np.broadcast_to(self.included, self.number.shape)
        return spread.sum(axis=1).astype(np.float64)

    def filled(self, filler: float) -> Array:
        """The numbers, with a filler where one is left out."""
        return self.number if self.included is None else ops.where(self.included, self.number, filler)


def aggregate(
    name: str,
    fewest: int = 1,
    most: int = MOST,
    *,
    all_values: bool = False,
    running: Callable[[Running], Any] | None = None,
    differentiable: bool = True,
    about: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers `compute(sample)`, which returns one number a cell, (b,), or (numbers, error codes).

    In references and arrays only numbers count; `all_values` takes text as 0 there, and booleans of
    references as 0 or 1 (AVERAGEA). Arguments that are scalars are coerced. `running` is the same for areas that
    grow from cell to cell (A$1:A1, A$1:A2 ...), each of which begins as the longest does.
    """

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate(context: Context, arguments: Arguments) -> Result:
            growing = running_at(context, arguments[0]) if running is not None and len(arguments) == 1 else None
            if running is not None and growing is not None:
                return _of_cells(running(growing), growing.errors)
            return of_sample(compute, sample_of(context, arguments, all_values))

        if not all_values:
            SAMPLES[name] = compute
        described = Function(name, evaluate, fewest, most)
        _register(replace(described, differentiable=differentiable, about=about), compute)
        return compute

    return register


def of_sample(compute: Callable[[Sample], Any], sample: Sample) -> Value:
    """The aggregate of a sample as a value of shape (b, 1, 1)."""
    return _of_cells(compute(sample), sample.errors)


def _of_cells(result: Any, wrong: Errors) -> Value:
    """Numbers, (b,), perhaps with error codes, as a value of shape (b, 1, 1); errors that come first are `wrong`."""
    number, errors = result if isinstance(result, tuple) else (result, None)
    errors = first_error(wrong, errors)
    if not isinstance(number, (np.ndarray, ops.Traced)):
        number = np.asarray(number)
    return number_value(ops.reshape(number, (number.size, 1, 1)), None if errors is None else errors.reshape(-1, 1, 1))


def sample_of(context: Context, arguments: Arguments, all_values: bool = False) -> Sample:
    """The numbers that aggregates find in their arguments."""
    parts: list[Sample] = []
    for argument in arguments:
        parts += _samples(context, context.evaluate(argument), all_values)
        numbers = sum(part.number.shape[1] for part in parts)
        if numbers > ELEMENTS_OF_ONE_CELL:
            raise CalculationError(f"{numbers:,} cells at once are too many to compute with")
    return joined(parts)


def _samples(context: Context, result: Result, all_values: bool) -> list[Sample]:
    if isinstance(result, Areas):
        return [sample_in(context.read_padded(part), all_values) for part in result.parts]
    if isinstance(result, Reference):
        return [sample_in(context.read_padded(result), all_values)]
    if not isinstance(result, Value):
        result = context.dereference(result)
    if not is_scalar(result):
        return [sample_in(_without_booleans(result) if all_values else result, all_values)]
    number, errors = as_number(result)
    count = result.shape[0]
    return [Sample(ops.reshape(number, (count, 1)), None, None if errors is None else errors.reshape(count))]


def _without_booleans(value: Value) -> Value:
    """An array with blanks in place of booleans, which AVERAGEA and its kind pass over there."""
    if value.kind is None:
        return value
    return Value(value.number, np.where(value.kind == BOOLEAN, np.uint8(BLANK), value.kind), value.text)


def sample_in(value: Value, all_values: bool = False) -> Sample:
    """The numbers in an array of values, (b, R, C)."""
    count = value.shape[0]
    size = value.shape[1] * value.shape[2]
    number = ops.reshape(value.number, (count, size))
    if value.kind is None:
        return Sample(number)
    kind = value.kind.reshape(count, size)
    wrong = kind >= ERROR
    errors = _first_in_rows(kind, wrong) if wrong.any() else None
    included = (kind != 1) & ~wrong if all_values else kind == NUMBER
    if (included == included[:1]).all():
        # the same candidates take part in every cell: the others can be dropped for good
        keep = np.nonzero(included[0])[0]
        index = (np.arange(count)[:, None] * size) + keep[None, :]
        return Sample(ops.take(number, index), None, errors)
    return Sample(ops.where(included, number, 0.0), included, errors)


def _first_in_rows(kind: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    first = wrong.argmax(axis=1)
    codes = np.take_along_axis(kind, first[:, None], axis=1)[:, 0].astype(np.int64) - ERROR
    codes = np.where((kind == ERROR + 64).any(axis=1), 64, codes)
    return np.where(wrong.any(axis=1), codes, 0).astype(np.uint8)


def joined(parts: list[Sample]) -> Sample:
    """One sample of all the numbers in several."""
    if len(parts) == 1:
        return parts[0]
    count = max(part.number.shape[0] for part in parts)
    numbers = [ops.broadcast_to(part.number, (count, part.number.shape[1])) for part in parts]
    included = None
    if any(part.included is not None for part in parts):
        included = np.concatenate([_mask(part, count) for part in parts], axis=1)
    return Sample(ops.concatenate(numbers, axis=1), included, first_error(*(part.errors for part in parts)))


def _mask(part: Sample, count: int) -> np.ndarray:
    shape = (count, part.number.shape[1])
    return np.ones(shape, bool) if part.included is None else np.broadcast_to(part.included, shape)


def added_up(numbers: Array) -> Array:
    """The sums of rows, (b,), number after number as Excel adds them: what rounding leaves depends on the order."""
    return ops.sum_in_order(numbers)


# ---- whole arrays in, an array out -------------------------------------------------------------


def over_arrays(
    name: str, fewest: int, most: int | None = None, *, differentiable: bool = True, about: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers `compute(*values)` on the arguments' whole arrays, Values of shape (b, R, C).

    The arguments are evaluated in array mode; those left out arrive as None. `compute` returns a
    Value, an Array of shape (b, R, C), or an Array and error codes that broadcast to it.
    """
    largest = fewest if most is None else most

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate(context: Context, arguments: Arguments) -> Result:
            given: list[Value | None] = [
                None if isinstance(argument, Missing) and position >= fewest else context.array_value(argument)
                for position, argument in enumerate(arguments)
            ]
            if largest != MOST:
                given += [None] * (largest - len(given))
            return finished(compute(*given))

        OF_ARRAYS[name] = compute, fewest, largest
        described = Function(name, evaluate, fewest, largest)
        _register(replace(described, differentiable=differentiable, about=about), compute)
        return compute

    return register


def error_of_any(*values: Value) -> Errors:
    """One error code a cell, (b, 1, 1), where any element of the arrays is an error."""
    errors: Errors = None
    for value in values:
        if value.kind is not None and (value.kind >= ERROR).any():
            kind = value.kind.reshape(value.shape[0], -1)
            errors = first_error(errors, _first_in_rows(kind, kind >= ERROR).reshape(-1, 1, 1))
    return errors


def first_of_each_cell(errors: Errors, count: int) -> Errors:
    """The first error among each cell's, (b,)."""
    if errors is None:
        return None
    rows = errors.reshape(count, -1)
    return rows[np.arange(count), (rows != 0).argmax(axis=1)]


def is_true(array: Any) -> bool:
    """Whether a plain or traced condition holds everywhere just now."""
    return bool(np.all(value_of(array)))
