"""Work for other machines: a Dask scheduler hands it to its workers, each of which states the problem anew.

What a problem is made of cannot be sent. So the workbook travels, once, to all workers: its file as it would be
saved now, and what all its cells hold. Dask repeats what a lost worker was at.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sheetml.engine.cell_table import Snapshot
from sheetml.errors import SheetmlError, SolverError
from sheetml.solve.search import STUCK, Search, Stop
from sheetml.workbook import Book
from sheetml.xlsx.reader import read_workbook

if TYPE_CHECKING:
    from distributed import Future

AHEAD = 2  # points given out for each thread of a worker
SECONDS_TO_ANSWER = 10  # for a scheduler, and for one worker of it
SECONDS_AFTER = 2.0  # a time limit, for what the workers had found by then to arrive

Result = TypeVar("Result")


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


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of a Dask scheduler, and how a search is sent to them: `sent` gives what makes it anew there.

    Raises SolverError where distributed is not installed.
    """

    address: str
    sent: Callable[[Search], Callable[[], Search]]

    def __post_init__(self) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise SolverError("a Dask scheduler needs distributed, which is not installed: pip install 'sheetml[dask]'")

    @contextlib.contextmanager
    def connected(self, search: Search) -> Iterator[Workers]:
        """The workers, with the search sent to all of them.

        Raises SolverError where no scheduler answers at the address, or it has no workers.
        """
        from distributed import Client

        try:
            with ThreadPoolExecutor(1) as thread:  # a notebook runs a loop of its own in this one
                thread.submit(asyncio.run, _greet(self.address)).result()
            client: Any = Client(self.address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
        except (OSError, ValueError, RuntimeError) as cause:
            why = " ".join(str(cause).split()) or type(cause).__name__
            raise SolverError(f"no Dask scheduler answers at {self.address} ({why})") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
            except TimeoutError:
                raise SolverError(f"the Dask scheduler at {self.address} has no workers") from None
            try:
                workers = Workers(client, search, self.sent(search))
            except OSError as cause:
                raise SolverError(f"the workbook cannot be sent to {self.address} ({type(cause).__name__})") from None
            yield workers


async def _greet(address: str) -> None:
    """Connects once: a Client that finds nobody tries again for long, also when it is to be closed."""
    from distributed.comm import connect

    comm = await connect(address, timeout=SECONDS_TO_ANSWER)
    await comm.close()


class Workers:
    """The workers of a scheduler, each with the search; work not yet done when a `with` ends is cancelled."""

    def __init__(self, client: Any, search: Search, sent: Callable[[], Search]) -> None:
        self.client, self.search = client, search
        self.ahead = AHEAD * max(sum(client.nthreads().values()), 1)
        self._given: list[Future[Any]] = []
        self._sent = client.scatter(pickle.dumps(sent), broadcast=True, hash=False)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.cancel(self._given, force=True)
        self._given.clear()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        """Has `work(search, *arguments)` done by a worker; what is returned waits for its result."""
        future = self.client.submit(_done, self._sent, self.search.seconds, work, *arguments, pure=False)
        self._given.append(future)
        return lambda: self._result(future)

    def _result(self, future: Future[Any]) -> Any:
        """Raises Stop at the time limit and where the cluster is lost, SolverError where its workers cannot work."""
        from distributed import KilledWorker

        limit = self.search.limits.max_time
        try:
            left = None if limit is None else max(limit - self.search.seconds, 0.0) + SECONDS_AFTER
            return future.result(timeout=left)
        except SheetmlError:
            raise
        except (CancelledError, KilledWorker, OSError) as lost:
            if isinstance(lost, TimeoutError):
                self.search.check_time()
            raise Stop(f"the workers of the Dask scheduler were lost ({type(lost).__name__})", STUCK) from None
        except Exception as cause:
            said = f"{type(cause).__name__}: {cause}"
            raise SolverError(f"a worker of the Dask scheduler cannot do its part ({said})") from None


_here = threading.local()  # the search that was sent to this worker: one for each thread, since none can be shared


def _done(sent: bytes, seconds: float, work: Callable[..., Result], *arguments: Any) -> Result:
    """What a worker does; `seconds` of the search had gone by when this was given out."""
    if getattr(_here, "sent", None) != sent:
        _here.search, _here.sent = pickle.loads(sent)(), sent
    search: Search = _here.search
    search.begun_before(seconds)
    with np.errstate(all="ignore"):
        return work(search, *arguments)
