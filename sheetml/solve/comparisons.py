"""The constraints of a model cell by cell: those that bound an adjustable cell, and the others."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sheetml.solve.compared import Compared, Side
from sheetml.solve.constraint import Constraint
from sheetml.solve.problem import RELATION_SIGNS, Constraints
from sheetml.xlsx.solver_names import AT_LEAST, AT_MOST


class Bounds:
    """Lower and upper bounds of n adjustable cells, each the tightest that was stated."""

    def __init__(self, count: int) -> None:
        self.lower = np.full(count, -math.inf)
        self.upper = np.full(count, math.inf)

    def at_least(self, positions: np.ndarray, numbers: np.ndarray | float) -> None:
        """Raises lower bounds."""
        np.maximum.at(self.lower, positions, numbers)

    def at_most(self, positions: np.ndarray, numbers: np.ndarray | float) -> None:
        """Lowers upper bounds."""
        np.minimum.at(self.upper, positions, numbers)

    def at_binary(self, which: np.ndarray) -> None:
        """0 and 1, for the cells that must be binary."""
        positions = np.nonzero(which)[0]
        self.at_least(positions, 0.0)
        self.at_most(positions, 1.0)

    def contradiction(self, addresses: list[str]) -> str:
        """The sentence about a cell whose lower bound is above its upper one."""
        i = int(np.argmax(self.lower > self.upper))
        return (
            f"the bounds of {addresses[i]} contradict each other: "
            f"it is to be at least {self.lower[i]:g} and at most {self.upper[i]:g}"
        )


class Comparisons:
    """All comparisons of cells with cells, numbers and formulas, as arrays over the values of `function`."""

    def __init__(self, function: Compared, cells: np.ndarray, adjustable: np.ndarray) -> None:
        self.function = function
        self.cells = cells  # sorted slots, the first values of the function
        self.adjustable = adjustable
        self.moving = function.moving
        self.fixed, self.text = function.present_numbers()
        self._next_side = cells.size
        self._left: list[np.ndarray] = []
        self._right: list[np.ndarray] = []  # positions among the function's values, -1 for a number
        self._numbers: list[np.ndarray] = []
        self._relations: list[np.ndarray] = []
        self._sides: dict[int, str] = {}  # the texts of formulas, by the position of their value

    def add(
        self, statement: Constraint, left: np.ndarray, right: np.ndarray | float | Side, values: np.ndarray
    ) -> None:
        """A constraint; `values` are what a formula on its right comes to now."""
        own = np.searchsorted(self.cells, left)
        numbers = np.full(own.size, math.nan)
        if isinstance(right, Side):
            positions = self._next_side + np.arange(values.size)
            self._next_side += values.size
            self._sides |= dict.fromkeys(positions.tolist(), right.text)
            numbers = np.where(self.moving[positions], math.nan, values)
        elif isinstance(right, np.ndarray):
            positions = np.searchsorted(self.cells, right)
            numbers = np.where(self.moving[positions], math.nan, self.fixed[positions])
        else:
            positions, numbers = np.array([-1]), np.array([right])
        self._left.append(own)
        self._right.append(np.broadcast_to(positions, own.shape))
        self._numbers.append(np.broadcast_to(numbers, own.shape))
        self._relations.append(np.full(own.size, statement.relation))

    def split(self, bounds: Bounds, name: Callable[[int], str]) -> Constraints | None:
        """Puts what bounds an adjustable cell into `bounds`; the other comparisons, None if there are none."""
        left, right = np.concatenate(self._left), np.concatenate(self._right)
        numbers, relation = np.concatenate(self._numbers), np.concatenate(self._relations)
        # what is fixed on the left, and changes on the right, is turned round
        turn = ~self.moving[left] & np.isnan(numbers) & (right < self.cells.size)
        left, right = np.where(turn, right, left), np.where(turn, left, right)
        numbers = np.where(turn, self.fixed[np.where(turn, right, 0)], numbers)
        relation = np.where(turn, AT_MOST + AT_LEAST - relation, relation)
        keep = ~self._headings(left, right, numbers)
        left, right, numbers, relation = (array[keep] for array in (left, right, numbers, relation))
        position = self._adjustable_positions(left)
        bounding = (position >= 0) & ~np.isnan(numbers)
        for sign, put in ((AT_MOST, bounds.at_least), (AT_LEAST, bounds.at_most)):
            taken = bounding & (relation != sign)
            put(position[taken], numbers[taken])
        if bounding.all():
            return None
        left, right, numbers, relation = (array[~bounding] for array in (left, right, numbers, relation))
        fixed = ~np.isnan(numbers)
        function, place = self._only(np.concatenate([left, right[~fixed]]))
        return Constraints(
            cells=function,
            left=place[left],
            right=np.where(fixed, -1, place[right]),
            numbers=np.where(fixed, numbers, 0.0),
            relation=relation,
            words=[
                f"{name(int(self.cells[a]))} {RELATION_SIGNS[sign]} {self._right_words(b, number, name)}"
                for a, b, number, sign in zip(left.tolist(), right.tolist(), numbers.tolist(), relation.tolist())
            ],
        )

    def _only(self, used: np.ndarray) -> tuple[Compared, np.ndarray]:
        """The function of the used values alone, and where each value of the whole one is in it."""
        wanted = np.zeros(self.moving.size, bool)
        wanted[used] = True
        count, ends = self.cells.size, self.cells.size + np.cumsum([0, *self.function.sizes])
        sides = []
        for side, first, last in zip(self.function.sides, ends, ends[1:]):
            if wanted[first:last].any():
                wanted[first:last] = True
                sides.append(side)
        place = np.where(wanted, np.cumsum(wanted) - 1, -1)
        return self.function.of(self.cells[wanted[:count]], sides), place

    def _right_words(self, right: int, number: float, name: Callable[[int], str]) -> str:
        if right < 0:
            return f"{number:g}"
        return self._sides[right] if right >= self.cells.size else name(int(self.cells[right]))

    def _adjustable_positions(self, left: np.ndarray) -> np.ndarray:
        """Which adjustable cell each of these cells is, -1 for none."""
        order = np.argsort(self.adjustable)
        slots = self.cells[left]
        found = np.searchsorted(self.adjustable, slots, sorter=order)
        place = order[np.minimum(found, order.size - 1)]
        return np.where(self.adjustable[place] == slots, place, -1)

    def _headings(self, left: np.ndarray, right: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Comparisons with fixed text, as of headings within an area: they say nothing about numbers."""
        text = np.zeros(self.moving.size, bool)
        text[: self.cells.size] = self.text & ~self.moving[: self.cells.size]
        return text[left] | ((right >= 0) & text[np.where(right >= 0, right, 0)])
