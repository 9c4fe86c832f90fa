"""COUNTIF, SUMIF and their kin: what a criterion means."""

from __future__ import annotations

from sheetml import ErrorCode
from tests.workbooks import computed, result


def test_blanks_of_whole_columns_count_where_they_meet_the_criterion():
    cells = {"A1": 1, "A2": "x", "A3": 1, "B1": 5}
    assert result('=COUNTIF(A:A,"<>1")', **cells) == 1048574
    assert result("=COUNTIF(A:A,1)", **cells) == 2
    assert result('=COUNTIFS(A:A,"<>1",B:B,"<>5")', **cells) == 1048574
    assert result('=COUNTIF(A:B,"")', **cells) == 2 * 1048576 - 4


def test_a_text_that_reads_as_a_number_is_equal_to_it_and_different_from_it():
    cells = {"A1": 23, "A2": "23", "A3": "hey"}
    assert result('=COUNTIF(A1:A3,"=23")', **cells) == 2
    assert result('=COUNTIF(A1:A3,"<>23")', **cells) == 2


def test_a_criterion_that_could_not_be_computed_is_not_taken_for_one_that_nothing_meets():
    sheet = computed({"A1": 1, "B1": "=NOSUCH(1)", "C1": "=COUNTIF(A1:A1,B1)", "C2": "=SUMIF(A1:B1,1)"})
    assert sheet["C1"] == ErrorCode.UNCOMPUTABLE
    assert sheet["C2"] == ErrorCode.UNCOMPUTABLE
