"""Round numbers to stand at the axes of charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.report.words import minus

ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)  # times a power of ten: the steps that people count in
WIDE = 10.0  # times that positive values have to span to be drawn by their logarithms
LARGE, SMALL = 1e6, 1e-4  # beyond which numbers are written with powers of ten


@dataclass(frozen=True, slots=True)
class Axis:
    """From where to where an axis goes, and the round numbers on it."""

    low: float
    high: float
    ticks: list[float]
    logarithmic: bool = False

    def place(self, values: np.ndarray | Sequence[float]) -> np.ndarray:
        """Where values are on the axis: 0 at its low end, 1 at its high end."""
        low, high, along = self.low, self.high, np.asarray(values, float)
        if self.logarithmic:
            low, high, along = math.log10(low), math.log10(high), np.log10(along)
        return (along - low) / (high - low)

    @property
    def texts(self) -> list[str]:
        """The ticks as text, all with the decimals that the finest of them needs."""
        if self.logarithmic:
            return [short(tick) for tick in self.ticks]
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 1.0
        if max(abs(tick) for tick in self.ticks) >= LARGE or step < SMALL:
            return [short(tick) for tick in self.ticks]
        decimals = _decimals(step)
        return [minus(f"{tick + 0.0:,.{decimals}f}") for tick in self.ticks]


def axis(low: float, high: float, most: int = 6, *, whole: bool = False, tight: bool = False) -> Axis:
    """An axis over the values from low to high with at most `most` steps; whole numbers only, if asked for.

    It begins and ends at round numbers, or if `tight` where the values do.
    """
    if not high > low:
        low, high = (low - 0.5, high + 0.5) if whole or not low else (low - abs(low) / 10, high + abs(low) / 10)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * number for number in ROUND if power * number >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if tight:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [round(step * number, 12 - math.floor(math.log10(step))) for number in range(first, last + 1)]
    return Axis(low, high, ticks) if tight else Axis(ticks[0], ticks[-1], ticks)


def value_axis(values: np.ndarray) -> Axis:
    """An axis for values: logarithmic where all are positive and span more than a decade, else from 0 if 0 is near."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > WIDE * low:
        return logarithmic_axis(low, high)
    if 0 < low < high / 2:
        low = 0.0
    return axis(low, high)


def logarithmic_axis(low: float, high: float) -> Axis:
    """A logarithmic axis with powers of ten on it; with 2 and 5 times them where there are few, some where many."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    powers = [10.0**power for power in range(first, last + 1, max(1, math.ceil((last - first) / 6)))]
    if last - first > 2:
        return Axis(10.0**first, 10.0**last, powers, True)
    ticks = [power * number for power in powers for number in (1.0, 2.0, 5.0)]
    below, above = [tick for tick in ticks if tick <= low], [tick for tick in ticks if tick >= high]
    start, end = below[-1] if below else ticks[0], above[0] if above else ticks[-1]
    return Axis(start, end, [tick for tick in ticks if start <= tick <= end], True)


def _decimals(step: float) -> int:
    """How many decimals it takes to write multiples of a step."""
    return next((count for count in range(12) if abs(step * 10**count - round(step * 10**count)) < 1e-6), 12)


def short(number: float, digits: int = 3) -> str:
    """A number to a few digits: "0.39", "1,250", "−8.3e−9"; a dash for none."""
    if not math.isfinite(number):
        return "–"
    if number and not SMALL <= abs(number) < LARGE:
        mantissa, _, power = f"{number:.{max(0, digits - 1)}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return minus(f"{mantissa}e{int(power)}")
    decimals = max(0, digits - 1 - (math.floor(math.log10(abs(number))) if number else 0))
    text = f"{number:,.{decimals}f}"
    return minus(text.rstrip("0").rstrip(".") if "." in text else text)
