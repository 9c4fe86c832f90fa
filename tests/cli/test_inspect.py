"""`sheetml inspect`: what a workbook holds."""

from __future__ import annotations

from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.cli.command import sheetml
from tests.reference import reference


def test_a_line_for_each_distinct_formula_and_the_area_it_fills():
    blocks = sheetml("inspect", reference("workbooks", "collab_filter.xlsx"), "--json").document["blocks"]
    gather = next(block for block in blocks if "OFFSET" in block["formula"])
    assert (gather["sheet"], gather["area"], gather["cells"]) == ("movielens_emb", "M3:Q208", 1030)
    assert any(block["r1c1"] == "=(RC[-14]-RC[-1])^2" and block["area"] == "Y3:Y208" for block in blocks)


def test_solver_models_are_put_in_words():
    ended = sheetml("inspect", reference("workbooks", "collab_filter.xlsx"))
    assert "minimise V41 by changing H19:V23, B25:F39" in ended.out
    assert "GRG Nonlinear" in ended.out


def test_tables_and_names_are_listed():
    document = sheetml("inspect", reference("workbooks", "collab_filter.xlsx"), "--json").document
    assert document["tables"] == {"Table1": "word_emb!A25:G39"}
    names = sheetml("inspect", reference("workbooks", "graddesc_without_macros.xlsx"), "--json").document["names"]
    assert names["momentum!gradtarget"] == "=momentum!#REF!"


def test_functions_that_are_not_supported_are_named_with_their_cells(tmp_path):
    cells = {"A1": 1, "A2": "=NOSUCH(A1)", "A3": "=NOSUCH(A2)", "A4": "=LET(f,LAMBDA(x,x+1),f(A1))", "A5": "=[1]x!A1"}
    document = sheetml("inspect", book(tmp_path / "book.xlsx", cells), "--json").document
    assert document["unsupported"] == {"NOSUCH": ["Sheet1!A2:A3"], "another workbook": ["Sheet1!A5"]}


def test_hostile_text_is_shown_as_it_is(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA | {"C1": '="[bold]"&"[/nonsense]"', "C2": "=[1]x!A1"}, MINIMISE_B1)
    ended = sheetml("inspect", path)
    assert ended.code == 0
    assert "[bold]" in ended.out
