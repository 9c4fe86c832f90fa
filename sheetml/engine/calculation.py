"""Recalculation: a workbook's values, and the running of its plan."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Sequence

import numpy as np

from sheetml.engine import functions
from sheetml.engine import graph as ops
from sheetml.engine.blocks import MOST_FILLED, Block, areas_text, find_blocks, too_many_filled
from sheetml.engine.cells import CellValue, Slots, StoredCells, stored_cells
from sheetml.engine.dates import date_1904
from sheetml.engine.dependencies import pairs_of
from sheetml.engine.edits import Edits
from sheetml.engine.evaluate import Context, NotReady, Split, Workspace, first_element
from sheetml.engine.plan import Plan, Stage, Step, make_plan
from sheetml.engine.scan import compile_scan
from sheetml.engine.scope import Scope
from sheetml.engine.values import (
    BLANK,
    ERROR,
    NUMBER,
    SPILL,
    UNCOMPUTABLE,
    Value,
    broadcast,
    common_shape,
    error_value,
    fitted,
)
from sheetml.errors import CalculationError
from sheetml.formula.text import to_a1
from sheetml.formula.tree import calls
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, WorkbookFile

MOST_REPLANS = 200
PYTHON_FRAMES = 60_000  # what functions that call themselves (LAMBDA) need at most
_MOST_ROUNDS = 30  # of trying to compute cells in a circle
UNKNOWN = ERROR + UNCOMPUTABLE  # the kind of a value that could not be computed
_TOTALS = frozenset({"SUBTOTAL", "AGGREGATE"})
RELATIVE_TOLERANCE = 1e-9  # within which a recomputed number is the one that Excel stored


_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


class Replan(Exception):
    """The plan no longer fits: cells were found to depend on each other, or a spilled area changed."""


class SizesDiffer(Exception):
    """The cells of a block do not all fill areas of one size."""


class Calculation:
    """The cells of a workbook and everything needed to bring them up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self.blocks: list[Block] = find_blocks(file)
        self.scope = Scope(file)
        self._extra: list[set[tuple[int, int]]] = [set() for _ in file.sheets]
        for block in self.blocks:
            self._extra[block.sheet].update(_area_cells(block))
        self.slots = self._make_slots()
        self.cells = stored_cells(file, self.slots)
        self.original = stored_cells(file, self.slots)
        self.workspace = Workspace(
            self.slots,
            self.scope,
            self.cells,
            functions.FUNCTIONS,
            np.zeros(self.slots.count, bool),
            np.random.default_rng(),
        )
        self.workspace.formula_text = self.formula_text
        self.workspace.is_total = self.is_total
        self._learned = (np.zeros(0, np.intp), np.zeros(0, np.intp))
        self._plan: Plan | None = None
        self._totals: np.ndarray | None = None
        self.changed = np.zeros(self.slots.count, bool)  # slots set since the last calculation
        self.is_calculated = False
        self.edits = Edits(self)
        self.edited = False  # formulas were changed since the last calculation
        self.revision = 0  # counts changes of values, so that what was derived from them can be renewed
        self._remember_spills()

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
        self.workspace.slots, self.workspace.cells = self.slots, self.cells
        self.workspace.pending = np.zeros(self.slots.count, bool)
        self.workspace.problems = {self.slot(*place): reason for place, reason in problems.items()}
        self.workspace.spills = {self.slot(*place): size for place, size in spills.items()}
        self._update_limits()
        self._plan = None

    def _update_limits(self) -> None:
        self.scope.row_limit = min(max(self.slots.last_row, default=1) + 1, MAX_ROWS)
        self.scope.column_limit = min(max(self.slots.last_column, default=1) + 1, MAX_COLUMNS)

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

    def formulas_changed(self) -> None:
        """Takes up that cells got or lost formulas; the cells whose formulas are new are marked as changed."""
        self._plan = None
        self._totals = None
        self.edited = True
        self.revision += 1

    def is_total(self, slots: np.ndarray) -> np.ndarray:
        """Which of the slots hold a SUBTOTAL or an AGGREGATE: totals of their kind pass over them."""
        if self._totals is None or len(self._totals) != self.slots.count:
            self._totals = np.zeros(self.slots.count, bool)
            for block in self.blocks:
                if block.tree is not None and calls(block.tree, _TOTALS):
                    self._totals[self.slots.locate(block.sheet, block.rows, block.columns)] = True
        return self._totals[slots]

    # ---- the plan

    @property
    def plan(self) -> Plan:
        if self._plan is None:
            self._plan = make_plan(self.blocks, self.workspace, self._learned)
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
            except Replan:
                everything = True
        else:
            raise CalculationError("the areas that formulas fill keep changing: no calculation settles them")
        self.changed[:] = False
        self.edited = False
        self.is_calculated = True

    def calculate_sheet(self, sheet: int) -> None:
        """Brings one sheet's formulas up to date; those of other sheets stay to be calculated."""
        self.workspace.now = _now(self.file.date_1904)
        everything = not self.is_calculated
        for _ in range(MOST_REPLANS):
            try:
                with np.errstate(all="ignore"):
                    self._run(self.changed, everything, sheet)
                return
            except Replan:
                everything = True
        raise CalculationError("the areas that formulas fill keep changing: no calculation settles them")

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
            return self._divide(step)
        except CalculationError as error:
            value = step.context.uncomputable(str(error))
        except _FAILURES as error:
            # a defect of sheetml's: it costs these cells their values, not the workbook
            value = step.context.uncomputable(f"sheetml failed on this formula ({type(error).__name__}: {error})")
        if block.size is None:
            return value
        if block.dynamic and value.shape[1:] != block.size:
            return first_element(value) if _is_unknown(value) else self._respill(step, value)
        if block.dynamic:
            return self._spilled(step, value)
        return fitted(value, *block.size)

    def note_place(self, step: Step) -> None:
        if self.workspace.trace is not None:
            self.workspace.trace.place = _Place(self, step.cells)

    # ---- arrays that spill

    def _remember_spills(self) -> None:
        for block in self.blocks:
            if block.dynamic and block.size is not None:
                for row, column in zip(block.rows, block.columns):
                    slot = self.slot(block.sheet, int(row), int(column))
                    stored = self.original.kind[slot]
                    self.workspace.spills[slot] = (1, 1) if stored == ERROR + SPILL else block.size

    def _respill(self, step: Step, value: Value) -> Value:
        """The result has another size than the area it filled so far: make room, and plan anew."""
        block = step.block
        size = (value.shape[1], value.shape[2])
        if len(step.cells) * size[0] * size[1] > MOST_FILLED:
            raise CalculationError(too_many_filled(len(step.cells) * size[0] * size[1]))
        if self.workspace.trace is not None:
            raise CalculationError(f"the size of the area that {self.describe(step.cells)} fills depends on inputs")
        if not self._blocked(step, size).all():
            return self._resize(step, size)
        return error_value(SPILL) if block.size == (1, 1) else self._resize(step, (1, 1))

    def _divide(self, step: Step) -> Value:
        """The cells' results are of several sizes: they become blocks of their own, and all is planned anew."""
        if self.workspace.trace is not None:
            raise CalculationError(f"the size of the area that {self.describe(step.cells)} fills depends on inputs")
        block = step.block
        places = {place: number for number, place in enumerate(zip(block.rows.tolist(), block.columns.tolist()))}
        groups: dict[tuple[int, ...], list[int]] = {}
        for cell, place in enumerate(zip(step.context.rows.tolist(), step.context.columns.tolist())):
            shape = evaluated(step.context.select(np.array([cell])), block).shape[1:]
            groups.setdefault(shape, []).append(places.pop(place))
        if places:  # cells of the block that are computed in another step
            groups[()] = list(places.values())
        self.edits.divide(block, [np.array(group) for group in groups.values()])
        raise Replan

    def _resize(self, step: Step, size: tuple[int, int]) -> Value:
        self._clear(step)
        step.block.size = size
        for slot in step.cells.tolist():
            self.workspace.spills[slot] = size
        self.add_cells(step.block.sheet, _area_cells(step.block))
        raise Replan

    def _clear(self, step: Step) -> None:
        """Empties the cells that a spilled array filled, save those with the formulas."""
        slots = np.setdiff1d(step.targets.reshape(-1), step.cells)
        self.cells.kind[slots], self.cells.number[slots], self.cells.text[slots] = BLANK, 0.0, ""

    def _blocked(self, step: Step, size: tuple[int, int]) -> np.ndarray:
        """For which of the cells something stands in the way of an area of this size."""
        places = zip(step.context.rows.tolist(), step.context.columns.tolist())
        return np.array([self._is_blocked(step, row, column, size) for row, column in places])

    def _is_blocked(self, step: Step, row: int, column: int, size: tuple[int, int]) -> bool:
        if row + size[0] - 1 > MAX_ROWS or column + size[1] - 1 > MAX_COLUMNS:
            return True
        rows, columns = np.arange(row, row + size[0])[:, None], np.arange(column, column + size[1])[None, :]
        slots = self.slots.locate(step.block.sheet, rows, columns).reshape(-1)
        others = slots[(slots != 0) & ~np.isin(slots, step.targets)]
        return bool(((self.cells.kind[others] != BLANK) | (self.owner[others] >= 0)).any())

    def _spilled(self, step: Step, value: Value) -> Value:
        size = (value.shape[1], value.shape[2])
        if size == (1, 1):
            return value
        blocked = self._blocked(step, size)
        if blocked.any():
            return self._resize(step, (1, 1))
        for slot in step.cells.tolist():
            self.workspace.spills[slot] = size
        return value

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
        slot = self.slot(sheet, row, column)
        stage = int(self.owner[slot])
        for step in self.plan.stages[stage].blocks if stage >= 0 else []:
            if slot in step.cells:
                tree = step.block.tree
                return step.block.text if tree is None else to_a1(tree, row, column)
        return None

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
        places = np.array([self.slots.place(int(slot)) for slot in slots])
        if not len(places):
            return ""
        texts = []
        for sheet in np.unique(places[:, 0]):
            own = places[places[:, 0] == sheet]
            texts.append(areas_text(self.scope.sheet_names[sheet], own[:, 1], own[:, 2]))
        return ", ".join(texts)


