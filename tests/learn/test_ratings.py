"""Ratings from files and frames, their codes, and their splits."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas
import pytest

from sheetml.errors import DataError
from sheetml.learn import ratings_files
from sheetml.learn.ratings import Ratings
from tests.learn.made_ratings import made_ratings
from tests.reference import reference

CSV = "userId,movieId,rating,timestamp\n7,31,2.5,100\n7,10,4,90\n3,31,5,200\n"


def written(tmp_path: Path, text: str, name: str = "ratings.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def triples(ratings: Ratings) -> list[tuple[object, object, float]]:
    users, items = ratings.user_ids[ratings.users].tolist(), ratings.item_ids[ratings.items].tolist()
    return list(zip(users, items, ratings.values.tolist()))


EXPECTED = [(7, 31, 2.5), (7, 10, 4.0), (3, 31, 5.0)]


def test_a_csv_file_gives_contiguous_codes_in_the_order_of_ids(tmp_path: Path) -> None:
    ratings = Ratings.from_csv(written(tmp_path, CSV))
    assert triples(ratings) == EXPECTED
    assert ratings.user_ids.tolist() == [3, 7]
    assert ratings.users.tolist() == [1, 1, 0]
    assert ratings.items.tolist() == [1, 0, 1]
    assert ratings.times is not None
    assert ratings.times.tolist() == [100, 90, 200]
    assert ratings.range == (2.5, 5.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ratings.csv", "\ufeff" + CSV),
        ("ratings.csv", CSV.replace(",", ";")),
        ("ratings.tsv", CSV.replace(",", "\t")),
        ("ratings.csv", CSV.replace("\n", "\r\n") + "\r\n"),
        ("ratings.csv", '"userId","movieId","rating"\n"7","31","2.5"\n7,10,4\n3,31,5\n'),
        ("u.data", "7\t31\t2.5\t100\n7\t10\t4\t90\n3\t31\t5\t200\n"),
        ("ratings.dat", "7::31::2.5::100\n7::10::4::90\n3::31::5::200\n"),
    ],
)
def test_the_known_forms_give_the_same_ratings(tmp_path: Path, name: str, text: str) -> None:
    assert triples(Ratings.read(written(tmp_path, text, name))) == EXPECTED


def test_compressed_files_and_parquet_files_are_read(tmp_path: Path) -> None:
    packed = tmp_path / "ratings.csv.gz"
    packed.write_bytes(gzip.compress(CSV.encode()))
    assert triples(Ratings.read(packed)) == EXPECTED
    pytest.importorskip("pyarrow")
    pandas.read_csv(packed).to_parquet(tmp_path / "ratings.parquet")
    assert triples(Ratings.read(tmp_path / "ratings.parquet")) == EXPECTED


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = written(tmp_path, "who,what,stars\nann,x,1\nbob,y,2\n")
    ratings = Ratings.from_csv(path, user="who", item="what", rating="stars")
    assert triples(ratings) == [("ann", "x", 1.0), ("bob", "y", 2.0)]
    assert ratings.times is None


def test_ids_that_turn_out_to_be_text_are_all_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratings_files, "CHUNK", 1)
    ratings = Ratings.from_csv(written(tmp_path, "userId,movieId,rating\n1,007,3\nx,8,4\n"))
    assert triples(ratings) == [("1", "007", 3.0), ("x", "8", 4.0)]


def test_reading_in_chunks_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = made_ratings().to_frame()
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    whole = Ratings.from_csv(tmp_path / "ratings.csv")
    monkeypatch.setattr(ratings_files, "CHUNK", 7)
    assert triples(Ratings.from_csv(tmp_path / "ratings.csv")) == triples(whole)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,movieId,rating\n1,2,3\n", r"no column 'userId' for the user; its columns are user, movieId, rating"),
        ("userId,movieId,rating\n1,2,3\n1,3,good\n", "line 3: the rating 'good' is not a finite number"),
        ("userId,movieId,rating\n1,2,inf\n", "line 2: the rating 'inf' is not a finite number"),
        ("userId,movieId,rating\n1,2,\n", "line 2: the rating is missing"),
        ("userId,movieId,rating\n1,2,3\n,2,3\n", "line 3: the user is missing"),
        ("userId,movieId,rating\n1,2,3\n1,2,3,4,5\n", "cannot be read as a table"),
        ("userId,movieId,rating\n1,2,3,5\n1,3,4,5\n", "its lines have more fields than its first line"),
        ("userId,movieId,rating\n", "it holds no ratings"),
        ("", "no column 'userId'"),
        ("userId,movieId,rating,timestamp\n1,2,3,then\n", "the column of times holds 'then'"),
        ("userId,movieId,rating\n1,2,3\n5,2,3\n1,2,4\n", "user 1 rated item 2 more than once"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        Ratings.from_csv(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(DataError, match="there is no such file"):
            Ratings.read(tmp_path / name)


def test_duplicates_follow_the_policy(tmp_path: Path) -> None:
    path = written(tmp_path, "userId,movieId,rating\n1,2,3\n5,2,1\n1,2,4\n")
    assert triples(Ratings.from_csv(path, duplicates="first")) == [(1, 2, 3.0), (5, 2, 1.0)]
    assert triples(Ratings.from_csv(path, duplicates="last")) == [(5, 2, 1.0), (1, 2, 4.0)]
    assert sorted(triples(Ratings.from_csv(path, duplicates="mean"))) == [(1, 2, 3.5), (5, 2, 1.0)]
    assert len(Ratings.from_csv(path, duplicates="keep")) == 3
    with pytest.raises(DataError, match="no policy 'all'"):
        Ratings.from_csv(path, duplicates="all")


def test_frames_and_arrays_give_ratings_and_ratings_a_frame() -> None:
    ratings = Ratings.from_arrays(["b", "a"], [5, 6], [1.0, 2.0], [10, 20])
    again = Ratings.from_frame(ratings.to_frame())
    assert triples(again) == triples(ratings) == [("b", 5, 1.0), ("a", 6, 2.0)]
    with pytest.raises(DataError, match="the data frame, row 1: the rating is missing"):
        Ratings.from_frame(pandas.DataFrame({"userId": [1, 2], "movieId": [1, 2], "rating": [1.0, np.nan]}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("movies.csv", 'movieId,title,genres\n31,"Dangerous Minds (1995)",Drama\n10,"=1+1, the film",None\n'),
        ("u.item", "31|Dangerous Minds (1995)|1\n10|=1+1, the film|2\n"),
        ("movies.dat", "31::Dangerous Minds (1995)::Drama\n10::=1+1, the film::None\n"),
    ],
)
def test_titles_are_joined_in(tmp_path: Path, name: str, text: str) -> None:
    ratings = Ratings.from_csv(written(tmp_path, CSV)).with_titles(written(tmp_path, text, name))
    assert ratings.item_names().tolist() == ["=1+1, the film", "Dangerous Minds (1995)"]


def test_items_without_a_title_are_called_by_their_ids(tmp_path: Path) -> None:
    ratings = Ratings.from_csv(written(tmp_path, CSV))
    assert ratings.item_names().tolist() == ["10", "31"]
    assert ratings.with_titles({10: "Ten"}).item_names().tolist() == ["Ten", "31"]


def test_a_random_split_holds_out_its_fraction_and_can_be_repeated() -> None:
    ratings = made_ratings()
    train, valid = ratings.split(0.2, seed=5)
    assert (len(train), len(valid)) == (320, 80)
    assert sorted(triples(train) + triples(valid)) == sorted(triples(ratings))
    assert triples(ratings.split(0.2, seed=5)[1]) == triples(valid)
    assert triples(ratings.split(0.2, seed=6)[1]) != triples(valid)
    assert train.item_ids is ratings.item_ids
    with pytest.raises(DataError, match=r"a fraction of 0.001 of 400 ratings leaves one part of the split empty"):
        ratings.split(0.001)


def test_a_split_by_time_holds_out_the_latest() -> None:
    train, valid = made_ratings().split_by_time(0.25)
    assert len(valid) == 100
    assert train.times is not None
    assert valid.times is not None
    assert train.times.max() <= valid.times.min()


def test_leaving_out_the_last_holds_out_each_users_last_ratings() -> None:
    ratings = made_ratings()
    train, valid = ratings.split_last(2)
    assert (np.bincount(valid.users, minlength=ratings.user_count) == 2).all()
    assert train.times is not None
    assert valid.times is not None
    for user in range(ratings.user_count):
        assert train.times[train.users == user].max() <= valid.times[valid.users == user].min()
    with pytest.raises(DataError, match="needs the times of the ratings"):
        Ratings.from_arrays([1, 1], [1, 2], [3.0, 4.0]).split_last()


def test_a_user_with_too_few_ratings_keeps_them() -> None:
    ratings = Ratings.from_arrays([1, 2, 2], [1, 1, 2], [3.0, 4.0, 5.0], [1, 2, 3])
    train, valid = ratings.split_last(1)
    assert triples(train) == [(1, 1, 3.0), (2, 1, 4.0)]
    assert triples(valid) == [(2, 2, 5.0)]


def test_folds_hold_out_each_rating_once() -> None:
    ratings = made_ratings()
    folds = list(ratings.folds(5, seed=1))
    assert [len(valid) for _, valid in folds] == [80] * 5
    held_out = [triple for _, valid in folds for triple in triples(valid)]
    assert sorted(held_out) == sorted(triples(ratings))
    assert all(len(train) + len(valid) == len(ratings) for train, valid in folds)


def test_the_movielens_ratings_are_all_there() -> None:
    folder = reference("ml-latest-small")
    ratings = Ratings.read(folder / "ratings.csv").with_titles(folder / "movies.csv")
    assert (len(ratings), ratings.user_count, ratings.item_count) == (100_004, 671, 9_066)
    assert ratings.range == (0.5, 5.0)
    assert ratings.item_names()[0] == "Toy Story (1995)"
    assert set(ratings.user_ids[ratings.top_users(15)].tolist()) >= {15, 30, 73, 212, 213, 294, 547, 564}
