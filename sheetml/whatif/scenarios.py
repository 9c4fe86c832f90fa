"""The scenarios of Excel's Scenario Manager: stated, put into the cells, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sheetml.content import Text
from sheetml.errors import SheetmlError, did_you_mean
from sheetml.formula.references import cell_name
from sheetml.whatif.variation import one_input
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue
from sheetml.xlsx.scenarios import LONGEST_COMMENT, LONGEST_NAME, MOST_CELLS, Scenario
from sheetml.xlsx.sheet_patch import number_text


@dataclass(frozen=True)
class Named:
    """A scenario and the sheet that it belongs to."""

    sheet: str
    scenario: Scenario


@dataclass(frozen=True)
class Compared:
    """What outputs are now and in each scenario: a list of values, one for each output."""

    outputs: list[str]
    now: list[CellValue]
    scenarios: list[tuple[Named, list[CellValue]]]


def listed(book: Book, sheet: str | None = None) -> list[Named]:
    """The scenarios of the workbook, or of one sheet, in the file's order."""
    return [
        Named(name, scenario)
        for position, name in enumerate(book.sheet_names)
        if sheet in (None, name)
        for scenario in book.scenarios(position)
    ]


def found(book: Book, name: str, sheet: str | None = None) -> Named:
    """The scenario of a name. Raises SheetmlError where there is none, or sheets have one each."""
    there = listed(book, sheet)
    meant = [each for each in there if each.scenario.name.casefold() == name.casefold()]
    if len(meant) > 1:
        raise SheetmlError(f"{book.path}: {', '.join(each.sheet for each in meant)} have a scenario {name!r} each")
    if not meant:
        names = [each.scenario.name for each in there]
        there_are = did_you_mean(name, names) or (f"there are {', '.join(names)}" if names else "there are none")
        raise SheetmlError(f"{book.path}: there is no scenario {name!r}: {there_are}")
    return meant[0]


def add(book: Book, name: str, stated: Sequence[str], comment: str = "", sheet: str | None = None) -> Named:
    """Keeps values such as "B1=0.5" under a name; in place of the sheet's scenario of that name, if it has one.

    Raises SheetmlError where they are not such values, or more than Excel's Scenario Manager takes.
    """
    if not name.strip() or len(name) > LONGEST_NAME or len(comment) > LONGEST_COMMENT:
        raise SheetmlError(f"a scenario has a name, and name and comment have at most {LONGEST_NAME} characters each")
    cells: dict[tuple[int, int], str] = {}
    homes = set()
    for text in stated:
        address, equals, value = text.partition("=")
        if not equals:
            raise SheetmlError(f"{text!r} states no value of a cell: write it as in B1=0.5")
        position, row, column = book.calculation.place(one_input(book, address, sheet)[1])
        homes.add(position)
        meant = typed(value.strip())
        cells[row, column] = number_text(meant) if isinstance(meant, float) else value.strip()
    if not 1 <= len(cells) <= MOST_CELLS:
        raise SheetmlError(f"a scenario changes 1 to {MOST_CELLS} cells, as in B1=0.5 B2=10, and not {len(cells)}")
    if len(homes) > 1:
        raise SheetmlError(f"the cells of the scenario {name!r} are on different sheets: Excel wants them on one")
    (position,) = homes
    new = Scenario(name, cells, comment, locked=True)
    others = book.scenarios(position)
    kept = [new if each.name.casefold() == name.casefold() else each for each in others]
    book.set_scenarios(position, kept if new in kept else [*kept, new])
    return Named(book.sheet_names[position], new)


def remove(book: Book, named: Named) -> None:
    """Removes a scenario."""
    position = book.sheet_names.index(named.sheet)
    book.set_scenarios(position, [each for each in book.scenarios(position) if each != named.scenario])


def show(book: Book, named: Named) -> None:
    """Puts a scenario's values into its cells, as they would be typed, and recalculates."""
    for (row, column), text in named.scenario.cells.items():
        book[named.sheet][cell_name(row, column)] = typed(text)
    book.calculate()


def typed(text: str) -> float | bool | Text | None:
    """What a cell holds once a value stated as text is typed into it."""
    if not text.strip():
        return None
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    bare = text.strip()
    try:
        number = float(bare.removesuffix("%")) / (100 if bare.endswith("%") else 1)
    except ValueError:
        return Text(text)
    return number if abs(number) < float("inf") else Text(text)


def compared(book: Book, outputs: Sequence[str], sheet: str | None = None) -> Compared:
    """What output cells are now and in each scenario of the workbook, or of one sheet; the workbook stays as it is."""
    slots = book.held_slots(book.areas(outputs, sheet)).tolist()
    addresses = [book.calculation.describe([slot]) for slot in slots]
    columns = []
    for named in listed(book, sheet):
        other = book.copy()
        show(other, named)
        columns.append((named, [other.value(address) for address in addresses]))
    return Compared(addresses, [book.value(address) for address in addresses], columns)
