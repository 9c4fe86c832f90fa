"""What functions there are, for documentation and for whoever asks: each with a sentence on it.

`python -m sheetml.engine.functions.catalogue > docs/functions.md` writes the page of the documentation.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.functions.registry import MOST, Function

_HEADING = ["| Function | Arguments | Derivative | |", "|---|---|---|---|"]
_LIMITS = [
    "- Text is read as numbers and dates, and shown in number formats, as Excel for English (United States) does it.",
    "- Text is put in order by its characters without regard to case, not by the rules of a language.",
    '- Within array expressions whole columns end at the last row used: `SUMPRODUCT(--(A:A=""))` does not count the',
    "  blank rows below it. `COUNTIF`, `COUNTBLANK` and their kin do.",
    "- `CELL` tells of formats, alignment, protection and widths what the file says, not what macros changed.",
    "- Regular expressions are those of a library that knows what PCRE2 knows; one that takes longer than a second for",
    "  a text is reported.",
    "- `GROUPBY` has totals over one field, `PIVOTBY` one field on each side; more, several functions at once and",
    "  generated headers are reported.",
    "- `RATE` and yields are exact, where Excel ends its search a little earlier (within 1e-10). `IRR` and `XIRR` are",
    "  what Excel's search ends at (`XIRR` up to 1e-8 from the rate); a gradient is taken of the rate itself.",
    "- Not there: `FORECAST.ETS` and its kin (how Excel finds their parameters is not published), `GETPIVOTDATA`, and",
    "  all that asks servers (`WEBSERVICE`, `RTD`, `STOCKHISTORY`, cubes).",
]
_INTERNAL = "_"  # starts the names of functions that only files use, for operators
_PACKAGE = "sheetml.engine.functions"

# Of functions that are registered in loops without a sentence of their own.
_SENTENCES = {
    "COUNT": "How many numbers there are.",
    "COUNTA": "How many values there are that are not blank.",
    "AVERAGE": "The mean of the numbers.",
    "AVERAGEA": "The mean of all values, text counting as 0.",
    "MAX": "The largest number.",
    "MIN": "The smallest number.",
    "MAXA": "The largest value, text counting as 0.",
    "MINA": "The smallest value, text counting as 0.",
    "VAR.S": "The variance of a sample.",
    "VAR.P": "The variance of all there is.",
    "VARA": "The variance of a sample of all values, text counting as 0.",
    "VARPA": "The variance of all values, text counting as 0.",
    "STDEV.S": "The standard deviation of a sample.",
    "STDEV.P": "The standard deviation of all there is.",
    "STDEVA": "The standard deviation of a sample of all values, text counting as 0.",
    "STDEVPA": "The standard deviation of all values, text counting as 0.",
    "DEVSQ": "The sum of the squared deviations from the mean.",
    "AVEDEV": "The mean of the absolute deviations from the mean.",
    "GEOMEAN": "The geometric mean.",
    "HARMEAN": "The harmonic mean.",
    "SKEW": "The skewness of a sample.",
    "KURT": "The excess kurtosis of a sample.",
    "MEDIAN": "The number in the middle.",
    "SMALL": "The k-th smallest number.",
    "LARGE": "The k-th largest number.",
    "PERCENTILE.INC": "The number below which a share of all lies, 0 and 1 included.",
    "PERCENTILE.EXC": "The number below which a share of all lies, 0 and 1 excluded.",
    "QUARTILE.INC": "The quartile, from 0 for the smallest to 4 for the largest.",
    "QUARTILE.EXC": "The quartile, from 1 to 3.",
    "RANK.EQ": "The place of a number in order; equal numbers have the first place of theirs.",
    "RANK.AVG": "The place of a number in order; equal numbers have the mean of theirs.",
    "CORREL": "The correlation of two samples.",
    "RSQ": "The square of the correlation.",
    "COVARIANCE.P": "The covariance of all there is.",
    "COVARIANCE.S": "The covariance of a sample.",
    "STANDARDIZE": "How many standard deviations a number lies from the mean.",
    "SLOPE": "The slope of the line through points.",
    "INTERCEPT": "Where the line through points meets the axis.",
    "FORECAST.LINEAR": "The value of the line through points at another place.",
    "LINEST": "The coefficients of a linear regression, with its statistics if asked for.",
    "TREND": "The values of a linear regression, at new places if asked for.",
    "GROWTH": "The values of an exponential regression, at new places if asked for.",
    "LOGEST": "The coefficients of an exponential regression, with its statistics if asked for.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A function as it is listed. `family` is the module it is defined in."""

    name: str
    family: str
    about: str
    fewest: int
    most: int
    volatile: bool
    differentiable: bool

    @property
    def arguments(self) -> str:
        """How many it takes: "none", "2", "1 to 3", "1 or more"."""
        if self.most >= MOST:
            return f"{self.fewest} or more"
        if self.fewest == self.most:
            return str(self.fewest) if self.most else "none"
        return f"{self.fewest} to {self.most}"


def catalogue() -> Iterator[Entry]:
    """All functions that formulas can call, by family, then by name."""
    entries = [_entry(function) for name, function in FUNCTIONS.items() if not name.startswith(_INTERNAL)]
    yield from sorted(entries, key=lambda entry: (entry.family, entry.name))


def _entry(function: Function) -> Entry:
    about = function.about or _SENTENCES.get(function.name) or _sentence_of_its_like(function)
    return Entry(
        function.name,
        function.family,
        about,
        function.fewest,
        function.most,
        function.volatile,
        function.differentiable,
    )


def _sentence_of_its_like(function: Function) -> str:
    """Another name of a function is described as that one is."""
    names = [name for name, other in FUNCTIONS.items() if other.evaluate is function.evaluate]
    return next((_SENTENCES[name] for name in names if name in _SENTENCES), "")


def family_title(family: str) -> str:
    """What a family is about, by the first words of its module."""
    text = importlib.import_module(f"{_PACKAGE}.{family}").__doc__ or family
    return re.split(r"[:.]", " ".join(text.split("\n\n")[0].split()))[0]


def page() -> str:
    """The list of functions as a page of the documentation, in Markdown."""
    entries = list(catalogue())
    smooth = sum(entry.differentiable for entry in entries)
    lines = [
        "# Worksheet functions",
        "",
        f"sheetml computes {len(entries)} worksheet functions as Excel does; {smooth} of them it also differentiates:",
        "a cell's gradient goes through them exactly. Where a function has branches or positions (`IF`, `INDEX`,",
        "`SORT`, `FILTER`), the derivative is that of the branch or position taken; comparisons and counts have the",
        "derivative 0. The others (text, dates, rounding, whole numbers) say so by name when a gradient is asked for.",
        "",
        "A formula with a function that is not listed keeps the value stored in the file as long as nothing it reads",
        "changes; otherwise the cell is reported, by name, as one that cannot be computed.",
    ]
    lines += ["", "## Limits", "", *_LIMITS]
    family = ""
    for entry in entries:
        if entry.family != family:
            family = entry.family
            lines += [
                "",
                f"## {family_title(family)}",
                "",
                "| Function | Arguments | Derivative | |",
                "|---|---|---|---|",
            ]
        about = entry.about + (" Computed anew each time." if entry.volatile else "")
        derivative = "yes" if entry.differentiable else "–"
        lines.append(f"| `{entry.name}` | {entry.arguments} | {derivative} | {about.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
