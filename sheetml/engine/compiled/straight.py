"""Cells whose formulas stand alone, computed as straight-line code on plain floats.

What is compiled is a formula's skeleton (formula/skeleton.py), for the kinds of values that it finds in the cells it
reads: a `Variant`, a function of the numbers of all cells and of the slots it reads. A workbook of thousands of
formulas has few of them. The cells are computed one after another in the order of the plan; an error leaves a formula
as an exception, and where a cell's value is of another kind than before, the formulas that read it get the variant for
that kind. What no variant can be made of (text, say) is evaluated as a vector of one cell.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sheetml.engine.cells import Slots, StoredCells
from sheetml.engine.compiled.adjoints import Pass, flat_functions, slope_by_base
from sheetml.engine.compiled.defined_names import area_of, without_names
from sheetml.engine.compiled.expressions import ANY, NODES, OPERATORS, is_plain
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.item_lookups import CALLED as ITEM_LOOKUPS
from sheetml.engine.compiled.item_lookups import Table, is_cell, item_of, paired
from sheetml.engine.compiled.items import CALLED as ITEM_FUNCTIONS
from sheetml.engine.compiled.items import Item, checked
from sheetml.engine.compiled.line_formulas import NO_NUMBERS, UNKNOWN, expression, is_known, reads_numbers
from sheetml.engine.compiled.numbers import FAULTS, Fault, code_of
from sheetml.engine.compiled.terms import TEXT_CELL, Writer
from sheetml.engine.dates import date_1904
from sheetml.engine.evaluate import Workspace
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Line, Step, Straight
from sheetml.engine.scope import Scope
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUM, NUMBER, TEXT, Value
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.skeleton import Skeleton, skeleton
from sheetml.formula.tree import Binary, Call, Node, Number, Range, Unary, children, walk
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area


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
MOST_READ = 1024  # cells that one formula reads
LONGEST = 4000  # characters of a formula
MOST_VARIANTS = 32  # of a skeleton, for kinds of its cells; then one for whatever they hold
CALLED = {**ITEM_FUNCTIONS, **ITEM_LOOKUPS}  # by the source


@dataclass(slots=True)
class Variant:
    """A skeleton compiled, for what the cells hold that it reads."""

    term: Term
    kind: int  # NUMBER or BOOLEAN; TEXT; or ANY, if the kind of its value shows when it is run
    function: Callable[..., float] | None = None
    back: Callable[..., None] | None = None  # of v, the adjoints by slot, the cell's own, and the places
    pattern: str = ""  # as a line among others: see InLine
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
    alike: list[tuple[int, int]] = field(init=False)  # areas that are to be of one size, by their positions
    reads_cells_of_own_sheet: bool = field(init=False)  # and nothing else

    def __post_init__(self) -> None:
        self.reads_cells_of_own_sheet = all(
            what == "number" or (what == "cell" and sheet is None) for what, sheet, _ in self.places
        )
        self.alike = []
        for areas in filter(None, map(paired, walk(self.tree))):
            here = [self.places[self.leaves[id(area)]] for area in areas if id(area) in self.leaves]
            one, other = (here[0][2], here[1][2]) if [what for what, _, _ in here] == ["table", "table"] else (0, 0)
            self.alike.append((one, other))

    @staticmethod
    def _any(what: str, kind: int) -> int:
        return ANY if what == "cell" else kind

    def is_sensible(self) -> bool:
        """Whether there is straight-line code for it where all cells hold numbers: otherwise there hardly ever is."""
        known = {"number": NUMBER, "cell": NUMBER, "area": NUMBER, "table": ANY}
        return self.variant(tuple([known[what] for what, _, _ in self.places])) is not CAREFUL

    def extents(self, position: int, taken: Skeleton) -> tuple[int, int]:
        """How many rows and columns an area has, by its position."""
        if position < 0:
            return self.fixed[-1 - position].height, self.fixed[-1 - position].width
        return _extent(taken, position)

    def variant(self, kinds: tuple[int, ...]) -> Variant:
        found = self.variants.get(kinds)
        if found is None:
            if len(self.variants) >= MOST_VARIANTS and UNKNOWN not in kinds:
                kinds = tuple([self._any(what, kind) for (what, _, _), kind in zip(self.places, kinds)])
                if kinds in self.variants:
                    return self.variants[kinds]
            try:
                typed, names = expression(self.tree, self.last_sum, self.leaves, kinds)
                plain = typed.kind in (NUMBER, BOOLEAN) and is_plain(typed.term)
                found = Variant(
                    typed.term, typed.kind, names={**names, "T": self.cells.texts, "held": self.cells.held}, plain=plain
                )
            except NotScalar:
                found = CAREFUL
            self.variants[kinds] = found
        return found


@dataclass(slots=True)
class Formula:
    """One cell's formula: its template, and what stands at the template's places."""

    template: Template
    places: list[Any]  # a slot, the slots of an area, a table, or a number

    @property
    def watched(self) -> Iterator[int]:
        """The slots by whose kinds its variant is chosen."""
        for (what, _, _), place in zip(self.template.places, self.places):
            if what == "cell":
                yield place
            elif what == "area":
                yield from place


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
LINES_AT_ONCE = 1000  # of a function
PAYS_AFTER = 20  # runs of all lines, which cost what compiling them as one function does


class InLine:
    """Lines written out one after the other as functions of the numbers of all cells: no calls, local names.

    It costs as much to compile as some twenty runs of the lines, and runs twice as fast.
    """

    def __init__(self, entries: Sequence[Entry], variants: Sequence[Variant]) -> None:
        pairs = list(zip(entries, variants))
        self._functions = [
            _function_of(pairs[start : start + LINES_AT_ONCE]) for start in range(0, len(pairs), LINES_AT_ONCE)
        ]

    def __call__(self, v: list[float]) -> None:
        for function in self._functions:
            function(v)


def _function_of(pairs: Sequence[tuple[Entry, Variant]]) -> Callable[[list[float]], None]:
    lines: list[str] = []
    known: set[int] = set()
    namespace = dict(CALLED)
    for (slot, function, places), variant in pairs:
        if not variant.plain:
            name = f"g{len(namespace)}"
            namespace[name] = function, places
            known.add(slot)
            lines.append(f"v[{slot}] = x{slot} = {name}[0](v, *{name}[1])")
            continue
        if not variant.pattern:
            variant.pattern = _InLineWriter().pattern(variant)
        names: dict[str, str] = {}
        for position, place in enumerate(places):
            if isinstance(place, float):
                names[f"p{position}"] = repr(place)
                continue
            read = place if isinstance(place, tuple) else (place,)
            lines += [f"x{each} = v[{each}]" for each in read if each not in known]
            known.update(read)
            if isinstance(place, tuple):
                cells = [f"x{each}" for each in place]
                names[f"p{position}"] = str(place)
                names[f"s{position}"] = " + ".join(cells)
                names[f"c{position}"] = ", ".join(cells if len(cells) > 1 else cells * 2)
            else:
                names[f"p{position}"], names[f"q{position}"] = f"x{place}", str(place)
        namespace.update(variant.names)
        known.add(slot)
        lines.append(f"v[{slot}] = x{slot} = {variant.pattern.format_map(names)}")
    exec("\n    ".join(["def lines(v):", *lines]), namespace)
    run: Callable[[list[float]], None] = namespace["lines"]
    return run


class _InLineWriter(Writer):
    """The same with places to be filled in: {p0} for a cell or a number, {s0} for what adds an area's cells up, and
    {c0} for the cells themselves."""

    def pattern(self, variant: Variant) -> str:
        text = self.text(variant.term)
        return text if variant.kind == NUMBER else f"float({text})"

    def text(self, term: Term) -> str:
        if term.operation == "total":
            area = f"{{s{term.operands[-1].place}}}"
            return f"({area})" if len(term.operands) == 1 else f"({self.text(term.operands[0])} + {area})"
        if term.operation in ("max of", "min of"):
            return f"{term.operation[:3]}({{c{term.operands[0].place}}})"
        return super().text(term)

    def leaf(self, term: Term) -> str:
        return f"T[{{q{term.place}}}]" if term.operation == TEXT_CELL else f"{{p{term.place}}}"


# ---- from blocks to lines ----------------------------------------------------------------------


class _Found:
    """Formulas that may stand alone, on the way to be lines: the cells they read are located for all at once."""

    def __init__(self) -> None:
        self.formulas: list[tuple[Block, int, Template, Skeleton]] = []
        self.sheets: list[int] = []
        self.rows: list[int] = []
        self.columns: list[int] = []

    def add(self, block: Block, cell: int, template: Template, found: Skeleton) -> None:
        self.formulas.append((block, cell, template, found))
        rows, columns = self._at(block, cell, found)
        self.rows.append(int(block.rows[cell]))
        self.columns.append(int(block.columns[cell]))
        if template.reads_cells_of_own_sheet:
            self.rows += rows
            self.columns += columns
            self.sheets += [block.sheet] * (len(rows) + 1)
            return
        self.sheets.append(block.sheet)
        for what, sheet, position in template.places:
            if what in ("number", "table") or position < 0:
                continue
            sheet = block.sheet if sheet is None else sheet
            if what == "cell":
                self.rows.append(rows[position])
                self.columns.append(columns[position])
                self.sheets.append(sheet)
                continue
            top, bottom = sorted(rows[position : position + 2])
            left, right = sorted(columns[position : position + 2])
            across = range(left, right + 1)
            for row in range(top, bottom + 1):
                self.rows += [row] * len(across)
                self.columns += across
            self.sheets += [sheet] * (len(across) * (bottom - top + 1))

    @staticmethod
    def _at(block: Block, cell: int, found: Skeleton) -> tuple[list[int], list[int]]:
        """The rows and columns of what the formula reads, from one of the block's cells."""
        assert block.origin is not None
        down, right = int(block.rows[cell]) - block.origin[0], int(block.columns[cell]) - block.origin[1]
        if not down and not right:
            return found.rows, found.columns
        rows, columns = list(found.rows), list(found.columns)
        for position in range(len(rows)):
            row_fixed, column_fixed = found.is_fixed(position)
            if not row_fixed:
                rows[position] = (rows[position] + down - 1) % MAX_ROWS + 1
            if not column_fixed:
                columns[position] = (columns[position] + right - 1) % MAX_COLUMNS + 1
        return rows, columns

    def _area(self, block: Block, cell: int, found: Skeleton, position: int) -> Area:
        rows, columns = self._at(block, cell, found)
        top, bottom = sorted(rows[position : position + 2])
        left, right = sorted(columns[position : position + 2])
        return Area(top, left, bottom, right)

    def lines(self, calculation: Calculated) -> dict[Block, list[Line]]:
        slots = self._located(calculation)
        lines: dict[Block, list[Line]] = {}
        at = 0
        for block, cell, template, found in self.formulas:
            slot, at = slots[at], at + 1
            places: list[Any] = []
            reads: list[int] = []
            for what, sheet, position in template.places:
                if what == "number":
                    places.append(found.numbers[position])
                elif position < 0:
                    place = template.fixed[-1 - position]
                    places.append(place)
                    reads += place.slots if what == "table" else place if what == "area" else [place]
                elif what == "cell":
                    places.append(slots[at])
                    reads.append(slots[at])
                    at += 1
                elif what == "table":
                    corners = self._area(block, cell, found, position)
                    table = calculation.straight.table(block.sheet if sheet is None else sheet, corners)
                    places.append(table)
                    reads += table.slots
                else:
                    size = _size(found, position)
                    area = tuple([each for each in slots[at : at + size] if each])
                    places.append(area)
                    reads += area
                    at += size
            own = set(reads)
            own.discard(0)
            line = Line(block, cell, slot, tuple(own), Formula(template, places))
            if block in lines:
                lines[block].append(line)
            else:
                lines[block] = [line]
        return lines

    def _located(self, calculation: Calculated) -> list[int]:
        sheets, rows, columns = (np.array(part, np.int64) for part in (self.sheets, self.rows, self.columns))
        slots = np.zeros(len(sheets), np.intp)
        for sheet in np.unique(sheets).tolist():
            own = sheets == sheet
            slots[own] = calculation.slots.locate(sheet, rows[own], columns[own])
        located: list[int] = slots.tolist()
        return located


