"""Linear and integer models: textbook answers, SciPy's, and what is proved about the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from sheetml.solve.linear import highs
from sheetml.solve.linear.program import Program
from sheetml.xlsx.model import column_letters
from tests.libreoffice import all_recalculated
from tests.solve.models import solver_model

# Hillier and Lieberman, "Introduction to Operations Research": the Wyndor Glass Co.
WYNDOR = {
    "A1": 0, "A2": 0, "B1": "=3*A1+5*A2",
    "C1": "=A1", "C2": "=2*A2", "C3": "=3*A1+2*A2", "D1": 4, "D2": 12, "D3": 18,
}  # fmt: skip
PLANTS = (("C1:C3", "<=", "D1:D3"),)


def test_the_wyndor_glass_company_makes_two_doors_and_six_windows():
    model = solver_model(WYNDOR, "max", subject_to=PLANTS, eng=2, neg=1)
    result = model.solve()
    assert result.success and result.x.tolist() == [2, 6] and result.fun == 36
    assert result.method == "HiGHS simplex" and result.message.startswith("Optimal: no better point exists")
    assert model.workbook["Sheet1"]["C3"] == 18


def test_a_model_that_asks_for_grg_and_is_linear_is_solved_as_such():
    result = solver_model(WYNDOR, "max", subject_to=PLANTS, eng=1, neg=1).solve()
    assert result.x.tolist() == [2, 6] and result.method == "HiGHS simplex"


def test_a_knapsack_of_whole_things_is_filled_at_best():
    """Values 60, 100, 120 and weights 10, 20, 30 in a knapsack of 50: the textbook's answer is 220."""
    cells = {f"A{i}": 0 for i in (1, 2, 3)}
    cells |= {"C1": 60, "C2": 100, "C3": 120, "D1": 10, "D2": 20, "D3": 30, "E1": 50}
    cells |= {"B1": "=SUMPRODUCT(A1:A3,C1:C3)", "F1": "=SUMPRODUCT(A1:A3,D1:D3)"}
    subject_to = (("A1:A3", "bin", "binary"), ("F1", "<=", "E1"))
    result = solver_model(cells, "max", adjustable="A1:A3", subject_to=subject_to, eng=2).solve()
    assert result.x.tolist() == [0, 1, 1] and result.fun == 220 and result.method == "HiGHS branch and cut"


def test_ignoring_integers_keeps_the_bounds_of_a_binary():
    cells = {"A1": 0.2, "A2": 0.2, "B1": "=3*A1+2*A2", "C1": "=A1+A2"}
    subject_to = (("A1:A2", "bin", "binary"), ("C1", "<=", 1.5))
    result = solver_model(cells, "max", subject_to=subject_to, rlx=1, eng=2).solve()
    assert result.x == pytest.approx([1, 0.5])


def test_a_start_that_is_an_optimum_stays_as_it_is():
    cells = {"A1": 1.25, "A2": 2.75, "B1": "=A1+A2", "C1": "=A1+A2"}
    result = solver_model(cells, "max", subject_to=(("C1", "<=", 4),), eng=2, neg=1).solve()
    assert result.success and result.x.tolist() == [1.25, 2.75]


def test_a_value_is_reached_or_the_nearest_is_said():
    cells = {"A1": 0, "A2": 0, "B1": "=3*A1+5*A2", "C1": "=A1+A2"}
    reached = solver_model(cells, 20, subject_to=(("C1", "<=", 5),), eng=2, neg=1).solve()
    assert reached.success and reached.fun == pytest.approx(20) and reached.x.sum() <= 5 + 1e-9
    beyond = solver_model(cells, 90, subject_to=(("C1", "<=", 5),), eng=2, neg=1).solve()
    assert not beyond.success and beyond.fun == pytest.approx(25) and "the nearest is 25" in beyond.message


def test_constraints_alone_are_met():
    cells = {"A1": 0, "A2": 0, "C1": "=A1+A2", "C2": "=A1-A2"}
    result = solver_model(cells, objective="", subject_to=(("C1", "=", 7), ("C2", "=", 1)), eng=2).solve()
    assert result.success and result.x == pytest.approx([4, 3])


