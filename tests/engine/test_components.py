from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sheetml.engine.components import strong_components

nodes = st.integers(0, 11)


@given(st.integers(12, 14), st.lists(st.tuples(nodes, nodes), max_size=40))
def test_components_are_those_of_scipy(count: int, edges: list[tuple[int, int]]) -> None:
    sources, followers = np.array(edges, np.intp).reshape(-1, 2).T
    own = strong_components(count, sources, followers)
    matrix = csr_array((np.ones(len(edges)), (sources, followers)), shape=(count, count))
    groups, theirs = connected_components(matrix, connection="strong")
    assert len(set(own.tolist())) == groups
    assert len(set(zip(own.tolist(), theirs.tolist()))) == groups
    assert (own[sources] <= own[followers]).all()


def test_a_long_chain_needs_no_recursion() -> None:
    chain = np.arange(50_000)
    assert len(set(strong_components(50_001, chain, chain + 1).tolist())) == 50_001
    assert set(strong_components(50_000, chain, (chain + 1) % 50_000).tolist()) == {0}
