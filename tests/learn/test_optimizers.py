"""The update rules: against PyTorch's optimizers, against the sheets' formulas, and against their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.errors import SheetmlError
from sheetml.learn.optimizers import (
    OPTIMIZERS,
    SGD,
    SGDW,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Eve,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
    adam_step,
    eve_coefficient,
    momentum_step,
    optimizer_named,
    rmsprop_lagged_step,
    rmsprop_step,
)

GRADIENTS = np.array([[0.5, -2.0], [-1.0, 0.25], [0.0, 3.0], [2.0, -0.5], [-0.75, 1.5]])
START = np.array([1.0, -0.5])

# What PyTorch 2.13.0 makes of the start and the gradients above, in float64.
PYTORCH = [
    (SGD(0.1, weight_decay=0.02), [0.9152399208791678, -0.720366666236784]),
    (Momentum(0.1, weight_decay=0.02), [0.8082907090967681, -0.6260983233855839]),
    (Nesterov(0.1, weight_decay=0.02), [0.7431218369921614, -0.836556277977354]),
    (Adagrad(0.1, weight_decay=0.02), [0.9292479642240439, -0.5186150028503149]),
    (RMSProp(0.1, weight_decay=0.02), [0.3078952263068022, -0.7024562645477974]),
    (Adam(0.1, weight_decay=0.02), [0.9027187834293048, -0.4170890794610491]),
    (AdamW(0.1, weight_decay=0.02), [0.9013625749347371, -0.4147274568988463]),
    (AMSGrad(0.1, weight_decay=0.02), [0.9027096365142077, -0.4170890794610491]),
]


def stepped(optimizer: Optimizer, gradients: np.ndarray = GRADIENTS, start: np.ndarray = START) -> np.ndarray:
    """The parameter after a step with each gradient."""
    parameter, state = start.copy(), np.zeros((optimizer.states, *start.shape))
    settings = optimizer.settings(0, np.full(len(gradients), optimizer.learning_rate))
    for gradient, at in zip(gradients, settings):
        optimizer.apply(parameter, gradient, state, at)
    return parameter


@pytest.mark.parametrize(("optimizer", "expected"), PYTORCH, ids=lambda each: getattr(type(each), "__name__", ""))
def test_steps_are_those_of_pytorch(optimizer: Optimizer, expected: list[float]) -> None:
    np.testing.assert_allclose(stepped(optimizer), expected, rtol=1e-12)


def test_momentum_with_dampening_is_the_running_mean_of_the_sheet() -> None:
    """The columns of the sheet momentum: new mean = mean·beta + (1 - beta)·de/db, new b = b - mean·learn."""
    b, mean, beta, learn = 1.0, 0.3, 0.9, 1e-4
    for gradient in (-12.0, 4.5, 100.0):
        ours, our_mean = momentum_step(b, gradient, mean, learn, beta, beta)
        mean = mean * beta + (1 - beta) * gradient
        b = b - mean * learn
        assert (ours, our_mean) == pytest.approx((b, mean), rel=1e-15)


def test_lagged_rmsprop_divides_by_the_mean_before_this_gradient() -> None:
    """The columns of the sheet rmsprop: new b = b - de/db·learn/sqrt(mean of the row above)."""
    b, square, beta, learn = 1.0, 10000.0, 0.9, 0.02
    ours, our_square = rmsprop_lagged_step(b, -86.0, square, learn, beta, 0.0)
    assert ours == pytest.approx(b + 86.0 * learn / math.sqrt(square), rel=1e-15)
    assert our_square == pytest.approx(square * beta + (1 - beta) * 86.0**2, rel=1e-15)
    assert ours != rmsprop_step(b, -86.0, square, learn, beta, 0.0)[0]


def test_adam_without_corrections_is_that_of_the_sheet() -> None:
    """The columns of the sheet adam: new b = b - mean·learn/sqrt(square), both brought up to date first."""
    ours = adam_step(1.0, -86.0, 0.5, 10000.0, 1.0, 0.7, 0.9, 0.0, 1.0, 1.0)
    mean, square = 0.5 * 0.7 + 0.3 * -86.0, 10000.0 * 0.9 + 0.1 * 86.0**2
    assert ours == pytest.approx((1.0 - mean / math.sqrt(square), mean, square), rel=1e-14)


def test_eves_coefficient_without_clip_is_that_of_the_sheet() -> None:
    """dt = dt-1·beta + (1 - beta)·|ft-1 - ft-2| / min(ft-1, ft-2)."""
    assert eve_coefficient(239.8, 119.9, 1.0, 0.9, math.inf) == pytest.approx(0.9 + 0.1 * 119.9 / 119.9)
    assert eve_coefficient(100.0, 1.0, 1.0, 0.9, 10.0) == pytest.approx(0.9 + 0.1 * 10.0)
    assert eve_coefficient(1.0, 1.0, 1.0, 0.9, 10.0) == pytest.approx(0.9 + 0.1 * 0.1)


numbers = st.floats(-10, 10)


@given(start=numbers, gradients=st.lists(numbers, min_size=1, max_size=5))
def test_rules_give_the_same_on_numbers_and_on_arrays(start: float, gradients: list[float]) -> None:
    for kind in OPTIMIZERS.values():
        optimizer = kind(0.05, weight_decay=0.1)
        alone = stepped(optimizer, np.array(gradients), np.array(start))
        together = stepped(optimizer, np.tile(np.array(gradients)[:, None], 3), np.full(3, start))
        np.testing.assert_allclose(together, alone, rtol=1e-13)


@given(start=numbers, gradients=st.lists(numbers, min_size=1, max_size=5))
def test_momentum_without_momentum_is_gradient_descent(start: float, gradients: list[float]) -> None:
    """And so is Nesterov's."""
    plain = stepped(SGD(0.05), np.array(gradients), np.array(start))
    for kind in (Momentum, Nesterov):
        other = stepped(kind(0.05, momentum=0.0), np.array(gradients), np.array(start))
        np.testing.assert_allclose(other, plain, rtol=1e-12, atol=1e-12)


