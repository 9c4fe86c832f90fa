"""Formulas and values in English."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, TEXT, describe
from sheetml.formula.parser import PRECEDENCE
from sheetml.formula.text import to_a1
from sheetml.formula.tree import (
    Apply,
    Binary,
    Call,
    Missing,
    Node,
    Number,
    Range,
    Text,
    Unary,
    left_spine,
)
from sheetml.xlsx.model import CellValue

MOST_TERMS = 50  # of a chain a+b-c+..., up to which each operation in it is told

OPERATORS = {
    "+": "{0} plus {1}",
    "-": "{0} minus {1}",
    "*": "{0} times {1}",
    "/": "{0} divided by {1}",
    "^": "{0} to the power of {1}",
    "&": "{0} followed by {1}",
    "=": "{0} equals {1}",
    "<>": "{0} differs from {1}",
    "<": "{0} is less than {1}",
    "<=": "{0} is at most {1}",
    ">": "{0} is greater than {1}",
    ">=": "{0} is at least {1}",
    ":": "the cells from {0} to {1}",
    " ": "the cells that {0} and {1} share",
    ",": "{0} and {1}",
}

# By function, what its call means; several where the number of arguments changes it. "{all}" are all
# arguments as a list, "{any}" the same with "or", "{rest}" all but the first.
PHRASES: dict[str, tuple[str, ...]] = {
    "ABS": ("the absolute value of {0}",),
    "AND": ("{all}",),
    "AVERAGE": ("the mean of {all}",),
    "AVERAGEIF": ("the mean of those of {0} that meet {1}", "the mean of {2} where {0} meets {1}"),
    "CHOOSE": ("number {0} of the choices that follow ({rest})",),
    "COLUMN": ("the number of its own column", "the column number of {0}"),
    "COLUMNS": ("the number of columns of {0}",),
    "CORREL": ("the correlation of {0} and {1}",),
    "COS": ("the cosine of {0}",),
    "COUNT": ("the count of numbers in {all}",),
    "COUNTA": ("the count of filled cells in {all}",),
    "COUNTBLANK": ("the count of blank cells in {0}",),
    "COUNTIF": ("the count of cells of {0} that meet {1}",),
    "EXP": ("e to the power of {0}",),
    "FALSE": ("false",),
    "HLOOKUP": (
        "the entry in row {2} of {0}'s column of {1}, looked up in its first row (sorted)",
        "the entry in row {2} of {0}'s column of {1}, looked up in its first row (approximately if {3})",
    ),
    "IF": ("(true, if {0})", "{1} if {0}, else false", "{1} if {0}, else {2}"),
    "IFERROR": ("{0}, or {1} where that is an error",),
    "IFNA": ("{0}, or {1} where that is #N/A",),
    "INDEX": (
        "entry {1} of {0}",
        "the entry of {0} in row {1}, column {2}",
        "the entry of {0} in row {1}, column {2} of its part {3}",
    ),
    "INT": ("{0} rounded down to an integer",),
    "INTERCEPT": ("the intercept of the line through {0} (y) over {1} (x)",),
    "ISBLANK": ("{0} is blank",),
    "ISERROR": ("{0} is an error",),
    "ISNUMBER": ("{0} is a number",),
    "ISTEXT": ("{0} is text",),
    "LARGE": ("the {1}. largest of {0}",),
    "LN": ("the natural logarithm of {0}",),
    "LOG": ("the logarithm to base 10 of {0}", "the logarithm to base {1} of {0}"),
    "LOG10": ("the logarithm to base 10 of {0}",),
    "MATCH": (
        "the position of {0} in {1} (sorted; the last that is not greater)",
        "the position of {0} in {1} (match type {2})",
    ),
    "MAX": ("the largest of {all}",),
    "MDETERM": ("the determinant of {0}",),
    "MEDIAN": ("the median of {all}",),
    "MIN": ("the smallest of {all}",),
    "MINVERSE": ("the inverse matrix of {0}",),
    "MMULT": ("the matrix product of {0} and {1}",),
    "MOD": ("the remainder of {0} divided by {1}",),
    "NORM.S.INV": ("the standard normal quantile at {0}",),
    "NOT": ("not {0}",),
    "OFFSET": (
        "the cell {1} rows below and {2} columns right of {0}",
        "the {3} rows that begin {1} rows below and {2} columns right of {0}",
        "the {3} rows and {4} columns that begin {1} rows below and {2} columns right of {0}",
    ),
    "OR": ("{any}",),
    "PI": ("pi",),
    "POWER": ("{0} to the power of {1}",),
    "PRODUCT": ("the product of {all}",),
    "RAND": ("a random number between 0 and 1",),
    "RANDBETWEEN": ("a random integer from {0} to {1}",),
    "RANK": ("the rank of {0} in {1}",),
    "ROUND": ("{0} rounded to {1} digits",),
    "ROUNDDOWN": ("{0} rounded towards zero to {1} digits",),
    "ROUNDUP": ("{0} rounded away from zero to {1} digits",),
    "ROW": ("the number of its own row", "the row number of {0}"),
    "ROWS": ("the number of rows of {0}",),
    "SIGN": ("the sign of {0}",),
    "SIN": ("the sine of {0}",),
    "SLOPE": ("the slope of the line through {0} (y) over {1} (x)",),
    "SMALL": ("the {1}. smallest of {0}",),
    "SQRT": ("the square root of {0}",),
    "STDEV": ("the sample standard deviation of {all}",),
    "STDEV.P": ("the standard deviation of {all}",),
    "STDEV.S": ("the sample standard deviation of {all}",),
    "SUM": ("the sum of {all}",),
    "SUMIF": ("the sum of those of {0} that meet {1}", "the sum of {2} where {0} meets {1}"),
    "SUMPRODUCT": ("the sum of {0}", "the sum of the products of {all}"),
    "SUMSQ": ("the sum of the squares of {all}",),
    "SUMX2MY2": ("the sum of the differences of squares of {0} and {1}, pairs with a blank left out",),
    "SUMX2PY2": ("the sum of the squares of {0} and {1}, pairs with a blank left out",),
    "SUMXMY2": ("the sum of the squared differences between {0} and {1}, pairs with a blank left out",),
    "TANH": ("the hyperbolic tangent of {0}",),
    "TRANSPOSE": ("{0} transposed",),
    "TRUE": ("true",),
    "VAR": ("the sample variance of {all}",),
    "VAR.P": ("the variance of {all}",),
    "VAR.S": ("the sample variance of {all}",),
    "VLOOKUP": (
        "the entry in column {2} of {0}'s row of {1}, looked up in its first column (sorted)",
        "the entry in column {2} of {0}'s row of {1}, looked up in its first column (approximately if {3})",
    ),
}

_CHOOSING = frozenset(("IF", "IFERROR", "IFNA", "AND", "OR", "NOT"))  # whose arguments read on without parentheses
_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_LOOSE = 0  # binds less tightly than any operator: a phrase that needs parentheses as an operand
_TIGHT = 100


def in_words(node: Node, row: int, column: int) -> str:
    """A formula as a sentence without its full stop; references as they read in the cell."""
    return _Sentence(lambda part: to_a1(part, row, column)).of(node)[0]


class _Sentence:
    """Puts a tree into words; `text` writes what is left as it is."""

    def __init__(self, text: Callable[[Node], str]) -> None:
        self.text = text

    def of(self, node: Node) -> tuple[str, int]:
        """The words, and how tightly they hold together."""
        match node:
            case Missing():
                return "nothing", _TIGHT
            case Text(value=""):
                return "an empty text", _TIGHT
            case Unary():
                return self.unary(node)
            case Binary():
                return self.binary(node)
            case Call():
                return self.call(node)
            case Apply(function=function, arguments=arguments):
                parts = [self.part(argument) for argument in arguments]
                return f"the function {self.text(function)} of {_listed(parts, 'and') or 'nothing'}", _LOOSE
            case Range(sheet=None):
                return self.text(node).replace("$", ""), _TIGHT
        return self.text(node), _TIGHT

    def part(self, node: Node, tightness: int = 1) -> str:
        return _bracketed(*self.of(node), tightness)

    def unary(self, node: Unary) -> tuple[str, int]:
        operand = self.part(node.operand, _TIGHT)
        words = {
            "-": f"minus {operand}",
            "+": operand,
            "%": f"{operand} percent",
            "@": f"the cell of {operand} in line with this one",
            "#": f"the array that {operand} spills",
        }
        return words[node.operator], _TIGHT - 1

    def binary(self, node: Binary) -> tuple[str, int]:
        first, chain = left_spine(node)
        if len(chain) > MOST_TERMS:
            signs = ", ".join(dict.fromkeys(part.operator for part in chain))
            return f"{quantity(len(chain) + 1, 'term')} joined by {signs}", PRECEDENCE[node.operator]
        left = self.of(first)
        for part in chain:
            left = self.joined(part, *left)
        return left

    def joined(self, node: Binary, words: str, bound: int) -> tuple[str, int]:
        """An operation on what the words say, that hold together so tightly."""
        precedence = PRECEDENCE[node.operator]
        if node.operator == "^" and node.right == Number(2.0):
            return f"the square of {_bracketed(words, bound, _TIGHT)}", precedence
        if node.operator in ("=", "<>") and node.right == Text(""):
            return f"{_bracketed(words, bound, 1)} is {'' if node.operator == '=' else 'not '}empty", precedence
        right = self.part(node.right, precedence + 1)
        return OPERATORS[node.operator].format(_bracketed(words, bound, precedence), right), precedence

    def call(self, node: Call) -> tuple[str, int]:
        phrase = _phrase(node.function, len(node.arguments))
        if phrase is None and not node.arguments:
            return f"{node.function}()", _TIGHT
        parts = [self.argument(argument, node) for argument in node.arguments]
        phrase = phrase or f"{node.function} of {{all}}"
        lists = {"all": _listed(parts, "and"), "any": _listed(parts, "or"), "rest": ", ".join(parts[1:])}
        return phrase.format(*parts, **lists), _LOOSE

    def argument(self, argument: Node, call: Call) -> str:
        """An argument's words, in parentheses where it would not be clear what belongs to what."""
        words, bound = self.of(argument)
        choosing = call.function in _CHOOSING
        if isinstance(argument, Binary) and argument.operator in _COMPARISONS:
            plain = choosing
        elif isinstance(argument, Call):
            plain = choosing or len(call.arguments) == 1
        else:
            plain = False
        return words if plain or bound >= _TIGHT - 1 else f"({words})"


