"""Finds the sheets of this layout in any workbook, by what their formulas do and not by where they stand.

A crosstab is a block of one formula over a rectangle that multiplies a row of cells on its left with a
column of cells above it: MMULT($B25:$F25,H$19:H$23), or SUMPRODUCT with a TRANSPOSE. What is added to the
product are biases (of the row: the user's; of the column: the item's) or a mean; an EXP around it is a
sigmoid. By rating it is a column of one formula that multiplies two pieces of its own row, both looked up
in a table by a place that is itself looked up by an id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from sheetml.engine import questions
from sheetml.engine.formulas import Block
from sheetml.errors import FormulaError
from sheetml.formula.references import parse_address
from sheetml.formula.tree import Binary, Call, Node, Number, Range, Unary, children, walk
from sheetml.layouts.collab_filter.layout import BY_RATING, CROSSTAB, Layout, cell
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue
from sheetml.xlsx.solver_names import solver_models

FILLED = 0.5  # of a block's rectangle: some predictions may have been typed over


def recognise(workbook: Book) -> list[Layout]:
    """All crosstabs and by-rating tables of the workbook, in the order of its sheets.

    Cells are read, none is changed or computed. A workbook without any gives an empty list.
    """
    blocks = [block for block in questions.blocks(workbook.calculation) if block.tree is not None]
    found = []
    for position, name in enumerate(workbook.sheet_names):
        page = _Page(workbook, position, name, [block for block in blocks if block.sheet == position])
        found += [layout for block in page.blocks for layout in _layouts(page, block)]
    return found


def _layouts(page: _Page, block: Block) -> Iterator[Layout]:
    area = page.area(block)
    if area is None or block.tree is None:
        return
    for path in _paths(block.tree):
        factors = _crossed(path[-1], area)
        layout = _crosstab(page, area, path, *factors) if factors else _by_rating(page, area, path[-1])
        if layout is not None:
            yield layout
            return


# ---- a sheet and what its formulas refer to ---------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """A sheet with its blocks of formulas."""

    workbook: Book
    position: int
    name: str
    blocks: list[Block]

    def area(self, block: Block) -> Area | None:
        """The rectangle around a block that fills most of it."""
        top, bottom = int(block.rows.min()), int(block.rows.max())
        left, right = int(block.columns.min()), int(block.columns.max())
        area = Area(top, left, bottom, right)
        return area if block.rows.size >= FILLED * area.height * area.width else None

    def value(self, row: int, column: int) -> CellValue:
        return self.workbook.calculation.get(self.position, row, column)

    def values(self, area: Area) -> list[CellValue]:
        rows, columns = range(area.top, area.bottom + 1), range(area.left, area.right + 1)
        return [self.value(row, column) for row in rows for column in columns]

    def are_ids(self, area: Area) -> bool:
        """Whether the cells hold numbers or text, each another."""
        if area.top < 1 or area.left < 1:
            return False
        values = self.values(area)
        return all(isinstance(value, (float, str)) for value in values) and len(set(values)) == len(values)

    def number(self, node: Node, row: int, column: int) -> float | None:
        """The number that a formula states or refers to from a cell."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Range) and _is_cell(node):
            place = _place(node, row, column)
            value = self.value(place.top, place.left)
            return value if isinstance(value, float) else None
        return None

    def block_at(self, row: int, column: int) -> Block | None:
        for block in self.blocks:
            if ((block.rows == row) & (block.columns == column)).any():
                return block
        return None

    def ranges(self, tree: Node) -> Iterator[Range]:
        """The references to this sheet in a formula."""
        for node in walk(tree):
            if isinstance(node, Range) and (node.sheet is None or node.sheet.casefold() == self.name.casefold()):
                yield node

    def solver_objective(self) -> Area | None:
        for names in solver_models(self.workbook.file):
            if names.sheet == self.position and names.objective:
                try:
                    return parse_address(names.objective)[1]
                except FormulaError:
                    return None
        return None


def _place(node: Range, row: int, column: int) -> Area:
    """What a reference means from a cell."""
    return Area(node.top.at(row), node.left.at(column), node.bottom.at(row), node.right.at(column))


