"""Workbooks of the kinds that people make, made up: what depends on what, not what it means, is as in real ones.

    python -m benchmarks.kinds folder

writes one of each into the folder, for `python -m benchmarks.cliff folder`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

Cells = dict[str, object]
KINDS: list[Callable[[], dict[str, Cells]]] = []


def kind(make: Callable[[], dict[str, Cells]]) -> Callable[[], dict[str, Cells]]:
    """Registers a function that gives the cells of each sheet."""
    KINDS.append(make)
    return make


@kind
def loan_that_ends_in_blanks() -> dict[str, Cells]:
    """A loan table whose rows are "" once the loan is paid back, with extra payments."""
    cells: Cells = {"B1": 250_000, "B2": 0.045, "B3": 30, "B4": 12, "B5": "=ROUND(PMT(B2/B4,B3*B4,-B1),2)", "B6": 100}
    cells |= {"A9": 1, "B9": "=B1", "C9": "=B5", "D9": '=IF(A9="","",B9*$B$2/$B$4)', "E9": "=C9-D9", "F9": "=B9-E9"}
    for row in range(10, 10 + 479):
        before = row - 1
        cells[f"A{row}"] = f'=IF(OR(A{before}="",F{before}<=0.005),"",A{before}+1)'
        cells[f"B{row}"] = f'=IF(A{row}="","",F{before})'
        cells[f"C{row}"] = f'=IF(A{row}="","",MIN($B$5+$B$6,B{row}+D{row}))'
        cells[f"D{row}"] = f'=IF(A{row}="","",ROUND(B{row}*$B$2/$B$4,2))'
        cells[f"E{row}"] = f'=IF(A{row}="","",C{row}-D{row})'
        cells[f"F{row}"] = f'=IF(A{row}="","",B{row}-E{row})'
    return {"Loan": cells}


@kind
def loan_with_rates_looked_up() -> dict[str, Cells]:
    """A loan whose rate changes: looked up by year in a table, dates by EDATE, the year's interest in a sum."""
    cells: Cells = {f"J{year + 1}": year for year in range(1, 31)}
    cells |= {f"K{year + 1}": 0.03 + 0.0005 * year for year in range(1, 31)}
    cells |= {"B1": 300_000, "B2": 1500, "A4": 1, "B4": 45_000, "C4": "=B1"}
    for row in range(5, 365):
        before = row - 1
        cells[f"A{row}"] = f"=A{before}+1"
        cells[f"B{row}"] = f"=EDATE(B{before},1)"
        cells[f"C{row}"] = f"=IF(C{before}<=0,0,C{before}-E{before})"
        cells[f"D{row}"] = f"=C{row}*VLOOKUP(INT((A{row}-1)/12)+1,$J$2:$K$31,2,TRUE)/12"
        cells[f"E{row}"] = f"=MAX(0,MIN($B$2-D{row},C{row}))"
        cells[f"F{row}"] = f"=IF(MOD(A{row},12)=0,SUM(D{max(4, row - 11)}:D{row}),0)"
    cells["D4"], cells["E4"] = "=C4*VLOOKUP(1,$J$2:$K$31,2,TRUE)/12", "=MIN($B$2-D4,C4)"
    return {"Loan": cells}


@kind
def running_sums() -> dict[str, Cells]:
    """Each row sums, counts and averages all rows above it."""
    random = np.random.default_rng(1)
    cells: Cells = {}
    for row in range(1, 642):
        cells[f"A{row}"] = float(random.integers(1, 100))
        cells[f"B{row}"] = f"=SUM(A$1:A{row})"
        cells[f"C{row}"] = f"=AVERAGE(A$1:A{row})"
        cells[f"D{row}"] = f"=MAX(A$1:A{row})"
        cells[f"E{row}"] = f"=COUNTIF(A$1:A{row},A{row})"
    return {"Running": cells}


@kind
def running_sums_of_themselves() -> dict[str, Cells]:
    """Each row takes its part of what all rows above left over."""
    cells: Cells = {"B1": 100_000, "B2": "=B1*0.02"}
    for row in range(3, 644):
        cells[f"B{row}"] = f"=ROUND(($B$1-SUM(B$2:B{row - 1}))*0.02,2)"
    return {"Left": cells}


