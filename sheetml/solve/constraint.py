"""A constraint as a Solver model states it: areas on the left, and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from sheetml.formula.references import address
from sheetml.solve.compared import Side
from sheetml.solve.problem import RELATION_SIGNS
from sheetml.xlsx.model import Area
from sheetml.xlsx.solver_names import RELATION_WORDS

CellAreas = list[tuple[str, Area]]


@dataclass(frozen=True, slots=True)
class Constraint:
    """left <= right, left = right or left >= right, cell by cell, on the right cells, a formula, or a number for
    all; or what the cells on the left must be: integer, binary, all different."""

    left: CellAreas
    relation: int
    right: CellAreas | Side | float

    def words(self, home: str) -> str:
        left = areas_in_words(self.left, home)
        if self.relation not in RELATION_SIGNS:
            return f"{left} {RELATION_WORDS[self.relation]}"
        if isinstance(self.right, Side):
            right = self.right.text
        else:
            right = areas_in_words(self.right, home) if isinstance(self.right, list) else f"{self.right:g}"
        return f"{left} {RELATION_SIGNS[self.relation]} {right}"


def areas_in_words(areas: CellAreas, home: str) -> str:
    """Areas separated by commas, without the sheet's name where it is the model's own."""
    return ", ".join(address(None if sheet == home else sheet, area) for sheet, area in areas)
