"""Formulas for one cell at a time, on values of any kind: what recurrences with texts, errors and choices are made of.

A block's formula becomes Python source that calls `items.py`. What it reads of cells that are computed with it (the
live ones) it takes from a list by slot. What depends on no live cell is evaluated by the engine before, for all the
block's cells at once; a function that is not known here, for the one cell, with its arguments as variables.

The source contains nothing from the workbook: what it reads and its constants have names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from sheetml.engine.areas import Reference, implicit_intersection
from sheetml.engine.block_values import defects_named
from sheetml.engine.compiled import item_criteria, items
from sheetml.engine.compiled.items import Item
from sheetml.engine.dependencies import reads_of
from sheetml.engine.evaluate import Context, definition
from sheetml.engine.plan import Step
from sheetml.engine.signals import Signal
from sheetml.engine.values import Value
from sheetml.formula.tree import (
    Binary,
    Boolean,
    Call,
    ErrorValue,
    ExternalReference,
    Missing,
    Name,
    Node,
    Number,
    Range,
    StructuredReference,
    Text,
    Unary,
    left_spine,
    walk,
)
from sheetml.xlsx.model import ERROR_CODE, ErrorCode

DEEPEST = 25  # calls within calls: Python's parser has a limit
PENDING = object()  # what a cell holds that is still to be computed
_MOST_ITEMS = 2_000_000  # in an area
_KEPT = 64  # cells of an area whose slots are kept
_REMEMBERED = 10_000  # values of a function

_REFERENCES = (Range, Name, StructuredReference)
_CONSTANTS = (Number, Text, Boolean, ErrorValue)
# the positions of arguments that are taken by their value alone, whether they are cells or not
_BY_VALUE: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("VLOOKUP", "HLOOKUP"), (0, 2, 3)),
    **dict.fromkeys(("MATCH", "XMATCH"), (0, 2, 3)),
    **dict.fromkeys(("COUNTIF", "SUMIF", "AVERAGEIF", "SMALL", "LARGE"), (1,)),
    **dict.fromkeys(("COUNTIFS",), tuple(range(1, 20, 2))),
    **dict.fromkeys(("SUMIFS", "AVERAGEIFS"), tuple(range(2, 20, 2))),
    **dict.fromkeys(("WORKDAY", "NETWORKDAYS"), (0, 1)),
    "LOOKUP": (0,),
    "XLOOKUP": (0, 4, 5),
    "INDEX": (1, 2),
}


class NotWritten(Signal):
    """The formula, or what it holds now, is not of a kind that is computed here: it is left to the engine."""


class Needed(Signal):
    """A formula reads a cell that is still to be computed."""

    def __init__(self, slot: int) -> None:
        super().__init__()
        self.slot = slot


@dataclass(slots=True)
class ItemFormula:
    """A block's formula for any one of its cells: `function` of the cell's position, once it is `prepared`."""

    step: Step
    source: CodeType
    names: dict[str, Any]
    known: list[tuple[str, Node, Context]]  # what is evaluated before, for all cells, and its name
    memories: list[dict[Any, Item]] = field(default_factory=list)

    def prepared(self, values: list[Any]) -> Callable[[int], Item]:
        """The formula for a run on `values`, by slot. Raises NotWritten where something cannot be known before."""
        for memory in self.memories:
            memory.clear()
        for name, node, context in self.known:
            self.names[name] = _known(node, context)
        namespace = {**_HELPERS, **self.names, "V": values}
        exec(self.source, namespace)
        function: Callable[[int], Item] = namespace["f"]
        return function


def item_formula(step: Step, live: np.ndarray, watched: bool) -> ItemFormula:
    """A block's formula. `live` marks the slots of the cells that are computed with it; with `watched` each of
    them is looked at when it is read, in case it is still to be computed. Raises NotWritten."""
    block = step.block
    if block.tree is None or block.size is not None or block.table is not None or step.volatile:
        raise NotWritten
    if any(isinstance(node, ExternalReference) for node in walk(block.tree)):
        raise NotWritten
    writer = _Writer(step, live, watched)
    text = writer.of(block.tree, writer.context)
    source = compile(f"def f(i):\n    return result({text})", "<formula>", "exec")
    return ItemFormula(step, source, writer.names, writer.known, writer.memories)


def _known(node: Node, context: Context) -> list[Item]:
    """A part's values, one for each of the block's cells."""
    with defects_named():
        value = context.value(node)
    if value.shape[1:] != (1, 1):
        raise NotWritten
    found = items.items_of(value)
    return found if len(found) == context.count else found * context.count


class _Writer:
    def __init__(self, step: Step, live: np.ndarray, watched: bool) -> None:
        own = step.context
        nowhere = np.zeros(own.count, np.intp)  # what cannot be computed is noted only where it is needed
        self.context = Context(own.workspace, own.sheet, own.rows, own.columns, nowhere, own.array, own.cache)
        self.live = live
        self.watched = watched
        self.last_sum = step.block.last_sum
        self.context.last_sum = self.last_sum
        self.names: dict[str, Any] = {}
        self.known: list[tuple[str, Node, Context]] = []
        self.memories: list[dict[Any, Item]] = []
        self.depth = 0

    def of(self, node: Node, context: Context) -> str:
        """The source of a part's value."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotWritten
        text = self._of(node, context)
        self.depth -= 1
        return text

    def _of(self, node: Node, context: Context) -> str:
        if isinstance(node, _CONSTANTS):
            return self.name(_constant(node))
        if isinstance(node, Missing):
            return "None"
        if self.is_static(node, context):
            return self._before(node, context)
        if isinstance(node, _REFERENCES):
            return self._cell(node, context)
        if isinstance(node, Binary):
            return self._binary(node, context)
        if isinstance(node, Unary) and node.operator in "+-%":
            operand = self.of(node.operand, context)
            return operand if node.operator == "+" else f"{_UNARY[node.operator]}({operand})"
        if isinstance(node, Call):
            return self._call(node, context)
        raise NotWritten

    def name(self, item: Any) -> str:
        """A name for something that the source makes use of."""
        name = f"k{len(self.names)}"
        self.names[name] = item
        return name

    def variable(self) -> str:
        """A name for something that the source computes."""
        name = f"t{len(self.names)}"
        self.names[name] = None  # so that no two are called alike
        return name

    def is_static(self, node: Node, context: Context) -> bool:
        """Whether a part depends on no live cell, as far as its text says so."""
        return not self.live[reads_of(context.in_array_mode(), node)].any()

    def _before(self, node: Node, context: Context) -> str:
        name = self.name(None)
        self.known.append((name, node, context))
        return f"{name}[i]"

    # ---- cells and areas

    def reference(self, node: Node, context: Context) -> Reference | Node:
        """The cells that a node stands for; for a name that stands for a formula, that formula."""
        if isinstance(node, Name) and (node.sheet is not None or node.name.casefold() not in context.variables):
            tree = context.workspace.scope.name(node.name, context.sheet, node.sheet)
            if tree is not None and not isinstance(tree, Range):
                return tree
        found = context.evaluate(node)
        if not isinstance(found, Reference) or found.errors is not None or found.dynamic:
            raise NotWritten
        return found

    def _cell(self, node: Node, context: Context) -> str:
        found = self.reference(node, context)
        if isinstance(found, Node):
            return self.of(found, definition(context))
        if not found.single:
            if context.array:
                raise NotWritten
            found = implicit_intersection(found, context.rows, context.columns)
            if found.errors is not None:
                raise NotWritten
        slots = context.slots_of(found).reshape(-1).tolist()
        place = f"{self.name(slots)}[i]" if len(slots) > 1 else self.name(slots[0])
        return f"need({place}, V[{place}])" if self.watched else f"V[{place}]"

    def _area(self, node: Node, context: Context) -> str:
        """The source of the list of what an area's cells hold."""
        found = self.reference(node, context)
        if isinstance(found, Node):
            raise NotWritten
        return f"{self.name(_places(context, found))}(i, V, {self.watched})"

    # ---- operators and functions

    def _binary(self, node: Binary, context: Context) -> str:
        first, chain = left_spine(node)
        if len(chain) > DEEPEST or any(part.operator not in items.BINARY for part in chain):
            raise NotWritten
        left = self.of(first, context)
        for part in chain:
            table = items.LAST if part is self.last_sum else items.BINARY
            left = f"{self.name(table[part.operator])}({left}, {self.of(part.right, context)})"
        return left

    def _call(self, node: Call, context: Context) -> str:
        function = context.workspace.functions.get(node.function)
        if function is None or not function.fewest <= len(node.arguments) <= function.most or function.volatile:
            raise NotWritten
        rule = _RULES.get(node.function)
        if rule is not None:
            return rule(self, node.arguments, context)
        if node.function in items.AGGREGATES:
            parts = [self._part(argument, context) for argument in node.arguments]
            return f"{self.name(items.AGGREGATES[node.function])}({', '.join(parts)})"
        if node.function in items.COUNTS and all(isinstance(argument, _REFERENCES) for argument in node.arguments):
            parts = [self._area(argument, context) for argument in node.arguments]
            return f"{self.name(items.COUNTS[node.function])}({', '.join(parts)})"
        if node.function in items.NUMERIC:
            parts = [self.of(argument, context) for argument in node.arguments]
            return f"{self.name(items.NUMERIC[node.function])}({', '.join(parts)})"
        if node.function in item_criteria.FUNCTIONS:
            return self._measured(node, context)
        by_value = range(len(node.arguments)) if function.intersects else _BY_VALUE.get(node.function, ())
        return self._asked(node, context, by_value)

    def _part(self, node: Node, context: Context) -> str:
        """An argument of an aggregate: cells count otherwise than what is computed."""
        if isinstance(node, _REFERENCES):
            return self._area(node, context)
        if isinstance(node, Call):
            function = context.workspace.functions.get(node.function)
            gives_values = function is not None and (
                function.intersects or node.function in items.AGGREGATES or node.function in ("NOT", "IFERROR", "IFNA")
            )
            if not gives_values:
                raise NotWritten
        elif not isinstance(node, (*_CONSTANTS, Binary, Unary)) or isinstance(node, Missing):
            raise NotWritten
        return self.of(node, context)

    def _measured(self, node: Call, context: Context) -> str:
        """SUMIF and its kind, of areas some cells of which are live; of others as the engine has it."""
        place, first = item_criteria.FUNCTIONS[node.function]
        if place is not None and place >= len(node.arguments):
            place = 0  # SUMIF(area, criterion) sums the area itself
        pairs = node.arguments[first : 2 if place == 2 else None]
        areas = [*pairs[::2], *([] if place is None else [node.arguments[place]])]
        if all(self.is_static(area, context) for area in areas):
            return self._asked(node, context, _BY_VALUE[node.function])
        if len(pairs) % 2 or any(isinstance(argument, Missing) for argument in node.arguments):
            raise NotWritten
        found: list[Reference] = []
        scope = context.workspace.scope
        for area in areas:
            each = self.reference(area, context)
            if not isinstance(each, Reference) or (each.bottom > scope.row_limit).any():
                raise NotWritten
            found.append(each)
            if (each.right > scope.column_limit).any():
                raise NotWritten
            if (each.height != found[0].height).any() or (each.width != found[0].width).any():
                raise NotWritten
        parts = ["None" if place is None else self._area(node.arguments[place], context)]
        for area, asked in zip(pairs[::2], pairs[1::2]):
            parts += [self._area(area, context), self.of(asked, context)]
        return f"sure({self.name(item_criteria.measuring(node.function))}({', '.join(parts)}))"

    def _asked(self, node: Call, context: Context, by_value: range | tuple[int, ...]) -> str:
        """A function evaluated by the engine for one cell, with its arguments as variables."""
        arguments: list[Node] = []
        variables: list[str] = []
        texts: list[str] = []
        fixed = True
        for position, argument in enumerate(node.arguments):
            if isinstance(argument, (*_CONSTANTS, Missing)):
                arguments.append(argument)
            elif position in by_value:
                variables.append(f"\0{position}")
                arguments.append(Name(variables[-1]))
                texts.append(self.of(argument, context))
            elif self.is_static(argument, context):
                arguments.append(argument)
                found = context.evaluate(argument) if isinstance(argument, Range) else None
                fixed = fixed and isinstance(found, Reference) and found.count == 1
            else:
                raise NotWritten
        memory: dict[Any, Item] | None = {} if fixed else None
        if memory is not None:
            self.memories.append(memory)
        call = Call(node.function, tuple(arguments))
        return f"{self.name(_asking(call, tuple(variables), context, memory))}({', '.join(['i', *texts])})"


