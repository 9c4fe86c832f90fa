"""How much every cell moves one cell: all derivatives by one pass back, those of formula cells included.

A trace as for a function of the typed numbers, in which each formula's value has something added to it that is 0: the
derivative by what is added is how much the cell moves the target through all that reads it (its adjoint).
"""

from __future__ import annotations

import numpy as np

from sheetml.engine.calculation import Calculation
from sheetml.engine.cells import TracedCells
from sheetml.engine.plan import Step
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Trace, Traced, gradient, value_of
from sheetml.engine.values import NUMBER, Value
from sheetml.errors import CalculationError, NotDifferentiableError

MOST_STEPS = 30_000  # array operations that are recorded


def influences(calculation: Calculation, target: int, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slots that a formula cell depends on, itself left out, and its derivatives by them, (n,) each.

    `upstream` is a mask of the slots that it depends on. Only cells with numbers are among those returned.
    Raises CalculationError where the cell holds no number or the way to it is too long, NotDifferentiableError
    where an operation between has no derivative.
    """
    kinds = calculation.kinds()
    if kinds[target] != NUMBER:
        raise CalculationError(f"{calculation.describe([target])} holds no number")
    typed = np.nonzero(upstream & (calculation.owner < 0) & (kinds == NUMBER))[0]
    formulas = np.nonzero(upstream & (calculation.owner >= 0) & (kinds == NUMBER))[0]
    stages = [stage for stage in calculation.plan.stages if np.isin(stage.targets, formulas).any()]
    needed = upstream.copy()
    needed[target] = True
    steps = [step for stage in stages for step in stage.steps if needed[step.targets].any()]
    if len(steps) > MOST_STEPS:
        raise CalculationError("there are too many steps between the cells for one look")
    slots = np.concatenate([typed, formulas])
    trace = Trace()
    leaf = Traced(trace, np.concatenate([calculation.numbers(typed), np.zeros(formulas.size)]))
    cells = TracedCells(calculation.cells, trace)
    if typed.size:
        cells.make_input(typed, ops.take(leaf, np.arange(typed.size)))
    added = np.full(calculation.count, -1, np.intp)
    added[formulas] = typed.size + np.arange(formulas.size)
    workspace = calculation.workspace
    with workspace.borrowed(cells, trace), np.errstate(all="ignore"):
        for step in steps:
            _run(calculation, step, cells, leaf, added)
        output = cells.gather(np.array([target])).number
        if not isinstance(output, Traced):
            return slots[:0], np.zeros(0)
        slopes = np.asarray(value_of(gradient(output, leaf, np.ones(1))), np.float64)
    if trace.undifferentiable:
        raise NotDifferentiableError(f"{trace.undifferentiable} has no derivative")
    others = slots != target
    return slots[others], slopes[others]


def _run(calculation: Calculation, step: Step, cells: TracedCells, leaf: Traced, added: np.ndarray) -> None:
    """Computes a step's cells, and adds to each its own part of the leaf."""
    targets = step.targets.reshape(-1)
    value = calculation.evaluate_step(step)
    places = added[targets]
    if (places >= 0).all():
        number = ops.add(ops.reshape(value.number, targets.shape), ops.take(leaf, places))
        kind = None if value.kind is None else value.kind.reshape(-1)
        text = None if value.text is None else value.text.reshape(-1)
        value = Value(number, kind, text)
    cells.write(targets, value)
    calculation.workspace.pending[step.targets] = False
