"""What readers of a calculated workbook may ask: which formula a cell has, what it reads, who reads it, why it has
no value. Answers are made from the plan, so that they hold until formulas are changed or cells added."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sheetml.engine.block_values import evaluated
from sheetml.engine.calculation import UNKNOWN, Calculation
from sheetml.engine.dependencies import reads_of
from sheetml.engine.distinct import distinct
from sheetml.engine.evaluate import Context
from sheetml.engine.formulas import Block, Place
from sheetml.engine.plan import Stage, Step
from sheetml.errors import SheetmlError
from sheetml.formula.tree import Binary, Call, ExternalReference, Node, walk

MOST_PAIRS = 5_000_000  # cells and what they read, up to which readers are told one by one
_NOTHING = np.zeros(0, np.intp)


# ---- formulas ----------------------------------------------------------------------------------


def stages(calculation: Calculation) -> list[Stage]:
    """The stages of the calculation, each after those it depends on."""
    return calculation.plan.stages


def steps(calculation: Calculation) -> Iterator[Step]:
    """The blocks as they are computed, each whole."""
    for stage in calculation.plan.stages:
        yield from stage.blocks


def stage_of(calculation: Calculation, slot: int) -> Stage | None:
    """The stage that computes a cell; None for a cell with a value."""
    number = int(calculation.owner[slot])
    return None if number < 0 else calculation.plan.stages[number]


def step(calculation: Calculation, slot: int) -> Step | None:
    """The block that fills a cell, as it is computed for all its cells; None for a cell with a value."""
    stage = stage_of(calculation, slot)
    for whole in stage.blocks if stage is not None else []:
        if (whole.targets == slot).any():
            return whole
    return None


def own_step(calculation: Calculation, slot: int) -> Step | None:
    """The same alone for that cell; for a cell that an array fills it is the cell with the formula."""
    whole = step(calculation, slot)
    if whole is None:
        return None
    return whole.part(np.nonzero((whole.targets == slot).reshape(len(whole.cells), -1).any(axis=1))[0][:1])


def block(calculation: Calculation, slot: int) -> Block | None:
    """The block whose formula fills a cell; None for a cell with a value."""
    return calculation.formulas.block(slot)


def text(calculation: Calculation, slot: int) -> str | None:
    """A cell's own formula, without "="; None where it holds none."""
    return calculation.formulas.own_text(slot)


def filling_text(calculation: Calculation, slot: int) -> str | None:
    """The formula that fills a cell, without "=": of an array also in the cells beside its own."""
    return calculation.formulas.text(slot)


def tree(calculation: Calculation, slot: int) -> Node | None:
    """A cell's own formula as a tree; None where it holds none, or one that cannot be understood."""
    return calculation.formulas.tree(slot)


def blocks(calculation: Calculation) -> list[Block]:
    """All blocks of the workbook, sheet by sheet, and then those that edits made."""
    return calculation.formulas.blocks


def edited_formulas(calculation: Calculation) -> dict[Place, str | None]:
    """The formulas now of the cells whose formula is no longer the file's; None where one holds none any more."""
    return calculation.formulas.edited


def formula_slots(calculation: Calculation) -> np.ndarray:
    """The slots of all cells that formulas fill."""
    return np.nonzero(calculation.owner >= 0)[0]


# ---- evaluating beside the cells ---------------------------------------------------------------


def context(calculation: Calculation, slot: int) -> Context | None:
    """Where the formula that fills a cell is evaluated, for that cell alone; None for a cell with a value."""
    found = own_step(calculation, slot)
    return None if found is None else found.context


def context_of_block(calculation: Calculation, block: Block) -> Context:
    """Where a block is evaluated, for all its cells."""
    slots = calculation.formulas.anchors(block)
    return Context(calculation.workspace, block.sheet, block.rows, block.columns, slots, block.is_array)


def context_at(
    calculation: Calculation, sheet: int, row: int = 1, column: int = 1, slot: int = 0, *, array: bool = False
) -> Context:
    """Where a formula would be evaluated that stands in no cell, as if it stood in this one."""
    rows, columns = np.array([row], np.int64), np.array([column], np.int64)
    return Context(calculation.workspace, sheet, rows, columns, np.array([slot], np.intp), array=array)


def context_of_cells(calculation: Calculation, sheet: int, rows: np.ndarray, columns: np.ndarray) -> Context:
    """Where a formula would be evaluated for many cells at once, (b,) rows and columns, as if it stood in each."""
    rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    return Context(calculation.workspace, sheet, rows, columns, np.zeros(rows.size, np.intp), array=True)


# ---- what depends on what ----------------------------------------------------------------------


def reads(calculation: Calculation, slot: int) -> np.ndarray:
    """The slots that the formula of a cell reads, through OFFSET and its kind too."""
    stage, part = stage_of(calculation, slot), own_step(calculation, slot)
    return _NOTHING if stage is None or part is None else reads_of_part(part, stage)


def reads_of_part(part: Step, stage: Stage) -> np.ndarray:
    """The slots that some cells of a stage read, through OFFSET and its kind at the present values."""
    found = reads_of(part.context, part.block.tree) if part.reads is None else part.reads
    if stage.dynamic_reads.size and part.block.tree is not None and _looks_up(part.block.tree):
        found = np.union1d(found, _dynamic_reads(part, stage))
    return found


