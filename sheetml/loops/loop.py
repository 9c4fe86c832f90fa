"""Training loops: reset, step and run the sheets that `recognition` finds.

A loop is run by the workbook's own macros where it is handed them, else by the rules. A run by the rules
is compiled: the formulas between the cells an epoch writes and those it reads become one loop on floats
(engine/repetition.py); only what the last epoch comes to is calculated in the workbook itself, which
brings all other cells up to date too. The numbers are the same to the last bit, whichever way they come
about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sheetml.engine.repetition import Expression
from sheetml.loops import rules
from sheetml.loops.cells import SheetCells
from sheetml.loops.compiled import LOG, CompiledRun
from sheetml.loops.recognition import LoopSheet, recognise
from sheetml.tables import html_table
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue

EPOCHS_A_RUN = 5  # of the lesson's button "run"
RESET, STEP, RUN = "reset", "onestep", "somesteps"  # the macros


class Macro(Protocol):
    """A macro; `sheet` is the sheet in whose module it stands."""

    @property
    def name(self) -> str: ...

    @property
    def sheet(self) -> str | None: ...


class Procedure(Protocol):
    """A macro as it is called."""

    @property
    def name(self) -> str: ...


class Macros(Protocol):
    """The macros of a workbook, as far as loops need them; `sheetml.macros.session.Macros` are such."""

    def list(self) -> Iterable[Macro]: ...

    def run(self, name: str, *, on_call: Callable[[Procedure], None] | None = None) -> object:
        """Runs "sheet.macro" on the workbook's cells; `on_call` is told of each procedure that is called."""


@dataclass(frozen=True, slots=True)
class Point:
    """The weights and the loss at one moment; nan where a cell holds no number."""

    const: float
    slope: float
    loss: float


@dataclass(slots=True)
class History:
    """What a run did: where it started, and the weights and the loss after each epoch, (epochs,) each."""

    start: Point
    const: np.ndarray = field(default_factory=lambda: np.zeros(0))
    slope: np.ndarray = field(default_factory=lambda: np.zeros(0))
    loss: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def epochs(self) -> int:
        return len(self.const)

    @property
    def end(self) -> Point:
        """The weights and the loss after the last epoch."""
        if not self.epochs:
            return self.start
        return Point(float(self.const[-1]), float(self.slope[-1]), float(self.loss[-1]))

    @property
    def diverged(self) -> int | None:
        """The first epoch (from 1) after which a weight is no longer a number; None if there is none."""
        wrong = np.nonzero(~(np.isfinite(self.const) & np.isfinite(self.slope)))[0]
        return int(wrong[0]) + 1 if wrong.size else None

    def add(self, table: np.ndarray) -> None:
        """Adds epochs: rows of const, slope and loss."""
        self.const = np.concatenate([self.const, table[:, 0]])
        self.slope = np.concatenate([self.slope, table[:, 1]])
        self.loss = np.concatenate([self.loss, table[:, 2]])


def training_loops(workbook: Book, macros: Callable[[], Macros] | None = None) -> list[TrainingLoop]:
    """The training loops of the workbook, sheet by sheet; it is calculated if it has not been yet.

    `macros` gives the workbook's macros: it is called once they are looked for. Without it all loops are
    run by the rules.
    """
    if not workbook.calculation.is_calculated:
        workbook.calculate()
    return [TrainingLoop(workbook, loop, macros) for loop in recognise(workbook)]


