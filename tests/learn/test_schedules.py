"""Learning rates over time."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.errors import SheetmlError
from sheetml.learn.schedules import SGDR, Constant, OneCycle, StepDecay, schedule_named


def test_a_constant_schedule_changes_nothing() -> None:
    np.testing.assert_array_equal(Constant().factors(3, 4), np.ones(12))


def test_a_step_schedule_falls_after_so_many_epochs() -> None:
    factors = StepDecay(2, 0.1).factors(5, 3)
    np.testing.assert_allclose(factors, np.repeat([1, 1, 0.1, 0.1, 0.01], 3))


def test_sgdr_falls_along_half_a_cosine_and_restarts_with_longer_cycles() -> None:
    schedule = SGDR(cycle_len=1, cycle_mult=2)
    factors = schedule.factors(7, 10)
    starts = [0, 10, 30]  # cycles of 1, 2 and 4 epochs
    assert [step for step in range(1, 70) if factors[step] > factors[step - 1]] == starts[1:]
    np.testing.assert_allclose(factors[starts], 1)
    for start, length in zip(starts, (10, 20, 40)):
        assert factors[start + length // 2] == pytest.approx(0.5)
        assert factors[start + length - 1] < 0.03
    assert schedule.epochs(3) == 7


def test_sgdr_ends_at_its_lowest_rate() -> None:
    assert SGDR(3, 1, lowest=0.2).factors(3, 1000)[-1] == pytest.approx(0.2, abs=1e-5)


def test_one_cycle_warms_up_and_cools_down_with_the_momentum_the_other_way() -> None:
    schedule = OneCycle(warm=0.25, div=10, final_div=100)
    factors, momenta = schedule.factors(4, 100), schedule.momenta(4, 100)
    top = int(factors.argmax())
    assert abs(top - 100) <= 1
    assert factors[0] == pytest.approx(0.1)
    assert factors[top] == pytest.approx(1, abs=1e-3)
    assert factors[-1] == pytest.approx(0.01)
    assert (np.diff(factors[: top + 1]) > 0).all()
    assert (np.diff(factors[top:]) < 0).all()
    assert int(momenta.argmin()) == top
    assert momenta[0] == pytest.approx(0.95)
    assert momenta[top] == pytest.approx(0.85, abs=1e-3)


def test_schedules_are_known_by_name() -> None:
    assert schedule_named("sgdr") == SGDR()
    with pytest.raises(SheetmlError, match="there is no schedule 'cyclic': choose from constant, step"):
        schedule_named("cyclic")
    with pytest.raises(ValueError, match="at least 1"):
        SGDR(0)
