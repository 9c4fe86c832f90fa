"""Cell names and addresses: "B3", "$A$1:$C$9", "'a b'!C3", and the numbers behind them."""

from __future__ import annotations

import re
from functools import cache

from sheetml.errors import FormulaError
from sheetml.formula.tokens import CELL, COLUMNS, ROWS, tokenise
from sheetml.xlsx import model
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area
from sheetml.xlsx.references import COLUMN, ROW

_CELL = re.compile(CELL)
_COLUMN = re.compile(COLUMN)
_AREA = re.compile(rf"(?P<columns>{COLUMNS})|(?P<rows>{ROWS})|{CELL}(?::{CELL})?")
_PART = re.compile(r"(?:'[^']*'|[^',])+")
# Excel quotes a name that holds other characters, starts with a digit or reads as a cell, R1C1 or a boolean.
_PLAIN_SHEET = re.compile(r"[^\W\d][\w.]*")
_CELL_LIKE = re.compile(rf"{COLUMN}{ROW}|R[0-9]*(C[0-9]*)?|C[0-9]*|TRUE|FALSE", re.IGNORECASE)


@cache
def column_letters(number: int) -> str:
    """1 is "A", 28 is "AB". Raises FormulaError for a column that no sheet has."""
    if not 1 <= number <= MAX_COLUMNS:
        raise FormulaError(f"there is no column {number}: columns run from 1 to {MAX_COLUMNS}")
    return model.column_letters(number)


@cache
def column_number(letters: str) -> int:
    """ "A" is 1, "AB" (or "ab") is 28. Raises FormulaError for a column that no sheet has."""
    if not _COLUMN.fullmatch(letters):
        raise FormulaError(f"{letters!r} is not a column: they run from A to {column_letters(MAX_COLUMNS)}")
    return model.column_number(letters)


def cell_name(row: int, column: int) -> str:
    """(3, 2) is "B3"."""
    if not 1 <= row <= MAX_ROWS:
        raise FormulaError(f"there is no row {row}: rows run from 1 to {MAX_ROWS}")
    return f"{column_letters(column)}{row}"


def parse_cell(text: str) -> tuple[int, int]:
    """The row and the column of "B3" or "$B$3"."""
    if not _CELL.fullmatch(text):
        raise FormulaError(f"{text!r} is not a cell such as B3 or $B$3")
    name = text.replace("$", "")
    letters = name.rstrip("0123456789")
    return int(name[len(letters) :]), column_number(letters)


def parse_area(text: str) -> Area:
    """The area of "B3", "$A$1:B9", "A:C" or "1:3", whichever corner is named first."""
    match = _AREA.fullmatch(text)
    if match is None:
        raise FormulaError(f"{text!r} is not an area such as A1, $A$1:$B$3, A:C or 1:3")
    first, _, last = text.replace("$", "").partition(":")
    if match["columns"]:
        left, right = sorted((column_number(first), column_number(last)))
        return Area(1, left, MAX_ROWS, right)
    if match["rows"]:
        top, bottom = sorted((int(first), int(last)))
        return Area(top, 1, bottom, MAX_COLUMNS)
    (top, left), (bottom, right) = parse_cell(first), parse_cell(last or first)
    return Area(min(top, bottom), min(left, right), max(top, bottom), max(left, right))


def parse_address(text: str) -> tuple[str | None, Area]:
    """The sheet, if named, and the area of "A1", "Sheet1!$A$1:$B$3", "'a b'!C:C"."""
    try:
        tokens = tokenise(text.strip())
    except FormulaError:
        tokens = []
    kinds = [token.kind if token.kind != "operator" else token.text for token in tokens]
    if kinds not in (["cell"], ["cell", ":", "cell"], ["columns"], ["rows"]):
        raise FormulaError(f"{text!r} is not an address such as A1, Sheet1!$A$1:$B$3 or 'a b'!C3")
    sheet, last_sheet = (None, None) if tokens[0].sheet is None else unquote_sheets(tokens[0].sheet)
    if last_sheet is not None or tokens[-1].sheet not in (None, tokens[0].sheet):
        raise FormulaError(f"{text!r} names more than one sheet")
    return sheet, parse_area("".join(token.text for token in tokens))


def from_r1c1(text: str, row: int, column: int) -> str:
    """The A1 address of "R2C3", "R[-1]C:RC[2]", "R5" or "C[1]" seen from a cell; any other text as it is."""
    corners = [_R1C1.fullmatch(corner) for corner in text.split(":")]
    if not text or len(corners) > 2 or not all(corners):
        return text
    areas = [_r1c1_area(match, row, column) for match in corners if match is not None]
    area = Area(
        min(each.top for each in areas),
        min(each.left for each in areas),
        max(each.bottom for each in areas),
        max(each.right for each in areas),
    )
    return address(None, area, absolute=True)


_R1C1 = re.compile(r"(?=.)(?:R(\[-?\d{1,7}\]|\d{0,7}))?(?:C(\[-?\d{1,7}\]|\d{0,7}))?", re.IGNORECASE | re.ASCII)


def _r1c1_area(match: re.Match[str], row: int, column: int) -> Area:
    rows = _r1c1_number(match[1], row, MAX_ROWS)
    columns = _r1c1_number(match[2], column, MAX_COLUMNS)
    return Area(rows[0], columns[0], rows[1], columns[1])


def _r1c1_number(text: str | None, origin: int, limit: int) -> tuple[int, int]:
    """The first and the last row (or column): all of them where the text is None."""
    if text is None:
        return 1, limit
    number = origin + int(text.strip("[]") or 0) if text.startswith("[") or not text else int(text)
    if not 1 <= number <= limit:
        raise FormulaError(f"{number} lies outside the sheet")
    return number, number


def split_areas(text: str) -> list[str]:
    """The addresses in "bias!$H$19:$V$24,'a, b'!$A$26", a comma inside quotes being part of a name."""
    parts = _PART.findall(text)
    if not parts or ",".join(parts) != text or not all(part.strip() for part in parts):
        raise FormulaError(f"{text!r} is not a list of areas separated by commas")
    return [part.strip() for part in parts]


def unquote_sheets(prefix: str) -> tuple[str, str | None]:
    """What stands before "!": the sheet's name, and the last one's if it names several (a:b!A1)."""
    names = prefix[1:-1].replace("''", "'") if prefix.startswith("'") else prefix
    first, _, last = names.partition(":")
    return first, last or None


def quote_sheet(name: str) -> str:
    """A sheet's name as formulas write it: in quotes where it would not be read as a name."""
    if _PLAIN_SHEET.fullmatch(name) and not _CELL_LIKE.fullmatch(name):
        return name
    return "'" + name.replace("'", "''") + "'"


def address(sheet: str | None, area: Area, absolute: bool = False) -> str:
    """The shortest text for an area: "A1", "bias!A1:B2", "A:C", "1:3"; with dollar signs if absolute."""
    dollar = "$" if absolute else ""
    left, right = dollar + column_letters(area.left), dollar + column_letters(area.right)
    top, bottom = f"{dollar}{area.top}", f"{dollar}{area.bottom}"
    if area.top == 1 and area.bottom == MAX_ROWS:
        text = f"{left}:{right}"
    elif area.left == 1 and area.right == MAX_COLUMNS:
        text = f"{top}:{bottom}"
    elif area.top == area.bottom and area.left == area.right:
        text = left + top
    else:
        text = f"{left}{top}:{right}{bottom}"
    return text if sheet is None else f"{quote_sheet(sheet)}!{text}"
