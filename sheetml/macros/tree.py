"""The syntax tree of VBA. Every node knows its line, as the Visual Basic editor counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Node:
    line: int


# ---- expressions -------------------------------------------------------------------------------


@dataclass(slots=True)
class Literal(Node):
    value: Any


@dataclass(slots=True)
class Name(Node):
    name: str
    suffix: str = ""


@dataclass(slots=True)
class Bracketed(Node):
    """[A1]: what Excel evaluates."""

    text: str


@dataclass(slots=True)
class Member(Node):
    """object.name; `target` is None for the object of the enclosing With."""

    target: Expression | None
    name: str


@dataclass(slots=True)
class Argument:
    """One argument; `value` is None where it is left out, `name` is set in name:=value."""

    value: Expression | None
    name: str | None = None


@dataclass(slots=True)
class Apply(Node):
    """callee(arguments): a call, an element of an array, an item of a collection."""

    callee: Expression
    arguments: list[Argument]


@dataclass(slots=True)
class Unary(Node):
    operator: str
    operand: Expression


@dataclass(slots=True)
class Binary(Node):
    operator: str
    left: Expression
    right: Expression


@dataclass(slots=True)
class Parenthesised(Node):
    inner: Expression


@dataclass(slots=True)
class New(Node):
    class_name: str


@dataclass(slots=True)
class TypeOf(Node):
    operand: Expression
    class_name: str


Expression = Literal | Name | Bracketed | Member | Apply | Unary | Binary | Parenthesised | New | TypeOf


# ---- statements --------------------------------------------------------------------------------


@dataclass(slots=True)
class Declared:
    """One variable of a Dim: its bounds if it is an array ([] where they come with ReDim)."""

    name: str
    type_name: str
    bounds: list[tuple[Expression | None, Expression]] | None = None
    new: bool = False


@dataclass(slots=True)
class Dim(Node):
    variables: list[Declared]
    static: bool = False


@dataclass(slots=True)
class Const(Node):
    name: str
    type_name: str | None
    value: Expression


@dataclass(slots=True)
class ReDim(Node):
    preserve: bool
    variables: list[Declared]


@dataclass(slots=True)
class Erase(Node):
    targets: list[Expression]


@dataclass(slots=True)
class Assign(Node):
    target: Expression
    value: Expression
    is_set: bool = False


@dataclass(slots=True)
class MidAssign(Node):
    """Mid(text, start, length) = value."""

    target: Expression
    start: Expression
    length: Expression | None
    value: Expression


@dataclass(slots=True)
class Invoke(Node):
    """A call as a statement; its result is dropped."""

    callee: Expression
    arguments: list[Argument]


@dataclass(slots=True)
class DebugPrint(Node):
    """Debug.Print: values, and the separators that stand after them ("" at the end)."""

    items: list[tuple[Expression | None, str]]


@dataclass(slots=True)
class If(Node):
    branches: list[tuple[Expression, list[Statement]]]
    otherwise: list[Statement]


@dataclass(slots=True)
class Case(Node):
    """One Case; each test is ("is", operator, value), ("to", low, high) or ("value", value); none for Else."""

    tests: list[tuple[Any, ...]]
    body: list[Statement]


@dataclass(slots=True)
class Select(Node):
    subject: Expression
    cases: list[Case]


@dataclass(slots=True)
class For(Node):
    variable: Expression
    first: Expression
    last: Expression
    step: Expression | None
    body: list[Statement]


@dataclass(slots=True)
class ForEach(Node):
    variable: Expression
    group: Expression
    body: list[Statement]


@dataclass(slots=True)
class Loop(Node):
    """Do ... Loop and While ... Wend: a condition before or after the body, or none."""

    condition: Expression | None
    until: bool
    after: bool
    body: list[Statement]
    is_while: bool = False


@dataclass(slots=True)
class With(Node):
    target: Expression
    body: list[Statement]


@dataclass(slots=True)
class Exit(Node):
    what: str  # "Sub", "Function", "Property", "For", "Do"


@dataclass(slots=True)
class OnError(Node):
    """`action` is "next", "off" or "label"."""

    action: str
    label: str = ""


@dataclass(slots=True)
class Resume(Node):
    """`action` is "same", "next" or "label"."""

    action: str
    label: str = ""


@dataclass(slots=True)
class GoTo(Node):
    label: str


@dataclass(slots=True)
class Label(Node):
    name: str


@dataclass(slots=True)
class End(Node):
    """End and Stop: the macro is over."""

    word: str


@dataclass(slots=True)
class Unsupported(Node):
    """A statement outside the subset; it is an error where it may be reached."""

    construct: str


Statement = (
    Dim | Const | ReDim | Erase | Assign | MidAssign | Invoke | DebugPrint | If | Select | For | ForEach | Loop | With
    | Exit | OnError | Resume | GoTo | Label | End | Unsupported
)  # fmt: skip


# ---- procedures and modules --------------------------------------------------------------------


@dataclass(slots=True)
class Parameter:
    name: str
    type_name: str = "Variant"
    by_value: bool = False
    optional: bool = False
    default: Expression | None = None
    param_array: bool = False
    is_array: bool = False


@dataclass(slots=True)
class Procedure(Node):
    """A Sub or Function; `body` is parsed once it is reached."""

    module: str
    name: str
    kind: str  # "Sub", "Function", "Property Get", "Property Let", "Property Set"
    parameters: list[Parameter]
    result: str  # a Function's type, "" for a Sub
    public: bool
    static: bool
    body: list[Statement] = field(default_factory=list)
