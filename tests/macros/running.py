"""Runs pieces of VBA in small workbooks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import openpyxl

import sheetml
from sheetml.macros.session import MacroRun
from tests.macros.vba_project import Module, with_macros
from tests.workbooks import fill


def macro_book(
    modules: dict[str, str] | str, cells: dict[str, Any] | None = None, **sheets: dict[str, Any]
) -> sheetml.Workbook:
    """A workbook with macros: the source of "Module1", or sources by module.

    The sheet "Sheet1" holds the cells; a module named as a sheet is that sheet's.
    """
    with tempfile.TemporaryDirectory() as folder:
        return sheetml.open(written(Path(folder) / "book.xlsm", modules, cells, **sheets))


def written(
    path: Path, modules: dict[str, str] | str, cells: dict[str, Any] | None = None, **sheets: dict[str, Any]
) -> Path:
    """The same as a file."""
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    fill(book.active, cells or {})
    for name, more in sheets.items():
        fill(book.create_sheet(name), more)
    plain = path.with_suffix(".xlsx")
    book.save(plain)
    sources = {"Module1": modules} if isinstance(modules, str) else modules
    names = book.sheetnames
    kinds = dict.fromkeys(names, "sheet") | {"ThisWorkbook": "workbook"}
    documents = [Module(name, sources.get(name, ""), kinds[name]) for name in ("ThisWorkbook", *names)]
    others = [Module(name, source) for name, source in sources.items() if name not in kinds]
    parts = {f"xl/worksheets/sheet{number}.xml": name for number, name in enumerate(names, 1)}
    with_macros(plain, path, documents + others, parts)
    plain.unlink()
    return path


def ran(body: str, cells: dict[str, Any] | None = None, **sheets: dict[str, Any]) -> sheetml.Workbook:
    """The workbook after the statements ran, in a standard module with Sheet1 active."""
    workbook = macro_book(f"Sub test()\n{body}\nEnd Sub", cells, **sheets)
    workbook.macros.run("test")
    return workbook


def printed(body: str, cells: dict[str, Any] | None = None, before: str = "", **options: Any) -> list[str]:
    """What the statements print; `before` is what else stands in the module."""
    workbook = macro_book(f"{before}\nSub test()\n{body}\nEnd Sub", cells)
    result: MacroRun = workbook.macros.run("test", **options)
    return result.output


def value(expression: str, cells: dict[str, Any] | None = None, before: str = "") -> Any:
    """The value of an expression, by its type and as text: "Double 2.5"."""
    body = f'Dim answer\nanswer = {expression}\nDebug.Print TypeName(answer) & " " & answer'
    return printed(body, cells, before)[0]
