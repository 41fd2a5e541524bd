"""What the figures on efficiency and on the limit of steep powers show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import bingham_limit, efficiency
from labs.core import arrays
from labs.isotropic_curvature.efficiency import gradient_descent_guarantee
from labs.isotropic_curvature.power_means import mean_power


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def test_gradient_descent_stays_above_its_guarantee_and_muon_does_not() -> None:
    rows = smoke(efficiency)["share"]
    assert np.all(rows["descent"] > rows["guarantee"])
    assert np.any(rows["muon"] < rows["guarantee"])
    for p, guarantee in zip(rows["p"], rows["guarantee"], strict=True):
        assert guarantee == gradient_descent_guarantee(float(p))
    for share in (rows["descent"], rows["muon"]):
        assert np.all((share > 0) & (share < 1))


def test_the_crossover_separates_the_two() -> None:
    tables = smoke(efficiency)
    for n, s in efficiency.SPECTRA:
        crossing = where(tables["crossover"], n=n, s=s)
        rows = where(tables["share"], n=n, s=s)
        np.testing.assert_array_equal(rows["muon"] > rows["descent"], rows["p"] > crossing["p"])
        # At the crossover gradient descent and Muon reach the same share: between the neighbours' values.
        assert np.min(rows["descent"]) < crossing["share"] < np.max(rows["descent"])


def test_printed_crossovers_are_in_the_table() -> None:
    crossovers = smoke(efficiency)["crossover"]
    assert [f"{p:.6f}" for p in crossovers["p"]] == ["7.598909", "14.980398", "10.317184"]


def test_the_worst_family_tends_to_its_limit() -> None:
    tables = smoke(efficiency)
    limit = tables["limit"]
    lowest = int(np.argmin(limit["share"]))
    assert f"{limit['share'][lowest]:.5f}" == "0.93035"
    assert limit["a"][lowest] == pytest.approx(0.436368, abs=0.0025)  # half a step of the grid
    assert "0.930351 at a = 0.436368" in efficiency.CAPTION
    spikes = where(tables["spike"], p=4.0)
    predicted = np.interp(spikes["a"], limit["a"], limit["share"])
    for n in (64, 1024):  # the distance is of first order in 1/n
        share = efficiency.spike_efficiency(spikes["a"], 4.0, n)
        assert np.all(np.abs(share - predicted) < 0.5 / n + 2e-5)
    assert np.all(tables["spike"]["share"] <= 1 + 1e-12)


def test_the_map_tends_to_its_limit() -> None:
    rows = smoke(efficiency)["map"]
    flat = where(rows, s=0.01)
    np.testing.assert_allclose(flat["p"], (flat["n"] + 6) / 2, rtol=0.01)
    row = where(rows, n=8, s=1.0)
    g = 1 / np.arange(1.0, 9.0)
    assert mean_power(g, float(row["p"][0])) == pytest.approx(float(g @ g / np.sum(g)), rel=1e-12)


def test_the_correction_tends_to_bingham_parameters() -> None:
    rows = smoke(bingham_limit)["three"]
    for i, printed in ((2, 1.16532), (3, 3.26718)):
        one = where(rows, i=i)
        assert f"{one['limit'][0]:.5f}" == f"{printed:.5f}"
        assert f"{printed:.5f}" in bingham_limit.CAPTION
        error = one["p"] * (one["limit"] - one["scaled"])
        assert np.all(np.diff(one["scaled"]) > 0)
        # Bounded: the steps halve as p doubles.
        assert np.all(np.abs(np.diff(error)[1:] / np.diff(error)[:-1] - 0.5) < 0.1)


def test_two_directions_keep_below_what_is_possible() -> None:
    rows = smoke(bingham_limit)["two"]
    assert np.all(rows["scaled"] < np.minimum(rows["p"], rows["limit"]))
    large = rows["p"] > 10 * rows["limit"]
    assert np.all(np.abs(rows["scaled"] / rows["limit"] - 1)[large] < 0.1)
    faint = rows["r"] < 0.05
    # I_1/I_0(x) = 1 - 1/(2x) - ..., so b = 2 x is 1/(2r) and a little more.
    np.testing.assert_allclose(rows["limit"][faint], 0.5 / rows["r"][faint], rtol=0.07)
