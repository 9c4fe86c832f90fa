"""Recalculation: a workbook's values, and the running of its plan."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np

from sheetml.engine import functions
from sheetml.engine.block_values import SizesDiffer, evaluated
from sheetml.engine.cell_table import CellTable
from sheetml.engine.compiled.recurrence import compile_scan
from sheetml.engine.dependencies import pairs_of
from sheetml.engine.evaluate import NotReady, Workspace
from sheetml.engine.formulas import Change, Formulas
from sheetml.engine.iteration import settle
from sheetml.engine.plan import Plan, Stage, Step, make_plan, round_of
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
from sheetml.errors import CalculationError, SheetmlError
from sheetml.formula.tree import Node
from sheetml.xlsx.model import EPOCH, EPOCH_1904, WorkbookFile

MOST_REPLANS = 200
_MOST_ROUNDS = 30  # of trying to compute cells in a circle
UNKNOWN = ERROR + UNCOMPUTABLE  # the kind of a value that could not be computed


FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


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
            is_total=self.formulas.are_totals,
        )
        self.spills = Spills(self.formulas, self.workspace)
        self.spills.remember(self.original)
        self._learned = (np.zeros(0, np.intp), np.zeros(0, np.intp))
        self._plan: Plan | None = None
        self.is_calculated = False
        self.edited = False  # formulas were changed since the last calculation

    # ---- cells

    def add_cells(self, sheet: int, places: Iterable[tuple[int, int]]) -> None:
        """Makes room for cells the workbook does not hold yet."""
        self.make_room(sheet, places)
        workspace = self.workspace
        workspace.slots, workspace.cells = self.slots, self.cells
        workspace.pending = np.zeros(self.slots.count, bool)
        self.formulas.settle(self.slots)
        self._plan = None

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
        self._plan = None
        self.edited = True
        self.revision += 1

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
            self._plan = make_plan(self.formulas.blocks, self.workspace, self._learned)
            self._owner = self._plan.owner(self.slots.count)
        return self._plan

    @property
    def owner(self) -> np.ndarray:
        """Which stage of the plan writes a slot, -1 for none."""
        _ = self.plan
        return self._owner

    def stages_after(self, inputs: np.ndarray) -> list[Stage]:
        """The stages that depend on the inputs (slots), in order.

        The inputs hold what they are given: formulas among them that fill nothing else are not looked into.
        """
        reached = np.zeros(self.slots.count, bool)
        reached[inputs] = True
        downstream = []
        for stage in self.plan.stages:
            depends = stage.depends_on(reached) or bool(reached[self._learned_reads(stage)].any())
            if depends and not np.isin(stage.targets, inputs).all():
                downstream.append(stage)
                reached[stage.targets] = True
                reached[0] = False
        return downstream

    def stages_between(self, inputs: np.ndarray, outputs: np.ndarray) -> list[Stage]:
        """The stages that depend on the inputs and that the outputs depend on (both slots), in order."""
        needed = np.zeros(self.slots.count, bool)
        needed[outputs] = True
        needed[inputs] = False
        chosen = []
        for stage in reversed(self.stages_after(inputs)):
            if needed[stage.targets].any():
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
        """Takes up that cells read others which come later in the plan."""
        readers, sources = self._learned
        before = len(readers)
        codes = np.unique(
            np.concatenate([readers, found.readers]) * np.int64(self.slots.count)
            + np.concatenate([sources, found.sources])
        )
        self._learned = codes // self.slots.count, codes % self.slots.count
        if len(codes) == before:
            # known already, and yet not in order: the cells depend on each other in a circle
            place = self.describe(found.readers[:1])
            raise CalculationError(f"{place} depends on itself through the cells it refers to")
        self._plan = None

    # ---- calculating

    def seed(self, seed: int) -> None:
        """Makes RAND and its kind repeatable."""
        self.workspace.random = np.random.default_rng(seed)

    def calculate(self, everything: bool = False) -> None:
        """Brings all formula cells up to date: those that depend on changed or volatile cells."""
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
        self.edited = False
        self.is_calculated = True

    @property
    def is_current(self) -> bool:
        """Whether nothing was changed since the last calculation; False before the first."""
        return self.is_calculated and not self.changed.any()

    def bring_up_to_date(self) -> None:
        """Calculates, unless nothing was changed since it last did."""
        if not self.is_current:
            self.calculate()

    def calculate_sheet(self, sheet: int) -> None:
        """Brings one sheet's formulas up to date; those of other sheets stay to be calculated."""
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
        stages = self.plan.stages if everything else self._possibly_changed(dirty)
        if sheet is not None:
            stages = [stage for stage in stages if any(step.block.sheet == sheet for step in stage.blocks)]
        pending = self.workspace.pending
        pending[:] = False
        for stage in stages:
            pending[stage.targets] = True
        pending[0] = False
        for stage in stages:
            if everything or stage.volatile or self._depends_on(stage, dirty):
                self._run_stage(stage, dirty)
            pending[stage.targets] = False

    def _possibly_changed(self, dirty: np.ndarray) -> list[Stage]:
        """The stages that depend on changed or volatile cells, directly or through others."""
        reached = dirty.copy()
        chosen = []
        for stage in self.plan.stages:
            if stage.volatile or self._depends_on(stage, reached):
                chosen.append(stage)
                reached[stage.targets] = True
                reached[0] = False
        return chosen

    def _depends_on(self, stage: Stage, mask: np.ndarray) -> bool:
        """Whether it reads any of the marked cells, or its own formulas are new."""
        return stage.depends_on(mask) or (self.edited and bool(mask[stage.targets].any()))

    def _run_stage(self, stage: Stage, dirty: np.ndarray) -> None:
        workspace = self.workspace
        if workspace.problems:
            for slot in stage.targets.tolist():
                workspace.problems.pop(slot, None)
        if stage.is_scan and self._run_loop(stage, dirty):
            return
        workspace.dynamic_reads = []
        circular = [step for step in stage.steps if step.circular]
        for position, step in enumerate(stage.steps):
            if not step.circular:
                self._run_step(step, dirty)
            elif self.file.iterate:
                self._iterate(stage, stage.steps[position:], dirty)
                break
            elif circular:
                self._run_circle(circular, dirty)
                circular = []
        if workspace.dynamic_reads:
            stage.dynamic_reads = np.unique(np.concatenate(workspace.dynamic_reads))

    def _run_loop(self, stage: Stage, dirty: np.ndarray) -> bool:
        """Runs a scan as a compiled loop, if it can be one."""
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
        try:
            value = self.evaluate_step(step)
        except NotReady as found:
            self.learn(found)
            raise Replan from None
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
        try:
            settle(rounds, self.cells, self._evaluated_anew, self.file.iterate_count, self.file.iterate_delta, dirty)
        except NotReady as found:
            self.learn(found)
            raise Replan from None
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
                except (SheetmlError, SizesDiffer, *FAILURES):
                    continue
            return not any(self.moved(slots).any() for slots in workspace.dynamic_reads)

    def _tried(self, step: Step, dirty: np.ndarray) -> bool:
        self.workspace.in_circle = True
        try:
            value = self.evaluate_step(step)
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
            value = evaluated(step.context, block)
        except SizesDiffer:
            raise self._divided(step) from None
        except CalculationError as error:
            value = step.context.uncomputable(str(error))
        except FAILURES as error:
            # a defect of sheetml's: it costs these cells their values, not the workbook
            value = step.context.uncomputable(f"sheetml failed on this formula ({type(error).__name__}: {error})")
        if block.size is None:
            return value
        return self.spills.fit(step, value, self.cells) if block.dynamic else fitted(value, *block.size)

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
        if self.workspace.trace is not None or (value.kind is None and not others):
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
        readers, sources = pairs_of(step.context, step.block.tree)
        own = np.isin(sources, step.targets) if step.circular else np.zeros(len(sources), bool)
        return np.unique(readers[self.moved(sources) & ~own])

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
