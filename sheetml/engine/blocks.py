"""Groups the formula cells of a workbook into blocks of one formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.references import address
from sheetml.formula.relative import relative_key
from sheetml.formula.tree import Node
from sheetml.xlsx.model import Area, Formula, Sheet, WorkbookFile

MOST_FILLED = 500_000  # cells by array formulas


@dataclass(slots=True, eq=False)
class Block:
    """Cells of one sheet that hold the same formula, filled down or across or copied.

    `tree` is None where the formula cannot be understood: `problem` then says why. For array formulas
    `size` is the height and width of the area that each of the cells fills; for those that spill
    (`dynamic`) it is the size of the result when last computed.
    """

    sheet: int
    text: str  # as its first cell states it
    tree: Node | None
    rows: np.ndarray
    columns: np.ndarray
    problem: str = ""
    size: tuple[int, int] | None = None
    dynamic: bool = False

    @property
    def is_array(self) -> bool:
        return self.size is not None

    def areas(self) -> Iterator[Area]:
        """The rectangles that the block's cells make up, from the top."""
        return rectangles(self.rows, self.columns)


def find_blocks(file: WorkbookFile) -> list[Block]:
    """All blocks of the workbook, sheet by sheet, by their first cell."""
    blocks = [block for position, sheet in enumerate(file.sheets) for block in _blocks_of(sheet, position)]
    filled = 0
    for block in blocks:
        if block.size is not None:
            cells = len(block.rows) * block.size[0] * block.size[1]
            if filled + cells > MOST_FILLED:
                block.tree, block.problem, block.size = None, too_many_filled(cells), (1, 1)
            else:
                filled += cells
    return blocks


def too_many_filled(cells: int) -> str:
    """Why array formulas are not computed that would fill so many cells."""
    return f"array formulas would fill {cells:,} cells, more than {MOST_FILLED:,} in a workbook"


def _blocks_of(sheet: Sheet, position: int) -> Iterator[Block]:
    groups: dict[tuple[object, ...], tuple[Formula, list[int]]] = {}
    keys: dict[int, tuple[object, ...]] = {}
    for place, formula in sheet.cells.formula.items():
        key = keys.get(id(formula))
        if key is None:
            key = keys[id(formula)] = _key(formula)
        groups.setdefault(key, (formula, []))[1].append(place)
    for formula, places in groups.values():
        index = np.array(places)
        yield _block(formula, position, sheet.cells.row[index], sheet.cells.column[index])


def _key(formula: Formula) -> tuple[object, ...]:
    size = None if formula.area is None else (formula.area.height, formula.area.width)
    return relative_key(formula.text, formula.row, formula.column), size, formula.dynamic


def _block(formula: Formula, sheet: int, rows: np.ndarray, columns: np.ndarray) -> Block:
    size = None if formula.area is None else (formula.area.height, formula.area.width)
    tree, problem = None, ""
    try:
        tree = parse(formula.text, formula.row, formula.column)
    except FormulaError as error:
        problem = str(error)
    return Block(
        sheet,
        formula.text,
        tree,
        rows.astype(np.int64),
        columns.astype(np.int64),
        problem,
        size,
        formula.dynamic,
    )


def rectangles(rows: np.ndarray, columns: np.ndarray) -> Iterator[Area]:
    """Cells as few rectangles: runs along rows, then equal runs of neighbouring rows put together."""
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    breaks = np.nonzero((np.diff(rows) != 0) | (np.diff(columns) != 1))[0]
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [len(rows) - 1]])
    open_areas: dict[tuple[int, int], Area] = {}
    done: list[Area] = []
    for i, j in zip(first, last):
        row, left, right = int(rows[i]), int(columns[i]), int(columns[j])
        above = open_areas.get((left, right))
        if above is not None and above.bottom == row - 1:
            open_areas[left, right] = Area(above.top, left, row, right)
        else:
            if above is not None:
                done.append(above)
            open_areas[left, right] = Area(row, left, row, right)
    yield from sorted([*done, *open_areas.values()], key=lambda area: (area.top, area.left))


def areas_text(sheet: str | None, rows: np.ndarray, columns: np.ndarray, most: int = 4) -> str:
    """Cells in words: "dotprod!H25:V39", with at most so many areas named."""
    areas = list(rectangles(rows, columns))
    text = ", ".join(address(sheet, area) for area in areas[:most])
    return text if len(areas) <= most else f"{text} and {len(areas) - most} more areas"
