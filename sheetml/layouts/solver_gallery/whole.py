"""Models with whole numbers: yes and no, how many, and in which order."""

from __future__ import annotations

from sheetml.formula.references import column_letters
from sheetml.layouts.solver_gallery.page import Cells, Example, column_at, rows_at

MONEY = "#,##0.00"

_COST = [[14, 5, 8, 7, 15], [2, 12, 6, 5, 3], [7, 8, 3, 9, 7], [2, 4, 6, 10, 9], [11, 6, 9, 8, 4]]
_PEOPLE, _JOBS = ["Ada", "Ben", "Cleo", "Dan", "Eve"], ["roof", "paint", "floor", "door", "wires"]
ASSIGNMENT = Example(
    "assignment",
    "Assignment: who does which job",
    "Everybody does one job, every job is done once. A 1 in the blue block says who does what. Below each other, "
    "hours needed and the choice; SUMPRODUCT of both is the total. The blue cells are declared binary, though "
    "without it this model would come to whole numbers as well.",
    {
        **rows_at("A8", [["hours", *_JOBS]]),
        **rows_at("A9", [[name, *row] for name, row in zip(_PEOPLE, _COST)]),
        **rows_at("A15", [["choice", *_JOBS, "jobs"]]),
        **rows_at("A16", [[name, 0, 0, 0, 0, 0, f"=SUM(B{row}:F{row})"] for row, name in enumerate(_PEOPLE, start=16)]),
        **rows_at("A21", [["people", *(f"=SUM({column}16:{column}20)" for column in "BCDEF")]]),
        **rows_at("A23", [["hours in all", "=SUMPRODUCT(B9:F13,B16:F20)"]]),
    },
    by="B16:F20",
    goal={"minimise": "B23"},
    subject_to=["G16:G20 = 1", "B21:F21 = 1"],
    model={"engine": "lp", "binary": "B16:F20"},
    headings="A8:A23,B8:F8,B15:G15",
    widths={"A": 16, "B:G": 9},
    comments={"B23": "Hours of what is chosen: where the choice is 0 nothing is added."},
)

_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_NEEDED = [17, 13, 15, 19, 14, 16, 11]
SHIFT_SCHEDULE = Example(
    "shift_schedule",
    "Shifts: the fewest people for a week",
    "Everybody works five days in a row and has two off. The blue cells say how many begin on each day; the row "
    "below is who is there on a day: those who began on it or on one of the four days before. People are whole: "
    "without the integer constraint 22.33 of them would do.",
    {
        **rows_at("A8", [["", *_DAYS]]),
        **rows_at("A9", [["begin", 0, 0, 0, 0, 0, 0, 0]]),
        **rows_at("A10", [[
            "at work",
            *("=" + "+".join(f"{column_letters(2 + (day - back) % 7)}9" for back in range(5)) for day in range(7)),
        ]]),
        **rows_at("A11", [["", *[">="] * 7], ["needed", *_NEEDED]]),
        **rows_at("A14", [["people", "=SUM(B9:H9)"]]),
    },
    by="B9:H9",
    goal={"minimise": "B14"},
    subject_to=["B10:H10 >= B12:H12"],
    model={"engine": "lp", "integer": "B9:H9"},
    headings="A8:A14,B8:H8",
    widths={"A": 16, "B:H": 7},
    comments={"B10": "On Monday: who begins on Monday, Sunday, Saturday, Friday or Thursday."},
)  # fmt: skip

_ITEMS = [
    ("tent", 42, 21), ("stove", 30, 9), ("camera", 36, 12), ("books", 14, 15), ("rope", 20, 11), ("lamp", 17, 4),
    ("chess", 9, 5), ("water", 50, 26), ("maps", 12, 2), ("guitar", 27, 18), ("jacket", 33, 14), ("radio", 11, 6),
]  # fmt: skip
KNAPSACK = Example(
    "knapsack",
    "Knapsack: what to take along",
    "Each thing has a value and a weight, the bag carries 57 kg. A blue cell is 1 if the thing is taken. Taking "
    "the best value a kilogram first comes to a value of 148; the best there is, is 157. Trying all 4,096 choices "
    "would do here, but their number doubles with every further thing. Branch and bound looks at a few.",
    {
        **rows_at("A8", [["thing", "value", "kg", "taken"]]),
        **rows_at("A9", [[*item, 0] for item in _ITEMS]),
        **rows_at("A22", [["weight", "=SUMPRODUCT(C9:C20,D9:D20)", "<=", 57]]),
        **rows_at("A23", [["value", "=SUMPRODUCT(B9:B20,D9:D20)"]]),
    },
    by="D9:D20",
    goal={"maximise": "B23"},
    subject_to=["B22 <= D22"],
    model={"engine": "lp", "binary": "D9:D20"},
    headings="A8:A23,B8:D8",
    widths={"A": 16, "B:D": 9},
    comments={"D22": "What the bag carries."},
)

