"""A Solver model as a linear, quadratic or integer program: sparse matrices, and why it is none if it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from sheetml.errors import CalculationError
from sheetml.solve.linear.polynomials import Polynomials, polynomials
from sheetml.solve.problem import Problem
from sheetml.xlsx.solver_names import AT_LEAST, AT_MOST, MAXIMISE

_FAILURES = (ValueError, TypeError, IndexError, KeyError, AttributeError, FloatingPointError, np.linalg.LinAlgError)
LARGEST_HESSIAN = 1500  # cells in products, for whose matrix of second derivatives all eigenvalues are taken
SEMIDEFINITE = 1e-9  # how far below 0 the smallest eigenvalue may be, relative to the largest


@dataclass(frozen=True, slots=True)
class Program:
    """minimise cost @ x + x @ hessian @ x / 2 + offset where row_lower <= matrix @ x <= row_upper, lower <= x <= upper.

    Maximised, the objective's sign is turned (`sign` -1). Where a value is to be reached, the distance from
    it is one more unknown, the last, which alone has a cost, and two more rows at the end hold it.
    """

    cost: np.ndarray  # (n,)
    offset: float
    hessian: csr_array | None  # (n, n), symmetric
    matrix: csr_array  # (m, n)
    row_lower: np.ndarray  # (m,)
    row_upper: np.ndarray  # (m,)
    lower: np.ndarray  # (n,)
    upper: np.ndarray  # (n,)
    whole: np.ndarray  # bool (n,)
    words: list[str]  # of the rows that are constraints of the model
    addresses: list[str]  # of the unknowns that are adjustable cells
    sign: float = 1.0

    @property
    def unknowns(self) -> int:
        return self.cost.size

    @property
    def idle(self) -> np.ndarray:
        """Which unknowns change neither the objective nor a row, bool (n,)."""
        idle = self.cost == 0
        idle[self.matrix.indices[self.matrix.data != 0]] = False
        if self.hessian is not None:
            idle[self.hessian.nonzero()[0]] = False
        return idle & ~self.whole

    def objective(self, x: np.ndarray) -> float:
        """What is minimised, at x."""
        curved = 0.0 if self.hessian is None else 0.5 * float(x @ (self.hessian @ x))
        return float(self.cost @ x) + curved + self.offset

    def misses(self, x: np.ndarray) -> float:
        """By how much the worst row or bound is missed, relative to its number where that is large."""
        activity = self.matrix @ x
        rows = np.maximum(self.row_lower - activity, activity - self.row_upper)
        sides = np.maximum(self.lower - x, x - self.upper)
        size = np.maximum(np.where(np.isfinite(self.row_lower), np.abs(self.row_lower), 0.0),
                          np.where(np.isfinite(self.row_upper), np.abs(self.row_upper), 0.0))  # fmt: skip
        return float(max((rows / np.maximum(1.0, size)).max(initial=0.0), sides.max(initial=0.0)))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a problem was found to be: a program, or none and why."""

    program: Program | None
    not_linear: str = ""  # why the model is not linear: "Sheet1!G7 multiplies Sheet1!C2 by Sheet1!C3"; "" if it is
    not_solved: str = ""  # why there is no program: not linear, and not convex either
    objective_reason: str = ""  # why the objective is not linear
    row_reasons: dict[int, str] = field(default_factory=dict)  # and constraints, by their number

    @property
    def is_linear(self) -> bool:
        return self.program is not None and not self.not_linear


