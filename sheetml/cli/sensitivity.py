"""`sheetml sensitivity`: which inputs move a cell, by its derivatives."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from sheetml.cli.terminal import json_option, new_table, print_json, results, show_table, workbook_argument
from sheetml.cli.whatif_options import SHEET, home_of, labelled, labels, number, short


@click.command()
@workbook_argument
@click.option("--input", "inputs", multiple=True, required=True, metavar="CELLS", help="Cells with numbers, or a name.")
@click.option("--output", required=True, metavar="CELL", help="The cell that they move.")
@SHEET
@click.option("-n", "--most", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@json_option
def command(workbook: Path, inputs: tuple[str, ...], output: str, sheet: str | None, most: int, as_json: bool) -> None:
    """Rank the inputs of a cell of WORKBOOK by how much it moves with them, from exact derivatives.

    As in: sheetml sensitivity book.xlsx --input B1:B9 --output F9

    The elasticity is how many per cent the output changes for one per cent of the input; the second derivative says
    whether that grows or shrinks.
    """
    import sheetml
    from sheetml.cli.model_options import existing
    from sheetml.engine.cell_function import flat_words
    from sheetml.whatif import sensitivity

    book = sheetml.open(workbook)
    book.calculate()
    home = None if sheet is None else existing(book, sheet)
    function = book.function_of(book.areas(list(inputs), home), book.areas(output, home))
    found = sensitivity(function)
    flat, names = function.flat, labels(book, function)
    value = function(function.x0)
    if as_json:
        document = [{**dataclasses.asdict(each), "label": names[each.address]} for each in found]
        print_json(
            {
                "workbook": workbook,
                "output": function.output_addresses[0],
                "value": value,
                "inputs": document,
                "flat": flat,
            }
        )
        return
    where = home_of([*function.input_addresses, *function.output_addresses])
    name = labelled(function.output_addresses[0], where, names[function.output_addresses[0]])
    headings = ("Input", "Label", "Value", "Derivative", "Elasticity", "Second derivative")
    shown = new_table(*headings, title=f"{name} = {number(value)}", right=headings[2:])
    for each in found[:most]:
        numbers = (each.value, each.derivative, each.elasticity, each.second)
        shown.add_row(short(each.address, where), names[each.address], *map(number, numbers))
    show_table(results(), shown)
    if len(found) > most:
        results().print(f"and {len(found) - most:,} more; -n says how many to show.")
    if flat:
        results().print(f"\n{flat_words(flat)}", markup=False, soft_wrap=True)
