"""Rules about cells that stand out from their neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sheetml.engine import questions
from sheetml.engine.dependencies import read_references
from sheetml.engine.evaluate import Context
from sheetml.engine.tracing.graph import value_of
from sheetml.engine.values import BLANK, NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Binary, Call, Name, Node, Range, StructuredReference, left_spine, operands, walk
from sheetml.report.audit.finding import ERROR, TYPED_NUMBER, WARNING, Grid, Observation, Subject
from sheetml.report.audit.values import IGNORING_TEXT
from sheetml.report.words import figure, quantity
from sheetml.xlsx.model import Area

FEWEST_NEIGHBOURS = 4  # cells of the pattern on both sides together, from which it is one
LONGEST_BREAK = 2  # cells in a row that break a pattern; more of them are something of their own
MOST_SHARE = 0.2  # of a block that may be typed over before that is its manner
_SAME = "just now both give the same value"
EQUAL = 1e-12  # relative difference below which a value is the one the pattern gives
FEWEST_IN_RANGE = 3  # cells of a range that can stop short
MOST_MISSING = 2  # rows that it may stop short by
MOST_LENGTH = 100_000  # of a range that is looked at


SUMMARIES = IGNORING_TEXT | {"AVERAGEA", "COUNTA", "COUNTIF", "MAXA", "MINA", "MODE", "MODE.SNGL", "LINEST", "MMULT"}


@dataclass(frozen=True, slots=True)
class _Break:
    """A run of cells between two runs of one block, in a column or a row."""

    slots: tuple[int, ...]
    pattern: int  # the number of the block around it
    neighbours: int  # cells of the pattern on both sides


def _breaks(grid: Grid) -> Iterator[_Break]:
    """All short runs between two runs of one block, down the columns and then along the rows."""
    for major, minor in ((grid.columns, grid.rows), (grid.rows, grid.columns)):
        order = np.lexsort((minor, major))
        line, place, content = major[order], minor[order], grid.content[order]
        slots = grid.slots[order]
        if not line.size:
            return
        apart = (np.diff(line) != 0) | (np.diff(place) != 1)
        starts = np.concatenate([[0], np.nonzero(apart | (np.diff(content) != 0))[0] + 1])
        lengths = np.diff(np.concatenate([starts, [line.size]]))
        run, touching = content[starts], ~apart[starts[1:] - 1]
        enclosed = touching[:-1] & touching[1:] & (run[:-2] == run[2:]) & (run[:-2] >= 0)
        for middle in (np.nonzero(enclosed & (lengths[1:-1] <= LONGEST_BREAK))[0] + 1).tolist():
            first, length = int(starts[middle]), int(lengths[middle])
            around = int(lengths[middle - 1] + lengths[middle + 1])
            yield _Break(tuple(slots[first : first + length].tolist()), int(run[middle - 1]), around)


def broken_pattern(subject: Subject) -> Iterator[Observation]:
    """A formula between formulas that are all alike, and itself another."""
    seen: set[int] = set()
    for sheet, grid in enumerate(subject.grids):
        for found in _breaks(grid):
            own = int(subject.block_of[found.slots[0]])
            if own < 0 or found.neighbours < max(FEWEST_NEIGHBOURS, 3 * len(found.slots)):
                continue
            if len(subject.blocks[own].rows) > LONGEST_BREAK or subject.blocks[own].is_array:
                continue
            for slot in found.slots:
                if slot not in seen:
                    seen.add(slot)
                    yield from _broken(subject, sheet, slot, found)


def _broken(subject: Subject, sheet: int, slot: int, found: _Break) -> Iterator[Observation]:
    _, row, column = subject.calculation.place(slot)
    own, pattern = subject.blocks[int(subject.block_of[slot])].tree, subject.blocks[found.pattern].tree
    if own is None or pattern is None:
        return
    if not any(isinstance(part, (Range, Name, StructuredReference)) for part in walk(pattern)):
        return  # copies of one constant formula are no pattern
    mine, expected = to_a1(own, row, column), to_a1(pattern, row, column)
    if mine.replace("$", "") == expected.replace("$", ""):
        return
    if _sums_up(subject, own, slot, found.pattern):
        return
    message = f"={mine} stands among {quantity(found.neighbours, 'cell')} that would have ={expected} here"
    difference = _value_under(subject, sheet, slot, pattern, row, column)
    if difference:
        message += f"; {difference}"
    alike = _shape(own) == _shape(pattern) and difference != _SAME
    place = subject.cell(sheet, row, column)
    yield Observation(ERROR if alike else WARNING, place, message + ".", f"Write ={expected}, or say why it differs.")


def _shape(node: Node) -> tuple[object, ...]:
    """A formula's operators and functions, whatever they are applied to."""
    name = getattr(node, "operator", None) or getattr(node, "function", None)
    if isinstance(node, Binary):
        name = tuple(part.operator for part in left_spine(node)[1])
    below = tuple(_shape(child) for child in operands(node))
    return (type(node).__name__, name, below) if below else ("leaf",)


