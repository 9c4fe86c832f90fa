"""Trains a network on ratings by minibatches: the trainer, in NumPy and compiled, and its state.

Both trainers draw the same random numbers and give the same results but for rounding. The NumPy trainer
is the plain statement of what is done; with dense updates it takes each step over whole tables.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.networks import Dot, Network
from sheetml.learn.optimizers import RATE, Eve, Optimizer, eve_coefficient
from sheetml.learn.ratings import Ratings
from sheetml.learn.schedules import Schedule
from sheetml.learn.strata import strata
from sheetml.optional import needed

MASK_BYTES = 2**25  # of dropout drawn at a time
FLUSH = 8  # ratings a chunk, for each row that is brought up to date at its end
SHARED = 2**20  # ratings a chunk at least, where workers share it

Progress = Callable[[int, int, float], None]  # steps of the epoch done, steps in all, mean loss so far


@dataclass
class Tables:
    """The numbers of a network: rows (n, width) of users and items, and the weights (1, weight_count)."""

    users: np.ndarray
    items: np.ndarray
    weights: np.ndarray

    def copy(self) -> Tables:
        return Tables(self.users.copy(), self.items.copy(), self.weights.copy())

    def states(self, count: int) -> Tables:
        """Zeros for `count` arrays of optimizer state, each (n, count, width)."""
        return Tables(*(np.zeros((len(t), count, t.shape[1]), t.dtype) for t in (self.users, self.items, self.weights)))


@dataclass
class Trainer:
    """A training under way: all that is needed to go on with it.

    `run_epoch(ratings)` runs the next epoch. Seeded by `random`, it gives the same numbers each time, with more
    `workers` than one others than alone: they train at once on ratings that share no row of either table.
    """

    network: Network
    tables: Tables
    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch: int
    random: np.random.Generator
    compiled: bool
    workers: int = 1
    epoch: int = 0  # epochs done
    rate: float = 0.0  # the learning rate of the last step
    states: Tables = field(init=False)
    feedback: np.ndarray = field(init=False)  # of Eve: beta, clip, previous loss, coefficient

    def __post_init__(self) -> None:
        self.states = self.tables.states(self.optimizer.states)
        eve = self.optimizer if isinstance(self.optimizer, Eve) else None
        if self.workers > 1 and (not isinstance(self.network, Dot) or eve or self.optimizer.is_dense):
            raise ModelError(
                "several workers need a model without weights that all ratings share (dot, dot-bias) and an optimizer "
                "that moves the rows of its minibatch only (--lazy), not eve."
            )
        self.feedback = np.array([eve.beta3, eve.clip, 0.0, 1.0]) if eve else np.empty(0)

    def run_epoch(self, ratings: Ratings, progress: Progress | None = None) -> float:
        """Trains one epoch; returns the mean of the minibatches' losses, each before its step.

        Raises ModelError where the loss is no longer finite.
        """
        return self.run_parts([len(ratings)], lambda _: ratings, progress)

    def run_parts(self, sizes: list[int], part: Callable[[int], Ratings], progress: Progress | None = None) -> float:
        """An epoch over ratings that come in parts of these sizes, `part(number)` each, in random order."""
        counts = [math.ceil(size / self.batch) for size in sizes]
        steps = sum(counts)
        first = self.epoch * steps
        factors = self.schedule.factors(self.epochs, steps)[first : first + steps]
        momenta = self.schedule.momenta(self.epochs, steps)
        momenta = None if momenta is None else momenta[first : first + steps]
        before, total = 0, 0.0  # steps done, and the sum of their losses
        for number in self.random.permutation(len(sizes)) if len(sizes) > 1 else range(len(sizes)):
            chosen = slice(before, before + counts[number])
            rates = self.optimizer.learning_rate * factors[chosen]
            settings = self.optimizer.settings(first + before, rates, None if momenta is None else momenta[chosen])
            losses = np.zeros(counts[number])
            for done in self.run_steps(part(number), settings.astype(self.tables.users.dtype), losses):
                if not np.isfinite(losses[:done]).all():
                    raise ModelError("the loss is no longer a finite number: the learning rate is too high.")
                if progress:
                    progress(before + done, steps, (total + float(losses[:done].sum())) / (before + done))
            before, total = chosen.stop, total + float(losses.sum())
        self.epoch, self.rate = self.epoch + 1, float(self.optimizer.learning_rate * factors[-1])
        return total / steps

    def run_steps(
        self, ratings: Ratings, settings: np.ndarray, losses: np.ndarray, length: int | None = None
    ) -> Iterator[int]:
        """Trains with these settings (steps, SETTINGS), a row a minibatch, on ratings in random order.

        Fills `losses` (steps,) and yields how many steps are done, every `length` steps.
        """
        order = self.random.permutation(np.arange(len(ratings), dtype=np.int32))
        for steps in self._chunks(len(settings), length):
            positions = order[steps.start * self.batch : steps.stop * self.batch]
            self._run(ratings, positions, settings[steps], losses[steps])
            yield steps.stop

    def _chunks(self, steps: int, length: int | None) -> Iterator[slice]:
        """Stretches of steps: long enough that bringing all rows up to date after each costs little."""
        rows = len(self.tables.users) + len(self.tables.items)
        ratings = max(FLUSH * rows, 64 * self.batch)
        if self.workers > 1:
            ratings = max(ratings, SHARED)
        if self.network.mask_width:
            ratings = min(ratings, MASK_BYTES // self.network.mask_width)
        length = length or max(ratings // self.batch, 1)
        return (slice(start, min(start + length, steps)) for start in range(0, steps, length))

    def _run(self, ratings: Ratings, positions: np.ndarray, settings: np.ndarray, losses: np.ndarray) -> None:
        masks = self._masks(len(positions))
        if self.workers > 1:
            self._run_side_by_side(ratings, positions, settings, losses)
        elif self.compiled:
            self._run_compiled(ratings, positions, settings, losses, masks)
        else:
            self._run_numpy(ratings, positions, settings, losses, masks)

    def _masks(self, count: int) -> np.ndarray:
        """What dropout keeps, for `count` ratings: (count, mask_width) of 0 and 1."""
        width = self.network.mask_width
        if isinstance(self.network, Dot):
            return np.empty((0, 0), np.uint8)
        dropped = np.repeat(self.network.dropout, [2 * self.network.factors, self.network.hidden]).astype(np.float32)
        return (self.random.random((count, width), np.float32) >= dropped).view(np.uint8)

    def _run_side_by_side(
        self, ratings: Ratings, positions: np.ndarray, settings: np.ndarray, losses: np.ndarray
    ) -> None:
        """Trains on strata of blocks, the blocks of one at once. All `losses` are the mean of the ratings'.

        The minibatches of a stratum take turns with the settings that belong to its place in the order.
        """
        users, items = ratings.users[positions], ratings.items[positions]
        run, masks = self._run_compiled if self.compiled else self._run_numpy, self._masks(0)
        done, total = 0, 0.0

        def train(worker: int, block: np.ndarray) -> float:
            steps = math.ceil(len(block) / self.batch)
            turns = np.minimum(done // self.batch + worker + self.workers * np.arange(steps), len(settings) - 1)
            of_steps = np.zeros(steps)
            run(ratings, positions[block], settings[turns], of_steps, masks)
            sizes = np.minimum(len(block) - self.batch * np.arange(steps), self.batch)
            return float(of_steps @ sizes)

        with ThreadPoolExecutor(self.workers) as pool:
            counts = (len(self.tables.users), len(self.tables.items))
            for blocks in strata(users, items, counts, self.workers, self.random):
                total += sum(pool.map(train, range(self.workers), blocks))
                done += sum(map(len, blocks))
        losses[:] = total / len(positions)

    # ---- compiled

    def _run_compiled(
        self, ratings: Ratings, positions: np.ndarray, settings: np.ndarray, losses: np.ndarray, masks: np.ndarray
    ) -> None:
        needed("numba", extra="learn")
        from sheetml.learn.kernels import Shape, train

        network, optimizer = self.network, self.optimizer
        low, high = network.rating_range or (0.0, 0.0)
        shape = Shape(
            network.code,
            network.hidden,
            network.bias,
            network.rating_range is not None,
            float(low),
            float(high),
            1 / network.keep[0],
            1 / network.keep[1],
        )
        train(
            ratings.users,
            ratings.items,
            ratings.values,
            positions,
            self.batch,
            shape,
            masks,
            self.tables.users,
            self.states.users,
            self.tables.items,
            self.states.items,
            self.tables.weights,
            self.states.weights,
            optimizer.rule,
            optimizer.linear,
            optimizer.is_dense,
            settings,
            self.feedback,
            losses,
        )

    # ---- NumPy

    def _run_numpy(
        self, ratings: Ratings, positions: np.ndarray, settings: np.ndarray, losses: np.ndarray, masks: np.ndarray
    ) -> None:
        for step, at in enumerate(settings):
            batch = slice(step * self.batch, (step + 1) * self.batch)
            losses[step] = self._step(ratings, positions[batch], masks[batch], at)

    def _step(self, ratings: Ratings, positions: np.ndarray, masks: np.ndarray, at: np.ndarray) -> float:
        tables, states = self.tables, self.states
        users, items = ratings.users[positions], ratings.items[positions]
        values = ratings.values[positions].astype(tables.users.dtype)
        found = self.network.gradients(tables.users[users], tables.items[items], tables.weights[0], values, masks)
        if len(self.feedback):
            self._follow(found.loss, at)
        self._step_rows(tables.users, states.users, users, found.users, at)
        self._step_rows(tables.items, states.items, items, found.items, at)
        if found.weights.size:
            self.optimizer.apply(tables.weights[0], found.weights, states.weights[0], at)
        return found.loss

    def _step_rows(
        self, table: np.ndarray, state: np.ndarray, codes: np.ndarray, gradients: np.ndarray, at: np.ndarray
    ) -> None:
        """The step of the rows of these codes, or with dense updates of all rows."""
        if self.optimizer.is_dense:
            of_table = np.zeros_like(table)
            np.add.at(of_table, codes, gradients)
            self.optimizer.apply(table, of_table, state.swapaxes(0, 1), at)
        else:
            rows, places = np.unique(codes, return_inverse=True)
            of_rows = np.zeros((len(rows), table.shape[1]), table.dtype)
            np.add.at(of_rows, places, gradients)
            values, state_of_rows = table[rows], state[rows]
            self.optimizer.apply(values, of_rows, state_of_rows.swapaxes(0, 1), at)
            table[rows], state[rows] = values, state_of_rows

    def _follow(self, loss: float, at: np.ndarray) -> None:
        """Divides the rate by Eve's coefficient, brought up to date with the loss of this minibatch."""
        beta, clip, previous, coefficient = self.feedback
        if previous > 0 and loss > 0:
            self.feedback[3] = eve_coefficient(loss, previous, coefficient, beta, clip)
        self.feedback[2] = loss
        at[RATE] /= self.feedback[3]


def numba_is_there() -> bool:
    return importlib.util.find_spec("numba") is not None
