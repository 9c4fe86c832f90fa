"""A search for the best point: counted, timed, interruptible, and with the best point kept however it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.errors import CalculationError, NotDifferentiableError, UncomputableError
from sheetml.solve.problem import Problem
from sheetml.xlsx.solver_names import MAXIMISE, MINIMISE

CONVERGED, LIMIT, INTERRUPTED, STUCK, NOT_MET, NO_VALUE, UNBOUNDED = range(7)  # how a search ended: its status

VERY_SMALL_CHANGE = 1e-13  # of the objective over an iteration, relative, at which a search ends
FAR = 1e12  # times the start's size: an objective that still improves out there has no best value
VERY_FAR = 1e50  # an objective that improves to this size has no best value either
CHARGE = 1e3  # of missing a constraint within its precision, relative to the cost
CREEPING = 100  # iterations, and one for each adjustable cell, that must gain something together
DECADES = 1.0  # spread of the adjustable cells' magnitudes from which each is measured by its own


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: seconds, iterations, relative tolerance; and how exactly constraints are to be met."""

    max_time: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    precision: float = 1e-6
    interrupted: Callable[[], bool] | None = None  # asked at each evaluation: True ends the search as Ctrl-C does

    def check_interrupted(self) -> None:
        """Raises KeyboardInterrupt where somebody asked to stop by other means than Ctrl-C."""
        if self.interrupted is not None and self.interrupted():
            raise KeyboardInterrupt

    @property
    def relative_change(self) -> float:
        return VERY_SMALL_CHANGE if self.tolerance is None else self.tolerance


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands."""

    iteration: int
    evaluations: int
    objective: float  # the best so far
    seconds: float
    x: np.ndarray | None = None  # the adjustable cells at the best so far, (n,), where that is known


class Stop(Exception):
    """The search must end here; the sentence says why, the status how."""

    def __init__(self, reason: str, status: int = LIMIT) -> None:
        super().__init__(reason)
        self.status = status


class Converged(Exception):
    """The objective no longer improves by more than the tolerance."""


class Creeps(Exception):
    """Many iterations together gained less than what the file calls converged."""

    def __init__(self, iterations: int, convergence: float) -> None:
        super().__init__(
            f"converged: the last {iterations} iterations together gained less than the convergence of "
            f"{convergence:g} that the file asks for (--tolerance 1e-12 goes on)"
        )


@dataclass(slots=True)
class Point:
    x: np.ndarray
    cost: float
    missed: float  # by the worst constraint


@dataclass(slots=True)
class Search:
    """The problem as a minimisation of a cost.

    Methods work on scaled variables z, where x = scale * z are the adjustable cells' values.
    """

    problem: Problem
    limits: Limits
    central: bool = False
    callback: Callable[[Progress], None] | None = None
    squared: bool = False  # the square of the objective is minimised, which is a root
    started: float = field(default_factory=lambda: time.perf_counter())
    evaluations: int = 0
    gradients: int = 0
    iterations: int = 0
    no_derivative: str = ""  # why differences take the place of derivatives
    no_value_because: str = ""  # why the objective had no value where it last had none
    best: Point | None = None  # of this start
    overall: Point | None = None  # of all starts before it
    first: float = math.nan  # the cost at this start
    finished: bool = False
    may_creep: bool = True  # iterations that gain next to nothing do not end the search
    scale: np.ndarray = field(init=False)
    window: int = field(init=False)  # iterations that must gain something together
    _previous: float = math.inf
    _joined: CellFunction | None = None
    _mark: tuple[int, tuple[float, float]] = (0, (math.inf, math.inf))  # iterations and rank, against creeping

    def __post_init__(self) -> None:
        self.measure_by(self.problem.start)
        self.window = CREEPING + self.problem.start.size

    def measure_by(self, x: np.ndarray) -> None:
        """Scales the variables by the magnitudes at a point."""
        self.scale = _scale(x, self.problem.automatic_scaling)

    # ---- the problem in scaled variables

    @property
    def lower(self) -> np.ndarray:
        return self.problem.lower / self.scale

    @property
    def upper(self) -> np.ndarray:
        return self.problem.upper / self.scale

    @property
    def bounds(self) -> Any:
        """The bounds as SciPy takes them."""
        from scipy.optimize import Bounds

        return Bounds(self.lower, self.upper)

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """The variables of a point, within the bounds."""
        return np.clip(x, self.problem.lower, self.problem.upper) / self.scale

    def point(self, z: np.ndarray) -> np.ndarray:
        return np.clip(z * self.scale, self.problem.lower, self.problem.upper)

    def value_and_gradient(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """The cost and its derivatives by z; where there is no value, something worse than all so far."""
        x = self.point(z)
        objective, gradient = self.objective_and_gradient(x)
        if math.isnan(objective):
            return self.no_value, np.zeros(z.size)
        self._keep_free(x, objective)
        return self.cost(objective), gradient * (self.slope(objective) * self.scale)

    def value(self, z: np.ndarray) -> float:
        """The cost alone."""
        x = self.point(z)
        objective = self.objective(x)
        if math.isnan(objective):
            return self.no_value
        self._keep_free(x, objective)
        return self.cost(objective)

    def has_value(self, z: np.ndarray) -> bool:
        """Whether objective and constraints have values at the point."""
        return not math.isnan(self.objective(self.point(z))) and math.isfinite(self.missed(self.point(z)))

    @property
    def no_value(self) -> float:
        """A cost that sends a line search back, and yet does not upset its interpolation."""
        known = 0.0 if self.best is None or not math.isfinite(self.best.cost) else self.best.cost
        return known + 10.0 * (1.0 + abs(known))

    # ---- the cost

    def cost(self, objective: Any) -> Any:
        """What is minimised, of the objective cell's value (or of many)."""
        if self.problem.sense == MINIMISE:
            return objective * objective if self.squared else objective
        if self.problem.sense == MAXIMISE:
            return -objective
        return (objective - self.problem.target_value) ** 2

    def slope(self, objective: float) -> float:
        """The derivative of the cost by the objective cell's value."""
        if self.problem.sense == MINIMISE:
            return 2.0 * objective if self.squared else 1.0
        if self.problem.sense == MAXIMISE:
            return -1.0
        return 2.0 * (objective - self.problem.target_value)

    # ---- the objective cell

    def objective(self, x: np.ndarray) -> float:
        """The objective cell's value, nan where it has none."""
        if self.problem.objective is None:
            return 0.0
        self.check_time()
        self.evaluations += 1
        try:
            return float(self.problem.objective(x))
        except CalculationError as error:
            return self._without_value(error)

    def objective_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective cell's value, nan where it has none, and its derivatives, 0 where they are not finite."""
        if self.problem.objective is None:
            return 0.0, np.zeros(x.size)
        if self.no_derivative:
            return self._by_differences(x)
        self.check_time()
        self.evaluations += 1
        self.gradients += 1
        try:
            objective, gradient = self.problem.objective.value_and_gradient(x)
        except CalculationError as error:
            return self._without_value(error), np.zeros(x.size)
        except NotDifferentiableError as error:
            self.no_derivative = str(error)
            return self._by_differences(x)
        return objective, np.where(np.isfinite(gradient), gradient, 0.0)  # the square root of 0 and its kind

    def _without_value(self, error: CalculationError) -> float:
        """nan for an objective that is an error value; what cannot be computed anywhere ends the search."""
        if isinstance(error, UncomputableError):
            raise error
        self.no_value_because = str(error)
        return math.nan

    def _by_differences(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective and its slope by forward or central differences, kept within the bounds."""
        objective = self.objective(x)
        gradient = np.zeros(x.size)
        size = np.finfo(float).eps ** (1 / 3 if self.central else 1 / 2)
        for i in range(x.size):
            step = size * max(1.0, abs(x[i]))
            up, down = min(x[i] + step, self.problem.upper[i]), max(x[i] - step, self.problem.lower[i])
            if not self.central:
                down = x[i] if up > x[i] else down
            if up == down:
                continue
            above, below = (self.objective(moved(x, i, to)) if to != x[i] else objective for to in (up, down))
            if math.isfinite(above) and math.isfinite(below):
                gradient[i] = (above - below) / (up - down)
        return objective, gradient

    # ---- constraints

    def missed(self, x: np.ndarray) -> float:
        """By how much the worst constraint is missed, inf where that cannot be said."""
        return self.worst_constraint(x)[0]

    def worst_constraint(self, x: np.ndarray) -> tuple[float, str]:
        """By how much the worst constraint is missed, relative to a large number on the right, and in words."""
        constraints = self.problem.constraints
        if constraints is None:
            return 0.0, ""
        try:
            gaps = constraints.gaps(x)
        except CalculationError as error:
            return math.inf, str(error)
        missed = constraints.missed(gaps)
        worst = int(np.argmax(missed))
        return float(missed[worst]), f"the constraint {constraints.words[worst]} is missed by {abs(gaps[worst]):.3g}"

    def constraint_slopes(self, x: np.ndarray) -> np.ndarray:
        """The derivatives of the constraints' gaps, (m, n), 0 where they are not finite; by differences if need be."""
        constraints = self.problem.constraints
        assert constraints is not None
        self.check_time()
        try:
            slopes = constraints.jacobian(x)
        except NotDifferentiableError as error:
            self.no_derivative = self.no_derivative or str(error)
            steps = 1e-6 * np.maximum(1.0, np.abs(x))
            sides = [[constraints.gaps(moved(x, i, x[i] + way * steps[i])) for way in (1, -1)] for i in range(x.size)]
            slopes = np.array([(up - down) / (2 * step) for (up, down), step in zip(sides, steps)]).T
        return np.where(np.isfinite(slopes), slopes, 0.0)

    def judged(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cost at many points (p, n), and by how much the worst constraint is missed there, (p,) each.

        All points are evaluated together; both are inf where there is no value. The best point is kept.
        """
        self.check_time()
        problem, constraints = self.problem, self.problem.constraints
        self.evaluations += len(points)
        cost, missed = np.zeros(len(points)), np.zeros(len(points))
        values = self._all_cells.batch(points).reshape(len(points), -1)
        if problem.objective is not None:
            cost, values = self.cost(values[:, 0]), values[:, 1:]
        if constraints is not None:
            missed = constraints.missed(constraints.gaps_of(values)).max(axis=1)
        without = np.isnan(cost) | np.isnan(missed)
        cost, missed = np.where(without, np.inf, cost), np.where(without, np.inf, missed)
        if not without.all():
            best = int(np.lexsort(self.ranks(cost, missed)[::-1])[0])
            self.keep(points[best], float(cost[best]), float(missed[best]))
        return cost, missed

    def judged_ranks(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same as what points are compared by: what comes first, what decides among equals."""
        return self.ranks(*self.judged(points))

    @property
    def _all_cells(self) -> CellFunction:
        """The objective, if there is one, and then the cells that constraints compare, as one function."""
        if self._joined is None:
            objective, constraints = self.problem.objective, self.problem.constraints
            if objective is None or constraints is None:
                self._joined = objective if constraints is None else constraints.cells
            else:
                self._joined = objective.joined(constraints.cells)
        assert self._joined is not None
        return self._joined

    def ranks(self, cost: np.ndarray, missed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `rank` compares points by, of many: what comes first, what decides among equals."""
        charge = CHARGE * missed * (1.0 + np.abs(cost))
        return np.maximum(missed - self.limits.precision, 0.0), cost + np.where(missed > 0, charge, 0.0)

    @property
    def meets_constraints(self) -> bool:
        """Whether the best point does, within their precision."""
        return self.best is not None and self.best.missed <= self.limits.precision

    def keep_constrained(self, z: np.ndarray) -> None:
        """Remembers the point, if it is the best so far, with its constraints."""
        x = self.point(z)
        objective = self.objective(x)
        self.keep(x, math.inf if math.isnan(objective) else self.cost(objective), self.missed(x))

    # ---- the best point

    def settle_at(self, z: np.ndarray) -> None:
        """Takes the point as the best, if within rounding it is as good."""
        cost = self.value(z)
        if self.best is not None and cost <= self.best.cost + 1e-14 * abs(self.best.cost):
            self.best = Point(self.point(z), cost, 0.0)

    def start_at(self, z: np.ndarray) -> None:
        """A new start: its best point is found anew."""
        self.best = None
        self.keep_constrained(z)
        self.first = math.nan if self.best is None else self.best.cost
        self._mark = self.iterations, (math.inf, math.inf)

    def take_best(self) -> bool:
        """Compares what this start came to with the best of all; whether it is better."""
        best, overall = self.best, self.overall
        if best is None or (overall is not None and self.rank(best) >= self.rank(overall)):
            return False
        self.overall = best
        return True

    def _keep_free(self, x: np.ndarray, objective: float) -> None:
        if self.problem.constraints is None:
            self.keep(x, self.cost(objective), 0.0)

    def keep(self, x: np.ndarray, cost: float, missed: float) -> None:
        """Remembers the point if it is the best."""
        point = Point(x, cost, missed)
        if self.best is None or self.rank(point) < self.rank(self.best):
            self.best = Point(x.copy(), cost, missed)
            self._check_bounded(point)

    def rank(self, point: Point) -> tuple[float, float]:
        """Smaller is better: the constraints come first; within their precision, what is missed costs too."""
        charge = CHARGE * point.missed * (1.0 + abs(point.cost)) if point.missed else 0.0
        return max(point.missed - self.limits.precision, 0.0), point.cost + charge

    def _check_bounded(self, point: Point) -> None:
        if self.problem.objective is None:
            return
        size = np.abs(point.x).max(initial=0.0)
        if size > FAR * (1.0 + np.abs(self.problem.start).max(initial=0.0)):
            farthest = int(np.argmax(np.abs(point.x)))
            cell = self.problem.addresses[farthest] if self.problem.addresses else "an adjustable cell"
            place = f"with {cell} at {point.x[farthest]:.0e}"
        elif -math.inf < point.cost < -VERY_FAR:
            place = f"at {self.shown(point.cost):.0e}"
        else:
            return
        raise Stop(f"the objective does not seem to be bounded: it still improves {place}", UNBOUNDED)

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.perf_counter() - self.started

    def begun_before(self, seconds: float) -> None:
        """It began so many seconds ago, where another machine's clock says so."""
        self.started = time.perf_counter() - seconds

    def finish(self) -> None:
        """What is evaluated from here on makes the result: no limit stops it."""
        self.finished = True

    def check_time(self) -> None:
        if self.finished:
            return
        self.limits.check_interrupted()
        if self.limits.max_time is not None and self.seconds > self.limits.max_time:
            raise Stop(f"the time limit of {self.limits.max_time:g} s was reached")

    def check_iterations(self) -> None:
        if self.limits.max_iterations is not None and self.iterations >= self.limits.max_iterations:
            raise Stop(f"the limit of {self.limits.max_iterations} iterations was reached")

    def begin(self) -> None:
        """A method starts: what it calls an improvement counts from here."""
        self._previous = math.inf

    def after_iteration(self, cost: float = math.nan) -> None:
        """Counts an iteration; raises Converged where the cost it came to, if stated, hardly improved."""
        self.iterations += 1
        self.report()
        self.check_iterations()
        self._check_creeping()
        previous, self._previous = self._previous, cost
        if abs(previous - cost) <= self.limits.relative_change * abs(cost):
            raise Converged

    def report(self) -> None:
        """Tells the callback where the search stands."""
        known = [point for point in (self.best, self.overall) if point is not None]
        if self.callback is not None and known:
            best = min(known, key=self.rank)
            self.callback(Progress(self.iterations, self.evaluations, self.shown(best.cost), self.seconds, best.x))

    def _check_creeping(self) -> None:
        if self.may_creep or self.best is None or self.iterations - self._mark[0] < self.window:
            return
        (_, before), now = self._mark, self.rank(self.best)
        self._mark = self.iterations, now
        if not gained(before, now, self.problem.settings.convergence):
            raise Creeps(self.window, self.problem.settings.convergence)

    def shown(self, cost: float) -> float:
        """The objective behind a cost, for progress; of a value to be reached the distance from it."""
        if self.problem.sense == MAXIMISE:
            return -cost
        return math.sqrt(max(cost, 0.0)) if self.squared or self.problem.to_a_value else cost


def gained(before: tuple[float, float], now: tuple[float, float], share: float) -> bool:
    """Whether a rank (what is missed, cost) improved by more than a share of itself."""
    if not math.isfinite(before[1]):
        return math.isfinite(now[1])
    if now[0] != before[0]:
        return now[0] < before[0] * (1 - share)
    return now[1] < before[1] - share * abs(before[1])


def moved(x: np.ndarray, position: int, to: float) -> np.ndarray:
    """The point with one coordinate changed."""
    result = x.copy()
    result[position] = to
    return result


def _scale(x: np.ndarray, automatic: bool) -> np.ndarray:
    """What each adjustable cell is measured by: 1, or its own magnitude where those spread over decades.

    Powers of two, so that scaling changes no digit.
    """
    size = np.abs(x)
    size[size == 0] = np.median(size[size > 0]) if size.any() else 1.0
    spread = float(np.std(np.log10(size))) if size.size else 0.0
    if not automatic or spread < DECADES:
        return np.ones(size.size)
    return 2.0 ** np.round(np.log2(size))
