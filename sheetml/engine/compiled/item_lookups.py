"""Functions of areas for one formula that stands alone: what is looked up, counted and summed in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import reduce
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from sheetml.engine.collation import folded
from sheetml.engine.compiled import item_criteria, items
from sheetml.engine.compiled.expressions import (
    ANY,
    REFERENCES,
    Arguments,
    Rule,
    Typed,
    as_caught,
    as_item,
    as_number,
    as_truth,
    bounded,
    chosen,
)
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.items import Item, defects_left, items_of, value_of_item, value_of_items
from sheetml.engine.compiled.numbers import Fault, fail
from sheetml.engine.functions.criteria import criterion
from sheetml.engine.functions.registry import MOST, OF_ARRAYS, finished
from sheetml.engine.functions.search import SORTED_DOWN, SORTED_UP, Line, wildcard_pattern
from sheetml.engine.values import BLANK, BOOLEAN, DIV0, ERROR, NA, NUMBER, REF, TEXT, VALUE, Value, rearranged
from sheetml.formula.tree import Call, Missing, Node, Range
from sheetml.xlsx.model import ErrorCode

DOWN, ACROSS = True, False


class Cells(Protocol):
    """What the cells hold that straight-line code touches, by slot."""

    numbers: list[float]
    kinds: bytearray
    texts: list[str]
    stamp: int  # another one in each run

    def is_still(self, slots: Sequence[int]) -> bool:
        """Whether none of the slots is written in the run."""
        ...


class Table:
    """An area of cells; what it holds is read once a run where nothing writes there."""

    __slots__ = (
        "_cells",
        "_columns",
        "_distinct",
        "_items",
        "_met",
        "_stamp",
        "_value",
        "height",
        "of_each",
        "slots",
        "width",
    )

    def __init__(self, cells: Cells, slots: tuple[int, ...], width: int) -> None:
        self.slots = slots
        self.of_each: Callable[[Sequence[int]], tuple[int, ...]] = itemgetter(*slots, 0)  # what a list holds by slot
        self.width = width
        self.height = len(slots) // width
        self._cells = cells
        self._stamp = -1
        self._items: list[Item] = []
        self._columns: dict[tuple[bool, int], Column] = {}
        self._value: Value | None = None
        self._distinct: tuple[Value, np.ndarray] | None = None
        self._met: dict[tuple[type, Item], np.ndarray] = {}

    def items(self) -> list[Item]:
        """What the cells hold, row after row."""
        cells = self._cells
        if self._stamp != cells.stamp:
            self._columns, self._met, self._value, self._distinct = {}, {}, None, None
            self._items = [item_of(cells, slot) for slot in self.slots]
            self._stamp = cells.stamp if cells.is_still(self.slots) else -1
        return self._items

    def at(self, row: int, column: int) -> Item:
        """What the cell in a row and a column holds, counted from 0; an error is raised."""
        return items.checked(item_of(self._cells, self.slots[row * self.width + column]))

    def column(self, number: int, down: bool = DOWN) -> Column:
        """A column of it, or a row."""
        held = self.items()
        found = self._columns.get((down, number))
        if found is None:
            part = held[number :: self.width] if down else held[number * self.width : (number + 1) * self.width]
            found = self._columns[down, number] = Column(part)
        return found

    def value(self) -> Value:
        """It as an array, (1, rows, columns)."""
        held = self.items()
        if self._value is None:
            self._value = rearranged(value_of_items(held), np.arange(len(held)).reshape(1, self.height, self.width))
        return self._value

    def met(self, asked: Item) -> np.ndarray:
        """Which of the cells meet a criterion, row after row."""
        held, key = self.items(), (type(asked), asked)
        found = self._met.get(key)
        if found is None:
            if self._distinct is None:
                numbers: dict[tuple[type, Item], int] = {}
                which = [numbers.setdefault((type(item), item), len(numbers)) for item in held]
                self._distinct = value_of_items([item for _, item in numbers]), np.array(which, np.intp)
            values, places = self._distinct
            found = self._met[key] = criterion(asked).met(values).reshape(-1)[places]
        return found


def item_of(cells: Cells, slot: int) -> Item:
    """What a cell holds."""
    kind = cells.kinds[slot]
    if kind == NUMBER:
        return cells.numbers[slot]
    if kind == TEXT:
        return cells.texts[slot]
    if kind == BOOLEAN:
        return cells.numbers[slot] != 0
    return None if kind == BLANK else ErrorCode(kind - ERROR)


class Column:
    """A row or column in which values are found: by position, from 0; -1 for nowhere."""

    def __init__(self, held: list[Item]) -> None:
        self.held = held
        self._places: dict[type, dict[Any, int]] | None = None
        self._line: Line | None = None
        kinds = set(map(type, held))
        self._is_sorted = kinds == {float} and all(map(float.__le__, held, held[1:]))  # type: ignore[arg-type]

    def exact(self, wanted: Item, wildcards: bool = True) -> int:
        """The first that is equal, texts without regard to case; a blank is looked up as 0."""
        if type(wanted) is str:
            key = folded(wanted)
            pattern = wildcard_pattern(key) if wildcards else None
            if pattern is not None:
                texts = ((place, item) for place, item in enumerate(self.held) if type(item) is str)
                return next((place for place, item in texts if pattern.fullmatch(item)), -1)
            return self._known(str).get(key, -1)
        if wanted is None:
            wanted = 0.0
        return self._known(type(wanted)).get(wanted, -1)

    def _known(self, of: type) -> dict[Any, int]:
        if self._places is None:
            self._places = {float: {}, str: {}, bool: {}}
            for place, item in enumerate(self.held):
                known = self._places.get(type(item))
                if known is not None:
                    known.setdefault(folded(item) if type(item) is str else item, place)
        return self._places[of]

    def approximate(self, wanted: Item, order: str = SORTED_UP) -> int:
        """The last one not beyond, in a sorted line."""
        if self._is_sorted and order == SORTED_UP and (type(wanted) is float or wanted is None):
            return bisect_right(self.held, wanted or 0.0) - 1  # type: ignore[type-var]
        if self._line is None:
            self._line = Line(*_flat(value_of_items(self.held)))
        return int(self._line.find_sorted(*_flat(value_of_item(wanted)), order, len(self.held))[0])


def _flat(value: Value) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, kinds and texts in a row."""
    return np.asarray(value.number).reshape(-1), value.kinds.reshape(-1), value.texts.reshape(-1)


