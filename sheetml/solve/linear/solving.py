"""Solves linear, quadratic and integer programs, and says what was proved."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sheetml.errors import CalculationError
from sheetml.solve.linear import conflicts, highs
from sheetml.solve.linear.highs import Bounds, Ending, Found
from sheetml.solve.linear.program import Program
from sheetml.solve.problem import Problem, Settings
from sheetml.solve.search import CONVERGED, INTERRUPTED, LIMIT, NOT_MET, STUCK, UNBOUNDED, Limits, Progress

EXACTLY = 20.0  # seconds in which the best point with whole numbers is sought, before the file's tolerance will do
PATIENCE = 120.0  # seconds for whole numbers where nobody states a limit
QUADRATIC = 20.0  # seconds for a quadratic program, before another method takes it
AS_GOOD = 1e-9  # relative: a start that is no worse than the optimum stays
KEPT = 1e-9  # by how much the start may miss constraints to count as a point that meets them


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a program ended, in its own unknowns."""

    found: Found
    x: np.ndarray | None  # (n,) of the program; None where no point is known
    ended: str
    status: int


def solve(
    program: Program,
    problem: Problem,
    limits: Limits,
    *,
    callback: Callable[[Progress], None] | None = None,
    **_: Any,
) -> Any:
    """Solves a problem that is a program, and assigns the best point; see SolverModel.solve for what is returned."""
    try:
        return _solve(program, problem, limits, callback)
    except KeyboardInterrupt:
        return unsolved(problem, "interrupted; the start is kept", INTERRUPTED)


def unsolved(problem: Problem, ended: str, status: int) -> Any:
    """The result of a search that ended before it began: the start."""
    from scipy.optimize import OptimizeResult

    fun, (missed, _) = _objective(problem, problem.start), _missed(problem, problem.start)
    return OptimizeResult(
        x=problem.start, fun=fun, fun_start=fun, nit=0, nfev=1, njev=0, jac=np.full(problem.start.size, math.nan),
        gradient_norm=math.nan, constraint_violation=missed, seconds=0.0, success=False, status=status,
        message=ended[:1].upper() + ended[1:] + ".", method="none",
    )  # fmt: skip


def _solve(program: Program, problem: Problem, limits: Limits, callback: Callable[[Progress], None] | None) -> Any:
    from scipy.optimize import OptimizeResult

    started = time.perf_counter()
    fun_start = _objective(problem, problem.start)

    def follow(iterations: int, best: float) -> None:
        limits.check_interrupted()
        if callback is not None and math.isfinite(best):
            seconds = time.perf_counter() - started
            callback(Progress(iterations, iterations, program.sign * best, seconds))

    begin = _start_of(program, problem.start)
    outcome = _outcome(program, begin, limits, problem.settings, follow)
    moves = outcome.x is not None and not np.array_equal(outcome.x[: problem.start.size], problem.start)
    x = problem.start if outcome.x is None else np.clip(outcome.x[: problem.start.size], problem.lower, problem.upper)
    fun = _objective(problem, x) if moves else fun_start
    missed, worst = _missed(problem, x)
    ended, status = outcome.ended, outcome.status
    if status == CONVERGED and missed > max(limits.precision, KEPT):
        ended, status = f"HiGHS ended at a point where {worst}", STUCK
    if status == CONVERGED and problem.to_a_value:
        ended, status = _value_reached(problem, fun, limits)
    if moves:
        problem.assign(x)
    jac = program.sign * (program.cost if program.hessian is None else program.cost + program.hessian @ x)
    return OptimizeResult(
        x=x,
        fun=fun,
        fun_start=fun_start,
        nit=outcome.found.iterations,
        nfev=2 if moves else 1,
        njev=0,
        jac=jac[: x.size],
        gradient_norm=0.0 if status == CONVERGED else math.nan,
        constraint_violation=missed,
        seconds=time.perf_counter() - started,
        success=status == CONVERGED,
        status=status,
        message=ended[:1].upper() + ended[1:] + ".",
        method=method(program),
        gap=outcome.found.gap,
        nodes=outcome.found.nodes,
    )


def method(program: Program) -> str:
    """How HiGHS goes about it."""
    if program.hessian is not None:
        return "HiGHS active set"
    return "HiGHS branch and cut" if program.whole.any() else "HiGHS simplex"


def _objective(problem: Problem, x: np.ndarray) -> float:
    if problem.objective is None:
        return 0.0
    try:
        return float(problem.objective(x))
    except CalculationError:
        return math.nan


