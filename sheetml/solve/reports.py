"""The reports of Excel's Solver about a model that was solved: answer, sensitivity, limits, feasibility, linearity.

A report is tables of values; who shows it (a sheet, a web page, JSON) lays it out. 1E+30 stands for
"without end", as in Excel's own reports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sheetml.engine.calculation import Calculation
from sheetml.engine.values import TEXT
from sheetml.errors import CalculationError, SolverError
from sheetml.solve.linear import Reading, conflicts
from sheetml.solve.linear.sensitivity import sensitivity
from sheetml.solve.multipliers import multipliers
from sheetml.solve.problem import RELATION_SIGNS, WHOLE, ZERO_OR_ONE, Constraints, Problem
from sheetml.xlsx.model import CellValue, column_letters
from sheetml.xlsx.solver_names import AT_LEAST, AT_MOST, MAXIMISE, MINIMISE, SolverModelNames

if TYPE_CHECKING:
    from sheetml.solve.result import SolverResult
    from sheetml.workbook import Book

KINDS = ("answer", "sensitivity", "limits", "feasibility", "linearity")
ENDLESS = 1e30  # what Excel's reports show for "without end"
BINDING = 1e-6  # slack, relative to the right-hand side, up to which a constraint counts as met exactly
MOST_LIMITS = 200  # cells of a nonlinear model
STEPS = 60  # of a bisection for a limit
FARTHEST = 1e12  # times a cell's size, to which a limit is looked for


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, with a title above."""

    title: str
    headings: tuple[str, ...]
    rows: list[list[CellValue]]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: `kind` is one of KINDS; `lines` are sentences above its tables."""

    kind: str
    lines: list[str]
    tables: list[Table] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} Report"


class Model(Protocol):
    """What reports ask of a Solver model."""

    workbook: Book
    names: SolverModelNames

    @property
    def sheet(self) -> str: ...

    def comparisons(self) -> Iterator[tuple[int, int, int | None, float]]: ...


def reports(
    model: Model, problem: Problem, reading: Reading | None, result: SolverResult, kinds: Sequence[str]
) -> list[Report]:
    """The reports asked for, after the model was solved; one that makes no sense for it says why.

    Raises ValueError where there is no such report.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ValueError(f"there is no report {unknown[0]!r}: there are {', '.join(KINDS)}")
    subject = _Subject(model, problem, reading, result)
    writers: dict[str, Callable[[_Subject], Report]] = {
        "answer": _answer,
        "sensitivity": _sensitivity,
        "limits": _limits,
        "feasibility": _feasibility,
        "linearity": _linearity,
    }
    return [writers[kind](subject) for kind in dict.fromkeys(kinds)]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What reports are written from."""

    model: Model
    problem: Problem
    reading: Reading | None
    result: SolverResult

    @property
    def calculation(self) -> Calculation:
        return self.model.workbook.calculation

    @property
    def slots(self) -> np.ndarray:
        """Of the adjustable cells, (n,)."""
        return self.problem.slots

    @property
    def head(self) -> list[str]:
        return [f"Worksheet: [{self.model.workbook.path.name}]{self.model.sheet}", f"Result: {self.result.message}"]

    @property
    def has_whole(self) -> bool:
        return bool(self.problem.whole.any())

    def cell(self, slot: int) -> str:
        """The address of a cell as Excel's reports write it: $B$3, with the sheet if it is another."""
        sheet, row, column = self.calculation.place(slot)
        own = "" if sheet == self.model.names.sheet else f"{self.calculation.sheet_names[sheet]}!"
        return f"{own}${column_letters(column)}${row}"

    def name(self, slot: int) -> str:
        """The nearest texts left of and above a cell, which is how Excel's reports name it."""
        sheet, row, column = self.calculation.place(slot)
        left = self._text([(row, each) for each in range(column - 1, 0, -1)], sheet)
        above = self._text([(each, column) for each in range(row - 1, 0, -1)], sheet)
        return f"{left} {above}".strip()

    def _text(self, places: list[tuple[int, int]], sheet: int) -> str:
        if not places:
            return ""
        rows, columns = np.array(places).T
        slots = self.calculation.locate(sheet, rows, columns)
        found = slots[self.calculation.kinds(slots) == TEXT]
        return " ".join(self.calculation.text(int(found[0])).split()) if found.size else ""

    def number(self, slot: int) -> float:
        return float(self.calculation.number(slot))


# ---- answer ------------------------------------------------------------------------------------

_STATES = ("Cell", "Name", "Cell Value", "Formula", "Status", "Slack")


