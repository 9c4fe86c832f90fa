"""What the buttons of a training loop do, as rules on the sheet's named cells.

The lesson's sheets each have three macros: `reset` starts over, `onestep` is one epoch, and `somesteps`,
the button "run", is several. They copy values from the last row to the first and let Excel recalculate:
with automatic calculation after each copy, with manual only when asked. So a lone onestep and the first
step of somesteps give different numbers on some sheets. The rules keep to that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sheetml.loops import recognition as kinds


class NamedCells(Protocol):
    """The named cells of a sheet, as a macro sees them; `automatic` is Excel's calculation mode."""

    automatic: bool

    def has(self, *names: str) -> bool: ...

    def value(self, name: str) -> float:
        """The number in a cell, as last calculated or written."""

    def put(self, name: str, value: float) -> None:
        """Writes a number into all cells of an area; with automatic calculation, recalculates."""

    def copy(self, target: str, source: str) -> None:
        """Copies values, and then does the same."""

    def append(self, start: str, source: str) -> None:
        """Copies a value below the last filled cell under `start`, and then does the same."""

    def clear(self, name: str) -> None:
        """Empties an area, and then does the same."""

    def calculate(self) -> None: ...


Procedure = Callable[[NamedCells], None]
Copies = list[tuple[str, str]]


def switched(cells: NamedCells, automatic: bool) -> None:
    """Sets the calculation mode; switching to automatic recalculates."""
    was, cells.automatic = cells.automatic, automatic
    if automatic and not was:
        cells.calculate()


# ---- one epoch ---------------------------------------------------------------------------------


def step(cells: NamedCells, copies: Copies, *, manual: bool) -> None:
    """Copies the state and the weights from the last row to the first, and recalculates."""
    if manual:
        switched(cells, False)
    if cells.has("rmsestart", "rmse"):
        cells.append("rmsestart", "rmse")
    for target, source in copies:
        cells.copy(target, source)
    cells.calculate()
    if manual:
        switched(cells, True)


def epoch_copies(kind: str, state: Copies) -> Copies:
    """All that an epoch copies, in order."""
    weights = [("slope", "lastslope"), ("const", "lastconst")]
    if kind == kinds.EVE:
        return [("ft_2", "ft_1"), ("ft_1", "loss"), *state, *weights, ("dt_1", "dtee")]
    return [*state, *weights]


# ---- starting over -----------------------------------------------------------------------------


def _start(cells: NamedCells, target: str, usual: float) -> None:
    """Writes what a target starts from: a cell of the sheet may say it (start_lr for lr)."""
    stated = f"start_{target.removesuffix('target')}"
    cells.put(target, cells.value(stated) if cells.has(stated) else usual)


def _start_weights(cells: NamedCells) -> None:
    _start(cells, "slope", 1)
    _start(cells, "const", 1)


def _copy_all(cells: NamedCells, state: Copies) -> None:
    for target, source in state:
        cells.copy(target, source)


def _reset_basic(cells: NamedCells, state: Copies) -> None:
    _start_weights(cells)
    if cells.has("rmses"):
        cells.clear("rmses")
    cells.calculate()


def _reset_momentum(cells: NamedCells, state: Copies) -> None:
    _start(cells, "momtarget", 0)
    _start_weights(cells)
    if cells.has("lr"):
        _start(cells, "lr", 0.0001)
    _copy_all(cells, state)


def _reset_adagrad(cells: NamedCells, state: Copies) -> None:
    _start(cells, "gradtarget", 10_000)
    _start_weights(cells)
    _copy_all(cells, state)


def _reset_rmsprop(cells: NamedCells, state: Copies) -> None:
    _start(cells, "gradtarget", 10_000)
    _start_weights(cells)
    for _ in range(2):
        _copy_all(cells, state)


def _reset_adam(cells: NamedCells, state: Copies) -> None:
    _start_adam(cells)
    for _ in range(2):
        _copy_all(cells, state)


def _start_adam(cells: NamedCells) -> None:
    _start(cells, "gradtarget", 10_000)
    _start(cells, "momtarget", 0)
    _start_weights(cells)
    if cells.has("lr"):
        _start(cells, "lr", 1)


