"""Information: what kind of value a cell holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import refuse_errors
from sheetml.engine.evaluate import OMITTED, Arguments, Context, Result, first_element
from sheetml.engine.functions.elements import shared
from sheetml.engine.functions.registry import elementwise, function
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import frozen
from sheetml.engine.values import (
    BLANK,
    BOOLEAN,
    ERROR,
    NA,
    NUMBER,
    TEXT,
    UNCOMPUTABLE,
    VALUE,
    Value,
    as_number,
    boolean_value,
    error_value,
    error_where,
    first_error,
    number_value,
    text_value,
)
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.prefixes import without_prefixes
from sheetml.formula.references import column_letters, quote_sheet
from sheetml.formula.relative import relative_key
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Call, Name, Node, Range

UNKNOWN = ERROR + UNCOMPUTABLE


def _asking(name: str, about: str, answer: Callable[[np.ndarray], np.ndarray]) -> None:
    """Registers a question about kinds; of what could not be computed the answer is not known either."""

    @elementwise(name, "value", about=about)
    def evaluate(value: Value) -> Value:
        kinds = value.kinds
        return boolean_value(answer(kinds), error_where(kinds == UNKNOWN, UNCOMPUTABLE))


_asking("ISBLANK", "Whether a value is a blank cell.", lambda kind: kind == BLANK)
_asking("ISNUMBER", "Whether a value is a number.", lambda kind: kind == NUMBER)
_asking("ISTEXT", "Whether a value is text.", lambda kind: kind == TEXT)
_asking("ISNONTEXT", "Whether a value is anything but text.", lambda kind: kind != TEXT)
_asking("ISLOGICAL", "Whether a value is a boolean.", lambda kind: kind == BOOLEAN)
_asking("ISERROR", "Whether a value is an error.", lambda kind: kind >= ERROR)
_asking("ISERR", "Whether a value is an error other than #N/A.", lambda kind: (kind >= ERROR) & (kind != ERROR + NA))
_asking("ISNA", "Whether a value is the error #N/A.", lambda kind: kind == ERROR + NA)


def _parity(name: str, odd: bool) -> None:
    about = f"Whether the whole part of a number is {'odd' if odd else 'even'}."

    @elementwise(name, "value", differentiable=False, about=about)
    def evaluate(value: Value) -> Value:
        number, errors = as_number(value)
        codes = first_error(errors, error_where(value.kinds == BOOLEAN, VALUE))
        return boolean_value(np.mod(np.trunc(np.abs(frozen(number))), 2) == int(odd), codes)


_parity("ISEVEN", odd=False)
_parity("ISODD", odd=True)


@function("ISREF", 1, 1, by_position=(0,))
def is_reference(context: Context, arguments: Arguments) -> Result:
    """Whether a value is a reference to cells."""
    result = context.evaluate(arguments[0])
    if isinstance(result, Reference) and result.errors is not None:
        return boolean_value((result.errors == 0).reshape(-1, 1, 1))
    return boolean_value(np.full((1, 1, 1), isinstance(result, (Reference, Areas))))


@function("ISFORMULA", 1, 1, by_position=(0,))
def is_formula(context: Context, arguments: Arguments) -> Result:
    """Whether a cell holds a formula."""
    texts = formula_texts(context, arguments[0])
    if isinstance(texts, Value):
        return texts
    return boolean_value(np.array([text is not None for text in texts]).reshape(-1, 1, 1))


@function("FORMULATEXT", 1, 1, by_position=(0,))
def formula_text(context: Context, arguments: Arguments) -> Result:
    """The formula of a cell as text."""
    texts = formula_texts(context, arguments[0])
    if isinstance(texts, Value):
        return texts
    shown = np.array(["" if text is None else f"={text}" for text in texts], object).reshape(-1, 1, 1)
    return text_value(shown, error_where(np.array([text is None for text in texts]).reshape(-1, 1, 1), NA))


def formula_texts(context: Context, node: Node) -> list[str | None] | Value:
    """The formulas of the cells referred to (their top left one), None where there is none."""
    reference = context.reference(node)
    if isinstance(reference, Value):
        return reference
    places = zip(reference.top.tolist(), reference.left.tolist())
    return [_as_typed(context, reference.sheet, row, column) for row, column in places]


def _as_typed(context: Context, sheet: int, row: int, column: int) -> str | None:
    """A cell's formula with the letters and parentheses that the file has, as long as it still is that formula."""
    text = context.workspace.formula_text(sheet, row, column)
    cells = context.workspace.scope.file.sheets[sheet].cells
    first, last = np.searchsorted(cells.row, [row, row + 1])
    place = int(first + np.searchsorted(cells.column[first:last], column))
    stored = cells.formula.get(place) if place < last and cells.column[place] == column else None
    if text is None or stored is None:
        return text
    typed = without_prefixes(stored.text)
    if _NOT_AS_TYPED.search(typed):
        return text
    try:
        tree = parse(stored.text, stored.row, stored.column)
    except FormulaError:
        return text
    if to_a1(tree, row, column) != text:
        return text
    key = relative_key(typed, stored.row, stored.column)
    key = _COLUMNS_AWAY.sub(lambda match: column_letters(column + int(match[1])), key)
    return _ROWS_AWAY.sub(lambda match: str(row + int(match[1])), key)


