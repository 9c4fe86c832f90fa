"""Cells as modules of their own: run alone, where this package cannot be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sheetml import open as opened
from sheetml.errors import NotDifferentiableError, SheetmlError
from sheetml.report.code import exported_code
from tests.cli.command import sheetml
from tests.engine.test_batches import FORMULAS, ROUNDING, workbook
from tests.reference import reference
from tests.workbooks import made

ALONE = """
import importlib.util, json, sys
sys.modules["sheetml"] = None  # importing it raises ModuleNotFoundError
spec = importlib.util.spec_from_file_location("model", sys.argv[1])
model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model)
found = []
for x in json.loads(sys.argv[2]):
    slope = model.value_and_gradient(x)[1].tolist() if hasattr(model, "value_and_gradient") else None
    found.append([model.value(x), slope])
print(json.dumps(found))
"""


def alone(path, points):
    """The values and gradients that a module gives in a process of its own."""
    command = [sys.executable, "-I", "-c", ALONE, str(path), json.dumps(np.asarray(points).tolist())]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def module(source):
    namespace: dict = {}
    exec(source, namespace)
    return namespace


@pytest.mark.parametrize("formula", [each for each in FORMULAS + ROUNDING if '"text"' not in each])
def test_a_module_computes_what_the_cell_does(formula):
    book = workbook([formula])
    for cell, number in zip(("A1", "A2", "A3"), (1.3, 0.4, 2.2)):
        book["Sheet1"][cell] = number
    f = book.function("A1:A3", "H1")
    try:
        code = module(exported_code(book, "A1:A3", "H1"))
    except SheetmlError as error:
        assert "cannot be written as code" in str(error) and "Sheet1!H1" in str(error)
        return
    for point in ([1.3, 0.4, 2.2], [1.31, 0.4, 2.2]):
        point = np.array(point)
        try:
            value = code["value"](point)
        except ValueError as error:  # it rests on decisions, and says which cell would take another
            assert "Sheet1!H1 would decide otherwise" in str(error)
            continue
        assert value == pytest.approx(f(point), rel=1e-12, abs=1e-12)
        if "value_and_gradient" in code:
            np.testing.assert_allclose(code["value_and_gradient"](point)[1], f.gradient(point), rtol=1e-9, atol=1e-12)
        else:
            with pytest.raises(NotDifferentiableError):
                f.gradient(point)


def test_a_lesson_cell_runs_without_this_package(tmp_path):
    path, to = reference("workbooks", "collab_filter.xlsx"), tmp_path / "model.py"
    inputs = ["--inputs", "dotprod!H19:V23", "--inputs", "dotprod!B25:F39"]
    result = sheetml("export-code", path, "--output", "dotprod!V41", *inputs, "-o", to)
    assert result.code == 0, result.err
    f = opened(path).function(["dotprod!H19:V23", "dotprod!B25:F39"], "dotprod!V41")
    points = f.x0 * np.array([[1.0], [0.7]])
    for point, (value, slope) in zip(points, alone(to, points)):
        assert value == pytest.approx(f(point), rel=1e-9)
        np.testing.assert_allclose(slope, f.gradient(point), rtol=1e-9, atol=1e-12)


def test_variables_bear_the_labels_of_their_cells():
    book = made(
        {
            "A1": "Price",
            "B1": 3.0,
            "A2": "Volume",
            "B2": 5.0,
            "A4": "Sales",
            "B4": "=B1*B2",
            "A5": "Net",
            "B5": "=B4*0.8-B1",
        }
    )
    source = exported_code(book, "B1:B2", "B5")
    assert "sales = price * volume" in source
    assert "('Sheet1!B1', 3.0),  # Price" in source
    code = module(source)
    assert code["value"](code["X0"]) == pytest.approx(9.0)
    assert code["cells"]([2.0, 10.0]).sales.item() == 20


def test_a_module_raises_where_it_does_not_hold():
    book = made({"A1": 4.0, "B1": '=IF(A1>0,SQRT(A1),"none")', "B2": "=1/A1"})
    decides, divides = (module(exported_code(book, "A1", cell)) for cell in ("B1", "B2"))
    assert decides["value"]([9.0]) == 3
    with pytest.raises(ValueError, match="Sheet1!B1 would decide otherwise"):
        decides["value"]([-9.0])
    with pytest.raises(FloatingPointError):
        divides["value"]([0.0])


def test_labels_cannot_smuggle_code_into_a_module():
    hostile = 'x"""\nimport os; os.abort()'
    book = made({"A1": hostile, "B1": 2.0, "A2": "import os", "B2": "=B1*2", "A3": "class", "B3": "=B2^2"})
    code = module(exported_code(book, "B1", "B3"))
    assert code["value"]([3.0]) == 36


def test_several_output_cells_are_refused(tmp_path):
    path = Path(tmp_path) / "book.xlsx"
    made({"A1": 1.0, "B1": "=A1", "B2": "=A1"}).save(path)
    result = sheetml("export-code", path, "--output", "B1:B2", "--inputs", "A1", "-o", tmp_path / "m.py")
    assert result.code == 2
    assert "2 cells" in result.err and "Traceback" not in result.err
