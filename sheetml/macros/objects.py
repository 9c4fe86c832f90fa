"""Excel's object model, as far as the subset goes: Application, Workbook, Worksheet, Range, Names, Collection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sheetml.errors import FormulaError, MacroError
from sheetml.formula.references import parse_address
from sheetml.macros import worksheet_functions
from sheetml.macros.errors import APPLICATION, OBJECT_NOT_SET, OUT_OF_RANGE, TYPE_MISMATCH, VbaError
from sheetml.macros.grid import Grid
from sheetml.macros.library import Generator
from sheetml.macros.machine import Code, ErrorState, Frame, Machine, Variable
from sheetml.macros.members import HostObject, Member, Parameters, getter, method, setter
from sheetml.macros.ranges import Range, range_argument
from sheetml.macros.tree import Parameter
from sheetml.macros.values import (
    MISSING,
    NOTHING,
    VbaObject,
    initial,
    let,
    to_boolean,
    to_long,
    to_string,
)
from sheetml.workbook import Workbook
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area
from sheetml.xlsx.number_formats import NumberFormats
from sheetml.xlsx.vba_source import ModuleKind
from sheetml.xlsx.views import active_sheet, selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetml.macros.modules import Module

AUTOMATIC, MANUAL = -4105, -4135


class Host:
    """The application that macros run in: the workbook's objects, what is selected and copied, what was printed."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.grid = Grid(workbook)
        self.machine = Machine()
        self.err = Err(self.machine)
        self.generator = Generator()
        self.code_names: dict[int, str] = {}  # by sheet
        self.sheets = [SheetObject(self, position) for position in range(len(workbook.worksheets))]
        self.book = BookObject(self)
        self.functions = worksheet_functions.FunctionsObject(self, strict=True)
        self.lenient_functions = worksheet_functions.FunctionsObject(self, strict=False)
        self.application = ApplicationObject(self)
        self.active = active_sheet(workbook.file)
        self.selections: dict[int, Range] = {}
        self.active_cells: dict[int, tuple[int, int]] = {}
        self.formats = NumberFormats(workbook.file)
        self.copied: Range | None = None
        self.events: dict[tuple[int | None, str], Code] = {}  # by sheet, None for the workbook; and event
        self.output: list[str] = []
        self.listener: Callable[[str], None] | None = None

    # ---- modules and objects

    def object_of(self, module: Module) -> HostObject | None:
        """What Me is in a module: its sheet, or the workbook; None in other modules."""
        if module.source.kind == ModuleKind.WORKBOOK:
            return self.book
        position = module.source.sheet
        return None if position is None else self.sheets[position]

    @staticmethod
    def default_argument(parameter: Parameter) -> Variable:
        """What a parameter holds if the macro is run without arguments."""
        value = MISSING if parameter.type_name == "Variant" else initial(parameter.type_name)
        return Variable(parameter.type_name, value)

    def new_collection(self) -> VbaObject:
        return CollectionObject()

    def bracketed(self, module: Module, text: str) -> Callable[[Frame], Any] | None:
        """[A1] and [name] as Range sees them from a module; None for a text that is no area and no name."""
        me = self.object_of(module)
        if not (text.replace("_", "").replace(".", "").isalnum() or _is_address(text)):
            return None

        def find(frame: Frame) -> Any:
            sheet = me if isinstance(me, SheetObject) else self.active_sheet
            return range_argument(self, sheet.position, text)

        return find

    # ---- what is active

    @property
    def active_sheet(self) -> SheetObject:
        return self.sheets[self.active]

    def selection(self, sheet: int) -> Range:
        """What is selected on a sheet; at first what was as the workbook was saved."""
        if sheet not in self.selections:
            areas, _ = selection(self.workbook.file, sheet)
            self.selections[sheet] = Range(self, sheet, tuple(areas))
        return self.selections[sheet]

    def active_cell(self) -> Range:
        """The selected cell that is active: the first, or the one that was as the workbook was saved."""
        selected = self.selection(self.active)
        row, column = self.active_cells.get(self.active) or selection(self.workbook.file, self.active)[1]
        inside = any(a.top <= row <= a.bottom and a.left <= column <= a.right for a in selected.areas)
        return selected.of(Area(row, column, row, column)) if inside else selected.first_cell()

    def activate(self, sheet: int) -> None:
        if sheet != self.active:
            before, self.active = self.active, sheet
            self.fire(before, "Deactivate")
            self.fire(sheet, "Activate")

    # ---- events

    def fire(self, sheet: int, event: str, target: Range | None = None) -> None:
        """Calls the procedures that wait for an event of a sheet: Worksheet_Change, Workbook_SheetChange."""
        if not self.events or not self.application.settings["enableevents"]:
            return
        passed = [] if target is None else [Variable("Range", target)]
        own, book = self.events.get((sheet, event)), self.events.get((None, event))
        if own is not None:
            self.machine.call(own, list(passed))
        if book is not None:
            self.machine.call(book, [Variable("Object", self.sheets[sheet]), *passed])

    # ---- output

    def print(self, text: str) -> None:
        """What MsgBox and Debug.Print do."""
        if len(self.output) >= 100_000:
            raise MacroError("the macro prints more than 100,000 lines")
        self.output.append(text)
        if self.listener is not None:
            self.listener(text)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except FormulaError:
        return False
    return True


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
    """Sheets and Worksheets: the sheets by number or name."""

    item_type = "Worksheet"

    def __init__(self, host: Host) -> None:
        self.host = host

    def each(self) -> Iterator[Any]:
        return iter(self.host.sheets)

    @getter("Item", "Worksheet")
    def item(self, index: Any) -> Any:
        index = let(index)
        if isinstance(index, str):
            position = self.host.workbook.calculation.scope.sheet(index)
            if position is None:
                raise VbaError(OUT_OF_RANGE)
            return self.host.sheets[position]
        place = int(to_long(index))
        if not 1 <= place <= len(self.host.sheets):
            raise VbaError(OUT_OF_RANGE)
        return self.host.sheets[place - 1]

    @getter("Count", "Long")
    def count(self) -> Any:
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
    @getter("Worksheets", "Sheets")
    def get_sheets(self) -> Any:
        return SheetsObject(self.host)

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


