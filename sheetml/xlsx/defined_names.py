"""Defined names that the output has and the file had not, or no longer has: a patch of the workbook part.

ECMA-376, part 1, 18.2.5 and 18.2.6. Excel lists the names by name, those of one name by their sheet's
name; a name's place is kept, and so is every byte that speaks of no changed name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from sheetml.xlsx.cell_text import unescape
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.sheet_patch import escape_text, utf8_part

NameChanges = Mapping[tuple[int, str], str | None]  # by sheet, its position, and name: what it refers to; None: gone

_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_BEFORE = ("sheets", "functionGroups", "externalReferences")  # what the list of names comes right after


def with_names(file: WorkbookFile, changes: NameChanges, patched: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """The workbook part with these hidden names local to sheets, by the name of its entry.

    `patched` holds what changes already. What a name refers to is stated without "=": ValueError where it holds a
    character that XML cannot.
    """
    if any(text is not None and _UNSTORABLE.search(text) for text in changes.values()):
        raise ValueError("a name refers to what a file cannot hold")
    package = file.package
    part = package.workbook_part()
    entry = package.entry(part)
    data = patched.get(entry.filename)
    content = utf8_part(package.read_entry(entry) if data is None else data)
    try:
        found = _Names(content)
    except expat.ExpatError as cause:
        raise package.malformed(part, cause) from None
    if found.after is None:
        raise package.error("is damaged: its workbook part lists no sheet")
    own = {sheet.name.casefold(): position for position, sheet in enumerate(file.sheets)}
    numbers = {own[name]: number for number, name in enumerate(found.sheets) if name in own}
    wanted = {(numbers[sheet], name.casefold()): (name, text) for (sheet, name), text in changes.items()}
    return {entry.filename: _patched(content, found, wanted)}


class _Stated(NamedTuple):
    """A definedName element: what it names, and its bytes from `start` to `end`."""

    key: tuple[int | None, str]  # the sheet's number, the name in small letters
    start: int
    end: int


class _Names:
    """Where the workbook part lists its names."""

    def __init__(self, content: bytes) -> None:
        self.sheets: list[str] = []  # their names in small letters, in the file's order
        self.stated: list[_Stated] = []
        self.list: tuple[int, int] | None = None  # the element definedNames, from its first byte to its last
        self.inside = 0  # where its content begins
        self.after: int | None = None  # where it would stand
        self.prefix = ""
        self._content = content
        self._open: list[tuple[str, int, int]] = []  # the elements around, and where their start tags begin and end
        self._key: tuple[int | None, str] = (None, "")
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.Parse(content, True)

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        prefix, _, name = qualified.rpartition(":")
        depth, at = len(self._open), self._parser.CurrentByteIndex
        self._open.append((name, at, _end_of_tag(self._content, at)))
        if depth == 0:
            self.prefix = f"{prefix}:" if prefix else ""
        elif depth == 1 and name == "definedNames":
            self.inside = self._open[-1][2]
        elif depth == 2 and name == "sheet" and self._open[1][0] == "sheets":
            self.sheets.append(unescape(attributes.get("name", "")).casefold())
        elif depth == 2 and name == "definedName":
            sheet = attributes.get("localSheetId")
            self._key = (None if sheet is None else int(sheet), unescape(attributes.get("name", "")).casefold())

    def _end(self, qualified: str) -> None:
        name, start, inside = self._open.pop()
        depth = len(self._open)
        if depth > 2 or (depth == 2 and name != "definedName") or depth == 0:
            return
        without_content = self._content[inside - 2 : inside] == b"/>"
        end = inside if without_content else _end_of_tag(self._content, self._parser.CurrentByteIndex)
        if depth == 2:
            self.stated.append(_Stated(self._key, start, end))
        elif name == "definedNames":
            self.list = (start, end)
        elif name in _BEFORE:
            self.after = end

    def order(self, key: tuple[int | None, str]) -> tuple[str, str]:
        """How Excel sorts names: by name, then by their sheet's name."""
        number, name = key
        known = number is not None and number < len(self.sheets)
        return name, self.sheets[number] if known and number is not None else ""


def _end_of_tag(content: bytes, at: int) -> int:
    """Where the tag that begins at a byte ends."""
    match = _TAG.match(content, at)
    return len(content) if match is None else match.end()


def _patched(content: bytes, found: _Names, wanted: Mapping[tuple[int, str], tuple[str, str | None]]) -> bytes:
    from xml.sax.saxutils import escape, quoteattr  # slow to import: with it comes what fetches pages

    elements = {
        key: f'<{found.prefix}definedName name={quoteattr(escape_text(name))} localSheetId="{key[0]}" hidden="1">'
        f"{escape(text)}</{found.prefix}definedName>".encode("ascii", "xmlcharrefreplace")
        for key, (name, text) in wanted.items()
        if text is not None
    }
    edits: list[tuple[int, int, bytes]] = []  # from, to, instead
    placed: set[Any] = set()
    kept = 0
    for stated in found.stated:
        if stated.key in wanted:
            new = elements.get(stated.key, b"") if stated.key not in placed else b""  # type: ignore[arg-type]
            placed.add(stated.key)
            edits.append((stated.start, stated.end, new))
        else:
            new = content[stated.start : stated.end]
        kept += bool(new)
    new_keys = sorted((key for key in elements if key not in placed), key=found.order)
    if found.list is None or found.list[1] == found.inside:  # none, or one without content: <definedNames/>
        start, end = found.list or (found.after or 0, found.after or 0)
        edits = [(start, end, _list_of(found, b"".join(elements[key] for key in new_keys)))] if new_keys else []
    elif not kept and not new_keys:
        edits = [(*found.list, b"")]  # the list may not be empty
    else:
        edits += [(at, at, elements[key]) for key in new_keys for at in [_place_of(found, key)]]
    return _edited(content, edits)


def _list_of(found: _Names, elements: bytes) -> bytes:
    name = f"{found.prefix}definedNames".encode()
    return b"<" + name + b">" + elements + b"</" + name + b">"


def _place_of(found: _Names, key: tuple[int, str]) -> int:
    """Where a new name belongs: before the first that comes after it."""
    order = found.order(key)
    later = (stated.start for stated in found.stated if found.order(stated.key) > order)
    return next(later, found.stated[-1].end if found.stated else found.inside)


def _edited(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """The bytes with pieces replaced; what is inserted at one place stays in the order given."""
    parts, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        parts += [content[at:start], new]
        at = end
    return b"".join([*parts, content[at:]])
