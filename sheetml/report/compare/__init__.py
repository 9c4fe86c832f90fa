"""Compares two workbooks cell by cell, whatever rows and columns were inserted in between."""

from sheetml.report.compare.comparing import compare
from sheetml.report.compare.result import (
    KINDS,
    ORDER,
    CellChange,
    Comparison,
    NameChange,
    SheetComparison,
    Side,
    place_of,
    side_texts,
)

__all__ = [
    "KINDS",
    "ORDER",
    "CellChange",
    "Comparison",
    "NameChange",
    "SheetComparison",
    "Side",
    "compare",
    "place_of",
    "side_texts",
]
