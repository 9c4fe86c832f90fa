"""How a workbook looks: styles of cells, widths and heights, merged cells, frozen panes, notes.

Read only when somebody wants to show the workbook; `cell_styles.py` answers what formulas ask.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TypeVar
from xml.parsers import expat

import numpy as np
from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_text import parse_address, parse_area, rich_text
from sheetml.xlsx.colours import Colours
from sheetml.xlsx.conditional_formats import ConditionalFormat, read_conditional_formats
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, WorkbookFile
from sheetml.xlsx.number_formats import NumberFormats
from sheetml.xlsx.package import NAMESPACE_SEPARATOR, Package
from sheetml.xlsx.sheet_patch import utf8_part

DEFAULT_HEIGHT = 15.0  # points
DEFAULT_CHARACTERS = 8.0
DIGIT, PADDING = 7, 5  # pixels: of a 0 in Excel's own font at its own size, and beside the text of a column
SIDES = ("left", "right", "top", "bottom")
MIRRORED = {"left": "start", "right": "end"}  # as strict files call them
PATTERNS = {"gray0625": 0.0625, "gray125": 0.125, "lightGray": 0.25, "mediumGray": 0.5, "darkGray": 0.75}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Border:
    """One side of a cell: "thin", "medium", "thick", "dashed", "dotted", "double" ..., and its colour."""

    line: str
    colour: str | None


NO_BORDERS: tuple[Border | None, ...] = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks. Colours are "#rrggbb", or None where they are automatic."""

    number_format: str = "General"
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    size: float = 11.0  # points
    colour: str | None = None
    fill: str | None = None
    borders: tuple[Border | None, ...] = NO_BORDERS  # as SIDES
    across: str = "general"
    down: str = "bottom"
    wrap: bool = False
    indent: int = 0
    rotation: int = 0  # degrees, as the file counts them; 255 writes letter below letter


@dataclass(frozen=True, slots=True)
class Look:
    """What a conditional format changes of a cell's style; None leaves it as it is."""

    bold: bool | None = None
    italic: bool | None = None
    strike: bool | None = None
    colour: str | None = None
    fill: str | None = None
    number_format: str | None = None


@dataclass(slots=True)
class SheetAppearance:
    """How a sheet looks. Sizes are in pixels at 96 to the inch; rows and columns count from 1."""

    widths: list[tuple[int, int, int]] = field(default_factory=list)  # first and last column, width; 0 is hidden
    default_width: int = 64
    heights: dict[int, int] = field(default_factory=dict)  # 0 is hidden
    default_height: int = 20
    merged: list[Area] = field(default_factory=list)
    frozen: tuple[int, int] = (0, 0)  # rows and columns that stay
    gridlines: bool = True
    tab: str | None = None
    formats: list[ConditionalFormat] = field(default_factory=list)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # of cells with a style, sorted
    place_styles: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    row_styles: dict[int, int] = field(default_factory=dict)
    column_styles: list[tuple[int, int, int]] = field(default_factory=list)

    def styles(self, area: Area) -> np.ndarray:
        """The numbers of the styles of an area's cells, (rows, columns)."""
        rows, columns = np.arange(area.top, area.bottom + 1), np.arange(area.left, area.right + 1)
        found = np.zeros((rows.size, columns.size), np.int64)
        for first, last, style in self.column_styles:
            found[:, (columns >= first) & (columns <= last)] = style
        for index, row in enumerate(rows.tolist()):
            if row in self.row_styles:
                found[index] = self.row_styles[row]
        keys = rows[:, None] * (MAX_COLUMNS + 1) + columns[None, :]
        if len(self.places):
            at = np.minimum(self.places.searchsorted(keys), len(self.places) - 1)
            found = np.where(self.places[at] == keys, self.place_styles[at], found)
        return found


