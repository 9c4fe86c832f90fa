"""The gallery of Solver models: what ships is what is built, and every answer is the one found by other means."""

from __future__ import annotations

import itertools
import math
import zipfile

import numpy as np
import openpyxl
import pytest
from scipy.optimize import brentq, curve_fit, linear_sum_assignment, linprog, milp

import sheetml
from sheetml.errors import DataError
from sheetml.layouts.solver_gallery import EXAMPLES, build
from sheetml.solve.linear import read
from sheetml.xlsx.solver_names import names_of
from tests.cli.command import sheetml as command
from tests.libreoffice import all_recalculated, disagreements
from tests.reference import PROJECT

SHIPPED = PROJECT / "workbooks" / "solver"
WITHOUT_ANSWER = ("infeasible", "unbounded")
SOLVED = [name for name in EXAMPLES if name not in WITHOUT_ANSWER]


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Every example solved by the command and written: its file by its name."""
    folder = tmp_path_factory.mktemp("solved")
    for name in SOLVED:
        ended = command("run", SHIPPED / f"{name}.xlsx", "-o", folder / f"{name}.xlsx", "-q")
        assert ended == (0, "", "")
    return {name: folder / f"{name}.xlsx" for name in SOLVED}


@pytest.fixture(scope="module")
def recomputed(solved):
    """What LibreOffice makes of each shipped and each solved file, by the file."""
    paths = [*(SHIPPED / f"{name}.xlsx" for name in EXAMPLES), *solved.values()]
    return dict(zip(paths, all_recalculated(paths)))


@pytest.fixture
def answer(solved, request):
    """The sheet of the solved example that the test is named after: areas as arrays of numbers."""
    sheet = sheetml.open(solved[request.function.__name__.removeprefix("test_")])["model"]

    def area(text):
        values = sheet[text]
        return np.array(values, float) if isinstance(values, np.ndarray) else float(values)

    return area


def parts(path):
    """The parts of a package; compressed they depend on the version of zlib."""
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist() if name != "docProps/app.xml"}


# ---- what is shipped


def test_the_shipped_workbooks_are_what_the_documented_command_builds(tmp_path):
    ended = command("new", "solver-gallery", "-o", tmp_path / "solver")
    assert ended.code == 0
    assert sorted(path.name for path in SHIPPED.glob("*.xlsx")) == sorted(f"{name}.xlsx" for name in EXAMPLES)
    for name in EXAMPLES:
        assert parts(tmp_path / "solver" / f"{name}.xlsx") == parts(SHIPPED / f"{name}.xlsx"), name


def test_only_some_are_built_where_asked_and_none_is_overwritten_unasked(tmp_path):
    assert [path.name for path in build(tmp_path, ["tour", "knapsack"])] == ["tour.xlsx", "knapsack.xlsx"]
    with pytest.raises(DataError, match="exists"):
        build(tmp_path, ["tour"])
    with pytest.raises(DataError, match="no example 'poetry'"):
        build(tmp_path, ["poetry"])
    assert command("new", "solver-gallery", "-o", tmp_path, "--only", "tour").code == 2
    assert command("new", "solver-gallery", "-o", tmp_path, "--only", "tour", "--overwrite", "-q") == (0, "", "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_holds_its_model_in_excels_names_and_says_what_it_teaches(name):
    path = SHIPPED / f"{name}.xlsx"
    sheet = openpyxl.load_workbook(path)["model"]
    (model,) = sheetml.open(path).solver_models
    assert {key: defined.attr_text for key, defined in sheet.defined_names.items()} == names_of(model.names)
    assert all(defined.hidden for defined in sheet.defined_names.values())
    assert sheet["A1"].value == EXAMPLES[name].title and len(sheet["A2"].value) > 50
    assert any(cell.comment for row in sheet.iter_rows() for cell in row)
    assert any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def test_libreoffice_agrees_with_every_formula_before_and_after_the_solving(recomputed):
    for path, values in recomputed.items():
        assert disagreements(path, values) == [], path


def test_every_constraint_holds_in_the_cells_that_libreoffice_recomputed(solved, recomputed):
    for name, path in solved.items():
        values = recomputed[path]["model"]
        book = sheetml.open(solved[name])
        (model,) = book.solver_models
        place = book.calculation.place
        for left, relation, right, number in model.comparisons():
            numbers = [
                values.get(address_of(place(slot)), 0.0) if slot is not None else number for slot in (left, right)
            ]
            gap = numbers[0] - numbers[1]
            assert {1: gap <= 1e-6, 2: abs(gap) <= 1e-6, 3: gap >= -1e-6}[relation], (name, place(left))


def address_of(place):
    return f"{openpyxl.utils.get_column_letter(place[2])}{place[1]}"


# ---- each answer by other means


def test_product_mix(answer):
    best = linprog(-answer("B9:D9")[0], A_ub=answer("B10:D12"), b_ub=answer("G10:G12")[:, 0])
    assert answer("B16") == pytest.approx(-best.fun)
    assert answer("B14:D14")[0] == pytest.approx(best.x, abs=1e-6)


def test_transport(answer):
    cost = answer("B9:E11")
    sent, received = np.kron(np.eye(3), np.ones(4)), np.kron(np.ones(3), np.eye(4))
    limits = np.concatenate([answer("H14:H16")[:, 0], -answer("B19:E19")[0]])
    assert answer("B21") == pytest.approx(linprog(cost.ravel(), A_ub=np.vstack([sent, -received]), b_ub=limits).fun)


def test_blending(answer):
    shares = answer("C9:E13").T
    rows, limits = shares * np.array([[-1], [1], [1]]), 100 * np.array([-0.18, 0.06, 0.07])
    best = linprog(answer("B9:B13")[:, 0], A_ub=rows, b_ub=limits, A_eq=np.ones((1, 5)), b_eq=[100])
    assert answer("B19") == pytest.approx(best.fun)


def test_data_envelopment(answer):
    """By the dual: the smallest share of its inputs with which a mixture of the others makes its outputs."""
    inputs, outputs, unit = answer("B9:C14").T, answer("D9:E14").T, int(answer("B17")) - 1
    rows = np.vstack([
        np.column_stack([-inputs[:, unit], inputs]), np.column_stack([np.zeros(2), -outputs])
    ])  # fmt: skip
    best = linprog([1, *[0] * 6], A_ub=rows, b_ub=[0, 0, *-outputs[:, unit]])
    assert answer("B19") == pytest.approx(best.fun) and best.fun < 1


def test_assignment(answer):
    cost = answer("B9:F13")
    assert answer("B23") == pytest.approx(cost[linear_sum_assignment(cost)].sum())


def test_shift_schedule(answer):
    there = np.array([[1.0 if (day - start) % 7 < 5 else 0.0 for start in range(7)] for day in range(7)])
    needed = answer("B12:H12")[0]
    best = milp(np.ones(7), integrality=np.ones(7), constraints=[(there, needed, np.inf)])
    assert answer("B14") == pytest.approx(best.fun)
    assert linprog(np.ones(7), A_ub=-there, b_ub=-needed).fun == pytest.approx(22 + 1 / 3)  # as the sheet says


def test_knapsack(answer):
    room = int(answer("D22"))
    best = [0.0] * (room + 1)
    for value, weight in answer("B9:C20"):
        for kilograms in range(room, int(weight) - 1, -1):
            best[kilograms] = max(best[kilograms], best[kilograms - int(weight)] + value)
    assert answer("B23") == best[room] == 157
    kept = 0.0
    for _, weight in sorted(answer("B9:C20").tolist(), key=lambda item: -item[0] / item[1]):
        kept += weight if kept + weight <= room else 0.0
    assert kept < room  # so that taking the best value a kilogram first leaves room, as the sheet says


def test_fixed_charge(answer):
    fixed, each, capacity = answer("B9:D13").T
    wanted, best = answer("D15"), math.inf
    for runs in itertools.product([0, 1], repeat=5):
        left, cost = wanted, float(fixed @ runs)
        for machine in sorted(np.nonzero(runs)[0], key=lambda number: each[number]):
            amount = min(left, capacity[machine])
            left, cost = left - amount, cost + amount * each[machine]
        best = min(best, cost) if left <= 0 else best
    assert answer("B16") == pytest.approx(best)


def test_sudoku(answer):
    grid, clues = answer("A20:I28"), np.nan_to_num(answer("A9:I17"))
    assert (grid[clues > 0] == clues[clues > 0]).all()
    boxes = grid.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
    for group in (*grid, *grid.T, *boxes):
        assert sorted(group.tolist()) == list(range(1, 10))


def test_tour(answer):
    """By dynamic programming over the sets of towns visited (Bellman, Held and Karp, 1962)."""
    x, y = answer("B9:C20").T
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    count = len(x)
    best = np.full((1 << count, count), np.inf)
    best[1, 0] = 0.0
    for visited in range(1, 1 << count, 2):
        reached = best[visited]
        for town in range(1, count):
            if not visited >> town & 1:
                after = visited | 1 << town
                best[after, town] = min(best[after, town], (reached + distance[:, town]).min())
    assert answer("H22") == pytest.approx((best[-1] + distance[:, 0]).min())
    assert sorted(answer("E9:E20")[:, 0].tolist()) == list(range(1, 13))


def test_portfolio(answer):
    """By the conditions of Karush, Kuhn and Tucker, tried for every set of assets that are held."""
    gains, covariance, wanted = answer("B9:B13")[:, 0], answer("E9:I13"), answer("B19")
    best = math.inf
    for held in itertools.chain.from_iterable(itertools.combinations(range(5), size) for size in range(2, 6)):
        rows = np.vstack([np.ones(len(held)), gains[list(held)]])
        system = np.block([[2 * covariance[np.ix_(held, held)], rows.T], [rows, np.zeros((2, 2))]])
        shares = np.linalg.solve(system, [*[0] * len(held), 1, wanted])[: len(held)]
        if (shares >= 0).all():
            best = min(best, float(shares @ covariance[np.ix_(held, held)] @ shares))
    assert answer("B17") == pytest.approx(best, rel=1e-6)


def test_curve_fit(answer):
    s, measured = answer("A12:B20").T
    best, _ = curve_fit(lambda s, v, k: v * s / (k + s), s, measured, p0=[50, 1])
    assert answer("B8:B9")[:, 0] == pytest.approx(best, rel=1e-4)
    assert answer("D22") == pytest.approx(((measured - best[0] * s / (best[1] + s)) ** 2).sum(), rel=1e-7)


def test_pricing(answer):
    """The best prices are cost + 1 / b + what a seat is worth, which fills the hall."""
    a, b, cost = answer("B9:D10").T
    seat = brentq(lambda seat: (a * np.exp(-b * (cost + 1 / b + seat))).sum() - answer("D12"), 0, 100)
    prices = cost + 1 / b + seat
    assert seat > 0
    assert answer("E9:E10")[:, 0] == pytest.approx(prices, rel=1e-4)
    assert answer("B13") == pytest.approx(((prices - cost) * a * np.exp(-b * prices)).sum(), rel=1e-7)


def test_queueing(answer):
    rate, speed, waiting = answer("B8:B10")[:, 0]
    assert answer("B11") == pytest.approx(rate + math.sqrt(waiting * rate / speed), rel=1e-4)
    assert answer("B14") == pytest.approx(speed * rate + 2 * math.sqrt(speed * waiting * rate), rel=1e-9)


def test_every_solved_example_has_a_test_of_its_own():
    assert all(f"test_{name}" in globals() for name in SOLVED)


def test_the_infeasible_one_names_the_promises_that_cannot_be_kept_together():
    (model,) = sheetml.open(SHIPPED / "infeasible.xlsx").solver_models
    result = model.solve()
    assert not result.success
    assert {"E10 <= G10", "C14 >= 20", "D14 >= 15"} <= set(result.message.rstrip(".").split(": ")[-1].split("; "))
    sheet = sheetml.open(SHIPPED / "infeasible.xlsx")["model"]
    rows, most = np.array(sheet["B10:D12"], float), np.array(sheet["G10:G12"], float)[:, 0]
    least = np.array(sheet["B15:D15"], float)[0]
    assert linprog(np.zeros(3), A_ub=rows, b_ub=most, bounds=list(zip(least, [None] * 3))).status == 2
    for dropped in (1, 2):  # either promise alone can be kept
        kept = np.where(np.arange(3) == dropped, 0.0, least)
        assert linprog(np.zeros(3), A_ub=rows, b_ub=most, bounds=list(zip(kept, [None] * 3))).status == 0


def test_the_unbounded_one_names_the_cell_that_runs_away():
    (model,) = sheetml.open(SHIPPED / "unbounded.xlsx").solver_models
    result = model.solve()
    assert not result.success and "D14 grows without end" in result.message
    sheet = sheetml.open(SHIPPED / "unbounded.xlsx")["model"]
    rows, most = np.array(sheet["B10:D10"], float), [float(sheet["G10"])]
    assert linprog(-np.array(sheet["B9:D9"], float)[0], A_ub=rows, b_ub=most).status == 3


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.model.get("engine") == "lp"])
def test_the_models_that_ask_for_simplex_are_found_to_be_linear(name):
    (model,) = sheetml.open(SHIPPED / f"{name}.xlsx").solver_models
    reading = read(model.problem())
    assert reading.is_linear, reading.not_linear
