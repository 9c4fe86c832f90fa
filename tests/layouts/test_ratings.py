"""Ratings are read, checked and chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sheetml.errors import DataError
from sheetml.layouts.collab_filter.ratings import choose, plain_ids, read_ratings


def frame(*rows: tuple[object, ...], columns: str = "user item rating") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def test_the_users_and_items_with_most_ratings_are_taken_in_the_order_of_their_ids() -> None:
    ratings = frame((3, "b", 1), (3, "a", 2), (3, "c", 3), (1, "b", 4), (1, "a", 5), (2, "b", 1))
    chosen = choose(ratings, 2, 2)
    assert chosen.user_ids == [1, 3]
    assert chosen.item_ids == ["a", "b"]
    assert chosen.matrix.tolist() == [[5, 4], [2, 1]]


def test_of_equally_many_ratings_the_lower_id_comes_first() -> None:
    ratings = frame((9, 7, 1), (8, 7, 1), (10, 7, 1), (9, 30, 1), (8, 4, 2))
    chosen = choose(ratings, 2, 2)
    assert chosen.user_ids == [8, 9]
    assert chosen.item_ids == [4, 7]


def test_a_pair_that_nobody_rated_is_not_a_number() -> None:
    chosen = choose(frame((1, 1, 3), (2, 2, 4), (1, 2, 5)), 2, 2)
    assert np.isnan(chosen.matrix[1, 0])
    assert chosen.matrix[1, 1] == 4


def test_one_that_shares_no_rating_with_the_others_is_passed_over() -> None:
    loner = [(1, item, 3) for item in range(50, 60)]
    others = [(user, item, 4) for user in (2, 3) for item in (1, 2)] + [(4, 1, 2)]
    chosen = choose(frame(*loner, *others), 2, 2)
    assert chosen.user_ids == [2, 3]
    assert chosen.item_ids == [1, 2]


def test_of_several_ratings_of_a_pair_the_last_counts() -> None:
    chosen = choose(frame((1, 1, 3), (1, 2, 3), (1, 1, 5)), 1, 2)
    assert chosen.matrix.tolist() == [[5, 3]]


def test_too_few_users_or_items_are_said_with_their_number() -> None:
    ratings = frame((1, 1, 3), (2, 1, 4))
    with pytest.raises(DataError, match="film club: 3 users were asked for, but there are 2"):
        choose(ratings, 3, 1, "film club")
    with pytest.raises(DataError, match="2 items were asked for, but there are 1"):
        choose(ratings, 2, 2)
    with pytest.raises(DataError, match="that share ratings"):
        choose(frame((1, 1, 3), (1, 2, 4), (2, 3, 3)), 2, 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 1, 3), (1, 2, "good")], "row 2 of the data: the rating 'good' is not a number"),
        ([(1, 1, float("inf"))], "row 1 of the data: the rating 'inf' is not a number"),
        ([(1, 1, 3), (1, 1, None)], "row 2 of the data: the rating is missing"),
        ([(1, 1, 3), (None, 1, 2)], "row 2 of the data: the user is missing"),
        ([("a", "x", 3), ("a", "", 2)], "row 2 of the data: the item '' is missing"),
    ],
)
def test_a_bad_value_is_named_with_its_row(rows: list[tuple[object, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose(frame(*rows), 1, 1)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="no column 'rating'"):
        choose(frame((1, 1), columns="user item"), 1, 1)


def test_ids_are_numbers_only_where_excel_keeps_them_exactly() -> None:
    assert plain_ids([3, 1]) == [3, 1]
    assert plain_ids([3.0, 1.5]) == [3.0, 1.5]
    assert plain_ids([10**16, 1]) == ["10000000000000000", "1"]
    assert plain_ids(["7", "007"]) == ["7", "007"]
    assert plain_ids([1, "a"]) == ["1", "a"]


# ---- reading ----------------------------------------------------------------------------------


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_of_other_names_are_read_and_titles_joined(tmp_path: Path) -> None:
    ratings = written(tmp_path / "r.csv", "\ufeffwho,what,when,stars\n1,5,0,3.5\n2,6,0,4\n")
    movies = written(tmp_path / "m.csv", 'what,name\n5,"One, two"\n5,again\n')
    read = read_ratings(ratings, "who", "what", "stars", movies, "name")
    assert read.drop(columns="title").values.tolist() == [[1, 5, 3.5], [2, 6, 4]]
    assert read["title"][0] == "One, two"
    chosen = choose(read, 2, 2)
    assert chosen.titles == ["One, two", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column 'userId': it has 'a', 'b'"),
        (b"userId,movieId,rating\n1,2,\xff\xfe\n", "is not text in UTF-8"),
        ('userId,movieId,rating\n1,2,"3\n', "is not a table of comma-separated values"),
    ],
)
def test_a_file_that_is_no_table_of_ratings_is_said_in_one_sentence(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read_ratings(written(tmp_path / "r.csv", content))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        read_ratings(tmp_path / "none.csv")
