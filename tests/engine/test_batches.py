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


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(FORMULAS[:14] + FORMULAS[18:21]), min_size=2, max_size=5, unique=True),
    st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=8),
)
def test_cells_that_read_each_other_follow_the_points(formulas, points):
    book = workbook(formulas)
    links = {f"J{row}": f"=IFERROR(H{row},-1)+IF(H1>1,J{row - 1},A2)" for row in range(2, len(formulas) + 1)}
    for address, formula in {"J1": "=A1", **links}.items():
        book["Sheet1"][address] = formula
    outputs = [f"Sheet1!J{row}" for row in range(1, len(formulas) + 1)]
    together, slopes = book.function("A1:A3", outputs).batch_value_and_gradient(np.array(points))
    assert together.shape == (len(points), len(outputs)) and slopes.shape == (*together.shape, 3)
    for column, output in enumerate(outputs):
        f = book.function("A1:A3", output)
        for row, point in enumerate(np.array(points)):
            value, slope = alone(f, point)
            assert together[row, column] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True)
            np.testing.assert_allclose(slopes[row, column], slope, rtol=1e-10, atol=1e-12)


def test_a_point_without_a_value_costs_itself_only_and_says_why():
    f = made({"A1": 1, "B1": "=1/A1"}).function("A1", "B1")
    points = np.array([[2.0], [0.0], [4.0], [np.inf]])
    assert f.batch(points) == pytest.approx([0.5, np.nan, 0.25, np.nan], nan_ok=True)
    assert f.batch_gradient(points)[:, 0] == pytest.approx([-0.25, np.nan, -1 / 16, np.nan], nan_ok=True)
    assert f.problem(points[1]) == "Sheet1!B1 is #DIV/0!, not a number"
    assert "finite" in f.problem(points[3]) and f.problem(points[0]) == ""


def test_a_derivative_that_does_not_exist_is_named():
    f = made({"A1": 5, "B1": "=BITAND(A1,4)"}).function("A1", "B1")
    values, slopes = f.batch_value_and_gradient(np.array([[5.0], [2.0]]))
    assert values.tolist() == [4, 0] and np.isnan(slopes).all()
    assert "BITAND in Sheet1!B1" in f.problem(np.array([5.0]), gradient=True)


def test_rounding_is_flat_at_every_point():
    f = made({"A1": 1.2, "B1": "=ROUND(A1,0)+A1"}).function("A1", "B1")
    values, slopes = f.batch_value_and_gradient(np.array([[1.2], [2.7]]))
    assert values == pytest.approx([2.2, 5.7]) and slopes.tolist() == [[1], [1]]


def test_an_output_without_a_derivative_at_a_point_leaves_the_others_theirs():
    f = made({"A1": 1, "B1": "=A1*2", "B2": "=SQRT(A1)+B1"}).function("A1", ["B1", "B2"])
    _, slopes = f.batch_value_and_gradient(np.array([[0.0], [4.0]]))
    assert slopes[:, 0, 0].tolist() == [2, 2] and slopes[1, 1, 0] == 2.25 and not np.isfinite(slopes[0, 1, 0])


def test_chunks_of_points_give_what_one_gives(monkeypatch):
    f = made({"A1": 1, "A2": 2, "B1": "=IF(A1>A2,A1^2,A2*A1)"}).function("A1:A2", "B1")
    points = np.random.default_rng(0).normal(size=(1000, 2))
    values, slopes = f.batch_value_and_gradient(points)
    monkeypatch.setattr(batches, "POINTS_AT_ONCE", 77)
    monkeypatch.setattr("sheetml.engine.tracing.lanes.MOST_LANES", 7)
    monkeypatch.setattr("sheetml.engine.tracing.lanes.FEWEST_LANES", 1)
    again = made({"A1": 1, "A2": 2, "B1": "=IF(A1>A2,A1^2,A2*A1)"}).function("A1:A2", "B1")
    other, other_slopes = again.batch_value_and_gradient(points)
    assert np.array_equal(values, other) and np.array_equal(slopes, other_slopes)


def test_points_that_decide_alike_share_a_trace(monkeypatch):
    """Thousands of points, and as many traces as there are ways to decide."""
    cells = {
        "A1": 1,
        "A2": 2,
        "B1": '=IF(A1>0,A1*A2,"none")',
        "B2": "=IFERROR(B1+1,A2)",
        "B3": '=COUNTIF(A1:A2,">0")*B2',
    }
    f = made(cells).function("A1:A2", "B3")
    traced = []
    record = type(f)._record
    monkeypatch.setattr(type(f), "_record", lambda self, x: traced.append(x) or record(self, x))
    points = np.random.default_rng(0).normal(size=(5000, 2))
    values, _ = f.batch_value_and_gradient(points)
    assert len(traced) == 4
    positive = (points > 0).sum(axis=1)
    expected = np.where(points[:, 0] > 0, points[:, 0] * points[:, 1] + 1, points[:, 1]) * positive
    assert values == pytest.approx(expected)


def test_a_batch_sees_later_changes_of_the_workbook():
    book = made({"A1": 1, "D1": 3, "B1": "=A1*D1"})
    f = book.function("A1", "B1")
    assert f.batch_gradient(np.array([[1.0], [2.0]])).tolist() == [[3], [3]]
    book["Sheet1"]["D1"] = 5
    assert f.batch_gradient(np.array([[1.0], [2.0]])).tolist() == [[5], [5]]
    assert f(np.array([2.0])) == 10
