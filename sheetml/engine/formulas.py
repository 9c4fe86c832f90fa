"""The formulas of a workbook: blocks of cells that hold the same one, and what edits make of them.

A value typed over a formula ends the formula; a formula typed in is one more block, or joins the cells
that hold the same one. Each edit answers with the slots it changed: bringing their values up to date is
the business of the calculation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine.cells import Slots
from sheetml.engine.distinct import distinct
from sheetml.engine.rectangles import rectangles
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.relative import relative_key, relative_keys
from sheetml.formula.skeleton import Skeletons, skeletons
from sheetml.formula.text import to_a1
from sheetml.formula.tokens import is_enclosed
from sheetml.formula.tree import Binary, Node, calls
from sheetml.garbage import collection_paused
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, DataTable, FilledFormula, Formula, Sheet, WorkbookFile

MOST_FILLED = 500_000  # cells by array formulas
LONGEST_BRIEF = 4000  # characters of a formula
_TOTALS = frozenset({"SUBTOTAL", "AGGREGATE"})

Place = tuple[int, int, int]  # sheet, row, column


class Block:
    """Cells of one sheet that hold the same formula, filled down or across or copied.

    `tree` is None where the formula cannot be understood: `problem` then says why. For array formulas
    `size` is the height and width of the area that each of the cells fills; for those that spill
    (`dynamic`) it is the size of the result when last computed. `origin` is the row and the column of the cell
    that `text` is written for, where the tree is not given: it is parsed when it is asked for. `skeleton` says which of
    formulas taken apart the text is, where it has been.
    """

    __slots__ = (
        "_parsed",
        "_problem",
        "_tree",
        "columns",
        "dynamic",
        "origin",
        "rows",
        "sheet",
        "size",
        "skeleton",
        "table",
        "text",
    )

    def __init__(
        self,
        sheet: int,
        text: str,  # as its first cell states it
        tree: Node | None,
        rows: np.ndarray,
        columns: np.ndarray,
        problem: str = "",
        size: tuple[int, int] | None = None,
        dynamic: bool = False,
        table: DataTable | None = None,  # of the What-If menu; then there is no tree
        origin: tuple[int, int] | None = None,
        skeleton: tuple[Skeletons, int] | None = None,
    ) -> None:
        self.sheet, self.text, self.rows, self.columns = sheet, text, rows, columns
        self.size, self.dynamic, self.table, self.origin, self.skeleton = size, dynamic, table, origin, skeleton
        self._tree, self._problem = tree, problem
        self._parsed = tree is not None or origin is None or table is not None

    def _parse(self) -> None:
        assert self.origin is not None
        self._parsed = True
        try:
            self._tree = parse(self.text, *self.origin)
        except FormulaError as error:
            self._problem = str(error)

    @property
    def tree(self) -> Node | None:
        if not self._parsed:
            self._parse()
        return self._tree

    @property
    def problem(self) -> str:
        """Why it cannot be computed, if it cannot."""
        if not self._parsed:
            self._parse()
        return self._problem

    def give_up(self, problem: str) -> None:
        """The formula is not to be computed, for this reason."""
        self._tree, self.table, self._problem, self._parsed = None, None, problem, True

    @property
    def last_sum(self) -> Node | None:
        """The sum or difference that ends the formula and is not within parentheses: it may vanish (precision.py)."""
        return self.last_sum_of(self.tree, self.text)

    @staticmethod
    def last_sum_of(tree: Node | None, text: str) -> Node | None:
        """The same of any formula, by its tree and its text."""
        return tree if isinstance(tree, Binary) and tree.operator in "+-" and not is_enclosed(text) else None

    @property
    def is_array(self) -> bool:
        return self.size is not None

    def is_brief(self, most_cells: int) -> bool:
        """Whether it is a formula of a few cells, which fills nothing but these, and that can be taken apart."""
        if len(self.rows) > most_cells or self.size is not None or self.table is not None or self.origin is None:
            return False
        return len(self.text) <= LONGEST_BRIEF

    def areas(self) -> Iterator[Area]:
        """The rectangles that the block's cells make up, from the top."""
        return rectangles(self.rows, self.columns)

    def filled(self) -> list[tuple[int, int]]:
        """The rows and columns of all cells that an array formula fills."""
        if self.size is None or self.size == (1, 1):
            return []
        height, width = self.size
        return [
            (row + i, column + j)
            for row, column in zip(self.rows.tolist(), self.columns.tolist())
            for i in range(height)
            for j in range(width)
            if row + i <= MAX_ROWS and column + j <= MAX_COLUMNS
        ]

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """The cell that holds the array formula which fills a cell."""
        height, width = self.size or (1, 1)
        inside = (self.rows <= row) & (row < self.rows + height)
        inside &= (self.columns <= column) & (column < self.columns + width)
        place = int(np.nonzero(inside)[0][0])
        return int(self.rows[place]), int(self.columns[place])


