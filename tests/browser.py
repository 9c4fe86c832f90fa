"""A real browser without a screen, to look at the pages that reports are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.reference import image_path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(reason: str) -> None:
    """Skips the test, or fails it if SHEETML_REQUIRE_ALL is 1."""
    if os.environ.get("SHEETML_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def opened(path: Path, *, dark: bool = False, width: int = 1400, height: int = 860) -> Iterator[Any]:
    """The page of a file in Chromium; what it says to the console or throws fails the test in the end."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is absent: pip install sheetml[browser]")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        missing("there is no Chromium: install one, such as Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        try:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: said.append(request.url) if request.url[:4] == "http" else None)
            page.goto(path.as_uri())
            yield page
            assert said == []
        finally:
            browser.close()


def picture(page: Any, name: str, tmp_path: Path) -> bytes:
    """A screenshot; it becomes docs/images/NAME if SHEETML_UPDATE_IMAGES is 1."""
    taken: bytes = page.screenshot(path=str(image_path(name, tmp_path)))
    return taken
