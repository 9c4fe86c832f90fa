"""How far predictions are from ratings."""

from __future__ import annotations

import numpy as np


def mean_squared_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    """The loss of the lesson."""
    error = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(error @ error / len(error))


def root_mean_squared_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    return float(np.sqrt(mean_squared_error(predicted, actual)))


def mean_absolute_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    return float(np.mean(np.abs(np.asarray(predicted, np.float64) - np.asarray(actual, np.float64))))


def r2_score(predicted: np.ndarray, actual: np.ndarray) -> float:
    """The part of the ratings' variance that is explained; 0 for their mean, NaN where they are all equal."""
    spread = float(np.var(np.asarray(actual, np.float64)))
    return 1 - mean_squared_error(predicted, actual) / spread if spread > 0 else float("nan")


METRICS = {
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "mae": mean_absolute_error,
    "r2": r2_score,
}


def evaluate(predicted: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """All metrics by name: mse, rmse, mae, r2."""
    return {name: metric(predicted, actual) for name, metric in METRICS.items()}


class Errors:
    """Sums from which the errors of predictions that come in parts follow."""

    def __init__(self) -> None:
        self.count, self.squares, self.absolute = 0, 0.0, 0.0
        self.mean, self.spread = 0.0, 0.0  # of the actual values; the sum of squares about it (Chan et al. 1979)

    def add(self, predicted: np.ndarray, actual: np.ndarray) -> None:
        """Takes predictions and actual values, each (n,)."""
        if not len(actual):
            return
        left = predicted - actual
        self.squares, self.absolute = self.squares + float(left @ left), self.absolute + float(np.abs(left).sum())
        mean, total = float(actual.mean()), self.count + len(actual)
        apart = mean - self.mean
        self.spread += float(((actual - mean) ** 2).sum()) + apart**2 * self.count * len(actual) / total
        self.mean, self.count = self.mean + apart * len(actual) / total, total

    def measured(self) -> dict[str, float]:
        """The same errors as `evaluate` gives; {} where nothing was added."""
        if not self.count:
            return {}
        mse = self.squares / self.count
        r2 = 1 - self.squares / self.spread if self.spread else float("nan")
        return {"mse": mse, "rmse": mse**0.5, "mae": self.absolute / self.count, "r2": r2}
