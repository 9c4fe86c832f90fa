"""`sheetml export-model`: a linear Solver model for other solvers, or as a script."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    check_output,
    overwrite_option,
    quiet_option,
    results,
    workbook_argument,
    write_bytes,
)
from sheetml.errors import SolverError


@click.command()
@workbook_argument
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="Where to write: a .mps, .lp or .py file.")
@click.option("--sheet", help="The model's sheet; default: the only one that has a model.")
@overwrite_option
@quiet_option
def command(workbook: Path, output: Path, sheet: str | None, overwrite: bool, quiet: bool) -> None:
    """Write a linear, integer or convex quadratic Solver model of WORKBOOK into a file.

    .mps and .lp are read by nearly every solver; .py is a script of its own that SciPy or highspy runs. Cells are
    named by their addresses, constraints by the cells on their left.
    """
    import sheetml
    from sheetml.cli.model_options import existing, how_to_state
    from sheetml.solve.export import exported

    check_output(output, (".mps", ".lp", ".py"), overwrite=overwrite, binary=False)
    book = sheetml.open(workbook)
    book.calculate()
    models = list(book.solver_models)
    if not models:
        raise SolverError(f"{book.path} has no Solver model: state one with {how_to_state(book)}.")
    if sheet is not None:
        name = existing(book, sheet)
        models = [model for model in models if model.sheet == name]
        if not models:
            raise SolverError(f"{book.path}, sheet {name!r}: it has no Solver model.")
    if len(models) > 1:
        homes = ", ".join(model.sheet for model in models)
        raise SolverError(f"{book.path} has several models, on {homes}: say which with --sheet.")
    write_bytes(output, exported(models[0], output.suffix.lower()), workbook)
    if not quiet:
        results().print(f"Written to {output}: the model of {models[0].sheet}", markup=False, soft_wrap=True)
