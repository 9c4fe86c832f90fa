"""Linear models: what to make, ship and mix, how efficient a unit is, and what has no answer."""

from __future__ import annotations

from typing import Any

from sheetml.layouts.solver_gallery.page import Example, rows_at

MONEY = "#,##0.00"

_PRODUCTS = ["chairs", "tables", "shelves"]
_MIX = {
    **rows_at("A8", [["", *_PRODUCTS, "used", "", "at hand"]]),
    **rows_at("A9", [["profit each", 45, 80, 60]]),
    **rows_at("A10", [
        ["wood, m²", 5, 20, 12, "=SUMPRODUCT(B10:D10,$B$14:$D$14)", "<=", 400],
        ["work, hours", 10, 15, 8, "=SUMPRODUCT(B11:D11,$B$14:$D$14)", "<=", 450],
        ["paint, litres", 1, 2, 3, "=SUMPRODUCT(B12:D12,$B$14:$D$14)", "<=", 75],
    ]),
    **rows_at("A14", [["pieces made", 0, 0, 0]]),
    **rows_at("A16", [["profit", "=SUMPRODUCT(B9:D9,B14:D14)"]]),
}  # fmt: skip
_MIX_LOOKS: dict[str, Any] = {
    "headings": "A8:A16,B8:G8",
    "formats": {"B9:D9": MONEY, "B16": MONEY, "B14:D14": "0.00", "E10:E12": "0.00"},
    "widths": {"A": 16, "B:G": 10},
}

PRODUCT_MIX = Example(
    "product_mix",
    "Product mix: what to make of what is at hand",
    "Each product brings a profit and takes wood, work and paint, of which there is only so much. The blue cells "
    "are what to make, the orange one is the profit. SUMPRODUCT of two rows is what makes a model linear: each "
    "amount times a fixed number. The shadow prices of the sensitivity report say what one more hour of work "
    "would be worth.",
    _MIX,
    by="B14:D14",
    goal={"maximise": "B16"},
    subject_to=["E10:E12 <= G10:G12"],
    model={"engine": "lp"},
    comments={"B16": "The objective. It is to be as large as possible.",
              "E10": "What the amounts in row 14 take. Solver keeps it at most at what is at hand, in column G."},
    **_MIX_LOOKS,
)  # fmt: skip

INFEASIBLE = Example(
    "infeasible",
    "Infeasible: promises that cannot all be kept",
    "The product mix again, but 20 tables and 15 shelves were promised, and what is at hand does not make them. "
    "No point meets all constraints. Solver in Excel says only that; sheetml names the fewest constraints that "
    "cannot hold together. Which one to give up is for people to decide.",
    {**_MIX, **rows_at("A15", [["promised", 0, 20, 15]]), "G12": 100},
    by="B14:D14",
    goal={"maximise": "B16"},
    subject_to=["E10:E12 <= G10:G12", "B14:D14 >= B15:D15"],
    model={"engine": "lp"},
    comments={"C15": "20 tables take 400 m² of wood: all there is. The shelves take wood too."},
    **_MIX_LOOKS,
)

UNBOUNDED = Example(
    "unbounded",
    "Unbounded: a constraint was forgotten",
    "The product mix again, but nobody said that paint and work are limited, and shelves no longer take wood: "
    "ever more shelves bring ever more profit. An unbounded model is never what was meant. The message names the "
    "cell that runs away: look there for what is missing.",
    {
        **{address: value for address, value in _MIX.items() if not address.endswith(("11", "12"))},
        "D10": 0,
    },
    by="B14:D14",
    goal={"maximise": "B16"},
    subject_to=["E10 <= G10"],
    model={"engine": "lp"},
    comments={"D10": "Shelves of what? With a 12 here the model has an answer."},
    **_MIX_LOOKS,
)

TRANSPORT = Example(
    "transport",
    "Transport: which plant supplies which town",
    "Above, what it costs to ship a ton; below, how many tons to ship, in blue. No plant ships more than it has, "
    "every town gets what it needs. With whole supplies and demands the answer is whole by itself: that is a "
    "theorem about such networks, so no cell need be declared an integer.",
    {
        **rows_at("A8", [["cost of a ton", "Bergen", "Lyon", "Porto", "Turin"]]),
        **rows_at("A9", [["plant A", 8, 6, 10, 9], ["plant B", 9, 12, 13, 7], ["plant C", 14, 9, 16, 5]]),
        **rows_at("A13", [["tons shipped", "Bergen", "Lyon", "Porto", "Turin", "sent", "", "supply"]]),
        **rows_at("A14", [
            [f"plant {plant}", 0, 0, 0, 0, f"=SUM(B{row}:E{row})", "<=", supply]
            for row, plant, supply in ((14, "A", 35), (15, "B", 50), (16, "C", 40))
        ]),
        **rows_at("A17", [["received", *(f"=SUM({column}14:{column}16)" for column in "BCDE")]]),
        **rows_at("A18", [["", ">=", ">=", ">=", ">="], ["demand", 45, 20, 30, 30]]),
        **rows_at("A21", [["cost", "=SUMPRODUCT(B9:E11,B14:E16)"]]),
    },
    by="B14:E16",
    goal={"minimise": "B21"},
    subject_to=["F14:F16 <= H14:H16", "B17:E17 >= B19:E19"],
    model={"engine": "lp"},
    headings="A8:A21,B8:E8,B13:H13",
    formats={"B21": MONEY},
    widths={"A": 16, "B:H": 10},
    comments={"B21": "Every ton times its cost: SUMPRODUCT of the two blocks."},
)  # fmt: skip

