"""The worksheet functions, one module a family: importing this package registers them all."""

from sheetml.engine.functions import (  # noqa: F401
    annuities,
    arrays,
    cash_flows,
    complex_numbers,
    criteria,
    databases,
    date_time,
    depreciation,
    discrete,
    distributions,
    engineering,
    information,
    lambdas,
    logic,
    lookup,
    math,
    ordering,
    random_numbers,
    regression,
    rounding,
    securities,
    shaping,
    significance,
    statistics,
    subtotals,
    text,
    text_numbers,
    text_patterns,
    text_pieces,
    units,
    whole_numbers,
    working_days,
)
from sheetml.engine.functions.registry import FUNCTIONS

__all__ = ["FUNCTIONS"]
