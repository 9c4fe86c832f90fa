"""Goal seek: the value of one cell that brings another to a value, and of several the nearest to where it starts.

From the start the search goes out on both sides, step by step larger, until the difference from the value
changes sign; Brent's method (SciPy's brentq) then closes in. Where the difference turns back before it reaches 0, the
turning point is looked up by the exact derivative: roots that only touch, and pairs of them, are found so.
A jump (INT, a pole) changes sign without a root: it is passed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.values import ERROR, TEXT
from sheetml.errors import CalculationError, FormulaError, NotDifferentiableError, SolverError
from sheetml.formula.references import address
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

GROWTH = 2.0  # of the steps away from the start
FIRST_STEP = 1 / 64  # relative to the start, or to the step that the derivative suggests
PIECES = 64  # of each step, at whose ends the cell is evaluated
FARTHEST = 1e12  # from the start, relative to it or to 1
PRECISION = 1e-12  # of the cell's value, relative to the number wanted or to 1
SETTLED = 1e-3  # the last of these steps, relative to where it ends
MOST_TOUCHES = 200  # iterations of Newton's method where a root only touches

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a goal seek came to; `x` is where the difference from the value was smallest."""

    cell: str
    to: float
    by: str
    start: float
    start_value: float
    x: float
    value: float
    found: bool
    evaluations: int
    exact: bool  # whether the exact derivative was at hand
    message: str


def seek(book: Book, cell: str, to: float, by: str, *, sheet: str | None = None) -> Sought:
    """Changes the cell `by` until `cell` holds the value `to`, and leaves it there; if it cannot, nothing changes.

    Addresses without a sheet are looked up on `sheet`. Raises SolverError, one sentence, where the cells are not
    what a goal seek needs, CalculationError where the start has no value.
    """
    if not math.isfinite(to):
        raise SolverError(f"{book.path}: {to} is not a value that a cell can come to.")
    output, changing = _one_cell(book, cell, sheet), _one_cell(book, by, sheet)
    names = [address(book.sheet_names[position], area) for position, area in (output, changing)]
    function = book.function_of([changing], [output]).refusing_flat()
    _check(book, output, changing, names, function)
    start = float(function.x0[0])
    difference = _Difference(function, to)
    start_value = float(function(np.array([start])))
    root = _root(difference, start)
    x = difference.nearest if root is None else root
    value = start_value if x == start else float(function(np.array([x])))
    if root is not None and root != start:
        book.calculation.set(int(function.input_slots[0]), root)
        book.calculate()
    return Sought(
        names[0], to, names[1], start, start_value, x, value, root is not None,
        difference.evaluations, difference.exact, _words(names, to, x, value, root is not None),
    )  # fmt: skip


def _words(names: list[str], to: float, x: float, value: float, found: bool) -> str:
    if found:
        return f"{names[0]} is {value:.10g} where {names[1]} is {x:.10g}."
    return f"{names[0]} does not come to {to:g}: the nearest found is {value:.10g}, where {names[1]} is {x:.10g}."


def _one_cell(book: Book, text: str, sheet: str | None) -> tuple[int, Area]:
    try:
        areas = book.areas(text, sheet)
    except FormulaError as error:
        raise SolverError(f"{str(error).removesuffix('.')}.") from None
    if len(areas) != 1 or not areas[0][1].is_cell:
        raise SolverError(f"{book.path}: {text} is not one cell.")
    return areas[0]


def _check(
    book: Book, output: tuple[int, Area], changing: tuple[int, Area], names: list[str], function: CellFunction
) -> None:
    """The one cell holds a formula, the other a number that the formula depends on."""
    formulas = [book.calculation.formula_text(sheet, area.top, area.left) for sheet, area in (output, changing)]
    slot = int(function.input_slots[0])
    kind = book.calculation.kind(slot)
    if formulas[0] is None:
        raise SolverError(f"{book.path}: {names[0]} holds no formula that could come to a value.")
    if formulas[1] is not None or book.calculation.is_formula(np.array([slot])).any():
        raise SolverError(f"{book.path}: {names[1]} holds a formula: a cell with a number is changed.")
    if kind == TEXT or kind >= ERROR:
        raise SolverError(f"{book.path}: {names[1]} holds no number.")
    if not function.depends:
        raise SolverError(f"{book.path}: {names[0]} does not depend on {names[1]}.")


