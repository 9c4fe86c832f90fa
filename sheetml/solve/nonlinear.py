"""Smooth optimisation with exact gradients, in place of Excel's "GRG Nonlinear".

Free and bounded problems go to L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995), those with general constraints
to SLSQP (Kraft 1988) and, where it fails, to a trust-region method (scipy's trust-constr).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.formula.parser import parse
from sheetml.formula.tree import Call
from sheetml.solve.model import ConstraintFunction, Problem
from sheetml.xlsx.solver_names import AT_LEAST, EQUAL, MAXIMISE, MINIMISE

TOLERANCE = 1e-13  # relative change of the objective over an iteration at which the search ends
MEMORY = 20  # corrections kept by L-BFGS
MANY_ITERATIONS = 100_000
BIG = 1e300  # stands for an objective that has no value
RESTARTS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: seconds, iterations, relative tolerance; and how exactly constraints are to be met."""

    max_time: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    precision: float = 1e-6


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands."""

    iteration: int
    evaluations: int
    objective: float  # the best so far
    seconds: float


class _Stop(Exception):
    """A limit has been reached; its sentence says which."""


@dataclass(slots=True)
class _Best:
    x: np.ndarray
    value: float  # to be minimised
    violation: float


@dataclass(slots=True)
class _Search:
    """The problem as a minimisation, counted, timed, and with the best point kept."""

    problem: Problem
    limits: Limits
    central: bool
    callback: Callable[[Progress], None] | None
    squared: bool
    started: float = field(default_factory=time.perf_counter)
    evaluations: int = 0
    gradients: int = 0
    iterations: int = 0
    no_derivative: str = ""
    best: _Best | None = None

    # ---- the objective

    def cost(self, objective: float) -> float:
        """What is minimised, of the objective cell's value."""
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

    def objective(self, x: np.ndarray) -> float:
        """The objective cell's value, nan where it has none."""
        if self.problem.objective is None:
            return 0.0
        self.evaluations += 1
        try:
            return float(self.problem.objective(x))
        except CalculationError:
            return math.nan

    def value(self, x: np.ndarray) -> float:
        self.check_time()
        objective = self.objective(x)
        cost = BIG if math.isnan(objective) else self.cost(objective)
        if not self.problem.constraints:
            self.keep(x, cost, 0.0)
        return cost

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if self.problem.objective is None:
            return 0.0, np.zeros(x.size)
        if self.no_derivative:
            return self.by_differences(x)
        self.check_time()
        self.evaluations += 1
        self.gradients += 1
        try:
            objective, gradient = self.problem.objective.value_and_gradient(x)
        except CalculationError:
            return BIG, np.zeros(x.size)
        except NotDifferentiableError as error:
            self.no_derivative = str(error)
            return self.by_differences(x)
        cost = self.cost(objective)
        if not self.problem.constraints:
            self.keep(x, cost, 0.0)
        if not np.isfinite(gradient).all():
            # the square root of 0 and its kind: no slope is known there
            gradient = np.where(np.isfinite(gradient), gradient, 0.0)
        return cost, gradient * self.slope(objective)

    def by_differences(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The cost and its slope by forward or central differences, kept within the bounds."""
        cost = self.value(x)
        gradient = np.zeros(x.size)
        size = np.finfo(float).eps ** (1 / 3 if self.central else 1 / 2)
        for i in range(x.size):
            step = size * max(1.0, abs(x[i]))
            up, down = min(x[i] + step, self.problem.upper[i]), max(x[i] - step, self.problem.lower[i])
            if not self.central:
                down = x[i] if up > x[i] else down
            if up == down:
                continue
            above, below = (self.value(_moved(x, i, to)) if to != x[i] else cost for to in (up, down))
            if max(above, below) < BIG:
                gradient[i] = (above - below) / (up - down)
        return cost, gradient

    # ---- limits and the best point

    def check_time(self) -> None:
        if self.limits.max_time is not None and time.perf_counter() - self.started > self.limits.max_time:
            raise _Stop(f"the time limit of {self.limits.max_time:g} s was reached")

    def after_iteration(self, *_: Any, **__: Any) -> None:
        self.iterations += 1
        if self.callback is not None and self.best is not None:
            seconds = time.perf_counter() - self.started
            self.callback(Progress(self.iterations, self.evaluations, self.shown(self.best.value), seconds))
        if self.limits.max_iterations is not None and self.iterations >= self.limits.max_iterations:
            raise _Stop(f"the limit of {self.limits.max_iterations} iterations was reached")

    def shown(self, cost: float) -> float:
        """The objective behind a cost, for progress."""
        if self.problem.sense == MAXIMISE:
            return -cost
        return math.sqrt(max(cost, 0.0)) if self.squared else cost

    def keep(self, x: np.ndarray, cost: float, violation: float) -> None:
        """Remembers the point if it is the best: the constraints come first, within their precision."""
        excess = max(violation - self.limits.precision, 0.0)
        best = self.best
        if best is not None:
            known = max(best.violation - self.limits.precision, 0.0)
            if (excess, cost) >= (known, best.value):
                return
        self.best = _Best(x.copy(), cost, violation)

    def violation(self, x: np.ndarray) -> float:
        """By how much the worst constraint is missed."""
        worst = 0.0
        for constraint in self.problem.constraints:
            try:
                gap = constraint(x)
            except CalculationError:
                return math.inf
            worst = max(worst, float(_missed(gap, constraint.relation).max(initial=0.0)))
        return worst

    def keep_constrained(self, x: np.ndarray) -> None:
        self.keep(x, self.value(x), self.violation(x))


def _moved(x: np.ndarray, position: int, to: float) -> np.ndarray:
    moved = x.copy()
    moved[position] = to
    return moved


def _missed(gap: np.ndarray, relation: int) -> np.ndarray:
    if relation == EQUAL:
        return np.abs(gap)
    return np.maximum(-gap if relation == AT_LEAST else gap, 0.0)


# ---- solving -----------------------------------------------------------------------------------


def solve(
    problem: Problem,
    limits: Limits,
    *,
    starts: int = 1,
    seed: int | None = None,
    central: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> Any:
    """Solves a problem and assigns the best point; see SolverModel.solve for what is returned."""
    search = _Search(problem, limits, central, callback, _is_root(problem))
    start_value = search.objective(problem.start)
    start = np.clip(problem.start, problem.lower, problem.upper)
    # the best point so far is kept in `search`, however the search ends; the start itself takes part
    # if it lies within the bounds
    if problem.constraints or np.array_equal(start, problem.start):
        search.keep_constrained(start)
    ended, status, method = "", 0, ""
    try:
        for point in _starting_points(problem, start, starts, seed):
            method, ended, status = _from(search, point)
    except _Stop as stop:
        ended, status = f"{stop}; the best point so far is kept", 1
    except KeyboardInterrupt:
        ended, status = "interrupted; the best point so far is kept", 2
    if search.best is None:
        search.keep_constrained(start)
    return _result(search, start_value, ended, status, method or _method(problem))


def _method(problem: Problem) -> str:
    return "SLSQP" if problem.constraints else "L-BFGS-B"


def _from(search: _Search, start: np.ndarray) -> tuple[str, str, int]:
    if not search.problem.constraints:
        return _bounded(search, start)
    return _constrained(search, start)


def _starting_points(problem: Problem, start: np.ndarray, count: int, seed: int | None) -> Iterator[np.ndarray]:
    """The start, then points drawn within the bounds, or around the start where there are none."""
    random = np.random.default_rng(seed)
    yield start
    bounded = np.isfinite(problem.lower) & np.isfinite(problem.upper)
    spread = max(float(np.std(start)), 0.1 * float(np.abs(start).max(initial=0.0)), 0.1)
    for _ in range(count - 1):
        within = random.uniform(np.where(bounded, problem.lower, 0.0), np.where(bounded, problem.upper, 1.0))
        around = start + random.normal(0.0, spread, start.size)
        yield np.clip(np.where(bounded, within, around), problem.lower, problem.upper)


def _is_root(problem: Problem) -> bool:
    """Whether the objective cell is the square root of something, to be minimised.

    Its square has the same minimum, and no kink there: for the root of a mean of squares L-BFGS then
    sees the curvature that it is made for.
    """
    text = problem.objective.output_formula if problem.objective is not None else None
    if problem.sense != MINIMISE or text is None:
        return False
    tree = parse(text, 1, 1)
    return isinstance(tree, Call) and tree.function == "SQRT"


def _bounded(search: _Search, start: np.ndarray) -> tuple[str, str, int]:
    from scipy.optimize import minimize

    problem, limits = search.problem, search.limits
    free = np.isneginf(problem.lower).all() and np.isposinf(problem.upper).all()
    bounds = None if free else list(zip(problem.lower, problem.upper))
    options = {
        "maxcor": MEMORY,
        "maxiter": MANY_ITERATIONS,
        "maxfun": 10 * MANY_ITERATIONS,
        "ftol": TOLERANCE if limits.tolerance is None else limits.tolerance,
        "gtol": 1e-9,
    }
    point, ended, status = start, "", 0
    for _ in range(RESTARTS):
        before = math.inf if search.best is None else search.best.value
        found = minimize(
            search.value_and_gradient,
            point,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options=options,
            callback=search.after_iteration,
        )
        ended, status = _how_it_ended(found), 0 if found.success else 3
        # a failed line search is tried again from there, without the memory that misled it
        if found.status != 2 or found.fun >= before:
            break
        point = np.clip(found.x, problem.lower, problem.upper)
    return "L-BFGS-B", ended, status


def _how_it_ended(found: Any) -> str:
    message = str(found.message).upper()
    if found.nit == 0 and found.success:
        return "the slope is zero at the start: it may be a saddle from which another start leads further"
    if "PROJECTED GRADIENT" in message or "PGTOL" in message:
        return "converged: the slope is zero"
    if found.success:
        return "converged: the objective no longer improves"
    if "ABNORMAL" in message:
        return "ended where no step improves the objective any further"
    return f"ended: {str(found.message).strip().lower()}"


def _constrained(search: _Search, start: np.ndarray) -> tuple[str, str, int]:
    from scipy.optimize import Bounds, minimize

    problem, limits = search.problem, search.limits
    tolerance = 1e-12 if limits.tolerance is None else limits.tolerance
    bounds = Bounds(problem.lower, problem.upper)

    def iterated(x: np.ndarray, *_: Any) -> None:
        search.keep_constrained(x)
        search.after_iteration()

    found = minimize(
        search.value_and_gradient,
        start,
        jac=True,
        method="SLSQP",
        bounds=bounds,
        constraints=[_for_slsqp(search, each) for each in problem.constraints],
        options={"maxiter": limits.max_iterations or 1000, "ftol": tolerance},
        callback=iterated,
    )
    search.keep_constrained(np.clip(found.x, problem.lower, problem.upper))
    if found.success and search.best is not None and search.best.violation <= limits.precision:
        return "SLSQP", "converged: no step improves the objective within the constraints", 0
    start = search.best.x if search.best is not None else start
    minimize(
        search.value,
        start,
        jac=lambda x: search.value_and_gradient(x)[1],
        method="trust-constr",
        bounds=bounds,
        constraints=[_for_trust_region(search, each) for each in problem.constraints],
        options={"maxiter": limits.max_iterations or 3000, "gtol": 1e-8, "xtol": 1e-12},
        callback=iterated,
    )
    assert search.best is not None
    if search.best.violation <= limits.precision:
        return "trust-constr", "converged: no step improves the objective within the constraints", 0
    return "trust-constr", f"no point was found that meets the constraints (missed by {search.best.violation:.3g})", 4


def _gap(search: _Search, constraint: ConstraintFunction, x: np.ndarray) -> np.ndarray:
    try:
        return constraint(x)
    except CalculationError:
        return np.full(constraint_size(constraint), -1e10)


def constraint_size(constraint: ConstraintFunction) -> int:
    return len(constraint.left.output_addresses)


def _jacobian(search: _Search, constraint: ConstraintFunction, x: np.ndarray) -> np.ndarray:
    try:
        return constraint.jacobian(x)
    except NotDifferentiableError as error:
        search.no_derivative = search.no_derivative or str(error)
    except CalculationError:
        return np.zeros((constraint_size(constraint), x.size))
    rows = [
        (_gap(search, constraint, _moved(x, i, x[i] + 1e-7)) - _gap(search, constraint, _moved(x, i, x[i] - 1e-7)))
        / 2e-7
        for i in range(x.size)
    ]
    return np.array(rows).T


def _for_slsqp(search: _Search, constraint: ConstraintFunction) -> dict[str, Any]:
    sign = 1.0 if constraint.relation in (AT_LEAST, EQUAL) else -1.0
    return {
        "type": "eq" if constraint.relation == EQUAL else "ineq",
        "fun": lambda x: sign * _gap(search, constraint, x),
        "jac": lambda x: sign * _jacobian(search, constraint, x),
    }


def _for_trust_region(search: _Search, constraint: ConstraintFunction) -> Any:
    from scipy.optimize import BFGS, NonlinearConstraint

    lower = 0.0 if constraint.relation in (AT_LEAST, EQUAL) else -math.inf
    upper = math.inf if constraint.relation == AT_LEAST else 0.0
    return NonlinearConstraint(
        lambda x: _gap(search, constraint, x),
        lower,
        upper,
        jac=lambda x: _jacobian(search, constraint, x),
        hess=BFGS(),
    )


# ---- the result --------------------------------------------------------------------------------


def _result(search: _Search, start_value: float, ended: str, status: int, method: str) -> Any:
    from scipy.optimize import OptimizeResult

    problem, best = search.problem, search.best
    assert best is not None
    x = best.x
    final, gradient = _final(search, x)
    if _is_worse(problem, search, final, start_value, best.violation):
        x, final = problem.start, start_value
    problem.assign(x)
    message = ended
    if problem.sense not in (MINIMISE, MAXIMISE) and problem.objective is not None and status == 0:
        gap = abs(final - problem.target_value)
        reached = gap <= search.limits.precision * max(1.0, abs(problem.target_value))
        message = "the value was reached" if reached else f"the value was not reached: it is {gap:.3g} away"
        status = 0 if reached else 4
    if search.no_derivative:
        message += f" (by differences of the objective: {search.no_derivative})"
    if math.isnan(final):
        message, status = "the objective has no value at the start, nor anywhere the search came to", 5
    return OptimizeResult(
        x=x,
        fun=final,
        fun_start=start_value,
        nit=search.iterations,
        nfev=search.evaluations,
        njev=search.gradients,
        jac=gradient,
        gradient_norm=_projected_norm(problem, x, gradient),
        constraint_violation=best.violation,
        seconds=time.perf_counter() - search.started,
        success=status == 0,
        status=status,
        message=message[:1].upper() + message[1:] + ".",
        method=method,
    )


def _final(search: _Search, x: np.ndarray) -> tuple[float, np.ndarray]:
    """The objective and its gradient at the end."""
    problem = search.problem
    if problem.objective is None:
        return 0.0, np.zeros(x.size)
    try:
        if not search.no_derivative:
            return problem.objective.value_and_gradient(x)
        return float(problem.objective(x)), np.full(x.size, math.nan)
    except NotDifferentiableError:
        return search.objective(x), np.full(x.size, math.nan)
    except CalculationError:
        return math.nan, np.full(x.size, math.nan)


def _is_worse(problem: Problem, search: _Search, final: float, start_value: float, violation: float) -> bool:
    """Whether the start beats the point found: only where it met all bounds and constraints."""
    if math.isnan(start_value) or problem.objective is None:
        return False
    inside = ((problem.start >= problem.lower) & (problem.start <= problem.upper)).all()
    if not inside or search.violation(problem.start) > max(search.limits.precision, violation):
        return False
    return math.isnan(final) or search.cost(final) > search.cost(start_value)


def _projected_norm(problem: Problem, x: np.ndarray, gradient: np.ndarray) -> float:
    """The largest slope along which the point may still move."""
    downhill = -gradient if problem.sense == MINIMISE else gradient
    if problem.sense not in (MINIMISE, MAXIMISE):
        downhill = gradient
        return float(np.abs(downhill).max(initial=0.0))
    blocked = ((x <= problem.lower) & (downhill < 0)) | ((x >= problem.upper) & (downhill > 0))
    return float(np.abs(np.where(blocked, 0.0, downhill)).max(initial=0.0))
