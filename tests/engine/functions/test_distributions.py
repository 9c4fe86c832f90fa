"""Distributions, against SciPy's statistics and Excel's documented results."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode
from tests.workbooks import made, result

# A1 is the number asked about, A2 and A3 the distribution's parameters; the same from SciPy
FUNCTIONS = {
    "=NORM.DIST(A1,A2,A3,TRUE)": lambda x, a, b: scipy.stats.norm.cdf(x, a, b),
    "=NORM.DIST(A1,A2,A3,FALSE)": lambda x, a, b: scipy.stats.norm.pdf(x, a, b),
    "=LOGNORM.DIST(A1,A2,A3,TRUE)": lambda x, a, b: scipy.stats.lognorm.cdf(x, b, scale=np.exp(a)),
    "=LOGNORM.DIST(A1,A2,A3,FALSE)": lambda x, a, b: scipy.stats.lognorm.pdf(x, b, scale=np.exp(a)),
    "=GAMMA.DIST(A1,A2,A3,TRUE)": lambda x, a, b: scipy.stats.gamma.cdf(x, a, scale=b),
    "=GAMMA.DIST(A1,A2,A3,FALSE)": lambda x, a, b: scipy.stats.gamma.pdf(x, a, scale=b),
    "=WEIBULL.DIST(A1,A2,A3,TRUE)": lambda x, a, b: scipy.stats.weibull_min.cdf(x, a, scale=b),
    "=WEIBULL.DIST(A1,A2,A3,FALSE)": lambda x, a, b: scipy.stats.weibull_min.pdf(x, a, scale=b),
    "=EXPON.DIST(A1,A2,TRUE)": lambda x, a, b: scipy.stats.expon.cdf(x, scale=1 / a),
    "=BETA.DIST(A1,A2,A3,TRUE,0,9)": lambda x, a, b: scipy.stats.beta.cdf(x, a, b, scale=9),
    "=BETA.DIST(A1,A2,A3,FALSE,0,9)": lambda x, a, b: scipy.stats.beta.pdf(x, a, b, scale=9),
    "=CHISQ.DIST(A1,INT(A2)+1,TRUE)": lambda x, a, b: scipy.stats.chi2.cdf(x, np.floor(a) + 1),
    "=CHISQ.DIST(A1,INT(A2)+1,FALSE)": lambda x, a, b: scipy.stats.chi2.pdf(x, np.floor(a) + 1),
    "=CHISQ.DIST.RT(A1,INT(A2)+1)": lambda x, a, b: scipy.stats.chi2.sf(x, np.floor(a) + 1),
    "=F.DIST(A1,INT(A2)+1,INT(A3)+1,TRUE)": lambda x, a, b: scipy.stats.f.cdf(x, np.floor(a) + 1, np.floor(b) + 1),
    "=F.DIST(A1,INT(A2)+1,INT(A3)+1,FALSE)": lambda x, a, b: scipy.stats.f.pdf(x, np.floor(a) + 1, np.floor(b) + 1),
    "=F.DIST.RT(A1,INT(A2)+1,INT(A3)+1)": lambda x, a, b: scipy.stats.f.sf(x, np.floor(a) + 1, np.floor(b) + 1),
    "=T.DIST(A1-4,INT(A2)+1,TRUE)": lambda x, a, b: scipy.stats.t.cdf(x - 4, np.floor(a) + 1),
    "=T.DIST(A1-4,INT(A2)+1,FALSE)": lambda x, a, b: scipy.stats.t.pdf(x - 4, np.floor(a) + 1),
    "=T.DIST.RT(A1-4,INT(A2)+1)": lambda x, a, b: scipy.stats.t.sf(x - 4, np.floor(a) + 1),
    "=T.DIST.2T(A1,INT(A2)+1)": lambda x, a, b: 2 * scipy.stats.t.sf(x, np.floor(a) + 1),
    "=POISSON.DIST(A1,A2,TRUE)": lambda x, a, b: scipy.stats.poisson.cdf(np.floor(x), a),
    "=POISSON.DIST(A1,A2,FALSE)": lambda x, a, b: scipy.stats.poisson.pmf(np.floor(x), a),
    "=BINOM.DIST(A1,9,A2/10,TRUE)": lambda x, a, b: scipy.stats.binom.cdf(np.floor(x), 9, a / 10),
    "=BINOM.DIST(A1,9,A2/10,FALSE)": lambda x, a, b: scipy.stats.binom.pmf(np.floor(x), 9, a / 10),
    "=NEGBINOM.DIST(A1,A2+1,A3/10,TRUE)": lambda x, a, b: scipy.stats.nbinom.cdf(np.floor(x), np.floor(a + 1), b / 10),
    "=NEGBINOM.DIST(A1,A2+1,A3/10,FALSE)": lambda x, a, b: scipy.stats.nbinom.pmf(np.floor(x), np.floor(a + 1), b / 10),
    "=HYPGEOM.DIST(MIN(A1,A2),A2+5,15,30,TRUE)": lambda x, a, b: scipy.stats.hypergeom.cdf(
        np.floor(min(x, a)), 30, 15, np.floor(a + 5)
    ),
}
_made = {}


def function(formula):
    if formula not in _made:
        _made[formula] = made({"A1": 1, "A2": 2, "A3": 3, "B1": formula}).function("A1:A3", "B1")
    return _made[formula]


@pytest.mark.parametrize("formula", FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(x=st.floats(0.01, 8.9), a=st.floats(0.1, 9.5), b=st.floats(0.1, 9.5))
def test_probabilities_and_densities_are_scipys(formula, x, a, b):
    assert function(formula)(np.array([x, a, b])) == pytest.approx(FUNCTIONS[formula](x, a, b), rel=1e-9, abs=1e-14)


INVERSES = {
    "NORM.INV": ("=NORM.INV(A1,A2,A3)", "=NORM.DIST(B1,A2,A3,TRUE)"),
    "NORM.S.INV": ("=NORM.S.INV(A1)", "=NORM.S.DIST(B1,TRUE)"),
    "LOGNORM.INV": ("=LOGNORM.INV(A1,A2,A3/5)", "=LOGNORM.DIST(B1,A2,A3/5,TRUE)"),
    "GAMMA.INV": ("=GAMMA.INV(A1,A2,A3)", "=GAMMA.DIST(B1,A2,A3,TRUE)"),
    "BETA.INV": ("=BETA.INV(A1,A2,A3,0,4)", "=BETA.DIST(B1,A2,A3,TRUE,0,4)"),
    "CHISQ.INV": ("=CHISQ.INV(A1,A2+1)", "=CHISQ.DIST(B1,A2+1,TRUE)"),
    "CHISQ.INV.RT": ("=CHISQ.INV.RT(A1,A2+1)", "=CHISQ.DIST.RT(B1,A2+1)"),
    "F.INV": ("=F.INV(A1,A2+1,A3+1)", "=F.DIST(B1,A2+1,A3+1,TRUE)"),
    "F.INV.RT": ("=F.INV.RT(A1,A2+1,A3+1)", "=F.DIST.RT(B1,A2+1,A3+1)"),
    "T.INV": ("=T.INV(A1,A2+1)", "=T.DIST(B1,A2+1,TRUE)"),
    "T.INV.2T": ("=T.INV.2T(A1,A2+1)", "=T.DIST.2T(B1,A2+1)"),
}


@pytest.mark.parametrize("name", INVERSES)
@settings(max_examples=20, deadline=None)
@given(p=st.floats(1e-4, 1 - 1e-4), a=st.floats(0.5, 9.5), b=st.floats(0.5, 9.5))
def test_an_inverse_has_the_probability_it_was_asked_for(name, p, a, b):
    if name not in _made:
        inverse, distribution = INVERSES[name]
        _made[name] = made({"A1": 0.5, "A2": 2, "A3": 3, "B1": inverse, "C1": distribution}).function("A1:A3", "C1")
    assert _made[name](np.array([p, a, b])) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("t", [1e-12, 1e-8, 1e-4, 1, 1e4, 1e8])
def test_students_probability_keeps_its_digits_near_the_middle_and_far_out(t):
    assert result("=T.DIST(A1,5,TRUE)-0.5", A1=t) == pytest.approx(scipy.stats.t.cdf(t, 5) - 0.5, rel=1e-9, abs=1e-16)
    assert result("=T.DIST.RT(A1,5)", A1=t) == pytest.approx(scipy.stats.t.sf(t, 5), rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=BINOM.DIST.RANGE(60,0.75,48)": 0.083974967429048,
        "=BINOM.DIST.RANGE(60,0.75,45,50)": 0.523629793471877,
        "=BINOM.INV(6,0.5,0.75)": 4,
        "=CRITBINOM(100,0.5,0.999)": 65,
        "=CONFIDENCE.T(0.05,1,50)": 0.284196855,
        "=HYPGEOM.DIST(1,4,8,20,FALSE)": 0.363261093911249,
        "=NEGBINOM.DIST(10,5,0.25,FALSE)": 0.055048660375178,
        "=POISSON(2,5,TRUE)": 0.124652019483081,
        "=ERFC(10)": 2.0884875837625446e-45,
        "=LOGNORMDIST(4,3.5,1.2)": 0.0390835557,
        "=TDIST(1.959999998,60,2)": 0.054644927,
        "=BETADIST(2,8,10,1,3)": 0.685470581,
        "=PERMUTATIONA(3,2)": 9,
    }.items(),
)
def test_results_as_documented(formula, expected):
    assert result(formula) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "formula",
    [
        *("=NORM.DIST(1,0,0,TRUE)", "=GAMMA.DIST(-1,1,1,TRUE)", "=GAMMA.INV(1,1,1)", "=BETA.DIST(5,1,1,TRUE)"),
        *(
            "=BINOM.DIST(3,2,0.5,TRUE)",
            "=BINOM.DIST(1,2,1.5,TRUE)",
            "=POISSON.DIST(-1,2,TRUE)",
            "=CHISQ.DIST(1,0,TRUE)",
        ),
        *("=F.INV(1,2,3)", "=T.DIST.2T(-1,3)", "=T.INV(0,3)", "=WEIBULL.DIST(-1,1,1,TRUE)", "=CONFIDENCE.T(0,1,9)"),
        *("=HYPGEOM.DIST(5,4,8,20,TRUE)", "=NEGBINOM.DIST(1,0,0.5,TRUE)", "=TDIST(1,3,3)", "=GAMMA(-2)"),
    ],
)
def test_what_lies_outside_of_a_distribution_is_a_num_error(formula):
    assert result(formula) == ErrorCode.NUM


def test_the_middle_of_a_distribution_with_one_case_only_is_a_division_by_zero():
    assert result("=CONFIDENCE.T(0.05,1,1)") == ErrorCode.DIV0


def test_a_distribution_filled_down_is_computed_cell_by_cell_with_its_own_errors():
    cells = {f"A{row}": row - 2 for row in range(1, 5)} | {
        f"B{row}": f"=EXPON.DIST(A{row},2,TRUE)" for row in range(1, 5)
    }
    workbook = made(cells)
    workbook.calculate()
    sheet = workbook["Sheet1"]
    assert sheet["B1"] == ErrorCode.NUM
    assert [sheet[f"B{row}"] for row in (2, 3, 4)] == pytest.approx([0, 1 - np.exp(-2), 1 - np.exp(-4)])
