"""What the figures on gradient descent show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from figures.associative_memory import (
    gd_bifurcation,
    gd_scaling_law,
    group_losses,
    ngd_edge_of_stability,
    noisy_groups,
)
from figures.gallery.tables import where
from labs.associative_memory.flow_time import flow_margin
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- group_losses ------------------------------------------------------------------------------------------------


def test_losses_stay_between_their_bounds() -> None:
    tables = smoke(group_losses)
    for name in ("gd", "muon"):
        rows = tables[name]
        assert np.all(rows["lower"] <= rows["loss"] * (1 + 1e-12))
        assert np.all(rows["loss"] <= rows["upper"] * (1 + 1e-12))


def test_muons_groups_fall_together_and_those_of_descent_do_not() -> None:
    muon, gd = smoke(group_losses)["muon"], smoke(group_losses)["gd"]
    last = where(muon, t=np.max(muon["t"]))["loss"]
    assert np.ptp(last) < 0.02 * np.mean(last)
    late = where(gd, t=np.max(gd["t"]))["loss"]
    assert np.all(np.diff(late) > 0)
    assert late[-1] > 50 * late[0]


# --- noisy_groups ------------------------------------------------------------------------------------------------


def test_the_sigmoids_follow_the_flow_in_turn() -> None:
    tables = smoke(noisy_groups)
    for a in range(1, noisy_groups.M + 1):
        rows, flow = where(tables["gd"], group=a), where(tables["flow"], group=a)
        expected = np.interp(np.log(rows["t"]), np.log(flow["t"]), flow["excess"])
        # The drift falls along a step, so that descent is ahead of flow; and it does not overshoot, for h <= 1.
        h = masses_of_power_law(noisy_groups.BETA, noisy_groups.M)
        K, alpha = float(noisy_groups.K), noisy_groups.ALPHA
        error = flow_margin(rows["t"].astype(float), K, alpha, float(h[a - 1] / h[0])) - optimal_margin(
            K, alpha
        )
        assert np.all(rows["excess"] <= item_excess(error, K, alpha) + 1e-12)  # rounding of excesses up to 5
        # A step of 1/p_1 for the first group: it is ahead by half a step.
        np.testing.assert_allclose(rows["excess"], expected, atol=0.25)
        (least,) = where(tables["marks"], group=a)["least"]
        assert np.all(rows["excess"][rows["t"] < 0.5 * least] > 1.0)


def test_signs_fall_together_to_a_floor() -> None:
    tables = smoke(noisy_groups)
    best = tables["marks"]["muon"][0]
    for rule in ("muon", "tra-signgd"):
        rows = where(tables["signs"], rule=rule)
        assert np.all(rows["excess"][rows["t"] > best + 2] <= noisy_groups.ETA**2 / 8)
        assert np.all(rows["excess"][rows["t"] < 0.8 * best] > 0.1)


# --- gd_bifurcation ----------------------------------------------------------------------------------------------


def test_orbits_stay_in_the_interval_and_settle_below_the_threshold() -> None:
    tables = smoke(gd_bifurcation)
    for alpha in gd_bifurcation.NOISE:
        rows, ends = where(tables["orbit"], noise=alpha), where(tables["ends"], noise=alpha)
        for side, sign in (("lower", 1), ("upper", -1)):
            edge = np.interp(rows["share"], ends["share"], ends[side])
            assert np.all(sign * (rows["error"] - edge) >= -1e-3)
        assert np.all(np.abs(rows["error"][rows["share"] < 0.97]) <= 1e-4)
        # What is shown from 1.02 on is a cycle at least.
        for share in np.unique(rows["share"][rows["share"] > 1.02]):
            assert np.sum(rows["share"] == share) >= 2


def test_the_cycle_is_born_as_predicted() -> None:
    from labs.associative_memory.bounds import critical_step
    from labs.associative_memory.descent import gd_errors

    for alpha in gd_bifurcation.NOISE:
        share = 1.05
        eta = share * critical_step(gd_bifurcation.K, alpha)
        pair = gd_errors(np.array([1.0]), gd_bifurcation.K, alpha, eta, [3000, 3001])[:, 0]
        cycle = where(smoke(gd_bifurcation)["cycle"], noise=alpha)
        found = [np.interp(share, cycle["share"], cycle[side]) for side in ("lower", "upper")]
        # Third order in (s - 1)^(1/2) = 0.22.
        np.testing.assert_allclose(np.sort(pair), found, atol=0.03)


# --- gd_scaling_law ----------------------------------------------------------------------------------------------


def test_runs_follow_the_formula_above_the_bound() -> None:
    tables = smoke(gd_scaling_law)
    rows = tables["runs"]
    late = (rows["T"] >= 100) & (rows["beta"] <= 2)
    np.testing.assert_allclose(rows["excess"][late] / rows["predicted"][late], 1.0, atol=0.02)
    assert np.all(tables["law"]["lower"] < tables["law"]["excess"])


def test_the_fitted_intervals_contain_the_exponents() -> None:
    fits = gd_scaling_law.fitted(gd_scaling_law.K, gd_scaling_law.M)
    far = np.abs(fits["exponent"] + 1 - 1 / fits["beta"])
    assert np.all(far <= fits["half_width"])
    assert np.all(fits["half_width"] < 0.07)
    assert smoke(gd_scaling_law)["fits"]["exponent"].size == len(gd_scaling_law.BETAS)


def test_the_numbers_in_the_caption_of_the_law() -> None:
    from labs.associative_memory.bounds import gd_excess

    def slope(beta: float, T: float) -> float:
        first, last = (
            gd_excess(x, gd_scaling_law.K, gd_scaling_law.ALPHA, beta, gd_scaling_law.M)
            for x in (T / 1.02, T * 1.02)
        )
        return float(np.log(last / first) / np.log(1.02**2))

    assert f"{slope(1.5, 1e3):.2f}" == "-0.38"
    assert abs(slope(1.5, 1e5) + 0.75) < 0.03
    assert all(abs(slope(2.0, T) + 0.5) < 0.011 for T in (1e2, 1e3, 1e4))


# --- ngd_edge_of_stability ---------------------------------------------------------------------------------------


def test_the_jitter_keeps_the_step_at_the_threshold() -> None:
    tables = smoke(ngd_edge_of_stability)
    steps = where(tables["steps"], run="jitter")
    assert abs(steps["effective"][-1] / steps["threshold"][-1] - 1) < 0.02
    # It came from far below.
    assert steps["effective"][0] < 0.1 * steps["threshold"][0]


def test_at_the_edge_the_excess_is_that_of_gradient_descent() -> None:
    tables = smoke(ngd_edge_of_stability)
    rows = where(tables["excess"], run="jitter")
    assert abs(rows["least"][-1] / tables["gd"]["excess"][-1] - 1) < 0.1
    assert abs(tables["law"]["excess"][-1] / tables["gd"]["excess"][-1] - 1) < 0.01
