"""The recipes of docs/development.md work as they stand, each in a Python of its own, where it may register things."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.reference import PROJECT

PAGE = PROJECT / "docs" / "development.md"
RECIPES = dict(
    re.findall(r"^<!-- recipe: (\w+) -->\n```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
)


def test_every_recipe_that_was_asked_for_is_there() -> None:
    assert set(RECIPES) == {"function", "block", "derivative", "rule", "vba", "optimizer", "report"}
    assert PAGE.read_text("utf-8").count("\n```python") == len(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_does_what_it_says(name: str) -> None:
    path = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-c", RECIPES[name]],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_modules_that_the_page_names_are_there() -> None:
    """Paths such as `xlsx/reader.py` or `plan.py`: somewhere in the package."""
    known = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "sheetml").rglob("*.py")}
    known |= {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests").rglob("*.py")}
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", PAGE.read_text("utf-8"))
    assert named
    assert [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in known)] == []
