"""Rules about Solver models: what keeps them from being solved, or from meaning what they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import Reference
from sheetml.engine.dependencies import read_references
from sheetml.engine.formulas import Block
from sheetml.engine.values import BLANK, BOOLEAN, NUMBER
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Binary, Call, Node, Number, Range, Text, walk
from sheetml.report.audit.finding import ERROR, NOTE, WARNING, Model, Observation, Subject
from sheetml.report.labels import label_of
from sheetml.report.lineage import upstream
from sheetml.report.words import quantity
from sheetml.xlsx.model import Area

SUMS = frozenset(("SUM", "SUMSQ", "SUMXMY2", "SUMPRODUCT", "SUMX2MY2", "SUMX2PY2"))
COUNTS = frozenset(("COUNT", "COUNTA", "COUNTIF", "COUNTIFS", "ROWS", "COLUMNS"))
ROOT_MEAN_SQUARE = re.compile(r"\br\.?m\.?s\.?(e\.?)?\b|root mean sq", re.IGNORECASE)


def broken_model(subject: Subject) -> Iterator[Observation]:
    """A model that names cells which are not there, or whose parts do not fit."""
    for found in subject.models:
        place = _place(subject, found)
        for problem in found.problems:
            yield Observation(ERROR, place, f"in the sheet's Solver model {problem}.")
        if not found.problems and found.model.names.objective and found.objective.size != 1:
            yield Observation(ERROR, place, f"the objective ({found.model.names.objective}) is not one filled cell.")
        if not found.model.names.adjustable:
            yield Observation(ERROR, place, "the sheet's Solver model has no adjustable cells.")


def _place(subject: Subject, found: Model) -> str:
    return subject.area(found.model.names.sheet, Area(1, 1, 1, 1)).rpartition("!")[0]


def objective_without_formula(subject: Subject) -> Iterator[Observation]:
    """An objective that is a typed number, so that nothing can change it."""
    for found in subject.models:
        if found.objective.size == 1 and subject.block_of[found.objective[0]] < 0:
            yield Observation(ERROR, subject.slots_text(found.objective), "the objective cell holds no formula.")


def adjustable_formula(subject: Subject) -> Iterator[Observation]:
    """Adjustable cells that are formulas: a Solver would write numbers over them."""
    for found in subject.models:
        formulas = found.adjustable[subject.block_of[found.adjustable] >= 0]
        if formulas.size:
            what = quantity(formulas.size, "adjustable cell")
            yield Observation(ERROR, subject.slots_text(formulas), f"{what} of the Solver model hold formulas.")


def adjustable_not_number(subject: Subject) -> Iterator[Observation]:
    """Adjustable cells with text or an error in them."""
    kind = subject.calculation.kinds()
    for found in subject.models:
        other = found.adjustable[
            ~np.isin(kind[found.adjustable], (NUMBER, BLANK, BOOLEAN)) & (subject.block_of[found.adjustable] < 0)
        ]
        if other.size:
            what = quantity(other.size, "adjustable cell")
            yield Observation(ERROR, subject.slots_text(other), f"{what} of the Solver model hold no number.")


def idle_adjustable(subject: Subject) -> Iterator[Observation]:
    """Adjustable cells on which neither the objective nor any constraint depends."""
    for found in subject.models:
        if found.problems or not found.adjustable.size or not found.objective.size:
            continue
        if subject.block_of[found.objective[0]] < 0:
            continue
        bounds = np.isin(found.constraints, found.adjustable)
        matters = upstream(subject.calculation, np.concatenate([found.objective, found.constraints[~bounds]]))
        idle = found.adjustable[~matters[found.adjustable]]
        if idle.size:
            everything = idle.size == found.adjustable.size
            some = f"{idle.size:,} of {quantity(found.adjustable.size, 'adjustable cell')}"
            yield Observation(
                ERROR if everything else WARNING,
                subject.slots_text(idle),
                f"the objective {subject.slots_text(found.objective)} depends on "
                f"{'none of the adjustable cells' if everything else f'all but {some}'}.",
            )


def volatile_model(subject: Subject) -> Iterator[Observation]:
    """Random or time-dependent cells in a model: its objective changes while nothing is changed."""
    for found in subject.models:
        if not found.objective.size:
            continue
        needed = upstream(subject.calculation, np.concatenate([found.objective, found.constraints]))
        sources = np.nonzero(needed & _makes_volatile(subject))[0]
        if sources.size:
            yield Observation(
                WARNING,
                subject.slots_text(sources),
                f"the objective {subject.slots_text(found.objective)} depends on cells that change at every "
                "calculation: a Solver would chase a moving target.",
            )


def _makes_volatile(subject: Subject) -> np.ndarray:
    """The cells whose own formulas are volatile."""
    return questions.volatile(subject.calculation)


# ---- blanks that get a prediction ----------------------------------------------------------------


def blank_predicted(subject: Subject) -> Iterator[Observation]:
    """A guard against blanks that covers only part of a formula, so that blanks get a value after all.

    IF(H2="",0,...)+H$19+$A26: the sum goes on outside of the IF. It counts as odd where another formula
    compares these cells with the ones that may be blank, as an error measure does.
    """
    for block in subject.blocks:
        for guard, tested in _partial_guards(block.tree):
            yield from _predicted(subject, block, guard, tested)


def _partial_guards(tree: Node | None) -> Iterator[tuple[Call, Node]]:
    """Guards among the terms of a sum, beside terms that read cells; with what they test."""
    terms = list(_terms(tree)) if isinstance(tree, Binary) else []
    for term in terms:
        tested = _tested_for_blank(term)
        others = (other for other in terms if other is not term)
        if isinstance(term, Call) and tested is not None and any(_reads(other) for other in others):
            yield term, tested


def _terms(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Binary) and node.operator in ("+", "-"):
            waiting += (node.right, node.left)
        else:
            yield node


def _tested_for_blank(node: Node) -> Node | None:
    """What IF(x="",0,...), IF(x<>"",...,0), IF(ISBLANK(x),0,...) and IF(ISNUMBER(x),...,0) test: x."""
    if not isinstance(node, Call) or node.function != "IF" or len(node.arguments) < 2:
        return None
    condition, yes, *rest = node.arguments
    no = rest[0] if rest else Number(0.0)
    for test, neutral in ((_is_blank_test(condition), yes), (_is_filled_test(condition), no)):
        if test is not None and neutral in (Number(0.0), Text("")):
            return test
    return None


def _is_blank_test(node: Node) -> Node | None:
    if isinstance(node, Binary) and node.operator == "=" and node.right == Text(""):
        return node.left
    if isinstance(node, Call) and node.function == "ISBLANK" and len(node.arguments) == 1:
        return node.arguments[0]
    if isinstance(node, Call) and node.function == "NOT" and len(node.arguments) == 1:
        return _is_filled_test(node.arguments[0])
    return None


def _is_filled_test(node: Node) -> Node | None:
    if isinstance(node, Binary) and node.operator == "<>" and node.right == Text(""):
        return node.left
    if isinstance(node, Call) and node.function == "ISNUMBER" and len(node.arguments) == 1:
        return node.arguments[0]
    if isinstance(node, Call) and node.function == "NOT" and len(node.arguments) == 1:
        return _is_blank_test(node.arguments[0])
    return None


def _reads(node: Node) -> bool:
    return any(isinstance(part, Range) for part in walk(node))


def _predicted(subject: Subject, block: Block, guard: Call, tested: Node) -> Iterator[Observation]:
    cells = subject.calculation
    context = subject.context(block)
    reference = context.evaluate(tested)
    if not isinstance(reference, Reference) or not reference.single:
        return
    tested_slots = np.broadcast_to(context.locate(reference).reshape(-1), context.readers.shape)
    blank = cells.kinds(tested_slots) == BLANK
    filled = blank & (cells.kinds(context.readers) == NUMBER) & (cells.numbers(context.readers) != 0)
    compared = _compared(subject, context.readers, tested_slots[~blank])
    if not filled.any() or not compared:
        return
    row, column = int(block.rows[0]), int(block.columns[0])
    count = int(filled.sum())
    yield Observation(
        WARNING,
        subject.block_text(block),
        f"={to_a1(guard, row, column)} leaves out blank {to_a1(tested, row, column)}, but what is added outside of "
        f"its brackets does not: {count:,} of {filled.size:,} cells have a value although there is nothing to compare "
        f"it with ({compared}).",
    )


def _compared(subject: Subject, own: np.ndarray, tested: np.ndarray) -> str:
    """The formula that reads both these cells and those they test, "" if there is none."""
    for stage in questions.stages(subject.calculation):
        for step in stage.blocks:
            if np.isin(own, stage.reads).any() and np.isin(tested, stage.reads).any() and step.block.tree is not None:
                references = list(read_references(step.context, step.block.tree, False))
                slots = [np.unique(step.context.locate(each)) for each in references if each.errors is None]
                first = any(np.isin(own, each).any() for each in slots)
                if first and any(np.isin(tested, each).any() for each in slots) and own[0] not in step.cells:
                    return f"in {subject.block_text(step.block)}"
    return ""


# ---- sums that are called means ------------------------------------------------------------------


def no_mean(subject: Subject) -> Iterator[Observation]:
    """A root of a sum of squares that is called a root mean square, or stands beside objectives that are one."""
    objectives = _objective_blocks(subject)
    for block in subject.blocks:
        summed = _root_of_sum(block.tree)
        if summed is None or len(block.rows) != 1:
            continue
        row, column = int(block.rows[0]), int(block.columns[0])
        label = label_of(subject.calculation, block.sheet, Area(row, column, row, column))
        if ROOT_MEAN_SQUARE.search(label):
            yield Observation(
                NOTE,
                subject.block_text(block),
                f'the cell is called "{label}" but divides by no count: ={to_a1(block.tree, row, column)}.',  # type: ignore[arg-type]
            )
        elif any(block is objective for objective in objectives):
            others = [other for other in objectives if other is not block and _is_mean_of(other.tree, summed)]
            if others:
                yield Observation(
                    NOTE,
                    subject.block_text(block),
                    f"the objective divides by no count where {subject.block_text(others[0])} does: "
                    "the two values cannot be compared.",
                )


def _objective_blocks(subject: Subject) -> list[Block]:
    numbers = [int(subject.block_of[found.objective[0]]) for found in subject.models if found.objective.size == 1]
    return [subject.blocks[number] for number in numbers if number >= 0]


def _root_of_sum(tree: Node | None) -> str | None:
    """The function of X in SQRT(X) or X^0.5, where X is a sum and nothing more."""
    inner: Node | None = None
    if isinstance(tree, Call) and tree.function == "SQRT" and len(tree.arguments) == 1:
        inner = tree.arguments[0]
    elif isinstance(tree, Binary) and tree.operator == "^" and tree.right in (Number(0.5), _HALF):
        inner = tree.left
    return inner.function if isinstance(inner, Call) and inner.function in SUMS else None


_HALF = Binary("/", Number(1.0), Number(2.0))


def _is_mean_of(tree: Node | None, summed: str) -> bool:
    """Whether a formula holds the same sum divided by a count, or a mean of that kind."""
    for node in walk(tree):
        if isinstance(node, Binary) and node.operator == "/":
            above = isinstance(node.left, Call) and node.left.function == summed
            below = isinstance(node.right, Call) and node.right.function in COUNTS
            if above and below:
                return True
    return False
