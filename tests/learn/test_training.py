"""The trainers: compiled and NumPy give the same numbers, dense and lazy updates mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.learn.networks import Dot, Net, Network
from sheetml.learn.optimizers import OPTIMIZERS, Adam, Momentum, Optimizer
from sheetml.learn.ratings import Ratings
from sheetml.learn.schedules import SGDR, Constant, OneCycle, Schedule
from sheetml.learn.training import Tables, Trainer
from tests.learn.made_ratings import made_ratings

DOT = Dot(4)
BIAS = Dot(3, bias=True, rating_range=(0.5, 5.0))
NET = Net(4, hidden=5, dropout=(0.2, 0.5), rating_range=(0.0, 5.5))


def trainer(
    network: Network,
    optimizer: Optimizer,
    compiled: bool,
    *,
    schedule: Schedule | None = None,
    ratings: Ratings,
    epochs: int = 2,
    dtype: type = np.float64,
) -> Trainer:
    random = np.random.default_rng(7)
    users = random.normal(0, 0.3, (ratings.user_count, network.width)).astype(dtype)
    items = random.normal(0, 0.3, (ratings.item_count, network.width)).astype(dtype)
    weights = random.normal(0, 0.3, (1, network.weight_count)).astype(dtype)
    tables = Tables(users, items, weights)
    return Trainer(network, tables, optimizer, schedule or Constant(), epochs, 16, random, compiled)


def trained(*arguments: object, **settings: object) -> tuple[list[float], Tables]:
    """The losses of all epochs, and the tables after them."""
    each = trainer(*arguments, **settings)  # type: ignore[arg-type]
    losses = [each.run_epoch(settings["ratings"]) for _ in range(each.epochs)]  # type: ignore[arg-type]
    return losses, each.tables


def assert_same(one: Tables, other: Tables, tolerance: float) -> None:
    for ours, theirs in zip(vars(one).values(), vars(other).values()):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def optimizers() -> list[Optimizer]:
    """Every optimizer with a weight decay, dense and lazy."""
    rates = {"sgd": 0.1, "momentum": 0.05, "nesterov": 0.05, "sgdw": 0.05}
    return [
        kind(learning_rate=rates.get(name, 0.01), weight_decay=0.02, dense=dense)
        for name, kind in OPTIMIZERS.items()
        for dense in (True, False)
    ]


@pytest.mark.parametrize("optimizer", optimizers(), ids=repr)
@pytest.mark.parametrize("network", [BIAS, NET], ids=["bias", "net"])
def test_the_compiled_trainer_gives_the_numbers_of_the_numpy_trainer(network: Network, optimizer: Optimizer) -> None:
    ratings = made_ratings(users=40, items=60, count=300)
    losses, tables = trained(network, optimizer, True, ratings=ratings)
    numpy_losses, numpy_tables = trained(network, optimizer, False, ratings=ratings)
    np.testing.assert_allclose(losses, numpy_losses, rtol=1e-9)
    assert_same(tables, numpy_tables, 1e-9)


@pytest.mark.parametrize("schedule", [SGDR(1, 2), OneCycle()], ids=repr)
@pytest.mark.parametrize("optimizer", [Momentum(0.05, weight_decay=0.02), Adam(0.01, dense=True)], ids=repr)
def test_missed_steps_follow_a_schedule_that_moves_rate_and_momentum(optimizer: Optimizer, schedule: Schedule) -> None:
    ratings = made_ratings(users=40, items=60, count=300)
    _, tables = trained(DOT, optimizer, True, ratings=ratings, schedule=schedule, epochs=3)
    _, numpy_tables = trained(DOT, optimizer, False, ratings=ratings, schedule=schedule, epochs=3)
    assert_same(tables, numpy_tables, 1e-9)
