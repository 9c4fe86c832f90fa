"""Formulas that were filled down or across, found without reading each: they are what the first of them becomes there.

The first formula of a column is taken apart at its relative rows and columns; what it would be in the other cells is
written into an array of bytes, and compared with what stands there. Where columns are done, rows are tried, and what
is left is read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from sheetml.xlsx.byte_arrays import Bytes
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, FilledFormula, Formula
from sheetml.xlsx.references import relatives

FEW = 4  # cells that are not worth an array
MOST_FAILURES = 4  # formulas of a column or row that fill few cells, before the rest is read one by one
MOST_IN_VAIN = 20  # rows, one after the other, in which no formula was found to fill many cells
FEW_IN_VAIN = 4  # columns likewise, from which on one formula of each is tried
MOST_KEPT = 32  # formulas of a column that are looked for in the next rows too

ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'"}
_ENTITY = re.compile("|".join(ENTITIES))
_ROW_STEPS = 10 ** np.arange(1, 7)  # from where on a row's number has one digit more
_COLUMN_STEPS = np.array([27, 703])  # and a column one letter more


def plain(text: bytes) -> str:
    """The text of an element, its references (of XML's five) resolved."""
    decoded = text.decode("utf-8")
    return _ENTITY.sub(lambda match: ENTITIES[match[0]], decoded) if "&" in decoded else decoded


class Formulas:
    """The different formulas of a sheet, whose cells come a few rows at a time.

    `held` are those found so far.
    """

    def __init__(self) -> None:
        self.held: list[Formula | FilledFormula] = []
        self._known: dict[int, list[_Pattern]] = {}  # by column: those that filled many cells, the latest last

    def add(self, formula: Formula | FilledFormula) -> int:
        """Holds a formula; returns its number."""
        self.held.append(formula)
        return len(self.held) - 1

    def numbers(
        self, data: Bytes, row: np.ndarray, column: np.ndarray, start: np.ndarray, length: np.ndarray
    ) -> np.ndarray:
        """Which formula each cell has, int32 (n,); cells in order of rows, then columns, their texts by their bytes."""
        cells = _Cells(data, row, column, start, length, np.full(len(row), -1, np.int32))
        in_vain = 0  # columns in which no formula fills many cells: where none does, fewer are looked for in the others
        for own in _groups(column, np.arange(len(row))):
            number = int(column[own[0]])
            kept = self._known.get(number, [])
            left = own
            for pattern in reversed(kept):
                left = self._fill(cells, pattern, left)
            found = self._find(cells, left, 1 if in_vain >= FEW_IN_VAIN else MOST_FAILURES)
            in_vain = 0 if found or left.size < own.size else in_vain + 1
            kept += found
            self._known[number] = kept[-MOST_KEPT:]
        most, in_vain = 1 if in_vain >= FEW_IN_VAIN else MOST_FAILURES, 0
        for own in _groups(row, np.flatnonzero(cells.number < 0)):
            if own.size >= FEW and in_vain < MOST_IN_VAIN:
                in_vain = 0 if self._find(cells, own, most) else in_vain + 1
        self._add_singly(cells)
        return cells.number

    def _add_singly(self, cells: _Cells) -> None:
        """Holds the formulas that are left, each for its cell."""
        left = np.flatnonzero(cells.number < 0)
        cells.number[left] = np.arange(len(self.held), len(self.held) + len(left))
        texts = cells.data.texts(cells.start[left], cells.length[left])
        rows, columns = cells.row[left].tolist(), cells.column[left].tolist()
        self.held += [Formula(plain(text), row, column) for text, row, column in zip(texts, rows, columns)]

    def _find(self, cells: _Cells, left: np.ndarray, most_failures: int) -> list[_Pattern]:
        """Looks for formulas that fill many cells of one row or column; those that do."""
        found, failures = [], 0
        left = left[cells.number[left] < 0]
        while left.size >= FEW and failures < most_failures:
            pattern = _pattern(cells, int(left[0]))
            filled = pattern.fits(cells, left)
            if np.count_nonzero(filled) < FEW:
                failures += 1
                left = left[1:]
                continue
            pattern.number = self.add(pattern.formula)
            cells.number[left[filled]] = pattern.number
            found.append(pattern)
            left = left[~filled]
        return found

    @staticmethod
    def _fill(cells: _Cells, pattern: _Pattern, left: np.ndarray) -> np.ndarray:
        """Marks the cells that hold a formula; the others."""
        if not left.size:
            return left
        filled = pattern.fits(cells, left)
        cells.number[left[filled]] = pattern.number
        return left[~filled]


def _groups(key: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """The chosen places by their key, those of one key together in their order."""
    if not chosen.size:
        return
    order = chosen[np.argsort(key[chosen], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(key[order])) + 1)


class _Cells:
    """Cells with formulas, and which formula each has (-1 where it is not known yet)."""

    def __init__(
        self,
        data: Bytes,
        row: np.ndarray,
        column: np.ndarray,
        start: np.ndarray,
        length: np.ndarray,
        number: np.ndarray,
    ) -> None:
        self.data, self.row, self.column = data, row.astype(np.int64), column.astype(np.int64)
        self.start, self.length, self.number = start, length, number

    def text(self, place: int) -> bytes:
        return self.data.text(int(self.start[place]), int(self.length[place]))

    def place(self, place: int) -> tuple[int, int]:
        return int(self.row[place]), int(self.column[place])


class _Pattern:
    """A formula as bytes with gaps, in which rows and columns go along with the cell."""

    def __init__(self, formula: FilledFormula, pieces: Sequence[bytes | tuple[bool, int]]) -> None:
        self.formula = formula
        self.pieces = pieces
        self.number = -1  # among the formulas held

    def fits(self, cells: _Cells, chosen: np.ndarray) -> np.ndarray:
        """Which of the cells, all of one column or of one row, hold the formula."""
        row, column = cells.row[chosen], cells.column[chosen]
        gaps = [piece for piece in self.pieces if not isinstance(piece, bytes)]
        numbers = [(row if is_row else column) + distance for is_row, distance in gaps]
        expected = np.full(len(chosen), sum(len(piece) for piece in self.pieces if isinstance(piece, bytes)))
        possible = np.ones(len(chosen), bool)
        widths = []
        for (is_row, _), number in zip(gaps, numbers):
            possible &= (number >= 1) & (number <= (MAX_ROWS if is_row else MAX_COLUMNS))
            widths.append(1 + (_ROW_STEPS if is_row else _COLUMN_STEPS).searchsorted(number, "right"))
            expected += widths[-1]
        possible &= expected == cells.length[chosen]
        fits = np.zeros(len(chosen), bool)
        places = np.flatnonzero(possible)
        # Along a column or a row no number gets shorter: where the whole is of one length, so is each of them.
        for size in np.unique(expected[places]).tolist():
            own = places[expected[places] == size]
            if all(int(width[own[0]]) == int(width[own[-1]]) for width in widths):
                at_once = [int(width[own[0]]) for width in widths]
                written = self._written(size, [number[own] for number in numbers], at_once)
                fits[own] = (cells.data.padded(cells.start[chosen[own]], cells.length[chosen[own]]) == written).all(1)
        return fits

    def _written(self, size: int, numbers: list[np.ndarray], widths: list[int]) -> np.ndarray:
        """The formula in cells, as words: uint64 (n, words); numbers (n,) and widths are those of the gaps."""
        count = len(numbers[0]) if numbers else 1
        bytes_ = np.zeros((count, -(-size // 8) * 8), np.uint8)
        position, gap = 0, 0
        for piece in self.pieces:
            if isinstance(piece, bytes):
                bytes_[:, position : position + len(piece)] = np.frombuffer(piece, np.uint8)
                position += len(piece)
                continue
            number, width, first, base = numbers[gap], widths[gap], ord("0"), 10
            if not piece[0]:
                first, base = ord("A"), 26
            for place in range(position + width - 1, position - 1, -1):
                if not piece[0]:
                    number = number - 1  # letters count from A as 1
                quotient = number // base
                bytes_[:, place] = number - quotient * base + first
                number = quotient
            position += width
            gap += 1
        return bytes_.view("<u8")


def _pattern(cells: _Cells, place: int) -> _Pattern:
    """The formula of one cell as a pattern for others."""
    row, column = cells.place(place)
    written = cells.text(place).decode("utf-8")
    text, where = _resolved(written)
    pieces: list[str | tuple[bool, int]] = []
    raw: list[bytes | tuple[bool, int]] = []
    position = 0
    for start, end, is_row, distance in relatives(text, row, column):
        pieces += [text[position:start], (is_row, distance)]
        raw += [written[where[position] : where[start]].encode(), (is_row, distance)]
        position = end
    pieces.append(text[position:])
    raw.append(written[where[position] :].encode())
    return _Pattern(FilledFormula(Formula(text, row, column), tuple(pieces)), raw)


def _resolved(written: str) -> tuple[str, Sequence[int]]:
    """A text with its references resolved, and where each of its characters is written (and its end)."""
    if "&" not in written:
        return written, range(len(written) + 1)
    text, where, position = [], [], 0
    while position < len(written):
        match = _ENTITY.match(written, position) if written[position] == "&" else None
        text.append(written[position] if match is None else ENTITIES[match[0]])
        where.append(position)
        position = position + 1 if match is None else match.end()
    return "".join(text), [*where, len(written)]
