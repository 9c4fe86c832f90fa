"""`sheetml inspect`: what is in a workbook?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sheetml.cli.terminal import json_option, new_table, print_json, results, show_table, workbook_argument

if TYPE_CHECKING:
    from rich.console import Console

    from sheetml.report.inspection import Inspection


@click.command()
@workbook_argument
@json_option
def command(workbook: Path, as_json: bool) -> None:
    """Show what WORKBOOK holds, without calculating anything.

    Sheets, formula blocks (a line for each distinct R1C1 formula and the area it fills), names, tables,
    Solver models with their settings in words, macros, and functions that are not supported.
    """
    import sheetml
    from sheetml.report.inspection import inspect

    found = inspect(sheetml.open(workbook))
    if as_json:
        print_json({"workbook": workbook, **dataclasses.asdict(found)})
    else:
        _print(workbook, found, results())


def _print(workbook: Path, found: Inspection, console: Console) -> None:
    from rich.text import Text

    console.print(f"{workbook}: {_settings(found)}\n", markup=False)
    counts = ("Cells", "Formulas", "Blocks")
    sheets = new_table("Sheet", "Extent", *counts, title="Sheets", right=counts)
    for sheet in found.sheets:
        blocks = sum(block.sheet == sheet.name for block in found.blocks)
        name = sheet.name if sheet.visible else f"{sheet.name} (hidden)"
        sheets.add_row(Text(name), sheet.extent, f"{sheet.cells:,}", f"{sheet.formulas:,}", f"{blocks:,}")
    show_table(console, sheets)
    if found.blocks:
        headings = ("Sheet", "Area", "Cells", "Formula of the first cell", "in R1C1")
        blocks_table = new_table(*headings, title="\nFormula blocks", right=("Cells",))
        for block in found.blocks:
            blocks_table.add_row(
                Text(block.sheet), block.area, f"{block.cells:,}", Text(block.formula), Text(block.r1c1)
            )
        show_table(console, blocks_table, named=2)
    _print_pairs(console, "Names", ("Name", "Stands for"), found.names)
    _print_pairs(console, "Tables", ("Table", "Area"), found.tables)
    models = {sheet: "\n".join(words) for sheet, words in found.models.items()}
    _print_pairs(console, "Solver models", ("Sheet", "Model"), models)
    for name in found.other_sheets:
        console.print(f"Not a sheet of cells: {name}", markup=False)
    for part in found.macros:
        console.print(f"Macros: {part}", markup=False)
    for what, areas in found.unsupported.items():
        console.print(f"Not supported: {what} in {', '.join(areas[:5])}", markup=False)


def _settings(found: Inspection) -> str:
    from sheetml.report.words import quantity

    cells = sum(sheet.cells for sheet in found.sheets)
    formulas = sum(sheet.formulas for sheet in found.sheets)
    held = [quantity(len(found.sheets), "sheet"), quantity(cells, "cell"), quantity(formulas, "formula")]
    parts = [f"{', '.join(held)} in {quantity(len(found.blocks), 'block')}"]
    if found.date_1904:
        parts.append("dates count from 1904")
    if found.iterates:
        parts.append("circular references are allowed")
    return "; ".join(parts)


def _print_pairs(console: Console, title: str, headings: tuple[str, str], pairs: dict[str, str]) -> None:
    from rich.text import Text

    if pairs:
        table = new_table(*headings, title=f"\n{title}")
        for name, text in pairs.items():
            table.add_row(Text(name), Text(text))
        show_table(console, table)
