"""`sheetml solver`: state, show and remove the Solver models that a workbook holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.model_options import existing, how_to_state, is_stated, model_from, model_options, sheet_of
from sheetml.cli.terminal import (
    OUTPUT_FILE,
    OneOf,
    json_option,
    overwrite_option,
    print_json,
    quiet_option,
    results,
    workbook_argument,
    workbook_output,
)
from sheetml.errors import SolverError

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.solve.model import SolverModel


@click.command()
@workbook_argument
@click.option("--sheet", help="The model's sheet; default: the objective's, or the only one.")
@model_options
@click.option("--engine", type=OneOf("sheetml.solve.statement", "ENGINES"), help="Excel's engine; default: grg.")
@click.option("--name", default="", help="A further model of the sheet, kept under this name beside Excel's own.")
@click.option("--show", is_flag=True, help="Show the models; so it does without any option.")
@click.option("--use", metavar="NAME", help="Make the model kept under this name the one that Excel's dialog shows.")
@click.option("--remove", is_flag=True, help="Remove the sheet's model, or the one of --name.")
@click.option("-o", "--output", type=OUTPUT_FILE, help="Where to write; default: into WORKBOOK itself.")
@overwrite_option
@json_option
@quiet_option
def command(
    workbook: Path,
    sheet: str | None,
    name: str,
    show: bool,
    use: str | None,
    remove: bool,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **stated: Any,
) -> None:
    """State a Solver model in WORKBOOK as Excel stores it, so that Excel's dialog shows it; or show what there is.

    As in: sheetml solver book.xlsx --minimise G3 --by B2:B6 --subject-to "C2:C4 <= D2:D4" --integer B2:B3 --engine lp

    A model stated takes the place of the sheet's own, with all its settings. With --name it is kept beside it:
    --use makes it the sheet's own. Only the workbook's hidden names change; nothing is solved.
    """
    import sheetml

    wanted = [is_stated(stated), use is not None, remove]
    if sum(wanted) > 1 or (show and any(wanted)):
        raise click.UsageError("State a model, or --show, --use or --remove one: one at a time.")
    if use is not None and name:
        raise click.UsageError("--use names the model itself: leave out --name.")
    if output is not None:
        workbook_output(workbook, output, overwrite=overwrite)
    book = sheetml.open(workbook)
    if not any(wanted):
        _show(book, None if sheet is None else existing(book, sheet), as_json)
        return
    if use is not None:
        done = _use(book, sheet_of(book, sheet), use)
    elif remove:
        done = _remove(book, sheet_of(book, sheet), name)
    else:
        done = _store(book, sheet, name, stated)
    target = output or workbook
    book.save(target, overwrite=output is None, only_names=True)
    if as_json:
        print_json({"workbook": workbook, "output": target, "done": done, **_document(book, None)})
    elif not quiet:
        results().print(f"{done}\nWritten to {target}", markup=False, soft_wrap=True)


def _store(book: Workbook, sheet: str | None, name: str, stated: dict[str, Any]) -> str:
    from sheetml.solve.statement import store

    model = model_from(book, sheet, stated)
    store(model, name)
    called = f" as {name}" if name else ""
    return f"{model.sheet}: stored{called}: " + "\n  ".join(model.describe())


def _use(book: Workbook, sheet: str, name: str) -> str:
    from sheetml.solve.statement import store

    kept = book.saved_solver_models
    if (sheet, name) not in kept:
        names = [each for home, each in kept if home == sheet]
        there_are = f"it has {', '.join(names)}" if names else "it has none beside Excel's own"
        raise SolverError(f"{book.path}, sheet {sheet!r}: it has no model {name!r}: {there_are}.")
    store(kept[sheet, name])
    return f"{sheet}: {name} is the sheet's model now: {kept[sheet, name].describe()[0]}"


def _remove(book: Workbook, sheet: str, name: str) -> str:
    if not book.remove_solver_model(sheet, name):
        raise SolverError(
            f"{book.path}, sheet {sheet!r}: it has no Solver model{f' {name!r}' if name else ''} to remove."
        )
    return f"{sheet}: the model{f' {name}' if name else ''} is removed."


# ---- showing -----------------------------------------------------------------------------------


def _models(book: Workbook, sheet: str | None) -> list[tuple[str, str, SolverModel]]:
    """Each model's sheet and name ("" for the sheet's own)."""
    models = [(model.sheet, "", model) for model in book.solver_models]
    models += [(home, name, model) for (home, name), model in book.saved_solver_models.items()]
    return sorted((each for each in models if sheet in (None, each[0])), key=lambda each: each[:2])


def _show(book: Workbook, sheet: str | None, as_json: bool) -> None:
    from sheetml.solve.model import left_over

    if as_json:
        print_json({"workbook": book.path, **_document(book, sheet)})
        return
    console = results()
    models = _models(book, sheet)
    for home, name, model in models:
        called = f" ({name})" if name else ""
        console.print(f"{home}{called}: " + "\n  ".join(model.describe()), markup=False, soft_wrap=True)
    if not models:
        where = "workbook" if sheet is None else "sheet"
        console.print(
            f"There is no Solver model in the {where}. State one with: {how_to_state(book)}",
            markup=False,
            soft_wrap=True,
        )
    for sentence in left_over(book):
        console.print(sentence, markup=False)


def _document(book: Workbook, sheet: str | None) -> dict[str, Any]:
    return {
        "models": [
            {"sheet": home, "name": name or None, "words": model.describe()}
            for home, name, model in _models(book, sheet)
        ]
    }
