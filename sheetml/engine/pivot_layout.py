"""Where a pivot table shows a value: the layout of its rows, columns and subtotals as the file describes it.

A cell of a pivot table's body stands in one of its lines down and one across. Each line is of items, of the first
fields of its axis: of all of them, of fewer (a subtotal, or an item that is folded up), of none (a grand total).
Where one cannot tell from the file which cell Excel would take, that is said, and nothing is guessed.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from sheetml.engine.collation import folded
from sheetml.engine.number_format.general import general_text
from sheetml.engine.signals import Signal
from sheetml.xlsx.model import ERROR_TEXT, VALUES_FIELD, ErrorCode, PivotItem, PivotLine, PivotTable

Item = float | str | bool | ErrorCode | None

_BLANK = "(blank)"  # how a table shows the item of records that have no value


class NotShown(Signal):
    """The table has no such field or item, or no cell for the value."""


class NotUnderstood(Signal):
    """One cannot tell which cell is meant; the reason is the message."""


class Layout:
    """A pivot table by what its cells show."""

    def __init__(self, table: PivotTable) -> None:
        self.table = table

    def touches(self, sheet: int, top: int, left: int, bottom: int, right: int) -> bool:
        """Whether an area has cells of the table."""
        area = self.table.area
        apart = bottom < area.top or area.bottom < top or right < area.left or area.right < left
        return sheet == self.table.sheet and not apart

    def filters_touch(self, sheet: int, top: int, left: int, bottom: int, right: int) -> bool:
        """Whether an area has cells above the table where its filters may stand, a blank row between."""
        area = self.table.area
        first = area.top - 1 - len(self.table.page_items)
        return (
            bool(self.table.page_items)
            and self.touches(sheet, top, left, max(bottom, area.top), right)
            and (first <= bottom)
        )

    def place(self, data_field: Item, items: list[tuple[Item, Item]]) -> tuple[int, int]:
        """The row and column of the cell with a data field's value for items, each with its field.

        Raises NotShown or NotUnderstood.
        """
        number = self._data_field(data_field)
        asked: dict[int, int] = {}
        for name, item in items:
            field = self._field(name)
            position = self._item(field, item)
            if asked.setdefault(field, position) != position:
                raise NotShown
        filtered = {field: asked.pop(field) for field in self.table.page_items if field in asked}
        if any(self.table.page_items[field] != position for field, position in filtered.items()):
            raise NotShown
        if not asked.keys() <= {*self._rows.fields, *self._columns.fields}:
            raise NotShown
        data = self._data
        return data[0] + self._rows.position(asked, number), data[1] + self._columns.position(asked, number)

    @cached_property
    def _rows(self) -> _Axis:
        return _Axis(self.table, self.table.row_fields, self.table.rows)

    @cached_property
    def _columns(self) -> _Axis:
        return _Axis(self.table, self.table.column_fields, self.table.columns)

    @cached_property
    def _data(self) -> tuple[int, int]:
        """The first row and column of the results, which have one for each line."""
        table, data = self.table, self.table.data
        if data is None or (data.height, data.width) != (len(table.rows), len(table.columns)):
            raise NotUnderstood("its lines are not those of its area")
        divided = [axis for axis in (self._rows, self._columns) if axis.divided]
        if len(table.data_fields) > 1 and len(divided) != 1:
            raise NotUnderstood("it does not say where its data fields stand")
        return data.top, data.left

    def _data_field(self, asked: Item) -> int:
        """The number of a data field, by the name it has in the table, else by that of its source field."""
        name = _name(asked)
        fields = self.table.data_fields
        shown = [number for number, field in enumerate(fields) if _name(field.name) == name]
        if not shown:
            shown = [number for number, field in enumerate(fields) if name in self._names(field.field)]
        return _the_one(shown, "several of its data fields go by the name") if name else _none()

    def _field(self, asked: Item) -> int:
        name, fields = _name(asked), self.table.fields
        shown = [position for position, field in enumerate(fields) if _name(field.caption) == name]
        if not shown:
            shown = [position for position, field in enumerate(fields) if _name(field.name) == name]
        return _the_one(shown, "several of its fields go by one name") if name else _none()

    def _names(self, field: int) -> set[str]:
        if not 0 <= field < len(self.table.fields):
            return set()
        return {_name(self.table.fields[field].caption), _name(self.table.fields[field].name)}

    def _item(self, field: int, asked: Item) -> int:
        """The position of an item among its field's."""
        if asked is None:
            raise NotUnderstood("a blank is asked for among its items")
        items = [(position, item) for position, item in enumerate(self.table.fields[field].items) if _holds(item)]
        found = [position for position, item in items if _is(item, asked)]
        if not found and any(_may_be(item, asked) for _, item in items):
            raise NotUnderstood("its items may have other names than what is asked for")
        return _the_one(found, "several items of one field go by one name")


