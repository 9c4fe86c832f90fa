"""Rows of a worksheet part in the plain form in which nearly every program writes them, found by array operations.

The plain form: rows and cells that state where they are; in a cell a formula and a value, or an inline string of one
piece; attributes in double quotes; nothing else, no comments, no other elements. `scan` proves that bytes are of this
form, and therefore well-formed XML, or gives None; then a parser has to look at them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from sheetml.xlsx.byte_arrays import PADDING, Bytes, distinct, number_of, whole_numbers
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

MOST_ATTRIBUTES = 64  # bytes of a cell's attributes beside its address
MOST_TEXT = 10_000_000  # bytes between two tags, as libxml2 has it

# What a tag is; ODD is one that the plain form does not know.
ODD, ROW, ROW_EMPTY, ROW_END, C, C_EMPTY, C_END, F, F_EMPTY, F_END, V, V_EMPTY, V_END, IS, IS_END, T, T_END = range(17)
_KINDS = 32

_NEXT = {
    ROW: (C, C_EMPTY, ROW_END),
    ROW_EMPTY: (ROW, ROW_EMPTY),
    ROW_END: (ROW, ROW_EMPTY),
    C: (F, F_EMPTY, V, V_EMPTY, IS, C_END),
    C_EMPTY: (C, C_EMPTY, ROW_END),
    C_END: (C, C_EMPTY, ROW_END),
    F: (F_END,),
    F_EMPTY: (V, V_EMPTY, C_END),
    F_END: (V, V_EMPTY, C_END),
    V: (V_END,),
    V_EMPTY: (C_END,),
    V_END: (C_END,),
    IS: (T,),
    T: (T_END,),
    T_END: (IS_END,),
    IS_END: (C_END,),
}
_FOLLOWS = np.zeros(_KINDS * _KINDS, bool)
for _before, _after in _NEXT.items():
    _FOLLOWS[[_before * _KINDS + each for each in _after]] = True
_HOLDS_TEXT = np.isin(np.arange(_KINDS), (F, V, T))

# Tags without attributes, as they stand between "<" and ">"; of at most four bytes.
_BARE = {
    b"/row": ROW_END, b"/c": C_END, b"f": F, b"/f": F_END, b"v": V, b"/v": V_END, b"v/": V_EMPTY,
    b"v /": V_EMPTY, b"is": IS, b"/is": IS_END, b"t": T, b"/t": T_END,
}  # fmt: skip
_BARE_KEYS = 1 << 13
_BARE_KIND, _BARE_TEXT = np.zeros(_BARE_KEYS, np.uint8), np.zeros(_BARE_KEYS, np.uint32)


def _bare_key(first: np.ndarray, second: np.ndarray, length: np.ndarray) -> np.ndarray:
    """A number by which the bare tags differ: of their first two bytes and their length."""
    key: np.ndarray = (
        (first & np.uint8(31)).astype(np.uint16)
        | (second & np.uint8(31)).astype(np.uint16) << np.uint16(5)
        | np.minimum(length, 7).astype(np.uint16) << np.uint16(10)
    )
    return key


for _text, _kind in _BARE.items():
    _place = int(_bare_key(*(np.array([each]) for each in ((_text + b">")[0], (_text + b">")[1], len(_text))))[0])
    assert not _BARE_KIND[_place], "bare tags differ by their keys"
    _BARE_KIND[_place], _BARE_TEXT[_place] = _kind, int(number_of(_text))

_ENTITIES = (b"&lt;", b"&gt;", b"&amp;", b"&quot;", b"&apos;")
_SPACE_PRESERVED = b't xml:space="preserve"'
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_ATTRIBUTES = re.compile(rf'(?:[ \n\t]+{_NAME}(?::{_NAME})?="[^"<&\x00-\x1f\x7f-\xff]*")*[ \n\t]*'.encode())
_ATTRIBUTE = re.compile(rf'[ \n\t]+({_NAME})(?::({_NAME}))?="([^"]*)"'.encode())

Attributes = dict[str, str]


@dataclass(slots=True)
class Texts:
    """What elements within cells hold: where the text of each cell's starts, and its length, -1 where it has none."""

    start: np.ndarray  # int64 (n,)
    length: np.ndarray  # int64 (n,)


@dataclass(slots=True)
class Formulas(Texts):
    """The same of formulas; `written` says by the position in `attributes` which attributes a formula has."""

    written: np.ndarray  # int (n,)
    attributes: list[Attributes]


