"""The errors a user of sheetml meets, each a sentence that names its place."""

from __future__ import annotations

from collections.abc import Iterable


class SheetmlError(Exception):
    """Base of all errors that are the input's fault; the command line prints it and exits with 2."""


class WorkbookError(SheetmlError):
    """The file is not a workbook that can be read; the message names the file and the cause."""


class UnknownSheetError(SheetmlError, KeyError):
    """A sheet that the workbook does not have; the message names those that it has, or the one that was meant."""

    __str__ = Exception.__str__  # a KeyError would show its message in quotes


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """ "did you mean 'dotprod'?", or "" where nothing known is like it."""
    import difflib

    by_key = {name.casefold(): name for name in known}
    by_key.pop(wanted.casefold(), None)
    close = difflib.get_close_matches(wanted.casefold(), by_key, n=1, cutoff=0.7)
    return f"did you mean {by_key[close[0]]!r}?" if close else ""


class FormulaError(SheetmlError):
    """A formula, name or reference that cannot be understood; the message names the cell."""


class CalculationError(SheetmlError):
    """A value that was asked for cannot be computed; the message names the cell and the cause."""


class UncomputableError(CalculationError):
    """A value that sheetml does not know how to compute (an unsupported function), wherever its inputs are."""


class NotDifferentiableError(SheetmlError):
    """No derivative exists on a path from the inputs to the output; the message names function and cell."""


class SolverError(SheetmlError):
    """A Solver model that is incomplete or asks for what is not there; the message names the sheet."""


class DataError(SheetmlError):
    """Data that cannot be used; the message names the file or the column, the row and the cause."""


class ModelError(SheetmlError):
    """A model of ratings that cannot be read, trained or asked; the message says why."""


class MacroError(SheetmlError):
    """A macro that cannot be run, or stopped: the message names the module, the line and the cause.

    `number` is VBA's error number where the macro itself failed, None where sheetml refuses it.
    """

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.number = number
