"""COUNTIF, SUMIF and their kin: what a criterion means."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode
from tests.workbooks import computed, result

ITEM = st.sampled_from([1, 2, 3.5, "x", "X", "1", True, None, "#DIV/0!", ">1"])


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


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(ITEM, st.sampled_from([1.0, 2.5, True, "x", None, "#N/A"])), min_size=4, max_size=9),
    st.sampled_from(["A$1:A{0}", "$A$1:A{0}", "A{0}:A$9", "A$1:B{0}"]),
    st.sampled_from(["COUNTIF({0},{1})", "SUMIF({0},{1})", "COUNTIFS({0},{1},{0},1)", "MAXIFS({0},{0},{1})"]),
)
def test_ranges_that_grow_from_row_to_row_give_each_row_what_it_gets_alone(items, area, function):
    cells = {f"{letter}{row}": item for row, pair in enumerate(items, start=1) for letter, item in zip("AB", pair)}
    formulas = {row: "=" + function.format(area.format(row), f"A{row}") for row in range(1, len(items) + 1)}
    together = computed(cells | {f"H{row}": formula for row, formula in formulas.items()})
    for row, formula in formulas.items():
        assert together[f"H{row}"] == computed(cells | {f"H{row}": formula})[f"H{row}"], formula
