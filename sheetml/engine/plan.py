"""Orders the blocks of a workbook into steps, each of which computes many cells at once.

Blocks that depend on each other in a circle of columns (a recurrence such as C5 = N4, N4 = f(C4)) are
taken apart into cells, which are put together again level by level. Cells that depend on themselves
are circular references.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sheetml.engine.block_values import defects_named
from sheetml.engine.cells import StoredCells
from sheetml.engine.components import strong_components
from sheetml.engine.data_tables import trial
from sheetml.engine.dependencies import cells_read, pairs_of, reads_of
from sheetml.engine.distinct import distinct
from sheetml.engine.evaluate import Context, Workspace
from sheetml.engine.formulas import Block
from sheetml.errors import CalculationError
from sheetml.formula.tree import Call, Node, walk


class CompiledLoop(Protocol):
    """What a scan may be compiled to."""

    slots: np.ndarray  # all slots read or written, those written first
    written: int  # how many are written

    def holds(self, cells: StoredCells) -> bool:
        """Whether it was made for cells like these."""
        ...

    def run(self, cells: StoredCells) -> np.ndarray | None:
        """The numbers of the written slots; None where it cannot compute them."""
        ...


@dataclass(slots=True, eq=False)
class Step:
    """Some or all cells of a block, computed together."""

    block: Block
    context: Context
    targets: np.ndarray  # slots written: (b, height, width)
    volatile: bool = False
    circular: bool = False
    reads: np.ndarray | None = None  # of a data table: all slots that it is computed from

    @property
    def cells(self) -> np.ndarray:
        """The slots of the cells that hold the formula."""
        return self.context.readers

    def part(self, index: np.ndarray) -> Step:
        """A step of some of the cells."""
        return Step(self.block, self.context.select(index), self.targets[index], self.volatile, reads=self.reads)

    def pairs(self, reduced: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """What the formula says that its cells read, one by one: the slots of readers, and of what each reads.

        With `reduced` only as much as orders them: not what a cell that is read reads of the same area.
        """
        if self.reads is None:
            return pairs_of(self.context, self.block.tree, reduced)
        return np.repeat(self.cells, self.reads.size), np.tile(self.reads, len(self.cells))


@dataclass(slots=True, eq=False)
class Stage:
    """Steps that belong together: one block, or the levels of blocks that depend on each other.

    A stage depends on earlier stages only, a step also on earlier steps of its stage.
    """

    steps: list[Step]
    targets: np.ndarray  # all slots written
    reads: np.ndarray  # slots read, as the formulas state them
    blocks: list[Step]  # the whole blocks the steps are made of
    dynamic_reads: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))
    loop: CompiledLoop | None = None  # a scan compiled, once it has been
    loop_tried: bool = False
    cells_read: int = 0  # by a scan, each as often as it is read
    singly: Any = None  # its cells one by one (compiled/one_by_one.py), once that has been tried
    singly_tried: bool = False

    @property
    def formulas(self) -> list[Block]:
        """The blocks that it computes."""
        return [step.block for step in self.blocks]

    def apart(self) -> list[Stage]:
        """The stages that it can be taken apart into, of which none depends on another: most are one."""
        return [self]

    def to_run(self, dirty: np.ndarray | None) -> list[Step]:
        """The steps that bring its cells up to date, or those of them that depend on marked ones."""
        return self.steps

    @property
    def volatile(self) -> bool:
        return any(step.volatile for step in self.blocks)

    @property
    def is_scan(self) -> bool:
        """Whether its blocks depend on each other, as in a recurrence."""
        return len(self.steps) > 1

    @property
    def is_circular(self) -> bool:
        """Whether some of its cells depend on themselves, by the text of their formulas."""
        return any(step.circular for step in self.steps)

    def depends_on(self, mask: np.ndarray) -> bool:
        """Whether any slot marked in the mask is read."""
        return bool(mask[self.reads].any()) or bool(mask[self.dynamic_reads].any())


@dataclass(slots=True, eq=False)
class Line:
    """A cell whose formula stands alone, or nearly: it is computed by itself, as a line of straight-line code."""

    block: Block
    cell: int  # which of the block's cells
    slot: int
    reads: tuple[int, ...]  # slots, each once
    formula: Any  # what compiled/straight.py makes of it

    def step(self, workspace: Workspace) -> Step:
        """It as a step of the vectors."""
        block, own = self.block, slice(self.cell, self.cell + 1)
        slots = np.array([self.slot], np.intp)
        context = Context(workspace, block.sheet, block.rows[own], block.columns[own], slots, cache={})
        return Step(block, context, slots.reshape(1, 1, 1))


class Straight(Stage):
    """Cells that are computed one by one, in order, as straight-line code (compiled/program.py)."""

    def __init__(self, lines: list[Line], stages: Stages) -> None:
        self.lines = lines
        self.targets = np.array([line.slot for line in lines], np.intp)
        self.reads = distinct(np.fromiter(itertools.chain.from_iterable(line.reads for line in lines), np.intp))
        self.dynamic_reads = np.zeros(0, np.intp)
        self.loop, self.loop_tried = None, True
        self.program: Any = None
        self._stages = stages
        self._steps: list[Step] | None = None
        self._blocks: list[Step] | None = None
        self._positions: dict[int, int] | None = None

    def position(self, slot: int) -> int:
        """Which of the lines computes a slot; -1 if none does."""
        if self._positions is None:
            self._positions = {line.slot: position for position, line in enumerate(self.lines)}
        return self._positions.get(slot, -1)

    def replace(self, position: int, line: Line) -> None:
        """Another formula for one of the cells, which reads only what is computed before it."""
        self.lines[position] = line
        more = np.setdiff1d(np.array(line.reads, np.intp), self.reads)
        self.reads = np.union1d(self.reads, more)  # what the former formula read may stay
        self._steps = self._blocks = None
        if self.program is not None:
            self.program.replace(position, more)

    @property
    def formulas(self) -> list[Block]:
        return list(dict.fromkeys(line.block for line in self.lines))

    @property
    def steps(self) -> list[Step]:  # type: ignore[override]
        if self._steps is None:
            self._steps = [line.step(self._stages.workspace) for line in self.lines]
        return self._steps

    @property
    def blocks(self) -> list[Step]:  # type: ignore[override]
        if self._blocks is None:
            self._blocks = [self._stages.of(block).blocks[0] for block in self.formulas]
        return self._blocks

    @property
    def volatile(self) -> bool:
        return False

    @property
    def is_scan(self) -> bool:
        return False

    def after(self, reached: np.ndarray) -> list[Line]:
        """The lines that read marked slots, or what others of them compute; what they compute is marked too."""
        marked, found = set(np.nonzero(reached)[0].tolist()), []
        for line in self.lines:
            if not marked.isdisjoint(line.reads):
                found.append(line)
                marked.add(line.slot)
        return found

    def before(self, needed: np.ndarray) -> list[Line]:
        """The lines that compute marked slots, or what others of them read."""
        marked, found = set(np.nonzero(needed)[0].tolist()), []
        for line in reversed(self.lines):
            if line.slot in marked:
                found.append(line)
                marked.update(line.reads)
        return found[::-1]

    def part(self, lines: list[Line]) -> Straight:
        """A stage of some of the lines."""
        return self if len(lines) == len(self.lines) else Straight(lines, self._stages)


@dataclass(slots=True)
class Plan:
    stages: list[Stage]
    has_tables: bool = False  # data tables, which read all that their formulas depend on

    def owner(self, count: int) -> np.ndarray:
        """Which stage writes a slot, -1 for none."""
        owner = np.full(count, -1, np.intp)
        for position, stage in enumerate(self.stages):
            owner[stage.targets] = position
        owner[0] = -1
        return owner


Pairs = tuple[np.ndarray, np.ndarray]


class Stages:
    """The stage of each block by itself, kept as long as the block's cells and all slots stay the same."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._known: dict[Block, tuple[tuple[object, ...], Stage]] = {}

    def of(self, block: Block) -> Stage:
        """The stage that computes a block."""
        state = (block.rows, block.columns, block.tree, block.size)
        known = self._known.get(block)
        if known is not None and all(mine is other for mine, other in zip(known[0], state)):
            return known[1]
        stage = _stage(block, self.workspace)
        if block.table is None:  # what a data table reads is found out anew with each plan
            self._known[block] = ((block.rows, block.columns, block.tree, block.size), stage)
        return stage

    def keep(self, blocks: list[Block]) -> None:
        """Forgets all other blocks."""
        self._known = {block: self._known[block] for block in blocks if block in self._known}


