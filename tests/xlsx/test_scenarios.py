"""The Scenario Manager's scenarios: read, written back, and all else byte for byte as it was."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.scenario import InputCells, ScenarioList
from openpyxl.worksheet.scenario import Scenario as TheirScenario

import sheetml
from sheetml.errors import SheetmlError, WorkbookError
from sheetml.whatif import scenarios as manager
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.scenarios import Scenario, scenarios
from sheetml.xlsx.writer import write_workbook
from tests.libreoffice import recalculated
from tests.xlsx.handmade import save, save_rows

BEST = Scenario("Best & <most>", {(1, 2): "15", (2, 2): "1500"}, 'high "price"', "Ann", locked=True)
WORST = Scenario("Worst", {(1, 2): "9"}, hidden=True)
PART = "xl/worksheets/sheet1.xml"
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn", "Co")), min_size=1, max_size=20)
CELLS = st.dictionaries(st.tuples(st.integers(1, 50), st.integers(1, 50)), st.text("a1.-&<>'\" é", max_size=9),
                        min_size=1, max_size=5)  # fmt: skip


def plan(path: Path, *, theirs: bool = False) -> Path:
    """A workbook with what may stand before and after scenarios on a sheet; openpyxl states two, if asked for."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Plan"
    for row in [["Price", 12], ["Volume", 1000], ["Sales", "=B1*B2"], ["Text", "=B1&B2"]]:
        sheet.append(row)
    sheet.protection.enable()
    sheet.auto_filter.ref = "A1:B4"
    sheet.merge_cells("D1:E2")
    sheet.page_margins.left = 1
    if theirs:
        two = InputCells(r="B1", val="15"), InputCells(r="B2", val="1500")
        sheet.scenarios = ScenarioList(
            scenario=[
                TheirScenario(name=BEST.name, inputCells=two, comment=BEST.comment, user="Ann", locked=True),
                TheirScenario(name="Worst", inputCells=(InputCells(r="B1", val="9"),), hidden=True),
            ]
        )
    book.create_sheet("Other")
    book.save(path)
    return path


def stating(path: Path, scenarios: str) -> Path:
    """A workbook of one cell whose sheet states scenarios so."""
    source = save_rows(path, '<row r="1"><c r="A1"><v>1</v></c></row>')
    changed = parts(source)
    changed[PART] = changed[PART].replace(b"</sheetData>", b"</sheetData>" + scenarios.encode())
    return save(path, changed)


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def written(source: Path, target: Path, *wanted: Scenario) -> Path:
    write_workbook(read_workbook(source), {}, target, scenarios={0: wanted})
    return target


def test_what_openpyxl_states_is_read(tmp_path: Path) -> None:
    file = read_workbook(plan(tmp_path / "plan.xlsx", theirs=True))
    assert scenarios(file, 0) == [BEST, WORST] and scenarios(file, 1) == []


def test_openpyxl_reads_what_is_written(tmp_path: Path) -> None:
    target = written(plan(tmp_path / "plan.xlsx"), tmp_path / "out.xlsx", BEST, WORST)
    seen = openpyxl.load_workbook(target)["Plan"].scenarios.scenario
    assert [(each.name, each.comment, each.user, each.locked, each.hidden, each.count) for each in seen] == [
        (BEST.name, BEST.comment, "Ann", True, False, 2), ("Worst", None, None, False, True, 1)
    ]  # fmt: skip
    assert [[(cell.r, cell.val) for cell in each.inputCells] for each in seen] == [
        [("B1", "15"), ("B2", "1500")], [("B1", "9")]
    ]  # fmt: skip


def test_only_the_scenarios_are_added_and_they_go_without_a_trace(tmp_path: Path) -> None:
    source = plan(tmp_path / "plan.xlsx")
    added = written(source, tmp_path / "added.xlsx", BEST)
    before, after = parts(source), parts(added)
    part = "xl/worksheets/sheet1.xml"
    assert {name for name in after if after[name] != before[name]} == {part} and list(before) == list(after)
    start, end = after[part].index(b"<scenarios"), after[part].index(b"</scenarios>") + len(b"</scenarios>")
    assert after[part][:start] + after[part][end:] == before[part]
    assert parts(written(added, tmp_path / "removed.xlsx")) == before


def test_they_stand_where_the_schema_wants_them(tmp_path: Path) -> None:
    from lxml import etree

    target = written(plan(tmp_path / "plan.xlsx"), tmp_path / "out.xlsx", BEST)
    names = [etree.QName(each).localname for each in etree.fromstring(parts(target)["xl/worksheets/sheet1.xml"])]
    place = names.index("scenarios")
    assert names[place - 1] == "sheetProtection" and names[place + 1] == "autoFilter"


