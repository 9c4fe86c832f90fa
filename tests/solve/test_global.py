"""The best value with a proof: published global optima, and what there is no expression for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from sheetml.errors import SolverError
from sheetml.solve import global_search
from sheetml.solve.search import Limits
from tests.solve.models import solver_model

pytest.importorskip("pyscipopt")


def solved(model, **changes):
    return global_search.solve(replace(model.problem(), **changes), Limits(max_time=60))


def box(area: str, lower: float, upper: float):
    return (area, ">=", lower), (area, "<=", upper)


def test_the_six_hump_camel():
    """Dixon and Szego (1978): -1.0316284535."""
    cells = {"A1": 3, "A2": 2, "B1": "=(4-2.1*A1^2+A1^4/3)*A1^2+A1*A2+(4*A2^2-4)*A2^2"}
    model = solver_model(cells, subject_to=box("A1:A2", -3, 3))
    result = solved(model)
    assert result.fun == pytest.approx(-1.0316284535, abs=1e-8)
    assert result.fun - 1e-5 <= result.bound <= result.fun + 1e-9
    assert result.success and "proved" in result.message
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "goal", "best"),
    [
        ("=SIN(A1)+SIN(10*A1/3)+0*A2", "min", -1.8995993491521),  # on [2.7, 7.5]
        ("=EXP(-A1)*COS(A1)+LN(A2)*SQRT(A1)", "max", None),
        ("=ABS(A1-5)+MAX(A2-3,2*A1-A2,1)", "min", None),
        ("=IF(A1>5,A1^2-30,10-A1)+A2/A1", "min", None),
        ("=TANH(A1-4)*A2+LOG10(A2)", "min", None),
        ("=MIN(A1,A2,5)-SUMSQ(A1-A2)/9+A1^0.5", "max", None),
    ],
)
def test_operations_are_handed_on_as_they_are(formula, goal, best):
    cells = {"A1": 3, "A2": 4, "B1": formula}
    model = solver_model(cells, goal, subject_to=box("A1:A2", 2.7, 7.5))
    result = solved(model)
    f = solver_model(cells, goal, subject_to=box("A1:A2", 2.7, 7.5)).workbook.function("A1:A2", "B1")
    grid = np.linspace(2.7, 7.5, 161)
    values = f.batch(np.array(list(itertools.product(grid, grid))))
    known = np.nanmin(values) if goal == "min" else np.nanmax(values)
    if best is not None:
        assert result.fun == pytest.approx(best, abs=1e-6)
    sign = 1 if goal == "min" else -1
    assert sign * result.fun <= sign * known + 1e-6  # no point of a grid is better
    assert sign * result.bound <= sign * result.fun + 1e-6
    assert sign * (result.fun - result.bound) <= 1e-4 * (1 + abs(result.fun))


def test_whole_numbers_and_constraints_of_a_nonconvex_model():
    cells = {"A1": 1, "A2": 1, "B1": "=A1*A2-A1^2+SIN(A2)", "C1": "=A1^2+A2^2"}
    subject_to = (*box("A1:A2", -5, 5), ("C1", "<=", 20), ("A1:A2", "int", "integer"))
    result = solved(solver_model(cells, subject_to=subject_to))
    points = [p for p in itertools.product(range(-5, 6), repeat=2) if p[0] ** 2 + p[1] ** 2 <= 20]
    assert result.fun == pytest.approx(min(a * b - a * a + np.sin(b) for a, b in points))


def test_sums_and_matrices_over_areas():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(3, 3)).round(2)
    cells = {f"A{i}": 0.3 for i in (1, 2, 3)}
    cells |= {f"{'DEF'[j]}{i + 1}": float(matrix[i, j]) for i in range(3) for j in range(3)}
    cells |= {"G1:G3": "{=MMULT(D1:F3,A1:A3)}", "B1": "=SUMPRODUCT(A1:A3,G1:G3)+SUM(A1:A3)^2/3"}
    result = solved(solver_model(cells, adjustable="A1:A3", subject_to=box("A1:A3", -1, 1)))
    grid = np.array(list(itertools.product(np.linspace(-1, 1, 41), repeat=3)))
    values = np.einsum("pi,ij,pj->p", grid, matrix, grid) + grid.sum(axis=1) ** 2 / 3
    assert result.fun <= values.min() + 1e-9 and result.bound == pytest.approx(result.fun, abs=1e-4)


def test_a_value_to_be_reached():
    cells = {"A1": 1, "A2": 1, "B1": "=A1^3-2*A1*A2"}
    result = solved(solver_model(cells, 7, subject_to=box("A1:A2", 0, 3)))
    assert result.fun == pytest.approx(7, abs=1e-6)


def test_constraints_that_contradict_each_other_are_proved_to():
    cells = {"A1": 1, "A2": 1, "B1": "=A1*A2", "C1": "=A1^2+A2^2", "C2": "=A1*A2"}
    result = solved(solver_model(cells, subject_to=(*box("A1:A2", 0, 9), ("C1", "<=", 4), ("C2", ">=", 3))))
    assert not result.success and "C" in result.message


def test_what_has_no_expression_is_named():
    cells = {"A1": 1, "A2": 1, "B1": "=A1+VLOOKUP(A2,{0,5;2,3},2)"}
    with pytest.raises(SolverError, match="B1"):
        solved(solver_model(cells, subject_to=box("A1:A2", 0, 3)))
    cells["B1"] = "=A1+ROUND(A2,0)"
    with pytest.raises(SolverError, match=r"(?i)round.*B1"):
        solved(solver_model(cells, subject_to=box("A1:A2", 0, 3)))


def test_without_scip_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("sheetml.solve.global_search.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SolverError, match=r"pip install 'sheetml\[global\]'"):
        solved(solver_model({"A1": 1, "B1": "=A1^2"}, adjustable="A1"))
