"""HiGHS: Huangfu, Hall, "Parallelizing the dual revised simplex method", 2018. Programs in, what it found out."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, triu, vstack

from sheetml.solve.linear.program import Program

PRECISE = 1e-9  # how exactly rows and bounds are met ...
USUAL = 1e-7  # ... and where that is asking too much
TICK = 0.1  # seconds between two looks for Ctrl-C


class Ending(Enum):
    """How a run of HiGHS ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found; x is None where there is no point that meets all."""

    ending: Ending
    x: np.ndarray | None = None
    gap: float = 0.0  # relative, by which a better point may still be missed
    iterations: int = 0
    nodes: int = 0
    limit: str = ""  # which one was reached, in words
    ray: np.ndarray | None = None  # where an unbounded program goes, (n,)
    prices: np.ndarray | None = None  # of the rows: change of what is minimised by the row's number, (m,)
    reduced: np.ndarray | None = None  # of the unknowns, (n,)


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a run is to stop."""

    gap: float = 0.0
    seconds: float | None = None
    iterations: int | None = None
    nodes: int | None = None
    solutions: int | None = None


Follow = Callable[[int, float], None]  # better points found so far, the best value of what is minimised


def run(
    program: Program, start: np.ndarray | None = None, bounds: Bounds | None = None, follow: Follow | None = None
) -> Found:
    """Minimises the program, from a start if there is one; Ctrl-C ends it with the best point so far."""
    bounds = bounds or Bounds()
    solver = loaded(program)
    mixed = bool(program.whole.any())
    if bounds.seconds is not None:
        solver.setOptionValue("time_limit", max(bounds.seconds, 0.01))
    if mixed:
        solver.setOptionValue("mip_rel_gap", bounds.gap)
        solver.setOptionValue("mip_abs_gap", 1e-9 if not bounds.gap else 1e-6)
        for option, limit in (("mip_max_nodes", bounds.nodes), ("mip_max_improving_sols", bounds.solutions)):
            if limit is not None:
                solver.setOptionValue(option, limit)
    if bounds.iterations is not None:
        for option in ("simplex_iteration_limit", "qp_iteration_limit"):
            solver.setOptionValue(option, bounds.iterations)
    if start is not None:
        _begin_at(solver, program, start, mixed)
    best: list[np.ndarray] = []
    interrupted = _solve(solver, program.hessian is None, follow, best)
    if solver.getModelStatus() in _GIVEN_UP and not interrupted:
        _set_tolerances(solver, USUAL)
        solver.clearSolver()
        interrupted = _solve(solver, program.hessian is None, follow, best)
    found = _found(solver, program, interrupted)
    if mixed and start is not None and found.ending is Ending.OPTIMAL and _is_no_better(program, found.x, start):
        # HiGHS 1.16 may call a given start optimal that is not: what it proves, it proves without one
        return run(program, None, bounds, follow)
    if found.x is None and best and found.ending in (Ending.INTERRUPTED, Ending.LIMIT):
        return replace(found, x=best[-1], gap=math.inf)
    if found.ending is Ending.UNBOUNDED:
        return _with_ray(program, found)
    return found


def _is_no_better(program: Program, x: np.ndarray | None, start: np.ndarray) -> bool:
    """Whether a point costs as much as the start, to rounding."""
    return x is not None and program.objective(x) >= program.objective(start) - 1e-9 * max(
        1.0, abs(program.objective(x))
    )


def row_factors(program: Program) -> np.ndarray:
    """Powers of two that bring each row's largest coefficient near 1: HiGHS takes very small ones for 0."""
    largest = abs(program.matrix).max(axis=1).toarray().reshape(-1) if program.matrix.shape[0] else np.zeros(0)
    usable = (largest > 0) & np.isfinite(largest)
    return 2.0 ** -np.round(np.log2(np.where(usable, largest, 1.0)))


class _Silent(highspy.Highs):
    """HiGHS that prints nothing, not even its name once its callbacks are enabled, as it else does when made."""

    def enableCallbacks(self) -> None:
        self.silent()
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def loaded(program: Program, scaled: bool = True) -> Any:
    """HiGHS with the program in it, silent; its rows by their factors unless `scaled` is False."""
    solver = _Silent()  # type: ignore[no-untyped-call]
    rows, columns = program.matrix.shape
    factors = row_factors(program) if scaled else np.ones(rows)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = columns, rows
    lp.col_cost_, lp.offset_ = program.cost, program.offset
    lp.col_lower_, lp.col_upper_ = program.lower, program.upper
    lp.row_lower_, lp.row_upper_ = program.row_lower * factors, program.row_upper * factors
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = columns, rows
    lp.a_matrix_.start_ = program.matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = program.matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = program.matrix.data * np.repeat(factors, np.diff(program.matrix.indptr))
    if program.whole.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in program.whole]
    model = highspy.HighsModel()
    model.lp_ = lp
    if program.hessian is not None:
        half = triu(program.hessian, format="csr")  # row-wise upper is column-wise lower
        half.sort_indices()
        model.hessian_.dim_ = columns
        model.hessian_.format_ = highspy.HessianFormat.kTriangular
        model.hessian_.start_ = half.indptr.astype(np.int32)
        model.hessian_.index_ = half.indices.astype(np.int32)
        model.hessian_.value_ = half.data
    _set_tolerances(solver, PRECISE)
    solver.setOptionValue("threads", 1)
    solver.passModel(model)
    return solver


def _set_tolerances(solver: Any, tolerance: float) -> None:
    for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance", "mip_feasibility_tolerance"):
        solver.setOptionValue(option, tolerance)


