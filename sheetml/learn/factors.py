"""Models that give users and items embeddings: what can be read off these."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.recommender import Recommender, Scored


class FactorModel(Recommender):
    """Base of the models with embeddings: `user_factors_` (users, factors), `item_factors_` (items,
    factors), and biases `user_biases_` (users,) and `item_biases_` (items,), None in models without.

    A prediction is `mean_` plus the biases plus the dot product of the factors, unless a model says otherwise.
    """

    registry: ClassVar[dict[str, type[FactorModel]]] = {}

    user_factors_: np.ndarray
    item_factors_: np.ndarray
    user_biases_: np.ndarray | None = None
    item_biases_: np.ndarray | None = None
    mean_: float = 0.0

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        of_users, of_items = rows(self.user_factors_, users), rows(self.item_factors_, items)
        predicted = self.mean_ + np.einsum("nf,nf->n", of_users, of_items, dtype=np.float64)
        if self.user_biases_ is not None and self.item_biases_ is not None:
            predicted += rows(self.user_biases_, users) + rows(self.item_biases_, items)
        return predicted

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {"user_factors": self.user_factors_, "item_factors": self.item_factors_}
        if self.user_biases_ is not None and self.item_biases_ is not None:
            arrays |= {"user_biases": self.user_biases_, "item_biases": self.item_biases_}
        return arrays, {"mean": self.mean_}

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        counts = {"user": self.ratings_.user_count, "item": self.ratings_.item_count}
        for name, array in arrays.items():
            if array.ndim != (2 if name.endswith("factors") else 1) or len(array) != counts[name.split("_")[0]]:
                raise ValueError(f"its {name} have the shape {array.shape}")
        self.user_factors_, self.item_factors_ = arrays["user_factors"], arrays["item_factors"]
        self.user_biases_, self.item_biases_ = arrays.get("user_biases"), arrays.get("item_biases")
        self.mean_ = float(facts["mean"])

    def similar(self, item: Any, count: int = 10, *, least: int = 1) -> list[Scored]:
        """The items whose embeddings point most the same way (by cosine), among those with `least` ratings."""
        code = self.find_item(item)
        self._require_factors()
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
        self._require_factors()
        factors = np.asarray(self.item_factors_[items], np.float64)
        centred = factors - factors.mean(0)
        left, scales, _ = np.linalg.svd(centred, full_matrices=False)
        projected = left[:, :count] * scales[:count]
        projected *= np.sign(projected[np.abs(projected).argmax(0), np.arange(projected.shape[1])])
        variances = scales**2
        return projected, variances[:count] / max(variances.sum(), np.finfo(float).tiny)

    def _require_factors(self) -> None:
        if self.item_factors_.shape[1] == 0:
            raise ModelError(f"a {type(self).__name__} has no embeddings.")


def rows(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The rows of these codes; for -1 the mean of all rows."""
    found = table[codes]
    unknown = codes < 0
    if unknown.any():
        found[unknown] = table.mean(0)
    return found


def load_model(path: str | os.PathLike[str]) -> FactorModel:
    """Reads a model of any kind. Raises ModelError where the file is none."""
    return FactorModel.load(path)
