"""Cells in JAX, on whatever device it finds: a million scenarios, and a thousand starts of a small ReLU net.

    JAX_ENABLE_X64=1 python -m benchmarks.jax [scenarios] [starts]

Wall-clock seconds, compiled beforehand; how long compiling took is said beside.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_ENABLE_X64", "1")

import jax
import jax.numpy as jnp
import numpy as np
from openpyxl.utils import get_column_letter

import sheetml
from benchmarks.whatif import MODELS, Cells, saved

SCENARIOS, STARTS = 1_000_000, 1_000
ROWS, HIDDEN, STEPS, RATE = 60, 8, 200, 0.01


def net() -> tuple[Cells, list[str], str]:
    """A net of one hidden layer, MAX(0, ...), fitted to sin(a)*b: cells, the areas of its parameters, its error."""
    random = np.random.default_rng(0)
    cells: Cells = {}
    for unit in range(HIDDEN):
        c = get_column_letter(1 + unit)
        cells |= {f"{c}{row}": round(random.normal(), 3) for row in range(1, 5)}  # two weights, a bias, a weight out
    cells["A5"] = 0.0
    for row in range(10, 10 + ROWS):
        a, b = random.uniform(-2, 2, 2).round(3).tolist()
        hidden = "+".join(
            f"{c}$4*MAX(0,{c}$1*$L{row}+{c}$2*$M{row}+{c}$3)" for c in map(get_column_letter, range(1, 1 + HIDDEN))
        )
        cells |= {f"L{row}": a, f"M{row}": b, f"N{row}": round(float(np.sin(a) * b), 4), f"O{row}": f"=$A$5+{hidden}"}
    cells["P1"] = f"=SUMXMY2(N10:N{9 + ROWS},O10:O{9 + ROWS})/{ROWS}"
    return cells, [f"A1:{get_column_letter(HIDDEN)}4", "A5"], "P1"


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = jax.block_until_ready(action())
    return time.perf_counter() - started, result


def opened(cells: Cells) -> sheetml.Workbook:
    with tempfile.TemporaryDirectory() as folder:
        return sheetml.open(saved(cells, Path(folder) / "book.xlsx"))


def measure_scenarios(count: int) -> None:
    cells, inputs, output, spread = MODELS["business plan"]()
    f = opened(cells).function(inputs, output)
    points = f.x0 * (1 + spread * np.random.default_rng(1).standard_normal((count, f.x0.size)))
    run, given = jax.jit(jax.vmap(f.jax())), jnp.asarray(points)
    compiling, _ = seconds(lambda: run(given))
    taken, (values, holds) = seconds(lambda: run(given))
    print(f"{count:,} scenarios of the business plan: {taken:.2f} s (with compiling {compiling:.1f} s)")
    sample = slice(0, 1000)
    off = np.abs(np.asarray(values)[sample] / f.batch(points[sample]) - 1)[np.asarray(holds)[sample]].max()
    print(f"  {float(holds.mean()):.1%} of them hold; the first thousand differ from the cells by {off:.0e}")


def measure_starts(count: int) -> None:
    cells, inputs, output = net()
    g = opened(cells).function(inputs, output).jax()
    slope = jax.vmap(jax.grad(g, has_aux=True))

    def trained(x: Any) -> Any:
        """Adam from each start."""

        def step(state: Any, number: Any) -> Any:
            x, mean, square = state
            gradient, _ = slope(x)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            shift = mean / (1 - 0.9**number) / (jnp.sqrt(square / (1 - 0.999**number)) + 1e-8)
            return (x - RATE * shift, mean, square), None

        start = (x, jnp.zeros_like(x), jnp.zeros_like(x))
        return jax.lax.scan(step, start, jnp.arange(1.0, STEPS + 1))[0][0]

    run, starts = jax.jit(trained), jnp.asarray(np.random.default_rng(2).normal(size=(count, 4 * HIDDEN + 1)))
    compiling, _ = seconds(lambda: run(starts))
    taken, ends = seconds(lambda: run(starts))
    errors = np.asarray(jax.vmap(g)(ends)[0])
    print(f"{count:,} starts of the net, {STEPS} steps of Adam each: {taken:.2f} s (with compiling {compiling:.1f} s)")
    print(f"  mean squared errors from {errors.min():.4f} to {errors.max():.4f}, median {np.median(errors):.4f}")


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:]]
    print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind} ({jax.default_backend()})")
    measure_scenarios(counts[0] if counts else SCENARIOS)
    measure_starts(counts[1] if len(counts) > 1 else STARTS)
