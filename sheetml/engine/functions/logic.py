"""Logic: conditions and what they choose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Context, Result, select_result
from sheetml.engine.functions.registry import Arguments, error_of_any, function
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Traced, concrete
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
    boolean_value,
    compare,
    error_value,
    error_where,
    first_error,
    merge,
    scalar_value,
)
from sheetml.formula.tree import Missing, Node


@function("IF", 1, 3)
def if_(context: Context, arguments: Arguments) -> Result:
    """One value where a condition is true, another where it is false."""
    condition = context.value(arguments[0])
    truth, errors = as_boolean(condition)
    branches = [_branch(arguments, 1, True), _branch(arguments, 2, False)]
    if isinstance(truth, Traced) and errors is None:
        both = _smooth_choice(context, truth, branches)
        if both is not None:
            return both
    taken = concrete(truth)
    codes = np.zeros(taken.shape, np.uint8) if errors is None else errors
    return chosen(context, [(taken & (codes == 0), branches[0]), (~taken & (codes == 0), branches[1])], codes)


Branch = Callable[[Context], Result]


def _branch(arguments: Arguments, position: int, otherwise: bool) -> Branch:
    if position >= len(arguments):
        return lambda context: scalar_value(otherwise)
    return evaluation(arguments[position])


def evaluation(node: Node) -> Branch:
    """Evaluating a branch; one left empty is 0."""
    if isinstance(node, Missing):
        return lambda context: scalar_value(0.0)
    return lambda context: context.evaluate(node)


def _smooth_choice(context: Context, truth: Traced, branches: list[Branch]) -> Value | None:
    """Both branches and a choice between them, if both give plain numbers for all cells just now.

    The trace then stays good when the condition changes; None if it must be bound to this choice.
    """
    trace = context.workspace.trace
    assert trace is not None
    guards = len(trace.guards)
    values = [context.dereference(branch(context)) for branch in branches]
    if all(value.kind is None for value in values):
        shape = np.broadcast_shapes(truth.shape, *(value.shape for value in values))
        if all(own in (1, size) for value in values for own, size in zip(value.shape, shape)):
            return Value(ops.where(truth, values[0].number, values[1].number))
    trace.forget_after(guards)
    return None


def chosen(context: Context, choices: list[tuple[np.ndarray, Branch]], codes: np.ndarray) -> Result:
    """For each cell or element the branch whose mask marks it; error codes elsewhere.

    A branch is evaluated only for the cells that take it.
    """
    shape = codes.shape
    if not codes.any():
        for mask, branch in choices:
            if mask.all():
                return branch(context)
    if shape[1:] == (1, 1):
        return _by_cell(context, choices, codes)
    parts = [(mask, context.dereference(branch(context))) for mask, branch in choices if mask.any()]
    return _assembled(parts, codes)


def _by_cell(context: Context, choices: list[tuple[np.ndarray, Branch]], codes: np.ndarray) -> Value:
    parts: list[tuple[np.ndarray, Value]] = []
    for mask, branch in choices:
        if not mask.any():
            continue
        if mask.size == 1 or mask.all():
            parts.append((mask, context.dereference(branch(context))))
            continue
        index = np.nonzero(mask[:, 0, 0])[0]
        part = context.select(index)
        value = part.dereference(branch(part))
        parts.append((mask, spread_over(value, index, context.count)))
    return _assembled(parts, codes)


def spread_over(value: Value, index: np.ndarray, count: int) -> Value:
    """The values of some cells put in their places among all; the others hold whatever."""
    if value.shape[0] == 1:
        return value
    position = np.zeros(count, np.intp)
    position[index] = np.arange(len(index))
    result = select_result(value, position)
    assert isinstance(result, Value)
    return result


def _assembled(parts: list[tuple[np.ndarray, Value]], codes: np.ndarray) -> Value:
    sizes = [codes.shape, *(value.shape for _, value in parts)]
    shape = tuple(max(each) for each in zip(*sizes))
    spread = [(np.broadcast_to(mask, shape), value) for mask, value in parts]
    if codes.any():
        wrong = Value(np.zeros(codes.shape), (codes + ERROR).astype(np.uint8))
        spread.append((np.broadcast_to(codes != 0, shape), wrong))
    return merge(shape, spread)


@function("IFERROR", 2, 2)
def if_error(context: Context, arguments: Arguments) -> Result:
    """A value, or another where it is an error."""
    return _instead_of_errors(context, arguments, lambda kind: (kind >= ERROR) & (kind != ERROR + UNCOMPUTABLE))


def _instead_of_errors(context: Context, arguments: Arguments, replaced: Callable[[np.ndarray], np.ndarray]) -> Result:
    value = context.value(arguments[0])
    if value.kind is None or not replaced(value.kind).any():
        return value
    wrong = replaced(value.kind)
    return chosen(
        context,
        [(~wrong, lambda part: level_with(context, part, value)), (wrong, evaluation(arguments[1]))],
        np.zeros(wrong.shape, np.uint8),
    )


def level_with(whole: Context, part: Context, value: Value) -> Value:
    """The elements of a value of all cells that belong to some of them."""
    if value.shape[0] == 1 or part.count == whole.count:
        return value
    index = np.nonzero(np.isin(whole.readers, part.readers))[0]
    result = select_result(value, index)
    assert isinstance(result, Value)
    return result


@function("IFNA", 2, 2)
def if_not_available(context: Context, arguments: Arguments) -> Result:
    """A value, or another where it is #N/A."""
    return _instead_of_errors(context, arguments, lambda kind: kind == ERROR + NA)


