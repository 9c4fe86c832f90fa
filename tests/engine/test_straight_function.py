"""Functions of cells as straight-line code: their values are the sheet's, their gradients those of a trace."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml import CalculationError, NotDifferentiableError
from sheetml.engine.cell_function import CellFunction
from sheetml.engine.straight_function import StraightFunction
from tests.engine.test_edits import apply
from tests.workbooks import made

INPUTS = 8
SMOOTH = (
    *("{a}+{b}", "{a}-{b}*0.3", "{a}*{b}/10", "{a}/(1+ABS({b}))", "({a}-{b})^2/9", "({a}*{a}+1)^0.5", "-{a}+{b}%"),
    *(
        "SUM({r})/4",
        "SUM({r},{a},{r})/8",
        "AVERAGE({r},{a})",
        "AVERAGE({r})",
        "SQRT({a}^2+{b}^2+0.1)",
        "EXP(-ABS({a}))",
    ),
    *(
        "LN(1+{a}^2)",
        "LOG10(2+ABS({b}))",
        "SIN({a})+COS({b})",
        "ATAN({a}*{b})",
        "TANH({a}/3)",
        "SINH({a}/9)+COSH({b}/9)",
    ),
    *(
        "MIN({a},{b},{c})",
        "MAX({r})",
        "MIN({r},{a})",
        "MAX({a}*0.5,{b})",
        "ABS({a}-{b})",
        "MOD({a},3)",
        "POWER(ABS({a})+1,{b}/9)",
    ),
    *("IF({a}>{b},{c}*0.9,{a}-{b})", "IF(AND({a}>0,{b}>0),{a}*{b}/9,{c})", "IF({a}>0,IF({b}>0,{c},{a}),{b}/3)", "{a}"),
    *("IF(OR({a}>1,{b}<0),MAX({c},{a}),MIN({a},{b}))", "IF({a}=0,0,{b}/({a}+20))", "({a}>{b})*{c}+{a}"),
)


def model(seed: int, formulas: int = 50) -> sheetml.Workbook:
    """Numbers in A1:A8, and formulas on them and on each other in C."""
    draw = random.Random(seed)
    cells: dict[str, Any] = {f"A{row}": round(draw.uniform(-4, 4), 2) for row in range(1, INPUTS + 1)}
    for row in range(1, formulas + 1):
        known = [f"A{draw.randint(1, INPUTS)}" for _ in range(2)] + [
            f"C{draw.randint(max(1, row - 9), max(1, row - 1))}"
        ] * 2
        first = draw.randint(1, 5)
        area = f"A{first}:A{first + draw.randint(0, 3)}" if row < 8 or draw.random() < 0.5 else f"C{row - 5}:C{row - 2}"
        names = draw.sample(known if row > 1 else known[:2] * 2, 3)
        cells[f"C{row}"] = "=" + draw.choice(SMOOTH).format(a=names[0], b=names[1], c=names[2], r=area)
    cells["E1"] = f"=SUM(C{formulas - 8}:C{formulas})/9"
    return made(cells)


def lines(f: CellFunction) -> StraightFunction | None:
    return f._in_line()


@pytest.mark.parametrize("seed", range(6))
def test_values_and_gradients_are_those_of_the_sheet_and_of_a_trace(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    book, draw = model(seed), np.random.default_rng(seed)
    f = book.function(f"A1:A{INPUTS}", "E1")
    assert lines(f) is not None
    traced = book.function(f"A1:A{INPUTS}", "E1")
    monkeypatch.setattr(traced, "_as_lines", lambda: None)
    for turn in range(6):
        if turn == 3:  # from now on the lines are run by the machine
            monkeypatch.setattr("sheetml.engine.compiled.by_machine.LINES_WORTH_LOADING", 0)
            monkeypatch.setattr("sheetml.engine.compiled.by_machine.RUNS_WORTH_A_PROGRAM", 0)
        x = draw.uniform(-4, 4, INPUTS)
        book["Sheet1"][f"A1:A{INPUTS}"] = x.reshape(-1, 1)
        book.calculate()
        expected = book["Sheet1"]["E1"]
        book["Sheet1"][f"A1:A{INPUTS}"] = f.x0.reshape(-1, 1)
        assert f(x) == pytest.approx(expected, rel=1e-12)
        value, slope = f.value_and_gradient(x)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(slope, traced.gradient(x), rtol=1e-9, atol=1e-12)
    assert lines(f) is not None
    assert f._recording is None, "something was traced"


@pytest.mark.parametrize("seed", range(10, 16))
def test_the_machine_gives_values_and_gradients_to_the_last_bit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    f, draw = model(seed, formulas=200).function(f"A1:A{INPUTS}", "E1"), np.random.default_rng(seed)
    points = draw.uniform(-4, 4, (5, INPUTS))
    one_by_one = [f.value_and_gradient(x) for x in points]
    monkeypatch.setattr("sheetml.engine.compiled.by_machine.LINES_WORTH_LOADING", 0)
    monkeypatch.setattr("sheetml.engine.compiled.by_machine.RUNS_WORTH_A_PROGRAM", 0)
    for x, (value, slope) in zip(points, one_by_one):
        again, slope_again = f.value_and_gradient(x)
        assert again == value
        assert slope_again.tolist() == slope.tolist()
    line = lines(f)
    assert line is not None
    assert line._machine is not None


@pytest.mark.parametrize("seed", range(6, 10))
def test_gradients_are_difference_quotients(seed: int) -> None:
    f = model(seed).function(f"A1:A{INPUTS}", "E1")
    x = np.random.default_rng(seed).uniform(-4, 4, INPUTS)
    step = 1e-6
    quotients = [(f(x + step * unit) - f(x - step * unit)) / (2 * step) for unit in np.eye(INPUTS)]
    np.testing.assert_allclose(f.gradient(x), quotients, rtol=1e-5, atol=1e-6)


def test_only_the_lines_between_inputs_and_outputs_are_run() -> None:
    book = made({"A1": 1, "A2": 2, "B1": "=A1*2", "B2": "=A2*2", "C1": "=B1+B2", "D1": "=C1/0", "E1": "=A1+7"})
    f = book.function("A1", "C1")
    assert f(np.array([5.0])) == 14
    line = lines(f)
    assert line is not None
    assert len(line.variants) == 2


def test_a_condition_that_turns_over_traces_nothing_anew() -> None:
    f = made({"A1": 1, "B1": "=IF(A1>0,A1^2,-3*A1)", "C1": "=B1*2"}).function("A1", "C1")
    for x, value, slope in ((2.0, 8, 8), (-2.0, 12, -6), (3.0, 18, 12), (-1.0, 6, -6)):
        assert f(np.array([x])) == value
        assert f.gradient(np.array([x])).tolist() == [slope]
    assert f._recording is None


def test_errors_on_the_way_are_told_as_before_and_gone_where_they_do_not_matter() -> None:
    f = made({"A1": 1, "B1": "=1/A1", "C1": "=IF(A1=0,7,B1)"}).function("A1", "C1")
    assert f(np.array([4.0])) == 0.25
    assert f(np.array([0.0])) == 7
    assert f(np.array([2.0])) == 0.5
    g = made({"A1": 1, "B1": "=1/A1", "C1": "=B1+1"}).function("A1", "C1")
    with pytest.raises(CalculationError, match="Sheet1!C1 is #DIV/0!"):
        g(np.array([0.0]))
    assert g(np.array([1.0])) == 2


def test_what_is_infinite_on_the_way_is_not_lost() -> None:
    f = made({"A1": 1, "B1": "=A1*1E200", "C1": "=1/(B1*B1)", "D1": "=C1+1"}).function("A1", "D1")
    assert f(np.array([1e-150])) == pytest.approx(1 + 1e-100)
    with pytest.raises(CalculationError, match="#NUM!"):
        f(np.array([1.0]))


ROUNDINGS = ("ROUND(A1,1)", "INT(A1)", "FLOOR(A1,0.5)", "CEILING(A1,0.5)", "TRUNC(A1)", "MROUND(A1,0.5)", "EVEN(A1)")


@pytest.mark.parametrize("rounding", [*ROUNDINGS, "QUOTIENT(A1,0.3)"])
def test_rounding_is_flat_and_the_function_says_so(rounding: str) -> None:
    f = made({"A1": 1.234, "B1": f"={rounding}", "C1": "=B1*A1+3*A1"}).function("A1", "C1")
    x = np.array([2.2])
    rounded = made({"A1": 2.2, "B1": f"={rounding}"})
    rounded.calculate()
    assert f.gradient(x).tolist() == pytest.approx([rounded["Sheet1"]["B1"] + 3])
    assert f.flat == [f"{rounding.split('(')[0]} in Sheet1!B1"]
    with pytest.raises(NotDifferentiableError, match=rf"{rounding.split('(')[0]} in Sheet1!B1 has no derivative"):
        f.refusing_flat().gradient(x)


def test_what_has_no_rounding_is_not_flat() -> None:
    f = made({"A1": 1, "B1": "=A1^2", "B2": "=ROUND(2.55,1)", "C1": "=B1+B2", "D1": "=ROUND(A1,0)"}).function(
        "A1", "C1"
    )
    assert f.gradient(np.array([3.0])).tolist() == [6]
    assert f.flat == []


def test_a_changed_constant_is_taken_over() -> None:
    book = made({"A1": 1, "A2": 5, "B1": "=A1*A2", "C1": "=B1+A2"})
    f = book.function("A1", "C1")
    assert f(np.array([2.0])) == 15
    book["Sheet1"]["A2"] = 7
    book.calculate()
    assert f(np.array([2.0])) == 21
    book["Sheet1"]["A2"] = "text"
    book.calculate()
    with pytest.raises(CalculationError, match="#VALUE!"):
        f(np.array([2.0]))
    book["Sheet1"]["A2"] = None
    book.calculate()
    assert f(np.array([2.0])) == 0


def test_an_edited_formula_is_taken_over() -> None:
    book = made({"A1": 1, "B1": "=A1*2", "C1": "=B1+1"})
    f = book.function("A1", "C1")
    assert f(np.array([2.0])) == 5
    apply(book, (1, 2), "=A1*A1*A1")
    book.calculate()
    assert f(np.array([2.0])) == 9
    assert f.gradient(np.array([2.0])).tolist() == [12]
