"""Cells whose formulas stand alone, computed as straight-line code on plain floats.

What is compiled is a formula's skeleton (formula/skeleton.py), for the kinds of values that it finds in the cells it
reads: a `Variant`, a function of the numbers of all cells and of the slots it reads. A workbook of thousands of
formulas has few of them. The cells are computed one after another in the order of the plan; an error leaves a formula
as an exception, and where a cell's value is of another kind than before, the formulas that read it get the variant for
that kind. What no variant can be made of is evaluated as a vector of one cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from sheetml.engine.cells import Slots, StoredCells
from sheetml.engine.compiled.adjoints import Pass, flat_functions, slope_by_base
from sheetml.engine.compiled.by_machine import ByMachine, pays
from sheetml.engine.compiled.defined_names import area_of, without_names
from sheetml.engine.compiled.expressions import ANY, NODES, OPERATORS, is_plain
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.item_lookups import CALLED as ITEM_LOOKUPS
from sheetml.engine.compiled.item_lookups import Table, is_cell, item_of, paired
from sheetml.engine.compiled.items import CALLED as ITEM_FUNCTIONS
from sheetml.engine.compiled.items import Item, checked
from sheetml.engine.compiled.line_formulas import (
    NO_NUMBERS,
    UNKNOWN,
    cells_worth_while,
    expression,
    is_known,
    reads_numbers,
)
from sheetml.engine.compiled.locating import FIRST, OWN_SHEET, SECOND, SINGLE, TABLE, Locator, Readers, Reads, Shape
from sheetml.engine.compiled.numbers import FAULTS, Fault, code_of
from sheetml.engine.compiled.terms import Writer
from sheetml.engine.dates import date_1904
from sheetml.engine.evaluate import Workspace
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Line, Step, Straight
from sheetml.engine.scope import Scope
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUM, NUMBER, TEXT, Value
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.skeleton import Skeletons, skeletons
from sheetml.formula.tree import Binary, Call, Node, Number, Range, Unary, children, walk
from sheetml.garbage import collection_paused
from sheetml.xlsx.model import Area


class Calculated(Protocol):
    """The calculation whose cells are computed."""

    slots: Slots
    scope: Scope
    cells: StoredCells
    workspace: Workspace
    revision: int
    straight: StraightCode

    def evaluate_step(self, step: Step) -> Value: ...


FEW_CELLS = 8  # of a block: with more of them they are computed at once, as a vector
FEW_OF_ITEMS = 4  # of a block whose formula is not one of numbers: a trace goes through lines one by one
MOST_READ = 1024  # cells that one formula reads
LONGEST = 4000  # characters of a formula
MOST_VARIANTS = 32  # of a skeleton, for kinds of its cells; then one for whatever they hold
CALLED = {**ITEM_FUNCTIONS, **ITEM_LOOKUPS}  # by the source
KNOWN_TO_MACHINE = 0.8  # of all lines, from which it is worth while
NO_SHAPE = Shape([], [])


@dataclass(slots=True)
class Variant:
    """A skeleton compiled, for what the cells hold that it reads."""

    term: Term
    kind: int  # NUMBER or BOOLEAN; TEXT; or ANY, if the kind of its value shows when it is run
    function: Callable[..., float] | None = None
    back: Callable[..., None] | None = None  # of v, the adjoints by slot, the cell's own, and the places
    names: dict[str, Any] = field(default_factory=dict)  # what its source makes use of
    plain: bool = True  # all is numbers and booleans, with derivatives

    @property
    def flat(self) -> list[str]:
        """The functions in it that are constant between their jumps."""
        return flat_functions(self.term)


CAREFUL = Variant(Term("0.0"), NUMBER)  # there is no variant: the formula is evaluated as a vector


@dataclass(slots=True, eq=False)
class Template:
    """What all formulas of one skeleton have in common."""

    tree: Node
    last_sum: Node | None
    leaves: dict[int, int]  # the place of each reference and number, by its node
    places: list[tuple[str, int | None, int]]  # what stands there, on which sheet, and its position in the skeleton
    cells: StraightCode  # what the cells hold
    fixed: list[Any]  # what stands at the places that names name: their positions are -1, -2 ...
    variants: dict[tuple[int, ...], Variant] = field(default_factory=dict)
    shape: Shape = field(init=False)
    of_numbers: Variant | None = None  # where all that it reads are numbers
    alike: list[tuple[int, int]] = field(init=False)  # places of tables that are to be of one size
    _order: Callable[[list[Any]], tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        roles, sheets = [], []
        order: dict[str, list[int]] = {"cell": [], "number": [], "area": [], "table": [], "fixed": []}
        for place, (what, sheet, position) in enumerate(self.places):
            order["fixed" if position < 0 else what].append(place)
            if what != "number" and position >= 0:
                own = [SINGLE] if what == "cell" else [FIRST if what == "area" else TABLE, SECOND]
                roles += own
                sheets += [OWN_SHEET if sheet is None else sheet] * len(own)
        self.shape = Shape(roles, sheets)
        self._order = items_at(np.argsort([place for each in order.values() for place in each]).tolist())
        self.alike = []
        for areas in filter(None, map(paired, walk(self.tree))):
            found = [self.leaves.get(id(area), -1) for area in areas]
            is_table = [place >= 0 and self.places[place][0] == "table" for place in found]
            self.alike.append((found[0], found[1]) if all(is_table) else (-1, -1))

    def is_sensible(self) -> bool:
        """Whether there is straight-line code for it where all cells hold numbers: otherwise there hardly ever is."""
        return (-1, -1) not in self.alike and self.for_numbers() is not CAREFUL

    @property
    def most_cells(self) -> int:
        """Up to how many cells with the formula are sooner computed as lines than as a vector."""
        return cells_worth_while(self.tree, FEW_CELLS if self.for_numbers().plain else FEW_OF_ITEMS)

    def fits(self, given: tuple[Any, ...]) -> bool:
        """Whether it reads no other cells than its text says."""
        pairs = ((given[one], given[other]) for one, other in self.alike)
        return all((one.height, one.width) == (other.height, other.width) for one, other in pairs)

    def in_order(
        self, cells: list[int], numbers: list[float], areas: list[tuple[int, ...]], tables: list[Table]
    ) -> tuple[Any, ...]:
        """What stands at the places, of which the cells, the numbers and the areas are given in their order."""
        return self._order([*cells, *numbers, *areas, *tables, *self.fixed])

    def for_numbers(self) -> Variant:
        """The variant where all that is read are numbers."""
        if self.of_numbers is None:
            self.of_numbers = self.variant(tuple([ANY if what == "table" else NUMBER for what, _, _ in self.places]))
        return self.of_numbers

    def variant(self, kinds: tuple[int, ...]) -> Variant:
        found = self.variants.get(kinds)
        if found is None:
            if len(self.variants) >= MOST_VARIANTS and UNKNOWN not in kinds:
                kinds = tuple([ANY if what == "cell" else kind for (what, _, _), kind in zip(self.places, kinds)])
                if kinds in self.variants:
                    return self.variants[kinds]
            try:
                typed, names = expression(self.tree, self.last_sum, self.leaves, kinds)
                plain = typed.kind in (NUMBER, BOOLEAN) and is_plain(typed.term)
                names = {**names, "T": self.cells.texts, "held": self.cells.held}
                found = Variant(typed.term, typed.kind, names=names, plain=plain)
            except NotScalar:
                found = CAREFUL
            self.variants[kinds] = found
        return found


@dataclass(slots=True)
class Formula:
    """One cell's formula: its template, and what stands at the template's places."""

    template: Template
    places: tuple[Any, ...]  # a slot, the slots of an area, a table, or a number
    all_there: bool  # each of its cells has a slot, and each of its areas at least one

    @property
    def watched(self) -> Iterator[int]:
        """The slots by whose kinds its variant is chosen."""
        for (what, _, _), place in zip(self.template.places, self.places):
            if what == "cell":
                yield place
            elif what == "area":
                yield from place


def items_at(places: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Takes the items at some places of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda items: tuple(items[place] for place in places)


def compiled(variants: Iterable[Variant]) -> None:
    """Compiles what has not been compiled yet."""
    new = [variant for variant in {id(each): each for each in variants}.values() if variant.function is None]
    if not new:
        return
    sources = [_source(f"f{number}", variant) for number, variant in enumerate(new)]
    namespace = dict(CALLED)
    for variant in new:
        namespace.update(variant.names)
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.function = namespace[f"f{number}"]


def _source(name: str, variant: Variant) -> str:
    writer = Writer()
    text = writer.text(variant.term)
    if variant.kind == BOOLEAN:
        text = f"float({text})"
    return f"def {name}(v, {', '.join([*writer.parameters, '*_'])}):\n    return {text}"


def compiled_back(variants: Iterable[Variant]) -> None:
    """Compiles the passes back that have not been compiled yet. Raises NotScalar where there is none."""
    new = [variant for variant in {id(each): each for each in variants}.values() if variant.back is None]
    sources = []
    for number, variant in enumerate(new):
        writer = Writer()
        found = Pass(writer.text)
        found.back(variant.term, "adjoint", "    ")
        writer.text(variant.term)  # which takes note of all places
        body = "\n".join(found.lines or ["    pass"])
        sources.append(f"def b{number}(v, g, adjoint, {', '.join([*writer.parameters, '*_'])}):\n{body}")
    namespace = {**CALLED, "slope_by_base": slope_by_base}
    for variant in new:
        namespace.update(variant.names)
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.back = namespace[f"b{number}"]


Entry = tuple[int, Any, tuple[Any, ...]]  # a line ready to run: its slot, its function, and what that is given


# ---- from blocks to lines ----------------------------------------------------------------------


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
            if _may_stand_alone(block):
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
        lines = list(self._found([block])) if len(block.rows) == 1 and _may_stand_alone(block) else []
        if not lines:
            return None
        self._lines[block] = _state(block), lines
        return lines[0]

    def _found(self, blocks: list[Block]) -> Iterator[Line]:
        """The lines of the cells of those blocks that can be lines."""
        plain = [block for block in blocks if block.skeleton is None]
        if plain:  # their formulas have not been taken apart yet
            taken = skeletons([block.text for block in plain])
            for number, block in enumerate(plain):
                block.skeleton = taken, number
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
        able = [place for place, text in enumerate(which) if _is_worth_while(templates[text], blocks[place])]
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
        return template if template.is_sensible() else None

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


def _is_worth_while(template: Template | None, block: Block) -> bool:
    return template is not None and (len(block.rows) == 1 or len(block.rows) <= template.most_cells)


def _slots(place: Any) -> tuple[int, ...]:
    """The slots at a place."""
    if isinstance(place, Table):
        return place.slots
    return place if isinstance(place, tuple) else (place,)


def _state(block: Block) -> tuple[Any, ...]:
    """What a block's lines hold for."""
    return block.rows, block.columns, block.size


