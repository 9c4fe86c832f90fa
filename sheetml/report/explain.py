"""Explains a cell: its formula in words and as a tree of values, what it depends on, what moves it most."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import AreaArray, Areas, Reference
from sheetml.engine.calculation import Calculation
from sheetml.engine.cell_function import CellFunction, flat_words
from sheetml.engine.evaluate import Context, Lambda, LambdaArray, Result
from sheetml.engine.plan import Stage
from sheetml.engine.tracing.graph import value_of
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, Value
from sheetml.errors import CalculationError, FormulaError, NotDifferentiableError, SheetmlError
from sheetml.formula.references import address
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Apply, Binary, Call, Name, Node, Unary, children, left_spine, operands
from sheetml.report.labels import label_of
from sheetml.report.lineage import Lineage, Source, lineage
from sheetml.report.words import MOST_TERMS, figure, in_words, summary, value_text
from sheetml.solve.model import solver_models
from sheetml.tables import html_table
from sheetml.workbook import Book
from sheetml.xlsx.model import ERROR_TEXT, Area, CellValue, ErrorCode

MOST_STEPS = 30_000  # array operations, up to which the gradient is worked out
MOST_LEVELS = 100  # of a formula's tree that are shown
OPERATION = {"*": "×", "/": "÷", "-": "−", "&": "& (joined)"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a formula: how it reads, what it came to, and the parts it is made of."""

    text: str
    value: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Cells the explained one depends on: a formula block, or (formula None) cells with values."""

    area: str
    label: str  # a text that stands beside them, "" if there is none
    formula: str | None
    cells: int
    values: str  # in words
    direct: bool  # named by the formula itself, not only through others
    role: str  # "adjustable", "recurrence" or ""


@dataclass(frozen=True, slots=True)
class AreaGradient:
    """The derivatives of the explained cell by the cells of an area."""

    area: str
    label: str
    cells: int
    norm: float  # the Euclidean norm of the derivatives
    largest: float  # the derivative that is largest in size
    at: str  # and the cell it belongs to


@dataclass(frozen=True, slots=True)
class Influence:
    """One cell's influence: the derivative, and the derivative times the cell's value."""

    cell: str
    label: str
    value: float
    gradient: float
    product: float


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """All that `sheetml explain` shows of a cell."""

    cell: str
    label: str
    formula: str | None
    value: CellValue
    words: str
    tree: Part | None
    dependencies: list[Dependency]
    readers: list[str]  # the cells whose formulas read it, as areas
    gradients: list[AreaGradient]
    steepest: list[Influence]  # by size of the derivative
    weightiest: list[Influence]  # by size of the derivative times the value
    no_gradient: str  # why there is none
    lineage: Lineage | None
    flat: str = ""  # what the gradient went through that is constant between its jumps

    def __repr__(self) -> str:
        return f"<Explanation of {self.cell}: {self.words}>"

    def _repr_html_(self) -> str:
        """How notebooks show it: the formula, its value and words, and which cells move it most."""
        rows = [
            ("formula", "" if self.formula is None else f"={self.formula}"),
            ("value", value_text(self.value)),
            ("in words", self.words),
            ("depends on", ", ".join(each.area for each in self.dependencies if each.direct)),
            ("read by", ", ".join(self.readers)),
            *([("no gradient", self.no_gradient)] if self.no_gradient else []),
            *([("flat", self.flat)] if self.flat else []),
        ]
        shown = html_table([self.cell, self.label], [row for row in rows if row[1]])
        if self.steepest:
            headings = ["Cell", "", "Value", "Derivative"]
            moves = [[each.cell, each.label, figure(each.value), figure(each.gradient)] for each in self.steepest]
            shown += html_table(headings, moves)
        return shown


def explain(workbook: Book, cell: str, most: int = 10) -> Explanation:
    """Explains a cell by its address or name, with as many of the most influential cells as asked for.

    The workbook is calculated first if it was not. Raises FormulaError where the text names no one cell.
    """
    sheet, area = _one_cell(workbook, cell)
    calculation = workbook.calculation
    calculation.bring_up_to_date()
    if not calculation.slot(sheet, area.top, area.left):
        calculation.add_cells(sheet, [(area.top, area.left)])  # a cell that the workbook does not hold
    slot = calculation.slot(sheet, area.top, area.left)
    found = lineage(calculation, slot)
    where = questions.context(calculation, slot)
    block = questions.block(calculation, slot)
    (gradients, steepest, weightiest, reason), flat = _influences(workbook, slot, found, most)
    value = calculation.value(slot)
    tree = None if where is None or block is None or block.tree is None else _tree(where, block.tree)
    return Explanation(
        cell=calculation.describe([slot]),
        label=label_of(calculation, sheet, area),
        formula=found.target.formula,
        value=value,
        words=_words(found.target, where, value),
        tree=tree,
        dependencies=_dependencies(workbook, found, slot),
        readers=[calculation.describe(cells) for cells in questions.readers(calculation, slot)],
        gradients=gradients,
        steepest=steepest,
        weightiest=weightiest,
        no_gradient=reason,
        lineage=found,
        flat=flat,
    )


def _one_cell(workbook: Book, text: str) -> tuple[int, Area]:
    areas = workbook.areas(text)
    if len(areas) != 1 or areas[0][1].height * areas[0][1].width != 1:
        raise FormulaError(f"{workbook.path}: {text!r} is not one cell: name one, such as Sheet1!B3.")
    return areas[0]


def _words(target: Source, context: Context | None, value: CellValue) -> str:
    if context is None or target.block is None:
        kinds: dict[type, str] = {float: "a number", str: "text", bool: "a truth value", ErrorCode: "an error"}
        return "a blank cell" if value is None else f"{kinds[type(value)]} typed in, no formula"
    if target.block.table is not None:
        return f"a data table: {target.block.text}"
    if target.block.tree is None:
        return f"a formula that cannot be understood ({target.block.problem})"
    words = in_words(target.block.tree, int(context.rows[0]), int(context.columns[0]))
    return words[1:-1] if words.startswith("(") and words.endswith(")") and "(" not in words[1:] else words


# ---- the formula as a tree ---------------------------------------------------------------------


class _Recorder(Context):
    """A context that remembers what each part of the formula came to."""

    seen: dict[int, Result]

    @classmethod
    def of(cls, context: Context) -> _Recorder:
        recorder = cls(context.workspace, context.sheet, context.rows, context.columns, context.readers, context.array)
        recorder.seen = {}
        return recorder

    def evaluate(self, node: Node) -> Result:
        result = super().evaluate(node)
        self.seen.setdefault(id(node), result)
        return result

    def passed(self, node: Node, value: Value) -> None:
        self.seen.setdefault(id(node), value)


def _tree(context: Context, tree: Node) -> Part:
    """The formula's parts with the values they had in evaluating it."""
    recorder = _Recorder.of(context)
    with context.workspace.borrowed(), np.errstate(all="ignore"), contextlib.suppress(SheetmlError):
        recorder.value(tree)  # where it fails, the parts that were reached have their values
    return _part(recorder, tree)


