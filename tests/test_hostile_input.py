"""Whatever a file holds, it costs one sentence at worst: no traceback, no endless run, no output left behind.

What the reader alone refuses is tested part by part in tests/xlsx/; here whole workbooks go through the
Python API and the commands.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sheetml as library
from sheetml.xlsx.cell_text import parse_address
from sheetml.xlsx.model import column_letters
from tests.cli.command import sheetml
from tests.mutants import what_is_wrong
from tests.solve.models import solver_model
from tests.xlsx.handmade import relationships, save, save_rows, workbook_parts, worksheet
from tests.xlsx.test_package import GOOD, UNFIT, zipped

COMMANDS = ("run", "check", "inspect")


def refused(path: Path, fragment: str) -> None:
    """Every command refuses the file in one line, with exit code 2, and writes nothing."""
    before = sorted(os.listdir(path.parent))
    for command in COMMANDS:
        ended = sheetml(command, path)
        assert ended.code == 2 and ended.out == ""
        lines = ended.err.splitlines()
        assert len(lines) == 1 and fragment in lines[0] and str(path) in lines[0] and lines[0].endswith(".")
        assert "Traceback" not in ended.err
    assert sorted(os.listdir(path.parent)) == before


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_file_is_refused_by_every_command(name: str, tmp_path: Path) -> None:
    make, fragment = UNFIT[name]
    path = tmp_path / "book.xlsx"
    path.write_bytes(make())
    refused(path, fragment)


def test_files_that_are_not_there_or_not_to_be_read_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.xlsx", "does not exist")
    (tmp_path / "folder.xlsx").mkdir()
    refused(tmp_path / "folder.xlsx", "is a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read any file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", GOOD)
    path.chmod(0)
    try:
        refused(path, "Permission denied")
    finally:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_the_other_formats_of_spreadsheets_are_named(tmp_path: Path) -> None:
    csv = tmp_path / "ratings.xlsx"
    csv.write_text("userId,movieId,rating\n1,31,2.5\n1,1029,3.0\n")
    refused(csv, "CSV")


def test_relationships_that_go_in_a_circle_are_followed_no_further(tmp_path: Path) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    parts = GOOD | {
        "xl/worksheets/_rels/sheet1.xml.rels": relationships(
            {
                "a": ("table", "../workbook.xml"),
                "b": ("drawing", "sheet1.xml"),
                "c": ("pivotTable", "../../_rels/.rels"),
            }
        )
    }
    path = save(tmp_path / "circle.xlsx", parts)
    with pytest.raises(library.WorkbookError, match=r"does not describe a table\.$"):
        library.open(path)
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationships({"a": ("drawing", "sheet1.xml"), "b": ("x", "")})
    workbook = library.open(save(tmp_path / "circle2.xlsx", parts))
    workbook.save(tmp_path / "out.xlsx")
    assert zipfile.ZipFile(tmp_path / "out.xlsx").read(sheet) == GOOD[sheet]


# ---- workbooks whose formulas are a burden


def rows_of(formulas: Mapping[str, str | float]) -> str:
    """The XML of rows with these formulas (text) and numbers, by address; each formula's stored value is 7."""
    rows: dict[int, dict[int, str]] = {}
    for address, content in formulas.items():
        place = parse_address(address)
        assert place is not None
        stored = f"<v>{content}</v>" if isinstance(content, (int, float)) else f"<f>{escape(content)}</f><v>7</v>"
        rows.setdefault(place[0], {})[place[1]] = f'<c r="{address}">{stored}</c>'
    return "".join(
        f'<row r="{row}">{"".join(cell for _, cell in sorted(cells.items()))}</row>'
        for row, cells in sorted(rows.items())
    )


def calculated(path: Path) -> library.Workbook:
    workbook = library.open(path)
    workbook.calculate()
    return workbook


def named(names: Mapping[str, str]) -> str:
    return "".join(f'<definedName name="{name}">{escape(text)}</definedName>' for name, text in names.items())


