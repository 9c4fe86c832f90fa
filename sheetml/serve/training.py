"""Training loops on the page: run and reset, one or all of them, epoch by epoch."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.loops import TrainingLoop
from sheetml.loops.compiled import LOG
from sheetml.serve.session import Job, Session
from sheetml.xlsx.model import Area

FRAMES = 150  # into which a long run is divided
FRAME = 0.06  # seconds, where one watches
MOST_EPOCHS = 100_000
SURFACE = 45  # points along each side of the surface of the loss
_SQUARES = re.compile(r"SQRT\(SUMPRODUCT\(\((?P<predicted>[^-]+)-(?P<observed>[^)]+)\)\^2\)\)")


@dataclass(slots=True)
class Track:
    """Where a loop has been since it was reset or the page first ran it."""

    const: list[float] = field(default_factory=list)
    slope: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    generation: int = 0  # grows with each reset

    def begin(self, loop: TrainingLoop) -> None:
        point = loop.point
        self.const, self.slope, self.loss = [point.const], [point.slope], [point.loss]
        self.generation += 1


class Training:
    """The training loops of a session's workbook, and where they have been."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._loops: dict[str, TrainingLoop] | None = None
        self.tracks: dict[str, Track] = {}
        self._looked = 0.0  # when the others last had a look

    @property
    def loops(self) -> dict[str, TrainingLoop]:
        """The loops by their sheets; looked for once."""
        if self._loops is None:
            self._loops = {loop.sheet: loop for loop in self.session.book.training_loops}
        return self._loops

    def loop(self, sheet: str) -> TrainingLoop:
        if sheet not in self.loops:
            raise SheetmlError(f"there is no training loop on the sheet {sheet!r}")
        return self.loops[sheet]

    def describe(self) -> list[dict[str, Any]]:
        """What the page shows of each loop."""
        with self.session.lock:
            return [
                {
                    "sheet": name, "kind": loop.kind, "rate": loop.learning_rate, "const": loop.point.const,
                    "slope": loop.point.slope, "loss": loop.point.loss, "macros": sorted(loop.macros),
                }
                for name, loop in self.loops.items()
            ]  # fmt: skip

    def since(self, known: dict[str, list[int]]) -> list[dict[str, Any]]:
        """The points of each track that somebody does not have: `known` gives generation and length by sheet."""
        with self.session.lock:
            found = []
            for name, track in self.tracks.items():
                generation, length = known.get(name, [-1, 0])
                start = int(length) if generation == track.generation else 0
                if start < len(track.const):
                    parts = {"const": track.const, "slope": track.slope, "loss": track.loss}
                    points = {key: [_short(value) for value in part[start:]] for key, part in parts.items()}
                    found.append({"sheet": name, "generation": track.generation, "from": start, **points})
            return found

    # ---- runs

    def start(self, sheets: list[str], epochs: int, *, reset: bool, watch: bool) -> Job:
        """Runs loops for so many epochs each, side by side; with `reset` each starts over first."""
        with self.session.lock:
            loops = [self.loop(sheet) for sheet in sheets]
        if not loops or not 0 <= epochs <= MOST_EPOCHS:
            raise SheetmlError(f"{epochs:,} epochs cannot be run")
        race = len(loops) > 1
        what = "all optimizers" if race else f"training {loops[0].sheet}"
        job = Job(self.session, "race" if race else "train", what if epochs else f"resetting {sheets[0]}", sheets[0])
        job.progress = {"epochs": 0, "of": epochs, "sheets": sheets}
        return self.session.start(job, lambda job: self._run(job, loops, epochs, reset, watch))

    def _run(self, job: Job, loops: list[TrainingLoop], epochs: int, reset: bool, watch: bool) -> None:
        session = self.session
        with session.lock, session.recorded(job.name):
            for loop in loops:
                track = self.tracks.setdefault(loop.sheet, Track())
                if reset:
                    loop.reset()
                if reset or not track.const or not _same(track, loop):
                    track.begin(loop)
            for loop in loops:  # room for what they log, all at once: new cells cost a new plan
                if loop.cells.has(*LOG):
                    loop.cells.reserve(LOG[0], epochs)
            done, step = 0, max(1, math.ceil(epochs / FRAMES))
            while done < epochs:
                job.check()
                began = time.monotonic()
                count = min(step, epochs - done)
                by_each = [self._advance(job, loop, count) for loop in loops]
                done += max(*by_each, 1)
                job.progress["epochs"] = done
                job.breathe()
                self._looked = time.monotonic()
                if watch:
                    session.lock.release()
                    try:
                        job.pause(max(FRAME - (time.monotonic() - began), 0.0))
                    finally:
                        session.lock.acquire()
        job.message = "Started over." if not epochs else f"{done:,} epochs."

    def _advance(self, job: Job, loop: TrainingLoop, epochs: int) -> int:
        job.check()
        history, track = loop.run(epochs), self.tracks[loop.sheet]
        track.const += history.const.tolist()
        track.slope += history.slope.tolist()
        track.loss += history.loss.tolist()
        if time.monotonic() - self._looked > FRAME:
            job.breathe()
            self._looked = time.monotonic()
        return history.epochs

    # ---- the surface of the loss

    def surface(self, sheet: str, low: tuple[float, float], high: tuple[float, float]) -> dict[str, Any]:
        """The loss over (const, slope), as the sheet's own formulas compute it when no row moves the weights.

        With a learning rate of 0 every row predicts by the same weights. Returns the axes and the losses, (rows of
        slope, columns of const); nothing where the sheet names no learning rate.
        """
        with self.session.lock:
            loop = self.loop(sheet)
            areas, position = loop.layout.areas, loop.layout.sheet
            if "learning rate" not in areas:
                return {}
            inputs = [(position, areas[name]) for name in ("const", "slope", "learning rate")]
            const, slope = np.linspace(low[0], high[0], SURFACE), np.linspace(low[1], high[1], SURFACE)
            across, down = np.meshgrid(const, slope)
            points = np.stack([across.reshape(-1), down.reshape(-1), np.zeros(across.size)], axis=1)
            losses = self._losses(loop, inputs, points)
            return {"const": const.tolist(), "slope": slope.tolist(), "loss": losses.reshape(across.shape).tolist()}

    def _losses(self, loop: TrainingLoop, inputs: list[tuple[int, Area]], points: np.ndarray) -> np.ndarray:
        book, loss = self.session.book, loop.layout.loss
        if isinstance(loss, str):
            return book.function_of(inputs, [(loop.layout.sheet, loop.layout.areas[loss])]).batch(points).reshape(-1)
        match = None if loss is None else _SQUARES.fullmatch(loss.text)
        if match is None:
            raise SheetmlError(f"the sheet {loop.sheet!r} has no loss")
        predicted, observed = (book.areas(match[part], loop.sheet) for part in ("predicted", "observed"))
        found = book.function_of(inputs, predicted).batch(points)
        y = book.calculation.numbers(book.held_slots(observed))
        return np.sqrt(((found.reshape(len(points), -1) - y) ** 2).sum(axis=1))


def training(session: Session) -> Training:
    """The training of a session's workbook."""
    with session.lock:
        known = session.kept.setdefault("training", None)
        if not isinstance(known, Training):
            known = session.kept["training"] = Training(session)
        return known


def _same(track: Track, loop: TrainingLoop) -> bool:
    """Whether a track ends where the loop stands: nobody else has moved it."""
    return (track.const[-1], track.slope[-1]) == (loop.point.const, loop.point.slope)


def _short(number: float) -> float | None:
    return float(f"{number:.6g}") if math.isfinite(number) else None