class _Place:
    """Cells for a message, put into words only if it comes to that."""

    def __init__(self, calculation: Calculation, slots: np.ndarray) -> None:
        self.calculation = calculation
        self.slots = slots

    def __str__(self) -> str:
        return self.calculation.describe(self.slots)


def evaluated(context: Context, block: Block) -> Value:
    """The results for the context's cells: (b, 1, 1), or for array formulas (b, R, C)."""
    assert block.tree is not None
    system, frames = date_1904.set(context.workspace.scope.file.date_1904), sys.getrecursionlimit()
    sys.setrecursionlimit(max(frames, PYTHON_FRAMES))
    try:
        value = context.dereference(context.evaluate(block.tree))
        if block.size is None:
            value = first_element(value)
    except Split:
        if context.count == 1:
            raise CalculationError("the formula refers to areas of different sizes at once") from None
        half = context.count // 2
        parts = [context.select(part) for part in (slice(0, half), slice(half, context.count))]
        values = [_sized(evaluated(part, block), part.count) for part in parts]
        if block.dynamic and values[0].shape[1:] != values[1].shape[1:]:
            raise SizesDiffer from None
        return stacked(values)
    finally:
        date_1904.reset(system)
        sys.setrecursionlimit(frames)
    return without_blanks(value)


def _is_unknown(value: Value) -> bool:
    """Whether nothing of it could be computed: what the cells' area should be is then not known either."""
    return value.kind is not None and bool((value.kind == UNKNOWN).all())


