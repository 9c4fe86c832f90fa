"""The marks in the margin: what an audit finds, what Excel had stored otherwise, what could not be computed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sheetml.engine.values import describe
from sheetml.errors import SheetmlError
from sheetml.report.audit import ERROR, NOTE, WARNING, audit
from sheetml.report.audit.derivatives import exact_derivatives
from sheetml.report.audit.finding import Subject
from sheetml.report.check import SheetCheck, check
from sheetml.serve.session import Session
from sheetml.workbook import Book
from sheetml.xlsx.model import CellValue

MOST_AREAS = 50  # of one mark
MOST_MARKS = 2_000


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be said of cells; `areas` are sheets with top, left, bottom, right; none for what has no cells."""

    kind: str  # "audit", "stored", "computed", "derivative"
    severity: str  # "error", "warning", "note", "right"
    place: str
    text: str
    areas: list[list[int]]
    mend: str = ""


class Marks:
    """The marks on a session's workbook as it was opened; looked for once, on a copy, in a thread of their own."""

    def __init__(self, session: Session, checked: list[SheetCheck]) -> None:
        self.session = session
        self._checked = checked
        self._found: list[Mark] | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def found(self) -> list[dict[str, Any]] | None:
        """All marks, the gravest first; None while they are looked for: the session is told when they are there."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="audit", daemon=True)
                self._thread.start()
        return None if self._found is None else [asdict(mark) for mark in self._found]

    def _look(self) -> None:
        try:
            with self.session.lock:
                copied = self.session.book.copy()
            self._found = list(_marks(copied, self._checked))[:MOST_MARKS]
        except SheetmlError as error:
            self._found = [Mark("audit", NOTE, str(self.session.book.path), f"The audit ended: {error}", [])]
        self.session.marks_known = True
        self.session.tell()


def open_marks(session: Session) -> Marks:
    """The marks of a session; they are prepared when the workbook is opened, before anything in it is changed."""
    with session.lock:
        known = session.kept.get("marks")
        if not isinstance(known, Marks):
            known = session.kept["marks"] = Marks(session, check(session.book) if session.version == 1 else [])
        return known


def _marks(book: Book, checked: list[SheetCheck]) -> Iterator[Mark]:
    findings = [
        Mark("audit", each.severity, each.place, each.message, _areas(book, each.place), each.mend)
        for each in audit(book)
    ]
    for severity in (ERROR, WARNING):
        yield from (mark for mark in findings if mark.severity == severity)
    for sheet in checked:
        yield from _differences(book, sheet)
    yield from (mark for mark in findings if mark.severity == NOTE)
    for place in exact_derivatives(Subject(book)):
        text = "These derivatives, written by hand, are the exact ones."
        yield Mark("derivative", "right", place, text, _areas(book, place))


def _differences(book: Book, sheet: SheetCheck) -> Iterator[Mark]:
    for cell, reason in sheet.not_computed.items():
        place = _address(sheet.sheet, cell)
        yield Mark("computed", ERROR, place, f"Not computed here: {reason}.", _areas(book, place))
    for each in sheet.differences:
        place = _address(each.sheet, each.cell)
        text = f"Excel stored {_words(each.stored)}; here it comes to {_words(each.computed)}."
        yield Mark("stored", WARNING, place, text, _areas(book, place))


def _address(sheet: str, cell: str) -> str:
    return "'" + sheet.replace("'", "''") + "'!" + cell


def _words(value: CellValue) -> str:
    return "nothing" if value is None else f"{value:.15g}" if isinstance(value, float) else describe(value)


def _areas(book: Book, place: str) -> list[list[int]]:
    """The areas that a finding names; none where it names something else."""
    text = re.sub(r" and \d+ more areas?$", "", place)
    try:
        areas = book.areas(text)
    except SheetmlError:
        return []
    return [[sheet, area.top, area.left, area.bottom, area.right] for sheet, area in areas[:MOST_AREAS]]