def test_a_portfolio_is_the_solution_of_its_kkt_equations():
    """Least variance at a return of 10%, nothing sold short: solved by hand from Lagrange's equations."""
    covariance, returns = np.array([[0.04, 0.01], [0.01, 0.09]]), (0.08, 0.14)
    cells = {"A1": 0.5, "A2": 0.5, "C1": "=A1+A2", "C2": "=A1*F1+A2*F2", "F1": returns[0], "F2": returns[1]}
    cells |= {"D1": covariance[0, 0], "E1": covariance[0, 1], "D2": covariance[1, 0], "E2": covariance[1, 1]}
    cells |= {"B1:B1": "{=MMULT(TRANSPOSE(A1:A2),MMULT(D1:E2,A1:A2))}"}
    free = solver_model(cells, subject_to=(("C1", "=", 1),), neg=1).solve()
    assert free.x == pytest.approx([8 / 11, 3 / 11], abs=1e-9) and free.method == "HiGHS active set"
    bound = solver_model(cells, subject_to=(("C1", "=", 1), ("C2", ">=", 0.11)), neg=1).solve()
    assert bound.x == pytest.approx([0.5, 0.5], abs=1e-9)


# ---- what is no linear model

NAMED = {
    "=C2*C3": "B1 multiplies C2 by C3",
    "=A1*A2": "B1 multiplies A1 by A2",
    "=A1^2": "B1 multiplies A1 by itself",
    "=EXP(A1)+A2": "B1 takes EXP of A1",
    "=A1/A2": "B1 divides by A2",
    "=IF(A1>2,A1,A2)": "B1 decides by A1 (IF)",
    "=SUMPRODUCT(A1:A2,C2:C3)": "B1 multiplies A1 by C2 (SUMPRODUCT)",
    "=ROUND(A1,0)+A2": "B1 takes ROUND of A1",
    "=VLOOKUP(A1,E1:F3,2)": "B1 takes VLOOKUP of A1",
    "=C4+1": "C4 takes LN of C2",
}


@pytest.mark.parametrize(("formula", "reason"), list(NAMED.items()))
def test_the_first_cell_that_is_not_linear_is_named_with_its_function(formula, reason):
    cells = {"A1": 1, "A2": 2, "B1": formula, "C2": "=A1+3", "C3": "=2*A2", "C4": "=LN(C2)"}
    cells |= {"E1": 0, "E2": 1, "E3": 2, "F1": 1, "F2": 2, "F3": 3}
    bounds = (("A1:A2", "<=", 5), ("A1:A2", ">=", 0.5))
    result = solver_model(cells, "max", subject_to=bounds, eng=2).solve(max_iterations=5)
    assert result.message.startswith("The linearity conditions of Simplex LP are not satisfied (")
    assert reason in result.message.replace("Sheet1!", "")


@pytest.mark.parametrize(
    "formula",
    [
        "=MAX(0,A1)+ABS(A2+1)", "=IF(A1>=0,A1,-99)+A2", "=IF(G1>2,A1,A1*A2)+A2", "=SUMIF(G1:G2,\">2\",A1:A2)+A1",
        "=AVERAGE(A1:A2)*2", "=INDEX(A1:A2,2)+PRODUCT(A1,3)", "=A1*A2*0+A1+A2", "=(A1+A2)^1", "=NPV(0.1,A1:A2)",
        "=VLOOKUP(4,G1:H2,2)", "=SUM(OFFSET(A1,0,0,2,1))", "=A1-A1*(A2-A2+1)+A2+A1", "=MIN(A1+A2,100)",
    ],
)  # fmt: skip
def test_what_only_looks_nonlinear_is_linear(formula):
    """Decisions that are settled by constants, or by the bounds of the cells."""
    cells = {"A1": 1, "A2": 2, "B1": formula, "G1": 3, "G2": 1, "H1": "=A1", "H2": "=A1+A2"}
    model = solver_model(cells, "max", subject_to=(("A1:A2", "<=", 5), ("A1:A2", ">=", 0)), eng=2)
    result = model.solve()
    assert result.method == "HiGHS simplex" and result.success
    assert model.workbook["Sheet1"]["B1"] == result.fun


# ---- infeasible and unbounded


