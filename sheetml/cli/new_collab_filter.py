"""`sheetml new collab-filter`: the lesson's collaborative-filtering workbook, of one's own ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import EXISTING_FILE, OUTPUT_FILE, check_output, json_option, print_json, quiet_option, say
from sheetml.errors import DataError

if TYPE_CHECKING:
    from sheetml.api import Workbook


@click.command()
@click.argument("ratings", type=EXISTING_FILE)
@click.option("-o", "--output", type=OUTPUT_FILE, required=True, help="Where to write.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@click.option("--movies", type=EXISTING_FILE, help="A file with a title for each item.")
@click.option("--users", type=click.IntRange(min=1), default=15, show_default=True, help="How many users.")
@click.option("--items", type=click.IntRange(min=1), default=15, show_default=True, help="How many items.")
@click.option("--factors", type=click.IntRange(min=1), default=5, show_default=True, help="Numbers for each of them.")
@click.option("--bias/--no-bias", default=True, show_default=True, help="A sheet with biases too.")
@click.option("--by-rating/--no-by-rating", default=True, show_default=True, help="A sheet with a row a rating too.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random start.")
@click.option("--user-column", default="userId", show_default=True, help="The column of users in RATINGS.")
@click.option("--item-column", default="movieId", show_default=True, help="The column of items in RATINGS and MOVIES.")
@click.option("--rating-column", default="rating", show_default=True, help="The column of ratings.")
@click.option("--title-column", default="title", show_default=True, help="The column of titles in MOVIES.")
@click.option("--about", type=EXISTING_FILE, help="A text file for the sheet about: source and licence of the data.")
@json_option
@quiet_option
def command(
    ratings: Path,
    output: Path,
    overwrite: bool,
    movies: Path | None,
    users: int,
    items: int,
    factors: int,
    bias: bool,
    by_rating: bool,
    seed: int,
    user_column: str,
    item_column: str,
    rating_column: str,
    title_column: str,
    about: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Build a workbook from RATINGS, a file with a line for each rating.

    RATINGS is a CSV file, a Parquet file, or one of MovieLens' own forms (u.data, ratings.dat). The
    users and items with most ratings are taken. Every prediction is a live formula, and Solver models
    that make the error as small as possible are stored in the sheets, ready for Excel's Solver and for
    sheetml run. The same data make the same file.
    """
    from sheetml.layouts.collab_filter import Labels, build
    from sheetml.learn import Ratings
    from sheetml.learn.ratings_files import read_titles

    check_output(output, (".xlsx",), overwrite=overwrite)
    lines = [] if about is None else _lines(about)
    if len({user_column, item_column, rating_column}) < 3:
        raise DataError("users, items and ratings need each a column of their own.")
    titles = None if movies is None else read_titles(movies, item_column, title_column)
    read = Ratings.read(ratings, user=user_column, item=item_column, rating=rating_column, duplicates="last")
    book = build(
        read,
        output,
        users=users,
        items=items,
        factors=factors,
        bias=bias,
        by_rating=by_rating,
        seed=seed,
        titles=titles,
        labels=Labels(user_column, item_column, rating_column),
        about=lines,
        source=str(ratings),
    )
    if as_json:
        print_json(_document(book, output))
    elif not quiet:
        _print(book, output)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as cause:
        raise DataError(f"{path} cannot be read ({cause.strerror}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8.") from None


def _document(book: Workbook, output: Path) -> dict[str, Any]:
    models = [
        {
            "sheet": model.sheet,
            "objective": model.objective,
            "adjustable": model.adjustable,
            "cells": _cells(book, model.adjustable),
        }
        for model in book.solver_models
    ]
    return {"output": output, "sheets": book.sheet_names, "models": models}


def _print(book: Workbook, output: Path) -> None:
    from sheetml.layouts.collab_filter.build import EXCEL_SOLVER_LIMIT
    from sheetml.report.words import quantity

    say(f"Written to {output}: {quantity(len(book.sheet_names), 'sheet')}, {', '.join(book.sheet_names)}")
    for model in book.solver_models:
        cells = _cells(book, model.adjustable)
        objective = str(model.objective)
        say(f"  {objective} = {book.value(objective):.6g}, {quantity(cells, 'adjustable cell')}")
        if cells > EXCEL_SOLVER_LIMIT:
            say(f"    more than the {EXCEL_SOLVER_LIMIT} that Excel's own Solver takes; sheetml run takes them")
    say(f"Solve it with: sheetml run {output}")


def _cells(book: Workbook, addresses: list[str]) -> int:
    return sum(area.height * area.width for _, area in book.areas(addresses))
