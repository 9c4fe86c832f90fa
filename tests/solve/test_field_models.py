"""Solver models as strangers' workbooks hold them: gaps, headings, unions, quoted sheets, formulas, stale names."""

from __future__ import annotations

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from tests.solve.models import opened, solver_model

MIX = {
    "A1": "Chairs", "A2": 0, "A3": 0, "A5": 0, "B1": "profit", "B2": 45, "B3": 80, "B5": 20,
    "C1": "wood", "C2": 5, "C3": 20, "C5": 1, "D1": "hours", "D2": 10, "D3": 15, "D5": 1,
    "F2": "=SUMPRODUCT(A2:A5,C2:C5)", "F3": "=SUMPRODUCT(A2:A5,D2:D5)", "G2": 400, "G3": 450,
    "H1": "=SUMPRODUCT(A2:A5,B2:B5)",
}  # fmt: skip


def mix(*subject_to, goal="max", **settings):
    settings = {"eng": 2, "neg": 1} | settings
    return solver_model(MIX | settings.pop("cells", {}), goal, "H1", "A2:A5", tuple(subject_to), **settings)


RESOURCES = ("F2:F3", "<=", "G2:G3")
LIMIT = ("A2:A5", "<=", "Sheet1!$I$2:$I$5")


def test_an_empty_row_among_the_adjustable_cells_and_their_limits():
    model = mix(RESOURCES, LIMIT, cells={"I2": 100, "I3": 100, "I5": 10})
    result = model.solve()
    # 200 + the chairs' and tables' best with 390 of wood and 440 hours: 24 and 13.333 ...
    assert result.success and result.x[2] == 0 and result.x[3] == 10
    wood, hours = 5 * result.x[0] + 20 * result.x[1], 10 * result.x[0] + 15 * result.x[1]
    assert wood == pytest.approx(390) and hours == pytest.approx(440)


def test_headings_within_the_areas_of_a_constraint_say_nothing():
    plain = mix(RESOURCES, ("A2:A5", "<=", 10)).solve()
    headed = mix(("Sheet1!$F$1:$F$3", "<=", "Sheet1!$G$1:$G$3"), ("Sheet1!$A$2:$A$5", "<=", 10), ("A1", ">=", 0),
                 cells={"F1": "used", "G1": "there are"})  # fmt: skip
    with pytest.raises(sheetml.SolverError, match=r"compares with Sheet1!A1, which holds no number"):
        headed.solve()
    headed = mix(("F1:F3", "<=", "G1:G3"), ("A1:A5", "<=", 10), cells={"F1": "used", "G1": "there are"}).solve()
    assert headed.fun == pytest.approx(plain.fun)


def test_limits_that_are_stored_as_text_count_as_the_numbers_they_are():
    plain = mix(RESOURCES, ("A2:A5", "<=", 10)).solve()
    text = mix(RESOURCES, ("A2:A5", "<=", "I2:I5"), cells={"I2": "10", "I3": " 10 ", "I4": "none", "I5": "1e1"}).solve()
    assert text.fun == pytest.approx(plain.fun)
    assert mix(RESOURCES, ("A2:A5", "<=", "I2"), cells={"I2": "10"}).solve().fun == pytest.approx(plain.fun)


def test_areas_in_several_parts_and_a_row_against_a_column():
    whole = mix(RESOURCES, ("A2:A5", "<=", 10)).solve()
    parts = mix(("F2,F3", "<=", "G2,G3"), ("A2,A3,A5", "<=", "K1"), cells={"K1": 10, "A4": None}).solve()
    assert parts.fun == pytest.approx(whole.fun)
    across = mix(("F2:F3", "<=", "K1:L1"), ("A2:A5", "<=", 10), cells={"K1": 400, "L1": 450}).solve()
    assert across.fun == pytest.approx(whole.fun)


def test_limits_on_another_sheet_with_a_quoted_name_and_by_a_defined_name():
    whole = mix(RESOURCES, ("A2:A5", "<=", 10)).solve()
    sheets = {"the firm's limits": {"A1": 400, "A2": 450}}
    other = mix(("F2:F3", "<=", "'the firm''s limits'!$A$1:$A$2"), ("A2:A5", "<=", 10), sheets=sheets).solve()
    assert other.fun == pytest.approx(whole.fun)