Lines = Callable[[list[Block]], dict[Block, list[Line]]]  # of those of the blocks whose cells are computed one by one
Together = Callable[[list[Block]], Sequence[Stage]]  # stages of several blocks, where they are computed at once


def make_plan(
    blocks: list[Block], workspace: Workspace, learned: Pairs, known: Stages, lines: Lines, together: Together
) -> Plan:
    """The order of calculation. `learned` are pairs of slots (reading, read) that runs have shown."""
    alone = lines(blocks)
    rest = [block for block in blocks if block not in alone]
    families = {stage.formulas[0]: stage for stage in together(rest)}
    joined = {block for stage in families.values() for block in stage.formulas}
    stages = [
        families[block] if block in families else known.of(block)
        for block in rest
        if block in families or block not in joined
    ]
    stages = ordered(stages, list(itertools.chain.from_iterable(alone.values())), workspace, learned, known)
    has_tables = any(block.table is not None for block in rest)
    if has_tables:
        _widen_tables(stages, workspace.slots.count)
    return Plan(stages, has_tables)


def replaced(plan: Plan, owner: np.ndarray, line: Line) -> bool:
    """Gives a cell that stands alone its new formula where the plan's order allows it; whether it does."""
    own = int(owner[line.slot])
    stage = plan.stages[own] if own >= 0 else None
    if plan.has_tables or not isinstance(stage, Straight):
        return False
    position = stage.position(line.slot)
    if len(stage.lines[position].block.rows):  # other cells had the same formula: they are numbered anew
        return False
    for read in line.reads:
        if owner[read] > own or (owner[read] == own and stage.position(read) >= position):
            return False
    stage.replace(position, line)
    return True


