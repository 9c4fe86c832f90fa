"""Recalculation: a workbook's values, and the running of its plan."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

import numpy as np

from sheetml.engine import functions
from sheetml.engine.block_values import SizesDiffer, evaluated
from sheetml.engine.cells import Slots, StoredCells, stored_cells
from sheetml.engine.compiled.recurrence import compile_scan
from sheetml.engine.dependencies import pairs_of
from sheetml.engine.evaluate import NotReady, Workspace
from sheetml.engine.formulas import Change, Formulas
from sheetml.engine.plan import Plan, Stage, Step, make_plan
from sheetml.engine.scope import Scope
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
from sheetml.errors import CalculationError
from sheetml.formula.tree import Node
from sheetml.xlsx.model import EPOCH, EPOCH_1904, MAX_COLUMNS, MAX_ROWS, CellValue, WorkbookFile

MOST_REPLANS = 200
_MOST_ROUNDS = 30  # of trying to compute cells in a circle
UNKNOWN = ERROR + UNCOMPUTABLE  # the kind of a value that could not be computed
RELATIVE_TOLERANCE = 1e-9  # within which a recomputed number is the one that Excel stored


_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


class Calculation:
    """The cells of a workbook and everything needed to bring them up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self.formulas = Formulas(file)
        self.scope = Scope(file)
        self._extra: list[set[tuple[int, int]]] = [set() for _ in file.sheets]
        for block in self.formulas.blocks:
            self._extra[block.sheet].update(block.filled())
        self.slots = self._make_slots()
        self.formulas.settle(self.slots)
        self.cells = stored_cells(file, self.slots)
        self.original = stored_cells(file, self.slots)
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
        self.changed = np.zeros(self.slots.count, bool)  # slots set since the last calculation
        self.is_calculated = False
        self.edited = False  # formulas were changed since the last calculation
        self.revision = 0  # counts changes of values, so that what was derived from them can be renewed

    # ---- cells

    def _make_slots(self) -> Slots:
        positions = []
        for sheet, extra in zip(self.file.sheets, self._extra):
            rows, columns = sheet.cells.row.astype(np.int64), sheet.cells.column.astype(np.int64)
            if extra:
                more = np.array(sorted(extra), np.int64).reshape(-1, 2)
                keys = np.unique(
                    np.concatenate([rows * (MAX_COLUMNS + 1) + columns, more[:, 0] * (MAX_COLUMNS + 1) + more[:, 1]])
                )
                rows, columns = np.divmod(keys, MAX_COLUMNS + 1)
            positions.append((rows, columns))
        return Slots(positions)

    def add_cells(self, sheet: int, places: Iterable[tuple[int, int]]) -> None:
        """Makes room for cells the workbook does not hold yet."""
        self._extra[sheet].update(places)
        old_slots, old_cells, old_original = self.slots, self.cells, self.original
        changed_places = [self.slots.place(int(slot)) for slot in np.nonzero(self.changed)[0]]
        learned_places = [[old_slots.place(int(slot)) for slot in part] for part in self._learned]
        problems = {old_slots.place(slot): reason for slot, reason in self.workspace.problems.items()}
        spills = {old_slots.place(slot): size for slot, size in self.workspace.spills.items()}
        self.slots = self._make_slots()
        self.cells, self.original = StoredCells(self.slots.count), StoredCells(self.slots.count)
        for position in range(len(self.file.sheets)):
            rows, columns = old_slots.positions(position)
            new = self.slots.locate(position, rows, columns)
            old = old_slots.locate(position, rows, columns)
            for target, source in ((self.cells, old_cells), (self.original, old_original)):
                target.number[new] = source.number[old]
                target.kind[new] = source.kind[old]
                target.text[new] = source.text[old]
        self.changed = np.zeros(self.slots.count, bool)
        for place in changed_places:
            self.changed[self.slot(*place)] = True
        self._learned = tuple(np.array([self.slot(*p) for p in part], np.intp) for part in learned_places)  # type: ignore[assignment]
        self.formulas.settle(self.slots)
        self.workspace.slots, self.workspace.cells = self.slots, self.cells
        self.workspace.pending = np.zeros(self.slots.count, bool)
        self.workspace.problems = {self.slot(*place): reason for place, reason in problems.items()}
        self.workspace.spills = {self.slot(*place): size for place, size in spills.items()}
        self.scope.row_limit = min(max(self.slots.last_row, default=1) + 1, MAX_ROWS)
        self.scope.column_limit = min(max(self.slots.last_column, default=1) + 1, MAX_COLUMNS)
        self._plan = None

    def slot(self, sheet: int, row: int, column: int) -> int:
        return int(self.slots.locate(sheet, row, column))

    def get(self, sheet: int, row: int, column: int) -> CellValue:
        return self.cells.get(self.slot(sheet, row, column))

    def set(self, slot: int, value: CellValue) -> None:
        """Puts a value into a cell, to be calculated with at the next calculation."""
        before = self.cells.get(slot)
        if before != value or isinstance(before, bool) != isinstance(value, bool):
            self.cells.set(slot, value)
            self.changed[slot] = True
            self.revision += 1

    def is_formula(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots a formula writes."""
        return self.owner[slots] >= 0

    # ---- formulas

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

    def stages_between(self, inputs: np.ndarray, outputs: np.ndarray) -> list[Stage]:
        """The stages that depend on the inputs and that the outputs depend on (both slots), in order.

        The inputs hold what they are given: the formulas among them are not looked into.
        """
        reached = np.zeros(self.slots.count, bool)
        reached[inputs] = True
        downstream = []
        for stage in self.plan.stages:
            if stage.depends_on(reached) and not np.isin(stage.targets, inputs).all():
                downstream.append(stage)
                reached[stage.targets] = True
                reached[0] = False
        needed = np.zeros(self.slots.count, bool)
        needed[outputs] = True
        needed[inputs] = False
        chosen = []
        for stage in reversed(downstream):
            if needed[stage.targets].any():
                chosen.append(stage)
                needed[stage.reads] = True
                needed[stage.dynamic_reads] = True
                needed[inputs] = False
        return chosen[::-1]

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

    def bring_up_to_date(self) -> None:
        """Calculates, unless nothing was changed since it last did."""
        if not self.is_calculated or self.changed.any():
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
        for step in stage.steps:
            if not step.circular:
                self._run_step(step, dirty)
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
        waiting = [step.part(np.array([cell])) for step in steps for cell in range(len(step.cells))]
        for _ in range(_MOST_ROUNDS):
            left = [step for step in waiting if not self._tried(step, dirty)]
            if len(left) in (0, len(waiting)):
                break
            waiting = left
        for step in left:
            step.circular = True
            self._run_step(step, dirty)

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
        if step.circular:
            reason = f"circular reference through {self.describe(step.cells)}"
            value = step.context.uncomputable(reason)
        elif step.block.tree is None:
            value = step.context.uncomputable(step.block.problem)
        else:
            value = self.evaluate_cells(step)
        value = broadcast(value, step.targets.shape)
        return self._with_stored(step, value) if value.kind is not None else value

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
        except _FAILURES as error:
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
        """Where cells could not be computed, the value in the file, if all they read is as it was there."""
        assert value.kind is not None
        unknown = (value.kind == UNKNOWN) & (self.original.kind[step.targets] != BLANK)
        if not unknown.any() or self.workspace.trace is not None:
            return value
        unknown &= ~np.isin(step.cells, self._readers_of_moved(step))[:, None, None]
        if not unknown.any():
            return value
        stored = self.original.gather(step.targets)
        text = np.where(unknown, stored.texts, value.texts)
        kind = np.where(unknown, stored.kinds, value.kind)
        return Value(ops.where(unknown, stored.number, value.number), kind, text)

    def _readers_of_moved(self, step: Step) -> np.ndarray:
        """The step's cells that read something which is no longer as in the file."""
        readers, sources = pairs_of(step.context, step.block.tree)
        own = np.isin(sources, step.targets) if step.circular else np.zeros(len(sources), bool)
        return np.unique(readers[self.moved(sources) & ~own])

    def moved(self, slots: np.ndarray) -> np.ndarray:
        """Which slots hold another value than the file does (numbers beyond rounding)."""
        now, before = self.cells, self.original
        gap = np.abs(now.number[slots] - before.number[slots])
        scale = np.maximum(np.abs(now.number[slots]), np.abs(before.number[slots]))
        differs = (now.kind[slots] != before.kind[slots]) | (gap > RELATIVE_TOLERANCE * scale + 1e-300)
        is_text = now.kind[slots] == 3
        return differs | (is_text & (now.text[slots] != before.text[slots]))

    def dependents(self, mask: np.ndarray) -> np.ndarray:
        """Which slots change with those marked, or by themselves: a mask, cell by cell as far as formulas say so."""
        reached = mask.copy()
        for stage in self.plan.stages:
            if stage.volatile or reached[stage.dynamic_reads].any():
                reached[stage.targets] = True
            elif reached[stage.reads].any():
                for step in stage.steps:
                    readers, sources = pairs_of(step.context, step.block.tree)
                    reached[step.targets[np.isin(step.cells, readers[reached[sources]])]] = True
            reached[0] = False
        return reached & (self.owner >= 0)

    # ---- words

    def formula_text(self, sheet: int, row: int, column: int) -> str | None:
        """A cell's own formula, without "="; None where it holds none."""
        return self.formulas.own_text(self.slot(sheet, row, column))

    def reason(self, slot: int) -> str:
        """Why a cell has no value: its own reason, or that of the first cell it depends on which has one."""
        seen, waiting = {slot}, [slot]
        while waiting:
            current = waiting.pop(0)
            if current in self.workspace.problems:
                known = self.workspace.problems[current]
                return known if current == slot else f"{self.describe([current])}: {known}"
            stage = int(self.owner[current])
            if stage < 0:
                continue
            for source in self.plan.stages[stage].reads.tolist():
                if source not in seen and self.cells.kind[source] == UNKNOWN:
                    seen.add(source)
                    waiting.append(source)
        return "a cell it depends on has no value"

    def describe(self, slots: Sequence[int] | np.ndarray) -> str:
        """Cells by their addresses: "dotprod!H25:V39"."""
        return self.workspace.describe(slots)


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
