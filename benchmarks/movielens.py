"""sheetml against NumPy written by hand, on the model of the lesson's sheet `movielens_emb`.

    python -m benchmarks.movielens [workbook]

In one run, as ratios: the objective and its gradient with respect to all embeddings (aim 1.5, at most
3), and the whole process of `sheetml run`. How the time grows with the rows: benchmarks/scaling.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sheetml

WORKBOOK = Path(__file__).parent.parent / "workbooks" / "collab_filter.xlsx"


def seconds(call: Callable[[], object], repeats: int = 7, budget: float = 0.3) -> float:
    """The best mean time of a call over a few rounds."""
    call()
    start = time.perf_counter()
    call()
    rounds = max(1, int(budget / max(time.perf_counter() - start, 1e-7)))
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(rounds):
            call()
        best = min(best, (time.perf_counter() - start) / rounds)
    return best


class ByHand:
    """The root of the mean squared error of dot products, and its gradient, as one would write them."""

    def __init__(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray, count: int, factors: int) -> None:
        self.users, self.items, self.ratings = users, items, ratings
        self.count, self.factors = count, factors

    def __call__(self, x: np.ndarray) -> float:
        tables = x.reshape(2, self.count, self.factors)
        error = np.einsum("ij,ij->i", tables[0][self.users], tables[1][self.items]) - self.ratings
        return float(np.sqrt(error @ error / len(error)))

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        tables = x.reshape(2, self.count, self.factors)
        user, item = tables[0][self.users], tables[1][self.items]
        error = np.einsum("ij,ij->i", user, item) - self.ratings
        root = float(np.sqrt(error @ error / len(error)))
        scale = (error / (len(error) * root))[:, None]
        slope = np.zeros_like(tables)
        np.add.at(slope[0], self.users, scale * item)
        np.add.at(slope[1], self.items, scale * user)
        return root, slope.reshape(-1)


def against_numpy(path: Path) -> None:
    workbook = sheetml.open(path)
    model = next(model for model in workbook.solver_models if model.sheet == "movielens_emb")
    f = workbook.function(model.adjustable, model.objective)
    sheet = workbook["movielens_emb"]
    rows = last_row(sheet)
    users, items, ratings = (np.array(sheet[f"{column}3:{column}{rows}"][:, 0], float) for column in ("L", "R", "K"))
    hand = ByHand(users.astype(int) - 1, items.astype(int) - 1, ratings, 15, f.x0.size // 30)
    x = f.x0
    value, slope = f.value_and_gradient(x)
    by_hand, slope_by_hand = hand.value_and_gradient(x)
    assert abs(value - by_hand) < 1e-9 and np.allclose(slope, slope_by_hand, rtol=1e-7, atol=1e-10)
    objective, objective_by_hand = seconds(lambda: f(x)), seconds(lambda: hand(x))
    both, both_by_hand = seconds(lambda: f.value_and_gradient(x)), seconds(lambda: hand.value_and_gradient(x))
    show("objective", objective, objective_by_hand)
    show("objective and gradient", both, both_by_hand)


def last_row(sheet: sheetml.Worksheet) -> int:
    row = 3
    while isinstance(sheet[f"K{row + 1}"], float):
        row += 1
    return row


def show(what: str, ours: float, by_hand: float) -> None:
    print(f"{what:<26}{ours * 1e3:>10.4f} ms {by_hand * 1e3:>10.4f} ms by hand   ratio {ours / by_hand:.2f}")


def whole_process(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = ["run", str(path), "-o", f"{folder}/solved.xlsx", "-q", "--overwrite"]
        command = [sys.executable, "-m", "sheetml", *run]
        times = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
    print(f"{'sheetml run, whole process':<26}{min(times):>10.2f} s")


if __name__ == "__main__":
    book_path = Path(sys.argv[1]) if len(sys.argv) > 1 else WORKBOOK
    against_numpy(book_path)
    whole_process(book_path)