def ordered(whole: list[Stage], lines: list[Line], workspace: Workspace, learned: Pairs, known: Stages) -> list[Stage]:
    """Stages of single blocks and cells that stand alone, in order; blocks that depend on each other made one stage.

    Cells that stand alone follow each other as far as they can. Those in a circle are left to their blocks; blocks in
    a circle that would be computed together are taken apart.
    """
    count = len(whole) + len(lines)
    if not count:
        return []
    edges = _edges(whole, lines, workspace.slots.count, learned)
    circular = np.zeros(count, bool)
    circular[edges[0][edges[0] == edges[1]]] = True
    label = np.arange(count)
    order = _order(label, len(whole), edges)
    if len(order) < count:  # there are circles
        label = strong_components(count, *edges)
        circular |= np.bincount(label)[label] > 1
        order = _order(label, len(whole), edges)
    if circular[len(whole) :].any():
        blocks = {line.block for line, closed in zip(lines, circular[len(whole) :].tolist()) if closed}
        whole = whole + [known.of(block) for block in blocks]
        return ordered(whole, [line for line in lines if line.block not in blocks], workspace, learned, known)
    parts = [stage.apart() if closed else [stage] for stage, closed in zip(whole, circular.tolist())]
    if any(len(part) > 1 for part in parts):
        return ordered(list(itertools.chain.from_iterable(parts)), lines, workspace, learned, known)
    members: dict[int, list[int]] = {}
    for position, group in enumerate(label[: len(whole)].tolist()):
        members.setdefault(group, []).append(position)
    alone = dict(zip(label[len(whole) :].tolist(), lines))
    found: list[Stage] = []
    for stand_alone, stretch in itertools.groupby(order, alone.__contains__):
        if stand_alone:
            found.append(Straight([alone[group] for group in stretch], known))
            continue
        for group in stretch:
            own = members[group]
            is_scan = circular[own[0]]
            found.append(_scan([whole[each] for each in own], workspace, learned) if is_scan else whole[own[0]])
    return found


def _edges(whole: list[Stage], lines: list[Line], count: int, learned: Pairs) -> Pairs:
    """Which reads which (sources, readers), by position: the stages first, then the lines."""
    owner = Plan(whole).owner(count)
    if lines:
        owner[[line.slot for line in lines]] = np.arange(len(whole), len(whole) + len(lines))
    sizes = [stage.reads.size for stage in whole] + [len(line.reads) for line in lines]
    of_lines = np.fromiter(itertools.chain.from_iterable(line.reads for line in lines), np.intp)
    reads = np.concatenate([*(stage.reads for stage in whole), of_lines])
    readers = np.repeat(np.arange(len(sizes)), sizes)
    sources = np.concatenate([owner[reads], owner[learned[1]]])
    readers = np.concatenate([readers, owner[learned[0]]])
    kept = (sources >= 0) & (readers >= 0)
    codes = distinct(sources[kept] * len(sizes) + readers[kept])
    return codes // len(sizes), codes % len(sizes)


