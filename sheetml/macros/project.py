"""A VBA project ready to run: its modules, their variables, and its procedures compiled as they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sheetml.errors import MacroError
from sheetml.macros import tree
from sheetml.macros.expressions import ExpressionCompiler
from sheetml.macros.machine import Code, fresh
from sheetml.macros.modules import Module
from sheetml.macros.names import Binding, Callee, Constant, HostGlobal, ModuleName, Shared
from sheetml.macros.parser import literal_type
from sheetml.macros.statements import ProcedureCompiler
from sheetml.macros.values import VbaObject
from sheetml.xlsx.vba_source import ModuleKind, VbaModule

if TYPE_CHECKING:
    from sheetml.macros.host import Host

_DOCUMENTS = (ModuleKind.SHEET, ModuleKind.WORKBOOK, ModuleKind.CHART)


class Project:
    def __init__(self, sources: list[VbaModule], host: Host) -> None:
        self.host = host
        self.modules = {source.name.casefold(): Module(source) for source in sources}
        self._codes: dict[tuple[str, str], Callee] = {}
        self._variables: dict[tuple[str, str], Shared] = {}
        self._constants: dict[tuple[str, str], Constant | None] = {}
        self._compiled: set[int] = set()
        self._members: set[str] = set()  # of objects, used in anything compiled so far
        for module in self.modules.values():
            if module.source.sheet is not None:
                host.code_names[module.source.sheet] = module.name

    # ---- names

    def member_of_module(self, module: Module, key: str) -> Binding | None:
        """What a name means in a module itself: its procedure, variable or constant."""
        callee = self.callee(module, key)
        if callee is not None:
            return callee
        declarations = module.declarations
        if key in declarations.unsupported:
            line, construct = declarations.unsupported[key]
            raise MacroError(f"{module.name}, line {line}: {construct} is not supported.")
        if key in declarations.variables:
            return self._variable(module, key)
        if key in declarations.constants:
            return self._constant(module, key)
        section = module.has_property(key)
        if section is not None:
            line = section.lines[0][0]
            raise MacroError(f"{module.name}, line {line}: {section.kind} is not supported.")
        return None

    def public_name(self, key: str, user: Module) -> Binding | None:
        """What a name means to all modules: a module, a document by its code name, a public name of a module."""
        module = self.modules.get(key)
        if module is not None:
            mine = self.host.object_of(module)
            if mine is not None:
                return HostGlobal(mine, mine.type_name)
            return ModuleName(module)
        for other in self.modules.values():
            if other is user or other.source.kind != ModuleKind.STANDARD:
                continue
            section = other.sections.get(key)
            if section is not None and not section.public:
                continue
            if section is not None or key in other.declarations.public or key in other.declarations.unsupported:
                return self.member_of_module(other, key)
        return None

    def is_enumeration(self, name: str) -> bool:
        """Whether a module declares an Enum of this name."""
        return any(name.casefold() in module.declarations.enumerations for module in self.modules.values())

    def module_of_object(self, target: VbaObject) -> Module | None:
        """The module of a document."""
        for module in self.modules.values():
            if module.source.kind in _DOCUMENTS and self.host.object_of(module) is target:
                return module
        return None

    # ---- variables and constants of modules

    def _variable(self, module: Module, key: str) -> Shared:
        known = self._variables.get((module.name, key))
        if known is not None:
            return known
        declared = module.declarations.variables[key]
        line = module.declarations.lines[key]
        compiler = ProcedureCompiler(self, module, _NO_PROCEDURE, Code(module.name, ""))
        type_name = compiler.known_type(declared.type_name, line)
        is_array = declared.bounds is not None
        shared = Shared(fresh("Variant" if is_array else type_name), type_name, is_array)
        self._variables[module.name, key] = shared
        make = compiler.maker(declared, type_name, line)
        if make is not None:
            shared.variable.value = make()
        return shared

    def _constant(self, module: Module, key: str) -> Constant:
        place = (module.name, key)
        if place in self._constants:
            known = self._constants[place]
            if known is None:
                raise MacroError(f"{module.name}: the constant {key} depends on itself.")
            return known
        self._constants[place] = None
        node = module.declarations.constants[key]
        compiler = ExpressionCompiler(self, module)
        value = compiler.constant_value(node.value, node.type_name)
        constant = Constant(value, node.type_name or literal_type(value))
        self._constants[place] = constant
        return constant

    # ---- procedures

    def callee(self, module: Module, key: str) -> Callee | None:
        """The Sub or Function of a module, not yet compiled."""
        known = self._codes.get((module.name, key))
        if known is None:
            procedure = module.procedure(key)
            if procedure is None or procedure.kind.startswith("Property"):
                return None
            known = self._codes[module.name, key] = Callee(procedure, Code(module.name, procedure.name))
        return known

    def compile(self, first: Callee) -> Code:
        """Compiles a procedure and all that it may reach; MacroError names what is outside the subset."""
        waiting = [first]
        done: list[Callee] = []
        while waiting:
            callee = waiting.pop()
            if id(callee.code) in self._compiled:
                continue
            self._compiled.add(id(callee.code))
            done.append(callee)
            module = self.modules[callee.procedure.module.casefold()]
            compiler = ProcedureCompiler(self, module, callee.procedure, callee.code)
            try:
                compiler.compile_procedure()
            except MacroError:
                self._forget(done)
                raise
            waiting += compiler.reached
            self._members |= compiler.members
        return first.code

    def compile_events(self) -> dict[tuple[int | None, str], Code]:
        """The procedures that wait for events which the compiled code may cause, by sheet and event."""
        found: dict[tuple[int | None, str], Code] = {}
        for event, causes in EVENTS.items():
            if causes and not causes & self._members:
                continue
            for sheet, callee in self._handlers(event):
                if event == "Calculate":
                    procedure = callee.procedure
                    raise MacroError(
                        f"{procedure.module}, line {procedure.line}: {procedure.name}, which would have to run after"
                        " each recalculation, is not supported."
                    )
                found[sheet, event] = self.compile(callee)
        return found

    def _handlers(self, event: str) -> Iterator[tuple[int | None, Callee]]:
        for module in self.modules.values():
            kind, sheet = module.source.kind, module.source.sheet
            if kind == ModuleKind.SHEET and sheet is not None:
                callee = self.callee(module, f"worksheet_{event.lower()}")
            elif kind == ModuleKind.WORKBOOK:
                callee = self.callee(module, f"workbook_sheet{event.lower()}")
            else:
                continue
            if callee is not None and callee.procedure.body:
                yield sheet, callee

    def _forget(self, callees: list[Callee]) -> None:
        """What was compiled on the way to something unsupported is compiled again if it is asked for."""
        for callee in callees:
            self._compiled.discard(id(callee.code))
            self._codes.pop((callee.procedure.module, callee.procedure.name.casefold()), None)
            self.modules[callee.procedure.module.casefold()].forget(callee.procedure.name)


# The events that procedures may wait for, and the members of which one must be used for it to happen (none: any).
EVENTS: dict[str, set[str]] = {
    "Change": set(),
    "Calculate": set(),
    "SelectionChange": {"select", "activate", "goto"},
    "Activate": {"select", "activate", "goto"},
    "Deactivate": {"select", "activate", "goto"},
}
_NO_PROCEDURE = tree.Procedure(0, "", "", "Sub", [], "", True, False)