def take_apart(blocks: Sequence[Block]) -> None:
    """Gives those of the blocks their skeletons that have none yet."""
    plain = [block for block in blocks if block.skeleton is None]
    if plain:
        taken = skeletons([block.text for block in plain])
        for number, block in enumerate(plain):
            block.skeleton = taken, number


@collection_paused()
def find_blocks(file: WorkbookFile) -> list[Block]:
    """All blocks of the workbook, sheet by sheet, by their first cell."""
    blocks = [block for position, sheet in enumerate(file.sheets) for block in _blocks_of(sheet, position)]
    filled = 0
    for block in blocks:
        if block.size is not None:
            cells = len(block.rows) * block.size[0] * block.size[1]
            if filled + cells > MOST_FILLED:
                block.give_up(too_many_filled(cells))
                block.size = (1, 1)
            else:
                filled += cells
    return blocks


def too_many_filled(cells: int) -> str:
    """Why array formulas are not computed that would fill so many cells."""
    return f"array formulas would fill {cells:,} cells, more than {MOST_FILLED:,} in a workbook"


def _blocks_of(sheet: Sheet, position: int) -> Iterator[Block]:
    """The blocks of a sheet: what the file shows to be one formula is looked at once."""
    cells, formulas = sheet.cells, sheet.cells.formulas
    used = distinct(formulas.which).tolist()
    firsts = [_first(formulas.held[which]) for which in used]
    texts = [first.text for first in firsts]
    taken = skeletons(texts)
    keys = relative_keys(taken, texts, [first.row for first in firsts], [first.column for first in firsts])
    numbers: dict[Hashable, int] = {}
    block_of = np.zeros(len(formulas.held), np.intp)
    block_of[used] = [
        numbers.setdefault(key if _is_plain(first) else (key, *_extent(first)), len(numbers))
        for key, first in zip(keys, firsts)
    ]
    number_of = np.zeros(len(formulas.held), np.intp)  # among those used
    number_of[used] = np.arange(len(used))
    own = block_of[formulas.which]
    order = np.argsort(own, kind="stable")
    starts = np.flatnonzero(np.diff(own[order], prepend=-1))
    rows, columns = (part[formulas.positions[order]].astype(np.int64) for part in (cells.row, cells.column))
    heads = order[starts]
    groups = zip(heads.tolist(), number_of[formulas.which[heads]].tolist(), starts.tolist(), [*starts[1:], len(order)])
    for _, number, start, end in sorted(groups):
        held = formulas.held[used[number]]
        formula = held.at(int(rows[start]), int(columns[start])) if isinstance(held, FilledFormula) else held
        skeleton = (taken, number) if formula is firsts[number] else None
        yield _block(formula, position, rows[start:end], columns[start:end], skeleton)


def _first(held: Formula | FilledFormula) -> Formula:
    return held.first if isinstance(held, FilledFormula) else held


def _is_plain(formula: Formula) -> bool:
    """Whether it fills nothing but cells that hold it."""
    return formula.area is None and not formula.dynamic and formula.data_table is None


def _extent(formula: Formula) -> tuple[object, ...]:
    size = None if formula.area is None else (formula.area.height, formula.area.width)
    return size, formula.dynamic, formula.data_table


def _block(
    formula: Formula, sheet: int, rows: np.ndarray, columns: np.ndarray, skeleton: tuple[Skeletons, int] | None
) -> Block:
    size = None if formula.area is None else (formula.area.height, formula.area.width)
    origin = (formula.row, formula.column)
    table = formula.data_table
    return Block(sheet, formula.text, None, rows, columns, "", size, formula.dynamic, table, origin, skeleton)


# ---- edits -------------------------------------------------------------------------------------


def _none() -> np.ndarray:
    return np.zeros(0, np.intp)


@dataclass(slots=True)
class Change:
    """What an edit of formulas changed, in slots."""

    edited: np.ndarray = field(default_factory=_none)  # cells whose formula ended, or is another
    filled: np.ndarray = field(default_factory=_none)  # those of them that have a formula now
    emptied: np.ndarray = field(default_factory=_none)  # cells that an array filled and fills no longer
    collapsed: np.ndarray = field(default_factory=_none)  # cells whose arrays drew back to the cell itself

    def __bool__(self) -> bool:
        return bool(self.edited.size or self.emptied.size or self.collapsed.size)

    def add(self, other: Change) -> None:
        """Takes in what another edit changed."""
        self.edited = np.concatenate([self.edited, other.edited])
        self.filled = np.concatenate([self.filled, other.filled])
        self.emptied = np.concatenate([self.emptied, other.emptied])
        self.collapsed = np.concatenate([self.collapsed, other.collapsed])


