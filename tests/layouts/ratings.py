"""Ratings made up for tests: a known model, some noise, most pairs rated."""

from __future__ import annotations

import numpy as np
import pandas as pd


def made_up(users: int, items: int, *, factors: int = 2, rated: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """Ratings from 0.5 to 5, of users 10, 11 ... for items 100, 101 ..., each with at least one."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(users, factors)) @ random.normal(size=(factors, items))
    ratings = np.clip(np.round(2 * (3.5 + scores)) / 2, 0.5, 5)
    known = random.random((users, items)) < rated
    known[np.arange(max(users, items)) % users, np.arange(max(users, items)) % items] = True
    rows, columns = np.nonzero(known)
    return pd.DataFrame({"user": rows + 10, "item": columns + 100, "rating": ratings[rows, columns]})


def titled(ratings: pd.DataFrame, titles: list[str]) -> pd.DataFrame:
    """The same with a title for each item, in the order of their ids."""
    names = dict(zip(sorted(ratings["item"].unique()), titles))
    return ratings.assign(title=pd.Series([names[item] for item in ratings["item"]], dtype=object))
