"""What a file keeps of other workbooks is read when it is asked for, and never costs the file itself anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sheetml.xlsx.model import DefinedName, ErrorCode, ExternalWorkbook, WorkbookFile
from sheetml.xlsx.reader import read_workbook
from tests.xlsx.handmade import MAIN, RELATIONSHIPS, cell_values, relationships, save, workbook_parts

BOOK = """<externalBook xmlns:r="{links}" r:id="rId1"><sheetNames><sheetName val="One"/><sheetName val="It's"/>
<sheetName val="Unread"/></sheetNames><definedNames><definedName name="rate" refersTo="=One!$A$1"/>
<definedName name="local" refersTo="='It''s'!$B$2" sheetId="1"/></definedNames><sheetDataSet>
<sheetData sheetId="0"><row r="2"><cell r="B2" t="str"><v>te_x0041_t</v></cell><cell r="A2"><v>2.5</v></cell></row>
<row r="1"><cell r="A1"><v>1</v></cell><cell r="C1"/></row><row r="3"><cell r="A3" t="e"><v>#N/A</v></cell>
<cell r="B3" t="b"><v>1</v></cell><cell r="C3"><v>many</v></cell><cell r="A3"><v>7</v></cell></row></sheetData>
<sheetData sheetId="1" refreshError="1"/><sheetData sheetId="9"/></sheetDataSet></externalBook>"""


def read(tmp_path: Path, books: Mapping[str, str]) -> WorkbookFile:
    """A workbook that refers to others by links of these names, each with the content of its part."""
    parts = workbook_parts({"Sheet": '<row r="1"><c r="A1"><f>[1]One!A1</f><v>1</v></c></row>'})
    references = "".join(f'<externalReference r:id="{name}"/>' for name in (*books, "nowhere"))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b"<definedNames>", f"<externalReferences>{references}</externalReferences><definedNames>".encode()
    )
    links = {name: ("externalLink", f"externalLinks/{name}.xml") for name in books}
    parts["xl/_rels/workbook.xml.rels"] = relationships({"rId1": ("worksheet", "worksheets/sheet1.xml")} | links)
    for name, content in books.items():
        body = content.format(links=RELATIONSHIPS)
        parts[f"xl/externalLinks/{name}.xml"] = f'<externalLink xmlns="{MAIN}">{body}</externalLink>'.encode()
        parts[f"xl/externalLinks/_rels/{name}.xml.rels"] = relationships(
            {"rId1": ("externalLinkPath", "other.xlsx")}, mode=' TargetMode="External"'
        )
    return read_workbook(save(tmp_path / "book.xlsx", parts))


def test_the_values_kept_of_another_workbook_are_read_with_their_kinds(tmp_path: Path) -> None:
    (book, missing) = read(tmp_path, {"one": BOOK}).external_links
    assert book.target == "other.xlsx" and not book.problem
    assert [sheet.name for sheet in book.sheets] == ["One", "It's", "Unread"]
    cells = book.sheets[0].cells
    assert cells is not None
    assert cell_values(cells) == {
        (1, 1): 1.0, (2, 1): 2.5, (2, 2): "teAt", (3, 1): ErrorCode.NA, (3, 2): True, (3, 3): ErrorCode.UNCOMPUTABLE,
    }  # fmt: skip
    assert book.sheets[1].stale and book.sheets[1].cells is not None and not len(book.sheets[1].cells.row)
    assert book.sheets[2].cells is None
    assert book.names == [DefinedName("rate", "One!$A$1"), DefinedName("local", "'It''s'!$B$2", scope=1)]
    assert "missing" in missing.problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<ddeLink ddeService="x" ddeTopic="y"/>', "another program"),
        ("<externalBook><unclosed>", "not well-formed"),
    ],
)
def test_what_cannot_be_read_of_another_workbook_says_why(tmp_path: Path, content: str, problem: str) -> None:
    links = read(tmp_path, {"one": content, "two": BOOK}).external_links
    assert problem in links[0].problem and not links[0].sheets
    assert not links[1].problem and len(links) == 3


def test_too_many_values_of_another_workbook_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetml.xlsx.external_links.MOST_CELLS", 3)
    assert "keeps more than 3 cells" in read(tmp_path, {"one": BOOK}).external_links[0].problem


def test_a_workbook_without_links_to_others_has_none(tmp_path: Path) -> None:
    file = read_workbook(save(tmp_path / "book.xlsx", workbook_parts({"Sheet": ""})))
    links: list[ExternalWorkbook] = list(file.external_links)
    assert links == []
