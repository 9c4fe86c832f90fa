"""Builds the syntax tree of a formula.

Operators wait on a stack until one that binds less tightly arrives, so that only parentheses and
function calls nest the parser's own calls; their number is bounded, and so is the depth of the tree but
for chains of operators, which `tree.left_spine` and `tree.operands` go along: no formula makes the parser,
nor anything that walks or compares its trees, overflow Python's stack.

Two things differ from other languages: a sign binds more tightly than "^" (-2^2 is 4), and a chain of
"^" is computed from the left (2^3^2 is 64).
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from sheetml.errors import FormulaError
from sheetml.formula.references import column_number, unquote_sheets
from sheetml.formula.tokens import Token, tokenise, trouble
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
    operands,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS
from sheetml.xlsx.references import COLUMN, OTHER_WORKBOOK, ROW

MAX_NESTING = 100  # parentheses within parentheses; Excel allows 64 levels of functions
MAX_DEPTH = 200  # of the tree, where a chain a+b-c&... or a,b,c... counts as one level

PREFIX_PRECEDENCE = 7
PERCENT_PRECEDENCE = 6
PRECEDENCE: dict[str, int] = {
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), 1),
    "&": 2,
    **dict.fromkeys("+-", 3),
    **dict.fromkeys("*/", 4),
    "^": 5,
    **dict.fromkeys(",", 8),  # union
    **dict.fromkeys(" ", 9),  # intersection
    ":": 10,
}
ITEMS = {item.lower(): item for item in ("#All", "#Data", "#Headers", "#Totals", "#This Row")}

_FUNCTION_PREFIX = re.compile(r"(?:_xlfn\.|_xlws\.|_xll\.|_xludf\.)+(?=.)", re.IGNORECASE)
_FORMER_NAMES = {"_FV": "FIELDVALUE"}  # what the first Excel with data types wrote for A1.Price
_EXTERNAL = re.compile(rf"({OTHER_WORKBOOK})(.+)", re.DOTALL)
_PARAMETER_PREFIX = re.compile(r"_xl(pm|op)\.(?=.)", re.IGNORECASE)
_CELL = re.compile(rf"(\$?)({COLUMN})(\$?)({ROW})")
_BRACKETS = re.compile(r"\s*\[((?:[^\[\]']|'.)*)\]\s*([,:]?)", re.DOTALL)
_BRACKETS_SHAPE = re.compile(r"(?:item,)*(?:item|column|column:column)")
_ESCAPE = re.compile(r"'(.)", re.DOTALL)

# A blank between two of these is the intersection operator; any other blank means nothing.
_REFERENCE_KINDS = frozenset({"cell", "columns", "rows", "name", "structured", "external", "error"})


@lru_cache(maxsize=1024)  # several ask for one formula's tree: who plans it, and who compiles it
def parse(text: str, row: int, column: int) -> Node:
    """The tree of a formula (without its leading "=") that stands in a cell.

    Definitions of names are parsed with row 1 and column 1.
    """
    node = _Parser(text, row, column).whole()
    if len(text) > MAX_DEPTH:  # each operation takes a character at least
        _check_depth(node, text)
    return node


def is_reference(node: Node) -> bool:
    """Whether a node may stand for cells, as the operands of ":", " ", "," and "#" must."""
    match node:
        case Range() | Name() | StructuredReference() | ExternalReference() | ErrorValue() | Call() | Apply():
            return True
        case Binary(operator=operator):
            return operator in REFERENCE_OPERATORS
        case Unary(operator=operator):
            return operator in "@#"
    return False


class _Operator(NamedTuple):
    """An operator whose right operand is not complete yet."""

    symbol: str
    precedence: int
    position: int
    prefix: bool = False


class _Parser:
    """One formula being parsed: its tokens and the place reached in them."""

    def __init__(self, text: str, row: int, column: int) -> None:
        self.text = text
        self.row = row
        self.column = column
        end = Token("end", "", len(text))
        self.tokens = [*_significant(tokenise(text)), end, end]
        self.index = 0
        self.token = self.tokens[0]  # the next one
        self.nesting = 0

    def advance(self) -> Token:
        token = self.token
        self.index += 1
        self.token = self.tokens[self.index]
        return token

    def accept(self, text: str) -> bool:
        found = self.token.text == text
        if found:
            self.advance()
        return found

    def trouble(self, token: Token, what: str) -> FormulaError:
        return trouble(self.text, token.position, what)

    def whole(self) -> Node:
        node = self.expression(union=True)
        if self.token.kind != "end":
            raise self.trouble(self.token, f"an operator is missing before {self.token.text!r}")
        return node

    # Operators

    def expression(self, union: bool) -> Node:
        """Operands joined by operators; a comma is the union operator only where `union` says so."""
        operands: list[Node] = []
        waiting: list[_Operator] = []
        while True:
            while self.token.text in ("-", "+", "@"):
                _, symbol, position, _ = self.advance()
                waiting.append(_Operator(symbol, PREFIX_PRECEDENCE, position, prefix=True))
            operands.append(self.operand())
            self.postfixes(operands, waiting)
            symbol = self.token.text
            if symbol not in PRECEDENCE or (symbol == "," and not union):
                self.complete(operands, waiting, 0)
                return operands[0]
            self.complete(operands, waiting, PRECEDENCE[symbol])
            waiting.append(_Operator(symbol, PRECEDENCE[symbol], self.advance().position))

    def postfixes(self, operands: list[Node], waiting: list[_Operator]) -> None:
        """What may follow an operand: "%", "#" and the arguments of a call of its value."""
        while True:
            token = self.token
            if token.text == "%":
                self.complete(operands, waiting, PERCENT_PRECEDENCE)
                operands[-1] = Unary("%", operands[-1])
                self.advance()
            elif token.text == "#":
                self.require_reference(operands[-1], token.text, token.position)
                operands[-1] = Unary("#", operands[-1])
                self.advance()
            elif token.text == "(" and is_reference(operands[-1]):
                operands[-1] = _called(operands[-1], self.arguments())
            else:
                return

    def complete(self, operands: list[Node], waiting: list[_Operator], precedence: int) -> None:
        """Builds the nodes of the waiting operators that bind at least as tightly as `precedence`."""
        while waiting and waiting[-1].precedence >= precedence:
            symbol, _, position, prefix = waiting.pop()
            right = operands.pop()
            if prefix:
                operands.append(Unary(symbol, right))
                continue
            left = operands.pop()
            if symbol in REFERENCE_OPERATORS:
                self.require_reference(left, symbol, position)
                self.require_reference(right, symbol, position)
            operands.append(Binary(symbol, left, right))

    def require_reference(self, node: Node, symbol: str, position: int) -> None:
        if not is_reference(node):
            raise trouble(self.text, position, f"{symbol!r} stands beside something that is not a reference")

    # Operands

    def operand(self) -> Node:
        token = self.advance()
        match token.kind:
            case "cell":
                return self.cell(token)
            case "number":
                return self.number(token)
            case "function":
                return self.call(token)
            case "name":
                return self.name(token)
            case "text":
                return Text(token.text[1:-1].replace('""', '"'))
            case "boolean":
                return Boolean(token.text.upper() == "TRUE")
            case "error":
                return ErrorValue(token.text)
            case "columns" | "rows":
                return self.band(token)
            case "structured":
                return self.structured(token)
            case "external":
                return self.external(token)
        if token.text == "(":
            return self.group(token)
        if token.text == "{":
            return self.array(token)
        found = f"before {token.text!r}" if token.text else "at the end"
        raise self.trouble(token, f"a value or a reference is missing {found}")

    def number(self, token: Token) -> Number:
        value = float(token.text)
        if math.isinf(value):
            raise self.trouble(token, f"the number {token.text} is too large")
        return Number(value)

    def name(self, token: Token) -> Name:
        sheet, last_sheet = _sheets(token)
        if last_sheet is not None:
            raise self.trouble(token, f"the name {token.text} cannot stand on several sheets")
        prefix = _PARAMETER_PREFIX.match(token.text)
        if prefix is None:
            return Name(token.text, sheet)
        return Name(token.text[prefix.end() :], sheet, optional=prefix[1].lower() == "op")

    def call(self, token: Token) -> Node:
        if token.sheet is not None or _PARAMETER_PREFIX.match(token.text):
            return self.name(token)  # its value is called: see postfixes
        function = _FUNCTION_PREFIX.sub("", token.text, count=1).upper()
        function = _FORMER_NAMES.get(function, function)
        arguments = self.arguments()
        if function == "SINGLE" and len(arguments) == 1 and arguments[0] != Missing():
            return Unary("@", arguments[0])
        if function == "ANCHORARRAY" and len(arguments) == 1 and is_reference(arguments[0]):
            return Unary("#", arguments[0])
        return Call(function, arguments)

    def arguments(self) -> tuple[Node, ...]:
        opening = self.advance()
        self.enter(opening)
        found: list[Node] = []
        if self.token.text != ")":
            found.append(self.argument())
            while self.accept(","):
                found.append(self.argument())
        self.leave(opening)
        return tuple(found)

    def argument(self) -> Node:
        return Missing() if self.token.text in (",", ")") else self.expression(union=False)

    def group(self, opening: Token) -> Node:
        self.enter(opening)
        node = self.expression(union=True)
        self.leave(opening)
        return node

    def enter(self, opening: Token) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.trouble(opening, f"parentheses are nested more than {MAX_NESTING} levels deep")

    def leave(self, opening: Token) -> None:
        self.nesting -= 1
        if not self.accept(")"):
            found = f"before {self.token.text!r}" if self.token.text else "at the end"
            what = f'the parenthesis of position {opening.position + 1} needs an operator or ")" {found}'
            raise self.trouble(self.token, what)

    def array(self, opening: Token) -> ArrayConstant:
        rows = [[self.element()]]
        while self.token.text in (",", ";"):
            if self.advance().text == ";":
                rows.append([])
            rows[-1].append(self.element())
        if not self.accept("}"):
            raise self.trouble(opening, 'an array constant has no closing "}"')
        if len({len(row) for row in rows}) > 1:
            raise self.trouble(opening, "the rows of an array constant differ in length")
        return ArrayConstant(tuple(map(tuple, rows)))

    def element(self) -> Node:
        sign = self.advance() if self.token.text in ("-", "+") else None
        token = self.token
        if token.kind not in (("number",) if sign else ("number", "text", "boolean", "error")):
            raise self.trouble(token, "an array constant holds only numbers, texts, booleans and errors")
        node = self.operand()
        return Number(-node.value) if sign and sign.text == "-" and isinstance(node, Number) else node

    # References

    def cell(self, token: Token) -> Range:
        """A cell, or a rectangle where the next tokens are ":" and a cell of the same sheet."""
        sheet, last_sheet = _sheets(token)
        top, left = self.corner(token)
        if not self.rectangle_follows(sheet, last_sheet):
            return Range(top, left, top, left, sheet, last_sheet, cell=True)
        self.advance()
        bottom, right = self.corner(self.advance())
        top, bottom = _ordered(top, bottom)
        left, right = _ordered(left, right)
        return Range(top, left, bottom, right, sheet, last_sheet)

    def rectangle_follows(self, sheet: str | None, last_sheet: str | None) -> bool:
        if self.token.text != ":" or self.tokens[self.index + 1].kind != "cell":
            return False
        second, after = self.tokens[self.index + 1 : self.index + 3]
        if after.text == "#":  # A1:B2# is a range from A1 to what spills from B2
            return False
        return second.sheet is None or _same(_sheets(second), (sheet, last_sheet))

    def corner(self, token: Token) -> tuple[Coordinate, Coordinate]:
        match = _CELL.fullmatch(token.text)
        assert match is not None  # the tokeniser found it by the same pattern
        return self.row_coordinate(match[3] + match[4]), self.column_coordinate(match[1] + match[2])

    def row_coordinate(self, text: str) -> Coordinate:
        absolute = text.startswith("$")
        return Coordinate(int(text[1:]), True) if absolute else Coordinate(int(text) - self.row, False)

    def column_coordinate(self, text: str) -> Coordinate:
        if text.startswith("$"):
            return Coordinate(column_number(text[1:]), True)
        return Coordinate(column_number(text) - self.column, False)

    def band(self, token: Token) -> Range:
        """Whole columns or whole rows."""
        sheet, last_sheet = _sheets(token)
        first, last = token.text.split(":")
        if token.kind == "columns":
            left, right = _ordered(self.column_coordinate(first), self.column_coordinate(last))
            return Range(Coordinate(1, True), left, Coordinate(MAX_ROWS, True), right, sheet, last_sheet)
        top, bottom = _ordered(self.row_coordinate(first), self.row_coordinate(last))
        return Range(top, Coordinate(1, True), bottom, Coordinate(MAX_COLUMNS, True), sheet, last_sheet)

    def structured(self, token: Token) -> StructuredReference:
        table, _, inside = token.text[:-1].partition("[")
        this_row = inside.startswith("@")
        items = [ITEMS["#this row"]] if this_row else []
        columns: list[str] = []
        for kind, content in self.bracketed(inside[this_row:], token):
            if kind == "column":
                columns.append(_ESCAPE.sub(r"\1", content))
            elif content.lower() in ITEMS:
                items.append(ITEMS[content.lower()])
            else:
                raise self.trouble(token, f"{content!r} is no part of a table")
        first, last = (columns[0], columns[-1]) if columns else (None, None)
        return StructuredReference(table or None, tuple(items), first, last)

    def external(self, token: Token) -> Node:
        """A reference into another workbook; one into the workbook itself is what it would be without saying so."""
        match = _EXTERNAL.fullmatch(token.text)
        assert match is not None  # the tokeniser found it by the same pattern
        folder, opening, inside = _unquoted(match[1]).partition("[")
        workbook, closing, sheets = inside.partition("]")
        if not (opening and closing and workbook):
            raise self.trouble(token, f"{token.text} does not say in brackets which workbook it means")
        sheet, last_sheet = _split_sheets(sheets) if sheets else (None, None)
        part = _Parser(match[2], self.row, self.column).whole()
        if f"[{workbook}]" == OWN_WORKBOOK and not folder:
            return self.own(token, part, sheet, last_sheet)
        return ExternalReference(workbook, part, sheet, last_sheet, folder)

    def own(self, token: Token, part: Node, sheet: str | None, last_sheet: str | None) -> Node:
        if isinstance(part, Range):
            return replace(part, sheet=sheet, last_sheet=last_sheet)
        if isinstance(part, Name):
            if last_sheet is not None:
                raise self.trouble(token, f"the name {part.name} cannot stand on several sheets")
            return replace(part, sheet=sheet or OWN_WORKBOOK)
        return part

    def bracketed(self, inside: str, token: Token) -> list[tuple[str, str]]:
        """The parts of a structured reference, each with what it is: "item" or "column"."""
        if not inside.lstrip().startswith("["):
            return [(_part(inside), inside)] if inside else []
        parts = []
        shape = ""
        position = 0
        while match := _BRACKETS.match(inside, position):
            parts.append((_part(match[1]), match[1]))
            shape += _part(match[1]) + match[2]
            position = match.end()
        if position != len(inside) or not _BRACKETS_SHAPE.fullmatch(shape):
            raise self.trouble(token, f"the structured reference {token.text} is not complete")
        return parts


def _called(function: Node, arguments: tuple[Node, ...]) -> Node:
    """A call of a value; [0]!Twice(1) calls the workbook's own function as Twice(1) does."""
    if isinstance(function, Name) and function.sheet == OWN_WORKBOOK:
        return Call(function.name.upper(), arguments)
    return Apply(function, arguments)


