"""A formula's tree as terms on floats (see floats.py), for a formula that stands in one cell.

Tracing a formula (floats.py) takes all functions and milliseconds. Where thousands of formulas stand alone, their
trees are gone through instead, for the operators and the functions met most; what kinds the cells are that a formula
reads (numbers, blanks, booleans, errors, text) is known beforehand. An error is an exception: it leaves the expression
at the operand that Excel meets first. Whatever else there is raises NotScalar and is left to the vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.precision import SUMS_THAT_VANISH
from sheetml.engine.values import BLANK, BOOLEAN, DIV0, ERROR, NUM, NUMBER, REF, TEXT, UNCOMPUTABLE
from sheetml.formula.tree import Binary, Boolean, Call, ErrorValue, Missing, Node, Number, Range, Unary, left_spine
from sheetml.xlsx.model import ERROR_CODE

DEEPEST = 60  # operations within operations: Python's parser has a limit
NO_NUMBERS = 255  # the kind of an area that holds no number
AREA = "area"  # the operation of a term that stands for all numbers of an area


@dataclass(slots=True)
class Typed:
    """A term and the kind of its value, NUMBER or BOOLEAN; or of a cell as it is, BLANK, TEXT or an error too."""

    term: Term
    kind: int
    unbounded: bool = False  # it may be infinite without an exception
    perhaps_blank: bool = False  # it may be a blank that counts as 0


def expression(tree: Node, last_sum: Node | None, leaves: dict[int, int], kinds: Sequence[int]) -> Typed:
    """The term of a formula.

    `leaves` gives each reference and each number (by the identity of its node) its place; `kinds` says of each of
    the places what it holds: a cell's kind, of an area its first error's, NO_NUMBERS, or NUMBER. Raises NotScalar.
    """
    typed = _Formula(last_sum, leaves, kinds).of(tree)
    if typed.kind == BLANK:
        return Typed(Term("0.0"), NUMBER)
    if typed.kind == TEXT or typed.term.depth > DEEPEST:
        raise NotScalar
    return typed


class _Formula:
    def __init__(self, last_sum: Node | None, leaves: dict[int, int], kinds: Sequence[int]) -> None:
        self.last_sum = last_sum
        self.leaves = leaves
        self.kinds = kinds

    def of(self, node: Node) -> Typed:
        rule = NODES.get(type(node))
        if rule is None:
            raise NotScalar
        return rule(self, node)

    def number(self, node: Node) -> Typed:
        """A node as arithmetic takes it: blanks are 0, booleans 0 or 1, an error is raised."""
        return as_number(self.of(node))

    def place(self, node: Node) -> tuple[int, int]:
        place = self.leaves.get(id(node))
        if place is None:
            raise NotScalar
        return place, self.kinds[place]


def as_number(typed: Typed) -> Typed:
    if typed.kind == BLANK:
        return Typed(Term("0.0"), NUMBER)
    if typed.kind == TEXT:
        raise NotScalar
    return typed


def bounded(typed: Typed) -> Term:
    """The term, which is raised as an error where it is infinite: what follows might not show that it was."""
    if not typed.unbounded:
        return typed.term
    return Term(f"(f if (f := {{0}}) - f == 0 else fail({NUM}))", [typed.term], "finite")


def failing(code: int) -> Typed:
    """A term that raises an error."""
    return Typed(Term(f"fail({code})", operation="flat"), NUMBER)


# ---- leaves and operators ----------------------------------------------------------------------


def _number(formula: _Formula, node: Number) -> Typed:
    return Typed(Term("", place=formula.place(node)[0], operation="constant"), NUMBER)


def _boolean(formula: _Formula, node: Boolean) -> Typed:
    return Typed(Term("1.0" if node.value else "0.0"), BOOLEAN)


def _error(formula: _Formula, node: ErrorValue) -> Typed:
    return failing(int(ERROR_CODE.get(node.value.upper(), REF)))


def _missing(formula: _Formula, node: Missing) -> Typed:
    return Typed(Term("0.0"), BLANK)


def _cell(formula: _Formula, node: Range) -> Typed:
    place, kind = formula.place(node)
    if not _single(node):
        raise NotScalar
    if kind == ERROR + UNCOMPUTABLE:
        raise NotScalar
    return failing(kind - ERROR) if kind >= ERROR else Typed(Term("", place=place), kind)


def _single(node: Node) -> bool:
    return isinstance(node, Range) and node.cell


def _unary(formula: _Formula, node: Unary) -> Typed:
    if node.operator == "+":
        return formula.of(node.operand)
    if node.operator not in ("-", "%"):
        raise NotScalar
    operand = formula.number(node.operand)
    if node.operator == "-":
        return Typed(Term("(-{0})", [operand.term], "negative"), NUMBER, operand.unbounded)
    return Typed(Term("({0} / 100.0)", [operand.term], "percent"), NUMBER, operand.unbounded)


def _binary(formula: _Formula, node: Binary) -> Typed:
    first, chain = left_spine(node)
    left = formula.of(first)
    for part in chain:
        right = formula.of(part.right)
        if part.operator in _COMPARED:
            left = _compared(part.operator, left, right)
        elif part.operator in _ARITHMETIC:
            left = _arithmetic(part.operator, as_number(left), as_number(right), part is formula.last_sum)
        else:
            raise NotScalar
    return left


_ARITHMETIC = {
    "+": ("({0} + {1})", "add"),
    "-": ("({0} - {1})", "subtract"),
    "*": ("({0} * {1})", "multiply"),
    "/": ("({0} / {1})", "divide"),
    "^": ("power({0}, {1})", "power"),
}


def _arithmetic(operator: str, left: Typed, right: Typed, vanishing: bool) -> Typed:
    template, operation = _ARITHMETIC[operator]
    if vanishing:
        template = str(SUMS_THAT_VANISH[operator].scalar)
    operands = [left.term, right.term]
    if operator in "/^":
        operands[1] = bounded(right)
    if operator == "^":
        operands[0] = bounded(left)
    return Typed(Term(template, operands, operation), NUMBER, unbounded=True)


_COMPARED = ("=", "<>", "<", "<=", ">", ">=")
OPERATORS = frozenset([*_ARITHMETIC, *_COMPARED, "%"])


def _compared(operator: str, left: Typed, right: Typed) -> Typed:
    for one, other in ((left, right), (right, left)):
        if one.kind == BOOLEAN and other.kind not in (BOOLEAN, BLANK):
            raise NotScalar
        if one.kind == TEXT or one.perhaps_blank:
            raise NotScalar
    left_term, right_term = bounded(as_number(left)), bounded(as_number(right))
    symbol = {"=": "==", "<>": "!="}.get(operator, operator)
    # 256th parts of a difference within 15 digits are lost when they are added to a number (see precision.py)
    template = (
        f"(d {symbol} 0 if (d := {{0}} - {{1}}) * 0.00390625 + {{0}} != {{0}} else order_seen({{0}}, {{1}}) {symbol} 0)"
    )
    return Typed(Term(template, [left_term, right_term], "flat"), BOOLEAN)


# ---- functions ---------------------------------------------------------------------------------


def _call(formula: _Formula, node: Call) -> Typed:
    rule = CALLS.get(node.function)
    if rule is None:
        raise NotScalar
    fewest, most, build = rule
    if not fewest <= len(node.arguments) <= most:
        raise NotScalar
    return build(formula, node.arguments)


def _if(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
    condition = as_number(formula.of(arguments[0]))
    if condition.perhaps_blank and condition.kind != NUMBER:
        raise NotScalar
    branches = [_branch(formula, arguments, position) for position in (1, 2)]
    kinds = {branch.kind for branch in branches if not _fails(branch)}
    perhaps_blank = any(branch.perhaps_blank for branch in branches)
    if kinds == {NUMBER, BLANK}:
        branches, kinds, perhaps_blank = [as_number(branch) for branch in branches], {NUMBER}, True
    if len(kinds) > 1 or kinds & {BLANK, TEXT}:
        raise NotScalar
    term = Term("({1} if {0} else {2})", [bounded(condition), branches[0].term, branches[1].term], "where")
    unbounded = any(branch.unbounded for branch in branches)
    return Typed(term, kinds.pop() if kinds else NUMBER, unbounded, perhaps_blank)


def _branch(formula: _Formula, arguments: tuple[Node, ...], position: int) -> Typed:
    if position >= len(arguments):
        return Typed(Term("0.0" if position == 2 else "1.0"), BOOLEAN)
    if isinstance(arguments[position], Missing):
        return Typed(Term("0.0"), NUMBER)
    return formula.of(arguments[position])


def _fails(typed: Typed) -> bool:
    return typed.term.template.startswith("fail(")


def _truths(symbol: str) -> Callable[[_Formula, tuple[Node, ...]], Typed]:
    """AND and OR: all conditions are computed, so that an error in any of them shows."""

    def build(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
        terms = []
        for argument in arguments:
            typed = formula.of(argument)
            if typed.kind not in (NUMBER, BOOLEAN) or typed.perhaps_blank or isinstance(argument, Missing):
                raise NotScalar
            terms.append(bounded(typed))
        template = f" {symbol} ".join(f"({{{i}}} != 0)" for i in range(len(terms)))
        return Typed(Term(f"({template})", terms, "flat"), BOOLEAN)

    return build


def _not(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
    return Typed(Term("({0} == 0)", [bounded(formula.number(arguments[0]))], "flat"), BOOLEAN)


def _constant(text: str, kind: int) -> Callable[[_Formula, tuple[Node, ...]], Typed]:
    return lambda formula, arguments: Typed(Term(text), kind)


def _unary_function(template: str, operation: str, *, hides: bool = True) -> Any:
    """A function of one number; with `hides` an infinite number might not show in its result."""

    def build(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
        operand = formula.number(arguments[0])
        term = Term(template, [bounded(operand) if hides else operand.term], operation)
        return Typed(term, NUMBER, unbounded=operand.unbounded and not hides)

    return build


def _flat(name: str, function: str, *defaults: float) -> Callable[[_Formula, tuple[Node, ...]], Typed]:
    """A function of numbers that is constant between its jumps."""

    def build(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
        terms = [bounded(formula.number(argument)) for argument in arguments]
        terms += [Term(repr(number)) for number in defaults[len(arguments) - 1 :]]
        places = ", ".join(f"{{{i}}}" for i in range(len(terms)))
        return Typed(Term(f"{name}({places})", terms, f"flat {function}"), NUMBER)

    return build


def _two(name: str) -> Callable[[_Formula, tuple[Node, ...]], Typed]:
    def build(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
        terms = [bounded(formula.number(argument)) for argument in arguments]
        return Typed(Term(f"{name}({{0}}, {{1}})", terms, name), NUMBER, unbounded=name == "power")

    return build


# ---- aggregates --------------------------------------------------------------------------------


def _sample(formula: _Formula, arguments: tuple[Node, ...]) -> list[Typed]:
    """The numbers of an aggregate's arguments in their order; an area's are one term, of the operation AREA."""
    found: list[Typed] = []
    for argument in arguments:
        if isinstance(argument, Range):
            place, kind = formula.place(argument)
            if kind == ERROR + UNCOMPUTABLE:
                raise NotScalar
            if kind >= ERROR and kind != NO_NUMBERS:
                found.append(failing(kind - ERROR))
            elif kind == NUMBER:
                found.append(Typed(Term("", place=place, operation="" if _single(argument) else AREA), NUMBER))
            continue
        typed = formula.of(argument)
        if typed.perhaps_blank or (typed.kind != NUMBER and not isinstance(argument, (Binary, Boolean))):
            raise NotScalar
        found.append(typed)
    return found


def _is_area(term: Term) -> bool:
    return term.operation == AREA


def _added(sample: list[Typed]) -> Term:
    """The sum of the numbers, one after the other."""
    total: Term | None = None
    for typed in sample:
        if _is_area(typed.term):
            total = (
                Term("total(v, {0})", [typed.term], "total")
                if total is None
                else Term("total(v, {1}, {0})", [total, typed.term], "total")
            )
        else:
            total = typed.term if total is None else Term("({0} + {1})", [total, typed.term], "add")
    return Term("0.0") if total is None else total


def _sum(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
    sample = _sample(formula, arguments)
    return Typed(_added(sample), NUMBER, unbounded=True)


def _average(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
    sample = _sample(formula, arguments)
    if not sample:
        return failing(DIV0)
    areas = [typed.term for typed in sample if _is_area(typed.term)]
    count = " + ".join([str(len(sample) - len(areas)), *(f"len({{{i + 1}}})" for i in range(len(areas)))])
    return Typed(Term(f"({{0}} / ({count}))", [_added(sample), *areas], "mean"), NUMBER, unbounded=True)


def _extreme(name: str) -> Callable[[_Formula, tuple[Node, ...]], Typed]:
    def build(formula: _Formula, arguments: tuple[Node, ...]) -> Typed:
        sample = _sample(formula, arguments)
        if not sample:
            return Typed(Term("0.0"), NUMBER)
        terms = [
            Term(f"{name}_of(v, {{0}})", [typed.term], f"{name} of") if _is_area(typed.term) else bounded(typed)
            for typed in sample
        ]
        if len(terms) == 1:
            return Typed(terms[0], NUMBER)
        places = ", ".join(f"{{{i}}}" for i in range(len(terms)))
        return Typed(Term(f"{name}({places})", terms, name), NUMBER)

    return build


MANY = 255
CALLS: dict[str, tuple[int, int, Callable[[_Formula, tuple[Node, ...]], Typed]]] = {
    "IF": (2, 3, _if),
    "AND": (1, MANY, _truths("&")),
    "OR": (1, MANY, _truths("|")),
    "NOT": (1, 1, _not),
    "TRUE": (0, 0, _constant("1.0", BOOLEAN)),
    "FALSE": (0, 0, _constant("0.0", BOOLEAN)),
    "PI": (0, 0, _constant(repr(math.pi), NUMBER)),
    "SUM": (1, MANY, _sum),
    "AVERAGE": (1, MANY, _average),
    "MAX": (1, MANY, _extreme("max")),
    "MIN": (1, MANY, _extreme("min")),
    "ABS": (1, 1, _unary_function("abs({0})", "absolute", hides=False)),
    "SQRT": (1, 1, _unary_function("sqrt({0})", "sqrt")),
    "EXP": (1, 1, _unary_function("exp({0})", "exp")),
    "LN": (1, 1, _unary_function("log({0})", "log")),
    "LOG10": (1, 1, _unary_function("log10({0})", "log10")),
    "SIGN": (1, 1, _unary_function("float(({0} > 0) - ({0} < 0))", "flat")),
    "SIN": (1, 1, _unary_function("sine({0})", "sin")),
    "COS": (1, 1, _unary_function("cosine({0})", "cos")),
    "ATAN": (1, 1, _unary_function("atan({0})", "arctan")),
    "SINH": (1, 1, _unary_function("sinh({0})", "sinh")),
    "COSH": (1, 1, _unary_function("cosh({0})", "cosh")),
    "TANH": (1, 1, _unary_function("tanh({0})", "tanh")),
    "POWER": (2, 2, _two("power")),
    "MOD": (2, 2, _two("modulo")),
    "INT": (1, 1, _flat("whole_below", "INT")),
    "ROUND": (2, 2, _flat("rounded", "ROUND")),
    "ROUNDUP": (2, 2, _flat("rounded_up", "ROUNDUP")),
    "ROUNDDOWN": (2, 2, _flat("rounded_down", "ROUNDDOWN")),
    "TRUNC": (1, 2, _flat("rounded_down", "TRUNC", 0.0)),
    "CEILING": (2, 2, _flat("ceiling", "CEILING")),
    "FLOOR": (2, 2, _flat("floor_to", "FLOOR")),
}

NODES: dict[type, Callable[[_Formula, Any], Typed]] = {
    Number: _number,
    Boolean: _boolean,
    ErrorValue: _error,
    Missing: _missing,
    Range: _cell,
    Unary: _unary,
    Binary: _binary,
    Call: _call,
}