class Appearance:
    """How a workbook looks; each sheet is read when it is first asked for."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self.colours = Colours(file.package)
        self.styles, self.looks = _styles(file, self.colours)
        self._sheets: dict[int, SheetAppearance] = {}

    def sheet(self, position: int) -> SheetAppearance:
        """How a sheet looks. Raises WorkbookError where the file cannot be read."""
        if position not in self._sheets:
            self._sheets[position] = _sheet(self.file, position, self.colours)
        return self._sheets[position]

    def style(self, number: int) -> Style:
        return self.styles[number] if 0 <= number < len(self.styles) else Style()


# ---- styles ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Font:
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    size: float = 11.0
    colour: str | None = None


def _styles(file: WorkbookFile, colours: Colours) -> tuple[list[Style], list[Look]]:
    package = file.package
    part = package.parts_by_kind.get("styles")
    if part is None or not package.has(part):
        return [Style()], []
    root = package.root(part)
    fonts = [_font(element, colours) for element in root.iterfind("{*}fonts/{*}font")]
    fills = [_fill(element, colours) for element in root.iterfind("{*}fills/{*}fill")]
    borders = [_borders(element, colours) for element in root.iterfind("{*}borders/{*}border")]
    styles = []
    for code, element in zip(NumberFormats(file).styles, root.iterfind("{*}cellXfs/{*}xf")):
        alignment = element.find("{*}alignment")
        stated = {} if alignment is None else dict(alignment.attrib)
        font = _chosen(fonts, element.get("fontId"), _Font())
        styles.append(
            Style(
                code, font.bold, font.italic, font.underline, font.strike, font.size, font.colour,
                fill=_chosen(fills, element.get("fillId"), None),
                borders=_chosen(borders, element.get("borderId"), NO_BORDERS),
                across=str(stated.get("horizontal", "general")),
                down=str(stated.get("vertical", "bottom")),
                wrap=stated.get("wrapText", "0") in ("1", "true"),
                indent=_whole(stated.get("indent")) or 0,
                rotation=_whole(stated.get("textRotation")) or 0,
            )
        )  # fmt: skip
    return styles or [Style()], [_look(element, colours) for element in root.iterfind("{*}dxfs/{*}dxf")]


def _chosen(items: list[T], number: str | None, otherwise: T) -> T:
    position = _whole(number)
    return items[position] if position is not None and position < len(items) else otherwise


def _font(element: etree._Element, colours: Colours) -> _Font:
    underline, size = element.find("{*}u"), element.find("{*}sz")
    return _Font(
        bold=_flag(element, "b") is True,
        italic=_flag(element, "i") is True,
        underline=underline is not None and underline.get("val", "single") != "none",
        strike=_flag(element, "strike") is True,
        size=min(max((_number(size.get("val")) if size is not None else None) or 11.0, 1.0), 409.0),
        colour=colours.of(element.find("{*}color")),
    )


def _flag(parent: etree._Element, name: str) -> bool | None:
    """Whether an element such as <b/> or <b val="0"/> says yes; None where it is absent."""
    found = parent.find(f"{{*}}{name}")
    return None if found is None else found.get("val", "1") in ("1", "true", "on")


def _fill(element: etree._Element, colours: Colours) -> str | None:
    """The colour of a solid fill; a pattern is shown as its two colours mixed, a gradient as its first."""
    pattern, gradient = element.find("{*}patternFill"), element.find("{*}gradientFill")
    if gradient is not None:
        return colours.of(gradient.find("{*}stop/{*}color"))
    kind = "none" if pattern is None else pattern.get("patternType", "none")
    if pattern is None or kind == "none":
        return None
    ink, paper = colours.of(pattern.find("{*}fgColor")), colours.of(pattern.find("{*}bgColor"))
    if kind == "solid":
        return ink
    return mixed(paper or "#FFFFFF", ink or "#000000", PATTERNS.get(kind, 0.5))


def _borders(element: etree._Element, colours: Colours) -> tuple[Border | None, ...]:
    found: list[Border | None] = []
    for name in SIDES:
        side = element.find(f"{{*}}{name}")
        side = element.find(f"{{*}}{MIRRORED[name]}") if side is None and name in MIRRORED else side
        line = "none" if side is None else side.get("style", "none")
        found.append(None if side is None or line == "none" else Border(line, colours.of(side.find("{*}color"))))
    return tuple(found)


def _look(element: etree._Element, colours: Colours) -> Look:
    """What a conditional format lays over a cell; its solid fills state their colour as the background."""
    font, pattern, code = (element.find(path) for path in ("{*}font", "{*}fill/{*}patternFill", "{*}numFmt"))
    fill = None
    if pattern is not None and pattern.get("patternType", "solid") != "none":
        background, ink = colours.of(pattern.find("{*}bgColor")), colours.of(pattern.find("{*}fgColor"))
        fill = background or ink
    return Look(
        bold=None if font is None else _flag(font, "b"),
        italic=None if font is None else _flag(font, "i"),
        strike=None if font is None else _flag(font, "strike"),
        colour=None if font is None else colours.of(font.find("{*}color")),
        fill=fill,
        number_format=None if code is None else code.get("formatCode"),
    )


def mixed(first: str, second: str, share: float) -> str:
    """A colour between two, "#rrggbb": share 0 is the first, 1 the second."""
    parts = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


# ---- sheets ------------------------------------------------------------------------------------


def _sheet(file: WorkbookFile, position: int, colours: Colours) -> SheetAppearance:
    package, part = file.package, file.sheets[position].part
    found = SheetAppearance()
    _read_cells(package, part, found)
    extended: list[etree._Element] = []
    formats: list[etree._Element] = []
    names = ("sheetPr", "sheetViews", "sheetFormatPr", "cols", "mergeCells", "conditionalFormatting", "extLst")
    for element in package.elements(part, *names):
        name = etree.QName(element).localname
        if name == "sheetPr":
            found.tab = colours.of(element.find("{*}tabColor"))
        elif name == "sheetViews":
            _read_view(element, found)
        elif name == "sheetFormatPr":
            _read_defaults(element, found)
        elif name == "cols":
            _read_columns(element, found)
        elif name == "mergeCells":
            areas = (parse_area(each.get("ref", "")) for each in element.iterfind("{*}mergeCell"))
            found.merged = [area for area in areas if area is not None]
        elif name == "conditionalFormatting":
            formats.append(_kept(element))
        else:
            extended.append(_kept(element))
    found.formats = read_conditional_formats(formats, extended, colours)
    found.notes = _notes(package, part)
    return found


def _kept(element: etree._Element) -> etree._Element:
    """A copy, as the element itself is released when the next is read."""
    return copy.deepcopy(element)


def _read_view(element: etree._Element, found: SheetAppearance) -> None:
    view = element.find("{*}sheetView")
    if view is None:
        return
    found.gridlines = view.get("showGridLines", "1") in ("1", "true")
    pane = view.find("{*}pane")
    if pane is not None and pane.get("state", "split") in ("frozen", "frozenSplit"):
        rows, columns = _number(pane.get("ySplit")) or 0, _number(pane.get("xSplit")) or 0
        top, left = parse_address(view.get("topLeftCell", "A1")) or (1, 1)
        found.frozen = max(top - 1 + int(rows), 0) if rows else 0, max(left - 1 + int(columns), 0) if columns else 0


def _read_defaults(element: etree._Element, found: SheetAppearance) -> None:
    width, base, height = (
        _number(element.get(name)) for name in ("defaultColWidth", "baseColWidth", "defaultRowHeight")
    )
    if width is not None:
        found.default_width = _pixels_across(width)
    else:  # a multiple of eight pixels
        found.default_width = -(-int((base or DEFAULT_CHARACTERS) * DIGIT + PADDING) // 8) * 8
    if element.get("zeroHeight", "0") in ("1", "true"):
        found.default_height = 0
    elif height is not None:
        found.default_height = _pixels_down(height)


def _read_columns(element: etree._Element, found: SheetAppearance) -> None:
    for column in element.iterfind("{*}col"):
        first, last = _whole(column.get("min")), _whole(column.get("max"))
        if first is None or last is None or not 1 <= first <= last:
            continue
        width, style = _number(column.get("width")), _whole(column.get("style")) or 0
        last = min(last, MAX_COLUMNS)
        if column.get("hidden", "0") in ("1", "true"):
            found.widths.append((first, last, 0))
        elif width is not None:
            found.widths.append((first, last, _pixels_across(width)))
        if style:
            found.column_styles.append((first, last, style))


def _read_cells(package: Package, part: str, found: SheetAppearance) -> None:
    """Styles of cells, styles and heights of rows: the one thing of which a sheet may hold a million."""
    data = package.read(part)
    namespace = package.check_prolog(part, data).namespace
    before = f"{namespace}{NAMESPACE_SEPARATOR}" if namespace else ""
    cell, row = f"{before}c", f"{before}row"
    places: list[int] = []
    styles: list[int] = []
    stride = MAX_COLUMNS + 1

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == cell:
            style = attributes.get("s", "0")
            place = parse_address(attributes.get("r", "")) if style != "0" else None
            if place is not None and style.isdecimal():
                places.append(place[0] * stride + place[1])
                styles.append(int(style))
        elif name == row:
            _read_row(attributes, found)

    parser = expat.ParserCreate(namespace_separator=NAMESPACE_SEPARATOR)
    parser.StartElementHandler = start
    try:
        parser.Parse(utf8_part(data), True)
    except expat.ExpatError as cause:
        raise package.malformed(part, cause) from None
    order = np.argsort(places, kind="stable")
    found.places, found.place_styles = np.array(places, np.int64)[order], np.array(styles, np.int64)[order]


def _read_row(attributes: dict[str, str], found: SheetAppearance) -> None:
    number = _whole(attributes.get("r"))
    if number is None or not 1 <= number <= MAX_ROWS:
        return
    height, style = _number(attributes.get("ht")), _whole(attributes.get("s"))
    if attributes.get("hidden", "0") in ("1", "true"):
        found.heights[number] = 0
    elif height is not None and _pixels_down(height) != found.default_height:
        found.heights[number] = _pixels_down(height)
    if style is not None and attributes.get("customFormat", "0") in ("1", "true"):
        found.row_styles[number] = style


def _notes(package: Package, part: str) -> dict[tuple[int, int], str]:
    """The notes ("comments") of a sheet, by row and column."""
    found: dict[tuple[int, int], str] = {}
    for link in package.relationships(part).values():
        if link.kind != "comments" or link.external or not package.has(link.target):
            continue
        try:
            root = package.root(link.target)
        except WorkbookError:  # the sheet is shown without its notes
            continue
        for note in root.iterfind("{*}commentList/{*}comment"):
            place, text = parse_address(note.get("ref", "")), note.find("{*}text")
            if place is not None and text is not None:
                found[place] = rich_text(text).strip()
    return found


def _pixels_across(characters: float) -> int:
    return round(min(max(characters, 0.0), 255.0) * DIGIT)


def _pixels_down(points: float) -> int:
    return round(min(max(points, 0.0), 409.5) * 4 / 3)


def _number(text: str | None) -> float | None:
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else None