@kind
def running_sums_if() -> dict[str, Cells]:
    """Bookings: the balance of each account so far, by SUMIF over all rows above."""
    random = np.random.default_rng(2)
    cells: Cells = {}
    for row in range(2, 642):
        cells[f"A{row}"] = f"account {random.integers(1, 20)}"
        cells[f"B{row}"] = float(random.integers(-100, 100))
        cells[f"C{row}"] = f"=SUMIF(A$2:A{row},A{row},B$2:B{row})"
        cells[f"D{row}"] = f'=IF(C{row}<0,"overdrawn",IF(D{row - 1}="overdrawn","mended",""))'
    cells["D1"] = "state"
    return {"Bookings": cells}


@kind
def stock_with_states() -> dict[str, Cells]:
    """A store: orders are placed when it runs low, and arrive days later; texts say what goes on."""
    random = np.random.default_rng(3)
    cells: Cells = {"J1": 100, "J2": 250, "J3": 3, "E1": 300, "F1": "ok", "G1": 0}
    for row in range(2, 1502):
        before, ordered = row - 1, max(1, row - 3)
        cells[f"B{row}"] = float(random.integers(0, 60))
        cells[f"C{row}"] = f'=IF(F{ordered}="order",$J$2,0)'
        cells[f"D{row}"] = f"=MIN(B{row},E{before}+C{row})"
        cells[f"E{row}"] = f"=E{before}+C{row}-D{row}"
        cells[f"F{row}"] = f'=IF(AND(E{row}<$J$1,F{before}<>"order"),"order",IF(E{row}=0,"out","ok"))'
        cells[f"G{row}"] = f'=IF(F{row}="out",G{before}+1,G{before})'
    return {"Store": cells}


@kind
def months_on_sheets() -> dict[str, Cells]:
    """Forty sheets, each of which begins with what the one before ended with."""
    sheets: dict[str, Cells] = {}
    for month in range(40):
        cells: Cells = {}
        for row in range(2, 42):
            cells[f"A{row}"] = f"item {row}"
            cells[f"B{row}"] = 100.0 if month == 0 else f"=M{month - 1}!E{row}"
            cells[f"C{row}"], cells[f"D{row}"] = float(row + month), f"=B{row}*0.1"
            cells[f"E{row}"] = f"=B{row}+C{row}-D{row}"
        cells["B43"], cells["E43"] = "=SUM(B2:B42)", "=SUM(E2:E42)"
        sheets[f"M{month}"] = cells
    return sheets


@kind
def plan_of_tasks() -> dict[str, Cells]:
    """Tasks that begin when those before them have ended, which are looked up by name in the table itself."""
    cells: Cells = {"A2": "T2", "B2": "", "C2": 3, "D2": 45_000, "E2": "=D2+C2"}
    random = np.random.default_rng(4)
    for row in range(3, 603):
        cells[f"A{row}"], cells[f"B{row}"] = f"T{row}", f"T{random.integers(2, row)}"
        cells[f"C{row}"] = float(random.integers(1, 9))
        cells[f"D{row}"] = f"=INDEX($E$2:$E$602,MATCH(B{row},$A$2:$A$602,0))+1"
        cells[f"E{row}"] = f"=WORKDAY(D{row},C{row})"
    return {"Plan": cells}


@kind
def circle_by_text_only() -> dict[str, Cells]:
    """Each cell names the one below and the one above, and needs but one of them."""
    cells: Cells = {"A1": 5, "B1": "=A1"}
    for row in range(2, 1202):
        cells[f"A{row}"] = float(row % 7 + 1)
        cells[f"B{row}"] = f"=IF($D$1>0,B{row - 1}+A{row},B{row + 1}-A{row})"
    cells["B1202"], cells["D1"] = "=IF($D$1>0,B1201,A1202)", 1
    cells["A1202"] = 3
    return {"Circle": cells}


