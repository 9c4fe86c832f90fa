"""Terms as Python expressions."""

from __future__ import annotations

from sheetml.engine.compiled.floats import Term

# the operations of terms that are places, by what stands there; all others hold a cell's number
AREA = "area"  # the slots of an area's numbers
CONSTANT = "constant"
TEXT_CELL = "text"  # the slot of a cell that holds text
ANY_CELL = "cell"  # the slot of a cell that holds anything
TABLE = "table"  # an area with all that its cells hold
FIXED = (CONSTANT, TEXT_CELL)  # nothing that a number's derivative is asked by


class Writer:
    """A term as an expression, in which what is needed twice gets a name where it is met first."""

    def __init__(self) -> None:
        self.named = 0
        self.most = -1

    @property
    def parameters(self) -> list[str]:
        return [f"p{place}" for place in range(self.most + 1)]

    def leaf(self, term: Term) -> str:
        """A place: a cell by its slot, or what the function is given there."""
        if term.operation == TEXT_CELL:
            return f"T[p{term.place}]"
        if term.operation == ANY_CELL:
            return f"held(p{term.place})"
        return f"p{term.place}" if term.operation else f"v[p{term.place}]"

    def text(self, term: Term) -> str:
        if term.place >= 0:
            self.most = max(self.most, term.place)
            return self.leaf(term)
        operands = [self.operand(term, position) for position in range(len(term.operands))]
        return _filled(term.template, operands)

    def operand(self, term: Term, position: int) -> tuple[str, str]:
        """The text of an operand where it is met first, and after that."""
        operand = term.operands[position]
        if operand.place >= 0:
            self.most = max(self.most, operand.place)
            name = self.leaf(operand)
            return name, name
        text = self.text(operand)
        if term.template.count(f"{{{position}}}") < 2 or not operand.operands:
            return text, text
        self.named += 1
        return f"(t{self.named} := {text})", f"t{self.named}"


def _filled(template: str, operands: list[tuple[str, str]]) -> str:
    parts = template.split("{")
    text, met = parts[0], set()
    for part in parts[1:]:
        position, rest = part.split("}", 1)
        first, later = operands[int(position)]
        text += (later if position in met else first) + rest
        met.add(position)
    return text
