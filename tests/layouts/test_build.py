"""Workbooks built from ratings and from fitted models compute, solve, and open everywhere."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.errors import DataError, WorkbookError
from sheetml.formula.references import address
from sheetml.layouts.book import storable
from sheetml.layouts.collab_filter import SheetModel, build, build_from_model
from sheetml.report.check import check
from sheetml.xlsx.model import MAX_TEXT, Area
from sheetml.xlsx.reader import read_workbook
from tests.layouts.ratings import made_up, titled
from tests.libreoffice import all_recalculated, disagreements
from tests.reference import reference

HOSTILE = [
    "=1+1",
    "+SUM(A1:A9)",
    "-2",
    "@cmd",
    '=HYPERLINK("http://example.org","x")',
    "'quoted'",
    '"say ""so"""',
    "#REF!",
    "TRUE",
    "1e5",
    "tab\tand\nline",
    "bell\x07 null\x00 escape\x1b",
    "_x0041_ and _x000D_",
    "  spaces around  ",
    "Amélie 天空の城 🎬 \u202eright to left",
    "<b>&amp;</b>",
    "lone \ud83c surrogate \ufffe",
    "x" * 40_000,
]


def test_the_cells_are_those_of_the_lessons_workbook(tmp_path: Path) -> None:
    book = build(made_up(15, 15), tmp_path / "book.xlsx")
    lesson = read_workbook(reference("workbooks", "collab_filter.xlsx"))
    built = {model.sheet: (model.objective, model.adjustable) for model in book.solver_models}
    theirs = {
        model.sheet: (model.objective, model.adjustable)
        for model in sheetml.open(reference("workbooks", "collab_filter.xlsx")).solver_models
    }
    assert built == theirs
    for sheet, cell in (("dotprod", "J30"), ("movielens_emb", "N7"), ("movielens_emb", "X9"), ("movielens_emb", "AA3")):
        assert _without_last_row(book[sheet].formula(cell)) == _without_last_row(
            sheetml.open(lesson.path)[sheet].formula(cell)
        )


def _without_last_row(formula: str | None) -> str:
    """The number of ratings differs, and with it the row where they end."""
    assert formula is not None
    return formula.replace("208", "N").replace(f"{_rating_rows()}", "N")


def _rating_rows() -> int:
    return len(made_up(15, 15)) + 2


def test_solver_models_have_all_the_names_that_excel_stores(tmp_path: Path) -> None:
    built = read_workbook(build(made_up(3, 4), tmp_path / "book.xlsx", users=3, items=4, factors=2).path)
    lesson = read_workbook(reference("workbooks", "collab_filter.xlsx"))
    for file in (built, lesson):
        assert all(name.hidden for name in file.names if name.name.startswith("solver_"))
    theirs = {name.name for name in lesson.names}
    for sheet in range(3):
        ours = {name.name for name in built.names if name.scope == sheet}
        assert {name for name in ours if not name.startswith("_xlnm.")} == theirs  # those are of the printed page


def test_the_biases_stand_inside_the_brackets_so_that_blanks_are_not_predicted(tmp_path: Path) -> None:
    ratings = made_up(3, 4)
    book = build(ratings, tmp_path / "book.xlsx", users=3, items=4, factors=2)
    assert book["bias"].formula("E11") == 'IF(E2="",0,MMULT($B11:$C11,E$8:E$9)+E$7+$A11)'
    rated, predicted = book["bias"]["E2:H4"], book["bias"]["E11:H13"]
    blank = rated == None  # noqa: E711
    assert blank.any()
    assert (predicted[blank] == 0).all()
    errors = (rated[~blank] - predicted[~blank]).astype(float)
    assert book["bias"]["H15"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-12)


@pytest.mark.parametrize(("users", "items", "factors"), [(1, 1, 1), (3, 4, 2), (4, 3, 1), (20, 6, 9)])
def test_workbooks_of_any_size_are_right_and_solve(tmp_path: Path, users: int, items: int, factors: int) -> None:
    book = build(made_up(users, items), tmp_path / "book.xlsx", users=users, items=items, factors=factors)
    assert not book.problems
    for sheet in check(sheetml.open(book.path), 1e-9):
        assert not sheet.differences
        assert not sheet.not_computed
    values = [book.value(str(model.objective)) for model in book.solver_models]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    for model in book.solver_models:
        result = model.solve(max_iterations=300)
        assert result.fun < 0.7 * result.fun_start


def test_a_large_workbook_is_built_and_solves(tmp_path: Path) -> None:
    ratings = made_up(200, 300, factors=5, rated=0.02)
    book = build(ratings, tmp_path / "book.xlsx", users=200, items=300, factors=20, bias=False)
    assert book.sheet_names == ["dotprod", "movielens_emb", "items", "about"]
    assert not book.problems
    model = book.solver_models[0]
    result = model.solve(max_iterations=40)
    assert result.x.size == 500 * 20
    assert result.fun < 0.3 * result.fun_start


