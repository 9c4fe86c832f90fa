"""Areas that grow from one formula's cell to the next (A$1:A1, A$1:A2 ...): they are read once, as the longest of them.

Each is the beginning of the longest one, row by row. So a total of each is what a running total has come to, and what
is found first in the longest is found in those that reach that far. What a cell gets is what it gets alone, to the
last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.division import labels_of
from sheetml.engine.evaluate import Context, Result
from sheetml.engine.tracing.graph import Traced
from sheetml.engine.values import ERROR, NUMBER, UNCOMPUTABLE, Errors, Value
from sheetml.formula.tree import (
    Binary,
    Boolean,
    Call,
    ErrorValue,
    Node,
    Number,
    Range,
    Text,
    Unary,
    walk,
)


@dataclass(frozen=True, slots=True)
class Growing:
    """The longest of the areas, and of how many of its cells, from which on, each formula's cell has: (b,)."""

    longest: Reference
    sizes: np.ndarray
    starts: np.ndarray  # 0 but where areas shrink

    def read(self, context: Context) -> Value | None:
        """What the longest holds, (1, rows, columns); None where it is not as it is to each of the others.

        It is not where some of it lies beyond all cells and is not read, or a cell could not be computed.
        """
        value = context.read(self.longest)
        if value.shape[1:] != (self.longest.height[0], self.longest.width[0]):
            return None
        if value.kind is not None and (value.kind == ERROR + UNCOMPUTABLE).any():
            return None
        return value

    def plain(self, context: Context) -> Value | None:
        """The same where its numbers are no functions of inputs."""
        value = self.read(context)
        return None if value is None or isinstance(value.number, Traced) else value


def growing(context: Context, result: Result) -> Growing | None:
    """The areas that a reference means, if they begin at one cell and differ in their length only."""
    sizes = _sizes(context, result, "top", "left")
    return None if sizes is None else Growing(_longest(result, sizes), sizes, np.zeros_like(sizes))


def shrinking(context: Context, result: Result) -> Growing | None:
    """The same of areas that end at one cell and begin later and later (A1:A$9, A2:A$9 ...)."""
    sizes = _sizes(context, result, "bottom", "right")
    return None if sizes is None else Growing(_longest(result, sizes), sizes, sizes.max() - sizes)


def _sizes(context: Context, result: Result, *edges: str) -> np.ndarray | None:
    """How many cells each area has, (b,), where these edges are the same of all, and so is their width (or height)."""
    if not isinstance(result, Reference) or result.count != context.count or result.uniform:
        return None
    if result.dynamic or result.errors is not None:
        return None
    across = result.height if (result.height == 1).all() else result.width
    if any((edge != edge[0]).any() for edge in (*(getattr(result, name) for name in edges), across)):
        return None
    return result.height * result.width


def _longest(result: Result, sizes: np.ndarray) -> Reference:
    assert isinstance(result, Reference)
    return result.select(np.array([int(sizes.argmax())]))


def growing_at(context: Context, node: Node) -> Growing | None:
    """The same of an argument that names an area."""
    if context.count < 2 or not isinstance(node, Range) or node.cell:
        return None
    return growing(context, context.evaluate(node))


class Running:
    """The numbers of growing areas, for a total of each of them: (n,), 0 where a cell holds none."""

    def __init__(self, value: Value, sizes: np.ndarray) -> None:
        self._last = sizes - 1
        self._kinds = value.kinds.reshape(-1)
        self.included = self._kinds == NUMBER
        self.number = np.where(self.included, np.asarray(value.number).reshape(-1), 0.0)

    def at_ends(self, running: np.ndarray) -> np.ndarray:
        """What a running total, (n,), has come to at the end of each area, (b,)."""
        return running[self._last]

    @property
    def count(self) -> np.ndarray:
        """How many numbers each area holds, (b,)."""
        return self.at_ends(np.cumsum(self.included)).astype(np.float64)

    @property
    def errors(self) -> Errors:
        """The first error in each area, (b,)."""
        wrong = np.flatnonzero(self._kinds >= ERROR)
        if not wrong.size:
            return None
        return np.where(self._last >= wrong[0], self._kinds[wrong[0]] - ERROR, 0).astype(np.uint8)