def _sums_up(subject: Subject, tree: Node, slot: int, pattern: int) -> bool:
    """Whether a formula is a subtotal: a function over ranges of the pattern's own cells."""
    context = subject.context(subject.blocks[int(subject.block_of[slot])])
    if not any(isinstance(part, Range) and not part.cell for part in walk(tree)):
        return False
    for reference in read_references(context, tree, True):
        slots = context.locate(reference).reshape(-1)
        if slots.size > 1 and (subject.block_of[slots] == pattern).any():
            return True
    return False


def _value_under(subject: Subject, sheet: int, slot: int, pattern: Node, row: int, column: int) -> str:
    """How the cell's value compares with the one the pattern would give; "" where that is not known."""
    calculation = subject.calculation
    context = questions.context_at(calculation, sheet, row, column, slot)
    try:
        with np.errstate(all="ignore"):
            value = context.value(pattern)
    except SheetmlError:
        return ""
    if value.shape[1:] != (1, 1) or value.kind is not None or calculation.kind(slot) != NUMBER:
        return ""
    would, does = float(value_of(value.number).reshape(-1)[0]), calculation.number(slot)
    if abs(would - does) <= EQUAL * max(abs(would), abs(does)):
        return _SAME
    return f"it gives {figure(does)} and not {figure(would)}"


# ---- constants -------------------------------------------------------------------------------


def constant_over_formula(subject: Subject) -> Iterator[Observation]:
    """A number typed where all cells around hold one formula."""
    for sheet, grid in enumerate(subject.grids):
        typed: dict[int, set[int]] = {}
        enclosed: set[int] = set()
        for found in _breaks(grid):
            typed_in = all(subject.calculation.kind(slot) == NUMBER for slot in found.slots)
            if typed_in and subject.block_of[found.slots[0]] < 0:
                typed.setdefault(found.pattern, set()).update(found.slots)
                enclosed.update(found.slots if found.neighbours >= FEWEST_NEIGHBOURS else ())
        for pattern, slots in typed.items():
            block = subject.blocks[pattern]
            if len(slots) > max(1.0, MOST_SHARE * len(block.rows)) or block.tree is None:
                continue
            for slot in sorted(enclosed & slots - _in_typed_lines(subject, grid, slots)):
                _, row, column = subject.calculation.place(slot)
                number = figure(subject.calculation.number(slot))
                message = f"the number {number} is typed in among {quantity(len(block.rows), 'cell')} of one formula"
                difference = _value_under(subject, sheet, slot, block.tree, row, column)
                expected = to_a1(block.tree, row, column)
                yield Observation(
                    WARNING,
                    subject.cell(sheet, row, column),
                    f"{message}{f': {difference}' if difference else ''}.",
                    f"Write ={expected}, or mark the cell as typed on purpose.",
                )


def _in_typed_lines(subject: Subject, grid: Grid, slots: set[int]) -> set[int]:
    """Those of the cells that stand in a row or a column of three or more typed numbers."""
    lines = set()
    numbers = grid.content == TYPED_NUMBER
    typed = set(zip(grid.rows[numbers].tolist(), grid.columns[numbers].tolist()))
    for slot in slots:
        _, row, column = subject.calculation.place(slot)
        for down, across in ((0, 1), (1, 0)):
            length = 1
            for sign in (-1, 1):
                step = sign
                while (row + down * step, column + across * step) in typed:
                    length, step = length + 1, step + sign
            if length > LONGEST_BREAK:
                lines.add(slot)
    return lines


# ---- ranges ----------------------------------------------------------------------------------


def short_range(subject: Subject) -> Iterator[Observation]:
    """A range that ends a row or two before the column of cells it is about does."""
    for block in subject.blocks:
        if block.tree is None:
            continue
        context = subject.context(block)
        for call, node in _ranges(block.tree):
            for down in (True, False):
                yield from _short(subject, context, call, node, down)


def _ranges(tree: Node) -> Iterator[tuple[str, Range]]:
    """The ranges that summing functions take, with the functions' names."""
    for part in walk(tree):
        if isinstance(part, Call) and part.function in SUMMARIES:
            yield from ((part.function, each) for each in part.arguments if isinstance(each, Range) and not each.cell)


