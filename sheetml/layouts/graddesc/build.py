"""Builds the gradient-descent workbook: the lesson's eight sheets and the variants, on any data x and y.

Every cell of a loop is a live formula. The sheets hold the data as numbers, as pasted: cells that draw
new random numbers at each recalculation could not be trained on. They can be drawn on the sheet `data`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheetml.api import Workbook
from sheetml.api import open as open_workbook
from sheetml.errors import DataError
from sheetml.formula.references import address, column_letters, column_number, parse_area, quote_sheet
from sheetml.layouts.book import (
    GREY,
    bold,
    finish,
    number_format,
    prepare_print,
    put_comment,
    put_formula,
    put_text,
    put_value,
    set_width,
)
from sheetml.layouts.graddesc.optimizers import LESSON, VARIANTS, OptimizerSheet
from sheetml.optional import needed
from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from openpyxl import Workbook as NewWorkbook
    from openpyxl.worksheet.worksheet import Worksheet

FIRST = 4  # row of the first example
CHART = 20.0, 9.0  # centimetres
CHART_ROWS = 19  # that it covers
FEW_ROWS = 100  # of examples, up to which the chart stands below them; else it is right of the log
LOG = 22  # column of the epochs; their losses are beside it
LOSS = "0.0000"  # the format of losses
LOGGED = 200  # epochs that the charts show
TRAINING = 50  # epochs of the one-cycle schedule
SHRINK = 0.001  # of a weight by its decay, a row
MOST_ROWS = 5_000
ABOUT_LINE, LINE_HEIGHT = 100, 15.5  # characters, points
EXAMPLES, CONST, SLOPE = 29, 30.0, 2.0  # of the lesson's own data
LESSON_RATES = {"gradient": 1e-4, "adagrad": 0.001, "rmsprop": 0.02, "adam": 1.0, "corrected": 0.1, "annealed": 0.5}


def build(
    path: str | os.PathLike[str],
    x: Sequence[float] | None = None,
    y: Sequence[float] | None = None,
    *,
    seed: int = 1,
    source: str = "",
) -> Workbook:
    """Writes the workbook on the examples x and y, and opens it; without them on the lesson's line, y = 2x + 30.

    The lesson's x are drawn at random; the same seed and the same data make the same file. Raises
    DataError where the data cannot be used.
    """
    import openpyxl

    random = np.random.default_rng(seed)
    drawn = x is None or y is None
    xs = random.integers(1, 101, EXAMPLES).astype(float) if x is None or y is None else np.asarray(x, float)
    ys = CONST + SLOPE * xs if x is None or y is None else np.asarray(y, float)
    _check(xs, ys, source or "the data")
    book = openpyxl.Workbook()
    book.remove(book.active)
    _about(book, source)
    _data(book, xs, ys, drawn)
    rates = LESSON_RATES if drawn else learning_rates(xs, ys)
    _basic(book, xs, ys, rates["gradient"])
    for sheet in (*LESSON, *VARIANTS):
        _Page(book, sheet, xs, ys, rates).write()
    workbook = finish(book, path)
    workbook.calculate(everything=True, seed=seed)
    for loop in workbook.training_loops:
        loop.reset()
    workbook.save(path, overwrite=True)
    return open_workbook(path)


def _check(xs: np.ndarray, ys: np.ndarray, source: str) -> None:
    if len(xs) != len(ys):
        raise DataError(f"{source}: there are {len(xs)} numbers x and {len(ys)} numbers y.")
    if not 2 <= len(xs) <= MOST_ROWS:
        raise DataError(f"{source} has {len(xs):,} rows: between 2 and {MOST_ROWS:,} can be laid out in a sheet.")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        row = int(np.argmin(np.isfinite(xs) & np.isfinite(ys)))
        raise DataError(f"{source}: row {row + 1} is not two numbers.")
    if np.ptp(xs) == 0:
        raise DataError(f"{source}: all x are {xs[0]:g}, so that no line can be told.")


def learning_rates(xs: np.ndarray, ys: np.ndarray) -> dict[str, float]:
    """Rates that suit the data: those of the lesson, scaled by how large x and y are.

    A step of plain gradient descent must not overshoot the steepest row, 2 * rate * (1 + x**2) < 2: here
    it goes half the way at most. The others do not depend on the size of gradients, but on how far the
    weights have to go.
    """
    far = max(float(np.abs(ys).max()), 1e-12) / 230  # the largest y of the lesson
    rates = {name: _one_digit(rate * far) for name, rate in LESSON_RATES.items()}
    return {**rates, "gradient": _one_digit(0.5 / (1 + float(np.square(xs).max())))}


def _one_digit(number: float) -> float:
    return float(f"{number:.0e}")


# ---- one sheet ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Formats:
    """The number formats that suit the sizes of the data."""

    intercept: str
    slope: str
    y: str
    by_heading: dict[str, str]

    @staticmethod
    def of_data(xs: np.ndarray, ys: np.ndarray) -> Formats:
        x, y = max(float(np.abs(xs).max()), 1e-300), max(float(np.abs(ys).max()), 1e-300)
        intercept, slope, errors = number_format(y / 10), number_format(y / x), number_format(y)
        by_b, by_a = number_format(2 * y), number_format(2 * y * x)
        return Formats(
            intercept,
            slope,
            errors,
            {
                "new b": intercept,
                "new a": slope,
                "de/db": by_b,
                "de/da": by_a,
                "mean de/db": by_b,
                "mean de/da": by_a,
                "mean (de/db)^2": number_format(4 * y**2),
                "mean (de/da)^2": number_format(4 * (y * x) ** 2),
                "largest (b)": number_format(4 * y**2),
                "largest (a)": number_format(4 * (y * x) ** 2),
                "err^2": number_format(y**2),
                "step": "0",
                "place in cycle": "0",
                "rows of cycle": "0",
                "time": "0.0000",
                "rate": "0.00E+00",
            },
        )

    def of(self, heading: str) -> str:
        """The format of a column by its heading."""
        return self.by_heading.get(heading, "General")


class _Page:
    """A sheet of an optimiser being written."""

    def __init__(
        self, book: NewWorkbook, spec: OptimizerSheet, xs: np.ndarray, ys: np.ndarray, rates: dict[str, float]
    ) -> None:
        self.spec = spec
        self.sheet: Worksheet = book.create_sheet(spec.name)
        self.xs, self.ys = xs, ys
        self.rate = rates[spec.rate]
        self.last = FIRST + len(xs) - 1
        self.formats = Formats.of_data(xs, ys)
        self.names: dict[str, str] = {}

    def write(self) -> None:
        self._head()
        self._rows()
        self._state()
        for cell, text in self.spec.cells.items():
            self._cell(self._filled(cell), self._filled(text))
        self._loss(self.last + 2)
        if self.spec.starts is None:
            self._start("start_lr", self.rate, self.last + 3, "learning rate after a reset")
        else:
            for row, (stem, value) in enumerate(self.spec.starts.items(), start=self.last + 3):
                number = self.rate if value == "rate" else len(self.xs) if value == "rows" else value
                self._start(f"start_{stem}", float(number), row, f"{stem} after a reset")
        right = max(cell.column for row in self.sheet.iter_rows() for cell in row if cell.value is not None)
        bottom = self.last + 2 + len(self.spec.starts or "1")
        log(self.sheet, self.names, self.spec.name, bottom, len(self.xs))
        self._define()
        shape(self.sheet, right, bottom, len(self.xs))

    def _filled(self, text: str, row: int = 0) -> str:
        return text.format(r=row, p=row - 1, first=FIRST, last=self.last, s=self.last + 1)

    def _head(self) -> None:
        sheet = self.sheet
        for row, (label, name) in enumerate((("b", "const"), ("a", "slope")), start=1):
            put_text(sheet, row, 2, label)
            put_value(sheet, row, 3, 1.0, self.formats.intercept if row == 1 else self.formats.slope)
            self.names[name] = f"C{row}"
        put_text(sheet, 1, 4, "learn")
        bold(sheet, Area(1, 4, 1, 4))
        put_value(sheet, 2, 4, self.rate)
        self.names["lr"] = "D2"
        put_text(sheet, 1, 1, self.spec.about.partition(":")[0])
        put_comment(sheet, 1, 1, self.spec.about)
        self.names["rule"] = "A1"
        put_comment(sheet, 2, 4, "The learning rate.")
        for cell, (label, value) in self.spec.settings.items():
            told = {"training": float(TRAINING * len(self.xs)), "decay": _one_digit(SHRINK / self.rate)}
            number = told.get(value, f"={value}") if isinstance(value, str) else value
            self._cell(cell, number)
            place = parse_area(cell)
            put_comment(sheet, place.top, place.left, label)

    def _rows(self) -> None:
        headings = ["x", "y", "b", "a", "pred", *(column.heading for column in self.spec.columns)]
        for column, heading in enumerate(headings, start=1):
            row = 3 if column <= 9 or not self.spec.states else 2  # row 3 is where the state comes in
            put_text(self.sheet, row, column, heading)
        bold(self.sheet, Area(2, 10, 2, max(10, len(headings))))
        bold(self.sheet, Area(3, 1, 3, 9))
        comments = [(5, "The prediction, a*x + b, with the weights that this row starts from.")]
        comments += [(column, each.comment) for column, each in enumerate(self.spec.columns, start=6) if each.comment]
        for column, text in comments:
            row = 3 if column <= 9 or not self.spec.states else 2
            put_comment(self.sheet, row, column, text)
        formats = self.formats
        for row, (x, y) in enumerate(zip(self.xs.tolist(), self.ys.tolist()), start=FIRST):
            put_value(self.sheet, row, 1, x)
            put_value(self.sheet, row, 2, y)
            put_formula(self.sheet, row, 3, "C1" if row == FIRST else f"H{row - 1}", formats.intercept)
            put_formula(self.sheet, row, 4, "C2" if row == FIRST else f"I{row - 1}", formats.slope)
            put_formula(self.sheet, row, 5, f"C{row}+D{row}*A{row}", formats.y)
            for column, each in enumerate(self.spec.columns, start=6):
                put_formula(self.sheet, row, column, self._filled(each.formula, row), formats.of(each.heading))
        self.names |= {"lastconst": f"H{self.last}", "lastslope": f"I{self.last}"}

    def _state(self) -> None:
        """The row below the last: what the next epoch starts from; row 3 hands it to the first."""
        below = self.last + 1
        for state in self.spec.states:
            ends = state.columns[0], state.columns[-1]
            for letter in state.columns:
                column = column_number(letter)
                heading = self.spec.columns[column - 6].heading
                put_formula(self.sheet, 3, column, f"{letter}{below}", self.formats.of(heading))
                put_value(self.sheet, below, column, 1.0, self.formats.of(heading))
            put_comment(
                self.sheet, below, column_number(ends[0]), "The next epoch starts from this: the row above, copied."
            )
            self.names[f"{state.stem}target"] = f"{ends[0]}{below}:{ends[1]}{below}"
            self.names[state.last or f"{state.stem}last"] = f"{ends[0]}{self.last}:{ends[1]}{self.last}"
        for name, cells in self.spec.names.items():
            self.names[name] = self._filled(cells)
        if self.names.get("gradtarget") == "F1:G1":
            put_value(self.sheet, 1, 6, 1.0, self.formats.of("de/db"))
            put_value(self.sheet, 1, 7, 1.0, self.formats.of("de/da"))
            for row in (2, self.last + 1):
                self.sheet.cell(row, 6).number_format = self.sheet.cell(row, 7).number_format = "0.00E+00"

    def _cell(self, cell: str, content: str | float) -> None:
        place = parse_area(cell)
        if isinstance(content, str) and content.startswith("="):
            put_formula(self.sheet, place.top, place.left, content[1:])
        elif isinstance(content, str):
            number = _number(content)
            put_value(self.sheet, place.top, place.left, content if number is None else number)
        else:
            put_value(self.sheet, place.top, place.left, content)

    def _loss(self, row: int) -> None:
        put_text(self.sheet, row, 4, "loss")
        put_formula(self.sheet, row, 5, f"SQRT(SUMXMY2(B{FIRST}:B{self.last},E{FIRST}:E{self.last}))", LOSS)
        put_comment(
            self.sheet, row, 5, "The root of the sum of squared errors, each with the weights its row starts from."
        )
        self.names["rmse"] = f"E{row}"
        if "ft_1" in self.names:
            self.names["loss"] = f"E{row}"

    def _start(self, name: str, value: float, row: int, label: str) -> None:
        put_text(self.sheet, row, 2, label)
        put_value(self.sheet, row, 5, value)
        self.names[name] = f"E{row}"

    def _define(self) -> None:
        define(self.sheet, self.names)
        set_width(self.sheet, 1, 2, 9)
        set_width(self.sheet, 3, 20, 12)
        for column, each in enumerate(self.spec.columns, start=6):
            set_width(self.sheet, column, column, max(12, len(each.heading) + 3))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def define(sheet: Worksheet, names: dict[str, str]) -> None:
    """Names that are local to the sheet."""
    from openpyxl.workbook.defined_name import DefinedName

    for name, cells in names.items():
        place = address(None, parse_area(cells), absolute=True)
        sheet.defined_names[name] = DefinedName(name, attr_text=f"{quote_sheet(sheet.title)}!{place}")


def shape(sheet: Worksheet, right: int, bottom: int, rows: int) -> None:
    """Headings that stay in view, and a page that holds table and chart but not the long list of losses."""
    from openpyxl.styles import Border, Side

    sheet.freeze_panes = f"C{FIRST}"
    for cell in sheet[FIRST - 1][:right]:
        cell.border = Border(bottom=Side(style="thin", color=GREY))
    chart = 1 + CHART_ROWS if rows <= FEW_ROWS else 0
    prepare_print(sheet, Area(1, 1, bottom + chart, right), headings=FIRST - 1)
    sheet.page_setup.orientation = "portrait"


def log(sheet: Worksheet, names: dict[str, str], title: str, bottom: int, rows: int) -> None:
    """The column that the loss before each epoch is written to, and its chart, below the table where that is near."""
    from openpyxl.chart import LineChart, Reference

    put_text(sheet, 2, LOG + 1, "Loss before each epoch:")
    put_text(sheet, 3, LOG, "epoch")
    put_text(sheet, 3, LOG + 1, "loss")
    bold(sheet, Area(2, LOG, 3, LOG + 1))
    end = FIRST + LOGGED - 1
    for epoch in range(LOGGED):
        put_value(sheet, FIRST + epoch, LOG, epoch + 1)
        sheet.cell(FIRST + epoch, LOG + 1).number_format = LOSS
    set_width(sheet, LOG + 1, LOG + 1, 12)
    letter = column_letters(LOG + 1)
    names |= {"rmsestart": f"{letter}2", "rmses": f"{letter}{FIRST}:{letter}{end}"}
    chart = LineChart()
    chart.title, chart.legend, chart.style = f"{title}: loss by epoch", None, 13
    chart.add_data(Reference(sheet, min_col=LOG + 1, min_row=FIRST, max_row=end))
    chart.set_categories(Reference(sheet, min_col=LOG, min_row=FIRST, max_row=end))
    chart.series[0].smooth = False
    chart.x_axis.title, chart.y_axis.title = "epoch", "loss"
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = 20
    chart.width, chart.height = CHART
    chart.y_axis.number_format, chart.y_axis.numFmt.sourceLinked = "General", False
    sheet.add_chart(chart, f"A{bottom + 2}" if rows <= FEW_ROWS else f"{column_letters(LOG + 3)}{FIRST - 1}")


# ---- the sheets apart --------------------------------------------------------------------------


def _basic(book: NewWorkbook, xs: np.ndarray, ys: np.ndarray, rate: float) -> None:
    """Plain SGD in the lesson's own columns: with derivatives by hand and by differences beside each other."""
    sheet = book.create_sheet("basic SGD")
    last = FIRST + len(xs) - 1
    names = {"const": "C1", "slope": "C2", "lastconst": f"N{last}", "lastslope": f"M{last}", "start_lr": "F1"}
    put_text(sheet, 1, 1, "SGD")
    names["rule"] = "A1"
    for row, label in ((1, "intercept"), (2, "slope")):
        put_text(sheet, row, 2, label)
        put_value(sheet, row, 3, 1.0, Formats.of_data(xs, ys).intercept)
    put_text(sheet, 1, 5, "learn")
    put_value(sheet, 1, 6, rate)
    shown = Formats.of_data(xs, ys)
    by_b, by_a, square = shown.of("de/db"), shown.of("de/da"), shown.of("err^2")
    formats = (shown.y, square, square, by_b, square, by_a, by_b, by_a, shown.slope, shown.intercept)
    headings = ("x", "y", "intercept", "slope", "y_pred", "err^2", "errb1", "est de/db", "erra1", "est de/da")
    for column, heading in enumerate((*headings, "de/db", "de/da", "new a", "new b"), start=1):
        put_text(sheet, 3, column, heading)
    bold(sheet, Area(3, 1, 3, 14))
    comments = {
        1: "Stochastic gradient descent: each row takes a step against the gradient of its own error.",
        7: "The error with b a little larger, by 0.01.",
        8: "The derivative by b estimated by a difference: it is off by 0.01/2 times the second derivative.",
        10: "The derivative by a estimated by a difference.",
        11: "The derivative by b by the chain rule: 2*(ax+b-y).",
        12: "The derivative by a by the chain rule: x times that by b.",
        13: "The slope after this row.",
        14: "The intercept after this row.",
    }
    for column, text in comments.items():
        put_comment(sheet, 3, column, text)
    formulas = ("C{r}+D{r}*A{r}", "(B{r}-E{r})^2", "((C{r}+0.01)+A{r}*D{r}-B{r})^2", "(G{r}-F{r})/0.01",
                "((D{r}+0.01)*A{r}+C{r}-B{r})^2", "(I{r}-F{r})/0.01", "2*(E{r}-B{r})", "K{r}*A{r}",
                "D{r}-L{r}*$F$1", "C{r}-K{r}*$F$1")  # fmt: skip
    for row, (x, y) in enumerate(zip(xs.tolist(), ys.tolist()), start=FIRST):
        put_value(sheet, row, 1, x)
        put_value(sheet, row, 2, y)
        put_formula(sheet, row, 3, "C1" if row == FIRST else f"N{row - 1}", shown.intercept)
        put_formula(sheet, row, 4, "C2" if row == FIRST else f"M{row - 1}", shown.slope)
        for column, (formula, code) in enumerate(zip(formulas, formats), start=5):
            put_formula(sheet, row, column, formula.format(r=row), code)
    put_text(sheet, last + 1, 5, "rmse")
    put_formula(sheet, last + 1, 6, f"SQRT(SUM(F{FIRST}:F{last}))", LOSS)
    names["rmse"] = f"F{last + 1}"
    log(sheet, names, "basic SGD", last + 1, len(xs))
    define(sheet, names)
    set_width(sheet, 1, 2, 9)
    set_width(sheet, 3, 14, 12)
    shape(sheet, 14, last + 1, len(xs))


