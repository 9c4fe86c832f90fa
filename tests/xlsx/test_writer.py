"""The writer changes the values it is given, and not a byte more."""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import sheetml
from sheetml.errors import WorkbookError
from sheetml.xlsx import writer as writer_module
from sheetml.xlsx.cell_metadata import read_metadata
from sheetml.xlsx.cell_text import parse_address
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, ErrorCode, cell_address
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.sheet_patch import SheetPatch, number_text
from sheetml.xlsx.writer import CellValue, area_changes, write_workbook
from tests.reference import reference, reference_files
from tests.xlsx.handmade import (
    MAIN,
    cell_values,
    save,
    save_rows,
    with_dynamic_arrays,
    workbook_parts,
    worksheet,
)

EVERY_WORKBOOK = reference_files("workbooks/*.xlsx") + reference_files("functions/*.xlsx")
SHEET = "xl/worksheets/sheet1.xml"

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
texts = st.text(max_size=40) | st.text("_x00D41 \r\n\t<&>]\"'", max_size=12)
old_errors = st.sampled_from([code for code in ErrorCode if code < ErrorCode.SPILL])
values = st.one_of(numbers, texts, st.booleans(), old_errors, st.none())
near = st.tuples(st.integers(1, 9), st.integers(1, 9))
anywhere = st.tuples(st.integers(1, MAX_ROWS), st.integers(1, MAX_COLUMNS))
changes_of_a_sheet = st.dictionaries(near | anywhere, values, max_size=25)

MIXED_ROWS = (
    '<row r="2" spans="2:4"><c r="B2" s="1"><v>1</v></c><c r="D2" t="s"><v>0</v></c></row>\n'
    '<row r="3"><c r="A3" t="str"><f>B2&amp;"x"</f><v>1x</v></c><c r="C3"><f>B2*2</f></c></row>'
    '<row r="4"/><!-- <row r="5"> -->'
    '<row><c><v>5</v></c><c t="inlineStr"><is><t>in</t></is></c><c t="b"><v>1</v></c></row>'
    '<row r="7"><c r="C7"><f t="array" ref="C7:C8">B2:B3</f><v>1</v></c><c r="E7" s="2"/></row>'
    '<row r="8"><c r="C8" t="e"><v>#N/A</v></c></row>'
)


def mixed_workbook(path: Path) -> Path:
    return save_rows(path, MIXED_ROWS, strings="<si><t>shared</t></si>")


def typed(value: object) -> tuple[str, object]:
    """A value with its kind, so that 1, True and #NULL! differ; all numbers are floats."""
    if isinstance(value, (bool, str, ErrorCode)):
        return type(value).__name__, value
    return "number", float(value)  # type: ignore[arg-type]


def stored(cells: dict[tuple[int, int], CellValue]) -> dict[tuple[int, int], tuple[str, object]]:
    return {place: typed(value) for place, value in cells.items() if value is not None}


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {info.filename: package.read(info) for info in package.infolist()}


def patched(rows: str, changes: dict[tuple[int, int], CellValue]) -> str:
    """The rows of a sheet after the changes."""
    data = SheetPatch(worksheet(rows), MAIN, changes).apply().decode()
    match = re.search(r"<sheetData>(.*)</sheetData>", data, re.DOTALL)
    assert match is not None
    return match[1]


