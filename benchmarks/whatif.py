"""Scenarios a second: f.batch beside a loop over f(x), and beside formualizer setting cells and recalculating.

    python -m benchmarks.whatif [scenarios]

Three models of different shape: twenty years of a business plan (300 formulas, most of them filled, with IF, AND and
MAX), the lesson's embeddings (225 dot products of made-up factors), and a warehouse over a year with prices looked up
by quantity. CPU seconds of one run; the numbers of all three ways are compared at each of the scenarios they share.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from openpyxl.utils import get_column_letter

import sheetml

SCENARIOS = 200_000
ALONE = 300  # scenarios of the ways that go one by one
UNO_PYTHON = os.environ.get("UNO_PYTHON", "/usr/bin/python3")  # a Python with python3-uno, or LibreOffice's own
YEARS, WEEKS, SIDE, FACTORS = 20, 52, 15, 5

Cells = dict[str, Any]
Model = tuple[Cells, str, str, float]  # the cells, the inputs' area, the output, by how much inputs spread


def business_plan() -> Model:
    """Volume, price and cost grow for twenty years; taxes, a discount from a volume on, the net present value."""
    names = ["Price", "Volume", "Growth", "Cost", "Inflation", "Tax", "Rate", "Capex", "Fixed", "Threshold"]
    numbers = [12.0, 1000.0, 0.05, 7.0, 0.02, 0.25, 0.09, 4000.0, 1500.0, 1500.0]
    cells: Cells = {f"A{row}": name for row, name in enumerate(names, start=1)}
    cells |= {f"B{row}": number for row, number in enumerate(numbers, start=1)}
    for year in range(YEARS):
        c, before = get_column_letter(3 + year), get_column_letter(2 + year)
        first = year == 0
        cells |= {
            f"{c}12": year + 1,
            f"{c}13": "=$B$2" if first else f"={before}13*(1+$B$3)",
            f"{c}14": "=$B$1" if first else f"={before}14*(1+$B$5)",
            f"{c}15": f"={c}13*{c}14*IF({c}13>$B$10,0.97,1)",
            f"{c}16": f"={c}13*$B$4*(1+$B$5)^({c}12-1)",
            f"{c}17": f"=$B$9*(1+$B$5)^({c}12-1)",
            f"{c}18": f"={c}15-{c}16-{c}17",
            f"{c}19": f"=$B$8/{YEARS}",
            f"{c}20": f"={c}18-{c}19",
            f"{c}21": f"=MAX(0,{c}20*$B$6)",
            f"{c}22": f"={c}20-{c}21+{c}19",
            f"{c}23": "=-$B$8+C22" if first else f"={before}23+{c}22",
            f"{c}24": f"={c}22/(1+$B$7)^{c}12",
            f"{c}25": f"=IF({c}23>0,1,0)",
            f"{c}26": f"=IF(AND({c}18>0,{c}20>0),{c}18/{c}15,0)",
        }
    for row in range(13, 23):
        cells |= {f"X{row}": f"=SUM(C{row}:V{row})*{row / 10}", f"Y{row}": f"=AVERAGE(C{row}:V{row})+X{row}/{row}"}
    cells |= {"AA1": "=SUM(C24:V24)-B8", "AA2": "=20-SUM(C25:V25)", "AA3": "=AA1/B8"}
    cells |= {"AA4": "=IF(AA1>0,AA3*AA2,-AA2)+AVERAGE(C26:V26)", "AA5": "=AA1+100*AA4+SUM(X13:Y22)/1000"}
    return cells, "B1:B10", "AA5", 0.1


def embeddings() -> Model:
    """The lesson's model: ratings as dot products of factors, and the root of their mean squared error."""
    random = np.random.default_rng(0)
    cells: Cells = {}
    for row in range(SIDE):
        for factor in range(FACTORS):
            cells[f"{get_column_letter(1 + factor)}{1 + row}"] = round(random.random(), 3)
            cells[f"{get_column_letter(1 + factor)}{101 + row}"] = round(random.random(), 3)
        for column in range(SIDE):
            c = get_column_letter(10 + column)
            cells[f"{c}{1 + row}"] = f"=SUMPRODUCT($A{1 + row}:$E{1 + row},$A${101 + column}:$E${101 + column})"
            cells[f"{c}{101 + row}"] = round(5 * random.random(), 1)
    last = get_column_letter(9 + SIDE)
    cells["AA1"] = f"=SQRT(SUMXMY2(J1:{last}{SIDE},J101:{last}{100 + SIDE})/{SIDE * SIDE})"
    return cells, f"A1:E{SIDE}", "AA1", 0.3