def _order(label: np.ndarray, stages: int, edges: Pairs) -> list[int]:
    """The groups of nodes (`label`, by node) in order, as far as there are no circles between them.

    The nodes from `stages` on stand alone: they follow each other as far as they can.
    """
    groups = int(label.max()) + 1
    sources, readers = label[edges[0]].astype(np.int64), label[edges[1]].astype(np.int64)
    codes = distinct((sources * groups + readers)[sources != readers])
    sources, readers = codes // groups, codes % groups
    waiting = np.bincount(readers, minlength=groups).tolist()
    followers = readers.tolist()
    bounds = np.searchsorted(sources, np.arange(groups + 1)).tolist()
    first = np.full(groups, len(label), np.intp)
    np.minimum.at(first, label, np.arange(len(label)))
    alone = np.zeros(groups, bool)
    alone[label[stages:]] = True
    is_alone = alone.tolist()
    free = [group for group in np.argsort(first, kind="stable").tolist() if not waiting[group]]
    ready: deque[int] = deque(group for group in free if is_alone[group])
    others: deque[int] = deque(group for group in free if not is_alone[group])
    order: list[int] = []
    while ready or others:
        group = ready.popleft() if ready else others.popleft()
        order.append(group)
        for follower in followers[bounds[group] : bounds[group + 1]]:
            waiting[follower] -= 1
            if not waiting[follower]:
                (ready if is_alone[follower] else others).append(follower)
    return order


def _widen_tables(stages: list[Stage], count: int) -> None:
    """Data tables read all that their formulas depend on: with other inputs, other cells may matter."""
    for place, stage in enumerate(stages):
        if all(block.table is None for block in stage.formulas):
            continue
        tables = [step for step in (*stage.blocks, *stage.steps) if step.reads is not None]
        if tables:
            needed = np.zeros(count, bool)
            needed[stage.reads] = True
            for earlier in reversed(stages[:place]):
                if needed[earlier.targets].any():
                    needed[earlier.reads] = True
            stage.reads = np.nonzero(needed)[0]
            for step in tables:
                step.reads = stage.reads


def _stage(block: Block, workspace: Workspace) -> Stage:
    slots = workspace.slots.locate(block.sheet, block.rows, block.columns)
    context = Context(workspace, block.sheet, block.rows, block.columns, slots, block.is_array, cache={})
    try:
        with defects_named():
            reads = reads_of(context, block.tree) if block.table is None else trial(block, workspace.slots).reads
    except CalculationError as error:
        block.give_up(str(error))
        reads = np.zeros(0, np.intp)
    step = Step(block, context, _targets(block, context), is_volatile(context, block.tree))
    step.reads = reads if block.table is not None else None
    return Stage([step], step.targets.reshape(-1), reads, [step])


def _targets(block: Block, context: Context) -> np.ndarray:
    if block.size in (None, (1, 1)):
        return context.readers.reshape(-1, 1, 1)
    height, width = block.size
    rows = context.rows[:, None, None] + np.arange(height)[None, :, None]
    columns = context.columns[:, None, None] + np.arange(width)[None, None, :]
    return context.workspace.slots.locate(block.sheet, rows, columns)


def is_volatile(context: Context, tree: Node | None) -> bool:
    """Whether the formula's text holds a function that gives another value at each calculation."""
    if tree is None:
        return False
    functions = context.workspace.functions
    called = (functions.get(node.function) for node in walk(tree) if isinstance(node, Call))
    return any(function is not None and function.volatile for function in called)


# ---- the order of cells within a circle of blocks ----------------------------------------------


def _scan(stages: list[Stage], workspace: Workspace, learned: Pairs) -> Stage:
    """One stage of blocks that depend on each other: their cells in order, level by level."""
    blocks = [stage.blocks[0] for stage in stages]
    starts = np.concatenate([[0], np.cumsum([len(block.cells) for block in blocks])])
    readers, sources = _cell_edges(blocks, starts, workspace, learned)
    count = int(starts[-1])
    remaining = np.ones(count, bool)
    steps: list[Step] = []
    for level in _levels(count, readers, sources):
        remaining[level] = False
        steps += _level_steps(level, blocks, starts)
    if remaining.any():
        steps += _circular_steps(remaining, readers, sources, blocks, starts)
    targets = np.concatenate([stage.targets for stage in stages])
    reads = distinct(np.concatenate([stage.reads for stage in stages]))
    return Stage(
        steps, targets, reads, blocks, cells_read=sum(cells_read(block.context, block.block.tree) for block in blocks)
    )


