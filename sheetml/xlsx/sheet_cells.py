"""Reads a worksheet part: plain rows by array operations, the others by the careful reader.

A part is cut after rows into pieces of a bounded size. What is before and behind the rows, and pieces that are not
plain, are parsed; so is the whole part where it cannot be cut, or where anything in it is to be refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sheetml.errors import WorkbookError
from sheetml.xlsx.byte_arrays import Bytes
from sheetml.xlsx.careful_cells import CarefulReader, SheetSource
from sheetml.xlsx.model import CellFormulas, CellTexts, FileCells, Sheet
from sheetml.xlsx.plain_cells import Piece, PlainCells
from sheetml.xlsx.plain_rows import scan

PIECE, SMALL_PIECE = 1 << 20, 1 << 15  # bytes
SMALL = 4_000  # bytes of a part that is not worth it

_ROWS, _ROWS_END, _ROW_END = b"<sheetData>", b"</sheetData>", b"</row>"
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml\s[^<>]*\?>)?")
_ENCODING = re.compile(rb"encoding\s*=\s*(?![\"']utf-8[\"'])", re.IGNORECASE)  # another than that
_ROOT = re.compile(rb"<([A-Za-z]+)[\s>]")


@dataclass(frozen=True)
class Frame:
    """A part in UTF-8 cut around its rows."""

    data: bytes
    start: int  # of the rows
    end: int
    root: bytes  # the root's name

    @property
    def around(self) -> bytes:
        """The part without its rows."""
        return self.data[: self.start] + self.data[self.end :]

    def with_rows(self, start: int, end: int) -> bytes:
        """A part that holds some of the rows only, and nothing behind them."""
        return self.data[: self.start] + self.data[start:end] + _ROWS_END + b"</" + self.root + b">"

    def pieces(self, start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
        """The rows from one place to another, cut into pieces of about this size where rows end."""
        while start < stop:
            end = stop
            if end - start > size:
                cut = self.data.rfind(_ROW_END, start, start + size)
                cut = self.data.find(_ROW_END, start + size, stop) if cut < 0 else cut
                end = stop if cut < 0 else cut + len(_ROW_END)
            yield start, end
            start = end


def frame(data: bytes) -> Frame | None:
    """A part cut around its rows; None where it is not plain that this is where they are."""
    declared = _DECLARATION.match(data)
    start, end = data.find(_ROWS), data.rfind(_ROWS_END)
    if declared is None or start < 0 or end < start or _ENCODING.search(declared[0]):
        return None
    head, tail = data[declared.end() : start], data[end:]
    root = _ROOT.search(head)
    if root is None or any(mark in part for part in (head, tail) for mark in (b"<!", b"<?")):
        return None
    start += len(_ROWS)
    while end > start and data[end - 1] in b" \t\n":
        end -= 1
    return Frame(data, start, end, root[1])


def read_sheet(source: SheetSource, visible: bool) -> Sheet:
    """A sheet with its cells; raises WorkbookError where it cannot be read."""
    data = source.package.read(source.part)
    found = _read_plainly(source, data)
    if found is None:
        reader = CarefulReader(source)
        found = reader, reader.read(data), reader.hidden_rows
    properties, cells, hidden = found
    return Sheet(
        source.name,
        source.part,
        cells,
        visible,
        frozenset(hidden),
        properties.filters,
        properties.autofilter,
        properties.filter_mode,
    )


def _read_plainly(source: SheetSource, data: bytes) -> tuple[CarefulReader, FileCells, list[int]] | None:
    """What the part says of filters, its cells, and its hidden rows; None where it is to be parsed as a whole."""
    cut = frame(data) if len(data) >= SMALL else None
    if cut is None:
        return None
    properties = CarefulReader(source)
    try:
        properties.read(cut.around)
        prefixes = _prefixes(source, cut)
        if properties.row_starts or prefixes is None:
            return None
        return _Rows(source, cut, prefixes).read(properties)
    except WorkbookError:
        return None  # the whole part says what is wrong first


def _prefixes(source: SheetSource, cut: Frame) -> frozenset[str] | None:
    """The prefixes of namespaces that rows may use; None where what was taken for the rows is not the one element that
    holds them, in the namespace of the root."""
    found = []
    for element in source.package.elements_of(source.part, cut.around, "sheetData"):
        parent = element.getparent()
        in_place = parent is not None and parent.getparent() is None and element.prefix is None
        found.append(frozenset({"xml", *filter(None, element.nsmap)}) if in_place else None)
    return found[0] if len(found) == 1 else None


class _Rows:
    """The reading of a part's rows, piece by piece."""

    def __init__(self, source: SheetSource, cut: Frame, prefixes: frozenset[str]) -> None:
        self.source, self.cut, self.prefixes = source, cut, prefixes
        self.data = Bytes(cut.data)
        strings = np.empty(len(source.strings), object)
        strings[:] = source.strings
        self.plain = PlainCells(source, strings)
        self.last_row = 0
        self.hidden: list[int] = []
        self.parsed = 0

    def read(self, properties: CarefulReader) -> tuple[CarefulReader, FileCells, list[int]] | None:
        found = []
        for start, end in self.cut.pieces(self.cut.start, self.cut.end, PIECE):
            piece = self._plain_piece(start, end)
            if piece is not None:
                found.append(piece)
                continue
            for place, stop in self.cut.pieces(start, end, SMALL_PIECE):
                piece = self._plain_piece(place, stop) or self._careful_piece(place, stop)
                if piece is None:
                    return None
                found.append(piece)
        return properties, _joined(found, self.plain), self.hidden

    def _plain_piece(self, start: int, end: int) -> Piece | None:
        rows = scan(self.data, start, end, self.prefixes)
        if rows is None or rows.row_number[0] <= self.last_row:
            return None
        piece = self.plain.read(self.data, rows)
        if piece is not None:
            self.last_row = int(rows.row_number[-1])
            self.hidden += rows.hidden
        return piece

    def _careful_piece(self, start: int, end: int) -> Piece | None:
        """Some rows read carefully; None where they are not fit to be read by themselves, or too often."""
        self.parsed += self.cut.start
        if self.parsed > len(self.cut.data):  # what stands before the rows is parsed each time
            return None
        reader = CarefulReader(self.source, self.plain.masters)
        cells = reader.read(self.cut.with_rows(start, end), self.last_row)
        numbers = list(reader.row_starts)
        if numbers != sorted(numbers) or (numbers and numbers[0] <= self.last_row):
            return None
        self.last_row = numbers[-1] if numbers else self.last_row
        self.hidden += reader.hidden_rows
        return _as_piece(cells, self.plain)


