"""The lesson's models: that they learn what the lesson's did, by the manners of scikit-learn."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from sheetml.errors import ModelError
from sheetml.learn import (
    MODELS,
    Adam,
    EmbeddingDot,
    EmbeddingDotBias,
    EmbeddingNet,
    Momentum,
    Ratings,
    StepDecay,
    load_model,
)
from sheetml.learn.embedding import EmbeddingModel
from sheetml.learn.recommender import Recommender
from tests.learn.made_ratings import made_ratings
from tests.reference import reference

QUICK = {"factors": 4, "epochs": 3, "batch": 16}


def quick(kind: type[EmbeddingModel], **settings: object) -> EmbeddingModel:
    return kind(**{**QUICK, **settings})  # type: ignore[arg-type]


KINDS: list[type[EmbeddingModel]] = [EmbeddingDot, EmbeddingDotBias, EmbeddingNet]


# ---- what the lesson measured


def validation_losses(model: EmbeddingModel, seeds: int = 3) -> list[float]:
    """The validation losses of the epochs on MovieLens, the mean over some seeds of split and model."""
    ratings = Ratings.from_csv(reference("ml-latest-small", "ratings.csv"))
    runs = []
    for seed in range(seeds):
        train, valid = ratings.split(0.2, seed)
        fitted = model.with_params(seed=seed).fit(train, validation=valid)
        runs.append([epoch.valid_loss for epoch in fitted.history_])
    return np.mean(np.array(runs, float), axis=0).tolist()


def test_the_dot_product_learns_as_in_the_lesson() -> None:
    losses = validation_losses(
        EmbeddingDot(50, 6, 64, Momentum(0.1, momentum=0.9, weight_decay=1e-5), StepDecay(3, 0.1))
    )
    assert losses[2] == pytest.approx(1.22818, rel=0.02)
    assert losses[5] == pytest.approx(1.1303, rel=0.02)


def test_the_dot_product_with_biases_learns_as_in_the_lesson() -> None:
    losses = validation_losses(
        EmbeddingDotBias(50, 6, 64, Momentum(0.1, momentum=0.9, weight_decay=2e-4), StepDecay(3, 0.1))
    )
    assert losses[2] == pytest.approx(0.80989, rel=0.02)
    assert losses[5] == pytest.approx(0.80124, rel=0.02)


def test_the_mini_net_learns_as_in_the_lesson() -> None:
    """The figures printed in the lesson are of a first run at the rate 1e-2 and a second at 1e-3."""
    adam = Adam(1e-2, weight_decay=1e-5, dense=True)
    losses = validation_losses(EmbeddingNet(50, 6, 64, adam, StepDecay(3, 0.1)), seeds=1)
    assert losses[2] == pytest.approx(0.80706, rel=0.02)
    assert losses[5] == pytest.approx(0.78075, rel=0.02)


# ---- fitting


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_learns_made_up_ratings_better_than_their_mean(kind: type[EmbeddingModel]) -> None:
    train, valid = made_ratings(count=900).split(0.2, seed=1)
    model = quick(kind, epochs=30, optimizer=Adam(0.02), init=(-0.1, 0.1), rating_range="wide").fit(train)
    assert model.evaluate(valid)["mse"] < 0.8 * np.var(valid.values)
    assert model.score(valid) == pytest.approx(model.evaluate(valid)["r2"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_model_and_another_seed_another(kind: type[EmbeddingModel]) -> None:
    ratings = made_ratings()
    one, same, other = (quick(kind, seed=seed).fit(ratings).predict(ratings) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_float32_learns_nearly_the_same() -> None:
    ratings = made_ratings()
    single, double = (quick(EmbeddingDotBias, dtype=dtype).fit(ratings) for dtype in ("float32", "float64"))
    assert single.user_table_.dtype == np.float32
    np.testing.assert_allclose(single.predict(ratings), double.predict(ratings), atol=1e-3)


def test_early_stopping_keeps_the_best_epoch() -> None:
    train, valid = made_ratings(count=300).split(0.3, seed=1)
    model = quick(EmbeddingDotBias, epochs=200, optimizer=Adam(0.05), patience=3).fit(train, validation=valid)
    losses = [epoch.valid_loss for epoch in model.history_]
    best = int(np.argmin(np.array(losses, float)))
    assert len(losses) == best + 1 + 3
    assert model.evaluate(valid)["mse"] == pytest.approx(losses[best], rel=1e-12)
    with pytest.raises(ModelError, match="early stopping needs validation ratings"):
        quick(EmbeddingDot, patience=2).fit(train)


def test_a_learning_rate_too_high_is_said_to_be() -> None:
    with pytest.raises(ModelError, match="the learning rate is too high"):
        quick(EmbeddingDot, optimizer=Momentum(1e3), epochs=20).fit(made_ratings())


def test_progress_is_told_within_and_after_epochs() -> None:
    told: list[tuple[int, int]] = []
    epochs: list[int] = []
    quick(EmbeddingDot).fit(
        made_ratings(),
        progress=lambda done, total, loss: told.append((done, total)),
        on_epoch=lambda epoch: epochs.append(epoch.epoch),
    )
    assert told[-1] == (25, 25)
    assert epochs == [1, 2, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": 0}, "factors must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"dtype": "float16"}, "dtype must be float64 or float32"),
        ({"init": "xavier"}, "init is"),
        ({"rating_range": "all"}, "the rating range is"),
        ({"unknown": "zero"}, "unknown must be one of error, mean"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        quick(EmbeddingDotBias, **settings).fit(made_ratings())


# ---- checkpoints


@pytest.mark.parametrize("kind", [EmbeddingDotBias, EmbeddingNet])
def test_a_resumed_training_ends_as_if_it_had_never_stopped(kind: type[EmbeddingModel], tmp_path: Path) -> None:
    train, valid = made_ratings().split(0.2, seed=1)
    settings = {"epochs": 6, "schedule": "sgdr", "patience": 5, "optimizer": "eve"}
    whole = quick(kind, **settings).fit(train, validation=valid)
    checkpoint = tmp_path / "checkpoint.npz"

    class StoppedError(Exception):
        pass

    def stop(epoch: object) -> None:
        if epoch.epoch == 3:  # type: ignore[attr-defined]
            raise StoppedError

    with pytest.raises(StoppedError):
        quick(kind, **settings).fit(train, validation=valid, checkpoint=checkpoint, on_epoch=stop)
    rest = quick(kind, **settings).fit(train, validation=valid, checkpoint=checkpoint, resume=True)
    np.testing.assert_array_equal(rest.predict(valid), whole.predict(valid))
    assert [each.valid_loss for each in rest.history_] == [each.valid_loss for each in whole.history_]


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.npz"
    quick(EmbeddingDot).fit(made_ratings(), checkpoint=checkpoint)
    with pytest.raises(ModelError, match="of a model with other settings"):
        quick(EmbeddingDot, factors=5).fit(made_ratings(), checkpoint=checkpoint, resume=True)
    with pytest.raises(ModelError, match="on other ratings"):
        quick(EmbeddingDot).fit(made_ratings(seed=1), checkpoint=checkpoint, resume=True)
    with pytest.raises(ModelError, match="it is no model"):
        load_model(checkpoint)
    more = quick(EmbeddingDot, epochs=4).fit(made_ratings(), checkpoint=checkpoint, resume=True)
    assert [epoch.epoch for epoch in more.history_] == [1, 2, 3, 4]


# ---- predicting


def test_pairs_of_ids_are_predicted_as_ratings_are() -> None:
    ratings = made_ratings()
    model = quick(EmbeddingDotBias).fit(ratings)
    pairs = np.column_stack([ratings.user_ids[ratings.users], ratings.item_ids[ratings.items]])
    np.testing.assert_array_equal(model.predict(pairs), model.predict(ratings))
    frame = ratings.to_frame()[["userId", "movieId"]]
    np.testing.assert_array_equal(model.predict(frame), model.predict(ratings))
    np.testing.assert_array_equal(model.predict(pairs.astype(str)), model.predict(ratings))


def test_ratings_with_codes_of_their_own_are_predicted_by_ids() -> None:
    ratings = made_ratings()
    model = quick(EmbeddingDotBias).fit(ratings)
    few = ratings.part(np.arange(50))
    own_codes = Ratings.from_frame(few.to_frame())
    assert own_codes.item_count < few.item_count
    np.testing.assert_array_equal(model.predict(own_codes), model.predict(few))


def test_unknown_users_and_items_are_named_or_taken_as_the_mean() -> None:
    ratings = made_ratings()
    model = quick(EmbeddingDotBias).fit(ratings)
    with pytest.raises(ModelError, match="the model does not know user 999: it was not among"):
        model.predict([(999, 10)])
    with pytest.raises(ModelError, match="does not know item 7 and 1 more"):
        model.predict([(1, 7), (1, 8), (1, 7)])
    lenient = quick(EmbeddingDotBias, unknown="mean").fit(ratings)
    mean_user, mean_item = lenient.user_table_.mean(0), lenient.item_table_.mean(0)
    expected = lenient.network_.predict(mean_user[None], mean_item[None], lenient.weights_[0])
    np.testing.assert_allclose(lenient.predict([(999, 7)]), expected)


def test_a_model_that_is_not_fitted_says_so() -> None:
    with pytest.raises(ModelError, match="this EmbeddingDot is not fitted yet"):
        EmbeddingDot().predict([(1, 2)])


def test_recommendations_are_the_best_predictions_among_items_not_rated() -> None:
    ratings = made_ratings()
    model = quick(EmbeddingDotBias, optimizer=Adam(0.05), epochs=10).fit(ratings)
    user = int(ratings.user_ids[3])
    rated = set(ratings.item_ids[ratings.items[ratings.users == 3]].tolist())
    found = model.recommend(user, 5, least=3)
    assert len(found) == 5
    assert not rated & {each.item for each in found}
    values = [each.value for each in found]
    assert values == sorted(values, reverse=True)
    np.testing.assert_allclose(values, model.predict([(user, each.item) for each in found]))
    counts = dict(zip(ratings.item_ids.tolist(), np.bincount(ratings.items, minlength=ratings.item_count).tolist()))
    candidates = [item for item, count in counts.items() if count >= 3 and item not in rated]
    assert values[0] == pytest.approx(model.predict([(user, item) for item in candidates]).max())
    assert {each.item for each in model.recommend(user, 100, rated=True)} >= rated
    with pytest.raises(ModelError, match="does not know user nobody"):
        model.recommend("nobody")


def test_items_are_found_by_id_title_or_part_of_a_title() -> None:
    model = quick(EmbeddingDot).fit(made_ratings())
    assert model.find_item(10) == model.find_item("10") == model.find_item("film 0 (1900)") == 0
    assert model.find_item("Film 12 ") == 12
    with pytest.raises(ModelError, match="knows no item 'Vertigo'"):
        model.find_item("Vertigo")
    with pytest.raises(ModelError, match=r"'Film 1' may be any of 11 items: Film 1 \(1901\) \(12\).* and 6 more"):
        model.find_item("Film 1")


def test_similar_items_point_the_same_way() -> None:
    model = quick(EmbeddingDotBias).fit(made_ratings())
    model.item_factors_[7] = 2.5 * model.item_factors_[3]
    best = model.similar("Film 3 (1903)", 4)
    assert best[0].title == "Film 7 (1907)"
    assert best[0].value == pytest.approx(1)
    assert all(each.title != "Film 3 (1903)" for each in best)


def test_biases_are_ranked_and_embeddings_projected() -> None:
    model = quick(EmbeddingDotBias, optimizer=Adam(0.05)).fit(made_ratings())
    ranked = model.ranked_biases(least=5)
    values = [each.value for each in ranked]
    assert values == sorted(values, reverse=True)
    assert len(ranked) == int((model.rating_counts() >= 5).sum())
    projected, parts = model.components(np.arange(40), 4)
    np.testing.assert_allclose(projected.T @ projected, np.diag(np.diag(projected.T @ projected)), atol=1e-10)
    assert parts.sum() == pytest.approx(1)
    with pytest.raises(ModelError, match="has no biases"):
        quick(EmbeddingDot).fit(made_ratings()).ranked_biases()


# ---- keeping


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_predicts_the_same_and_a_pickled_one_too(name: str, tmp_path: Path) -> None:
    ratings = made_ratings()
    quick_settings = {**QUICK, "burn_in": 1, "iterations": 50}
    settings = {key: value for key, value in quick_settings.items() if key in MODELS[name].parameter_names()}
    model = MODELS[name](**settings).fit(ratings)  # type: ignore[arg-type]
    model.save(tmp_path / "model.npz")
    for again in (load_model(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))):
        assert type(again) is type(model)
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.predict(ratings), model.predict(ratings))
        assert again.recommend(1, 3) == model.recommend(1, 3)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(ModelError, match="there is no such file"):
        load_model(path)
    path.write_bytes(b"not a zip file")
    with pytest.raises(ModelError, match="it is no model that sheetml wrote"):
        load_model(path)
    np.savez(path, facts=np.array({"kind": "model"}, dtype=object))
    with pytest.raises(ModelError, match="it is no model that sheetml wrote"):
        load_model(path)
    np.savez(path, weights=np.ones(3))
    with pytest.raises(ModelError, match="it is no model that sheetml wrote"):
        load_model(path)


def test_a_model_file_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    quick(EmbeddingDot).fit(made_ratings()).save(path)
    with pytest.raises(ModelError, match="it holds a EmbeddingDot, not a EmbeddingNet"):
        EmbeddingNet.load(path)
    with np.load(path) as file:
        arrays = dict(file)
    for name, spoiled in (
        ("model_user_table", arrays["model_user_table"][:-1]),
        ("ratings_items", arrays["ratings_items"] + 1000),
        ("ratings_users", arrays["ratings_users"][:-1]),
        ("ratings_titles", arrays["ratings_titles"][:-1]),
    ):
        np.savez(path, **{**arrays, name: spoiled})
        with pytest.raises(ModelError, match="it is no model that can be used"):
            load_model(path)


# ---- the manners of scikit-learn


def test_settings_are_read_and_changed_by_name() -> None:
    model = EmbeddingDotBias(factors=7, optimizer=Adam(0.5))
    assert model.get_params()["optimizer__learning_rate"] == 0.5
    model.set_params(factors=8, optimizer__learning_rate=0.25)
    assert (model.factors, model.optimizer) == (8, Adam(0.25))
    with pytest.raises(ValueError, match="EmbeddingDotBias has no setting 'depth'"):
        model.set_params(depth=3)
    assert repr(model) == "EmbeddingDotBias(factors=8, optimizer=Adam(learning_rate=0.25))"


def test_scikit_learn_clones_and_searches() -> None:
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    ratings = made_ratings()
    pairs = np.column_stack([ratings.user_ids[ratings.users], ratings.item_ids[ratings.items]])
    model = quick(EmbeddingDotBias, optimizer=Adam(0.02), unknown="mean")
    assert base.clone(model).get_params(deep=False) == model.get_params(deep=False)
    assert base.is_regressor(model)
    search = selection.GridSearchCV(model, {"optimizer__learning_rate": [1e-4, 0.05], "factors": [2]}, cv=3)
    search.fit(pairs, ratings.values)
    assert search.best_params_ == {"factors": 2, "optimizer__learning_rate": 0.05}
    assert search.predict(pairs[:3]).shape == (3,)


def test_every_model_is_a_recommender_with_settings_by_name() -> None:
    for kind in MODELS.values():
        assert issubclass(kind, Recommender)
        assert "unknown" in kind().get_params()
