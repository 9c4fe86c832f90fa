"""An objective as a sum of tables: of cells each of which depends on one or two adjustable cells only.

A tour adds up distances, each of two neighbours; an assignment adds up costs, each of one choice. Where
the cells of a workbook have that form, every such cell is computed once for all the whole numbers that
the one or two adjustable cells may hold, and the objective is known everywhere without the workbook.
Nothing is guessed: which cells depend on which is what their formulas say, and that the objective is a
weighted sum of them follows from its trace. How a cell looks its cost up (INDEX, VLOOKUP, CHOOSE) does
not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.dependencies import pairs_of
from sheetml.errors import SheetmlError
from sheetml.solve.linear.polynomials import polynomials

MOST_ENTRIES = 20_000_000  # of all tables together
MANY = frozenset({-1})  # more than two adjustable cells


@dataclass(frozen=True, slots=True)
class Table:
    """What one or two adjustable cells add to the objective, by the numbers 1..k in them; inf where it has no value."""

    cells: tuple[int, ...]  # positions among the adjustable cells
    values: np.ndarray  # (k,) or (k, k)


@dataclass(frozen=True, slots=True)
class SumOfTables:
    """constant + the tables' entries at the adjustable cells' values."""

    constant: float
    tables: list[Table]

    def values(self, points: np.ndarray) -> np.ndarray:
        """The objective at many points of whole numbers 1..k, (p, n) to (p,)."""
        index = points.astype(np.intp) - 1
        total = np.full(len(points), self.constant)
        for table in self.tables:
            total = total + table.values[tuple(index[:, cell] for cell in table.cells)]
        return total

    def negative(self) -> SumOfTables:
        """What is to be minimised where the sum is to be maximised; entries without a value stay infinite."""
        turned = [Table(each.cells, np.where(np.isinf(each.values), each.values, -each.values)) for each in self.tables]
        return SumOfTables(-self.constant, turned)


def sum_of_tables(objective: CellFunction, count: int) -> SumOfTables | None:
    """The objective of adjustable cells that hold whole numbers 1..count; None where it has no such form."""
    try:
        frontier = _frontier(objective)
        if frontier is None:
            return None
        slots, owners = frontier
        weights = _weights(objective, slots)
        if weights is None:
            return None
        constant, factors = weights
        return _tabulated(objective, slots, owners, constant, factors, count)
    except SheetmlError:
        return None


def _frontier(objective: CellFunction) -> tuple[list[int], list[tuple[int, ...]]] | None:
    """The last cells on the way to the objective that depend on two adjustable cells at most: slots, and which two."""
    depends: dict[int, frozenset[int]] = {slot: frozenset({i}) for i, slot in enumerate(objective.input_slots.tolist())}
    read_by_many: set[int] = set()
    for stage in objective.stages():
        if stage.dynamic_reads.size:  # which cells are read depends on values
            return None
        for step in stage.steps:
            if step.circular or step.block.tree is None:
                return None
            readers, sources = pairs_of(step.context, step.block.tree)
            moving = np.isin(sources, np.fromiter(depends, np.intp, len(depends)))
            pairs = list(zip(readers[moving].tolist(), sources[moving].tolist()))
            found: dict[int, set[int]] = {slot: set() for slot in step.cells.tolist()}
            for reader, source in pairs:
                found[reader] |= depends[source]
            many = {reader for reader, owners in found.items() if len(owners) > 2 or owners >= MANY}
            read_by_many |= {source for reader, source in pairs if reader in many}
            for cell, targets in zip(step.cells.tolist(), step.targets.reshape(len(step.cells), -1).tolist()):
                owners = found[cell]
                if owners:
                    depends |= dict.fromkeys(targets, MANY if cell in many else frozenset(owners))
    output = int(objective.output_slots[0])
    if output not in depends:
        return None
    slots = [output] if depends[output] != MANY else [slot for slot in read_by_many if depends[slot] != MANY]
    return slots, [tuple(sorted(depends[slot])) for slot in slots]


def _weights(objective: CellFunction, slots: list[int]) -> tuple[float, np.ndarray] | None:
    """The objective as constant + weights @ those cells; None where it is no such sum."""
    of_cells = objective.of_slots(np.array(slots, np.intp), objective.output_slots)
    x = of_cells.x0
    free = np.full(x.size, math.inf)
    found = polynomials(of_cells, x, -free, free)
    if not found.is_linear:
        return None
    return float(found.constant[0]), np.asarray(found.matrix.toarray()[0])


def _tabulated(
    objective: CellFunction,
    slots: list[int],
    owners: list[tuple[int, ...]],
    constant: float,
    factors: np.ndarray,
    count: int,
) -> SumOfTables | None:
    """The tables, each computed by the workbook for all numbers; those of the same cells are added up."""
    if sum(count ** len(cells) for cells in set(owners)) > MOST_ENTRIES:
        return None
    cells = objective.of_slots(objective.input_slots, np.array(slots, np.intp))
    sums: dict[tuple[int, ...], np.ndarray] = {pair: np.zeros((count,) * len(pair)) for pair in dict.fromkeys(owners)}
    numbers = np.arange(1.0, count + 1)
    for pairs in _apart(list(sums)):
        size = max(len(pair) for pair in pairs)
        grid = np.stack(np.meshgrid(*[numbers] * size, indexing="ij"), axis=-1).reshape(-1, size)
        points = np.tile(np.clip(np.rint(objective.x0), 1, count), (len(grid), 1))
        for pair in pairs:
            points[:, list(pair)] = grid[:, : len(pair)]
        found = cells.batch(points).reshape(len(points), -1)
        for column, (own, factor) in enumerate(zip(owners, factors)):
            if own in pairs:
                values = found[:, column].reshape((count,) * size)
                if len(own) < size:
                    values = values[:, 0]
                sums[own] += factor * np.where(np.isfinite(values), values, math.inf)
    return SumOfTables(constant, [Table(pair, values) for pair, values in sums.items()])


def _apart(pairs: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """The pairs in few lots within each of which no cell occurs twice: a lot is tabulated at once."""
    lots: list[tuple[set[int], list[tuple[int, ...]]]] = []
    for pair in pairs:
        for taken, lot in lots:
            if not taken & set(pair):
                taken |= set(pair)
                lot.append(pair)
                break
        else:
            lots.append((set(pair), [pair]))
    return [lot for _, lot in lots]
