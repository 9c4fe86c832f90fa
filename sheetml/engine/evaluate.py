"""Evaluates one formula for many cells at once, over arrays.

A `Context` is where a formula is evaluated: its cells, the values it reads, and whether ranges are
taken whole ("array mode": array formulas, the arguments of SUMPRODUCT) or only the cell level with
the formula ("implicit intersection": everything else).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from sheetml.engine.areas import (
    AreaArray,
    Areas,
    Reference,
    from_corners,
    implicit_intersection,
    intersection,
    one_area,
    single_cells,
    span,
)
from sheetml.engine.cells import CellStore, Slots, describe
from sheetml.engine.division import Refused, labels_of, numbered, together
from sheetml.engine.other_workbooks import NotKept
from sheetml.engine.precision import SUMS_THAT_VANISH
from sheetml.engine.scope import Scope
from sheetml.engine.signals import Signal
from sheetml.engine.sizes import ELEMENTS_AT_ONCE, ELEMENTS_OF_ONE_CELL, Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Trace, violated
from sheetml.engine.values import (
    CALC,
    DIV0,
    NAME,
    NUM,
    REF,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    array_of,
    array_value,
    as_boolean,
    as_number,
    as_text,
    blank_value,
    bounded,
    broadcast,
    common_shape,
    compare,
    error_value,
    error_where,
    first_error,
    number_value,
    rearranged,
    scalar_value,
    select,
    text_value,
)
from sheetml.errors import CalculationError
from sheetml.formula.text import to_a1
from sheetml.formula.tree import (
    Apply,
    ArrayConstant,
    Binary,
    Boolean,
    Call,
    Coordinate,
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
    operands,
)
from sheetml.xlsx.model import ERROR_CODE

_KEPT = 2**17  # slots of an area that are kept to be read again; those of larger ones are found anew
NESTED_NAMES = 100
NESTED_CALLS = 1024  # of functions made by LAMBDA
_MOST_CALLS = 2**27  # elements that names, and what is within LAMBDAs, are evaluated for in one formula, ...
_COST_OF_A_CALL = 256  # ... with what each evaluation costs beside them, ...
_COST_OF_A_NAME = 2048  # ... and one of a name
_BLANK_MARGIN = 1000  # areas that reach further beyond the last cell are cut there

Result: TypeAlias = "Value | Reference | Areas | AreaArray | Lambda | LambdaArray"


class NotReady(Signal):
    """A formula read cells, known only now, that are still to be computed: (reading, read) slots."""

    def __init__(self, readers: np.ndarray, sources: np.ndarray) -> None:
        super().__init__()
        self.readers = readers
        self.sources = sources


@dataclass(slots=True)
class Lambda:
    """A function made by LAMBDA, with the variables it was made among."""

    parameters: tuple[Name, ...]
    body: Node
    context: Context

    def select(self, index: np.ndarray | slice) -> Lambda:
        return Lambda(self.parameters, self.body, self.context.select(index))


@dataclass(slots=True)
class LambdaArray:
    """An array of functions for each of b cells: `functions` is one of all elements, made among b * R * C cells."""

    functions: Lambda
    rows: int
    columns: int

    @property
    def size(self) -> int:
        return self.rows * self.columns

    def element(self, position: int) -> Lambda:
        """The function at a position, row by row from 0, of each cell."""
        return self.functions.select(np.arange(position, self.functions.context.count, self.size))

    def select(self, index: np.ndarray | slice) -> LambdaArray:
        cells = np.arange(self.functions.context.count).reshape(-1, self.size)[index]
        return LambdaArray(self.functions.select(cells.reshape(-1)), self.rows, self.columns)


@dataclass(frozen=True, slots=True)
class VaryingRange(Range):
    """An area in the formula of a family (families.py): each cell's own, at this place of the context's leaves."""

    leaf: int = 0


@dataclass(frozen=True, slots=True)
class VaryingNumber(Number):
    """A number in the formula of a family, likewise; it is a number wherever that is asked."""

    leaf: int


@dataclass(frozen=True, slots=True)
class VaryingText(Text):
    """A text, likewise."""

    leaf: int


Arguments = tuple[Node, ...]
Evaluation: TypeAlias = "Callable[[Context, Arguments], Result]"
MOST_ARGUMENTS = 255  # of any function


@dataclass(frozen=True, slots=True)
class Function:
    """A worksheet function: how it is evaluated and what the planner needs to know of it."""

    name: str
    evaluate: Evaluation
    fewest: int = 0
    most: int = MOST_ARGUMENTS
    volatile: bool = False  # gives another value at each calculation (RAND, NOW)
    by_position: frozenset[int] = frozenset()  # arguments whose cells are not read, only located (ROW)
    intersects: bool = False  # takes scalars: of a range it reads the cell level with the formula
    differentiable: bool = True  # if not, asking for a derivative through it names it
    chooses: bool = False  # gives one of its arguments, perhaps an area (IF, CHOOSE)
    family: str = ""  # the module it is defined in
    about: str = ""  # what it gives, in a sentence


@dataclass
class Workspace:
    """What all evaluations of a calculation share."""

    slots: Slots
    scope: Scope
    cells: CellStore
    functions: Mapping[str, Function]
    pending: np.ndarray  # bool by slot: formula cells still to be computed in this pass
    random: np.random.Generator
    trace: Trace | None = None
    calls: int = 0  # what calling functions made by LAMBDA has cost the formula being evaluated
    reads_others: bool = False  # the formula being evaluated refers to other workbooks
    in_circle: bool = False  # cells that seem to depend on themselves are tried: each read is watched
    spills: dict[int, tuple[int, int]] = field(default_factory=dict)  # anchor's slot: rows and columns
    now: float = 0.0  # the serial number of the moment of this calculation
    problems: dict[int, str] = field(default_factory=dict)  # why the cells in these slots have no value
    dynamic_reads: list[np.ndarray] = field(default_factory=list)  # slots read through OFFSET and its kind
    formula_text: Callable[[int, int, int], str | None] = lambda sheet, row, column: None  # of a cell
    formula_tree: Callable[[int, int, int], Node | None] = lambda sheet, row, column: None
    is_total: Callable[[np.ndarray], np.ndarray] = lambda slots: np.zeros(slots.shape, bool)  # SUBTOTAL's own kind

    @contextmanager
    def borrowed(self, cells: CellStore | None = None, trace: Trace | None = None) -> Iterator[Workspace]:
        """For an evaluation beside the calculation: on other cells, with a trace, or only for a look.

        What it notes down (problems, reads, what is pending) is its own, and gone afterwards: all is as it was.
        """
        state = dict(vars(self))
        self.cells = self.cells if cells is None else cells
        self.trace = trace
        self.problems = dict(self.problems) if trace is None else trace.problems
        self.pending = np.zeros_like(self.pending)
        self.dynamic_reads = []
        self.calls, self.in_circle = 0, False
        try:
            yield self
        finally:
            vars(self).update(state)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While each read is noted down, also of what a formula's text states."""
        before, self.in_circle = self.in_circle, True
        try:
            yield
        finally:
            self.in_circle = before

    def describe(self, slots: Sequence[int] | np.ndarray) -> str:
        """Cells by their addresses: "dotprod!H25:V39"."""
        return describe(self.slots, self.scope.titles, slots)


