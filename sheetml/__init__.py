"""sheetml runs an Excel workbook as a machine-learning model, without Excel.

wb = sheetml.open("book.xlsx")
wb["dotprod"]["V41"]                                   a cell's value
wb["dotprod"]["H19:V23"] = array; wb.calculate()       change cells, recalculate
f = wb.function(inputs=["dotprod!H19:V23"], output="dotprod!V41")
f(x), f.gradient(x), f.value_and_gradient(x)           a cell as a function of others
for model in wb.solver_models: model.solve()           what Excel's Solver would do
wb.save("solved.xlsx")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sheetml.errors import (
    CalculationError,
    DataError,
    FormulaError,
    MacroError,
    ModelError,
    NotDifferentiableError,
    SheetmlError,
    SolverError,
    UncomputableError,
    UnknownSheetError,
    WorkbookError,
)
from sheetml.version import __version__

if TYPE_CHECKING:
    from sheetml.api import Workbook, open
    from sheetml.content import text
    from sheetml.workbook import Worksheet
    from sheetml.xlsx.model import ErrorCode

__all__ = [
    "CalculationError",
    "DataError",
    "ErrorCode",
    "FormulaError",
    "MacroError",
    "ModelError",
    "NotDifferentiableError",
    "SheetmlError",
    "SolverError",
    "UncomputableError",
    "UnknownSheetError",
    "Workbook",
    "WorkbookError",
    "Worksheet",
    "__version__",
    "open",
    "text",
]

# Imported when they are first asked for: the command line needs only some of them, and some of the time none.
_MODULES = {
    "ErrorCode": "sheetml.xlsx.model",
    "Workbook": "sheetml.api",
    "Worksheet": "sheetml.workbook",
    "open": "sheetml.api",
    "text": "sheetml.content",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
