"""Derivatives in cells against the exact ones: what is right, what is a difference, what is wrong and where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml import CalculationError, FormulaError, NotDifferentiableError
from sheetml.derivatives import check_derivatives
from tests.reference import reference
from tests.workbooks import made

LETTERS = "ABCDEFGHIJ"


def filled(rows, *formulas, **cells):
    """Columns A (x) and B (w) of numbers, and formulas filled down from C on; # is the row."""
    book = dict(cells)
    for row in range(2, rows + 2):
        book |= {f"A{row}": row / 3, f"B{row}": 1.5 - row / 7}
        book |= {f"{letter}{row}": text.replace("#", str(row)) for letter, text in zip("CDEFG", formulas)}
    return book


def checked(cells, of, wrt, *against):
    return check_derivatives(made(cells), of, [wrt], list(against))


@pytest.fixture(scope="module")
def lesson():
    return sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))


def test_the_lessons_derivatives_by_hand_are_exact_and_its_estimates_forward_differences(lesson):
    found = check_derivatives(lesson, "F4", ["C4", "D4"], ["K4", "L4", "H4", "J4"], "basic SGD")
    assert [check.verdict for check in found] == ["exact", "exact", *["forward difference with step 0.01"] * 2]
    assert [check.rows for check in found] == [29] * 4
    assert not any(check.wrong for check in found)
    assert [check.largest for check in found[:2]] == [0, 0]
    assert found[2].mean == pytest.approx(0.01, rel=1e-6)  # h/2 f'' = 0.005 * 2
    assert found[3].largest == pytest.approx(0.005 * 2 * 99**2, rel=1e-6)  # the largest x is 99


@pytest.mark.parametrize("sheet", ["eve"])
def test_the_other_sheet_with_errors_has_exact_derivatives_too(lesson, sheet):
    found = check_derivatives(lesson, "F4", ["C4", "D4"], ["G4", "H4"], sheet)
    assert [check.verdict for check in found] == ["exact", "exact"]


def test_the_workbook_is_left_as_it_is(lesson):
    before = lesson["basic SGD"]["C4:N33"].tolist()
    check_derivatives(lesson, "F4", ["C4"], ["K4"], "basic SGD")
    assert lesson["basic SGD"]["C4:N33"].tolist() == before


QUOTIENTS = {
    "forward": ("=(SIN(B#+{h})*A#-C#)/{h}", "forward difference"),
    "backward": ("=(C#-SIN(B#-{h})*A#)/{h}", "backward difference"),
    "central": ("=(SIN(B#+{h})-SIN(B#-{h}))*A#/(2*{h})", "central difference"),
}


@pytest.mark.parametrize("kind", QUOTIENTS)
@settings(max_examples=10, deadline=None)
@given(step=st.sampled_from([0.1, 0.05, 0.01, 0.001, 0.0002]))
def test_differences_are_recognised_with_their_step(kind, step):
    formula, method = QUOTIENTS[kind]
    (check,) = checked(filled(12, "=SIN(B#)*A#", formula.replace("{h}", str(step))), "C2", "B2", "D2")
    assert (check.method, check.step, check.wrong) == (method, pytest.approx(step), [])


def test_the_step_of_a_difference_may_stand_in_a_cell():
    cells = filled(8, "=B#^3*A#", "=((B#+$J$1)^3*A#-C#)/$J$1", J1=0.004)
    (check,) = checked(cells, "C2", "B2", "D2")
    assert check.verdict == "forward difference with step 0.004"


def test_the_step_is_told_by_the_error_where_no_number_says_it():
    cells = filled(8, "=EXP(B#)", "=(EXP(B#+LEN($J$1)/8)-C#)/(LEN($J$1)/8)", J1="x")
    (check,) = checked(cells, "C2", "B2", "D2")
    assert (check.method, check.step) == ("forward difference", pytest.approx(0.125))


def test_one_wrong_cell_in_a_column_is_found_with_what_it_should_be():
    cells = filled(9, "=B#^2*A#", "=2*B#*A#") | {"D6": "=2*B6*A7"}
    (check,) = checked(cells, "C2", "B2", "D2")
    (wrong,) = check.wrong
    assert check.verdict == "wrong in 1 of 9 cells, else exact"
    assert wrong.cell == "Sheet1!D6"
    assert wrong.expected == pytest.approx(2 * (1.5 - 6 / 7) * 2)
    assert wrong.stated == pytest.approx(2 * (1.5 - 6 / 7) * 7 / 3)


