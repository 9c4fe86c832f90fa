"""The lesson's training loops: their numbers against Excel's, against plain Python, and against their own macros."""

from __future__ import annotations

import numpy as np
import pytest

import sheetml
from sheetml.loops import training_loops
from sheetml.workbook import Book
from sheetml.xlsx.reader import read_workbook
from tests.libreoffice import disagreements
from tests.loops.graddesc_by_hand import LOOPS, Eve, State
from tests.macros.graddesc_macros import macro_workbook
from tests.reference import reference

SHEETS = list(LOOPS)


def opened() -> sheetml.Workbook:
    return sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))


def loop_of(workbook, sheet):
    return next(loop for loop in workbook.training_loops if loop.sheet == sheet)


def cells_of(workbook, sheet):
    """All cells of a sheet, by row and column."""
    position = workbook[sheet].position
    rows, columns = workbook.calculation.slots.positions(position)
    places = zip(rows.tolist(), columns.tolist())
    return {place: workbook.calculation.get(position, *place) for place in places}


def numbers_of(workbook, sheet):
    return {place: value for place, value in cells_of(workbook, sheet).items() if isinstance(value, float)}


def test_every_cell_of_the_eight_sheets_is_what_excel_stored():
    workbook = opened()
    workbook.calculate(everything=True)
    calculation = workbook.calculation
    compared = 0
    for sheet in SHEETS:
        position = workbook[sheet].position
        rows, columns = calculation.slots.positions(position)
        slots = calculation.slots.locate(position, rows, columns)
        now, before = calculation.cells, calculation.original
        assert (now.kind[slots] == before.kind[slots]).all()
        assert now.number[slots] == pytest.approx(before.number[slots], rel=1e-9, abs=1e-300)
        compared += int(calculation.is_formula(slots).sum())
    assert compared == 2307  # all formulas of the workbook but the random data sheet's


def by_hand(workbook, sheet):
    """The rule in plain Python, with the data of the sheet."""
    rule, settings = LOOPS[sheet]
    xs, ys = (workbook[sheet][f"{column}4:{column}32"][:, 0].tolist() for column in "AB")
    loop = rule(xs, ys, **settings)
    if rule is Eve:
        # its reset takes over what the workbook held before: the state stored in the file
        values = [workbook[sheet][cell] for cell in ("C1", "C2", "K33", "L33", "M33", "N33", "F34", "F35", "F37")]
        b, a, mb, ma, vb, va, loss_1, loss_2, divisor = values
        loop.state = State(b, a, (mb, ma), (vb, va), workbook[sheet]["D2"], loss_1, loss_2, divisor)
    return loop


@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("epochs", [1, 5, 50])
def test_the_weights_after_some_epochs_are_those_of_the_rule_in_plain_python(sheet, epochs):
    workbook = opened()
    expected = by_hand(workbook, sheet)
    expected.reset()
    expected.run(epochs)
    loop = loop_of(workbook, sheet)
    loop.reset()
    history = loop.run(epochs)
    assert history.epochs == epochs
    assert (history.end.const, history.end.slope) == pytest.approx((expected.state.b, expected.state.a), rel=1e-9)
    assert history.end.loss == pytest.approx(expected.over(expected.state).loss, rel=1e-9, abs=1e-9)  # y is up to 230
    assert loop.learning_rate == pytest.approx(expected.state.rate, rel=1e-12)


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_history_holds_every_epoch(sheet):
    workbook = opened()
    expected = by_hand(workbook, sheet)
    expected.reset()
    loop = loop_of(workbook, sheet)
    loop.reset()
    assert (loop.point.const, loop.point.slope) == (1, 1)
    history = loop.run(20)
    for epoch in range(20):
        expected.run(1)
        assert history.const[epoch] == pytest.approx(expected.state.b, rel=1e-9)
        assert history.slope[epoch] == pytest.approx(expected.state.a, rel=1e-9)
        assert history.loss[epoch] == pytest.approx(expected.over(expected.state).loss, rel=1e-9)
    assert history.end == loop.point


@pytest.fixture(scope="module")
def with_macros(tmp_path_factory):
    return macro_workbook(tmp_path_factory.mktemp("graddesc") / "graddesc.xlsm")


