"""`sheetml new`: what is built, said, and refused."""

from __future__ import annotations

import pytest

import sheetml as library
from tests.cli.command import sheetml
from tests.layouts.ratings import made_up


@pytest.fixture
def ratings(tmp_path):
    path = tmp_path / "ratings.csv"
    made_up(6, 5).rename(columns={"user": "userId", "item": "movieId"}).to_csv(path, index=False)
    return path


SIZES = ("--users", 4, "--items", 3, "--factors", 2)


def test_a_workbook_is_built_from_a_csv_file_and_run(tmp_path, ratings):
    output = tmp_path / "mine.xlsx"
    ended = sheetml("new", "collab-filter", ratings, "-o", output, *SIZES)
    assert ended.code == 0
    for text in ("dotprod, movielens_emb, bias, items, about", "bias!G17", "21 adjustable cells", "sheetml run"):
        assert text in ended.out
    assert sheetml("check", output).code == 0
    ran = sheetml("run", output, "--json")
    assert ran.code == 0
    assert len(ran.document["models"]) == 3
    assert all(model["after"] < 0.5 * model["before"] for model in ran.document["models"])


def test_titles_labels_and_the_text_about_the_data_go_into_the_workbook(tmp_path, ratings):
    movies, about, output = tmp_path / "movies.csv", tmp_path / "about.txt", tmp_path / "mine.xlsx"
    movies.write_text("movieId,name\n100,=1+1\n101,Second\n", encoding="utf-8")
    about.write_text("# Licence\nAsk first.\n", encoding="utf-8")
    options = ("--movies", movies, "--title-column", "name", "--about", about, "-q", *SIZES)
    ended = sheetml("new", "collab-filter", ratings, "-o", output, *options)
    assert (ended.code, ended.out) == (0, "")
    book = library.open(output)
    assert set(book["items"]["C2:C4"].reshape(-1)) <= {"=1+1", "Second", None}
    assert "Ask first." in book["about"]["A1:A40"]
    assert book["dotprod"]["D1"] == "movieId"


def test_sheets_can_be_left_out(tmp_path, ratings):
    output = tmp_path / "mine.xlsx"
    ended = sheetml("new", "collab-filter", ratings, "-o", output, "--no-bias", "--no-by-rating", "--json", *SIZES)
    assert ended.document["sheets"] == ["dotprod", "items", "about"]
    assert [model["cells"] for model in ended.document["models"]] == [14]


def test_more_cells_than_excels_solver_takes_are_pointed_out(tmp_path, ratings):
    options = ("--users", 6, "--items", 5, "--factors", 20, "--no-by-rating")
    ended = sheetml("new", "collab-filter", ratings, "-o", tmp_path / "mine.xlsx", *options)
    assert "more than the 200 that Excel's own Solver takes" in ended.out


def test_a_file_that_exists_is_replaced_only_if_asked_for(tmp_path, ratings):
    output = tmp_path / "mine.xlsx"
    output.write_text("precious")
    ended = sheetml("new", "collab-filter", ratings, "-o", output, *SIZES)
    assert ended.code == 2
    assert "exists: name another file with -o, or replace it with --overwrite" in ended.err
    assert output.read_text() == "precious"
    assert sheetml("new", "collab-filter", ratings, "-o", output, "--overwrite", *SIZES).code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--user-column", "who"),
            "ratings.csv: it has no column 'who' for the user; its columns are userId, movieId, rating",
        ),
        (("--users", 7), "7 users were asked for, but there are only 6"),
        (("--movies", "none.csv"), "none.csv: "),
        (("--about", "none.txt"), "none.txt cannot be read"),
        (("--rating-column", "movieId"), "need each a column of their own"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, ratings, options, message):
    ended = sheetml("new", "collab-filter", ratings, "-o", tmp_path / "mine.xlsx", *options)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "mine.xlsx").exists()


def test_help_lists_the_kinds_of_workbooks():
    assert "collab-filter" in sheetml("new", "--help").out
