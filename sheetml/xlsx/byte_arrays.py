"""Spans of a long byte string, handled many at a time: which are equal, which are numbers.

A span is given by its start and its length. The byte string goes on for at least `PADDING` bytes behind the last span,
so that words of eight bytes can be taken from anywhere in it.
"""

from __future__ import annotations

import secrets

import numpy as np

PADDING = 16
MOST_EXACT_DIGITS = 15  # of a decimal that is a whole number below 2^53 divided by an exact power of ten

_WORD = 8
_ROUNDS = 4
_BUCKETS = 16  # bits
_MASKS = np.array([(1 << (8 * length)) - 1 for length in range(_WORD + 1)], np.uint64)  # of a word's first bytes
_POWERS = 10.0 ** np.arange(MOST_EXACT_DIGITS + 1)
_FACTORS = np.array([secrets.randbits(64) | 1 for _ in range(64)], np.uint64)  # nobody can tell what falls together
_DIGIT, _POINT, _OTHER = 0, 1, 2
_NUMERIC = np.zeros(256, bool)
_NUMERIC[np.frombuffer(b"0123456789+-.eE", np.uint8)] = True


class Bytes:
    """A byte string as arrays: `each` byte, and the `words` of eight bytes that start at each of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.each = np.frombuffer(data, np.uint8)
        self.words = np.ndarray((max(len(data) - _WORD + 1, 0),), np.dtype("<u8"), data, strides=(1,))

    def text(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]

    def texts(self, starts: np.ndarray, lengths: np.ndarray) -> list[bytes]:
        """Spans as byte strings of their own."""
        data = self.data
        return [data[start:end] for start, end in zip(starts.tolist(), (starts + lengths).tolist())]

    def head(self, starts: np.ndarray, length: np.ndarray | int = _WORD) -> np.ndarray:
        """The first bytes of spans, at most eight, as one number each: uint64 (n,)."""
        masked: np.ndarray = self.words[starts] & _MASKS[length]
        return masked

    def starts_with(self, starts: np.ndarray, text: bytes) -> bool:
        """Whether all spans begin with a text of at most eight bytes."""
        return bool((self.head(starts, len(text)) == number_of(text)).all())

    def padded(self, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Spans as words, those behind their ends 0: uint64 (n, words of the longest)."""
        count = -(-int(lengths.max(initial=0)) // _WORD)
        found = np.zeros((len(starts), count), np.uint64)
        for word in range(count):
            left = lengths - word * _WORD
            inside = slice(None) if (left > 0).all() else np.flatnonzero(left > 0)
            found[inside, word] = self.head(starts[inside] + word * _WORD, np.clip(left[inside], 0, _WORD))
        return found


def number_of(text: bytes) -> np.uint64:
    """A text of at most eight bytes as the number that a word is."""
    return np.uint64(int.from_bytes(text, "little"))


def distinct(data: Bytes, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which spans are equal: for each the number of its kind, int (n,), and for each kind one of its spans, int (k,).

    Spans are put into buckets by a hash, and compared byte by byte with one of their bucket; those that are
    not equal to it are tried with other hashes, at last one by one.
    """
    words = np.column_stack([data.padded(starts, lengths), lengths.astype(np.uint64)])
    kinds, examples = np.full(len(starts), -1, np.intp), []
    left, found = np.arange(len(starts)), 0
    for attempt in range(_ROUNDS):
        if not left.size:
            break
        own = words[left]
        with np.errstate(over="ignore"):
            mixed = (own * np.resize(np.roll(_FACTORS, 7 * attempt), own.shape[1])).sum(axis=1, dtype=np.uint64)
        bucket = (mixed >> np.uint64(64 - _BUCKETS)).astype(np.intp)
        example = np.full(1 << _BUCKETS, -1, np.intp)
        example[bucket[::-1]] = np.arange(len(left))[::-1]
        equal = (own == own[example[bucket]]).all(axis=1)
        used = np.flatnonzero(example >= 0)
        number = np.empty(1 << _BUCKETS, np.intp)
        number[used] = np.arange(found, found + len(used))
        kinds[left[equal]] = number[bucket[equal]]
        examples.append(left[example[used]])
        found += len(used)
        left = left[~equal]
    if left.size:
        numbers: dict[bytes, int] = {}
        for position, text in zip(left.tolist(), data.texts(starts[left], lengths[left])):
            if text not in numbers:
                numbers[text] = found + len(numbers)
                examples.append(np.array([position]))
            kinds[position] = numbers[text]
    return kinds, np.concatenate([np.zeros(0, np.intp), *examples])


def whole_numbers(data: Bytes, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray | None:
    """Spans as whole numbers of at most nine digits, int64 (n,); None where one is something else."""
    if not len(starts):
        return np.zeros(0, np.int64)
    if lengths.min() < 1 or lengths.max() > 9:
        return None
    numbers = np.zeros(len(starts), np.int64)
    for place in range(int(lengths.max())):
        inside = lengths > place
        digit = data.each[starts + place] - np.uint8(48)
        if (digit[inside] > 9).any():
            return None
        numbers = np.where(inside, numbers * 10 + digit, numbers)
    return numbers


def decimals(data: Bytes, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray | None:
    """Spans as numbers, each the one nearest to its decimal: float64 (n,); None where one is no number.

    A short decimal is its digits as a whole number, divided by a power of ten: both are exact, so the quotient is
    rounded once. The others are left to float(). A number may be infinite: "1E999".
    """
    if not len(starts):
        return np.zeros(0)
    if lengths.min() < 1:
        return None
    numbers = np.zeros(len(starts))
    short = np.flatnonzero(lengths <= MOST_EXACT_DIGITS + 1)
    done, values = _short_decimals(data, starts[short], lengths[short])
    numbers[short[done]] = values[done]
    rest = np.ones(len(starts), bool)
    rest[short[done]] = False
    places = np.flatnonzero(rest)
    texts = data.texts(starts[places], lengths[places])
    if not _NUMERIC[np.frombuffer(b"".join(texts), np.uint8)].all():  # float() takes "1_000", " 1" and "nan"
        return None
    try:
        numbers[places] = list(map(float, texts))
    except ValueError:
        return None
    return numbers


def _short_decimals(data: Bytes, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which spans are plain decimals of at most 15 digits ("-12.5"), and what they are."""
    negative = data.each[starts] == ord("-")
    starts, lengths = starts + negative, lengths - negative
    mantissa, digits = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
    behind, plain = np.full(len(starts), -1, np.int64), np.ones(len(starts), bool)  # digits behind the point
    for place in range(int(lengths.max(initial=0))):
        inside = lengths > place
        byte = data.each[starts + place]
        digit = byte - np.uint8(48)
        is_digit = inside & (digit <= 9)
        is_point = inside & (byte == ord("."))
        plain &= ~inside | is_digit | (is_point & (behind < 0))
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        digits += is_digit
        behind = np.where(is_digit & (behind >= 0), behind + 1, np.where(is_point, 0, behind))
    plain &= (digits > 0) & (digits <= MOST_EXACT_DIGITS)
    values = mantissa / _POWERS[np.clip(behind, 0, MOST_EXACT_DIGITS)]
    return plain, np.where(negative, -values, values)
