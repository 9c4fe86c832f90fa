"""Blocks whose formulas differ in nothing but the cells and the constants they name: they are computed at once.

DSUM(A1:D9,"a",F1:F2) and DSUM(A1:D9,"b",G1:G2) are no block, as neither is the other filled down; but they have one
skeleton (formula/skeleton.py), and one evaluation over arrays serves both: where their trees differ stands a node whose
value is each cell's own (`VaryingRange` and its kind). Such a family is parsed, planned and evaluated as often as
one block is. Who asks for its steps (an explanation, a derivative) gets those of the blocks, each by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sheetml.engine import functions
from sheetml.engine.areas import Reference, from_corners, single_cells
from sheetml.engine.block_values import defects_named
from sheetml.engine.dependencies import read_references, reads_of, slots_read
from sheetml.engine.evaluate import Context, Result, VaryingNumber, VaryingRange, VaryingText, Workspace
from sheetml.engine.formulas import Block, take_apart
from sheetml.engine.plan import Stage, Stages, Step
from sheetml.engine.values import Value, text_value
from sheetml.errors import CalculationError
from sheetml.formula.skeleton import strings_of, without_strings
from sheetml.formula.tree import (
    Apply,
    ArrayConstant,
    Binary,
    Call,
    ExternalReference,
    Name,
    Node,
    Number,
    Range,
    Text,
    Unary,
    replaced,
    walk,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

FEW_CELLS = 8  # of a block: with more of them it is worth a plan of its own
MOST_TOGETHER = 200  # cells: fewer than may fail one by one (block_values.py) before others are blamed with them
_MOST_LOCATED = 1_000_000  # cells that a family reads, to find which of its cells depend on what changed
_DISCOVER = frozenset({"OFFSET", "INDIRECT"})  # which cells they read only shows when they are run
_FUNCTION = re.compile(r"[A-Za-z.]+\(")


class Family(Stage):
    """A stage of several blocks, none of which reads another, that are computed as one step."""

    def __init__(self, members: list[Block], together: Step, reads: np.ndarray, stages: Stages) -> None:
        self.members = members
        self.together = together
        self.targets = together.targets.reshape(-1)
        self.reads = reads
        self.dynamic_reads = np.zeros(0, np.intp)
        self.loop, self.loop_tried = None, True
        self.singly, self.singly_tried = None, True
        self.cells_read = 0
        self._stages = stages

    @property
    def formulas(self) -> list[Block]:
        return self.members

    @property
    def steps(self) -> list[Step]:  # type: ignore[override]
        return self.blocks

    @property
    def blocks(self) -> list[Step]:  # type: ignore[override]
        return [step for stage in self.apart() for step in stage.blocks]

    @property
    def volatile(self) -> bool:
        return False

    @property
    def is_scan(self) -> bool:
        return False

    @property
    def is_circular(self) -> bool:
        return False

    def apart(self) -> list[Stage]:
        parts = [self._stages.of(block) for block in self.members]
        for part in parts:
            part.dynamic_reads = self.dynamic_reads  # which of them reads what is not known
        return parts

    def to_run(self, dirty: np.ndarray | None) -> list[Step]:
        if dirty is None or dirty[self.dynamic_reads].any():
            return [self.together]
        own = self._depending(dirty)
        if own is None or own.all() or not own.any():  # none: cells have come where it had looked
            return [self.together]
        return [self.together.part(np.flatnonzero(own))]

    def _depending(self, dirty: np.ndarray) -> np.ndarray | None:
        """Which of the cells hold a marked cell's formula, or read a marked cell, (b,); None for perhaps all."""
        context, tree = self.together.context, self.together.block.tree
        assert tree is not None
        own: np.ndarray = dirty[context.readers]
        for reference in read_references(context, tree, scalar=True):
            if reference.count == 1:
                if dirty[slots_read(context, reference)].any():
                    return None
            elif reference.count * int(reference.height.max()) * int(reference.width.max()) > _MOST_LOCATED:
                return None
            else:
                own = own | dirty[context.slots_of(reference)].any(axis=(1, 2))
        return own


class _Taken(NamedTuple):
    """A formula taken apart: the rows and columns of the cells it names, which of them are fixed, and its constants."""

    rows: list[int]
    columns: list[int]
    fixed: list[tuple[bool, bool]]
    numbers: list[float]
    strings: list[str]


