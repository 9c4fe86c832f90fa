"""Learning rates over the steps of a training, as factors of the optimizer's own rate.

A schedule is asked for all steps of all epochs at once: it is a plain function of time, so that a
training can be stopped and taken up again anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.learn.parameters import Parameters


@dataclass(frozen=True, repr=False)
class Schedule(Parameters):
    """Base of all schedules."""

    registry: ClassVar[dict[str, type[Schedule]]] = {}

    def factors(self, epochs: int, steps: int) -> np.ndarray:
        """What the learning rate is multiplied with, (epochs · steps,), with `steps` in an epoch."""
        raise NotImplementedError

    def momenta(self, epochs: int, steps: int) -> np.ndarray | None:
        """The momentum (beta1 of Adam) of each step, where the schedule moves it."""
        return None


@dataclass(frozen=True, repr=False)
class Constant(Schedule, name="constant"):
    """The same rate throughout."""

    def factors(self, epochs: int, steps: int) -> np.ndarray:
        return np.ones(epochs * steps)


@dataclass(frozen=True, repr=False)
class StepDecay(Schedule, name="step"):
    """The rate times `factor` after every `every` epochs."""

    every: int = 3
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"a step schedule needs at least 1 epoch a step, not {self.every}")

    def factors(self, epochs: int, steps: int) -> np.ndarray:
        epoch = np.repeat(np.arange(epochs), steps)
        return self.factor ** (epoch // self.every)


@dataclass(frozen=True, repr=False)
class SGDR(Schedule, name="sgdr"):
    """Cosine annealing with warm restarts (Loshchilov and Hutter 2017).

    The rate falls along half a cosine to `lowest` times itself, over `cycle_len` epochs at first and
    `cycle_mult` times as many in each cycle that follows. Cycles of 1 and 2 end after 1, 3, 7, 15 … epochs.
    """

    cycle_len: int = 1
    cycle_mult: int = 2
    lowest: float = 0.0

    def __post_init__(self) -> None:
        if self.cycle_len < 1 or self.cycle_mult < 1:
            raise ValueError("the cycles of SGDR need a length and a multiple of at least 1")

    def factors(self, epochs: int, steps: int) -> np.ndarray:
        factors = np.empty(epochs * steps)
        start, length = 0, self.cycle_len * steps
        while start < len(factors):
            stop = min(start + length, len(factors))
            factors[start:stop] = cosine(1.0, self.lowest, np.arange(stop - start) / length)
            start, length = stop, length * self.cycle_mult
        return factors

    def epochs(self, cycles: int) -> int:
        """How many epochs so many whole cycles take."""
        return sum(self.cycle_len * self.cycle_mult**cycle for cycle in range(cycles))


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule, name="one-cycle"):
    """One cycle (Smith 2018): up to the full rate over `warm` of the steps, then down, along cosines.

    It starts at the rate / `div` and ends at the rate / `final_div`; meanwhile the momentum goes from
    `high_momentum` down to `low_momentum` and up again.
    """

    warm: float = 0.3
    div: float = 25.0
    final_div: float = 1e5
    low_momentum: float = 0.85
    high_momentum: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.warm < 1:
            raise ValueError(f"the warm part of a cycle must be between 0 and 1, not {self.warm}")

    def factors(self, epochs: int, steps: int) -> np.ndarray:
        return self._cycle(epochs * steps, 1 / self.div, 1.0, 1 / self.final_div)

    def momenta(self, epochs: int, steps: int) -> np.ndarray:
        return self._cycle(epochs * steps, self.high_momentum, self.low_momentum, self.high_momentum)

    def _cycle(self, total: int, first: float, top: float, last: float) -> np.ndarray:
        time = np.arange(total) / max(total - 1, 1)
        up, down = np.minimum(time / self.warm, 1), np.maximum((time - self.warm) / (1 - self.warm), 0)
        return np.where(time < self.warm, cosine(first, top, up), cosine(top, last, down))


def cosine(first: float, last: float, time: np.ndarray) -> np.ndarray:
    """From first to last along half a cosine, for time from 0 to 1."""
    return last + (first - last) * (1 + np.cos(np.pi * time)) / 2


SCHEDULES: dict[str, type[Schedule]] = Schedule.registry  # by name


def schedule_named(choice: str | Schedule) -> Schedule:
    """The schedule itself, or the one of this name with its usual settings."""
    if isinstance(choice, Schedule):
        return choice
    if choice not in SCHEDULES:
        raise SheetmlError(f"there is no schedule {choice!r}: choose from {', '.join(SCHEDULES)}.")
    return SCHEDULES[choice]()
