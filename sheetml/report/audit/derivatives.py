"""The rule about derivatives worked out in cells: do they agree with the exact ones?

A column of formulas under a heading such as de/db is taken to hold derivatives. Of what by what is not
guessed from the heading alone: every column of the same rows is tried, and the pair whose exact
derivative is the one in the cells is the one meant. Where none is, the heading decides, if it names
columns of the sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sheetml.engine.blocks import Block
from sheetml.engine.function import Function
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.tree import Node, Number, Range, children
from sheetml.report.audit.finding import ERROR, NOTE, WARNING, Observation, Subject
from sheetml.report.labels import heading
from sheetml.report.words import figure
from sheetml.xlsx.model import Area

HEADING = re.compile(r"(?:^|[^\w])[d∂]\s?([^\W\d_]\w{0,11})\s*/\s*[d∂]\s?([^\W\d_]\w{0,11})(?!\w)", re.IGNORECASE)
NEW = re.compile(r"(?:new|next)\s+(\w+)", re.IGNORECASE)
ERROR_SYMBOLS = frozenset(("e", "err", "error", "l", "loss", "j", "cost"))
ERROR_WORDS = ("err", "loss", "cost")
FEWEST_ROWS = 3
MOST_ROWS = 30  # that are looked at, spread over the column
MOST_COLUMNS = 20
AGREES = 1e-7  # relative difference up to which a derivative is exact
IS_DIFFERENCE = 1e-5  # and up to which it is the difference quotient: cancellation costs it digits
MOST_OF_THEM = 0.6  # of the rows that agree, from which the others are mistakes


@dataclass(frozen=True, slots=True)
class _Column:
    """Some rows of a column of numbers: those of them that are looked at."""

    column: int
    slots: np.ndarray
    title: str
    block: Block | None  # None where the numbers are typed in


@dataclass(frozen=True, slots=True)
class _Pair:
    """A column, and another by which it is differentiated: row by row."""

    of: _Column
    by: _Column
    function: Function
    exact: np.ndarray
    position: np.ndarray  # where the outputs of `of` are among the function's


def wrong_derivative(subject: Subject) -> Iterator[Observation]:
    """Derivatives in cells that differ from the exact ones; those by differences say by how much."""
    for sheet, block, column in _candidates(subject):
        try:
            yield from _checked(subject, sheet, block, column)
        except SheetmlError:
            continue  # no derivative exists there, or a value is none


def _candidates(subject: Subject) -> Iterator[tuple[int, Block, int]]:
    """Columns of formulas under a heading like de/db."""
    for block in subject.blocks:
        for column in np.unique(block.columns).tolist() if block.tree is not None else ():
            rows = block.rows[block.columns == column]
            if len(rows) >= FEWEST_ROWS and HEADING.search(
                heading(subject.calculation, block.sheet, int(rows.min()), column)
            ):
                yield block.sheet, block, column


def _checked(subject: Subject, sheet: int, block: Block, column: int) -> Iterator[Observation]:
    rows = np.sort(block.rows[block.columns == column])
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int))]
    own = _column(subject, sheet, rows, column)
    if own is None:
        return
    stated = subject.calculation.cells.number[own.slots]
    pairs = list(_pairs(subject, sheet, rows, own))
    if any(_close(stated, pair.exact, AGREES).all() for pair in pairs):
        return
    place = _place(subject, sheet, block, column)
    for judge in (_by_differences, _some_rows_wrong, _off_by_a_factor, _as_the_heading_says):
        for pair in pairs:
            seen = judge(subject, own, stated, pair, place)
            if seen is not None:
                yield seen
                return


def _place(subject: Subject, sheet: int, block: Block, column: int) -> str:
    rows = block.rows[block.columns == column]
    return subject.area(sheet, Area(int(rows.min()), column, int(rows.max()), column))


def _column(subject: Subject, sheet: int, rows: np.ndarray, column: int) -> _Column | None:
    """The rows of a column, if they all hold numbers, and formulas of one block or none at all."""
    slots = subject.calculation.slots.locate(sheet, rows, np.int64(column))
    blocks = subject.block_of[slots[1:]]  # the first row of a recurrence often has a formula of its own
    if (subject.calculation.cells.kind[slots] != NUMBER).any() or (slots == 0).any() or (blocks != blocks[0]).any():
        return None
    title = heading(subject.calculation, sheet, int(rows[0]), column)
    return _Column(column, slots, title, subject.blocks[int(blocks[0])] if blocks[0] >= 0 else None)


# ---- of what by what -----------------------------------------------------------------------------


def _pairs(subject: Subject, sheet: int, rows: np.ndarray, own: _Column) -> Iterator[_Pair]:
    """All columns of formulas, each by all columns that it depends on, the likeliest by their headings first."""
    grid = subject.grids[sheet]
    numbers = np.unique(grid.columns[grid.rows == rows[0]])[:MOST_COLUMNS].tolist()
    columns = [_column(subject, sheet, rows, number) for number in numbers if number != own.column]
    known = [column for column in columns if column is not None]
    outputs = [column for column in known if column.block is not None and not HEADING.search(column.title)]
    outputs.sort(key=lambda column: not _is_numerator(own.title, column))
    if not outputs:
        return
    for by in sorted(known, key=lambda column: not _is_denominator(own.title, column)):
        others = [output for output in outputs if output is not by]
        if not others:
            continue
        function = Function(subject.calculation, by.slots, np.concatenate([other.slots for other in others]), False)
        if not function.depends:
            continue
        jacobian = function.jacobian(function.x0)
        for index, of in enumerate(others):
            position = index * len(rows) + np.arange(len(rows))
            exact = jacobian[position, np.arange(len(rows))]
            if exact.any():
                yield _Pair(of, by, function, exact, position)


def _symbols(title: str) -> tuple[str, str]:
    match = HEADING.search(title)
    return (match[1].casefold(), match[2].casefold()) if match else ("", "")


def _is_numerator(title: str, column: _Column) -> bool:
    symbol, name = _symbols(title)[0], column.title.casefold()
    return name == symbol or (symbol in ERROR_SYMBOLS and any(word in name for word in ERROR_WORDS))


def _is_denominator(title: str, column: _Column) -> bool:
    """Whether a column's heading is the symbol, or it takes its values from one headed "new b"."""
    symbol, name = _symbols(title)[1], column.title.casefold()
    return name == symbol


