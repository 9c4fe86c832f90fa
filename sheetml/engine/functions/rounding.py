"""Rounding: to decimal places, to whole numbers and to multiples. Its derivative is zero almost everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.functions.registry import elementwise
from sheetml.engine.precision import rounded_to_15_digits, whole
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, violated
from sheetml.engine.values import DIV0, NUM, Errors, error_where, first_error


def _rounding(
    name: str, about: str, compute: Callable[..., np.ndarray], *kinds: str, defaults: tuple[float, ...] = ()
) -> None:
    """Registers a function that is constant between its jumps: its derivative is zero, and who asks is told."""
    primitive = ops.constant_between_jumps(name, compute)

    @elementwise(name, *(kinds or ("number",)), defaults=defaults, differentiable=False, about=about)
    def evaluate(*operands: Array) -> Array:
        return primitive(*operands)


def _scaled(rounding: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Rounding of magnitudes to a number of decimal places (negative: tens, hundreds)."""

    def compute(x: np.ndarray, places: np.ndarray) -> np.ndarray:
        digits = np.clip(np.trunc(places), -300, 300)
        scale = 10.0 ** np.abs(digits)
        with np.errstate(over="ignore", invalid="ignore"):
            magnitude = np.where(digits >= 0, np.abs(x) * scale, np.abs(x) / scale)
            whole = rounding(rounded_to_15_digits(magnitude))
            result = np.where(digits >= 0, whole / scale, whole * scale)
        # beyond the digits a number has there is nothing to round
        return np.where(np.isfinite(result) & (magnitude < 1e15), np.copysign(result, x) + 0.0, x)

    return compute


_rounding("ROUND", "A number rounded to decimal places.", _scaled(lambda x: np.floor(x + 0.5)), "number", "number")
_rounding("ROUNDUP", "A number rounded away from zero.", _scaled(np.ceil), "number", "number")
_rounding("ROUNDDOWN", "A number rounded towards zero.", _scaled(np.floor), "number", "number")
_rounding("TRUNC", "A number cut off at decimal places.", _scaled(np.floor), "number", "number", defaults=(0.0,))
_rounding("INT", "The largest whole number not above a number.", lambda x: np.floor(whole(x)))
_rounding("EVEN", "The next even number away from zero.", lambda x: np.copysign(np.ceil(np.abs(x) / 2) * 2, x) + 0.0)
_rounding(
    "ODD",
    "The next odd number away from zero.",
    lambda x: np.where(x < 0, -1.0, 1.0) * (np.ceil((np.abs(x) - 1) / 2).clip(0) * 2 + 1),
)


def _to_multiple(rounding: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def compute(x: np.ndarray, step: np.ndarray) -> np.ndarray:
        safe = np.where(step == 0, 1.0, step)
        return np.where(step == 0, 0.0, rounding(rounded_to_15_digits(x / safe)) * safe) + 0.0

    return compute


def _multiples(name: str, rounding: Callable[[np.ndarray], np.ndarray], *, zero_divides: bool, about: str) -> None:
    """CEILING and FLOOR: #NUM! for a positive number and a negative step."""
    primitive = ops.constant_between_jumps(name, _to_multiple(rounding))

    @elementwise(name, "number", "number", differentiable=False, about=about)
    def evaluate(x: Array, step: Array) -> tuple[Array, Errors]:
        opposed = violated(ops.logical_and(ops.greater(x, 0.0), ops.less(step, 0.0)), flagged=False)
        errors = error_where(opposed, NUM)
        if zero_divides:
            zero = violated(ops.logical_and(ops.equal(step, 0.0), ops.not_equal(x, 0.0)), flagged=False)
            errors = first_error(errors, error_where(zero, DIV0))
        return primitive(x, step), errors


_multiples("CEILING", np.ceil, zero_divides=False, about="A number rounded up to a multiple.")
_multiples("FLOOR", np.floor, zero_divides=True, about="A number rounded down to a multiple.")
_nearest = ops.constant_between_jumps("MROUND", _to_multiple(lambda x: np.floor(x + 0.5)))


@elementwise("MROUND", "strict", "strict", differentiable=False)
def to_nearest_multiple(x: Array, step: Array) -> tuple[Array, Errors]:
    """A number rounded to the nearest multiple; #NUM! if the two differ in sign."""
    opposed = violated(ops.less(ops.multiply(ops.sign(x), step), 0.0), flagged=False)
    return _nearest(x, step), error_where(opposed, NUM)


for _name in ("CEILING.PRECISE", "ISO.CEILING"):
    _rounding(
        _name,
        "A number rounded up to a multiple, whatever its sign.",
        lambda x, step: _to_multiple(np.ceil)(x, np.abs(step)),
        "number",
        "number",
        defaults=(1.0,),
    )
_rounding(
    "FLOOR.PRECISE",
    "A number rounded down to a multiple, whatever its sign.",
    lambda x, step: _to_multiple(np.floor)(x, np.abs(step)),
    "number",
    "number",
    defaults=(1.0,),
)


def _with_mode(upwards: bool) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """CEILING.MATH and FLOOR.MATH: a mode turns the direction round for negative numbers."""
    first, second = (np.ceil, np.floor) if upwards else (np.floor, np.ceil)

    def compute(x: np.ndarray, step: np.ndarray, mode: np.ndarray) -> np.ndarray:
        size = np.abs(step)
        turned = (x < 0) & (mode != 0)
        return np.where(turned, _to_multiple(second)(x, size), _to_multiple(first)(x, size))

    return compute


_rounding(
    "CEILING.MATH",
    "A number rounded up to a multiple, or with a mode away from zero.",
    _with_mode(True),
    "number",
    "number",
    "number",
    defaults=(1.0, 0.0),
)
_rounding(
    "FLOOR.MATH",
    "A number rounded down to a multiple, or with a mode towards zero.",
    _with_mode(False),
    "number",
    "number",
    "number",
    defaults=(1.0, 0.0),
)