def _sized(value: Value, count: int) -> Value:
    return broadcast(value, (count, *value.shape[1:]))


def stacked(values: list[Value]) -> Value:
    """Values of different cells as one; arrays of different sizes are padded."""
    shape = common_shape(values)
    values = [broadcast(value, (value.shape[0], *shape[1:])) for value in values]
    plain = all(value.kind is None for value in values)
    wordless = all(value.text is None for value in values)
    return Value(
        ops.concatenate([value.number for value in values], axis=0),
        None if plain else np.concatenate([value.kinds for value in values]),
        None if wordless else np.concatenate([value.texts for value in values]),
    )


def without_blanks(value: Value) -> Value:
    """A formula's result is never blank: it is 0."""
    if value.kind is None or not (value.kind == BLANK).any():
        return value
    kind = np.where(value.kind == BLANK, NUMBER, value.kind).astype(np.uint8)
    return Value(value.number, kind if kind.any() else None, value.text)


def _area_cells(block: Block) -> list[tuple[int, int]]:
    if block.size is None or block.size == (1, 1):
        return []
    height, width = block.size
    return [
        (int(row) + i, int(column) + j)
        for row, column in zip(block.rows, block.columns)
        for i in range(height)
        for j in range(width)
        if row + i <= MAX_ROWS and column + j <= MAX_COLUMNS
    ]


def _now(date_1904: bool) -> float:
    """This moment as a serial number."""
    epoch = datetime.datetime(1904, 1, 1) if date_1904 else datetime.datetime(1899, 12, 30)
    return (datetime.datetime.now() - epoch).total_seconds() / 86400