def test_the_sheets_are_those_asked_for(tmp_path: Path) -> None:
    sizes = {"users": 3, "items": 4, "factors": 2}
    book = build(made_up(3, 4), tmp_path / "book.xlsx", **sizes, bias=False, by_rating=False)
    assert book.sheet_names == ["dotprod", "items", "about"]


def test_more_factors_start_from_predictions_as_large_as_fewer(tmp_path: Path) -> None:
    means = []
    for factors in (1, 5, 40):
        book = build(made_up(15, 15), tmp_path / "book.xlsx", factors=factors, by_rating=False, bias=False)
        letters = book.solver_models[0].adjustable[0].split("!")[1]
        means.append(float(np.mean(book["dotprod"][letters].astype(float)) ** 2 * factors))
    assert max(means) < 1.6 * min(means)


def test_the_same_data_make_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build(made_up(3, 4), tmp_path / name, users=3, items=4, factors=2, seed=seed)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1] != files[2]


def test_openpyxl_opens_it_with_comments_charts_colours_and_frozen_panes(tmp_path: Path) -> None:
    path = build(made_up(3, 4), tmp_path / "book.xlsx", users=3, items=4, factors=2).path
    book = openpyxl.load_workbook(path)
    for name in ("dotprod", "movielens_emb", "bias"):
        sheet = book[name]
        assert sheet.freeze_panes
        assert len(list(sheet.conditional_formatting)) >= 2
        assert sum(cell.comment is not None for row in sheet.iter_rows() for cell in row) >= 5
    assert len(book["movielens_emb"]._charts) == len(book["items"]._charts) == 1
    assert "inside the IF" in book["bias"]["E11"].comment.text
    assert "inside the IF" not in book["dotprod"]["E10"].comment.text


def test_text_ids_are_told_apart_though_match_would_not(tmp_path: Path) -> None:
    ratings = pd.DataFrame(
        [
            (user, item, 1.0 + place)
            for place, user in enumerate(["a", "A", "=a", "?", "a*"])
            for item in ("m", "M", "~")
        ],
        columns=["user", "item", "rating"],
    )
    book = build(ratings, tmp_path / "book.xlsx", users=5, items=3, factors=2)
    assert not book.problems
    by_rating, crosstab = book["movielens_emb"], book["dotprod"]
    places = {"=a": 1, "?": 2, "A": 3, "a": 4, "a*": 5}
    assert [places[each] for each in by_rating["F3:F17"].reshape(-1)] == by_rating["I3:I17"].reshape(-1).tolist()
    assert by_rating["O3"] == pytest.approx(crosstab["E12"], rel=1e-12)
    assert disagreements(book.path) == []


# ---- text from data ---------------------------------------------------------------------------

words = st.text(st.characters(), max_size=12)
titles = st.one_of(st.tuples(st.sampled_from("=+-@'\t\"{#"), words).map("".join), words, st.sampled_from(HOSTILE))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(titles, min_size=4, max_size=4))
def test_titles_stay_text_whatever_they_look_like(tmp_path: Path, given_titles: list[str]) -> None:
    path = tmp_path / "book.xlsx"
    ratings = titled(made_up(2, 4), given_titles)
    book = build(ratings, path, users=2, items=4, factors=1, bias=False, by_rating=False)
    stored = [storable(title) or None for title in given_titles]
    assert book["items"]["C2:C5"].reshape(-1).tolist() == stored
    assert book["dotprod"]["D5:G5"].reshape(-1).tolist() == stored
    formulas = sum(len(sheet.cells.formula) for sheet in book.file.sheets)
    assert formulas == 30
    sheet = openpyxl.load_workbook(path)["items"]
    cells = [sheet.cell(row, 3) for row in range(2, 6)]
    assert [cell.data_type for cell in cells if cell.value is not None] == ["s" for each in stored if each]


def test_libreoffice_reads_hostile_titles_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    ratings = titled(made_up(3, len(HOSTILE)), HOSTILE)
    build(ratings, path, users=3, items=len(HOSTILE), factors=2)
    (values,) = all_recalculated([path])
    assert disagreements(path, values) == []
    assert [values["items"].get(f"C{row}") for row in range(2, len(HOSTILE) + 2)] == [
        storable(each) for each in HOSTILE
    ]


def test_text_too_long_for_a_cell_is_cut() -> None:
    assert storable("x" * MAX_TEXT) == "x" * MAX_TEXT
    cut = storable("🎬" * MAX_TEXT)
    assert cut.endswith("🎬…")
    assert len(cut.encode("utf-16-le")) // 2 <= MAX_TEXT


# ---- a fitted model ---------------------------------------------------------------------------


