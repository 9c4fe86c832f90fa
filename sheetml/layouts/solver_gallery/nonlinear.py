"""Smooth models that are not linear: risk, a fitted curve, prices, a queue."""

from __future__ import annotations

from sheetml.layouts.solver_gallery.page import Example, rows_at

MONEY = "#,##0.00"

_ASSETS = ["bonds", "shares", "property", "gold", "timber"]
_RETURNS = [0.025, 0.081, 0.056, 0.034, 0.062]
_COVARIANCE = [
    [0.0016, 0.0004, 0.0006, 0.0001, 0.0003], [0.0004, 0.0324, 0.0108, -0.0018, 0.0072],
    [0.0006, 0.0108, 0.0196, 0.0007, 0.0056], [0.0001, -0.0018, 0.0007, 0.0225, 0.0012],
    [0.0003, 0.0072, 0.0056, 0.0012, 0.0144],
]  # fmt: skip
PORTFOLIO = Example(
    "portfolio",
    "Portfolio: the least risk for a return",
    "How much of the money goes where, so that the year brings 6% with as little risk as can be (Markowitz, "
    "1952). The variance multiplies shares by one another: a quadratic program, convex, so that its minimum is "
    "the only one, and sheetml solves it as one though the file asks for GRG. Raise B19 step by step: the "
    "standard deviations draw the efficient frontier.",
    {
        **rows_at("A8", [["", "return", "share", "", *_ASSETS]]),
        **rows_at("A9", [
            [name, gain, 0.2, "", *row] for name, gain, row in zip(_ASSETS, _RETURNS, _COVARIANCE)
        ]),
        **rows_at("A15", [["shares in all", "=SUM(C9:C13)", "=", 1]]),
        **rows_at("A17", [
            ["variance", "=SUMPRODUCT(MMULT(E9:I13,C9:C13),C9:C13)"], ["standard deviation", "=SQRT(B17)"],
            ["return wanted", 0.06], ["return", "=SUMPRODUCT(B9:B13,C9:C13)"],
        ]),
    },
    by="C9:C13",
    goal={"minimise": "B17"},
    subject_to=["B15 = D15", "B20 >= B19"],
    headings="A8:A20,B8:I8",
    formats={"B9:B13": "0.0%", "C9:C13": "0.0%", "E9:I13": "0.0000", "B15": "0.0%", "D15": "0.0%", "B17": "0.000000",
             "B18:B20": "0.0%"},
    widths={"A": 20, "B:C": 11, "D": 6, "E:I": 10},
    comments={"E8": "The covariances of the returns: how much they move, and move together.",
              "B17": "shares' * covariances * shares"},
)  # fmt: skip

_RATE = [
    (0.1, 9.8),
    (0.2, 17.1),
    (0.4, 29.9),
    (0.8, 45.2),
    (1.5, 60.7),
    (2.5, 72.4),
    (4.0, 80.1),
    (7.0, 88.3),
    (12.0, 93.2),
]
CURVE_FIT = Example(
    "curve_fit",
    "Curve fit: an enzyme's constants",
    "How fast an enzyme works rises with what there is to work on and levels off: v = V * s / (K + s) (Michaelis "
    "and Menten, 1913). Solver finds V and K with the smallest sum of squared errors, in one cell. Any curve goes "
    "like this: write the formula down the column and let Solver change its constants. Sensible starts matter "
    "more than speed.",
    {
        **rows_at("A8", [["V", 50.0], ["K", 1.0]]),
        **rows_at("A11", [["s", "measured", "curve", "error²"]]),
        **rows_at("A12", [
            [s, v, f"=$B$8*A{row}/($B$9+A{row})", f"=(B{row}-C{row})^2"] for row, (s, v) in enumerate(_RATE, start=12)
        ]),
        **rows_at("A22", [["sum of squares", "", "", "=SUM(D12:D20)"]]),
    },
    by="B8:B9",
    goal={"minimise": "D22"},
    headings="A8:A9,A11:D11,A22",
    formats={"B8:B9": "0.000", "C12:C20": "0.00", "D12:D22": "0.000"},
    widths={"A": 16, "B:D": 11},
    comments={"C12": "The curve at this s with the constants above.", "B8": "A start: half of the largest rate or so."},
)  # fmt: skip

PRICING = Example(
    "pricing",
    "Pricing: two kinds of seats, one hall",
    "The dearer the seat, the fewer are sold: demand = a * EXP(-b * price), from past sales. Profit is (price - "
    "cost) * demand, and both kinds share the hall. Prices are what is changed, in blue. Without the hall's limit "
    "the best price would be cost + 1 / b; with it, the multiplier of the sensitivity report comes on top: what "
    "one more seat is worth.",
    {
        **rows_at("A8", [["seats", "a", "b", "cost", "price", "sold", "profit"]]),
        **rows_at("A9", [
            [name, a, b, cost, 40, f"=B{row}*EXP(-C{row}*E{row})", f"=(E{row}-D{row})*F{row}"]
            for row, (name, a, b, cost) in enumerate([("stalls", 900, 0.03, 8), ("gallery", 1500, 0.055, 5)], start=9)
        ]),
        **rows_at("A12", [["seats sold", "=SUM(F9:F10)", "<=", 400], ["profit", "=SUM(G9:G10)"]]),
    },
    by="E9:E10",
    goal={"maximise": "B13"},
    subject_to=["B12 <= D12"],
    headings="A8:A13,B8:G8",
    formats={"C9:C10": "0.000", "E9:E10": MONEY, "F9:F10": "0.0", "G9:G10": MONEY, "B12": "0.0", "B13": MONEY},
    widths={"A": 14, "B:G": 11},
    comments={"D12": "The seats of the hall. A change here is worth the constraint's multiplier a seat."},
)  # fmt: skip

QUEUEING = Example(
    "queueing",
    "Queueing: how fast to serve",
    "Customers come at random, 18 an hour, and are served one by one (M/M/1). On average rate / (speed - rate) of "
    "them are there. Speed costs money, waiting costs goodwill: the blue cell is the speed where both together "
    "are least. Nearer to 18 the queue grows without limit, so the speed is kept above it; at the best speed is "
    "rate + SQRT(waiting cost * rate / cost of speed).",
    {
        **rows_at("A8", [
            ["customers an hour", 18], ["cost of speed", 4.5], ["cost of waiting", 20],
            ["customers served an hour", 30], ["customers there", "=B8/(B11-B8)"], ["minutes each", "=60/(B11-B8)"],
            ["cost an hour", "=B9*B11+B10*B12"],
        ]),
    },
    by="B11",
    goal={"minimise": "B14"},
    subject_to=["B11 >= 18.001"],
    headings="A8:A14",
    formats={"B11:B13": "0.00", "B14": MONEY},
    widths={"A": 26, "B": 12},
    comments={"B12": "Little's law: the rate times the hours that each stays."},
)  # fmt: skip

EXAMPLES = (PORTFOLIO, CURVE_FIT, PRICING, QUEUEING)
