"""Excel's reports on the page of a run, in a real browser, with a picture of each kind for the documentation."""

from __future__ import annotations

from pathlib import Path

from tests.browser import opened
from tests.cli.books import book
from tests.cli.command import sheetml
from tests.reference import image_path

DOORS = {
    "A1": "doors", "A2": "windows", "B1": 0, "B2": 0, "C1": 3000, "C2": 5000,
    "D3": "profit", "D4": "=SUMPRODUCT(B1:B2,C1:C2)", "B5": "used",
    "A6": "plant 1", "A7": "plant 2", "A8": "plant 3",
    "B6": "=B1", "B7": "=2*B2", "B8": "=3*B1+2*B2", "C6": 4, "C7": 12, "C8": 18,
}  # fmt: skip
MODEL = {
    "opt": "Sheet1!$D$4", "adj": "Sheet1!$B$1:$B$2", "typ": "1", "neg": "1", "eng": "2", "num": "1",
    "lhs1": "Sheet1!$B$6:$B$8", "rel1": "1", "rhs1": "Sheet1!$C$6:$C$8",
}  # fmt: skip
CONTRACT = {"num": "2", "lhs2": "Sheet1!$B$8", "rel2": "3", "rhs2": "25"}


def page_of(tmp_path: Path, name: str, model: dict[str, str], kinds: str) -> Path:
    path = book(tmp_path / f"{name}.xlsx", DOORS, model)
    page = tmp_path / f"{name}.html"
    sheetml("run", path, "--reports", kinds, "--report", page, "-q")
    return page


def test_each_kind_of_report_is_shown_and_pictured(tmp_path: Path) -> None:
    with opened(page_of(tmp_path, "doors", MODEL, "all"), width=1000) as page:
        headings = page.locator("section.report h3").all_inner_texts()
        assert headings == [
            f"{kind} Report" for kind in ("Answer", "Sensitivity", "Limits", "Feasibility", "Linearity")
        ]
        assert "1,500" in page.locator("section.report").nth(1).inner_text()
        for number, kind in ((0, "answer"), (1, "sensitivity"), (2, "limits"), (4, "linearity")):
            taken = page.locator("section.report").nth(number)
            taken.screenshot(path=str(image_path(f"report-{kind}.png", tmp_path)))
    with opened(page_of(tmp_path, "contract", MODEL | CONTRACT, "feasibility"), width=1000) as page:
        report = page.locator("section.report")
        assert "B8 <= C8" in report.inner_text() and "B8 >= 25" in report.inner_text()
        report.screenshot(path=str(image_path("report-feasibility.png", tmp_path)))
