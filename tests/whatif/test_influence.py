"""Which inputs matter: derivatives and elasticities as closed forms have them, swings as worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.errors import NotDifferentiableError
from sheetml.report.whatif_plots import tornado_figure
from sheetml.whatif import sensitivity, tornado
from tests.workbooks import made

COBB_DOUGLAS = {"A1": 3.0, "A2": 5.0, "A3": 7.0, "B1": "=2*A1^0.4*A2^0.6", "B2": "=A1^2-9", "B3": "=BITAND(A1,1)"}


def by_address(found):
    return {each.address: each for each in found}


def test_elasticities_of_a_product_of_powers_are_its_exponents():
    f = made(COBB_DOUGLAS).function("Sheet1!A1:A3", "Sheet1!B1")
    found = sensitivity(f)
    assert [each.address for each in found] == ["Sheet1!A2", "Sheet1!A1", "Sheet1!A3"]
    of, value = by_address(found), 2 * 3**0.4 * 5**0.6
    assert [each.elasticity for each in found] == pytest.approx([0.6, 0.4, 0])
    assert of["Sheet1!A1"].derivative == pytest.approx(0.4 * value / 3)
    assert of["Sheet1!A1"].second == pytest.approx(0.4 * -0.6 * value / 9)
    assert of["Sheet1!A2"].second == pytest.approx(0.6 * -0.4 * value / 25)


@settings(max_examples=20)
@given(st.floats(0.5, 4), st.floats(-2, 2))
def test_derivatives_are_those_of_difference_quotients(first, second):
    book = made({"A1": first, "A2": second, "B1": "=EXP(A1*A2/4)+A1^3*SIN(A2)"})
    f = book.function("Sheet1!A1:A2", "Sheet1!B1")
    of = by_address(sensitivity(f))
    for place, address in enumerate(f.input_addresses):
        step = np.eye(2)[place] * 1e-4
        up, now, down = (f(f.x0 + sign * step) for sign in (1, 0, -1))
        assert of[address].derivative == pytest.approx((up - down) / 2e-4, rel=1e-5, abs=1e-5)
        assert of[address].second == pytest.approx((up - 2 * now + down) / 1e-8, rel=1e-4, abs=1e-3)


def test_there_is_no_elasticity_of_nothing():
    (found,) = sensitivity(made(COBB_DOUGLAS).function("Sheet1!A1", "Sheet1!B2"))
    assert np.isnan(found.elasticity) and found.derivative == 6 and found.second == 2


def test_what_has_no_derivative_is_named():
    with pytest.raises(NotDifferentiableError, match=r"Sheet1!B3"):
        sensitivity(made(COBB_DOUGLAS).function("Sheet1!A1", "Sheet1!B3"))


def test_swings_are_those_worked_out_by_hand_the_widest_first():
    f = made({"A1": 10, "A2": 4, "A3": 1, "B1": "=A1*A2-100/A3"}).function("Sheet1!A1:A3", "Sheet1!B1")
    found = tornado(f, np.array([8, 3, 0]), np.array([12, 6, 2]))
    assert [(each.address, each.at_low, each.at_high) for each in found[:2]] == [
        ("Sheet1!A2", 10 * 3 - 100, 10 * 6 - 100), ("Sheet1!A1", 8 * 4 - 100, 12 * 4 - 100)
    ]  # fmt: skip
    assert found[2].address == "Sheet1!A3" and np.isnan(found[2].at_low) and found[2].at_high == 40 - 50
    assert [each.size for each in found[:2]] == [30, 16]


def test_a_picture_has_a_pair_of_bars_for_each_input():
    pytest.importorskip("matplotlib")
    f = made({"A1": 10, "A2": 4, "B1": "=A1*A2"}).function("Sheet1!A1:A2", "Sheet1!B1")
    swings = tornado(f, np.array([8, 3]), np.array([12, 6]))
    (axis,) = tornado_figure(swings, 40.0, "Sheet1!B1", {"Sheet1!A1": "Price $x$"}).axes
    bars: list[Any] = list(axis.patches)
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(40, -10), (40, 20), (40, -8), (40, 8)]
    assert "Price $x$ Sheet1!A1" in axis.get_yticklabels()[1].get_text()
