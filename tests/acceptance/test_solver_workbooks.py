"""Workbooks as people bring them to Excel's Solver, run from the command line, against answers found otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

import sheetml as library
from tests.cli.books import book
from tests.cli.command import sheetml

GRG = {"eng": "1", "neg": "1"}
MAXIMISE, MINIMISE = {"typ": "1"}, {"typ": "2"}
AT_MOST, EQUAL, AT_LEAST = "1", "2", "3"


def constraint(number, left, relation, right):
    return {f"lhs{number}": left, f"rel{number}": relation, f"rhs{number}": right}


def model(objective, adjustable, goal, *constraints, **settings):
    """The Solver names of a model on Sheet1."""
    names = GRG | goal | {"opt": f"Sheet1!{objective}", "adj": adjustable, "num": str(len(constraints))} | settings
    for number, (left, relation, right) in enumerate(constraints, start=1):
        names |= constraint(number, left, relation, right)
    return names


def solved(path, *options):
    """The first sheet after `sheetml run`."""
    ended = sheetml("run", path, *options, "--json")
    assert ended.code == 0, ended.err
    (outcome,) = ended.document["models"]
    assert outcome["success"], outcome["message"]
    return library.open(ended.document["output"])["Sheet1"]


def test_a_product_mix_within_the_stock_of_parts(tmp_path):
    """Excel's own sample: TV sets, stereos and speakers from five parts, with diminishing returns."""
    parts = np.array([[1, 1, 0], [1, 0, 0], [2, 2, 1], [1, 1, 0], [2, 1, 1]])
    stock, margin = np.array([450, 250, 800, 450, 600]), np.array([75, 50, 35])
    cells = {"B1": 100, "C1": 100, "D1": 100, "E9": "=SUM(B9:D9)", "A11": 0.9}
    for row, (needs, held) in enumerate(zip(parts, stock), start=2):
        cells |= {f"{column}{row}": int(need) for column, need in zip("BCD", needs)}
        cells |= {f"E{row}": f"=SUMPRODUCT($B$1:$D$1,B{row}:D{row})", f"F{row}": int(held)}
    cells |= {f"{column}9": f"={int(gain)}*MAX({column}1,0)^$A$11" for column, gain in zip("BCD", margin)}
    names = model("$E$9", "Sheet1!$B$1:$D$1", MAXIMISE, ("Sheet1!$E$2:$E$6", AT_MOST, "Sheet1!$F$2:$F$6"))
    sheet = solved(book(tmp_path / "mix.xlsx", cells, names))
    best = minimize(
        lambda x: -(margin @ np.maximum(x, 0) ** 0.9),
        [160, 200, 80],
        bounds=[(0, None)] * 3,
        constraints=[{"type": "ineq", "fun": lambda x: stock - parts @ x}],
    )
    assert sheet["E9"] == pytest.approx(-best.fun, rel=1e-6)
    assert sheet["E9"] == pytest.approx(14917.44, abs=0.01)  # as Microsoft's SOLVSAMP.XLS states it
    used = np.array([sheet[f"E{row}"] for row in range(2, 7)], float)
    assert (used <= stock + 1e-6).all()


def test_a_transport_plan_is_as_cheap_as_linear_programming_finds_it(tmp_path):
    cost = np.array([[10, 8, 6, 5, 4], [6, 5, 4, 3, 6], [3, 4, 5, 5, 9]], float)
    supply, demand = np.array([310, 260, 280]), np.array([180, 80, 200, 160, 220])
    cells = {"H1": "=SUMPRODUCT(B2:F4,B8:F10)"}
    for row in range(3):
        for column in range(5):
            letter = "BCDEF"[column]
            cells |= {f"{letter}{row + 2}": cost[row, column], f"{letter}{row + 8}": 1}
            cells |= {f"{letter}12": f"=SUM({letter}8:{letter}10)", f"{letter}13": int(demand[column])}
        cells |= {f"G{row + 8}": f"=SUM(B{row + 8}:F{row + 8})", f"H{row + 8}": int(supply[row])}
    names = model(
        "$H$1",
        "Sheet1!$B$8:$F$10",
        MINIMISE,
        ("Sheet1!$G$8:$G$10", AT_MOST, "Sheet1!$H$8:$H$10"),
        ("Sheet1!$B$12:$F$12", AT_LEAST, "Sheet1!$B$13:$F$13"),
    )
    sheet = solved(book(tmp_path / "transport.xlsx", cells, names))
    rows = np.kron(np.eye(3), np.ones(5))
    columns = np.kron(np.ones(3), np.eye(5))
    best = linprog(cost.reshape(-1), A_ub=np.vstack([rows, -columns]), b_ub=np.concatenate([supply, -demand]))
    assert sheet["H1"] == pytest.approx(best.fun, rel=1e-6)


