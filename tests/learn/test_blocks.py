"""Ratings on disk: the same ratings, and the same models, as in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheetml.errors import DataError, ModelError
from sheetml.learn import ALS, Adam, BayesianFactors, EmbeddingDotBias, EmbeddingNet, Ratings, load_model
from sheetml.learn.blocks import BlockedRatings
from sheetml.learn.metrics import Errors, evaluate
from tests.learn.made_ratings import made_ratings


def written(ratings: Ratings, folder: Path, suffix: str = "parquet") -> Path:
    path = folder / f"ratings.{suffix}"
    frame = ratings.to_frame()
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    return path


def blocked(path: Path, folder: Path, **options) -> BlockedRatings:
    folder.mkdir()
    return BlockedRatings.read(path, folder, **{"block": 100} | options)


def triples(parts) -> list[tuple]:
    return sorted(
        row
        for part in parts
        for row in zip(part.user_ids[part.users].tolist(), part.item_ids[part.items].tolist(), part.values.tolist())
    )


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz"])
def test_every_order_holds_every_rating_once_and_rows_are_not_divided(suffix, tmp_path):
    ratings = made_ratings(count=700)
    blocks = blocked(written(ratings, tmp_path, suffix), tmp_path / "blocks")
    assert blocks.blocks > 2 and len(blocks) == len(ratings)
    for order in ("users", "items", "any"):
        assert triples(blocks.by(order)) == triples([ratings])
    for order, codes in (("users", "users"), ("items", "items")):
        rows = np.concatenate([np.unique(getattr(part, codes)) for part in blocks.by(order)])
        assert len(rows) == len(set(rows.tolist()))
    assert blocks.mean == pytest.approx(ratings.values.mean()) and blocks.range == ratings.range
    known = Ratings.read(written(ratings, tmp_path))
    assert np.array_equal(blocks.facts.user_ids, known.user_ids)
    assert np.array_equal(blocks.item_counts, np.bincount(known.items))


@pytest.mark.parametrize("policy", ["first", "last", "mean", "keep"])
def test_duplicates_become_what_they_become_in_memory(policy, tmp_path):
    once = made_ratings(count=300)
    chosen = np.r_[: len(once), :50]
    values = np.r_[once.values, once.values[:50][::-1]]
    again = replace(once.part(chosen), values=values)
    path = written(again, tmp_path)
    blocks = blocked(path, tmp_path / "blocks", duplicates=policy)
    assert triples(blocks.by("any")) == triples([Ratings.read(path, duplicates=policy)])
    with pytest.raises(DataError, match="more than once"):
        blocked(path, tmp_path / "refused")


def test_what_is_held_out_is_in_no_order(tmp_path):
    ratings = made_ratings(count=1000)
    blocks = blocked(written(ratings, tmp_path), tmp_path / "blocks", valid=0.25)
    assert triples([*blocks.held_out(), *blocks.by("users")]) == triples([ratings])
    assert blocks.held_out_count == sum(map(len, blocks.held_out())) and 200 < blocks.held_out_count < 300
    assert len(blocks) == len(ratings) - blocks.held_out_count


def test_least_squares_by_blocks_are_least_squares(tmp_path):
    path = written(made_ratings(count=900), tmp_path)
    inside = ALS(factors=3, epochs=4).fit(Ratings.read(path))
    outside = ALS(factors=3, epochs=4).fit_blocks(blocked(path, tmp_path / "blocks"))
    np.testing.assert_allclose(outside.user_factors_, inside.user_factors_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(outside.item_biases_, inside.item_biases_, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(outside.history_, inside.history_):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-9)


@pytest.mark.parametrize("kind", [EmbeddingDotBias, EmbeddingNet])
def test_one_block_trains_as_memory_does(kind, tmp_path):
    path = written(made_ratings(count=500), tmp_path)
    model = kind(factors=3, epochs=2, batch=16, optimizer=Adam(0.01))
    inside = kind(**model.get_params(deep=False)).fit(Ratings.read(path))
    outside = model.fit_blocks(blocked(path, tmp_path / "blocks", block=1000))
    assert outside.history_[-1].train_loss == inside.history_[-1].train_loss
    assert np.array_equal(outside.user_table_, inside.user_table_)


def test_many_blocks_train_as_well_as_memory_does(tmp_path):
    path = written(made_ratings(users=60, items=80, count=3000), tmp_path)
    model = EmbeddingDotBias(factors=4, epochs=6, batch=16, optimizer=Adam(0.01), schedule="sgdr")
    blocks = blocked(path, tmp_path / "blocks", valid=0.2, block=300)
    outside = model.fit_blocks(blocks).history_[-1].valid_loss
    train, valid = Ratings.read(path).split(0.2)
    inside = EmbeddingDotBias(**model.get_params(deep=False)).fit(train, validation=valid).history_[-1].valid_loss
    assert outside == pytest.approx(inside, rel=0.15)
    assert outside == pytest.approx(model.evaluate_parts(blocks.held_out())["mse"])


def test_a_training_from_disk_goes_on_from_its_checkpoint(tmp_path):
    path, checkpoint = written(made_ratings(), tmp_path), tmp_path / "fit.npz"
    settings_ = {"factors": 3, "batch": 16, "optimizer": Adam(0.01)}
    whole = EmbeddingDotBias(epochs=4, **settings_).fit_blocks(blocked(path, tmp_path / "one"))
    EmbeddingDotBias(epochs=2, **settings_).fit_blocks(blocked(path, tmp_path / "two"), checkpoint=checkpoint)
    resumed = EmbeddingDotBias(epochs=4, **settings_)
    resumed.fit_blocks(blocked(path, tmp_path / "three"), checkpoint=checkpoint, resume=True)
    assert np.array_equal(resumed.user_table_, whole.user_table_)


def test_a_model_from_disk_is_saved_and_says_that_it_does_not_hold_the_ratings(tmp_path):
    path = written(made_ratings(), tmp_path)
    ALS(factors=2, epochs=2).fit_blocks(blocked(path, tmp_path / "blocks")).save(tmp_path / "model.npz")
    model = load_model(tmp_path / "model.npz")
    user = int(model.ratings_.user_ids[0])
    assert np.array_equal(model.rating_counts(), np.bincount(Ratings.read(path).items))
    assert len(model.recommend(user, 3, rated=True)) == 3
    with pytest.raises(ModelError, match="does not hold them"):
        model.recommend(user)
    with pytest.raises(ModelError, match="in memory only"):
        BayesianFactors().fit_blocks(blocked(path, tmp_path / "others"))


def test_a_row_that_is_no_rating_is_named(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("userId,movieId,rating\n1,2,3\n1,3,x\n")
    with pytest.raises(DataError, match=r"row 1: the rating 'x' is not a finite number"):
        blocked(path, tmp_path / "blocks")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), max_size=5), max_size=5))
def test_errors_by_parts_are_those_of_the_whole(parts):
    errors = Errors()
    for part in parts:
        errors.add(np.array([x for x, _ in part]), np.array([y for _, y in part]))
    pairs = np.array([pair for part in parts for pair in part]).reshape(-1, 2)
    expected = evaluate(pairs[:, 0], pairs[:, 1]) if len(pairs) and np.ptp(pairs[:, 1]) > 1e-3 else None
    if expected:
        assert errors.measured() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    elif not len(pairs):
        assert errors.measured() == {}
