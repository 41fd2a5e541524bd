"""What the figure of the networks' curvature shows, in numbers, at smoke scale; and its pieces."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import _network_measures, _networks, network_curvature
from figures.isotropic_curvature._networks import FLAT, GRADIENT, OWN, POLAR, SINGLE
from labs.core import arrays
from labs.core.sphere import expect
from labs.isotropic_curvature import Power

BACKEND = arrays.backend()
LENGTHS = np.geomspace(1e-3, 10.0, 25)


@cache
def smoke() -> Any:
    return network_curvature.data("smoke", BACKEND)


@cache
def problem(name: str) -> Any:
    return next(p for p in _networks.problems("smoke") if p.name == name)


def layer_of(name: str, matrix: str) -> _networks.Layer:
    chosen = problem(name)
    return _networks.Layer(chosen, _networks.one(chosen.start, 0), matrix, 0, BACKEND)


# --- the pieces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "matrix"), [("perceptron", "weight2"), ("transformer", "up")])
def test_directions_have_their_spectra_and_the_same_length(name: str, matrix: str) -> None:
    layer = layer_of(name, matrix)
    gradient = layer.gradient()
    g = np.linalg.svd(gradient, compute_uv=False)
    found = dict(layer.directions(gradient, {FLAT: 3, OWN: 2, SINGLE: 4}))
    assert {kind: len(D) for kind, D in found.items()} == {FLAT: 3, OWN: 2, SINGLE: 4, GRADIENT: 1, POLAR: 1}
    rank_one = np.eye(len(g))[0]
    expected = {FLAT: np.ones(len(g)), OWN: g, SINGLE: rank_one, GRADIENT: g, POLAR: np.ones(len(g))}
    for kind, D in found.items():
        q = np.linalg.svd(D, compute_uv=False)
        shape = expected[kind] * np.sqrt(gradient.shape[1] / np.sum(expected[kind] ** 2))
        # Singular values by two routes, relative to the largest; a direction far below it keeps few digits.
        np.testing.assert_allclose(q, np.broadcast_to(shape, q.shape), rtol=0, atol=1e-13 * np.max(shape))


def test_the_length_of_a_matrix_is_the_root_mean_square_of_its_gain() -> None:
    layer = layer_of("perceptron", "weight1")
    W = layer.parameters["weight1"]
    assert layer.scale == pytest.approx(np.sqrt(np.trace(W.T @ W) / W.shape[1]))


def test_the_prediction_is_the_expectation_for_a_power_law() -> None:
    """Where the whole sphere is within the lengths; linear interpolation in logarithms is exact there."""
    q = np.array([1.5, 0.5, 0.2])
    found = _network_measures.predicted(LENGTHS**2, LENGTHS, q, 4)
    inside = np.isfinite(found)
    unit = q * np.sqrt(4 / np.sum(q**2))
    exact = np.array([expect(Power(2.0), r * unit, 4)[0] for r in LENGTHS])
    np.testing.assert_allclose(found[inside], exact[inside], rtol=1e-3)
    assert np.all(inside[LENGTHS * unit[0] <= LENGTHS[-1]])
    assert not inside[-1]
    assert np.all(np.isnan(_network_measures.predicted(-LENGTHS, LENGTHS, q, 4)))


def test_a_fit_goes_as_far_as_its_chords_rise() -> None:
    """even = r^2.5/(1 + r^2): super-quadratic up to the root of (log slope) = 2, convex beyond it, then neither."""
    values = LENGTHS**2.5 / (1 + LENGTHS**2)
    slope = 2.5 - 2 * LENGTHS**2 / (1 + LENGTHS**2)
    steep = _network_measures.fitted(LENGTHS, values, "superquadratic")
    convex = _network_measures.fitted(LENGTHS, values, "convex")
    assert np.max(LENGTHS[slope > 2]) <= steep.hi < convex.hi < np.min(LENGTHS[slope < 1]) * 1.5
    assert steep.lo == convex.lo == LENGTHS[0]
    assert max(steep.log_error, convex.log_error) < _network_measures.FALL
    assert steep.slope_range[1] == pytest.approx(2.5, abs=0.1)
    assert np.isnan(_network_measures.fitted(LENGTHS[:3], values[:3], "convex").hi)


def test_growth_is_the_mean_in_units_of_its_beginning() -> None:
    even = np.array([1.0, 2.0, 4.0])[:, None] * LENGTHS**2
    shape, half = _network_measures.growth(even)
    np.testing.assert_allclose(shape, (LENGTHS / LENGTHS[0]) ** 2, rtol=1e-13)
    assert np.all(half < 1e-12 * shape)  # one shape: the directions' sizes do not matter


# --- the tables -----------------------------------------------------------------------------------------------------


def test_every_optimiser_has_its_grid_and_every_seed_its_loss() -> None:
    grid = smoke()["grid"]
    for name in ("perceptron", "transformer"):
        for optimiser in _networks.OPTIMISERS:
            rows = where(grid, network=name, optimiser=optimiser)
            rates = _networks.RATES[name][optimiser][-2:]
            assert sorted(zip(rows["rate"], rows["seed"], strict=True)) == [
                (r, s) for r in rates for s in (0, 1)
            ]
    assert np.all(grid["loss"] > 0)
    start = where(smoke()["growth"], step=0)
    assert np.mean(grid["loss"]) < np.mean(start["loss"])


def test_short_perturbations_see_a_quadratic() -> None:
    slopes = smoke()["slopes"]
    first = slopes["length"] == np.min(slopes["length"])
    sure = first & (slopes["half"] < 0.01)
    assert np.sum(sure) > 4
    np.testing.assert_allclose(slopes["slope"][sure], 2.0, atol=0.02)


def test_the_mean_lies_between_the_extremes_and_rounding_is_small() -> None:
    even = smoke()["even"]
    assert np.all((even["low"] <= even["mean"]) & (even["mean"] <= even["high"]))
    assert np.all(even["rounding"] < 1e-13)
    single = np.isin(even["direction"], [GRADIENT, POLAR])
    np.testing.assert_array_equal(even["low"][single], even["high"][single])


def test_flat_directions_are_predicted_by_themselves() -> None:
    rows = where(smoke()["spectra"], direction=FLAT)
    known = np.isfinite(rows["ratio"])
    assert np.any(known)
    np.testing.assert_allclose(rows["ratio"][known], 1.0, rtol=1e-12)


def test_all_spectra_begin_alike() -> None:
    spectra = smoke()["spectra"]
    first = (spectra["length"] == np.min(spectra["length"])) & np.isfinite(spectra["ratio"])
    np.testing.assert_allclose(spectra["ratio"][first], 1.0, rtol=1e-12)


def test_along_the_gradient_a_perceptron_is_steeper_than_along_random_directions() -> None:
    rows = where(smoke()["isotropy"], network="perceptron")
    shortest = rows["length"] == np.min(rows["length"])
    assert np.all(rows["gradient"][shortest] > 2)
    assert np.all(rows["spread"][shortest] < 2)


def test_medians_are_of_most_seeds() -> None:
    values = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan], [2.0, 4.0, 5.0]])
    middle, low, high = network_curvature.of_most(values)
    np.testing.assert_array_equal(middle, [2.0, 3.0, np.nan])
    np.testing.assert_array_equal(low, [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(high, [3.0, 4.0, np.nan])
