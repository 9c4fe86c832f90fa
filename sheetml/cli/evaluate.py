"""`sheetml evaluate`: how far a model's predictions are from ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sheetml.cli.ratings_options import ratings_options, read_model, read_ratings
from sheetml.cli.terminal import EXISTING_FILE, json_option, print_json, results


@click.command()
@click.argument("model", type=EXISTING_FILE)
@click.argument("ratings", type=EXISTING_FILE)
@ratings_options
@click.option(
    "--unknown",
    type=click.Choice(["error", "mean", "skip"]),
    default="error",
    show_default=True,
    help="Users and items the model does not know: refuse, take as the mean one, or leave their ratings out.",
)
@json_option
def command(
    model: Path,
    ratings: Path,
    unknown: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure MODEL on RATINGS: mean squared, root mean squared and mean absolute error, and R²."""
    fitted = read_model(model)
    read = read_ratings(ratings, options)
    fitted.unknown = "error" if unknown == "error" else "mean"
    users, items = fitted.codes(read)
    known = (users >= 0) & (items >= 0)
    left_out = 0
    if unknown == "skip":
        left_out = int((~known).sum())
        read = read.part(known)
    measured = fitted.evaluate(read)
    document = {"model": str(model), "ratings": len(read), "unknown": int((~known).sum()), **measured}
    if as_json:
        print_json(document)
        return
    from sheetml.report.words import minus, quantity

    console = results()
    console.print(
        f"{fitted!r} on {quantity(len(read), 'rating')}" + (f", {left_out:,} left out" if left_out else ""),
        markup=False,
    )
    for name, value in measured.items():
        console.print(minus(f"{name:>6} {value:10.5f}"), markup=False)
