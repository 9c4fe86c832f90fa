"""A comparison as a web page: the two sheets side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sheetml.engine.values import ERROR, NUMBER
from sheetml.formula.references import address
from sheetml.report.cell_numbers import in_format
from sheetml.report.compare.moves import Move, together
from sheetml.report.compare.result import KINDS, ORDER, CellChange, Comparison, SheetComparison, place_of, side_texts
from sheetml.report.compare.snapshot import Snapshot
from sheetml.report.html import embedded, page
from sheetml.report.ticks import short
from sheetml.report.words import quantity, value_text
from sheetml.version import __version__
from sheetml.workbook import Book

MOST_CELLS = 400_000  # on a page; beyond it only the lines around changes are shown
CONTEXT = 3  # lines shown before and after a change then
LARGEST = 50
CHARACTER, PADDING = 7, 20  # pixels
NARROWEST, WIDEST = 46, 240
LONGEST_TEXT = 2000  # characters of a cell that are shown


def comparison_page(comparison: Comparison, before: Book, after: Book) -> str:
    """The page in HTML. The workbooks are those that were compared."""
    cells = sum(len(sheet.file.sheets[i].cells.row) for sheet in (before, after) for i in range(len(sheet.sheet_names)))
    formulas: dict[str, int] = {}
    sheets = [_sheet(sheet, before, after, formulas, everything=cells <= MOST_CELLS) for sheet in comparison.sheets]
    data = {
        "sheets": [sheet for sheet, _ in sheets],
        "formulas": list(formulas),
        "kinds": KINDS,
        "largest": _largest(comparison, [places for _, places in sheets]),
    }
    return page(
        "compare.html",
        title=f"{comparison.before.name} and {comparison.after.name}",
        verdict=verdict(comparison),
        tolerance=short(comparison.tolerance),
        made=f"Compared by sheetml {__version__}.",
        moves=[move_text(way) for way in together(comparison.moves)],
        order=ORDER,
        names=comparison.names,
        open_details=False,
        data=embedded(data),
    )


def verdict(comparison: Comparison) -> str:
    """How the comparison ended, in a sentence."""
    if comparison.same:
        return "The workbooks are the same."
    changes = sum(len(sheet.changes) for sheet in comparison.sheets)
    sheets = sum(sheet.status != "same" for sheet in comparison.sheets)
    text = f"{quantity(changes, 'cell')} changed on {quantity(sheets, 'sheet')} of {len(comparison.sheets)}"
    return f"{text}; {quantity(len(comparison.names), 'name')} changed." if comparison.names else f"{text}."


def move_text(way: Sequence[Move]) -> str:
    """Blocks that went the same way: the largest, and how many more there are."""
    first, *more = way
    text = f"{address(first.sheet_before, first.before)} → {address(first.sheet_after, first.after)}"
    cells = quantity(sum(move.cells for move in more), "cell")
    return f"{text}, and {quantity(len(more), 'block')} more the same way ({cells})" if more else text


# ---- one sheet -----------------------------------------------------------------------------------

Places = tuple[dict[int, int], dict[int, int], dict[int, int], dict[int, int]]


def _sheet(
    sheet: SheetComparison, before: Book, after: Book, formulas: dict[str, int], everything: bool
) -> tuple[dict[str, Any], Places]:
    """The sheet's lines, cells and changes; and where on the page its rows and columns are."""
    rows = sheet.rows if everything else _near_changes(sheet)
    rows = rows or [(None, None)]
    columns = sheet.columns or [(None, None)]
    places: Places = tuple(  # type: ignore[assignment]
        {line[side]: index for index, line in enumerate(lines) if line[side] is not None}
        for lines in (rows, columns)
        for side in (0, 1)
    )
    widths = [NARROWEST] * len(columns)
    cells = []
    for side, (name, workbook) in enumerate(((sheet.before, before), (sheet.after, after))):
        held: list[list[Any]] = [[] for _ in rows]
        if name is not None:
            snapshot = Snapshot(workbook, workbook.sheet_names.index(name))
            _fill(held, snapshot, places[side], places[2 + side], formulas, widths)
        cells.append(held)
    changes = sorted(shown for change in sheet.changes if (shown := _change(change, places)) is not None)
    left_out = "" if everything else f" (only the rows around changes: {len(rows):,} of {len(sheet.rows):,})"
    titles = [f"{name if name is not None else '(no such sheet)'}{left_out}" for name in (sheet.before, sheet.after)]
    document = {
        "name": sheet.name,
        "badge": f"{len(sheet.changes):,}" if sheet.changes else "" if sheet.status == "same" else sheet.status,
        "titles": [f"Before: {titles[0]}", f"After: {titles[1]}"],
        "rows": rows,
        "columns": columns,
        "widths": widths,
        "cells": cells,
        "changes": changes,
    }
    return document, places


