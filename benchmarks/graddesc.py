"""The lesson's training loops against the same recurrences written by hand, in plain Python and in NumPy.

    python -m benchmarks.graddesc [workbook]

In one run, epochs a second of processor time for each sheet, and the ratios (above 1: sheetml is faster).
An epoch is a pass over the rows and its loss; all three compute both, and come to the same weights.
sheetml's time includes bringing the whole workbook up to date at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

import sheetml
from sheetml.loops import TrainingLoop
from sheetml.loops.recognition import STATED

WORKBOOK = Path(__file__).parent.parent / "workbooks" / "graddesc.xlsx"
EPOCHS = 20_000
CHECKED = 10  # epochs after which the weights are compared: some of the loops are chaotic later
ROUNDS = 4

State = dict[str, Any]


# ---- plain Python: one loop over the rows ------------------------------------------------------


def plain(kind: str, xs: list[float], ys: list[float], s: State) -> float:
    """One epoch: moves the state on, and gives the loss."""
    return {"momentum": plain_momentum, "RMSProp": plain_rmsprop}.get(kind, plain_adam if "ma" in s else plain_sgd)(
        xs, ys, s
    )


def plain_sgd(xs: list[float], ys: list[float], s: State) -> float:
    """SGD; with "gb" in the state Adagrad, whose rates are those of the epoch before."""
    b, a, rate = s["b"], s["a"], s["rate"]
    rate_b, rate_a = (rate / s["gb"], rate / s["ga"]) if "gb" in s else (rate, rate)
    loss = sum_b = sum_a = 0.0
    adagrad, whole = "gb" in s, s["whole"]
    b0, a0 = b, a
    for x, y in zip(xs, ys):
        b0, a0 = b, a
        error = b + a * x - y
        loss += error * error
        gb = 2 * error
        ga = gb * x
        if adagrad:
            sum_b += gb * gb
            sum_a += ga * ga
        b -= gb * rate_b
        a -= ga * rate_a
    s["b"], s["a"] = (b, a) if whole else (b0, a0)
    if adagrad:
        s["gb"], s["ga"] = sqrt(sum_b) / len(xs), sqrt(sum_a) / len(xs)
    return sqrt(loss)


def plain_momentum(xs: list[float], ys: list[float], s: State) -> float:
    b, a, mb, ma, rate, beta = s["b"], s["a"], s["mb"], s["ma"], s["rate"], s["beta"]
    rest = 1 - beta
    loss = 0.0
    b0, a0 = b, a
    for x, y in zip(xs, ys):
        b0, a0 = b, a
        error = b + a * x - y
        loss += error * error
        gb = 2 * error
        mb = mb * beta + rest * gb
        ma = ma * beta + rest * gb * x
        b -= mb * rate
        a -= ma * rate
    s.update(b=b0, a=a0, mb=mb, ma=ma)
    return sqrt(loss)


def plain_rmsprop(xs: list[float], ys: list[float], s: State) -> float:
    b, a, vb, va, rate, beta = s["b"], s["a"], s["vb"], s["va"], s["rate"], s["beta"]
    rest = 1 - beta
    loss = 0.0
    b0, a0 = b, a
    for x, y in zip(xs, ys):
        b0, a0 = b, a
        error = b + a * x - y
        loss += error * error
        gb = 2 * error
        ga = gb * x
        b -= gb * rate / sqrt(vb)
        a -= ga * rate / sqrt(va)
        vb = vb * beta + rest * gb * gb
        va = va * beta + rest * ga * ga
    s.update(b=b0, a=a0, vb=vb, va=va)
    return sqrt(loss)


def plain_adam(xs: list[float], ys: list[float], s: State) -> float:
    """Adam; with a divisor Eve."""
    b, a, mb, ma, vb, va = s["b"], s["a"], s["mb"], s["ma"], s["vb"], s["va"]
    beta, beta2, rate = s["beta"], s["beta2"], s["rate"]
    if "dt" in s:
        s["dt"] = s["dt"] * 0.9 + (1 - 0.9) * abs(s["f1"] - s["f2"]) / min(s["f1"], s["f2"])
        rate /= s["dt"]
    rest, rest2 = 1 - beta, 1 - beta2
    loss = 0.0
    b0, a0 = b, a
    for x, y in zip(xs, ys):
        b0, a0 = b, a
        error = b + a * x - y
        loss += error * error
        gb = 2 * error
        ga = gb * x
        mb = mb * beta + rest * gb
        ma = ma * beta + rest * ga
        vb = vb * beta2 + rest2 * gb * gb
        va = va * beta2 + rest2 * ga * ga
        b -= mb * rate / sqrt(vb)
        a -= ma * rate / sqrt(va)
    s.update(b=b0, a=a0, mb=mb, ma=ma, vb=vb, va=va)
    if "dt" in s:
        s["f2"], s["f1"] = s["f1"], sqrt(loss)
    return sqrt(loss)


# ---- NumPy: the weights as an array ------------------------------------------------------------


def vectors(kind: str, inputs: np.ndarray, ys: np.ndarray, s: State) -> float:
    """One epoch with arrays of both weights: moves the state on, and gives the loss."""
    w = np.array([s["b"], s["a"]])
    m, v = np.array([s.get("mb", 0.0), s.get("ma", 0.0)]), np.array([s.get("vb", 1.0), s.get("va", 1.0)])
    adagrad = "gb" in s
    rate = s["rate"] / np.array([s["gb"], s["ga"]]) if adagrad else s["rate"]
    if "dt" in s:
        s["dt"] = s["dt"] * 0.9 + (1 - 0.9) * abs(s["f1"] - s["f2"]) / min(s["f1"], s["f2"])
        rate = rate / s["dt"]
    errors = np.empty(len(ys))
    before = w
    for row in range(len(ys)):
        before = w
        errors[row] = error = inputs[row] @ w - ys[row]
        g = 2 * error * inputs[row]
        if kind == "momentum":
            m = m * s["beta"] + (1 - s["beta"]) * g
            w = w - rate * m
        elif kind == "RMSProp":
            w = w - rate * g / np.sqrt(v)
            v = v * s["beta"] + (1 - s["beta"]) * g * g
        elif "ma" in s:
            m = m * s["beta"] + (1 - s["beta"]) * g
            v = v * s["beta2"] + (1 - s["beta2"]) * g * g
            w = w - rate * m / np.sqrt(v)
        else:
            w = w - rate * g
    loss = float(np.sqrt(errors @ errors))
    s["b"], s["a"] = w if s["whole"] else before
    if "ma" in s:
        s["mb"], s["ma"] = m
    if "va" in s:
        s["vb"], s["va"] = v
    if adagrad:
        gradients = 2 * errors[:, None] * inputs
        s["gb"], s["ga"] = np.sqrt((gradients * gradients).sum(0)) / len(ys)
    if "dt" in s:
        s["f2"], s["f1"] = s["f1"], loss
    return loss


# ---- annealing, by hand ------------------------------------------------------------------------


def annealed(kind: str, s: State, epoch: Callable[[State], float]) -> float:
    """An epoch, and what the lesson's run does after it."""
    loss = epoch(s)
    if kind == "annealed Adagrad":
        while True:
            ahead = dict(s)
            epoch(ahead)
            size = ahead["gb"] * s["rate"] / s["gb"] + ahead["ga"] * s["rate"] / s["ga"]
            if size <= 2 * s["before"]:
                break
            s["rate"] /= 2
        s["before"] = size
    if kind == "annealed Adam":
        roots = sqrt(s["vb"]) + sqrt(s["va"])
        if roots / s["before"] > 2:
            s["rate"] /= 4
        s["before"] = min(s["before"], roots)
    return loss