# Functions that stand for operators in files, and names that files mark.
_NOT_AS_TYPED = re.compile(r"_xl|_TRO_|\bSINGLE\(|\bANCHORARRAY\(", re.IGNORECASE)
_COLUMNS_AWAY, _ROWS_AWAY = re.compile("\x01(-?[0-9]+)"), re.compile("\x02(-?[0-9]+)")


@function("N", 1, 1)
def as_plain_number(context: Context, arguments: Arguments) -> Result:
    """A number as it is, a boolean as 1 or 0, text as 0; of an area it is that of the first cell."""
    value = _of_first_cell(context, arguments[0])
    return number_value(ops.where(value.kinds == TEXT, 0.0, value.number), value.errors())


@function("T", 1, 1)
def as_plain_text(context: Context, arguments: Arguments) -> Result:
    """Text as it is, anything else as empty text; of an area it is that of the first cell."""
    value = _of_first_cell(context, arguments[0])
    return text_value(np.where(value.kinds == TEXT, value.texts, ""), value.errors())


def _of_first_cell(context: Context, node: Node) -> Value:
    result = context.evaluate(node)
    return context.read(_corner(result)) if isinstance(result, Reference) else context.dereference(result)


def _corner(area: Reference) -> Reference:
    one = np.ones(1, int)
    return Reference(area.sheet, area.top, area.left, one, one, area.errors, area.dynamic)


@function("NA", 0, 0)
def not_available(context: Context, arguments: Arguments) -> Result:
    """The error #N/A."""
    return error_value(NA)


@function("TYPE", 1, 1)
def type_number(context: Context, arguments: Arguments) -> Result:
    """What kind of value it is: 1 number, 2 text, 4 boolean, 16 error, 64 array."""
    value = context.in_array_mode().value(arguments[0])
    if value.shape[1:] != (1, 1):
        return Value(np.full((1, 1, 1), 64.0))
    kinds = value.kinds
    number = np.select([kinds == TEXT, kinds == BOOLEAN, kinds >= ERROR], [2.0, 4.0, 16.0], 1.0)
    return number_value(number, error_where(kinds == UNKNOWN, UNCOMPUTABLE))


@elementwise("ERROR.TYPE", "value")
def error_type(value: Value) -> Value:
    """The number of an error: 1 for #NULL!, 2 for #DIV/0!, 3 for #VALUE! and so on."""
    kinds = value.kinds
    wrong = kinds >= ERROR
    codes = np.where(kinds == UNKNOWN, UNCOMPUTABLE, np.where(wrong, 0, NA)).astype(np.uint8)
    return number_value(np.where(wrong, kinds.astype(np.float64) - ERROR, 0.0), codes)