def test_decoupled_decay_and_l2_agree_for_gradient_descent_and_differ_for_adam() -> None:
    once = GRADIENTS[:1]
    decoupled, l2 = SGDW(0.1, weight_decay=0.3), Momentum(0.1, weight_decay=0.3)
    np.testing.assert_allclose(stepped(decoupled, once), stepped(l2, once), rtol=1e-14)
    assert not np.allclose(stepped(AdamW(0.1, weight_decay=0.3)), stepped(Adam(0.1, weight_decay=0.3)))


def test_each_rule_descends_a_bowl() -> None:
    for kind in OPTIMIZERS.values():
        optimizer = kind(0.05)
        parameter, state = np.array([3.0, -2.0]), np.zeros((optimizer.states, 2))
        rate = 0.5 if kind is Adagrad else 0.05
        for at in optimizer.settings(0, np.full(500, rate)):
            optimizer.apply(parameter, 2 * parameter, state, at)
        assert np.abs(parameter).max() < 0.5, kind


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="learning rate must be 0 or more"):
        SGD(-0.1)
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1"):
        Momentum(0.1, momentum=1.0)
    with pytest.raises(ValueError, match="beta2 must be at least 0 and below 1"):
        Adam(0.1, beta2=1.5)
    with pytest.raises(SheetmlError, match="there is no optimizer 'adamm'"):
        optimizer_named("adamm")


def test_an_optimizer_is_known_by_name_and_shows_its_settings() -> None:
    assert isinstance(optimizer_named("eve"), Eve)
    assert repr(Momentum(0.2, weight_decay=0.1)) == "Momentum(learning_rate=0.2, weight_decay=0.1)"
    changed = Momentum(0.2).with_params(momentum=0.5)
    assert changed == Momentum(0.2, momentum=0.5)
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1"):
        changed.with_params(momentum=2.0)
