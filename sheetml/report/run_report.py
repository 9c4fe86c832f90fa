"""What a run did, kept so that it can be looked at and repeated: as a web page, and as pictures."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.references import address, cell_name, quote_sheet
from sheetml.report import charts
from sheetml.report.cell_names import names_of
from sheetml.report.cell_numbers import CellNumbers, exact, in_column, in_format, told_apart
from sheetml.report.charts import FAINT, Line, Names, colour_key, heat_map, line_chart, swatch
from sheetml.report.html import page
from sheetml.report.residuals import ResidualTable, residuals
from sheetml.report.ticks import short
from sheetml.report.words import quantity
from sheetml.solve.model import SolverModel
from sheetml.solve.reports import Report
from sheetml.version import __version__
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from sheetml.loops import History

MOST_POINTS = 2000  # of a curve
NEGLIGIBLE = 1e-6  # of the objective: a gradient that moves it by less is drawn as none
PACKAGES = ("sheetml", "numpy", "scipy", "lxml")


@dataclass(slots=True)
class AreaRecord:
    """An area of adjustable cells before and after; arrays of its shape (rows, columns)."""

    sheet: str
    area: Area
    before: np.ndarray
    after: np.ndarray
    gradient_before: np.ndarray | None = None
    gradient_after: np.ndarray | None = None

    @property
    def text(self) -> str:
        return address(self.sheet, self.area)


@dataclass(slots=True)
class ModelRecord:
    """What became of one Solver model."""

    sheet: str
    words: list[str]  # the model, as `inspect` puts it
    areas: list[AreaRecord]
    curve: list[tuple[int, int, float, float]] = field(default_factory=list)  # iteration, evaluations, objective, s
    residuals_before: ResidualTable | None = None
    residuals_after: ResidualTable | None = None
    result: Any = None
    problem: str = ""
    no_gradient: str = ""
    reports: Sequence[Report] = ()


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """What became of one training loop; the history is None where it could not be run."""

    sheet: str
    kind: str
    history: History | None
    problem: str = ""

    @property
    def curve(self) -> list[tuple[int, int, float, float]]:
        """The loss by epoch, as far as it is a number."""
        if self.history is None:
            return []
        losses = [self.history.start.loss, *self.history.loss.tolist()]
        return [(epoch, epoch, loss, 0.0) for epoch, loss in enumerate(losses) if np.isfinite(loss)]


class Recorder:
    """Follows a run, model by model: `start` before a model is solved, `follow` while, `finish` after."""

    def __init__(self, workbook: Book) -> None:
        self.workbook = workbook
        self.models: list[ModelRecord] = []
        self.loops: list[LoopRecord] = []
        self._cells: list[tuple[str, Area]] = []

    def start(self, model: SolverModel) -> None:
        record = ModelRecord(model.sheet, model.describe(), [])
        self.models.append(record)
        try:
            self._cells = [(self.workbook.sheet_names[sheet], area) for sheet, area in model.adjustable_areas]
            record.areas = [
                AreaRecord(sheet, area, self._values(sheet, area), np.zeros(0)) for sheet, area in self._cells
            ]
            for each, gradient in zip(record.areas, self._gradients(model, record)):
                each.gradient_before = gradient
            record.residuals_before = self._residuals(model)
        except SheetmlError:
            self._cells = []  # the model cannot be understood: solving it will say why

    def follow(self, progress: Any) -> None:
        """Takes a Progress of the solver."""
        point = progress.iteration, progress.evaluations, float(progress.objective), progress.seconds
        self.models[-1].curve.append(point)

    def add_loop(self, sheet: str, kind: str, history: History | None, problem: str = "") -> None:
        """Takes a training loop that was run."""
        self.loops.append(LoopRecord(sheet, kind, history, problem))

    def finish(self, model: SolverModel, result: Any = None, problem: str = "", reports: Sequence[Report] = ()) -> None:
        record = self.models[-1]
        record.result, record.problem, record.reports = result, problem, reports
        if result is None:
            record.areas = []
            return
        record.curve.insert(0, (0, 0, float(result.fun_start), 0.0))
        for each in record.areas:
            each.after = self._values(each.sheet, each.area)
        for each, gradient in zip(record.areas, self._gradients(model, record)):
            each.gradient_after = gradient
        record.residuals_after = self._residuals(model)

    def _values(self, sheet: str, area: Area) -> np.ndarray:
        """The numbers in an area, nan where there is none."""
        calculation = self.workbook.calculation
        slots = calculation.locate_area(self.workbook[sheet].position, area)
        return np.where(calculation.kinds(slots) == NUMBER, calculation.numbers(slots), np.nan)

    def _gradients(self, model: SolverModel, record: ModelRecord) -> Iterator[np.ndarray]:
        """The gradient of the objective by each area's cells, where there is one."""
        if model.objective is None:
            return
        function = self.workbook.function_of(model.adjustable_areas, self.workbook.areas(model.objective))
        try:
            gradient = function.gradient(function.x0)
        except SheetmlError as error:
            record.no_gradient = str(error)
            return
        start = 0
        for _, area in self._cells:
            size = area.height * area.width
            yield gradient[start : start + size].reshape(area.height, area.width)
            start += size

    def _residuals(self, model: SolverModel) -> ResidualTable | None:
        return None if model.objective is None else residuals(self.workbook, model.objective)


