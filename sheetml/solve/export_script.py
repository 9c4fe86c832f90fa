"""A program as a Python script: data that can be read, and a few lines that solve it with SciPy or highspy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.sparse import triu

from sheetml.solve.linear.program import Program

if TYPE_CHECKING:
    from sheetml.solve.model import SolverModel

LINEAR = '''
def solve():
    """The best values of the cells, in the order of CELLS, by HiGHS within SciPy."""
    cells, rows = list(CELLS), csr_array((len(CONSTRAINTS), len(CELLS))).tolil()
    position = {cell: number for number, cell in enumerate(cells)}
    for number, (_, _, _, coefficients) in enumerate(CONSTRAINTS):
        for cell, coefficient in coefficients.items():
            rows[number, position[cell]] = coefficient
    lowest, highest, whole = map(np.array, zip(*CELLS.values()))
    result = milp(
        SIGN * np.array([OBJECTIVE.get(cell, 0.0) for cell in cells]),
        integrality=whole.astype(int),
        bounds=Bounds(lowest, highest),
        constraints=[LinearConstraint(rows.tocsr(), [row[1] for row in CONSTRAINTS], [row[2] for row in CONSTRAINTS])]
        if CONSTRAINTS
        else [],
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        raise SystemExit(result.message)
    return result.x
'''

QUADRATIC = '''
def solve():
    """The best values of the cells, in the order of CELLS, by HiGHS."""
    position = {cell: number for number, cell in enumerate(CELLS)}
    model = highspy.HighsModel()
    lp = model.lp_
    lp.num_col_, lp.num_row_ = len(CELLS), len(CONSTRAINTS)
    lp.col_cost_ = np.array([SIGN * OBJECTIVE.get(cell, 0.0) for cell in CELLS])
    lp.col_lower_, lp.col_upper_, _ = map(np.array, zip(*CELLS.values()))
    lp.row_lower_ = np.array([row[1] for row in CONSTRAINTS])
    lp.row_upper_ = np.array([row[2] for row in CONSTRAINTS])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.cumsum([0] + [len(row[3]) for row in CONSTRAINTS])
    lp.a_matrix_.index_ = np.array([position[cell] for row in CONSTRAINTS for cell in row[3]])
    lp.a_matrix_.value_ = np.array([value for row in CONSTRAINTS for value in row[3].values()])
    second = np.zeros((len(CELLS), len(CELLS)))  # the second derivatives of what is minimised
    for (one, other), coefficient in QUADRATIC.items():
        second[position[one], position[other]] += SIGN * coefficient
        second[position[other], position[one]] += SIGN * coefficient
    lower = [[(row, second[row, column]) for row in range(column, len(CELLS)) if second[row, column]]
             for column in range(len(CELLS))]
    model.hessian_.dim_ = len(CELLS)
    model.hessian_.format_ = highspy.HessianFormat.kTriangular
    model.hessian_.start_ = np.cumsum([0] + [len(column) for column in lower])
    model.hessian_.index_ = np.array([row for column in lower for row, _ in column])
    model.hessian_.value_ = np.array([value for column in lower for _, value in column])
    solver = highspy.Highs()
    solver.silent()
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SystemExit(solver.modelStatusToString(solver.getModelStatus()))
    return np.array(solver.getSolution().col_value)
'''

MAIN = '''

def objective(x):
    """What the objective cell comes to."""
    values = dict(zip(CELLS, x))
    total = CONSTANT + sum(coefficient * values[cell] for cell, coefficient in OBJECTIVE.items())
    return total + sum(coefficient * values[one] * values[other] for (one, other), coefficient in QUADRATIC.items())


if __name__ == "__main__":
    best = solve()
    print(f"objective = {float(objective(best))!r}")
    for cell, value in zip(CELLS, best):
        print(f"{cell} = {float(value)!r}")
'''


def script(program: Program, cells: list[str], said: list[str], model: SolverModel) -> str:
    """The script; `cells` names the unknowns, `said` the rows."""
    curved = program.hessian is not None
    imports = ["import highspy", "import numpy as np"] if curved else [
        "import numpy as np", "from scipy.optimize import Bounds, LinearConstraint, milp",
        "from scipy.sparse import csr_array",
    ]  # fmt: skip
    words = [line.replace("\\", "/").replace('"', "'") for line in model.describe()[:-1]]
    parts = [
        f'"""Sheet {model.sheet} of {model.workbook.path.name}, a Solver model written by sheetml.\n',
        *words,
        f'\nRuns on NumPy and {"highspy" if curved else "SciPy"} alone.\n"""'.replace("\\", "/"),
        "",
        *imports,
        "",
        'INF = float("inf")',
        f"SIGN = {int(program.sign)}  # {'what is minimised' if program.sign > 0 else 'maximised: its negative'}",
        "",
        "CELLS = {  # each adjustable cell: its lowest and its highest value, whether it holds a whole number",
        *_lines_of_cells(program, cells),
        "}",
        f"CONSTANT = {_number(program.sign * program.offset)}",
        "OBJECTIVE = {  # the coefficient of each cell",
        *(f"    {cell!r}: {_number(program.sign * cost)}," for cell, cost in zip(cells, program.cost) if cost),
        "}",
        *_lines_of_quadratic(program, cells),
        "CONSTRAINTS = [  # what it says, lowest and highest value, the coefficient of each cell",
        *_lines_of_rows(program, cells, said),
        "]",
        "",
        (QUADRATIC if curved else LINEAR).rstrip("\n"),
    ]
    return "\n".join(parts) + "\n" + MAIN


def _lines_of_cells(program: Program, cells: list[str]) -> list[str]:
    rows = zip(cells, program.lower, program.upper, program.whole)
    return [f"    {cell!r}: ({_number(low)}, {_number(high)}, {bool(whole)})," for cell, low, high, whole in rows]


def _lines_of_quadratic(program: Program, cells: list[str]) -> list[str]:
    """The products of two cells: x @ hessian @ x / 2 as one coefficient for each pair."""
    if program.hessian is None:
        return ["QUADRATIC = {}"]
    pairs = triu(program.hessian, format="coo")
    lines = [
        f"    ({cells[row]!r}, {cells[column]!r}): {_number(program.sign * value * (0.5 if row == column else 1.0))},"
        for row, column, value in zip(pairs.row.tolist(), pairs.col.tolist(), pairs.data.tolist())
        if value
    ]
    return ["QUADRATIC = {  # the coefficient of each product of two cells", *lines, "}"]


def _lines_of_rows(program: Program, cells: list[str], said: list[str]) -> list[str]:
    lines = []
    for number, (words, low, high) in enumerate(zip(said, program.row_lower, program.row_upper)):
        row = slice(*program.matrix.indptr[number : number + 2])
        terms = zip(program.matrix.indices[row].tolist(), program.matrix.data[row].tolist())
        coefficients = ", ".join(f"{cells[place]!r}: {_number(value)}" for place, value in terms if value)
        lines.append(f"    ({words!r}, {_number(low)}, {_number(high)}, {{{coefficients}}}),")
    return lines


def _number(number: float) -> str:
    number = float(number) + 0.0
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    return repr(number)
