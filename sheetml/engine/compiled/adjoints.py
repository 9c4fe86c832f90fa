"""The derivatives of a term on floats: a pass back as statements, beside the expression that gives its value.

The pass is given a cell's adjoint `d` (the derivative of the output by that cell) and adds to those of the cells
that the formula read, in `g`. What it needs of the values in between it computes again from the cells.
A condition is asked again: only the branch that was taken is gone back through.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sheetml.engine.compiled.expressions import AREA
from sheetml.engine.compiled.floats import NotScalar, Term

# By operation the derivative by each operand, of {d}, the operands {0}, {1}, and the result {r}.
_RULES: dict[str, tuple[str, ...]] = {
    "add": ("{d}", "{d}"),
    "subtract": ("{d}", "-{d}"),
    "multiply": ("{d} * {1}", "{d} * {0}"),
    "divide": ("{d} / {1}", "-{d} * {r} / {1}"),
    "negative": ("-{d}",),
    "percent": ("{d} / 100.0",),
    "finite": ("{d}",),
    "power": ("{d} * slope_by_base({0}, {1})", "{d} * ({r} * log({0}) if {0} > 0 else 0.0)"),
    "absolute": ("({d} if {0} > 0 else -{d} if {0} < 0 else 0.0)",),
    "sqrt": ("{d} * 0.5 / {r}",),
    "exp": ("{d} * {r}",),
    "log": ("{d} / {0}",),
    "log10": (f"{{d}} * {1 / math.log(10.0)!r} / {{0}}",),
    "arctan": ("{d} / (1.0 + {0} * {0})",),
    "sin": ("{d} * cos({0})",),
    "cos": ("-{d} * sin({0})",),
    "sinh": ("{d} * cosh({0})",),
    "cosh": ("{d} * sinh({0})",),
    "tanh": ("{d} * (1.0 - {r} * {r})",),
    "modulo": ("{d}", "-{d} * floor({0} / {1})"),
}
FLAT = "flat"  # how operations begin that are constant between their jumps


def moving(term: Term) -> bool:
    """Whether a term changes smoothly with any cell."""
    if term.place >= 0:
        return term.operation != "constant"
    if term.operation.startswith(FLAT):
        return False
    operands = term.operands[1:] if term.operation == "where" else term.operands
    return any(map(moving, operands))


def flat_functions(term: Term) -> list[str]:
    """The worksheet functions in a term that are constant between their jumps, where cells are given to them."""
    name = term.operation.removeprefix(FLAT).strip()
    if term.operation.startswith(FLAT):
        return [name] if name and any(map(_reads, term.operands)) else []
    operands = term.operands[1:] if term.operation == "where" else term.operands
    return [found for operand in operands for found in flat_functions(operand)]


def _reads(term: Term) -> bool:
    return term.operation != "constant" if term.place >= 0 else any(map(_reads, term.operands))


def slope_by_base(x: float, y: float) -> float:
    """The derivative of x ^ y by x."""
    if x == 0.0:
        if y == 1.0:
            return 1.0
        if y > 1.0 or y == 0.0:
            return 0.0
        raise ZeroDivisionError
    return y * float(x) ** (y - 1.0)


class Pass:
    """The statements of a pass back; `text` gives a term's expression."""

    def __init__(self, text: Callable[[Term], str]) -> None:
        self.text = text
        self.lines: list[str] = []
        self._names = 0

    def back(self, term: Term, d: str, indent: str) -> None:
        """Adds the statements that hand a term's adjoint on to the cells in it."""
        if not moving(term):
            return
        if term.place >= 0:
            self._line(indent, f"g[p{term.place}] += {d}")
        elif term.operation == "where":
            self._line(indent, f"if {self.text(term.operands[0])}:")
            self._branch(term.operands[1], d, indent)
            self._line(indent, "else:")
            self._branch(term.operands[2], d, indent)
        elif term.operation in ("max", "min"):
            self._extreme(term, d, indent)
        elif term.operation == "total":
            for operand in reversed(term.operands):
                self._to_area(operand, d, indent) if operand.operation == AREA else self.back(operand, d, indent)
        elif term.operation == "mean":
            self._hand_on(term.operands[0], term.template.replace("{0}", d), term, indent)
        elif term.operation in ("max of", "min of"):
            found = self._named(self.text(term), indent)
            area = f"p{term.operands[0].place}"
            self._line(indent, f"g[next(i for i in {area} if v[i] == {found})] += {d}")
        else:
            rules = list(enumerate(_RULES.get(term.operation, ())))
            # in the order of the machine, so that sums are the same to the last bit: cells first, and from behind
            for position, rule in sorted(rules, key=lambda pair: (term.operands[pair[0]].place < 0, -pair[0])):
                if moving(term.operands[position]):
                    self._hand_on(term.operands[position], rule.replace("{d}", d), term, indent)
            if term.operation not in _RULES:
                raise NotScalar

    def _branch(self, term: Term, d: str, indent: str) -> None:
        before = len(self.lines)
        self.back(term, d, indent + "    ")
        if len(self.lines) == before:
            self._line(indent + "    ", "pass")

    def _extreme(self, term: Term, d: str, indent: str) -> None:
        names = [self._value(operand, indent) for operand in term.operands]
        found = self._named(f"{term.operation}({', '.join(names)})", indent)
        for position, (operand, name) in enumerate(zip(term.operands, names)):
            self._line(indent, f"{'elif' if position else 'if'} {name} == {found}:")
            self._branch(operand, d, indent)

    def _to_area(self, area: Term, d: str, indent: str) -> None:
        self._line(indent, f"for i in p{area.place}: g[i] += {d}")

    def _hand_on(self, operand: Term, rule: str, term: Term, indent: str) -> None:
        """Hands an operand its share: a rule in which its operands and its result are to be filled in."""
        for place, other in enumerate(term.operands):
            if f"{{{place}}}" in rule:
                rule = rule.replace(f"{{{place}}}", self._value(other, indent))
        if "{r}" in rule:
            rule = rule.replace("{r}", self._named(self.text(term), indent))
        self.back(operand, rule if operand.place >= 0 or rule.isidentifier() else self._named(rule, indent), indent)

    def _value(self, term: Term, indent: str) -> str:
        text = self.text(term)
        return text if term.place >= 0 or not term.operands else self._named(text, indent)

    def _named(self, text: str, indent: str) -> str:
        self._names += 1
        self._line(indent, f"s{self._names} = {text}")
        return f"s{self._names}"

    def _line(self, indent: str, text: str) -> None:
        self.lines.append(indent + text)
