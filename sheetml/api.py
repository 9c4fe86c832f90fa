"""A whole workbook: its cells, and what can be done with them. What `sheetml` itself exports is here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sheetml.errors import SheetmlError
from sheetml.workbook import Addresses, Book
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.reader import read_workbook, read_workbook_bytes

if TYPE_CHECKING:
    from sheetml.loops import TrainingLoop
    from sheetml.macros.session import Macros
    from sheetml.report.audit import Findings
    from sheetml.report.check import Checked
    from sheetml.report.compare import Comparison
    from sheetml.report.explain import Explanation
    from sheetml.solve.model import SolverModel, SolverModels
    from sheetml.whatif.simulation import Simulated
    from sheetml.whatif.tables import Table

IN_MEMORY = Path("<memory>")  # what messages call a workbook that comes from no file


def open(path: str | os.PathLike[str] | bytes | IO[bytes]) -> Workbook:
    """Opens an .xlsx or .xlsm workbook; its cells hold the values that are stored in the file.

    It may be given as a path, as the content of a file, or as a binary stream (a file opened with "rb", a BytesIO).
    Raises WorkbookError, in one sentence, where the file is not a workbook that can be read.
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return Workbook(read_workbook_bytes(bytes(path), IN_MEMORY))
    if isinstance(path, (str, os.PathLike)):
        return Workbook(read_workbook(Path(path)))
    if path.seekable():
        path.seek(0)
    name = getattr(path, "name", None)
    return Workbook(read_workbook_bytes(path.read(), Path(name) if isinstance(name, str) else IN_MEMORY))


