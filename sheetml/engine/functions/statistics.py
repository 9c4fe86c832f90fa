"""Statistics: counts, means, extremes, spread, order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import alike, refuse_errors
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.area_arrays import over_area_arrays
from sheetml.engine.functions.arrays import paired_where
from sheetml.engine.functions.elements import refuse_where
from sheetml.engine.functions.growing import Running, growing_at
from sheetml.engine.functions.registry import (
    Sample,
    added_up,
    aggregate,
    also_named,
    elementwise,
    function,
    of_sample,
    over_arrays,
    sample_of,
)
from sheetml.engine.reading import parse_number
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete, frozen, value_of, violated
from sheetml.engine.values import (
    BLANK,
    BOOLEAN,
    DIV0,
    ERROR,
    NA,
    NUM,
    NUMBER,
    TEXT,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    as_number,
    error_value,
    error_where,
    first_error,
    is_scalar,
    number_value,
)

# ---- counts ------------------------------------------------------------------------------------


def _counting(name: str, about: str, counted: Callable[[Value, bool], np.ndarray]) -> None:
    """Registers a count of elements; errors among them are counted or passed over, never spread."""

    @function(name, 1, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        total: np.ndarray = np.zeros((1, 1, 1))
        errors: Errors = None
        grown = growing_at(context, arguments[0]) if len(arguments) == 1 else None
        area = None if grown is None else grown.plain(context)
        if grown is not None and area is not None:
            found = np.cumsum(counted(area, False))[grown.sizes - 1]
            return Value(found.astype(np.float64).reshape(-1, 1, 1))
        for argument in arguments:
            result = context.evaluate(argument)
            for part in result.parts if isinstance(result, Areas) else [result]:
                inside = isinstance(part, Reference)
                value = context.read_padded(part) if isinstance(part, Reference) else context.dereference(part)
                direct = not inside and is_scalar(value)
                total = total + counted(value, direct).sum(axis=(1, 2), keepdims=True)
                unknown = (value.kinds == 16 + UNCOMPUTABLE).any(axis=(1, 2), keepdims=True)
                errors = first_error(errors, error_where(unknown if unknown.any() else None, UNCOMPUTABLE))
        return number_value(total, errors)


def _numbers(value: Value, direct: bool) -> np.ndarray:
    kinds = value.kinds
    counted = kinds == NUMBER
    if direct:
        # written into the formula itself, booleans and text that reads as a number count too
        counted = counted | (kinds == BOOLEAN) | (kinds == BLANK)
        for place in zip(*np.nonzero(kinds == TEXT)):
            counted[place] = parse_number(value.texts[place]) is not None
    return counted


_counting("COUNT", "How many numbers there are.", _numbers)
_counting(
    "COUNTA", "How many values there are that are not blank.", lambda value, direct: (value.kinds != BLANK) | direct
)


@function("COUNTBLANK", 1, 1)
@over_area_arrays()
def count_of_blanks(context: Context, arguments: Arguments) -> Result:
    """Blank cells and empty texts, in all of the area: also where it reaches beyond the sheet's cells."""
    area = context.reference(arguments[0])
    if isinstance(area, Value):
        return area
    value = context.read(area)
    filled = ~((value.kinds == BLANK) | ((value.kinds == TEXT) & (value.texts == "")))
    size = (area.height * area.width).astype(np.float64).reshape(-1, 1, 1)
    return Value(size - filled.sum(axis=(1, 2), keepdims=True))


# ---- means and extremes ------------------------------------------------------------------------


def mean_of(sample: Sample) -> tuple[Array, Errors]:
    """The mean of each cell's numbers, (b,); #DIV/0! where there are none."""
    count = sample.count
    errors = error_where(count == 0, DIV0) if (count == 0).any() else None
    return ops.divide(added_up(sample.number), np.maximum(count, 1.0)), errors


def _running_mean(growing: Running) -> tuple[np.ndarray, Errors]:
    count = growing.count
    errors = error_where(count == 0, DIV0) if (count == 0).any() else None
    return growing.at_ends(np.add.accumulate(growing.number)) / np.maximum(count, 1.0), errors


