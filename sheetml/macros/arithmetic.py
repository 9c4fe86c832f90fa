"""VBA's operators on its values. The rules are those of MS-VBAL, section 5.6.9.

Whether an operation on whole numbers may widen its result (Integer to Long to Double) or overflows
depends on how its operands are declared: `wide` says that one of them is a Variant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sheetml.macros.errors import DIVISION_BY_ZERO, INVALID_CALL, OUT_OF_MEMORY, OVERFLOW, VbaError
from sheetml.macros.values import (
    MOST_CHARACTERS,
    NOTHING,
    NULL,
    Array,
    Byte,
    Date,
    Failure,
    Integer,
    LongLong,
    Single,
    VbaObject,
    let,
    number,
    to_currency,
    to_double,
    to_long,
    to_longlong,
    to_single,
    to_string,
)

_RANKS: dict[type, int] = {Byte: 0, Integer: 1, int: 2, LongLong: 3}
_WHOLE_TYPES: list[type] = [Byte, Integer, int, LongLong]
_LIMITS = [(0, 255), (-(2**15), 2**15 - 1), (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)]


def whole(value: int, rank: int, wide: bool) -> Any:
    """A whole number of the type with this rank; if it does not fit, of a wider one or an overflow."""
    lowest, highest = _LIMITS[rank]
    if lowest <= value <= highest:
        return _WHOLE_TYPES[rank](value)
    if not wide:
        raise VbaError(OVERFLOW)
    if rank == 0 and -(2**15) <= value < 2**15:
        return Integer(value)
    if rank <= 1 and -(2**31) <= value < 2**31:
        return int(value)
    return float(value)


def _real(value: float) -> float:
    if math.isinf(value) or math.isnan(value):
        raise VbaError(OVERFLOW)
    return value


def _combined(a: Any, b: Any, compute: Callable[[Any, Any], Any], wide: bool, exact_over_double: bool) -> Any:
    """The result of +, - or * on two numbers, of the type that their types call for."""
    kinds = {type(a), type(b)}
    if Decimal in kinds and (exact_over_double or not kinds & {float, Date}):
        return to_currency(compute(to_currency(a), to_currency(b)))
    if Date in kinds or float in kinds or Decimal in kinds:
        return _real(compute(float(a), float(b)))
    if Single in kinds:
        narrow = all(kind in (Single, Byte, Integer) for kind in kinds)
        return to_single(compute(float(a), float(b))) if narrow else _real(compute(float(a), float(b)))
    return whole(compute(int(a), int(b)), max(_RANKS[type(a)], _RANKS[type(b)]), wide)


def add(a: Any, b: Any, wide: bool = True) -> Any:
    if type(a) is float and type(b) is float:
        return _real(a + b)
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    if isinstance(a, str) and (isinstance(b, str) or b is None):
        return concatenate(a, b)
    if a is None and isinstance(b, str):
        return b
    a, b = number(a), number(b)
    result = _combined(a, b, lambda x, y: x + y, wide, True)
    return Date(result) if isinstance(a, Date) or isinstance(b, Date) else result


def subtract(a: Any, b: Any, wide: bool = True) -> Any:
    if type(a) is float and type(b) is float:
        return _real(a - b)
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    a, b = number(a), number(b)
    result = _combined(a, b, lambda x, y: x - y, wide, True)
    return Date(result) if isinstance(a, Date) != isinstance(b, Date) else result


def multiply(a: Any, b: Any, wide: bool = True) -> Any:
    if type(a) is float and type(b) is float:
        return _real(a * b)
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    return _combined(number(a), number(b), lambda x, y: x * y, wide, False)


def divide(a: Any, b: Any, wide: bool = True) -> Any:
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    a, b = number(a), number(b)
    if b == 0:
        raise VbaError(OVERFLOW if a == 0 else DIVISION_BY_ZERO)
    result = _real(float(a) / float(b))
    kinds = {type(a), type(b)}
    return to_single(result) if Single in kinds and kinds <= {Single, Byte, Integer} else result


def _whole_operands(a: Any, b: Any) -> tuple[int, int, int]:
    """Both operands as whole numbers, and the rank of their common type."""
    a, b = number(a), number(b)
    ranks = [_RANKS.get(type(item), 2) for item in (a, b)]
    rank = max(ranks)
    convert = to_longlong if rank == 3 else to_long
    return int(convert(a)), int(convert(b)), rank


def integer_divide(a: Any, b: Any, wide: bool = True) -> Any:
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    dividend, divisor, rank = _whole_operands(a, b)
    if divisor == 0:
        raise VbaError(DIVISION_BY_ZERO)
    quotient = abs(dividend) // abs(divisor)
    return whole(quotient if (dividend < 0) == (divisor < 0) else -quotient, rank, wide)


def modulo(a: Any, b: Any, wide: bool = True) -> Any:
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    dividend, divisor, rank = _whole_operands(a, b)
    if divisor == 0:
        raise VbaError(DIVISION_BY_ZERO)
    rest = abs(dividend) % abs(divisor)
    return whole(-rest if dividend < 0 else rest, rank, wide)


def power(a: Any, b: Any, wide: bool = True) -> Any:
    a, b = let(a), let(b)
    if a is NULL or b is NULL:
        return NULL
    base, exponent = to_double(number(a)), to_double(number(b))
    try:
        return _real(math.pow(base, exponent))
    except ValueError:
        raise VbaError(INVALID_CALL) from None
    except OverflowError:
        raise VbaError(OVERFLOW) from None


def negate(a: Any, wide: bool = True) -> Any:
    a = let(a)
    if a is NULL:
        return NULL
    a = number(a)
    if isinstance(a, int):
        return whole(-int(a), max(_RANKS[type(a)], 1), wide)
    return -a if isinstance(a, Decimal) else type(a)(-float(a))


def plus(a: Any, wide: bool = True) -> Any:
    a = let(a)
    return a if a is NULL else number(a)


def concatenate(a: Any, b: Any, wide: bool = True) -> Any:
    a, b = let(a), let(b)
    if a is NULL and b is NULL:
        return NULL
    first = "" if a is NULL else to_string(a)
    second = "" if b is NULL else to_string(b)
    if len(first) + len(second) > MOST_CHARACTERS:
        raise VbaError(OUT_OF_MEMORY)
    return first + second


# ---- comparison --------------------------------------------------------------------------------


def comparison(
    test: Callable[[int], bool], left_type: str, right_type: str, fold_case: bool
) -> Callable[[Any, Any], Any]:
    """A comparison of operands declared so; `test` judges -1, 0 or 1."""
    both_variants = left_type == right_type == "Variant"

    def compare(a: Any, b: Any) -> Any:
        if type(a) is float and type(b) is float:
            return test((a > b) - (a < b))
        a, b = let(a), let(b)
        if a is NULL or b is NULL:
            return NULL
        return test(order(a, b, both_variants, fold_case))

    return compare


def order(a: Any, b: Any, both_variants: bool = True, fold_case: bool = False) -> int:
    """-1, 0 or 1 as a is less than, equal to or greater than b."""
    texts = isinstance(a, str), isinstance(b, str)
    if all(texts) or (a is None and texts[1]) or (b is None and texts[0]):
        return _text_order(to_string(a), to_string(b), fold_case)
    if isinstance(a, Failure) and isinstance(b, Failure):
        return (a.number > b.number) - (a.number < b.number)
    if both_variants and any(texts) and not isinstance(b if texts[0] else a, (Array, Failure)):
        return 1 if texts[0] else -1  # numbers come before strings
    first, second = number(a), number(b)
    if isinstance(first, Decimal) != isinstance(second, Decimal):
        first, second = float(first), float(second)
    return int(first > second) - int(first < second)


def _text_order(a: str, b: str, fold_case: bool) -> int:
    if fold_case:
        a, b = a.casefold(), b.casefold()
    return (a > b) - (a < b)


# ---- logic -------------------------------------------------------------------------------------


def _bitwise(compute: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def operate(a: Any, b: Any, wide: bool = True) -> Any:
        if type(a) is bool and type(b) is bool:
            return bool(compute(-a, -b))
        a, b = let(a), let(b)
        if a is NULL or b is NULL:
            return _with_null(a, b, compute)
        if type(a) is bool and type(b) is bool:
            return bool(compute(-a, -b))
        first, second, rank = _whole_operands(_logical(a), _logical(b))
        result = compute(first, second)
        return _WHOLE_TYPES[rank](result & 0xFF if rank == 0 else result)

    return operate


def _logical(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return Integer(-1 if value.strip().lower() == "true" else 0)
    return value


def _with_null(a: Any, b: Any, compute: Callable[[int, int], int]) -> Any:
    """Null unless the other operand settles the result, whatever Null might have stood for."""
    other = b if a is NULL else a
    if other is NULL:
        return NULL
    bits, _, rank = _whole_operands(_logical(other), Integer(0))
    if a is NULL:
        results = {compute(0, bits), compute(-1, bits)}
    else:
        results = {compute(bits, 0), compute(bits, -1)}
    if len(results) > 1:
        return NULL
    result = results.pop()
    return bool(result) if type(other) is bool else _WHOLE_TYPES[max(rank, 1)](result)


logical_and = _bitwise(lambda x, y: x & y)
logical_or = _bitwise(lambda x, y: x | y)
logical_xor = _bitwise(lambda x, y: x ^ y)
equivalent = _bitwise(lambda x, y: ~(x ^ y))
implies = _bitwise(lambda x, y: ~x | y)


def logical_not(a: Any, wide: bool = True) -> Any:
    if type(a) is bool:
        return not a
    a = let(a)
    if a is NULL:
        return NULL
    if type(a) is bool:
        return not a
    bits, _, rank = _whole_operands(_logical(a), Byte(0))
    return _WHOLE_TYPES[rank](~bits & 0xFF if rank == 0 else ~bits)


def is_true(value: Any) -> bool:
    """Whether a condition holds; Null does not."""
    if type(value) is bool:
        return value
    value = let(value)
    if value is NULL:
        return False
    if isinstance(value, str):
        return bool(number(_logical(value)) != 0)
    return bool(number(value) != 0)


def same_object(a: Any, b: Any) -> bool:
    """The operator Is."""
    if not all(item is NOTHING or isinstance(item, VbaObject) for item in (a, b)):
        raise VbaError(424)
    return a is b


# ---- Like --------------------------------------------------------------------------------------

Pattern = list[tuple[str, Callable[[str], bool]]]


def like(a: Any, pattern: Any, fold_case: bool = False) -> Any:
    """The operator Like: ? one character, * any number, # a digit, [a-z] and [!a-z] one of a list."""
    a, pattern = let(a), let(pattern)
    if a is NULL or pattern is NULL:
        return NULL
    text, rule = to_string(a), to_string(pattern)
    if len(rule) > 1000:
        raise VbaError(OUT_OF_MEMORY)
    if fold_case:
        text, rule = text.casefold(), rule.casefold()
    return _matches(text, _parsed(rule))