def _dynamic_reads(part: Step, stage: Stage) -> np.ndarray:
    try:
        with part.context.workspace.borrowed() as workspace, np.errstate(all="ignore"):
            evaluated(part.context, part.block)
            found = distinct(np.concatenate([_NOTHING, *workspace.dynamic_reads]))
    except SheetmlError:
        found = stage.dynamic_reads
    return found[found != 0]


def _looks_up(tree: Node) -> bool:
    """Whether a formula may read cells that its text does not name: it calls something, or computes a range."""
    return any(isinstance(node, Call) or (isinstance(node, Binary) and node.operator == ":") for node in walk(tree))


def are_read(calculation: Calculation) -> np.ndarray:
    """A mask of the slots that some formula reads."""
    found = [part for stage in calculation.plan.stages for part in (stage.reads, stage.dynamic_reads)]
    return calculation.mask(*found)


def readers(calculation: Calculation, slot: int) -> list[np.ndarray]:
    """The cells whose formulas read a slot, by block; all of a block's where it would take long to tell."""
    found = []
    for stage in calculation.plan.stages:
        if slot in stage.reads or slot in stage.dynamic_reads:
            found += [_reading(stage, whole, slot) for whole in stage.blocks]
    return [cells for cells in found if cells.size]


def _reading(stage: Stage, whole: Step, slot: int) -> np.ndarray:
    named = reads_of(whole.context, whole.block.tree) if whole.reads is None else whole.reads
    if slot not in named:
        return whole.cells if slot in stage.dynamic_reads and slot not in stage.reads else _NOTHING
    if named.size * len(whole.cells) > MOST_PAIRS:
        return whole.cells
    return readers_of(whole, slot)


def readers_of(whole: Step, slot: int) -> np.ndarray:
    """The cells of a block whose formula names a slot."""
    found, sources = whole.pairs()
    return distinct(found[sources == slot])


def dependents(calculation: Calculation, mask: np.ndarray) -> np.ndarray:
    """Which slots change with those marked, or by themselves: a mask, cell by cell as far as formulas say so."""
    reached = mask.copy()
    for stage in calculation.plan.stages:
        if stage.volatile or reached[stage.dynamic_reads].any():
            reached[stage.targets] = True
        elif reached[stage.reads].any():
            for part in stage.steps:
                found, sources = part.pairs()
                reached[part.targets[np.isin(part.cells, found[reached[sources]])]] = True
        reached[0] = False
    return reached & (calculation.owner >= 0)


def precedents(calculation: Calculation, slots: np.ndarray) -> np.ndarray:
    """A mask of the cells that some cells depend on, themselves included; of a block all cells count alike."""
    reached = calculation.mask(slots)
    for stage in reversed(stages(calculation)):
        waiting = True
        while waiting:  # within a circle one block may read another that comes later
            waiting = False
            for whole in stage.blocks:
                if reached[whole.targets].any():
                    reads = reads_of_part(whole, stage)
                    if not reached[reads].all():
                        reached[reads] = waiting = True
    reached[0] = False
    return reached


def volatile(calculation: Calculation) -> np.ndarray:
    """A mask of the cells whose own formulas give other values at each calculation."""
    return calculation.mask(*(whole.targets for whole in steps(calculation) if whole.volatile))


def circles(calculation: Calculation) -> list[np.ndarray]:
    """The cells that depend on themselves, those that do through each other together."""
    found = []
    for stage in calculation.plan.stages:
        circular = [part.cells for part in stage.steps if part.circular]
        if circular:
            found.append(np.concatenate(circular))
    return found


# ---- values ------------------------------------------------------------------------------------


def problems(calculation: Calculation) -> dict[int, str]:
    """Why cells could not be computed, by slot."""
    return calculation.workspace.problems


def reason(calculation: Calculation, slot: int) -> str:
    """Why a cell has no value: its own reason, or that of the first cell it depends on which has one."""
    known = problems(calculation)
    seen, waiting = {slot}, [slot]
    while waiting:
        current = waiting.pop(0)
        if current in known:
            return known[current] if current == slot else f"{calculation.describe([current])}: {known[current]}"
        stage = stage_of(calculation, current)
        for source in stage.reads.tolist() if stage is not None else []:
            if source not in seen and calculation.kind(source) == UNKNOWN:
                seen.add(source)
                waiting.append(source)
    return "a cell it depends on has no value"


def spilled(calculation: Calculation, slot: int) -> tuple[int, int] | None:
    """The rows and columns that a formula's result fills by spilling; None where it does not spill."""
    return calculation.workspace.spills.get(slot)


def is_name(calculation: Calculation, name: str, sheet: int) -> bool:
    """Whether a formula on the sheet may use this defined name."""
    return calculation.scope.name(name, sheet) is not None


def is_kept(calculation: Calculation, reference: ExternalReference) -> bool:
    """Whether the file keeps what a reference to another workbook means."""
    return calculation.scope.others.keeps(reference)
