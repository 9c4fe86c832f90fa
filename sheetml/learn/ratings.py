"""Ratings of items by users, with codes 0, 1, … for both, and the ways to split them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sheetml.errors import DataError
from sheetml.learn.ratings_files import columns_of_frames, is_parquet, read_parquet, read_text, read_titles, renamed
from sheetml.optional import needed

if TYPE_CHECKING:
    import pandas

DUPLICATES = ("error", "first", "last", "mean", "keep")


@dataclass(frozen=True, eq=False)
class Ratings:
    """n ratings. Parts of one set of ratings share its codes, so a model of one part knows the other's.

    `users` and `items` (n,) int32 are codes, `values` (n,) float64 the ratings, `times` (n,) int64 seconds
    or None. `user_ids` and `item_ids` hold the id of each code, `titles` the title of each item or None.
    Where the ratings themselves are elsewhere (`learn.blocks`), `item_counts` says how many each item has.
    """

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    times: np.ndarray | None = None
    titles: np.ndarray | None = None
    item_counts: np.ndarray | None = None

    # ---- reading

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, duplicates: str = "error", **columns: str) -> Ratings:
        """Reads ratings in any form known: Parquet by its suffix, else one of the forms of `from_csv`."""
        if is_parquet(Path(path)):
            return cls.from_parquet(path, duplicates=duplicates, **columns)
        return cls.from_csv(path, duplicates=duplicates, **columns)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        user: str = "userId",
        item: str = "movieId",
        rating: str = "rating",
        time: str = "timestamp",
        *,
        duplicates: str = "error",
    ) -> Ratings:
        """Reads a text file, plain or .gz: with a header and commas, semicolons or tabs; MovieLens'
        u.data (four columns between tabs, no header); MovieLens' ratings.dat (the same between "::").

        The column of times may be absent. `duplicates` says what to do where a user rated an item more
        than once: "error", keep the "first" or the "last" in the file, their "mean", or "keep" all.
        Raises DataError, with the line, for missing columns, ids or ratings and for ratings that are
        not numbers.
        """
        ratings = Ratings(*read_text(Path(path), user, item, rating, time))
        return ratings.without_duplicates(duplicates, str(path))

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str], *, duplicates: str = "error", **columns: str) -> Ratings:
        """Reads a Parquet file with the columns that `from_frame` asks for; needs pyarrow."""
        return cls.from_frame(read_parquet(Path(path)), duplicates=duplicates, source=str(path), **columns)

    @classmethod
    def from_frame(
        cls,
        frame: pandas.DataFrame,
        user: str = "userId",
        item: str = "movieId",
        rating: str = "rating",
        time: str = "timestamp",
        *,
        duplicates: str = "error",
        source: str = "the data frame",
    ) -> Ratings:
        """Takes ratings from a data frame; `source` is what error messages call it."""
        frame = renamed(frame, {user: "user", item: "item", rating: "rating", time: "time"}, source)
        return Ratings(*columns_of_frames([frame], source, "row", 0)).without_duplicates(duplicates, source)

    @classmethod
    def from_arrays(
        cls,
        users: Sequence[Any] | np.ndarray,
        items: Sequence[Any] | np.ndarray,
        values: Sequence[float] | np.ndarray,
        times: Sequence[int] | np.ndarray | None = None,
        *,
        duplicates: str = "error",
    ) -> Ratings:
        """Takes ratings from arrays of ids and values, each (n,)."""
        pandas = needed("pandas", extra="learn")
        columns = {"userId": users, "movieId": items, "rating": values}
        if times is not None:
            columns["timestamp"] = times
        frame = pandas.DataFrame({name: np.asarray(column) for name, column in columns.items()})
        return cls.from_frame(frame, duplicates=duplicates, source="the arrays")

    def with_titles(self, source: str | os.PathLike[str] | dict[Any, str], item: str = "movieId") -> Self:
        """These ratings with titles: a dict by item id, or a file (movies.csv, u.item, movies.dat) with the
        column `item` and a column "title". Items without a title are called by their ids."""
        if not isinstance(source, dict):
            source = read_titles(Path(source), item)
        by_text = {str(identity): str(title) for identity, title in source.items()}
        titles = np.array([by_text.get(str(identity), str(identity)) for identity in self.item_ids.tolist()])
        return replace(self, titles=titles)

    # ---- looking

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"<Ratings: {len(self):,} of {self.item_count:,} items by {self.user_count:,} users>"

    @property
    def user_count(self) -> int:
        return len(self.user_ids)

    @property
    def item_count(self) -> int:
        return len(self.item_ids)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest rating."""
        return float(self.values.min()), float(self.values.max())

    def item_names(self) -> np.ndarray:
        """What to call each item: its title, or its id as text."""
        return self.item_ids.astype(str) if self.titles is None else self.titles

    def top_users(self, count: int) -> np.ndarray:
        """The codes of the users with most ratings, most first."""
        return _most_frequent(self.users, self.user_count, count)

    def top_items(self, count: int) -> np.ndarray:
        """The codes of the items with most ratings, most first."""
        return _most_frequent(self.items, self.item_count, count)

    def to_frame(self) -> pandas.DataFrame:
        """A data frame with MovieLens' names: userId, movieId, rating, timestamp where known, title where known."""
        pandas = needed("pandas", extra="learn")
        columns = {"userId": self.user_ids[self.users], "movieId": self.item_ids[self.items], "rating": self.values}
        if self.times is not None:
            columns["timestamp"] = self.times
        if self.titles is not None:
            columns["title"] = self.titles[self.items]
        return pandas.DataFrame(columns)

    def check(self) -> None:
        """Raises ValueError where the arrays do not belong together."""
        for codes, ids in ((self.users, self.user_ids), (self.items, self.item_ids)):
            if codes.shape != self.values.shape or codes.ndim != 1 or ids.ndim != 1:
                raise ValueError("its ratings do not belong together")
            if len(codes) and not 0 <= codes.min() <= codes.max() < len(ids):
                raise ValueError("its ratings are of users or items it does not have")
        if self.titles is not None and self.titles.shape != self.item_ids.shape:
            raise ValueError("its titles are not those of its items")
        if self.item_counts is not None and self.item_counts.shape != self.item_ids.shape:
            raise ValueError("its counts are not those of its items")

    # ---- parts

    def part(self, chosen: np.ndarray) -> Self:
        """Some of the ratings, by a mask or by positions, with the codes of all."""
        times = None if self.times is None else self.times[chosen]
        return replace(
            self, users=self.users[chosen], items=self.items[chosen], values=self.values[chosen], times=times
        )

    def split(self, fraction: float = 0.2, seed: int = 0) -> tuple[Self, Self]:
        """A random split: the training part, and a `fraction` of the ratings for validation."""
        held_out = np.zeros(len(self), bool)
        held_out[np.random.default_rng(seed).permutation(len(self))[: self._held_out(fraction)]] = True
        return self.part(~held_out), self.part(held_out)

    def split_by_time(self, fraction: float = 0.2) -> tuple[Self, Self]:
        """The earlier ratings, and a `fraction` of the ratings, the latest, for validation."""
        order = np.argsort(self._times("a split by time"), kind="stable")
        cut = len(self) - self._held_out(fraction)
        return self.part(np.sort(order[:cut])), self.part(np.sort(order[cut:]))

    def split_last(self, count: int = 1) -> tuple[Self, Self]:
        """All but each user's last `count` ratings, and those; a user with no more than `count` keeps all."""
        order = np.lexsort((self._times("leaving out the last"), self.users))
        sizes = np.bincount(self.users, minlength=self.user_count)
        ends = np.cumsum(sizes)[self.users[order]]
        is_last = (np.arange(len(self)) >= ends - count) & (sizes[self.users[order]] > count)
        held_out = np.zeros(len(self), bool)
        held_out[order[is_last]] = True
        return self.part(~held_out), self.part(held_out)

    def folds(self, count: int = 5, seed: int = 0) -> Iterator[tuple[Self, Self]]:
        """Training and validation parts for cross-validation: each rating is held out once."""
        if not 2 <= count <= len(self):
            raise DataError(f"{len(self)} ratings cannot be split into {count} folds.")
        fold = np.random.default_rng(seed).permutation(len(self)) % count
        for each in range(count):
            yield self.part(fold != each), self.part(fold == each)

    def without_duplicates(self, policy: str, source: str = "the ratings") -> Self:
        """One rating for each pair of user and item, as `policy` says (see `from_csv`)."""
        if policy not in DUPLICATES:
            raise DataError(f"there is no policy {policy!r} for duplicates: choose from {', '.join(DUPLICATES)}.")
        if policy == "keep" or len(self) == 0:
            return self
        pairs = self.users.astype(np.int64) * self.item_count + self.items
        order = np.argsort(pairs, kind="stable")
        is_new = np.ones(len(self), bool)
        is_new[1:] = pairs[order][1:] != pairs[order][:-1]
        if is_new.all():
            return self
        if policy == "error":
            raise DataError(self._duplicate_in_words(order, is_new, source))
        starts = np.flatnonzero(is_new)
        kept = order[starts] if policy == "first" else order[np.append(starts[1:], len(self)) - 1]
        if policy == "mean":
            values = self.values.copy()
            values[kept] = np.add.reduceat(self.values[order], starts) / np.diff(np.append(starts, len(self)))
            return replace(self, values=values).part(np.sort(kept))
        return self.part(np.sort(kept))

    def _duplicate_in_words(self, order: np.ndarray, is_new: np.ndarray, source: str) -> str:
        again = order[~is_new]
        first = again[np.argmin(again)]
        user, item = self.user_ids[self.users[first]], self.item_ids[self.items[first]]
        return (
            f"{source}: user {user} rated item {item} more than once ({len(again):,} such ratings in all); "
            f"say which to use: first, last, mean or keep (all)."
        )

    def _held_out(self, fraction: float) -> int:
        count = int(fraction * len(self))
        if not 0 < count < len(self):
            raise DataError(f"a fraction of {fraction} of {len(self)} ratings leaves one part of the split empty.")
        return count

    def _times(self, what: str) -> np.ndarray:
        if self.times is None:
            raise DataError(f"{what} needs the times of the ratings, and there are none.")
        return self.times


def _most_frequent(codes: np.ndarray, total: int, count: int) -> np.ndarray:
    return np.argsort(-np.bincount(codes, minlength=total), kind="stable")[:count]