def _bracketed(words: str, bound: int, tightness: int) -> str:
    return f"({words})" if bound < tightness else words


def _phrase(function: str, count: int) -> str | None:
    """The phrase for a call with so many arguments: one made for that number, else one that can be filled."""
    phrases = PHRASES.get(function, ())
    for phrase in phrases:
        if _places(phrase) == count:
            return phrase
    fitting = [phrase for phrase in phrases if _places(phrase) <= count]
    return fitting[-1] if fitting else None


def _places(phrase: str) -> int:
    """How many arguments a phrase names one by one."""
    return next(count for count in range(9, -1, -1) if count == 0 or f"{{{count - 1}}}" in phrase)


def _listed(parts: list[str], conjunction: str) -> str:
    return f"{', '.join(parts[:-1])} {conjunction} {parts[-1]}" if len(parts) > 1 else "".join(parts)


def quantity(count: int, one: str, many: str = "") -> str:
    """ "1 cell", "1,030 cells"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


MINUS = "\u2212"  # the sign that numbers have in print; a hyphen is no minus


def minus(text: str) -> str:
    """A number's text with the minus sign of print, also in its power of ten: "−8.3e−9"."""
    return text.replace("-", MINUS)


def figure(number: float) -> str:
    """A number to ten digits, as tables show it."""
    return minus(f"{number:.10g}")


