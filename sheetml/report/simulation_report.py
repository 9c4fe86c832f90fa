"""What a simulation came to, as a sheet of the workbook with Excel's own charts, and as a web page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.report.cell_numbers import exact
from sheetml.report.charts import HEIGHT, WIDTH, Line, framed, line_chart
from sheetml.report.fit_page import versions
from sheetml.report.html import page as filled
from sheetml.report.labels import label_of
from sheetml.report.ticks import axis, short
from sheetml.report.words import minus
from sheetml.whatif.influence import Shares
from sheetml.whatif.simulation import Simulated
from sheetml.whatif.statistics import Summary
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue
from sheetml.xlsx.new_charts import BARS, COLUMNS, LINE, NewChart
from sheetml.xlsx.new_sheets import NewSheet, free_name

BINS = 30
OUTSIDE = 0.001  # part of the values at each end that a histogram may leave to its last bars
POINTS = 1000  # scenarios over which derivatives are averaged


@dataclass(frozen=True)
class Influence:
    """What an input does to an output: over the scenarios, at their derivatives, by shares of the variance."""

    address: str
    label: str
    correlation: float
    derivative: float  # the mean of the exact ones; nan where there is none
    shares: Shares | None


@dataclass(frozen=True)
class Found:
    """All that is said of one output."""

    address: str
    label: str
    summary: Summary
    edges: np.ndarray  # (bins + 1,) of the histogram; none where the output has one value
    counts: np.ndarray  # (bins,)
    inputs: list[Influence]  # by rank correlation, the strongest first


def results(book: Book, found: Simulated, shares: Sequence[Sequence[Shares]]) -> list[Found]:
    """What is said of each output. `shares` are those of each, or none."""
    simulation, correlations = found.simulation, found.rank_correlations()
    slopes = _mean_derivatives(found)
    each_output = []
    for place, (address, summary) in enumerate(zip(simulation.output_addresses, found.summaries())):
        of = {each.address: each for each in (shares[place] if shares else [])}
        inputs = [
            Influence(each.address, _label(book, each.address.removeprefix("a draw of ")),
                      float(correlations[number, place]), float(slopes[place, number]), of.get(each.address))
            for number, each in enumerate(simulation.inputs)
        ]  # fmt: skip
        inputs.sort(key=lambda each: -abs(each.correlation))
        edges, counts = histogram(found.outputs[:, place])
        each_output.append(Found(address, _label(book, address), summary, edges, counts, inputs))
    return each_output


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges and counts of equal bins; the outermost bins hold all that lies beyond them too."""
    sound = values[np.isfinite(values)]
    if not sound.size or sound.min() == sound.max():
        return np.empty(0), np.empty(0, np.int64)
    low, high = np.quantile(sound, [OUTSIDE, 1 - OUTSIDE])
    if low == high:
        low, high = sound.min(), sound.max()
    counts, edges = np.histogram(np.clip(sound, low, high), bins=BINS, range=(low, high))
    return edges, counts


