"""`sheetml scenarios`: the scenarios of Excel's Scenario Manager, listed, compared, shown, added, removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    json_option,
    new_table,
    overwrite_option,
    print_json,
    results,
    show_table,
    workbook_argument,
    workbook_output,
)
from sheetml.cli.whatif_options import SHEET, home_of, label, labelled, number

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.whatif.scenarios import Compared, Named
    from sheetml.xlsx.model import CellValue


@click.command()
@workbook_argument
@click.argument("values", nargs=-1, metavar="[CELL=VALUE]...")
@click.option("--compare", is_flag=True, help="Show what the cells of --output are now and in each scenario.")
@click.option("--output", "outputs", multiple=True, metavar="CELLS", help="What --compare shows: cells, or a name.")
@click.option("--add", metavar="NAME", help="Keep the values CELL=VALUE as a scenario of this name.")
@click.option("--comment", default="", help="What the scenario that is added is about.")
@click.option("--remove", metavar="NAME", help="Remove a scenario.")
@click.option("--show", metavar="NAME", help="Put a scenario's values into the cells, and write the workbook to -o.")
@SHEET
@click.option("-o", "--to", "target", type=OUTPUT_FILE,
              help="Where to write; default: into WORKBOOK itself, but for --show.")  # fmt: skip
@overwrite_option
@json_option
def command(
    workbook: Path, values: tuple[str, ...], compare: bool, outputs: tuple[str, ...], add: str | None, comment: str,
    remove: str | None, show: str | None, sheet: str | None, target: Path | None, overwrite: bool, as_json: bool,
) -> int:  # fmt: skip
    """List the scenarios that Excel's Scenario Manager keeps in WORKBOOK; compare, show, add or remove them.

    As in: sheetml scenarios book.xlsx --compare --output F9

    or: sheetml scenarios book.xlsx --add "Low price" B1=9 B2=1200 --comment "as in spring"

    Exit code 1 where a cell has no number in some scenario.
    """
    import sheetml
    from sheetml.cli.model_options import existing
    from sheetml.whatif import scenarios

    _check(values, compare, outputs, add, remove, show, target)
    if target is not None:
        workbook_output(workbook, target, overwrite=overwrite)
    book = sheetml.open(workbook)
    home = None if sheet is None else existing(book, sheet)
    if compare:
        book.calculate()
        return _compare(book, scenarios.compared(book, outputs, home), as_json)
    if add is None and remove is None and show is None:
        _list(book, scenarios.listed(book, home), as_json)
        return 0
    if add is not None:
        named = scenarios.add(book, add, values, comment, home)
        done = f"{named.sheet}: the scenario {named.scenario.name} is stored."
    elif remove is not None:
        named = scenarios.found(book, remove, home)
        scenarios.remove(book, named)
        done = f"{named.sheet}: the scenario {named.scenario.name} is removed."
    else:
        named = scenarios.found(book, show or "", home)
        scenarios.show(book, named)
        done = f"{named.sheet}: the cells hold the values of {named.scenario.name}."
    to = target or workbook
    book.save(to, overwrite=target is None, only_names=show is None)
    if as_json:
        print_json({"workbook": workbook, "output": to, "done": done, "scenarios": _document(scenarios.listed(book))})
    else:
        results().print(f"{done}\nWritten to {to}", markup=False, soft_wrap=True)
    return 0


def _check(
    values: tuple[str, ...], compare: bool, outputs: tuple[str, ...], add: str | None, remove: str | None,
    show: str | None, target: Path | None,
) -> None:  # fmt: skip
    """Raises UsageError where options do not go together."""
    if sum((compare, add is not None, remove is not None, show is not None)) > 1:
        raise click.UsageError("Say --compare, --add, --remove or --show: one at a time.")
    if compare != bool(outputs):
        raise click.UsageError("--compare shows the cells of --output: say both.")
    if values and add is None:
        raise click.UsageError("CELL=VALUE is what --add keeps: say the scenario's name with --add.")
    if show is not None and target is None:
        raise click.UsageError("--show changes cells: say with -o where to write the workbook.")
    if target is not None and add is None and remove is None and show is None:
        raise click.UsageError("-o writes what --add, --remove or --show has changed: say one of them.")


def _document(listed: list[Named]) -> list[dict[str, Any]]:
    from sheetml.xlsx.model import cell_address

    return [
        {"sheet": each.sheet, "name": each.scenario.name, "comment": each.scenario.comment, "user": each.scenario.user,
         "locked": each.scenario.locked, "hidden": each.scenario.hidden,
         "cells": {cell_address(*place): text for place, text in each.scenario.cells.items()}}
        for each in listed
    ]  # fmt: skip


def _list(book: Workbook, listed: list[Named], as_json: bool) -> None:
    """Each scenario with its values, and what stands beside its cells."""
    from sheetml.xlsx.model import Area, cell_address

    if as_json:
        print_json({"workbook": book.path, "scenarios": _document(listed)})
        return
    if not listed:
        results().print(f'There are no scenarios. Add one with: sheetml scenarios {book.path} --add NAME CELL=VALUE',
                        markup=False, soft_wrap=True)  # fmt: skip
    for each in listed:
        scenario = each.scenario
        about = [each.sheet, *filter(None, (scenario.comment, scenario.user and f"by {scenario.user}")),
                 *(word for word in ("locked", "hidden") if getattr(scenario, word))]  # fmt: skip
        results().print(f"{scenario.name} ({', '.join(about)})", markup=False, soft_wrap=True)
        shown = new_table("Cell", "Label", "Value", right=("Value",))
        for (row, column), text in scenario.cells.items():
            slots = book.held_slots([(book.sheet_names.index(each.sheet), Area(row, column, row, column))])
            shown.add_row(cell_address(row, column), label(book, int(slots[0])), text)
        show_table(results(), shown)


def _compare(book: Workbook, found: Compared, as_json: bool) -> int:
    complete = all(
        isinstance(value, float) for values in (found.now, *(v for _, v in found.scenarios)) for value in values
    )
    if as_json:
        lines = [{"sheet": each.sheet, "name": each.scenario.name, "values": [_plain(value) for value in values]}
                 for each, values in found.scenarios]  # fmt: skip
        now = [_plain(value) for value in found.now]
        print_json({"workbook": book.path, "outputs": found.outputs, "now": now, "scenarios": lines})
        return 0 if complete else 1
    home = home_of(found.outputs)
    named = [labelled(each, home, label(book, int(book.held_slots(book.areas(each))[0]))) for each in found.outputs]
    shown = new_table("Scenario", *named, right=named)
    for name, values in [("as it is", found.now), *((each.scenario.name, values) for each, values in found.scenarios)]:
        shown.add_row(name, *(number(value) if isinstance(value, float) else str(_plain(value)) for value in values))
    show_table(results(), shown)
    return 0 if complete else 1


def _plain(value: CellValue) -> float | str | bool | None:
    from sheetml.xlsx.model import ERROR_TEXT, ErrorCode

    return ERROR_TEXT[value] if isinstance(value, ErrorCode) else value
