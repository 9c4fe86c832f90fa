"""What the audit finds in workbooks, and what it leaves in peace."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml.cli import main
from sheetml.report.audit import RULES, Finding, audit
from sheetml.report.audit.sarif import to_sarif
from tests.reference import PROJECT, reference, reference_files
from tests.report.clean_workbooks import KINDS, built
from tests.workbooks import fill, made

COLLAB, GRADDESC = ("workbooks", "collab_filter.xlsx"), ("workbooks", "graddesc_without_macros.xlsx")


def found(cells: dict[str, Any], **sheets: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rule, severity and place of all findings on a small workbook."""
    return brief(audit(made(cells, **sheets)))


def brief(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.severity, finding.place) for finding in findings]


def with_model(tmp_path: Path, cells: dict[str, Any], **names: str) -> sheetml.Workbook:
    """A workbook with a Solver model on Sheet1 from its names without their prefix."""
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    fill(book.active, cells)
    for name, text in {"typ": "2", "eng": "1", "neg": "2", **names}.items():
        book.active.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    book.save(tmp_path / "model.xlsx")
    return sheetml.open(tmp_path / "model.xlsx")


def column(letter: str, formula: str, rows: range) -> dict[str, Any]:
    """Cells of one column with the same formula, in which # stands for the row."""
    return {f"{letter}{row}": formula.replace("#", str(row)) for row in rows}


def numbers(letter: str, rows: range, seed: int = 0) -> dict[str, Any]:
    draw = random.Random(seed)
    return {f"{letter}{row}": draw.uniform(1, 9) for row in rows}


# ---- nothing where nothing is ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_a_clean_workbook(kind: Any, seed: int, tmp_path: Path) -> None:
    built(kind, seed).save(tmp_path / "clean.xlsx")
    assert audit(sheetml.open(tmp_path / "clean.xlsx")) == []


@pytest.mark.parametrize("path", sorted((PROJECT / "workbooks").glob("*.xlsx")), ids=lambda path: path.name)
def test_nothing_severe_is_found_in_the_projects_own_workbooks(path: Path) -> None:
    assert [finding for finding in audit(sheetml.open(path)) if finding.severity != "note"] == []


# ---- the reference workbooks -------------------------------------------------------------------


def test_all_that_is_odd_in_graddesc_is_found_and_nothing_else() -> None:
    findings = audit(sheetml.open(reference(*GRADDESC)))
    assert brief(findings) == [
        ("broken-pattern", "error", "adam_ann!J5"),
        ("dead-name", "warning", "momentum!gradtarget"),
        ("dead-name", "warning", "momentum!ms_last"),
        ("dead-name", "warning", "rmsprop!pct_clipped"),
        ("no-mean", "note", "'basic SGD'!F33"),
        ("wrong-derivative", "note", "'basic SGD'!H4:H32"),
        ("wrong-derivative", "note", "'basic SGD'!J4:J32"),
    ]
    assert "=J4*$J$1+$K$1*F5" in findings[0].mend
    assert "forward difference with step 0.01" in findings[5].message
    assert "by up to 0.01," in findings[5].message
    assert "by up to 98.01," in findings[6].message  # 0.01 times the square of the largest x, 99


def test_all_that_is_odd_in_collab_filter_is_found_and_nothing_else() -> None:
    findings = audit(sheetml.open(reference(*COLLAB)))
    assert brief(findings) == [
        ("blank-predicted", "warning", "bias!H26:V40"),
        ("no-mean", "note", "bias!V42"),
    ]
    assert "19 of 225 cells" in findings[0].message
    assert "dotprod!V41" in findings[1].message


@pytest.mark.parametrize("name", reference_files("functions/*.xlsx"))
def test_any_workbook_can_be_audited(name: str) -> None:
    for finding in audit(sheetml.open(reference(*name.split("/")))):
        assert finding.message
        assert "could not be applied" not in finding.message
        assert "sheetml failed" not in finding.message


