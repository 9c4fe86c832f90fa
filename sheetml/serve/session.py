"""One workbook that several pages look at: its state, who is told of changes, and what runs on it.

All work on the workbook is done holding `lock`. Something that runs for long runs in a thread of its own, one thing
at a time; between its steps it lets the others look (`Job.breathe`). Subscribers are only told that something is new:
each asks for the newest state when it is ready, so that a slow one misses what came between.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sheetml.api import Workbook
from sheetml.engine import questions
from sheetml.errors import SheetmlError
from sheetml.formula.references import address, cell_name
from sheetml.serve.editing import MOST_CELLS, Before, Contents, EditError, content, means_less, moved, put, typed
from sheetml.serve.history import Change, History
from sheetml.serve.texts import is_date
from sheetml.serve.views import Views
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area
from sheetml.xlsx.views import active_sheet

LOOK = 0.004  # seconds that a job gives the others between its steps

Telling = Callable[[], None]


class Stopped(KeyboardInterrupt):
    """A job was asked to stop: it ends as by Ctrl-C."""


class Job:
    """Something that runs for long: `progress` is what pages show of it."""

    def __init__(self, session: Session, kind: str, name: str, sheet: str) -> None:
        self.session = session
        self.kind = kind  # "solve", "train", "race", "macro"
        self.name = name
        self.sheet = sheet
        self.progress: dict[str, Any] = {}
        self.message = ""
        self.failed = False
        self.running = True
        self.started = time.monotonic()
        self.seconds = 0.0
        self._stop = threading.Event()
        self._told = 0.0
        self.thread: threading.Thread | None = None

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()

    def check(self) -> None:
        """Raises Stopped once the job was asked to stop."""
        if self._stop.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Waits, so that people can follow; not where the job was asked to stop."""
        self._stop.wait(seconds)

    def breathe(self) -> None:
        """Between two steps, holding the lock: lets the others see where it stands."""
        self.session.changed()
        self.session.lock.release()
        try:
            self._stop.wait(LOOK)
        finally:
            self.session.lock.acquire()

    def describe(self) -> dict[str, Any]:
        seconds = time.monotonic() - self.started if self.running else self.seconds
        return {
            "kind": self.kind, "name": self.name, "sheet": self.sheet, "running": self.running,
            "stopping": self.stopping and self.running, "message": self.message, "failed": self.failed,
            "seconds": round(seconds, 2), **self.progress,
        }  # fmt: skip


