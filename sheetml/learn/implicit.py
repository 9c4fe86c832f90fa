"""What it says about users that they rated these items and not others, and about items by whom they were rated.

The rows of one side, in `learn.bayesian`, are Gaussian about a common mean plus a linear function of who rated
what: the binary matrix of ratings with rows of length 1 (as SVD++ has it, Koren 2008), known at the fit whatever
the ratings are. The weights of that function are Gaussian and drawn like everything else (Macau, Simm et al. 2017).
Only its values are needed, and those lie in the left singular vectors of the matrix: along each, a small system.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

DENSE = 50_000_000  # numbers in a matrix up to which all singular vectors are found at once
LEAST = 1e-6  # of the largest singular value: below it a direction is rounding


class Implicit:
    """One side's prior centres (rows, width), given which of the other side's rows each has to do with.

    `codes` and `others` (ratings,) are the two sides' rows of each rating. No more than `directions` are used.
    """

    def __init__(
        self, codes: np.ndarray, others: np.ndarray, shape: tuple[int, int], width: int, directions: int
    ) -> None:
        counts = np.maximum(np.bincount(codes, minlength=shape[0]), 1)
        matrix = csr_array((1 / np.sqrt(counts[codes]), (codes, others)), shape=shape)
        vectors, lengths = _singular(matrix, directions)
        self.vectors, self.squares = vectors, lengths**2  # (rows, directions), (directions,)
        self.strengths = np.array([10.0, 10.0])  # precisions of the weights, for the factors and for the bias
        self.centres = np.zeros((shape[0], width))

    def draw(self, rows: np.ndarray, precision: np.ndarray, mean: np.ndarray, random: np.random.Generator) -> None:
        """Draws the weights, and so `centres`, given the rows, their precision (width, width) and common mean."""
        width = rows.shape[1]
        weights = np.repeat(self.strengths, [width - 1, 1])
        systems = precision + np.eye(width) * (weights / self.squares[:, None])[:, None, :]
        right = (self.vectors.T @ (rows - mean)) @ precision
        errors = random.normal(size=(len(self.squares), width, 1))
        upper = np.linalg.cholesky(systems).swapaxes(1, 2)
        along = (np.linalg.solve(systems, right[:, :, None]) + np.linalg.solve(upper, errors))[:, :, 0]
        self.centres = self.vectors @ along
        self._draw_strengths(along**2 / self.squares[:, None], random)

    def _draw_strengths(self, squares: np.ndarray, random: np.random.Generator) -> None:
        """The precisions of the weights, Gamma with shape and rate 1, given the weights' squares."""
        for part, chosen in enumerate((slice(None, -1), slice(-1, None))):
            of_part = squares[:, chosen]
            self.strengths[part] = random.gamma(1 + of_part.size / 2) / (1 + of_part.sum() / 2)


def _singular(matrix: csr_array, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """The left singular vectors (rows, k) and singular values (k,) of a matrix: the largest, and no zeros."""
    least = min(matrix.shape)
    if directions >= least or matrix.shape[0] * matrix.shape[1] <= DENSE:
        vectors, lengths, _ = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        vectors, lengths, _ = svds(matrix, directions, rng=np.random.default_rng(0))
    order = np.argsort(-lengths)[:directions]
    order = order[lengths[order] > LEAST * lengths.max()]
    return vectors[:, order], lengths[order]