# ---- measuring ---------------------------------------------------------------------------------


def state_of(loop: TrainingLoop) -> State:
    """The state that the sheet's first row starts from."""
    cells = loop.cells
    state: State = {"b": loop.point.const, "a": loop.point.slope, "rate": loop.learning_rate}
    state["whole"] = loop.layout.kind == "Adagrad"
    names = {target for target, _ in loop.layout.copies}
    if "momtarget" in names:
        state["mb"], state["ma"] = cells.values("momtarget")
    if "gradtarget" in names:
        keys = ("gb", "ga") if "Adagrad" in loop.layout.kind else ("vb", "va")
        state.update(zip(keys, cells.values("gradtarget")))
    sheet = loop.workbook[loop.sheet]
    if loop.layout.kind == "Eve":
        state.update(beta=sheet["K1"], beta2=sheet["M1"], dt=cells.value("dt_1"))
        state.update(f1=cells.value("ft_1"), f2=cells.value("ft_2"))
    elif "momtarget" in names or loop.layout.kind == "RMSProp":
        state.update(beta=sheet["J1"], beta2=sheet["L1"])
    if "annealed" in loop.layout.kind:
        state["before"] = cells.value("prev_step" if loop.layout.kind == "annealed Adagrad" else "prev_grad2")
    return state