def _part(recorder: _Recorder, node: Node, level: int = 1) -> Part:
    row, column = int(recorder.rows[0]), int(recorder.columns[0])
    if isinstance(node, Binary):
        text = OPERATION.get(node.operator, node.operator)
    elif isinstance(node, Unary):
        text = {"-": "− (sign)", "%": "%", "@": "@ (the cell in line)", "#": "# (spilled)"}.get(node.operator, "+")
    elif isinstance(node, Call):
        text = node.function
    elif isinstance(node, Apply):
        text = "call"
    else:
        text = to_a1(node, row, column)
        if isinstance(node, Name):
            text += _meaning(recorder, node)
    result = recorder.seen.get(id(node))
    below = () if isinstance(node, Name) or level == MOST_LEVELS else children(node)
    if isinstance(node, Binary) and len(left_spine(node)[1]) > MOST_TERMS:  # is shown as one operation
        below = operands(node)
        text = " ".join(dict.fromkeys(OPERATION.get(part.operator, part.operator) for part in left_spine(node)[1]))
    parts = [_part(recorder, child, level + 1) for child in below]
    return Part(text, "not needed" if result is None and below else _result_text(recorder, result), parts)


def _meaning(recorder: _Recorder, node: Name) -> str:
    """What a defined name stands for, to be shown beside it."""
    if node.name.casefold() in recorder.variables:
        return ""
    tree = recorder.workspace.scope.name(node.name, recorder.sheet, node.sheet)
    return "" if tree is None else f" (= {to_a1(tree, 1, 1)})"


