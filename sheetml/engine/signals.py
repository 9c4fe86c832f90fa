"""What the engine tells itself by way of exceptions."""

from __future__ import annotations


class Signal(Exception):
    """Ends an evaluation that has to go on in another way: its receiver is in the engine; never a defect."""