@function("SHEET", 0, 1, by_position=(0,))
def sheet_number(context: Context, arguments: Arguments) -> Result:
    """The position of a sheet, counted from 1: of a reference's, of one named by text, or of the formula's."""
    if not arguments:
        return Value(np.full((1, 1, 1), context.sheet + 1.0))
    result = context.evaluate(arguments[0])
    if isinstance(result, Reference):
        return Value(np.full((1, 1, 1), result.sheet + 1.0))
    if not isinstance(result, Value):
        return error_value(VALUE)
    text, errors = first_element(result).texts, result.errors()
    if errors is not None:
        return result
    positions = [context.workspace.scope.sheet(str(each)) for each in text.reshape(-1)]
    numbers = np.array([0.0 if each is None else each + 1.0 for each in positions]).reshape(-1, 1, 1)
    return number_value(numbers, error_where(numbers == 0, NA))


@function("SHEETS", 0, 1, by_position=(0,))
def sheet_count(context: Context, arguments: Arguments) -> Result:
    """How many sheets a reference or the workbook has."""
    if arguments:
        result = context.evaluate(arguments[0])
        count = 1 if isinstance(result, Reference) else len(getattr(result, "parts", [])) or None
        if count is None:
            return error_value(VALUE)
        return Value(np.full((1, 1, 1), float(count)))
    return Value(np.full((1, 1, 1), float(len(context.workspace.scope.sheet_names))))


@function("ISOMITTED", 1, 1)
def is_omitted(context: Context, arguments: Arguments) -> Result:
    """Whether a LAMBDA was called without one of its parameters."""
    argument = arguments[0]
    if isinstance(argument, (Name, Range, Call)):
        return boolean_value(np.full((1, 1, 1), context.evaluate(argument) is OMITTED))
    return boolean_value(np.zeros((1, 1, 1), bool))


@function("CELL", 1, 2, volatile=True)
def cell_information(context: Context, arguments: Arguments) -> Result:
    """What is asked of a cell: "address", "row", "col", "contents", "type" or "filename"."""
    texts, errors = context.text(arguments[0])
    refuse_errors(errors)
    question = str(shared(texts.reshape(-1))).lower()
    if question in _OF_FORMATS:
        return context.uncomputable(f'CELL("{question}") asks of formats, which are not read')
    area: Reference | Value = Reference(context.sheet, context.rows, context.columns, np.ones(1, int), np.ones(1, int))
    if len(arguments) > 1:
        area = context.reference(arguments[1])
    if isinstance(area, Value):
        return area
    corner = _corner(area)
    answer = _ANSWERS.get(question)
    return error_value(VALUE) if answer is None else answer(context, corner)


_OF_FORMATS = ("color", "format", "parentheses", "prefix", "protect", "width")


def _cell_address(context: Context, cell: Reference) -> Value:
    file = context.workspace.scope.file
    sheet = "" if cell.sheet == context.sheet else f"[{file.path.name}]{file.sheets[cell.sheet].name}"
    prefix = f"{quote_sheet(sheet)}!" if sheet else ""
    places = zip(cell.top.tolist(), cell.left.tolist())
    return _texts([f"{prefix}${column_letters(column)}${row}" for row, column in places])


def _cell_type(context: Context, cell: Reference) -> Value:
    kinds = context.read(cell).kinds
    letters = np.select([kinds == BLANK, kinds == TEXT], ["b", "l"], "v").astype(object)
    return text_value(letters, error_where(kinds == UNKNOWN, UNCOMPUTABLE))


def _file_name(context: Context, cell: Reference) -> Value:
    file = context.workspace.scope.file
    path = file.path.absolute()
    return _texts([f"{path.parent}{os.sep}[{path.name}]{file.sheets[cell.sheet].name}"])


def _texts(texts: list[str]) -> Value:
    return text_value(np.array(texts, object).reshape(-1, 1, 1))


_ANSWERS: dict[str, Callable[[Context, Reference], Value]] = {
    "address": _cell_address,
    "row": lambda context, cell: Value(cell.top.reshape(-1, 1, 1).astype(np.float64)),
    "col": lambda context, cell: Value(cell.left.reshape(-1, 1, 1).astype(np.float64)),
    "contents": lambda context, cell: context.read(cell),
    "type": _cell_type,
    "filename": _file_name,
}
