"""`sheetml macro`: list and run the macros of a workbook."""

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
    quiet_option,
    results,
    say,
    show_table,
    workbook_argument,
    workbook_output,
    written,
)
from sheetml.errors import MacroError

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.macros.session import ChangedCell, Macro, MacroRun, Macros
    from sheetml.xlsx.buttons import Button

MOST_SHOWN = 20  # written cells of one sheet


@click.command()
@workbook_argument
@click.argument("macro", required=False)
@click.option(
    "--list", "list_macros", is_flag=True, help="Show the macros, their buttons, and whether they can be run."
)
@click.option("--source", metavar="MODULE", help="Print the source of a module, named by itself or by its sheet.")
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True, help="How often to run the macro.")
@click.option("-o", "--output", type=OUTPUT_FILE, help="Where to write; default: WORKBOOK with .run in its name.")
@click.option("--in-place", is_flag=True, help="Write the result into WORKBOOK itself.")
@overwrite_option
@click.option(
    "--sheet", help="The sheet that is active as the macro starts; default: the macro's own, or the stored one."
)
@click.option("--seed", type=click.IntRange(min=0), help="Makes Rnd, Randomize and RAND repeatable.")
@click.option("--max-statements", type=click.IntRange(min=0), help="Statements after which to stop; 0: no limit.")
@click.option("--max-time", type=click.FloatRange(min=0), help="Seconds after which to stop; 0: no limit.")
@json_option
@quiet_option
def command(
    workbook: Path,
    macro: str | None,
    list_macros: bool,
    source: str | None,
    times: int,
    output: Path | None,
    in_place: bool,
    overwrite: bool,
    sheet: str | None,
    seed: int | None,
    max_statements: int | None,
    max_time: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run a MACRO of WORKBOOK, named as in adam.onestep, and write the result beside it.

    The macro is read from the workbook and run by an interpreter: nothing of it can reach beyond the
    workbook's cells. A macro that uses something unsupported is not begun. What MsgBox and Debug.Print
    say is printed.
    """
    import sheetml

    if in_place and output is not None:
        raise click.UsageError("--in-place and --output contradict each other.")
    book = sheetml.open(workbook)
    if source is not None:
        say(book.macros.source(source).replace("\r\n", "\n").rstrip())
        return 0
    if list_macros or macro is None:
        _list(book, as_json)
        return 0
    from sheetml.macros.session import MOST_SECONDS, MOST_STATEMENTS

    target = workbook if in_place else output or workbook.with_name(f"{workbook.stem}.run{workbook.suffix}")
    if not in_place:
        workbook_output(workbook, target, overwrite=overwrite)
    show = not (quiet or as_json)
    run = book.macros.run(
        macro,
        times=times,
        sheet=sheet,
        seed=seed,
        max_statements=MOST_STATEMENTS if max_statements is None else max_statements,
        max_seconds=MOST_SECONDS if max_time is None else max_time,
        on_output=say if show else None,
    )
    pending = _brought_up_to_date(book)
    book.save(target, overwrite=in_place)
    if as_json:
        print_json(_document(book, target, run))
    elif show:
        _print(book, target, run, pending)
    return 0


def _brought_up_to_date(book: Workbook) -> bool:
    """Recalculates what the macro left uncalculated, as Excel does before it saves; whether there was any."""
    if book.calculation.is_current:
        return False
    book.calculate()
    return True


# ---- listing -----------------------------------------------------------------------------------


def _list(book: Workbook, as_json: bool) -> None:
    from sheetml.xlsx.buttons import read_buttons

    macros = book.macros
    rows = [(macro, _problem(macros, macro)) for macro in macros.list()]
    buttons = _by_macro(macros, read_buttons(book.file))
    if as_json:
        print_json([_macro_document(book, macro, problem, buttons) for macro, problem in rows])
        return
    console = results()
    if not rows:
        console.print(f"{book.path} has no macros.", markup=False)
        return
    from rich.text import Text

    table = new_table("Macro", "Sheet", "Line", "Buttons", "Can be run", right=("Line",))
    for macro, problem in rows:
        called = ", ".join(_button_text(book, button) for button in buttons.get(macro.full_name, []))
        can = "with arguments, by other macros" if macro.parameters else "yes"
        table.add_row(macro.full_name, Text(macro.sheet or ""), str(macro.line), Text(called), Text(problem or can))
    show_table(console, table)


def _problem(macros: Macros, macro: Macro) -> str:
    """Why a macro cannot be run; "" where it can."""
    try:
        macros.check(macro.full_name)
    except MacroError as error:
        return str(error)
    return ""


def _by_macro(macros: Macros, buttons: list[Button]) -> dict[str, list[Button]]:
    found: dict[str, list[Button]] = {}
    for button in buttons:
        try:
            module, callee = macros.find(button.procedure)
        except MacroError:  # it calls a macro that is not there
            continue
        found.setdefault(f"{module.name}.{callee.procedure.name}", []).append(button)
    return found


def _button_text(book: Workbook, button: Button) -> str:
    return f"{button.caption or button.name} ({book.sheet_names[button.sheet]})"


def _macro_document(book: Workbook, macro: Macro, problem: str, buttons: dict[str, list[Button]]) -> dict[str, Any]:
    return {
        "macro": macro.full_name,
        "kind": macro.kind,
        "sheet": macro.sheet,
        "line": macro.line,
        "arguments": macro.parameters,
        "buttons": [
            {"sheet": book.sheet_names[button.sheet], "name": button.name, "caption": button.caption}
            for button in buttons.get(macro.full_name, [])
        ],
        "problem": problem or None,
    }


# ---- what a run did ----------------------------------------------------------------------------


def _print(book: Workbook, target: Path, run: MacroRun, pending: bool) -> None:
    console = results()
    times = "" if run.times == 1 else f" {run.times:,} times"
    console.print(f"{run.macro} ran{times}: {_count(run.statements, 'statement')} in {run.seconds:.2f} s", markup=False)
    for sheet in book.sheet_names:
        changed = [cell for cell in run.changed if cell.sheet == sheet]
        if changed:
            _print_sheet(console, sheet, changed)
    if not run.changed:
        console.print("No cell changed.", markup=False)
    if pending:
        console.print("The macro left calculation manual: the rest was recalculated to be saved.", markup=False)
    for address, reason in list(book.problems.items())[:10]:
        console.print(f"{address} could not be computed: {reason}", markup=False)
    written(console, target)


def _print_sheet(console: Any, sheet: str, changed: list[ChangedCell]) -> None:
    from rich.text import Text

    from sheetml.formula.references import cell_name

    stated = [cell for cell in changed if cell.written]
    computed = len(changed) - len(stated)
    console.print(
        f"{sheet}: {_count(len(stated), 'cell')} written, {_count(computed, 'formula')} changed", markup=False
    )
    if not stated:
        return
    table = new_table("Cell", "Before", "After", right=("Before", "After"))
    for cell in stated[:MOST_SHOWN]:
        table.add_row(cell_name(cell.row, cell.column), Text(_shown(cell.before)), Text(_shown(cell.after)))
    show_table(console, table)
    if len(stated) > MOST_SHOWN:
        console.print(f"  and {_count(len(stated) - MOST_SHOWN, 'cell')} more", markup=False)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else what + 's'}"


def _shown(value: Any) -> str:
    from sheetml.report.words import minus
    from sheetml.xlsx.model import ERROR_TEXT, ErrorCode

    if value is None:
        return ""
    if isinstance(value, ErrorCode):
        return ERROR_TEXT[value]
    if isinstance(value, bool):
        return str(value).upper()
    return minus(f"{value:.10g}") if isinstance(value, float) else str(value)


def _document(book: Workbook, target: Path, run: MacroRun) -> dict[str, Any]:
    import sheetml

    return {
        "sheetml": sheetml.__version__,
        "workbook": book.path,
        "output": target,
        "macro": run.macro,
        "times": run.times,
        "statements": run.statements,
        "seconds": run.seconds,
        "printed": run.output,
        "changed": [
            {"cell": cell.address, "before": _plain(cell.before), "after": _plain(cell.after), "written": cell.written}
            for cell in run.changed
        ],
        "not_computed": book.problems,
    }


def _plain(value: Any) -> Any:
    from sheetml.xlsx.model import ErrorCode

    return _shown(value) if isinstance(value, ErrorCode) else value