def test_an_infeasible_model_names_the_constraints_that_cannot_hold_together():
    cells = {"A1": 1, "A2": 1, "B1": "=A1+A2", "C1": "=A1+A2", "C2": "=A1-A2", "C3": "=A1+2*A2"}
    subject_to = (("C1", "<=", 4), ("C2", "<=", 9), ("C3", ">=", 10), ("A1:A2", "<=", 100))
    result = solver_model(cells, "max", subject_to=subject_to, eng=2, neg=1).solve()
    assert not result.success and result.x.tolist() == [1, 1]
    assert result.message == (
        "No point meets all constraints: these 3 cannot hold together: C1 <= 4; C3 >= 10; A1 >= 0."
    )


def test_whole_numbers_that_cannot_be_are_told_from_constraints_that_cannot():
    cells = {"A1": 1, "A2": 1, "B1": "=A1", "C1": "=2*A1+2*A2"}
    subject_to = (("C1", "=", 3), ("A1:A2", "int", "integer"), ("A1:A2", "<=", 5))
    result = solver_model(cells, "max", subject_to=subject_to, eng=2, neg=1).solve()
    assert not result.success and result.message.startswith("No whole numbers meet all constraints: C1 = 3")


def test_an_unbounded_model_names_the_cell_that_runs_away():
    cells = {"A1": 1e9, "A2": 1, "B1": "=A1+A2", "C1": "=A2"}
    result = solver_model(cells, "max", subject_to=(("C1", "<=", 4),), eng=2, neg=1).solve()
    assert not result.success and result.x.tolist() == [1e9, 1]
    assert result.message == "The objective has no best value: it can increase for ever as A1 grows without end."


# ---- laws

coefficients = st.integers(-4, 6)


@st.composite
def programs(draw):
    size, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    vector = st.lists(coefficients, min_size=size, max_size=size)
    matrix = draw(st.lists(vector, min_size=rows, max_size=rows))
    right = draw(st.lists(st.integers(0, 15), min_size=rows, max_size=rows))
    relations = draw(st.lists(st.sampled_from(["<=", ">=", "="]), min_size=rows, max_size=rows))
    whole = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return draw(vector), matrix, right, relations, whole


@settings(max_examples=40, deadline=None)
@given(programs(), st.sampled_from(["max", "min"]))
def test_any_small_program_comes_to_what_scipy_finds(program, goal):
    cost, matrix, right, relations, whole = program
    size = len(cost)
    cells = {f"A{i + 1}": 0 for i in range(size)}
    terms = lambda row: "+".join(f"{c}*A{i + 1}" for i, c in enumerate(row))  # noqa: E731
    cells |= {"B1": "=" + terms(cost)} | {f"C{k + 1}": "=" + terms(row) for k, row in enumerate(matrix)}
    subject_to = [(f"C{k + 1}", relation, number) for k, (relation, number) in enumerate(zip(relations, right))]
    subject_to += [(f"A{i + 1}", "int", "integer") for i in range(size) if whole[i]]
    subject_to += [(f"A1:A{size}", "<=", 10)]
    sheet = solver_model(cells, goal, adjustable=f"A1:A{size}", subject_to=tuple(subject_to), eng=2, neg=1)
    result = sheet.solve()
    low = [number if relation != "<=" else -math.inf for relation, number in zip(relations, right)]
    high = [number if relation != ">=" else math.inf for relation, number in zip(relations, right)]
    sign = -1 if goal == "max" else 1
    expected = milp(
        sign * np.array(cost), integrality=np.array(whole, int), bounds=Bounds(0, 10),
        constraints=LinearConstraint(np.array(matrix), low, high),
    )  # fmt: skip
    assert result.success == (expected.status == 0)
    if result.success:
        assert result.fun == pytest.approx(sign * expected.fun, abs=1e-6)
        assert result.constraint_violation < 1e-6
        assert all(x == round(x) for x, is_whole in zip(result.x, whole) if is_whole)


# ---- another spreadsheet as referee


