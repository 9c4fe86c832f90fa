"""Who is let in, and what a link is told: without a browser."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.serve.pages import served
from tests.workbooks import made


def got(server, path, **headers):
    """The status, headers and body of a request."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def linked(server, token=None, origin=None):
    address = f"ws://127.0.0.1:{server.port}/{token or server.token}/link"
    return connect(address, origin=origin or f"http://127.0.0.1:{server.port}", open_timeout=30)


def asked(link, what, **more):
    """The answer to a request; news that come before it are taken up."""
    link.send(json.dumps({"ask": what, "id": 1, **more}))
    while True:
        message = json.loads(link.recv(timeout=30))
        if message["type"] == "answer":
            return message
        link.send(json.dumps({"ask": "taken"}))


def looked(link, *area):
    """Looks at an area: the cells that come first."""
    link.send(json.dumps({"ask": "look", "sheet": 0, "areas": [list(area)]}))
    return next_cells(link)


def next_cells(link, *, take=True):
    """The next news of cells; `take` says that they are taken up."""
    while True:
        message = json.loads(link.recv(timeout=30))
        cells = [each for each in message.get("news", []) if each["type"] == "cells"]
        if message["type"] == "news" and (take or not cells):
            link.send(json.dumps({"ask": "taken"}))
        if cells:
            return {(row, column): text for row, column, text, *_ in cells[0]["cells"]}


@pytest.fixture(scope="module")
def server():
    with served(made({"A1": 1.0, "B1": "=A1*2"})) as running:
        yield running


def test_the_page_comes_with_its_token_only_and_forbids_other_sources(server):
    status, headers, body = got(server, f"/{server.token}/")
    assert status == 200
    assert b"page.js" in body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    for path in ("/", "/wrong/", "/wrong/page.js", "/wrong/download", f"/{server.token}/../session.py"):
        assert got(server, path)[0] == 404, path


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "http://evil.example"}]
)
def test_another_host_or_origin_is_refused(server, headers):
    for path in (f"/{server.token}/", f"/{server.token}/download"):
        assert got(server, path, **headers)[0] == 403


@pytest.mark.parametrize("wrong", [{"token": "wrong"}, {"origin": "http://evil.example"}])
def test_a_link_with_another_token_or_origin_is_refused(server, wrong):
    with pytest.raises((InvalidStatus, ConnectionClosed)), linked(server, **wrong) as link:
        link.recv(timeout=30)


def test_a_link_without_an_origin_is_refused(server):
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        connect(f"ws://127.0.0.1:{server.port}/{server.token}/link", open_timeout=30) as link,
    ):
        link.recv(timeout=30)


def test_a_slow_link_gets_the_newest_state_and_not_a_queue():
    with served(made({"A1": 0.0, "B1": "=A1*2"})) as server, linked(server) as slow, linked(server) as quick:
        slow.send(json.dumps({"ask": "look", "sheet": 0, "areas": [[1, 1, 5, 5]]}))
        next_cells(slow, take=False)
        for number in range(1, 41):
            assert asked(quick, "edit", sheet=0, cells=[[1, 1, str(number)]])["ok"]
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.3)
        slow.send(json.dumps({"ask": "taken"}))
        assert next_cells(slow) == {(1, 1): "40", (1, 2): "80"}
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.3)


def test_an_edit_sends_only_what_changed_and_is_in_view():
    cells = {f"A{row}": float(row) for row in range(1, 50)} | {"B1": "=SUM(A1:A49)", "C40": "=A1"}
    with served(made(cells)) as server, linked(server) as link:
        assert len(looked(link, 1, 1, 20, 5)) == 21
        link.send(json.dumps({"ask": "edit", "id": 2, "sheet": 0, "cells": [[2, 1, "5"]]}))
        assert next_cells(link) == {(1, 2): "1228", (2, 1): "5"}


def test_requests_that_make_no_sense_are_answered_in_a_sentence(server):
    with linked(server) as link:
        for what, more in (
            ("nothing", {}), ("edit", {}), ("edit", {"sheet": 9, "cells": []}), ("inspect", {"sheet": 0, "row": 0}),
            ("jump", {"sheet": 0, "row": 1, "column": 10**9, "down": 1, "right": 0}), ("frame", {"number": 3}),
            ("edit", {"sheet": 0, "cells": [[1, 1, "x" * 40_000]]}), ("train", {"sheets": ["none"], "epochs": 1}),
        ):  # fmt: skip
            answer = asked(link, what, **more)
            assert not answer["ok"]
            assert answer["error"].endswith(".")
        assert asked(link, "book")["ok"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c_ends_the_server_quietly(tmp_path):
    book = made({"A1": 1.0})
    book.save(tmp_path / "book.xlsx")
    command = [sys.executable, "-m", "sheetml", "serve", str(tmp_path / "book.xlsx"), "--no-browser"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    assert running.stdout is not None
    address = running.stdout.readline()
    assert address.startswith("http://127.0.0.1:")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0
    assert said == "book.xlsx is open at this address, for this machine only. Ctrl-C ends it.\n"


def test_a_port_that_is_taken_is_said(server, tmp_path):
    from click.testing import CliRunner

    from sheetml.cli.serve import command

    book = made({"A1": 1.0})
    book.save(tmp_path / "book.xlsx")
    result = CliRunner().invoke(command, [str(tmp_path / "book.xlsx"), "--port", str(server.port), "--no-browser"])
    assert result.exit_code == 1
    assert f"port {server.port} cannot be listened on" in result.output
