"""Models that are not smooth: steps, decisions, lookups, whole numbers, with optima known otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solve.models import solver_model

EVOLUTIONARY = {"eng": 3}


def box(area: str, lower: float, upper: float):
    return (area, ">=", lower), (area, "<=", upper)


def test_the_deepest_of_many_hollows_is_found():
    """Rastrigin's function, least at 0."""
    cells = {f"A{i}": 3.3 - i for i in range(1, 5)}
    cells |= {f"C{i}": f"=A{i}^2-10*COS(2*PI()*A{i})+10" for i in range(1, 5)}
    model = solver_model(
        {**cells, "B1": "=SUM(C1:C4)"}, adjustable="A1:A4", subject_to=box("A1:A4", -5.12, 5.12), **EVOLUTIONARY
    )
    result = model.solve()
    assert result.fun == pytest.approx(0, abs=1e-8) and result.success
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, abs=1e-12)


def price(quantity: float) -> float:
    return [10, 9, 7.5, 6][sum(quantity >= edge for edge in (10, 50, 100))] if quantity >= 0 else 10


def test_discounts_looked_up_in_a_table_are_taken():
    """Ordering more than is needed may cost less: all quantities are tried to know the best."""
    cells = {f"E{i}": edge for i, edge in enumerate((0, 10, 50, 100), 1)}
    cells |= {f"F{i}": each for i, each in enumerate((10, 9, 7.5, 6), 1)}
    needs = (37, 80, 95)
    for i, need in enumerate(needs, 1):
        cells[f"A{i}"] = need
        cells[f"C{i}"] = f"=A{i}*VLOOKUP(A{i},$E$1:$F$4,2)+0.8*MAX(0,A{i}-{need})+1000*MAX(0,{need}-A{i})"
    model = solver_model(
        {**cells, "B1": "=SUM(C1:C3)"},
        adjustable="A1:A3",
        subject_to=(*box("A1:A3", 0, 300), ("A1:A3", "int", "integer")),
        **EVOLUTIONARY,
    )

    def cost(q: int, need: int) -> float:
        return q * price(q) + 0.8 * max(0, q - need) + 1000 * max(0, need - q)

    best = sum(min(cost(q, need) for q in range(301)) for need in needs)
    result = model.solve()
    assert result.fun == pytest.approx(best)
    assert (result.x == np.rint(result.x)).all()


def test_rounding_has_no_slope_and_is_minimised_all_the_same():
    model = solver_model(
        {"A1": 7.3, "A2": -4, "B1": "=ROUND(A1,0)^2+ROUND(A2-0.3,1)^2+INT(ABS(A1))"},
        subject_to=box("A1:A2", -10, 10),
        **EVOLUTIONARY,
    )
    assert model.solve().fun == 0


def test_shares_add_up_to_one_and_few_are_held():
    """A portfolio of at most 3 of 6 assets: all choices of 3 are solved by SciPy to know the best."""
    from scipy.optimize import minimize

    random = np.random.default_rng(3)
    mean = random.uniform(0.02, 0.15, 6).round(3)
    factor = random.normal(size=(6, 6))
    covariance = (factor @ factor.T / 60).round(4)
    cells = {f"A{i}": 1 / 6 for i in range(1, 7)}
    for i in range(6):
        cells[f"D{i + 1}"] = float(mean[i])
        for j in range(6):
            cells[f"{'GHIJKL'[j]}{i + 1}"] = float(covariance[i, j])
        cells[f"E{i + 1}"] = "=" + "+".join(f"{'GHIJKL'[j]}{i + 1}*A{j + 1}" for j in range(6))
    cells |= {"C1": "=SUM(A1:A6)", "C2": '=COUNTIF(A1:A6,">0.001")', "C3": "=SUMPRODUCT(A1:A6,D1:D6)"}
    cells["B1"] = "=SUMPRODUCT(A1:A6,E1:E6)"
    wanted = (*box("A1:A6", 0, 1), ("C1", "=", 1), ("C2", "<=", 3), ("C3", ">=", 0.07))
    result = solver_model(cells, adjustable="A1:A6", subject_to=wanted, **EVOLUTIONARY).solve(max_time=60)
    best = np.inf
    for chosen in itertools.combinations(range(6), 3):
        own, m = covariance[np.ix_(chosen, chosen)], mean[list(chosen)]
        found = minimize(
            lambda w, own=own: w @ own @ w,
            np.full(3, 1 / 3),
            bounds=[(0, 1)] * 3,
            method="SLSQP",
            constraints=[
                {"type": "eq", "fun": lambda w: w.sum() - 1},
                {"type": "ineq", "fun": lambda w, m=m: w @ m - 0.07},
            ],
        )
        best = min(best, found.fun if found.success else np.inf)
    assert result.constraint_violation <= 1e-6
    # up to 0.001 may be held of each of the others
    assert best * 0.98 <= result.fun <= best * 1.001


def test_whole_numbers_with_a_fixed_sum():
    """Ten machines over four jobs, a cost that jumps: all ways are tried to know the best."""
    cells = {f"A{i}": n for i, n in enumerate((10, 0, 0, 0), 1)}
    for i, (rate, jump) in enumerate(((3, 4), (2, 2), (5, 3), (4, 5)), 1):
        cells[f"C{i}"] = f"=IF(A{i}>={jump},{rate}*A{i},A{i}^2*{rate}/{jump}+IF(A{i}>0,2,0))"
    cells |= {"B1": "=SUM(C1:C4)", "D1": "=SUM(A1:A4)"}
    result = solver_model(
        cells,
        "max",
        adjustable="A1:A4",
        subject_to=(*box("A1:A4", 0, 10), ("A1:A4", "int", "integer"), ("D1", "=", 10)),
        **EVOLUTIONARY,
    ).solve()

    def gain(a: int, rate: int, jump: int) -> float:
        return rate * a if a >= jump else a * a * rate / jump + (2 if a > 0 else 0)

    ways = (w for w in itertools.product(range(11), repeat=4) if sum(w) == 10)
    best = max(sum(gain(a, r, j) for a, (r, j) in zip(w, ((3, 4), (2, 2), (5, 3), (4, 5)))) for w in ways)
    assert result.fun == pytest.approx(best) and result.x.sum() == 10


