"""What an audit finds, and what its rules work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sheetml.engine import questions
from sheetml.engine.evaluate import Context
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Step
from sheetml.engine.rectangles import areas_text
from sheetml.engine.values import BLANK, BOOLEAN, NUMBER, TEXT
from sheetml.errors import SheetmlError
from sheetml.formula.references import address
from sheetml.solve.model import SolverModel, solver_models
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd in a workbook."""

    rule: str
    severity: str
    place: str  # the cells in words ("adam_ann!J5"), or a name
    message: str
    excel: str  # what Excel would say, "" if nothing
    mend: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding: what it is about, and the function that looks for it."""

    name: str
    title: str
    excel: str
    mend: str
    look: Callable[[Subject], Iterator[Observation]]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule has seen; the rule's own words for Excel and the mend hold unless others are given."""

    severity: str
    place: str
    message: str
    mend: str = ""
    excel: str = ""

    def as_finding(self, rule: Rule) -> Finding:
        return Finding(
            rule.name, self.severity, self.place, self.message, self.excel or rule.excel, self.mend or rule.mend
        )


# What a cell is, where it holds no formula: these stand for it in a grid beside the numbers of blocks.
NOTHING, TYPED_NUMBER, TYPED_OTHER = -1, -2, -3


@dataclass(slots=True)
class Grid:
    """The filled cells of a sheet, sorted by row, then column; arrays of one length n."""

    rows: np.ndarray
    columns: np.ndarray
    slots: np.ndarray
    content: np.ndarray  # the number of the cell's block, TYPED_NUMBER or TYPED_OTHER


@dataclass(slots=True)
class Model:
    """A Solver model's cells as slots, and what is wrong with it so far as they go."""

    model: SolverModel
    objective: np.ndarray
    adjustable: np.ndarray
    constraints: np.ndarray  # all cells that constraints name
    problems: list[str] = field(default_factory=list)


class Subject:
    """A calculated workbook as the rules see it; what several of them need is worked out once."""

    def __init__(self, workbook: Book) -> None:
        self.workbook = workbook
        self.calculation = workbook.calculation
        self.calculation.bring_up_to_date()
        self.blocks: list[Block] = questions.blocks(self.calculation)

    # ---- words

    def sheet_name(self, sheet: int) -> str:
        return self.workbook.sheet_names[sheet]

    def cell(self, sheet: int, row: int, column: int) -> str:
        return address(self.sheet_name(sheet), Area(row, column, row, column))

    def area(self, sheet: int, area: Area) -> str:
        return address(self.sheet_name(sheet), area)

    def slots_text(self, slots: np.ndarray) -> str:
        return self.calculation.describe(np.unique(slots))

    def block_text(self, block: Block) -> str:
        return areas_text(self.sheet_name(block.sheet), block.rows, block.columns)

    # ---- cells

    @cached_property
    def block_of(self) -> np.ndarray:
        """The number of the block that fills a slot, -1 for none."""
        number = np.full(self.calculation.mask().size, NOTHING, np.int64)
        position = {id(block): index for index, block in enumerate(self.blocks)}
        for step in questions.steps(self.calculation):
            number[step.targets] = position[id(step.block)]
        number[0] = NOTHING
        return number

    def context(self, block: Block) -> Context:
        """A context of all cells of a block."""
        return questions.context_of_block(self.calculation, block)

    @cached_property
    def _steps(self) -> dict[int, Step]:
        return {id(step.block): step for step in questions.steps(self.calculation)}

    def step(self, block: Block | None, slots: np.ndarray) -> Step:
        """The computation of some cells of a block."""
        whole = self._steps[id(block)]
        return whole.part(np.nonzero(np.isin(whole.cells, slots))[0])

    @cached_property
    def read(self) -> np.ndarray:
        """A mask of the slots that some formula reads."""
        return questions.are_read(self.calculation)

    @cached_property
    def grids(self) -> list[Grid]:
        """The filled cells of every sheet."""
        return [self._grid(sheet) for sheet in range(len(self.workbook.sheet_names))]

    def _grid(self, sheet: int) -> Grid:
        rows, columns, slots = self.calculation.held(sheet)
        kind = self.calculation.kinds(slots)
        content = self.block_of[slots].copy()
        typed = content == NOTHING
        content[typed & np.isin(kind, (NUMBER, BOOLEAN))] = TYPED_NUMBER
        content[typed & (kind >= TEXT)] = TYPED_OTHER
        filled = (content >= 0) | (kind != BLANK)
        return Grid(rows[filled], columns[filled], slots[filled], content[filled])

    # ---- Solver models

    @cached_property
    def models(self) -> list[Model]:
        return [self._model(model) for model in solver_models(self.workbook)]

    def _model(self, model: SolverModel) -> Model:
        nothing = np.zeros(0, np.intp)
        found = Model(model, nothing, nothing, nothing)
        names = model.names
        found.objective = self._named(found, names.objective, "the objective")
        found.adjustable = self._named(found, names.adjustable, "the adjustable cells")
        sides = [found.constraints]
        for each in names.constraints:
            sides.append(self._named(found, each.lhs, "a constraint"))
            if not _is_constant(each.rhs):
                sides.append(self._named(found, each.rhs, "a constraint", must=False))
        found.constraints = np.concatenate(sides)
        return found

    def _named(self, found: Model, text: str, what: str, must: bool = True) -> np.ndarray:
        """The slots of what a model names; a problem of the model where it is no area."""
        if not text:
            return np.zeros(0, np.intp)
        try:
            areas = self.workbook.areas(text, found.model.sheet)
        except SheetmlError:
            if must or "#REF!" in text.upper():
                found.problems.append(f"{what} ({text}) cannot be found")
            return np.zeros(0, np.intp)
        slots = [self.calculation.within(sheet, area) for sheet, area in areas]
        return np.concatenate(slots)


def _is_constant(text: str) -> bool:
    """Whether the right side of a constraint is a number, or the word for a kind of number."""
    try:
        float(text.strip().removeprefix("="))
    except ValueError:
        return text.strip().lower() in ("integer", "binary", "alldifferent")
    return True
