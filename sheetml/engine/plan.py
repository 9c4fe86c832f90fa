"""Orders the blocks of a workbook into steps, each of which computes many cells at once.

Blocks that depend on each other in a circle of columns (a recurrence such as C5 = N4, N4 = f(C4)) are
taken apart into cells, which are put together again level by level. Cells that depend on themselves
are circular references.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sheetml.engine.block_values import defects_named
from sheetml.engine.cells import StoredCells
from sheetml.engine.data_tables import trial
from sheetml.engine.dependencies import pairs_of, reads_of
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

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """What the formula says that its cells read, one by one: the slots of readers, and of what each reads."""
        if self.reads is None:
            return pairs_of(self.context, self.block.tree)
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
    singly: Any = None  # its cells one by one (compiled/one_by_one.py), once that has been tried
    singly_tried: bool = False

    @property
    def volatile(self) -> bool:
        return any(step.volatile for step in self.blocks)

    @property
    def is_scan(self) -> bool:
        """Whether its blocks depend on each other, as in a recurrence."""
        return len(self.steps) > 1

    def depends_on(self, mask: np.ndarray) -> bool:
        """Whether any slot marked in the mask is read."""
        return bool(mask[self.reads].any()) or bool(mask[self.dynamic_reads].any())


@dataclass(slots=True)
class Plan:
    stages: list[Stage]

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
        self._workspace = workspace
        self._known: dict[Block, tuple[tuple[object, ...], Stage]] = {}

    def of(self, block: Block) -> Stage:
        """The stage that computes a block."""
        state = (block.rows, block.columns, block.tree, block.size)
        known = self._known.get(block)
        if known is not None and all(mine is other for mine, other in zip(known[0], state)):
            return known[1]
        stage = _stage(block, self._workspace)
        if block.table is None:  # what a data table reads is found out anew with each plan
            self._known[block] = ((block.rows, block.columns, block.tree, block.size), stage)
        return stage

    def keep(self, blocks: list[Block]) -> None:
        """Forgets all other blocks."""
        self._known = {block: self._known[block] for block in blocks if block in self._known}


def make_plan(blocks: list[Block], workspace: Workspace, learned: Pairs, known: Stages) -> Plan:
    """The order of calculation. `learned` are pairs of slots (reading, read) that runs have shown."""
    stages = ordered([known.of(block) for block in blocks], workspace, learned)
    _widen_tables(stages, workspace.slots.count)
    return Plan(stages)


def ordered(whole: list[Stage], workspace: Workspace, learned: Pairs) -> list[Stage]:
    """Stages of single blocks in order, those that depend on each other made one."""
    owner = Plan(whole).owner(workspace.slots.count)
    edges = _block_edges(whole, owner, learned)
    stages = []
    for members in _components(len(whole), edges):
        if len(members) == 1 and (members[0], members[0]) not in edges:
            stages.append(whole[members[0]])
        else:
            stages.append(_scan([whole[member] for member in members], workspace, learned))
    return stages


def _widen_tables(stages: list[Stage], count: int) -> None:
    """Data tables read all that their formulas depend on: with other inputs, other cells may matter."""
    for place, stage in enumerate(stages):
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
        block.tree, block.table, block.problem, reads = None, None, str(error), np.zeros(0, np.intp)
    step = Step(block, context, _targets(block, context), is_volatile(context, block.tree))
    step.reads = reads if block.table is not None else None
    return Stage([step], step.targets.reshape(-1), reads, [step])


def _targets(block: Block, context: Context) -> np.ndarray:
    height, width = block.size or (1, 1)
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


# ---- the order of blocks -----------------------------------------------------------------------


def _block_edges(stages: list[Stage], owner: np.ndarray, learned: Pairs) -> set[tuple[int, int]]:
    """Pairs (source, reader) of blocks."""
    edges: set[tuple[int, int]] = set()
    for reader, stage in enumerate(stages):
        sources = np.unique(owner[stage.reads])
        edges.update((int(source), reader) for source in sources if source >= 0)
    if learned[0].size:
        edges.update(zip(owner[learned[1]].tolist(), owner[learned[0]].tolist()))
    return {(source, reader) for source, reader in edges if source >= 0 and reader >= 0}


def _components(count: int, edges: set[tuple[int, int]]) -> Iterator[list[int]]:
    """Groups of blocks that depend on each other, each group after those it depends on."""
    if not count:
        return
    sources = np.array([source for source, _ in edges], np.intp)
    readers = np.array([reader for _, reader in edges], np.intp)
    groups, label = _strong_components(count, sources, readers)
    members: list[list[int]] = [[] for _ in range(groups)]
    for block, group in enumerate(label.tolist()):
        members[group].append(block)
    followers: list[set[int]] = [set() for _ in range(groups)]
    for source, reader in edges:
        if label[source] != label[reader]:
            followers[label[source]].add(int(label[reader]))
    waiting = [0] * groups
    for group in range(groups):
        for follower in followers[group]:
            waiting[follower] += 1
    ready = deque(sorted((g for g in range(groups) if not waiting[g]), key=lambda g: members[g][0]))
    while ready:
        group = ready.popleft()
        yield members[group]
        for follower in sorted(followers[group]):
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)


def _strong_components(count: int, sources: np.ndarray, readers: np.ndarray) -> tuple[int, np.ndarray]:
    """How many groups of nodes that depend on each other, and the group of each node, (count,)."""
    from scipy.sparse import csr_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    matrix = csr_array((np.ones(sources.size, np.int8), (sources, readers)), shape=(count, count))
    groups, label = connected_components(matrix, connection="strong")
    return groups, label


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
    reads = np.unique(np.concatenate([stage.reads for stage in stages]))
    return Stage(steps, targets, reads, blocks)


def _circular_steps(
    remaining: np.ndarray, readers: np.ndarray, sources: np.ndarray, blocks: list[Step], starts: np.ndarray
) -> list[Step]:
    """Steps for cells that depend on themselves, one a circle, and then for what depends on those."""
    count = remaining.size
    inside = remaining[readers] & remaining[sources]
    _, circle = _strong_components(count, sources[inside], readers[inside])
    circular = remaining & (np.bincount(circle)[circle] > 1)
    circular[readers[readers == sources]] = True
    steps: list[Step] = []
    for number in np.unique(circle[circular]):
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
    codes = np.unique((later * len(rank) + earlier)[later != earlier])
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
    pairs = [step.pairs() for step in steps] + [learned]
    readers = local[np.concatenate([reader for reader, _ in pairs])]
    sources = local[np.concatenate([source for _, source in pairs])]
    inside = (readers >= 0) & (sources >= 0)
    count = int(starts[-1])
    codes = np.unique(readers[inside] * count + sources[inside])
    return codes // max(count, 1), codes % max(count, 1)


def _levels(
    count: int, readers: np.ndarray, sources: np.ndarray, among: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Cells that can be computed together, each level after those it reads; circles are left out."""
    waiting = np.bincount(readers, minlength=count)
    order = np.argsort(sources, kind="stable")
    followers = readers[order]
    bounds = np.searchsorted(sources[order], np.arange(count + 1))
    free = waiting == 0
    level = np.nonzero(free if among is None else free & among)[0]
    while level.size:
        yield level
        if level.size == 1:
            reached = followers[bounds[level[0]] : bounds[level[0] + 1]]
        else:
            reached = np.concatenate([followers[bounds[cell] : bounds[cell + 1]] for cell in level])
        np.subtract.at(waiting, reached, 1)
        level = np.unique(reached[waiting[reached] == 0])


def _level_steps(level: np.ndarray, blocks: list[Step], starts: np.ndarray) -> list[Step]:
    """A step for each block that has cells in the level."""
    owner = np.searchsorted(starts, level, "right") - 1
    return [blocks[number].part(level[owner == number] - starts[number]) for number in np.unique(owner)]
