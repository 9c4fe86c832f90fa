"""`sheetml new solver-gallery`: workbooks with Solver models that teach."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.terminal import OUTPUT_FILE, OneOf, json_option, print_json, quiet_option, results


@click.command()
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="The folder to write into.")
@click.option(
    "--only", type=OneOf("sheetml.layouts.solver_gallery", "EXAMPLES"), multiple=True, help="Only this example."
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@json_option
@quiet_option
def command(output: Path, only: tuple[str, ...], overwrite: bool, as_json: bool, quiet: bool) -> None:
    """Build the gallery of Solver models: a workbook a kind, each with live formulas and what it teaches.

    Linear and integer models, a sudoku, a tour, a portfolio, a curve, prices, and two that have no answer. Excel's
    Solver dialog shows each model ready to run. The same version makes the same files.
    """
    from sheetml.layouts.solver_gallery import EXAMPLES, build

    written = build(output, only, overwrite=overwrite)
    if as_json:
        print_json({"output": output, "examples": {path.stem: path for path in written}})
    elif not quiet:
        console = results()
        for path in written:
            console.print(f"{path}: {EXAMPLES[path.stem].title}", markup=False, soft_wrap=True)
        console.print(f"Solve one with: sheetml run {written[0]}", markup=False, soft_wrap=True)
