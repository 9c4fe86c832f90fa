"""Parts of the ratings that do not meet: no two share a user or an item, so that threads train on them at once.

Users and items are dealt into as many groups as there are workers. The ratings of user group k and item group
k + r form a block; the blocks of one r, a stratum, have no row of either table in common. A training goes
through the strata one after the other, and no lock is needed (Gemulla et al. 2011, "Large-scale matrix
factorization with distributed stochastic gradient descent").
"""

from __future__ import annotations

import numpy as np


def strata(
    users: np.ndarray, items: np.ndarray, counts: tuple[int, int], workers: int, random: np.random.Generator
) -> list[list[np.ndarray]]:
    """The positions of n ratings, by stratum and within it by worker, each in the order they had.

    `users` and `items` (n,) are codes below `counts`. The groups are drawn anew at each call.
    """
    of_users, of_items = (random.permutation(np.arange(count) % workers) for count in counts)
    group = of_users[users]
    stratum = (of_items[items] - group) % workers
    order = np.argsort(stratum * workers + group, kind="stable")
    sizes = np.bincount(stratum * workers + group, minlength=workers * workers)
    blocks = np.split(order, np.cumsum(sizes)[:-1])
    return [blocks[first : first + workers] for first in range(0, workers * workers, workers)]
