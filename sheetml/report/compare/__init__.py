"""Compares two workbooks cell by cell, whatever rows and columns were inserted in between."""

from sheetml.report.compare.comparing import compare
from sheetml.report.compare.result import (
    KINDS,
    CellChange,
    Comparison,
    NameChange,
    SheetComparison,
    Side,
    place_of,
    side_text,
)

__all__ = [
    "KINDS",
    "CellChange",
    "Comparison",
    "NameChange",
    "SheetComparison",
    "Side",
    "compare",
    "place_of",
    "side_text",
]
