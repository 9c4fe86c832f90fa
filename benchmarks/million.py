"""A million formulas that a program wrote: opening, calculating and saving, with others beside.

    python -m benchmarks.million [formulas ...]

A sheet of ratings as XlsxWriter writes it, without shared formulas and without stored values: user, item and rating,
and ten formulas a row (two MATCH, three products of INDEX, a SUM, an error and its square, an IF and a product), at
1,000, 10,000, 100,000 and 1,000,000 formulas. Each engine runs in a process of its own: seconds of CPU of all its
threads, microseconds a formula in brackets, and the most memory that the process had. What it computed is compared
with the same in NumPy. formualizer and LibreOffice take part where they are installed.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xlsxwriter

FORMULAS = (1_000, 10_000, 100_000, 1_000_000)
COLUMNS = 10  # of formulas
USERS, ITEMS, FACTORS = 400, 900, 3
LAST = "M"

Measured = dict[str, float]

ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


# ---- the workbook ------------------------------------------------------------------------------


def write_ratings(path: Path, rows: int) -> float:
    """Writes the workbook with so many rows of ratings; returns the sum of its last column, computed by NumPy."""
    random = np.random.default_rng(0)
    users, items = np.round(random.random((USERS, FACTORS)), 3), np.round(random.random((ITEMS, FACTORS)), 3)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("ratings")
    chosen = random.integers(0, USERS, rows), random.integers(0, ITEMS, rows)
    ratings = random.integers(1, 11, rows) / 2
    sheet.write_row(0, 0, ["user", "item", "rating", *(f"column {number}" for number in range(1, COLUMNS + 1))])
    for row, (user, item, rating) in enumerate(zip(*(each.tolist() for each in (*chosen, ratings))), start=1):
        sheet.write_row(row, 0, [user + 1, item + 1, rating])
        for column, formula in enumerate(formulas(row + 1), start=3):
            sheet.write_formula(row, column, formula)
    for name, table in (("users", users), ("items", items)):
        factors = book.add_worksheet(name)
        for position, line in enumerate(table.tolist()):
            factors.write_row(position, 0, [position + 1, *line])
    book.close()
    error = ratings - (users[chosen[0]] * items[chosen[1]]).sum(axis=1)
    return math.fsum(np.where(error**2 > 1, 1, error**2) * error)


def formulas(row: int) -> list[str]:
    """The formulas of a row of ratings."""
    found = [f"=MATCH(A{row},users!$A$1:$A${USERS},0)", f"=MATCH(B{row},items!$A$1:$A${ITEMS},0)"]
    for factor in "BCD":
        found.append(
            f"=INDEX(users!${factor}$1:${factor}${USERS},D{row})*INDEX(items!${factor}$1:${factor}${ITEMS},E{row})"
        )
    return [
        *found,
        f"=SUM(F{row}:H{row})",
        f"=C{row}-I{row}",
        f"=J{row}^2",
        f"=IF(K{row}>1,1,K{row})",
        f"=L{row}*J{row}",
    ]


# ---- the engines -------------------------------------------------------------------------------


def cpu(call: Callable[[], object]) -> float:
    """Seconds of CPU that a call takes, in all threads and in the processes that it starts."""

    def spent() -> float:
        own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime

    start = spent()
    call()
    return spent() - start


def with_sheetml(path: Path, rows: int) -> Measured:
    import sheetml

    found: Measured = {}
    opened: list[sheetml.Workbook] = []
    found["open"] = cpu(lambda: opened.append(sheetml.open(path)))
    (workbook,) = opened
    found["calculate"] = cpu(workbook.calculate)
    found["peak MB, open and calculate"] = peak()
    found["save"] = cpu(lambda: workbook.save(path.with_name("sheetml.xlsx")))
    found["all"] = found["open"] + found["calculate"] + found["save"]
    found["peak MB"] = peak()
    found["sum"] = math.fsum(workbook["ratings"][f"{LAST}2:{LAST}{rows + 1}"].ravel())
    saved = sheetml.open(path.with_name("sheetml.xlsx"))
    assert math.fsum(saved["ratings"][f"{LAST}2:{LAST}{rows + 1}"].ravel()) == found["sum"]
    return found


def with_formualizer(path: Path, rows: int) -> Measured:
    import formualizer

    found: Measured = {}
    opened: list[formualizer.Workbook] = []
    found["open"] = cpu(lambda: opened.append(formualizer.load_workbook(str(path))))
    (workbook,) = opened
    found["calculate"] = cpu(workbook.evaluate_all)
    found["peak MB, open and calculate"] = found["peak MB"] = peak()
    column = ord(LAST) - ord("A") + 1
    found["sum"] = math.fsum(workbook.evaluate_cell("ratings", row, column) for row in range(2, rows + 2))
    return found


def with_libreoffice(path: Path, rows: int) -> Measured:
    profile = path.parent / "profile"
    settings = profile / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(ALWAYS_RECALCULATE, encoding="utf-8")
    command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(path.parent / "libreoffice"), str(path)]
    found = {"all": cpu(lambda: subprocess.run(command, check=True, capture_output=True))}
    found["peak MB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    import sheetml

    saved = sheetml.open(path.parent / "libreoffice" / path.name)
    found["sum"] = math.fsum(saved["ratings"][f"{LAST}2:{LAST}{rows + 1}"].ravel())
    return found


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


ENGINES = {"sheetml": with_sheetml, "formualizer": with_formualizer, "LibreOffice": with_libreoffice}


def is_there(engine: str) -> bool:
    """Whether an engine is installed."""
    if engine == "LibreOffice":
        return shutil.which("soffice") is not None
    import importlib.util

    return importlib.util.find_spec(engine) is not None


# ---- the table ---------------------------------------------------------------------------------


def measured(engine: str, path: Path, rows: int) -> Measured:
    """What an engine takes for the workbook, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.million", "--engine", engine, str(path), str(rows)]
    found: Measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main(sizes: tuple[int, ...]) -> None:
    for size in sizes:
        rows = size // COLUMNS
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ratings.xlsx"
            expected = write_ratings(path, rows)
            with zipfile.ZipFile(path) as package:
                unpacked = sum(info.file_size for info in package.infolist())
            print(
                f"{size:,} formulas, {path.stat().st_size / 1e6:.1f} MB, {unpacked / 1e6:.0f} MB unpacked", flush=True
            )
            for engine in filter(is_there, ENGINES):
                found = measured(engine, path, rows)
                assert math.isclose(found.pop("sum"), expected, rel_tol=1e-9), engine
                line = f"  {engine:<12}"
                for what, number in found.items():
                    line += f"  {what}: " + (
                        f"{number:.0f}" if what.startswith("peak") else f"{number:.2f} s ({number / size * 1e6:.1f})"
                    )
                print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        print(json.dumps(ENGINES[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main(tuple(int(size) for size in sys.argv[1:]) or FORMULAS)