def test_one_wrong_cell_among_differences_is_found_as_well():
    cells = filled(9, "=B#^2*A#", "=((B#+0.01)^2*A#-C#)/0.01") | {"D6": 7}
    (check,) = checked(cells, "C2", "B2", "D2")
    assert check.verdict == "wrong in 1 of 9 cells, else forward difference with step 0.01"
    assert check.wrong[0].stated == 7


@pytest.mark.parametrize(("formula", "factor"), [("=B#*A#", "0.5"), ("=-2*B#*A#", "-1"), ("=200*B#*A#", "100")])
def test_a_lost_factor_or_sign_is_told(formula, factor):
    (check,) = checked(filled(9, "=B#^2*A#", formula), "C2", "B2", "D2")
    assert check.verdict == f"wrong: {factor} times the derivative"
    assert len(check.wrong) == 9


def test_the_wrong_column_altogether_is_wrong_everywhere():
    (check,) = checked(filled(9, "=B#^2*A#", "=COS(A#*9)"), "C2", "B2", "D2")
    assert check.verdict == "wrong in 9 of 9 cells"


@pytest.mark.parametrize("stated", ["n/a", None, "=1/0", True])
def test_a_cell_that_is_no_number_is_wrong(stated):
    cells = filled(9, "=B#^2*A#", "=2*B#*A#") | {"D6": stated}
    (check,) = checked(cells, "C2", "B2", "D2")
    assert [wrong.cell for wrong in check.wrong] == ["Sheet1!D6"]


def test_cells_to_derive_by_are_cut_off_from_what_they_depend_on():
    cells = filled(6, "=A#*2", "=C#^2+A#", "=2*C#")
    assert checked(cells, "D2", "C2", "E2")[0].verdict == "exact"
    cells = filled(6, "=A#*2", "=C#^2+A#", "=8*A#+1")
    assert checked(cells, "D2", "A2", "E2")[0].verdict == "exact"


def test_an_absolute_address_and_a_name_stay_where_they_are():
    cells = filled(6, "=(A#-$J$1)^2", "=-2*(A#-$J$1)", J1=0.4)
    assert checked(cells, "C2", "$J$1", "D2")[0].verdict == "exact"
    assert checked(cells, "C2", "J$1", "D2")[0].verdict == "exact"


def test_rows_that_depend_on_each_others_inputs_are_taken_one_by_one():
    cells = filled(6, "=SUM(B$2:B#)^2", "=2*SUM(B$2:B#)", "=((SUM(B$2:B#)+0.01)^2-C#)/0.01")
    exact, difference = checked(cells, "C2", "B2", "D2", "E2")
    assert exact.verdict == "exact"
    assert difference.verdict == "forward difference with step 0.01"


def test_one_cell_alone_can_be_checked():
    cells = {"A1": 3, "B1": "=A1^2", "C1": "=2*A1", "D1": "=3*A1"}
    assert [check.verdict for check in checked(cells, "B1", "A1", "C1", "D1")] == ["exact", "wrong"]


def test_an_area_states_the_rows():
    cells = filled(9, "=B#^2*A#", "=2*B#*A#") | {"D10": 5}
    assert checked(cells, "C2:C9", "B2", "D2")[0].verdict == "exact"


def test_rounding_on_the_way_is_said_to_be_flat():
    (check,) = check_derivatives(made(filled(4, "=ROUND(B#,1)*2+B#^2", "=2*B#")), "C2", ["B2"], ["D2"])
    assert check.verdict == "exact"
    assert check.flat == "ROUND in Sheet1!C2:C5 is flat: the derivative through it is 0 but for its jumps."


def test_what_cannot_be_checked_is_said():
    book = made(filled(4, '=LEN(B#&"")', "=B#", "=SQRT(B#-9)", "=B#"))
    with pytest.raises(NotDifferentiableError, match="& in Sheet1!C2"):
        check_derivatives(book, "C2", ["B2"], ["D2"])
    with pytest.raises(CalculationError, match="Sheet1!E2 is #NUM!"):
        check_derivatives(book, "E2", ["B2"], ["D2"])
    with pytest.raises(FormulaError, match="B2 holds no formula"):
        check_derivatives(book, "B2", ["A2"], ["D2"])
    with pytest.raises(FormulaError, match="2 columns of derivatives do not go with 3 cells"):
        check_derivatives(book, "C2", ["A2", "B2", "D2"], ["D2", "E2"])
    with pytest.raises(FormulaError, match="has no sheet 'x'"):
        check_derivatives(book, "C2", ["B2"], ["D2"], "x")
    with pytest.raises(FormulaError, match="neither one cell nor 4 cells"):
        check_derivatives(book, "C2", ["B2:B3"], ["D2"])
