"""Random formulas over random cells: sheetml and LibreOffice, two programs that know nothing of each other, agree.

Left out is only where LibreOffice differs from Excel by design: truth values in ranges (it counts them as
numbers), 0^0, which of several errors is shown, and pairs with a blank in SUMXMY2.
"""

from __future__ import annotations

import random

import openpyxl
import pytest

import sheetml
from sheetml import ErrorCode
from tests.libreoffice import recalculated

ROWS = 12
FORMULAS = 400


class Formulas:
    """Draws formulas over A1:F12, of which A:C hold numbers only and D:F numbers, text, blanks and an error."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def cell(self, columns: str = "ABCDEF") -> str:
        dollars = [self.random.choice(["", "$"]) for _ in (1, 2)]
        return f"{dollars[0]}{self.random.choice(columns)}{dollars[1]}{self.random.randint(1, ROWS)}"

    def area(self, height: int = 0, width: int = 0, columns: str = "ABCDEF") -> str:
        height = height or self.random.randint(1, 5)
        width = width or self.random.randint(1, len(columns) // 2)
        left = self.random.randint(0, len(columns) - width)
        top = self.random.randint(1, ROWS - height + 1)
        return f"{columns[left]}{top}:{columns[left + width - 1]}{top + height - 1}"

    def number(self, depth: int) -> str:
        if depth <= 0:
            literal = self.random.choice([str(self.random.randint(-5, 9)), f"{self.random.uniform(-3, 3):.2f}"])
            return self.random.choice([self.cell(), literal])
        kinds = [self.arithmetic, self.arithmetic, self.function, self.aggregate, self.pairs, self.criteria]
        kinds += [self.lookup, self.condition, self.text]
        return self.random.choice(kinds)(depth - 1)

    def arithmetic(self, depth: int) -> str:
        left, right = self.number(depth), self.number(depth)
        forms = [f"({left}+{right})", f"({left}-{right})", f"{left}*{right}", f"({left})/({right})"]
        forms += [f"-({left})", f"({left})^2", f"({left})%"]
        return self.random.choice(forms)

    def function(self, depth: int) -> str:
        x, y, digits = self.number(depth), self.number(depth), self.random.randint(-1, 3)
        forms = [f"{name}({x})" for name in ("ABS", "SIN", "TANH", "SIGN", "INT", "ATAN", "NORMSDIST", "LN", "N")]
        forms += [f"{name}({x},{digits})" for name in ("ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC")]
        forms += [f"SQRT(ABS({x}))", f"EXP(({x})/10)", f"MOD({x},{y})", f"ATAN2({x},{y})", f"MAX({x},{y})"]
        return self.random.choice(forms)

    def aggregate(self, depth: int) -> str:
        names = [
            "SUM",
            "AVERAGE",
            "MIN",
            "MAX",
            "COUNT",
            "COUNTA",
            "SUMSQ",
            "STDEV",
            "VAR",
            "MEDIAN",
            "STDEVP",
            "VARP",
            "DEVSQ",
            "AVEDEV",
        ]
        arguments = [self.random.choice([self.area(), self.number(depth)]) for _ in range(self.random.randint(1, 3))]
        ranked = [f"{name}({self.area(4, 2)},{self.random.randint(1, 4)})" for name in ("LARGE", "SMALL")]
        ranked += [f"PERCENTILE({self.area(4, 2)},0.{self.random.randint(1, 9)})", f"COUNTBLANK({self.area()})"]
        return self.random.choice([f"{self.random.choice(names)}({','.join(arguments)})", *ranked])

    def pairs(self, depth: int) -> str:
        names = ["SUMPRODUCT", "SUMXMY2", "SUMX2MY2", "SUMX2PY2", "CORREL", "SLOPE", "INTERCEPT", "RSQ", "COVAR"]
        height, width = self.random.randint(2, 5), self.random.randint(1, 3)
        areas = [self.area(height, width, "ABC") for _ in (1, 2)]
        return f"{self.random.choice(names)}({areas[0]},{areas[1]})"

    def criteria(self, depth: int) -> str:
        height, width = self.random.randint(2, 6), self.random.randint(1, 2)
        tests = ['">0"', '"<=2"', '"<>0"', '"abc"', '"a*"', '"=0"', "3", '"<>"']
        first, second = self.random.choice(tests), self.random.choice(tests)
        a, b, c = (self.area(height, width) for _ in range(3))
        forms = [f"COUNTIF({a},{first})", f"SUMIF({a},{first},{b})", f"SUMIFS({a},{b},{first},{c},{second})"]
        return self.random.choice([*forms, f"AVERAGEIF({a},{first})", f"COUNTIFS({a},{first},{b},{second})"])

    def lookup(self, depth: int) -> str:
        row, column, key = self.random.randint(1, 4), self.random.randint(1, 2), self.cell("ABC")
        corner = f"{self.random.choice('ABC')}{self.random.randint(1, 6)}"
        forms = [f"INDEX({self.area(4, 2)},{row},{column})", f"MATCH({key},{self.area(6, 1)},0)"]
        forms += [f"VLOOKUP({key},{self.area(6, 2)},2,FALSE)", f"HLOOKUP({key},{self.area(3, 3)},2,FALSE)"]
        forms += [f"OFFSET({corner},{row},{column})", f"SUM(OFFSET({corner},{row},0,2,{column}))"]
        return self.random.choice([*forms, f"CHOOSE({column},{self.number(depth)},{self.number(depth)})"])

    def condition(self, depth: int) -> str:
        test = f"{self.cell('ABC')}{self.random.choice(['>', '<', '>=', '<=', '=', '<>'])}{self.cell('ABC')}"
        x, y = self.number(depth), self.number(depth)
        forms = [f"IF({test},{x},{y})", f"IFERROR({x},{y})", f"IF(AND({test},{self.cell('ABC')}>0),{x},{y})"]
        return self.random.choice([*forms, f"IF(OR({test},ISBLANK({self.cell()})),{x},{y})", f"ISERROR({x})*1"])

    def text(self, depth: int) -> str:
        cell = self.cell()
        forms = [f'LEN({cell}&"x")', f'LEN(SUBSTITUTE({cell}&"abab","a","zz",2))', f'FIND("b","{"ab" * depth}b")']
        return self.random.choice([*forms, f'VALUE(MID("12"&{self.cell("ABC")}&"5",1,2))', f"LEN(UPPER({cell}))"])

    def content(self, column: str) -> object:
        mixed = column in "DEF" and self.random.random() < 0.3
        if mixed:
            return self.random.choice(["abc", "x", "Zebra", "apple", None, None, 0])
        return round(self.random.uniform(-10, 10), 2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sheetml_and_libreoffice_agree(tmp_path, seed):
    formulas = Formulas(seed)
    book = openpyxl.Workbook()
    sheet = book.active
    for row in range(1, ROWS + 1):
        for column in "ABCDEF":
            sheet[f"{column}{row}"] = formulas.content(column)
    sheet["E5"] = "=1/0"
    for row in range(1, FORMULAS + 1):
        sheet.cell(row, 8, f"={formulas.number(formulas.random.randint(1, 3))}")
    book.save(tmp_path / "book.xlsx")
    workbook = sheetml.open(tmp_path / "book.xlsx")
    workbook.calculate()
    theirs = recalculated(tmp_path / "book.xlsx")["Sheet"]
    ours = workbook["Sheet"]
    assert not workbook.problems
    different = {
        f"H{row}": (sheet.cell(row, 8).value, ours[f"H{row}"], theirs.get(f"H{row}"))
        for row in range(1, FORMULAS + 1)
        if not agree(ours[f"H{row}"], theirs.get(f"H{row}"))
    }
    assert not different


def agree(ours: object, theirs: object) -> bool:
    if isinstance(ours, ErrorCode) or isinstance(theirs, ErrorCode):
        return isinstance(ours, ErrorCode) and isinstance(theirs, ErrorCode)
    if isinstance(ours, str) or isinstance(theirs, str):
        return (ours or "") == (theirs or "")
    return float(ours) == pytest.approx(float(theirs or 0), rel=1e-9, abs=1e-12)  # type: ignore[arg-type]
