"""GETPIVOTDATA gives what a pivot table shows for items, in whatever form, and says so where it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

import sheetml
from sheetml.formula.references import cell_name, quote_sheet
from sheetml.xlsx.model import ERROR_TEXT, VALUES_FIELD, ErrorCode, PivotItem, PivotTable
from tests.engine.filling import filled
from tests.reference import reference
from tests.xlsx.handmade import MAIN, relationships, save, workbook_parts

REF = ErrorCode.REF
REGION, CITY, DAY, SCORE = range(4)
CACHE = f"""<pivotCacheDefinition xmlns="{MAIN}"><cacheFields>
<cacheField name="Region"><sharedItems><s v="North"/><s v="South"/></sharedItems></cacheField>
<cacheField name="City"><sharedItems><s v="Bern"/><s v="Basel"/><n v="2024"/></sharedItems></cacheField>
<cacheField name="Day"><sharedItems containsDate="1"><d v="2024-01-01T00:00:00"/><d v="2024-01-02T00:00:00"/>
</sharedItems></cacheField><cacheField name="Score"><sharedItems/></cacheField></cacheFields></pivotCacheDefinition>"""
FIELDS = [
    '<item x="0"/><item x="1" n="the south"/>{subtotal}',
    '<item x="0"/><item x="1"/><item x="2"/>{subtotal}',
    '<item x="0"/><item x="1"/>{subtotal}',
    "",
]
SUBTOTAL = '<item t="default"/>'
Line = tuple[str, tuple[int, ...], list[float | None]]

COMPACT: list[Line] = [
    ("data", (0,), [5, 3]), ("data", (0, 0), [2, 2]), ("data", (0, 1), [3, 3]),
    ("data", (1,), [4, 4]), ("data", (1, 2), [4, 4]), ("grand", (0,), [9, 4]),
]  # fmt: skip
OUTLINE: list[Line] = [
    ("data", (0,), [None, None]), ("data", (0, 0), [2, 2]), ("data", (0, 1), [3, 3]), ("default", (0,), [5, 3]),
    ("data", (1,), [None, None]), ("data", (1, 2), [4, 4]), ("default", (1,), [4, 4]), ("grand", (0,), [9, 4]),
]  # fmt: skip
TABULAR: list[Line] = [line for line in OUTLINE if line[2] != [None, None]]


def pivoted(
    folder: Path,
    formulas: dict[str, str],
    lines: list[Line],
    *,
    rows: tuple[int, ...] = (REGION, CITY),
    subtotal: str = SUBTOTAL,
    pages: str = "",
    cells: str = "",
) -> sheetml.Workbook:
    """A workbook with a pivot table at A4 with two data fields side by side, and formulas below it."""
    shown = "".join(
        f'<row r="{row}">'
        + "".join(
            f'<c r="{column}{row}"><v>{value}</v></c>' for column, value in zip("BC", values) if value is not None
        )
        + "</row>"
        for row, (_, _, values) in enumerate(lines, start=5)
    )
    below = "".join(
        f'<row r="{address[1:]}"><c r="{address}"><f>{escape(text)}</f><v>77</v></c></row>'
        for address, text in formulas.items()
    )
    fields = "".join(f"<pivotField><items>{each.format(subtotal=subtotal)}</items></pivotField>" for each in FIELDS)
    items = "".join(f'<i t="{kind}">' + "".join(f'<x v="{item}"/>' for item in own) + "</i>" for kind, own, _ in lines)
    table = (
        f'<pivotTableDefinition xmlns="{MAIN}" name="P" cacheId="1"><location ref="A4:C{4 + len(lines)}"'
        f' firstHeaderRow="0" firstDataRow="1" firstDataCol="1"/><pivotFields>{fields}</pivotFields><rowFields>'
        + "".join(f'<field x="{field}"/>' for field in rows)
        + f'</rowFields><rowItems>{items}</rowItems><colFields><field x="-2"/></colFields><colItems><i><x/></i>'
        f'<i i="1"><x v="1"/></i></colItems>{pages}<dataFields><dataField name="Sum of Score" fld="3"/>'
        '<dataField name="Most" fld="3" subtotal="max"/></dataFields></pivotTableDefinition>'
    )
    parts = workbook_parts({"Sheet": shown + below + cells})
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationships({"p": ("pivotTable", "../pivotTables/p1.xml")})
    parts["xl/pivotTables/p1.xml"] = table.encode()
    parts["xl/pivotTables/_rels/p1.xml.rels"] = relationships({"c": ("pivotCacheDefinition", "../pivotCache/c1.xml")})
    parts["xl/pivotCache/c1.xml"] = CACHE.encode()
    return sheetml.open(save(folder / "book.xlsx", parts))


def answers(workbook: sheetml.Workbook, formulas: dict[str, str]) -> list[object]:
    workbook.calculate(everything=True)
    return [workbook["Sheet"][address] for address in formulas]


def answer(folder: Path, arguments: str, lines: list[Line] = COMPACT, **options: object) -> object:
    formulas = {"F40": f"GETPIVOTDATA({arguments})"}
    workbook = pivoted(folder, formulas, lines, **options)  # type: ignore[arg-type]
    return answers(workbook, formulas)[0]


@pytest.mark.parametrize("lines", [COMPACT, OUTLINE, TABULAR], ids=["compact", "outline", "tabular"])
def test_every_form_of_the_table_gives_items_subtotals_and_grand_totals(tmp_path, lines):
    asked = {
        "F40": 'GETPIVOTDATA("Most",$A$4)',
        "F41": 'GETPIVOTDATA("sum of score",$A$4:$B$6,"Region","north")',
        "F42": 'GETPIVOTDATA("Sum of Score",$C$5,"City","BASEL","Region","North")',
        "F43": 'GETPIVOTDATA("Most",$A$4,"Region","The South","City",2024)',
        "F44": 'GETPIVOTDATA("Most",$A$4,"Region","The South","City","2024")',
        "F45": 'GETPIVOTDATA("Most",$A$4,"Region","the south")',
    }
    assert answers(pivoted(tmp_path, asked, lines), asked) == [4, 5, 3, 4, 4, 4]


@pytest.mark.parametrize(
    "arguments",
    [
        '"Least",$A$4',
        '"Sum of Score",$A$4,"Country","North"',
        '"Sum of Score",$A$4,"Region","West"',
        '"Sum of Score",$A$4,"Day",DATE(2024,1,1)',
        '"Sum of Score",$A$4,"Region","the south","City","Bern"',
        '"Sum of Score",$A$4,"Region","North","Region","the south"',
        '"Sum of Score",$A$1',
        '"Sum of Score",$D$4',
        '"",$A$4',
    ],
)
def test_what_the_table_does_not_show_is_no_reference(tmp_path, arguments):
    assert answer(tmp_path, arguments) == REF


def test_a_subtotal_that_is_switched_off_is_no_reference(tmp_path):
    lines: list[Line] = [(kind, items, [None, None] if len(items) == 1 else values) for kind, items, values in COMPACT]
    assert answer(tmp_path, '"Most",A4,"Region","North"', lines, subtotal="") == REF


def test_an_item_that_is_folded_up_shows_its_value(tmp_path):
    lines: list[Line] = [("data", (0,), [5, 3]), ("data", (1,), [4, 4])]
    assert answer(tmp_path, '"Most",A4,"Region","North"', lines, subtotal="") == 3
    assert answer(tmp_path, '"Most",A4', lines) == REF  # no grand total


def test_dates_are_asked_for_by_their_serial_numbers(tmp_path):
    lines: list[Line] = [("data", (0,), [5, 3]), ("data", (1,), [4, 4])]
    assert answer(tmp_path, '"Most",A4,"Day",DATE(2024,1,2)', lines, rows=(DAY,)) == 4
    assert answer(tmp_path, '"Most",A4,"Day",45293.5', lines, rows=(DAY,)) == REF


@pytest.mark.parametrize(("item", "expected"), [(45292, 9), (45293, REF)])
def test_a_filter_of_the_table_is_an_item_that_it_shows(tmp_path, item, expected):
    pages = '<pageFields><pageField fld="2" item="0"/></pageFields>'
    assert answer(tmp_path, f'"Sum of Score",A4,"Day",{item}', pages=pages) == expected


def test_errors_among_the_arguments_come_first(tmp_path):
    assert answer(tmp_path, '"Most",A4,"Region",1/0') == ErrorCode.DIV0
    assert answer(tmp_path, '"Most",INDEX(A4,2,1)') == REF


@pytest.mark.parametrize(
    ("arguments", "lines", "reason"),
    [
        ('"Score",A4', COMPACT, "several of its data fields go by the name"),
        ('"Most",A4,"City","Bern"', COMPACT, "an item of an inner field"),
        ('"Most",A4,"City",2025,"Region","North"', COMPACT, "may have other names"),
        ('"Most",A4,"Region","South"', COMPACT, "may have other names"),
        ('"Most",A4,"Region",Z1', COMPACT, "a blank is asked for"),
        ('"Most",A4,"Region"', COMPACT, "other than"),
        ('A4,"Most"', COMPACT, "other than"),
        ('"Most",A4,"Region","North"', [("sum", (0,), [5, 3]), ("max", (0,), [3, 3])], "several subtotals"),
        ('"Most",A4', [("grand", (0,), [9, None])], "shows nothing"),
        ('"Most",A4', [("grand", (0,), [9, 4]), ("grand", (0,), [9, 4])], "more than once"),
    ],
)
def test_a_cell_that_cannot_be_told_is_named_and_keeps_its_value(tmp_path, arguments, lines, reason):
    formulas = {"F40": f"GETPIVOTDATA({arguments})"}
    workbook = pivoted(tmp_path, formulas, lines)
    assert answers(workbook, formulas) == [77]
    assert reason in workbook.problems["Sheet!F40"]


def test_formulas_that_follow_are_computed_again_when_a_cell_of_the_table_changes(tmp_path):
    formulas = {"F40": 'GETPIVOTDATA("Most",A4,"Region",F39)', "F41": "F40*2"}
    workbook = pivoted(tmp_path, formulas, COMPACT, cells='<row r="39"><c r="F39" t="str"><v>North</v></c></row>')
    assert answers(workbook, formulas) == [3, 6]
    workbook["Sheet"]["C5"] = 8
    workbook.calculate()
    assert workbook["Sheet"]["F41"] == 16
    workbook["Sheet"]["F39"] = "the south"
    workbook.calculate()
    assert workbook["Sheet"]["F41"] == 8


def test_the_value_that_is_read_keeps_its_derivative(tmp_path):
    formulas = {"F40": 'GETPIVOTDATA("Most",A4,"Region","North")^2'}
    f = pivoted(tmp_path, formulas, COMPACT).function(inputs=["Sheet!C5", "Sheet!C6"], output="Sheet!F40")
    assert f(np.array([5.0, 1.0])) == 25
    assert f.gradient(np.array([5.0, 1.0])).tolist() == [10, 0]


def test_arrays_of_items_give_arrays_of_values(tmp_path):
    assert answer(tmp_path, '"Most",A4,"Region","North","City","Bern"') == 2
    formulas = {"F40": 'SUMPRODUCT(GETPIVOTDATA("Most",A4,"Region","North","City",{"Bern","Basel"}),{1,10})'}
    assert answers(pivoted(tmp_path, formulas, COMPACT), formulas) == [32]


def test_a_formula_filled_down_asks_in_each_row_for_its_own_items(tmp_path):
    formulas = {f"F{row}": f'GETPIVOTDATA("Most",$A$4,"Region",G{row})' for row in (40, 41, 42, 43)}
    workbook = pivoted(tmp_path, formulas, COMPACT)
    for row, item in ((40, "the south"), (41, "north"), (42, "east"), (43, 5)):
        workbook["Sheet"][f"G{row}"] = item
    assert answers(workbook, formulas) == [4, 3, REF, ErrorCode.UNCOMPUTABLE]
    assert list(workbook.problems) == ["Sheet!F43"]


def test_the_value_is_the_one_that_excel_stored():
    workbook = sheetml.open(reference("corpus", "poi", "54436.xlsx"))
    stored = workbook["Sheet1"]["A14"]
    workbook.calculate(everything=True)
    assert workbook["Sheet1"]["A14"] == stored == 3 and not workbook.problems


# ---- the law: what stands beside a label is what the label asks for ----------------------------

WITH_PIVOT_TABLES = [
    "poi/54436.xlsx",
    "poi/DataTableCities.xlsx",
    "closedxml/pivottable_bool_field_filter.xlsx",
    "closedxml/pivottable_tabular_mode.xlsx",
    "closedxml/PivotTableWithMissingReference.xlsx",
    "closedxml/pivottable_error_item_filter.xlsx",
    "closedxml/pivottable_duplicated_member_filter.xlsx",
    "closedxml/TemplateWithTableSourcePivotTables.xlsx",
    "closedxml/column-style-autofilter.xlsx",
]


@pytest.mark.parametrize("name", WITH_PIVOT_TABLES)
def test_the_items_of_every_cell_of_a_table_give_that_cell(name):
    workbook = sheetml.open(reference("corpus", *name.split("/")))
    tables = [table for table in workbook.file.pivot_tables if table is not None and table.data_fields]
    assert tables
    compared = 0
    for table in tables:
        sheet = workbook.sheet_names[table.sheet]
        for cell, question in _questions(table, workbook[sheet], quote_sheet(sheet)):
            value = workbook[sheet][cell]
            if value is not None:
                block, context = filled(workbook, question, [(1000, 1000)])
                assert float(np.asarray(context.value(block.tree).number).item()) == value, (table.name, question)
                compared += 1
    assert compared


def _questions(table: PivotTable, sheet: sheetml.Worksheet, name: str) -> Iterator[tuple[str, str]]:
    """The cells of a table's body, each with the formula for its items; the last of a row by the label beside it."""
    assert table.data is not None
    beside = table.data.left - table.area.left == len(table.row_fields)  # each field has a column of labels
    for i, row in enumerate(table.rows):
        for j, column in enumerate(table.columns):
            down = _named(table, table.row_fields, row.items)
            if down and row.kind == "data":
                label = sheet[cell_name(table.data.top + i, table.area.left + (len(down) - 1 if beside else 0))]
                down[-1] = (down[-1][0], label)
            pairs = [*down, *_named(table, table.column_fields, column.items)]
            field = table.data_fields[(row if VALUES_FIELD in table.row_fields else column).data_field]
            given = [field.name or table.fields[field.field].name, *(part for pair in pairs for part in pair)]
            first, *others = map(_literal, given)
            place = f"{name}!{cell_name(table.area.top, table.area.left)}"
            question = ",".join([first, place, *others])
            yield cell_name(table.data.top + i, table.data.left + j), f"=GETPIVOTDATA({question})"


def _named(table: PivotTable, fields: list[int], items: tuple[int, ...]) -> list[tuple[str, object]]:
    pairs = [(table.fields[field], item) for field, item in zip(fields, items) if field != VALUES_FIELD]
    return [(field.caption, _shown(field.items[item])) for field, item in pairs]


def _shown(item: PivotItem) -> object:
    if item.caption is not None:
        return item.caption
    return "(blank)" if item.value is None else item.value


def _literal(value: object) -> str:
    if isinstance(value, ErrorCode):
        value = ERROR_TEXT[value]
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value).upper() if isinstance(value, bool) else repr(value)
