"""Packages that only some of sheetml needs: each is imported when it is used, and belongs to an extra."""

from __future__ import annotations

import importlib
from typing import Any

from sheetml.errors import SheetmlError


class MissingPackageError(SheetmlError):
    """A package is not installed that what was asked for needs; the message says which extra brings it."""


def needed(package: str, extra: str) -> Any:
    """The package, imported. Raises MissingPackageError, with the command that installs it, where it is absent."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package.partition(".")[0]:
            raise  # the package is there, and lacks another
        name = error.name.partition(".")[0]
        raise MissingPackageError(
            f"this needs the package {name}, which is not installed: pip install 'sheetml[{extra}]' brings it."
        ) from None
