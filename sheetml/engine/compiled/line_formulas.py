"""Formulas that stand alone as terms: of the places that a formula reads it is known what kinds they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from sheetml.engine.compiled import item_lookups, items
from sheetml.engine.compiled.expressions import ANY, BY_ARRAYS, CALLS, LIST, Compiler, Rule, Typed, failing, result
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.item_lookups import is_cell
from sheetml.engine.compiled.terms import ANY_CELL, AREA, CONSTANT, TABLE, TEXT_CELL
from sheetml.engine.functions.registry import OF_ARRAYS
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, UNCOMPUTABLE
from sheetml.formula.tree import Call, Node, Number
from sheetml.xlsx.model import ErrorCode

NO_NUMBERS = 255  # the kind of an area that holds no number
UNKNOWN = ERROR + UNCOMPUTABLE
CELLS_OF_A_VECTOR = 3  # that cost as lines with one function by arrays what a vector does
# functions of numbers, whose areas are taken for the numbers in them
_OF_NUMBERS = frozenset(items.OF_SAMPLES)


def reads_numbers(node: Node) -> bool:
    """Whether an area that is an argument of a node is read for its numbers alone."""
    return isinstance(node, Call) and node.function in _OF_NUMBERS


def is_known(node: Call) -> bool:
    """Whether there is straight-line code for a function."""
    return node.function in CALLS or node.function in LineFormula.rules


def dear_calls(nodes: Iterable[Node]) -> int:
    """How many of the parts of a formula call functions that are run on arrays of one element."""
    return sum(isinstance(node, Call) and (node.function in OF_ARRAYS or node.function in BY_ARRAYS) for node in nodes)


def cells_worth_while(dear: int, most: int) -> int:
    """Up to how many cells with a formula are sooner computed as lines than at once as a vector."""
    return max(1, CELLS_OF_A_VECTOR // dear) if dear else most


def expression(
    tree: Node, last_sum: Node | None, leaves: dict[int, int], kinds: Sequence[int]
) -> tuple[Typed, dict[str, Any]]:
    """The term of a formula, and what its source makes use of.

    `leaves` gives each reference and each number (by the identity of its node) its place; `kinds` says of each of
    the places what it holds: a cell's kind, of an area its first error's, NO_NUMBERS, or NUMBER. Raises NotScalar.
    """
    compiler = LineFormula(last_sum, leaves, kinds)
    typed = result(compiler.of(tree))
    if typed.term.depth > compiler.deepest:
        raise NotScalar
    return typed, compiler.names


class LineFormula(Compiler):
    """Compiles a formula's tree for what its places hold."""

    rules: ClassVar[dict[str, Rule]] = item_lookups.RULES

    def __init__(self, last_sum: Node | None, leaves: dict[int, int], kinds: Sequence[int]) -> None:
        super().__init__(last_sum)
        self.leaves = leaves
        self.kinds = kinds

    def _place(self, node: Node) -> tuple[int, int]:
        place = self.leaves.get(id(node))
        if place is None or self.kinds[place] == UNKNOWN:
            raise NotScalar
        return place, self.kinds[place]

    def constant(self, node: Number) -> Typed:
        if id(node) not in self.leaves:  # of a name
            return Typed(Term(repr(float(node.value))), NUMBER)
        return Typed(Term("", place=self._place(node)[0], operation=CONSTANT), NUMBER)

    def reference(self, node: Node) -> Typed:
        place, kind = self._place(node)
        if not is_cell(node):
            raise NotScalar
        if kind == ANY:
            return Typed(Term("", place=place, operation=ANY_CELL), ANY)
        if kind >= ERROR:
            return failing(kind - ERROR)
        return Typed(Term("", place=place, operation=TEXT_CELL if kind == TEXT else ""), kind)

    def numbers(self, node: Node) -> Typed | None:
        place, kind = self._place(node)
        if kind == ANY:
            return Typed(Term("listed([{0}])", [self.reference(node).term]), LIST)
        if kind >= ERROR and kind != NO_NUMBERS:
            return failing(kind - ERROR)
        return Typed(Term("", place=place, operation="" if is_cell(node) else AREA), NUMBER) if kind == NUMBER else None

    def items(self, node: Node) -> Term:
        place, kind = self._place(node)
        if not is_cell(node):
            return Term("{0}.items()", [self.table(node)])
        if kind == BLANK:
            return Term("[None]")
        if kind == ANY:
            return Term("[caught(lambda: {0})]", [Term("", place=place, operation=ANY_CELL)])
        if kind >= ERROR:
            return Term(f"[{self.named(ErrorCode(kind - ERROR))}]")
        form = "[{0} != 0]" if kind == BOOLEAN else "[{0}]"
        return Term(form, [Term("", place=place, operation=TEXT_CELL if kind == TEXT else "")])

    def table(self, node: Node) -> Term:
        """An area with all that its cells hold."""
        place, _ = self._place(node)
        if is_cell(node):
            raise NotScalar
        return Term("", place=place, operation=TABLE)
