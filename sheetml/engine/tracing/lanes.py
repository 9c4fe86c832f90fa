"""A traced graph run at many points at once: the inputs of each point are a lane, the last axis of every array.

The graph was recorded at one point. Its operations broadcast from the right, so that with the lanes last an
operation on arrays is the same operation on arrays with lanes; what reduces, gathers or rearranges has a rule here,
and what has none is computed lane by lane. Points are taken in chunks whose intermediate arrays stay in the cache.

A trace holds where its decisions are the same and where no operation leaves its domain (a division by zero, an
overflow). Both are found out for each lane: decisions by comparison, domains by NumPy's floating-point flags, which
cost nothing as long as none is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.tracing.graph import Traced, ordered, value_of
from sheetml.engine.tracing.lane_operations import on_lanes

CACHE = 2**22  # bytes of intermediate arrays that are to stay near the processor
FEWEST_LANES, MOST_LANES = 64, 8192  # of a chunk


class LaneProgram:
    """Outputs of a graph at many points.

    `leaves` are the inputs, each an array of numbers, (n,); `guards` are decisions with what they have to come to.
    Operations behind `outputs` and `guards` are watched: a lane where one leaves its domain does not hold.
    Those behind `unwatched` outputs may be infinite or nan (the derivative of the square root at 0).
    """

    def __init__(
        self,
        leaves: Sequence[Traced],
        outputs: Sequence[Any],
        guards: Sequence[tuple[Traced, np.ndarray]] = (),
        unwatched: Sequence[Any] = (),
    ) -> None:
        self._places: dict[int, int] = {id(leaf): place for place, leaf in enumerate(leaves)}
        self._values: list[Any] = [None] * len(leaves)  # of leaves, constants and operations, by place
        self._constants: dict[int, int] = {}
        watched = [*outputs, *(guard for guard, _ in guards)]
        own = {id(node) for node in ordered(watched, self._places)}
        nodes = [node for node in ordered([*watched, *unwatched], self._places) if id(node) not in self._places]
        self._operations = [self._operation(node, id(node) in own) for node in nodes]
        self._guards = [(self._place(guard), _with_lanes(expected)) for guard, expected in guards]
        self._results = [self._place(output) for output in (*outputs, *unwatched)]
        self._shapes = [np.shape(value_of(output)) for output in (*outputs, *unwatched)]
        held = self._release([leaf.size for leaf in leaves], {id(node): node.size for node in nodes})
        self.lanes = int(np.clip(CACHE // (8 * held), FEWEST_LANES, MOST_LANES))  # of a chunk

    def __call__(self, *leaves: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The outputs at p points, (p, ...) each, and at which of them the trace holds, (p,).

        Each leaf is given as (p, n), or as (n,) where it is the same at all points.
        """
        count = max(leaf.shape[0] for leaf in leaves if leaf.ndim == 2)
        results = [np.empty((count, *shape)) for shape in self._shapes]
        holds = np.empty(count, bool)
        for start in range(0, count, self.lanes):
            chunk = slice(start, min(start + self.lanes, count))
            lanes = chunk.stop - start
            given = [
                np.ascontiguousarray(leaf[chunk].T) if leaf.ndim == 2 else np.repeat(leaf[:, None], lanes, axis=1)
                for leaf in leaves
            ]
            found, holds[chunk] = self._run(given, lanes)
            for result, array in zip(results, found):
                result[chunk] = np.moveaxis(np.broadcast_to(array, (*result.shape[1:], lanes)), -1, 0)
        return results, holds

    def _run(self, leaves: list[np.ndarray], lanes: int) -> tuple[list[np.ndarray], np.ndarray]:
        values = list(self._values)
        values[: len(leaves)] = leaves
        fallen = np.zeros(lanes, bool)
        with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
            for operation in self._operations:
                operands = [values[place] for place in operation.operands]
                try:
                    values[operation.place] = operation.compute(*operands)
                except (FloatingPointError, np.linalg.LinAlgError):
                    values[operation.place], left = _with_flags(operation, operands, lanes)
                    if operation.watched:
                        fallen |= left
                for place in operation.last_uses:
                    values[place] = None
        for place, expected in self._guards:
            same = values[place] == expected
            fallen |= ~np.broadcast_to(same.reshape(-1, same.shape[-1]).all(axis=0), (lanes,))
        return [np.asarray(values[place]) for place in self._results], ~fallen

    # ---- putting it together

    def _place(self, item: Any) -> int:
        """Where the value of an operand is kept."""
        known = self._places.get(id(item)) if isinstance(item, Traced) else self._constants.get(id(item))
        if known is not None:
            return known
        assert not isinstance(item, Traced)
        self._constants[id(item)] = len(self._values)
        self._values += [_with_lanes(item), item]  # the item itself too, so that no other takes over its identity
        return len(self._values) - 2

    def _operation(self, node: Traced, watched: bool) -> _Operation:
        operands = [self._place(operand) for operand in node.operands]
        self._places[id(node)] = len(self._values)
        self._values.append(None)
        return _Operation(self._places[id(node)], on_lanes(node), operands, watched, node.shape)

    def _release(self, leaves: list[int], sizes: dict[int, int]) -> int:
        """Lets operations give back what is used last by them; the most numbers that are held at once, of one lane."""
        by_place = {self._places[node]: size for node, size in sizes.items()}
        last = {place: operation for operation in self._operations for place in operation.operands}
        kept = {*self._results, *(place for place, _ in self._guards)}
        held = most = sum(leaves)
        for operation in self._operations:
            held += by_place[operation.place]
            most = max(most, held)
            used = {place for place in operation.operands if place in by_place and place not in kept}
            operation.last_uses = [place for place in used if last[place] is operation]
            held -= sum(by_place[place] for place in operation.last_uses)
        return max(most, 1)


@dataclass(slots=True)
class _Operation:
    place: int  # of its result
    compute: Callable[..., Any]
    operands: list[int]  # their places
    watched: bool
    shape: tuple[int, ...]  # of one lane
    last_uses: list[int] | tuple[()] = ()


def _with_lanes(item: Any) -> np.ndarray:
    """A constant as an array that is the same in all lanes."""
    array = np.asarray(item)
    return array[..., None]


def _with_flags(operation: _Operation, operands: list[Any], lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """The operation's result where it raises a flag in some lane, and in which lanes it leaves its domain."""
    with np.errstate(all="ignore"):
        try:
            result = np.asarray(operation.compute(*operands))
        except np.linalg.LinAlgError:
            return _alone(operation, operands, lanes)
    if result.dtype == bool:
        return result, np.zeros(lanes, bool)
    left = ~np.isfinite(result).reshape(-1, result.shape[-1]).all(axis=0)
    return result, np.broadcast_to(left, (lanes,))


def _alone(operation: _Operation, operands: list[Any], lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """The same lane by lane, where one of them fails as a whole: the inverse of a singular matrix."""
    result, left = np.full((*operation.shape, lanes), np.nan), np.zeros(lanes, bool)
    with np.errstate(all="ignore"):
        for lane in range(lanes):
            own = [part if part.shape[-1] == 1 else part[..., lane : lane + 1] for part in operands]
            try:
                result[..., lane] = operation.compute(*own)[..., 0]
            except np.linalg.LinAlgError:
                left[lane] = True
    return result, left
