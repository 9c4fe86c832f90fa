"""Functions of a workbook's own VBA in its cells: =Twice(A1), run by the interpreter.

As in Excel such a function only computes: whatever would change a cell, the selection or the settings is a run-time
error, and a run-time error that nothing handles is #VALUE!. What the interpreter does not support, and what does not
end, is named, and the cell keeps its stored value like any other that cannot be computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.cells import StoredCells, TracedCells
from sheetml.engine.evaluate import MOST_ARGUMENTS, Arguments, Context, Function, Result
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.sizes import Split
from sheetml.engine.tracing.graph import frozen
from sheetml.engine.values import ERROR, UNCOMPUTABLE, VALUE, Value, error_value, from_objects, select, to_objects
from sheetml.errors import CalculationError, MacroError, SheetmlError
from sheetml.formula.tree import Missing, Node
from sheetml.macros.errors import APPLICATION, OUT_OF_MEMORY, OUT_OF_STACK, VbaError
from sheetml.macros.expressions import ExpressionCompiler
from sheetml.macros.grid import Grid, Rows
from sheetml.macros.host import Host
from sheetml.macros.machine import Refusal, Variable
from sheetml.macros.modules import Module, Section
from sheetml.macros.names import Callee
from sheetml.macros.project import Project
from sheetml.macros.ranges import Range
from sheetml.macros.runtime import passed_variable
from sheetml.macros.tree import Parameter
from sheetml.macros.values import (
    MISSING,
    NULL,
    Array,
    Date,
    Failure,
    VbaObject,
    array_of_rows,
    from_cell,
    let,
    to_cell,
)
from sheetml.optional import MissingPackageError
from sheetml.workbook import Book
from sheetml.xlsx.model import MAX_TEXT, Area, CellValue, ErrorCode
from sheetml.xlsx.vba_source import ModuleKind, read_modules

MOST_STATEMENTS = 5_000_000  # of one call
MOST_SECONDS = 30.0
_UNKNOWN = ERROR + UNCOMPUTABLE
_VOLATILE = re.compile(r"^[^'\"]*\bApplication\s*\.\s*Volatile\b(?!\s*\(?\s*(?:False|0)\b)", re.IGNORECASE)
_OF_OURS = (OUT_OF_MEMORY, OUT_OF_STACK)  # run-time errors that tell of sheetml's limits, not of Excel's


class WithOwnFunctions(Mapping[str, Function]):
    """The worksheet functions, and those of a workbook's own VBA: its modules are read once one of them is needed."""

    def __init__(self, workbook: Book) -> None:
        self._workbook = workbook
        self._own: dict[str, Function] | None = None
        self.why_unread = ""  # why the workbook's own functions are not known

    def __getstate__(self) -> dict[str, object]:
        return {"_workbook": self._workbook, "_own": None}  # the compiled functions stay behind

    def __getitem__(self, name: str) -> Function:
        known = FUNCTIONS.get(name)
        return self.own[name] if known is None else known

    def __iter__(self) -> Iterator[str]:
        return iter({**self.own, **FUNCTIONS})

    def __len__(self) -> int:
        return len({*self.own, *FUNCTIONS})

    @property
    def own(self) -> dict[str, Function]:
        """The functions of the workbook's own, by their names in capitals, with and without their module's."""
        if self._own is None:
            self._own = {}
            try:
                self._own = _functions(CellProject(self._workbook))
            except MissingPackageError as error:
                self.why_unread = f": {error}".rstrip(".")
            except SheetmlError:  # the functions of macros that cannot be read are not known
                pass
        return self._own


class CellProject:
    """The macros of a workbook, for the functions that its cells call."""

    def __init__(self, workbook: Book) -> None:
        self.host = CellHost(workbook)
        self.project = Project(read_modules(workbook.file), self.host)


def _functions(cells: CellProject) -> dict[str, Function]:
    found: dict[str, Function] = {}
    ambiguous: set[str] = set()
    for module in cells.project.modules.values():
        if module.source.kind != ModuleKind.STANDARD:
            continue
        for section in module.sections.values():
            if section.kind == "Function":
                name = section.name.upper()
                own = CellVba(cells, module, section).function
                if name in found and section.public:
                    ambiguous.add(name)
                if section.public or name not in found:
                    found[name] = own
                found[f"{module.name.upper()}.{name}"] = own
    return {name: function for name, function in found.items() if name not in ambiguous}


