"""Formulas of blocks for one cell at a time: what recurrences with texts, errors and choices are made of.

A block's formula becomes Python source (expressions.py) that takes what it reads of cells that are computed with it
(the live ones) from a list by slot, whatever kinds they are. What depends on no live cell is evaluated by the engine
before, for all the block's cells at once; a function that is not known here, for the one cell, with its arguments as
variables.

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
from sheetml.engine.compiled.expressions import (
    ANY,
    LIST,
    Arguments,
    Compiler,
    Typed,
    as_caught,
    as_item,
    bounded,
    result,
)
from sheetml.engine.compiled.expressions import DEEPEST as DEEPEST_TERMS
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.items import Item
from sheetml.engine.compiled.numbers import Fault
from sheetml.engine.compiled.terms import Writer
from sheetml.engine.dependencies import reads_of
from sheetml.engine.evaluate import Context, definition
from sheetml.engine.plan import Step
from sheetml.engine.signals import Signal
from sheetml.engine.values import NUMBER, REF, VALUE, Value
from sheetml.formula.tree import (
    Boolean,
    Call,
    ErrorValue,
    ExternalReference,
    Missing,
    Name,
    Node,
    Number,
    Range,
    Text,
    walk,
)
from sheetml.xlsx.model import ErrorCode

DEEPEST = 25  # parts of a formula within each other, ...
PENDING = object()  # what a cell holds that is still to be computed
_MOST_ITEMS = 2_000_000  # in an area
_KEPT = 64  # cells of an area whose slots are kept
_REMEMBERED = 10_000  # values of a function

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
    unknown: bool = False  # something that was evaluated before could not be computed

    def prepared(self, values: list[Any]) -> Callable[[int], Item]:
        """The formula for a run on `values`, by slot, which raises what numbers.FAULTS are where it has an error.

        Raises NotScalar where something cannot be known before.
        """
        self.unknown = False
        for memory in self.memories:
            memory.clear()
        for name, node, context in self.known:
            found = self.names[name] = _known(node, context)
            self.unknown = self.unknown or any(is_unknown(item) for item in found)
        namespace = {**_CALLED, **self.names, "V": values}
        exec(self.source, namespace)
        function: Callable[[int], Item] = namespace["f"]
        return function


def item_formula(step: Step, live: np.ndarray, watched: bool) -> ItemFormula:
    """A block's formula. `live` marks the slots of the cells that are computed with it; with `watched` each of
    them is looked at when it is read, in case it is still to be computed. Raises NotScalar."""
    block = step.block
    if block.tree is None or block.size is not None or block.table is not None or step.volatile:
        raise NotScalar
    if any(isinstance(node, ExternalReference) for node in walk(block.tree)):
        raise NotScalar
    compiler = BlockFormula(step, live, watched)
    term = as_item(result(compiler.of(block.tree)))
    if term.depth > DEEPEST_TERMS:
        raise NotScalar
    source = compile(f"def f(i):\n    return {Writer().text(term)}", "<formula>", "exec")
    return ItemFormula(step, source, compiler.names, compiler.known, compiler.memories)


def _known(node: Node, context: Context) -> list[Item]:
    """A part's values, one for each of the block's cells."""
    with defects_named():
        value = context.value(node)
    if value.shape[1:] != (1, 1):
        raise NotScalar
    found = items.items_of(value)
    return found if len(found) == context.count else found * context.count


def is_unknown(item: Item) -> bool:
    """Whether it stands for what could not be computed."""
    return type(item) is ErrorCode and item == ErrorCode.UNCOMPUTABLE


class BlockFormula(Compiler):
    """Compiles a block's formula for any one of its cells."""

    deepest = DEEPEST
    exact = True

    def __init__(self, step: Step, live: np.ndarray, watched: bool) -> None:
        super().__init__(step.block.last_sum)
        own = step.context
        nowhere = np.zeros(own.count, np.intp)  # what cannot be computed is noted only where it is needed
        self.context = Context(own.workspace, own.sheet, own.rows, own.columns, nowhere, own.array, own.cache)
        self.context.last_sum = self.last_sum
        self.live = live
        self.watched = watched
        self.known: list[tuple[str, Node, Context]] = []
        self.memories: list[dict[Any, Item]] = []

    def of(self, node: Node) -> Typed:
        if isinstance(node, (*_CONSTANTS, Missing)) or not self.is_static(node):
            return super().of(node)
        return self._read(f"{self._before(node)}[i]")

    def constant(self, node: Number) -> Typed:
        return Typed(Term(self.named(float(node.value))), NUMBER)

    def is_static(self, node: Node) -> bool:
        """Whether a part depends on no live cell, as far as its text says so."""
        return not self.live[reads_of(self.context.in_array_mode(), node)].any()

    def _before(self, node: Node) -> str:
        name = self.named(None)
        self.known.append((name, node, self.context))
        return name

    def _read(self, source: str) -> Typed:
        """What a cell holds: an error is raised where it is read."""
        held = self.variable()
        item = f"(wrong({held}) if type({held} := {source}) is Wrong else {held})"
        number = f"({held} if type({held} := {source}) is float else number({held}))"
        return Typed(Term(item), ANY, number=Term(number))

    def gives_values(self, node: Call) -> bool:
        function = self.context.workspace.functions.get(node.function)
        return super().gives_values(node) or (function is not None and function.intersects)

    # ---- cells and areas

    def _located(self, node: Node) -> Reference | Node:
        """The cells that a node stands for; for a name that stands for a formula, that formula."""
        context = self.context
        if isinstance(node, Name) and (node.sheet is not None or node.name.casefold() not in context.variables):
            tree = context.workspace.scope.name(node.name, context.sheet, node.sheet)
            if tree is not None and not isinstance(tree, Range):
                return tree
        found = context.evaluate(node)
        if not isinstance(found, Reference) or found.errors is not None or found.dynamic:
            raise NotScalar
        return found

    def area(self, node: Node) -> Reference:
        """The area that a node stands for."""
        found = self._located(node)
        if not isinstance(found, Reference):
            raise NotScalar
        return found

    def reference(self, node: Node) -> Typed:
        context, found = self.context, self._located(node)
        if isinstance(found, Node):
            self.context = definition(context)
            typed = self.of(found)
            self.context = context
            return typed
        if not found.single:
            if context.array:
                raise NotScalar
            found = implicit_intersection(found, context.rows, context.columns)
            if found.errors is not None:
                raise NotScalar
        slots = context.slots_of(found).reshape(-1).tolist()
        place = f"{self.named(slots)}[i]" if len(slots) > 1 else self.named(slots[0])
        return self._read(f"need({place}, V[{place}])" if self.watched else f"V[{place}]")

    def items(self, node: Node) -> Term:
        return Term(f"{self.named(_places(self.context, self.area(node)))}(i, V, {self.watched})")

    def numbers(self, node: Node) -> Typed:
        return Typed(Term("listed({0})", [self.items(node)]), LIST)

    # ---- functions

    def asked(self, node: Call) -> Typed:
        """A function evaluated by the engine for one cell, with its arguments as variables."""
        function = self.context.workspace.functions.get(node.function)
        if function is None or not function.fewest <= len(node.arguments) <= function.most or function.volatile:
            raise NotScalar
        by_value = range(len(node.arguments)) if function.intersects else _BY_VALUE.get(node.function, ())
        arguments: list[Node] = []
        variables: list[str] = []
        given: list[Term] = []
        fixed = True
        for position, argument in enumerate(node.arguments):
            if isinstance(argument, (*_CONSTANTS, Missing)):
                arguments.append(argument)
            elif position in by_value:
                variables.append(f"\0{position}")
                arguments.append(Name(variables[-1]))
                given.append(as_caught(self.of(argument)))
            elif self.is_static(argument):
                arguments.append(argument)
                found = self.context.evaluate(argument) if isinstance(argument, Range) else None
                fixed = fixed and isinstance(found, Reference) and found.count == 1
            else:
                raise NotScalar
        memory: dict[Any, Item] | None = {} if fixed else None
        if memory is not None:
            self.memories.append(memory)
        call = Call(node.function, tuple(arguments))
        ask = self.named(_asking(call, tuple(variables), self.context, memory))
        places = "".join(f", {{{position}}}" for position in range(len(given)))
        return Typed(Term(f"checked({ask}(i{places}))", given), ANY)


