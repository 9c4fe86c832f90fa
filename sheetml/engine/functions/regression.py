"""Straight lines and planes through data: SLOPE, INTERCEPT, LINEST, TREND and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.division import alike, refuse_errors
from sheetml.engine.functions.registry import also_named, over_arrays
from sheetml.engine.functions.statistics import as_cells, moments
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, concrete
from sheetml.engine.values import (
    BLANK,
    DIV0,
    ERROR,
    NA,
    NUM,
    NUMBER,
    REF,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_number,
    error_value,
    error_where,
    first_error,
    number_value,
)


def _line(ys: Value, xs: Value) -> tuple[Array, Array, Errors]:
    """The slope and the intercept of the least-squares line, (b,) each."""
    found = moments(xs, ys)
    flat = concrete(ops.equal(found.xx, 0.0))
    slope = ops.divide(found.xy, ops.where(flat, 1.0, found.xx) if flat.any() else found.xx)
    intercept = ops.subtract(found.mean_y, ops.multiply(slope, found.mean_x))
    return slope, intercept, first_error(found.errors, error_where(flat, DIV0) if flat.any() else None)


@over_arrays("SLOPE", 2)
def slope(ys: Value, xs: Value) -> Value:
    """The slope of the line through points."""
    found, _, errors = _line(ys, xs)
    return as_cells(found, errors)


@over_arrays("INTERCEPT", 2)
def intercept(ys: Value, xs: Value) -> Value:
    """Where the line through points meets the axis."""
    _, found, errors = _line(ys, xs)
    return as_cells(found, errors)


@over_arrays("STEYX", 2)
def standard_error(ys: Value, xs: Value) -> Value:
    """The standard error of y for given x, with n - 2 degrees of freedom."""
    found = moments(xs, ys)
    flat = concrete(ops.equal(found.xx, 0.0)) | (found.count < 3)
    rest = ops.subtract(found.yy, ops.divide(ops.square(found.xy), ops.where(flat, 1.0, found.xx)))
    safe = ops.where(flat, 1.0, ops.maximum(rest, 0.0))  # of points on a line rounding may leave less than nothing
    spread = ops.sqrt(ops.divide(safe, np.maximum(found.count - 2, 1.0)))
    return as_cells(spread, first_error(found.errors, error_where(flat, DIV0)))


@over_arrays("FORECAST.LINEAR", 3)
def forecast(x: Value, ys: Value, xs: Value) -> Value:
    """The value of the line through points at another place."""
    found, start, errors = _line(ys, xs)
    count = found.shape[0]
    shaped = None if errors is None else errors.reshape(-1, 1, 1)
    place, wrong = as_number(x)
    line = ops.add(ops.reshape(start, (count, 1, 1)), ops.multiply(ops.reshape(found, (count, 1, 1)), place))
    return number_value(line, first_error(wrong, shaped))


also_named("FORECAST", "FORECAST.LINEAR")


class _Fit:
    """Least squares of y on several columns, with or without a constant."""

    def __init__(self, ys: Value, xs: Value | None, constant: bool) -> None:
        tall = ys.shape[2] == 1
        self.y = _as_column(ys.number, tall)  # (b, n, 1)
        count = self.y.shape[1]
        if xs is None:
            x: Array = np.arange(1.0, count + 1).reshape(1, count, 1)
        elif xs.shape[1:] == ys.shape[1:]:
            x = _as_column(xs.number, tall)
        else:
            x = xs.number if tall else ops.transpose(xs.number, axes=(0, 2, 1))
        self.fits = x.shape[1] == count
        self.constant = constant
        self.x = x
        if self.fits:
            self._solve()

    def _solve(self) -> None:
        size = float(self.x.shape[1])
        zero = np.zeros((1, 1, 1))
        self.mean_x = ops.divide(_column_sums(self.x), size) if self.constant else zero
        self.mean_y = ops.divide(_column_sums(self.y), size) if self.constant else zero
        self.gaps_x, self.gaps_y = ops.subtract(self.x, self.mean_x), ops.subtract(self.y, self.mean_y)
        across = ops.transpose(self.gaps_x, axes=(0, 2, 1))
        products = ops.matmul(across, self.gaps_x)
        if isinstance(self.gaps_x, np.ndarray) and isinstance(self.gaps_y, np.ndarray):
            # QR keeps the digits that products of columns would lose
            q, r = np.linalg.qr(self.gaps_x)
            least = np.abs(np.diagonal(r, axis1=1, axis2=2)).min(axis=1, initial=np.inf)
            lost = least < 1e-12 * np.maximum(np.abs(r).max(axis=(1, 2), initial=0.0), 1e-300)
            alike(lost)
            rank_lost = bool(lost[0])
            self.slopes: Array = (
                np.linalg.pinv(self.gaps_x) @ self.gaps_y
                if rank_lost
                else np.linalg.solve(r, np.swapaxes(q, 1, 2) @ self.gaps_y)
            )
            self.inverse: Array = np.linalg.pinv(products) if rank_lost else np.linalg.inv(products)
        else:
            self.inverse = ops.inverse(products)
            self.slopes = ops.matmul(self.inverse, ops.matmul(across, self.gaps_y))  # (b, k, 1)
        self.start = ops.subtract(self.mean_y, ops.matmul(self.mean_x, self.slopes)) if self.constant else zero

    def coefficients(self) -> Array:
        """Excel's order: the last column's slope first, the constant last, (b, 1, k + 1)."""
        count = max(self.slopes.shape[0], self.start.shape[0])
        turned = ops.reverse(ops.transpose(self.slopes, axes=(0, 2, 1)))
        return ops.concatenate(
            [
                ops.broadcast_to(turned, (count, 1, self.slopes.shape[1])),
                ops.broadcast_to(self.start, (count, 1, 1)),
            ],
            axis=2,
        )


def _as_column(array: Array, tall: bool) -> Array:
    if tall:
        return array
    return ops.reshape(array, (array.shape[0], array.shape[1] * array.shape[2], 1))


def _column_sums(array: Array) -> Array:
    return ops.reshape(ops.sum(array, axis=1), (array.shape[0], 1, array.shape[2]))


def _truth(value: Value | None, default: bool) -> bool:
    if value is None:
        return default
    truth, errors = as_boolean(value)
    refuse_errors(errors)
    choice = concrete(truth).reshape(truth.shape[0], -1)
    alike(choice)
    return bool(choice[0, 0])


def _problem(*values: Value | None) -> Value | None:
    """What is returned instead where the data are not all numbers."""
    for value in values:
        if value is not None and value.kind is not None:
            alike(value.kind)
            errors = value.errors()
            if errors is not None:
                return error_value(int(errors[:1][errors[:1] != 0][0]))
            if (value.kind != NUMBER).any():
                return error_value(VALUE)
    return None


def _blanks_as_zeros(value: Value) -> Value:
    """New places of a regression, where a blank is 0; in what is known of it a blank is #VALUE!."""
    if value.kind is None:
        return value
    return Value(value.number, np.where(value.kind == BLANK, np.uint8(NUMBER), value.kind), value.text)


