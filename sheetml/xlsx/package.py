"""A workbook's zip package, opened with suspicion: whatever a file may hold, reading it is safe."""

from __future__ import annotations

import io
import os
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

from lxml import etree

from sheetml.errors import WorkbookError

MAX_FILE_BYTES = 1 << 30
MAX_PARTS = 20_000
MAX_UNCOMPRESSED_BYTES = 1 << 30
MAX_RATIO = 1000  # of a part larger than RATIO_FREE_BYTES
RATIO_FREE_BYTES = 50_000_000

OLE2_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_SIGNATURE = b"PK\x03\x04"
SUPPORTED_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# What zipfile raises where offsets, sizes or fields lead nowhere: it trusts a directory in much.
_UNPACKING_FAILURES = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError,
    OverflowError, IndexError,
)  # fmt: skip

NAMESPACE_SEPARATOR = "}"  # between namespace and local name, in what expat reports
_PROLOG_CHUNK = 4096


class Relationship(NamedTuple):
    """A link from one part to another, or, if external, to somewhere outside the package."""

    type: str
    target: str
    external: bool

    @property
    def kind(self) -> str:
        """The last word of the type, the same in transitional and strict files: "worksheet", "table"."""
        return self.type.rsplit("/", 1)[-1]


class RootName(NamedTuple):
    namespace: str
    local: str


class Package:
    """The parts of a workbook file, by name; names match whatever their case.

    Content is checked (checksum, well-formed XML) when a part is read; a part that nobody reads is
    carried to the output as it is.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.content = content
        self._zip = _open_zip(path, content)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._check_entries()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Package:
        """Open the file, or raise WorkbookError with the one reason why it is no workbook."""
        path = Path(path)
        return cls.of_bytes(path, _read_file(path))

    @classmethod
    def of_bytes(cls, path: Path, content: bytes) -> Package:
        """The same of a file's content; the path is what messages call it."""
        if len(content) > MAX_FILE_BYTES:
            raise WorkbookError(f"{path} is refused: it has {len(content):,} bytes, over {MAX_FILE_BYTES:,}.")
        package = cls(path, content)
        package._check_format()
        return package

    def error(self, cause: str) -> WorkbookError:
        """A WorkbookError about this file; `cause` continues the sentence after the file's name."""
        return WorkbookError(f"{self.path} {cause}.")

    # --- parts ---------------------------------------------------------------------------------

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """The zip entries in the file's order, folders included."""
        return self._zip.infolist()

    @property
    def parts_by_kind(self) -> dict[str, str]:
        """The parts that the workbook part refers to, by kind: "styles", "sharedStrings" ..."""
        links = self.relationships(self.workbook_part()).values()
        return {link.kind: link.target for link in links if not link.external}

    @property
    def comment(self) -> bytes:
        """The comment at the end of the zip file."""
        return self._zip.comment

    def names(self) -> list[str]:
        """The names of all parts, in the file's order, without a leading slash."""
        return [_part_name(info.filename) for info in self._entries.values()]

    def has(self, part: str) -> bool:
        return _key(part) in self._entries

    def entry(self, part: str) -> zipfile.ZipInfo:
        """The zip entry of a part."""
        info = self._entries.get(_key(part))
        if info is None:
            raise self.error(f"has no part {part!r}")
        return info

    def read(self, part: str) -> bytes:
        """The content of a part."""
        return self.read_entry(self.entry(part))

    def read_entry(self, info: zipfile.ZipInfo) -> bytes:
        """The content of a zip entry, its checksum verified."""
        try:
            return self._zip.read(info)
        except _UNPACKING_FAILURES:
            raise self.error(f"is damaged: its part {info.filename!r} cannot be unpacked") from None

    # --- XML -----------------------------------------------------------------------------------

    def root(self, part: str) -> etree._Element:
        """The root element of an XML part."""
        data = self.read(part)
        self.check_prolog(part, data)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as cause:
            raise self.malformed(part, cause) from None

    def elements(self, part: str, *local_names: str) -> Iterator[etree._Element]:
        """The elements of these names in the root's namespace, each released when the next is asked for."""
        return self.elements_of(part, self.read(part), *local_names)

    def elements_of(self, part: str, data: bytes, *local_names: str) -> Iterator[etree._Element]:
        """The same of a part with this content."""
        namespace = self.check_prolog(part, data).namespace
        tags = [f"{{{namespace}}}{name}" if namespace else name for name in local_names]
        events = etree.iterparse(
            io.BytesIO(data),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            for _, element in events:
                yield element
                _release(element)
        except etree.XMLSyntaxError as cause:
            raise self.malformed(part, cause) from None

    def check_prolog(self, part: str, data: bytes) -> RootName:
        """The root element's name; refuses what comes before it if that declares a document type.

        Workbooks have no use for document types, and entities declared in one are how a small file
        grows without bound or reads other files.
        """
        parser = expat.ParserCreate(namespace_separator=NAMESPACE_SEPARATOR)
        found: list[RootName] = []

        def start_doctype(*_: Any) -> None:
            raise self.error(f"is refused: its part {part!r} declares a document type (DOCTYPE)")

        def start_element(name: str, attributes: dict[str, str]) -> None:
            if not found:
                namespace, _, local = name.rpartition(NAMESPACE_SEPARATOR)
                found.append(RootName(namespace, local))

        parser.StartDoctypeDeclHandler = start_doctype
        parser.StartElementHandler = start_element
        try:
            for start in range(0, len(data), _PROLOG_CHUNK):
                parser.Parse(data[start : start + _PROLOG_CHUNK], False)
                if found:
                    return found[0]
            parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError) as cause:
            if found:  # what is wrong comes after the root's start, where the real parser will meet it
                return found[0]
            raise self.malformed(part, cause) from None
        raise self.error(f"is damaged: its part {part!r} is empty")

    def malformed(self, part: str, cause: Exception) -> WorkbookError:
        """The error for a part that is not well-formed XML."""
        line = getattr(cause, "lineno", None)
        place = f" (line {line})" if line else ""
        return self.error(f"is damaged: its part {part!r} is not well-formed XML{place}")

    # --- relationships -------------------------------------------------------------------------

    def relationships(self, part: str = "") -> dict[str, Relationship]:
        """The relationships of a part by their id; "" is the package itself."""
        folder = posixpath.dirname(_part_name(part))
        relationships_part = self.relationships_part(part)
        if not self.has(relationships_part):
            return {}
        links: dict[str, Relationship] = {}
        for element in self.root(relationships_part).iterfind("{*}Relationship"):
            external = element.get("TargetMode", "").lower() == "external"
            target = element.get("Target", "")
            if not external:
                target = self._resolve(folder, target)
            links[element.get("Id", "")] = Relationship(element.get("Type", ""), target, external)
        return links

    @staticmethod
    def relationships_part(part: str) -> str:
        """The name of the part that holds another part's relationships."""
        folder, name = posixpath.split(_part_name(part))
        return posixpath.join(folder, "_rels", f"{name}.rels")

    def workbook_part(self) -> str:
        """The name of the workbook part, as the package's own relationships state it."""
        for link in self.relationships().values():
            if link.kind == "officeDocument" and not link.external:
                if not self.has(link.target):
                    raise self.error(f"is damaged: its workbook part {link.target!r} is missing")
                return link.target
        raise self.error("is not an Excel workbook: the package names no workbook part")

    def _resolve(self, folder: str, target: str) -> str:
        target = target.split("#", 1)[0].replace("\\", "/")
        candidates = [
            posixpath.normpath(posixpath.join("/", folder, spelling)).lstrip("/")
            for spelling in (target, unquote(target))
        ]
        return next((name for name in candidates if self.has(name)), candidates[0])

    # --- what makes a package unfit ------------------------------------------------------------

    def _check_entries(self) -> None:
        entries = self.entries
        if len(entries) > MAX_PARTS:
            raise self.error(f"is refused: it has {len(entries):,} parts, more than {MAX_PARTS:,}")
        total = sum(info.file_size for info in entries)
        if total > MAX_UNCOMPRESSED_BYTES:
            raise self.error(f"is refused: it unpacks to {total:,} bytes, over {MAX_UNCOMPRESSED_BYTES:,}")
        for info in entries:
            if not info.filename.endswith("/"):  # a folder
                self._check_entry(info)
                self._entries[_key(info.filename)] = info

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if not name:
            raise self.error("is damaged: it holds a part without a name")
        if info.flag_bits & 0x1:
            raise self.error(f"is refused: its part {name!r} is encrypted")
        if info.compress_type not in SUPPORTED_COMPRESSION:
            raise self.error(f"is refused: its part {name!r} uses an unsupported compression")
        if info.file_size > RATIO_FREE_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise self.error(f"is refused: its part {name!r} is compressed beyond {MAX_RATIO:,} to 1")
        if _key(name) in self._entries:
            raise self.error(f"is damaged: it holds the part {name!r} twice")

    def _check_format(self) -> None:
        if self.has("mimetype") and b"opendocument" in self.read("mimetype")[:100]:
            raise self.error("is an OpenDocument file, which sheetml does not read: save it as .xlsx")
        if not self.has("[Content_Types].xml"):
            raise self.error("is not an Excel workbook: it is a zip file without [Content_Types].xml")
        part = self.workbook_part()
        if part.lower().endswith(".bin"):
            raise self.error("is a binary workbook (.xlsb), which sheetml does not read: save it as .xlsx")
        if self.check_prolog(part, self.read(part)).local != "workbook":
            raise self.error(f"is not an Excel workbook: its main part {part!r} is another document")


