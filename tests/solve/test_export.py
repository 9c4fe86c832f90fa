"""Models written for other solvers: read back and solved there they have the same answer."""

from __future__ import annotations

import subprocess
import sys

import highspy
import pytest

from sheetml.errors import SolverError
from sheetml.solve.export import exported
from tests.cli.books import book
from tests.cli.command import sheetml
from tests.solve.models import solver_model

MIX = {"A1": 0, "A2": 0, "E5": 0, "B1": "=3*A1+2*A2+E5/7+1", "C1": "=A1+A2+E5", "C2": "=A1+3*A2", "D1": 4.5, "D2": 6}
LIMITS = (("C1:C2", "<=", "D1:D2"), ("C1", ">=", 0.5))
WHOLE = ("A1", "int", "int")
BOWL = {"A1": 0, "A2": 0, "B1": "=(A1-3)^2+A1*A2+2*A2^2+5", "C1": "=A1+A2"}
MODELS = {
    "linear": lambda: solver_model(MIX, "max", adjustable="A1:A2,E5", subject_to=LIMITS, neg=1),
    "integer": lambda: solver_model(MIX, "max", adjustable="A1:A2,E5", subject_to=(*LIMITS, WHOLE), neg=1),
    "to a value": lambda: solver_model(MIX, 7, adjustable="A1:A2,E5", subject_to=LIMITS, neg=1),
    "least": lambda: solver_model(MIX, "min", adjustable="A1:A2,E5", subject_to=LIMITS, neg=1),
    "quadratic": lambda: solver_model(
        BOWL, "min", subject_to=(("C1", ">=", 1),), neg=1
    ),
    "concave, maximised": lambda: solver_model({"A1": 0, "A2": 0, "B1": "=4-(A1-3)^2-(A2+1)^2"}, "max"),
}  # fmt: skip


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("suffix", [".mps", ".lp"])
def test_highs_reads_the_file_and_comes_to_the_same_answer(model, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(exported(model, suffix))
    solver = highspy.Highs()
    solver.silent()
    solver.readModel(str(path))
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    result = model.solve()
    wanted = 0.0 if model.names.sense == 3 else result.fun
    assert solver.getObjectiveValue() == pytest.approx(wanted, abs=1e-6)
    names = [solver.getColName(number)[1] for number in range(solver.getNumCol())]
    assert {"A1", "A2"} <= set(names) <= {"A1", "A2", "cell_E5", "distance"}


def test_the_script_runs_alone_and_comes_to_the_same_answer(model, tmp_path):
    path = tmp_path / "model.py"
    path.write_bytes(exported(model, ".py"))
    assert b"sheetml" not in path.read_bytes().split(b'"""')[2]
    ended = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, cwd=tmp_path, check=True)
    values = dict(line.split(" = ") for line in ended.stdout.splitlines() if " = " in line)
    result = model.solve()
    wanted = 0.0 if model.names.sense == 3 else result.fun
    assert float(values["objective"]) == pytest.approx(wanted, abs=1e-6)
    assert {"A1", "A2"} <= set(values)


def test_rows_are_named_by_their_cells_and_what_is_maximised_says_so(tmp_path):
    text = exported(MODELS["linear"](), ".lp").decode()
    assert text.splitlines()[1] == "max"
    for name in ("C1:", "C1_2:", "C2:", "cell_E5"):
        assert name in text


def test_an_infeasible_model_says_so_in_the_script_too(tmp_path):
    model = solver_model(MIX, "max", adjustable="A1:A2,E5", subject_to=(("C1", "<=", 1), ("C1", ">=", 2)))
    path = tmp_path / "model.py"
    path.write_bytes(exported(model, ".py"))
    ended = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "infeasible" in ended.stderr and "Traceback" not in ended.stderr


def test_a_model_that_is_not_linear_is_refused_with_the_cell_that_is_to_blame():
    model = solver_model({"A1": 1, "A2": 1, "B1": "=A1*A2"}, "min")
    with pytest.raises(SolverError, match=r"not linear, so that no \.mps file can hold it: .*B1 multiplies"):
        exported(model, ".mps")


NAMES = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "1", "num": "1", "lhs1": "Sheet1!$C$1", "rel1": "1",
         "rhs1": "4", "eng": "2"}  # fmt: skip


def test_the_command_writes_by_the_suffix_and_refuses_others(tmp_path):
    path = book(tmp_path / "book.xlsx", MIX, NAMES)
    for suffix, said in ((".mps", "ROWS"), (".lp", "C1:"), (".py", "CONSTRAINTS")):
        assert sheetml("export-model", path, "-o", tmp_path / f"model{suffix}").code == 0
        assert said in (tmp_path / f"model{suffix}").read_text()
    refused = sheetml("export-model", path, "-o", tmp_path / "model.txt")
    assert refused.code == 2 and ".mps or .lp or .py" in refused.err
    without = book(tmp_path / "without.xlsx", MIX)
    refused = sheetml("export-model", without, "-o", tmp_path / "m.mps")
    assert refused.code == 2 and "state one with sheetml solver" in refused.err
