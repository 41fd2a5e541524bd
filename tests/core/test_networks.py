"""Small networks: their gradients, their losses in plain loops, and the symmetries that they have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.core.networks import MLP, Transformer, replaced
from labs.core.networks._costs import cross_entropy
from labs.core.streams import stream

# Networks whose sums have a few dozen terms of order one; their logits are of order one too.
ROUNDING = 1e-14


def parameters_of(network: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """The initial parameters with every one disturbed: no bias zero, no gain one."""
    draw = stream("test networks: parameters", seed)
    return {name: x + 0.2 * draw.standard_normal(x.shape) for name, x in network.initial(draw).items()}


def data_of(network: Any, samples: int = 5, batch: tuple[int, ...] = ()) -> tuple[np.ndarray, ...]:
    draw = stream("test networks: data", samples)
    if isinstance(network, Transformer):
        return (draw.integers(0, network.vocabulary, (*batch, samples, network.length + 1)),)
    inputs = draw.standard_normal((*batch, samples, network.sizes[0]))
    if network.cost == "squared":
        return inputs, draw.standard_normal((*batch, samples, network.sizes[-1]))
    return inputs, draw.integers(0, network.sizes[-1], (*batch, samples))


NETWORKS = {
    "linear": MLP((3, 4)),
    "tanh": MLP((3, 5, 4), "tanh"),
    "gelu": MLP((3, 5, 4), "gelu", "squared"),
    "softplus, three layers": MLP((3, 4, 5, 2), "softplus"),
    "sine": MLP((3, 4, 2), "sine", "squared"),
    "identity": MLP((3, 2, 2), "identity"),
    "relu": MLP((3, 5, 4), "relu"),
    "transformer": Transformer(5, 4, 6, heads=2, hidden=7),
    "tied transformer": Transformer(4, 3, 4, heads=1, activation="tanh", tied=True),
}
on_networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=[*NETWORKS])
CHARACTERS = Transformer(5, 4, 6, heads=2, hidden=7)


# --- gradients --------------------------------------------------------------------------------------------------


def differences(
    network: Any, parameters: dict[str, np.ndarray], data: Any, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """The derivative in every entry of one parameter, by central differences of order 6, and a bound of the error.

    Halving the step divides the truncation error by 64, so that what it changes bounds what is left; a loss f is
    wrong by about eps f, and the differences by 11/6 eps f/h at most.
    """
    W = parameters[name]

    def at(h: float) -> np.ndarray:
        steps = h * np.eye(W.size).reshape(W.size, *W.shape)

        def odd(k: int) -> np.ndarray:
            up, down = (network.loss(replaced(parameters, name, W + s * k * steps), *data) for s in (1, -1))
            return up - down

        return ((45 * odd(1) - 9 * odd(2) + odd(3)) / (60 * h)).reshape(W.shape)

    h = 2e-3
    coarse, fine = at(2 * h), at(h)
    rounding = 2.0**-52 * float(network.loss(parameters, *data)) / h
    return fine, np.abs(coarse - fine) + 8 * rounding


@on_networks
def test_the_gradient_is_the_derivative_of_the_loss(network: Any) -> None:
    parameters, data = parameters_of(network), data_of(network)
    loss, gradient = network.loss_and_gradient(parameters, *data)
    assert list(gradient) == list(network.shapes) == list(parameters)
    assert loss == pytest.approx(network.loss(parameters, *data), rel=ROUNDING)
    for name, found in gradient.items():
        expected, bound = differences(network, parameters, data, name)
        assert np.max(bound) < 1e-8, name
        assert np.all(np.abs(found - expected) <= bound), name


@on_networks
def test_a_gradient_belongs_to_its_item_of_the_batch(network: Any) -> None:
    """Also that of a parameter that the items share, and with data of their own."""
    parameters, data = parameters_of(network), data_of(network, batch=(2,))
    name = list(network.shapes)[-1]
    many = replaced(parameters, name, np.stack([parameters[name], 2 * parameters[name]])[:, None])
    losses, gradients = network.loss_and_gradient(many, *data)
    assert losses.shape == (2, 2)
    for i, j in np.ndindex(2, 2):
        one = replaced(parameters, name, many[name][i, 0])
        loss, gradient = network.loss_and_gradient(one, *(x[j] for x in data))
        assert losses[i, j] == pytest.approx(loss, rel=1e-13)
        for key, value in gradient.items():
            assert gradients[key].shape == (2, 2, *network.shapes[key])
            np.testing.assert_allclose(gradients[key][i, j], value, rtol=0, atol=1e-13)


def test_positions_that_do_not_occur_have_no_gradient() -> None:
    parameters = parameters_of(CHARACTERS)
    tokens = data_of(CHARACTERS)[0][:, :3]
    _, gradient = CHARACTERS.loss_and_gradient(parameters, tokens)
    _, batch = CHARACTERS.loss_and_gradient(parameters, np.stack([tokens, tokens]))
    np.testing.assert_allclose(batch["position"], np.stack([gradient["position"]] * 2), rtol=0, atol=1e-14)
    assert np.all(gradient["position"][2:] == 0.0)
    expected, bound = differences(CHARACTERS, parameters, (tokens,), "position")
    assert np.all(np.abs(gradient["position"] - expected) <= bound)


# --- losses, number by number -------------------------------------------------------------------------------


def plain_cost(z: list[float], label: int) -> float:
    return math.log(sum(math.exp(x) for x in z)) - z[label]


def affine(W: Any, x: list[float], b: Any) -> list[float]:
    return [sum(w * v for w, v in zip(row, x, strict=True)) + c for row, c in zip(W, b, strict=True)]


def test_the_perceptron_in_plain_loops() -> None:
    network = MLP((3, 5, 4), "tanh")
    p, (inputs, labels) = parameters_of(network), data_of(network)
    total = 0.0
    for x, label in zip(inputs, labels, strict=True):
        hidden = [math.tanh(z) for z in affine(p["weight1"], x, p["bias1"])]
        total += plain_cost(affine(p["weight2"], hidden, p["bias2"]), label)
    assert network.loss(p, inputs, labels) == pytest.approx(total / len(labels), rel=ROUNDING)


def test_the_squared_cost_in_plain_loops() -> None:
    network = MLP((3, 4), cost="squared")
    p, (inputs, targets) = parameters_of(network), data_of(network)
    outputs = [affine(p["weight1"], x, p["bias1"]) for x in inputs]
    total = sum(
        (y - t) ** 2 / 2 for z, ts in zip(outputs, targets, strict=True) for y, t in zip(z, ts, strict=True)
    )
    assert network.loss(p, inputs, targets) == pytest.approx(total / len(targets), rel=ROUNDING)
    np.testing.assert_allclose(network.outputs(p, inputs), outputs, rtol=0, atol=ROUNDING)


def plain_norm(x: list[float], gain: Any, shift: Any) -> list[float]:
    mean = sum(x) / len(x)
    root = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-5)
    return [(v - mean) / root * g + s for v, g, s in zip(x, gain, shift, strict=True)]


def plain_gelu(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def plain_logits(network: Transformer, p: Any, tokens: Any) -> list[list[float]]:
    """The logits after each character of one piece of text."""
    none = [0.0] * network.width
    xs = [
        [e + q for e, q in zip(p["embedding"][c], p["position"][t], strict=True)]
        for t, c in enumerate(tokens)
    ]
    ys = [plain_norm(x, p["norm1_gain"], p["norm1_shift"]) for x in xs]
    q, k, v = ([affine(p[name], y, none) for y in ys] for name in ("query", "key", "value"))
    size, logits = network.width // network.heads, []
    for t, x in enumerate(xs):
        mixed: list[float] = []
        for head in range(network.heads):
            own = slice(head * size, (head + 1) * size)
            scores = [
                math.exp(sum(a * b for a, b in zip(q[t][own], k[s][own], strict=True)) / math.sqrt(size))
                for s in range(t + 1)
            ]
            for i in range(size):
                mixed.append(sum(w * v[s][own][i] for s, w in enumerate(scores)) / sum(scores))
        x = [a + b for a, b in zip(x, affine(p["merge"], mixed, none), strict=True)]
        y = plain_norm(x, p["norm2_gain"], p["norm2_shift"])
        hidden = [plain_gelu(z) for z in affine(p["up"], y, p["up_bias"])]
        x = [a + b for a, b in zip(x, affine(p["down"], hidden, p["down_bias"]), strict=True)]
        y = plain_norm(x, p["norm3_gain"], p["norm3_shift"])
        logits.append(affine(p["unembedding"], y, [0.0] * network.vocabulary))
    return logits


def test_the_transformer_in_plain_loops() -> None:
    p, (tokens,) = parameters_of(CHARACTERS), data_of(CHARACTERS, samples=2)
    plain = [plain_logits(CHARACTERS, p, piece[:-1]) for piece in tokens]
    np.testing.assert_allclose(CHARACTERS.logits(p, tokens[:, :-1]), plain, rtol=0, atol=1e-13)
    costs = [
        plain_cost(z, c)
        for rows, piece in zip(plain, tokens, strict=True)
        for z, c in zip(rows, piece[1:], strict=True)
    ]
    assert CHARACTERS.loss(p, tokens) == pytest.approx(sum(costs) / len(costs), rel=1e-13)


@pytest.mark.parametrize("z", [(0.0, -40.0, -41.0), (3.0, 3.0, 3.0), (0.0, 700.0, -5.0), (1e3, -1e3, 0.0)])
def test_cross_entropy_keeps_its_relative_accuracy(z: tuple[float, ...]) -> None:
    """Also where it is 1e-17, which log(sum exp z) - z_label would round to 0."""
    import mpmath

    with mpmath.workdps(60):
        total = sum(mpmath.exp(x) for x in z)
        expected = float(mpmath.log(total) - z[0])
        slopes = [float(mpmath.exp(x) / total) for x in z[1:]]
        slopes = [-float(sum(mpmath.exp(x) for x in z[1:]) / total), *slopes]
    value, slope = cross_entropy(np, np.array(z), np.array([1.0, 0.0, 0.0]))
    assert value == pytest.approx(expected, rel=ROUNDING)
    np.testing.assert_allclose(slope, slopes, rtol=1e-13)  # exp of an argument as large as 1e3


# --- symmetries ---------------------------------------------------------------------------------------------


def test_hidden_units_can_be_reordered_and_for_tanh_reflected() -> None:
    network = MLP((3, 5, 4), "tanh")
    p, data = parameters_of(network), data_of(network)
    order, signs = [3, 0, 4, 1, 2], np.array([1, -1, -1, 1, -1])
    moved = {
        "weight1": (signs[:, None] * p["weight1"])[order],
        "bias1": (signs * p["bias1"])[order],
        "weight2": (signs * p["weight2"])[:, order],
        "bias2": p["bias2"],
    }
    assert network.loss(moved, *data) == pytest.approx(network.loss(p, *data), rel=ROUNDING)


@on_networks
def test_the_order_of_the_samples_does_not_matter(network: Any) -> None:
    p, data = parameters_of(network), data_of(network)
    turned = [x[::-1] for x in data]
    assert network.loss(p, *turned) == pytest.approx(network.loss(p, *data), rel=ROUNDING)


def test_a_linear_last_layer_with_the_squared_cost_is_exactly_quadratic() -> None:
    """The fourth difference of the loss along any direction vanishes."""
    network = MLP((3, 5, 4), "tanh", "squared")
    p, data = parameters_of(network), data_of(network)
    D = stream("test networks: direction").standard_normal((4, 5))
    steps = np.arange(-2.0, 3.0)[:, None, None]
    losses = network.loss(replaced(p, "weight2", p["weight2"] + steps * D), *data)
    assert abs(losses @ np.array([1, -4, 6, -4, 1])) < 16 * ROUNDING * np.max(losses)


def test_no_character_sees_those_after_it() -> None:
    p, (tokens,) = parameters_of(CHARACTERS), data_of(CHARACTERS)
    other = tokens.copy()
    other[:, 2:] = (tokens[:, 2:] + 1) % CHARACTERS.vocabulary
    before, after = (CHARACTERS.logits(p, x[:, :-1]) for x in (tokens, other))
    np.testing.assert_allclose(before[:, :2], after[:, :2], rtol=0, atol=ROUNDING)
    assert np.min(np.max(np.abs(before - after)[:, 2:], axis=-1)) > 1e-3
    np.testing.assert_allclose(CHARACTERS.logits(p, tokens[:, :2]), before[:, :2], rtol=0, atol=ROUNDING)


def test_without_positions_the_order_of_the_past_does_not_matter() -> None:
    p, (tokens,) = parameters_of(CHARACTERS), data_of(CHARACTERS)
    p["position"] = np.zeros_like(p["position"])
    shuffled = tokens[:, [2, 0, 1, 3]]
    last, same = (CHARACTERS.logits(p, x)[:, -1] for x in (tokens[:, :4], shuffled))
    np.testing.assert_allclose(last, same, rtol=0, atol=1e-13)


def test_the_block_knows_its_inner_spaces_only_up_to_a_change_of_basis() -> None:
    """Within a head: query and key against each other, value and merge; the heads and units in any order."""
    p, data = parameters_of(CHARACTERS), data_of(CHARACTERS)
    draw = stream("test networks: bases")
    A, B = (np.eye(3) + 0.3 * draw.standard_normal((3, 3)) for _ in range(2))
    moved = {name: x.copy() for name, x in p.items()}
    first = slice(0, 3)
    moved["query"][first] = A @ p["query"][first]
    moved["key"][first] = np.linalg.inv(A).T @ p["key"][first]
    moved["value"][first] = B @ p["value"][first]
    moved["merge"][:, first] = p["merge"][:, first] @ np.linalg.inv(B)
    heads, units = [3, 4, 5, 0, 1, 2], [6, 0, 5, 1, 4, 2, 3]
    for name in ("query", "key", "value"):
        moved[name] = moved[name][heads]
    moved["merge"] = moved["merge"][:, heads]
    moved["up"], moved["up_bias"] = p["up"][units], p["up_bias"][units]
    moved["down"] = p["down"][:, units]
    moved["unembedding"] = p["unembedding"] + draw.standard_normal(6)  # every logit by the same number
    assert CHARACTERS.loss(moved, *data) == pytest.approx(CHARACTERS.loss(p, *data), rel=1e-13)


# --- where parameters come from -------------------------------------------------------------------------------


@on_networks
def test_initial_parameters_are_those_of_their_stream(network: Any) -> None:
    first, second, other = (network.initial(stream("test networks: initial", cell)) for cell in (1, 1, 2))
    assert {name: x.shape for name, x in first.items()} == network.shapes
    for name, x in first.items():
        np.testing.assert_array_equal(x, second[name])
        if x.ndim == 2:
            assert not np.any(x == other[name])
        else:
            assert np.all(x == float(name.endswith("gain")))


@pytest.mark.parametrize(
    ("network", "name", "inputs"),
    [(MLP((64, 256, 2)), "weight1", 64), (CHARACTERS, "up", 6), (Transformer(2, 2, 40), "down", 160)],
)
def test_initial_weights_have_variance_one_over_their_inputs(network: Any, name: str, inputs: int) -> None:
    W = np.stack(
        [network.initial(stream("test networks: variance", i))[name] for i in range(400 // inputs + 1)]
    )
    # The mean square of N normal numbers has standard deviation sqrt(2/N).
    assert inputs * np.mean(W**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / W.size))


def test_which_matrices_are_hidden() -> None:
    assert MLP((3, 4)).hidden_matrices == ("weight1",)
    assert MLP((3, 4, 5, 2)).hidden_matrices == ("weight1", "weight2")
    assert CHARACTERS.hidden_matrices == ("query", "key", "value", "merge", "up", "down")
    assert Transformer(5, 4, 6).hidden == 24


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: MLP((3,)), "sizes"),
        (lambda: MLP((3, 0)), "sizes"),
        (lambda: MLP((3, 2), "step"), "activation"),
        (lambda: MLP((3, 2), "tanh", "hinge"), "cost"),
        (lambda: Transformer(0, 4, 6), "vocabulary"),
        (lambda: Transformer(5, 4, 6, heads=4), "heads"),
        (lambda: Transformer(5, 4, 6, activation="step"), "activation"),
        (lambda: replaced({"a": np.ones(1)}, "b", np.ones(1)), "name"),
        (lambda: MLP((3, 2)).loss({"weight1": np.ones((2, 3))}, *data_of(MLP((3, 2)))), "parameters"),
        (lambda: MLP((3, 2)).loss(np.ones((2, 3)), *data_of(MLP((3, 2)))), "parameters"),  # type: ignore[arg-type]
        (lambda: CHARACTERS.loss(parameters_of(CHARACTERS), np.zeros((2, 6), dtype=int)), "tokens"),
        (lambda: CHARACTERS.loss(parameters_of(CHARACTERS), np.zeros((2, 1), dtype=int)), "tokens"),
        (lambda: CHARACTERS.loss(parameters_of(CHARACTERS), np.zeros((2, 3))), "tokens"),
    ],
)
def test_bad_input_is_refused(make: Any, argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}\b.* must .*got "):
        make()
