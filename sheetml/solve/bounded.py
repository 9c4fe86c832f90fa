"""Free and bounded problems: a quasi-Newton method of limited memory, and a simplex where there are kinks.

L-BFGS-B: Byrd, Lu, Nocedal, Zhu 1995. Nelder-Mead with adaptive parameters: Gao, Han 2012.
"""

from __future__ import annotations

import math

import numpy as np

from sheetml.solve.search import Converged, Search

MEMORY = 20  # corrections kept by L-BFGS
MANY = 1_000_000  # iterations and evaluations: Search has the limits
ATTEMPTS = 12
FEWER_STEPS = 1e-3  # by which the first step is shortened where it failed
FLAT = 1e-4  # slope relative to the objective, below which there is nothing left to gain
SIMPLEX_VARIABLES = 30  # beyond which a simplex takes too long
ROUNDS = 6  # of a simplex and a descent in turn

IMPROVES_NO_MORE = "converged: the objective no longer improves"
SLOPE_IS_ZERO = "converged: the slope is zero"
AT_A_KINK = "ended at a kink: no step improves the objective, though its slope is not zero"
FLAT_AT_THE_START = "the objective has no slope at the start, and none was found near it"


def minimise(search: Search, z: np.ndarray) -> str:
    """Minimises within the bounds from z; the best point is in the search. Returns how it ended."""
    start = math.inf if search.best is None else search.best.cost
    ended = descend(search, z)
    if ended == FLAT_AT_THE_START:
        ended = _leave(search, z, start)
    for _ in range(ROUNDS if z.size <= SIMPLEX_VARIABLES else 0):
        if search.best is None or (is_flat(search) and not search.no_derivative):
            return ended
        before = search.best.cost
        _simplex(search)
        descend(search, search.scaled(search.best.x))
        if before - search.best.cost <= 1e-9 * abs(before):
            return AT_A_KINK if not search.no_derivative else ended
        ended = IMPROVES_NO_MORE
    return ended


def is_flat(search: Search) -> bool:
    """Whether the slope at the best point says that next to nothing is left to gain."""
    assert search.best is not None
    z = search.scaled(search.best.x)
    cost, gradient = search.value_and_gradient(z)
    slope = np.abs(_free(search, z, gradient))
    gained = search.first - cost if math.isfinite(search.first) else 0.0
    return bool(np.all(slope <= FLAT / np.maximum(np.abs(z), 1.0) * max(abs(cost), 1e-6 * gained)))


def descend(search: Search, z: np.ndarray, attempts: int = ATTEMPTS) -> str:
    """A quasi-Newton descent from z, again from where a line search fails. Returns how it ended."""
    from scipy.optimize import minimize

    bounds = search.bounds if search.problem.bounded else None
    options = {"maxcor": MEMORY, "maxiter": MANY, "maxfun": MANY, "ftol": 0.0, "gtol": 0.0}
    factor = 1.0  # of the cost: the first step is as long as the slope
    ended = IMPROVES_NO_MORE
    for attempt in range(attempts):
        before = math.inf if search.best is None else search.best.cost

        def scaled(z: np.ndarray, factor: float = factor) -> tuple[float, np.ndarray]:
            cost, gradient = search.value_and_gradient(z)
            return factor * cost, factor * gradient

        def iterated(_: np.ndarray) -> None:
            search.after_iteration(math.nan if search.best is None else search.best.cost)

        search.begin()
        try:
            found = minimize(scaled, z, jac=True, method="L-BFGS-B", bounds=bounds, options=options, callback=iterated)
        except Converged:
            return IMPROVES_NO_MORE
        if found.success:
            flat = not np.any(_free(search, found.x, found.jac))
            return FLAT_AT_THE_START if flat and found.nit == 0 and not attempt else SLOPE_IS_ZERO if flat else ended
        if search.best is None:
            break
        if found.nit == 0 or search.best.cost >= before:
            if is_flat(search):
                break
            factor *= FEWER_STEPS
        # a failed line search is tried again from there, without the memory that misled it
        z = search.scaled(search.best.x)
    return ended


def _free(search: Search, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The slope along which the point may still move."""
    blocked = ((z <= search.lower) & (gradient > 0)) | ((z >= search.upper) & (gradient < 0))
    return np.where(blocked, 0.0, gradient)


def _leave(search: Search, z: np.ndarray, start: float) -> str:
    """The slope is zero at the start: a saddle, perhaps (all factors 0), which a small random step leaves."""
    random = np.random.default_rng(0)
    for size in (1e-3, 1e-1, 1.0):
        near = z + random.normal(0.0, size, z.size) * np.maximum(np.abs(z), 1.0)
        ended = descend(search, search.scaled(search.point(near)))
        if search.best is not None and search.best.cost < start - 1e-12 * abs(start):
            return ended
    return FLAT_AT_THE_START


def _simplex(search: Search) -> None:
    from scipy.optimize import minimize

    assert search.best is not None
    z = search.scaled(search.best.x)
    search.begin()
    minimize(
        search.value,
        z,
        method="Nelder-Mead",
        bounds=search.bounds if search.problem.bounded else None,
        options={"adaptive": True, "maxfev": 400 * (z.size + 1), "maxiter": MANY, "xatol": 1e-12, "fatol": 1e-15},
        callback=lambda z: search.after_iteration(),
    )