# ---- the application ---------------------------------------------------------------------------


class ApplicationObject(HostObject, name="Application"):
    """Settings that only concern the screen are kept, and change nothing."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.settings: dict[str, Any] = {
            "screenupdating": True,
            "displayalerts": True,
            "enableevents": True,
            "statusbar": False,
            "cursor": -4143,
            "interactive": True,
            "enablecancelkey": 1,
        }

    @classmethod
    def member(cls, name: str) -> Member | None:
        """Application.Sum and its kin are worksheet functions that give an error as a value."""
        found = super().member(name)
        if found is None and worksheet_functions.engine_name(name) is not None and name not in _NOT_OF_APPLICATION:
            return Member(
                name, "Variant", lambda self, *arguments: self.host.lenient_functions.call(name, arguments),
                None, Parameters((), 0, True), True,
            )  # fmt: skip
        return found

    @getter("Calculation", "Long")
    def get_calculation(self) -> Any:
        return AUTOMATIC if self.host.grid.automatic else MANUAL

    @setter("Calculation")
    def set_calculation(self, value: Any) -> None:
        mode = int(to_long(value))
        if mode not in (AUTOMATIC, MANUAL, 2):
            raise VbaError(APPLICATION)
        self.host.grid.set_automatic(mode != MANUAL)

    @method("Calculate")
    def calculate(self) -> None:
        self.host.grid.calculate()

    @method("CalculateFull")
    @method("CalculateFullRebuild")
    def calculate_full(self) -> None:
        self.host.workbook.calculate(everything=True)

    @getter("CutCopyMode", "Long")
    def get_cut_copy_mode(self) -> Any:
        return 0 if self.host.copied is None else 1

    @setter("CutCopyMode")
    def set_cut_copy_mode(self, value: Any) -> None:
        if not to_boolean(value):
            self.host.copied = None

    @getter("WorksheetFunction", "WorksheetFunction")
    def get_functions(self) -> Any:
        return self.host.functions

    @getter("ActiveSheet", "Worksheet")
    def get_active_sheet(self) -> Any:
        return self.host.active_sheet

    @getter("ActiveWorkbook", "Workbook")
    @getter("ThisWorkbook", "Workbook")
    def get_book(self) -> Any:
        return self.host.book

    @getter("ActiveCell", "Range")
    def get_active_cell(self) -> Any:
        return self.host.active_cell()

    @getter("Selection", "Range")
    def get_selection(self) -> Any:
        return self.host.selection(self.host.active)

    @getter("Sheets", "Sheets")
    @getter("Worksheets", "Sheets")
    def get_sheets(self) -> Any:
        return SheetsObject(self.host)

    @getter("Names", "Names")
    def get_names(self) -> Any:
        return NamesObject(self.host)

    @getter("Range", "Range")
    def get_range(self, cell1: Any, cell2: Any = MISSING) -> Any:
        return range_argument(self.host, self.host.active, cell1, cell2)

    @getter("Cells", "Range")
    def get_cells(self) -> Any:
        return self.host.active_sheet.whole

    @getter("Rows", "Range")
    def get_rows(self) -> Any:
        return self.host.active_sheet.whole.by("rows")

    @getter("Columns", "Range")
    def get_columns(self) -> Any:
        return self.host.active_sheet.whole.by("columns")

    @method("Union", "Range")
    def union(self, *arguments: Any) -> Any:
        parts = [_range(argument) for argument in arguments if argument is not MISSING]
        if not parts or any(part.sheet != parts[0].sheet for part in parts):
            raise VbaError(APPLICATION)
        return Range(self.host, parts[0].sheet, tuple(dict.fromkeys(area for part in parts for area in part.areas)))

    @method("Intersect", "Range")
    def intersect(self, *arguments: Any) -> Any:
        parts = [_range(argument) for argument in arguments if argument is not MISSING]
        if not parts:
            raise VbaError(APPLICATION)
        areas = list(parts[0].areas)
        for part in parts[1:]:
            if part.sheet != parts[0].sheet:
                raise VbaError(APPLICATION)
            areas = [shared for area in areas for other in part.areas if (shared := _shared(area, other))]
        return Range(self.host, parts[0].sheet, tuple(areas)) if areas else NOTHING

    @method("Goto")
    def goto(self, reference: Any = MISSING, scroll: Any = MISSING) -> None:
        target = reference if isinstance(reference, Range) else range_argument(self.host, self.host.active, reference)
        self.host.activate(target.sheet)
        target.select()

    @method("Wait", "Boolean")
    def wait(self, time: Any) -> Any:
        """Waits for nothing: the macro goes on at once."""
        return True

    @method("Volatile")
    def volatile(self, volatile: Any = MISSING) -> None:
        """Of meaning only to functions called from cells."""

    @getter("Application", "Application")
    def get_application(self) -> Any:
        return self


def _setting(name: str, declared: str) -> None:
    """A property of Application that is kept, and changes nothing."""
    key = name.casefold()

    def get(self: ApplicationObject) -> Any:
        return self.settings[key]

    def put(self: ApplicationObject, value: Any) -> None:
        self.settings[key] = to_boolean(value) if declared == "Boolean" else value

    ApplicationObject.members[key] = Member(name, declared, get, put)


for _name, _type in (
    ("ScreenUpdating", "Boolean"),
    ("DisplayAlerts", "Boolean"),
    ("EnableEvents", "Boolean"),
    ("Interactive", "Boolean"),
    ("StatusBar", "Variant"),
    ("Cursor", "Variant"),
    ("EnableCancelKey", "Variant"),
):
    _setting(_name, _type)

# Names of worksheet functions that mean something else, or nothing, where Application is not written.
_NOT_OF_APPLICATION = {"rows", "columns", "range", "cells"}


def _range(argument: Any) -> Range:
    if not isinstance(argument, Range):
        raise VbaError(OBJECT_NOT_SET if argument is NOTHING else TYPE_MISMATCH)
    return argument


def _shared(first: Area, second: Area) -> Area | None:
    top, left = max(first.top, second.top), max(first.left, second.left)
    bottom, right = min(first.bottom, second.bottom), min(first.right, second.right)
    return Area(top, left, bottom, right) if top <= bottom and left <= right else None