@kind
def statements_that_balance() -> dict[str, Cells]:
    """A company's three statements over 40 years, each year's from the last's, with taxes in brackets."""
    cells: Cells = {"A1": "year", "B1": 2020}
    start = {2: 1000.0, 3: "=B2*0.6", 4: "=B2-B3", 5: 50.0, 6: "=B4-B5", 7: "=MAX(0,B6)*0.25", 8: "=B6-B7", 9: 200.0}
    cells |= {f"B{row}": value for row, value in start.items()} | {"B10": "=B9+B8", "B11": 500.0, "B12": "=B11*0.05"}
    for year in range(3, 43):
        now, ago = (openpyxl.utils.get_column_letter(column) for column in (year, year - 1))
        cells[f"{now}1"] = f"={ago}1+1"
        cells[f"{now}2"] = f"={ago}2*(1+IF({now}1<2030,0.05,0.02))"
        cells[f"{now}3"] = f"={now}2*0.6"
        cells[f"{now}4"] = f"={now}2-{now}3"
        cells[f"{now}5"] = f"={ago}11*0.1"
        cells[f"{now}6"] = f"={now}4-{now}5-{ago}12"
        cells[f"{now}7"] = f"=IF({now}6>400,100+({now}6-400)*0.4,IF({now}6>0,{now}6*0.25,0))"
        cells[f"{now}8"] = f"={now}6-{now}7"
        cells[f"{now}9"] = f"={ago}10"
        cells[f"{now}10"] = f"={now}9+{now}8-MAX(0,{ago}11-{now}11)"
        cells[f"{now}11"] = f"=MAX(0,{ago}11-MAX(0,{ago}10-100))"
        cells[f"{now}12"] = f"={now}11*0.05"
        cells[f"{now}13"] = f'=IF(ABS({now}10-{now}9)<0.01,"flat",IF({now}10>{now}9,"up","down"))'
    return {"Company": cells}


@kind
def moving_windows() -> dict[str, Cells]:
    """Prices with averages over windows, exponential smoothing, signals in words and what trading on them earns."""
    random = np.random.default_rng(5)
    price = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 1000)))
    cells: Cells = {"C1": "=B1", "E1": "hold", "F1": 1000.0, "G1": 0.0}
    for row in range(1, 1001):
        cells[f"B{row}"] = round(float(price[row - 1]), 2)
        if row == 1:
            continue
        cells[f"C{row}"] = f"=0.1*B{row}+0.9*C{row - 1}"
        cells[f"D{row}"] = f'=IF(ROW()<20,"",AVERAGE(B{max(1, row - 19)}:B{row}))'
        signal = f'IF(B{row}>D{row}*1.01,"buy",IF(B{row}<D{row}*0.99,"sell",E{row - 1}))'
        cells[f"E{row}"] = f'=IF(D{row}="","hold",{signal})'
        cells[f"F{row}"] = f'=IF(E{row}=E{row - 1},F{row - 1},IF(E{row}="buy",0,F{row - 1}+G{row - 1}*B{row}))'
        cells[f"G{row}"] = f'=IF(E{row}=E{row - 1},G{row - 1},IF(E{row}="buy",F{row - 1}/B{row},0))'
    return {"Prices": cells}


@kind
def names_and_groups() -> dict[str, Cells]:
    """A list with running numbers within groups, texts put together from row to row, and errors caught."""
    random = np.random.default_rng(6)
    cells: Cells = {"A1": "group", "B1": 0, "C1": "", "D1": 0}
    group = 0
    for row in range(2, 1002):
        group += int(random.random() < 0.1)
        cells[f"A{row}"] = f"g{group}"
        cells[f"B{row}"] = f"=IF(A{row}=A{row - 1},B{row - 1}+1,1)"
        cells[f"C{row}"] = f'=IF(A{row}=A{row - 1},C{row - 1}&","&B{row},A{row})'
        cells[f"D{row}"] = f"=IFERROR(D{row - 1}+1/(B{row}-3),0)"
        cells[f"E{row}"] = f"=LEFT(C{row},20)"
    return {"List": cells}


@kind
def crosstab_of_different_formulas() -> dict[str, Cells]:
    """A report in which hardly two formulas are alike."""
    cells: Cells = {}
    for row in range(1, 101):
        for column, letter in enumerate("ABCDE"):
            cells[f"{letter}{row}"] = float((row * 7 + column * 3) % 11)
    for row in range(1, 301):
        first, other = (row * 13) % 97 + 1, (row * 29) % 83 + 1
        cells[f"G{row}"] = f"=SUM($A${first}:$C${first})*{row}+$D${other}"
        cells[f"H{row}"] = f"=IF($A${other}>{row % 11},$B${first}/{row},$C${other}-{row})"
        cells[f"I{row}"] = f"=ROUND($G${row}*0.{row},2)"
    return {"Report": cells}


