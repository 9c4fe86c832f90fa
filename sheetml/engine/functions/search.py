"""Finding values in a row or column, by the rules of MATCH, VLOOKUP and XLOOKUP."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, Value, folded

EXACT, SMALLER, LARGER, WILDCARD = 0, -1, 1, 2  # match modes, as XLOOKUP numbers them
SORTED = 9  # the last one not beyond, by halving: MATCH's and VLOOKUP's approximate match
SORTED_UP, SORTED_DOWN = "ascending", "descending"


class Wildcards:
    """What a text with * (any text), ? (one character) and ~ (takes the next literally) matches.

    Between the stars stand pieces of fixed length, found one after the other: no text makes that slow.
    """

    def __init__(self, text: str) -> None:
        pieces: list[list[str]] = [[]]
        for part in re.findall(r"~[*?~]|.", text, re.DOTALL):
            if part == "*":
                pieces.append([])
            else:
                pieces[-1].append("." if part == "?" else re.escape(part[-1]))
        self._pieces = [re.compile("".join(piece), re.IGNORECASE | re.DOTALL) for piece in pieces]
        self._last_length = len(pieces[-1])

    def fullmatch(self, text: str) -> bool:
        first, *others = self._pieces
        if not others:
            return first.fullmatch(text) is not None
        match = first.match(text)
        end = len(text) - self._last_length
        if match is None or end < match.end() or others[-1].match(text, end) is None:
            return False
        return self._follow(others[:-1], text, match.end(), end) is not None

    def search(self, text: str, start: int = 0) -> int:
        """The first position from `start` on where the text matches; -1 for nowhere."""
        first, *others = self._pieces
        match = first.search(text, start)
        # were the rest not found after the first match, it would not be after a later one
        found = match is not None and self._follow(others, text, match.end(), len(text)) is not None
        return match.start() if match is not None and found else -1

    @staticmethod
    def _follow(pieces: list[re.Pattern[str]], text: str, start: int, end: int) -> int | None:
        """Where the last of the pieces ends if they are found in order; None if not."""
        for piece in pieces:
            match = piece.search(text, start, end)
            if match is None:
                return None
            start = match.end()
        return start


@lru_cache(maxsize=1000)
def wildcard_pattern(text: str) -> Wildcards | None:
    """The pattern that a text is; None if it holds no wildcard."""
    return Wildcards(text) if re.search(r"[*?~]", text) else None


class Line:
    """One row or column of cells, in which values are found: by position, from 0; -1 for nowhere.

    Only values of the same type match: numbers, texts (without regard to case) or booleans.
    """

    def __init__(
        self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, last: bool = False, halving: bool = False
    ) -> None:
        self.numbers = numbers
        self.kinds = kinds
        self.texts = texts
        self.last = last  # of equal values the last one is found, not the first
        self.halving = halving  # ... and beside a value that is not there the one next to its place in order
        self._sorted: dict[tuple[int, bool], tuple[np.ndarray, np.ndarray]] = {}
        self._places: dict[str, int] | None = None

    def find(self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, mode: int) -> np.ndarray:
        """The positions of values, (m,). A blank is looked up as 0."""
        result = np.full(len(numbers), -1, np.intp)
        for kind in (NUMBER, BOOLEAN):
            wanted = (kinds == kind) | ((kinds == BLANK) & (kind == NUMBER))
            if wanted.any():
                result[wanted] = self._find_numbers(numbers[wanted], kind, mode)
        for place in np.nonzero(kinds == TEXT)[0]:
            result[place] = self._find_text(folded(texts[place]), mode)
        if mode in (SMALLER, LARGER):
            for place in np.nonzero((result < 0) & (kinds < ERROR))[0]:
                result[place] = self._beside_kind(int(kinds[place]), mode)
        return result

    def _beside_kind(self, kind: int, mode: int) -> int:
        """Beyond its own kind a value comes next to the others: numbers come before text before booleans."""
        order = [NUMBER, TEXT, BOOLEAN]
        rank = order.index(NUMBER if kind == BLANK else kind)
        for other in order[rank + 1 :] if mode == LARGER else order[:rank][::-1]:
            own = np.nonzero(self.kinds == other)[0]
            if len(own):
                values = [folded(self.texts[place]) if other == TEXT else self.numbers[place] for place in own]
                extreme = min(values) if mode == LARGER else max(values)
                places = [place for place, value in zip(own, values) if value == extreme]
                return int(places[-1] if self.last else places[0])
        return -1

    def _find_numbers(self, wanted: np.ndarray, kind: int, mode: int) -> np.ndarray:
        values, places = self._by_value(kind, self.last)
        if not len(values):
            return np.full(len(wanted), -1, np.intp)
        exact = values.searchsorted(wanted)
        within = np.minimum(exact, len(values) - 1)
        result = np.where(values[within] == wanted, places[within], -1)
        if mode not in (SMALLER, LARGER):
            return result
        last = (mode == SMALLER) != self.last if self.halving else self.last
        _, beside_places = self._by_value(kind, last)
        beside = exact - 1 if mode == SMALLER else exact
        inside = (beside >= 0) & (beside < len(values))
        found = np.where(inside, beside_places[beside.clip(0, len(values) - 1)], -1)
        return np.where(result >= 0, result, found)

    def _by_value(self, kind: int, last: bool) -> tuple[np.ndarray, np.ndarray]:
        """The distinct values of a kind in order, and where each stands first or last."""
        if (kind, last) not in self._sorted:
            own = np.nonzero(self.kinds == kind)[0]
            if last:
                own = own[::-1]
            values, first = np.unique(self.numbers[own], return_index=True)
            self._sorted[kind, last] = values, own[first]
        return self._sorted[kind, last]

    def _find_text(self, wanted: str, mode: int) -> int:
        pattern = wildcard_pattern(wanted) if mode == WILDCARD else None
        own = np.nonzero(self.kinds == TEXT)[0]
        if self.last:
            own = own[::-1]
        if pattern is not None:
            return next((int(place) for place in own if pattern.fullmatch(self.texts[place])), -1)
        if self._places is None:
            self._places = {}
            for place in own:
                self._places.setdefault(folded(self.texts[place]), int(place))
        found = self._places.get(wanted, -1)
        if found >= 0 or mode in (EXACT, WILDCARD):
            return found
        known = sorted(self._places)
        beside = [text for text in known if (text < wanted if mode == SMALLER else text > wanted)]
        return self._places[beside[-1] if mode == SMALLER else beside[0]] if beside else -1

    def find_sorted(self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, order: str) -> np.ndarray:
        """The last position whose value is not beyond the wanted one, by halving, as for sorted lines."""
        result = np.full(len(numbers), -1, np.intp)
        sign = 1.0 if order == SORTED_UP else -1.0
        for kind in (NUMBER, BOOLEAN):
            wanted = (kinds == kind) | ((kinds == BLANK) & (kind == NUMBER))
            own = np.nonzero(self.kinds == kind)[0]
            if wanted.any() and len(own):
                found = (sign * self.numbers[own]).searchsorted(sign * numbers[wanted], "right") - 1
                result[wanted] = np.where(found >= 0, own[found], -1)
        own = np.nonzero(self.kinds == TEXT)[0]
        if len(own) and (kinds == TEXT).any():
            line = [folded(self.texts[place]) for place in own]
            for place in np.nonzero(kinds == TEXT)[0]:
                found = _halving(line, folded(texts[place]), order)
                result[place] = own[found] if found >= 0 else -1
        return result


def _halving(line: list[str], wanted: str, order: str) -> int:
    low, high = 0, len(line)
    while low < high:
        middle = (low + high) // 2
        not_beyond = line[middle] <= wanted if order == SORTED_UP else line[middle] >= wanted
        low, high = (middle + 1, high) if not_beyond else (low, middle)
    return low - 1


def positions(
    wanted: Value,
    lines: Value,
    mode: int = SORTED,
    order: str = SORTED_UP,
    last: bool = False,
    halving: bool = False,
    blanks: bool = False,
) -> Any:
    """Where each wanted element, (b, R, C), stands in its cell's line, (b or 1, n): from 0, -1 for nowhere.

    With `blanks` a blank finds a blank, if there is one. Traced numbers give traced positions, whose
    derivative is zero.
    """
    size = lines.shape[1] * lines.shape[2]
    line_kinds = lines.kinds.reshape(lines.shape[0], size)
    line_texts = lines.texts.reshape(lines.shape[0], size)
    shape = (max(wanted.shape[0], lines.shape[0]), *wanted.shape[1:])

    def compute(wanted_number: np.ndarray, line_number: np.ndarray) -> np.ndarray:
        numbers = np.broadcast_to(wanted_number, shape).reshape(shape[0], -1)
        kinds = np.broadcast_to(wanted.kinds, shape).reshape(shape[0], -1)
        texts = np.broadcast_to(wanted.texts, shape).reshape(shape[0], -1)
        rows = line_number.reshape(lines.shape[0], size)
        if rows.shape[0] == 1:
            line = Line(rows[0], line_kinds[0], line_texts[0], last, halving)
            found = _find(line, numbers.reshape(-1), kinds.reshape(-1), texts.reshape(-1), mode, order, blanks)
            return found.reshape(shape).astype(np.float64)
        found = np.empty(numbers.shape)
        for cell in range(shape[0]):
            line = Line(rows[cell], line_kinds[cell], line_texts[cell], last, halving)
            found[cell] = _find(line, numbers[cell], kinds[cell], texts[cell], mode, order, blanks)
        return found.reshape(shape)

    return ops.position_of("a position found", compute)(wanted.number, lines.number)


def _find(
    line: Line, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, mode: int, order: str, blanks: bool
) -> np.ndarray:
    known = np.where(kinds >= ERROR, ERROR, kinds)
    if mode == SORTED:
        return line.find_sorted(numbers, known, texts, order)
    result = line.find(numbers, known, texts, mode)
    if blanks and (known == BLANK).any():
        places = np.nonzero(line.kinds == BLANK)[0]
        if len(places):
            result[known == BLANK] = places[-1 if line.last else 0]
    return result
