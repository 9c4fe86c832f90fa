"""Formulas that draw random numbers, as functions of what they draw.

`RAND()` in a formula becomes a reference to a further cell, out of the way on the same sheet, that holds a uniform
number; RANDBETWEEN is computed from one. What was random is then an input like any other: all its scenarios are
computed together, evenly spread points can be put in, and derivatives exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sheetml.engine import questions
from sheetml.errors import SheetmlError
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Binary, Call, Coordinate, ErrorValue, Name, Node, Number, Range, replaced, walk
from sheetml.workbook import Book
from sheetml.xlsx.model import MAX_COLUMNS

_DRAWS = {"RAND": 0, "RANDBETWEEN": 2}
_RANDOM = re.compile(r"\bRAND(?:BETWEEN|ARRAY)?\s*\(", re.IGNORECASE)
MOST = 100_000  # random numbers that a workbook may draw for one scenario


@dataclass(frozen=True)
class Drawn:
    """A cell that holds a uniform number, and the formula's cell that draws it."""

    address: str  # of the formula
    slot: int


def externalised(book: Book, outputs: np.ndarray) -> list[Drawn]:
    """Changes the formulas that outputs depend on and that draw random numbers; gives the cells of what they draw.

    The book is changed: give it a copy. Raises SheetmlError for what draws in a way that cannot be followed.
    """
    calculation, drawing = book.calculation, _drawing(book, outputs)
    count = sum(_is_draw(node) for tree in drawing.values() for node in walk(tree))
    if count > MOST:
        raise SheetmlError(f"{book.path}: its formulas draw {count:,} random numbers, more than {MOST:,}")
    beyond = [calculation.last_cell(sheet)[1] + 2 for sheet in range(len(book.worksheets))]
    return [drawn for slot, tree in drawing.items() for drawn in _without_draws(book, slot, tree, beyond)]


def draws(book: Book, outputs: np.ndarray) -> bool:
    """Whether outputs depend on formulas that draw random numbers. Raises SheetmlError as `externalised` does."""
    return bool(_drawing(book, outputs))


def _drawing(book: Book, outputs: np.ndarray) -> dict[int, Node]:
    """The formulas that draw random numbers, of those that outputs depend on."""
    calculation = book.calculation
    reached = questions.precedents(calculation, outputs)
    slots = [int(slot) for slot in questions.formula_slots(calculation) if reached[slot]]
    trees = {slot: tree for slot in slots if (tree := questions.tree(calculation, slot)) is not None}
    return {slot: tree for slot, tree in trees.items() if _draws(book, slot, tree)}


def _draws(book: Book, slot: int, tree: Node) -> bool:
    """Whether a formula draws random numbers; raises SheetmlError where it does in a way that cannot be followed."""
    calculation = book.calculation
    address = calculation.describe([slot])
    found = False
    for node in walk(tree):
        if isinstance(node, Call) and node.function == "RANDARRAY":
            raise SheetmlError(f"{address} calls RANDARRAY: its numbers cannot be drawn anew for each scenario")
        if isinstance(node, Name):
            for name in book.file.names:
                if name.name.casefold() == node.name.casefold() and _RANDOM.search(name.text):
                    raise SheetmlError(
                        f"{address} draws random numbers through the name {name.name}: call RAND in the cell"
                    )
        found |= _is_draw(node)
    block = questions.block(calculation, slot)
    if found and block is not None and block.is_array:
        raise SheetmlError(f"{address} draws random numbers in an array formula, which cannot be followed")
    return found


def _is_draw(node: Node) -> bool:
    return isinstance(node, Call) and _DRAWS.get(node.function) == len(node.arguments)


def _without_draws(book: Book, slot: int, tree: Node, beyond: list[int]) -> list[Drawn]:
    """Puts cells in place of what a formula draws: on its row, from the column of its sheet that is `beyond` all."""
    calculation = book.calculation
    sheet, row, column = calculation.place(slot)
    columns: list[int] = []

    def drawn(node: Node) -> Node:
        if not _is_draw(node):
            return node
        assert isinstance(node, Call)
        columns.append(beyond[sheet] + len(columns))
        down, across = Coordinate(0, False), Coordinate(columns[-1] - column, False)
        cell = Range(down, across, down, across, cell=True)
        return cell if node.function == "RAND" else _between(cell, *node.arguments)

    changed = replaced(tree, drawn)
    if columns[-1] > MAX_COLUMNS:
        raise SheetmlError(f"{calculation.describe([slot])} draws random numbers, and its sheet has no room beside it")
    calculation.add_cells(sheet, [(row, each) for each in columns])
    drawn_slots = [calculation.slot(sheet, row, each) for each in columns]
    for each in drawn_slots:
        calculation.set(each, 0.5)
    slot = calculation.slot(sheet, row, column)
    calculation.put_formula(sheet, changed, to_a1(changed, row, column), row, column, [(row, column)])
    return [Drawn(calculation.describe([slot]), each) for each in drawn_slots]


def _between(uniform: Node, low: Node, high: Node) -> Node:
    """A whole number between two, both included, as RANDBETWEEN makes it: of each as many uniform numbers."""
    least, most = Call("CEILING.MATH", (low,)), Call("FLOOR.MATH", (high,))
    count = Binary("+", Binary("-", most, least), Number(1.0))
    number = Binary("+", least, Call("INT", (Binary("*", uniform, count),)))
    return Call("IF", (Binary(">", least, most), ErrorValue("#NUM!"), number))
