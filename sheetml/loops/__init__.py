"""Training loops in cells: recognised in any workbook, reset and run."""

from sheetml.loops.loop import EPOCHS_A_RUN, History, Point, TrainingLoop, training_loops
from sheetml.loops.recognition import LoopSheet, recognise

__all__ = ["EPOCHS_A_RUN", "History", "LoopSheet", "Point", "TrainingLoop", "recognise", "training_loops"]
