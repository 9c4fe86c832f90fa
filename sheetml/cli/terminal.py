"""What the commands share: where output goes, and the options that most of them have.

Results go to standard output, progress and messages to standard error. With --json standard output
holds one JSON document and nothing else.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

EXISTING_FILE = click.Path(
    path_type=Path, readable=False
)  # whether it exists and may be read is for the reader to say, in one sentence
OUTPUT_FILE = click.Path(path_type=Path, readable=False)


class OneOf(click.Choice[str]):
    """The choice of a name from a registry, which is imported only when a value or the help is asked for."""

    def __init__(self, module: str, registry: str) -> None:  # Choice's own would list the choices at once
        self.module, self.registry = module, registry
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(getattr(importlib.import_module(self.module), self.registry))


def workbook_argument(function: F) -> F:
    return click.argument("workbook", type=EXISTING_FILE)(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def quiet_option(function: F) -> F:
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")(function)


def results() -> Console:
    """The console for results; plain and unwrapped where it is no terminal."""
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, 160))


def messages() -> Console:
    """The console for progress and messages."""
    return Console(stderr=True, highlight=False)


def write_text(path: Path, text: str, *sources: Path) -> None:
    """Writes a text file whole or not at all; never over one of the workbooks it was made from."""
    write_bytes(path, text.encode("utf-8"), *sources)


def write_bytes(path: Path, content: bytes, *sources: Path) -> None:
    """Writes a file of bytes whole or not at all; never over one of the workbooks it was made from."""
    from sheetml.xlsx.writer import check_target, new_file

    for source in sources:
        check_target(source, path, overwrite=False)
    with new_file(path) as stream:
        stream.write(content)


def print_json(document: Any) -> None:
    click.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(item: Any) -> Any:
    """The item in what JSON knows: arrays as lists, what is not finite as null."""
    if isinstance(item, dict):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_plain(value) for value in item]
    if isinstance(item, np.ndarray):
        return _plain(item.tolist())
    if isinstance(item, np.generic):
        return _plain(item.item())
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    return str(item) if isinstance(item, Path) else item