def test_the_portfolio_of_least_variance_for_a_return(tmp_path):
    random = np.random.default_rng(0)
    factors = random.normal(size=(5, 5))
    covariance = factors @ factors.T / 10 + np.eye(5) * 0.02
    returns = np.array([0.05, 0.07, 0.1, 0.12, 0.15])
    cells = {"B1": 1, "G1": "=SUM(B1:F1)", "G2": "=SUMPRODUCT(B1:F1,B2:F2)", "H2": 0.1}
    for i, letter in enumerate("BCDEF"):
        cells |= {f"{letter}1": 0.2, f"{letter}2": returns[i]}
        cells |= {f"{letter}{row + 4}": float(covariance[row, i]) for row in range(5)}
    cells["H4:H4"] = "{=MMULT(MMULT(B1:F1,B4:F8),TRANSPOSE(B1:F1))}"
    names = model(
        "$H$4",
        "Sheet1!$B$1:$F$1",
        MINIMISE,
        ("Sheet1!$G$1", EQUAL, "1"),
        ("Sheet1!$G$2", AT_LEAST, "Sheet1!$H$2"),
    )
    sheet = solved(book(tmp_path / "portfolio.xlsx", cells, names))
    best = minimize(
        lambda w: w @ covariance @ w,
        np.full(5, 0.2),
        bounds=[(0, None)] * 5,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1},
            {"type": "ineq", "fun": lambda w: returns @ w - 0.1},
        ],
        options={"ftol": 1e-14},
    )
    assert sheet["H4"] == pytest.approx(best.fun, rel=1e-5)
    assert sheet["G1"] == pytest.approx(1, abs=1e-6)


def test_smoothing_constants_between_0_and_1_for_a_forecast(tmp_path):
    """Holt's trend method down a column: each row from the one above, the squared errors summed."""
    random = np.random.default_rng(1)
    series = 20 + 0.8 * np.arange(40) + random.normal(0, 2, 40).cumsum() * 0.3
    cells = {"F1": 0.5, "F2": 0.5, "F3": "=AVERAGE(E3:E40)", "A1": series[0], "B1": series[0], "C1": 1.0}
    for row in range(2, 41):
        cells |= {
            f"A{row}": float(series[row - 1]),
            f"D{row}": f"=B{row - 1}+C{row - 1}",
            f"B{row}": f"=$F$1*A{row}+(1-$F$1)*D{row}",
            f"C{row}": f"=$F$2*(B{row}-B{row - 1})+(1-$F$2)*C{row - 1}",
            f"E{row}": f"=(A{row}-D{row})^2",
        }
    names = model(
        "$F$3",
        "Sheet1!$F$1:$F$2",
        MINIMISE,
        ("Sheet1!$F$1:$F$2", AT_MOST, "1"),
        ("Sheet1!$F$1:$F$2", AT_LEAST, "0"),
    )
    sheet = solved(book(tmp_path / "holt.xlsx", cells, names))

    def error(constants):
        level, trend, errors = series[0], 1.0, []
        for value in series[1:]:
            forecast = level + trend
            errors.append((value - forecast) ** 2)
            before, level = level, constants[0] * value + (1 - constants[0]) * forecast
            trend = constants[1] * (level - before) + (1 - constants[1]) * trend
        return np.mean(errors[1:])

    best = min(
        (minimize(error, start, bounds=[(0, 1)] * 2) for start in ([0.5, 0.5], [0.9, 0.1], [0.1, 0.9])),
        key=lambda found: found.fun,
    )
    assert sheet["F3"] <= best.fun * (1 + 1e-6)


