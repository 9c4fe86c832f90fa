"""Finds the sheets with a training loop in any workbook, by their names and never by where they stand.

Such a sheet names its weights (const, slope) and what the last row makes of them (lastconst, lastslope);
its further state, if it has any, by a place to start from and one where it ends: momtarget and momlast,
gradtarget and ms_last or histgrad. Which of these belong to the loop is told by the formulas: what the
last row depends on does. So a name that is #REF!, or left over from the sheet this one was copied from,
confuses nothing.

Two cells of the lesson's sheet of annealed Adagrad have no names: its macro says H33 and J1. They are
looked for by what they do, and by where they stand from the named ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine import questions
from sheetml.engine.repetition import Expression
from sheetml.errors import FormulaError
from sheetml.formula.references import address
from sheetml.formula.tree import Name, Node, walk
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

WEIGHTS = ("const", "slope")
RESULTS = ("lastconst", "lastslope")
SQUARES = ("ms_last", "histgrad")  # what gradtarget takes over: the first that is there
OBSERVED = ("y",)  # headings of columns, in small letters
PREDICTED = ("pred", "y_pred", "prediction", "predicted", "y pred", "ŷ", "y_hat", "yhat")
PREVIOUS_FROM_CONST = 7  # columns right of const: the cell without a name, J1, beside C1

BASIC, MOMENTUM, ADAGRAD, RMSPROP, ADAM, EVE = "SGD", "momentum", "Adagrad", "RMSProp", "Adam", "Eve"
ANNEALED_ADAGRAD, ANNEALED_ADAM = "annealed Adagrad", "annealed Adam"
STATED = "own rule"  # a sheet that says by names what a reset starts from


@dataclass(slots=True)
class LoopSheet:
    """A sheet with a training loop: what its names mean, and what an epoch copies where."""

    sheet: int  # position in the workbook
    name: str
    kind: str
    areas: dict[str, Area] = field(default_factory=dict)  # by name, in small letters
    copies: list[tuple[str, str]] = field(default_factory=list)  # of the state, (to, from), in order
    loss: str | Expression | None = None  # a name, or a formula

    def has(self, *names: str) -> bool:
        return all(name in self.areas for name in names)


def recognise(workbook: Book) -> list[LoopSheet]:
    """All sheets with a training loop, in the order of the workbook. No cell is changed."""
    found: list[LoopSheet] = []
    if not {"lastconst", "lastslope"} <= {name.name.casefold() for name in workbook.file.names}:
        return found
    for sheet in range(len(workbook.sheet_names)):
        page = _Page(workbook, sheet)
        if all(page.is_cell(name) for name in (*WEIGHTS, *RESULTS)) and page.feeds("const", "slope"):
            found.append(_loop(page))
    return found


def _loop(page: _Page) -> LoopSheet:
    copies = list(_copies(page))
    kind = _kind(page, {target for target, _ in copies})
    loop = LoopSheet(page.sheet, page.name, kind, page.areas, copies)
    rate = _learning_rate(page)
    if rate is not None:
        loop.areas["learning rate"] = rate
    if kind == ANNEALED_ADAGRAD:
        if rate is not None:
            loop.areas["lr"] = rate  # D2, which its reset and its annealing write
        loop.areas.setdefault("step_size", _step_size(page) or page.areas["const"])
        loop.areas.setdefault("prev_step", _previous_step(page))
    loop.loss = _loss(page)
    return loop


def _copies(page: _Page) -> Iterator[tuple[str, str]]:
    """The pairs of names that carry state from the last row to the first, apart from the weights."""
    stems = {name.removesuffix("target") for name in page.areas if name.endswith("target")}
    for stem in sorted(stems, key=lambda stem: (stem != "grad", stem)):
        target = f"{stem}target"
        sources = SQUARES if stem == "grad" else (f"{stem}last", f"{stem}_last")
        source = next((name for name in sources if page.same_size(target, name)), None)
        if source is not None and page.feeds(target):
            yield target, source


def _kind(page: _Page, targets: set[str]) -> str:
    has = page.areas.keys()
    if {"start_const", "start_slope"} <= has:
        return STATED
    if {"ft_1", "ft_2", "dt_1", "dtee", "loss"} <= has:
        return EVE
    if {"avg_grad2", "prev_grad2", "gradrat"} <= has:
        return ANNEALED_ADAM
    if "gradtarget" in targets and "momtarget" in targets:
        return ADAM
    if "gradtarget" in targets:
        if "ms_last" in has:
            return RMSPROP
        return ANNEALED_ADAGRAD if "step_size" in has or _step_size(page) is not None else ADAGRAD
    return MOMENTUM if "momtarget" in targets else BASIC


# ---- cells without a name ----------------------------------------------------------------------


def _step_size(page: _Page) -> Area | None:
    """The cell whose formula speaks of histgrad by its name: the length of the step to be taken."""
    for block in questions.blocks(page.workbook.calculation):
        alone = block.sheet == page.sheet and block.tree is not None and block.rows.size == 1
        if alone and any(_is_name(node, "histgrad") for node in walk(block.tree)):
            return _cell(int(block.rows[0]), int(block.columns[0]))
    return None


def _previous_step(page: _Page) -> Area:
    const = page.areas["const"]
    return _cell(const.top, const.left + PREVIOUS_FROM_CONST)


def _learning_rate(page: _Page) -> Area | None:
    """The cell named lr, else the number right of or below the word "learn", above the rows."""
    if page.is_cell("lr"):
        return page.areas["lr"]
    for row, column, text in page.words(page.first_row):
        if text.startswith("learn"):
            for place in ((row, column + 1), (row + 1, column)):
                if page.is_number(*place):
                    return _cell(*place)
    return None


def _loss(page: _Page) -> str | Expression | None:
    """The sheet's own loss; where it has none, that of the lesson's other sheets: the root of the summed squares."""
    for name in ("loss", "rmse"):
        if page.is_cell(name):
            return name
    columns = {text: column for row, column, text in page.words(page.first_row) if row == page.first_row - 1}
    observed = next((columns[text] for text in OBSERVED if text in columns), None)
    predicted = next((columns[text] for text in PREDICTED if text in columns), None)
    if observed is None or predicted is None:
        return None
    y, pred = (address(None, Area(page.first_row, c, page.last_row, c), True) for c in (observed, predicted))
    return Expression(page.sheet, f"SQRT(SUMPRODUCT(({pred}-{y})^2))")


def _is_name(node: Node, name: str) -> bool:
    return isinstance(node, Name) and node.name.casefold() == name


def _cell(row: int, column: int) -> Area:
    return Area(row, column, row, column)


# ---- a sheet and its names ---------------------------------------------------------------------


class _Page:
    """A sheet with the areas that its names stand for; names that are #REF! are none."""

    def __init__(self, workbook: Book, sheet: int) -> None:
        self.workbook = workbook
        self.sheet = sheet
        self.name = workbook.sheet_names[sheet]
        self.areas: dict[str, Area] = {}
        for scope in (None, sheet):  # those of the sheet come before those of the workbook
            for name in workbook.file.names:
                if name.scope == scope and not name.hidden:
                    self._take(name.name.casefold(), name.text)

    def _take(self, name: str, text: str) -> None:
        try:
            areas = self.workbook.areas(text)
        except FormulaError:
            return
        if len(areas) == 1 and areas[0][0] == self.sheet:
            self.areas[name] = areas[0][1]

    @property
    def first_row(self) -> int:
        """The first row of the loop: the first below const with a formula that reads it."""
        calculation = self.workbook.calculation
        (slot,) = self.slots("const").tolist()
        rows = []
        for readers in questions.readers(calculation, slot):
            rows += [calculation.place(reader)[1] for reader in readers.tolist()]
        top = self.areas["const"].top
        return min((row for row in rows if row > top), default=top + 1)

    @property
    def last_row(self) -> int:
        return self.areas["lastconst"].top

    def is_cell(self, name: str) -> bool:
        area = self.areas.get(name)
        return area is not None and area.height == area.width == 1

    def same_size(self, first: str, second: str) -> bool:
        a, b = self.areas.get(first), self.areas.get(second)
        return a is not None and b is not None and (a.height, a.width) == (b.height, b.width)

    def slots(self, *names: str) -> np.ndarray:
        areas = [self.areas[name] for name in names]
        return self.workbook.held_slots([(self.sheet, area) for area in areas])

    def feeds(self, *names: str) -> bool:
        """Whether what the last row comes to depends on these cells, which hold no formulas."""
        slots = self.slots(*names)
        calculation = self.workbook.calculation
        if calculation.is_formula(slots).any():
            return False
        return bool(calculation.stages_between(slots, self.slots(*RESULTS)))

    def words(self, below: int) -> Iterator[tuple[int, int, str]]:
        """The texts above a row: row, column and the text in small letters."""
        calculation = self.workbook.calculation
        rows, columns, _ = calculation.held(self.sheet)
        for row, column in zip(rows.tolist(), columns.tolist()):
            if row >= below:
                return
            value = calculation.get(self.sheet, row, column)
            if isinstance(value, str):
                yield row, column, value.strip().casefold()

    def is_number(self, row: int, column: int) -> bool:
        calculation = self.workbook.calculation
        value = calculation.get(self.sheet, row, column)
        slot = calculation.slot(self.sheet, row, column)
        return isinstance(value, float) and not calculation.is_formula(np.array([slot]))[0]
