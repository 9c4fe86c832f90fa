"""The law of straight-line code: a formula that stands alone has the value that it has as a vector of one cell."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.engine.compiled.straight import CAREFUL
from sheetml.engine.plan import Straight
from sheetml.xlsx.model import ErrorCode
from tests.engine.functions import operands
from tests.engine.test_blocks_equal_cells import CASES, Drawing, same
from tests.engine.test_edits import apply
from tests.workbooks import made

ITEMS: list[Any] = [0, 1, -1, 2.5, 0.1, 0.3, 1e-7, 1e200, -3.75, 12345.678, True, False, None, "x", "2", ""]
ITEMS += ["#N/A", "#DIV/0!", "=1/0", "=0.1+0.2", "=1=1", "=1E300*1E300", '="a"&"b"']
FORMS = (
    *("{a}+{b}", "{a}-{b}", "{a}*{b}", "{a}/{b}", "{a}^{b}", "-{a}", "+{a}", "{a}%", "({a}-{b})", "{a}*{b}-{c}*{d}"),
    *("{a}={b}", "{a}<>{b}", "{a}<{b}", "{a}>={b}", "{a}", "1/({a}*{b})", "{a}-{b}+{c}", "({a}+{b})*({c}-{d})/{b}"),
    *("IF({a}>{b},{c},{d})", "IF({a},{b},{c})", "IF({a}>{b},{c}*2,1/{d})", "IF({a}=0,0,{b}/{a})", "IF({a},{b})"),
    *("IF({a}>1,,{b})", "IF(NOT({a}>{b}),{c},{d})", "IF(AND({a}>0,{b}>0),1,2)", "OR({a}>{b},{c}>{d})", "AND({a},{b})"),
    *(
        "SUM({r})",
        "SUM({r},{a},3)",
        "SUM({a},{r},{r})*2",
        "SUM({a},{b})",
        "AVERAGE({r})",
        "AVERAGE({r},{a},{b}+1)",
        "AVERAGE({a},{b}*2)",
    ),
    *("MIN({r})", "MAX({r},{a})", "MAX({a},{b},{c})", "MIN({a}+1,{b})", "MAX({a}*{b},0)", "SUM(IF({a}>0,{b},{c}),{d})"),
    *("ABS({a})", "ABS({a}-{b})", "SQRT({a})", "EXP({a})", "LN({a})", "LOG10({a})", "SIGN({a})", "ATAN({a}*{b})"),
    *("ROUND({a},{b})", "ROUND({a}*3,2)", "ROUNDUP({a},1)", "ROUNDDOWN({a},{b})", "TRUNC({a})", "TRUNC({a},1)"),
    *(
        "INT({a})",
        "INT({a}*{b})",
        "CEILING({a},{b})",
        "FLOOR({a},{b})",
        "MOD({a},{b})",
        "POWER({a},{b})",
        "TRUE",
        "PI()*{a}",
    ),
    *(
        "({a}>{b})*2+({c}>{d})",
        "SINH({a})+COSH({b})+TANH({c})",
        "SIN({a})*COS({b})",
        "SIN(PI()*{a})",
        "{a}+#N/A",
        "IF({a}>0,#N/A,{b})",
        "{a}&{b}",
        "{r}",
    ),
)


def drawn(draw: random.Random, cells: dict[str, Any], form: str, columns: str = "ABCDEF", rows: int = 6) -> str:
    """A formula of some cells: single ones, and areas of one to eight."""

    def cell() -> str:
        return (
            draw.choice(["", "$"]).join(["", draw.choice(columns)])
            + draw.choice(["", "$"])
            + str(draw.randint(1, rows))
        )

    top, left, height, width = draw.randint(1, rows - 2), draw.randrange(4), draw.randint(1, 2), draw.randint(1, 3)
    area = f"{columns[left]}{top}:{columns[min(left + width, 6) - 1]}{top + height}"
    return "=" + form.format(a=cell(), b=cell(), c=cell(), d=cell(), r=area)


def sheet(seed: int, formulas: int = 60, odd: float = 0.35) -> dict[str, Any]:
    """Values of every kind in A1:F6, and formulas on them and on each other in H."""
    draw = random.Random(seed)
    cells: dict[str, Any] = {
        f"{column}{row}": draw.choice(ITEMS)
        if draw.random() < odd
        else round(draw.uniform(-5, 5), draw.choice([0, 1, 9]))
        for column in "ABCDEF"
        for row in range(1, 7)
    }
    for row in range(1, formulas + 1):
        cells[f"H{row}"] = drawn(draw, cells, draw.choice(FORMS))
        if row > 8 and draw.random() < 0.5:
            above = [f"H{draw.randint(1, row - 1)}" for _ in range(4)]
            first = draw.randint(1, row - 4)
            form = draw.choice(FORMS)
            cells[f"H{row}"] = "=" + form.format(**dict(zip("abcd", above)), r=f"H{first}:H{first + 3}")
    return cells


def values(workbook: sheetml.Workbook, rows: int = 60) -> list[Any]:
    return [workbook["Sheet1"][f"H{row}"] for row in range(1, rows + 1)]


def by_vectors(cells: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> sheetml.Workbook:
    """The same workbook calculated without any straight-line code."""
    with monkeypatch.context() as patched:
        patched.setattr("sheetml.engine.compiled.straight.FEW_CELLS", 0)
        workbook = made(cells)
        workbook.calculate()
    assert not any(isinstance(stage, Straight) for stage in workbook.calculation.plan.stages)
    return workbook


@pytest.fixture(params=["one by one", "by the machine"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How lines are run."""
    if request.param == "by the machine":
        monkeypatch.setattr("sheetml.engine.compiled.by_machine.LINES_WORTH_LOADING", 0)
        monkeypatch.setattr("sheetml.engine.compiled.by_machine.RUNS_WORTH_A_PROGRAM", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(12))
