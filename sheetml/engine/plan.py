"""Orders the blocks of a workbook into steps, each of which computes many cells at once.

Blocks that depend on each other in a circle of columns (a recurrence such as C5 = N4, N4 = f(C4)) are
taken apart into cells, which are put together again level by level. Cells that depend on themselves
are circular references.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sheetml.engine.blocks import Block
from sheetml.engine.dependencies import pairs_of, reads_of
from sheetml.engine.evaluate import Context, Workspace
from sheetml.formula.tree import Call, Node, children


@dataclass(slots=True, eq=False)
class Step:
    """Some or all cells of a block, which depend on earlier steps only."""

    block: Block
    context: Context
    targets: np.ndarray  # slots written: (b, height, width)
    reads: np.ndarray  # slots read, as the formula states them, sorted
    volatile: bool = False
    circular: bool = False
    dynamic_reads: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))

    @property
    def cells(self) -> np.ndarray:
        """The slots of the cells that hold the formula."""
        return self.context.readers

    def depends_on(self, mask: np.ndarray) -> bool:
        """Whether any slot marked in the mask is read."""
        return bool(mask[self.reads].any()) or bool(mask[self.dynamic_reads].any())


@dataclass(slots=True)
class Plan:
    steps: list[Step]
    circular: list[np.ndarray]  # the slots of each circle

    def owner(self, count: int) -> np.ndarray:
        """Which step writes a slot, -1 for none."""
        owner = np.full(count, -1, np.intp)
        for position, step in enumerate(self.steps):
            owner[step.targets] = position
        owner[0] = -1
        return owner


Pairs = tuple[np.ndarray, np.ndarray]


def make_plan(blocks: list[Block], workspace: Workspace, learned: Pairs) -> Plan:
    """The order of calculation. `learned` are pairs of slots (reading, read) that runs have shown."""
    whole = [_step(block, workspace) for block in blocks]
    owner = Plan(whole, []).owner(workspace.slots.count)
    edges = _block_edges(whole, owner, learned)
    plan = Plan([], [])
    for members in _components(len(whole), edges):
        if len(members) == 1 and (members[0], members[0]) not in edges:
            plan.steps.append(whole[members[0]])
        else:
            _take_apart([whole[member] for member in members], workspace, learned, plan)
    return plan


def _step(block: Block, workspace: Workspace) -> Step:
    slots = workspace.slots.locate(block.sheet, block.rows, block.columns)
    context = Context(workspace, block.sheet, block.rows, block.columns, slots, block.is_array, cache={})
    return Step(block, context, _targets(block, context), reads_of(context, block.tree), is_volatile(context, block.tree))


def _targets(block: Block, context: Context) -> np.ndarray:
    height, width = block.size or (1, 1)
    rows = context.rows[:, None, None] + np.arange(height)[None, :, None]
    columns = context.columns[:, None, None] + np.arange(width)[None, None, :]
    return context.workspace.slots.locate(block.sheet, rows, columns)


def is_volatile(context: Context, tree: Node | None) -> bool:
    """Whether the formula's text holds a function that gives another value at each calculation."""
    if tree is None:
        return False
    if isinstance(tree, Call):
        function = context.workspace.functions.get(tree.function)
        if function is not None and function.volatile:
            return True
    return any(is_volatile(context, child) for child in children(tree))


def _part(step: Step, index: np.ndarray) -> Step:
    """A step of some of a step's cells."""
    context = step.context.select(index)
    context.cache = {}
    return Step(step.block, context, step.targets[index], reads_of(context, step.block.tree), step.volatile)


# ---- the order of blocks -----------------------------------------------------------------------


def _block_edges(steps: list[Step], owner: np.ndarray, learned: Pairs) -> set[tuple[int, int]]:
    """Pairs (source, reader) of blocks."""
    edges: set[tuple[int, int]] = set()
    for reader, step in enumerate(steps):
        sources = np.unique(owner[step.reads])
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
    matrix = csr_array((np.ones(len(edges), np.int8), (sources, readers)), shape=(count, count))
    groups, label = connected_components(matrix, connection="strong")
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


# ---- the order of cells within a circle of blocks ----------------------------------------------


def _take_apart(steps: list[Step], workspace: Workspace, learned: Pairs, plan: Plan) -> None:
    """Appends steps for the cells of blocks that depend on each other, level by level."""
    starts = np.concatenate([[0], np.cumsum([len(step.cells) for step in steps])])
    readers, sources = _cell_edges(steps, starts, workspace, learned)
    count = int(starts[-1])
    remaining = np.ones(count, bool)
    for level in _levels(count, readers, sources):
        remaining[level] = False
        _append_level(level, steps, starts, plan)
    if not remaining.any():
        return
    inside = remaining[readers] & remaining[sources]
    matrix = csr_array((np.ones(int(inside.sum()), np.int8), (sources[inside], readers[inside])), (count, count))
    _, label = connected_components(matrix, connection="strong")
    own = np.zeros(count, bool)
    own[readers[readers == sources]] = True
    circular = remaining & ((np.bincount(label)[label] > 1) | own)
    slots = np.concatenate([step.cells for step in steps])
    plan.circular += [slots[circular & (label == group)] for group in np.unique(label[circular])]
    first = len(plan.steps)
    _append_level(np.nonzero(circular)[0], steps, starts, plan)
    for step in plan.steps[first:]:
        step.circular = True
    # what only depends on a circle can be ordered once the circle is taken as given
    open_edges = inside & ~circular[readers]
    keep = open_edges & ~circular[sources]
    for level in _levels(count, readers[keep], sources[keep], remaining & ~circular):
        _append_level(level, steps, starts, plan)


def _cell_edges(steps: list[Step], starts: np.ndarray, workspace: Workspace, learned: Pairs) -> Pairs:
    """Which of the cells read which, by their positions in the concatenated blocks."""
    local = np.full(workspace.slots.count, -1, np.intp)
    for step, start in zip(steps, starts):
        positions = np.arange(start, start + len(step.cells))
        local[step.targets] = np.broadcast_to(positions[:, None, None], step.targets.shape)
    local[0] = -1
    pairs = [pairs_of(step.context, step.block.tree) for step in steps] + [learned]
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


def _append_level(level: np.ndarray, steps: list[Step], starts: np.ndarray, plan: Plan) -> None:
    block = np.searchsorted(starts, level, "right") - 1
    for position in np.unique(block):
        plan.steps.append(_part(steps[position], level[block == position] - starts[position]))