_UNARY = {operator: function.__name__ for operator, function in items.UNARY.items()}


def _constant(node: Node) -> Item:
    if isinstance(node, ErrorValue):
        return ERROR_CODE.get(node.value.upper(), ErrorCode.REF)
    assert isinstance(node, (Number, Text, Boolean))
    return float(node.value) if isinstance(node, Number) else node.value


# ---- what the source calls ---------------------------------------------------------------------


def _need(slot: int, item: Item) -> Item:
    if item is PENDING:
        raise Needed(slot)
    return item


def _sure(item: Item) -> Item:
    if item is None:
        raise NotWritten
    return item


def _places(context: Context, reference: Reference) -> Callable[[int, list[Any], bool], list[Item]]:
    """What the area of each cell holds; slots are located when they are asked for.

    Of an area that continues the last one (A$1:A1, A$1:A2 ...) only the cells that it has more are read.
    """
    slots_at, sheet, single = context.workspace.slots.area, reference.sheet, reference.count == 1
    scope = context.workspace.scope
    height = np.minimum(reference.height, scope.row_limit - reference.top + 1)
    width = np.minimum(reference.width, scope.column_limit - reference.left + 1)
    if (height.astype(np.float64) * width).max(initial=0) > _MOST_ITEMS:
        raise NotWritten  # the engine knows what to do with areas of a whole sheet
    edges = list(zip(*(edge.tolist() for edge in (reference.top, reference.left, height, width))))
    kept: dict[int, list[int]] = {}
    last: tuple[Any, tuple[int, int, int, int], list[Item]] = (None, (0, 0, 0, 0), [])

    def held(cell: int, values: list[Any], watched: bool) -> list[Item]:
        nonlocal last
        at = 0 if single else cell
        area = edges[at]
        top, left, rows, columns = area
        if rows < 1 or columns < 1:
            return [None]
        of, (last_top, last_left, last_rows, last_columns), known = last
        grows = of is values and (top, left, columns) == (last_top, last_left, last_columns) and rows >= last_rows > 1
        if grows:
            places = slots_at(sheet, top + last_rows, left, rows - last_rows, columns).reshape(-1).tolist()
        elif at in kept:
            places = kept[at]
        else:
            places = slots_at(sheet, top, left, rows, columns).reshape(-1).tolist()
            if single or len(places) <= _KEPT:
                kept[at] = places
        found = [values[place] for place in places]
        if watched and PENDING in found:
            raise Needed(places[found.index(PENDING)])
        if grows:
            found = known + found
        if not single:
            last = values, area, found
        return found

    return held


