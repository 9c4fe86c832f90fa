"""How the objects of the object model say what members they have, and how members are called.

A class lists a property with `getter` and `setter`, a method with `method`. The compiler checks a
macro against these lists before it runs, and the documentation prints them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from sheetml.macros.errors import NO_MEMBER, OBJECT_NOT_SET, VbaError
from sheetml.macros.values import MISSING, NOTHING, VbaObject

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a call may pass: names folded to lower case without underscores, and how many must be there."""

    names: tuple[str, ...]
    required: int = 0
    rest: bool = False  # any number more

    @classmethod
    def of(cls, function: Callable[..., Any], skip: int) -> Parameters:
        names, required, rest = [], 0, False
        for parameter in list(inspect.signature(function).parameters.values())[skip:]:
            if parameter.kind == inspect.Parameter.VAR_POSITIONAL:
                rest = True
                continue
            names.append(parameter.name.replace("_", "").casefold())
            required += parameter.default is inspect.Parameter.empty
        return cls(tuple(names), required, rest)


@dataclass(slots=True)
class Named:
    """An argument passed by its name to a member that is known only when the macro runs."""

    name: str
    value: Any


@dataclass(slots=True)
class Member:
    """A property or a method. `result` is the class or type that it gives, "" for a method that gives nothing."""

    name: str
    result: str = "Variant"
    get: Callable[..., Any] | None = None
    set: Callable[..., Any] | None = None
    parameters: Parameters = Parameters(())
    is_method: bool = False
    allowed: Allowed = field(default_factory=dict)  # by parameter: the constants that may be passed


Allowed = dict[str, frozenset[int]]


def getter(name: str, result: str = "Variant", allowed: Allowed | None = None) -> Callable[[F], F]:
    return _tagged("get", name, result, allowed)


def setter(name: str) -> Callable[[F], F]:
    return _tagged("set", name, "", None)


def method(name: str, result: str = "", allowed: Allowed | None = None) -> Callable[[F], F]:
    return _tagged("method", name, result, allowed)


def _tagged(role: str, name: str, result: str, allowed: Allowed | None) -> Callable[[F], F]:
    def tag(function: F) -> F:
        tags = getattr(function, "vba_members", [])
        function.vba_members = [*tags, (role, name, result, allowed or {})]  # type: ignore[attr-defined]
        return function

    return tag


CLASSES: dict[str, type[HostObject]] = {}


class HostObject(VbaObject):
    """An object of the host: Range, Worksheet, Application ..."""

    members: ClassVar[dict[str, Member]] = {}
    hidden: ClassVar[bool] = False  # not a type that Dim may name

    def __init_subclass__(cls, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        members: dict[str, Member] = dict(cls.members)
        for attribute in vars(cls).values():
            for role, member_name, result, allowed in getattr(attribute, "vba_members", []):
                member = members.setdefault(member_name.casefold(), Member(member_name))
                if role == "set":
                    member.set = attribute
                else:
                    member.get, member.result = attribute, result
                    member.parameters = Parameters.of(attribute, skip=1)
                    member.is_method = role == "method"
                    member.allowed = allowed
        cls.members = members
        if name:
            cls.type_name = name
            CLASSES[name.casefold()] = cls

    @classmethod
    def member(cls, name: str) -> Member | None:
        """The member of this name, whatever its case."""
        return cls.members.get(name)

    def item(self, *arguments: Any) -> Any:
        """The object's default property, with arguments."""
        raise VbaError(450)

    def set_item(self, value: Any, *arguments: Any) -> None:
        """Sets the default property, as Range("A1") = 5 and cells(1, 2) = 5 do."""
        target = self.item(*arguments) if arguments else self
        if target is self or not isinstance(target, HostObject):
            raise VbaError(NO_MEMBER)
        target.set_item(value)


def any_member(name: str) -> bool:
    """Whether any class has a member of this name."""
    return any(cls.member(name) is not None for cls in CLASSES.values())


def member_of(target: Any, name: str) -> Member:
    """The member of an object known only now."""
    if isinstance(target, HostObject):
        found = target.member(name)
        if found is not None:
            return found
        raise VbaError(NO_MEMBER)
    if target is NOTHING:
        raise VbaError(OBJECT_NOT_SET)
    raise VbaError(NO_MEMBER if isinstance(target, VbaObject) else 424)


def get_member(target: Any, name: str, arguments: tuple[Any, ...] = ()) -> Any:
    """Reads a property or calls a method; arguments that it does not take go to what it gives."""
    found = member_of(target, name)
    if found.get is None:
        raise VbaError(NO_MEMBER)
    parameters = found.parameters
    if any(isinstance(argument, Named) for argument in arguments):
        arguments = _arranged(parameters, arguments)
    if not parameters.names and not parameters.rest and arguments:
        return item_of(found.get(target), arguments)
    check_count(parameters, arguments)
    return found.get(target, *arguments)


def _arranged(parameters: Parameters, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments some of which are named, each in its parameter's place."""
    ordered = [argument for argument in arguments if not isinstance(argument, Named)]
    for argument in arguments:
        if isinstance(argument, Named):
            if argument.name.casefold() not in parameters.names:
                raise VbaError(448)
            place = parameters.names.index(argument.name.casefold())
            ordered += [MISSING] * (place + 1 - len(ordered))
            ordered[place] = argument.value
    return tuple(ordered)


def check_count(parameters: Parameters, arguments: tuple[Any, ...]) -> None:
    if len(arguments) > len(parameters.names) and not parameters.rest:
        raise VbaError(450)
    given = [argument is not MISSING for argument in arguments[: parameters.required]]
    if len(given) < parameters.required or not all(given):
        raise VbaError(449)


def set_member(target: Any, name: str, value: Any, arguments: tuple[Any, ...] = ()) -> None:
    """Lets a property have a value."""
    found = member_of(target, name)
    if found.set is not None and not arguments:
        found.set(target, value)
    else:
        set_item_of(get_member(target, name, arguments), value)


def item_of(target: Any, arguments: tuple[Any, ...]) -> Any:
    """target(arguments) on what is no array."""
    if isinstance(target, HostObject):
        return target.item(*arguments)
    raise VbaError(OBJECT_NOT_SET if target is NOTHING else 13)


def set_item_of(target: Any, value: Any, arguments: tuple[Any, ...] = ()) -> None:
    if not isinstance(target, HostObject):
        raise VbaError(OBJECT_NOT_SET if target is NOTHING else 424)
    target.set_item(value, *arguments)
