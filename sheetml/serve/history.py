"""Undo and redo: what cells held before and after each change."""

from __future__ import annotations

from dataclasses import dataclass, field

from sheetml.serve.editing import Contents

MOST_CHANGES = 500
MOST_CELLS = 2_000_000  # that all changes together remember


@dataclass(slots=True)
class Change:
    """One change, by what people call it: "typing in B3", "Solver"."""

    name: str
    before: Contents
    after: Contents


@dataclass(slots=True)
class History:
    done: list[Change] = field(default_factory=list)
    undone: list[Change] = field(default_factory=list)

    def add(self, change: Change) -> None:
        """A new change: what was undone is forgotten, and so are the oldest changes where there are too many."""
        self.undone.clear()
        self.done.append(change)
        while len(self.done) > MOST_CHANGES or (len(self.done) > 1 and self._cells() > MOST_CELLS):
            del self.done[0]

    def _cells(self) -> int:
        return sum(len(change.before) for change in self.done)

    @property
    def undo_name(self) -> str | None:
        return self.done[-1].name if self.done else None

    @property
    def redo_name(self) -> str | None:
        return self.undone[-1].name if self.undone else None
