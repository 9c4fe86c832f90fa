"""Whole numbers in nonlinear models: branch and bound over the gradient core.

Land, Doig 1960, for nonlinear models Gupta, Ravindran 1985: a model without its whole numbers is solved by
the gradient core; where a cell comes out fractional, it is solved again with the cell at most the number
below, and at least the number above; what cannot be better than the best whole answer known is left out.
Rounding, moves of one or two cells and the start itself give such answers early. The minima of the parts
are local ones: where the model is not convex, what is left out is left out by the best of knowledge.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve import enumeration, evolutionary, neighbours, nonlinear
from sheetml.solve.cluster import Cluster
from sheetml.solve.outcome import searched
from sheetml.solve.problem import Problem
from sheetml.solve.search import CONVERGED, LIMIT, Limits, Point, Progress, Search, Stop
from sheetml.solve.smoothness import is_smooth

METHOD = "branch and bound"
WHOLE = 1e-6  # how far from a whole number counts as one
EXACT = 1e-7  # relative: what a part must promise to be worth its time, among the first parts ...
EXACT_PARTS = 300  # ... of so many; after those the file's integer tolerance
MOST_PARTS = 20_000
MOST_SECONDS = 60.0  # where neither the file nor the user says otherwise
PART_SECONDS = 5.0


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A part of the model: its bounds, and what its best answer without whole numbers costs."""

    cost: float
    number: int  # decides among equals
    lower: Any
    upper: Any
    x: Any  # that answer


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
    """Solves a nonlinear problem with whole numbers; see SolverModel.solve for what is returned.

    What is not smooth goes to the evolutionary search instead, and so do models of few points, which tries them all.
    """
    few = enumeration.count(problem) <= enumeration.MOST_POINTS
    if few or not is_smooth(problem):
        return evolutionary.solve(problem, limits, starts=starts, seed=seed, central=central, callback=callback)
    search = Search(problem, limits, central, callback)
    return searched(search, METHOD, lambda: (METHOD, *_Tree(search).run()))


