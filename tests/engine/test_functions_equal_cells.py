"""The law of functions: a function of cells gives what setting the cells and calculating gives.

Also where inputs or outputs are cells that the file does not hold, and whatever was looked up before.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.xlsx.model import Area
from tests.workbooks import made

FORMULAS = {
    "B1": "=A1*2+A7",
    "B2": "=SUM(A1:A9)+D4",
    "B3": "=IF(A2>C5,B1,B2)",
    "B4": "=MAX(A1:A9,C1:D9)",
    "B5": "=SUMPRODUCT(A1:A3,D1:D3)",
    "F9": "=OFFSET(A1,1,0)*E5",
}
PLACES = st.sampled_from(["A1", "A2", "A7", "C5", "D4", "D1", "D3", "E5", "H20", "A9"])
OUTPUTS = st.sampled_from([*FORMULAS, "H21", "A1", "Z1"])


@settings(max_examples=40, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=4, unique=True), st.lists(OUTPUTS, min_size=1, max_size=4), st.data())
def test_a_function_equals_setting_its_cells(inputs, outputs, data):
    cells = {"A1": 1.0, "A2": 2.0, "D2": 4.0, "C1": 7.0, **FORMULAS}
    workbook, reference = made(cells), made(cells)
    f = workbook.function(inputs, outputs)
    for _ in range(2):
        x = data.draw(st.lists(st.integers(-5, 5).map(float), min_size=len(inputs), max_size=len(inputs)))
        for place, number in zip(inputs, x):
            reference["Sheet1"][place] = number
        reference.calculate()
        expected = [float(reference["Sheet1"][place] or 0.0) for place in outputs]
        assert np.atleast_1d(f(np.array(x))).tolist() == expected


def test_slots_looked_up_before_room_was_made_stay_those_of_their_cells():
    workbook = made({"A1": 1.0, "C9": 5.0, "B2": "=A1+C9"})
    workbook.calculate()
    slots = workbook.held_slots([(0, Area(9, 3, 9, 3))])
    f = workbook.function_of(slots, [(0, Area(2, 2, 2, 2))])
    workbook.held_slots([(0, Area(1, 1, 8, 8))])
    assert f(np.array([10.0])) == 11.0
    assert workbook.function_of(slots, [(0, Area(2, 2, 2, 2))])(np.array([20.0])) == 21.0
    assert workbook.held_slots([(0, Area(9, 3, 9, 3))]).tolist() == slots.tolist()
