"""The page in a real Chromium: a server in a thread of the test, and its page."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sheetml
from sheetml.serve.server import Server
from sheetml.serve.session import Session
from tests.browser import NAMES, QUIET, missing
from tests.reference import PROJECT

COLLAB_FILTER = PROJECT / "workbooks" / "collab_filter.xlsx"
GRADDESC = PROJECT / "workbooks" / "graddesc.xlsx"
WAIT = 20_000  # milliseconds, for a machine that has much else to do


@contextmanager
def served(book: Path | sheetml.Workbook) -> Iterator[Server]:
    """A running server of a workbook."""
    server = Server(Session(sheetml.open(book) if isinstance(book, Path) else book))
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


class Browser:
    """A Chromium, in which pages are opened; what they say to the console or throw fails the test in the end."""

    def __init__(self, chromium: Any) -> None:
        self.chromium = chromium
        self.said: list[str] = []

    @contextmanager
    def page(self, server: Server, *, dark: bool = False, width: int = 1400, height: int = 860) -> Iterator[Any]:
        """A page of the server, ready."""
        page = self.chromium.new_page(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        home = server.address.rsplit("/", 2)[0]
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: None if request.url.startswith(home) else self.said.append(request.url))
        try:
            page.goto(server.address)
            page.wait_for_selector("body.ready")
            yield page
        finally:
            page.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium, or the test is skipped."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is absent: pip install sheetml[browser]")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        missing("there is no Chromium: install one, such as Debian's package chromium")
    with sync_playwright() as playwright:
        browser = Browser(playwright.chromium.launch(executable_path=program, args=QUIET))
        try:
            yield browser
        finally:
            browser.chromium.close()


def until(page: Any, condition: str) -> None:
    """Waits until a condition in JavaScript holds; as a function, since the page forbids to evaluate texts."""
    page.wait_for_function(f"() => {condition}")


def go(page: Any, address: str) -> None:
    """Types an address into the box beside the formula bar."""
    page.fill("#place", address)
    page.press("#place", "Enter")
    until(page, "document.activeElement.id === 'grid'")


def shows(page: Any, cell: str, text: str) -> None:
    """Waits until a cell in view shows a text; `cell` as "row-column"."""
    page.wait_for_function(
        "([id, text]) => document.getElementById(id)?.textContent === text", arg=[f"cell-{cell}", text]
    )


def type_in(page: Any, address: str, text: str) -> None:
    """Goes to a cell, types, presses Enter."""
    go(page, address)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