class Session:
    """The workbook, its history, its pages."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.calculation = book.calculation
        self.lock = threading.RLock()
        self.views = Views(book)
        self.version = 1
        self.history = History()
        self.job: Job | None = None
        self.saved_at = 1  # the version that was last downloaded
        self.active = active_sheet(book.file)
        self._subscribers: set[Telling] = set()
        if not self.calculation.is_calculated:
            book.calculate()

    # ---- who is told

    def subscribe(self, tell: Telling) -> None:
        self._subscribers.add(tell)

    def unsubscribe(self, tell: Telling) -> None:
        self._subscribers.discard(tell)

    def changed(self) -> None:
        """Something is new: pages are told."""
        self.version += 1
        self.tell()

    def tell(self) -> None:
        """Something beside the cells is new."""
        for tell in list(self._subscribers):
            tell()

    # ---- edits

    def edit(self, sheet: int, cells: list[tuple[int, int, str]]) -> list[str]:
        """Puts texts into cells as if they were typed; sentences about what may surprise.

        Raises EditError where one of them cannot be, and nothing is changed then.
        """
        with self._idle():
            notices = []
            contents: Contents = {}
            for row, column, text in cells:
                self._check_place(sheet, row, column)
                contents[sheet, row, column], moment = typed(text)
                if moment and not is_date(self.views.number_format(sheet, row, column)):
                    number = contents[sheet, row, column].value
                    notices.append(
                        f"{cell_name(row, column)} was read as a date or time: the number {number:.10g}. "
                        f"Begin with ' to keep it as text."
                    )
            first = cells[0] if cells else (1, 1, "")
            what = f"typing in {cell_name(first[0], first[1])}" if len(cells) == 1 else f"{len(cells):,} cells"
            self.change(what, contents)
            for place, each in contents.items():
                if each.formula is not None and len(contents) <= 50 and means_less(self.calculation, place):
                    notices.append(
                        f"{cell_name(*place[1:])}: where this formula names an area as a single value, it means the "
                        f"cell in line with its own, as with @ in newer Excels."
                    )
        return notices[:3]

    def change(self, name: str, contents: Contents) -> None:
        """Puts contents, calculates, remembers; holding the lock. Nothing is changed where something is wrong."""
        before = put(self.calculation, contents)
        try:
            self.book.calculate()
        except SheetmlError:
            put(self.calculation, before)
            self.book.calculate()
            raise
        if before != contents:
            self.history.add(Change(name, before, dict(contents)))
        self.changed()

    def clear(self, sheet: int, area: Area) -> None:
        """Empties all cells of an area that hold something."""
        with self._idle():
            slots = self.calculation.within(sheet, area).tolist()
            places = [self.calculation.place(slot) for slot in slots]
            held = [place for place in places if content(self.calculation, place).value is not None or
                    content(self.calculation, place).formula is not None]  # fmt: skip
            empty = typed("")[0]
            if held:
                self.change(f"clearing {address(None, area)}", dict.fromkeys(held, empty))

    def paste(self, source_sheet: int, source: Area, sheet: int, target: Area) -> Area:
        """Copies cells, formulas moving along, to a target's corner, or over all of it where it is larger; where to."""
        with self._idle():
            height = source.height * max(target.height // source.height, 1)
            width = source.width * max(target.width // source.width, 1)
            bottom, right = target.top + height - 1, target.left + width - 1
            if bottom > MAX_ROWS or right > MAX_COLUMNS:
                raise EditError("the cells do not fit there")
            if height * width > MOST_CELLS:
                raise EditError(f"{height * width:,} cells at once are too many: at most {MOST_CELLS:,}")
            contents: Contents = {}
            for down, across in itertools.product(range(height), range(width)):
                old = source_sheet, source.top + down % source.height, source.left + across % source.width
                new = sheet, target.top + down, target.left + across
                contents[new] = moved(self.calculation, old, new)
            area = Area(target.top, target.left, bottom, right)
            self.change(f"pasting into {address(None, area)}", contents)
            return area

    def undo(self) -> tuple[str, tuple[int, int, int]] | None:
        """Takes the last change back: its name and a cell of it; None where there is none."""
        return self._step(self.history.done, self.history.undone, backwards=True)

    def redo(self) -> tuple[str, tuple[int, int, int]] | None:
        return self._step(self.history.undone, self.history.done, backwards=False)

    def _step(
        self, source: list[Change], target: list[Change], backwards: bool
    ) -> tuple[str, tuple[int, int, int]] | None:
        with self._idle():
            if not source:
                return None
            change = source[-1]
            put(self.calculation, change.before if backwards else change.after)
            self.book.calculate()
            target.append(source.pop())
            self.changed()
            return change.name, next(iter(change.before), (0, 1, 1))

    @contextlib.contextmanager
    def recorded(self, name: str) -> Iterator[None]:
        """What is done inside, holding the lock, becomes one change that can be undone, however it ends."""
        before = Before.of(self.calculation)
        try:
            yield
        finally:
            self.calculation.bring_up_to_date()
            old, new = before.changes(self.calculation, _OriginalFormulas(self.book))
            if old:
                self.history.add(Change(name, old, new))
            self.changed()

    def _check_place(self, sheet: int, row: int, column: int) -> None:
        if not (0 <= sheet < len(self.book.worksheets) and 1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS):
            raise EditError("there is no such cell")

    @contextlib.contextmanager
    def _idle(self) -> Iterator[None]:
        """Holding the lock, while nothing runs."""
        with self.lock:
            self.refuse_while_running()
            yield

    def refuse_while_running(self) -> None:
        if self.job is not None and self.job.running:
            raise EditError(f"{self.job.name} is running: stop it first")

    # ---- jobs

    def start(self, job: Job, work: Callable[[Job], None]) -> Job:
        """Runs something in a thread of its own. Raises EditError where something runs already."""
        with self.lock:
            self.refuse_while_running()
            self.job = job
        job.thread = threading.Thread(target=self._run, args=(job, work), name=job.name, daemon=True)
        job.thread.start()
        return job

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            work(job)
        except KeyboardInterrupt:
            job.message = job.message or "Stopped."
        except SheetmlError as error:
            job.message, job.failed = str(error), True
        except Exception as error:  # what nobody thought of must not leave the page waiting
            job.message, job.failed = f"an error in sheetml itself: {type(error).__name__}: {error}", True
        finally:
            job.seconds = time.monotonic() - job.started
            job.running = False
            with self.lock:
                self.changed()

    def stop(self) -> None:
        """Asks what runs to stop: it keeps what it has come to."""
        if self.job is not None:
            self.job.stop()
            self.tell()

    def close(self) -> None:
        """Ends what runs, when the server ends."""
        self.stop()
        if self.job is not None and self.job.thread is not None:
            self.job.thread.join(timeout=2.0)

    # ---- state

    def state(self) -> dict[str, Any]:
        """What pages show beside cells."""
        job = self.job
        return {
            "version": self.version,
            "undo": self.history.undo_name,
            "redo": self.history.redo_name,
            "job": None if job is None else job.describe(),
            "unsaved": self.version > self.saved_at and bool(self.history.done),
        }

    # ---- saving

    def download(self) -> bytes:
        """The workbook as a file, as `save` writes it."""
        with self.lock, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.book.path.name
            self.book.save(path)
            self.saved_at = self.version
            return path.read_bytes()


class _OriginalFormulas(Mapping[tuple[int, int, int], str | None]):
    """The formulas that the file states, by place, looked up when asked for."""

    def __init__(self, book: Workbook) -> None:
        self.book = book

    def __getitem__(self, place: tuple[int, int, int]) -> str | None:
        sheet, row, column = place
        cells = self.book.file.sheets[sheet].cells
        start = int(cells.row.searchsorted(row))
        stop = int(cells.row.searchsorted(row, "right"))
        for index in range(start, stop):
            if int(cells.column[index]) == column and index in cells.formula:
                formula = cells.formula[index]
                if (formula.row, formula.column) == (row, column):
                    return formula.text
                from sheetml.formula.parser import parse
                from sheetml.formula.text import to_a1

                return to_a1(parse(formula.text, formula.row, formula.column), row, column)
        return None

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return iter(questions.edited_formulas(self.book.calculation))

    def __len__(self) -> int:
        return len(questions.edited_formulas(self.book.calculation))