# ---- patterns ----------------------------------------------------------------------------------


def test_a_formula_that_breaks_its_columns_pattern_is_an_error() -> None:
    cells = numbers("A", range(1, 11)) | numbers("D", range(1, 11), 1) | column("B", "=A#*2", range(1, 11))
    assert found(cells) == []
    findings = audit(made(cells | {"B6": "=D6*2"}))
    assert brief(findings) == [("broken-pattern", "error", "Sheet1!B6")]
    assert findings[0].mend.startswith("Write =A6*2")


def test_a_formula_that_breaks_its_rows_pattern_is_an_error() -> None:
    cells = {f"{letter}1": index for index, letter in enumerate("ABCDEFGH")}
    cells |= {f"{letter}2": f"={letter}1+1" for letter in "ABCDEFGH"}
    assert found(cells | {"D2": "=A1+1"}) == [("broken-pattern", "error", "Sheet1!D2")]


def test_a_break_without_effect_just_now_is_a_warning() -> None:
    cells = {f"A{row}": 1 for row in range(1, 11)} | column("B", "=A#*2", range(1, 11))
    assert found(cells | {"B6": "=A5*2"}) == [("broken-pattern", "warning", "Sheet1!B6")]


def test_dollar_signs_alone_break_no_pattern() -> None:
    cells = numbers("A", range(1, 11)) | column("B", "=A#*2", range(1, 11))
    assert found(cells | {"B6": "=$A$6*2"}) == []


def test_a_subtotal_breaks_no_pattern() -> None:
    cells = numbers("A", range(1, 12)) | column("B", "=A#*2", range(1, 12))
    assert found(cells | {"B6": "=SUM(B1:B5)"}) == []


def test_a_number_typed_over_a_formula_is_a_warning() -> None:
    cells = numbers("A", range(1, 11)) | column("B", "=A#*2", range(1, 11))
    assert found(cells | {"B6": 7}) == [("constant-over-formula", "warning", "Sheet1!B6")]


def test_a_column_half_typed_is_its_own_manner() -> None:
    cells = numbers("A", range(1, 13)) | column("B", "=A#*2", range(1, 13))
    assert found(cells | {f"B{row}": row for row in (3, 5, 7, 9)}) == []


def test_a_sum_that_stops_a_row_before_its_formulas_do_is_found() -> None:
    cells = numbers("A", range(1, 11)) | column("B", "=A#*2", range(1, 11))
    assert found(cells | {"D1": "=SUM(B1:B10)"}) == []
    findings = audit(made(cells | {"D1": "=SUM(B1:B9)"}))
    assert brief(findings) == [("short-range", "warning", "Sheet1!D1")]
    assert findings[0].mend == "Let the range be Sheet1!B1:B10."


def test_a_sum_that_stops_a_row_before_its_numbers_do_is_found() -> None:
    cells = {f"A{row}": f"item {row}" for row in range(2, 12)} | numbers("B", range(2, 12))
    assert found(cells | {"B13": "=SUM(B2:B11)"}) == []
    assert found(cells | {"B13": "=SUM(B2:B10)"}) == [("short-range", "warning", "Sheet1!B13")]


def test_a_sum_over_a_part_on_purpose_is_left_in_peace() -> None:
    cells = numbers("A", range(1, 31)) | column("B", "=A#*2", range(1, 31))
    assert found(cells | {"D1": "=AVERAGE(B1:B20)", "D2": "=AVERAGE(B21:B30)"}) == []


# ---- values ------------------------------------------------------------------------------------


def test_only_the_root_of_an_error_is_named() -> None:
    findings = audit(made({"A1": "=LN(-1)", "A2": "=A1+1", "A3": "=SUM(A1:A2)"}))
    assert brief(findings) == [("error-value", "error", "Sheet1!A1")]
    assert "#NUM!" in findings[0].excel


