"""Workbooks that sheetml builds, printed: a page a sheet, headings that stay, numbers in formats that suit them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import openpyxl
import pytest

from sheetml.layouts.book import number_format
from sheetml.layouts.graddesc import build
from tests.libreoffice import SECONDS, soffice
from tests.reference import PROJECT

SHIPPED = PROJECT / "workbooks"
LESSON = ["basic SGD", "momentum", "adagrad", "rmsprop", "adam", "eve", "adagrad_ann", "adam_ann"]


def printed(*paths: Path) -> list[int]:
    """How many pages LibreOffice prints of each workbook."""
    program = soffice()
    with tempfile.TemporaryDirectory(prefix="libreoffice-") as name:
        folder = Path(name)
        command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
        command += ["--convert-to", "pdf", "--outdir", str(folder), *map(str, paths)]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        made = [(folder / path.name).with_suffix(".pdf").read_bytes() for path in paths]
    return [len(re.findall(rb"/Type\s*/Page[^s]", content)) for content in made]


def test_a_sheet_is_printed_on_a_page_and_a_long_one_on_few() -> None:
    graddesc, collab = printed(SHIPPED / "graddesc.xlsx", SHIPPED / "collab_filter.xlsx")
    assert graddesc == len(openpyxl.load_workbook(SHIPPED / "graddesc.xlsx").sheetnames)
    assert collab <= 10  # 206 ratings take five of them


@pytest.mark.parametrize("name", ["graddesc.xlsx", "collab_filter.xlsx"])
def test_headings_stay_in_view_and_are_printed_again(name: str) -> None:
    book = openpyxl.load_workbook(SHIPPED / name)
    for sheet in book.worksheets:
        assert sheet.page_setup.fitToWidth == 1 and sheet.sheet_properties.pageSetUpPr.fitToPage
        if sheet.title != "about":
            assert sheet.freeze_panes is not None
            assert sheet.print_title_rows is not None


def test_no_number_of_a_training_loop_is_shown_with_all_its_digits() -> None:
    book = openpyxl.load_workbook(SHIPPED / "graddesc.xlsx")
    for title in LESSON:
        sheet = book[title]
        general = [
            cell.coordinate
            for row in sheet.iter_rows(min_row=4, max_row=32, min_col=3, max_col=13)
            for cell in row
            if cell.value is not None and cell.number_format == "General"
        ]
        assert general == []


def test_formats_follow_the_size_of_the_data(tmp_path: Path) -> None:
    build(tmp_path / "small.xlsx", [0.001, 0.002, 0.004], [0.01, 0.03, 0.02])
    sheet = openpyxl.load_workbook(tmp_path / "small.xlsx")["adam"]
    assert sheet["E5"].number_format == "#,##0.00000"  # predictions, which are about 0.02
    assert [number_format(size) for size in (230, 1.0, 5e7, 1e-6)] == ["#,##0.0", "#,##0.000", "0.00E+00", "0.00E+00"]
