"""Jets: every function's series against mpmath's, products and quotients on fractions, whole networks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from labs.core import arrays
from labs.core.arrays import array_namespace
from labs.core.jets import Jet, constant, erf, gelu, line, lines, logsumexp, series
from labs.core.networks import MLP, NGram, Transformer
from labs.core.streams import stream

ORDER = 7


def of_namespace(name: str) -> Callable[[Jet], Jet]:
    return lambda x: getattr(array_namespace(x), name)(x)


def mp_gelu(x: Any) -> Any:
    return x * mpmath.ncdf(x)


# The function of a jet, its like in mpmath, and where it is tried.
FUNCTIONS: dict[str, tuple[Callable[[Jet], Any], Callable[[Any], Any], tuple[float, ...]]] = {
    "exp": (of_namespace("exp"), mpmath.exp, (-3.0, 0.0, 2.5)),
    "expm1": (of_namespace("expm1"), mpmath.expm1, (-3.0, 1e-9, 2.5)),
    "log": (of_namespace("log"), mpmath.log, (0.1, 1.0, 50.0)),
    "log1p": (of_namespace("log1p"), lambda x: mpmath.log(1 + x), (-0.9, 1e-9, 50.0)),
    "tanh": (of_namespace("tanh"), mpmath.tanh, (-1.5, 0.0, 0.3)),
    "sin": (of_namespace("sin"), mpmath.sin, (-1.5, 0.1, 4.0)),
    "cos": (of_namespace("cos"), mpmath.cos, (-1.5, 0.1, 4.0)),
    "sqrt": (of_namespace("sqrt"), mpmath.sqrt, (0.1, 1.0, 50.0)),
    "erf": (erf, mpmath.erf, (-1.5, 0.0, 0.7)),
    "gelu": (gelu, mp_gelu, (-1.5, 0.1, 2.0)),
    "abs": (of_namespace("abs"), abs, (-1.5, 0.2)),
    "x^5": (lambda x: x**5, lambda x: x**5, (-1.5, 0.2)),
    "1/x": (lambda x: 1.0 / x, lambda x: 1 / x, (-1.5, 0.2)),
    "polynomial quotient": (
        lambda x: (x * x - 2.0) / (3.0 - x) + x / 4.0 - (1.0 - x),
        lambda x: (x * x - 2) / (3 - x) + x / 4 - (1 - x),
        (-1.5, 0.2),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_series_are_those_of_mpmath(name: str) -> None:
    """x_0 + t v, in 40 digits there.  A recurrence of 7 steps, its terms of the size of the results: 100 eps."""
    function, exact, places = FUNCTIONS[name]
    x, v = np.array(places), 0.7
    found = function(line(x, np.full_like(x, v), ORDER)).coefficients
    with mpmath.workdps(40):
        expected = np.array([[float(c) for c in _series(exact, float(x_0), v)] for x_0 in x]).T
    size = np.maximum.accumulate(np.abs(expected), axis=0)
    for k, c in enumerate(expected):
        here = found[k] if k < len(found) else np.zeros_like(x)
        assert np.all(np.abs(here - c) <= 100 * 2.0**-52 * size[k]), (k, here, c)


def _series(function: Callable[[Any], Any], x_0: float, v: float) -> list[Any]:
    terms = mpmath.taylor(lambda t: function(mpmath.mpf(x_0) + mpmath.mpf(v) * t), 0, ORDER)
    # What differences leave of a derivative that is zero.
    return [c if abs(c) > mpmath.mpf(10) ** -25 else 0 for c in terms]


def test_small_arguments_keep_their_accuracy() -> None:
    tiny = line(np.array([1e-18]), np.ones(1), 2)
    assert of_namespace("expm1")(tiny).coefficients[0][0] == 1e-18
    assert of_namespace("log1p")(tiny).coefficients[0][0] == 1e-18


def test_logsumexp_takes_out_the_largest_entry() -> None:
    x, v = np.array([[1000.0, 999.0], [-1000.0, -1001.0]]), np.array([[1.0, 3.0], [0.5, -0.5]])
    found = logsumexp(line(x, v, 3))
    p = 1 / (1 + np.exp(-1.0))
    u = v[:, 1] - v[:, 0]
    np.testing.assert_allclose(found.coefficients[0], x[:, 0] - np.log(p), rtol=1e-15)
    np.testing.assert_allclose(found.coefficients[1], v[:, 0] + (1 - p) * u, rtol=1e-14)
    np.testing.assert_allclose(found.coefficients[2], p * (1 - p) * u**2 / 2, rtol=1e-13)
    kept = logsumexp(line(x, v, 3), keepdims=True)
    assert kept.shape == (2, 1)
    np.testing.assert_array_equal(kept.coefficients[3][:, 0], found.coefficients[3])
    assert logsumexp(line(x, v, 3), axis=0).shape == (2,)
    assert logsumexp(line(x[..., None, :], v[..., None, :], 3)).shape == (2, 1)


# --- exact numbers --------------------------------------------------------------------------------------------------


def fractions(*values: int) -> np.ndarray:
    return np.array([Fraction(v) for v in values], dtype=object)


def test_products_and_quotients_are_exact_on_fractions() -> None:
    x = line(fractions(2, 3), fractions(1, -2), 4)
    quotient = (x * x * x) / x
    for found, expected in zip(quotient.coefficients, (x * x).coefficients, strict=False):
        assert found.tolist() == expected.tolist()
    assert all(c.tolist() == [0, 0] for c in quotient.coefficients[3:])
    geometric = constant(fractions(1, 1)) / line(
        fractions(1, 1), fractions(-1, 2), 4
    )  # 1/(1 - t), 1/(1 + 2 t)
    assert [c.tolist() for c in geometric.coefficients] == [[1, (-2) ** k] for k in range(5)]


def test_matrix_products_are_exact_on_fractions() -> None:
    A, B, C, D = (fractions(*range(i, i + 4)).reshape(2, 2) for i in (1, 5, -3, 2))
    found = (line(A, B, 3) @ line(C, D, 3)).coefficients
    assert [c.tolist() for c in found] == [(A @ C).tolist(), (A @ D + B @ C).tolist(), (B @ D).tolist()]
    left: Any = A @ line(C, D, 3)
    assert [c.tolist() for c in left.coefficients] == [(A @ C).tolist(), (A @ D).tolist()]


def test_series_end_at_the_order() -> None:
    x = line(np.ones(1), np.ones(1), 3)
    assert len((x**2).coefficients) == 3
    assert len((x**5).coefficients) == 4
    assert len((x * line(np.ones(1), np.ones(1), 2) ** 2).coefficients) == 3
    assert series(lambda p: p["x"] ** 2, {"x": np.ones(1)}, {"x": np.ones(1)}, 0)[0].tolist() == [1.0]


def test_constants_cost_nothing() -> None:
    c = constant(np.ones(2))
    xp = array_namespace(c)
    for result in (c * c, c @ np.ones((2, 3)), xp.exp(c) / c, xp.tanh(c) - 1.0, xp.where(c > 0, c, 0.0)):
        assert len(result.coefficients) == 1
    assert len((c * line(np.ones(2), np.ones(2), 4)).coefficients) == 2
    assert len(xp.sqrt(c + line(np.ones(2), np.ones(2), 4)).coefficients) == 5


# --- like an array --------------------------------------------------------------------------------------------------


def test_a_jet_is_an_array_for_what_asks_what_it_is() -> None:
    x = line(np.ones((2, 3)), np.ones((5, 2, 3)), 4)
    assert (x.shape, x.ndim, x.dtype) == ((5, 2, 3), 3, np.float64)
    assert arrays.array_namespace(x, x).__name__ == arrays.array_namespace(x).__name__
    arrays.check_double(x=x)
    arrays.check_finite(x=x)


def test_coefficients_share_one_shape() -> None:
    """A sum over an axis of length one that another coefficient has longer would be wrong."""
    x = line(np.ones((1, 3)), np.ones((1, 3)), 2) + np.zeros((4, 1))
    assert {c.shape for c in x.coefficients} == {(4, 3)}
    assert array_namespace(x).sum(x, axis=0).coefficients[1].tolist() == [4.0] * 3


def test_arrays_and_numbers_from_the_left() -> None:
    x = line(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 2)
    left: Any
    for left in (np.array([5.0, 6.0]), 5.0):
        assert [c.tolist() for c in (left + x).coefficients] == [(left + np.array([1, 2])).tolist(), [3, 4]]
        assert [c.tolist() for c in (left - x).coefficients] == [(left - np.array([1, 2])).tolist(), [-3, -4]]
        expected = [(left * np.array([1.0, 2.0])).tolist(), (left * np.array([3.0, 4.0])).tolist()]
        assert [c.tolist() for c in (left * x).coefficients] == expected


def test_branches_are_those_at_the_start() -> None:
    x = line(np.array([-1.0, 2.0, 3.0]), np.array([5.0, -9.0, 1.0]), 2)
    xp = array_namespace(x)
    assert (x > 0).tolist() == [False, True, True]
    assert (x < 2.0).tolist() == (x <= 1.0).tolist() == [True, False, False]
    assert (x >= line(np.array([0.0, 2.0, 4.0]), np.ones(3), 1)).tolist() == [False, True, False]
    assert (x == 2.0).tolist() == [False, True, False]
    assert (x != 2.0).tolist() == [True, False, True]
    assert [c.tolist() for c in xp.where(x > 0, x, 0.0).coefficients] == [[0, 2, 3], [0, -9, 1]]
    assert [c.tolist() for c in xp.where(x > 0, 0.0, x * x).coefficients] == [
        [1, 0, 0],
        [-10, 0, 0],
        [25, 0, 0],
    ]
    assert [float(c) for c in xp.max(x).coefficients] == [3.0, 1.0]
    assert [c.tolist() for c in xp.max(x, axis=-1, keepdims=True).coefficients] == [[3.0], [1.0]]
    tie = line(np.array([2.0, 2.0, 1.0]), np.array([1.0, 3.0, 9.0]), 1)
    assert [float(c) for c in xp.max(tie, axis=-1).coefficients] == [2.0, 2.0]


def test_the_absolute_value_at_its_kink_stays() -> None:
    x = line(np.array([0.0, -2.0]), np.ones(2), 1)
    assert [c.tolist() for c in array_namespace(x).abs(x).coefficients] == [[0.0, 2.0], [0.0, -1.0]]


def test_linear_functions_map_the_coefficients() -> None:
    x = line(np.arange(6.0).reshape(1, 2, 3), np.ones((1, 2, 3)), 2)
    xp = array_namespace(x)
    assert xp.matrix_transpose(x).shape == (1, 3, 2)
    assert xp.moveaxis(x, 0, -1).shape == (2, 3, 1)
    assert xp.permute_dims(x, (2, 1, 0)).shape == (3, 2, 1)
    assert xp.reshape(x, (3, 2)).shape == (3, 2)
    assert xp.squeeze(x, axis=0).shape == xp.take(x, np.array([0, 1]), axis=1)[0].shape == (2, 3)
    assert xp.broadcast_to(xp.expand_dims(x, axis=0), (4, 1, 2, 3)).shape == (4, 1, 2, 3)
    assert xp.mean(x, axis=-1).coefficients[1].tolist() == [[1.0, 1.0]]
    assert xp.astype(x, np.float32).dtype == np.float32
    assert x[..., None, 0].shape == (1, 2, 1)
    assert xp.ones_like(x).tolist() == np.ones((1, 2, 3)).tolist()


def test_what_has_no_series_is_refused() -> None:
    x = line(np.ones(2), np.ones(2), 2)
    with pytest.raises(TypeError, match="floor is not a function of jets"):
        array_namespace(x).floor(x)
    for call in (np.asarray, np.cumsum, np.exp):
        with pytest.raises(TypeError):
            call(x)
    for exponent in (0, -1, 2.0):
        with pytest.raises(ValueError, match="exponent must be an integer >= 1, got"):
            x**exponent  # type: ignore[operator]
    assert "order 2" in repr(x)


def test_a_jet_has_a_value() -> None:
    for coefficients, order in (([], 2), ([np.ones(2), np.ones(2)], -1)):
        with pytest.raises(ValueError, match="coefficients must hold c_0, and order be >= 0"):
            Jet(coefficients, order)


def test_bad_arguments_of_series() -> None:
    x = {"x": np.ones(2)}
    for bad, message in (
        ((dict[str, Any](), x, 2), "at must"),
        ((x, {"y": np.ones(2)}, 2), "along must"),
        (({"x": np.array([np.nan])}, x, 2), r"at\['x'\] must be finite"),
        ((x, {"x": np.array([np.inf])}, 2), r"along\['x'\] must be finite"),
        ((x, {"x": np.ones(3)}, 2), r"along\['x'\] must broadcast with at\['x'\], got shape \(3,\)"),
        ((x, x, -1), "order must"),
        ((x, x, 2.5), "order must"),
        ((x, x, "2"), "order must"),
    ):
        with pytest.raises(ValueError, match=message):
            series(lambda p: p["x"], *bad)


def test_a_function_that_does_not_move_has_zeros() -> None:
    found = series(lambda _: np.ones(3), {"x": np.ones(2)}, {"x": np.ones(2)}, 2)
    assert [c.tolist() for c in found] == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert len(series(lambda p: p["x"], {"x": np.ones(2)}, {"x": np.ones(2)})) == 5


# --- networks -------------------------------------------------------------------------------------------------------

DRAW = stream("test jets: networks")
INPUTS, LABELS = DRAW.standard_normal((6, 3)), DRAW.integers(0, 4, 6)
TOKENS = DRAW.integers(0, 5, (3, 5))
NETWORKS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    **{
        f"perceptron, {name}": (MLP((3, 5, 4, 4), name), (constant(INPUTS), LABELS))
        for name in ("tanh", "gelu", "softplus", "sine", "identity", "relu")
    },
    "perceptron, squared": (
        MLP((3, 5, 4), "tanh", "squared"),
        (constant(INPUTS), DRAW.standard_normal((6, 4))),
    ),
    "transformer": (Transformer(5, 4, 6, heads=2, hidden=7), (constant(TOKENS),)),
    "tied transformer": (Transformer(5, 4, 6, activation="tanh", tied=True), (constant(TOKENS),)),
    "n-gram": (NGram(5, 3, (4, 6), context=4), (TOKENS,)),
}


def plain(data: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.coefficients[0] if isinstance(x, Jet) else x for x in data)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_take_jets(name: str) -> None:
    """c_0 is the loss, c_1 = <G, v>, c_2 = <v, H v>/2 by jets of back-propagation, and the series adds up.

    Sums of some hundred products of order one: 1e-14.  The series is summed at t = 1/4; its terms beyond the tenth
    are below the tenth's size at t = 1 in a hundred thousandth.
    """
    network, data = NETWORKS[name]
    parameters = network.initial(stream("test jets: parameters", name))
    draw = stream("test jets: directions", name)
    v = {key: 0.03 * draw.standard_normal(x.shape) for key, x in parameters.items()}
    c = series(lambda p: network.loss(p, *data), parameters, v, 10)
    loss, gradient = network.loss_and_gradient(parameters, *plain(data))
    assert c[0] == loss
    assert c[1] == pytest.approx(sum(np.sum(gradient[key] * v[key]) for key in v), abs=1e-14)
    _, turned = network.loss_and_gradient(lines(parameters, v, 1), *data)
    assert c[2] == pytest.approx(
        sum(np.sum(turned[key].coefficients[1] * v[key]) for key in v) / 2, abs=1e-14
    )
    moved = network.loss({key: parameters[key] + v[key] / 4 for key in v}, *plain(data))
    largest = max(abs(x) for x in c[5:])
    assert sum(x / 4**k for k, x in enumerate(c)) == pytest.approx(moved, abs=1e-14 + 1e-5 * largest)
    assert largest < 1e-3


def test_jets_of_the_gradient_are_the_gradient_of_the_jets() -> None:
    """The whole Hessian of a small network, column by column, is symmetric."""
    network, data = NETWORKS["n-gram"]
    parameters = network.initial(stream("test jets: Hessian"))
    columns = []
    for name, x in parameters.items():
        for i in range(x.size):
            unit = np.zeros(x.size)
            unit[i] = 1.0
            _, turned = network.loss_and_gradient(lines(parameters, {name: unit.reshape(x.shape)}, 1), *data)
            columns.append(np.concatenate([turned[key].coefficients[-1].ravel() for key in parameters]))
    H = np.array(columns)
    np.testing.assert_allclose(H, H.T, rtol=0, atol=1e-15 * H.shape[0])
    assert np.max(np.abs(H)) > 0.01


@pytest.mark.parametrize("backend", ["strict"])
def test_a_transformer_on_the_standard_alone(backend: str) -> None:
    on = arrays.backend(backend)
    network, (tokens,) = NETWORKS["transformer"]
    parameters = network.initial(stream("test jets: parameters", "transformer"))
    v = {key: 0.1 * x for key, x in parameters.items()}
    expected = series(lambda p: network.loss(p, tokens), parameters, v, 3)
    there = constant(on.asarray(tokens.coefficients[0], dtype=on.xp.int64))
    moved = [{key: on.asarray(x) for key, x in things.items()} for things in (parameters, v)]
    found = series(lambda p: network.loss(p, there), moved[0], moved[1], 3)
    assert all(arrays.device(c) == on.device for c in found)
    np.testing.assert_allclose([float(c) for c in found], [float(c) for c in expected], rtol=0, atol=1e-14)
