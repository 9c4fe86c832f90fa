"""How long the page takes from a keystroke to the repainted cells, in a Chromium without a screen.

    python -m benchmarks.serve [--rows 100000]

For the lesson's collaborative filtering, where an edit of a rating moves 3 cells in view and the loss, and of a factor
15; and for a sheet of so many rows that each hold a number and a formula, with a sum of all: the number above all
formulas is typed, so that every row changes. The time runs from the key Enter to the frame after the changed cells
were put into the page; beside it what of it the engine takes, both in wall time: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import openpyxl

import sheetml
from sheetml.serve.server import Server
from sheetml.serve.session import Session

BOOK = Path(__file__).parent.parent / "workbooks" / "collab_filter.xlsx"
TIMES = 15
PAINTED = """() => new Promise((resolve) => {
  sheetml.painted = () => requestAnimationFrame(() => setTimeout(() => {
    sheetml.painted = null;
    resolve(performance.now() - sheetml.started);
  }));
})"""


def many_rows(folder: Path, rows: int) -> Path:
    """A workbook of numbers, formulas of them and of one cell, and a sum."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    sheet.append([1.0, f"=SUM(B2:B{rows})"])
    for row in range(2, rows + 1):
        sheet.append([float(row), f"=A{row}*$A$1"])
    path = folder / "rows.xlsx"
    book.save(path)
    return path


def measured(chromium: Any, path: Path, cell: str) -> tuple[list[float], list[float]]:
    """Milliseconds from Enter to the repainted cells, and of the engine's own recalculation, one a keystroke."""
    server = Server(Session(sheetml.open(path)))
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,), daemon=True)
    thread.start()
    started.wait()
    page = chromium.new_page(viewport={"width": 1400, "height": 860})
    page.set_default_timeout(120_000)
    page.goto(server.address)
    page.wait_for_selector("body.ready")
    page.evaluate("() => { sheetml.panel.tools.marks.known = true; }")  # no audit beside what is measured
    painted, computed = [], []
    for number in range(TIMES):
        page.fill("#place", cell)
        page.press("#place", "Enter")
        page.wait_for_timeout(200)
        page.keyboard.type(str(number % 5 + 1.5))
        page.evaluate(f"() => {{ window.repainted = ({PAINTED})(); }}")
        page.keyboard.press("Enter")
        painted.append(page.evaluate("() => window.repainted"))
        begin = time.perf_counter()
        with server.session.lock:
            book = server.session.book
            book.worksheets[0][cell] = number % 5 + 2.0
            book.calculate()
        computed.append(1000 * (time.perf_counter() - begin))
    page.close()
    server.stop()
    thread.join()
    return painted, computed


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        books = [("collab_filter", BOOK, "H2"), (f"{rows:,} rows", many_rows(Path(folder), rows), "A1")]
        for name, path, cell in books:
            painted, computed = measured(chromium, path, cell)
            found = [f"{statistics.median(each):.0f} (at most {max(each):.0f})" for each in (painted, computed)]
            print(f"{name}: {found[0]} ms from Enter to the repainted cells; {found[1]} ms the engine", flush=True)


if __name__ == "__main__":
    main()
