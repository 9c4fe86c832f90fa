"""The worksheet functions, one module a family: importing this package registers them all."""

from sheetml.engine.functions import (  # noqa: F401
    arrays,
    criteria,
    date_time,
    discrete,
    distributions,
    information,
    lambdas,
    logic,
    lookup,
    math,
    ordering,
    random_numbers,
    regression,
    rounding,
    shaping,
    significance,
    statistics,
    subtotals,
    text,
    text_numbers,
    text_pieces,
    whole_numbers,
    working_days,
)
from sheetml.engine.functions.registry import FUNCTIONS

__all__ = ["FUNCTIONS"]