# ---- the page --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """A number or text of the page; the number to all its digits is shown to those who point at it."""

    text: str
    name: str = ""
    exact: str = ""
    more: str = ""
    wide: bool = False


def run_page(recorder: Recorder, output: Path | None, settings: Mapping[str, Any], command: str = "") -> str:
    """The run as a web page that needs nothing else."""
    workbook = recorder.workbook
    numbers = CellNumbers(workbook)
    ranked = _ranked(recorder.loops)
    return page(
        "run.html",
        title=f"Run of {workbook.path.name}",
        workbook=workbook.path,
        output=output or "nothing: no model was solved",
        models=[_section(record, workbook, numbers) for record in recorder.models],
        loops=[_loop_section(record, place, ranked) for place, record in enumerate(ranked)],
        race=_race(ranked),
        number_text=_report_number,
        settings={name: "default" if value is None else value for name, value in settings.items()},
        command=command,
        versions=versions(),
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        problems=dict(list(workbook.problems.items())[:20]),
    )


def versions() -> dict[str, str]:
    """Of Python, the machine and the packages that the numbers depend on."""
    found = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = __version__ if name == "sheetml" else "unknown"
    return found


def _report_number(value: Any) -> Any:
    """What a cell of one of Excel's reports shows."""
    if value is None:
        return ""
    return short(value, 6) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


# ---- a Solver model


def _section(record: ModelRecord, workbook: Book, numbers: CellNumbers) -> dict[str, Any]:
    result = record.result
    solved = result is not None
    pairs = [one for one in (record.residuals_before, record.residuals_after) if one is not None]
    objective = _objective_format(record, workbook, numbers)
    floor = 0.0 if result is None else NEGLIGIBLE * abs(float(result.fun))
    residual_scale = _largest([each.values for each in pairs])
    return {
        "sheet": record.sheet,
        "words": record.words,
        "problem": record.problem,
        "facts": _facts(result, objective) if solved else [],
        "line": _line(result, record.sheet, objective) if solved else [],
        "message": result.message if solved else "",
        "curve": _curve(record.curve, objective) if len(record.curve) > 1 else "",
        "maps": [_area_maps(each, workbook, numbers, floor) for each in record.areas] if solved else [],
        "residuals": _residual_maps(pairs, residual_scale, workbook) if solved else [],
        "residuals_of": pairs[0].what if pairs else "",
        "residuals_key": colour_key(residual_scale),
        "no_gradient": record.no_gradient,
        "reports": record.reports,
    }


def _objective_format(record: ModelRecord, workbook: Book, numbers: CellNumbers) -> str:
    """The number format of the objective cell."""
    objective = "" if record.result is None else record.result.objective
    if not objective:
        return "General"
    ((sheet, area),) = workbook.areas(objective)
    return numbers.format_of(sheet, area.top, area.left)


def _line(result: Any, sheet: str, code: str) -> list[Fact]:
    """The model's line in the list of all models."""
    before, after = told_apart(float(result.fun_start), float(result.fun), code)
    return [
        Fact((result.objective or "(none)").removeprefix(f"{quote_sheet(sheet)}!")),
        Fact(before, exact=exact(result.fun_start)),
        Fact(after, exact=exact(result.fun)),
        Fact(f"{result.x.size:,}"),
        Fact(f"{result.nit:,}"),
        Fact(f"{result.seconds:.2f}"),
    ]


def _facts(result: Any, code: str) -> list[Fact]:
    before, after = told_apart(float(result.fun_start), float(result.fun), code)
    missed = float(result.constraint_violation)
    return [
        Fact(before, f"{result.objective or 'Objective'} before", exact(result.fun_start)),
        Fact(after, f"{result.objective or 'Objective'} after", exact(result.fun)),
        Fact(f"{result.x.size:,}", "Adjustable cells", more=", ".join(result.adjustable), wide=True),
        Fact(f"{result.nit:,}", "Iterations", more=str(result.method)),
        Fact(f"{result.nfev:,}", "Evaluations", more=quantity(result.njev, "gradient")),
        Fact("–" if result.gradient_norm != result.gradient_norm else short(result.gradient_norm, 2), "Gradient norm"),
        Fact(short(missed, 2) if missed else "none", "Constraints missed by" if missed else "Constraints missed"),
        Fact(f"{result.seconds:.2f}", "Seconds"),
    ]