NOT_COMPUTED: dict[str, tuple[dict[str, str | float], dict[str, str], str]] = {
    "parentheses nested beyond all measure": ({"A1": "(" * 8000 + "1" + ")" * 8000}, {}, "parentheses are nested"),
    "a formula longer than Excel's": ({"A1": '"' + "x" * 1_000_000 + '"'}, {}, "is longer than"),
    "thousands of nested IFs": ({"A1": "IF(B1," * 3000 + "1" + ")" * 3000}, {}, "parentheses are nested"),
    "thousands of signs": ({"A1": "-" * 8000 + "1"}, {}, "nests more than"),
    "a name that refers to itself": ({"A1": "myself"}, {"myself": "myself+1"}, "refer to themselves"),
    "names in a circle": ({"A1": "first+1"}, {"first": "second", "second": "first"}, "refer to themselves"),
    "names that double 40 times": (
        {"A1": "name_40"},
        {"name_0": "1"} | {f"name_{i}": f"name_{i - 1}+name_{i - 1}" for i in range(1, 41)},
        "calls its names and functions too often",
    ),
    "a function that calls itself twice": (
        {"A1": "twice(1)"},
        {"twice": "_xlfn.LAMBDA(_xlpm.x,twice(_xlpm.x)+twice(_xlpm.x))"},
        "calls its names and functions too often",
    ),
    "an array of half the sheet": ({"A1": "SUM(_xlfn.SEQUENCE(1048576,8000))"}, {}, "too large to compute with"),
    "random numbers for half the sheet": ({"A1": "SUM(_xlfn.RANDARRAY(1048576,8000))"}, {}, "too large"),
    "an array made element by element": (
        {"A1": "SUM(_xlfn.MAKEARRAY(100000,10000,_xlfn.LAMBDA(_xlpm.a,_xlpm.b,_xlpm.a)))"}, {}, "too large",
    ),
    "a whole sheet with a cell in its last corner": ({"A1": "SUM(B1:XFD1048576)", "XFD1048576": 5}, {}, "too large"),
    "a circle of cells": ({"A1": "B1+1", "B1": "C1", "C1": "A1"}, {}, "circular reference through Sheet!A1"),
    "a column that sums itself": ({"A1": "SUM(A:A)"}, {}, "circular reference through Sheet!A1"),
    "a cell within the area it looks at": ({"A1": "SUM(Sheet!1:1048576)"}, {}, "circular reference"),
    "what is no formula": ({"A1": ")("}, {}, "cannot read the formula"),
    "an unknown function": ({"A1": "NOSUCH(1)"}, {}, "the function NOSUCH is not supported"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_COMPUTED)
def test_a_formula_that_is_too_much_costs_its_own_cell_only(name: str, tmp_path: Path) -> None:
    formulas, names, reason = NOT_COMPUTED[name]
    path = save_rows(tmp_path / "book.xlsx", rows_of(formulas | {"Z9": "1+2"}), names=named(names))
    workbook = calculated(path)
    assert reason in workbook.problems["Sheet!A1"]
    assert workbook["Sheet"]["Z9"] == 3
    assert workbook["Sheet"]["A1"] in (7, library.ErrorCode.UNCOMPUTABLE)
    assert sheetml("inspect", path).code == 0
    assert "Traceback" not in sheetml("check", path).err


COMPUTED: dict[str, tuple[dict[str, str | float], object]] = {
    "whole columns everywhere": ({f"B{r}": "SUM(A:A)+COUNTIF(A:A,1)" for r in range(1, 60)} | {"A1": 1, "A9": 4}, None),
    "an offset over half the sheet": ({"A1": "SUM(OFFSET(B1,0,0,1048576,16000))", "B5": 3}, 3.0),
    "an offset off the sheet": ({"A1": "OFFSET(B1,-1,0)"}, library.ErrorCode.REF),
    "a text of a thousand million characters": ({"A1": 'REPT("x",1E9)'}, library.ErrorCode.VALUE),
    "texts repeated and repeated": (
        {"A1": 'LEN(REPT(REPT(REPT("x",30000),30000),30000))'}, library.ErrorCode.VALUE,
    ),
    "a text replaced by longer ones": (
        {"A1": 'LEN(SUBSTITUTE(REPT("a",32000),"a",REPT("b",32000)))'}, library.ErrorCode.VALUE,
    ),
    "a wild pattern": ({"A1": 'SEARCH("*a*a*a*a*a*a*a*a*a*a*b",REPT("a",32000))'}, library.ErrorCode.VALUE),
    "a chain of 4,000 terms": ({"A1": "1" + "+B1-B2" * 2000, "B1": 3, "B2": 2}, 2001.0),
    "a text of 2,000 pieces": ({"A1": "LEN(" + "&".join(['"x"'] * 2000) + ")"}, 2000.0),
    "a union of 1,000 areas": ({"A1": "SUM((" + ",".join(["B1"] * 1000) + "))", "B1": 2}, 2000.0),
    "a tower of powers": ({"A1": "9^9^9^9"}, library.ErrorCode.NUM),
    "factorials of the universe": ({"A1": "FACT(1E300)"}, library.ErrorCode.NUM),
    "a function without end": ({"A1": "endless(1)"}, library.ErrorCode.NUM),
    "60 nested IFs": ({"A1": "IF(B1=1,1," * 60 + "5" + ")" * 60}, 5.0),
    "a sheet that does not exist": ({"A1": "Nowhere!A1"}, library.ErrorCode.REF),
    "a chain of 5,000 cells": ({"A1": "A2+1"} | {f"A{r}": f"A{r + 1}+1" for r in range(2, 5001)}, 5000.0),
}  # fmt: skip
ENDLESS = named({"endless": "_xlfn.LAMBDA(_xlpm.x,endless(_xlpm.x+1))"})


@pytest.mark.parametrize("name", COMPUTED)
def test_what_is_large_but_well_formed_is_computed(name: str, tmp_path: Path) -> None:
    formulas, expected = COMPUTED[name]
    workbook = calculated(save_rows(tmp_path / "book.xlsx", rows_of(formulas), names=ENDLESS))
    assert workbook.problems == {}
    if expected is not None:
        assert workbook["Sheet"]["A1"] == expected
    else:
        assert workbook["Sheet"]["B59"] == 6


@pytest.mark.parametrize("kind", ["", ' cm="1"'])
def test_array_formulas_over_the_whole_sheet_are_not_filled_in(kind: str, tmp_path: Path) -> None:
    formula = '<f t="array" ref="{0}1:{0}1048576">ROW()</f><v>7</v>'
    whole = f'<row r="1"><c r="A1"{kind}><f t="array" ref="A1:XFD1048576">1</f><v>7</v></c></row>'
    columns = "".join(
        f'<c r="{column_letters(n)}1"{kind}>{formula.format(column_letters(n))}</c>' for n in range(1, 60)
    )
    for rows in (whole, f'<row r="1">{columns}</row>'):
        workbook = calculated(save_rows(tmp_path / "book.xlsx", rows))
        assert "array formulas would fill" in workbook.problems["Sheet!A1"]
        workbook.save(tmp_path / "out.xlsx")
        (tmp_path / "out.xlsx").unlink()


def test_a_chain_of_thousands_of_terms_is_explained_audited_and_compared(tmp_path: Path) -> None:
    path = save_rows(tmp_path / "book.xlsx", rows_of({"A1": "B1" + "+B1" * 3999, "B1": 3, "C1": "1" + "*B1" * 600}))
    workbook = calculated(path)
    function = workbook.function("B1", "A1")
    assert function.gradient(function.x0).tolist() == [4000]
    ended = sheetml("explain", path, "A1")
    assert ended.code == 0 and "4,000 terms joined by +" in ended.out
    workbook.save(tmp_path / "saved.xlsx")
    for command in (("audit", path), ("inspect", path), ("check", path), ("compare", path, tmp_path / "saved.xlsx")):
        assert sheetml(*command).code in (0, 1)


def test_a_name_that_cannot_be_computed_is_no_problem_of_a_cell(tmp_path: Path) -> None:
    path = save_rows(
        tmp_path / "book.xlsx",
        rows_of({"A1": "B1+1", "B1": 2}),
        names=named(
            {"solver_opt": "NOSUCH(1)", "solver_adj": "[1]Far!A1", "solver_eng": "1", "solver_num": "0"}
        ).replace("<definedName ", '<definedName localSheetId="0" '),
    )
    ended = sheetml("audit", path)
    assert ended.code == 1 and "Solver model" in ended.out
    workbook = calculated(path)
    with pytest.raises(library.FormulaError):
        workbook.areas("NOSUCH(1)")
    assert workbook.problems == {}


def test_cells_that_a_workbook_does_not_hold_are_not_made_by_the_million(tmp_path: Path) -> None:
    workbook = calculated(save_rows(tmp_path / "book.xlsx", rows_of({"A1": "SUM(B:B)", "B1": 2})))
    with pytest.raises(library.FormulaError, match="of the cells named are not in the workbook, too many to add"):
        workbook.function("B1:B1048576", "A1")
    assert workbook.function("B1:B100000", "A1").x0.size == 100_000


def test_a_huge_declared_extent_costs_nothing(tmp_path: Path) -> None:
    part = worksheet(rows_of({"A1": "1+1"}), before='<dimension ref="A1:XFD1048576"/>')
    assert calculated(save(tmp_path / "book.xlsx", workbook_parts({"Sheet": part})))["Sheet"]["A1"] == 2


def test_tens_of_thousands_of_shared_formulas_are_one_block(tmp_path: Path) -> None:
    count = 50_000
    rows = f'<row r="1"><c r="A1"><f t="shared" ref="A1:A{count}" si="0">ROW()*2</f><v>7</v></c></row>'
    rows += "".join(f'<row r="{n}"><c r="A{n}"><f t="shared" si="0"/><v>7</v></c></row>' for n in range(2, count + 1))
    workbook = calculated(save_rows(tmp_path / "book.xlsx", rows))
    assert len(workbook.calculation.formulas.blocks) == 1
    assert workbook["Sheet"][f"A{count}"] == 2 * count


def test_a_solver_model_over_a_whole_sheet_is_refused_not_tried() -> None:
    model = solver_model({"A1": 1, "B1": "=SUM(A1:A9)"}, adjustable="A1:XFD1048576")
    with pytest.raises(library.SolverError, match=r"are 17,179,869,184 cells, more than the 1,000,000 allowed\.$"):
        model.solve()


WHOLE = "Other!A1:XFD1048576"  # a sheet with a cell in its last corner
CORNERS = {"A1": 1.0, "B1": 2.0, "XFD1048576": 5.0}
DOUBLED = {"name_0": "1"} | {f"name_{i}": f"_xlfn.VSTACK(name_{i - 1},name_{i - 1})" for i in range(1, 41)}
FIBONACCI = "_xlfn.LAMBDA(_xlpm.n,IF(_xlpm.n<2,1,again(_xlpm.n-1)+again(_xlpm.n-2)))"
ENORMOUS: dict[str, tuple[str, dict[str, str], object]] = {
    "numbers for the whole sheet": ("_xlfn.SEQUENCE(1048576,16384)", {}, "too large"),
    "random numbers for the whole sheet": ("_xlfn.RANDARRAY(1048576,16384)", {}, "too large"),
    "an array made for the whole sheet": (
        "SUM(_xlfn.MAKEARRAY(1048576,16384,_xlfn.LAMBDA(_xlpm.a,_xlpm.b,1)))", {}, "too large",
    ),
    "an array expanded to the whole sheet": ("SUM(_xlfn.EXPAND(B1:C2,1048576,16384,0))", {}, "too large"),
    "a unit matrix of a million rows": ("SUM(_xlfn.MUNIT(1000000))", {}, "too large"),
    "the inverse of a huge matrix": ("SUM(MINVERSE(_xlfn.RANDARRAY(5000,5000)))", {}, "too large"),
    "a whole sheet multiplied": (f"SUM(_xlfn.SINGLE({WHOLE})+{WHOLE}*2)", {}, None),
    "a whole sheet joined": (f'_xlfn.TEXTJOIN(",",FALSE,{WHOLE})', {}, "too large"),
    "a whole sheet strung together": (f"_xlfn.CONCAT({WHOLE})", {}, "too large"),
    "a whole sheet stood on its side": (f"SUMPRODUCT(TRANSPOSE({WHOLE}))", {}, "too large"),
    "a whole sheet sorted": (f"SUM(_xlfn._xlws.SORT({WHOLE}))", {}, "too large"),
    "a whole sheet in one column": (f"SUM(_xlfn.TOCOL({WHOLE}))", {}, "too large"),
    "26 columns in one row": ("SUM(_xlfn.TOROW(Other!A:Z))", {}, "too large"),
    "an offset over the whole sheet": ("SUM(OFFSET(Other!A1,0,0,1048576,16384))", {}, "too large"),
    "an offset beyond all numbers": ("SUM(OFFSET(Other!A1,0,0,1E300,1E300))", {}, library.ErrorCode.REF),
    "a whole sheet looked up by its text": ('SUM(INDIRECT("Other!1:1048576"))', {}, "too large"),
    "whole columns that are multiplied": ("SUMPRODUCT((Other!A:A=1)*(Other!B:B))", {}, 2.0),
    "a column compared with itself crosswise": ("SUMPRODUCT(--(Other!A:A=TRANSPOSE(Other!A:A)))", {}, "too large"),
    "a column against a wide row": ("SUMPRODUCT(Other!A:A*Other!1:1)", {}, "too large"),
    "sheets one below the other": (f"ROWS(_xlfn.VSTACK({','.join(['Other!A:Z'] * 200)}))", {}, "too large"),
    "arrays that double 40 times": ("ROWS(name_40)", DOUBLED, "calls its names and functions too often"),
    "a function that calls itself twice": ("again(60)", {"again": FIBONACCI}, "calls its names and functions"),
    "a name that is an area of its own size": ("SUM(me)", {"me": "OFFSET($B$1,0,0,COUNTA(me),1)"}, "nested too deeply"),
    "parentheses 10,000 deep": ("(" * 10_000 + "1" + ")" * 10_000, {}, "parentheses are nested"),
    "a text repeated beyond all measure": ('REPT("x",1E300)', {}, library.ErrorCode.VALUE),
}  # fmt: skip


@pytest.mark.parametrize("name", ENORMOUS)
def test_what_is_enormous_is_refused_by_its_size(name: str, tmp_path: Path) -> None:
    formula, names, expected = ENORMOUS[name]
    sheets: dict[str, bytes | str] = {"Sheet": rows_of({"A1": formula, "Z9": "1+2"}), "Other": rows_of(CORNERS)}
    path = save(tmp_path / "book.xlsx", workbook_parts(sheets, names=named(names)))
    within_limits(path)
    workbook = calculated(path)
    if isinstance(expected, str):
        assert expected in workbook.problems["Sheet!A1"]
    elif expected is not None:
        assert workbook["Sheet"]["A1"] == expected
    assert workbook["Sheet"]["Z9"] == 3


def within_limits(path: Path) -> None:
    """It is checked within 10 s of a processor's time and 1 GiB more memory."""
    assert what_is_wrong(("check", str(path))) == ""


def test_whole_columns_compared_row_by_row_fit_the_memory(tmp_path: Path) -> None:
    formulas: dict[str, str | float] = {f"A{row}": f"SUMPRODUCT((B:B={row})*(C:C=3))" for row in range(1, 30)}
    sheets: dict[str, bytes | str] = {"Sheet": rows_of(formulas | {"B9": 2, "C9": 3}), "Other": rows_of(CORNERS)}
    path = save(tmp_path / "book.xlsx", workbook_parts(sheets))
    within_limits(path)


def test_texts_that_grow_tenfold_from_cell_to_cell_end_in_an_error(tmp_path: Path) -> None:
    laughs = {"A1": '"lol"'} | {f"A{row}": "&".join([f"A{row - 1}"] * 10) for row in range(2, 60)}
    path = save_rows(tmp_path / "book.xlsx", rows_of(laughs))
    within_limits(path)
    assert calculated(path)["Sheet"]["A59"] == library.ErrorCode.VALUE


AROUND = {
    "merged cells": '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
    "formats": '<conditionalFormatting sqref="A1:XFD1048576"><cfRule type="expression" priority="1">'
    "<formula>SUM(A:XFD)>1</formula></cfRule></conditionalFormatting>",
    "validations": '<dataValidations count="1"><dataValidation type="list" sqref="A1:XFD1048576"><formula1>A:XFD'
    "</formula1></dataValidation></dataValidations>",
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_said_of_all_cells_costs_nothing(name: str, tmp_path: Path) -> None:
    part = worksheet(rows_of({"A1": "1+1", "XFD1048576": 1}), after=AROUND[name])
    path = save(tmp_path / "book.xlsx", workbook_parts({"Sheet": part}))
    for command in ("check", "inspect", "audit"):
        assert what_is_wrong((command, str(path))) == ""
    workbook = calculated(path)
    workbook["Sheet"]["B1"] = 1
    workbook.save(tmp_path / "out.xlsx")
    assert library.open(tmp_path / "out.xlsx")["Sheet"]["A1"] == 2


def test_hidden_names_by_the_thousand_and_a_shared_formula_over_everything(tmp_path: Path) -> None:
    names = "".join(
        f'<definedName name="n{i}" hidden="1">Sheet!$A$1+n{(i + 1) % 5000}</definedName>' for i in range(5000)
    )
    row = '<row r="1"><c r="A1"><f t="shared" ref="A1:XFD1048576" si="0">B1+1</f><v>1</v></c></row>'
    path = save_rows(tmp_path / "book.xlsx", row, names=names)
    for command in ("check", "inspect", "audit"):
        assert what_is_wrong((command, str(path))) == ""
    assert calculated(path)["Sheet"]["A1"] == 1


def test_a_solver_model_of_thousands_of_cells_is_solved_by_chance_alone() -> None:
    model = solver_model(
        {"B1": "=SUM(C3:AGV30)"}, adjustable="C3:AGV30", eng=3,
        subject_to=(("C3:AGV30", ">=", 1), ("C3:AGV30", "<=", 10)),
    )  # fmt: skip
    assert model.solve(max_time=1, max_iterations=2).message


# ---- a mutated workbook: the reader, the planner, the engine, the writer


def victim() -> dict[str, bytes]:
    """The parts of a small workbook with something of everything."""
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>A1*2+SUM(A$1:A1)</f><v>3</v></c>'
        '<c r="C1" t="s"><v>0</v></c><c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c></row>'
        '<row r="2"><c r="A2"><v>2.5</v></c><c r="B2"><f t="shared" ref="B2:B3" si="0">A2*2+SUM(A$1:A2)</f>'
        "<v>8.5</v></c>"
        '<c r="C2" t="str"><f>C1&amp;"!"</f><v>one!</v></c><c r="D2"><f t="array" ref="D2:E3">A2:B3*2</f>'
        "<v>5</v></c></row>"
        '<row r="3"><c r="A3"><v>-4</v></c><c r="B3"><f t="shared" si="0"/><v>-8.5</v></c>'
        '<c r="C3" t="inlineStr"><is><t>two</t></is></c></row>'
        '<row r="4"><c r="A4"><f>IF(total>0,SQRT(total),OFFSET(A1,1,0)/0)</f><v>0</v></c>'
        '<c r="B4"><f>SUMXMY2(A1:A3,B1:B3)</f><v>0</v></c></row>'
    )
    names = named({"total": "SUM(Sheet!$A$1:$A$3)"}) + "".join(
        f'<definedName name="solver_{name}" localSheetId="0" hidden="1">{text}</definedName>'
        for name, text in {
            "opt": "Sheet!$B$4", "adj": "Sheet!$A$1:$A$3", "typ": "2", "neg": "2", "num": "1", "lhs1": "Sheet!$B$1",
            "rel1": "1", "rhs1": "9", "eng": "1",
        }.items()
    )  # fmt: skip
    return workbook_parts(
        {"Sheet": rows, "Other": rows_of({"A1": "Sheet!B2+1"})}, strings="<si><t>one</t></si>", names=names
    )


VICTIM = victim()


def used(path: Path) -> None:
    """Everything a command would do with the file."""
    workbook = library.open(path)
    workbook.calculate()
    for model in workbook.solver_models:
        model.describe()
        model.solve(max_iterations=2)
    workbook.save(path.with_name("out.xlsx"), overwrite=True)
    library.open(path.with_name("out.xlsx"))


def test_the_workbook_to_be_mutated_is_well(tmp_path: Path) -> None:
    used(save(tmp_path / "book.xlsx", VICTIM))
    assert library.open(tmp_path / "out.xlsx")["Sheet"]["C2"] == "one!"


pieces = st.one_of(
    st.binary(max_size=3),
    st.sampled_from(
        [b"<", b">", b'"', b"'", b"&", b"&#0;", b"&#x41;", b"/", b"r=", b"-1", b"1e999", b"99999999999", b"nan", b"A0",
         b"XFE1", b"A1048577", b"$", b"!", b":", b"(", b")", b",", b"#REF!", b"t=\"s\"", b"t=\"array\"", b"<c/>",
         b"<row/>", b"<f>", b"</f>", b"\x00", b"\xff", b"]]>", b"<!--", b"%", b"^", b"{", b"}", b"@", b"SUM", b" "]
    ),
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_workbook_is_used_or_refused_in_one_sentence(data: st.DataObject, tmp_path: Path) -> None:
    parts = dict(VICTIM)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(parts)))
        content = parts[name]
        start = data.draw(st.integers(0, len(content)))
        end = min(start + data.draw(st.integers(0, 6)), len(content))
        parts[name] = content[:start] + data.draw(pieces) + content[end:]
    path = save(tmp_path / "book.xlsx", parts)
    try:
        used(path)
    except library.SheetmlError as error:
        assert "\n" not in str(error) and str(error).strip()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_workbook_file_with_bytes_changed_is_used_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(zipped(VICTIM))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "book.xlsx"
    path.write_bytes(bytes(content))
    try:
        used(path)
    except library.SheetmlError as error:
        assert "\n" not in str(error) and str(error).strip()


