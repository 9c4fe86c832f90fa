"""Models whose adjustable cells must be all different: assignments, tours, orders.

Where the objective is a sum of tables of one cell each, it is an assignment, solved exactly (SciPy). Where
it is one table of neighbours along a chain of the cells, it is a tour, handed to OR-tools CP-SAT if that is
installed. Everything else, and the start of a tour, is a search among permutations: all exchanges,
reversals (2-opt) and moves of short stretches (or-opt) are judged at once and the best is made, until none
gains; then the order is disturbed and the search goes on from there (iterated local search).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sheetml.solve import enumeration, evolutionary, tours
from sheetml.solve.cluster import Cluster
from sheetml.solve.outcome import searched
from sheetml.solve.problem import Problem
from sheetml.solve.search import CONVERGED, Limits, Progress, Search
from sheetml.solve.tables import SumOfTables, sum_of_tables
from sheetml.xlsx.solver_names import MAXIMISE, MINIMISE

MOST_MOVES = 6000  # judged at once
LONGEST_STRETCH = 3  # of or-opt
SETTLED = 40  # disturbances in a row that brought nothing, after which the search ends
MOST_SECONDS = 5.0  # without a gain, if the file asks for no fewer
BEFORE_PROOF = 1.0  # seconds of disturbing, where the order is then handed to CP-SAT

METHOD = "exchanges and 2-opt"

Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # points, (p, n), to ranks: what is missed, and cost


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
    """Solves a problem with groups of cells that are all different; see SolverModel.solve for what is returned."""
    if sum(group.size for group in problem.different) < problem.start.size:
        return evolutionary.solve(problem, limits, starts=starts, seed=seed, central=central, callback=callback)
    search = Search(problem, limits, central, callback)

    def run() -> tuple[str, str, int]:
        search.judged(_permuted(problem, problem.start)[None, :])
        return *_solve(search, problem.settings.seed if seed is None else seed), CONVERGED

    return searched(search, METHOD, run)


def _solve(search: Search, seed: int) -> tuple[str, str]:
    tables = _tables(search)
    if tables is not None:
        assigned = _assigned(search, tables)
        if assigned is not None:
            search.judged(assigned[None, :])
            return "assignment", "converged: no other assignment is better (proved)"
    tour = None if tables is None else tours.tour_of(tables)
    seconds = MOST_SECONDS if tour is None or not tours.can_be_proved() else BEFORE_PROOF
    if enumeration.count(search.problem) <= enumeration.MOST_POINTS:
        return "enumeration", enumeration.try_all(search)
    ended = improve(search, np.random.default_rng([seed, 0]), tables, seconds)
    if tour is None or search.best is None:
        return METHOD, ended
    return tours.solve(search, tour, ended)


def _tables(search: Search) -> SumOfTables | None:
    """The cost as a sum of tables, if it is one and nothing else is asked for."""
    problem = search.problem
    if problem.objective is None or problem.constraints is not None or len(problem.different) != 1:
        return None
    found = sum_of_tables(problem.objective, problem.start.size)
    if found is None or problem.sense not in (MINIMISE, MAXIMISE):
        return None
    random = np.random.default_rng(0)
    points = np.array([1.0 + random.permutation(problem.start.size) for _ in range(3)])
    known, computed = found.values(points), problem.objective.batch(points)
    same = np.isclose(known, computed, rtol=1e-9, atol=1e-9) | (~np.isfinite(known) & ~np.isfinite(computed))
    if not same.all():  # a rule of tables.py that does not fit: the cells have the last word
        return None
    return found if problem.sense == MINIMISE else found.negative()


def _assigned(search: Search, tables: SumOfTables) -> np.ndarray | None:
    """The best assignment, if every table is of one cell."""
    from scipy.optimize import linear_sum_assignment

    if any(len(table.cells) > 1 for table in tables.tables):
        return None
    size = search.problem.start.size
    costs = np.zeros((size, size))
    for table in tables.tables:
        costs[table.cells[0]] += table.values
    try:
        cells, numbers = linear_sum_assignment(costs)
    except ValueError:  # every assignment has an entry without a value
        return None
    result = np.zeros(size)
    result[cells] = numbers + 1.0
    return result


# ---- local search ------------------------------------------------------------------------------


def improve(
    search: Search, random: np.random.Generator, tables: SumOfTables | None = None, seconds: float = MOST_SECONDS
) -> str:
    """Searches among permutations from the best point, until so many seconds bring no gain. Returns how it ended."""
    problem = search.problem
    judge = search.judged_ranks if tables is None else _by_tables(search, tables)
    if search.best is None:
        for _ in range(20):
            search.judged(_shuffled(problem, random, 200))
            if search.best is not None:
                break
        else:
            return "there is no value at any order tried"
    assert search.best is not None
    x, rank = _descended(search, judge, search.best.x, random)
    search.judged(x[None, :])
    until = min(seconds, problem.settings.seconds_without_improvement)
    best, best_rank, idle, since = x, rank, 0, search.seconds
    while idle < SETTLED and search.seconds - since < until:
        x, rank = _descended(search, judge, _disturbed(problem, best, random), random)
        if rank < best_rank:
            if best_rank[1] - rank[1] > 1e-9 * abs(best_rank[1]) or rank[0] < best_rank[0]:
                idle, since = 0, search.seconds
            best, best_rank = x, rank
            search.judged(best[None, :])
        else:
            idle += 1
    return f"ended: {idle} disturbances of the best order in a row brought no better one"


def _by_tables(search: Search, tables: SumOfTables) -> Judge:
    def judge(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        search.check_time()
        return np.zeros(len(points)), tables.values(points)

    return judge


def _descended(
    search: Search, judge: Judge, x: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """The point at which no exchange, reversal or move gains, and its rank."""
    missed, cost = judge(x[None, :])
    rank = float(missed[0]), float(cost[0])
    while True:
        orders = _orders(search.problem, random)
        points = np.concatenate([_applied(x, group, order) for group, order in orders])
        missed, cost = judge(points)
        place = int(np.lexsort((cost, missed))[0])
        found = float(missed[place]), float(cost[place])
        search.after_iteration()
        if not _better(found, rank):
            return x, rank
        x, rank = points[place], found


def _better(found: tuple[float, float], rank: tuple[float, float]) -> bool:
    return found[0] < rank[0] or (found[0] == rank[0] and found[1] < rank[1] - 1e-12 * abs(rank[1]))


def _orders(problem: Problem, random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each group its cells, and new orders of what they hold, (moves, k)."""
    for group in problem.different:
        orders = neighbouring_orders(group.size)
        most = MOST_MOVES // len(problem.different)
        yield group, orders if len(orders) <= most else orders[random.choice(len(orders), most, replace=False)]


