"""Workbooks with a Solver model, made in tests the way Excel stores them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml.solve.model import SolverModel
from tests.workbooks import fill

GOALS = {"max": "1", "min": "2"}
RELATIONS = {"<=": "1", "=": "2", ">=": "3", "int": "4", "bin": "5", "alldiff": "6"}


def solver_model(
    cells: dict[str, Any],
    goal: str | float = "min",
    objective: str = "B1",
    adjustable: str = "A1:A2",
    subject_to: tuple[tuple[str, str, Any], ...] = (),
    sheets: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> SolverModel:
    """A model on Sheet1: goal "min", "max" or the value to be reached; cells without a bound may be negative.

    `settings` are Excel's names without their prefix, as tim=5; addresses without a sheet are Sheet1's.
    """
    names = {"opt": _on_sheet1(objective), "adj": _on_sheet1(adjustable), "neg": "2", "eng": "1"}
    names["typ"] = GOALS.get(str(goal), "3")
    names["val"] = "0" if goal in GOALS else str(goal)
    names["num"] = str(len(subject_to))
    for number, (left, relation, right) in enumerate(subject_to, start=1):
        names[f"lhs{number}"], names[f"rel{number}"] = _on_sheet1(left), RELATIONS[relation]
        names[f"rhs{number}"] = _on_sheet1(right) if isinstance(right, str) else str(right)
    names |= {name: str(value) for name, value in settings.items()}
    (model,) = opened(cells, {name: text for name, text in names.items() if text}, sheets).solver_models
    return model


def opened(
    cells: dict[str, Any], names: dict[str, str], sheets: dict[str, dict[str, Any]] | None = None
) -> sheetml.Workbook:
    """A workbook with these cells and Solver names on Sheet1, and further sheets."""
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    fill(book.active, cells)
    for name, more in (sheets or {}).items():
        fill(book.create_sheet(name), more)
    for name, text in names.items():
        book.active.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        book.save(path)
        return sheetml.open(path)


def _on_sheet1(text: str) -> str:
    """Areas as Excel stores them: each with its sheet."""
    if not text or "#REF!" in text:
        return text
    return ",".join(part if "!" in part or not part[-1].isdigit() else f"Sheet1!{part}" for part in text.split(","))


def fit(x: Any, y: Any, formula: str, start: tuple[float, ...], measure: str = "SQRT(SUMXMY2({y},{f})/COUNT({y}))"):
    """The cells of a fitted curve: parameters in A1, A2 ..., data in C and D, the curve in E, its misfit in B1."""
    cells: dict[str, Any] = {f"A{i}": value for i, value in enumerate(start, start=1)}
    for row, (at, value) in enumerate(zip(x, y), start=1):
        cells |= {f"C{row}": float(at), f"D{row}": float(value), f"E{row}": "=" + formula.replace("x", f"C{row}")}
    areas = {"y": f"D1:D{len(x)}", "f": f"E1:E{len(x)}"}
    return cells | {"B1": "=" + measure.format(**areas)}
