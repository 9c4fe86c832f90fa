"""The residuals behind an objective: what its squares are squares of, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import Reference
from sheetml.engine.evaluate import Context
from sheetml.engine.plan import Step
from sheetml.engine.tracing.graph import value_of
from sheetml.engine.values import NUMBER, Value
from sheetml.errors import SheetmlError
from sheetml.formula.references import address
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Binary, Call, Node, Number, Range, walk
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

SUMS = frozenset(("SUM", "AVERAGE"))


@dataclass(frozen=True, slots=True)
class ResidualTable:
    """What is squared and summed up: an array of the shape of the cells, nan where there is nothing to compare."""

    what: str  # in words: "H2:V16 − H25:V39"
    values: np.ndarray  # (rows, columns)
    place: tuple[int, Area] | None = None  # the sheet and the cells that they belong to, where there are any

    @property
    def root_mean_square(self) -> float:
        present = self.values[np.isfinite(self.values)]
        return float(np.sqrt(np.mean(present**2))) if present.size else float("nan")


def residuals(workbook: Book, objective: str) -> ResidualTable | None:
    """The residuals of an objective cell at the present values; None where it is no sum of squares.

    Recognised are SUMXMY2 and SUMSQ in the objective's formula, and SUM or AVERAGE over cells whose
    formula is a square.
    """
    calculation = workbook.calculation
    ((sheet, area),) = workbook.areas(objective)
    found = questions.own_step(calculation, calculation.slot(sheet, area.top, area.left))
    if found is None or found.block.tree is None:
        return None
    context = found.context
    for call in walk(found.block.tree):
        if not isinstance(call, Call):
            continue
        try:
            if call.function == "SUMXMY2" and len(call.arguments) == 2:
                return _difference(context, *call.arguments)
            if call.function == "SUMSQ" and len(call.arguments) == 1:
                values = context.array_value(call.arguments[0])
                place = _place(context, call.arguments[0])
                return ResidualTable(_text(context, call.arguments[0]), _numbers(values), place)
            if call.function in SUMS and len(call.arguments) == 1 and isinstance(call.arguments[0], Range):
                squares = _squares(workbook, context, call.arguments[0])
                if squares is not None:
                    return squares
        except SheetmlError:
            continue
    return None


def _text(context: Context, node: Node) -> str:
    return to_a1(node, int(context.rows[0]), int(context.columns[0])).replace("$", "")


def _difference(context: Context, left: Node, right: Node) -> ResidualTable:
    one, other = _numbers(context.array_value(left)), _numbers(context.array_value(right))
    return ResidualTable(f"{_text(context, left)} − {_text(context, right)}", one - other, _place(context, left))


def _place(context: Context, node: Node) -> tuple[int, Area] | None:
    """The area that a range is, None for what is computed."""
    reference = context.evaluate(node) if isinstance(node, Range) else None
    if not isinstance(reference, Reference) or reference.errors is not None:
        return None
    return int(reference.sheet), _area(reference)


def _area(reference: Reference) -> Area:
    corners = reference.top[0], reference.left[0], reference.bottom[0], reference.right[0]
    return Area(*(int(corner) for corner in corners))


def _numbers(value: Value) -> np.ndarray:
    """The first cell's array of numbers, nan where there is none."""
    numbers = np.broadcast_to(value_of(value.number), value.shape)[0]
    return np.where(value.kinds[0] == NUMBER, numbers, np.nan)


def _squares(workbook: Book, context: Context, node: Range) -> ResidualTable | None:
    """What the cells of a range are squares of, if they all hold one formula that squares something."""
    reference = context.evaluate(node)
    if not isinstance(reference, Reference) or reference.errors is not None:
        return None
    slots = context.locate(reference)[0]
    step = _step_of(workbook, slots)
    squared = None if step is None else _squared(step.block.tree)
    if step is None or squared is None:
        return None
    with np.errstate(all="ignore"):
        values = _first_of_each(step.context.value(squared))
    if values.size == 1:
        values = np.broadcast_to(values, step.cells.shape)
    place = {slot: index for index, slot in enumerate(step.cells.tolist())}
    order = np.array([place[slot] for slot in slots.reshape(-1).tolist()])
    area = _area(reference)
    where = address(None, area)
    what = to_a1(squared, int(step.context.rows[0]), int(step.context.columns[0])).replace("$", "")
    return ResidualTable(
        f"{what} and so on, squared in {where}", values[order].reshape(slots.shape), (int(reference.sheet), area)
    )


def _step_of(workbook: Book, slots: np.ndarray) -> Step | None:
    """The block that computes all these cells."""
    calculation = workbook.calculation
    step = questions.step(calculation, int(slots.reshape(-1)[0]))
    return step if step is not None and np.isin(slots, step.cells).all() else None


def _squared(tree: Node | None) -> Node | None:
    """X of X^2 and X*X."""
    if isinstance(tree, Binary) and tree.operator == "^" and tree.right == Number(2.0):
        return tree.left
    if isinstance(tree, Binary) and tree.operator == "*" and tree.left == tree.right:
        return tree.left
    if isinstance(tree, Call) and tree.function == "POWER" and tree.arguments[1:] == (Number(2.0),):
        return tree.arguments[0]
    return None


def _first_of_each(value: Value) -> np.ndarray:
    numbers = np.broadcast_to(value_of(value.number), value.shape)[:, 0, 0]
    return np.where(value.kinds[:, 0, 0] == NUMBER, numbers, np.nan)
