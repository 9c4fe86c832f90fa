"""A Solver model out again: as an .mps or .lp file for any solver, or as a Python script that stands alone."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy

from sheetml.errors import SolverError
from sheetml.solve.export_script import script
from sheetml.solve.linear.highs import loaded
from sheetml.solve.linear.program import Program, read
from sheetml.solve.model import SolverModel

SUFFIXES = (".mps", ".lp", ".py")
DISTANCE = "distance"  # the unknown that measures how far the objective is from a value

_SAYS = re.compile(r" (?:<=|=|>=) ")
_AWKWARD = re.compile(r"[^A-Za-z0-9_.$]")  # what a name in an .mps or .lp file had better not hold
_NO_START = re.compile(r"[0-9.$]|[eE][0-9eE]")  # as "E5": an exponent to readers of .lp files


def exported(model: SolverModel, suffix: str) -> bytes:
    """The content of a file with the model, its unknowns named by their cells, its rows by the cells on their left.

    `suffix` is .mps, .lp (both as HiGHS writes them) or .py. Raises SolverError where the model is neither
    linear nor convex quadratic, or the suffix is another.
    """
    if suffix not in SUFFIXES:
        raise SolverError(f"A model is written as {', '.join(SUFFIXES)}, not as {suffix or 'a file without suffix'!r}.")
    reading = read(model.problem())
    if reading.program is None:
        raise SolverError(
            f"{model.workbook.path}, sheet {model.sheet!r}: the model is not linear, so that no {suffix} file can "
            f"hold it: {reading.not_solved}."
        )
    program = reading.program
    cells = [*program.addresses, *[DISTANCE] * (program.unknowns - len(program.addresses))]
    said = [*program.words, *["distance below", "distance above"][: program.matrix.shape[0] - len(program.words)]]
    if suffix == ".py":
        return script(program, cells, said, model).encode()
    return _written(program, cells, [_SAYS.split(words)[0] for words in said], suffix)


def _written(program: Program, cells: list[str], rows: list[str], suffix: str) -> bytes:
    """The file as HiGHS writes it; what is maximised is said to be."""
    maximised = program.sign < 0
    if maximised:
        hessian = None if program.hessian is None else -program.hessian
        program = replace(program, cost=-program.cost, offset=-program.offset, hessian=hessian)
    solver = loaded(replace(program, cost=program.cost + 0.0), scaled=False)
    if maximised:
        solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    for number, name in enumerate(_plain_names(cells)):
        solver.passColName(number, name)
    for number, name in enumerate(_plain_names(rows)):
        solver.passRowName(number, name)
    with tempfile.TemporaryDirectory(prefix="sheetml-") as folder:
        path = Path(folder) / f"model{suffix}"
        _check(solver.writeModel(str(path)))
        return path.read_bytes()


def _check(status: Any) -> None:
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS cannot write this model.")


def _plain_names(texts: list[str]) -> list[str]:
    """Names that every reader takes, each another: B2, Sheet2.B2, E5 as cell_E5, the second row of F4 as F4_2."""
    names = [_AWKWARD.sub("_", text.replace("$", "").replace("!", ".").replace("'", "")) for text in texts]
    names = [f"cell_{name}" if _NO_START.match(name) else name for name in names]
    seen: Counter[str] = Counter()
    taken = set(names)
    found = []
    for name in names:
        seen[name] += 1
        own = name
        while seen[name] > 1 and own in taken:
            own = f"{name}_{seen[name]}"
            seen[name] += own in taken
        taken.add(own)
        found.append(own)
    return found
