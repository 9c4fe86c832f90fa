"""What is tried in which cell: values ("B1=0..1:0.05"), or a distribution of them ("B1~normal(0.07, 0.02)")."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.whatif.distributions import Distribution, distribution
from sheetml.workbook import Book

MOST_VALUES = 1_000_000  # that a range of values may have
_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+?)\s*(?::\s*(\S+?)\s*)?")


@dataclass(frozen=True)
class Varied:
    """An input cell and the values tried in it, (n,); `names` is what each value is called."""

    address: str
    slot: int
    values: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Uncertain:
    """An input cell and the distribution of its values."""

    address: str
    slot: int
    distribution: Distribution


def varied(book: Book, text: str, sheet: str | None = None) -> Varied:
    """The values that "B1=0..1:0.05" (from, to, step), "B1=0..1" (eleven steps) or "B1=1,2,5" tries in a cell.

    Among values stated one by one may be cells, whose numbers are taken. Raises SheetmlError where it states none.
    """
    name, equals, stated = text.partition("=")
    if not equals or not stated.strip():
        raise SheetmlError(f"{text!r} states no values: write it as in B1=0..1:0.05 or B1=1,2,5")
    address, slot = one_input(book, name, sheet)
    span = _RANGE.fullmatch(stated)
    if span is not None:
        first, last, step = (_number(part, text) for part in span.groups(""))
        values = _spaced(first, last, step, text)
        return Varied(address, slot, values, tuple(f"{value:.10g}" for value in values.tolist()))
    parts = [part.strip() for part in stated.split(",")]
    values = np.array([_stated(book, part, text, sheet) for part in parts])
    return Varied(address, slot, values, tuple(parts))


def uncertain(book: Book, text: str, sheet: str | None = None) -> Uncertain:
    """The distribution that "B1~normal(0.07, 0.02)" gives a cell. Raises SheetmlError where it states none."""
    name, tilde, stated = text.partition("~")
    if not tilde:
        raise SheetmlError(f"{text!r} states no distribution: write it as in B1~normal(0.07, 0.02)")
    address, slot = one_input(book, name, sheet)
    return Uncertain(address, slot, distribution(stated.strip(), lambda cells: numbers(book, cells, sheet)))


def one_input(book: Book, text: str, sheet: str | None = None) -> tuple[str, int]:
    """The address and slot of the one cell that a text names. Raises SheetmlError for more, or for a formula."""
    slots = book.held_slots(book.areas(text.strip(), sheet))
    if slots.size != 1:
        raise SheetmlError(f"{book.path}: {text.strip()} is not one cell")
    address = book.calculation.describe([int(slots[0])])
    if book.calculation.is_formula(slots)[0]:
        raise SheetmlError(f"{book.path}: {address} holds a formula: only cells with values can be varied")
    return address, int(slots[0])


def numbers(book: Book, text: str, sheet: str | None = None) -> list[float]:
    """The numbers in cells; blanks and text are left out."""
    slots = book.held_slots(book.areas(text, sheet))
    chosen = slots[book.calculation.kinds(slots) == NUMBER]
    return [float(number) for number in book.calculation.numbers(chosen)]


def _stated(book: Book, part: str, whole: str, sheet: str | None) -> float:
    try:
        return _number(part, whole)
    except SheetmlError:
        if not re.search(r"[A-Za-z]", part):
            raise
    found = numbers(book, part, sheet)
    if len(found) != 1:
        raise SheetmlError(f"{book.path}: {whole}: {part} is not one cell with a number")
    return found[0]


def _number(text: str, whole: str) -> float:
    """A number as people write it, 5% too; nan for none at all."""
    bare = text.strip()
    if not bare:
        return np.nan
    try:
        number = float(bare.removesuffix("%")) / (100 if bare.endswith("%") else 1)
    except ValueError:
        raise SheetmlError(f"{whole}: {bare!r} is not a number") from None
    if not np.isfinite(number):
        raise SheetmlError(f"{whole}: {bare!r} is not a finite number")
    return number


def _spaced(first: float, last: float, step: float, whole: str) -> np.ndarray:
    """From the first to the last, both included where the steps meet it."""
    if np.isnan(step):
        return np.linspace(first, last, 11)
    if step == 0 or (last - first) / step < 0:
        raise SheetmlError(f"{whole}: steps of {step:g} do not lead from {first:g} to {last:g}")
    count = np.floor((last - first) / step * (1 + 1e-12) + 1e-9) + 1
    if count > MOST_VALUES:
        raise SheetmlError(f"{whole}: that is more than {MOST_VALUES:,} values")
    return first + step * np.arange(int(count))
