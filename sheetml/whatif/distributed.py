"""The parts of a simulation on the workers of a Dask scheduler: the workbook travels once, a part is a task.

A part follows from its number alone: a worker that is lost costs what it was at, which Dask gives to another. The
scheduler hands the workbook to every worker that there is or comes to be (a plugin, in Dask's terms).
"""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.cluster import connected, worker_errors


class Drawable(Protocol):
    """A simulation whose parts follow from their numbers."""

    def part(self, number: int, size: int) -> tuple[np.ndarray, np.ndarray]: ...


AHEAD = 4  # parts given out for each thread of the cluster
SECONDS_TO_ARRIVE = 30.0  # for the workbook, at a worker that has just joined


def computed(
    make: Callable[[], Drawable], parts: Sequence[tuple[int, int]], address: str
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The parts (number, size) as they are done, in any order: number, inputs, outputs. `make` is sent, and gives
    each worker its simulation.

    Raises ClusterError where the scheduler cannot be reached or its workers cannot do their work.
    """
    with connected(address) as client:
        from distributed import as_completed

        from sheetml.whatif.dask_plugin import Sent

        sent = f"sheetml-{uuid.uuid4().hex}"
        with worker_errors(address):
            client.register_plugin(Sent(sent, pickle.dumps(make)))
        waiting = iter(parts)
        ahead = AHEAD * max(sum(client.nthreads().values()), 1)

        def given(count: int) -> list[Any]:
            chosen = [part for _, part in zip(range(count), waiting)]
            return [client.submit(_part, sent, *part, pure=False) for part in chosen]

        running = given(ahead)
        try:
            arriving = as_completed(running, loop=client.loop)  # the client is nobody's default
            for future in arriving:
                with worker_errors(address):
                    found = future.result()
                for more in given(1):
                    running.append(more)
                    arriving.add(more)
                yield found
        finally:
            client.cancel(running, force=True)
            with contextlib.suppress(OSError):  # where the scheduler is lost, so is what it kept
                client.unregister_worker_plugin(sent)


_here = threading.local()  # the simulation that was sent to this worker: one for each thread, since none can be shared


def _part(sent: str, number: int, size: int) -> tuple[int, np.ndarray, np.ndarray]:
    """What a worker does; `sent` is the name of what was sent to it."""
    if getattr(_here, "sent", None) != sent:
        _here.simulation, _here.sent = pickle.loads(_content(sent))(), sent
    simulation: Drawable = _here.simulation
    with np.errstate(all="ignore"):
        return (number, *simulation.part(number, size))


def _content(sent: str) -> bytes:
    """What was sent under a name; a worker may be given its first part a moment before it is given that."""
    from distributed import get_worker

    worker, end = get_worker(), time.monotonic() + SECONDS_TO_ARRIVE
    while sent not in worker.plugins and time.monotonic() < end:
        time.sleep(0.05)
    content: bytes = worker.plugins[sent].content
    return content
