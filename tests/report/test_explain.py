"""What explain says of cells: in words, as trees, as blocks and in figures."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import sheetml
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.report.block_graph import boxes_of, to_dot, to_svg
from sheetml.report.explain import Explanation, Part, explain
from sheetml.report.words import in_words
from tests.reference import image_path, reference, reference_files
from tests.workbooks import made

SVG = "{http://www.w3.org/2000/svg}"


def words(formula: str) -> str:
    return in_words(parse(formula, 1, 1), 1, 1)


def areas(found: Explanation) -> dict[str, tuple[bool, str]]:
    return {each.area: (each.direct, each.role) for each in found.dependencies}


# ---- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("SQRT(AVERAGE(Y3:Y208))", "the square root of the mean of Y3:Y208"),
        ('IF(H2="",0,A1)', "0 if H2 is empty, else A1"),
        ("(A1-B1)^2", "the square of (A1 minus B1)"),
        ("A1-B1*C1", "A1 minus B1 times C1"),
        ("(A1-B1)*C1", "(A1 minus B1) times C1"),
        ("A1-(B1-C1)", "A1 minus (B1 minus C1)"),
        ("2*SUM(A1:A3,B$1)", "2 times (the sum of A1:A3 and B1)"),
        ("OR(A1>1,B1<=2)", "A1 is greater than 1 or B1 is at most 2"),
        ("SUMPRODUCT(A1:A3,B1:B3)", "the sum of the products of A1:A3 and B1:B3"),
        ("NOSUCH(A1,2)", "NOSUCH of A1 and 2"),
        ("RAND()", "a random number between 0 and 1"),
    ],
)
def test_a_formula_in_words(formula: str, expected: str) -> None:
    assert words(formula) == expected


# ---- the tree ----------------------------------------------------------------------------------


def test_each_part_of_the_tree_has_the_value_it_had_in_the_formula() -> None:
    book = made({"A1": 3, "A2": 4, "A3": "=SQRT(SUMSQ(A1:A2))*2"})
    assert explain(book, "A3").tree == Part(
        "×",
        "10",
        [
            Part("SQRT", "5", [Part("SUMSQ", "25", [Part("A1:A2", "2 × 1: 2 numbers from 3 to 4")])]),
            Part("2", "2"),
        ],
    )


def test_the_branch_of_an_if_that_was_not_taken_is_not_needed() -> None:
    tree = explain(made({"A1": 1, "A2": "=IF(A1>0,A1+1,A1-1)"}), "A2").tree
    assert tree is not None
    assert [part.value for part in tree.parts] == ["TRUE", "2", "not needed"]


def test_a_name_shows_what_it_stands_for() -> None:
    book = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))
    tree = explain(book, "eve!F36").tree
    assert tree is not None
    assert tree.parts[1].parts[0].text == "ft_1 (= eve!$F$34)"


# ---- what it depends on ------------------------------------------------------------------------


def test_a_cell_depends_on_blocks_and_areas_directly_and_through_others() -> None:
    book = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    found = explain(book, "dotprod!V41")
    assert areas(found) == {
        "dotprod!H25:V39": (True, ""),
        "dotprod!H2:V16": (True, ""),
        "dotprod!H19:V23": (False, "adjustable"),
        "dotprod!B25:F39": (False, "adjustable"),
    }
    assert found.readers == []


def test_of_a_recurrence_only_the_rows_before_matter() -> None:
    cells = {"A1": 1.0, "C1": 0.5} | {f"A{row}": f"=A{row - 1}*$C$1+B{row}" for row in range(2, 11)}
    book = made(cells | {f"B{row}": float(row) for row in range(2, 11)})
    assert areas(explain(book, "A5")) == {
        "Sheet1!A2:A4": (True, "recurrence"),
        "Sheet1!A1": (False, ""),
        "Sheet1!B2:B5": (True, ""),
        "Sheet1!C1": (True, ""),
    }


def test_a_lookup_depends_on_the_cell_it_finds_and_not_on_the_table() -> None:
    book = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    found = explain(book, "word_emb!K5")
    assert "word_emb!C6" in areas(found)
    assert not any(area.startswith("word_emb!B3") or area == "word_emb!C4:G17" for area in areas(found))


def test_a_cell_with_a_value_tells_who_reads_it() -> None:
    book = made({"A1": 2, "B1": "=A1", "B2": "=SUM(A1:A9)", "C1": "=A2"})
    found = explain(book, "A1")
    assert (found.formula, found.words) == (None, "a number typed in, no formula")
    assert found.readers == ["Sheet1!B1", "Sheet1!B2"]
    assert found.no_gradient == "the cell holds no formula"


def test_a_cell_that_the_workbook_does_not_hold_is_blank() -> None:
    found = explain(made({"A1": 1}), "ZZ99")
    assert (found.cell, found.value, found.words) == ("Sheet1!ZZ99", None, "a blank cell")


def test_more_than_one_cell_cannot_be_explained() -> None:
    with pytest.raises(FormulaError, match="not one cell"):
        explain(made({"A1": 1}), "A1:B2")


# ---- gradients ---------------------------------------------------------------------------------


def test_the_gradient_by_area_agrees_with_central_differences() -> None:
    path = reference("workbooks", "collab_filter.xlsx")
    found = explain(sheetml.open(path), "dotprod!V41")
    norms = {each.area: each.norm for each in found.gradients}
    book = sheetml.open(path)
    function = book.function(["dotprod!B25:F39"], "dotprod!V41")
    steps = np.eye(75) * 1e-6
    differences = [(function(function.x0 + step) - function(function.x0 - step)) / 2e-6 for step in steps]
    assert norms["dotprod!B25:F39"] == pytest.approx(np.linalg.norm(differences), rel=1e-6)


def test_the_most_influential_cells_are_ranked_by_derivative_and_by_derivative_times_value() -> None:
    found = explain(made({"A1": 100, "A2": 2, "A3": 3, "B1": "=A1*0.5+A2*7+A3*0"}), "B1")
    assert [(each.cell, each.gradient) for each in found.steepest] == [("Sheet1!A2", 7.0), ("Sheet1!A1", 0.5)]
    assert [(each.cell, each.product) for each in found.weightiest] == [("Sheet1!A1", 50.0), ("Sheet1!A2", 14.0)]


def test_blank_and_text_cells_keep_their_meaning_in_the_gradient() -> None:
    found = explain(made({"A1": 1, "A2": "x", "A4": 5, "B1": "=AVERAGE(A1:A4)"}), "B1")
    assert [each.gradient for each in found.steepest] == [0.5, 0.5]


@pytest.mark.parametrize(("formula", "reason"), [('=LEN(A1&"")', "&"), ('="a"&A1', "text"), ("=1/0+A1", "#DIV/0!")])
def test_where_there_is_no_gradient_the_reason_is_given(formula: str, reason: str) -> None:
    found = explain(made({"A1": 1.2, "B1": formula}), "B1")
    assert found.gradients == []
    assert reason in found.no_gradient


# ---- any workbook ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", reference_files("functions/*.xlsx"))
def test_every_kind_of_formula_can_be_explained_and_drawn(name: str) -> None:
    book = sheetml.open(reference(*name.split("/")))
    book.calculate()
    for block in book.calculation.formulas.blocks[:12]:
        cell = book.calculation.describe(
            [book.calculation.slot(block.sheet, int(block.rows[-1]), int(block.columns[-1]))]
        )
        found = explain(book, cell)
        assert found.words
        assert found.lineage is not None
        ElementTree.fromstring(to_svg(boxes_of(book.calculation, found.lineage), found.cell))


# ---- pictures ----------------------------------------------------------------------------------


def test_the_picture_holds_a_box_for_each_area_and_no_two_overlap(tmp_path: Path) -> None:
    book = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))
    found = explain(book, "eve!F33")
    assert found.lineage is not None
    drawn = to_svg(boxes_of(book.calculation, found.lineage), found.cell)
    image_path("explain-eve.svg", tmp_path).write_text(drawn, encoding="utf-8")
    picture = ElementTree.fromstring(drawn)
    boxes = [shape for shape in picture.iter(f"{SVG}rect") if "box" in shape.get("class", "")]
    places = [[float(box.get(key, 0)) for key in ("x", "y", "width", "height")] for box in boxes]
    assert len(boxes) == 21
    for position, (x, y, width, height) in enumerate(places):
        for other_x, other_y, other_width, other_height in places[:position]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or y >= other_y + other_height or other_y >= y + height
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert "recurrence of 6 blocks" in texts


def test_texts_from_the_workbook_are_escaped_in_pictures() -> None:
    name = """a<b>&"c'"""
    book = made({"A1": f"='{name.replace(chr(39), chr(39) * 2)}'!A1&\"</svg><script>\""}, **{name: {"A1": 1}})
    found = explain(book, "Sheet1!A1")
    assert found.lineage is not None
    boxes = boxes_of(book.calculation, found.lineage)
    picture = to_svg(boxes, found.cell)
    assert "<script" not in picture
    assert any("<script>" in (text.text or "") for text in ElementTree.fromstring(picture).iter(f"{SVG}text"))
    assert '\\"</svg><script>\\"' in to_dot(boxes)


