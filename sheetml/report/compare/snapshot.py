"""A sheet's cells as a comparison sees them: what each holds, in numbers that can be compared at once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from sheetml.engine import questions
from sheetml.engine.values import BOOLEAN, NUMBER, TEXT
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.relative import relative_key
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node, Unary
from sheetml.report.cell_numbers import CellNumbers
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue, Formula

MOST_BLANK_LINES = 4  # times as many blank as filled lines, up to which blank ones are lines like others
FEW_LINES = 2000  # that are always taken with the blank ones between them


class Snapshot:
    """The filled cells of one sheet, sorted by row, then column; arrays of one length n."""

    def __init__(self, workbook: Book, sheet: int) -> None:
        calculation = workbook.calculation
        rows, columns, slots = calculation.held(sheet)
        stored = workbook.file.sheets[sheet].cells
        places = calculation.locate(sheet, stored.row, stored.column).tolist()
        self._formulas: dict[int, Formula] = {places[index]: formula for index, formula in stored.formula.items()}
        for (position, row, column), text in questions.edited_formulas(calculation).items():
            if position == sheet:
                self._edit(calculation.slot(sheet, row, column), row, column, text)
        kind = calculation.kinds(slots)
        filled = (kind != 1) | np.isin(slots, np.fromiter(self._formulas, np.intp, len(self._formulas)))
        self.name = workbook.sheet_names[sheet]
        self.rows, self.columns, self.slots = rows[filled], columns[filled], slots[filled]
        self.kind = kind[filled]
        self.number = calculation.numbers(self.slots)
        self.text = calculation.texts(self.slots)
        self._value = calculation.value
        self._formats, self._sheet = CellNumbers(workbook), sheet
        self._keys: dict[int, str] = {}
        self._trees: dict[int, Node | None] = {}
        self.place = {place: index for index, place in enumerate(zip(self.rows.tolist(), self.columns.tolist()))}

    def _edit(self, slot: int, row: int, column: int, text: str | None) -> None:
        """Takes up a formula that was changed after the workbook was read."""
        if text is None:
            self._formulas.pop(slot, None)
        else:
            self._formulas[slot] = Formula(text, row, column)

    def __len__(self) -> int:
        return self.rows.size

    @property
    def last_row(self) -> int:
        return int(self.rows.max(initial=0))

    @property
    def last_column(self) -> int:
        return int(self.columns.max(initial=0))

    def value(self, index: int) -> CellValue:
        return self._value(int(self.slots[index]))

    def number_format(self, index: int) -> str:
        """The code of the cell's number format."""
        return self._formats.format_of(self._sheet, int(self.rows[index]), int(self.columns[index]))

    def formula(self, index: int) -> Formula | None:
        return self._formulas.get(int(self.slots[index]))

    def formula_key(self, index: int) -> str | None:
        """What cells with the same formula, filled down or across, have in common."""
        formula = self.formula(index)
        if formula is None:
            return None
        known = self._keys.get(id(formula))
        if known is None:
            known = relative_key(self._plain_text(index, formula), formula.row, formula.column)
            self._keys[id(formula)] = known = f"{'{' if formula.area is not None else ''}{known}"
        return known

    def _plain_text(self, index: int, formula: Formula) -> str:
        """The formula's text as it was before dynamic arrays: without _xlfn.SINGLE around what is one cell anyway."""
        if "SINGLE(" not in formula.text.upper() or formula.area is not None:
            return formula.text
        tree = self.plain_tree(index)
        return formula.text if tree is None else to_a1(tree, formula.row, formula.column)

    def plain_tree(self, index: int) -> Node | None:
        """The formula's tree without the signs (@, stored as _xlfn.SINGLE) that Excel adds as it saves old formulas.

        A formula that fills one cell takes one cell of an area with and without them; in array formulas they count.
        """
        formula, tree = self.formula(index), self.tree(index)
        if formula is None or tree is None or formula.area is not None or "@" not in formula.text.replace(
            "_xlfn.SINGLE(", "@"):  # fmt: skip
            return tree
        return without_single(tree)

    def tree(self, index: int) -> Node | None:
        """The formula's tree, None where there is none or it cannot be understood."""
        formula = self.formula(index)
        if formula is None:
            return None
        if id(formula) not in self._trees:
            try:
                self._trees[id(formula)] = parse(formula.text, formula.row, formula.column)
            except FormulaError:
                self._trees[id(formula)] = None
        return self._trees[id(formula)]

    def formula_text(self, index: int) -> str | None:
        """The formula as it reads in its cell, without "="."""
        formula, tree = self.formula(index), self.tree(index)
        if formula is None or tree is None:
            return None if formula is None else formula.text
        if formula.area is not None:  # of an array formula, which is written for its first cell
            return formula.text
        return to_a1(tree, int(self.rows[index]), int(self.columns[index]))

    def lines(self, across: bool) -> list[int]:
        """The rows (or columns) that a comparison goes through, blank ones included unless they are too many."""
        place = self.columns if across else self.rows
        last = int(place.max(initial=0))
        filled = np.unique(place)
        if last <= max(FEW_LINES, (1 + MOST_BLANK_LINES) * filled.size):
            return list(range(1, last + 1))
        return [int(number) for number in filled]


class Contents:
    """Numbers for what cells hold, the same for cells of both sheets that hold the same."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def _number(self, content: Hashable) -> int:
        return self._numbers.setdefault(content, len(self._numbers) + 1)

    def of(self, snapshot: Snapshot) -> np.ndarray:
        """The number of each cell's content: (n, 3), the whole of it, without formulas, and its kind only."""
        numbers = np.zeros((len(snapshot), 3), np.int64)
        formula, any_number = self._number("formula"), self._number("number")
        kinds, values, texts = snapshot.kind.tolist(), snapshot.number.tolist(), snapshot.text.tolist()
        for index, (kind, value, text) in enumerate(zip(kinds, values, texts)):
            key = snapshot.formula_key(index)
            if key is not None:
                numbers[index] = self._number(("=", key)), formula, formula
                continue
            whole = self._number((kind, text if kind == TEXT else value))
            numbers[index] = whole, whole, any_number if kind in (NUMBER, BOOLEAN) else whole
        return numbers


def without_single(node: Node) -> Node:
    """The tree without the operator @ of implicit intersection."""
    if isinstance(node, Unary) and node.operator == "@":
        return without_single(node.operand)
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            changed[each.name] = without_single(value)
        elif isinstance(value, tuple):
            changed[each.name] = tuple(without_single(part) if isinstance(part, Node) else part for part in value)
    return replace(node, **changed) if changed else node
