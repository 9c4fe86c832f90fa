"""A Solver model as functions: an objective, bounds and constraints, all of the adjustable cells' values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.xlsx.solver_names import AT_LEAST, AT_MOST, EQUAL, MAXIMISE, MINIMISE


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be minimised, maximised or brought to a value, and within what."""

    objective: CellFunction | None  # None: any point that meets the constraints
    sense: int
    target_value: float
    start: np.ndarray  # (n,)
    lower: np.ndarray  # (n,), -inf where free
    upper: np.ndarray  # (n,), inf where free
    constraints: Constraints | None
    assign: Callable[[np.ndarray], None]  # puts values into the adjustable cells
    automatic_scaling: bool = True

    @property
    def to_a_value(self) -> bool:
        return self.objective is not None and self.sense not in (MINIMISE, MAXIMISE)

    @property
    def bounded(self) -> bool:
        """Whether any adjustable cell has a bound."""
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())


@dataclass(frozen=True, slots=True)
class Constraints:
    """m comparisons of cells with cells or numbers: left <= right, left = right or left >= right."""

    cells: CellFunction  # the values of all cells compared, (k,)
    left: np.ndarray  # (m,) positions among the cells
    right: np.ndarray  # (m,) positions among the cells, -1 where a number stands on the right
    numbers: np.ndarray  # (m,) those numbers, else 0
    relation: np.ndarray  # (m,)
    words: list[str]  # each comparison as it would be read out

    @property
    def count(self) -> int:
        return self.left.size

    @property
    def is_equality(self) -> np.ndarray:
        """Which of them are equalities, (m,)."""
        return self.relation == EQUAL

    def gaps(self, x: np.ndarray) -> np.ndarray:
        """How far each is from being met exactly, (m,): at most 0 where it is met, 0 for an equality.

        Raises CalculationError where a cell has no number.
        """
        values = np.atleast_1d(self.cells(x))
        return self._signed(values[self.left] - np.where(self.right >= 0, values[self.right], self.numbers))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """The derivatives of the gaps, (m, n)."""
        slopes = self.cells.jacobian(x)
        against = np.where((self.right >= 0)[:, None], slopes[self.right], 0.0)
        return self._signed(slopes[self.left] - against)

    def missed(self, gaps: np.ndarray) -> np.ndarray:
        """By how much each is missed, (m,), relative to the number on the right where that is large."""
        by = np.where(self.is_equality, np.abs(gaps), np.maximum(gaps, 0.0))
        return by / np.maximum(1.0, np.abs(self.numbers))

    def _signed(self, differences: np.ndarray) -> np.ndarray:
        """Differences of left and right, turned so that a constraint is met where they are at most 0."""
        signs = np.where(self.relation == AT_LEAST, -1.0, 1.0)
        return differences * (signs if differences.ndim == 1 else signs[:, None])


RELATION_SIGNS = {AT_MOST: "<=", EQUAL: "=", AT_LEAST: ">="}