def _answer(subject: _Subject) -> Report:
    result, problem = subject.result, subject.problem
    lines = [*subject.head, f"Engine: {result.method}"]
    lines.append(f"Solution time: {result.seconds:.3f} seconds; iterations: {result.nit}")
    tables = []
    goal = {MAXIMISE: "Max", MINIMISE: "Min"}.get(problem.sense, f"Value Of {problem.target_value:g}")
    if problem.objective is not None:
        slot = int(problem.objective.output_slots[0])
        row: list[CellValue] = [subject.cell(slot), subject.name(slot), _known(result.fun_start), _known(result.fun)]
        tables.append(Table(f"Objective Cell ({goal})", ("Cell", "Name", "Original Value", "Final Value"), [row]))
    kinds = {WHOLE: "Integer", ZERO_OR_ONE: "Binary"}
    different = {int(i) for group in problem.different for i in group}
    rows: list[list[CellValue]] = []
    for i, slot in enumerate(subject.slots.tolist()):
        kind = "AllDifferent" if i in different else kinds.get(int(problem.integrality[i]), "Contin")
        rows.append([subject.cell(slot), subject.name(slot), float(problem.start[i]), float(result.x[i]), kind])
    tables.append(Table("Variable Cells", ("Cell", "Name", "Original Value", "Final Value", "Integer"), rows))
    tables.append(Table("Constraints", _STATES, list(_states(subject))))
    return Report("answer", lines, tables)


def _known(value: float) -> CellValue:
    """A number for a table; None where there is none."""
    return float(value) if math.isfinite(value) else None


def _states(subject: _Subject) -> Iterator[list[CellValue]]:
    """A row for each comparison of the model, bounds of adjustable cells included, with the values just now."""
    for left, relation, right, number in subject.model.comparisons():
        value = subject.number(left)
        against = number if right is None else subject.number(right)
        other = f"{number:g}" if right is None else subject.cell(right)
        slack = {AT_MOST: against - value, AT_LEAST: value - against}.get(relation, -abs(value - against))
        close = BINDING * max(1.0, abs(against))
        status = "Binding" if abs(slack) <= close else "Not Binding" if slack > 0 else "Violated"
        formula = f"{subject.cell(left)}{RELATION_SIGNS[relation]}{other}"
        yield [subject.cell(left), subject.name(left), value, formula, status, slack if abs(slack) > close else 0.0]


# ---- sensitivity -------------------------------------------------------------------------------


def _sensitivity(subject: _Subject) -> Report:
    problem, result, reading = subject.problem, subject.result, subject.reading
    if not result.success:
        return Report("sensitivity", [*subject.head, "There is no optimum whose sensitivity could be told."])
    if subject.has_whole:
        said = "With whole numbers there are no shadow prices: a constraint moved a little may change nothing, or jump."
        return Report("sensitivity", [*subject.head, said])
    if reading is not None and reading.is_linear and not problem.to_a_value and problem.objective is not None:
        return _of_linear(subject, reading)
    found = multipliers(problem, result.x)
    if isinstance(found, str):
        return Report("sensitivity", [*subject.head, f"There are no multipliers: {found}."])
    cells = [[*_named(subject, slot), float(result.x[i]), _rounded(found.reduced[i], np.abs(found.gradient).max())]
             for i, slot in enumerate(subject.slots.tolist())]  # fmt: skip
    size = float(np.abs(found.prices).max(initial=0.0))
    rows = [[*_named(subject, slot), subject.number(slot), _rounded(price, size)]
            for slot, price in zip(_left_slots(problem.constraints), found.prices.tolist())]  # fmt: skip
    tables = [
        Table("Variable Cells", ("Cell", "Name", "Final Value", "Reduced Gradient"), cells),
        Table("Constraints", ("Cell", "Name", "Final Value", "Lagrange Multiplier"), rows),
    ]
    return Report("sensitivity", subject.head, tables)


