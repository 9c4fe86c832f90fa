"""Writes real VBA projects for tests: an OLE compound file (version 3) with compressed streams.

Sources: [MS-CFB] for the container, [MS-OVBA] for what is in it. Modules carry no compiled code
(offset 0), which [MS-OVBA] asks of every writer but Office itself.
"""

from __future__ import annotations

import re
import struct
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
MINI_SECTOR = 64
MINI_CUTOFF = 4096
FREE, END_OF_CHAIN, FAT_SECTOR, NO_STREAM = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF

WORKBOOK_BASE = "0{00020819-0000-0000-C000-000000000046}"
SHEET_BASE = "0{00020820-0000-0000-C000-000000000046}"


# ---- compression: [MS-OVBA] 2.4.1 ----------------------------------------------------------------


def compress(data: bytes) -> bytes:
    """The data as a compressed container."""
    chunks = [_chunk(data[start : start + 4096]) for start in range(0, len(data), 4096)]
    return b"\x01" + b"".join(chunks)


def _chunk(data: bytes) -> bytes:
    body = bytearray()
    place = 0
    while place < len(data):
        flags, tokens = 0, bytearray()
        for bit in range(8):
            if place >= len(data):
                break
            offset, length = _longest_match(data, place)
            if length >= 3:
                bits = max((place - 1).bit_length(), 4)
                tokens += struct.pack("<H", (offset - 1) << (16 - bits) | (length - 3))
                flags |= 1 << bit
                place += length
            else:
                tokens.append(data[place])
                place += 1
        body.append(flags)
        body += tokens
    if len(body) > 4096:  # a raw chunk always has 4096 bytes
        return struct.pack("<H", 0x3000 | 4095) + data.ljust(4096, b"\0")
    return struct.pack("<H", 0xB000 | (len(body) + 2 - 3)) + bytes(body)


def _longest_match(data: bytes, place: int) -> tuple[int, int]:
    bits = max((place - 1).bit_length(), 4) if place else 4
    most = min((0xFFFF >> bits) + 3, len(data) - place)
    best = (0, 0)
    for length in range(min(most, 64), 2, -1):
        found = data.rfind(data[place : place + length], 0, place + length - 1)
        if 0 <= found < place:
            best = (place - found, length)
            break
    return best


# ---- the streams: [MS-OVBA] 2.3 ------------------------------------------------------------------


@dataclass
class Module:
    """A module to write; `kind` is "module", "sheet", "workbook" or "class"."""

    name: str
    source: str
    kind: str = "module"

    def text(self) -> bytes:
        lines = [f'Attribute VB_Name = "{self.name}"']
        if self.kind in ("sheet", "workbook"):
            base = WORKBOOK_BASE if self.kind == "workbook" else SHEET_BASE
            lines.append(f'Attribute VB_Base = "{base}"')
        if self.kind != "module":
            lines += [
                "Attribute VB_GlobalNameSpace = False",
                "Attribute VB_Creatable = False",
                f"Attribute VB_PredeclaredId = {self.kind != 'class'}",
                f"Attribute VB_Exposed = {self.kind != 'class'}",
                "Attribute VB_TemplateDerived = False",
                f"Attribute VB_Customizable = {self.kind != 'class'}",
            ]
        source = re.sub(r"\r\n|\r|\n", "\r\n", self.source)
        return ("\r\n".join(lines) + "\r\n" + source).encode("cp1252")


def _record(number: int, content: bytes) -> bytes:
    return struct.pack("<HI", number, len(content)) + content


def _dir_stream(modules: list[Module]) -> bytes:
    parts = [
        _record(0x0001, struct.pack("<I", 1)),  # 32-bit Windows
        _record(0x0002, struct.pack("<I", 0x409)),
        _record(0x0014, struct.pack("<I", 0x409)),
        _record(0x0003, struct.pack("<H", 1252)),
        _record(0x0004, b"VBAProject"),
        _record(0x0005, b"") + _record(0x0040, b""),
        _record(0x0006, b"") + _record(0x003D, b""),
        _record(0x0007, struct.pack("<I", 0)),
        _record(0x0008, struct.pack("<I", 0)),
        struct.pack("<HIIH", 0x0009, 4, 1, 1),  # the version, with its odd size
        _record(0x000C, b"") + _record(0x003C, b""),
    ]
    for name, library in _REFERENCES:
        parts.append(_record(0x0016, name.encode()) + _record(0x003E, name.encode("utf-16-le")))
        content = struct.pack("<I", len(library)) + library.encode() + struct.pack("<IH", 0, 0)
        parts.append(_record(0x000D, content))
    parts.append(_record(0x000F, struct.pack("<H", len(modules))))
    parts.append(_record(0x0013, struct.pack("<H", 0xFFFF)))
    for module in modules:
        name, wide = module.name.encode("cp1252"), module.name.encode("utf-16-le")
        parts += [
            _record(0x0019, name),
            _record(0x0047, wide),
            _record(0x001A, name) + _record(0x0032, wide),
            _record(0x001C, b"") + _record(0x0048, b""),
            _record(0x0031, struct.pack("<I", 0)),
            _record(0x001E, struct.pack("<I", 0)),
            _record(0x002C, struct.pack("<H", 0xFFFF)),
            _record(0x0021 if module.kind == "module" else 0x0022, b""),
            _record(0x002B, b""),
        ]
    parts.append(_record(0x0010, b""))
    return b"".join(parts)