def value_text(value: CellValue) -> str:
    """A cell's value as tables show it: numbers to ten digits, text in quotes, a blank as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return figure(value)
    return f'"{value}"' if isinstance(value, str) else describe(value)


def short_figure(number: float) -> str:
    """A number to five digits, for ranges and pictures."""
    return minus(f"{number:.5g}")


def summary(kinds: np.ndarray, numbers: np.ndarray) -> str:
    """Values in a few words: "206 numbers from 0.5 to 5, 19 blank"."""
    words = []
    found = numbers[kinds == NUMBER]
    if found.size:
        lowest, highest = float(found.min()), float(found.max())
        spread = (
            f" from {short_figure(lowest)} to {short_figure(highest)}"
            if lowest < highest
            else f", all {short_figure(lowest)}"
        )
        words.append(short_figure(lowest) if kinds.size == 1 else quantity(found.size, "number") + spread)
    for kind, one, many in ((TEXT, "text", "texts"), (BOOLEAN, "truth value", ""), (BLANK, "blank", "blank")):
        count = int((kinds == kind).sum())
        if count:
            words.append(quantity(count, one, many))
    errors = int((kinds >= ERROR).sum())
    if errors:
        words.append(quantity(errors, "error"))
    return ", ".join(words)


def without_sheet(areas: str, sheet: str) -> str:
    """Areas in words without the name (as addresses write it) of the sheet that is being shown."""
    return ", ".join(area.removeprefix(f"{sheet}!") for area in areas.split(", ")) if sheet else areas
