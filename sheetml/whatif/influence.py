"""Which inputs matter to an output: by its derivatives, by trying each alone, and by shares of its variance."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.errors import NotDifferentiableError, SheetmlError
from sheetml.optional import needed
from sheetml.whatif.simulation import Simulation

MOST_SECOND = 500  # inputs up to which second derivatives are computed


@dataclass(frozen=True)
class Sensitivity:
    """What an input does to the output where both are now."""

    address: str
    value: float
    derivative: float
    elasticity: float  # per cent of the output for one per cent of the input; nan where the output is 0
    second: float  # the derivative's derivative by the same input; nan where it was not computed


def sensitivity(function: CellFunction) -> list[Sensitivity]:
    """What each input does to the one output, the strongest by elasticity first, then by derivative.

    Raises NotDifferentiableError or CalculationError, with the cell, where there is no derivative.
    """
    x = function.x0
    value, slope = function.value_and_gradient(x)
    second = np.full(len(x), np.nan)
    if len(x) <= MOST_SECOND:
        with contextlib.suppress(NotDifferentiableError):
            second = np.diagonal(function.hessian(x)).copy()
    elastic = slope * x / value if value else np.full(len(x), np.nan)
    found = [
        Sensitivity(*each)
        for each in zip(function.input_addresses, x.tolist(), slope.tolist(), elastic.tolist(), second.tolist())
    ]
    return sorted(found, key=lambda each: (-abs(np.nan_to_num(each.elasticity)), -abs(each.derivative)))


@dataclass(frozen=True)
class Swing:
    """What the output does as one input goes from low to high, all others staying as they are."""

    address: str
    low: float
    high: float
    at_low: float
    at_high: float

    @property
    def size(self) -> float:
        return abs(self.at_high - self.at_low)


def tornado(function: CellFunction, lows: np.ndarray, highs: np.ndarray) -> list[Swing]:
    """The swings of the one output between the inputs' lows and highs, (n,) each, the widest first."""
    base = function.x0
    count = len(base)
    points = np.tile(base, (2 * count, 1))
    points[np.arange(count), np.arange(count)] = lows
    points[count + np.arange(count), np.arange(count)] = highs
    values = function.batch(points).reshape(2, count)
    swings = [Swing(*each) for each in zip(function.input_addresses, lows, highs, values[0], values[1])]
    return sorted(swings, key=lambda swing: (np.isnan(swing.size), -swing.size))


@dataclass(frozen=True)
class Shares:
    """The shares of an output's variance that are due to an input, with half the widths of their 95% intervals."""

    address: str
    first: float  # to the input alone
    first_width: float
    total: float  # also together with others
    total_width: float


def variance_shares(simulation: Simulation, count: int = 1024) -> list[list[Shares]]:
    """Sobol's indices of each input, for each output, from `count` (2 + inputs) scenarios (Saltelli et al. 2010).

    Raises SheetmlError where inputs are correlated (the shares are of independent inputs), or an output has no value.
    """
    if simulation.stated["correlate"]:
        raise SheetmlError("shares of the variance are those of independent inputs: leave out the correlations")
    sample, analyze = needed("SALib.sample.sobol", "whatif"), needed("SALib.analyze.sobol", "whatif")
    names = [each.address for each in simulation.inputs]
    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    count = 1 << max(count - 1, 1).bit_length()
    points = sample.sample(problem, count, calc_second_order=False, seed=simulation.seed)
    inputs = simulation.values_at(points)
    outputs = simulation.outputs_at(inputs)
    wrong = np.nonzero(~np.isfinite(outputs).all(axis=1))[0]
    if wrong.size:
        raise SheetmlError(f"the variance has no shares: {simulation.function.problem(inputs[wrong[0]])}")
    return [_shares(names, analyze, problem, column, simulation.seed) for column in outputs.T]


def _shares(
    names: Sequence[str], analyze: object, problem: dict[str, object], values: np.ndarray, seed: int
) -> list[Shares]:
    if np.ptp(values) == 0:
        return [Shares(name, 0.0, 0.0, 0.0, 0.0) for name in names]
    found = analyze.analyze(problem, values, calc_second_order=False, seed=seed)  # type: ignore[attr-defined]
    rows = zip(names, found["S1"], found["S1_conf"], found["ST"], found["ST_conf"])
    return sorted((Shares(name, *map(float, numbers)) for name, *numbers in rows), key=lambda each: -each.total)