FIXED_CHARGE = Example(
    "fixed_charge",
    "Fixed charge: which machines to switch on",
    "A machine that runs at all costs its fixed charge. IF(amount>0, charge, 0) would say so, but is not linear. "
    "Instead a binary cell says whether it runs, and amount <= capacity * runs forces it to 1 where anything is "
    "made. This trick is behind most models of plants, routes and warehouses.",
    {
        **rows_at("A8", [["machine", "fixed", "each", "capacity", "made", "", "at most", "runs"]]),
        **rows_at("A9", [
            [name, fixed, each, capacity, 0, "<=", f"=D{row}*H{row}", 0]
            for row, (name, fixed, each, capacity) in enumerate(
                [("old press", 50, 6.0, 300), ("new press", 400, 3.5, 500), ("laser", 900, 1.2, 700),
                 ("subcontractor", 0, 9.5, 1000), ("night shift", 250, 4.1, 350)], start=9)
        ]),
        **rows_at("A15", [["made in all", "=SUM(E9:E13)", ">=", 820]]),
        **rows_at("A16", [["cost", "=SUMPRODUCT(B9:B13,H9:H13)+SUMPRODUCT(C9:C13,E9:E13)"]]),
    },
    by="E9:E13,H9:H13",
    goal={"minimise": "B16"},
    subject_to=["E9:E13 <= G9:G13", "B15 >= D15"],
    model={"engine": "lp", "binary": "H9:H13"},
    headings="A8:A16,B8:H8",
    formats={"C9:C13": MONEY, "B16": MONEY},
    widths={"A": 16, "B:H": 10},
    comments={"G9": "0 where the machine does not run."},
)  # fmt: skip

CLUES = [
    "...75..3.", "2619.3...", "....2....", "738...5.9", "....3.62.", ".......4.", "34.6.52.8", "..2..8..1", "..7..9..5",
]  # fmt: skip


def _sudoku() -> Cells:
    """The clues, the answer, and 729 yes-or-no cells: nine blocks below each other, one a digit."""
    cells: Cells = {"A8": "clues", "A19": "answer", "L8": "yes or no", "V8": "given", "AF8": "in the row"}
    cells |= rows_at("A9", [[int(clue) if clue != "." else None for clue in row] for row in CLUES])
    answer, given = [], []
    for row in range(9):
        answer.append([
            "=" + "+".join(f"{digit + 1}*{column_letters(12 + column)}{9 + 9 * digit + row}" for digit in range(9))
            for column in range(9)
        ])  # fmt: skip
    for digit in range(9):
        for row in range(9):
            given.append([f"=IF({column_letters(1 + column)}{9 + row}={digit + 1},1,0)" for column in range(9)])
    cells |= rows_at("A20", answer) | rows_at("L9", [[0] * 9] * 81) | rows_at("V9", given)
    cells |= column_at("AF9", [f"=SUM(L{row}:T{row})" for row in range(9, 90)])
    columns, boxes, once = [], [], []
    letters = [column_letters(12 + column) for column in range(9)]
    for digit in range(9):
        top = 9 + 9 * digit
        columns.append([f"=SUM({letter}{top}:{letter}{top + 8})" for letter in letters])
        boxes.append([
            f"=SUM({letters[right]}{top + down}:{letters[right + 2]}{top + down + 2})"
            for down in (0, 3, 6) for right in (0, 3, 6)
        ])  # fmt: skip
        once.append([
            "=" + "+".join(f"{letter}{9 + 9 * other + digit}" for other in range(9)) for letter in letters
        ])  # fmt: skip
    cells |= {"AH8": "in the column", "AH19": "in the box", "AH30": "digits in the cell"}
    return cells | rows_at("AH9", columns) | rows_at("AH20", boxes) | rows_at("AH31", once)


