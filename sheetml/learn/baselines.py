"""What every model must beat: the mean of the ratings, and the mean with biases of users and items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.factors import FactorModel
from sheetml.learn.history import OnEpoch
from sheetml.learn.ratings import Ratings


@dataclass(eq=False, repr=False)
class GlobalMean(FactorModel, name="mean"):
    """Predicts the mean of all ratings."""

    unknown: str = "mean"

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        self.mean_ = float(ratings.values.mean())
        self.user_factors_, self.item_factors_ = np.empty((ratings.user_count, 0)), np.empty((ratings.item_count, 0))


@dataclass(eq=False, repr=False)
class Biases(GlobalMean, name="biases"):
    """The mean plus a bias of the user and one of the item, each drawn towards 0 by `regularisation`.

    Minimises Σ (rating - mean - user's - item's)² + regularisation · (Σ user's² + Σ item's²), a side at a
    time, `epochs` times (Koren 2010, baseline estimates).
    """

    regularisation: float = 5.0
    epochs: int = 15

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        if self.regularisation < 0 or self.epochs < 1:
            raise ModelError("the regularisation must be 0 or more, and the epochs at least 1.")
        super()._fit(ratings)
        users, items, wanted = ratings.users, ratings.items, ratings.values - self.mean_
        of_users, of_items = np.zeros(ratings.user_count), np.zeros(ratings.item_count)
        user_weights, item_weights = (
            1 / np.maximum(np.bincount(codes, minlength=count) + self.regularisation, np.finfo(float).tiny)
            for codes, count in ((users, ratings.user_count), (items, ratings.item_count))
        )
        for _ in range(self.epochs):
            of_items = np.bincount(items, wanted - of_users[users], len(of_items)) * item_weights
            of_users = np.bincount(users, wanted - of_items[items], len(of_users)) * user_weights
        self.user_biases_, self.item_biases_ = of_users, of_items
