"""Cells whose formulas stand alone, computed as straight-line code on plain floats.

What is compiled is a formula's skeleton (formula/skeleton.py), for the kinds of values that it finds in the cells it
reads: a `Variant`, a function of the numbers of all cells and of the slots it reads. A workbook of thousands of
formulas has few of them. The cells are computed one after another in the order of the plan; an error leaves a formula
as an exception, and where a cell's value is of another kind than before, the formulas that read it get the variant for
that kind. What no variant can be made of (text, say) is evaluated as a vector of one cell.
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
from sheetml.engine.compiled.expressions import AREA, CALLS, NO_NUMBERS, NODES, OPERATORS, Typed, expression
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.locating import FIRST, OWN_SHEET, SECOND, SINGLE, Locator, Readers, Shape
from sheetml.engine.compiled.numbers import CALLED, FAULTS, Fault, code_of
from sheetml.engine.evaluate import Workspace
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Line, Step, Straight
from sheetml.engine.scope import Scope
from sheetml.engine.values import BLANK, ERROR, NUM, NUMBER, TEXT, Value
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.skeleton import Skeletons, skeletons
from sheetml.formula.tree import Binary, Call, Node, Number, Range, Unary, walk
from sheetml.garbage import collection_paused


class Calculated(Protocol):
    """The calculation whose cells are computed."""

    slots: Slots
    scope: Scope
    cells: StoredCells
    workspace: Workspace
    revision: int

    def evaluate_step(self, step: Step) -> Value: ...


FEW_CELLS = 8  # of a block: with more of them they are computed at once, as a vector
MOST_READ = 1024  # cells that one formula reads
LONGEST = 4000  # characters of a formula
NO_SHAPE = Shape([], [])


@dataclass(slots=True)
class Variant:
    """A skeleton compiled, for what the cells hold that it reads."""

    term: Term
    kind: int  # NUMBER or BOOLEAN
    function: Callable[..., float] | None = None
    back: Callable[..., None] | None = None  # of v, the adjoints by slot, the cell's own, and the places

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
    variants: dict[tuple[int, ...], Variant] = field(default_factory=dict)
    shape: Shape = field(init=False)
    of_numbers: Variant | None = None  # where all that it reads are numbers
    _order: Callable[[list[Any]], tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        roles, sheets = [], []
        order: dict[str, list[int]] = {"cell": [], "number": [], "area": []}
        for place, (what, sheet, _) in enumerate(self.places):
            order[what].append(place)
            if what != "number":
                own = [SINGLE] if what == "cell" else [FIRST, SECOND]
                roles += own
                sheets += [OWN_SHEET if sheet is None else sheet] * len(own)
        self.shape = Shape(roles, sheets)
        self._order = items_at(np.argsort([place for each in order.values() for place in each]).tolist())

    def in_order(self, cells: list[int], numbers: list[float], areas: list[tuple[int, ...]]) -> tuple[Any, ...]:
        """What stands at the places, of which the cells, the numbers and the areas are given in their order."""
        return self._order([*cells, *numbers, *areas])

    def for_numbers(self) -> Variant:
        """The variant where all that is read are numbers."""
        if self.of_numbers is None:
            self.of_numbers = self.variant((NUMBER,) * len(self.places))
        return self.of_numbers

    def variant(self, kinds: tuple[int, ...]) -> Variant:
        found = self.variants.get(kinds)
        if found is None:
            try:
                typed: Typed = expression(self.tree, self.last_sum, self.leaves, kinds)
                found = Variant(typed.term, typed.kind)
            except NotScalar:
                found = CAREFUL
            self.variants[kinds] = found
        return found


@dataclass(slots=True)
class Formula:
    """One cell's formula: its template, and what stands at the template's places."""

    template: Template
    places: tuple[Any, ...]  # a slot, the slots of an area, or a number
    all_there: bool  # each of its cells has a slot, and each of its areas at least one


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
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.function = namespace[f"f{number}"]


def _source(name: str, variant: Variant) -> str:
    writer = _Writer()
    text = writer.text(variant.term)
    if variant.kind != NUMBER:
        text = f"float({text})"
    return f"def {name}(v, {', '.join([*writer.parameters, '*_'])}):\n    return {text}"


def compiled_back(variants: Iterable[Variant]) -> None:
    """Compiles the passes back that have not been compiled yet. Raises NotScalar where there is none."""
    new = [variant for variant in {id(each): each for each in variants}.values() if variant.back is None]
    sources = []
    for number, variant in enumerate(new):
        writer = _Writer()
        found = Pass(writer.text)
        found.back(variant.term, "adjoint", "    ")
        writer.text(variant.term)  # which takes note of all places
        body = "\n".join(found.lines or ["    pass"])
        sources.append(f"def b{number}(v, g, adjoint, {', '.join([*writer.parameters, '*_'])}):\n{body}")
    namespace = {**CALLED, "slope_by_base": slope_by_base}
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.back = namespace[f"b{number}"]


Entry = tuple[int, Any, tuple[Any, ...]]  # a line ready to run: its slot, its function, and what that is given


class _Writer:
    """A term as an expression, in which what is needed twice gets a name where it is met first."""

    def __init__(self) -> None:
        self.named = 0
        self.most = -1

    @property
    def parameters(self) -> list[str]:
        return [f"p{place}" for place in range(self.most + 1)]

    def leaf(self, term: Term) -> str:
        """A place: a cell by its slot, or what the function is given there."""
        return f"p{term.place}" if term.operation in (AREA, "constant") else f"v[p{term.place}]"

    def text(self, term: Term) -> str:
        if term.place >= 0:
            self.most = max(self.most, term.place)
            return self.leaf(term)
        operands = [self.operand(term, position) for position in range(len(term.operands))]
        return _filled(term.template, operands)

    def operand(self, term: Term, position: int) -> tuple[str, str]:
        """The text of an operand where it is met first, and after that."""
        operand = term.operands[position]
        if operand.place >= 0:
            self.most = max(self.most, operand.place)
            name = self.leaf(operand)
            return name, name
        text = self.text(operand)
        if term.template.count(f"{{{position}}}") < 2 or not operand.operands:
            return text, text
        self.named += 1
        return f"(t{self.named} := {text})", f"t{self.named}"


def _filled(template: str, operands: list[tuple[str, str]]) -> str:
    parts = template.split("{")
    text, met = parts[0], set()
    for part in parts[1:]:
        position, rest = part.split("}", 1)
        first, later = operands[int(position)]
        text += (later if position in met else first) + rest
        met.add(position)
    return text


# ---- from blocks to lines ----------------------------------------------------------------------


class StraightCode:
    """The straight-line code of a calculation: the lines of its plan, and the numbers of the cells they touch."""

    def __init__(self, calculation: Calculated) -> None:
        self.calculation = calculation
        self._templates: dict[str, Template | None] = {}
        self._lines: dict[Block, tuple[Any, list[Line] | None]] = {}
        self.numbers: list[float] = []  # by slot; of those that lines touch
        self.kinds = bytearray()

    def forget(self) -> None:
        """Cells have got slots: what was located before is to be located again."""
        self._lines = {}

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
        able = [place for place, text in enumerate(which) if templates[text] is not None]
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
            own.discard(0)
            given = template.in_order(cells, constants[first_numbers[formula] : first_numbers[formula + 1]], areas)
            cell = cell + 1 if group == last else 0
            last = group
            all_there = 0 not in cells and () not in areas
            yield Line(blocks[group], cell, slot, tuple(own), Formula(template, given, all_there))

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
        except FormulaError:
            return None
        leaves: dict[int, int] = {}
        places: list[tuple[str, int | None, int]] = []
        corners, constants = _corners(taken, formula), taken.numbers_of(formula)
        cells = numbers = 0
        for node in walk(tree):
            if type(node) not in NODES or (isinstance(node, Call) and node.function not in CALLS):
                return None
            if isinstance(node, (Unary, Binary)) and node.operator not in OPERATORS:
                return None
            if isinstance(node, Number):
                if constants[numbers : numbers + 1] != [node.value]:
                    return None
                leaves[id(node)] = len(places)
                places.append(("number", None, numbers))
                numbers += 1
            elif isinstance(node, Range):
                sheet = None if node.sheet is None else self.calculation.scope.sheet(node.sheet)
                if node.last_sheet is not None or (node.sheet is not None and sheet is None):
                    return None
                if not _states(node, corners[cells : cells + (1 if node.cell else 2)], block.origin):
                    return None
                leaves[id(node)] = len(places)
                places.append(("cell" if node.cell else "area", sheet, cells))
                cells += 1 if node.cell else 2
        if cells != len(corners) or numbers != len(constants):
            return None
        return Template(tree, Block.last_sum_of(tree, block.text), leaves, places)

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
            else:
                own = [kinds[slot] for slot in place]
                if any(own):
                    errors = [kind for kind in own if kind >= ERROR]
                    place = tuple([slot for slot, kind in zip(place, own) if kind == NUMBER])
                    key.append(
                        (max(errors) if ERROR + 64 in errors else errors[0])
                        if errors
                        else NUMBER
                        if place
                        else NO_NUMBERS
                    )
                else:
                    key.append(NUMBER if own else NO_NUMBERS)
                given.append(place)
        return formula.template.variant(tuple(key)), tuple(given)

    # ---- running

    def run(self, stage: Straight, dirty: np.ndarray, everything: bool, sheet: int | None = None) -> None:
        """Brings the cells of a stage up to date, or those of it on one sheet, and marks those that changed."""
        self._make_room()
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
            self.kinds += bytes([BLANK]) * more


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


class _Careful(Exception):
    """The formula is to be evaluated as a vector."""


class _Recovered(Exception):
    """A formula that had an error, or a value of another kind, has one of the expected kind."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number


