"""Builds the gallery: a folder of workbooks, each with one sheet, one Solver model and what it teaches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sheetml.errors import DataError, WorkbookError
from sheetml.layouts.solver_gallery import linear, nonlinear, whole
from sheetml.layouts.solver_gallery.page import Example, write

EXAMPLES: dict[str, Example] = {
    example.name: example for example in (*linear.EXAMPLES, *whole.EXAMPLES, *nonlinear.EXAMPLES)
}


def build(folder: str | os.PathLike[str], names: Sequence[str] = (), *, overwrite: bool = False) -> list[Path]:
    """Writes the examples of these names, or all, into the folder, which is made if need be; the files written.

    The same version makes the same files. Raises DataError where there is no such example or a file exists and
    `overwrite` does not say to replace it, WorkbookError where a file cannot be written.
    """
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        raise DataError(f"there is no example {unknown[0]!r}: there are {', '.join(EXAMPLES)}.")
    targets = {name: Path(folder) / f"{name}.xlsx" for name in names or EXAMPLES}
    existing = [path for path in targets.values() if path.exists()]
    if existing and not overwrite:
        raise DataError(f"{existing[0]} exists: name another folder or ask for --overwrite.")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise WorkbookError(f"{folder} cannot be made ({cause.strerror}).") from None
    for name, path in targets.items():
        write(EXAMPLES[name], path)
    return list(targets.values())
