"""The reader finds in a workbook what Excel and other programs put there."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles.numbers import is_date_format
from openpyxl.utils.datetime import to_excel

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_text import parse_address, parse_area, unescape
from sheetml.xlsx.model import (
    Area,
    DataTable,
    DefinedName,
    ErrorCode,
    InputCell,
    Kind,
    WorkbookFile,
    cell_address,
    column_letters,
    column_number,
)
from sheetml.xlsx.reader import read_workbook
from tests.reference import reference, reference_files
from tests.xlsx.handmade import (
    MAIN,
    STRICT_MAIN,
    STRICT_RELATIONSHIPS,
    cell_values,
    relationships,
    save,
    save_rows,
    workbook_parts,
    worksheet,
)

EVERY_WORKBOOK = reference_files("workbooks/*.xlsx") + reference_files("functions/*.xlsx")


def read_cells(tmp_path: Path, rows: str, **options: str) -> dict[tuple[int, int], object]:
    return dict(cell_values(read_workbook(save_rows(tmp_path / "book.xlsx", rows, **options)).sheets[0].cells))


def formula_texts(file: WorkbookFile) -> dict[str, str]:
    cells = file.sheets[0].cells
    return {
        cell_address(int(cells.row[position]), int(cells.column[position])): formula.text
        for position, formula in cells.formula.items()
    }


# --- real workbooks ----------------------------------------------------------------------------


def test_collab_filter_has_its_formulas_names_and_table() -> None:
    file = read_workbook(reference("workbooks", "collab_filter.xlsx"))
    assert [sheet.name for sheet in file.sheets] == ["dotprod", "movielens_emb", "bias", "word_emb"]
    assert sum(len(sheet.cells.formula) for sheet in file.sheets) == 3_666
    assert cell_values(file.sheets[0].cells)[41, 22] == 2.8060620616483134
    assert len(file.names) == 81 and all(name.hidden for name in file.names)
    (table,) = file.tables
    assert (table.name, table.sheet, table.area) == ("Table1", 3, Area(25, 1, 39, 7))
    assert table.columns == ["Word id", "Vocab", "Embeddings", "1", "2", "3", "4"]
    assert (table.header_rows, table.totals_rows) == (1, 0)


def test_graddesc_has_its_formulas_and_local_names() -> None:
    file = read_workbook(reference("workbooks", "graddesc_without_macros.xlsx"))
    counts = {sheet.name: len(sheet.cells.formula) for sheet in file.sheets}
    assert counts.pop("data") == 58
    assert sum(counts.values()) == 2_307
    local = {(file.sheets[name.scope].name, name.name): name.text for name in file.names if name.scope is not None}
    assert local["adam", "lr"] == "adam!$D$2"
    assert local["momentum", "gradtarget"] == "momentum!#REF!"
    assert file.macro_parts == []


@pytest.mark.parametrize("name", EVERY_WORKBOOK)
def test_openpyxl_sees_the_same_values(name: str) -> None:
    path = reference(*name.split("/"))
    file = read_workbook(path)
    other = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for sheet in file.sheets:
        ours = {place: value for place, value in cell_values(sheet.cells).items() if value is not None}
        theirs = {
            (cell.row, cell.column): cell
            for row in other[sheet.name].iter_rows()
            for cell in row
            if cell.value is not None
        }
        for place, value in ours.items():
            cell = theirs.pop(place, None)
            if cell is None:  # openpyxl takes the empty text of a formula for no value
                assert value == ""
            else:
                assert_same_value(value, cell, f"{sheet.name}!{cell_address(*place)}")
        assert not theirs
    other.close()


def assert_same_value(ours: object, cell: openpyxl.cell.ReadOnlyCell, place: str) -> None:
    theirs = cell.value
    if isinstance(ours, ErrorCode):
        assert cell.data_type == "e", place
        # openpyxl does not look at the metadata that tells the newer errors apart
        assert ours >= ErrorCode.SPILL or theirs == openpyxl_error(ours), place
    elif isinstance(theirs, (datetime, date, time, timedelta)):
        assert is_date_format(cell.number_format), place
        assert ours == pytest.approx(to_excel(theirs), abs=1e-5) or theirs == time(0, 0), place
    elif isinstance(theirs, str):
        assert ours == unescape(theirs), place
    else:
        assert ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool), place


def openpyxl_error(code: ErrorCode) -> str:
    return {ErrorCode.DIV0: "#DIV/0!", ErrorCode.NA: "#N/A", ErrorCode.NAME: "#NAME?"}.get(code, f"#{code.name}!")


@pytest.mark.parametrize("name", EVERY_WORKBOOK)
def test_openpyxl_sees_the_same_formulas(name: str) -> None:
    path = reference(*name.split("/"))
    file = read_workbook(path)
    other = openpyxl.load_workbook(path, read_only=True)
    for sheet in file.sheets:
        cells = sheet.cells
        ours = {
            (int(cells.row[position]), int(cells.column[position])): formula
            for position, formula in cells.formula.items()
        }
        theirs = {
            (cell.row, cell.column): cell.value
            for row in other[sheet.name].iter_rows()
            for cell in row
            if cell.data_type == "f"
        }
        assert ours.keys() == theirs.keys()
        for place, formula in ours.items():
            if (formula.row, formula.column) == place:  # elsewhere openpyxl has moved the references
                stated = theirs[place]
                text = stated if isinstance(stated, str) else stated.text
                assert text.removeprefix("=") == formula.text


def test_the_newer_errors_are_read_from_the_metadata_behind_them() -> None:
    cells = read_workbook(reference("functions", "INFORMATION__ERROR.TYPE.xlsx")).sheets[0].cells
    values = cell_values(cells)
    # Excel stores #VALUE! in A8 and A14, and computed ERROR.TYPE of them in column B
    assert (values[8, 1], values[8, 2]) == (ErrorCode.CALC, 14)
    assert (values[14, 1], values[14, 2]) == (ErrorCode.SPILL, 9)


def test_formulas_that_spill_are_told_from_array_formulas_of_old() -> None:
    spilling = read_workbook(reference("functions", "MATH_AND_TRIGONOMETRY__SEQUENCE.xlsx")).sheets[0]
    assert any(formula.dynamic and formula.area for formula in spilling.cells.formula.values())
    old = read_workbook(reference("functions", "MATH_AND_TRIGONOMETRY__MMULT.xlsx"))
    areas = [f for sheet in old.sheets for f in sheet.cells.formula.values() if f.area]
    assert any(formula.dynamic for formula in areas)
    assert all(formula.area is not None for formula in areas if formula.dynamic)


# --- values ------------------------------------------------------------------------------------


def test_every_cell_type_is_read(tmp_path: Path) -> None:
    strings = (
        "<si><t>plain</t></si>"
        "<si><r><t>rich </t></r><r><rPr><b/></rPr><t>text</t></r><rPh sb='0' eb='1'><t>guide</t></rPh></si>"
    )
    row = (
        '<row r="1">'
        '<c r="A1"><v>1.5</v></c><c r="B1" t="n"><v>-2E-3</v></c>'
        '<c r="C1" t="s"><v>0</v></c><c r="D1" t="s"><v>1</v></c>'
        '<c r="E1" t="inlineStr"><is><t>in</t></is></c>'
        '<c r="F1" t="inlineStr"><is><r><t>li</t></r><r><t>ne</t></r></is></c>'
        '<c r="G1" t="str"><f>"x"</f><v>x</v></c>'
        '<c r="H1" t="b"><v>1</v></c><c r="I1" t="b"><v>0</v></c>'
        '<c r="J1" t="e"><v>#DIV/0!</v></c><c r="K1" t="e"><v>#BUSY!</v></c>'
        '<c r="L1" t="d"><v>2020-02-29T12:00:00</v></c>'
        '<c r="M1" t="str"><f>""</f><v></v></c>'
        "</row>"
    )
    assert list(read_cells(tmp_path, row, strings=strings).values()) == [
        1.5, -0.002, "plain", "rich text", "in", "line", "x", True, False,
        ErrorCode.DIV0, ErrorCode.UNKNOWN, 43890.5, "",
    ]  # fmt: skip


def test_cells_without_value_and_formula_are_not_stored(tmp_path: Path) -> None:
    row = (
        '<row r="1"><c r="A1" s="3"/><c r="B1"><v/></c><c r="C1" t="s"/><c r="D1" t="b"><v/></c>'
        '<c r="E1"><f/></c><c r="F1"><f>1+1</f></c></row><row r="2"/>'
    )
    assert read_cells(tmp_path, row) == {(1, 6): None}


def test_a_formula_without_a_last_value_has_a_blank_one(tmp_path: Path) -> None:
    file = read_workbook(save_rows(tmp_path / "book.xlsx", '<row r="1"><c r="A1"><f>1+1</f></c></row>'))
    cells = file.sheets[0].cells
    assert cells.kind.tolist() == [Kind.BLANK] and cells.formula[0].text == "1+1"


def test_places_left_unsaid_follow_from_the_neighbours(tmp_path: Path) -> None:
    rows = (
        "<row><c><v>1</v></c><c><v>2</v></c></row>"
        '<row r="5"><c r="C5"><v>3</v></c><c><v>4</v></c></row>'
        "<row><c><v>5</v></c></row>"
        '<row><c r="B9"><v>6</v></c></row>'
    )
    assert read_cells(tmp_path, rows) == {(1, 1): 1, (1, 2): 2, (5, 3): 3, (5, 4): 4, (6, 1): 5, (9, 2): 6}


def test_cells_out_of_order_are_sorted_with_their_text_and_formulas(tmp_path: Path) -> None:
    rows = (
        '<row r="2"><c r="B2" t="str"><f>b</f><v>second</v></c><c r="A2"><v>1</v></c></row>'
        '<row r="1"><c r="C1" t="str"><v>first</v></c></row>'
    )
    cells = read_workbook(save_rows(tmp_path / "book.xlsx", rows)).sheets[0].cells
    assert (cells.row.tolist(), cells.column.tolist()) == ([1, 2, 2], [3, 1, 2])
    assert cells.text == {0: "first", 2: "second"}
    assert {position: formula.text for position, formula in cells.formula.items()} == {2: "b"}
    assert (cells.row.dtype, cells.column.dtype) == (np.int32, np.int32)
    assert (cells.kind.dtype, cells.number.dtype) == (np.uint8, np.float64)


def test_escapes_of_characters_are_undone_once() -> None:
    assert unescape("a_x000D__x005F_x0041_") == "a\r_x0041_"
    assert unescape("_xD83D__xDE00_") == "\N{GRINNING FACE}"
    assert unescape("_xlfn _x12_ _xZZZZ_") == "_xlfn _x12_ _xZZZZ_"


def test_comments_and_cdata_within_a_value_do_not_cut_it(tmp_path: Path) -> None:
    row = (
        '<row r="1"><!-- a --><c r="A1"><v>1<!-- b -->2</v></c>'
        '<c r="B1" t="str"><v>a<![CDATA[<b>]]>c</v></c><?go?><c r="C1"><v> 3 </v></c></row>'
    )
    assert read_cells(tmp_path, row) == {(1, 1): 12, (1, 2): "a<b>c", (1, 3): 3}


@pytest.mark.parametrize(
    ("text", "serial", "serial_1904"),
    [
        ("1900-01-01", 1, None),
        ("1900-02-28", 59, None),
        ("1900-03-01", 61, None),
        ("1904-01-01", 1462, 0),
        ("2024-01-01T06:00:00Z", 45292.25, 43830.25),
        ("2024-01-01T06:00:00.000", 45292.25, 43830.25),
        ("18:00:00", 0.75, 0.75),
    ],
)
def test_dates_become_excels_serial_numbers(
    text: str, serial: float, serial_1904: float | None, tmp_path: Path
) -> None:
    row = f'<row r="1"><c r="A1" t="d"><v>{text}</v></c></row>'
    assert read_cells(tmp_path, row) == {(1, 1): serial}
    if serial_1904 is not None:
        assert read_cells(tmp_path, row, properties='<workbookPr date1904="1"/>') == {(1, 1): serial_1904}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_parts_may_be_in_any_usual_encoding(encoding: str, tmp_path: Path) -> None:
    sheet = (
        f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><x:worksheet xmlns:x="{MAIN}">'
        '<x:sheetData><x:row r="1"><x:c r="A1" t="str"><x:v>café</x:v></x:c></x:row></x:sheetData>'
        "</x:worksheet>"
    )
    path = save(tmp_path / "book.xlsx", workbook_parts({"Sheet": sheet.encode(encoding)}))
    assert cell_values(read_workbook(path).sheets[0].cells) == {(1, 1): "café"}


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    parts = workbook_parts(
        {"Sheet": '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'},
        strings="<si><t>strict</t></si>",
        names='<definedName name="here" localSheetId="0">Sheet!$A$1</definedName>',
        namespace=STRICT_MAIN,
        links=STRICT_RELATIONSHIPS,
    )
    file = read_workbook(save(tmp_path / "book.xlsx", parts))
    assert cell_values(file.sheets[0].cells) == {(1, 1): "strict"}
    assert [(name.name, name.scope) for name in file.names] == [("here", 0)]


# --- formulas ----------------------------------------------------------------------------------


def test_cells_that_share_a_formula_hold_the_masters_own(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="B1"><f t="shared" ref="B1:B3" si="0">A1*2</f><v>1</v></c></row>'
        '<row r="2"><c r="B2"><f t="shared" si="0"/><v>2</v></c></row>'
        '<row r="3"><c r="B3"><f t="shared" si="0"></f><v>3</v></c></row>'
    )
    formulas = read_workbook(save_rows(tmp_path / "book.xlsx", rows)).sheets[0].cells.formula
    assert formulas[0] is formulas[1] is formulas[2]
    assert (formulas[2].text, formulas[2].row, formulas[2].column) == ("A1*2", 1, 2)


def test_a_shared_cell_with_text_of_its_own_stands_alone_and_groups_may_start_anew(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A3" si="0">ONE</f></c></row>'
        '<row r="2"><c r="A2"><f t="shared" si="0">TWO</f></c></row>'
        '<row r="3"><c r="A3"><f t="shared" si="0"/></c></row>'
        '<row r="4"><c r="A4"><f t="shared" ref="A4:A5" si="0">FOUR</f></c></row>'
        '<row r="5"><c r="A5"><f t="shared" si="0"/></c></row>'
    )
    file = read_workbook(save_rows(tmp_path / "book.xlsx", rows))
    assert formula_texts(file) == {"A1": "ONE", "A2": "TWO", "A3": "ONE", "A4": "FOUR", "A5": "FOUR"}


def test_an_array_formula_stands_in_its_first_cell_and_the_others_hold_values(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f t="array" ref="A1:B2">C1:D2*2</f><v>1</v></c><c r="B1"><v>2</v></c></row>'
        '<row r="2"><c r="A2"><v>3</v></c><c r="B2"><v>4</v></c></row>'
    )
    cells = read_workbook(save_rows(tmp_path / "book.xlsx", rows)).sheets[0].cells
    assert cells.number.tolist() == [1, 2, 3, 4]
    (formula,) = cells.formula.values()
    assert formula.area == Area(1, 1, 2, 2) and not formula.dynamic


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ('dt2D="1" dtr="1" r1="B1" r2="B2"', "TABLE(B1,B2)"),
        ('dtr="1" r1="B1"', "TABLE(B1,)"),
        ('r1="B1"', "TABLE(,B1)"),
    ],
)
def test_a_what_if_table_is_a_formula_over_its_area(attributes: str, text: str, tmp_path: Path) -> None:
    row = f'<row r="4"><c r="C4"><f t="dataTable" ref="C4:C6" {attributes}/><v>1</v></c></row>'
    (formula,) = read_workbook(save_rows(tmp_path / "book.xlsx", row)).sheets[0].cells.formula.values()
    assert (formula.text, formula.area) == (text, Area(4, 3, 6, 3))


@pytest.mark.parametrize(
    ("attributes", "row_input", "column_input"),
    [
        ('dt2D="1" dtr="1" r1="B1" r2="B2"', InputCell(1, 2), InputCell(2, 2)),
        ('dt2D="1" r1="B1" r2="$B$2" del2="1"', InputCell(1, 2), InputCell(2, 2, deleted=True)),
        ('dt2D="0" dtr="1" r1="B1" del1="true"', InputCell(1, 2, deleted=True), None),
        ('dtr="0" r1="B1"', None, InputCell(1, 2)),
        ('r1="nowhere"', None, None),
    ],
)
def test_a_what_if_table_states_its_input_cells(
    attributes: str, row_input: InputCell | None, column_input: InputCell | None, tmp_path: Path
) -> None:
    row = f'<row r="4"><c r="C4"><f t="dataTable" ref="C4:C6" ca="1" {attributes}/><v>1</v></c></row>'
    (formula,) = read_workbook(save_rows(tmp_path / "book.xlsx", row)).sheets[0].cells.formula.values()
    assert formula.data_table == DataTable(Area(4, 3, 6, 3), row_input, column_input)
    assert formula.always


def test_formulas_say_whether_they_ask_to_be_computed_each_time(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f ca="1">B1</f><v>1</v></c><c r="B1"><f>1</f><v>1</v></c>'
        '<c r="C1"><f t="array" ref="C1:C2" aca="1" ca="true">B1:B2</f><v>1</v></c></row>'
    )
    found = read_workbook(save_rows(tmp_path / "book.xlsx", rows)).sheets[0].cells.formula.values()
    assert [(formula.always, formula.whole_array) for formula in found] == [(True, False), (False, False), (True, True)]


def test_an_equals_sign_before_a_formula_is_no_part_of_it(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1"><f>=SUM(B1)</f></c><c r="C1"><f t="array" ref="C1"> =B1</f></c>'
        '<c r="D1"><f t="shared" si="0" ref="D1:E1">=B1=1</f></c><c r="E1"><f t="shared" si="0"/></c></row>'
    )
    file = read_workbook(save_rows(tmp_path / "book.xlsx", rows))
    assert formula_texts(file) == {"A1": "SUM(B1)", "C1": "B1", "D1": "B1=1", "E1": "B1=1"}


def test_the_filters_in_force_are_told_from_those_of_custom_views(tmp_path: Path) -> None:
    column = '<filterColumn colId="0"><filters><filter val="1"/></filters></filterColumn>'
    view = f'<customSheetView guid="x"><autoFilter ref="D1:D9">{column}</autoFilter></customSheetView>'
    view = f"<customSheetViews>{view}</customSheetViews>"
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="3" hidden="1"/>'
    for inside, areas in ((column, [Area(1, 1, 9, 2)]), ("", [])):
        part = worksheet(rows, '<sheetPr filterMode="1"/>', f'<autoFilter ref="A1:B9">{inside}</autoFilter>{view}')
        (sheet,) = read_workbook(save(tmp_path / "book.xlsx", workbook_parts({"Sheet": part}))).sheets
        assert sheet.filters == areas and sheet.autofilter == Area(1, 1, 9, 2)
        assert sheet.filter_mode and sheet.hidden_rows == {3}
    (plain,) = read_workbook(
        save(tmp_path / "book.xlsx", workbook_parts({"Sheet": worksheet(rows, after=view)}))
    ).sheets
    assert plain.filters == [] and plain.autofilter is None and not plain.filter_mode


# --- what is wrong with a cell -----------------------------------------------------------------

WRONG_CELLS = {
    "text for a number": ('<c r="B2"><v>abc</v></c>', "cell B2: 'abc' is not a number"),
    "digits with an underscore": ('<c r="B2"><v>1_000</v></c>', "cell B2: '1_000' is not a number"),
    "digits of another script": ('<c r="B2"><v>١</v></c>', "cell B2: '١' is not a number"),
    "not a number": ('<c r="B2"><v>NaN</v></c>', "cell B2: its number is not one"),
    "a number beyond all": ('<c r="B2"><v>1E999</v></c>', "cell B2: its number is not one"),
    "a string that is not there": ('<c r="B2" t="s"><v>7</v></c>', "cell B2: '7' does not fit its type 's'"),
    "a negative string": ('<c r="B2" t="s"><v>-1</v></c>', "cell B2"),
    "a boolean of 7": ('<c r="B2" t="b"><v>7</v></c>', "cell B2: '7' does not fit its type 'b'"),
    "a date that is none": ('<c r="B2" t="d"><v>2021-02-30</v></c>', "cell B2"),
    "a date before all dates": ('<c r="B2" t="d"><v>1850-01-01</v></c>', "cell B2"),
    "an unknown type": ('<c r="B2" t="x"><v>1</v></c>', "cell B2: unknown cell type 'x'"),
    "an empty type": ('<c r="B2" t=""><v>1</v></c>', "cell B2: unknown cell type ''"),
    "a lost master": ('<c r="B2"><f t="shared" si="4"/></c>', "cell B2: shares formula '4'"),
    "a bad array area": ('<c r="B2"><f t="array" ref="B2:">1</f></c>', "cell B2: 'B2:' is not an area"),
    "a cell twice": ('<c r="B2"><v>1</v></c><c r="B2"><v>2</v></c>', "cell B2: the cell is stated twice"),
    "a cell of another row": ('<c r="B3"><v>1</v></c>', "'B3' is not a cell of row 2"),
    "a column too far": ('<c r="XFE2"><v>1</v></c>', "'XFE2' is not a cell of row 2"),
    "a place after the last": ('<c r="XFD2"><v>1</v></c><c><v>1</v></c>', "lies beyond Excel's limits"),
    "no address": ('<c r="?"><v>1</v></c>', "'?' is not a cell of row 2"),
}


@pytest.mark.parametrize("name", WRONG_CELLS)
def test_a_wrong_cell_is_refused_with_file_sheet_and_place(name: str, tmp_path: Path) -> None:
    content, fragment = WRONG_CELLS[name]
    path = save_rows(tmp_path / "book.xlsx", f'<row r="2">{content}</row>')
    with pytest.raises(WorkbookError) as caught:
        read_workbook(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, sheet 'Sheet'")
    assert fragment in message and message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("row", ["0", "1048577", "-1", "x", "99999999999999999999"])
def test_a_row_beyond_excels_limits_is_refused(row: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="lies beyond Excel's limits"):
        read_workbook(save_rows(tmp_path / "book.xlsx", f'<row r="{row}"><c><v>1</v></c></row>'))


def test_a_row_stated_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="stated twice"):
        read_workbook(save_rows(tmp_path / "book.xlsx", '<row r="3"/><row r="3"><c><v>1</v></c></row>'))


# --- the workbook ------------------------------------------------------------------------------


def test_local_names_belong_to_the_right_sheet_though_a_chart_sheet_stands_before(tmp_path: Path) -> None:
    parts = workbook_parts(
        {"Chart": worksheet(""), "First": "", "Second": ""},
        names=(
            '<definedName name="a" localSheetId="0">1</definedName>'
            '<definedName name="b" localSheetId="1">2</definedName>'
            '<definedName name="c" localSheetId="2" hidden="1"> 3 </definedName>'
            '<definedName name="d">4</definedName>'
        ),
    )
    targets = {
        "rId1": ("chartsheet", "worksheets/sheet1.xml"),
        "rId2": ("worksheet", "worksheets/sheet2.xml"),
        "rId3": ("worksheet", "worksheets/sheet3.xml"),
    }
    parts["xl/_rels/workbook.xml.rels"] = relationships(targets)
    file = read_workbook(save(tmp_path / "book.xlsx", parts))
    assert [sheet.name for sheet in file.sheets] == ["First", "Second"]
    assert file.other_sheets == ["Chart"]
    assert [(n.name, n.text, n.scope, n.hidden) for n in file.names] == [
        ("b", "2", 0, False),
        ("c", "3", 1, True),
        ("d", "4", None, False),
    ]


def with_second_sheet(tmp_path: Path, entry: str, links: dict[str, tuple[str, str]]) -> WorkbookFile:
    """A workbook whose second sheet, of three, is listed by this entry."""
    names = '<definedName name="last" localSheetId="2">Last!$A$1</definedName>'
    parts = workbook_parts({"First": "", "Last": ""}, names=names)
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b'<sheet name="Last"', f'{entry}<sheet name="Last"'.encode()
    )
    targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in (1, 2)}
    parts["xl/_rels/workbook.xml.rels"] = relationships(targets | links)
    return read_workbook(save(tmp_path / "book.xlsx", parts))


@pytest.mark.parametrize(
    ("key", "links"),
    [
        ("", {}),  # the module sheets of old macros
        ("x", {"x": ("xlMacrosheet", "macrosheets/sheet1.xml")}),
        ("x", {"x": ("dialogsheet", "dialogsheets/sheet1.xml")}),
    ],
)
def test_a_sheet_that_holds_no_cells_needs_no_part(key: str, links: dict[str, tuple[str, str]], tmp_path: Path) -> None:
    file = with_second_sheet(tmp_path, f'<sheet name="Old" sheetId="9" r:id="{key}"/>', links)
    assert [sheet.name for sheet in file.sheets] == ["First", "Last"] and file.other_sheets == ["Old"]
    assert file.names == [DefinedName("last", "Last!$A$1", scope=1)]


@pytest.mark.parametrize(
    ("entry", "links"),
    [
        ('<sheet name="Old" sheetId="9" r:id="x"/>', {"x": ("worksheet", "worksheets/sheet9.xml")}),
        ('<sheet name="Old" sheetId="9" r:id="nowhere"/>', {}),
        ('<sheet name="Old" sheetId="9"/>', {}),
    ],
)
def test_a_worksheet_whose_part_is_missing_is_refused(
    entry: str, links: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    with pytest.raises(WorkbookError, match="the part of sheet 'Old' is missing"):
        with_second_sheet(tmp_path, entry, links)


def test_the_strings_of_excel_2007s_beta_are_read(tmp_path: Path) -> None:
    namespace = "http://schemas.microsoft.com/office/excel/2006/2"
    parts = workbook_parts(
        {"Sheet": '<row r="1"><c r="A1" t="s"><v>1</v></c></row>'},
        strings="<sstItem><t>no</t></sstItem><sstItem><t>yes</t></sstItem>",
        namespace=namespace,
    )
    assert read_workbook(save(tmp_path / "book.xlsx", parts)).sheets[0].cells.text == {0: "yes"}


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [
        ("", (100, 0.001, True)),
        ('<calcPr iterateCount="7" iterateDelta="1E-4" fullPrecision="0"/>', (7, 1e-4, False)),
        ('<calcPr iterateCount="0" iterateDelta="-1" fullPrecision="1"/>', (100, 0.001, True)),
        ('<calcPr iterateCount="99999999999" iterateDelta="nan" fullPrecision="false"/>', (100, 0.001, False)),
        ('<calcPr iterateCount="x" iterateDelta="INF"/>', (100, 0.001, True)),
    ],
)
def test_how_to_iterate_and_how_precisely_is_read(
    calculation: str, expected: tuple[int, float, bool], tmp_path: Path
) -> None:
    file = read_workbook(save_rows(tmp_path / "book.xlsx", "", calculation=calculation))
    assert (file.iterate_count, file.iterate_delta, file.full_precision) == expected


def test_a_name_of_a_sheet_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    names = '<definedName name="a" localSheetId="1">1</definedName>'
    with pytest.raises(WorkbookError, match="the name 'a' belongs to no sheet"):
        read_workbook(save_rows(tmp_path / "book.xlsx", "", names=names))


def test_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="two sheets named 'DATA'"):
        read_workbook(save(tmp_path / "book.xlsx", workbook_parts({"data": "", "DATA": ""})))


def test_settings_of_the_workbook_are_read(tmp_path: Path) -> None:
    path = save_rows(
        tmp_path / "book.xlsx",
        "",
        properties='<workbookPr date1904="true"/>',
        calculation='<calcPr iterate="1"/>',
    )
    file = read_workbook(path)
    assert file.date_1904 and file.iterate
    plain = read_workbook(save_rows(tmp_path / "plain.xlsx", ""))
    assert not plain.date_1904 and not plain.iterate


def test_a_macro_part_is_found_by_its_relationship_or_its_content_type(tmp_path: Path) -> None:
    parts = workbook_parts({"Sheet": ""}) | {"xl/vbaProject.bin": b"", "xl/other.bin": b""}
    parts["xl/_rels/workbook.xml.rels"] = relationships(
        {"rId1": ("worksheet", "worksheets/sheet1.xml"), "v": ("vbaProject", "vbaProject.bin")}
    )
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>",
        b'<Override PartName="/xl/other.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>',
    )
    file = read_workbook(save(tmp_path / "book.xlsm", parts))
    assert file.macro_parts == ["xl/vbaProject.bin", "xl/other.bin"]


def test_tables_state_their_rows_and_their_columns_names_in_plain_text(tmp_path: Path) -> None:
    table = (
        f'<table xmlns="{MAIN}" id="1" name="T" displayName="Sales" ref="B2:C9" headerRowCount="0" '
        'totalsRowCount="1"><tableColumns count="2"><tableColumn id="1" name="Two_x000a_lines"/>'
        '<tableColumn id="2" name="a &amp; b"/></tableColumns></table>'
    )
    parts = workbook_parts({"Sheet": ""}) | {
        "xl/worksheets/_rels/sheet1.xml.rels": relationships({"t": ("table", "../tables/table1.xml")}),
        "xl/tables/table1.xml": table.encode(),
    }
    (found,) = read_workbook(save(tmp_path / "book.xlsx", parts)).tables
    assert (found.name, found.area, found.columns) == ("Sales", Area(2, 2, 9, 3), ["Two\nlines", "a & b"])
    assert (found.header_rows, found.totals_rows) == (0, 1)


def test_hidden_sheets_are_known_to_be_hidden(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("hidden").sheet_state = "hidden"
    book.create_sheet("very hidden").sheet_state = "veryHidden"
    book.save(tmp_path / "book.xlsx")
    file = read_workbook(tmp_path / "book.xlsx")
    assert [sheet.visible for sheet in file.sheets] == [True, False, False]


# --- addresses ---------------------------------------------------------------------------------


@given(st.integers(1, 1_048_576), st.integers(1, 16_384))
def test_an_address_reads_back_as_the_place_it_was_made_from(row: int, column: int) -> None:
    assert parse_address(cell_address(row, column)) == (row, column)
    assert column_number(column_letters(column).lower()) == column


@pytest.mark.parametrize("text", ["A0", "A1048577", "XFE1", "ABCD1", "1A", "A", "", "A1:B2", "Ａ1"])
def test_what_is_no_address_is_not_taken_for_one(text: str) -> None:
    assert parse_address(text) is None


def test_an_area_is_the_same_whichever_corners_name_it() -> None:
    assert parse_area("B9:A2") == parse_area("$A$2:$B$9") == Area(2, 1, 9, 2)
    assert parse_area("C3") == Area(3, 3, 3, 3)
    assert parse_area("A:A") is None