@pytest.mark.parametrize(
    ("formula", "why"), [("=#REF!+1", "cells that were deleted"), ("=nosuchname*2", "no name nosuchname")]
)
def test_an_error_says_what_in_the_formula_causes_it(formula: str, why: str) -> None:
    assert why in audit(made({"A1": formula}))[0].message


def test_na_on_purpose_is_a_note() -> None:
    assert found({"A1": "=IF(1>0,NA(),2)"}) == [("error-value", "note", "Sheet1!A1")]


def test_a_division_by_a_blank_cell_is_found_once() -> None:
    cells = numbers("A", range(1, 6)) | numbers("B", range(1, 5)) | column("C", "=A#/B#", range(1, 6))
    assert found(cells) == [("division-by-blank", "error", "Sheet1!C5")]
    guarded = column("C", '=IF(B#="","",A#/B#)', range(1, 6))
    assert found(cells | guarded) == []


def test_a_number_as_text_is_a_warning_where_a_sum_leaves_it_out() -> None:
    cells = numbers("A", range(1, 6)) | {"A3": "3.5", "C1": "=SUM(A1:A5)"}
    assert found(cells) == [("text-number", "warning", "Sheet1!A3")]
    assert found(numbers("A", range(1, 6)) | {"A3": "1,234"}) == [("text-number", "note", "Sheet1!A3")]
    assert found({"A1": "00123", "A2": "00456", "C1": "=A1"}) == []


@pytest.mark.parametrize("formula", ["=MATCH(3,A1:A5)", "=VLOOKUP(3,A1:B5,2)", "=VLOOKUP(3,A1:B5,2,TRUE)"])
def test_an_approximate_lookup_in_unsorted_cells_is_an_error(formula: str) -> None:
    rows = {"A1": 5, "A2": 1, "A3": 3, "A4": 2, "A5": 4} | numbers("B", range(1, 6))
    assert found(rows | {"D1": formula}) == [("unsorted-lookup", "error", "Sheet1!D1")]
    in_order = {f"A{row}": row for row in range(1, 6)}
    assert found(rows | in_order | {"D1": formula}) == []


@pytest.mark.parametrize("formula", ["=MATCH(3,A1:A5,0)", "=VLOOKUP(3,A1:B5,2,FALSE)", "=MATCH(3,A1:A5,-1)"])
def test_other_lookups_need_no_such_order(formula: str) -> None:
    rows = {f"A{row}": 6 - row for row in range(1, 6)} | numbers("B", range(1, 6))
    assert found(rows | {"D1": formula}) == []


def test_a_conditional_sum_over_areas_of_two_sizes_is_a_warning() -> None:
    cells = numbers("A", range(1, 9)) | numbers("B", range(1, 9))
    assert found(cells | {"D1": '=SUMIF(A1:A8,">2",B1:B4)'}) == [("sizes-differ", "warning", "Sheet1!D1")]


def test_a_circular_reference_is_an_error() -> None:
    assert found({"A1": "=B1+1", "B1": "=A1*2"}) == [("circular-reference", "error", "Sheet1!A1:B1")]


def test_what_sheetml_cannot_compute_is_noted() -> None:
    assert found({"A1": "=NOSUCHFUNCTION(1)"})[-1] == ("not-computed", "note", "Sheet1!A1")


# ---- names and inputs --------------------------------------------------------------------------


def test_a_dead_name_is_an_error_where_a_formula_uses_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    book.active["A1"] = "=used+1"
    for name in ("used", "unused"):
        book.defined_names[name] = DefinedName(name, attr_text="Sheet1!#REF!")
    book.save(tmp_path / "names.xlsx")
    findings = brief(audit(sheetml.open(tmp_path / "names.xlsx"), only=["dead-name"]))
    assert findings == [("dead-name", "error", "used"), ("dead-name", "warning", "unused")]


