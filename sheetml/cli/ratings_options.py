"""What the commands on ratings and their models share: options, and how items are printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sheetml.cli.terminal import EXISTING_FILE, OneOf, new_table, results, show_table

if TYPE_CHECKING:
    from sheetml.learn import FactorModel, Ratings, Scored
    from sheetml.learn.blocks import BlockedRatings

F = TypeVar("F", bound=Callable[..., Any])

DUPLICATES = OneOf("sheetml.learn.ratings", "DUPLICATES")


def ratings_options(function: F) -> F:
    """The options that say how to read a file of ratings."""
    options = [
        click.option("--user-column", default="userId", show_default=True, help="The column of users."),
        click.option("--item-column", default="movieId", show_default=True, help="The column of items."),
        click.option("--rating-column", default="rating", show_default=True, help="The column of ratings."),
        click.option("--time-column", default="timestamp", show_default=True, help="The column of times, if any."),
        click.option(
            "--duplicates",
            type=DUPLICATES,
            default="error",
            show_default=True,
            help="What to do where a user rated an item more than once.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def movies_option(function: F) -> F:
    return click.option("--movies", type=EXISTING_FILE, help="Titles of the items: movies.csv, u.item or movies.dat.")(
        function
    )


def count_option(function: F) -> F:
    return click.option("-n", "--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many.")(
        function
    )


def least_option(function: F) -> F:
    return click.option(
        "--least",
        type=click.IntRange(min=0),
        default=5,
        show_default=True,
        help="Only items with at least so many ratings.",
    )(function)


def read_ratings(path: Path, options: dict[str, Any]) -> Ratings:
    """Reads ratings as the options of `ratings_options` say, with titles where there is an option "movies"."""
    from sheetml.learn import Ratings

    ratings = Ratings.read(path, duplicates=options["duplicates"], **_columns(options))
    movies = options.get("movies")
    return ratings if movies is None else ratings.with_titles(movies, options["item_column"])


def read_blocks(path: Path, folder: Path, orders: tuple[str, ...], options: dict[str, Any]) -> BlockedRatings:
    """Reads ratings into blocks in a folder; otherwise as `read_ratings`, with the part held out."""
    from sheetml.learn.blocks import BlockedRatings

    more: dict[str, Any] = {name: options[name] for name in ("duplicates", "valid", "seed")}
    blocks = BlockedRatings.read(path, folder, orders, **(more | _columns(options)))
    movies = options.get("movies")
    return blocks if movies is None else blocks.with_titles(movies, options["item_column"])


def _columns(options: dict[str, Any]) -> dict[str, str]:
    return {name: options[f"{name}_column"] for name in ("user", "item", "rating", "time")}


def read_model(path: Path, movies: Path | None = None) -> FactorModel:
    """A saved model, with the titles of `movies` if there are any."""
    from sheetml.learn import load_model

    model = load_model(path)
    if movies is not None:
        model.ratings_ = model.ratings_.with_titles(movies)
    return model


def print_scored(title: str, found: list[Scored], heading: str) -> None:
    """A table of items, each with its number."""
    from rich.text import Text

    from sheetml.report.words import minus

    table = new_table("", "item", "title", heading, title=title, right=("", "item", heading))
    for rank, each in enumerate(found, start=1):
        table.add_row(str(rank), Text(str(each.item)), Text(each.title), minus(f"{each.value:.3f}"))
    show_table(results(), table)


def as_document(found: list[Scored], name: str) -> list[dict[str, Any]]:
    return [{"item": each.item, "title": each.title, name: each.value} for each in found]
