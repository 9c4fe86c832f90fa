"""The subset of VBA in a table, made from the code: `python -m sheetml.macros.documentation docs/macros.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from sheetml.macros.application import ApplicationObject
from sheetml.macros.constants import CONSTANT_NAMES, FORBIDDEN
from sheetml.macros.library import FUNCTIONS
from sheetml.macros.members import CLASSES, HostObject, Member
from sheetml.macros.parser import TYPE_NAMES, UNSUPPORTED_STATEMENTS
from sheetml.macros.project import EVENTS

BEGIN, END = "<!-- made from the code: begin -->", "<!-- made from the code: end -->"

_LANGUAGE = [
    ("Procedures", "`Sub`, `Function`, arguments `ByRef`, `ByVal`, `Optional`, `ParamArray`, named ones, recursion"),
    ("Modules", "calls between modules and into sheets' modules; `Public`, `Private`, `Static`; `Enum`; `#If`"),
    ("Options", "`Option Explicit`, `Option Base`, `Option Compare Text`, `Option Private Module`"),
    ("Declarations", "`Dim`, `Const`, `ReDim [Preserve]`, `Erase`; arrays; type characters `% & ! # @ $ ^`"),
    ("Assignments", "`=`, `Let`, `Set`, default properties, `Mid(...) =`"),
    ("Branches", "`If` / `ElseIf` / `Else` (also on one line), `Select Case` with values, `To`, `Is`"),
    ("Loops", "`For` / `Next` with `Step`, `For Each`, `While` / `Wend`, all forms of `Do` / `Loop`, `Exit`"),
    ("Jumps", "labels, `GoTo`, `Exit Sub`, `End`, `Stop`"),
    ("Errors", "`On Error Resume Next`, `On Error GoTo label`, `On Error GoTo 0`, `Resume`, `Err`"),
    ("Others", "`With`, `Call`, `Debug.Print`, `:` between statements, ` _` at a line's end, `'` and `Rem`, `[A1]`"),
    ("Operators", "`^ * / \\ Mod + - & = <> < > <= >= Like Is Not And Or Xor Eqv Imp`"),
]  # fmt: skip


def subset() -> str:
    """What the interpreter knows, as Markdown."""
    types = ", ".join(f"`{name}`" for name in TYPE_NAMES.values())
    parts = ["| language | |", "|---|---|", *(f"| {name} | {text} |" for name, text in _LANGUAGE)]
    parts += [f"| Types | {types}, and the objects below |", ""]
    parts += ["**Functions of VBA**: " + _listed(_vba_names()), ""]
    parts += ["| object | properties | methods |", "|---|---|---|"]
    parts += [_class_row(cls) for cls in CLASSES.values()]
    parts += [
        "",
        "**WorksheetFunction**: every function that sheetml has for cells and Excel has there, with `_` for a",
    ]
    parts += ["point (`WorksheetFunction.Norm_S_Inv`). `Application.Match` and its kin give an error as a value.", ""]
    parts += ["**Constants**: " + _listed(CONSTANT_NAMES), ""]
    parts += ["**Event procedures** that are called: " + _listed(_events()), ""]
    refused = sorted({*FORBIDDEN.values(), *UNSUPPORTED_STATEMENTS.values()})
    return "\n".join([*parts, "**Refused by name**: " + ", ".join(refused) + "."])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) + "."


def _vba_names() -> list[str]:
    return sorted({function.name for function in FUNCTIONS.values() if not function.name.endswith("$")})


def _class_row(cls: type[HostObject]) -> str:
    members = sorted(cls.members.values(), key=lambda member: member.name)
    properties = ", ".join(_property(member) for member in members if not member.is_method)
    methods = ", ".join(f"`{member.name}`" for member in members if member.is_method)
    return f"| `{cls.type_name}` | {properties} | {methods} |"


def _property(member: Member) -> str:
    return f"`{member.name}`" + (" (set)" if member.set is not None else "")


def _events() -> list[str]:
    known = [event for event in EVENTS if event != "Calculate"]
    return [f"Worksheet_{event}" for event in known] + [f"Workbook_Sheet{event}" for event in known]


def renewed(page: str) -> str:
    """A page with the part between its marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{subset()}\n\n{END}{after}"


if __name__ == "__main__":
    assert ApplicationObject.members, "the classes are registered"
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
