"""A Solver model of a workbook: what it wants, in terms of cells, and how to solve it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.values import BLANK, ERROR, NUMBER, TEXT
from sheetml.errors import FormulaError, SolverError, UnknownSheetError, did_you_mean
from sheetml.formula.parser import parse
from sheetml.formula.references import address
from sheetml.formula.tree import Name, Range
from sheetml.solve.compared import Compared, Side
from sheetml.solve.comparisons import Bounds, Comparisons
from sheetml.solve.constraint import CellAreas, Constraint, areas_in_words
from sheetml.solve.problem import RELATION_SIGNS, WHOLE, ZERO_OR_ONE, Constraints, Problem, Settings
from sheetml.tables import html_table
from sheetml.xlsx.model import Area
from sheetml.xlsx.solver_names import (
    ALL_DIFFERENT,
    BINARY,
    EVOLUTIONARY,
    MAXIMISE,
    MINIMISE,
    RELATION_WORDS,
    SIMPLEX_LP,
    UNLIMITED,
    ConstraintNames,
    SolverModelNames,
)
from sheetml.xlsx.solver_names import saved_models as saved_models_named_in
from sheetml.xlsx.solver_names import solver_models as models_named_in

if TYPE_CHECKING:
    from sheetml.solve.reports import Report
    from sheetml.solve.result import SolverResult
    from sheetml.solve.search import Search
    from sheetml.workbook import Book

MOST_CELLS = 1_000_000  # adjustable, or in a constraint
FEWEST_STARTS = 10  # where the file asks for several and does not say how many
ENGINES = {SIMPLEX_LP: "Simplex LP", EVOLUTIONARY: "Evolutionary"}

Cell = tuple[str, int, int]  # sheet, row, column


def solver_models(workbook: Book) -> SolverModels:
    """The Solver models stored in the workbook, in the order of its sheets; names left without a model are none."""
    found = [SolverModel(workbook, names) for names in models_named_in(workbook.file) if not _what_is_missing(names)]
    return SolverModels(workbook, found)


def saved_models(workbook: Book) -> dict[tuple[str, str], SolverModel]:
    """The models kept beside those that Excel's dialog shows, by sheet and name."""
    kept = saved_models_named_in(workbook.file)
    return {(workbook.sheet_names[sheet], name): SolverModel(workbook, names) for (sheet, name), names in kept.items()}


def left_over(workbook: Book) -> list[str]:
    """Sentences about sheets whose Solver names no longer, or not yet, make a model."""
    found = [(names, _what_is_missing(names)) for names in models_named_in(workbook.file)]
    return [
        f"{workbook.sheet_names[names.sheet]}: Solver names are stored there, but no model: {missing}."
        for names, missing in found
        if missing
    ]


def _what_is_missing(names: SolverModelNames) -> str:
    """Why names are no model: "" if they are one."""
    if not names.adjustable:
        return "they name no adjustable cells"
    if all("#REF!" in area.upper() for area in names.adjustable.split(",")):
        return "the adjustable cells no longer exist"
    if not names.objective and not names.constraints:
        return "they name neither an objective nor constraints"
    return ""


