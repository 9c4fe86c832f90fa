"""Pivot tables: what one shows for items of its fields.

As Excel does, GETPIVOTDATA gives what stands in the table's cells, as they were when it was last refreshed: nothing
is summed anew, and what the table does not show is #REF!. Which cell it is `pivot_layout` tells.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import function, with_errors
from sheetml.engine.pivot_layout import Layout, NotShown, NotUnderstood
from sheetml.engine.values import BLANK, UNCOMPUTABLE, Value, broadcast, common_shape, to_objects
from sheetml.xlsx.model import ErrorCode


@function("GETPIVOTDATA", 2, by_position=(1,))
def shown_by_pivot_table(context: Context, arguments: Arguments) -> Result:
    """The value that a pivot table shows for items of its fields; the grand total where none are given."""
    area = context.in_array_mode().evaluate(arguments[1])
    if isinstance(area, Value) and area.errors() is not None:
        return area
    if not isinstance(area, Reference) or len(arguments) % 2:
        return context.uncomputable("GETPIVOTDATA is given other than a data field, a cell and fields with their items")
    operands = [context.value(node) for place, node in enumerate(arguments) if place != 1]
    cells, *extent = common_shape(operands)
    shape = (max(cells, area.count), *extent)
    return _answers(context, area, [to_objects(broadcast(operand, shape)) for operand in operands])


def _answers(context: Context, area: Reference, operands: list[np.ndarray]) -> Value:
    """The values that the operands, object arrays of one shape (b, R, C), ask for."""
    shape = operands[0].shape
    rows, columns, errors = np.ones(shape, np.int64), np.ones(shape, np.int64), np.zeros(shape, np.uint8)
    edges = area.top, area.left, area.bottom, area.right, np.zeros(1, np.uint8) if area.errors is None else area.errors
    areas = list(zip(*(np.broadcast_to(edge, shape[:1]).tolist() for edge in edges)))
    known: dict[tuple[Any, ...], tuple[int, int] | ErrorCode | str] = {}
    for place in np.ndindex(shape):
        items = [operand[place] for operand in operands]
        *cells, error = areas[place[0]]
        key = (*areas[place[0]], *items, *map(type, items))
        if key not in known:
            known[key] = ErrorCode(error) if error else _answer(context, (area.sheet, *cells), items)
        answer = known[key]
        if isinstance(answer, tuple):
            rows[place], columns[place] = answer
        elif isinstance(answer, ErrorCode):
            errors[place] = answer
        else:
            errors[place] = _unknown(context, place[0], shape, answer)
    value = context.read_cells(area.sheet, rows, columns, errors)
    for place in zip(*np.nonzero((value.kinds == BLANK) & (errors == 0))):
        # what Excel then gives, 0 or #REF!, is not documented
        errors[place] = _unknown(context, int(place[0]), shape, "it shows nothing for the items")
    return with_errors(value, errors)


def _answer(context: Context, area: tuple[int, ...], operands: list[Any]) -> tuple[int, int] | ErrorCode | str:
    """The place of the cell that one question asks for, or an error, or why it cannot be answered."""
    for operand in operands:
        if isinstance(operand, ErrorCode):
            return operand
    try:
        return _table(context, area).place(operands[0], list(zip(operands[1::2], operands[2::2])))
    except NotShown:
        return ErrorCode.REF
    except NotUnderstood as reason:
        return str(reason)


def _table(context: Context, area: tuple[int, ...]) -> Layout:
    """The pivot table that an area, by its sheet and edges, has cells of."""
    layouts = context.workspace.scope.pivot_layouts
    touched = [layout for layout in layouts if layout is not None and layout.touches(*area)]
    if len(touched) > 1:
        raise NotUnderstood("there are several in the area")
    if touched:
        return touched[0]
    if None in layouts or any(layout is not None and layout.filters_touch(*area) for layout in layouts):
        raise NotUnderstood("it is not certain whether the cell belongs to one")
    raise NotShown


def _unknown(context: Context, cell: int, shape: tuple[int, ...], reason: str) -> int:
    """Names the cell, or all of them where they have one answer, as not computed."""
    part = context if shape[0] == 1 else context.select(np.array([cell]))
    part.uncomputable(f"GETPIVOTDATA cannot tell what the pivot table shows: {reason}")
    return UNCOMPUTABLE
