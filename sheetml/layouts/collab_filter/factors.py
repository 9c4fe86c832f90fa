"""The model behind the sheets as arrays: what a workbook is built from and what is read out of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.errors import DataError

Id = int | float | str


@dataclass(frozen=True, slots=True, eq=False)
class SheetModel:
    """Users and items as vectors whose dot product, with biases, predicts a rating.

    For u users, m items and f factors: `ratings` (u, m), NaN where there is none; `user_factors` (u, f),
    `item_factors` (m, f), `user_bias` (u,) and `item_bias` (m,), both None in a model without biases.
    `mean` is added to every prediction; with `rating_range` (minimum, maximum) predictions are squeezed
    between the two by a sigmoid. Raises DataError where these do not fit together.
    """

    user_ids: Sequence[Id]
    item_ids: Sequence[Id]
    titles: Sequence[str] | None
    ratings: np.ndarray
    user_factors: np.ndarray
    item_factors: np.ndarray
    user_bias: np.ndarray | None = None
    item_bias: np.ndarray | None = None
    mean: float = 0.0
    rating_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        users, items, factors = len(self.user_ids), len(self.item_ids), np.shape(self.user_factors)[-1]
        expected = {
            "ratings": (users, items),
            "user_factors": (users, factors),
            "item_factors": (items, factors),
            "user_bias": (users,),
            "item_bias": (items,),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array is None:
                continue
            object.__setattr__(self, name, np.asarray(array, np.float64))
            if getattr(self, name).shape != shape:
                raise DataError(f"{name} has the shape {np.shape(array)}, where {shape} belongs.")
            if name != "ratings" and not np.isfinite(getattr(self, name)).all():
                raise DataError(f"{name} holds a number that is not finite.")
        if min(users, items, factors) == 0:
            raise DataError("there must be at least one user, one item and one factor.")
        if (self.user_bias is None) != (self.item_bias is None):
            raise DataError("either both users and items have a bias, or neither.")
        if self.titles is not None and len(self.titles) != items:
            raise DataError(f"there are {len(self.titles)} titles for {items} items.")
        for name, ids in (("user", self.user_ids), ("item", self.item_ids)):
            if len(set(ids)) != len(ids):
                raise DataError(f"two {name}s have the same id.")
        if self.rating_range is not None and not self.rating_range[0] < self.rating_range[1]:
            raise DataError(f"the rating range {self.rating_range} is empty.")

    @property
    def factors(self) -> int:
        return int(self.user_factors.shape[1])

    @property
    def has_bias(self) -> bool:
        return self.user_bias is not None

    def predictions(self) -> np.ndarray:
        """The prediction for every pair, (u, m)."""
        scores = self.user_factors @ self.item_factors.T + self.mean
        if self.user_bias is not None and self.item_bias is not None:
            scores += self.user_bias[:, None] + self.item_bias
        if self.rating_range is None:
            return scores
        low, high = self.rating_range
        with np.errstate(over="ignore"):
            return low + (high - low) / (1 + np.exp(-scores))