_REFERENCES = [
    ("stdole", "*\\G{00020430-0000-0000-C000-000000000046}#2.0#0#C:\\Windows\\System32\\stdole2.tlb#OLE Automation"),
    ("Office", "*\\G{2DF8D04C-5BFA-101B-BDE5-00AA0044DE52}#2.0#0#MSO.DLL#Microsoft Office 16.0 Object Library"),
]


def _project_stream(modules: list[Module]) -> bytes:
    words = {"module": "Module={0}", "class": "Class={0}"}
    lines = ['ID="{' + str(uuid.UUID(int=0)).upper() + '}"']
    lines += [words.get(module.kind, "Document={0}/&H00000000").format(module.name) for module in modules]
    # the project is neither protected nor invisible: data encrypted as in [MS-OVBA] 2.4.3.2
    lines += ['Name="VBAProject"', 'HelpContextID="0"', 'VersionCompatible32="393222000"']
    states = (("CMG", bytes(4)), ("DPB", bytes(1)), ("GC", bytes([0xFF])))
    lines += [f'{word}="{_encrypted(state)}"' for word, state in states]
    lines += ["", "[Host Extender Info]", "&H00000001={3832D640-CF90-11CF-8E43-00A0C911005A};VBE;&H00000000"]
    lines += ["", "[Workspace]", *(f"{module.name}=0, 0, 0, 0, C" for module in modules)]
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def _encrypted(data: bytes, seed: int = 0x11) -> str:
    """[MS-OVBA] 2.4.3.2 with a fixed seed and the project key of an ID of zeros."""
    key = sum(ord(letter) for letter in "{" + str(uuid.UUID(int=0)).upper() + "}") & 0xFF
    version, project = seed ^ 2, seed ^ key
    out = [seed, version, project]
    first, second, plain = project, version, key
    ignored = (seed & 6) // 2
    for byte in [*([0] * ignored), *struct.pack("<I", len(data)), *data]:
        value = byte ^ ((second + plain) & 0xFF)
        out.append(value)
        second, first, plain = first, value, byte
    return "".join(f"{value:02X}" for value in out)


def _project_names(modules: list[Module]) -> bytes:
    pairs = (m.name.encode("cp1252") + b"\0" + m.name.encode("utf-16-le") + b"\0\0" for m in modules)
    return b"".join(pairs) + b"\0\0"


# ---- the container: [MS-CFB] ---------------------------------------------------------------------


def project_bytes(modules: list[Module]) -> bytes:
    """A vbaProject.bin with these modules."""
    streams: dict[str, bytes] = {
        "VBA/_VBA_PROJECT": struct.pack("<HHBH", 0x61CC, 0xFFFF, 0, 0),
        "VBA/dir": compress(_dir_stream(modules)),
        "PROJECT": _project_stream(modules),
        "PROJECTwm": _project_names(modules),
    }
    for module in modules:
        streams[f"VBA/{module.name}"] = compress(module.text())
    return compound_file(streams)


@dataclass
class _Entry:
    name: str
    kind: int  # 5 root, 1 storage, 2 stream
    content: bytes = b""
    start: int = END_OF_CHAIN
    size: int = 0
    left: int = NO_STREAM
    right: int = NO_STREAM
    child: int = NO_STREAM

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16sIQQIQ", name, len(name), self.kind, 1, self.left, self.right, self.child, b"", 0, 0, 0,
            self.start, self.size,
        )  # fmt: skip


