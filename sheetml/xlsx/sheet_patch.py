"""Changes cell values within the bytes of a worksheet part; every other byte stays as it is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple
from xml.parsers import expat

import numpy as np

from sheetml.xlsx.cell_text import parse_address, parse_area
from sheetml.xlsx.model import ERROR_TEXT, MAX_COLUMNS, MAX_ROWS, MAX_TEXT, Area, CellValue, ErrorCode, cell_address
from sheetml.xlsx.package import NAMESPACE_SEPARATOR


@dataclass(frozen=True, slots=True)
class CellContent:
    """A cell's new content: its formula as files state it, without "=" (None for none), and its value."""

    formula: str | None
    value: CellValue


@dataclass(frozen=True, slots=True)
class ArrayResult:
    """The first cell of an array formula that, otherwise as it is, fills another area now, and its value."""

    value: CellValue
    area: Area


CellChange = CellValue | CellContent | ArrayResult  # a value alone leaves the cell's formula as it is
CellChanges = Mapping[tuple[int, int], CellChange]

_START_TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(rb"<([^\s/>]+)")
# What XML cannot hold or would alter (a carriage return), and what would read as such an escape.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_XML_DECLARATION_ENCODING = re.compile(r"""(<\?xml[^>]*?encoding\s*=\s*["'])[^"']*""")


# --- values ------------------------------------------------------------------------------------


class StoredValue(NamedTuple):
    """A value as a cell's XML states it: its t attribute, and the content of <v> or of <is>."""

    type: bytes | None
    value: bytes | None
    inline: bool = False


def number_text(value: float) -> str:
    """The shortest decimal that reads back as the same number; ValueError for NaN and infinities."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a value that a cell can hold")
    return repr(number + 0.0).removesuffix(".0")  # adding 0.0 turns -0.0 into 0.0


def escape_text(text: str) -> str:
    """Text with the characters that XML cannot hold as Excel's _xHHHH_ escapes."""
    return _UNSAFE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def stored_value(value: CellValue, computed: bool) -> StoredValue:
    """How a value is stored in a cell; a computed text is held otherwise than one typed in."""
    if value is None:
        return StoredValue(None, None)
    if isinstance(value, ErrorCode):
        return StoredValue(b"e", _error_text(value).encode("ascii"))
    if isinstance(value, (bool, np.bool_)):
        return StoredValue(b"b", b"1" if value else b"0")
    if isinstance(value, str):
        return StoredValue(b"str" if computed else b"inlineStr", _text_bytes(value), inline=not computed)
    return StoredValue(None, number_text(value).encode("ascii"))


def _error_text(code: ErrorCode) -> str:
    if code == ErrorCode.UNCOMPUTABLE:
        raise ValueError("an uncomputable value cannot be stored in a cell")
    # Excel stores its newer errors as #VALUE!, and says in the value's metadata which one is meant.
    return ERROR_TEXT[code if code < ErrorCode.SPILL else ErrorCode.VALUE]


def _text_bytes(text: str) -> bytes:
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text of {len(text):,} characters does not fit into a cell ({MAX_TEXT:,})")
    return _xml_bytes(text)


def _xml_bytes(text: str) -> bytes:
    """Text as it stands in an element: character references make it right in whatever encoding the part has."""
    return escape(escape_text(text), quote=False).encode("ascii", "xmlcharrefreplace")


# --- where things are --------------------------------------------------------------------------


class UnpatchableSheet(Exception):
    """The part is not one in which cells can be changed; the message says why."""


@dataclass(slots=True)
class _Span:
    """An element's place: the byte where it starts, and the one expat reports for its end."""

    name: str
    attributes: dict[str, str]
    start: int
    reported_end: int = 0
    children: list[_Span] = field(default_factory=list)


class _Edit(NamedTuple):
    start: int
    end: int
    content: bytes


