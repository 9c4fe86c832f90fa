"""Models that are stated without Excel: what is stored, what is refused, and that others read it."""

from __future__ import annotations

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.errors import SolverError
from sheetml.xlsx.solver_names import names_of
from tests.libreoffice import disagreements
from tests.workbooks import made

CELLS = {
    "A1": 1, "A2": 2, "B1": "=3*A1+2*A2", "C1": "=A1+A2", "C2": "=A1+3*A2", "D1": 4, "D2": 6, "E1": "=A1*A2"
}  # fmt: skip


EXCELS_OWN = [  # what a model saved by Excel 2016 with two constraints holds
    "adj", "cvg", "drv", "eng", "est", "itr", "lhs1", "lhs2", "mip", "mni", "mrt", "msl", "neg", "nod", "num", "nwt",
    "opt", "pre", "rbv", "rel1", "rel2", "rhs1", "rhs2", "rlx", "rsd", "scl", "sho", "ssz", "tim", "tol", "typ", "val",
    "ver",
]  # fmt: skip


@pytest.fixture
def book():
    workbook = made(CELLS, **{"a = b": {"A1": 3}})
    workbook.calculate()
    return workbook


def constraints(book, *subject_to, **kinds):
    model = book.add_solver_model("Sheet1", maximise="B1", by="A1:A2", subject_to=list(subject_to), **kinds)
    return [tuple(each) for each in model.names.constraints]


def test_a_stated_model_is_solved_as_one_that_excel_stored(book):
    model = book.add_solver_model("Sheet1", maximise="B1", by="A1:A2", subject_to="C1:C2 <= D1:D2", engine="lp")
    result = model.solve()
    assert (result.fun, list(result.x)) == (pytest.approx(12), pytest.approx([4, 0]))
    assert [each.describe() for each in book.solver_models] == [model.describe()]


def test_addresses_names_and_formulas_are_stored_absolute_and_with_their_sheet(book):
    assert constraints(
        book, "C1:C2<=D1:D2", "A1 >= 0.5", "A1 <= 2*D1-'a = b'!a1", "A2 = SUM(d1:d2)/$D$2", "A1 <= 'a = b'!A1"
    ) == [
        ("Sheet1!$C$1:$C$2", 1, "Sheet1!$D$1:$D$2"),
        ("Sheet1!$A$1", 3, "0.5"),
        ("Sheet1!$A$1", 1, "2*Sheet1!$D$1-'a = b'!$A$1"),
        ("Sheet1!$A$2", 2, "SUM(Sheet1!$D$1:$D$2)/Sheet1!$D$2"),
        ("Sheet1!$A$1", 1, "'a = b'!$A$1"),
    ]


def test_a_chain_is_two_constraints_and_cells_may_stand_on_the_right(book):
    both = [("Sheet1!$A$1:$A$2", 3, "0"), ("Sheet1!$A$1:$A$2", 1, "Sheet1!$D$1")]
    assert constraints(book, "0 <= A1:A2 <= D1") == both
    assert constraints(book, "D1 >= A1:A2") == [("Sheet1!$A$1:$A$2", 1, "Sheet1!$D$1")]
    assert constraints(book, "5 >= A1") == [("Sheet1!$A$1", 1, "5")]


@pytest.mark.parametrize(
    ("text", "relation", "word"),
    [("A1:A2 integer", 4, "integer"), ("A1:A2 = bin", 5, "binary"), ("A1:A2 all different", 6, "AllDifferent")],
)
def test_kinds_of_cells_are_said_in_words(book, text, relation, word):
    assert constraints(book, text) == [("Sheet1!$A$1:$A$2", relation, word)]


