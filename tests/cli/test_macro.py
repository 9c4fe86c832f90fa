"""`sheetml macro`: what it lists, runs, prints and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import sheetml as library
from tests.cli.command import sheetml
from tests.macros.graddesc_macros import macro_workbook
from tests.macros.running import written

SOURCE = """Sub count()
    Range("A1").Value = Range("A1").Value + 1
    Debug.Print "now"; Range("A1").Value
End Sub
Sub forever()
    Do
        Range("A1").Value = 0
    Loop
End Sub
Sub outside()
    Range("A1").Value = 0
    Shell "rm"
End Sub
Sub lucky()
    Randomize
    Range("A1").Value = Rnd
End Sub
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "book.xlsm", SOURCE, {"A1": 1, "B1": "=A1*10"})


def test_a_macro_is_run_and_the_result_written_beside_the_workbook(path: Path) -> None:
    before = path.read_bytes()
    ended = sheetml("macro", path, "Module1.count", "--times", 3)
    assert ended.code == 0
    assert library.open(path.with_name("book.run.xlsm"))["Sheet1"]["A1:B1"].tolist() == [[4, 40]]
    assert path.read_bytes() == before
    for text in (
        "now 2",
        "now 4",
        "Module1.count ran 3 times: 6 statements",
        "1 cell written, 1 formula",
        "book.run.xlsm",
    ):
        assert text in ended.out


def test_the_list_shows_what_can_be_run_and_why_not(path: Path) -> None:
    ended = sheetml("macro", path, "--list")
    assert ended.code == 0
    assert "Module1.count" in ended.out and "yes" in ended.out
    assert "Module1, line 12: Shell (starting a program) is not supported." in ended.out
    listed = {row["macro"]: row for row in sheetml("macro", path, "--list", "--json").document}
    assert listed["Module1.count"] == {
        "macro": "Module1.count",
        "kind": "Sub",
        "sheet": None,
        "line": 1,
        "arguments": 0,
        "buttons": [],
        "problem": None,
    }


def test_the_list_shows_which_button_calls_which_macro(tmp_path: Path) -> None:
    path = macro_workbook(tmp_path / "graddesc.xlsm")
    listed = {row["macro"]: row for row in sheetml("macro", path, "--list", "--json").document}
    assert listed["annealing.somesteps"]["buttons"] == [
        {"sheet": "adagrad_ann", "name": "Button 2", "caption": "Run"},
    ]
    assert listed["adam.reset"]["buttons"][0]["caption"] == "Reset"
    assert listed["adam.onestep"]["buttons"] == []
    assert sum(len(row["buttons"]) for row in listed.values()) == 16


def test_json_tells_all_that_changed(path: Path) -> None:
    document = sheetml("macro", path, "count", "--json").document
    assert document["printed"] == ["now 2 "]
    assert document["changed"] == [
        {"cell": "Sheet1!A1", "before": 1, "after": 2, "written": True},
        {"cell": "Sheet1!B1", "before": 10, "after": 20, "written": False},
    ]


def test_a_macro_outside_the_subset_is_a_sentence_and_writes_nothing(path: Path) -> None:
    ended = sheetml("macro", path, "outside")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "sheetml: Module1, line 12: Shell (starting a program) is not supported.\n"
    assert not path.with_name("book.run.xlsm").exists()


def test_budgets_end_an_endless_macro(path: Path) -> None:
    ended = sheetml("macro", path, "forever", "--max-statements", 1000)
    assert ended.code == 2 and "stopped after 1,000 statements" in ended.err
    ended = sheetml("macro", path, "forever", "--max-time", 0.2, "--max-statements", 0)
    assert ended.code == 2 and "stopped after 0.2 seconds" in ended.err
    assert not path.with_name("book.run.xlsm").exists()


def test_a_seed_makes_random_numbers_repeatable(path: Path) -> None:
    found = [
        sheetml("macro", path, "lucky", "--seed", seed, "--json", "--overwrite").document["changed"][0]["after"]
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_names_that_are_not_there_are_told_with_those_that_are(path: Path) -> None:
    ended = sheetml("macro", path, "nothing")
    assert ended.code == 2
    assert "has no macro 'nothing' (it has Module1.count, Module1.forever" in ended.err
    assert "has no module 'Modul9'" in sheetml("macro", path, "Modul9.count").err


def test_a_modules_source_is_printed(path: Path) -> None:
    assert sheetml("macro", path, "--source", "module1").out == SOURCE


def test_quietly_nothing_is_printed(path: Path, tmp_path: Path) -> None:
    ended = sheetml("macro", path, "count", "-q", "-o", tmp_path / "other.xlsm")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert library.open(tmp_path / "other.xlsm")["Sheet1"]["A1"] == 2


def test_the_workbook_itself_is_replaced_only_when_asked(path: Path) -> None:
    assert sheetml("macro", path, "count", "-o", path).code == 2
    assert library.open(path)["Sheet1"]["A1"] == 1
    assert sheetml("macro", path, "count", "--in-place").code == 0
    assert library.open(path)["Sheet1"]["A1"] == 2
    assert "contradict" in sheetml("macro", path, "count", "--in-place", "-o", path).err


def test_what_is_left_uncalculated_is_calculated_before_saving(tmp_path: Path) -> None:
    source = 'Sub test()\nApplication.Calculation = xlManual\nRange("A1") = 5\nEnd Sub'
    path = written(tmp_path / "book.xlsm", source, {"A1": 1, "B1": "=A1*10"})
    ended = sheetml("macro", path, "test")
    assert "recalculated to be saved" in ended.out
    assert library.open(tmp_path / "book.run.xlsm")["Sheet1"]["B1"] == 50
