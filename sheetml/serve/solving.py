"""The Solver on the page: its dialog, and a run that can be watched, stopped, replayed and taken back.

The search works on a copy of the workbook, in a thread of its own. What it finds is put into the workbook itself as it
goes: all pages see the cells move.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import FormulaError, SheetmlError
from sheetml.formula.references import address
from sheetml.serve.editing import Content, Contents, Place, content, put
from sheetml.serve.history import Change
from sheetml.serve.session import Job, Session
from sheetml.solve.model import SolverModel, solver_models
from sheetml.solve.statement import Statement, stated_model, store
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue
from sheetml.xlsx.solver_names import (
    EVOLUTIONARY,
    GRG_NONLINEAR,
    MAXIMISE,
    MINIMISE,
    REACH_VALUE,
    RELATION_WORDS,
    SIMPLEX_LP,
    UNLIMITED,
    SolverModelNames,
)  # fmt: skip

if TYPE_CHECKING:
    from sheetml.solve.result import SolverResult

SENSES = {"min": MINIMISE, "max": MAXIMISE, "value": REACH_VALUE}
ENGINES = {GRG_NONLINEAR: "grg", SIMPLEX_LP: "lp", EVOLUTIONARY: "evolutionary"}
RELATIONS = {1: "<=", 2: "=", 3: ">="}
MOST_FRAMES = 240  # of a run that can be replayed
FRAME = 0.05  # seconds between two of them, where one watches
WATCHED = 6.0  # seconds that watching may add to a run
MOST_CONSTRAINTS = 500

Stated = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a run stood."""

    iteration: int
    objective: float
    x: np.ndarray


@dataclass(slots=True)
class Solved:
    """A run that has ended: what it came to, and what is needed to look back on it."""

    model: SolverModel  # of the copy
    places: list[Place]
    before: Contents
    change: Change
    result: SolverResult
    frames: list[Frame] = field(default_factory=list)


# ---- the model in the words of the dialog ------------------------------------------------------


def models(session: Session) -> list[Stated]:
    """The models of the workbook as the dialog states them; one that cannot be understood says so."""
    with session.lock:
        found = []
        for model in solver_models(session.book):
            try:
                found.append({"words": model.describe(), **described(session.book, model.names)})
            except SheetmlError as error:
                found.append({"sheet": model.names.sheet, "problem": str(error)})
        return found


def described(book: Book, names: SolverModelNames) -> Stated:
    """A model as the dialog shows it: addresses as people write them."""
    senses = {number: word for word, number in SENSES.items()}
    return {
        "sheet": names.sheet,
        "objective": _short(book, names.sheet, names.objective),
        "sense": senses.get(names.sense, "min"),
        "value": names.target_value,
        "by": _short(book, names.sheet, names.adjustable),
        "constraints": [
            f"{_short(book, names.sheet, each.lhs)} {RELATION_WORDS[each.relation]}"
            if each.relation in RELATION_WORDS
            else f"{_short(book, names.sheet, each.lhs)} {RELATIONS[each.relation]} "
            f"{_short(book, names.sheet, each.rhs)}"
            for each in names.constraints
        ],
        "engine": ENGINES.get(names.engine, "grg"),
        "nonNegative": names.non_negative,
        "precision": names.precision,
        "convergence": names.convergence,
        "maxTime": None if names.max_time >= UNLIMITED else names.max_time,
        "maxIterations": None if names.max_iterations >= UNLIMITED else names.max_iterations,
        "multistart": names.multistart,
        "population": names.population,
        "seed": names.seed,
        "ignoreIntegers": names.ignore_integers,
        "scaling": names.scaling,
    }


def _short(book: Book, sheet: int, text: str) -> str:
    """Areas without $ and without the sheet's own name; other texts as they are."""
    home = book.sheet_names[sheet]
    try:
        return str(float(text)).removesuffix(".0")
    except ValueError:
        pass
    try:
        areas = book.resolve(text, home)
    except FormulaError:
        return text
    return ", ".join(address(None if name == home else name, area) for name, area in areas)