def _as_piece(cells: FileCells, plain: PlainCells) -> Piece:
    """What the careful reader found as a piece."""
    formula = np.full(len(cells.row), -1, np.int32)
    for position, stated in cells.formula.items():
        formula[position] = plain.number_of(stated)
    texts = cells.texts
    return Piece(cells.row, cells.column, cells.kind, cells.number, formula, texts.positions, texts.texts)


def _joined(pieces: list[Piece], plain: PlainCells) -> FileCells:
    """The pieces as the cells of one sheet."""
    starts = np.cumsum([0, *(len(piece.row) for piece in pieces)])
    row = np.concatenate([np.zeros(0, np.int32), *(piece.row for piece in pieces)])
    column = np.concatenate([np.zeros(0, np.int32), *(piece.column for piece in pieces)])
    formula = np.concatenate([np.zeros(0, np.int32), *(piece.formula for piece in pieces)])
    text_at = [piece.text_at + start for piece, start in zip(pieces, starts)]
    positions = np.flatnonzero(formula >= 0)
    return FileCells(
        row=row,
        column=column,
        kind=np.concatenate([np.zeros(0, np.uint8), *(piece.kind for piece in pieces)]),
        number=np.concatenate([np.zeros(0), *(piece.number for piece in pieces)]),
        text=CellTexts(
            np.concatenate([np.zeros(0, np.int64), *text_at]),
            np.concatenate([np.zeros(0, object), *(piece.texts for piece in pieces)]),
        ),
        formula=CellFormulas(positions, formula[positions], plain.formulas.held, row, column),
    )