@aggregate("AVERAGE", running=_running_mean)
def mean(sample: Sample) -> tuple[Array, Errors]:
    """The mean of the numbers."""
    return mean_of(sample)


@aggregate("AVERAGEA", all_values=True)
def mean_of_all(sample: Sample) -> tuple[Array, Errors]:
    """The mean of all values, text counting as 0."""
    return mean_of(sample)


def _extreme(name: str, about: str, largest: bool, *, all_values: bool = False) -> None:
    """Registers MAX and its kind: 0 without numbers; the derivative goes to the number chosen."""

    def running(growing: Running) -> np.ndarray:
        numbers = np.where(growing.included, growing.number, -np.inf if largest else np.inf)
        best = growing.at_ends((np.maximum if largest else np.minimum).accumulate(numbers))
        return np.where(growing.count > 0, best, 0.0)

    @aggregate(name, all_values=all_values, running=None if all_values else running, about=about)
    def evaluate(sample: Sample) -> Array:
        if sample.number.shape[1] == 0:
            return np.zeros(sample.number.shape[0])
        filled = sample.filled(-np.inf if largest else np.inf)
        if isinstance(sample.number, Traced) and sample.number.shape[1] == 2 and sample.included is None:
            pair = [ops.take(sample.number, np.arange(sample.number.shape[0]) * 2 + i) for i in (0, 1)]
            return (ops.maximum if largest else ops.minimum)(*pair)
        place = (ops.argmax if largest else ops.argmin)(filled)
        best = ops.reshape(ops.take_along(sample.number, place), (sample.number.shape[0],))
        return best if sample.included is None else ops.where(sample.count > 0, best, 0.0)


_extreme("MAX", "The largest number.", largest=True)
_extreme("MIN", "The smallest number.", largest=False)
_extreme("MAXA", "The largest value, text counting as 0.", largest=True, all_values=True)
_extreme("MINA", "The smallest value, text counting as 0.", largest=False, all_values=True)

# ---- spread ------------------------------------------------------------------------------------


def deviations(sample: Sample) -> Array:
    """Differences from the mean, (b, n), 0 where a number is left out."""
    average, _ = mean_of(sample)
    gaps = ops.subtract(sample.number, ops.reshape(average, (np.shape(value_of(average))[0], 1)))
    return gaps if sample.included is None else ops.where(sample.included, gaps, 0.0)


def variance_of(sample: Sample, lost: int) -> tuple[Array, Errors]:
    """The mean square deviation, with `lost` degrees of freedom; #DIV/0! with too few numbers."""
    gaps = deviations(sample)
    count = sample.count
    few = count <= lost
    errors = error_where(few, DIV0) if few.any() else None
    return ops.divide(ops.vecdot(gaps, gaps), np.maximum(count - lost, 1.0)), errors


def _spread(names: tuple[str, ...], about: str, lost: int, *, root: bool, all_values: bool = False) -> None:
    @aggregate(names[0], all_values=all_values, about=about)
    def evaluate(sample: Sample) -> tuple[Array, Errors]:
        variance, errors = variance_of(sample, lost)
        return (ops.sqrt(variance) if root else variance), errors

    for name in names[1:]:
        also_named(name, names[0])


_spread(("VAR.S", "VAR"), "The variance of a sample.", 1, root=False)
_spread(("VAR.P", "VARP"), "The variance of all there is.", 0, root=False)
_spread(("STDEV.S", "STDEV"), "The standard deviation of a sample.", 1, root=True)
_spread(("STDEV.P", "STDEVP"), "The standard deviation of all there is.", 0, root=True)
_spread(("VARA",), "The variance of a sample of all values, text counting as 0.", 1, root=False, all_values=True)
_spread(("VARPA",), "The variance of all values, text counting as 0.", 0, root=False, all_values=True)
_spread(
    ("STDEVA",), "The standard deviation of a sample of all values, text counting as 0.", 1, root=True, all_values=True
)
_spread(("STDEVPA",), "The standard deviation of all values, text counting as 0.", 0, root=True, all_values=True)


@aggregate("DEVSQ")
def sum_of_squared_deviations(sample: Sample) -> tuple[Array, Errors]:
    """The sum of the squared deviations from the mean."""
    gaps = deviations(sample)
    return ops.vecdot(gaps, gaps), error_where(sample.count == 0, NUM)


