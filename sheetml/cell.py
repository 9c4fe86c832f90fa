"""One cell as openpyxl's users know it: `ws.cell(1, 2).value`."""

from __future__ import annotations

from typing import Any, Protocol

from sheetml.content import Moment, moment_of
from sheetml.formula.references import cell_name, column_letters
from sheetml.xlsx.model import CellValue


class Sheet(Protocol):
    """What a cell asks of its sheet."""

    @property
    def name(self) -> str: ...

    @property
    def date_1904(self) -> bool: ...

    def __getitem__(self, key: str) -> Any: ...

    def __setitem__(self, key: str, value: Any) -> None: ...

    def formula(self, text: str) -> str | None: ...

    def number_format(self, text: str) -> str: ...


class Cell:
    """A place on a sheet. Its value is asked of the sheet each time, so that it is always the present one."""

    __slots__ = ("column", "parent", "row")

    def __init__(self, parent: Sheet, row: int, column: int) -> None:
        self.parent = parent
        self.row = row
        self.column = column

    def __repr__(self) -> str:
        formula = self.formula
        return f"<Cell {self.parent.name!r}.{self.coordinate}: {self.value!r}{f', ={formula}' if formula else ''}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return (self.parent, self.row, self.column) == (other.parent, other.row, other.column)

    def __hash__(self) -> int:
        return hash((self.parent, self.row, self.column))

    @property
    def coordinate(self) -> str:
        """Its address on the sheet: "B3"."""
        return cell_name(self.row, self.column)

    @property
    def column_letter(self) -> str:
        return column_letters(self.column)

    @property
    def stored(self) -> CellValue:
        """What formulas see: `ws["B3"]`, where a date is its serial number."""
        found: CellValue = self.parent[self.coordinate]
        return found

    @property
    def value(self) -> CellValue | Moment:
        """Its value; where its format shows a date or a time, that (datetime, time or timedelta)."""
        moment = self.moment
        return self.stored if moment is None else moment

    @value.setter
    def value(self, value: Any) -> None:
        self.parent[self.coordinate] = value

    @property
    def moment(self) -> Moment | None:
        """The date or time that its number shows as in its format; None where it shows none."""
        number = self.stored
        if not isinstance(number, float):
            return None
        return moment_of(number, self.number_format, self.parent.date_1904)

    @property
    def is_date(self) -> bool:
        """Whether it shows a date or a time."""
        return self.moment is not None

    @property
    def formula(self) -> str | None:
        """Its formula without "="; None where it holds none."""
        return self.parent.formula(self.coordinate)

    @property
    def number_format(self) -> str:
        """The code of its number format: "General", "0.00", "yyyy-mm-dd"."""
        return self.parent.number_format(self.coordinate)
