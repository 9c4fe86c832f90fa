"""`sheetml explain`: where does this value come from?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sheetml.cli.terminal import (
    OUTPUT_FILE,
    check_output,
    json_option,
    messages,
    new_table,
    overwrite_option,
    print_json,
    results,
    say,
    show_table,
    workbook_argument,
    write_text,
    written,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from sheetml.report.explain import Explanation, Influence, Part

MOST_READERS = 12


@click.command()
@workbook_argument
@click.argument("cell")
@click.option("-n", "--most", type=click.IntRange(min=0), default=10, show_default=True, help="How many cells to show.")
@click.option("--svg", type=OUTPUT_FILE, help="Draw the blocks it depends on, as an SVG picture, into this file.")
@click.option("--dot", is_flag=True, help="Print the same graph for Graphviz instead of the explanation.")
@overwrite_option
@json_option
def command(workbook: Path, cell: str, most: int, svg: Path | None, dot: bool, overwrite: bool, as_json: bool) -> None:
    """Explain CELL of WORKBOOK, an address such as dotprod!V41 or a name.

    The formula in words and as a tree with the value of each part; the blocks and areas it depends on;
    its gradient by area; and the cells with most influence on it: by the derivative, and by the
    derivative times the cell's value.
    """
    import sheetml
    from sheetml.report.block_graph import boxes_of, to_dot, to_svg
    from sheetml.report.explain import explain

    if dot and as_json:
        raise click.UsageError("--dot and --json contradict each other.")
    if svg is not None:
        check_output(svg, (".svg",), overwrite=overwrite, option="--svg", binary=False)
    book = sheetml.open(workbook)
    found = explain(book, cell, most)
    boxes = boxes_of(book.calculation, found.lineage) if found.lineage and (dot or svg) else []
    if svg is not None:
        write_text(svg, to_svg(boxes, f"What {found.cell} depends on"), workbook)
        written(messages(), svg)
    if dot:
        say(to_dot(boxes).rstrip("\n"))
    elif as_json:
        print_json(_document(workbook, found))
    else:
        _print(found, results())


def _print(found: Explanation, console: Console) -> None:
    from sheetml.report.words import value_text, without_sheet

    home = found.cell.rpartition("!")[0]
    label = f'   "{found.label}"' if found.label else ""
    console.print(f"{found.cell}: {value_text(found.value) or 'blank'}{label}", markup=False)
    if found.formula is not None:
        console.print(f"={found.formula}", markup=False)
    console.print(f"{found.words}.\n", markup=False)
    if found.tree is not None:
        console.print(_tree(found.tree))
        console.print()
    _print_dependencies(found, home, console)
    _print_gradients(found, home, console)
    _print_influences("Most influential by the derivative", found.steepest, home, console)
    _print_influences("Most influential by derivative × value", found.weightiest, home, console)
    if found.no_gradient:
        console.print(f"No gradient: {found.no_gradient.rstrip('.')}.", markup=False)
    if found.flat:
        console.print(found.flat, markup=False)
    if found.readers:
        more = f" and {len(found.readers) - MOST_READERS:,} more" if len(found.readers) > MOST_READERS else ""
        areas = ", ".join(without_sheet(reader, home) for reader in found.readers[:MOST_READERS])
        console.print(f"Read by {areas}{more}.", markup=False)
    elif found.formula is not None:
        console.print("No formula reads it.", markup=False)


def _tree(part: Part) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    def line(part: Part) -> Text:
        shown = part.value if part.value != part.text else ""
        return Text(f"{part.text}   {shown}".rstrip())

    def grow(tree: Tree, part: Part) -> Tree:
        for each in part.parts:
            grow(tree.add(line(each)), each)
        return tree

    return grow(Tree(line(part)), part)


def _print_dependencies(found: Explanation, home: str, console: Console) -> None:
    from rich.text import Text

    from sheetml.report.words import without_sheet

    if not found.dependencies:
        return
    headings = ("Area", "Label", "How", "Cells", "Formula of the first cell", "Values")
    table = new_table(*headings, title="Depends on", right=("Cells",))
    for each in found.dependencies:
        table.add_row(
            Text(without_sheet(each.area, home)),
            Text(each.label),
            ", ".join(filter(None, ("directly" if each.direct else "indirectly", each.role))),
            f"{each.cells:,}",
            Text("" if each.formula is None else f"={each.formula}"),
            Text(each.values),
        )
    show_table(console, table)
    console.print()


def _print_gradients(found: Explanation, home: str, console: Console) -> None:
    from rich.text import Text

    from sheetml.report.words import short_figure, without_sheet

    if not found.gradients:
        return
    numbers = ("Cells", "Norm", "Largest")
    table = new_table("Area", "Label", *numbers, "at", title="Gradient by area", right=numbers)
    for each in found.gradients:
        table.add_row(
            Text(without_sheet(each.area, home)),
            Text(each.label),
            f"{each.cells:,}",
            short_figure(each.norm),
            short_figure(each.largest),
            Text(without_sheet(each.at, home)) if each.norm else "",
        )
    show_table(console, table)
    console.print()


def _print_influences(title: str, influences: list[Influence], home: str, console: Console) -> None:
    from rich.text import Text

    from sheetml.report.words import short_figure, without_sheet

    if not influences:
        return
    numbers = ("Value", "Derivative", "Derivative × value")
    table = new_table("Cell", "Label", *numbers, title=title, right=numbers)
    for each in influences:
        figures = (short_figure(number) for number in (each.value, each.gradient, each.product))
        table.add_row(Text(without_sheet(each.cell, home)), Text(each.label), *figures)
    show_table(console, table)
    console.print()


def _document(workbook: Path, found: Explanation) -> dict[str, Any]:
    from sheetml.engine.values import plain

    shown = dataclasses.replace(found, lineage=None)  # which holds the engine's own objects
    return {"workbook": workbook, **dataclasses.asdict(shown), "value": plain(found.value)}
