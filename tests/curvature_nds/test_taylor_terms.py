"""The Taylor terms of labs against differences in more digits, back-propagation and themselves; bad arguments."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from labs.core.jets import constant
from labs.core.networks import MLP, NGram, Transformer
from labs.core.streams import stream
from labs.curvature_nds.one_step import taylor
from tests.curvature_nds.losses import NETWORK, TOKENS, point


def mp_loss(parameters: dict[str, Any], tokens: np.ndarray) -> Any:
    """The n-gram's loss in mpmath, in plain loops."""
    tanh, exp = np.vectorize(mpmath.tanh), np.vectorize(mpmath.exp)
    total = mpmath.mpf(0)
    for *context, target in tokens:
        x = np.concatenate([parameters["embedding"][word] for word in context])
        for name in [name for name in parameters if name.startswith("weight")]:
            x = tanh(parameters[name] @ x)
        z = parameters["unembedding"] @ x
        total += mpmath.log(np.sum(exp(z))) - z[target]
    return total / len(tokens)


def test_terms_are_those_of_extended_precision_differences() -> None:
    """Derivatives of order up to 4 by differences in 60 digits: all terms to 1e-12 of the largest, so to 1e-8."""
    network = NGram(4, 2, (3, 3), context=2)
    tokens = stream("D1: few tokens").integers(0, 4, (3, 3))
    parameters, Z = point(network, 0.5)
    found = taylor(lambda p: network.loss(p, tokens), parameters, Z)
    with mpmath.workdps(60):
        precise = np.vectorize(mpmath.mpf, otypes=[object])
        W, V = ({name: precise(x) for name, x in things.items()} for things in (parameters, Z))
        terms = mpmath.taylor(lambda t: mp_loss({k: W[k] - t * V[k] for k in W}, tokens), 0, 4)
        expected = np.array([float(c) for c in terms])
    np.testing.assert_allclose(found.terms, expected, rtol=1e-12)
    assert np.min(np.abs(expected)) > 1e-4


def wide_loss(parameters: dict[str, np.ndarray], tokens: np.ndarray) -> np.longdouble:
    """The n-gram's loss in the longest floating point numbers that there are."""
    p = {name: x.astype(np.longdouble) for name, x in parameters.items()}
    x = p["embedding"][tokens[:, :-1]].reshape(len(tokens), -1)
    for name in [name for name in p if name.startswith("weight")]:
        x = np.tanh(x @ p[name].T)
    z = x @ p["unembedding"].T
    costs = np.log(np.sum(np.exp(z), axis=-1)) - z[np.arange(len(z)), tokens[:, -1]]
    return np.mean(costs)


@pytest.mark.skipif(
    float(np.finfo(np.longdouble).eps) > 1e-18, reason="long double has no more digits than double"
)
def test_terms_of_the_full_network_are_those_of_long_differences() -> None:
    """Interpolation at 17 points: degree 16, so an error of order h^16; rounding 1e-19/h^4 in the last term."""
    network = NGram(96, 16, (64, 64))
    tokens = stream("D1: many tokens").integers(0, 96, (32, 4))
    parameters, Z = point(network, 0.05)
    found = taylor(lambda p: network.loss(p, tokens), parameters, Z, layers={})
    step = np.longdouble(1) / 16
    nodes = np.arange(-8, 9)
    values = np.array(
        [wide_loss({k: x - step * j * Z[k] for k, x in parameters.items()}, tokens) for j in nodes]
    )
    weights = interpolation(nodes.tolist(), 4)
    expected = np.array([weights[k] @ values / step**k for k in range(5)])
    np.testing.assert_allclose(found.terms, expected.astype(float), rtol=1e-8)
    assert np.min(np.abs(found.terms)) > 1e-5


def interpolation(nodes: list[int], order: int) -> np.ndarray:
    """weights[k] @ f(nodes) = the coefficient of x^k in the polynomial through the values, by Lagrange's formula."""
    import sympy

    x = sympy.Symbol("x")
    rows = []
    for j in nodes:
        others = [i for i in nodes if i != j]
        product = sympy.Poly(sympy.prod([x - i for i in others]), x)
        scale = sympy.prod([j - i for i in others])
        rows.append([sympy.Rational(product.coeff_monomial(x**k), scale) for k in range(order + 1)])
    exactly = [[np.longdouble(int(c.p)) / np.longdouble(int(c.q)) for c in row] for row in rows]
    return np.array(exactly).T


