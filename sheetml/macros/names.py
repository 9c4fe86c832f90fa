"""What a name in a macro may stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sheetml.macros import library, tree
from sheetml.macros.machine import Code, Variable
from sheetml.macros.members import HostObject, Member
from sheetml.macros.values import VbaObject

if TYPE_CHECKING:
    from sheetml.macros.host import Host
    from sheetml.macros.modules import Module


@dataclass(slots=True)
class Local:
    """A variable of the procedure, by its place in the frame."""

    index: int
    type: str
    is_array: bool = False


@dataclass(slots=True)
class Shared:
    """A variable of a module."""

    variable: Variable
    type: str
    is_array: bool = False


@dataclass(slots=True)
class Constant:
    value: Any
    type: str


@dataclass(slots=True)
class Callee:
    """A procedure of the project; `code` is filled in when it is compiled."""

    procedure: tree.Procedure
    code: Code


@dataclass(slots=True)
class ModuleName:
    module: Module


@dataclass(slots=True)
class HostMember:
    """A member of the module's own object (Me), or of Application: Range, ActiveSheet, Calculate."""

    target: HostObject
    member: Member


@dataclass(slots=True)
class HostGlobal:
    """An object that is there by its name: Application, ThisWorkbook, Me, a sheet's code name."""

    target: VbaObject
    type: str


Binding = Local | Shared | Constant | Callee | ModuleName | HostMember | HostGlobal | library.LibraryFunction


class Names(Protocol):
    """What the compilers ask of the project that a module belongs to."""

    host: Host

    def member_of_module(self, module: Module, key: str) -> Binding | None:
        """What a name means in a module itself: its procedure, variable or constant."""

    def public_name(self, key: str, user: Module) -> Binding | None:
        """What a name means to all modules: a module, a document by its code name, a public name of a module."""

    def is_enumeration(self, name: str) -> bool:
        """Whether a module declares an Enum of this name."""

    def module_of_object(self, target: VbaObject) -> Module | None:
        """The module of a document."""
