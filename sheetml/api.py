"""A whole workbook: its cells, and what can be done with them. What `sheetml` itself exports is here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sheetml.workbook import Book
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
