"""Pivot tables are read with their lines, items and records, and a damaged one costs the file nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sheetml.xlsx.model import VALUES_FIELD, Area, PivotDataField, PivotItem, PivotLine, PivotTable
from sheetml.xlsx.reader import read_workbook
from tests.xlsx.handmade import MAIN, relationships, save, workbook_parts

TABLE = """<pivotTableDefinition xmlns="{main}" name="Pivot 1" cacheId="1">
<location ref="A3:D9" firstHeaderRow="1" firstDataRow="2" firstDataCol="1"/>
<pivotFields count="3"><pivotField axis="axisRow" name="Where"><items count="3"><item x="1"/>
<item x="0" n="the south" h="1"/><item t="default"/></items></pivotField>
<pivotField axis="axisPage"><items><item x="0"/></items></pivotField>
<pivotField dataField="1"/></pivotFields><rowFields count="1"><field x="0"/></rowFields>
<rowItems count="3"><i><x/><x v="1"/></i><i r="1"><x v="2"/></i><i t="default"><x/></i><i t="grand"><x/></i></rowItems>
<colFields count="1"><field x="-2"/></colFields><colItems count="2"><i><x/></i><i i="1"><x v="1"/></i></colItems>
<pageFields count="1"><pageField fld="1" item="0"/></pageFields>
<dataFields count="2"><dataField name="Sum of Score" fld="2"/>
<dataField name="Most" fld="2" subtotal="max"/></dataFields>
</pivotTableDefinition>"""
CACHE = """<pivotCacheDefinition xmlns="{main}"><cacheFields count="3"><cacheField name="Region"><sharedItems>
<s v="South"/><s v="North"/></sharedItems></cacheField><cacheField name="Day"><sharedItems containsDate="1">
<d v="2024-01-01T00:00:00"/><m/></sharedItems></cacheField><cacheField name="Score"><sharedItems/></cacheField>
</cacheFields></pivotCacheDefinition>"""
RECORDS = """<pivotCacheRecords xmlns="{main}"><r><x v="0"/><x v="0"/><n v="1.5"/></r>
<r><x v="1"/><x v="1"/><b v="1"/></r>
<r><x v="1"/><x v="0"/><e v="#N/A"/></r></pivotCacheRecords>"""


def read(tmp_path: Path, table: str = TABLE, cache: str = CACHE, records: str = RECORDS) -> PivotTable | None:
    parts = workbook_parts({"Sheet": '<row r="1"><c r="A1"><v>1</v></c></row>'})
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationships({"p": ("pivotTable", "../pivotTables/p1.xml")})
    parts["xl/pivotTables/p1.xml"] = table.format(main=MAIN).encode()
    parts["xl/pivotTables/_rels/p1.xml.rels"] = relationships({"c": ("pivotCacheDefinition", "../pivotCache/c1.xml")})
    parts["xl/pivotCache/c1.xml"] = cache.format(main=MAIN).encode()
    if records:
        parts["xl/pivotCache/_rels/c1.xml.rels"] = relationships({"r": ("pivotCacheRecords", "r1.xml")})
        parts["xl/pivotCache/r1.xml"] = records.format(main=MAIN).encode()
    (found,) = read_workbook(save(tmp_path / "book.xlsx", parts)).pivot_tables
    return found


def test_a_pivot_table_is_read_with_its_fields_and_lines(tmp_path: Path) -> None:
    table = read(tmp_path)
    assert table is not None
    assert (table.name, table.sheet, table.area, table.data) == ("Pivot 1", 0, Area(3, 1, 9, 4), Area(5, 2, 9, 4))
    region, day, score = table.fields
    assert (region.name, region.caption) == ("Region", "Where")
    assert region.items == [
        PivotItem("North"), PivotItem("South", caption="the south", hidden=True), PivotItem(None, "default"),
    ]  # fmt: skip
    assert day.date and day.items == [PivotItem(45292.0)] and score.items == []
    assert table.row_fields == [0] and table.column_fields == [VALUES_FIELD] and table.page_items == {1: 0}
    assert table.data_fields == [PivotDataField("Sum of Score", 2, "sum"), PivotDataField("Most", 2, "max")]
    assert table.rows == [
        PivotLine((0, 1)), PivotLine((0, 2)), PivotLine((0,), "default"), PivotLine((), "grand"),
    ]  # fmt: skip
    assert table.columns == [PivotLine((0,)), PivotLine((1,), data_field=1)]


def test_the_records_behind_a_pivot_table_are_read(tmp_path: Path) -> None:
    table = read(tmp_path)
    assert table is not None
    assert table.records[0] == ("South", 45292.0, 1.5)
    assert [record[1:] for record in table.records[1:]] == [(None, True), (45292.0, 7)]
    without = read(tmp_path, records="")
    assert without is not None and without.records == []


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("table", '<field x="0"/>', '<field x="a"/>'),
        ("table", '<item x="1"/>', '<item x="9"/>'),
        ("table", 'ref="A3:D9"', 'ref="?"'),
        ("table", "<location", "<other"),
        ("table", "</pivotFields>", ""),
        ("cache", '<d v="2024-01-01T00:00:00"/>', '<d v="yesterday"/>'),
        ("records", '<n v="1.5"/>', '<n v="?"/>'),
        ("records", '<x v="1"/>', '<x v="-1"/>'),
    ],
)
def test_a_damaged_pivot_table_costs_the_file_nothing(tmp_path: Path, part: str, old: str, new: str) -> None:
    texts = {"table": TABLE, "cache": CACHE, "records": RECORDS}
    assert old in texts[part]
    texts[part] = texts[part].replace(old, new, 1)
    assert read(tmp_path, **texts) is None
