"""`sheetml export-code`: a cell as a Python module of its own."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.terminal import OUTPUT_FILE, quiet_option, results, workbook_argument, write_text


@click.command()
@workbook_argument
@click.option("--output", "cell", required=True, help="The cell whose value the module gives, as Model!F9.")
@click.option("--inputs", required=True, multiple=True, help="The cells it is a function of, or a name; repeatable.")
@click.option("-o", "to", type=OUTPUT_FILE, required=True, help="Where to write the module, a .py file.")
@quiet_option
def command(workbook: Path, cell: str, inputs: tuple[str, ...], to: Path, quiet: bool) -> None:
    """Write a cell of WORKBOOK as a Python module that needs NumPy, and neither sheetml nor the workbook.

    The module has value(x) and value_and_gradient(x), x being the input cells in the order of its list CELLS. It
    computes what the cells do at the present inputs; where cells would decide otherwise it raises.
    """
    import sheetml
    from sheetml.report.code import exported_code

    book = sheetml.open(workbook)
    book.calculate()
    write_text(to, exported_code(book, list(inputs), cell), workbook)
    if not quiet:
        results().print(f"{cell}: written to {to}", markup=False, soft_wrap=True)
