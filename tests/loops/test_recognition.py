"""Training loops are found by their names, wherever they stand and whatever the sheets are called."""

from __future__ import annotations

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml.loops import recognise
from tests.reference import reference
from tests.workbooks import made

DATA = [(0.5 * i, 3.0 - 1.5 * i) for i in range(1, 9)]
KINDS = {
    "basic SGD": "SGD",
    "momentum": "momentum",
    "adagrad": "Adagrad",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "eve": "Eve",
    "adagrad_ann": "annealed Adagrad",
    "adam_ann": "annealed Adam",
}


def momentum_sheet(path, top=11, left=6, title="Ünïcode sheet's", local=True, scale=1.0, more=None):
    """A loop with momentum that starts at any cell, on data of its own; names local to the sheet or not."""
    book = openpyxl.Workbook()
    book.active.title = "cover"
    sheet = book.create_sheet(title)

    def at(row, column, fixed=False):
        letter = get_column_letter(left + column)
        return f"${letter}${top + row}" if fixed else f"{letter}{top + row}"

    def put(row, column, value):
        sheet[at(row, column)] = value

    for row, (label, value) in enumerate([("b", 1), ("a", 1), ("learning rate", None), (None, 0.01)]):
        put(row, 0, label)
        put(row, 1, value)
    put(3, 0, 0.01)
    put(3, 1, None)
    for column, heading in enumerate(["x", "y", "b", "a", "pred", "de/db", "mean b", "mean a", "new b", "new a"]):
        put(5, column, heading)
    first, last = 6, 5 + len(DATA)
    for row, (x, y) in enumerate(DATA, start=first):
        put(row, 0, x)
        put(row, 1, y * scale)
        put(row, 2, f"={at(0, 1)}" if row == first else f"={at(row - 1, 8)}")
        put(row, 3, f"={at(1, 1)}" if row == first else f"={at(row - 1, 9)}")
        put(row, 4, f"={at(row, 2)}+{at(row, 3)}*{at(row, 0)}")
        put(row, 5, f"=2*({at(row, 4)}-{at(row, 1)})")
        before = [at(last + 2, column) if row == first else at(row - 1, column) for column in (6, 7)]
        put(row, 6, f"={before[0]}*0.8+0.2*{at(row, 5)}")
        put(row, 7, f"={before[1]}*0.8+0.2*{at(row, 5)}*{at(row, 0)}")
        put(row, 8, f"={at(row, 2)}-{at(row, 6)}*{at(3, 0, True)}")
        put(row, 9, f"={at(row, 3)}-{at(row, 7)}*{at(3, 0, True)}")
    put(last + 2, 6, 0)
    put(last + 2, 7, 0)
    quoted = "'" + title.replace("'", "''") + "'"
    names = {
        "const": at(0, 1, True),
        "slope": at(1, 1, True),
        "lastconst": at(last, 8, True),
        "lastslope": at(last, 9, True),
        "momtarget": f"{at(last + 2, 6, True)}:{at(last + 2, 7, True)}",
        "momlast": f"{at(last, 6, True)}:{at(last, 7, True)}",
        "gradtarget": "#REF!",
        "histgrad": f"{at(last + 4, 6, True)}:{at(last + 4, 7, True)}",
        **(more or {}),
    }
    for name, place in names.items():
        defined = DefinedName(name, attr_text=f"{quoted}!{place}")
        (sheet.defined_names if local else book.defined_names)[name] = defined
    book.save(path)
    return sheetml.open(path)


def by_hand(epochs, scale=1.0):
    b = a = 1.0
    mb = ma = 0.0
    for epoch in range(-1, epochs):  # a reset takes over the means of a first pass
        for x, y in DATA:
            gradient = 2 * (b + a * x - y * scale)
            mb, ma = mb * 0.8 + 0.2 * gradient, ma * 0.8 + 0.2 * gradient * x
            b, a = b - 0.01 * mb, a - 0.01 * ma
        if epoch == -1:
            b = a = 1.0
    return b, a


def test_the_lessons_sheets_are_recognised_and_no_others():
    workbook = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))
    assert {loop.sheet: loop.kind for loop in workbook.training_loops} == KINDS


