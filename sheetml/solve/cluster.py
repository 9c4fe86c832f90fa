"""Work for other machines: a Dask scheduler hands it to its workers, each of which states the problem anew.

What a problem is made of cannot be sent. So the workbook travels, once, to all workers: its file as it would be
saved now, and what all its cells hold. Dask repeats what a lost worker was at.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sheetml.cluster import ClusterError, connected
from sheetml.errors import SheetmlError, SolverError
from sheetml.solve.search import STUCK, Search, Stop

if TYPE_CHECKING:
    from distributed import Future

AHEAD = 2  # points given out for each thread of a worker
SECONDS_AFTER = 2.0  # a time limit, for what the workers had found by then to arrive

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers of a Dask scheduler, and how a search is sent to them: `sent` gives what makes it anew there."""

    address: str
    sent: Callable[[Search], Callable[[], Search]]

    @contextlib.contextmanager
    def connected(self, search: Search) -> Iterator[Workers]:
        """The workers, with the search sent to all of them.

        Raises SolverError where no scheduler answers at the address, or it has no workers.
        """
        with contextlib.ExitStack() as stack:
            try:
                client = stack.enter_context(connected(self.address))
                workers = Workers(client, search, self.sent(search))
            except ClusterError as error:
                raise SolverError(str(error)) from None
            except OSError as cause:
                raise SolverError(f"the workbook cannot be sent to {self.address} ({type(cause).__name__})") from None
            yield workers


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
