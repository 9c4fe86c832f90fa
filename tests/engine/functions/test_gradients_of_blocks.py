"""The law of blocks, for derivatives: a formula filled down has in each cell the gradient that it has there alone."""

from __future__ import annotations

import random

import numpy as np
import pytest
from openpyxl.formula.translate import Translator

from sheetml.formula.references import parse_area
from tests.engine.functions.test_gradients import CASES, function
from tests.workbooks import made

DISTANCE = 40  # rows from one copy of a case to the next
COPIES = 3


def shifted(address: str, copy: int) -> str:
    area = parse_area(address)
    return f"{address.rstrip('0123456789')}{area.top + copy * DISTANCE}"


def moved(value, address: str, copy: int):
    if isinstance(value, str) and value.startswith("="):
        return Translator(value, address).translate_formula(shifted(address, copy))
    return value


@pytest.mark.parametrize("name", [name for name in CASES if name != "INDIRECT"])  # its texts do not move along
def test_each_cell_of_a_block_has_its_own_gradient(name):
    case = CASES[name]
    inputs = [f"A{n}" for n in range(1, len(case.domains) + 1)]
    draw = random.Random(name)
    points = np.array([[draw.uniform(*domain) for domain in case.domains] for _ in range(COPIES)])
    cells = {}
    for copy, point in enumerate(points.tolist()):
        cells |= {shifted(place, copy): number for place, number in zip(inputs, point)}
        cells |= {shifted(place, copy): moved(value, place, copy) for place, value in case.cells.items()}
        cells[shifted("Z1", copy)] = moved(case.formula, "Z1", copy)
    workbook = made(cells)
    together = workbook.function(
        [shifted(place, copy) for copy in range(COPIES) for place in inputs],
        [shifted("Z1", copy) for copy in range(COPIES)],
    )
    slopes = together.jacobian(points.reshape(-1)).reshape(COPIES, COPIES, -1)
    for copy, point in enumerate(points):
        alone = function(case)
        assert np.allclose(slopes[copy, copy], alone.gradient(point), rtol=1e-9, atol=1e-12, equal_nan=True)
        others = np.delete(slopes[copy], copy, axis=0)
        assert not np.nan_to_num(others).any()
