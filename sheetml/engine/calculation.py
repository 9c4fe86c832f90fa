"""Recalculation: a workbook's values, and the running of its plan."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sheetml.engine import functions
from sheetml.engine.block_values import SizesDiffer, defects_named, evaluated, values_or_reasons
from sheetml.engine.cell_table import CellTable, Snapshot
from sheetml.engine.compiled.one_by_one import Run, cells_of
from sheetml.engine.compiled.recurrence import compile_scan
from sheetml.engine.compiled.straight import StraightCode
from sheetml.engine.distinct import distinct
from sheetml.engine.evaluate import Function, NotReady, Workspace
from sheetml.engine.families import Families
from sheetml.engine.formulas import Block, Change, Formulas, Place
from sheetml.engine.iteration import settle
from sheetml.engine.plan import Plan, Stage, Stages, Step, Straight, make_plan, ordered, replaced, round_of
from sheetml.engine.spills import Replan, Spills
from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import (
    BLANK,
    ERROR,
    UNCOMPUTABLE,
    Value,
    broadcast,
    fitted,
)
from sheetml.engine.what_if import tabulated
from sheetml.errors import CalculationError, SheetmlError
from sheetml.formula.parser import parse
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node
from sheetml.garbage import collection_paused
from sheetml.xlsx.model import EPOCH, EPOCH_1904, WorkbookFile

MOST_REPLANS = 200
MOST_READ = 64  # cells that one of a scan's reads on average; sums over more of them make long loops
_MOST_ROUNDS = 30  # of trying to compute cells in a circle
UNKNOWN = ERROR + UNCOMPUTABLE  # the kind of a value that could not be computed


@dataclass(frozen=True, slots=True)
class State:
    """What a copy of a calculation is made from: its file, and all in which it no longer is as its file."""

    file: WorkbookFile
    functions: Mapping[str, Function] | None  # where they are not the worksheet functions alone
    random: np.random.Generator
    cells: Snapshot
    changed: list[Place]
    formulas: dict[Place, str | None]
    problems: dict[Place, str]
    is_calculated: bool
    sheets: int  # how many it had of its own


class Calculation(CellTable):
    """The cells of a workbook and everything needed to bring them up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        self.formulas = Formulas(file)
        super().__init__(file, self.formulas.filled_cells(len(file.sheets)))
        self.formulas.settle(self.slots)
        self.workspace = Workspace(
            self.slots,
            self.scope,
            self.cells,
            functions.FUNCTIONS,
            np.zeros(self.slots.count, bool),
            np.random.default_rng(),
            formula_text=self.formula_text,
            formula_tree=lambda sheet, row, column: self.formulas.tree(self.slot(sheet, row, column)),
            is_total=self.formulas.are_totals,
        )
        self.spills = Spills(self.formulas, self.workspace)
        self.spills.remember(self.original)
        self._learned = (np.zeros(0, np.intp), np.zeros(0, np.intp))
        self._plan: Plan | None = None
        self._stages = Stages(self.workspace)
        self._families = Families(self.workspace, self._stages)
        self.straight = StraightCode(self)
        self._looked_up: dict[Block, np.ndarray] = {}  # slots that blocks read through OFFSET and its kind
        self._grew = False  # cells got slots since the last calculation
        self.is_calculated = False
        self.edited = False  # formulas were changed since the last calculation
        self._to_resume: State | None = None  # what cells held where this was copied from, until it is calculated here

    # ---- copies

    def __getstate__(self) -> State:
        own = self.workspace.functions
        return State(
            self.file,
            None if own is functions.FUNCTIONS else own,
            self.workspace.random,
            self.snapshot(),
            [self.slots.place(slot) for slot in np.nonzero(self.changed)[0].tolist()],
            dict(self.formulas.edited),
            {self.slots.place(slot): reason for slot, reason in self.workspace.problems.items()},
            self.is_calculated,
            len(self.file.sheets),
        )

    def __setstate__(self, state: State) -> None:
        Calculation.__init__(self, state.file)
        if state.functions is not None:
            self.workspace.functions = state.functions
        self.workspace.random = state.random
        for sheet in range(state.sheets):
            rows, columns = state.cells.slots.positions(sheet)
            self.add_cells(sheet, zip(rows.tolist(), columns.tolist()))
        self._put_back(state.formulas)
        self._to_resume = state if state.is_calculated else None
        self.restore(state.cells, state.sheets)
        self.changed[:] = self.mask(self.locate_places(state.changed))
        self._restore_problems(state)

    def move_to(self, file: WorkbookFile) -> None:
        """Goes on in another file, which holds the same sheets and perhaps more behind them."""
        revision, state = self.revision, self.__getstate__()
        self.__setstate__(replace(state, file=file))
        self.revision = revision + 1

    def _put_back(self, formulas: Mapping[Place, str | None]) -> None:
        """Gives cells the formulas that they were given where this was copied from."""
        filled: dict[tuple[int, Node], list[tuple[int, int]]] = {}
        for (sheet, row, column), text in formulas.items():
            self.remove_formulas(self.locate(sheet, np.array([row]), np.array([column])))
            if text is not None:
                filled.setdefault((sheet, parse(text, row, column)), []).append((row, column))
        for (sheet, tree), places in filled.items():
            self.put_formula(sheet, tree, to_a1(tree, *places[0]), *places[0], places)

    def _restore_problems(self, state: State) -> None:
        slots = self.locate_places(list(state.problems)).tolist()
        self.workspace.problems.clear()
        self.workspace.problems.update(zip(slots, state.problems.values()))

    def _resume(self) -> None:
        """Calculates once, as was done where this was copied from, and then puts back what formulas came to there:
        what is random is not drawn anew. Cells that were changed since are still to be calculated with."""
        state, self._to_resume = self._to_resume, None
        if state is not None:
            changed = np.nonzero(self.changed)[0]
            self.calculate(everything=True)
            self.restore(state.cells, state.sheets, self.owner >= 0)
            self._restore_problems(state)
            self.changed[changed] = True

    # ---- cells

    def add_cells(self, sheet: int, places: Iterable[tuple[int, int]]) -> None:
        """Makes room for cells the workbook does not hold yet."""
        self.make_room(sheet, places)
        workspace = self.workspace
        workspace.slots, workspace.cells = self.slots, self.cells
        workspace.pending = np.zeros(self.slots.count, bool)
        self.formulas.settle(self.slots)
        self._stages = Stages(workspace)
        self._families = Families(workspace, self._stages)
        self.straight.forget()
        self._plan = None
        self._grew = True

    def is_formula(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots a formula fills."""
        return self.formulas.are_filled(slots)

    # ---- formulas

    def cuts_array(self, slots: np.ndarray) -> bool:
        """Whether some but not all cells of an array formula are among the slots."""
        return self.formulas.cut_arrays(slots)

    def put_formula(
        self, sheet: int, tree: Node, text: str, row: int, column: int, places: list[tuple[int, int]]
    ) -> None:
        """Fills cells, which must have slots, with a formula written (`text`, without "=") for one cell."""
        self._take_up(self.formulas.put(sheet, tree, text, row, column, places))

    def remove_formulas(self, slots: np.ndarray) -> None:
        """Ends the formulas of cells; their values stay until others are set."""
        change = self.formulas.remove(slots)
        if change:
            self._take_up(change)

    def _take_up(self, change: Change) -> None:
        """The cells whose formulas are new count as changed; what the file stored for them is of no use any more."""
        self.original.clear(change.edited)
        self.cells.clear(change.emptied)
        for slot in change.edited.tolist():
            self.workspace.problems.pop(slot, None)
            self.workspace.spills.pop(slot, None)
        for slot in change.collapsed.tolist():
            self.workspace.spills[slot] = (1, 1)
        for slots in (change.filled, change.emptied, change.collapsed):
            self.changed[slots] = True
        self.changed[0] = False
        if not self._replaced(change):
            self._plan = None
        self.edited = True
        self.revision += 1

    def _replaced(self, change: Change) -> bool:
        """Whether the plan could take up the edit where it is: one cell that stands alone has another formula."""
        if self._plan is None or change.emptied.size or change.collapsed.size or np.unique(change.edited).size != 1:
            return False
        block = self.formulas.block(int(change.edited[0]))
        if block is None or not change.filled.size:
            return False
        line = self.straight.line(block)
        return line is not None and replaced(self._plan, self._owner, line)

    def respill(self) -> None:
        """Lets arrays that found no room try again, as after any change of cells."""
        crowded = self.formulas.crowded()
        if crowded.size:
            self.changed[crowded] = True
            self.edited = True

    # ---- the plan

    @property
    def plan(self) -> Plan:
        if self._plan is None:
            blocks = self.formulas.blocks
            self._stages.keep(blocks)
            lines, together = self.straight.lines, self._families.of
            with collection_paused():
                self._plan = make_plan(blocks, self.workspace, self._learned, self._stages, lines, together)
            self._looked_up = {block: self._looked_up[block] for block in blocks if block in self._looked_up}
            self._remember_reads(self._plan.stages)
            self._owner = self._plan.owner(self.slots.count)
        return self._plan

    def _remember_reads(self, stages: list[Stage]) -> None:
        """Tells new stages what their formulas have been seen to read."""
        for stage in stages if self._looked_up else []:
            found = [self._looked_up[block] for block in stage.formulas if block in self._looked_up]
            if found:
                stage.dynamic_reads = distinct(np.concatenate(found))

    @property
    def owner(self) -> np.ndarray:
        """Which stage of the plan writes a slot, -1 for none."""
        _ = self.plan
        return self._owner

    def stages_after(self, inputs: np.ndarray, volatile: bool = False) -> list[Stage]:
        """The stages that depend on the inputs (slots), or with `volatile` on the hour or chance, in order.

        The inputs hold what they are given: formulas among them that fill nothing else are not looked into.
        """
        given = self.mask(inputs)

        def depends(stage: Stage, reached: np.ndarray) -> bool:
            found = stage.depends_on(reached) or bool(reached[self._learned_reads(stage)].any())
            return (found or (volatile and stage.volatile)) and not np.isin(stage.targets, inputs).all()

        found, reached = [], self.mask(inputs)
        stages = [(part, whole) for whole in self._reached(self.mask(inputs), depends) for part in whole.apart()]
        for stage, whole in stages:
            if stage is not whole and not depends(stage, reached):
                continue
            if isinstance(stage, Straight):
                lines = [line for line in stage.after(reached) if not given[line.slot]]
                if not lines:
                    continue
                stage = stage.part(lines)
            reached[stage.targets] = True
            found.append(stage)
        return found

    def stages_between(self, inputs: np.ndarray, outputs: np.ndarray, volatile: bool = False) -> list[Stage]:
        """The stages that depend on the inputs (as above) and that the outputs depend on (both slots), in order."""
        needed = np.zeros(self.slots.count, bool)
        needed[outputs] = True
        needed[inputs] = False
        chosen = []
        for stage in reversed(self.stages_after(inputs, volatile)):
            if not needed[stage.targets].any():
                continue
            if isinstance(stage, Straight):
                stage = stage.part(stage.before(needed))
            chosen.append(stage)
            needed[stage.reads] = True
            needed[stage.dynamic_reads] = True
            needed[self._learned_reads(stage)] = True
            needed[inputs] = False
        return chosen[::-1]

    def _learned_reads(self, stage: Stage) -> np.ndarray:
        """What runs have shown the stage's cells to read beside what their formulas state."""
        readers, sources = self._learned
        return sources[np.isin(readers, stage.targets)] if readers.size else sources

    def learn(self, found: NotReady) -> None:
        """Takes up that cells read others which come later in the plan, and has it made anew."""
        if not self._note(found):
            raise self._endless(found)
        self._plan = None

    def _note(self, found: NotReady) -> bool:
        """Takes up that cells read others; whether any of it was not known."""
        readers, sources = self._learned
        codes = distinct(
            np.concatenate([readers, found.readers]) * np.int64(self.slots.count)
            + np.concatenate([sources, found.sources])
        )
        self._learned = codes // self.slots.count, codes % self.slots.count
        return len(codes) > len(readers)

    def _endless(self, found: NotReady) -> CalculationError:
        """What was found is known already, and yet not in order: the cells depend on each other in a circle."""
        place = self.describe(found.readers[:1])
        return CalculationError(f"{place} depends on itself through the cells it refers to")

    # ---- calculating

    def seed(self, seed: int) -> None:
        """Makes RAND and its kind repeatable."""
        self.workspace.random = np.random.default_rng(seed)

    def calculate(self, everything: bool = False) -> None:
        """Brings all formula cells up to date: those that depend on changed or volatile cells."""
        self._resume()
        everything = everything or not self.is_calculated
        self.workspace.now = _now(self.file.date_1904)
        dirty = self.changed.copy()
        for _ in range(MOST_REPLANS):
            try:
                with np.errstate(all="ignore"):  # what is not finite becomes #NUM!
                    self._run(dirty, everything)
                break
            except Replan as found:
                self._replan(found)
                everything = True
        else:
            raise CalculationError("the areas that formulas fill keep changing: no calculation settles them")
        self.changed[:] = False
        self.edited = self._grew = False
        self.is_calculated = True

    @property
    def is_current(self) -> bool:
        """Whether nothing was changed since the last calculation; False before the first."""
        return self.is_calculated and not self.changed.any()

    def bring_up_to_date(self) -> None:
        """Calculates, unless nothing was changed since it last did."""
        self._resume()
        if not self.is_current:
            self.calculate()

    def calculate_sheet(self, sheet: int) -> None:
        """Brings one sheet's formulas up to date; those of other sheets stay to be calculated."""
        self._resume()
        self.workspace.now = _now(self.file.date_1904)
        everything = not self.is_calculated
        for _ in range(MOST_REPLANS):
            try:
                with np.errstate(all="ignore"):
                    self._run(self.changed, everything, sheet)
                return
            except Replan as found:
                self._replan(found)
                everything = True
        raise CalculationError("the areas that formulas fill keep changing: no calculation settles them")

    def _replan(self, found: Replan) -> None:
        """Has the plan made anew, with room for an area that changed its size."""
        self._plan = None
        if found.places is not None:
            self.add_cells(found.sheet, found.places)

    def _run(self, dirty: np.ndarray, everything: bool, sheet: int | None = None) -> None:
        if len(dirty) != self.slots.count:
            dirty = self.changed.copy()
        stages = self.plan.stages
        needed = stages if everything else self._possibly_changed(dirty)
        if sheet is not None:
            needed = [stage for stage in needed if any(block.sheet == sheet for block in stage.formulas)]
        chosen = {id(stage) for stage in needed}
        # where formulas look cells up, one that is not computed now, but comes later in the order, is a discovery too
        whole = sheet is None and (self.edited or bool(self._looked_up))
        stages = stages if whole else needed
        pending = self.workspace.pending
        pending[:] = False
        for stage in stages:
            pending[stage.targets] = True
        pending[0] = False
        done = self._go_through(stages, chosen, dirty, everything, sheet)
        if done != stages:
            self._reorder(done if len(stages) == len(self.plan.stages) else None)

    def _go_through(
        self, stages: list[Stage], chosen: set[int], dirty: np.ndarray, everything: bool, sheet: int | None
    ) -> list[Stage]:
        """Runs those of the stages that are chosen and depend on something dirty; all in the order they came to.

        One that is found to read cells which are still to be computed waits, with all that depend on it, until those
        that come later have been run. Where none of those waiting can go on, they depend on each other: they are
        ordered anew, cell by cell.
        """
        pending, done, waiting, learned = self.workspace.pending, [], stages, len(self._learned[0])
        trusting = True  # that formulas look up what they did the last time
        while waiting:
            late: list[Stage] = []
            held = np.zeros(self.slots.count, bool)
            found: NotReady | None = None
            for stage in waiting:
                needed = id(stage) in chosen
                ahead = needed and self._looks_ahead(stage)
                if not (needed and ((late and held[stage.reads].any()) or (ahead and trusting))):
                    try:
                        if needed and (everything or ahead or stage.volatile or self._depends_on(stage, dirty)):
                            self._run_stage(stage, dirty, everything, sheet)
                        pending[stage.targets] = False
                        done.append(stage)
                        continue
                    except NotReady as not_ready:
                        found = not_ready
                        self._note(found)
                        pending[stage.targets] = True
                        pending[0] = False
                late.append(stage)
                held[stage.targets] = True
                held[0] = False
            if len(late) == len(waiting) and found is None:
                trusting = False
            elif len(late) == len(waiting):
                assert found is not None
                if len(self._learned[0]) == learned:
                    raise self._endless(found)
                learned = len(self._learned[0])
                late = self._ordered_anew(late)
                self._remember_reads(late)
                chosen.update(map(id, late))
            waiting = late
        return done

    def _ordered_anew(self, stages: list[Stage]) -> list[Stage]:
        lines = [line for stage in stages if isinstance(stage, Straight) for line in stage.lines]
        blocks = [block for stage in stages if not isinstance(stage, Straight) for block in stage.formulas]
        whole = [self._stages.of(block) for block in blocks]
        return ordered(whole, lines, self.workspace, self._learned, self._stages)

    def _looks_ahead(self, stage: Stage) -> bool:
        """Whether it looked up cells of other stages, the last time, that are still to be computed."""
        if not stage.dynamic_reads.size:
            return False
        looked_up = stage.dynamic_reads[self.workspace.pending[stage.dynamic_reads]]
        return bool(looked_up.size) and not np.isin(looked_up, stage.targets).all()

    def _reorder(self, stages: list[Stage] | None) -> None:
        """Takes over the order that a run came to; None has the plan made anew."""
        self._plan = None if stages is None else Plan(stages)
        if self._plan is not None:
            self._owner = self._plan.owner(self.slots.count)

    def _possibly_changed(self, dirty: np.ndarray) -> list[Stage]:
        """The stages that depend on changed or volatile cells, directly or through others."""
        return self._reached(dirty, lambda stage, reached: stage.volatile or self._depends_on(stage, reached))

    def _reached(self, mask: np.ndarray, depends: Callable[[Stage, np.ndarray], bool]) -> list[Stage]:
        """The stages that depend on marked cells, or on cells of others that do, in order.

        What formulas look up may come later in the order: then all are gone through again.
        """
        reached, chosen = mask.copy(), set[int]()
        for _ in range(1 + len(self.plan.stages)):
            before = len(chosen)
            for stage in self.plan.stages:
                if id(stage) not in chosen and depends(stage, reached):
                    chosen.add(id(stage))
                    reached[stage.targets] = True
                    reached[0] = False
            if len(chosen) == before or not self._looked_up:
                break
        return [stage for stage in self.plan.stages if id(stage) in chosen]

    def _depends_on(self, stage: Stage, mask: np.ndarray) -> bool:
        """Whether it reads any of the marked cells, or perhaps cells that are new, or its own formulas are new."""
        if self._grew and 0 in stage.dynamic_reads[:1]:  # it looked where there was no cell: now there may be one
            return True
        return stage.depends_on(mask) or (self.edited and bool(mask[stage.targets].any()))

    def _run_stage(self, stage: Stage, dirty: np.ndarray, everything: bool, sheet: int | None) -> None:
        workspace = self.workspace
        if isinstance(stage, Straight):
            self.straight.run(stage, dirty, everything, sheet)
            return
        steps = stage.to_run(None if everything else dirty)
        if workspace.problems:
            for slot in itertools.chain.from_iterable(step.targets.reshape(-1).tolist() for step in steps):
                workspace.problems.pop(slot, None)
        if stage.is_scan and self._run_loop(stage, dirty):
            return
        workspace.dynamic_reads = []
        if not ((stage.is_scan or stage.is_circular) and self._run_one_by_one(stage, dirty)):
            self._run_steps(stage, steps, dirty)
        if workspace.dynamic_reads:
            stage.dynamic_reads = distinct(np.concatenate(workspace.dynamic_reads))
            self._looked_up.update((block, stage.dynamic_reads) for block in stage.formulas)

    def _run_steps(self, stage: Stage, steps: list[Step], dirty: np.ndarray) -> None:
        circular = [step for step in steps if step.circular]
        for position, step in enumerate(steps):
            if not step.circular:
                self._run_step(step, dirty)
            elif self.file.iterate:
                self._iterate(stage, steps[position:], dirty)
                break
            elif circular:
                self._run_circle(circular, dirty)
                circular = []

    def _run_one_by_one(self, stage: Stage, dirty: np.ndarray) -> bool:
        """Computes the cells of a scan one by one, if that is worth while; of a circle those that can be."""
        if not stage.singly_tried:
            stage.singly, stage.singly_tried = cells_of(stage, self.workspace), True
        circular = stage.is_circular
        if stage.singly is None or (circular and self.file.iterate):
            return False

        def store(slots: np.ndarray, value: Value) -> None:
            self.workspace.pending[slots] = False
            self._store(slots, value, dirty)

        run = Run(stage, stage.singly, self.workspace, store, lambda step: self._run_step(step, dirty))
        if not circular:
            run.in_order()
            return True
        stuck = run.as_needed()
        for step in stage.steps:
            index = np.nonzero([slot in stuck for slot in step.cells.tolist()])[0]
            if index.size and step.circular:
                self._give_up(step.part(index), dirty)
            elif index.size:
                self._run_step(step.part(index), dirty)
        return True

    def _give_up(self, step: Step, dirty: np.ndarray) -> None:
        """Cells that need themselves cannot be computed."""
        for cell in range(len(step.cells)):
            one = step.part(np.array([cell]))
            one.circular = True
            self._run_step(one, dirty)

    def _run_loop(self, stage: Stage, dirty: np.ndarray) -> bool:
        """Runs a scan as a compiled loop, if it can be one."""
        if stage.cells_read > MOST_READ * stage.targets.size:
            return False
        if stage.loop is None or not stage.loop.holds(self.cells):
            if stage.loop is None and stage.loop_tried:
                return False
            stage.loop, stage.loop_tried = compile_scan(stage, self.cells), True
        loop = stage.loop
        numbers = None if loop is None else loop.run(self.cells)
        if loop is None or numbers is None:
            return False
        self._store(loop.slots[: loop.written], Value(numbers), dirty)
        return True

    def _store(self, slots: np.ndarray, value: Value, dirty: np.ndarray) -> None:
        """Writes values, and marks the cells that they change."""
        changed = self.cells.differs(slots, value)
        if changed.any():
            self.cells.write(slots, value)
            self.revision += 1
            dirty[slots[changed]] = True
            dirty[0] = False

    def _run_step(self, step: Step, dirty: np.ndarray) -> None:
        value = self.evaluate_step(step)
        self.workspace.pending[step.targets] = False
        self._store(step.targets.reshape(-1), value, dirty)

    def _run_circle(self, steps: list[Step], dirty: np.ndarray) -> None:
        """Cells that depend on each other in a circle, by the text of their formulas.

        One by one they are tried: a formula may not need what closes the circle (IF and CHOOSE compute
        one branch only). Those that do need each other cannot be computed.
        """
        for step in self._unsettled(steps, dirty):
            step.circular = True
            self._run_step(step, dirty)

    def _unsettled(self, steps: list[Step], dirty: np.ndarray) -> list[Step]:
        """Computes those cells of a circle that do not need what closes it; the others, one by one."""
        waiting = [step.part(np.array([cell])) for step in steps for cell in range(len(step.cells))]
        for _ in range(_MOST_ROUNDS):
            left = [step for step in waiting if not self._tried(step, dirty)]
            if len(left) in (0, len(waiting)):
                break
            waiting = left
        return left

    def _iterate(self, stage: Stage, steps: list[Step], dirty: np.ndarray) -> None:
        """The last steps of a stage, circles and what depends on them: round by round, as the file asks for.

        Each begins with the values that the cells have. Nothing happens while all is as in the file.
        """
        pending = self.workspace.pending
        if self._is_as_stored(stage, steps):
            pending[np.concatenate([step.targets.reshape(-1) for step in steps])] = False
            return
        left = self._unsettled([step for step in steps if step.circular], dirty)
        if not left:
            for step in steps:
                if not step.circular:
                    self._run_step(step, dirty)
            return
        cells = np.concatenate([step.cells for step in (*left, *(step for step in steps if not step.circular))])
        rounds = round_of(cells, stage, self.workspace, self._learned)
        pending[rounds.targets] = False
        settle(rounds, self.cells, self._evaluated_anew, self.file.iterate_count, self.file.iterate_delta, dirty)
        self.revision += 1

    def _evaluated_anew(self, step: Step) -> Value:
        """A step's values, without what was noted of its cells in earlier rounds."""
        for slot in step.cells.tolist() if self.workspace.problems else []:
            self.workspace.problems.pop(slot, None)
        return self.evaluate_step(step)

    def _is_as_stored(self, stage: Stage, steps: list[Step]) -> bool:
        """Whether the cells, and all that they read, hold what the file does."""
        targets = np.concatenate([step.targets.reshape(-1) for step in steps])
        if stage.volatile or not self.has_stored_value(targets).all() or self.moved(targets).any():
            return False
        if self.moved(stage.reads).any():
            return False
        with self.workspace.borrowed() as workspace:
            for step in steps:
                try:
                    evaluated(step.context, step.block)
                except (SheetmlError, SizesDiffer):
                    continue
            return not any(self.moved(slots).any() for slots in workspace.dynamic_reads)

    def _tried(self, step: Step, dirty: np.ndarray) -> bool:
        self.workspace.in_circle = True
        try:
            value = self._evaluated_anew(step)
        except NotReady:
            return False
        finally:
            self.workspace.in_circle = False
        self.workspace.pending[step.targets] = False
        self._store(step.targets.reshape(-1), value, dirty)
        return True

    def evaluate_step(self, step: Step) -> Value:
        """The values of a step's cells, in the shape of its targets."""
        self.workspace.reads_others = False
        if step.circular:
            reason = f"circular reference through {self.describe(step.cells)}"
            if self.file.iterate:  # the calculation itself never asks for these: functions do
                reason = f"{self.describe(step.cells)} is calculated by iteration"
            value = step.context.uncomputable(reason)
        elif step.block.table is not None:
            value = self._tabulated(step)
        elif step.block.tree is None:
            value = step.context.uncomputable(step.block.problem)
        else:
            value = self.evaluate_cells(step)
        value = broadcast(value, step.targets.shape)
        return self._with_stored(step, value)

    def evaluate_cells(self, step: Step) -> Value:
        block = step.block
        assert block.tree is not None
        self.note_place(step)
        self.workspace.calls = 0
        try:
            value = values_or_reasons(step.context, block)
        except SizesDiffer:
            raise self._divided(step) from None
        value = self._without_consequences(step, value)
        if block.size is None:
            return value
        return self._spilled(step, value) if block.dynamic else fitted(value, *block.size)

    def _spilled(self, step: Step, value: Value) -> Value:
        try:
            return self.spills.fit(step, value, self.cells)
        except CalculationError as error:
            if self.workspace.trace is not None:
                raise
            return step.context.uncomputable(str(error))

    def _without_consequences(self, step: Step, value: Value) -> Value:
        """Errors of cells in whose formulas something could not be computed are not known to be errors."""
        problems = self.workspace.problems
        if not problems or value.kind is None or not (value.kind >= ERROR).any():
            return value
        noted = np.array([slot in problems for slot in step.cells.tolist()])[:, None, None]
        if not noted.any():
            return value
        kind = np.where(noted & (value.kind >= ERROR), np.uint8(UNKNOWN), value.kind)
        spread = broadcast(value, kind.shape)
        return Value(spread.number, kind, spread.text)

    def _tabulated(self, step: Step) -> Value:
        """The values of a data table."""
        try:
            with defects_named(lambda: "this data table"):
                value, why = tabulated(self, step.block)
        except CalculationError as error:
            return step.context.uncomputable(str(error))
        if why:
            step.context.uncomputable(f"what the data table tries cannot be computed: {why}")
        return value

    def _divided(self, step: Step) -> Replan:
        found = self.spills.divide(step)
        self.edited = True
        self.revision += 1
        return found

    def note_place(self, step: Step) -> None:
        if self.workspace.trace is not None:
            self.workspace.trace.place = _Place(self.workspace, step.cells)

    # ---- cells that could not be computed

    def _with_stored(self, step: Step, value: Value) -> Value:
        """Where cells could not be computed, the value in the file, if all they read is as it was there.

        So it is too where they refer to other workbooks: Excel does not ask those again before something changes.
        """
        others = self.workspace.reads_others and not step.volatile
        if self.workspace.cells is not self.cells or (value.kind is None and not others):
            return value
        if not others and not (value.kinds == UNKNOWN).any():
            return value
        unknown = (value.kinds == UNKNOWN) | others
        unknown &= self.original.kind[step.targets] != BLANK
        if not unknown.any():
            return value
        unknown &= ~np.isin(step.cells, self._readers_of_moved(step))[:, None, None]
        if not unknown.any():
            return value
        stored = self.original.gather(step.targets)
        text = np.where(unknown, stored.texts, value.texts)
        kind = np.where(unknown, stored.kinds, value.kinds)
        return Value(ops.where(unknown, stored.number, value.number), kind, text)

    def _readers_of_moved(self, step: Step) -> np.ndarray:
        """The step's cells that read something which is no longer as in the file."""
        looked_up = self.workspace.dynamic_reads
        if not step.circular and any(self.moved(slots).any() for slots in looked_up):
            return step.cells
        readers, sources = step.pairs()
        own = np.isin(sources, step.targets) if step.circular else np.zeros(len(sources), bool)
        return distinct(readers[self.moved(sources) & ~own])

    def formula_text(self, sheet: int, row: int, column: int) -> str | None:
        """A cell's own formula, without "="; None where it holds none."""
        return self.formulas.own_text(self.slot(sheet, row, column))


class _Place:
    """Cells for a message, put into words only if it comes to that."""

    def __init__(self, workspace: Workspace, slots: np.ndarray) -> None:
        self.workspace = workspace
        self.slots = slots

    def __str__(self) -> str:
        return self.workspace.describe(self.slots)


def _now(date_1904: bool) -> float:
    """This moment as a serial number."""
    epoch = EPOCH_1904 if date_1904 else EPOCH
    return (datetime.datetime.now() - epoch).total_seconds() / 86400
