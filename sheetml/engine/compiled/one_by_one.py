"""Cells that depend on each other, computed one by one on plain Python values, each once what it reads is known.

A recurrence that is no loop on floats (recurrence.py), because there are texts, errors, choices or look-ups in it,
would cost an array operation for every few cells; and where blocks depend on each other in a circle by the text of
their formulas, each cell shows only when it is computed what it needs: that is then computed first. What
item_formulas.py does not know is evaluated by the engine, a cell at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine.cells import StoredCells
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.compiled.item_formulas import PENDING, ItemFormula, Needed, is_unknown, item_formula
from sheetml.engine.compiled.items import Item, items_of, value_of_items
from sheetml.engine.compiled.numbers import FAULTS, code_of
from sheetml.engine.dates import date_1904
from sheetml.engine.evaluate import NotReady, Workspace
from sheetml.engine.plan import Stage, Step
from sheetml.engine.sizes import Split
from sheetml.engine.values import Value
from sheetml.errors import SheetmlError
from sheetml.xlsx.model import ErrorCode

FEWEST_STEPS = 8  # below which it is not worth compiling
MOST_AT_ONCE = 40  # cells in a step on average, from which arrays are faster


@dataclass(slots=True)
class Cells:
    """The cells of a stage and their formulas: None where the engine is to evaluate them."""

    formulas: list[ItemFormula | None]  # of each of the stage's blocks
    place: dict[int, tuple[int, int]]  # of each cell, by slot: its block, and its number among the block's cells
    watched: bool


def cells_of(stage: Stage, workspace: Workspace) -> Cells | None:
    """The stage's cells one by one; None where that is not worth while, or none of its formulas is known here."""
    circular = stage.is_circular
    count = sum(len(block.cells) for block in stage.blocks)
    if not circular and (len(stage.steps) < FEWEST_STEPS or count > MOST_AT_ONCE * len(stage.steps)):
        return None
    live = np.zeros(workspace.slots.count, bool)
    live[stage.targets] = True
    live[0] = False
    system = date_1904.set(workspace.scope.file.date_1904)
    try:
        formulas = [_formula(block, live, circular) for block in stage.blocks]
    finally:
        date_1904.reset(system)
    if not any(formulas):
        return None
    place = {
        slot: (number, cell)
        for number, block in enumerate(stage.blocks)
        for cell, slot in enumerate(block.cells.tolist())
    }
    return Cells(formulas, place, circular)


def _formula(block: Step, live: np.ndarray, watched: bool) -> ItemFormula | None:
    try:
        return item_formula(block, live, watched)
    except (NotScalar, NotReady, Split, SheetmlError):
        return None


class Run:
    """One calculation of a stage's cells.

    `store` takes the values of slots when they are to be seen by all, `evaluate` has the engine compute a step.
    """

    def __init__(
        self,
        stage: Stage,
        cells: Cells,
        workspace: Workspace,
        store: Callable[[np.ndarray, Value], None],
        evaluate: Callable[[Step], None],
    ) -> None:
        self.stage = stage
        self.cells = cells
        self.workspace = workspace
        self.store = store
        self.evaluate = evaluate
        self.values: list[Any] = [None] * workspace.slots.count  # by slot
        self.fresh: list[int] = []  # slots that are computed and not stored yet
        self.functions: list[Callable[[int], Item] | None] = []
        self.unknown = False  # some cell, or part of a formula, could not be computed

    def _prepare(self) -> None:
        self._load(self.stage.reads)
        for slot in self.cells.place if self.cells.watched else ():
            self.values[slot] = PENDING
        for formula in self.cells.formulas:
            self.functions.append(self._prepared(formula))

    def _prepared(self, formula: ItemFormula | None) -> Callable[[int], Item] | None:
        if formula is None:
            return None
        try:
            function = formula.prepared(self.values)
            self.unknown = self.unknown or formula.unknown
            return function
        except (NotScalar, NotReady, Split, SheetmlError):
            return None

    def _load(self, slots: np.ndarray) -> None:
        stored = self.workspace.cells
        assert isinstance(stored, StoredCells)
        for slot, item in zip(slots.tolist(), items_of(stored.gather(slots))):
            self.values[slot] = item
            self.unknown = self.unknown or is_unknown(item)

    def _flush(self) -> None:
        """Stores what has been computed."""
        if self.fresh:
            slots = np.array(self.fresh, np.intp)
            self.store(slots, value_of_items([self.values[slot] for slot in self.fresh]))
            self.fresh = []

    def _by_engine(self, step: Step) -> None:
        self._flush()
        self.evaluate(step)
        self._load(step.targets.reshape(-1))

    # ---- in the order of the plan

    def in_order(self) -> None:
        """Computes all of the cells, step by step."""
        system = date_1904.set(self.workspace.scope.file.date_1904)
        try:
            self._prepare()
            for step in self.stage.steps:
                slots = step.cells.tolist()
                number = self.cells.place[slots[0]][0]
                function = self.functions[number]
                if function is None:
                    self._by_engine(step)
                    continue
                for position, slot in enumerate(slots):
                    if not self._compute(slot, function):
                        self._by_engine(step.part(np.array([position])))
            self._flush()
        finally:
            date_1904.reset(system)

    def _compute(self, slot: int, function: Callable[[int], Item]) -> bool:
        """Computes a cell; whether it could be."""
        try:
            item = function(self.cells.place[slot][1])
        except FAULTS as fault:
            if self.unknown:
                return False  # what could not be computed comes before all errors: the engine says why
            item = ErrorCode(code_of(fault))
        except (NotScalar, Split, SheetmlError):
            return False
        self.values[slot] = item
        self.fresh.append(slot)
        return True

    # ---- in the order in which the cells need each other

    def as_needed(self) -> set[int]:
        """Computes the cells that do not need themselves; the slots of the others."""
        system = date_1904.set(self.workspace.scope.file.date_1904)
        stuck: set[int] = set()
        try:
            self._prepare()
            for slot in self.cells.place:
                if self.values[slot] is PENDING and slot not in stuck:
                    self._settle(slot, stuck)
            self._flush()
        finally:
            date_1904.reset(system)
        return stuck

    def _settle(self, slot: int, stuck: set[int]) -> None:
        """Computes a cell, and before it those that it needs."""
        stack, within = [slot], {slot}
        while stack:
            try:
                self._attempt(stack[-1])
            except Needed as needed:
                if needed.slot in within or needed.slot in stuck or needed.slot not in self.cells.place:
                    stuck |= within
                    return
                stack.append(needed.slot)
                within.add(needed.slot)
            else:
                within.discard(stack.pop())

    def _attempt(self, slot: int) -> None:
        number, cell = self.cells.place[slot]
        function = self.functions[number]
        if function is not None and self._compute(slot, function):
            return
        step = self.stage.blocks[number].part(np.array([cell]))
        self.workspace.in_circle = True
        try:
            self._by_engine(step)
        except NotReady as late:
            waiting = [each for each in late.sources.tolist() if self.values[each] is PENDING]
            raise Needed(waiting[0] if waiting else slot) from None
        finally:
            self.workspace.in_circle = False
