"""Derivatives that a workbook computes in its own cells, compared with the exact ones.

A sheet of a training loop has columns such as de/db beside e: written out by hand from the chain rule,
or estimated by a difference, (e(b + 0.01) - e(b)) / 0.01. Here each is compared, row by row, with the
exact partial derivative; a difference is recognised by its known error and by making it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine import questions
from sheetml.engine.cell_function import flat_words
from sheetml.engine.dependencies import pairs_of
from sheetml.engine.values import NUMBER
from sheetml.errors import CalculationError, FormulaError
from sheetml.formula.references import address
from sheetml.formula.tree import Number, walk
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue

TOLERANCE = 1e-9  # relative, within which a cell holds the exact derivative
ROUNDING = 64 * np.finfo(float).eps  # of a value computed in another order of operations
MOST_STEPS = 50  # steps tried for a difference
LARGEST_STEP = 0.5
FEWEST_ROWS = 3  # from whose errors a step is told
REFINEMENTS = 8  # of a step told by its error

EXACT, FORWARD, BACKWARD, CENTRAL = "exact", "forward difference", "backward difference", "central difference"


@dataclass(frozen=True, slots=True)
class WrongCell:
    """A cell that holds another number than its column ought to."""

    cell: str
    stated: CellValue
    expected: float  # the exact derivative; in a column of differences, the difference


@dataclass(slots=True)
class DerivativeCheck:
    """What a column of derivatives came to. Differences are from the exact derivative, over all its rows."""

    of: str
    wrt: str
    against: str
    rows: int
    method: str = ""  # EXACT, FORWARD, BACKWARD or CENTRAL; "" where most cells are none of these
    step: float | None = None  # of a difference
    largest: float = 0.0
    mean: float = 0.0
    largest_relative: float = 0.0
    mean_relative: float = 0.0
    factor: float | None = None  # where all cells are this many times the derivative
    wrong: list[WrongCell] = field(default_factory=list)
    flat: str = ""  # what is constant between its jumps, and taken to have the derivative 0

    @property
    def verdict(self) -> str:
        """The result in words."""
        what = self.method if self.step is None else f"{self.method} with step {self.step:g}"
        if not self.wrong:
            return what
        if self.factor is not None:
            return f"wrong: {self.factor:.6g} times the derivative"
        if self.rows == 1:
            return "wrong"
        cells = f"wrong in {len(self.wrong)} of {self.rows} cells"
        return f"{cells}, else {what}" if what else cells


def check_derivatives(
    workbook: Book, of: str, wrt: Sequence[str], against: Sequence[str], sheet: str | None = None
) -> list[DerivativeCheck]:
    """Compares columns of derivatives with the exact partial derivatives.

    `of` is the first cell of a filled-down block (or an area of one column): its rows are compared.
    Relative addresses in `wrt` and `against` move along row by row; absolute ones (C$1) and names stay.
    The cells `wrt` are cut off from what they depend on: a partial derivative holds the others fixed.
    `against` holds a derivative for each of `wrt`, in that order; several times as many are taken in turns.

    Raises FormulaError for an address that cannot be understood, CalculationError where the function has
    no number, NotDifferentiableError where it has no derivative.
    """
    if not wrt or not against or len(against) % len(wrt):
        raise FormulaError(
            f"{workbook.path}: {len(against)} columns of derivatives do not go with {len(wrt)} cells to derive by"
        )
    if sheet is not None and workbook.calculation.sheet_position(sheet) is None:
        raise FormulaError(f"{workbook.path} has no sheet {sheet!r}: it has {', '.join(workbook.sheet_names)}")
    workbook.calculate()
    place, area = _area(workbook, of, sheet)
    if area.width > 1:
        raise FormulaError(f"{workbook.path}: {of!r} has several columns: one is compared at a time")
    rows = area.height if area.height > 1 or _is_fixed(of) else _filled_down(workbook, place, area)
    column = _moving(workbook, of, sheet, rows)
    partial = PartialDerivatives(workbook, column, [_moving(workbook, text, sheet, rows) for text in wrt], rows)
    columns = [_moving(workbook, text, sheet, rows) for text in against]
    return [_check(workbook, partial, number % len(wrt), column) for number, column in enumerate(columns)]


# ---- addresses ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """Cells of one column, one a row of the comparison, or one for all rows."""

    sheet: str
    area: Area

    @property
    def address(self) -> str:
        return address(self.sheet, self.area)

    def place(self, workbook: Book) -> tuple[int, Area]:
        return workbook[self.sheet].position, self.area


def _area(workbook: Book, text: str, sheet: str | None) -> tuple[int, Area]:
    areas = workbook.areas(text, sheet)
    if len(areas) != 1:
        raise FormulaError(f"{workbook.path}: {text!r} is several areas: one column is wanted")
    return areas[0]


def _moving(workbook: Book, text: str, sheet: str | None, rows: int) -> _Column:
    position, area = _area(workbook, text, sheet)
    if area.width > 1 or area.height not in (1, rows):
        raise FormulaError(f"{workbook.path}: {text!r} is neither one cell nor {rows} cells of a column")
    if area.height == 1 and not _is_fixed(text):
        area = Area(area.top, area.left, area.top + rows - 1, area.right)
    return _Column(workbook.sheet_names[position], area)


def _is_fixed(text: str) -> bool:
    """Whether an address stays where it is: its row is absolute, or it is a name."""
    cell = text.rpartition("!")[2]
    return re.fullmatch(r"\$?[A-Za-z]{1,3}\d+(:\$?[A-Za-z]{1,3}\d+)?", cell) is None


def _filled_down(workbook: Book, sheet: int, area: Area) -> int:
    """How many cells from this one down hold the same formula."""
    calculation = workbook.calculation
    slot = calculation.slot(sheet, area.top, area.left)
    block = questions.block(calculation, slot)
    if block is not None and questions.text(calculation, slot) is not None:
        rows = set(block.rows[block.columns == area.left].tolist())
        count = 1
        while area.top + count in rows:
            count += 1
        return count
    raise FormulaError(f"{workbook.path}: {address(workbook.sheet_names[sheet], area)} holds no formula to derive")


# ---- exact derivatives -------------------------------------------------------------------------


class PartialDerivatives:
    """Those of each row's output by the inputs of its row.

    Where no row depends on another's inputs, which is tried, all rows share one pass; else each has its own.
    """

    def __init__(self, workbook: Book, of: _Column, wrt: Sequence[_Column], rows: int) -> None:
        self.of, self.wrt, self.rows = of, wrt, rows
        self.f = workbook.function_of([column.place(workbook) for column in wrt], [of.place(workbook)])
        self.x = self.f.x0
        self.places: list[np.ndarray] = []  # of each input in x, row by row
        start = 0
        for column in wrt:
            height = column.area.height
            self.places.append(start + (np.arange(rows) if height == rows else np.zeros(rows, np.intp)))
            start += height
        self.separate = self._are_separate()

    def _are_separate(self) -> bool:
        """Whether rows are independent: weighting the rows at random then weights their derivatives alike."""
        if any(len(np.unique(place)) < self.rows for place in self.places):
            return False
        random = np.random.default_rng(0)
        weights = random.uniform(1, 2, (2, self.rows))
        found = [self.f.weighted_gradient(self.x, weight) for weight in weights]
        for place in self.places:
            first, second = (slope[place] / weight for slope, weight in zip(found, weights))
            if not np.allclose(first, second, rtol=1e-10, atol=1e-12 * np.abs(first).max(initial=0), equal_nan=True):
                return False
        return True

    def _passes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows that share a pass, and the weights of all rows in it."""
        if self.separate:
            yield np.arange(self.rows), np.ones(self.rows)
            return
        for row in range(self.rows):
            weights = np.zeros(self.rows)
            weights[row] = 1.0
            yield np.array([row]), weights

    def _along(self, number: int, rows: np.ndarray, step: float = 1.0) -> np.ndarray:
        direction = np.zeros(self.x.size)
        direction[self.places[number][rows]] = step
        return direction

    def slopes(self, number: int) -> np.ndarray:
        """The derivatives by an input, (rows,)."""
        result = np.zeros(self.rows)
        for rows, weights in self._passes():
            result[rows] = self.f.weighted_gradient(self.x, weights)[self.places[number][rows]]
        return result

    def curvatures(self, number: int, shift: float = 0.0) -> np.ndarray:
        """The second derivatives by an input, (rows,), where each row's input has gone a step."""
        result = np.zeros(self.rows)
        for rows, weights in self._passes():
            x = self.x + self._along(number, rows, shift)
            product = self.f.hessian_product(x, self._along(number, rows), weights)
            result[rows] = product[self.places[number][rows]]
        return result

    def values(self, number: int, step: float) -> np.ndarray:
        """The outputs, (rows,), where each row's input has gone a step."""
        result = np.zeros(self.rows)
        for rows, _ in self._passes():
            result[rows] = np.atleast_1d(self.f(self.x + self._along(number, rows, step)))[rows]
        return result


