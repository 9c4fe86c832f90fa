"""Functions of areas, given arrays of areas: SUMIF(INDIRECT({"a","b"}&"!A:A"),...) gives an array of sums.

Each element becomes a cell of a larger batch, as in MAP; elements on one sheet are computed together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from sheetml.engine.areas import AreaArray
from sheetml.engine.division import labels_of, together
from sheetml.engine.evaluate import Arguments, Context, Evaluation, Result, in_groups
from sheetml.engine.sizes import Split, check_size
from sheetml.engine.values import Value, broadcast, rearranged
from sheetml.formula.tree import Binary, Call, Name, Node

_GIVE_AREAS = ("OFFSET", "INDIRECT")
Positions = Callable[[int], bool]


def over_area_arrays(by_value: Positions = lambda position: False) -> Callable[[Evaluation], Evaluation]:
    """Makes a function one that goes element by element where an argument is an array of areas.

    `by_value` says which arguments are values and not areas (criteria): their arrays go along.
    """

    def decorate(evaluate: Evaluation) -> Evaluation:
        @wraps(evaluate)
        def lifted(context: Context, arguments: Arguments) -> Result:
            areas = [i for i, node in enumerate(arguments) if not by_value(i) and _gives_areas(node)]
            given = {i: context.evaluate(arguments[i]) for i in areas}
            if not any(isinstance(result, AreaArray) for result in given.values()):
                return evaluate(*_bound(context, arguments, given))
            for position, node in enumerate(arguments):
                if by_value(position):
                    given[position] = context.value(node)
            return _element_by_element(context, evaluate, arguments, given)

        return lifted

    return decorate


def _gives_areas(node: Node) -> bool:
    if isinstance(node, Call):
        return node.function in _GIVE_AREAS
    return isinstance(node, Name) or (isinstance(node, Binary) and node.operator == ":")


def _bound(context: Context, arguments: Arguments, given: dict[int, Result]) -> tuple[Context, Arguments]:
    """The context and the arguments with names for what has been evaluated already."""
    if not given:
        return context, arguments
    names = {position: Name(f"argument {position}") for position in given}
    inner = context.with_variables({names[position].name: result for position, result in given.items()})
    return inner, tuple(names.get(position, node) for position, node in enumerate(arguments))


def _element_by_element(
    context: Context, evaluate: Evaluation, arguments: Arguments, given: dict[int, Result]
) -> Result:
    arrays = [result for result in given.values() if isinstance(result, (AreaArray, Value))]
    rows, columns = (max(array.shape[axis] for array in arrays) for axis in (1, 2))
    check_size(context.count, rows, columns)
    shape = (context.count, rows, columns)
    spread = {position: _spread(result, shape) for position, result in given.items()}
    sheets = [result.sheet.reshape(-1) for result in spread.values() if isinstance(result, AreaArray)]
    cell = np.repeat(np.arange(context.count), rows * columns)
    parts: list[tuple[np.ndarray, Result]] = []
    labels = labels_of(*sheets)
    for label in range(labels.max(initial=0) + 1):
        index = np.nonzero(np.broadcast_to(labels, (cell.size,)) == label)[0]
        own = {position: _elements(result, index, cell) for position, result in spread.items()}
        parts.append((index, _evaluated(context.select(cell[index]), evaluate, arguments, own)))
    found = together(parts, cell.size)
    if not isinstance(found, Value) or found.shape[1:] != (1, 1):
        raise Split
    whole = broadcast(found, (cell.size, 1, 1))
    return rearranged(whole, np.arange(cell.size).reshape(shape))


def _spread(result: Result, shape: tuple[int, ...]) -> Result:
    if isinstance(result, AreaArray):
        return result.spread(shape)
    return broadcast(result, shape) if isinstance(result, Value) else result


def _elements(result: Result, index: np.ndarray, cell: np.ndarray) -> Result:
    if isinstance(result, AreaArray):
        return result.elements(index)
    if isinstance(result, Value):
        return rearranged(result, index.reshape(-1, 1, 1))
    return result.select(cell[index])


def _evaluated(context: Context, evaluate: Evaluation, arguments: Arguments, given: dict[int, Result]) -> Result:
    inner, named = _bound(context, arguments, given)

    def of(part: Context) -> Result:
        try:
            return part.dereference(evaluate(part, named))
        except Split as split:
            if part.count == 1:
                raise
            return in_groups(part, split, of)

    return of(inner)
