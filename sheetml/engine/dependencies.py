"""Which cells a formula reads, as far as its text says so (OFFSET and its kind show it only when run)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sheetml.engine.areas import Areas, Reference, implicit_intersection, span
from sheetml.engine.cells import distinct_slots
from sheetml.engine.evaluate import NESTED_NAMES, Context, clipped, clipped_size, definition
from sheetml.errors import CalculationError
from sheetml.formula.tree import (
    Binary,
    Boolean,
    Call,
    ErrorValue,
    Missing,
    Name,
    Node,
    Number,
    Range,
    StructuredReference,
    Text,
    Unary,
    children,
    operands,
)
from sheetml.xlsx.model import Area

_REFERENCES = (Range, Name, StructuredReference)
_CONSTANTS = (Number, Text, Boolean, ErrorValue, Missing)
_OPERATORS_ON_REFERENCES = (":", " ", ",")
_EXACT_LIMIT = 1_000_000  # cells read by a block, up to which they are listed one by one
_MOST_PAIRS = 2**25  # of a cell and one that it reads, in formulas that refer to each other


def read_references(context: Context, node: Node, scalar: bool, listed: set[str] | None = None) -> list[Reference]:
    """The areas a formula's text refers to; those taken by intersection (`scalar`) only where level.

    `listed` are the defined names whose areas are listed already: each is followed once, however often
    names (or functions made by LAMBDA, which may call themselves) refer to it.
    """
    found: list[Reference] = []
    _list(context, node, scalar, set() if listed is None else listed, found)
    return found


def _list(context: Context, node: Node, scalar: bool, listed: set[str], found: list[Reference]) -> None:
    """Adds the areas that a part of a formula refers to."""
    if isinstance(node, _REFERENCES):
        _list_leaf(context, node, scalar, listed, found)
    elif isinstance(node, Call):
        _list_call(context, node, scalar, listed, found)
    elif isinstance(node, Binary) and node.operator == ":":
        _list_span(context, node, listed, found)
    elif isinstance(node, (Binary, Unary)):
        inner = scalar and node.operator not in _OPERATORS_ON_REFERENCES
        for child in operands(node):
            _list(context, child, inner, listed, found)
    elif not isinstance(node, _CONSTANTS):
        for child in children(node):
            _list(context, child, False, listed, found)


def _list_leaf(context: Context, node: Node, scalar: bool, listed: set[str], found: list[Reference]) -> None:
    if isinstance(node, Name):
        if node.name.casefold() not in context.variables or node.sheet is not None:
            tree = context.workspace.scope.name(node.name, context.sheet, node.sheet)
            # areas listed by intersection do not stand for the whole ones
            _add(context, _of_name(context, node, tree, set() if scalar else listed), scalar, found)
        return
    area = (
        context.evaluate(node)  # kept for the formula's own evaluation
        if isinstance(node, Range)
        else context.workspace.scope.structured(node, context.sheet, context.rows, context.columns)  # type: ignore[arg-type]
    )
    if isinstance(area, Areas):
        found += area.parts
    elif isinstance(area, Reference):
        _add(context, (area,), scalar, found)


def _of_name(context: Context, name: Name, tree: Node | None, listed: set[str]) -> list[Reference]:
    key = f"{name.sheet or ''}!{name.name}".casefold()
    if tree is not None and key not in listed and context.depth < NESTED_NAMES:
        listed.add(key)
        return read_references(definition(context), tree, False, listed)
    return []


def _add(context: Context, references: Iterable[Reference], scalar: bool, found: list[Reference]) -> None:
    for reference in references:
        found.append(implicit_intersection(reference, context.rows, context.columns) if scalar else reference)


def _list_call(context: Context, node: Call, scalar: bool, listed: set[str], found: list[Reference]) -> None:
    function = context.workspace.functions.get(node.function)
    if function is None:
        tree = context.workspace.scope.name(node.function, context.sheet)
        found += _of_name(context, Name(node.function), tree, listed)
    by_position = function.by_position if function is not None else frozenset()
    intersects = scalar and function is not None and function.intersects
    for position, argument in enumerate(node.arguments):
        if not (position in by_position and isinstance(argument, _REFERENCES)):
            _list(context, argument, intersects, listed, found)


def _list_span(context: Context, node: Binary, listed: set[str], found: list[Reference]) -> None:
    """A1:B2 of two stated corners; of computed ones (A1:INDEX(...)) only what computing them reads."""
    corners = []
    for side in (node.left, node.right):
        if isinstance(side, _REFERENCES):
            area = context.evaluate(side)
            corners += [area] if isinstance(area, Reference) else []
        elif isinstance(side, Call):
            _list_call(context, side, False, listed, found)
    if len(corners) == 2:
        found.append(span(*corners))


def slots_read(context: Context, reference: Reference) -> np.ndarray:
    """The slots of all cells in the areas together (perhaps with some between them, if they are many), perhaps 0."""
    scope, slots = context.workspace.scope, context.workspace.slots
    if reference.count == 1:
        top, left, rows, columns = reference.only
        rows, columns = clipped_size(top, rows, scope.row_limit), clipped_size(left, columns, scope.column_limit)
        return slots.within(reference.sheet, Area(top, left, top + rows - 1, left + columns - 1))
    if reference.single and reference.count <= _EXACT_LIMIT:
        return context.slots_of(reference).reshape(-1)
    height = clipped(reference.top, reference.height, scope.row_limit)
    width = clipped(reference.left, reference.width, scope.column_limit)
    size = reference.count * int(height.max()) * int(width.max())
    if reference.count > 1 and size <= _EXACT_LIMIT and not _grows(reference):
        return distinct_slots(context.locate(reference), slots.count)
    right, bottom = (reference.left + width - 1).max(), (reference.top + height - 1).max()
    area = Area(int(reference.top.min()), int(reference.left.min()), int(bottom), int(right))
    return slots.within(reference.sheet, area)


def _grows(reference: Reference) -> bool:
    """Whether the areas begin at one cell and go only down, or only right, from it: then the longest holds all."""
    one_corner = (reference.top == reference.top[0]).all() and (reference.left == reference.left[0]).all()
    if not one_corner:
        return False
    return bool((reference.width == reference.width[0]).all() or (reference.height == reference.height[0]).all())


def cell_pairs(context: Context, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Which cell reads which: two arrays of slots, of the reading cells and of those they read."""
    if int(reference.height.max()) * int(reference.width.max()) > _EXACT_LIMIT:
        return _pairs_within(context, reference)
    readers, sources = [], []
    most = max(1, 4_000_000 // max(1, int(reference.height.max()) * int(reference.width.max())))
    for start in range(0, context.count, most):
        part = np.arange(start, min(start + most, context.count))
        slots = context.locate(reference.select(part)).reshape(min(reference.count, len(part)), -1)
        slots = np.broadcast_to(slots, (len(part), slots.shape[1]))
        reading = np.broadcast_to(context.readers[part][:, None], slots.shape)
        held = slots != 0
        readers.append(reading[held])
        sources.append(slots[held])
        if sum(map(len, sources)) > _MOST_PAIRS:
            raise CalculationError("the formulas that refer to each other read too many cells")
    return np.concatenate(readers), np.concatenate(sources)


def _chain(context: Context, reference: Reference) -> tuple[np.ndarray, np.ndarray] | None:
    """Of areas in one column that grow by the readers themselves, what each has more than the one before."""
    count = context.count
    if count < 3 or reference.count != count or reference.errors is not None or reference.sheet != context.sheet:
        return None
    if not _grows(reference) or (reference.width != 1).any() or (context.columns != reference.left).any():
        return None
    bottom, rows = reference.bottom, context.rows
    order = np.argsort(bottom, kind="stable")
    before = order[:-1]
    if (rows[before] > bottom[order[1:]]).any() or (rows[before] < reference.top[0]).any():
        return None  # the reader before is not in the area
    readers: list[np.ndarray] = []
    sources: list[np.ndarray] = []
    starts = np.concatenate([[reference.top[0]], bottom[before] + 1])
    for position, start in zip(order.tolist(), starts.tolist()):
        last = int(bottom[position])
        area = Area(start, int(reference.left[0]), last, int(reference.left[0]))
        found = context.workspace.slots.within(reference.sheet, area) if last >= start else np.zeros(0, np.intp)
        found = np.append(found, context.readers[before[len(readers) - 1]]) if readers else found
        readers.append(np.full(found.size, context.readers[position], np.intp))
        sources.append(found)
    return np.concatenate(readers), np.concatenate(sources)


def cells_read(context: Context, node: Node | None) -> int:
    """How many cells all of a block's cells read, each counted as often as it is read."""
    if node is None:
        return 0
    scope, count = context.workspace.scope, 0
    for reference in read_references(context, node, not context.array):
        height = clipped(reference.top, reference.height, scope.row_limit)
        width = clipped(reference.left, reference.width, scope.column_limit)
        count += int((height * width).sum()) * (context.count if reference.count == 1 else 1)
    return count


def _pairs_within(context: Context, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """The cells and what they read, for areas so large that only the cells that exist in them are gone through."""
    corners = np.broadcast_arrays(reference.top, reference.left, reference.bottom, reference.right)
    areas = [Area(*map(int, corner)) for corner in zip(*corners)]
    found = [context.workspace.slots.within(reference.sheet, area) for area in areas]
    sources = found * context.count if len(found) == 1 else found
    if sum(map(len, sources)) > _MOST_PAIRS:
        raise CalculationError("the formulas that refer to each other read too many cells")
    return np.repeat(context.readers, [len(each) for each in sources]), np.concatenate(sources)


def reads_of(context: Context, node: Node | None) -> np.ndarray:
    """The slots a block's formula reads, sorted."""
    if node is None:
        return np.zeros(0, np.intp)
    context.workspace.calls = 0
    found = [slots_read(context, reference) for reference in read_references(context, node, not context.array)]
    if not found:
        return np.zeros(0, np.intp)
    reads = distinct_slots(np.concatenate(found) if len(found) > 1 else found[0], context.workspace.slots.count)
    return reads if reads.size and reads[0] else reads[1:]


def pairs_of(context: Context, node: Node | None, reduced: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """What a block's formula reads, cell by cell: the slots of readers, and of the cells each reads.

    With `reduced`, of areas that grow from cell to cell (A$1:A1, A$1:A2 ...) and hold the cell before, only what
    that one does not read.
    """
    if node is None:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    context.workspace.calls = 0
    pairs = []
    for reference in read_references(context, node, not context.array):
        chain = _chain(context, reference) if reduced else None
        pairs.append(cell_pairs(context, reference) if chain is None else chain)
    if not pairs:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    return np.concatenate([readers for readers, _ in pairs]), np.concatenate([sources for _, sources in pairs])
