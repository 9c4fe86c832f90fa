"""Goal seek: roots are found wherever the start is, the nearest of several, and what is no root is no answer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import sheetml as library
from sheetml.errors import SolverError
from sheetml.solve.seek import seek
from tests.cli.books import book
from tests.cli.command import sheetml
from tests.libreoffice import disagreements
from tests.workbooks import made

MORTGAGE = brentq(lambda rate: 200_000 * rate / 12 / (1 - (1 + rate / 12) ** -360) - 1200, 0.01, 0.2, xtol=1e-15)


def sought(formula: str, to: float, start: float, **cells):
    workbook = made({"A1": start, "B1": formula, **cells})
    return seek(workbook, "B1", to, "A1"), workbook


@pytest.mark.parametrize(
    ("formula", "to", "start", "root"),
    [
        ("=2*A1+1", 100, 0, 49.5),
        ("=PMT(A1/12,360,-200000)", 1200, 0.03, MORTGAGE),  # the rate of a mortgage
        ("=A1^2", 2, 1, math.sqrt(2)),
        ("=A1^2", 2, -1, -math.sqrt(2)),  # the nearer of two
        ("=EXP(A1)", 1e6, 0, math.log(1e6)),
        ("=EXP(-A1)", 1e-6, 0, math.log(1e6)),
        ("=LN(A1)", -3, 5, math.exp(-3)),  # beside where the formula has no value
        ("=SIN(A1)", 0, 2.9, math.pi),
        ("=SIN(A1)", 0, 100, 32 * math.pi),
        ("=A1", 1e9, 0, 1e9),
        ("=A1*1E-9", 1, 0, 1e9),
        ("=(A1-3)^2", 0, 10, 3),  # only touches
        ("=(A1-3)*(A1-3.001)", 0, 10, 3.001),  # two roots within one step
        ("=IF(A1<5,A1,A1^2)", 36, 1, 6),
        ("=NORM.DIST(A1,0,1,TRUE)", 0.975, 0, 1.959963984540054),
        ("=ABS(A1-2)", 1, 0, 1),
        ("=1/A1", 4, 1, 0.25),
        ("=A1^3", 0, 2, 0),
    ],
)
def test_the_nearest_root_is_found_and_left_in_the_cell(formula, to, start, root):
    formula = formula.replace("NORM.DIST", "_xlfn.NORM.DIST")
    result, workbook = sought(formula, to, start)
    tolerance = 1e-4 if root in (3, 0) else 1e-9
    assert result.found and result.x == pytest.approx(root, rel=tolerance, abs=1e-3 if root == 0 else 1e-9)
    sheet = workbook["Sheet1"]
    assert (sheet["A1"], sheet["B1"]) == (result.x, pytest.approx(result.value, rel=1e-12, abs=1e-14))
    assert sheet["B1"] == pytest.approx(to, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("formula", "to"), [("=A1^2", -1), ("=INT(A1)", 2.5), ("=1/A1", 0), ("=SIN(A1)", 1.5), ("=IF(A1>0,1,-1)", 0)]
)
def test_where_there_is_no_root_it_says_so_and_changes_nothing(formula, to):
    result, workbook = sought(formula, to, 1.0)
    assert not result.found and "does not come to" in result.message
    assert workbook["Sheet1"]["A1"] == 1.0


def test_without_a_derivative_it_goes_by_differences():
    result, _ = sought("=ROUND(A1,2)*3", 6, 1.0)
    assert result.found and round(result.x, 2) == 2


@settings(max_examples=40, deadline=None)
@given(
    roots=st.lists(st.integers(-50, 50), min_size=1, max_size=4, unique=True),
    start=st.integers(-60, 60),
)
def test_of_a_polynomials_roots_it_is_the_nearest_to_the_start(roots, start):
    product = "*".join(f"(A1-({root}))" for root in roots)
    result, _ = sought(f"={product}", 0, start)
    distance = min(abs(start - root) for root in roots)
    assert result.found and abs(result.x - start) == pytest.approx(distance, abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "cell", "by", "said"),
    [
        ({}, "A1", "A2", "holds no formula"),
        ({}, "B1", "B1", "holds a formula"),
        ({}, "B1", "C1", "does not depend on"),
        ({"A1": "text"}, "B1", "A1", "holds no number"),
        ({}, "B1:B2", "A1", "not one cell"),
        ({}, "Nix", "A1", "not an area or a name"),
    ],
)
def test_what_cannot_be_sought_is_refused_in_one_sentence(cells, cell, by, said):
    workbook = made({"A1": 1, "B1": "=A1^2", "C1": 3} | cells)
    with pytest.raises(SolverError, match=said) as error:
        seek(workbook, cell, 4, by)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


def test_the_command_writes_what_it_found_and_libreoffice_agrees(tmp_path):
    path = book(tmp_path / "loan.xlsx", {"B1": 0.03, "B5": "=PMT(B1/12,360,-200000)", "B6": "=B5*12"})
    ended = sheetml("seek", path, "--cell", "B5", "--to", 1200, "--by", "B1")
    assert ended.code == 0 and "Sheet1!B5 is 1200 where Sheet1!B1 is 0.0600" in ended.out
    output = tmp_path / "loan.sought.xlsx"
    assert library.open(output)["Sheet1"]["B6"] == pytest.approx(14400)
    assert disagreements(output) == []


def test_the_command_writes_nothing_where_the_value_is_not_reached(tmp_path):
    path = book(tmp_path / "book.xlsx", {"B1": 1, "B5": "=B1^2"})
    ended = sheetml("seek", path, "--cell", "B5", "--to", -4, "--by", "B1", "--json")
    assert (ended.code, ended.document["found"], ended.document["output"]) == (1, False, None)
    assert not (tmp_path / "book.sought.xlsx").exists()
