"""`sheetml simulate`: what cells come to where inputs are uncertain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    PAGES,
    check_output,
    json_option,
    messages,
    new_table,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    say,
    show_table,
    workbook_argument,
    workbook_output,
    written,
)
from sheetml.cli.whatif_options import OUTPUT_CELLS, SHEET, home_of, label, labelled, number

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.whatif.influence import Shares
    from sheetml.whatif.simulation import Simulated
    from sheetml.whatif.statistics import Estimate, Summary

BARS = " ▁▂▃▄▅▆▇█"
BINS = 40


@click.command()
@workbook_argument
@click.option("--input", "inputs", multiple=True, metavar="CELL~DISTRIBUTION",
              help="An uncertain input: B1~normal(0.07, 0.02), B2~triangular(1, 2, 5), B3~choice(1: 0.2, 2: 0.8), "
                   "B4~data(D2:D99). Formulas that call RAND or RANDBETWEEN are inputs by themselves.")  # fmt: skip
@OUTPUT_CELLS
@SHEET
@click.option(
    "-n", "--count", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many scenarios."
)
@click.option("--method", type=click.Choice(("random", "latin", "sobol")), default="random", show_default=True,
              help="How scenarios are drawn: at random, as a Latin hypercube, or along a Sobol sequence.")  # fmt: skip
@click.option("--correlate", multiple=True, metavar="CELL,CELL=R", help="A correlation of two inputs: B1,B2=0.5.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same numbers."
)
@click.option(
    "--shares", is_flag=True, help="Also say what share of the variance is due to each input (Sobol's indices)."
)
@click.option("--samples", type=OUTPUT_FILE, metavar="FOLDER",
              help="Keep the scenarios there as Parquet; a run that was stopped goes on from them.")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler whose workers compute: tcp://HOST:PORT.")
@click.option("-o", "--to", "target", type=OUTPUT_FILE, help="Write WORKBOOK with one more sheet: results and charts.")
@click.option("--report", type=OUTPUT_FILE, help="Write a web page about it.")
@overwrite_option
@json_option
@quiet_option
def command(workbook: Path, outputs: tuple[str, ...], count: int, as_json: bool, quiet: bool, **options: Any) -> int:
    """Draw scenarios of WORKBOOK's uncertain inputs, and say what its outputs come to.

    As in: sheetml simulate book.xlsx --input "B1~normal(0.07, 0.02)" --output F9 -n 1000000

    Means and quantiles come with their standard errors. Ctrl-C ends the run with what is done. Exit code 1 where
    some scenario gives no number.
    """
    import sheetml
    from sheetml.cli import INTERRUPTED
    from sheetml.cli.model_options import existing
    from sheetml.whatif import Simulation

    if options["target"] is not None:
        workbook_output(workbook, options["target"], overwrite=options["overwrite"])
    if options["report"] is not None:
        check_output(options["report"], PAGES, overwrite=options["overwrite"], option="--report")
    book = sheetml.open(workbook)
    book.calculate()
    sheet = None if options["sheet"] is None else existing(book, options["sheet"])
    how = {name: options[name] for name in ("correlate", "method", "seed")}
    simulation = Simulation(book, options["inputs"], outputs, sheet=sheet, **how)
    with _told(not (quiet or as_json)) as progress:
        found = simulation.run(count, progress=progress, samples=options["samples"], scheduler=options["scheduler"])
    if not len(found.outputs):
        return INTERRUPTED
    found_shares = _shares(simulation) if options["shares"] and not found.interrupted else []
    _write(book, found, found_shares, options)
    if as_json:
        print_json(_document(book, found, found_shares))
    elif not quiet:
        _show(book, found, found_shares)
        written(messages(), options["target"], options["report"], options["samples"])
    problem = found.problem()
    if problem:
        failures = max(summary.failures for summary in found.summaries())
        say(f"{failures:,} of {len(found.outputs):,} scenarios have no value, the first because {problem}", error=True)
    return INTERRUPTED if found.interrupted else 1 if problem else 0


@contextmanager
def _told(show: bool) -> Iterator[Callable[[int, int], None] | None]:
    """What to call as scenarios are done: a progress bar, where there is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = messages()
    if not show or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("scenarios"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _shares(simulation: Any) -> list[list[Shares]]:
    from sheetml.whatif.influence import variance_shares

    return variance_shares(simulation)


def _write(book: Workbook, found: Simulated, shares: list[list[Shares]], options: dict[str, Any]) -> None:
    if options["target"] is None and options["report"] is None:
        return
    from sheetml.report.simulation_report import page, sheets

    if options["target"] is not None:
        book.save(options["target"], overwrite=True, new_sheets=sheets(book, found, shares))
    if options["report"] is not None:
        from sheetml.cli.terminal import write_text

        write_text(options["report"], page(book, found, shares), book.path)


# ---- results


def _document(book: Workbook, found: Simulated, shares: list[list[Shares]]) -> dict[str, Any]:
    simulation, correlations = found.simulation, found.rank_correlations()
    outputs = []
    for place, (address, summary) in enumerate(zip(simulation.output_addresses, found.summaries())):
        outputs.append({
            "cell": address, "label": label(book, int(book.held_slots(book.areas(address))[0])),
            "count": summary.count, "failures": summary.failures, "mean": summary.mean.value,
            "mean_error": summary.mean.error, "deviation": summary.deviation, "least": summary.least,
            "greatest": summary.greatest,
            "quantiles": [{"level": level, "value": each.value, "error": each.error}
                          for level, each in summary.quantiles.items()],
            "rank_correlations": dict(zip([each.address for each in simulation.inputs], correlations[:, place])),
            "shares": [vars(each) for each in shares[place]] if shares else [],
            "convergence": summary.convergence,
        })  # fmt: skip
    inputs = [{"cell": each.address, "distribution": each.distribution.text} for each in simulation.inputs]
    return {"workbook": book.path, "inputs": inputs, "scenarios": len(found.outputs), "seed": simulation.seed,
            "method": simulation.method, "interrupted": found.interrupted, "outputs": outputs}  # fmt: skip


def _show(book: Workbook, found: Simulated, shares: list[list[Shares]]) -> None:
    simulation, console = found.simulation, results()
    inputs = [each.address for each in simulation.inputs]
    home = home_of([*(name.removeprefix("a draw of ") for name in inputs), *simulation.output_addresses])
    correlations = found.rank_correlations()
    for place, (address, summary) in enumerate(zip(simulation.output_addresses, found.summaries())):
        name = labelled(address, home, label(book, int(book.held_slots(book.areas(address))[0])))
        title = f"{name}: {summary.count:,} scenarios" + (
            f", {summary.failures:,} without value" * bool(summary.failures)
        )
        shown = new_table("", "Value", "± error", title=title, right=("Value", "± error"))
        for what, estimate in _rows(summary):
            shown.add_row(what, number(estimate.value), number(estimate.error, 2))
        show_table(console, shown)
        console.print(f"{histogram(found.outputs[:, place], min(BINS, console.width - 2))}\n", markup=False)
        if len(inputs) > 1 or shares:
            _show_inputs(book, inputs, correlations[:, place], shares[place] if shares else [], home)
            console.print()


def _rows(summary: Summary) -> list[tuple[str, Estimate]]:
    from sheetml.whatif.statistics import Estimate

    rows = [("mean", summary.mean), ("standard deviation", Estimate(summary.deviation, float("nan")))]
    rows += [("least", Estimate(summary.least, float("nan")))]
    rows += [(f"{level:.0%} quantile" if level != 0.5 else "median", each) for level, each in summary.quantiles.items()]
    return [*rows, ("greatest", Estimate(summary.greatest, float("nan")))]


def _show_inputs(book: Workbook, names: list[str], correlations: Any, shares: list[Shares], home: str) -> None:
    of = {each.address: each for each in shares}
    headings = ["Input", "Label", "Rank correlation", *(["Share of variance", "with others"] if shares else [])]
    shown = new_table(*headings, right=headings[2:])
    for place in sorted(range(len(names)), key=lambda place: -abs(correlations[place])):
        name = names[place]
        cell = book.held_slots(book.areas(name.removeprefix("a draw of ")))
        more = [f"{each:.3f}" for each in (of[name].first, of[name].total)] if shares else []
        named = name.replace(f"{home}!", "") if home else name
        shown.add_row(named, label(book, int(cell[0])), f"{correlations[place]:.3f}", *more)
    show_table(results(), shown)


def histogram(values: Any, bins: int) -> str:
    """How often values fall into equal parts of their range, as a line of bars; the ends are stated."""
    import numpy as np

    sound = values[np.isfinite(values)]
    if not sound.size or sound.min() == sound.max():
        return ""
    low, high = np.quantile(sound, [0.001, 0.999])
    low, high = (low, high) if low < high else (sound.min(), sound.max())
    counts, _ = np.histogram(sound, bins=max(bins, 4), range=(low, high))
    bars = "".join(BARS[int(np.ceil(each / counts.max() * (len(BARS) - 1)))] for each in counts)
    ends = number(float(low), 4), number(float(high), 4)
    return f"{bars}\n{ends[0]}{ends[1]:>{max(len(bars) - len(ends[0]), len(ends[1]) + 1)}}"
