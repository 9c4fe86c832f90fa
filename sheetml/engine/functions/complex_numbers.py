"""Complex numbers as Excel keeps them: texts such as "3+4i"."""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import Item, function, one_by_one, plain_items
from sheetml.engine.number_format import general_text
from sheetml.engine.values import from_objects
from sheetml.xlsx.model import ErrorCode

_LONGEST_DECIMALS = 20  # characters
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_IMAGINARY = re.compile(rf"(?P<imaginary>[+-]?(?:{_NUMBER})?)(?P<unit>[ij])")
_COMPLEX = re.compile(rf"(?P<real>[+-]?{_NUMBER})(?:(?P<imaginary>[+-](?:{_NUMBER})?)(?P<unit>[ij]))?")


def parsed(item: Item) -> tuple[complex, str] | ErrorCode:
    """A complex number and the unit it is written with ("" if it shows none)."""
    if isinstance(item, ErrorCode):
        return item
    if isinstance(item, bool):
        return ErrorCode.VALUE
    if item is None:
        return 0j, ""
    if isinstance(item, float):
        return complex(item), ""
    match = _IMAGINARY.fullmatch(item) or _COMPLEX.fullmatch(item)
    if match is None:
        return ErrorCode.NUM
    parts = match.groupdict()
    imaginary = parts["imaginary"] or ""
    if parts["unit"] and imaginary in ("", "+", "-"):
        imaginary += "1"
    return complex(float(parts.get("real") or 0), float(imaginary or 0)), parts["unit"] or ""


def _digits(number: float) -> str:
    """A real number as it stands in a complex one: with 15 digits, small ones in decimals if these need no more
    than 20 characters (COMPLEX(1E-18,0) is 0.000000000000000001)."""
    if not 0 < abs(number) < 1:
        return general_text(number)
    decimals = f"{number:.{14 - math.floor(math.log10(abs(number)))}f}".rstrip("0")
    return decimals if len(decimals.removeprefix("-")) <= _LONGEST_DECIMALS else general_text(number)


def written(number: complex, unit: str) -> Item:
    """A complex number as text, with 15 digits."""
    if not (math.isfinite(number.real) and math.isfinite(number.imag)):
        return ErrorCode.NUM
    real, imaginary = _digits(number.real), _digits(number.imag)
    if imaginary == "0":
        return real
    tail = {"1": "", "-1": "-"}.get(imaginary, imaginary) + (unit or "i")
    if real == "0":
        return tail
    return real + ("" if imaginary.startswith("-") else "+") + tail


@one_by_one("COMPLEX", "strict", "strict", "text", defaults=("i",))
def complex_number(real: Item, imaginary: Item, unit: Item) -> Item:
    """A complex number from its real and its imaginary part."""
    assert isinstance(real, float) and isinstance(imaginary, float)
    return written(complex(real, imaginary), str(unit)) if unit in ("i", "j", "") else ErrorCode.VALUE


def _part(name: str, about: str, take: Callable[[complex], float | ErrorCode]) -> None:
    @one_by_one(name, "value", about=about)
    def evaluate(item: Item) -> Item:
        number = parsed(item)
        return number if isinstance(number, ErrorCode) else take(number[0])


_part("IMABS", "The absolute value of a complex number.", abs)
_part("IMAGINARY", "The imaginary part of a complex number.", lambda z: z.imag)
_part("IMREAL", "The real part of a complex number.", lambda z: z.real)
_part("IMARGUMENT", "The angle of a complex number.", lambda z: cmath.phase(z) if z else ErrorCode.DIV0)


def _of_one(name: str, about: str, compute: Callable[[complex], complex]) -> None:
    @one_by_one(name, "value", about=about)
    def evaluate(item: Item) -> Item:
        number = parsed(item)
        if isinstance(number, ErrorCode):
            return number
        try:
            return written(compute(number[0]), number[1])
        except (ArithmeticError, ValueError):
            return ErrorCode.NUM


