"""The values of data tables: what formulas come to with other values in one or two input cells.

A table is computed as if the workbook stood there once for each value tried, with that value in the input cell
(population.py), and none of it is seen by any other cell. While derivatives are traced, the values are tried one
after another in the same trace: the table's cells are then functions of all that their formulas depend on, and of
the values tried.
"""

from __future__ import annotations

import numpy as np

from sheetml.engine.cells import TracedCells
from sheetml.engine.data_tables import Trial, trial
from sheetml.engine.formulas import Block
from sheetml.engine.population import Calculated, NotTogether, Population
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Trace
from sheetml.engine.values import ERROR, REF, UNCOMPUTABLE, Value, error_value, rearranged, without_blanks
from sheetml.errors import CalculationError

MOST_TRACED = 10_000  # values that are tried one after another
_UNKNOWN = ERROR + UNCOMPUTABLE


def tabulated(calculation: Calculated, block: Block) -> tuple[Value, str]:
    """The values of a table's cells, (1, height, width), and why some of them could not be computed."""
    tried, table = trial(block, calculation.slots), block.table
    assert table is not None
    if any(cell is not None and cell.deleted for cell in (table.row_input, table.column_input)):
        return error_value(REF, (1, *tried.order.shape)), ""
    if len(set(tried.inputs.tolist())) < tried.inputs.size:
        raise CalculationError("the data table puts two values into one cell")
    workspace, found = calculation.workspace, None
    if workspace.trace is None:
        try:
            found = _together(calculation, tried)
        except NotTogether:
            found = None  # one at a time, then
    why = ""
    if found is None:
        found, why = _one_by_one(calculation, tried)
    return without_blanks(rearranged(found, tried.order[None])), why


def _together(calculation: Calculated, tried: Trial) -> Value:
    workspace = calculation.workspace
    population = Population(calculation, tried.inputs, tried.formulas, volatile=True)
    found = population.results(workspace.cells.gather(tried.values))
    if found.kind is not None and (found.kind == _UNKNOWN).any():
        raise NotTogether  # so that it is found out why
    return found


def _one_by_one(calculation: Calculated, tried: Trial) -> tuple[Value, str]:
    """The formulas' values, (p, m), computed one after another on cells beside the calculation's own."""
    if len(tried.values) > MOST_TRACED:
        raise CalculationError(f"the data table tries more than {MOST_TRACED:,} values one after another")
    workspace = calculation.workspace
    steps = [step for stage in calculation.stages_between(tried.inputs, tried.formulas, True) for step in stage.steps]
    trace = workspace.trace or Trace()
    found, why = [], ""
    for values in tried.values:
        cells = TracedCells.beside(workspace.cells, trace, tried.inputs, workspace.cells.gather(values))
        pending, reads = workspace.pending, workspace.dynamic_reads
        with workspace.borrowed(cells, trace):
            workspace.pending |= pending
            for step in steps:
                cells.write(step.targets.reshape(-1), calculation.evaluate_step(step))
            result = cells.gather(tried.formulas)
            unknown = tried.formulas[result.kinds == _UNKNOWN].tolist()
            reads += workspace.dynamic_reads
        if unknown and not why:
            reasons = (trace.problems[slot] for slot in (*unknown, *trace.problems) if slot in trace.problems)
            why = next(reasons, "a cell it depends on has no value")
        found.append(result)
    number = ops.concatenate([ops.reshape(result.number, (1, tried.formulas.size)) for result in found], axis=0)
    kinds, texts = (np.stack([getattr(result, name) for result in found]) for name in ("kinds", "texts"))
    return Value(number, kinds if kinds.any() else None, texts), why
