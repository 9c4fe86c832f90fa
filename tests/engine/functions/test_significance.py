"""Tests of significance, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sheetml import ErrorCode
from tests.workbooks import computed, result

FIRST, SECOND = [3, 4, 5, 8, 9, 1, 2, 4, 5], [6, 19, 3, 2, 14, 4, 5, 17, 1]
DATA = {f"A{row}": x for row, x in enumerate(FIRST, 1)} | {f"B{row}": x for row, x in enumerate(SECOND, 1)}


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=T.TEST(A1:A9,B1:B9,2,1)": scipy.stats.ttest_rel(FIRST, SECOND).pvalue,
        "=T.TEST(A1:A9,B1:B9,1,1)": scipy.stats.ttest_rel(FIRST, SECOND).pvalue / 2,
        "=T.TEST(A1:A9,B1:B9,2,2)": scipy.stats.ttest_ind(FIRST, SECOND).pvalue,
        "=T.TEST(A1:A9,B1:B9,2,3)": scipy.stats.ttest_ind(FIRST, SECOND, equal_var=False).pvalue,
        "=T.TEST(A1:A7,B1:B9,2,3)": scipy.stats.ttest_ind(FIRST[:7], SECOND, equal_var=False).pvalue,
        "=TTEST(A1:A7,B1:B9,2,2)": scipy.stats.ttest_ind(FIRST[:7], SECOND).pvalue,
        "=F.TEST(A1:A9,B1:B9)": 2 * scipy.stats.f.cdf(np.var(FIRST, ddof=1) / np.var(SECOND, ddof=1), 8, 8),
    }.items(),
)
def test_probabilities_are_scipys(formula, expected):
    assert result(formula, **DATA) == pytest.approx(expected, rel=1e-9)


def test_counts_are_compared_with_those_expected():
    actual = [[58, 35], [11, 25], [10, 23]]
    expected = [[45.35, 47.65], [17.56, 18.44], [16.09, 16.91]]
    cells = {f"{c}{r}": actual[r - 1][i] for r in (1, 2, 3) for i, c in enumerate("AB")}
    cells |= {f"{c}{r}": expected[r - 1][i] for r in (1, 2, 3) for i, c in enumerate("CD")}
    square = sum((a - e) ** 2 / e for a_, e_ in zip(actual, expected) for a, e in zip(a_, e_))
    assert result("=CHISQ.TEST(A1:B3,C1:D3)", **cells) == pytest.approx(scipy.stats.chi2.sf(square, 2), rel=1e-9)
    assert result("=CHISQ.TEST(A1:A3,C1:C3)", **cells) == pytest.approx(
        scipy.stats.chisquare([58, 11, 10], [45.35, 17.56, 16.09], sum_check=False).pvalue, rel=1e-9
    )


def test_what_cannot_be_compared_is_an_error():
    assert result("=T.TEST(A1:A9,B1:B8,2,1)", **DATA) == ErrorCode.NA
    assert result("=T.TEST(A1:A9,B1:B9,3,1)", **DATA) == ErrorCode.NUM
    assert result("=T.TEST(A1:A1,B1:B1,2,2)", **DATA) == ErrorCode.DIV0
    assert result("=F.TEST(A1:A1,B1:B9)", **DATA) == ErrorCode.DIV0
    assert result("=CHISQ.TEST(A1:A9,B1:B8)", **DATA) == ErrorCode.NA


def test_text_and_blanks_are_left_out_of_samples_and_with_their_partners_out_of_pairs():
    cells = DATA | {"A3": "text", "B5": None}
    kept = [row for row in range(9) if row not in (2, 4)]
    pairs = scipy.stats.ttest_rel(np.array(FIRST)[kept], np.array(SECOND)[kept]).pvalue
    assert result("=T.TEST(A1:A9,B1:B9,2,1)", **cells) == pytest.approx(pairs, rel=1e-9)
    samples = scipy.stats.ttest_ind(np.delete(FIRST, 2), np.delete(SECOND, 4)).pvalue
    assert result("=T.TEST(A1:A9,B1:B9,2,2)", **cells) == pytest.approx(samples, rel=1e-9)


def test_probabilities_of_a_range_are_added_up():
    cells = {"A1": 0, "A2": 1, "A3": 2, "A4": 3, "B1": 0.2, "B2": 0.3, "B3": 0.1, "B4": 0.4}
    assert result("=PROB(A1:A4,B1:B4,2)", **cells) == pytest.approx(0.1)
    assert result("=PROB(A1:A4,B1:B4,1,3)", **cells) == pytest.approx(0.8)
    assert result("=PROB(A1:A4,B1:B3,1,3)", **cells) == ErrorCode.NA
    assert result("=PROB(A1:A3,B1:B3,1,3)", **cells) == ErrorCode.NUM


def test_order_statistics_as_documented():
    data = {f"A{row}": x for row, x in enumerate([13, 12, 11, 8, 4, 3, 2, 1, 1, 1], 1)}
    assert result("=PERCENTRANK.INC(A1:A10,2)", **data) == 0.333
    assert result("=PERCENTRANK.INC(A1:A10,4)", **data) == 0.555
    assert result("=PERCENTRANK.INC(A1:A10,5)", **data) == 0.583
    assert result("=PERCENTRANK(A1:A10,20)", **data) == ErrorCode.NA
    values = {f"A{row}": x for row, x in enumerate([1, 2, 3, 6, 6, 6, 7, 8, 9], 1)}
    assert result("=PERCENTRANK.EXC(A1:A9,7)", **values) == 0.7
    assert result("=PERCENTRANK.EXC(A1:A9,5.43)", **values) == 0.381
    assert result("=PERCENTRANK.EXC(A1:A9,5.43,1)", **values) == 0.3
    eleven = {f"A{row}": x for row, x in enumerate([4, 5, 6, 7, 2, 3, 4, 5, 1, 2, 3], 1)}
    assert result("=TRIMMEAN(A1:A11,0.2)", **eleven) == pytest.approx(3.778, abs=1e-3)
    assert result("=SKEW.P(3,4,5,2,3,4,5,6,4,7)") == pytest.approx(0.303193339, rel=1e-8)


def test_frequencies_are_counted_by_bounds_in_any_order_and_beyond_the_last():
    scores = {f"A{row}": x for row, x in enumerate([79, 85, 78, 85, 50, 81, 95, 88, 97], 1)}
    sheet = computed(scores | {"B1": 70, "B2": 79, "B3": 89, "D1:D4": "{=FREQUENCY(A1:A9,B1:B3)}"})
    assert sheet["D1:D4"][:, 0].tolist() == [1, 2, 4, 2]
    sheet = computed(scores | {"B1": 89, "B2": 70, "B3": 79, "D1:D4": "{=FREQUENCY(A1:A9,B1:B3)}"})
    assert sheet["D1:D4"][:, 0].tolist() == [4, 1, 2, 2]


def test_modes_are_listed_in_the_order_of_their_first_appearance():
    sheet = computed({f"A{row}": x for row, x in enumerate([3, 1, 2, 1, 3], 1)} | {"C1:C3": "{=MODE.MULT(A1:A5)}"})
    assert sheet["C1:C2"][:, 0].tolist() == [3, 1]
    assert sheet["C3"] == ErrorCode.NA
    assert result("=MODE.MULT(1,2,3)") == ErrorCode.NA