class Families:
    """The families among a workbook's blocks, kept as long as their blocks and all slots stay the same."""

    def __init__(self, workspace: Workspace, stages: Stages) -> None:
        self.workspace = workspace
        self._stages = stages
        self._known: dict[tuple[int, ...], tuple[list[tuple[Block, np.ndarray]], Family | None]] = {}

    def of(self, blocks: list[Block]) -> list[Family]:
        """The families among the blocks."""
        similar: dict[tuple[object, ...], list[Block]] = {}
        for block in blocks:
            if block.is_brief(FEW_CELLS):
                similar.setdefault(_outline(block), []).append(block)
        candidates = [block for each in similar.values() if len(each) > 1 for block in each]
        take_apart(candidates)
        alike: dict[tuple[int, str], list[Block]] = {}
        for block in candidates:
            alike.setdefault((block.sheet, without_strings(_skeleton(block))), []).append(block)
        known, self._known = self._known, {}
        families = [self._family(part, known) for each in alike.values() for part in _divided(each)]
        return [family for family in families if family is not None]

    def _family(
        self,
        members: list[Block],
        known: dict[tuple[int, ...], tuple[list[tuple[Block, np.ndarray]], Family | None]],
    ) -> Family | None:
        key = tuple(map(id, members))
        before = known.get(key)
        if before is None or any(block.rows is not rows for block, rows in before[0]):
            before = [(block, block.rows) for block in members], self._made(members)
        self._known[key] = before
        return before[1]

    def _made(self, members: list[Block]) -> Family | None:
        first = members[0]
        if first.tree is None or not self._is_plain(first.tree, first.sheet):
            return None
        taken = list(map(_taken, members))
        rows, columns = (np.concatenate([getattr(block, name) for block in members]) for name in ("rows", "columns"))
        leaves = _Leaves(self.workspace, members, taken)
        tree = leaves.put_into(first.tree)
        if tree is None:
            return None
        slots = self.workspace.slots.locate(first.sheet, rows, columns)
        context = Context(self.workspace, first.sheet, rows, columns, slots, cache={})
        context.leaves = leaves.values
        try:
            with defects_named():
                reads = reads_of(context, tree)
        except CalculationError:
            return None
        block = Block(first.sheet, first.text, tree, rows, columns, origin=first.origin)
        return Family(members, Step(block, context, slots.reshape(-1, 1, 1)), reads, self._stages)

    def _is_plain(self, tree: Node, sheet: int) -> bool:
        """Whether the formula's text says all that it reads, and nothing in it depends on how often it is run."""
        for node in walk(tree):
            match node:
                case Call():
                    function = functions.FUNCTIONS.get(node.function)
                    if function is None or function.volatile or node.function in _DISCOVER:
                        return False
                    if function.family == "lambdas" or self.workspace.functions.get(node.function) is not function:
                        return False
                case Name():
                    named = self.workspace.scope.name(node.name, sheet, node.sheet)
                    if any(isinstance(part, (Call, Apply, Name, ExternalReference)) for part in walk(named)):
                        return False
                case Apply() | ExternalReference() | Unary(operator="#") | Binary(operator=":"):
                    return False
        return True


def _outline(block: Block) -> tuple[object, ...]:
    """What is alike in all of a family, and soon told."""
    text = block.text
    first = _FUNCTION.search(text)
    return block.sheet, first and first[0], text.count("("), text.count(","), text.count('"'), text.count("!")


def _skeleton(block: Block) -> str:
    assert block.skeleton is not None
    return block.skeleton[0].text(block.skeleton[1])


def _taken(block: Block) -> _Taken:
    """A block's formula taken apart."""
    assert block.skeleton is not None
    found, number = block.skeleton
    own, strings = found.cells(number), strings_of(found.text(number))
    fixed = list(zip(found.row_fixed[own].tolist(), found.column_fixed[own].tolist()))
    return _Taken(found.rows[own].tolist(), found.columns[own].tolist(), fixed, found.numbers_of(number), strings)


def _divided(blocks: list[Block]) -> Iterator[list[Block]]:
    """Blocks in parts of so many cells as are computed together; what is alone is none."""
    part: list[Block] = []
    cells = 0
    for block in blocks:
        if cells + len(block.rows) > MOST_TOGETHER:
            yield part
            part, cells = [], 0
        part.append(block)
        cells += len(block.rows)
    if len(part) > 1:
        yield part


