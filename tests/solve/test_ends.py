"""Faults of starts and ends: numbers too large, what improves for ever, a start that is the optimum."""

from __future__ import annotations

import numpy as np
import pytest

from tests.solve.models import solver_model


def test_a_start_that_overflows_is_left_for_one_that_has_a_value():
    cells = {"A1": 1e200, "A2": 1e180, "B1": "=A1^2+(A2-1)^4", "C1": "=A1+A2^3"}
    result = solver_model(cells, subject_to=(("C1", ">=", 2),)).solve()
    assert result.success and result.constraint_violation <= 1e-6 and result.fun < 0.5


@pytest.mark.parametrize(
    ("objective", "goal", "subject_to"),
    [
        ("=A1*A2-A1^2", "max", ()),
        ("=A1+A2^3", "max", (("C1", ">=", 0),)),
        ("=A2*LN(1+A1^2)-A1^2", "min", (("C1", ">=", 0),)),
        ("=-EXP(A1)", "min", ()),
    ],
)
@pytest.mark.parametrize("start", [1.0, 1e4, 1e9])
def test_what_improves_without_end_is_said_from_any_start(objective, goal, subject_to, start):
    if "EXP" in objective and start > 100:
        start = 100.0
    cells = {"A1": start, "A2": start / 10, "B1": objective, "C1": "=A1-A2"}
    result = solver_model(cells, goal, subject_to=subject_to).solve()
    assert not result.success and result.status == 6, result.message
    assert "not seem to be bounded" in result.message


@pytest.mark.parametrize(
    ("cells", "subject_to"),
    [
        ({"A1": 2, "A2": 3, "B1": "=(A1-2)^4+(A2-3)^2+EXP(0)"}, ()),
        ({"A1": 1, "A2": 1, "B1": "=EXP(A1)+EXP(A2)", "C1": "=A1*A2"}, (("C1", ">=", 1), ("A1:A2", ">=", 0))),
        ({"A1": 0, "A2": 0, "B1": "=SQRT(1+A1)+A2^3"}, (("A1:A2", ">=", 0),)),
        ({"A1": 1, "A2": 0, "B1": "=A1^2+A2^4", "C1": "=A1^3"}, (("C1", ">=", 1),)),
    ],
)
def test_a_start_that_is_the_optimum_is_a_success(cells, subject_to):
    result = solver_model(cells, subject_to=subject_to).solve()
    assert result.success and result.fun == pytest.approx(result.fun_start)


def test_a_search_that_creeps_ends_and_says_how_to_go_on():
    """A net with kinks: dozens of iterations to the valley, then thousands for next to nothing."""
    random = np.random.default_rng(0)
    x, target = random.normal(size=(60, 2)).round(3), random.normal(size=60).round(3)
    cells = {f"A{i}": float(w) for i, w in enumerate(random.normal(0, 0.5, 12).round(3), 1)}
    for row in range(1, 61):
        cells |= {f"D{row}": float(x[row - 1, 0]), f"E{row}": float(x[row - 1, 1]), f"F{row}": float(target[row - 1])}
        hidden = [f"MAX(0,D{row}*$A${3 * h + 1}+E{row}*$A${3 * h + 2}+$A${3 * h + 3})" for h in range(3)]
        cells[f"G{row}"] = "=" + "+".join(f"{part}*$A${10 + h}" for h, part in enumerate(hidden))
    cells["B1"] = "=SUMXMY2(F1:F60,G1:G60)"
    short = solver_model(cells, adjustable="A1:A12").solve()
    long = solver_model(cells, adjustable="A1:A12").solve(tolerance=1e-12, max_iterations=4000)
    assert short.success and short.nit < long.nit
    assert short.fun <= long.fun * 1.01
    if "gained less" in short.message:
        assert "--tolerance" in short.message


def test_a_discount_that_is_looked_up_is_taken_by_the_gradient_engine_too():
    """The slope says to order less; one step up is cheaper."""
    cells = {"A1": 80, "B1": "=A1*LOOKUP(A1,{0,50,100},{10,9,6})+1000*MAX(0,80-A1)"}
    result = solver_model(cells, adjustable="A1", subject_to=(("A1", ">=", 0), ("A1", "<=", 200))).solve()
    assert result.fun == pytest.approx(600, rel=1e-4)