def _of_linear(subject: _Subject, reading: Reading) -> Report:
    program, result, constraints = reading.program, subject.result, subject.problem.constraints
    assert program is not None
    found = sensitivity(program, result.x)
    if found is None:
        return Report("sensitivity", [*subject.head, "HiGHS tells no basis of the optimum."])
    cells: list[list[CellValue]] = []
    for i, slot in enumerate(subject.slots.tolist()):
        numbers = (found.reduced[i], found.cost[i], found.cost_increase[i], found.cost_decrease[i])
        cells.append([*_named(subject, slot), float(result.x[i]), *(_finite(number) for number in numbers)])
    rows: list[list[CellValue]] = []
    numbers_right = [] if constraints is None else constraints.numbers.tolist()
    for row, (slot, right) in enumerate(zip(_left_slots(constraints), numbers_right)):
        prices = (found.increase[row], found.decrease[row])
        values = [subject.number(slot), _finite(found.prices[row]), right, *(_finite(number) for number in prices)]
        rows.append([*_named(subject, slot), *values])
    limits = ("Allowable Increase", "Allowable Decrease")
    return Report(
        "sensitivity",
        subject.head,
        [
            Table(
                "Variable Cells",
                ("Cell", "Name", "Final Value", "Reduced Cost", "Objective Coefficient", *limits),
                cells,
            ),
            Table(
                "Constraints",
                ("Cell", "Name", "Final Value", "Shadow Price", "Constraint R.H. Side", *limits),
                rows,
            ),
        ],
    )


def _named(subject: _Subject, slot: int) -> list[CellValue]:
    return [subject.cell(slot), subject.name(slot)]


def _left_slots(constraints: Constraints | None) -> list[int]:
    return [] if constraints is None else constraints.cells.output_slots[constraints.left].tolist()


def _finite(number: float) -> float:
    """A number as Excel's reports show it: without end is 1E+30, and what is next to 0 is 0."""
    if math.isinf(number):
        return math.copysign(ENDLESS, number)
    return 0.0 if abs(number) < 1e-12 else float(number)


def _rounded(number: float, size: float) -> float:
    """0 for what is next to nothing beside the others."""
    return 0.0 if abs(number) <= 1e-7 * max(size, 1e-12) else float(number)


# ---- limits ------------------------------------------------------------------------------------


def _limits(subject: _Subject) -> Report:
    problem, result = subject.problem, subject.result
    if subject.has_whole:
        return Report("limits", [*subject.head, "With whole numbers there is no range in which a cell moves freely."])
    if not result.success:
        return Report("limits", [*subject.head, "There is no point that meets the constraints."])
    if subject.slots.size > MOST_LIMITS and (subject.reading is None or subject.reading.program is None):
        return Report("limits", [*subject.head, f"The limits of more than {MOST_LIMITS} cells are not looked for."])
    rows: list[list[CellValue]] = []
    for i, slot in enumerate(subject.slots.tolist()):
        row: list[CellValue] = [*_named(subject, slot), float(result.x[i])]
        for way in (-1.0, 1.0):
            limit = _limit_of(problem, subject.reading, result.x, i, way)
            row += [_known(limit), None if math.isinf(limit) else _objective_at(problem, result.x, i, limit)]
        rows.append(row)
    headings = ("Cell", "Name", "Value", "Lower Limit", "Objective Result", "Upper Limit", "Objective Result")
    tables = [Table("Variable Cells", headings, rows)]
    if problem.objective is not None:
        objective = int(problem.objective.output_slots[0])
        values: list[CellValue] = [*_named(subject, objective), _known(result.fun)]
        tables.insert(0, Table("Objective", ("Cell", "Name", "Value"), [values]))
    return Report("limits", [*subject.head, "Each cell moves alone, the others stay; empty: without end."], tables)


def _objective_at(problem: Problem, x: np.ndarray, i: int, value: float) -> CellValue:
    if problem.objective is None:
        return None
    moved = x.copy()
    moved[i] = value
    try:
        return _known(float(problem.objective(moved)))
    except CalculationError:
        return None


def _limit_of(problem: Problem, reading: Reading | None, x: np.ndarray, i: int, way: float) -> float:
    """How far one cell can go from x, the others held, until a bound or a constraint ends it; infinite if nothing."""
    bound = float(problem.upper[i] if way > 0 else problem.lower[i])
    if problem.constraints is None:
        return bound
    if reading is not None and reading.program is not None:
        return _linear_limit(reading, x, i, way, bound)
    holds = _holds_at(problem, x, i)
    reach, step = float(x[i]), 1e-3 * max(1.0, abs(float(x[i])))
    while holds(reach + way * step):
        reach += way * step
        step *= 2.0
        if (reach - bound) * way >= 0:
            return bound
        if step > FARTHEST * max(1.0, abs(float(x[i]))):
            return way * math.inf
    beyond = min(reach + step, bound) if way > 0 else max(reach - step, bound)
    if holds(beyond):
        return beyond
    for _ in range(STEPS):
        middle = (reach + beyond) / 2
        reach, beyond = (middle, beyond) if holds(middle) else (reach, middle)
    return reach


