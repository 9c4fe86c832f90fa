"""The worksheet functions, one module a family."""

from sheetml.engine.functions import arrays, logic, lookup, math, statistics
from sheetml.engine.functions.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "arrays", "logic", "lookup", "math", "statistics"]
