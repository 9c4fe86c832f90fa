"""Linear, quadratic and integer models: decided from the trace, solved by HiGHS, explained."""

from sheetml.solve.linear.pieces import improved_start
from sheetml.solve.linear.program import Program, Reading, read
from sheetml.solve.linear.solving import method, solve, unsolved

__all__ = ["Program", "Reading", "improved_start", "method", "read", "solve", "unsolved"]
