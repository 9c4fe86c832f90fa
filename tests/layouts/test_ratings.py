"""The ratings of a workbook are chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sheetml.errors import DataError
from sheetml.layouts.collab_filter.ratings import choose, from_frame, plain_ids
from sheetml.learn import Ratings


def frame(*rows: tuple[object, ...], columns: str = "user item rating") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def ratings(*rows: tuple[object, ...]) -> Ratings:
    return from_frame(frame(*rows))[0]


def test_the_users_and_items_with_most_ratings_are_taken_in_the_order_of_their_ids() -> None:
    given = ratings((3, "b", 1), (3, "a", 2), (3, "c", 3), (1, "b", 4), (1, "a", 5), (2, "b", 1))
    chosen = choose(given, 2, 2)
    assert chosen.user_ids == [1, 3]
    assert chosen.item_ids == ["a", "b"]
    assert chosen.matrix.tolist() == [[5, 4], [2, 1]]


def test_of_equally_many_ratings_the_lower_id_comes_first() -> None:
    given = ratings((9, 7, 1), (8, 7, 1), (10, 7, 1), (9, 30, 1), (8, 4, 2))
    chosen = choose(given, 2, 2)
    assert chosen.user_ids == [8, 9]
    assert chosen.item_ids == [4, 7]


def test_a_pair_that_nobody_rated_is_not_a_number() -> None:
    chosen = choose(ratings((1, 1, 3), (2, 2, 4), (1, 2, 5)), 2, 2)
    assert np.isnan(chosen.matrix[1, 0])
    assert chosen.matrix[1, 1] == 4


def test_one_that_shares_no_rating_with_the_others_is_passed_over() -> None:
    loner = [(1, item, 3) for item in range(50, 60)]
    others = [(user, item, 4) for user in (2, 3) for item in (1, 2)] + [(4, 1, 2)]
    chosen = choose(ratings(*loner, *others), 2, 2)
    assert chosen.user_ids == [2, 3]
    assert chosen.item_ids == [1, 2]


def test_of_several_ratings_of_a_pair_the_last_counts() -> None:
    chosen = choose(ratings((1, 1, 3), (1, 2, 3), (1, 1, 5)), 1, 2)
    assert chosen.matrix.tolist() == [[5, 3]]


def test_too_few_users_or_items_are_said_with_their_number() -> None:
    given = ratings((1, 1, 3), (2, 1, 4))
    with pytest.raises(DataError, match="film club: 3 users were asked for, but there are only 2"):
        choose(given, 3, 1, source="film club")
    with pytest.raises(DataError, match="2 items were asked for, but there are only 1"):
        choose(given, 2, 2)
    with pytest.raises(DataError, match="that share ratings"):
        choose(ratings((1, 1, 3), (1, 2, 4), (2, 3, 3)), 2, 2)


def test_a_bad_rating_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match="film club, row 1: the rating 'good' is not a finite number"):
        from_frame(frame((1, 1, 3), (1, 2, "good")), "film club")


def test_ids_are_numbers_only_where_excel_keeps_them_exactly() -> None:
    assert plain_ids([3, 1]) == [3, 1]
    assert plain_ids([3.0, 1.5]) == [3.0, 1.5]
    assert plain_ids([10**16, 1]) == ["10000000000000000", "1"]
    assert plain_ids(np.array([10**16, 1])) == ["10000000000000000", "1"]
    assert plain_ids(["7", "007"]) == ["7", "007"]
    assert plain_ids([1, "a"]) == ["1", "a"]


def test_a_title_may_be_missing() -> None:
    given, titles = from_frame(frame((1, 5, 3, "One"), (1, 6, 3, None), columns="user item rating title"))
    assert choose(given, 1, 2, titles).titles == ["One", ""]
    assert choose(given, 1, 2).titles is None
