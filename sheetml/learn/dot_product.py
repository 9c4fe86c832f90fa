"""The lesson's first model, solved as its sheet is: all ratings at once, by a quasi-Newton method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.factors import FactorModel
from sheetml.learn.history import OnEpoch
from sheetml.learn.networks import Dot
from sheetml.learn.ratings import Ratings


@dataclass(eq=False, repr=False)
class DotProduct(FactorModel, name="dot-product"):
    """The dot product of two embeddings, with biases if `bias`, fitted as Excel's Solver fits the sheets.

    Minimises the mean squared error plus `weight_decay` times the sum of all squares with L-BFGS, for
    `iterations` at most. For ratings up to some ten thousands; larger ones are for EmbeddingDot. It starts
    from uniform numbers in `init`.
    """

    factors: int = 5
    bias: bool = False
    weight_decay: float = 0.0
    iterations: int = 1000
    init: tuple[float, float] = (0.0, 1.0)
    seed: int = 0
    unknown: str = "error"

    loss_: float = field(init=False)  # the mean squared error at the end

    def _fit(  # type: ignore[override]
        self, ratings: Ratings, *, validation: Ratings | None = None, on_epoch: OnEpoch | None = None
    ) -> None:
        from scipy.optimize import minimize

        if self.factors < 1 or self.iterations < 1:
            raise ModelError("factors and iterations must be at least 1.")
        network = Dot(self.factors, self.bias)
        shapes = [(ratings.user_count, network.width), (ratings.item_count, network.width)]
        objective = _Objective(network, ratings, shapes, self.weight_decay)
        start = np.random.default_rng(self.seed).uniform(*self.init, sum(rows * width for rows, width in shapes))
        settings = {"maxiter": self.iterations, "maxfun": 10 * self.iterations, "ftol": 1e-14, "gtol": 1e-10}
        result = minimize(objective, start, jac=True, method="L-BFGS-B", options=settings)
        users, items = objective.tables(result.x)
        self.user_factors_, self.item_factors_ = users[:, : self.factors], items[:, : self.factors]
        if self.bias:
            self.user_biases_, self.item_biases_ = users[:, self.factors], items[:, self.factors]
        self.loss_ = objective.loss(result.x)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays, facts = super()._state()
        return arrays, {**facts, "loss": self.loss_}

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        super()._restore(arrays, facts)
        self.loss_ = float(facts["loss"])


class _Objective:
    """The loss of all ratings and its gradient, as functions of one long vector."""

    def __init__(self, network: Dot, ratings: Ratings, shapes: list[tuple[int, int]], weight_decay: float) -> None:
        from scipy.sparse import csr_array

        self.network, self.ratings, self.shapes, self.weight_decay = network, ratings, shapes, weight_decay
        places, ones = np.arange(len(ratings)), np.ones(len(ratings))
        self.sums = [  # adds up the gradients of each row's ratings
            csr_array((ones, (codes, places)), shape=(rows, len(ratings)))
            for codes, (rows, _) in zip((ratings.users, ratings.items), shapes)
        ]

    def tables(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        users, items = np.split(x, [self.shapes[0][0] * self.shapes[0][1]])
        return users.reshape(self.shapes[0]), items.reshape(self.shapes[1])

    def loss(self, x: np.ndarray) -> float:
        return self(x)[0] - self.weight_decay * float(x @ x)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        users, items = self.tables(x)
        ratings, nothing = self.ratings, np.empty(0)
        found = self.network.gradients(users[ratings.users], items[ratings.items], nothing, ratings.values, nothing)
        parts = [sums @ rows for sums, rows in zip(self.sums, (found.users, found.items))]
        gradient = np.concatenate(parts, axis=None) + 2 * self.weight_decay * x
        return found.loss + self.weight_decay * float(x @ x), gradient
