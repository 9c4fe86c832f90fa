"""Bayesian matrix factorisation: the mean of many models drawn from the posterior, none of them fitted.

Salakhutdinov and Mnih (2008), with three additions: biases are the last numbers of the rows, each user has a
noise of their own, and who rated what, whatever the rating, moves the mean of a row (`learn.implicit`). What
regularises is drawn from the data as well, so there is no rate, no decay and no number of epochs to be tuned on
ratings held out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.compiling import Stopwatch
from sheetml.learn.factors import FactorModel, rows
from sheetml.learn.history import Epoch, OnEpoch
from sheetml.learn.implicit import Implicit
from sheetml.learn.least_squares import Side, residuals, sides
from sheetml.learn.metrics import mean_squared_error
from sheetml.learn.ratings import Ratings

PRIOR_ROWS = 2.0  # how many rows the prior mean of 0 counts as


@dataclass(eq=False, repr=False)
class BayesianFactors(FactorModel, name="bayes"):
    """Predicts the mean over `kept` of the models drawn in `epochs` rounds of Gibbs sampling, after the
    first `burn_in`; within the range of the ratings.

    Rows (factors, bias) are Gaussian with a mean and precision of their side, these Normal-Wishart with
    the unit matrix as scale. Ratings are Gaussian about the prediction; the precisions of the users are
    Gamma with the shape `noise_shape` about a common one: the larger, the more alike the users. `implicit` is how many
    singular vectors of who rated what are used, 0 for none.

    `user_factors_` and `item_factors_` hold the factors of all models kept side by side, as float32, so
    that their dot product is the mean of the models' dot products.
    """

    factors: int = 20
    epochs: int = 150
    burn_in: int = 20
    kept: int = 50
    noise_shape: float = 4.0
    implicit: int = 500
    seed: int = 0
    unknown: str = "error"

    limits_: tuple[float, float] = field(init=False)  # predictions stay within

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        """The validation loss of an epoch is that of the mean of the models kept so far."""
        if (
            self.factors < 1
            or self.noise_shape <= 0
            or not 0 <= self.burn_in < self.epochs
            or self.kept < 1
            or self.implicit < 0
        ):
            raise ModelError("BayesianFactors needs factors, a noise shape above 0, and more epochs than burn-in.")
        random = np.random.default_rng(self.seed)
        self.mean_, self.limits_ = float(ratings.values.mean()), ratings.range
        values = ratings.values - self.mean_
        users, items = sides(ratings, values, self.factors + 1, 0.1, random)
        feedback = self._feedback(ratings) if self.implicit else [None, None]
        noise = np.full(len(users.rows), 2.0)  # precisions
        kept = set(np.linspace(self.burn_in, self.epochs - 1, self.kept).astype(int).tolist())
        drawn_users, drawn_items = [], []
        validated = None if validation is None else _Validation(self.codes(validation), validation.values, self)
        try:
            for epoch in range(self.epochs):
                with Stopwatch() as watch:
                    for side, other, known in ((users, items, feedback[0]), (items, users, feedback[1])):
                        self._draw_rows(side, other.rows, known, noise[ratings.users], random)
                    left = residuals(users, items, values)
                    noise = self._drawn_noise(left, ratings, random)
                if epoch in kept:
                    drawn_users.append(users.rows.copy())
                    drawn_items.append(items.rows.copy())
                valid_loss = validated.loss(users, items, epoch in kept) if validated else None
                self.history_.append(Epoch(epoch + 1, float(np.mean(left**2)), valid_loss, None, watch.seconds))
                if on_epoch:
                    on_epoch(self.history_[-1])
        finally:  # also where the fit is interrupted: the mean of the draws so far
            if drawn_items:
                count = len(drawn_items)
                self.user_factors_, self.user_biases_ = _side_by_side(drawn_users[:count])
                self.item_factors_, self.item_biases_ = _side_by_side(drawn_items)

    def _feedback(self, ratings: Ratings) -> list[Implicit]:
        """What is known of the users and of the items by who rated what."""
        shape, width = (ratings.user_count, ratings.item_count), self.factors + 1
        return [
            Implicit(ratings.users, ratings.items, shape, width, self.implicit),
            Implicit(ratings.items, ratings.users, shape[::-1], width, self.implicit),
        ]

    def _draw_rows(
        self, side: Side, other_rows: np.ndarray, known: Implicit | None, noise: np.ndarray, random: np.random.Generator
    ) -> None:
        """Draws one side: the prior of its rows given these, then the rows."""
        centres = np.zeros(side.rows.shape) if known is None else known.centres
        precision, mean = _drawn_prior((side.rows - centres)[side.counts > 0], random)
        if known is not None:
            known.draw(side.rows, precision, mean, random)
            centres = known.centres
        errors = random.normal(size=side.rows.shape)
        side.solve(other_rows, noise, precision, (mean + centres) @ precision, noise=errors)

    def _drawn_noise(self, left: np.ndarray, ratings: Ratings, random: np.random.Generator) -> np.ndarray:
        """The precisions of the users' ratings, given what is left of these: about a common one, drawn first."""
        common = random.gamma(1 + len(left) / 2) / (1 + left @ left / 2)
        counts = np.bincount(ratings.users, minlength=ratings.user_count)
        squares = np.bincount(ratings.users, left * left, ratings.user_count)
        return random.gamma(self.noise_shape + counts / 2) / (self.noise_shape / common + squares / 2)

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.clip(super()._predict(users, items), *self.limits_)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays, facts = super()._state()
        return arrays, {**facts, "limits": self.limits_}

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        super()._restore(arrays, facts)
        self.limits_ = (float(facts["limits"][0]), float(facts["limits"][1]))


