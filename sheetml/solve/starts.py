"""Many starting points for the gradient core, on all processors, and when there have been enough of them.

Points are spread evenly (Sobol 1967, scrambled) within the bounds, or around the start where there are none.
A point is passed over if it lies nearer to a known minimum than points did that led there. The search ends
early by the rule that Excel's multistart goes by: from w different minima found by N starts, w (N - 1) /
(N - w - 2) are estimated to exist (Boender, Rinnooy Kan 1987); where that is less than half a minimum more,
a better one is improbable. On machines that can fork, the starts run in several processes: each has the
workbook from the start, and sends back no more than a point. So do the workers of a Dask scheduler. Points
are decided on in their order, whoever took them up ahead of it: the numbers are those of one process.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.solve.cluster import Cluster, Workers
from sheetml.solve.problem import Problem
from sheetml.solve.search import LIMIT, UNBOUNDED, Point, Search, Stop

ALIKE = 1e-4  # relative: minima that differ by less are taken for the same
NEARER = 0.5  # than this part of the way to a minimum: a point is passed over
WORTH_WORKERS = 0.5  # seconds of work, from which it is shared
FEWEST_STARTS = 8  # before the rule is asked
LONG = 300  # evaluations of a whole descent, from which further starts first get a short one
FURTHER = 4  # every so many points around a start without bounds lie three times as far
AHEAD = 2  # points given out for each process of a pool
POLISHED = 4  # of the best points of short descents get the whole one

Result = TypeVar("Result")
Descend = Callable[[Search, np.ndarray], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Ending:
    """What one start came to."""

    start: np.ndarray  # scaled variables
    best: Point | None
    said: tuple[str, str]  # the method, and how it ended
    iterations: int
    evaluations: int
    gradients: int
    no_derivative: str
    stopped: tuple[str, int] | None = None  # why, and the status


@dataclass(slots=True)
class Minima:
    """The different minima that starts have led to, of a search that may still find more."""

    costs: list[float] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    reach: list[list[float]] = field(default_factory=list)  # from how far off starts have led there
    starts: int = 0

    def add(self, start: np.ndarray, best: Point, search: Search) -> None:
        """Counts a start (scaled variables) that led to this point."""
        self.starts += 1
        place, cost = best.x / search.scale, best.cost
        if best.missed > search.limits.precision or not math.isfinite(cost):
            return
        distance = float(np.linalg.norm(start - place))
        for number, known in enumerate(self.costs):
            if abs(known - cost) <= ALIKE * max(abs(known), abs(cost), 1e-12):
                if np.linalg.norm(self.places[number] - place) <= 0.01 * (1.0 + np.linalg.norm(place)):
                    self.reach[number].append(distance)
                return
        self.costs.append(cost)
        self.places.append(place)
        self.reach.append([distance])

    def is_near_known(self, start: np.ndarray) -> bool:
        """Whether the point would lead to a minimum that is known, as far as that can be told."""
        return any(
            len(reach) > 1 and np.linalg.norm(start - place) < NEARER * min(reach)
            for place, reach in zip(self.places, self.reach)
        )

    @property
    def expected(self) -> float:
        """How many minima there are, as estimated."""
        found, left = len(self.costs), self.starts - len(self.costs) - 2
        return found * (self.starts - 1) / left if left > 0 else math.inf

    @property
    def enough(self) -> bool:
        return self.starts >= FEWEST_STARTS and self.expected < len(self.costs) + 0.5

    def words(self, passed_over: int) -> str:
        """What the starts came to, in words."""
        found = len(self.costs)
        text = f"{self.starts} starts led to {found} different {'minimum' if found == 1 else 'minima'}"
        if passed_over:
            text += f", {passed_over} more were passed over near {'it' if found == 1 else 'them'}"
        if self.enough:
            return f"{text}: a better one is improbable by the rule of Excel's multistart"
        estimate = f"about {self.expected:.0f}" if math.isfinite(self.expected) else "many more"
        return f"{text}; by the rule of Excel's multistart {estimate} are to be expected"


def run(
    search: Search,
    descend: Descend,
    short: Descend,
    first: np.ndarray,
    count: int,
    seed: int | None,
    workers: int | Cluster | None,
) -> tuple[str, str]:
    """Descends from `first` and further points, `count` in all; the best is in the search.

    Where a descent takes long, further points first get a `short` one, and the best few of them a whole one.

    Returns the method that found it, and how that and the whole ended.

    Raises Stop where a limit ends it.
    """
    minima, passed_over, short_ends = Minima(), 0, list[Point]()
    counted = search.limits.max_iterations is not None  # to be kept to exactly, which one process does
    with contextlib.ExitStack() as stack:
        others: Workers | None = None
        if isinstance(workers, Cluster):
            others = None if counted else stack.enter_context(workers.connected(search))
            workers = 1
        began = time.perf_counter()
        ending = _ending(search, descend, first)
        best_said = _took(search, minima, ending, ("", ""))
        is_long = ending.evaluations > LONG
        seconds = time.perf_counter() - began
        points = [search.scaled(x) for x in spread(search.problem, count - 1, seed)]
        processes = min(_processors() if workers is None else workers, count - 1)
        if seconds * (count - 1) <= WORTH_WORKERS or not _can_fork() or counted:
            processes = 1
        with others or _hired(search, processes) as pool:
            for ended in _endings(pool, short if is_long else descend, points, minima.is_near_known):
                if ended is None:
                    passed_over += 1
                    continue
                best_said = _took(search, minima, ended, best_said)
                short_ends += [ended.best] if ended.best is not None else []
                if minima.enough:
                    break
        if is_long:
            again = [search.scaled(point.x) for point in sorted(short_ends, key=search.rank)[:POLISHED]]
            with others or _hired(search, min(processes, POLISHED)) as pool:
                for ended in _endings(pool, descend, again):
                    best_said = best_said if ended is None else _took(search, None, ended, best_said)
    method, how = best_said
    return method, f"{how}; {minima.words(passed_over)}"


def even_points(count: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Points (count, size) spread evenly over the unit cube; by chance alone in more dimensions than Sobol's go."""
    from scipy.stats import qmc

    if size > qmc.Sobol.MAXDIM:
        return random.random((count, size))
    power = max(1, math.ceil(math.log2(max(count, 1))))
    points: np.ndarray = qmc.Sobol(size, rng=random).random_base2(power)[:count]
    return points


