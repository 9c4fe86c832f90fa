"""What the values of an output come to, with standard errors.

A simulation is run in parts, each drawn by itself and as good as the whole but for its size. What is estimated from
each part scatters about what is estimated from all, and that scatter gives the standard error, whether points were
drawn at random or evenly spread, and of quantiles as of means (independent replications; Owen 1997 for Sobol points).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error; that is nan where there are too few parts to tell."""

    value: float
    error: float


@dataclass(frozen=True)
class Summary:
    """What an output came to in all scenarios that gave it a number."""

    count: int
    failures: int  # scenarios that gave none
    mean: Estimate
    deviation: float
    least: float
    greatest: float
    quantiles: dict[float, Estimate]
    convergence: np.ndarray  # (parts, 3): scenarios so far, their mean, its standard error


def summarised(values: np.ndarray, parts: Sequence[int], levels: Sequence[float] = LEVELS) -> Summary:
    """The summary of values (k,), nan where there is none, that were drawn in parts of these sizes."""
    sound = np.isfinite(values)
    found = values[sound]
    divided = np.split(values, np.cumsum(parts)[:-1])
    means = np.array([_mean(part) for part in divided])
    by_part = np.array([_quantiles(part, levels) for part in divided]).reshape(len(divided), len(levels))
    sizes = np.asarray(parts, np.float64)
    nothing = np.nan if not found.size else None
    return Summary(
        int(found.size),
        int((~sound).sum()),
        Estimate(_mean(values), _error(means, sizes)),
        float(found.std(ddof=1)) if found.size > 1 else np.nan,
        float(found.min()) if nothing is None else nothing,
        float(found.max()) if nothing is None else nothing,
        {
            level: Estimate(value, _error(by_part[:, place], sizes))
            for place, (level, value) in enumerate(zip(levels, _quantiles(values, levels)))
        },
        _convergence(means, sizes),
    )


def _mean(part: np.ndarray) -> float:
    sound = part[np.isfinite(part)]
    return float(sound.mean()) if sound.size else np.nan


def _quantiles(part: np.ndarray, levels: Sequence[float]) -> list[float]:
    sound = part[np.isfinite(part)]
    return np.quantile(sound, levels).tolist() if sound.size else [np.nan] * len(levels)


def _error(estimates: np.ndarray, sizes: np.ndarray) -> float:
    """The standard error of the estimate from all parts, from the estimates of each."""
    known = np.isfinite(estimates)
    estimates, sizes = estimates[known], sizes[known]
    if estimates.size < 2:
        return np.nan
    weights = sizes / sizes.sum()
    centre = weights @ estimates
    # unbiased for parts of any size whose variance falls with it
    variance = (sizes * (estimates - centre) ** 2).sum() / (estimates.size - 1) / sizes.sum()
    return float(np.sqrt(variance))


def _convergence(means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    counts = np.cumsum(sizes)
    so_far = np.cumsum(np.nan_to_num(means) * sizes) / counts
    errors = [_error(means[: place + 1], sizes[: place + 1]) for place in range(len(means))]
    return np.column_stack([counts, so_far, errors])


def rank_correlations(inputs: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each input, (k, n), with an output, (k,): (n,); 0 where one of them is constant."""
    from scipy.stats import rankdata

    sound = np.isfinite(output)
    if sound.sum() < 2:
        return np.zeros(inputs.shape[1])
    ranks = rankdata(inputs[sound], axis=0)
    of_output = rankdata(output[sound])
    ranks, of_output = ranks - ranks.mean(0), of_output - of_output.mean()
    size = np.sqrt((ranks**2).sum(0) * (of_output @ of_output))
    return np.asarray(np.divide(of_output @ ranks, size, out=np.zeros(len(size)), where=size > 0))
