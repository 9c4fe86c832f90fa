"""`sheetml gradcheck`: what it takes, shows and exits with."""

from __future__ import annotations

import re

from tests.cli.books import book
from tests.cli.command import sheetml
from tests.reference import reference

CELLS = {f"{letter}{row}": f"={formula.replace('#', str(row))}" for row in range(2, 8) for letter, formula in
         {"C": "B#^2*A#", "D": "2*B#*A#", "E": "((B#+0.01)^2*A#-C#)/0.01", "F": "B#^2"}.items()}  # fmt: skip
CELLS |= {f"{letter}{row}": row / 3 for letter in "AB" for row in range(2, 8)}


def test_the_lessons_sheet_as_the_documentation_has_it():
    path = reference("workbooks", "graddesc_without_macros.xlsx")
    ended = sheetml(
        "gradcheck", path, "--sheet", "basic SGD", "--of", "F4", "--wrt", "C4", "D4", "--against", "K4", "L4"
    )
    assert ended.code == 0
    assert len(re.findall(r"\bexact *$", ended.out, re.MULTILINE)) == 2
    assert "'basic SGD'!K4:K32" in ended.out


def test_derivatives_and_differences_are_shown_column_by_column(tmp_path):
    path = book(tmp_path / "book.xlsx", CELLS)
    ended = sheetml("gradcheck", path, "--of", "C2", "--wrt", "B2", "A2", "--against", "D2", "F2", "E2", "F2", "--json")
    columns = ended.document["columns"]
    assert ended.code == 0
    assert [column["method"] for column in columns] == ["exact", "exact", "forward difference", "exact"]
    assert [column["step"] for column in columns] == [None, None, 0.01, None]
    assert [column["wrt"] for column in columns] == ["Sheet1!B2:B7", "Sheet1!A2:A7"] * 2


def test_a_wrong_cell_is_named_with_both_numbers_and_exits_with_1(tmp_path):
    path = book(tmp_path / "book.xlsx", CELLS | {"D4": 3.25})
    ended = sheetml("gradcheck", path, "--of", "C2", "--wrt", "B2", "--against", "D2")
    assert ended.code == 1
    assert "wrong in 1 of 6 cells, else exact" in ended.out
    assert "Sheet1!D4 is 3.25 and should be 3.5555555555555" in ended.out


def test_only_so_many_wrong_cells_are_shown(tmp_path):
    path = book(tmp_path / "book.xlsx", CELLS)
    ended = sheetml("gradcheck", path, "--of", "C2", "--wrt", "B2", "--against", "A2", "--show", 2)
    assert ended.out.count("should be") == 2
    assert "... and 4 more in Sheet1!A2:A7" in ended.out


def test_what_cannot_be_checked_is_one_sentence_and_exits_with_2(tmp_path):
    path = book(tmp_path / "book.xlsx", CELLS)
    for arguments in (
        ["--of", "A2", "--wrt", "B2", "--against", "D2"],
        ["--of", "C2", "--wrt", "??", "--against", "D2"],
    ):
        ended = sheetml("gradcheck", path, *arguments)
        assert ended.code == 2
        assert ended.err.startswith("sheetml: ") and ended.err.count("\n") == 1


def test_an_option_left_out_is_said(tmp_path):
    ended = sheetml("gradcheck", book(tmp_path / "book.xlsx", CELLS), "--of", "C2", "--wrt", "B2")
    assert ended.code == 2
    assert "--against" in ended.err