def _missed(problem: Problem, x: np.ndarray) -> tuple[float, str]:
    """By how much the worst constraint or bound is missed by the cells themselves, and in words."""
    bound = float(np.maximum(problem.lower - x, x - problem.upper).max(initial=0.0))
    constraints = problem.constraints
    if constraints is None:
        return max(bound, 0.0), "a bound is missed"
    try:
        gaps = constraints.gaps(x)
    except CalculationError as error:
        return math.inf, str(error)
    missed = constraints.missed(gaps)
    worst = int(np.argmax(missed))
    return max(bound, float(missed[worst])), f"{constraints.words[worst]} is missed by {abs(gaps[worst]):.3g}"


def _value_reached(problem: Problem, fun: float, limits: Limits) -> tuple[str, int]:
    apart = abs(fun - problem.target_value)
    if apart <= limits.precision * max(1.0, abs(problem.target_value)):
        return "the value was reached", CONVERGED
    return f"the value cannot be reached: the nearest is {fun:.10g}", NOT_MET


def _start_of(program: Program, start: np.ndarray) -> np.ndarray:
    """The start in the program's unknowns: the distance from a value to be reached is measured at it."""
    if program.unknowns == start.size:
        return start
    sides = program.matrix[[-2]] @ np.append(start, 0.0)
    return np.append(start, abs(float(sides[0]) - float(program.row_upper[-2])))


# ---- running it --------------------------------------------------------------------------------


def _outcome(program: Program, start: np.ndarray, limits: Limits, settings: Settings, follow: Any) -> Outcome:
    if limits.max_time == 0:
        return Outcome(Found(Ending.LIMIT), None, "the time limit of 0 s leaves the start", LIMIT)
    contradiction = np.nonzero(program.lower > program.upper)[0]
    if contradiction.size:
        return Outcome(Found(Ending.INFEASIBLE), None, f"the bounds of {program.addresses[int(contradiction[0])]} contradict each other", NOT_MET)  # fmt: skip  # noqa: E501
    tolerance = settings.integer_tolerance if limits.tolerance is None else limits.tolerance
    found = _run(program, start, limits, settings, tolerance, follow)
    if found.ending is Ending.INFEASIBLE:
        return Outcome(found, None, conflicts.words(program), NOT_MET)
    if found.ending is Ending.UNBOUNDED:
        return Outcome(found, None, _runs_away(program, found), UNBOUNDED)
    x = _best_of(program, start, found)
    if x is None:
        if found.ending is Ending.LIMIT:
            return Outcome(found, None, f"the {found.limit} was reached before any point met the constraints", LIMIT)
        if found.ending is Ending.INTERRUPTED:
            return Outcome(found, None, "interrupted before any point met the constraints", INTERRUPTED)
        return Outcome(found, None, "HiGHS found no answer", STUCK)
    if found.ending is Ending.OPTIMAL or (program.whole.any() and found.gap <= tolerance):
        return Outcome(found, x, _proved(program, found, tolerance), CONVERGED)
    known = math.isfinite(found.gap) and found.gap > 0
    kept = "the best point so far is kept" + (f", at most {found.gap:.2%} from the best there is" if known else "")
    if found.ending is Ending.INTERRUPTED:
        return Outcome(found, x, f"interrupted; {kept}", INTERRUPTED)
    if found.ending is Ending.LIMIT:
        return Outcome(found, x, f"the {found.limit} was reached; {kept}", LIMIT)
    return Outcome(found, x, "HiGHS stopped where it could not go on", STUCK)


def _run(
    program: Program, start: np.ndarray, limits: Limits, settings: Settings, tolerance: float, follow: Any
) -> Found:
    """One run; with whole numbers a second, by the file's tolerance, where the first takes too long."""
    if program.hessian is not None:
        seconds = QUADRATIC if limits.max_time is None else min(limits.max_time, QUADRATIC)
        found = highs.run(program, start, Bounds(seconds=seconds, iterations=limits.max_iterations), follow)
        out_of_time = found.limit == "time limit" and seconds == QUADRATIC
        return replace(found, ending=Ending.FAILED, x=None) if out_of_time else found
    if not program.whole.any():
        return highs.run(program, start, Bounds(seconds=limits.max_time, iterations=limits.max_iterations), follow)
    patience = PATIENCE if limits.max_time is None else limits.max_time
    first = min(EXACTLY, patience) if tolerance > 0 else patience
    bounds = Bounds(0.0, first, nodes=settings.max_nodes, solutions=settings.max_solutions)
    found = highs.run(program, start, bounds, follow)
    if found.ending is not Ending.LIMIT or found.limit != "time limit" or first >= patience:
        return found
    if found.x is not None and found.gap <= tolerance:
        return found
    again = start if found.x is None else found.x
    return highs.run(program, again, replace(bounds, gap=tolerance, seconds=patience - first), follow)