def _result_text(recorder: Context, result: Result | None) -> str:
    if result is None:
        return ""
    if isinstance(result, (Lambda, LambdaArray)):
        return "a function" if isinstance(result, Lambda) else "functions"
    if isinstance(result, AreaArray):
        return "areas"
    if isinstance(result, Areas):
        return "; ".join(_result_text(recorder, part) for part in result.parts)
    if isinstance(result, Reference):
        if result.errors is not None:
            return ERROR_TEXT[ErrorCode(int(result.errors[0]))]
        named = address(recorder.workspace.scope.sheet_names[result.sheet], _area(result)) if result.dynamic else ""
        return f"{named} {_values_text(recorder.read_padded(result))}".strip()
    return _values_text(result)


def _area(reference: Reference) -> Area:
    bounds = reference.top[0], reference.left[0], reference.bottom[0], reference.right[0]
    return Area(*(int(bound) for bound in bounds))


def _values_text(value: Value) -> str:
    """One value, or an array in a few words: "15 × 15: 206 numbers from 0.5 to 5, 19 blank"."""
    kinds, numbers = value.kinds.reshape(-1), np.broadcast_to(value_of(value.number), value.shape).reshape(-1)
    if kinds.size == 1:
        return _single_text(int(kinds[0]), float(numbers[0]), str(value.texts.reshape(-1)[0]))
    rows, columns = value.shape[-2:]
    return f"{rows:,} × {columns:,}: {summary(kinds, numbers)}"


def _single_text(kind: int, number: float, text: str) -> str:
    if kind == BLANK:
        return "blank"
    if kind == TEXT:
        return value_text(text)
    if kind == BOOLEAN:
        return value_text(bool(number))
    return figure(number) if kind == NUMBER else ERROR_TEXT[ErrorCode(kind - ERROR)]


# ---- what it depends on ------------------------------------------------------------------------


def _dependencies(workbook: Book, found: Lineage, slot: int) -> list[Dependency]:
    """All sources but the cell itself, the nearest first."""
    calculation = workbook.calculation
    adjustable = _adjustable(workbook)
    stages: dict[int, int] = {}
    for source in found.blocks:
        stages[source.stage] = stages.get(source.stage, 0) + 1
    others = [source for source in found.sources if source is not found.target]
    distance = _distances(found)
    if found.target.slots.size > 1:
        others.append(_rest_of(calculation, found.target, slot))
    others.sort(key=lambda source: (distance.get(id(source), 0), source.block is None))
    dependencies = []
    for source in others:
        role = ""
        if source.block is not None:
            role = "recurrence" if stages[source.stage] > 1 or source in source.reads else ""
        elif adjustable.size and np.isin(source.slots, adjustable).any():
            role = "adjustable"
        direct = bool(np.isin(source.slots, found.direct).any())
        dependencies.append(_dependency(workbook, source, direct, role))
    return dependencies


def _rest_of(calculation: Calculation, target: Source, slot: int) -> Source:
    """The other cells of the explained cell's block that it depends on."""
    slots = target.slots[target.slots != slot]
    rest = Source(slots, calculation.describe(slots), target.block, target.formula, target.stage)
    rest.reads.append(rest)
    return rest


def _dependency(workbook: Book, source: Source, direct: bool, role: str) -> Dependency:
    calculation = workbook.calculation
    return Dependency(
        area=source.area,
        label=label_of(calculation, *source_area(calculation, source)),
        formula=source.formula,
        cells=source.slots.size,
        values=summary(calculation.kinds(source.slots), calculation.numbers(source.slots)),
        direct=direct,
        role=role,
    )


def source_area(calculation: Calculation, source: Source) -> tuple[int, Area]:
    """The sheet of a source and the smallest rectangle around its cells."""
    places = calculation.places(source.slots)
    top, left = places[:, 1:].min(axis=0)
    bottom, right = places[:, 1:].max(axis=0)
    return int(places[0, 0]), Area(int(top), int(left), int(bottom), int(right))


