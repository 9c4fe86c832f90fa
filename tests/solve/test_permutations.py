"""Cells that must be all different: assignments, tours, orders."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from openpyxl.utils import get_column_letter
from scipy.optimize import linear_sum_assignment

from sheetml.solve.tables import sum_of_tables
from tests.solve.models import solver_model


def table(values: np.ndarray, column: int = 5) -> dict[str, float]:
    return {f"{get_column_letter(column + j)}{i + 1}": float(v) for (i, j), v in np.ndenumerate(values)}


def area(size: int, column: int = 5) -> str:
    return f"${get_column_letter(column)}$1:${get_column_letter(column + size - 1)}${size}"


def different(cells, size: int, goal="min", **settings):
    return solver_model(
        cells, goal, "C1", f"A1:A{size}", (("A1:A" + str(size), "alldiff", "AllDifferent"),), eng=3, **settings
    )


def tour_cells(distances: np.ndarray, closed: bool = True) -> dict[str, object]:
    size = len(distances)
    cells: dict[str, object] = table(distances)
    for i in range(1, size + 1):
        cells[f"A{i}"] = i
        if i < size:
            cells[f"B{i}"] = f"=INDEX({area(size)},A{i},A{i + 1})"
    if closed:
        cells[f"B{size}"] = f"=INDEX({area(size)},A{size},A1)"
    return cells | {"C1": f"=SUM(B1:B{size})"}


def cities(count: int, seed: int = 0) -> np.ndarray:
    places = np.random.default_rng(seed).uniform(0, 1e6, (count, 2))
    return np.linalg.norm(places[:, None] - places[None], axis=-1)


def length(distances: np.ndarray, order, closed: bool = True) -> float:
    legs = list(itertools.pairwise(order)) + ([(order[-1], order[0])] if closed else [])
    return float(sum(distances[int(a) - 1, int(b) - 1] for a, b in legs))


def test_an_assignment_is_solved_exactly():
    costs = np.random.default_rng(1).integers(1, 100, (9, 9))
    cells = table(costs) | {f"A{i}": i for i in range(1, 10)}
    cells |= {f"B{i}": f"=INDEX({area(9)},{i},A{i})" for i in range(1, 10)} | {"C1": "=2*SUM(B1:B9)+3"}
    for goal, turned in (("min", costs), ("max", -costs)):
        result = different(cells, 9, goal).solve()
        rows, columns = linear_sum_assignment(turned)
        assert result.fun == 2 * costs[rows, columns].sum() + 3
        assert result.method == "assignment" and "proved" in result.message


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("goal", ["min", "max"])
def test_a_short_tour_is_the_shortest_of_all(closed, goal):
    distances = cities(7, 2).round()
    distances[2, 5] *= 0.3  # one way
    model = different(tour_cells(distances, closed), 7, goal)
    result = model.solve()
    lengths = [length(distances, order, closed) for order in itertools.permutations(range(1, 8))]
    assert result.fun == pytest.approx(min(lengths) if goal == "min" else max(lengths))
    assert length(distances, result.x, closed) == pytest.approx(result.fun)
    assert model.workbook["Sheet1"]["C1"] == pytest.approx(result.fun)


def test_a_tour_of_42_cities_is_proved_with_or_tools():
    pytest.importorskip("ortools")
    distances = cities(42)
    result = different(tour_cells(distances), 42).solve(max_time=240)
    assert sorted(result.x) == list(range(1, 43))
    assert result.fun == pytest.approx(length(distances, result.x), rel=1e-12)
    assert result.method == "CP-SAT"
    assert result.fun == pytest.approx(5610315.677050469, rel=1e-9)  # proved; exchanges alone come to the same


def test_without_or_tools_exchanges_come_as_far(monkeypatch):
    monkeypatch.setattr("sheetml.solve.tours.can_be_proved", lambda: False)
    distances = cities(20, 5)
    result = different(tour_cells(distances), 20).solve()
    assert "OR-tools is not installed" in result.message
    pytest.importorskip("ortools")
    monkeypatch.undo()
    assert result.fun == pytest.approx(different(tour_cells(distances), 20).solve().fun, rel=0.01)


def test_an_order_whose_cost_is_no_table_is_searched():
    """Lateness of jobs in order: each end depends on all jobs before it; all orders are tried to know the best."""
    times, due = [4, 2, 7, 3, 5, 1], [6, 20, 9, 4, 12, 18]
    cells: dict[str, object] = {f"E{i}": t for i, t in enumerate(times, 1)} | {f"F{i}": d for i, d in enumerate(due, 1)}
    for i in range(1, 7):
        cells[f"A{i}"] = i
        before = "0" if i == 1 else f"G{i - 1}"
        cells[f"G{i}"] = f"={before}+INDEX($E$1:$E$6,A{i})"
        cells[f"B{i}"] = f"=MAX(0,G{i}-INDEX($F$1:$F$6,A{i}))^2"
    cells["C1"] = "=SUM(B1:B6)"

    def lateness(order):
        ends = np.cumsum([times[job - 1] for job in order])
        return sum(max(0, end - due[job - 1]) ** 2 for end, job in zip(ends, order))

    result = different(cells, 6).solve()
    assert result.fun == min(lateness(order) for order in itertools.permutations(range(1, 7)))


def test_a_quadratic_assignment_is_searched_through_its_tables():
    random = np.random.default_rng(4)
    flow, distance = random.integers(0, 9, (6, 6)), random.integers(1, 9, (6, 6))
    np.fill_diagonal(distance, 0)
    cells: dict[str, object] = table(distance) | {f"A{i}": i for i in range(1, 7)}
    cells |= {
        f"{get_column_letter(20 + j)}{i + 1}": f"={flow[i, j]}*INDEX({area(6)},$A{i + 1},A${j + 1})".replace(
            f"A${j + 1}", f"$A${j + 1}"
        )
        for i in range(6)
        for j in range(6)
        if i != j
    }
    cells["C1"] = "=SUM(T1:Y6)"
    result = different(cells, 6).solve()

    def cost(order):
        return sum(flow[i, j] * distance[order[i] - 1, order[j] - 1] for i in range(6) for j in range(6) if i != j)

    assert result.fun == min(cost(order) for order in itertools.permutations(range(1, 7)))


def test_constraints_hold_for_orders_too():
    """The third city comes before the first."""
    distances = cities(6, 3)
    cells = tour_cells(distances) | {"D1": "=MATCH(3,A1:A6,0)-MATCH(1,A1:A6,0)"}
    model = solver_model(cells, "min", "C1", "A1:A6", (("A1:A6", "alldiff", "AllDifferent"), ("D1", "<=", -3)), eng=3)
    result = model.solve()
    orders = [o for o in itertools.permutations(range(1, 7)) if o.index(3) - o.index(1) <= -3]
    assert result.fun == pytest.approx(min(length(distances, order) for order in orders))


def test_two_groups_of_cells_that_are_different_each():
    cells = {f"A{i}": i for i in range(1, 5)} | {f"A{i + 4}": i for i in range(1, 5)}
    cells["C1"] = "=SUMPRODUCT(A1:A4,A5:A8)+A1*A8"
    model = solver_model(
        cells,
        "min",
        "C1",
        "A1:A8",
        (("A1:A4", "alldiff", "AllDifferent"), ("A5:A8", "alldiff", "AllDifferent")),
        eng=3,
    )
    orders = list(itertools.permutations(range(1, 5)))
    best = min(sum(a * b for a, b in zip(p, q)) + p[0] * q[3] for p in orders for q in orders)
    assert model.solve().fun == best


def test_tables_say_the_same_as_the_workbook_however_costs_are_looked_up():
    size = 5
    costs = np.random.default_rng(8).integers(1, 50, (size, size))
    cells: dict[str, object] = table(costs) | {f"A{i}": i for i in range(1, size + 1)}
    lookups = (
        f"=INDEX({area(size)},A1,A2)",
        "=VLOOKUP(A2,{1,5;2,7;3,1;4,4;5,2},2)*IF(A3>2,2,1)",
        "=CHOOSE(A3,4,2,9,1,7)-ABS(A4-A3)",
        "=A4^2",
        "=(A5-A1)^2",
    )
    cells |= {f"B{i}": formula for i, formula in enumerate(lookups, 1)} | {"C1": "=SUM(B1:B4)-3*B5+A2/2"}
    model = different(cells, size)
    problem = model.problem()
    found = sum_of_tables(problem.objective, size)
    assert found is not None
    points = np.array([np.random.default_rng(seed).permutation(size) + 1.0 for seed in range(20)])
    assert found.values(points) == pytest.approx([problem.objective(point) for point in points])


@pytest.mark.parametrize("formula", ["=A1*A2*A3", "=MAX(B1:B2)", "=B1*B2", "=OFFSET(D1,A1,0)+A2"])
def test_what_is_no_sum_of_tables_is_not_taken_for_one(formula):
    cells = {
        "A1": 1,
        "A2": 2,
        "A3": 3,
        "B1": "=A1*A2",
        "B2": "=A3+A2",
        "C1": formula,
        "D1": 1,
        "D2": 4,
        "D3": 2,
        "D4": 7,
    }
    assert sum_of_tables(different(cells, 3).problem().objective, 3) is None