def running_at(context: Context, node: Node) -> Running | None:
    """The numbers of an argument that names growing areas; None where it does not."""
    grown = growing_at(context, node)
    value = None if grown is None else grown.plain(context)
    return None if grown is None or value is None else Running(value, grown.sizes)


# ---- expressions of growing areas --------------------------------------------------------------

_AT_ONCE = 1_000_000  # elements of an expression that are computed together
_ELEMENTWISE = frozenset(("+", "-", "*", "/", "^", "&", "=", "<>", "<", "<=", ">", ">="))
_SIGNS = frozenset(("+", "-", "%"))


@dataclass(frozen=True, slots=True)
class Stretched:
    """Expressions of growing areas, element by element: computed over the longest areas, once for all cells that have
    the same beside these. (A$1:A9=A9)*B$1:B9 begins as (A$1:A50=A9)*B$1:B50 does.
    """

    context: Context  # of one formula's cell for each of the different ones
    which: np.ndarray  # the position of each of the formula's cells among those, (b,)
    sizes: np.ndarray  # of the areas, (b,)
    shape: tuple[int, int]  # of the longest areas

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, Context]]:
        """Contexts of some of the different cells at a time: the positions of the formula's cells that have them,
        and for each of these which of the context's it is."""
        at_once = max(1, _AT_ONCE // (self.shape[0] * self.shape[1]))
        order = np.argsort(self.which, kind="stable")
        starts = range(0, self.context.count, at_once)
        bounds = self.which[order].searchsorted([*starts, self.context.count])
        for start, first, last in zip(starts, bounds[:-1], bounds[1:]):
            part = self.context.select(slice(start, start + at_once))
            part.cache = dict(self.context.cache or {})
            cells = order[first:last]
            yield cells, self.which[cells] - start, part

    def fits(self, value: Value) -> bool:
        """Whether an expression's value is one of the areas' elements, which are no functions of inputs."""
        return value.shape[1:] == self.shape and not isinstance(value.number, Traced)


def stretched(context: Context, nodes: Sequence[Node]) -> Stretched | None:
    """Expressions of areas that grow alike; None where they are anything else."""
    if context.count < 2 or context.leaves:
        return None
    areas: list[Range] = []
    cells: list[Range] = []
    for part in (part for node in nodes for part in walk(node)):
        if type(part) is Range:
            (cells if part.cell else areas).append(part)
        elif not _is_elementwise(context, part):
            return None
    grown = [growing(context, context.evaluate(node)) for node in areas]
    first = grown[0] if grown else None
    if first is None:
        return None
    shape = int(first.longest.height[0]), int(first.longest.width[0])
    longest: dict[int, Result] = {}
    for node, each in zip(areas, grown):
        if each is None or not np.array_equal(each.sizes, first.sizes) or each.longest.only[2:] != shape:
            return None
        if each.plain(context) is None:
            return None
        longest[id(node)] = each.longest
    beside = [context.in_array_mode().value(node) for node in cells]
    if any(isinstance(value.number, Traced) or value.shape[1:] != (1, 1) for value in beside):
        return None
    labels = np.zeros(context.count, np.intp)
    for value in beside:
        own = labels_of(np.asarray(value.number), value.kinds, value.texts)
        labels = labels_of(labels, own) if own.size == labels.size else labels
    _, different, which = np.unique(labels, return_index=True, return_inverse=True)
    each_once = context.in_array_mode().select(different)
    each_once.cache = longest
    return Stretched(each_once, which.reshape(-1), first.sizes, shape)


def _is_elementwise(context: Context, node: Node) -> bool:
    """Whether what stands at a place of the node's value depends on what stands there in its operands, and no more."""
    match node:
        case Number() | Text() | Boolean() | ErrorValue():
            return True
        case Unary():
            return node.operator in _SIGNS
        case Binary():
            return node.operator in _ELEMENTWISE
        case Call():
            function = context.workspace.functions.get(node.function)
            return function is not None and function.intersects and not function.volatile
    return False
