"""What solving a model came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import OptimizeResult

from sheetml.tables import html_table

if TYPE_CHECKING:
    from sheetml.solve.linear import Reading
    from sheetml.solve.problem import Problem


class SolverResult(OptimizeResult):
    """A scipy.optimize.OptimizeResult that notebooks show as a table."""

    def remember(self, problem: Problem, reading: Reading | None) -> None:
        """Keeps what reports are written from; it is not among the items."""
        object.__setattr__(self, "_solved", (problem, reading))

    @property
    def problem(self) -> Problem:
        """What was solved."""
        return self.__dict__["_solved"][0]

    @property
    def reading(self) -> Reading | None:
        """What the problem was found to be; None where that was not looked into."""
        return self.__dict__["_solved"][1]

    @property
    def moved(self) -> bool:
        """Whether any adjustable cell holds another value than at the start."""
        return not np.array_equal(self.x, self.x_start)

    def _repr_html_(self) -> str:
        rows = [
            ("sheet", self.sheet),
            ("objective", self.objective or "(none)"),
            ("adjustable cells", f"{self.x.size:,}: {', '.join(self.adjustable)}"),
            ("before", f"{self.fun_start:.10g}"),
            ("after", f"{self.fun:.10g}"),
            ("iterations", f"{self.nit:,}"),
            ("evaluations", f"{self.nfev:,}"),
            ("gradient norm", f"{self.gradient_norm:.3g}"),
            ("seconds", f"{self.seconds:.2f}"),
            ("method", self.method),
        ]
        return html_table(["Solver", ""], rows, self.message)
