"""What the epochs of a fit came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    epoch: int  # 1, 2, …
    train_loss: float  # the mean squared error on the ratings fitted to: of minibatches each before its step
    valid_loss: float | None  # the mean squared error of the validation ratings
    learning_rate: float | None  # of the last minibatch
    seconds: float  # of training


OnEpoch = Callable[[Epoch], None]