def _curve(points: list[tuple[int, int, float, float]], code: str) -> Any:
    chosen = _thinned(points)
    texts = [
        f"iteration {iteration:,}: {in_format(value, code)} after {quantity(evaluations, 'evaluation')}, "
        f"{seconds:.2f} s"
        for iteration, evaluations, value, seconds in chosen
    ]
    across, up = (np.array([point[side] for point in chosen], float) for side in (0, 2))
    return line_chart([Line("objective", across, up, texts)], "iteration", "objective")


def _thinned(points: list[Any], most: int = MOST_POINTS) -> list[Any]:
    places = np.unique(np.linspace(0, len(points) - 1, min(len(points), most)).astype(int))
    return [points[place] for place in places.tolist()]


def _area_maps(each: AreaRecord, workbook: Book, numbers: CellNumbers, floor: float) -> dict[str, Any]:
    """An area of adjustable cells before and after, and the gradient by it, each pair in one scale of colours."""
    names = names_of(workbook, each.sheet, each.area)
    values = [("Before", each.before), ("After", each.after)]
    scale = _largest([array for _, array in values])

    def shown(array: np.ndarray) -> Callable[[int, int], str]:
        return lambda row, column: numbers.text(
            float(array[row, column]), each.sheet, each.area.top + row, each.area.left + column
        )

    pair = (("Before", each.gradient_before), ("After", each.gradient_after))
    gradients = [(title, array) for title, array in pair if array is not None]
    largest = _largest([array for _, array in gradients])
    gradient_scale = max(largest, floor / max(scale, 1.0))
    return {
        "area": each.text,
        "title": f"{each.text}: {quantity(each.before.size, 'cell')}",
        "key": colour_key(scale, below=any((array < 0).any() for _, array in values)),
        "values": _pair(values, scale, names, shown, each.text),
        "gradient_key": colour_key(gradient_scale),
        "gradients": _pair(gradients, gradient_scale, names, _short_texts, f"gradient by {each.text}", _at_most),
    }


def _pair(
    maps: list[tuple[str, np.ndarray]],
    scale: float,
    names: Names,
    texts: Callable[[np.ndarray], Callable[[int, int], str]],
    label: str,
    remark: Callable[[np.ndarray], str] = lambda array: "",
) -> list[dict[str, Any]]:
    """Heat maps of one size; the first has the titles of the columns."""
    shown = []
    small = bool(maps) and maps[0][1].size <= charts.MOST_CELLS
    room = max(
        (len(texts(array)(*place)) for _, array in maps if small for place in np.ndindex(*array.shape)), default=0
    )
    for title, array in maps:
        caption = f"{title}: {remark(array)}" if remark(array) else title
        drawn = heat_map(array, scale, names, texts(array), f"{label}, {title.lower()}", room)
        shown.append({"title": caption, "drawn": drawn})
        names = replace(names, column_titles=())
    return shown


def _at_most(array: np.ndarray) -> str:
    present = np.abs(array[np.isfinite(array)])
    return f"none larger than {short(float(present.max(initial=0.0)), 2)}"


def _short_texts(array: np.ndarray) -> Callable[[int, int], str]:
    """Numbers to two digits; what is nothing beside the others to one."""
    negligible = _largest([array]) * FAINT
    return lambda row, column: short(float(array[row, column]), 2 if abs(array[row, column]) > negligible else 1)


def _largest(arrays: list[np.ndarray]) -> float:
    values = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(1)
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0


def _residual_maps(pairs: list[ResidualTable], scale: float, workbook: Book) -> list[Any]:
    shown = []
    for title, each in zip(("Before", "After"), pairs):
        long = each.values.shape[1] == 1 < each.values.shape[0]
        values = _folded(each.values.reshape(-1)) if long else each.values
        rows, columns = values.shape
        where = each.place
        if long or where is None or (where[1].height, where[1].width) != values.shape:
            names = Names(
                [f"{row * columns + 1:,}" for row in range(rows)] if long else [str(row + 1) for row in range(rows)],
                [str(column + 1) for column in range(columns)],
                cell=_place_of(each, columns if long else 0),
            )
        else:
            names = names_of(workbook, *where)
        caption = f"{title}: root mean square {short(each.root_mean_square, 4)}"
        drawn = heat_map(values, scale, names, _short_texts(values), f"residuals {title.lower()}")
        shown.append({"title": caption, "drawn": drawn})
    return shown


def _place_of(table: ResidualTable, width: int) -> Callable[[int, int], str]:
    """How a residual is called: by its cell where it is known, else by its number."""

    def place(row: int, column: int) -> str:
        if not width:
            return f"row {row + 1}, column {column + 1}"
        number = row * width + column
        return f"number {number + 1:,}" if table.place is None else cell_name(
            table.place[1].top + number, table.place[1].left)  # fmt: skip

    return place