def neighbouring_orders(count: int) -> np.ndarray:
    """All orders of 0..count-1 one exchange, reversal or move of a short stretch away, (moves, count)."""
    known = _KNOWN.get(count)
    if known is None:
        plain = np.arange(count)
        orders = [plain]
        for i in range(count):
            for j in range(i + 1, count):
                exchanged = plain.copy()
                exchanged[[i, j]] = j, i
                orders += [exchanged, np.concatenate([plain[:i], plain[i : j + 1][::-1], plain[j + 1 :]])]
        for length in range(1, min(LONGEST_STRETCH, count - 1) + 1):
            for i in range(count - length + 1):
                rest = np.delete(plain, np.arange(i, i + length))
                for j in range(len(rest) + 1):
                    stretch = plain[i : i + length]
                    orders.append(np.concatenate([rest[:j], stretch, rest[j:]]))
                    orders.append(np.concatenate([rest[:j], stretch[::-1], rest[j:]]))
        known = _KNOWN[count] = np.unique(np.array(orders), axis=0)
    return known


_KNOWN: dict[int, np.ndarray] = {}


def _applied(x: np.ndarray, group: np.ndarray, orders: np.ndarray) -> np.ndarray:
    points = np.tile(x, (len(orders), 1))
    points[:, group] = x[group][orders]
    return points


def _disturbed(problem: Problem, x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Two neighbouring stretches exchanged (the double bridge: no reversals undo it), in one of the groups."""
    x = x.copy()
    group = problem.different[int(random.integers(len(problem.different)))]
    if group.size < 4:
        x[group] = random.permutation(x[group])
        return x
    a, b, c = np.sort(random.choice(np.arange(1, group.size), 3, replace=False))
    held = x[group]
    x[group] = np.concatenate([held[:a], held[b:c], held[a:b], held[c:]])
    return x


def _shuffled(problem: Problem, random: np.random.Generator, count: int) -> np.ndarray:
    points = np.tile(problem.start, (count, 1))
    for group in problem.different:
        points[:, group] = 1.0 + np.argsort(random.random((count, group.size)), axis=1)
    return points


def _permuted(problem: Problem, x: np.ndarray) -> np.ndarray:
    """The permutation a point is nearest to: itself, where it is one."""
    x = x.astype(np.float64).copy()
    for group in problem.different:
        x[group] = 1.0 + np.argsort(np.argsort(x[group], kind="stable"), kind="stable")
    return x
