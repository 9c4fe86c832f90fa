"""`sheetml new graddesc`: the lesson's gradient-descent workbook, on one's own data."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.terminal import (
    EXISTING_FILE,
    OUTPUT_FILE,
    check_output,
    json_option,
    print_json,
    quiet_option,
    results,
)


@click.command()
@click.option("--data", type=EXISTING_FILE, help="A CSV file with columns x and y; default: the lesson's y = 2x + 30.")
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="Where to write.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--x", "x_column", help="The column of x; default: the first of numbers.")
@click.option("--y", "y_column", help="The column of y; default: the next of numbers.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random x.")
@json_option
@quiet_option
def command(
    data: Path | None,
    output: Path,
    overwrite: bool,
    x_column: str | None,
    y_column: str | None,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Build a workbook that fits a line by gradient descent: a sheet for each of fifteen optimisers.

    Every cell is a live formula; sheetml run resets and trains the sheets, and writes their losses to
    the cells that the charts show. The same data and seed make the same file.
    """
    from sheetml.layouts.graddesc import build, read_examples

    check_output(output, (".xlsx",), overwrite=overwrite)
    if data is None and (x_column or y_column):
        raise click.UsageError("--x and --y name columns of --data.")
    x, y = (None, None) if data is None else read_examples(data, x_column, y_column)
    book = build(output, x, y, seed=seed, source="" if data is None else data.name)
    loops = book.training_loops
    if as_json:
        print_json({"output": output, "loops": [{"sheet": loop.sheet, "rule": loop.kind} for loop in loops]})
    elif not quiet:
        console = results()
        console.print(f"Written to {output}: {len(loops)} training loops.", markup=False)
        console.print(f"Train them with: sheetml run {output}", markup=False)