def _data(book: NewWorkbook, xs: np.ndarray, ys: np.ndarray, drawn: bool) -> None:
    """The sheet of the data; the lesson's draws new ones at each recalculation."""
    sheet = book.create_sheet("data")
    if drawn:
        put_text(sheet, 1, 1, "weights:")
        for row, (letter, label, value) in enumerate((("b", "const", CONST), ("a", "slope", SLOPE)), start=2):
            put_text(sheet, row, 1, letter)
            put_text(sheet, row, 2, label)
            put_value(sheet, row, 3, value)
    put_text(sheet, 5, 2, "x")
    put_text(sheet, 5, 3, "y=a*x + b" if drawn else "y")
    bold(sheet, Area(5, 2, 5, 3))
    if drawn:
        put_comment(
            sheet, 5, 2, "Drawn anew at each recalculation: the other sheets hold numbers that were drawn and pasted."
        )
    for row, (x, y) in enumerate(zip(xs.tolist(), ys.tolist()), start=6):
        if drawn:
            put_formula(sheet, row, 2, "RANDBETWEEN(1,100)")
            put_formula(sheet, row, 3, f"$C$2+B{row}*$C$3")
        else:
            put_value(sheet, row, 2, x)
            put_value(sheet, row, 3, y)
    set_width(sheet, 1, 3, 12)
    sheet.freeze_panes = "A6"
    prepare_print(sheet, headings=5)
    sheet.page_setup.orientation = "portrait"


