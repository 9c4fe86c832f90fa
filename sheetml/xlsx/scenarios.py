"""The Scenario Manager's scenarios of a worksheet: read from its part, and written back into it.

ECMA-376, part 1, 18.3.1.76 (scenarios), 18.3.1.75 (scenario), 18.3.1.50 (inputCells). They come after the cells and
what protects them, and before filters; every byte that speaks of nothing else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from sheetml.xlsx.cell_text import TRUE, parse_address, unescape
from sheetml.xlsx.model import WorkbookFile, cell_address
from sheetml.xlsx.sheet_patch import escape_text, utf8_part

MOST_CELLS = 32  # that Excel lets a scenario change
LONGEST_NAME, LONGEST_COMMENT = 255, 255  # characters that Excel takes

# What may stand before the scenarios on a worksheet (18.3.1.99): they come right after the last of these.
_BEFORE = frozenset(
    ("sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr", "sheetProtection",
     "protectedRanges")
)  # fmt: skip
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Values for some cells of a sheet, under a name. `cells` holds them, as text, by row and column.

    `locked` (nobody may change it) and `hidden` (it is not listed) hold while the sheet is protected.
    """

    name: str
    cells: Mapping[tuple[int, int], str]
    comment: str = ""
    user: str = ""
    locked: bool = False
    hidden: bool = False


def scenarios(file: WorkbookFile, sheet: int) -> list[Scenario]:
    """The scenarios of a sheet, given by its position, in the file's order.

    Raises WorkbookError where the part states something else than scenarios there.
    """
    part = file.sheets[sheet].part
    return [_scenario(file, part, element) for element in file.package.elements(part, "scenario")]


def _scenario(file: WorkbookFile, part: str, element: Any) -> Scenario:
    cells: dict[tuple[int, int], str] = {}
    for each in element.iterfind("{*}inputCells"):
        place = parse_address(each.get("r", "").replace("$", ""))
        if place is None:
            raise file.package.error(f"is damaged: its part {part!r} has a scenario of a cell {each.get('r', '')!r}")
        if each.get("deleted", "").lower() not in TRUE:
            cells[place] = unescape(each.get("val", ""))
    name, comment, user = (unescape(element.get(each, "")) for each in ("name", "comment", "user"))
    locked, hidden = (element.get(each, "").lower() in TRUE for each in ("locked", "hidden"))
    return Scenario(name, cells, comment, user, locked, hidden)


ScenarioChanges = Mapping[int, Sequence[Scenario]]  # by a sheet's position: all of its scenarios from now on


def with_scenarios(
    file: WorkbookFile, changes: ScenarioChanges, patched: Mapping[str, bytes | None]
) -> dict[str, bytes]:
    """The parts of the sheets whose scenarios change, by the names of their entries.

    `patched` holds what changes already. A scenario that is in the file as it is wanted keeps its bytes.
    """
    package = file.package
    changed: dict[str, bytes] = {}
    for sheet, wanted in changes.items():
        part = file.sheets[sheet].part
        entry = package.entry(part)
        data = patched.get(entry.filename)
        content = utf8_part(package.read_entry(entry) if data is None else data)
        try:
            found = _Found(content)
        except expat.ExpatError as cause:
            raise package.malformed(part, cause) from None
        if found.after is None:
            raise package.error(f"is damaged: its part {part!r} has no cells")
        kept = dict(zip(found.stated, scenarios(file, sheet)))
        changed[entry.filename] = _patched(content, found, kept, wanted)
    return changed


class _Found:
    """Where a worksheet's part states its scenarios."""

    def __init__(self, content: bytes) -> None:
        self.stated: list[tuple[int, int]] = []  # each scenario, from its first byte to its last
        self.list: tuple[int, int] | None = None  # the element scenarios
        self.tag = b""  # its start
        self.after: int | None = None  # where it would stand
        self.prefix = ""
        self._content = content
        self._open: list[tuple[str, int, int]] = []  # the elements around, where their start tags begin and end
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.Parse(content, True)

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        prefix, _, name = qualified.rpartition(":")
        if not self._open:
            self.prefix = f"{prefix}:" if prefix else ""
        if len(self._open) > 2:  # of no concern, and a tag is not looked for
            self._open.append((name, 0, 0))
            return
        at = self._parser.CurrentByteIndex
        self._open.append((name, at, self._end_of_tag(at)))

    def _end(self, qualified: str) -> None:
        name, start, inside = self._open.pop()
        depth = len(self._open)
        if depth == 1:
            if name in _BEFORE:
                self.after = self._end_of(inside)
            elif name == "scenarios":
                self.list, self.tag = (start, self._end_of(inside)), self._content[start:inside]
        elif depth == 2 and name == "scenario" and self._open[1][0] == "scenarios":
            self.stated.append((start, self._end_of(inside)))

    def _end_of(self, inside: int) -> int:
        """Where the element ends that has just ended, and whose start tag ends at a byte."""
        empty = self._content[inside - 2 : inside] == b"/>"
        return inside if empty else self._end_of_tag(self._parser.CurrentByteIndex)

    def _end_of_tag(self, at: int) -> int:
        match = _TAG.match(self._content, at)
        return len(self._content) if match is None else match.end()


def _patched(
    content: bytes, found: _Found, kept: Mapping[tuple[int, int], Scenario], wanted: Sequence[Scenario]
) -> bytes:
    bytes_of = {_key(scenario): content[start:end] for (start, end), scenario in kept.items()}
    elements = b"".join(bytes_of.get(_key(each)) or _element(each, found.prefix) for each in wanted)
    start, end = found.list or (found.after or 0, found.after or 0)
    if not wanted:
        return content[:start] + content[end:]
    name = f"{found.prefix}scenarios".encode()
    tag = _opened(found.tag, len(wanted)) if found.list else b"<" + name + b' current="0" show="0">'
    return content[:start] + tag + elements + b"</" + name + b">" + content[end:]


def _key(scenario: Scenario) -> tuple[Any, ...]:
    cells = tuple(scenario.cells.items())
    return scenario.name, cells, scenario.comment, scenario.user, scenario.locked, scenario.hidden


def _opened(tag: bytes, count: int) -> bytes:
    """The start tag of a list that is there; what it says of the scenarios shown last stays within their number."""
    tag = tag.removesuffix(b"/>").removesuffix(b">").rstrip() + b">"

    def within(match: re.Match[bytes]) -> bytes:
        return match[1] + (match[2] if int(match[2]) < count else b"0") + match[3]

    return re.sub(rb"""(\s(?:current|show)\s*=\s*["'])(\d+)(["'])""", within, tag)


def _element(scenario: Scenario, prefix: str) -> bytes:
    """A scenario as Excel writes it."""
    flags = "".join(f' {name}="1"' for name in ("locked", "hidden") if getattr(scenario, name))
    texts = "".join(
        f" {name}={_quoted(text)}" for name, text in (("user", scenario.user), ("comment", scenario.comment)) if text
    )
    cells = "".join(
        f'<{prefix}inputCells r="{cell_address(row, column)}" val={_quoted(value)}/>'
        for (row, column), value in scenario.cells.items()
    )
    start = f'<{prefix}scenario name={_quoted(scenario.name)}{flags} count="{len(scenario.cells)}"{texts}>'
    return f"{start}{cells}</{prefix}scenario>".encode("ascii", "xmlcharrefreplace")


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr  # slow to import: with it comes what fetches pages

    return quoteattr(escape_text(text))