def _reset_eve(cells: NamedCells, state: Copies) -> None:
    """With manual calculation its copies take what the last row had come to before the reset."""
    switched(cells, False)
    _reset_adam(cells, state)
    cells.put("dt_1", 1)
    cells.calculate()
    cells.copy("ft_1", "loss")
    cells.put("ft_2", cells.value("loss") / 2)
    switched(cells, True)


def _reset_annealed_adagrad(cells: NamedCells, state: Copies) -> None:
    switched(cells, False)
    _start(cells, "gradtarget", 1_000_000)
    _start_weights(cells)
    cells.put("prev_step", 100)
    if cells.has("lr"):
        _start(cells, "lr", 0.5)
    switched(cells, True)


def _reset_annealed_adam(cells: NamedCells, state: Copies) -> None:
    switched(cells, False)
    _start_adam(cells)
    cells.copy("prev_grad2", "avg_grad2")
    cells.calculate()
    _copy_all(cells, state)
    cells.calculate()
    _copy_all(cells, state)
    cells.copy("prev_grad2", "avg_grad2")
    switched(cells, True)


def _reset_stated(cells: NamedCells, state: Copies) -> None:
    """A sheet that says what it starts from: start_const for const, start_mom for momtarget; what is not said is 0."""
    switched(cells, False)
    for target, _ in state:
        _start(cells, target, 0)
    _start_weights(cells)
    if cells.has("lr", "start_lr"):
        _start(cells, "lr", 0)
    switched(cells, True)


# ---- after each epoch of a run -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Annealing:
    """What a run does after each epoch beside it.

    `procedure` is all of it. As long as the condition `unless` does not hold it comes to no more than
    `taken_over`: cells that take over a value, (name, formula), and of which no other step depends.
    """

    procedure: Procedure
    taken_over: tuple[tuple[str, str], ...]
    unless: str
    tuned: tuple[str, ...]  # cells that it changes then
    looked_at: tuple[str, ...]  # cells with formulas that it reads


def _halve_until_short(cells: NamedCells) -> None:
    while cells.value("step_size") > 2 * cells.value("prev_step"):
        cells.put("lr", cells.value("lr") / 2)
        cells.calculate()
    cells.copy("prev_step", "step_size")


def _quarter_where_gradients_grow(cells: NamedCells) -> None:
    if cells.value("gradrat") > 2:
        cells.put("lr", cells.value("lr") / 4)
    if cells.value("avg_grad2") < cells.value("prev_grad2"):
        cells.copy("prev_grad2", "avg_grad2")
    cells.calculate()


ANNEALING = {
    kinds.ANNEALED_ADAGRAD: Annealing(
        _halve_until_short,
        (("prev_step", "{step_size}"),),
        "IF({step_size}>2*{prev_step},1,0)",
        ("lr",),
        ("step_size",),
    ),
    kinds.ANNEALED_ADAM: Annealing(
        _quarter_where_gradients_grow,
        (("prev_grad2", "IF({avg_grad2}<{prev_grad2},{avg_grad2},{prev_grad2})"),),
        "IF({gradrat}>2,1,0)",
        ("lr",),
        ("gradrat", "avg_grad2"),
    ),
}

RESETS: dict[str, Callable[[NamedCells, Copies], None]] = {
    kinds.BASIC: _reset_basic,
    kinds.MOMENTUM: _reset_momentum,
    kinds.ADAGRAD: _reset_adagrad,
    kinds.RMSPROP: _reset_rmsprop,
    kinds.ADAM: _reset_adam,
    kinds.EVE: _reset_eve,
    kinds.ANNEALED_ADAGRAD: _reset_annealed_adagrad,
    kinds.ANNEALED_ADAM: _reset_annealed_adam,
    kinds.STATED: _reset_stated,
}
STEPS_BY_HAND = (kinds.BASIC, kinds.EVE, kinds.ANNEALED_ADAGRAD, kinds.STATED)  # whose step sets manual calculation
