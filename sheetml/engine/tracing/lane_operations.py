"""Operations of the graph on arrays with lanes: the last axis, along which points stand beside each other.

What is elementwise needs no rule. What works along axes has one here, for axes counted before the lanes. What takes
b cells along the first axis, each by itself, gets the cells of all lanes as so many cells. The rest is computed lane
by lane. A constant operand has one lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Traced

Compute = Callable[..., Any]


def on_lanes(node: Traced) -> Compute:
    """The node's operation on operands that have lanes."""
    primitive = node.primitive
    assert primitive is not None
    rule = _RULES.get(primitive.name)
    if rule is not None:
        return rule(node)
    if primitive.on_lanes is not None:
        return primitive.on_lanes
    if primitive.by_cell:
        return _as_cells(node)
    if not node.parameters and (primitive.elementwise or _is_elementwise_ufunc(primitive.compute)):
        return primitive.compute
    return lane_by_lane(primitive.compute, node.parameters)


def _is_elementwise_ufunc(compute: Any) -> bool:
    return isinstance(compute, np.ufunc) and compute.signature is None and compute.nout == 1


def lane_by_lane(compute: Compute, parameters: dict[str, Any] | None = None) -> Compute:
    """Any operation, computed for one lane after the other."""

    def computed(*operands: np.ndarray) -> np.ndarray:
        spread = _same_lanes(operands)
        lanes = ([each[..., lane] for each in spread] for lane in range(_lanes(spread)))
        return np.stack([np.asarray(compute(*own, **(parameters or {}))) for own in lanes], axis=-1)

    return computed


def _as_cells(node: Traced) -> Compute:
    """An operation on b cells, the first axis: those of all lanes are as many cells more."""
    compute, count = node.primitive.compute, node.shape[0]  # type: ignore[union-attr]

    def computed(*operands: np.ndarray) -> np.ndarray:
        spread = [np.moveaxis(np.broadcast_to(x, (count, *x.shape[1:])), -1, 0) for x in _same_lanes(operands)]
        result = np.asarray(compute(*(x.reshape((-1, *x.shape[2:])) for x in spread)))
        return np.moveaxis(result.reshape((-1, count, *result.shape[1:])), 0, -1)

    return computed


def _lanes(operands: Any) -> int:
    return max(operand.shape[-1] for operand in operands)


def _same_lanes(operands: Any) -> list[np.ndarray]:
    lanes = _lanes(operands)
    return [np.broadcast_to(operand, (*operand.shape[:-1], lanes)) for operand in operands]


def _operand_shape(node: Traced, position: int = 0) -> tuple[int, ...]:
    return np.shape(ops.value_of(node.operands[position]))


# ---- shapes ------------------------------------------------------------------------------------


def _sum_to(node: Traced) -> Compute:
    shape, source = node.parameters["shape"], _operand_shape(node)
    extra = len(source) - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, size in enumerate(shape) if size == 1 and source[i + extra] != 1
    )
    return lambda x: (np.add.reduce(x, axis=axes) if axes else x).reshape((*shape, x.shape[-1]))


def _broadcast_to(node: Traced) -> Compute:
    shape = node.parameters["shape"]
    return lambda x: np.broadcast_to(x, (*shape, x.shape[-1]))


def _reshape(node: Traced) -> Compute:
    shape = node.parameters["shape"]
    return lambda x: x.reshape((*shape, x.shape[-1]))


def _transpose(node: Traced) -> Compute:
    axes = tuple(axis % node.ndim for axis in node.parameters["axes"])
    return lambda x: x.transpose((*axes, len(axes)))


def _concatenate(node: Traced) -> Compute:
    axis = node.parameters["axis"] % node.ndim
    return lambda *parts: np.concatenate(_same_lanes(parts), axis=axis)


def _reverse(node: Traced) -> Compute:
    return lambda x: x[..., ::-1, :]


# ---- gathering and scattering ------------------------------------------------------------------


def _take(node: Traced) -> Compute:
    index = node.parameters["index"]
    shape, chosen = index.shape, _as_slice(index.reshape(-1))
    return lambda x: x.reshape(-1, x.shape[-1])[chosen].reshape((*shape, x.shape[-1]))