def test_libreoffice_computes_the_same_from_the_answers(tmp_path):
    """The written workbooks, every formula recomputed by LibreOffice: objective and constraints are what was said."""
    whole = (("A1:A2", "int", "integer"), ("C3", "<=", 17.5))
    models = [
        solver_model(WYNDOR, "max", subject_to=PLANTS, eng=2, neg=1),
        solver_model(WYNDOR, "max", subject_to=(*PLANTS, *whole), eng=2, neg=1),
        solver_model(WYNDOR | {"B1": "=SUMSQ(A1:A2)-3*A1-5*A2"}, "min", subject_to=PLANTS, eng=1, neg=1),
    ]
    results, paths = [model.solve() for model in models], [tmp_path / f"{number}.xlsx" for number in range(3)]
    for model, path in zip(models, paths):
        model.workbook.save(path)
    for result, seen in zip(results, all_recalculated(paths)):
        sheet = seen["Sheet1"]
        assert result.success and sheet["B1"] == pytest.approx(result.fun, rel=1e-9)
        assert all(sheet[f"C{row}"] <= sheet[f"D{row}"] + 1e-9 for row in (1, 2, 3))


# ---- size


def test_a_transport_of_thousands_of_cells_is_read_without_a_derivative_and_solved():
    """60 plants, 50 markets: costs by distance; the answer is linprog's."""
    plants, markets = 60, 50
    random = np.random.default_rng(0)
    cost = random.integers(1, 100, (plants, markets)).astype(float)
    supply, demand = np.full(plants, 100.0), np.full(markets, 110.0)
    last = column_letters(markets)
    cells: dict = {}
    for i in range(plants):
        for j in range(markets):
            cells[f"{column_letters(j + 1)}{i + 1}"] = 0
            cells[f"{column_letters(j + 1)}{i + 101}"] = cost[i, j]
        cells[f"CA{i + 1}"], cells[f"CB{i + 1}"] = f"=SUM(A{i + 1}:{last}{i + 1})", supply[i]
    for j in range(markets):
        letters = column_letters(j + 1)
        cells[f"{letters}90"], cells[f"{letters}91"] = f"=SUM({letters}1:{letters}{plants})", demand[j]
    cells["CC1"] = f"=SUMPRODUCT(A1:{last}{plants},A101:{last}{plants + 100})"
    subject_to = ((f"CA1:CA{plants}", "<=", f"CB1:CB{plants}"), (f"A90:{last}90", ">=", f"A91:{last}91"))
    model = solver_model(cells, objective="CC1", adjustable=f"A1:{last}{plants}", subject_to=subject_to, eng=2, neg=1)
    result = model.solve()
    rows = np.kron(np.eye(plants), np.ones(markets)), np.kron(np.ones(plants), np.eye(markets))
    expected = linprog(cost.reshape(-1), np.vstack([rows[0], -rows[1]]), np.concatenate([supply, -demand]))
    assert result.fun == pytest.approx(expected.fun) and result.success


# ---- how a search with whole numbers ends before its end


def market_split():
    """Four markets to be halved at once by 30 shops (Cornuejols, Dawande 1998): small, and out of reach."""
    random, shops, markets = np.random.default_rng(3), 30, 4
    cells: dict = {f"A{j + 1}": 0 for j in range(shops)}
    for i in range(markets):
        letters, sizes = column_letters(i + 3), random.integers(0, 100, shops)
        cells |= {f"{letters}{j + 1}": int(size) for j, size in enumerate(sizes)}
        cells |= {f"{letters}53": 0, f"{letters}54": 0}
        half = f"SUMPRODUCT($A$1:$A${shops},{letters}1:{letters}{shops})-{int(sizes.sum()) // 2}"
        cells[f"{letters}55"] = f"={half}+{letters}53-{letters}54"
    cells["B60"] = "=SUM(C53:F54)"
    subject_to = ((f"A1:A{shops}", "bin", "binary"), ("C55:F55", "=", 0))
    return solver_model(cells, "min", "B60", f"A1:A{shops},C53:F54", subject_to, eng=2, neg=1)


def test_ctrl_c_keeps_the_best_point_with_whole_numbers():
    def interrupt(progress):
        raise KeyboardInterrupt

    model = market_split()
    result = model.solve(callback=interrupt)
    assert result.status == 2 and result.message.startswith("Interrupted; the best point so far is kept")
    assert result.constraint_violation < 1e-6 and set(result.x[:30]) <= {0, 1}
    assert model.workbook["Sheet1"]["B60"] == result.fun > 0


def test_a_time_limit_keeps_the_best_point_with_whole_numbers_and_says_how_far_it_may_be_off():
    result = market_split().solve(max_time=1)
    assert result.status == 1 and not result.success
    assert result.message.startswith("The time limit was reached; the best point so far is kept, at most ")
    assert result.constraint_violation < 1e-6


