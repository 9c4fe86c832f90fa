"""Formulas that refer to other workbooks compute with the values that the file keeps of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest

import sheetml
from sheetml.xlsx.model import ErrorCode
from tests.reference import reference
from tests.xlsx.handmade import MAIN, RELATIONSHIPS, relationships, save, workbook_parts

OTHER = f"""<externalLink xmlns="{MAIN}"><externalBook xmlns:r="{RELATIONSHIPS}" r:id="rId1">
<sheetNames><sheetName val="Data"/><sheetName val="More"/><sheetName val="Last"/><sheetName val="Unread"/></sheetNames>
<definedNames><definedName name="rate" refersTo="=Data!$B$1"/><definedName name="both" refersTo="=Data!$A$1:$A$3"/>
<definedName name="far" refersTo="=OFFSET(Data!$A$1,1,0)"/><definedName name="local" refersTo="=More!$A$1" sheetId="1"/>
</definedNames><sheetDataSet>
<sheetData sheetId="0"><row r="1"><cell r="A1"><v>10</v></cell><cell r="B1"><v>0.5</v></cell></row>
<row r="2"><cell r="A2"><v>20</v></cell><cell r="B2" t="str"><v>two</v></cell></row>
<row r="3"><cell r="A3"><v>30</v></cell><cell r="B3" t="e"><v>#N/A</v></cell></row></sheetData>
<sheetData sheetId="1"><row r="1"><cell r="A1"><v>7</v></cell></row></sheetData>
<sheetData sheetId="2"><row r="1"><cell r="A1"><v>100</v></cell></row></sheetData>
</sheetDataSet></externalBook></externalLink>"""


def opened(tmp_path: Path, formulas: dict[str, str], stored: str = "") -> sheetml.Workbook:
    """A workbook with 2 in A1 and formulas in column B; without `stored` values, so that each must be computed."""
    kept = f"<v>{stored}</v>" if stored else ""
    rows = '<row r="1"><c r="A1"><v>2</v></c></row>'
    for address, formula in formulas.items():
        rows += f'<row r="{int(address[1:])}"><c r="{address}"><f>{escape(formula)}</f>{kept}</c></row>'
    parts = workbook_parts({"Sheet1": rows}, names='<definedName name="theirs">[1]Data!$A$2</definedName>')
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b"<definedNames>", b'<externalReferences><externalReference r:id="x"/></externalReferences><definedNames>'
    )
    parts["xl/_rels/workbook.xml.rels"] = relationships(
        {"rId1": ("worksheet", "worksheets/sheet1.xml"), "x": ("externalLink", "externalLinks/one.xml")}
    )
    parts["xl/externalLinks/one.xml"] = OTHER.encode()
    parts["xl/externalLinks/_rels/one.xml.rels"] = relationships(
        {"rId1": ("externalLinkPath", "folder/other%20book.xlsx")}, mode=' TargetMode="External"'
    )
    return sheetml.open(save(tmp_path / "book.xlsx", parts))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("[1]Data!A1*A1", 20.0),
        ("SUM([1]Data!$A$1:$A$3)", 60.0),
        ("SUM([1]Data!$A:$A)", 60.0),
        ("VLOOKUP(20,[1]Data!$A$1:$B$3,A1,FALSE)", "two"),
        ("MATCH(30,[1]Data!$A:$A,0)", 3.0),
        ('SUMIF([1]Data!$A$1:$A$3,">15")', 50.0),
        ("SUMPRODUCT([1]Data!$A$1:$A$3*2)", 120.0),
        ("OFFSET([1]Data!$A$1,A1,0)", 30.0),
        ("INDEX([1]Data!$A:$A,A1)", 20.0),
        ("[1]Data!B3", ErrorCode.NA),
        ("[1]!rate*A1", 1.0),
        ("SUM([1]!both)", 60.0),
        ("[1]!far+A1", 22.0),
        ("[1]More!local", 7.0),
        ("SUM([1]More:Last!A1)", 107.0),
        ("'[other book.xlsx]Data'!$A$1", 10.0),
        ("theirs+1", 21.0),
        ("SUBTOTAL(9,[1]Data!$A$1:$A$3)", 60.0),
        ("[1]Data!Z9&A1", "2"),
        ("SHEETS()", 1.0),
    ],
)
def test_every_function_takes_the_kept_values(tmp_path: Path, formula: str, value: Any) -> None:
    workbook = opened(tmp_path, {"B2": formula})
    workbook.calculate()
    assert workbook.problems == {}
    assert workbook["Sheet1"]["B2"] == value


def test_a_changed_input_is_computed_with_them_and_differentiated_through_them(tmp_path: Path) -> None:
    workbook = opened(tmp_path, {"B2": "[1]Data!A1*A1^2", "B3": "SUM([1]Data!$A$1:$A$3)*A1"})
    workbook["Sheet1"]["A1"] = 3.0
    workbook.calculate()
    assert (workbook["Sheet1"]["B2"], workbook["Sheet1"]["B3"]) == (90.0, 180.0)
    f = workbook.function("Sheet1!A1", ["Sheet1!B2", "Sheet1!B3"])
    assert np.allclose(f.jacobian(np.array([2.0]))[:, 0], [40.0, 60.0])


MISSING = {
    "B2": "[1]Unread!A1+A1",
    "B3": "[1]Nowhere!A1+A1",
    "B4": "[1]!unknown*A1",
    "B5": "[2]Data!A1+A1",
    "B6": 'INDIRECT("[other book.xlsx]Data!A"&A1)',
    "B7": "IFERROR([1]Unread!A1,0)+A1",
    "B8": "SUM([1]!Table1[a])+A1",
}


def test_what_is_not_kept_is_named_and_its_cell_keeps_its_value_until_something_it_reads_moves(tmp_path: Path) -> None:
    workbook = opened(tmp_path, MISSING, stored="77")
    workbook.calculate()
    sheet = workbook["Sheet1"]
    assert [sheet[cell] for cell in MISSING] == [77.0] * len(MISSING)
    assert list(workbook.problems) == [f"Sheet1!{cell}" for cell in MISSING]
    assert workbook.changes() == {}
    sheet["A1"] = 3.0
    workbook.calculate()
    assert [sheet[cell] for cell in MISSING] == [ErrorCode.UNCOMPUTABLE] * len(MISSING)


def test_nothing_changes_while_nothing_changed(tmp_path: Path) -> None:
    # Excel stored what it computed when the other workbook was open, and does not ask again
    formulas = {"B2": "SUM([1]Data!$A$1:$A$3)", "B3": "IFERROR([1]Data!A1,0)*A1", "B4": "B2+1"}
    workbook = opened(tmp_path, {cell: formulas[cell] for cell in ("B2", "B3")}, stored="777")
    workbook.calculate(everything=True)
    assert workbook.changes() == {}
    workbook["Sheet1"]["A1"] = 3.0
    workbook.calculate()
    assert (workbook["Sheet1"]["B2"], workbook["Sheet1"]["B3"]) == (777.0, 30.0)


def test_another_workbooks_sheets_are_not_the_workbooks_own(tmp_path: Path) -> None:
    workbook = opened(tmp_path, {"B2": "[1]Data!A1"})
    workbook.calculate()
    assert workbook.sheet_names == ["Sheet1"] and len(workbook.worksheets) == 1
    workbook["Sheet1"]["C7"] = 1.0
    workbook.calculate()
    workbook.save(tmp_path / "saved.xlsx")
    again = sheetml.open(tmp_path / "saved.xlsx")
    assert (again["Sheet1"]["B2"], again["Sheet1"]["C7"]) == (10.0, 1.0)
    again.calculate(everything=True)
    assert again.changes() == {}


@pytest.mark.parametrize("name", ["poi/ref2-56737.xlsx", "poi/ref-56737.xlsx", "closedxml/external-refs.xlsx"])
def test_real_workbooks_come_out_as_excel_stored_them(name: str) -> None:
    workbook = sheetml.open(reference("corpus", *name.split("/")))
    stored = [workbook.calculation.stored_value(slot) for slot in range(1, workbook.calculation.count)]
    formulas = workbook.calculation.is_formula(np.arange(workbook.calculation.count))
    workbook.calculation.original.clear(np.nonzero(formulas)[0])  # nothing to fall back on
    workbook.calculate(everything=True)
    assert [workbook.calculation.value(slot) for slot in range(1, workbook.calculation.count)] == stored