def fitted(users: int, items: int, factors: int, bias: bool, mean: float, rating_range: tuple[float, float] | None):
    random = np.random.default_rng(users * 100 + items)
    ratings = random.integers(1, 11, (users, items)) / 2
    ratings[random.random((users, items)) < 0.3] = np.nan
    ratings[0, 0] = 3
    return SheetModel(
        list(range(5, 5 + users)),
        [f"tt{item:04}" for item in range(items)],
        [f"=title {item}" for item in range(items)],
        ratings,
        random.normal(size=(users, factors)),
        random.normal(size=(items, factors)),
        random.normal(size=users) if bias else None,
        random.normal(size=items) if bias else None,
        mean,
        rating_range,
    )


def exported(model: SheetModel, path: Path) -> sheetml.Workbook:
    return build_from_model(
        path,
        model.user_ids,
        model.item_ids,
        model.titles,
        model.ratings,
        model.user_factors,
        model.item_factors,
        model.user_bias,
        model.item_bias,
        model.mean,
        model.rating_range,
    )


MODELS = [
    (3, 4, 2, True, 3.3, (0.5, 5.0)),
    (3, 4, 1, False, 0.0, (0.0, 5.5)),
    (5, 6, 3, True, 0.0, None),
    (2, 3, 2, False, -1.25, None),
]


@pytest.mark.parametrize("shape", MODELS)
def test_the_cells_of_a_fitted_model_predict_every_pair_as_the_model_does(tmp_path: Path, shape) -> None:
    model = fitted(*shape)
    book = exported(model, tmp_path / "book.xlsx")
    users, items, factors, bias = shape[:4]
    sheet = book["bias" if bias else "dotprod"]
    top, left = users + factors + bias + 5, factors + 3
    area = address(None, Area(top, left, top + users - 1, left + items - 1))
    predictions = sheet[area].astype(float)
    np.testing.assert_allclose(predictions, model.predictions(), rtol=1e-9)
    rated = ~np.isnan(model.ratings)
    (solver,) = book.solver_models
    rmse = np.sqrt(np.mean((model.ratings - model.predictions())[rated] ** 2))
    assert book.value(str(solver.objective)) == pytest.approx(rmse, rel=1e-9)
    assert solver.solve(max_iterations=200).fun < rmse


def test_libreoffice_agrees_on_workbooks_of_all_kinds(tmp_path: Path) -> None:
    paths = [exported(fitted(*shape), tmp_path / f"{place}.xlsx").path for place, shape in enumerate(MODELS)]
    for users, items, factors in ((1, 1, 1), (3, 4, 2), (7, 5, 12)):
        path = tmp_path / f"{users}.{items}.xlsx"
        build(made_up(users, items), path, users=users, items=items, factors=factors)
        paths.append(path)
    for path, values in zip(paths, all_recalculated(paths)):
        assert disagreements(path, values) == []


def test_factors_are_stored_to_the_last_bit(tmp_path: Path) -> None:
    model = fitted(3, 4, 2, True, 0.1 + 0.2, None)
    book = exported(model, tmp_path / "book.xlsx")
    assert book["bias"]["B11:C13"].astype(float).tolist() == model.user_factors.tolist()
    assert book["bias"]["A2"] == 0.1 + 0.2


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    good = fitted(3, 4, 2, True, 0.0, None)
    fields = {name: getattr(good, name) for name in good.__slots__}
    for change, message in (
        ({"ratings": np.ones((4, 3))}, r"ratings has the shape \(4, 3\), where \(3, 4\) belongs"),
        ({"item_factors": np.ones((4, 3))}, "item_factors has the shape"),
        ({"user_factors": np.full((3, 2), np.nan)}, "not finite"),
        ({"user_bias": None}, "either both"),
        ({"titles": ["a"]}, "1 titles for 4 items"),
        ({"user_ids": [1, 1, 2]}, "two users have the same id"),
        ({"rating_range": (5, 0.5)}, "is empty"),
    ):
        with pytest.raises(DataError, match=message):
            SheetModel(**fields | change)


def test_a_sheet_beyond_excels_limits_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    items = 16_380
    ratings = pd.DataFrame({"user": 1, "item": range(items), "rating": 3.0})
    with pytest.raises(DataError, match="Excel has 1,048,576 and 16,384"):
        build(ratings, tmp_path / "book.xlsx", users=1, items=items)
    assert not (tmp_path / "book.xlsx").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="there is no folder"):
        build(made_up(3, 4), tmp_path / "none" / "book.xlsx", users=3, items=4, factors=2)


def test_the_file_tells_neither_when_nor_where_it_was_made(tmp_path: Path) -> None:
    path = build(made_up(3, 4), tmp_path / "book.xlsx", users=3, items=4, factors=2).path
    with zipfile.ZipFile(path) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2000-01-01T00:00:00Z" in package.read("docProps/core.xml")