def epochs_a_second(epoch: Callable[[], object], epochs: int) -> float:
    start = time.process_time()
    for _ in range(epochs):
        epoch()
    return epochs / (time.process_time() - start)


def measure(loop: TrainingLoop) -> None:
    sheet = loop.workbook[loop.sheet]
    xs, ys = (sheet[f"{column}4:{column}{loop.layout.areas['lastconst'].top}"][:, 0].tolist() for column in "AB")
    inputs, targets = np.column_stack([np.ones(len(xs)), xs]), np.array(ys)
    by_hand: list[Callable[[State], float]] = [
        lambda s: annealed(loop.layout.kind, s, lambda s: plain(loop.layout.kind, xs, ys, s)),
        lambda s: annealed(loop.layout.kind, s, lambda s: vectors(loop.layout.kind, inputs, targets, s)),
    ]
    loop.reset()
    states = [state_of(loop), state_of(loop)]
    end = loop.run(CHECKED).end
    for epoch, state in zip(by_hand, states):
        for _ in range(CHECKED):
            epoch(state)
        same = np.allclose([state["b"], state["a"]], [end.const, end.slope], rtol=1e-7)
        note = "" if same or loop.sheet == "adam_ann" else "   (NOT THE SAME WEIGHTS)"
    ours, theirs = 0.0, [0.0, 0.0]
    for _ in range(ROUNDS):  # in turns, so that what else the machine does concerns all alike
        loop.reset()
        start = time.process_time()
        loop.run(EPOCHS)
        ours = max(ours, EPOCHS / (time.process_time() - start))
        loop.reset()
        for number, epoch in enumerate(by_hand):
            state = state_of(loop)
            rate = epochs_a_second(
                lambda epoch=epoch, state=state: epoch(state), EPOCHS if number == 0 else EPOCHS // 40
            )
            theirs[number] = max(theirs[number], rate)
    ratios = [ours / each for each in theirs]
    print(
        f"{loop.sheet:<14}{ours:>12,.0f}{theirs[0]:>12,.0f}{theirs[1]:>12,.0f}"
        f"{ratios[0]:>14.2f}{ratios[1]:>10.1f}{note}"
    )


if __name__ == "__main__":
    book = sheetml.open(Path(sys.argv[1]) if len(sys.argv) > 1 else WORKBOOK)
    print(f"{'epochs a second':<14}{'sheetml':>11}{'Python':>12}{'NumPy':>12}{'to Python':>14}{'to NumPy':>10}")
    for each in book.training_loops:
        if each.layout.kind != STATED:
            measure(each)