# ---- what the source calls ---------------------------------------------------------------------


def _need(slot: int, item: Item) -> Item:
    if item is PENDING:
        raise Needed(slot)
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
        raise NotScalar  # the engine knows what to do with areas of a whole sheet
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
            raise NotScalar
        item = items.items_of(value)[0]
        if is_unknown(item):
            raise NotScalar
        if memory is not None:
            if len(memory) > _REMEMBERED:
                memory.clear()
            memory[key] = item
        return item

    return asked


def _chosen(context: Context, area: Reference) -> Callable[..., Item]:
    locate, sheet, single = context.workspace.slots.locate, area.sheet, area.count == 1
    edges = [edge.tolist() for edge in (area.top, area.left, area.height, area.width)]
    places: dict[tuple[int, int], int] = {}

    def held(cell: int, values: list[Any], watched: bool, *numbers: float) -> Item:
        top, left, height, width = (edge[0 if single else cell] for edge in edges)
        row, column = (int(numbers[0]), 1) if len(numbers) == 1 else (int(numbers[0]), int(numbers[1]))
        if len(numbers) == 1 and height == 1:
            row, column = 1, row
        elif len(numbers) == 1 and width > 1:
            raise NotScalar
        if row < 0 or column < 0:
            raise Fault(VALUE)
        if row > height or column > width:
            raise Fault(REF)
        if not row or not column:
            raise NotScalar
        at = top + row - 1, left + column - 1
        if at not in places:
            places[at] = int(locate(sheet, *at))
        return _need(places[at], values[places[at]]) if watched else values[places[at]]

    return held


