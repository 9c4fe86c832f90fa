"""What straight-line code calls: Excel's rounding, powers and sums of areas, on single floats.

Each is to the last bit what functions/ computes on arrays, but for powers, which two libraries round differently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sheetml.engine.compiled.floats import NAMES
from sheetml.engine.precision import EXCESS_OF_PI, NEAR_ZERO
from sheetml.engine.values import DIV0, NUM

NEAR_INTEGER = 1e-13  # of a number: how far rounding it to 15 digits moves it at most, and more


class Fault(Exception):
    """An error, on its way out of an expression."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


FAULTS = (Fault, ArithmeticError, ValueError)  # what an expression raises where Excel has an error


def code_of(fault: BaseException) -> int:
    """The error that an exception stands for."""
    if isinstance(fault, Fault):
        return fault.code
    return DIV0 if isinstance(fault, ZeroDivisionError) else NUM


def fail(code: int) -> float:
    raise Fault(code)


def total(v: Sequence[float], area: Sequence[int], start: float | None = None) -> float:
    """The sum of an area's numbers, one after the other."""
    if start is None:
        result = v[area[0]]
        for slot in area[1:]:
            result += v[slot]
        return result
    for slot in area:
        start += v[slot]
    return start


def max_of(v: Sequence[float], area: Sequence[int]) -> float:
    return max([v[slot] for slot in area])


def min_of(v: Sequence[float], area: Sequence[int]) -> float:
    return min([v[slot] for slot in area])


def power(x: float, y: float) -> float:
    """x ^ y: 0 ^ 0 and roots of negative numbers are #NUM!, 0 to a negative power is #DIV/0!."""
    if y == 2.0:
        return x * x
    if x == 0.0:
        if y > 0.0:
            return 0.0
        raise ZeroDivisionError if y < 0.0 else Fault(NUM)
    if x < 0.0 and y != round(y):
        raise Fault(NUM)
    return float(x) ** float(y)


def modulo(x: float, y: float) -> float:
    """The remainder, of the divisor's sign."""
    return x % y


def sine(x: float) -> float:
    """SIN, by the number that Excel takes for pi (functions/math.py)."""
    result = math.sin(x)
    return result if abs(result) >= NEAR_ZERO else result - EXCESS_OF_PI * (x * math.cos(x))


def cosine(x: float) -> float:
    """COS, likewise."""
    result = math.cos(x)
    return result if abs(result) >= NEAR_ZERO else result + EXCESS_OF_PI * (x * math.sin(x))


def _fifteen(x: float) -> float:
    """A number not below 0 rounded to 15 digits, as precision.rounded_to_15_digits has it."""
    if x == 0.0:
        return x
    digits = 14 - math.floor(math.log10(x))
    if abs(digits) >= 300:
        return x
    scale = 10.0 ** abs(digits)
    nudged = round(x * scale) / scale if digits >= 0 else round(x / scale) * scale
    return nudged if nudged - nudged == 0 else x


_SCALES = {float(places): 10.0**places for places in range(16)}


def _to_places(x: float, places: float, step: Any) -> float:
    digits = min(max(math.trunc(places), -300), 300)
    scale = 10.0 ** abs(digits)
    size = abs(x)
    magnitude = size * scale if digits >= 0 else size / scale
    if not magnitude < 1e15:
        return x
    whole = step(magnitude)
    result = whole / scale if digits >= 0 else whole * scale
    return math.copysign(result, x) + 0.0


def _nearest(magnitude: float) -> float:
    below = float(math.floor(magnitude))
    beyond = magnitude - below - 0.5
    if abs(beyond) > NEAR_INTEGER * magnitude:
        return below + 1.0 if beyond > 0 else below
    return float(math.floor(_fifteen(magnitude) + 0.5))


def rounded(x: float, places: float) -> float:
    """ROUND."""
    scale = _SCALES.get(places)
    if scale is not None:  # by the way of most numbers: as below, without asking for what they are not
        magnitude = x * scale if x >= 0.0 else -x * scale
        if magnitude < 1e15:
            below = magnitude // 1.0
            beyond = magnitude - below - 0.5
            if abs(beyond) > NEAR_INTEGER * magnitude:
                result = (below + 1.0 if beyond > 0.0 else below) / scale
                return result + 0.0 if x >= 0.0 else 0.0 - result
    return _to_places(x, places, _nearest)


def rounded_up(x: float, places: float) -> float:
    """ROUNDUP."""
    return _to_places(x, places, lambda magnitude: float(math.ceil(_fifteen(magnitude))))


def rounded_down(x: float, places: float) -> float:
    """ROUNDDOWN and TRUNC."""
    return _to_places(x, places, lambda magnitude: float(math.floor(_fifteen(magnitude))))


def whole_below(x: float) -> float:
    """INT."""
    if not abs(x) < 1e14:
        return float(math.floor(x))
    return float(math.floor(math.copysign(_fifteen(abs(x)), x)))


def _multiple(x: float, step: float, rounding: Any) -> float:
    if step == 0.0:
        return 0.0
    quotient = x / step
    return float(rounding(math.copysign(_fifteen(abs(quotient)), quotient))) * step + 0.0


def ceiling(x: float, step: float) -> float:
    """CEILING."""
    if x > 0 and step < 0:
        raise Fault(NUM)
    return _multiple(x, step, math.ceil)


def floor_to(x: float, step: float) -> float:
    """FLOOR."""
    if x > 0 and step < 0:
        raise Fault(NUM)
    if step == 0.0 and x != 0.0:
        raise Fault(DIV0)
    return _multiple(x, step, math.floor)


CALLED: dict[str, Any] = {
    **NAMES,
    **{
        each.__name__: each
        for each in (
            *(fail, total, max_of, min_of, power, modulo, rounded, rounded_up, rounded_down, whole_below),
            *(ceiling, floor_to, sine, cosine, len, next),
        )
    },
}
