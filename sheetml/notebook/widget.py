"""The widget: the grid of `sheetml serve`, linked by the notebook's own messages instead of a WebSocket.

Each view (a widget may be shown several times) has a link of its own, which knows what it looks at and has been told.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

import anywidget
import traitlets

from sheetml.api import Workbook
from sheetml.notebook.bundle import widget_module, widget_style
from sheetml.serve.link import Link
from sheetml.serve.requests import answer
from sheetml.serve.session import Session
from sheetml.serve.views import Views

LEAST_HEIGHT = 160  # pixels
MOST_VIEWS = 20


class WorkbookWidget(anywidget.AnyWidget):
    """A workbook as a grid that can be worked in. `refresh()` shows what Python has changed since."""

    _esm = widget_module()
    _css = widget_style()
    height = traitlets.Int(420).tag(sync=True)

    def __init__(self, workbook: Workbook, sheet: str | None = None, height: int = 420) -> None:
        position = None if sheet is None else workbook[sheet].position
        self.workbook = workbook
        super().__init__(height=max(height, LEAST_HEIGHT))
        self._session = Session(workbook)
        if position is not None:
            self._session.active = position
        self._links: dict[str, Link] = {}
        self._file, self._revision = workbook.file, workbook.calculation.revision
        self._session.subscribe(self._send_news)
        self.on_msg(self._received)
        own = weakref.ref(self)
        workbook.on_calculated(lambda: _refresh(own))
        _after_each_cell(own)

    def __repr__(self) -> str:
        return f"<WorkbookWidget of {self.workbook!r}>"

    def refresh(self) -> None:
        """Shows what is new in the workbook."""
        session, calculation = self._session, self.workbook.calculation
        with session.lock:
            if self.workbook.file is not self._file:  # a sheet was created
                self._file = self.workbook.file
                session.views = Views(self.workbook)
                for view in self._links:
                    self._links[view] = Link(session)
                    self.send({"type": "begin", "view": view})
            if calculation.revision != self._revision:
                self._revision = calculation.revision
                session.changed()

    # ---- messages

    def _received(self, _: object, content: Any, __: object) -> None:
        """A view asks for something, or says what it looks at, or that it is gone."""
        view = str(content.get("view", ""))[:40] if isinstance(content, dict) else ""
        if not view:
            return
        if "gone" in content:
            self._links.pop(view, None)
        elif "look" in content:
            self._look(view, content)
        else:
            found = answer(self._session, content)
            self.send({"type": "answer", "view": view, "id": content.get("id"), **found})
            self._revision = self.workbook.calculation.revision
            self._send_news()

    def _look(self, view: str, content: dict[str, Any]) -> None:
        if view not in self._links and len(self._links) >= MOST_VIEWS:
            self._links.pop(next(iter(self._links)))
        link = self._links.setdefault(view, Link(self._session))
        with contextlib.suppress(TypeError, ValueError):  # a view does not ask so
            link.look_at(int(content["look"]), content["areas"])
        self._send_to(view, link)

    def _send_news(self) -> None:
        for view, link in list(self._links.items()):
            self._send_to(view, link)

    def _send_to(self, view: str, link: Link) -> None:
        for message in link.news():
            self.send({**message, "view": view})


def _refresh(widget: weakref.ref[WorkbookWidget]) -> bool:
    """Shows what is new; whether the widget is still there."""
    there = widget()
    if there is not None:
        there.refresh()
    return there is not None


def _after_each_cell(widget: weakref.ref[WorkbookWidget]) -> None:
    """Where IPython runs, a cell's end shows what it set without calculating."""
    with contextlib.suppress(ImportError):
        from IPython import get_ipython

        shell: Any = get_ipython()
        if shell is None:
            return

        def ended(*_: object) -> None:
            if not _refresh(widget):
                shell.events.unregister("post_run_cell", ended)

        shell.events.register("post_run_cell", ended)
