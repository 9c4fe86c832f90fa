"""The workbook's own buttons: their macros run, and can be watched and stopped."""

from __future__ import annotations

import time
from typing import Any

from sheetml.errors import SheetmlError
from sheetml.serve.session import Job, Session
from sheetml.serve.training import training

WATCHED = 0.05  # seconds between two looks at what a macro does
LOOP_MACROS = {"reset": (0, True), "onestep": (1, False), "somesteps": (5, False)}  # of the lesson: epochs, reset


def press(session: Session, sheet: int, name: str) -> Job:
    """Runs the macro of a button on a sheet.

    A workbook saved without its macros keeps its buttons: those of a training loop (reset, onestep, somesteps) then
    do what their macros did.
    """
    with session.lock:
        session.refuse_while_running()
        home = session.book.sheet_names[sheet]
        if not session.book.file.macro_parts:
            found = LOOP_MACROS.get(name.rpartition(".")[2].casefold())
            if found is None or home not in training(session).loops:
                raise SheetmlError(f"the workbook has lost its macros, {name} among them: it was saved as .xlsx")
            epochs, reset = found
            return training(session).start([home], epochs, reset=reset, watch=True)
        session.book.macros.find(name)
    job = Job(session, "macro", name, home)
    return session.start(job, lambda job: _run(session, job, name, home))


def _run(session: Session, job: Job, name: str, sheet: str) -> None:
    looked = time.monotonic()

    def on_call(_: Any) -> None:
        nonlocal looked
        job.check()
        if time.monotonic() - looked >= WATCHED:
            job.breathe()
            looked = time.monotonic()

    lines: list[str] = []
    with session.lock, session.recorded(name):
        run = session.book.macros.run(name, sheet=sheet, on_call=on_call, on_output=lines.append)
    job.progress["output"] = lines[:100]
    job.message = f"{run.macro}: {len(run.changed):,} cells changed."
