"""What the figures on Muon's laws show, in numbers, at smoke scale."""

from __future__ import annotations

import math
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from figures.associative_memory import finite_size_collapse, muon_scaling_law, resonance_comb, schedules
from figures.associative_memory._muon import ALPHA
from figures.gallery.tables import where
from labs.associative_memory.margins import optimal_margin, peak
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- muon_scaling_law --------------------------------------------------------------------------------------------


def test_excess_lies_on_the_law_and_below_the_bound() -> None:
    tables = smoke(muon_scaling_law)
    rows, law = where(tables["excess"], memory="large", c=3.0), where(tables["law"], memory="large")
    predicted = np.interp(np.log(rows["T"]), np.log(law["T"]), np.log(law["predicted"]))
    # The steps are up to c/T shorter than 3 m*/T, twice in the square: 0.2; two strata: 1/16.
    np.testing.assert_allclose(np.log(rows["excess"]), predicted, atol=0.25)
    assert np.all(law["predicted"] < law["bound"])
    assert np.ptp([where(rows, beta=beta)["excess"][-1] for beta in (1.5, 2.0, 3.0)]) < 1e-4


def test_a_short_budget_leaves_an_excess_that_stays() -> None:
    rows = where(smoke(muon_scaling_law)["excess"], c=0.9)
    assert np.all(rows["excess"] > 0.1)


def test_a_fit_needs_nine_points() -> None:
    assert np.all(np.isnan(smoke(muon_scaling_law)["fits"]["exponent"]))
    T = np.geomspace(40, 600, 9)
    fit = muon_scaling_law._fit(T, T**-2.0, best=13.0, K=160_000)
    assert fit["exponent"] == pytest.approx(-2.0, abs=1e-12)


# --- finite_size_collapse ----------------------------------------------------------------------------------------


def test_ratios_are_one_below_K_and_above_it_later() -> None:
    rows = smoke(finite_size_collapse)["ratio"]
    below = rows["T"] <= rows["M"] * rows["C"]
    assert np.count_nonzero(below) >= 3
    np.testing.assert_allclose(rows["ratio"][below], 1.0, atol=0.12)  # two strata: 1/16 less
    assert rows["T"][below].max() > 7 * rows["C"][below].min()  # well beyond the size of a group


# --- resonance_comb ----------------------------------------------------------------------------------------------


def test_the_comb_is_that_of_the_two_cycle() -> None:
    tables = smoke(resonance_comb)
    comb, cycle = tables["comb"], tables["cycle"]
    for name in ("even", "odd"):
        # Linear interpolation between points of the fine grid, none of them across a jump.
        smooth = np.abs(comb["ratio"] - np.round(comb["ratio"])) > 0.02
        expected = np.interp(comb["ratio"], cycle["ratio"], cycle[name])
        np.testing.assert_allclose(comb[name][smooth], expected[smooth], atol=2e-3)
        assert np.all(cycle[name] <= cycle["bound"])
    np.testing.assert_allclose(cycle["mean"], 1 / 3, rtol=0.03)
    K, pi = float(resonance_comb.K), float(peak(float(resonance_comb.K), ALPHA))
    for i in (0, 400, 799):  # the mean of the excess over errors in (-eta, eta), by quadrature
        eta = float(optimal_margin(K, ALPHA)) / float(cycle["ratio"][i])
        total, _ = quad(lambda e: math.log1p(pi * math.expm1(e)) - pi * e, -eta, eta, epsrel=1e-12)
        # The quadrature's own 1e-12, and a closed form that subtracts terms some 1e3 times the mean.
        assert cycle["mean"][i] == pytest.approx(total / (pi * (1 - pi) * eta**3), rel=1e-9)
    near = np.abs(comb["ratio"] - 4.0) < 0.1
    assert np.min(np.minimum(comb["even"], comb["odd"])[near]) < 0.01


def test_the_least_of_a_grid_lies_far_below_the_law_that_the_mean_follows() -> None:
    least = smoke(resonance_comb)["least"]
    np.testing.assert_allclose(
        least["mean"], least["predicted"], rtol=0.08
    )  # steps differ from 3 m*/T by 1/33
    assert np.all(least["fixed"] < 0.2 * least["predicted"])
    assert least["refined"][-1] < 1e-3 * least["predicted"][-1]


# --- schedules ---------------------------------------------------------------------------------------------------


def test_every_decay_is_better_than_a_constant_step() -> None:
    rows = smoke(schedules)["best"]
    assert rows["excess"].size == 12
    for rule in schedules.OPTIMISERS:
        found = {
            name: where(rows, optimiser=rule, schedule=name)["excess"][0] for name in schedules.SCHEDULES
        }
        assert min(found["linear"], found["cosine"], found["halving"]) < 0.5 * found["constant"]


def test_muon_and_aligned_sign_descent_hardly_differ() -> None:
    rows = smoke(schedules)["best"]
    muon, aligned = (where(rows, optimiser=rule)["excess"][:3] for rule in ("muon", "tra-signgd"))
    np.testing.assert_allclose(muon, aligned, rtol=0.05)


def test_a_schedule_of_halves_has_all_its_steps() -> None:
    shape = schedules._halved(5, 12)
    np.testing.assert_array_equal(
        shape, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.0625]
    )
    assert schedules._halved(12, 5).size == 5