def _mean_derivatives(found: Simulated) -> np.ndarray:
    """Of each output by each input, (m, n), over the first scenarios that have one."""
    function, inputs = found.simulation.function, found.inputs[:POINTS]
    shape = len(function.output_addresses), inputs.shape[1]
    try:
        slopes = function.batch_gradient(inputs).reshape(len(inputs), *shape)
    except (NotDifferentiableError, CalculationError):
        return np.full(shape, np.nan)
    sound = np.isfinite(slopes)
    count = sound.sum(axis=0)
    return np.where(count, np.where(sound, slopes, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _label(book: Book, address: str) -> str:
    sheet, row, column = book.calculation.place(int(book.held_slots(book.areas(address))[0]))
    return label_of(book.calculation, sheet, Area(row, column, row, column))


def _named(label: str, address: str) -> str:
    return f"{label} ({address})" if label else address


# ---- a sheet -----------------------------------------------------------------------------------


def sheets(book: Book, found: Simulated, shares: Sequence[Sequence[Shares]]) -> list[NewSheet]:
    """A sheet for each output: its summary, histogram, convergence and inputs, with charts beside them."""
    taken = [*book.sheet_names, *book.file.other_sheets]
    made = []
    for each in results(book, found, shares):
        name = free_name("Simulation", taken)
        taken.append(name)
        made.append(_sheet(name, found, each))
    return made


def _sheet(name: str, found: Simulated, each: Found) -> NewSheet:
    simulation, summary = found.simulation, each.summary
    rows: list[list[CellValue]] = [
        [f"Simulation of {_named(each.label, each.address)}"],
        [f"{summary.count:,} scenarios, {simulation.method}, seed {simulation.seed}"
         + (f", {summary.failures:,} without value" if summary.failures else "")],
        [], ["", "Value", "Standard error"],
        *([what, *map(_cell, numbers)] for what, *numbers in _summary(summary)),
    ]  # fmt: skip
    charts: list[NewChart] = []

    def block(kind: str, title: str, head: list[CellValue], lines: list[list[CellValue]], names: int, values: int,
              titles: tuple[str, str]) -> None:  # fmt: skip
        """Adds a table, and a chart of two of its columns."""
        if not lines:
            return
        rows.extend([[], [title], head])
        top = len(rows)
        rows.extend(lines)
        inside = top + 1, len(rows)
        corner = f"H{1 + 16 * len(charts)}"
        charts.append(
            NewChart(kind, title, Area(inside[0], names, inside[1], names), [Area(top, values, inside[1], values)],
                     corner, *titles)
        )  # fmt: skip

    bins: list[list[CellValue]] = [
        [float(low), float(high), float(count), short(float((low + high) / 2))]
        for low, high, count in zip(each.edges, each.edges[1:], each.counts)
    ]
    block(COLUMNS, "Histogram", ["From", "To", "Scenarios", "Middle"], bins, 4, 3, (each.label or each.address, ""))
    so_far: list[list[CellValue]] = [[_cell(value) for value in line] for line in summary.convergence.tolist()]
    block(LINE, "Convergence of the mean", ["Scenarios", "Mean so far", "Standard error"], so_far, 1, 2,
          ("scenarios", ""))  # fmt: skip
    head: list[CellValue] = ["Input", "Rank correlation", "Mean derivative", "Share of variance", "with others"]
    inputs: list[list[CellValue]] = [
        [_named(of.label, of.address), of.correlation, _cell(of.derivative),
         *([of.shares.first, of.shares.total] if of.shares else [])]
        for of in each.inputs
    ]  # fmt: skip
    block(BARS, "Rank correlations of the inputs", head, inputs, 1, 2, ("", ""))
    stated: list[list[CellValue]] = [[each.address, each.distribution.text] for each in simulation.inputs]
    rows += [[], ["Distributions"], *stated]
    return NewSheet(name, rows, (34, 18, 18, 18, 14), charts)


def _cell(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _summary(summary: Summary) -> list[tuple[str, float, float]]:
    """Name, value and standard error of what is said of an output."""
    nothing = float("nan")
    return [
        ("Mean", summary.mean.value, summary.mean.error),
        ("Standard deviation", summary.deviation, nothing),
        ("Least", summary.least, nothing),
        *((("Median" if level == 0.5 else f"{level:.0%} quantile"), of.value, of.error)
          for level, of in summary.quantiles.items()),
        ("Greatest", summary.greatest, nothing),
    ]  # fmt: skip


# ---- a page ------------------------------------------------------------------------------------


def page(book: Book, found: Simulated, shares: Sequence[Sequence[Shares]]) -> str:
    """The page in HTML."""
    simulation = found.simulation
    return filled(
        "simulation.html",
        workbook=book.path.name,
        count=f"{len(found.outputs):,}",
        method={"random": "drawn at random", "latin": "a Latin hypercube", "sobol": "Sobol points"}[simulation.method],
        seed=simulation.seed,
        interrupted=found.interrupted,
        problem=found.problem(),
        outputs=[_described(each) for each in results(book, found, shares)],
        inputs=[(each.address, each.distribution.text) for each in simulation.inputs],
        versions=versions(),
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _described(each: Found) -> dict[str, Any]:
    summary = each.summary
    return {
        "name": _named(each.label, each.address),
        "failures": f"{summary.failures:,}" if summary.failures else "",
        "tiles": [_tile(*line) for line in _summary(summary)],
        "histogram": _columns(each) if each.counts.size else "",
        "convergence": _convergence(summary) if len(summary.convergence) > 1 and summary.count else "",
        "bars": [_bar(of) for of in each.inputs],
        "shares": any(of.shares for of in each.inputs),
        "derivatives": any(np.isfinite(of.derivative) for of in each.inputs),
    }


def _tile(name: str, value: float, error: float) -> dict[str, str]:
    return {"name": name, "text": short(value, 5), "exact": exact(value) if np.isfinite(value) else "",
            "error": f"± {short(error, 2)}" if np.isfinite(error) else ""}  # fmt: skip


def _columns(each: Found) -> Markup:
    """The histogram, a column a bin."""
    along = axis(float(each.edges[0]), float(each.edges[-1]), 5, tight=True)
    upwards = axis(0.0, float(each.counts.max()), 5)
    places = along.place(each.edges) * WIDTH
    drawn = []
    for left, right, low, high, count in zip(places, places[1:], each.edges, each.edges[1:], each.counts):
        top = (1 - float(upwards.place([float(count)])[0])) * HEIGHT
        title = escape(f"{short(float(low), 4)} to {short(float(high), 4)}: {int(count):,} scenarios")
        drawn.append(f'<rect class="column" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                     f'height="{HEIGHT - top:.1f}"><title>{title}</title></rect>')  # fmt: skip
    name = each.label or each.address
    return framed(along, upwards, "".join(drawn), name, "scenarios", f"Histogram of {name}", "")


def _convergence(summary: Summary) -> Markup:
    counts, means, errors = summary.convergence.T
    texts = [f"{int(count):,} scenarios: {short(mean, 5)} ± {short(error, 2)}"
             for count, mean, error in summary.convergence]  # fmt: skip
    known = np.isfinite(errors)
    around = [
        Line(name, counts[known], (means + sign * 1.96 * errors)[known], faint=True)
        for name, sign in (("lower end of the 95% interval", -1), ("upper end of the 95% interval", 1))
        if known.any()
    ]
    return line_chart([Line("mean", counts, means, texts), *around], "scenarios", "mean so far")


def _bar(of: Influence) -> dict[str, str]:
    start, end = sorted((0.0, of.correlation))
    return {
        "name": _named(of.label, of.address),
        "text": minus(f"{of.correlation:.2f}"),
        "colour": "up" if of.correlation > 0 else "down",
        "left": f"{50 * (1 + start):.2f}",
        "width": f"{50 * (end - start):.2f}",
        "derivative": short(of.derivative, 4),
        "first": f"{minus(f'{of.shares.first:.3f}')} ± {of.shares.first_width:.3f}" if of.shares else "",
        "total": f"{minus(f'{of.shares.total:.3f}')} ± {of.shares.total_width:.3f}" if of.shares else "",
    }
