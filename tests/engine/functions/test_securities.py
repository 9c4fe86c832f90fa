"""Securities, against Excel's documented results and the laws between prices and yields."""

from __future__ import annotations

import pytest

from sheetml import ErrorCode
from tests.workbooks import result

DOCUMENTED = {
    "=PRICE(39493,43054,0.0575,0.065,100,2,0)": 94.63436,
    "=YIELD(39493,42689,0.0575,95.04287,100,2,0)": 0.065,
    "=DURATION(43282,54058,0.08,0.09,2,1)": 10.9191453,
    "=MDURATION(39448,42370,0.08,0.09,2,1)": 5.73567,
    "=RECEIVED(39493,39583,1000000,0.0575,2)": 1014584.65,
    "=PRICEDISC(39494,39508,0.0525,100,2)": 99.79583,
    "=YIELDDISC(39494,39508,99.795,100,2)": 0.052823,
    "=PRICEMAT(39493,39551,39397,0.061,0.061,0)": 99.98449888,
    "=YIELDMAT(39522,39755,39394,0.0625,100.0123,0)": 0.060954333,
    "=ACCRINTM(39539,39614,0.1,1000,3)": 20.54794521,
    "=TBILLEQ(39538,39600,0.0914)": 0.09415149,
    "=TBILLPRICE(39538,39600,0.09)": 98.45,
    "=TBILLYIELD(39538,39600,98.45)": 0.091417,
    "=DOLLARDE(1.02,16)": 1.125,
    "=DOLLARDE(1.1,32)": 1.3125,
    "=DOLLARFR(1.125,16)": 1.02,
    "=ODDFPRICE(39763,44256,39736,39873,0.0785,0.0625,100,2,1)": 113.597717,
    "=ODDFYIELD(39763,44256,39736,39873,0.0575,84.5,100,2,0)": 0.077245542,
    "=ODDLPRICE(39485,39614,39370,0.0375,0.0405,100,2,0)": 99.87829,
    "=ODDLYIELD(39558,39614,39440,0.0375,99.875,100,2,0)": 0.0451922,
}


@pytest.mark.parametrize("formula", DOCUMENTED)
def test_results_as_documented(formula):
    assert result(formula) == pytest.approx(DOCUMENTED[formula], rel=1e-5)


@pytest.mark.parametrize("basis", range(5))
@pytest.mark.parametrize("frequency", [1, 2, 4])
def test_a_yield_gives_back_the_price_it_was_found_from(basis, frequency):
    cells = {"A1": 43007, "A2": 46003, "A3": frequency, "A4": basis, "A5": 43207, "A6": 42900}
    assert result("=YIELD(A1,A2,0.05,PRICE(A1,A2,0.05,0.07,110,A3,A4),110,A3,A4)", **cells) == pytest.approx(0.07)
    odd = "=ODDFYIELD(A1,A2,A6,A5,0.05,ODDFPRICE(A1,A2,A6,A5,0.05,0.07,110,A3,A4),110,A3,A4)"
    assert result(odd, **cells) == pytest.approx(0.07)


def test_coupons_at_the_ends_of_months_stay_there():
    assert result("=COUPPCD(DATE(2023,3,15),DATE(2024,8,31),2)") == result("=DATE(2023,2,28)")
    assert result("=COUPNCD(DATE(2023,9,15),DATE(2024,8,31),2)") == result("=DATE(2024,2,29)")


@pytest.mark.parametrize(
    "formula",
    [
        "=PRICE(43000,42000,0.05,0.07,100,2)",
        "=PRICE(43000,44000,0.05,0.07,100,3)",
        "=YIELD(43000,44000,0.05,0,100,2)",
        "=COUPNUM(43000,44000,2,5)",
        "=TBILLPRICE(43000,43400,0.05)",
        "=ODDFPRICE(43000,46000,43010,43500,0.05,0.05,100,2)",
    ],
)
def test_terms_that_cannot_be_are_a_num_error(formula):
    assert result(formula) == ErrorCode.NUM
