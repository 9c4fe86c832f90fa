"""Information: what kind of value a cell holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import refuse_errors
from sheetml.engine.evaluate import OMITTED, Arguments, Context, Result, first_element
from sheetml.engine.functions.area_arrays import over_area_arrays
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
    from_objects,
    is_scalar,
    number_value,
    scalar_value,
    text_value,
)
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.prefixes import without_prefixes
from sheetml.formula.references import column_letters, quote_sheet
from sheetml.formula.relative import relative_key
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Call, Name, Node, Range
from sheetml.xlsx.cell_styles import CellStyles

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
    if reference.sheet >= len(context.workspace.scope.sheet_names):
        return context.uncomputable("the file does not keep the formulas of other workbooks")
    places = zip(reference.top.tolist(), reference.left.tolist())
    return [_as_typed(context, reference.sheet, row, column) for row, column in places]


def _as_typed(context: Context, sheet: int, row: int, column: int) -> str | None:
    """A cell's formula with the letters and parentheses that the file has, as long as it still is that formula."""
    text = context.workspace.formula_text(sheet, row, column)
    cells = context.workspace.scope.cells[sheet]
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
@over_area_arrays()
def as_plain_number(context: Context, arguments: Arguments) -> Result:
    """A number as it is, a boolean as 1 or 0, text as 0; of an area it is that of the first cell."""
    value = _of_first_cell(context, arguments[0])
    return number_value(ops.where(value.kinds == TEXT, 0.0, value.number), value.errors())


@function("T", 1, 1)
@over_area_arrays()
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
    if not is_scalar(value):
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
    """What is asked of a cell: where it is, what it holds, how it looks: "address", "contents", "format" ..."""
    texts, errors = context.text(arguments[0])
    refuse_errors(errors)
    question = str(shared(texts.reshape(-1))).lower()
    area: Reference | Value = Reference(context.sheet, context.rows, context.columns, np.ones(1, int), np.ones(1, int))
    if len(arguments) > 1:
        area = context.reference(arguments[1])
    if isinstance(area, Value):
        return area
    corner = _corner(area)
    answer = _ANSWERS.get(question)
    return error_value(VALUE) if answer is None else answer(context, corner)


@function("INFO", 1, 1, volatile=True, differentiable=False)
def surroundings(context: Context, arguments: Arguments) -> Result:
    """What is asked of what a workbook is calculated by: as far as that is not this machine, Excel for Windows."""
    texts, errors = context.text(arguments[0])
    refuse_errors(errors)
    file = context.workspace.scope.file
    answers: dict[str, str | float] = {
        "directory": f"{file.path.absolute().parent}{os.sep}",
        "numfile": float(len(file.sheets)),
        "origin": "$A:$A$1",
        "osversion": "Windows (64-bit) NT 10.00",
        "recalc": "Manual" if file.manual_calculation else "Automatic",
        "release": "16.0",
        "system": "pcdos",
    }
    question = str(shared(texts.reshape(-1))).lower()
    if question in _OF_MEMORY:
        return error_value(NA)
    return scalar_value(answers[question]) if question in answers else error_value(VALUE)


_OF_MEMORY = ("memavail", "memused", "totmem")  # which Excel does not tell any more


def _cell_address(context: Context, cell: Reference) -> Value:
    scope = context.workspace.scope
    sheet = "" if cell.sheet == context.sheet else scope.titles[cell.sheet]
    if sheet and cell.sheet < len(scope.sheet_names):
        sheet = f"[{scope.file.path.name}]{sheet}"
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


# ---- how cells look ----------------------------------------------------------------------------


def _of_format(answer: Callable[[str], str | float]) -> Callable[[Context, Reference], Value]:
    """An answer by the codes of number formats."""

    def evaluate(context: Context, cell: Reference) -> Value:
        styles = CellStyles.of(context.workspace.scope.file)
        places = zip(cell.top.tolist(), cell.left.tolist())
        items = [answer(styles.number_format(cell.sheet, row, column)) for row, column in places]
        return from_objects(np.array(items, object).reshape(-1, 1, 1))

    return evaluate


