"""A workbook as it is now, to be opened again elsewhere: as a copy, or on another machine."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sheetml.engine.cell_table import Snapshot
from sheetml.workbook import Book
from sheetml.xlsx.reader import read_workbook


@dataclass(frozen=True, slots=True)
class WorkbookCopy:
    """A workbook with its present values, formulas and names, as it is sent."""

    kind: type[Book]
    name: str  # of the file
    content: bytes
    values: Snapshot

    @classmethod
    def of(cls, book: Book) -> WorkbookCopy:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / book.path.name
            book.save(path)
            return cls(type(book), book.path.name, path.read_bytes(), book.calculation.snapshot())

    def open(self) -> Book:
        """The workbook on the machine it was sent to; what is random holds what it held where it came from."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.name
            path.write_bytes(self.content)
            book = self.kind(read_workbook(path))
        book.calculation.bring_up_to_date()
        book.calculation.restore(self.values)
        return book


def fingerprint(book: Book) -> str:
    """A text that other files are very unlikely to have."""
    return hashlib.sha256(book.path.read_bytes()).hexdigest() if book.path.exists() else book.path.name
