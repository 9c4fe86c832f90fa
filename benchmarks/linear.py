"""How long a linear Solver model takes to be read off the formulas and to be solved, by its number of cells.

    python -m benchmarks.linear [--cells 100 1000 10000]

Each model has as many adjustable cells as constraints, three coefficients a constraint. "filled" is one
formula filled down, as people write it; "varied" has another formula in every cell, the worst case.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import openpyxl
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml.solve import linear
from sheetml.solve.search import Limits


def model_file(folder: Path, cells: int, varied: bool) -> Path:
    """A product mix: A is made, C is used, D there is, E is the profit."""
    random = np.random.default_rng(0)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sheet1"
    for row in range(1, cells + 1):
        sheet[f"A{row}"], sheet[f"D{row}"] = 0, float(random.integers(10, 100))
        sheet[f"E{row}"] = float(random.integers(1, 20))
        if varied:
            terms = [f"{random.integers(1, 9)}*A{random.integers(1, cells + 1)}" for _ in range(2)]
            sheet[f"C{row}"] = f"={random.integers(1, 9)}*A{row}+" + "+".join(terms)
        else:
            sheet[f"C{row}"] = f"=2*A{row}+3*A{row + 1}+A{row + 2}"
    sheet["G1"] = f"=SUMPRODUCT(E1:E{cells},A1:A{cells})"
    names = {
        "opt": "Sheet1!$G$1", "adj": f"Sheet1!$A$1:$A${cells}", "typ": "1", "neg": "1", "eng": "2", "num": "1",
        "lhs1": f"Sheet1!$C$1:$C${cells}", "rel1": "1", "rhs1": f"Sheet1!$D$1:$D${cells}",
    }  # fmt: skip
    for name, text in names.items():
        sheet.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    path = folder / f"{'varied' if varied else 'filled'}-{cells}.xlsx"
    book.save(path)
    return path


def measured(path: Path) -> tuple[float, float, int]:
    """Seconds to read the model off its formulas, to solve it, and the coefficients found."""
    book = sheetml.open(path)
    book.calculate()
    (model,) = book.solver_models
    started = time.perf_counter()
    problem = model.problem()
    reading = linear.read(problem)
    assert reading.program is not None
    read = time.perf_counter() - started
    linear.solve(reading.program, problem, Limits())
    return read, time.perf_counter() - started - read, reading.program.matrix.nnz


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 1000, 10_000])
    chosen = parser.parse_args()
    print(
        f"{'formulas':10}{'cells':>8}{'constraints':>13}{'coefficients':>14}{'read s':>9}{'solve s':>9}{'peak MB':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for varied in (False, True):
            for cells in chosen.cells:
                read, solved, found = measured(model_file(Path(folder), cells, varied))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                kind = "varied" if varied else "filled"
                print(f"{kind:10}{cells:14,}{cells:14,}{found:14,}{read:14.2f}{solved:14.2f}{peak:14,}")


if __name__ == "__main__":
    main()
