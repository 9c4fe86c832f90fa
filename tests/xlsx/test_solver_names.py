"""Solver models are read from a workbook's hidden names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheetml.errors import WorkbookError
from sheetml.xlsx.model import DefinedName, WorkbookFile
from sheetml.xlsx.reader import read_workbook
from sheetml.xlsx.solver_names import (
    AT_MOST,
    EVOLUTIONARY,
    GRG_NONLINEAR,
    MAXIMISE,
    MINIMISE,
    SIMPLEX_LP,
    UNLIMITED,
    ConstraintNames,
    SolverModelNames,
    names_of,
    solver_models,
)
from tests.reference import reference
from tests.xlsx.handmade import save, workbook_parts


@pytest.fixture
def file(tmp_path: Path) -> WorkbookFile:
    return read_workbook(save(tmp_path / "book.xlsx", workbook_parts({"one": "", "two": "", "three": ""})))


def with_names(file: WorkbookFile, names: dict[str, str], scope: int | None = 0) -> WorkbookFile:
    file.names += [DefinedName(name, text, scope, hidden=True) for name, text in names.items()]
    return file


def only_model(file: WorkbookFile, names: dict[str, str]) -> SolverModelNames:
    (model,) = solver_models(with_names(file, {"solver_opt": "one!$A$1"} | names))
    return model


def test_collab_filter_holds_three_models() -> None:
    models = solver_models(read_workbook(reference("workbooks", "collab_filter.xlsx")))
    assert [(model.sheet, model.objective, model.adjustable) for model in models] == [
        (0, "dotprod!$V$41", "dotprod!$H$19:$V$23,dotprod!$B$25:$F$39"),
        (1, "movielens_emb!$AA$3", "movielens_emb!$C$4:$G$18,movielens_emb!$C$22:$G$36"),
        (2, "bias!$V$42", "bias!$H$19:$V$24,bias!$A$26:$F$40"),
    ]
    for model in models:
        assert (model.sense, model.engine, model.constraints) == (MINIMISE, GRG_NONLINEAR, [])
        assert not model.non_negative
    assert [model.derivatives for model in models] == [2, 1, 2]
    assert [model.scaling for model in models] == [False, True, False]


def test_a_workbook_without_solver_names_has_no_models() -> None:
    assert solver_models(read_workbook(reference("workbooks", "graddesc_without_macros.xlsx"))) == []


def test_what_the_names_leave_out_has_excels_default(file: WorkbookFile) -> None:
    assert only_model(file, {}) == SolverModelNames(sheet=0, objective="one!$A$1", adjustable="")


def test_every_setting_is_read(file: WorkbookFile) -> None:
    settings = {
        "typ": "3", "val": "1.5", "eng": "3", "neg": "2", "pre": "1E-4", "cvg": "0.001", "tim": "100",
        "itr": "2147483647", "drv": "2", "scl": "2", "msl": "1", "ssz": "50", "rsd": "7", "rbv": "2",
        "tol": "0.05", "nod": "10", "mip": "20", "mrt": "0.5", "mni": "3", "rlx": "1", "sho": "1",
    }  # fmt: skip
    model = only_model(file, {f"solver_{name}": text for name, text in settings.items()})
    assert model == SolverModelNames(
        sheet=0, objective="one!$A$1", adjustable="", sense=3, target_value=1.5, engine=EVOLUTIONARY,
        non_negative=False, precision=1e-4, convergence=0.001, max_time=100, max_iterations=UNLIMITED,
        derivatives=2, scaling=False, multistart=True, population=50, seed=7, require_bounds=False,
        integer_tolerance=0.05, max_nodes=10, max_solutions=20, mutation_rate=0.5,
        max_time_without_improvement=3, ignore_integers=True, show_iterations=True,
    )  # fmt: skip


def test_constraints_are_read_in_order_up_to_their_count(file: WorkbookFile) -> None:
    names = {"solver_num": "6"}
    sides = [
        ("one!$A$1:$A$3", "1", "100"),
        ("one!$B$1", "2", "one!$C$1"),
        ("one!$C$1", "3", "=SUM(one!$D$1:$D$3)/2"),
        ("one!$D$1", "4", '="integer"'),
        ("one!$E$1", "5", "binary"),
        ("one!$F$1:$F$9", "6", '"AllDifferent"'),
        ("one!$G$1", "1", "left from an older model"),
    ]
    for number, (lhs, relation, rhs) in enumerate(sides, start=1):
        names |= {f"solver_lhs{number}": lhs, f"solver_rel{number}": relation, f"solver_rhs{number}": rhs}
    assert only_model(file, names).constraints == [
        ("one!$A$1:$A$3", AT_MOST, "100"),
        ("one!$B$1", 2, "one!$C$1"),
        ("one!$C$1", 3, "SUM(one!$D$1:$D$3)/2"),
        ("one!$D$1", 4, "integer"),
        ("one!$E$1", 5, "binary"),
        ("one!$F$1:$F$9", 6, "AllDifferent"),
    ]


def test_an_integer_constraint_needs_no_right_hand_side(file: WorkbookFile) -> None:
    names = {"solver_num": "1", "solver_lhs1": "one!$A$1", "solver_rel1": "4"}
    assert only_model(file, names).constraints == [ConstraintNames("one!$A$1", 4, "integer")]


def test_names_match_whatever_their_case_and_values_may_be_quoted(file: WorkbookFile) -> None:
    model = only_model(file, {"SOLVER_TYP": "=2", "Solver_Pre": '="0.5"', "solver_neg": "TRUE", "solver_itr": "30.0"})
    assert (model.sense, model.precision, model.non_negative, model.max_iterations) == (
        MINIMISE,
        0.5,
        True,
        30,
    )


def test_a_sheet_with_settings_alone_has_no_model_and_the_others_come_in_order(file: WorkbookFile) -> None:
    with_names(file, {"solver_adj": "three!$B$1"}, scope=2)
    with_names(file, {"solver_eng": "1", "solver_neg": "1"}, scope=1)
    with_names(file, {"solver_opt": "one!$A$1"}, scope=0)
    with_names(file, {"solver_opt": "nowhere!$A$1"}, scope=None)
    assert [(m.sheet, m.objective, m.adjustable) for m in solver_models(file)] == [
        (0, "one!$A$1", ""),
        (2, "", "three!$B$1"),
    ]


def test_engines_of_other_makers_are_excels_that_fits(file: WorkbookFile) -> None:
    assert only_model(file, {"solver_eng": "6"}).engine == GRG_NONLINEAR  # of a larger edition of Excel's Solver


@pytest.mark.parametrize(("chosen", "engine"), [("CBC", SIMPLEX_LP), ('="NOMAD"', GRG_NONLINEAR), ("", SIMPLEX_LP)])
def test_opensolver_takes_models_as_linear_unless_another_solver_is_chosen(
    chosen: str, engine: int, file: WorkbookFile
) -> None:
    names = {"OpenSolver_ChosenSolver": chosen} if chosen else {"OpenSolver_LinearityCheck": "=1"}
    assert only_model(file, names | {"solver_eng": "1"}).engine == engine


def test_constraints_that_no_name_counts_are_counted(file: WorkbookFile) -> None:
    names = {"solver_lhs1": "one!$A$1", "solver_rel1": "1", "solver_rhs1": "5", "solver_lhs3": "one!$A$3"}
    assert len(only_model(file, names).constraints) == 1


def test_a_linear_model_of_an_old_excel_is_for_the_simplex_method(file: WorkbookFile) -> None:
    model = only_model(file, {"solver_lin": "1"})
    assert (model.engine, model.sense) == (SIMPLEX_LP, MAXIMISE)


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        ({"solver_pre": "tiny"}, "solver_pre is 'tiny' where a number belongs"),
        ({"solver_val": "nan"}, "solver_val is 'nan' where a number belongs"),
        ({"solver_itr": "1.5"}, "solver_itr is '1.5' where a whole number belongs"),
        ({"solver_tim": "#REF!"}, "solver_tim is '#REF!' where a number belongs"),
        ({"solver_typ": "4"}, "solver_typ is 4, not one of 1, 2, 3"),
        ({"solver_eng": "0.5"}, "solver_eng is '0.5' where a whole number belongs"),
        ({"solver_neg": "maybe"}, "solver_neg is 'maybe' where 1 (yes) or 2 (no) belongs"),
        ({"solver_num": "-1"}, "solver_num is not a count"),
        ({"solver_num": "2147483647"}, "solver_rel1 is missing"),
        ({"solver_num": "1", "solver_rel1": "7"}, "solver_rel1 is 7, not one of 1, 2, 3, 4, 5, 6"),
        ({"solver_num": "1", "solver_rel1": "1"}, "solver_lhs1 is missing"),
        ({"solver_num": "1", "solver_rel1": "1", "solver_lhs1": "A1"}, "solver_rhs1 is missing"),
    ],
)
def test_a_bad_value_is_refused_with_its_sheet_and_name(names: dict[str, str], cause: str, file: WorkbookFile) -> None:
    with pytest.raises(WorkbookError) as caught:
        only_model(file, names)
    assert str(caught.value) == f"{file.path}, sheet 'one': the Solver name {cause}."


# --- from a model to names ---------------------------------------------------------------------

counts = st.integers(0, UNLIMITED)
numbers = st.floats(-1e15, 1e15)
models = st.builds(
    SolverModelNames,
    sheet=st.just(0),
    objective=st.just("one!$A$1"),
    adjustable=st.sampled_from(["", "one!$B$1:$B$9", "one!$B$1,one!$D$1:$E$2"]),
    constraints=st.lists(
        st.builds(ConstraintNames, st.just("one!$B$1"), st.integers(1, 6), st.sampled_from(["1.5", "one!$C$1"])),
        max_size=3,
    ),
    sense=st.integers(1, 3),
    target_value=numbers,
    engine=st.integers(1, 3),
    precision=numbers,
    convergence=numbers,
    max_time=counts,
    max_iterations=counts,
    derivatives=st.integers(1, 2),
    population=counts,
    seed=counts,
    integer_tolerance=numbers,
    max_nodes=counts,
    max_solutions=counts,
    mutation_rate=numbers,
    max_time_without_improvement=counts,
    non_negative=st.booleans(),
    scaling=st.booleans(),
    multistart=st.booleans(),
    require_bounds=st.booleans(),
    ignore_integers=st.booleans(),
    show_iterations=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(models)
def test_a_model_comes_back_from_its_names(file: WorkbookFile, model: SolverModelNames) -> None:
    file.names.clear()
    assert only_model(file, names_of(model)) == model


def test_the_names_are_those_that_excel_writes() -> None:
    file = read_workbook(reference("workbooks", "collab_filter.xlsx"))
    for model in solver_models(file):
        theirs = {name.name: name.text for name in file.names if name.scope == model.sheet}
        assert names_of(model) == theirs
