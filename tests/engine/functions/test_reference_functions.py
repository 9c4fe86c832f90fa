"""Every reference workbook of functions, computed by Excel, recomputed and compared cell by cell.

Numbers agree within 1e-9 of their size, and what is below 1e-15 with 0. There are no other tolerances,
and no exceptions: the only cells that are not computed call functions which do not exist in Excel either.
"""

from __future__ import annotations

import pytest

import sheetml
from sheetml.report.check import check
from sheetml.report.inspection import unsupported
from tests.reference import reference, reference_files

NO_FUNCTIONS_OF_EXCEL = {"LOGICAL__IFERROR": {"SUMM", "XYZ"}}  # called there in order to have #NAME?


@pytest.mark.parametrize("name", reference_files("functions/*.xlsx"))
def test_every_cell_is_what_excel_computed(name):
    path = reference(*name.split("/"))
    workbook = sheetml.open(path)
    unknown = NO_FUNCTIONS_OF_EXCEL.get(path.stem, set())
    missing = set(unsupported(workbook)) - unknown
    if missing:
        pytest.skip(f"not there yet: {', '.join(sorted(missing))}")
    for sheet in check(workbook):
        assert sheet.differences == []
        assert set(sheet.not_computed.values()) <= {f"the function {function} is not supported" for function in unknown}
        assert sheet.not_stored == sheet.volatile == []
        assert sheet.equal or not sheet.formulas
