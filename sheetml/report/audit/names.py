"""Rules about defined names, and about cells that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from sheetml.engine.values import NUMBER, TEXT
from sheetml.errors import SheetmlError
from sheetml.formula.references import quote_sheet
from sheetml.formula.tree import Name, walk
from sheetml.report.audit.finding import ERROR, NOTE, NOTHING, TYPED_NUMBER, WARNING, Grid, Observation, Subject
from sheetml.report.words import figure
from sheetml.xlsx.model import DefinedName

SOLVER = "solver_"  # the names that hold a Solver model: rules of their own look at them
FEWEST_READ = 2  # labelled numbers of a sheet that formulas read, from which it has parameters
_REFERENCE = re.compile(rb"<(?:\w+:)?(?:f|formula|formula1|formula2|fmlaLink|fmlaRange)(?:\s[^>]*)?>([^<]+)<")
_PARTS = re.compile(r"xl/(charts|worksheets|ctrlProps|drawings|pivotCache)/[^/]+\.(xml|vml)", re.IGNORECASE)


def dead_name(subject: Subject) -> Iterator[Observation]:
    """A name whose cells were deleted."""
    used = _used_names(subject)
    for name in subject.workbook.file.names:
        if "#REF!" not in name.text.upper() or name.name.casefold().startswith(SOLVER):
            continue
        in_formulas = (name.scope, name.name.casefold()) in used
        yield Observation(
            ERROR if in_formulas else WARNING,
            _full_name(subject, name),
            f"the name stands for {name.text}: its cells were deleted"
            + (", and formulas use it." if in_formulas else ". No formula uses it, but a macro might."),
        )


def _full_name(subject: Subject, name: DefinedName) -> str:
    return name.name if name.scope is None else f"{quote_sheet(subject.sheet_name(name.scope))}!{name.name}"


def _used_names(subject: Subject) -> set[tuple[int | None, str]]:
    """The names that formulas use, by scope and lower-case name."""
    defined = {(name.scope, name.name.casefold()) for name in subject.workbook.file.names}
    used = set()
    for block in subject.blocks:
        for node in walk(block.tree):
            if not isinstance(node, Name):
                continue
            sheet = block.sheet if node.sheet is None else subject.calculation.sheet_position(node.sheet)
            key = (sheet, node.name.casefold())
            used.add(key if key in defined else (None, node.name.casefold()))
    return used


# ---- unused inputs -----------------------------------------------------------------------------


def unused_input(subject: Subject) -> Iterator[Observation]:
    """A number with a label, alone among its neighbours like a parameter, that nothing reads.

    Only on sheets where other such numbers are read, and not where macros might read it.
    """
    if subject.workbook.file.macro_parts:
        return
    used = subject.read | _otherwise_used(subject)
    for sheet, grid in enumerate(subject.grids):
        parameters = list(_parameters(subject, sheet, grid))
        if sum(bool(used[slot]) for slot, _ in parameters) < FEWEST_READ:
            continue
        for slot, label in parameters:
            if not used[slot]:
                number = figure(subject.calculation.number(slot))
                yield Observation(
                    NOTE, subject.slots_text(np.array([slot])), f'nothing reads this cell ("{label}", {number}).'
                )


def _parameters(subject: Subject, sheet: int, grid: Grid) -> Iterator[tuple[int, str]]:
    """Typed numbers with text directly left of them and no number beside, above or below."""
    content = dict(zip(zip(grid.rows.tolist(), grid.columns.tolist()), grid.content.tolist()))
    kind, texts = subject.calculation.kinds(), subject.calculation.texts()
    typed = grid.content == TYPED_NUMBER
    for row, column, slot in zip(grid.rows[typed].tolist(), grid.columns[typed].tolist(), grid.slots[typed].tolist()):
        left = subject.calculation.slot(sheet, row, column - 1) if column > 1 else 0
        alone = not _is_numeric(content, row, column + 1) and not _in_column(content, row, column)
        if kind[left] == TEXT and kind[slot] == NUMBER and alone:
            yield slot, str(texts[left]).strip()


def _in_column(content: dict[tuple[int, int], int], row: int, column: int) -> bool:
    """Whether a cell is part of a column of three or more numbers or formulas."""
    runs = [(row - 2, row - 1), (row - 1, row + 1), (row + 1, row + 2)]
    return any(all(_is_numeric(content, each, column) for each in run) for run in runs)


def _is_numeric(content: dict[tuple[int, int], int], row: int, column: int) -> bool:
    """Whether a cell holds a typed number or a formula."""
    found = content.get((row, column), NOTHING)
    return found >= 0 or found == TYPED_NUMBER


def _otherwise_used(subject: Subject) -> np.ndarray:
    """A mask of the cells that names, Solver models, charts, validations and formats refer to."""
    mask = subject.calculation.mask()
    texts = [(name.text, name.scope) for name in subject.workbook.file.names]
    texts += [(text, sheet) for text, sheet in _texts_in_parts(subject)]
    for text, sheet in texts:
        try:
            home = None if sheet is None else subject.sheet_name(sheet)
            areas = subject.workbook.areas(text, home)
        except SheetmlError:
            continue
        for position, area in areas:
            mask[subject.calculation.within(position, area)] = True
    return mask


def _texts_in_parts(subject: Subject) -> Iterator[tuple[str, int | None]]:
    """What charts, controls, validations and conditional formats refer to, as texts."""
    package = subject.workbook.file.package
    sheets = {sheet.part.casefold(): position for position, sheet in enumerate(subject.workbook.file.sheets)}
    for name in package.names():
        if not _PARTS.fullmatch(name):
            continue
        sheet = sheets.get(name.casefold())
        data = package.read(name)
        if sheet is not None:  # the cells' own formulas are known
            data = data[data.rfind(b"</sheetData>") :] if b"</sheetData>" in data else b""
        for found in _REFERENCE.findall(data):
            yield found.decode("utf-8", "replace").replace("&apos;", "'").replace("&amp;", "&"), sheet
