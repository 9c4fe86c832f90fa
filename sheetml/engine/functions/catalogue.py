"""What functions there are, for documentation and for whoever asks: each with a sentence on it.

`python -m sheetml.engine.functions.catalogue > docs/functions.md` writes the page of the documentation.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sheetml.engine.evaluate import Function
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.functions.registry import MOST

_LIMITS = [
    "- Text is read as numbers and dates, and shown in number formats, as Excel for English (United States) does it.",
    "  A format may ask for days and months in another language (`[$-407]`): Danish, Dutch, French, German, Italian,",
    "  Norwegian, Portuguese, Spanish and Swedish are known (short names only in French, German and Italian). Where",
    "  it asks for others, for another calendar or other numerals, the cell is named as not computed.",
    "- Text is put in order as Excel for English does it (signs, digits, letters; case, hyphens and apostrophes do not",
    "  count, accents only between words that are otherwise the same); other languages have other orders.",
    '- Within array expressions whole columns end at the last row used: `SUMPRODUCT(--(A:A=""))` does not count the',
    "  blank rows below it. `COUNTIF`, `COUNTBLANK` and their kin do.",
    "- `CELL` tells of formats, alignment, protection and widths what the file says, not what macros changed.",
    "- Regular expressions are those of a library that knows what PCRE2 knows; one that takes longer than a second for",
    "  a text is reported.",
    "- `GROUPBY` has totals over one field, `PIVOTBY` one field on each side; more, several functions at once and",
    "  generated headers are reported.",
    "- `RATE` and yields are exact, where Excel ends its search a little earlier (within 1e-10). `IRR` and `XIRR` are",
    "  what Excel's search ends at (`XIRR` up to 1e-8 from the rate); a gradient is taken of the rate itself.",
    "- `GETPIVOTDATA` gives what a pivot table shows in its cells, as they were when Excel last refreshed it; where",
    "  the file does not tell which cell that is, or the cell is blank, the formula's cell is reported.",
    "- Not there: `FORECAST.ETS` and its kin (how Excel finds their parameters is not published), and all that asks",
    "  servers (`WEBSERVICE`, `RTD`, `STOCKHISTORY`, cubes).",
]
_INTERNAL = "_"  # starts the names of functions that only files use, for operators
_PACKAGE = "sheetml.engine.functions"


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
    return Entry(
        function.name,
        function.family,
        function.about,
        function.fewest,
        function.most,
        function.volatile,
        function.differentiable,
    )


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
