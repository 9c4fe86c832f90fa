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