texts = st.text(
    st.sampled_from("ABZ$19:!,;()[]{}#@%&\"'=<>+-*/^ .eE_xlfn"), max_size=25
) | st.lists(
    st.sampled_from(
        ["A1", "B2:C9", "A:A", "1:1", "SUM(", "IF(", "OFFSET(", "INDEX(", "LET(", "_xlfn.LAMBDA(", "MAP(", ")", ",",
         "+", "*", "^", "%", "&", "=", "<>", '"x"', "1E308", "-", "{1,2;3,4}", "{1}", "total", "Sheet!A1", "#N/A",
         "TRUE", "MMULT(", "MATCH(", "@", "A1#", "Other!1:9", "INDIRECT(", "_xlpm.x", "ROW(", "SEQUENCE(", "9", "0"]
    ), max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_any_text_as_a_formula_costs_its_own_cell_at_most(text: str, tmp_path: Path) -> None:
    path = save_rows(tmp_path / "book.xlsx", rows_of({"A1": 1, "F9": text, "Z99": "A1+1"}), names=named({"total": "5"}))
    workbook = calculated(path)
    reason = workbook.problems.get("Sheet!F9", "")
    assert "sheetml failed on this formula" not in reason, reason
    assert workbook["Sheet"]["Z99"] in (2, library.ErrorCode.UNCOMPUTABLE, 7)
    workbook.save(tmp_path / "out.xlsx", overwrite=True)