class TrainingLoop:
    """A sheet that trains a line, slope · x + const, by copying its last row's results to the first."""

    def __init__(self, workbook: Book, loop: LoopSheet, macros: Callable[[], Macros] | None = None) -> None:
        self.workbook = workbook
        self.layout = loop
        self.cells = SheetCells(workbook, loop)
        self._copies = rules.epoch_copies(loop.kind, loop.copies)
        self._annealing = rules.ANNEALING.get(loop.kind)
        self._compiled: CompiledRun | None = None
        self._all_macros = macros
        self._macros: set[str] | None = None

    def __repr__(self) -> str:
        return f"<TrainingLoop {self.kind} on sheet {self.sheet!r}>"

    def _repr_html_(self) -> str:
        """How notebooks show it: where it stands."""
        point, rate = self.point, self.learning_rate
        rows = [
            ("rule", self.kind),
            ("learning rate", "" if rate is None else f"{rate:.6g}"),
            ("intercept, slope", f"{point.const:.6g}, {point.slope:.6g}"),
            ("loss", f"{point.loss:.6g}"),
        ]
        return html_table(["Training loop", self.sheet], rows)

    # ---- what it is

    @property
    def sheet(self) -> str:
        return self.layout.name

    @property
    def kind(self) -> str:
        """The update rule in words: "momentum", "annealed Adam"; the sheet may say it in a cell named rule."""
        stated = self.cells.values("rule")[0] if self.layout.has("rule") else None
        return stated if isinstance(stated, str) and stated else self.layout.kind

    @property
    def learning_rate(self) -> float | None:
        return self.cells.value("learning rate") if self.layout.has("learning rate") else None

    @property
    def point(self) -> Point:
        """The weights and the loss just now."""
        loss = self.layout.loss
        if isinstance(loss, Expression):
            error = loss.value(self.workbook.calculation)
        else:
            error = math.nan if loss is None else self.cells.value(loss)
        return Point(self.cells.value("const"), self.cells.value("slope"), error)

    @property
    def macros(self) -> set[str]:
        """Which of reset, onestep and somesteps the workbook has as macros of this sheet."""
        if self._macros is None:
            self._macros = set()
            if self._all_macros is not None and self.workbook.file.macro_parts:
                found = {macro.name.casefold() for macro in self._all_macros().list() if macro.sheet == self.sheet}
                self._macros = found & {RESET, STEP, RUN}
        return self._macros

    def _run(self, macro: str, on_call: Callable[[Procedure], None] | None = None) -> None:
        assert self._all_macros is not None  # `macros` names those that there are
        self._all_macros().run(f"{self.sheet}.{macro}", on_call=on_call)

    # ---- its buttons

    def reset(self, *, by_rules: bool = False) -> None:
        """Starts over: by the workbook's macro `reset` if it has one, else (or with `by_rules`) by the rules."""
        if RESET in self.macros and not by_rules:
            self._run(RESET)
            return
        self._prepare()
        if self.cells.has("rmses"):
            self.cells.clear("rmses")
        rules.RESETS[self.layout.kind](self.cells, self.layout.copies)
        self.workbook.calculate()

    def step(self, *, by_rules: bool = False) -> None:
        """One epoch by itself, the lesson's macro `onestep`: with automatic calculation between its copies."""
        if STEP in self.macros and not by_rules:
            self._run(STEP)
            return
        self._prepare()
        self._one_step()

    def run(self, epochs: int = EPOCHS_A_RUN, *, by_rules: bool = False) -> History:
        """Epochs as the button "run" does them: the weights and the loss after each.

        By the workbook's macro `somesteps` if it has one: as often as gives at least so many epochs
        (the lesson's does 5 at a time). Else, or with `by_rules`, by the rules. A run that diverges goes
        on with what the cells then hold, #NUM!, as Excel does; the history has nan for it.

        Raises MacroError where a macro cannot be run, CalculationError where a formula stands in the way.
        """
        if epochs < 0:
            raise ValueError(f"{epochs} epochs cannot be run")
        self._prepare()
        history = History(self.point)
        if epochs and RUN in self.macros and not by_rules:
            self._run_macro(epochs, history)
        elif epochs:
            self._run_rules(epochs, history)
        return history

    def _prepare(self) -> None:
        self.workbook.calculation.bring_up_to_date()
        self.cells.automatic = True

    # ---- by macros

    def _run_macro(self, epochs: int, history: History) -> None:
        """Presses "run" as often as it takes; an epoch is over when the next onestep is called, or the macro ends."""
        points: list[Point] = []
        calls = 0

        def on_call(code: Procedure) -> None:
            nonlocal calls
            if code.name.casefold() == STEP:
                if calls:
                    points.append(self.point)
                calls += 1

        while len(points) < epochs:
            calls = 0
            self._run(RUN, on_call)
            points.append(self.point)
        history.add(np.array([[point.const, point.slope, point.loss] for point in points]))

    # ---- by the rules

    def _one_step(self) -> None:
        rules.step(self.cells, self._copies, manual=self.layout.kind in rules.STEPS_BY_HAND)

    def _run_rules(self, epochs: int, history: History) -> None:
        if self.cells.has(*LOG):
            self.cells.reserve(LOG[0], epochs)
        done = 0
        while done < epochs:
            several = self._run_several(epochs - done, history)
            done += several
            if not several:
                before = self._state()
                done += self._run_one(history)
                if _same(before, self._state()):  # all further epochs are like this one
                    last = history.end
                    history.add(np.tile([last.const, last.slope, last.loss], (epochs - done, 1)))
                    return

    def _run_several(self, epochs: int, history: History) -> int:
        """Epochs of a run, compiled; how many were done."""
        if self._compiled is None or not self._compiled.holds():
            self._compiled = CompiledRun(self.cells, self._copies, self._annealing)
        table = self._compiled.run(epochs)
        if len(table):
            history.add(table[:-1])
            self._note(history)
        return len(table)

    def _run_one(self, history: History) -> int:
        """One epoch of a run, in the workbook itself."""
        rules.switched(self.cells, False)
        self._one_step()
        if self._annealing is not None:
            self._annealing.procedure(self.cells)
        rules.switched(self.cells, True)
        self._note(history)
        return 1

    def _note(self, history: History) -> None:
        point = self.point
        history.add(np.array([[point.const, point.slope, point.loss]]))

    def _state(self) -> list[CellValue]:
        return [value for target, _ in self._copies for value in self.cells.values(target)]


def _same(before: list[CellValue], after: list[CellValue]) -> bool:
    return [(type(value), value) for value in before] == [(type(value), value) for value in after]