def _part(content: str) -> str:
    return "item" if content.startswith("#") else "column"


def _unquoted(prefix: str) -> str:
    """What stands before "!", the "!" included, without its quotes."""
    text = prefix[:-1]
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


def _split_sheets(text: str) -> tuple[str, str | None]:
    first, _, last = text.partition(":")
    return first, last or None


def _sheets(token: Token) -> tuple[str | None, str | None]:
    return (None, None) if token.sheet is None else unquote_sheets(token.sheet)


def _same(first: tuple[str | None, str | None], second: tuple[str | None, str | None]) -> bool:
    """Whether two pairs of sheets are the same, whatever the letters' case."""
    return [(name or "").casefold() for name in first] == [(name or "").casefold() for name in second]


def _ordered(first: Coordinate, last: Coordinate) -> tuple[Coordinate, Coordinate]:
    """The smaller first; of an absolute and a relative one, only a cell can tell which that is."""
    if first.absolute == last.absolute and first.value > last.value:
        return last, first
    return first, last


def _significant(tokens: list[Token]) -> list[Token]:
    """The tokens without blanks, except for those that are the intersection operator, made " "."""
    found = []
    for index, token in enumerate(tokens):
        if token.kind != "space":
            found.append(token)
        elif 0 < index < len(tokens) - 1 and _ends(tokens[index - 1]) and _starts(tokens[index + 1]):
            found.append(Token("operator", " ", token.position))
    return found


def _ends(token: Token) -> bool:
    return token.kind in _REFERENCE_KINDS or token.text in (")", "#")


def _starts(token: Token) -> bool:
    return token.kind in _REFERENCE_KINDS or token.kind == "function" or token.text in ("(", "@")


def _check_depth(node: Node, text: str) -> None:
    pending = [(node, 1)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise trouble(text, 0, f"it nests more than {MAX_DEPTH} operations")
        pending.extend((child, depth + 1) for child in operands(node))