def test_a_loop_that_is_handed_no_macros_runs_by_the_rules(with_macros):
    loop = training_loops(Book(read_workbook(with_macros)))[0]
    loop.reset()
    expected = loop_of(opened(), loop.sheet)
    expected.reset()
    assert loop.macros == set()
    assert loop.run(3).loss.tolist() == expected.run(3).loss.tolist()


@pytest.mark.parametrize("sheet", SHEETS)
def test_rules_and_macros_agree_to_the_last_bit_over_50_epochs(sheet, with_macros):
    interpreted, ruled = sheetml.open(with_macros), opened()
    loops = [loop_of(workbook, sheet) for workbook in (interpreted, ruled)]
    assert loops[0].macros == {"reset", "onestep", "somesteps"}
    assert loops[1].macros == set()
    for loop in loops:
        loop.reset()
    assert cells_of(interpreted, sheet) == cells_of(ruled, sheet)
    histories = [loop.run(50) for loop in loops]
    for name in ("const", "slope", "loss"):
        assert getattr(histories[0], name).tolist() == getattr(histories[1], name).tolist()
    assert numbers_of(interpreted, sheet) == numbers_of(ruled, sheet)
    for loop in loops:
        loop.step()
        loop.step()
    assert numbers_of(interpreted, sheet) == numbers_of(ruled, sheet)


@pytest.mark.parametrize("sheet", SHEETS)
def test_by_the_rules_a_workbook_with_macros_runs_the_same(sheet, with_macros):
    loop = loop_of(sheetml.open(with_macros), sheet)
    other = loop_of(opened(), sheet)
    loop.reset(by_rules=True)
    other.reset()
    assert loop.run(12, by_rules=True).loss.tolist() == other.run(12).loss.tolist()


def test_a_macro_that_runs_five_epochs_at_a_time_runs_as_often_as_it_takes(with_macros):
    loop = loop_of(sheetml.open(with_macros), "momentum")
    loop.reset()
    assert loop.run(7).epochs == 10


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_compiled_run_leaves_every_cell_as_one_epoch_after_another_does(sheet):
    compiled, single = opened(), opened()
    for workbook, sizes in ((compiled, [30, 7]), (single, [1] * 37)):
        loop = loop_of(workbook, sheet)
        loop.reset()
        for size in sizes:
            loop.run(size)
    assert cells_of(compiled, sheet).items() >= numbers_of(single, sheet).items()
    assert numbers_of(compiled, sheet) == numbers_of(single, sheet)


def test_one_reset_and_one_run_of_momentum_leave_what_excel_left():
    workbook = opened()
    stored = numbers_of(workbook, "momentum")
    loop = loop_of(workbook, "momentum")
    loop.run(10)
    loop.reset()
    loop.run()
    assert numbers_of(workbook, "momentum") == pytest.approx(stored, rel=1e-9)
    assert workbook["momentum"]["C1"] == pytest.approx(1.2610777567972657, rel=1e-9)
    assert workbook["momentum"]["C2"] == pytest.approx(2.358034790954434, rel=1e-9)
    assert workbook["momentum"]["J33"] == pytest.approx(-19.279531290451075, rel=1e-9)
    assert workbook["momentum"]["K33"] == pytest.approx(162.8396203477341, rel=1e-9)


@pytest.mark.parametrize("sheet", ["basic SGD", "adagrad", "rmsprop", "adam"])
def test_a_reset_leaves_what_excel_left(sheet):
    workbook = opened()
    stored = numbers_of(workbook, sheet)
    loop = loop_of(workbook, sheet)
    loop.run(3)
    assert numbers_of(workbook, sheet) != pytest.approx(stored, rel=1e-3)
    loop.reset()
    assert numbers_of(workbook, sheet) == pytest.approx(stored, rel=1e-9)


def test_eves_stored_state_is_that_right_after_a_reset():
    """Whose losses are told apart by the recalculation that follows them: 239.798 was copied, 235.282 is shown."""
    sheet = opened()["eve"]
    assert (sheet["C1"], sheet["C2"], sheet["F37"]) == (1, 1, 1)
    assert sheet["F35"] == sheet["F34"] / 2
    assert sheet["F36"] == sheet["F38"] == 1