def test_the_files_tolerance_is_enough_where_more_takes_too_long(monkeypatch):
    monkeypatch.setattr("sheetml.solve.linear.solving.EXACTLY", 0.5)
    model = market_split()
    result = model.solve(tolerance=2.0)
    assert result.success and "within the tolerance" in result.message


# ---- linear but for decisions


def test_a_decision_that_no_good_point_changes_is_taken_as_excels_simplex_takes_it():
    """A label and a surcharge that depend on what is made: the plan is the textbook's."""
    cells = WYNDOR | {"E1": "=IF(A1+A2>0,1,1)", "B1": "=(3*A1+5*A2)*E1-IF(A1>100,1000,0)"}
    model = solver_model(cells, "max", subject_to=PLANTS, eng=2, neg=1)
    result = model.solve()
    assert result.fun == pytest.approx(36) and result.x == pytest.approx([2, 6])
    assert "decides by" in result.message


def test_a_step_in_the_costs_ends_no_worse_than_the_best_of_its_piece():
    """Buying more than 10 makes all of it cheaper: 3 each up to 10, then 2 each; 25 are needed from two sellers."""
    cells = {"A1": 12, "A2": 13, "B1": "=A1*IF(A1>10,2,3)+A2*2.5", "C1": "=A1+A2"}
    result = solver_model(cells, "min", subject_to=(("C1", "=", 25), ("A1:A2", "<=", 40)), eng=1, neg=1).solve()
    assert result.fun == pytest.approx(50) and result.x == pytest.approx([25, 0])


def test_the_largest_of_several_lines_is_made_least():
    """Least of MAX(a - 1, 3 - a, 2a - 6): 1 at a = 2 (two lines cross)."""
    cells = {"A1": 9, "C1": "=A1-1", "C2": "=3-A1", "C3": "=2*A1-6", "B1": "=MAX(C1:C3)"}
    result = solver_model(cells, "min", adjustable="A1", eng=2).solve()
    assert result.fun == pytest.approx(1, abs=1e-4)


def test_whole_numbers_in_a_model_with_a_decision():
    cells = WYNDOR | {"B1": "=3*A1+5*A2-IF(A2>5,2,0)"}
    result = solver_model(cells, "max", subject_to=(*PLANTS, ("A1:A2", "int", "integer")), eng=2, neg=1).solve()
    assert result.fun == pytest.approx(34) and all(x == round(x) for x in result.x)  # 36 - 2 at (2, 6)


def test_what_the_pieces_gained_is_kept_also_where_no_time_is_left():
    cells = WYNDOR | {"B1": "=3*A1+5*A2-IF(A1>100,1000,0)"}
    model = solver_model(cells, "max", subject_to=PLANTS, eng=2, neg=1)
    result = model.solve(max_time=1e-3)
    sheet = model.workbook["Sheet1"]
    assert [sheet["A1"] or 0, sheet["A2"] or 0] == result.x.tolist() and sheet["B1"] == pytest.approx(result.fun)


@pytest.mark.parametrize("start", [[0, 0, 0, 0], [0, 0, 0, 9], [0, 0, 0, 10], [10, 5, 3, 0]])
def test_a_start_is_not_called_optimal_where_a_better_point_exists(start):
    cells = dict(zip(("A1", "A2", "A3", "A4"), start)) | {"B1": "=A1-A2-A4", "C1": "=A2-A1", "C2": "=2*A2-A1"}
    subject_to = (("C1:C2", "<=", 0), ("A1:A4", "<=", 10), ("A1", "int", "integer"), ("A4", "int", "integer"))
    result = solver_model(cells, "min", adjustable="A1:A4", subject_to=subject_to, eng=2, neg=1).solve()
    assert result.success and result.fun == -10


def test_a_program_with_an_infinite_coefficient_has_no_answer():
    program = Program(
        np.ones(1), 0.0, None, csr_array([[np.inf]]), np.zeros(1), np.ones(1), np.zeros(1), np.ones(1),
        np.zeros(1, bool), [], ["Sheet1!A1"],
    )  # fmt: skip
    found = highs.run(program)
    assert found.ending is highs.Ending.FAILED and found.x is None