class Formulas:
    """The blocks of a workbook, to be looked up by slot and edited.

    `edited` holds, for each cell whose formula is no longer the file's, its formula now, or None where
    it has none any more.
    """

    def __init__(self, file: WorkbookFile) -> None:
        self.blocks: list[Block] = find_blocks(file)
        self.edited: dict[Place, str | None] = {}
        self._slots = Slots([])
        self._holders: np.ndarray | None = None  # by slot: the number of the block that fills it, -1 for none
        self._numbered: list[Block] = []  # the blocks by these numbers, with those that are gone since
        self._number: dict[Block, int] = {}
        self._totals: np.ndarray | None = None  # by slot: whether it holds a total
        self._dynamic: list[Block] = []
        self._keys: dict[tuple[int, str], Block] = {}

    def filled_cells(self, sheets: int) -> list[set[tuple[int, int]]]:
        """The rows and columns of the cells that array formulas fill, or data tables put values into, by sheet."""
        filled: list[set[tuple[int, int]]] = [set() for _ in range(sheets)]
        for block in self.blocks:
            filled[block.sheet].update(block.filled())
            if block.table is not None:
                inputs = (block.table.row_input, block.table.column_input)
                filled[block.sheet].update((each.row, each.column) for each in inputs if each is not None)
        return filled

    def settle(self, slots: Slots) -> None:
        """Takes up which slots the cells have."""
        self._slots = slots
        self._forget()

    def _forget(self) -> None:
        self._holders = self._totals = None

    # ---- looking

    def _holder(self) -> np.ndarray:
        if self._holders is None:
            self._holders = np.full(self._slots.count, -1, np.intp)
            self._numbered = list(self.blocks)
            self._number = {block: number for number, block in enumerate(self._numbered)}
            self._hold_plain([block for block in self.blocks if block.size is None])
            for block in self.blocks:
                if block.size is not None:
                    self._holders[self._filled(block)] = self._number[block]
            self._dynamic = [block for block in self.blocks if block.dynamic]
        return self._holders

    def _hold_plain(self, blocks: list[Block]) -> None:
        """Notes the cells of blocks that fill nothing but these, sheet by sheet."""
        assert self._holders is not None
        for sheet in {block.sheet for block in blocks}:
            own = [block for block in blocks if block.sheet == sheet]
            rows, columns = (np.concatenate([getattr(block, name) for block in own]) for name in ("rows", "columns"))
            numbers = np.repeat([self._number[block] for block in own], [len(block.rows) for block in own])
            slots = self._slots.locate(sheet, rows, columns)
            self._holders[slots[slots != 0]] = numbers[slots != 0]

    def anchors(self, block: Block) -> np.ndarray:
        """The slots of the cells that hold the block's formula."""
        return self._slots.locate(block.sheet, block.rows, block.columns)

    def _filled(self, block: Block) -> np.ndarray:
        """The slots of all cells that a block fills."""
        height, width = block.size or (1, 1)
        rows = block.rows[:, None, None] + np.arange(height)[None, :, None]
        columns = block.columns[:, None, None] + np.arange(width)[None, None, :]
        slots = self._slots.locate(block.sheet, rows, columns).reshape(-1)
        return slots[slots != 0]

    def are_filled(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots a formula fills."""
        return self._holder()[slots] >= 0

    def block(self, slot: int) -> Block | None:
        """The block that fills a slot."""
        position = int(self._holder()[slot])
        return None if position < 0 else self._numbered[position]

    def own_block(self, slot: int) -> Block | None:
        """The block whose formula stands in the cell itself; None where an array only fills it."""
        block = self.block(slot)
        if block is None or block.size in (None, (1, 1)):
            return block
        _, row, column = self._slots.place(slot)
        return block if bool(((block.rows == row) & (block.columns == column)).any()) else None

    def tree(self, slot: int) -> Node | None:
        """The formula of a cell; None where it holds none, or one that cannot be understood."""
        block = self.own_block(slot)
        return None if block is None else block.tree

    def own_text(self, slot: int) -> str | None:
        """A cell's own formula as text, without "="; None where it holds none."""
        return None if self.own_block(slot) is None else self.text(slot)

    def text(self, slot: int) -> str | None:
        """The formula that fills a cell, without "=": of an array also in the cells beside its own."""
        block = self.block(slot)
        if block is None or block.tree is None:
            return None if block is None else block.text
        _, row, column = self._slots.place(slot)
        return to_a1(block.tree, *((row, column) if block.size is None else block.corner(row, column)))

    def are_totals(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots hold a SUBTOTAL or an AGGREGATE: totals of their kind pass over them."""
        if self._totals is None:
            self._totals = np.zeros(self._slots.count, bool)
            for block in self.blocks:
                text = block.text.upper()  # only what may call one is parsed for that
                if any(name in text for name in _TOTALS) and block.tree is not None and calls(block.tree, _TOTALS):
                    self._totals[self.anchors(block)] = True
        return self._totals[slots]

    def cut_arrays(self, slots: np.ndarray) -> bool:
        """Whether some but not all cells of an array formula are among the slots."""
        for position in distinct(self._holder()[slots]):
            block = self._numbered[int(position)] if position >= 0 else None
            if block is not None and block.size not in (None, (1, 1)) and not block.dynamic:
                for row, column in zip(block.rows.tolist(), block.columns.tolist()):
                    own = self._array_slots(block, row, column)
                    if 0 < np.isin(own, slots).sum() < own.size:
                        return True
        return False

    def _array_slots(self, block: Block, row: int, column: int) -> np.ndarray:
        height, width = block.size or (1, 1)
        rows, columns = np.arange(row, row + height)[:, None], np.arange(column, column + width)[None, :]
        return self._slots.locate(block.sheet, rows, columns).reshape(-1)

    def crowded(self) -> np.ndarray:
        """The slots of arrays that may spill into one cell only: perhaps they found no room."""
        self._holder()
        found = [self.anchors(block) for block in self._dynamic if block.size == (1, 1)]
        return np.concatenate([_none(), *found])

    # ---- changing

    def remove(self, slots: np.ndarray) -> Change:
        """Ends the formulas of cells; their values stay until others are set."""
        change = Change()
        slots = distinct(slots[slots != 0])
        slots = slots[self._holder()[slots] >= 0]
        held = [self._numbered[int(number)] for number in distinct(self._holder()[slots])[::-1]]
        plain = all(block.size is None for block in held)
        for block in held:
            change.add(self._remove_from(block, slots))
        if slots.size and plain:
            self._holder()[slots] = -1
            if self._totals is not None:
                self._totals[slots] = False
        elif slots.size:
            self._forget()
        return change

    def _remove_from(self, block: Block, slots: np.ndarray) -> Change:
        change = Change()
        anchors = self.anchors(block)
        gone = np.isin(anchors, slots)
        if block.dynamic and not gone.all():
            change.add(self._collapse(block))
        if not gone.any():
            return change
        change.edited = anchors[gone]
        if block.size is not None:
            emptied = [self._array_slots(block, int(r), int(c)) for r, c in zip(block.rows[gone], block.columns[gone])]
            change.add(Change(emptied=np.setdiff1d(np.concatenate(emptied), anchors[gone])))
        for row, column in zip(block.rows[gone].tolist(), block.columns[gone].tolist()):
            self.edited[block.sheet, row, column] = None
        block.rows, block.columns = block.rows[~gone], block.columns[~gone]
        if not len(block.rows):
            self.blocks.remove(block)
            self._keys = {key: other for key, other in self._keys.items() if other is not block}
        return change

    def _collapse(self, block: Block) -> Change:
        """Something stands where an array spilled: it draws back, and finds out when it is computed."""
        anchors = self.anchors(block)
        emptied = np.setdiff1d(self._filled(block), anchors)
        block.size = (1, 1)
        return Change(emptied=emptied, collapsed=anchors)

    def put(self, sheet: int, tree: Node, text: str, row: int, column: int, places: list[tuple[int, int]]) -> Change:
        """Fills cells, which must have slots, with a formula written (`text`, without "=") for one cell."""
        rows, columns = (np.array(part, np.int64) for part in zip(*places))
        slots = self._slots.locate(sheet, rows, columns)
        change = self.remove(slots)
        key = (sheet, relative_key(text, row, column))
        block = self._keys.get(key)
        if block is None:
            block = self._keys[key] = Block(sheet, text, tree, rows[:0], columns[:0], origin=(row, column))
            self.blocks.append(block)
            self._number[block] = len(self._numbered)
            self._numbered.append(block)
        block.rows, block.columns = np.concatenate([block.rows, rows]), np.concatenate([block.columns, columns])
        for place in places:
            self.edited[sheet, place[0], place[1]] = to_a1(tree, *place)
        change.add(Change(edited=slots, filled=slots))
        self._holder()[slots] = self._number[block]
        if self._totals is not None:
            self._totals[slots] = calls(tree, _TOTALS)
        return change

    def divide(self, block: Block, groups: list[np.ndarray]) -> None:
        """Makes blocks of their own of cells, by their positions in an array formula's block: their results are
        no longer of one size."""
        rows, columns = block.rows, block.columns
        for group in groups:
            text = block.text if block.tree is None else to_a1(block.tree, int(rows[group[0]]), int(columns[group[0]]))
            own = Block(block.sheet, text, block.tree, rows[group], columns[group], block.problem, block.size, True)
            self.blocks.append(own)
        self.blocks.remove(block)
        self._forget()
