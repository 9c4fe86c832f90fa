"""Workbooks computed by Excel, one or a few functions each: every cell is recomputed and compared."""

from __future__ import annotations

import pytest

import sheetml
from sheetml.report.check import check
from tests.reference import reference, reference_files

FAMILIES = ("STATISTICAL",)


@pytest.mark.parametrize(
    "name", [name for family in FAMILIES for name in reference_files(f"functions/{family}__*.xlsx")]
)
def test_excels_own_results_are_met(name):
    for sheet in check(sheetml.open(reference(*name.split("/")))):
        assert sheet.differences == []
        assert sheet.not_computed == {}
        assert sheet.equal or not sheet.formulas
