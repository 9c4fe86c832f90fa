"""A whole workbook: its cells, and what can be done with them. What `sheetml` itself exports is here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sheetml.workbook import Addresses, Book
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.reader import read_workbook

if TYPE_CHECKING:
    from sheetml.loops import TrainingLoop
    from sheetml.macros.session import Macros
    from sheetml.solve.model import SolverModel


def open(path: str | os.PathLike[str]) -> Workbook:
    """Opens an .xlsx or .xlsm workbook; its cells hold the values that are stored in the file.

    Raises WorkbookError, in one sentence, where the file is not a workbook that can be read.
    """
    return Workbook(read_workbook(Path(path)))


class Workbook(Book):
    """An open workbook: `wb["sheet"]["B3"]` is a value, `wb.calculate()` brings all up to date."""

    def __init__(self, file: WorkbookFile) -> None:
        super().__init__(file)
        self._macros: Macros | None = None
        if file.macro_parts:
            from sheetml.macros.cell_functions import WithOwnFunctions

            self.calculation.workspace.functions = WithOwnFunctions(self)

    def _repr_html_(self) -> str:
        """How notebooks show it: a line a sheet."""
        from sheetml.tables import html_table

        models = {model.sheet: model.describe()[0] for model in self.solver_models}
        rows = [[*row, models.get(sheet.name, "")] for row, sheet in zip(self._rows_about_sheets(), self.worksheets)]
        return html_table(["Sheet", "Area", "Cells", "Formulas", "Solver model"], rows, str(self.path))

    @property
    def solver_models(self) -> list[SolverModel]:
        """The Solver models stored in the workbook, one a sheet that has one."""
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
