"""The Solver models that a workbook holds in its hidden names: what they say, nothing solved or looked up."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sheetml.errors import WorkbookError
from sheetml.xlsx.model import WorkbookFile

UNLIMITED = 2_147_483_647  # how Excel stores a limit left empty

MAXIMISE, MINIMISE, REACH_VALUE = 1, 2, 3
GRG_NONLINEAR, SIMPLEX_LP, EVOLUTIONARY = 1, 2, 3
AT_MOST, EQUAL, AT_LEAST, INTEGER, BINARY, ALL_DIFFERENT = 1, 2, 3, 4, 5, 6
RELATION_WORDS = {INTEGER: "integer", BINARY: "binary", ALL_DIFFERENT: "AllDifferent"}

OPENSOLVERS_NONLINEAR = ("nomad", "bonmin", "couenne", "neosbon", "neoscou", "neosbonmin", "neoscouenne")

_PREFIX = "solver_"
_OPENSOLVER = "opensolver_"
_SAVED = re.compile(r"sheetml\.(.+)\.solver_(\w+)", re.IGNORECASE | re.DOTALL)  # of models kept beside Excel's own
SAVED_NAME = re.compile(r"[^\W\d]\w{0,99}")  # what such a model may be called
_FLAGS = {"1": True, "true": True, "0": False, "2": False, "false": False}


class ConstraintNames(NamedTuple):
    """One constraint as texts: a reference, the relation's number and what stands on the right."""

    lhs: str
    relation: int
    rhs: str


@dataclass(frozen=True, slots=True)
class SolverModelNames:
    """A sheet's Solver model as its names state it; what they leave out has Excel's own default."""

    sheet: int  # position in WorkbookFile.sheets
    objective: str  # a reference; "" if none is set
    adjustable: str  # references, separated by commas; "" if none are set
    constraints: list[ConstraintNames] = field(default_factory=list)
    sense: int = MAXIMISE
    target_value: float = 0.0
    engine: int = GRG_NONLINEAR
    non_negative: bool = True
    precision: float = 1e-6
    convergence: float = 1e-4
    max_time: int = UNLIMITED  # seconds
    max_iterations: int = UNLIMITED
    derivatives: int = 1  # 1 forward, 2 central differences
    scaling: bool = True
    multistart: bool = False
    population: int = 100
    seed: int = 0
    require_bounds: bool = True
    integer_tolerance: float = 0.01
    max_nodes: int = UNLIMITED
    max_solutions: int = UNLIMITED
    mutation_rate: float = 0.075
    max_time_without_improvement: int = 30  # seconds
    ignore_integers: bool = False
    show_iterations: bool = False


def solver_models(file: WorkbookFile) -> list[SolverModelNames]:
    """The Solver models of the workbook, one for each sheet that has an objective or adjustable cells."""
    by_sheet: dict[int, dict[str, str]] = {}
    opensolver: dict[int, str] = {}
    for name in file.names:
        key = name.name.lower()
        if name.scope is not None and key.startswith(_PREFIX):
            by_sheet.setdefault(name.scope, {})[key.removeprefix(_PREFIX)] = name.text
        elif name.scope is not None and key.startswith(_OPENSOLVER):
            chosen = key == _OPENSOLVER + "chosensolver"
            opensolver[name.scope] = name.text if chosen else opensolver.get(name.scope, "")
    return [
        _SheetNames(file, sheet, names, opensolver.get(sheet)).model()
        for sheet, names in sorted(by_sheet.items())
        if "opt" in names or "adj" in names
    ]


def saved_models(file: WorkbookFile) -> dict[tuple[int, str], SolverModelNames]:
    """The models kept beside the one that Excel's dialog shows, by sheet and name.

    Excel keeps one model a sheet. Further ones have the same names behind "sheetml.NAME.": Excel carries them along.
    """
    found: dict[tuple[int, str], dict[str, str]] = {}
    for name in file.names:
        match = _SAVED.fullmatch(name.name)
        if match is not None and name.scope is not None:
            found.setdefault((name.scope, match[1]), {})[match[2].lower()] = name.text
    return {
        (sheet, name): _SheetNames(file, sheet, names, None).model() for (sheet, name), names in sorted(found.items())
    }


