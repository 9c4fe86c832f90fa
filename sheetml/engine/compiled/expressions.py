"""A formula's tree as terms of Python (see floats.py), for a formula computed for one cell: the one walk of trees.

Thousands of formulas that stand alone (line_formulas.py), and the cells of a recurrence (item_formulas.py), are
computed one by one; the two differ in what they know of the cells that a formula reads. Where it is known that an
operand is a number, the term is an expression on floats; where its kind shows only when it is run (ANY), a function of
items.py takes it. An error is an exception: it leaves the expression at the operand that Excel meets first. Whatever
else there is raises NotScalar and is left to the vectors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sheetml.engine.compiled import items
from sheetml.engine.compiled.floats import NotScalar, Term
from sheetml.engine.compiled.terms import AREA, CONSTANT, TEXT_CELL
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.precision import SUMS_THAT_VANISH
from sheetml.engine.values import BLANK, BOOLEAN, DIV0, NA, NUM, NUMBER, REF, TEXT, VALUE
from sheetml.formula.tree import (
    Binary,
    Boolean,
    Call,
    ErrorValue,
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
from sheetml.xlsx.model import ERROR_CODE

DEEPEST = 60  # operations within operations: Python's parser has a limit
MOST_BRANCHES = 30  # of one function, each within the one before
ANY = 254  # the kind of a value that shows its kind only when it is run
LIST = 253  # of an area's numbers as a list; AREA is the operation of a term that stands for their slots
PARSED = "parsed"  # the operation of a term that is a number read from a text, which depends on the system of dates
REFERENCES = (Range, Name, StructuredReference)


@dataclass(slots=True)
class Typed:
    """A term and the kind of its value: NUMBER, BOOLEAN, TEXT, BLANK (of a cell as it is) or ANY."""

    term: Term
    kind: int
    unbounded: bool = False  # it may be infinite without an exception
    item: Term | None = None  # where a number may be a blank that counts as 0: the value as it is
    number: Term | None = None  # where the kind is not known: what is sooner written than number(term)


class Compiler:
    """Compiles a formula's tree; what a reference holds is said by those who derive from it. All raise NotScalar."""

    deepest: ClassVar[int] = DEEPEST
    exact: ClassVar[bool] = False  # elementary functions are to be NumPy's, to the last bit
    rules: ClassVar[dict[str, Callable[[Any, tuple[Node, ...]], Typed]]] = {}  # its own, for some functions

    def __init__(self, last_sum: Node | None) -> None:
        self.last_sum = last_sum
        self.names: dict[str, Any] = {}  # what the source makes use of
        self._depth = 0

    def of(self, node: Node) -> Typed:
        """The term of a part's value."""
        rule = NODES.get(type(node))
        self._depth += 1
        if rule is None or self._depth > self.deepest:
            raise NotScalar
        typed = rule(self, node)
        self._depth -= 1
        return typed

    def number(self, node: Node) -> Typed:
        """A node as arithmetic takes it: blanks are 0, booleans 0 or 1, an error is raised."""
        return as_number(self.of(node))

    def named(self, item: Any) -> str:
        """A name for something that the source makes use of: no two of any sources are alike."""
        name = f"k{next(_NUMBERS)}"
        self.names[name] = item
        return name

    def variable(self) -> str:
        """A name for something that the source computes."""
        return f"u{next(_NUMBERS)}"

    def gives_values(self, node: Call) -> bool:
        """Whether a function's result is surely no area: in an area text and booleans may be passed over."""
        known = node.function in CALLS or node.function in self.rules
        return known and node.function not in _CHOOSES

    # ---- what is said by those who derive from it

    def constant(self, node: Number) -> Typed:
        """A number that is written into the formula."""
        raise NotScalar

    def reference(self, node: Node) -> Typed:
        """What the cell holds that a reference names."""
        raise NotScalar

    def numbers(self, node: Node) -> Typed | None:
        """The numbers in an area, of the kind LIST, or as a term of the operation AREA; None where there are none."""
        raise NotScalar

    def items(self, node: Node) -> Term:
        """The list of what an area's cells hold, errors as ErrorCode."""
        raise NotScalar

    def asked(self, node: Call) -> Typed:
        """A function of which nothing is known here."""
        raise NotScalar


