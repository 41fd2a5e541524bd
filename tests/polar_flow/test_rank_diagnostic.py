"""The rank of a layer's inputs (POL-R6): what it measures, and what it leaves free."""

from __future__ import annotations

import numpy as np

from labs.core.networks import MLP
from labs.core.spectrum import haar, matrix
from labs.core.streams import stream
from labs.polar_flow.rank_diagnostic import activation_rank
from tests.referee import check, reports
from theory.evidence import Evidence, measured
from theory.polar_flow import POL_R6


@check(POL_R6)
def layers_are_underdetermined(inputs: np.ndarray, tolerance: float) -> Evidence:
    """Is the share of free directions positive?"""
    return measured(activation_rank(inputs, tolerance).free, 0.0, 0.0, ">")


@reports(POL_R6)
def test_inputs_of_the_layers_of_a_small_network() -> None:
    """Inputs on 4 of 32 directions: the first layer is underdetermined, the next ones by how nonlinear they are."""
    draws = stream("rank diagnostic: network")
    inputs = draws.standard_normal((200, 4)) @ haar(32, draws, columns=4).T
    network = MLP((32, 48, 48, 3))
    weights = network.initial(draws)
    hidden = np.tanh(inputs @ weights["weight1"].T)
    for layer in (inputs, hidden, np.tanh(hidden @ weights["weight2"].T)):
        layers_are_underdetermined(layer, 1e-2)


def test_ranks_of_a_known_spectrum() -> None:
    s = np.array([1.0, 0.5, 1e-4])
    X = matrix(s, 20, 8, stream("rank diagnostic"))
    found = activation_rank(X)
    assert float(found.rank) == 2.0
    assert float(found.free) == 1 - 2 / 8
    assert float(activation_rank(X, 1e-6).rank) == 3.0
    # Singular values are right to a few eps of the largest.
    assert np.isclose(found.stable_rank, np.sum(s**2), rtol=1e-13)
    p = s / s.sum()
    assert np.isclose(found.effective_rank, np.exp(-np.sum(p * np.log(p))), rtol=1e-12)


def test_free_directions_do_not_reach_the_outputs() -> None:
    draws = stream("rank diagnostic: free")
    X = matrix(np.array([1.0, 0.5, 1e-4]), 20, 8, draws)
    _, s, right = np.linalg.svd(X)
    rank = int(activation_rank(X, 1e-3).rank)
    moved = right[rank:].T @ draws.standard_normal((8 - rank, 5))
    assert np.linalg.norm(X @ moved) <= 1e-3 * s[0] * np.linalg.norm(moved)


def test_inputs_that_are_zero_have_rank_zero() -> None:
    found = activation_rank(np.zeros((2, 5, 3)))
    assert found.rank.tolist() == [0.0, 0.0]
    assert found.free.tolist() == [1.0, 1.0]
    assert found.effective_rank.tolist() == [0.0, 0.0]