def test_a_labelled_number_that_nothing_reads_is_noted() -> None:
    cells = {"A1": "rate", "B1": 0.1, "A3": "years", "B3": 3, "A5": "tax", "B5": 0.3, "A7": "result", "B7": "=B1*B3"}
    assert found(cells) == [("unused-input", "note", "Sheet1!B5")]
    assert found(cells | {"B7": "=B1*B3*B5"}) == []


# ---- Solver models -----------------------------------------------------------------------------


MODEL = {"A1": 1.0, "A2": 2.0, "B1": "=(A1-3)^2+(A2-4)^2"}


def test_a_sound_model_is_left_in_peace(tmp_path: Path) -> None:
    assert audit(with_model(tmp_path, MODEL, opt="Sheet1!$B$1", adj="Sheet1!$A$1:$A$2")) == []


def test_adjustable_cells_without_influence_are_named(tmp_path: Path) -> None:
    book = with_model(tmp_path, MODEL | {"A3": 3.0}, opt="Sheet1!$B$1", adj="Sheet1!$A$1:$A$3")
    assert brief(audit(book)) == [("idle-adjustable", "warning", "Sheet1!A3")]


def test_an_objective_that_depends_on_no_adjustable_cell_is_an_error(tmp_path: Path) -> None:
    book = with_model(tmp_path, MODEL | {"A3": 3.0}, opt="Sheet1!$B$1", adj="Sheet1!$A$3")
    assert brief(audit(book)) == [("idle-adjustable", "error", "Sheet1!A3")]


def test_adjustable_cells_that_only_a_constraint_depends_on_are_no_mistake(tmp_path: Path) -> None:
    cells = MODEL | {"A3": 3.0, "B2": "=A1-A3"}
    names = {"num": "1", "lhs1": "Sheet1!$B$2", "rel1": "1", "rhs1": "0"}
    assert audit(with_model(tmp_path, cells, opt="Sheet1!$B$1", adj="Sheet1!$A$1:$A$3", **names)) == []


def test_adjustable_cells_that_are_formulas_or_text_are_errors(tmp_path: Path) -> None:
    cells = MODEL | {"A2": "=A1+1", "A3": "x", "B1": "=A1+A2+N(A3)"}
    book = with_model(tmp_path, cells, opt="Sheet1!$B$1", adj="Sheet1!$A$1:$A$3")
    assert brief(audit(book)) == [
        ("adjustable-formula", "error", "Sheet1!A2"),
        ("adjustable-not-number", "error", "Sheet1!A3"),
    ]


def test_an_objective_without_a_formula_is_an_error(tmp_path: Path) -> None:
    book = with_model(tmp_path, {"A1": 1.0, "B1": 2.0}, opt="Sheet1!$B$1", adj="Sheet1!$A$1")
    assert brief(audit(book)) == [("objective-without-formula", "error", "Sheet1!B1")]


def test_a_model_that_names_deleted_cells_is_an_error(tmp_path: Path) -> None:
    book = with_model(tmp_path, MODEL, opt="Sheet1!#REF!", adj="Sheet1!$A$1:$A$2")
    assert brief(audit(book)) == [("broken-model", "error", "Sheet1")]


def test_a_random_objective_is_a_warning(tmp_path: Path) -> None:
    cells = MODEL | {"C1": "=RAND()", "B1": "=(A1-3)^2+(A2-4)^2+C1"}
    book = with_model(tmp_path, cells, opt="Sheet1!$B$1", adj="Sheet1!$A$1:$A$2")
    assert brief(audit(book)) == [("volatile-model", "warning", "Sheet1!C1")]


