"""Cells that are a sum of squares, as the function of what is squared: for methods of least squares."""

from __future__ import annotations

import numpy as np

from sheetml.engine.cell_function import CellFunction, Recording
from sheetml.engine.tracing.squares import residuals


class ResidualFunction(CellFunction):
    """What is squared and summed in one output cell: `f(x)` is r, (m,), `f.jacobian(x)` its derivatives.

    The output is an increasing function of the sum of r**2, so that the least sum is its minimum. Both
    raise NotSquares where the output is none.
    """

    def __init__(self, function: CellFunction) -> None:
        super().__init__(function._calculation, function._inputs, function._outputs, scalar=False)
        self.refuses_flat = function.refuses_flat

    def _record(self, x: np.ndarray) -> Recording:
        recording = super()._record(x)
        if not recording.without_number.size:
            recording.outputs = residuals(recording.outputs)
        return recording
