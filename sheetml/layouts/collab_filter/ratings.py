"""Reads ratings, chooses the users and items with most of them, and lays them out as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import DataError
from sheetml.layouts.book import storable
from sheetml.layouts.collab_filter.factors import Id

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
    repeated: int  # ratings of a pair that was rated again further down, which are left out


def choose(ratings: pd.DataFrame, users: int, items: int, source: str = "the ratings") -> ChosenRatings:
    """The `users` users and `items` items with most ratings in the whole data.

    `ratings` has columns user, item, rating and perhaps title. Of users (or items) with equally many
    ratings those with the lower id come first. One that shares no rating with the others chosen is
    passed over for the next. Of several ratings of one pair the last counts. Raises DataError, with
    `source` as the data's name, for missing or bad values and where there are too few users or items.
    """
    checked = _checked(ratings, source)
    last = checked.drop_duplicates(["user", "item"], keep="last")
    chosen = _most_rated(last, users, items, source)
    user_ids, item_ids = sorted(chosen["user"].unique().tolist()), sorted(chosen["item"].unique().tolist())
    matrix = np.full((len(user_ids), len(item_ids)), np.nan)
    rows = {user: row for row, user in enumerate(user_ids)}
    columns = {item: column for column, item in enumerate(item_ids)}
    matrix[chosen["user"].map(rows), chosen["item"].map(columns)] = chosen["rating"]
    titles = None
    if "title" in chosen:
        named = dict(zip(chosen["item"], chosen["title"]))
        titles = ["" if named[item] is None or named[item] != named[item] else str(named[item]) for item in item_ids]
    return ChosenRatings(user_ids, item_ids, titles, matrix, len(checked) - len(last))


def _most_rated(ratings: pd.DataFrame, users: int, items: int, source: str) -> pd.DataFrame:
    """The ratings of the chosen users for the chosen items; each of them has at least one."""
    wanted = {"user": users, "item": items}
    left_out: dict[str, set[Id]] = {"user": set(), "item": set()}
    ranked = {name: _by_count(ratings[name]) for name in wanted}
    while True:
        chosen = {}
        for name, count in wanted.items():
            candidates = [each for each in ranked[name] if each not in left_out[name]]
            if len(candidates) < count:
                enough = "" if len(ranked[name]) < count else " that share ratings with the others chosen"
                raise DataError(f"{source}: {count} {name}s were asked for, but there are {len(candidates)}{enough}.")
            chosen[name] = set(candidates[:count])
        grid = ratings[ratings["user"].isin(chosen["user"]) & ratings["item"].isin(chosen["item"])]
        empty = {name: chosen[name] - set(grid[name]) for name in wanted}
        if not any(empty.values()):
            return grid
        for name, without in empty.items():
            left_out[name] |= without


def _by_count(ids: pd.Series[Any]) -> list[Id]:
    """All ids, those with most ratings first, the lower first where they have equally many."""
    counts = ids.value_counts()
    return sorted(counts.index.tolist(), key=lambda each: (-counts[each], each))


# ---- checking ---------------------------------------------------------------------------------


def _checked(ratings: pd.DataFrame, source: str) -> pd.DataFrame:
    """The same with plain ids and finite ratings."""
    import pandas as pd

    for name in ("user", "item", "rating"):
        if name not in ratings:
            raise DataError(f"{source}: there is no column {name!r}.")
        _refuse(ratings[name].isna() | (ratings[name].astype(str) == ""), ratings[name], name, "is missing", source)
    numbers = pd.to_numeric(ratings["rating"], errors="coerce").astype(np.float64)
    _refuse(~np.isfinite(numbers), ratings["rating"], "rating", "is not a number", source)
    columns = {"user": plain_ids(ratings["user"]), "item": plain_ids(ratings["item"]), "rating": numbers}
    if "title" in ratings:
        columns["title"] = ratings["title"]
    return pd.DataFrame(columns)


def _refuse(wrong: Any, values: Any, name: str, cause: str, source: str) -> None:
    """Names the first wrong value by its place; rows count from 1, without the header."""
    wrong = np.asarray(wrong, bool)
    if wrong.any():
        row = int(np.argmax(wrong))
        value = values.iloc[row]
        stated = "" if value != value or value is None else f" {str(value)[:40]!r}"
        raise DataError(f"{source}, row {row + 1} of the data: the {name}{stated} {cause}.")


def plain_ids(ids: pd.Series[Any] | Sequence[Id]) -> list[Id]:
    """Ids as cells hold them: all numbers if all are numbers that Excel keeps exactly, else all text."""
    import pandas as pd

    values = pd.Series(ids)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(np.float64)
        if (np.abs(numbers) < LARGEST_ID).all():
            whole = (numbers == np.floor(numbers)).all()
            return [int(each) for each in numbers] if whole else [float(each) for each in numbers]
    return [storable(str(each)) for each in values]


# ---- reading ----------------------------------------------------------------------------------


def read_ratings(
    path: Path,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    movies: Path | None = None,
    title: str = "title",
) -> pd.DataFrame:
    """The ratings of a CSV file, with columns user, item, rating, and title where `movies` names the items.

    Raises DataError where a file cannot be read or lacks a column.
    """
    if len({user, item, rating}) < 3:
        raise DataError(f"{path}: user, item and rating need each its own column.")
    ratings = _read_csv(path, {user: "user", item: "item", rating: "rating"})
    if movies is None:
        return ratings
    titles = _read_csv(movies, {item: "item", title: "title"}).drop_duplicates("item")
    names = dict(zip(titles["item"].astype(str), titles["title"]))
    return ratings.assign(title=ratings["item"].astype(str).map(names))


def _read_csv(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """Some columns of a CSV file under new names."""
    import pandas as pd

    try:
        present = list(pd.read_csv(path, encoding="utf-8-sig", nrows=0).columns)
        for column in columns:
            if column not in present:
                stated = ", ".join(repr(str(each)[:40]) for each in present[:20])
                raise DataError(f"{path} has no column {column!r}: it has {stated}.")
        frame = pd.read_csv(path, encoding="utf-8-sig", usecols=list(columns), low_memory=False)
    except OSError as cause:
        raise DataError(f"{path} cannot be read ({cause.strerror or cause}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8.") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty.") from None
    except (pd.errors.ParserError, ValueError) as cause:
        raise DataError(f"{path} is not a table of comma-separated values ({str(cause).splitlines()[0]}).") from None
    return frame.rename(columns=columns)
