"""Hidden names are written into a workbook and out of it again: Excel's order, and no other byte touched."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheetml.xlsx.new_sheets import NewSheet
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.writer import write_workbook
from tests.libreoffice import disagreements
from tests.reference import PROJECT, reference
from tests.xlsx.handmade import STRICT_MAIN, STRICT_RELATIONSHIPS, save, workbook_parts

BOOK = "xl/workbook.xml"


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def written(parts_of: dict[str, bytes], names: dict, folder: Path, **more) -> Path:
    """The workbook of these parts with these names, as a file."""
    write_workbook(read_workbook(save(folder / "in.xlsx", parts_of)), {}, folder / "out.xlsx", names=names, **more)
    return folder / "out.xlsx"


def stated(path: Path) -> list[tuple[str, int | None, str, bool]]:
    return [(name.name, name.scope, name.text, name.hidden) for name in read_workbook(path).names]


SHEETS = {"zebra": "", "ant": ""}


def with_list(names: str | None, **more) -> dict[str, bytes]:
    """The parts of a workbook whose list of names is this; None: there is no list."""
    found = workbook_parts(SHEETS, **more)
    listed = b"" if names is None else names.encode()
    found[BOOK] = found[BOOK].replace(b"<definedNames></definedNames>", listed)
    return found


@pytest.mark.parametrize("listed", [None, "<definedNames/>", "<definedNames></definedNames>"])
def test_a_workbook_without_names_gets_its_list_right_after_the_sheets(listed, tmp_path) -> None:
    before = with_list(listed, calculation='<calcPr calcId="1"/>')
    path = written(before, {(0, "solver_opt"): "zebra!$A$1"}, tmp_path)
    assert stated(path) == [("solver_opt", 0, "zebra!$A$1", True)]
    new = (
        b'</sheets><definedNames><definedName name="solver_opt" localSheetId="0" hidden="1">zebra!$A$1</definedName>'
        b'</definedNames><calcPr calcId="1"/>'
    )
    empty = b"" if listed is None else listed.encode()
    assert parts(path)[BOOK] == before[BOOK].replace(b"</sheets>" + empty + b'<calcPr calcId="1"/>', new)


def test_the_list_comes_after_external_references_as_the_schema_wants_it(tmp_path) -> None:
    found = with_list(None, calculation="<externalReferences></externalReferences><calcPr/>")
    path = written(found, {(0, "solver_opt"): "1"}, tmp_path)
    assert b"</externalReferences><definedNames>" in parts(path)[BOOK]


def test_names_stand_in_excels_order_by_name_and_then_by_sheet(tmp_path) -> None:
    names = {(0, "solver_val"): "0", (0, "solver_adj"): "zebra!$A$1", (1, "solver_adj"): "ant!$A$1"}
    listed = (
        '<definedNames><definedName name="rate">2</definedName><definedName name="tax">3</definedName></definedNames>'
    )
    path = written(with_list(listed), names, tmp_path)
    assert [(name, scope) for name, scope, *_ in stated(path)] == [
        ("rate", None), ("solver_adj", 1), ("solver_adj", 0), ("solver_val", 0), ("tax", None)
    ]  # fmt: skip


def test_a_changed_name_keeps_its_place_and_all_other_bytes_stay(tmp_path) -> None:
    listed = (
        '<definedNames >\n <definedName  name="zulu" comment="a > b">1</definedName>\r\n'
        '<!-- <definedName name="solver_adj" localSheetId="0">no</definedName> -->'
        '<definedName name="Solver_Adj" localSheetId="0" hidden="1">zebra!$B$1</definedName>\n'
        '<definedName name="solver_adj" localSheetId="1"/><definedName name="last">"&lt;"</definedName></definedNames>'
    )
    before = with_list(listed)
    path = written(before, {(0, "solver_adj"): "zebra!$A$1:$A$9"}, tmp_path)
    old = b'<definedName name="Solver_Adj" localSheetId="0" hidden="1">zebra!$B$1</definedName>'
    new = b'<definedName name="solver_adj" localSheetId="0" hidden="1">zebra!$A$1:$A$9</definedName>'
    assert parts(path)[BOOK] == before[BOOK].replace(old, new)


def test_removed_names_are_gone_and_with_the_last_one_the_list_which_may_not_be_empty(tmp_path) -> None:
    listed = '<definedNames><definedName name="solver_adj" localSheetId="1" hidden="1">x</definedName></definedNames>'
    path = written(with_list(listed), {(1, "solver_adj"): None, (0, "solver_adj"): None}, tmp_path)
    assert parts(path)[BOOK] == with_list(None)[BOOK]


def test_a_chart_sheet_counts_among_the_sheets_that_names_are_local_to(tmp_path) -> None:
    found = with_list(None)
    found[BOOK] = found[BOOK].replace(b"<sheets>", b'<sheets><sheet name="chart" sheetId="9" r:id="rId9"/>')
    link = found["xl/_rels/workbook.xml.rels"]
    target = link.replace(
        b"</Relationships>", b'<Relationship Id="rId9" Type="x/chartsheet" Target="c.xml"/></Relationships>'
    )
    found |= {"xl/_rels/workbook.xml.rels": target, "xl/c.xml": b"<chartsheet/>"}
    path = written(found, {(1, "solver_opt"): "ant!$A$1"}, tmp_path)
    assert b'localSheetId="2"' in parts(path)[BOOK]
    assert stated(path) == [("solver_opt", 1, "ant!$A$1", True)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_prefixes_strict_files_and_other_encodings_are_written_as_they_are(encoding, tmp_path) -> None:
    found = with_list(None, namespace=STRICT_MAIN, links=STRICT_RELATIONSHIPS)
    text = (
        found[BOOK].decode().replace("<workbook xmlns=", "<q:workbook xmlns:q=").replace("</workbook", "</q:workbook")
    )
    text = text.replace("<sheet", "<q:sheet").replace("</sheet", "</q:sheet").replace("ant", "fourmi d'été")
    found[BOOK] = f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
    path = written(found, {(1, "solver_opt"): "'fourmi d''été'!$A$1"}, tmp_path)
    assert stated(path) == [("solver_opt", 1, "'fourmi d''été'!$A$1", True)]
    assert b"<q:definedNames><q:definedName " in parts(path)[BOOK]


def test_names_and_new_sheets_are_written_together(tmp_path) -> None:
    path = written(with_list(None), {(0, "solver_opt"): "1"}, tmp_path, sheets=[NewSheet("more", [[1.0]])])
    file = read_workbook(path)
    assert [sheet.name for sheet in file.sheets] == ["zebra", "ant", "more"]
    assert stated(path) == [("solver_opt", 0, "1", True)]


def test_every_part_of_the_lessons_workbook_but_the_workbook_part_stays_byte_for_byte(tmp_path) -> None:
    original, target = reference("workbooks", "collab_filter.xlsx"), tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, names={(3, "solver_opt"): "word_emb!$A$1"})
    before, after = parts(original), parts(target)
    assert [name for name in before if before[name] != after[name]] == [BOOK]
    element = b'<definedName name="solver_opt" localSheetId="3" hidden="1">word_emb!$A$1</definedName>'
    assert after[BOOK].replace(element, b"") == before[BOOK]
    assert after[BOOK].index(element) == after[BOOK].index(b'<definedName name="solver_pre"') - len(element)


def test_openpyxl_and_libreoffice_read_what_was_written(tmp_path) -> None:
    original, target = PROJECT / "workbooks" / "collab_filter.xlsx", tmp_path / "out.xlsx"
    write_workbook(read_workbook(original), {}, target, names={(3, "solver_opt"): "items!$A$1"})
    name = openpyxl.load_workbook(target)["items"].defined_names["solver_opt"]
    assert (name.attr_text, name.hidden) == ("items!$A$1", True)
    assert disagreements(target) == []


NAMES = st.dictionaries(
    st.tuples(st.integers(0, 1), st.from_regex(r"[a-z_][a-z0-9_.]{0,8}", fullmatch=True)),
    st.none()
    | st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zs", "Zl", "Zp"]), min_size=1, max_size=20),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=NAMES, second=NAMES)
def test_what_is_written_is_read_again_whatever_was_there_before(first, second, tmp_path) -> None:
    path = written(with_list(None), first, tmp_path)
    write_workbook(read_workbook(path), {}, tmp_path / "again.xlsx", names=second)
    wanted = {key: text for key, text in (first | second).items() if text is not None}
    assert {(scope, name): text for name, scope, text, _ in stated(tmp_path / "again.xlsx")} == wanted
    write_workbook(read_workbook(tmp_path / "again.xlsx"), {}, path, names=dict.fromkeys(wanted))
    assert parts(path) == with_list(None)
