"""The law of the machine: each of its instructions gives what straight-line Python does, or leaves the line to it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sheetml.engine.compiled import bytecode, machine
from sheetml.engine.compiled.bytecode import Op, assembled, code_of
from sheetml.engine.compiled.floats import Term
from sheetml.engine.compiled.numbers import CALLED, FAULTS

OPERATIONS = sorted(bytecode._BY_TEMPLATE.items(), key=lambda pair: pair[1])
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    0.1 + 0.2,
    0.3,
    1e300,
    -1e300,
    5e-324,
    1e15,
    1e14 - 0.5,
    math.pi,
    710.0,
    0.29 * 100,
]
numbers = st.one_of(st.sampled_from(SPECIAL), st.floats(allow_nan=False, allow_infinity=False), st.floats(-100, 100))


def by_python(template: str, x: float, y: float) -> float | None:
    """The value; None where straight-line code would raise an error."""
    try:
        return float(eval(template.format("x", "y"), {**CALLED, "x": x, "y": y}))
    except FAULTS:
        return None


@pytest.mark.parametrize(("template", "op"), OPERATIONS, ids=[op.name for _, op in OPERATIONS])
@given(x=numbers, y=numbers, close=st.booleans())
@example(x=0.1 + 0.2, y=0.3, close=False)
@settings(max_examples=60, deadline=None)
def test_an_instruction_gives_what_python_does_to_the_last_bit(
    template: str, op: Op, x: float, y: float, close: bool
) -> None:
    if close:
        y = math.nextafter(x, y)
    expected = by_python(template, x, y)
    found = machine._binary(int(op), x, y) if op <= Op.LAST_BINARY else machine._unary(int(op), x)
    if expected is None or math.isnan(expected):
        assert math.isnan(found)
    elif not math.isnan(found):
        assert (found, math.copysign(1, found)) == (expected, math.copysign(1, expected))
    else:
        equal_within_digits = Op.EQUAL <= op <= Op.GREATER_EQUAL and abs(x - y) <= 1e-13 * max(abs(x), abs(y))
        assert equal_within_digits or math.isinf(expected)


def test_most_instructions_are_known_by_the_templates_that_expressions_write() -> None:
    """Where a template is written otherwise, its lines would be left to Python without anybody noticing."""
    import sheetml
    from tests.engine.test_straight_function import model

    book: sheetml.Workbook = model(3, formulas=200)
    book.calculate()
    for stage in book.calculation.plan.stages:
        for variant in stage.program.variants:  # type: ignore[attr-defined]
            assert code_of(variant.term) is not None, variant.term.template


def leaf(place: int) -> Term:
    return Term("", place=place)


def test_a_branch_that_is_not_taken_is_not_computed() -> None:
    zero_divides = Term("({1} if {0} else {2})", [leaf(0), Term("({0} / {1})", [leaf(1), leaf(0)]), leaf(1)], "where")
    program = assembled([(3, (1, 2), code_of(zero_divides))], 4)
    program.registers[1:3] = 0.0, 7.0
    assert machine.run(program, 0) == 1
    assert program.registers[3] == 7.0


def test_a_line_without_code_is_left_to_python_and_the_next_goes_on() -> None:
    plus: Any = code_of(Term("({0} + {1})", [leaf(0), leaf(1)], "add"))
    program = assembled([(2, (1, 1), plus), (3, (), None), (4, (2, 3), plus)], 5)
    program.registers[1] = 4.0
    assert machine.run(program, 0) == 1
    program.registers[3] = 10.0
    assert machine.run(program, 2) == 3
    assert program.registers[4] == 18.0


def test_a_number_that_is_infinite_is_left_to_python() -> None:
    squared: Any = code_of(Term("({0} * {1})", [leaf(0), leaf(0)], "multiply"))
    program = assembled([(2, (1,), squared)], 3)
    program.registers[1] = 1e200
    assert machine.run(program, 0) == 0
    assert program.registers[2] == 0.0
