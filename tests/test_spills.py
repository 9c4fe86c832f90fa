"""Arrays that spill are saved as they are: their area and their cells follow a result that grows or shrinks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import sheetml
from sheetml.xlsx.cell_changes import ArrayResult
from sheetml.xlsx.model import Area, ErrorCode
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.writer import write_workbook
from tests.xlsx.handmade import save, with_dynamic_arrays, workbook_parts

PART = "xl/worksheets/sheet1.xml"


def spilling(path: Path, formula: str, size: int, blocked: bool = False) -> Path:
    """1 to 6 in column A, a threshold in E1, what spills from C1 over so many rows (7 each), and their sum in G1."""
    rows = []
    for row in range(1, 7):
        cells = f'<c r="A{row}"><v>{row}</v></c>'
        if row == 1:
            cells += f'<c r="C1" cm="1"><f t="array" ref="C1:C{size}">{formula}</f><v>7</v></c><c r="E1"><v>3</v></c>'
            cells += f'<c r="G1"><f>SUM(C1:C9)</f><v>{7 * size}</v></c>'
        elif row <= size:
            cells += f'<c r="C{row}" s="0"><v>7</v></c>'
        elif blocked and row == 6:
            cells += '<c r="C6" t="inlineStr"><is><t>here</t></is></c>'
        rows.append(f'<row r="{row}">{cells}</row>')
    return save(path, with_dynamic_arrays(workbook_parts({"Sheet": "".join(rows)})))


def filtering(path: Path, blocked: bool = False) -> Path:
    return spilling(path, "_xlfn._xlws.FILTER(A1:A6,A1:A6&gt;E1)", 3, blocked)


def part_of(path: Path) -> str:
    return zipfile.ZipFile(path).read(PART).decode()


@pytest.mark.parametrize("threshold", range(6))
def test_the_area_and_the_cells_follow_the_size_of_what_spills(threshold: int, tmp_path: Path) -> None:
    workbook = sheetml.open(filtering(tmp_path / "book.xlsx"))
    workbook["Sheet"]["E1"] = threshold
    workbook.calculate()
    workbook.save(tmp_path / "out.xlsx")
    (formula,) = [
        each for each in read_workbook(tmp_path / "out.xlsx").sheets[0].cells.formula.values() if each.dynamic
    ]
    assert formula.area == Area(1, 3, 6 - threshold, 3)
    again = sheetml.open(tmp_path / "out.xlsx")
    expected = [*range(threshold + 1, 7), *[None] * threshold]
    assert again["Sheet"]["C1:C6"].reshape(-1).tolist() == expected
    again.calculate()
    assert again["Sheet"]["C1:C6"].reshape(-1).tolist() == expected
    assert again["Sheet"]["G1"] == sum(range(threshold + 1, 7))
    assert again.changes() == {}


def test_what_cannot_spill_any_more_keeps_its_own_cell_only(tmp_path: Path) -> None:
    workbook = sheetml.open(filtering(tmp_path / "book.xlsx", blocked=True))
    workbook["Sheet"]["E1"] = 0
    workbook.calculate()
    assert workbook["Sheet"]["C1"] is ErrorCode.SPILL
    workbook.save(tmp_path / "out.xlsx")
    assert '<f t="array" ref="C1">' in part_of(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")
    again["Sheet"]["C6"] = None
    again.calculate()
    assert again["Sheet"]["C1:C6"].reshape(-1).tolist() == [1, 2, 3, 4, 5, 6]


def test_a_saved_workbook_in_which_nothing_changed_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    workbook = sheetml.open(spilling(tmp_path / "book.xlsx", "_xlfn.STOCKHISTORY(E1)", 4))
    workbook.calculate()
    assert "not supported" in workbook.problems["Sheet!C1"]
    assert workbook["Sheet"]["G1"] == 28
    workbook.save(tmp_path / "out.xlsx")
    assert part_of(tmp_path / "out.xlsx") == part_of(tmp_path / "book.xlsx")


def test_a_spilling_function_that_is_not_supported_says_so_in_all_its_cells_once_its_inputs_change(
    tmp_path: Path,
) -> None:
    workbook = sheetml.open(spilling(tmp_path / "book.xlsx", "_xlfn.STOCKHISTORY(E1)", 4))
    workbook["Sheet"]["E1"] = 4
    workbook.calculate()
    assert set(workbook["Sheet"]["C1:C4"].reshape(-1)) == {ErrorCode.UNCOMPUTABLE}
    assert workbook["Sheet"]["G1"] is ErrorCode.UNCOMPUTABLE
    workbook.save(tmp_path / "out.xlsx")
    assert 'ref="C1:C4"' in part_of(tmp_path / "out.xlsx")


@pytest.mark.parametrize(
    "formula",
    [
        '_xlfn.STOCKHISTORY("x",E1)', '_xlfn.VSTACK(A1:A2,_xlfn.STOCKHISTORY("x"))',
        '_xlfn.DROP(_xlfn.STOCKHISTORY("x"),E1)',
        '_xlfn.XLOOKUP(1,_xlfn.STOCKHISTORY("x"),A1:A3)', 'IFERROR(_xlfn.STOCKHISTORY("x"),E1)', "SEQUENCE(2000,2000)",
        'ROWS(_xlfn.STOCKHISTORY("x"))', "_xlfn._xlws.FILTER(A1:A6,NOSUCH(E1))", "_xlfn.SEQUENCE(NOSUCH(E1))",
    ],
)  # fmt: skip
def test_nothing_that_spilled_is_wiped_where_it_cannot_be_computed(formula: str, tmp_path: Path) -> None:
    workbook = sheetml.open(spilling(tmp_path / "book.xlsx", formula, 5))
    workbook.calculate(everything=True)
    assert workbook.problems and workbook.changes() == {}
    workbook.save(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")
    assert again["Sheet"]["C1:C6"].reshape(-1).tolist() == [7, 7, 7, 7, 7, None] and again["Sheet"]["G1"] == 35


def test_the_area_of_an_array_formula_can_be_asked_for(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f t="array" ref="A1:A4">123</f></c><c r="C1"><f>SUM(_xlfn.ANCHORARRAY(A1))</f></c></row>'
    )
    rows += '<row r="2"><c r="C2"><f>SUM(_xlfn.ANCHORARRAY(A2))</f></c></row>'
    workbook = sheetml.open(save(tmp_path / "book.xlsx", workbook_parts({"Sheet": rows})))
    workbook.calculate()
    assert (workbook["Sheet"]["C1"], workbook["Sheet"]["C2"]) == (492, ErrorCode.REF)


def test_an_external_formula_keeps_its_stored_value_byte_for_byte(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><f>[1]One!A1*2</f><v>0.30000000000000004</v></c><c r="B1"><f>A1</f><v>.3</v></c></row>'
    workbook = sheetml.open(save(tmp_path / "book.xlsx", workbook_parts({"Sheet": rows})))
    workbook.calculate()
    workbook.save(tmp_path / "out.xlsx")
    assert part_of(tmp_path / "out.xlsx") == part_of(tmp_path / "book.xlsx")


def test_a_changed_area_is_written_with_the_formula_otherwise_as_it_was(tmp_path: Path) -> None:
    file = read_workbook(filtering(tmp_path / "book.xlsx"))
    write_workbook(file, {0: {(1, 3): ArrayResult("text", Area(1, 3, 2, 4))}}, tmp_path / "out.xlsx")
    before, after = part_of(tmp_path / "book.xlsx"), part_of(tmp_path / "out.xlsx")
    assert after == before.replace('ref="C1:C3"', 'ref="C1:D2"').replace('cm="1"', 'cm="1" t="str"').replace(
        "</f><v>7</v>", "</f><v>text</v>"
    )


def test_an_area_is_not_written_where_there_is_no_array_formula(tmp_path: Path) -> None:
    file = read_workbook(filtering(tmp_path / "book.xlsx"))
    with pytest.raises(ValueError, match="D9: there is no array formula"):
        write_workbook(file, {0: {(9, 4): ArrayResult(1, Area(9, 4, 9, 5))}}, tmp_path / "out.xlsx")
