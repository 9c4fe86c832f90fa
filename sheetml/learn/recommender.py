"""What all models of ratings share: fitting and predicting by ids, in the manner of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn import metrics
from sheetml.learn.history import Epoch
from sheetml.learn.parameters import Parameters
from sheetml.learn.ratings import Ratings
from sheetml.learn.storage import described, group, read_arrays, revived, write_arrays
from sheetml.optional import needed

if TYPE_CHECKING:
    from sheetml.learn.blocks import BlockedRatings

UNKNOWN = ("error", "mean")
CHUNK = 2**16  # ratings predicted at a time


@dataclass(frozen=True)
class Scored:
    """An item with its title and a number: a predicted rating, a similarity or a bias."""

    item: Any
    title: str
    value: float


class Recommender(Parameters):
    """Base of all models of ratings.

    `fit(ratings)` takes Ratings; `fit(X, y)` takes pairs of user and item ids (n, 2) and ratings (n,), as
    scikit-learn passes them. `predict` takes the same. What is fitted ends in "_".

    `unknown` says what becomes of a user or item that was not there at the fit: "error" raises ModelError,
    "mean" predicts for the mean of the users or of the items.
    """

    unknown: str = "error"

    blocks_by: ClassVar[tuple[str, ...]] = ()  # the orders of ratings on disk that a fit to them needs; () cannot
    ratings_: Ratings  # those it was fitted to: whose ids, titles and codes the model knows
    history_: list[Epoch]  # the epochs of the fit, in models that have any

    # ---- for subclasses

    def _fit(self, ratings: Ratings, **options: Any) -> None:
        raise NotImplementedError

    def _fit_blocks(self, blocks: BlockedRatings, **options: Any) -> None:
        raise ModelError(
            f"a {type(self).__name__} is fitted to ratings in memory only: choose als, dot-bias, dot or net."
        )

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Predictions (n,) for codes (n,); -1 is an unknown user or item, to be taken as the mean."""
        raise NotImplementedError

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What was fitted, for saving: arrays by name, and facts that JSON can hold."""
        raise NotImplementedError

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Takes what `_state` gave. Raises ValueError where it does not fit."""
        raise NotImplementedError

    # ---- fitting

    def fit(self, X: Any, y: Any = None, **options: Any) -> Self:
        """Fits the model. Further options are those of the model's kind.

        Raises ModelError where settings or ratings cannot be used.
        """
        if self.unknown not in UNKNOWN:
            raise ModelError(f"unknown must be one of {', '.join(UNKNOWN)}, not {self.unknown!r}.")
        ratings = _as_ratings(X, y)
        if len(ratings) == 0:
            raise ModelError("there are no ratings to fit to.")
        self.ratings_, self.history_ = ratings, []
        self._fit(ratings, **options)
        return self

    @property
    def is_fitted(self) -> bool:
        return hasattr(self, "ratings_")

    def _require_fit(self) -> None:
        if not self.is_fitted:
            raise ModelError(f"this {type(self).__name__} is not fitted yet.")

    def fit_blocks(self, blocks: BlockedRatings, **options: Any) -> Self:
        """Fits the model to ratings on disk, in the orders of `blocks_by`. What they hold out is its validation.

        Raises ModelError where the model cannot be fitted so, or not with these settings.
        """
        self.ratings_, self.history_ = blocks.facts, []
        self._fit_blocks(blocks, **options)
        return self

    # ---- predicting

    def predict(self, X: Any) -> np.ndarray:
        """Predicted ratings (n,) for Ratings or for pairs of user and item ids (n, 2).

        Raises ModelError, with the first of them, for unknown users or items, unless `unknown` is "mean".
        """
        self._require_fit()
        return self._predicted(*self.codes(X))

    def codes(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """The model's codes of users and items; -1 for those unknown, where that is allowed."""
        if isinstance(X, Ratings):
            users, items = X.users, X.items
            if X.user_ids is not self.ratings_.user_ids:
                users = self._known(X.user_ids, self.ratings_.user_ids, "user", np.unique(users))[users]
            if X.item_ids is not self.ratings_.item_ids:
                items = self._known(X.item_ids, self.ratings_.item_ids, "item", np.unique(items))[items]
            return users, items
        users, items = _pairs(X)
        return self._known(users, self.ratings_.user_ids, "user"), self._known(items, self.ratings_.item_ids, "item")

    def _known(self, ids: np.ndarray, known: np.ndarray, what: str, needed: np.ndarray | None = None) -> np.ndarray:
        """The codes of ids; `needed` are the positions of those that are asked about, by default all."""
        codes = positions_of(ids, known)
        asked = codes if needed is None else codes[needed]
        if self.unknown == "error" and (asked < 0).any():
            strangers = (np.asarray(ids) if needed is None else np.asarray(ids)[needed])[asked < 0]
            raise ModelError(
                f"the model does not know {what} {strangers[0]}"
                + (f" and {len(np.unique(strangers)) - 1} more" if len(np.unique(strangers)) > 1 else "")
                + ": it was not among the ratings it was fitted to."
            )
        return codes

    def _predicted(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        starts = range(0, len(users), CHUNK)
        parts = [self._predict(users[start : start + CHUNK], items[start : start + CHUNK]) for start in starts]
        return np.concatenate(parts) if parts else np.empty(0)

    def score(self, X: Any, y: Any = None) -> float:
        """The coefficient of determination R², as of scikit-learn's regressors."""
        actual = X.values if isinstance(X, Ratings) and y is None else np.asarray(y, np.float64)
        return metrics.r2_score(self.predict(X), actual)

    def evaluate(self, ratings: Ratings) -> dict[str, float]:
        """The errors of the predictions: mse, rmse, mae, r2."""
        return metrics.evaluate(self.predict(ratings), ratings.values)

    def evaluate_parts(self, parts: Iterable[Ratings]) -> dict[str, float]:
        """The errors of the predictions for ratings that come in parts; {} where there are none."""
        errors = metrics.Errors()
        for part in parts:
            errors.add(self._predicted(part.users, part.items), part.values)
        return errors.measured()

    def mean_squared_error_of(self, parts: Iterable[Ratings]) -> float | None:
        """The mean squared error for ratings that come in parts; None where there are none."""
        return self.evaluate_parts(parts).get("mse")

    # ---- looking up

    def item_names(self) -> np.ndarray:
        """What to call each item: its title, or its id as text."""
        return self.ratings_.item_names()

    def rated(self, user: int) -> np.ndarray:
        """The codes of the items that the user of this code rated.

        Raises ModelError where the model was fitted to ratings on disk, and does not hold them.
        """
        if self.ratings_.item_counts is not None:
            raise ModelError(
                "the model was fitted to ratings on disk and does not hold them, so which items a user has rated "
                "is not known: ask for all items (--rated)."
            )
        return self.ratings_.items[self.ratings_.users == user]

    def rating_counts(self) -> np.ndarray:
        """How many ratings each item had at the fit."""
        if self.ratings_.item_counts is not None:
            return self.ratings_.item_counts
        return np.bincount(self.ratings_.items, minlength=self.ratings_.item_count)

    def recommend(self, user: Any, count: int = 10, *, rated: bool = False, least: int = 1) -> list[Scored]:
        """The items with the highest predictions for the user of this id, best first.

        Without those the user rated, unless `rated`; and only items with at least `least` ratings.
        """
        self._require_fit()
        code = int(positions_of(np.array([user]), self.ratings_.user_ids)[0])
        if code < 0:
            raise ModelError(f"the model does not know user {user}: it was not among the ratings it was fitted to.")
        allowed = self.rating_counts() >= least
        if not rated:
            allowed[self.rated(code)] = False
        items = np.flatnonzero(allowed).astype(np.int32)
        predicted = self._predicted(np.full(len(items), code, np.int32), items)
        best = np.argsort(-predicted, kind="stable")[:count]
        return self._scored(items[best], predicted[best])

    def find_item(self, name: Any) -> int:
        """The code of an item by its id, its title, or a part of its title that no other has."""
        self._require_fit()
        code = int(positions_of(np.array([name]), self.ratings_.item_ids)[0])
        if code >= 0:
            return code
        names, wanted = self.item_names().tolist(), str(name).casefold()
        exact = [position for position, each in enumerate(names) if each.casefold() == wanted]
        found = exact or [position for position, each in enumerate(names) if wanted in each.casefold()]
        if len(found) == 1:
            return found[0]
        if not found:
            raise ModelError(f"the model knows no item {name!r}, by id or by title.")
        some = "; ".join(f"{names[position]} ({self.ratings_.item_ids[position]})" for position in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise ModelError(f"{name!r} may be any of {len(found)} items: {some}{more}. Give the whole title or the id.")

    def _scored(self, items: np.ndarray, values: np.ndarray) -> list[Scored]:
        names, ids = self.item_names(), self.ratings_.item_ids.tolist()
        return [Scored(ids[item], str(names[item]), float(value)) for item, value in zip(items.tolist(), values)]

    # ---- keeping

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model as a .npz file of plain arrays: reading it back runs no code from it."""
        self._require_fit()
        arrays, facts = self._state()
        arrays = {f"model_{name}": array for name, array in arrays.items()}
        ratings = {name: array for name, array in vars(self.ratings_).items() if array is not None}
        arrays |= {f"ratings_{name}": array for name, array in ratings.items()}
        history = [vars(epoch) for epoch in self.history_]
        about = {"kind": "model", "model": described(self), "history": history}
        write_arrays(path, arrays, {**about, "fitted": facts})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a model that `save` wrote. Raises ModelError where the file holds none of this kind."""
        arrays, facts = read_arrays(path, "model")
        try:
            model = revived(facts["model"])
            model.ratings_ = Ratings(**group(arrays, "ratings"))
            model.ratings_.check()
            model.history_ = [Epoch(**epoch) for epoch in facts["history"]]
            model._restore(group(arrays, "model"), facts["fitted"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(f"{os.fspath(path)}: it is no model that can be used ({error}).") from None
        if not isinstance(model, cls):
            raise ModelError(f"{os.fspath(path)}: it holds a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn wants to know of an estimator: this one is a regressor."""
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(estimator_type="regressor", target_tags=TargetTags(required=True), regressor_tags=RegressorTags())


def positions_of(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The position of each id among the known ids, -1 where it is none of them.

    Ids that are text find known numbers and the other way round.
    """
    pandas = needed("pandas", extra="learn")
    ids = np.asarray(ids)
    if known.dtype.kind in "iu" and ids.dtype.kind in "USO":
        wanted = pandas.to_numeric(pandas.Series(ids), errors="coerce").to_numpy(np.float64)
        whole = np.where(np.isfinite(wanted), wanted, -1)
        codes = pandas.Index(known).get_indexer(whole.astype(np.int64))
        codes[~(wanted == whole.astype(np.int64))] = -1
    elif known.dtype.kind == "U" and ids.dtype.kind != "U":
        codes = pandas.Index(known).get_indexer(ids.astype(str))
    else:
        codes = pandas.Index(known).get_indexer(ids)
    return codes.astype(np.int32)


def _as_ratings(X: Any, y: Any) -> Ratings:
    if isinstance(X, Ratings):
        return X
    users, items = _pairs(X)
    if y is None or len(y) != len(users):
        raise ModelError("fit(X, y) needs as many ratings y as there are pairs of user and item in X.")
    return Ratings.from_arrays(users, items, y, duplicates="keep")


def _pairs(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """The user ids and item ids of pairs (n, 2): an array, a list or a data frame of two columns."""
    if hasattr(X, "iloc"):
        if X.shape[1] != 2:
            raise ModelError(f"pairs of user and item have 2 columns, not {X.shape[1]}.")
        return X.iloc[:, 0].to_numpy(), X.iloc[:, 1].to_numpy()
    pairs = X if isinstance(X, np.ndarray) else np.array(list(map(tuple, X)), dtype=object)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ModelError(f"pairs of user and item are an array of 2 columns, not one of shape {pairs.shape}.")
    return pairs[:, 0], pairs[:, 1]
