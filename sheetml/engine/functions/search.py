"""Finding values in a row or column, by the rules of MATCH, VLOOKUP and XLOOKUP."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from sheetml.engine.collation import collation_key, folded
from sheetml.engine.functions.patterns import compiled, matches
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.lane_operations import lane_by_lane
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, Value

EXACT, SMALLER, LARGER, WILDCARD, PATTERN = 0, -1, 1, 2, 3  # match modes, as XLOOKUP numbers them
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
        self.halving = halving  # the line is taken for sorted
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
            result[place] = self._find_text(texts[place], mode)
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
                values = [collation_key(self.texts[place]) if other == TEXT else self.numbers[place] for place in own]
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
        _, beside_places = self._by_value(kind, self.last)
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
        if mode == PATTERN:
            return self._find_pattern(wanted)
        wanted = folded(wanted)
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
        key = collation_key(wanted)
        keys = {collation_key(text): place for text, place in self._places.items()}
        beside = [other for other in keys if (other < key if mode == SMALLER else other > key)]
        return keys[max(beside) if mode == SMALLER else min(beside)] if beside else -1

    def find_before(self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The positions of the last values equal to some, (m,), each before its own end; a blank finds a blank."""
        held: dict[Any, list[int]] = {}
        for position, key in enumerate(map(_equal_key, self.kinds.tolist(), self.numbers.tolist(), self.texts)):
            held.setdefault(key, []).append(position)
        found = np.full(len(numbers), -1, np.intp)
        for place, key in enumerate(map(_equal_key, kinds.tolist(), numbers.tolist(), texts)):
            own = held.get(key) if key is not None else None
            if key == (BLANK,) and (own is None or own[0] >= ends[place]):
                own = held.get((NUMBER, 0.0))
            before = 0 if own is None else bisect_left(own, int(ends[place]))
            if own is not None and before:
                found[place] = own[before - 1]
        return found

    def _find_pattern(self, wanted: str) -> int:
        """The first text that a regular expression matches any part of."""
        pattern = compiled(wanted, False)
        own = np.nonzero(self.kinds == TEXT)[0][:: -1 if self.last else 1].tolist()
        if pattern is None:
            return -1
        return next((place for place in own if matches(pattern, self.texts[place])), -1)

    def find_sorted(
        self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, order: str, length: int
    ) -> np.ndarray:
        """The positions that MATCH, VLOOKUP and LOOKUP find approximately, in a line of this length.

        Beyond the values at hand the line is blank: the length tells where Excel's halving begins.
        """
        result = np.full(len(numbers), -1, np.intp)
        for kind in (NUMBER, BOOLEAN, TEXT):
            wanted = (kinds == kind) | ((kinds == BLANK) & (kind == NUMBER))
            own = np.nonzero(self.kinds == kind)[0]
            if not wanted.any() or not len(own):
                continue
            values = _keys(self.texts[own]) if kind == TEXT else self.numbers[own]
            searched = _keys(texts[wanted]) if kind == TEXT else numbers[wanted]
            if order == SORTED_UP:
                result[wanted] = _last_not_beyond(values, own, searched, length)
            else:
                result[wanted] = [_last_before_a_smaller(values, own, item) for item in searched]
        return result

    def find_by_halving(self, numbers: np.ndarray, kinds: np.ndarray, texts: np.ndarray, mode: int) -> np.ndarray:
        """The positions that the binary searches of XLOOKUP find: all values are in one order there, numbers
        before text before booleans before errors before blanks, whether the line is sorted or not."""
        line = [_place_in_order(*item) for item in zip(self.kinds.tolist(), self.numbers.tolist(), self.texts)]
        wanted = [
            _place_in_order(NUMBER if kind == BLANK else kind, number, text)
            for kind, number, text in zip(kinds.tolist(), numbers.tolist(), texts)
        ]
        return np.array([self._by_halving(line, item, mode) for item in wanted], np.intp)

    def _by_halving(self, line: list[tuple[Any, ...]], wanted: tuple[Any, ...], mode: int) -> int:
        if self.last:  # descending: the last of equal values, the smaller ones behind it
            place = bisect_left(range(len(line)), True, key=lambda at: line[at] < wanted) - 1
            beside = {LARGER: place, SMALLER: place + 1}
        else:
            place = bisect_left(line, wanted)
            beside = {LARGER: place, SMALLER: place - 1}
        if 0 <= place < len(line) and line[place] == wanted:
            return place
        found = beside.get(mode, -1)
        return found if 0 <= found < len(line) and line[found][0] < _ORDER[ERROR] else -1


