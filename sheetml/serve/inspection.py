"""What is said of one cell: its formula and the formula's words, its value, what it reads and who reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Context
from sheetml.engine.rectangles import rectangles
from sheetml.engine.values import BLANK, ERROR, NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.references import cell_name
from sheetml.formula.tree import Name, Node, Range, StructuredReference, walk
from sheetml.report.labels import label_of
from sheetml.report.words import in_words, value_text
from sheetml.serve.editing import shown_formula
from sheetml.serve.session import Session
from sheetml.xlsx.model import ERROR_TEXT, Area, ErrorCode

MOST_AREAS = 200  # of what a cell reads that are lit on the grid
MOST_WORDS = 4_000
MOST_DESCRIBED = 5_000  # cells that read a cell


def inspect(session: Session, sheet: int, row: int, column: int) -> dict[str, Any]:
    """All that the page says of a cell."""
    with session.lock:
        calculation = session.calculation
        slot = calculation.slot(sheet, row, column)
        formula = shown_formula(calculation, slot)
        own = questions.text(calculation, slot) if slot else None
        return {
            "sheet": sheet, "row": row, "column": column, "address": cell_name(row, column),
            "formula": None if formula is None else f"={formula}",
            "input": f"={formula}" if formula is not None else input_text(session, sheet, row, column),
            "array": formula is not None and (own is None or _is_array(session, slot)),
            "value": _value(session, slot),
            "format": session.views.number_format(sheet, row, column),
            "label": label_of(calculation, sheet, Area(row, column, row, column)) if slot else "",
            "words": _words(session, slot, sheet, row, column),
            "problem": questions.reason(calculation, slot) if slot and _unknown(session, slot) else "",
            "reads": _reads(session, slot) if formula is not None else [],
            "readers": _readers(session, slot),
        }  # fmt: skip


def input_text(session: Session, sheet: int, row: int, column: int) -> str:
    """A value as it would be typed: in all its digits; a date as its format shows it, a text that looks like
    something else behind a '."""
    from sheetml.serve.editing import Content, typed
    from sheetml.serve.texts import is_date

    calculation = session.calculation
    slot = calculation.slot(sheet, row, column)
    value = calculation.value(slot)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, ErrorCode):
        return ERROR_TEXT[value]
    if isinstance(value, str):
        return value if typed(value)[0] == Content(value) else f"'{value}"
    if is_date(session.views.number_format(sheet, row, column)):
        text = session.views.text(sheet, row, column)
        if typed(text)[0].value == value:
            return text
    return digits(value)


def digits(number: float) -> str:
    """A number in all the digits that tell it from others."""
    text = repr(float(number))
    return text.removesuffix(".0") if "e" not in text else text.upper()


def _value(session: Session, slot: int) -> str:
    value = session.calculation.value(slot)
    if isinstance(value, float) and not isinstance(value, bool):
        return digits(value)
    return value_text(value)[:MOST_WORDS]


def _unknown(session: Session, slot: int) -> bool:
    return session.calculation.kind(slot) == ERROR + int(ErrorCode.UNCOMPUTABLE)


def _is_array(session: Session, slot: int) -> bool:
    block = questions.block(session.calculation, slot)
    return block is not None and block.size is not None


def _words(session: Session, slot: int, sheet: int, row: int, column: int) -> str:
    calculation = session.calculation
    block = questions.block(calculation, slot) if slot else None
    if block is None:
        kind = calculation.kind(slot)
        if kind == BLANK:
            return ""
        return "a number typed in" if kind == NUMBER else "an error typed in" if kind >= ERROR else "a text typed in"
    if block.table is not None:
        return f"a data table: {block.text}"
    if block.tree is None:
        return f"a formula that cannot be understood ({block.problem})"
    context = questions.context(calculation, slot)
    if context is not None:
        row, column = int(context.rows[0]), int(context.columns[0])
    words = in_words(block.tree, row, column)
    outer = words.startswith("(") and words.endswith(")") and "(" not in words[1:]
    return (words[1:-1] if outer else words)[:MOST_WORDS]


def _reads(session: Session, slot: int) -> list[list[int]]:
    """What a cell's formula reads: the areas it names, in its order, and then what it looks up beside them."""
    calculation = session.calculation
    block, context = questions.block(calculation, slot), questions.context(calculation, slot)
    found: list[list[int]] = []
    left = questions.reads(calculation, slot)
    if block is not None and block.tree is not None and context is not None:
        with context.workspace.borrowed(), np.errstate(all="ignore"):
            for node in walk(block.tree):
                for sheet, area in _named(context, node):
                    if sheet < len(session.book.worksheets):
                        left = np.setdiff1d(left, calculation.within(sheet, area))
                        stated = [sheet, area.top, area.left, area.bottom, area.right]
                        if stated not in found:
                            found.append(stated)
    return (found + _areas(session, left))[:MOST_AREAS]


def _named(context: Context, node: Node) -> list[tuple[int, Area]]:
    """The areas that a reference or a name in a formula stands for; none for other nodes."""
    if not isinstance(node, (Range, Name, StructuredReference)):
        return []
    try:
        result = context.evaluate(node)
    except (SheetmlError, IndexError):
        return []
    parts = result.parts if isinstance(result, Areas) else [result] if isinstance(result, Reference) else []
    return [
        (part.sheet, Area(int(part.top[0]), int(part.left[0]), int(part.bottom[0]), int(part.right[0])))
        for part in parts
        if part.sheet >= 0 and part.errors is None
    ]


def _areas(session: Session, slots: np.ndarray) -> list[list[int]]:
    """Cells as rectangles: sheet, top, left, bottom, right."""
    slots = slots[slots != 0]
    if not slots.size or slots.size > 500_000:
        return []
    places = session.calculation.places(slots)
    found: list[list[int]] = []
    for sheet in np.unique(places[:, 0]).tolist():
        if sheet >= len(session.book.worksheets):
            continue
        own = places[places[:, 0] == sheet]
        for area in rectangles(own[:, 1], own[:, 2]):
            found.append([sheet, area.top, area.left, area.bottom, area.right])
            if len(found) >= MOST_AREAS:
                return found
    return found


def _readers(session: Session, slot: int) -> list[str]:
    if not slot:
        return []
    found = questions.readers(session.calculation, slot)
    return [_described(session, cells) for cells in found[:12]]


def _described(session: Session, cells: np.ndarray) -> str:
    """Cells by their addresses; of very many only the first, since telling them all takes a second."""
    if cells.size <= MOST_DESCRIBED:
        return session.calculation.describe(cells)
    return f"{session.calculation.describe(cells[:1])} and {cells.size - 1:,} more"
