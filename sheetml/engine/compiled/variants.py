"""A formula's skeleton compiled for what its cells hold: what thousands of formulas have in common.

A `Template` is a skeleton's tree with the places where cells, areas and numbers stand; a `Variant` is its Python
function for some kinds of values at these places (expressions.py), with the pass back (adjoints.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from sheetml.engine.compiled.adjoints import Pass, flat_functions, slope_by_base
from sheetml.engine.compiled.expressions import ANY, is_plain
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.item_lookups import CALLED as ITEM_LOOKUPS
from sheetml.engine.compiled.item_lookups import Table, paired
from sheetml.engine.compiled.items import CALLED as ITEM_FUNCTIONS
from sheetml.engine.compiled.items import Item
from sheetml.engine.compiled.line_formulas import UNKNOWN, cells_worth_while, dear_calls, expression
from sheetml.engine.compiled.locating import FIRST, OWN_SHEET, SECOND, SINGLE, TABLE, Shape
from sheetml.engine.compiled.terms import Writer
from sheetml.engine.values import BOOLEAN, NUMBER
from sheetml.formula.tree import ArrayConstant, Node, walk

FEW_CELLS = 8  # of a block: with more of them they are computed at once, as a vector
FEW_OF_ITEMS = 4  # of a block whose formula is not one of numbers: a trace goes through lines one by one
MOST_VARIANTS = 32  # of a skeleton, for kinds of its cells; then one for whatever they hold
CALLED = {**ITEM_FUNCTIONS, **ITEM_LOOKUPS}  # by the source


class Cells(Protocol):
    """What cells hold while lines are run."""

    texts: list[str]  # by slot

    def held(self, slot: int) -> Item: ...


@dataclass(slots=True)
class Variant:
    """A skeleton compiled, for what the cells hold that it reads."""

    term: Term
    kind: int  # NUMBER or BOOLEAN; TEXT; or ANY, if the kind of its value shows when it is run
    function: Callable[..., float] | None = None
    back: Callable[..., None] | None = None  # of v, the adjoints by slot, the cell's own, and the places
    names: dict[str, Any] = field(default_factory=dict)  # what its source makes use of
    plain: bool = True  # all is numbers and booleans, with derivatives

    @property
    def flat(self) -> list[str]:
        """The functions in it that are constant between their jumps."""
        return flat_functions(self.term)


CAREFUL = Variant(Term("0.0"), NUMBER)  # there is no variant: the formula is evaluated as a vector


@dataclass(slots=True, eq=False)
class Template:
    """What all formulas of one skeleton have in common."""

    tree: Node
    last_sum: Node | None
    leaves: dict[int, int]  # the place of each reference and number, by its node
    places: list[tuple[str, int | None, int]]  # what stands there, on which sheet, and its position in the skeleton
    cells: Cells
    fixed: list[Any]  # what stands at the places that names name: their positions are -1, -2 ...
    variants: dict[tuple[int, ...], Variant] = field(default_factory=dict)
    shape: Shape = field(init=False)
    of_numbers: Variant | None = None  # where all that it reads are numbers
    dear: int = field(init=False)  # calls of functions that are run on arrays of one element
    is_dear: bool = field(init=False)  # it has any, and may be computed together with others like it
    alike: list[tuple[int, int]] = field(init=False)  # places of tables that are to be of one size
    _order: Callable[[list[Any]], tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        roles, sheets = [], []
        order: dict[str, list[int]] = {"cell": [], "number": [], "area": [], "table": [], "fixed": []}
        for place, (what, sheet, position) in enumerate(self.places):
            order["fixed" if position < 0 else what].append(place)
            if what != "number" and position >= 0:
                own = [SINGLE] if what == "cell" else [FIRST if what == "area" else TABLE, SECOND]
                roles += own
                sheets += [OWN_SHEET if sheet is None else sheet] * len(own)
        self.shape = Shape(roles, sheets)
        self._order = items_at(np.argsort([place for each in order.values() for place in each]).tolist())
        nodes = list(walk(self.tree))
        has_arrays = any(isinstance(node, ArrayConstant) for node in nodes)  # of which there are no families
        self.dear = dear_calls(nodes)
        self.is_dear = self.dear > 0 and not has_arrays
        self.alike = []
        for areas in filter(None, map(paired, nodes)):
            found = [self.leaves.get(id(area), -1) for area in areas]
            is_table = [place >= 0 and self.places[place][0] == "table" for place in found]
            self.alike.append((found[0], found[1]) if all(is_table) else (-1, -1))

    @property
    def is_sensible(self) -> bool:
        """Whether there is straight-line code for it where all cells hold numbers: otherwise there hardly ever is."""
        return self.for_numbers() is not CAREFUL

    @property
    def most_cells(self) -> int:
        """Up to how many cells with the formula are sooner computed as lines than as a vector."""
        return cells_worth_while(self.dear, FEW_CELLS if self.for_numbers().plain else FEW_OF_ITEMS)

    def fits(self, given: tuple[Any, ...]) -> bool:
        """Whether it reads no other cells than its text says."""
        pairs = ((given[one], given[other]) for one, other in self.alike)
        return all((one.height, one.width) == (other.height, other.width) for one, other in pairs)

    def in_order(
        self, cells: list[int], numbers: list[float], areas: list[tuple[int, ...]], tables: list[Table]
    ) -> tuple[Any, ...]:
        """What stands at the places, of which the cells, the numbers and the areas are given in their order."""
        return self._order([*cells, *numbers, *areas, *tables, *self.fixed])

    def for_numbers(self) -> Variant:
        """The variant where all that is read are numbers."""
        if self.of_numbers is None:
            self.of_numbers = self.variant(tuple([ANY if what == "table" else NUMBER for what, _, _ in self.places]))
        return self.of_numbers

    def variant(self, kinds: tuple[int, ...]) -> Variant:
        found = self.variants.get(kinds)
        if found is None:
            if len(self.variants) >= MOST_VARIANTS and UNKNOWN not in kinds:
                kinds = tuple([ANY if what == "cell" else kind for (what, _, _), kind in zip(self.places, kinds)])
                if kinds in self.variants:
                    return self.variants[kinds]
            try:
                typed, names = expression(self.tree, self.last_sum, self.leaves, kinds)
                plain = typed.kind in (NUMBER, BOOLEAN) and is_plain(typed.term)
                names = {**names, "T": self.cells.texts, "held": self.cells.held}
                found = Variant(typed.term, typed.kind, names=names, plain=plain)
            except NotScalar:
                found = CAREFUL
            self.variants[kinds] = found
        return found


@dataclass(slots=True)
class Formula:
    """One cell's formula: its template, and what stands at the template's places."""

    template: Template
    places: tuple[Any, ...]  # a slot, the slots of an area, a table, or a number
    all_there: bool  # each of its cells has a slot, and each of its areas at least one

    @property
    def watched(self) -> Iterator[int]:
        """The slots by whose kinds its variant is chosen."""
        for (what, _, _), place in zip(self.template.places, self.places):
            if what == "cell":
                yield place
            elif what == "area":
                yield from place


def items_at(places: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Takes the items at some places of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda items: tuple(items[place] for place in places)


def compiled(variants: Iterable[Variant]) -> None:
    """Compiles what has not been compiled yet."""
    new = [variant for variant in {id(each): each for each in variants}.values() if variant.function is None]
    if not new:
        return
    sources = [_source(f"f{number}", variant) for number, variant in enumerate(new)]
    namespace = dict(CALLED)
    for variant in new:
        namespace.update(variant.names)
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.function = namespace[f"f{number}"]


def _source(name: str, variant: Variant) -> str:
    writer = Writer()
    text = writer.text(variant.term)
    if variant.kind == BOOLEAN:
        text = f"float({text})"
    return f"def {name}(v, {', '.join([*writer.parameters, '*_'])}):\n    return {text}"


def compiled_back(variants: Iterable[Variant]) -> None:
    """Compiles the passes back that have not been compiled yet. Raises NotScalar where there is none."""
    new = [variant for variant in {id(each): each for each in variants}.values() if variant.back is None]
    sources = []
    for number, variant in enumerate(new):
        writer = Writer()
        found = Pass(writer.text)
        found.back(variant.term, "adjoint", "    ")
        writer.text(variant.term)  # which takes note of all places
        body = "\n".join(found.lines or ["    pass"])
        sources.append(f"def b{number}(v, g, adjoint, {', '.join([*writer.parameters, '*_'])}):\n{body}")
    namespace = {**CALLED, "slope_by_base": slope_by_base}
    for variant in new:
        namespace.update(variant.names)
    exec("\n".join(sources), namespace)
    for number, variant in enumerate(new):
        variant.back = namespace[f"b{number}"]