def test_a_guard_that_covers_only_a_part_lets_blanks_be_predicted() -> None:
    rows = range(1, 9)
    cells = {key: value for key, value in numbers("A", rows).items() if key != "A4"} | numbers("B", rows, 1)
    cells |= {"D1": 0.5, "E1": "=SUMXMY2(A1:A8,C1:C8)"}
    assert found(cells | column("C", '=IF(A#="",0,B#*2)+$D$1', rows)) == [
        ("blank-predicted", "warning", "Sheet1!C1:C8")
    ]
    assert found(cells | column("C", '=IF(A#<>"",B#*2,0)+$D$1', rows)) == [
        ("blank-predicted", "warning", "Sheet1!C1:C8")
    ]
    assert found(cells | column("C", '=IF(A#="",0,B#*2+$D$1)', rows)) == []


def test_a_sum_that_goes_on_after_a_guard_is_no_mistake_where_nothing_is_compared() -> None:
    rows = range(1, 9)
    cells = {key: value for key, value in numbers("A", rows).items() if key != "A4"} | {"D1": 0.5, "E1": "=SUM(C1:C8)"}
    assert found(cells | column("C", '=IF(A#="",0,A#*2)+$D$1', rows)) == []


# ---- derivatives -------------------------------------------------------------------------------


def descent(derivative: str, heading: str = "de/db", rows: range = range(4, 14)) -> dict[str, Any]:
    """A table of x, y, a, b, prediction and squared error, and a column with a derivative."""
    cells: dict[str, Any] = {"A3": "x", "B3": "y", "C3": "a", "D3": "b", "E3": "pred", "F3": "err^2", "G3": heading}
    cells |= numbers("A", rows) | numbers("B", rows, 1) | numbers("C", rows, 2) | numbers("D", rows, 3)
    cells |= column("E", "=C#*A#+D#", rows) | column("F", "=(E#-B#)^2", rows) | column("G", derivative, rows)
    return cells


@pytest.mark.parametrize(
    ("derivative", "heading"),
    [("=2*(E#-B#)", "de/db"), ("=2*(E#-B#)*A#", "de/da"), ("=A#", "dpred/da"), ("=2*(E#-B#)", "de/dpred")],
)
def test_an_exact_derivative_is_left_in_peace(derivative: str, heading: str) -> None:
    assert found(descent(derivative, heading)) == []


def test_a_wrong_derivative_is_an_error_where_the_heading_names_the_columns() -> None:
    findings = audit(made(descent("=2*E#-B#")))
    assert brief(findings) == [("wrong-derivative", "error", "Sheet1!G4:G13")]
    assert 'Sheet1!F4:F13 ("err^2") by Sheet1!D4:D13 ("b")' in findings[0].message


def test_rows_that_disagree_while_most_agree_are_errors() -> None:
    cells = descent("=IF(A#>6,0,2*(E#-B#))", "de/dparameter")
    assert [row for row in range(4, 14) if cells[f"A{row}"] > 6] == [4, 5, 10]
    findings = audit(made(cells))
    assert brief(findings) == [("wrong-derivative", "error", "Sheet1!G4:G5, Sheet1!G10")]
    assert 'by Sheet1!D4:D13 ("b"), which the other rows are' in findings[0].message


def test_a_derivative_without_its_factor_is_a_warning() -> None:
    findings = audit(made(descent("=E#-B#")))
    assert brief(findings) == [("wrong-derivative", "warning", "Sheet1!G4:G13")]
    assert findings[0].message.startswith("0.5 times the derivative")


@pytest.mark.parametrize(
    ("derivative", "kind"),
    [
        ("=((C#*A#+D#+0.01-B#)^2-F#)/0.01", "forward"),
        ("=(F#-(C#*A#+D#-0.01-B#)^2)/0.01", "backward"),
        ("=((C#*A#+D#+0.5-B#)^4-(C#*A#+D#-0.5-B#)^4)/(2*0.5)", "central"),
    ],
)
def test_a_derivative_by_differences_is_noted_with_what_the_step_costs(derivative: str, kind: str) -> None:
    cells = descent(derivative, "est. de/db")
    if kind == "central":  # of a square it would be exact
        cells |= column("F", "=(E#-B#)^4", range(4, 14))
    findings = audit(made(cells))
    assert brief(findings) == [("wrong-derivative", "note", "Sheet1!G4:G13")]
    assert f"a {kind} difference" in findings[0].message