def _size(found: Skeleton, position: int) -> int:
    """How many cells an area has, between two corners."""
    height, width = _extent(found, position)
    return height * width


def _extent(found: Skeleton, position: int) -> tuple[int, int]:
    """How many rows and columns an area has, between two corners."""
    rows, columns = found.rows[position : position + 2], found.columns[position : position + 2]
    return abs(rows[1] - rows[0]) + 1, abs(columns[1] - columns[0]) + 1


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """While many objects are made that all stay: Python's garbage collector would go through them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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

    # ---- lines

    def lines(self, blocks: list[Block]) -> dict[Block, list[Line]]:
        """The lines of those blocks whose cells are computed one by one."""
        with collection_paused():
            return self._lines_of(blocks)

    def _lines_of(self, blocks: list[Block]) -> dict[Block, list[Line]]:
        known: dict[Block, tuple[Any, list[Line] | None]] = {}
        found = _Found()
        for block in blocks:
            state = (block.rows, block.columns, block.size)
            before = self._lines.get(block)
            if before is not None and all(mine is other for mine, other in zip(before[0], state)):
                known[block] = before
                continue
            known[block] = (state, None)
            self._look_at(block, found)
        for block, lines in found.lines(self.calculation).items():
            known[block] = (known[block][0], lines)
        self._lines = known
        return {block: lines for block, (_, lines) in known.items() if lines is not None}

    def line(self, block: Block) -> Line | None:
        """The line of a block of one cell; None where it is none."""
        found = _Found()
        if len(block.rows) == 1:
            self._look_at(block, found)
        lines = found.lines(self.calculation).get(block)
        if lines is None:
            return None
        self._lines[block] = ((block.rows, block.columns, block.size), lines)
        return lines[0]

    def _look_at(self, block: Block, found: _Found) -> None:
        """Takes up the formulas of a block, if they are such as can be lines."""
        if len(block.rows) > FEW_CELLS or block.size is not None or block.table is not None or block.origin is None:
            return
        if len(block.text) > LONGEST:
            return
        taken = skeleton(block.text)
        if taken.text not in self._templates:
            self._templates[taken.text] = self._template(block, taken)
        template = self._templates[taken.text]
        if template is None:
            return
        read = 0
        for one, other in template.alike:
            if one == other or template.extents(one, taken) != template.extents(other, taken):
                return
        for what, _, position in template.places:
            if what in ("area", "table") and position >= 0:
                if len(block.rows) > 1 and taken.is_fixed(position) != taken.is_fixed(position + 1):
                    return  # an area that grows from cell to cell
                read += _size(taken, position)
        if read <= MOST_READ:
            for cell in range(len(block.rows)):
                found.add(block, cell, template, taken)

    def _template(self, block: Block, taken: Skeleton) -> Template | None:
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
        cells = numbers = 0
        of_numbers = {id(each) for node in walk(tree) if reads_numbers(node) for each in children(node)}
        for node in walk(tree):
            if type(node) not in NODES or (isinstance(node, Call) and not is_known(node)):
                return None
            if isinstance(node, (Unary, Binary)) and node.operator not in OPERATORS:
                return None
            if isinstance(node, Number) and id(node) not in named:
                if taken.numbers[numbers : numbers + 1] != [node.value]:
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
                if not _states(node, taken, cells, block.origin):
                    return None
                places.append((what, sheet, cells))
                cells += 1 if node.cell else 2
        if cells != len(taken.rows) or numbers != len(taken.numbers):
            return None
        template = Template(tree, Block.last_sum_of(tree, block.text), leaves, places, self, fixed)
        return template if template.is_sensible() else None

    def _fixed(self, what: str, sheet: int, area: Area) -> Any:
        """What stands at a place that a name names: a slot, the slots of an area, or a table."""
        table = self.table(sheet, area)
        if what == "cell":
            return table.slots[0]
        return table if what == "table" else tuple([slot for slot in table.slots if slot])

    def chosen(self, formula: Formula, kinds: bytearray) -> tuple[Variant, tuple[Any, ...]]:
        """The variant of a formula for what the cells hold that it reads, and what its function is given."""
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

    def begin(self, written: frozenset[int]) -> None:
        """A run that writes some slots begins."""
        self.stamp += 1
        self._written = written

    def _make_room(self) -> None:
        more = self.calculation.slots.count - len(self.numbers)
        if more > 0:
            self.numbers += itertools.repeat(0.0, more)
            self.texts += itertools.repeat("", more)
            self.kinds += bytes([BLANK]) * more


def _states(node: Range, taken: Skeleton, position: int, origin: tuple[int, int]) -> bool:
    """Whether a reference is the one at a position of the skeleton."""
    size = 1 if node.cell else 2
    rows, columns = taken.rows[position : position + size], taken.columns[position : position + size]
    if len(rows) < size:
        return False
    mine = [node.top.at(origin[0]), node.bottom.at(origin[0])], [node.left.at(origin[1]), node.right.at(origin[1])]
    return all(sorted(set(own)) == sorted(set(other)) for own, other in zip(mine, (rows, columns)))


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
        self._in_line: InLine | None = None
        self._lines_run = 0  # since the lines were last chosen
        self._most_change = False  # in the last calculation most lines changed
        self._texts_changed: list[int] = []
        self._changed: set[int] | None = None
        self._written = frozenset(self.targets.tolist())
        self._build(everything)

    # ---- variants

    def _build(self, everything: bool) -> None:
        """Chooses a variant for every line, by what the cells hold and what the lines before it will.

        With `everything` all lines are run next: whatever kinds of values the file has kept for them do not matter.
        """
        with collection_paused():
            self._build_lines(everything)

    def _build_lines(self, everything: bool) -> None:
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
            variant, places = self.code.chosen(line.formula, self.code.kinds)
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
        variant, places = self.code.chosen(line.formula, self.code.kinds)
        self.variants[position] = variant
        if variant is not CAREFUL:
            compiled([variant])
        self.entries[position] = self._entry(line.slot, variant, places)
        self._in_line, self._lines_run = None, 0

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
        if everything:
            self._run_all()
        elif self._most_change and self._lines_run > PAYS_AFTER * len(self.lines):
            self._run_in_line()
        else:
            self._run_changed(changed)
        self._give_out(dirty, *before)

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

    def _run_all(self) -> None:
        v, entries, start, position, checked = self.code.numbers, self.entries, 0, 0, False
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
            numbers = np.array([v[slot] for slot in self.targets.tolist()])
            if checked or np.isfinite(numbers).all():
                return
            checked, start = True, 0  # some number is infinite: it is found out where that begins

    def _run_in_line(self) -> None:
        """Runs all lines as one function: where most of them change each time, that is sooner done than asking."""
        if self._in_line is None and all(
            function is variant.function or type(function) is _AsItem
            for (_, function, _), variant in zip(self.entries, self.variants)
        ):
            self._in_line = InLine(self.entries, self.variants)
        v = self.code.numbers
        if self._in_line is not None:
            try:
                self._in_line(v)
                total = sum([v[slot] for slot in self.targets.tolist()])
                if total - total == 0:  # an infinite number shows in the sum
                    return
            except (*FAULTS, NotScalar, _Turned):
                pass
        self._run_all()

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

    def _give_out(self, dirty: np.ndarray, numbers_before: np.ndarray, kinds_before: np.ndarray) -> None:
        """Writes the lines' values into the cells, and marks those that changed."""
        calculation, v = self.code.calculation, self.code.numbers
        cells, targets = calculation.cells, self.targets
        numbers = np.array([v[slot] for slot in targets.tolist()], np.float64)
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
