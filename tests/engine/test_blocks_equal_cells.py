"""The law of blocks: a formula filled over cells gives each of them what it gives there alone.

Operands are drawn for each cell: numbers, text, booleans, errors, blanks, options, areas of other sizes
and places. A function without a line in operands.py fails.
"""

from __future__ import annotations

import math
import os
import random
from typing import Any

import numpy as np
import pytest

from sheetml.engine.block_values import evaluated
from sheetml.engine.functions import FUNCTIONS
from sheetml.engine.values import Value, to_objects
from sheetml.formula.references import cell_name
from tests.engine.filling import filled
from tests.engine.functions import operands
from tests.workbooks import made

CELLS = 5  # that the formula is filled over
WIDTH = 5  # columns of data that an operand has to itself
ODD = ["x", "2", True, "#N/A", "#DIV/0!", None, ""]
EXAMPLES = int(os.environ.get("SHEETML_EXAMPLES", "3"))  # of each line of operands


class Drawing:
    """Draws a formula of some operands, and the cells it reads; turned by 90 degrees if it is filled right."""

    def __init__(self, seed: str, turned: bool) -> None:
        self.random = random.Random(seed)
        self.turned = turned
        self.cells: dict[str, Any] = {}
        self.column = 1

    def place(self, row: int, column: int, absolute: bool = False) -> str:
        name = cell_name(column, row) if self.turned else cell_name(row, column)
        if not absolute:
            return name
        letters = name.rstrip("0123456789")
        return f"${letters}${name[len(letters) :]}"

    def item(self, word: str, odd: float) -> Any:
        draw = self.random
        if draw.random() < odd:
            return draw.choice(ODD)
        if "|" in word or word.lstrip("-").isdigit():
            choice = draw.choice(word.split("|"))
            return choice.strip("'") if choice.startswith("'") else float(choice)
        return {
            "n": lambda: round(draw.uniform(0.2, 4), draw.choice([1, 6])),
            "i": lambda: draw.choice([1, 2, 3, 4]),
            "p": lambda: draw.choice([0.05, 0.1, 0.5, 0.9]),
            "s": lambda: round(draw.uniform(-3, 3), 3),
            "d": lambda: draw.randint(40000, 44000),
            "t": lambda: draw.choice(["a", "b", "a-b-a", "Ab c", "-"]),
            "v": lambda: draw.choice([1, 2, 3, 2.5, "a", "b", True, None]),
            "b": lambda: draw.choice([0, 1, True, False]),
            "c": lambda: draw.choice([1, 2, ">1", "<>2", "a", "a*", "<2"]),
            "a": lambda: draw.choice([1, 2, 3, round(draw.uniform(0.2, 4), 2)]),
            "r": lambda: draw.choice([1, 2, 3, "a", round(draw.uniform(0.2, 4), 2)]),
        }[word]()

    def operand(self, word: str) -> str:
        if word.startswith("'") and "|" not in word:
            return word.strip("'")
        first = self.column
        self.column += WIDTH
        odd = self.random.choice([0.0, 0.0, 0.15])
        kind = word
        for row in range(1, CELLS + 4):
            for column in range(first, first + WIDTH - 1):
                self.cells[self.place(row, column)] = self.item(kind, odd)
            self.cells[self.place(row, first + WIDTH - 1)] = self.random.choice([1, 2])
        return self.area(first) if word in ("a", "r") else self.scalar(first)

    def scalar(self, first: int) -> str:
        own = self.place(1, first)
        flag = self.place(1, first + WIDTH - 1)
        return self.random.choice(
            [own] * 6 + [self.place(1, first, True), f"IF({flag}=1,{own},{self.place(1, first + 1)})"]
        )

    def area(self, first: int) -> str:
        along = f"{self.place(1, first)}:{self.place(1, first + 2)}"
        fixed = f"{self.place(1, first, True)}:{self.place(1, first + 2, True)}"
        across = f"{self.place(1, first)}:{self.place(3, first)}"
        longer = f"{self.place(1, first)}:{self.place(1, first + 3)}"
        flag = self.place(1, first + WIDTH - 1)
        size = f"1+{flag},1" if self.turned else f"1,1+{flag}"
        return self.random.choice(
            [along] * 4
            + [fixed, fixed, across, across]
            + [f"IF({flag}=1,{along},{fixed})", f"CHOOSE({flag},{along},{longer})"]
            + [f"OFFSET({self.place(1, first)},0,0,{size})", f"INDEX(({along},{longer}),0,0,{flag})"]
        )

    def arguments(self, words: list[str]) -> list[str]:
        result: list[str] = []
        for word in words:
            if word.startswith("?"):
                if self.random.random() < 0.4:
                    break
                word = word[1:]
            repeated = word.endswith("+")
            word = word.rstrip("+")
            result += [self.operand(word) for _ in range(self.random.choice([1, 2]) if repeated else 1)]
        return result

    def formula(self, name: str, words: list[str]) -> str:
        arguments = self.arguments(words)
        wrapped = self.random.choice(["{}", "{}", "SUM({})", "IFERROR({},-1)", "SUMPRODUCT({}+0)"])
        return "=" + wrapped.format(_written(name, arguments))