def spread(problem: Problem, count: int, seed: int | None) -> np.ndarray:
    """Points (count, n) spread evenly within the bounds, or around the start where there are none."""
    from scipy.special import ndtri

    start, lower, upper = problem.start, problem.lower, problem.upper
    random = np.random.default_rng(0 if seed is None else seed)
    even = even_points(count, start.size, random)
    between = np.isfinite(lower) & np.isfinite(upper)
    size = max(float(np.std(start)), 0.5 * float(np.abs(start).mean()), 0.1) * np.ones((count, 1))
    size[FURTHER - 1 :: FURTHER] *= 3.0
    within = np.where(between, lower, 0.0) + even * np.where(between, upper - lower, 1.0)
    around = start + size * ndtri(np.clip(even, 1e-6, 1 - 1e-6))
    return np.clip(np.where(between, within, around), lower, upper)


def _took(search: Search, minima: Minima | None, ending: Ending, said: tuple[str, str]) -> tuple[str, str]:
    """Counts what a start came to, keeps its best point, and says by which method the best of all was found."""
    search.iterations += ending.iterations
    search.evaluations += ending.evaluations
    search.gradients += ending.gradients
    search.no_derivative = search.no_derivative or ending.no_derivative
    if ending.best is not None:
        search.best = ending.best
        if minima is not None:
            minima.add(ending.start, ending.best, search)
        if search.take_best():
            said = ending.said
    search.report()
    search.check_iterations()
    if ending.stopped is not None:
        raise Stop(*ending.stopped)
    return said if said[0] else ending.said


def _ending(search: Search, descend: Descend, start: np.ndarray) -> Ending:
    """One start, in a search of its own that counts from zero."""
    most = search.limits.max_iterations
    limits = replace(search.limits, max_iterations=None if most is None else max(most - search.iterations, 1))
    inner = Search(search.problem, limits, search.central, None, started=search.started, may_creep=search.may_creep)
    inner.squared = search.squared
    said, stopped = ("", ""), None
    try:
        inner.start_at(start)
        said = descend(inner, start)
    except Stop as stop:
        if stop.status in (LIMIT, UNBOUNDED):
            stopped = str(stop), stop.status
    except SheetmlError as error:
        said = ("", str(error))
    return Ending(
        start, inner.best, said, inner.iterations, inner.evaluations, inner.gradients, inner.no_derivative, stopped
    )


def _endings(
    pool: Pool, descend: Descend, points: list[np.ndarray], is_needless: Callable[[np.ndarray], bool] = lambda _: False
) -> Iterator[Ending | None]:
    """What each point comes to, in their order; None for one that is needless when its turn comes.

    Points further on are given out ahead of their turn. What comes of that is the same however many they are.
    """
    given: dict[int, Callable[[], Ending]] = {}
    seen = 0
    for number, point in enumerate(points):
        for ahead in range(seen, min(number + pool.ahead, len(points))):
            if not is_needless(points[ahead]):
                given[ahead] = pool.submit(_ending, descend, points[ahead])
            seen = ahead + 1
        result = given.pop(number, None)
        if is_needless(point):
            yield None
        else:
            yield (result or pool.submit(_ending, descend, point))()


def _can_fork() -> bool:
    return "fork" in multiprocessing.get_all_start_methods()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- who does the work -------------------------------------------------------------------------


class Pool(Protocol):
    """Takes up work with the search, ahead of when it is asked for: so many points at once."""

    @property
    def ahead(self) -> int: ...

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Callable[[], Result]: ...


def _hired(search: Search, count: int) -> contextlib.AbstractContextManager[Pool]:
    return _Processes(search, count) if count > 1 else contextlib.nullcontext(_Alone(search))


@dataclass(frozen=True, slots=True)
class _Alone:
    """This process, which does what it is given when it is asked for."""

    search: Search
    ahead: int = 1

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        return partial(work, self.search, *arguments)


_search: Search | None = None  # what forked processes find here


class _Processes:
    """Forked processes, each with the problem and its workbook as they are now."""

    def __init__(self, search: Search, count: int) -> None:
        global _search
        _search = search
        self.ahead = AHEAD * count
        self.pool = multiprocessing.get_context("fork").Pool(count, initializer=_begin)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        global _search
        _search = None
        self.pool.terminate()
        self.pool.join()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        return self.pool.apply_async(_worked, (work, *arguments)).get


def _begin() -> None:
    """A worker leaves Ctrl-C to the process that started it."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _worked(work: Callable[..., Result], *arguments: Any) -> Result:
    with np.errstate(all="ignore"):
        return work(_search, *arguments)
