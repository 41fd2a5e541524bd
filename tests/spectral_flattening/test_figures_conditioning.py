"""What the figures on conditioning and on the line search show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from figures.gallery.tables import where
from figures.spectral_flattening import (
    condition_number_exponent,
    convergence_factor_map,
    noise_level,
    three_condition_numbers,
)
from labs.core import arrays
from labs.spectral_flattening.conditioning_forms import aligned_factor, kantorovich


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def test_exponents_approach_their_limits() -> None:
    tables = smoke(condition_number_exponent)
    few, many = condition_number_exponent.COLUMNS["smoke"]
    for regime, power in condition_number_exponent.REGIMES.items():
        slope = {n: where(tables["slope"], regime=regime, n=n)["slope"][0] for n in (few, many)}
        assert abs(slope[many] - (1 - power)) < 0.03
        assert abs(slope[few] - (1 - power)) < 0.12
        rows = where(tables["left"], regime=regime, n=many)
        # By SF-K3.d, SF-K4.e the draws are within a factor of about 1 + 2 (m (m+1)/n)^(1/2) of the limit.
        assert np.all(np.abs(np.log(rows["median"] / rows["kappa"] ** (1 - power))) < np.log(2.2))
        assert np.all((rows["low"] <= rows["median"]) & (rows["median"] <= rows["high"]))


def test_few_columns_make_a_scalar_curvature_worse() -> None:
    rows = where(smoke(condition_number_exponent)["left"], n=condition_number_exponent.COLUMNS["smoke"][0])
    assert np.all(rows["median"][rows["kappa"] == 1.0] > 2)


def test_noise_turns_the_curvature_into_its_root() -> None:
    tables = smoke(noise_level)
    for spread in noise_level.SPREADS:
        rows = where(tables["level"], kappa=spread)
        exponents = noise_level.theta(spread, rows["limit"])
        assert np.all(np.diff(exponents) < 0)
        assert 0.99 < exponents[0] <= 1
        assert 0.5 <= exponents[-1] < 0.501
    for rows in tables.values():
        assert np.all(np.abs(np.log(rows["left"] / rows["limit"])) < np.log(2.2))  # 64 columns, as above


def test_the_steps_change_places_where_the_theory_says() -> None:
    tables = smoke(convergence_factor_map)
    r = convergence_factor_map.MODES["smoke"]
    modes = np.arange(1.0, r + 1.0)
    for name, order in zip(convergence_factor_map.PANELS[:2], (1, -1), strict=True):
        rows = where(tables["map"], panel=name)
        s = modes[:, None] ** -convergence_factor_map.slopes(rows["fraction"], r)
        h = (modes[:, None] ** (-np.log(rows["kappa"]) / np.log(r)))[::order]
        nuclear = np.sum(s, axis=0) ** 2 / np.sum(s**2, axis=0)
        np.testing.assert_allclose(nuclear / r, rows["fraction"], rtol=1e-12)
        curvature = np.sum(h * s**2, axis=0) / np.sum(s**2, axis=0)
        better = nuclear > np.sum(h, axis=0) / curvature
        np.testing.assert_array_equal(rows["quotient"] < 0, better)
        assert np.any(better) == (order == 1)


def test_the_boundary_is_that_of_the_guarantees() -> None:
    tables = smoke(convergence_factor_map)
    r = convergence_factor_map.MODES["smoke"]
    modes = np.arange(1.0, r + 1.0)
    for spread, fraction, isotropic in zip(*tables["boundary"].values(), strict=True):
        h = modes ** (-np.log(spread) / np.log(r))
        assert abs(fraction * r - np.sum(h) / np.max(h)) < 1e-12 * r
        # An isotropic error: s = h, and Muon leaves nothing.
        assert abs(isotropic * r - np.sum(h) ** 2 / np.sum(h**2)) < 1e-12 * r
        assert abs(aligned_factor(h, h, np.ones(r))) < 1e-14


def test_three_condition_numbers_are_bounds_and_not_verdicts() -> None:
    rows = smoke(three_condition_numbers)["problem"]
    assert np.all(rows["muon"] <= kantorovich(rows["kappa"]) + 1e-12)
    assert np.all(rows["descent"] <= kantorovich(rows["gd"]) + 1e-12)
    by_reading = [where(rows, reading=name) for name in three_condition_numbers.READINGS]
    kappas = np.stack([part["kappa"] for part in by_reading])
    assert np.mean(np.argmin(kappas, axis=0) == 2) > 0.5  # two-sided, most often
    for part in by_reading:
        promised, realised = part["gd"] > part["kappa"], part["muon"] < part["descent"]
        assert np.any(promised & ~realised)
        assert np.any(~promised & realised)
