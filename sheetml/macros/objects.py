"""Excel's object model, as far as the subset goes: workbook, sheets, names; and VBA's own Err and Collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sheetml.macros.errors import APPLICATION, OUT_OF_RANGE, TYPE_MISMATCH, VbaError
from sheetml.macros.machine import ErrorState, Machine, Refusal
from sheetml.macros.members import HostObject, getter, method, setter
from sheetml.macros.ranges import Range, range_argument
from sheetml.macros.values import (
    MISSING,
    let,
    to_long,
    to_string,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area

if TYPE_CHECKING:
    from sheetml.macros.host import Host


class Err(HostObject, name="ErrObject"):
    """The object Err; the machine fills it in."""

    hidden = True

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @property
    def state(self) -> ErrorState:
        return self.machine.err

    def clear(self) -> None:
        self.state.clear()

    @property
    def number(self) -> int:
        return self.state.number

    def default_value(self) -> Any:
        return self.state.number

    @getter("Number", "Long")
    def get_number(self) -> Any:
        return self.state.number

    @setter("Number")
    def set_number(self, value: Any) -> None:
        self.state.number = int(to_long(value))

    @getter("Description", "String")
    def get_description(self) -> Any:
        return self.state.description

    @setter("Description")
    def set_description(self, value: Any) -> None:
        self.state.description = to_string(value)

    @getter("Source", "String")
    def get_source(self) -> Any:
        return self.state.source

    @method("Clear")
    def do_clear(self) -> None:
        self.clear()

    @method("Raise")
    def do_raise(
        self, number: Any, source: Any = MISSING, description: Any = MISSING, helpfile: Any = MISSING,
        help_context: Any = MISSING,
    ) -> None:  # fmt: skip
        text = None if description is MISSING else to_string(let(description))
        raise VbaError(int(to_long(let(number))), text, "VBAProject" if source is MISSING else to_string(let(source)))


# ---- collections -------------------------------------------------------------------------------


class CollectionObject(HostObject, name="Collection"):
    """VBA's own Collection: items in order, some with keys."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.keys: list[str | None] = []

    def default_value(self) -> Any:
        raise VbaError(450)

    def each(self) -> Iterator[Any]:
        place = 0
        while place < len(self.items):
            yield self.items[place]
            place += 1

    def _place(self, index: Any) -> int:
        index = let(index)
        if isinstance(index, str):
            if index.casefold() not in self.keys:
                raise VbaError(5)
            return self.keys.index(index.casefold())
        place = int(to_long(index))
        if not 1 <= place <= len(self.items):
            raise VbaError(OUT_OF_RANGE)
        return place - 1

    @getter("Item")
    def item(self, index: Any) -> Any:
        return self.items[self._place(index)]

    @getter("Count", "Long")
    def count(self) -> Any:
        return len(self.items)

    @method("Add")
    def add(self, item: Any, key: Any = MISSING, before: Any = MISSING, after: Any = MISSING) -> None:
        name = None if key is MISSING else to_string(let(key)).casefold()
        if name is not None and name in self.keys:
            raise VbaError(457)
        place = len(self.items)
        if before is not MISSING:
            place = self._place(before)
        elif after is not MISSING:
            place = self._place(after) + 1
        self.items.insert(place, item)
        self.keys.insert(place, name)

    @method("Remove")
    def remove(self, index: Any) -> None:
        place = self._place(index)
        del self.items[place], self.keys[place]


class SheetsObject(HostObject, name="Sheets"):
    """Sheets and Worksheets: the sheets by number or name. Only Sheets counts chart sheets, which are not held."""

    item_type = "Worksheet"

    def __init__(self, host: Host, all_kinds: bool) -> None:
        self.host = host
        self.incomplete = all_kinds and bool(host.workbook.file.other_sheets)

    def _check_complete(self) -> None:
        if self.incomplete:
            raise Refusal("counting Sheets, of which some are chart sheets, is not supported")

    def each(self) -> Iterator[Any]:
        return iter(self.host.sheets)

    @getter("Item", "Worksheet")
    def item(self, index: Any) -> Any:
        index = let(index)
        if isinstance(index, str):
            position = self.host.workbook.calculation.sheet_position(index)
            if position is None:
                raise VbaError(OUT_OF_RANGE)
            return self.host.sheets[position]
        self._check_complete()
        place = int(to_long(index))
        if not 1 <= place <= len(self.host.sheets):
            raise VbaError(OUT_OF_RANGE)
        return self.host.sheets[place - 1]

    @getter("Count", "Long")
    def count(self) -> Any:
        self._check_complete()
        return len(self.host.sheets)


