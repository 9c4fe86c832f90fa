"""The learning-rate finder."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.errors import ModelError
from sheetml.learn import EmbeddingDotBias, Momentum, RateSearch, find_learning_rate
from tests.learn.made_ratings import made_ratings


def test_the_suggestion_lies_where_the_loss_falls_fastest() -> None:
    rates = np.geomspace(1e-5, 10, 401)
    losses = 2 - 1 / (1 + np.exp(-4 * (np.log10(rates) + 2))) + 5 * np.maximum(np.log10(rates), 0) ** 2
    assert RateSearch(rates, losses).suggestion == pytest.approx(1e-2, rel=0.05)


def test_the_search_ends_where_training_fails_and_leaves_the_model_alone() -> None:
    ratings = made_ratings(users=60, items=60, count=2400)
    model = EmbeddingDotBias(factors=3, batch=4, rating_range=None, optimizer=Momentum(0.1))
    search = find_learning_rate(model, ratings, 1e-4, 1e4)
    assert search.rates[-1] < 1e4
    assert np.isfinite(search.losses).all()
    assert 1e-4 < search.suggestion < 10
    assert not model.is_fitted


def test_a_search_over_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="above 0 and rising"):
        find_learning_rate(EmbeddingDotBias(), made_ratings(), 1.0, 0.1)
    with pytest.raises(ModelError, match="at least 10 minibatches"):
        find_learning_rate(EmbeddingDotBias(), made_ratings())
