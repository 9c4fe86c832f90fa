"""Sums of squares in the graph that a trace leaves behind, and what is squared in them.

SQRT(SUMXMY2(...)/COUNT(...)) and its kind are found in the graph, not in a formula's text: what is squared
may be computed anywhere, and added up in any way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Traced, ordered
from sheetml.errors import SheetmlError

_INCREASING = ("sqrt", "log", "log10", "exp")


class NotSquares(SheetmlError):
    """The output is no sum of squares."""


def residuals(output: Any) -> Any:
    """The graph of what is squared, (m,), with the square roots of the weights of the squares in it.

    Raises NotSquares where the output is not an increasing function of a sum of squares.
    """
    found = [part for part in _squared(_innermost(output)) if part[1].any()]
    if not found:
        raise NotSquares("the output is not a sum of squares")
    parts = []
    for array, weight in found:
        if (weight < 0).any():
            raise NotSquares("a square is subtracted")
        taken = np.nonzero(weight)[0]
        parts.append(ops.multiply(ops.take(array, taken), np.sqrt(weight[taken])))
    return ops.concatenate(parts, axis=0)


def is_root(output: Any) -> bool:
    """Whether the output is a square root, or in proportion to one, at the point it was traced at.

    Its square then has the same minimum, and a curvature there where the root has a kink.
    """
    while isinstance(output, Traced) and output.primitive is not None and output.size == 1:
        if output.primitive is ops.sqrt or _is_root(output):
            return True
        inner = [operand for operand in output.operands if isinstance(operand, Traced)]
        if len(inner) != 1 or inner[0].size != 1 or not _increases(output):
            return False
        slope = _linear_slopes(output, np.ones(output.shape))[0][1]
        if not np.allclose(slope.item() * inner[0].value, output.value):
            return False
        output = inner[0]
    return False


def _innermost(output: Any) -> Any:
    """What the output is an increasing function of: the mean under a root, the sum in a mean."""
    while isinstance(output, Traced) and output.size == 1 and output.primitive is not None:
        inner = [operand for operand in output.operands if isinstance(operand, Traced)]
        if len(inner) != 1 or inner[0].size != 1:
            break
        if output.primitive.name not in _INCREASING and not _is_root(output) and not _increases(output):
            break
        output = inner[0]
    return output


def _is_root(node: Traced) -> bool:
    """Whether the node is x ** y with a constant y of at least 0, not the square itself."""
    if node.primitive is None or node.primitive.name != "power":
        return False
    exponent = node.operands[1]
    return not isinstance(exponent, Traced) and bool(np.all(exponent > 0)) and bool(np.all(exponent < 2))


def _increases(node: Traced) -> bool:
    """Whether the node grows in proportion to its one operand that is not constant."""
    try:
        slopes = [slope for _, slope in _linear_slopes(node, np.ones(node.shape))]
    except NotSquares:
        return False
    return len(slopes) == 1 and bool((slopes[0] > 0).all())


def _squared(output: Any) -> list[tuple[Traced, np.ndarray]]:
    """The arrays that are squared on the way to the output, and the weights (flat) that sum their squares.

    From the output back, everything is linear up to the squares: derivatives are constants.
    """
    if not isinstance(output, Traced):
        return []
    weights: dict[int, np.ndarray] = {id(output): np.ones(output.shape)}
    found = []
    for node in reversed(ordered([output])):
        weight = weights.pop(id(node), None)
        if weight is None or not weight.any():
            continue
        squared = _square_of(node)
        if squared is not None:
            spread = weight[..., None] if node.primitive is ops.vecdot else weight
            found.append((squared, np.broadcast_to(spread, squared.shape).reshape(-1)))
            continue
        for operand, slope in _linear_slopes(node, weight):
            known = weights.get(id(operand))
            weights[id(operand)] = slope if known is None else known + slope
    return found


def _linear_slopes(node: Traced, weight: np.ndarray) -> list[tuple[Traced, np.ndarray]]:
    """The node's derivatives by its operands, if they are constants; else NotSquares."""
    primitive = node.primitive
    if primitive is None or primitive.derivatives is None:
        raise NotSquares("the sum is not one of squares alone")
    slopes = []
    for operand, derivative in zip(node.operands, primitive.derivatives):
        if not isinstance(operand, Traced):
            continue
        slope = None if derivative is None else derivative(weight, node, *node.operands, **node.parameters)
        if slope is None or isinstance(slope, Traced):
            raise NotSquares("the sum is not one of squares alone")
        slopes.append((operand, np.asarray(slope)))
    return slopes


def _square_of(node: Traced) -> Traced | None:
    """What a node is the square of, element by element (or summed along the last axis)."""
    primitive = node.primitive
    if primitive is ops.square:
        return node.operands[0]
    if primitive is not None and (primitive.name == "multiply" or primitive is ops.vecdot):
        left, right = node.operands
        if isinstance(left, Traced) and isinstance(right, Traced) and left.shape == right.shape and _same(left, right):
            return left
    return None


def _same(left: Any, right: Any, depth: int = 12) -> bool:
    """Whether two graphs say the same: the cells of SUMPRODUCT(A1:A9,A1:A9) are gathered twice."""
    if left is right:
        return True
    if not (isinstance(left, Traced) and isinstance(right, Traced)):
        return not isinstance(left, Traced) and not isinstance(right, Traced) and np.array_equal(left, right)
    if depth == 0 or left.primitive is None or left.primitive is not right.primitive:
        return False
    if len(left.operands) != len(right.operands) or left.parameters.keys() != right.parameters.keys():
        return False
    parameters = all(np.array_equal(value, right.parameters[key]) for key, value in left.parameters.items())
    return parameters and all(_same(*pair, depth=depth - 1) for pair in zip(left.operands, right.operands))