# ---- what the source calls ---------------------------------------------------------------------


def match(wanted: Item, table: Table, kind: float) -> float:
    """MATCH; what is wanted may be an error."""
    if table.height > 1 and table.width > 1:
        raise Fault(NA)
    items.checked(wanted)
    column = table.column(0, table.width == 1)
    kind = int(kind)
    if kind == 0:
        place = column.exact(wanted)
    else:
        place = column.approximate(wanted, SORTED_UP if kind > 0 else SORTED_DOWN)
    if place < 0:
        raise Fault(NA)
    return place + 1.0


def look_up(wanted: Item, table: Table, other: float, approximate: bool, down: bool) -> Item:
    """VLOOKUP, and HLOOKUP where not `down`."""
    column = table.column(0, down)
    place = column.approximate(wanted) if approximate else column.exact(wanted)
    number = int(other)
    if number < 1:
        raise Fault(VALUE)
    if number > (table.width if down else table.height):
        raise Fault(REF)
    if place < 0:
        raise Fault(NA)
    return table.at(place, number - 1) if down else table.at(number - 1, place)


def index(table: Table, row: float, column: float | None = None) -> Item:
    """INDEX of one cell."""
    down, across = int(max(min(row, 2e9), -2e9)), 1
    if column is not None:
        across = int(max(min(column, 2e9), -2e9))
    elif table.height == 1:
        down, across = 1, down
    elif table.width > 1:
        across = 0
    if down < 0 or across < 0:
        raise Fault(VALUE)
    if down > table.height or across > table.width:
        raise Fault(REF)
    if not down or not across:
        raise NotScalar  # a whole row or column
    return table.at(down - 1, across - 1)


