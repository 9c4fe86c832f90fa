"""How long compiling takes, apart from what is compiled: the first fit on a machine is no slow one."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVENT = "numba:compile"  # what Numba says where it compiles a function; not where it finds it in its cache


class Stopwatch:
    """Measures the seconds within a `with`, without those in which Numba compiled."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._watching = _watching(None)
        self._compiling = self._watching.__enter__()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        elapsed = time.perf_counter() - self._started
        self._watching.__exit__(None, None, None)
        self.seconds = max(0.0, elapsed - self._compiling())


@contextmanager
def compiling_is_told(tell: Callable[[], None]) -> Iterator[Callable[[], float]]:
    """Calls `tell` once, as Numba begins to compile; what it gives tells how many seconds that took so far."""
    with _watching(tell) as seconds:
        yield seconds


@contextmanager
def _watching(tell: Callable[[], None] | None) -> Iterator[Callable[[], float]]:
    if importlib.util.find_spec("numba") is None:
        yield lambda: 0.0
        return
    from numba.core import event

    class Listener(event.Listener):
        """Adds up the outermost compilations: functions compile those that they call."""

        depth, began, seconds = 0, 0.0, 0.0

        def on_start(self, _: Any) -> None:
            if self.depth == 0:
                self.began = time.perf_counter()
                if tell is not None and not self.seconds:
                    tell()
            self.depth += 1

        def on_end(self, _: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.perf_counter() - self.began

    listener = Listener()
    with event.install_listener(EVENT, listener):
        yield lambda: listener.seconds
