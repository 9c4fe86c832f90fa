"""Tours: one table of neighbours along a chain or circle of cells, by OR-tools CP-SAT (an extra: sheetml[tours])."""

from __future__ import annotations

import importlib.util
import itertools
import math
from dataclasses import dataclass

import numpy as np

from sheetml.solve.search import Search, Stop
from sheetml.solve.tables import SumOfTables

LARGEST = 2**40  # of the whole numbers that costs are rounded to
MOST_SECONDS = 60.0  # where neither the file nor the user says otherwise
WITHOUT = "OR-tools is not installed (pip install 'sheetml[tours]'), so that nothing is proved"


@dataclass(frozen=True, slots=True)
class Tour:
    """The cells in the order in which they are neighbours, and what it costs to go from one number to the next."""

    cells: list[int]
    closed: bool  # from the last cell back to the first
    step: np.ndarray  # (k, k): from a to b
    first: np.ndarray  # (k,): to begin with a number, where the tour is open
    last: np.ndarray  # (k,): to end with it
    constant: float

    def cost(self, x: np.ndarray) -> float:
        order = x[self.cells].astype(int) - 1
        total = self.constant + float(self.step[order[:-1], order[1:]].sum())
        if self.closed:
            return total + float(self.step[order[-1], order[0]])
        return total + float(self.first[order[0]] + self.last[order[-1]])


def can_be_proved() -> bool:
    """Whether OR-tools is there."""
    return importlib.util.find_spec("ortools") is not None


def tour_of(tables: SumOfTables) -> Tour | None:
    """The tour that a sum of tables is; None where it is none."""
    pairs = {table.cells: table.values for table in tables.tables if len(table.cells) == 2}
    single = {table.cells[0]: table.values for table in tables.tables if len(table.cells) == 1}
    chain = _chain(list(pairs))
    if chain is None:
        return None
    cells, closed = chain
    size = len(cells)
    if any(values.shape[0] != size for values in pairs.values()):
        return None
    follow = list(itertools.pairwise(cells)) + ([(cells[-1], cells[0])] if closed else [])
    steps = [pairs[(a, b)] if (a, b) in pairs else pairs[(b, a)].T for a, b in follow]
    if not all(_same(step, steps[0]) for step in steps):
        return None
    ends = {} if closed else {cells[0]: 0, cells[-1]: 1}
    if any(cell not in ends for cell in single):
        return None
    nothing = np.zeros(size)
    first, last = (single.get(cell, nothing) for cell in (cells[0], cells[-1]))
    return Tour(cells, closed, steps[0], first, last, tables.constant)


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two tables agree but for the diagonal, on which no tour goes."""
    apart = ~np.eye(len(left), dtype=bool)
    return bool(np.allclose(left[apart], right[apart], rtol=1e-12, atol=0.0))


def _chain(pairs: list[tuple[int, ...]]) -> tuple[list[int], bool] | None:
    """The cells in a row, from pairs of neighbours: and whether the row closes to a circle."""
    beside: dict[int, list[int]] = {}
    for a, b in pairs:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    if len(beside) < 3 or any(len(each) > 2 for each in beside.values()):
        return None
    ends = sorted(cell for cell, each in beside.items() if len(each) == 1)
    if len(ends) not in (0, 2):
        return None
    cells, previous = [ends[0] if ends else min(beside)], -1
    while len(cells) < len(beside):
        onward = [cell for cell in beside[cells[-1]] if cell != previous and cell not in cells[:1]]
        if not onward:
            return None  # several circles
        previous = cells[-1]
        cells.append(onward[0])
    return cells, not ends


def solve(search: Search, tour: Tour, ended: str) -> tuple[str, str]:
    """The best tour that CP-SAT finds, from the best one known; the method, and how it ended."""
    if not can_be_proved():
        return "exchanges and 2-opt", f"{ended}; {WITHOUT}"
    from ortools.sat.python import cp_model

    assert search.best is not None
    size, scale = len(tour.cells), _scale(tour)
    model = cp_model.CpModel()
    arcs, costs = [], []
    order = (search.best.x[tour.cells].astype(int) - 1).tolist()
    known = _arcs_of(order, tour.closed)
    for a in range(size):
        for b in range(size):
            if a != b and math.isfinite(tour.step[a, b]):
                arcs.append((a, b, model.new_bool_var("")))
                costs.append(tour.step[a, b])
        if not tour.closed:
            for tail, head, cost in ((size, a, tour.first[a]), (a, size, tour.last[a])):
                if math.isfinite(cost):
                    arcs.append((tail, head, model.new_bool_var("")))
                    costs.append(cost)
    model.add_circuit(arcs)
    model.minimize(sum(round(cost * scale) * arc for cost, (_, _, arc) in zip(costs, arcs)))
    for tail, head, arc in arcs:
        model.add_hint(arc, (tail, head) in known)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = _seconds(search)
    solver.parameters.random_seed = 1
    solver.parameters.num_workers = 8  # its strategies complement each other, also on fewer cores
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return "exchanges and 2-opt", ended
    follow = {tail: head for tail, head, arc in arcs if solver.boolean_value(arc)}
    search.judged(_point(search.best.x, tour, follow, size)[None, :])
    if status == cp_model.OPTIMAL:
        return "CP-SAT", "converged: no other order is better (proved)"
    bound = search.shown(solver.best_objective_bound / scale + tour.constant)
    return "CP-SAT", f"ended after {solver.wall_time:.0f} s; no order can be better than {bound:.10g} (proved)"


def _arcs_of(order: list[int], closed: bool) -> set[tuple[int, int]]:
    depot = len(order)
    ends = [(order[-1], order[0])] if closed else [(depot, order[0]), (order[-1], depot)]
    return {*itertools.pairwise(order), *ends}


def _point(x: np.ndarray, tour: Tour, follow: dict[int, int], depot: int) -> np.ndarray:
    """The adjustable cells' values of a tour given by who follows whom; a circle begins where it did."""
    point = x.copy()
    number = int(x[tour.cells[0]]) - 1 if tour.closed else follow[depot]
    for cell in tour.cells:
        point[cell] = number + 1.0
        number = follow[number]
    return point


def _scale(tour: Tour) -> float:
    """What costs are multiplied by before they are rounded to whole numbers."""
    finite = [values[np.isfinite(values)] for values in (tour.step, tour.first, tour.last)]
    largest = max(float(np.abs(values).max(initial=0.0)) for values in finite) or 1.0
    exponent = math.floor(math.log2(LARGEST / (largest * (len(tour.cells) + 1))))
    return 2.0**exponent


def _seconds(search: Search) -> float:
    settings = search.problem.settings
    most = min(MOST_SECONDS, 2 * settings.seconds_without_improvement)
    if search.limits.max_time is not None:
        most = min(most, search.limits.max_time - search.seconds)
    if most <= 0:
        raise Stop(f"the time limit of {search.limits.max_time:g} s was reached")
    return most
