"""The learning-rate finder: rates from very low to very high in one short training (Smith 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.embedding import EmbeddingModel
from sheetml.learn.ratings import Ratings

SMOOTHING = 0.98  # of the losses' running mean
DIVERGED = 4.0  # times the least loss: then the rate is far too high
SPANS = 20  # of this part of the rates to either side a fall is measured over
LENGTH = 32  # minibatches between looks at the loss


@dataclass(frozen=True)
class RateSearch:
    """Learning rates tried one after another, (n,), and the smoothed loss at each."""

    rates: np.ndarray
    losses: np.ndarray

    @property
    def suggestion(self) -> float:
        """The rate about which the loss falls fastest, over a span of rates wide enough for its noise."""
        reach = max(len(self.losses) // SPANS, 1)
        falls = self.losses[2 * reach :] - self.losses[: -2 * reach]
        return float(self.rates[int(falls.argmin()) + reach])

    @property
    def limit(self) -> float:
        """A tenth of the rate with the least loss: what a steady training should stay below."""
        return float(self.rates[int(self.losses.argmin())]) / 10


def find_learning_rate(
    model: EmbeddingModel, ratings: Ratings, lowest: float = 1e-5, highest: float = 10.0, steps: int | None = None
) -> RateSearch:
    """Trains a new model of these settings with rates from lowest to highest, a step each, and looks.

    It takes `steps` minibatches, by default at most 1,000 and at most an epoch, and stops where the loss
    has grown far beyond its least. The model given stays as it is.
    """
    if not 0 < lowest < highest:
        raise ModelError(f"rates to search are above 0 and rising, not from {lowest} to {highest}.")
    trainer = model.trainer(ratings)
    steps = min(steps or 1000, math.ceil(len(ratings) / model.batch))
    if steps < 10:
        raise ModelError("searching for a learning rate takes at least 10 minibatches.")
    rates = np.geomspace(lowest, highest, steps)
    losses = np.zeros(steps)
    settings = trainer.optimizer.settings(0, rates).astype(trainer.tables.users.dtype)
    done = 0
    with np.errstate(over="ignore", invalid="ignore"):  # the rates end where training fails
        for done in trainer.run_steps(ratings, settings, losses, LENGTH):
            smooth = _smoothed(losses[:done])
            if not np.isfinite(smooth).all() or smooth[-1] > DIVERGED * smooth.min():
                break
    smooth = _smoothed(losses[:done])
    good = np.isfinite(smooth) & (np.arange(done) >= min(LENGTH // 4, done // 4))  # the first means are of few losses
    return RateSearch(rates[:done][good], smooth[good])


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """The running mean, corrected for its start at 0 as the means of Adam are."""
    from scipy.signal import lfilter

    steps = np.arange(1, len(losses) + 1)
    smooth: np.ndarray = lfilter([1 - SMOOTHING], [1, -SMOOTHING], losses)
    return smooth / (1 - SMOOTHING**steps)
