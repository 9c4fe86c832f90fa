"""How a search ends before its end, and where it starts: limits, interruption, several starts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sheetml
from sheetml.solve.search import Progress
from tests.solve.models import fit, solver_model

PARABOLA = {"A1": 5, "A2": -7, "B1": "=(A1-2)^2+3*(A2+1)^2+4"}


def valley(length: int):
    """A chain of Rosenbrock valleys: thousands of iterations, each a little better."""
    cells = {f"A{i}": 0.5 for i in range(1, length + 1)}
    cells |= {f"C{i}": f"=100*(A{i + 1}-A{i}^2)^2+(1-A{i})^2" for i in range(1, length)}
    return cells | {"B1": f"=SUM(C1:C{length - 1})"}, f"A1:A{length}"


CONSTRAINED = {"subject_to": (("D1", ">=", 3),)}


def long_model(constrained: bool):
    cells, adjustable = valley(40)
    extra = {"D1": "=SUMSQ(A1:A40)"}
    return solver_model(cells | extra, adjustable=adjustable, **(CONSTRAINED if constrained else {}))


def better(result, constrained: bool) -> bool:
    """Than the start, however early; within constraints the way down may begin with a way up."""
    return result.fun <= result.fun_start if constrained else result.fun < result.fun_start


@pytest.mark.parametrize("constrained", [False, True])
def test_an_iteration_limit_keeps_the_best_point(constrained):
    model = long_model(constrained)
    result = model.solve(max_iterations=7)
    assert result.nit == 7 and not result.success and result.status == 1
    assert result.message == "The limit of 7 iterations was reached; the best point so far is kept."
    assert better(result, constrained)
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, rel=1e-12)


@pytest.mark.parametrize("constrained", [False, True])
def test_a_time_limit_keeps_the_best_point(constrained, monkeypatch):
    clock = Clock(step=0.01)
    monkeypatch.setattr("sheetml.solve.search.time.perf_counter", clock)
    model = long_model(constrained)
    result = model.solve(max_time=0.4)
    assert not result.success and better(result, constrained)
    assert result.message == "The time limit of 0.4 s was reached; the best point so far is kept."
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, rel=1e-12)


class Clock:
    """Time that passes only when it is looked at."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_the_time_limit_of_the_file_holds_unless_another_is_stated(monkeypatch):
    monkeypatch.setattr("sheetml.solve.search.time.perf_counter", Clock(step=0.1))
    assert "time limit of 2 s" in solver_model(valley(40)[0], adjustable="A1:A40", tim=2).solve().message
    assert "time limit of 1 s" in solver_model(valley(40)[0], adjustable="A1:A40", tim=2).solve(max_time=1).message
    assert solver_model(PARABOLA, tim=2147483647).solve().success


def test_a_time_limit_of_zero_leaves_the_start():
    model = solver_model(PARABOLA)
    result = model.solve(max_time=0)
    assert not result.success and result.x.tolist() == [5, -7]
    assert model.workbook["Sheet1"]["A1"] == 5


def test_a_coarse_tolerance_ends_earlier_and_a_fine_one_later():
    coarse, fine = (long_model(False).solve(tolerance=tolerance) for tolerance in (1e-2, 1e-12))
    assert coarse.success and fine.success
    assert coarse.nit < fine.nit and coarse.fun > fine.fun


@pytest.mark.parametrize("constrained", [False, True])
def test_ctrl_c_keeps_the_best_point(constrained):
    model = long_model(constrained)
    seen = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if progress.iteration == 15:
            raise KeyboardInterrupt

    result = model.solve(callback=interrupt)
    assert not result.success and result.status == 2
    assert result.message == "Interrupted; the best point so far is kept."
    assert result.fun == pytest.approx(min(progress.objective for progress in seen), rel=1e-9)
    assert better(result, constrained)
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, rel=1e-12)


