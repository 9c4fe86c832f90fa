"""The lesson's gradient-descent workbook, built; `sheetml.loops` recognises and runs what it holds."""

from sheetml.layouts.graddesc.build import build, read_examples

__all__ = ["build", "read_examples"]
