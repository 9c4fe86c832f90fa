"""VBA's arithmetic against models of it in Python's exact numbers."""

from __future__ import annotations

import fnmatch
import math
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sheetml.api import Workbook
from sheetml.macros import arithmetic, library
from sheetml.macros.errors import DIVISION_BY_ZERO, OVERFLOW, VbaError
from sheetml.macros.modules import Module
from sheetml.macros.session import Macros
from sheetml.macros.values import (
    Byte,
    Integer,
    LongLong,
    number_in,
    to_currency,
    to_integer,
    to_long,
    to_single,
    to_string,
    type_name,
)
from sheetml.xlsx.vba_source import ModuleKind, VbaModule
from tests.macros.running import macro_book

LIMITS: dict[type, tuple[int, int]] = {
    Byte: (0, 2**8 - 1),
    Integer: (-(2**15), 2**15 - 1),
    int: (-(2**31), 2**31 - 1),
    LongLong: (-(2**63), 2**63 - 1),
}
WHOLE = list(LIMITS)
finite = st.floats(allow_nan=False, allow_infinity=False)


def whole_numbers(*kinds: type) -> st.SearchStrategy[Any]:
    return st.one_of(*(st.integers(*LIMITS[kind]).map(kind) for kind in kinds or WHOLE))


def outcome(compute: Any, *operands: Any) -> Any:
    """The result, or the number of the error."""
    try:
        return compute(*operands)
    except VbaError as error:
        return f"error {error.number}"


@pytest.mark.parametrize(
    ("compute", "model"),
    [
        (arithmetic.add, lambda a, b: a + b),
        (arithmetic.subtract, lambda a, b: a - b),
        (arithmetic.multiply, lambda a, b: a * b),
    ],
)
@given(a=whole_numbers(), b=whole_numbers())
def test_whole_numbers_are_exact_in_their_wider_type_or_overflow(compute: Any, model: Any, a: Any, b: Any) -> None:
    exact = model(int(a), int(b))
    kind = max(type(a), type(b), key=WHOLE.index)
    lowest, highest = LIMITS[kind]
    declared = outcome(compute, a, b, False)
    if lowest <= exact <= highest:
        assert declared == exact and type(declared) is kind
    else:
        assert declared == f"error {OVERFLOW}"
    as_variants = compute(a, b, True)
    assert as_variants == (exact if isinstance(as_variants, int) else float(exact))


@given(whole_numbers(Integer, int), whole_numbers(Integer, int))
def test_quotient_and_remainder_belong_together(a: int, b: int) -> None:
    if b == 0:
        assert outcome(arithmetic.integer_divide, a, b) == f"error {DIVISION_BY_ZERO}"
        return
    quotient, remainder = arithmetic.integer_divide(a, b), arithmetic.modulo(a, b)
    assert quotient == math.trunc(Fraction(int(a), int(b)))
    assert int(quotient) * int(b) + int(remainder) == int(a)
    assert remainder == 0 or (remainder < 0) == (a < 0)


@given(st.floats(-(2**31) + 1, 2**31 - 2), st.floats(-(2**31) + 1, 2**31 - 2))
def test_integer_division_rounds_its_operands_first(a: float, b: float) -> None:
    assume(round(b) != 0)
    assert arithmetic.integer_divide(a, b) == math.trunc(Fraction(round(a), round(b)))


@given(finite, finite)
def test_doubles_are_those_of_ieee_754_or_overflow(a: float, b: float) -> None:
    for compute, exact in ((arithmetic.add, a + b), (arithmetic.subtract, a - b), (arithmetic.multiply, a * b)):
        assert outcome(compute, a, b) == (exact if math.isfinite(exact) else f"error {OVERFLOW}")
    if b:
        assert outcome(arithmetic.divide, a, b) == (a / b if math.isfinite(a / b) else f"error {OVERFLOW}")


@given(st.floats(-32768.4, 32767.4))
def test_conversions_to_whole_numbers_round_halves_to_even(x: float) -> None:
    rounded = int(Decimal(x).quantize(Decimal(1), ROUND_HALF_EVEN))
    assert to_integer(x) == to_long(x) == rounded
    assert type(to_integer(x)) is Integer


@given(st.integers(-10_000, 10_000), st.integers(0, 3))
def test_round_takes_halves_to_the_even_digit(halves: int, digits: int) -> None:
    exact = Fraction(halves, 2)
    assert library.round_half_even(float(exact)) == float(round(exact))
    number = to_currency(Decimal(halves) / 100)
    assert library.round_half_even(number, digits) == round(number, digits)


