"""An irregular workbook: thousands of formulas of which no two are alike, beside formualizer and beside Python by hand.

    python -m benchmarks.irregular [--words] [formulas ...]

Over 100 numbers, formulas of + - * / IF SUM MIN MAX ABS ROUND, each of which reads cells before it. In one run, in
seconds of CPU: opening and the first calculation, one number changed, the last cell as a function of the numbers
and its gradient; and what the same formulas cost as straight-line Python written by hand.

With --words the formulas are of a report: texts put together and compared, errors caught, values looked up, counted
and summed by name.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import formualizer
import numpy as np
import xlsxwriter

import sheetml
from sheetml.formula.references import cell_name

SIZES = (1_000, 10_000, 100_000)
INPUTS = 100
ROWS = 1000  # of formulas, before the next column begins
DECIMALS = 3


class Irregular:
    """Formulas drawn at random: each as Excel and as Python has it."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.inputs = [round(self.random.uniform(0.5, 9.5), DECIMALS) for _ in range(INPUTS)]
        self.places = [(row, 1) for row in range(1, INPUTS + 1)]
        self.formulas: list[str] = []
        self.python: list[str] = []
        for number in range(count):
            excel, python = self._formula(number == count - 1)
            self.formulas.append(excel)
            self.python.append(python)
            self.places.append((1 + number % ROWS, 3 + number // ROWS))

    def _leaf(self) -> tuple[str, str]:
        """A cell before this one: one of the numbers, one nearby, or any."""
        known, draw = len(self.places), self.random.random()
        if draw < 0.3 or known == INPUTS:
            position = self.random.randrange(INPUTS)
        else:
            position = self.random.randrange(max(INPUTS, known - 50) if draw < 0.7 else INPUTS, known)
        return cell_name(*self.places[position]), f"v{position}"

    def _window(self) -> tuple[str, list[str]]:
        """Cells below each other, which all come before this one."""
        size = self.random.randint(3, 8)
        while True:
            last = self.random.randrange(size, len(self.places))
            column, row = self.places[last][1], self.places[last][0]
            if row >= size and self.places[last - size + 1][1] == column:
                return f"{cell_name(row - size + 1, column)}:{cell_name(row, column)}", [
                    f"v{position}" for position in range(last - size + 1, last + 1)
                ]

    def _number(self) -> str:
        return str(round(self.random.uniform(0.05, 0.95), DECIMALS))

    def _part(self) -> tuple[str, str]:
        (a, va), (b, vb), (c, vc), k = self._leaf(), self._leaf(), self._leaf(), self._number()
        kind = self.random.randrange(8)
        if kind == 0:
            return f"{a}*{k}+{b}*{k[::-1][0]}.5/10", f"({va}*{k}+{vb}*{k[::-1][0]}.5/10)"
        if kind == 1:
            return f"ABS({a}-{b})*{k}", f"abs({va}-{vb})*{k}"
        if kind == 2:
            return f"{a}/(1+ABS({b}))", f"{va}/(1+abs({vb}))"
        if kind == 3:
            return f"IF({a}>{b},{c}*{k},{a}-{b})", f"({vc}*{k} if {va}>{vb} else {va}-{vb})"
        if kind == 4:
            return f"MIN({a},{b},{c})", f"min({va},{vb},{vc})"
        if kind == 5:
            return f"MAX({a},{b}*{k})", f"max({va},{vb}*{k})"
        if kind == 6:
            area, names = self._window()
            return f"SUM({area})*{k}/{len(names)}", f"({'+'.join(names)})*{k}/{len(names)}"
        return f"ROUND({a}*{k},2)", f"round({va}*{k},2)"

    def _formula(self, last: bool) -> tuple[str, str]:
        if last:
            names = [f"v{position}" for position in range(len(self.places) - 40, len(self.places))]
            cells = [cell_name(*self.places[position]) for position in range(len(self.places) - 40, len(self.places))]
            return "+".join(cells), "+".join(names)
        (left, left_python), (right, right_python), k = self._part(), self._part(), self._number()
        operator = self.random.choice("+-")
        return f"({left})*{k}{operator}({right})/2", f"({left_python})*{k}{operator}({right_python})/2"

    def write(self, path: Path) -> None:
        """The workbook, with numbers in A and formulas from C on; without any values."""
        book = xlsxwriter.Workbook(str(path))
        sheet = book.add_worksheet("Sheet1")
        for (row, column), number in zip(self.places, self.inputs):
            sheet.write_number(row - 1, column - 1, number)
        for (row, column), formula in zip(self.places[INPUTS:], self.formulas):
            sheet.write_formula(row - 1, column - 1, f"={formula}")
        book.close()

    def by_hand(self) -> Callable[[np.ndarray], float]:
        """The last cell as a function of the numbers, in straight-line Python."""
        names = ", ".join(f"v{position}" for position in range(INPUTS))
        lines = [f"    v{INPUTS + number} = {expression}" for number, expression in enumerate(self.python)]
        last = f"v{len(self.places) - 1}"
        namespace: dict[str, Callable[[list[float]], float]] = {}
        exec("\n".join(["def last(x):", f"    {names} = x", *lines, f"    return {last}"]), namespace)
        return lambda x: namespace["last"](x.tolist())


class Words:
    """Formulas drawn at random over a list of 100 rows: numbers, regions, keys and names."""

    REGIONS = ("north", "south", "east", "west", "centre", "abroad")

    def __init__(self, count: int, seed: int = 2) -> None:
        self.random = random.Random(seed)
        self.numbers: list[str] = [cell_name(row, 1) for row in range(1, INPUTS + 1)]
        self.places: list[tuple[int, int]] = []
        self.formulas: list[str] = []
        for number in range(count):
            is_number = self.random.random() < 0.7
            self.formulas.append(self._number() if is_number else self._text())
            self.places.append((1 + number % ROWS, 7 + number // ROWS))
            if is_number:
                self.numbers.append(cell_name(*self.places[-1]))

    def _known(self) -> str:
        """A cell with a number before this one: one of the list, or one nearby."""
        return self.random.choice(self.numbers[:INPUTS] if self.random.random() < 0.4 else self.numbers[-60:])

    def _row(self) -> int:
        return self.random.randint(1, INPUTS)

    def _constant(self) -> str:
        return str(round(self.random.uniform(0.05, 0.95), DECIMALS))

    def _number(self) -> str:
        a, b, k, row, other = self._known(), self._known(), self._constant(), self._row(), self._row()
        region = self.random.choice(self.REGIONS)
        return self.random.choice(
            [
                f'IF(B{row}="{region}",{a}*{k},{b}/2)',
                f"IFERROR({a}/({b}-{k}),{k})",
                f"SUMIF($B$1:$B$100,B{row},$A$1:$A$100)*{k}",
                f'COUNTIF($B$1:$B$100,"{region}")+{a}*{k}',
                f"VLOOKUP({self.random.randint(1, INPUTS)},$C$1:$E$100,3,FALSE)*{k}+{a}",
                f"INDEX($A$1:$A$100,MATCH(D{row},$D$1:$D$100,0))*{k}-{b}",
                f"LEN(D{row})*{k}+ROUND({a},1)",
                f"IF(ISNUMBER({a}),{b}*{k},0)+COUNT(A{min(row, other)}:A{max(row, other)})",
                f'IFERROR(MATCH("name {row + 60}",$D$1:$D$100,0)*{k},{a})',
                f"IF(AND({a}>{k},B{row}<>B{other}),{b},{a}*{k})",
                f"AVERAGE(A{min(row, other)}:A{max(row, other)})*{k}+MAX({a},{b})",
            ]
        )

    def _text(self) -> str:
        a, k, row, other = self._known(), self._constant(), self._row(), self._row()
        return self.random.choice(
            [
                f'B{row}&"-"&LEFT(D{other},{self.random.randint(3, 6)})',
                f'IF({a}>{k},"over "&B{row},"")',
                f'TEXT({a}*{k},"0.00")&" "&UPPER(B{row})',
                f'IF(B{row}=B{other},"same",MID(D{row},2,3)&D{other})',
                f'IFERROR(VLOOKUP({self.random.randint(50, 150)},$C$1:$D$100,2,FALSE),"none")',
            ]
        )

    def write(self, path: Path) -> None:
        """The workbook; without any values of formulas."""
        book = xlsxwriter.Workbook(str(path))
        sheet = book.add_worksheet("Sheet1")
        keys = self.random.sample(range(1, INPUTS + 1), INPUTS)
        for row in range(INPUTS):
            sheet.write_number(row, 0, round(self.random.uniform(0.5, 9.5), DECIMALS))
            sheet.write_string(row, 1, self.random.choice(self.REGIONS))
            sheet.write_number(row, 2, keys[row])
            sheet.write_string(row, 3, f"name {keys[row]}")
            sheet.write_number(row, 4, round(self.random.uniform(0.5, 9.5), DECIMALS))
        for (row, column), formula in zip(self.places, self.formulas):
            sheet.write_formula(row - 1, column - 1, f"={formula}")
        book.close()


def by_words(count: int) -> None:
    """The workbook with words, beside formualizer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.xlsx"
        model = Words(count)
        model.write(path)
        theirs_open, other = timed(lambda: formualizer.load_workbook(str(path)))
        theirs_first, _ = timed(other.evaluate_all)  # type: ignore[attr-defined]
        mine_open, book = timed(lambda: sheetml.open(path))
        assert isinstance(book, sheetml.Workbook)
        mine_first, _ = timed(book.calculate)
    sheet, different = book["Sheet1"], 0
    for row, column in model.places:
        mine, value = sheet[cell_name(row, column)], other.get_value("Sheet1", row, column)  # type: ignore[attr-defined]
        alike = (
            np.isclose(mine, value) if isinstance(mine, float) and isinstance(value, (int, float)) else mine == value
        )
        different += not alike

    def change(set_value: Callable[[float], None], calculate: Callable[[], object]) -> float:
        def once() -> None:
            set_value(random.random() * 9)
            calculate()

        return timed(once, 20)[0]

    mine_change = change(lambda x: sheet.__setitem__("A7", x), book.calculate)
    theirs_change = change(lambda x: other.set_value("Sheet1", 7, 1, x), other.evaluate_all)  # type: ignore[attr-defined]
    print(f"\n{count:,} formulas with words{'':<6}{'sheetml':>12}{'a formula':>14}{'formualizer':>14}")
    for what, mine_taken, their_taken in (
        ("open", mine_open, theirs_open),
        ("calculate", mine_first, theirs_first),
        ("change one number", mine_change, theirs_change),
    ):
        each = mine_taken / count * 1e6
        print(f"  {what:<26}{mine_taken:>12.4f} s{each:>11.2f} µs{their_taken:>12.4f} s")
    print(f"  {different} values differ")


def timed(call: Callable[[], object], repeats: int = 1) -> tuple[float, object]:
    """The least CPU time of a call over some repetitions, and its last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return best, result


def ours(model: Irregular, path: Path) -> tuple[dict[str, float], float, np.ndarray]:
    """Seconds for each piece of work, the last cell's value, and its gradient."""
    found: dict[str, float] = {}
    found["open"], book = timed(lambda: sheetml.open(path))
    assert isinstance(book, sheetml.Workbook)
    found["calculate"], _ = timed(book.calculate)
    sheet, name = book["Sheet1"], cell_name(*model.places[-1])

    def change(by: float) -> None:
        sheet["A7"] = model.inputs[6] + by
        book.calculate()

    found["change one number"], _ = timed(lambda: change(random.random()), 40)
    change(0.0)
    value = sheet[name]
    f = book.function(f"Sheet1!A1:A{INPUTS}", f"Sheet1!{name}")
    x = f.x0
    found["function, first"], result = timed(lambda: f(x))
    assert np.isclose(result, value)
    found["function"], _ = timed(lambda: f(x * (1 + 0.01 * random.random())), 40)
    try:
        found["gradient, first"], slope = timed(lambda: f.gradient(x))
        found["gradient"], _ = timed(lambda: f.gradient(x * (1 + 0.01 * random.random())), 5)
    except sheetml.NotDifferentiableError:
        slope = np.full(INPUTS, np.nan)
    return found, float(value), np.asarray(slope)


def theirs(model: Irregular, path: Path) -> tuple[dict[str, float], float]:
    """The same of formualizer, as far as it goes."""
    found: dict[str, float] = {}
    found["open"], book = timed(lambda: formualizer.load_workbook(str(path)))
    found["calculate"], _ = timed(book.evaluate_all)
    value = book.get_value("Sheet1", *model.places[-1])

    def change() -> None:
        book.set_value("Sheet1", 7, 1, model.inputs[6] + random.random())
        book.evaluate_all()

    found["change one number"], _ = timed(change, 3)
    return found, float(value)


def by_hand(model: Irregular) -> tuple[dict[str, float], float]:
    """The same in Python written by hand."""
    found: dict[str, float] = {}
    found["function, first"], f = timed(model.by_hand)
    x = np.array(model.inputs)
    found["function"], _ = timed(lambda: f(x * (1 + 0.01 * random.random())), 5)  # type: ignore[operator]
    return found, f(x)  # type: ignore[operator]


def main(sizes: tuple[int, ...], words: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:  # what is imported when it is used is imported now
        path = Path(folder) / "small.xlsx"
        small = Irregular(50)
        small.write(path)
        ours(small, path)
    for count in sizes:
        by_words(count) if words else by_numbers(count)


def by_numbers(count: int) -> None:
    """The workbook of numbers, beside formualizer and beside Python by hand."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "irregular.xlsx"
        model = Irregular(count)
        model.write(path)
        others, other_value = theirs(model, path)
        mine, value, _ = ours(model, path)
        hand, _ = by_hand(model)
    assert np.isclose(value, other_value), (value, other_value)
    print(f"\n{count:,} formulas{'':<12}{'sheetml':>12}{'a formula':>14}{'formualizer':>14}{'by hand':>12}")
    for what, taken in mine.items():
        line = f"  {what:<22}{taken:>12.4f} s{taken / count * 1e6:>11.2f} µs"
        line += f"{others[what]:>12.4f} s" if what in others else f"{'':>14}"
        print(line + (f"{hand[what]:>10.4f} s" if what in hand else ""))


if __name__ == "__main__":
    options = [option for option in sys.argv[1:] if not option.startswith("--")]
    main(tuple(int(size) for size in options) or SIZES, "--words" in sys.argv)