def _best_of(program: Program, start: np.ndarray, found: Found) -> np.ndarray | None:
    """The point found, with whole numbers exactly whole; the start where that is as good."""
    x = found.x
    if x is not None and program.whole.any():
        x = _with_whole_numbers(program, x)
    if x is not None:
        x = np.where(program.idle, np.clip(start, program.lower, program.upper), x)
    if x is not None and program.hessian is not None:
        x = _polished(program, x)
    whole = not program.whole.any() or bool((start[program.whole] == np.rint(start[program.whole])).all())
    if whole and program.misses(start) <= KEPT:
        cost = program.objective(start)
        if x is None or cost <= program.objective(x) + AS_GOOD * max(1.0, abs(cost)):
            return start
    return x


def _with_whole_numbers(program: Program, x: np.ndarray) -> np.ndarray:
    """The best point with the whole numbers that x has, all but for rounding."""
    rounded = np.where(program.whole, np.rint(x), x)
    if program.whole.all():
        return rounded
    fixed = fixed_at(program, rounded)
    found = highs.run(fixed, rounded)
    if found.x is None or found.ending is not Ending.OPTIMAL:
        return x
    return np.where(program.whole, rounded, found.x)


def fixed_at(program: Program, x: np.ndarray) -> Program:
    """The program with its whole numbers held at those of x, and nothing whole any more."""
    return replace(
        program,
        lower=np.where(program.whole, x, program.lower),
        upper=np.where(program.whole, x, program.upper),
        whole=np.zeros(program.unknowns, bool),
    )


def _polished(program: Program, x: np.ndarray) -> np.ndarray:
    """The minimum of a quadratic program within the rows and bounds that x touches, solved exactly.

    HiGHS regularises the objective a little. Where the step leaves the other rows or is no better, x stays.
    """
    assert program.hessian is not None
    activity = program.matrix @ x
    near = 1e-6 * np.maximum(1.0, np.abs(activity))
    with np.errstate(invalid="ignore"):
        touched = (np.abs(activity - program.row_lower) <= near) | (np.abs(activity - program.row_upper) <= near)
        size = 1e-6 * np.maximum(1.0, np.abs(x))
        at_lower, at_upper = np.abs(x - program.lower) <= size, np.abs(x - program.upper) <= size
    held = at_lower | at_upper
    point = np.where(at_lower, program.lower, np.where(at_upper, program.upper, x))
    free = np.nonzero(~held)[0]
    if free.size > 2000 or not free.size:
        return x
    rows = program.matrix[np.nonzero(touched)[0]]
    lower, upper = program.row_lower[touched], program.row_upper[touched]
    values = rows @ x
    with np.errstate(invalid="ignore"):
        wanted = np.where(np.abs(values - lower) <= np.abs(values - upper), lower, upper)
    hessian, walls = program.hessian[free][:, free].toarray(), rows[:, free].toarray()
    slope = program.cost + program.hessian @ point
    system = np.block([[hessian, walls.T], [walls, np.zeros((walls.shape[0], walls.shape[0]))]])
    right = np.concatenate([-slope[free], wanted - rows @ point])
    step = np.linalg.lstsq(system, right, rcond=None)[0][: free.size]
    point[free] += step
    better = program.misses(point) <= max(program.misses(x), KEPT)
    return point if better and program.objective(point) <= program.objective(x) + 1e-9 else x


# ---- words -------------------------------------------------------------------------------------


def _proved(program: Program, found: Found, tolerance: float) -> str:
    kind = "convex and quadratic" if program.hessian is not None else "linear"
    if program.whole.any():
        kind += " with whole numbers"
    if found.gap > 1e-9:
        return (
            f"the best point is at most {found.gap:.2%} better, within the tolerance of "
            f"{tolerance:.2%}; the model is {kind}"
        )
    if not program.cost.any() and program.hessian is None and not program.whole.any():
        return f"all constraints are met; the model is {kind}, and no adjustable cell changes an objective"
    return f"optimal: no better point exists; the model is {kind}"


def _runs_away(program: Program, found: Found) -> str:
    what = "increase" if program.sign < 0 else "fall"
    said = f"the objective has no best value: it can {what} for ever"
    if found.ray is None or not program.addresses:
        return said
    ray = found.ray[: len(program.addresses)]
    moving = np.nonzero(np.abs(ray) > 1e-7 * max(np.abs(ray).max(initial=0.0), 1e-300))[0]
    moving = moving[np.argsort(-np.abs(ray[moving]), kind="stable")]
    if not moving.size:
        return said
    parts = [f"{program.addresses[i]} {'grows' if ray[i] > 0 else 'falls'}" for i in moving[:3].tolist()]
    more = f" and {moving.size - 3} more cells move" if moving.size > 3 else ""
    return f"{said} as {', '.join(parts)}{more} without end"
