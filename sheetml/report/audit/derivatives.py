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

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Stage, Step
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.tree import Number, Range, walk
from sheetml.report.audit.finding import ERROR, NOTE, WARNING, Observation, Subject
from sheetml.report.labels import heading
from sheetml.report.words import figure
from sheetml.xlsx.model import Area

HEADING = re.compile(r"(?:^|[^\w])[d∂]\s?([^\W\d_]\w{0,11})\s*/\s*[d∂]\s?([^\W\d_]\w{0,11})(?!\w)", re.IGNORECASE)
NEW = re.compile(r"(?:new|next)\s+(\w+)", re.IGNORECASE)
ERROR_SYMBOLS = frozenset(("e", "err", "error", "l", "loss", "j", "cost"))
ERROR_WORDS = ("err", "loss", "cost")
FEWEST_ROWS = 3
MOST_ROWS = 2000  # that are looked at, spread over the column
MOST_DIFFERENCES = 30  # rows for which difference quotients are worked out
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
    also: str = ""  # another name: "b", if the cells take their values from a column headed "new b"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A column, and another by which it is differentiated: row by row."""

    of: _Column
    by: _Column
    exact: np.ndarray
    function: CellFunction  # of several columns: `of`, for the rows looked at
    position: int  # which of the function's columns is `by`


def wrong_derivative(subject: Subject) -> Iterator[Observation]:
    """Derivatives in cells that differ from the exact ones; those by differences say by how much."""
    for table, own, place in _tabulated(subject):
        yield from _checked(subject, table, own, place)


def exact_derivatives(subject: Subject) -> list[str]:
    """The places of columns of derivatives that hold the exact ones."""
    found = []
    for table, own, place in _tabulated(subject):
        stated = subject.calculation.numbers(own.slots)
        if any(_close(stated, pair.exact, AGREES).all() for pair in table.pairs(own)):
            found.append(place)
    return found


def _tabulated(subject: Subject) -> Iterator[tuple[_Table, _Column, str]]:
    """The columns that seem to hold derivatives, each with the other columns of its rows, and its place."""
    tables: dict[tuple[int, ...], _Table] = {}
    for sheet, block, column in _candidates(subject):
        rows = np.sort(block.rows[block.columns == column])
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int))]
        table = tables.setdefault((sheet, *rows.tolist()), _Table(subject, sheet, rows))
        own = table.columns.get(column)
        if own is not None:
            yield table, own, _place(subject, sheet, block, column)


def _candidates(subject: Subject) -> Iterator[tuple[int, Block, int]]:
    """Columns of formulas under a heading like de/db."""
    for block in subject.blocks:
        for column in np.unique(block.columns).tolist() if block.tree is not None else ():
            rows = block.rows[block.columns == column]
            if len(rows) >= FEWEST_ROWS and HEADING.search(
                heading(subject.calculation, block.sheet, int(rows.min()), column)
            ):
                yield block.sheet, block, column


def _place(subject: Subject, sheet: int, block: Block, column: int) -> str:
    rows = block.rows[block.columns == column]
    return subject.area(sheet, Area(int(rows.min()), column, int(rows.max()), column))


def _checked(subject: Subject, table: _Table, own: _Column, place: str) -> Iterator[Observation]:
    stated = subject.calculation.numbers(own.slots)
    pairs = list(table.pairs(own))
    if any(_close(stated, pair.exact, AGREES).all() for pair in pairs):
        return
    for judge in (_by_differences, _some_rows_wrong, _off_by_a_factor, _as_the_heading_says):
        for pair in pairs:
            seen = judge(subject, own, stated, pair, place)
            if seen is not None:
                yield seen
                return


# ---- of what by what -----------------------------------------------------------------------------


