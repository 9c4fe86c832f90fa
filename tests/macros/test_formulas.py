"""Formulas that macros write, copy and overwrite: in the cells, and in the saved file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import sheetml
from sheetml import ErrorCode
from sheetml.errors import MacroError
from tests import libreoffice
from tests.macros.graddesc_macros import macro_workbook
from tests.macros.running import macro_book, printed, ran, written
from tests.macros.vba_project import Module, with_macros
from tests.xlsx.handmade import relationships, save, save_rows, workbook_parts

SUMS = {"A1": 1, "A2": 2, "A3": 3, "B1": "=A1*2", "B2": "=A2*2", "B3": "=A3*2", "C1": "=SUM(B1:B3)"}


def saved(workbook: sheetml.Workbook, path: Path) -> sheetml.Workbook:
    workbook.save(path)
    return sheetml.open(path)


def test_a_formula_written_by_a_macro_is_live() -> None:
    workbook = ran('Range("D1").Formula = "=C1+1"\nRange("A1").Value = 10', SUMS)
    assert workbook["Sheet1"]["D1"] == 31
    workbook["Sheet1"]["A2"] = 20
    workbook.calculate()
    assert workbook["Sheet1"]["D1"] == 67


def test_a_formula_for_an_area_is_that_of_its_corner_moved_along() -> None:
    workbook = ran('Range("D1:E2").Formula = "=A1+$B1"', SUMS)
    assert [workbook["Sheet1"].formula(cell) for cell in ("D1", "E1", "D2")] == ["A1+$B1", "B1+$B1", "A2+$B2"]
    assert workbook["Sheet1"]["E2"] == 8


def test_the_value_of_a_cell_that_begins_with_an_equals_sign_is_a_formula() -> None:
    assert ran('Range("D1") = "=A1+A2"', SUMS)["Sheet1"]["D1"] == 3
    assert ran('Range("D1:E1") = Array("=A1", 7)', SUMS)["Sheet1"]["D1:E1"].tolist() == [[1, 7]]


def test_formulas_are_read_in_both_notations() -> None:
    items = '.Formula; " "; .FormulaR1C1; " "; .HasFormula; " "; Range("A2").Formula'
    body = f'With Range("B2")\nDebug.Print {items}\nEnd With'
    assert printed(body, SUMS) == ["=A2*2 =RC[-1]*2 True 2"]
    assert printed('x = Range("B1:B3").Formula: Debug.Print x(3, 1); IsNull(Range("A1:B1").HasFormula)', SUMS) == [
        "=A3*2True"
    ]


@pytest.mark.parametrize(
    ("r1c1", "a1"),
    [
        ("=R[-1]C*2", "=C4*2"),
        ("=R1C1+RC[-2]", "=$A$1+A5"),
        ("=SUM(R2C:R[-1]C)", "=SUM(C$2:C4)"),
        ("=SUM(C[-1])", "=SUM(B:B)"),
        ("=SUM(R3)", "=SUM($3:$3)"),
        ('=IF(RC1="R1C1",Other!R[1]C,0)', '=IF($A5="R1C1",Other!C6,0)'),
    ],
)
def test_formulas_are_written_in_r1c1_notation(r1c1: str, a1: str) -> None:
    quoted = r1c1.replace('"', '""')
    workbook = ran(f'Range("C5").FormulaR1C1 = "{quoted}"', SUMS, Other={})
    assert f"={workbook['Sheet1'].formula('C5')}" == a1


def test_newer_functions_get_their_prefix_in_the_file_and_lose_it_for_macros(tmp_path: Path) -> None:
    workbook = ran('Range("D1").Formula = "=STDEV.S(A1:A3)"', SUMS)
    again = saved(workbook, tmp_path / "out.xlsm")
    with zipfile.ZipFile(tmp_path / "out.xlsm") as book:
        assert b"<f>_xlfn.STDEV.S(A1:A3)</f><v>1</v>" in book.read("xl/worksheets/sheet1.xml")
    again.macros.run("test")
    assert again.macros.host.sheets[0].get_range("D1").get_formula() == "=STDEV.S(A1:A3)"


def test_a_value_over_a_formula_ends_it_also_in_the_file(tmp_path: Path) -> None:
    workbook = ran('Range("B2").Value = 100', SUMS)
    assert workbook["Sheet1"]["C1"] == 108
    again = saved(workbook, tmp_path / "out.xlsm")
    assert again["Sheet1"].formula("B2") is None
    assert again["Sheet1"]["B2"] == 100
    assert again["Sheet1"].formula("B3") == "A3*2"


def test_one_formula_may_follow_another_in_a_cell(tmp_path: Path) -> None:
    entered = ["Value = 5", 'Formula = "=A1&""x"""', "ClearContents", 'Formula = "=-A2"']
    workbook = ran("\n".join(f'Range("B2").{entry}' for entry in entered), SUMS)
    assert workbook["Sheet1"]["C1"] == 6
    assert saved(workbook, tmp_path / "out.xlsm")["Sheet1"].formula("B2") == "-A2"


