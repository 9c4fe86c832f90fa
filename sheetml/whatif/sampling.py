"""Uniform numbers in many dimensions, at random or evenly spread, correlated where asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from sheetml.errors import SheetmlError
from sheetml.whatif.distributions import INSIDE

METHODS = ("random", "latin", "sobol")
MOST_SOBOL = qmc.Sobol.MAXDIM


def uniform(method: str, count: int, dimensions: int, seed: np.random.SeedSequence) -> np.ndarray:
    """`count` points in the unit cube, (count, dimensions).

    "latin" divides each dimension into `count` equal parts and puts a point into each (McKay et al. 1979); "sobol"
    is the beginning of a scrambled Sobol sequence (Owen 1998), best for powers of two.
    """
    random = np.random.default_rng(seed)
    if method == "random" or not dimensions:
        return random.random((count, dimensions))
    if method == "latin":
        return np.asarray(qmc.LatinHypercube(dimensions, rng=random).random(count))
    if dimensions > MOST_SOBOL:
        raise SheetmlError(f"Sobol points have at most {MOST_SOBOL:,} inputs, and there are {dimensions:,}")
    power = max(count - 1, 0).bit_length()
    return np.asarray(qmc.Sobol(dimensions, rng=random).random_base2(power)[:count])


def correlation_root(pairs: Sequence[tuple[int, int, float]], dimensions: int) -> np.ndarray | None:
    """The triangular root of a matrix of correlations, (dimensions, dimensions); None where none is stated.

    Raises SheetmlError where the correlations cannot hold together.
    """
    if not pairs:
        return None
    matrix = np.eye(dimensions)
    for first, second, correlation in pairs:
        matrix[first, second] = matrix[second, first] = correlation
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-9:
        raise SheetmlError("the correlations contradict each other: no inputs have all of them at once")
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.linalg.qr(root.T)[1].T)


def correlated(points: np.ndarray, root: np.ndarray | None) -> np.ndarray:
    """The points with the correlations that the root states, of their normal scores (the Gaussian copula)."""
    if root is None:
        return points
    scores = ndtri(np.clip(points, INSIDE, 1 - INSIDE))
    return np.asarray(ndtr(scores @ root.T))