@pytest.mark.parametrize(
    ("right", "limit"),
    [("=2*3", 6), ("$I$11/4+$B$3", 81), ("Sheet1!$I$11/4+Sheet1!$B$3", 81), ("SUM(I11:I12)", 9), ("1e1", 10),
     ("=\"7\"", 7)],
)  # fmt: skip
def test_the_right_hand_side_may_be_a_formula(right, limit):
    names = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1", "typ": "1", "eng": "2", "num": "1"}
    names |= {"lhs1": "Sheet1!$A$1", "rel1": "1", "rhs1": right}
    (model,) = opened({"A1": 0, "B1": "=A1", "B3": 80, "I11": 4, "I12": 5}, names).solver_models
    assert model.solve().x.tolist() == [limit]


def test_a_right_hand_side_may_be_a_formula_of_adjustable_cells():
    names = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "1", "eng": "2", "num": "2"}
    names |= {"lhs1": "Sheet1!$A$1", "rel1": "1", "rhs1": "2*Sheet1!$A$2+1", "lhs2": "Sheet1!$A$2", "rel2": "1"}
    (model,) = opened({"A1": 0, "A2": 0, "B1": "=A1+A2"}, names | {"rhs2": "5"}).solver_models
    assert model.solve().x.tolist() == [11, 5] and model.describe()[1] == "subject to A1 <= 2*Sheet1!$A$2+1"


def test_the_same_cell_in_two_adjustable_areas_counts_once():
    model = solver_model(
        {"A1": 0, "A2": 0, "B1": "=A1+A2"}, "max", adjustable="A1:A2,A2", subject_to=(("A1:A2", "<=", 3),), eng=2
    )
    result = model.solve()
    assert result.x.tolist() == [3, 3] and result.fun == 6


def test_whole_and_binary_cells_in_parts_of_an_area_with_gaps():
    subject_to = (RESOURCES, ("A2:A5", "int", "integer"), ("A3", "bin", "binary"), ("A2", "<=", 24.7))
    result = mix(*subject_to).solve()
    assert result.success and result.x.tolist() == [round(x) for x in result.x] and result.x[1] in (0, 1)


def test_headings_among_cells_that_must_be_whole_do_no_harm_and_formulas_are_named():
    cells = {"A1": 0.3, "A2": 0.2, "A3": "total", "B1": "=A1+A2", "C1": "=A1*2"}
    fine = solver_model(cells, "max", subject_to=(("A1:A3", "int", "integer"), ("A1:A2", "<=", 2.5)), eng=2)
    assert fine.solve().x.tolist() == [2, 2]
    wrong = solver_model(cells, "max", subject_to=(("C1", "int", "integer"), ("A1:A2", "<=", 2.5)), eng=2)
    with pytest.raises(sheetml.SolverError, match=r"Sheet1!C1 must be integer, but is no adjustable cell\.$"):
        wrong.solve()


def test_constraints_that_no_name_counts_still_count():
    names = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1", "typ": "1", "eng": "2"}
    names |= {"lhs1": "Sheet1!$A$1", "rel1": "1", "rhs1": "4", "lhs2": "Sheet1!$A$1", "rel2": "4"}
    (model,) = opened({"A1": 0.5, "B1": "=3*A1"}, names).solver_models
    assert model.solve().fun == 12


def test_adjustable_cells_the_workbook_does_not_hold_yet():
    model = solver_model({"B1": "=SUM(A1:A3)", "C1": "=A1-A2"}, "max", adjustable="A1:A3",
                         subject_to=(("A1:A3", "<=", "D1:D3"), ("C1", "<=", "E9")), eng=2, neg=1)  # fmt: skip
    result = model.solve()
    assert result.success and result.fun == 0  # empty limits are 0


def test_sheet_and_objective_stand_elsewhere():
    book = openpyxl.Workbook()
    book.active.title = "Q1 plan (final)"
    plan, data = book.active, book.create_sheet("data 2")
    plan["A1"], plan["A2"] = 0, 0
    data["A1"] = "=3*'Q1 plan (final)'!A1+5*'Q1 plan (final)'!A2"
    data["B1"], data["B2"], data["C1"], data["C2"] = "='Q1 plan (final)'!A1", "=2*'Q1 plan (final)'!A2", 4, 12
    plan["B3"], plan["C3"] = "=3*A1+2*A2", 18
    home = "'Q1 plan (final)'"
    names = {
        "opt": "'data 2'!$A$1", "adj": f"{home}!$A$1:$A$2", "typ": "1", "eng": "2", "neg": "1", "num": "2",
        "lhs1": "'data 2'!$B$1:$B$2", "rel1": "1", "rhs1": "'data 2'!$C$1:$C$2",
        "lhs2": f"{home}!$B$3", "rel2": "1", "rhs2": f"={home}!$C$3",
    }  # fmt: skip
    for name, text in names.items():
        plan.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        (model,) = sheetml.open(Path(folder) / "book.xlsx").solver_models
    assert model.solve().x.tolist() == [2, 6]
