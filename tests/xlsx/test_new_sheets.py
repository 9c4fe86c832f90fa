"""Sheets that are added to a workbook: readers see them, and the rest stays byte for byte."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
from lxml import etree

from sheetml.xlsx.model import ErrorCode
from sheetml.xlsx.new_sheets import NewSheet, free_name
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.writer import write_workbook
from tests.libreoffice import recalculated
from tests.reference import reference
from tests.xlsx.handmade import cell_values, save_rows

ROWS = [["Cell", "Name", "Final & value"], ["$A$1", None, 2.5], [True, ErrorCode.NA, "<b>'\""]]
REPORT = NewSheet("Answer Report 1", ROWS, (8, 20, 12))
TOUCHED = {"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"}


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.mark.parametrize("name", ["collab_filter.xlsx", "graddesc_without_macros.xlsx"])
def test_every_other_part_stays_byte_for_byte_and_the_touched_ones_only_grow(name: str, tmp_path: Path) -> None:
    original, target = reference("workbooks", name), tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, sheets=[REPORT, NewSheet("Limits Report 1", [["x"]])])
    before, after = parts(original), parts(target)
    assert list(after)[: len(before)] == list(before) and len(after) == len(before) + 2
    for part, content in before.items():
        if part not in TOUCHED:
            assert after[part] == content
            continue
        start = next(i for i, (a, b) in enumerate(zip(content, after[part])) if a != b)
        grown = len(after[part]) - len(content)
        assert after[part][:start] + after[part][start + grown :] == content


def test_the_values_are_there_for_this_and_for_other_readers(tmp_path: Path) -> None:
    original, target = reference("workbooks", "collab_filter.xlsx"), tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, sheets=[REPORT])
    file = read_workbook(target)
    assert [sheet.name for sheet in file.sheets] == [s.name for s in read_workbook(original).sheets] + [REPORT.name]
    assert cell_values(file.sheets[-1].cells) == {
        (row, column): value
        for row, line in enumerate(ROWS, start=1)
        for column, value in enumerate(line, start=1)
        if value is not None
    }
    seen = openpyxl.load_workbook(target, read_only=True)[REPORT.name]
    assert [list(line) for line in seen.iter_rows(values_only=True)] == [
        ROWS[0], ROWS[1], [True, "#N/A", "<b>'\""]
    ]  # fmt: skip


def test_names_and_their_sheets_are_as_they_were(tmp_path: Path) -> None:
    original, target = reference("workbooks", "collab_filter.xlsx"), tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, sheets=[REPORT])
    assert read_workbook(target).names == read_workbook(original).names


def test_identifiers_parts_and_links_are_new_ones(tmp_path: Path) -> None:
    source, target = save_rows(tmp_path / "book.xlsx", '<row r="1"><c r="A1"><v>1</v></c></row>'), tmp_path / "out.xlsx"
    write_workbook(read_workbook(source), {}, target, sheets=[REPORT, NewSheet("B", [])])
    after = parts(target)
    book = etree.fromstring(after["xl/workbook.xml"])
    sheets = book.findall("{*}sheets/{*}sheet")
    assert len({sheet.get("sheetId") for sheet in sheets}) == len(sheets) == 3
    links = re.findall(rb'Id="([^"]+)"', after["xl/_rels/workbook.xml.rels"])
    assert len(set(links)) == len(links)
    assert len(read_workbook(target).sheets) == 3


def test_a_workbook_part_with_a_prefix_gets_its_sheet_in_the_same_prefix(tmp_path: Path) -> None:
    source = save_rows(tmp_path / "book.xlsx", '<row r="1"><c r="A1"><v>1</v></c></row>')
    prefixed = tmp_path / "prefixed.xlsx"
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(prefixed, "w") as output:
        for name in package.namelist():
            data = package.read(name)
            if name == "xl/workbook.xml":
                data = re.sub(rb"<(/?)(workbook|sheets|sheet)\b", rb"<\1x:\2", data).replace(
                    b" xmlns=", b" xmlns:x=", 1
                )
            output.writestr(name, data)
    write_workbook(read_workbook(prefixed), {}, tmp_path / "out.xlsx", sheets=[REPORT])
    assert [sheet.name for sheet in read_workbook(tmp_path / "out.xlsx").sheets][-1] == REPORT.name


@pytest.mark.parametrize("name", ["", "x" * 32, "a/b", "dotprod", "DOTPROD"])
def test_a_name_that_excel_would_not_take_is_refused(name: str, tmp_path: Path) -> None:
    file = read_workbook(reference("workbooks", "collab_filter.xlsx"))
    with pytest.raises(ValueError, match=r"no name for a sheet|already"):
        write_workbook(file, {}, tmp_path / "out.xlsx", sheets=[NewSheet(name, [])])
    assert not (tmp_path / "out.xlsx").exists()


def test_free_names_are_numbered_as_excel_numbers_its_reports() -> None:
    assert free_name("Answer Report", []) == "Answer Report 1"
    assert free_name("Answer Report", ["Sheet1", "answer report 1", "Answer Report 3"]) == "Answer Report 2"
    assert len(free_name("x" * 40, [])) <= 31


def test_libreoffice_opens_the_new_sheet(tmp_path: Path) -> None:
    original, target = reference("workbooks", "collab_filter.xlsx"), tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, sheets=[REPORT])
    assert recalculated(target)[REPORT.name]["C1"] == "Final & value"