class _Leaves:
    """What stands in the place of the cells and constants in a family's formulas: each cell's own."""

    def __init__(self, workspace: Workspace, members: list[Block], taken: list[_Taken]) -> None:
        self.values: list[Result] = []
        self._workspace = workspace
        self._first = members[0]
        self._counts = [len(block.rows) for block in members]
        self._taken = taken
        self._rows, self._columns = _corners(members, taken)
        self._at = {"cells": 0, "numbers": 0, "strings": 0}
        self._fits = True

    def put_into(self, tree: Node) -> Node | None:
        """The tree with nodes that vary; None where the text does not show which is which."""
        found = replaced(tree, self._varying)
        taken = self._taken[0]
        ends = {"cells": len(taken.rows), "numbers": len(taken.numbers), "strings": len(taken.strings)}
        return found if self._fits and ends == self._at else None

    def _varying(self, node: Node) -> Node:
        if isinstance(node, Range):
            return self._area(node)
        if isinstance(node, Number):
            return self._constant(node, "numbers", [taken.numbers for taken in self._taken])
        if isinstance(node, Text) and self._taken[0].strings:
            return self._constant(node, "strings", [taken.strings for taken in self._taken])
        if isinstance(node, ArrayConstant):
            self._fits = False
        return node

    def _area(self, node: Range) -> Node:
        scope, first, at = self._workspace.scope, self._first, self._at["cells"]
        sheet = first.sheet if node.sheet is None else scope.sheet(node.sheet)
        size = 1 if node.cell else 2
        self._at["cells"] += size
        rows, columns = self._rows[:, at : at + size], self._columns[:, at : at + size]
        if sheet is None or node.last_sheet is not None or rows.shape[1] < size:
            self._fits = False
            return node
        own = first.rows[0], first.columns[0]
        stated = {node.top.at(own[0]), node.bottom.at(own[0])}, {node.left.at(own[1]), node.right.at(own[1])}
        if stated != (set(rows[0].tolist()), set(columns[0].tolist())):
            self._fits = False
            return node
        if (rows == rows[0]).all() and (columns == columns[0]).all():
            rows, columns = rows[:1], columns[:1]
        area: Reference
        if node.cell:
            area = single_cells(sheet, rows[:, 0], columns[:, 0])
        else:
            area = from_corners(sheet, (rows[:, 0], rows[:, 1]), (columns[:, 0], columns[:, 1]))
        self.values.append(area)
        return VaryingRange(
            node.top, node.left, node.bottom, node.right, node.sheet, None, node.cell, len(self.values) - 1
        )

    def _constant(self, node: Number | Text, what: str, all_of_them: Sequence[list[float] | list[str]]) -> Node:
        at = self._at[what]
        self._at[what] += 1
        own = [each[at] if at < len(each) else None for each in all_of_them]
        if own[0] != node.value:
            self._fits = False
        if all(item == own[0] for item in own):
            return node
        spread = np.repeat(np.array(own, float if what == "numbers" else object), self._counts).reshape(-1, 1, 1)
        self.values.append(Value(spread) if isinstance(node, Number) else text_value(spread))
        leaf = len(self.values) - 1
        return VaryingNumber(node.value, leaf) if isinstance(node, Number) else VaryingText(node.value, leaf)


def _corners(members: list[Block], taken: list[_Taken]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns of the cells that each formula names, (cells of all members, cells named)."""
    rows: list[list[int]] = []
    columns: list[list[int]] = []
    for block, each in zip(members, taken):
        assert block.origin is not None
        for row, column in zip(block.rows.tolist(), block.columns.tolist()):
            down, right = row - block.origin[0], column - block.origin[1]
            if not down and not right:
                rows.append(each.rows)
                columns.append(each.columns)
                continue
            rows.append([at if own else (at + down - 1) % MAX_ROWS + 1 for at, (own, _) in zip(each.rows, each.fixed)])
            columns.append(
                [at if own else (at + right - 1) % MAX_COLUMNS + 1 for at, (_, own) in zip(each.columns, each.fixed)]
            )
    shape = len(rows), len(taken[0].rows)
    return np.array(rows, np.int64).reshape(shape), np.array(columns, np.int64).reshape(shape)
