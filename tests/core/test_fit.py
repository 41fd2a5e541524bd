"""Exponents of power laws: exact on exact data, intervals that contain the truth as often as they say, bad input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from labs.core.fit import exponent, phases, scaling_exponent, scaling_range
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
        ((X, np.ones((2, 7))), "y must be a vector"),
        ((X, np.where(X > 5, np.nan, X)), "y must be finite"),
        ((X, X, np.array([0.5, 0.9])), "level must be a number"),
    ],
    ids=str,
)
def test_bad_input_is_named(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        exponent(*arguments)


# --- finite sizes and phases -------------------------------------------------------------------------------------

SIZES = (1.0, 1e5)
TIMES = np.unique(np.geomspace(3.0, 3e4, 25).round())
SERIES = 200


def comb(theta: np.ndarray) -> np.ndarray:
    """The resonance of a two-cycle, deepened to 0 at phase 0; its mean over the phase is 1."""
    return 6.0 * theta * (1.0 - theta)


def law(number: int) -> tuple[float, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """A known exponent, and y(x, theta): corrections at both sizes, a resonance, 3 % noise on every number."""
    draw = stream("synthetic laws", number)
    p, amplitude = draw.uniform(-6.0, -0.3), np.exp(draw.uniform(-5.0, 5.0))
    early, late = draw.uniform(-1.0, 1.0, 2)

    def y(x: np.ndarray, theta: np.ndarray) -> np.ndarray:
        drift = (1.0 + early * SIZES[0] / x) * (1.0 + late * x / SIZES[1])
        return (
            amplitude * x**p * drift * comb(theta) * np.exp(0.03 * draw.standard_normal(np.shape(x * theta)))
        )

    return p, y


def test_intervals_contain_known_exponents_of_series_with_a_resonance() -> None:
    hits, scattered, widths = 0, 0, []
    for number in range(SERIES):
        p, y = law(number)
        fitted = scaling_exponent(TIMES, y(TIMES[:, None], phases(8)), lower=SIZES[0], upper=SIZES[1])
        hits += fitted.interval[0] <= p <= fitted.interval[1]
        scattered += abs(fitted.value - p) <= fitted.scatter
        widths.append(fitted.half_width)
    assert hits >= 0.9 * SERIES
    assert np.median(widths) < 0.05  # and they say something
    assert scattered < 0.5 * SERIES  # the scatter of regression alone knows nothing of the corrections


def test_the_least_over_a_grid_poses_as_another_exponent() -> None:
    """The best of a grid of steps that is refined as x grows finds the resonance closer and closer."""
    hits, below = 0, 0
    for number in range(SERIES):
        p, y = law(number)
        best = [np.min(y(np.array(x), np.linspace(0.0, 1.0, 2 + round(x**0.5))[1:-1])) for x in TIMES]
        fitted = scaling_exponent(TIMES, np.array(best), lower=SIZES[0], upper=SIZES[1])
        hits += fitted.interval[0] <= p <= fitted.interval[1]
        below += fitted.value < p - 0.2
    assert hits < 0.1 * SERIES
    assert below > 0.9 * SERIES


def test_without_a_range_the_ends_pose_as_another_exponent() -> None:
    """Beyond its sizes a law that is fitted all the same is missed by the interval of regression."""
    x = np.geomspace(1e-2, 1e7, 60)
    y = x**-2.0 * (1.0 + 1.0 / x) / (1.0 + x / 1e5)
    fitted = scaling_exponent(x, y, lower=1.0, upper=1e5)
    assert fitted.interval[0] <= -2.0 <= fitted.interval[1]
    assert abs(fitted.value + 2.0) < 0.02
    everywhere = exponent(x, y)
    assert not everywhere.interval[0] <= -2.0 <= everywhere.interval[1]


def test_a_range_depends_on_x_alone() -> None:
    np.testing.assert_array_equal(scaling_range(X, 1.0, 1e6), (X >= 10.0) & (X <= 1e5))
    np.testing.assert_array_equal(scaling_range(X, 1.0, np.inf, 100.0), X >= 100.0)
    fitted = scaling_exponent(TIMES, TIMES**-2.0, lower=1.0, upper=1e5)
    inside = TIMES[scaling_range(TIMES, 1.0, 1e5)]
    assert (fitted.first, fitted.last, fitted.points) == (inside[0], inside[-1], inside.size)
    assert fitted.value == pytest.approx(-2.0, abs=1e-13)
    assert fitted.half_width == fitted.scatter + fitted.drift < 1e-12


def test_phases_are_spread_evenly_and_average_a_resonance() -> None:
    np.testing.assert_array_equal(phases(4), [0.125, 0.375, 0.625, 0.875])
    for count in (2, 8):
        # The midpoint rule of a parabola: its second derivative, 12, over 24 count^2.
        assert np.mean(comb(phases(count))) == pytest.approx(1.0 + 0.5 / count**2, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": TIMES[::-1]}, "x must be an ascending"),
        ({"y": TIMES[:-1]}, "y must have shape"),
        ({"y": -TIMES}, "y must be finite and positive"),
        ({"y": np.ones((TIMES.size, 0))}, "y must"),
        ({"lower": 0.0}, "lower must be finite and positive"),
        ({"upper": -1.0}, "upper must be positive"),
        ({"upper": np.nan}, "upper must be positive"),
        ({"factor": 0.5}, "factor must be at least 1"),
        ({"lower": np.ones(2)}, "lower must be a number"),
        ({"upper": np.full(3, 1e5)}, "upper must be a number"),
        ({"factor": np.array([2.0])}, "factor must be a number"),
        ({"level": 1.0}, "level must be in"),
        ({"upper": 100.0}, "x must have at least 9 points"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_laws_are_named(arguments, message) -> None:
    good = {"x": TIMES, "y": TIMES**-1.0, "lower": 1.0, "upper": 1e5}
    with pytest.raises(ValueError, match=message):
        scaling_exponent(**(good | arguments))


@pytest.mark.parametrize("count", [0, 1.5, True, -1])
def test_bad_counts_of_phases_are_named(count) -> None:
    with pytest.raises(ValueError, match="count must be an integer"):
        phases(count)
