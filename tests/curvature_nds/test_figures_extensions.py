"""What the figures of spectra, spread and imbalance show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.curvature_nds import energy_by_curvature, fragility, long_tail_memory, structured_trajectories
from figures.curvature_nds._spectra import decimal_logs, mode_losses
from figures.gallery import style
from figures.gallery.tables import where
from labs.core import arrays
from labs.core.spectrum import power_law
from labs.curvature_nds.quadratic import descend

FIGURES = [structured_trajectories, fragility, energy_by_curvature, long_tail_memory]


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


@pytest.mark.parametrize("module", FIGURES, ids=lambda m: m.__name__.split(".")[-1])
def test_figures_draw(module: ModuleType) -> None:
    with style.applied():
        figure = module.draw(smoke(module))
    assert all(axes.get_xlabel() or axes.get_title() for axes in figure.axes)


# --- the shared pieces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "step"), [("gd", "line-search"), ("muon", "line-search"), ("muon", "halving")]
)
def test_losses_of_the_modes_add_up(rule: str, step: str) -> None:
    w = power_law(9, 1.3)
    whole = descend(w, np.sqrt(w), rule, 30, step).loss
    parts = mode_losses(w, np.sqrt(w), rule, 30, step, arrays.backend())
    # Alone a mode repeats the rounding of the whole: eps over what is left of the distances.
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, rtol=1e-9, atol=1e-14 * whole[0])


def test_logarithms_are_cut() -> None:
    np.testing.assert_allclose(decimal_logs(np.log([2.0, 0.2, 2e-9]), -4.0), [0.0, -1.0, -4.0], atol=1e-12)


# --- trajectories ------------------------------------------------------------------------------------------------


def test_the_sharpness_of_muon_is_the_mean_and_gds_tends_to_the_middle() -> None:
    tables = smoke(structured_trajectories)
    runs, constants = tables["runs"], tables["constants"]
    for rule in ("muon", "halving"):
        np.testing.assert_allclose(where(runs, rule=rule)["nds"], constants["mean"][0], rtol=1e-12)
    gd = where(runs, rule="gd")["nds"]
    assert abs(gd[-1] / constants["middle"][0] - 1) < 0.02
    sign = where(runs, rule="sign", seed=0)["nds"]
    assert sign[-1] < constants["middle"][0]


def test_losses_are_in_order() -> None:
    tables = smoke(structured_trajectories)
    runs = tables["runs"]
    gd, muon, best = (where(runs, rule=rule)["loss"] for rule in ("gd", "muon", "cg"))
    crossing = int(tables["constants"]["crossing"][0])
    assert np.all(muon[: crossing - 1] < gd[: crossing - 1])
    assert muon[crossing - 1] >= gd[crossing - 1]
    # Nothing in the span of the gradients beats conjugate gradients.
    assert np.all(best <= gd[: best.size] + 1e-9)
    bound, halving = where(tables["lines"], line="bound"), where(runs, rule="halving")
    assert np.all(halving["loss"] <= bound["loss"] + 1e-9)


def test_two_levels_follow_their_closed_forms() -> None:
    levels = smoke(structured_trajectories)["levels"]
    for rule in ("gd", "muon"):
        rows = where(levels, rule=rule)
        np.testing.assert_allclose(rows["loss"], rows["closed"], atol=1e-10)
    for rule in ("two steps", "cg"):
        assert where(levels, rule=rule, t=2)["loss"][0] == structured_trajectories.LOWEST


# --- fragility ---------------------------------------------------------------------------------------------------


def test_any_spread_turns_the_order_round_and_halving_does_not_mind() -> None:
    losses = smoke(fragility)["losses"]
    gd = where(losses, method="gd", delta=0.01)["loss"]
    for delta in fragility.SHOWN:
        muon = where(losses, method="muon", delta=delta)["loss"]
        shown = gd > fragility.LOWEST
        assert bool(np.any(muon[shown][1:] >= gd[shown][1:])) == (delta > 0)
        halving = where(losses, method="halving", delta=delta)["loss"]
        assert np.all(halving[1:41] < gd[1:41])
    bound = where(losses, method="bound")["loss"]
    assert np.all(where(losses, method="halving", delta=0.01)["loss"] <= bound + 1e-9)


def test_crossings_follow_the_predicted_slope() -> None:
    crossings = smoke(fragility)["crossings"]
    assert np.all(np.isnan(crossings["halving"]))
    # Medians of three draws: the intercept moves by a few steps.
    np.testing.assert_allclose(crossings["median"], crossings["slope"], atol=10)
    assert np.all(crossings["least"] > crossings["synchronised"])
    assert abs(fragility._slope() - 15.845) < 1e-3


def test_the_exact_family_is_what_descent_finds() -> None:
    rises = smoke(fragility)["rises"]
    m, q, rho, s = fragility.M, fragility.Q, fragility.RHO, fragility.S
    delta, n = rises["delta"][:12, None], fragility.Q - fragility.M
    w = np.where(np.arange(q) < m, rho, 1.0)
    low = np.where(np.arange(q) == q - 1, 1 + delta - delta / n, 1 - delta / n)
    sigma = np.where(np.arange(q) < m, s, low)
    muon, gd = (descend(w, sigma, rule, 100).log_loss[:, 1:] for rule in ("muon", "gd"))
    # The ray is unstable; rounding leaves it later than GD overtakes.
    np.testing.assert_array_equal(1 + np.argmax(muon >= gd, axis=-1), rises["crossing"][:12])


# --- energy ------------------------------------------------------------------------------------------------------


def test_shares_add_up_and_go_where_theory_says() -> None:
    shares = smoke(energy_by_curvature)["shares"]
    for run in energy_by_curvature.RUNS:
        for quantity in ("loss", "energy"):
            parts = [where(shares, run=run, group=g)[quantity] for g in energy_by_curvature.groups(12)]
            np.testing.assert_allclose(np.sum(parts, axis=0), 1.0, atol=1e-12)
    gd = [where(shares, run="gd", group=g)["energy"][-1] for g in ("heaviest", "lightest")]
    np.testing.assert_allclose(gd, 0.5, atol=0.05)
    assert where(shares, run="muon", group="lightest")["loss"][-1] > 0.9
    assert where(shares, run="halving", group="lightest")["loss"][-1] < 0.5


def test_groups_are_all_modes() -> None:
    for q in (12, 88):
        ends = list(energy_by_curvature.groups(q).values())
        assert [low for low, _ in ends] == [0, *(high for _, high in ends[:-1])]
        assert ends[-1] == (q - 1, q)


# --- imbalance ---------------------------------------------------------------------------------------------------


def test_the_ratio_grows_and_the_gain_does_not_fall_for_ever() -> None:
    forms = smoke(long_tail_memory)["forms"]
    for n in long_tail_memory.SIZES:
        rows = where(forms, N=n)
        assert np.all(np.diff(rows["ratio"]) > 0)
        assert 0 < np.argmin(rows["gain"]) < rows["gain"].size - 1
        np.testing.assert_allclose([rows["ratio"][0], rows["gain"][0]], 1.0, rtol=1e-12)


def test_signs_follow_the_arcsine_law() -> None:
    signs = smoke(long_tail_memory)["signs"]
    np.testing.assert_allclose(signs["coordinates"], 1.0, rtol=1e-12)
    # Three draws, each off by 6 % at most imbalance.
    np.testing.assert_allclose(signs["mean"], signs["arcsine"], rtol=0.12)
    assert np.all(signs["least"] <= signs["mean"])
    assert np.all(signs["mean"] <= signs["most"])


def test_reported_values_are_the_four() -> None:
    assert sorted(smoke(long_tail_memory)["reported"]["nds"]) == [1.0, 1.25, 1.63, 2.38]