@given(whole_numbers(Integer, int), whole_numbers(Integer, int))
def test_logic_on_numbers_is_bitwise(a: int, b: int) -> None:
    assert arithmetic.logical_and(a, b) == int(a) & int(b)
    assert arithmetic.logical_or(a, b) == int(a) | int(b)
    assert arithmetic.logical_xor(a, b) == int(a) ^ int(b)
    assert arithmetic.equivalent(a, b) == ~(int(a) ^ int(b))
    assert arithmetic.implies(a, b) == ~int(a) | int(b)
    assert arithmetic.logical_not(a) == -int(a) - 1
    assert type(arithmetic.logical_not(a)) is type(a)


@given(st.booleans(), st.booleans())
def test_logic_on_booleans_is_boolean(a: bool, b: bool) -> None:
    assert arithmetic.logical_and(a, b) is (a and b)
    assert arithmetic.logical_or(a, b) is (a or b)
    assert arithmetic.logical_xor(a, b) is (a != b)
    assert arithmetic.implies(a, b) is (not a or b)
    assert arithmetic.logical_not(a) is (not a)


@given(st.floats(-1e308, 1e308))
def test_a_number_as_text_is_read_back_to_15_digits(x: float) -> None:
    text = to_string(x)
    assert len(text.partition("E")[0].lstrip("-").replace(".", "").lstrip("0")) <= 15
    assert number_in(text) == pytest.approx(x, rel=1e-14)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_single_as_text_has_7_digits(x: float) -> None:
    assert float(to_string(to_single(x))) == pytest.approx(x, rel=1e-6, abs=1e-44)


@given(st.decimals(-(10**12), 10**12, places=8), st.decimals(-(10**6), 10**6, places=4))
def test_currency_has_four_places_rounded_half_to_even(a: Decimal, b: Decimal) -> None:
    step = Decimal("0.0001")
    assert to_currency(a) == a.quantize(step, ROUND_HALF_EVEN)
    total = arithmetic.add(to_currency(a), to_currency(b))
    assert total == to_currency(a) + to_currency(b) and type_name(total) == "Currency"


values = st.one_of(whole_numbers(), finite, st.text(alphabet="ab01 .-", max_size=5), st.booleans(), st.none())


@given(values, values)
def test_comparing_is_consistent(a: Any, b: Any) -> None:
    order = outcome(arithmetic.order, a, b)
    reverse = outcome(arithmetic.order, b, a)
    assert order == reverse if isinstance(order, str) else order == -reverse


@given(st.text(alphabet="ab*?", max_size=10), st.text(alphabet="ab", max_size=12))
def test_like_agrees_with_file_name_patterns(pattern: str, text: str) -> None:
    assert arithmetic.like(text, pattern) is fnmatch.fnmatchcase(text, pattern)


def test_random_numbers_follow_the_published_recurrence() -> None:
    generator, state = library.Generator(), 327680
    for _ in range(1000):
        state = (state * 1140671485 + 12820163) % 2**24
        assert generator.draw(None) == to_single(state / 2**24)
    assert generator.draw(0) == generator.last


# ---- whole expressions -------------------------------------------------------------------------

numbers = st.integers(0, 9).map(lambda n: (f"{n}#", f"{float(n)}"))


def _joined(parts: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
    (left, left_python), (symbol, symbol_python), (right, right_python) = parts
    return f"({left} {symbol} {right})", f"({left_python} {symbol_python} {right_python})"


symbols = st.sampled_from([("+", "+"), ("-", "-"), ("*", "*")])
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, symbols, inner).map(_joined),
        inner.map(lambda pair: (f"-{pair[0]}", f"-{pair[1]}")),
    ),
    max_leaves=12,
)


@cache
def book() -> Workbook:
    return macro_book("Sub test()\nEnd Sub")


def result(expression: str) -> str:
    macros = Macros(book())
    source = f"Sub test()\nDebug.Print CStr({expression})\nEnd Sub"
    macros.project.modules["module1"] = Module(VbaModule("Module1", ModuleKind.STANDARD, source))
    return macros.run("test").output[0]


@settings(deadline=None)
@given(expressions)
def test_expressions_with_all_parentheses_mean_what_they_mean_in_python(pair: tuple[str, str]) -> None:
    assert float(result(pair[0])) == pytest.approx(eval(pair[1]), rel=1e-13)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["+", "-", "*"]), st.integers(1, 9)), max_size=8), st.integers(1, 9))
def test_operators_bind_and_associate_as_in_python(rest: list[tuple[str, int]], first: int) -> None:
    vba = f"{first}#" + "".join(f" {symbol} {number}#" for symbol, number in rest)
    python = str(first) + "".join(f"{symbol}{number}" for symbol, number in rest)
    assert float(result(vba)) == pytest.approx(eval(python), rel=1e-13)
