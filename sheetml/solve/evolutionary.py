"""Models that are not smooth, in place of Excel's "Evolutionary": a population of points that improve on each other.

Differential evolution (Storn, Price 1997), SciPy's, over the whole population at once; measured against
CMA-ES it found the better answers on models with steps and whole numbers (docs/solver.md). It alternates
with what it is bad at: moves of one or two cells from the best point, and, where there are derivatives, a
descent by the exact gradient with the whole numbers held. Points are compared as Deb (2000) does: those
that meet the constraints come first, the others by how far they miss them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve import enumeration, neighbours, nonlinear
from sheetml.solve.cluster import Cluster
from sheetml.solve.outcome import searched
from sheetml.solve.problem import Problem
from sheetml.solve.repair import Repair, repair_of
from sheetml.solve.search import CONVERGED, LIMIT, Limits, Point, Progress, Search, Stop, gained
from sheetml.solve.smoothness import is_smooth
from sheetml.solve.starts import even_points, spread

METHOD, TRIED = "differential evolution", "enumeration"
FEWEST_POINTS, MOST_POINTS = 20, 400  # of a population, ...
MOST_NUMBERS = 2**22  # ... if they come to no more numbers than these
PATIENCE = 80  # generations without a gain, and ...
PATIENCE_PER_CELL = 8  # ... so many more for each adjustable cell, after which a population has settled
MOST_PATIENCE = 400
ROUNDS = 20  # populations at most
LAST_ROUNDS = 2  # that must settle without a gain, one after the other
GAIN = 1e-7  # relative: what counts as one
WORTH_WAITING = 1e-5  # the same within a population: moves and descents do the rest
DESCENT_SECONDS = 1.0  # of the gradient core at a time
MOST_IN_VAIN = 3  # descents in a row without a gain, after which no more are tried
SMOOTH_STARTS = 10  # of the gradient core
WIDE = 10.0  # half the width of the box in which cells without bounds are first looked for, by their size
WORST = 1e300  # stands for a point without a value
BAD = 1e200  # from here on points that miss a constraint are ranked


def solve(
    problem: Problem,
    limits: Limits,
    *,
    starts: int = 1,
    seed: int | None = None,
    central: bool = False,
    callback: Callable[[Progress], None] | None = None,
    workers: int | Cluster | None = None,
) -> Any:
    """Solves a problem and assigns the best point; see SolverModel.solve for what is returned.

    Ends where neither further populations nor moves from the best point gain anything, in any case after
    the file's seconds without improvement.
    """
    search = Search(problem, limits, central, callback)

    def run() -> tuple[str, str, int]:
        if enumeration.count(problem) <= enumeration.MOST_POINTS:
            return TRIED, enumeration.try_all(search), CONVERGED
        return METHOD, _Evolution(search, seed).run(), CONVERGED

    return searched(search, METHOD, run)


class _Evolution:
    """The search of one problem: populations, moves and descents in turn."""

    def __init__(self, search: Search, seed: int | None) -> None:
        problem = search.problem
        self.search = search
        self.problem = problem
        self.whole = problem.whole
        self.seed = problem.settings.seed if seed is None else seed
        most = int(np.clip(MOST_NUMBERS // max(problem.start.size, 1), FEWEST_POINTS, MOST_POINTS))
        self.size = int(np.clip(problem.settings.population, FEWEST_POINTS, most))
        self.patience = min(PATIENCE + PATIENCE_PER_CELL * problem.start.size, MOST_PATIENCE)
        self.lower, self.upper = _box(problem)
        self.keys = np.zeros(problem.start.size, bool)  # cells of groups that are all different: ordered by keys
        for group in problem.different:
            self.keys[group] = True
            self.lower[group], self.upper[group] = 0.0, 1.0
        self.repair: Repair | None = None
        self.descended: Point | None = None  # the best point when the gradient core last ended
        self.vain = 0  # descents in a row that gained nothing
        self.ran_out = False  # the file's seconds without improvement passed

    def run(self) -> str:
        search = self.search
        search.judged(self.point(self.code(self.problem.start[None, :])))
        self.repair = None if self.keys.any() else repair_of(search)
        self._descend()
        smooth = not self.whole.any() and is_smooth(self.problem)
        if smooth:
            self._descend_from_many()
        idle = 0
        for number in range(ROUNDS):
            before = self._best()
            if self.upper.size and (self.upper > self.lower).any():
                self._population(number)
            self._move()
            self._descend()
            better = gained(before, self._best(), GAIN)
            idle = 0 if better or self._widened() else idle + 1
            if self.ran_out:
                seconds = self.problem.settings.seconds_without_improvement
                return f"ended: no improvement within {seconds:g} s, as the file asks"
            if idle == (1 if smooth else LAST_ROUNDS):
                break
        populations = "population" if idle == 1 else "populations"
        return f"ended: {idle} more {populations} of {self.size} points brought no improvement"

    # ---- points and their codes

    def code(self, points: np.ndarray) -> np.ndarray:
        """What the population is made of: the cells' values; of cells all different keys by which they are ordered."""
        codes = np.clip(points, self.lower, self.upper)
        for group in self.problem.different:
            codes[:, group] = (_ranks(points[:, group]) + 0.5) / group.size
        return codes

    def point(self, codes: np.ndarray) -> np.ndarray:
        """The points of codes, (p, n): whole where they must be, within bounds, equal sums restored."""
        points = codes if self.repair is None else self.repair(codes)
        points = np.where(self.whole, np.rint(points), points)
        for group in self.problem.different:
            points[:, group] = _ranks(codes[:, group]) + 1.0
        return np.clip(points, self.problem.lower, self.problem.upper)

    # ---- one population

    def _population(self, number: int) -> None:
        """Differential evolution until it has settled, from a new population that holds the best point."""
        from scipy.optimize import differential_evolution

        random = np.random.default_rng([self.seed, number])
        waited = _Patience(self.search, self.patience, self.problem.settings.seconds_without_improvement)

        def energies(codes: np.ndarray) -> np.ndarray:
            return self._energies(self.point(codes.T))

        def generation(intermediate_result: Any) -> bool:
            self.search.after_iteration()
            return waited.over()

        fixed = self.lower >= self.upper
        differential_evolution(
            energies,
            list(zip(self.lower, np.where(fixed, self.lower, self.upper))),
            strategy="currenttobest1bin",
            init=self._first(number, random),
            maxiter=1_000_000,
            tol=0.0,
            atol=0.0,
            mutation=(0.4, 1.0),
            recombination=0.7,
            rng=random,
            callback=generation,
            polish=False,
            updating="deferred",
            vectorized=True,
            integrality=self.whole & ~self.keys & ~fixed,
        )
        self.ran_out = waited.seconds_over

    def _first(self, number: int, random: np.random.Generator) -> np.ndarray:
        """The points a population starts from: spread evenly, some near the best point, and that itself."""
        spread = even_points(self.size, self.lower.size, random)
        codes = self.lower + spread * (self.upper - self.lower)
        if self.search.best is not None:
            best = self.code(self.search.best.x[None, :])
            near = self.size // 4
            width = (self.upper - self.lower) * 10.0 ** random.uniform(-4, -0.5, (near, 1))
            moved = random.random((near, self.lower.size)) < max(2.0 / self.lower.size, 0.2)
            codes[:near] = np.where(moved, best + random.normal(size=(near, self.lower.size)) * width, best)
            codes[0] = best[0]
        return np.clip(codes, self.lower, self.upper)

    def _energies(self, points: np.ndarray) -> np.ndarray:
        """One number each by which points are compared, smaller is better."""
        excess, cost = self.search.ranks(*self.search.judged(points))
        energy = np.where(excess > 0, BAD * (1.0 + np.minimum(excess, 1e50)), np.minimum(cost, BAD))
        return np.where(np.isfinite(cost), energy, WORST)

    # ---- from the best point

    def _move(self) -> None:
        """Moves of one or two cells from the best point, as long as they gain."""
        if self.search.best is not None:
            neighbours.descend(self.search, self.lower, self.upper, self.keys)

    def _descend_from_many(self) -> None:
        """The gradient core from points spread over the box: for models that are smooth and merely ask for this."""
        box = replace(self.problem, lower=self.lower, upper=self.upper)
        for point in spread(box, SMOOTH_STARTS, self.seed):
            self._descend_at(point)

    def _descend(self) -> None:
        """The gradient core from the best point, whole numbers held; where cells have derivatives."""
        search = self.search
        if search.best is None or self.descended is search.best or self.vain == MOST_IN_VAIN:
            return
        before = self._best()
        self._descend_at(search.best.x)
        self.descended = search.best
        self.vain = 0 if gained(before, self._best(), GAIN) else self.vain + 1

    def _descend_at(self, x: np.ndarray) -> None:
        search, problem = self.search, self.problem
        if self.whole.all() or search.no_derivative:
            return
        held = np.where(self.whole, x, problem.lower), np.where(self.whole, x, problem.upper)
        part = replace(problem, lower=held[0], upper=held[1], start=x)
        until = min(search.seconds + DESCENT_SECONDS, search.limits.max_time or math.inf)
        limits = replace(search.limits, max_time=until, max_iterations=None)
        inner = Search(
            part, limits, search.central, None, started=search.started, may_creep=limits.tolerance is not None
        )
        z = inner.scaled(part.start)
        try:
            inner.start_at(z)
            _, gradient = inner.value_and_gradient(z)
            if not inner.no_derivative and (gradient.any() or problem.constraints is not None):
                nonlinear.descend_from(inner, z)
        except Stop as stop:
            if stop.status != LIMIT:
                raise
        except CalculationError:
            pass
        finally:
            search.no_derivative = inner.no_derivative
            search.evaluations += inner.evaluations
            search.gradients += inner.gradients
            search.iterations += inner.iterations
            if inner.best is not None:
                search.keep(inner.best.x, inner.best.cost, inner.best.missed)

    # ---- how far it has come

    def _best(self) -> tuple[float, float]:
        best = self.search.best
        return (math.inf, math.inf) if best is None else self.search.rank(best)

    def _widened(self) -> bool:
        """Whether the best point lies at the edge of the box put around a cell without bounds, which is widened."""
        best = self.search.best
        if best is None:
            return False
        width = self.upper - self.lower
        low = np.isneginf(self.problem.lower) & (best.x < self.lower + 0.05 * width)
        high = np.isposinf(self.problem.upper) & (best.x > self.upper - 0.05 * width)
        self.lower = np.where(low, best.x - WIDE * width, self.lower)
        self.upper = np.where(high, best.x + WIDE * width, self.upper)
        return bool(low.any() or high.any())


