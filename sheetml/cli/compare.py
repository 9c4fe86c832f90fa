"""`sheetml compare`: what is different between two workbooks?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import (
    EXISTING_FILE,
    OUTPUT_FILE,
    PAGES,
    PICTURES,
    check_output,
    json_option,
    messages,
    new_table,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    show_table,
    write_bytes,
    write_text,
    written,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sheetml.report.compare import Comparison, Side

HEADINGS = {
    "value": "Values",
    "result": "Results",
    "formula": "Formulas",
    "added": "Added",
    "removed": "Removed",
    "moved": "Moved",
}
MOST_LINES = 8  # inserted rows that are named one by one


@click.command()
@click.argument("before", type=EXISTING_FILE)
@click.argument("after", type=EXISTING_FILE)
@click.option("--tolerance", type=click.FloatRange(min=0), default=1e-9, show_default=True, help="Relative.")
@click.option("--calculate", is_flag=True, help="Recompute both workbooks first, instead of taking the stored values.")
@click.option("--report", type=OUTPUT_FILE, help="Write a web page with the sheets side by side into this file.")
@click.option("--png", type=OUTPUT_FILE, help="Write a picture of where the sheets differ into this file.")
@click.option("--show", type=click.IntRange(min=0), default=10, show_default=True, help="Changed cells to list.")
@overwrite_option
@json_option
@quiet_option
def command(
    before: Path,
    after: Path,
    tolerance: float,
    calculate: bool,
    report: Path | None,
    png: Path | None,
    show: int,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare the workbook AFTER with BEFORE: values and formulas, cell by cell, sheet by sheet.

    Rows and columns that were inserted or removed, renamed sheets and blocks that moved are recognised.
    Exit code 1 where the workbooks differ.
    """
    import sheetml
    from sheetml.report.compare import compare

    if report is not None:
        check_output(report, PAGES, overwrite=overwrite, option="--report", binary=False)
    if png is not None:
        check_output(png, PICTURES, overwrite=overwrite, option="--png")
    former, latter = sheetml.open(before), sheetml.open(after)
    for book in (former, latter) if calculate else ():
        book.calculate()
    found = compare(former, latter, tolerance)
    if report is not None:
        from sheetml.report.compare.page import comparison_page

        write_text(report, comparison_page(found, former, latter), before, after)
    if png is not None:
        from sheetml.report import plots

        write_bytes(png, plots.png(plots.comparison_figure(found)), before, after)
    if as_json:
        print_json(_document(found))
    elif not quiet:
        _print(found, show, results())
    if not quiet:
        written(messages(), report, png)
    return int(not found.same)


def _print(found: Comparison, show: int, console: Console) -> None:
    from rich.text import Text

    from sheetml.report.compare import KINDS, ORDER, place_of, side_texts
    from sheetml.report.compare.moves import together
    from sheetml.report.compare.page import difference_text, move_text, verdict
    from sheetml.report.words import quantity

    kinds = [kind for kind in KINDS if any(sheet.counts[kind] for sheet in found.sheets)]
    counts = ("Compared", *(HEADINGS[kind] for kind in kinds))
    table = new_table("Sheet", "Status", *counts, right=counts)
    for sheet in found.sheets:
        status = f"renamed from {sheet.before}" if sheet.status == "renamed" else sheet.status
        by_kind = (f"{sheet.counts[kind]:,}" for kind in kinds)
        table.add_row(Text(sheet.name), Text(status), f"{sheet.compared:,}", *by_kind)
    show_table(console, table)
    for sheet in found.sheets:
        if sheet.status in ("changed", "renamed"):
            for what, lines in (("row", sheet.inserted_rows), ("column", sheet.inserted_columns)):
                for verb, numbers in zip(("removed", "inserted"), lines):
                    if numbers:
                        console.print(Text(f"{sheet.name}: {verb} {_lines(what, numbers)}"))
    for way in together(found.moves)[:show]:
        console.print(Text(f"moved: {move_text(way)}"))
    for name in found.names[:show]:
        console.print(Text(f"name {name.name}: {name.before or '(none)'} → {name.after or '(none)'}"))
    largest = found.largest(show)
    if largest:
        title = f"\nLargest changes: {ORDER}"
        right = ("Before", "After", "Change")
        changes = new_table("Cell", "What", *right, title=title, right=right)
        for sheet, change in largest:
            sides = map(Text, side_texts(change))
            changes.add_row(Text(place_of(sheet, change)), KINDS[change.what], *sides, difference_text(change))
        show_table(console, changes)
        total = sum(len(sheet.changes) for sheet in found.sheets)
        if total > len(largest):
            more = quantity(total - len(largest), "more change")
            console.print(Text(f"and {more}: --show {total} or --report PAGE.html"))
    console.print(Text(verdict(found)))


def _lines(what: str, numbers: list[int]) -> str:
    """ "row 10", "columns C, D"."""
    from sheetml.formula.references import column_letters
    from sheetml.report.words import quantity

    names = [column_letters(number) if what == "column" else str(number) for number in numbers]
    if len(names) > MOST_LINES:
        return f"{quantity(len(names), what)}, {names[0]} to {names[-1]}"
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _area(sheet: str, area: Any) -> str:
    from sheetml.formula.references import address

    return address(sheet, area)


def _document(found: Comparison) -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.after,
        "tolerance": found.tolerance,
        "same": found.same,
        "sheets": [
            {
                "before": sheet.before,
                "after": sheet.after,
                "status": sheet.status,
                "compared": sheet.compared,
                "rows_removed": sheet.inserted_rows[0],
                "rows_inserted": sheet.inserted_rows[1],
                "columns_removed": sheet.inserted_columns[0],
                "columns_inserted": sheet.inserted_columns[1],
                "changes": [
                    {
                        "what": change.what,
                        "before": _side(change.before),
                        "after": _side(change.after),
                        "size": change.size,
                    }
                    for change in sheet.changes
                ],
            }
            for sheet in found.sheets
        ],
        "moves": [
            {"before": _area(move.sheet_before, move.before), "after": _area(move.sheet_after, move.after)}
            for move in found.moves
        ],
        "names": [dataclasses.asdict(name) for name in found.names],
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    from sheetml.engine.values import plain
    from sheetml.formula.references import cell_name

    if side is None:
        return None
    return {"cell": cell_name(side.row, side.column), "value": plain(side.value), "formula": side.formula}