_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_BRACKETS = re.compile(r"\[[^\]]*\]")
_COLOUR = re.compile(r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color *\d+)\]", re.IGNORECASE)


def format_letters(code: str) -> str:
    """What CELL("format") says of a number format: F2 for 0.00, C0- for $#,##0 with negatives in a colour."""
    first, *others = code.split(";")
    plain = _BRACKETS.sub("", _LITERAL.sub("", first))
    colour = "-" if others and _COLOUR.search(others[0]) else ""
    return _kind_of_format(plain.lower(), "[$" in first) + colour + ("()" if "(" in plain else "")


def _kind_of_format(plain: str, currency: bool) -> str:
    if "general" in plain or "@" in plain or ("/" in plain and "?" in plain):
        return "G"
    if re.search(r"[dyhs]|mm", plain) and "e+" not in plain:
        return _kind_of_moment(plain)
    places = len(re.match(r"[0#?]*", plain.partition(".")[2])[0]) if "." in plain else 0  # type: ignore[index]
    if "e+" in plain or "e-" in plain:
        return f"S{places}"
    if "%" in plain:
        return f"P{places}"
    if currency or re.search(r"[$€£¥]", plain):
        return f"C{places}"
    return f",{places}" if "," in plain else f"F{places}"


def _kind_of_moment(plain: str) -> str:
    if "d" in plain or "y" in plain:
        if "mmm" in plain:
            return "D1" if "d" in plain and "y" in plain else "D2" if "d" in plain else "D3"
        return "D4" if "y" in plain else "D5"
    if "am/pm" in plain or "a/p" in plain:
        return "D6" if "s" in plain else "D7"
    return "D8" if "s" in plain else "D9"


_PREFIXES = {"left": "'", "right": '"', "center": "^", "fill": "\\"}  # as Lotus 1-2-3 had them


def _prefix(context: Context, cell: Reference) -> Value:
    styles, kinds = CellStyles.of(context.workspace.scope.file), context.read(cell).kinds.reshape(-1)
    places = zip(cell.top.tolist(), cell.left.tolist())
    across = [styles.alignment(cell.sheet, row, column) for row, column in places]
    across = ["left" if each == "general" else each for each in across]
    return _texts([_PREFIXES.get(each, "") if kind == TEXT else "" for each, kind in zip(across, kinds.tolist())])


def _protect(context: Context, cell: Reference) -> Value:
    styles = CellStyles.of(context.workspace.scope.file)
    places = zip(cell.top.tolist(), cell.left.tolist())
    locked = [styles.locked(cell.sheet, row, column) for row, column in places]
    return Value(np.array(locked, np.float64).reshape(-1, 1, 1))


def _width(context: Context, cell: Reference) -> Value:
    """The width of a column in whole characters, and whether it is the default, side by side."""
    styles = CellStyles.of(context.workspace.scope.file)
    widths = [styles.width(cell.sheet, column) for column in cell.left.tolist()]
    items = np.array([[[float(round(width)), default]] for width, default in widths], object)
    return from_objects(items)


def _texts(texts: list[str]) -> Value:
    return text_value(np.array(texts, object).reshape(-1, 1, 1))


_ANSWERS: dict[str, Callable[[Context, Reference], Value]] = {
    "address": _cell_address,
    "row": lambda context, cell: Value(cell.top.reshape(-1, 1, 1).astype(np.float64)),
    "col": lambda context, cell: Value(cell.left.reshape(-1, 1, 1).astype(np.float64)),
    "contents": lambda context, cell: context.read(cell),
    "type": _cell_type,
    "filename": _file_name,
    "format": _of_format(format_letters),
    "color": _of_format(lambda code: float("-" in format_letters(code)[2:])),
    "parentheses": _of_format(lambda code: float(format_letters(code).endswith("()"))),
    "prefix": _prefix,
    "protect": _protect,
    "width": _width,
}
