"""The macros in a workbook: the source of its VBA project, module by module.

The project is an OLE compound file (xl/vbaProject.bin) whose streams are compressed; [MS-OVBA] describes
it. Nothing here runs anything: the source is text.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sheetml.optional import needed
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.package import Package

MAX_PROJECT_BYTES = 64_000_000
MAX_SOURCE_BYTES = 32_000_000  # of all modules together, unpacked
_CHUNK = 4096  # the most that one chunk of a compressed stream unpacks to


class ModuleKind(StrEnum):
    STANDARD = "module"
    WORKBOOK = "workbook"
    SHEET = "sheet"
    CHART = "chart"
    CLASS = "class"
    FORM = "form"


@dataclass(slots=True)
class VbaModule:
    """A module's source, as the Visual Basic editor shows it: without its hidden Attribute lines.

    `sheet` is the position in WorkbookFile.sheets of the sheet that a sheet's module belongs to.
    """

    name: str
    kind: ModuleKind
    source: str
    sheet: int | None = None


# Class identifiers in VB_Base, which say what a document module stands for.
_DOCUMENT_KINDS = {
    "00020819": ModuleKind.WORKBOOK,
    "00020820": ModuleKind.SHEET,
    "00020821": ModuleKind.CHART,
}
_ATTRIBUTE = re.compile(r"^[ \t]*Attribute[ \t]+[\w.]+[ \t]*=.*(?:\r\n|\r|\n|$)", re.MULTILINE)
_BASE = re.compile(r'^Attribute VB_Base = "0\{([0-9A-Fa-f]{8})', re.MULTILINE)


def read_modules(file: WorkbookFile) -> list[VbaModule]:
    """All modules of the workbook's VBA project, in the project's order; none where it has no project.

    Raises WorkbookError where the project cannot be read, MissingPackageError without the packages that read it.
    """
    modules: list[VbaModule] = []
    if file.macro_parts:
        needed("olefile", extra="macros")
        needed("oletools", extra="macros")
    for part in file.macro_parts:
        modules += _modules_in(file.package, part)
    _assign_sheets(modules, file)
    return modules


# ---- the container -----------------------------------------------------------------------------


def _modules_in(package: Package, part: str) -> list[VbaModule]:
    data = package.read(part)
    if len(data) > MAX_PROJECT_BYTES:
        raise package.error(f"is refused: its VBA project {part!r} has {len(data):,} bytes")
    try:
        return list(_project_modules(data))
    except _Refused as refused:
        raise package.error(f"is refused: its VBA project {part!r} {refused}") from None
    except Exception as cause:  # whatever the libraries raise on a damaged project
        raise package.error(f"is damaged: its VBA project {part!r} cannot be read ({cause})") from None


class _Refused(Exception):
    pass


def _project_modules(data: bytes) -> Iterator[VbaModule]:
    import olefile  # slow to import, like what _unpacked() uses

    with olefile.OleFileIO(io.BytesIO(data)) as container:
        records = list(_records(_unpacked(container.openstream("VBA/dir").read())))
        codec = _codec(records)
        kinds = _stated_kinds(container, codec)
        total = 0
        for name, stream, offset in _module_records(records, codec):
            text = _unpacked(container.openstream(f"VBA/{stream}").read()[offset:]).decode(codec, "replace")
            total += len(text)
            if total > MAX_SOURCE_BYTES:
                raise _Refused(f"unpacks to more than {MAX_SOURCE_BYTES:,} bytes")
            yield VbaModule(name, _kind(name, text, kinds), _ATTRIBUTE.sub("", text))


def _unpacked(stream: bytes) -> bytes:
    """A compressed stream unpacked, after a look at how large that may become."""
    if not stream:
        return b""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses old names of another library's functions
        from oletools.olevba import decompress_stream
    chunks, place = 0, 1
    while place + 2 <= len(stream):
        chunks += 1
        place += (struct.unpack_from("<H", stream, place)[0] & 0x0FFF) + 3
    if chunks * _CHUNK > MAX_SOURCE_BYTES:
        raise _Refused(f"unpacks to more than {MAX_SOURCE_BYTES:,} bytes")
    unpacked: bytes = decompress_stream(bytearray(stream))
    return unpacked


_PROJECT_VERSION = 0x0009  # the one record whose stated size is not that of its content


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of the dir stream: id and content."""
    place = 0
    while place + 6 <= len(stream):
        record, size = struct.unpack_from("<HI", stream, place)
        if record == _PROJECT_VERSION:
            size = 6
        yield record, stream[place + 6 : place + 6 + size]
        place += 6 + size


def _codec(records: list[tuple[int, bytes]]) -> str:
    for record, content in records:
        if record == 0x0003:
            page = struct.unpack("<H", content[:2])[0]
            return {10000: "mac_roman", 65001: "utf-8"}.get(page, f"cp{page}")
    return "cp1252"


def _module_records(records: list[tuple[int, bytes]], codec: str) -> Iterator[tuple[str, str, int]]:
    """For each module its name, the name of its stream, and where in it the source begins."""
    name = stream = ""
    offset = 0
    for record, content in records:
        if record == 0x0019:
            name = stream = content.decode(codec, "replace")
        elif record == 0x0047:
            name = content.decode("utf-16-le", "replace")
        elif record == 0x001A:
            stream = content.decode(codec, "replace")
        elif record == 0x0032:
            stream = content.decode("utf-16-le", "replace")
        elif record == 0x0031:
            offset = struct.unpack("<I", content[:4])[0]
        elif record == 0x002B and name:
            yield name, stream, offset
            name = ""


# ---- what the modules are ----------------------------------------------------------------------


def _stated_kinds(container: Any, codec: str) -> dict[str, str]:
    """What the PROJECT stream says of each module: "document", "module", "class" or "baseclass"."""
    text = container.openstream("PROJECT").read().decode(codec, "replace")
    kinds: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", text):
        word, mark, value = line.partition("=")
        if line.startswith("["):
            break
        if mark and word.lower() in ("document", "module", "class", "baseclass"):
            kinds[value.split("/")[0].strip().casefold()] = word.lower()
    return kinds


def _kind(name: str, text: str, stated: dict[str, str]) -> ModuleKind:
    word = stated.get(name.casefold(), "module")
    if word == "document":
        base = _BASE.search(text)
        default = ModuleKind.WORKBOOK if name.casefold() == "thisworkbook" else ModuleKind.SHEET
        return _DOCUMENT_KINDS.get(base[1] if base else "", default)
    return {"class": ModuleKind.CLASS, "baseclass": ModuleKind.FORM}.get(word, ModuleKind.STANDARD)


def _assign_sheets(modules: list[VbaModule], file: WorkbookFile) -> None:
    """Says which sheet each sheet's module belongs to: by the sheet's code name, else by the order of both."""
    waiting = {module.name.casefold(): module for module in modules if module.kind == ModuleKind.SHEET}
    if not waiting:
        return
    unnamed = []
    for position, sheet in enumerate(file.sheets):
        module = waiting.pop(code_name(file.package, sheet.part).casefold(), None)
        if module is None:
            unnamed.append(position)
        else:
            module.sheet = position
    for module, position in zip(waiting.values(), unnamed):
        module.sheet = position


def code_name(package: Package, part: str) -> str:
    """A worksheet's name in VBA; "" where its part states none."""
    for element in package.elements(part, "sheetPr", "dimension", "sheetData"):
        return element.get("codeName", "") if element.tag.endswith("sheetPr") else ""
    return ""