def _circular_steps(
    remaining: np.ndarray, readers: np.ndarray, sources: np.ndarray, blocks: list[Step], starts: np.ndarray
) -> list[Step]:
    """Steps for cells that depend on themselves, one a circle, and then for what depends on those."""
    count = remaining.size
    inside = remaining[readers] & remaining[sources]
    circle = strong_components(count, sources[inside], readers[inside])
    circular = remaining & (np.bincount(circle)[circle] > 1)
    circular[readers[readers == sources]] = True
    steps: list[Step] = []
    for number in distinct(circle[circular]):
        steps += _level_steps(np.nonzero(circular & (circle == number))[0], blocks, starts)
    for step in steps:
        step.circular = True
    # what only depends on a circle can be ordered once the circle is taken as given
    keep = inside & ~circular[readers] & ~circular[sources]
    for level in _levels(count, readers[keep], sources[keep], remaining & ~circular):
        steps += _level_steps(level, blocks, starts)
    return steps


def round_of(cells: np.ndarray, stage: Stage, workspace: Workspace, learned: Pairs) -> Stage:
    """One round of an iteration over some cells of a stage (by slot), in which all values of the last round stand.

    Excel goes through them sheet by sheet, row by row, from left to right; each formula sees what those before it
    came to in this round, and of those behind it what they came to in the last. Cells of which neither reads the
    other can change places in that order without changing a value: they are computed together.
    """
    blocks = [step.part(np.nonzero(np.isin(step.cells, cells))[0]) for step in stage.blocks]
    blocks = [step for step in blocks if len(step.cells)]
    starts = np.concatenate([[0], np.cumsum([len(step.cells) for step in blocks])])
    sheets = np.concatenate([np.full(len(step.cells), step.block.sheet) for step in blocks])
    rows, columns = (np.concatenate([getattr(step.context, name) for step in blocks]) for name in ("rows", "columns"))
    rank = np.empty(len(rows), np.intp)
    rank[np.lexsort((columns, rows, sheets))] = np.arange(len(rows))
    readers, sources = _cell_edges(blocks, starts, workspace, learned)
    later = np.where(rank[readers] > rank[sources], readers, sources)
    earlier = np.where(rank[readers] > rank[sources], sources, readers)
    codes = distinct((later * len(rank) + earlier)[later != earlier])
    levels = _levels(len(rank), codes // len(rank), codes % len(rank))
    steps = [step for level in levels for step in _level_steps(level, blocks, starts)]
    targets = np.concatenate([step.targets.reshape(-1) for step in blocks])
    return Stage(steps, targets, stage.reads, blocks)


def _cell_edges(steps: list[Step], starts: np.ndarray, workspace: Workspace, learned: Pairs) -> Pairs:
    """Which of the cells read which, by their positions in the concatenated blocks."""
    local = np.full(workspace.slots.count, -1, np.intp)
    for step, start in zip(steps, starts):
        positions = np.arange(start, start + len(step.cells))
        local[step.targets] = np.broadcast_to(positions[:, None, None], step.targets.shape)
    local[0] = -1
    pairs = [step.pairs(reduced=True) for step in steps] + [learned]
    readers = local[np.concatenate([reader for reader, _ in pairs])]
    sources = local[np.concatenate([source for _, source in pairs])]
    inside = (readers >= 0) & (sources >= 0)
    count = int(starts[-1])
    codes = distinct(readers[inside] * count + sources[inside])
    return codes // max(count, 1), codes % max(count, 1)


def _levels(
    count: int, readers: np.ndarray, sources: np.ndarray, among: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Cells that can be computed together, each level after those it reads; circles are left out."""
    order = np.argsort(sources, kind="stable")
    followers = readers[order].tolist()
    bounds = np.searchsorted(sources[order], np.arange(count + 1)).tolist()
    waiting = np.bincount(readers, minlength=count)
    free = waiting == 0
    level = np.nonzero(free if among is None else free & among)[0].tolist()
    waiting = waiting.tolist()
    while level:
        yield np.array(level, np.intp)
        reached = []
        for cell in level:
            for follower in followers[bounds[cell] : bounds[cell + 1]]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    reached.append(follower)
        level = sorted(reached)


def _level_steps(level: np.ndarray, blocks: list[Step], starts: np.ndarray) -> list[Step]:
    """A step for each block that has cells in the level."""
    owner = np.searchsorted(starts, level, "right") - 1
    return [blocks[number].part(level[owner == number] - starts[number]) for number in distinct(owner)]
