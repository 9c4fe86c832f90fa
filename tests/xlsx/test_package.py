"""A file that is no workbook is refused with one sentence; a workbook's parts are found by name."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sheetml.errors import WorkbookError
from sheetml.xlsx import package as package_module
from sheetml.xlsx.package import OLE2_SIGNATURE, Package
from sheetml.xlsx.reader import read_workbook
from tests.xlsx.handmade import MAIN, relationships, save, save_rows, workbook_parts, worksheet

GOOD = workbook_parts({"Sheet": '<row r="1"><c r="A1"><v>1</v></c></row>'})
SHEET = "xl/worksheets/sheet1.xml"


def zipped(parts: dict[str, bytes], **kwargs: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content, **kwargs)
    return stream.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    return zipped(GOOD | {name: content})


def without_part(name: str) -> bytes:
    return zipped({key: content for key, content in GOOD.items() if key != name})


def with_flag_of_encryption() -> bytes:
    data = bytearray(zipped(GOOD))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def with_damaged_content() -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as package:
        for name, content in GOOD.items():
            package.writestr(name, content)
    return stored.getvalue().replace(b"<v>1</v>", b"<v>2</v>")


def with_the_same_part_twice() -> bytes:
    stream = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(stream, "a") as package:
        package.writestr("XL/Workbook.xml", b"")
    return stream.getvalue()


def with_declared_size(size: int) -> bytes:
    """A package whose directory says that a part is larger than it is."""
    data = bytearray(zipped(GOOD))
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", size)
    return bytes(data)


def with_a_part_without_a_name() -> bytes:
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    stream = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(stream, "a") as package, package.open(nameless, "w") as part:
        part.write(b"")
    return stream.getvalue()


def with_bzip2() -> bytes:
    return zipped(GOOD, compress_type=zipfile.ZIP_BZIP2)


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>&b;</v></c></row></sheetData>'
    "</worksheet>"
)


def with_directory_further_on() -> bytes:
    """The directory is said to begin 40 bytes later, so that the first part would begin before the file does."""
    content = bytearray(zipped(GOOD))
    field = content.rindex(b"PK\x05\x06") + 16
    content[field : field + 4] = (int.from_bytes(content[field : field + 4], "little") + 40).to_bytes(4, "little")
    return bytes(content)


UNFIT: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "is empty"),
    "CSV": (lambda: b"user,movie,rating\n1,2,3.5\n", "looks like CSV text"),
    "text": (lambda: b"Dear diary\nnothing happened\n", "looks like plain text"),
    "HTML": (lambda: b"\xef\xbb\xbf\n<!DOCTYPE html><html></html>", "an HTML page"),
    "XML": (lambda: b"<?xml version='1.0'?><Workbook/>", "an XML file"),
    "binary rubbish": (lambda: b"\x00\x01\x02" * 99, "no zip package"),
    "half a zip": (lambda: zipped(GOOD)[:-30], "truncated or broken"),
    "an old workbook": (lambda: OLE2_SIGNATURE + bytes(600), "a legacy workbook (.xls)"),
    "a password": (
        lambda: OLE2_SIGNATURE + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "protected by a password",
    ),
    "a binary workbook": (
        lambda: zipped(
            GOOD
            | {
                "_rels/.rels": relationships({"a": ("officeDocument", "xl/workbook.bin")}),
                "xl/workbook.bin": b"\x83\x01",
            }
        ),
        "a binary workbook (.xlsb)",
    ),
    "an OpenDocument file": (
        lambda: zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
        "an OpenDocument file",
    ),
    "any zip": (lambda: zipped({"readme.txt": b"hello"}), "without [Content_Types].xml"),
    "a Word document": (lambda: with_part("xl/workbook.xml", b"<document/>"), "is another document"),
    "encrypted parts": (with_flag_of_encryption, "is encrypted"),
    "an unusual compression": (with_bzip2, "unsupported compression"),
    "a wrong checksum": (with_damaged_content, "cannot be unpacked"),
    "a directory said to lie further on": (with_directory_further_on, "cannot be unpacked"),
    "a part twice": (with_the_same_part_twice, "twice"),
    "a part without a name": (with_a_part_without_a_name, "a part without a name"),
    "too much to unpack": (lambda: with_declared_size(2**31), "it unpacks to"),
    "a suspicious ratio": (lambda: with_declared_size(2**29), "compressed beyond 1,000 to 1"),
    "entities": (lambda: with_part(SHEET, BILLION_LAUGHS.encode()), "declares a document type"),
    "entities in UTF-16": (
        lambda: with_part(SHEET, BILLION_LAUGHS.encode("utf-16")),
        "declares a document type",
    ),
    "an external document type": (
        lambda: with_part("xl/workbook.xml", b'<!DOCTYPE workbook SYSTEM "file:///etc/passwd"><workbook/>'),
        "declares a document type",
    ),
    "XML that ends early": (
        lambda: with_part(SHEET, b"<worksheet>\n<sheetData>\n<row r='1'>"),
        "part 'xl/worksheets/sheet1.xml' is not well-formed XML (line 3)",
    ),
    "XML of an unknown encoding": (
        lambda: with_part(SHEET, b"<?xml version='1.0' encoding='klingon'?><worksheet/>"),
        "is not well-formed XML",
    ),
    "an empty part": (lambda: with_part(SHEET, b""), "is not well-formed XML"),
    "no relationships": (lambda: without_part("_rels/.rels"), "names no workbook part"),
    "no workbook part": (
        lambda: without_part("xl/workbook.xml"),
        "workbook part 'xl/workbook.xml' is missing",
    ),
    "no worksheet part": (lambda: without_part(SHEET), "the part of sheet 'Sheet' is missing"),
    "no sheet at all": (
        lambda: with_part("xl/workbook.xml", f'<workbook xmlns="{MAIN}"/>'.encode()),
        "lists no sheet",
    ),
}


def assert_one_sentence(message: str, path: Path, fragment: str) -> None:
    assert message.startswith(str(path))
    assert fragment in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_file_is_refused_with_one_sentence_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    make, fragment = UNFIT[name]
    path = tmp_path / "book.xlsx"
    path.write_bytes(make())
    with pytest.raises(WorkbookError) as caught:
        read_workbook(path)
    assert_one_sentence(str(caught.value), path, fragment)
    assert os.listdir(tmp_path) == ["book.xlsx"]


def test_a_file_that_does_not_exist_is_said_not_to(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"does not exist\.$"):
        read_workbook(tmp_path / "nowhere.xlsx")


def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"is a folder"):
        read_workbook(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xlsx")
    with pytest.raises(WorkbookError, match=r"is not a regular file"):
        read_workbook(tmp_path / "pipe.xlsx")


def test_a_package_of_too_many_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "MAX_PARTS", 3)
    with pytest.raises(WorkbookError, match=r"has 5 parts, more than 3"):
        read_workbook(save(tmp_path / "book.xlsx", GOOD))


def test_an_oversize_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "MAX_FILE_BYTES", 100)
    with pytest.raises(WorkbookError, match=r"over 100\.$"):
        read_workbook(save(tmp_path / "book.xlsx", GOOD))


@pytest.mark.parametrize("length", range(0, len(zipped(GOOD)), 97))
def test_a_file_cut_off_anywhere_is_refused_cleanly(length: int, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(zipped(GOOD)[:length])
    with pytest.raises(WorkbookError):
        read_workbook(path)


@pytest.mark.parametrize("place", range(0, len(zipped(GOOD)), 53))
def test_a_flipped_byte_gives_a_workbook_or_a_workbook_error(place: int, tmp_path: Path) -> None:
    data = bytearray(zipped(GOOD))
    data[place] ^= 0xFF
    path = tmp_path / "book.xlsx"
    path.write_bytes(bytes(data))
    try:
        read_workbook(path)
    except WorkbookError as error:
        assert_one_sentence(str(error), path, "")


def test_part_names_match_whatever_their_case(tmp_path: Path) -> None:
    package = Package.open(save(tmp_path / "book.xlsx", GOOD))
    assert package.has("XL/WORKBOOK.XML")
    assert package.read("Xl/Workbook.xml") == GOOD["xl/workbook.xml"]
    assert package.names() == list(GOOD)


def test_part_names_with_backslashes_are_found(tmp_path: Path) -> None:
    parts = {name.replace("/", "\\") if "sheet1" in name else name: data for name, data in GOOD.items()}
    assert len(read_workbook(save(tmp_path / "book.xlsx", parts)).sheets[0].cells.row) == 1


def test_relationship_targets_are_resolved_against_their_part(tmp_path: Path) -> None:
    links = relationships(
        {
            "up": ("image", "../media/a%20b.png"),
            "root": ("image", "/xl/media/c.png"),
            "here": ("image", "./d.png"),
        }
    )
    parts = GOOD | {"xl/worksheets/_rels/sheet1.xml.rels": links, "xl/media/a b.png": b""}
    found = Package.open(save(tmp_path / "book.xlsx", parts)).relationships(SHEET)
    assert {key: link.target for key, link in found.items()} == {
        "up": "xl/media/a b.png",
        "root": "xl/media/c.png",
        "here": "xl/worksheets/d.png",
    }
    assert found["up"].kind == "image" and not found["up"].external


def test_external_relationships_are_marked_and_left_as_they_are(tmp_path: Path) -> None:
    links = relationships({"a": ("hyperlink", "https://fast.ai/../x")}, mode=' TargetMode="External"')
    parts = GOOD | {"xl/worksheets/_rels/sheet1.xml.rels": links}
    link = Package.open(save(tmp_path / "book.xlsx", parts)).relationships(SHEET)["a"]
    assert link.external and link.target == "https://fast.ai/../x"


def test_the_workbook_part_is_found_wherever_it_lies(tmp_path: Path) -> None:
    moved = {name.replace("xl/", "elsewhere/").replace("workbook", "book"): d for name, d in GOOD.items()}
    moved["_rels/.rels"] = relationships({"a": ("officeDocument", "/elsewhere/book.xml")})
    file = read_workbook(save(tmp_path / "book.xlsx", moved))
    assert file.sheets[0].part == "elsewhere/worksheets/sheet1.xml"


def test_a_target_outside_the_package_reads_no_file(tmp_path: Path) -> None:
    parts = GOOD | {"_rels/.rels": relationships({"a": ("officeDocument", "../../../../etc/passwd")})}
    with pytest.raises(WorkbookError, match=r"workbook part 'etc/passwd' is missing"):
        read_workbook(save(tmp_path / "book.xlsx", parts))


def test_the_word_doctype_within_a_cell_is_only_text(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1" t="str"><v><![CDATA[<!DOCTYPE a [<!ENTITY]>]]></v></c></row>'
    file = read_workbook(save_rows(tmp_path / "book.xlsx", row))
    assert file.sheets[0].cells.text == {0: "<!DOCTYPE a [<!ENTITY]>"}


def test_a_long_comment_before_the_root_does_not_hide_a_document_type(tmp_path: Path) -> None:
    data = b"<!--" + b"x" * 20_000 + b"--><!DOCTYPE worksheet []>" + worksheet("").split(b"?>\r\n")[1]
    with pytest.raises(WorkbookError, match="document type"):
        read_workbook(save(tmp_path / "book.xlsx", GOOD | {SHEET: data}))
