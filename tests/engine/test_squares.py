"""Sums of squares are recognised however a workbook adds them up, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.engine.squares import ResidualFunction
from sheetml.engine.tracing.squares import NotSquares
from tests.workbooks import made

X, Y = (1.0, 2.0, 3.5, 4.0), (2.1, 3.9, 7.2, 8.3)
LINE = {"A1": 1.5, "A2": 0.25} | {
    cell: value
    for row, (x, y) in enumerate(zip(X, Y), start=1)
    for cell, value in {
        f"C{row}": x,
        f"D{row}": y,
        f"E{row}": f"=$A$1*C{row}+$A$2",
        f"F{row}": f"=D{row}-E{row}",
        f"G{row}": f"=F{row}^2",
    }.items()
}

# the output, and its value in terms of the sum of squares s of the line's four residuals
SUMS_OF_SQUARES = {
    "SUMXMY2(D1:D4,E1:E4)": lambda s: s,
    "SUMSQ(F1:F4)": lambda s: s,
    "SUM(G1:G4)": lambda s: s,
    "G1+G2+G3+G4": lambda s: s,
    "F1^2+F2*F2+POWER(F3,2)+G4": lambda s: s,
    "SUMPRODUCT(F1:F4,F1:F4)": lambda s: s,
    "SUMPRODUCT((D1:D4-E1:E4)^2)": lambda s: s,
    "SUMPRODUCT((D1:D4-E1:E4)*(D1:D4-E1:E4))": lambda s: s,
    "AVERAGE(G1:G4)": lambda s: s / 4,
    "SQRT(AVERAGE(G1:G4))": lambda s: np.sqrt(s / 4),
    "SQRT(SUMXMY2(D1:D4,E1:E4)/COUNT(D1:D4))": lambda s: np.sqrt(s / 4),
    "SUM(G1:G4)^0.5/2": lambda s: np.sqrt(s) / 2,
    "3*SUMSQ(F1:F4)+7": lambda s: 3 * s + 7,
    "4*LN(SUMSQ(F1:F4)/4)": lambda s: 4 * np.log(s / 4),
    "SUMSQ(F1:F2)+SUMXMY2(D3:D4,E3:E4)": lambda s: s,
    "IF(C1>0,SUM(G1:G4),A2)": lambda s: s,
}


@pytest.mark.parametrize("formula", SUMS_OF_SQUARES)
def test_a_sum_of_squares_is_recognised(formula):
    workbook = made(LINE | {"H1": f"={formula}"})
    f = workbook.function("A1:A2", "H1")
    r = ResidualFunction(f)
    for point in (f.x0, np.array([-2.0, 3.0])):
        expected = point[0] * np.array(X) + point[1] - Y
        scale = np.linalg.norm(r(point)) / np.linalg.norm(expected)  # weights common to all squares
        assert np.sort(np.abs(r(point))) == pytest.approx(np.sort(np.abs(expected)) * scale)
        assert f(point) == pytest.approx(SUMS_OF_SQUARES[formula](expected @ expected))
        slope = 2 * r(point) @ r.jacobian(point)
        assert f.gradient(point) / np.linalg.norm(f.gradient(point)) == pytest.approx(slope / np.linalg.norm(slope))


def test_weights_of_squares_enter_by_their_roots():
    cells = LINE | {"I1": 4, "I2": 0, "I3": 9, "I4": 1, "H1": "=SUMPRODUCT(I1:I4,G1:G4)"}
    r = ResidualFunction(made(cells).function("A1:A2", "H1"))
    gaps = np.array(Y) - 1.5 * np.array(X) - 0.25
    assert r(np.array([1.5, 0.25])) == pytest.approx([2 * gaps[0], 3 * gaps[2], gaps[3]])


def test_squares_of_cells_computed_in_many_ways_are_found_together():
    cells = LINE | {"H1": "=SQRT((SUM(G1:G4)+0.5*SUMSQ(A1:A2))/4)"}  # a ridge on the coefficients
    f = made(cells).function("A1:A2", "H1")
    x = np.array([2.0, -1.0])
    assert f(x) ** 2 * 4 == pytest.approx(np.sum(ResidualFunction(f)(x) ** 2))
    assert ResidualFunction(f)(x).size == 6


@pytest.mark.parametrize(
    "formula",
    [
        "SUM(F1:F4)", "SUMPRODUCT(ABS(F1:F4))", "MAX(G1:G4)", "G1-G2", "SUM(G1:G4)+A1", "SUMPRODUCT(F1:F4,E1:E4)",
        "EXP(F1)+EXP(F2)", "SQRT(G1)+SQRT(G2)", "1/SUM(G1:G4)", "-SUM(G1:G4)", "10-SUM(G1:G4)", "SUM(G1:G4)*A1",
        "SUM(G1:G4)+IF(A1>0,A2,1)", "C1*5", "F1^3+F2^2", "SUM(G1:G4)+(A1>0)",
        "IF(A1>0,SUM(G1:G4),A2)",
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_one(formula):
    f = made(LINE | {"H1": f"={formula}"}).function("A1:A2", "H1")
    with pytest.raises(NotSquares):
        ResidualFunction(f)(f.x0)


def test_residuals_follow_a_decision():
    cells = {"A1": 2, "B1": "=IF(A1>0,A1-1,A1*3)", "B2": "=A1+1", "C1": "=SUMSQ(B1:B2)"}
    r = ResidualFunction(made(cells).function("A1", "C1"))
    assert sorted(r(np.array([2.0]))) == [1, 3]
    assert sorted(r(np.array([-2.0]))) == [-6, -1]
    assert sorted(r.jacobian(np.array([-2.0])).reshape(-1)) == [1, 3]
