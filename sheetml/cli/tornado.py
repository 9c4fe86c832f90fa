"""`sheetml tornado`: what a cell does as each input goes from low to high, the others staying as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    PICTURES,
    check_output,
    json_option,
    messages,
    new_table,
    overwrite_option,
    print_json,
    results,
    show_table,
    workbook_argument,
    written,
)
from sheetml.cli.whatif_options import SHEET, home_of, labelled, labels, number, short

if TYPE_CHECKING:
    from sheetml.api import Workbook

WIDTH = 16  # characters of the widest bar


@click.command()
@workbook_argument
@click.option("--input", "inputs", multiple=True, required=True, metavar="CELLS[=LOW..HIGH]",
              help="What is varied: B1=0.05..0.09, B1~normal(0.07, 0.02) for its 10% and 90% quantiles, "
                   "or cells alone for --by around their values.")  # fmt: skip
@click.option("--output", required=True, metavar="CELL", help="The cell that they move.")
@SHEET
@click.option("--by", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, metavar="PERCENT",
              help="How far cells without limits go down and up.")  # fmt: skip
@click.option("-n", "--most", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@click.option("-o", "--to", "target", type=OUTPUT_FILE, help="Draw it, as PNG, into this file.")
@overwrite_option
@json_option
def command(
    workbook: Path, inputs: tuple[str, ...], output: str, sheet: str | None, by: float, most: int, target: Path | None,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show how far a cell of WORKBOOK swings as each input alone goes from low to high, the widest swing first.

    As in: sheetml tornado book.xlsx --input B1=0.05..0.09 --input B2:B9 --output F9
    """
    import sheetml
    from sheetml.cli.model_options import existing
    from sheetml.whatif import tornado

    if target is not None:
        check_output(target, PICTURES, overwrite=overwrite)
    book = sheetml.open(workbook)
    book.calculate()
    home = None if sheet is None else existing(book, sheet)
    slots, lows, highs = _limits(book, inputs, home, by / 100)
    function = book.function_of(slots, book.held_slots(book.areas(output, home))[:1])
    found = tornado(function, lows, highs)
    names, base = labels(book, function), float(np.ravel(function(function.x0))[0])
    if target is not None:
        from sheetml.report.whatif_plots import tornado_plot

        tornado_plot(found[:most], base, function.output_addresses[0], names, target)
    if as_json:
        swings = [{"cell": each.address, "label": names[each.address], "low": each.low, "high": each.high,
                   "at_low": each.at_low, "at_high": each.at_high} for each in found]  # fmt: skip
        print_json({"workbook": workbook, "output": function.output_addresses[0], "value": base, "swings": swings})
        return
    where = home_of([*function.input_addresses, *function.output_addresses])
    name = labelled(function.output_addresses[0], where, names[function.output_addresses[0]])
    headings = ("Input", "Label", "Low", "High", "At low", "At high", "Swing")
    shown = new_table(*headings, title=f"{name} = {number(base)}", right=headings[2:6])
    widest = max((each.size for each in found if each.size == each.size), default=0.0)
    for each in found[:most]:
        bar = "█" * round(WIDTH * each.size / widest) if widest and each.size == each.size else ""
        numbers = map(number, (each.low, each.high, each.at_low, each.at_high))
        shown.add_row(short(each.address, where), names[each.address], *numbers, bar)
    show_table(results(), shown)
    written(messages(), target)


def _limits(
    book: Workbook, inputs: tuple[str, ...], sheet: str | None, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The input cells and, of each, how low and how high it goes."""
    from sheetml.whatif.variation import uncertain, varied

    slots: list[int] = []
    lows: list[float] = []
    highs: list[float] = []
    for text in inputs:
        if "~" in text:
            of = uncertain(book, text, sheet)
            low, high = of.distribution.quantile(np.array([0.1, 0.9])).tolist()
            cells = np.array([of.slot])
        elif "=" in text:
            tried = varied(book, text, sheet)
            low, high, cells = float(tried.values.min()), float(tried.values.max()), np.array([tried.slot])
        else:
            cells = book.held_slots(book.areas(text, sheet))
            cells = cells[~book.calculation.is_formula(cells)]
            values = book.calculation.numbers(cells)
            slots += cells.tolist()
            lows += (values - share * np.abs(values)).tolist()
            highs += (values + share * np.abs(values)).tolist()
            continue
        slots += cells.tolist()
        lows.append(low)
        highs.append(high)
    return np.array(slots, np.intp), np.array(lows), np.array(highs)
