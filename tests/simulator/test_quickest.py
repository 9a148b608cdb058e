"""Quickest ways, beside SciPy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from jinqiao.simulator.quickest import NOWHERE, QuickestWays, components
from jinqiao.simulator.roads import jinqiao


@st.composite
def graphs(draw):
    """A few nodes, and edges between some of them, each with a cost of its own so that no two ways are alike."""
    nodes = draw(st.integers(2, 12))
    pairs = draw(st.sets(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=40))
    edges = np.array(sorted((tail, head) for tail, head in pairs if tail != head), dtype=np.int32).reshape(-1, 2)
    cost = np.random.default_rng(draw(st.integers(0, 9_999))).uniform(1.0, 100.0, len(edges))
    return nodes, edges[:, 0], edges[:, 1], cost


@given(graphs())
def test_they_are_as_quick_as_scipy_finds_them(graph):
    nodes, tail, head, cost = graph
    costs, before = QuickestWays(nodes, tail, head, cost).from_node(0)
    theirs, their_before = dijkstra(
        csr_array((cost, (tail, head)), shape=(nodes, nodes)), indices=0, return_predecessors=True
    )
    assert costs.tolist() == theirs.tolist()
    assert before.tolist() == np.where(their_before < 0, NOWHERE, their_before).tolist()


@given(graphs())
def test_what_hangs_together_does_for_scipy_too(graph):
    nodes, tail, head, cost = graph
    _, theirs = connected_components(csr_array((cost, (tail, head)), shape=(nodes, nodes)), directed=False)
    ours = components(nodes, tail, head)
    for node in range(nodes):
        assert np.array_equal(ours == ours[node], theirs == theirs[node])
        assert ours[node] <= node


def test_the_ways_of_the_map_are_scipys_to_the_last_bit():
    graph = jinqiao()
    weights = csr_array((graph.travel_s, (graph.tail, graph.head)), shape=(graph.nodes, graph.nodes))
    theirs, their_before = dijkstra(weights, return_predecessors=True)
    for origin in range(graph.nodes):
        seconds, before = graph.predecessors(origin)
        assert np.array_equal(seconds, theirs[origin])
        assert np.array_equal(np.delete(before, origin), np.delete(their_before[origin], origin))
