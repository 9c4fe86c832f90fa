"""`sheetml similar`: the items whose embeddings are most alike."""

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
@click.option("--item", required=True, help="The item's id, its title, or a part that only its title has.")
@count_option
@least_option
@movies_option
@json_option
def command(model: Path, item: str, count: int, least: int, movies: Path | None, as_json: bool) -> None:
    """Print the items whose embeddings point most the same way as an item's, by the cosine between them."""
    fitted = read_model(model, movies)
    found = fitted.similar(item, count, least=least)
    title = str(fitted.item_names()[fitted.find_item(item)])
    if as_json:
        print_json({"item": title, "items": as_document(found, "cosine")})
    else:
        print_scored(f"similar to {title}", found, "cosine")