def _equal_key(kind: int, number: float, text: str) -> tuple[Any, ...] | None:
    """What equal values have in common; None for an error, which equals nothing."""
    if kind >= ERROR:
        return None
    return (kind, folded(text)) if kind == TEXT else (kind,) if kind == BLANK else (kind, number)


_keys = np.frompyfunc(collation_key, 1, 1)
_ORDER = {NUMBER: 0, TEXT: 1, BOOLEAN: 2, ERROR: 3, BLANK: 4}


def _place_in_order(kind: int, number: float, text: str) -> tuple[Any, ...]:
    """What values of all kinds are compared by."""
    if kind == TEXT:
        return _ORDER[TEXT], collation_key(text)
    return _ORDER[min(kind, ERROR)], number if kind in (NUMBER, BOOLEAN) else 0.0


def _last_not_beyond(values: np.ndarray, own: np.ndarray, searched: np.ndarray, length: int) -> np.ndarray:
    """Where halving ends for each value searched; -1 for nowhere. `own` are the positions of the line's values
    of the same kind: others are passed over.

    Sorted values without gaps between equal ones are halved all at once.
    """
    steps = np.asarray(values[1:] >= values[:-1], bool)
    equal = np.asarray(values[1:] == values[:-1], bool)
    if steps.all() and not (equal & (np.diff(own) > 1)).any():
        place = values.searchsorted(searched, "right") - 1
        return np.where(place >= 0, own[place.clip(0)], -1)
    least, most = values.min(), values.max()
    positions = own.tolist()
    known = values.tolist()

    def find(item: Any) -> int:
        if item < least:
            return -1
        return positions[-1] if item > most else _halve(known, positions, item, length)

    found = {item: find(item) for item in dict.fromkeys(searched.tolist())}
    return np.array([found[item] for item in searched.tolist()], np.intp)


def _halve(values: list[Any], own: list[int], wanted: Any, length: int) -> int:
    """Excel's binary search in a line that need not be sorted, as its results show (and Apache POI describes it).

    The middle gives way to the next value of the right kind above it; if there is none below the upper bound, the
    upper bound comes down. An equal value ends the search, at the last of its run.
    """
    low, high = -1, length
    while high - low >= 2:
        middle = low + (high - low) // 2
        index = bisect_left(own, middle)
        if index == len(own) or own[index] >= high:
            high = middle
            continue
        place, value = own[index], values[index]
        if value == wanted:
            while index + 1 < len(own) and own[index + 1] == own[index] + 1 and values[index + 1] == wanted:
                index += 1
            return min(own[index], high - 1)
        if wanted < value:
            high = place if place < high - 1 or place == middle else middle
        else:
            low = place
    return low


def _last_before_a_smaller(values: np.ndarray, own: np.ndarray, wanted: Any) -> int:
    """MATCH's type -1 goes from value to value, up to one that is equal or before one that is smaller."""
    for index, value in enumerate(values.tolist()):
        if value == wanted:
            return int(own[index])
        if value < wanted:
            return int(own[index - 1]) if index else -1
    return int(own[-1])


