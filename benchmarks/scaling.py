"""How the time grows with a workbook: the long form of the lesson's model, with more and more rating rows.

    python -m benchmarks.scaling [rows ...]

The sheet `movielens_emb` filled to 1,000, 10,000 and 100,000 rows, with its formulas (MATCH, OFFSET,
SUMPRODUCT, the root of a mean of squares). For each step the time, and in brackets the time a row
relative to that of the smallest workbook: 1 means that it grows in proportion.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl

import sheetml
from benchmarks.movielens import seconds

ROWS = (1_000, 10_000, 100_000)
EMBEDDINGS = ["emb!C4:G18", "emb!C22:G36"]


def write_long_form(path: Path, rows: int) -> None:
    """A workbook in the layout of `movielens_emb`, with made-up ratings."""
    random = np.random.default_rng(0)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("emb")
    table = {
        row: [top_row + 1, *random.random(5).tolist()]
        for top in (4, 22)
        for top_row, row in enumerate(range(top, top + 15))
    }
    for row in range(1, rows + 3):
        known = [None, *table.get(row, [None] * 6), None]
        if row < 3:
            sheet.append(known)
            continue
        user, item = (int(number) for number in random.integers(1, 16, 2))
        cells = [user, item, float(random.integers(1, 11) / 2), f"=MATCH(I{row},$B$4:$B$18)"]
        cells += [f"=OFFSET($B$3,$L{row},{column})" for column in range(1, 6)]
        cells += [f"=MATCH(J{row},$B$22:$B$36,0)"]
        cells += [f"=OFFSET($B$21,$R{row},{column})" for column in range(1, 6)]
        cells += [f"=SUMPRODUCT(M{row}:Q{row},S{row}:W{row})", f"=(K{row}-X{row})^2"]
        root = f"=SQRT(AVERAGE(Y3:Y{rows + 2}))" if row == 3 else None
        sheet.append([*known, *cells, None, root])
    book.save(path)


def steps(path: Path) -> dict[str, float]:
    """Seconds for each step of a workbook's life."""
    found: dict[str, float] = {}

    def timed(what: str, call: Callable[[], object]) -> object:
        start = time.perf_counter()
        result = call()
        found[what] = time.perf_counter() - start
        return result

    workbook = timed("open", lambda: sheetml.open(path))
    assert isinstance(workbook, sheetml.Workbook)
    timed("plan", lambda: workbook.calculation.plan)
    timed("calculate all", workbook.calculate)
    sheet = workbook["emb"]

    def change_and_calculate() -> None:
        sheet["C4"] = sheet["C4"] + 1e-3
        workbook.calculate()

    found["calculate after a change"] = seconds(change_and_calculate, 3)
    f = workbook.function(EMBEDDINGS, "emb!AA3")
    x = f.x0
    timed("trace and compile", lambda: f.value_and_gradient(x))
    found["objective"] = seconds(lambda: f(x), 3)
    found["objective and gradient"] = seconds(lambda: f.value_and_gradient(x), 3)
    timed("save", lambda: workbook.save(path.with_name("out.xlsx"), overwrite=True))
    return found


def main(sizes: tuple[int, ...]) -> None:
    measured = []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "long.xlsx"
            write_long_form(path, rows)
            measured.append(steps(path))
    print(f"{'':<26}" + "".join(f"{rows:>14,} rows   " for rows in sizes))
    for what, first in measured[0].items():
        line = f"{what:<26}"
        for rows, each in zip(sizes, measured):
            growth = each[what] / rows / (first / sizes[0])
            line += f"{each[what] * 1e3:>11.2f} ms ({growth:4.2f})"
        print(line)


if __name__ == "__main__":
    main(tuple(int(size) for size in sys.argv[1:]) or ROWS)
