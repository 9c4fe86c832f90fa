"""The law of defects: one of ours in a formula costs that cell its value, with its name, never the whole calculation.

A function that raises is registered for the time of a test; it stands for any function with an oversight in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.functions.registry import elementwise, function
from sheetml.errors import SheetmlError
from sheetml.report.check import check
from tests.cli.command import sheetml as command
from tests.workbooks import made

EXCEPTIONS: dict[str, Exception] = {
    type(error).__name__: error
    for error in (
        ValueError("v"),
        TypeError("t"),
        IndexError("i"),
        KeyError("k"),
        AttributeError("a"),
        ZeroDivisionError("z"),
        OverflowError("o"),
        FloatingPointError("f"),
        np.linalg.LinAlgError("l"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "u"),
        NotImplementedError("n"),
        AssertionError("a"),
        RecursionError("r"),
        MemoryError("m"),
        RuntimeError("r"),
        StopIteration("s"),
        EOFError("e"),
        OSError("o"),
    )
}


@pytest.fixture(params=list(EXCEPTIONS))
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Registers DEFECT, which raises whatever its argument is, and DEFECTABOVE, which raises for numbers above 2."""
    error = EXCEPTIONS[request.param]
    known = dict(FUNCTIONS)

    @function("DEFECT", 1, 1, about="Raises.")
    def defect(context: Any, arguments: Any) -> Any:
        context.number(arguments[0])
        raise error

    @elementwise("DEFECTABOVE", "number", about="Raises for numbers above 2.")
    def defect_above(number: Any) -> Any:
        if (np.asarray(getattr(number, "value", number)) > 2).any():
            raise error
        return number

    yield request.param
    for name in set(FUNCTIONS) - set(known):
        del FUNCTIONS[name]


CELLS = {
    "A1": 1,
    "A2": 2,
    "A3": 3,
    "A4": 1.5,
    "B1": "=DEFECT(A1)",
    "C1": "=B1+1",
    "D1": "=A1*10",
    "D2": "=IFERROR(B1,7)",
    "E1": "=DEFECTABOVE(A1)",
    "E2": "=DEFECTABOVE(A2)",
    "E3": "=DEFECTABOVE(A3)",
    "E4": "=DEFECTABOVE(A4)",
    "F1:F2": "{=DEFECT(A1:A2)}",
    "G1": "=SUM(A1:DEFECT(A1))",
    "H1": "=SUM(A1:A4)",
}
LOST = {"B1", "E3", "F1", "G1"}  # and what depends on them


def test_a_defect_costs_its_cell_the_value_and_names_it(failing: str) -> None:
    workbook = made(CELLS)
    workbook.calculate()
    sheet = workbook["Sheet1"]
    named = {cell.split("!")[1] for cell in workbook.problems}
    assert named >= LOST
    assert all(failing in why for cell, why in workbook.problems.items() if cell.split("!")[1] in LOST)
    assert {cell: sheet[cell] for cell in ("D1", "E1", "E2", "E4", "H1")} == {
        "D1": 10,
        "E1": 1,
        "E2": 2,
        "E4": 1.5,
        "H1": 7.5,
    }


def test_functions_of_a_cell_with_a_defect_say_so_and_others_are_computed(failing: str) -> None:
    workbook = made(CELLS)
    for output in ("B1", "C1", "E3", "G1"):
        f = workbook.function(["A1", "A3"], [output])
        for ask in (f, f.gradient, f.value_and_gradient):
            with pytest.raises(SheetmlError, match=r"sheetml failed|cannot be computed"):
                ask(np.array([1.0, 3.0]))
    assert workbook.function(["A1"], ["D1"])(np.array([4.0])) == 40
    assert workbook.function(["A1"], ["D1"]).gradient(np.array([4.0])).tolist() == [10]
    assert workbook.function(["A4"], ["E4"])(np.array([2.0])) == 2
    assert np.isnan(workbook.function(["A1"], ["B1"]).batch(np.ones((2, 1)))).all()


def test_checking_and_saving_go_on(failing: str, tmp_path: Path) -> None:
    workbook = made(CELLS)
    (checked,) = check(workbook)
    assert set(checked.not_computed) >= LOST
    workbook.save(tmp_path / "saved.xlsx")
    again = sheetml.open(tmp_path / "saved.xlsx")
    assert again["Sheet1"]["D1"] == 10
    for words in (["check"], ["run", "--dry-run"]):
        ended = command(*words, tmp_path / "saved.xlsx")
        assert "Traceback" not in ended.err


def test_an_edit_after_a_defect_is_computed(failing: str) -> None:
    workbook = made(CELLS)
    workbook.calculate()
    workbook["Sheet1"]["A3"] = 2
    workbook.calculate()
    assert workbook["Sheet1"]["E3"] == 2
    assert "Sheet1!E3" not in workbook.problems