@dataclass(slots=True)
class PlainRows:
    """The cells of rows in the plain form, in their order: arrays of one length n, places in the data.

    `written` says by the position in `attributes` which attributes a cell has beside its address.
    """

    row: np.ndarray  # int32 (n,)
    column: np.ndarray  # int32 (n,)
    written: np.ndarray  # int (n,)
    attributes: list[Attributes]
    formulas: Formulas
    values: Texts  # of <v>
    inlines: Texts  # of inline strings
    row_number: np.ndarray  # int32 (rows,), also of rows without cells
    row_start: np.ndarray  # int64 (rows,), of the row's tag
    row_end: np.ndarray  # int64 (rows,), behind the row
    hidden: list[int]  # the rows that say so


def attributes_of(text: bytes, prefixes: Collection[str] = ()) -> Attributes | None:
    """The attributes in a tag, those with a prefix by their local names; None where they are not plainly written."""
    if not _ATTRIBUTES.fullmatch(text):
        return None
    found: Attributes = {}
    for first, second, value in _ATTRIBUTE.findall(text):
        prefix, name = (first.decode(), second.decode()) if second else ("", first.decode())
        if name in found or name == "xmlns" or prefix == "xmlns" or (prefix and prefix not in prefixes):
            return None
        found[name if not prefix else f"{prefix}:{name}"] = value.decode()
        if prefix:
            found.setdefault(name, "")
    return found


def scan(data: Bytes, start: int, end: int, prefixes: Collection[str]) -> PlainRows | None:
    """The rows between two places, if all there is of the plain form; `prefixes` are those of namespaces that may be
    used there. Behind the end there must be more of the part (`PADDING`)."""
    if end - start < len("<row/>") or len(data.data) - end < PADDING or not _plain_text(data, start, end):
        return None
    tags = _tags(data, start, end)
    return None if tags is None else _Scan(data, *tags).rows(prefixes)


def _plain_text(data: Bytes, start: int, end: int) -> bool:
    """Whether characters are all such as XML can hold, and references name one of its five."""
    part = data.each[start:end]
    if part.min() < 32 and not np.isin(part[part < 32], (9, 10)).all():
        return False
    if part.max() > 126:
        try:
            text = data.data[start:end].decode("utf-8")
        except UnicodeDecodeError:
            return False
        if re.search("[\x7f-\x9f\ufffe\uffff]", text):
            return False
    references = np.flatnonzero(part == ord("&")) + start
    left = references
    for entity in _ENTITIES:
        left = left[data.head(left, len(entity)) != number_of(entity)]
    return not left.size