_NUMBERS = itertools.count()


# ---- a value in other forms --------------------------------------------------------------------


def as_number(typed: Typed) -> Typed:
    if typed.kind == BLANK:
        return Typed(Term("0.0"), NUMBER)
    if typed.kind in (TEXT, ANY):
        return Typed(typed.number or Term("number({0})", [typed.term], PARSED), NUMBER)
    if typed.kind == BOOLEAN and typed.term.operands:
        return Typed(Term("float({0})", [typed.term], "flat"), NUMBER)
    return typed


def bounded(typed: Typed) -> Term:
    """The term, which is raised as an error where it is infinite: what follows might not show that it was."""
    if not typed.unbounded:
        return typed.term
    return Term(f"(f if (f := {{0}}) - f == 0 else fail({NUM}))", [typed.term], "finite")


def as_item(typed: Typed) -> Term:
    """The value as an item."""
    if typed.item is not None:
        return typed.item
    if typed.kind == BLANK:
        return Term("None")
    if typed.kind == BOOLEAN:
        return Term("({0} != 0)", [typed.term], "flat")
    return bounded(typed)


def as_caught(typed: Typed) -> Term:
    """The value as an item, an error as its ErrorCode."""
    return Term("caught(lambda: {0})", [as_item(typed)])


def as_text(typed: Typed) -> Term:
    return typed.term if typed.kind == TEXT else Term("text({0})", [as_item(typed)])


def as_truth(typed: Typed) -> Term:
    """The value as IF takes its condition."""
    if typed.kind in (TEXT, ANY):
        return Term("truth({0})", [typed.term])
    return typed.term if typed.kind == BOOLEAN else bounded(as_number(typed))


def failing(code: int) -> Typed:
    """A term that raises an error."""
    return Typed(Term(f"fail({code})", operation="flat"), NUMBER)


def is_plain(term: Term) -> bool:
    """Whether a term is a number or a boolean, by operations of which the derivatives are known."""
    if term.place >= 0:
        return term.operation in ("", AREA, CONSTANT)
    if term.operation == PARSED:
        return False
    return all(map(is_plain, term.operands)) if term.operation else not reads_numbers(term)


def reads_numbers(term: Term) -> bool:
    """Whether a term depends on anything but texts."""
    return term.operation not in (CONSTANT, TEXT_CELL) if term.place >= 0 else any(map(reads_numbers, term.operands))


def fails(typed: Typed) -> bool:
    """Whether it is known to raise an error."""
    return typed.term.template.startswith("fail(")


def result(typed: Typed) -> Typed:
    """A formula's result: it is never blank."""
    if typed.kind == BLANK:
        return Typed(Term("0.0"), NUMBER)
    if typed.kind == ANY:
        return Typed(Term("result({0})", [typed.term]), ANY)
    return typed


# ---- leaves and operators ----------------------------------------------------------------------


def _text(compiler: Compiler, node: Text) -> Typed:
    return Typed(Term(compiler.named(node.value)), TEXT)


def _boolean(compiler: Compiler, node: Boolean) -> Typed:
    return Typed(Term("1.0" if node.value else "0.0"), BOOLEAN)


def _error(compiler: Compiler, node: ErrorValue) -> Typed:
    return failing(int(ERROR_CODE.get(node.value.upper(), REF)))


def _missing(compiler: Compiler, node: Missing) -> Typed:
    return Typed(Term("0.0"), BLANK)


def _unary(compiler: Compiler, node: Unary) -> Typed:
    if node.operator == "+":
        return compiler.of(node.operand)
    if node.operator not in ("-", "%"):
        raise NotScalar
    operand = compiler.number(node.operand)
    if node.operator == "-":
        return Typed(Term("(-{0})", [operand.term], "negative"), NUMBER, operand.unbounded)
    return Typed(Term("({0} / 100.0)", [operand.term], "percent"), NUMBER, operand.unbounded)


def _binary(compiler: Compiler, node: Binary) -> Typed:
    first, chain = left_spine(node)
    left = compiler.of(first)
    for part in chain:
        right = compiler.of(part.right)
        if part.operator in _COMPARED:
            left = _compared(part.operator, left, right)
        elif part.operator in _ARITHMETIC:
            vanishing = part is compiler.last_sum
            left = _arithmetic(compiler, part.operator, as_number(left), as_number(right), vanishing)
        elif part.operator == "&":
            left = Typed(Term("joined({0}, {1})", [as_text(left), as_text(right)]), TEXT)
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


