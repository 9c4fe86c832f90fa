"""Ratings made up for tests: from biases and embeddings of their own, with noise, in half stars."""

from __future__ import annotations

import numpy as np

from sheetml.learn.ratings import Ratings


def made_ratings(users: int = 30, items: int = 40, count: int = 400, factors: int = 2, seed: int = 0) -> Ratings:
    """`count` ratings of different pairs; every user and item is known, not all need have a rating."""
    random = np.random.default_rng(seed)
    pairs = random.choice(users * items, count, replace=False)
    user, item = (pairs // items).astype(np.int32), (pairs % items).astype(np.int32)
    likes, has = random.normal(0, 0.5, (users, factors)), random.normal(0, 0.5, (items, factors))
    mean = 3.5 + random.normal(0, 0.4, users)[user] + random.normal(0, 0.4, items)[item]
    values = mean + (likes[user] * has[item]).sum(1) + random.normal(0, 0.3, count)
    return Ratings(
        users=user,
        items=item,
        values=np.clip(np.round(values * 2) / 2, 0.5, 5.0),
        user_ids=np.arange(users) * 3 + 1,
        item_ids=np.arange(items) * 2 + 10,
        times=random.integers(10**9, 2 * 10**9, count),
        titles=np.array([f"Film {number} (19{number % 100:02})" for number in range(items)]),
    )