@aggregate("AVEDEV")
def mean_deviation(sample: Sample) -> tuple[Array, Errors]:
    """The mean of the absolute deviations from the mean."""
    gaps = ops.absolute(deviations(sample))
    count = sample.count
    return ops.divide(ops.sum(gaps, axis=1), np.maximum(count, 1.0)), error_where(count == 0, NUM)


@aggregate("GEOMEAN")
def geometric_mean(sample: Sample) -> tuple[Array, Errors]:
    """The geometric mean."""
    filled = sample.filled(1.0)
    wrong = concrete(ops.less_equal(filled, 0.0)).any(axis=1) | (sample.count == 0)
    safe = ops.where(wrong[:, None], 1.0, filled) if wrong.any() else filled
    total = ops.sum(ops.log(safe), axis=1)
    return ops.exp(ops.divide(total, np.maximum(sample.count, 1.0))), error_where(wrong, NUM)


@aggregate("HARMEAN")
def harmonic_mean(sample: Sample) -> tuple[Array, Errors]:
    """The harmonic mean."""
    filled = sample.filled(np.inf)
    wrong = concrete(ops.less_equal(filled, 0.0)).any(axis=1) | (sample.count == 0)
    safe = ops.where(wrong[:, None], 1.0, filled) if wrong.any() else filled
    return ops.divide(sample.count, ops.sum(ops.divide(1.0, safe), axis=1)), error_where(wrong, NUM)


def _moment(name: str, about: str, power: int, finish: Callable[[np.ndarray, Array], tuple[Array, Errors]]) -> None:
    @aggregate(name, about=about)
    def evaluate(sample: Sample) -> tuple[Array, Errors]:
        variance, errors = variance_of(sample, 1)
        flat = concrete(ops.equal(variance, 0.0)) | (sample.count < power)
        safe = ops.where(flat, 1.0, variance) if flat.any() else variance
        scaled = ops.divide(deviations(sample), ops.reshape(ops.sqrt(safe), (-1, 1)))
        total = ops.sum(ops.power(scaled, float(power)), axis=1)
        result, _ = finish(np.maximum(sample.count, power), total)
        return result, first_error(errors, error_where(flat, DIV0))


_moment("SKEW", "The skewness of a sample.", 3, lambda n, total: (ops.multiply(n / ((n - 1) * (n - 2)), total), None))
_moment(
    "KURT",
    "The excess kurtosis of a sample.",
    4,
    lambda n, total: (
        ops.subtract(
            ops.multiply(n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)), total), 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
        ),
        None,
    ),
)


@aggregate("SKEW.P")
def skewness_of_population(sample: Sample) -> tuple[Array, Errors]:
    """The skewness of numbers that are all there are, not a sample."""
    variance, errors = variance_of(sample, 0)
    flat = concrete(ops.equal(variance, 0.0)) | (sample.count < 3)
    safe = ops.where(flat, 1.0, variance) if flat.any() else variance
    cubes = ops.power(ops.divide(deviations(sample), ops.reshape(ops.sqrt(safe), (-1, 1))), 3.0)
    mean_cube = ops.divide(ops.sum(cubes, axis=1), np.maximum(sample.count, 1.0))
    return mean_cube, first_error(errors, error_where(flat, DIV0))


# ---- order -------------------------------------------------------------------------------------


def ordered_numbers(sample: Sample) -> Array:
    """Each cell's numbers from the smallest to the largest; those left out come last, as whatever."""
    place = ops.argsort(sample.filled(np.inf))
    return ops.take_along(sample.number, place)


floor_position = ops.position_of("floor", np.floor)


def at_position(numbers: Array, position: Array) -> Array:
    """The element at a position from 0 of each cell's row, between two of them for a fraction, (b,)."""
    count = numbers.shape[1]
    position = ops.broadcast_to(position, (numbers.shape[0],))
    low = np.clip(concrete(floor_position(position)), 0, count - 1).astype(np.intp)
    high = np.clip(low + 1, 0, count - 1)
    share = ops.subtract(position, low)
    rows = np.arange(numbers.shape[0]) * count
    below, above = ops.take(numbers, rows + low), ops.take(numbers, rows + high)
    if isinstance(share, np.ndarray) and not share.any():
        return below
    return ops.add(below, ops.multiply(share, ops.subtract(above, below)))


