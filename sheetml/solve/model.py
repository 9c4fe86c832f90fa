"""A Solver model of a workbook: what it wants, in terms of cells, and how to solve it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import CalculationError, FormulaError, SolverError
from sheetml.formula.references import address, cell_name
from sheetml.xlsx.model import Area, ErrorCode
from sheetml.xlsx.solver_names import (
    AT_LEAST,
    AT_MOST,
    BINARY,
    EQUAL,
    EVOLUTIONARY,
    INTEGER,
    MAXIMISE,
    MINIMISE,
    SIMPLEX_LP,
    UNLIMITED,
    ConstraintNames,
    SolverModelNames,
)
from sheetml.xlsx.solver_names import solver_models as models_named_in

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

    from sheetml.engine.function import Function
    from sheetml.workbook import Workbook

RELATIONS = {AT_MOST: "<=", EQUAL: "=", AT_LEAST: ">="}
ENGINES = {SIMPLEX_LP: "Simplex LP", EVOLUTIONARY: "Evolutionary"}

CellAreas = list[tuple[str, Area]]


def solver_models(workbook: Workbook) -> list[SolverModel]:
    """The Solver models stored in the workbook, in the order of its sheets."""
    return [SolverModel(workbook, names) for names in models_named_in(workbook.file)]


@dataclass(frozen=True, slots=True)
class Constraint:
    """left <= right, left = right or left >= right, cell by cell.

    `right` holds numbers, one for each cell on the left, or the areas of the cells compared with.
    """

    left: CellAreas
    relation: int
    right: CellAreas | np.ndarray

    def words(self, home: str) -> str:
        right = self.right
        text = areas_in_words(right, home) if isinstance(right, list) else f"{right.reshape(-1)[0]:g}"
        return f"{areas_in_words(self.left, home)} {RELATIONS[self.relation]} {text}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A model ready to be solved: functions of the adjustable cells, and bounds on them."""

    objective: Function | None
    sense: int
    target_value: float
    start: np.ndarray  # (n,)
    lower: np.ndarray  # (n,), -inf where free
    upper: np.ndarray  # (n,), inf where free
    constraints: list[ConstraintFunction]
    assign: Callable[[np.ndarray], None]  # puts values into the adjustable cells


@dataclass(frozen=True, slots=True)
class ConstraintFunction:
    """left - right of a constraint as a function of the adjustable cells, (m,), with its relation."""

    left: Function
    right: Function | np.ndarray
    relation: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        right = self.right if isinstance(self.right, np.ndarray) else np.atleast_1d(self.right(x))
        return np.atleast_1d(self.left(x)) - right

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        slope = self.left.jacobian(x)
        return slope if isinstance(self.right, np.ndarray) else slope - self.right.jacobian(x)


