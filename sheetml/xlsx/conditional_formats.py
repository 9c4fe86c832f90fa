"""Conditional formats as files state them: what is asked of which cells, and how those that meet it look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from sheetml.xlsx.cell_text import parse_area
from sheetml.xlsx.colours import Colours
from sheetml.xlsx.model import Area

MOST_FORMATS = 2_000  # of a sheet


@dataclass(frozen=True, slots=True)
class Limit:
    """A point of a scale: "min", "max", "num", "percent", "percentile" or "formula", and its value's formula."""

    kind: str
    value: str = ""
    reached: bool = True  # an icon's limit belongs to its icon


@dataclass(frozen=True, slots=True)
class ConditionalFormat:
    """One rule. `kind` is the file's word: "cellIs", "expression", "colorScale", "dataBar", "iconSet", "top10" ...

    Formulas are written for the top left cell of the first area. `look` is the number of what is laid over a cell.
    """

    areas: tuple[Area, ...]
    kind: str
    priority: int
    formulas: tuple[str, ...] = ()
    operator: str = ""
    look: int | None = None
    stop: bool = False
    limits: tuple[Limit, ...] = ()
    colours: tuple[str, ...] = ()
    icons: str = ""
    reverse: bool = False
    shows_value: bool = True
    settings: dict[str, str] = field(default_factory=dict)  # rank, percent, bottom, aboveAverage, equalAverage, stdDev


def read_conditional_formats(
    stated: Iterable[etree._Element], extended: Iterable[etree._Element], colours: Colours
) -> list[ConditionalFormat]:
    """The rules in the order of their priority; `extended` are the lists of extensions, which hold newer icons."""
    found = [each for element in stated for each in _rules(element, element.get("sqref", ""), colours)]
    for listed in extended:
        for element in listed.iter("{*}conditionalFormatting"):
            areas = element.find("{*}sqref")
            for each in _rules(element, "" if areas is None else areas.text or "", colours):
                if each.kind == "iconSet" or (each.kind in ("expression", "cellIs") and each.look is not None):
                    found.append(each)
    return sorted(found, key=lambda each: each.priority)[:MOST_FORMATS]


def _rules(element: etree._Element, sqref: str, colours: Colours) -> Iterator[ConditionalFormat]:
    parsed = [parse_area(text) for text in sqref.split()]
    areas = tuple(area for area in parsed if area is not None)
    for rule in element.iterfind("{*}cfRule") if areas else ():
        scale = next(rule.iterchildren("{*}colorScale", "{*}dataBar", "{*}iconSet"), None)
        look, priority = rule.get("dxfId", ""), rule.get("priority", "")
        yield ConditionalFormat(
            areas=areas,
            kind=rule.get("type", ""),
            priority=int(priority) if priority.isdecimal() else 1_000_000,
            formulas=tuple(each.text or "" for each in rule.iterchildren("{*}formula", "{*}f")),
            operator=rule.get("operator", ""),
            look=int(look) if look.isdecimal() else None,
            stop=rule.get("stopIfTrue", "0") in ("1", "true"),
            limits=() if scale is None else tuple(_limit(each) for each in scale.iterfind("{*}cfvo")),
            colours=() if scale is None else _colours(scale, colours),
            icons="" if scale is None else scale.get("iconSet", "3TrafficLights1"),
            reverse=scale is not None and scale.get("reverse", "0") in ("1", "true"),
            shows_value=scale is None or scale.get("showValue", "1") in ("1", "true"),
            settings={str(name): str(value) for name, value in rule.attrib.items()},
        )


def _limit(element: etree._Element) -> Limit:
    formula = element.find("{*}f")
    value = (element.get("val") if formula is None else formula.text) or ""
    kind = element.get("type", "num").removeprefix("auto").lower()
    return Limit(kind, value, element.get("gte", "1") in ("1", "true"))


def _colours(scale: etree._Element, colours: Colours) -> tuple[str, ...]:
    return tuple(colours.of(each) or "#638EC6" for each in scale.iterchildren("{*}color", "{*}fillColor"))