def test_cells_without_bounds_are_found_beyond_where_they_are_first_looked_for():
    model = solver_model({"A1": 1, "A2": 1, "B1": "=ABS(A1-2000)+ABS(INT(A2)+500)"}, **EVOLUTIONARY)
    result = model.solve()
    assert result.fun == pytest.approx(0, abs=1e-6)
    assert result.x[0] == pytest.approx(2000) and -500 <= result.x[1] < -499


def test_cells_different_and_a_free_number_together():
    """An order of four and a number at once."""
    cells = {"A1": 1, "A2": 2, "A3": 3, "A4": 4, "A5": 0}
    cells["B1"] = "=INDEX({5,1,9,2},A1)*4+INDEX({5,1,9,2},A2)*3+INDEX({5,1,9,2},A3)*2+INDEX({5,1,9,2},A4)+ABS(A5-1.5)"
    result = solver_model(
        cells,
        adjustable="A1:A5",
        subject_to=(("A1:A4", "alldiff", "AllDifferent"), *box("A5", -5, 5)),
        **EVOLUTIONARY,
    ).solve()
    assert result.fun == pytest.approx(1 * 4 + 2 * 3 + 5 * 2 + 9, abs=1e-6)
    assert sorted(result.x[:4]) == [1, 2, 3, 4]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=3, max_size=3), st.sampled_from(["min", "max"]), st.integers(0, 3))
def test_no_whole_numbers_near_the_answer_are_better(start, goal, seed):
    """A referee that tries all 7 x 7 x 7 points."""
    random = np.random.default_rng(seed)
    table = random.integers(-20, 20, 7).tolist()
    formula = f"=INDEX({{{','.join(map(str, table))}}},A1+4)+IF(A2>A3,A1*A2,A3-ABS(A1))"
    clipped = [min(max(value, -3), 3) for value in start]
    model = solver_model(
        {**{f"A{i}": value for i, value in enumerate(clipped, 1)}, "B1": formula},
        goal,
        adjustable="A1:A3",
        subject_to=(*box("A1:A3", -3, 3), ("A1:A3", "int", "integer")),
        **EVOLUTIONARY,
    )

    def value(a, b, c):
        return table[a + 3] + (a * b if b > c else c - abs(a))

    values = [value(*point) for point in itertools.product(range(-3, 4), repeat=3)]
    assert model.solve().fun == (min(values) if goal == "min" else max(values))


def test_the_answer_is_never_worse_than_a_start_that_meets_the_constraints():
    cells = {"A1": 2, "A2": 3, "C1": "=A1+A2", "B1": "=IF(A1=2,IF(A2=3,-1000,0),A1+A2)"}  # a needle in a haystack
    result = solver_model(cells, subject_to=(*box("A1:A2", 0, 10), ("C1", "<=", 6)), **EVOLUTIONARY).solve()
    assert result.fun == -1000


def test_it_ends_early_and_says_so(monkeypatch):
    model = solver_model(
        {"A1": 5, "B1": "=ROUND(A1,0)^2"}, adjustable="A1", subject_to=box("A1", -9, 9), **EVOLUTIONARY
    )
    result = model.solve()
    assert result.success and "no improvement" in result.message and result.seconds < 30


def test_seeds_make_it_repeatable():
    def solve(seed):
        cells = {"A1": 5, "A2": 4, "B1": "=ROUND(A1*A2,1)+ABS(A1-2.2)+COS(5*A2)"}
        return solver_model(cells, subject_to=box("A1:A2", -9, 9), **EVOLUTIONARY).solve(seed=seed)

    assert solve(1).x.tolist() == solve(1).x.tolist()


def test_limits_and_what_has_no_value_are_said():
    model = solver_model(
        {"A1": 5, "B1": "=ROUND(A1,2)^2"}, adjustable="A1", subject_to=box("A1", -9, 9), **EVOLUTIONARY
    )
    limited = model.solve(max_iterations=5)
    assert limited.nit == 5 and not limited.success and "limit of 5 iterations" in limited.message
    nowhere = solver_model({"A1": 5, "B1": "=SQRT(-1-A1^2)+ROUND(A1,0)"}, adjustable="A1", **EVOLUTIONARY).solve()
    assert not nowhere.success and "no value" in nowhere.message and nowhere.x.tolist() == [5]


def test_constraints_that_cannot_be_met_are_said():
    cells = {"A1": 5, "C1": "=ROUND(A1,0)", "B1": "=A1"}
    result = solver_model(
        cells, adjustable="A1", subject_to=(*box("A1", 0, 10), ("C1", ">=", 11)), **EVOLUTIONARY
    ).solve()
    assert not result.success and "C1 >= 11 is missed" in result.message


def test_a_smooth_model_that_asks_for_this_engine_is_solved_exactly():
    cells = {"A1": 8, "A2": -7, "B1": "=100*(A2-A1^2)^2+(1-A1)^2"}
    result = solver_model(cells, subject_to=box("A1:A2", -10, 10), **EVOLUTIONARY).solve()
    assert result.x == pytest.approx([1, 1], abs=1e-6)