def _may_stand_alone(block: Block) -> bool:
    if len(block.rows) > FEW_CELLS or block.size is not None or block.table is not None or block.origin is None:
        return False
    return len(block.text) <= LONGEST


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


class _Turned(Exception):
    """A formula has a value of another kind than before."""

    def __init__(self, item: Item, kind: int) -> None:
        super().__init__()
        self.item = item
        self.kind = kind


def _careful(v: Sequence[float]) -> float:
    raise NotScalar


class _Retry:
    """A variant's function for a cell that has held a value of another kind."""

    def __init__(self, variant: Variant) -> None:
        assert variant.function is not None
        self.function, self.kind = variant.function, variant.kind

    def __call__(self, v: Sequence[float], *places: Any) -> float:
        number = self.function(v, *places)
        if number - number != 0:
            raise Fault(NUM)
        raise _Turned(number, self.kind)


class _AsItem:
    """A variant's function where the kind of the value, or the text that it is, shows when it is run."""

    def __init__(self, code: StraightCode, slot: int, function: Callable[..., Item], changed: Callable[[int], None]):
        self.code = code
        self.slot = slot
        self.function = function
        self.changed = changed  # told of a text that is another one

    def __call__(self, v: Sequence[float], *places: Any) -> float:
        item = self.function(v, *places)
        kind = _KINDS[type(item)]
        if kind != self.code.kinds[self.slot]:
            raise _Turned(item, kind)
        if type(item) is str:
            texts = self.code.texts
            if item != texts[self.slot]:
                texts[self.slot] = item
                self.changed(self.slot)
            return 0.0
        return float(item)  # type: ignore[arg-type]


