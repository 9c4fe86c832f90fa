"""Cells as functions of JAX: the values and gradients of the cells themselves.

JAX runs in a process of its own: its threads and its settings stay out of the other tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml.errors import SheetmlError
from tests.browser import missing
from tests.engine.test_batches import FORMULAS, ROUNDING, workbook
from tests.reference import reference
from tests.workbooks import made

HEAD = """
import json, sys
import numpy as np, jax
import sheetml
from tests.workbooks import made
def result(f, points, at=None):
    "What JAX gives at points, with jit and vmap: value, whether it holds, gradient or why there is none."
    g = f.jax(at)
    points = np.array(points, float)
    values, holds = jax.jit(jax.vmap(g))(points)
    try:
        slopes = jax.jit(jax.vmap(jax.grad(g, has_aux=True)))(points)[0].tolist()
    except sheetml.NotDifferentiableError as error:
        slopes = str(error)
    return [values.tolist(), holds.tolist(), slopes]
"""


def in_jax(source: str, *arguments: object, double: str = "1") -> Any:
    """What a program with JAX prints as JSON."""
    if find_spec("jax") is None:
        missing("the package jax is absent: pip install sheetml[jax]")
    environment = {**os.environ, "JAX_ENABLE_X64": double, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", HEAD + source, *map(json.dumps, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


POINTS = [[1.3, 0.4, 2.2], [1.31, 0.4, 2.2], [-2.0, 1.5, 0.3]]


def test_values_and_gradients_are_those_of_the_cells():
    formulas = [*FORMULAS[0::4], *FORMULAS[2::4], *ROUNDING]
    found = in_jax(
        """
from tests.engine.test_batches import workbook
formulas, points = map(json.loads, sys.argv[1:])
book = workbook(formulas)
print(json.dumps([result(book.function("A1:A3", f"H{i}"), points, points[0]) for i in range(1, len(formulas) + 1)]))
""",
        formulas,
        POINTS,
    )
    book = workbook(formulas)
    held = 0
    for row, (formula, (values, holds, slopes)) in enumerate(zip(formulas, found), start=1):
        f = book.function("A1:A3", f"H{row}")
        assert holds[0], formula
        for point, value, held_here, number in zip(POINTS, values, holds, range(3)):
            if not held_here:
                continue
            held += 1
            assert value == pytest.approx(f(np.array(point)), rel=1e-9), formula
            if isinstance(slopes, str):
                assert "has no derivative" in slopes and "Sheet1!H" in slopes
                assert "has no derivative" in f.problem(np.array(point), gradient=True), formula
            else:
                np.testing.assert_allclose(slopes[number], f.gradient(np.array(point)), rtol=1e-9, atol=1e-12)
    assert held > 2 * len(formulas)


def test_lessons_have_the_same_numbers():
    """Every Solver model of the lesson's workbook: factors, biases, ratings of a hundred films, words."""
    path = reference("workbooks", "collab_filter.xlsx")
    found = in_jax(
        """
functions = [model.problem().objective for model in sheetml.open(json.loads(sys.argv[1])).solver_models]
print(json.dumps([result(f, np.array([f.x0, f.x0 * 0.9 + 0.01])) for f in functions]))
""",
        str(path),
    )
    functions = [model.problem().objective for model in sheetml.open(path).solver_models]
    assert len(found) == len(functions) == 3
    for f, (values, holds, slopes) in zip(functions, found):
        assert f is not None
        assert holds == [True, True]
        for point, value, slope in zip([f.x0, f.x0 * 0.9 + 0.01], values, slopes):
            assert value == pytest.approx(f(point), rel=1e-9)
            np.testing.assert_allclose(slope, f.gradient(point), rtol=1e-9, atol=1e-12)


def test_lanes_where_the_cells_decide_otherwise_are_known():
    values, holds, _ = in_jax(
        """
book = made({"A1": 4.0, "B1": '=IF(A1>0,SQRT(A1),"none")', "B2": "=1/(A1-1)", "C1": "=B1+B2"})
print(json.dumps(result(book.function("A1", "C1"), [[4.0], [9.0], [-1.0], [1.0]])))
"""
    )
    assert holds == [True, True, False, False]
    assert values[:2] == pytest.approx([2 + 1 / 3, 3 + 1 / 8])


def test_single_precision_is_refused_in_a_sentence():
    sentence = in_jax(
        """
try:
    made({"A1": 4.0, "B1": "=A1^2"}).function("A1", "B1").jax()
except sheetml.SheetmlError as error:
    print(json.dumps(str(error)))
""",
        double="0",
    )
    assert "jax_enable_x64" in sentence


def test_without_jax_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(SheetmlError, match=r"pip install 'sheetml\[jax\]'"):
        made({"A1": 4.0, "B1": "=A1^2"}).function("A1", "B1").jax()
