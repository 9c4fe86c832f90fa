"""Logic: conditions and what they choose."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import alike, numbered, together
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import error_of_any, function
from sheetml.engine.sizes import Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete
from sheetml.engine.values import (
    BLANK,
    BOOLEAN,
    ERROR,
    NA,
    NUMBER,
    TEXT,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_float,
    boolean_value,
    broadcast,
    compare,
    error_value,
    error_where,
    first_error,
    is_scalar,
    merge,
    scalar_value,
    select,
)
from sheetml.formula.tree import Missing, Node


@function("IF", 1, 3, chooses=True)
def if_(context: Context, arguments: Arguments) -> Result:
    """One value where a condition is true, another where it is false."""
    inner = context.for_arguments()
    truth, errors = as_boolean(inner.value(arguments[0]))
    branches = [_branch(arguments, 1, True), _branch(arguments, 2, False)]
    return one_of_two(context, truth, errors, branches)


def one_of_two(context: Context, truth: Array, errors: Errors, branches: list[Branch]) -> Result:
    """The first branch where a condition is true, else the second; the condition's error where there is one."""
    if isinstance(truth, Traced) and errors is None:
        both = _smooth_choice(context, truth, branches)
        if both is not None:
            return both
    taken = concrete(truth)
    if errors is None and taken.shape == (1, 1, 1):
        return branch_result(branches[0 if taken.item() else 1], context)
    codes = np.zeros(taken.shape, np.uint8) if errors is None else errors
    return chosen(context, [(taken & (codes == 0), branches[0]), (~taken & (codes == 0), branches[1])], codes)


Branch = Callable[[Context], Result] | Value | Reference  # how to evaluate it, or what all cells have


def _branch(arguments: Arguments, position: int, otherwise: bool) -> Branch:
    if position >= len(arguments):
        return lambda context: scalar_value(otherwise)
    return evaluation(arguments[position])


def evaluation(node: Node) -> Branch:
    """Evaluating a branch; one left empty is 0."""
    if isinstance(node, Missing):
        return lambda context: scalar_value(0.0)
    return lambda context: context.for_arguments().value(node) if context.for_values else context.evaluate(node)


def branch_result(branch: Branch, context: Context) -> Result:
    """What a branch gives in a context: an area as such, unless values are asked for."""
    result = branch if isinstance(branch, (Value, Reference)) else branch(context)
    return context.dereference(result) if context.for_values else result


def _smooth_choice(context: Context, truth: Traced, branches: list[Branch]) -> Value | None:
    """Both branches and a choice between them, if both give plain numbers for all cells just now.

    The trace then stays good when the condition changes; None if it must be bound to this choice.
    """
    trace = context.workspace.trace
    assert trace is not None
    guards = len(trace.guards)
    results = [branch_result(branch, context) for branch in branches]
    if all(isinstance(result, Value) or (isinstance(result, Reference) and result.single) for result in results):
        values = [context.dereference(result) for result in results]
        same = values[0].shape[1:] == values[1].shape[1:]
        if all(value.kind is None for value in values) and (same or truth.shape[1:] != (1, 1)):
            shape = np.broadcast_shapes(truth.shape, *(value.shape for value in values))
            if all(own in (1, size) for value in values for own, size in zip(value.shape, shape)):
                return Value(ops.where(truth, values[0].number, values[1].number))
    trace.forget_after(guards)
    return None


def chosen(context: Context, choices: list[tuple[np.ndarray, Branch]], codes: np.ndarray) -> Result:
    """For each cell or element the branch whose mask marks it; error codes elsewhere.

    A branch is evaluated only for the cells that take it.
    """
    if codes.shape[1:] == (1, 1):
        if not codes.any():
            for mask, branch in choices:
                if mask.all():
                    return branch_result(branch, context)
        return _by_cell(context, choices, codes)
    marked = [np.asarray(np.broadcast_to(mask, codes.shape).any(axis=(1, 2))) for mask, _ in choices]
    parts = [(mask, context.dereference(branch_result(branch, context))) for mask, branch in choices if mask.any()]
    if any(value.shape[1 + axis] > codes.shape[1 + axis] for _, value in parts for axis in (0, 1)):
        alike(*marked)  # the array is as large as the largest of the branches that are taken
    return _assembled(parts, codes)


