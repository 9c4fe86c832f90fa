"""Shadow prices, reduced costs and how far they hold: textbook tables, and on any program the definition."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array

from sheetml.solve import linear
from sheetml.solve.linear.highs import run
from sheetml.solve.linear.program import Program
from sheetml.solve.linear.sensitivity import Sensitivity, sensitivity
from tests.solve.models import solver_model
from tests.solve.test_linear import PLANTS, WYNDOR


def told(program: Program, x: np.ndarray) -> Sensitivity:
    found = sensitivity(program, x)
    assert found is not None
    return found


def test_the_wyndor_glass_companys_prices_are_the_textbooks():
    """Hillier and Lieberman: prices 0, 1.5, 1; profits may move by 4.5 and 3, without end and 3; hours by 6 and 6."""
    program = linear.read(solver_model(WYNDOR, "max", subject_to=PLANTS, eng=2, neg=1).problem()).program
    found = told(program, np.array([2.0, 6.0]))
    assert found.prices == pytest.approx([0, 1.5, 1]) and found.reduced == pytest.approx([0, 0])
    assert found.cost.tolist() == [3, 5]
    assert found.cost_increase == pytest.approx([4.5, math.inf]) and found.cost_decrease == pytest.approx([3, 3])
    assert found.increase == pytest.approx([math.inf, 6, 6]) and found.decrease == pytest.approx([2, 6, 6])


def test_a_product_that_is_not_made_has_the_reduced_cost_by_which_it_is_too_cheap():
    """Chvatal, "Linear Programming", chapter 2: 13 at (2, 0, 1)."""
    cells = {f"A{i}": 0 for i in (1, 2, 3)} | {"B1": "=5*A1+4*A2+3*A3"}
    cells |= {"C1": "=2*A1+3*A2+A3", "C2": "=4*A1+A2+2*A3", "C3": "=3*A1+4*A2+2*A3", "D1": 5, "D2": 11, "D3": 8}
    model = solver_model(cells, "max", adjustable="A1:A3", subject_to=PLANTS, eng=2, neg=1)
    program = linear.read(model.problem()).program
    result = model.solve()
    found = told(program, result.x)
    assert result.x == pytest.approx([2, 0, 1]) and result.fun == pytest.approx(13)
    assert found.prices == pytest.approx([1, 0, 1]) and found.reduced == pytest.approx([0, -3, 0])
    assert found.cost_increase[1] == pytest.approx(3) and found.cost_decrease[1] == math.inf


small = st.integers(-3, 5)


@st.composite
def bounded_programs(draw):
    """Programs with an optimum, many of them degenerate: small whole numbers make rows meet in one point."""
    size, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    matrix = np.array(draw(st.lists(st.lists(small, min_size=size, max_size=size), min_size=rows, max_size=rows)))
    inner = np.array(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    slack = np.array(draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)))
    kinds = draw(st.lists(st.sampled_from(["<=", ">=", "="]), min_size=rows, max_size=rows))
    numbers = (matrix @ inner).astype(float)
    lower = np.array(
        [-math.inf if kind == "<=" else n - (kind == ">=") * s for kind, n, s in zip(kinds, numbers, slack)]
    )
    upper = np.array(
        [math.inf if kind == ">=" else n + (kind == "<=") * s for kind, n, s in zip(kinds, numbers, slack)]
    )
    cost = np.array(draw(st.lists(small, min_size=size, max_size=size)), float)
    zeros = np.zeros(size, bool)
    return Program(cost, 0.0, None, csr_array(matrix.astype(float)), lower, upper, np.zeros(size), np.full(size, 4.0),
                   zeros, [""] * rows, [""] * size, draw(st.sampled_from([1.0, -1.0])))  # fmt: skip


def best(program: Program) -> float:
    """What is minimised at the optimum, by SciPy's linprog; nan where there is none."""
    matrix = program.matrix.toarray()
    rows = [(matrix[i], program.row_upper[i]) for i in range(len(matrix)) if np.isfinite(program.row_upper[i])]
    rows += [(-matrix[i], -program.row_lower[i]) for i in range(len(matrix)) if np.isfinite(program.row_lower[i])]
    left, right = np.array([row for row, _ in rows]), np.array([number for _, number in rows])
    found = linprog(program.cost, left, right, bounds=list(zip(program.lower, program.upper)))
    return found.fun if found.status == 0 else math.nan


@settings(max_examples=60, deadline=None)
@given(bounded_programs())
def test_within_the_allowable_range_the_objective_moves_by_the_shadow_price(program):
    x = run(program).x
    found = told(program, x)
    before = best(program)
    for row in range(program.matrix.shape[0]):
        for way, allowed in ((1, found.increase[row]), (-1, found.decrease[row])):
            step = way * min(allowed, 2.0)
            lower, upper = program.row_lower.copy(), program.row_upper.copy()
            lower[row] += step
            upper[row] += step
            after = best(replace(program, row_lower=lower, row_upper=upper))
            assert after - before == pytest.approx(program.sign * found.prices[row] * step, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(bounded_programs())
def test_within_the_allowable_range_of_its_coefficient_the_optimum_stays(program):
    x = run(program).x
    found = told(program, x)
    for i in range(program.unknowns):
        for way, allowed in ((1, found.cost_increase[i]), (-1, found.cost_decrease[i])):
            cost = program.cost.copy()
            cost[i] += program.sign * way * min(allowed, 3.0)
            moved = replace(program, cost=cost)
            assert moved.objective(_vertex(program)) == pytest.approx(best(moved), abs=1e-6)


def _vertex(program: Program) -> np.ndarray:
    """The optimum whose basis the ranging is of."""
    from sheetml.solve.linear import highs

    solver = highs.loaded(program)
    solver.setOptionValue("presolve", "off")
    solver.run()
    return np.array(solver.getSolution().col_value)


@settings(max_examples=40, deadline=None)
@given(bounded_programs())
def test_a_reduced_cost_is_what_one_more_of_the_cell_costs(program):
    """Lagrange: prices and reduced costs add up to the objective's coefficients."""
    found = told(program, run(program).x)
    assert found.cost == pytest.approx(found.prices @ program.matrix.toarray() + found.reduced, abs=1e-9)
