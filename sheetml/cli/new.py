"""`sheetml new`: workbooks built from one's own data. One module a kind, imported only when it is used."""

from __future__ import annotations

import click

from sheetml.cli import Commands

KINDS = {
    "collab-filter": "Ratings as a crosstab and by rating, with factors that Solver fits.",
    "graddesc": "A line fitted by gradient descent, a sheet an optimiser.",
    "solver-gallery": "Solver models of every kind, each in a workbook that teaches it.",
}


@click.group(cls=Commands, commands_by_name=KINDS, prefix="sheetml.cli.new_")
def command() -> None:
    """Build a workbook from your own data: live formulas, Solver models, heat maps, charts."""
