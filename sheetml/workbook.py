"""A workbook's cells as their users handle them: look, set, calculate, differentiate, save."""

from __future__ import annotations

import copy
import io
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from sheetml.content import Content, FormulaText, Text, as_array, content, fitted
from sheetml.engine import questions
from sheetml.engine.areas import Areas, Reference
from sheetml.engine.calculation import UNKNOWN, Calculation
from sheetml.engine.cell_function import CellFunction
from sheetml.engine.values import BLANK, NUMBER
from sheetml.errors import CalculationError, FormulaError, UnknownSheetError, did_you_mean
from sheetml.formula.parser import parse
from sheetml.formula.prefixes import with_prefixes, without_prefixes
from sheetml.formula.references import address, cell_name, column_letters, parse_area, quote_sheet, split_areas
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node
from sheetml.rows import Rows
from sheetml.xlsx.cell_changes import ArrayResult, CellChange, CellContent, SheetChanges
from sheetml.xlsx.cell_styles import CellStyles
from sheetml.xlsx.model import Area, CellValue, DefinedName, ErrorCode, Formula, Table, WorkbookFile
from sheetml.xlsx.new_sheets import NewSheet
from sheetml.xlsx.scenarios import Scenario, scenarios
from sheetml.xlsx.writer import with_sheets, write_workbook

if TYPE_CHECKING:
    import pandas as pd

Addresses = str | Sequence[str]
Cells = np.ndarray | Sequence[tuple[int, Area]]  # slots, (n,), or areas: positions of sheets, and rectangles

MOST_NEW_CELLS = 500_000  # that addresses may name and the workbook does not hold
SHOWN_ROWS, SHOWN_COLUMNS = 30, 20  # of a sheet in a notebook

Key = str | int | slice  # of cells: "A1:B2", 3 for a row, "A1":"B2"


