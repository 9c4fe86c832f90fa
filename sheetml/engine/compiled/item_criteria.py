"""SUMIF and its kind of single values: which items of a list meet a criterion, and what is made of those beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sheetml.engine.compiled.items import Item, value_of_item
from sheetml.engine.functions.criteria import criterion
from sheetml.xlsx.model import ErrorCode

# of each function: where the area is that is summed (None: it counts), and where areas and criteria begin
FUNCTIONS: dict[str, tuple[int | None, int]] = {
    "COUNTIF": (None, 0),
    "COUNTIFS": (None, 0),
    "SUMIF": (2, 0),
    "SUMIFS": (0, 1),
    "AVERAGEIF": (2, 0),
    "AVERAGEIFS": (0, 1),
}


class Question:
    """A criterion, and its answers so far."""

    def __init__(self, item: Item) -> None:
        self._criterion = criterion(item)
        self._answers: dict[tuple[type, Item], bool] = {}

    def met(self, item: Item) -> bool:
        key = type(item), item
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = bool(self._criterion.met(value_of_item(item))[0, 0, 0])
        return answer


def _unknown(items: Sequence[Item]) -> bool:
    """Whether one of them could not be computed."""
    return ErrorCode in set(map(type, items)) and any(item is ErrorCode.UNCOMPUTABLE for item in items)


def measuring(function: str) -> Callable[..., Item | None]:
    """The function of the items summed (None where it counts), and of areas and criteria in turn.

    It gives None where it does not know: an area holds what could not be computed.
    """
    questions: dict[tuple[type, Item], Question] = {}
    counts, mean = function.startswith("COUNT"), function.startswith("AVERAGE")

    def measured(summed: list[Item] | None, *pairs: Any) -> Item | None:
        chosen: Sequence[bool] = ()
        for area, asked in zip(pairs[::2], pairs[1::2]):
            if _unknown([asked]) or _unknown(area):
                return None
            key = type(asked), asked
            question = questions.get(key) or questions.setdefault(key, Question(asked))
            met = list(map(question.met, area))
            chosen = met if not chosen else [one and other for one, other in zip(chosen, met)]
        if counts or summed is None:
            return float(sum(chosen))
        taken = [item for item, is_chosen in zip(summed, chosen) if is_chosen]
        wrong = [item for item in taken if type(item) is ErrorCode]
        if _unknown(wrong):
            return None
        if wrong:
            return wrong[0]
        numbers = np.array([item for item in taken if type(item) is float])
        total = float(np.add.accumulate(numbers)[-1]) if numbers.size else 0.0  # one after the other, as of arrays
        count = sum(type(item) is float for item in taken)
        if mean and not count:
            return ErrorCode.DIV0
        return total / count if mean else total

    return measured
