"""Every page on a phone: nothing wider than the screen, light and dark, and in the style of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sheetml as library
from sheetml.report.compare import compare
from sheetml.report.compare.page import comparison_page
from tests.browser import opened
from tests.cli.command import sheetml
from tests.reference import PROJECT
from tests.workbooks import made

PHONE = 400  # pixels
NAMES = "a_sheet_with_a_very_long_name_x"  # 31 characters, the most there are


def wider(page: Any) -> list[str]:
    """What is cut off by nothing and reaches beyond the screen."""
    found: list[str] = page.evaluate(
        """() => {
            const inside = (element) => element.closest('.scroll, .grid, .tabs, [hidden]');
            return [...document.body.querySelectorAll('*')]
                .filter((each) => !inside(each) && each.getBoundingClientRect().right > innerWidth + 1)
                .map((each) => each.outerHTML.slice(0, 80));
        }"""
    )
    return [*found, *(["the page"] if page.evaluate("document.documentElement.scrollWidth > innerWidth") else [])]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind, by name."""
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in ("run", "loops", "fit", "compare", "explain")}
    books = PROJECT / "workbooks"
    short = ["--max-iterations", "5", "-q"]
    ended = sheetml("run", books / "collab_filter.xlsx", "-o", folder / "1.xlsx", "--report", found["run"], *short)
    assert ended.code == 0, ended.err
    rules = ["--epochs", "12", "-q", "--sheet", "adam_ann", "--sheet", "basic SGD", "--sheet", "momentum"]
    ended = sheetml("run", books / "graddesc.xlsx", "-o", folder / "2.xlsx", "--report", found["loops"], *rules)
    assert ended.code == 0, ended.err
    _ratings(folder / "ratings.csv")
    fit = ["--epochs", "3", "--factors", "3", "--batch", "8", "-o", folder / "m.npz", "--report", found["fit"], "-q"]
    ended = sheetml("fit", folder / "ratings.csv", *fit)
    assert ended.code == 0, ended.err
    before = made({"A1": 1.0, "B1": "=A1*2", "C1": "x" * 300}, **{NAMES: {"A1": 1}})
    after = made({"A1": 3.0, "B1": "=A1*4", "C1": "y" * 300}, **{NAMES: {"A1": 2}})
    found["compare"].write_text(comparison_page(compare(before, after), before, after), encoding="utf-8")
    found["explain"] = folder / "explain.svg"
    assert sheetml("explain", books / "collab_filter.xlsx", "dotprod!V41", "--svg", found["explain"]).code == 0
    return found


def _ratings(path: Path) -> None:
    lines = [f"{user},{item},{1 + (user * item) % 5}" for user in range(12) for item in range(25) if (user + item) % 3]
    path.write_text("userId,movieId,rating\n" + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["run", "loops", "fit", "compare"])
def test_nothing_overflows_on_a_phone_and_the_page_is_dark_where_the_screen_is(
    name: str, pages: dict[str, Path]
) -> None:
    with opened(pages[name], width=PHONE, dark=True) as page:
        assert wider(page) == []
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
        for summary in page.locator("summary").all():
            summary.click()
        assert wider(page) == []


def test_the_picture_of_an_explanation_fits_on_a_phone(pages: dict[str, Path]) -> None:
    with opened(pages["explain"], width=PHONE) as page:
        assert page.evaluate("document.documentElement.getBoundingClientRect().width") <= PHONE


def test_one_chart_compares_the_training_loops_and_the_best_comes_first(pages: dict[str, Path]) -> None:
    with opened(pages["loops"]) as page:
        race = page.locator("svg.chart").first
        assert race.locator("path.line").count() == 3
        rows = page.locator("table.list tbody tr").all_inner_texts()
        losses = [float(row.split()[-1].replace(",", "")) for row in rows]
        assert len(losses) == 3 and losses == sorted(losses)


def test_texts_at_an_axis_do_not_run_into_each_other(pages: dict[str, Path]) -> None:
    with opened(pages["loops"], width=PHONE) as page:
        overlapping = page.evaluate(
            """() => [...document.querySelectorAll('.plot')].flatMap((plot) => ['.up', '.across'].map((kind) => {
                const boxes = [...plot.querySelectorAll(kind)].map((each) => each.getBoundingClientRect());
                const cross = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
                return boxes.some((a, i) => boxes.slice(0, i).some((b) => cross(a, b)));
            })).filter(Boolean).length"""
        )
        assert overlapping == 0


def test_the_list_of_the_largest_changes_says_its_order_and_sorts_by_a_heading(pages: dict[str, Path]) -> None:
    with opened(pages["compare"]) as page:
        page.locator("summary").click()
        assert page.locator("#order").inner_text() == (
            "formulas first, then typed values, then results, each by its relative change"
        )
        cells = page.locator("#largest tbody td:first-child")
        assert cells.first.inner_text() == "Sheet1!B1"
        page.locator("#largest th button", has_text="Cell").click()
        assert cells.first.inner_text() == "Sheet1!A1"
        assert page.locator("#largest th[aria-sort=ascending]").inner_text().startswith("Cell")


def test_numbers_on_the_page_of_a_run_are_those_of_the_file(pages: dict[str, Path]) -> None:
    with opened(pages["run"]) as page:
        tile = page.locator(".tiles dd").first
        shown, exact = tile.inner_text(), tile.get_attribute("title")
        book = library.open(PROJECT / "workbooks" / "collab_filter.xlsx")
        assert shown == f"{book['dotprod']['V41']:.4f}" and float(exact or "") == book["dotprod"]["V41"]
        texts = page.locator("svg.map").first.locator("g text").all_text_contents()
        assert texts and all(len(text) <= 5 for text in texts)
        assert page.locator(".colour-key").count() >= 3
