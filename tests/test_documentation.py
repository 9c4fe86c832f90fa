"""What the documentation says runs, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.reference import PROJECT

PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OTHERS = [PROJECT / "docs" / "tracing.md", PROJECT / "docs" / "what-if.md"]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs" / "tutorial").glob("*.md")), *OTHERS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_on_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    blocks = PYTHON.findall(page.read_text())
    assert blocks
    shutil.copytree(PROJECT / "workbooks", tmp_path / "workbooks")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


def test_every_page_is_in_the_table_of_contents():
    contents = (PROJECT / "mkdocs.yml").read_text()
    docs = PROJECT / "docs"
    missing = [page for page in docs.rglob("*.md") if f" {page.relative_to(docs).as_posix()}" not in contents]
    assert not missing


@pytest.mark.parametrize("page", [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)[^)]*\)", text)
    assert not [link for link in links if not (page.parent / Path(link)).exists()]
