"""Training loops for `sheetml run`: running them, and showing what they did."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.cli.terminal import new_table, show_block
from sheetml.errors import SheetmlError

if TYPE_CHECKING:
    from rich.console import Console

    from sheetml.loops import History, TrainingLoop

EPOCHS = 50  # what the lesson's button "run" does, ten times
BARS = "▁▂▃▄▅▆▇█"
CURVE = 24  # characters
LOGARITHMIC = 100.0  # times that the losses have to span to be drawn by their logarithms


@dataclass(frozen=True, slots=True)
class Trained:
    """What became of one training loop: its history, or the sentence that says why there is none."""

    loop: TrainingLoop
    history: History | None = None
    rate: tuple[float | None, float | None] = (None, None)  # before and after
    seconds: float = 0.0
    problem: str = ""


def trained(loops: Sequence[TrainingLoop], epochs: int, *, reset: bool, by_rules: bool) -> Iterator[Trained]:
    """Runs the loops in order; one that cannot be run does not keep the others from it."""
    for loop in loops:
        started = time.perf_counter()
        try:
            if reset:
                loop.reset(by_rules=by_rules)
            before = loop.learning_rate
            history = loop.run(epochs, by_rules=by_rules)
        except SheetmlError as error:
            yield Trained(loop, problem=str(error))
            continue
        yield Trained(loop, history, (before, loop.learning_rate), time.perf_counter() - started)


def show_loops(console: Console, results: Sequence[Trained]) -> None:
    """A table of the loops that ran, with a small curve of each one's loss, and a sentence for what went wrong."""
    done = [(each, each.history) for each in results if each.history is not None]
    if not done:
        return
    from rich.measure import Measurement

    table = _table(done)
    if Measurement.get(console, console.options.update(width=1000), table).maximum <= console.width:
        console.print(table)
    else:
        for each, history in done:
            show_block(console, each.loop.sheet, _lines(each, history))
    for each, history in done:
        if history.diverged is not None:
            console.print(
                f"{each.loop.sheet}: diverged in epoch {history.diverged}: its weights are no longer numbers.",
                markup=False,
            )


def _table(done: Sequence[tuple[Trained, History]]) -> Any:
    from rich.text import Text

    numbers = ("Learning rate", "Intercept", "Slope", "Loss", "Epochs")
    table = new_table("Sheet", "Rule", *numbers, "Loss by epoch", right=numbers)
    for each, history in done:
        start, end = history.start, history.end
        table.add_row(
            Text(each.loop.sheet),
            each.loop.kind,
            _change(*each.rate),
            _change(start.const, end.const),
            _change(start.slope, end.slope),
            _change(start.loss, end.loss),
            f"{history.epochs:,}",
            curve([start.loss, *history.loss.tolist()]),
        )
    return table


def _lines(each: Trained, history: History) -> Iterator[tuple[str, str]]:
    """What a loop did, for a narrow terminal."""
    from sheetml.report.words import quantity

    start, end = history.start, history.end
    yield "Rule", f"{each.loop.kind}, learning rate {_change(*each.rate)}, {quantity(history.epochs, 'epoch')}"
    yield "Weights", f"intercept {_change(start.const, end.const)}, slope {_change(start.slope, end.slope)}"
    yield "Loss", f"{_change(start.loss, end.loss)}  {curve([start.loss, *history.loss.tolist()])}"


def _change(before: float | None, after: float | None) -> str:
    if before == after:
        return _number(before)
    return f"{_number(before)} → {_number(after)}"


def _number(value: float | None) -> str:
    from sheetml.report.words import short_figure

    return "–" if value is None or math.isnan(value) else short_figure(value)


def curve(values: Sequence[float], width: int = CURVE) -> str:
    """The values as a row of bars, by their logarithms where they span much; a dot where there is no number."""
    table = np.array(values, np.float64)
    picked = table[np.linspace(0, len(table) - 1, min(width, len(table))).round().astype(int)]
    finite = picked[np.isfinite(picked)]
    if not finite.size:
        return ""
    if finite.min() > 0 and finite.max() > LOGARITHMIC * finite.min():
        with np.errstate(invalid="ignore"):
            picked, finite = np.log(picked), np.log(finite)
    low, high = float(finite.min()), float(finite.max())
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] if math.isfinite(value) else "·" for value in picked.tolist())


def loop_document(each: Trained) -> dict[str, Any]:
    """A loop's outcome for JSON."""
    if each.history is None:
        return {"sheet": each.loop.sheet, "success": False, "message": each.problem}
    history = each.history
    return {
        "sheet": each.loop.sheet,
        "rule": each.loop.kind,
        "epochs": history.epochs,
        "learning_rate": {"before": each.rate[0], "after": each.rate[1]},
        "before": {"const": history.start.const, "slope": history.start.slope, "loss": history.start.loss},
        "after": {"const": history.end.const, "slope": history.end.slope, "loss": history.end.loss},
        "history": {"const": history.const, "slope": history.slope, "loss": history.loss},
        "diverged": history.diverged,
        "by_macros": bool(each.loop.macros),
        "seconds": each.seconds,
        "success": history.diverged is None,
    }
