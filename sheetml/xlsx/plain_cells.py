"""What the cells of plain rows hold: their arrays of bytes as numbers, texts and formulas.

Whatever is not as usual gives None, and is left to the careful reader: also what it would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import overload

import numpy as np

from sheetml.errors import WorkbookError
from sheetml.xlsx.byte_arrays import Bytes, decimals, whole_numbers
from sheetml.xlsx.careful_cells import CarefulReader, SheetSource
from sheetml.xlsx.cell_text import unescape
from sheetml.xlsx.filled_formulas import Formulas, plain
from sheetml.xlsx.model import Formula, Kind
from sheetml.xlsx.plain_rows import Attributes, PlainRows

_NUMBER, _SHARED, _INLINE, _DECODED = range(4)
_TYPES = {
    "n": _NUMBER,
    "s": _SHARED,
    "inlineStr": _INLINE,
    "str": _DECODED,
    "b": _DECODED,
    "e": _DECODED,
    "d": _DECODED,
}


@dataclass(slots=True)
class Piece:
    """Cells that follow each other in a sheet, in arrays of one length n; formulas by their numbers among all."""

    row: np.ndarray  # int32 (n,)
    column: np.ndarray  # int32 (n,)
    kind: np.ndarray  # uint8 (n,)
    number: np.ndarray  # float64 (n,)
    formula: np.ndarray  # int32 (n,), -1 for none
    text_at: np.ndarray  # int64 (t,), ascending
    texts: np.ndarray  # object (t,)


@dataclass(frozen=True)
class _Stated:
    """An element as its attributes and its text."""

    attributes: Attributes
    text: str | None = None

    @overload
    def get(self, key: str) -> str | None: ...

    @overload
    def get(self, key: str, default: str) -> str: ...

    def get(self, key: str, default: str | None = None) -> str | None:
        return self.attributes.get(key, default)


@dataclass
class PlainCells:
    """Takes up the cells of one sheet, some rows at a time.

    `masters` are the shared formulas found so far, and `formulas` all.
    """

    source: SheetSource
    strings: np.ndarray  # object (s,), the workbook's shared strings
    masters: dict[str, Formula] = field(default_factory=dict)
    formulas: Formulas = field(default_factory=Formulas)
    numbers: dict[int, int] = field(default_factory=dict)  # of formulas that cells may share, by their identity

    def number_of(self, formula: Formula) -> int:
        """The number of a formula that cells may share."""
        number = self.numbers.get(id(formula))
        if number is None:
            number = self.numbers[id(formula)] = self.formulas.add(formula)
        return number

    def read(self, data: Bytes, rows: PlainRows) -> Piece | None:
        """The cells of plain rows; None where one of them is to be read carefully."""
        types = [_TYPES.get(each.get("t", "n"), -1) for each in rows.attributes]
        if -1 in types:
            return None
        reading = _Reading(self, data, rows, np.array(types)[rows.written])
        before = dict(self.masters)
        try:
            if reading.formulas() and reading.values():
                return reading.piece()
        except (WorkbookError, ValueError, OverflowError):
            pass
        self.masters.clear()
        self.masters.update(before)
        return None


class _Reading:
    """The reading of some rows."""

    def __init__(self, cells: PlainCells, data: Bytes, rows: PlainRows, types: np.ndarray) -> None:
        self.cells, self.data, self.rows, self.types = cells, data, rows, types
        self.careful = CarefulReader(cells.source, cells.masters)
        count = len(rows.row)
        self.kind = np.full(count, Kind.BLANK, np.uint8)
        self.number = np.zeros(count)
        self.formula = np.full(count, -1, np.int32)
        self.texts: list[tuple[np.ndarray, np.ndarray]] = []  # where texts are, and the texts

    def piece(self) -> Piece:
        rows = self.rows
        kept = (self.kind != Kind.BLANK) | (self.formula >= 0)
        text_at = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in self.texts)])
        texts = np.concatenate([np.zeros(0, object), *(texts for _, texts in self.texts)])
        order = np.argsort(text_at, kind="stable")
        text_at, texts = text_at[order], texts[order]
        if kept.all():
            return Piece(rows.row, rows.column, self.kind, self.number, self.formula, text_at, texts)
        text_at = np.cumsum(kept)[text_at] - 1
        row, column, kind = rows.row[kept], rows.column[kept], self.kind[kept]
        return Piece(row, column, kind, self.number[kept], self.formula[kept], text_at, texts)

    # ---- formulas

    def formulas(self) -> bool:
        """Takes up the formulas; whether all of them could be."""
        rows = self.rows
        there = rows.formulas.length >= 0
        if not there.any():
            return True
        shared = np.array([each.get("t") == "shared" for each in rows.formulas.attributes])
        follows = there & shared[rows.formulas.written] & (rows.formulas.length == 0)
        own = there & (rows.formulas.length > 0)
        first = self.data.each[rows.formulas.start]
        usual = own & (rows.formulas.written == 0) & (first > 32) & (first != ord("="))
        stated = there & ~usual & ~follows & (own | (rows.formulas.written > 0))
        places = np.flatnonzero(usual)
        self.formula[places] = self.cells.formulas.numbers(
            self.data, rows.row[places], rows.column[places], rows.formulas.start[places], rows.formulas.length[places]
        )
        masters = {group: [(-1, formula)] for group, formula in self.cells.masters.items()}
        for place in np.flatnonzero(stated).tolist():
            self._state(place, masters)
        return self._share(np.flatnonzero(follows), masters)

    def _state(self, place: int, masters: dict[str, list[tuple[int, Formula]]]) -> None:
        """Takes up a formula with attributes, as the careful reader understands it."""
        rows = self.rows
        attributes = rows.formulas.attributes[int(rows.formulas.written[place])]
        text = plain(self.data.text(int(rows.formulas.start[place]), int(rows.formulas.length[place])))
        cell = _Stated(rows.attributes[int(rows.written[place])])
        formula = self.careful.stated_formula(
            _Stated(attributes, text), cell, int(rows.row[place]), int(rows.column[place])
        )
        if formula is None:
            return
        self.formula[place] = self.cells.number_of(formula)
        group = attributes.get("si", "")
        if self.cells.masters.get(group) is formula:
            masters.setdefault(group, []).append((place, formula))

    def _share(self, places: np.ndarray, masters: dict[str, list[tuple[int, Formula]]]) -> bool:
        """Gives the cells that state no text the formula of their group stated last; whether there always is one."""
        written = self.rows.formulas.written[places]
        for kind in np.unique(written).tolist():
            own = places[written == kind]
            stated = masters.get(self.rows.formulas.attributes[kind].get("si", ""), [])
            latest = np.searchsorted(np.array([place for place, _ in stated]), own) - 1
            if (latest < 0).any():
                return False
            numbers = np.array([self.cells.number_of(formula) for _, formula in stated], np.int32)
            self.formula[own] = numbers[latest]
        return True

    # ---- values

    def values(self) -> bool:
        """Takes up the values; whether all of them could be."""
        filled = self.rows.values.length > 0
        return (
            self._numbers(np.flatnonzero(filled & (self.types == _NUMBER)))
            and self._shared_strings(np.flatnonzero(filled & (self.types == _SHARED)))
            and self._inline_strings(filled)
            and self._decoded(filled)
        )

    def _numbers(self, places: np.ndarray) -> bool:
        rows = self.rows
        numbers = decimals(self.data, rows.values.start[places], rows.values.length[places])
        if numbers is None or not np.isfinite(numbers).all():
            return False
        self.number[places] = numbers
        self.kind[places] = Kind.NUMBER
        return True

    def _shared_strings(self, places: np.ndarray) -> bool:
        rows, strings = self.rows, self.cells.strings
        index = whole_numbers(self.data, rows.values.start[places], rows.values.length[places])
        if index is None or (index >= len(strings)).any():
            return False
        self._add_texts(places, strings[index])
        return True

    def _inline_strings(self, filled: np.ndarray) -> bool:
        rows = self.rows
        inline = self.types == _INLINE
        if (inline & filled).any():
            return False
        places = np.flatnonzero(inline & (rows.inlines.length >= 0))
        self._add_texts(places, self._texts(rows.inlines.start[places], rows.inlines.length[places]))
        return True

    def _texts(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Texts as cells hold them."""
        known: dict[bytes, str] = {}
        found = np.empty(len(starts), object)
        for position, text in enumerate(self.data.texts(starts, lengths)):
            held = known.get(text)
            if held is None:
                held = known[text] = unescape(plain(text))
            found[position] = held
        return found

    def _add_texts(self, places: np.ndarray, texts: np.ndarray) -> None:
        if len(places):
            self.kind[places] = Kind.TEXT
            self.texts.append((places, texts))

    def _decoded(self, filled: np.ndarray) -> bool:
        """Takes up booleans, errors, dates and computed texts: few are different."""
        rows = self.rows
        for kind, attributes in enumerate(rows.attributes):
            type_ = attributes.get("t", "n")
            if _TYPES[type_] != _DECODED:
                continue
            own = rows.written == kind
            if type_ == "str":
                places = np.flatnonzero(own)
                self._add_texts(
                    places, self._texts(rows.values.start[places], np.maximum(rows.values.length[places], 0))
                )
                continue
            places = np.flatnonzero(own & filled)
            known: dict[bytes, tuple[int, float]] = {}
            for place, text in zip(
                places.tolist(), self.data.texts(rows.values.start[places], rows.values.length[places])
            ):
                value = known.get(text)
                if value is None:
                    code, number, _ = self.careful.decoders[type_](plain(text))
                    if code == Kind.ERROR:
                        number = float(self.cells.source.metadata.errors.get(attributes.get("vm", ""), int(number)))
                    value = known[text] = int(code), number
                self.kind[place], self.number[place] = value
        return True
