"""Whole numbers in nonlinear models, against all points or published optima."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.solve.models import solver_model


def box(area: str, lower: float, upper: float):
    return (area, ">=", lower), (area, "<=", upper)


def test_a_pressure_vessel():
    """The design problem of Sandgren (1990); its optimum is known to be 6059.714335."""
    cells = {"A1": 15, "A2": 10, "A3": 50, "A4": 150, "C1": "=0.0625*A1", "C2": "=0.0625*A2"}
    cells["B1"] = "=0.6224*C1*A3*A4+1.7781*C2*A3^2+3.1661*C1^2*A4+19.84*C1^2*A3"
    cells |= {"D1": "=C1-0.0193*A3", "D2": "=C2-0.00954*A3", "D3": "=PI()*A3^2*A4+4/3*PI()*A3^3"}
    model = solver_model(
        cells,
        adjustable="A1:A4",
        subject_to=(
            *box("A1:A2", 1, 99),
            *box("A3:A4", 10, 200),
            ("D1:D2", ">=", 0),
            ("D3", ">=", 1296000),
            ("A1:A2", "int", "integer"),
        ),
    )
    result = model.solve()
    assert result.fun == pytest.approx(6059.714335, rel=1e-8)
    assert result.x[:2].tolist() == [13, 7] and result.constraint_violation <= 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_no_whole_numbers_are_better_in_a_convex_model(seed):
    random = np.random.default_rng(seed)
    middle = random.uniform(-2, 2, 3).round(2)
    cells = {f"A{i}": 0 for i in (1, 2, 3)}
    cells["B1"] = "=EXP(0.3*A1)+" + "+".join(f"({m:g}-A{i})^2*{i}" for i, m in enumerate(middle, 1)) + "+0.5*A1*A2^2/9"
    result = solver_model(
        cells, adjustable="A1:A3", subject_to=(*box("A1:A3", -3, 3), ("A1:A3", "int", "integer"))
    ).solve()

    def value(a, b, c):
        return (
            np.exp(0.3 * a)
            + sum((m - v) ** 2 * i for i, (m, v) in enumerate(zip(middle, (a, b, c)), 1))
            + a * b * b / 18
        )

    assert result.fun == pytest.approx(min(value(*p) for p in itertools.product(range(-3, 4), repeat=3)))


def test_binary_cells_choose_and_others_follow():
    """Fixed costs with a curved running cost: all choices are tried, each with its closed form."""
    cells = {"A1": 1, "A2": 1, "A3": 5, "A4": 5}
    cells |= {"B1": "=30*A1+20*A2+A3^2+2*A4^2", "D1": "=A3+A4", "D2": "=A3-100*A1", "D3": "=A4-100*A2"}
    result = solver_model(
        cells,
        adjustable="A1:A4",
        subject_to=(
            ("A1:A2", "bin", "binary"),
            ("A3:A4", ">=", 0),
            ("D1", ">=", 6),
            ("D2:D3", "<=", 0),
        ),
    ).solve()
    both = 50 + 4**2 + 2 * 2**2  # 6 split 2 to 1
    assert result.fun == pytest.approx(min(30 + 36, 20 + 72, both), rel=1e-6)
    assert result.x[:2].tolist() == [1, 0]


def test_whole_numbers_in_a_model_with_steps_are_searched():
    cells = {"A1": 0, "A2": 0, "B1": "=(A1-3.3)^2+IF(A2>4,10,ABS(A2-6.6))"}
    result = solver_model(cells, subject_to=(*box("A1:A2", 0, 9), ("A1:A2", "int", "integer"))).solve()
    assert result.fun == pytest.approx(0.09 + 2.6) and result.x.tolist() == [3, 4]


def test_a_model_without_whole_answers_says_so():
    cells = {"A1": 1, "B1": "=A1^2", "C1": "=EXP(A1)"}
    result = solver_model(
        cells, adjustable="A1", subject_to=(("C1", ">=", 3), ("C1", "<=", 4), ("A1", "int", "integer"))
    ).solve()
    assert not result.success and result.constraint_violation > 1e-6
