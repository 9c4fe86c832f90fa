"""What the epochs of a fit came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    epoch: int  # 1, 2, …
    train_loss: float  # the mean squared error on the ratings fitted to: of minibatches each before its step
    valid_loss: float | None  # the mean squared error of the validation ratings
    learning_rate: float | None  # of the last minibatch
    seconds: float  # of training, without those in which it was compiled


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the least validation loss, where there are validation ratings, else with the least of training."""
    return min(history, key=lambda each: each.train_loss if each.valid_loss is None else each.valid_loss)


OnEpoch = Callable[[Epoch], None]
