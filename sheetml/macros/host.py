"""The application that macros run in, without its face: one workbook, what is selected, copied and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheetml.errors import FormulaError, MacroError
from sheetml.formula.references import parse_address
from sheetml.macros import worksheet_functions
from sheetml.macros.application import ApplicationObject
from sheetml.macros.grid import Grid
from sheetml.macros.library import Generator
from sheetml.macros.machine import Code, Frame, Machine, Variable
from sheetml.macros.members import HostObject
from sheetml.macros.objects import BookObject, CollectionObject, Err, SheetObject
from sheetml.macros.ranges import Range, range_argument
from sheetml.macros.tree import Parameter
from sheetml.macros.values import (
    CELL_ERRORS,
    MISSING,
    Failure,
    VbaObject,
    initial,
)
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, ErrorCode
from sheetml.xlsx.number_formats import NumberFormats
from sheetml.xlsx.vba_source import ModuleKind
from sheetml.xlsx.views import active_sheet, selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetml.macros.modules import Module


class Host:
    """The application that macros run in: the workbook's objects, what is selected and copied, what was printed."""

    def __init__(self, workbook: Book) -> None:
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
        self.caller: Any = Failure(CELL_ERRORS[ErrorCode.REF])  # the cell that calls; of a macro there is none

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

    def show(self, text: str) -> None:
        """What MsgBox does."""
        self.print(text)

    def print(self, text: str) -> None:
        """What Debug.Print does."""
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