def _spread(node: Range, over: Area) -> Area:
    """All cells that a reference means from the cells of an area."""
    first, last = _place(node, over.top, over.left), _place(node, over.bottom, over.right)
    return Area(first.top, first.left, last.bottom, last.right)


def _is_cell(node: Node) -> bool:
    return isinstance(node, Range) and node.top == node.bottom and node.left == node.right


# ---- the product of factors within a formula --------------------------------------------------


def _paths(tree: Node) -> Iterator[list[Node]]:
    """From the root down to each product of two ranges, as the nodes on the way."""
    waiting = [(tree, 0)]
    path: list[Node] = []
    while waiting:
        node, depth = waiting.pop()
        path[depth:] = [node]
        if _factors(node) is not None:
            yield list(path)
        waiting += [(child, depth + 1) for child in reversed(children(node))]


def _factors(node: Node) -> tuple[Range, Range] | None:
    """The two ranges that a product multiplies."""
    if not (isinstance(node, Call) and node.function in ("MMULT", "SUMPRODUCT")):
        return None
    arguments = node.arguments
    if len(arguments) == 1 and isinstance(arguments[0], Binary) and arguments[0].operator == "*":
        arguments = (arguments[0].left, arguments[0].right)
    if len(arguments) != 2:
        return None
    first, second = (_plain(argument) for argument in arguments)
    return (first, second) if isinstance(first, Range) and isinstance(second, Range) else None


def _plain(node: Node) -> Node:
    """A range without a TRANSPOSE or an "@" around it."""
    while True:
        if isinstance(node, Call) and node.function == "TRANSPOSE" and len(node.arguments) == 1:
            node = node.arguments[0]
        elif isinstance(node, Unary) and node.operator == "@":
            node = node.operand
        else:
            return node


def _crossed(product: Node, area: Area) -> tuple[Range, Range] | None:
    """The ranges of users (a piece of the cell's row) and items (a piece of its column), if they are such."""
    factors = _factors(product)
    if factors is None or any(node.sheet is not None for node in factors):
        return None
    rows = [node for node in factors if node.top == node.bottom and not node.top.absolute]
    columns = [node for node in factors if node.left == node.right and not node.left.absolute]
    for users in rows:
        for items in columns:
            steady = (users.left.absolute and users.right.absolute) or area.width == 1
            steady = steady and ((items.top.absolute and items.bottom.absolute) or area.height == 1)
            left, top = _place(users, area.top, area.left), _place(items, area.top, area.left)
            beside = left.top == area.top and top.left == area.left
            if users is not items and steady and beside and left.width == top.height:
                return users, items
    return None


# ---- the crosstab -----------------------------------------------------------------------------


def _crosstab(page: _Page, area: Area, path: list[Node], users: Range, items: Range) -> Layout | None:
    layout = Layout(
        page.name,
        CROSSTAB,
        user_ids=None,
        item_ids=None,
        ratings=_condition(path, area),
        user_factors=_spread(users, area),
        item_factors=_spread(items, area),
        predictions=area,
    )
    layout = _with_objective(page, _with_terms(layout, path))
    if layout.ratings is None:
        return None
    layout = _with_ids(page, layout)
    return replace(layout, titles=_titles(page, layout))


def _condition(path: list[Node], area: Area) -> Area | None:
    """The cells that an IF around the product looks at, one for each prediction: the ratings."""
    for node, inner in pairwise(path):
        if isinstance(node, Call) and node.function == "IF" and node.arguments[0] is not inner:
            for each in walk(node.arguments[0]):
                if _is_cell(each) and isinstance(each, Range) and each.sheet is None:
                    return _spread(each, area)
    return None


def _with_terms(layout: Layout, path: list[Node]) -> Layout:
    """Adds what stands around the product: biases and a mean, and outside a sigmoid its lowest and highest value."""
    divided, squeezed = _sigmoid(path)
    if squeezed >= 0:
        layout = replace(layout, minimum=0.0, maximum=1.0)
    for depth, (node, inner) in enumerate(pairwise(path)):
        if not isinstance(node, Binary):
            continue
        other = node.right if node.left is inner else node.left
        if depth < divided and node.operator == "+":
            layout = replace(layout, minimum=_constant(other))
        elif depth == divided:
            layout = replace(layout, maximum=_highest(layout, other))
        elif depth > squeezed and node.operator == "+":
            for term in _terms(other):
                layout = _with_term(layout, term)
    return layout


