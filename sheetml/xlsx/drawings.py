"""What lies over the cells of a sheet, and where: charts, and buttons and shapes that call macros."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.buttons import Button, read_buttons
from sheetml.xlsx.charts import Chart, read_chart
from sheetml.xlsx.colours import Colours
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, WorkbookFile
from sheetml.xlsx.package import Package

EMU = 9525  # English metric units to a pixel
MOST_CHARTS = 200  # of a sheet


@dataclass(frozen=True, slots=True)
class Corner:
    """A point of a sheet: a cell, and pixels from its top left corner."""

    row: int
    column: int
    x: int = 0
    y: int = 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where something lies: from a corner to another one, or over so many pixels (width, height)."""

    begin: Corner
    end: Corner | None = None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PlacedChart:
    anchor: Anchor
    chart: Chart


@dataclass(frozen=True, slots=True)
class PlacedButton:
    anchor: Anchor
    button: Button


def read_charts(file: WorkbookFile, sheet: int, colours: Colours) -> list[PlacedChart]:
    """The charts of a sheet; those whose part is missing or damaged are left out."""
    package, found = file.package, []
    for part, root in _drawings(package, file.sheets[sheet].part):
        links = package.relationships(part)
        for element in root.iter("{*}twoCellAnchor", "{*}oneCellAnchor", "{*}absoluteAnchor"):
            reference = next((each for each in element.iter("{*}chart") if each.get(_ID) is not None), None)
            anchor = _anchor(element)
            link = None if reference is None else links.get(reference.get(_ID, ""))
            if link is None or link.external or anchor is None or not package.has(link.target):
                continue
            try:
                found.append(PlacedChart(anchor, read_chart(package.root(link.target), colours)))
            except WorkbookError:
                continue
            if len(found) >= MOST_CHARTS:
                return found
    return found


def read_placed_buttons(file: WorkbookFile) -> dict[int, list[PlacedButton]]:
    """The buttons and shapes that call macros, by sheet, where the file says where they are."""
    found: dict[int, list[PlacedButton]] = {}
    anchors: dict[int, dict[int, Anchor]] = {}
    for button in read_buttons(file):
        if button.sheet not in anchors:
            anchors[button.sheet] = dict(_shape_anchors(file.package, file.sheets[button.sheet].part))
        anchor = anchors[button.sheet].get(button.shape)
        if anchor is not None:
            found.setdefault(button.sheet, []).append(PlacedButton(anchor, button))
    return found


_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def _drawings(package: Package, part: str) -> Iterator[tuple[str, etree._Element]]:
    for link in package.relationships(part).values():
        if link.kind == "drawing" and not link.external and package.has(link.target):
            try:
                yield link.target, package.root(link.target)
            except WorkbookError:
                continue


def _shape_anchors(package: Package, part: str) -> Iterator[tuple[int, Anchor]]:
    """Where the shapes of a sheet are, by their numbers: what the sheet says of its controls comes last, and holds."""
    for link in package.relationships(part).values():
        if link.kind == "vmlDrawing" and not link.external and package.has(link.target):
            try:
                yield from _vml_anchors(package.root(link.target))
            except WorkbookError:
                continue
    for _, root in _drawings(package, part):
        for element in root.iter("{*}twoCellAnchor", "{*}oneCellAnchor", "{*}absoluteAnchor"):
            anchor = _anchor(element)
            for properties in element.iter("{*}cNvPr"):
                number = properties.get("id", "")
                if anchor is not None and number.isdecimal():
                    yield int(number), anchor
    for control in package.elements(part, "control"):
        number, place = control.get("shapeId", ""), control.find("{*}controlPr/{*}anchor")
        anchor = None if place is None else _anchor(place)
        if anchor is not None and number.isdecimal():
            yield int(number), anchor


def _vml_anchors(root: etree._Element) -> Iterator[tuple[int, Anchor]]:
    for shape in root.iter("{*}shape", "{*}rect"):
        number = re.search(r"_s(\d+)$", shape.get("id", ""))
        text = next((each.text or "" for each in shape.iter("{*}Anchor")), "")
        parts = [part.strip() for part in text.split(",")]
        if number is None or len(parts) != 8 or not all(part.lstrip("-").isdecimal() for part in parts):
            continue
        left, x, top, y, right, x2, bottom, y2 = map(int, parts)
        if all(0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS for row, column in ((top, left), (bottom, right))):
            yield int(number[1]), Anchor(Corner(top + 1, left + 1, x, y), Corner(bottom + 1, right + 1, x2, y2))


def _anchor(element: etree._Element) -> Anchor | None:
    begin, end, size = element.find("{*}from"), element.find("{*}to"), element.find("{*}ext")
    first = Corner(1, 1) if begin is None else _corner(begin)
    if begin is None:
        place = element.find("{*}pos")
        first = Corner(1, 1, *(_pixels(None if place is None else place.get(name)) for name in ("x", "y")))
    if first is None:
        return None
    extent = (0, 0) if size is None else (_pixels(size.get("cx")), _pixels(size.get("cy")))
    last = None if end is None else _corner(end)
    return Anchor(first, last, extent) if last is not None or all(extent) else None


def _corner(element: etree._Element) -> Corner | None:
    row, column = (element.findtext(f"{{*}}{name}", "").strip() for name in ("row", "col"))
    if not (row.isdecimal() and column.isdecimal() and int(row) < MAX_ROWS and int(column) < MAX_COLUMNS):
        return None
    x, y = (_pixels(element.findtext(f"{{*}}{name}")) for name in ("colOff", "rowOff"))
    return Corner(int(row) + 1, int(column) + 1, x, y)


def _pixels(text: str | None) -> int:
    text = (text or "").strip()
    return round(int(text) / EMU) if text.lstrip("-").isdecimal() and len(text) < 14 else 0
