"""What the commands share: where output goes, and the options that most of them have.

Results go to standard output, progress and messages to standard error. With --json standard output
holds one JSON document and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
from rich.console import Console, ConsoleOptions
from rich.segment import Segment

if TYPE_CHECKING:
    from rich.table import Table

F = TypeVar("F", bound=Callable[..., Any])

EXISTING_FILE = click.Path(
    path_type=Path, readable=False
)  # whether it exists and may be read is for the reader to say, in one sentence
OUTPUT_FILE = click.Path(path_type=Path, readable=False)


WIDE = 160  # characters of a line that goes to no terminal


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


def overwrite_option(function: F) -> F:
    return click.option("--overwrite", is_flag=True, help="Replace files that exist.")(function)


# ---- what reaches the terminal -------------------------------------------------------------------


class Screen(Console):
    """A console that shows control characters instead of sending them, and does not mind a reader who has gone."""

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every text comes through here, also those of tables."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """The reader has seen enough: the command goes on, and ends with its own exit code."""
        leave_pipe()


def leave_pipe() -> None:
    """Sends what is still to be printed nowhere."""
    with contextlib.suppress(OSError, ValueError):  # standard output may be no file at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def visible(text: str) -> str:
    """The text with its control characters as signs: a terminal would act on them."""
    return text if text.isprintable() else "".join(_SIGNS.get(character, character) for character in text)


_SIGNS = {chr(code): chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {"\x7f": "\u2421"}
_SIGNS |= {chr(code): f"<{code:02X}>" for code in range(0x80, 0xA0)}
_SIGNS |= {chr(code): f"<{code:04X}>" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}  # turn text around


def results() -> Console:
    """The console for results: as wide as the terminal or as COLUMNS says, else wide enough for any table."""
    console = Screen(highlight=False)
    if console.is_terminal or os.environ.get("COLUMNS", "").isdigit():
        return console
    return Screen(highlight=False, width=WIDE)


def messages() -> Console:
    """The console for progress and messages."""
    return Screen(stderr=True, highlight=False)


def say(text: str, *, error: bool = False) -> None:
    """Prints a line as it is, however long, with control characters shown."""
    try:
        click.echo(visible(text), err=error)
    except BrokenPipeError:
        leave_pipe()


def written(console: Console, *paths: Path | None) -> None:
    """Says where files went, a line each."""
    for path in paths:
        if path is not None:
            console.print(f"Written to {path}", markup=False, soft_wrap=True)


# ---- tables and blocks ---------------------------------------------------------------------------


def new_table(*headings: str, title: str = "", right: Collection[str] = ()) -> Table:
    """An empty table without lines around its cells; the headings in `right` are of columns of numbers."""
    from rich.table import Table
    from rich.text import Text

    shown = Text(title, "bold") if title else None
    table = Table(box=None, padding=(0, 2, 0, 0), title=shown, title_justify="left", header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left")
    return table


def show_table(console: Console, table: Table, named: int = 1) -> None:
    """Prints a table; where the terminal is too narrow for it, a block for each line, named by its first cells."""
    from rich.measure import Measurement

    if table.row_count and Measurement.get(console, console.options.update(width=10 * WIDE), table).maximum <= (
        console.width
    ):  # fmt: skip
        console.print(table)
        return
    if table.title:
        console.print(table.title)
    columns = [list(column.cells) for column in table.columns]
    for row in zip(*columns):
        pairs = [
            (str(column.header), text)
            for column, text in zip(table.columns[named:], row[named:])
            if str(text) not in ("", "0")
        ]
        show_block(console, " ".join(map(str, row[:named])), pairs)


def show_block(console: Console, title: Any, pairs: Iterable[tuple[str, Any]]) -> None:
    """Prints a title and, indented under it, names with their values; long values are broken under themselves."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console.print(Text(str(title), "bold"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(Text(name), value if isinstance(value, Text) else Text(str(value)))
    if grid.row_count:
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))


# ---- files ---------------------------------------------------------------------------------------

PAGES, PICTURES = (".html", ".htm"), (".png",)
WORKBOOK_KINDS = (".xlsx", ".xlsm", ".xltx", ".xltm")


def workbook_output(source: Path, output: Path, *, overwrite: bool) -> Path:
    """Where a workbook read from `source` may be written: a file of the same kind, and none that exists.

    Raises WorkbookError in a sentence that names the option that helps.
    """
    kind = source.suffix.lower()
    check_output(output, (kind,) if kind in WORKBOOK_KINDS else WORKBOOK_KINDS, overwrite=overwrite)
    return output


def check_output(
    output: Path, kinds: Sequence[str], *, overwrite: bool, option: str = "-o", binary: bool = True
) -> Path:
    """The path of a file to be written. Raises WorkbookError where its suffix does not fit, or the file exists."""
    from sheetml.errors import WorkbookError

    wanted = " or ".join(kinds)
    if str(output) in ("-", "/dev/stdout", "/dev/stderr", "/dev/tty"):
        what = "is no text for a terminal: name a file" if binary else "is written to a file: name one"
        raise WorkbookError(f"what {option} writes {what} ({wanted}).")
    if output.is_dir():
        raise WorkbookError(f"{output} is a folder: name a file with {option} ({wanted}).")
    if output.suffix.lower() not in kinds:
        better = output.with_suffix(kinds[0]) if output.name else Path("FILE" + kinds[0])
        raise WorkbookError(f"{output}: what is written there is a file of the kind {wanted}: say {option} {better}.")
    if output.exists() and not output.is_file():
        raise WorkbookError(f"{output} is no file that can be replaced: name another with {option}.")
    if output.exists() and not overwrite:
        raise WorkbookError(f"{output} exists: name another file with {option}, or replace it with --overwrite.")
    return output


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
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    for character in set(text) & _SIGNS.keys():  # those that JSON itself lets through
        text = text.replace(character, f"\\u{ord(character):04x}")
    say(text)


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
