"""Cells whose formulas stand alone, computed as straight-line code on plain floats: from blocks to lines.

What is compiled is a formula's skeleton (formula/skeleton.py), for the kinds of values that it finds in the cells it
reads (variants.py). A workbook of thousands of formulas has few of them. The lines are computed one after another in
the order of the plan (program.py).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sheetml.engine.compiled.defined_names import area_of, without_names
from sheetml.engine.compiled.expressions import ANY, NODES, OPERATORS
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.compiled.item_lookups import Table, is_cell, item_of
from sheetml.engine.compiled.items import Item, checked
from sheetml.engine.compiled.line_formulas import (
    NO_NUMBERS,
    UNKNOWN,
    is_known,
    reads_numbers,
)
from sheetml.engine.compiled.locating import Locator, Readers, Reads, Shape
from sheetml.engine.compiled.program import Calculated, Program
from sheetml.engine.compiled.variants import FEW_CELLS, Formula, Template, Variant
from sheetml.engine.dates import date_1904
from sheetml.engine.formulas import Block, take_apart
from sheetml.engine.plan import Line, Straight
from sheetml.engine.values import BLANK, ERROR, NUMBER
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.skeleton import Skeletons, without_strings
from sheetml.formula.tree import Binary, Call, Number, Range, Unary, children, walk
from sheetml.garbage import collection_paused
from sheetml.xlsx.model import Area

MOST_READ = 1024  # cells that one formula reads
NO_SHAPE = Shape([], [])


class StraightCode:
    """The straight-line code of a calculation: the lines of its plan, and the numbers of the cells they touch."""

    def __init__(self, calculation: Calculated) -> None:
        self.calculation = calculation
        self._templates: dict[str, Template | None] = {}
        self._lines: dict[Block, tuple[Any, list[Line] | None]] = {}
        self.numbers: list[float] = []  # by slot; of those that lines touch
        self.kinds = bytearray()
        self.texts: list[str] = []
        self.stamp = 0  # of the run
        self._written: frozenset[int] = frozenset()  # slots, in the run
        self._tables: dict[tuple[int, Area], Table] = {}

    def forget(self) -> None:
        """Cells have got slots: what was located before is to be located again."""
        self._lines = {}
        self._tables = {}
        self._templates = {text: each for text, each in self._templates.items() if each is None or not each.fixed}

    # ---- what cells hold

    def table(self, sheet: int, area: Area) -> Table:
        """An area as functions look into it: the same for all formulas that read it."""
        found = self._tables.get((sheet, area))
        if found is None:
            height, width = area.height, area.width
            slots = self.calculation.slots.area(sheet, area.top, area.left, height, width).reshape(-1).tolist()
            found = self._tables[sheet, area] = Table(self, tuple(slots), width)
        return found

    def held(self, slot: int) -> Item:
        """What a cell holds; an error is raised."""
        return checked(item_of(self, slot))

    def is_still(self, slots: Sequence[int]) -> bool:
        """Whether the run that goes on writes none of the slots."""
        return self._written.isdisjoint(slots)

    def begin(self, written: frozenset[int]) -> None:
        """A run that writes some slots begins."""
        self.stamp += 1
        self._written = written

    # ---- lines

    @collection_paused()
    def lines(self, blocks: list[Block]) -> dict[Block, list[Line]]:
        """The lines of those blocks whose cells are computed one by one."""
        known: dict[Block, tuple[Any, list[Line] | None]] = {}
        new: list[Block] = []
        for block in blocks:
            before = self._lines.get(block)
            if before is not None and all(mine is other for mine, other in zip(before[0], _state(block))):
                known[block] = before
                continue
            known[block] = (_state(block), None)
            if block.is_brief(FEW_CELLS):
                new.append(block)
        for line in self._found(new):
            state, lines = known[line.block]
            if lines is None:
                known[line.block] = state, [line]
            else:
                lines.append(line)
        self._lines = known
        return {block: lines for block, (_, lines) in known.items() if lines is not None}

    def line(self, block: Block) -> Line | None:
        """The line of a block of one cell; None where it is none."""
        lines = list(self._found([block])) if len(block.rows) == 1 and block.is_brief(FEW_CELLS) else []
        if not lines:
            return None
        self._lines[block] = _state(block), lines
        return lines[0]

    def _found(self, blocks: list[Block]) -> Iterator[Line]:
        """The lines of the cells of those blocks that can be lines."""
        take_apart(blocks)
        kinds: dict[int, tuple[Skeletons, list[Block]]] = {}
        for block in blocks:
            assert block.skeleton is not None
            kinds.setdefault(id(block.skeleton[0]), (block.skeleton[0], []))[1].append(block)
        for taken, own in kinds.values():
            yield from self._lines_among(taken, own)

    def _lines_among(self, taken: Skeletons, blocks: list[Block]) -> Iterator[Line]:
        templates: list[Template | None] = [None] * len(taken.texts)
        numbers = [block.skeleton[1] for block in blocks if block.skeleton is not None]
        which = taken.which[numbers].tolist()
        for block, number, text in zip(blocks, numbers, which):
            if templates[text] is None:
                templates[text] = self._template_of(taken, number, block)
        similar = _similar(taken, which, blocks)
        able = [
            place for place, text in enumerate(which) if _is_worth_while(templates[text], blocks[place], similar[text])
        ]
        blocks = [blocks[place] for place in able]
        if not blocks:
            return
        locator = Locator(
            taken,
            _readers(blocks, [numbers[place] for place in able]),
            [NO_SHAPE if template is None else template.shape for template in templates],
            MOST_READ,
        )
        formulas, groups = locator.readers.formula.tolist(), locator.readers.group.tolist()
        reads = locator.reads(self.calculation.slots)
        first_numbers, texts = taken.first_number.tolist(), taken.which.tolist()
        constants = list(map(float, taken.numbers))
        last, cell = -1, 0
        for reader, (formula, group, slot) in enumerate(zip(formulas, groups, reads.slots)):
            template = templates[texts[formula]]
            assert template is not None
            cells = reads.cells[reads.first_cell[reader] : reads.first_cell[reader + 1]]
            areas = reads.areas[reads.first_area[reader] : reads.first_area[reader + 1]]
            own = set(cells).union(*areas) if areas else set(cells)
            tables = self._tables_of(reads, reader) if reads.tables else []
            given = template.in_order(
                cells, constants[first_numbers[formula] : first_numbers[formula + 1]], areas, tables
            )
            if tables or template.fixed:
                if not template.fits(given):
                    continue
                own.update(*(_slots(place) for place in (*tables, *template.fixed)))
            own.discard(0)
            cell = cell + 1 if group == last else 0
            last = group
            all_there = 0 not in cells and () not in areas and not template.fixed
            yield Line(blocks[group], cell, slot, tuple(own), Formula(template, given, all_there))

    def _tables_of(self, reads: Reads, reader: int) -> list[Table]:
        own = reads.tables[reads.first_table[reader] : reads.first_table[reader + 1]]
        return [self.table(sheet, Area(*edges)) for sheet, *edges in own]

    def _template_of(self, taken: Skeletons, formula: int, block: Block) -> Template | None:
        """The template of a block's skeleton."""
        text = taken.text(formula)
        if text not in self._templates:
            self._templates[text] = self._template(block, taken, formula)
        return self._templates[text]

    def _template(self, block: Block, taken: Skeletons, formula: int) -> Template | None:
        """The template of a skeleton, from a formula that has it; None where it is left to the vectors."""
        assert block.origin is not None
        try:
            tree = parse(block.text, *block.origin)
            tree, named = without_names(tree, block.sheet, self.calculation.scope)
        except (FormulaError, NotScalar):
            return None
        leaves: dict[int, int] = {}
        places: list[tuple[str, int | None, int]] = []
        fixed: list[Any] = []
        corners, constants = _corners(taken, formula), taken.numbers_of(formula)
        cells = numbers = 0
        of_numbers = {id(each) for node in walk(tree) if reads_numbers(node) for each in children(node)}
        for node in walk(tree):
            if type(node) not in NODES or (isinstance(node, Call) and not is_known(node)):
                return None
            if isinstance(node, (Unary, Binary)) and node.operator not in OPERATORS:
                return None
            if isinstance(node, Number) and id(node) not in named:
                if constants[numbers : numbers + 1] != [node.value]:
                    return None
                leaves[id(node)] = len(places)
                places.append(("number", None, numbers))
                numbers += 1
            elif isinstance(node, Range):
                sheet = None if node.sheet is None else self.calculation.scope.sheet(node.sheet)
                if node.last_sheet is not None or (node.sheet is not None and sheet is None):
                    return None
                leaves[id(node)] = len(places)
                what = "cell" if is_cell(node) else "area" if id(node) in of_numbers else "table"
                if id(node) in named:
                    area = area_of(node)
                    if sheet is None or area.height * area.width > MOST_READ:
                        return None
                    places.append((what, sheet, -1 - len(fixed)))
                    fixed.append(self._fixed(what, sheet, area))
                    continue
                if not _states(node, corners[cells : cells + (1 if node.cell else 2)], block.origin):
                    return None
                places.append((what, sheet, cells))
                cells += 1 if node.cell else 2
        if cells != len(corners) or numbers != len(constants):
            return None
        template = Template(tree, Block.last_sum_of(tree, block.text), leaves, places, self, fixed)
        return None if (-1, -1) in template.alike else template

    def _fixed(self, what: str, sheet: int, area: Area) -> Any:
        """What stands at a place that a name names: a slot, the slots of an area, or a table."""
        table = self.table(sheet, area)
        if what == "cell":
            return table.slots[0]
        return table if what == "table" else tuple([slot for slot in table.slots if slot])

    def chosen(self, line: Line, kinds: bytearray) -> tuple[Variant, tuple[Any, ...]]:
        """The variant of a line's formula for what the cells hold that it reads, and what its function is given."""
        formula = line.formula
        if formula.all_there and not any(map(kinds.__getitem__, line.reads)):
            return formula.template.for_numbers(), formula.places
        key: list[int] = []
        given: list[Any] = []
        for (what, _, _), place in zip(formula.template.places, formula.places):
            if what == "cell":
                key.append(kinds[place])
                given.append(place)
            elif what == "number":
                key.append(NUMBER)
                given.append(place)
            elif what == "table":
                key.append(UNKNOWN if UNKNOWN in place.of_each(kinds) else ANY)
                given.append(place)
            else:
                own = [kinds[slot] for slot in place]
                if any(own):
                    errors = [kind for kind in own if kind >= ERROR]
                    place = tuple([slot for slot, kind in zip(place, own) if kind == NUMBER])
                    key.append(
                        (max(errors) if UNKNOWN in errors else errors[0]) if errors else NUMBER if place else NO_NUMBERS
                    )
                else:
                    key.append(NUMBER if own else NO_NUMBERS)
                given.append(place)
        return formula.template.variant(tuple(key)), tuple(given)

    # ---- running

    def run(self, stage: Straight, dirty: np.ndarray, everything: bool, sheet: int | None = None) -> None:
        """Brings the cells of a stage up to date, or those of it on one sheet, and marks those that changed."""
        self._make_room()
        system = date_1904.set(self.calculation.scope.file.date_1904)
        try:
            self._run(stage, dirty, everything, sheet)
        finally:
            date_1904.reset(system)

    def _run(self, stage: Straight, dirty: np.ndarray, everything: bool, sheet: int | None) -> None:
        if sheet is not None and any(line.block.sheet != sheet for line in stage.lines):
            own = stage.part([line for line in stage.lines if line.block.sheet == sheet])
            Program(self, own, everything).run(dirty, everything)
            return
        if stage.program is None:
            stage.program = Program(self, stage, everything)
        stage.program.run(dirty, everything)

    def _make_room(self) -> None:
        more = self.calculation.slots.count - len(self.numbers)
        if more > 0:
            self.numbers += itertools.repeat(0.0, more)
            self.texts += itertools.repeat("", more)
            self.kinds += bytes([BLANK]) * more