def _short(subject: Subject, context: Context, call: str, node: Range, down: bool) -> Iterator[Observation]:
    """The range as the block's first cell has it, if it is the same for all cells along its length."""
    first, last = (node.top, node.bottom) if down else (node.left, node.right)
    places = context.rows if down else context.columns
    in_line = bool((places == places[0]).all())
    references = list(read_references(context.select(slice(0, 1)), node, False))
    if not (in_line or (first.absolute and last.absolute)) or len(references) != 1:
        return
    reference = references[0]
    area = Area(int(reference.top[0]), int(reference.left[0]), int(reference.bottom[0]), int(reference.right[0]))
    if reference.errors is not None or max(area.height, area.width) > MOST_LENGTH:
        return
    lines = _Lines(subject, reference.sheet, area, down, np.unique(context.readers))
    count = lines.more_formulas() or (lines.more_numbers() if down and in_line else 0)
    if count:
        missing, whole = lines.extended(count)
        what = quantity(count, "row" if down else "column")
        yield Observation(
            WARNING,
            subject.cell(context.sheet, int(context.rows[0]), int(context.columns[0])),
            f"{call} takes {subject.area(reference.sheet, area)} and leaves out the {what} after it, "
            f"{subject.area(reference.sheet, missing)}, which holds more of the same.",
            f"Let the range be {subject.area(reference.sheet, whole)}.",
        )


class _Lines:
    """The rows of a range, or its columns if it is taken across, and those that come after it."""

    def __init__(self, subject: Subject, sheet: int, area: Area, down: bool, readers: np.ndarray) -> None:
        self.subject = subject
        self.sheet = sheet
        self.area = area
        self.down = down
        self.readers = readers  # the cells with the formula, which never belong to what it leaves out
        self.length = area.height if down else area.width

    def slots(self, step: int, margin: tuple[int, int] = (0, 0)) -> np.ndarray:
        """The cells of the line so many after the last, with a margin on both sides."""
        area = self.area
        if self.down:
            across = np.arange(area.left - margin[0], area.right + margin[1] + 1)
            return self.subject.calculation.locate(self.sheet, area.bottom + step, across)
        along = np.arange(area.top - margin[0], area.bottom + margin[1] + 1)
        return self.subject.calculation.locate(self.sheet, along, area.right + step)

    def more_formulas(self) -> int:
        """How many lines after the range go on with the blocks of its last line, if only one or two."""
        if self.length < FEWEST_IN_RANGE:
            return 0
        last = self.subject.block_of[self.slots(0)]
        if (last < 0).any():
            return 0
        return self._count(lambda slots: bool((self.subject.block_of[slots] == last).all()))

    def more_numbers(self) -> int:
        """How many lines of typed numbers, in rows of one make, the range leaves out after its end."""
        if self.length < FEWEST_IN_RANGE:
            return 0
        margin = self._island()
        former, last = (self._make(step, margin) for step in (-1, 0))
        if not self._typed(self.slots(0)).all() or not np.array_equal(former, last) or last.size <= 2:
            return 0

        def goes_on(slots: np.ndarray) -> bool:
            return bool(self._typed(slots).all()) and self._like_the_rest(slots)

        count = self._count(goes_on)
        alike = all(np.array_equal(self._make(step, margin), last) for step in range(1, count + 1))
        return count if alike else 0

    def _count(self, goes_on: Callable[[np.ndarray], bool]) -> int:
        for step in range(1, MOST_MISSING + 2):
            slots = self.slots(step)
            if not goes_on(slots) or np.isin(slots, self.readers).any():
                return step - 1
        return 0  # so much follows that the range is a part on purpose

    def extended(self, count: int) -> tuple[Area, Area]:
        """The cells left out, and the range with them."""
        area = self.area
        if self.down:
            missing = Area(area.bottom + 1, area.left, area.bottom + count, area.right)
        else:
            missing = Area(area.top, area.right + 1, area.bottom, area.right + count)
        return missing, Area(area.top, area.left, missing.bottom, missing.right)

    def _typed(self, slots: np.ndarray) -> np.ndarray:
        subject = self.subject
        typed: np.ndarray = (subject.calculation.kinds(slots) == NUMBER) & (subject.block_of[slots] < 0)
        return typed & (slots != 0)

    def _make(self, step: int, margin: tuple[int, int]) -> np.ndarray:
        """What each cell of a line is: the number of its block, or what kind of value is typed in."""
        slots = self.slots(step, margin)
        blocks = self.subject.block_of[slots]
        return np.where(blocks >= 0, blocks, -1 - self.subject.calculation.kinds(slots).astype(np.int64))

    def _island(self) -> tuple[int, int]:
        """How far filled cells go on left and right of the range's last row, and one cell more."""
        area, kind = self.area, self.subject.calculation.kinds()
        left = right = 1
        while area.left - left >= 1 and left < MOST_LENGTH and kind[self.slots(0, (left, 0))[0]] != BLANK:
            left += 1
        while right < MOST_LENGTH and kind[self.slots(0, (0, right))[-1]] != BLANK:
            right += 1
        return min(left, area.left - 1), right

    def _like_the_rest(self, slots: np.ndarray) -> bool:
        """Whether numbers could be more of the range's: whole where those are, and about as large."""
        numbers = self.subject.calculation.numbers()
        area = self.area
        known, more = numbers[self.subject.calculation.locate_area(self.sheet, area)], numbers[slots]
        spread = known.max() - known.min()
        whole = (known == np.round(known)).all() == (more == np.round(more)).all()
        return bool(whole and (more >= known.min() - spread).all() and (more <= known.max() + spread).all())