BLENDING = Example(
    "blending",
    "Blending: the cheapest feed that is good enough",
    "How many kilograms of each ingredient go into 100 kg of feed. Shares are stated of the whole: protein / 100 "
    "kg >= 18% would divide by a cell that changes and be no longer linear, if the whole were not fixed; protein "
    ">= 18% of the 100 kg is the same and is linear.",
    {
        **rows_at("A8", [["ingredient", "price a kg", "protein", "fat", "fibre", "kg"]]),
        **rows_at("A9", [
            ["maize", 0.22, 0.09, 0.04, 0.02, 0], ["soya meal", 0.48, 0.44, 0.02, 0.07, 0],
            ["wheat bran", 0.18, 0.15, 0.04, 0.11, 0], ["fish meal", 1.10, 0.62, 0.09, 0.01, 0],
            ["rape cake", 0.30, 0.34, 0.10, 0.12, 0],
        ]),
        **rows_at("A15", [
            ["in the feed, kg", "", *(f"=SUMPRODUCT({c}9:{c}13,$F$9:$F$13)" for c in "CDE"), "=SUM(F9:F13)"],
            ["", "", ">=", "<=", "<=", "="],
            ["of 100 kg", "", "=0.18*F17", "=0.06*F17", "=0.07*F17", 100],
        ]),
        **rows_at("A19", [["cost", "=SUMPRODUCT(B9:B13,F9:F13)"]]),
    },
    by="F9:F13",
    goal={"minimise": "B19"},
    subject_to=["C15 >= C17", "D15:E15 <= D17:E17", "F15 = F17"],
    model={"engine": "lp"},
    headings="A8:A19,B8:F8",
    formats={"B9:B13": MONEY, "C9:E13": "0%", "F9:F13": "0.00", "C15:F17": "0.00", "B19": MONEY},
    widths={"A": 16, "B:F": 11},
    comments={"C17": "At least 18% protein, at most 6% fat and 7% fibre."},
)  # fmt: skip

_UNITS = [
    ("North", 20, 151, 100, 90), ("East", 19, 131, 150, 50), ("South", 25, 160, 160, 55), ("West", 27, 168, 180, 72),
    ("Harbour", 22, 158, 94, 66), ("Station", 55, 255, 230, 90),
]  # fmt: skip
DATA_ENVELOPMENT = Example(
    "data_envelopment",
    "Data envelopment: how efficient is a branch?",
    "Each branch turns staff and rent into sales and visits. The branch in B17 chooses the weights (blue) that "
    "make it look best, so that no branch has outputs worth more than its inputs. If it still does not come to 1, "
    "others do better on its own terms. Charnes, Cooper and Rhodes, 1978. Change B17 (1 to 6) and solve again.",
    {
        **rows_at("A8", [["branch", "staff", "rent", "sales", "visits", "inputs", "outputs", "difference"]]),
        **rows_at("A9", [
            [*unit, f"=SUMPRODUCT(B{row}:C{row},$B$15:$C$15)", f"=SUMPRODUCT(D{row}:E{row},$D$15:$E$15)",
             f"=G{row}-F{row}"]
            for row, unit in enumerate(_UNITS, start=9)
        ]),
        **rows_at("A15", [["weights", 0, 0, 0, 0]]),
        **rows_at("A17", [["branch number", 5, "=INDEX(A9:A14,B17)"], ["its inputs", "=INDEX(F9:F14,B17)"]]),
        **rows_at("A19", [["efficiency", "=INDEX(G9:G14,B17)"]]),
    },
    by="B15:E15",
    goal={"maximise": "B19"},
    subject_to=["H9:H14 <= 0", "B18 = 1"],
    model={"engine": "lp"},
    headings="A8:A19,B8:H8",
    formats={"B15:E15": "0.00000", "F9:H14": "0.0000", "B18:B19": "0.0000"},
    widths={"A": 16, "B:H": 11},
    comments={"B18": "Its inputs are worth 1: so its outputs are the quotient of both, which would not be linear."},
)  # fmt: skip

EXAMPLES = (PRODUCT_MIX, TRANSPORT, BLENDING, DATA_ENVELOPMENT, INFEASIBLE, UNBOUNDED)