@over_arrays("LINEST", 1, 4)
def linear_estimate(ys: Value, xs: Value | None, constant: Value | None, statistics: Value | None) -> Any:
    """The coefficients of a linear regression, with its statistics if asked for."""
    wrong = _problem(ys, xs)
    if wrong is not None:
        return wrong
    fit = _Fit(ys, xs, _truth(constant, True))
    if not fit.fits:
        return error_value(REF)
    return _with_statistics(fit) if _truth(statistics, False) else Value(fit.coefficients())


def _with_statistics(fit: _Fit) -> Value:
    """Coefficients; their standard errors; R² and the error of y; F and degrees of freedom; sums of squares."""
    rows, columns = fit.x.shape[1], fit.x.shape[2]
    free = rows - columns - int(fit.constant)
    gap = ops.subtract(fit.gaps_y, ops.matmul(fit.gaps_x, fit.slopes))
    residual, total = _column_sums(ops.square(gap)), _column_sums(ops.square(fit.gaps_y))
    regression = ops.subtract(total, residual)
    spread = ops.divide(residual, float(max(free, 1)))
    diagonal = np.arange(columns) * (columns + 1)
    count = fit.inverse.shape[0]
    own = ops.take(fit.inverse, np.arange(count)[:, None] * columns * columns + diagonal[None, :])
    errors = ops.sqrt(ops.multiply(ops.reshape(own, (count, 1, columns)), spread))
    share = ops.divide(1.0, float(rows))
    leverage = ops.matmul(ops.matmul(fit.mean_x, fit.inverse), ops.transpose(fit.mean_x, axes=(0, 2, 1)))
    start_error = ops.sqrt(ops.multiply(ops.add(share, leverage), spread)) if fit.constant else np.zeros((1, 1, 1))
    table = [
        fit.coefficients(),
        _row([ops.reverse(errors), start_error]),
        _row([ops.divide(regression, total), ops.sqrt(spread)]),
        _row([ops.divide(ops.divide(regression, float(columns)), spread), np.full((1, 1, 1), float(free))]),
        _row([regression, residual]),
    ]
    width = columns + 1
    wide = [_widened(row, width) for row in table]
    batch = max(row.shape[0] for row in wide)
    number = ops.concatenate([ops.broadcast_to(row, (batch, 1, width)) for row in wide], axis=1)
    kind = np.zeros((batch, 5, width), np.uint8)
    kind[:, 2:, 2:] = ERROR + NA
    if not fit.constant:
        kind[:, 1, -1] = ERROR + NA
    if free <= 0:
        kind[:, 3, 0] = ERROR + NUM
    return Value(ops.where(kind != 0, 0.0, number), kind if kind.any() else None)