def _written(name: str, arguments: list[str]) -> str:
    if name in FUNCTIONS:
        return f"{name}({','.join(arguments)})"
    if name in ("negative", "percent", "single", "array"):
        shape = {"negative": "-({0})", "percent": "({0})%", "single": "@{0}", "array": "SUM(({0})*({1}))"}[name]
        return shape.format(*arguments)
    operator = {"range": ":", "union": ",", "intersection": " "}.get(name, name)
    return "(" + operator.join(arguments) + ")"


VOLATILE = {name for name, function in FUNCTIONS.items() if function.volatile}
CASES = {
    f"{name} {' '.join(words)}": (name, words)
    for name, words in [*operands.FUNCTIONS, *operands.lines(operands.OPERATORS)]
    if name not in VOLATILE
}


@pytest.mark.parametrize("case", CASES)
def test_a_block_equals_its_cells_alone(case: str) -> None:
    name, words = CASES[case]
    for example in range(EXAMPLES):
        drawing = Drawing(f"{case} {example}", turned=example % 2 == 1)
        formula = drawing.formula(name, words)
        workbook = made(drawing.cells)
        rows = range(1, CELLS + 1)
        column = drawing.column + 3
        places = [(column, row) if drawing.turned else (row, column) for row in rows]
        block, context = filled(workbook, formula, places)
        with np.errstate(all="ignore"):
            together = outcome(context, block)
            for cell in range(CELLS):
                alone = outcome(context.select(np.array([cell])), block)
                if isinstance(together, str) and isinstance(alone, str):
                    continue
                assert not isinstance(together, str), f"{formula} fails for all: {together}"
                assert not isinstance(alone, str), f"{formula} fails alone: {alone}"
                here = to_objects(together)[cell if together.shape[0] > 1 else 0]
                own = to_objects(alone)[0]
                message = f"{formula}, cell {cell + 1}: {here.tolist()} with the others, {own.tolist()} alone"
                assert same(here[0, 0], own[0, 0]), message


def outcome(context: Any, block: Any) -> Value | str:
    try:
        return evaluated(context, block)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and not isinstance(left, bool):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return type(left) is type(right) and left == right


def test_every_function_has_a_line_of_operands() -> None:
    known = {FUNCTIONS[name].evaluate for name, _ in operands.FUNCTIONS if name in FUNCTIONS}
    missing = sorted(name for name, function in FUNCTIONS.items() if function.evaluate not in known)
    assert missing == [], "add a line for these to tests/engine/functions/operands.py"
    assert sorted({name for name, _ in operands.FUNCTIONS} - set(FUNCTIONS)) == []