class CellGrid(Grid):
    """The cells as a function called from a cell sees them: they can be read, and what is read is noted."""

    caller: Context | None = None  # the cell that calls

    def cell(self, sheet: int, row: int, column: int) -> CellValue:
        return self.values(sheet, Area(row, column, row, column))[0][0]

    def values(self, sheet: int, area: Area) -> Rows:
        self.looked_at(sheet, area)
        slots, get = self.slots(sheet, area), self._cells.get
        return [[get(slot) for slot in row] for row in slots.tolist()]

    @property
    def _cells(self) -> StoredCells:
        cells = self.calculation.workspace.cells
        assert isinstance(cells, StoredCells)
        return cells

    def looked_at(self, sheet: int, area: Area) -> None:
        slots = self.calculation.within(sheet, area)
        assert self.caller is not None
        self.caller.note_reads(np.append(slots, 0))  # and where there is no cell yet
        unknown = slots[self._cells.kind[slots] == _UNKNOWN]
        if unknown.size:
            raise Refusal(f"it reads {self.calculation.describe(unknown[:1])}, which could not be computed")

    def held(self, sheet: int, area: Area) -> np.ndarray:
        raise _forbidden()

    def store(self, sheet: int, area: Area, rows: Sequence[Sequence[CellValue]]) -> None:
        raise _forbidden()

    def blank(self, sheet: int, area: Area) -> None:
        raise _forbidden()

    def store_formulas(self, sheet: int, area: Area, text: str, row: int, column: int) -> None:
        raise _forbidden()

    def store_trees(self, sheet: int, formulas: dict[Node, list[tuple[int, int]]]) -> None:
        raise _forbidden()

    def calculate(self, everything: bool = False) -> None:
        raise _forbidden()

    def calculate_sheet(self, sheet: int) -> None:
        raise _forbidden()

    def set_automatic(self, automatic: bool) -> None:
        raise _forbidden()


class CellHost(Host):
    """The application as a function called from a cell sees it: nothing in it can be changed."""

    def __init__(self, workbook: Book) -> None:
        super().__init__(workbook)
        self.grid: CellGrid = CellGrid(workbook)

    def activate(self, sheet: int) -> None:
        raise _forbidden()

    def print(self, text: str) -> None:
        """Debug.Print writes where nobody looks."""

    def show(self, text: str) -> None:
        raise _forbidden()


def _forbidden() -> VbaError:
    return VbaError(APPLICATION, "A function called from a cell changes nothing")