class _Rank(IntEnum):
    """How sure it is that a line shows the value of its items: the surest one counts."""

    SHOWN = 0
    HEAD = 1  # of what stands below it, with its subtotal, unless that has a line of its own
    DOUBTFUL = 2


class _Line(NamedTuple):
    rank: _Rank
    position: int


class _Axis:
    """The lines of the rows or of the columns, to be found by their items."""

    def __init__(self, table: PivotTable, fields: list[int], lines: list[PivotLine]) -> None:
        self.table = table
        self.all_fields = fields
        self.fields = [field for field in fields if field != VALUES_FIELD]
        self.divided = VALUES_FIELD in fields  # there is a line for each data field
        if any(not 0 <= field < len(table.fields) for field in self.fields):
            raise NotUnderstood("it has fields that its source does not have")
        self.lines: dict[tuple[tuple[int, ...], int], list[_Line]] = {}
        for position, line in enumerate(lines):
            below = lines[position + 1].items if position + 1 < len(lines) else ()
            rank = self._rank(line, len(below) > len(line.items) and below[: len(line.items)] == line.items)
            if rank is not None:
                own = tuple(item for field, item in zip(fields, line.items) if field != VALUES_FIELD)
                key = own, line.data_field if self.divided else 0
                self.lines.setdefault(key, []).append(_Line(rank, position))

    def _rank(self, line: PivotLine, heads: bool) -> _Rank | None:
        """None for a line that shows no values; `heads` says that lines with more items follow it."""
        if line.kind in ("grand", "default"):
            return _Rank.SHOWN
        if line.kind == "blank":
            return None
        if line.kind != "data":  # one of several subtotals
            return _Rank.DOUBTFUL
        depth = min(len(line.items), len(self.all_fields))
        if self.divided and depth <= self.all_fields.index(VALUES_FIELD):
            return None  # it stands above those of the data fields
        if not heads:
            return _Rank.SHOWN
        last = self.all_fields[depth - 1] if depth else VALUES_FIELD
        if last == VALUES_FIELD:
            return _Rank.DOUBTFUL
        return _Rank.HEAD if any(not _holds(item) for item in self.table.fields[last].items) else None

    def position(self, asked: dict[int, int], data_field: int) -> int:
        """Which line shows the value of items, by field, and of a data field."""
        own = [field for field in self.fields if field in asked]
        if own != self.fields[: len(own)]:
            raise NotUnderstood("an item of an inner field is asked for without those of the fields around it")
        lines = self.lines.get((tuple(asked[field] for field in own), data_field if self.divided else 0), [])
        if not lines:
            raise NotShown
        best = min(line.rank for line in lines)
        if best == _Rank.DOUBTFUL:
            raise NotUnderstood("it shows several subtotals of the items")
        return _the_one([line.position for line in lines if line.rank == best], "it shows the items more than once")


def _holds(item: PivotItem) -> bool:
    """Whether it is an item of the source, not a subtotal."""
    return item.kind == "data"


def _is(item: PivotItem, asked: Item) -> bool:
    """Whether an item is the one asked for: by value, or by the text that stands for it."""
    if item.caption is None and type(item.value) is type(asked) and not isinstance(asked, str):
        return item.value == asked
    return folded(_text(item.value if item.caption is None else item.caption)) == folded(_text(asked))


def _may_be(item: PivotItem, asked: Item) -> bool:
    """Whether an item that is not shown as what is asked for may be meant by it nevertheless.

    There are more ways than these to name a date, a group of dates or numbers, a number in its format, or an item
    that was given another name.
    """
    if item.caption is not None:
        return not isinstance(asked, str) or folded(_text(item.value)) == folded(asked)
    return type(item.value) is not type(asked)


def _text(value: Item) -> str:
    if value is None:
        return _BLANK
    if isinstance(value, ErrorCode):
        return ERROR_TEXT[value]
    if isinstance(value, bool):
        return str(value).upper()
    return value if isinstance(value, str) else general_text(value)


def _name(value: Item) -> str:
    """The name of a field as it is compared; "" for none."""
    return "" if value is None else folded(_text(value)).strip()


def _the_one(found: list[int], several: str) -> int:
    if len(found) > 1:
        raise NotUnderstood(several)
    return found[0] if found else _none()


def _none() -> int:
    raise NotShown