class _Tree:
    def __init__(self, search: Search) -> None:
        problem = search.problem
        self.search = search
        self.problem = problem
        self.whole = problem.whole
        self.lower = np.where(self.whole, np.ceil(problem.lower - WHOLE), problem.lower)
        self.upper = np.where(self.whole, np.floor(problem.upper + WHOLE), problem.upper)
        self.numbers = itertools.count()
        self.parts: list[Part] = []

    def run(self) -> tuple[str, int]:
        """Goes through the parts, the most promising first; how it ended."""
        search = self.search
        start = np.clip(self.problem.start, self.lower, self.upper)
        search.judged(np.where(self.whole, np.rint(start), start)[None, :])
        self._add(self.lower, self.upper, start)
        if search.best is not None:
            self._add(self.lower, self.upper, search.best.x)
        solved, since = 0, search.seconds
        until = min(MOST_SECONDS, 2 * self.problem.settings.seconds_without_improvement)
        while self.parts:
            part = heapq.heappop(self.parts)
            if part.cost >= self._to_beat(solved):
                self.parts = []
                break
            if (
                solved >= min(MOST_PARTS, self.problem.settings.max_nodes or MOST_PARTS)
                or search.seconds - since > until
            ):
                return self._unfinished(part, solved), LIMIT if search.best is None else CONVERGED
            solved += 1
            self._branch(part)
        self._polish()
        return f"converged: no other whole numbers are better, by {solved} parts of the model", CONVERGED

    def _unfinished(self, part: Part, solved: int) -> str:
        self._polish()
        best = self.search.best
        bound = self.search.shown(part.cost)
        left = f"what is left promises {bound:.10g} at best"
        return f"ended after {solved} parts of the model; {left}" if best is not None else f"ended; {left}"

    def _to_beat(self, solved: int) -> float:
        """The cost below which a part is worth its time."""
        best = self.search.best
        if best is None or best.missed > self.search.limits.precision:
            return math.inf
        share = EXACT if solved < EXACT_PARTS else max(self.problem.settings.integer_tolerance, EXACT)
        return best.cost - share * abs(best.cost)

    def _branch(self, part: Part) -> None:
        x = part.x
        away = np.where(self.whole, np.abs(x - np.rint(x)), 0.0)
        away[part.lower >= part.upper] = 0.0
        cell = int(np.argmax(away))
        if away[cell] <= WHOLE:
            self._keep_rounded(part)
            open_cells = np.nonzero(self.whole & (part.lower < part.upper))[0]
            if not open_cells.size or self._meets(part):
                return
            cell = int(open_cells[0])  # rounding spoilt it: the cell is held to what it is, or beside it
        below, above = math.floor(x[cell]), math.ceil(x[cell])
        if below == above:
            above = below + 1
        for bound, to in ((part.upper, below), (part.lower, above)):
            moved = bound.copy()
            moved[cell] = to
            lower, upper = (moved, part.upper) if bound is part.lower else (part.lower, moved)
            if (lower <= upper).all():
                self._add(lower, upper, np.clip(x, lower, upper))
        if self.search.best is None or not self._meets(part):
            self._keep_rounded(part)

    def _meets(self, part: Part) -> bool:
        """Whether the best point is as good as the part's answer: there is nothing left in it."""
        best = self.search.best
        return best is not None and best.cost <= part.cost + EXACT * abs(part.cost)

    def _add(self, lower: np.ndarray, upper: np.ndarray, start: np.ndarray) -> None:
        """Solves a part without its whole numbers and puts it among those to go through."""
        found = self._solved(lower, upper, start)
        self.search.after_iteration()
        if found is None or found.missed > max(self.search.limits.precision, 1e-6):
            return
        heapq.heappush(self.parts, Part(found.cost, next(self.numbers), lower, upper, found.x))

    def _keep_rounded(self, part: Part) -> None:
        """The part's answer with its whole numbers rounded, and the others descended from there."""
        x = np.clip(np.where(self.whole, np.rint(part.x), part.x), part.lower, part.upper)
        self.search.judged(x[None, :])
        if not self.whole.all():
            lower, upper = (np.where(self.whole, x, bound) for bound in (part.lower, part.upper))
            found = self._solved(lower, upper, x)
            if found is not None:
                self.search.keep(found.x, found.cost, found.missed)

    def _polish(self) -> None:
        """Moves of one or two cells from the best answer, and a descent of the others."""
        search = self.search
        if search.best is None:
            return
        width = 10.0 * np.maximum(1.0, np.abs(search.best.x))
        lower = np.where(np.isfinite(self.lower), self.lower, search.best.x - width)
        upper = np.where(np.isfinite(self.upper), self.upper, search.best.x + width)
        before = search.rank(search.best)
        neighbours.descend(search, lower, upper, np.zeros(self.whole.size, bool))
        if search.rank(search.best) < before and not self.whole.all():
            x = search.best.x
            found = self._solved(np.where(self.whole, x, self.lower), np.where(self.whole, x, self.upper), x)
            if found is not None:
                search.keep(found.x, found.cost, found.missed)

    def _solved(self, lower: np.ndarray, upper: np.ndarray, start: np.ndarray) -> Point | None:
        """The gradient core's answer within these bounds; None where there is none."""
        search = self.search
        search.check_time()
        until = min(search.seconds + PART_SECONDS, search.limits.max_time or math.inf)
        part = replace(self.problem, lower=lower, upper=upper, start=start)
        limits = replace(search.limits, max_time=until, max_iterations=None)
        inner = Search(
            part, limits, search.central, None, started=search.started, may_creep=limits.tolerance is not None
        )
        z = inner.scaled(start)
        try:
            inner.start_at(z)
            nonlinear.descend_from(inner, z)
        except Stop as stop:
            if stop.status != LIMIT:
                raise
        except CalculationError:
            return None
        finally:
            search.evaluations += inner.evaluations
            search.gradients += inner.gradients
        return inner.best