def _arithmetic(compiler: Compiler, operator: str, left: Typed, right: Typed, vanishing: bool) -> Typed:
    template, operation = _ARITHMETIC[operator]
    if vanishing:
        template = str(SUMS_THAT_VANISH[operator].scalar)
    operands = [left.term, right.term]
    if operator in "/^":
        operands[1] = bounded(right)
    if operator == "^":
        operands[0] = bounded(left)
        template = "power_of_arrays({0}, {1})" if compiler.exact else template
    return Typed(Term(template, operands, operation), NUMBER, unbounded=True)


_COMPARED = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
OPERATORS = frozenset([*_ARITHMETIC, *_COMPARED, "%", "&"])


def _compared(operator: str, left: Typed, right: Typed) -> Typed:
    symbol = _COMPARED[operator]
    if _is_plain(left) and _is_plain(right) and (left.kind == BOOLEAN) == (right.kind == BOOLEAN):
        return _numbers_compared(symbol, left, right)
    if {left.kind, right.kind} == {BOOLEAN, BLANK}:
        return _numbers_compared(symbol, left, right)
    operands = [as_item(left), as_item(right)]
    if left.kind == right.kind == TEXT and operator in ("=", "<>"):
        return Typed(Term(f"({'not ' * (operator == '<>')}same_text({{0}}, {{1}}))", operands), BOOLEAN)
    return Typed(Term(f"(order({{0}}, {{1}}) {symbol} 0)", operands), BOOLEAN)


def _is_plain(typed: Typed) -> bool:
    return typed.kind in (NUMBER, BLANK, BOOLEAN) and typed.item is None


def _numbers_compared(symbol: str, left: Typed, right: Typed) -> Typed:
    operands = [bounded(as_number(left)), bounded(as_number(right))]
    # 256th parts of a difference within 15 digits are lost when they are added to a number (see precision.py)
    template = (
        f"(d {symbol} 0 if (d := {{0}} - {{1}}) * 0.00390625 + {{0}} != {{0}} else order_seen({{0}}, {{1}}) {symbol} 0)"
    )
    return Typed(Term(template, operands, "flat"), BOOLEAN)


# ---- functions ---------------------------------------------------------------------------------

Arguments = tuple[Node, ...]
Rule = Callable[[Compiler, Arguments], Typed]


def _call(compiler: Compiler, node: Call) -> Typed:
    function = FUNCTIONS.get(node.function)
    if function is not None and not function.fewest <= len(node.arguments) <= function.most:
        raise NotScalar
    rule = compiler.rules.get(node.function) or CALLS.get(node.function)
    if compiler.exact and node.function in _ROUNDED_FREELY:
        rule = _singly(node.function)
    return compiler.asked(node) if rule is None else rule(compiler, node.arguments)


def chosen(template: str, conditions: Sequence[Term], branches: Sequence[Typed]) -> Typed:
    """A choice: `template` has the places of its conditions first, and then those of its branches."""
    kinds = {branch.kind for branch in branches if not fails(branch)}
    if not kinds - {NUMBER, BLANK}:
        whole = all(branch.item is None for branch in branches) and BLANK not in kinds
        item = None if whole else Term(template, [*conditions, *map(as_item, branches)])
        numbers = [as_number(branch) for branch in branches]
        term = Term(template, [*conditions, *(number.term for number in numbers)], "where")
        return Typed(term, NUMBER, any(number.unbounded for number in numbers), item)
    if kinds in ({BOOLEAN}, {TEXT}):
        return Typed(Term(template, [*conditions, *(branch.term for branch in branches)], "where"), kinds.pop())
    return Typed(Term(template, [*conditions, *map(as_item, branches)]), ANY)


def _branch(compiler: Compiler, node: Node) -> Typed:
    return Typed(Term("0.0"), NUMBER) if isinstance(node, Missing) else compiler.of(node)