@pytest.mark.parametrize(
    "network", [NETWORK, MLP((3, 5, 4), "gelu"), Transformer(5, 4, 6, heads=2, hidden=7)]
)
def test_gain_and_penalty_by_backpropagation(network: Any) -> None:
    """c_1 = -<G, Z> to 1e-12, and c_2 from a central difference of gradients, h = 1e-4, to 1e-6."""
    parameters, Z = point(network)
    draw = stream("D1: data")
    data: tuple[Any, ...] = (TOKENS,)
    lifted: tuple[Any, ...] = data
    if isinstance(network, MLP):
        data = (draw.standard_normal((7, 3)), draw.integers(0, 4, 7))
        lifted = (constant(data[0]), data[1])
    elif isinstance(network, Transformer):
        data = (draw.integers(0, 5, (3, 5)),)
        lifted = (constant(data[0]),)
    found = taylor(lambda p: network.loss(p, *lifted), parameters, Z)

    def slope(t: float) -> float:
        _, G = network.loss_and_gradient({k: x - t * Z[k] for k, x in parameters.items()}, *data)
        return float(sum(np.sum(G[k] * Z[k]) for k in Z))

    assert found.gain == pytest.approx(slope(0.0), rel=1e-12)
    assert found.penalty == pytest.approx((slope(-1e-4) - slope(1e-4)) / 4e-4, rel=1e-6)
    assert found.terms[0] - found.realised == network.loss(
        {k: x - Z[k] for k, x in parameters.items()}, *data
    )
    assert found.norm2 == pytest.approx(sum(np.sum(z * z) for z in Z.values()), rel=1e-14)
    assert found.nds == pytest.approx(2 * found.penalty / found.norm2, rel=1e-14)


def test_sharpness_does_not_depend_on_the_length_of_the_update() -> None:
    parameters, Z = point()

    def nds(c: float) -> Any:
        return taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, {k: c * z for k, z in Z.items()}, 2).nds

    assert nds(1.0) == pytest.approx(nds(1e-6), rel=1e-12)
    assert nds(1.0) == pytest.approx(nds(-1.0), rel=1e-12)
    assert np.isnan(nds(0.0))


def test_what_the_update_leaves_out_stays() -> None:
    parameters, Z = point()
    part = {"weight1": Z["weight1"]}
    found = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, part)
    whole = taylor(
        lambda p: NETWORK.loss(p, TOKENS), parameters, {k: Z[k] * (k in part) for k in Z}, layers={}
    )
    np.testing.assert_allclose(found.terms, whole.terms, rtol=1e-13)
    assert found.layers.names == ("weight1",)
    assert (whole.layers.names, whole.layers.norm2.shape, whole.layers.curvature.shape) == ((), (0,), (0, 0))


def test_a_batch_of_networks_and_updates() -> None:
    """Parameters shared, updates (2, 3) of them."""
    parameters, Z = point()
    batch = {k: np.arange(1.0, 7.0).reshape(2, 3, 1, 1) * z for k, z in Z.items()}
    found = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, batch)
    one = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, {k: 6.0 * z for k, z in Z.items()})
    assert found.terms.shape == (2, 3, 5)
    assert found.layers.curvature.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(found.terms[1, 2], one.terms, rtol=1e-13)
    np.testing.assert_allclose(found.layers.curvature[1, 2], one.layers.curvature, atol=1e-13)
    np.testing.assert_allclose(found.norm2[0, 0] * 36, one.norm2)
    for part in ("within", "cross", "within_share"):
        np.testing.assert_allclose(getattr(found.layers, part)[1, 2], getattr(one.layers, part), atol=1e-13)


def test_bad_arguments() -> None:
    parameters, Z = point()
    weight = {"weight1": Z["weight1"]}

    def loss(p: Any) -> Any:
        return NETWORK.loss(p, TOKENS)

    for update, keywords, message in (
        ({}, {}, "update must"),
        ({"other": Z["weight1"]}, {}, "update must"),
        ({"weight1": Z["weight1"] * np.nan}, {}, r"update\['weight1'\] must be finite"),
        ({"weight1": Z["weight1"][:1]}, {}, r"update\['weight1'\] must have 0 batch axes"),
        ({"weight1": np.ones((3, 7))}, {}, r"along\['weight1'\] must broadcast"),
        (weight, {"order": 1}, "order must"),
        (weight, {"order": 2.0}, "order must"),
        (weight, {"layers": {"a": ("weight2",)}}, "layers must"),
        (weight, {"layers": {"a": ("weight1", "weight1")}}, "layers must"),
    ):
        with pytest.raises(ValueError, match=message):
            taylor(loss, parameters, update, **keywords)
    array: Any = Z["weight1"]
    with pytest.raises(ValueError, match="parameters must be arrays by name, got an object of type ndarray"):
        taylor(loss, array, weight)
    with pytest.raises(ValueError, match="update must be arrays by name"):
        taylor(loss, parameters, array)
    with pytest.raises(ValueError, match=r"parameters\['weight1'\] must be finite"):
        taylor(loss, parameters | {"weight1": np.full((8, 12), np.inf)}, weight)
