"""The command line. One module a command; none is imported before its command is used."""

from __future__ import annotations

import difflib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from sheetml.errors import SheetmlError
from sheetml.version import __version__

BAD_INPUT = 2  # the exit code for input that cannot be used
INTERRUPTED = 130

COMMANDS = {
    "run": "Recompute, solve the Solver models, run the training loops, write the workbook back.",
    "serve": "Open a workbook on a page in the browser, and watch it learn.",
    "solver": "State, show or remove the Solver models of a workbook.",
    "seek": "Find the value of a cell that brings another to a value (goal seek).",
    "export-model": "Write a linear Solver model as .mps, .lp or a Python script.",
    "export-code": "Write a cell, with its gradient, as a Python module that needs NumPy only.",
    "check": "Recompute every formula and compare with the values Excel stored.",
    "table": "Show what cells are for values of one input, or of two.",
    "simulate": "Draw scenarios of uncertain inputs (Monte Carlo), and say what cells come to.",
    "sensitivity": "Rank inputs by how much a cell moves with them (exact derivatives).",
    "tornado": "Show how far a cell swings as each input goes from low to high.",
    "scenarios": "List, compare, show, add or remove the scenarios of Excel's Scenario Manager.",
    "new": "Build a workbook from your own data.",
    "gradcheck": "Compare derivatives in a workbook's cells with the exact ones.",
    "inspect": "Show sheets, formula blocks, names, tables, Solver models, macros.",
    "macro": "List and run the workbook's own macros.",
    "fit": "Train a model of ratings.",
    "evaluate": "Measure a model of ratings on others.",
    "recommend": "Print what a user is predicted to like best.",
    "similar": "Print the items most like an item.",
    "export": "Write a model of ratings into a workbook.",
    "explain": "Explain a cell: formula in words, what it depends on, what moves it most.",
    "audit": "Look for what is probably wrong: broken patterns, dead names, idle Solver cells.",
    "compare": "Compare two workbooks cell by cell, with a web page of the sheets side by side.",
}


@contextmanager
def _starting() -> Iterator[None]:
    """While packages are imported Ctrl-C ends the process at once: nothing is begun that would have to be undone."""

    def leave(*_: Any) -> None:
        os.write(sys.stderr.fileno(), b"sheetml: interrupted.\n")
        os._exit(INTERRUPTED)

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else somebody else has a say in it
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Commands(click.Group):
    """Finds a command in the module of its name, imported only when it is used.

    `commands_by_name` are the commands with what they do; `prefix` comes before a command's module.
    """

    def __init__(self, *arguments: Any, commands_by_name: dict[str, str], prefix: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.commands_by_name = commands_by_name
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_by_name:
            return None
        with _starting():
            module = importlib.import_module(self.prefix + cmd_name.replace("-", "_"))
        # a file's numbers overflow and divide by zero: that shows in the results, and is no warning to who calls
        ctx.with_resource(importlib.import_module("numpy").errstate(all="ignore"))
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; a name that is mistyped is answered with those that are like it."""
        name = args[0]
        if name in self.commands_by_name or name.startswith("-"):
            return super().resolve_command(ctx, args)
        path = ctx.command_path
        likest = difflib.get_close_matches(name.lower(), self.commands_by_name, n=3, cutoff=0.6)
        if likest:
            help_ = f"did you mean {' or '.join(f'{path} {each}' for each in likest)}?"
        elif Path(name).suffix.lower() in (".xlsx", ".xlsm"):
            help_ = f"that is a workbook; say what to do with it, as in: {path} run {name}"
        else:
            help_ = f"see {path} --help."
        raise click.UsageError(f"There is no command {name!r}: {help_}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.commands_by_name.items()))


@click.group(
    cls=Commands,
    commands_by_name=COMMANDS,
    prefix="sheetml.cli.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="sheetml")
def sheetml() -> None:
    """Runs Excel workbooks as machine-learning models, without Excel."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits: 0 well, 1 differences or findings, 2 bad input, 130 interrupted."""
    try:
        result = sheetml.main(arguments, prog_name="sheetml", standalone_mode=False)
        with suppress(BrokenPipeError):
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except SheetmlError as error:
        from sheetml.cli.terminal import say

        say(f"sheetml: {error}", error=True)
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, click.Abort) as stopped:
        why = str(stopped) or str(stopped.__cause__ or "")  # click turns the one into the other
        click.echo(f"sheetml: interrupted{f': {why}' if why else '.'}", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(result if isinstance(result, int) else 0)
