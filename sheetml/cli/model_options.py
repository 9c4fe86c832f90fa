"""The options that state a Solver model, and the model that they make."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sheetml.errors import SolverError, WorkbookError

if TYPE_CHECKING:
    from sheetml.api import Workbook
    from sheetml.solve.model import SolverModel

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--minimise", "--minimize", metavar="CELL", help="State a model: the cell to make as small as can be."
    ),
    click.option("--maximise", "--maximize", metavar="CELL", help="... the cell to make as large as can be."),
    click.option("--objective", metavar="CELL", help="... the cell to be brought to the value of --to."),
    click.option("--to", type=float, metavar="VALUE", help="What --objective is to come to."),
    click.option("--by", multiple=True, metavar="CELLS", help="The adjustable cells: B2:B6,D2, or a name."),
    click.option(
        "--subject-to", multiple=True, metavar="TEXT", help='A constraint, as "C2:C4 <= D2:D4", "0 <= B2 <= 9".'
    ),
    click.option("--integer", multiple=True, metavar="CELLS", help="Adjustable cells that hold whole numbers."),
    click.option("--binary", multiple=True, metavar="CELLS", help="Adjustable cells that hold 0 or 1."),
    click.option(
        "--all-different", multiple=True, metavar="CELLS", help="Cells that hold 1 to their number, each once."
    ),
    click.option("--may-be-negative", is_flag=True, help="Cells without a bound may be negative."),
)


def model_options(function: F) -> F:
    """The options of a model; the command gets them as keywords of their own names."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def is_stated(stated: dict[str, Any]) -> bool:
    """Whether any of the options was given."""
    return any(value not in (None, (), False) for value in stated.values())


def model_from(book: Workbook, sheet: str | None, stated: dict[str, Any]) -> SolverModel:
    """The model that the options state on a sheet: the one given, the objective's, or the only one."""
    from sheetml.solve.statement import Statement, goal, stated_model

    try:
        cell, sense, value = goal(*(stated[option] for option in ("minimise", "maximise", "objective", "to")))
    except ValueError as error:
        raise click.UsageError(str(error)[:1].upper() + str(error)[1:] + ".") from None
    if not stated["by"]:
        raise click.UsageError("State the adjustable cells with --by.")
    statement = Statement(
        stated["by"],
        cell,
        sense,
        value,
        stated["subject_to"],
        stated["integer"],
        stated["binary"],
        stated["all_different"],
        stated.get("engine") or "grg",
        stated["may_be_negative"],
    )
    return stated_model(book, sheet_of(book, sheet, (cell, *stated["by"])), statement)


def sheet_of(book: Workbook, sheet: str | None, addresses: tuple[str, ...] = ()) -> str:
    """The sheet that is meant: the one given, the first that an address names, or the workbook's only one."""
    if sheet is not None:
        return existing(book, sheet)
    for text in addresses:
        if "!" in text:
            return book.resolve(text)[0][0]
    if len(book.sheet_names) == 1:
        return book.sheet_names[0]
    raise SolverError(f"{book.path} has several sheets, {', '.join(book.sheet_names)}: say which with --sheet.")


def existing(book: Workbook, sheet: str) -> str:
    """The sheet's name as the workbook spells it."""
    for name in book.sheet_names:
        if name.casefold() == sheet.casefold():
            return name
    raise WorkbookError(f"{book.path} has no sheet {sheet!r}: it has {', '.join(book.sheet_names)}.")


def how_to_state(book: Workbook) -> str:
    """A command that would state a model in this workbook."""
    sheet = shlex.quote(book.sheet_names[0]) if book.sheet_names else "SHEET"
    model = '--minimise CELL --by CELLS --subject-to "CELLS <= CELLS"'
    return f"sheetml solver {shlex.quote(str(book.path))} --sheet {sheet} {model}"
