"""Factors and biases from normal equations, a side at a time: ALS, and its Bayesian relative."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.factors import FactorModel
from sheetml.learn.history import Epoch, OnEpoch
from sheetml.learn.ratings import Ratings
from sheetml.optional import needed

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
        other: Side,
        weights: np.ndarray,
        precision: np.ndarray,
        shift: np.ndarray | None = None,
        scale: np.ndarray | None = None,
        noise: np.ndarray | None = None,
    ) -> None:
        """Solves for all rows, on all cores (see `learn.rows`). `weights` are by rating position."""
        needed("numba", extra="learn")
        from sheetml.learn.rows import solve_rows

        count, width = self.rows.shape
        arguments = (
            self.starts,
            self.others,
            self.values,
            weights[self.order],
            self.rows,
            other.rows,
            precision,
            np.zeros(width) if shift is None else shift,
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
    made = []
    for codes, others, count in (
        (ratings.users, ratings.items, ratings.user_count),
        (ratings.items, ratings.users, ratings.item_count),
    ):
        order = np.argsort(codes, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=count))])
        rows = random.normal(0, spread, (count, width))
        made.append(Side(rows, codes, starts, order, others[order], values[order]))
    return made


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

    factors: int = 20
    epochs: int = 15
    regularisation: float = 0.1
    weighted: bool = True
    seed: int = 0
    unknown: str = "error"

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        if self.factors < 0 or self.epochs < 1 or self.regularisation <= 0:
            raise ModelError("ALS needs factors of 0 or more, 1 epoch or more and a regularisation above 0.")
        self.mean_ = float(ratings.values.mean())
        values = ratings.values - self.mean_
        users, items = sides(ratings, values, self.factors + 1, 0.1, np.random.default_rng(self.seed))
        users.rows[:, -1] = items.rows[:, -1] = 0
        ones, precision = np.ones(len(values)), np.eye(self.factors + 1) * self.regularisation
        self.user_factors_, self.item_factors_ = users.rows[:, :-1], items.rows[:, :-1]
        self.user_biases_, self.item_biases_ = users.rows[:, -1], items.rows[:, -1]
        for epoch in range(self.epochs):
            start = time.perf_counter()
            for side, other in ((users, items), (items, users)):
                side.solve(other, ones, precision, scale=self._scale(side))
            train_loss = float(np.mean(residuals(users, items, values) ** 2))
            seconds = time.perf_counter() - start
            valid_loss = None if validation is None else self.evaluate(validation)["mse"]
            self.history_.append(Epoch(epoch + 1, train_loss, valid_loss, None, seconds))
            if on_epoch:
                on_epoch(self.history_[-1])

    def _scale(self, side: Side) -> np.ndarray:
        return np.maximum(side.counts, 1).astype(float) if self.weighted else np.ones(len(side.rows))
