"""The gradient-descent workbook run by its own macros, against what Excel left in the file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import sheetml
from tests.macros.graddesc_macros import SOURCES, macro_workbook

SHEETS = ["basic SGD", "momentum", "adagrad", "rmsprop", "adam", "eve", "adagrad_ann", "adam_ann"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return macro_workbook(tmp_path_factory.mktemp("macros") / "graddesc.xlsm")


def values(workbook: sheetml.Workbook, sheet: str) -> dict[str, float]:
    """All numbers of a sheet by address."""
    from sheetml.xlsx.model import cell_address

    position = workbook[sheet].position
    rows, columns = workbook.calculation.slots.positions(position)
    names = [cell_address(int(row), int(column)) for row, column in zip(rows, columns)]
    return {name: workbook[sheet][name] for name in names if isinstance(workbook[sheet][name], float)}


def test_one_reset_and_one_run_of_momentum_leave_what_excel_left(path: Path) -> None:
    workbook = sheetml.open(path)
    workbook.macros.run("momentum.reset")
    workbook.macros.run("momentum.somesteps")
    found = values(workbook, "momentum")
    assert found == pytest.approx(values(sheetml.open(path), "momentum"), rel=1e-9)
    assert found["C1"] == pytest.approx(1.2610777567972657, rel=1e-9)
    assert found["C2"] == pytest.approx(2.358034790954434, rel=1e-9)
    assert found["J33"] == pytest.approx(-19.279531290451075, rel=1e-9)
    assert found["K33"] == pytest.approx(162.8396203477341, rel=1e-9)


@pytest.mark.parametrize("sheet", ["adagrad", "rmsprop", "adam"])
def test_a_reset_leaves_what_excel_left(path: Path, sheet: str) -> None:
    stored = values(sheetml.open(path), sheet)
    workbook = sheetml.open(path)
    workbook.macros.run(f"{sheet}.somesteps")
    assert values(workbook, sheet) != pytest.approx(stored, rel=1e-3)
    workbook.macros.run(f"{sheet}.reset")
    assert values(workbook, sheet) == pytest.approx(stored, rel=1e-9)


def test_a_lone_step_and_the_first_of_several_differ_where_calculation_is_automatic(path: Path) -> None:
    alone, manual = sheetml.open(path), sheetml.open(path)
    alone.macros.run("adam.onestep")
    manual.macros.host.grid.set_automatic(False)
    manual.macros.run("adam.onestep")
    assert alone["adam"]["C1"] != manual["adam"]["C1"]
    assert manual["adam"]["C1"] == pytest.approx(8.825439585799725, rel=1e-12)


def test_names_of_the_sheet_come_first(path: Path) -> None:
    workbook = sheetml.open(path)
    before = {sheet: values(workbook, sheet) for sheet in SHEETS}
    workbook.macros.run("rmsprop.onestep")
    changed = {sheet for sheet in SHEETS if values(workbook, sheet) != pytest.approx(before[sheet], rel=1e-9)}
    assert changed == {"rmsprop"}


@pytest.mark.parametrize("module", list(SOURCES))
def test_every_macro_runs_and_brings_the_line_nearer(path: Path, module: str) -> None:
    """The data lie on y = 2x + 30."""
    workbook = sheetml.open(path)
    workbook.macros.run(f"{module}.reset")
    workbook.macros.run(f"{module}.somesteps", times=6)
    sheet = next(m.sheet for m in workbook.macros.list() if m.module == module)
    assert sheet is not None
    assert abs(workbook[sheet]["C1"] - 30) < 29
    assert abs(workbook[sheet]["C2"] - 2) < 1


def test_a_macro_is_found_by_its_module_its_sheet_and_its_button(path: Path) -> None:
    macros = sheetml.open(path).macros
    for name in ("annealing.reset", "adagrad_ann.reset", "Annealing.RESET", "[0]!annealing.reset"):
        module, callee = macros.find(name)
        assert (module.name, callee.procedure.name) == ("annealing", "reset")


def test_the_macros_stay_in_the_saved_file_byte_for_byte(path: Path, tmp_path: Path) -> None:
    workbook = sheetml.open(path)
    workbook.macros.run("eve.somesteps")
    workbook.save(tmp_path / "run.xlsm")
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(tmp_path / "run.xlsm") as after:
        assert before.read("xl/vbaProject.bin") == after.read("xl/vbaProject.bin")
        assert before.read("xl/worksheets/sheet8.xml") != after.read("xl/worksheets/sheet8.xml")
    again = sheetml.open(tmp_path / "run.xlsm")
    assert again["eve"]["C1"] == workbook["eve"]["C1"]
    assert [macro.full_name for macro in again.macros.list()] == [macro.full_name for macro in workbook.macros.list()]
