"""The charts of a workbook as its file states them: kinds, series, axes, titles; nothing drawn, nothing computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from sheetml.xlsx.colours import Colours

KINDS = {
    "lineChart": "line", "line3DChart": "line", "barChart": "bar", "bar3DChart": "bar", "areaChart": "area",
    "area3DChart": "area", "scatterChart": "scatter", "bubbleChart": "scatter", "pieChart": "pie", "pie3DChart": "pie",
    "ofPieChart": "pie", "doughnutChart": "pie", "radarChart": "line", "stockChart": "line",
}  # fmt: skip
MOST_SERIES, MOST_POINTS = 100, 5_000


@dataclass(frozen=True, slots=True)
class Data:
    """Where a series has its values: a formula for cells, and what the file remembers of them."""

    formula: str = ""
    remembered: tuple[float | str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    name: Data
    categories: Data
    values: Data
    colour: str | None = None
    line: bool = True
    markers: bool = False
    smooth: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Series that are drawn in one way; `grouping` is "standard", "clustered", "stacked" or "percentStacked"."""

    kind: str  # line, bar, column, area, scatter, pie
    grouping: str
    series: tuple[Series, ...]
    hole: float = 0.0  # of a doughnut, as a share of its radius
    second: bool = False  # its values go by the axis on the right


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: its title, and its bounds where the file states them."""

    title: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    number_format: str = "General"


@dataclass(frozen=True, slots=True)
class Chart:
    title: str = ""
    legend: bool = False
    plots: tuple[Plot, ...] = ()
    across: Scale = field(default_factory=Scale)
    up: Scale = field(default_factory=Scale)
    unknown: tuple[str, ...] = ()  # kinds that are not read


def read_chart(root: etree._Element, colours: Colours) -> Chart:
    """A chart part's root as a chart."""
    area = root.find("{*}chart/{*}plotArea")
    if area is None:
        return Chart()
    plots, unknown, number = [], [], 0
    value_axes = list(area.iterfind("{*}valAx"))
    second = {_value(each, "axId") for each in value_axes if _value(each, "crosses") == "max"}
    for element in area:
        name = etree.QName(element).localname if isinstance(element.tag, str) else ""
        if name in KINDS:
            plot = _plot(element, name, colours, number, second)
            plots.append(plot)
            number += len(plot.series)
        elif name.endswith("Chart"):
            unknown.append(name.removesuffix("Chart"))
    own = [each for each in value_axes if _value(each, "axId") not in second]
    others = [each for name in ("catAx", "dateAx", "serAx") for each in area.iterfind(f"{{*}}{name}")]
    across = _axis(own[0] if len(own) > 1 and not others else others[0] if others else None)
    up = _axis(own[-1] if own else None)
    return Chart(
        title=_title(root.find("{*}chart/{*}title")) or _lone_name(root, plots),
        legend=root.find("{*}chart/{*}legend") is not None,
        plots=tuple(plots),
        across=across,
        up=up,
        unknown=tuple(unknown),
    )


def _plot(element: etree._Element, name: str, colours: Colours, number: int, second: set[str]) -> Plot:
    kind = KINDS[name]
    if kind == "bar" and _value(element, "barDir") != "bar":
        kind = "column"
    style = _value(element, "scatterStyle")
    found = []
    for index, each in enumerate(element.iterfind("{*}ser")):
        if index >= MOST_SERIES:
            break
        found.append(_series(each, kind, style, colours, number + index))
    hole = _number(_value(element, "holeSize")) or (50.0 if name == "doughnutChart" else 0.0)
    axes = {axis.get("val", "") for axis in element.iterfind("{*}axId")}
    return Plot(kind, _value(element, "grouping") or "standard", tuple(found), hole / 100, bool(axes & second))


def _series(element: etree._Element, kind: str, style: str, colours: Colours, number: int) -> Series:
    look = element.find("{*}spPr")
    line = None if look is None else look.find("{*}ln")
    marker = element.find("{*}marker")
    symbol = "" if marker is None else _value(marker, "symbol")
    drawn = colours.drawn(line) if kind in ("line", "scatter") else colours.drawn(look)
    own = colours.drawn(marker.find("{*}spPr")) if marker is not None else None
    without_line = line is not None and line.find("{*}noFill") is not None
    return Series(
        name=_data(element.find("{*}tx")),
        categories=_data(element.find("{*}xVal" if kind == "scatter" else "{*}cat")),
        values=_data(element.find("{*}yVal" if kind == "scatter" else "{*}val")),
        colour=drawn or own or (None if kind == "pie" else colours.accent(number)),
        line=not (without_line or (kind == "scatter" and style in ("marker", "lineMarker") and line is None
                                   and style == "marker")),
        markers=symbol not in ("", "none") or (kind == "scatter" and symbol != "none"),
        smooth=_value(element, "smooth") in ("1", "true") or (style == "smoothMarker"),
    )  # fmt: skip


def _data(element: etree._Element | None) -> Data:
    """A reference or literal values; what is remembered is in the order of its points."""
    if element is None:
        return Data()
    formula = next((each.text or "" for each in element.iter("{*}f")), "")
    literal = element.find("{*}v")
    if literal is not None:
        return Data("", (literal.text or "",))
    cache = next(element.iter("{*}numCache", "{*}strCache", "{*}numLit", "{*}strLit"), None)
    remembered: dict[int, float | str | None] = {}
    for point in cache.iterfind("{*}pt") if cache is not None else ():
        index, text = point.get("idx", ""), point.findtext("{*}v") or ""
        if index.isdecimal() and int(index) < MOST_POINTS:
            number = _number(text)
            numeric = cache is not None and "num" in etree.QName(cache).localname
            remembered[int(index)] = number if numeric else text
    values = tuple(remembered.get(index) for index in range(max(remembered, default=-1) + 1))
    return Data(formula, values)


def _axis(element: etree._Element | None) -> Scale:
    if element is None:
        return Scale()
    scaling, code = element.find("{*}scaling"), element.find("{*}numFmt")
    low, high = (None if scaling is None else _number(_value(scaling, name)) for name in ("min", "max"))
    log = scaling is not None and scaling.find("{*}logBase") is not None
    return Scale(
        _title(element.find("{*}title")),
        low,
        high,
        log,
        "General" if code is None else code.get("formatCode", "General"),
    )


def _title(element: etree._Element | None) -> str:
    if element is None:
        return ""
    lines = [
        "".join(run.text or "" for run in paragraph.iter("{*}t")) for paragraph in element.iterfind(".//{*}rich/{*}p")
    ]
    return "\n".join(line for line in lines if line) or next((each.text or "" for each in element.iter("{*}v")), "")


def _lone_name(root: etree._Element, plots: list[Plot]) -> str:
    """A chart of one series with a title that states no text is called as its series."""
    alone = len(plots) == 1 and len(plots[0].series) == 1 and root.find("{*}chart/{*}title") is not None
    remembered = plots[0].series[0].name.remembered if alone else ()
    return str(remembered[0]) if remembered else ""


def _value(element: etree._Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "" if found is None else found.get("val", "")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def formulas(chart: Chart) -> Iterator[str]:
    """All formulas for cells that a chart states."""
    for plot in chart.plots:
        for series in plot.series:
            for data in (series.name, series.categories, series.values):
                if data.formula:
                    yield data.formula
