"""Tables: what cells are for other inputs, as if each value had been typed into the cell."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.errors import SheetmlError
from sheetml.report.whatif_plots import table_plot
from sheetml.whatif import table
from tests.browser import missing
from tests.workbooks import made

PLAN = {
    "A1": "Price", "B1": 12.0, "A2": "Volume", "B2": 1000.0, "A3": "Tier", "B3": 2, "D1": 0.1, "D2": 0.2, "D3": 0.3,
    "B4": "=B1*B2*(1-INDEX(D1:D3,B3))", "B5": "=IF(B4>9000,B4*0.9,B4)", "B6": "=B4/(B1-12)", "C1": 7,
}  # fmt: skip


def typed(book, values, output):
    """What a cell is once values have been typed into others."""
    for address, value in values.items():
        book["Sheet1"][address] = value
    book.calculate()
    return book["Sheet1"][output]


def test_a_table_of_one_input_is_what_typing_its_values_gives():
    found = table(made(PLAN), ["B1=9..13:0.5"], ["B4", "B5"])
    assert found.rows.values.tolist() == np.arange(9, 13.5, 0.5).tolist() and found.columns is None
    assert found.outputs == ["Sheet1!B4", "Sheet1!B5"] and found.problem == ""
    for value, line in zip(found.rows.values, found.values[:, 0]):
        assert line.tolist() == pytest.approx([typed(made(PLAN), {"B1": value}, cell) for cell in ("B4", "B5")])


def test_a_table_of_two_inputs_is_what_typing_both_gives():
    found = table(made(PLAN), ["B3=1,2,3", "B2=500,C1,1500"], ["B5"])
    assert found.columns is not None and found.columns.values.tolist() == [500, 7, 1500]
    assert found.columns.names == ("500", "C1", "1500")
    for row, tier in enumerate((1, 2, 3)):
        for column, volume in enumerate((500, 7, 1500)):
            expected = typed(made(PLAN), {"B3": tier, "B2": volume}, "B5")
            assert found.values[row, column, 0] == pytest.approx(expected)


def test_a_workbook_keeps_its_values():
    book = made(PLAN)
    book.calculate()
    before = book["Sheet1"]["A1:D6"].tolist()
    table(book, ["B1=0..1"], ["B4"])
    assert book["Sheet1"]["A1:D6"].tolist() == before


def test_a_value_that_is_no_number_is_nan_and_named():
    found = table(made(PLAN), ["B1=11,12,13"], ["B6"])
    assert np.isnan(found.values[:, 0, 0]).tolist() == [False, True, False]
    assert found.problem == "Sheet1!B6 is #DIV/0!, not a number"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("B1=0..1", np.linspace(0, 1, 11)), ("B1=0..1:0.3", [0, 0.3, 0.6, 0.9]), ("B1=5..1:-2", [5, 3, 1]),
        ("B1=1%,2%", [0.01, 0.02]), ("B1=0..0.3:0.1", [0, 0.1, 0.2, 0.3]), (" b1 = -1 .. 1 : 1 ", [-1, 0, 1]),
        ("B1=1e3", [1000]), ("B1=D1,D3", [0.1, 0.3]),
    ],
)  # fmt: skip
def test_values_are_read_as_people_write_them(text, values):
    assert table(made(PLAN), [text], ["B4"]).rows.values == pytest.approx(np.array(values))


@pytest.mark.parametrize(
    "inputs",
    [
        ["B1"], ["B1="], ["B1=one"], ["B1=0..1:-1"], ["B1=0..1:0"], ["B1=0..1e9:1"], ["B1:B2=1"], ["B4=1"], ["B1=A1"],
        ["B1=1", "B1=2"], [], ["B1=1", "B2=1", "B3=1"], ["B1=inf"], ["Nowhere!B1=1"],
        ["B1=0..100000:1", "B2=0..100000:1"],
    ],
)  # fmt: skip
def test_what_states_no_table_is_one_sentence(inputs):
    with pytest.raises(SheetmlError) as raised:
        table(made(PLAN), inputs, ["B4"])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("inputs", [["B1=9..13"], ["B3=1,2,3", "B2=500,1500"], ["B1=0..9:0.1", "B2=0..9:0.1"]])
def test_a_picture_is_drawn(inputs, tmp_path):
    try:
        import matplotlib.image as images
    except ImportError:
        missing("the package matplotlib is absent: pip install sheetml[plots]")
    table_plot(table(made(PLAN), inputs, ["B4", "B6"]), tmp_path / "table.png")
    drawn = images.imread(tmp_path / "table.png")
    assert min(drawn.shape[:2]) > 200 and np.ptp(drawn[..., :3]) > 0.5
