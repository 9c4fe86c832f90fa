"""The list of functions: complete, in sentences, and as the documentation shows it."""

from __future__ import annotations

from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.functions.catalogue import catalogue, page
from tests.reference import PROJECT


def test_every_function_is_listed_with_a_sentence():
    entries = list(catalogue())
    assert {entry.name for entry in entries} == {name for name in FUNCTIONS if not name.startswith("_")}
    assert [entry.name for entry in entries if not entry.about.endswith(".") or len(entry.about) < 5] == []


def test_numbers_of_arguments_are_told_in_words():
    told = {entry.name: entry.arguments for entry in catalogue()}
    assert (told["PI"], told["SIN"], told["IF"], told["SUM"]) == ("none", "1", "1 to 3", "1 or more")


def test_it_says_what_is_volatile_and_what_has_a_derivative():
    entries = {entry.name: entry for entry in catalogue()}
    assert entries["RAND"].volatile and not entries["SUM"].volatile
    assert entries["XLOOKUP"].differentiable and not entries["ROUND"].differentiable


def test_the_page_of_the_documentation_is_up_to_date():
    written = (PROJECT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m sheetml.engine.functions.catalogue > docs/functions.md"