def _sigmoid(path: list[Node]) -> tuple[int, int]:
    """Where in the path x/(1+EXP(...)) divides and where its EXP is; -1 where there is none."""
    for depth, (node, below) in enumerate(zip(path, path[2:])):
        if isinstance(node, Binary) and node.operator == "/" and isinstance(below, Call) and below.function == "EXP":
            return depth, depth + 2
    return -1, -1


def _highest(layout: Layout, span: Node) -> Area | float | None:
    """The highest value of a sigmoid of which x/(1+EXP(...)) states the span: high-low, or a number."""
    if isinstance(span, Binary) and span.operator == "-":
        return _constant(span.left)
    if isinstance(span, Number) and isinstance(layout.minimum, float):
        return layout.minimum + span.value
    return None


def _constant(node: Node) -> Area | float | None:
    """A number, or a cell that is the same for all predictions."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Range) and _is_cell(node) and node.top.absolute and node.left.absolute and node.sheet is None:
        return cell(node.top.value, node.left.value)
    return None


def _terms(node: Node) -> Iterator[Node]:
    if isinstance(node, Binary) and node.operator == "+":
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node


def _with_term(layout: Layout, term: Node) -> Layout:
    """A cell of the prediction's row is the user's bias, one of its column the item's; a fixed one the mean."""
    constant = _constant(term)
    if constant is not None:
        return replace(layout, mean=constant)
    if not (isinstance(term, Range) and _is_cell(term) and term.sheet is None):
        return layout
    place = _spread(term, layout.predictions)
    if place.width == 1 and place.top == layout.predictions.top:
        return replace(layout, user_bias=place)
    if place.height == 1 and place.left == layout.predictions.left:
        return replace(layout, item_bias=place)
    return layout


def _with_objective(page: _Page, layout: Layout) -> Layout:
    """Adds the cell that compares predictions with ratings, the Solver model's if there are several."""
    stated = page.solver_objective()
    for block in page.blocks:
        if block.rows.size != 1 or block.tree is None:
            continue
        place = cell(int(block.rows[0]), int(block.columns[0]))
        areas = [_place(node, place.top, place.left) for node in page.ranges(block.tree)]
        if layout.predictions not in areas or (layout.objective is not None and place != stated):
            continue
        beside = [area for area in areas if area != layout.predictions and _same_size(area, layout.predictions)]
        layout = replace(layout, objective=place, ratings=layout.ratings or next(iter(beside), None))
    return layout


def _same_size(first: Area, second: Area) -> bool:
    return (first.height, first.width) == (second.height, second.width)


def _with_ids(page: _Page, layout: Layout) -> Layout:
    """Adds the ids beside the predictions, or those beside the ratings where there are none."""
    for area in (layout.predictions, layout.ratings):
        assert area is not None
        users = Area(area.top, area.left - 1, area.bottom, area.left - 1)
        items = Area(area.top - 1, area.left, area.top - 1, area.right)
        if layout.user_ids is None and page.are_ids(users):
            layout = replace(layout, user_ids=users)
        if layout.item_ids is None and page.are_ids(items):
            layout = replace(layout, item_ids=items)
    return layout


def _titles(page: _Page, layout: Layout) -> Area | None:
    """The nearest row above the predictions that holds words in their columns, and is not the ids."""
    predictions = layout.predictions
    ids = [] if layout.item_ids is None else page.values(layout.item_ids)
    for row in range(predictions.top - 1, 0, -1):
        area = Area(row, predictions.left, row, predictions.right)
        words = [value for value in page.values(area) if value is not None]
        if words and all(isinstance(value, str) for value in words) and page.values(area) != ids:
            return area
    return None


# ---- by rating --------------------------------------------------------------------------------


