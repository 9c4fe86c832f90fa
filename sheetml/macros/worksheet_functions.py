"""WorksheetFunction: the engine's own functions, called from macros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.engine import questions
from sheetml.engine.areas import Areas, Reference
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.sizes import Split
from sheetml.engine.values import ERROR, UNCOMPUTABLE, Value, to_objects
from sheetml.errors import CalculationError
from sheetml.formula import tree as formula
from sheetml.formula.tree import Coordinate
from sheetml.macros.errors import APPLICATION, TYPE_MISMATCH, VbaError
from sheetml.macros.machine import Refusal
from sheetml.macros.members import HostObject, Member, Parameters
from sheetml.macros.ranges import Range
from sheetml.macros.values import MISSING, NULL, Array, Failure, array_of_rows, error_text, from_cell, let, number
from sheetml.xlsx.model import ErrorCode

if TYPE_CHECKING:
    from sheetml.macros.host import Host

# Functions that VBA has itself, or that look at the cell they stand in: WorksheetFunction has none of these.
_ABSENT = {
    "ABS", "ATAN", "CELL", "CHAR", "CODE", "COLUMN", "COLUMNS", "COS", "DATE", "DATEVALUE", "DAY", "ERROR.TYPE",
    "EXACT", "EXP", "FALSE", "HOUR", "IF", "INDIRECT", "INFO", "INT", "LEFT", "LEN", "LOWER", "MID", "MINUTE", "MOD",
    "MONTH", "N", "NA", "NOT", "NOW", "OFFSET", "RAND", "RIGHT", "ROW", "ROWS", "SECOND", "SIGN", "SIN", "SQRT", "T",
    "TAN", "TIME", "TIMEVALUE", "TODAY", "TRUE", "TYPE", "UPPER", "VALUE", "YEAR", "LAMBDA", "LET",
}  # fmt: skip
_OLD_NAMES = {name.replace(".", "_"): name for name in FUNCTIONS if "." in name}


def engine_name(name: str) -> str | None:
    """The engine's name of a member of WorksheetFunction: Norm_S_Inv is NORM.S.INV; None where there is none."""
    upper = name.upper()
    found = _OLD_NAMES.get(upper) or (upper if upper in FUNCTIONS else None)
    return None if found is None or found in _ABSENT or found.startswith("_") else found


class FunctionsObject(HostObject, name="WorksheetFunction"):
    """A failing function is run-time error 1004; called by Application itself it gives the error as a value."""

    def __init__(self, host: Host, strict: bool) -> None:
        self.host = host
        self.strict = strict

    @classmethod
    def member(cls, name: str) -> Member | None:
        if engine_name(name) is None:
            return None
        return Member(
            name, "Variant", lambda self, *arguments: self.call(name, arguments), None, Parameters((), 0, True), True
        )

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        engine = engine_name(name)
        assert engine is not None
        function = FUNCTIONS[engine]
        given = list(arguments)
        while given and given[-1] is MISSING:
            given.pop()
        if not function.fewest <= len(given) <= function.most:
            raise VbaError(450)
        node = formula.Call(engine, tuple(self._node(argument) for argument in given))
        result = self._evaluate(node)
        if self.strict and isinstance(result, Failure):
            shown = error_text(result) or "an error"
            raise VbaError(APPLICATION, f"Unable to get the {name} property of the WorksheetFunction class ({shown})")
        return result

    def _evaluate(self, node: formula.Node) -> Any:
        context = questions.context_at(self.host.grid.calculation, self.host.active, array=True)
        try:
            with np.errstate(all="ignore"):
                result = context.evaluate(node)
                if isinstance(result, Reference):
                    return _range_of(self.host, result)
                value = context.dereference(result) if isinstance(result, (Value, Areas)) else None
        except (CalculationError, Split) as error:
            raise Refusal(f"{node} cannot be computed ({error})") from None
        if value is None:
            raise VbaError(TYPE_MISMATCH)
        return _variant(value, str(getattr(node, "function", "")))

    def _node(self, argument: Any) -> formula.Node:
        """An argument as the node of a formula."""
        if argument is MISSING:
            return formula.Missing()
        if isinstance(argument, Range):
            return self._reference(argument)
        if isinstance(argument, Array):
            return formula.ArrayConstant(tuple(tuple(_constant(item) for item in row) for row in argument.rows()))
        return _constant(let(argument))

    def _reference(self, argument: Range) -> formula.Node:
        sheet = self.host.workbook.sheet_names[argument.sheet]
        for area in argument.areas:
            self.host.grid.looked_at(argument.sheet, area)
        nodes: list[formula.Node] = [
            formula.Range(
                Coordinate(area.top, True),
                Coordinate(area.left, True),
                Coordinate(area.bottom, True),
                Coordinate(area.right, True),
                sheet,
                cell=area.height == area.width == 1,
            )
            for area in argument.areas
        ]
        union = nodes[0]
        for node in nodes[1:]:
            union = formula.Binary(",", union, node)
        return union


def _constant(item: Any) -> formula.Node:
    item = let(item)
    if isinstance(item, bool):
        return formula.Boolean(item)
    if isinstance(item, str):
        return formula.Text(item)
    if item is None or item is NULL:
        return formula.Number(0.0)
    if isinstance(item, Failure):
        return formula.ErrorValue(error_text(item) or "#VALUE!")
    return formula.Number(float(number(item)))


def _range_of(host: Host, reference: Reference) -> Any:
    """A function that gives an area (INDEX) gives a Range."""
    from sheetml.xlsx.model import Area

    if reference.errors is not None:
        return from_cell(ErrorCode(int(reference.errors[0])))
    area = Area(int(reference.top[0]), int(reference.left[0]), int(reference.bottom[0]), int(reference.right[0]))
    return Range(host, reference.sheet, (area,))


def _variant(value: Value, function: str) -> Any:
    """A result as a Variant: one value, or an array that counts from 1."""
    if value.kind is not None and (value.kind == ERROR + UNCOMPUTABLE).any():
        raise Refusal(f"{function} cannot be computed with these arguments")
    items = to_objects(value)[0]
    if items.size == 1:
        return from_cell(items[0, 0])
    return array_of_rows([[from_cell(item) for item in row] for row in items.tolist()])
