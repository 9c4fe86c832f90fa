"""The charts of the sheets with their present values, and the buttons, as the page draws them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sheetml.engine.values import NUMBER, TEXT
from sheetml.errors import SheetmlError
from sheetml.serve.session import Session
from sheetml.serve.texts import shown
from sheetml.xlsx.charts import Data, Plot, Scale, Series
from sheetml.xlsx.drawings import Anchor, PlacedButton, PlacedChart, read_charts, read_placed_buttons

MOST_POINTS = 1_500  # of a series that are sent

Values = list[float | str | None]


class Pictures:
    """What lies over the cells of a session's workbook."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._charts: dict[int, list[PlacedChart]] = {}
        self._buttons: dict[int, list[PlacedButton]] | None = None

    def charts(self, sheet: int) -> list[PlacedChart]:
        if sheet not in self._charts:
            book = self.session.book
            self._charts[sheet] = read_charts(book.file, sheet, self.session.views.appearance.colours)
        return self._charts[sheet]

    def buttons(self, sheet: int) -> list[PlacedButton]:
        if self._buttons is None:
            self._buttons = read_placed_buttons(self.session.book.file)
        return self._buttons.get(sheet, [])

    def drawn(self, sheet: int) -> list[dict[str, Any]]:
        """The charts of a sheet with the values that their cells hold now."""
        return [
            {
                "anchor": _placed(each.anchor), "title": each.chart.title, "legend": each.chart.legend,
                "across": _scale(each.chart.across), "up": _scale(each.chart.up), "unknown": list(each.chart.unknown),
                "plots": [self._plot(plot, sheet) for plot in each.chart.plots],
            }
            for each in self.charts(sheet)
        ]  # fmt: skip

    def placed_buttons(self, sheet: int) -> list[dict[str, Any]]:
        """The buttons of a sheet: caption, macro, place."""
        return [
            {
                "anchor": _placed(each.anchor), "macro": each.button.procedure,
                "caption": each.button.caption or each.button.procedure.rpartition(".")[2] or each.button.name,
            }
            for each in self.buttons(sheet)
        ]  # fmt: skip

    def _plot(self, plot: Plot, sheet: int) -> dict[str, Any]:
        series = [self._series(each, sheet, plot.kind == "scatter") for each in plot.series]
        return {
            "kind": plot.kind, "grouping": plot.grouping, "hole": plot.hole, "second": plot.second, "series": series
        }  # fmt: skip

    def _series(self, series: Series, sheet: int, scatter: bool) -> dict[str, Any]:
        values, categories = self._values(series.values, sheet), self._values(series.categories, sheet, not scatter)
        if len(values) > MOST_POINTS:
            chosen = np.unique(np.linspace(0, len(values) - 1, MOST_POINTS).astype(int)).tolist()
            values = [values[index] for index in chosen]
            categories = [categories[index] for index in chosen if index < len(categories)]
        name = [text for text in self._values(series.name, sheet, True) if text not in (None, "")]
        numbers = [value if isinstance(value, float) and math.isfinite(value) else None for value in values]
        return {
            "name": " ".join(str(text) for text in name), "values": numbers, "categories": categories,
            "colour": series.colour, "line": series.line, "markers": series.markers, "smooth": series.smooth,
        }  # fmt: skip

    def _values(self, data: Data, sheet: int, texts: bool = False) -> Values:
        """What a series' cells hold, in order; what the file remembers where they cannot be found."""
        if not data.formula:
            return list(data.remembered)
        book, calculation = self.session.book, self.session.calculation
        try:
            areas = book.areas(data.formula.strip("()"), book.sheet_names[sheet])
        except SheetmlError:
            return list(data.remembered)
        found: Values = []
        for position, area in areas:
            if area.height * area.width > 200_000:
                continue
            slots = calculation.locate_area(position, area).reshape(-1)
            cells = calculation.kinds(slots), calculation.numbers(slots), calculation.texts(slots)
            for index, (kind, number, text) in enumerate(zip(*(part.tolist() for part in cells))):
                if kind == NUMBER and texts:
                    row, column = area.top + index // area.width, area.left + index % area.width
                    code = self.session.views.number_format(position, row, column) if index < 400 else "General"
                    found.append(shown(kind, number, "", code)[0])
                else:
                    found.append({NUMBER: number, TEXT: text}.get(kind))
        return found


def pictures(session: Session) -> Pictures:
    """The pictures of a session's workbook."""
    with session.lock:
        known = session.kept.get("pictures")
        if not isinstance(known, Pictures):
            known = session.kept["pictures"] = Pictures(session)
        return known


def _placed(anchor: Anchor) -> dict[str, Any]:
    """An anchor in the words of the page: row, column, x and y within it."""
    corners = {
        name: None if corner is None else [corner.row, corner.column, corner.x, corner.y]
        for name, corner in (("from", anchor.begin), ("to", anchor.end))
    }
    return {**corners, "size": list(anchor.size)}


def _scale(scale: Scale) -> dict[str, Any]:
    return {"title": scale.title, "low": scale.low, "high": scale.high, "log": scale.log}
