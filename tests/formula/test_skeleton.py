from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.formula.skeleton import Skeletons, skeletons
from tests.formula.test_relative import noisy, readable

controls = st.sampled_from(["\0", "\x01+A1", '"\x02"&1', "\0\x01"])


def taken_apart(found: Skeletons, formula: int) -> tuple[str, list[list[int]], list[float]]:
    own = found.cells(formula)
    cells = [part[own].tolist() for part in (found.rows, found.columns, found.row_fixed, found.column_fixed)]
    return found.text(formula), cells, found.numbers_of(formula)


@given(st.lists(st.one_of(readable, noisy, controls), max_size=5))
@settings(max_examples=500, deadline=None)
def test_formulas_taken_apart_at_once_are_as_each_taken_apart_alone(texts: list[str]) -> None:
    found = skeletons(texts)
    assert len(found.which) == len(texts)
    for place, text in enumerate(texts):
        assert taken_apart(found, place) == taken_apart(skeletons([text]), 0)


def test_cells_and_numbers_are_taken_out_and_all_else_stays() -> None:
    text, cells, numbers = taken_apart(skeletons(['SUM($B2:C$3)*1.5+IF(S!A1>2,"A1",T[A1])']), 0)
    assert text == 'SUM(\x01:\x01)*\x02+IF(S!\x01>\x02,"A1",T[A1])'
    assert cells == [[2, 3, 1], [2, 3, 1], [False, True, False], [True, False, False]]
    assert numbers == [1.5, 2.0]


def test_a_quotation_mark_that_is_not_closed_does_not_reach_into_the_next_formula() -> None:
    found = skeletons(['A1&"x', '"y"&B2', "'s"])
    assert [found.text(place) for place in range(3)] == ['\x01&"x', '"y"&\x01', "'s"]