# ---- comparing ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """What a column may be: its method, the numbers that would give, and how far those are uncertain."""

    method: str
    step: float | None
    numbers: np.ndarray
    tolerance: np.ndarray

    def holds(self, stated: np.ndarray) -> np.ndarray:
        return np.abs(stated - self.numbers) <= self.tolerance


def _check(workbook: Book, partial: PartialDerivatives, number: int, column: _Column) -> DerivativeCheck:
    slots = workbook.calculation.locate_area(workbook[column.sheet].position, column.area).reshape(-1)
    slots = np.broadcast_to(slots, (partial.rows,))
    numeric = (workbook.calculation.kinds(slots) == NUMBER) & (slots != 0)
    stated = np.where(numeric, workbook.calculation.numbers(slots), np.nan)
    exact = partial.slopes(number)
    result = DerivativeCheck(partial.of.address, partial.wrt[number].address, column.address, partial.rows)
    result.flat = flat_words(partial.f.flat)
    gap = np.abs(stated - exact)[numeric]
    size = np.maximum(np.abs(stated), np.abs(exact))[numeric]
    relative = np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)
    if gap.size:
        result.largest, result.mean = float(gap.max()), float(gap.mean())
        result.largest_relative, result.mean_relative = float(relative.max()), float(relative.mean())
    best = _best(_hypotheses(workbook, partial, number, slots, stated, exact), stated)
    good = np.zeros(partial.rows, bool)
    expected = exact
    if best is not None:
        result.method, result.step, expected = best.method, best.step, best.numbers
        good = best.holds(stated)
    else:
        result.factor = _factor(stated, exact)
    for row in np.nonzero(~good)[0].tolist():
        slot = int(slots[row])
        top = column.area.top + (row if column.area.height > 1 else 0)
        cell = address(column.sheet, Area(top, column.area.left, top, column.area.left))
        result.wrong.append(WrongCell(cell, workbook.calculation.value(slot) if slot else None, float(expected[row])))
    return result


