"""Rules about what cells hold: errors, numbers as text, blanks that are divided by, lookups that may miss."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import Areas, Reference
from sheetml.engine.calculation import UNKNOWN
from sheetml.engine.dependencies import pairs_of, read_references
from sheetml.engine.evaluate import Context
from sheetml.engine.formulas import Block
from sheetml.engine.values import BLANK, ERROR, NUMBER, TEXT, Value, compare
from sheetml.engine.values import describe as value_in_words
from sheetml.errors import SheetmlError
from sheetml.formula.text import to_a1
from sheetml.formula.tree import (
    Binary,
    Boolean,
    Call,
    ErrorValue,
    Missing,
    Name,
    Node,
    Number,
    Range,
    StructuredReference,
    children,
    walk,
)
from sheetml.report.audit.finding import ERROR as SEVERE
from sheetml.report.audit.finding import NOTE, WARNING, Observation, Subject
from sheetml.report.words import quantity
from sheetml.xlsx.model import ErrorCode

GUARDS = frozenset(("IF", "IFERROR", "IFNA", "IFS", "CHOOSE", "SWITCH"))
IGNORING_TEXT = frozenset(
    [
        "SUM",
        "AVERAGE",
        "COUNT",
        "MIN",
        "MAX",
        "SUMSQ",
        "SUMXMY2",
        "SUMX2MY2",
        "SUMX2PY2",
        "SUMPRODUCT",
        "PRODUCT",
        "STDEV",
        "STDEV.S",
        "STDEV.P",
        "VAR",
        "VAR.S",
        "VAR.P",
        "MEDIAN",
        "LARGE",
        "SMALL",
        "CORREL",
        "SLOPE",
        "INTERCEPT",
        "SUMIF",
        "SUMIFS",
        "AVERAGEIF",
        "AVERAGEIFS",
        "SUBTOTAL",
    ]
)
NUMERIC_TEXT = re.compile(r"\s*[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][-+]?\d+)?\s*%?\s*|\s*[-+]?\.\d+\s*%?\s*")
MOST_PAIRS = 5_000_000


# ---- errors ----------------------------------------------------------------------------------


def error_value(subject: Subject) -> Iterator[Observation]:
    """A formula that gives an error which none of the cells it reads has."""
    kinds = subject.calculation.kinds()
    wrong = (kinds >= ERROR) & (kinds != UNKNOWN)
    divided = _blank_divisors(subject)
    for number, block in enumerate(subject.blocks):
        slots = subject.calculation.locate(block.sheet, block.rows, block.columns)
        own = wrong[slots] & (subject.block_of[slots] == number) & ~np.isin(slots, divided)
        if block.tree is None or not own.any():
            continue
        roots = slots[own & ~np.isin(slots, _readers_of(subject, block, wrong))]
        for kind in np.unique(kinds[roots]):
            some = roots[kinds[roots] == kind]
            error = value_in_words(ErrorCode(int(kind) - ERROR))
            place = subject.calculation.place(int(some[0]))
            on_purpose = error == "#N/A" and any(isinstance(n, Call) and n.function == "NA" for n in walk(block.tree))
            yield Observation(
                NOTE if on_purpose else SEVERE,
                subject.slots_text(some),
                f"={to_a1(block.tree, *place[1:])} gives {error}{_why(subject, block)}.",
                excel=f"The cell shows {error}; a green corner says that the formula results in an error.",
            )


def _readers_of(subject: Subject, block: Block, mask: np.ndarray) -> np.ndarray:
    """The block's cells that read a slot of the mask."""
    readers, sources = pairs_of(subject.context(block), block.tree)
    return np.unique(readers[mask[sources]])


def _why(subject: Subject, block: Block) -> str:
    """What in the formula itself is wrong, as far as its text shows it."""
    for node in walk(block.tree):
        if isinstance(node, ErrorValue) and node.value.upper() == "#REF!":
            return ": it refers to cells that were deleted"
        if isinstance(node, Name) and node.sheet is None and not _is_known(subject, node, block):
            return f": there is no name {node.name}"
    return ""


def _is_known(subject: Subject, node: Name, block: Block) -> bool:
    parameters = {
        argument.name.casefold()
        for call in walk(block.tree)
        if isinstance(call, Call) and call.function in ("LET", "LAMBDA")
        for argument in call.arguments
        if isinstance(argument, Name)
    }
    return node.name.casefold() in parameters or questions.is_name(subject.calculation, node.name, block.sheet)


def circular_reference(subject: Subject) -> Iterator[Observation]:
    """Cells that depend on themselves."""
    severity = NOTE if subject.workbook.file.iterate else SEVERE
    for cells in questions.circles(subject.calculation):
        place = subject.slots_text(cells)
        yield Observation(severity, place, "the cells depend on themselves through those they refer to.")