def test_formulas_that_refer_to_each_other_can_be_written_in_any_order() -> None:
    workbook = ran('Range("D3").Formula = "=D2+1"\nRange("D2").Formula = "=D1+1"\nRange("D1").Value = 1', SUMS)
    assert workbook["Sheet1"]["D3"] == 3


def test_a_circle_made_by_a_macro_is_named() -> None:
    workbook = ran('Range("A1").Formula = "=C1"', SUMS)
    assert any("circular" in reason for reason in workbook.problems.values())


def test_an_unknown_function_is_named_and_never_the_value_that_was_there() -> None:
    workbook = ran('Range("B1").Formula = "=NOSUCH(A1)"', SUMS)
    assert "NOSUCH" in workbook.problems["Sheet1!B1"]
    assert workbook["Sheet1"]["B1"] is ErrorCode.UNCOMPUTABLE


def test_part_of_an_array_formula_cannot_be_changed() -> None:
    held = {**SUMS, "E1:F2": "{=A1:B2}"}
    with pytest.raises(MacroError, match="run-time error 1004: You cannot change part of an array"):
        ran('Range("E1").Value = 1', held)
    workbook = ran('Range("E1:F2").ClearContents\nRange("E1") = 3', held)
    assert workbook["Sheet1"]["E1:F2"].tolist() == [[3, None], [None, None]]


def test_what_is_typed_into_a_spilled_area_blocks_it_until_it_is_cleared(tmp_path: Path) -> None:
    path = with_macros(_spilling(tmp_path / "spill.xlsx"), tmp_path / "spill.xlsm", [Module("Module1", _BLOCKING)])
    workbook = sheetml.open(path)
    workbook.calculate()
    assert workbook["Sheet1"]["C1:C3"].tolist() == [[2], [4], [6]]
    workbook.macros.run("block")
    assert workbook["Sheet1"]["C1:C3"].tolist() == [[ErrorCode.SPILL], [7], [None]]
    workbook.macros.run("unblock")
    assert workbook["Sheet1"]["C1:C3"].tolist() == [[2], [4], [6]]


_BLOCKING = 'Sub block()\nRange("C2") = 7\nEnd Sub\nSub unblock()\nRange("C2").ClearContents\nEnd Sub\n'


def _spilling(path: Path) -> Path:
    metadata = (
        '<metadata xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:xda="http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray"><metadataTypes count="1">'
        '<metadataType name="XLDAPR" minSupportedVersion="120000" cellMeta="1"/></metadataTypes>'
        '<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext uri="{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}">'
        '<xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/></ext></extLst></bk></futureMetadata>'
        '<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
    )
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c>{{}}</row>' for n in (1, 2, 3))
    cells = rows.format(
        '<c r="C1" cm="1"><f t="array" ref="C1:C3">A1:A3*2</f><v>2</v></c>',
        '<c r="C2"><v>4</v></c>',
        '<c r="C3"><v>6</v></c>',
    )
    parts = workbook_parts({"Sheet1": cells})
    links = {"rId1": ("worksheet", "worksheets/sheet1.xml"), "meta": ("sheetMetadata", "metadata.xml")}
    parts |= {"xl/metadata.xml": metadata.encode(), "xl/_rels/workbook.xml.rels": relationships(links)}
    return save(path, parts)


# ---- the saved file ----------------------------------------------------------------------------


def test_where_a_shared_formulas_first_cell_is_overwritten_the_others_keep_theirs(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f t="shared" ref="B1:B3" si="0">A1*2</f><v>2</v></c></row>'
        '<row r="2"><c r="A2"><v>2</v></c><c r="B2"><f t="shared" si="0"/><v>4</v></c></row>'
        '<row r="3"><c r="A3"><v>3</v></c><c r="B3"><f t="shared" si="0"/><v>6</v></c></row>'
    )
    plain = save_rows(tmp_path / "plain.xlsx", rows)
    source = 'Sub test()\nRange("B1").Value = 9\nEnd Sub'
    workbook = sheetml.open(with_macros(plain, tmp_path / "shared.xlsm", [Module("Module1", source)]))
    workbook.macros.run("test")
    again = saved(workbook, tmp_path / "out.xlsm")
    assert [again["Sheet"].formula(cell) for cell in ("B1", "B2", "B3")] == [None, "A2*2", "A3*2"]
    again["Sheet"]["A3"] = 10
    again.calculate()
    assert again["Sheet"]["B1:B3"].tolist() == [[9], [4], [20]]