def _best(hypotheses: Iterator[_Hypothesis], stated: np.ndarray) -> _Hypothesis | None:
    """The one that most cells follow, if more than half do; another of as many has to allow much less."""
    best, most, allowed = None, stated.size // 2, np.inf
    for hypothesis in hypotheses:
        count, tolerance = int(hypothesis.holds(stated).sum()), float(hypothesis.tolerance.mean())
        if count > most or (best is not None and count == most and tolerance < allowed / 2):
            best, most, allowed = hypothesis, count, tolerance
        if hypothesis.method == EXACT and count == stated.size:
            break
    return best


def _hypotheses(
    workbook: Book,
    partial: PartialDerivatives,
    number: int,
    slots: np.ndarray,
    stated: np.ndarray,
    exact: np.ndarray,
) -> Iterator[_Hypothesis]:
    size = np.abs(exact)
    typical = float(size[np.isfinite(size)].mean()) if np.isfinite(size).any() else 0.0
    allowed = TOLERANCE * np.maximum(size, typical)
    yield _Hypothesis(EXACT, None, exact, allowed)
    value = np.atleast_1d(partial.f(partial.x))
    moved = np.maximum(np.abs(value), size * np.abs(partial.x[partial.places[number]]))
    for step in _steps(workbook, partial, number, slots, stated - exact, exact):
        noise = ROUNDING * moved / step
        if not (noise <= 1e-3 * np.maximum(size, typical)).all():
            continue  # so small a step that it would excuse anything
        for method in (FORWARD, BACKWARD, CENTRAL):
            quotient = _quotient(partial, number, method, step)
            if quotient is not None:
                yield _Hypothesis(method, step, quotient, allowed + noise)