def not_computed(subject: Subject) -> Iterator[Observation]:
    """Cells that sheetml cannot compute, so that other rules could not look at them."""
    reasons: dict[str, list[int]] = {}
    for slot, reason in questions.problems(subject.calculation).items():
        if not reason.startswith("circular reference"):
            reasons.setdefault(reason, []).append(slot)
    for reason, slots in reasons.items():
        yield Observation(NOTE, subject.slots_text(np.array(slots)), f"sheetml could not compute this: {reason}.")


# ---- blanks ----------------------------------------------------------------------------------


def division_by_blank(subject: Subject) -> Iterator[Observation]:
    """A division by a cell that holds nothing."""
    for block, node, slots in _divisions(subject):
        place = subject.calculation.place(int(slots[0]))
        yield Observation(
            SEVERE,
            subject.slots_text(slots),
            f"={to_a1(block.tree, *place[1:])} divides by {to_a1(node, *place[1:])}, which is blank.",  # type: ignore[arg-type]
        )


def _blank_divisors(subject: Subject) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.intp), *(slots for _, _, slots in _divisions(subject))])


def _divisions(subject: Subject) -> Iterator[tuple[Block, Node, np.ndarray]]:
    """Divisions by single cells that are blank, outside of anything that guards against it."""
    calculation = subject.calculation
    for block in subject.blocks:
        for node in _divisors(block.tree):
            context = subject.context(block)
            try:
                reference = context.evaluate(node)
            except SheetmlError:
                continue
            if not isinstance(reference, Reference) or not reference.single or reference.errors is not None:
                continue
            slots = np.broadcast_to(context.locate(reference).reshape(-1), context.readers.shape)
            blank = (calculation.kinds(slots) == BLANK) & (subject.block_of[slots] < 0)
            if blank.any():
                yield block, node, context.readers[blank]