def _if(compiler: Compiler, arguments: Arguments) -> Typed:
    condition = as_truth(compiler.of(arguments[0]))
    yes = _branch(compiler, arguments[1]) if len(arguments) > 1 else Typed(Term("1.0"), BOOLEAN)
    no = _branch(compiler, arguments[2]) if len(arguments) > 2 else Typed(Term("0.0"), BOOLEAN)
    return chosen("({1} if {0} else {2})", [condition], [yes, no])


def _chain(conditions: list[str], operands: int) -> str:
    """A template that tries conditions, made of so many operands, one after the other; the branches come then."""
    if len(conditions) > MOST_BRANCHES:
        raise NotScalar
    tried = [f"{{{operands + position}}} if {condition} else " for position, condition in enumerate(conditions)]
    return f"({''.join(tried)}{{{operands + len(conditions)}}})"


def _ifs(compiler: Compiler, arguments: Arguments) -> Typed:
    if len(arguments) % 2:
        return failing(NA)
    conditions = [as_truth(compiler.of(node)) for node in arguments[::2]]
    branches = [_branch(compiler, node) for node in arguments[1::2]]
    template = _chain([f"{{{position}}}" for position in range(len(conditions))], len(conditions))
    return _deeper(chosen(template, conditions, [*branches, failing(NA)]), len(branches))


def _choose(compiler: Compiler, arguments: Arguments) -> Typed:
    place = Term("whole_part({0})", [bounded(compiler.number(arguments[0]))], "flat")
    branches = [_branch(compiler, node) for node in arguments[1:]]
    name = compiler.variable()
    conditions = [f"{name} == {number}" for number in range(1, len(branches) + 1)]
    conditions[0] = f"({name} := {{0}}) == 1"
    return _deeper(chosen(_chain(conditions, 1), [place], [*branches, failing(VALUE)]), len(branches))


def _switch(compiler: Compiler, arguments: Arguments) -> Typed:
    asked, name = as_item(compiler.of(arguments[0])), compiler.variable()
    cases = [as_item(result(compiler.of(node))) for node in arguments[1:-1:2]]
    if len(arguments) % 2:
        branches = [*(_branch(compiler, node) for node in arguments[2::2]), failing(NA)]
    else:
        branches = [_branch(compiler, node) for node in (*arguments[2::2], arguments[-1])]
    conditions = [f"order({name}, {{{number}}}) == 0" for number in range(1, len(cases) + 1)]
    conditions[0] = f"order(({name} := {{0}}), {{1}}) == 0"
    return _deeper(chosen(_chain(conditions, 1 + len(cases)), [asked, *cases], branches), len(branches))


def _deeper(typed: Typed, count: int = 0) -> Typed:
    """A choice of which the pass back knows nothing, and so many choices within each other."""
    for term in (typed.term, typed.item):
        if term is not None:
            term.depth += count
            term.operation = ""
    return typed


def _instead(helper: str) -> Rule:
    """A value, or another where it is an error."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        value, other = compiler.of(arguments[0]), _branch(compiler, arguments[1])
        known = Typed(bounded(value), value.kind, item=value.item)
        template = f"{helper}(lambda: {{0}}, lambda: {{1}})"
        return _deeper(chosen(template, [], [known, Typed(bounded(other), other.kind, item=other.item)]))

    return build


def _asking(helper: str) -> Rule:
    """A question about a value, which may be an error."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        return Typed(Term(f"{helper}(lambda: {{0}})", [as_item(compiler.of(arguments[0]))]), BOOLEAN)

    return build


