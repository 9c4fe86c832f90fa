"""What a formula costs, workbook by workbook: how slow is the slowest, how fast the one in the middle?

    python -m benchmarks.cliff [folder or workbook ...] [--slowest 25] [--limit 60] [--json result.json]

Every workbook is opened and calculated from scratch in a process of its own, which is ended at the limit (CPU
seconds). Times are of the CPU, the least of several where they are short; what the imports cost, and opening, is not
among them. The table lists the workbooks whose formulas cost most; then come the median over all workbooks, and
the fixed cost of a small one: the least squares line of the time by formulas, among those of up to 200 of them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sheetml
from sheetml.errors import SheetmlError
from tests.reference import PROJECT, reference_root

SHORT = 0.2  # seconds: what takes less is measured several times
TIMES = 4
SMALL = 200  # formulas
IMPORTED_WHEN_USED = ("scipy.sparse.csgraph", "scipy.special", "scipy.optimize", "numba", "oletools.olevba")


class Cost(NamedTuple):
    """What a workbook costs: seconds of opening and of calculating it from scratch."""

    path: str
    formulas: int
    blocks: int
    opening: float
    calculating: float
    problem: str = ""

    @property
    def microseconds(self) -> float:
        """Of calculation, a formula."""
        return 1e6 * self.calculating / max(self.formulas, 1)


def measured(path: Path) -> Cost:
    """The workbook's cost, measured in this process."""
    costs = [_once(path), _once(path)]  # the first imports what is imported when it is used
    while costs[1].calculating < SHORT and len(costs) < TIMES:
        costs.append(_once(path))
    return min(costs, key=lambda cost: cost.calculating)


def _once(path: Path) -> Cost:
    start = time.thread_time()  # that of a process is coarse where the process has a limit
    try:
        workbook = sheetml.open(path)
        opened = time.thread_time()
        workbook.calculate()
    except SheetmlError as error:
        return Cost(str(path), 0, 0, 0.0, 0.0, str(error))
    ended = time.thread_time()
    blocks = workbook.calculation.formulas.blocks
    return Cost(str(path), sum(len(block.rows) for block in blocks), len(blocks), opened - start, ended - opened)


def _measure(path: Path, limit: int, results: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    results.send(measured(path))


def bounded(path: Path, limit: int) -> Cost:
    """The same in a process of its own, which is ended after `limit` CPU seconds."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_measure, args=(path, limit, sending))
    process.start()
    sending.close()
    try:
        cost: Cost = receiving.recv()
    except EOFError:
        cost = Cost(str(path), 0, 0, 0.0, float(limit), f"ended after {limit} s")
    process.join()
    return cost


def workbooks(places: Iterable[Path]) -> list[Path]:
    """The workbooks in the folders, and those that are named themselves."""
    found: list[Path] = []
    for place in places:
        found += [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.suffix in (".xlsx", ".xlsm"))
    return found


def fixed_cost(costs: list[Cost]) -> tuple[float, float]:
    """Seconds that a small workbook costs whatever is in it, and seconds a formula."""
    small = [cost for cost in costs if cost.formulas <= SMALL]
    if not small:
        return float("nan"), float("nan")
    formulas = np.array([[1.0, cost.formulas] for cost in small])
    fixed, each = np.linalg.lstsq(formulas, np.array([cost.calculating for cost in small]), rcond=None)[0]
    return float(fixed), float(each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="*", type=Path, default=[reference_root()])
    parser.add_argument("--slowest", type=int, default=25)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measured(PROJECT / "workbooks" / "collab_filter.xlsx")
    for module in IMPORTED_WHEN_USED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    costs = [bounded(path, options.limit) for path in workbooks(options.places)]
    if options.json:
        options.json.write_text(json.dumps([cost._asdict() for cost in costs], indent=1))
    report([cost for cost in costs if cost.formulas or cost.problem.startswith("ended")], options.slowest)


def report(costs: list[Cost], slowest: int) -> None:
    """Prints the table and what the whole comes to."""
    print(f"{'µs/formula':>10} {'formulas':>9} {'blocks':>7} {'open s':>8} {'calc s':>8}  workbook")
    for cost in sorted(costs, key=lambda each: -each.microseconds)[:slowest]:
        numbers = f"{cost.microseconds:10.0f} {cost.formulas:9,} {cost.blocks:7,} {cost.opening:8.3f}"
        print(f"{numbers} {cost.calculating:8.3f}  {'/'.join(Path(cost.path).parts[-2:])} {cost.problem}")
    each = [cost.microseconds for cost in costs]
    total, formulas = sum(cost.calculating for cost in costs), sum(cost.formulas for cost in costs)
    print(f"\n{len(costs)} workbooks with {formulas:,} formulas: {total:.2f} s to calculate")
    print(f"µs a formula: {statistics.median(each):.0f} in the middle of the workbooks, {max(each):.0f} at most")
    by_formula = np.repeat(each, [cost.formulas for cost in costs])
    print(f"{np.median(by_formula):.0f} in the middle of the formulas, {1e6 * total / max(formulas, 1):.0f} on average")
    fixed, more = fixed_cost(costs)
    print(f"a small workbook: {1e3 * fixed:.1f} ms and {1e6 * more:.0f} µs a formula")


if __name__ == "__main__":
    main()