def read(problem: Problem, *, frozen: bool = False) -> Reading:
    """The problem as a program, if it is linear, or if its objective is a convex quadratic one without whole cells.

    With `frozen`, decisions that depend on adjustable cells count as they are taken at the start.
    """
    lower, upper = problem.lower, problem.upper
    if problem.different:
        return Reading(None, not_solved="cells must be all different")
    objective = rows = None
    try:
        if problem.objective is not None:
            objective = polynomials(problem.objective, problem.start, lower, upper, frozen=frozen)
        if problem.constraints is not None:
            rows = polynomials(problem.constraints.cells, problem.start, lower, upper, frozen=frozen)
    except CalculationError as error:
        return Reading(None, str(error), str(error))
    except _FAILURES as error:
        # a defect of sheetml's: it costs the model this method, not its answer
        reason = f"sheetml failed to read it ({type(error).__name__}: {error})"
        return Reading(None, reason, reason)
    of_objective = "" if objective is None else objective.reason
    of_rows = {} if rows is None else _reasons_of(problem, rows)
    not_linear = of_objective or next(iter(of_rows.values()), "")
    hessian, why = None, next(iter(of_rows.values()), "")
    if objective is not None and objective.quadratic is None:
        why = of_objective
    elif objective is not None and of_objective and not why:
        hessian = objective.hessian(0) * (-1.0 if problem.sense == MAXIMISE else 1.0)
        why = _why_not_quadratic(problem, hessian, of_objective)
    program = None if why else _program(problem, objective, hessian, rows)
    return Reading(program, not_linear, why, of_objective, of_rows)


def _reasons_of(problem: Problem, rows: Polynomials) -> dict[int, str]:
    """Why constraints are not linear, by their number: because of their left side, or of their right one."""
    constraints = problem.constraints
    if constraints is None or not rows.reasons:
        return {}
    sides = zip(constraints.left.tolist(), constraints.right.tolist())
    found = {row: rows.reasons.get(left) or rows.reasons.get(right, "") for row, (left, right) in enumerate(sides)}
    return {row: reason for row, reason in found.items() if reason}


def _why_not_quadratic(problem: Problem, hessian: csr_array, reason: str) -> str:
    """Why a program with this objective cannot be solved as one; "" if it can."""
    if problem.whole.any() or problem.to_a_value:
        return reason
    used = np.unique(hessian.nonzero()[0])
    if used.size > LARGEST_HESSIAN:
        return reason
    eigenvalues = np.linalg.eigvalsh(hessian[used][:, used].toarray())
    convex = eigenvalues.min(initial=0.0) >= -SEMIDEFINITE * np.abs(eigenvalues).max(initial=0.0)
    return "" if convex else f"{reason}, and that makes the objective not convex"


def _program(
    problem: Problem, objective: Polynomials | None, hessian: csr_array | None, rows: Polynomials | None
) -> Program:
    size = problem.start.size
    matrix, row_lower, row_upper = csr_array((0, size)), np.zeros(0), np.zeros(0)
    words: list[str] = []
    if problem.constraints is not None and rows is not None:
        constraints = problem.constraints
        compared = constraints.right >= 0
        matrix = csr_array(rows.matrix[constraints.left])
        if compared.any():
            right = diags_array(compared.astype(float)) @ rows.matrix[np.where(compared, constraints.right, 0)]
            matrix = csr_array(matrix - right)
            matrix.eliminate_zeros()
        numbers = np.where(compared, rows.constant[constraints.right], constraints.numbers)
        numbers = numbers - rows.constant[constraints.left]
        row_lower = np.where(constraints.relation == AT_MOST, -math.inf, numbers)
        row_upper = np.where(constraints.relation == AT_LEAST, math.inf, numbers)
        words = constraints.words
    sign = -1.0 if problem.sense == MAXIMISE else 1.0
    cost, offset = np.zeros(size), 0.0
    lower, upper = problem.lower, problem.upper
    whole = problem.whole
    if objective is not None:
        cost, offset = sign * objective.matrix[[0]].toarray()[0], sign * float(objective.constant[0])
    if problem.to_a_value:
        apart = problem.target_value - offset
        sides = csr_array(np.array([[*cost, -1.0], [*cost, 1.0]]))
        matrix = csr_array(vstack([_with_column(matrix), sides]))
        row_lower = np.concatenate([row_lower, [-math.inf, apart]])
        row_upper = np.concatenate([row_upper, [apart, math.inf]])
        cost, offset = np.append(np.zeros(size), 1.0), 0.0
        lower, upper, whole = np.append(lower, 0.0), np.append(upper, math.inf), np.append(whole, False)
    return Program(
        cost, offset, hessian, matrix, row_lower, row_upper, lower, upper, whole, words, problem.addresses, sign
    )


def _with_column(matrix: csr_array) -> csr_array:
    """The matrix with one more column of zeros."""
    return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], matrix.shape[1] + 1))