# ---- how they differ -----------------------------------------------------------------------------


def _close(stated: np.ndarray, exact: np.ndarray, tolerance: float) -> np.ndarray:
    scale = np.maximum(np.abs(stated), np.abs(exact))
    close: np.ndarray = np.abs(stated - exact) <= tolerance * np.maximum(scale, 1e-6 * scale.max(initial=0.0))
    return close


def _worst(stated: np.ndarray, exact: np.ndarray) -> str:
    gap = np.abs(stated - exact)
    worst = int(np.argmax(gap))
    relative = f", {100 * gap[worst] / abs(exact[worst]):.2g}% of it" if exact[worst] else ""
    return f"by up to {gap[worst]:.4g}{relative}"


def _what(subject: Subject, pair: _Pair) -> str:
    of, by = subject.slots_text(pair.of.slots), subject.slots_text(pair.by.slots)
    return f"{_titled(of, pair.of)} by {_titled(by, pair.by)}"


def _titled(place: str, column: _Column) -> str:
    return f'{place} ("{column.title}")' if column.title else place


def _by_differences(
    subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str
) -> Observation | None:
    """A difference quotient, whose step the formula names."""
    assert own.block is not None
    x = pair.function.x0
    rows = np.arange(len(x))
    for step in _steps(subject, own.block):
        above, below = (
            np.array([_moved(pair, x, row, distance) for row in rows]) for distance in (step, -step)
        )
        here = pair.function(x)[pair.position]
        quotients = {
            "forward": (above - here) / step,
            "backward": (here - below) / step,
            "central": (above - below) / (2 * step),
        }
        for kind, quotient in quotients.items():
            if _close(stated, quotient, IS_DIFFERENCE).all():
                return Observation(
                    NOTE,
                    place,
                    f"a {kind} difference with step {step:g} of {_what(subject, pair)}: it differs from the exact "
                    f"derivative {_worst(stated, pair.exact)}, which is what the step costs.",
                    "Take a smaller step or the central difference, or write the derivative as a formula.",
                )
    return None


def _moved(pair: _Pair, x: np.ndarray, row: int, distance: float) -> float:
    """One row's output where only that row's input is moved."""
    moved = x.copy()
    moved[row] += distance
    return float(pair.function(moved)[pair.position[row]])


def _steps(subject: Subject, block: Block) -> list[float]:
    """The numbers that could be the step of a difference: those in the formula, and in fixed cells it reads."""
    found: list[float] = []
    for node in _walk(block.tree):
        if isinstance(node, Number):
            found.append(node.value)
        if isinstance(node, Range) and node.cell and node.top.absolute and node.left.absolute and node.sheet is None:
            slot = subject.calculation.slot(block.sheet, node.top.value, node.left.value)
            found.append(float(subject.calculation.cells.number[slot]))
    return sorted({step for number in found for step in (number, number / 2) if 0 < step < 1})


def _walk(node: Node | None) -> Iterator[Node]:
    if node is not None:
        yield node
        for child in children(node):
            yield from _walk(child)


def _some_rows_wrong(
    subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str
) -> Observation | None:
    """Most rows agree with the exact derivative and some do not."""
    close = _close(stated, pair.exact, AGREES)
    if not MOST_OF_THEM <= close.mean() < 1 or not pair.exact[close].any():
        return None
    first = int(np.argmin(close))
    return Observation(
        ERROR,
        subject.slots_text(own.slots[~close]),
        f"not the derivative of {_what(subject, pair)}, which the other rows are: {figure(stated[first])} where it "
        f"is {figure(pair.exact[first])}.",
    )


def _off_by_a_factor(
    subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str
) -> Observation | None:
    """The exact derivative times the same number in every row."""
    if not (_is_numerator(own.title, pair.of) or _is_denominator(own.title, pair.by)):
        return None
    varies = np.ptp(pair.exact) > 1e-6 * np.abs(pair.exact).max()
    factor = float(stated @ pair.exact / (pair.exact @ pair.exact))
    if not varies or not factor or not _close(stated, factor * pair.exact, AGREES).all():
        return None
    return Observation(
        WARNING, place, f"{figure(factor)} times the derivative of {_what(subject, pair)}, in every row."
    )


def _as_the_heading_says(
    subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str
) -> Observation | None:
    """Another derivative than the heading names."""
    if not (_is_numerator(own.title, pair.of) and _is_denominator(own.title, pair.by)):
        return None
    return Observation(
        ERROR,
        place,
        f"not the derivative of {_what(subject, pair)} that its heading names: it differs {_worst(stated, pair.exact)}.",
    )
