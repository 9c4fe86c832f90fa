"""Fits of curves and other sums of squares: certified values of NIST's reference data sets, and kin.

Data, starting points and certified values: NIST Statistical Reference Datasets, nonlinear regression
(https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml), in the public domain.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.solve.models import fit, solver_model

MISRA1A = (
    [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
    [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78],
    "$A$1*(1-EXP(-$A$2*x))",
    [238.94212918, 5.5015643181e-4],
    0.12455138894,
)
BOXBOD = (
    [1, 2, 3, 5, 7, 10],
    [109, 149, 149, 191, 213, 224],
    "$A$1*(1-EXP(-$A$2*x))",
    [213.80940889, 0.54723748542],
    1168.0088766,
)
RAT42 = (
    [9, 14, 21, 28, 42, 57, 63, 70, 79],
    [8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08],
    "$A$1/(1+EXP($A$2-$A$3*x))",
    [72.462237576, 2.6180768402, 0.067359200066],
    8.0565229338,
)
MGH09 = (
    [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
    [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
    "$A$1*(x^2+x*$A$2)/(x^2+x*$A$3+$A$4)",
    [0.19280693458, 0.19128232873, 0.12305650693, 0.13606233068],
    3.0750560385e-4,
)
MGH10 = (
    list(range(50, 126, 5)),
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872],
    "$A$1*EXP($A$2/(x+$A$3))",
    [0.0056096364710, 6181.3463463, 345.22363462],
    87.945855171,
)
STARTS = [
    (MISRA1A, (500, 0.0001)),
    (MISRA1A, (250, 0.0005)),
    (BOXBOD, (1, 1)),
    (BOXBOD, (100, 0.75)),
    (RAT42, (100, 1, 0.1)),
    (RAT42, (75, 2.5, 0.07)),
    (MGH09, (25, 39, 41.5, 39)),
    (MGH09, (0.25, 0.39, 0.415, 0.39)),
    (MGH10, (2, 400_000, 25_000)),
    (MGH10, (0.02, 4000, 250)),
]


@pytest.mark.parametrize("measure", ["SUMXMY2({y},{f})", "SQRT(SUMXMY2({y},{f})/COUNT({y}))"])
@pytest.mark.parametrize(("data", "start"), STARTS)
def test_the_certified_fit_is_found_from_both_of_nists_starts(data, start, measure):
    x, y, formula, parameters, squares = data
    result = solver_model(fit(x, y, formula, start, measure), adjustable=f"A1:A{len(start)}").solve()
    assert result.success
    expected = squares if measure.startswith("SUM") else math.sqrt(squares / len(x))
    assert result.fun == pytest.approx(expected, rel=1e-9)
    assert result.x == pytest.approx(parameters, rel=1e-5)


def test_a_polynomial_of_high_degree_is_fitted_as_linear_algebra_does():
    t = np.linspace(0, 10, 40)
    y = np.polyval([0.001, -0.02, 0.1, 0.5, -2, 1, 3], t) + 0.05 * np.random.default_rng(0).normal(size=40)
    formula = "$A$1+$A$2*x+$A$3*x^2+$A$4*x^3+$A$5*x^4+$A$6*x^5+$A$7*x^6"
    result = solver_model(fit(t, y, formula, (0,) * 7), adjustable="A1:A7").solve()
    best = np.polynomial.polynomial.polyfit(t, y, 6)
    assert result.fun == pytest.approx(np.sqrt(np.mean((np.polynomial.polynomial.polyval(t, best) - y) ** 2)), rel=1e-7)


def test_a_fit_that_can_be_exact_becomes_exact():
    t = np.linspace(0, 5, 20)
    result = solver_model(fit(t, 3 * np.exp(-0.5 * t), "$A$1*EXP(-$A$2*x)", (1, 1))).solve()
    assert result.fun < 1e-12 and result.x == pytest.approx([3, 0.5])
    assert result.success


def test_a_chain_of_squared_valleys_is_gone_down_to_its_end():
    cells = {f"A{i}": -1.2 if i % 2 else 1.0 for i in range(1, 21)}
    for i in range(1, 20):
        cells |= {f"C{i}": f"=10*(A{i + 1}-A{i}^2)", f"D{i}": f"=1-A{i}"}
    result = solver_model(cells | {"B1": "=SUMSQ(C1:D19)"}, adjustable="A1:A20").solve()
    assert result.fun < 1e-15 and result.x == pytest.approx(np.ones(20))
    assert result.method == "least squares" and result.nit < 200


def test_a_fit_whose_data_are_decided_upon_by_a_parameter_is_still_solved():
    """Which of two lines holds depends on where they break: a decision within what is squared."""
    x = np.arange(20.0)
    y = np.where(x < 8.5, 1 + 0.5 * x, 5.25 + 2 * (x - 8.5))
    formula = "IF(x<$A$3,$A$1+$A$2*x,$A$1+$A$2*$A$3+2*(x-$A$3))"
    result = solver_model(fit(x, y, formula, (0.5, 0.7, 6)), adjustable="A1:A3").solve()
    assert result.fun < 1e-6 and result.x == pytest.approx([1, 0.5, 8.5], abs=1e-4)


def test_a_logarithm_of_a_sum_of_squares_has_the_same_fit():
    x, y, formula, parameters, _ = MISRA1A
    cells = fit(x, y, formula, (500, 0.0001), "COUNT({y})*LN(SUMXMY2({y},{f})/COUNT({y}))")
    assert solver_model(cells).solve().x == pytest.approx(parameters, rel=1e-5)


def test_a_weighted_fit_with_a_penalty_is_that_of_its_normal_equations():
    random = np.random.default_rng(2)
    x, weights = np.arange(12.0), random.uniform(0.1, 3, 12)
    y = 2 * x - 3 + random.normal(size=12)
    cells = fit(x, y, "$A$1+$A$2*x", (0, 0)) | {f"F{i + 1}": float(w) for i, w in enumerate(weights)}
    cells["B1"] = "=SUMPRODUCT(F1:F12,(D1:D12-E1:E12)^2)+0.5*SUMSQ(A1:A2)"
    design = np.column_stack([np.ones(12), x])
    best = np.linalg.solve(design.T @ (weights[:, None] * design) + 0.5 * np.eye(2), design.T @ (weights * y))
    assert solver_model(cells).solve().x == pytest.approx(best, rel=1e-7)