def _careful(v: Sequence[float]) -> float:
    raise _Careful


class _Retry:
    """A variant's function for a cell that has held a value of another kind."""

    def __init__(self, function: Callable[..., float]) -> None:
        self.function = function

    def __call__(self, v: Sequence[float], *places: Any) -> float:
        number = self.function(v, *places)
        if number - number != 0:
            raise Fault(NUM)
        raise _Recovered(number)


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
        self._readers: dict[int, list[int]] | None = None
        self._known_numbers = self._known_kinds = np.zeros(0)
        self._numbers_of = items_at(stage.targets.tolist())
        self._machine: ByMachine | None = None
        self._behind = False  # the machine has computed numbers which the list of them does not hold yet
        self._lines_run = 0  # one by one, since the lines were last chosen
        self._most_change = False  # in the last calculation most lines changed
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
        chosen = []
        for line in self.lines:
            variant, places = self.code.chosen(line, self.code.kinds)
            chosen.append((line.slot, variant, places))
            if everything and variant is not CAREFUL:
                kinds[line.slot] = variant.kind
        self.variants = [variant for _, variant, _ in chosen]
        compiled(variant for variant in self.variants if variant is not CAREFUL)
        self.entries = [self._entry(*each) for each in chosen]

    def _entry(self, slot: int, variant: Variant, places: tuple[Any, ...]) -> tuple[int, Any, tuple[Any, ...]]:
        """What is run for a line."""
        if variant is CAREFUL:
            return slot, _careful, ()
        assert variant.function is not None
        return slot, variant.function if self.code.kinds[slot] == variant.kind else _Retry(variant.function), places

    def _choose_again(self, position: int) -> None:
        """Gives a line the variant for what its cells hold now."""
        line = self.lines[position]
        variant, places = self.code.chosen(line, self.code.kinds)
        self.variants[position] = variant
        if variant is not CAREFUL:
            compiled([variant])
        self.entries[position] = self._entry(line.slot, variant, places)
        self._machine, self._lines_run = None, 0

    def replace(self, position: int, more: np.ndarray) -> None:
        """Takes up that a line has another formula, which reads some slots that none has read before."""
        cells, code = self.code.calculation.cells, self.code
        more = np.setdiff1d(more, self.touched)
        numbers, kinds = cells.number[more], cells.kind[more]
        for slot, number, kind in zip(more.tolist(), numbers.tolist(), kinds.tolist()):
            code.numbers[slot] = number
            code.kinds[slot] = kind
        self.touched = np.concatenate([self.touched, more])
        self._known_numbers = np.concatenate([self._known_numbers, numbers])
        self._known_kinds = np.concatenate([self._known_kinds, kinds])
        if self._readers is not None:
            for slot in self.lines[position].reads:
                self._readers.setdefault(slot, []).append(position)
        self._choose_again(position)

    def _kind_changed(self, slot: int, kind: int) -> None:
        """A cell holds a value of another kind: the lines that read it get other variants."""
        self.code.kinds[slot] = kind
        if self._readers is None:  # by slot: the line that computes it, and those that read it
            self._readers = {line.slot: [position] for position, line in enumerate(self.lines)}
            for position, line in enumerate(self.lines):
                for read in line.reads:
                    self._readers.setdefault(read, []).append(position)
        for position in self._readers.get(slot, ()):
            self._choose_again(position)

    # ---- running

    def run(self, dirty: np.ndarray, everything: bool) -> None:
        calculation = self.code.calculation
        cells, problems = calculation.cells, calculation.workspace.problems
        for slot in self.targets.tolist() if problems else ():
            problems.pop(slot, None)
        changed = self._taken_in(dirty)
        before = cells.number[self.targets], cells.kind[self.targets]
        self._texts_changed: list[int] = []
        if self._machine is None and (everything or self._most_change) and pays(len(self.lines), self._lines_run):
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
            except (*FAULTS, _Careful, _Recovered) as found:
                self._settle(position, found, None)
                start = position + 1
                continue
            if checked or np.isfinite(self._numbers()).all():
                return
            checked, start = True, begin  # some number is infinite: it is found out where that begins

    # ---- by the machine

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
            if kinds[read] != TEXT:
                v[read] = float(registers[read])
        try:
            number = function(v, *places)
            if number - number != 0:
                raise Fault(NUM)
            v[slot] = number
        except (*FAULTS, _Careful, _Recovered) as found:
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
            except (*FAULTS, _Careful, _Recovered) as found:
                self._settle(position, found, changed)
                start = position + 1

    def _settle(self, position: int, found: BaseException, changed: set[int] | None) -> None:
        """What is to be done where a line did not simply give a number of the expected kind."""
        v, kinds, line = self.code.numbers, self.code.kinds, self.lines[position]
        variant = self.variants[position]
        before = v[line.slot], kinds[line.slot]
        if isinstance(found, _Careful):
            v[line.slot], kind = self._carefully(line, changed)
        elif isinstance(found, _Recovered):
            v[line.slot], kind = found.number, variant.kind
        else:
            v[line.slot], kind = 0.0, ERROR + code_of(found)
        if changed is not None and before != (v[line.slot], kind):
            changed.add(line.slot)
        if kinds[line.slot] != kind:
            self._kind_changed(line.slot, kind)

    def _carefully(self, line: Line, changed: set[int] | None) -> tuple[float, int]:
        """A line's value evaluated as a vector of one cell: its number and its kind."""
        calculation, v, kinds = self.code.calculation, self.code.numbers, self.code.kinds
        cells = calculation.cells
        for slot in line.reads:
            cells.number[slot], cells.kind[slot] = v[slot], kinds[slot]
        calculation.workspace.problems.pop(line.slot, None)
        value = calculation.evaluate_step(line.step(calculation.workspace))
        kind = int(value.kinds[0, 0, 0])
        if kind == TEXT:
            text = value.texts[0, 0, 0]
            if cells.text[line.slot] != text or kinds[line.slot] != TEXT:
                self._texts_changed.append(line.slot)
                if changed is not None:
                    changed.add(line.slot)
            cells.text[line.slot] = text
        return float(np.asarray(value.number)[0, 0, 0]), kind

    def _give_out(
        self, dirty: np.ndarray, numbers: np.ndarray, numbers_before: np.ndarray, kinds_before: np.ndarray
    ) -> None:
        """Writes the lines' values into the cells, and marks those that changed."""
        calculation = self.code.calculation
        cells, targets = calculation.cells, self.targets
        kinds = np.frombuffer(self.code.kinds, np.uint8)[targets]
        cells.number[targets], cells.kind[targets] = numbers, kinds
        moved = (numbers != numbers_before) | (kinds != kinds_before)
        self._most_change = bool(2 * np.count_nonzero(moved) > len(targets))
        if moved.any() or self._texts_changed:
            dirty[targets[moved]] = True
            dirty[self._texts_changed] = True
            calculation.revision += 1
        calculation.workspace.pending[targets] = False
        self._known_numbers, self._known_kinds = cells.number[self.touched], cells.kind[self.touched]
