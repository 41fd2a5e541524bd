"""Transformers of several blocks, and the loss of the last character alone; the rest is in test_networks.py."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.jets import constant, series
from labs.core.networks import Transformer, replaced
from labs.core.streams import stream
from tests.core.test_networks import data_of, parameters_of

NETWORKS = {
    "three blocks": Transformer(4, 3, 4, heads=2, hidden=5, blocks=3),
    "last character": Transformer(5, 3, 4, hidden=3, last_only=True),
    "two blocks, tied, last character": Transformer(4, 3, 4, tied=True, blocks=2, last_only=True),
}
on_networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=[*NETWORKS])


@on_networks
def test_the_gradient_is_the_derivative_of_the_loss(network: Transformer) -> None:
    parameters, data = parameters_of(network), data_of(network)
    loss, gradient = network.loss_and_gradient(parameters, *data)
    assert list(gradient) == list(network.shapes)
    assert loss == pytest.approx(network.loss(parameters, *data), rel=1e-14)
    for name, found in gradient.items():
        units = np.eye(found.size).reshape(found.size, *found.shape)  # every entry by itself, side by side
        there = replaced(parameters, name, parameters[name] + 0.0 * units)
        slopes = series(lambda q: network.loss(q, constant(data[0])), there, {name: units}, 1)[1]
        # Sums of some hundred products; the norms of four numbers divide by as little as 0.1.
        np.testing.assert_allclose(found.ravel(), slopes, rtol=1e-11, atol=1e-13, err_msg=name)


def test_a_block_that_adds_nothing_changes_nothing() -> None:
    deep, flat = Transformer(5, 4, 6, heads=2, blocks=2), Transformer(5, 4, 6, heads=2)
    p, (tokens,) = parameters_of(deep), data_of(flat)
    nothing = {f"block2_{name}": 0.0 * p[f"block2_{name}"] for name in ("merge", "down", "down_bias")}
    first = {name: p[name] for name in flat.shapes}
    assert deep.loss(p | nothing, tokens) == pytest.approx(flat.loss(first, tokens), rel=1e-14)
    assert abs(deep.loss(p, tokens) - flat.loss(first, tokens)) > 1e-2


def test_blocks_come_in_their_order() -> None:
    """One of two whose first adds nothing is the second's own; exchanged, it is not the same network."""
    deep, flat = Transformer(5, 4, 6, blocks=2), Transformer(5, 4, 6)
    p, (tokens,) = parameters_of(deep), data_of(flat)
    block = [name.removeprefix("block2_") for name in p if name.startswith("block2_")]
    second = {name: p[f"block2_{name}"] if name in block else p[name] for name in flat.shapes}
    first_adds_nothing = {name: 0.0 * p[name] for name in ("merge", "down", "down_bias")}
    assert deep.loss(p | first_adds_nothing, tokens) == pytest.approx(flat.loss(second, tokens), rel=1e-14)
    exchanged = p | {name: p[f"block2_{name}"] for name in block} | {f"block2_{n}": p[n] for n in block}
    assert abs(deep.loss(p, tokens) - deep.loss(exchanged, tokens)) > 1e-3


def test_the_last_character_alone() -> None:
    """The mean over all positions is made of what single positions cost."""
    network, last = Transformer(5, 4, 6, heads=2), Transformer(5, 4, 6, heads=2, last_only=True)
    p, (tokens,) = parameters_of(network), data_of(network)
    costs = [last.loss(p, tokens[:, : t + 1]) for t in range(1, tokens.shape[-1])]
    assert network.loss(p, tokens) == pytest.approx(np.mean(costs), rel=1e-14)
    z = last.logits(p, tokens[:, :-1])
    assert z.shape == (*tokens[:, :-1].shape, 5)
    np.testing.assert_array_equal(z, network.logits(p, tokens[:, :-1]))
    picked = np.take_along_axis(z[:, -1], tokens[:, -1:], axis=-1)[:, 0]
    assert last.loss(p, tokens) == pytest.approx(
        np.mean(np.log(np.sum(np.exp(z[:, -1]), axis=-1)) - picked), rel=1e-13
    )


def test_names_and_sizes() -> None:
    network = Transformer(7, 3, 4, blocks=2)
    assert network.hidden_matrices[:2] == ("query", "key")
    assert network.hidden_matrices[6:] == tuple(f"block2_{name}" for name in network.hidden_matrices[:6])
    start = network.initial(stream("test deep transformer"))
    assert {name: x.shape for name, x in start.items()} == network.shapes
    assert np.all(start["block2_norm1_gain"] == 1.0)
    assert np.all(start["block2_up_bias"] == 0.0)
    with pytest.raises(ValueError, match="blocks must"):
        Transformer(5, 4, 6, blocks=0)