def names_to_store(
    file: WorkbookFile, sheet: int, model: SolverModelNames | None, name: str = ""
) -> dict[str, str | None]:
    """The hidden names that make the model the sheet's own, or the one kept as `name`; None for those to be removed.

    Without a model all names of that one are to be removed. OpenSolver's choices go with the sheet's own model.
    """
    prefix = f"sheetml.{name}." if name else ""
    old = prefix.casefold() + _PREFIX
    gone = (old,) if name else (old, _OPENSOLVER)
    changes: dict[str, str | None] = {
        each.name: None for each in file.names if each.scope == sheet and each.name.casefold().startswith(gone)
    }
    new: Mapping[str, str] = {} if model is None else names_of(model)
    known = {each.casefold(): each for each in changes}
    return changes | {known.get((prefix + key).casefold(), prefix + key): text for key, text in new.items()}


def plain_text(text: str) -> str:
    """A name's text without the "=" and the quotation marks that some programs put around it."""
    text = text.strip().removeprefix("=").strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"').strip()
    return text


class _SheetNames:
    """The solver_ names of one sheet, by what follows the prefix, and their values by type."""

    def __init__(self, file: WorkbookFile, sheet: int, names: dict[str, str], opensolver: str | None) -> None:
        self.opensolver = opensolver  # its solver, "" where it chose none, None where OpenSolver never was
        self.file = file
        self.sheet = sheet
        self.names = {name: plain_text(text) for name, text in names.items()}

    def model(self) -> SolverModelNames:
        return SolverModelNames(
            sheet=self.sheet,
            objective=self.names.get("opt", ""),
            adjustable=self.names.get("adj", ""),
            constraints=list(self.constraints()),
            sense=self.choice("typ", MAXIMISE, (MAXIMISE, MINIMISE, REACH_VALUE)),
            target_value=self.number("val", 0.0),
            engine=self.engine(),
            non_negative=self.flag("neg", True),
            precision=self.number("pre", 1e-6),
            convergence=self.number("cvg", 1e-4),
            max_time=self.integer("tim", UNLIMITED),
            max_iterations=self.integer("itr", UNLIMITED),
            derivatives=2 if self.integer("drv", 1) == 2 else 1,
            scaling=self.flag("scl", True),
            multistart=self.flag("msl", False),
            population=self.integer("ssz", 100),
            seed=self.integer("rsd", 0),
            require_bounds=self.flag("rbv", True),
            integer_tolerance=self.number("tol", 0.01),
            max_nodes=self.integer("nod", UNLIMITED),
            max_solutions=self.integer("mip", UNLIMITED),
            mutation_rate=self.number("mrt", 0.075),
            max_time_without_improvement=self.integer("mni", 30),
            ignore_integers=self.flag("rlx", False),
            show_iterations=self.flag("sho", False),
        )

    def constraints(self) -> Iterator[ConstraintNames]:
        """The constraints that solver_num counts; names of higher numbers are left from older models."""
        count = self.integer("num", self.stated_constraints())
        if count < 0:
            raise self.error("num", "is not a count")
        for number in range(1, count + 1):
            relation = self.choice(f"rel{number}", None, range(AT_MOST, ALL_DIFFERENT + 1))
            rhs = self.names.get(f"rhs{number}", RELATION_WORDS.get(relation))
            lhs = self.names.get(f"lhs{number}")
            if not lhs:
                raise self.error(f"lhs{number}", "is missing")
            if not rhs:
                raise self.error(f"rhs{number}", "is missing")
            yield ConstraintNames(lhs, relation, rhs)

    def stated_constraints(self) -> int:
        """How many constraints there are in a row from the first, where no name counts them."""
        numbers = itertools.takewhile(lambda number: self.names.get(f"lhs{number}"), itertools.count(1))
        return sum(1 for number in numbers if self.names.get(f"rel{number}"))

    def engine(self) -> int:
        """The engine that is asked for: of other makers' engines the one of Excel's that fits.

        Older versions of Excel knew no engines, only a box "assume linear model". OpenSolver takes a model
        as linear, unless one of its solvers for other models is chosen.
        """
        if self.opensolver is not None:
            nonlinear = plain_text(self.opensolver).casefold() in OPENSOLVERS_NONLINEAR
            return GRG_NONLINEAR if nonlinear else SIMPLEX_LP
        before_2010 = SIMPLEX_LP if self.flag("lin", False) else GRG_NONLINEAR
        engine = self.integer("eng", before_2010)
        return engine if engine in (GRG_NONLINEAR, SIMPLEX_LP, EVOLUTIONARY) else GRG_NONLINEAR

    # --- values by type

    def number(self, name: str, default: float) -> float:
        text = self.names.get(name)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(name, f"is {text[:40]!r} where a number belongs")
        return number

    def integer(self, name: str, default: int) -> int:
        number = self.number(name, default)
        if number != int(number):
            raise self.error(name, f"is {self.names[name]!r} where a whole number belongs")
        return int(number)

    def choice(self, name: str, default: int | None, choices: tuple[int, ...] | range) -> int:
        if default is None and not self.names.get(name):
            raise self.error(name, "is missing")
        number = self.integer(name, default or 0)
        if number not in choices:
            raise self.error(name, f"is {number}, not one of {', '.join(map(str, choices))}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        text = self.names.get(name)
        if not text:
            return default
        number = text.removesuffix(".0").lower()
        if number not in _FLAGS:
            raise self.error(name, f"is {text[:40]!r} where 1 (yes) or 2 (no) belongs")
        return _FLAGS[number]

    def error(self, name: str, cause: str) -> WorkbookError:
        sheet = self.file.sheets[self.sheet].name
        return WorkbookError(f"{self.file.path}, sheet {sheet!r}: the Solver name {_PREFIX}{name} {cause}.")


# --- from a model to names ---------------------------------------------------------------------


def names_of(model: SolverModelNames) -> dict[str, str]:
    """All names that Excel's Solver keeps for a model, and their texts: `solver_models` read backwards."""
    numbers: dict[str, float] = {
        "typ": model.sense,
        "val": model.target_value,
        "eng": model.engine,
        "neg": _flag(model.non_negative),
        "pre": model.precision,
        "cvg": model.convergence,
        "tim": model.max_time,
        "itr": model.max_iterations,
        "drv": model.derivatives,
        "scl": _flag(model.scaling),
        "msl": _flag(model.multistart),
        "ssz": model.population,
        "rsd": model.seed,
        "rbv": _flag(model.require_bounds),
        "tol": model.integer_tolerance,
        "nod": model.max_nodes,
        "mip": model.max_solutions,
        "mrt": model.mutation_rate,
        "mni": model.max_time_without_improvement,
        "rlx": _flag(model.ignore_integers),
        "sho": _flag(model.show_iterations),
        "num": len(model.constraints),
        "est": 1,  # tangent estimates, Newton search, version 3: of older Solvers, without effect since
        "nwt": 1,
        "ver": 3,
    }
    names = {"opt": model.objective, "adj": model.adjustable}
    for position, constraint in enumerate(model.constraints, start=1):
        names[f"lhs{position}"] = constraint.lhs
        names[f"rel{position}"] = str(constraint.relation)
        names[f"rhs{position}"] = constraint.rhs
    names |= {name: np.format_float_positional(number, trim="-") for name, number in numbers.items()}
    return {f"{_PREFIX}{name}": text for name, text in sorted(names.items()) if text}


def _flag(truth: bool) -> int:
    return 1 if truth else 2