def warehouse() -> Model:
    """A year of orders, week by week, at prices looked up by quantity, with stock, shortages and a rule to order."""
    cells: Cells = {"A1": "Reorder at", "B1": 60.0, "A2": "Order", "B2": 55.0, "A3": "Demand", "B3": 40.0}
    cells |= {"A4": "Swing", "B4": 12.0, "A5": "Holding", "B5": 0.1, "A6": "Shortage", "B6": 4.0}
    for row, (quantity, price) in enumerate([(0, 9.0), (20, 8.0), (40, 7.2), (60, 6.8), (100, 6.1)], start=1):
        cells |= {f"D{row}": quantity, f"E{row}": price}
    for week in range(WEEKS):
        row, before = 10 + week, 9 + week
        cells |= {
            f"A{row}": week + 1,
            f"B{row}": f"=MAX(0,$B$3+$B$4*SIN(A{row}*2*PI()/{WEEKS}))",
            f"C{row}": "=80" if week == 0 else f"=MAX(0,C{before}+D{before}-B{before})",
            f"D{row}": f"=IF(C{row}<$B$1,$B$2+MOD(A{row},3)*5,0)",
            f"E{row}": f"=IF(D{row}>0,VLOOKUP(D{row},$D$1:$E$5,2)*D{row},0)",
            f"F{row}": f"=$B$5*C{row}+$B$6*MAX(0,B{row}-C{row}-D{row})",
            f"G{row}": f"=INDEX($E$1:$E$5,MATCH(B{row},$D$1:$D$5))*MIN(B{row},C{row}+D{row})",
        }
    last = 9 + WEEKS
    cells["J1"] = f"=SUM(G10:G{last})-SUM(E10:E{last})-SUM(F10:F{last})"
    return cells, "B1:B6", "J1", 0.1


MODELS: dict[str, Callable[[], Model]] = {
    "business plan": business_plan,
    "embeddings": embeddings,
    "warehouse": warehouse,
}


def saved(cells: Cells, path: Path) -> Path:
    """The cells as a workbook in a file."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for address, value in cells.items():
        book.active[address] = value
    book.save(path)
    return path


def cpu_seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """How long an action takes the processor, and what it gives."""
    started = time.process_time()
    result = action()
    return time.process_time() - started, result


def recalculated_by_formualizer(path: Path, inputs: list[str], output: str, points: np.ndarray) -> np.ndarray:
    """The output at each point: inputs set one by one, and the output's cell evaluated."""
    import formualizer
    from openpyxl.utils.cell import coordinate_to_tuple

    book, sheet = formualizer.Workbook.load_path(str(path)), "Sheet"
    places, (row, column) = [coordinate_to_tuple(cell) for cell in inputs], coordinate_to_tuple(output)
    book.evaluate_all()
    found = []
    for point in points.tolist():
        for (own_row, own_column), number in zip(places, point):
            book.set_value(sheet, own_row, own_column, number)
        found.append(book.evaluate_cell(sheet, row, column))
    return np.array(found, float)


def recalculated_by_libreoffice(path: Path, area: str, output: str, points: np.ndarray) -> tuple[float, np.ndarray]:
    """CPU seconds of LibreOffice, and the output at each point; raises CalledProcessError where there is no UNO."""
    script, numbers = Path(__file__).with_name("uno_scenarios.py"), path.with_name("points.csv")
    np.savetxt(numbers, points, "%.17g", ",")
    command = [UNO_PYTHON, str(script), str(path), "Sheet", area, output, str(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = json.loads(done.stdout)
    return float(found["cpu"]), np.array(found["values"])


def measure(name: str, scenarios: int) -> None:
    cells, area, output, spread = MODELS[name]()
    with tempfile.TemporaryDirectory() as folder:
        path = saved(cells, Path(folder) / "book.xlsx")
        f = sheetml.open(path).function(area, output)
        x0 = f.x0
        points = x0 * (1 + spread * np.random.default_rng(1).standard_normal((scenarios, x0.size)))
        formulas = sum(isinstance(value, str) and value.startswith("=") for value in cells.values())
        first, _ = cpu_seconds(lambda: f(x0))
        alone, one_by_one = cpu_seconds(lambda: np.array([f(point) for point in points[:ALONE]]))
        f.batch(points[:1000])
        together, values = cpu_seconds(lambda: f.batch(points))
        some = points[: scenarios // 4]
        with_slopes, _ = cpu_seconds(lambda: f.batch_value_and_gradient(some))
        each = together / scenarios
        print(f"{name}: {formulas} formulas, {x0.size} inputs; first value after {first * 1e3:.0f} ms")
        print(f"  f.batch            {each * 1e6:10.2f} us a scenario, {1 / each:12,.0f} a second")
        print(f"  with all gradients {with_slopes / len(some) * 1e6:10.2f} us")
        print(f"  a loop over f(x)   {alone / ALONE * 1e6:10.2f} us: {alone / ALONE / each:,.0f} times as long")
        np.testing.assert_allclose(values[:ALONE], one_by_one, rtol=1e-9)
        try:
            other, found = recalculated_by_libreoffice(path, area, output, points[:ALONE])
            off, ratio = np.abs(found / values[:ALONE] - 1).max(), other / ALONE / each
            each_alone = other / ALONE * 1e6
            print(f"  LibreOffice, UNO   {each_alone:10.2f} us: {ratio:,.0f} times as long (differs by {off:.0e})")
        except (OSError, subprocess.CalledProcessError):
            print(f"  {UNO_PYTHON} has no UNO")
        if importlib.util.find_spec("formualizer") is None:
            print("  formualizer is not installed")
            return
        inputs = [address.rpartition("!")[2] for address in f.input_addresses]
        other, found = cpu_seconds(lambda: recalculated_by_formualizer(path, inputs, output, points[:ALONE]))
        off = np.abs(found / values[:ALONE] - 1).max()
        ratio = other / ALONE / each
        print(f"  formualizer        {other / ALONE * 1e6:10.2f} us: {ratio:,.0f} times as long (differs by {off:.0e})")


if __name__ == "__main__":
    for each_name in MODELS:
        measure(each_name, int(sys.argv[1]) if len(sys.argv) > 1 else SCENARIOS)