def _truths(helper: str, symbol: str) -> Rule:
    """AND and its kind: all conditions are computed, so that an error in any of them shows."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        parts = [_condition(compiler, node) for node in arguments]
        found = [part for part in parts if part is not None]
        if not found:
            return failing(VALUE)
        if symbol and all(_is_plain(part) for part in found):
            template = f" {symbol} ".join(f"({{{i}}} != 0)" for i in range(len(found)))
            return Typed(Term(f"({template})", [bounded(part) for part in found], "flat"), BOOLEAN)
        operands = [part.term if part.kind == LIST else as_item(part) for part in found]
        return Typed(Term(f"{helper}({_places(operands)})", operands), BOOLEAN)

    return build


def _condition(compiler: Compiler, node: Node) -> Typed | None:
    """A condition, or those in an area as a LIST; None for what does not count."""
    if not isinstance(node, REFERENCES):
        if isinstance(node, Missing):
            return None
        typed = compiler.of(node)
        if isinstance(node, Call) and not compiler.gives_values(node) and not _is_plain(typed):
            raise NotScalar
        return None if typed.kind == BLANK else typed
    if isinstance(node, Range) and node.cell:
        typed = compiler.of(node)
        if typed.kind != ANY:
            return None if typed.kind in (BLANK, TEXT) else typed
    return Typed(Term("conditions({0})", [compiler.items(node)]), LIST)


def _not(compiler: Compiler, arguments: Arguments) -> Typed:
    operand = as_truth(compiler.of(arguments[0]))
    return Typed(Term("({0} == 0)", [operand], "flat"), BOOLEAN)


def _constant(text: str, kind: int) -> Rule:
    return lambda compiler, arguments: Typed(Term(text), kind)


def _unary_function(template: str, operation: str, *, hides: bool = True) -> Any:
    """A function of one number; with `hides` an infinite number might not show in its result."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        operand = compiler.number(arguments[0])
        term = Term(template, [bounded(operand) if hides else operand.term], operation)
        return Typed(term, NUMBER, unbounded=operand.unbounded and not hides)

    return build


def _flat(name: str, function: str, *defaults: float) -> Rule:
    """A function of numbers that is constant between its jumps."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        terms = [bounded(compiler.number(argument)) for argument in arguments]
        terms += [Term(repr(number)) for number in defaults[len(arguments) - 1 :]]
        return Typed(Term(f"{name}({_places(terms)})", terms, f"flat {function}"), NUMBER)

    return build


def _two(name: str) -> Rule:
    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        terms = [bounded(compiler.number(argument)) for argument in arguments]
        return Typed(Term(f"{name}({{0}}, {{1}})", terms, name), NUMBER, unbounded=name == "power")

    return build


def _places(operands: Sequence[Any]) -> str:
    return ", ".join(f"{{{position}}}" for position in range(len(operands)))


# ---- aggregates --------------------------------------------------------------------------------


def _sample(compiler: Compiler, arguments: Arguments) -> list[Typed]:
    """The numbers of an aggregate's arguments in their order; an area's are one term."""
    found: list[Typed] = []
    for argument in arguments:
        if isinstance(argument, REFERENCES):
            numbers = compiler.numbers(argument)
            found += [] if numbers is None else [numbers]
            continue
        typed = compiler.of(argument)
        if isinstance(argument, Call) and argument.function == "INDEX":
            found.append(Typed(Term("listed([{0}])", [as_item(typed)]), LIST))
            continue
        chooses = isinstance(argument, Call) and not compiler.gives_values(argument)
        if isinstance(argument, Missing) or (chooses and (typed.kind != NUMBER or typed.item is not None)):
            raise NotScalar
        found.append(as_number(typed))
    return found


def _is_area(typed: Typed) -> bool:
    return typed.term.operation == AREA


def _of_lists(helper: str, sample: list[Typed]) -> Term:
    operands = [
        Term("[v[slot] for slot in {0}]", [typed.term])
        if _is_area(typed)
        else typed.term
        if typed.kind == LIST
        else bounded(typed)
        for typed in sample
    ]
    return Term(f"{helper}({_places(operands)})", operands)


def _is_listed(sample: list[Typed]) -> bool:
    return any(typed.kind == LIST for typed in sample)


def _added(sample: list[Typed]) -> Term:
    """The sum of the numbers, one after the other."""
    if _is_listed(sample):
        return _of_lists("sum_of", sample)
    total: Term | None = None
    for typed in sample:
        if _is_area(typed):
            total = (
                Term("total(v, {0})", [typed.term], "total")
                if total is None
                else Term("total(v, {1}, {0})", [total, typed.term], "total")
            )
        else:
            total = typed.term if total is None else Term("({0} + {1})", [total, typed.term], "add")
    return Term("0.0") if total is None else total


def _sum(compiler: Compiler, arguments: Arguments) -> Typed:
    sample = _sample(compiler, arguments)
    return Typed(_added(sample), NUMBER, unbounded=True)


def _average(compiler: Compiler, arguments: Arguments) -> Typed:
    sample = _sample(compiler, arguments)
    if not sample:
        return failing(DIV0)
    if _is_listed(sample):
        return Typed(_of_lists("mean_of", sample), NUMBER, unbounded=True)
    areas = [typed.term for typed in sample if _is_area(typed)]
    count = " + ".join([str(len(sample) - len(areas)), *(f"len({{{i + 1}}})" for i in range(len(areas)))])
    return Typed(Term(f"({{0}} / ({count}))", [_added(sample), *areas], "mean"), NUMBER, unbounded=True)


def _extreme(name: str) -> Rule:
    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        sample = _sample(compiler, arguments)
        if not sample:
            return Typed(Term("0.0"), NUMBER)
        if _is_listed(sample):
            return Typed(_of_lists(f"{name}_of_lists", sample), NUMBER)
        terms = [
            Term(f"{name}_of(v, {{0}})", [typed.term], f"{name} of") if _is_area(typed) else bounded(typed)
            for typed in sample
        ]
        if len(terms) == 1:
            return Typed(terms[0], NUMBER)
        return Typed(Term(f"{name}({_places(terms)})", terms, name), NUMBER)

    return build


def _of_sample(name: str) -> Rule:
    """A function of numbers of functions/."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        sample = _sample(compiler, arguments)
        return Typed(_of_lists(compiler.named(items.OF_SAMPLES[name]), sample), NUMBER)

    return build