def _divisors(node: Node | None) -> Iterator[Node]:
    waiting = [] if node is None else [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.function in GUARDS:
            continue
        divisor = node.right if isinstance(node, Binary) and node.operator == "/" else None
        if isinstance(divisor, (Range, Name, StructuredReference)):
            yield divisor
        waiting.extend(reversed(children(node)))


# ---- numbers that are text -------------------------------------------------------------------


def text_number(subject: Subject) -> Iterator[Observation]:
    """Text that looks like a number, where numbers are reckoned with."""
    kinds, texts = subject.calculation.kinds(), subject.calculation.texts()
    headers = _header_slots(subject)
    summed = _summed_slots(subject)
    candidates = np.nonzero((kinds == TEXT) & (subject.block_of < 0))[0]
    chosen = [
        slot
        for slot in candidates.tolist()
        if NUMERIC_TEXT.fullmatch(texts[slot])
        and slot not in headers
        and (summed[slot] or _beside_number(subject, slot))
    ]
    for left_out in (True, False):
        slots = np.array([slot for slot in chosen if bool(summed[slot]) == left_out], np.intp)
        if slots.size:
            what = quantity(slots.size, "cell")
            first = texts[slots[0]]
            follow = (
                "formulas over ranges leave it out of their reckoning"
                if left_out
                else "the cells above or below are numbers"
            )
            yield Observation(
                WARNING if left_out else NOTE,
                subject.slots_text(slots),
                f'{what} with a number as text, such as "{first}": {follow}.',
            )


def _header_slots(subject: Subject) -> set[int]:
    """The cells with the names of tables' columns, which are text in any case."""
    slots: set[int] = set()
    for table in subject.workbook.file.tables:
        area = table.area
        rows = np.arange(area.top, area.top + table.header_rows)[:, None]
        columns = np.arange(area.left, area.right + 1)[None, :]
        slots.update(subject.calculation.locate(table.sheet, rows, columns).reshape(-1).tolist())
    return slots


def _beside_number(subject: Subject, slot: int) -> bool:
    sheet, row, column = subject.calculation.place(slot)
    around = [subject.calculation.slot(sheet, row + step, column) for step in (-1, 1) if row + step >= 1]
    return any(subject.calculation.kind(other) == NUMBER for other in around)


def _summed_slots(subject: Subject) -> np.ndarray:
    """A mask of the slots in ranges of functions that leave text out without a word."""
    mask = subject.calculation.mask()
    for block in subject.blocks:
        context = subject.context(block)
        for call in walk(block.tree):
            if isinstance(call, Call) and call.function in IGNORING_TEXT:
                for argument in call.arguments:
                    if isinstance(argument, (Range, StructuredReference, Name)):
                        _mark(context, argument, mask)
    mask[0] = False
    return mask


def _mark(context: Context, argument: Node, mask: np.ndarray) -> None:
    for reference in read_references(context, argument, False):
        if reference.count * int(reference.height.max()) * int(reference.width.max()) <= MOST_PAIRS:
            try:
                mask[context.locate(reference)] = True
            except SheetmlError:
                continue


# ---- lookups ---------------------------------------------------------------------------------

# Function: which argument is searched, which says how (None: it always looks for the nearest), whether a row
APPROXIMATE = {"MATCH": (1, 2), "VLOOKUP": (1, 3), "HLOOKUP": (1, 3), "LOOKUP": (1, None)}


def unsorted_lookup(subject: Subject) -> Iterator[Observation]:
    """An approximate lookup (the default of MATCH and VLOOKUP) in cells that are not sorted."""
    for block in subject.blocks:
        for call in walk(block.tree):
            if isinstance(call, Call) and call.function in APPROXIMATE:
                where = _unsorted(subject, block, call)
                if where is not None:
                    exact = {"MATCH": "0 as its third argument", "LOOKUP": "XLOOKUP, or MATCH with 0"}
                    yield Observation(
                        SEVERE,
                        subject.block_text(block),
                        f"{call.function} looks for the nearest value in {where}, which is not sorted: "
                        "what it finds is a matter of chance.",
                        f"Sort the cells, or use {exact.get(call.function, 'FALSE as its last argument')}.",
                    )


def _unsorted(subject: Subject, block: Block, call: Call) -> str | None:
    """The area searched, if the search needs it sorted and it is not."""
    searched, how = APPROXIMATE[call.function]
    if len(call.arguments) <= searched:
        return None
    descending = False
    if how is not None and len(call.arguments) > how:
        kind = call.arguments[how]
        number = kind.value if isinstance(kind, (Number, Boolean)) else None
        if isinstance(kind, Missing) or number is None or not number:
            return None
        descending = call.function == "MATCH" and number < 0
        if isinstance(kind, Number) and call.function == "MATCH" and number == 0:
            return None
    context = subject.context(block).select(slice(0, 1))
    try:
        result = context.evaluate(call.arguments[searched])
        if not isinstance(result, Reference) or result.errors is not None:
            return None
        value = context.read_padded(result)
    except SheetmlError:
        return None
    line = _searched_line(value, call.function)
    if _is_sorted(line, descending):
        return None
    return to_a1(call.arguments[searched], int(block.rows[0]), int(block.columns[0]))


def _searched_line(value: Value, function: str) -> Value:
    """The column or row of a table in which the search goes on, as (1, n, 1)."""
    rows, columns = value.shape[1:]
    across = function == "HLOOKUP" or (function in ("MATCH", "LOOKUP") and columns > rows)
    index = (slice(None), slice(0, 1), slice(None)) if across else (slice(None), slice(None), slice(0, 1))
    parts = [part[index].reshape(1, -1, 1) for part in (np.asarray(value.number), value.kinds, value.texts)]
    return Value(*parts)


def _is_sorted(line: Value, descending: bool) -> bool:
    """Whether values follow each other as Excel sorts them; blanks count as not there, errors end the matter."""
    keep = line.kinds.reshape(-1) != BLANK
    if (line.kinds >= ERROR).any() or keep.sum() < 2:
        return True
    number, kind, text = (part[:, keep] for part in (np.asarray(line.number), line.kinds, line.texts))
    former = Value(number[:, :-1], kind[:, :-1], text[:, :-1])
    latter = Value(number[:, 1:], kind[:, 1:], text[:, 1:])
    in_order = compare(">=" if descending else "<=", former, latter)
    return bool((np.asarray(in_order.number) != 0).all())


# ---- sizes -----------------------------------------------------------------------------------


def sizes_differ(subject: Subject) -> Iterator[Observation]:
    """SUMIF and AVERAGEIF over two areas of different sizes: Excel quietly takes the size of the first."""
    for block in subject.blocks:
        for call in walk(block.tree):
            if isinstance(call, Call) and call.function in ("SUMIF", "AVERAGEIF") and len(call.arguments) == 3:
                sizes = [_size_of(subject, block, call.arguments[position]) for position in (0, 2)]
                if None not in sizes and sizes[0] != sizes[1]:
                    row, column = int(block.rows[0]), int(block.columns[0])
                    tested, summed = (to_a1(call.arguments[position], row, column) for position in (0, 2))
                    yield Observation(
                        WARNING,
                        subject.block_text(block),
                        f"{call.function} tests {tested} and takes {summed}, an area of another size.",
                    )


def _size_of(subject: Subject, block: Block, node: Node) -> tuple[int, int] | None:
    if not isinstance(node, (Range, Name, StructuredReference)):
        return None
    try:
        result = subject.context(block).select(slice(0, 1)).evaluate(node)
    except SheetmlError:
        return None
    if isinstance(result, Areas) or not isinstance(result, Reference) or result.errors is not None:
        return None
    return int(result.height[0]), int(result.width[0])
