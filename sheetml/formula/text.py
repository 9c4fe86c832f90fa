"""Writes a syntax tree back as a formula, with no more parentheses than its meaning needs."""

from __future__ import annotations

import re
from collections.abc import Callable

from sheetml.formula.parser import (
    PERCENT_PRECEDENCE,
    PRECEDENCE,
    PREFIX_PRECEDENCE,
)
from sheetml.formula.references import column_letters, quote_sheet
from sheetml.formula.tokens import TOKEN
from sheetml.formula.tree import (
    OWN_WORKBOOK,
    REFERENCE_OPERATORS,
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
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

_OPERAND = 100  # the precedence of what needs no parentheses anywhere
_FIRST_ROW, _LAST_ROW = Coordinate(1, True), Coordinate(MAX_ROWS, True)
_FIRST_COLUMN, _LAST_COLUMN = Coordinate(1, True), Coordinate(MAX_COLUMNS, True)
_ESCAPED = re.compile(r"[\[\]#'@]")
_PARAMETER = re.compile(r"_xl(pm|op)\.", re.IGNORECASE)


def to_a1(node: Node, row: int, column: int) -> str:
    """The formula as it reads in a cell: SUM(A1:A3)*$B$1.

    Distances that lead off the sheet come back in on the other side, as in Excel.
    """

    def row_text(coordinate: Coordinate) -> str:
        number = (coordinate.at(row) - 1) % MAX_ROWS + 1
        return f"${number}" if coordinate.absolute else f"{number}"

    def column_text(coordinate: Coordinate) -> str:
        letters = column_letters((coordinate.at(column) - 1) % MAX_COLUMNS + 1)
        return f"${letters}" if coordinate.absolute else letters

    def cell_text(vertical: Coordinate, horizontal: Coordinate) -> str:
        return column_text(horizontal) + row_text(vertical)

    return _Writer(row_text, column_text, cell_text).write(node, union=True)


def to_r1c1(node: Node) -> str:
    """The formula as it reads in every cell it fills: SUM(RC[-2]:R[2]C[-2])*R1C2."""

    def row_text(coordinate: Coordinate) -> str:
        return f"R{_distance(coordinate)}"

    def column_text(coordinate: Coordinate) -> str:
        return f"C{_distance(coordinate)}"

    def cell_text(vertical: Coordinate, horizontal: Coordinate) -> str:
        return row_text(vertical) + column_text(horizontal)

    return _Writer(row_text, column_text, cell_text).write(node, union=True)


def _distance(coordinate: Coordinate) -> str:
    if coordinate.absolute:
        return str(coordinate.value)
    return f"[{coordinate.value}]" if coordinate.value else ""


class _Writer:
    """Writes nodes; the notation of rows, columns and cells is given."""

    def __init__(
        self,
        row_text: Callable[[Coordinate], str],
        column_text: Callable[[Coordinate], str],
        cell_text: Callable[[Coordinate, Coordinate], str],
    ) -> None:
        self.row_text = row_text
        self.column_text = column_text
        self.cell_text = cell_text

    def write(self, node: Node, union: bool = False) -> str:
        """The text of a node; a union stands without parentheses only where `union` says so."""
        match node:
            case Number(value=value):
                return _number(value)
            case Text(value=value):
                return '"' + value.replace('"', '""') + '"'
            case Boolean(value=value):
                return "TRUE" if value else "FALSE"
            case ErrorValue(value=text):
                return text
            case ExternalReference():
                return _workbook(node) + self.write(node.part)
            case Range():
                return self.range(node)
            case Name():
                return _name(node)
            case StructuredReference():
                return _structured(node)
            case ArrayConstant(rows=rows):
                return "{" + ";".join(",".join(map(self.write, row)) for row in rows) + "}"
            case Call(function=function, arguments=arguments):
                return function + self.arguments(arguments)
            case Apply(function=function, arguments=arguments):
                return self.called(function) + self.arguments(arguments)
            case Unary():
                return self.unary(node)
            case Binary():
                text = self.binary(node)
                return f"({text})" if node.operator == "," and not union else text
        assert isinstance(node, Missing)
        return ""

    def arguments(self, arguments: tuple[Node, ...]) -> str:
        return "(" + ",".join(map(self.write, arguments)) + ")"

    def called(self, function: Node) -> str:
        """What stands before the arguments of a call of a value."""
        match function:
            case Name(sheet=None):
                return _name(function, parameter=True)
            case Name() | Call() | Apply():
                return self.write(function)
            case ExternalReference(part=Name()):
                return self.write(function)
        return f"({self.write(function, union=True)})"

    def unary(self, node: Unary) -> str:
        if node.operator == "#" and isinstance(node.operand, Range) and not node.operand.cell:
            return f"({self.write(node.operand)})#"  # A1:B2# is A1:(B2#)
        if node.operator == "#":
            return self.operand(node.operand, _OPERAND) + "#"
        if node.operator == "%":
            return self.operand(node.operand, PERCENT_PRECEDENCE) + "%"
        return node.operator + self.operand(node.operand, PREFIX_PRECEDENCE)

    def binary(self, node: Binary) -> str:
        if node.operator == ":":
            return self.range_end(node.left, node.right) + ":" + self.operand(node.right, _OPERAND)
        return self.chain(node)

    def chain(self, node: Binary) -> str:
        """Operations from the first operand on; parentheses open before it, as many as close on the way."""
        first, chain = left_spine(node)
        opened = 0
        pieces = [self.operand(first, PRECEDENCE[chain[0].operator], union=node.operator == ",")]
        for below, part in zip([first, *chain], chain):
            precedence = PRECEDENCE[part.operator]
            if below is not first and _precedence(below) < precedence:
                opened += 1
                pieces.append(")")
            # A sign needs no parentheses on the right of an arithmetic operator: 2^-3.
            signed = isinstance(part.right, Unary) and part.operator not in REFERENCE_OPERATORS
            pieces += (part.operator, self.operand(part.right, 0 if signed else precedence + 1))
        return "(" * opened + "".join(pieces)

    def range_end(self, left: Node, right: Node) -> str:
        """The left operand of ":", in parentheses where it would be read together with the right one."""
        joined = isinstance(left, Range) and left.cell and isinstance(right, Range)
        if joined or isinstance(left, Name):  # (A1):B2 is no rectangle, (ab):cd no columns
            return f"({self.write(left)})"
        return self.operand(left, _OPERAND)

    def operand(self, node: Node, precedence: int, union: bool = False) -> str:
        """A node in parentheses if it binds less tightly than `precedence`."""
        if _precedence(node) < precedence:
            return f"({self.write(node, union=True)})"
        return self.write(node, union)

    def range(self, node: Range) -> str:
        return _sheets(node.sheet, node.last_sheet) + self.rectangle(node)

    def rectangle(self, node: Range) -> str:
        if node.cell:
            return self.cell_text(node.top, node.left)
        if (node.top, node.bottom) == (_FIRST_ROW, _LAST_ROW):
            return f"{self.column_text(node.left)}:{self.column_text(node.right)}"
        if (node.left, node.right) == (_FIRST_COLUMN, _LAST_COLUMN):
            return f"{self.row_text(node.top)}:{self.row_text(node.bottom)}"
        return f"{self.cell_text(node.top, node.left)}:{self.cell_text(node.bottom, node.right)}"


def _precedence(node: Node) -> int:
    match node:
        case Binary(operator=operator):
            return PRECEDENCE[operator]
        case Unary(operator="#"):
            return _OPERAND
        case Unary(operator="%"):
            return PERCENT_PRECEDENCE
        case Unary():
            return PREFIX_PRECEDENCE
    return _OPERAND


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value).upper()


