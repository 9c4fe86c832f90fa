"""The reports of Excel's Solver: their tables for models whose answers are known by hand."""

from __future__ import annotations

from typing import Any

import pytest

import sheetml
from sheetml.solve.reports import KINDS, Report, Table, kinds_from
from tests.solve.models import solver_model

DOORS: dict[str, Any] = {
    "A1": "doors", "A2": "windows", "B1": 0, "B2": 0, "C1": 3000, "C2": 5000,
    "D3": "profit", "D4": "=SUMPRODUCT(B1:B2,C1:C2)", "B5": "used",
    "A6": "plant 1", "A7": "plant 2", "A8": "plant 3",
    "B6": "=B1", "B7": "=2*B2", "B8": "=3*B1+2*B2", "C6": 4, "C7": 12, "C8": 18,
}  # fmt: skip
PLANTS = (("B6:B8", "<=", "C6:C8"),)


def told(model: Any, *kinds: str) -> list[Report]:
    return model.reports(model.solve(), kinds)


def rows(table: Table) -> list[list[Any]]:
    return [row[2:] for row in table.rows]


def doors(*more: tuple[str, str, Any], **settings: Any) -> Any:
    settings = {"eng": 2, "neg": 1} | settings
    return solver_model(DOORS, "max", "D4", "B1:B2", (*PLANTS, *more), **settings)


def test_the_answer_report_tells_before_after_and_slack_as_excels_does():
    (report,) = told(doors(("B2", "<=", 100)), "answer")
    objective, cells, constraints = report.tables
    assert objective.title == "Objective Cell (Max)" and objective.rows == [["$D$4", "profit", 0, 36000]]
    assert cells.rows == [["$B$1", "doors", 0, 2, "Contin"], ["$B$2", "windows", 0, 6, "Contin"]]
    assert constraints.rows == [
        ["$B$6", "plant 1 used", 2, "$B$6<=$C$6", "Not Binding", 2],
        ["$B$7", "plant 2 used", 12, "$B$7<=$C$7", "Binding", 0],
        ["$B$8", "plant 3 used", 18, "$B$8<=$C$8", "Binding", 0],
        ["$B$2", "windows", 6, "$B$2<=100", "Not Binding", 94],
    ]


def test_the_sensitivity_report_of_the_wyndor_glass_company_is_the_textbooks():
    """Hillier and Lieberman, figure 4.10, in thousands there."""
    (report,) = told(doors(), "sensitivity")
    cells, constraints = report.tables
    assert rows(cells) == [[2, 0, 3000, 4500, 3000], [6, 0, 5000, 1e30, 3000]]
    assert rows(constraints) == [[2, 0, 4, 1e30, 2], [12, 1500, 12, 6, 6], [18, 1000, 18, 6, 6]]


def test_the_limits_report_moves_each_cell_alone():
    (report,) = told(doors(), "limits")
    assert rows(report.tables[-1]) == [[2, 0, 30000, 2, 36000], [6, 0, 6000, 6, 36000]]


def test_limits_of_a_nonlinear_model_are_found_by_bisection():
    cells = {"A1": 0.3, "A2": 0.1, "B1": "=A1+2*A2", "C1": "=A1^2+A2^2"}
    model = solver_model(cells, "max", subject_to=(("C1", "<=", 5), ("A1", ">=", -3)))
    (report,) = told(model, "limits")
    first, second = rows(report.tables[-1])
    assert first[1] == pytest.approx(-1, abs=1e-5) and first[3] == pytest.approx(1, abs=1e-5)
    assert second[1] == pytest.approx(-2, abs=1e-5) and second[3] == pytest.approx(2, abs=1e-5)


def test_lagrange_multipliers_are_the_slopes_of_the_best_value():
    """Max a + 2b on a^2 + b^2 <= r is sqrt(5 r): its slope at r = 5 is 1/2; of >= the same with the other goal."""
    cells = {"A1": 0.3, "A2": 0.1, "B1": "=A1+2*A2", "C1": "=A1^2+A2^2", "D1": "=0-A1^2-A2^2"}
    (report,) = told(solver_model(cells, "max", subject_to=(("C1", "<=", 5),)), "sensitivity")
    assert report.tables[1].headings[-1] == "Lagrange Multiplier"
    assert report.tables[1].rows[0][-1] == pytest.approx(0.5, abs=1e-5)
    assert [row[-1] for row in report.tables[0].rows] == pytest.approx([0, 0], abs=1e-5)
    (least,) = told(solver_model(cells, "min", subject_to=(("D1", ">=", -5),)), "sensitivity")
    assert least.tables[1].rows[0][-1] == pytest.approx(0.5, abs=1e-5)  # -sqrt(5 r) with r = -number
    (equal,) = told(solver_model(cells, "min", subject_to=(("C1", "=", 5),)), "sensitivity")
    assert equal.tables[1].rows[0][-1] == pytest.approx(-0.5, abs=1e-5)


def test_a_bound_that_holds_a_cell_has_a_reduced_gradient():
    cells = {"A1": 3, "A2": 3, "B1": "=(A1-1)^2+EXP(A2)-A2"}
    (report,) = told(solver_model(cells, subject_to=(("A1:A2", ">=", 2),)), "sensitivity")
    assert [row[-1] for row in report.tables[0].rows] == pytest.approx([2, 6.38905609893065])


def test_whole_numbers_have_no_sensitivity_and_say_so():
    reports = told(doors(("B1:B2", "int", "integer")), "sensitivity", "limits", "answer")
    assert reports[0].tables == [] and "With whole numbers" in reports[0].lines[-1]
    assert reports[1].tables == [] and reports[2].tables[1].rows[0][-1] == "Integer"


def test_the_feasibility_report_lists_the_fewest_constraints_that_contradict_each_other():
    more = (("B8", ">=", "C1"), ("B1", "<=", 5), ("B2", "<=", 7))
    (report,) = told(doors(*more), "feasibility")
    assert report.lines[-1] == "These 2 cannot hold together; without any one of them the others can."
    assert [row[0] for row in report.tables[0].rows] == ["B8 <= C8", "B8 >= C1"]


def test_the_linearity_report_says_of_each_cell_whether_it_is_and_why_not():
    cells = {"A1": 1, "A2": 1, "B1": "=A1+A2", "C1": "=A1*A2", "C2": "=3*A1-A2"}
    (report,) = told(solver_model(cells, "max", subject_to=(("C1:C2", "<=", 5), ("A1:A2", "<=", 9))), "linearity")
    assert [row[3] for row in report.tables[0].rows] == ["Yes", "No", "Yes"]
    assert report.tables[0].rows[1][4] == "Sheet1!C1 multiplies Sheet1!A1 by Sheet1!A2"


def test_there_are_five_kinds_and_a_word_for_all():
    assert kinds_from("all") == list(KINDS) and kinds_from("Answer, limits") == ["answer", "limits"]
    with pytest.raises(sheetml.SolverError, match=r"no report 'answers': there are answer, .*, and all\."):
        kinds_from("answers")