class NamesObject(HostObject, name="Names"):
    """The defined names of the workbook."""

    item_type = "Name"

    def __init__(self, host: Host) -> None:
        self.host = host

    def each(self) -> Iterator[Any]:
        return (NameObject(self.host, place) for place in range(len(self.host.workbook.file.names)))

    @getter("Item", "Name")
    def item(self, index: Any) -> Any:
        index = let(index)
        names = self.host.workbook.file.names
        if isinstance(index, str):
            for place, name in enumerate(names):
                if name.name.casefold() == index.casefold():
                    return NameObject(self.host, place)
            raise VbaError(APPLICATION)
        place = int(to_long(index))
        if not 1 <= place <= len(names):
            raise VbaError(APPLICATION)
        return NameObject(self.host, place - 1)

    @getter("Count", "Long")
    def count(self) -> Any:
        return len(self.host.workbook.file.names)


class NameObject(HostObject, name="Name"):
    def __init__(self, host: Host, place: int) -> None:
        self.host = host
        self.defined = host.workbook.file.names[place]

    def default_value(self) -> Any:
        return f"={self.defined.text}"

    @getter("Name", "String")
    def name(self) -> Any:
        return self.defined.name

    @getter("RefersTo", "String")
    @getter("Value", "String")
    def refers_to(self) -> Any:
        return f"={self.defined.text}"

    @getter("RefersToRange", "Range")
    def refers_to_range(self) -> Any:
        return range_argument(self.host, self.defined.scope or 0, self.defined.name)


# ---- sheets and the workbook -------------------------------------------------------------------


class SheetObject(HostObject, name="Worksheet"):
    def __init__(self, host: Host, position: int) -> None:
        self.host = host
        self.position = position

    @property
    def whole(self) -> Range:
        return Range(self.host, self.position, (Area(1, 1, MAX_ROWS, MAX_COLUMNS),))

    @getter("Name", "String")
    def get_name(self) -> Any:
        return self.host.workbook.sheet_names[self.position]

    @getter("CodeName", "String")
    def get_code_name(self) -> Any:
        return self.host.code_names.get(self.position, "")

    @getter("Index", "Long")
    def get_index(self) -> Any:
        return self.position + 1

    @getter("Visible", "Long")
    def get_visible(self) -> Any:
        return -1 if self.host.workbook.file.sheets[self.position].visible else 0

    @getter("Parent", "Workbook")
    def get_parent(self) -> Any:
        return self.host.book

    @getter("Application", "Application")
    def get_application(self) -> Any:
        return self.host.application

    @getter("Range", "Range")
    def get_range(self, cell1: Any, cell2: Any = MISSING) -> Any:
        return range_argument(self.host, self.position, cell1, cell2)

    @getter("Cells", "Range")
    def get_cells(self) -> Any:
        return self.whole

    @getter("Rows", "Range")
    def get_rows(self) -> Any:
        return self.whole.by("rows")

    @getter("Columns", "Range")
    def get_columns(self) -> Any:
        return self.whole.by("columns")

    @getter("UsedRange", "Range")
    def get_used_range(self) -> Any:
        return Range(self.host, self.position, (self.host.grid.used_area(self.position),))

    @method("Calculate")
    def calculate(self) -> None:
        self.host.grid.calculate_sheet(self.position)

    @method("Activate")
    def activate(self) -> None:
        if not self.host.workbook.file.sheets[self.position].visible:
            raise VbaError(APPLICATION, "Activate method of Worksheet class failed")
        self.host.activate(self.position)

    @method("Select")
    def select(self, replace: Any = MISSING) -> None:
        self.activate()

    @method("Paste")
    def paste(self, destination: Any = MISSING) -> None:
        target = self.host.selection(self.position) if destination is MISSING else destination
        if not isinstance(target, Range):
            raise VbaError(TYPE_MISMATCH)
        target.paste_special()


class BookObject(HostObject, name="Workbook"):
    def __init__(self, host: Host) -> None:
        self.host = host

    @getter("Name", "String")
    def get_name(self) -> Any:
        return self.host.workbook.path.name

    @getter("Sheets", "Sheets")
    def get_sheets(self) -> Any:
        return SheetsObject(self.host, all_kinds=True)

    @getter("Worksheets", "Sheets")
    def get_worksheets(self) -> Any:
        return SheetsObject(self.host, all_kinds=False)

    @getter("Names", "Names")
    def get_names(self) -> Any:
        return NamesObject(self.host)

    @getter("ActiveSheet", "Worksheet")
    def get_active_sheet(self) -> Any:
        return self.host.active_sheet

    @getter("Application", "Application")
    def get_application(self) -> Any:
        return self.host.application

    @method("Activate")
    def activate(self) -> None:
        """There is one workbook, and it is active."""