def _workbook(node: ExternalReference) -> str:
    """Which workbook and sheets are meant, in quotes where they would not be read so without."""
    sheets = [name for name in (node.sheet, node.last_sheet) if name is not None]
    text = f"{node.folder}[{node.workbook}]{':'.join(sheets)}"
    if not node.folder and "'" not in text and all(quote_sheet(name) == name for name in sheets):
        return f"{text}!"
    return "'" + text.replace("'", "''") + "'!"


def _name(node: Name, parameter: bool = False) -> str:
    """A name, with the prefix of parameters where it would be read as something else without it."""
    if node.sheet == OWN_WORKBOOK:
        return f"{OWN_WORKBOOK}!{node.name}"
    if node.sheet is not None:
        return f"{quote_sheet(node.sheet)}!{node.name}"
    if node.optional:
        return f"_xlop.{node.name}"
    match = TOKEN.fullmatch(node.name)
    plain = match is not None and match.lastgroup == "name" and not _PARAMETER.match(node.name)
    return node.name if plain and not parameter else f"_xlpm.{node.name}"


def _sheets(first: str | None, last: str | None) -> str:
    if first is None:
        return ""
    if last is None:
        return f"{quote_sheet(first)}!"
    if quote_sheet(first) == first and quote_sheet(last) == last:
        return f"{first}:{last}!"
    return "'" + f"{first}:{last}".replace("'", "''") + "'!"


def _structured(node: StructuredReference) -> str:
    parts = list(node.items)
    if node.first_column is not None and node.last_column is not None:
        first, last = _escape(node.first_column), _escape(node.last_column)
        parts.append(first if first == last else f"{first}]:[{last}")
    inside = parts[0] if len(parts) == 1 else ",".join(f"[{part}]" for part in parts)
    if len(parts) == 1 and node.first_column != node.last_column:
        inside = f"[{inside}]"
    return f"{node.table or ''}[{inside}]"


def _escape(column: str) -> str:
    return _ESCAPED.sub(r"'\g<0>", column)