def _folded(values: np.ndarray) -> np.ndarray:
    """A long column as rows of a rectangle, read like text."""
    width = int(np.ceil(np.sqrt(values.size)))
    folded = np.full(width * int(np.ceil(values.size / width)), np.nan)
    folded[: values.size] = values
    return folded.reshape(-1, width)


# ---- training loops


def _ranked(loops: list[LoopRecord]) -> list[LoopRecord]:
    """The loops by the loss that they came to, the least first; those without one last."""

    def key(record: LoopRecord) -> tuple[bool, float]:
        loss = float("nan") if record.history is None else float(record.history.end.loss)
        return not np.isfinite(loss), loss if np.isfinite(loss) else 0.0

    return sorted(loops, key=key)


def _loss_line(record: LoopRecord, most: int, *, faint: bool = False) -> Line:
    points = _thinned(record.curve, most)
    texts = [f"{record.sheet}, epoch {point[0]:,}: {short(point[2], 5)}" for point in points]
    across, up = (np.array([point[side] for point in points], float) for side in (0, 2))
    return Line(f"{record.sheet}: {record.kind}", across, up, texts, faint)


def _race(ranked: list[LoopRecord]) -> Any:
    """One chart of all loops' losses."""
    lines = [_loss_line(record, MOST_POINTS // max(1, len(ranked))) for record in ranked if len(record.curve) > 1]
    return line_chart(lines, "epoch", "loss") if lines else ""


def _loop_section(record: LoopRecord, place: int, ranked: list[LoopRecord]) -> dict[str, Any]:
    drawn: Any = ""
    if len(record.curve) > 1 and len(ranked) > 1:
        others = [_loss_line(other, 60, faint=True) for other in ranked if other is not record and len(other.curve) > 1]
        lines = [*others, _loss_line(record, 200)]
        drawn = line_chart(lines, "epoch", "loss", small=True, all_of=f"loss of {record.sheet}")
    numbers = [] if record.history is None else [Fact(f"{record.history.epochs:,}")]
    if numbers:
        columns = zip(*(_ends(each) for each in ranked if each.history is not None))
        numbers += [Fact(in_column(value, column), exact=exact(value)) for value, column in zip(_ends(record), columns)]
    return {
        "sheet": record.sheet,
        "kind": record.kind,
        "problem": record.problem,
        "numbers": numbers,
        "swatch": swatch(place),
        "curve": drawn,
    }


def _ends(record: LoopRecord) -> tuple[float, ...]:
    """Intercept and slope at the end, loss before and after."""
    assert record.history is not None
    start, end = record.history.start, record.history.end
    return float(end.const), float(end.slope), float(start.loss), float(end.loss)


# ---- the pictures ----------------------------------------------------------------------------------


def run_pictures(recorder: Recorder) -> dict[str, bytes]:
    """A run's pictures as PNG, by name: curve, adjustable cells, gradient and residuals of each model."""
    from sheetml.report import plots

    pictures: dict[str, bytes] = {}
    for number, record in enumerate(recorder.models, start=1):
        if record.result is None:
            continue
        stem = f"{number}-{_file_name(record.sheet)}"
        if len(record.curve) > 1:
            pictures[f"{stem}-objective.png"] = plots.png(plots.curve_figure(record.curve, record.sheet))
        for index, each in enumerate(record.areas, start=1):
            maps = [("before", each.before), ("after", each.after)]
            pictures[f"{stem}-cells-{index}.png"] = plots.png(plots.map_figure(maps, title=each.text))
            if each.gradient_before is not None:
                gradient = [("gradient before", each.gradient_before)]
                pictures[f"{stem}-gradient-{index}.png"] = plots.png(plots.map_figure(gradient, title=each.text))
        pairs = [one for one in (record.residuals_before, record.residuals_after) if one is not None]
        if pairs:
            maps = [(title, each.values) for title, each in zip(("before", "after"), pairs)]
            maps = [(title, array if array.shape[1] > 1 else _folded(array.reshape(-1))) for title, array in maps]
            pictures[f"{stem}-residuals.png"] = plots.png(plots.map_figure(maps, title=f"residuals {pairs[0].what}"))
    for number, loop in enumerate(recorder.loops, start=len(recorder.models) + 1):
        if len(loop.curve) > 1:
            figure = plots.curve_figure(loop.curve, f"{loop.sheet}: {loop.kind}", "loss", "epoch")
            pictures[f"{number}-{_file_name(loop.sheet)}-loss.png"] = plots.png(figure)
    return pictures


def _file_name(sheet: str) -> str:
    """A sheet's name as a file's name on any system."""
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in sheet)[:60]