def _is_worth_while(template: Template | None, block: Block, similar: int) -> bool:
    """Whether a block's cells are sooner computed one by one; there are `similar` cells (families.py)."""
    if template is None or (similar > FEW_CELLS and template.is_dear) or not template.is_sensible:
        return False
    return len(block.rows) == 1 or len(block.rows) <= template.most_cells


def _similar(taken: Skeletons, which: list[int], blocks: list[Block]) -> list[int]:
    """How many cells have formulas of each skeleton, or of one that differs in its strings alone."""
    texts = list(map(without_strings, taken.texts))
    cells = Counter[str]()
    for text, block in zip(which, blocks):
        cells[texts[text]] += len(block.rows)
    return [cells[text] for text in texts]


def _slots(place: Any) -> tuple[int, ...]:
    """The slots at a place."""
    if isinstance(place, Table):
        return place.slots
    return place if isinstance(place, tuple) else (place,)


def _state(block: Block) -> tuple[Any, ...]:
    """What a block's lines hold for."""
    return block.rows, block.columns, block.size


def _readers(blocks: list[Block], formulas: list[int]) -> Readers:
    """The cells of blocks, each of which has one of the formulas taken apart."""
    sizes = np.array([len(block.rows) for block in blocks])
    group = np.repeat(np.arange(len(blocks)), sizes)
    row, column = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("rows", "columns"))
    origins = np.array([block.origin for block in blocks], np.int64)
    return Readers(
        np.array(formulas, np.intp)[group],
        group,
        np.array([block.sheet for block in blocks], np.intp)[group],
        row,
        column,
        row - origins[group, 0],
        column - origins[group, 1],
    )


def _corners(taken: Skeletons, formula: int) -> list[tuple[int, int]]:
    """The rows and columns of a formula's cells."""
    own = taken.cells(formula)
    return list(zip(taken.rows[own].tolist(), taken.columns[own].tolist()))


def _states(node: Range, corners: list[tuple[int, int]], origin: tuple[int, int]) -> bool:
    """Whether a reference is the one between these corners."""
    if len(corners) < (1 if node.cell else 2):
        return False
    mine = [node.top.at(origin[0]), node.bottom.at(origin[0])], [node.left.at(origin[1]), node.right.at(origin[1])]
    return all(sorted(set(own)) == sorted(set(other)) for own, other in zip(mine, zip(*corners)))
