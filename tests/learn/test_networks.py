"""Gradients of every network equal differences, in NumPy and in the compiled trainer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.learn.networks import Dot, Net, Network, squashed
from sheetml.learn.optimizers import SGD
from sheetml.learn.ratings import Ratings
from sheetml.learn.schedules import Constant
from sheetml.learn.training import Tables, Trainer

NETWORKS: list[Dot | Net] = [
    Dot(3),
    Dot(3, bias=True),
    Dot(3, bias=True, rating_range=(0.5, 5.0)),
    Net(3, hidden=4, dropout=(0.0, 0.0), rating_range=(0.0, 5.5)),
    Net(3, hidden=4, dropout=(0.3, 0.5), rating_range=(0.0, 5.5)),
    Net(3, hidden=4, dropout=(0.3, 0.5)),
]
STEP = 1e-6


def batch(network: Network, seed: int, count: int = 6) -> tuple[np.ndarray, ...]:
    """Rows of users and items, weights, values and masks, at random."""
    random = np.random.default_rng(seed)
    users, items = (random.normal(0, 0.7, (count, network.width)) for _ in range(2))
    weights = random.normal(0, 0.7, network.weight_count)
    masks = (random.random((count, network.mask_width)) > 0.3).astype(np.uint8)
    return users, items, weights, random.uniform(0.5, 5, count), masks


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_gradients_equal_central_differences(network: Network, seed: int) -> None:
    users, items, weights, values, masks = batch(network, seed)
    found = network.gradients(users, items, weights, values, masks)
    for array, gradient in ((users, found.users), (items, found.items), (weights, found.weights)):
        for place in np.ndindex(array.shape):
            kept, losses = array[place], []
            for sign in (1, -1):
                array[place] = kept + sign * STEP
                losses.append(network.gradients(users, items, weights, values, masks).loss)
            array[place] = kept
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / (2 * STEP), rel=2e-4, abs=2e-7)


@pytest.mark.parametrize("network", [each for each in NETWORKS if each.mask_width == 0], ids=repr)
def test_the_compiled_gradient_of_a_whole_batch_equals_differences(network: Network) -> None:
    """One step of gradient descent moves each number by rate · gradient: of a user's rows added up."""
    random = np.random.default_rng(3)
    user_codes = np.array([0, 1, 0, 2, 1, 0], np.int32)
    item_codes = np.array([0, 0, 1, 1, 2, 2], np.int32)
    ratings = Ratings(user_codes, item_codes, random.uniform(0.5, 5, 6), np.arange(3), np.arange(3))
    start = Tables(
        random.normal(0, 0.7, (3, network.width)), random.normal(0, 0.7, (3, network.width)), np.zeros((1, 0))
    )
    rate = 1e-3
    trainer = Trainer(network, start.copy(), SGD(rate), Constant(), 1, 6, random, compiled=True)
    trainer.run_epoch(ratings)

    def loss(tables: Tables) -> float:
        predicted = network.predict(tables.users[user_codes], tables.items[item_codes], tables.weights[0])
        return float(np.mean((predicted - ratings.values) ** 2))

    for name in ("users", "items"):
        moved = (getattr(start, name) - getattr(trainer.tables, name)) / rate
        for place in np.ndindex(moved.shape):
            losses = []
            for sign in (1, -1):
                tables = start.copy()
                getattr(tables, name)[place] += sign * STEP
                losses.append(loss(tables))
            assert moved[place] == pytest.approx((losses[0] - losses[1]) / (2 * STEP), rel=1e-5, abs=1e-8)


def test_predictions_are_the_loss_of_the_gradients_without_dropout() -> None:
    network = Net(3, hidden=4, dropout=(0.0, 0.0), rating_range=(0.0, 5.5))
    users, items, weights, values, _ = batch(network, 1)
    masks = np.ones((len(values), network.mask_width), np.uint8)
    predicted = network.predict(users, items, weights)
    found = network.gradients(users, items, weights, values, masks)
    assert found.loss == pytest.approx(np.mean((predicted - values) ** 2), rel=1e-12)


def test_dropout_leaves_the_mean_of_its_inputs_as_it_is() -> None:
    """What is kept is scaled by the reciprocal of the part that is kept."""
    network = Net(2, hidden=1, dropout=(0.4, 0.0))
    weights = np.array([1.0, 1.0, 1.0, 1.0, 100.0, 1.0, 0.0])  # the sum of the inputs plus 100
    random = np.random.default_rng(0)
    users, items = np.full((40_000, 2), 0.5), np.full((40_000, 2), 0.25)
    masks = np.ones((40_000, 5), np.uint8)
    masks[:, :4] = random.random((40_000, 4)) >= 0.4
    shift = network.gradients(users, items, weights, np.full(40_000, 101.5), masks)
    mean_error = shift.weights[-1] / 2  # the gradient of the last bias is twice the mean error
    assert abs(mean_error) < 0.01


@given(raw=st.floats(-700, 700))
def test_a_sigmoid_stays_within_its_limits(raw: float) -> None:
    value, slope = squashed(np.array([raw]), (0.5, 5.0))
    assert 0.5 <= value[0] <= 5.0
    assert slope[0] >= 0


def test_he_initialisation_has_the_variance_it_says() -> None:
    weights = Net(200, hidden=50).initial_weights(np.random.default_rng(0), he=True)
    first, bias, second, last = Net(200, hidden=50).layers(weights)
    assert first.var() == pytest.approx(2 / 400, rel=0.05)
    assert second.var() == pytest.approx(2 / 50, rel=0.5)
    assert not bias.any()
    assert not last.any()