def _tags(data: Bytes, start: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Where tags open and close, and what they are, if each may follow the one before it."""
    part = data.each[start:end]
    opened, closed = np.flatnonzero(part == ord("<")), np.flatnonzero(part == ord(">"))
    if not opened.size or opened.size > closed.size:
        return None
    if opened.size < closed.size:  # some of those that close stand in text
        if data.data.find(b"]]>", start, end) >= 0:
            return None
        closed = closed[np.minimum(closed.searchsorted(opened), closed.size - 1)]
    if not ((opened < closed).all() and (closed[:-1] < opened[1:]).all()):
        return None
    opened += start
    closed += start
    kinds = _kinds(data, opened, closed)
    if kinds[0] not in (ROW, ROW_EMPTY) or kinds[-1] not in (ROW_END, ROW_EMPTY):
        return None
    if not _FOLLOWS[kinds[:-1].astype(np.uint16) * np.uint16(_KINDS) + kinds[1:]].all():
        return None
    between = opened[1:] - closed[:-1] - 1
    blank = ~_HOLDS_TEXT[kinds[:-1]] & (between > 0)
    edges = data.text(start, int(opened[0]) - start) + data.text(int(closed[-1]) + 1, end - int(closed[-1]) - 1)
    if edges.strip(b" \t\n") or (end - start > MOST_TEXT and between.max() >= MOST_TEXT):
        return None
    if blank.any():
        filled = np.concatenate([[0], np.cumsum(part > 32, dtype=np.int64)])
        places = np.flatnonzero(blank)
        if (filled[opened[places + 1] - start] != filled[closed[places] + 1 - start]).any():
            return None
    return opened, closed, kinds


def _kinds(data: Bytes, opened: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """What tags are, by their names: uint8 (n,)."""
    lengths = closed - opened - 1
    head = data.words[opened + 1]
    first, second = (head & np.uint64(255)).astype(np.uint8), (head >> np.uint64(8)).astype(np.uint8)
    key = _bare_key(first, second, lengths)
    kinds = _BARE_KIND[key]
    bare = (head & np.uint64(0xFFFFFFFF)).astype(np.uint32) & _SHORT[np.minimum(lengths, 4)]
    kinds[(bare != _BARE_TEXT[key]) | (lengths > 4)] = ODD
    long = np.flatnonzero(kinds == ODD)
    empty = data.each[closed[long] - 1] == ord("/")
    start, spaced = head[long], second[long] == ord(" ")
    is_row = (start & np.uint64(0xFFFFFFFF)) == number_of(b"row ")
    found = np.full(len(long), ODD, np.uint8)
    for letter, kind, kind_empty in ((b"c", C, C_EMPTY), (b"f", F, F_EMPTY)):
        named = spaced & (first[long] == letter[0])
        found[named] = np.where(empty[named], kind_empty, kind)
    found[is_row] = np.where(empty[is_row], ROW_EMPTY, ROW)
    bare_formula = (lengths[long] == 2) & ((start & np.uint64(0xFFFF)) == number_of(b"f/"))
    found[bare_formula] = F_EMPTY
    text = np.flatnonzero((lengths[long] == len(_SPACE_PRESERVED)) & (first[long] == ord("t")))
    for position in text.tolist():
        place = int(opened[long[position]]) + 1
        found[position] = T if data.text(place, len(_SPACE_PRESERVED)) == _SPACE_PRESERVED else ODD
    kinds[long] = found
    return kinds


_SHORT = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF], np.uint32)


class _Scan:
    """Tags in a lawful order, to be read as rows and cells."""

    def __init__(self, data: Bytes, opened: np.ndarray, closed: np.ndarray, kinds: np.ndarray) -> None:
        self.data = data
        self.opened, self.closed, self.kinds = opened, closed, kinds
        self.row_tags = np.flatnonzero((kinds == ROW) | (kinds == ROW_EMPTY))
        is_cell = (kinds == C) | (kinds == C_EMPTY)
        self.cell_tags = np.flatnonzero(is_cell)
        self.cell_of = np.cumsum(is_cell, dtype=np.int32) - np.int32(1)  # by tag: the cell that it belongs to

    def rows(self, prefixes: Collection[str]) -> PlainRows | None:
        """The rows, or None where one of them, or a cell, is not plain or out of order."""
        numbered = self._row_numbers()
        if numbered is None:
            return None
        numbers, digits = numbered
        hidden = self._hidden_rows(numbers, digits, prefixes)
        placed = self._places(numbers, digits)
        if hidden is None or placed is None:
            return None
        rows, columns, behind = placed
        tag_end = self.closed[self.cell_tags] - (self.kinds[self.cell_tags] == C_EMPTY)
        cells = self._attributes(behind, tag_end - behind, ("s", "t", "cm", "vm", "ph"))
        formulas = self._formulas()
        if cells is None or formulas is None:
            return None
        ends = np.flatnonzero((self.kinds == ROW_END) | (self.kinds == ROW_EMPTY))
        return PlainRows(
            row=rows,
            column=columns,
            written=cells[0],
            attributes=cells[1],
            formulas=formulas,
            values=self._texts(V),
            inlines=self._texts(T),
            row_number=numbers,
            row_start=self.opened[self.row_tags],
            row_end=self.closed[ends] + 1,
            hidden=hidden,
        )

    # ---- rows

    def _row_numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The numbers of rows and how many digits they have; None where they are not stated or not ascending."""
        data, start = self.data, self.opened[self.row_tags]
        if not data.starts_with(start, b'<row r="'):
            return None
        start = start + 8
        digits = np.zeros(len(start), np.int64)
        for place in range(8):
            digits += (digits == place) & ((data.each[start + place] - np.uint8(48)) <= 9)
        if not (digits.all() and (digits <= 7).all() and (data.each[start + digits] == ord('"')).all()):
            return None
        numbers = whole_numbers(data, start, digits)
        if numbers is None or (data.each[start] == ord("0")).any():
            return None
        if numbers.max() > MAX_ROWS or (np.diff(numbers) <= 0).any():
            return None
        return numbers.astype(np.int32), digits

    def _hidden_rows(self, numbers: np.ndarray, digits: np.ndarray, prefixes: Collection[str]) -> list[int] | None:
        start = self.opened[self.row_tags] + 8 + digits + 1
        end = self.closed[self.row_tags] - (self.kinds[self.row_tags] == ROW_EMPTY)
        stated = self.data.texts(start, end - start)
        hides: dict[bytes, bool] = {}
        for text in set(stated):
            attributes = attributes_of(text, prefixes)
            if attributes is None or "r" in attributes:
                return None
            hides[text] = attributes.get("hidden", "").lower() in ("1", "true", "on")
        return [number for number, text in zip(numbers.tolist(), stated) if hides[text]] if any(hides.values()) else []

    # ---- cells

    def _places(self, numbers: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """The rows and columns of cells, and where their addresses end; None where one is not as expected."""
        data, tags = self.data, self.cell_tags
        start = self.opened[tags]
        counts = np.diff(np.append(np.searchsorted(tags, self.row_tags), len(tags)))
        if not data.starts_with(start, b'<c r="'):
            return None
        start = start + 6
        head = data.words[start]
        letters = [
            ((head >> np.uint64(8 * place)).astype(np.uint8) - np.uint8(65)).astype(np.int32) for place in range(3)
        ]
        are_letters = [(letter >= 0) & (letter < 26) for letter in letters]
        two = are_letters[1]
        three = two & are_letters[2]
        columns = letters[0] + 1
        columns = np.where(two, columns * 26 + letters[1] + 1, columns)
        columns = np.where(three, columns * 26 + letters[2] + 1, columns)
        # the rest of the address is the row's number as the row states it, with the quotation mark behind it
        own = start + 1 + two + three
        row_digits = np.repeat(digits, counts)
        expected = np.repeat(data.head(self.opened[self.row_tags] + 8, digits + 1), counts)
        same = data.head(own, row_digits + 1) == expected
        if not (are_letters[0].all() and same.all() and (columns <= MAX_COLUMNS).all()):
            return None
        rows = np.repeat(numbers, counts)
        ascending = (np.diff(columns) > 0) | (np.diff(rows) > 0)
        return (rows, columns, own + row_digits + 1) if ascending.all() else None

    def _attributes(
        self, start: np.ndarray, length: np.ndarray, known: Iterable[str]
    ) -> tuple[np.ndarray, list[Attributes]] | None:
        """Which attributes tags have, by their kinds, and each kind's; None where they are not plain."""
        written, attributes = np.zeros(len(start), np.intp), [Attributes()]
        some = np.flatnonzero(length > 0)
        if not some.size:
            return written, attributes
        if length[some].max() > MOST_ATTRIBUTES:
            return None
        kinds, examples = distinct(self.data, start[some], length[some])
        for text in self.data.texts(start[some[examples]], length[some[examples]]):
            found = attributes_of(text)
            if found is None or not found.keys() <= set(known):
                return None
            attributes.append(found)
        written[some] = kinds + 1
        return written, attributes

    def _formulas(self) -> Formulas | None:
        """Each cell's formula."""
        tags = np.flatnonzero((self.kinds == F) | (self.kinds == F_EMPTY))
        texts = self._texts(F)
        behind = self.opened[tags] + 2
        size = self.closed[tags] - (self.kinds[tags] == F_EMPTY) - behind
        known = ("t", "ref", "si", "ca", "aca", "bx", "dt2D", "dtr", "r1", "r2", "del1", "del2")
        found = self._attributes(behind, size, known)
        if found is None:
            return None
        written = np.zeros(len(self.cell_tags), np.intp)
        cells = self.cell_of[tags]
        written[cells] = found[0]
        texts.length[cells[self.kinds[tags] == F_EMPTY]] = 0
        return Formulas(texts.start, texts.length, written, found[1])

    def _texts(self, kind: int) -> Texts:
        """What the cells' elements of a kind hold."""
        tags = np.flatnonzero(self.kinds == kind)
        start, length = np.zeros(len(self.cell_tags), np.int64), np.full(len(self.cell_tags), -1, np.int64)
        cells = self.cell_of[tags]
        start[cells] = self.closed[tags] + 1
        length[cells] = self.opened[tags + 1] - self.closed[tags] - 1
        if kind == V:
            length[self.cell_of[np.flatnonzero(self.kinds == V_EMPTY)]] = 0
        return Texts(start, length)
