"""The worksheet functions, one module a family."""

from sheetml.engine.functions import arrays, criteria, information, logic, lookup, math, statistics
from sheetml.engine.functions.registry import FUNCTIONS

__all__ = ["FUNCTIONS", "arrays", "criteria", "information", "logic", "lookup", "math", "statistics"]
