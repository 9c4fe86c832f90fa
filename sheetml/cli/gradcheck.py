"""`sheetml gradcheck`: are the derivatives in a workbook's cells right?"""

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
    from sheetml.derivatives import DerivativeCheck

LISTS = ("--wrt", "--against")  # options that take one word after the other


class WithLists(click.Command):
    """Takes `--wrt C4 D4` for `--wrt C4 --wrt D4`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _spread(args))


def _spread(words: list[str]) -> list[str]:
    spread: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            option = word if word in LISTS else ""
        elif option and spread[-1] != option:
            spread.append(option)
        spread.append(word)
    return spread


@click.command(cls=WithLists)
@workbook_argument
@click.option("--of", required=True, metavar="CELL", help="The cell that is derived: the first of a filled-down block.")
@click.option("--wrt", multiple=True, required=True, metavar="CELL ...", help="The cells it is derived by.")
@click.option("--against", multiple=True, required=True, metavar="CELL ...", help="The cells with the derivatives.")
@click.option("--sheet", help="Where addresses without a sheet are.")
@click.option("--show", type=click.IntRange(min=0), default=10, show_default=True, help="Wrong cells to show a column.")
@json_option
@quiet_option
def command(
    workbook: Path,
    of: str,
    wrt: tuple[str, ...],
    against: tuple[str, ...],
    sheet: str | None,
    show: int,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare derivatives in the cells of WORKBOOK with the exact ones.

    As in: sheetml gradcheck graddesc.xlsx --sheet "basic SGD" --of F4 --wrt C4 D4 --against K4 L4

    The addresses are those of a block's first row and move down with it, unless they are absolute (C$1)
    or names. --against holds a derivative for each cell of --wrt, in that order, or several rounds of
    them. Columns of differences are recognised, with their step. Exit code 1 where a cell is wrong.
    """
    import sheetml
    from sheetml.derivatives import check_derivatives

    checks = check_derivatives(sheetml.open(workbook), of, wrt, against, sheet)
    if as_json:
        print_json({"workbook": workbook, "columns": [_document(check) for check in checks]})
    elif not quiet:
        _print(checks, show)
    return int(any(check.wrong for check in checks))


def _print(checks: list[DerivativeCheck], show: int) -> None:
    from rich.text import Text

    from sheetml.engine.values import describe
    from sheetml.report.words import minus

    console = results()
    numbers = ("Rows", "Largest difference", "Mean", "Largest relative", "Mean relative")
    table = new_table("Derivative of", "by", "Cells", *numbers, "Verdict", right=numbers)
    for check in checks:
        table.add_row(
            *map(Text, (check.of, check.wrt, check.against)),
            f"{check.rows:,}",
            minus(f"{check.largest:.6g}"),
            minus(f"{check.mean:.6g}"),
            minus(f"{check.largest_relative:.1e}"),
            minus(f"{check.mean_relative:.1e}"),
            Text(check.verdict, "red" if check.wrong else ""),
        )
    show_table(console, table)
    console.print("Differences are from the exact derivatives.", markup=False)
    for check in checks:
        for cell in check.wrong[:show]:
            off = f", off by {minus(f'{cell.stated - cell.expected:.6g}')}" if isinstance(cell.stated, float) else ""
            right = minus(f"{cell.expected:.15g}")
            console.print(f"{cell.cell} is {describe(cell.stated)} and should be {right}{off}", markup=False)
        if len(check.wrong) > show > 0:
            more = len(check.wrong) - show
            console.print(f"... and {more:,} more in {check.against}: --show {len(check.wrong)}", markup=False)


def _document(check: DerivativeCheck) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(check), "verdict": check.verdict}
