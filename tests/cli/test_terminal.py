"""What people see in a terminal: narrow ones, mistakes, files that exist, Ctrl-C, and hostile texts."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sheetml as library
from sheetml.cli.terminal import visible
from sheetml.learn import load_model
from sheetml.learn.compiling import Stopwatch, compiling_is_told
from sheetml.learn.fitting import Fitting
from sheetml.learn.history import Epoch, best_epoch
from sheetml.learn.training import Trainer
from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.cli.command import sheetml
from tests.learn.made_ratings import made_ratings
from tests.reference import PROJECT

ESCAPE = "\x1b[31mred\x1b[0m\x07"


def in_terminal(columns: int, folder: Path, *arguments: object) -> str:
    """What a command run in a folder sends to a terminal of so many columns."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "sheetml", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=follower, stderr=follower, stdin=follower, env=environment, cwd=folder
    ) as process:
        os.close(follower)
        said = b"".join(_read(leader, process))
    os.close(leader)
    return said.decode().replace("\r\n", "\n")


def _read(leader: int, process: subprocess.Popen[Any]) -> Iterator[bytes]:
    while True:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                yield os.read(leader, 65536)
            except OSError:  # what Linux says where the other end is closed
                return
        elif process.poll() is not None:
            return


# ---- narrow terminals ----------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 60])
def test_what_a_run_did_is_a_block_a_model_that_fits(columns: int, tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", PARABOLA, MINIMISE_B1)
    said = in_terminal(columns, tmp_path, "run", path.name, "-o", "o.xlsx")
    lines = said.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert "Sheet1" in lines
    assert any(line.split() == ["Objective", "B1:", "110", "→", "1"] for line in lines)
    assert "…" not in said and "│" not in said


@pytest.mark.parametrize("command", ["check", "inspect", "audit", "compare", "explain"])
def test_every_result_fits_60_columns(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(tmp_path)  # a path in a sentence is not broken
    long = "=SUM(A1:A2)*AVERAGE(A1:A2)+SUMPRODUCT(A1:A2,A1:A2)^2"
    path = book(tmp_path / "b.xlsx", PARABOLA | {"D1": long}, MINIMISE_B1)
    other = book(tmp_path / "c.xlsx", PARABOLA | {"A1": 6}, MINIMISE_B1)
    more = {"compare": [other.name], "explain": ["Sheet1!D1"]}.get(command, [])
    ended = sheetml(command, path.name, *more)
    tables = [line for line in ended.out.splitlines() if line.startswith("  ")]
    assert ended.code in (0, 1)
    assert all(len(line) <= 60 for line in tables)
    assert "…" not in ended.out


# ---- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "meant"), [("runn", "run"), ("chekc", "check"), ("Inspect", "inspect")])
def test_a_mistyped_command_is_answered_with_the_one_that_is_meant(typed: str, meant: str) -> None:
    ended = sheetml(typed, "book.xlsx")
    assert ended.code == 2
    assert f"did you mean sheetml {meant}?" in ended.err


def test_a_workbook_in_place_of_a_command_is_told_what_to_do() -> None:
    assert "sheetml run book.xlsx" in sheetml("book.xlsx").err


@pytest.mark.parametrize("name", ["o.csv", "o.pdf", "o.xlsm", "o", "-"])
def test_a_suffix_that_does_not_fit_the_content_is_refused_before_anything_is_done(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    book(tmp_path / "b.xlsx", PARABOLA, MINIMISE_B1)
    ended = sheetml("run", "b.xlsx", "-o", name)
    assert ended.code == 2
    assert ".xlsx" in ended.err and "-o" in ended.err and ended.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["b.xlsx"]


def test_no_command_replaces_a_file_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = book(tmp_path / "b.xlsx", PARABOLA, MINIMISE_B1)
    kept = {
        name: tmp_path / name
        for name in ("b.solved.xlsx", "b.sought.xlsx", "o.xlsx", "p.html", "p.svg", "p.sarif", "m.lp", "m.npz", "p.png")
    }
    for each in kept.values():
        each.write_text("precious")
    ratings = tmp_path / "r.csv"
    ratings.write_text("userId,movieId,rating\n1,1,3\n1,2,4\n2,1,5\n2,2,1\n")
    attempts = [
        ["run", path],
        ["run", path, "-o", "o.xlsx"],
        ["run", path, "-o", "new.xlsx", "--report", "p.html"],
        ["seek", path, "--cell", "B1", "--to", 20, "--by", "A1"],
        ["solver", path, "--minimise", "B1", "--by", "A1", "-o", "o.xlsx"],
        ["compare", path, path, "--report", "p.html"],
        ["compare", path, path, "--png", "p.png"],
        ["explain", path, "Sheet1!B1", "--svg", "p.svg"],
        ["audit", path, "--sarif", "p.sarif"],
        ["export-model", path, "-o", "m.lp"],
        ["fit", ratings, "--model", "mean", "-o", "m.npz"],
        ["new", "graddesc", "-o", "o.xlsx"],
    ]
    for arguments in attempts:
        ended = sheetml(*arguments)
        assert (ended.code, ended.err.count("--overwrite")) == (2, 1), (arguments, ended.err)
    assert {each.read_text() for each in kept.values()} == {"precious"}
    assert sheetml("run", path, "--overwrite", "-q").code == 0
    assert library.open(kept["b.solved.xlsx"])["Sheet1"]["B1"] == pytest.approx(1)


# ---- texts that a terminal would act on -----------------------------------------------------------


def test_control_characters_are_shown_and_not_sent(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", {"A1": "x", "B1": "=A1"})
    before, after = library.open(path), tmp_path / "c.xlsx"
    before["Sheet1"]["A1"] = "\x9b31mred\u202e\x7f"
    before.calculate()
    before.save(after)
    ended = sheetml("compare", path, after)
    assert "<9B>31mred<202E>" in ended.out
    assert not set(ended.out) & {"\x1b", "\x9b", "\u202e", "\x7f"}
    document = sheetml("compare", path, after, "--json")
    assert not set(document.out) & {"\x9b", "\u202e"}
    assert "\x9b" in json.dumps(document.document, ensure_ascii=False)
    assert visible(ESCAPE) == "␛[31mred␛[0m␇"


def test_a_name_of_a_file_with_an_escape_in_it_is_no_command_to_the_terminal(tmp_path: Path) -> None:
    ended = sheetml("check", tmp_path / f"{ESCAPE}.xlsx")
    assert ended.code == 2
    assert "\x1b" not in ended.err and "␛[31m" in ended.err


# ---- readers and people who go away ---------------------------------------------------------------


def test_a_broken_pipe_is_no_finding(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", {f"A{row}": f"={row}*2" for row in range(1, 200)})
    command = [sys.executable, "-m", "sheetml", "check", str(path), "--json"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()  # as head does once it has seen enough
        said = process.stderr.read()
        assert (process.wait(), said) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process otherwise there")
def test_ctrl_c_while_packages_are_imported_is_quiet(tmp_path: Path) -> None:
    slow = tmp_path / "scipy"  # stands for any package that takes long to import
    slow.mkdir()
    (slow / "__init__.py").write_text("import sys, time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    path = book(tmp_path / "b.xlsx", PARABOLA, MINIMISE_B1)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    command = [sys.executable, "-m", "sheetml", "run", str(path)]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"importing\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait() == 130
        assert said.strip() == "sheetml: interrupted."


# ---- fits ----------------------------------------------------------------------------------------


def test_an_interrupted_fit_keeps_the_best_epoch_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_ratings().to_frame().drop(columns="title").to_csv(tmp_path / "r.csv", index=False)
    add = Fitting.add

    def interrupted(self: Fitting, epoch: Epoch) -> None:
        add(self, epoch)
        if epoch.epoch == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Fitting, "add", interrupted)
    many = ["--factors", "8", "--epochs", "50", "--batch", "16", "--lr", "0.3", "-o", tmp_path / "m.npz"]
    ended = sheetml("fit", tmp_path / "r.csv", *many)
    model = load_model(tmp_path / "m.npz")
    best = best_epoch(model.history_)
    assert ended.code == 130
    assert f"kept epoch {best.epoch}, the best of 4 by its validation loss" in ended.out
    assert f"mse {best.valid_loss:.5f}" in ended.out  # measured on what was written
    assert len(model.history_) == 4


def test_a_fit_that_is_interrupted_in_its_first_epoch_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_ratings().to_frame().drop(columns="title").to_csv(tmp_path / "r.csv", index=False)

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run_epoch", interrupted)
    ended = sheetml("fit", tmp_path / "r.csv", "-o", tmp_path / "m.npz")
    assert (ended.code, (tmp_path / "m.npz").exists()) == (130, False)
    assert "no epoch had ended, nothing was written" in ended.err


def test_the_time_of_compiling_is_no_epochs_time() -> None:
    numba = pytest.importorskip("numba")
    told = []
    with compiling_is_told(lambda: told.append("compiling")) as seconds, Stopwatch() as watch:

        @numba.njit
        def squared(number):
            return number * number

        assert squared(3.0) == 9.0
    assert told == ["compiling"]
    assert seconds() > 0
    assert watch.seconds < seconds()


def test_the_best_epoch_is_the_one_that_predicts_best() -> None:
    history = [Epoch(1, 0.9, 0.8, None, 0.0), Epoch(2, 0.5, 0.7, None, 0.0), Epoch(3, 0.1, 0.9, None, 0.0)]
    assert best_epoch(history).epoch == 2
    assert best_epoch([Epoch(each.epoch, each.train_loss, None, None, 0.0) for each in history]).epoch == 3
