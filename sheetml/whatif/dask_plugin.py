"""What a simulation leaves with each worker of a Dask scheduler, those that join or are started anew included."""

from __future__ import annotations

from distributed import WorkerPlugin


class Sent(WorkerPlugin):
    """The workbook as it was sent. The scheduler keeps it, so that no worker that is lost takes the last one along."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content
