"""A register machine for straight-line code. Importing this module imports Numba.

It gives the numbers of compiled/numbers.py to the last bit. A line of which anything is unusual it leaves to Python:
an error, a number that is infinite, numbers that are so close that 15 digits decide.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from sheetml.engine.compiled.bytecode import Op, Program
from sheetml.engine.compiled.numbers import NEAR_INTEGER
from sheetml.engine.precision import EXCESS_OF_PI, NEAR, NEAR_ZERO

# Numba takes plain integers as constants.
ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, MODULO = map(
    int, (Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.POWER, Op.MODULO)
)
ADD_LAST, SUBTRACT_LAST = int(Op.ADD_LAST), int(Op.SUBTRACT_LAST)
EQUAL, NOT_EQUAL, LESS, LESS_EQUAL = map(int, (Op.EQUAL, Op.NOT_EQUAL, Op.LESS, Op.LESS_EQUAL))
GREATER, GREATER_EQUAL, AND, OR, MAX, MIN = map(int, (Op.GREATER, Op.GREATER_EQUAL, Op.AND, Op.OR, Op.MAX, Op.MIN))
ROUND, ROUND_UP, ROUND_DOWN, CEILING, FLOOR = map(int, (Op.ROUND, Op.ROUND_UP, Op.ROUND_DOWN, Op.CEILING, Op.FLOOR))
MOVE, NOT, NEGATIVE, PERCENT, FINITE = map(int, (Op.MOVE, Op.NOT, Op.NEGATIVE, Op.PERCENT, Op.FINITE))
ABSOLUTE, SQRT, EXP, LOG, LOG10, SIGN = map(int, (Op.ABSOLUTE, Op.SQRT, Op.EXP, Op.LOG, Op.LOG10, Op.SIGN))
SINE, COSINE, ARCTAN, SINH, COSH, TANH, WHOLE = map(
    int, (Op.SINE, Op.COSINE, Op.ARCTAN, Op.SINH, Op.COSH, Op.TANH, Op.WHOLE)
)
TOTAL, MAX_OF, MIN_OF, SKIP_IF_ZERO, SKIP, LEAVE = map(
    int, (Op.TOTAL, Op.MAX_OF, Op.MIN_OF, Op.SKIP_IF_ZERO, Op.SKIP, Op.LEAVE)
)
LAST_BINARY, LAST_UNARY = int(Op.LAST_BINARY), int(Op.LAST_UNARY)

# A table, as LLVM may put exp10(x) in the place of 10^x, which rounds otherwise.
POWERS_OF_TEN = np.array([10.0**places for places in range(301)])

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


def run(program: Program, line: int) -> int:
    """Runs lines from this one on: the next that is left to Python, or how many there are."""
    return int(_run(*program.code, program.registers, line))


def back(program: Program, adjoints: np.ndarray) -> bool:
    """Hands the adjoints of all cells on to those that their formulas read, from the last line to the first; whether
    nothing was left to Python. `adjoints` are by register; what the registers hold stays, but for temporary ones."""
    trace = np.zeros(int(np.diff(program.code.first).max(initial=1)), np.int32)
    return bool(_back(*program.code, program.registers, adjoints, trace))


@_compiled
def _run(
    op: np.ndarray,
    out: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    first: np.ndarray,
    result: np.ndarray,
    slot: np.ndarray,
    area_first: np.ndarray,
    area_slots: np.ndarray,
    v: np.ndarray,
    line: int,
) -> int:
    for number in range(line, len(slot)):
        place, end = first[number], first[number + 1]
        while place < end:
            code = op[place]
            if code == LEAVE:
                return number
            if code <= LAST_BINARY:
                value = _binary(code, v[a[place]], v[b[place]])
            elif code <= LAST_UNARY:
                value = _unary(code, v[a[place]])
            elif code == SKIP:
                place += b[place] + 1
                continue
            elif code == SKIP_IF_ZERO:
                place += 1 if v[a[place]] != 0.0 else b[place] + 1
                continue
            else:
                value = _of_area(code, v[a[place]], v, area_slots[area_first[b[place]] : area_first[b[place] + 1]])
            if value != value:
                return number
            v[out[place]] = value
            place += 1
        value = v[result[number]]
        if value - value != 0.0:
            return number
        v[slot[number]] = value
    return len(slot)


@_compiled
def _back(
    op: np.ndarray,
    out: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    first: np.ndarray,
    result: np.ndarray,
    slot: np.ndarray,
    area_first: np.ndarray,
    area_slots: np.ndarray,
    v: np.ndarray,
    g: np.ndarray,
    trace: np.ndarray,
) -> bool:
    for number in range(len(slot) - 1, -1, -1):
        d = g[slot[number]]
        if d == 0.0:
            continue
        place, end, ran = first[number], first[number + 1], 0
        while place < end:  # forward once more: the values in between, and the branches that are taken
            code = op[place]
            if code == LEAVE:
                return False
            if code == SKIP:
                place += b[place] + 1
                continue
            if code == SKIP_IF_ZERO:
                place += 1 if v[a[place]] != 0.0 else b[place] + 1
                continue
            if code <= LAST_BINARY:
                value = _binary(code, v[a[place]], v[b[place]])
            elif code <= LAST_UNARY:
                value = _unary(code, v[a[place]])
            else:
                value = _of_area(code, v[a[place]], v, area_slots[area_first[b[place]] : area_first[b[place] + 1]])
            if value != value:
                return False
            v[out[place]], g[out[place]] = value, 0.0
            trace[ran] = place
            ran += 1
            place += 1
        g[result[number]] += d
        for step in range(ran - 1, -1, -1):
            place = trace[step]
            code, d = op[place], g[out[place]]
            if code <= LAST_BINARY:
                x, y = v[a[place]], v[b[place]]
                by_x, by_y = _slopes(code, d, x, y, v[out[place]])
                if by_x != by_x or by_y != by_y:
                    return False
                g[b[place]] += by_y
                g[a[place]] += by_x
            elif code <= LAST_UNARY:
                by_x = _slope(code, d, v[a[place]], v[out[place]])
                if by_x != by_x:
                    return False
                g[a[place]] += by_x
            else:
                area = area_slots[area_first[b[place]] : area_first[b[place] + 1]]
                if code == TOTAL:
                    for each in area:
                        g[each] += d
                    g[a[place]] += d
                else:
                    for each in area:
                        if v[each] == v[out[place]]:
                            g[each] += d
                            break
    return True


@_compiled
def _slopes(code: int, d: float, x: float, y: float, value: float) -> tuple[float, float]:
    """What an operation hands on to its operands: as adjoints.py has it."""
    if code in (ADD, ADD_LAST):
        return d, d
    if code in (SUBTRACT, SUBTRACT_LAST):
        return d, -d
    if code == MULTIPLY:
        return d * y, d * x
    if code == DIVIDE:
        return d / y, -d * value / y
    if code in (MAX, MIN):
        return (d, 0.0) if x == value else (0.0, d)
    if code == MODULO:
        return d, -d * np.floor(x / y)
    if code == POWER:
        return d * _slope_by_base(x, y), d * (value * math.log(x) if x > 0.0 else 0.0)
    return 0.0, 0.0


@_compiled
def _slope_by_base(x: float, y: float) -> float:
    if x == 0.0:
        return 1.0 if y == 1.0 else 0.0 if y > 1.0 or y == 0.0 else math.nan
    return y * x ** (y - 1.0)


@_compiled
def _slope(code: int, d: float, x: float, value: float) -> float:
    if code in (MOVE, FINITE):
        return d
    if code == NEGATIVE:
        return -d
    if code == PERCENT:
        return d / 100.0
    if code == ABSOLUTE:
        return d if x > 0.0 else -d if x < 0.0 else 0.0
    if code == SQRT:
        return d * 0.5 / value if value != 0.0 else math.nan
    if code == EXP:
        return d * value
    if code == LOG:
        return d / x
    if code == LOG10:
        return d * (1.0 / math.log(10.0)) / x
    if code == ARCTAN:
        return d / (1.0 + x * x)
    if code == SINE:
        return d * math.cos(x)
    if code == COSINE:
        return -d * math.sin(x)
    if code == SINH:
        return d * math.cosh(x)
    if code == COSH:
        return d * math.sinh(x)
    if code == TANH:
        return d * (1.0 - value * value)
    return 0.0


@_compiled
def _of_area(code: int, start: float, v: np.ndarray, area: np.ndarray) -> float:
    if code == TOTAL:
        for slot in area:
            start += v[slot]
        return start
    found = v[area[0]]
    for slot in area[1:]:
        if (code == MAX_OF and v[slot] > found) or (code == MIN_OF and v[slot] < found):
            found = v[slot]
    return found


@_compiled
def _binary(code: int, x: float, y: float) -> float:
    """The value; undefined where Python is to compute it."""
    if code == ADD:
        return x + y
    if code == SUBTRACT:
        return x - y
    if code == MULTIPLY:
        return x * y
    if code == DIVIDE:
        return x / y if y != 0.0 else math.nan
    if code == ADD_LAST:
        return _last(x + y, x, y)
    if code == SUBTRACT_LAST:
        return _last(x - y, x, y)
    if EQUAL <= code <= GREATER_EQUAL:
        return _compared(code, x, y)
    if code == AND:
        return 1.0 if x != 0.0 and y != 0.0 else 0.0
    if code == OR:
        return 1.0 if x != 0.0 or y != 0.0 else 0.0
    if code == MAX:
        return y if y > x else x
    if code == MIN:
        return y if y < x else x
    if code == POWER:
        return _power(x, y)
    if code == MODULO:
        return _modulo(x, y)
    if code in (CEILING, FLOOR):
        return _to_multiple(code, x, y)
    return _to_places(code, x, y)


@_compiled
def _last(total: float, x: float, y: float) -> float:
    """A sum that ends a formula: 0 where it vanishes beside its operands (precision.py)."""
    if total == 0.0 or abs(total) * 2.0**48 >= max(abs(x), abs(y)):
        return total
    return 0.0 if abs(total) < math.ldexp(1.0, math.frexp(max(abs(x), abs(y)))[1] - 50) else total


@_compiled
def _compared(code: int, x: float, y: float) -> float:
    gap = x - y
    if gap != 0.0 and abs(gap) <= NEAR * max(abs(x), abs(y)):
        return math.nan
    if code == EQUAL:
        return 1.0 if gap == 0.0 else 0.0
    if code == NOT_EQUAL:
        return 1.0 if gap != 0.0 else 0.0
    if code == LESS:
        return 1.0 if gap < 0.0 else 0.0
    if code == LESS_EQUAL:
        return 1.0 if gap <= 0.0 else 0.0
    if code == GREATER:
        return 1.0 if gap > 0.0 else 0.0
    return 1.0 if gap >= 0.0 else 0.0


@_compiled
def _power(x: float, y: float) -> float:
    if y == 2.0:
        return x * x
    if x == 0.0:
        return 0.0 if y > 0.0 else math.nan
    if x < 0.0 and y != np.rint(y):
        return math.nan
    return _finite(x**y)


@_compiled
def _modulo(x: float, y: float) -> float:
    if y == 0.0 or x - x != 0.0 or y - y != 0.0:
        return math.nan
    remainder = np.fmod(x, y)
    if remainder == 0.0:
        return math.copysign(0.0, y)
    return remainder + y if (y < 0.0) != (remainder < 0.0) else remainder


@_compiled
def _finite(x: float) -> float:
    return x if x - x == 0.0 else math.nan


@_compiled
def _fifteen(x: float) -> float:
    """A number not below 0 by its 15 digits."""
    if x == 0.0:
        return x
    digits = 14.0 - np.floor(math.log10(x))
    if abs(digits) >= 300.0:
        return x
    scale = POWERS_OF_TEN[int(abs(digits))]
    nudged = np.rint(x * scale) / scale if digits >= 0.0 else np.rint(x / scale) * scale
    return nudged if nudged - nudged == 0.0 else x


@_compiled
def _to_places(code: int, x: float, places: float) -> float:
    digits = min(max(np.trunc(places), -300.0), 300.0)
    scale = POWERS_OF_TEN[int(abs(digits))]
    size = abs(x)
    magnitude = size * scale if digits >= 0.0 else size / scale
    if not magnitude < 1e15:
        return x
    if code == ROUND:
        whole = np.floor(magnitude)
        beyond = magnitude - whole - 0.5
        if abs(beyond) <= NEAR_INTEGER * magnitude:
            whole = np.floor(_fifteen(magnitude) + 0.5)
        elif beyond > 0.0:
            whole += 1.0
    elif code == ROUND_UP:
        whole = np.ceil(_fifteen(magnitude))
    else:
        whole = np.floor(_fifteen(magnitude))
    rounded = whole / scale if digits >= 0.0 else whole * scale
    return math.copysign(rounded, x) + 0.0


@_compiled
def _to_multiple(code: int, x: float, step: float) -> float:
    if (x > 0.0 and step < 0.0) or (code == FLOOR and step == 0.0 and x != 0.0):
        return math.nan
    if step == 0.0:
        return 0.0
    quotient = x / step
    if quotient - quotient != 0.0:
        return math.nan
    quotient = math.copysign(_fifteen(abs(quotient)), quotient)
    whole = np.ceil(quotient) if code == CEILING else np.floor(quotient)
    return whole * step + 0.0


@_compiled
def _unary(code: int, x: float) -> float:
    """The value; undefined where Python is to compute it."""
    if code == MOVE:
        return x
    if code == FINITE:
        return _finite(x)
    if code == NOT:
        return 1.0 if x == 0.0 else 0.0
    if code == NEGATIVE:
        return -x
    if code == PERCENT:
        return x / 100.0
    if code == ABSOLUTE:
        return abs(x)
    if code == SQRT:
        return math.sqrt(x) if x >= 0.0 else math.nan
    if code == EXP:
        return _finite(math.exp(x))
    if code == LOG:
        return math.log(x) if x > 0.0 else math.nan
    if code == LOG10:
        return math.log10(x) if x > 0.0 else math.nan
    if code == SIGN:
        return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0
    if code == SINE:
        sine = math.sin(x)
        return sine if abs(sine) >= NEAR_ZERO else sine - EXCESS_OF_PI * (x * math.cos(x))
    if code == COSINE:
        cosine = math.cos(x)
        return cosine if abs(cosine) >= NEAR_ZERO else cosine + EXCESS_OF_PI * (x * math.sin(x))
    if code == ARCTAN:
        return math.atan(x)
    if code == SINH:
        return _finite(math.sinh(x))
    if code == COSH:
        return _finite(math.cosh(x))
    if code == TANH:
        return math.tanh(x)
    if not abs(x) < 1e14:
        return np.floor(x) + 0.0
    return np.floor(math.copysign(_fifteen(abs(x)), x)) + 0.0
