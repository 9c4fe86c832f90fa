"""What a Solver model may be: what is read from the file, and what is refused in one sentence."""

from __future__ import annotations

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from tests.solve.models import opened, solver_model

PARABOLA = {"A1": 5, "A2": -7, "B1": "=(A1-2)^2+3*(A2+1)^2+4"}


def refusal(model) -> str:
    with pytest.raises(sheetml.SolverError) as caught:
        model.solve()
    message = str(caught.value)
    assert "sheet 'Sheet1': " in message and message.endswith(".") and "\n" not in message
    assert model.workbook["Sheet1"]["A1"] == 5 or model.workbook["Sheet1"].formula("A1")
    return message.split("sheet 'Sheet1': ")[1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"adjustable": "A1:B1"}, "the adjustable cell Sheet1!B1 holds a formula."),
        ({"objective": "B1:B2"}, "the objective Sheet1!B1:B2 is not one cell."),
        ({"objective": "Sheet1!#REF!"},
         "the objective of the model refer to cells that no longer exist (Sheet1!#REF!)."),
        ({"objective": "Nowhere!B1"}, "the objective of the model cannot be understood: 'Nowhere!B1' is no area."),
        ({"adjustable": "Sheet1!no_such_name"},
         "the adjustable cells of the model cannot be understood: 'Sheet1!no_such_name' is no area."),
        ({"subject_to": (("A1:A2", "<=", "C1:C3"),)},
         "the constraint Sheet1!A1:A2 <= Sheet1!C1:C3 compares areas of two sizes."),
        ({"subject_to": (("A1", "<=", "Sheet1!nothing"),)},
         "a constraint of the model cannot be understood: 'Sheet1!nothing' is no area."),
    ],
)  # fmt: skip
def test_what_cannot_be_solved_is_refused_in_one_sentence_and_nothing_is_changed(settings, sentence):
    assert refusal(solver_model(PARABOLA, **settings)) == sentence


@pytest.mark.parametrize("value", ["text", "=NA()", True])
def test_adjustable_cells_that_hold_no_number_are_refused(value):
    model = solver_model(PARABOLA | {"A2": value})
    if value is True:
        assert model.solve().x == pytest.approx([2, -1], abs=1e-6)  # Excel takes TRUE for 1
    else:
        assert refusal(model).startswith("the adjustable cell Sheet1!A2 holds ")


def test_an_error_stored_in_an_adjustable_cell_is_refused():
    model = solver_model(PARABOLA)
    model.workbook["Sheet1"]["A2"] = sheetml.ErrorCode.NA
    assert refusal(model) == "the adjustable cell Sheet1!A2 holds no number."


def test_integers_that_the_file_ignores_are_ignored():
    model = solver_model(PARABOLA, subject_to=(("A1:A2", "int", "integer"), ("A1", ">=", 2.5)), rlx=1)
    assert model.solve().x == pytest.approx([2.5, -1], abs=1e-6)


def test_a_model_that_cannot_be_solved_still_describes_itself():
    model = solver_model(PARABOLA, subject_to=(("A1", "int", "integer"),))
    assert model.describe()[:2] == ["minimise B1 by changing A1:A2", "subject to A1 integer"]
    assert solver_model(PARABOLA, objective="Sheet1!#REF!").describe()[0].endswith("no longer exist (Sheet1!#REF!).")


def test_a_model_says_in_words_what_it_wants():
    model = solver_model(
        PARABOLA | {"C1": "=A1+A2", "C2": 3}, "max", subject_to=(("C1", "<=", "C2"), ("A1:A2", ">=", 0.5))
    )
    assert model.describe()[:3] == ["maximise B1 by changing A1:A2", "subject to C1 <= C2", "subject to A1:A2 >= 0.5"]
    assert repr(model) == "<SolverModel of sheet 'Sheet1': maximise B1 by changing A1:A2>"
    assert solver_model(PARABOLA, 12.5).describe()[0] == "bring B1 to 12.5 by changing A1:A2"