def _quotient(partial: PartialDerivatives, number: int, method: str, step: float) -> np.ndarray | None:
    """What a difference of this kind gives, (rows,); None where the function ends within the step."""
    ahead = 0.0 if method == BACKWARD else step
    behind = 0.0 if method == FORWARD else -step
    try:
        return (partial.values(number, ahead) - partial.values(number, behind)) / (ahead - behind)
    except CalculationError:
        return None


def _factor(stated: np.ndarray, exact: np.ndarray) -> float | None:
    """The number of times that the cells are the derivative, if it is one number."""
    used = (exact != 0) & np.isfinite(stated)
    ratio = stated[used] / exact[used]
    if used.sum() < 2 or not np.allclose(ratio, ratio[0], rtol=1e-9, atol=0) or (stated[~used] != 0).any():
        return None
    return float(ratio[0])


# ---- the steps of differences ------------------------------------------------------------------


def _steps(
    workbook: Book,
    partial: PartialDerivatives,
    number: int,
    slots: np.ndarray,
    error: np.ndarray,
    exact: np.ndarray,
) -> Iterator[float]:
    """Steps that the column may have been made with: numbers in its formulas, and those its error tells of."""
    candidates = list(_in_formulas(workbook, slots))
    if partial.rows >= FEWEST_ROWS:  # of one error alone some step is always the cause
        candidates += _from_error(partial, number, error, exact)
    seen: set[float] = set()
    for step in candidates:
        if 0 < step <= LARGEST_STEP and step not in seen and len(seen) < MOST_STEPS:
            seen.add(step)
            yield step


def _from_error(partial: PartialDerivatives, number: int, error: np.ndarray, exact: np.ndarray) -> Iterator[float]:
    """The step by the known error: h/2 f'' of a one-sided difference, h**2/6 f''' of a central one."""
    curvature = partial.curvatures(number)
    step = _typical(2 * error, curvature)
    yield from _refined(partial, number, FORWARD if step > 0 else BACKWARD, abs(step), error, exact)
    apart = 1e-3 * max(1.0, float(np.abs(partial.x[partial.places[number]]).mean()))
    change = (partial.curvatures(number, apart) - partial.curvatures(number, -apart)) / (2 * apart)
    yield from _refined(partial, number, CENTRAL, abs(_typical(6 * error, change)) ** 0.5, error, exact)


def _typical(error: np.ndarray, derivative: np.ndarray) -> float:
    """What the errors of most rows are to the derivative; nan where it is zero."""
    used = np.isfinite(error) & (np.abs(derivative) > 1e-9 * np.abs(derivative).max(initial=0))
    return float(np.median(error[used] / derivative[used])) if used.any() else float("nan")


def _refined(
    partial: PartialDerivatives, number: int, method: str, step: float, error: np.ndarray, exact: np.ndarray
) -> Iterator[float]:
    """The step with the further terms of its error: as a person would have written it, and as it is."""
    for _ in range(REFINEMENTS):
        quotient = _quotient(partial, number, method, step) if 0 < step <= LARGEST_STEP else None
        ratio = float("nan") if quotient is None else _typical(error, quotient - exact)
        if not 0 < ratio < np.inf:
            break
        step *= ratio**0.5 if method == CENTRAL else ratio
    if 0 < step <= LARGEST_STEP:
        yield from (float(f"{step:.{digits}g}") for digits in (1, 2, 3, 4))
        yield step


def _in_formulas(workbook: Book, slots: np.ndarray) -> Iterator[float]:
    """Numbers written in the column's formula or in those it reads directly, and constants in cells it reads."""
    calculation = workbook.calculation
    first = int(slots[0])
    waiting, level = [first], 0
    while waiting and level < 2:
        read: list[int] = []
        for slot in waiting:
            own = questions.own_step(calculation, slot)
            if own is None:
                if calculation.kind(slot) == NUMBER:
                    yield abs(calculation.number(slot))
            elif own.block.tree is not None:
                yield from (node.value for node in walk(own.block.tree) if isinstance(node, Number))
                readers, sources = pairs_of(own.context, own.block.tree)
                read += sources[readers == slot].tolist()
        waiting, level = read[:MOST_STEPS], level + 1
