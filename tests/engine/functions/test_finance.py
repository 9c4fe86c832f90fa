"""Annuities, cash flows and depreciation, against Excel's documented results and the laws between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode
from tests.workbooks import made, result

DOCUMENTED = {
    "=PMT(0.08/12,10,10000)": -1037.03,
    "=PV(0.08/12,12*20,500)": -59777.15,
    "=FV(0.06/12,10,-200,-500,1)": 2581.40,
    "=NPER(0.12/12,-100,-1000,10000,1)": 59.6738657,
    "=RATE(4*12,-200,8000)": 0.0077014725,
    "=IPMT(0.1/12,1,36,8000)": -66.67,
    "=PPMT(0.1/12,1,24,2000)": -75.62,
    "=CUMIPMT(0.09/12,360,125000,13,24,0)": -11135.23213,
    "=CUMPRINC(0.09/12,360,125000,13,24,0)": -934.1071234,
    "=ISPMT(0.1/12,1,36,8000000)": -64814.81,
    "=EFFECT(0.0525,4)": 0.0535427,
    "=NOMINAL(0.053543,4)": 0.05250032,
    "=RRI(96,10000,11000)": 0.0009933,
    "=PDURATION(0.025,2000,2200)": 3.86,
    "=FVSCHEDULE(1,{0.09,0.11,0.1})": 1.33089,
    "=NPV(0.1,-10000,3000,4200,6800)": 1188.44,
    "=IRR({-70000,12000,15000,18000,21000,26000})": 0.0866309,
    "=MIRR({-120000,39000,30000,21000,37000,46000},0.1,0.12)": 0.126094,
    "=XNPV(0.09,{-10000,2750,4250,3250,2750},{39448,39508,39751,39859,39904})": 2086.647602,
    "=XIRR({-10000,2750,4250,3250,2750},{39448,39508,39751,39859,39904})": 0.373362535,
    "=SLN(30000,7500,10)": 2250,
    "=SYD(30000,7500,10,1)": 4090.91,
    "=DB(1000000,100000,6,7,7)": 15845.10,
    "=DDB(2400,300,10,10)": 22.12,
    "=VDB(2400,300,120,6,18,1.5)": 311.81,
    "=VDB(2400,300,10,0,0.875,1.5)": 315,
    "=AMORDEGRC(2400,39679,39813,300,1,0.15,1)": 776,
    "=AMORLINC(2400,39679,39813,300,1,0.15,1)": 360,
}


@pytest.mark.parametrize("formula", DOCUMENTED)
def test_results_as_documented(formula):
    expected = DOCUMENTED[formula]
    assert result(formula) == pytest.approx(expected, rel=2e-5, abs=5e-3 if abs(expected) >= 3 else 0)


@settings(max_examples=40, deadline=None)
@given(
    rate=st.one_of(st.floats(-0.4, 0.6), st.floats(-1e-6, 1e-6), st.just(0.0)),
    periods=st.floats(1, 40),
    payment=st.floats(-9, 9),
    present=st.floats(-90, 90),
    kind=st.sampled_from([0.0, 1.0]),
)
def test_the_functions_of_an_annuity_undo_each_other(rate, periods, payment, present, kind):
    cells = {"A1": rate, "A2": periods, "A3": payment, "A4": present, "A5": kind}
    cells |= {"B1": "=FV(A1,A2,A3,A4,A5)", "B2": "=PV(A1,A2,A3,B1,A5)", "B3": "=PMT(A1,A2,A4,B1,A5)"}
    workbook = made(cells)
    workbook.calculate()
    sheet = workbook["Sheet1"]
    scale = max(abs(sheet["B1"]), 90)
    assert sheet["B2"] == pytest.approx(present, abs=1e-9 * scale * max(1.0, (1 + rate) ** -periods))
    assert sheet["B3"] == pytest.approx(payment, abs=1e-9 * scale)


def test_a_rate_of_almost_nothing_costs_no_digits():
    assert result("=FV(1E-12,10,100)") == pytest.approx(-1000 * (1 + 4.5e-12), rel=1e-14)
    assert result("=NPER(1E-12,-100,1000)") == pytest.approx(10 * (1 + 5.5e-12), rel=1e-14)


def test_interest_and_repayment_make_up_the_payment_and_add_up():
    for kind in (0, 1):
        periods = "{" + ",".join(map(str, range(2, 8))) + "}"
        parts = [result(f"=SUMPRODUCT({name}(0.01,{periods},30,1000,0,{kind}))") for name in ("IPMT", "PPMT")]
        assert sum(parts) == pytest.approx(6 * result(f"=PMT(0.01,30,1000,0,{kind})"), rel=1e-12)
        assert result(f"=CUMIPMT(0.01,30,1000,2,7,{kind})") == pytest.approx(parts[0], rel=1e-11)
        assert result(f"=CUMPRINC(0.01,30,1000,2,7,{kind})") == pytest.approx(parts[1], rel=1e-11)


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("=IRR({1,2,3})", ErrorCode.NUM),
        ("=IRR({-1,2},-1)", ErrorCode.VALUE),
        ("=MIRR({1,2,3},0.1,0.1)", ErrorCode.DIV0),
        ("=NPV(-1,1,2)", ErrorCode.DIV0),
        ("=XNPV(0.1,{1,2},{5,4})", ErrorCode.NUM),
        ("=XIRR({-1,2},{5})", ErrorCode.NUM),
        ("=RATE(10,-1200,2000,0,1)", ErrorCode.NUM),
        ("=SLN(1,2,0)", ErrorCode.DIV0),
        ("=IPMT(0.1,5,4,100)", ErrorCode.NUM),
        ("=CUMIPMT(0.1,12,100,5,3,0)", ErrorCode.NUM),
        ("=VDB(100,10,5,3,9)", ErrorCode.NUM),
        ("=AMORLINC(100,1,200,10,1,0.2,2)", ErrorCode.NUM),
    ],
)
def test_what_cannot_be_is_an_error(formula, error):
    assert result(formula) == error


def test_blanks_and_text_among_flows_are_passed_over_and_do_not_count_as_periods():
    cells = {"A1": -20, "A2": 5, "A4": "text", "A5": 18}
    assert result("=IRR(A1:A5)", **cells) == pytest.approx(result("=IRR({-20,5,18})"), rel=1e-12)
    assert result("=NPV(0.1,A1:A5)", **cells) == pytest.approx(result("=NPV(0.1,-20,5,18)"), rel=1e-12)


def test_a_rate_that_is_caught_as_an_error_is_found_again_when_the_flows_allow_one():
    f = made({"A1": -5, "A2": 6, "C1": "=IFERROR(IRR(A1:A2),-9)"}).function("A1:A2", "C1")
    assert [f(np.array([x, 6.0])) for x in (5.0, -5.0, 5.0, -4.0)] == pytest.approx([-9, 0.2, -9, 0.5])


# From the results of Excel 2010 that the tests of ExcelFinancialFunctions hold, and from workbooks saved by Excel.
EXACT = {
    "=VDB(100,10,13,0,4.2,1)": 29.83431952663,
    "=VDB(100,10,13,0,4.2,1,TRUE)": 28.51446162465,
    "=VDB(100,10,13,1,13,1)": 82.30769230769,
    "=VDB(100,10,13,10,13,1)": 20.5110274341,
    "=VDB(100,10,12.7,2,3.3,1)": 9.096594454871,
    "=VDB(100,10,12.7,2,4.2,4.5)": 25.54088072583,
    "=VDB(100,10,40,0,20,1)": 45.36596037946,
    "=VDB(1,0,14,3.5,4.5,1.25)": 0.06872629045468406,
    "=VDB(1,0,14,11.5,12.5,1.25)": 0.06872629045468406,
    "=VDB(1,0,14,13.5,14,1.25)": 0.03436314522734203,
    "=DDB(100,10,13,0.3,3)": 23.07692307692,
    "=DDB(100,50,13,2,4.5)": 15.38461538462,
    "=DDB(100,10,40,13,3)": 2.942808869112,
    "=IPMT(0.1,3.9,3,8000,10,1)": -26.866364667656377,
    "=PPMT(0.1,3.9,3,8000,10,1)": -2900.351432640776,
    "=IPMT(0.01,1.0001,36,8000,0,1)": -79.2077378295619,
    "=PPMT(0.01,1.0001,36,8000,0,1)": -183.87590425242774,
    "=CUMIPMT(0.6,2,100,1.3,2,0)": -36.92307692308,
    "=CUMIPMT(0.6,2.7,100,1,2,1)": -28.70175552692,
    "=CUMIPMT(0.6,10,100,2.5,7,0)": -280.4650587865,
    "=CUMIPMT(1.5,2.7,150.5,1.3,2,0)": -194.5967516354,
}


@pytest.mark.parametrize("formula", EXACT)
def test_fractions_of_periods_count_as_in_excel(formula):
    assert result(formula) == pytest.approx(EXACT[formula], rel=1e-12)


@pytest.mark.parametrize("formula", ["=PMT(-3,5,100)", "=PMT(-1,1,-100)", "=IPMT(-1,1,2,100)", "=IPMT(0.1,4,3,100)"])
def test_there_are_no_payments_at_rates_that_take_everything_or_after_the_last_period(formula):
    assert result(formula) == ErrorCode.NUM


DAY = 25659  # 1 April 1970


@pytest.mark.parametrize(
    ("flows", "days", "guess", "expected"),
    [
        ((-100, 10, 10, 100), (0, 682, 3675, 4746), 0.15, 0.01563509255648),
        ((-100, 10, 10, 100), (0, 682, 3675, 4746), 0.5, 0.015635099262),
        ((-100, 10, 10, 100), (0, 682, 3675, 4746), 0, 0.01563509277344),
        ((-1, 3, 4), (0, 6547, 10595), 0.14, 0.08833194077015),
        ((105091006, -103250941.8647), (0, 20), -0.1, -0.2755730099976),
        ((206101714.8494, -156650972.5427), (0, 31), -0.1, -0.9604521892965),
        ((-20, 5, 5, 5, 5, 5), (0, 28, 59, 120, 150, 181), 0.1, 1.1859161972999572),
        ((-100, 23, 30, 10, 20, 5), (0, 28, 59, 120, 150, 181), 0.1, -0.4135234050452709),
    ],
)
def test_xirr_has_the_digits_that_excels_halving_leaves(flows, days, guess, expected):
    dates = ",".join(str(DAY + day) for day in days)
    found = result(f"=XIRR({{{','.join(map(str, flows))}}},{{{dates}}},{guess})")
    assert found == pytest.approx(expected, rel=2e-13, abs=6e-15)


def test_xirr_passes_over_blank_rows_at_the_end():
    cells = {f"A{row}": flow for row, flow in enumerate((-10, 1, 5, 8), 1)} | {
        f"B{row}": day for row, day in enumerate((1, 99, 155, 704), 1)
    }
    assert result("=XIRR(A1:A9,B1:B9)", **cells) == result("=XIRR(A1:A4,B1:B4)", **cells)
    assert result("=XIRR(A1:A5,B1:B5)", **cells, A5=2) == ErrorCode.NUM


@pytest.mark.parametrize(
    ("flows", "guess", "expected"),
    [
        ("-20,5,5,5,5,5", "", 0.07930826116039724),
        ("-20,5,5,5,5,5", ",17", 0.07930826116414913),
        ("-55,10,5,5,5,5", "", -0.1884564442514256),
        ("-30,-20,-10,5,5,5", "", -0.33903735073070584),
        ("-130,30,20,30,20,30", "", 2.4507063045575705e-12),
    ],
)
def test_irr_is_the_number_that_excels_search_ends_at(flows, guess, expected):
    assert result(f"=IRR({{{flows}}}{guess})") == pytest.approx(expected, rel=1e-15, abs=5e-16)