def _by_rating(page: _Page, area: Area, product: Node) -> Layout | None:
    pieces = _factors(product)
    if area.width != 1 or pieces is None:
        return None
    users, items = (_looked_up(page, piece, area) for piece in pieces)
    if users is None or items is None or users.factors.width != items.factors.width:
        return None
    errors = _errors(page, area)
    if errors is None:
        return None
    block, ratings = errors
    return Layout(
        page.name,
        BY_RATING,
        user_ids=users.ids,
        item_ids=items.ids,
        ratings=ratings,
        user_factors=users.factors,
        item_factors=items.factors,
        predictions=area,
        objective=_objective_of(page, page.area(block)),
        rating_users=users.keys,
        rating_items=items.keys,
    )


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A table of factors, its ids, and the column of ids by which its rows are looked up."""

    factors: Area
    ids: Area
    keys: Area


def _looked_up(page: _Page, piece: Range, rows: Area) -> _Lookup | None:
    """Where the factors that stand in a piece of each row come from: OFFSET or INDEX by a place, MATCH by an id."""
    here = _place(piece, rows.top, rows.left)
    if here.height != 1 or here.top != rows.top:
        return None
    fetched = [_fetched(page, here.top, column) for column in range(here.left, here.right + 1)]
    if fetched[0] is None:
        return None
    place, top, left = fetched[0]
    found = _matched(page, place, rows)
    if found is None or fetched != [(place, top, left + step) for step in range(here.width)]:
        return None
    ids, keys = found
    return _Lookup(Area(top, left, top + ids.height - 1, left + here.width - 1), ids, keys)


def _fetched(page: _Page, row: int, column: int) -> tuple[Area, int, int] | None:
    """By which place a cell is fetched from a table, and which cell of the table is fetched by the place 1."""
    block = page.block_at(row, column)
    call = None if block is None or block.tree is None else _plain(block.tree)
    if not (isinstance(call, Call) and call.function in ("OFFSET", "INDEX") and len(call.arguments) == 3):
        return None
    table, place, step = call.arguments
    across = page.number(step, row, column)
    if not (isinstance(table, Range) and isinstance(place, Range)) or across is None:
        return None
    corner = _place(table, row, column)
    down, across = (1, int(across)) if call.function == "OFFSET" else (0, int(across) - 1)
    return _place(place, row, column), corner.top + down, corner.left + across


def _matched(page: _Page, place: Area, rows: Area) -> tuple[Area, Area] | None:
    """The ids among which a place is looked up, and the column of ids it is looked up by."""
    block = page.block_at(place.top, place.left)
    if block is None or block.tree is None or place.top != rows.top:
        return None
    keys = ids = None
    for node in page.ranges(block.tree):
        area = _place(node, place.top, place.left)
        if _is_cell(node) and not node.top.absolute and keys is None:
            keys = Area(rows.top, area.left, rows.bottom, area.left)
        elif area.width == 1 and node.top.absolute and ids is None and not _is_cell(node):
            ids = area
    return None if ids is None or keys is None else (ids, keys)


def _errors(page: _Page, predictions: Area) -> tuple[Block, Area] | None:
    """The block that compares each prediction with another cell of its row, and those cells: the ratings."""
    for block in page.blocks:
        if block.tree is None or block.rows[0] != predictions.top or block.rows.size < 2 <= predictions.height:
            continue
        row, column = int(block.rows[0]), int(block.columns[0])
        columns = {
            area.left
            for area in (_place(node, row, column) for node in page.ranges(block.tree) if _is_cell(node))
            if area.top == row
        }
        if predictions.left in columns and len(columns) == 2:
            (ratings,) = columns - {predictions.left}
            return block, Area(predictions.top, ratings, predictions.bottom, ratings)
    return None


def _objective_of(page: _Page, errors: Area | None) -> Area | None:
    """The cell that sums up the errors."""
    for block in page.blocks:
        if block.rows.size == 1 and block.tree is not None:
            row, column = int(block.rows[0]), int(block.columns[0])
            if errors in [_place(node, row, column) for node in page.ranges(block.tree)]:
                return cell(row, column)
    return None