def _parsed(rule: str) -> Pattern:
    parts: Pattern = []
    place = 0
    while place < len(rule):
        letter = rule[place]
        place += 1
        if letter == "*":
            parts.append(("*", lambda _: True))
        elif letter == "?":
            parts.append(("?", lambda _: True))
        elif letter == "#":
            parts.append(("?", lambda c: c in "0123456789"))
        elif letter == "[":
            end = rule.find("]", place)
            if end < 0:
                raise VbaError(93, "Invalid pattern string")
            if end > place:
                parts.append(("?", _one_of(rule[place:end])))
            place = end + 1
        else:
            parts.append(("?", lambda c, letter=letter: c == letter))  # type: ignore[misc]
    return parts


def _one_of(listed: str) -> Callable[[str], bool]:
    wanted = not listed.startswith("!") or listed == "!"
    body = listed if wanted else listed[1:]
    ranges, place = [], 0
    while place < len(body):
        is_range = place + 2 < len(body) and body[place + 1] == "-"
        last = body[place + 2] if is_range else body[place]
        if last < body[place]:
            raise VbaError(93, "Invalid pattern string")
        ranges.append((body[place], last))
        place += 3 if is_range else 1
    return lambda c: any(first <= c <= last for first, last in ranges) == wanted


def _matches(text: str, parts: Pattern) -> bool:
    """Greedy matching, which only ever goes back to the last star."""
    place = part = 0
    star, retry = -1, 0
    while place < len(text):
        if part < len(parts) and parts[part][0] == "*":
            star, retry = part, place
            part += 1
        elif part < len(parts) and parts[part][1](text[place]):
            place, part = place + 1, part + 1
        elif star >= 0:
            retry += 1
            place, part = retry, star + 1
        else:
            return False
    return all(kind == "*" for kind, _ in parts[part:])
