"""The parts of a simulation on the workers of a Dask scheduler: the workbook travels once, a part is a task.

A part follows from its number alone: a worker that is lost costs what it was at, which Dask gives to another.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.cluster import connected, worker_errors


class Drawable(Protocol):
    """A simulation whose parts follow from their numbers."""

    def part(self, number: int, size: int) -> tuple[np.ndarray, np.ndarray]: ...


AHEAD = 4  # parts given out for each thread of the cluster


def computed(
    make: Callable[[], Drawable], parts: Sequence[tuple[int, int]], address: str
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The parts (number, size) as they are done, in any order: number, inputs, outputs. `make` is sent, and gives
    each worker its simulation.

    Raises ClusterError where the scheduler cannot be reached or its workers cannot do their work.
    """
    with connected(address) as client:
        from distributed import as_completed

        sent = client.scatter(pickle.dumps(make), broadcast=True, hash=False)
        waiting = iter(parts)
        ahead = AHEAD * max(sum(client.nthreads().values()), 1)

        def given(count: int) -> list[Any]:
            chosen = [part for _, part in zip(range(count), waiting)]
            return [client.submit(_part, sent, *part, pure=False) for part in chosen]

        running = given(ahead)
        try:
            arriving = as_completed(running)
            for future in arriving:
                with worker_errors(address):
                    found = future.result()
                for more in given(1):
                    running.append(more)
                    arriving.add(more)
                yield found
        finally:
            client.cancel(running, force=True)


_here = threading.local()  # the simulation that was sent to this worker: one for each thread, since none can be shared


def _part(sent: bytes, number: int, size: int) -> tuple[int, np.ndarray, np.ndarray]:
    """What a worker does."""
    if getattr(_here, "sent", None) != sent:
        _here.simulation, _here.sent = pickle.loads(sent)(), sent
    simulation: Drawable = _here.simulation
    return (number, *simulation.part(number, size))
