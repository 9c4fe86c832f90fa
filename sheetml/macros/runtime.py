"""What compiled code does when it runs: arguments, elements of arrays, variables that take objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sheetml.macros.errors import OBJECT_NOT_SET, OUT_OF_MEMORY, TYPE_MISMATCH, VbaError
from sheetml.macros.machine import Frame, Instruction, Variable
from sheetml.macros.members import HostObject, item_of
from sheetml.macros.values import (
    MISSING,
    NOTHING,
    Array,
    VbaObject,
    copied,
    is_object_type,
    let,
    number,
    rounded,
)

MOST_ELEMENTS = 20_000_000  # of one array


def missing(frame: Frame) -> Any:
    return MISSING


def element_of(array: Any, index: list[int]) -> Any:
    """An element of what a variable declared as an array holds."""
    if not isinstance(array, Array):
        raise VbaError(TYPE_MISMATCH)
    return array.items[array.position(index)]


def indexed(target: Any, arguments: tuple[Any, ...]) -> Any:
    """target(arguments), where only the run shows whether the target is an array or an object."""
    if isinstance(target, Array):
        return target.items[target.position([rounded(number(argument)) for argument in arguments])]
    return item_of(target, arguments) if arguments else target


def passed_variable(declared: str, value: Any) -> Variable:
    """A parameter's own variable, holding what was passed."""
    variable = Variable(declared)
    assign(variable, value)
    return variable


def assign(variable: Variable, value: Any) -> None:
    """Hands a value or an object to a variable, as passing an argument does."""
    if is_object_type(variable.type_name):
        set_object(variable, value)
    elif variable.convert is None:
        variable.value = copied(value)
    else:
        variable.value = value.copy() if isinstance(value, Array) else variable.convert(let(value))


def set_object(variable: Variable, value: Any) -> None:
    """The statement Set."""
    if isinstance(value, VbaObject):
        if variable.type_name.casefold() not in ("variant", "object", value.type_name.casefold()):
            raise VbaError(TYPE_MISMATCH)
    elif value is not NOTHING:
        raise VbaError(424)
    if variable.convert is not None:
        raise VbaError(424)
    variable.value = value


def dropping(evaluate: Callable[[Frame], Any]) -> Instruction:
    def instruction(frame: Frame) -> None:
        evaluate(frame)

    return instruction


def unchanged(value: Any) -> Any:
    return value


def held(target: Any) -> Any:
    if target is None:
        raise VbaError(OBJECT_NOT_SET)
    return target


def sized_array(bounds: list[tuple[int, int]], element: str, fixed: bool = False) -> Array:
    """A new array, if it is not too large."""
    size = 1
    for lower, upper in bounds:
        if upper < lower - 1:
            raise VbaError(9)
        size *= upper - lower + 1
    if size > MOST_ELEMENTS or len(bounds) > 60:
        raise VbaError(OUT_OF_MEMORY)
    return Array(bounds, element, fixed)


def keep(old: Array, new: Array) -> None:
    """ReDim Preserve: only the last dimension may change."""
    assert old.bounds is not None and new.bounds is not None
    if len(old.bounds) != len(new.bounds) or old.bounds[:-1] != new.bounds[:-1]:
        raise VbaError(9)
    if old.bounds[-1][0] != new.bounds[-1][0]:
        raise VbaError(9)
    old_width = old.bounds[-1][1] - old.bounds[-1][0] + 1
    new_width = new.bounds[-1][1] - new.bounds[-1][0] + 1
    shared = min(old_width, new_width)
    for row in range(len(new.items) // max(new_width, 1)):
        new.items[row * new_width : row * new_width + shared] = old.items[row * old_width : row * old_width + shared]


def store_element(array: Array, index: list[int], value: Any) -> None:
    place = array.position(index)
    variable = Variable(array.element)
    variable.let(copied(value))
    array.items[place] = variable.value


def set_element(array: Any, index: list[int], value: Any) -> None:
    if not isinstance(array, Array):
        raise VbaError(TYPE_MISMATCH)
    variable = Variable(array.element)
    set_object(variable, value)
    array.items[array.position(index)] = variable.value


def members_of(group: Any) -> Any:
    """What For Each goes through."""
    if isinstance(group, Array):
        return list(group.items)
    if isinstance(group, HostObject) and hasattr(group, "each"):
        return group.each()
    raise VbaError(OBJECT_NOT_SET if group is NOTHING else 438)
