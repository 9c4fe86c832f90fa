"""The lesson's gradient-descent workbook: its training loops, recognised in any workbook, reset and run, and built."""

from sheetml.layouts.graddesc.build import build, read_examples
from sheetml.layouts.graddesc.loop import EPOCHS_A_RUN, History, Point, TrainingLoop, training_loops
from sheetml.layouts.graddesc.recognition import LoopSheet, recognise

__all__ = [
    "EPOCHS_A_RUN",
    "History",
    "LoopSheet",
    "Point",
    "TrainingLoop",
    "build",
    "read_examples",
    "recognise",
    "training_loops",
]
