"""Simulations: moments as closed forms have them, the same numbers however they are computed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sheetml.errors import SheetmlError
from sheetml.whatif import Simulation, distribution, summarised
from sheetml.whatif.influence import variance_shares
from sheetml.whatif.sampling import METHODS, uniform
from sheetml.whatif.simulation import part_sizes
from sheetml.whatif.statistics import rank_correlations
from sheetml.xlsx.model import DefinedName
from tests.browser import missing
from tests.workbooks import made

SUM = {"A1": 100, "A2": 0.05, "A3": 3, "B1": "=A1*(1+A2)+A3", "B2": "=IF(A1>100,1,0)", "B3": "=1/(A3-3)"}


def simulated(inputs, outputs, cells=SUM, count=20_000, **options):
    return Simulation(made(cells), inputs, outputs, **options).run(count)


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_and_spread_of_a_sum_are_those_of_theory(method):
    found = simulated(["A1~normal(100, 10)", "A3~exponential(0.5)"], ["B1"], method=method).summaries()[0]
    assert found.count == 20_000 and found.failures == 0
    assert abs(found.mean.value - (105 + 2)) < 5 * found.mean.error + 1e-3
    assert found.deviation == pytest.approx(np.hypot(10.5, 2), rel=0.03)


@pytest.mark.parametrize("method", ["latin", "sobol"])
def test_points_evenly_spread_have_a_smaller_error_and_say_so(method):
    errors = {}
    for each in ("random", method):
        found = simulated(["A1~normal(100, 10)", "A3~uniform(0, 1)"], ["B1"], method=each).summaries()[0].mean
        errors[each] = found.error
        assert abs(found.value - 105.5) < 5 * found.error + 1e-9
    assert errors[method] < errors["random"] / 10


def test_quantiles_and_their_errors_cover_the_truth():
    """Of many simulations nearly all have the true quantile within two standard errors and a half."""
    inside = 0
    for seed in range(40):
        found = simulated(["A1~normal(0, 1)"], ["B1"], {"A1": 0, "B1": "=EXP(A1)"}, 4000, seed=seed).summaries()[0]
        estimate = found.quantiles[0.95]
        inside += abs(estimate.value - stats.lognorm(1).ppf(0.95)) < 2.5 * estimate.error
    assert inside >= 35


@pytest.mark.parametrize("stated", [0.8, -0.5])
def test_correlations_are_those_stated_and_move_the_variance_as_they_should(stated):
    cells = {"A1": 0, "A2": 0, "B1": "=A1+A2"}
    found = simulated(["A1~normal(0, 1)", "A2~normal(0, 2)"], ["B1"], cells, correlate=[f"A1,A2={stated}"])
    assert np.corrcoef(found.inputs.T)[0, 1] == pytest.approx(stated, abs=0.02)
    assert found.summaries()[0].deviation == pytest.approx(np.sqrt(5 + 4 * stated), rel=0.02)


def test_formulas_that_draw_are_inputs_as_they_stand():
    cells = {"A1": 10, "B1": "=NORM.INV(RAND(),A1,2)", "B2": "=RANDBETWEEN(1,6)+RANDBETWEEN(1.5,6)", "B3": "=B1+B2"}
    book = made(cells)
    book.calculate(seed=1)
    before = book["Sheet1"]["B1"]
    found = Simulation(book, [], ["B1", "B2", "B3"]).run(20_000)
    normal, dice, both = found.summaries()
    assert abs(normal.mean.value - 10) < 5 * normal.mean.error and normal.deviation == pytest.approx(2, rel=0.03)
    assert (dice.least, dice.greatest) == (3, 12) and abs(dice.mean.value - 7.5) < 5 * dice.mean.error
    assert both.deviation == pytest.approx(np.sqrt(4 + 35 / 12 + 2), rel=0.03)
    assert book["Sheet1"]["B1"] == before and "RAND()" in (book["Sheet1"].formula("B1") or "")


def test_draws_that_are_filled_down_are_each_their_own():
    cells = {f"A{row}": "=RAND()" for row in range(1, 31)} | {"B1": "=SUM(A1:A30)"}
    found = simulated([], ["B1"], cells, 10_000).summaries()[0]
    assert abs(found.mean.value - 15) < 5 * found.mean.error
    assert found.deviation == pytest.approx(np.sqrt(30 / 12), rel=0.03)


@pytest.mark.parametrize("formula", ["=SUM(RANDARRAY(3))", "=draw*2"])
def test_draws_that_cannot_be_followed_are_refused(formula):
    book = made({"A1": 1, "B1": formula, "B2": "=RAND()"})
    book.file.names.append(DefinedName("draw", "RAND()", None, hidden=False))
    with pytest.raises(SheetmlError, match="Sheet1!B1"):
        Simulation(book, ["A1~uniform(0,1)"], ["B1"])


def test_scenarios_without_a_value_are_counted_and_named():
    found = simulated(["A3~choice(3: 1, 4: 3)"], ["B3"], count=4000)
    summary = found.summaries()[0]
    assert summary.count + summary.failures == 4000 and 800 < summary.failures < 1200
    assert summary.mean.value == 1 and "B3 is #DIV/0!" in found.problem()


def test_outputs_are_what_the_cells_are_for_these_inputs():
    book = made(SUM)
    found = Simulation(book, ["A1~uniform(0, 200)", "A2~data(A1:A3)"], ["B1", "B2"]).run(50)
    for inputs, outputs in zip(found.inputs, found.outputs):
        book["Sheet1"]["A1"], book["Sheet1"]["A2"] = inputs
        book.calculate()
        assert [book["Sheet1"]["B1"], book["Sheet1"]["B2"]] == pytest.approx(outputs.tolist(), rel=1e-12)


@given(st.integers(1, 200_000))
def test_parts_add_up(count):
    sizes = part_sizes(count)
    assert sum(sizes) == count and len(sizes) >= min(count, 16) and len(set(sizes[:-1])) <= 1


@settings(max_examples=30)
@given(st.sampled_from(METHODS), st.integers(1, 200), st.integers(1, 5), st.integers(0, 99))
def test_points_lie_in_the_unit_cube(method, count, dimensions, seed):
    points = uniform(method, count, dimensions, np.random.SeedSequence(seed))
    assert points.shape == (count, dimensions) and (points >= 0).all() and (points <= 1).all()
    if method == "latin":
        assert all(sorted(np.floor(column * count)) == list(range(count)) for column in points.T)


@pytest.mark.parametrize(
    ("text", "frozen"),
    [
        ("normal(1, 2)", stats.norm(1, 2)), ("uniform(-1, 3)", stats.uniform(-1, 4)),
        ("lognormal(0, 0.5)", stats.lognorm(0.5)), ("triangular(1, 2, 5)", stats.triang(0.25, 1, 4)),
        ("pert(0, 1, 4)", stats.beta(2, 4, 0, 4)), ("gamma(2, 3)", stats.gamma(2, scale=3)),
        ("exponential(2)", stats.expon(scale=0.5)), ("poisson(3)", stats.poisson(3)),
        ("binomial(10, 0.3)", stats.binom(10, 0.3)), ("integers(1, 6)", stats.randint(1, 7)),
        ("norm(1, 2)", stats.norm(1, 2)), ("gumbel_r(1)", stats.gumbel_r(1)),
        ("normal(5%, 1%)", stats.norm(0.05, 0.01)),
    ],
)  # fmt: skip
def test_distributions_have_the_quantiles_of_scipy(text, frozen):
    levels = np.array([0.01, 0.2, 0.5, 0.9, 0.999])
    assert distribution(text).quantile(levels) == pytest.approx(frozen.ppf(levels), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    ["normal", "normal(1)", "normal(1, -2)", "nothing(1)", "uniform(2, 1)", "choice(1, 2)", "choice(1: -1)", "data(Z9)",
     "triangular(1, 9, 5)", "normal(x, 1)", "__class__(1)", "normal(1, 2, 3, 4)"],
)  # fmt: skip
def test_what_is_no_distribution_is_one_sentence(text):
    with pytest.raises(SheetmlError) as raised:
        simulated([f"A1~{text}"], ["B1"], count=10)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        ([], ["B1"], {}), (["B1~normal(0,1)"], ["B2"], {}), (["A1~normal(0,1)"] * 2, ["B1"], {}),
        (["A1:A2~normal(0,1)"], ["B1"], {}), (["A1~normal(0,1)"], [], {}),
        (["A1~normal(0,1)"], ["B1"], {"correlate": ["A1,A2=0.5"]}), (["A1~normal(0,1)"], ["B1"], {"method": "magic"}),
        (["A1~normal(0,1)", "A2~normal(0,1)"], ["B1"], {"correlate": ["A1,A2=2"]}),
        (["A1~normal(0,1)", "A2~normal(0,1)", "A3~normal(0,1)"], ["B1"],
         {"correlate": ["A1,A2=0.9", "A2,A3=0.9", "A1,A3=-0.9"]}),
    ],
)  # fmt: skip
def test_what_is_not_as_stated_is_refused(inputs, outputs, options):
    with pytest.raises(SheetmlError):
        simulated(inputs, outputs, count=10, **options)


# ---- stopped, resumed, elsewhere


def test_a_simulation_that_was_stopped_goes_on_and_gives_the_same(tmp_path):
    pytest.importorskip("pyarrow")
    inputs, folder, book = ["A1~normal(100, 10)"], tmp_path / "scenarios", made(SUM)
    whole = Simulation(book, inputs, ["B1"]).run(5000)

    def stop(done, total):
        if done > 2000:
            raise KeyboardInterrupt

    part = Simulation(book, inputs, ["B1"]).run(5000, progress=stop, samples=folder)
    assert part.interrupted and 2000 < len(part.outputs) < 5000
    again = Simulation(book, inputs, ["B1"]).run(5000, samples=folder)
    assert np.array_equal(again.outputs, whole.outputs) and np.array_equal(again.inputs, whole.inputs)
    with pytest.raises(SheetmlError, match="another simulation"):
        Simulation(book, inputs, ["B1"], seed=1).run(5000, samples=folder)
    book["Sheet1"]["A3"] = 4
    with pytest.raises(SheetmlError, match="another simulation"):
        Simulation(book, inputs, ["B1"]).run(5000, samples=folder)
    assert json.loads((folder / "simulation.json").read_text())["count"] == 5000


@pytest.fixture
def address():
    """Where a Dask scheduler with two workers answers, each a process of its own."""
    if importlib.util.find_spec("distributed") is None:
        missing("the package distributed is absent: pip install sheetml[dask]")
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as local:
        yield local.scheduler_address


def test_workers_of_a_dask_scheduler_give_the_same_numbers_though_one_is_killed(address):
    from distributed import Client

    book, inputs, outputs = made(SUM | {"B4": "=B1+RAND()"}), ["A1~normal(100, 10)"], ["B1", "B4"]
    alone = Simulation(book, inputs, outputs, seed=3).run(40_000)
    killed = []

    def kill(done, total):
        if not killed and done < total:
            killed.append(min(before))
            os.kill(killed[0], signal.SIGKILL)

    with Client(address, set_as_default=False) as client:
        before = set(client.run(os.getpid).values())
        shared = Simulation(book, inputs, outputs, seed=3).run(40_000, scheduler=address, progress=kill)
    assert killed and np.array_equal(shared.outputs, alone.outputs) and np.array_equal(shared.inputs, alone.inputs)


# ---- statistics


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 1000))
def test_a_summary_of_parts_is_that_of_all_values(sizes, seed):
    values = np.random.default_rng(seed).normal(size=sum(sizes))
    values[::7] = np.nan
    found = summarised(values, sizes)
    sound = values[np.isfinite(values)]
    assert found.count == sound.size and found.failures == values.size - sound.size
    if sound.size:
        assert found.mean.value == pytest.approx(sound.mean())
        assert found.quantiles[0.5].value == pytest.approx(np.median(sound))


def test_rank_correlations_are_spearmans():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 3))
    output = np.exp(inputs[:, 0]) + random.normal(size=200)
    inputs[:, 2] = 1
    expected = [stats.spearmanr(inputs[:, place], output).statistic for place in (0, 1)]
    assert rank_correlations(inputs, output) == pytest.approx([*expected, 0])


def test_shares_of_the_variance_are_those_of_a_sum():
    pytest.importorskip("SALib")
    cells = {"A1": 0, "A2": 0, "A3": 0, "B1": "=3*A1+A2", "B2": "=A1*A2"}
    simulation = Simulation(made(cells), [f"A{n}~normal(0, 1)" for n in (1, 2, 3)], ["B1", "B2"])
    of_sum, of_product = ({each.address: each for each in shares} for shares in variance_shares(simulation, 2048))
    assert of_sum["Sheet1!A1"].first == pytest.approx(0.9, abs=0.03)
    assert of_sum["Sheet1!A2"].total == pytest.approx(0.1, abs=0.03)
    assert of_sum["Sheet1!A3"].total == pytest.approx(0, abs=0.01)
    assert of_product["Sheet1!A1"].first == pytest.approx(0, abs=0.1)
    assert of_product["Sheet1!A1"].total == pytest.approx(1, abs=0.1)