def _counted(name: str, helper: str) -> Rule:
    """COUNT and its kind, of areas alone."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        if not all(isinstance(argument, REFERENCES) for argument in arguments):
            return compiler.asked(Call(name, arguments))
        areas = [compiler.items(argument) for argument in arguments]
        return Typed(Term(f"{helper}({_places(areas)})", areas), NUMBER)

    return build


# ---- functions on plain Python values, as functions/ has them ----------------------------------


def _singly(name: str) -> Rule:
    """A function of functions/ that takes single values."""

    def build(compiler: Compiler, arguments: Arguments) -> Typed:
        function = items.SINGLY[name]
        operands = []
        for position, kind in enumerate(function.kinds):
            node = arguments[position] if position < len(arguments) else None
            if node is None or (isinstance(node, Missing) and position >= function.required):
                operands.append(Term(compiler.named(function.default(position))))
            elif kind == "strict" and isinstance(node, Missing):
                operands.append(failing(NA).term)
            else:
                operands.append(_COERCED[kind](compiler.of(node)))
        term = Term(f"{compiler.named(function.checked)}({_places(operands)})", operands)
        return Typed(term, items.GIVES.get(name, ANY))

    return build


_COERCED: dict[str, Callable[[Typed], Term]] = {
    "number": lambda typed: bounded(as_number(typed)),
    "boolean": lambda typed: Term("({0} != 0)", [as_truth(typed)], "flat"),
    "text": as_text,
    "strict": lambda typed: bounded(typed) if typed.kind == NUMBER else Term("strict({0})", [as_item(typed)]),
    "value": as_caught,
}


def _concatenated(compiler: Compiler, arguments: Arguments) -> Typed:
    if len(arguments) > MOST_BRANCHES:
        raise NotScalar
    term = as_text(compiler.of(arguments[0]))
    for argument in arguments[1:]:
        term = Term("joined({0}, {1})", [term, as_text(compiler.of(argument))])
    return Typed(term, TEXT)


def _piece(compiler: Compiler, node: Node) -> Term:
    """Texts to be put together: one, or a list of those in an area."""
    if isinstance(node, REFERENCES):
        return Term("texts({0})", [compiler.items(node)])
    return as_text(compiler.of(node))


def _concat(compiler: Compiler, arguments: Arguments) -> Typed:
    pieces = [_piece(compiler, node) for node in arguments]
    return Typed(Term(f'glued([""], False, {_places(pieces)})', pieces), TEXT)


def _text_join(compiler: Compiler, arguments: Arguments) -> Typed:
    node, skips = arguments[:2]
    form = "{0}" if isinstance(node, REFERENCES) else "[{0}]"
    delimiters = Term(form, [_piece(compiler, node)])
    skipping = Term("True") if isinstance(skips, Missing) else as_truth(compiler.of(skips))
    operands = [delimiters, skipping, *(_piece(compiler, each) for each in arguments[2:])]
    return Typed(Term(f"glued({_places(operands)})", operands), TEXT)


def _not_available(compiler: Compiler, arguments: Arguments) -> Typed:
    return failing(NA)


_OWN: dict[str, Rule] = {
    "IF": _if,
    "IFS": _ifs,
    "CHOOSE": _choose,
    "SWITCH": _switch,
    "IFERROR": _instead("instead"),
    "IFNA": _instead("instead_of_missing"),
    "ISERROR": _asking("is_error"),
    "ISERR": _asking("is_other_error"),
    "ISNA": _asking("is_missing"),
    "ISNUMBER": _asking("is_number"),
    "ISTEXT": _asking("is_text"),
    "ISNONTEXT": _asking("is_no_text"),
    "ISLOGICAL": _asking("is_boolean"),
    "ISBLANK": _asking("is_blank"),
    "NA": _not_available,
    "AND": _truths("all_true", "&"),
    "OR": _truths("any_true", "|"),
    "XOR": _truths("odd_true", ""),
    "NOT": _not,
    "TRUE": _constant("1.0", BOOLEAN),
    "FALSE": _constant("0.0", BOOLEAN),
    "PI": _constant(repr(math.pi), NUMBER),
    "SUM": _sum,
    "AVERAGE": _average,
    "MAX": _extreme("max"),
    "MIN": _extreme("min"),
    "COUNT": _counted("COUNT", "count_numbers"),
    "COUNTA": _counted("COUNTA", "count_all"),
    "ABS": _unary_function("abs({0})", "absolute", hides=False),
    "SQRT": _unary_function("sqrt({0})", "sqrt"),
    "EXP": _unary_function("exp({0})", "exp"),
    "LN": _unary_function("log({0})", "log"),
    "LOG10": _unary_function("log10({0})", "log10"),
    "SIGN": _unary_function("float(({0} > 0) - ({0} < 0))", "flat"),
    "SIN": _unary_function("sine({0})", "sin"),
    "COS": _unary_function("cosine({0})", "cos"),
    "ATAN": _unary_function("atan({0})", "arctan"),
    "SINH": _unary_function("sinh({0})", "sinh"),
    "COSH": _unary_function("cosh({0})", "cosh"),
    "TANH": _unary_function("tanh({0})", "tanh"),
    "POWER": _two("power"),
    "MOD": _two("modulo"),
    "INT": _flat("whole_below", "INT"),
    "ROUND": _flat("rounded", "ROUND"),
    "ROUNDUP": _flat("rounded_up", "ROUNDUP"),
    "ROUNDDOWN": _flat("rounded_down", "ROUNDDOWN"),
    "TRUNC": _flat("rounded_down", "TRUNC", 0.0),
    "CEILING": _flat("ceiling", "CEILING"),
    "FLOOR": _flat("floor_to", "FLOOR"),
    "CONCATENATE": _concatenated,
    "CONCAT": _concat,
    "TEXTJOIN": _text_join,
}
CALLS: dict[str, Rule] = {
    **{name: _singly(name) for name in items.SINGLY},
    **{name: _of_sample(name) for name in items.OF_SAMPLES},
    **_OWN,
}
BY_ARRAYS = frozenset(  # functions that take some 50 µs, as they are computed by arrays
    name for name in CALLS if name not in _OWN and (name not in items.SINGLY or items.SINGLY[name].on_arrays)
)
_CHOOSES = ("IF", "IFS", "CHOOSE", "SWITCH", "INDEX", "XLOOKUP")
_ROUNDED_FREELY = ("EXP", "LN", "LOG10", "SIN", "COS", "ATAN", "SINH", "COSH", "TANH", "POWER")

NODES: dict[type, Callable[[Any, Any], Typed]] = {
    Number: lambda compiler, node: compiler.constant(node),
    Text: _text,
    Boolean: _boolean,
    ErrorValue: _error,
    Missing: _missing,
    **{reference: lambda compiler, node: compiler.reference(node) for reference in REFERENCES},
    Unary: _unary,
    Binary: _binary,
    Call: _call,
}