SUDOKU = Example(
    "sudoku",
    "Sudoku: 729 times yes or no",
    "Is there a 3 in this cell? One yes-or-no cell for each digit and place: nine blocks of 9 by 9, blue. Each "
    "digit is once in each row, column and box, each place holds one digit, and what is given stays. There is no "
    "objective: any point that meets the constraints is the answer. Excel's own Solver takes 200 cells at most "
    "and refuses; sheetml and OpenSolver do not.",
    _sudoku(),
    by="L9:T89",
    subject_to=["L9:T89 >= V9:AD89", "AF9:AF89 = 1", "AH9:AP17 = 1", "AH20:AP28 = 1", "AH31:AP39 = 1"],
    model={"engine": "lp", "binary": "L9:T89"},
    headings="A8,A19,L8,V8,AF8,AH8,AH19,AH30",
    widths={"A:I": 3.5, "J:K": 2, "L:T": 3, "U": 2, "V:AD": 3, "AE": 2, "AF": 10, "AG": 2, "AH:AP": 4},
    comments={"L9": "1 if there is a 1 in the first cell of the first row. The 2s begin in row 18.",
              "A20": "The digit whose cell says yes."},
)  # fmt: skip

_TOWNS = [
    ("Ayr", 12, 71), ("Bray", 55, 92), ("Cork", 8, 24), ("Deal", 91, 33), ("Ely", 63, 58), ("Fowey", 30, 8),
    ("Goole", 72, 81), ("Hove", 49, 14), ("Ilkley", 38, 66), ("Jedburgh", 21, 47), ("Kendal", 84, 62),
    ("Leeds", 69, 27),
]  # fmt: skip


def _tour() -> Cells:
    count = len(_TOWNS)
    first, last = 9, 8 + count
    cells = rows_at("A8", [["town", "x", "y", "", "order", "town", "next", "km"]]) | rows_at("A9", list(_TOWNS))
    distance = [
        [f"=SQRT(($B{9 + row}-$B${9 + column})^2+($C{9 + row}-$C${9 + column})^2)" for column in range(count)]
        for row in range(count)
    ]
    matrix = f"$K${first}:${column_letters(10 + count)}${last}"
    for position in range(count):
        row = first + position
        after = first + (position + 1) % count
        cells |= rows_at(f"E{row}", [[
            position + 1, f"=INDEX($A${first}:$A${last},E{row})", f"=INDEX($A${first}:$A${last},E{after})",
            f"=INDEX({matrix},E{row},E{after})",
        ]])  # fmt: skip
    cells |= rows_at("K8", [["distances"]]) | rows_at("K9", distance)
    return cells | {f"G{last + 2}": "length", f"H{last + 2}": f"=SUM(H{first}:H{last})"}


TOUR = Example(
    "tour",
    "Tour: through twelve towns and back",
    "The blue cells are the towns' numbers in the order of the visit: 1 to 12, each once, which is what "
    "AllDifferent says. The length looks up the distance from each to the next in the table on the right. There are "
    "20 million tours of twelve towns. Excel's Evolutionary engine tries some; sheetml reads the table of distances "
    "off the formulas and, where OR-tools is installed (sheetml[tours]), proves which tour is the shortest.",
    _tour(),
    by="E9:E20",
    goal={"minimise": "H22"},
    model={"engine": "evolutionary", "all_different": "E9:E20"},
    headings="A8:H8,G22,K8",
    formats={"H9:H20": "0.0", "H22": "0.0", "K9:V20": "0.0"},
    widths={"A": 12, "B:E": 7, "F:G": 12, "H": 9, "I:J": 2, "K:V": 7},
    comments={"H9": "The distance from this town to the next; from the last one back to the first."},
)

EXAMPLES = (ASSIGNMENT, SHIFT_SCHEDULE, KNAPSACK, FIXED_CHARGE, SUDOKU, TOUR)
