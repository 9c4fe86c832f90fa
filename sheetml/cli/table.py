"""`sheetml table`: what cells are for values of one input, or of two."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    check_output,
    json_option,
    messages,
    new_table,
    overwrite_option,
    print_json,
    results,
    say,
    show_table,
    workbook_argument,
    workbook_output,
    write_text,
    written,
)
from sheetml.cli.whatif_options import OUTPUT_CELLS, SHEET, home_of, number, short

if TYPE_CHECKING:
    from sheetml.whatif.tables import Table
    from sheetml.xlsx.model import CellValue


@click.command()
@workbook_argument
@click.option("--input", "inputs", multiple=True, required=True, metavar="CELL=VALUES",
              help="What is varied, once or twice: B1=0..1:0.05 (from, to, step), B1=0..1 (eleven values), "
                   "B1=1,2,5.")  # fmt: skip
@OUTPUT_CELLS
@SHEET
@click.option(
    "-o", "--to", "target", type=OUTPUT_FILE, help="Write the table: .csv, .xlsx (WORKBOOK with one more sheet), .png."
)
@overwrite_option
@json_option
def command(
    workbook: Path, inputs: tuple[str, ...], outputs: tuple[str, ...], sheet: str | None, target: Path | None,
    overwrite: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show what cells of WORKBOOK are for values of one input cell, or of two.

    As in: sheetml table book.xlsx --input B1=0..1:0.1 --input B2=10,20,30 --output F9

    WORKBOOK itself stays as it is. Exit code 1 where a cell has no number for some of the values.
    """
    import sheetml
    from sheetml.cli.model_options import existing
    from sheetml.whatif import table

    if target is not None:
        if target.suffix.lower() in (".csv", ".png"):
            check_output(target, (".csv", ".png"), overwrite=overwrite)
        else:
            workbook_output(workbook, target, overwrite=overwrite)
    book = sheetml.open(workbook)
    found = table(book, inputs, outputs, None if sheet is None else existing(book, sheet))
    if target is not None:
        _write(book, found, target, workbook)
    if as_json:
        print_json(_document(found))
    else:
        _show(found)
        written(messages(), target)
    if found.problem:
        say(f"Some cells are empty: {found.problem}", error=True)
    return 1 if found.problem else 0


def rows_of(found: Table) -> list[list[CellValue]]:
    """The table as rows of cells, outputs under each other where there are several of two inputs."""
    if found.columns is None:
        head: list[CellValue] = [found.rows.address, *found.outputs]
        return [head, *([value, *line[0]] for value, line in zip(found.rows.values.tolist(), _plain(found)))]
    rows: list[list[CellValue]] = []
    for place, output in enumerate(found.outputs):
        corner = f"{output} by {found.rows.address} (down) and {found.columns.address} (across)"
        rows += [[corner, *found.columns.values.tolist()]]
        rows += [
            [value, *(cell[place] for cell in line)] for value, line in zip(found.rows.values.tolist(), _plain(found))
        ]
        rows += [[]] if place + 1 < len(found.outputs) else []
    return rows


def _plain(found: Table) -> list[list[list[float | None]]]:
    return [[[None if value != value else value for value in cell] for cell in line] for line in found.values.tolist()]


def _show(found: Table) -> None:
    home = home_of([axis.address for axis in (found.rows, found.columns) if axis is not None] + found.outputs)
    blocks: list[list[list[CellValue]]] = [[]]
    for row in rows_of(found):
        blocks.append([]) if not row else blocks[-1].append(row)
    for block in blocks:
        head, *lines = block
        if found.columns is not None:
            results().print(
                str(head[0]).replace(f"{home}!", "") if home else str(head[0]), markup=False, soft_wrap=True
            )
        names = [short(found.rows.address, home)]
        names += [number(each) if isinstance(each, float) else short(str(each), home) for each in head[1:]]
        shown = new_table(*names, right=names)
        for line in lines:
            shown.add_row(*("" if each is None else number(float(str(each))) for each in line))
        show_table(results(), shown)


def _document(found: Table) -> dict[str, object]:
    axes = [axis for axis in (found.rows, found.columns) if axis is not None]
    values = found.values if found.columns is not None else found.values[:, 0]
    return {"inputs": [{"cell": axis.address, "values": axis.values} for axis in axes], "outputs": found.outputs,
            "values": values, "problem": found.problem}  # fmt: skip


def _write(book: object, found: Table, target: Path, workbook: Path) -> None:
    import sheetml
    from sheetml.xlsx.new_sheets import NewSheet, free_name

    assert isinstance(book, sheetml.Workbook)
    if target.suffix.lower() == ".csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows_of(found))
        write_text(target, text.getvalue(), workbook)
    elif target.suffix.lower() == ".png":
        from sheetml.report.whatif_plots import table_plot

        table_plot(found, target)
    else:
        name = free_name("What-if Table", [*book.sheet_names, *book.file.other_sheets])
        book.save(target, overwrite=True, new_sheets=[NewSheet(name, rows_of(found))])