def test_what_the_lessons_sheets_carry_from_row_to_row():
    workbook = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))
    copies = {loop.name: loop.copies for loop in recognise(workbook)}
    moments = [("gradtarget", "ms_last"), ("momtarget", "momlast")]
    assert copies == {
        "basic SGD": [],
        "momentum": [("momtarget", "momlast")],
        "adagrad": [("gradtarget", "histgrad")],
        "rmsprop": [("gradtarget", "ms_last")],
        "adam": moments,
        "eve": moments,
        "adagrad_ann": [("gradtarget", "histgrad")],
        "adam_ann": moments,
    }


def test_learning_rates_and_losses_are_found_where_the_sheets_have_them():
    loops = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx")).training_loops
    assert [loop.learning_rate for loop in loops] == [1e-4, 1e-4, 0.001, 0.02, 1, 1, 0.00390625, 0.00390625]
    assert (loops[0].layout.loss, loops[5].layout.loss) == ("rmse", "loss")
    loss = loops[1].layout.loss
    assert loss is not None and not isinstance(loss, str) and loss.text == "SQRT(SUMPRODUCT(($E$4:$E$32-$B$4:$B$32)^2))"


@pytest.mark.parametrize(("top", "left"), [(1, 1), (11, 6), (40, 30)])
@pytest.mark.parametrize("local", [True, False])
def test_a_loop_is_found_wherever_it_stands(tmp_path, top, left, local):
    workbook = momentum_sheet(tmp_path / "book.xlsx", top, left, local=local)
    (loop,) = workbook.training_loops
    assert (loop.sheet, loop.kind, loop.learning_rate) == ("Ünïcode sheet's", "momentum", 0.01)
    loop.reset()
    history = loop.run(30)
    assert (history.end.const, history.end.slope) == pytest.approx(by_hand(30), rel=1e-9)
    errors = [(history.end.const + history.end.slope * x - y) ** 2 for x, y in DATA]
    assert history.end.loss > 0 and history.end.loss < sum(errors) ** 0.5 * 1.5
    assert history.loss[-1] < history.loss[0]


def test_names_that_are_left_over_or_broken_confuse_nothing(tmp_path):
    more = {"ms_last": "$A$1:$B$1", "gradtarget": "$C$1:$D$1", "rmse": "#REF!", "lr": "#REF!", "avg_grad2": "#REF!"}
    workbook = momentum_sheet(tmp_path / "book.xlsx", more=more)
    (loop,) = workbook.training_loops
    assert loop.kind == "momentum"
    assert loop.layout.copies == [("momtarget", "momlast")]


def test_a_sheet_without_a_loss_of_its_own_or_headings_has_none(tmp_path):
    workbook = momentum_sheet(tmp_path / "book.xlsx", 1, 1)
    workbook["Ünïcode sheet's"]["B6"] = "observed"
    (loop,) = workbook.training_loops
    assert loop.layout.loss is None
    history = loop.run(3)
    assert history.loss.tolist() != history.loss.tolist()  # nan
    assert history.end.const == history.const[-1]


def test_names_alone_make_no_loop():
    workbook = made({"A1": 1, "B1": 2, "C1": "=A1*2", "D1": "=A1+1"})
    assert workbook.training_loops == []


def test_weights_that_are_formulas_make_no_loop(tmp_path):
    workbook = momentum_sheet(tmp_path / "book.xlsx", 1, 1)
    path = tmp_path / "book.xlsx"
    book = openpyxl.load_workbook(path)
    book["Ünïcode sheet's"]["B1"] = "=1+0"
    book.save(path)
    assert len(workbook.training_loops) == 1
    assert sheetml.open(path).training_loops == []


def test_a_target_that_holds_no_value_yet_is_found_all_the_same(tmp_path):
    momentum_sheet(tmp_path / "book.xlsx", 1, 1)
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    sheet = book["Ünïcode sheet's"]
    sheet["G16"] = sheet["H16"] = None
    book.save(tmp_path / "book.xlsx")
    (loop,) = sheetml.open(tmp_path / "book.xlsx").training_loops
    loop.reset()
    assert loop.run(3).end.const == pytest.approx(by_hand(3)[0], rel=1e-9)
