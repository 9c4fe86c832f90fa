"""The commands that ask "what if": what they print, what they write, how they end."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import openpyxl
import pytest

from sheetml.whatif import simulation
from tests.cli.books import book
from tests.cli.command import sheetml

PLAN = {"A1": "Price", "B1": 12, "A2": "Volume", "B2": 1000, "A3": "Sales", "B3": "=B1*B2", "A4": "Ratio",
        "B4": "=B3/(B1-13)"}  # fmt: skip
DRAWN = ("--input", "B1~normal(12, 1)", "--input", "B2~uniform(900, 1100)")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return book(tmp_path / "plan.xlsx", PLAN)


def test_a_table_is_shown_and_written(plan, tmp_path):
    ended = sheetml("table", plan, "--input", "B1=10,11", "--input", "B2=5,6", "--output", "B3")
    assert ended.code == 0 and "Sales" not in ended.err
    assert [line.split() for line in ended.out.splitlines()][1:] == [["B1", "5", "6"], ["10", "50", "60"],
                                                                    ["11", "55", "66"]]  # fmt: skip
    document = sheetml("table", plan, "--input", "B1=10,11", "--output", "B3", "--json").document
    assert document["values"] == [[10_000], [11_000]] and document["outputs"] == ["Sheet1!B3"]
    for name in ("t.csv", "t.xlsx", "t.png"):
        assert sheetml("table", plan, "--input", "B1=10,11", "--output", "B3", "-o", tmp_path / name).code == 0
    rows = list(csv.reader((tmp_path / "t.csv").open()))
    assert rows[0] == ["Sheet1!B1", "Sheet1!B3"] and [list(map(float, row)) for row in rows[1:]] == [
        [10, 10_000], [11, 11_000]
    ]  # fmt: skip
    assert openpyxl.load_workbook(tmp_path / "t.xlsx")["What-if Table 1"]["B3"].value == 11_000


def test_a_table_with_a_cell_without_a_number_ends_with_1(plan):
    ended = sheetml("table", plan, "--input", "B1=12,13", "--output", "B4")
    assert ended.code == 1 and "B4 is #DIV/0!" in ended.err


def test_a_simulation_is_shown_with_labels_and_errors(plan):
    ended = sheetml("simulate", plan, *DRAWN, "--output", "B3", "-n", 4000)
    assert ended.code == 0 and "B3 Sales: 4,000 scenarios" in ended.out and "median" in ended.out
    document = sheetml("simulate", plan, *DRAWN, "--output", "B3", "-n", 4000, "--json").document
    (found,) = document["outputs"]
    assert abs(found["mean"] - 12_000) < 5 * found["mean_error"] and found["label"] == "Sales"
    assert found["rank_correlations"]["Sheet1!B1"] > found["rank_correlations"]["Sheet1!B2"] > 0


def test_a_simulation_is_written_as_a_sheet_with_charts_and_as_a_page(plan, tmp_path):
    target, page = tmp_path / "out.xlsx", tmp_path / "out.html"
    assert sheetml("simulate", plan, *DRAWN, "--output", "B3", "-n", 999, "-o", target, "--report", page).code == 0
    sheet = openpyxl.load_workbook(target)["Simulation 1"]
    assert len(sheet._charts) == 3 and sheet["A1"].value == "Simulation of Sales (Sheet1!B3)"
    counts = [row[2].value for row in sheet.iter_rows() if row[3].value and isinstance(row[2].value, (int, float))]
    assert sum(counts[:30]) == 999
    with zipfile.ZipFile(target) as package:
        assert package.testzip() is None and "xl/charts/chart3.xml" in package.namelist()
    assert "Sales (Sheet1!B3)" in page.read_text()


def test_a_simulation_whose_scenarios_lack_a_value_ends_with_1(plan):
    ended = sheetml("simulate", plan, "--input", "B1~choice(12: 1, 13: 1)", "--output", "B4", "-n", 100)
    assert ended.code == 1 and "of 100 scenarios have no value, the first because Sheet1!B4 is #DIV/0!" in ended.err


def test_a_simulation_that_was_stopped_goes_on_from_its_samples(plan, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    command = ("simulate", plan, *DRAWN, "--output", "B3", "-n", 4000, "--json")
    whole, part, calls = sheetml(*command).document, simulation.Simulation.part, []

    def stopping(self, number, size):
        calls.append(number)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return part(self, number, size)

    monkeypatch.setattr(simulation.Simulation, "part", stopping)
    stopped = sheetml(*command, "--samples", tmp_path / "kept")
    assert stopped.code == 130 and stopped.document["interrupted"] and 0 < stopped.document["scenarios"] < 4000
    again = sheetml(*command, "--samples", tmp_path / "kept")
    assert again.code == 0 and again.document == whole and sorted(set(calls)) == calls[:2] + sorted(set(calls[2:]))


def test_sensitivity_and_tornado_rank_the_inputs(plan, tmp_path):
    ended = sheetml("sensitivity", plan, "--input", "B1:B2", "--output", "B3", "--json")
    assert [each["elasticity"] for each in ended.document["inputs"]] == pytest.approx([1, 1])
    assert "Price" in sheetml("sensitivity", plan, "--input", "B1:B2", "--output", "B3").out
    command = ("tornado", plan, "--input", "B1=10..14", "--input", "B2", "--output", "B3")
    first, second = sheetml(*command, "--json").document["swings"]
    assert (first["cell"], first["at_low"], first["at_high"]) == ("Sheet1!B1", 10_000, 14_000)
    assert (second["label"], second["at_low"], second["at_high"]) == ("Volume", 10_800, 13_200)
    shown = sheetml(*command, "-o", tmp_path / "t.png")
    assert shown.code == 0 and "B3 Sales = 12,000" in shown.out and (tmp_path / "t.png").stat().st_size > 5000


def test_scenarios_are_added_listed_compared_and_removed(plan, tmp_path):
    assert "There are no scenarios" in sheetml("scenarios", plan).out
    assert sheetml("scenarios", plan, "--add", "Low", "B1=9", "B2=1200", "--comment", "as in spring").code == 0
    assert "Low (Sheet1, as in spring, locked)" in sheetml("scenarios", plan).out
    compared = sheetml("scenarios", plan, "--compare", "--output", "B3", "--json").document
    assert compared["now"] == [12_000] and compared["scenarios"][0]["values"] == [10_800]
    assert "Low" in sheetml("scenarios", plan, "--compare", "--output", "B3").out
    shown = tmp_path / "shown.xlsx"
    assert sheetml("scenarios", plan, "--show", "low", "-o", shown).code == 0
    assert openpyxl.load_workbook(shown, data_only=True)["Sheet1"]["B3"].value == 10_800
    assert sheetml("scenarios", plan, "--remove", "Low", "--json").document["scenarios"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("table", "--input", "B1=1..0:1", "--output", "B3"), ("table", "--input", "B3=1", "--output", "B3"),
        ("simulate", "--input", "B1~norml(0, 1)", "--output", "B3"), ("simulate", "--output", "B3"),
        ("simulate", "--input", "B1~normal(0, 1)", "--output", "B3", "--report", "page.txt"),
        ("sensitivity", "--input", "B1", "--output", "B4:B9", "--sheet", "Nowhere"),
        ("tornado", "--input", "B1=a..b", "--output", "B3"), ("scenarios", "--remove", "Low"),
        ("scenarios", "--show", "Low"), ("scenarios", "--compare"), ("scenarios", "B1=2"),
        ("scenarios", "--add", "Low", "B3=2"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_and_ends_with_2(arguments, plan):
    command, *others = arguments
    ended = sheetml(command, plan, *others)
    assert ended.code == 2 and ended.out == "" and "Traceback" not in ended.err
    assert ended.err.strip().splitlines()[-1].startswith(("sheetml:", "Error:"))


def test_sensitivity_says_what_is_flat(tmp_path):
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"] = 2.6, "=ROUND(A1,0)"
    book.save(path)
    assert "ROUND in Sheet!B1 is flat" in sheetml("sensitivity", path, "--input", "A1", "--output", "B1").out
    asked = sheetml("sensitivity", path, "--input", "A1", "--output", "B1", "--json")
    assert asked.document["flat"] == ["ROUND in Sheet!B1"]
