"""Many numbers are changed at once to the very bytes that changing them one by one makes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.xlsx import plain_patch, sheet_patch, writer
from sheetml.xlsx.cell_changes import ArrayResult, CellChange, CellContent, SheetChanges
from sheetml.xlsx.model import Area, ErrorCode
from sheetml.xlsx.plain_patch import PatchedPart, number_texts, patched_part
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.sheet_patch import SheetPatch, UnpatchableSheet, number_text
from tests.reference import reference
from tests.xlsx.handmade import MAIN, cell_values, save_rows, worksheet
from tests.xlsx.test_plain_cells import AFTER, BEFORE, WORKBOOKS, Chance

VALUES: list[CellChange] = [0, 2, -1.5, 0.1, 1e300, -0.0, 123456789.25, "text", "", True, None, ErrorCode.NA]
OTHERS: list[CellChange] = [CellContent("A1+1", 3.0), CellContent(None, None), CellContent(None, "x")]


def at_once(
    data: bytes, changes: Mapping[tuple[int, int], CellChange], namespace: str = MAIN, piece: int = 400
) -> bytes | str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_patch, "FEW", 0)
        patch.setattr(plain_patch, "PIECE", piece)
        try:
            found = patched_part(data, namespace, SheetChanges.of(changes), [], {})
        except (UnpatchableSheet, ValueError) as error:
            return str(error)
    if isinstance(found, bytes):
        return found
    whole = b"".join(found.pieces())
    assert len(whole) == found.size
    return whole


def one_by_one(data: bytes, changes: Mapping[tuple[int, int], CellChange]) -> bytes | str:
    try:
        return SheetPatch(data, MAIN, changes).apply()
    except (UnpatchableSheet, ValueError) as error:
        return str(error)


@settings(deadline=None, max_examples=100)
@given(st.randoms(use_true_random=False), st.sampled_from([0.0, 0.0, 0.02, 0.1]))
def test_a_sheet_in_any_style_is_changed_as_it_is_one_cell_at_a_time(chance: random.Random, odd: float) -> None:
    around = (BEFORE, AFTER) if chance.random() < 0.5 else ("", "")
    rows = Chance(chance, odd).rows().replace("x14ac:", "")
    data = worksheet(rows, *around)
    numbers = {(chance.randint(1, 30), chance.randint(1, 6)): chance.choice(VALUES[:7]) for _ in range(30)}
    others = {(chance.randint(1, 30), chance.randint(1, 40)): chance.choice(VALUES + OTHERS) for _ in range(2)}
    changes = {**numbers, **(others if chance.random() < 0.5 else {})}
    assert at_once(data, changes) == one_by_one(data, changes)


def test_numbers_over_numbers_are_written_without_a_look_at_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(
        f'<row r="{row}" x14ac:dyDescent="0.2"><c r="A{row}" s="1"><f>B{row}</f><v>{row}</v></c></row>'
        for row in range(1, 99)
    )
    data = worksheet(rows).replace(b"<worksheet", b'<worksheet xmlns:x14ac="urn:x"')
    changes = {(row, 1): row / 3 for row in range(1, 99)}
    expected = one_by_one(data, changes)
    monkeypatch.setattr(sheet_patch.SheetPatch, "_start_row", None)  # a row that is looked at is a TypeError
    assert at_once(data, changes) == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_are_written_as_each_is_by_itself(numbers: list[float]) -> None:
    text, ends = number_texts(np.array(numbers))
    pieces = [text[start:end].decode() for start, end in zip([0, *ends], ends)]
    assert pieces == [number_text(number) for number in numbers]
    assert [float(piece) for piece in pieces] == numbers


def test_changes_are_those_that_they_are_made_of() -> None:
    changes = {
        (2, 3): 1.5,
        (1, 1): 2,
        (9, 9): "x",
        (1, 2): True,
        (5, 1): ArrayResult(1.0, Area(5, 1, 6, 1)),
        (0, 1): 3.0,
    }
    found = SheetChanges.of(changes)
    assert dict(found.items()) == changes and {place: found[place] for place in found} == changes
    assert len(found) == 6 and found.rows().tolist() == [0, 1, 2, 5, 9] and (7, 7) not in found
    assert {type(found[place]) for place in found.others} == {str, bool, ArrayResult, float}


@pytest.mark.parametrize("name", WORKBOOKS)
def test_the_numbers_of_a_real_workbook_written_over_themselves_change_no_byte(name: str) -> None:
    file = read_workbook(reference(name))
    for sheet in file.sheets:
        data = file.package.read(sheet.part)
        numbers = {place: value for place, value in cell_values(sheet.cells).items() if type(value) is float}
        namespace = file.package.check_prolog(sheet.part, data).namespace
        assert at_once(data, numbers, namespace, 10_000) == data


def test_a_part_that_does_not_change_is_copied_as_it_is_compressed(tmp_path: Path) -> None:
    import zipfile

    source = save_rows(tmp_path / "in.xlsx", '<row r="1"><c r="A1"><v>1</v></c></row>')
    with zipfile.ZipFile(source, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr("xl/media/noise.bin", np.random.default_rng(0).integers(0, 3, 50_000, np.uint8).tobytes())
    writer.write_workbook(read_workbook(source), {0: {(1, 1): 2}}, tmp_path / "out.xlsx")
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(tmp_path / "out.xlsx") as after:
        assert after.testzip() is None and after.namelist() == before.namelist()
        sizes = [package.getinfo("xl/media/noise.bin").compress_size for package in (before, after)]
        assert sizes[0] == sizes[1]
        assert after.read("xl/worksheets/sheet1.xml").count(b"<v>2</v>") == 1


def test_many_changes_that_cannot_be_made_are_refused_in_one_sentence(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(1, 400))
    file = read_workbook(save_rows(tmp_path / "in.xlsx", rows))
    numbers: dict[tuple[int, int], CellChange] = {(row, 1): row / 7 for row in range(1, 400)}
    with pytest.raises(ValueError, match=r"A400: nan is not a value that a cell can hold"):
        writer.write_workbook(file, {0: {**numbers, (400, 1): float("nan")}}, tmp_path / "out.xlsx")
    with pytest.raises(ValueError, match="beyond Excel's limits"):
        writer.write_workbook(file, {0: {**numbers, (1, 16_386): 1.0}}, tmp_path / "out.xlsx")
    assert isinstance(
        patched_part(file.package.read(file.sheets[0].part), MAIN, SheetChanges.of(numbers), [], {}), PatchedPart
    )
