"""The notebook that follows the lesson, run from its first cell to its last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser import missing
from tests.reference import PROJECT, reference

NOTEBOOK = PROJECT / "docs" / "lesson.ipynb"
SECONDS = 900  # for one cell, on a machine that is busy


def executed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook with its outputs, run in a Python of its own; a cell that fails fails the test."""
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError:
        missing("the packages nbclient and ipykernel are absent: pip install sheetml[docs]")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    return client.execute()


def printed(notebook: Any) -> str:
    """All that the cells printed and showed, as text."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def test_the_lesson_runs_with_ratings_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHEETML_RATINGS", raising=False)
    text = printed(executed(monkeypatch))
    assert "Made-up ratings: " in text
    assert "100,000 of 2,000 items by 671 users" in text
    check(text)


def test_the_lesson_runs_on_the_movielens_ratings(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = reference("ml-latest-small", "ratings.csv").parent
    monkeypatch.setenv("SHEETML_RATINGS", str(folder))
    notebook = executed(monkeypatch)
    text = printed(notebook)
    assert "MovieLens ratings: " in text
    check(text)
    if os.environ.get("SHEETML_UPDATE_IMAGES") == "1":
        keep(notebook, NOTEBOOK)


def check(text: str) -> None:
    """What the lesson finds, whatever the ratings of its last part."""
    in_grid, in_table = text.split("in a grid ")[1].split("\n")[0].split(", in a table ")
    assert float(in_grid) == pytest.approx(0.392900791, rel=1e-5)
    assert float(in_table) == pytest.approx(float(in_grid), rel=1e-6)
    b, a = text.split("Adam: b = ")[1].split("\n")[0].split(", a = ")
    assert float(b) == pytest.approx(30, abs=0.5)
    assert float(a) == pytest.approx(2, abs=0.05)
    error, mean = text.split("ratings it has not seen: ")[1].split("\n")[0].split("; of the mean rating: ")
    assert float(error) < 0.9 * float(mean)


def keep(notebook: Any, path: Path) -> None:
    """Writes the notebook with its outputs, without what differs from run to run."""
    import nbformat

    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    nbformat.write(notebook, path)


def test_the_notebook_holds_its_outputs_and_no_errors() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    check(printed(notebook))