def _read_file(path: Path) -> bytes:
    if path.is_dir():
        raise WorkbookError(f"{path} is a folder, not a workbook.")
    if path.exists() and not path.is_file():
        raise WorkbookError(f"{path} is not a regular file.")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise WorkbookError(f"{path} is refused: it has {size:,} bytes, over {MAX_FILE_BYTES:,}.")
        return path.read_bytes()
    except FileNotFoundError:
        raise WorkbookError(f"{path} does not exist.") from None
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or str(cause)
        raise WorkbookError(f"{path} cannot be read ({reason}).") from None


def _open_zip(path: Path, content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except _UNPACKING_FAILURES:
        raise WorkbookError(f"{path} {_why_not_a_zip(content)}.") from None


def _why_not_a_zip(content: bytes) -> str:
    """What the content of a file that is no zip looks like."""
    if not content:
        return "is empty"
    if content.startswith(OLE2_SIGNATURE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            return "is protected by a password: remove the password in Excel first"
        return "is a legacy workbook (.xls), which sheetml does not read: save it as .xlsx"
    if content.startswith(ZIP_SIGNATURE):
        return "is damaged: the zip package is truncated or broken"
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "is not a workbook: it is an HTML page"
    if head.startswith(b"<"):
        return "is not a workbook: it is an XML file"
    if _is_text(content[:4096]):
        separated = re.search(rb"[^\r\n,;\t]*[,;\t][^\r\n]*\r?\n", content[:4096])
        return "is not a workbook: it looks like " + ("CSV text" if separated else "plain text")
    return "is not a workbook: it is no zip package"


def _is_text(head: bytes) -> bool:
    return not re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", head)


def _part_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")


def _key(name: str) -> str:
    return _part_name(name).lower()


def _release(element: etree._Element) -> None:
    """Drop an element that has been dealt with and its elder siblings, so that memory stays flat."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
