"""Which nodes of a graph depend on each other: its strongly connected components.

R. Tarjan, "Depth-first search and linear graph algorithms", SIAM Journal on Computing 1 (1972). Importing SciPy's takes
longer than this does for a workbook's blocks; graphs of many edges are left to it.
"""

from __future__ import annotations

import numpy as np

_MOST_EDGES = 100_000  # that are gone along here: it takes about as long as the import


def strong_components(count: int, sources: np.ndarray, readers: np.ndarray) -> np.ndarray:
    """The group of each node, (count,): groups are numbered by their first nodes."""
    if count + sources.size > _MOST_EDGES:
        from scipy.sparse import csr_array  # slow to import
        from scipy.sparse.csgraph import connected_components

        matrix = csr_array((np.ones(sources.size, np.int8), (sources, readers)), shape=(count, count))
        label = connected_components(matrix, connection="strong")[1]
    else:
        label = np.array(_labels(count, sources, readers), np.intp)
    _, first, which = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which.reshape(-1)]


def _labels(count: int, sources: np.ndarray, readers: np.ndarray) -> list[int]:
    """The group of each node; without recursion, as chains may be long."""
    followers = readers[np.argsort(sources, kind="stable")].tolist()
    bounds = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=count))]).tolist()
    label, met, lowest = [-1] * count, [-1] * count, [0] * count
    waiting = bounds[:count]  # the next edge of each node
    groups = seen = 0
    open_nodes: list[int] = []
    for root in range(count):
        path = [root] if met[root] < 0 else []
        while path:
            node = path[-1]
            if met[node] < 0:
                met[node] = lowest[node] = seen
                seen += 1
                open_nodes.append(node)
            if waiting[node] < bounds[node + 1]:
                follower = followers[waiting[node]]
                waiting[node] += 1
                if met[follower] < 0:
                    path.append(follower)
                elif label[follower] < 0:
                    lowest[node] = min(lowest[node], met[follower])
                continue
            path.pop()
            if path:
                lowest[path[-1]] = min(lowest[path[-1]], lowest[node])
            if lowest[node] == met[node]:
                while label[node] < 0:
                    label[open_nodes.pop()] = groups
                groups += 1
    return label