def _by_cell(context: Context, choices: list[tuple[np.ndarray, Branch]], codes: np.ndarray) -> Result:
    parts: list[tuple[np.ndarray, Result]] = []
    masks = [*(mask for mask, _ in choices), codes != 0]
    for number, mask in enumerate(masks):
        index = np.nonzero(np.broadcast_to(mask[:, 0, 0], (context.count,)))[0]
        if not len(index):
            continue
        part = context if len(index) == context.count else context.select(index)
        if number == len(choices):
            wrong = np.broadcast_to(codes, (context.count, 1, 1))[index]
            parts.append((index, Value(np.zeros(wrong.shape), (wrong + ERROR).astype(np.uint8))))
            continue
        branch = choices[number][1]
        try:
            result = branch_result(_among(branch, index), part)
        except Split as split:  # of the cells that take this branch
            labels = np.full(context.count, -1, np.intp)
            labels[index] = numbered(split.groups(len(index)), len(index))
            raise Split(labels) from None
        parts.append((index, result))
    whole = together(parts, context.count)
    if whole is None:
        raise Split(numbered([index for index, _ in parts], context.count))
    return whole


def _among(branch: Branch, index: np.ndarray) -> Branch:
    """The branch for some of the cells."""
    if isinstance(branch, Value):
        return select(branch, index)
    return branch.select(index) if isinstance(branch, Reference) else branch


def _assembled(parts: list[tuple[np.ndarray, Value]], codes: np.ndarray) -> Value:
    """Element by element: the conditions are #N/A beyond their extent, as are the values."""
    sizes = [codes.shape, *(value.shape for _, value in parts)]
    shape = tuple(max(each) for each in zip(*sizes))
    inside = broadcast(Value(np.zeros(codes.shape), np.where(codes, codes + ERROR, 0).astype(np.uint8)), shape).kinds
    spread = [(_spread_mask(mask, shape) & (inside == 0), value) for mask, value in parts]
    if inside.any():
        spread.append((inside != 0, Value(np.zeros(shape), inside)))
    return merge(shape, spread)


def _spread_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask repeated along axes of size 1, false beyond its extent along others."""
    result = np.zeros(shape, bool)
    own = tuple(size if size > 1 else whole for size, whole in zip(mask.shape, shape))
    result[tuple(slice(size) for size in own)] = np.broadcast_to(mask, own)
    return result


@function("IFERROR", 2, 2)
def if_error(context: Context, arguments: Arguments) -> Result:
    """A value, or another where it is an error."""
    return _instead_of_errors(context, arguments, lambda kind: (kind >= ERROR) & (kind != ERROR + UNCOMPUTABLE))


def _instead_of_errors(context: Context, arguments: Arguments, replaced: Callable[[np.ndarray], np.ndarray]) -> Result:
    value = context.value(arguments[0])
    if value.kind is None or not replaced(value.kind).any():
        return value
    wrong = replaced(value.kind)
    choices: list[tuple[np.ndarray, Branch]] = [(~wrong, value), (wrong, _value_of(arguments[1]))]
    return chosen(context, choices, np.zeros(wrong.shape, np.uint8))


def _value_of(node: Node) -> Branch:
    """Evaluating a branch of which the value counts; one left empty is 0."""
    return lambda context: scalar_value(0.0) if isinstance(node, Missing) else context.value(node)


@function("IFNA", 2, 2)
def if_not_available(context: Context, arguments: Arguments) -> Result:
    """A value, or another where it is #N/A."""
    return _instead_of_errors(context, arguments, lambda kind: kind == ERROR + NA)


@function("IFS", 2, chooses=True)
def ifs(context: Context, arguments: Arguments) -> Result:
    """The value beside the first condition that is true; #N/A if none is."""
    if len(arguments) % 2:
        return error_value(NA)
    conditions = arguments[0::2]
    values = arguments[1::2]
    return _first_of(context, conditions, values, lambda part: error_value(NA))


def _first_of(context: Context, conditions: Arguments, values: Arguments, otherwise: Branch) -> Result:
    if not conditions:
        return branch_result(otherwise, context)
    truth, errors = as_boolean(context.for_arguments().value(conditions[0]))
    rest: Branch = lambda part: _first_of(part, conditions[1:], values[1:], otherwise)  # noqa: E731
    return one_of_two(context, truth, errors, [evaluation(values[0]), rest])


@function("SWITCH", 3, chooses=True)
def switch(context: Context, arguments: Arguments) -> Result:
    """The value beside the first case equal to the expression, else the last argument, else #N/A."""
    pairs = (len(arguments) - 1) // 2
    otherwise: Branch = lambda part: error_value(NA)  # noqa: E731
    if len(arguments) % 2 == 0:
        otherwise = evaluation(arguments[-1])
    return _matching_case(context, arguments, 0, pairs, otherwise)