class Workbook(Book):
    """An open workbook: `wb["sheet"]["B3"]` is a value, `wb.calculate()` brings all up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        super().__init__(file)
        self._macros: Macros | None = None
        if file.macro_parts:
            from sheetml.macros.cell_functions import WithOwnFunctions

            self.calculation.workspace.functions = WithOwnFunctions(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_macros": None}  # what macros left behind stays behind

    def _repr_html_(self) -> str:
        """How notebooks show it: a line a sheet."""
        from sheetml.tables import html_table

        models = {model.sheet: model.describe()[0] for model in self.solver_models}
        rows = [[*row, models.get(sheet.name, "")] for row, sheet in zip(self._rows_about_sheets(), self.worksheets)]
        return html_table(["Sheet", "Area", "Cells", "Formulas", "Solver model"], rows, str(self.path))

    @property
    def solver_models(self) -> SolverModels:
        """The Solver models stored in the workbook, one a sheet that has one: by position, or by the sheet's name."""
        from sheetml.solve.model import solver_models  # SciPy's optimisers are slow to import

        return solver_models(self)

    @property
    def saved_solver_models(self) -> dict[tuple[str, str], SolverModel]:
        """The models kept beside those that Excel's dialog shows, by sheet and name."""
        from sheetml.solve.model import saved_models

        return saved_models(self)

    def add_solver_model(
        self,
        sheet: str,
        *,
        minimise: str | None = None,
        maximise: str | None = None,
        objective: str | None = None,
        to: float | None = None,
        by: Addresses,
        subject_to: Addresses = (),
        integer: Addresses = (),
        binary: Addresses = (),
        all_different: Addresses = (),
        engine: str = "grg",
        may_be_negative: bool = False,
        name: str = "",
    ) -> SolverModel:
        """States the sheet's Solver model, in place of the one it may have; `save()` writes it as Excel keeps it.

        One goal is stated: a cell to `minimise`, one to `maximise`, or an `objective` to be brought `to` a value;
        none where the constraints are all that is wanted. `by` are the adjustable cells; `subject_to` states
        constraints as "C2:C4 <= D2:D4", "0 <= B2 <= 2*D1" or "B2:B3 integer". `engine` is "grg", "lp" or
        "evolutionary". With a `name` the model is kept under it, beside the one that Excel's dialog shows.

        Raises ValueError where two goals are stated, KeyError where there is no such sheet, SolverError (one
        sentence) where the statement is none.
        """
        from sheetml.solve.statement import Statement, goal, stated_model, store

        cell, sense, value = goal(minimise, maximise, objective, to)
        kinds = {"integer": integer, "binary": binary, "all_different": all_different}
        statement = Statement(
            by, cell, sense, value, subject_to, engine=engine, may_be_negative=may_be_negative, **kinds
        )
        model = stated_model(self, sheet, statement)
        store(model, name)
        return model

    def remove_solver_model(self, sheet: str, name: str = "") -> bool:
        """Removes the sheet's Solver model, or the one kept under a name, settings and all; whether there was one."""
        from sheetml.solve.statement import remove

        return remove(self, sheet, name)

    @property
    def training_loops(self) -> list[TrainingLoop]:
        """The sheets that train a model by gradient descent in cells: `loop.reset()`, `loop.run(epochs)`."""
        from sheetml.loops import training_loops

        return training_loops(self, lambda: self.macros)

    @property
    def macros(self) -> Macros:
        """The workbook's macros: `wb.macros.run("Module1.train")`. What they leave behind stays for the next run."""
        if self._macros is None:
            from sheetml.macros.session import Macros  # only workbooks with macros need the interpreter

            self._macros = Macros(self)
        return self._macros

    # ---- what if

    def table(self, inputs: Sequence[str], outputs: Sequence[str]) -> Table:
        """What cells are for values of one input or two ("Sheet1!B1=0..1:0.05", "Sheet1!B2=1,2,5"), as `sheetml table`.

        Raises SheetmlError where something is not as stated.
        """
        from sheetml.whatif import table

        return table(self, inputs, outputs)

    def simulate(
        self, inputs: Sequence[str], outputs: Sequence[str], count: int = 10_000, *, correlate: Sequence[str] = (),
        method: str = "random", seed: int = 0,
    ) -> Simulated:  # fmt: skip
        """The outputs in `count` scenarios of uncertain inputs ("Sheet1!B1~normal(0.07, 0.02)"), as `sheetml simulate`.

        `.summaries()` gives means and quantiles with their standard errors, `.outputs` all values (count, outputs).
        Raises SheetmlError where something is not as stated.
        """
        from sheetml.whatif import Simulation

        return Simulation(self, inputs, outputs, correlate=correlate, method=method, seed=seed).run(count)

    # ---- what reports say of it

    def check(self, tolerance: float = 1e-9) -> Checked:
        """Recomputes every formula and compares with the values Excel stored, as `sheetml check`: a line a sheet."""
        from sheetml.report.check import check

        return check(self, tolerance)

    def audit(self, *, only: Iterable[str] = (), ignore: Iterable[str] = ()) -> Findings:
        """What is probably wrong in it, errors first, as `sheetml audit`; `only` and `ignore` name rules."""
        from sheetml.report.audit import audit

        return audit(self, only=only, ignore=ignore)

    def explain(self, cell: str, most: int = 10) -> Explanation:
        """A cell's formula in words, what it depends on and what moves it most, as `sheetml explain`."""
        from sheetml.report.explain import explain

        return explain(self, cell, most)

    def compare(self, other: Book, tolerance: float = 1e-9) -> Comparison:
        """What is otherwise in another workbook, cell by cell, as `sheetml compare`: this one is the one before."""
        from sheetml.report.compare import compare

        return compare(self, other, tolerance)

    def report(self, path: str | os.PathLike[str] | None = None, *, epochs: int = 50) -> str:
        """Solves its Solver models, runs its training loops, and gives the page of that, as `sheetml run --report`.

        The results are left in the cells. The page is HTML that needs nothing else; with a path it is written there
        too. A model that cannot be solved, or a loop that cannot be run, is named on the page.
        """
        from sheetml.report.run_report import Recorder, run_page
        from sheetml.xlsx.writer import check_target, new_file

        if path is not None:
            check_target(self.path, Path(path), overwrite=False)
        self.calculate()
        recorder = Recorder(self)
        for model in self.solver_models:
            recorder.start(model)
            try:
                recorder.finish(model, model.solve(callback=recorder.follow))
            except SheetmlError as error:
                recorder.finish(model, problem=str(error))
        for loop in self.training_loops:
            try:
                loop.reset()
                recorder.add_loop(loop.sheet, loop.kind, loop.run(epochs))
            except SheetmlError as error:
                recorder.add_loop(loop.sheet, loop.kind, None, str(error))
        page = run_page(recorder, None, {"epochs": epochs})
        if path is not None:
            with new_file(Path(path)) as stream:
                stream.write(page.encode())
        return page
