"""The n-gram perceptron: its loss in plain loops, its gradient entry by entry, its start."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labs.core.jets import series
from labs.core.networks import NGram
from labs.core.streams import stream

NETWORK = NGram(5, 3, (4, 6), context=2)
TOKENS = np.array([[0, 1, 2], [1, 1, 4], [3, 0, 0], [4, 4, 4]])


def parameters() -> dict[str, np.ndarray]:
    return NETWORK.initial(stream("test n-gram"))


def plain_loss(p: dict[str, np.ndarray], tokens: np.ndarray) -> float:
    costs = []
    for *context, target in tokens:
        x = np.concatenate([p["embedding"][word] for word in context])
        for name in ("weight1", "weight2"):
            x = np.tanh(p[name] @ x)
        z = p["unembedding"] @ x
        costs.append(math.log(sum(math.exp(v) for v in z)) - z[target])
    return float(np.mean(costs))


def test_the_loss_is_that_of_plain_loops() -> None:
    p = {name: 2.0 * x for name, x in parameters().items()}
    assert NETWORK.loss(p, TOKENS) == pytest.approx(plain_loss(p, TOKENS), rel=1e-14)
    z = NETWORK.logits(p, TOKENS[:, :-1])
    costs = np.log(np.sum(np.exp(z), axis=-1)) - z[np.arange(4), TOKENS[:, -1]]
    assert np.mean(costs) == pytest.approx(plain_loss(p, TOKENS), rel=1e-14)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_every_entry_of_the_gradient_is_a_derivative(activation: str) -> None:
    """By jets along every unit direction; sums of a few dozen products of order one."""
    network, p = NGram(5, 3, (4, 6), context=2, activation=activation), parameters()
    loss, gradient = network.loss_and_gradient(p, TOKENS)
    assert loss == network.loss(p, TOKENS)
    for name, x in p.items():
        for i in range(x.size):
            unit = np.zeros(x.size)
            unit[i] = 1.0
            slope = series(lambda q: network.loss(q, TOKENS), p, {name: unit.reshape(x.shape)}, 1)[1]
            assert gradient[name].flat[i] == pytest.approx(slope, abs=1e-15), (name, i)


def test_words_that_do_not_occur_do_not_move() -> None:
    _, gradient = NETWORK.loss_and_gradient(parameters(), np.array([[0, 3, 1]]))
    assert np.all(gradient["embedding"][[1, 2, 4]] == 0.0)
    assert np.all(gradient["embedding"][[0, 3]] != 0.0)


def test_shapes_and_the_size_of_the_start() -> None:
    network = NGram(96, 16, (64, 64))
    assert network.shapes == {
        "embedding": (96, 16),
        "weight1": (64, 48),
        "weight2": (64, 64),
        "unembedding": (96, 64),
    }
    assert network.hidden_matrices == ("weight1", "weight2")
    expected = {"embedding": 1.0, "weight1": 48**-0.5, "weight2": 64**-0.5, "unembedding": 0.5 * 64**-0.5}
    for name, x in network.initial(stream("test n-gram: start")).items():
        # The standard deviation of N normal numbers has the relative error 1/sqrt(2 N); four of them.
        assert np.std(x) == pytest.approx(expected[name], rel=4 / (2 * x.size) ** 0.5), name


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"words": 0}, "words"),
        ({"width": 2.5}, "width"),
        ({"context": 0}, "context"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": (3, 0)}, "hidden"),
        ({"activation": "step"}, "activation"),
    ],
)
def test_bad_networks(arguments: dict, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must"):
        NGram(**({"words": 3, "width": 2, "hidden": (4,)} | arguments))


def test_bad_tokens() -> None:
    for tokens in (TOKENS[:, :2], TOKENS + 1, TOKENS - 1):
        with pytest.raises(ValueError, match="tokens must"):
            NETWORK.loss(parameters(), tokens)
