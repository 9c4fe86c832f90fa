"""A fit under way: its history, early stopping, and checkpoints from which it can go on."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.history import Epoch, best_epoch
from sheetml.learn.storage import described, read_arrays, write_arrays
from sheetml.learn.training import Tables, Trainer

if TYPE_CHECKING:
    from sheetml.learn.ratings import Ratings
    from sheetml.learn.recommender import Recommender


@dataclass
class Fitting:
    """The epochs of a trainer so far, and the tables of the best of them: for one that stops early, or is stopped."""

    trainer: Trainer
    patience: int | None
    history: list[Epoch] = field(default_factory=list)
    best: Tables | None = None

    def add(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        if best_epoch(self.history) is epoch:
            self.best = self.trainer.tables.copy()

    @property
    def is_over(self) -> bool:
        if self.trainer.epoch >= self.trainer.epochs:
            return True
        if self.patience is None or not self.history:
            return False
        return self.trainer.epoch - best_epoch(self.history).epoch >= self.patience

    @property
    def chosen(self) -> Tables:
        """The tables to keep: the best where it stops early or was interrupted, else the last."""
        early = self.patience is not None or not self.is_over
        return self.best if early and self.best is not None else self.trainer.tables

    # ---- checkpoints

    def save(self, path: str | os.PathLike[str], model: Recommender, ratings: Ratings) -> None:
        """Writes all that is needed to go on."""
        trainer = self.trainer
        groups = {"tables": trainer.tables, "states": trainer.states, "best": self.best}
        arrays = {
            f"{group}_{name}": array
            for group, tables in groups.items()
            if tables is not None
            for name, array in vars(tables).items()
        }
        facts = {
            "kind": "checkpoint",
            "model": described(model),
            "ratings": fingerprint(ratings),
            "epoch": trainer.epoch,
            "history": [vars(epoch) for epoch in self.history],
            "random": trainer.random.bit_generator.state,
        }
        write_arrays(path, arrays | {"feedback": trainer.feedback}, facts)

    def load(self, path: str | os.PathLike[str], model: Recommender, ratings: Ratings) -> None:
        """Takes up where `save` left off. Raises ModelError where that was another model or other ratings."""
        arrays, facts = read_arrays(path, "checkpoint")
        if _without_epochs(facts["model"]) != _without_epochs(json.loads(json.dumps(described(model)))):
            raise ModelError(f"{os.fspath(path)}: this checkpoint is of a model with other settings.")
        if facts["ratings"] != fingerprint(ratings):
            raise ModelError(f"{os.fspath(path)}: this checkpoint is of a training on other ratings.")
        trainer = self.trainer
        trainer.tables, trainer.states = _tables(arrays, "tables"), _tables(arrays, "states")
        self.best = _tables(arrays, "best") if "best_users" in arrays else None
        trainer.feedback, trainer.epoch = arrays["feedback"], int(facts["epoch"])
        trainer.random.bit_generator.state = facts["random"]
        self.history = [Epoch(**epoch) for epoch in facts["history"]]


def _tables(arrays: dict[str, np.ndarray], group: str) -> Tables:
    return Tables(*(arrays[f"{group}_{name}"] for name in ("users", "items", "weights")))


def _without_epochs(model: dict[str, Any]) -> dict[str, Any]:
    """More epochs than planned may follow; all else must be the same."""
    settings = {name: value for name, value in model["settings"].items() if name not in ("epochs", "patience")}
    return {**model, "settings": settings}


def fingerprint(ratings: Ratings) -> list[int]:
    """Numbers that other ratings are very unlikely to have."""
    parts = [ratings.users, ratings.items, ratings.values]
    if ratings.item_counts is not None:  # they are on disk
        parts.append(ratings.item_counts)
    return [len(ratings), *(zlib.crc32(np.ascontiguousarray(part).data) for part in parts)]
