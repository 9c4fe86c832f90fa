"""Many starts: spread evenly, shared among processes, ended by the rule of Excel's multistart."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.solve import starts
from tests.solve.models import solver_model

HILLS = {"A1": 4, "A2": 3, "B1": "=0.05*(A1^2+A2^2)+2-COS(3*A1)-COS(2*A2)"}  # many minima, the least at 0
BOX = (("A1:A2", ">=", -10), ("A1:A2", "<=", 10))


@pytest.fixture
def shared(monkeypatch):
    """Work is shared among processes however little there is of it."""
    monkeypatch.setattr(starts, "WORTH_WORKERS", 0.0)


def test_processes_find_what_one_finds(shared):
    one = solver_model(HILLS, subject_to=BOX).solve(starts=40, seed=3, workers=1)
    two = solver_model(HILLS, subject_to=BOX).solve(starts=40, seed=3, workers=2)
    assert one.fun == pytest.approx(0, abs=1e-9) and two.fun == pytest.approx(0, abs=1e-9)
    again = solver_model(HILLS, subject_to=BOX).solve(starts=40, seed=3, workers=2)
    assert again.x.tolist() == two.x.tolist() and again.nfev == two.nfev


def test_one_minimum_is_recognised_as_the_only_one():
    cells = {"A1": 5, "A2": -7, "B1": "=(A1-2)^4+3*(A2+1)^2+EXP(A1/10)"}
    result = solver_model(cells, subject_to=BOX).solve(starts=100)
    assert "starts led to 1 different minimum" in result.message
    assert "a better one is improbable by the rule of Excel's multistart" in result.message
    counted = int(result.message.split("; ")[1].split()[0])
    assert starts.FEWEST_STARTS <= counted < 20


def test_the_rule_is_that_of_boender_and_rinnooy_kan():
    minima = starts.Minima(costs=[1.0, 2.0], places=[], reach=[], starts=20)
    assert minima.expected == pytest.approx(2 * 19 / 16)
    assert minima.enough  # less than two and a half
    assert not starts.Minima(costs=[1.0, 2.0, 3.0], starts=10).enough
    assert starts.Minima(costs=[1.0, 2.0, 3.0], starts=5).expected == np.inf


def test_points_are_spread_over_bounds_and_around_the_start_without_them():
    problem = solver_model(
        {"A1": 5, "A2": 100, "B1": "=A1^2+A2"}, subject_to=(("A1", ">=", -1), ("A1", "<=", 3))
    ).problem()
    points = starts.spread(problem, 64, 1)
    first = np.histogram(points[:, 0], bins=8, range=(-1, 3))[0]
    assert points.shape == (64, 2) and (first == 8).all()
    assert np.median(points[:, 1]) == pytest.approx(100, abs=15) and np.std(points[:, 1]) > 10


def test_starts_within_constraints_end_at_the_best_of_all():
    cells = HILLS | {"C1": "=A1+A2"}
    subject_to = (*BOX, ("C1", ">=", 2))
    result = solver_model(cells, subject_to=subject_to).solve(starts=60, seed=2)
    axis = np.linspace(-10, 10, 801)
    a, b = np.meshgrid(axis, axis)
    values = np.where(a + b >= 2, 0.05 * (a**2 + b**2) + 2 - np.cos(3 * a) - np.cos(2 * b), np.inf)
    assert result.constraint_violation <= 1e-6 and result.fun <= values.min() + 1e-6


def test_a_time_limit_ends_all_processes(shared):
    result = solver_model(HILLS, subject_to=BOX).solve(starts=100_000, seed=1, workers=2, max_time=1.0)
    assert result.seconds < 15 and result.fun <= result.fun_start
