"""Models with constraints between cells: optima known in closed form, or found otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, nnls

import sheetml
from sheetml.xlsx.model import column_letters
from tests.solve.models import solver_model

CIRCLE = {"A1": 0.3, "A2": 0.1, "B1": "=A1+2*A2", "C1": "=A1^2+A2^2"}


@pytest.mark.parametrize(("goal", "sign"), [("max", 1), ("min", -1)])
def test_a_linear_function_on_a_circle_is_extreme_where_lagrange_says(goal, sign):
    result = solver_model(CIRCLE, goal, subject_to=(("C1", "=", 5),)).solve()
    assert result.success and result.x == pytest.approx([sign, 2 * sign], abs=1e-6)
    assert result.constraint_violation < 1e-6 and result.gradient_norm < 1e-5


def test_each_relation_holds_between_ranges_and_against_cells_numbers_and_names():
    cells = {"A1": 1, "A2": 1, "A3": 1, "B1": "=SUMSQ(A1:A3)", "C1": "=A1+A2", "C2": "=A2+A3", "D1": 4, "D2": 6}
    at_least = solver_model(cells, adjustable="A1:A3", subject_to=(("C1:C2", ">=", "D1:D2"),)).solve()
    equal = solver_model(cells, adjustable="A1:A3", subject_to=(("C1:C2", "=", "D1:D2"),)).solve()
    assert at_least.x == pytest.approx([2 / 3, 10 / 3, 8 / 3], abs=1e-6) and equal.x == pytest.approx(
        at_least.x, abs=1e-6
    )
    turned = solver_model(cells, adjustable="A1:A3", subject_to=(("D1:D2", "<=", "C1:C2"),)).solve()
    assert turned.x == pytest.approx(at_least.x, abs=1e-6)
    one_number = solver_model(cells, adjustable="A1:A3", subject_to=(("C1:C2", ">=", 5),)).solve()
    assert one_number.x == pytest.approx([5 / 3, 10 / 3, 5 / 3], abs=1e-6)
    one_cell = solver_model(cells | {"D9": 5}, adjustable="A1:A3", subject_to=(("C1:C2", ">=", "D9"),)).solve()
    assert one_cell.x == pytest.approx(one_number.x, abs=1e-6)


def test_constraints_between_adjustable_cells():
    cells = {"A1": 0, "A2": 0, "B1": "=(A1-3)^2+(A2-1)^2"}
    assert solver_model(cells, subject_to=(("A1", "<=", "A2"),)).solve().x == pytest.approx([2, 2], abs=1e-6)


def test_both_sides_of_a_constraint_may_move():
    cells = {"A1": 1, "A2": 1, "B1": "=A1^2+A2^2", "C1": "=A1*A2", "D1": "=2+A1-A2"}
    result = solver_model(cells, subject_to=(("C1", ">=", "D1"),)).solve()
    assert result.x[0] * result.x[1] == pytest.approx(2 + result.x[0] - result.x[1], abs=1e-6)
    assert result.success


def test_a_nonlinear_inequality_that_does_not_bind_changes_nothing():
    cells = {"A1": 0, "A2": 0, "B1": "=(A1-0.1)^2+(A2+0.2)^2", "C1": "=A1^2+A2^2"}
    result = solver_model(cells, subject_to=(("C1", "<=", 5),)).solve()
    assert result.x == pytest.approx([0.1, -0.2], abs=1e-6) and result.success


def test_rosenbrocks_valley_within_a_disc():
    """The least value of the banana function where x^2 + y^2 <= 2 is at (1, 1); within 1 on the circle."""
    cells = {"A1": 0.1, "A2": 0, "B1": "=(1-A1)^2+100*(A2-A1^2)^2", "C1": "=A1^2+A2^2"}
    assert solver_model(cells, subject_to=(("C1", "<=", 2),)).solve().x == pytest.approx([1, 1], abs=1e-4)
    result = solver_model(cells, subject_to=(("C1", "<=", 1),)).solve()
    assert result.x == pytest.approx([0.78641515, 0.61769831], abs=1e-5)


def test_hock_schittkowskis_problem_71():
    """Known from textbooks: optimum 17.0140173 at (1, 4.743, 3.8211, 1.3794)."""
    cells = {
        "A1": 1,
        "A2": 5,
        "A3": 5,
        "A4": 1,
        "B1": "=A1*A4*SUM(A1:A3)+A3",
        "C1": "=PRODUCT(A1:A4)",
        "C2": "=SUMSQ(A1:A4)",
    }
    bounds = (("A1:A4", ">=", 1), ("A1:A4", "<=", 5), ("C1", ">=", 25), ("C2", "=", 40))
    result = solver_model(cells, adjustable="A1:A4", subject_to=bounds).solve()
    assert result.success and result.fun == pytest.approx(17.0140173, abs=1e-6)
    assert result.x == pytest.approx([1, 4.743, 3.8211, 1.3794], abs=1e-3)


def test_the_box_of_largest_volume_from_a_sheet():
    cells = {"A1": 1, "A2": 1, "A3": 1, "B1": "=A1*A2*A3", "C1": "=2*(A1*A2+A2*A3+A1*A3)"}
    result = solver_model(cells, "max", adjustable="A1:A3", subject_to=(("C1", "<=", 54),), neg=1).solve()
    assert result.fun == pytest.approx(27, abs=1e-6) and result.x == pytest.approx([3, 3, 3], abs=1e-4)


def test_a_value_to_be_reached_under_a_constraint():
    cells = {"A1": 1, "A2": 1, "B1": "=A1^2+A2^2", "C1": "=A1-A2"}
    result = solver_model(cells, 10, subject_to=(("C1", "=", 2),)).solve()
    assert result.success and result.fun == pytest.approx(10, abs=1e-5)
    assert result.x[0] - result.x[1] == pytest.approx(2, abs=1e-6)


def test_without_an_objective_the_constraints_are_met():
    cells = {"A1": 1, "A2": 1, "C1": "=A1^2+A2^2", "C2": "=A1*A2"}
    model = solver_model(cells, objective="", subject_to=(("C1", "=", 5), ("C2", "=", 2)))
    result = model.solve()
    assert result.success and sorted(result.x) == pytest.approx([1, 2], abs=1e-6)
    assert result.objective is None and model.workbook["Sheet1"]["C1"] == pytest.approx(5)
    assert model.describe()[0] == "meet the constraints by changing A1:A2"


@pytest.mark.parametrize(
    ("constraints", "named"),
    [
        ((("C2", ">=", 9), ("C2", "<=", 4)), "C2"),
        ((("C2", "<=", -1),), "C2 <= -1 is missed by 1"),
        ((("C2", "=", "C3"),), "C2 = C3"),
        ((("C4", ">=", 7), ("C2", ">=", 0)), "C4 >= 7 is missed by 5"),
    ],
)
def test_constraints_that_cannot_be_met_are_said_to_be_by_name(constraints, named):
    cells = {"A1": 1, "A2": 1, "B1": "=A1+A2^2", "C1": "=A1+A2", "C2": "=A1^2", "C3": "=-1-A2^2", "C4": "=1+1"}
    result = solver_model(cells, subject_to=constraints).solve()
    assert not result.success and result.constraint_violation > 1e-3
    assert result.message.startswith("No point was found that meets the constraints: the constraint ")
    assert named in result.message


def test_an_unbounded_direction_within_constraints_is_said_to_be():
    cells = {"A1": 1, "A2": 1, "B1": "=A1+A2", "C1": "=A1-A2"}
    result = solver_model(cells, "max", subject_to=(("C1", "<=", 3),)).solve()
    assert not result.success and result.x.tolist() == [1, 1]
    assert result.message == (
        "The objective has no best value: it can increase for ever as A1 grows, A2 grows without end."
    )


def test_constraints_in_other_units_than_the_objective():
    """Grams against millions: what is to be met is measured by its own size."""
    cells = {"A1": 1e6, "A2": 1e-3, "B1": "=1e-6*(A1-3e6)^2+1e9*(A2-0.002)^2", "C1": "=A1*A2", "C2": "=A1/1e6+A2*1e3"}
    result = solver_model(cells, subject_to=(("C1", "<=", 4500), ("C2", "<=", 4.5))).solve()
    assert result.success and result.x[0] * result.x[1] <= 4500 * (1 + 1e-6)


def test_constraints_without_a_value_on_the_way_are_survived():
    cells = {"A1": 3, "A2": 2, "B1": "=(A1+5)^2+A2^2", "C1": "=LN(A1)+SQRT(A2)"}
    result = solver_model(cells, subject_to=(("C1", ">=", 0),)).solve()
    assert result.constraint_violation <= 1e-6
    assert result.fun <= 36.01


def test_a_constraint_without_a_derivative_is_solved_by_differences_which_is_said():
    cells = {"A1": 3, "A2": 2, "B1": "=A1^2+A2^2", "C1": "=ROUND(A1+A2,12)"}
    result = solver_model(cells, subject_to=(("C1", ">=", 2),)).solve()
    assert "by differences" in result.message and "ROUND" in result.message
    assert result.x == pytest.approx([1, 1], abs=1e-3)


def test_a_start_that_meets_the_constraints_is_never_left_for_something_worse():
    cells = {"A1": 1, "A2": 1, "B1": "=ABS(A1-1)+ABS(A2-1)+INT(A1*3)", "C1": "=A1*A2"}
    result = solver_model(cells, subject_to=(("C1", "<=", 1),)).solve()
    assert result.fun <= result.fun_start and result.constraint_violation <= 1e-6


def test_a_constraint_that_compares_with_text_names_the_cell():
    cells = {"A1": 1, "A2": 1, "B1": "=A1+A2", "D1": "four"}
    with pytest.raises(sheetml.SolverError, match=r"a constraint compares with Sheet1!D1, which holds no number\.$"):
        solver_model(cells, subject_to=(("A1", "<=", "D1"),)).solve()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 4))
def test_linear_models_come_to_what_linear_programming_finds(seed, size, count):
    random = np.random.default_rng(seed)
    costs, matrix = random.integers(1, 9, size), random.integers(0, 6, (count, size))
    right = matrix.sum(axis=1) + 1.0
    cells = {f"A{i + 1}": 0 for i in range(size)} | {"B1": "=" + "+".join(f"{c}*A{i + 1}" for i, c in enumerate(costs))}
    for row, weights in enumerate(matrix, start=1):
        cells |= {f"C{row}": "=" + "+".join(f"{w}*A{i + 1}" for i, w in enumerate(weights)), f"D{row}": right[row - 1]}
    subject_to = ((f"C1:C{count}", "<=", f"D1:D{count}"), (f"A1:A{size}", "<=", 7))
    result = solver_model(cells, "max", adjustable=f"A1:A{size}", subject_to=subject_to, neg=1).solve()
    best = linprog(-costs, A_ub=matrix, b_ub=right, bounds=(0, 7))
    assert result.fun == pytest.approx(-best.fun, rel=1e-6)
    assert result.success


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_quadratic_on_a_plane_has_the_solution_of_its_kkt_equations(seed):
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    quadratic, plane, level = root.T @ root + np.eye(4), random.normal(size=4), float(random.normal())
    cells = {f"A{i + 1}": 0.5 for i in range(4)}
    cells |= {f"{'DEFG'[j]}{i + 1}": float(quadratic[i, j]) for i in range(4) for j in range(4)}
    cells |= {f"H{i + 1}": float(plane[i]) for i in range(4)}
    cells |= {
        "I1:I4": "{=MMULT(D1:G4,A1:A4)}",
        "B1": "=SUMPRODUCT(A1:A4,I1:I4)+SUM(A1:A4)",
        "C1": "=SUMPRODUCT(A1:A4,H1:H4)",
    }
    result = solver_model(cells, adjustable="A1:A4", subject_to=(("C1", "=", level),)).solve()
    system = np.block([[2 * quadratic, plane[:, None]], [plane[None, :], np.zeros((1, 1))]])
    best = np.linalg.solve(system, np.concatenate([-np.ones(4), [level]]))
    assert result.x == pytest.approx(best[:4], abs=1e-5)


# ---- size


def mix(size: int, constraints: int):
    """A quadratic gain from many products, whose needs are a table with a row for each resource."""
    random = np.random.default_rng(7)
    needs = (random.uniform(size=(constraints, size)) < 0.1) * random.uniform(0.5, 2, (constraints, size)).round(3)
    gain, fall = random.uniform(1, 2, size).round(3), random.uniform(0.05, 0.2, size).round(3)
    cells = {"B1": f"=SUMPRODUCT(D1:D{size},A1:A{size})-SUMPRODUCT(E1:E{size},A1:A{size}^2)"}
    for i in range(size):
        cells |= {f"A{i + 1}": 0, f"D{i + 1}": gain[i], f"E{i + 1}": fall[i]}
    for row in range(constraints):
        cells[f"G{row + 1}"] = f"=SUMPRODUCT(H{row + 1}:{column_letters(7 + size)}{row + 1},TRANSPOSE($A$1:$A${size}))"
        cells |= {f"{column_letters(8 + i)}{row + 1}": needs[row, i] for i in range(size)}
    return cells, needs, gain, fall


def test_hundreds_of_cells_and_constraints_are_solved():
    size, count = 300, 100
    cells, needs, gain, fall = mix(size, count)
    model = solver_model(cells, "max", adjustable=f"A1:A{size}", subject_to=((f"G1:G{count}", "<=", 3),), neg=1)
    result = model.solve()
    assert result.success and result.constraint_violation < 1e-6
    # Lagrange's conditions: what is gained is held up by resources used up and by cells at 0
    gradient = gain - 2 * fall * result.x
    used_up = needs[needs @ result.x > 3 - 1e-6]
    made = result.x > 1e-8
    prices, missed = nnls(used_up[:, made].T, gradient[made])
    assert missed < 1e-4 and (gradient - used_up.T @ prices <= 1e-4).all()
    assert 0 < len(used_up) < count and 0 < made.sum() < size


def test_thousands_of_cells_with_a_constraint_are_solved():
    size = 1500
    cells = {f"A{i}": 1 for i in range(1, size + 1)} | {f"D{i}": i for i in range(1, size + 1)}
    cells |= {"B1": f"=SUMPRODUCT(D1:D{size},A1:A{size},A1:A{size})", "C1": f"=SUM(A1:A{size})"}
    result = solver_model(cells, adjustable=f"A1:A{size}", subject_to=(("C1", "=", 100),)).solve()
    weights = 1 / np.arange(1, size + 1)
    assert result.success and result.method == "HiGHS active set"
    assert result.x == pytest.approx(100 * weights / weights.sum(), rel=1e-3, abs=1e-4)
    assert math.isclose(result.x.sum(), 100, rel_tol=1e-7)


def test_an_unbounded_nonlinear_objective_names_the_cell_that_runs_away():
    result = solver_model({"A1": 1, "A2": 1, "B1": "=(A1-3)^3+A2^2"}).solve()
    assert not result.success and "does not seem to be bounded: it still improves with A1 at -" in result.message
