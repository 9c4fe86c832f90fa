"""Random formulas over random cells: sheetml and LibreOffice, two programs that know nothing of each other, agree.

Left out is only where LibreOffice differs from Excel by design: truth values in ranges (it counts them as
numbers), 0^0, which of several errors is shown, pairs with a blank in SUMXMY2, and what libreoffice_differs.py
documents by kinds.
"""

from __future__ import annotations

import collections
import os
import random
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.formula import ArrayFormula

import sheetml
from sheetml import ErrorCode
from sheetml.engine.functions import FUNCTIONS
from tests.catalogue_formulas import Catalogue, drawn
from tests.libreoffice import all_recalculated, recalculated
from tests.libreoffice_differs import Pair, explained, spelled

ROWS = 12
FORMULAS = 400
EACH = int(os.environ.get("SHEETML_REFEREE_EXAMPLES", "3"))  # formulas of each line of operands, in the catalogue
SEED = int(os.environ.get("SHEETML_REFEREE_SEED", "1"))
TOGETHER = 800  # formulas in one workbook
UNDOCUMENTED = "undocumented"
# Volatile functions and those that tell of the file they stand in cannot be compared.
NOT_COMPARED = frozenset({name for name, each in FUNCTIONS.items() if each.volatile} - {"OFFSET", "INDIRECT"})


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


def test_the_whole_catalogue_agrees_with_libreoffice(tmp_path):
    """Each difference is of a documented kind; the counts are printed (see them with pytest -s)."""
    catalogue = Catalogue(SEED)
    formulas = drawn(catalogue, EACH, NOT_COMPARED)
    parts = [formulas[start : start + TOGETHER] for start in range(0, len(formulas), TOGETHER)]
    paths = [written(catalogue, part, tmp_path / str(number)) for number, part in enumerate(parts)]
    pairs: list[tuple[Pair, str]] = []
    for (own, _), part, theirs in zip(paths, parts, all_recalculated([path for _, path in paths])):
        workbook = sheetml.open(own)
        workbook.calculate()
        for row, (name, formula) in enumerate(part, start=1):
            cell = f"Z{row}"
            answer = theirs["Sheet1"].get(cell)
            answer = unescape(answer) if isinstance(answer, str) else answer  # _x0007_ is the character
            pair = Pair(name, formula, workbook["Sheet1"][cell], answer)
            pairs.append((pair, verdict(pair, workbook.problems.get(f"Sheet1!{cell}"))))
    counts = collections.Counter(found for _, found in pairs)
    print(f"{len(pairs)} formulas:", *(f"{count:6} {found}" for found, count in counts.most_common()), sep="\n")
    undocumented = [pair for pair, found in pairs if found == UNDOCUMENTED]
    assert undocumented == [], "\n".join(map(str, undocumented))


def verdict(pair: Pair, problem: str | None) -> str:
    """What a comparison came to, in words."""
    if problem is not None:
        return UNDOCUMENTED if "sheetml failed" in problem else "sheetml says that it cannot"
    if agree(pair.ours, pair.theirs):
        return "an error in both" if isinstance(pair.ours, ErrorCode) else "equal"
    kind = explained(pair)
    return UNDOCUMENTED if kind is None else kind.kind


def written(catalogue: Catalogue, formulas: list[tuple[str, str]], path: Path) -> tuple[Path, Path]:
    """Two workbooks of the formulas, the second spelled for LibreOffice; half of them are array formulas."""
    cells = catalogue.cells()
    arrays = [catalogue.random.random() < 0.5 for _ in formulas]
    written_out = [formula for _, formula in formulas]
    paths = path.with_suffix(".xlsx"), path.with_suffix(".libreoffice.xlsx")
    for own, formulas_there in zip(paths, (written_out, [spelled(formula) for formula in written_out])):
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Sheet1"
        for place, value in cells.items():
            sheet[place] = value
        for row, (formula, array) in enumerate(zip(formulas_there, arrays), start=1):
            sheet[f"Z{row}"] = ArrayFormula(f"Z{row}", formula) if array else formula
        book.save(own)
    return paths
