"""A workbook's macros: which there are, what they say, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sheetml.errors import MacroError
from sheetml.formula.references import cell_name, quote_sheet
from sheetml.macros.host import Host
from sheetml.macros.library import Generator
from sheetml.macros.machine import Code
from sheetml.macros.modules import Module, Section
from sheetml.macros.names import Callee
from sheetml.macros.project import Project
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue
from sheetml.xlsx.vba_source import ModuleKind, VbaModule, read_modules

MOST_STATEMENTS = 10_000_000
MOST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Macro:
    """A procedure that can be run by name: "adam.onestep"."""

    module: str
    name: str
    kind: str  # "Sub" or "Function"
    line: int
    sheet: str | None = None  # of a sheet's module
    parameters: int = 0  # that must be given: such a macro can only be called by others

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class ChangedCell:
    """A cell before and after; `written` tells what the macro wrote from what was recalculated."""

    sheet: str
    row: int
    column: int
    before: CellValue
    after: CellValue
    written: bool

    @property
    def address(self) -> str:
        return f"{quote_sheet(self.sheet)}!{cell_name(self.row, self.column)}"


@dataclass(slots=True)
class MacroRun:
    """What a run did."""

    macro: str
    times: int
    statements: int
    seconds: float
    output: list[str] = field(default_factory=list)  # of MsgBox and Debug.Print, a line each
    changed: list[ChangedCell] = field(default_factory=list)


class Macros:
    """The macros of an open workbook. What they leave behind (variables, the selection, the calculation
    mode) is there for the next run, as within one session of Excel."""

    def __init__(self, workbook: Book) -> None:
        self.workbook = workbook
        self.modules: list[VbaModule] = read_modules(workbook.file)
        self.host = Host(workbook)
        self.project = Project(self.modules, self.host)

    def __iter__(self) -> Iterator[Macro]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def __repr__(self) -> str:
        return f"<Macros of {str(self.workbook.path)!r}: {', '.join(macro.full_name for macro in self.list())}>"

    def list(self) -> list[Macro]:
        """All procedures that can be run, in the order of the modules and their lines."""
        return [
            self._macro(module, section)
            for module in self.project.modules.values()
            if module.source.kind not in (ModuleKind.CLASS, ModuleKind.FORM)
            for section in module.sections.values()
            if section.kind in ("Sub", "Function")
        ]

    def _macro(self, module: Module, section: Section) -> Macro:
        position = module.source.sheet
        sheet = None if position is None else self.workbook.sheet_names[position]
        try:
            procedure = module.procedure(section.name)
        except MacroError:  # it cannot be understood, which running it will say
            procedure = None
        parameters = 0 if procedure is None else sum(not p.optional for p in procedure.parameters)
        return Macro(module.name, section.name, section.kind, section.lines[0][0], sheet, parameters)

    def source(self, module: str) -> str:
        """A module's source, by the module's name or that of its sheet."""
        return self._module(module).source.source

    # ---- finding

    def _module(self, name: str) -> Module:
        found = self.project.modules.get(name.casefold())
        if found is None:
            position = self.workbook.calculation.sheet_position(name)
            for module in self.project.modules.values():
                if position is not None and module.source.sheet == position:
                    return module
            raise MacroError(f"{self.workbook.path} has no module {name!r}{self._known()}.")
        return found

    def find(self, name: str) -> tuple[Module, Callee]:
        """The procedure a name means: "module.macro", "sheet.macro", or "macro" if there is only one."""
        text = name.rpartition("!")[2]
        module_name, dot, macro = text.rpartition(".")
        if dot:
            module = self._module(module_name.strip("'"))
            callee = self.project.callee(module, macro.casefold())
            if callee is None:
                raise MacroError(f"{self.workbook.path}: {module.name} has no macro {macro!r}{self._known()}.")
            return module, callee
        modules = [m for m in self.project.modules.values() if text.casefold() in m.sections]
        modules = [m for m in modules if m.source.kind not in (ModuleKind.CLASS, ModuleKind.FORM)]
        if not modules:
            raise MacroError(f"{self.workbook.path} has no macro {name!r}{self._known()}.")
        if len(modules) > 1:
            choices = ", ".join(f"{m.name}.{text}" for m in modules)
            raise MacroError(f"{self.workbook.path} has several macros {name!r}: {choices}.")
        callee = self.project.callee(modules[0], text.casefold())
        assert callee is not None
        return modules[0], callee

    def _known(self) -> str:
        names = [macro.full_name for macro in self.list()]
        if not names:
            return " (it has no macros)"
        return f" (it has {', '.join(names[:20])}{' ...' if len(names) > 20 else ''})"

    # ---- running

    def check(self, name: str) -> None:
        """Raises MacroError if the macro, or anything it may reach, is outside the subset."""
        self.project.compile(self._callee(name))
        self.project.compile_events()

    def _callee(self, name: str) -> Callee:
        return self.find(name)[1]

    def run(
        self,
        name: str,
        *,
        times: int = 1,
        sheet: str | None = None,
        seed: int | None = None,
        max_statements: int = MOST_STATEMENTS,
        max_seconds: float = MOST_SECONDS,
        on_output: Callable[[str], None] | None = None,
        on_call: Callable[[Code], None] | None = None,
    ) -> MacroRun:
        """Runs a macro `times` times on the workbook's cells.

        A macro of a sheet's module runs with that sheet active, as if its button had been pressed; others
        with the sheet that was active, or `sheet`. `seed` makes Rnd, Randomize and RAND repeatable. The
        budgets hold for all the times together; 0 is no limit. `on_output` gets each line that MsgBox
        and Debug.Print write, as they do; `on_call` is told of each procedure that is called.

        Raises MacroError, before any cell is changed, where the macro or anything it may reach is outside
        the subset; while it runs, where it fails or exceeds a budget: the cells then hold what it had
        written so far.
        """
        module, callee = self.find(name)
        if any(not parameter.optional and not parameter.param_array for parameter in callee.procedure.parameters):
            raise MacroError(f"{module.name}.{callee.procedure.name} takes arguments: only macros without can be run.")
        code = self.project.compile(callee)
        host = self.host
        host.events = self.project.compile_events()
        self._activate(module, sheet)
        if seed is not None:
            host.generator = Generator(seed)
            self.workbook.calculation.seed(seed)
        if host.grid.automatic and not self.workbook.calculation.is_calculated:
            self.workbook.calculate()
        before = _Before(self.workbook)
        host.output, host.listener = [], on_output
        host.grid.written.clear()
        machine = host.machine
        machine.start(max_statements, max_seconds)
        machine.on_call = on_call
        for _ in range(times):
            host.err.clear()
            machine.run(code, [host.default_argument(parameter) for parameter in callee.procedure.parameters])
        return MacroRun(
            f"{module.name}.{callee.procedure.name}",
            times,
            machine.statements,
            machine.seconds,
            host.output,
            before.changes(host.grid.written),
        )

    def _activate(self, module: Module, sheet: str | None) -> None:
        if sheet is not None:
            position = self.workbook.calculation.sheet_position(sheet)
            if position is None:
                raise MacroError(f"{self.workbook.path} has no sheet {sheet!r}.")
            self.host.active = position
        elif module.source.sheet is not None:
            self.host.active = module.source.sheet


class _Before:
    """The values of all cells before a macro ran."""

    def __init__(self, workbook: Book) -> None:
        self.workbook = workbook
        self.values = workbook.calculation.snapshot()

    def changes(self, written: set[tuple[int, Area]]) -> list[ChangedCell]:
        """The cells that have another value now, sheet by sheet, in order of rows."""
        calculation = self.workbook.calculation
        by_macro = calculation.mask(*(calculation.within(sheet, area) for sheet, area in written))
        changed: list[ChangedCell] = []
        for sheet, name in enumerate(self.workbook.sheet_names):
            for slot, before in calculation.differences(self.values, sheet):
                _, row, column = calculation.place(slot)
                after = calculation.value(slot)
                changed.append(ChangedCell(name, row, column, before, after, bool(by_macro[slot])))
        return changed