def test_a_logistic_regression_by_maximum_likelihood(tmp_path):
    random = np.random.default_rng(2)
    x = random.normal(size=(60, 2))
    y = (random.uniform(size=60) < 1 / (1 + np.exp(-(0.3 + x @ [1.5, -1])))).astype(int)
    cells = {"H1": 0, "H2": 0, "H3": 0, "H5": "=SUM(E2:E61)"}
    for row, ((first, second), label) in enumerate(zip(x, y), start=2):
        cells |= {
            f"A{row}": float(first),
            f"B{row}": float(second),
            f"C{row}": int(label),
            f"D{row}": f"=1/(1+EXP(-($H$1+$H$2*A{row}+$H$3*B{row})))",
            f"E{row}": f"=IF(C{row}=1,LN(D{row}),LN(1-D{row}))",
        }
    names = model("$H$5", "Sheet1!$H$1:$H$3", MAXIMISE, neg="2")
    sheet = solved(book(tmp_path / "logistic.xlsx", cells, names))
    design = np.column_stack([np.ones(60), x])

    def loss(w):
        z = design @ w
        return np.sum(np.logaddexp(0, -np.where(y == 1, z, -z)))

    best = minimize(loss, np.zeros(3), tol=1e-12)
    assert sheet["H5"] == pytest.approx(-best.fun, rel=1e-8)
    assert [sheet[f"H{row}"] for row in (1, 2, 3)] == pytest.approx(best.x, abs=1e-4)


def test_a_curve_is_fitted_to_measurements(tmp_path):
    t = np.arange(0, 10, 0.5)
    measured = 5 * np.exp(-0.4 * t) + 1.2 + np.sin(7 * t) * 0.05
    cells = {"F1": 1, "F2": 0.1, "F3": 0, "F5": "=SUMXMY2(B1:B20,C1:C20)"}
    for row, (time, value) in enumerate(zip(t, measured), start=1):
        cells |= {f"A{row}": float(time), f"B{row}": float(value), f"C{row}": f"=$F$1*EXP(-$F$2*A{row})+$F$3"}
    sheet = solved(book(tmp_path / "decay.xlsx", cells, model("$F$5", "Sheet1!$F$1:$F$3", MINIMISE, neg="2")))
    from scipy.optimize import curve_fit

    best, _ = curve_fit(lambda t, a, k, c: a * np.exp(-k * t) + c, t, measured, p0=[4, 0.5, 1])
    assert [sheet[f"F{row}"] for row in (1, 2, 3)] == pytest.approx(best, rel=1e-5)


def test_a_small_neural_network_learns_xor(tmp_path):
    random = np.random.default_rng(4)
    cells = {"L1": "=SUMXMY2(C1:C4,H1:H4)/4"}
    for row, (a, b) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)], start=1):
        cells |= {f"A{row}": a, f"B{row}": b, f"C{row}": a ^ b}
        for unit, letter in enumerate("DEF"):
            weights = f"$J${unit * 3 + 1}*A{row}+$J${unit * 3 + 2}*B{row}+$J${unit * 3 + 3}"
            cells[f"{letter}{row}"] = f"=TANH({weights})"
        cells[f"H{row}"] = f"=1/(1+EXP(-(SUMPRODUCT(D{row}:F{row},$J$11:$L$11)+$M$11)))"
    cells |= {f"J{row}": float(random.normal()) for row in range(1, 10)}
    cells |= {f"{letter}11": float(random.normal()) for letter in "JKLM"}
    names = model("$L$1", "Sheet1!$J$1:$J$9,Sheet1!$J$11:$M$11", MINIMISE, neg="2")
    path = book(tmp_path / "xor.xlsx", cells, names)
    ended = sheetml("run", path, "--starts", 5, "--seed", 0, "--json")
    sheet = library.open(ended.document["output"])["Sheet1"]
    assert sheet["L1"] < 1e-4
    assert [round(sheet[f"H{row}"]) for row in range(1, 5)] == [0, 1, 1, 0]


def test_a_cell_is_brought_to_a_value(tmp_path):
    """The rate at which a loan costs 500 a month: Solver as goal seek."""
    cells = {"A1": 100000, "A2": 360, "A3": 0.05, "B1": "=A1*(A3/12)/(1-(1+A3/12)^-A2)"}
    names = model("$B$1", "Sheet1!$A$3", {"typ": "3", "val": "500"})
    sheet = solved(book(tmp_path / "loan.xlsx", cells, names))
    assert sheet["B1"] == pytest.approx(500, abs=1e-5)
    assert sheet["A3"] == pytest.approx(0.0438, abs=0.0005)
