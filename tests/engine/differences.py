"""Derivatives by differences, with what they are worth: the referee of the exact ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LEVELS = 7


def differences(f: Callable[[np.ndarray], float], x: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of f at x by central differences, (n,), and an estimate of its errors, (n,).

    For each input the step is halved from `steps` again and again and the quotients are extrapolated
    to step 0 (Richardson); the estimate is the least change between neighbours of that table (Ridders,
    "Accurate computation of F'(x) and F'(x)F''(x)", 1982).
    """
    slopes, errors = np.zeros(x.size), np.zeros(x.size)
    for i in range(x.size):
        slopes[i], errors[i] = _extrapolated(lambda shift, i=i: f(_moved(x, i, shift)), steps[i])  # type: ignore[misc]
    return slopes, errors


def _moved(x: np.ndarray, i: int, shift: float) -> np.ndarray:
    moved = x.copy()
    moved[i] += shift
    return moved


def _extrapolated(f: Callable[[float], float], step: float) -> tuple[float, float]:
    best, least = 0.0, np.inf
    before: list[float] = []
    for level in range(LEVELS):
        width = step / 2**level
        row = [(f(width) - f(-width)) / (2 * width)]
        for order in range(level):
            row.append(row[-1] + (row[-1] - before[order]) / (4.0 ** (order + 1) - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - before[order]))
            if error < least:
                best, least = row[-1], error
        before = row
    return best, least


def assert_gradient_equals_differences(f: Any, x: np.ndarray, steps: np.ndarray) -> None:
    """The exact gradient is that by differences, as closely as the differences themselves can tell."""
    exact, (slope, error) = f.gradient(x), differences(f, x, steps)
    scale = np.abs(slope).max() + abs(f(x)) / steps.max()
    assert error.max() <= 1e-6 * scale + 1e-12, "the differences are too rough to judge by"
    assert np.abs(exact - slope).max() <= 1e-9 * scale + 10 * error.max() + 1e-12