@pytest.mark.parametrize("moment", [1, 2, 3, 5, 17])
def test_ctrl_c_within_an_evaluation_keeps_the_best_point(moment, monkeypatch):
    model = solver_model(fit(range(8), [9, 5.5, 4, 3, 2.5, 2.2, 2.1, 2], "$A$1*EXP(-$A$2*x)", (3, 1)))
    calls = 0
    for name in ("__call__", "value_and_gradient", "jacobian"):
        original = getattr(sheetml.engine.cell_function.CellFunction, name)

        def interrupted(self, x, original=original):
            nonlocal calls
            calls += 1
            if calls == moment:
                raise KeyboardInterrupt
            return original(self, x)

        monkeypatch.setattr(sheetml.engine.cell_function.CellFunction, name, interrupted)
    result = model.solve()
    assert result.status == 2 and "Interrupted" in result.message
    assert not result.fun > result.fun_start
    assert model.workbook["Sheet1"]["B1"] == pytest.approx(result.fun, rel=1e-9)


def test_progress_tells_the_best_objective_so_far():
    seen: list[Progress] = []
    result = long_model(False).solve(callback=seen.append)
    assert [progress.iteration for progress in seen] == list(range(1, len(seen) + 1))
    objectives = [progress.objective for progress in seen]
    assert objectives == sorted(objectives, reverse=True) and objectives[-1] == pytest.approx(result.fun)
    assert all(before.evaluations <= after.evaluations for before, after in itertools.pairwise(seen))
    falling: list[Progress] = []
    solver_model({"A1": 0.2, "A2": 3, "B1": "=A1*EXP(-A1)-(A2-A1)^2"}, "max").solve(callback=falling.append)
    assert falling[-1].objective == pytest.approx(np.exp(-1))


# ---- several starts

WAVES = {"A1": 9, "B1": "=0.05*A1^2+1-COS(3*A1)"}  # many minima, the least at 0


def test_several_starts_find_a_better_minimum_than_one():
    one = solver_model(WAVES, adjustable="A1").solve()
    many = solver_model(WAVES, adjustable="A1", subject_to=(("A1", ">=", -10), ("A1", "<=", 10)))
    assert one.fun > 1
    assert many.solve(starts=40, seed=1).fun == pytest.approx(0, abs=1e-9)


def test_several_starts_are_repeatable_by_their_seed():
    def solve(seed):
        return solver_model(WAVES, adjustable="A1").solve(starts=6, seed=seed)

    first, again = solve(3), solve(3)
    assert first.x.tolist() == again.x.tolist() and first.nfev == again.nfev
    assert any(solve(seed).nfev != first.nfev for seed in (4, 5, 6))


def test_the_first_start_is_what_the_cells_hold():
    one = solver_model(WAVES, adjustable="A1").solve()
    several = solver_model(WAVES, adjustable="A1").solve(starts=2, seed=0)
    assert several.fun <= one.fun and several.fun_start == one.fun_start


def test_the_file_may_ask_for_several_starts_and_state_their_seed():
    settings = {"msl": 1, "ssz": 25, "rsd": 7, "subject_to": (("A1", ">=", -10), ("A1", "<=", 10))}
    first = solver_model(WAVES, adjustable="A1", **settings).solve()
    again = solver_model(WAVES, adjustable="A1", **settings).solve()
    assert first.fun == pytest.approx(0, abs=1e-9) and first.nfev == again.nfev


def test_points_drawn_lie_within_bounds_and_constraints_decide_among_them():
    cells = {"A1": 9, "B1": "=0.05*A1^2+1-COS(3*A1)", "C1": "=A1^2"}
    subject_to = (("A1", ">=", -10), ("A1", "<=", 10), ("C1", ">=", 10))
    result = solver_model(cells, adjustable="A1", subject_to=subject_to).solve(starts=30, seed=2)
    assert result.success and abs(result.x[0]) >= 10**0.5 - 1e-6
    x = np.linspace(10**0.5, 10, 200_001)
    assert result.fun == pytest.approx(np.min(0.05 * x**2 + 1 - np.cos(3 * x)), abs=1e-6)


def test_a_limit_ends_all_starts_together():
    result = solver_model(WAVES, adjustable="A1").solve(starts=1000, seed=0, max_iterations=30)
    assert result.nit == 30 and "limit of 30 iterations" in result.message