def _matching_case(context: Context, arguments: Arguments, case: int, cases: int, otherwise: Branch) -> Result:
    if case == cases:
        return branch_result(otherwise, context)
    inner = context.for_arguments()
    equal = compare("=", inner.value(arguments[0]), _blank_as_zero(inner.value(arguments[1 + 2 * case])))
    truth, errors = as_boolean(equal)
    rest: Branch = lambda part: _matching_case(part, arguments, case + 1, cases, otherwise)  # noqa: E731
    return one_of_two(context, truth, errors, [evaluation(arguments[2 + 2 * case]), rest])


def _blank_as_zero(value: Value) -> Value:
    """The value with 0 in place of blanks: as a case of SWITCH a blank is neither FALSE nor empty text."""
    if value.kind is None:
        return value
    return Value(value.number, np.where(value.kind == BLANK, np.uint8(NUMBER), value.kind), value.text)


@function("NOT", 1, 1)
def not_(context: Context, arguments: Arguments) -> Result:
    """Whether a condition is false."""
    truth, errors = context.boolean(arguments[0])
    return boolean_value(ops.logical_not(truth), errors)


@function("TRUE", 0, 0)
def true(context: Context, arguments: Arguments) -> Result:
    """TRUE."""
    return scalar_value(True)


@function("FALSE", 0, 0)
def false(context: Context, arguments: Arguments) -> Result:
    """FALSE."""
    return scalar_value(False)


def _over_conditions(name: str, about: str, combine: Callable[[Array, np.ndarray], Array]) -> None:
    """Registers AND and its kind: `combine` takes how many conditions are true, and how many there are.

    In references text and blanks do not count; without any condition it is #VALUE!.
    """

    @function(name, 1, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        parts = [part for argument in arguments for part in _conditions(context, context.evaluate(argument))]
        true_count: Array = reduce(ops.add, (part[0] for part in parts))
        all_count = sum((part[1] for part in parts), np.zeros(1))
        errors = first_error(*(part[2] for part in parts), error_where(all_count == 0, VALUE))
        shaped = None if errors is None else errors.reshape(-1, 1, 1)
        truth = combine(true_count, all_count)
        return boolean_value(ops.reshape(truth, (truth.shape[0], 1, 1)), shaped)


_Counted = tuple[Array, np.ndarray, Errors]


def _conditions(context: Context, result: Result) -> list[_Counted]:
    """How many conditions of an argument are true, how many there are, and its error; each (b,)."""
    if isinstance(result, Areas):
        return [_counted(context.read_padded(part), direct=False) for part in result.parts]
    if isinstance(result, Reference):
        return [_counted(context.read_padded(result), direct=False)]
    value = context.dereference(result)
    return [_counted(value, direct=is_scalar(value))]


def _counted(value: Value, direct: bool) -> _Counted:
    count = value.shape[0]
    if value.kind is None and isinstance(value.number, np.ndarray):
        true_of_numbers = (value.number != 0.0).reshape(count, -1).astype(np.float64)
        size = true_of_numbers.shape[1]
        return true_of_numbers.sum(axis=1) if size > 1 else true_of_numbers[:, 0], np.full(count, size), None
    errors = error_of_any(value)
    kinds = value.kinds
    if value.shape == (1, 1, 1) and errors is None and isinstance(value.number, np.ndarray):
        kind = kinds.item()
        if kind != TEXT:
            counted = kind != BLANK
            return (value.number.reshape(1) != 0.0) * float(counted), np.array([int(counted)]), None
    if direct:  # an empty text written into the formula does not count, any other must be a boolean's name
        kinds = np.where((kinds == TEXT) & (value.texts == ""), BLANK, kinds)
        value = Value(value.number, kinds, value.text)
    truth, wrong = as_boolean(value) if direct else (ops.not_equal(value.number, 0.0), None)
    counts = (kinds == NUMBER) | (kinds == BOOLEAN) | (direct & (kinds == TEXT))
    true = as_float(truth) if isinstance(truth, Traced) else truth.astype(np.float64)
    errors = first_error(errors, wrong) if direct else errors
    return (
        ops.sum(ops.reshape(ops.multiply(true, counts.astype(np.float64)), (count, counts[0].size)), axis=1),
        counts.reshape(count, -1).sum(axis=1),
        None if errors is None else errors.reshape(count, -1)[:, 0],
    )


def _odd(count: np.ndarray) -> np.ndarray:
    return np.asarray(np.mod(count, 2.0) == 1.0)


_is_odd = ops.position_of("odd", _odd, elementwise=True, source=lambda texts, helper: f"({texts[0]} % 2.0 == 1.0)")
_over_conditions("AND", "Whether all conditions are true.", lambda true, count: ops.equal(true, count))
_over_conditions("OR", "Whether any condition is true.", lambda true, count: ops.greater(true, 0.0))
_over_conditions("XOR", "Whether an odd number of conditions is true.", lambda true, count: _is_odd(true))