_ONE: dict[str, tuple[str, Callable[[complex], complex]]] = {
    "IMCONJUGATE": ("conjugate", lambda z: z.conjugate()),
    "IMCOS": ("cosine", cmath.cos),
    "IMCOSH": ("hyperbolic cosine", cmath.cosh),
    "IMCOT": ("cotangent", lambda z: cmath.cos(z) / cmath.sin(z)),
    "IMCSC": ("cosecant", lambda z: 1 / cmath.sin(z)),
    "IMCSCH": ("hyperbolic cosecant", lambda z: 1 / cmath.sinh(z)),
    "IMEXP": ("exponential", cmath.exp),
    "IMLN": ("natural logarithm", cmath.log),
    "IMLOG10": ("common logarithm", cmath.log10),
    "IMLOG2": ("logarithm to base 2", lambda z: cmath.log(z) / math.log(2)),
    "IMSEC": ("secant", lambda z: 1 / cmath.cos(z)),
    "IMSECH": ("hyperbolic secant", lambda z: 1 / cmath.cosh(z)),
    "IMSIN": ("sine", cmath.sin),
    "IMSINH": ("hyperbolic sine", cmath.sinh),
    "IMSQRT": ("square root", cmath.sqrt),
    "IMTAN": ("tangent", cmath.tan),
}
for _name, (_word, _compute) in _ONE.items():
    _of_one(_name, f"The {_word} of a complex number.", _compute)


def _of_two(name: str, about: str, compute: Callable[[complex, complex], complex]) -> None:
    @one_by_one(name, "value", "value", about=about)
    def evaluate(left: Item, right: Item) -> Item:
        first, second = parsed(left), parsed(right)
        if isinstance(first, ErrorCode) or isinstance(second, ErrorCode):
            return first if isinstance(first, ErrorCode) else second  # type: ignore[return-value]
        if first[1] and second[1] and first[1] != second[1]:
            return ErrorCode.VALUE
        try:
            return written(compute(first[0], second[0]), first[1] or second[1])
        except (ArithmeticError, ValueError):
            return ErrorCode.NUM


_of_two("IMDIV", "The quotient of two complex numbers.", lambda x, y: x / y)
_of_two("IMSUB", "The difference of two complex numbers.", lambda x, y: x - y)


@one_by_one("IMPOWER", "value", "strict")
def to_the_power(base: Item, exponent: Item) -> Item:
    """A complex number to a power."""
    number = parsed(base)
    if isinstance(number, ErrorCode):
        return number
    assert isinstance(exponent, float)
    if number[0] == 0 and exponent <= 0:
        return ErrorCode.NUM
    try:
        size, angle = cmath.polar(number[0])  # as Excel computes it, rounding included
        return written(cmath.rect(size**exponent, angle * exponent), number[1])
    except ArithmeticError:
        return ErrorCode.NUM


def _of_many(name: str, about: str, combine: Callable[[complex, complex], complex], start: complex) -> None:
    """Registers a function of any number of complex numbers; blanks in areas of several cells are passed over."""

    @function(name, 1, differentiable=False, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        results = [context.evaluate(argument) for argument in arguments]
        parts = [part for result in results for part in (result.parts if isinstance(result, Areas) else [result])]
        values = [context.read(part) if isinstance(part, Reference) else context.dereference(part) for part in parts]
        arrays = [plain_items(value) for value in values]
        count = max(value.shape[0] for value in values)
        found = np.empty((count, 1, 1), object)
        for cell in range(count):
            own = [array[cell % array.shape[0]].reshape(-1).tolist() for array in arrays]
            items = [item for each in own for item in each if item is not None or len(each) == 1]
            found[cell] = _combined(items, combine, start)
        return from_objects(found)


def _combined(items: list[Item], combine: Callable[[complex, complex], complex], start: complex) -> Item:
    total, unit = start, ""
    for item in items:
        number = parsed(item)
        if isinstance(number, ErrorCode):
            return number
        if unit and number[1] and unit != number[1]:
            return ErrorCode.VALUE
        total, unit = combine(total, number[0]), unit or number[1]
    return written(total, unit)


_of_many("IMSUM", "The sum of complex numbers.", lambda x, y: x + y, 0j)
_of_many("IMPRODUCT", "The product of complex numbers.", lambda x, y: x * y, 1 + 0j)
