"""Writes a workbook back: the package it was read from, with some cells' values changed and all else kept."""

from __future__ import annotations

import copy
import io
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_changes import ArrayResult, CellChanges, CellContent, SheetChanges
from sheetml.xlsx.cell_metadata import read_metadata
from sheetml.xlsx.defined_names import NameChanges, with_names
from sheetml.xlsx.error_notes import error_notes
from sheetml.xlsx.model import Area, CellValue, ErrorCode, Sheet, WorkbookFile
from sheetml.xlsx.new_sheets import NewSheet, with_new_sheets
from sheetml.xlsx.package import Package
from sheetml.xlsx.plain_patch import PatchedPart, patched_part
from sheetml.xlsx.reader import read_workbook_bytes
from sheetml.xlsx.scenarios import ScenarioChanges, with_scenarios
from sheetml.xlsx.sheet_patch import UnpatchableSheet, utf8_part

__all__ = [
    "ArrayResult",
    "CellChanges",
    "CellContent",
    "CellValue",
    "area_changes",
    "check_target",
    "new_file",
    "with_sheets",
    "write_workbook",
]


def area_changes(
    top: int, left: int, values: np.ndarray | Sequence[Sequence[CellValue]]
) -> dict[tuple[int, int], CellValue]:
    """The changes that put a two-dimensional array of values on a sheet, its first one at (top, left)."""
    rows = values.tolist() if isinstance(values, np.ndarray) else values
    return {
        (row, column): value
        for row, line in enumerate(rows, start=top)
        for column, value in enumerate(line, start=left)
    }


def write_workbook(
    file: WorkbookFile,
    changes: Mapping[int, CellChanges],
    path: str | os.PathLike[str] | IO[bytes],
    *,
    overwrite: bool = False,
    sheets: Sequence[NewSheet] = (),
    names: NameChanges | None = None,
    scenarios: ScenarioChanges | None = None,
) -> None:
    """Write the workbook with new values in some cells, further sheets at its end, other hidden names and scenarios.

    `changes` holds, by position in `file.sheets`, the new values by (row, column): a number, text,
    boolean or ErrorCode, or None for no value. A formula cell keeps its formula and gets the value as
    its last result; a CellContent gives it another formula, or none; an ArrayResult says which area its array
    formula fills now, whose other cells (and those that it no longer fills) are changed by themselves.
    Of cells that share a formula, all
    must be given when the one that states it is. A cell that does not exist yet is added. NaN,
    infinities and UNCOMPUTABLE are a ValueError. Errors newer than #N/A are stored as Excel stores
    them, as #VALUE! with a note of the true error (error_notes.py).

    Every other byte of every part stays as it is. So does a digital signature (_xmlsignatures), which
    does not cover the new values: Excel will call it invalid. Where formulas change, the part that lists
    them in their order of calculation (calcChain) is left out: Excel makes it anew. The file appears
    whole or not at all; the workbook's own file is replaced only with `overwrite`. An open binary file, or another
    stream, is written to where it stands.
    """
    if isinstance(path, (str, os.PathLike)):
        check_target(file.path, Path(path), overwrite)
    by_sheet = {position: SheetChanges.of(cells) for position, cells in changes.items()}
    notes = error_notes(file.package, _known_errors(file.package), _errors(by_sheet))
    parts = _patched_parts(file, by_sheet, notes.by_code)
    patched: dict[str, bytes | None] = {}
    others = (change for cells in by_sheet.values() for change in cells.others.values())
    if any(isinstance(change, (CellContent, ArrayResult)) for change in others):
        patched.update(_without_calculation_chain(file.package))
    noted, new = notes.packaged(file.package, patched)
    patched.update(noted)
    if names:
        patched.update(with_names(file, names, patched))
    if scenarios:
        whole = {name: part if isinstance(part, bytes) else part.whole() for name, part in parts.items()}
        patched.update(with_scenarios(file, scenarios, {**whole, **patched}))
    if sheets:
        changed, added = with_new_sheets(file, sheets, patched)
        patched.update(changed)
        new.update(added)
    if isinstance(path, (str, os.PathLike)):
        with new_file(Path(path)) as stream:
            _write_package(file.package, {**parts, **patched}, new, stream)
    else:
        _write_package(file.package, {**parts, **patched}, new, path)


def with_sheets(file: WorkbookFile, sheets: Sequence[NewSheet]) -> WorkbookFile:
    """The workbook with further sheets at its end, read anew; its cells and names are those of the file.

    Raises ValueError where a sheet's name is taken or none that Excel would take.
    """
    stream = io.BytesIO()
    write_workbook(file, {}, stream, sheets=sheets)
    return read_workbook_bytes(stream.getvalue(), file.path)


# --- parts -------------------------------------------------------------------------------------


def _known_errors(package: Package) -> dict[ErrorCode, str]:
    """The file's own notes of newer errors."""
    known: dict[ErrorCode, str] = {}
    for note, code in read_metadata(package).errors.items():
        known.setdefault(code, note)
    return known


def _errors(changes: Mapping[int, SheetChanges]) -> Iterator[ErrorCode]:
    """The errors that cells are to hold."""
    for cells in changes.values():
        for change in cells.others.values():
            value = change.value if isinstance(change, (CellContent, ArrayResult)) else change
            if isinstance(value, ErrorCode):
                yield value