def _asking(
    call: Call, variables: tuple[str, ...], context: Context, memory: dict[Any, Item] | None
) -> Callable[..., Item]:
    """A function that the engine evaluates for a cell; the same arguments are remembered where no cell matters."""

    def asked(cell: int, *given: Item) -> Item:
        key = (given, tuple(map(type, given)))
        if memory is not None and key in memory:
            return memory[key]
        part = context if context.count == 1 else context.select(np.array([cell]))
        part = part.with_variables({name: items.value_of_item(item) for name, item in zip(variables, given)})
        with defects_named():
            value: Value = part.value(call)
        if value.shape != (1, 1, 1):
            raise NotWritten
        item = items.items_of(value)[0]
        if item == ErrorCode.UNCOMPUTABLE and type(item) is ErrorCode:
            raise NotWritten
        if memory is not None:
            if len(memory) > _REMEMBERED:
                memory.clear()
            memory[key] = item
        return item

    return asked


def _if(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    taken = writer.variable()
    condition = writer.of(arguments[0], context)
    branches = ["True", "False"]
    for position, argument in enumerate(arguments[1:]):
        branches[position] = "0.0" if isinstance(argument, Missing) else writer.of(argument, context)
    yes, no = branches
    return f"({yes} if ({taken} := truth({condition})) is True else {no} if {taken} is False else {taken})"


def _instead(asks: str) -> Callable[[_Writer, tuple[Node, ...], Context], str]:
    def rule(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
        held = writer.variable()
        value = writer.of(arguments[0], context)
        other = "0.0" if isinstance(arguments[1], Missing) else writer.of(arguments[1], context)
        return f"({other} if {asks}({held} := {value}) else {held})"

    return rule


def _not(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    return f"negated({writer.of(arguments[0], context)})"


def _branch(writer: _Writer, node: Node, context: Context) -> str:
    return "0.0" if isinstance(node, Missing) else writer.of(node, context)


def _choose(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    taken = writer.variable()
    text = f"({taken} if type({taken} := place({writer.of(arguments[0], context)})) is Wrong else "
    for place, argument in enumerate(arguments[1:], start=1):
        text += f"{_branch(writer, argument, context)} if {taken} == {place} else "
    return f"{text}{writer.name(ErrorCode.VALUE)})"


def _ifs(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    if len(arguments) % 2:
        raise NotWritten
    taken, text = writer.variable(), "("
    for condition, argument in zip(arguments[::2], arguments[1::2]):
        text += f"{taken} if type({taken} := truth({writer.of(condition, context)})) is Wrong else "
        text += f"{_branch(writer, argument, context)} if {taken} else "
    return f"{text}{writer.name(ErrorCode.NA)})"


def _switch(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    held, same, equal = writer.variable(), writer.variable(), writer.name(items.COMPARED["="])
    asked, text = f"({held} := {writer.of(arguments[0], context)})", "("
    for case, argument in zip(arguments[1::2], arguments[2::2]):
        text += f"{same} if type({same} := {equal}({asked}, result({writer.of(case, context)}))) is Wrong else "
        text += f"{_branch(writer, argument, context)} if {same} else "
        asked = held
    return text + (writer.name(ErrorCode.NA) if len(arguments) % 2 else _branch(writer, arguments[-1], context)) + ")"


def _index(writer: _Writer, arguments: tuple[Node, ...], context: Context) -> str:
    """INDEX reads the one cell that it names."""
    if len(arguments) > 3 or not isinstance(arguments[0], Range) or any(isinstance(a, Missing) for a in arguments):
        raise NotWritten
    found = writer.reference(arguments[0], context)
    assert isinstance(found, Reference)
    positions = [writer.of(argument, context) for argument in arguments[1:]]
    chosen = writer.name(_chosen(context, found))
    return f"{chosen}(i, V, {writer.watched}, {', '.join(positions)})"


def _chosen(context: Context, area: Reference) -> Callable[..., Item]:
    locate, sheet, single = context.workspace.slots.locate, area.sheet, area.count == 1
    edges = [edge.tolist() for edge in (area.top, area.left, area.height, area.width)]
    places: dict[tuple[int, int], int] = {}

    def held(cell: int, values: list[Any], watched: bool, *positions: Item) -> Item:
        top, left, height, width = (edge[0 if single else cell] for edge in edges)
        numbers = [items.number(position) for position in positions]
        wrong = items.first_wrong(*numbers)
        if wrong is not None:
            return wrong
        row, column = (int(numbers[0]), 1) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))
        if len(numbers) == 1 and height == 1:
            row, column = 1, row
        elif len(numbers) == 1 and width > 1:
            raise NotWritten
        if not (1 <= row <= height and 1 <= column <= width):
            raise NotWritten
        at = top + row - 1, left + column - 1
        if at not in places:
            places[at] = int(locate(sheet, *at))
        return _need(places[at], values[places[at]]) if watched else values[places[at]]

    return held


_RULES: dict[str, Callable[[_Writer, tuple[Node, ...], Context], str]] = {
    "IF": _if,
    "IFERROR": _instead("is_wrong"),
    "IFNA": _instead("is_missing"),
    "IFS": _ifs,
    "SWITCH": _switch,
    "CHOOSE": _choose,
    "NOT": _not,
    "INDEX": _index,
}
_HELPERS: dict[str, Any] = {
    "need": _need,
    "truth": items.truth,
    "place": items.place,
    "sure": _sure,
    "type": type,
    "Wrong": ErrorCode,
    "negated": items.negated,
    "negative": items.negative,
    "percent": items.percent,
    "is_wrong": items.is_wrong,
    "is_missing": lambda item: item == ErrorCode.NA and type(item) is ErrorCode,
    "result": items.result,
    "__builtins__": {},
}
