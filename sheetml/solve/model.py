"""A Solver model of a workbook: what it wants, in terms of cells, and how to solve it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.engine.values import ERROR, TEXT
from sheetml.errors import CalculationError, FormulaError, SolverError
from sheetml.formula.references import address, cell_name
from sheetml.solve.problem import RELATION_SIGNS, Constraints, Problem, Settings
from sheetml.xlsx.model import Area, ErrorCode
from sheetml.xlsx.solver_names import (
    AT_LEAST,
    AT_MOST,
    BINARY,
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
    from sheetml.engine.function import Function
    from sheetml.solve.result import SolverResult
    from sheetml.workbook import Workbook

MOST_CELLS = 1_000_000  # adjustable, or in a constraint
FEWEST_STARTS = 10  # where the file asks for several and does not say how many
ENGINES = {SIMPLEX_LP: "Simplex LP", EVOLUTIONARY: "Evolutionary"}

CellAreas = list[tuple[str, Area]]
Cell = tuple[str, int, int]  # sheet, row, column


def solver_models(workbook: Workbook) -> list[SolverModel]:
    """The Solver models stored in the workbook, in the order of its sheets."""
    return [SolverModel(workbook, names) for names in models_named_in(workbook.file)]


@dataclass(frozen=True, slots=True)
class Constraint:
    """left <= right, left = right or left >= right, cell by cell; on the right cells, or a number for all."""

    left: CellAreas
    relation: int
    right: CellAreas | float

    def words(self, home: str) -> str:
        right = areas_in_words(self.right, home) if isinstance(self.right, list) else f"{self.right:g}"
        return f"{areas_in_words(self.left, home)} {RELATION_SIGNS[self.relation]} {right}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A constraint of one cell with another, or with a number."""

    left: Cell
    relation: int
    right: Cell | None
    number: float = math.nan

    def words(self, home: str) -> str:
        right = f"{self.number:g}" if self.right is None else _cell_address(self.right, home)
        return f"{_cell_address(self.left, home)} {RELATION_SIGNS[self.relation]} {right}"


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
    ) -> SolverResult:
        """Solves the model from the values its cells hold, and leaves the best point found in them.

        `max_time` is in seconds (default: what the file states); `tolerance` is the relative change of
        the objective at which to stop; `starts` tries so many starting points, chosen by `seed`.
        `callback` is called with a Progress after each iteration. The result is never worse than the
        start. Ctrl-C ends the search and keeps the best point.

        Returns a scipy.optimize.OptimizeResult with x, fun, fun_start, nit, nfev, njev, gradient_norm,
        constraint_violation, seconds, success, status, message, method, sheet, objective, adjustable.
        """
        from sheetml.solve import engines
        from sheetml.solve.result import SolverResult
        from sheetml.solve.search import Limits

        problem = self.problem()
        stated = self.names.max_time
        if max_time is None and 0 < stated < UNLIMITED:
            max_time = float(stated)
        if self.names.multistart and starts == 1:
            starts, seed = max(self.names.population, FEWEST_STARTS), self.names.seed if seed is None else seed
        limits = Limits(max_time, max_iterations, tolerance, self.names.precision)
        central = self.names.derivatives == 2
        engine = engines.choose(problem)
        result = SolverResult(
            engine.solve(problem, limits, starts=starts, seed=seed, central=central, callback=callback)
        )
        result.sheet, result.objective, result.adjustable = self.sheet, self.objective, self.adjustable
        return result

    # ---- the problem in functions of the adjustable cells

    def problem(self) -> Problem:
        """The model as functions and bounds, checked."""
        names = self.names
        if not names.objective and not names.constraints:
            raise self._error("the model has neither an objective nor constraints")
        self._check_adjustable()
        cells = self._function(self.adjustable)
        lower, upper, constraints = self._bounds_and_constraints()
        if names.non_negative:
            lower[np.isneginf(lower)] = 0.0
        if (lower > upper).any():
            sheet, row, column = self._cells(self._adjustable_areas())[int(np.argmax(lower > upper))]
            raise self._error(f"the bounds of {sheet}!{cell_name(row, column)} contradict each other")
        return Problem(
            objective=None if self.objective is None else self._function(self.objective),
            sense=names.sense,
            target_value=names.target_value,
            start=cells.x0,
            lower=lower,
            upper=upper,
            constraints=constraints,
            assign=cells.assign,
            automatic_scaling=names.scaling,
            engine=names.engine,
            settings=self._problem_settings(),
        )

    def _problem_settings(self) -> Settings:
        """What the file asks of Excel's engines."""
        names = self.names
        return Settings(
            population=names.population,
            mutation_rate=names.mutation_rate,
            seed=names.seed,
            seconds_without_improvement=float(names.max_time_without_improvement),
            integer_tolerance=names.integer_tolerance,
            max_nodes=_limit(names.max_nodes),
            max_solutions=_limit(names.max_solutions),
            precision=names.precision,
            convergence=names.convergence,
            max_time=_limit(names.max_time),
            max_iterations=_limit(names.max_iterations),
            multistart=names.multistart,
            require_bounds=names.require_bounds,
        )

    def _function(self, output: str | list[str]) -> Function:
        """Cells as a function of the adjustable cells."""
        try:
            return self.workbook.function(self.adjustable, output)
        except CalculationError as error:
            raise self._error(str(error)) from None

    def _bounds_and_constraints(self) -> tuple[np.ndarray, np.ndarray, Constraints | None]:
        """Lower and upper bounds, (n,), from comparisons of adjustable cells with what is fixed; the others."""
        adjustable = {cell: position for position, cell in enumerate(self._cells(self._adjustable_areas()))}
        lower, upper = np.full(len(adjustable), -math.inf), np.full(len(adjustable), math.inf)
        comparisons = [each for constraint in self.constraints for each in self._comparisons(constraint)]
        compared = list(dict.fromkeys(cell for each in comparisons for cell in (each.left, each.right) if cell))
        if not compared:
            return lower, upper, None
        function = self._function([_cell_address(cell) for cell in compared])
        moving = dict(zip(compared, function.moving.tolist()))
        general = []
        for each in comparisons:
            cell, relation, number = each.left, each.relation, each.number
            if each.right is not None and not moving[each.right]:
                number = self._number(each.right)
            elif each.right is not None and not moving[each.left]:
                cell, relation, number = each.right, AT_MOST + AT_LEAST - relation, self._number(each.left)
            elif each.right is not None:
                number = math.nan
            if math.isnan(number) or cell not in adjustable:
                general.append(each)
                continue
            if relation != AT_MOST:
                lower[adjustable[cell]] = max(lower[adjustable[cell]], number)
            if relation != AT_LEAST:
                upper[adjustable[cell]] = min(upper[adjustable[cell]], number)
        return lower, upper, self._general(general, compared, function) if general else None

    def _general(self, comparisons: list[Comparison], compared: list[Cell], function: Function) -> Constraints:
        position = {cell: i for i, cell in enumerate(compared)}
        return Constraints(
            cells=function,
            left=np.array([position[each.left] for each in comparisons]),
            right=np.array([-1 if each.right is None else position[each.right] for each in comparisons]),
            numbers=np.array([each.number if each.right is None else 0.0 for each in comparisons]),
            relation=np.array([each.relation for each in comparisons]),
            words=[each.words(self.sheet) for each in comparisons],
        )

    def _comparisons(self, constraint: Constraint) -> Iterator[Comparison]:
        """A constraint cell by cell; one cell or number on the right is compared with all on the left."""
        left = self._cells(constraint.left)
        if isinstance(constraint.right, list):
            right = self._cells(constraint.right)
            for cell, other in zip(left, right * len(left) if len(right) == 1 else right):
                yield Comparison(cell, constraint.relation, other)
        else:
            for cell in left:
                yield Comparison(cell, constraint.relation, None, constraint.right)

    def _number(self, cell: Cell) -> float:
        """The number in a cell that does not depend on the adjustable cells."""
        value = self.workbook[cell[0]][cell_name(*cell[1:])]
        if isinstance(value, (str, ErrorCode)):
            raise self._error(f"a constraint compares with {_cell_address(cell)}, which holds no number")
        return float(value or 0.0)

    # ---- what the names say

    def _adjustable_areas(self) -> CellAreas:
        if not self.names.adjustable:
            raise self._error("the model has no adjustable cells")
        return self._areas(self.names.adjustable, "the adjustable cells")

    def _check_adjustable(self) -> None:
        """Adjustable cells hold numbers or nothing: Excel's Solver refuses formulas, and so does this."""
        calculation = self.workbook.calculation
        slots = self.workbook._held(self.workbook.areas(self.adjustable))
        kinds = calculation.cells.kind[slots]
        first = np.unique(slots, return_index=True)[1]
        for wrong, why in (
            (~np.isin(np.arange(slots.size), first), "is named twice"),
            (calculation.is_formula(slots), "holds a formula"),
            ((kinds == TEXT) | (kinds >= ERROR), "holds no number"),
        ):
            if wrong.any():
                raise self._error(f"the adjustable cell {calculation.describe([slots[int(np.argmax(wrong))]])} {why}")

    def _constraint_names(self) -> list[ConstraintNames]:
        kept = []
        for each in self.names.constraints:
            if each.relation in RELATION_SIGNS:
                kept.append(each)
            elif not (self.names.ignore_integers and each.relation in (INTEGER, BINARY)):
                raise self._error(f"cells that must be {each.rhs} ({each.lhs}) are not there yet")
        return kept

    def _constraint(self, names: ConstraintNames) -> Constraint:
        left = self._areas(names.lhs, "a constraint")
        text = names.rhs.strip().removeprefix("=").strip()
        try:
            return Constraint(left, names.relation, float(text))
        except ValueError:
            pass
        right = self._areas(text, "a constraint")
        sizes = [sum(area.height * area.width for _, area in side) for side in (left, right)]
        if sizes[0] != sizes[1] and sizes[1] != 1:
            raise self._error(
                f"the constraint {names.lhs} {RELATION_SIGNS[names.relation]} {text} compares areas of two sizes"
            )
        return Constraint(left, names.relation, right)

    def _areas(self, text: str, what: str) -> CellAreas:
        if "#REF!" in text.upper():
            raise self._error(f"{what} of the model refer to cells that no longer exist ({text})")
        try:
            areas = self.workbook.resolve(text, self.sheet)
        except FormulaError:
            raise self._error(f"{what} of the model cannot be understood: {text!r} is no area") from None
        count = sum(area.height * area.width for _, area in areas)
        if count > MOST_CELLS:
            raise self._error(f"{what} of the model are {count:,} cells, more than the {MOST_CELLS:,} allowed")
        return areas

    @staticmethod
    def _cells(areas: CellAreas) -> list[Cell]:
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
            if each.relation in RELATION_SIGNS:
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


def _limit(number: int) -> int | None:
    """A limit as Excel stores it; None where it was left empty."""
    return number if 0 < number < UNLIMITED else None


def _cell_address(cell: Cell, home: str | None = None) -> str:
    sheet, row, column = cell
    return address(None if sheet == home else sheet, Area(row, column, row, column))


def areas_in_words(areas: CellAreas, home: str) -> str:
    """Areas separated by commas, without the sheet's name where it is the model's own."""
    return ", ".join(address(None if sheet == home else sheet, area) for sheet, area in areas)