_KINDS = {float: NUMBER, str: TEXT, bool: BOOLEAN}


def _expected(kind: int, held: int) -> int:
    """The kind of value that a variant will give, where it cannot be known as the cell holds it."""
    if kind == ANY:
        return held if held in (NUMBER, TEXT, BOOLEAN) else NUMBER
    return kind


class Program:
    """A stage of lines, ready to run: for each of them its slot, its function and what that is given."""

    def __init__(self, code: StraightCode, stage: Straight, everything: bool) -> None:
        self.code = code
        self.stage = stage
        self.lines = stage.lines
        self.targets = stage.targets
        self.touched = np.union1d(stage.reads, stage.targets)
        self.entries: list[tuple[int, Any, tuple[Any, ...]]] = []
        self.variants: list[Variant] = []
        self._readers: dict[int, list[int]] | None = None  # by a slot whose kind they are chosen by
        self._all_readers: dict[int, list[int]] | None = None
        self._known_numbers = self._known_kinds = np.zeros(0)
        self._numbers_of = items_at(stage.targets.tolist())
        self._machine: ByMachine | None = None
        self._is_known: bool | None = None  # to the machine, most of it
        self._behind = False  # the machine has computed numbers which the list of them does not hold yet
        self._lines_run = 0  # one by one, since the lines were last chosen
        self._most_change = False  # in the last calculation most lines changed
        self._texts_changed: list[int] = []
        self._changed: set[int] | None = None
        self._written = frozenset(self.targets.tolist())
        self._build(everything)

    # ---- variants

    @collection_paused()
    def _build(self, everything: bool) -> None:
        """Chooses a variant for every line, by what the cells hold and what the lines before it will.

        With `everything` all lines are run next: whatever kinds of values the file has kept for them do not matter.
        """
        cells, kinds = self.code.calculation.cells, self.code.kinds
        self._known_numbers, self._known_kinds = cells.number[self.touched], cells.kind[self.touched]
        touched: list[int] = self.touched.tolist()
        for slot, number, kind in zip(touched, self._known_numbers.tolist(), self._known_kinds.tolist()):
            self.code.numbers[slot] = number
            kinds[slot] = int(kind)
        for slot in self.touched[self._known_kinds == TEXT].tolist():
            self.code.texts[slot] = cells.text[slot]
        chosen = []
        for line in self.lines:
            variant, places = self.code.chosen(line, self.code.kinds)
            chosen.append((line.slot, variant, places))
            if everything and variant is not CAREFUL:
                kinds[line.slot] = _expected(variant.kind, kinds[line.slot])
        self.variants = [variant for _, variant, _ in chosen]
        compiled(variant for variant in self.variants if variant is not CAREFUL)
        self.entries = [self._entry(*each) for each in chosen]

    def _entry(self, slot: int, variant: Variant, places: tuple[Any, ...]) -> tuple[int, Any, tuple[Any, ...]]:
        """What is run for a line."""
        if variant is CAREFUL:
            return slot, _careful, ()
        assert variant.function is not None
        if variant.kind in (TEXT, ANY):
            return slot, _AsItem(self.code, slot, variant.function, self._text_changed), places
        return slot, variant.function if self.code.kinds[slot] == variant.kind else _Retry(variant), places

    def _text_changed(self, slot: int) -> None:
        self._texts_changed.append(slot)
        if self._changed is not None:
            self._changed.add(slot)

    def _choose_again(self, position: int) -> None:
        """Gives a line the variant for what its cells hold now."""
        line = self.lines[position]
        variant, places = self.code.chosen(line, self.code.kinds)
        self.variants[position] = variant
        if variant is not CAREFUL:
            compiled([variant])
        self.entries[position] = self._entry(line.slot, variant, places)
        self._machine, self._is_known, self._lines_run = None, None, 0

    def replace(self, position: int, more: np.ndarray) -> None:
        """Takes up that a line has another formula, which reads some slots that none has read before."""
        cells, code = self.code.calculation.cells, self.code
        more = np.setdiff1d(more, self.touched)
        numbers, kinds = cells.number[more], cells.kind[more]
        for slot, number, kind in zip(more.tolist(), numbers.tolist(), kinds.tolist()):
            code.numbers[slot] = number
            code.kinds[slot] = kind
            code.texts[slot] = cells.text[slot]
        self.touched = np.concatenate([self.touched, more])
        self._known_numbers = np.concatenate([self._known_numbers, numbers])
        self._known_kinds = np.concatenate([self._known_kinds, kinds])
        self._all_readers = None
        if self._readers is not None:
            for slot in self.lines[position].formula.watched:
                self._readers.setdefault(slot, []).append(position)
        self._choose_again(position)

    def _kind_changed(self, slot: int, kind: int) -> None:
        """A cell holds a value of another kind: the lines that read it get other variants."""
        before, self.code.kinds[slot] = self.code.kinds[slot], kind
        if self._readers is None:
            self._readers = self._by_slot(lambda line: line.formula.watched)
        if UNKNOWN in (before, kind):  # which matters in any area
            if self._all_readers is None:
                self._all_readers = self._by_slot(lambda line: line.reads)
            for position in self._all_readers.get(slot, ()):
                self._choose_again(position)
        for position in self._readers.get(slot, ()):
            self._choose_again(position)

    def _by_slot(self, slots: Callable[[Line], Iterable[int]]) -> dict[int, list[int]]:
        """By slot: the line that computes it, and those that it matters to."""
        found = {line.slot: [position] for position, line in enumerate(self.lines)}
        for position, line in enumerate(self.lines):
            for slot in slots(line):
                found.setdefault(slot, []).append(position)
        return found

    # ---- running

    def run(self, dirty: np.ndarray, everything: bool) -> None:
        calculation = self.code.calculation
        cells, problems = calculation.cells, calculation.workspace.problems
        for slot in self.targets.tolist() if problems else ():
            problems.pop(slot, None)
        self.code.begin(self._written)
        changed = self._taken_in(dirty)
        before = cells.number[self.targets], cells.kind[self.targets]
        self._texts_changed, self._changed = [], None if everything else changed
        if self._machine is None and (everything or self._most_change) and self._pays():
            self._machine = self._for_machine()
        if self._machine is not None and (everything or self._most_change):
            numbers = self._run_by_machine(self._machine)
        else:
            self._catch_up()
            if everything:
                self._run_from(0)
            else:
                self._run_changed(changed)
            numbers = self._numbers()
        self._give_out(dirty, numbers, *before)

    def _numbers(self) -> np.ndarray:
        """The numbers of the lines' cells."""
        return np.array(self._numbers_of(self.code.numbers), np.float64)

    def _taken_in(self, dirty: np.ndarray) -> set[int]:
        """Takes over what other stages and edits have put into the cells; the slots that changed."""
        cells, code = self.code.calculation.cells, self.code
        number, kind = cells.number[self.touched], cells.kind[self.touched]
        moved = (number != self._known_numbers) | (kind != self._known_kinds)
        for place in np.nonzero(moved)[0].tolist():
            slot = int(self.touched[place])
            code.numbers[slot] = float(number[place])
            if kind[place] != self._known_kinds[place]:
                self._kind_changed(slot, int(kind[place]))
        written = self.touched[kind == TEXT]
        for slot, text in zip(written.tolist(), cells.text[written].tolist()):
            if code.texts[slot] != text:
                code.texts[slot] = text
                moved[self.touched == slot] = True
        return set(self.touched[moved | dirty[self.touched]].tolist())

    def _run_from(self, start: int) -> None:
        """Runs all lines from one on."""
        v, entries, position, checked = self.code.numbers, self.entries, start, False
        begin = start
        self._lines_run += len(entries) - start
        while True:
            try:
                for position in range(start, len(entries)):
                    slot, function, places = entries[position]
                    v[slot] = number = function(v, *places)
                    if checked and number - number != 0:
                        raise Fault(NUM)
            except (*FAULTS, NotScalar, _Turned) as found:
                self._settle(position, found, None)
                start = position + 1
                continue
            if checked or np.isfinite(self._numbers()).all():
                return
            checked, start = True, begin  # some number is infinite: it is found out where that begins

    # ---- by the machine

    def _pays(self) -> bool:
        if self._is_known is None:
            known = sum(variant.plain for variant in self.variants)
            self._is_known = known >= KNOWN_TO_MACHINE * len(self.lines)
        return self._is_known and pays(len(self.lines), self._lines_run)

    def _for_machine(self) -> ByMachine:
        lines = [
            (slot, places, variant.term if function is variant.function else None)
            for (slot, function, places), variant in zip(self.entries, self.variants)
        ]
        return ByMachine(lines, self.code.calculation.slots.count)

    def _run_by_machine(self, machine: ByMachine) -> np.ndarray:
        """Runs all lines: where most of them change, that is sooner done than asking. The numbers of their cells."""
        registers, cells, last = machine.registers, self.code.calculation.cells, len(self.entries)
        registers[self.touched] = cells.number[self.touched]
        self._behind = True
        position = machine.run()
        while position < last:
            self._run_by_python(position, registers)
            if self._machine is not machine:  # a value of another kind: other variants follow
                self._catch_up(registers)
                self._run_from(position + 1)
                return self._numbers()
            position = machine.run(position + 1)
        return registers[self.targets]

    def _run_by_python(self, position: int, registers: np.ndarray) -> None:
        """Runs a line that the machine leaves to Python."""
        v, kinds, (slot, function, places) = self.code.numbers, self.code.kinds, self.entries[position]
        for read in self.lines[position].reads:
            if read in self._written and kinds[read] != TEXT:
                v[read] = float(registers[read])
        try:
            number = function(v, *places)
            if number - number != 0:
                raise Fault(NUM)
            v[slot] = number
        except (*FAULTS, NotScalar, _Turned) as found:
            self._settle(position, found, None)
        registers[slot] = v[slot]

    def _catch_up(self, numbers: np.ndarray | None = None) -> None:
        """Takes over what the machine has computed last."""
        if self._behind:
            v, kinds, known = self.code.numbers, self.code.kinds, numbers
            if known is None:
                known = self.code.calculation.cells.number
            for slot, number in zip(self.targets.tolist(), known[self.targets].tolist()):
                if kinds[slot] != TEXT:
                    v[slot] = number
            self._behind = False

    # ---- one by one

    def _run_changed(self, changed: set[int]) -> None:
        """Runs the lines that read something changed, or were changed themselves."""
        v, entries, lines, start, position = self.code.numbers, self.entries, self.lines, 0, 0
        run = 0
        while True:
            try:
                for position in range(start, len(entries)):
                    slot, function, places = entries[position]
                    if changed.isdisjoint(lines[position].reads) and slot not in changed:
                        continue
                    number = function(v, *places)
                    if number != v[slot]:
                        run += 1
                        if number - number != 0:
                            raise Fault(NUM)
                        v[slot] = number
                        changed.add(slot)
                self._lines_run += run
                return
            except (*FAULTS, NotScalar, _Turned) as found:
                self._settle(position, found, changed)
                start = position + 1

    def _settle(self, position: int, found: BaseException, changed: set[int] | None) -> None:
        """What is to be done where a line did not simply give a number of the expected kind."""
        v, kinds, line = self.code.numbers, self.code.kinds, self.lines[position]
        before = v[line.slot], kinds[line.slot]
        if isinstance(found, NotScalar):
            v[line.slot], kind = self._carefully(line)
        elif isinstance(found, _Turned):
            kind = found.kind
            v[line.slot] = 0.0 if kind == TEXT else float(found.item)  # type: ignore[arg-type]
            if kind == TEXT:
                self.code.texts[line.slot] = str(found.item)
                self._text_changed(line.slot)
        else:
            v[line.slot], kind = 0.0, ERROR + code_of(found)
        if changed is not None and before != (v[line.slot], kind):
            changed.add(line.slot)
        if kinds[line.slot] != kind:
            self._kind_changed(line.slot, kind)

    def _carefully(self, line: Line) -> tuple[float, int]:
        """A line's value evaluated as a vector of one cell: its number and its kind."""
        calculation, v, kinds = self.code.calculation, self.code.numbers, self.code.kinds
        cells = calculation.cells
        for slot in line.reads:
            cells.number[slot], cells.kind[slot], cells.text[slot] = v[slot], kinds[slot], self.code.texts[slot]
        calculation.workspace.problems.pop(line.slot, None)
        value = calculation.evaluate_step(line.step(calculation.workspace))
        kind = int(value.kinds[0, 0, 0])
        if kind == TEXT:
            text = value.texts[0, 0, 0]
            if self.code.texts[line.slot] != text or kinds[line.slot] != TEXT:
                self._text_changed(line.slot)
            self.code.texts[line.slot] = text
        return float(np.asarray(value.number)[0, 0, 0]), kind

    def _give_out(
        self, dirty: np.ndarray, numbers: np.ndarray, numbers_before: np.ndarray, kinds_before: np.ndarray
    ) -> None:
        """Writes the lines' values into the cells, and marks those that changed."""
        calculation = self.code.calculation
        cells, targets = calculation.cells, self.targets
        kinds = np.frombuffer(self.code.kinds, np.uint8)[targets]
        cells.number[targets], cells.kind[targets] = numbers, kinds
        for slot in targets[kinds == TEXT].tolist():
            cells.text[slot] = self.code.texts[slot]
        moved = (numbers != numbers_before) | (kinds != kinds_before)
        self._most_change = bool(2 * np.count_nonzero(moved) > len(targets))
        if moved.any() or self._texts_changed:
            dirty[targets[moved]] = True
            dirty[self._texts_changed] = True
            calculation.revision += 1
        calculation.workspace.pending[targets] = False
        self._known_numbers, self._known_kinds = cells.number[self.touched], cells.kind[self.touched]