def _about(book: NewWorkbook, source: str) -> None:
    from openpyxl.styles import Alignment

    sheet = book.create_sheet("about")
    set_width(sheet, 1, 1, 18)
    set_width(sheet, 2, 2, ABOUT_LINE)
    lines = [
        ("Gradient descent in cells", ""),
        ("", "Each sheet fits a line y = a*x + b with another optimiser: a row an example, every cell a formula."),
        ("", "An epoch is one pass over the rows. To do the next one, copy the last row's results to the first row "
         "as values and recalculate: const from lastconst, slope from lastslope, and the same for other state."),
        ("", "sheetml run does that for all sheets: it resets them, runs as many epochs as asked for, and writes the "
         "loss before each epoch beside the rows, where the chart shows it."),
        ("", "The learning rates suit the data. Every heading has a comment that explains its column."),
        ("data", source or "y = 2x + 30, with x drawn at random between 1 and 100"),
        ("basic SGD", "Stochastic gradient descent, with derivatives by the chain rule and estimated by differences."),
        *((sheet_.name, sheet_.about) for sheet_ in (*LESSON, *VARIANTS)),
    ]  # fmt: skip
    for row, (title, text) in enumerate(lines, start=1):
        if title:
            put_text(sheet, row, 1, title)
        if text:
            put_text(sheet, row, 2, text)
    bold(sheet, Area(1, 1, 1, 1), size=14, align="left")
    bold(sheet, Area(6, 1, len(lines), 1), align="left")
    for row in range(2, len(lines) + 1):
        sheet.cell(row, 2).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(row, 1).alignment = Alignment(vertical="top")
        sheet.row_dimensions[row].height = LINE_HEIGHT * (1 + len(lines[row - 1][1]) // ABOUT_LINE)
    sheet.sheet_view.showGridLines = False
    prepare_print(sheet)


def read_examples(
    path: str | os.PathLike[str], x: str | None = None, y: str | None = None
) -> tuple[list[float], list[float]]:
    """The numbers x and y of a CSV file: two columns by name, else the first two that hold numbers.

    Raises DataError, in one sentence, where the file cannot be read or has no such columns.
    """
    pd = needed("pandas", extra="learn")
    try:
        frame = pd.read_csv(path)
    except (OSError, UnicodeDecodeError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from None
    numeric = [str(name) for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
    for name in (x, y):
        if name is not None and name not in map(str, frame.columns):
            raise DataError(f"{path} has no column {name!r}: it has {', '.join(map(str, frame.columns))}.")
        if name is not None and name not in numeric:
            raise DataError(f"{path}: not all of column {name!r} are numbers.")
    free = [name for name in numeric if name not in (x, y)]
    chosen = [name if name is not None else free.pop(0) if free else None for name in (x, y)]
    if None in chosen:
        raise DataError(f"{path} has no two columns of numbers: they are needed for x and y.")
    xs, ys = (frame[name].astype(float).tolist() for name in chosen)
    for number, pair in enumerate(zip(xs, ys), start=2):
        if not all(map(math.isfinite, pair)):
            raise DataError(f"{path}: line {number} lacks a number.")
    return xs, ys