# ---- rules of its own --------------------------------------------------------------------------


def _index(compiler: BlockFormula, arguments: Arguments) -> Typed:
    """INDEX reads the one cell that it names."""
    if len(arguments) > 3 or not isinstance(arguments[0], Range) or any(isinstance(a, Missing) for a in arguments):
        raise NotScalar
    positions = [bounded(compiler.number(argument)) for argument in arguments[1:]]
    chosen = compiler.named(_chosen(compiler.context, compiler.area(arguments[0])))
    places = ", ".join(f"{{{position}}}" for position in range(len(positions)))
    return Typed(Term(f"checked({chosen}(i, V, {compiler.watched}, {places}))", positions), ANY)


def _measured(name: str) -> Callable[[BlockFormula, Arguments], Typed]:
    """SUMIF and its kind, of areas some cells of which are live; of others as the engine has it."""
    place, first = item_criteria.FUNCTIONS[name]

    def build(compiler: BlockFormula, arguments: Arguments) -> Typed:
        scope = compiler.context.workspace.scope
        summed = None if place is None else arguments[place if place < len(arguments) else 0]
        pairs = arguments[first : 2 if place == 2 else None]
        areas = [*pairs[::2], *([] if summed is None else [summed])]
        if all(compiler.is_static(area) for area in areas):
            return compiler.asked(Call(name, arguments))
        if len(pairs) % 2 or any(isinstance(argument, Missing) for argument in arguments):
            raise NotScalar
        found = [compiler.area(area) for area in areas]
        for each in found:
            if (each.bottom > scope.row_limit).any() or (each.right > scope.column_limit).any():
                raise NotScalar
            if (each.height != found[0].height).any() or (each.width != found[0].width).any():
                raise NotScalar
        operands = [Term("None") if summed is None else compiler.items(summed)]
        for area, asked in zip(pairs[::2], pairs[1::2]):
            operands += [compiler.items(area), as_caught(compiler.of(asked))]
        measure = compiler.named(items.defects_left(item_criteria.measuring(name)))
        places = ", ".join(f"{{{position}}}" for position in range(len(operands)))
        return Typed(Term(f"sure({measure}({places}))", operands), NUMBER)

    return build


BlockFormula.rules = {"INDEX": _index, **{name: _measured(name) for name in item_criteria.FUNCTIONS}}


def _sure(item: Item) -> Item:
    if item is None:
        raise NotScalar
    return items.checked(item)


_CALLED: dict[str, Any] = {**items.CALLED, "need": _need, "sure": _sure, "checked": items.checked}
