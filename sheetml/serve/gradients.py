"""The gradient view: how much every cell moves a chosen one."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.derivatives import DerivativeCheck, check_derivatives
from sheetml.engine import questions
from sheetml.engine.influence import influences
from sheetml.errors import SheetmlError
from sheetml.formula.references import address, cell_name
from sheetml.report.labels import label_of
from sheetml.report.lineage import upstream
from sheetml.serve.session import Session
from sheetml.xlsx.model import Area

MOST_CELLS = 40_000  # of a sheet that are coloured
MOST_NAMED = 12
STILL = 1e-7  # derivatives, relative to the cell's own size, below which nothing is said to move it


def view(session: Session, target: tuple[int, int, int], sheet: int) -> dict[str, Any]:
    """The derivatives of a formula cell by all others, those on one sheet cell by cell.

    Raises CalculationError or NotDifferentiableError where there are none.
    """
    with session.lock:
        calculation = session.calculation
        calculation.bring_up_to_date()
        slot = calculation.slot(*target)
        if not slot or questions.block(calculation, slot) is None:
            raise SheetmlError(f"{cell_name(*target[1:])} holds no formula: nothing moves it but typing")
        slots, slopes = influences(calculation, slot, upstream(calculation, np.array([slot])))
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        values = calculation.numbers(slots)
        value = calculation.number(slot)
        size = float(np.abs(slopes).max(initial=0.0))
        places = calculation.places(slots)
        order = np.argsort(-np.abs(slopes), kind="stable")
        own = order[places[order, 0] == sheet][:MOST_CELLS]
        cells = np.column_stack([places[own, 1:], slopes[own], values[own]]).tolist() if own.size else []
        return {
            "target": [*target], "name": address(session.book.sheet_names[target[0]], _cell(*target[1:])),
            "label": label_of(calculation, target[0], _cell(*target[1:])), "value": value, "cells": cells,
            "count": int((slopes != 0).sum()), "largest": size, "still": size <= STILL * (1.0 + abs(value)),
            "first": [_named(session, int(slots[index]), float(slopes[index])) for index in order[:MOST_NAMED].tolist()
                      if slopes[index]],
        }  # fmt: skip


def _named(session: Session, slot: int, slope: float) -> dict[str, Any]:
    calculation = session.calculation
    sheet, row, column = calculation.place(slot)
    return {
        "sheet": sheet, "row": row, "column": column, "label": label_of(calculation, sheet, _cell(row, column)),
        "slope": slope, "formula": questions.block(calculation, slot) is not None,
    }  # fmt: skip


def _cell(row: int, column: int) -> Area:
    return Area(row, column, row, column)


def compare(session: Session, sheet: int, of: str, wrt: list[str], against: list[str]) -> list[dict[str, Any]]:
    """Derivatives written by hand, compared with the exact ones as `sheetml gradcheck` does, wrong cells by place."""
    with session.lock:
        checks = check_derivatives(session.book, of, wrt, against, session.book.sheet_names[sheet])
        return [_compared(session, check) for check in checks]


def _compared(session: Session, check: DerivativeCheck) -> dict[str, Any]:
    wrong = []
    for each in check.wrong[:2000]:
        (place, area), *_ = session.book.areas(each.cell)
        stated = each.stated if isinstance(each.stated, float) else None
        wrong.append({"sheet": place, "row": area.top, "column": area.left, "stated": stated, "exact": each.expected})
    return {
        "of": check.of, "wrt": check.wrt, "against": check.against, "rows": check.rows, "verdict": check.verdict,
        "largest": check.largest, "right": not check.wrong, "wrong": wrong,
    }  # fmt: skip