def _as_slice(index: np.ndarray) -> slice | np.ndarray:
    """Neighbours as a slice, which copies nothing."""
    if index.size and index[0] >= 0 and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _scatter_add(node: Traced) -> Compute:
    index, size = node.parameters["index"].reshape(-1), node.parameters["size"]
    if np.array_equal(index, np.arange(size)):
        return lambda x, *_: x.reshape(-1, x.shape[-1])
    order = np.argsort(index, kind="stable")
    targets, starts = np.unique(index[order], return_index=True)

    def scattered(x: np.ndarray) -> np.ndarray:
        flat = x.reshape(-1, x.shape[-1])[order]
        result = np.zeros((size, x.shape[-1]))
        if index.size:
            result[targets] = flat if len(targets) == len(flat) else np.add.reduceat(flat, starts, axis=0)
        return result

    return scattered


def _put(node: Traced) -> Compute:
    index = node.parameters["index"]

    def put(base: np.ndarray, values: np.ndarray) -> np.ndarray:
        base, values = _same_lanes((base, values))
        result = np.array(base, np.float64)
        result.reshape(-1, result.shape[-1])[index] = values.reshape(-1, values.shape[-1])
        return result

    return put


def _take_along(node: Traced) -> Compute:
    return lambda x, index: np.take_along_axis(x, index.astype(np.intp), -2)


def _put_along(node: Traced) -> Compute:
    size = node.parameters["size"]

    def put(x: np.ndarray, index: np.ndarray) -> np.ndarray:
        x, index = _same_lanes((x, index))
        result = np.zeros((*x.shape[:-2], size, x.shape[-1]))
        np.put_along_axis(result, index.astype(np.intp), x, -2)
        return result

    return put


# ---- reductions and linear algebra -------------------------------------------------------------


def _sum(node: Traced) -> Compute:
    axis, dimensions = node.parameters["axis"], len(_operand_shape(node))
    axes = tuple(each % dimensions for each in (axis if isinstance(axis, tuple) else (axis,)))
    return lambda x: np.add.reduce(x, axis=axes)


def _vecdot(node: Traced) -> Compute:
    return lambda x, y: np.add.reduce(x * y, axis=-2)


def _lanes_first(node: Traced) -> Compute:
    """An operation on the last two axes of stacks: of matrices."""
    compute = node.primitive.compute  # type: ignore[union-attr]
    dimensions = max(len(_operand_shape(node, position)) for position in range(len(node.operands)))

    def computed(*operands: np.ndarray) -> np.ndarray:
        stacks = [np.moveaxis(x, -1, 0) for x in operands]
        aligned = [x.reshape((x.shape[0], *(1,) * (dimensions + 1 - x.ndim), *x.shape[1:])) for x in stacks]
        return np.moveaxis(compute(*aligned), 0, -1)

    return computed


def _elementwise(node: Traced) -> Compute:
    compute, parameters = node.primitive.compute, node.parameters  # type: ignore[union-attr]
    return lambda *operands: compute(*operands, **parameters)


def _along(compute: Callable[[np.ndarray], np.ndarray]) -> Callable[[Traced], Compute]:
    return lambda node: compute


_RULES: dict[str, Callable[[Traced], Compute]] = {
    "sum_to": _sum_to,
    "broadcast_to": _broadcast_to,
    "reshape": _reshape,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "reverse": _reverse,
    "take": _take,
    "scatter_add": _scatter_add,
    "put": _put,
    "take_along": _take_along,
    "put_along": _put_along,
    "argmax": _along(lambda x: np.argmax(x, axis=-2, keepdims=True)),
    "argmin": _along(lambda x: np.argmin(x, axis=-2, keepdims=True)),
    "argsort": _along(lambda x: np.argsort(x, axis=-2, kind="stable")),
    "cumulative_sum": _along(lambda x: np.cumsum(x, axis=-2)),
    "polygamma": _elementwise,
    "sum": _sum,
    "vecdot": _vecdot,
    "matmul": _lanes_first,
    "inverse": _lanes_first,
    "determinant": _lanes_first,
    "adjugate": _lanes_first,
}
