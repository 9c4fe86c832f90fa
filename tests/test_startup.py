"""What starting costs, in packages imported, and what works without the packages that only extras bring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sheetml
from sheetml.optional import MissingPackageError, needed
from tests.cli.command import sheetml as command
from tests.macros.running import written
from tests.reference import PROJECT
from tests.workbooks import made

HEAVY = ["scipy", "pandas", "numba", "matplotlib", "plotext", "oletools", "olefile", "highspy", "openpyxl", "rich"]
EXTRAS = ["pandas", "numba", "matplotlib", "plotext", "oletools", "olefile", "sklearn", "pyarrow"]
CELLS = {"A1": 3, "A2": "=Twice(A1)", "A3": "=A1+1"}
COLLAB_FILTER = PROJECT / "workbooks" / "collab_filter.xlsx"


def python(code: str, *arguments: object, without: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """A new Python that runs the code; the packages `without` cannot be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({without or []}))\n"
    command_line = [sys.executable, "-c", blocked + code, *map(str, arguments)]
    return subprocess.run(command_line, cwd=PROJECT, capture_output=True, text=True)


def imported(code: str) -> set[str]:
    """The packages that are imported once the code has run."""
    ended = python(f"{code}\nprint()\nprint(*{{name.partition('.')[0] for name in sys.modules}})")
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_version_and_the_list_of_commands_import_nothing_that_computes(option: str) -> None:
    found = imported(f"from sheetml.cli import main\ntry:\n    main(['{option}'])\nexcept SystemExit:\n    pass")
    assert "click" in found
    assert not found & {*HEAVY, "numpy", "lxml"}


@pytest.mark.parametrize("code", ["import sheetml", "import sheetml; sheetml.open; sheetml.ErrorCode"])
def test_importing_sheetml_imports_no_heavy_package(code: str) -> None:
    assert not imported(code) & set(HEAVY)


def test_public_names_are_listed_before_they_are_imported_and_others_do_not_exist() -> None:
    assert set(sheetml.__all__) <= set(dir(sheetml))
    assert python("import sheetml; print({*sheetml.__all__} <= {*dir(sheetml)})").stdout == "True\n"
    assert all(getattr(sheetml, name) is not None for name in sheetml.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = sheetml.nosuch


def test_workbooks_are_calculated_solved_and_saved_without_the_extras(tmp_path: Path) -> None:
    target = tmp_path / "solved.xlsx"
    code = "from sheetml.cli import main; main(sys.argv[1:])"
    ended = python(code, "run", COLLAB_FILTER, "--sheet", "dotprod", "-o", target, without=EXTRAS)
    assert (ended.returncode, ended.stderr) == (0, "")
    solved = sheetml.open(target)
    assert solved["dotprod"]["V41"] < 0.4 < sheetml.open(COLLAB_FILTER)["dotprod"]["V41"]
    assert python(code, "check", target, without=EXTRAS).returncode == 0
    assert python(code, "inspect", target, without=EXTRAS).returncode == 0


def test_training_loops_run_without_the_extras_as_with_them(tmp_path: Path) -> None:
    code = "from sheetml.cli import main; main(sys.argv[1:])"
    workbook = PROJECT / "workbooks" / "graddesc.xlsx"
    for name, without in (("with", []), ("without", EXTRAS)):
        arguments = ["run", workbook, "--sheet", "momentum", "--epochs", 5, "-o", tmp_path / f"{name}.xlsx"]
        assert python(code, *arguments, without=without).returncode == 0
    one, other = (sheetml.open(tmp_path / f"{name}.xlsx")["momentum"]["A1:Z60"] for name in ("with", "without"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("package, extra", [("pandas", "learn"), ("matplotlib", "plots"), ("oletools", "macros")])
def test_one_sentence_says_which_extra_brings_a_package(package: str, extra: str, monkeypatch, tmp_path: Path) -> None:
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("userId,movieId,rating\n1,1,4\n1,2,3\n2,1,5\n")
    macros = written(tmp_path / "book.xlsm", "Sub one()\nEnd Sub\n", {"A1": 1})
    asked = {
        "pandas": ["fit", ratings],
        "matplotlib": ["run", COLLAB_FILTER, "--png", tmp_path / "pictures"],
        "oletools": ["macro", macros, "one"],
    }
    monkeypatch.setitem(sys.modules, package, None)
    ended = command(*asked[package])
    sentence = f"this needs the package {package}, which is not installed: pip install 'sheetml[{extra}]' brings it."
    assert (ended.code, ended.err) == (2, f"sheetml: {sentence}\n")


def test_a_package_that_lacks_another_fails_by_its_own_name(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "broken_package.py").write_text("import nosuch_package_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nosuch_package_at_all"):
        needed("broken_package", extra="learn")
    with pytest.raises(MissingPackageError, match=r"pip install 'sheetml\[plots\]'"):
        needed("nosuch_package_at_all", extra="plots")


def test_a_cell_with_a_function_of_macros_that_cannot_be_read_says_what_reads_them(monkeypatch, tmp_path: Path) -> None:
    path = written(tmp_path / "book.xlsm", "Function Twice(x)\nTwice = 2 * x\nEnd Function\n", CELLS)
    monkeypatch.setitem(sys.modules, "oletools", None)
    workbook = sheetml.open(path)
    workbook.calculate()
    assert workbook["Sheet1"]["A3"] == 4
    (problem,) = workbook.problems.values()
    assert problem.startswith("the function TWICE is not supported: this needs the package oletools")


def test_a_notebook_shows_a_sheet_without_pandas(monkeypatch) -> None:
    book = made({"A1": 1.5, "B2": "x", "C2": True, "A3": "=1/0"})
    book.calculate()
    with_pandas = book["Sheet1"]._repr_html_()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert book["Sheet1"]._repr_html_() == with_pandas
    assert all(f"<td>{text}</td>" in with_pandas for text in ("1.5", "x", "True", "#DIV/0!", ""))
