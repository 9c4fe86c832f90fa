"""Whether cells are smooth functions of others: said by the operations in their trace."""

from __future__ import annotations

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.tracing.graph import ordered
from sheetml.errors import CalculationError
from sheetml.solve.problem import Problem

KINKS = frozenset({"where", "absolute", "maximum", "minimum", "take_along", "put_along"})


def is_smooth(problem: Problem) -> bool:
    """Whether objective and constraints have slopes everywhere near the start that tell how they change."""
    functions = [problem.objective, None if problem.constraints is None else problem.constraints.cells]
    return all(function is None or _is_smooth(function, problem.start) for function in functions)


def _is_smooth(function: CellFunction, x: np.ndarray) -> bool:
    try:
        function(x)
    except CalculationError:
        return False
    if function.guards:  # a decision that depends on the cells: IF, MATCH, INDEX
        return False
    for node in ordered([function.graph]):
        operation = node.primitive
        if operation is None:
            continue
        if operation.name in KINKS or operation.derivatives is None:
            return False
        if isinstance(operation.derivatives, tuple) and not any(operation.derivatives):  # a step, a position
            return False
    return True
