"""What a run did, kept so that it can be looked at and repeated: as a web page, and as pictures."""

from __future__ import annotations

import base64
import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.engine.cell_function import flat_words
from sheetml.engine.values import NUMBER
from sheetml.errors import SheetmlError
from sheetml.formula.references import address, cell_name
from sheetml.report.html import page
from sheetml.report.residuals import ResidualTable, residuals
from sheetml.report.words import figure, quantity
from sheetml.solve.model import SolverModel
from sheetml.solve.reports import Report
from sheetml.version import __version__
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

if TYPE_CHECKING:
    from sheetml.loops import History

MOST_CELLS = 4000  # of a heat map whose cells can be pointed at; a larger one is a plain picture
MOST_POINTS = 2000  # of a curve
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
    flat: str = ""  # what is constant between its jumps, so that the gradient takes no notice of it
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
        record.flat = flat_words(function.flat)
        start = 0
        for _, area in self._cells:
            size = area.height * area.width
            yield gradient[start : start + size].reshape(area.height, area.width)
            start += size

    def _residuals(self, model: SolverModel) -> ResidualTable | None:
        return None if model.objective is None else residuals(self.workbook, model.objective)


# ---- the page --------------------------------------------------------------------------------------


def run_page(recorder: Recorder, output: Path | None, settings: Mapping[str, Any], command: str = "") -> str:
    """The run as a web page that needs nothing else."""
    workbook = recorder.workbook
    return page(
        "run.html",
        title=f"Run of {workbook.path.name}",
        workbook=workbook.path,
        output=output or "nothing: no model was solved",
        models=[_section(record) for record in recorder.models],
        loops=[_loop_section(record) for record in recorder.loops],
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


def _section(record: ModelRecord) -> dict[str, Any]:
    from sheetml.report.charts import curve, heat_map

    result = record.result
    maps = []
    for each in record.areas if result is not None else ():
        values = [each.before, each.after]
        gradients = [array for array in (each.gradient_before, each.gradient_after) if array is not None]
        maps.append(
            {
                "title": f"{each.text}: {quantity(each.before.size, 'cell')}",
                "values": _side_by_side(["Before", "After"], values, each.area, heat_map),
                "gradients": _side_by_side(
                    ["Gradient before", "Gradient after"], gradients, each.area, heat_map, False
                ),
            }
        )
    pairs = [one for one in (record.residuals_before, record.residuals_after) if one is not None]
    return {
        "sheet": record.sheet,
        "words": record.words,
        "problem": record.problem,
        "result": None if result is None else _facts(result),
        "message": "" if result is None else result.message,
        "curve": curve(record.curve, MOST_POINTS) if len(record.curve) > 1 else "",
        "maps": maps,
        "residuals": _residual_maps(pairs) if result is not None else [],
        "residuals_of": pairs[0].what if pairs else "",
        "no_gradient": record.no_gradient,
        "flat": record.flat,
        "reports": record.reports,
    }


def _loop_section(record: LoopRecord) -> dict[str, Any]:
    from sheetml.report.charts import curve

    facts = {}
    if record.history is not None:
        start, end = record.history.start, record.history.end
        facts = {
            "Epochs": f"{record.history.epochs:,}",
            "Intercept": f"{start.const!r} → {end.const!r}",
            "Slope": f"{start.slope!r} → {end.slope!r}",
            "Loss": f"{start.loss!r} → {end.loss!r}",
        }
    drawn = curve(record.curve, MOST_POINTS, "Loss", "epoch") if len(record.curve) > 1 else ""
    return {"sheet": record.sheet, "kind": record.kind, "problem": record.problem, "facts": facts, "curve": drawn}


def _facts(result: Any) -> dict[str, str]:
    return {
        "Objective cell": result.objective or "(none)",
        "Adjustable cells": f"{result.x.size:,}: {', '.join(result.adjustable)}",
        "Before": repr(float(result.fun_start)),
        "After": repr(float(result.fun)),
        "Iterations": f"{result.nit:,}",
        "Evaluations": f"{result.nfev:,} of the objective, {result.njev:,} of the gradient",
        "Gradient norm": figure(result.gradient_norm),
        "Constraints missed by": figure(result.constraint_violation),
        "Method": str(result.method),
        "Seconds": f"{result.seconds:.2f}",
    }


def _side_by_side(titles: list[str], arrays: list[np.ndarray], area: Area, draw: Any, shared: bool = True) -> list[Any]:
    """Heat maps in one colour scale, or each in its own."""
    largest = _largest(arrays) if shared else None
    shown = []
    for title, array in zip(titles, arrays):
        scale = largest if largest is not None else _largest([array])
        if array.size > MOST_CELLS:
            drawn = _picture(title, array, scale)
        else:
            drawn = draw(array, scale, lambda row, column: cell_name(area.top + row, area.left + column))
        shown.append({"title": f"{title} (±{figure(scale)})", "drawn": drawn})
    return shown


def _largest(arrays: list[np.ndarray]) -> float:
    values = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(1)
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0


def _picture(title: str, array: np.ndarray, scale: float) -> Any:
    from markupsafe import Markup

    from sheetml.report import plots

    data = base64.b64encode(plots.png(plots.map_figure([(title, array)], scale))).decode()
    return Markup('<img alt="heat map" src="data:image/png;base64,{}">').format(data)


def _residual_maps(pairs: list[ResidualTable]) -> list[Any]:
    from sheetml.report.charts import heat_map

    scale = _largest([each.values for each in pairs])
    shown = []
    for title, each in zip(("Before", "After"), pairs):
        values = each.values if each.values.shape[1] > 1 else _folded(each.values.reshape(-1))
        place = "row {}, column {}" if each.values.shape[1] > 1 else ""

        def name(row: int, column: int, width: int = values.shape[1], place: str = place) -> str:
            return place.format(row + 1, column + 1) if place else f"number {row * width + column + 1}"

        title = f"{title}: root mean square {figure(each.root_mean_square)}"
        drawn = _picture(title, values, scale) if values.size > MOST_CELLS else heat_map(values, scale, name)
        shown.append({"title": title, "drawn": drawn})
    return shown


def _folded(values: np.ndarray) -> np.ndarray:
    """A long column as rows of a rectangle, read like text."""
    width = int(np.ceil(np.sqrt(values.size)))
    folded = np.full(width * int(np.ceil(values.size / width)), np.nan)
    folded[: values.size] = values
    return folded.reshape(-1, width)


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