def test_a_scenario_that_stays_keeps_its_bytes_and_what_was_shown_stays_within_them(tmp_path: Path) -> None:
    own = (
        '<scenarios current="1" show="1" sqref="A9"><scenario name="a" count="1" user="x"><inputCells r="A1" '
        'val="1" numFmtId="9"/></scenario><scenario name="b" count="1"><inputCells r="A1" val="2"/></scenario>'
        "</scenarios>"
    )
    source = stating(tmp_path / "own.xlsx", own)
    first, second = scenarios(read_workbook(source), 0)
    kept = parts(written(source, tmp_path / "one.xlsx", first))["xl/worksheets/sheet1.xml"]
    assert b'<scenarios current="0" show="0" sqref="A9"><scenario name="a" count="1" user="x">' in kept
    assert b'numFmtId="9"' in kept and b'"b"' not in kept
    both = parts(written(source, tmp_path / "both.xlsx", first, second))
    assert both == parts(source)


def test_libreoffice_opens_the_file_and_computes_as_before(tmp_path: Path) -> None:
    source = plan(tmp_path / "plan.xlsx")
    target = written(source, tmp_path / "out.xlsx", BEST, WORST)
    assert recalculated(target)["Plan"]["B3"] == 12_000


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(Scenario, NAMES, CELLS, NAMES, NAMES, st.booleans(), st.booleans()), max_size=3))
def test_any_scenarios_come_back_as_they_were(tmp_path, wanted):
    source = tmp_path / "plan.xlsx"
    target = written(source if source.exists() else plan(source), tmp_path / "out.xlsx", *wanted)
    assert scenarios(read_workbook(target), 0) == wanted
    assert scenarios(read_workbook(written(target, tmp_path / "again.xlsx", *wanted[:1])), 0) == wanted[:1]


def test_a_scenario_of_no_cell_is_refused(tmp_path: Path) -> None:
    own = '<scenarios><scenario name="a"><inputCells r="nowhere" val="1"/></scenario></scenarios>'
    source = stating(tmp_path / "own.xlsx", own)
    with pytest.raises(WorkbookError, match="scenario of a cell 'nowhere'"):
        scenarios(read_workbook(source), 0)


# ---- in an open workbook


def test_outputs_are_compared_as_if_each_scenario_were_typed_in(tmp_path: Path) -> None:
    book = sheetml.open(plan(tmp_path / "plan.xlsx", theirs=True))
    book.calculate()
    found = manager.compared(book, ["B3:B4"], "Plan")
    assert found.now == [12_000, "121000"]
    assert [(each.scenario.name, values) for each, values in found.scenarios] == [
        (BEST.name, [22_500, "151500"]), ("Worst", [9000, "91000"])
    ]  # fmt: skip
    assert book["Plan"]["B1"] == 12


def test_a_scenario_is_stated_replaced_shown_and_removed(tmp_path: Path) -> None:
    book = sheetml.open(plan(tmp_path / "plan.xlsx"))
    manager.add(book, "Mid", ["Plan!B1=13", "Plan!B2=7%"], "so so")
    manager.add(book, "mid", ["Plan!B1=14"])
    book.save(tmp_path / "out.xlsx")
    book = sheetml.open(tmp_path / "out.xlsx")
    assert book["Plan"]["B1"] == 12
    named = manager.found(book, "MID")
    assert named.scenario == Scenario("mid", {(1, 2): "14"}, locked=True)
    manager.show(book, named)
    assert book["Plan"]["B3"] == 14_000
    manager.remove(book, named)
    assert manager.listed(book) == [] and manager.listed(book.copy()) == []


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("5%", 0.05), ("TRUE", True), ("", None), ("=B1", "=B1"),
                                             ("inf", "inf"), ("low", "low")])  # fmt: skip
def test_values_are_put_in_as_they_would_be_typed_but_never_as_formulas(text, value, tmp_path):
    book = sheetml.open(plan(tmp_path / "plan.xlsx"))
    manager.show(book, manager.Named("Plan", Scenario("s", {(1, 2): text})))
    assert book["Plan"]["B1"] == value and book["Plan"].formula("B1") is None


@pytest.mark.parametrize(
    ("name", "stated"),
    [("", ["Plan!B1=1"]), ("x", []), ("x", ["Plan!B1"]), ("x", ["Plan!B3=1"]), ("x", ["Plan!B1=1", "Other!A1=1"]),
     ("x", [f"Plan!F{row}=1" for row in range(1, 34)]), ("x" * 300, ["Plan!B1=1"])],
)  # fmt: skip
def test_what_the_scenario_manager_would_not_take_is_refused(name, stated, tmp_path):
    with pytest.raises(SheetmlError) as raised:
        manager.add(sheetml.open(plan(tmp_path / "plan.xlsx")), name, stated)
    assert "\n" not in str(raised.value)
