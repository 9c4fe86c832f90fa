"""A Solver model as functions: an objective, bounds and constraints, all of the adjustable cells' values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.xlsx.solver_names import AT_LEAST, AT_MOST, EQUAL, GRG_NONLINEAR, MAXIMISE, MINIMISE

CONTINUOUS, WHOLE, ZERO_OR_ONE = 0, 1, 2  # what an adjustable cell may hold: Problem.integrality


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file asks of Excel's engines; None where it states no limit. Excel's own defaults."""

    population: int = 100  # of Evolutionary, and starts of GRG's multistart
    mutation_rate: float = 0.075
    seed: int = 0  # 0: Excel takes the clock's
    seconds_without_improvement: float = 30.0
    integer_tolerance: float = 0.01  # relative: an answer with integers may be this far from the best
    max_nodes: int | None = None
    max_solutions: int | None = None
    precision: float = 1e-6
    convergence: float = 1e-4
    max_time: float | None = None  # seconds
    max_iterations: int | None = None
    multistart: bool = False
    require_bounds: bool = True


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
    integrality: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))  # (n,)
    different: list[np.ndarray] = field(default_factory=list)  # positions, (k,): each group a permutation of 1..k
    engine: int = GRG_NONLINEAR  # which of Excel's the file asks for
    settings: Settings = field(default_factory=Settings)
    addresses: list[str] = field(default_factory=list)  # of the adjustable cells, as messages name them
    slots: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))  # where the workbook keeps them, (n,)

    def __post_init__(self) -> None:
        if not self.integrality.size:
            object.__setattr__(self, "integrality", np.zeros(self.start.size, np.int8))

    @property
    def whole(self) -> np.ndarray:
        """Which adjustable cells must be whole numbers, (n,): integer, binary or in a group of all different ones."""
        whole = self.integrality != CONTINUOUS
        for group in self.different:
            whole[group] = True
        return whole

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

    def gaps_of(self, values: np.ndarray) -> np.ndarray:
        """The gaps of many points, (p, m), from the values of the cells compared at each, (p, k)."""
        right = np.where(self.right >= 0, values[:, self.right], self.numbers)
        return (values[:, self.left] - right) * np.where(self.relation == AT_LEAST, -1.0, 1.0)

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
