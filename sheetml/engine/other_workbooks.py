"""Other workbooks that formulas refer to: the values that the file keeps of them stand on further sheets.

Excel computes with these values as long as the other workbook is not open. Here they have slots behind those of the
workbook's own cells, so that every function takes them as it takes any area; nothing ever changes them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce

from sheetml.engine.signals import Signal
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.tree import (
    Apply,
    Binary,
    Call,
    ErrorValue,
    ExternalReference,
    Name,
    Node,
    Range,
    StructuredReference,
    Unary,
    left_spine,
    walk,
)
from sheetml.xlsx.model import ExternalWorkbook, FileCells, WorkbookFile

_NUMBER = re.compile(r"\[(\d+)\]", re.ASCII)
_MOST_DIGITS = 6  # of an external link's number


class NotKept(Signal):
    """The file does not keep what a formula needs of another workbook."""


class OtherWorkbooks:
    """The sheets and names of those other workbooks that the formulas of a file mention."""

    def __init__(self, file: WorkbookFile) -> None:
        self._first = len(file.sheets)
        self._links = {number: file.external_links[number - 1] for number in _mentioned(file)}
        self._positions: dict[tuple[int, str], int] = {}
        self._names = {number: _names(link) for number, link in self._links.items()}
        self.titles: list[str] = []  # of the further sheets: "[book.xlsx]Sheet1"
        self.cells: list[FileCells] = []  # and what the file keeps of them
        for number, link in self._links.items():
            for sheet in link.sheets:
                if sheet.cells is not None and (len(sheet.cells.row) or not sheet.stale):
                    self._positions.setdefault((number, sheet.name.casefold()), self._first + len(self.cells))
                    self.titles.append(f"[{_file_name(link)}]{sheet.name}")
                    self.cells.append(sheet.cells)

    def keeps(self, node: ExternalReference) -> bool:
        """Whether the file keeps what a reference means."""
        try:
            if isinstance(node.part, Name):
                inner = [part for part in walk(self.name(node)) if isinstance(part, ExternalReference)]
                return all(self.keeps(part) for part in inner)
            return isinstance(node.part, ErrorValue) or (isinstance(node.part, Range) and bool(self.sheets(node)))
        except (NotKept, RecursionError):
            return False

    def sheets(self, node: ExternalReference) -> range:
        """The positions of the further sheets that a reference means. Raises NotKept where there are none."""
        number = self._number(node)
        first, last = (self._sheet(number, name) for name in (node.sheet, node.last_sheet or node.sheet))
        return range(min(first, last), max(first, last) + 1)

    def _sheet(self, number: int, name: str | None) -> int:
        position = None if name is None else self._positions.get((number, name.casefold()))
        if position is None:
            raise NotKept(f"of {_file_name(self._links[number])!r} the file keeps no values of a sheet {name or ''!r}")
        return position

    def name(self, node: ExternalReference) -> Node:
        """What a name in another workbook refers to, as seen from this one. Raises NotKept where that is not known."""
        assert isinstance(node.part, Name)
        number, name = self._number(node), node.part.name.casefold()
        link, known = self._links[number], self._names[number]
        scopes = [position for position, sheet in enumerate(link.sheets) if _same(sheet.name, node.sheet)]
        text = next((known[scope, name] for scope in (*scopes, None) if (scope, name) in known), "")
        if not text:
            raise NotKept(f"of {_file_name(link)!r} the file does not keep the name {node.part.name!r}")
        try:
            return _seen_from_outside(parse(text, 1, 1), node.workbook)
        except FormulaError:
            raise NotKept(f"the name {node.part.name!r} of {_file_name(link)!r} cannot be understood") from None

    def _number(self, node: ExternalReference) -> int:
        wanted = node.link
        if wanted is None:
            named = (number for number, link in self._links.items() if _same(_file_name(link), node.workbook))
            wanted = next(named, None)
        link = None if wanted is None else self._links.get(wanted)
        if wanted is None or link is None:
            raise NotKept(f"the file keeps nothing of a workbook [{node.workbook}]")
        if link.problem:
            raise NotKept(f"nothing is known of the workbook [{node.workbook}]: {link.problem}")
        return wanted


def _mentioned(file: WorkbookFile) -> list[int]:
    """The numbers of the external links that formulas or names mention."""
    if not len(file.external_links):
        return []
    formulas = [formula.text for sheet in file.sheets for formula in sheet.cells.formulas.different()]
    texts = [*formulas, *(name.text for name in file.names)]
    found = {int(digits) for text in texts for digits in _NUMBER.findall(text) if len(digits) <= _MOST_DIGITS}
    return sorted(number for number in found if 1 <= number <= len(file.external_links))


def _names(link: ExternalWorkbook) -> dict[tuple[int | None, str], str]:
    return {(name.scope, name.name.casefold()): name.text for name in link.names}


def _same(name: str, other: str | None) -> bool:
    return other is not None and name.casefold() == other.casefold()


def _file_name(link: ExternalWorkbook) -> str:
    """The other workbook's name without its folder."""
    return re.split(r"[/\\]", link.target)[-1].replace("%20", " ")


def _seen_from_outside(node: Node, workbook: str) -> Node:
    """A formula of another workbook as it would be written in this one."""

    def outside(part: Node) -> Node:
        return _seen_from_outside(part, workbook)

    match node:
        case Range():
            inner = replace(node, sheet=None, last_sheet=None)
            return ExternalReference(workbook, inner, node.sheet, node.last_sheet)
        case Name():
            return ExternalReference(workbook, replace(node, sheet=None), node.sheet)
        case StructuredReference():
            return ExternalReference(workbook, node)
        case Unary():
            return replace(node, operand=outside(node.operand))
        case Binary():
            first, chain = left_spine(node)
            return reduce(lambda left, part: Binary(part.operator, left, outside(part.right)), chain, outside(first))
        case Call():
            return replace(node, arguments=tuple(map(outside, node.arguments)))
        case Apply():
            return Apply(outside(node.function), tuple(map(outside, node.arguments)))
    return node