@kind
def looked_up_above() -> dict[str, Cells]:
    """Bookings that look back: whether, where and with what an account was booked in the rows above."""
    random = np.random.default_rng(7)
    cells: Cells = {"A1": "account", "B1": "amount", "C1": 0}
    for row in range(2, 1002):
        above = row - 1
        cells[f"A{row}"], cells[f"B{row}"] = f"account {random.integers(1, 60)}", float(random.integers(-100, 100))
        cells[f"C{row}"] = float(random.integers(1, 10_000))
        cells[f"D{row}"] = f"=MATCH(A{row},A$1:A{row},0)"
        cells[f"E{row}"] = f'=IFERROR(VLOOKUP(A{row},A$1:B{above},2,FALSE),"new")'
        cells[f"F{row}"] = f"=IFERROR(LOOKUP(2,1/(A$1:A{above}=A{row}),B$1:B{above}),0)"
        cells[f"G{row}"] = f'=_xlfn.XLOOKUP(A{row},A$1:A{above},C$1:C{above},"",0,-1)'
    return {"Bookings": cells}


@kind
def counted_above_and_below() -> dict[str, Cells]:
    """The same by criteria and products: how often, how much, first or last of its kind, share so far."""
    random = np.random.default_rng(8)
    cells: Cells = {}
    for row in range(2, 1002):
        cells[f"A{row}"], cells[f"B{row}"] = f"item {random.integers(1, 200)}", float(random.integers(1, 100)) + 0.25
        cells[f"C{row}"] = f"=IF(COUNTIF(A$2:A{row},A{row})=1,1,0)"
        cells[f"D{row}"] = f"=IF(COUNTIF(A{row}:A$1001,A{row})=1,1,0)"
        cells[f"E{row}"] = f'=SUMIFS(B$2:B{row},A$2:A{row},A{row},B$2:B{row},">50")'
        cells[f"F{row}"] = f"=SUMPRODUCT((A$2:A{row}=A{row})*B$2:B{row})"
        cells[f"G{row}"] = f"=SUM(B$2:B{row})/SUM(B$2:B$1001)"
    return {"Items": cells}


@kind
def report_of_different_questions() -> dict[str, Cells]:
    """A report of formulas none of which is filled down: other words, columns and numbers in each."""
    random = np.random.default_rng(9)
    cells: Cells = {"A1": "region", "B1": "product", "C1": "amount", "D1": "month", "J1": "region"}
    for row in range(2, 202):
        cells[f"A{row}"], cells[f"B{row}"] = "NSEW"[row % 4], f"p{row % 7}"
        cells[f"C{row}"], cells[f"D{row}"] = float(random.integers(1, 100)), float(row % 12 + 1)
    for row in range(2, 62):
        region, product, month = "NSEW"[row % 4], f"p{row * 3 % 7}", row % 12 + 1
        cells[f"J{row}"] = region
        cells[f"F{row}"] = (
            f'=SUMIFS($C$2:$C$201,$A$2:$A$201,"{region}",$B$2:$B$201,"{product}",$D$2:$D$201,"<={month}")'
        )
        cells[f"G{row}"] = f"=VLOOKUP(C{row},$C$2:$D${row + 100},{row % 2 + 1},FALSE)"
        cells[f"H{row}"] = f'=DSUM($A$1:$D$201,"{"amount" if row % 2 else "month"}",J{row - 1}:J{row})'
        cells[f"I{row}"] = f'=TEXT(C{row * 3},"{"0" * (row % 5 + 1)}")&" of {region}"'
    return {"Report": cells}


@kind
def ten_formulas() -> dict[str, Cells]:
    """A small workbook."""
    cells: Cells = {f"A{row}": float(row) for row in range(1, 6)}
    formulas = ("=SUM(A1:A5)", "=AVERAGE(A1:A5)", "=MAX(A1:A5)", "=B1/B2", '=IF(B4>2,"much","little")')
    more = ("=ROUND(B1*0.19,2)", "=B1+B6", '=B5&"!"', "=COUNTIF(A1:A5,3)", "=VLOOKUP(2,A1:A5,1,FALSE)")
    cells |= {f"B{row}": formula for row, formula in enumerate(formulas + more, start=1)}
    return {"Small": cells}


def written(folder: Path) -> Iterator[Path]:
    """Writes a workbook of each kind into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for make in KINDS:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, cells in make().items():
            _fill(book.create_sheet(title), cells)
        path = folder / f"{make.__name__}.xlsx"
        book.save(path)
        yield path


def _fill(sheet: Worksheet, cells: Cells) -> None:
    for address, value in cells.items():
        sheet[address] = value


if __name__ == "__main__":
    for written_path in written(Path(sys.argv[1])):
        print(written_path)
