"""Chooses the users and items with most ratings, and lays their ratings out as a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import DataError
from sheetml.layouts.book import storable
from sheetml.layouts.collab_filter.factors import Id
from sheetml.learn.ratings import Ratings

if TYPE_CHECKING:
    import pandas as pd

LARGEST_ID = 10**15  # Excel keeps 15 digits: longer numbers are written as text


@dataclass(frozen=True, slots=True, eq=False)
class ChosenRatings:
    """The ratings of u users and m items, ids in ascending order: `matrix` (u, m), NaN where there is none."""

    user_ids: list[Id]
    item_ids: list[Id]
    titles: list[str] | None
    matrix: np.ndarray


def choose(
    ratings: Ratings, users: int, items: int, titles: Mapping[str, str] | None = None, source: str = "the ratings"
) -> ChosenRatings:
    """The `users` users and `items` items with most ratings in the whole data.

    Of users (or items) with equally many ratings those with the lower id come first. One that shares no
    rating with the others chosen is passed over for the next. Of several ratings of one pair the last
    counts. `titles` are by the item's id as text. Raises DataError, with `source` as the data's name,
    where there are too few users or items.
    """
    ratings = ratings.without_duplicates("last", source)
    chosen_users, chosen_items, grid = _most_rated(ratings, users, items, source)
    matrix = np.full((users, items), np.nan)
    rows, columns = (
        np.searchsorted(chosen_users, ratings.users[grid]),
        np.searchsorted(chosen_items, ratings.items[grid]),
    )
    matrix[rows, columns] = ratings.values[grid]
    named = None
    if titles is not None:
        named = [titles.get(str(each), "") for each in ratings.item_ids[chosen_items].tolist()]
    elif ratings.titles is not None:
        named = [str(each) for each in ratings.titles[chosen_items]]
    user_ids, item_ids = plain_ids(ratings.user_ids[chosen_users]), plain_ids(ratings.item_ids[chosen_items])
    return ChosenRatings(user_ids, item_ids, named, matrix)


def _most_rated(ratings: Ratings, users: int, items: int, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The codes of the chosen users and items, ascending, and which ratings are theirs; each has at least one."""
    user_counts = np.bincount(ratings.users, minlength=ratings.user_count)
    item_counts = np.bincount(ratings.items, minlength=ratings.item_count)
    others = ""
    while True:
        chosen_users = _largest(user_counts, users, f"{source}: {users} users were asked for", others)
        chosen_items = _largest(item_counts, items, f"{source}: {items} items were asked for", others)
        grid = np.isin(ratings.users, chosen_users) & np.isin(ratings.items, chosen_items)
        without_users = np.setdiff1d(chosen_users, ratings.users[grid])
        without_items = np.setdiff1d(chosen_items, ratings.items[grid])
        if not without_users.size and not without_items.size:
            return chosen_users, chosen_items, grid
        user_counts[without_users] = item_counts[without_items] = 0
        others = " that share ratings with the others chosen"


def _largest(counts: np.ndarray, wanted: int, asked: str, others: str) -> np.ndarray:
    """The codes of the largest counts, ascending; codes are in the order of the ids."""
    available = int(np.count_nonzero(counts))
    if not 1 <= wanted <= available:
        raise DataError(f"{asked}, but there are only {available}{others}.")
    return np.sort(np.argsort(-counts, kind="stable")[:wanted])


def from_frame(frame: pd.DataFrame, source: str = "the ratings") -> tuple[Ratings, dict[str, str] | None]:
    """The ratings of a frame with columns user, item, rating, and the titles of its items if it has a column title."""
    ratings = Ratings.from_frame(frame, "user", "item", "rating", duplicates="last", source=source)
    if "title" not in frame:
        return ratings, None
    named = frame[frame["title"].notna()].drop_duplicates("item")
    return ratings, {str(item): str(title) for item, title in zip(named["item"], named["title"])}


def plain_ids(ids: Any) -> list[Id]:
    """Ids as cells hold them: all numbers if all are numbers that Excel keeps exactly, else all text."""
    values = np.asarray(ids)
    if values.dtype.kind in "iuf" and (np.abs(values) < LARGEST_ID).all():
        whole = values.dtype.kind != "f" or (values == np.floor(values)).all()
        return [int(each) for each in values] if whole else [float(each) for each in values]
    return [storable(str(each)) for each in (values.tolist() if isinstance(ids, np.ndarray) else ids)]