class CellVba:
    """A Function of a module, as cells call it."""

    def __init__(self, cells: CellProject, module: Module, section: Section) -> None:
        self.host, self.project = cells.host, cells.project
        self.module, self.section = module, section
        self._callee: Callee | None = None
        self._problem = ""
        self._defaults: dict[str, Any] = {}

    @property
    def function(self) -> Function:
        volatile = any(_VOLATILE.match(text) for _, text in self.section.lines)
        name = self.section.name.upper()
        return Function(name, self.evaluate, 0, MOST_ARGUMENTS, volatile, differentiable=False, family="vba")

    def evaluate(self, context: Context, arguments: Arguments) -> Result:
        callee = self._compiled()
        if callee is None:
            return context.uncomputable(self._problem)
        parameters = callee.procedure.parameters
        rest = bool(parameters) and parameters[-1].param_array
        required = sum(not (parameter.optional or parameter.param_array) for parameter in parameters)
        if len(arguments) < required or (len(arguments) > len(parameters) and not rest):
            return error_value(VALUE)
        given = [MISSING if isinstance(argument, Missing) else context.evaluate(argument) for argument in arguments]
        found = [self._called(context, cell, given) for cell in range(context.count)]
        sizes = np.array([value.shape[1:] for value in found])
        if (sizes != sizes[0]).any():
            raise Split(sizes[:, 0] * (1 << 21) + sizes[:, 1])
        kinds, texts = (np.concatenate([getattr(value, name) for value in found]) for name in ("kinds", "texts"))
        return Value(np.concatenate([np.asarray(value.number) for value in found]), kinds, texts)

    def _compiled(self) -> Callee | None:
        """The function, ready to run; None where the interpreter does not support it."""
        if self._callee is None and not self._problem:
            try:
                callee = self.project.callee(self.module, self.section.name.casefold())
                assert callee is not None, "its section is known"
                self.project.compile(callee)
                compiler = ExpressionCompiler(self.project, self.module)
                for parameter in callee.procedure.parameters:
                    if parameter.default is not None:
                        self._defaults[parameter.name] = compiler.constant_value(parameter.default, parameter.type_name)
                self._callee = callee
            except MacroError as error:
                self._problem = str(error)
        return self._callee

    # ---- one call

    def _called(self, context: Context, cell: int, given: list[Any]) -> Value:
        """The function's value for one of the context's cells, (1, rows, columns)."""
        one = context if context.count == 1 else context.select(np.array([cell]))
        own = [each if each is MISSING or context.count == 1 else _for_cell(each, cell) for each in given]
        if any(isinstance(each, Value) and (each.kinds == _UNKNOWN).any() for each in own):
            return error_value(UNCOMPUTABLE)
        try:
            passed = [each if each is MISSING else self._variant(each) for each in own]
            return _value(self._run(one, passed), self.host.workbook.file.date_1904)
        except VbaError:
            return error_value(VALUE)
        except MacroError as error:
            if error.number is not None and error.number not in _OF_OURS:
                return error_value(VALUE)
            return one.uncomputable(f"{self.section.name}: {error}")

    def _run(self, one: Context, passed: list[Any]) -> Any:
        """Calls the function beside the calculation: it sees the cells as they are, and leaves them so."""
        workspace, grid, machine = one.workspace, self.host.grid, self.host.machine
        store, pending, reads = workspace.cells, workspace.pending, workspace.dynamic_reads
        traced = isinstance(store, TracedCells)
        if not traced and store is not grid.calculation.cells:
            raise CalculationError("functions of VBA are computed for one point at a time")
        assert self._callee is not None
        outer, noted = (grid.caller, machine.depth), []
        with workspace.borrowed(store.constant if isinstance(store, TracedCells) else store):
            workspace.pending |= pending
            grid.caller = one
            row, column = int(one.rows[0]), int(one.columns[0])
            self.host.caller = Range(self.host, one.sheet, (Area(row, column, row, column),))
            machine.start(MOST_STATEMENTS, MOST_SECONDS)
            try:
                result = let_result(machine.run(self._callee.code, self._variables(passed)))
            finally:
                grid.caller, machine.depth = outer
                noted = workspace.dynamic_reads
        reads += noted
        if traced:
            for slots in noted:
                frozen(store.gather(slots).number, self.section.name)
        return result

    def _variables(self, passed: list[Any]) -> list[Variable]:
        assert self._callee is not None
        parameters = self._callee.procedure.parameters
        variables: list[Variable] = []
        for place, parameter in enumerate(parameters):
            if parameter.param_array:
                items = passed[place:]
                variables.append(Variable("Variant", Array([(0, len(items) - 1)], items=items)))
            elif place < len(passed) and passed[place] is not MISSING:
                declared = "Variant" if parameter.is_array else parameter.type_name
                variables.append(passed_variable(declared, passed[place]))
            else:
                variables.append(self._left_out(parameter))
        return variables

    def _left_out(self, parameter: Parameter) -> Variable:
        if parameter.name in self._defaults:
            return Variable(parameter.type_name, self._defaults[parameter.name])
        return self.host.default_argument(parameter)

    def _variant(self, argument: Any) -> Any:
        """An argument as VBA gets it: an area as a Range, values as values."""
        if isinstance(argument, (Reference, Areas)):
            parts = argument.parts if isinstance(argument, Areas) else [argument]
            errors = [int(part.errors[0]) for part in parts if part.errors is not None and part.errors[0]]
            if errors:
                return from_cell(ErrorCode(errors[0]))
            if any(part.sheet != parts[0].sheet or part.sheet >= len(self.host.sheets) for part in parts):
                raise VbaError(APPLICATION)
            return Range(self.host, parts[0].sheet, tuple(_area(part) for part in parts))
        if not isinstance(argument, Value):
            raise VbaError(APPLICATION)  # a function made by LAMBDA
        frozen(argument.number, self.section.name)
        items = to_objects(argument)[0]
        if items.size == 1:
            return from_cell(items[0, 0])
        return array_of_rows([[from_cell(item) for item in row] for row in items.tolist()])


def _for_cell(argument: Any, cell: int) -> Any:
    index = np.array([cell])
    return select(argument, index) if isinstance(argument, Value) else argument.select(index)


def _area(part: Reference) -> Area:
    return Area(int(part.top[0]), int(part.left[0]), int(part.bottom[0]), int(part.right[0]))


def let_result(result: Any) -> Any:
    """What a function gives back: of an object its value."""
    return let(result) if isinstance(result, VbaObject) else result


def _value(result: Any, date_1904: bool) -> Value:
    """What a function came to as the value of a cell; of an array of one dimension a row."""
    if isinstance(result, Array):
        rows = result.rows()
        if not rows or not rows[0]:
            return error_value(VALUE)
    else:
        rows = [[result]]
    items = np.empty((1, len(rows), len(rows[0])), object)
    for row, line in enumerate(rows):
        for column, item in enumerate(line):
            items[0, row, column] = _item(let_result(item), date_1904)
    return from_objects(items)


def _item(item: Any, date_1904: bool) -> CellValue:
    if item is NULL or (isinstance(item, Failure) and item not in _FAILURES):
        return ErrorCode.VALUE
    value = to_cell(item)
    if value is None:
        return 0.0
    if isinstance(item, Date) and date_1904:
        return float(item) - _DAYS_FROM_1900_TO_1904
    if isinstance(value, float) and not isinstance(value, bool) and not np.isfinite(value):
        return ErrorCode.NUM
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return ErrorCode.VALUE
    return value


_DAYS_FROM_1900_TO_1904 = 1462
_FAILURES = {from_cell(code) for code in ErrorCode if code is not ErrorCode.UNCOMPUTABLE}