def _row(parts: list[Array]) -> Array:
    count = max(part.shape[0] for part in parts)
    return ops.concatenate([ops.broadcast_to(part, (count, 1, part.shape[2])) for part in parts], axis=2)


def _widened(row: Array, width: int) -> Array:
    missing = width - row.shape[2]
    return row if missing == 0 else _row([row, np.zeros((1, 1, missing))])


def _predictions(ys: Value, xs: Value | None, new: Value | None, constant: bool) -> Any:
    wrong = _problem(ys, xs) or (None if new is None else _problem(_blanks_as_zeros(new)))
    if wrong is not None:
        return wrong
    fit = _Fit(ys, xs, constant)
    if not fit.fits:
        return error_value(REF)
    columns = fit.x.shape[2]
    if new is not None and columns > 1 and new.shape[2 if ys.shape[2] == 1 else 1] != columns:
        return error_value(REF)
    tall = ys.shape[2] == 1
    if new is None:
        points = fit.x
    elif fit.x.shape[2] == 1:
        points = ops.reshape(new.number, (new.shape[0], new.shape[1] * new.shape[2], 1))
    else:
        points = new.number if tall else ops.transpose(new.number, axes=(0, 2, 1))
    line = ops.add(ops.matmul(points, fit.slopes), fit.start)
    shape = ys.shape[1:] if new is None else (new.shape[1:] if fit.x.shape[2] == 1 else None)
    if shape is not None:
        return Value(ops.reshape(line, (line.shape[0], *shape)))
    return Value(line if tall else ops.transpose(line, axes=(0, 2, 1)))


@over_arrays("TREND", 1, 4)
def trend(ys: Value, xs: Value | None, new: Value | None, constant: Value | None) -> Any:
    """The values of a linear regression, at new places if asked for."""
    return _predictions(ys, xs, new, _truth(constant, True))


def _logarithms(ys: Value) -> Value | None:
    if _problem(ys) is not None:
        return None
    outside = np.atleast_1d(np.asarray(concrete(ops.less_equal(ys.number, 0.0))).any(axis=(1, 2)))
    alike(outside)
    if outside[0]:
        return None
    return Value(ops.log(ys.number))


@over_arrays("GROWTH", 1, 4)
def growth(ys: Value, xs: Value | None, new: Value | None, constant: Value | None) -> Any:
    """The values of an exponential regression, at new places if asked for."""
    logarithms = _logarithms(ys)
    if logarithms is None:
        return _problem(ys) or error_value(NUM)
    result = _predictions(logarithms, xs, new, _truth(constant, True))
    return Value(ops.exp(result.number)) if result.kind is None else result


@over_arrays("LOGEST", 1, 4)
def exponential_estimate(ys: Value, xs: Value | None, constant: Value | None, statistics: Value | None) -> Any:
    """The coefficients of an exponential regression, with its statistics if asked for."""
    logarithms = _logarithms(ys)
    if logarithms is None:
        return _problem(ys) or error_value(NUM)
    result = linear_estimate(logarithms, xs, constant, statistics)
    if result.kind is not None and result.shape[1:] == (1, 1):
        return result
    first = np.zeros((1, result.shape[1], 1), bool)
    first[:, 0] = True
    return Value(ops.where(first, ops.exp(ops.where(first, result.number, 0.0)), result.number), result.kind)
