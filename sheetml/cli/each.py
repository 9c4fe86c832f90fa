"""One command for several workbooks, one after the other, for tools that give it many at once, as pre-commit does:

    python -m sheetml.cli.each audit --ignore no-mean a.xlsx b.xlsx

The exit code is the worst of all.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sheetml.cli import BAD_INPUT, main

SUFFIXES = (".xlsx", ".xlsm")


def each(arguments: list[str]) -> int:
    """Runs a command on every workbook among its arguments; the others are options that each run gets."""
    if not arguments:
        click.echo("sheetml: say which command is to be run: python -m sheetml.cli.each audit book.xlsx", err=True)
        return BAD_INPUT
    command, *others = arguments
    workbooks = [argument for argument in others if Path(argument).suffix.lower() in SUFFIXES]
    options = [argument for argument in others if argument not in workbooks]
    worst = 0
    for workbook in workbooks:
        if len(workbooks) > 1:
            click.echo(f"{workbook}:")
        try:
            main([command, *options, workbook])
        except SystemExit as end:
            worst = max(worst, end.code if isinstance(end.code, int) else BAD_INPUT)
    return worst


if __name__ == "__main__":
    sys.exit(each(sys.argv[1:]))
