"""Changes many numbers within a worksheet part at once: its bytes are gone through once, piece by piece.

In plain rows a number that takes the place of a number is written over it. What else changes, and rows that are not
plain, are given to `SheetPatch` with what stands before and behind all rows; where it would change those bytes, they
are changed here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sheetml.xlsx.byte_arrays import Bytes, decimals
from sheetml.xlsx.cell_changes import SheetChanges
from sheetml.xlsx.model import MAX_COLUMNS, Area, ErrorCode
from sheetml.xlsx.plain_rows import PlainRows, scan
from sheetml.xlsx.sheet_cells import Frame, frame
from sheetml.xlsx.sheet_patch import Edit, SheetPatch, UnpatchableSheet

FEW = 200  # changes that are not worth it
PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class PatchedPart:
    """A part with changes, which is put together as it is written."""

    data: bytes
    edits: Sequence[Edits]
    size: int

    def pieces(self) -> Iterator[bytes]:
        """The part, piece by piece."""
        position = 0
        for edits in self.edits:
            yield edits.applied(self.data, position)
            position = edits.stop
        yield self.data[position:]

    def whole(self) -> bytes:
        """The part in one piece."""
        return b"".join(self.pieces())


@dataclass(frozen=True)
class Edits:
    """Changes to bytes up to a place: from `start` to `end`, both ascending, each text stands instead of what is there.

    The texts are kept as one, their ends in `ends`.
    """

    start: np.ndarray  # int64 (n,)
    end: np.ndarray  # int64 (n,)
    text: bytes
    ends: np.ndarray  # int64 (n,)
    stop: int

    def with_more(self, others: Iterable[Edit]) -> Edits:
        """The same with others among them; those that begin in one place keep their order."""
        own = sorted(others, key=lambda edit: (edit.start, edit.end))
        if not own:
            return self
        texts = [edit.content for edit in own] + self._texts()
        start = np.concatenate([np.array([edit.start for edit in own], np.int64), self.start])
        end = np.concatenate([np.array([edit.end for edit in own], np.int64), self.end])
        order = np.argsort(start, kind="stable")
        texts = [texts[place] for place in order.tolist()]
        ends = np.cumsum([len(text) for text in texts])
        return Edits(start[order], end[order], b"".join(texts), ends, self.stop)

    def _texts(self) -> list[bytes]:
        ends = self.ends.tolist()
        return [self.text[start:end] for start, end in zip([0, *ends], ends)]

    @property
    def growth(self) -> int:
        """By how many bytes the part gets longer."""
        return len(self.text) - int((self.end - self.start).sum())

    def applied(self, data: bytes, position: int) -> bytes:
        """The bytes from a place on with these changes."""
        pieces = [b""] * (2 * len(self.start) + 1)
        kept_from, kept_to = [position, *self.end.tolist()], [*self.start.tolist(), self.stop]
        pieces[::2] = [data[start:end] for start, end in zip(kept_from, kept_to)]
        pieces[1::2] = self._texts()
        return b"".join(pieces)


def patched_part(
    data: bytes,
    namespace: str,
    changes: SheetChanges,
    array_areas: Sequence[Area],
    error_metadata: Mapping[ErrorCode, str],
) -> bytes | PatchedPart:
    """A part with the changes made, as `SheetPatch` makes them; raises what it raises."""
    cut = frame(data) if len(changes.key) >= FEW else None
    try:
        found = None if cut is None else _Patch(cut, namespace, changes, array_areas, error_metadata).apply()
    except UnpatchableSheet:
        found = None  # the whole part says in which line it is
    return found or SheetPatch(data, namespace, changes, array_areas, error_metadata).apply()


@dataclass(frozen=True)
class _RowSpans:
    """The numbers of rows, and where they begin and end."""

    number: np.ndarray
    start: np.ndarray
    end: np.ndarray


class _Patch:
    """One part and its changes."""

    def __init__(
        self,
        cut: Frame,
        namespace: str,
        changes: SheetChanges,
        array_areas: Sequence[Area],
        error_metadata: Mapping[ErrorCode, str],
    ) -> None:
        self.cut, self.changes = cut, changes
        self.rest = namespace, array_areas, error_metadata
        self.data = Bytes(cut.data)
        self.open = np.ones(len(changes.key), bool)  # the numbers that have not been written
        self.edits: list[Edits] = []
        self.rows: list[_RowSpans | None] = []  # of each piece

    def apply(self) -> PatchedPart | None:
        """The part with the changes made; None where its rows are not in order."""
        if not self._rows_are_in_place():
            return None
        last_row = 0
        for start, end in self.cut.pieces(self.cut.start, self.cut.end, PIECE):
            rows = scan(self.data, start, end, None)
            if rows is not None:
                if rows.row_number[0] <= last_row:
                    return None
                last_row = int(rows.row_number[-1])
                self.edits.append(self._numbers(rows, end))
            else:
                nothing = np.zeros(0, np.int64)
                self.edits.append(Edits(nothing, nothing, b"", nothing, end))
            self.rows.append(None if rows is None else _RowSpans(rows.row_number, rows.row_start, rows.row_end))
        others = self._other_edits()
        stops = [edits.stop for edits in self.edits]
        by_piece: dict[int, list[Edit]] = {}
        for edit in others:
            by_piece.setdefault(bisect_right(stops, edit.start), []).append(edit)
        nothing = np.zeros(0, np.int64)
        self.edits.append(Edits(nothing, nothing, b"", nothing, len(self.cut.data)))
        edits = [each.with_more(by_piece.get(number, [])) for number, each in enumerate(self.edits)]
        return PatchedPart(self.cut.data, edits, len(self.cut.data) + sum(each.growth for each in edits))

    def _rows_are_in_place(self) -> bool:
        """Whether what was taken for the rows is what SheetPatch takes for them."""
        around = SheetPatch(self.cut.around, self.rest[0], {})
        around.find()
        if around.sheet_data is None or around.row_starts:
            return False
        return self.cut.data.index(b">", around.sheet_data.start) + 1 == self.cut.start

    def _numbers(self, rows: PlainRows, stop: int) -> Edits:
        """Writes numbers over numbers."""
        changes = self.changes
        key = rows.row.astype(np.int64) * (MAX_COLUMNS + 1) + rows.column
        first, last = changes.key.searchsorted([key[0], key[-1] + 1]).tolist() if len(key) else (0, 0)
        wanted = changes.key[first:last]
        place = np.minimum(key.searchsorted(wanted), max(len(key) - 1, 0))
        plain = np.array([each.get("t", "n") == "n" and "vm" not in each for each in rows.attributes])
        start, length = rows.values.start[place], rows.values.length[place]
        fits = np.flatnonzero((key[place] == wanted) & plain[rows.written[place]] & (length > 0))
        start, length, number = start[fits], length[fits], changes.number[first:last][fits]
        before = decimals(self.data, start, length)
        if before is None:
            fits, start, length, number = fits[:0], start[:0], length[:0], number[:0]
        else:
            differs = before != number
            start, length, number = start[differs], length[differs], number[differs]
        self.open[first + fits] = False
        text, ends = number_texts(number)
        return Edits(start, start + length, text, ends, stop)

    def _other_edits(self) -> list[Edit]:
        """What else is to be changed, in the order in which it is found."""
        changes = self.changes.only(self.open)
        if not changes:
            return []
        spans = self._spans(changes.rows())
        data = b"".join(self.cut.data[start:end] for start, end in spans)
        namespace, array_areas, error_metadata = self.rest
        found = SheetPatch(data, namespace, changes, array_areas, error_metadata).find()
        within = np.cumsum([0, *(end - start for start, end in spans)]).tolist()

        def place(position: int) -> int:
            number = min(bisect_right(within, position) - 1, len(spans) - 1)
            return spans[number][0] + position - within[number]

        return [Edit(place(edit.start), place(edit.start) + edit.end - edit.start, edit.content) for edit in found]

    def _spans(self, wanted: np.ndarray) -> list[tuple[int, int]]:
        """What SheetPatch has to see of the part: what is around the rows, rows that change, those before which others
        are to be inserted, and pieces that are not plain, each with the row before it."""
        spans = [(0, self.cut.start)]
        start = self.cut.start
        for number, (rows, edits) in enumerate(zip(self.rows, self.edits)):
            if rows is None:
                spans.append((start, edits.stop))
            else:
                last = number + 1 < len(self.rows) and self.rows[number + 1] is None
                own = np.unique(rows.number.searchsorted(wanted))  # the row, or the first that comes after it
                own = own[own < len(rows.number)]
                if last:
                    own = np.union1d(own, [len(rows.number) - 1])
                spans += zip(rows.start[own].tolist(), rows.end[own].tolist())
            start = edits.stop
        return [*spans, (self.cut.end, len(self.cut.data))]


def number_texts(numbers: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Finite numbers as the shortest decimals that read back as the same: all as one text, and their ends in it."""
    if not len(numbers):
        return b"", np.zeros(0, np.int64)
    lines = "\n".join(map(repr, (numbers + 0.0).tolist())) + "\n"  # adding 0.0 turns -0.0 into 0.0
    text = lines.replace(".0\n", "\n").encode("ascii")
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return text.replace(b"\n", b""), ends - np.arange(len(ends))