# --- values come back --------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(changes=changes_of_a_sheet)
def test_what_is_written_is_read_back_and_all_else_is_unchanged(
    changes: dict[tuple[int, int], CellValue], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("write")
    file = read_workbook(mixed_workbook(folder / "in.xlsx"))
    write_workbook(file, {0: changes}, folder / "out.xlsx")
    again = read_workbook(folder / "out.xlsx")

    before, after = file.sheets[0].cells, again.sheets[0].cells
    assert stored(cell_values(after)) == stored(cell_values(before) | changes)
    assert [formula.text for formula in after.formula.values()] == [formula.text for formula in before.formula.values()]
    old, new = entries(folder / "in.xlsx"), entries(folder / "out.xlsx")
    assert list(old) == list(new)
    assert all(new[part] == old[part] for part in old if part != SHEET)
    assert_rows_and_cells_in_order(new[SHEET])


def assert_rows_and_cells_in_order(part: bytes) -> None:
    root = etree.fromstring(part)
    rows = [int(row.get("r")) for row in root.iter("{*}row") if row.get("r")]
    assert rows == sorted(set(rows))
    for row in root.iter("{*}row"):
        columns = [parse_address(cell.get("r")) for cell in row if cell.get("r")]
        assert columns == sorted(columns, key=lambda place: place or (0, 0))


@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(near, numbers | st.booleans() | st.text("abc é€\N{GRINNING FACE}\n<&", min_size=1)))
def test_openpyxl_reads_what_was_written(
    changes: dict[tuple[int, int], CellValue], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("write")
    book = openpyxl.Workbook()
    for row in ([1, "two", True], [], [None, "=A1*2", 3.5]):
        book.active.append(row)
    book.save(folder / "in.xlsx")
    write_workbook(read_workbook(folder / "in.xlsx"), {0: changes}, folder / "out.xlsx")
    sheet = openpyxl.load_workbook(folder / "out.xlsx", read_only=True, data_only=True).active
    seen = {(cell.row, cell.column): cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None}
    for place, value in changes.items():
        assert typed(seen[place]) == typed(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_numbers_text_is_the_shortest_that_reads_back_as_the_same(number: float) -> None:
    text = number_text(number)
    assert float(text) == number
    assert not text.endswith(".0")
    assert len(text) <= len(repr(number))


@pytest.mark.parametrize(
    ("value", "text"),
    [(5.0, "5"), (0.1, "0.1"), (-0.0, "0"), (1e300, "1e+300"), (np.float64(2.5), "2.5"), (np.int64(7), "7")],
)
def test_numbers_are_written_as_plainly_as_they_can_be(value: float, text: str) -> None:
    assert number_text(value) == text


# --- bytes stay --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY_WORKBOOK)
def test_writing_without_changes_keeps_every_part_and_entry(name: str, tmp_path: Path) -> None:
    source, target = reference(*name.split("/")), tmp_path / "out.xlsx"
    write_workbook(read_workbook(source), {}, target)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target) as new:
        assert new.testzip() is None and new.comment == old.comment
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            for attribute in (
                "filename",
                "date_time",
                "compress_type",
                "external_attr",
                "create_system",
                "comment",
            ):
                assert getattr(before, attribute) == getattr(after, attribute)
            assert old.read(before) == new.read(after)


@pytest.mark.parametrize("name", EVERY_WORKBOOK)
def test_writing_the_values_that_a_workbook_has_changes_no_number_formula_or_part(name: str, tmp_path: Path) -> None:
    source, target = reference(*name.split("/")), tmp_path / "out.xlsx"
    file = read_workbook(source)
    write_workbook(file, {n: cell_values(sheet.cells) for n, sheet in enumerate(file.sheets)}, target)
    again = read_workbook(target)
    for before, after in zip(file.sheets, again.sheets, strict=True):
        assert stored(cell_values(before.cells)) == stored(cell_values(after.cells))
        assert [f.text for f in before.cells.formula.values()] == [f.text for f in after.cells.formula.values()]
    old, new = entries(source), entries(target)
    sheets = {sheet.part for sheet in file.sheets}
    assert all(new[part] == old[part] for part in old if part not in sheets)
    for part in sheets:
        if b't="s"' not in old[part]:  # shared strings become strings of the cell
            assert without_values(new[part]) == without_values(old[part])


def without_values(part: bytes) -> bytes:
    return re.sub(rb"<v[^>]*>[^<]*</v>", b"", part)


def test_changing_one_cell_of_a_real_workbook_changes_only_its_own_bytes(tmp_path: Path) -> None:
    source, target = reference("workbooks", "collab_filter.xlsx"), tmp_path / "out.xlsx"
    write_workbook(read_workbook(source), {0: {(41, 22): 0.392900790875}}, target)
    old, new = entries(source), entries(target)
    assert new[SHEET] == old[SHEET].replace(b"<v>2.8060620616483134</v>", b"<v>0.392900790875</v>")
    assert {part for part in old if old[part] != new[part]} == {SHEET}


PATCHES: dict[str, tuple[str, dict[tuple[int, int], CellValue], str]] = {
    "a number for a number": (
        '<row r="1"><c r="A1" s="4"><v>1</v></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1" s="4"><v>2</v></c></row>',
    ),
    "a number in other digits stays": (
        '<row r="1"><c r="A1"><v>0.10000000000000001</v></c></row>', {(1, 1): 0.1},
        '<row r="1"><c r="A1"><v>0.10000000000000001</v></c></row>',
    ),
    "a text for a number": (
        '<row r="1"><c r="A1" s="4"><v>1</v></c></row>', {(1, 1): "a<b"},
        '<row r="1"><c r="A1" s="4" t="inlineStr"><is><t xml:space="preserve">a&lt;b</t></is></c></row>',
    ),
    "a number for a shared string": (
        '<row r="1"><c r="A1" t="s" s="4"><v>0</v></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1" s="4"><v>2</v></c></row>',
    ),
    "a boolean for an inline string": (
        '<row r="1"><c r="A1" t="inlineStr" s="4"><is><t>x</t></is></c></row>', {(1, 1): True},
        '<row r="1"><c r="A1" t="b" s="4"><v>1</v></c></row>',
    ),
    "an error as a formula's value": (
        '<row r="1"><c r="A1"><f>1/B1</f><v>2</v></c></row>', {(1, 1): ErrorCode.DIV0},
        '<row r="1"><c r="A1" t="e"><f>1/B1</f><v>#DIV/0!</v></c></row>',
    ),
    "a text as a formula's value": (
        '<row r="1"><c r="A1"><f ca="1">B1&amp;" "</f><v>2</v></c></row>', {(1, 1): "x "},
        '<row r="1"><c r="A1" t="str"><f ca="1">B1&amp;" "</f><v xml:space="preserve">x </v></c></row>',
    ),
    "a formula without a value": (
        '<row r="1"><c r="A1"><f>B1</f></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1"><f>B1</f><v>2</v></c></row>',
    ),
    "a formula with an empty value": (
        '<row r="1"><c r="A1"><f>B1</f><v/></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1"><f>B1</f><v>2</v></c></row>',
    ),
    "an empty shared formula": (
        '<row r="1"><c r="A1"><f t="shared" si="0" ref="A1:B1">C1</f><v>1</v></c>'
        '<c r="B1"><f t="shared" si="0"/><v>1</v></c></row>', {(1, 2): 2},
        '<row r="1"><c r="A1"><f t="shared" si="0" ref="A1:B1">C1</f><v>1</v></c>'
        '<c r="B1"><f t="shared" si="0"/><v>2</v></c></row>',
    ),
    "nothing for a value": (
        '<row r="1"><c r="A1" s="4" t="s"><v>0</v></c></row>', {(1, 1): None},
        '<row r="1"><c r="A1" s="4"></c></row>',
    ),
    "nothing where nothing is": (
        '<row r="1"><c r="A1" s="4"/></row>', {(1, 1): None, (1, 2): None, (9, 9): None},
        '<row r="1"><c r="A1" s="4"/></row>',
    ),
    "a value for a styled blank": (
        "<row r='1'><c r='A1' s='4' /></row>", {(1, 1): 2},
        "<row r='1'><c r='A1' s='4' ><v>2</v></c></row>",
    ),
    "an attribute that looks like another": (
        '<row r="1"><c r="A1" note=\' t="s" > \' t="b"><v>1</v></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1" note=\' t="s" > \'><v>2</v></c></row>',
    ),
    "the note of a rich value": (
        '<row r="1"><c r="A1" t="e" cm="1" vm="1"><f>F()</f><v>#VALUE!</v></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1" cm="1"><f>F()</f><v>2</v></c></row>',
    ),
    "a cell's extension": (
        '<row r="1"><c r="A1"><extLst><ext uri="u"><v>9</v></ext></extLst></c></row>', {(1, 1): 2},
        '<row r="1"><c r="A1"><v>2</v><extLst><ext uri="u"><v>9</v></ext></extLst></c></row>',
    ),
    "a comment between formula and value": (
        '<row r="1"><c r="A1"><!-- <v>7</v> --><f>B1</f><!-- > --><v><![CDATA[1]]></v></c></row>',
        {(1, 1): 2},
        '<row r="1"><c r="A1"><!-- <v>7</v> --><f>B1</f><!-- > --><v>2</v></c></row>',
    ),
    "new cells among others": (
        '<row r="1" spans="2:4"><c r="B1"><v>1</v></c><c r="D1"><v>1</v></c></row>',
        {(1, 5): 5, (1, 3): 3, (1, 1): 1, (1, 2): 2},
        '<row r="1" spans="1:5"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="C1"><v>3</v></c>'
        '<c r="D1"><v>1</v></c><c r="E1"><v>5</v></c></row>',
    ),
    "new rows among others": (
        '<row r="2"/>\n<row r="4"><c r="A4"><v>4</v></c></row>', {(n, 1): n for n in (5, 3, 2, 1)},
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>\n'
        '<row r="3"><c r="A3"><v>3</v></c></row><row r="4"><c r="A4"><v>4</v></c></row>'
        '<row r="5"><c r="A5"><v>5</v></c></row>',
    ),
    "places left unsaid": (
        "<row><c><v>1</v></c><c/></row><row><c><v>2</v></c></row>", {(1, 2): 9, (2, 1): 8, (2, 2): 7},
        '<row><c><v>1</v></c><c><v>9</v></c></row><row><c><v>8</v></c><c r="B2"><v>7</v></c></row>',
    ),
    "a text with characters that XML cannot hold": (
        "", {(1, 1): "\x00\r_x0041_\ud800é"},
        '<row r="1"><c r="A1" t="inlineStr"><is><t xml:space="preserve">'
        "_x0000__x000D__x005F_x0041__xD800_&#233;</t></is></c></row>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATCHES)
def test_a_change_touches_no_byte_it_need_not(name: str) -> None:
    before, changes, after = PATCHES[name]
    assert patched(before, changes) == after


def test_an_empty_sheet_takes_cells() -> None:
    for empty in (b"<sheetData/>", b"<sheetData></sheetData>", b"<sheetData />"):
        part = worksheet("").replace(b"<sheetData></sheetData>", empty)
        data = SheetPatch(part, MAIN, {(2, 3): 1.5}).apply()
        assert b'<row r="2"><c r="C2"><v>1.5</v></c></row></sheetData>' in data


def test_namespace_prefixes_are_kept() -> None:
    part = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:dimension ref="A1"/><x:sheetData><x:row r="1">'
        '<x:c r="A1"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    data = SheetPatch(part.encode(), MAIN, {(1, 1): "t", (1, 2): 2, (2, 1): 3}).apply().decode()
    assert data == (
        f'<x:worksheet xmlns:x="{MAIN}"><x:dimension ref="A1:B2"/><x:sheetData><x:row r="1">'
        '<x:c r="A1" t="inlineStr"><x:is><x:t xml:space="preserve">t</x:t></x:is></x:c>'
        '<x:c r="B1"><x:v>2</x:v></x:c></x:row><x:row r="2"><x:c r="A2"><x:v>3</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )


@pytest.mark.parametrize(
    ("place", "dimension"), [((3, 3), "B2:D4"), ((1, 1), "A1:D4"), ((9, 3), "B2:D9"), ((3, 27), "B2:AA4")]
)
def test_the_dimension_grows_with_new_cells_outside_it(place: tuple[int, int], dimension: str) -> None:
    part = worksheet("", before='<dimension ref="B2:D4"/>')
    assert f'<dimension ref="{dimension}"/>'.encode() in SheetPatch(part, MAIN, {place: 1}).apply()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "iso-8859-1"])
def test_a_part_in_another_encoding_keeps_its_text(encoding: str, tmp_path: Path) -> None:
    declared = "UTF-16" if encoding.startswith("utf-16") else encoding.removesuffix("-sig")
    sheet = (
        f'<?xml version="1.0" encoding="{declared}"?><worksheet xmlns="{MAIN}"><sheetData><row r="1">'
        '<c r="A1" t="str"><v>café</v></c><c r="B1"><v>1</v></c></row></sheetData></worksheet>'
    )
    path = save(tmp_path / "in.xlsx", workbook_parts({"Sheet": sheet.encode(encoding)}))
    write_workbook(read_workbook(path), {0: {(1, 2): "€ \N{GRINNING FACE}", (2, 2): 2}}, tmp_path / "out.xlsx")
    assert cell_values(read_workbook(tmp_path / "out.xlsx").sheets[0].cells) == {
        (1, 1): "café",
        (1, 2): "€ \N{GRINNING FACE}",
        (2, 2): 2,
    }


def test_text_that_an_array_formula_spills_is_stored_as_computed(tmp_path: Path) -> None:
    write_workbook(
        read_workbook(mixed_workbook(tmp_path / "in.xlsx")),
        {0: {(8, 3): "a", (9, 3): "b"}},
        tmp_path / "out.xlsx",
    )
    part = entries(tmp_path / "out.xlsx")[SHEET].decode()
    assert '<c r="C8" t="str"><v>a</v></c>' in part
    assert '<c r="C9" t="inlineStr">' in part


def test_a_newer_error_is_stored_with_the_files_own_note_of_it(tmp_path: Path) -> None:
    file = read_workbook(reference("functions", "INFORMATION__ERROR.TYPE.xlsx"))
    write_workbook(file, {0: {(1, 1): ErrorCode.SPILL, (14, 1): ErrorCode.CALC}}, tmp_path / "out.xlsx")
    values = cell_values(read_workbook(tmp_path / "out.xlsx").sheets[0].cells)
    assert (values[1, 1], values[14, 1]) == (ErrorCode.SPILL, ErrorCode.CALC)
    assert b"#SPILL!" not in entries(tmp_path / "out.xlsx")[SHEET]


NEWER = [code for code in ErrorCode if ErrorCode.SPILL <= code <= ErrorCode.CALC]


def test_newer_errors_are_noted_in_a_file_that_has_no_such_notes(tmp_path: Path) -> None:
    path = mixed_workbook(tmp_path / "in.xlsx")
    before = entries(path)
    changes = {(20, column): code for column, code in enumerate(NEWER, start=1)}
    write_workbook(read_workbook(path), {0: changes}, tmp_path / "out.xlsx")
    again = read_workbook(tmp_path / "out.xlsx")
    values = cell_values(again.sheets[0].cells)
    assert [values[20, column] for column in range(1, len(NEWER) + 1)] == NEWER
    after = entries(tmp_path / "out.xlsx")
    assert b"#CALC!" not in after[SHEET] and after[SHEET].count(b"vm=") == len(NEWER)
    written = {name for name in after if after[name] != before.get(name)}
    assert {"xl/metadata.xml", "xl/richData/rdrichvalue.xml", "xl/richData/rdrichvaluestructure.xml"} <= written
    write_workbook(again, {0: {(1, 1): ErrorCode.CALC, (20, 1): 1.0}}, tmp_path / "third.xlsx")  # nothing to add now
    third = entries(tmp_path / "third.xlsx")
    assert {name for name in third if third[name] != after[name]} == {SHEET}


@settings(max_examples=30, deadline=None)
@given(rounds=st.lists(st.sets(st.sampled_from(NEWER), min_size=1), min_size=1, max_size=3), spills=st.booleans())
def test_notes_of_newer_errors_add_up(rounds: list[set[ErrorCode]], spills: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "0.xlsx"
        parts = workbook_parts({"Sheet": '<row r="1"><c r="A1"><v>1</v></c></row>'})
        save(path, with_dynamic_arrays(parts) if spills else parts)
        expected = {}
        for number, codes in enumerate(rounds, start=1):
            changes = {(number, column): code for column, code in enumerate(sorted(codes), start=2)}
            write_workbook(read_workbook(path), {0: changes}, Path(name) / f"{number}.xlsx")
            path = Path(name) / f"{number}.xlsx"
            expected |= changes
        file = read_workbook(path)
        assert {place: cell_values(file.sheets[0].cells)[place] for place in expected} == expected
        assert len(read_metadata(file.package).dynamic) == spills


def test_a_result_that_is_a_newer_error_is_saved_as_it_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"] = 1, "=_xlfn._xlws.FILTER(A1:A1,A1:A1>5)"
    book.save(tmp_path / "in.xlsx")
    workbook = sheetml.open(tmp_path / "in.xlsx")
    workbook.calculate()
    workbook.save(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")
    assert again["Sheet"]["B1"] == ErrorCode.CALC
    again.calculate(everything=True)
    assert again.changes() == {}
    assert openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)["Sheet"]["B1"].value == "#VALUE!"


def test_a_file_that_lost_a_part_of_its_notes_keeps_value_errors(tmp_path: Path) -> None:
    original = reference("functions", "INFORMATION__ERROR.TYPE.xlsx")
    parts = {name: content for name, content in entries(original).items() if "rdrichvaluestructure" not in name}
    path = save(tmp_path / "in.xlsx", parts)
    write_workbook(read_workbook(path), {0: {(1, 1): ErrorCode.CALC}}, tmp_path / "out.xlsx")
    assert cell_values(read_workbook(tmp_path / "out.xlsx").sheets[0].cells)[1, 1] == ErrorCode.VALUE


def test_an_array_of_numbers_becomes_changes_of_cells() -> None:
    assert area_changes(2, 3, np.array([[1.0, 2.0], [3.0, 4.0]])) == {
        (2, 3): 1.0, (2, 4): 2.0, (3, 3): 3.0, (3, 4): 4.0,
    }  # fmt: skip
    assert area_changes(1, 1, [["a", True], [None, ErrorCode.NA]])[2, 2] is ErrorCode.NA


def test_libreoffice_reads_the_values_written(tmp_path: Path) -> None:
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice (soffice) is not on this machine")
    source = reference("workbooks", "graddesc_without_macros.xlsx")
    file = read_workbook(source)
    write_workbook(file, {0: {(2, 2): 12.75, (200, 1): "far & <away>", (3, 40): True}}, tmp_path / "out.xlsx")
    command = [
        program,
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--headless",
        "--convert-to",
        "csv",
    ]
    subprocess.run([*command, "--outdir", str(tmp_path), str(tmp_path / "out.xlsx")], check=True, timeout=180)
    with open(tmp_path / "out.csv", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert float(rows[1][1]) == 12.75
    assert rows[199][0] == "far & <away>"
    assert rows[2][39] == "TRUE"


# --- what cannot be written --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((1, 1), math.nan),
        ((1, 1), math.inf),
        ((1, 1), -math.inf),
        ((1, 1), np.float64("nan")),
        ((1, 1), ErrorCode.UNCOMPUTABLE),
        ((1, 1), "x" * 32_768),
        ((1, 1), [1]),
        ((0, 1), 1.0),
        ((1, MAX_COLUMNS + 1), 1.0),
        ((MAX_ROWS + 1, 1), 1.0),
    ],
)
def test_what_a_cell_cannot_hold_is_a_value_error_and_nothing_is_written(
    place: tuple[int, int], value: CellValue, tmp_path: Path
) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    with pytest.raises(ValueError):
        write_workbook(file, {0: {place: value}}, tmp_path / "out.xlsx")
    assert os.listdir(tmp_path) == ["in.xlsx"]


def test_the_place_of_a_bad_value_is_named(tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    with pytest.raises(ValueError, match=r"sheet 'Sheet', B2: nan is not a value"):
        write_workbook(file, {0: {(2, 2): math.nan}}, tmp_path / "out.xlsx")


def test_a_sheet_that_does_not_exist_is_a_value_error(tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    with pytest.raises(ValueError, match="no sheet at position 1"):
        write_workbook(file, {1: {(1, 1): 1.0}}, tmp_path / "out.xlsx")


def test_a_sheet_without_a_place_for_cells_is_refused(tmp_path: Path) -> None:
    parts = workbook_parts({"Sheet": f'<worksheet xmlns="{MAIN}"/>'.encode()})
    file = read_workbook(save(tmp_path / "in.xlsx", parts))
    with pytest.raises(WorkbookError, match=r"sheet1\.xml': it has no sheetData element\.$"):
        write_workbook(file, {0: {(1, 1): 1.0}}, tmp_path / "out.xlsx")


# --- files -------------------------------------------------------------------------------------


def test_the_workbook_itself_is_replaced_only_on_demand(tmp_path: Path) -> None:
    path = mixed_workbook(tmp_path / "in.xlsx")
    original = path.read_bytes()
    (tmp_path / "symbolic.xlsx").symlink_to(path)
    (tmp_path / "hard.xlsx").hardlink_to(path)
    file = read_workbook(path)
    for name in ("in.xlsx", "symbolic.xlsx", "hard.xlsx", "../" + tmp_path.name + "/in.xlsx"):
        with pytest.raises(WorkbookError, match=r"is the workbook itself"):
            write_workbook(file, {0: {(2, 2): 7}}, tmp_path / name)
    assert path.read_bytes() == original
    write_workbook(file, {0: {(2, 2): 7}}, tmp_path / "symbolic.xlsx", overwrite=True)
    assert (tmp_path / "symbolic.xlsx").is_symlink()
    assert cell_values(read_workbook(path).sheets[0].cells)[2, 2] == 7


@pytest.mark.parametrize("target", ["nowhere/out.xlsx", "in.xlsx/out.xlsx", "", "x" * 300 + "/out.xlsx"])
def test_a_target_that_cannot_be_is_refused_with_one_sentence(target: str, tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    with pytest.raises(WorkbookError) as caught:
        write_workbook(file, {}, tmp_path / target)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / target)) and message.endswith(".")
    assert os.listdir(tmp_path) == ["in.xlsx"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write into any folder")
def test_a_folder_closed_to_writing_is_said_to_be(tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WorkbookError, match=r"cannot be written \(Permission denied\)"):
            write_workbook(file, {}, tmp_path / "out.xlsx")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_midway_leaves_the_old_file_and_no_other(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    (tmp_path / "out.xlsx").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(WorkbookError, match=r"cannot be written \(No space left on device\)\.$"):
        write_workbook(file, {}, tmp_path / "out.xlsx")
    assert (tmp_path / "out.xlsx").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["in.xlsx", "out.xlsx"]


def test_an_interruption_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer_module, "_write_package", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_workbook(file, {}, tmp_path / "out.xlsx")
    assert os.listdir(tmp_path) == ["in.xlsx"]


def test_a_damaged_part_that_nobody_read_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        for name, content in workbook_parts({"Sheet": ""}).items():
            package.writestr(name, content)
        package.writestr("xl/media/image1.png", b"picture")
    path.write_bytes(path.read_bytes().replace(b"picture", b"PICTURE"))
    with pytest.raises(WorkbookError, match=r"image1\.png' cannot be unpacked"):
        write_workbook(read_workbook(path), {}, tmp_path / "out.xlsx")
    assert os.listdir(tmp_path) == ["in.xlsx"]


def test_a_new_file_has_the_permissions_that_the_umask_asks_for(tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    former = os.umask(0o027)
    try:
        write_workbook(file, {}, tmp_path / "out.xlsx")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "out.xlsx").stat().st_mode) == 0o640


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    file = read_workbook(mixed_workbook(tmp_path / "in.xlsx"))
    (tmp_path / "out.xlsx").touch()
    (tmp_path / "out.xlsx").chmod(0o604)
    write_workbook(file, {}, tmp_path / "out.xlsx")
    assert stat.S_IMODE((tmp_path / "out.xlsx").stat().st_mode) == 0o604


def test_signatures_folders_and_comments_of_the_zip_are_kept(tmp_path: Path) -> None:
    path = mixed_workbook(tmp_path / "in.xlsx")
    with zipfile.ZipFile(path, "a") as package:
        package.mkdir("xl/empty")
        package.writestr("_xmlsignatures/sig1.xml", b"<Signature/>", compress_type=zipfile.ZIP_STORED)
        package.writestr("xl/médias/ß.bin", b"\x00\x01")
        package.comment = b"made by hand"
    write_workbook(read_workbook(path), {0: {(2, 2): 3}}, tmp_path / "out.xlsx")
    old, new = entries(path), entries(tmp_path / "out.xlsx")
    assert list(old) == list(new)
    assert {part for part in old if old[part] != new[part]} == {SHEET}
    with zipfile.ZipFile(tmp_path / "out.xlsx") as package:
        assert package.comment == b"made by hand"
        assert package.getinfo("_xmlsignatures/sig1.xml").compress_type == zipfile.ZIP_STORED


def test_every_cell_of_a_large_sheet_can_be_changed(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{row}">' + "".join(f'<c r="{cell_address(row, n)}"><v>{n}</v></c>' for n in range(1, 41)) + "</row>"
        for row in range(1, 501)
    )
    file = read_workbook(save_rows(tmp_path / "in.xlsx", rows))
    values = np.random.default_rng(0).normal(size=(500, 40))
    write_workbook(file, {0: area_changes(1, 1, values)}, tmp_path / "out.xlsx")
    assert np.array_equal(read_workbook(tmp_path / "out.xlsx").sheets[0].cells.number, values.ravel())
