"""Several workers for one training: their ratings do not meet, and what they learn is as good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.errors import ModelError
from sheetml.learn import SGD, Adam, EmbeddingDotBias, EmbeddingNet, Eve, Momentum
from sheetml.learn.strata import strata
from tests.learn.made_ratings import made_ratings


@given(st.integers(1, 5), st.integers(0, 200), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_blocks_of_a_stratum_share_no_user_and_no_item_and_all_ratings_are_in_one(workers, count, users, items, seed):
    random = np.random.default_rng(seed)
    user, item = random.integers(0, users, count), random.integers(0, items, count)
    found = strata(user, item, (users, items), workers, random)
    assert [len(blocks) for blocks in found] == [workers] * workers
    assert sorted(np.concatenate([block for blocks in found for block in blocks]).tolist()) == list(range(count))
    for blocks in found:
        for codes in (user, item):
            rows = np.concatenate([np.unique(codes[block]) for block in blocks])
            assert len(rows) == len(set(rows.tolist()))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("optimizer", [Adam(0.01), SGD(0.05, dense=False)], ids=repr)
def test_three_workers_learn_as_well_as_one(optimizer, compiled):
    train, valid = made_ratings(users=60, items=80, count=3000).split(0.2)
    losses = {}
    for workers in (1, 3):
        model = EmbeddingDotBias(4, 8, 16, optimizer, workers=workers, compiled=compiled, rating_range=(0, 5.5))
        model.fit(train, validation=valid)
        losses[workers] = model.history_[-1].valid_loss
    assert losses[3] == pytest.approx(losses[1], rel=0.05)


def test_workers_give_the_same_numbers_each_time_and_whether_compiled_or_not():
    ratings = made_ratings(users=40, items=50, count=800)
    models = [
        EmbeddingDotBias(3, 2, 16, Adam(0.01), workers=2, compiled=compiled, seed=5).fit(ratings)
        for compiled in (True, True, False)
    ]
    for other in models[1:]:
        np.testing.assert_allclose(models[0].user_table_, other.user_table_, rtol=1e-9, atol=1e-12)
        assert models[0].history_[-1].train_loss == pytest.approx(other.history_[-1].train_loss, rel=1e-9)


@pytest.mark.parametrize(
    "model",
    [EmbeddingDotBias(workers=2, optimizer=Momentum()), EmbeddingDotBias(workers=2, optimizer=Eve()),
     EmbeddingNet(workers=2)],
)  # fmt: skip
def test_what_workers_cannot_share_is_refused(model):
    with pytest.raises(ModelError, match="several workers need"):
        model.fit(made_ratings())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limits", [None, (0.0, 5.5)])
def test_a_step_a_rating_gives_the_numbers_of_the_numpy_trainer(dtype, limits):
    ratings = made_ratings(users=40, items=50, count=500)
    rule = SGD(0.02, weight_decay=0.1, dense=False)
    models = [
        EmbeddingDotBias(3, 2, 1, rule, "sgdr", rating_range=limits, compiled=compiled, dtype=dtype).fit(ratings)
        for compiled in (True, False)
    ]
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(models[0].user_table_, models[1].user_table_, rtol=tolerance, atol=tolerance)
    assert models[0].history_[-1].train_loss == pytest.approx(models[1].history_[-1].train_loss, rel=tolerance)
