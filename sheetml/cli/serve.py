"""`sheetml serve`: watch a workbook learn, in the browser."""

from __future__ import annotations

import contextlib
import importlib.util
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
    click.echo(server.address)
    messages().print(f"{workbook.name} is open at this address, for this machine only. Ctrl-C ends it.", markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(None if no_browser else lambda: _browse(server.address))
    if session.state()["unsaved"]:
        messages().print("Ended; changes since the last download are gone.", markup=False)


def _browse(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)
