"""Workbooks with nothing odd in them, of the kinds people have: an audit must find nothing here."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import openpyxl
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table

Sheet = Any


def invoice(book: Any, draw: random.Random) -> None:
    """Groups of items with a subtotal each, and a total of the subtotals."""
    sheet = book.active
    sheet.append(["item", "quantity", "price", "amount"])
    totals = []
    for _ in range(4):
        first = sheet.max_row + 1
        for _ in range(draw.randint(3, 7)):
            row = sheet.max_row + 1
            sheet.append([f"item {row}", draw.randint(1, 9), draw.randint(100, 999) / 100, f"=B{row}*C{row}"])
        sheet.append(["subtotal", None, None, f"=SUM(D{first}:D{sheet.max_row})"])
        totals.append(f"D{sheet.max_row}")
    sheet.append(["total", None, None, f"={'+'.join(totals)}"])


def time_series(book: Any, draw: random.Random) -> None:
    """Running sums, moving means and growth rates over dates."""
    sheet = book.active
    sheet.append(["year", "sales", "to date", "mean of three", "growth"])
    for row in range(2, 40):
        growth = f"=B{row}/B{row - 1}-1" if row > 2 else None
        mean = f"=AVERAGE(B{row - 2}:B{row})" if row > 3 else None
        sheet.append([1980 + row, draw.uniform(50, 90), f"=SUM(B$2:B{row})", mean, growth])
    sheet["G1"], sheet["H1"] = "best", "=MAX(B2:B39)"
    sheet["G2"], sheet["H2"] = "mean of the first ten", "=AVERAGE(B2:B11)"


def loan(book: Any, draw: random.Random) -> None:
    """A recurrence down the rows, from parameters with labels."""
    sheet = book.active
    for row, (label, value) in enumerate(
        [("loan", 10_000.0), ("rate", 0.05), ("months", 24), ("payment", "=B1*(B2/12)/(1-(1+B2/12)^-B3)")], start=1
    ):
        sheet.cell(row, 1, label)
        sheet.cell(row, 2, value)
    for column, heading in enumerate(["month", "opening", "interest", "repaid", "closing"], start=1):
        sheet.cell(6, column, heading)
    for row in range(7, 31):
        opening = "=B1" if row == 7 else f"=E{row - 1}"
        cells = [row - 6, opening, f"=B{row}*$B$2/12", f"=$B$4-C{row}", f"=B{row}-D{row}"]
        for column, value in enumerate(cells, start=1):
            sheet.cell(row, column, value)


def matrices(book: Any, draw: random.Random) -> None:
    """Factors with numbered rows and columns, and their product compared with data that has blanks."""
    sheet = book.active
    for row in range(2, 12):
        sheet.cell(row, 1, 100 + row)
        sheet.cell(row + 20, 7, 100 + row)
        for column in range(8, 20):
            if draw.random() < 0.8:
                sheet.cell(row, column, draw.randint(1, 5))
            sheet.cell(
                row + 20, column, f'=IF({_at(row, column)}="",0,MMULT($B{row + 20}:$F{row + 20},{_factor(column)}))'
            )
        for column in range(2, 7):
            sheet.cell(row + 20, column, draw.random())
    for column in range(8, 20):
        sheet.cell(1, column, 500 + column)
        sheet.cell(19, column, 500 + column)
        for row in range(14, 19):
            sheet.cell(row, column, draw.random())
    sheet["A35"], sheet["B35"] = "rmse", "=SQRT(SUMXMY2(H2:S11,H22:S31)/COUNT(H2:S11))"


def _at(row: int, column: int) -> str:
    return f"{openpyxl.utils.get_column_letter(column)}{row}"


def _factor(column: int) -> str:
    letter = openpyxl.utils.get_column_letter(column)
    return f"{letter}$14:{letter}$18"


def lookups(book: Any, draw: random.Random) -> None:
    """Sorted brackets for approximate lookups, keys in any order for exact ones, text keys that look like numbers."""
    sheet = book.active
    for row, (bound, rate) in enumerate([(0, 0.0), (1000, 0.1), (5000, 0.2), (20000, 0.3)], start=2):
        sheet.cell(row, 1, bound)
        sheet.cell(row, 2, rate)
    prices = book.create_sheet("prices")
    prices.append(["article", "price"])
    articles = [f"{number:05d}" for number in draw.sample(range(100_000), 12)]
    for article in articles:
        prices.append([article, draw.randint(1, 50)])
    sheet["D1"], sheet["E1"], sheet["F1"], sheet["G1"] = "income", "rate", "article", "price"
    for row in range(2, 14):
        sheet.cell(row, 4, draw.randint(1, 40_000))
        sheet.cell(row, 5, f"=VLOOKUP(D{row},$A$2:$B$5,2)")
        sheet.cell(row, 6, draw.choice(articles))
        sheet.cell(row, 7, f"=INDEX(prices!$B$2:$B$13,MATCH(F{row},prices!$A$2:$A$13,0))")


def solver(book: Any, draw: random.Random) -> None:
    """A Solver model that fits a line, with a constraint."""
    sheet = book.active
    sheet.title = "fit"
    sheet["E1"], sheet["F1"], sheet["E2"], sheet["F2"] = "slope", 1.0, "intercept", 0.0
    sheet["E4"], sheet["F4"] = "sum of squares", "=SUM(D2:D21)"
    sheet.append([])
    for column, heading in enumerate(["x", "y", "line", "squared gap"], start=1):
        sheet.cell(1, column, heading)
    for row in range(2, 22):
        x = draw.uniform(0, 10)
        for column, value in enumerate(
            [x, 3 * x + draw.gauss(0, 1), f"=$F$1*A{row}+$F$2", f"=(B{row}-C{row})^2"], start=1
        ):
            sheet.cell(row, column, value)
    names = {"opt": "fit!$F$4", "adj": "fit!$F$1:$F$2", "typ": "2", "num": "1", "eng": "1", "neg": "2"}
    names |= {"lhs1": "fit!$F$1", "rel1": "3", "rhs1": "0"}
    for name, text in names.items():
        sheet.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)


def table(book: Any, draw: random.Random) -> None:
    """A table whose columns are called as years are, with calculated columns."""
    sheet = book.active
    sheet.append(["name", "2019", "2020", "change"])
    for row in range(2, 20):
        sheet.append([f"town {row}", draw.randint(1, 90), draw.randint(1, 90), f"=C{row}-B{row}"])
    sheet.add_table(Table(displayName="towns", ref="A1:D19"))
    sheet["F1"], sheet["G1"] = "all", "=SUM(towns[2020])"


def consolidation(book: Any, draw: random.Random) -> None:
    """The same sheet for each region, and their sum over all sheets."""
    for region in ("north", "south", "west"):
        sheet = book.create_sheet(region)
        for row in range(1, 7):
            sheet.cell(row, 1, f"line {row}")
            for column in range(2, 6):
                sheet.cell(row, column, draw.randint(1, 99))
    total = book.active
    total.title = "total"
    for row in range(1, 7):
        total.cell(row, 1, f"line {row}")
        for column in range(2, 6):
            letter = openpyxl.utils.get_column_letter(column)
            total.cell(row, column, f"=SUM(north:west!{letter}{row})")
        total.cell(row, 6, f"=SUM(B{row}:E{row})")


def descent(book: Any, draw: random.Random) -> None:
    """Gradient descent down the rows, with exact derivatives under their headings."""
    sheet = book.active
    sheet["A1"], sheet["B1"], sheet["C1"], sheet["D1"], sheet["E1"], sheet["F1"] = "a", 1, "b", 1, "learn", 0.0001
    headings = ["x", "y", "a", "b", "pred", "err^2", "de/da", "de/db", "new a", "new b"]
    for column, heading in enumerate(headings, start=1):
        sheet.cell(3, column, heading)
    for row in range(4, 24):
        x = draw.randint(1, 99)
        last = row - 1
        cells = [x, 2 * x + 30, "=B1" if row == 4 else f"=I{last}", "=D1" if row == 4 else f"=J{last}"]
        cells += [f"=C{row}*A{row}+D{row}", f"=(E{row}-B{row})^2", f"=2*(E{row}-B{row})*A{row}", f"=2*(E{row}-B{row})"]
        cells += [f"=C{row}-G{row}*$F$1", f"=D{row}-H{row}*$F$1"]
        for column, value in enumerate(cells, start=1):
            sheet.cell(row, column, value)
    sheet["F24"] = "=SQRT(AVERAGE(F4:F23))"


def survey(book: Any, draw: random.Random) -> None:
    """Answers with gaps, guarded divisions, counts by criterion, and formulas that end in text."""
    sheet = book.active
    sheet.append(["person", "age", "hours", "pay", "per hour", "group"])
    for row in range(2, 30):
        hours = draw.choice([None, draw.randint(1, 40)])
        pay = None if hours is None else hours * draw.randint(10, 30)
        cells = [f"person {row}", draw.randint(18, 80), hours, pay]
        sheet.append([*cells, f'=IF(C{row}="","",D{row}/C{row})', f'=IF(B{row}<40,"young","old")'])
    sheet["H1"], sheet["I1"] = "young", '=COUNTIF(F2:F29,"young")'
    sheet["H2"], sheet["I2"] = "their pay", '=SUMIF(F2:F29,"young",D2:D29)'
    sheet["H3"], sheet["I3"] = "mean per hour", "=IFERROR(AVERAGE(E2:E29),0)"


def schedule(book: Any, draw: random.Random) -> None:
    """Alternating formulas, an identity matrix, and typed rows between blocks of formulas."""
    sheet = book.active
    for row in range(1, 11):
        for column in range(1, 11):
            sheet.cell(row, column, f"=IF(ROW()=COLUMN(),1,0)*$L${1 + column % 2}")
    sheet["L1"], sheet["L2"] = 2, 3
    for column in range(1, 11):
        sheet.cell(11, column, draw.randint(1, 9))
        for row in range(12, 20):
            sheet.cell(row, column, f"={openpyxl.utils.get_column_letter(column)}{row - 1}*1.01")


KINDS: list[Callable[[Any, random.Random], None]] = [
    invoice,
    time_series,
    loan,
    matrices,
    lookups,
    solver,
    table,
    consolidation,
    descent,
    survey,
    schedule,
]


def built(kind: Callable[[Any, random.Random], None], seed: int) -> Any:
    """An openpyxl workbook of one kind."""
    book = openpyxl.Workbook()
    kind(book, random.Random(seed))
    return book
