"""What a cell depends on, directly and through others: formula blocks and areas of cells with values.

The engine's plan is walked backwards from the cell, each formula only for those of its cells that
matter, so that what is found is what the cell depends on and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sheetml.engine import questions
from sheetml.engine.calculation import Calculation
from sheetml.engine.formulas import Block
from sheetml.engine.plan import Stage, Step, Straight
from sheetml.engine.rectangles import rectangles
from sheetml.engine.values import BLANK
from sheetml.formula.references import address
from sheetml.formula.text import to_a1
from sheetml.xlsx.model import Area

MOST_STEPS = 4000  # of a recurrence, up to which its cells are followed one by one
FEWEST_TO_BRIDGE = 4  # cells of an area that goes on beyond a blank row or column
MOST_RECTANGLES = 60  # of cells read together, beyond which they are not told apart


@dataclass(slots=True, eq=False)
class Source:
    """Cells that have a part in a result: a formula block, or an area of cells with values."""

    slots: np.ndarray  # the cells, sorted
    area: str  # in words: "dotprod!H25:V39"
    block: Block | None = None  # None for cells with values
    formula: str | None = None  # of its first cell that matters, without "="
    stage: int = -1  # its place in the order of calculation; blocks of one place form a recurrence
    reads: list[Source] = field(default_factory=list)  # what it is computed from


@dataclass(slots=True)
class Lineage:
    """A cell and all it depends on, in order of calculation: the cell's own block comes last."""

    target: Source
    sources: list[Source]
    direct: np.ndarray  # the slots that the cell's own formula reads

    @property
    def blocks(self) -> list[Source]:
        return [source for source in self.sources if source.block is not None]

    @property
    def inputs(self) -> list[Source]:
        return [source for source in self.sources if source.block is None]

    @property
    def slots(self) -> np.ndarray:
        """All cells the target depends on, and the target."""
        return np.unique(np.concatenate([source.slots for source in self.sources]))


def lineage(calculation: Calculation, slot: int) -> Lineage:
    """What the cell in a slot depends on. The workbook must have been calculated."""
    walk = _Walk(calculation, np.array([slot]))
    walk.run()
    blocks = walk.blocks()
    inputs = _input_areas(calculation, blocks, walk.reads)
    for source in blocks:
        source.reads = _read_by(source, walk.reads[id(source.block)], [*inputs, *blocks])
    if not blocks:
        own = Source(np.array([slot]), calculation.describe([slot]))
        return Lineage(own, [own], np.zeros(0, np.intp))
    target = next(source for source in blocks if slot in source.slots)
    return Lineage(target, [*inputs, *blocks], questions.reads(calculation, slot))


def upstream(calculation: Calculation, slots: np.ndarray) -> np.ndarray:
    """A mask of the slots that some cells depend on, themselves included."""
    walk = _Walk(calculation, slots)
    walk.run()
    return walk.needed


class _Walk:
    """Goes through the plan from its end, and marks what is needed."""

    def __init__(self, calculation: Calculation, targets: np.ndarray) -> None:
        self.calculation = calculation
        self.needed = calculation.mask(targets)
        self.found: dict[int, tuple[Block, int, list[np.ndarray]]] = {}  # by block: it, its stage, its cells
        self.reads: dict[int, np.ndarray] = {}  # by block: the slots it reads

    def run(self) -> None:
        stages = questions.stages(self.calculation)
        position = sum(len(stage.lines) if isinstance(stage, Straight) else 1 for stage in stages)
        for stage in reversed(stages):
            position -= len(stage.lines) if isinstance(stage, Straight) else 1
            if not self.needed[stage.targets].any():
                continue
            if isinstance(stage, Straight):
                self._along(stage, position)
            else:
                self._through(stage, position)

    def _along(self, stage: Straight, first: int) -> None:
        """Goes back along cells that are computed one by one: each has a place of its own in the order."""
        for line in reversed(stage.before(self.needed)):
            self._note(
                line.block, np.array(line.reads, np.intp), np.array([line.slot]), first + stage.position(line.slot)
            )

    def _through(self, stage: Stage, position: int) -> None:
        steps = stage.steps
        if len(steps) > MOST_STEPS:
            steps = stage.blocks
            self.needed[stage.targets] = True
        for step in reversed(steps):
            wanted = self.needed[step.targets].reshape(len(step.cells), -1).any(axis=1)
            if wanted.any():
                self._take(step.part(np.nonzero(wanted)[0]), stage, position)

    def _take(self, part: Step, stage: Stage, position: int) -> None:
        self._note(part.block, questions.reads_of_part(part, stage), part.targets.reshape(-1), position)

    def _note(self, block: Block, reads: np.ndarray, cells: np.ndarray, position: int) -> None:
        self.needed[reads] = True
        key = id(block)
        self.found.setdefault(key, (block, position, []))[2].append(cells)
        known = self.reads.get(key)
        self.reads[key] = reads if known is None else np.union1d(known, reads)

    def blocks(self) -> list[Source]:
        """The blocks found, in order of calculation."""
        sources = [self._source(*entry) for entry in self.found.values()]
        return sorted(sources, key=lambda source: (source.stage, source.slots[0]))

    def _source(self, block: Block, stage: int, parts: list[np.ndarray]) -> Source:
        slots = np.unique(np.concatenate(parts))
        slots = slots[self.needed[slots] & (slots != 0)]
        _, row, column = self.calculation.place(int(slots[0]))
        if block.tree is None:
            formula = block.text
        elif block.is_array:
            formula = to_a1(block.tree, int(block.rows[0]), int(block.columns[0]))
        else:
            formula = to_a1(block.tree, row, column)
        return Source(slots, self.calculation.describe(slots), block, formula, stage)


