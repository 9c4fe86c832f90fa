"""Charts: round ticks, names beside points, numbers as the cells show them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.report.cell_numbers import in_column, in_format, told_apart
from sheetml.report.charts import Line, Names, heat_map, line_chart
from sheetml.report.labelling import placed
from sheetml.report.ticks import axis, short, value_axis

sizes = st.floats(1e-12, 1e12)


def is_round(number: float) -> bool:
    """Whether a number has at most two digits, or three that end in 5 (as 0.25 and 7.5 have)."""
    digits = f"{abs(number):.6e}".partition("e")[0].replace(".", "").rstrip("0")
    return len(digits) <= 2 or (len(digits) == 3 and digits[-1] == "5")


@given(low=st.floats(-1e6, 1e6), span=sizes)
def test_an_axis_holds_its_values_between_steps_of_1_2_25_or_5(low: float, span: float) -> None:
    high = low + span
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        return
    found = axis(low, high)
    steps = np.diff(found.ticks)
    assert found.low <= low + 1e-9 * span and found.high >= high - 1e-9 * span
    assert 2 <= len(found.ticks) <= 9
    assert steps == pytest.approx(np.full(len(steps), steps[0]))
    assert is_round(float(steps[0]))
    assert len(set(found.texts)) == len(found.texts)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.3929, 2.919], ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]),
        ([0, 118], ["0", "20", "40", "60", "80", "100", "120"]),
        ([-0.02, 0.03], ["−0.02", "−0.01", "0.00", "0.01", "0.02", "0.03"]),
        ([0.00066, 446.9], ["0.0001", "0.01", "1", "100"]),
        ([3.0, 40.0], ["2", "5", "10", "20", "50"]),
    ],
)
def test_the_numbers_at_an_axis_are_those_that_people_count_in(values: list[float], texts: list[str]) -> None:
    assert value_axis(np.array(values)).texts == texts


@pytest.mark.parametrize(
    ("number", "text"), [(8.319e-9, "8.32e−9"), (-0.0511, "−0.0511"), (1250.0, "1,250"), (0.0, "0"), (math.nan, "–")]
)
def test_a_number_is_told_to_a_few_digits_with_a_minus_sign_of_print(number: float, text: str) -> None:
    assert short(number) == text


def test_a_number_is_shown_in_the_format_of_its_cell() -> None:
    assert in_format(0.3929007908750755, "0.00") == "0.39"
    assert in_format(-1234.5, "#,##0") == "−1,235"
    assert in_format(43831.0, "yyyy-mm-dd") == "2020-01-01"
    assert in_format(2.919005027625378, "General") == "2.919"


@given(before=st.floats(-1e6, 1e6), after=st.floats(-1e6, 1e6))
def test_two_numbers_that_differ_are_told_apart_whatever_the_format(before: float, after: float) -> None:
    one, other = told_apart(before, after, "0.0")
    assert (one == other) == (before == after) or before == after == 0


def test_numbers_of_a_column_have_the_same_decimals() -> None:
    column = [30.0001, 29.744, 5.4582]
    assert [in_column(each, column) for each in column] == ["30.000", "29.744", "5.458"]


@given(
    points=st.lists(st.tuples(st.floats(0, 900), st.floats(0, 600)), min_size=1, max_size=25),
    lengths=st.lists(st.integers(1, 30), min_size=25, max_size=25),
)
def test_names_beside_points_never_run_into_each_other(points: list[tuple[float, float]], lengths: list[int]) -> None:
    names = ["x" * length for length in lengths[: len(points)]]
    places = placed(points, names, 6.0, 13.0, (0, 0, 1000, 650))
    boxes = []
    for place, name in zip(places, names):
        if place is not None:
            x, y, anchor = place
            left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * 6.0 * len(name)
            boxes.append((left, y - 8.0, left + 6.0 * len(name), y))  # the letters stand on their line
    for index, one in enumerate(boxes):
        for other in boxes[:index]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart


def test_a_heat_map_names_its_rows_and_columns_and_dims_what_is_next_to_nothing() -> None:
    values = np.array([[1.0, -0.5], [8e-9, math.nan]])
    names = Names(["19", "20"], ["H", "I"], column_titles=["Toy Story", "Fargo"])
    drawn = str(heat_map(values, 1.0, names, lambda row, column: short(float(values[row, column])), "cells"))
    assert re.findall(r'class="name"[^>]*>([^<]*)<', drawn) == ["H", "I", "19", "20"]
    assert "Toy Story" in drawn and "I19: −0.5" in drawn
    assert drawn.count("<rect") == 3  # nothing where there is no number
    assert re.search(r'--s:0\.000"[^>]*/><text class="faint"[^>]*>8e−9<', drawn)


def test_many_lines_share_one_chart_with_colours_of_their_own() -> None:
    epochs = np.arange(5.0)
    lines = [Line(f"rule {number}", epochs, epochs + number + 1.0) for number in range(10)]
    drawn = str(line_chart(lines, "epoch", "loss"))
    looks = re.findall(r'<path class="(line [^"]*)"', drawn)
    assert len(looks) == len(set(looks)) == 10