@pytest.mark.parametrize(
    ("sheet", "differ"),
    [("basic SGD", False), ("eve", False), ("adagrad_ann", False)]
    + [(sheet, True) for sheet in ("momentum", "adagrad", "rmsprop", "adam", "adam_ann")],
)
def test_a_lone_step_and_the_first_of_a_run_differ_where_calculation_is_automatic(sheet, differ):
    alone, run = opened(), opened()
    for workbook in (alone, run):
        loop_of(workbook, sheet).reset()
    loop_of(alone, sheet).step()
    loop_of(run, sheet).run(1)
    assert (alone[sheet]["C1"] != run[sheet]["C1"]) == differ


def test_the_errors_of_sgd_are_written_below_each_other_and_cleared_by_a_reset():
    workbook = opened()
    loop = loop_of(workbook, "basic SGD")
    loop.reset()
    history = loop.run(80)
    column = workbook["basic SGD"]["C38:C117"][:, 0].tolist()
    assert column == [history.start.loss, *history.loss[:-1].tolist()]
    assert workbook["basic SGD"]["C118"] is None
    loop.reset()
    assert workbook["basic SGD"]["C38:C106"][:, 0].tolist() == [None] * 69


def test_other_sheets_are_left_alone():
    workbook = opened()
    before = {sheet: numbers_of(workbook, sheet) for sheet in SHEETS}
    workbook.calculate()
    loop_of(workbook, "rmsprop").run(3)
    changed = {sheet for sheet in SHEETS if numbers_of(workbook, sheet) != pytest.approx(before[sheet], rel=1e-12)}
    assert changed == {"rmsprop"}


def test_columns_beside_the_loop_are_brought_up_to_date():
    workbook = opened()
    loop_of(workbook, "basic SGD").run(10)
    sheet = workbook["basic SGD"]
    estimate = ((sheet["C4"] + 0.01 + sheet["A4"] * sheet["D4"] - sheet["B4"]) ** 2 - sheet["F4"]) / 0.01
    assert sheet["H4"] == pytest.approx(estimate, rel=1e-9)


def test_a_run_goes_on_from_where_the_last_one_ended():
    together, apart = opened(), opened()
    for workbook in (together, apart):
        loop_of(workbook, "eve").reset()
    whole = loop_of(together, "eve").run(30)
    first = loop_of(apart, "eve").run(12)
    second = loop_of(apart, "eve").run(18)
    assert [*first.loss, *second.loss] == whole.loss.tolist()
    assert second.start == first.end


def test_a_run_that_diverges_goes_on_with_errors_as_excel_does():
    workbook = opened()
    workbook["momentum"]["D2"] = 0.5
    loop = loop_of(workbook, "momentum")
    history = loop.run(200)
    assert history.epochs == 200
    assert 1 < history.diverged < 100
    assert np.isfinite(history.const[: history.diverged - 1]).all()
    assert np.isnan(history.const[history.diverged - 1 :]).all()
    assert workbook["momentum"]["C1"] == sheetml.ErrorCode.NUM
    loop.reset()
    assert loop.run(5).diverged is None


def test_a_changed_setting_is_noticed_by_the_next_run():
    workbook = opened()
    loop = loop_of(workbook, "momentum")
    loop.reset()
    loop.run(3)
    workbook["momentum"]["J1"] = 0.5
    loop.reset()
    other = opened()
    other["momentum"]["J1"] = 0.5
    expected = loop_of(other, "momentum")
    expected.reset()
    assert loop.run(5).loss.tolist() == expected.run(5).loss.tolist()


def test_no_epochs_change_nothing_and_fewer_are_refused():
    workbook = opened()
    loop = loop_of(workbook, "adam")
    before = cells_of(workbook, "adam")
    assert loop.run(0).epochs == 0
    assert loop.run(0).end == loop.run(0).start
    assert numbers_of(workbook, "adam") == pytest.approx(
        {place: value for place, value in before.items() if isinstance(value, float)}, rel=1e-9
    )
    with pytest.raises(ValueError, match="-1 epochs"):
        loop.run(-1)


def test_libreoffice_agrees_with_every_cell_that_a_run_has_written(tmp_path):
    workbook = opened()
    for loop in workbook.training_loops:
        loop.reset()
        loop.run(50)
    workbook.save(tmp_path / "run.xlsx")
    random = {f"data!{column}{row}" for column in "BC" for row in range(6, 35)}
    assert disagreements(tmp_path / "run.xlsx", left_out=random) == []