def utf8_part(data: bytes) -> bytes:
    """The part in an encoding that extends ASCII: UTF-16 becomes UTF-8, the others stay as they are."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16")
    elif data.startswith((b"<\x00", b"\x00<")):
        text = data.decode("utf-16-le" if data.startswith(b"<") else "utf-16-be")
    else:
        return data
    return _XML_DECLARATION_ENCODING.sub(r"\1UTF-8", text, count=1).encode("utf-8")


class SheetPatch:
    """One worksheet part and the changes to its cells.

    `array_areas` are the areas that array formulas fill: their cells are computed though they hold no
    formula. `error_metadata` gives the vm attribute with which the file states one of the newer errors.
    """

    def __init__(
        self,
        data: bytes,
        namespace: str,
        changes: CellChanges,
        array_areas: Iterable[Area] = (),
        error_metadata: Mapping[ErrorCode, str] | None = None,
    ) -> None:
        self.data = utf8_part(data)
        self.changes = _by_row(changes)
        self.array_areas = list(array_areas)
        self.error_metadata = error_metadata or {}
        prefix = namespace + NAMESPACE_SEPARATOR if namespace else ""
        self.names = {prefix + local: local for local in ("sheetData", "dimension", "row", "c", "f", "v", "is")}
        self.edits: list[_Edit] = []
        self.inserted: list[tuple[int, int]] = []
        self.row_starts: dict[int, int] = {}
        self.dimension: _Span | None = None
        self.sheet_data: _Span | None = None
        self.row: _Span | None = None
        self.last_row = 0
        self.open: list[_Span] = []  # the row and what is open in it, if its cells are looked at

    def apply(self) -> bytes:
        """The part with the changes made."""
        self.parser = expat.ParserCreate(namespace_separator=NAMESPACE_SEPARATOR)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        try:
            self.parser.Parse(self.data, True)
        except expat.ExpatError as cause:  # it holds some names to be malformed that lxml lets pass
            raise UnpatchableSheet(f"line {cause.lineno} of it is not well-formed XML") from None
        self._insert_rows()
        self._widen_dimension()
        return self._edited()

    # --- the scan: find rows and, in rows that change, cells

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.row is not None:
            if self.open:
                span = _Span(self.names.get(name, name), attributes, self.parser.CurrentByteIndex)
                self.open[-1].children.append(span)
                self.open.append(span)
            return
        local = self.names.get(name)
        if local == "row":
            self._start_row(_Span(local, attributes, self.parser.CurrentByteIndex))
        elif local == "sheetData":
            self.sheet_data = _Span(local, attributes, self.parser.CurrentByteIndex)
        elif local == "dimension":
            self.dimension = _Span(local, attributes, self.parser.CurrentByteIndex)

    def _start_row(self, row: _Span) -> None:
        self.row = row
        stated = row.attributes.get("r")
        if stated is None or int(stated) in self.changes:
            self.open.append(row)

    def _end(self, name: str) -> None:
        if len(self.open) > 1:
            self.open.pop().reported_end = self.parser.CurrentByteIndex
            return
        local = self.names.get(name)
        if self.row is not None:
            if local == "row":
                self.row.reported_end = self.parser.CurrentByteIndex
                self._finish_row(self.row)
                self.row = None
                self.open.clear()
        elif local == "sheetData" and self.sheet_data is not None:
            self.sheet_data.reported_end = self.parser.CurrentByteIndex

    def _finish_row(self, row: _Span) -> None:
        cells = [child for child in row.children if child.name == "c"]
        self.last_row = number = self._row_number(row, cells)
        self.row_starts[number] = row.start
        if number in self.changes:
            self._change_row(row, number, cells, self.changes[number])

    def _row_number(self, row: _Span, cells: list[_Span]) -> int:
        stated = row.attributes.get("r")
        if stated is not None:
            return int(stated)
        addresses = (parse_address(cell.attributes.get("r", "")) for cell in cells)
        return next((address[0] for address in addresses if address), self.last_row + 1)

    # --- the changes

    def _change_row(self, row: _Span, number: int, cells: list[_Span], changes: dict[int, CellChange]) -> None:
        places = _columns(cells)
        new = {
            column: change for column, change in sorted(changes.items()) if column not in places and _is_filled(change)
        }
        for column, cell in places.items():
            if column in changes:
                self._change_cell(cell, number, column, changes[column])
        if not new:
            return
        at_the_end = b""
        following = sorted((column, cell.start) for column, cell in places.items())
        for column, value in new.items():
            content = self._new_cell(self._prefix(row), number, column, value)
            start = next((start for place, start in following if place > column), None)
            if start is None:
                at_the_end += content
            else:
                self.edits.append(_Edit(start, start, content))
        spans = _wider_spans(row.attributes.get("spans"), new)
        self._append(row, at_the_end, {} if spans is None else {b"spans": spans})

    def _change_cell(self, cell: _Span, row: int, column: int, value: CellChange) -> None:
        if isinstance(value, CellContent):
            self._replace_content(cell, row, column, value)
            return
        formulas = [child for child in cell.children if child.name == "f"]
        if isinstance(value, ArrayResult):
            for formula in formulas:
                self._append(formula, b"", {b"ref": _area_text(value.area)})
            value = value.value
        stated = [child for child in cell.children if child.name in ("v", "is")]
        computed = bool(formulas) or cell.attributes.get("t") == "str"
        stored = self._stored(value, computed, row, column)
        metadata = self._metadata(value)
        if self._keeps_its_tag(cell, stored, metadata):
            if not stated and stored.value is None:
                return
            if len(stated) == 1 and self._change_content(stated[0], stored):
                return
        tag_end = self._tag_end(cell)
        tag = self.data[cell.start : tag_end]
        content = _value_element(self._prefix(cell), stored)
        attributes = {b"t": stored.type, b"vm": metadata}
        if self._is_empty(cell):
            tag = _with_attributes(tag, attributes, opened=bool(content))
            closing = b"</" + _tag_name(tag) + b">" if content else b""
            self.edits.append(_Edit(cell.start, tag_end, tag + content + closing))
            return
        self.edits.append(_Edit(cell.start, tag_end, _with_attributes(tag, attributes)))
        if not stated:
            after = self._span_end(formulas[-1]) if formulas else tag_end
            self.edits.append(_Edit(after, after, content))
        for position, child in enumerate(stated):
            replacement = b"" if position else content
            self.edits.append(_Edit(child.start, self._span_end(child), replacement))

    def _replace_content(self, cell: _Span, row: int, column: int, content: CellContent) -> None:
        """Puts a new formula, or none, and a value into a cell; its format stays."""
        tag_end = self._tag_end(cell)
        stored = self._stored(content.value, content.formula is not None, row, column)
        inside = self._content(self._prefix(cell), content.formula, stored)
        attributes = {b"t": stored.type, b"vm": self._metadata(content.value), b"cm": None}
        tag = _with_attributes(self.data[cell.start : tag_end], attributes, opened=bool(inside))
        if self._is_empty(cell):
            closing = b"</" + _tag_name(tag) + b">" if inside else b""
            self.edits.append(_Edit(cell.start, tag_end, tag + inside + closing))
            return
        self.edits.append(_Edit(cell.start, tag_end, tag + inside))
        for child in cell.children:
            if child.name in ("f", "v", "is"):
                self.edits.append(_Edit(child.start, self._span_end(child), b""))

    @staticmethod
    def _content(prefix: bytes, formula: str | None, stored: StoredValue) -> bytes:
        if formula is None:
            return _value_element(prefix, stored)
        space = b' xml:space="preserve"' if formula != formula.strip() else b""
        text = _xml_bytes(formula)
        return b"<%sf%s>%s</%sf>" % (prefix, space, text, prefix) + _value_element(prefix, stored)

    def _keeps_its_tag(self, cell: _Span, stored: StoredValue, metadata: bytes | None) -> bool:
        kind, note = cell.attributes.get("t", "n"), cell.attributes.get("vm")
        return kind.encode() == (stored.type or b"n") and (note and note.encode()) == metadata

    def _change_content(self, stated: _Span, stored: StoredValue) -> bool:
        """Change a <v> of the same type in place, unless it says the same; False where that cannot be."""
        start, end = self._tag_end(stated), stated.reported_end
        if stated.name != "v" or stored.value is None or start > end or self.data[start - 2] == ord("/"):
            return False
        old = self.data[start:end]
        if old == stored.value or (stored.type is None and _same_number(old, stored.value)):
            return True
        if stored.type == b"str":  # may need another tag, for its white space
            return False
        self.edits.append(_Edit(start, end, stored.value))
        return True

    def _stored(self, value: CellValue, computed: bool, row: int, column: int) -> StoredValue:
        try:
            if isinstance(value, str) and not computed:
                computed = self._in_array(row, column)
            return stored_value(value, computed)
        except (ValueError, TypeError) as cause:
            raise ValueError(f"{cell_address(row, column)}: {cause}") from None

    def _metadata(self, value: CellValue) -> bytes | None:
        if isinstance(value, ErrorCode) and value in self.error_metadata:
            return self.error_metadata[value].encode("ascii")
        return None

    def _new_cell(self, prefix: bytes, row: int, column: int, change: CellChange) -> bytes:
        self.inserted.append((row, column))
        if isinstance(change, ArrayResult):
            raise ValueError(f"{cell_address(row, column)}: there is no array formula whose area could change")
        formula, value = (change.formula, change.value) if isinstance(change, CellContent) else (None, change)
        stored = self._stored(value, formula is not None, row, column)
        tag = b'<%sc r="%s"/>' % (prefix, cell_address(row, column).encode("ascii"))
        tag = _with_attributes(tag, {b"t": stored.type, b"vm": self._metadata(value)}, opened=True)
        return tag + self._content(prefix, formula, stored) + b"</%sc>" % prefix

    def _insert_rows(self) -> None:
        """Add the rows that do not exist yet, each before the first row that follows it."""
        if self.sheet_data is None:
            raise UnpatchableSheet("it has no sheetData element")
        prefix = self._prefix(self.sheet_data)
        missing = [
            (number, self._new_row(prefix, number, changes))
            for number, changes in sorted(self.changes.items())
            if number not in self.row_starts
        ]
        missing.reverse()
        for number, start in self.row_starts.items():
            while missing and missing[-1][0] < number:
                self.edits.append(_Edit(start, start, missing.pop()[1]))
        self._append(self.sheet_data, b"".join(content for _, content in reversed(missing)), {})

    def _new_row(self, prefix: bytes, number: int, changes: dict[int, CellChange]) -> bytes:
        cells = [
            self._new_cell(prefix, number, column, change)
            for column, change in sorted(changes.items())
            if _is_filled(change)
        ]
        if not cells:
            return b""
        return b'<%srow r="%d">' % (prefix, number) + b"".join(cells) + b"</%srow>" % prefix

    def _append(self, element: _Span, content: bytes, attributes: Mapping[bytes, bytes | None]) -> None:
        """Add content at the end of an element, and change attributes of its start tag."""
        tag_end = self._tag_end(element)
        tag = self.data[element.start : tag_end]
        if self._is_empty(element):
            if content:
                content += b"</" + _tag_name(tag) + b">"
            tag = _with_attributes(tag, attributes, opened=bool(content))
            self.edits.append(_Edit(element.start, tag_end, tag + content))
            return
        if attributes:
            self.edits.append(_Edit(element.start, tag_end, _with_attributes(tag, attributes)))
        if content:
            self.edits.append(_Edit(element.reported_end, element.reported_end, content))

    def _widen_dimension(self) -> None:
        if self.dimension is None or not self.inserted:
            return
        area = parse_area(self.dimension.attributes.get("ref", ""))
        if area is None:
            return
        rows = [row for row, _ in self.inserted] + [area.top, area.bottom]
        columns = [column for _, column in self.inserted] + [area.left, area.right]
        wider = Area(min(rows), min(columns), max(rows), max(columns))
        if wider != area:
            self._append(self.dimension, b"", {b"ref": _area_text(wider)})

    def _in_array(self, row: int, column: int) -> bool:
        return any(area.top <= row <= area.bottom and area.left <= column <= area.right for area in self.array_areas)

    # --- bytes

    def _tag_end(self, element: _Span) -> int:
        match = _START_TAG.match(self.data, element.start)
        assert match is not None, "expat reports where a tag starts"
        return match.end()

    def _is_empty(self, element: _Span) -> bool:
        """Whether the element is written as one tag, <c/>."""
        return self.data[self._tag_end(element) - 2 : self._tag_end(element)] == b"/>"

    def _span_end(self, element: _Span) -> int:
        if self._is_empty(element):
            return self._tag_end(element)
        return self.data.index(b">", element.reported_end) + 1

    def _prefix(self, element: _Span) -> bytes:
        """The namespace prefix of an element with its colon: b"" or, say, b"x:"."""
        name = _tag_name(self.data[element.start : self._tag_end(element)])
        return name[: name.rfind(b":") + 1]

    def _edited(self) -> bytes:
        pieces: list[bytes] = []
        position = 0
        # What is inserted before an element has no length, so it sorts before what replaces its tag.
        for edit in sorted(self.edits, key=lambda edit: (edit.start, edit.end)):
            pieces += (self.data[position : edit.start], edit.content)
            position = edit.end
        return b"".join((*pieces, self.data[position:]))


def _area_text(area: Area) -> bytes:
    corners = cell_address(area.top, area.left), cell_address(area.bottom, area.right)
    return ":".join(dict.fromkeys(corners)).encode("ascii")


def _same_number(old: bytes, new: bytes) -> bool:
    """Whether both are the same number, perhaps in other digits."""
    try:
        return float(old) == float(new)
    except ValueError:
        return False


def _is_filled(change: CellChange) -> bool:
    """Whether a cell with this content needs an element of its own."""
    return change is not None and change != CellContent(None, None)


def _by_row(changes: CellChanges) -> dict[int, dict[int, CellChange]]:
    rows: dict[int, dict[int, CellChange]] = {}
    for (row, column), value in changes.items():
        if not (1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS):
            raise ValueError(f"row {row}, column {column} lies beyond Excel's limits")
        rows.setdefault(int(row), {})[int(column)] = value
    return rows


def _columns(cells: list[_Span]) -> dict[int, _Span]:
    """The cells of a row by column; one that states no address follows its elder neighbour."""
    places: dict[int, _Span] = {}
    column = 0
    for cell in cells:
        address = parse_address(cell.attributes.get("r", ""))
        column = address[1] if address else column + 1
        places[column] = cell
    return places


def _wider_spans(spans: str | None, columns: Iterable[int]) -> bytes | None:
    """The row's spans attribute where new cells fall outside the one it has, else None."""
    bounds = [int(bound) for bound in re.findall(r"\d+", spans or "")]
    outside = [column for column in columns if bounds and not min(bounds) <= column <= max(bounds)]
    if not outside:
        return None
    return b"%d:%d" % (min(bounds + outside), max(bounds + outside))


