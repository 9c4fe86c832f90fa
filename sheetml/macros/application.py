"""The object Application: settings, what is active and selected, calculation, and the sheets' short ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheetml.macros import worksheet_functions
from sheetml.macros.errors import APPLICATION, OBJECT_NOT_SET, TYPE_MISMATCH, VbaError
from sheetml.macros.members import HostObject, Member, Parameters, getter, method, setter
from sheetml.macros.objects import NamesObject, SheetsObject
from sheetml.macros.ranges import Range, range_argument
from sheetml.macros.values import (
    MISSING,
    NOTHING,
    to_boolean,
    to_long,
)
from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from sheetml.macros.host import Host

AUTOMATIC, MANUAL = -4105, -4135


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
        if found is None and worksheet_functions.engine_name(name) is not None:
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
        self.host.grid.calculate(everything=True)

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

    @getter("Caller", "Range")
    @getter("ThisCell", "Range")
    def get_caller(self) -> Any:
        """The cell with the formula that calls a function; Error 2023 in a macro."""
        return self.host.caller

    @getter("Selection", "Range")
    def get_selection(self) -> Any:
        return self.host.selection(self.host.active)

    @getter("Sheets", "Sheets")
    def get_sheets(self) -> Any:
        return SheetsObject(self.host, all_kinds=True)

    @getter("Worksheets", "Sheets")
    def get_worksheets(self) -> Any:
        return SheetsObject(self.host, all_kinds=False)

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


def _range(argument: Any) -> Range:
    if not isinstance(argument, Range):
        raise VbaError(OBJECT_NOT_SET if argument is NOTHING else TYPE_MISMATCH)
    return argument


def _shared(first: Area, second: Area) -> Area | None:
    top, left = max(first.top, second.top), max(first.left, second.left)
    bottom, right = min(first.bottom, second.bottom), min(first.right, second.right)
    return Area(top, left, bottom, right) if top <= bottom and left <= right else None