def test_straight_line_code_gives_what_vectors_give(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = sheet(seed)
    expected = values(by_vectors(cells, monkeypatch))
    workbook = made(cells)
    workbook.calculate()
    assert any(isinstance(stage, Straight) for stage in workbook.calculation.plan.stages)
    for row, (found, wanted) in enumerate(zip(values(workbook), expected), 1):
        assert same(found, wanted), f"H{row} {cells[f'H{row}']}: {found} in a line, {wanted} as a vector"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(8))
def test_after_changes_of_any_kind_straight_line_code_gives_what_a_fresh_calculation_does(seed: int) -> None:
    """Numbers become text, errors, blanks; formulas recover from errors; only what depends on a change is run."""
    cells, draw = sheet(seed + 100, odd=0.2), random.Random(seed)
    workbook = made(cells)
    workbook.calculate()
    for _ in range(6):
        address, item = f"{draw.choice('ABCDEF')}{draw.randint(1, 6)}", draw.choice(ITEMS)
        if any(isinstance(each, str) and each.startswith("=") for each in (item, cells[address])):
            continue
        cells[address] = ErrorCode.NA if item == "#N/A" else ErrorCode.DIV0 if item == "#DIV/0!" else item
        workbook["Sheet1"][address] = cells[address]
        workbook.calculate()
        held = {key: values(workbook)[int(key[1:]) - 1] for key in cells if key.startswith("H")}
        workbook.calculation.calculate(everything=True)
        for key, value in held.items():
            again = workbook["Sheet1"][key]
            assert same(value, again), f"{key} {cells[key]}: {value} incrementally, {again} from scratch"


@settings(max_examples=60, deadline=None)
@given(a=st.floats(-1e12, 1e12), places=st.integers(-4, 12), step=st.sampled_from([0.05, 0.1, 2.0, -3.0, 1e-3]))
def test_rounding_of_single_numbers_is_that_of_arrays_to_the_last_bit(a: float, places: int, step: float) -> None:
    from sheetml.engine.compiled import numbers
    from sheetml.engine.functions import rounding
    from sheetml.engine.precision import whole

    for x in (a, round(a, 3), round(a) / 1000, round(a) + 0.5, 0.29 * 100, a / 1e9):
        array, digits = np.array([x]), np.array([float(places)])
        for mine, theirs in (
            (numbers.rounded, lambda x: np.floor(x + 0.5)),
            (numbers.rounded_up, np.ceil),
            (numbers.rounded_down, np.floor),
        ):
            assert mine(x, float(places)) == rounding._scaled(theirs)(array, digits)[0]
        assert numbers.whole_below(x) == np.floor(whole(array))[0]
        assert numbers._multiple(x, step, math.floor) == rounding._to_multiple(np.floor)(array, np.array([step]))[0]