class Book:
    """The cells of an open workbook: `book["sheet"]["B3"]` is a value, `book.calculate()` brings all up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self.calculation = Calculation(file)
        self.worksheets = [Worksheet(self, position) for position in range(len(file.sheets))]
        self._names: dict[tuple[int, str], str | None] = {}  # hidden ones, by sheet and name, that are not in the file
        self._scenarios: dict[int, list[Scenario]] = {}  # of the sheets whose scenarios are not those in the file
        self._told: list[Callable[[], bool]] = []  # who is told after a calculation

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_told": []}  # who looks at this one does not look at a copy

    def __getitem__(self, name: str) -> Worksheet:
        """A sheet by its name, without regard to case. Raises UnknownSheetError, a KeyError, where there is none."""
        position = self.calculation.sheet_position(name) if isinstance(name, str) else None
        if position is None:
            raise UnknownSheetError(f"{self.file.path} has no sheet {name!r}: {self._sheet_meant(name)}")
        return self.worksheets[position]

    def _sheet_meant(self, name: object) -> str:
        if not isinstance(name, str):
            return "a sheet is asked for by its name, or by its position as in wb.worksheets[0]"
        sheet, mark, cell = name.rpartition("!")
        if mark and sheet.strip("'") in self:
            return f"for a cell of it, write [{sheet.strip(chr(39))!r}][{cell!r}]"
        return did_you_mean(name, self.sheet_names) or f"it has {', '.join(self.sheet_names)}"

    def __contains__(self, sheet: object) -> bool:
        """Whether there is a sheet of this name, without regard to case."""
        if isinstance(sheet, str):
            return self.calculation.sheet_position(sheet) is not None
        return any(sheet is each for each in self.worksheets)

    def __iter__(self) -> Iterator[Worksheet]:
        return iter(self.worksheets)

    def __len__(self) -> int:
        return len(self.worksheets)

    def _ipython_key_completions_(self) -> list[str]:
        return self.sheet_names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close: the file was read whole when it was opened. Nothing is saved."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.file.path)!r}: {', '.join(self.sheet_names)}>"

    def _repr_html_(self) -> str:
        """How notebooks show it: a line a sheet."""
        from sheetml.tables import html_table

        return html_table(["Sheet", "Area", "Cells", "Formulas"], self._rows_about_sheets(), str(self.path))

    def _rows_about_sheets(self) -> list[list[object]]:
        """What notebooks show of each sheet: its name, its area, how many cells and formulas it holds."""
        rows: list[list[object]] = []
        for sheet, stored in zip(self.worksheets, self.file.sheets):
            used = "" if sheet.used is None else address(None, sheet.used)
            rows.append([sheet.name, used, len(stored.cells.row), len(stored.cells.formula)])
        return rows

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def sheet_names(self) -> list[str]:
        return list(self.calculation.sheet_names)

    @property
    def sheetnames(self) -> list[str]:
        """The same, as openpyxl calls it."""
        return self.sheet_names

    @property
    def active(self) -> Worksheet:
        """The first sheet that is not hidden."""
        shown = (sheet for sheet, stored in zip(self.worksheets, self.file.sheets) if stored.visible)
        return next(shown, self.worksheets[0])

    @property
    def names(self) -> dict[str, str]:
        """The defined names and what each stands for; one that is local to a sheet as "sheet!name".

        Hidden ones, as those in which Solver keeps its models, are left out.
        """
        return {
            each.name if each.scope is None else f"{quote_sheet(self.sheet_names[each.scope])}!{each.name}": each.text
            for each in self.file.names
            if not each.hidden
        }

    @property
    def tables(self) -> dict[str, ExcelTable]:
        """The tables ("list objects") of all sheets by their names."""
        return {table.name: ExcelTable(self.worksheets[table.sheet], table) for table in self.file.tables}

    def create_sheet(self, title: str | None = None) -> Worksheet:
        """Adds an empty sheet at the end; without a title it is called Sheet, Sheet1, Sheet2 ...

        What refers to a sheet of that name finds it at the next calculation. Raises ValueError where the name is
        taken, or is none that Excel would take.
        """
        if title is None:
            taken = {name.casefold() for name in [*self.sheet_names, *self.file.other_sheets]}
            candidates = itertools.chain(["Sheet"], (f"Sheet{number}" for number in itertools.count(1)))
            title = next(name for name in candidates if name.casefold() not in taken)
        names = self.file.names
        file = with_sheets(self.file, [NewSheet(title, [])])
        file.names[:] = names
        self.file = file
        self.calculation.move_to(file)
        self.worksheets.append(Worksheet(self, len(file.sheets) - 1))
        return self.worksheets[-1]

    # ---- copies

    def copy(self) -> Self:
        """A workbook of its own with the same cells, of which neither sees what happens to the other."""
        return copy.deepcopy(self)

    def __copy__(self) -> Self:
        return self.copy()

    # ---- calculating

    def calculate(self, *, everything: bool = False, seed: int | None = None) -> None:
        """Brings the formulas up to date: those that depend on changed or volatile cells, at first all.

        `seed` makes RAND and its kind repeatable; `everything` recalculates every formula.
        """
        if seed is not None:
            self.calculation.seed(seed)
        self.calculation.calculate(everything)
        self._told[:] = [tell for tell in self._told if tell()]

    def on_calculated(self, tell: Callable[[], bool]) -> None:
        """Has a function called after each `calculate()`, for as long as it gives True."""
        self._told.append(tell)

    @property
    def problems(self) -> dict[str, str]:
        """The cells that could not be computed at the last calculation, by address, and why."""
        calculation = self.calculation
        return {
            calculation.describe([slot]): reason for slot, reason in sorted(questions.problems(calculation).items())
        }

    def function(self, inputs: Addresses, output: Addresses) -> CellFunction:
        """The output cells as a function of the input cells, with its exact derivatives.

        Addresses name a sheet ("dotprod!H19:V23") or are defined names. Several areas make one long
        vector, each row by row. The function works on values of its own: it leaves the workbook as it
        is. Raises FormulaError where an address cannot be understood. Calling it raises CalculationError, or
        UncomputableError for what sheetml does not know, where a cell has no number; its derivatives raise
        NotDifferentiableError where there is none.
        """
        return self.function_of(self.areas(inputs), self.areas(output))

    def function_of(self, inputs: Cells, outputs: Cells) -> CellFunction:
        """The same of cells given by slots, or by areas: positions of sheets, and rectangles.

        The function gives a number, and no vector, where one area of one cell is the output.
        """
        self.calculation.bring_up_to_date()
        scalar = not isinstance(outputs, np.ndarray) and len(outputs) == 1 and outputs[0][1].is_cell
        for cells in (inputs, outputs):
            if not isinstance(cells, np.ndarray):
                self._hold(cells)
        return CellFunction(self.calculation, self._slots_of(inputs), self._slots_of(outputs), scalar)

    def areas(self, addresses: Addresses, sheet: str | None = None) -> list[tuple[int, Area]]:
        """The areas that addresses or defined names mean: positions of sheets, and rectangles."""
        texts = [addresses] if isinstance(addresses, str) else list(addresses)
        return [area for text in texts for area in self._areas_of(text, sheet)]

    def resolve(self, text: str, sheet: str | None = None) -> list[tuple[str, Area]]:
        """The areas that addresses or defined names mean, each with its sheet's name.

        `sheet` is where an address without a sheet is looked up.
        """
        return [(self.sheet_names[position], area) for position, area in self.areas(text, sheet)]

    def _areas_of(self, text: str, sheet: str | None) -> list[tuple[int, Area]]:
        position = None if sheet is None else self.calculation.sheet_position(sheet)
        if position is None and len(self.worksheets) == 1:
            position = 0
        found: list[tuple[int, Area]] = []
        for part in split_areas(text.strip().removeprefix("=")):
            found += self._area_of(part, position)
        return found

    def _area_of(self, text: str, position: int | None) -> list[tuple[int, Area]]:
        context = questions.context_at(self.calculation, -1 if position is None else position, array=True)
        try:
            with np.errstate(all="ignore"):  # what is not finite becomes #NUM!
                result = context.evaluate(parse(text, 1, 1))
        except (FormulaError, IndexError, CalculationError) as error:
            raise FormulaError(f"{self.file.path}: {text!r} is not an area or a name ({error})") from None
        if not isinstance(result, (Reference, Areas)):
            raise FormulaError(
                f"{self.file.path}: {text!r} is not an area or a name that stands for one{self._meant(text)}"
            )
        parts = result.parts if isinstance(result, Areas) else [result]
        if any(part.sheet < 0 for part in parts):
            raise FormulaError(f"{self.file.path}: {text!r} names no sheet: write it as in Sheet1!A1:B2")
        if any(part.errors is not None for part in parts):
            raise FormulaError(f"{self.file.path}: {text!r} is #REF!")
        return [
            (part.sheet, Area(int(part.top[0]), int(part.left[0]), int(part.bottom[0]), int(part.right[0])))
            for part in parts
        ]

    def _meant(self, text: str) -> str:
        """The sheet or the name that may have been meant, to end a sentence with."""
        sheet, mark, _ = text.rpartition("!")
        if mark and sheet.strip("'") not in self:
            meant = did_you_mean(sheet.strip("'"), self.sheet_names)
            return f": there is no sheet {sheet}{f'; {meant}' if meant else ''}"
        meant = did_you_mean(text.strip("' "), [*self.names, *self.tables])
        return f": {meant}" if meant else ""

    def held_slots(self, areas: Sequence[tuple[int, Area]]) -> np.ndarray:
        """Where the cells of the areas are kept, one after another: (cells,).

        Room is made for those that the workbook does not hold yet.
        """
        self._hold(areas)
        return self._slots_of(areas)

    def _hold(self, areas: Sequence[tuple[int, Area]]) -> None:
        for sheet, area in areas:
            if area.height * area.width > 10_000_000:
                raise FormulaError(f"{self.file.path}: {address(self.sheet_names[sheet], area)} has too many cells")
        missing = sum(area.height * area.width - self.calculation.within(sheet, area).size for sheet, area in areas)
        if missing > MOST_NEW_CELLS:
            raise FormulaError(
                f"{self.file.path}: {missing:,} of the cells named are not in the workbook, too many to add"
            )
        for sheet, area in areas:
            if (self.slots_of(sheet, area) == 0).any():
                rows, columns = range(area.top, area.bottom + 1), range(area.left, area.right + 1)
                self.calculation.add_cells(sheet, itertools.product(rows, columns))

    def _slots_of(self, cells: Cells) -> np.ndarray:
        if isinstance(cells, np.ndarray):
            return cells
        return np.concatenate([self.slots_of(sheet, area).reshape(-1) for sheet, area in cells])

    def slots_of(self, sheet: int, area: Area) -> np.ndarray:
        """Where an area's cells are kept, (rows, columns); 0 for those that the workbook does not hold."""
        return self.calculation.locate_area(sheet, area)

    # ---- values by address

    def value(self, text: str, sheet: str | None = None) -> CellValue:
        """The value of one cell, by its address or name. Raises FormulaError where that is not one cell."""
        areas = self.areas(text, sheet)
        if len(areas) != 1 or areas[0][1].height * areas[0][1].width != 1:
            raise FormulaError(f"{self.file.path}: {text!r} is not one cell")
        position, area = areas[0]
        return self.calculation.get(position, area.top, area.left)

    def depends(self, output: Addresses, inputs: Addresses) -> bool:
        """Whether any of the output cells depends on any of the input cells."""
        return self.function(inputs, output).depends

    # ---- saving

    def save(
        self,
        path: str | os.PathLike[str] | IO[bytes],
        *,
        overwrite: bool = False,
        new_sheets: Sequence[NewSheet] = (),
        only_names: bool = False,
    ) -> None:
        """Writes the workbook with its present values, to a file or a binary stream; all else stays as in the file.

        `new_sheets` are added at the end of what is written, not to this workbook. A value that could not be
        computed is written as #NAME?. With `only_names` the cells too stay as they are in the file. The workbook's
        own file is replaced only with `overwrite`. Raises WorkbookError where the file cannot be written.
        """
        changes = {} if only_names else self.changes()
        write_workbook(
            self.file, changes, path, overwrite=overwrite, sheets=new_sheets, names=self._names,
            scenarios=self._scenarios,
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The content of the file that `save` would write."""
        stream = io.BytesIO()
        self.save(stream)
        return stream.getvalue()

    def scenarios(self, sheet: int) -> list[Scenario]:
        """The scenarios of a sheet, given by its position, as Excel's Scenario Manager lists them."""
        return list(self._scenarios[sheet]) if sheet in self._scenarios else scenarios(self.file, sheet)

    def set_scenarios(self, sheet: int, wanted: Sequence[Scenario]) -> None:
        """Gives a sheet these scenarios instead of those it has. The cells stay as they are."""
        self._scenarios[sheet] = list(wanted)

    def set_hidden_names(self, sheet: int, names: Mapping[str, str | None]) -> None:
        """Defines hidden names local to a sheet, given by its position; None removes a name.

        What a name stands for is stated without "=". No formula may use them: nothing is recalculated.
        """
        gone = {name.casefold() for name in names}
        stated = self.file.names
        stated[:] = [each for each in stated if each.scope != sheet or each.name.casefold() not in gone]
        stated += [DefinedName(name, text, sheet, hidden=True) for name, text in names.items() if text is not None]
        self._names |= {(sheet, name): text for name, text in names.items()}

    def changes(self) -> dict[int, SheetChanges]:
        """The cells that differ from those in the file, by sheet, by row and column: their values, and
        where formulas were changed their formulas too.

        A formula that depends on nothing changed keeps the value in the file, even where the last bits of
        its sum came out otherwise here.
        """
        calculation = self.calculation
        differs = calculation.moved(relative=0.0, absolute=0.0)
        changed = differs.copy()
        changed[questions.formula_slots(calculation)] = False
        changed[[calculation.slot(*place) for place in questions.edited_formulas(calculation)]] = True
        differs &= changed | questions.dependents(calculation, changed) | calculation.moved()
        number = (calculation.kinds() == NUMBER) & np.isfinite(calculation.numbers())
        changes: dict[int, dict[tuple[int, int], CellChange]] = {}
        others = np.flatnonzero(differs & ~number)
        for slot, (sheet, row, column) in zip(others.tolist(), calculation.places(others).tolist()):
            changes.setdefault(sheet, {})[row, column] = self._storable(slot)
        for (sheet, row, column), area in self._resized():
            value = self._storable(calculation.slot(sheet, row, column))
            changes.setdefault(sheet, {})[row, column] = ArrayResult(value, area)
        for (sheet, row, column), formula in self._formulas_to_write().items():
            content = CellContent(formula, self._storable(calculation.slot(sheet, row, column)))
            changes.setdefault(sheet, {})[row, column] = content
        return self._with_numbers(changes, np.flatnonzero(differs & number))

    def _with_numbers(
        self, others: dict[int, dict[tuple[int, int], CellChange]], slots: np.ndarray
    ) -> dict[int, SheetChanges]:
        """The changes of all sheets: the others, and the numbers in the slots."""
        sheets, rows, columns = self.calculation.slots.places(slots)
        numbers = self.calculation.numbers(slots)
        found = {}
        for sheet in sorted({*others, *np.unique(sheets).tolist()}):
            own = sheets == sheet
            found[sheet] = SheetChanges.at(rows[own], columns[own], numbers[own], others.get(sheet, {}))
        return found

    def _resized(self) -> Iterator[tuple[tuple[int, int, int], Area]]:
        """The formulas whose results spill over another area than the file states, and that area.

        One that could not spill in the file and cannot now keeps the area that the file states.
        """
        calculation = self.calculation
        for position, sheet in enumerate(self.file.sheets):
            for formula in sheet.cells.formulas.different():
                if not formula.dynamic or formula.area is None:
                    continue
                slot = calculation.slot(position, formula.row, formula.column)
                size = questions.spilled(calculation, slot)
                blocked = calculation.value(slot) is calculation.stored_value(slot) is ErrorCode.SPILL
                if size is not None and size != (formula.area.height, formula.area.width) and not blocked:
                    bottom, right = formula.row + size[0] - 1, formula.column + size[1] - 1
                    yield (position, formula.row, formula.column), Area(formula.row, formula.column, bottom, right)

    def _storable(self, slot: int) -> CellValue:
        """A cell's value as it can be stored: what could not be computed is #NAME?."""
        calculation = self.calculation
        return ErrorCode.NAME if calculation.kind(slot) == UNKNOWN else calculation.value(slot)

    def _formulas_to_write(self) -> dict[tuple[int, int, int], str | None]:
        """The formulas that were changed, and those of the cells that shared one with a changed cell.

        The file states a shared formula in one cell only; where that is changed the others state their own.
        """
        calculation = self.calculation
        edited = questions.edited_formulas(calculation)
        formulas = {place: None if text is None else with_prefixes(text) for place, text in edited.items()}
        for sheet in {place[0] for place in edited}:
            cells = self.file.sheets[sheet].cells
            for position, formula in cells.formulas.shared():
                place = (sheet, int(cells.row[position]), int(cells.column[position]))
                if formula.area is None and (sheet, formula.row, formula.column) in edited and place not in edited:
                    formulas[place] = _own_text(formula, place[1], place[2])
        return formulas


class Worksheet(Rows):
    """A sheet: `ws["B3"]` is a value, `ws["A1:C9"]` an array of rows and columns; both can be set."""

    def __init__(self, workbook: Book, position: int) -> None:
        self.workbook = workbook
        self.position = position

    @property
    def name(self) -> str:
        return self.workbook.sheet_names[self.position]

    def __repr__(self) -> str:
        return f"<Worksheet {self.name!r} of {str(self.workbook.path)!r}>"

    @property
    def title(self) -> str:
        """The same, as openpyxl calls it."""
        return self.name

    @property
    def date_1904(self) -> bool:
        """Whether dates count from 1904."""
        return self.workbook.file.date_1904

    def __getitem__(self, key: Key) -> Any:
        """A cell's value (float, str, bool, ErrorCode or None), or an area's as an object array.

        `ws["B3"]`; `ws["A1:C3"]` or `ws["A1":"C3"]`; columns `ws["A:C"]`, `ws["A"]`; rows `ws[2]`, `ws[2:5]`;
        a defined name or a table of this sheet.
        """
        area = self._area(key)
        calculation = self.workbook.calculation
        if area.height * area.width == 1:
            return calculation.get(self.position, area.top, area.left)
        last_row, last_column = calculation.last_cell(self.position)
        bottom, right = min(area.bottom, max(last_row, area.top)), min(area.right, max(last_column, area.left))
        return self._values(Area(area.top, area.left, bottom, right))

    def _values(self, area: Area) -> np.ndarray:
        slots = self.workbook.slots_of(self.position, area)
        values = np.empty(slots.shape, object)
        for place, slot in np.ndenumerate(slots):
            values[place] = self.workbook.calculation.value(int(slot))
        return values

    def __setitem__(self, key: Key, value: Any) -> None:
        """Sets a cell, or an area from an array of its shape or one value for all.

        Text that begins with "=" is a formula (`sheetml.text` keeps it text), and one formula for all cells is
        filled as in Excel: written for the first, its relative references move along. Dates become serial numbers.
        A value is not put over a formula: ValueError (`del ws["B3"]` clears the cell first). Where something cannot
        be set, nothing is.
        """
        area = self._area(key)
        try:
            values = as_array(value)
        except ValueError as error:
            raise ValueError(f"{address(self.name, area)} {error}") from None
        self._put(area, values)

    def __delitem__(self, key: Key) -> None:
        """Clears cells: their values and their formulas. Raises ValueError where that would cut an array formula."""
        area, calculation = self._area(key), self.workbook.calculation
        slots = calculation.within(self.position, area)
        self._check_arrays(area, slots)
        calculation.remove_formulas(slots)
        for slot in slots.tolist():
            calculation.set(slot, None)
        calculation.respill()

    def _put(self, area: Area, values: np.ndarray, *, replace: bool = False) -> None:
        """Puts values and formulas into an area; over formulas with values only if they are to be replaced."""
        calculation, fills = self.workbook.calculation, values.ndim == 0
        try:
            values = fitted(values, area.height, area.width)
        except ValueError as error:
            raise ValueError(f"{address(self.name, area)} {error}") from None
        contents = [self._content(value, area, number) for number, value in enumerate(values.reshape(-1).tolist())]
        formulas = self._trees(contents, area, fills)
        slots = self.workbook.held_slots([(self.position, area)])
        self._check_formulas(area, slots, np.array([isinstance(each, FormulaText) for each in contents]), replace)
        if replace:
            calculation.remove_formulas(slots)
        for slot, item in zip(slots.tolist(), contents):
            calculation.set(slot, None if isinstance(item, FormulaText) else item)
        for tree, places in formulas.items():
            row, column = places[0]
            calculation.put_formula(self.position, tree, to_a1(tree, row, column), row, column, places)
        calculation.respill()

    def _content(self, value: Any, area: Area, number: int) -> Content:
        """What the so-manieth cell of an area is to hold."""
        try:
            return content(value, self.date_1904)
        except (TypeError, ValueError) as error:
            cell = cell_name(area.top + number // area.width, area.left + number % area.width)
            raise type(error)(f"{quote_sheet(self.name)}!{cell}: {error}") from None

    def _trees(self, contents: Sequence[Content], area: Area, fills: bool) -> dict[Node, list[tuple[int, int]]]:
        """The formulas among contents with the cells that are to hold them."""
        formulas: dict[Node, list[tuple[int, int]]] = {}
        places = itertools.product(range(area.top, area.bottom + 1), range(area.left, area.right + 1))
        for place, item in zip(places, contents):
            if isinstance(item, FormulaText):
                written_for = (area.top, area.left) if fills else place
                try:
                    tree = parse(without_prefixes(item.text), *written_for)
                except FormulaError as error:
                    raise FormulaError(f"{quote_sheet(self.name)}!{cell_name(*place)}: {error}") from None
                formulas.setdefault(tree, []).append(place)
        return formulas

    def _check_formulas(self, area: Area, slots: np.ndarray, formulas: np.ndarray, replace: bool) -> None:
        """No value goes over a formula, and no array formula is cut."""
        wrong = self.workbook.calculation.is_formula(slots) & ~formulas
        if wrong.any() and not replace:
            row, column = divmod(int(np.argmax(wrong)), area.width)
            cell = cell_name(area.top + row, area.left + column)
            raise ValueError(
                f"{quote_sheet(self.name)}!{cell} holds a formula: only cells with values can be set "
                f"(del sheet[{cell!r}] clears it first)"
            )
        self._check_arrays(area, slots)

    def _check_arrays(self, area: Area, slots: np.ndarray) -> None:
        if self.workbook.calculation.cuts_array(slots):
            raise ValueError(f"{address(self.name, area)} holds a part of an array formula, which is changed whole")

    # ---- which cells

    def _area(self, key: Key) -> Area:
        """The area that a key means. Raises FormulaError where it means none on this sheet."""
        if isinstance(key, slice):
            return self._area_of_slice(key)
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            return parse_area(f"{key}:{key}")
        if not isinstance(key, str):
            raise FormulaError(
                f"a cell of {self.name!r} is named by its address, as in ws['B3'], not by {key!r}: "
                "by row and column it is ws.cell(3, 2)"
            )
        try:
            return parse_area(key)
        except FormulaError:
            return self._named(key)

    def _area_of_slice(self, key: slice) -> Area:
        if key.step is not None:
            raise FormulaError(f"rows and columns of {self.name!r} cannot be taken in steps")
        if key.start is None and key.stop is None:
            return self.used or Area(1, 1, 1, 1)
        if key.start is None or key.stop is None:
            raise FormulaError(f"an area of {self.name!r} is named by its first and its last cell: ws['A1':'C3']")
        first, last = self._area(key.start), self._area(key.stop)
        return Area(
            min(first.top, last.top), min(first.left, last.left),
            max(first.bottom, last.bottom), max(first.right, last.right),
        )  # fmt: skip

    def _named(self, text: str) -> Area:
        """The area of a table's rows, of a name or of one column."""
        for name, table in self.tables.items():
            if name.casefold() == text.casefold() and table.body is not None:
                return table.body
        try:
            areas = self.workbook.areas(text, self.name)
        except FormulaError as error:
            try:
                return parse_area(f"{text}:{text}")
            except FormulaError:
                raise error from None
        if len(areas) != 1 or areas[0][0] != self.position:
            titles = self.workbook.calculation.scope.titles  # of other workbooks' sheets too
            where = ", ".join(address(titles[sheet], area) for sheet, area in areas)
            raise FormulaError(f"{text!r} is {where}, and not one area of {self.name!r}")
        return areas[0][1]

    def number_format(self, key: str) -> str:
        """The code of a cell's number format in the file: "General", "0.00", "yyyy-mm-dd"."""
        area = self._area(key)
        return self._number_format(area.top, area.left)

    def _number_format(self, row: int, column: int) -> str:
        return CellStyles.of(self.workbook.file).number_format(self.position, row, column)

    def append(self, row: Iterable[Any] | Mapping[int | str, Any]) -> None:
        """Puts a row of values below the last filled one; a mapping gives them by column, "B" or 2.

        Many rows are written sooner by `from_frame`, or into an area at once.
        """
        number = 1 if self.used is None else self.max_row + 1
        if not isinstance(row, Mapping):
            items = list(row)
            if items:
                self._put(Area(number, 1, number, len(items)), as_array([items]))
            return
        for column, value in row.items():
            self[f"{column if isinstance(column, str) else column_letters(column)}{number}"] = value

    @property
    def _filled(self) -> Area | None:
        """The smallest area around all filled cells."""
        calculation = self.workbook.calculation
        rows, columns, slots = calculation.held(self.position)
        filled = calculation.kinds(slots) != BLANK
        rows, columns = rows[filled], columns[filled]
        return Area(int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max())) if len(rows) else None

    @property
    def tables(self) -> dict[str, ExcelTable]:
        """The tables of this sheet by their names."""
        return {name: table for name, table in self.workbook.tables.items() if table.sheet is self}

    def _ipython_key_completions_(self) -> list[str]:
        local = [name.rpartition("!")[2] for name in self.workbook.names]
        return [*([self.dimensions] if self.used else []), *self.tables, *filter(self._is_area, local)]

    def _is_area(self, name: str) -> bool:
        try:
            self._area(name)
        except FormulaError:
            return False
        return True

    @property
    def used(self) -> Area | None:
        """The area from A1 to the last filled row and column; None if the sheet is empty."""
        calculation = self.workbook.calculation
        rows, columns, slots = calculation.held(self.position)
        filled = calculation.kinds(slots) != BLANK
        return Area(1, 1, int(rows[filled].max()), int(columns[filled].max())) if filled.any() else None

    def to_frame(self, area: str | None = None, *, header: bool = False) -> pd.DataFrame:
        """The values of an area, or of all the sheet, as a pandas DataFrame.

        Its index holds the row numbers, its columns are called by their letters, or with `header` by the
        area's first row. Blanks are missing values, errors their texts; columns of numbers are floats.
        """
        from sheetml.tables import to_frame

        found = self.used if area is None else parse_area(area)
        if found is None:
            return to_frame(np.empty((0, 0), object), 1, 1, header)
        values = self[address(None, found)]
        block = values if isinstance(values, np.ndarray) else np.array([[values]], object)
        return to_frame(block, found.top, found.left, header)

    def from_frame(self, frame: pd.DataFrame, cell: str = "A1", *, header: bool = True, index: bool = False) -> None:
        """Writes a pandas DataFrame into the cells from `cell` on, its columns' names first unless `header` is False.

        Missing values become blanks, dates serial numbers; text stays text, also where it begins with "=".
        Where one of the cells holds a formula, nothing is written: ValueError.
        """
        from sheetml.tables import from_frame

        corner = parse_area(cell)
        values = from_frame(frame, header, index, self.workbook.file.date_1904)
        if values.size:
            bottom, right = corner.top + values.shape[0] - 1, corner.left + values.shape[1] - 1
            texts = np.frompyfunc(lambda value: Text(value) if isinstance(value, str) else value, 1, 1)
            self._put(Area(corner.top, corner.left, bottom, right), texts(values))

    def _repr_html_(self) -> str:
        """How notebooks show it: the first rows and columns."""
        from sheetml.tables import html_table, shown_text

        used = self.used
        if used is None:
            return html_table([self.name], [["empty"]])
        shown = Area(1, 1, min(used.bottom, SHOWN_ROWS), min(used.right, SHOWN_COLUMNS))
        values = np.reshape(np.array(self[address(None, shown)], object), (shown.bottom, shown.right)).tolist()
        rows = [[number, *map(shown_text, row)] for number, row in enumerate(values, start=1)]
        letters = [column_letters(column) for column in range(1, shown.right + 1)]
        caption = f"{self.name}: {address(None, used)}" + (
            "" if shown == used else f", of which {address(None, shown)}"
        )
        return html_table(["", *letters], rows, caption)

    def formula(self, text: str) -> str | None:
        """A cell's formula as the file states it, without "="; None where there is none."""
        area = parse_area(text)
        return self.workbook.calculation.formula_text(self.position, area.top, area.left)


def _own_text(formula: Formula, row: int, column: int) -> str:
    """A shared formula as one of its cells would state it, in the form that files hold."""
    if (row, column) == (formula.row, formula.column):
        return formula.text
    return with_prefixes(to_a1(parse(formula.text, formula.row, formula.column), row, column))


class ExcelTable:
    """A table ("list object") of a sheet: `wb.tables["Prices"].to_frame()`."""

    def __init__(self, sheet: Worksheet, table: Table) -> None:
        self.sheet = sheet
        self._table = table

    def __repr__(self) -> str:
        return f"<ExcelTable {self.name!r} at {self.address}: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        from sheetml.tables import html_table

        rows = self.sheet._values(self.body).tolist() if self.body is not None else []
        shown = [["" if value is None else value for value in row] for row in rows[:SHOWN_ROWS]]
        return html_table(self.columns, shown, f"{self.name}: {self.address}, {len(rows):,} rows")

    @property
    def name(self) -> str:
        return self._table.name

    @property
    def address(self) -> str:
        """All of its area, headings and totals included: "Sheet1!A1:C9"."""
        return address(self.sheet.name, self._table.area)

    @property
    def ref(self) -> str:
        """The same without the sheet, as openpyxl calls it."""
        return address(None, self._table.area)

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return list(self._table.columns)

    @property
    def body(self) -> Area | None:
        """The area of its rows, without headings and totals; None where there are none."""
        area = self._table.area
        top, bottom = area.top + self._table.header_rows, area.bottom - self._table.totals_rows
        return Area(top, area.left, bottom, area.right) if top <= bottom else None

    def to_frame(self) -> pd.DataFrame:
        """Its rows, without headings and totals, as a pandas DataFrame with the names of its columns."""
        from sheetml.optional import needed

        pd = needed("pandas", extra="learn")
        if self.body is None:
            return pd.DataFrame(columns=self.columns)
        return self.sheet.to_frame(address(None, self.body)).set_axis(self.columns, axis="columns")
