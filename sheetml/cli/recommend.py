"""`sheetml recommend`: the items a user is predicted to like best."""

from __future__ import annotations

from pathlib import Path

import click

from sheetml.cli.ratings_options import (
    as_document,
    count_option,
    least_option,
    movies_option,
    print_scored,
    read_model,
)
from sheetml.cli.terminal import EXISTING_FILE, json_option, print_json


@click.command()
@click.argument("model", type=EXISTING_FILE)
@click.option("--user", required=True, help="The user's id.")
@count_option
@least_option
@click.option("--rated", is_flag=True, help="Also items that the user has rated.")
@movies_option
@json_option
def command(model: Path, user: str, count: int, least: int, rated: bool, movies: Path | None, as_json: bool) -> None:
    """Print the items with the highest predicted ratings for a user, without those already rated."""
    found = read_model(model, movies).recommend(user, count, rated=rated, least=least)
    if as_json:
        print_json({"user": user, "items": as_document(found, "prediction")})
    else:
        print_scored(f"for user {user}", found, "prediction")
