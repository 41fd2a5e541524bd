"""What is made of many Taylor terms: errors, step scales, runs at equal loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.curvature_nds.measurement import (
    at_loss,
    common_losses,
    predicted_at,
    prediction_error,
    realised_at,
)
from labs.curvature_nds.one_step import taylor

SCALES = (0.25, 1.0, 2.0)
AT, ALONG = {"x": np.array([1.0, 2.0])}, {"x": np.array([0.5, -0.5])}


def quartic(p: Any) -> Any:
    """x^4 - 2 x^3 + x, a number for each entry: c_k by hand below."""
    x = p["x"]
    return x**4 - 2.0 * x**3 + x


# At x, along -z: c_1 = -(4 x^3 - 6 x^2 + 1) z, c_2 = (6 x^2 - 6 x) z^2, c_3 = -(4 x - 2) z^3, c_4 = z^4.
X, Z = AT["x"], ALONG["x"]
TERMS = np.stack(
    [
        X**4 - 2 * X**3 + X,
        -(4 * X**3 - 6 * X**2 + 1) * Z,
        (6 * X**2 - 6 * X) * Z**2,
        -(4 * X - 2) * Z**3,
        Z**4,
    ],
    axis=-1,
)


def test_errors_of_the_prediction_are_the_terms_left_out() -> None:
    found = taylor(quartic, AT, ALONG, layers={})
    np.testing.assert_allclose(found.terms, TERMS, rtol=1e-14)
    size = np.abs(TERMS[:, 1]) + np.abs(TERMS[:, 2])
    np.testing.assert_allclose(prediction_error(found), np.abs(TERMS[:, 3] + TERMS[:, 4]) / size, rtol=1e-12)
    np.testing.assert_allclose(prediction_error(found, 3), np.abs(TERMS[:, 4]) / size, rtol=1e-12)
    np.testing.assert_allclose(prediction_error(found, 4), 0.0, atol=1e-15)
    np.testing.assert_allclose(
        prediction_error(found, 1), np.abs(np.sum(TERMS[:, 2:], axis=-1)) / size, rtol=1e-12
    )
    for terms in (0, 5):
        with pytest.raises(ValueError, match="terms must"):
            prediction_error(found, terms)


def test_decreases_at_other_scales() -> None:
    realised = realised_at(quartic, AT, ALONG, SCALES)
    np.testing.assert_allclose(predicted_at(TERMS, SCALES, 4), realised, rtol=1e-13)
    expected = [-(TERMS[:, 1] * t + TERMS[:, 2] * t**2) for t in SCALES]
    np.testing.assert_allclose(predicted_at(TERMS, SCALES), np.stack(expected, axis=-1), rtol=1e-14)
    np.testing.assert_allclose(predicted_at(TERMS, (2.0,), 1)[:, 0], -2 * TERMS[:, 1], rtol=1e-14)
    other = realised_at(quartic, AT | {"y": np.ones(2)}, ALONG, SCALES)
    np.testing.assert_array_equal(other, realised)


def test_bad_scales() -> None:
    wrong: tuple[Any, ...] = (0, 5, 1.0, True)
    for last in wrong:
        with pytest.raises(ValueError, match="last must"):
            predicted_at(TERMS, SCALES, last)
    for scales, message in (((1.0, np.inf), r"scales\[1\] must be finite"), ((), "scales must hold")):
        with pytest.raises(ValueError, match=message):
            realised_at(quartic, AT, ALONG, scales)
        with pytest.raises(ValueError, match=message):
            predicted_at(TERMS, scales)
    for update in ({}, {"y": ALONG["x"]}):
        with pytest.raises(ValueError, match="update must"):
            realised_at(quartic, AT, update, SCALES)


def test_losses_that_all_runs_went_through() -> None:
    runs = [np.array([5.0, 4.0, 4.5, 2.0]), np.array([4.8, 3.0, 3.5, 3.2])]
    np.testing.assert_allclose(common_losses(runs, 4), [4.8, 4.2, 3.6, 3.0])
    with pytest.raises(ValueError, match="runs must have losses in common"):
        common_losses([np.array([5.0, 4.0]), np.array([3.0, 2.0])])
    wrong: tuple[Any, ...] = ([], [np.array([])], [np.array([1.0, np.nan])], [1.0, 2.0])
    for bad in wrong:
        with pytest.raises(ValueError, match="runs must"):
            common_losses(bad)
    for count in (0, True):
        with pytest.raises(ValueError, match="count must"):
            common_losses(runs, count)


def test_values_at_a_loss() -> None:
    """Points that set no new minimum do not count; between the others the values are interpolated in the loss."""
    validation = np.array([5.0, 4.0, 4.5, 3.0, 3.0, 2.0])
    values = np.array([[0.0, 1.0, 99.0, 3.0, 98.0, 5.0], [1.0, 1.0, 9.0, 1.0, 9.0, 1.0]])
    found = at_loss(validation, values, np.array([5.0, 4.5, 3.5, 2.25]))
    np.testing.assert_allclose(found, [[0.0, 0.5, 2.0, 4.5], [1.0, 1.0, 1.0, 1.0]])
    for run in (validation, np.array([4.7, 3.9])):
        at_loss(validation, values, common_losses([validation, run], 7))
    with pytest.raises(ValueError, match=r"losses must be between 2\.0 and 5\.0"):
        at_loss(validation, values, np.array([1.9]))
    assert at_loss(np.array([3.0, 1.0]), np.array([0.0, 1.0]), np.array([2.0])).tolist() == [0.5]
    for points, of in ((validation, values[:, :3]), (validation[:1], values[:, :1])):
        with pytest.raises(ValueError, match="values must be"):
            at_loss(points, of, np.array([5.0]))
    nan = np.array([np.nan, 1.0])
    with pytest.raises(ValueError, match="validation must be finite"):
        at_loss(nan, np.ones(2), np.ones(1))
    with pytest.raises(ValueError, match="losses must be finite"):
        at_loss(np.array([3.0, 1.0]), np.ones(2), nan)
