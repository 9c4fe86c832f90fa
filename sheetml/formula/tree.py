"""The syntax tree of a formula.

A tree does not depend on the cell it stands in: a relative row or column is kept as its distance
from that cell, as in R1C1 notation. Two cells whose trees are equal hold "the same formula filled
down", which is how the engine finds its blocks. All nodes are immutable, hashable and comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OWN_WORKBOOK = "[0]"  # how files name the workbook itself: [0]!rate
REFERENCE_OPERATORS = frozenset(", :")


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of a formula."""


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: float


@dataclass(frozen=True, slots=True)
class Text(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class ErrorValue(Node):
    """An error written in the formula, by its text: "#REF!", "#N/A" ..."""

    value: str


@dataclass(frozen=True, slots=True)
class Missing(Node):
    """An argument left out, as the second in OFFSET(A1,,1)."""


@dataclass(frozen=True, slots=True)
class ArrayConstant(Node):
    """{1,2;3,4}: rows of Number, Text, Boolean or ErrorValue nodes, all rows of one length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A row or a column: its number if absolute, else its distance from the formula's cell."""

    value: int
    absolute: bool

    def at(self, origin: int) -> int:
        return self.value if self.absolute else origin + self.value


@dataclass(frozen=True, slots=True)
class Range(Node):
    """A cell or a rectangle. A whole column is rows 1 to MAX_ROWS, absolute; a whole row likewise.

    `sheet` is None for the formula's own sheet; `last_sheet` is set for 3-D references (a:b!A1).
    `cell` tells A1 from A1:A1.
    """

    top: Coordinate
    left: Coordinate
    bottom: Coordinate
    right: Coordinate
    sheet: str | None = None
    last_sheet: str | None = None
    cell: bool = False


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A defined name, or a LET/LAMBDA parameter (its `_xlpm.` prefix removed).

    `optional` marks where LAMBDA declares a parameter that a call may leave out (`_xlop.` in files).
    `sheet` is OWN_WORKBOOK where the file says so: then the name is the workbook's, whatever the sheet's own are.
    """

    name: str
    sheet: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StructuredReference(Node):
    """Table1[[#This Row],[a]:[b]]. `table` is None inside the table itself ([@a]).

    `items` are of "#All", "#Data", "#Headers", "#Totals", "#This Row"; none means "#Data".
    Columns are unescaped; both None means all columns; one column has first == last.
    """

    table: str | None
    items: tuple[str, ...] = ()
    first_column: str | None = None
    last_column: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalReference(Node):
    """A reference into another workbook: [1]Sheet1!A1:B2, [2]!rate, '[1]a b:c'!$A:$A, [1]!Table1[a].

    `workbook` is what the brackets hold: in files the number of one of the workbook's external links,
    counted from 1; where people typed it, a file's name, and `folder` what stood before the brackets.
    `part` is what is meant there: a Range, a Name, a StructuredReference or an ErrorValue, without its sheet.
    `sheet` is None where only the workbook is named; `last_sheet` is set for 3-D references.
    """

    workbook: str
    part: Node
    sheet: str | None = None
    last_sheet: str | None = None
    folder: str = ""

    @property
    def link(self) -> int | None:
        """The number of the external link, from 1; None where the workbook is named."""
        return int(self.workbook) if self.workbook.isascii() and self.workbook.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """operator: "-", "+", "%" (postfix), "@" (implicit intersection), "#" (postfix, spilled range)."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """operator: + - * / ^ & = <> < <= > >=; on references ":" (range), " " (intersection), "," (union).

    A chain a+b+c+... is as deep, on its left, as it is long: see `left_spine`.
    """

    operator: str
    left: Node
    right: Node

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Binary):
            return NotImplemented
        mine: Node = self
        yours: Node = other
        while isinstance(mine, Binary) and isinstance(yours, Binary):
            if mine is yours:
                return True
            if mine.operator != yours.operator or mine.right != yours.right:
                return False
            mine, yours = mine.left, yours.left
        return mine == yours

    def __hash__(self) -> int:
        node: Node = self
        code = 0
        while isinstance(node, Binary):
            code = hash((code, node.operator, node.right))
            node = node.left
        return hash((code, node))


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function by its upper-case name without _xlfn., _xlws. and _xll. prefixes, and its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """A call of an expression's value: LAMBDA(x,x+1)(3)."""

    function: Node
    arguments: tuple[Node, ...]


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node, from left to right."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case Apply():
            return (node.function, *node.arguments)
        case ArrayConstant():
            return tuple(element for row in node.rows for element in row)
    return ()


def left_spine(node: Binary) -> tuple[Node, list[Binary]]:
    """A chain of operators from its beginning: the first operand, and each operation done on what came before.

    A chain may have thousands of terms, which is deeper than Python's stack: who goes down a tree goes
    along it. It is of arithmetic or of unions; of the other operators on references the parser allows no
    long chains.
    """
    chain = [node]
    left = node.left
    while isinstance(left, Binary) and _chains(left, node):
        chain.append(left)
        left = left.left
    chain.reverse()
    return left, chain


def _chains(left: Binary, node: Binary) -> bool:
    if node.operator in REFERENCE_OPERATORS:
        return left.operator == node.operator == ","
    return left.operator not in REFERENCE_OPERATORS


def operands(node: Node) -> tuple[Node, ...]:
    """The nodes below a node, a chain of operators counting as one node: a, b and c below a+b-c."""
    if isinstance(node, Binary):
        first, chain = left_spine(node)
        return (first, *(part.right for part in chain))
    return children(node)


def calls(node: Node, functions: frozenset[str]) -> bool:
    """Whether a formula calls any of these functions."""
    return any(isinstance(part, Call) and part.function in functions for part in walk(node))


def walk(node: Node | None) -> Iterator[Node]:
    """A node and all nodes below it, from the top, from left to right; none for None."""
    waiting = [] if node is None else [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def replaced(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with each node replaced by what `change` makes of it, its children having been replaced before."""
    match node:
        case Binary():
            first, chain = left_spine(node)
            left = replaced(first, change)
            for each in chain:
                left = change(Binary(each.operator, left, replaced(each.right, change)))
            return left
        case Unary():
            return change(Unary(node.operator, replaced(node.operand, change)))
        case Call():
            return change(Call(node.function, tuple(replaced(each, change) for each in node.arguments)))
        case Apply():
            arguments = tuple(replaced(each, change) for each in node.arguments)
            return change(Apply(replaced(node.function, change), arguments))
    return change(node)