def _holds_at(problem: Problem, x: np.ndarray, i: int) -> Callable[[float], bool]:
    """Whether the constraints hold, as well as they do at x, where one cell has another value."""
    constraints = problem.constraints
    assert constraints is not None
    allowed = np.maximum(constraints.missed(constraints.gaps(x)), 1e-9)

    def holds(value: float) -> bool:
        moved = x.copy()
        moved[i] = value
        try:
            return bool((constraints.missed(constraints.gaps(moved)) <= allowed).all())
        except CalculationError:
            return False

    return holds


def _linear_limit(reading: Reading, x: np.ndarray, i: int, way: float, bound: float) -> float:
    program = reading.program
    assert program is not None
    column = program.matrix[: len(program.words)][:, [i]].toarray().reshape(-1)
    activity = program.matrix[: len(program.words)] @ np.append(x, np.zeros(program.unknowns - x.size))
    room = np.full(column.size, math.inf)
    for row in np.nonzero(column)[0].tolist():
        rises = column[row] * way > 0
        end = program.row_upper[row] if rises else program.row_lower[row]
        room[row] = abs(end - activity[row]) / abs(column[row]) if math.isfinite(end) else math.inf
    far = float(x[i]) + way * float(room.min(initial=math.inf))
    return min(far, bound) if way > 0 else max(far, bound)


# ---- feasibility -------------------------------------------------------------------------------


def _feasibility(subject: _Subject) -> Report:
    if subject.result.constraint_violation <= subject.problem.settings.precision:
        return Report("feasibility", [*subject.head, "There are points that meet all constraints: this is one."])
    program = None if subject.reading is None else subject.reading.program
    found = None if program is None else conflicts.conflict(program)
    if program is None or found is None:
        rows = [row for row in _states(subject) if row[4] == "Violated"]
        said = "That no point meets them all is not proved: these are not met at the best point found."
        return Report("feasibility", [*subject.head, said], [Table("Constraints not met", _STATES, rows)])
    said = f"These {found.size} cannot hold together; without any one of them the others can."
    if not found.irreducible:
        said = f"These {found.size} cannot hold together; there was no time to leave out all that could go."
    if found.whole:
        said = said.replace("hold together", "hold together for whole numbers")
    rows = [[words] for words in found.words(program)]
    return Report("feasibility", [*subject.head, said], [Table("Constraints", ("Constraint",), rows)])


# ---- linearity ---------------------------------------------------------------------------------


def _linearity(subject: _Subject) -> Report:
    problem, reading = subject.problem, subject.reading
    if reading is None:
        return Report("linearity", [*subject.head, "Whether the model is linear was not looked into."])
    if not reading.not_linear:
        lines = [*subject.head, "The model is linear: all coefficients were read off the formulas."]
    else:
        lines = [*subject.head, f"The model is not linear: {reading.not_linear}."]
        if reading.program is not None:
            lines.append("Its objective is quadratic and convex, which was solved as such.")
    rows: list[list[CellValue]] = []
    if problem.objective is not None:
        rows.append(_linear_row(subject, int(problem.objective.output_slots[0]), reading.objective_reason))
    reasons = reading.row_reasons
    for row, slot in enumerate(_left_slots(problem.constraints)):
        rows.append(_linear_row(subject, slot, reasons.get(row, "")))
    return Report(
        "linearity", lines, [Table("Functions", ("Cell", "Name", "Value", "Linear Function", "Why not"), rows)]
    )


def _linear_row(subject: _Subject, slot: int, reason: str) -> list[CellValue]:
    return [*_named(subject, slot), subject.number(slot), "No" if reason else "Yes", reason or None]


# ---- as sheets and as JSON ---------------------------------------------------------------------


def rows_of(report: Report) -> list[list[CellValue]]:
    """The report as rows of a sheet, laid out as Excel lays out its own."""
    rows: list[list[CellValue]] = [[f"sheetml {report.title}"]]
    rows += [[line] for line in report.lines]
    for table in report.tables:
        rows += [[], [table.title], [None, *table.headings]]
        rows += [[None, *row] for row in table.rows]
    return rows


def document_of(report: Report) -> dict[str, object]:
    """The report for JSON."""
    tables = [{"title": t.title, "headings": list(t.headings), "rows": t.rows} for t in report.tables]
    return {"report": report.kind, "lines": report.lines, "tables": tables}


def kinds_from(text: str) -> list[str]:
    """The kinds named in a list separated by commas; `all` for each. Raises SolverError for another word."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if "all" in words:
        return list(KINDS)
    for word in words:
        if word not in KINDS:
            raise SolverError(f"There is no report {word!r}: there are {', '.join(KINDS)}, and all.")
    return words
