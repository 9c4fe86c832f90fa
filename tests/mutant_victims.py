"""The workbooks that are mutated: small ones made here that hold something of everything, and those that
`sheetml new` makes."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from tests.cli.command import sheetml
from tests.xlsx.handmade import MAIN, RELATIONSHIPS, relationships, with_dynamic_arrays, workbook_parts, worksheet

WEIGHTS = [20, 10, 8, 1]  # how often each is mutated: the last is large
Victim = tuple[str, dict[str, bytes], list[str]]  # its name, its parts, and cells to ask after

COLUMNS = ("--user-column", "user", "--item-column", "item")
SETTINGS = {
    "opt": "Sheet1!$B$8",
    "adj": "Sheet1!$A$1:$A$3",
    "typ": "2",
    "val": "0",
    "neg": "2",
    "num": "2",
    "lhs1": "Sheet1!$A$1",
    "rel1": "1",
    "rhs1": "9",
    "lhs2": "Sheet1!$A$2:$A$3",
    "rel2": "3",
    "rhs2": "Sheet1!$H$1",
    "eng": "1",
    "tim": "5",
    "itr": "10",
    "ntri": "3",
    "msl": "2",
}


def victims() -> list[Victim]:
    """All of them; the same each time."""
    return [
        (
            "everything",
            _everything(),
            ["Sheet1!B1", "Sheet1!B8", "Sheet1!A1", "rate", "Sheet1!B2:B3", "Other!A1", "D2"],
        ),
        ("model", _model(), ["Sheet1!D1", "Sheet1!C1", "Sheet1!A1", "Sheet1!E1", "Sheet1!C1:C8", "F1", "Sheet1!B1"]),
        ("filter", _collab_filter(), ["dotprod!C5", "dotprod!H14", "dotprod!B2", "movielens_emb!H5", "bias!C5", "A1"]),
        ("descent", _descent(), ["'basic SGD'!F4", "'basic SGD'!C4", "'basic SGD'!K4", "adam!F4", "data!A2"]),
    ]


def _solver_names(settings: dict[str, str]) -> str:
    return "".join(
        f'<definedName name="solver_{name}" localSheetId="0" hidden="1">{text}</definedName>'
        for name, text in settings.items()
    )


def _everything() -> dict[str, bytes]:
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>A1*2+SUM(A$1:A1)</f><v>3</v></c><c r="C1" t="s"><v>0</v></c>'
        '<c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c><c r="G1" cm="1"><f t="array" ref="G1:G3">'
        '_xlfn._xlws.SORT(A1:A3)</f><v>-4</v></c><c r="H1"><v>-9</v></c></row>'
        '<row r="2"><c r="A2"><v>2.5</v></c><c r="B2"><f t="shared" ref="B2:B3" si="0">A2*2+SUM(A$1:A2)</f>'
        "<v>8.5</v></c>"
        '<c r="C2" t="str"><f>C1&amp;"!"</f><v>one!</v></c><c r="D2"><f t="array" ref="D2:E3">A2:B3*2</f><v>5</v></c>'
        '<c r="E2"><v>17</v></c><c r="G2"><v>1</v></c></row>'
        '<row r="3" hidden="1"><c r="A3"><v>-4</v></c><c r="B3"><f t="shared" si="0"/><v>-8.5</v></c>'
        '<c r="C3" t="inlineStr"><is><t>two</t></is></c><c r="D3"><v>-8</v></c><c r="E3"><v>-17</v></c>'
        '<c r="G3"><v>2.5</v></c></row>'
        '<row r="4"><c r="A4"><f>IF(total&gt;0,SQRT(total),OFFSET(A1,1,0)/0)</f><v>0</v></c>'
        '<c r="B4"><f>SUMXMY2(A1:A3,B1:B3)</f><v>148.5</v></c><c r="D4"><f>SUM(G1#)</f><v>-0.5</v></c></row>'
        '<row r="5"><c r="A5"><f>VLOOKUP(2,A1:B3,2,TRUE)</f><v>3</v></c><c r="B5">'
        "<f>SUM(Table1[amount])*rate</f><v>6</v></c>"
        '<c r="D5"><f>[1]Data!A1*A1</f><v>10</v></c><c r="E5"><f>SUBTOTAL(109,A1:A3)</f><v>3.5</v></c></row>'
        '<row r="6"><c r="A6"><f>SUMIF(A1:A3,"&gt;0",B1:B3)</f><v>11.5</v></c><c r="B6">'
        "<f>INDEX(A:A,MATCH(2.5,A:A,0))</f>"
        '<v>2.5</v></c><c r="D6"><f>[0]!rate+1</f><v>3</v></c><c r="E6" t="str"><f>TEXT(A2,"0.00")</f>'
        "<v>2.50</v></c></row>"
        '<row r="7"><c r="A7"><v>1</v></c><c r="B7"><f t="dataTable" ref="B7:B8" dt2D="0" dtr="0" r1="H1"/>'
        "<v>1</v></c></row>"
        '<row r="8"><c r="B8"><f>(A1-3)^2+(A2+1)^2+A3^2+SUM(B1:B3)*0.01</f><v>40</v></c>'
        '<c r="D8"><f>GETPIVOTDATA("Sum of Score",J1,"Region","South")</f><v>1.5</v></c></row>'
    )
    other = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>what</t></is></c><c r="B1" t="inlineStr"><is><t>amount</t>'
        "</is></c></row>"
        '<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2"><v>1</v></c></row>'
        '<row r="3"><c r="A3" t="inlineStr"><is><t>b</t></is></c><c r="B3"><f>Sheet1!B2-6.5</f><v>2</v></c></row>'
    )
    first = worksheet(
        rows,
        '<sheetPr filterMode="1"/><dimension ref="A1:H8"/>',
        '<autoFilter ref="A1:B4"><filterColumn colId="0"><filters><filter val="1"/></filters></filterColumn>'
        "</autoFilter>"
        '<mergeCells count="1"><mergeCell ref="H5:H6"/></mergeCells>',
    )
    names = '<definedName name="total">SUM(Sheet1!$A$1:$A$3)</definedName><definedName name="rate">2</definedName>'
    parts = workbook_parts(
        {"Sheet1": first, "Other": worksheet(other)},
        strings="<si><t>one</t></si><si><r><t>t</t></r><r><t>wo</t></r></si>",
        names=names + _solver_names(SETTINGS),
        calculation='<calcPr iterate="0" iterateCount="9"/>',
    )
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b"<definedNames>",
        b'<externalReferences><externalReference r:id="rIdE"/></externalReferences><definedNames>',
    )
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>",
        relationships({"rIdE": ("externalLink", "externalLinks/externalLink1.xml")}).split(b">", 1)[1],
    )
    parts["xl/externalLinks/externalLink1.xml"] = (
        f'<externalLink xmlns="{MAIN}"><externalBook xmlns:r="{RELATIONSHIPS}" r:id="rId1"><sheetNames>'
        '<sheetName val="Data"/></sheetNames><definedNames><definedName name="far" refersTo="=Data!$A$1"/>'
        "</definedNames>"
        '<sheetDataSet><sheetData sheetId="0"><row r="1"><cell r="A1"><v>10</v></cell></row></sheetData>'
        "</sheetDataSet>"
        "</externalBook></externalLink>"
    ).encode()
    parts["xl/worksheets/_rels/sheet2.xml.rels"] = relationships({"t": ("table", "../tables/table1.xml")})
    parts["xl/tables/table1.xml"] = (
        f'<table xmlns="{MAIN}" id="1" name="Table1" displayName="Table1" ref="A1:B3"><autoFilter ref="A1:B3"/>'
        '<tableColumns count="2"><tableColumn id="1" name="what"/><tableColumn id="2" name="amount"/>'
        "</tableColumns></table>"
    ).encode()
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationships({"p": ("pivotTable", "../pivotTables/p1.xml")})
    parts["xl/pivotTables/_rels/p1.xml.rels"] = relationships({"c": ("pivotCacheDefinition", "../pivotCache/c1.xml")})
    parts["xl/pivotTables/p1.xml"] = (
        f'<pivotTableDefinition xmlns="{MAIN}" name="P" cacheId="1"><location ref="J1:K3" firstHeaderRow="1" '
        'firstDataRow="1" firstDataCol="1"/><pivotFields count="2"><pivotField axis="axisRow">'
        '<items count="2"><item x="0"/>'
        '<item t="default"/></items></pivotField><pivotField dataField="1"/></pivotFields><rowFields count="1">'
        '<field x="0"/></rowFields><rowItems count="2"><i><x/></i><i t="grand"><x/></i></rowItems>'
        '<colItems count="1"><i/>'
        '</colItems><dataFields count="1"><dataField name="Sum of Score" fld="1"/></dataFields>'
        "</pivotTableDefinition>"
    ).encode()
    parts["xl/pivotCache/c1.xml"] = (
        f'<pivotCacheDefinition xmlns="{MAIN}"><cacheFields count="2"><cacheField name="Region"><sharedItems>'
        '<s v="South"/>'
        '</sharedItems></cacheField><cacheField name="Score"><sharedItems/></cacheField></cacheFields>'
        "</pivotCacheDefinition>"
    ).encode()
    return with_dynamic_arrays(parts)


def _model() -> dict[str, bytes]:
    """A column fitted by least squares, with its derivatives beside it: what gradcheck and the Solver look at."""
    rows = []
    for row in range(1, 9):
        formulas = {
            "C": f"$A$1*B{row}^2+$A$2",
            "D": f"(C{row}-{row})^2",
            "E": f"2*(C{row}-{row})*B{row}^2",
            "G": f"LN(B{row})+EXP(-B{row})",
        }
        cells = f'<c r="A{row}"><v>{0.5 * row}</v></c><c r="B{row}"><v>{row / 3}</v></c>'
        cells += "".join(f'<c r="{column}{row}"><f>{text}</f><v>1</v></c>' for column, text in formulas.items())
        if row == 1:
            cells = cells.replace('<c r="G1">', '<c r="F1"><f>SUM(D1:D8)</f><v>1</v></c><c r="G1">')
        rows.append(f'<row r="{row}">{cells}</row>')
    settings = SETTINGS | {
        "opt": "Sheet1!$F$1",
        "adj": "Sheet1!$A$1:$A$2",
        "lhs2": "Sheet1!$C$1:$C$8",
        "rhs2": "100",
        "rel2": "1",
    }
    return workbook_parts({"Sheet1": "".join(rows)}, names=_solver_names(settings))


def _parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def _collab_filter() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        ratings, out = Path(name) / "ratings.csv", Path(name) / "book.xlsx"
        lines = [
            f"{user},{item},{1 + (user * item) % 5}"
            for user in range(1, 6)
            for item in range(1, 6)
            if (user + item) % 4
        ]
        ratings.write_text("user,item,rating\n" + "\n".join(lines) + "\n")
        ended = sheetml(
            "new", "collab-filter", ratings, "--users", 5, "--items", 5, "--factors", 2, *COLUMNS, "-o", out
        )
        assert ended.code == 0, ended.err
        return _parts(out)


def _descent() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        data, out = Path(name) / "data.csv", Path(name) / "book.xlsx"
        data.write_text("x,y\n" + "".join(f"{x},{2 * x + 30}\n" for x in (1, 4, 2, 8)))
        ended = sheetml("new", "graddesc", "--data", data, "-o", out)
        assert ended.code == 0, ended.err
        return _parts(out)