@aggregate("MEDIAN")
def median(sample: Sample) -> tuple[Array, Errors]:
    """The number in the middle."""
    if sample.number.shape[1] == 0:
        return np.zeros(sample.number.shape[0]), np.full(sample.number.shape[0], NUM, np.uint8)
    return at_position(ordered_numbers(sample), (sample.count - 1) / 2), error_where(sample.count == 0, NUM)


Position = Callable[[Array, np.ndarray], Array]


def _ranked(name: str, about: str, position: Position) -> None:
    """Registers a function of an array and k; `position(k, count)` gives a place from 0 to count - 1."""

    @function(name, 2, 2, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        sample, k = sample_of(context.in_array_mode(), arguments[:1]), context.value(arguments[1])
        wanted, errors = as_number(k)
        shape = np.shape(value_of(wanted))
        count, columns = max(sample.number.shape[0], shape[0]), shape[1] * shape[2]
        if sample.number.shape[1] == 0:
            return number_value(np.zeros((1, 1, 1)), np.full((1, 1, 1), NUM, np.uint8))
        ranked = ops.broadcast_to(ordered_numbers(sample), (count, sample.number.shape[1]))
        flat = ops.broadcast_to(ops.reshape(wanted, (shape[0], columns)), (count, columns))
        found, wrong = [], []
        for column in range(columns):
            place = position(ops.take(flat, np.arange(count) * columns + column), sample.count)
            outside = ops.logical_or(ops.less(place, 0.0), ops.greater(place, sample.count - 1))
            bad = violated(outside, flagged=False)
            safe = place if bad is None else ops.where(bad, 0.0, place)
            found.append(ops.reshape(at_position(ranked, safe), (count, 1)))
            wrong.append(np.zeros(count, bool) if bad is None else np.broadcast_to(bad, (count,)))
        bad_values = np.stack(wrong, axis=1).reshape(count, *shape[1:])
        own = None if sample.errors is None else sample.errors.reshape(-1, 1, 1)
        codes = first_error(own, errors, error_where(bad_values, NUM))
        return number_value(ops.reshape(ops.concatenate(found, axis=1), (count, *shape[1:])), codes)


ceiling_position = ops.position_of("ceiling", np.ceil)
truncated_position = ops.position_of("truncated", np.trunc)


def _including(share: Array, count: np.ndarray) -> Array:
    return ops.multiply(share, count - 1)


def _excluding(share: Array, count: np.ndarray) -> Array:
    return ops.subtract(ops.multiply(share, count + 1), 1.0)


def _quarters(k: Array) -> Array:
    return ops.divide(truncated_position(k), 4.0)


_ranked("SMALL", "The k-th smallest number.", lambda k, count: ops.subtract(ceiling_position(k), 1.0))
_ranked("LARGE", "The k-th largest number.", lambda k, count: ops.subtract(count, ceiling_position(k)))
_ranked("PERCENTILE.INC", "The number below which a share of all lies, 0 and 1 included.", _including)
_ranked("PERCENTILE.EXC", "The number below which a share of all lies, 0 and 1 excluded.", _excluding)
_ranked(
    "QUARTILE.INC",
    "The quartile, from 0 for the smallest to 4 for the largest.",
    lambda k, count: _including(_quarters(k), count),
)
_ranked("QUARTILE.EXC", "The quartile, from 1 to 3.", lambda k, count: _excluding(_quarters(k), count))
also_named("PERCENTILE", "PERCENTILE.INC")
also_named("QUARTILE", "QUARTILE.INC")


def _rank(name: str, about: str, shared: bool) -> None:
    """The place of a number among others; of equal ones the first, or (`shared`) the mean of their places."""

    @function(name, 2, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        number, errors = context.number(arguments[0])
        sample = sample_of(context.in_array_mode(), arguments[1:2])
        ascending: np.ndarray = np.zeros((1, 1, 1), bool)
        if len(arguments) > 2:
            order, wrong = context.number(arguments[2])
            ascending, errors = concrete(order) != 0, first_error(errors, wrong)
        wanted, line = concrete(number), concrete(sample.filled(np.nan))
        shape = np.broadcast_shapes(wanted.shape, ascending.shape, (line.shape[0], 1, 1))
        result, missing = np.zeros(shape), np.zeros(shape, bool)
        up = np.broadcast_to(ascending, result.shape)
        for row in range(line.shape[0]):
            rank_in(line[row], row if line.shape[0] > 1 else slice(None), wanted, up, shared, result, missing)
        own = None if sample.errors is None else sample.errors.reshape(-1, 1, 1)
        return number_value(result, first_error(own, errors, error_where(missing, NA)))


def rank_in(
    line: np.ndarray,
    row: int | slice,
    wanted: np.ndarray,
    up: np.ndarray,
    shared: bool,
    result: np.ndarray,
    missing: np.ndarray,
) -> None:
    """Fills in the places of some cells' numbers in one line."""
    known = np.sort(line[~np.isnan(line)])
    numbers = np.broadcast_to(wanted, result.shape)[row]
    below, not_above = known.searchsorted(numbers), known.searchsorted(numbers, "right")
    rank = np.where(up[row], below, len(known) - not_above) + 1.0
    result[row] = rank + ((not_above - below - 1) / 2 if shared else 0)
    missing[row] = below == not_above


_rank("RANK.EQ", "The place of a number in order; equal numbers have the first place of theirs.", shared=False)
_rank("RANK.AVG", "The place of a number in order; equal numbers have the mean of theirs.", shared=True)
also_named("RANK", "RANK.EQ")


def _places_of_modes(sample: Sample) -> list[np.ndarray]:
    """For each cell where the numbers met most often first stand, in order; nowhere if none is met twice."""
    places = []
    for numbers in concrete(sample.filled(np.nan)):
        known = np.nonzero(~np.isnan(numbers))[0]
        _, first, times = np.unique(numbers[known], return_index=True, return_counts=True)
        most = times.max(initial=0)
        places.append(np.sort(known[first[times == most]]) if most > 1 else known[:0])
    return places


def _modal_sample(context: Context, arguments: Arguments) -> Sample:
    """The numbers in arguments, as MODE finds them: what stands alone must be a number, or is #VALUE!."""
    for argument in arguments:
        result = context.evaluate(argument)
        if isinstance(result, Areas):
            continue
        value = context.dereference(result)
        alone = (value.kinds != NUMBER) & (value.kinds < ERROR) if is_scalar(value) else np.zeros(1, bool)
        refuse_where(alone.reshape(-1), VALUE)
        if is_scalar(value) and (value.kinds >= ERROR).any():
            break  # an error before a wrong kind
    return sample_of(context, arguments)


@function("MODE.SNGL", 1)
def mode(context: Context, arguments: Arguments) -> Result:
    """The number met most often, the first of those; #N/A where none is met twice."""
    return of_sample(_most_frequent, _modal_sample(context.in_array_mode(), arguments))


def _most_frequent(sample: Sample) -> tuple[Array, Errors]:
    found = _places_of_modes(sample)
    missing = np.array([not len(places) for places in found])
    if not sample.number.shape[1]:
        return np.zeros(len(found)), error_where(missing, NA)
    first = np.array([places[0] if len(places) else 0 for places in found])
    index = np.arange(len(found)) * sample.number.shape[1] + first
    return ops.take(sample.number, index), error_where(missing, NA)


also_named("MODE", "MODE.SNGL")


@function("MODE.MULT", 1)
def modes(context: Context, arguments: Arguments) -> Result:
    """All numbers met most often, one below the other; #N/A where none is met twice."""
    sample = _modal_sample(context.in_array_mode(), arguments)
    found = _places_of_modes(sample)
    refuse_errors(sample.errors)
    sizes = np.array([len(places) for places in found])
    alike(sizes)
    if not sizes[0]:
        return error_value(NA)
    rows = np.arange(len(found))[:, None] * sample.number.shape[1]
    return Value(ops.take(sample.number, (rows + np.array(found))[:, :, None]))


@function("FREQUENCY", 2, 2)
def frequencies(context: Context, arguments: Arguments) -> Result:
    """How many numbers there are up to each bound (and beyond the one before), and beyond the last."""
    numbers, bounds = (sample_of(context.in_array_mode(), (argument,)) for argument in arguments)
    refuse_errors(numbers.errors)
    refuse_errors(bounds.errors)
    if bounds.included is not None:
        alike(bounds.included)  # there are as many results as bounds
    lines, edges = concrete(numbers.filled(np.nan)), concrete(bounds.filled(np.nan))
    count = max(lines.shape[0], edges.shape[0])
    result = np.zeros((count, edges.shape[1] + 1, 1))
    for row in range(count):
        line, edge = lines[row % lines.shape[0]], edges[row % edges.shape[0]]
        line, order = np.sort(line[~np.isnan(line)]), np.argsort(edge, kind="stable")
        up_to = line.searchsorted(edge[order], "right")  # bounds that are no numbers come last
        result[row, order, 0] = np.diff(up_to, prepend=0)
        result[row, -1, 0] = len(line) - (up_to[-1] if len(up_to) else 0)
    return Value(result)


def _percent_rank(name: str, excluding: bool) -> None:
    """Registers PERCENTRANK.INC or .EXC: where a number stands among others, from 0 to 1, cut off to some digits."""
    about = "Where a number stands among others, as a share of them; between two of them interpolated."

    @function(name, 2, 3, differentiable=False, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        sample = sample_of(context.in_array_mode(), arguments[:1])
        wanted, errors = context.number(arguments[1])
        digits, digits_errors = (np.full((1, 1, 1), 3.0), None) if len(arguments) < 3 else context.number(arguments[2])
        lines, numbers, places = frozen(sample.filled(np.nan)), frozen(wanted), np.floor(frozen(digits))
        shape = np.broadcast_shapes(numbers.shape, places.shape, (lines.shape[0], 1, 1))
        share = np.zeros(shape)
        for row in range(shape[0]):
            line = lines[row % lines.shape[0]]
            share[row] = _share_below(line[~np.isnan(line)], np.broadcast_to(numbers, shape)[row], excluding)
        wrong = first_error(error_where(places < 1, NUM), error_where(np.isnan(share), NA))
        own = None if sample.errors is None else sample.errors.reshape(-1, 1, 1)
        scale = 10.0 ** np.clip(places, 1, 300)
        cut = np.floor(np.nan_to_num(share) * scale * (1 + 1e-14)) / scale
        return number_value(cut, first_error(own, errors, digits_errors, wrong))


def _share_below(line: np.ndarray, numbers: np.ndarray, excluding: bool) -> np.ndarray:
    """Where numbers stand in a line, as shares; nan for those outside of it."""
    if not len(line):
        return np.full(numbers.shape, np.nan)
    known, equal = np.unique(line, return_counts=True)
    below = np.cumsum(equal) - equal
    place = known.searchsorted(numbers, "right") - 1  # of the number itself, or of the next one below it
    inside = (numbers >= known[0]) & (numbers <= known[-1])
    low, high = place.clip(0), np.minimum(place + 1, len(known) - 1)
    gap = np.where(high > low, known[high] - known[low], 1.0)
    # of equal numbers the first stands for themselves, but it is the last that the next number follows
    beyond = np.where(numbers > known[low], (equal - 1)[low] + (numbers - known[low]) / gap, 0.0)
    rank = below[low] + beyond
    if excluding:
        share = (rank + 1) / (len(line) + 1)
    else:
        share = rank / (len(line) - 1) if len(line) > 1 else np.ones(numbers.shape)
    return np.where(inside, share, np.nan)


_percent_rank("PERCENTRANK.INC", excluding=False)
_percent_rank("PERCENTRANK.EXC", excluding=True)
also_named("PERCENTRANK", "PERCENTRANK.INC")


@function("TRIMMEAN", 2, 2)
def trimmed_mean(context: Context, arguments: Arguments) -> Result:
    """The mean without a share of the numbers: as many of the smallest as of the largest are left out."""
    sample = sample_of(context.in_array_mode(), arguments[:1])
    given, errors = context.number(arguments[1])
    share = concrete(given).reshape(-1)
    dropped = np.floor(np.round(sample.count * share, 9) / 2)
    ranked = ordered_numbers(sample)
    place = np.arange(sample.number.shape[1])
    kept = (place >= dropped[:, None]) & (place < (sample.count - dropped)[:, None])
    wrong = (share < 0) | (share >= 1) | (sample.count == 0)
    total = ops.sum(ops.where(kept, ranked, 0.0), axis=1)
    mean = ops.divide(total, np.maximum(kept.sum(axis=1), 1.0))
    return as_cells(mean, first_error(sample.errors, _flat_errors(errors), error_where(wrong, NUM)))


def _flat_errors(errors: Errors) -> Errors:
    return None if errors is None else errors.reshape(-1)


# ---- two variables -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moments:
    """Means of pairs of numbers, sums of squares and of products of their deviations, and how many: (b,) each."""

    mean_x: Array
    mean_y: Array
    xx: Array
    yy: Array
    xy: Array
    count: np.ndarray
    errors: Errors


def moments(left: Value, right: Value) -> Moments:
    """The moments of pairs; in each cell those count in which both are numbers."""
    x, y, included, errors = paired_where(left, right)
    cells = max(x.shape[0], y.shape[0])
    count = np.full(cells, float(x.shape[1])) if included is None else included.sum(axis=1).astype(np.float64)
    least = np.maximum(count, 1.0)
    mean_x, mean_y = ops.divide(ops.sum(x, axis=1), least), ops.divide(ops.sum(y, axis=1), least)
    gaps = []
    for numbers, mean in ((x, mean_x), (y, mean_y)):
        gap = ops.subtract(numbers, ops.reshape(mean, (cells, 1)))
        gaps.append(gap if included is None else ops.where(included, gap, 0.0))
    xx, yy, xy = ops.vecdot(gaps[0], gaps[0]), ops.vecdot(gaps[1], gaps[1]), ops.vecdot(*gaps)
    return Moments(mean_x, mean_y, xx, yy, xy, count, None if errors is None else errors.reshape(-1))


def as_cells(number: Array, errors: Errors) -> Value:
    """One number a cell, (b,), as a value."""
    count = np.shape(value_of(number))[0]
    return number_value(ops.reshape(number, (count, 1, 1)), None if errors is None else errors.reshape(-1, 1, 1))


@over_arrays("CORREL", 2)
def correlation(left: Value, right: Value) -> Value:
    """The correlation of two samples."""
    found = moments(left, right)
    product = ops.multiply(found.xx, found.yy)
    flat = concrete(ops.equal(product, 0.0))
    safe = ops.where(flat, 1.0, product) if flat.any() else product
    return as_cells(ops.divide(found.xy, ops.sqrt(safe)), first_error(found.errors, error_where(flat, DIV0)))


also_named("PEARSON", "CORREL")


@over_arrays("RSQ", 2)
def squared_correlation(left: Value, right: Value) -> Value:
    """The square of the correlation."""
    value = correlation(left, right)
    return Value(ops.square(value.number), value.kind)


def _covariance(names: tuple[str, ...], about: str, lost: int) -> None:
    @over_arrays(names[0], 2, about=about)
    def evaluate(left: Value, right: Value) -> Value:
        found = moments(left, right)
        few = error_where(found.count <= lost, DIV0)
        mean = ops.divide(found.xy, np.maximum(found.count - lost, 1.0))
        return as_cells(mean, first_error(found.errors, few))

    for name in names[1:]:
        also_named(name, names[0])


_covariance(("COVARIANCE.P", "COVAR"), "The covariance of all there is.", 0)
_covariance(("COVARIANCE.S",), "The covariance of a sample.", 1)


@elementwise("STANDARDIZE", "number", "number", "number")
def standardised(x: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    """How many standard deviations a number lies from the mean."""
    wrong = concrete(ops.less_equal(deviation, 0.0))
    safe = ops.where(wrong, 1.0, deviation) if wrong.any() else deviation
    return ops.divide(ops.subtract(x, mean), safe), error_where(wrong, NUM)
