"""Reads pivot tables: where their results stand, what they group by, and the values behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_text import TRUE, date_serial, parse_area, states, unescape
from sheetml.xlsx.model import (
    ERROR_CODE,
    Area,
    ErrorCode,
    Lazy,
    PivotDataField,
    PivotField,
    PivotItem,
    PivotLine,
    PivotTable,
)
from sheetml.xlsx.package import Package

MOST_VALUES = 5_000_000  # of one table's source
MOST_LINES = 1_000_000  # rows or columns of one table

Scalar = float | str | bool | ErrorCode | None


def pivot_tables(package: Package, sheets: Sequence[str], date_1904: bool) -> Sequence[PivotTable | None]:
    """The pivot tables on the sheets with these parts, each read when first asked for.

    One that cannot be understood is None: no cell of the file but GETPIVOTDATA's needs it.
    """
    parts = [
        (position, link.target)
        for position, sheet in enumerate(sheets)
        for link in package.relationships(sheet).values()
        if link.kind == "pivotTable" and not link.external and package.has(link.target)
    ]
    return Lazy([partial(_read_if_possible, package, *place, date_1904) for place in parts])


def _read_if_possible(package: Package, sheet: int, part: str, date_1904: bool) -> PivotTable | None:
    try:
        return _Reader(package, part, date_1904).read(sheet)
    except (WorkbookError, ValueError, IndexError, OverflowError):  # not a table that is described as it should be
        return None


class _Reader:
    def __init__(self, package: Package, part: str, date_1904: bool) -> None:
        self.package = package
        self.date_1904 = date_1904
        self.root = package.root(part)
        self.cache_part = self._linked(part, "pivotCacheDefinition")
        self.cache = package.root(self.cache_part)
        self.shared = [self._shared_items(each) for each in self.cache.iterfind("{*}cacheFields/{*}cacheField")]

    def _linked(self, part: str, kind: str) -> str:
        targets = [link.target for link in self.package.relationships(part).values() if link.kind == kind]
        if not targets or not self.package.has(targets[0]):
            raise self.package.error(f"is damaged: its part {part!r} names no {kind}")
        return targets[0]

    def read(self, sheet: int) -> PivotTable:
        """The table; ValueError or IndexError where its numbers lead nowhere."""
        root = self.root
        location = root.find("{*}location")
        area = None if location is None else parse_area(location.get("ref", ""))
        if location is None or area is None:
            raise ValueError("the table has no place")
        return PivotTable(
            name=unescape(root.get("name", "")),
            sheet=sheet,
            area=area,
            data=_data_area(location, area),
            fields=list(self._fields()),
            row_fields=[int(each.get("x", "")) for each in root.iterfind("{*}rowFields/{*}field")],
            column_fields=[int(each.get("x", "")) for each in root.iterfind("{*}colFields/{*}field")],
            page_items={
                int(each.get("fld", "")): int(each.get("item", "")) if "item" in each.attrib else None
                for each in root.iterfind("{*}pageFields/{*}pageField")
            },
            data_fields=[
                PivotDataField(unescape(each.get("name", "")), int(each.get("fld", "")), each.get("subtotal", "sum"))
                for each in root.iterfind("{*}dataFields/{*}dataField")
            ],
            rows=list(_lines(root, "rowItems")),
            columns=list(_lines(root, "colItems")),
            records=self._records(),
        )

    def _fields(self) -> Iterator[PivotField]:
        shown = list(self.root.iterfind("{*}pivotFields/{*}pivotField"))
        for position, source in enumerate(self.cache.iterfind("{*}cacheFields/{*}cacheField")):
            name = unescape(source.get("name", ""))
            element = shown[position] if position < len(shown) else None
            items = [] if element is None else list(self._items(element, position))
            caption = name if element is None else unescape(element.get("name", name))
            dates = source.find("{*}sharedItems")
            yield PivotField(name, caption, items, dates is not None and states(dates, "containsDate"))

    def _items(self, element: etree._Element, position: int) -> Iterator[PivotItem]:
        values = self.shared[position]
        for item in element.iterfind("{*}items/{*}item"):
            index = item.get("x")
            value = values[_within(index, len(values))] if index is not None else None
            caption = item.get("n")
            named = None if caption is None else unescape(caption)
            yield PivotItem(value, item.get("t", "data"), named, states(item, "h"))

    def _shared_items(self, field: etree._Element) -> list[Scalar]:
        """The different values of a field; of one that groups numbers or dates, the groups."""
        groups = field.find("{*}fieldGroup/{*}groupItems")
        items = field.find("{*}sharedItems") if groups is None else groups
        return [] if items is None else [self._value(item) for item in items]

    def _records(self) -> list[tuple[Scalar, ...]]:
        """The source's rows, if the file keeps them and there are not too many."""
        try:
            part = self._linked(self.cache_part, "pivotCacheRecords")
        except WorkbookError:
            return []
        plain = [field.find("{*}sharedItems") for field in self.cache.iterfind("{*}cacheFields/{*}cacheField")]
        values = [[] if items is None else [self._value(item) for item in items] for items in plain]
        records: list[tuple[Scalar, ...]] = []
        room = MOST_VALUES
        for element in self.package.elements(part, "r"):
            room -= len(element)
            if room < 0:
                return []
            records.append(
                tuple(
                    shared[_within(item.get("v"), len(shared))] if item.tag.endswith("}x") else self._value(item)
                    for item, shared in zip(element, values)
                )
            )
        return records

    def _value(self, item: etree._Element) -> Scalar:
        kind, text = item.tag.rpartition("}")[2], item.get("v", "")
        if kind == "n":
            return float(text)
        if kind == "b":
            return text.lower() in TRUE
        if kind == "e":
            return ERROR_CODE.get(text.upper(), ErrorCode.UNKNOWN)
        if kind == "d":
            return date_serial(text, self.date_1904)
        return None if kind == "m" else unescape(text)


def _within(text: str | None, count: int) -> int:
    index = int(text or "")
    if not 0 <= index < count:
        raise IndexError("no such item")
    return index


def _data_area(location: etree._Element, area: Area) -> Area | None:
    """The part of the table's area that holds results; None where there is none."""
    top = area.top + int(location.get("firstDataRow", "1"))
    left = area.left + int(location.get("firstDataCol", "1"))
    inside = area.top <= top <= area.bottom and area.left <= left <= area.right
    return Area(top, left, area.bottom, area.right) if inside else None


def _lines(root: etree._Element, name: str) -> Iterator[PivotLine]:
    """The rows or columns; each line states only in what it differs from the one before."""
    before: tuple[int, ...] = ()
    for count, line in enumerate(root.iterfind(f"{{*}}{name}/{{*}}i")):
        if count == MOST_LINES:
            raise ValueError("the table has too many lines")
        own = tuple(int(item.get("v", "0")) for item in line.iterfind("{*}x"))
        kind = line.get("t", "data")
        before = () if kind == "grand" else (*before[: int(line.get("r", "0"))], *own)
        yield PivotLine(before, kind, int(line.get("i", "0")))