@dataclass(slots=True)
class _Difference:
    """The cell's value less the value wanted, nan where it has none, with its derivative."""

    function: CellFunction
    to: float
    evaluations: int = 0
    exact: bool = True
    nearest: float = math.nan
    _least: float = math.inf
    _known: dict[float, float] = field(default_factory=dict)

    def __call__(self, x: float) -> float:
        known = self._known.get(x)
        if known is not None:
            return known
        self.evaluations += 1
        try:
            gap = float(self.function(np.array([x]))) - self.to
        except CalculationError:
            gap = math.nan
        if abs(gap) < self._least:
            self.nearest, self._least = x, abs(gap)
        self._known[x] = gap
        return gap

    def at(self, points: np.ndarray) -> np.ndarray:
        """The differences at many points at once, (p,)."""
        gaps = np.asarray(self.function.batch(points[:, None])) - self.to
        self.evaluations += points.size
        if not np.isnan(gaps).all():
            least = int(np.nanargmin(np.abs(gaps)))
            if abs(gaps[least]) < self._least:
                self.nearest, self._least = float(points[least]), float(abs(gaps[least]))
        return gaps

    def slope(self, x: float) -> float:
        """The exact derivative; nan where there is none, for good once a function without one is met."""
        if not self.exact:
            return math.nan
        try:
            return float(self.function.gradient(np.array([x]))[0])
        except NotDifferentiableError:
            self.exact = False
        except CalculationError:
            pass
        return math.nan

    def is_root(self, x: float) -> bool:
        """Whether the value is reached: as exactly as wanted, or as numbers next to each other allow."""
        gap = self(x)
        if abs(gap) <= PRECISION * max(1.0, abs(self.to)):
            return True
        slope = self.slope(x)
        return math.isfinite(slope) and abs(gap) <= 4 * np.spacing(abs(x)) * abs(slope)


def _root(difference: _Difference, start: float) -> float | None:
    """The root nearest to the start; None where none was found."""
    if difference.is_root(start):
        return start
    for ring in _rings(difference, start):
        found = [_nearest_between(difference, *interval) for interval in ring]
        roots = [root for root in found if root is not None]
        if roots:
            return min(roots, key=lambda root: abs(root - start))
    touched = _touched(difference, difference.nearest)
    return touched if touched is not None and difference.is_root(touched) else None


def _rings(difference: _Difference, start: float) -> Iterator[tuple[Interval, Interval]]:
    """Pieces of the line, ever farther from the start, on both sides of it; the nearer end of each first."""
    scale = max(1.0, abs(start))
    slope = difference.slope(start)
    newton = abs(difference(start) / slope) if slope and math.isfinite(slope) else scale
    step = FIRST_STEP * min(max(newton, 1e-9 * scale), scale)
    near, far = 0.0, step
    while near < FARTHEST * scale:
        yield (start + near, start + far), (start - near, start - far)
        near, far = far, far * GROWTH


def _nearest_between(difference: _Difference, near: float, far: float) -> float | None:
    """The root within a piece of the line that is nearest to its near end, as far as evaluations there tell."""
    points = np.linspace(near, far, PIECES + 1)
    gaps = difference.at(points)
    with np.errstate(invalid="ignore"):
        crosses = gaps[:-1] * gaps[1:] <= 0
        sizes = np.pad(np.abs(gaps), 1, mode="edge")
        turns = (sizes[1:-1] <= sizes[:-2]) & (sizes[1:-1] <= sizes[2:])
    for place in np.nonzero(turns | np.append(crosses, False))[0].tolist():
        ends = points[max(place - 1, 0)], points[min(place + 1, PIECES)]
        root = _turning_point(difference, *ends) if turns[place] else None
        if root is None and place < PIECES and crosses[place]:
            root = _closed_in(difference, points[place], points[place + 1])
        if root is not None:
            return root
    return None


def _closed_in(difference: _Difference, a: float, b: float) -> float | None:
    """Where the difference changes sign between two points, if it is 0 there."""
    x = _brent(difference, a, b)
    if x is None:
        return None
    slope = difference.slope(x)
    if slope and math.isfinite(slope):  # one step of Newton's method, where it helps
        better = x - difference(x) / slope
        x = better if min(a, b) <= better <= max(a, b) and abs(difference(better)) < abs(difference(x)) else x
    return x if difference.is_root(x) else None


def _brent(function: Callable[[float], float], a: float, b: float) -> float | None:
    from scipy.optimize import brentq

    try:
        return float(brentq(function, a, b, xtol=1e-300, rtol=4 * np.finfo(float).eps, maxiter=500))
    except (ValueError, RuntimeError):  # nan on the way
        return None


def _turning_point(difference: _Difference, near: float, far: float) -> float | None:
    """A root between two points of one sign where the difference turns back: at the turn, or before it."""
    a, b = difference(near), difference(far)
    if not (a * b > 0 and difference.slope(near) * difference.slope(far) < 0):
        return None
    turn = _brent(difference.slope, near, far)
    if turn is None or difference.is_root(turn):
        return turn
    return _closed_in(difference, near, turn) if a * difference(turn) < 0 else None


def _touched(difference: _Difference, x: float) -> float | None:
    """Newton's method from the best point known: for roots that only touch, where nothing changes sign."""
    if math.isnan(x):
        return None
    step = 0.0
    for _ in range(MOST_TOUCHES):
        slope = difference.slope(x)
        if not slope or not math.isfinite(slope):
            break
        step = -difference(x) / slope
        if difference.is_root(x) or not abs(difference(x + step)) < abs(difference(x)):
            break
        x += step
    return x if abs(step) <= SETTLED * max(1.0, abs(x)) else None  # 1/A1 comes to 0 at no number, ever farther away