_NOTHING = nullcontext()


class Context:
    """The cells a formula is evaluated for, and all that evaluating needs."""

    def __init__(
        self,
        workspace: Workspace,
        sheet: int,
        rows: np.ndarray,
        columns: np.ndarray,
        readers: np.ndarray,
        array: bool = False,
        cache: dict[int, Any] | None = None,
    ) -> None:
        self.workspace = workspace
        self.sheet = sheet
        self.rows = rows
        self.columns = columns
        self.readers = readers  # the slots of the cells
        self.array = array
        self.cache = cache  # references by node, kept between calculations; None for part of the cells
        self.variables: dict[str, Result] = {}
        self.leaves: list[Result] = []  # what stands in the places where the formulas of a family differ
        self.depth = 0  # of names within names
        self.calls = 0  # of functions within functions
        self.last_sum: Node | None = None  # the sum that ends the formula: it may vanish
        self.for_values = False  # what a function such as IF chooses is to be read at once

    @property
    def count(self) -> int:
        return self.rows.size

    # ---- other contexts

    def _copied(self) -> Context:
        """What copy.copy gives, in a fifth of its time."""
        part: Context = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        return part

    def select(self, index: np.ndarray | slice) -> Context:
        """The context of some of the cells."""
        part = self._copied()
        part.rows, part.columns = self.rows[index], self.columns[index]
        part.readers = self.readers[index]
        part.cache = None
        if self.variables:
            part.variables = {name: select_result(item, index) for name, item in self.variables.items()}
        if self.leaves:
            part.leaves = [select_result(leaf, index) for leaf in self.leaves]
        return part

    def in_array_mode(self, array: bool = True) -> Context:
        if self.array == array:
            return self
        part = self._copied()
        part.array = array
        return part

    def with_variables(self, variables: dict[str, Result]) -> Context:
        part = self._copied()
        part.variables = {**self.variables, **variables}
        part.cache = None
        return part

    # ---- what a function asks of its arguments

    def evaluate(self, node: Node) -> Result:
        """The argument as it is: references are not read."""
        return _EVALUATE[type(node)](self, node)

    def passed(self, node: Node, value: Value) -> None:
        """What a part of a chain of operators came to, on the way to the whole: who explains formulas notes it."""

    def value(self, node: Node) -> Value:
        """The argument's value; a range is read whole in array mode, else intersected."""
        if type(node) is Call:
            function = self.workspace.functions.get(node.function)
            if function is not None and function.chooses:
                return self.dereference(self._for_values().evaluate(node))
        return self.dereference(self.evaluate(node))

    def _for_values(self) -> Context:
        """The same context, in which a function that chooses may read what it chose: no area is asked for."""
        part = self._copied()
        part.for_values = True
        return part

    def for_arguments(self) -> Context:
        """The context for what a function that chooses evaluates itself."""
        if not self.for_values:
            return self
        part = self._copied()
        part.for_values = False
        return part

    def array_value(self, node: Node) -> Value:
        """The argument evaluated in array mode, ranges read whole."""
        return self.in_array_mode().value(node)

    def number(self, node: Node) -> tuple[Array, Errors]:
        """The argument as numbers with error codes."""
        return as_number(self.value(node))

    def text(self, node: Node) -> tuple[np.ndarray, Errors]:
        return as_text(self.value(node))

    def boolean(self, node: Node) -> tuple[Array, Errors]:
        return as_boolean(self.value(node))

    def reference(self, node: Node) -> Reference | Value:
        """The argument as one area for each cell, or the error it gives instead."""
        result = self.evaluate(node)
        if isinstance(result, Reference):
            return result
        if isinstance(result, Value) and result.errors() is not None:
            return result
        return error_value(VALUE)

    def dereference(self, result: Result) -> Value:
        """A result's value, with implicit intersection unless in array mode."""
        if isinstance(result, Value):
            return result
        if isinstance(result, Reference):
            if not self.array:
                result = implicit_intersection(result, self.rows, self.columns)
            return self.read(result)
        if isinstance(result, AreaArray):
            return error_value(VALUE, (1, *result.shape[1:]))
        return error_value(CALC if isinstance(result, (Lambda, LambdaArray)) else VALUE)

    # ---- reading cells

    def read(self, reference: Reference) -> Value:
        """The values in the areas, (b, rows, columns). Areas must be of one size."""
        if not reference.uniform:
            raise Split(labels_of(reference.height, reference.width))
        return self._read(reference)

    def read_padded(self, reference: Reference) -> Value:
        """The values in areas of different sizes, (b, rows, columns): blanks fill up the smaller ones."""
        return self._read(reference)

    def _read(self, reference: Reference) -> Value:
        slots = self.slots_of(reference)
        workspace = self.workspace
        if reference.dynamic or workspace.in_circle:
            self._note_dynamic(slots)
        value = self._gather(slots)
        if reference.errors is not None:
            code = broadcast_cells(reference.errors, value.shape)
            kind = np.where(code, code + 16, value.kinds).astype(np.uint8)
            value = Value(ops.where(code != 0, 0.0, value.number), kind, value.text)
        return value

    def read_cells(self, sheet: int, rows: np.ndarray, columns: np.ndarray, errors: np.ndarray) -> Value:
        """The values of single cells, (b, R, C), that the formula's text does not state; none where errors are."""
        slots = np.where(errors != 0, 0, self.workspace.slots.locate(sheet, rows, columns))
        self._note_dynamic(slots)
        return self._gather(slots)

    def _gather(self, slots: np.ndarray) -> Value:
        return self.workspace.cells.gather(slots)

    def slots_of(self, reference: Reference) -> np.ndarray:
        """The slots of the areas' cells, (b, rows, columns), 0 for those without one; few enough, they are kept."""
        slots = reference._slots
        if slots is None:
            slots = self.locate(reference)
            if slots.size <= _KEPT:
                reference._slots = slots
        return slots

    def locate(self, reference: Reference) -> np.ndarray:
        """The slots of the areas' cells, (b, rows, columns), 0 for those without one."""
        scope = self.workspace.scope
        if reference.count == 1 and reference.errors is None:
            return self._located(reference)
        if reference.single and reference.errors is None and reference.count <= ELEMENTS_AT_ONCE:
            return self.workspace.slots.locate(reference.sheet, reference.top, reference.left).reshape(-1, 1, 1)
        height = clipped(reference.top, reference.height, scope.row_limit)
        width = clipped(reference.left, reference.width, scope.column_limit)
        rows, columns = int(height.max()), int(width.max())
        size = reference.count * rows * columns
        if size > ELEMENTS_AT_ONCE and reference.count > 1:
            raise Split
        if size > ELEMENTS_OF_ONE_CELL:
            raise CalculationError(f"an area of {rows} rows and {columns} columns is too large to compute with")
        down, across = np.arange(rows)[None, :, None], np.arange(columns)[None, None, :]
        slots = self.workspace.slots.locate(
            reference.sheet, reference.top[:, None, None] + down, reference.left[:, None, None] + across
        )
        if not reference.uniform:
            inside = (down < height[:, None, None]) & (across < width[:, None, None])
            slots = np.where(inside, slots, 0)
        if reference.errors is not None:  # where there is no area, no cell is read
            slots = np.where(broadcast_cells(reference.errors, slots.shape) != 0, 0, slots)
        return slots

    def _located(self, reference: Reference) -> np.ndarray:
        """The slots of the one area that all cells refer to, (1, rows, columns)."""
        scope = self.workspace.scope
        top, left, height, width = reference.only
        rows, columns = clipped_size(top, height, scope.row_limit), clipped_size(left, width, scope.column_limit)
        if rows * columns > ELEMENTS_OF_ONE_CELL:
            raise CalculationError(f"an area of {rows} rows and {columns} columns is too large to compute with")
        return self.workspace.slots.area(reference.sheet, top, left, rows, columns)[None]

    def note_reads(self, slots: np.ndarray) -> None:
        """Takes up that the context's one cell reads others (n,), which its formula does not tell."""
        self._note_dynamic(slots.reshape(1, 1, -1))

    def _note_dynamic(self, slots: np.ndarray) -> None:
        workspace = self.workspace
        late = workspace.pending[slots]
        if late.any():
            readers = np.broadcast_to(self.readers[:, None, None], np.broadcast_shapes((self.count, 1, 1), slots.shape))
            late = np.broadcast_to(late, readers.shape)
            sources = np.broadcast_to(slots, readers.shape)
            raise NotReady(readers[late], sources[late])
        held = slots[slots != 0]
        workspace.dynamic_reads.append(held)
        if held.size < slots.size:  # slot 0 says that it looked where there is no cell: there may be one later
            workspace.dynamic_reads.append(np.zeros(1, np.intp))

    # ---- for messages

    def evaluating(self, function: str) -> AbstractContextManager[None]:
        """While a function or an operator is evaluated: a trace then knows its name."""
        trace = self.workspace.trace
        return _NOTHING if trace is None else trace.evaluating(function)

    def spend(self, cost: int) -> None:
        """Counts what names and functions cost a formula: a few of them can ask for more than any machine does."""
        self.workspace.calls += cost
        if self.workspace.calls > _MOST_CALLS:
            raise CalculationError("the formula calls its names and functions too often")

    def spend_within_lambda(self) -> None:
        """Counts the evaluation of a function or an operator where a LAMBDA may repeat it."""
        if self.calls:
            self.spend(self.count + _COST_OF_A_CALL)

    def uncomputable(self, reason: str) -> Value:
        """The value of cells that sheetml cannot compute; the reason is reported with their addresses."""
        readers = self.readers[self.readers != 0]  # a formula that stands in no cell has nowhere to report it
        self.workspace.problems.update(dict.fromkeys(readers.tolist(), reason))
        return error_value(UNCOMPUTABLE)