def compound_file(streams: dict[str, bytes]) -> bytes:
    """A compound file of version 3; a path may have one folder."""
    entries = [_Entry("Root Entry", 5)]
    folders: dict[str, list[int]] = {"": []}
    for path, content in streams.items():
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = []
            folders[""].append(len(entries))
            entries.append(_Entry(folder, 1))
        folders[folder].append(len(entries))
        entries.append(_Entry(name, 2, content, size=len(content)))
    for folder, members in folders.items():
        owner = entries[0] if not folder else next(e for e in entries if e.name == folder and e.kind == 1)
        owner.child = _tree(entries, sorted(members, key=lambda i: (len(entries[i].name), entries[i].name.upper())))

    sectors: list[bytes] = []
    fat: list[int] = []

    def store(data: bytes) -> int:
        """Appends data as a chain of sectors; its first sector."""
        if not data:
            return END_OF_CHAIN
        first = len(sectors)
        for start in range(0, len(data), SECTOR):
            sectors.append(data[start : start + SECTOR].ljust(SECTOR, b"\0"))
            fat.append(len(sectors))
        fat[-1] = END_OF_CHAIN
        return first

    mini, mini_fat = bytearray(), []
    for entry in entries:
        if entry.kind != 2:
            continue
        if entry.size >= MINI_CUTOFF:
            entry.start = store(entry.content)
        elif entry.size:
            entry.start = len(mini_fat)
            count = -(-entry.size // MINI_SECTOR)
            mini += entry.content.ljust(count * MINI_SECTOR, b"\0")
            mini_fat += [*range(entry.start + 1, entry.start + count), END_OF_CHAIN]
    entries[0].start, entries[0].size = store(bytes(mini)), len(mini)
    mini_fat_data = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    mini_fat_start = store(mini_fat_data.ljust(-(-len(mini_fat_data) // SECTOR) * SECTOR, b"\xff"))
    directory = b"".join(entry.packed() for entry in entries)
    while len(directory) % SECTOR:
        directory += struct.pack("<64sHBBIII16sIQQIQ", b"", 0, 0, 0, FREE, FREE, FREE, b"", 0, 0, 0, 0, 0)
    directory_start = store(directory)

    fat_sectors = 1
    while (len(sectors) + fat_sectors) * 4 > fat_sectors * SECTOR:
        fat_sectors += 1
    first_fat = len(sectors)
    fat += [FAT_SECTOR] * fat_sectors
    fat_data = struct.pack(f"<{len(fat)}I", *fat).ljust(fat_sectors * SECTOR, b"\xff")
    difat = [first_fat + i for i in range(fat_sectors)] + [FREE] * (109 - fat_sectors)
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, fat_sectors,
        directory_start, 0, MINI_CUTOFF, mini_fat_start, -(-len(mini_fat_data) // SECTOR), END_OF_CHAIN, 0, difat[0],
    )  # fmt: skip
    header += struct.pack("<108I", *difat[1:])
    return header + b"".join(sectors) + fat_data


def _tree(entries: list[_Entry], members: list[int]) -> int:
    """A balanced binary tree of the sorted members, all of them black; its root."""
    if not members:
        return NO_STREAM
    middle = len(members) // 2
    root = entries[members[middle]]
    root.left = _tree(entries, members[:middle])
    root.right = _tree(entries, members[middle + 1 :])
    return members[middle]


# ---- into a workbook -----------------------------------------------------------------------------

_VBA_TYPE = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_MACRO_MAIN = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"


def with_macros(source: Path, target: Path, modules: list[Module], code_names: dict[str, str] | None = None) -> Path:
    """The workbook `source` made macro-enabled, with a VBA project of these modules.

    `code_names` gives sheet parts ("xl/worksheets/sheet1.xml") a codeName that they do not state yet.
    """
    with zipfile.ZipFile(source) as book, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for info in book.infolist():
            data = book.read(info)
            if info.filename == "[Content_Types].xml":
                data = _content_types(data.decode()).encode()
            elif info.filename == "xl/_rels/workbook.xml.rels":
                link = f'<Relationship Id="rIdVba" Type="{_VBA_TYPE}" Target="vbaProject.bin"/>'
                data = data.decode().replace("</Relationships>", link + "</Relationships>").encode()
            elif code_names and info.filename in code_names:
                data = _with_code_name(data.decode(), code_names[info.filename]).encode()
            out.writestr(info, data)
        out.writestr("xl/vbaProject.bin", project_bytes(modules))
    return target


def _content_types(text: str) -> str:
    part = '<Override PartName="/xl/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/>'
    return text.replace(_MAIN, _MACRO_MAIN).replace("</Types>", part + "</Types>")


def _with_code_name(text: str, name: str) -> str:
    if re.search(r"<sheetPr[\s/>]", text):
        return re.sub(r"<sheetPr", f'<sheetPr codeName="{name}"', text, count=1)
    return re.sub(r"(<worksheet[^>]*>)", rf'\1<sheetPr codeName="{name}"/>', text, count=1)
