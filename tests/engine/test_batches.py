"""Many points at once under traces: values and gradients as one by one, whatever is decided at each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.engine import batches
from sheetml.errors import SheetmlError
from tests.workbooks import made

numbers = st.one_of(st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 1)), st.sampled_from([0.0, 1.0, -1.0]))

CONSTANTS = {"D1": 0.0, "D2": 1, "D3": 2.5, "D4": 4, "E1": 7, "E2": -3, "E3": 5, "E4": 1}
FORMULAS = [
    "=SUM(A1:A3)+D1*A2-A1^2*A3",
    "=IF(A1>A2,A1*A3,SQRT(A2-A1))",
    "=SQRT(A1)",  # an error for some of the points
    "=1/A1+LN(A2)",
    "=IF(A1=0,0,A2/A1)",  # an error in the branch not taken
    "=IFERROR(SQRT(A1),IF(A2>0,LN(A2),-1))",
    "=IF(AND(A1>0,A2<1),A1*A2,IF(OR(A1<-1,A3>0),A3^2,-A1))",
    "=IF(XOR(A1>0,A2>0),A1,NOT(A3>0)*A2)",
    "=INDEX(D1:D4,1+MOD(INT(ABS(A1)),4))*A2",
    "=VLOOKUP(ROUND(ABS(A1),0),D1:E4,2)*A2",
    "=INDEX(E1:E4,MATCH(A1,D1:D4))+A3",
    "=XLOOKUP(A2,D1:D4,E1:E4,A1,-1)",
    "=LOOKUP(A1+2,D1:D4,E1:E4)*A1",
    "=CHOOSE(1+(A1>0)+(A2>0),A1,A2*10,OFFSET(D1,(A3>0)*1,0))",
    '=SUMIF(A1:A3,">0")+COUNTIF(A1:A3,"<"&A1)',
    "=SUMPRODUCT(A1:A3*D1:D3)+MAX(A1:A3)*2-SMALL(A1:A3,2)",
    "=SUMPRODUCT((A1:A3>0)*D2:D4)+MEDIAN(A1:A3)",
    '=IF(A1>0,"text",A2)',  # no number for some of the points
    "=IFS(A1>2,A1^2,A2>2,A2*A3,TRUE,A3)",
    "=AVERAGE(A1:A3)/STDEV(A1:A3)",
    "=ABS(A1)+SIGN(A2)*A3+MOD(A1,2)",
    "=EXP(A1)/(EXP(A1)+EXP(A2)+EXP(A3))",
    "=SUM(MMULT(A1:A3,TRANSPOSE(D1:D3))*A1)",
    "=NORM.DIST(A1,A2,1+ABS(A3),TRUE)",
    "=PMT(0.05+A1^2/100,10,A2*100)+NPV(0.1,A1:A3)",
    "=MAX(A1,0)+MIN(A2,A3)+MAX(A1*A2,A3)",
    "=LET(x,A1,y,x*2,IF(y>A2,y,x*A3))",
    "=MDETERM(A1:B2)+B2",
    "=(A1>0)*A2+(A1<=0)*A3",
    "=AND(A1>0,A2>0)+OR(A1>1,A3>1)*A2",
]
ROUNDING = ["=ROUND(A1,0)*A2", "=INT(A1)+TRUNC(A2)+A3", "=RANK(A1,A1:A3)+CEILING(A2,0.5)", '=LEN(TEXT(A1,"0.00")&D1)']


def workbook(formulas):
    cells = {"A1": 1, "A2": 2, "A3": 0.5, "B1": 0.25, "B2": "=A3+A1", **CONSTANTS}
    return made({**cells, **{f"H{row}": formula for row, formula in enumerate(formulas, start=1)}})


def alone(f, point):
    """The value and the gradient of a point by itself; nan where f(x) raises."""
    try:
        value = f(point)
    except SheetmlError as error:
        assert "sheetml failed" not in str(error)
        return np.nan, np.full(len(point), np.nan)
    try:
        return value, f.gradient(point)
    except SheetmlError:
        return value, np.full(len(point), np.nan)


@pytest.fixture(autouse=True)
def traced_for_few_points(monkeypatch):
    """What is traced only for many points otherwise."""
    monkeypatch.setattr(batches, "FEW_POINTS", 2)
    monkeypatch.setattr(batches, "FEWEST_PER_TRACE", 2)


@pytest.mark.parametrize("formula", FORMULAS + ROUNDING)
def test_each_point_has_its_own_value_and_gradient(formula):
    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=12))
    def law(points):
        points = np.array(points)
        found, slopes = f.batch_value_and_gradient(points)
        evaluated = f.batch(points)
        for value, slope, other, point in zip(found, slopes, evaluated, points):
            expected, gradient = alone(f, point)
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)
            assert other == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)
            np.testing.assert_allclose(slope, gradient, rtol=1e-10, atol=1e-12)

    f = workbook([formula]).function("A1:A3", "H1")
    law()
