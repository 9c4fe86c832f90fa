"""Workbooks that teach what Solver models can say: one a kind of model, each with live formulas."""

from sheetml.layouts.solver_gallery.build import EXAMPLES, build

__all__ = ["EXAMPLES", "build"]