def _near_changes(sheet: SheetComparison) -> list[tuple[int | None, int | None]]:
    """The rows with changes, some around them, and the first ones with the headings."""
    index = ({line[0]: i for i, line in enumerate(sheet.rows)}, {line[1]: i for i, line in enumerate(sheet.rows)})
    wanted = set(range(min(CONTEXT, len(sheet.rows))))
    for change in sheet.changes:
        place = index[1][change.after.row] if change.after is not None else index[0][change.before.row]  # type: ignore[union-attr]
        wanted.update(range(max(0, place - CONTEXT), min(len(sheet.rows), place + CONTEXT + 1)))
    return [sheet.rows[i] for i in sorted(wanted)][: MOST_CELLS // max(1, len(sheet.columns))]


def _fill(
    held: list[list[Any]],
    snapshot: Snapshot,
    row_at: dict[int, int],
    column_at: dict[int, int],
    formulas: dict[str, int],
    widths: list[int],
) -> None:
    """Puts a side's cells into their lines: column, text, whether a number, and the formula's number."""
    for index, (row, column) in enumerate(zip(snapshot.rows.tolist(), snapshot.columns.tolist())):
        if row not in row_at:
            continue
        kind, value = int(snapshot.kind[index]), snapshot.value(index)
        text = value if isinstance(value, str) else value_text(value)
        if isinstance(value, float):
            text = in_format(value, snapshot.number_format(index))
        formula = snapshot.formula_text(index)
        number = -1 if formula is None else formulas.setdefault(formula, len(formulas))
        place = column_at[column]
        held[row_at[row]].append([place, text[:LONGEST_TEXT], int(kind == NUMBER or kind >= ERROR), number])
        widths[place] = min(WIDEST, max(widths[place], len(text) * CHARACTER + PADDING))


def _change(change: CellChange, places: Places) -> list[Any] | None:
    """Row and column on the page, what happened, its size and direction, the difference in words, both values."""
    place = _on_page(change, places)
    if place is None:
        return None
    difference = change.difference or 0.0
    return [
        *place,
        change.what,
        change.size,
        (difference > 0) - (difference < 0),
        difference_text(change),
        *change.texts,
    ]


def _on_page(change: CellChange, places: Places) -> tuple[int, int] | None:
    side, own = (change.after, 1) if change.after is not None else (change.before, 0)
    assert side is not None
    if side.row not in places[own]:
        return None
    return places[own][side.row], places[2 + own][side.column]


def difference_text(change: CellChange) -> str:
    """The change of a number: "+0.5 (12%)"."""
    difference, relative = change.difference, change.relative
    if not difference or relative is None:
        return ""
    share = f"{short(100 * relative)}%" if math.isfinite(relative) else "from 0"
    return f"{'+' if difference > 0 else '−'}{short(abs(difference), 4)} ({share})"


def _largest(comparison: Comparison, places: list[Places]) -> list[list[Any]]:
    number = {id(sheet): index for index, sheet in enumerate(comparison.sheets)}
    lines = []
    for sheet, change in comparison.largest(LARGEST):
        on_page = _on_page(change, places[number[id(sheet)]])
        if on_page is not None:
            sides = [_short(text) for text in side_texts(change)]
            cell = place_of(sheet, change)
            relative = change.relative
            rank = -1.0 if relative is None else min(relative, 1e300)
            lines.append([number[id(sheet)], *on_page, cell, change.what, *sides, difference_text(change), rank])
    return lines


def _short(text: str) -> str:
    """A side for the list, cut where it is long."""
    return text if len(text) <= 120 else text[:119] + "…"