def test_constraints_and_adjustable_cells_may_be_names():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for address, value in (PARABOLA | {"D1": 3, "D2": -2}).items():
        sheet[address] = value
    book.defined_names["unknowns"] = DefinedName("unknowns", attr_text="Sheet1!$A$1:$A$2")
    book.defined_names["least"] = DefinedName("least", attr_text="Sheet1!$D$1:$D$2")
    book.defined_names["misfit"] = DefinedName("misfit", attr_text="Sheet1!$B$1")
    names = {"opt": "misfit", "adj": "unknowns", "typ": "2", "neg": "2", "num": "1"}
    names |= {"lhs1": "unknowns", "rel1": "3", "rhs1": "least"}
    model = with_names(book, names)
    assert (model.objective, model.adjustable) == ("Sheet1!B1", ["Sheet1!A1:A2"])
    assert model.solve().x == pytest.approx([3, -1], abs=1e-6)


def with_names(book, names, tmp=None):
    import tempfile
    from pathlib import Path

    for name, text in names.items():
        book["Sheet1"].defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        book.save(path)
        (model,) = sheetml.open(path).solver_models
    return model


def test_each_sheet_has_its_own_model_and_sheets_need_quoting():
    book = openpyxl.Workbook()
    book.active.title = "my 'own' sheet"
    other = book.create_sheet("other")
    for sheet in (book.active, other):
        for address, value in PARABOLA.items():
            sheet[address] = value
        home = "'my ''own'' sheet'" if sheet is book.active else "other"
        names = {"opt": f"{home}!$B$1", "adj": f"{home}!$A$1:$A$2", "typ": "2", "neg": "2"}
        for name, text in names.items():
            sheet.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        book.save(path)
        workbook = sheetml.open(path)
    assert [model.sheet for model in workbook.solver_models] == ["my 'own' sheet", "other"]
    for model in workbook.solver_models:
        assert model.solve().fun == pytest.approx(4)
    assert workbook["my 'own' sheet"]["A1"] == pytest.approx(2) == workbook["other"]["A1"]


def test_an_objective_may_stand_on_another_sheet():
    model = solver_model(
        {"A1": 5, "A2": 1}, objective="Other!A1", sheets={"Other": {"A1": "=SUMSQ(Sheet1!A1:A2)+Sheet1!A1"}}
    )
    assert model.solve().fun == pytest.approx(-0.25)


def test_names_left_from_older_models_are_not_constraints():
    names = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "2", "neg": "2", "num": "0"}
    names |= {"lhs1": "Sheet1!$A$1", "rel1": "1", "rhs1": "-50"}
    (model,) = opened(PARABOLA, names).solver_models
    assert model.constraints == [] and model.solve().x == pytest.approx([2, -1], abs=1e-6)


def test_a_sheet_that_is_protected_is_solved_like_any_other():
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    for address, value in PARABOLA.items():
        book.active[address] = value
    book.active.protection.sheet = True
    book.active.protection.password = "secret"
    model = with_names(book, {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "2", "neg": "2"})
    assert model.solve().fun == pytest.approx(4)


def test_an_array_formula_may_be_an_objective_but_not_adjustable():
    cells = {"A1": 5, "A2": 2, "B1:B1": "{=SUM((A1:A2-3)^2)}", "C1:C2": "{=A1:A2*2}"}
    assert solver_model(cells).solve().x == pytest.approx([3, 3])
    assert "holds a formula" in refusal(solver_model(cells, adjustable="A1,C2"))


def test_the_result_is_scipys_and_tells_all():
    result = solver_model(PARABOLA).solve()
    from scipy.optimize import OptimizeResult

    assert isinstance(result, OptimizeResult)
    assert {"x", "fun", "fun_start", "nit", "nfev", "njev", "jac", "gradient_norm", "constraint_violation", "seconds",
            "success", "status", "message", "method", "sheet", "objective", "adjustable"} <= set(result)  # fmt: skip
    assert np.allclose(result.jac, 0, atol=1e-6) and result.constraint_violation == 0


def test_an_unsupported_function_on_the_way_is_named():
    result = solver_model(PARABOLA | {"B1": "=NOSUCHFUNCTION(A1)+A2"})
    with pytest.raises(sheetml.SheetmlError, match=r"Sheet1!B1.*NOSUCHFUNCTION"):
        result.solve()
