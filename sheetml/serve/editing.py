"""What is typed into cells, put there; and what was there before, put back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sheetml.engine import questions
from sheetml.engine.calculation import Calculation
from sheetml.engine.cell_table import Snapshot
from sheetml.engine.reading import parse_moment, parse_number
from sheetml.engine.values import BLANK
from sheetml.errors import FormulaError, SheetmlError
from sheetml.formula.parser import parse
from sheetml.formula.prefixes import without_prefixes
from sheetml.formula.references import cell_name
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node
from sheetml.xlsx.model import ERROR_CODE, MAX_COLUMNS, MAX_ROWS, MAX_TEXT, CellValue

ROOM_ROWS, ROOM_COLUMNS = 32, 4  # for which room is made at once: each time costs a new plan
MOST_CELLS = 200_000  # of one edit

Place = tuple[int, int, int]  # sheet, row, column


class EditError(SheetmlError):
    """What was typed cannot be put where it was typed: one sentence says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a cell holds: a formula, without "=", or a value."""

    value: CellValue = None
    formula: str | None = None


Contents = dict[Place, Content]


def typed(text: str) -> tuple[Content, bool]:
    """What a text means that is typed into a cell, and whether it was read as a date or time.

    "=" begins a formula; "'" a text, whatever follows; numbers, dates, TRUE and error values are read as Excel
    (English, United States) reads them. Raises EditError for a text that no cell can hold.
    """
    if len(text) > MAX_TEXT:
        raise EditError(f"a cell holds at most {MAX_TEXT:,} characters: these are {len(text):,}")
    if text.startswith("'"):
        return Content(text[1:]), False
    plain = text.strip()
    if len(plain) > 1 and plain[0] == "=":
        return Content(formula=plain[1:]), False
    if not plain:
        return Content(), False
    if plain.upper() in ("TRUE", "FALSE"):
        return Content(plain.upper() == "TRUE"), False
    if plain.upper() in ERROR_CODE and not plain.upper().startswith("#UNCOMPUTABLE"):
        return Content(ERROR_CODE[plain.upper()]), False
    number = parse_number(plain)
    if number is None:
        return Content(text), False
    return Content(float(number)), parse_moment(plain) is not None


def content(calculation: Calculation, place: Place) -> Content:
    """What a cell holds now."""
    slot = calculation.slot(*place)
    formula = questions.text(calculation, slot) if slot else None
    return Content(calculation.value(slot) if formula is None else None, formula)


def moved(calculation: Calculation, old: Place, new: Place) -> Content:
    """What a cell holds as a copy elsewhere would: relative addresses move along.

    Raises EditError for a formula that cannot be copied.
    """
    slot = calculation.slot(*old)
    block = questions.block(calculation, slot) if slot else None
    if block is None:
        return Content(calculation.value(slot))
    if block.tree is None or block.size is not None:
        raise EditError(f"{cell_name(*old[1:])} holds a formula that cannot be copied")
    return Content(formula=to_a1(block.tree, new[1], new[2]))


def put(calculation: Calculation, contents: Mapping[Place, Content]) -> Contents:
    """Puts contents into cells without calculating; what was there before.

    Nothing is put where one of them cannot be: EditError says which, and why.
    """
    if len(contents) > MOST_CELLS:
        raise EditError(f"{len(contents):,} cells at once are too many: at most {MOST_CELLS:,}")
    trees = {place: _tree(place, each) for place, each in contents.items() if each.formula is not None}
    _refuse_arrays(calculation, contents)
    _make_room(calculation, [place for place, each in contents.items() if each != Content()])
    before = {place: content(calculation, place) for place in contents}
    ending = [calculation.slot(*place) for place, old in before.items() if old.formula is not None]
    if ending:
        calculation.remove_formulas(np.array(ending, np.intp))
    for place, new in contents.items():
        sheet, row, column = place
        if new.formula is not None:
            calculation.put_formula(sheet, trees[place], new.formula, row, column, [(row, column)])
        elif calculation.slot(*place):
            calculation.set(calculation.slot(*place), new.value)
    calculation.respill()
    return before


def _tree(place: Place, new: Content) -> Node:
    try:
        return parse(new.formula or "", place[1], place[2])
    except FormulaError as error:
        raise EditError(f"{cell_name(*place[1:])}: {error}") from None


def _refuse_arrays(calculation: Calculation, places: Iterable[Place]) -> None:
    for place in places:
        slot = calculation.slot(*place)
        block = questions.block(calculation, slot) if slot else None
        if block is not None and block.size is not None:
            raise EditError(
                f"{cell_name(*place[1:])} belongs to an array formula, which can be computed here, but not changed"
            )


def _make_room(calculation: Calculation, places: list[Place]) -> None:
    for sheet in {place[0] for place in places}:
        missing = [place[1:] for place in places if place[0] == sheet and not calculation.slot(*place)]
        if len(missing) == 1:
            row, column = missing[0]
            rows = range(row, min(row + ROOM_ROWS, MAX_ROWS + 1))
            missing = list(itertools.product(rows, range(column, min(column + ROOM_COLUMNS, MAX_COLUMNS + 1))))
        if missing:
            calculation.add_cells(sheet, missing)


def shown_formula(calculation: Calculation, slot: int) -> str | None:
    """The formula that fills a cell as Excel shows it, without "="; None where there is none."""
    found = questions.filling_text(calculation, slot) if slot else None
    return None if found is None else without_prefixes(found)


def means_less(calculation: Calculation, place: Place) -> bool:
    """Whether a formula just put would be an array in newer Excels, and is here taken for its cell alone."""
    slot = calculation.slot(*place)
    tree = questions.tree(calculation, slot)
    if tree is None:
        return False
    context = questions.context_at(calculation, *place, slot, array=True)
    try:
        with context.workspace.borrowed(), np.errstate(all="ignore"):
            whole = context.value(tree)
    except SheetmlError:
        return False
    kind, number, text = calculation.kind(slot), calculation.number(slot), calculation.text(slot)
    first = int(whole.kinds.reshape(-1)[0]), str(whole.texts.reshape(-1)[0])
    same = first == (kind, text) or (first[0] == BLANK and number == 0)
    return whole.number.size > 1 or not same


# ---- what a run of something else has changed --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Before:
    """All contents at one moment, so that what changed them can be undone."""

    values: Snapshot
    formulas: dict[Place, str | None]

    @classmethod
    def of(cls, calculation: Calculation) -> Before:
        return cls(calculation.snapshot(), dict(questions.edited_formulas(calculation)))

    def changes(self, calculation: Calculation, original: Mapping[Place, str | None]) -> tuple[Contents, Contents]:
        """The contents of the cells that hold something else now: before, and now.

        `original` gives the file's formulas of cells that were edited since.
        """
        old: Contents = {}
        for sheet in range(len(calculation.file.sheets)):
            for slot, value in calculation.differences(self.values, sheet):
                if not calculation.is_formula(np.array([slot]))[0]:
                    old[calculation.place(slot)] = Content(value)
        for place, formula in questions.edited_formulas(calculation).items():
            if place not in self.formulas or self.formulas[place] != formula:
                before = self.formulas.get(place, original.get(place))
                value = self.values.cells.get(int(self.values.slots.locate(*place)))
                old[place] = Content(None if before is not None else value, before)
        return old, {place: content(calculation, place) for place in old}