def _begin_at(solver: Any, program: Program, start: np.ndarray, mixed: bool) -> None:
    """A mixed program gets the point itself, a linear one the basis that it suggests."""
    if mixed:
        solution = highspy.HighsSolution()
        solution.col_value = list(np.clip(np.where(program.whole, np.rint(start), start), program.lower, program.upper))
        solution.value_valid = True
        solver.setSolution(solution)
    elif program.hessian is None:
        solver.setBasis(_basis(program, start))


def _basis(program: Program, start: np.ndarray) -> Any:
    """What is at a bound at the start is not in the basis; HiGHS mends it where it does not fit."""
    status = highspy.HighsBasisStatus

    def statuses(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> list[Any]:
        near = 1e-9 * np.maximum(1.0, np.abs(values))
        with np.errstate(invalid="ignore"):
            low, high = np.abs(values - lower) <= near, np.abs(values - upper) <= near
        return [status.kLower if a else status.kUpper if b else status.kBasic for a, b in zip(low, high)]

    basis = highspy.HighsBasis()
    basis.alien = True
    basis.col_status = statuses(start, program.lower, program.upper)
    basis.row_status = statuses(program.matrix @ start, program.row_lower, program.row_upper)
    basis.valid = True
    return basis


def _solve(solver: Any, can_be_stopped: bool, follow: Follow | None, best: list[np.ndarray]) -> bool:
    """Runs the solver, in a thread of its own so that Ctrl-C ends it; whether it did.

    Each better point with whole numbers is put at the end of `best`.
    """
    if not can_be_stopped:
        solver.run()
        return False
    cost = math.inf

    def improved(event: Any) -> None:
        nonlocal cost
        cost = float(event.data_out.mip_primal_bound)
        best.append(np.array(event.data_out.mip_solution))

    interrupted = False
    solver.HandleUserInterrupt = True
    solver.cbMipImprovingSolution += improved
    done = threading.Event()

    def work() -> None:
        try:
            solver.run()
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    while not done.is_set():
        try:
            if not done.wait(TICK) and follow is not None:
                follow(len(best), cost)
        except KeyboardInterrupt:
            interrupted = True
            solver.cancelSolve()
    return interrupted


_GIVEN_UP = (
    highspy.HighsModelStatus.kNotset,
    highspy.HighsModelStatus.kUnknown,
    highspy.HighsModelStatus.kSolveError,
    highspy.HighsModelStatus.kPresolveError,
    highspy.HighsModelStatus.kPostsolveError,
)
_ENDINGS = {
    highspy.HighsModelStatus.kOptimal: Ending.OPTIMAL,
    highspy.HighsModelStatus.kModelEmpty: Ending.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Ending.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Ending.UNBOUNDED,
    highspy.HighsModelStatus.kInterrupt: Ending.INTERRUPTED,
    highspy.HighsModelStatus.kTimeLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kIterationLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kSolutionLimit: Ending.LIMIT,
}


def _found(solver: Any, program: Program, interrupted: bool) -> Found:
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        solver.setOptionValue("presolve", "off")
        solver.setOptionValue("solver", "simplex")
        solver.run()
        status = solver.getModelStatus()
    ending = Ending.INTERRUPTED if interrupted else _ENDINGS.get(status, Ending.FAILED)
    if solver.getNumCol() != program.unknowns:  # HiGHS did not take the program: infinite coefficients, say
        ending = Ending.FAILED
    info, solution = solver.getInfo(), solver.getSolution()
    mixed = bool(program.whole.any())
    feasible = info.primal_solution_status == 2 or status == highspy.HighsModelStatus.kModelEmpty
    feasible = feasible and len(solution.col_value) == program.unknowns
    x = np.array(solution.col_value) if feasible and ending is not Ending.UNBOUNDED else None
    prices = reduced = None
    if solution.dual_valid and not mixed:
        prices = np.array(solution.row_dual) * row_factors(program)
        reduced = np.array(solution.col_dual)
    return Found(
        ending,
        x,
        float(info.mip_gap) if mixed and x is not None else 0.0,
        int(info.simplex_iteration_count)
        + max(int(info.qp_iteration_count), 0)
        + max(int(info.ipm_iteration_count), 0),
        max(int(info.mip_node_count), 0) if mixed else 0,
        _limit_words(status),
        None,
        prices,
        reduced,
    )


def _limit_words(status: Any) -> str:
    return {
        highspy.HighsModelStatus.kTimeLimit: "time limit",
        highspy.HighsModelStatus.kIterationLimit: "iteration limit",
        highspy.HighsModelStatus.kSolutionLimit: "limit of nodes or solutions",
    }.get(status, "")


def _with_ray(program: Program, found: Found) -> Found:
    """The direction in which an unbounded program improves for ever: the best one within a box around 0."""
    far = [np.where(np.isfinite(bound), 0.0, np.sign(bound)) for bound in (program.lower, program.upper)]
    flat = program.hessian
    matrix, rows = program.matrix, [np.where(np.isfinite(b), 0.0, b) for b in (program.row_lower, program.row_upper)]
    if flat is not None:  # only along what has no curvature does the objective fall for ever
        matrix = csr_array(vstack([matrix, flat]))
        rows = [np.concatenate([each, np.zeros(flat.shape[0])]) for each in rows]
    cone = Program(
        program.cost, 0.0, None, matrix, rows[0], rows[1], far[0], far[1],
        np.zeros(program.unknowns, bool), [], program.addresses,
    )  # fmt: skip
    ray = run(cone)
    return replace(found, ray=ray.x)
