"""Factors and biases from normal equations, a side at a time: ALS, and its Bayesian relative."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.compiling import Stopwatch
from sheetml.learn.factors import FactorModel
from sheetml.learn.history import Epoch, OnEpoch
from sheetml.learn.ratings import Ratings
from sheetml.optional import needed

if TYPE_CHECKING:
    from sheetml.learn.blocks import BlockedRatings

SMALL = 10_000  # ratings that are not worth a thread


@dataclass
class Side:
    """The ratings of one side's rows, row after row, and the rows: factors and, last, a bias."""

    rows: np.ndarray  # (n, width)
    codes: np.ndarray  # (ratings,) the row of each rating
    starts: np.ndarray  # (n + 1,) where each row's begin
    order: np.ndarray  # (ratings,) the ratings' positions
    others: np.ndarray  # (ratings,) the other side's rows
    values: np.ndarray  # (ratings,) what is to be predicted

    @property
    def counts(self) -> np.ndarray:
        return np.diff(self.starts)

    def solve(
        self,
        other_rows: np.ndarray,
        weights: np.ndarray,
        precision: np.ndarray,
        shift: np.ndarray | None = None,
        scale: np.ndarray | None = None,
        noise: np.ndarray | None = None,
    ) -> None:
        """Solves for all rows, given the other side's, on all cores (see `learn.rows`).

        `weights` are by rating position.
        """
        needed("numba", extra="learn")
        from sheetml.learn.rows import solve_rows

        count, width = self.rows.shape
        arguments = (
            self.starts,
            self.others,
            self.values,
            weights[self.order],
            self.rows,
            other_rows,
            precision,
            np.zeros((count, width)) if shift is None else shift,
            np.ones(count) if scale is None else scale,
            np.zeros((count, width)) if noise is None else noise,
        )
        workers = os.cpu_count() or 1
        if len(self.values) < SMALL or workers == 1:
            solve_rows(0, count, *arguments)
            return
        limits = np.searchsorted(self.starts, np.linspace(0, self.starts[-1], 4 * workers + 1)).clip(0, count)
        limits[-1] = count
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda first, last: solve_rows(first, last, *arguments), limits[:-1], limits[1:]))


def sides(ratings: Ratings, values: np.ndarray, width: int, spread: float, random: np.random.Generator) -> list[Side]:
    """The users' side and the items', with rows of random numbers of this spread."""
    tables = [random.normal(0, spread, (count, width)) for count in (ratings.user_count, ratings.item_count)]
    both = ((ratings.users, ratings.items), (ratings.items, ratings.users))
    return [side_of(table, codes, others, values) for table, (codes, others) in zip(tables, both)]


def side_of(rows: np.ndarray, codes: np.ndarray, others: np.ndarray, values: np.ndarray) -> Side:
    """The side with these rows, of ratings with these codes of it and of the other side."""
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(rows)))])
    return Side(rows, codes, starts, order, others[order], values[order])


def residuals(users: Side, items: Side, values: np.ndarray) -> np.ndarray:
    """The values less what the rows predict, by rating position."""
    bias = users.rows.shape[1] - 1
    of_users, of_items = users.rows[users.codes], items.rows[items.codes]
    predicted = np.einsum("nf,nf->n", of_users[:, :bias], of_items[:, :bias])
    return values - predicted - of_users[:, bias] - of_items[:, bias]


@dataclass(eq=False, repr=False)
class ALS(FactorModel, name="als"):
    """Alternating least squares: factors and biases of one side, then of the other, `epochs` times.

    Minimises the sum of squared errors plus `regularisation` times each row's squares times its number of
    ratings (ALS-WR of Zhou et al. 2008), or without the number where not `weighted`.
    """

    blocks_by: ClassVar[tuple[str, ...]] = ("users", "items")

    factors: int = 20
    epochs: int = 15
    regularisation: float = 0.1
    weighted: bool = True
    seed: int = 0
    unknown: str = "error"

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        self._begin(float(ratings.values.mean()))
        values = ratings.values - self.mean_
        users, items = sides(ratings, values, self.factors + 1, 0.1, np.random.default_rng(self.seed))
        users.rows[:, -1] = items.rows[:, -1] = 0
        ones = np.ones(len(values))
        self._adopt(users.rows, items.rows)
        for _ in range(self.epochs):
            with Stopwatch() as watch:
                for side, other in ((users, items), (items, users)):
                    self._solve(side, other.rows, ones)
                train_loss = float(np.mean(residuals(users, items, values) ** 2))
            self._end_epoch(
                train_loss, None if validation is None else self.evaluate(validation)["mse"], watch.seconds, on_epoch
            )

    def _fit_blocks(  # type: ignore[override]
        self, blocks: BlockedRatings, *, on_epoch: OnEpoch | None = None
    ) -> None:
        """As `_fit`, a block of ratings after the other: the tables and one block are in memory."""
        self._begin(blocks.mean)
        random, width = np.random.default_rng(self.seed), self.factors + 1
        tables = [random.normal(0, 0.1, (len(counts), width)) for counts in (blocks.user_counts, blocks.item_counts)]
        for table, counts in zip(tables, (blocks.user_counts, blocks.item_counts)):
            table[:, -1] = 0
            table[counts == 0] = 0  # without a rating, least squares leave nothing
        users, items = tables
        self._adopt(users, items)
        for _ in range(self.epochs):
            with Stopwatch() as watch:
                for part in blocks.by("users"):
                    self._solve_block(users, part.users, items, part.items, part.values)
                for part in blocks.by("items"):
                    self._solve_block(items, part.items, users, part.users, part.values)
                train_loss = self.mean_squared_error_of(blocks.by("users"))
            self._end_epoch(train_loss or 0.0, self.mean_squared_error_of(blocks.held_out()), watch.seconds, on_epoch)

    def _begin(self, mean: float) -> None:
        if self.factors < 0 or self.epochs < 1 or self.regularisation <= 0:
            raise ModelError("ALS needs factors of 0 or more, 1 epoch or more and a regularisation above 0.")
        self.mean_ = mean

    def _adopt(self, users: np.ndarray, items: np.ndarray) -> None:
        self.user_factors_, self.item_factors_ = users[:, :-1], items[:, :-1]
        self.user_biases_, self.item_biases_ = users[:, -1], items[:, -1]

    def _solve_block(
        self, table: np.ndarray, codes: np.ndarray, others_table: np.ndarray, others: np.ndarray, values: np.ndarray
    ) -> None:
        """Solves for the rows of these codes, all of whose ratings are in the block."""
        present, local = np.unique(codes, return_inverse=True)
        side = side_of(table[present], local.reshape(-1), others, values - self.mean_)
        self._solve(side, others_table, np.ones(len(values)))
        table[present] = side.rows

    def _solve(self, side: Side, other_rows: np.ndarray, weights: np.ndarray) -> None:
        scale = np.maximum(side.counts, 1).astype(float) if self.weighted else np.ones(len(side.rows))
        side.solve(other_rows, weights, np.eye(self.factors + 1) * self.regularisation, scale=scale)

    def _end_epoch(self, train: float, valid: float | None, seconds: float, on_epoch: OnEpoch | None) -> None:
        self.history_.append(Epoch(len(self.history_) + 1, train, valid, None, seconds))
        if on_epoch:
            on_epoch(self.history_[-1])
