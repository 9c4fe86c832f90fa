"""The server of the page: on this machine only, behind a token, for no other origin."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sheetml.serve.link import Link
from sheetml.serve.marks import open_marks
from sheetml.serve.requests import answer
from sheetml.serve.session import Session

Result = TypeVar("Result")

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
MOST_BYTES = 8 * 1024 * 1024  # of one message from a page
LONG = ("marks", "report", "surface", "gradient", "loops", "inspect", "sum")  # requests that others need not wait for
REFUSED = 4403  # how a link that is not let in is closed
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSM = "application/vnd.ms-excel.sheet.macroEnabled.12"


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Work on the workbook, beside the loop that serves; one that is not waited for any more goes on by itself."""
    return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True)


class Gate:
    """Lets in only what names this machine as its host, and comes from this page or from nowhere."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
        self.origins = {f"http://{host}" for host in self.hosts}
        self.policy = "; ".join(
            (
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
                f"connect-src 'self' {' '.join(f'ws://{host}' for host in sorted(self.hosts))}",
                "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
            )
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        wrong = headers.get("host") not in self.hosts or (origin is not None and origin not in self.origins)
        if scope["type"] == "websocket":
            if wrong or origin is None:
                await send({"type": "websocket.close", "code": REFUSED})
                return
            await self.app(scope, receive, send)
            return
        if wrong:
            await self.respond(PlainTextResponse("Not for this host or origin.", 403), scope, receive, send)
            return

        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers()]
            await send(message)

        await self.app(scope, receive, with_policy)

    async def respond(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    def headers(self) -> list[tuple[bytes, bytes]]:
        stated = {
            "content-security-policy": self.policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "cache-control": "no-store",
        }
        return [(name.encode(), value.encode()) for name, value in stated.items()]


def application(session: Session, token: str, port: int) -> ASGIApp:
    """The page of a session under /TOKEN/."""

    def known(given: str) -> bool:
        return secrets.compare_digest(given.encode(), token.encode())

    async def static(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        files = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}
        if not known(request.path_params["token"]) or name not in files:
            return PlainTextResponse("There is nothing here: the address is the one that the terminal shows.", 404)
        return FileResponse(files[name], media_type=TYPES[files[name].suffix])

    async def download(request: Request) -> Response:
        if not known(request.path_params["token"]):
            return PlainTextResponse("There is nothing here.", 404)
        try:
            content = await in_thread(session.download)
        except Exception as error:
            return PlainTextResponse(f"{error}", 409)
        name = session.book.path.name
        kind = XLSM if name.lower().endswith(".xlsm") else XLSX
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(content, media_type=kind, headers=headers)

    async def linked(socket: WebSocket) -> None:
        if not known(socket.path_params["token"]):
            await socket.close(REFUSED)
            return
        await socket.accept()
        await _Conversation(session, socket).run()

    routes = [
        Route("/{token}/", static),
        Route("/{token}/download", download),
        WebSocketRoute("/{token}/link", linked),
        Route("/{token}/{name}", static),
    ]
    return Gate(Starlette(routes=routes), port)


class _Conversation:
    """One page: its requests are answered one by one, and news are sent whenever it has taken up the last."""

    def __init__(self, session: Session, socket: WebSocket) -> None:
        self.session = session
        self.socket = socket
        self.link = Link(session)
        self.something_new = asyncio.Event()
        self.taken_up = asyncio.Event()
        self.answering: set[asyncio.Task[None]] = set()
        self.loop = asyncio.get_running_loop()
        self.taken_up.set()

    def tell(self) -> None:
        """May be called in any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self.something_new.set)

    async def run(self) -> None:
        self.session.subscribe(self.tell)
        sender = asyncio.create_task(self._send_news())
        try:
            while True:
                await self._take(await self.socket.receive_text())
        except (WebSocketDisconnect, RuntimeError, ValueError):
            pass
        finally:
            self.session.unsubscribe(self.tell)
            sender.cancel()
            for task in self.answering:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender

    async def _take(self, text: str) -> None:
        if len(text) > MOST_BYTES:
            raise ValueError("too long")
        asked = json.loads(text)
        if not isinstance(asked, dict):
            raise ValueError("no request")
        if asked.get("ask") == "taken":
            self.taken_up.set()
        elif asked.get("ask") == "look":
            await in_thread(self.link.look_at, int(asked["sheet"]), list(asked["areas"]))
            self.something_new.set()
        elif asked.get("ask") in LONG:
            task = asyncio.create_task(self._answer(asked))
            self.answering.add(task)
            task.add_done_callback(self.answering.discard)
        else:
            await self._answer(asked)

    async def _answer(self, asked: dict[str, Any]) -> None:
        found = await in_thread(answer, self.session, asked)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page is gone
            await self.socket.send_text(_text({"type": "answer", "id": asked.get("id"), **found}))

    async def _send_news(self) -> None:
        self.something_new.set()
        while True:
            await self.something_new.wait()
            await self.taken_up.wait()
            self.something_new.clear()
            messages = await in_thread(self.link.news)
            if messages:
                self.taken_up.clear()
                await self.socket.send_text(_text({"type": "news", "news": messages}))


def _text(message: Any) -> str:
    return json.dumps(_finite(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _finite(item: Any) -> Any:
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    if isinstance(item, dict):
        return {key: _finite(value) for key, value in item.items()}
    return [_finite(value) for value in item] if isinstance(item, (list, tuple)) else item


class Server:
    """A running page: `address` is where browsers find it."""

    def __init__(self, session: Session, port: int = 0, token: str | None = None) -> None:
        """Port 0 takes one that is free. Raises OSError where the port is taken."""
        open_marks(session)
        self.session = session
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((HOST, port))
        except OSError:
            self.socket.close()
            raise
        self.port = int(self.socket.getsockname()[1])
        self.token = token or secrets.token_urlsafe(24)
        config = uvicorn.Config(
            application(session, self.token, self.port), log_level="critical", access_log=False, lifespan="off",
            ws_max_size=MOST_BYTES, timeout_graceful_shutdown=1, server_header=False, ws="websockets-sansio",
        )  # fmt: skip
        self.uvicorn = uvicorn.Server(config)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}/{self.token}/"

    def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serves until Ctrl-C, or until `stop`."""

        async def serve() -> None:
            serving: Awaitable[None] = self.uvicorn.serve([self.socket])
            if ready is not None:
                asyncio.get_running_loop().call_soon(ready)
            await serving

        try:
            asyncio.run(serve())
        finally:
            self.session.close()
            self.socket.close()

    def stop(self) -> None:
        """May be called in any thread."""
        self.uvicorn.should_exit = True