LINES = {
    name: case
    for name, case in CASES.items()
    if case[0]
    in {"IF", "AND", "OR", "NOT", *"+-*/^=<>"}
    | {
        *("<>", "<=", ">=", "negative", "percent", "SUM", "AVERAGE", "MAX", "MIN", "ABS", "SQRT", "EXP", "LN", "LOG10"),
        *("SIGN", "ATAN", "SINH", "COSH", "TANH", "POWER", "MOD", "INT", "ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC"),
        *("CEILING", "FLOOR", "TRUE", "FALSE", "PI", "IFERROR"),
    }
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", LINES)
def test_the_catalogue_of_operands_gives_the_same_in_lines(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, words = LINES[case]
    for example in range(6):
        drawing = Drawing(f"{case} {example}", turned=False)
        formula = drawing.formula(name, words)
        cells = {**drawing.cells, "AZ50": formula}
        cells = {key: None if item == "" else item for key, item in cells.items()}
        workbook = made(cells)
        workbook.calculate()
        wanted = by_vectors(cells, monkeypatch)["Sheet1"]["AZ50"]
        found = workbook["Sheet1"]["AZ50"]
        assert same(found, wanted), f"{formula}: {found} in a line, {wanted} as a vector"


def test_the_operands_of_the_catalogue_are_known() -> None:
    assert {name for name, _ in operands.FUNCTIONS} >= {name for name, _ in LINES.values() if name.isalpha()} - {
        "negative",
        "percent",
    }


def test_a_line_whose_cell_becomes_text_is_evaluated_with_care_and_comes_back() -> None:
    workbook = made({"A1": 2, "B1": "=A1*3", "C1": "=B1+1"})
    workbook.calculate()
    sheet = workbook["Sheet1"]
    for item, expected in (
        (4, 13),
        ("x", ErrorCode.VALUE),
        ("5", 16),
        (True, 4),
        (None, 1),
        (ErrorCode.NA, ErrorCode.NA),
        (1, 4),
    ):
        sheet["A1"] = item
        workbook.calculate()
        assert sheet["C1"] == expected
    (stage,) = workbook.calculation.plan.stages
    assert isinstance(stage, Straight)
    assert CAREFUL not in stage.program.variants


def chain(count: int = 40) -> dict[str, Any]:
    """Formulas of which no two are alike, each on the one before it."""
    return {"A1": 1.5} | {f"B{row}": f"=B{row - 1}*{1 + row / 1000}+$A$1" for row in range(2, count)} | {"B1": "=A1*2"}


def test_one_edited_formula_leaves_the_plan_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ("=B9*2+A1", "=B3+B4", "=IF(A1>1,B9,1/0)", "=1/0", "=A1", "=A1>B2", "=B9/3")
    expected = []
    for text in texts:
        fresh = made(chain() | {"B10": text})
        fresh.calculate()
        expected.append(values_of(fresh))
    workbook = made(chain())
    workbook.calculate()
    monkeypatch.setattr("sheetml.engine.calculation.make_plan", lambda *_: pytest.fail("the plan was made anew"))
    for text, wanted in zip(texts, expected):
        apply(workbook, (10, 2), text)
        workbook.calculate()
        assert values_of(workbook) == wanted


def test_an_edited_formula_that_reads_later_cells_is_put_behind_them() -> None:
    workbook = made(chain() | {"C1": "=B10+1"})
    workbook.calculate()
    apply(workbook, (1, 2), "=D1*2")
    apply(workbook, (1, 4), "=A1+7")
    workbook.calculate()
    apply(workbook, (1, 4), "=E1+7")
    apply(workbook, (1, 5), "=A1*3")
    workbook.calculate()
    fresh = made(chain() | {"B1": "=D1*2", "C1": "=B10+1", "D1": "=E1+7", "E1": "=A1*3"})
    fresh.calculate()
    assert values_of(workbook) == values_of(fresh)
    apply(workbook, (1, 5), "=B39")
    workbook.calculate()
    assert "circular" in workbook.problems["Sheet1!E1"]


def values_of(workbook: sheetml.Workbook) -> list[Any]:
    return workbook["Sheet1"]["A1:E39"].ravel().tolist()


def test_after_many_changes_the_lines_are_run_by_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetml.engine.compiled.by_machine.LINES_WORTH_LOADING", 500)
    workbook = made(chain())
    workbook.calculate()
    (stage,) = workbook.calculation.plan.stages
    assert isinstance(stage, Straight)
    for number in range(24):
        workbook["Sheet1"]["A1"] = number + 0.5
        workbook.calculate()
    assert stage.program._machine is not None
    for item in (7.25, "x", None, 1e308, 3):
        workbook["Sheet1"]["A1"] = item
        workbook.calculate()
        fresh = made(chain() | {"A1": item})
        fresh.calculate()
        assert values_of(workbook) == values_of(fresh)
