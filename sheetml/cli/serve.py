"""`sheetml serve`: watch a workbook learn, in the browser."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
import webbrowser
from pathlib import Path

import click

from sheetml.cli.terminal import messages, workbook_argument

NEEDED = ("starlette", "uvicorn", "websockets")


@click.command()
@workbook_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen (default: a free port).")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def command(workbook: Path, port: int, no_browser: bool) -> None:
    """Open WORKBOOK on a page in the browser: edit it, press Solve, watch it learn.

    The page is for this machine only, and its address holds a token. The file itself is never written: the page's
    Download gives the workbook as it stands. Ctrl-C ends it.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"the page needs {' and '.join(missing)}: pip install 'sheetml[serve]'")
    import sheetml
    from sheetml.serve.server import Server
    from sheetml.serve.session import Session

    session = Session(sheetml.open(workbook))
    try:
        server = Server(session, port)
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be listened on ({error.strerror}): choose another --port"
        ) from None

    def ready() -> None:
        click.echo(server.address)
        said = f"{workbook.name} is open at this address, for this machine only. Ctrl-C ends it."
        messages().print(said, markup=False, soft_wrap=True)
        if not no_browser:
            threading.Thread(target=_browse, args=(server.address,), daemon=True).start()

    with contextlib.suppress(KeyboardInterrupt):
        server.run(ready)
    if session.state()["unsaved"]:
        messages().print("Ended; changes since the last download are gone.", markup=False)
    if any(thread.is_alive() for thread in threading.enumerate() if thread is not threading.current_thread()):
        sys.stdout.flush()
        os._exit(0)  # what still computes can be waited for no longer, and is of no use to anybody


def _browse(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)
