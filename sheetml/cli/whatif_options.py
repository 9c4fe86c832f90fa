"""What the commands that ask "what if" share: options, labels beside cells, numbers in tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.engine.cell_function import CellFunction

F = TypeVar("F", bound=Callable[..., Any])

SHEET = click.option("--sheet", help="Where addresses without a sheet are; default: the only one.")
OUTPUT_CELLS = click.option(
    "--output", "outputs", multiple=True, required=True, metavar="CELLS", help="What is asked for: cells, or a name."
)


def label(book: Workbook, slot: int) -> str:
    """The text beside a cell that says what it is; "" if there is none."""
    from sheetml.report.labels import label_of
    from sheetml.xlsx.model import Area

    sheet, row, column = book.calculation.place(slot)
    return label_of(book.calculation, sheet, Area(row, column, row, column))


def labels(book: Workbook, function: CellFunction) -> dict[str, str]:
    """The labels of a function's inputs and outputs by their addresses."""
    found: dict[str, str] = {}
    for slots, addresses in (
        (function.input_slots, function.input_addresses),
        (function.output_slots, function.output_addresses),
    ):
        found |= {address: label(book, int(slot)) for slot, address in zip(slots, addresses)}
    return found


def number(value: float, digits: int = 6) -> str:
    """A number in a table, and nothing where there is none."""
    return "" if value != value else f"{value:,.{digits}g}" if abs(value) < 1e15 else f"{value:.{digits}g}"


def short(address: str, home: str) -> str:
    """An address without the sheet that most of them are on."""
    from sheetml.report.words import without_sheet

    return without_sheet(address, home)


def labelled(address: str, home: str, label: str) -> str:
    """The same with what stands beside the cell."""
    return f"{short(address, home)} {label}".rstrip()


def home_of(addresses: list[str]) -> str:
    """The sheet that all of the addresses are on; "" where they are on several."""
    sheets = {address.rpartition("!")[0] for address in addresses}
    return sheets.pop() if len(sheets) == 1 else ""
