"""`sheetml check`: does sheetml compute what Excel computed?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import (
    json_option,
    new_table,
    print_json,
    quiet_option,
    results,
    show_table,
    workbook_argument,
)

if TYPE_CHECKING:
    from sheetml.report.check import SheetCheck


@click.command()
@workbook_argument
@click.option("--tolerance", type=click.FloatRange(min=0), default=1e-9, show_default=True, help="Relative.")
@click.option("--show", type=click.IntRange(min=0), default=10, show_default=True, help="Differences to show a sheet.")
@click.option("--allow-uncomputed", is_flag=True, help="Exit with 0 though some cells could not be computed.")
@json_option
@quiet_option
def command(workbook: Path, tolerance: float, show: int, allow_uncomputed: bool, as_json: bool, quiet: bool) -> int:
    """Recompute every formula of WORKBOOK and compare with the values Excel stored.

    Cells that change by themselves (RAND, NOW ...) and what depends on them are counted apart, as are
    cells that could not be computed. Exit code 1 where values differ, where a cell could not be
    computed (unless --allow-uncomputed), and where there was nothing to compare.
    """
    import sheetml
    from sheetml.report.check import check

    sheets = check(sheetml.open(workbook), tolerance)
    if as_json:
        documents = [_document(sheet) for sheet in sheets]
        print_json({"workbook": workbook, "tolerance": tolerance, "verdict": _verdict(sheets), "sheets": documents})
    elif not quiet:
        _print(workbook, sheets, show)
    uncomputed = not allow_uncomputed and any(sheet.not_computed for sheet in sheets)
    compared = any(sheet.compared for sheet in sheets)
    return int(uncomputed or not compared or any(sheet.differences for sheet in sheets))


def _print(workbook: Path, sheets: list[SheetCheck], show: int) -> None:
    from rich.text import Text

    from sheetml.engine.values import describe
    from sheetml.report.words import quantity

    console = results()
    counts = ("Formulas", "Equal", "Different", "Volatile", "Not stored", "Not computed")
    table = new_table("Sheet", *counts, title=str(workbook), right=counts)
    for sheet in sheets:
        table.add_row(Text(sheet.sheet), *(f"{number:,}" for number in _counts(sheet)))
    if len(sheets) > 1:
        table.add_section()
        table.add_row("all", *(f"{sum(column):,}" for column in zip(*map(_counts, sheets))))
    show_table(console, table)
    for sheet in sheets:
        for each in sheet.differences[:show]:
            console.print(
                f"{each.sheet}!{each.cell}: stored {describe(each.stored)}, computed {describe(each.computed)}"
                f"   ={each.formula}",
                markup=False,
            )
        if len(sheet.differences) > show:
            more = quantity(len(sheet.differences) - show, "more difference")
            console.print(f"{sheet.sheet}: {more} (--show {len(sheet.differences)} shows all)", markup=False)
        for reason, cells in _by_reason(sheet).items():
            console.print(f"{sheet.sheet}: not computed: {_some(cells)}: {reason}", markup=False)
    console.print(_verdict(sheets), markup=False)


def _counts(sheet: SheetCheck) -> list[int]:
    apart = [len(sheet.volatile), len(sheet.not_stored), len(sheet.not_computed)]
    return [sheet.formulas, sheet.equal, len(sheet.differences), *apart]


def _verdict(sheets: list[SheetCheck]) -> str:
    """What came of it all: one sentence, and a second one where cells could not be computed."""
    uncomputed = sum(len(sheet.not_computed) for sheet in sheets)
    if not uncomputed:
        return _comparison(sheets)
    cells = "1 cell" if uncomputed == 1 else f"{uncomputed:,} cells"
    return f"{_comparison(sheets)} {cells} could not be computed (--allow-uncomputed lets that pass)."


def _comparison(sheets: list[SheetCheck]) -> str:
    compared = sum(sheet.compared for sheet in sheets)
    equal = sum(sheet.equal for sheet in sheets)
    if not any(sheet.formulas for sheet in sheets):
        return "There was nothing to compare: the workbook holds no formula."
    if not compared:
        return "There was nothing to compare: no formula has both a stored value and a computed one that stays."
    if equal == compared:
        return "The one comparable cell is equal." if compared == 1 else f"All {compared:,} comparable cells are equal."
    return f"{compared - equal:,} of {compared:,} comparable cells differ."


def _by_reason(sheet: SheetCheck) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for cell, reason in sheet.not_computed.items():
        reasons.setdefault(reason, []).append(cell)
    return reasons


def _some(cells: list[str], most: int = 5) -> str:
    return ", ".join(cells[:most]) + (f" and {len(cells) - most:,} more" if len(cells) > most else "")


def _document(sheet: SheetCheck) -> dict[str, Any]:
    from sheetml.engine.values import plain

    return {
        "sheet": sheet.sheet,
        "formulas": sheet.formulas,
        "equal": sheet.equal,
        "differences": [
            {"cell": each.cell, "formula": each.formula, "stored": plain(each.stored), "computed": plain(each.computed)}
            for each in sheet.differences
        ],
        "volatile": sheet.volatile,
        "not_stored": sheet.not_stored,
        "not_computed": sheet.not_computed,
    }
