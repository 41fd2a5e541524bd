"""Exponents of power laws: exact on exact data, intervals that contain the truth as often as they say, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.fit import exponent
from labs.core.streams import stream

X = np.geomspace(1.0, 1e6, 7)


def test_a_power_law_has_its_exponent() -> None:
    for p in (-2.0, 0.0, 0.5):
        fitted = exponent(X, 3.0 * X**p)
        assert fitted.value == pytest.approx(p, abs=1e-14)
        assert fitted.half_width < 1e-13


def test_the_interval_is_that_of_linear_regression() -> None:
    y = X**0.5 * np.exp(stream("exponent").standard_normal(7))
    fitted = exponent(X, y, level=0.9)
    (slope, _), covariance = np.polyfit(np.log(X), np.log(y), 1, cov=True)
    quantile = 2.0150483733  # Student's, at 0.95 with 5 degrees of freedom, from a table
    assert fitted.value == pytest.approx(slope, rel=1e-12)
    assert fitted.half_width == pytest.approx(quantile * covariance[0, 0] ** 0.5, rel=1e-9)
    assert fitted.interval == (fitted.value - fitted.half_width, fitted.value + fitted.half_width)


def test_the_interval_contains_the_truth_as_often_as_it_says() -> None:
    rng, level, trials = stream("exponents"), 0.8, 2000
    fitted = [exponent(X, X * np.exp(rng.standard_normal(7)), level) for _ in range(trials)]
    hits = sum(f.interval[0] <= 1.0 <= f.interval[1] for f in fitted)
    # A binomial count: five standard deviations.
    assert abs(hits - level * trials) < 5 * (trials * level * (1 - level)) ** 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[:2], X[:2]), "x must be a vector of at least 3"),
        ((np.ones((3, 3)), np.ones((3, 3))), "x must be a vector"),
        ((X, X[:-1]), "y must be an array of shape"),
        ((X, -X), "y must be finite and positive"),
        ((0 * X, X), "x must be finite and positive"),
        ((np.ones(7), X), "x must not be constant"),
        ((X, X, 1.0), "level must be in"),
        (("x", X), "x must be a NumPy array"),
    ],
    ids=str,
)
def test_bad_input_is_named(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        exponent(*arguments)