def look_across(wanted: Item, line: Table, results: Table) -> Item:
    """XLOOKUP, of what is equal; what is wanted may be an error. Raises NotFound."""
    tall = line.width == 1
    lengths = (line.height, results.height) if tall else (line.width, results.width)
    if (not tall and line.height > 1) or lengths[0] != lengths[1]:
        raise Fault(VALUE)
    items.checked(wanted)
    if (results.width if tall else results.height) > 1:
        raise NotScalar
    column = line.column(0, tall)
    place = column.held.index(None) if wanted is None and None in column.held else column.exact(wanted, wildcards=False)
    if place < 0:
        raise NotFound
    return results.at(place, 0) if tall else results.at(0, place)


class NotFound(Fault):
    """XLOOKUP has not found what is wanted."""

    def __init__(self) -> None:
        super().__init__(NA)


def or_else(found: Callable[[], Item], other: Callable[[], Item]) -> Item:
    """What XLOOKUP finds, or what it is to give otherwise."""
    try:
        return found()
    except Fault as fault:
        if not isinstance(fault, NotFound):
            raise
    return other()


_EXTREMES: dict[str, Callable[[np.ndarray], float]] = {"MAXIFS": np.max, "MINIFS": np.min}
# of each function: where the area is that is summed (None: it counts), and where areas and criteria begin
_MEASURED = {**item_criteria.FUNCTIONS, **dict.fromkeys(_EXTREMES, (0, 1))}


def measured(function: str, summed: Table | None, *pairs: Any) -> float:
    """SUMIF and its kind, as criteria.py has them; what is asked may be an error."""
    tables = pairs[::2] if summed is None else (*pairs[::2], summed)
    if any((table.height, table.width) != (tables[0].height, tables[0].width) for table in tables):
        raise Fault(VALUE)
    chosen = reduce(np.logical_and, [table.met(asked) for table, asked in zip(pairs[::2], pairs[1::2])])
    if summed is None:
        return float(chosen.sum())
    value = summed.value()
    numbers, is_number = np.asarray(value.number).reshape(-1), True
    if value.kind is not None:
        kinds = value.kind.reshape(-1)
        is_number = kinds == NUMBER
        numbers = np.where(is_number, numbers, 0.0)
        wrong = kinds[chosen & (kinds >= ERROR)]
        if wrong.size:
            raise Fault(int(wrong[0]) - ERROR)
    if function in _EXTREMES:
        found = numbers[chosen & is_number]
        return float(_EXTREMES[function](found)) if found.size else 0.0
    total = float((chosen[None, :].astype(np.float64) @ numbers)[0])
    if not function.startswith("AVERAGE"):
        return items.checked(total)
    count = int((chosen & is_number).sum())
    return items.checked(total / count) if count else fail(DIV0)


def count_blank(area: list[Item]) -> float:
    """COUNTBLANK."""
    return float(sum(item is None or item == "" for item in area))


CALLED = {
    **{each.__name__: defects_left(each) for each in (match, look_up, look_across, measured, count_blank)},
    "index": index,
    "or_else": or_else,
}


# ---- rules -------------------------------------------------------------------------------------


def is_cell(node: Node) -> bool:
    """Whether it is a reference to one cell, written as such."""
    return isinstance(node, Range) and node.cell


def _given(arguments: Arguments, position: int) -> Node | None:
    """An argument that may be left out."""
    if position >= len(arguments) or isinstance(arguments[position], Missing):
        return None
    return arguments[position]


def _area(node: Node) -> Node:
    if not isinstance(node, REFERENCES):
        raise NotScalar
    return node


def _match(compiler: Any, arguments: Arguments) -> Typed:
    wanted, table = as_caught(compiler.of(arguments[0])), compiler.table(_area(arguments[1]))
    node = _given(arguments, 2)
    if node is None:
        kind = Term("1.0" if len(arguments) < 3 else "0.0")
    else:
        kind = bounded(compiler.number(node))
    return Typed(Term("match({0}, {1}, {2})", [wanted, table, kind]), NUMBER)


def _look_up(down: bool) -> Rule:
    def build(compiler: Any, arguments: Arguments) -> Typed:
        wanted, table = as_item(compiler.of(arguments[0])), compiler.table(_area(arguments[1]))
        other, node = bounded(compiler.number(arguments[2])), _given(arguments, 3)
        approximate = Term("True") if node is None else as_truth(compiler.of(node))
        operands = [wanted, table, other, approximate]
        return Typed(Term(f"look_up({{0}}, {{1}}, {{2}}, {{3}}, {down})", operands), ANY)

    return build