def clipped(first: np.ndarray, size: np.ndarray, limit: int) -> np.ndarray:
    """Sizes of areas without their blank part below or beyond all cells: whole columns cost nothing."""
    large = first + size - 1 > limit + _BLANK_MARGIN
    return np.where(large, np.maximum(np.minimum(size, limit - first + 1), 1), size) if large.any() else size


def clipped_size(first: int, size: int, limit: int) -> int:
    """The same of one area."""
    return size if first + size - 1 <= limit + _BLANK_MARGIN else max(min(size, limit - first + 1), 1)


def broadcast_cells(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One item a cell, (b,), spread over the cell's array."""
    return np.broadcast_to(array[:, None, None], np.broadcast_shapes((array.size, 1, 1), shape))


def select_result(item: Result, index: np.ndarray | slice) -> Result:
    return select(item, index) if isinstance(item, Value) else item.select(index)


# ---- leaves ------------------------------------------------------------------------------------


def _number(context: Context, node: Number) -> Value:
    return scalar_value(node.value)


def _text(context: Context, node: Text) -> Value:
    return scalar_value(node.value)


def _boolean(context: Context, node: Boolean) -> Value:
    return scalar_value(node.value)


def _error(context: Context, node: ErrorValue) -> Value:
    return error_value(int(ERROR_CODE.get(node.value.upper(), REF)))


def _missing(context: Context, node: Missing) -> Value:
    return blank_value()


def _array_constant(context: Context, node: ArrayConstant) -> Value:
    return array_of(array_value([[_constant(element) for element in row] for row in node.rows]))


def _constant(node: Node) -> Any:
    if isinstance(node, ErrorValue):
        return ERROR_CODE[node.value.upper()]
    assert isinstance(node, (Number, Text, Boolean))
    return node.value


def _range(context: Context, node: Range) -> Result:
    cache = context.cache
    if cache is not None and id(node) in cache:
        known: Result = cache[id(node)]
        return known
    result = static_range(context, node)
    if cache is not None:
        cache[id(node)] = result
    return result


def _leaf(context: Context, node: VaryingRange | VaryingNumber | VaryingText) -> Result:
    return context.leaves[node.leaf]


def static_range(context: Context, node: Range) -> Result:
    """The areas a reference in a formula's text names from each of the cells."""
    if node.last_sheet is None and (context.rows.size == 1 or _is_absolute(node)):
        sheet = context.sheet if node.sheet is None else context.workspace.scope.sheet(node.sheet)
        if sheet is None:
            return error_value(REF)
        row, column = int(context.rows[0]), int(context.columns[0])
        corners = (node.top.at(row), node.bottom.at(row)), (node.left.at(column), node.right.at(column))
        return one_area(sheet, *corners)
    if node.cell and node.last_sheet is None:
        sheet = context.sheet if node.sheet is None else context.workspace.scope.sheet(node.sheet)
        if sheet is None:
            return error_value(REF)
        return single_cells(sheet, _coordinates(node.top, context.rows), _coordinates(node.left, context.columns))
    own_rows, own_columns = _alike(context.rows), _alike(context.columns)
    rows = _coordinates(node.top, own_rows), _coordinates(node.bottom, own_rows)
    columns = _coordinates(node.left, own_columns), _coordinates(node.right, own_columns)
    if node.sheet is None:
        return from_corners(context.sheet, rows, columns)
    first = context.workspace.scope.sheet(node.sheet)
    last = first if node.last_sheet is None else context.workspace.scope.sheet(node.last_sheet)
    if first is None or last is None:
        return error_value(REF)
    if first == last:
        return from_corners(first, rows, columns)
    return Areas([from_corners(sheet, rows, columns) for sheet in range(min(first, last), max(first, last) + 1)])


def _alike(origins: np.ndarray) -> np.ndarray:
    """One row, or column, for all cells that are in it: A$1:A$9, filled down, is one area."""
    return origins[:1] if (origins == origins[0]).all() else origins


def _is_absolute(node: Range) -> bool:
    return node.top.absolute and node.left.absolute and node.bottom.absolute and node.right.absolute


def _coordinates(coordinate: Coordinate, origins: np.ndarray) -> np.ndarray:
    return np.array([coordinate.value]) if coordinate.absolute else origins + coordinate.value


def _name(context: Context, node: Name) -> Result:
    if node.sheet is None:
        variable = context.variables.get(node.name.casefold())
        if variable is not None:
            return variable
    tree = context.workspace.scope.name(node.name, context.sheet, node.sheet)
    if tree is None:
        return error_value(NAME)
    return definition(context).evaluate(tree)


def definition(context: Context) -> Context:
    """Where a defined name's formula is evaluated: in array mode, without the caller's variables."""
    if context.depth >= NESTED_NAMES:
        raise CalculationError("names are nested too deeply, or refer to themselves")
    context.spend(_COST_OF_A_NAME)
    part = context.in_array_mode().with_variables({})
    part.variables = {}
    part.depth += 1
    return part


def _structured(context: Context, node: StructuredReference) -> Result:
    found = context.workspace.scope.structured(node, context.sheet, context.rows, context.columns)
    return error_value(REF) if found is None else found


def _external(context: Context, node: ExternalReference) -> Result:
    context.workspace.reads_others = True
    try:
        if isinstance(node.part, Name):
            return definition(context).evaluate(context.workspace.scope.others.name(node))
        if isinstance(node.part, ErrorValue):
            return _error(context, node.part)
        return _other_cells(context, node)
    except NotKept as missing:
        text = to_a1(node, int(context.rows[0]), int(context.columns[0]))
        return context.uncomputable(f"another workbook is referred to ({text}): {missing}")


def _other_cells(context: Context, node: ExternalReference) -> Result:
    """The areas of another workbook, from each of the cells."""
    cache, part = context.cache, node.part
    if cache is not None and id(node) in cache:
        known: Result = cache[id(node)]
        return known
    if not isinstance(part, Range):
        raise NotKept("the file does not keep where its tables are")
    rows = _coordinates(part.top, context.rows), _coordinates(part.bottom, context.rows)
    columns = _coordinates(part.left, context.columns), _coordinates(part.right, context.columns)
    areas = [from_corners(sheet, rows, columns) for sheet in context.workspace.scope.others.sheets(node)]
    result: Result = areas[0] if len(areas) == 1 else Areas(areas)
    if cache is not None:
        cache[id(node)] = result
    return result


# ---- operators ---------------------------------------------------------------------------------


def _unary(context: Context, node: Unary) -> Result:
    if node.operator == "@":
        return single(context, context.evaluate(node.operand))
    if node.operator == "#":
        return spilled(context, node.operand)
    if node.operator == "+":
        return context.value(node.operand)
    number, errors = as_number(context.value(node.operand))
    number = ops.negative(number) if node.operator == "-" else ops.divide(number, 100.0)
    return number_value(number, errors)


def single(context: Context, result: Result) -> Result:
    """Implicit intersection asked for: the cell level with the formula, or an array's first element."""
    if isinstance(result, Reference):
        return implicit_intersection(result, context.rows, context.columns)
    if isinstance(result, Value) and result.shape[1:] != (1, 1):
        return first_element(result)
    return result


def first_element(value: Value) -> Value:
    """The top left element of each cell's array."""
    if value.shape[1:] == (1, 1):
        return value
    index = np.arange(int(np.prod(value.shape))).reshape(value.shape)
    return rearranged(value, index[:, :1, :1])


def spilled(context: Context, node: Node) -> Result:
    """A1#: the cells that the formula in A1 fills, itself alone where it is no array."""
    anchor = context.reference(node)
    if isinstance(anchor, Value):
        return anchor
    context.in_array_mode().read(anchor)  # the formula has been computed
    anchors = context.slots_of(anchor)[:, 0, 0]
    sizes = [context.workspace.spills.get(int(slot)) for slot in anchors]
    for cell in [cell for cell, size in enumerate(sizes) if size is None]:
        row, column = (int(edge[cell]) for edge in (anchor.top, anchor.left))
        if context.workspace.formula_text(anchor.sheet, row, column) is not None:
            sizes[cell] = (1, 1)
    errors = error_where(np.array([size is None for size in sizes]), REF)
    height = np.array([size[0] if size else 1 for size in sizes])
    width = np.array([size[1] if size else 1 for size in sizes])
    return Reference(anchor.sheet, anchor.top, anchor.left, height, width, errors, dynamic=True)


def _binary(context: Context, node: Binary) -> Result:
    operator = node.operator
    if operator in _ON_REFERENCES:
        return _ON_REFERENCES[operator](context, node)
    context.spend_within_lambda()
    first, chain = left_spine(node)  # a chain a+b+c+... may be deeper than Python's stack
    left = context.value(first)
    for part in chain:
        arithmetic_of = LAST_SUMS if part is context.last_sum else _ARITHMETIC
        left = _operation(context, part.operator, left, context.value(part.right), arithmetic_of)
        context.passed(part, left)
    return left


Operation = Callable[[Array, Array], tuple[Array, Errors]]


def _operation(
    context: Context, operator: str, left: Value, right: Value, arithmetic_of: dict[str, Operation]
) -> Value:
    if operator in _ARITHMETIC:
        return arithmetic(arithmetic_of[operator], left, right)
    if operator == "&":
        with context.evaluating("&"):
            return join(left, right)
    return compare(operator, left, right)


def arithmetic(operation: Operation, left: Value, right: Value) -> Value:
    left, right = aligned(left, right)
    left_number, left_errors = as_number(left)
    right_number, right_errors = as_number(right)
    number, errors = operation(left_number, right_number)
    return number_value(number, first_error(left_errors, right_errors, errors))


def aligned(*values: Value) -> tuple[Value, ...]:
    """Values that broadcast with each other: only arrays of different extents are padded (with #N/A)."""
    shape = common_shape(values)
    return tuple(
        value
        if all(own in (1, size) for own, size in zip(value.shape, shape))
        else broadcast(value, (value.shape[0], *shape[1:]))
        for value in values
    )


def divided(x: Array, y: Array) -> tuple[Array, Errors]:
    zero = violated(ops.equal(y, 0.0))
    if zero is not None:
        y = ops.where(zero, 1.0, y)
    return ops.divide(x, y), error_where(zero, DIV0)


def raised(x: Array, y: Array) -> tuple[Array, Errors]:
    """x ^ y: 0^0 and roots of negative numbers are #NUM!, 0 to a negative power is #DIV/0!."""
    whole = isinstance(y, np.ndarray) and bool((y > 0).all() and (y == np.rint(y)).all())
    if whole or (isinstance(x, np.ndarray) and bool((x > 0).all())):
        return ops.power(x, y), None  # defined everywhere
    zero = violated(ops.logical_and(ops.equal(x, 0.0), ops.less(y, 0.0)))
    undefined = violated(
        ops.logical_or(
            ops.logical_and(ops.equal(x, 0.0), ops.equal(y, 0.0)),
            ops.logical_and(ops.less(x, 0.0), ops.not_equal(y, rounded(y))),
        ),
        flagged=isinstance(y, np.ndarray) and bool((y != 0).all()),  # 0 ** 0 raises no flag: it is 1
    )
    if zero is None and undefined is None:
        return ops.power(x, y), None
    errors = first_error(error_where(zero, DIV0), error_where(undefined, NUM))
    assert errors is not None
    safe = ops.where(errors != 0, 1.0, x)
    return ops.power(safe, y), errors


rounded = ops.position_of("rounded", np.rint)


_ARITHMETIC: dict[str, Operation] = {
    "+": lambda x, y: (ops.add(x, y), None),
    "-": lambda x, y: (ops.subtract(x, y), None),
    "*": lambda x, y: (ops.multiply(x, y), None),
    "/": divided,
    "^": raised,
}
LAST_SUMS: dict[str, Operation] = {
    "+": lambda x, y: (SUMS_THAT_VANISH["+"](x, y), None),
    "-": lambda x, y: (SUMS_THAT_VANISH["-"](x, y), None),
}


def join(left: Value, right: Value) -> Value:
    left, right = aligned(left, right)
    left_text, left_errors = as_text(left)
    right_text, right_errors = as_text(right)
    return bounded(text_value(left_text + right_text, first_error(left_errors, right_errors)))


def _union(context: Context, node: Binary) -> Result:
    parts: list[Reference] = []
    for side in operands(node):
        result = context.evaluate(side)
        if isinstance(result, Areas):
            parts += result.parts
        elif isinstance(result, Reference):
            parts.append(result)
        else:
            return result if isinstance(result, Value) and result.errors() is not None else error_value(VALUE)
    return Areas(parts)


def _of_two_references(combine: Callable[[Reference, Reference], Reference]) -> Callable[[Context, Binary], Result]:
    def evaluate(context: Context, node: Binary) -> Result:
        first, second = context.reference(node.left), context.reference(node.right)
        if isinstance(first, Value):
            return first
        return second if isinstance(second, Value) else combine(first, second)

    return evaluate


_ON_REFERENCES: dict[str, Callable[[Context, Binary], Result]] = {
    ",": _union,
    ":": _of_two_references(span),
    " ": _of_two_references(intersection),
}


# ---- calls -------------------------------------------------------------------------------------


def _call(context: Context, node: Call) -> Result:
    context.spend_within_lambda()
    function = context.workspace.functions.get(node.function)
    if function is not None:
        if not function.fewest <= len(node.arguments) <= function.most:
            return error_value(VALUE)
        try:
            with context.evaluating(node.function):
                return function.evaluate(context, node.arguments)
        except Refused as refused:
            return error_value(refused.code)
        except Split as split:
            if context.count == 1:
                raise
            return in_groups(context, split, lambda part: _call(part, node))
    named = context.variables.get(node.function.casefold())
    if named is None:
        tree = context.workspace.scope.name(node.function, context.sheet)
        if tree is not None:
            named = definition(context).evaluate(tree)
    if isinstance(named, Lambda):
        return apply(context, named, _given(context, node.arguments))
    why = getattr(context.workspace.functions, "why_unread", "")  # where a workbook has functions of its own
    return context.uncomputable(f"the function {node.function} is not supported{why}")


def in_groups(context: Context, split: Split, evaluate: Callable[[Context], Result]) -> Result:
    """What groups of the cells give when evaluated apart, put together: values of one size, or areas of one sheet.

    Raises Split, for what is around it to be divided alike, where the results do not go together.
    """
    groups = split.groups(context.count)
    workspace, spent, most, parts = context.workspace, context.workspace.calls, 0, []
    for index in groups:
        if not context.calls:  # each cell may cost as much as it does alone
            most, workspace.calls = max(most, workspace.calls), spent
        parts.append((index, evaluate(context.select(index))))
    workspace.calls = max(most, workspace.calls)
    result = together(parts, context.count)
    if result is None:
        raise Split(numbered(groups, context.count))
    return result


def _apply(context: Context, node: Apply) -> Result:
    function = context.evaluate(node.function)
    if not isinstance(function, Lambda):
        return function if isinstance(function, Value) and function.errors() is not None else error_value(VALUE)
    return apply(context, function, _given(context, node.arguments))


def _given(context: Context, arguments: tuple[Node, ...]) -> list[Result]:
    return [OMITTED if isinstance(argument, Missing) else context.evaluate(argument) for argument in arguments]


def apply(context: Context, function: Lambda, arguments: list[Result]) -> Result:
    """A LAMBDA's value for these arguments."""
    parameters = function.parameters
    if len(arguments) > len(parameters):
        return error_value(VALUE)
    bound: dict[str, Result] = {}
    for position, parameter in enumerate(parameters):
        if position < len(arguments):
            bound[parameter.name.casefold()] = arguments[position]
        elif parameter.optional:
            bound[parameter.name.casefold()] = OMITTED
        else:
            return error_value(VALUE)
    inner = function.context.with_variables(bound)
    inner.array = context.array
    inner.depth, inner.calls = 0, context.calls + 1
    context.spend(context.count + _COST_OF_A_CALL)
    if inner.calls >= NESTED_CALLS:
        return error_value(NUM)
    return inner.evaluate(function.body)


OMITTED = blank_value()  # what a LAMBDA's optional parameter holds when it was left out: ISOMITTED asks

_EVALUATE: dict[type, Callable[[Context, Any], Result]] = {
    Number: _number,
    Text: _text,
    Boolean: _boolean,
    ErrorValue: _error,
    Missing: _missing,
    ArrayConstant: _array_constant,
    Range: _range,
    Name: _name,
    StructuredReference: _structured,
    ExternalReference: _external,
    Unary: _unary,
    Binary: _binary,
    Call: _call,
    Apply: _apply,
    VaryingRange: _leaf,
    VaryingNumber: _leaf,
    VaryingText: _leaf,
}