def test_kinds_of_several_areas_are_a_constraint_each_as_excels_dialog_makes_them(book):
    assert constraints(book, integer="A1,A2") == [("Sheet1!$A$1", 4, "integer"), ("Sheet1!$A$2", 4, "integer")]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"minimise": "B1", "by": "Nothing"}, "'Nothing' is not an area or a name"),
        ({"minimise": "B1", "by": "C1"}, "the adjustable cell Sheet1!C1 holds a formula"),
        ({"minimise": "D1", "by": "A1"}, "the objective Sheet1!D1 holds no formula"),
        ({"minimise": "B1:C1", "by": "A1"}, "not one cell"),
        ({"by": "A1"}, "neither a goal nor constraints"),
        ({"minimise": "B1", "by": "A1", "subject_to": "A1 < 3"}, "Solver knows <=, = and >="),
        ({"minimise": "B1", "by": "A1", "subject_to": "A1"}, "compares nothing"),
        ({"minimise": "B1", "by": "A1", "subject_to": "A1 <="}, "has nothing on one side"),
        ({"minimise": "B1", "by": "A1", "subject_to": "2 <= 3"}, "has cells on neither side"),
        ({"minimise": "B1", "by": "A1", "subject_to": "A1:A2 <= D1:D7"}, "areas of two sizes"),
        ({"minimise": "B1", "by": "A1", "integer": "C1"}, "no adjustable cell"),
        ({"minimise": "B1", "by": "A1", "engine": "magic"}, "no engine 'magic'"),
        ({"minimise": "B1", "by": "A1", "name": "a b"}, "no name for a model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence_and_nothing_is_stored(book, stated, said):
    with pytest.raises(SolverError) as error:
        book.add_solver_model("Sheet1", **stated)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert book.solver_models == [] and book.saved_solver_models == {}


def test_two_goals_are_refused(book):
    with pytest.raises(ValueError, match="one goal"):
        book.add_solver_model("Sheet1", minimise="B1", maximise="C1", by="A1")
    with pytest.raises(ValueError, match="together"):
        book.add_solver_model("Sheet1", objective="B1", by="A1")


def test_a_value_to_be_reached_is_stored_and_reached(book):
    model = book.add_solver_model("Sheet1", objective="E1", to=12, by="A1:A2", subject_to="A1 = A2 + 1")
    assert (model.names.sense, model.names.target_value) == (3, 12)
    model.solve()
    assert list(book["Sheet1"]["A1:A2"][:, 0]) == pytest.approx([4, 3])


def test_written_and_read_again_it_is_the_same_model_complete_as_excel_keeps_it(book, tmp_path):
    model = book.add_solver_model("Sheet1", maximise="B1", by="A1:A2", subject_to="C1:C2 <= D1:D2", integer="A1")
    book.save(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")
    (read,) = again.solver_models
    assert read.names == model.names
    seen = openpyxl.load_workbook(tmp_path / "out.xlsx")["Sheet1"].defined_names
    assert {name: defined.attr_text for name, defined in seen.items()} == names_of(model.names)
    assert all(defined.hidden for defined in seen.values())
    assert {f"solver_{name}" for name in EXCELS_OWN} == set(seen)
    assert disagreements(tmp_path / "out.xlsx") == []


def test_a_model_takes_the_place_of_the_one_before_with_all_its_constraints(book, tmp_path):
    book.add_solver_model("Sheet1", maximise="B1", by="A1:A2", subject_to=["A1<=1", "A2<=1", "C1<=2"])
    book.save(tmp_path / "one.xlsx")
    again = sheetml.open(tmp_path / "one.xlsx")
    again.add_solver_model("Sheet1", minimise="C1", by="A1", subject_to="B1 >= 6")
    again.save(tmp_path / "two.xlsx")
    names = openpyxl.load_workbook(tmp_path / "two.xlsx")["Sheet1"].defined_names
    assert "solver_lhs1" in names and "solver_lhs2" not in names
    assert sheetml.open(tmp_path / "two.xlsx").solver_models[0].describe()[0] == "minimise C1 by changing A1"


def test_further_models_are_kept_under_names_beside_excels_own(book, tmp_path):
    book.add_solver_model("Sheet1", maximise="B1", by="A1:A2", subject_to="C1:C2 <= D1:D2")
    book.add_solver_model("Sheet1", minimise="C1", by="A1:A2", subject_to="B1 >= 6", name="cheap")
    book.save(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")
    assert [model.describe()[0] for model in again.solver_models] == ["maximise B1 by changing A1:A2"]
    assert [*again.saved_solver_models] == [("Sheet1", "cheap")]
    assert again.saved_solver_models["Sheet1", "cheap"].solve().fun == pytest.approx(2)
    assert again.remove_solver_model("Sheet1", "cheap") and again.saved_solver_models == {}
    assert len(again.solver_models) == 1
    assert again.remove_solver_model("Sheet1") and not again.remove_solver_model("Sheet1")
    again.save(tmp_path / "none.xlsx")
    assert not openpyxl.load_workbook(tmp_path / "none.xlsx")["Sheet1"].defined_names


AREAS = st.sampled_from(["C1:C2", "B1", "A1", "'a = b'!A1"])
SIDES = st.sampled_from(["3", "-2.5", "0.125", "D1", "D1*2", "'a = b'!A1", "D1+'a = b'!A1", "SUM(D1:D2)"])
RELATIONS = st.sampled_from(["<=", "=", ">="])


@settings(max_examples=40, deadline=None)
@given(stated=st.lists(st.tuples(AREAS, RELATIONS, SIDES), min_size=1, max_size=5, unique_by=lambda each: each[0]))
def test_what_a_stored_constraint_says_in_words_is_stored_the_same_when_stated_again(stated):
    book = made(CELLS, **{"a = b": {"A1": 3}})
    by = {"maximise": "B1", "by": "A1:A2,'a = b'!A1", "may_be_negative": True}
    first = book.add_solver_model("Sheet1", **by, subject_to=[" ".join(each) for each in stated])
    words = [each.words("Sheet1") for each in first.constraints]
    assert book.add_solver_model("Sheet1", **by, subject_to=words).names == first.names
