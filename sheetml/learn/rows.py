"""Compiled: rows of one table from the ratings and the other table, by normal equations.

With one side's rows held fixed, a rating is linear in the other side's: what is best for a row, or how it
is distributed, follows from a small system of equations for each row (ALS, Gibbs sampling). A row of
either table is its factors and, last, its bias. Importing this module imports Numba.
"""

from __future__ import annotations

import numba
import numpy as np

from sheetml.learn.kernels import ROUNDING


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=ROUNDING)
def solve_rows(first, last, starts, others, values, weights, rows, other_rows, precision, shift, scale, noise):
    """Sets rows[first:last] to the solutions of their normal equations, in place.

    Row r has the ratings from starts[r] to starts[r + 1]: of `others`, with `values` and `weights`. It
    minimises  Σ weight · (value - other's bias - row · (other's factors, 1))²  plus
    scale[r] · row · precision · row - 2 · shift[r] · row.  `noise` (rows, width) is added before the last
    triangular system: standard normal numbers make the rows samples of that Gaussian, zeros its mean.
    """
    width = rows.shape[1]
    bias = width - 1
    matrix, right, regressors = np.empty((width, width)), np.empty(width), np.empty(width)
    regressors[bias] = 1.0
    for row in range(first, last):
        for i in range(width):
            right[i] = shift[row, i]
            for j in range(i + 1):
                matrix[i, j] = scale[row] * precision[i, j]
        for n in range(starts[row], starts[row + 1]):
            other, weight = others[n], weights[n]
            wanted = weight * (values[n] - other_rows[other, bias])
            for i in range(bias):
                regressors[i] = other_rows[other, i]
            for i in range(width):
                right[i] += wanted * regressors[i]
                weighted = weight * regressors[i]
                for j in range(i + 1):
                    matrix[i, j] += weighted * regressors[j]
        _factorise(matrix)
        for i in range(width):
            for k in range(i):
                right[i] -= matrix[i, k] * right[k]
            right[i] /= matrix[i, i]
        for i in range(width):
            right[i] += noise[row, i]
        for i in range(width - 1, -1, -1):
            for k in range(i + 1, width):
                right[i] -= matrix[k, i] * right[k]
            right[i] /= matrix[i, i]
            rows[row, i] = right[i]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=ROUNDING)
def _factorise(matrix):
    """The Cholesky factor of a symmetric matrix, in place of its lower triangle."""
    for j in range(len(matrix)):
        for i in range(j, len(matrix)):
            rest = matrix[i, j]
            for k in range(j):
                rest -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = rest / matrix[j, j] if i > j else np.sqrt(rest)
