"""The best value with a proof: the traced expressions handed to SCIP (an extra: sheetml[global]).

A trace of the cells is a graph of operations; each is written as SCIP knows it, with a variable of its own
where it is no longer a sum (a factorable program; McCormick 1976), and SCIP encloses the optimum from both
sides by spatial branch and bound. What SCIP has no expression for (lookups, decisions, rounding) is named.
The answer is computed by the workbook and mended by the gradient core, since SCIP meets constraints only
within its own tolerance.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.tracing.graph import Traced, ordered
from sheetml.errors import CalculationError, SolverError
from sheetml.solve import nonlinear
from sheetml.solve.cluster import Cluster
from sheetml.solve.outcome import searched
from sheetml.solve.problem import Problem
from sheetml.solve.search import (
    CONVERGED,
    LIMIT,
    NO_VALUE,
    NOT_MET,
    UNBOUNDED,
    Limits,
    Progress,
    Search,
    Stop,
)
from sheetml.xlsx.solver_names import AT_LEAST, EQUAL, MAXIMISE, MINIMISE

METHOD = "SCIP"
MOST_SECONDS = 60.0  # where neither the file nor the user says otherwise
MOST_TERMS = 200_000  # operations on single numbers
GAP = 1e-6  # relative, between the best value and what is proved
DESCENT_SECONDS = 5.0  # of the gradient core, before and after


class NotExpressible(Exception):
    """SCIP has no expression for an operation; the text names it and its cells."""


def solve(
    problem: Problem,
    limits: Limits,
    *,
    starts: int = 1,
    seed: int | None = None,
    central: bool = False,
    callback: Callable[[Progress], None] | None = None,
    workers: int | Cluster | None = None,
) -> Any:
    """Solves a problem to proved optimality as far as time allows; see SolverModel.solve for what is returned.

    The result also has `bound`: no point is better. Raises SolverError where SCIP is not installed or the
    model holds what it has no expression for.
    """
    if importlib.util.find_spec("pyscipopt") is None:
        raise SolverError("the global engine needs SCIP, which is not installed: pip install 'sheetml[global]'")
    search = Search(problem, limits, central, callback)
    bound = math.nan

    def run() -> tuple[str, str, int]:
        nonlocal bound
        search.judged(_whole(problem, problem.start)[None, :])
        _descend(search, problem.start)
        ended, bound, status = _with_scip(search)
        return METHOD, ended, status

    result = searched(search, METHOD, run)
    result.bound = bound
    return result


def _with_scip(search: Search) -> tuple[str, float, int]:
    """Lets SCIP search; how it ended, the bound on the objective, and the status."""
    program = _Program(search)
    try:
        program.build()
    except NotExpressible as wrong:
        raise SolverError(f"the global engine has no expression for {wrong}") from None
    model = program.model
    seconds = MOST_SECONDS if search.limits.max_time is None else search.limits.max_time - search.seconds
    model.setParam("limits/time", max(seconds, 0.1))
    model.setParam("limits/gap", GAP)
    program.suggest()
    model.optimize()
    search.finish()  # what follows makes the result of what SCIP found
    ending = model.getStatus()
    if ending in ("infeasible", "inforunbd") and search.best is None:
        return "no point meets the constraints (proved)", math.nan, NOT_MET
    if ending == "unbounded":
        raise Stop("the objective has no best value", UNBOUNDED)
    if model.getNSols():
        best = model.getBestSol()
        x = _whole(search.problem, np.array([model.getSolVal(best, variable) for variable in program.variables]))
        search.judged(x[None, :])
        _descend(search, x)
    if search.best is None or search.best.missed > search.limits.precision:
        return f"SCIP found no point within its time ({ending})", math.nan, NO_VALUE
    bound = program.bound()
    value = search.shown(search.best.cost)
    if ending in ("optimal", "gaplimit"):
        return f"converged: no other point is better by more than {GAP:g} of the value (proved)", bound, CONVERGED
    if ending == "userinterrupt":
        raise KeyboardInterrupt
    if abs(bound) >= 1e19:
        return f"the time limit was reached; nothing is proved of the best value, {value:.10g}", math.nan, LIMIT
    side = "above" if search.problem.sense == MAXIMISE else "below"
    return (
        f"the time limit was reached; the best value is {value:.10g}, none is {side} {bound:.10g} (proved)",
        bound,
        LIMIT,
    )


def _descend(search: Search, x: np.ndarray) -> None:
    """The gradient core from a point, its whole numbers held."""
    problem = search.problem
    if problem.whole.all():
        return
    held = np.where(problem.whole, x, problem.lower), np.where(problem.whole, x, problem.upper)
    part = replace(problem, lower=held[0], upper=held[1], start=x)
    until = min(search.seconds + DESCENT_SECONDS, search.limits.max_time or math.inf)
    inner = Search(part, replace(search.limits, max_time=until), search.central, None, started=search.started)
    inner.may_creep = search.limits.tolerance is not None
    z = inner.scaled(x)
    try:
        inner.start_at(z)
        nonlinear.descend_from(inner, z)
    except Stop as stop:
        if stop.status == UNBOUNDED:
            raise
    except CalculationError:
        return
    if inner.best is not None:
        search.keep(inner.best.x, inner.best.cost, inner.best.missed)


def _whole(problem: Problem, x: np.ndarray) -> np.ndarray:
    return np.clip(np.where(problem.whole, np.rint(x), x), problem.lower, problem.upper)


# ---- the model for SCIP ------------------------------------------------------------------------


class _Program:
    """The problem as a SCIP model: a variable for each adjustable cell, others for what is made of them."""

    def __init__(self, search: Search) -> None:
        from pyscipopt import Model

        self.search = search
        self.problem = search.problem
        self.model = Model()
        self.model.hideOutput()
        self.variables: list[Any] = []
        self.terms = 0
        self.truths: dict[int, Any] = {}  # variables that are 0 or 1, by id

    def build(self) -> None:
        problem, model = self.problem, self.model
        kinds = np.array(["C", "I", "B"])[problem.integrality]
        lower, upper = problem.lower.copy(), problem.upper.copy()
        binary = problem.integrality == 2
        lower[binary], upper[binary] = np.maximum(lower[binary], 0), np.minimum(upper[binary], 1)
        for kind, low, high in zip(kinds, lower, upper):
            bounds = (None if math.isinf(low) else float(low), None if math.isinf(high) else float(high))
            self.variables.append(model.addVar(vtype=str(kind), lb=bounds[0], ub=bounds[1]))
        for group in problem.different:
            self._all_different(group)
        if problem.constraints is not None:
            self._compare()
        if problem.objective is not None:
            self._optimise(self.of(problem.objective).reshape(-1)[0])

    def _optimise(self, objective: Any) -> None:
        model, problem = self.model, self.problem
        goal = model.addVar(lb=None)
        if problem.sense == MINIMISE:
            model.addCons(goal >= objective)
        elif problem.sense == MAXIMISE:
            model.addCons(goal <= objective)
        else:
            model.addCons(goal >= objective - problem.target_value)
            model.addCons(goal >= problem.target_value - objective)
        model.setObjective(goal, "maximize" if problem.sense == MAXIMISE else "minimize")

    def bound(self) -> float:
        bound = float(self.model.getDualbound())
        return bound if not self.problem.to_a_value else math.nan

    def _compare(self) -> None:
        constraints = self.problem.constraints
        assert constraints is not None
        cells = self.of(constraints.cells).reshape(-1)
        for left, right, number, relation in zip(
            constraints.left, constraints.right, constraints.numbers, constraints.relation
        ):
            one, other = cells[left], cells[right] if right >= 0 else float(number)
            gap = one - other
            if not _is_expression(gap):
                missed = abs(gap) if relation == EQUAL else -gap if relation == AT_LEAST else gap
                if missed > self.search.limits.precision * max(1.0, abs(float(number))):
                    self.model.addCons(self.variables[0] - self.variables[0] >= 1.0)
                continue
            self.model.addCons(gap == 0 if relation == EQUAL else gap >= 0 if relation == AT_LEAST else gap <= 0)

    def _all_different(self, group: np.ndarray) -> None:
        """x_i is the number v for which y_iv is 1, and each number is taken once."""
        from pyscipopt import quicksum

        size = group.size
        chosen = [[self.model.addVar(vtype="B") for _ in range(size)] for _ in range(size)]
        for row, cell in zip(chosen, group):
            self.model.addCons(quicksum(row) == 1)
            self.model.addCons(quicksum((v + 1) * y for v, y in enumerate(row)) == self.variables[cell])
        for column in zip(*chosen):
            self.model.addCons(quicksum(column) == 1)

    def suggest(self) -> None:
        """Tells SCIP the best point known; the variables made of the cells it works out itself."""
        best = self.search.best
        if best is None or best.missed > self.search.limits.precision:
            return
        known = self.model.createPartialSol()
        for variable, value in zip(self.variables, best.x):
            self.model.setSolVal(known, variable, float(value))
        self.model.addSol(known)

    # ---- from a trace to expressions

    def of(self, function: CellFunction) -> np.ndarray:
        """The outputs of a function as expressions (an object array), or numbers where they do not move."""
        start = self.search.problem.start if self.search.best is None else self.search.best.x
        function(start)
        if function.guards:
            raise NotExpressible(f"a decision that depends on the adjustable cells ({_place(function.guards[0])})")
        graph = function.graph
        if not isinstance(graph, Traced):
            return np.asarray(graph, np.float64)
        found: dict[int, np.ndarray] = {}
        for node in ordered([graph]):
            if node.primitive is None:
                leaf = np.empty(node.size, object)
                leaf[:] = self.variables
                found[id(node)] = leaf.reshape(node.shape)
            else:
                found[id(node)] = self._node(node, found)
        return found[id(graph)]

    def _node(self, node: Traced, found: dict[int, np.ndarray]) -> np.ndarray:
        operation = node.primitive
        assert operation is not None
        self.terms += node.size
        if self.terms > MOST_TERMS:
            raise NotExpressible(f"so large a model: it has more than {MOST_TERMS:,} operations")
        if operation.name in _EXTREMES:
            return _NOWHERE
        if operation.name == "take_along":
            return self._extreme(node, found)
        operands = [found[id(o)] if isinstance(o, Traced) else np.asarray(o) for o in node.operands]
        if operation.name in _REARRANGING:
            return np.asarray(operation.compute(*operands, **node.parameters), object)
        if operation.name in _SUMS:
            return self._summed(node, operands)
        rule = _ELEMENTWISE.get(operation.name)
        if rule is None:
            raise NotExpressible(f"{operation.name} ({_place(node)})")
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
        result = np.empty(shape, object)
        spread = [np.broadcast_to(operand, shape) for operand in operands]
        for place in np.ndindex(shape):
            try:
                result[place] = rule(self, *(_plain(operand[place]) for operand in spread))
            except NotExpressible:
                raise NotExpressible(f"{operation.name} ({_place(node)})") from None
        return result

    def _extreme(self, node: Traced, found: dict[int, np.ndarray]) -> np.ndarray:
        """The largest or smallest along the last axis: what MAX and MIN make of many cells."""
        array, place = node.operands
        at = place.primitive.name if isinstance(place, Traced) and place.primitive is not None else ""
        if at not in _EXTREMES or place.operands[0] is not array:
            raise NotExpressible(f"a value picked by a position ({_place(node)})")
        values, rule = found[id(array)], _EXTREMES[at]
        result = np.empty((*values.shape[:-1], 1), object)
        for position in np.ndindex(values.shape[:-1]):
            best, *others = (_plain(item) for item in values[position])
            for other in others:
                best = self.variable(rule(self, best, other))
            result[(*position, 0)] = best
        return result

    def decided(self, gap: Any) -> Any:
        """A variable that may be 1 only where the gap is at most 0, and 0 only where it is at least 0."""
        chosen, distance = self.model.addVar(vtype="B"), self.variable(gap)
        self.model.addConsIndicator(distance <= 0, binvar=chosen)
        self.model.addConsIndicator(distance >= 0, binvar=chosen, activeone=False)
        return self.truth(chosen)

    def truth(self, expression: Any) -> Any:
        """A variable equal to an expression that is 0 or 1."""
        own = self.variable(expression)
        self.truths[id(own)] = own
        return own

    def _summed(self, node: Traced, operands: list[np.ndarray]) -> np.ndarray:
        """Sums of elements, or of products of elements: what is added to each element of the result."""
        operation = node.primitive
        assert operation is not None
        if operation.name in ("vecdot", "matmul"):
            return self._products(operation.name, *operands)
        (values,) = operands[:1]
        places = np.arange(values.size).reshape(values.shape)
        result = np.empty(node.shape, object)
        flat = values.reshape(-1)
        if operation.name == "cumulative_sum":
            rows, out = values.reshape(-1, values.shape[-1]), result.reshape(-1, values.shape[-1])
            for row, to in zip(rows, out):
                total: Any = 0.0
                for i, element in enumerate(row):
                    total = to[i] = self.variable(total + _plain(element))
            return result
        targets = _targets(operation.name, places, node)
        parts: dict[int, list[Any]] = {}
        for element, target in enumerate(targets):
            parts.setdefault(int(target), []).append(_plain(flat[element]))
        out_flat = np.empty(node.size, object)
        for target in range(node.size):
            out_flat[target] = self._total(parts.get(target, []))
        return out_flat.reshape(node.shape)

    def _products(self, name: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        if name == "vecdot":
            shape = np.broadcast_shapes(left.shape, right.shape)
            x, y = np.broadcast_to(left, shape), np.broadcast_to(right, shape)
            result = np.empty(shape[:-1], object)
            for place in np.ndindex(shape[:-1]):
                result[place] = self._total([self.product(_plain(a), _plain(b)) for a, b in zip(x[place], y[place])])
            return result
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        x = np.broadcast_to(left, (*batch, *left.shape[-2:]))
        y = np.broadcast_to(right, (*batch, *right.shape[-2:]))
        result = np.empty((*batch, x.shape[-2], y.shape[-1]), object)
        for place in np.ndindex(batch):
            for i in range(x.shape[-2]):
                for j in range(y.shape[-1]):
                    pairs = zip(x[place][i], y[place][:, j])
                    result[(*place, i, j)] = self._total([self.product(_plain(a), _plain(b)) for a, b in pairs])
        return result

    def _total(self, parts: list[Any]) -> Any:
        from pyscipopt import quicksum

        moving = [part for part in parts if _is_expression(part)]
        constant = float(sum(part for part in parts if not _is_expression(part)))
        return quicksum(moving) + constant if moving else constant

    def variable(self, expression: Any) -> Any:
        """A variable equal to the expression, unless it is one or a number already."""
        if not _is_expression(expression) or _is_variable(expression):
            return expression
        own = self.model.addVar(lb=None)
        self.model.addCons(own == expression)
        return own

    def product(self, left: Any, right: Any) -> Any:
        if _is_expression(left) and _is_expression(right):
            return self.variable(left) * self.variable(right)
        return left * right


def _targets(name: str, places: np.ndarray, node: Traced) -> np.ndarray:
    """The element of the result that each element of the operand is added to."""
    if name == "scatter_add":
        return np.asarray(node.parameters["index"]).reshape(-1)
    result = np.arange(node.size).reshape(node.shape)
    if name == "sum":
        axis = node.parameters["axis"]
        for each in sorted(a % places.ndim for a in (axis if isinstance(axis, tuple) else (axis,))):
            result = np.expand_dims(result, each)
        return np.broadcast_to(result, places.shape).reshape(-1)
    return np.broadcast_to(result, places.shape).reshape(-1)  # sum_to: what broadcasting repeated


def _plain(item: Any) -> Any:
    """An element of an array as SCIP takes it."""
    return item if _is_expression(item) else float(item)


def _is_expression(item: Any) -> bool:
    return not isinstance(item, (int, float, bool, np.number, np.bool_))


def _is_variable(item: Any) -> bool:
    from pyscipopt import Variable

    return isinstance(item, Variable)


def _place(node: Any) -> str:
    return str(node.place) or "a cell"


# ---- operations --------------------------------------------------------------------------------

_REARRANGING = frozenset({"take", "reshape", "transpose", "concatenate", "broadcast_to", "reverse", "put"})
_SUMS = frozenset({"sum", "sum_to", "scatter_add", "cumulative_sum", "vecdot", "matmul"})

Rule = Callable[..., Any]


def _of_function(name: str) -> Rule:
    """A function of one number that SCIP knows by the same name."""

    def rule(program: _Program, x: Any) -> Any:
        import pyscipopt

        if not _is_expression(x):
            return float(getattr(np, name)(x))
        return getattr(pyscipopt, name)(program.variable(x))

    return rule


_exp, _log, _sqrt, _sin, _cos = (_of_function(name) for name in ("exp", "log", "sqrt", "sin", "cos"))


def _power(program: _Program, x: Any, y: Any) -> Any:
    if _is_expression(y):
        if _is_expression(x):
            return _exp(program, program.product(y, _log(program, x)))
        return _exp(program, y * math.log(x)) if x > 0 else _refuse()
    return program.variable(x) ** y if _is_expression(x) else float(x) ** float(y)


def _refuse() -> Any:
    raise NotExpressible


def _divided(program: _Program, x: Any, y: Any) -> Any:
    return program.variable(x) / program.variable(y) if _is_expression(y) else x / y


def _absolute(program: _Program, x: Any) -> Any:
    return abs(program.variable(x)) if _is_expression(x) else abs(x)


def _larger(program: _Program, x: Any, y: Any) -> Any:
    return 0.5 * (x + y + _absolute(program, x - y))


def _smaller(program: _Program, x: Any, y: Any) -> Any:
    return 0.5 * (x + y - _absolute(program, x - y))


def _at_most(program: _Program, x: Any, y: Any) -> Any:
    """Whether x <= y (or <: at the border SCIP may take either, so that its bound holds for both)."""
    gap = x - y
    return program.decided(gap) if _is_expression(gap) else float(gap <= 0)


def _is_true(program: _Program, x: Any, y: Any) -> Any:
    """x <> 0 of what is a truth already."""
    if not _is_expression(x) and not _is_expression(y):
        return float(x != y)
    return x if id(x) in program.truths and not _is_expression(y) and y == 0 else _refuse()


def _chosen(program: _Program, condition: Any, x: Any, y: Any) -> Any:
    if not _is_expression(condition):
        return x if condition else y
    return y + program.product(condition, x - y)


def _tanh(program: _Program, x: Any) -> Any:
    return 1.0 - _divided(program, 2.0, _exp(program, 2.0 * x) + 1.0)


_ELEMENTWISE: dict[str, Rule] = {
    "add": lambda program, x, y: x + y,
    "subtract": lambda program, x, y: x - y,
    "negative": lambda program, x: -x,
    "multiply": lambda program, x, y: program.product(x, y),
    "divide": _divided,
    "square": lambda program, x: program.product(x, x),
    "power": _power,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tan": lambda program, x: _divided(program, _sin(program, x), _cos(program, x)),
    "absolute": _absolute,
    "maximum": _larger,
    "minimum": _smaller,
    "as_float": lambda program, x: x,
    "less": _at_most,
    "less_equal": _at_most,
    "greater": lambda program, x, y: _at_most(program, y, x),
    "greater_equal": lambda program, x, y: _at_most(program, y, x),
    "not_equal": _is_true,
    "logical_and": lambda program, x, y: program.truth(program.product(x, y)),
    "logical_or": lambda program, x, y: program.truth(1.0 - program.product(1.0 - x, 1.0 - y)),
    "logical_not": lambda program, x: program.truth(1.0 - x),
    "where": _chosen,
    "log10": lambda program, x: _log(program, x) * (1.0 / math.log(10.0)),
    "log1p": lambda program, x: _log(program, x + 1.0),
    "expm1": lambda program, x: _exp(program, x) - 1.0,
    "tanh": _tanh,
    "sinh": lambda program, x: 0.5 * (_exp(program, x) - _exp(program, -x)),
    "cosh": lambda program, x: 0.5 * (_exp(program, x) + _exp(program, -x)),
}
_EXTREMES: dict[str, Rule] = {"argmax": _larger, "argmin": _smaller}
_NOWHERE = np.zeros(0)  # a position: only what is picked there has an expression