def positions(
    wanted: Value,
    lines: Value,
    mode: int = SORTED,
    order: str = SORTED_UP,
    last: bool = False,
    halving: bool = False,
    blanks: bool = False,
    length: int | None = None,
) -> Any:
    """Where each wanted element, (b, R, C), stands in its cell's line, (b or 1, n): from 0, -1 for nowhere.

    With `blanks` a blank finds a blank, if there is one. `length` is that of the lines in Excel, where they go
    on with blanks that are not in `lines`. Traced numbers give traced positions, whose derivative is zero.
    """
    size = lines.shape[1] * lines.shape[2]
    line_kinds = lines.kinds.reshape(lines.shape[0], size)
    line_texts = lines.texts.reshape(lines.shape[0], size)
    shape = (max(wanted.shape[0], lines.shape[0]), *wanted.shape[1:])
    full = size if length is None else max(length, size)

    def compute(wanted_number: np.ndarray, line_number: np.ndarray) -> np.ndarray:
        numbers = np.broadcast_to(wanted_number, shape).reshape(shape[0], -1)
        kinds = np.broadcast_to(wanted.kinds, shape).reshape(shape[0], -1)
        texts = np.broadcast_to(wanted.texts, shape).reshape(shape[0], -1)
        rows = line_number.reshape(lines.shape[0], size)
        if rows.shape[0] == 1:
            line = Line(rows[0], line_kinds[0], line_texts[0], last, halving)
            found = _find(line, numbers.reshape(-1), kinds.reshape(-1), texts.reshape(-1), mode, order, blanks, full)
            return found.reshape(shape).astype(np.float64)
        found = np.empty(numbers.shape)
        for cell in range(shape[0]):
            line = Line(rows[cell], line_kinds[cell], line_texts[cell], last, halving)
            found[cell] = _find(line, numbers[cell], kinds[cell], texts[cell], mode, order, blanks, full)
        return found.reshape(shape)

    def on_lanes(wanted_number: np.ndarray, line_number: np.ndarray) -> np.ndarray:
        """All lanes search one line: each of what they want counts as a cell."""
        if line_number.shape[0] > 1 or line_number.shape[-1] > 1:
            found: np.ndarray = lane_by_lane(compute)(wanted_number, line_number)
            return found
        whole = (*shape, wanted_number.shape[-1])
        kinds, texts = (np.broadcast_to(part[..., None], whole).reshape(-1) for part in (wanted.kinds, wanted.texts))
        line = Line(line_number.reshape(-1), line_kinds[0], line_texts[0], last, halving)
        numbers = np.broadcast_to(wanted_number, whole).reshape(-1)
        return _find(line, numbers, kinds, texts, mode, order, blanks, full).reshape(whole).astype(np.float64)

    source = _source(wanted, lines, mode, order, last)
    return ops.position_of("a position found", compute, on_lanes=on_lanes, source=source)(wanted.number, lines.number)


def last_before(wanted: Value, line: Value, ends: np.ndarray) -> np.ndarray:
    """Where the last value equal to each wanted one, (b, 1, 1), stands in a line, (1, n), before an end, (b,)."""
    shape = (len(ends), 1, 1)
    numbers, kinds, texts = (
        np.broadcast_to(part, shape).reshape(-1) for part in (np.asarray(wanted.number), wanted.kinds, wanted.texts)
    )
    own = Line(np.asarray(line.number).reshape(-1), line.kinds.reshape(-1), line.texts.reshape(-1))
    return own.find_before(numbers, kinds, texts, ends).reshape(shape).astype(np.float64)


def _source(wanted: Value, lines: Value, mode: int, order: str, last: bool) -> Callable[..., str] | None:
    """The search as code, where it is one of numbers in one constant line of numbers."""
    line = lines.number
    if wanted.kind is not None or lines.kind is not None or not isinstance(line, np.ndarray) or len(line) > 1:
        return None
    if mode == SORTED and order == SORTED_UP and (np.diff(line.reshape(-1)) >= 0).all():
        return lambda texts, helper: f'(np.searchsorted({texts[1]}.reshape(-1), {texts[0]}, side="right") - 1.0)'
    if mode in (EXACT, WILDCARD) and not last:
        return lambda texts, helper: f"{helper('first_equal')}({texts[0]}, {texts[1]}.reshape(-1))"
    return None


def _find(
    line: Line,
    numbers: np.ndarray,
    kinds: np.ndarray,
    texts: np.ndarray,
    mode: int,
    order: str,
    blanks: bool,
    length: int,
) -> np.ndarray:
    known = np.where(kinds >= ERROR, ERROR, kinds)
    if mode == SORTED:
        return line.find_sorted(numbers, known, texts, order, length)
    result = (line.find_by_halving if line.halving else line.find)(numbers, known, texts, mode)
    if blanks and (known == BLANK).any():
        places = np.nonzero(line.kinds == BLANK)[0]
        if len(places):
            result[known == BLANK] = places[-1 if line.last else 0]
    return result