class _Table:
    """The columns of numbers in some rows of a sheet, and the derivatives of one by another row by row."""

    def __init__(self, subject: Subject, sheet: int, rows: np.ndarray) -> None:
        self.subject = subject
        grid = subject.grids[sheet]
        numbers = np.unique(grid.columns[grid.rows == rows[0]])[:MOST_COLUMNS].tolist()
        found = [_column(subject, sheet, rows, number) for number in numbers]
        self.columns = {column.column: column for column in found if column is not None}
        self.links = [column for column in self.columns.values() if _reaches_other_rows(column)]
        self.sources = {
            number: _sources(column)
            for number, column in self.columns.items()
            if column.block is not None and column not in self.links
        }
        self._known: dict[tuple[int, int], list[_Pair]] = {}

    def pairs(self, own: _Column) -> Iterator[_Pair]:
        """What the column may be the derivative of, and by what; the likeliest by their headings first."""
        outputs = [self.columns[number] for number in self.sources]
        for of in sorted(outputs, key=lambda column: not _is_numerator(own.title, column)):
            reached = self._reached(of.column)
            if own.column in reached or HEADING.search(of.title):
                continue  # worked out from the derivative, or a derivative itself
            between = [self.columns[number] for number in sorted(reached) if number in self.sources]
            named = [column for column in between if _is_denominator(own.title, column)]
            pairs = [pair for cut in [None, *named] for pair in self._derivatives(of, cut, reached)]
            yield from sorted(pairs, key=lambda pair: not _is_denominator(own.title, pair.by))

    def _reached(self, column: int) -> set[int]:
        """All columns that a column depends on within a row."""
        reached: set[int] = set()
        waiting = [column]
        while waiting:
            new = self.sources.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        return reached & self.columns.keys()

    def _steps(self, of: _Column, reached: set[int], cut: _Column | None) -> list[Step]:
        """The formulas that lead to a column, each after those it reads."""
        waiting = [number for number in (*sorted(reached), of.column) if number in self.sources]
        waiting = [number for number in waiting if cut is None or number != cut.column]
        steps = []
        while waiting:
            free = [number for number in waiting if not self.sources[number] & (set(waiting) - {number})]
            if not free:
                break  # a circle within a row, which has no value
            steps += [self.subject.step(self.columns[number].block, self.columns[number].slots) for number in free]
            waiting = [number for number in waiting if number not in free]
        return steps

    def _derivatives(self, of: _Column, cut: _Column | None, reached: set[int]) -> list[_Pair]:
        """A column's derivatives by the columns it is worked out from in the end, or by one in between (`cut`).

        The columns that carry values from row to row are held fast. Then the rows have nothing to do with
        each other, and the derivatives of the rows' sum are those of each row; weights put that to the test.
        """
        key = (of.column, -1 if cut is None else cut.column)
        if key not in self._known:
            leaves = [self.columns[number] for number in sorted(reached) if number not in self.sources]
            inputs = [*leaves, *(link for link in self.links if link not in leaves)]
            inputs = inputs if cut is None else [cut, *inputs]
            function = _RowFunction(self.subject, of, inputs, self._steps(of, reached, cut))
            try:
                self._known[key] = _differentiated(function, of, inputs, leaves if cut is None else [cut])
            except SheetmlError:
                self._known[key] = []  # no derivative exists there, or a value is none
        return self._known[key]


class _RowFunction(CellFunction):
    """A column as a function of others, row by row: only the formulas in between are computed, for these rows."""

    def __init__(self, subject: Subject, of: _Column, inputs: list[_Column], steps: list[Step]) -> None:
        super().__init__(subject.calculation, np.concatenate([each.slots for each in inputs]), of.slots, False)
        nothing = np.zeros(0, np.intp)
        self._rows = [Stage([step], step.targets.reshape(-1), nothing, [step]) for step in steps]

    def _stages(self) -> list[Stage]:
        return self._rows


def _differentiated(function: CellFunction, of: _Column, inputs: list[_Column], wanted: list[_Column]) -> list[_Pair]:
    count = len(of.slots)
    weights = np.linspace(1.0, 2.0, count)
    exact = function.weighted_gradient(function.x0, np.ones(count)).reshape(-1, count)
    weighted = function.weighted_gradient(function.x0, weights).reshape(-1, count)
    pairs = []
    for position, by in enumerate(inputs):
        apart = _close(weighted[position], weights * exact[position], AGREES).all()
        if by in wanted and apart and exact[position].any():
            pairs.append(_Pair(of, by, exact[position], function, position))
    return pairs


def _column(subject: Subject, sheet: int, rows: np.ndarray, column: int) -> _Column | None:
    """The rows of a column, if they all hold numbers, and formulas of one block or none at all."""
    slots = subject.calculation.locate(sheet, rows, column)
    blocks = subject.block_of[slots[1:]]  # the first row of a recurrence often has a formula of its own
    if (subject.calculation.kinds(slots) != NUMBER).any() or (slots == 0).any() or (blocks != blocks[0]).any():
        return None
    block = subject.blocks[int(blocks[0])] if blocks[0] >= 0 else None
    first = int(rows[0])
    title = heading(subject.calculation, sheet, first, column)
    return _Column(column, slots, title, block, _renewed(subject, sheet, first, column, block))


