"""Lines that are run again and again, by the machine (machine.py) where that pays.

To load it costs half a second (two, where Numba has not compiled it on this computer before), and to make its program
of lines as much as a few runs of them. So it is loaded once as much has been spent without it.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from sheetml.engine.compiled.bytecode import assembled, code_of
from sheetml.engine.compiled.floats import Term

LINES_WORTH_LOADING = 300_000  # that have been run without the machine
RUNS_WORTH_A_PROGRAM = 8  # of all lines, where it is loaded

_machine: ModuleType | None = None
_tried = False


def pays(lines: int, run: int) -> bool:
    """Whether it is time for the machine: so many lines there are, and so many have been run without it."""
    if _machine is not None:
        return run >= RUNS_WORTH_A_PROGRAM * lines
    return run >= LINES_WORTH_LOADING and _load()


def _load() -> bool:
    global _machine, _tried
    if not _tried:
        _tried = True
        with contextlib.suppress(ImportError, RuntimeError):  # what Numba raises where it finds no place for its cache
            _machine = importlib.import_module("sheetml.engine.compiled.machine")
    return _machine is not None


class ByMachine:
    """Lines ready for the machine: of each its slot, what stands at its places, and its term (None: left to Python).

    `registers` begin with the numbers of all cells, by slot.
    """

    def __init__(self, lines: Sequence[tuple[int, tuple[Any, ...], Term | None]], slots: int) -> None:
        terms = {id(term): term for _, _, term in lines}
        codes = {number: None if term is None else code_of(term) for number, term in terms.items()}
        self.program = assembled([(slot, places, codes[id(term)]) for slot, places, term in lines], slots)
        self.registers = self.program.registers

    def run(self, line: int = 0) -> int:
        """Runs lines from this one on: the next that is left to Python, or how many there are."""
        assert _machine is not None
        found: int = _machine.run(self.program, line)
        return found

    def back(self, adjoints: np.ndarray) -> bool:
        """Hands adjoints on, from the last line to the first; whether nothing was left to Python.

        `adjoints` are by slot; there must be as many as registers.
        """
        assert _machine is not None
        return bool(_machine.back(self.program, adjoints))
