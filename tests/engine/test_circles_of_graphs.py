"""Which nodes depend on each other, with SciPy as the referee."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sheetml.engine.circles import strong_components

GRAPHS = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30)
    )
)


@settings(max_examples=200, deadline=None)
@given(GRAPHS)
def test_groups_are_those_of_scipy_numbered_by_their_first_nodes(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    sources, readers = np.array(edges, np.intp).reshape(-1, 2).T
    found = strong_components(count, sources, readers)
    matrix = csr_array((np.ones(len(edges)), (sources, readers)), shape=(count, count))
    expected = connected_components(matrix, connection="strong")[1]
    assert (np.equal.outer(found, found) == np.equal.outer(expected, expected)).all()
    assert list(dict.fromkeys(found.tolist())) == list(range(found.max() + 1))


def test_a_long_chain_and_a_long_circle_are_no_recursion() -> None:
    nodes = np.arange(40_000)
    chain = strong_components(40_000, nodes[:-1], nodes[1:])
    circle = strong_components(40_000, nodes, np.roll(nodes, -1))
    assert (chain.tolist(), set(circle.tolist())) == (nodes.tolist(), {0})