def _renewed(subject: Subject, sheet: int, row: int, column: int, block: Block | None) -> str:
    """What a column is called by the one it copies its values from, headed "new b" or "next b"."""
    tree = None if block is None else block.tree
    if not isinstance(tree, Range) or not tree.cell or tree.sheet is not None or tree.left.absolute:
        return ""
    match = NEW.fullmatch(heading(subject.calculation, sheet, row, column + tree.left.value))
    return match[1].casefold() if match else ""


def _sources(column: _Column) -> set[int]:
    """The columns whose cells in its own row a column's formula reads."""
    assert column.block is not None
    own = column.column
    reads: set[int] = set()
    for node in walk(column.block.tree):
        if isinstance(node, Range) and node.sheet is None and not node.top.absolute and node.top.value == 0:
            first, last = (each.value if each.absolute else own + each.value for each in (node.left, node.right))
            reads.update(range(min(first, last), max(first, last) + 1))
    return reads


def _reaches_other_rows(column: _Column) -> bool:
    """Whether a column's formula reads cells a number of rows above or below its own."""
    return column.block is not None and any(
        isinstance(node, Range) and not node.top.absolute and (node.top.value != 0 or node.bottom.value != 0)
        for node in walk(column.block.tree)
    )


def _symbols(title: str) -> tuple[str, str]:
    match = HEADING.search(title)
    return (match[1].casefold(), match[2].casefold()) if match else ("", "")


def _is_numerator(title: str, column: _Column) -> bool:
    symbol, name = _symbols(title)[0], column.title.casefold()
    return name == symbol or (symbol in ERROR_SYMBOLS and any(word in name for word in ERROR_WORDS))


def _is_denominator(title: str, column: _Column) -> bool:
    return _symbols(title)[1] in (column.title.casefold(), column.also)


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


def _by_differences(subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str) -> Observation | None:
    """A difference quotient, whose step the formula names."""
    assert own.block is not None
    rows = np.unique(np.linspace(0, len(stated) - 1, min(len(stated), MOST_DIFFERENCES)).astype(int))
    here = pair.function(pair.function.x0)[rows]
    for step in _steps(subject, own.block):
        above, below = (_moved(pair, rows, len(stated), distance) for distance in (step, -step))
        quotients = {
            "forward": (above - here) / step,
            "backward": (here - below) / step,
            "central": (above - below) / (2 * step),
        }
        for kind, quotient in quotients.items():
            if _close(stated[rows], quotient, IS_DIFFERENCE).all():
                return Observation(
                    NOTE,
                    place,
                    f"a {kind} difference with step {step:g} of {_what(subject, pair)}: it differs from the exact "
                    f"derivative {_worst(stated, pair.exact)}, which is what the step costs.",
                    "Take a smaller step or the central difference, or write the derivative as a formula.",
                )
    return None


def _moved(pair: _Pair, rows: np.ndarray, count: int, distance: float) -> np.ndarray:
    """The rows' outputs where their inputs are moved: all at once, as the rows do not depend on each other."""
    x = pair.function.x0
    x[pair.position * count + rows] += distance
    moved: np.ndarray = pair.function(x)[rows]
    return moved


def _steps(subject: Subject, block: Block) -> list[float]:
    """The numbers that could be the step of a difference: those in the formula, and in fixed cells it reads."""
    found: list[float] = []
    for node in walk(block.tree):
        if isinstance(node, Number):
            found.append(node.value)
        if isinstance(node, Range) and node.cell and node.top.absolute and node.left.absolute and node.sheet is None:
            slot = subject.calculation.slot(block.sheet, node.top.value, node.left.value)
            found.append(subject.calculation.number(slot))
    return sorted({step for number in found for step in (number, number / 2) if 0 < step < 1})


def _some_rows_wrong(subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str) -> Observation | None:
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


def _off_by_a_factor(subject: Subject, own: _Column, stated: np.ndarray, pair: _Pair, place: str) -> Observation | None:
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
        f"not the derivative of {_what(subject, pair)} its heading names: it differs {_worst(stated, pair.exact)}.",
    )
