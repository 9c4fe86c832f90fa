"""Reading a VBA project's source, against olevba and LibreOffice as referees of the tests' own writer."""

from __future__ import annotations

import random
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sheetml
from sheetml.errors import WorkbookError
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.vba_source import ModuleKind, read_modules
from tests.macros.vba_project import Module, compound_file, compress, project_bytes, with_macros

LONG = "\r\n".join(f"    x{i} = {i} ' {random.Random(i).random()}" for i in range(2000))
MODULES = [
    Module("ThisWorkbook", "", "workbook"),
    Module("Blatt1", 'Sub hier()\r\n    Range("A1").Value = 1\r\nEnd Sub', "sheet"),
    Module("Module1", f"Option Explicit\r\nSub lang()\r\n{LONG}\r\nEnd Sub"),
    Module("Thing", "Public x As Long", "class"),
]


def book(path: Path, sheets: int = 2) -> Path:
    workbook = openpyxl.Workbook()
    for number in range(1, sheets):
        workbook.create_sheet(f"Sheet{number + 1}")
    workbook.save(path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return with_macros(book(tmp_path / "plain.xlsx"), tmp_path / "book.xlsm", MODULES)


def test_olevba_reads_what_the_tests_write(path: Path) -> None:
    from oletools.olevba import VBA_Parser

    parser = VBA_Parser(str(path))
    found = {name: code for _, _, name, code in parser.extract_macros()}
    assert set(found) == {"ThisWorkbook.cls", "Blatt1.cls", "Module1.bas", "Thing.cls"}
    for module in MODULES:
        assert found[next(name for name in found if name.startswith(module.name))].endswith(module.source)


def test_the_modules_are_read_with_their_kinds_and_sheets(path: Path) -> None:
    modules = read_modules(read_workbook(path))
    assert [(module.name, module.kind) for module in modules] == [
        ("ThisWorkbook", ModuleKind.WORKBOOK),
        ("Blatt1", ModuleKind.SHEET),
        ("Module1", ModuleKind.STANDARD),
        ("Thing", ModuleKind.CLASS),
    ]
    assert modules[2].source == MODULES[2].source
    assert modules[1].sheet == 0


def test_hidden_attribute_lines_are_not_counted(path: Path) -> None:
    macros = sheetml.open(path).macros
    assert [(macro.full_name, macro.line) for macro in macros.list()] == [("Blatt1.hier", 1), ("Module1.lang", 2)]


def test_a_sheet_finds_its_module_by_code_name(tmp_path: Path) -> None:
    names = {"xl/worksheets/sheet1.xml": "second", "xl/worksheets/sheet2.xml": "first"}
    modules = [Module("first", "", "sheet"), Module("second", "", "sheet")]
    path = with_macros(book(tmp_path / "plain.xlsx"), tmp_path / "book.xlsm", modules, names)
    assert [module.sheet for module in read_modules(read_workbook(path))] == [1, 0]


def test_sheets_without_code_names_take_the_modules_in_order(tmp_path: Path) -> None:
    names = {"xl/worksheets/sheet2.xml": "Data"}
    modules = [Module(name, "", "sheet") for name in ("Sheet1", "Data", "Sheet3")]
    path = with_macros(book(tmp_path / "plain.xlsx", 3), tmp_path / "book.xlsm", modules, names)
    assert [module.sheet for module in read_modules(read_workbook(path))] == [0, 1, 2]


def test_a_workbook_without_macros_has_none(tmp_path: Path) -> None:
    workbook = sheetml.open(book(tmp_path / "plain.xlsx"))
    assert workbook.macros.list() == []
    with pytest.raises(sheetml.SheetmlError, match="it has no macros"):
        workbook.macros.run("anything")


@pytest.mark.parametrize("cut", [0, 100, 512, 1500, 3000])
def test_a_truncated_project_is_a_clear_error(path: Path, tmp_path: Path, cut: int) -> None:
    import zipfile

    broken = tmp_path / "broken.xlsm"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            target.writestr(info, data[:cut] if info.filename == "xl/vbaProject.bin" else data)
    with pytest.raises(WorkbookError, match="VBA project"):
        _ = sheetml.open(broken).macros


def test_a_project_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    bomb = compress(b"'" + b"x" * 4095)[1:]
    streams = {"VBA/dir": b"\x01" + bomb * 10_000, "PROJECT": b""}
    import zipfile

    plain, path = book(tmp_path / "plain.xlsx"), tmp_path / "bomb.xlsm"
    with_macros(plain, tmp_path / "ok.xlsm", [])
    with zipfile.ZipFile(tmp_path / "ok.xlsm") as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            data = compound_file(streams) if info.filename == "xl/vbaProject.bin" else source.read(info)
            target.writestr(info, data)
    with pytest.raises(WorkbookError, match="unpacks to more than"):
        _ = sheetml.open(path).macros


@given(st.binary(max_size=10_000) | st.text(alphabet="ab\n", max_size=9_000).map(str.encode))
def test_what_is_compressed_unpacks_to_itself(data: bytes) -> None:
    from oletools.olevba import decompress_stream

    unpacked = decompress_stream(bytearray(compress(data)))
    assert unpacked[: len(data)] == data
    assert not unpacked[len(data) :].strip(b"\0")


def test_the_container_has_what_was_put_into_it() -> None:
    import io

    import olefile

    data = project_bytes([Module(f"Module{i}", "x" * 5000 * i) for i in range(40)])
    with olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT) as container:
        assert len(container.listdir()) == 44
