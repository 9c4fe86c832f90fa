"""Constraints that cannot hold together: the fewest found, so that leaving out any one of them would help.

A deletion filter (Chinneck, Dravnieks, "Locating minimal infeasible constraint sets in linear programs",
1991) makes a set of rows and bounds irreducible, in several orders, and the smallest set is kept. Among
many, HiGHS finds the set to begin with.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from sheetml.solve.linear import highs
from sheetml.solve.linear.highs import Bounds, Ending
from sheetml.solve.linear.program import Program

FEW = 80  # rows and bounds, among which the fewest are looked for; among more, those that HiGHS names first
ORDERS = 10  # in which the filter is run
SECONDS = 5.0  # for all of them
SHOWN = 12  # constraints named in a sentence


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows, lower and upper bounds (positions) that contradict each other, with or without whole numbers."""

    rows: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    whole: bool = False  # they contradict each other only because cells must be whole
    irreducible: bool = True

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.lower) + len(self.upper)

    def words(self, program: Program) -> list[str]:
        """Each constraint, as it would be read out."""
        said = [program.words[row] for row in self.rows if row < len(program.words)]
        said += [f"{program.addresses[i]} >= {program.lower[i]:g}" for i in self.lower]
        return said + [f"{program.addresses[i]} <= {program.upper[i]:g}" for i in self.upper]


def words(program: Program) -> str:
    """The sentence about a program that no point meets."""
    found = conflict(program)
    if found is None:
        return "no point meets all constraints"
    said = found.words(program)
    listed = "; ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")
    if found.whole:
        return f"no whole numbers meet all constraints: {listed}" if listed else "no whole numbers meet all constraints"
    if len(said) == 1:
        return f"no point meets all constraints: {listed} cannot hold"
    return f"no point meets all constraints: these {len(said)} cannot hold together: {listed}"


def conflict(program: Program) -> Conflict | None:
    """The smallest irreducible set found of an infeasible program; None if it is feasible."""
    began = time.perf_counter()
    plain = replace(program, cost=np.zeros(program.unknowns), hessian=None, whole=np.zeros(program.unknowns, bool))
    whole = bool(program.whole.any()) and not _infeasible(plain)
    if whole:
        plain = replace(plain, whole=program.whole)
    items = _all_items(plain)
    if len(items) > FEW and not whole:
        items = _involved(plain)
    if not _infeasible(_only(plain, items)):
        items = _all_items(plain)
        if not _infeasible(_only(plain, items)):
            return None
    best: list[tuple[str, int]] | None = None
    random = np.random.default_rng(0)
    for order in range(ORDERS):
        # bounds are tried first: they stay only where they are needed
        tried = sorted(items, key=lambda item: item[0] == "row") if order == 0 else _shuffled(items, random)
        kept, complete = _filtered(plain, items, tried, began)
        if best is None or len(kept) < len(best):
            best = kept
        if not complete or time.perf_counter() - began > SECONDS:
            return _as_conflict(best, whole, complete)
    assert best is not None
    return _as_conflict(best, whole, True)


def _as_conflict(items: list[tuple[str, int]], whole: bool, irreducible: bool) -> Conflict:
    parts = [tuple(sorted(i for kind, i in items if kind == wanted)) for wanted in ("row", "lower", "upper")]
    return Conflict(parts[0], parts[1], parts[2], whole, irreducible)


def _shuffled(items: list[tuple[str, int]], random: np.random.Generator) -> list[tuple[str, int]]:
    shuffled = [items[i] for i in random.permutation(len(items))]
    return sorted(shuffled, key=lambda item: item[0] == "row")


def _filtered(
    program: Program, items: list[tuple[str, int]], order: list[tuple[str, int]], began: float
) -> tuple[list[tuple[str, int]], bool]:
    """Leaves out each item without which the others still contradict each other; whether all were tried."""
    kept = list(items)
    for item in order:
        if time.perf_counter() - began > SECONDS:
            return kept, False
        fewer = [each for each in kept if each != item]
        if _infeasible(_only(program, fewer)):
            kept = fewer
    return kept, True


def _infeasible(program: Program) -> bool:
    if not program.matrix.shape[0] and (program.lower <= program.upper).all():
        return False
    return highs.run(program, bounds=Bounds(seconds=SECONDS)).ending is Ending.INFEASIBLE


def _only(program: Program, items: list[tuple[str, int]]) -> Program:
    """The program with these rows and bounds alone."""
    rows = np.array(sorted(i for kind, i in items if kind == "row"), np.intp)
    lower, upper = np.full(program.unknowns, -math.inf), np.full(program.unknowns, math.inf)
    for kind, i in items:
        if kind == "lower":
            lower[i] = program.lower[i]
        elif kind == "upper":
            upper[i] = program.upper[i]
    return replace(
        program,
        matrix=program.matrix[rows],
        row_lower=program.row_lower[rows],
        row_upper=program.row_upper[rows],
        lower=lower,
        upper=upper,
    )


def _all_items(program: Program) -> list[tuple[str, int]]:
    rows = [("row", i) for i in range(program.matrix.shape[0])]
    lower = [("lower", i) for i in np.nonzero(np.isfinite(program.lower))[0].tolist()]
    return rows + lower + [("upper", i) for i in np.nonzero(np.isfinite(program.upper))[0].tolist()]


def _involved(program: Program) -> list[tuple[str, int]]:
    """Rows and bounds among which HiGHS sees the contradiction; all of them where it does not say."""
    solver = highs.loaded(program)
    solver.run()
    _, iis = solver.getIis()
    rows = [("row", int(i)) for i in iis.row_index_]
    columns = [int(i) for i in iis.col_index_]
    lower = [("lower", i) for i in columns if math.isfinite(program.lower[i])]
    upper = [("upper", i) for i in columns if math.isfinite(program.upper[i])]
    return rows + lower + upper or _all_items(program)
