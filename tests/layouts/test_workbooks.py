"""The workbooks that the project ships are what its own command builds."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import sheetml
from sheetml.cli import sheetml as program
from tests.libreoffice import disagreements
from tests.reference import PROJECT, reference

SHIPPED = PROJECT / "workbooks" / "collab_filter.xlsx"
# Numbers that formulas came to, whose last digits depend on the processor: OpenBLAS adds up products in another
# order where it has AVX-512 (OPENBLAS_CORETYPE=SkylakeX) than where it has not (Haswell).
FIGURE = re.compile(rb"(?<=</f><v>)-?[0-9][0-9.eE+-]*(?=</v>)")


def test_the_shipped_workbook_is_what_the_documented_command_builds(tmp_path: Path) -> None:
    ratings, movies = (reference("ml-latest-small", name) for name in ("ratings.csv", "movies.csv"))
    built = tmp_path / "built.xlsx"
    arguments = ["new", "collab-filter", ratings, "--movies", movies, "--about", SHIPPED.with_name("movielens.txt")]
    result = CliRunner().invoke(program, [*map(str, arguments), "-o", str(built)], catch_exceptions=False)
    assert result.exit_code == 0
    ours, shipped = parts(built), parts(SHIPPED)
    assert ours.keys() == shipped.keys()
    assert [name for name in ours if FIGURE.sub(b"", ours[name]) != FIGURE.sub(b"", shipped[name])] == []
    for name in ours:
        figures = [[float(figure) for figure in FIGURE.findall(part)] for part in (ours[name], shipped[name])]
        assert figures[0] == pytest.approx(figures[1], rel=1e-9, abs=0), name


def test_libreoffice_agrees_with_every_formula_cell_of_the_shipped_workbook() -> None:
    assert disagreements(SHIPPED) == []


@pytest.mark.parametrize(
    ("sheet", "optimum"), [("dotprod", 0.3929008), ("movielens_emb", 0.3929008), ("bias", 0.3186550)]
)
def test_every_model_of_the_shipped_workbook_is_solved_from_its_stored_start(sheet: str, optimum: float) -> None:
    (model,) = [model for model in sheetml.open(SHIPPED).solver_models if model.sheet == sheet]
    result = model.solve()
    assert result.fun_start > 2
    assert result.fun <= optimum


def parts(path: Path) -> dict[str, bytes]:
    """The parts of a package; compressed they depend on the version of zlib."""
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist() if name != "docProps/app.xml"}