def test_the_calculation_chain_goes_with_the_formulas_it_lists(tmp_path: Path) -> None:
    source = macro_workbook(tmp_path / "graddesc.xlsm")
    workbook = sheetml.open(source)
    host = workbook.macros.host
    workbook.calculate()
    host.sheets[3].get_range("C4").set_value(5)
    workbook.save(tmp_path / "out.xlsm")
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(tmp_path / "out.xlsm") as after:
        assert set(before.namelist()) - set(after.namelist()) == {"xl/calcChain.xml"}
        assert b"calcChain" not in after.read("[Content_Types].xml") + after.read("xl/_rels/workbook.xml.rels")
        same = set(after.namelist()) - {"[Content_Types].xml", "xl/_rels/workbook.xml.rels"}
        changed = {name for name in same if before.read(name) != after.read(name)}
    assert all(re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name) for name in changed)
    assert "xl/worksheets/sheet4.xml" in changed


def test_without_new_formulas_the_calculation_chain_stays(tmp_path: Path) -> None:
    workbook = sheetml.open(macro_workbook(tmp_path / "graddesc.xlsm"))
    workbook.macros.run("momentum.onestep")
    workbook.save(tmp_path / "out.xlsm")
    with zipfile.ZipFile(tmp_path / "out.xlsm") as after:
        assert "xl/calcChain.xml" in after.namelist()


EVERYTHING = '''
Sub test()
    Range("D1:D3").Formula = "=A1^2+$B$1"
    Range("E1").FormulaR1C1 = "=SUM(R1C4:R3C4)"
    Range("D1:D3").Copy Range("F5:F7")
    Range("B2").Value = Range("B2").Value
    Range("G1").Value = "text < & > ""quoted"""
    Range("G2").Formula = "=IF(A1<2,""<&>"",MAXIFS(A1:A3,A1:A3,""<3""))"
    Range("C1").ClearContents
    Range("A10:A12").Formula = "=ROW()&"" rows"""
    Worksheets("Other").Range("A1").Formula = "=Sheet1!E1*2"
End Sub
'''


def test_libreoffice_agrees_with_the_written_formulas_and_values(tmp_path: Path) -> None:
    workbook = sheetml.open(written(tmp_path / "book.xlsm", EVERYTHING, SUMS, Other={}))
    workbook.macros.run("test")
    workbook.save(tmp_path / "out.xlsm")
    values = libreoffice.recalculated(tmp_path / "out.xlsm")
    assert libreoffice.disagreements(tmp_path / "out.xlsm", values) == []
    assert values["Sheet1"]["E1"] == workbook["Sheet1"]["E1"] == 20
    assert values["Sheet1"]["G1"] == 'text < & > "quoted"'
    assert values["Other"]["A1"] == 40
    opened: Any = openpyxl.load_workbook(tmp_path / "out.xlsm", keep_vba=True)
    assert opened["Sheet1"]["F6"].value == "=C6^2+$B$1"


def test_libreoffice_opens_the_macro_workbook_and_agrees_after_a_run(tmp_path: Path) -> None:
    workbook = sheetml.open(macro_workbook(tmp_path / "graddesc.xlsm"))
    for macro in ("basic.somesteps", "momentum.somesteps", "adam.somesteps", "eve.somesteps", "annealing.somesteps"):
        workbook.macros.run(macro)
    workbook.save(tmp_path / "out.xlsm")
    volatile = {f"data!{column}{row}" for column in "ABC" for row in range(1, 60)}
    assert libreoffice.disagreements(tmp_path / "out.xlsm", left_out=volatile) == []


def test_a_workbook_can_be_written_and_read_again_many_times(tmp_path: Path) -> None:
    source = 'Sub test()\nn = Range("A1").End(xlDown).Row\nCells(n + 1, 1).Formula = "=A" & n & "+1"\nEnd Sub'
    workbook = macro_book(source, {"A1": 1, "A2": "=A1+1"})
    for number in range(4):
        workbook.macros.run("test")
        workbook = saved(workbook, tmp_path / f"{number}.xlsm")
    assert workbook["Sheet1"]["A6"] == 6
    assert workbook["Sheet1"].formula("A6") == "A5+1"
