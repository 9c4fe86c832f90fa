"""Charts on a sheet that is added: openpyxl writes what they are, and their parts are taken over into the package."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from openpyxl.chart._chart import ChartBase

COLUMNS, LINE, BARS = "columns", "line", "bars"
CENTIMETRES = 15.0, 7.5  # how wide and high a chart is
DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"
CHART_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"

_TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


@dataclass(frozen=True, slots=True)
class NewChart:
    """A chart of cells of its own sheet, standing where its corner is.

    `kind` is "columns" (a histogram's: without gaps), "line" (over numbers) or "bars" (from the top down). `across`
    are the cells with the names or numbers along it, `up` those with the values: a column each, its heading first.
    """

    kind: str
    title: str
    across: Area
    up: Sequence[Area]
    corner: str
    across_title: str = ""
    up_title: str = ""


def chart_parts(
    sheet: str, charts: Sequence[NewChart], taken: set[str], relationships: str
) -> tuple[str, dict[str, bytes], dict[str, str]]:
    """The name of a drawing with these charts; the new parts by name; the content types of those that want one.

    `taken` are the names of all parts, in small letters; new names are added to it.
    """
    made = _made(sheet, charts)
    drawing = _free("xl/drawings/drawing", taken)
    new: dict[str, bytes] = {}
    types = {drawing: DRAWING_TYPE}
    links = []
    for number in range(1, len(charts) + 1):
        part = _free("xl/charts/chart", taken)
        new[part] = made[f"xl/charts/chart{number}.xml"]
        types[part] = CHART_TYPE
        links.append(f'<Relationship Id="rId{number}" Type="{relationships}/chart" Target="/{part}"/>')
    new[drawing] = made["xl/drawings/drawing1.xml"].replace(_TRANSITIONAL.encode(), relationships.encode())
    new[f"xl/drawings/_rels/{drawing.rpartition('/')[2]}.rels"] = relationships_part(links)
    return drawing, new, types


def relationships_part(links: Sequence[str]) -> bytes:
    """A part with these relationships."""
    start = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f'{start}<Relationships xmlns="{_PACKAGE}">{"".join(links)}</Relationships>'.encode()


def _free(stem: str, taken: set[str]) -> str:
    number = 1
    while (part := f"{stem}{number}.xml").casefold() in taken:
        number += 1
    taken.add(part.casefold())
    return part


def _made(sheet: str, charts: Sequence[NewChart]) -> dict[str, bytes]:
    """The parts of a workbook that has the charts alone."""
    import openpyxl

    book = openpyxl.Workbook()
    own = book.active
    own.title = sheet
    for chart in charts:
        own.add_chart(_chart(own, chart), chart.corner)
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as package:
        return {name: package.read(name) for name in package.namelist() if re.match("xl/(charts|drawings)/", name)}


def _chart(own: Any, chart: NewChart) -> ChartBase:
    from openpyxl.chart import BarChart, Reference, ScatterChart, Series

    def cells(area: Area) -> Reference:
        return Reference(own, min_col=area.left, min_row=area.top, max_col=area.right, max_row=area.bottom)

    made: Any = ScatterChart() if chart.kind == LINE else BarChart()
    if chart.kind == LINE:
        made.style, made.scatterStyle = 13, "lineMarker"
        for area in chart.up:
            series = Series(cells(area), cells(chart.across), title_from_data=True)
            series.marker.symbol, series.smooth = "none", False
            made.series.append(series)
    else:
        made.type = "bar" if chart.kind == BARS else "col"
        made.gapWidth = 5 if chart.kind == COLUMNS else 50
        for area in chart.up:
            made.add_data(cells(area), titles_from_data=True)
        made.set_categories(cells(chart.across))
        if chart.kind == BARS:
            made.x_axis.scaling.orientation = "maxMin"  # the first at the top
            made.x_axis.tickLblPos = "low"  # beside the bars, also where these go to the left
    made.title, made.x_axis.title, made.y_axis.title = chart.title, chart.across_title or None, chart.up_title or None
    made.x_axis.delete = made.y_axis.delete = False  # openpyxl's charts come without axes otherwise
    made.width, made.height = CENTIMETRES
    if len(chart.up) == 1:
        made.legend = None
    return made
