"""Three open test suites of workbooks: each formula cell is what Excel stored, or is listed here with the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import pytest

import sheetml
from sheetml import ErrorCode
from sheetml.report.check import check
from sheetml.xlsx.model import Kind, cell_address
from sheetml.xlsx.reader import read_workbook
from tests.reference import reference, reference_files


@dataclass(frozen=True)
class Explained:
    """Cells that are not what the file stores ("Sheet!A1 B2; Other sheet!C3"), and how that is known."""

    cells: str
    evidence: str

    def names(self) -> set[str]:
        """The cells as "Sheet!A1"."""
        found = set()
        for group in filter(None, self.cells.split("; ")):
            sheet, cells = group.rsplit("!", 1)
            found |= {f"{sheet}!{cell}" for cell in cells.split()}
        return found


# Cells with another value than the stored one; the evidence is tested at the end of this file.
DIFFERENT = {
    "phpspreadsheet/issue.2301.xlsx": Explained(
        "HS1-XYZ!K57 AN56", "stale: K57 is OR(AO56>400,AND(AM57>400,AO56=0)) with AM57 = 38980 and AO56 blank, so TRUE"
    ),
    "phpspreadsheet/32readwriteComboChart1.xlsx": Explained(
        "Lookups!M3 N3 M4 N4 M5", 'stale: the formulas are IF($L$3="Metric",...), and L3 is stored as #REF!'
    ),
    "phpspreadsheet/issue.3720.xlsx": Explained(
        "Welcome!C43; " + "; ".join(f"Sheet {number}!B4 B9" for number in range(1, 11)),
        'not values of Excel\'s: B9 is "Judging: "&... and is stored as an empty text; so is every text there',
    ),
    "poi/61495-test.xlsm": Explained(
        "TEST!B1 B2",
        'an Excel with a decimal comma: TEXT(68.2,"00,00") is stored as 68,20 and TEXT(67.1,"00.00") as 0.067',
    ),
}

# Functions that nothing in the file defines: no value is computed, the stored one is kept and the cell is named.
NOT_IN_THE_FILE = {
    "phpspreadsheet/redirect.xlsx": ("WEBSERVICE", "asks a server"),
    "phpspreadsheet/fakewebservice.xlsx": ("WEBSERVICE", "asks a server"),
    "closedxml/CubeFromRange-Input.xlsx": ("CUBEMEMBER CUBEVALUE CUBESET", "ask an OLAP server or the data model"),
    "closedxml/CubeFromRange-Output.xlsx": ("CUBEMEMBER CUBEVALUE CUBESET", "ask an OLAP server or the data model"),
    "closedxml/TemplateWithTableSourcePivotTables.xlsx": ("DSSDATA", "of a data vendor's add-in"),
    "closedxml/CellValues.xlsx": ("NONEXISTENT.FUNCTION", "stored as #NAME?: Excel does not know it either"),
    "poi/testNames.xlsm": ("CRAPNAME", "stored as #NAME?: Excel does not know it either"),
}

# Cells of other reasons, which the message must tell.
NOT_COMPUTED = {
    "phpspreadsheet/bug1686b.xlsx": ("the file keeps no values of a sheet", "the other workbook is not there"),
    "poi/HsGetVal.xlsx": ("'HsTbar.xla' the file does not keep the name", "an add-in that is not there"),
    "poi/56502.xlsx": ("'lucanet.xla' the file does not keep the name", "an add-in that is not there"),
    "poi/clone_sheet.xlsx": (
        "-(-4,3)': ',' stands beside something that is not a reference",
        "written with a decimal comma by another program: L6-(-4,3) is stored as 0.2 where L6 is -4.1",
    ),
}


@pytest.mark.parametrize("name", reference_files("corpus/*/*.xls?"))
def test_every_formula_equals_the_value_that_excel_stored_or_is_explained(name: str) -> None:
    file = name.removeprefix("corpus/")
    sheets = check(sheetml.open(reference(name)))
    different = {f"{sheet.sheet}!{each.cell}": each for sheet in sheets for each in sheet.differences}
    explained = DIFFERENT[file].names() if file in DIFFERENT else set()
    assert [each for cell, each in different.items() if cell not in explained] == []
    assert explained - set(different) == set(), "these are equal now: take them off the list"
    reasons = {f"{sheet.sheet}!{cell}": why for sheet in sheets for cell, why in sheet.not_computed.items()}
    assert {cell: why for cell, why in reasons.items() if not is_known(file, why)} == {}
    assert bool(reasons) == (file in NOT_IN_THE_FILE or file in NOT_COMPUTED)


def is_known(file: str, reason: str) -> bool:
    """Whether it is listed that cells of the file are not computed for this reason."""
    if file in NOT_COMPUTED:
        return NOT_COMPUTED[file][0] in reason
    functions = NOT_IN_THE_FILE[file][0].split() if file in NOT_IN_THE_FILE else []
    named = re.fullmatch(r"the function (\S+) is not supported", reason)
    return named is not None and named[1] in functions


# ---- the evidence ------------------------------------------------------------------------------


def stored(name: str, sheet: str) -> dict[str, object]:
    """The values that a file holds, by cell."""
    cells = next(
        each for each in read_workbook(reference("corpus", *name.split("/"))).sheets if each.name == sheet
    ).cells
    values: dict[str, object] = {}
    for position, (row, column) in enumerate(zip(cells.row.tolist(), cells.column.tolist())):
        kind, number = Kind(int(cells.kind[position])), float(cells.number[position])
        value = {Kind.NUMBER: number, Kind.TEXT: cells.text.get(position)}.get(kind)
        values[cell_address(row, column)] = ErrorCode(int(number)) if kind is Kind.ERROR else value
    return values


def test_stored_inputs_contradict_the_stored_results_of_two_files() -> None:
    cells = stored("phpspreadsheet/issue.2301.xlsx", "HS1-XYZ")
    assert (cells["AM57"], cells.get("AO56"), cells["K57"]) == (38980, None, "H")
    cells = stored("phpspreadsheet/32readwriteComboChart1.xlsx", "Lookups")
    assert (cells["L3"], cells["M3"]) == (ErrorCode.REF, "in")


def test_texts_that_cannot_be_empty_are_stored_as_empty() -> None:
    name = "phpspreadsheet/issue.3720.xlsx"
    workbook = sheetml.open(reference("corpus", *name.split("/")))
    for number in range(1, 11):
        assert (workbook[f"Sheet {number}"].formula("B9") or "").startswith('"Judging: "&')
        assert not stored(name, f"Sheet {number}")["B9"]


def test_a_decimal_comma_was_in_force() -> None:
    cells = stored("poi/61495-test.xlsm", "TEST")
    assert (cells["A2"], cells["B2"]) == (68.2, "D 68,20")
    cells = stored("poi/clone_sheet.xlsx", "Arkusz1")
    assert cells["M6"] == pytest.approx(cells["L6"] + 4.3)  # type: ignore[operator]


def test_a_variance_of_aggregate_is_excels_to_the_last_bit() -> None:
    name = "closedxml/functions-excel-2010.xlsx"
    workbook = sheetml.open(reference("corpus", *name.split("/")))
    workbook.calculate(everything=True)
    cells = stored(name, "Sheet2")
    spreads = [f"{column}{row}" for row in range(17, 24) for column in "IJLM"]
    assert all((workbook["Sheet2"].formula(cell) or "").startswith("AGGREGATE(") for cell in spreads)
    assert [workbook["Sheet2"][cell] for cell in spreads] == [cells[cell] for cell in spreads]
    numbers = [Fraction(cells[f"C{row}"]) for row in range(1, 12)]  # type: ignore[arg-type]
    mean = sum(numbers) / len(numbers)
    exactly = float(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))
    assert (exactly, cells["L22"]) == (939.0138241923366, 939.0138241923374)  # which tells one way from others
