"""The run-time errors of VBA, by number."""

from __future__ import annotations

INVALID_CALL, OVERFLOW, OUT_OF_MEMORY, OUT_OF_RANGE = 5, 6, 7, 9
DIVISION_BY_ZERO, TYPE_MISMATCH, OUT_OF_STACK = 11, 13, 28
OBJECT_NOT_SET, INVALID_NULL, NO_MEMBER, APPLICATION = 91, 94, 438, 1004

DESCRIPTIONS = {
    3: "Return without GoSub",
    5: "Invalid procedure call or argument",
    6: "Overflow",
    7: "Out of memory",
    9: "Subscript out of range",
    10: "This array is fixed or temporarily locked",
    11: "Division by zero",
    13: "Type mismatch",
    14: "Out of string space",
    20: "Resume without error",
    28: "Out of stack space",
    91: "Object variable or With block variable not set",
    92: "For loop not initialized",
    94: "Invalid use of Null",
    424: "Object required",
    438: "Object doesn't support this property or method",
    448: "Named argument not found",
    449: "Argument not optional",
    450: "Wrong number of arguments or invalid property assignment",
    451: "Property let procedure not defined and property get procedure did not return an object",
    457: "This key is already associated with an element of this collection",
    458: "Variable uses an Automation type not supported in Visual Basic",
    1004: "Application-defined or object-defined error",
}


class VbaError(Exception):
    """A run-time error inside a macro, which On Error may catch."""

    def __init__(self, number: int, description: str | None = None, source: str = "VBAProject") -> None:
        self.number = number
        self.description = description or DESCRIPTIONS.get(number, DESCRIPTIONS[1004])
        self.source = source
        super().__init__(f"{number}: {self.description}")
