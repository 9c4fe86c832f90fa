"""The way to a Dask scheduler and its workers, and what goes wrong on it in a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from sheetml.errors import SheetmlError

SECONDS_TO_ANSWER = 10  # for a scheduler, and for one worker of it


class ClusterError(SheetmlError):
    """A Dask scheduler or its workers cannot be used; the message says why."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address.

    Raises ClusterError where distributed is not installed, no scheduler answers, or it has no workers.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ClusterError("a Dask scheduler needs distributed, which is not installed: pip install 'sheetml[dask]'")
    from distributed import Client

    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook runs a loop of its own in this one
            thread.submit(asyncio.run, _greet(address)).result()
        client: Any = Client(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as cause:
        why = " ".join(str(cause).split()) or type(cause).__name__
        raise ClusterError(f"no Dask scheduler answers at {address} ({why})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
        except TimeoutError:
            raise ClusterError(f"the Dask scheduler at {address} has no workers") from None
        yield client


async def _greet(address: str) -> None:
    """Connects once: a Client that finds nobody tries again for long, also when it is to be closed."""
    from distributed.comm import connect

    comm = await connect(address, timeout=SECONDS_TO_ANSWER)
    await comm.close()


@contextlib.contextmanager
def worker_errors(address: str) -> Iterator[None]:
    """Raises ClusterError where the workers were lost or cannot do their part."""
    from distributed import KilledWorker

    try:
        yield
    except SheetmlError:
        raise
    except (CancelledError, KilledWorker, OSError) as lost:
        raise ClusterError(
            f"the workers of the Dask scheduler at {address} were lost ({type(lost).__name__})"
        ) from None
    except Exception as cause:
        said = f"{type(cause).__name__}: {cause}"
        raise ClusterError(f"a worker of the Dask scheduler cannot do its part ({said})") from None