def _value_element(prefix: bytes, stored: StoredValue) -> bytes:
    if stored.value is None:
        return b""
    if stored.inline:
        return b'<%sis><%st xml:space="preserve">%s</%st></%sis>' % (
            prefix, prefix, stored.value, prefix, prefix,
        )  # fmt: skip
    space = b' xml:space="preserve"' if stored.value != stored.value.strip() else b""
    return b"<%sv%s>%s</%sv>" % (prefix, space, stored.value, prefix)


def _tag_name(tag: bytes) -> bytes:
    match = _TAG_NAME.match(tag)
    assert match is not None, "a start tag has a name"
    return match[1]


def _with_attributes(tag: bytes, values: Mapping[bytes, bytes | None], opened: bool = False) -> bytes:
    """A start tag with these attributes set, or dropped where None; `opened` makes <c/> into <c>."""
    pending = {name: value for name, value in values.items() if value is not None}

    def replace(match: re.Match[bytes]) -> bytes:
        name, quoted = match[1], match[2]
        if name not in values:
            return match[0]
        value = pending.pop(name, None)
        if value is None:
            return b""
        return match[0] if quoted[1:-1] == value else b' %s="%s"' % (name, value)

    empty = tag.endswith(b"/>")
    body = _ATTRIBUTE.sub(replace, tag[: -2 if empty else -1])
    added = b"".join(b' %s="%s"' % item for item in pending.items())
    if added:
        body = body.rstrip() + added
    return body + (b"/>" if empty and not opened else b">")
