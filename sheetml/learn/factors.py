"""Models that give users and items embeddings: what can be read off these."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.recommender import Recommender, Scored


class FactorModel(Recommender):
    """Base of the models with embeddings: `user_factors_` (users, factors), `item_factors_` (items,
    factors), and biases `user_biases_` (users,) and `item_biases_` (items,), None in models without."""

    user_factors_: np.ndarray
    item_factors_: np.ndarray
    user_biases_: np.ndarray | None = None
    item_biases_: np.ndarray | None = None

    def similar(self, item: Any, count: int = 10, *, least: int = 1) -> list[Scored]:
        """The items whose embeddings point most the same way (by cosine), among those with `least` ratings."""
        code = self.find_item(item)
        factors = np.asarray(self.item_factors_, np.float64)
        lengths = np.linalg.norm(factors, axis=1)
        lengths[lengths == 0] = np.inf  # an item without direction is like no other
        cosines = factors @ factors[code] / (lengths * lengths[code])
        others = self.rating_counts() >= least
        others[code] = False
        items = np.flatnonzero(others)
        best = items[np.argsort(-cosines[items], kind="stable")[:count]]
        return self._scored(best, cosines[best])

    def ranked_biases(self, *, least: int = 1) -> list[Scored]:
        """The items by their bias, highest first: what users like whatever their taste."""
        self._require_fit()
        if self.item_biases_ is None:
            raise ModelError(f"a {type(self).__name__} has no biases.")
        items = np.flatnonzero(self.rating_counts() >= least)
        order = items[np.argsort(-self.item_biases_[items], kind="stable")]
        return self._scored(order, self.item_biases_[order])

    def components(self, items: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """The embeddings of these items (n,) on their principal components: (n, count), and the part of
        the variance that each component holds (count,). Signs are such that the largest number is positive."""
        self._require_fit()
        factors = np.asarray(self.item_factors_[items], np.float64)
        centred = factors - factors.mean(0)
        left, scales, _ = np.linalg.svd(centred, full_matrices=False)
        projected = left[:, :count] * scales[:count]
        projected *= np.sign(projected[np.abs(projected).argmax(0), np.arange(projected.shape[1])])
        variances = scales**2
        return projected, variances[:count] / max(variances.sum(), np.finfo(float).tiny)
