"""CONVERT: a number from one unit of measurement to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.functions.registry import elementwise
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array
from sheetml.engine.values import NA, Errors, error_where

_POUND, _INCH, _GRAVITY = 453.59237, 0.0254, 9.80665
_FOOT, _YARD, _MILE, _NAUTICAL = 12 * _INCH, 36 * _INCH, 63360 * _INCH, 1852.0
_SURVEY_MILE = 5280 * 1200 / 3937
_GALLON = 231 * _INCH**3 * 1000  # litres
_IMPERIAL = 4.54609
_LIGHT_YEAR, _PARSEC = 9460730472580800.0, 149597870700.0 * 648000 / np.pi
_PICA = _INCH / 72
_LENGTHS = {"Nmi": _NAUTICAL, "mi": _MILE, "ft": _FOOT, "in": _INCH, "yd": _YARD, "ang": 1e-10, "ly": _LIGHT_YEAR}
_LENGTHS |= {"Pica": _PICA, "Picapt": _PICA}

# each kind of quantity: its units in terms of one of them, and those of them that take metric prefixes
_KINDS: dict[str, tuple[dict[str, float], set[str]]] = {
    "mass": (
        {"g": 1.0, "sg": _POUND * _GRAVITY / _FOOT, "lbm": _POUND, "u": 1.660538782e-24, "ozm": _POUND / 16}
        | {"grain": _POUND / 7000, "cwt": _POUND * 100, "shweight": _POUND * 100, "uk_cwt": _POUND * 112}
        | {"lcwt": _POUND * 112, "hweight": _POUND * 112, "stone": _POUND * 14, "ton": _POUND * 2000}
        | {"uk_ton": _POUND * 2240, "LTON": _POUND * 2240, "brton": _POUND * 2240},
        {"g", "u"},
    ),
    "distance": (
        {"m": 1.0, **_LENGTHS, "ell": 45 * _INCH, "parsec": _PARSEC, "pc": _PARSEC, "pica": _INCH / 6}
        | {"survey_mi": _SURVEY_MILE},
        {"m", "ang", "ly", "parsec", "pc"},
    ),
    "time": (
        {"yr": 365.25 * 86400, "day": 86400.0, "d": 86400.0, "hr": 3600.0, "mn": 60.0, "min": 60.0, "sec": 1.0}
        | {"s": 1.0},
        {"sec", "s"},
    ),
    "pressure": (
        {"Pa": 1.0, "p": 1.0, "atm": 101325.0, "at": 101325.0, "mmHg": 133.322}
        | {"psi": _POUND / 1000 * _GRAVITY / _INCH**2, "Torr": 101325 / 760},
        {"Pa", "p", "atm", "at", "mmHg"},
    ),
    "force": (
        {"N": 1.0, "dyn": 1e-5, "dy": 1e-5, "lbf": _POUND / 1000 * _GRAVITY, "pond": _GRAVITY / 1000},
        {"N", "dyn", "dy", "pond"},
    ),
    "energy": (
        {"J": 1.0, "e": 1e-7, "c": 4.184, "cal": 4.1868, "eV": 1.602176487e-19, "ev": 1.602176487e-19}
        | {"HPh": 745.69987158227022 * 3600, "hh": 745.69987158227022 * 3600, "Wh": 3600.0, "wh": 3600.0}
        | {"flb": _POUND / 1000 * _GRAVITY * _FOOT, "BTU": 1055.05585262, "btu": 1055.05585262},
        {"J", "e", "c", "cal", "eV", "ev", "Wh", "wh"},
    ),
    "power": ({"HP": 745.69987158227022, "h": 745.69987158227022, "W": 1.0, "w": 1.0, "PS": 735.49875}, {"W", "w"}),
    "magnetism": ({"T": 1.0, "ga": 1e-4}, {"T", "ga"}),
    "volume": (
        {"tsp": _GALLON / 768, "tspm": 0.005, "tbs": _GALLON / 256, "oz": _GALLON / 128, "cup": _GALLON / 16}
        | {"pt": _GALLON / 8, "us_pt": _GALLON / 8, "uk_pt": _IMPERIAL / 8, "qt": _GALLON / 4}
        | {"uk_qt": _IMPERIAL / 4, "gal": _GALLON, "uk_gal": _IMPERIAL, "l": 1.0, "L": 1.0, "lt": 1.0}
        | {"barrel": 42 * _GALLON, "bushel": 2150.42 * _INCH**3 * 1000, "regton": 100 * _FOOT**3 * 1000}
        | {"GRT": 100 * _FOOT**3 * 1000, "MTON": 40 * _FOOT**3 * 1000, "m3": 1000.0, "m^3": 1000.0}
        | {f"{unit}{power}": length**3 * 1000 for unit, length in _LENGTHS.items() for power in ("3", "^3")},
        {"l", "L", "lt", "uk_pt", "m3", "m^3", "ang3", "ang^3"},
    ),
    "area": (
        {"uk_acre": 4840 * _YARD**2, "us_acre": _SURVEY_MILE**2 / 640, "ar": 100.0, "ha": 10000.0, "Morgen": 2500.0}
        | {"m2": 1.0, "m^2": 1.0}
        | {f"{unit}{power}": length**2 for unit, length in _LENGTHS.items() for power in ("2", "^2")},
        {"ar", "m2", "m^2", "ang2", "ang^2"},
    ),
    "information": ({"bit": 1.0, "byte": 8.0}, {"bit", "byte"}),
    "speed": (
        {"admkn": 6080 * _FOOT / 3600, "kn": _NAUTICAL / 3600, "m/h": 1 / 3600, "m/hr": 1 / 3600, "m/s": 1.0}
        | {"m/sec": 1.0, "mph": _MILE / 3600},
        {"m/h", "m/hr", "m/s", "m/sec", "mph"},
    ),
}
# temperatures: kelvins are (number + offset) * scale
_TEMPERATURES = {
    "C": (273.15, 1.0),
    "F": (459.67, 5 / 9),
    "K": (0.0, 1.0),
    "Rank": (0.0, 5 / 9),
    "Reau": (218.52, 1.25),
}
_TEMPERATURES |= {"cel": _TEMPERATURES["C"], "fah": _TEMPERATURES["F"], "kel": _TEMPERATURES["K"]}
_KELVIN = ("K", "kel")  # take prefixes
_PREFIXES = {"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "e": 1, "d": -1}
_PREFIXES |= {"c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24}
_BINARY = {"Yi": 80, "Zi": 70, "Ei": 60, "Pi": 50, "Ti": 40, "Gi": 30, "Mi": 20, "ki": 10}


def _measures() -> dict[str, tuple[str, float, float]]:
    """Every unit with every prefix: its kind, the offset to add to a number and the factor to multiply by."""
    known: dict[str, tuple[str, float, float]] = {}
    for kind, (units, _) in _KINDS.items():
        for unit, size in units.items():
            known[unit] = (kind, 0.0, size)
    for unit, (offset, scale) in _TEMPERATURES.items():
        known[unit] = ("temperature", offset, scale)
    prefixed: dict[str, tuple[str, float, float]] = {}
    for kind, (units, metric) in _KINDS.items():
        for unit in metric:
            power = int(unit[-1]) if unit[-1] in "23" else 1
            for prefix, exponent in _PREFIXES.items():
                prefixed.setdefault(prefix + unit, (kind, 0.0, units[unit] * 10.0 ** (exponent * power)))
    for unit in _KELVIN:
        for prefix, exponent in _PREFIXES.items():
            prefixed.setdefault(prefix + unit, ("temperature", 0.0, 10.0**exponent))
    for prefix, exponent in _BINARY.items():
        for unit, size in _KINDS["information"][0].items():
            prefixed[prefix + unit] = ("information", 0.0, size * 2.0**exponent)
    return {**prefixed, **known}


MEASURES = _measures()


@elementwise("CONVERT", "strict", "text", "text")
def convert(number: Array, source: Any, target: Any) -> tuple[Array, Errors]:
    """A number in one unit of measurement as one in another; #N/A for units that are not known or of other kinds."""
    sources, targets = np.broadcast_arrays(source, target)
    factor, shift, back = np.ones(sources.shape), np.zeros(sources.shape), np.zeros(sources.shape)
    wrong = np.zeros(sources.shape, bool)
    for place in np.ndindex(sources.shape):
        first, second = MEASURES.get(str(sources[place])), MEASURES.get(str(targets[place]))
        wrong[place] = first is None or second is None or first[0] != second[0]
        if first is not None and second is not None and not wrong[place] and sources[place] != targets[place]:
            factor[place] = first[2] / second[2]
            shift[place], back[place] = first[1], second[1]
    if shift.any() or back.any():
        number = ops.subtract(ops.multiply(ops.add(number, shift), factor), back)
    else:
        number = ops.multiply(number, factor)
    return number, error_where(wrong, NA)
