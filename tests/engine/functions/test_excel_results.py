"""Workbooks computed by Excel, one or a few functions each: every cell is recomputed and compared."""

from __future__ import annotations

import pytest

import sheetml
from sheetml.report.check import check
from tests.reference import reference, reference_files

FAMILIES = ("STATISTICAL__*", "FINANCIAL__[DFMNRSX]*", "FINANCIAL__IRR", "FINANCIAL__PDURATION")
# Excel stops its search for a rate early; what is computed from such a rate holds its error
ROUGH = {"FINANCIAL__IRR": 5e-7, "FINANCIAL__XIRR": 5e-8}  # in absolute terms


@pytest.mark.parametrize("name", [name for family in FAMILIES for name in reference_files(f"functions/{family}.xlsx")])
def test_excels_own_results_are_met(name):
    allowed = ROUGH.get(name.split("/")[-1].removesuffix(".xlsx"), 0.0)
    for sheet in check(sheetml.open(reference(*name.split("/")))):
        assert [each for each in sheet.differences if not close(each.stored, each.computed, allowed)] == []
        assert sheet.not_computed == {}
        assert sheet.equal or not sheet.formulas


def close(stored, computed, allowed):
    return type(stored) is float and type(computed) is float and abs(stored - computed) <= allowed