@function("IFS", 2)
def ifs(context: Context, arguments: Arguments) -> Result:
    """The value beside the first condition that is true; #N/A if none is."""
    if len(arguments) % 2:
        return error_value(NA)
    conditions = arguments[0::2]
    values = arguments[1::2]
    return _first_of(context, conditions, values, lambda part: error_value(NA))


def _first_of(context: Context, conditions: Arguments, values: Arguments, otherwise: Branch) -> Result:
    if not conditions:
        return otherwise(context)
    truth, errors = as_boolean(context.value(conditions[0]))
    taken = concrete(truth)
    codes = np.zeros(taken.shape, np.uint8) if errors is None else errors
    rest: Branch = lambda part: _first_of(part, conditions[1:], values[1:], otherwise)  # noqa: E731
    return chosen(context, [(taken & (codes == 0), evaluation(values[0])), (~taken & (codes == 0), rest)], codes)


@function("SWITCH", 3)
def switch(context: Context, arguments: Arguments) -> Result:
    """The value beside the first case equal to the expression, else the last argument, else #N/A."""
    pairs = (len(arguments) - 1) // 2
    otherwise: Branch = lambda part: error_value(NA)  # noqa: E731
    if len(arguments) % 2 == 0:
        otherwise = evaluation(arguments[-1])
    return _matching_case(context, arguments, 0, pairs, otherwise)


def _matching_case(context: Context, arguments: Arguments, case: int, cases: int, otherwise: Branch) -> Result:
    if case == cases:
        return otherwise(context)
    equal = compare("=", context.value(arguments[0]), context.value(arguments[1 + 2 * case]))
    truth, errors = as_boolean(equal)
    taken = concrete(truth)
    codes = np.zeros(taken.shape, np.uint8) if errors is None else errors
    rest: Branch = lambda part: _matching_case(part, arguments, case + 1, cases, otherwise)  # noqa: E731
    value = evaluation(arguments[2 + 2 * case])
    return chosen(context, [(taken & (codes == 0), value), (~taken & (codes == 0), rest)], codes)


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


def _over_conditions(name: str, about: str, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Registers AND and its kind: `combine` takes how many conditions are true, and how many there are.

    In references text and blanks do not count; without any condition it is #VALUE!.
    """

    @function(name, 1, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        parts = [part for argument in arguments for part in _conditions(context, context.evaluate(argument))]
        true_count = sum((part[0] for part in parts), np.zeros(1))
        all_count = sum((part[1] for part in parts), np.zeros(1))
        errors = first_error(*(part[2] for part in parts), error_where(all_count == 0, VALUE))
        shaped = None if errors is None else errors.reshape(-1, 1, 1)
        return boolean_value(combine(true_count, all_count).reshape(-1, 1, 1), shaped)


_Counted = tuple[np.ndarray, np.ndarray, Errors]


def _conditions(context: Context, result: Result) -> list[_Counted]:
    """How many conditions of an argument are true, how many there are, and its error; each (b,)."""
    if isinstance(result, Areas):
        return [_counted(context.read_padded(part), direct=False) for part in result.parts]
    if isinstance(result, Reference):
        return [_counted(context.read_padded(result), direct=False)]
    value = context.dereference(result)
    return [_counted(value, direct=value.shape[1:] == (1, 1))]


def _counted(value: Value, direct: bool) -> _Counted:
    count = value.shape[0]
    errors = error_of_any(value)
    kinds = value.kinds
    if direct:  # an empty text written into the formula does not count, any other must be a boolean's name
        kinds = np.where((kinds == TEXT) & (value.texts == ""), BLANK, kinds)
        value = Value(value.number, kinds, value.text)
    truth, wrong = as_boolean(value) if direct else (ops.not_equal(value.number, 0.0), None)
    counts = (kinds == NUMBER) | (kinds == BOOLEAN) | (direct & (kinds == TEXT))
    true = concrete(truth) & counts
    errors = first_error(errors, wrong) if direct else errors
    return (
        true.reshape(count, -1).sum(axis=1),
        counts.reshape(count, -1).sum(axis=1),
        None if errors is None else errors.reshape(count, -1)[:, 0],
    )


_over_conditions("AND", "Whether all conditions are true.", lambda true, count: true == count)
_over_conditions("OR", "Whether any condition is true.", lambda true, count: true > 0)
_over_conditions("XOR", "Whether an odd number of conditions is true.", lambda true, count: true % 2 == 1)