def _index(compiler: Any, arguments: Arguments) -> Typed:
    if len(arguments) > 3:
        raise NotScalar
    operands = [compiler.table(_area(arguments[0]))]
    operands += [bounded(as_number(compiler.of(node))) for node in arguments[1:]]
    places = ", ".join(f"{{{position}}}" for position in range(len(operands)))
    return Typed(Term(f"index({places})", operands), ANY)


def _look_across(compiler: Any, arguments: Arguments) -> Typed:
    if len(arguments) > 4:
        raise NotScalar
    operands = [as_caught(compiler.of(arguments[0])), *(compiler.table(_area(node)) for node in arguments[1:3])]
    found = Typed(Term("look_across({0}, {1}, {2})", operands), ANY)
    other = _given(arguments, 3)
    if other is None:
        return found
    return chosen("or_else(lambda: {0}, lambda: {1})", [], [found, compiler.of(other)])


def _measured(name: str) -> Rule:
    place, first = _MEASURED[name]

    def build(compiler: Any, arguments: Arguments) -> Typed:
        pairs = arguments[first : 2 if place == 2 else None]
        if len(pairs) % 2 or not pairs or any(isinstance(node, Missing) for node in arguments):
            raise NotScalar
        summed = None if place is None else arguments[place if place < len(arguments) else 0]
        operands = [Term("None") if summed is None else compiler.table(_area(summed))]
        for area, asked in zip(pairs[::2], pairs[1::2]):
            operands += [compiler.table(_area(area)), as_caught(compiler.of(asked))]
        places = ", ".join(f"{{{position}}}" for position in range(len(operands)))
        return Typed(Term(f"measured({name!r}, {places})", operands), NUMBER)

    return build


def _count_blank(compiler: Any, arguments: Arguments) -> Typed:
    return Typed(Term("count_blank({0})", [compiler.items(_area(arguments[0]))]), NUMBER)


def _of_arrays(name: str) -> Rule:
    """A function of arrays of functions/, where it gives a single value."""
    compute, fewest, most = OF_ARRAYS[name]

    def of_values(*given: Table | Item) -> Item:
        values = [None if each is _LEFT_OUT else _value(each) for each in given]
        values += [None] * (most - len(values) if most != MOST else 0)
        with np.errstate(all="ignore"):
            value = finished(compute(*values))
        if value.shape != (1, 1, 1):
            raise NotScalar
        return items_of(value)[0]

    computed = defects_left(of_values)

    def build(compiler: Any, arguments: Arguments) -> Typed:
        operands = []
        for position, node in enumerate(arguments):
            if isinstance(node, Missing):
                if position < fewest:
                    raise NotScalar
                operands.append(Term(compiler.named(_LEFT_OUT)))
            elif isinstance(node, REFERENCES) and not is_cell(node):
                operands.append(compiler.table(node))
            else:
                typed = compiler.of(node)
                if isinstance(node, Call) and not compiler.gives_values(node) and typed.kind == ANY:
                    raise NotScalar
                operands.append(as_caught(typed))
        places = ", ".join(f"{{{position}}}" for position in range(len(operands)))
        function = compiler.named(lambda *given: items.checked(computed(*given)))
        return Typed(Term(f"{function}({places})", operands), ANY)

    return build


_LEFT_OUT = object()  # an argument that is


def _value(given: Table | Item) -> Value:
    return given.value() if isinstance(given, Table) else value_of_item(given)


def paired(node: Node) -> tuple[Node, Node] | None:
    """The areas of SUMIF that are to be of one size: otherwise it reads other cells than its text says."""
    if isinstance(node, Call) and node.function in ("SUMIF", "AVERAGEIF") and len(node.arguments) > 2:
        return node.arguments[0], node.arguments[2]
    return None


RULES: dict[str, Rule] = {
    "MATCH": _match,
    "VLOOKUP": _look_up(DOWN),
    "HLOOKUP": _look_up(ACROSS),
    "INDEX": _index,
    "XLOOKUP": _look_across,
    "COUNTBLANK": _count_blank,
    **{name: _of_arrays(name) for name in OF_ARRAYS},
    **{name: _measured(name) for name in _MEASURED},
}