class _Patience:
    """Counts generations, and seconds, since the best point last improved."""

    def __init__(self, search: Search, generations: int, seconds: float) -> None:
        self.search = search
        self.generations = generations
        self.seconds = seconds
        self.seconds_over = False
        self.best: tuple[float, float] = (math.inf, math.inf)
        self.idle = 0
        self.since = search.seconds

    def over(self) -> bool:
        best = self.search.best
        rank = (math.inf, math.inf) if best is None else self.search.rank(best)
        if gained(self.best, rank, WORTH_WAITING):
            self.best, self.idle, self.since = rank, 0, self.search.seconds
            return False
        self.idle += 1
        self.seconds_over = self.search.seconds - self.since > self.seconds
        return self.seconds_over or self.idle >= self.generations


def _ranks(keys: np.ndarray) -> np.ndarray:
    """The place of each key among those of its row, from 0."""
    return np.argsort(np.argsort(keys, axis=1, kind="stable"), axis=1, kind="stable").astype(np.float64)


def _box(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Where points are looked for: the bounds, and a box around the start where there are none."""
    width = WIDE * np.maximum(1.0, np.abs(problem.start))
    around = np.clip(problem.start, problem.lower, problem.upper)
    lower = np.where(np.isfinite(problem.lower), problem.lower, np.minimum(around, problem.upper) - width)
    upper = np.where(np.isfinite(problem.upper), problem.upper, np.maximum(around, problem.lower) + width)
    lower = np.where(problem.whole, np.ceil(lower - 1e-9), lower)
    return lower, np.where(problem.whole, np.floor(upper + 1e-9), upper)
