"""`sheetml seek`: the value of a cell that brings another to a value."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    json_option,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    workbook_argument,
    workbook_output,
)


@click.command()
@workbook_argument
@click.option("--cell", required=True, metavar="CELL", help="The cell, with a formula, that is to come to a value.")
@click.option("--to", type=float, required=True, metavar="VALUE", help="The value.")
@click.option("--by", required=True, metavar="CELL", help="The cell, with a number, to be changed.")
@click.option("--sheet", help="Where addresses without a sheet are; default: the only one.")
@click.option("-o", "--output", type=OUTPUT_FILE, help="Where to write; default: WORKBOOK with .sought in its name.")
@click.option("--in-place", is_flag=True, help="Write the result into WORKBOOK itself.")
@overwrite_option
@json_option
@quiet_option
def command(
    workbook: Path,
    cell: str,
    to: float,
    by: str,
    sheet: str | None,
    output: Path | None,
    in_place: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Change one cell of WORKBOOK until another comes to a value, as Excel's Goal Seek does.

    As in: sheetml seek book.xlsx --cell B5 --to 100 --by B1

    Of several answers it is the nearest to the value that the cell holds now. Exit code 1, and nothing written,
    where the value is not reached.
    """
    import sheetml
    from sheetml.cli.model_options import existing
    from sheetml.solve.seek import seek

    if in_place and output is not None:
        raise click.UsageError("--in-place and --output contradict each other.")
    target = workbook if in_place else output or workbook.with_name(f"{workbook.stem}.sought{workbook.suffix}")
    if not in_place:
        workbook_output(workbook, target, overwrite=overwrite)
    book = sheetml.open(workbook)
    book.calculate()
    sought = seek(book, cell, to, by, sheet=None if sheet is None else existing(book, sheet))
    if sought.found:
        book.save(target, overwrite=in_place)
    if as_json:
        print_json({"workbook": workbook, "output": target if sought.found else None, **dataclasses.asdict(sought)})
    elif not quiet:
        from sheetml.report.words import figure, quantity

        console = results()
        console.print(sought.message, markup=False, soft_wrap=True)
        how = "the exact derivative" if sought.exact else "differences"
        before = f"{sought.by} was {figure(sought.start)}, {sought.cell} {figure(sought.start_value)}"
        count = quantity(sought.evaluations, "evaluation")
        console.print(f"{before}; {count}, {how}.", markup=False, soft_wrap=True)
        console.print(f"Written to {target}" if sought.found else "Nothing was written.", markup=False, soft_wrap=True)
    return 0 if sought.found else 1