class _Validation:
    """The error of the mean of the models kept so far; of the present model where none is kept yet."""

    def __init__(self, codes: tuple[np.ndarray, np.ndarray], values: np.ndarray, model: BayesianFactors) -> None:
        self.codes, self.values, self.model = codes, values, model
        self.total, self.count = np.zeros(len(values)), 0

    def loss(self, users: Side, items: Side, keep: bool) -> float:
        of_users, of_items = rows(users.rows, self.codes[0]), rows(items.rows, self.codes[1])
        predicted = self.model.mean_ + np.einsum("nf,nf->n", of_users[:, :-1], of_items[:, :-1])
        predicted += of_users[:, -1] + of_items[:, -1]
        if keep:
            self.total, self.count = self.total + predicted, self.count + 1
        mean = self.total / self.count if self.count else predicted
        return mean_squared_error(np.clip(mean, *self.model.limits_), self.values)


def _drawn_prior(table: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A precision matrix (width, width) and a mean (width,) from their posterior given the rows.

    The prior is Normal-Wishart with mean 0, as many degrees of freedom as numbers in a row, and the unit
    matrix as scale (Salakhutdinov and Mnih 2008, equation 14). The Wishart matrix is drawn by Bartlett's
    decomposition.
    """
    count, width = table.shape
    mean, spread = table.mean(0), np.cov(table.T, bias=True)
    shrunk = count * PRIOR_ROWS / (count + PRIOR_ROWS)
    scale = np.linalg.inv(np.eye(width) + count * spread + shrunk * np.outer(mean, mean))
    triangle = np.tril(random.normal(size=(width, width)), -1)
    triangle[np.diag_indices(width)] = np.sqrt(random.chisquare(width + count - np.arange(width)))
    root = np.linalg.cholesky((scale + scale.T) / 2) @ triangle
    precision = root @ root.T
    deviation = np.linalg.solve(np.linalg.cholesky((count + PRIOR_ROWS) * precision).T, random.normal(size=width))
    return precision, count * mean / (count + PRIOR_ROWS) + deviation


def _side_by_side(models: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The factors of all models in one row each, scaled so that dot products are means, and the mean biases."""
    factors = np.concatenate([model[:, :-1] for model in models], axis=1) / np.sqrt(len(models))
    return factors.astype(np.float32), np.mean([model[:, -1] for model in models], axis=0)
