"""Arrays that spill: formulas whose results fill as many cells as they turn out to have, where there is room."""

from __future__ import annotations

import numpy as np

from sheetml.engine.block_values import values_or_reasons
from sheetml.engine.cells import StoredCells
from sheetml.engine.evaluate import Workspace
from sheetml.engine.formulas import MOST_FILLED, Formulas, too_many_filled
from sheetml.engine.plan import Step
from sheetml.engine.signals import Signal
from sheetml.engine.values import BLANK, ERROR, SPILL, UNCOMPUTABLE, Value, error_value
from sheetml.errors import CalculationError
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

Size = tuple[int, int]  # rows and columns


class Replan(Signal):
    """The plan no longer fits: cells were found to depend on each other, or a spilled area changed.

    `places` are the rows and columns of cells on a sheet that must have room before it is made anew.
    """

    def __init__(self, sheet: int = 0, places: list[tuple[int, int]] | None = None) -> None:
        super().__init__()
        self.sheet = sheet
        self.places = places


class Spills:
    """The areas that spilling formulas fill; their sizes are kept in the workspace, where A1# finds them."""

    def __init__(self, formulas: Formulas, workspace: Workspace) -> None:
        self.formulas = formulas
        self.workspace = workspace

    def remember(self, original: StoredCells) -> None:
        """Takes up the areas that the file states; those of array formulas are not for the result to choose."""
        for block in self.formulas.blocks:
            if block.size is not None and block.table is None:
                for slot in self.formulas.anchors(block).tolist():
                    is_blocked = block.dynamic and original.kind[slot] == ERROR + SPILL
                    self.workspace.spills[slot] = (1, 1) if is_blocked else block.size

    def fit(self, step: Step, value: Value, cells: StoredCells) -> Value:
        """A result as it goes into the cells; Replan where it needs an area of another size than so far."""
        size = (value.shape[1], value.shape[2])
        if size != step.block.size:
            if _is_unknown(value) or any(
                slot in self.workspace.problems for slot in step.cells.tolist()
            ):  # what the cells' area should be is not known either: it stays as it was
                return error_value(UNCOMPUTABLE)
            return self._refit(step, size, cells)
        if size == (1, 1):
            return value
        if self._blocked(step, size, cells).any():
            self._check_untraced(step)
            raise self._resized(step, (1, 1), cells)
        for slot in step.cells.tolist():
            self.workspace.spills[slot] = size
        return value

    def _refit(self, step: Step, size: Size, cells: StoredCells) -> Value:
        """The result has another size than the area it filled so far: make room, and plan anew."""
        count = len(step.cells) * size[0] * size[1]
        if count > MOST_FILLED:
            raise CalculationError(too_many_filled(count))
        self._check_untraced(step)
        if not self._blocked(step, size, cells).all():
            raise self._resized(step, size, cells)
        if step.block.size != (1, 1):
            raise self._resized(step, (1, 1), cells)
        return error_value(SPILL)

    def divide(self, step: Step) -> Replan:
        """The cells' results are of several sizes: they become blocks of their own, and all is planned anew."""
        self._check_untraced(step)
        block = step.block
        places = {place: number for number, place in enumerate(zip(block.rows.tolist(), block.columns.tolist()))}
        groups: dict[tuple[int, ...], list[int]] = {}
        for cell, place in enumerate(zip(step.context.rows.tolist(), step.context.columns.tolist())):
            shape = values_or_reasons(step.context.select(np.array([cell])), block).shape[1:]
            groups.setdefault(shape, []).append(places.pop(place))
        if places:  # cells of the block that are computed in another step
            groups[()] = list(places.values())
        self.formulas.divide(block, [np.array(group) for group in groups.values()])
        return Replan()

    def _check_untraced(self, step: Step) -> None:
        if self.workspace.trace is not None:
            place = self.workspace.describe(step.cells)
            raise CalculationError(f"the size of the area that {place} fills depends on inputs")

    def _resized(self, step: Step, size: Size, cells: StoredCells) -> Replan:
        """Empties the cells that the array filled, save those with the formulas, and has room made for it."""
        cells.clear(np.setdiff1d(step.targets.reshape(-1), step.cells))
        step.block.size = size
        for slot in step.cells.tolist():
            self.workspace.spills[slot] = size
        return Replan(step.block.sheet, step.block.filled())

    def _blocked(self, step: Step, size: Size, cells: StoredCells) -> np.ndarray:
        """For which of the cells something stands in the way of an area of this size."""
        places = zip(step.context.rows.tolist(), step.context.columns.tolist())
        return np.array([self._is_blocked(step, row, column, size, cells) for row, column in places])

    def _is_blocked(self, step: Step, row: int, column: int, size: Size, cells: StoredCells) -> bool:
        if row + size[0] - 1 > MAX_ROWS or column + size[1] - 1 > MAX_COLUMNS:
            return True
        rows, columns = np.arange(row, row + size[0])[:, None], np.arange(column, column + size[1])[None, :]
        slots = self.workspace.slots.locate(step.block.sheet, rows, columns).reshape(-1)
        others = slots[(slots != 0) & ~np.isin(slots, step.targets)]
        return bool(((cells.kind[others] != BLANK) | self.formulas.are_filled(others)).any())


def _is_unknown(value: Value) -> bool:
    """Whether some of it could not be computed."""
    return value.kind is not None and bool((value.kind == ERROR + UNCOMPUTABLE).any())
