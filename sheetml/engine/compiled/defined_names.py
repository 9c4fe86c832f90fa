"""Names and tables in formulas that stand alone: the cells, areas and constants that they stand for in their place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.scope import Scope
from sheetml.formula.tree import (
    Boolean,
    Coordinate,
    Name,
    Node,
    Number,
    Range,
    StructuredReference,
    Text,
    replaced,
    walk,
)
from sheetml.xlsx.model import Area


def without_names(tree: Node, sheet: int, scope: Scope) -> tuple[Node, frozenset[int]]:
    """A formula's tree with what its names stand for, and which of its nodes (by identity) have come so.

    Raises NotScalar where a name stands for something else, or not for the same on each sheet.
    """
    if not any(isinstance(node, (Name, StructuredReference)) for node in walk(tree)):
        return tree, frozenset()
    come: dict[int, Node] = {}

    def meant(node: Node) -> Node:
        if not isinstance(node, (Name, StructuredReference)):
            return node
        found = replace(_meaning(node, sheet, scope) if isinstance(node, Name) else _of_table(node, scope))
        come[id(found)] = found
        return found

    return replaced(tree, meant), frozenset(come)


def _meaning(name: Name, sheet: int, scope: Scope) -> Node:
    found = scope.name(name.name, sheet, name.sheet)
    sheets = range(len(scope.sheet_names))
    if name.sheet is None and any(scope.name(name.name, other) != found for other in sheets):
        raise NotScalar
    if isinstance(found, (Number, Text, Boolean)):
        return found
    if isinstance(found, StructuredReference):
        return _of_table(found, scope)
    if not isinstance(found, Range) or found.sheet is None or found.last_sheet is not None:
        raise NotScalar
    if not all(edge.absolute for edge in (found.top, found.left, found.bottom, found.right)):
        raise NotScalar
    return found


def _of_table(node: StructuredReference, scope: Scope) -> Range:
    """An area of a table, the same for each row."""
    if node.table is None or "#This Row" in node.items:
        raise NotScalar
    nowhere = np.ones(1, np.int64)
    found = scope.structured(node, 0, nowhere, nowhere)
    if found is None or found.errors is not None:
        raise NotScalar
    top, left, height, width = found.only
    first, last = (Coordinate(edge, True) for edge in (top, top + height - 1))
    left_edge, right_edge = (Coordinate(edge, True) for edge in (left, left + width - 1))
    return Range(first, left_edge, last, right_edge, scope.titles[found.sheet])


def area_of(node: Range) -> Area:
    """The area of a reference that is absolute."""
    (top, bottom), (left, right) = (
        sorted((node.top.value, node.bottom.value)),
        sorted((node.left.value, node.right.value)),
    )
    return Area(top, left, bottom, right)