def _read_by(source: Source, reads: np.ndarray, others: list[Source]) -> list[Source]:
    return [other for other in others if np.isin(other.slots, reads, assume_unique=True).any()]


# ---- cells with values, as areas ---------------------------------------------------------------


@dataclass(slots=True)
class _Piece:
    """Cells with values that the same blocks read, and the area they make up (None: they are scattered)."""

    sheet: int
    slots: np.ndarray
    readers: frozenset[int]
    area: Area | None


def _input_areas(calculation: Calculation, blocks: list[Source], reads: dict[int, np.ndarray]) -> list[Source]:
    """The cells without a formula that are read: one source for each area that the same blocks read."""
    readers: dict[int, list[int]] = {}
    for position, block in enumerate(blocks):
        slots = reads[id(block.block)]
        for slot in slots[~calculation.is_formula(slots)].tolist():
            readers.setdefault(slot, []).append(position)
    groups: dict[tuple[int, ...], list[int]] = {}
    for slot, positions in readers.items():
        groups.setdefault((calculation.place(slot)[0], *positions), []).append(slot)
    pieces: list[_Piece] = []
    for (sheet, *reading), members in groups.items():
        pieces += _pieces(calculation, sheet, np.array(sorted(members)), frozenset(reading))
    sources = [_input(calculation, piece) for piece in _continued(pieces)]
    return sorted(sources, key=lambda source: int(source.slots[0]))


def _input(calculation: Calculation, piece: _Piece) -> Source:
    if piece.area is None:
        return Source(piece.slots, calculation.describe(piece.slots))
    return Source(piece.slots, address(calculation.sheet_names[piece.sheet], piece.area))


def _pieces(calculation: Calculation, sheet: int, slots: np.ndarray, readers: frozenset[int]) -> Iterator[_Piece]:
    """Cells of one sheet as areas; blank cells in between do not divide them."""
    filled = slots[calculation.kinds(slots) != BLANK]
    slots = filled if filled.size else slots
    places = calculation.places(slots)
    rows, columns = places[:, 1], places[:, 2]
    parts = list(rectangles(rows, columns))
    if len(parts) > MOST_RECTANGLES:
        whole = _around(parts)
        area = whole if _holds_only(calculation, sheet, whole, slots) else None
        yield _Piece(sheet, slots, readers, area)
        return
    left = np.ones(slots.size, bool)  # areas may overlap
    for area in _joined(calculation, sheet, parts, slots):
        inside = left & (rows >= area.top) & (rows <= area.bottom) & (columns >= area.left) & (columns <= area.right)
        left &= ~inside
        if inside.any():
            yield _Piece(sheet, slots[inside], readers, area)


def _continued(pieces: list[_Piece]) -> list[_Piece]:
    """The last cell of a column that fewer blocks read, as in a recurrence, is no area of its own."""
    kept: list[_Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.slots.size):
        larger = next((other for other in kept if _continues(piece, other)), None)
        if larger is None:
            kept.append(piece)
        else:
            assert larger.area is not None and piece.area is not None
            larger.area = _around([larger.area, piece.area])
            larger.slots = np.union1d(larger.slots, piece.slots)
    return kept


def _continues(piece: _Piece, larger: _Piece) -> bool:
    one, other = piece.area, larger.area
    if one is None or other is None or piece.sheet != larger.sheet or not piece.readers < larger.readers:
        return False
    same_columns = (one.left, one.right) == (other.left, other.right)
    same_rows = (one.top, one.bottom) == (other.top, other.bottom)
    down = same_columns and other.height > other.width and one.top == other.bottom + 1
    across = same_rows and other.width > other.height and one.left == other.right + 1
    return down or across


def _joined(calculation: Calculation, sheet: int, parts: list[Area], slots: np.ndarray) -> list[Area]:
    """Neighbouring rectangles put together where nothing but blanks lies between them."""
    areas = list(parts)
    position = 0
    while position < len(areas):
        for other in range(position + 1, len(areas)):
            union = _around([areas[position], areas[other]])
            filled = _size(areas[position]) + _size(areas[other]) > _size(union) / 2
            near = filled and _near(areas[position], areas[other])
            if near and _holds_only(calculation, sheet, union, slots):
                areas = [area for area in areas if not _inside(area, union)]
                areas.insert(0, union)
                position = -1
                break
        position += 1
    return sorted(areas, key=lambda area: (area.top, area.left))


def _near(one: Area, other: Area) -> bool:
    """Whether two rectangles touch, or one of several cells has only one row or column to the other."""
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    across = max(one.left, other.left) - min(one.right, other.right)
    several = max(_size(one), _size(other)) >= FEWEST_TO_BRIDGE
    return min(down, across) <= 0 and max(down, across) <= (2 if several else 1)


def _size(area: Area) -> int:
    return area.height * area.width


def _inside(area: Area, other: Area) -> bool:
    return (
        area.top >= other.top and area.bottom <= other.bottom and area.left >= other.left and area.right <= other.right
    )


def _around(areas: list[Area]) -> Area:
    return Area(
        min(area.top for area in areas),
        min(area.left for area in areas),
        max(area.bottom for area in areas),
        max(area.right for area in areas),
    )


def _holds_only(calculation: Calculation, sheet: int, area: Area, slots: np.ndarray) -> bool:
    """Whether an area holds nothing but these cells and blanks."""
    inside = calculation.within(sheet, area)
    others = inside[~np.isin(inside, slots)]
    return bool(((calculation.kinds(others) == BLANK) & ~calculation.is_formula(others)).all())