class SolverModel:
    """One sheet's Solver model. `solve()` does what Excel's Solver would, and leaves the result in the cells.

    Raises SolverError, one sentence with file and sheet, where the model cannot be understood or asks
    for what is not there.
    """

    def __init__(self, workbook: Workbook, names: SolverModelNames) -> None:
        self.workbook = workbook
        self.names = names

    def __repr__(self) -> str:
        return f"<SolverModel of sheet {self.sheet!r}: {self.describe()[0]}>"

    @property
    def sheet(self) -> str:
        return self.workbook.sheet_names[self.names.sheet]

    @property
    def objective(self) -> str | None:
        """The objective cell's address; None where only constraints are to be met."""
        if not self.names.objective:
            return None
        areas = self._areas(self.names.objective, "the objective")
        if len(areas) != 1 or areas[0][1].height * areas[0][1].width != 1:
            raise self._error(f"the objective {self.names.objective} is not one cell")
        return address(areas[0][0], areas[0][1])

    @property
    def adjustable(self) -> list[str]:
        """The addresses of the areas of adjustable cells."""
        return [address(sheet, area) for sheet, area in self._adjustable_areas()]

    @property
    def constraints(self) -> list[Constraint]:
        """The constraints between cells; those that make cells integers are refused."""
        return [self._constraint(each) for each in self._constraint_names()]

    def describe(self) -> list[str]:
        """The model in words: goal, constraints, settings."""
        try:
            return [self._goal(), *self._constraint_words(), self._settings()]
        except SolverError as error:
            return [str(error)]

    def solve(
        self,
        *,
        max_time: float | None = None,
        max_iterations: int | None = None,
        tolerance: float | None = None,
        starts: int = 1,
        seed: int | None = None,
        callback: Callable[[Any], None] | None = None,
    ) -> OptimizeResult:
        """Solves the model from the values its cells hold, and leaves the best point found in them.

        `max_time` is in seconds (default: what the file states); `tolerance` is the relative change of
        the objective at which to stop; `starts` tries so many starting points, chosen by `seed`.
        `callback` is called with a Progress after each iteration. The result is never worse than the
        start. Ctrl-C ends the search and keeps the best point.

        Returns a scipy.optimize.OptimizeResult with x, fun, fun_start, nit, nfev, njev, gradient_norm,
        constraint_violation, seconds, success, status, message, method, sheet, objective, adjustable.
        """
        from sheetml.solve.nonlinear import Limits, solve

        problem = self.problem()
        stated = self.names.max_time
        if max_time is None and 0 < stated < UNLIMITED:
            max_time = float(stated)
        if self.names.multistart and starts == 1:
            starts, seed = 10, self.names.seed if seed is None else seed
        limits = Limits(max_time, max_iterations, tolerance, self.names.precision)
        central = self.names.derivatives == 2
        result = solve(problem, limits, starts=starts, seed=seed, central=central, callback=callback)
        result.sheet, result.objective, result.adjustable = self.sheet, self.objective, self.adjustable
        return result

    # ---- the problem in functions of the adjustable cells

    def problem(self) -> Problem:
        """The model as functions and bounds, checked."""
        names = self.names
        if names.engine in ENGINES:
            raise self._error(
                f"the model asks for the {ENGINES[names.engine]} engine, which is not there yet: only GRG Nonlinear is"
            )
        if not names.objective and not names.constraints:
            raise self._error("the model has neither an objective nor constraints")
        adjustable = self.adjustable
        self._check_adjustable()
        constraints = self.constraints
        objective = None if self.objective is None else self._function(adjustable, self.objective)
        any_function = objective or self._function(adjustable, adjustable)
        start = any_function.x0
        lower, upper = np.full(start.size, -math.inf), np.full(start.size, math.inf)
        places = {place: i for i, place in enumerate(self._cells(self._adjustable_areas()))}
        general = []
        for constraint in constraints:
            if not self._bound(constraint, places, lower, upper):
                general.append(self._constraint_function(constraint, adjustable))
        if names.non_negative:
            lower[np.isneginf(lower)] = 0.0
        if (lower > upper).any():
            cell = list(places)[int(np.argmax(lower > upper))]
            raise self._error(f"the bounds of {cell[0]}!{cell_name(cell[1], cell[2])} contradict each other")
        return Problem(objective, names.sense, names.target_value, start, lower, upper, general, any_function.assign)

    def _function(self, inputs: list[str], output: str | list[str]) -> Function:
        try:
            return self.workbook.function(inputs, output)
        except CalculationError as error:
            raise self._error(str(error)) from None

    def _bound(
        self,
        constraint: Constraint,
        places: dict[tuple[str, int, int], int],
        lower: np.ndarray,
        upper: np.ndarray,
    ) -> bool:
        """Takes a constraint of adjustable cells against fixed numbers as bounds; False if it is none."""
        cells = self._cells(constraint.left)
        if not all(cell in places for cell in cells):
            return False
        fixed = self._fixed_right(constraint, len(cells))
        if fixed is None:
            return False
        index = np.array([places[cell] for cell in cells])
        if constraint.relation != AT_MOST:
            np.maximum.at(lower, index, fixed)
        if constraint.relation != AT_LEAST:
            np.minimum.at(upper, index, fixed)
        return True

    def _fixed_right(self, constraint: Constraint, count: int) -> np.ndarray | None:
        """The numbers on the right, if they do not depend on the adjustable cells."""
        if isinstance(constraint.right, np.ndarray):
            return np.broadcast_to(constraint.right, (count,))
        right = self._function(self.adjustable, [address(*area) for area in constraint.right])
        if right.depends:
            return None
        return np.broadcast_to(np.atleast_1d(self._evaluated(right)), (count,))

    def _evaluated(self, function: Function) -> Any:
        try:
            return function(function.x0)
        except CalculationError as error:
            raise self._error(str(error)) from None

    def _constraint_function(self, constraint: Constraint, adjustable: list[str]) -> ConstraintFunction:
        left = self._function(adjustable, [address(*area) for area in constraint.left])
        count = len(self._cells(constraint.left))
        fixed = self._fixed_right(constraint, count)
        if fixed is not None:
            return ConstraintFunction(left, fixed, constraint.relation)
        assert isinstance(constraint.right, list)
        right = self._function(adjustable, [address(*area) for area in constraint.right])
        return ConstraintFunction(left, right, constraint.relation)

    # ---- what the names say

    def _adjustable_areas(self) -> CellAreas:
        if not self.names.adjustable:
            raise self._error("the model has no adjustable cells")
        return self._areas(self.names.adjustable, "the adjustable cells")

    def _check_adjustable(self) -> None:
        """Adjustable cells hold numbers or nothing: Excel's Solver refuses formulas, and so does this."""
        seen = set()
        for sheet, row, column in self._cells(self._adjustable_areas()):
            name = f"{sheet}!{cell_name(row, column)}"
            if (sheet, row, column) in seen:
                raise self._error(f"the adjustable cell {name} is named twice")
            seen.add((sheet, row, column))
            worksheet = self.workbook[sheet]
            value = worksheet[cell_name(row, column)]
            if worksheet.formula(cell_name(row, column)) is not None:
                raise self._error(f"the adjustable cell {name} holds a formula")
            if isinstance(value, (str, ErrorCode)):
                raise self._error(f"the adjustable cell {name} holds no number")

    def _constraint_names(self) -> list[ConstraintNames]:
        kept = []
        for each in self.names.constraints:
            if each.relation in RELATIONS:
                kept.append(each)
            elif not (self.names.ignore_integers and each.relation in (INTEGER, BINARY)):
                raise self._error(f"cells that must be {each.rhs} ({each.lhs}) are not there yet")
        return kept

    def _constraint(self, names: ConstraintNames) -> Constraint:
        left = self._areas(names.lhs, "a constraint")
        text = names.rhs.strip().removeprefix("=").strip()
        try:
            return Constraint(left, names.relation, np.array([float(text)]))
        except ValueError:
            pass
        right = self._areas(text, "a constraint")
        sizes = [sum(area.height * area.width for _, area in side) for side in (left, right)]
        if sizes[0] != sizes[1] and sizes[1] != 1:
            raise self._error(
                f"the constraint {names.lhs} {RELATIONS[names.relation]} {text} compares areas of two sizes"
            )
        return Constraint(left, names.relation, right)

    def _areas(self, text: str, what: str) -> CellAreas:
        if "#REF!" in text.upper():
            raise self._error(f"{what} of the model refer to cells that no longer exist ({text})")
        try:
            return self.workbook.resolve(text, self.sheet)
        except FormulaError:
            raise self._error(f"{what} of the model cannot be understood: {text!r} is no area") from None

    @staticmethod
    def _cells(areas: CellAreas) -> list[tuple[str, int, int]]:
        return [
            (sheet, row, column)
            for sheet, area in areas
            for row in range(area.top, area.bottom + 1)
            for column in range(area.left, area.right + 1)
        ]

    def _error(self, cause: str) -> SolverError:
        return SolverError(f"{self.workbook.path}, sheet {self.sheet!r}: {cause}.")

    # ---- words

    def _goal(self) -> str:
        goals = {MAXIMISE: "maximise {}", MINIMISE: "minimise {}"}
        goal = goals.get(self.names.sense, f"bring {{}} to {self.names.target_value:g}")
        if self.objective is None:
            goal = "meet the constraints"
        else:
            goal = goal.format(areas_in_words(self._areas(self.names.objective, "the objective"), self.sheet))
        return f"{goal} by changing {areas_in_words(self._adjustable_areas(), self.sheet)}"

    def _constraint_words(self) -> list[str]:
        words = []
        for each in self.names.constraints:
            if each.relation in RELATIONS:
                words.append(f"subject to {self._constraint(each).words(self.sheet)}")
            else:
                words.append(f"subject to {each.lhs} {each.rhs}")
        return words

    def _settings(self) -> str:
        names = self.names
        bound = "are at least 0" if names.non_negative else "may be negative"
        parts = [
            ENGINES.get(names.engine, "GRG Nonlinear"),
            f"cells without a bound {bound}",
            f"constraint precision {names.precision:g}",
            f"convergence {names.convergence:g}",
            f"{'central' if names.derivatives == 2 else 'forward'} differences (replaced by exact derivatives)",
        ]
        if names.max_time < UNLIMITED:
            parts.append(f"at most {names.max_time} s")
        if names.max_iterations < UNLIMITED:
            parts.append(f"at most {names.max_iterations} iterations of Excel's method")
        if names.multistart:
            parts.append(f"several starts (seed {names.seed})")
        return "; ".join(parts)


def areas_in_words(areas: CellAreas, home: str) -> str:
    """Areas separated by commas, without the sheet's name where it is the model's own."""
    return ", ".join(address(None if sheet == home else sheet, area) for sheet, area in areas)
