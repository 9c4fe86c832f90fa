"""The errors that users meet: all of them are found in `sheetml` itself."""

from __future__ import annotations

import re

import sheetml
from sheetml import errors
from tests.reference import PROJECT


def public_errors() -> list[str]:
    return [name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Exception)]


def test_every_error_is_exported_and_belongs_to_sheetml_error() -> None:
    for name in public_errors():
        assert name in sheetml.__all__
        assert issubclass(getattr(sheetml, name), sheetml.SheetmlError)


def test_every_error_is_said_to_be_raised_by_something() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (PROJECT / "sheetml").rglob("*.py"))
    documented = " ".join(re.findall(r'"""(.*?)"""', sources, re.DOTALL))
    named = {
        name
        for sentence in re.findall(r"[Rr]aises? (.*?)(?:\.\s|\Z)", documented, re.DOTALL)
        for name in re.findall(r"\w+Error", sentence)
    }
    assert set(public_errors()) - {"SheetmlError"} <= named
