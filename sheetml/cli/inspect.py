"""`sheetml inspect`: what is in a workbook?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sheetml.cli.terminal import json_option, print_json, results, workbook_argument

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
    from rich.table import Table
    from rich.text import Text

    console.print(f"{workbook}: {_settings(found)}", markup=False)
    sheets = Table("Sheet", "Extent", title="Sheets", title_justify="left")
    for heading in ("Cells", "Formulas", "Blocks"):
        sheets.add_column(heading, justify="right")
    for sheet in found.sheets:
        blocks = sum(block.sheet == sheet.name for block in found.blocks)
        name = sheet.name if sheet.visible else f"{sheet.name} (hidden)"
        sheets.add_row(Text(name), sheet.extent, f"{sheet.cells:,}", f"{sheet.formulas:,}", f"{blocks:,}")
    console.print(sheets)
    if found.blocks:
        blocks_table = Table("Sheet", "Area", title="Formula blocks", title_justify="left")
        blocks_table.add_column("Cells", justify="right")
        blocks_table.add_column("Formula of the first cell")
        blocks_table.add_column("in R1C1")
        for block in found.blocks:
            blocks_table.add_row(
                Text(block.sheet), block.area, f"{block.cells:,}", Text(block.formula), Text(block.r1c1)
            )
        console.print(blocks_table)
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
    cells = sum(sheet.cells for sheet in found.sheets)
    formulas = sum(sheet.formulas for sheet in found.sheets)
    parts = [f"{len(found.sheets)} sheets, {cells:,} cells, {formulas:,} formulas in {len(found.blocks):,} blocks"]
    if found.date_1904:
        parts.append("dates count from 1904")
    if found.iterates:
        parts.append("circular references are allowed")
    return "; ".join(parts)


def _print_pairs(console: Console, title: str, headings: tuple[str, str], pairs: dict[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    if pairs:
        table = Table(*headings, title=title, title_justify="left")
        for name, text in pairs.items():
            table.add_row(Text(name), Text(text))
        console.print(table)
