"""What the name of a table means in formulas."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.table import Table

import sheetml
from sheetml import ErrorCode


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=ROWS(Stock)", 2),
        ("=ROWS(stock[])", 2),
        ("=INDEX(Stock,2,1)", 7),
        ("=SUM(Stock)", 12),
        ("=SUM(INDEX(Stock[#All],0,1))", 12),
        ("=ROWS(Sheet!Stock)", ErrorCode.NAME),
        ("=ROWS(Shelf)", ErrorCode.NAME),
    ],
)
def test_the_name_of_a_table_alone_means_its_data(formula: str, expected: object, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["amount", "of"], [5, "nuts"], [7, "bolts"]):
        book.active.append(row)
    book.active.add_table(Table(displayName="Stock", ref="A1:B3"))
    book.active["D1"] = formula
    book.save(tmp_path / "book.xlsx")
    workbook = sheetml.open(tmp_path / "book.xlsx")
    workbook.calculate()
    value = workbook["Sheet"]["D1"]
    assert value == expected
