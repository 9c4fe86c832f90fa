"""Distributions by name, as people write them: normal(0.07, 0.02), triangular(1, 2, 5), data(C2:C100).

A distribution is its quantiles: whatever uniform numbers are drawn, at random or evenly spread, one at a time or
correlated, `quantile` makes them values of the input. Parameters are in the order of Excel's own functions where
Excel has the distribution (NORM.INV, LOGNORM.INV, GAMMA.INV, BETA.INV, WEIBULL, EXPON.DIST, POISSON, BINOM.INV).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.errors import SheetmlError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_CALL = re.compile(r"\s*([A-Za-z_][\w.]*)\s*\((.*)\)\s*", re.DOTALL)
_WEIGHTED = re.compile(rf"\s*({_NUMBER})\s*:\s*({_NUMBER})\s*")
INSIDE = np.finfo(float).eps / 2  # uniform numbers keep this far from 0 and 1, where quantiles may be infinite


@dataclass(frozen=True)
class Distribution:
    """A distribution of one number, as it was written, and its quantiles."""

    text: str
    _quantile: Callable[[np.ndarray], np.ndarray] = field(repr=False)

    def quantile(self, probabilities: np.ndarray) -> np.ndarray:
        """The values below which these parts of the distribution lie, of the same shape."""
        inside = np.clip(probabilities, INSIDE, 1 - INSIDE)
        return np.asarray(self._quantile(inside), np.float64)


Values = Callable[[str], Sequence[float]]  # the numbers of cells, for those that a distribution names


def distribution(text: str, values: Values | None = None) -> Distribution:
    """The distribution that a text states; `values` gives the numbers of cells named in it.

    Raises SheetmlError where there is none of this name, or its parameters make none.
    """
    call = _CALL.fullmatch(text)
    if call is None:
        raise SheetmlError(f"{text!r} states no distribution: write it as in normal(0.07, 0.02)")
    name, inside = call[1].lower(), call[2].strip()
    if name == "data":
        return Distribution(text, _resampled(_numbers_of(inside, text, values), text))
    if name == "choice":
        return Distribution(text, _chosen(inside, text))
    numbers = [_number(part, text, values) for part in inside.split(",")] if inside else []
    made = _made(call[1], numbers, text)
    return Distribution(text, made)


def _number(text: str, whole: str, values: Values | None) -> float:
    if re.fullmatch(rf"\s*{_NUMBER}\s*%?\s*", text):
        bare = text.strip()
        return float(bare[:-1]) / 100 if bare.endswith("%") else float(bare)
    found = _numbers_of(text, whole, values)
    if len(found) != 1:
        raise SheetmlError(f"{whole}: {text.strip()} is not one cell")
    return found[0]


def _numbers_of(text: str, whole: str, values: Values | None) -> list[float]:
    if values is None:
        raise SheetmlError(f"{whole}: {text.strip()!r} is not a number")
    return list(values(text.strip()))


def _resampled(data: list[float], text: str) -> Callable[[np.ndarray], np.ndarray]:
    """One of the values seen, each as likely (the bootstrap of Efron 1979)."""
    if not data:
        raise SheetmlError(f"{text}: the cells hold no numbers")
    ordered = np.sort(np.array(data))
    return lambda p: ordered[np.minimum((p * len(ordered)).astype(np.intp), len(ordered) - 1)]


def _chosen(inside: str, text: str) -> Callable[[np.ndarray], np.ndarray]:
    """One of some values, each with its weight: choice(1: 0.2, 2: 0.5, 3: 0.3)."""
    parts = [_WEIGHTED.fullmatch(part) for part in inside.split(",")]
    pairs = [(float(part[1]), float(part[2])) for part in parts if part is not None]
    weights = np.array([weight for _, weight in pairs])
    if len(pairs) < len(parts) or (weights < 0).any() or not weights.sum() > 0:
        raise SheetmlError(f"{text}: write values with their weights, as in choice(1: 0.2, 2: 0.8)")
    values = np.array([value for value, _ in pairs])
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order]) / weights.sum()
    return lambda p: values[order][np.minimum(np.searchsorted(ends, p), len(ends) - 1)]


# ---- with parameters


def _scipy(name: str, *arguments: float, loc: float = 0.0, scale: float = 1.0) -> Any:
    from scipy import stats

    return getattr(stats, name)(*arguments, loc=loc, scale=scale)


def _triangular(low: float, mode: float, high: float) -> Any:
    return _scipy("triang", (mode - low) / (high - low), loc=low, scale=high - low)


def _pert(low: float, mode: float, high: float) -> Any:
    """The beta distribution that project planners use (Malcolm et al. 1959): its mean is (low + 4 mode + high) / 6."""
    span = high - low
    return _scipy("beta", 1 + 4 * (mode - low) / span, 1 + 4 * (high - mode) / span, loc=low, scale=span)


def _beta(alpha: float, beta: float, low: float = 0.0, high: float = 1.0) -> Any:
    return _scipy("beta", alpha, beta, loc=low, scale=high - low)


def _integers(low: float, high: float) -> Any:
    from scipy import stats

    return stats.randint(np.ceil(low), np.floor(high) + 1)


NAMED: dict[str, tuple[str, Callable[..., Any]]] = {
    "normal": ("mean, standard deviation", lambda mean, sd: _scipy("norm", loc=mean, scale=sd)),
    "lognormal": (
        "mean and standard deviation of the logarithm",
        lambda mean, sd: _scipy("lognorm", sd, scale=np.exp(mean)),
    ),
    "uniform": ("low, high", lambda low, high: _scipy("uniform", loc=low, scale=high - low)),
    "integers": ("low, high, both included", _integers),
    "triangular": ("low, mode, high", _triangular),
    "pert": ("low, mode, high", _pert),
    "beta": ("alpha, beta[, low, high]", _beta),
    "gamma": ("shape, scale", lambda shape, scale: _scipy("gamma", shape, scale=scale)),
    "exponential": ("rate", lambda rate: _scipy("expon", scale=1 / rate)),
    "weibull": ("shape, scale", lambda shape, scale: _scipy("weibull_min", shape, scale=scale)),
    "student": ("degrees of freedom[, centre, scale]",
                lambda freedom, centre=0.0, scale=1.0: _scipy("t", freedom, loc=centre, scale=scale)),
    "poisson": ("mean", lambda mean: _discrete("poisson", mean)),
    "binomial": ("trials, probability", lambda trials, p: _discrete("binom", trials, p)),
    "bernoulli": ("probability", lambda p: _discrete("bernoulli", p)),
}  # fmt: skip


def _discrete(name: str, *arguments: float) -> Any:
    from scipy import stats

    return getattr(stats, name)(*arguments)


def _made(name: str, numbers: list[float], text: str) -> Callable[[np.ndarray], np.ndarray]:
    """The quantiles of a distribution by its name here or in scipy.stats."""
    usual = NAMED.get(name.lower())
    make = usual[1] if usual else _of_scipy(name, text)
    try:
        made = make(*numbers)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        wanted = f" takes {usual[0]}" if usual else f" is not made of these ({error})"
        raise SheetmlError(f"{text}: {name}{wanted}") from None
    with np.errstate(all="ignore"):
        median = made.ppf(0.5)
    if not np.isfinite(median):
        wanted = f" takes {usual[0]}, and these make none" if usual else " has no values with these parameters"
        raise SheetmlError(f"{text}: {name}{wanted}")
    quantile: Callable[[np.ndarray], np.ndarray] = made.ppf
    return quantile


def _of_scipy(name: str, text: str) -> Callable[..., Any]:
    from scipy import stats

    found = getattr(stats, name, None)
    if not isinstance(found, (stats.rv_continuous, stats.rv_discrete)):
        known = ", ".join([*NAMED, "choice", "data"])
        raise SheetmlError(f"{text}: there is no distribution {name!r}; there are {known}, and those of scipy.stats")
    return found