def model_of(book: Book, stated: Stated) -> SolverModel:
    """The model that the dialog states, checked. Raises SolverError, one sentence, where it is none."""
    sheet = book.sheet_names[int(stated["sheet"])]
    engine = str(stated.get("engine", "grg"))
    constraints = [str(text).strip() for text in stated.get("constraints", [])][:MOST_CONSTRAINTS]
    statement = Statement(
        by=_parts(str(stated.get("by", ""))),
        objective=str(stated.get("objective", "")).strip(),
        sense=SENSES[str(stated.get("sense", "min"))],
        target_value=float(stated.get("value") or 0.0),
        subject_to=[text for text in constraints if text],
        engine=engine if engine in ENGINES.values() else "grg",
        may_be_negative=not stated.get("nonNegative", True),
    )
    model = stated_model(book, sheet, statement)
    own = {name.sheet: name for name in (each.names for each in solver_models(book))}.get(model.names.sheet)
    settings = SolverModelNames(model.names.sheet, "", "") if own is None else own
    names = replace(
        settings,
        objective=model.names.objective,
        adjustable=model.names.adjustable,
        constraints=model.names.constraints,
        sense=model.names.sense,
        target_value=model.names.target_value,
        engine=model.names.engine,
        non_negative=model.names.non_negative,
        precision=_positive(stated.get("precision"), settings.precision),
        convergence=_positive(stated.get("convergence"), settings.convergence),
        max_time=_limit(stated.get("maxTime")),
        max_iterations=_limit(stated.get("maxIterations")),
        multistart=bool(stated.get("multistart", False)),
        population=max(int(stated.get("population") or settings.population), 1),
        seed=int(stated.get("seed") or 0),
        ignore_integers=bool(stated.get("ignoreIntegers", False)),
        scaling=bool(stated.get("scaling", settings.scaling)),
    )
    return SolverModel(book, names)


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(";", ",").split(",") if part.strip()]


def _positive(number: Any, otherwise: float) -> float:
    return float(number) if number is not None and float(number) > 0 else otherwise


def _limit(number: Any) -> int:
    return int(number) if number and 0 < float(number) < UNLIMITED else UNLIMITED


def keep(session: Session, stated: Stated) -> None:
    """Makes the model that of its sheet, as Excel's dialog shows it; the download holds it."""
    with session.lock:
        session.refuse_while_running()
        store(model_of(session.book, stated))
        session.changed()


# ---- a run -------------------------------------------------------------------------------------


def start(session: Session, stated: Stated, *, watch: bool) -> Job:
    """Runs the Solver on the model that the dialog states."""
    with session.lock:
        session.refuse_while_running()
        model = model_of(session.book, stated)
        job = Job(session, "solve", "Solver", model.sheet)
        job.progress = {"objective": None, "iterations": 0, "evaluations": 0, "series": [], "goal": stated.get("sense")}
    engine = "global" if stated.get("engine") == "global" else ""
    return session.start(job, lambda job: _Run(session, job, model.names, engine, watch).run())


class _Run:
    """A run of the Solver: `told` is called after each iteration."""

    def __init__(self, session: Session, job: Job, names: SolverModelNames, engine: str, watch: bool) -> None:
        self.session = session
        self.job = job
        self.names = names
        self.engine = engine
        self.watch = watch
        self.frames: list[Frame] = []
        self.places: list[Place] = []
        self.before: Contents = {}
        self._every = 1  # iterations between two frames that are kept
        self._shown = 0.0  # when cells were last shown, and how long that took
        self._cost = 0.0
        self._waited = 0.0

    def run(self) -> None:
        session, job = self.session, self.job
        with session.lock:
            book = session.book.copy()
        book.calculation.bring_up_to_date()
        model = SolverModel(book, self.names)
        self.places = [book.calculation.place(slot) for slot in model.problem().slots.tolist()]
        with session.lock:
            self.before = {place: content(session.calculation, place) for place in self.places}
        try:
            result = model.solve(callback=self.told, interrupted=lambda: job.stopping, engine=self.engine)
        except BaseException:
            with session.lock:
                put(session.calculation, self.before)
                session.book.calculate()
            raise
        self._finish(model, result)

    def told(self, progress: Any) -> None:
        """After an iteration: keeps a frame, shows the cells, lets people follow."""
        job, now = self.job, time.monotonic()
        series = job.progress["series"]
        if len(series) >= MOST_FRAMES:
            del series[1::2], self.frames[1::2]
            self._every *= 2
        if progress.iteration % self._every == 0 or not series:
            series.append([progress.iteration, progress.objective])
            self.frames.append(Frame(progress.iteration, progress.objective, _copy(progress.x)))
        job.progress |= {
            "objective": progress.objective, "iterations": progress.iteration, "evaluations": progress.evaluations
        }  # fmt: skip
        due = max(FRAME, 4 * self._cost)
        if self.watch and self._waited < WATCHED and now - self._shown < due:
            job.pause(due - (now - self._shown))
            self._waited += due - (now - self._shown)
            now = time.monotonic()
        if now - self._shown >= due * 0.9:
            self._show(progress.x)
            self._shown = time.monotonic()
            self._cost = self._shown - now

    def _show(self, x: np.ndarray | None) -> None:
        with self.session.lock:
            if x is not None and x.size == len(self.places):
                _assign(self.session, self.places, x)
                self.session.book.calculate()
            self.session.changed()

    def _finish(self, model: SolverModel, result: SolverResult) -> None:
        session, job = self.session, self.job
        with session.lock:
            _assign(session, self.places, result.x, self.before if not result.moved else None)
            session.book.calculate()
            change = Change(
                "Solver", self.before, {place: content(session.calculation, place) for place in self.places}
            )
            if change.before != change.after:
                session.history.add(change)
        self.frames.append(Frame(int(result.nit), float(result.fun), np.array(result.x)))
        job.progress["series"].append([int(result.nit), float(result.fun)])
        job.progress |= {"objective": float(result.fun), "iterations": int(result.nit), "frames": len(self.frames)}
        job.progress["result"] = _in_words(result, self._waited)
        job.message = str(result.message)
        session.kept["solved"] = Solved(model, self.places, self.before, change, result, self.frames)