def test_the_graph_for_graphviz_has_an_edge_for_each_dependence() -> None:
    book = made({"A1": 1, "B1": "=A1", "C1": "=A1+B1"})
    found = explain(book, "C1")
    assert found.lineage is not None
    lines = to_dot(boxes_of(book.calculation, found.lineage)).splitlines()
    assert [line.strip() for line in lines if "->" in line] == ["b0 -> b1;", "b0 -> b2;", "b1 -> b2;"]


# ---- the command -------------------------------------------------------------------------------


def test_the_command_never_writes_its_picture_over_the_workbook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sheetml.cli import main

    path = tmp_path / "book.xlsx"
    made({"A1": 1, "B1": "=A1"}).save(path)
    before = path.read_bytes()
    with pytest.raises(SystemExit) as exit_code:
        main(["explain", str(path), "B1", "--svg", str(path)])
    assert exit_code.value.code == 2
    assert "a file of the kind .svg" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_is_flat_on_the_way_is_named():
    workbook = made({"A1": 2.6, "A2": 3, "B1": "=ROUND(A1,0)*A2"})
    found = explain(workbook, "Sheet1!B1")
    assert found.no_gradient == "" and "ROUND in Sheet1!B1 is flat" in found.flat
    assert explain(made({"A1": 2, "B1": "=A1*2"}), "Sheet1!B1").flat == ""
