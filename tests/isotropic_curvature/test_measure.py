"""The measured curvature: where it is known in closed form, where rounding ends it, and its local slopes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.core.networks import MLP, Transformer, mixture, replaced
from labs.core.streams import stream
from labs.isotropic_curvature.measure import CLEAR, even_part, local_slopes, unit_direction

ROUNDING = 1e-14
LENGTHS = np.geomspace(1e-3, 10.0, 13)


def normal(*shape: int) -> np.ndarray:
    return stream("test measure", *shape).standard_normal(shape)


def test_a_unit_direction_has_root_mean_square_gain_one() -> None:
    D = unit_direction(normal(3, 4, 5))
    np.testing.assert_allclose(np.sum(D**2, axis=(1, 2)), 5.0, rtol=ROUNDING)
    np.testing.assert_allclose(unit_direction(1e-200 * D), D, rtol=ROUNDING)
    rotation = np.linalg.qr(normal(5, 5))[0]
    np.testing.assert_allclose(np.sum(unit_direction(rotation) ** 2, axis=0), 1.0, rtol=ROUNDING)


def test_of_a_quadratic_it_is_the_second_order_term_whatever_the_slope() -> None:
    W, C, D = normal(2, 3), normal(3, 2).T, normal(4, 2, 3)

    def loss(X: np.ndarray) -> np.ndarray:
        return np.sum((X - C) ** 2, axis=(-2, -1)) / 2 + 5 * X[..., 0, 0] + 1.0

    even, rounding = even_part(loss, W, D, LENGTHS)
    expected = LENGTHS**2 * np.sum(D**2, axis=(1, 2))[:, None] / 2
    assert np.all(np.abs(even - expected) <= rounding + ROUNDING * expected)
    assert np.all(rounding[:, 0] < 1e-13)
    assert even.shape == rounding.shape == (4, 13)


def test_of_an_exponential_it_is_a_hyperbolic_cosine() -> None:
    D, C = normal(2, 2, 3), normal(2, 3)
    even, rounding = even_part(lambda X: np.exp(np.sum(C * X, axis=(-2, -1))), 0.0 * C, D, LENGTHS)
    x = LENGTHS * np.sum(C * D, axis=(1, 2))[:, None]
    assert np.all(np.abs(even - 2 * np.sinh(x / 2) ** 2) <= rounding * (1 + np.abs(x)))


def test_in_pieces_it_is_the_same() -> None:
    W, D = normal(2, 3), normal(5, 2, 3)
    calls: list[int] = []

    def loss(X: np.ndarray) -> np.ndarray:
        calls.append(len(X))
        return np.sum(np.cos(X), axis=(-2, -1))

    whole, _ = even_part(loss, W, D, LENGTHS)
    assert max(calls) == 2 * 5 * 13
    calls.clear()
    pieces, _ = even_part(loss, W, D, LENGTHS, at_a_time=7)
    assert max(calls) == 2 * 7
    np.testing.assert_array_equal(whole, pieces)
    one, _ = even_part(loss, W, D[3], LENGTHS[:1])
    np.testing.assert_array_equal(one, whole[3, :1])


PERCEPTRON = MLP((8, 8, 4))
CHARACTERS = Transformer(5, 6, 8, heads=2)
ON: dict[str, Any] = {
    "perceptron": (PERCEPTRON, mixture(64, 8, 4, stream("test measure: mixture")), "weight1"),
    "transformer": (CHARACTERS, (stream("test measure: text").integers(0, 5, (8, 7)),), "query"),
}


@pytest.mark.parametrize("name", [*ON])
def test_rounding_is_estimated_and_the_second_order_term_is_that_of_the_gradient(name: str) -> None:
    """At lengths of 1e-10 nothing but rounding is left; at 1e-4 the Hessian, from differences of gradients."""
    network, data, matrix = ON[name]
    parameters = network.initial(stream("test measure", name))
    W = parameters[matrix]
    D = unit_direction(stream("test measure: directions", name).standard_normal((40, *W.shape)))

    def loss(X: np.ndarray) -> np.ndarray:
        return network.loss(replaced(parameters, matrix, X), *data)

    noise, rounding = even_part(loss, W, D, np.geomspace(1e-11, 1e-10, 8))
    assert np.all(np.abs(noise) <= rounding)
    assert np.max(np.abs(noise)) > 0.01 * np.max(rounding)

    h = 1e-4
    slopes = [
        network.loss_and_gradient(replaced(parameters, matrix, W + sign * h * D), *data)[1][matrix]
        for sign in (1, -1)
    ]
    curvature = np.sum((slopes[0] - slopes[1]) * D, axis=(1, 2)) / (2 * h)
    even, rounding = even_part(loss, W, D, np.array([h]))
    # What is left out, h^4 (1/24 + 1/12) times a fourth derivative, is 1e-14 where that is 1000.
    assert np.all(np.abs(even[:, 0] - 0.5 * h**2 * curvature) <= rounding[:, 0] + 1e-14)
    assert np.max(np.abs(curvature)) > 1e-3


# --- local slopes -----------------------------------------------------------------------------------------------


def slopes_of(even: Any, rounding: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return local_slopes(LENGTHS, even, np.full(np.shape(even), rounding))


@pytest.mark.parametrize("p", [2.0, 2.5])
def test_a_power_law_has_its_exponent_for_slope_and_no_spread(p: float) -> None:
    middle, slope, half = slopes_of(np.array([1.0, 3.0, 0.2])[:, None] * LENGTHS**p)
    np.testing.assert_allclose(slope, p, rtol=1e-13)
    assert np.all(half < 1e-12)
    np.testing.assert_allclose(middle**2, LENGTHS[1:] * LENGTHS[:-1], rtol=ROUNDING)


def test_the_half_width_is_students_interval_of_the_jackknife() -> None:
    """For directions whose slopes differ: against the formula written out, for one interval."""
    even = np.array([[1.0, 4.0], [2.0, 3.0], [1.5, 5.0], [1.0, 2.0]])
    r = np.array([1.0, math.e])
    _, slope, half = local_slopes(r, even, np.zeros((4, 2)))
    assert slope[0] == pytest.approx(np.log(14.0 / 5.5))
    left = [np.log((14.0 - b) / (5.5 - a)) for a, b in even]
    error = np.sqrt(0.75 * sum((x - np.mean(left)) ** 2 for x in left))
    assert half[0] == pytest.approx(3.182446305284263 * error)  # the 97.5 % point at 3 degrees of freedom


def test_a_single_direction_has_slopes_without_intervals() -> None:
    middle, slope, half = slopes_of(LENGTHS[None] ** 2)
    np.testing.assert_allclose(middle**2, LENGTHS[1:] * LENGTHS[:-1], rtol=ROUNDING)
    np.testing.assert_allclose(slope, 2.0, rtol=1e-13)
    assert half.shape == slope.shape
    assert np.all(np.isnan(half))


def test_the_interval_covers() -> None:
    """Directions with random coefficients of r^2 and r^3: about 95 % of the intervals hold the true slope."""
    draw = stream("test measure: coverage")
    r = np.array([1.0, 2.0])
    covered = 0
    for _ in range(400):
        a, b = draw.random((2, 30, 1))
        _, slope, half = local_slopes(r, a * r**2 + b * r**3, np.zeros((30, 2)))
        covered += abs(slope[0] - np.log2(12 / 2)) <= half[0]
    # Binomial with 400 trials: standard deviation 1.1 %, and the jackknife at 30 directions is good to 1 %.
    assert 0.90 < covered / 400 < 0.98


def test_what_rounding_or_a_sign_makes_unsure_has_no_slope() -> None:
    even = np.ones((3, 1)) * LENGTHS**2
    _, slope, half = slopes_of(even, rounding=float(LENGTHS[4] ** 2) / CLEAR)
    assert np.all(np.isnan(slope[:5]))
    assert np.all(np.isnan(half[:5]))
    np.testing.assert_allclose(slope[5:], 2.0, rtol=1e-13)
    even = even * np.array([[1.0], [-2.0], [1.4]])  # positive on average, but not without the last
    assert np.all(np.isnan(slopes_of(even)[1]))


@pytest.mark.parametrize(
    ("lengths", "even", "argument"),
    [
        ([1.0], np.ones((2, 1)), "lengths"),
        ([1.0, 1.0], np.ones((2, 2)), "lengths"),
        ([0.0, 1.0], np.ones((2, 2)), "lengths"),
        ([1.0, 2.0], np.ones((0, 2)), "even"),
        ([1.0, 2.0], np.ones((2, 3)), "even"),
        ([1.0, 2.0], np.full((2, 2), np.nan), "even"),
    ],
)
def test_bad_measurements_are_refused(lengths: Any, even: np.ndarray, argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        local_slopes(lengths, even, np.zeros_like(even))