# ---- the command -------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    return int(ended.value.code or 0)


def test_the_exit_code_is_1_where_there_is_an_error_and_0_for_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = numbers("A", range(1, 11)) | column("B", "=A#*2", range(1, 11))
    made(cells | {"B6": 7}).save(tmp_path / "warning.xlsx")
    made(cells | {"B6": "=A5*2"}).save(tmp_path / "error.xlsx")
    assert run(str(tmp_path / "warning.xlsx")) == 0
    assert "1 warning." in capsys.readouterr().out
    assert run(str(tmp_path / "error.xlsx"), "--json") == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["rule"] == "broken-pattern"
    assert run(str(tmp_path / "error.xlsx"), "--ignore", "broken-pattern") == 0
    assert "nothing odd" in capsys.readouterr().out
    assert run(str(tmp_path / "error.xlsx"), "--only", "nosuch") == 2
    assert run(str(tmp_path / "missing.xlsx")) == 2


def test_the_findings_are_written_in_sarif(tmp_path: Path) -> None:
    book = tmp_path / "a book.xlsx"
    made({"A1": "=1/0", "B1": "=B1"}).save(book)
    assert run(str(book), "--sarif", str(tmp_path / "found.sarif"), "-q") == 1
    document = json.loads((tmp_path / "found.sarif").read_text())
    check_sarif(document)
    results = document["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"error-value", "circular-reference"}
    assert "a%20book.xlsx" in results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].startswith("Sheet1!")


def test_every_severity_and_rule_fits_sarif() -> None:
    findings = [
        Finding(rule.name, severity, "A!A1", "odd.", rule.excel, rule.mend)
        for rule in RULES
        for severity in ("error", "warning", "note")
    ]
    check_sarif(to_sarif(Path("folder/book.xlsx"), findings, RULES, "1.0"))


def check_sarif(document: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 asks of the properties that are used (sections 3.13 to 3.49)."""
    jsonschema = pytest.importorskip("jsonschema")
    message = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
    rule = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9]*$"},
            "shortDescription": message,
            "help": message,
        },
        "additionalProperties": False,
    }
    location = {
        "type": "object",
        "properties": {
            "physicalLocation": {
                "type": "object",
                "required": ["artifactLocation"],
                "properties": {
                    "artifactLocation": {
                        "type": "object",
                        "properties": {"uri": {"type": "string", "pattern": r"^[^ \\]+$"}},
                        "additionalProperties": False,
                    },
                    "region": {
                        "type": "object",
                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                        "additionalProperties": False,
                    },
                },
                "additionalProperties": False,
            },
            "logicalLocations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"fullyQualifiedName": {"type": "string"}, "kind": {"type": "string"}},
                    "additionalProperties": False,
                },
            },
        },
        "additionalProperties": False,
    }
    result = {
        "type": "object",
        "required": ["message"],
        "properties": {
            "ruleId": {"type": "string"},
            "ruleIndex": {"type": "integer", "minimum": -1},
            "level": {"enum": ["none", "note", "warning", "error"]},
            "message": message,
            "locations": {"type": "array", "items": location},
            "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "additionalProperties": False,
    }
    driver = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "version": {"type": "string"},
            "rules": {"type": "array", "items": rule, "uniqueItems": True},
        },
        "additionalProperties": False,
    }
    run_ = {
        "type": "object",
        "required": ["tool"],
        "properties": {
            "tool": {"type": "object", "required": ["driver"], "properties": {"driver": driver}},
            "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            "results": {"type": "array", "items": result},
        },
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "required": ["version", "runs"],
        "properties": {
            "$schema": {"type": "string", "format": "uri"},
            "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": run_},
        },
        "additionalProperties": False,
    }
    jsonschema.validate(document, schema)
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    for each in document["runs"][0]["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
