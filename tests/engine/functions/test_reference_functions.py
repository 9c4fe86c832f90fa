"""Every reference workbook of functions, computed by Excel, recomputed and compared cell by cell.

Numbers agree within 1e-9 of their size, and what is below 1e-15 with 0; the only other tolerances are
those of ROUGH. The only cells that are not computed call functions which do not exist in Excel either, the
only others left out were computed by an Excel for another country.
"""

from __future__ import annotations

import pytest

import sheetml
from sheetml.report.check import check
from sheetml.report.inspection import unsupported
from tests.reference import reference, reference_files

NO_FUNCTIONS_OF_EXCEL = {"LOGICAL__IFERROR": {"SUMM", "XYZ"}}  # called there in order to have #NAME?

# Their sheet Metadata says en-GB: days stand before months there
ANOTHER_LANGUAGE = {"TEXT__T_VALUE_VALUETOTEXT": {"C15", "I5"}}

# Excel ends its search for a rate or a yield early, and what is computed from that rate holds its error
ROUGH = {"FINANCIAL__IRR": 2e-9, "FINANCIAL__PRICE_YIELD": 1e-10}  # in absolute terms


@pytest.mark.parametrize("name", reference_files("functions/*.xlsx"))
def test_every_cell_is_what_excel_computed(name):
    path = reference(*name.split("/"))
    workbook = sheetml.open(path)
    unknown = NO_FUNCTIONS_OF_EXCEL.get(path.stem, set())
    assert set(unsupported(workbook)) == unknown
    for sheet in check(workbook):
        read_otherwise = ANOTHER_LANGUAGE.get(path.stem, set())
        compared = [each for each in sheet.differences if each.cell not in read_otherwise]
        differences = [each for each in compared if not close(each, ROUGH.get(path.stem, 0.0))]
        assert differences == []
        assert set(sheet.not_computed.values()) <= {f"the function {function} is not supported" for function in unknown}
        assert sheet.not_stored == sheet.volatile == []
        assert sheet.equal or not sheet.formulas


def close(difference, allowed):
    stored, computed = difference.stored, difference.computed
    return isinstance(stored, float) and isinstance(computed, float) and abs(stored - computed) <= allowed
