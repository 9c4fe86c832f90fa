"""`sheetml export`: a fitted model as a workbook with live cells."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.ratings_options import movies_option, read_model
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
@click.argument("model", type=EXISTING_FILE)
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="The workbook to write.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--users", type=click.IntRange(min=1), default=15, show_default=True, help="Users with most ratings.")
@click.option("--items", type=click.IntRange(min=1), default=15, show_default=True, help="Items with most ratings.")
@movies_option
@json_option
@quiet_option
def command(
    model: Path,
    output: Path,
    overwrite: bool,
    users: int,
    items: int,
    movies: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write MODEL into a workbook of the lesson's layout: embeddings and biases as cells, predictions as formulas.

    The users and items with most ratings are taken. The predictions in the sheet are those of the model,
    and a Solver model stored in it goes on from there.
    """
    from sheetml.layouts.collab_filter import export

    check_output(output, (".xlsx",), overwrite=overwrite)
    fitted = read_model(model, movies)
    book = export(fitted, output, users, items)
    sheet = book.sheet_names[0]
    users, items = min(users, fitted.ratings_.user_count), min(items, fitted.ratings_.item_count)
    if as_json:
        print_json({"output": output, "sheet": sheet, "users": users, "items": items})
    elif not quiet:
        from sheetml.report.words import quantity

        held = f"{quantity(users, 'user')} and {quantity(items, 'item')} on sheet {sheet}"
        results().print(f"Written to {output}: {held}", markup=False, soft_wrap=True)