def _copy(x: np.ndarray | None) -> np.ndarray:
    return np.zeros(0) if x is None else np.array(x)


def _assign(session: Session, places: list[Place], x: np.ndarray, unmoved: Contents | None = None) -> None:
    """Puts numbers into cells, which hold no formulas; where nothing moved, what they held: a blank stays one."""
    calculation = session.calculation
    slots = calculation.locate_places(places)
    if unmoved is not None or not slots.all():
        put(calculation, unmoved or {place: Content(float(value)) for place, value in zip(places, x.tolist())})
        return
    for slot, value in zip(slots.tolist(), x.tolist()):
        calculation.set(slot, value)


def _in_words(result: SolverResult, waited: float) -> dict[str, Any]:
    gradient = float(result.gradient_norm)
    return {
        "before": float(result.fun_start), "after": float(result.fun), "iterations": int(result.nit),
        "evaluations": int(result.nfev), "seconds": max(float(result.seconds) - waited, 0.0),
        "method": str(result.method),
        "success": bool(result.success), "gradient": gradient if math.isfinite(gradient) else None,
        "violation": float(result.constraint_violation), "objective": result.objective,
        "cells": int(result.x.size),
    }  # fmt: skip


# ---- looking back ------------------------------------------------------------------------------


def restore(session: Session) -> None:
    """Brings the adjustable cells' old values back."""
    with session.lock:
        session.refuse_while_running()
        session.change("restoring the values before the Solver", _solved(session).before)


def show_frame(session: Session, number: int) -> dict[str, Any]:
    """Shows the cells as they were at a point of the last run; the last frame is what the run came to."""
    with session.lock:
        session.refuse_while_running()
        solved = _solved(session)
        frame = solved.frames[min(max(number, 0), len(solved.frames) - 1)]
        if frame.x.size == len(solved.places):
            _assign(session, solved.places, frame.x)
            session.book.calculate()
            solved.change.after = {place: content(session.calculation, place) for place in solved.places}
            session.changed()
        return {"iteration": frame.iteration, "objective": frame.objective}


def reports(session: Session, kind: str) -> dict[str, Any]:
    """A report of Excel's Solver about the last run, as lines and tables of texts."""
    with session.lock:
        solved = _solved(session)
        (found,) = solved.model.reports(solved.result, [kind])
        tables = [
            {
                "title": table.title,
                "headings": list(table.headings),
                "rows": [list(map(_text, row)) for row in table.rows],
            }
            for table in found.tables
        ]
        return {"title": found.title, "lines": found.lines, "tables": tables}


def _text(value: CellValue) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e30 else "∞" if value > 0 else "−∞"
    return "" if value is None else str(value)


def _solved(session: Session) -> Solved:
    solved = session.kept.get("solved")
    if not isinstance(solved, Solved):
        raise SheetmlError("the Solver has not been run here yet")
    return solved
