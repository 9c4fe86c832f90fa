"""The page on macros says what the code knows."""

from __future__ import annotations

from sheetml.macros.documentation import renewed, subset
from sheetml.macros.library import FUNCTIONS
from tests.reference import PROJECT


def test_the_table_in_the_documentation_is_up_to_date() -> None:
    """If not: python -m sheetml.macros.documentation docs/macros.md"""
    page = (PROJECT / "docs" / "macros.md").read_text(encoding="utf-8")
    assert page == renewed(page)


def test_every_function_and_member_is_named() -> None:
    text = subset()
    assert all(f"`{function.name.rstrip('$')}`" in text for function in FUNCTIONS.values())
    for name in ("PasteSpecial", "ClearContents", "Calculation", "xlPasteValues", "Worksheet_Change", "Shell"):
        assert name in text