def _patched_parts(
    file: WorkbookFile, changes: Mapping[int, SheetChanges], error_metadata: Mapping[ErrorCode, str]
) -> dict[str, bytes | PatchedPart]:
    """The new content of the parts that change, by the name of their zip entry."""
    package = file.package
    patched: dict[str, bytes | PatchedPart] = {}
    for position, cells in changes.items():
        if not 0 <= position < len(file.sheets):
            raise ValueError(f"there is no sheet at position {position}")
        if not cells:
            continue
        sheet = file.sheets[position]
        entry = package.entry(sheet.part).filename
        before = patched.get(entry, b"") or package.read(sheet.part)
        data = before if isinstance(before, bytes) else b"".join(before.pieces())
        namespace = package.check_prolog(sheet.part, data).namespace
        areas = list(_array_areas(sheet, cells))
        try:
            patched[entry] = patched_part(data, namespace, cells, areas, error_metadata)
        except UnpatchableSheet as cause:
            raise package.error(f"cannot be changed in part {sheet.part!r}: {cause}") from None
        except ValueError as cause:
            raise ValueError(f"sheet {sheet.name!r}, {cause}") from None
    return patched


def _array_areas(sheet: Sheet, changes: CellChanges) -> Iterator[Area]:
    """The areas that array formulas fill once the changes are made."""
    for formula in sheet.cells.formulas.different():
        change = changes.get((formula.row, formula.column))
        if isinstance(change, ArrayResult):
            yield change.area
        elif formula.area is not None and not isinstance(change, CellContent):
            yield formula.area


def _without_calculation_chain(package: Package) -> dict[str, bytes | None]:
    """What changes when the calculation chain goes: its part, and the two places that speak of it."""
    part = package.parts_by_kind.get("calcChain")
    if part is None or not package.has(part):
        return {}
    links = package.relationships_part(package.workbook_part())
    patched: dict[str, bytes | None] = {package.entry(part).filename: None}
    for name, pattern in (("[Content_Types].xml", _OVERRIDE), (links, _LINK)):
        entry = package.entry(name)
        patched[entry.filename] = pattern.sub(b"", utf8_part(package.read_entry(entry)))
    return patched


_CHAIN = rb"""["'][^"'<>]*/calcChain(?:\.xml)?["'][^<>]*?(?:/>|>\s*</(?:\w+:)?%s\s*>)"""
_OVERRIDE = re.compile(rb"<(?:\w+:)?Override\b[^<>]*?PartName\s*=\s*" + _CHAIN % b"Override", re.IGNORECASE)
_LINK = re.compile(rb"<(?:\w+:)?Relationship\b[^<>]*?Type\s*=\s*" + _CHAIN % b"Relationship", re.IGNORECASE)


_NEW_PARTS = (1980, 1, 1, 0, 0, 0)  # the date of new parts, as Excel's: the same input makes the same output


def _write_package(
    package: Package, patched: Mapping[str, bytes | PatchedPart | None], new: Mapping[str, bytes], stream: IO[bytes]
) -> None:
    """All parts in their order, those in `patched` with new content, or left out where that is None; then new ones."""
    with zipfile.ZipFile(stream, "w") as output:
        output.comment = package.comment
        for original in package.entries:
            entry = copy.copy(original)
            if entry.filename in patched and patched[entry.filename] is None:
                continue
            data = patched.get(entry.filename)
            if isinstance(data, PatchedPart):
                _write_pieces(output, entry, data)
            elif data is not None:
                output.writestr(entry, data)
            else:
                _copy(package, original, output, entry)
            # writestr() gives an entry without attributes some of its own choice
            entry.external_attr = original.external_attr
        for name, content in new.items():
            output.writestr(zipfile.ZipInfo(name, _NEW_PARTS), content, zipfile.ZIP_DEFLATED)


def _write_pieces(output: zipfile.ZipFile, entry: zipfile.ZipInfo, part: PatchedPart) -> None:
    """A part as it is put together."""
    entry.file_size = part.size
    with output.open(entry, "w") as stream:
        for piece in part.pieces():
            stream.write(piece)


def _copy(package: Package, original: zipfile.ZipInfo, output: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """An entry that does not change, compressed as it is; raises WorkbookError where it is damaged."""
    content = package.read_entry(original)
    compressed = package.compressed(original)
    if compressed is None or output.fp is None:
        output.writestr(entry, content)
        return
    entry.flag_bits, entry.header_offset = 0, output.fp.tell()
    output.fp.write(entry.FileHeader(zip64=False))
    output.fp.write(compressed)
    output.filelist.append(entry)
    output.NameToInfo[entry.filename] = entry
    output.start_dir = output.fp.tell()
    output._didModify = True  # type: ignore[attr-defined]  # zipfile has no way of its own to take over an entry


# --- files -------------------------------------------------------------------------------------


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Raises WorkbookError where the target cannot be written, or is the source and must not be overwritten."""
    try:
        if target.is_dir():
            raise WorkbookError(f"{target} is a folder: name a file to write to.")
        if not target.parent.is_dir():
            raise WorkbookError(f"{target} cannot be written: there is no folder {target.parent}.")
        same = target.exists() and source.exists() and os.path.samefile(source, target)
    except OSError as cause:
        raise WorkbookError(f"{target} cannot be written ({cause.strerror}).") from None
    if same and not overwrite:
        raise WorkbookError(f"{target} is the workbook itself, which is replaced only if you ask for it.")


@contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the target's place once it is complete, and vanishes if that fails."""
    place = Path(os.path.realpath(target))  # a link goes on pointing to the file that it points to
    temporary = place.with_name(f".sheetml-{secrets.token_hex(8)}.tmp")
    try:
        # Made with plain open() the file has the permissions that the umask asks for.
        with open(temporary, "xb") as stream:
            if place.exists():
                os.chmod(temporary, stat.S_IMODE(place.stat().st_mode))
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, place)
    except OSError as cause:
        raise WorkbookError(f"{target} cannot be written ({cause.strerror or cause}).") from None
    finally:
        temporary.unlink(missing_ok=True)
