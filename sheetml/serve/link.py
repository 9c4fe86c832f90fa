"""One page's link to the workbook: what it looks at, what it knows already, what is new for it.

Nothing is queued. A page is sent the newest state when it has said that it took up the one before.
"""

from __future__ import annotations

from typing import Any

from sheetml.serve.session import Session
from sheetml.serve.views import CellView, Place, Window, limited
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area


class Link:
    """What is new for one page: `news` gives it, and takes it as told."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.windows: list[Window] = []  # the scrolled part, and those that are frozen
        self._known: dict[Place, CellView] = {}
        self._sheet = -1
        self._version = 0
        self._state: dict[str, Any] = {}
        self._extent: tuple[int, int] = (0, 0)
        self._fresh = False  # the windows are new

    def look_at(self, sheet: int, areas: list[list[int]]) -> None:
        """Another part of the workbook comes into view."""
        if not 0 <= sheet < len(self.session.book.worksheets):
            return
        windows = []
        for stated in areas[:4]:
            top, left, bottom, right = (int(bound) for bound in stated)
            if 1 <= top <= bottom <= MAX_ROWS and 1 <= left <= right <= MAX_COLUMNS:
                windows.append(Window(sheet, limited(Area(top, left, bottom, right))))
        if sheet != self._sheet:
            self._known, self._sheet, self._extent = {}, sheet, (0, 0)
        self.windows = windows
        self._fresh = True

    def news(self) -> list[dict[str, Any]]:
        """The messages that bring the page up to date; none where it is."""
        session = self.session
        with session.lock:
            messages = []
            if self.windows and (session.version != self._version or self._fresh):
                messages += self._cells()
            state = session.state()
            if state != self._state:
                self._state = state
                messages.append({"type": "state", **state})
            return messages

    def _cells(self) -> list[dict[str, Any]]:
        session = self.session
        messages: list[dict[str, Any]] = []
        extent = session.views.extent(self._sheet)
        if extent != self._extent:
            if self._extent != (0, 0):
                messages.append({"type": "extent", "sheet": self._sheet, "rows": extent[0], "columns": extent[1]})
            self._extent = extent
        now: dict[Place, CellView] = {}
        for window in self.windows:
            now.update(session.views.cells(window, session.version))
        cells = [[*place, *view] for place, view in now.items() if self._known.get(place) != view]
        gone = [list(place) for place in self._known if place not in now]
        if cells or gone or self._fresh:
            areas = [[each.area.top, each.area.left, each.area.bottom, each.area.right] for each in self.windows]
            messages.append({"type": "cells", "sheet": self._sheet, "areas": areas, "cells": cells, "gone": gone})
        self._known, self._version, self._fresh = now, session.version, False
        return messages
