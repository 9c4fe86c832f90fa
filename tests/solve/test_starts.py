"""Many starts: spread evenly, shared among processes, ended by the rule of Excel's multistart."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
import socket

import numpy as np
import pytest

from sheetml import cluster
from sheetml.errors import SolverError
from sheetml.solve import starts
from sheetml.solve.search import INTERRUPTED
from tests.browser import missing
from tests.cli.books import MINIMISE_B1, book
from tests.cli.command import sheetml
from tests.macros.running import macro_book
from tests.solve.models import solver_model

HILLS = {"A1": 4, "A2": 3, "B1": "=0.05*(A1^2+A2^2)+2-COS(3*A1)-COS(2*A2)"}  # many minima, the least at 0
BOX = (("A1:A2", ">=", -10), ("A1:A2", "<=", 10))


@pytest.fixture
def shared(monkeypatch):
    """Work is shared among processes however little there is of it."""
    monkeypatch.setattr(starts, "WORTH_WORKERS", 0.0)


@pytest.fixture(scope="module")
def address():
    """Where a Dask scheduler with two workers answers, each a process of its own."""
    if importlib.util.find_spec("distributed") is None:
        missing("the package distributed is absent: pip install sheetml[dask]")
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as local:
        yield local.scheduler_address


def hills_from(**how):
    return solver_model(HILLS, subject_to=BOX).solve(starts=40, seed=3, **how)


def assert_same(one, other):
    assert other.x.tolist() == one.x.tolist() and other.nfev == one.nfev and other.message == one.message


def test_the_numbers_are_the_same_for_any_number_of_processes(shared):
    one = hills_from(workers=1)
    assert one.fun == pytest.approx(0, abs=1e-9) and "passed over" in one.message
    for workers in (2, 3, 5):
        assert_same(one, hills_from(workers=workers))


def test_the_workers_of_a_dask_scheduler_find_what_one_process_finds(address):
    assert_same(hills_from(workers=1), hills_from(scheduler=address))


def test_constrained_starts_on_a_dask_scheduler_find_what_one_process_finds(address):
    def solved(**how):
        return solver_model(HILLS | {"C1": "=A1+A2"}, subject_to=(*BOX, ("C1", ">=", 2))).solve(starts=12, **how)

    assert_same(solved(workers=1), solved(scheduler=address))


def test_a_worker_killed_on_the_way_changes_nothing(address):
    from distributed import Client

    client = Client(address, set_as_default=False)
    before, killed = set(client.run(os.getpid).values()), 0

    def kill_one(progress):
        nonlocal killed
        if progress.evaluations > 500 and not killed:
            killed = min(before)
            os.kill(killed, signal.SIGKILL)

    with client:
        assert_same(hills_from(workers=1), hills_from(scheduler=address, callback=kill_one))
        client.wait_for_workers(2, timeout=30)
        assert killed and killed not in client.run(os.getpid).values()


def test_interrupting_a_dask_search_keeps_the_best_so_far(address):
    def interrupt(progress):
        if progress.evaluations > 500:
            raise KeyboardInterrupt

    result = hills_from(scheduler=address, callback=interrupt)
    assert result.status == INTERRUPTED and result.nfev > 500 and result.fun < result.fun_start


def test_a_time_limit_ends_the_workers_of_a_dask_scheduler(address):
    result = solver_model(HILLS, subject_to=BOX).solve(starts=100_000, seed=1, scheduler=address, max_time=3.0)
    assert result.seconds < 15 and "time limit of 3 s" in result.message and result.fun < result.fun_start


def test_a_workbook_is_sent_as_it_is_now():
    book = solver_model(HILLS | {"C1": "=RAND()", "C2": "=C1+A1", "C3": "text"}).workbook
    book.calculate()
    sheet = book["Sheet1"]
    sheet["A1"], sheet["C3"], sheet["E9"] = 7, True, "new"
    book.calculate()
    there = pickle.loads(pickle.dumps(book))
    there.calculation.bring_up_to_date()  # takes up where the sender was: what is random keeps what it held
    for cell in ("A1", "A2", "B1", "C1", "C2", "C3", "E9"):
        assert there["Sheet1"][cell] == sheet[cell], cell
    assert there.calculation.is_current and there["Sheet1"]["C3"] is True


def test_the_functions_of_its_own_macros_go_with_a_workbook():
    own = macro_book("Function Twice(x)\nTwice = 2 * x\nEnd Function", {"A1": 3, "B1": "=Twice(A1)"})
    there = pickle.loads(pickle.dumps(own))
    there["Sheet1"]["A1"] = 5
    there.calculate()
    assert there["Sheet1"]["B1"] == 10


def test_a_wrong_address_of_a_scheduler_is_one_sentence(monkeypatch):
    if importlib.util.find_spec("distributed") is None:
        missing("the package distributed is absent: pip install sheetml[dask]")
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        for wrong in (f"tcp://127.0.0.1:{taken.getsockname()[1]}", "nowhere", "carrier-pigeon://here:1"):
            with pytest.raises(SolverError, match=r"sheet 'Sheet1': no Dask scheduler answers at .*\)\.$") as raised:
                hills_from(scheduler=wrong)
            assert wrong in str(raised.value) and "\n" not in str(raised.value)


def test_the_command_line_hands_the_starts_to_a_scheduler(address, tmp_path):
    path = book(tmp_path / "book.xlsx", HILLS, MINIMISE_B1)
    one, many = (
        sheetml(
            "run", path, "-o", tmp_path / f"{option[2:]}.xlsx", "--starts", 10, "--seed", 1, option, value, "--json"
        )
        for option, value in (("--workers", 1), ("--scheduler", address))
    )
    assert one.code == many.code
    for what in ("after", "evaluations", "message"):
        assert many.document["models"][0][what] == one.document["models"][0][what]


def test_the_command_line_ends_with_2_where_no_scheduler_answers(tmp_path):
    if importlib.util.find_spec("distributed") is None:
        missing("the package distributed is absent: pip install sheetml[dask]")
    path = book(tmp_path / "book.xlsx", HILLS, MINIMISE_B1)
    ended = sheetml("run", path, "--starts", 10, "--scheduler", "nowhere")
    assert ended.code == 2 and ended.err.count("\n") == 1 and "no Dask scheduler answers at nowhere" in ended.err
    both = sheetml("run", path, "--workers", 2, "--scheduler", "nowhere")
    assert both.code == 2 and "contradict each other" in both.err


def test_a_scheduler_without_distributed_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SolverError, match=r"is not installed: pip install 'sheetml\[dask\]'"):
        hills_from(scheduler="tcp://127.0.0.1:8786")


def test_processes_and_a_scheduler_are_not_asked_for_together():
    with pytest.raises(ValueError, match="give one of them"):
        hills_from(scheduler="tcp://127.0.0.1:8786", workers=2)


def test_one_minimum_is_recognised_as_the_only_one():
    cells = {"A1": 5, "A2": -7, "B1": "=(A1-2)^4+3*(A2+1)^2+EXP(A1/10)"}
    result = solver_model(cells, subject_to=BOX).solve(starts=100)
    assert "starts led to 1 different minimum" in result.message
    assert "a better one is improbable by the rule of Excel's multistart" in result.message
    counted = int(result.message.split("; ")[1].split()[0])
    assert starts.FEWEST_STARTS <= counted < 20


def test_the_rule_is_that_of_boender_and_rinnooy_kan():
    minima = starts.Minima(costs=[1.0, 2.0], places=[], reach=[], starts=20)
    assert minima.expected == pytest.approx(2 * 19 / 16)
    assert minima.enough  # less than two and a half
    assert not starts.Minima(costs=[1.0, 2.0, 3.0], starts=10).enough
    assert starts.Minima(costs=[1.0, 2.0, 3.0], starts=5).expected == np.inf


def test_points_are_spread_over_bounds_and_around_the_start_without_them():
    problem = solver_model(
        {"A1": 5, "A2": 100, "B1": "=A1^2+A2"}, subject_to=(("A1", ">=", -1), ("A1", "<=", 3))
    ).problem()
    points = starts.spread(problem, 64, 1)
    first = np.histogram(points[:, 0], bins=8, range=(-1, 3))[0]
    assert points.shape == (64, 2) and (first == 8).all()
    assert np.median(points[:, 1]) == pytest.approx(100, abs=15) and np.std(points[:, 1]) > 10


def test_starts_within_constraints_end_at_the_best_of_all():
    cells = HILLS | {"C1": "=A1+A2"}
    subject_to = (*BOX, ("C1", ">=", 2))
    result = solver_model(cells, subject_to=subject_to).solve(starts=60, seed=2)
    axis = np.linspace(-10, 10, 801)
    a, b = np.meshgrid(axis, axis)
    values = np.where(a + b >= 2, 0.05 * (a**2 + b**2) + 2 - np.cos(3 * a) - np.cos(2 * b), np.inf)
    assert result.constraint_violation <= 1e-6 and result.fun <= values.min() + 1e-6


def test_a_time_limit_ends_all_processes(shared):
    result = solver_model(HILLS, subject_to=BOX).solve(starts=100_000, seed=1, workers=2, max_time=1.0)
    assert result.seconds < 15 and result.fun <= result.fun_start
