"""What is in a workbook, without calculating anything: sheets, formula blocks, names, tables, models, macros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sheetml.engine import questions
from sheetml.engine.formulas import Block
from sheetml.engine.rectangles import areas_text
from sheetml.formula.references import address, cell_name
from sheetml.formula.text import to_r1c1
from sheetml.formula.tree import Call, ExternalReference, Name, Node, operands
from sheetml.solve.model import solver_models
from sheetml.workbook import Book


@dataclass(frozen=True, slots=True)
class SheetSummary:
    """A sheet in figures; `visible` as the file says."""

    name: str
    extent: str  # from A1 to its last cell, "" if it is empty
    cells: int
    formulas: int
    visible: bool


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """Cells of one formula: where they are, and the formula as the first of them states it and in R1C1."""

    sheet: str
    area: str
    cells: int
    formula: str
    r1c1: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that `sheetml inspect` shows."""

    sheets: list[SheetSummary]
    other_sheets: list[str]  # chart sheets and the like
    blocks: list[BlockSummary]
    names: dict[str, str]  # what each visible name stands for; those of a sheet as "sheet!name"
    tables: dict[str, str]  # the area of each table
    models: dict[str, list[str]]  # each sheet's Solver model in words
    macros: list[str]  # the parts that hold macros
    unsupported: dict[str, list[str]]  # what sheetml does not know, and where it is used
    date_1904: bool
    iterates: bool


def inspect(workbook: Book) -> Inspection:
    """Describes a workbook as it is stored."""
    file = workbook.file
    return Inspection(
        sheets=[_sheet(workbook, position) for position in range(len(file.sheets))],
        other_sheets=list(file.other_sheets),
        blocks=[_block(workbook, block) for block in questions.blocks(workbook.calculation)],
        names=_names(workbook),
        tables={table.name: address(workbook.sheet_names[table.sheet], table.area) for table in file.tables},
        models={model.sheet: model.describe() for model in solver_models(workbook)},
        macros=list(file.macro_parts),
        unsupported=unsupported(workbook),
        date_1904=file.date_1904,
        iterates=file.iterate,
    )


def _sheet(workbook: Book, position: int) -> SheetSummary:
    sheet = workbook.file.sheets[position]
    cells = sheet.cells
    extent = f"A1:{cell_name(int(cells.row.max()), int(cells.column.max()))}" if len(cells.row) else ""
    return SheetSummary(sheet.name, extent, len(cells.row), len(cells.formula), sheet.visible)


def _block(workbook: Book, block: Block) -> BlockSummary:
    area = areas_text(None, block.rows, block.columns)
    r1c1 = block.problem if block.tree is None else f"={to_r1c1(block.tree)}"
    r1c1 = f"={block.text}" if block.table is not None else r1c1
    formula = f"={block.text}"
    if block.size is not None and not block.dynamic:
        formula, r1c1 = f"{{{formula}}}", f"{{{r1c1}}}"
    return BlockSummary(workbook.sheet_names[block.sheet], area, len(block.rows), formula, r1c1)


def _names(workbook: Book) -> dict[str, str]:
    found = {}
    for name in workbook.file.names:
        if not name.hidden and not name.name.startswith("_xl"):
            prefix = "" if name.scope is None else f"{workbook.sheet_names[name.scope]}!"
            found[f"{prefix}{name.name}"] = f"={name.text.removeprefix('=')}"
    return found


def unsupported(workbook: Book) -> dict[str, list[str]]:
    """The functions and constructs that sheetml cannot compute, and the areas of the cells that use them."""
    found: dict[str, list[str]] = {}
    for block in questions.blocks(workbook.calculation):
        area = areas_text(workbook.sheet_names[block.sheet], block.rows, block.columns)
        reasons = [block.problem] if block.tree is None else sorted(set(_unknown(workbook, block.tree, block.sheet)))
        if block.table is not None:
            continue
        for reason in reasons:
            found.setdefault(reason, []).append(area)
    return found


def _unknown(workbook: Book, node: Node, sheet: int, variables: frozenset[str] = frozenset()) -> Iterator[str]:
    if isinstance(node, ExternalReference) and not questions.is_kept(workbook.calculation, node):
        yield "another workbook"
    if isinstance(node, Call):
        known = node.function in workbook.calculation.workspace.functions or node.function.casefold() in variables
        if not known and not questions.is_name(workbook.calculation, node.function, sheet):
            yield node.function
        variables |= {child.name.casefold() for child in node.arguments if isinstance(child, Name)}
    for child in operands(node):
        yield from _unknown(workbook, child, sheet, variables)