class SolverModels(list["SolverModel"]):
    """Solver models by their positions, or by the names of their sheets."""

    def __init__(self, workbook: Book, models: Iterable[SolverModel]) -> None:
        super().__init__(models)
        self._workbook = workbook

    @property
    def sheets(self) -> list[str]:
        """The sheets that have one."""
        return [model.sheet for model in self]

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> SolverModel: ...

    @overload
    def __getitem__(self, key: slice) -> list[SolverModel]: ...

    def __getitem__(self, key: SupportsIndex | str | slice) -> SolverModel | list[SolverModel]:
        """A model; UnknownSheetError, which is a KeyError, where the sheet has none."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        for model in self:
            if model.sheet.casefold() == key.casefold():
                return model
        where = f"sheets with one are {', '.join(self.sheets)}" if self else "it has none at all"
        meant = did_you_mean(key, self.sheets) or where
        if key in self._workbook:
            raise UnknownSheetError(f"{self._workbook.path}, sheet {key!r} has no Solver model: {where}")
        raise UnknownSheetError(f"{self._workbook.path} has no sheet {key!r} with a Solver model: {meant}")

    def __contains__(self, key: object) -> bool:
        """Whether a model is among them, or one of a sheet with this name."""
        if isinstance(key, str):
            return key.casefold() in {sheet.casefold() for sheet in self.sheets}
        return super().__contains__(key)

    def _ipython_key_completions_(self) -> list[str]:
        return self.sheets

    def _repr_html_(self) -> str:
        return html_table(["Sheet", "Model"], [[model.sheet, model.describe()[0]] for model in self])


class SolverModel:
    """One sheet's Solver model. `solve()` does what Excel's Solver would, and leaves the result in the cells.

    Raises SolverError, one sentence with file and sheet, where the model cannot be understood or asks
    for what is not there.
    """

    def __init__(self, workbook: Book, names: SolverModelNames) -> None:
        self.workbook = workbook
        self.names = names

    def __repr__(self) -> str:
        return f"<SolverModel of sheet {self.sheet!r}: {self.describe()[0]}>"

    def _repr_html_(self) -> str:
        """How notebooks show it: goal, constraints, settings."""
        rows = [[line] for line in self.describe()]
        return html_table([f"Solver model of {self.sheet}"], rows)

    @property
    def sheet(self) -> str:
        return self.workbook.sheet_names[self.names.sheet]

    @property
    def objective(self) -> str | None:
        """The objective cell's address; None where only constraints are to be met."""
        if not self.names.objective:
            return None
        ((sheet, area),) = self._objective_areas()
        return address(sheet, area)

    @property
    def adjustable(self) -> list[str]:
        """The addresses of the areas of adjustable cells."""
        return [address(sheet, area) for sheet, area in self._adjustable_areas()]

    @property
    def constraints(self) -> list[Constraint]:
        """The constraints between cells, and those that make adjustable cells whole numbers."""
        return [self._constraint(each) for each in self.names.constraints]

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
        maxiter: int | None = None,
        tolerance: float | None = None,
        starts: int = 1,
        seed: int | None = None,
        workers: int | None = None,
        scheduler: str = "",
        engine: str = "",
        callback: Callable[[Any], None] | None = None,
        interrupted: Callable[[], bool] | None = None,
    ) -> SolverResult:
        """Solves the model from the values its cells hold, and leaves the best point found in them.

        `max_time` is in seconds (default: what the file states); `max_iterations` may be given as `maxiter`, SciPy's
        name for it, but not as both: TypeError; `tolerance` is the relative change of
        the objective at which to stop; `starts` tries so many starting points, chosen by `seed`,
        in `workers` processes (default: one a processor, where there is work for them), or on the workers of
        the Dask `scheduler` at an address, as "tcp://host:8786"; not both: ValueError. `engine` takes
        the place of the file's: "grg", "lp", "evolutionary", or "global", which proves its answer.
        `callback` is called with a Progress after each iteration. The result is never worse than the
        start. Ctrl-C ends the search and keeps the best point; so does `interrupted`, where it is asked and says
        True (it works in this process alone, and so without `workers`).

        Returns a scipy.optimize.OptimizeResult with x, fun, fun_start, nit, nfev, njev, gradient_norm,
        constraint_violation, seconds, success, status, message, method, sheet, objective, adjustable.

        Raises SolverError where the model is incomplete or asks for what is not there, CalculationError
        where a cell of it cannot be computed, NotDifferentiableError where it has no derivative.
        """
        from sheetml.solve import engines
        from sheetml.solve.cluster import Cluster
        from sheetml.solve.result import SolverResult
        from sheetml.solve.search import Limits

        if maxiter is not None:
            if max_iterations is not None:
                raise TypeError("maxiter is another name for max_iterations: give one of them")
            max_iterations = maxiter
        problem = self.problem()
        stated = self.names.max_time
        if max_time is None and 0 < stated < UNLIMITED:
            max_time = float(stated)
        if self.names.multistart and starts == 1:
            starts, seed = max(self.names.population, FEWEST_STARTS), self.names.seed if seed is None else seed
        limits = Limits(max_time, max_iterations, tolerance, self.names.precision, interrupted)
        how: dict[str, Any] = {"starts": starts, "seed": seed, "callback": callback}
        how["central"] = self.names.derivatives == 2
        if scheduler and workers is not None:
            raise ValueError("workers are processes of this machine, and a scheduler has its own: give one of them")
        if interrupted is not None:
            workers = 1
        try:
            how["workers"] = Cluster(scheduler, self._sent) if scheduler else workers
            chosen = engines.choose(problem, engine)
            result = SolverResult(chosen.solve(problem, limits, **how))
            result.remember(problem, chosen.reading)
        except SolverError as error:
            raise self._error(str(error).removesuffix(".")) from None
        result.x_start = problem.start
        result.sheet, result.objective, result.adjustable = self.sheet, self.objective, self.adjustable
        if chosen.note:
            result.message = f"{chosen.note}. {result.message}"
        return result

    def reports(self, result: SolverResult, kinds: Sequence[str] = ("answer", "sensitivity", "limits")) -> list[Report]:
        """The reports of Excel's Solver about the result of `solve()`, as long as the cells hold it.

        `kinds` are among answer, sensitivity, limits, feasibility and linearity; ValueError for others.
        """
        from sheetml.solve.reports import reports

        return reports(self, result.problem, result.reading, result, kinds)

    def _sent(self, search: Search) -> Callable[[], Search]:
        """A search of this model's, as it is sent to another machine."""

        problem = search.problem
        where = {"start": problem.start, "lower": problem.lower, "upper": problem.upper}
        how = {"limits": search.limits, "central": search.central, "may_creep": search.may_creep}
        how["squared"] = search.squared
        return partial(_search_anew, self.workbook, self.names, where, how)

    # ---- the problem in functions of the adjustable cells

    def problem(self) -> Problem:
        """The model as functions and bounds, checked."""
        names = self.names
        if not names.objective and not names.constraints:
            raise self._error("the model has neither an objective nor constraints")
        statements = [self._constraint(each) for each in names.constraints]
        slots = self._adjustable_slots(statements)
        calculation = self.workbook.calculation
        cells = Compared(calculation, slots, slots)
        kinds, different = self._kinds(statements, slots)
        bounds = Bounds(slots.size)
        bounds.at_binary(kinds == ZERO_OR_ONE)
        for group in different:
            bounds.at_most(group, float(group.size))
            bounds.at_least(group, 1.0)
        if names.ignore_integers:  # which leaves a binary its bounds
            kinds, different = np.zeros(slots.size, np.int8), []
        constraints = self._compare(statements, slots, bounds)
        if names.non_negative:
            bounds.lower[np.isneginf(bounds.lower)] = 0.0
        addresses = [_cell_address(self._place(slot), self.sheet) for slot in slots.tolist()]
        if (bounds.lower > bounds.upper).any():
            raise self._error(bounds.contradiction(addresses))
        return Problem(
            objective=None if self.objective is None else self._objective_function(slots),
            sense=names.sense,
            target_value=names.target_value,
            start=cells.x0,
            lower=bounds.lower,
            upper=bounds.upper,
            constraints=constraints,
            assign=cells.assign,
            automatic_scaling=names.scaling,
            integrality=kinds,
            different=different,
            engine=names.engine,
            settings=self._problem_settings(),
            addresses=addresses,
            slots=slots,
        )

    def _objective_function(self, slots: np.ndarray) -> CellFunction:
        (cell,) = self._slots(self._objective_areas())
        # a search that goes by slopes would take what is flat for an end: it is told, and takes differences
        return CellFunction(self.workbook.calculation, slots, np.array([cell]), scalar=True).refusing_flat()

    def _adjustable_slots(self, statements: list[Constraint]) -> np.ndarray:
        """The slots of the adjustable cells, (n,), each once; room is made for all cells that the model names."""
        areas = self._adjustable_areas()
        named = [*areas, *([] if self.objective is None else self._objective_areas())]
        for each in statements:
            named += each.left + (each.right if isinstance(each.right, list) else [])
        self._slots(named)
        slots = self._slots(areas)
        slots = slots[np.sort(np.unique(slots, return_index=True)[1])]
        self.workbook.calculation.bring_up_to_date()
        self._check_adjustable(slots)
        return slots

    def _check_adjustable(self, slots: np.ndarray) -> None:
        """Adjustable cells hold numbers or nothing: Excel's Solver refuses formulas, and so does this."""
        calculation = self.workbook.calculation
        kinds = calculation.kinds(slots)
        for wrong, why in (
            (calculation.is_formula(slots), "holds a formula"),
            ((kinds == TEXT) | (kinds >= ERROR), "holds no number"),
        ):
            if wrong.any():
                raise self._error(f"the adjustable cell {calculation.describe([slots[int(np.argmax(wrong))]])} {why}")

    def _kinds(self, statements: list[Constraint], slots: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """What each adjustable cell may hold, (n,), and the groups of cells that must be all different."""
        kinds, different = np.zeros(slots.size, np.int8), []
        position = {slot: i for i, slot in enumerate(slots.tolist())}
        for each in statements:
            if each.relation in RELATION_SIGNS:
                continue
            own = np.array([position.get(slot, -1) for slot in self._slots(each.left).tolist()])
            if (own < 0).any():
                self._check_given(each, self._slots(each.left)[own < 0])
                own = own[own >= 0]
            if each.relation == ALL_DIFFERENT:
                different.append(np.array(list(dict.fromkeys(own.tolist())), np.intp))
            else:
                kinds[own] = np.maximum(kinds[own], ZERO_OR_ONE if each.relation == BINARY else WHOLE)
        return kinds, [group for group in different if group.size]

    def _check_given(self, statement: Constraint, slots: np.ndarray) -> None:
        """Cells that are not adjustable, but must be whole: empty ones and headings in an area do no harm."""
        calculation = self.workbook.calculation
        kinds, numbers = calculation.kinds(slots), calculation.numbers(slots)
        harmless = (kinds == BLANK) | (kinds == TEXT) | ((kinds == NUMBER) & (numbers == np.rint(numbers)))
        harmless &= ~calculation.is_formula(slots)
        if statement.relation == ALL_DIFFERENT or not harmless.all():
            first = slots[0] if statement.relation == ALL_DIFFERENT else slots[int(np.argmin(harmless))]
            words = RELATION_WORDS[statement.relation]
            raise self._error(f"{calculation.describe([first])} must be {words}, but is no adjustable cell")

    # ---- comparisons

    def _compare(self, statements: list[Constraint], slots: np.ndarray, bounds: Bounds) -> Constraints | None:
        """Comparisons of adjustable cells with what is fixed become bounds; the others are returned."""
        compared = [each for each in statements if each.relation in RELATION_SIGNS]
        if not compared:
            return None
        calculation = self.workbook.calculation
        sides = [each.right for each in compared if isinstance(each.right, Side)]
        areas = [self._slots(each.left) for each in compared]
        areas += [self._slots(each.right) for each in compared if isinstance(each.right, list)]
        cells = np.unique(np.concatenate(areas))
        function = Compared(calculation, slots, cells, sides)
        table = Comparisons(function, cells, slots)
        for each in compared:
            table.add(each, self._slots(each.left), self._right_of(each), self._value_of_side(each))
        alone = [area for area in areas if area.size == 1]
        self._check_fixed(table, np.concatenate([np.zeros(0, np.intp), *alone]))
        return table.split(bounds, lambda slot: _cell_address(self._place(slot), self.sheet))

    def comparisons(self) -> Iterator[tuple[int, int, int | None, float]]:
        """All comparisons with the slots of their cells: left, relation, right; where there is no cell, the number.

        Comparisons with fixed text, as of headings within an area, are left out.
        """
        calculation = self.workbook.calculation
        for each in self.constraints:
            if each.relation not in RELATION_SIGNS:
                continue
            left, right = self._slots(each.left), self._right_of(each)
            fixed = np.array([right]) if isinstance(right, float) else self._value_of_side(each)
            for i, slot in enumerate(left.tolist()):
                other = int(right[i % right.size]) if isinstance(right, np.ndarray) else None
                if TEXT not in (calculation.kind(slot), NUMBER if other is None else calculation.kind(other)):
                    yield slot, each.relation, other, math.nan if other is not None else float(fixed[i % fixed.size])

    def _right_of(self, statement: Constraint) -> np.ndarray | float | Side:
        return self._slots(statement.right) if isinstance(statement.right, list) else statement.right

    def _value_of_side(self, statement: Constraint) -> np.ndarray:
        """The numbers that a formula on the right comes to now, (k,); none where there is no formula."""
        if not isinstance(statement.right, Side):
            return np.zeros(0)
        value = statement.right.value(self.workbook.calculation)
        if (value.kinds >= TEXT).any():
            raise self._error(f"the right-hand side {statement.right.text} of a constraint is no number")
        numbers = np.asarray(value.number, np.float64).reshape(-1)
        count = sum(area.height * area.width for _, area in statement.left)
        if numbers.size not in (1, count):
            raise self._error(f"the constraint {statement.words(self.sheet)} compares areas of two sizes")
        return numbers

    def _check_fixed(self, table: Comparisons, single: np.ndarray) -> None:
        """Cells that no adjustable cell changes and that hold an error, or text where one cell stands alone."""
        calculation = self.workbook.calculation
        kinds = calculation.kinds(table.cells)
        wrong = (kinds >= ERROR) | (table.text & np.isin(table.cells, single))
        wrong &= ~table.moving[: table.cells.size]
        if wrong.any():
            place = calculation.describe([table.cells[int(np.argmax(wrong))]])
            raise self._error(f"a constraint compares with {place}, which holds no number")

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

    # ---- what the names say

    def _objective_areas(self) -> CellAreas:
        areas = self._areas(self.names.objective, "the objective")
        if len(areas) != 1 or not areas[0][1].is_cell:
            raise self._error(f"the objective {self.names.objective} is not one cell")
        return areas

    def _positions(self, areas: CellAreas) -> list[tuple[int, Area]]:
        """The areas with the sheets' positions."""
        return [(self.workbook[sheet].position, area) for sheet, area in areas]

    @property
    def adjustable_areas(self) -> list[tuple[int, Area]]:
        """The areas of adjustable cells: positions of sheets, and rectangles."""
        return self._positions(self._adjustable_areas())

    def _adjustable_areas(self) -> CellAreas:
        if not self.names.adjustable:
            raise self._error("the model has no adjustable cells")
        return self._areas(self.names.adjustable, "the adjustable cells")

    def _constraint(self, names: ConstraintNames) -> Constraint:
        left = self._areas(names.lhs, "a constraint")
        if names.relation not in RELATION_SIGNS:
            return Constraint(left, names.relation, math.nan)
        text = names.rhs.strip().removeprefix("=").strip()
        try:
            return Constraint(left, names.relation, float(text))
        except ValueError:
            pass
        right = self._right_side(text)
        if isinstance(right, Side):
            return Constraint(left, names.relation, right)
        sizes = [sum(area.height * area.width for _, area in side) for side in (left, right)]
        if sizes[0] != sizes[1] and sizes[1] != 1:
            raise self._error(
                f"the constraint {names.lhs} {RELATION_SIGNS[names.relation]} {text} compares areas of two sizes"
            )
        return Constraint(left, names.relation, right)

    def _right_side(self, text: str) -> CellAreas | Side:
        """What stands on the right of a constraint: cells, or a formula."""
        try:
            return self._areas(text, "a constraint")
        except SolverError as refused:
            try:
                tree = parse(text, 1, 1)
            except FormulaError:
                raise refused from None
            if isinstance(tree, (Name, Range)) or "#REF!" in text.upper():
                raise
        return Side(text, tree, self.names.sheet)

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

    def _slots(self, areas: CellAreas) -> np.ndarray:
        """The slots of the areas' cells, row by row, with room made for them."""
        return self.workbook.held_slots(self._positions(areas))

    def _place(self, slot: int) -> Cell:
        sheet, row, column = self.workbook.calculation.place(slot)
        return self.workbook.sheet_names[sheet], row, column

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
        return [f"subject to {self._constraint(each).words(self.sheet)}" for each in self.names.constraints]

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


def _search_anew(book: Book, names: SolverModelNames, where: dict[str, Any], how: dict[str, Any]) -> Search:
    """The search that was sent, on the machine it was sent to."""
    from sheetml.solve.search import Search

    return Search(replace(SolverModel(book, names).problem(), **where), **how)


def _limit(number: int) -> int | None:
    """A limit as Excel stores it; None where it was left empty."""
    return number if 0 < number < UNLIMITED else None


def _cell_address(cell: Cell, home: str | None = None) -> str:
    sheet, row, column = cell
    return address(None if sheet == home else sheet, Area(row, column, row, column))