def _distances(found: Lineage) -> dict[int, int]:
    """How many formulas away from the target each source is, by the shortest way."""
    distance = {id(found.target): 0}
    waiting = [found.target]
    for source in waiting:
        for read in source.reads:
            if id(read) not in distance:
                distance[id(read)] = distance[id(source)] + 1
                waiting.append(read)
    return distance


def _adjustable(workbook: Book) -> np.ndarray:
    """The slots of the adjustable cells of all Solver models that can be understood."""
    slots = [np.zeros(0, np.intp)]
    for model in solver_models(workbook):
        try:
            for sheet, area in model.adjustable_areas:
                slots.append(workbook.calculation.within(sheet, area))
        except SheetmlError:
            continue
    return np.concatenate(slots)


# ---- what moves it -----------------------------------------------------------------------------

_Influences = tuple[list[AreaGradient], list[Influence], list[Influence], str]


def _influences(workbook: Book, slot: int, found: Lineage, most: int) -> tuple[_Influences, str]:
    """The gradient by area and by cell, or the reason why there is none; and what it went through that is flat."""
    calculation = workbook.calculation
    sources = []
    for source in found.inputs:
        numeric = source.slots[calculation.kinds(source.slots) == NUMBER]
        if numeric.size:
            sources.append((source, numeric))
    if found.target.block is None:
        return ([], [], [], "the cell holds no formula"), ""
    if not sources:
        return ([], [], [], "it depends on no cell with a number"), ""
    stages = {id(stage): stage for source in found.blocks if (stage := _recurrence(calculation, source)) is not None}
    steps = sum(len(stage.steps) for stage in stages.values())
    if steps > MOST_STEPS:
        return (
            [],
            [],
            [],
            f"it goes through a recurrence of {steps:,} steps, which takes long: see Workbook.function",
        ), ""
    inputs = np.concatenate([slots for _, slots in sources])
    function = CellFunction(calculation, inputs, np.array([slot]), True)
    try:
        gradient = function.gradient(function.x0)
    except (NotDifferentiableError, CalculationError) as error:
        return ([], [], [], str(error)), ""
    values = calculation.numbers(inputs)
    ends = np.cumsum([slots.size for _, slots in sources])
    areas = [
        _area_gradient(calculation, source, slots, part)
        for (source, slots), part in zip(sources, np.split(gradient, ends[:-1]))
    ]
    areas.sort(key=lambda area: -area.norm)
    steepest = list(_ranked(calculation, inputs, values, gradient, np.abs(gradient), most))
    weightiest = list(_ranked(calculation, inputs, values, gradient, np.abs(gradient * values), most))
    return (areas, steepest, weightiest, ""), flat_words(function.flat)


def _recurrence(calculation: Calculation, source: Source) -> Stage | None:
    """The stage that computes a block, if that is a recurrence."""
    stage = questions.stage_of(calculation, int(source.slots[0]))
    return stage if stage is not None and stage.is_scan else None


def _area_gradient(calculation: Calculation, source: Source, slots: np.ndarray, gradient: np.ndarray) -> AreaGradient:
    first = int(np.argmax(np.abs(gradient)))
    return AreaGradient(
        area=source.area,
        label=label_of(calculation, *source_area(calculation, source)),
        cells=slots.size,
        norm=float(np.linalg.norm(gradient)),
        largest=float(gradient[first]),
        at=calculation.describe([slots[first]]),
    )


def _ranked(
    calculation: Calculation,
    slots: np.ndarray,
    values: np.ndarray,
    gradient: np.ndarray,
    size: np.ndarray,
    most: int,
) -> Iterator[Influence]:
    """The cells of the largest influence; those without any are left out."""
    for position in np.argsort(-size, kind="stable")[:most].tolist():
        if not size[position] > 0:
            return
        sheet, row, column = calculation.place(int(slots[position]))
        number, slope = float(values[position]), float(gradient[position])
        yield Influence(
            address(calculation.sheet_names[sheet], Area(row, column, row, column)),
            label_of(calculation, sheet, Area(row, column, row, column)),
            number,
            slope,
            slope * number,
        )
