"""What the figures on step sizes show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.spectral_flattening import guaranteed_decrease, rank_drop, stable_step_map, threshold_ratio
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- stable_step_map ---------------------------------------------------------------------------------------------


def test_losses_follow_their_parabola_and_cross_where_they_should() -> None:
    tables = smoke(stable_step_map)
    rows = tables["losses"]
    # Losses are right to eps relative to themselves and to the loss before.
    np.testing.assert_allclose(rows["ratio"], rows["predicted"], rtol=1e-11, atol=1e-13)
    for i, rule in enumerate(tables["thresholds"]["rule"]):
        alpha, exact = tables["thresholds"]["alpha"][i], tables["thresholds"]["exact"][i]
        curve = where(rows, alpha=alpha, rule=rule)
        assert np.all((curve["ratio"] < 1) == (curve["eta"] < exact))


def test_guarantees_come_before_the_exact_threshold() -> None:
    rows = smoke(stable_step_map)["thresholds"]
    known = np.isfinite(rows["guaranteed"])
    assert np.all(rows["guaranteed"][known] <= rows["exact"][known] * (1 + 1e-14))
    muon = {name: values[rows["rule"] == "muon"] for name, values in rows.items()}
    assert np.all(muon["guaranteed"] < muon["by_rank"])
    assert np.all(muon["by_rank"] < muon["exact"])


def test_the_numbers_in_the_caption_of_the_map() -> None:
    rows = smoke(stable_step_map)["thresholds"]
    gd, muon = (where(rows, alpha=1.0, rule=rule) for rule in ("gd", "muon"))
    assert f"{muon['by_rank'][0] / muon['guaranteed'][0]:.1f}" == "5.6"
    assert f"{muon['exact'][0] / gd['exact'][0]:.1f}" == "3.6"
    assert muon["guaranteed"][0] < gd["guaranteed"][0]
    assert "by the factor 5.6" in stable_step_map.CAPTION
    assert "is 3.6 times GD's" in stable_step_map.CAPTION
    flat = where(rows, alpha=0.0, rule="muon")
    assert flat["by_rank"][0] / flat["guaranteed"][0] < 1.4  # 1 but for the sampling of the covariance


# --- threshold_ratio ---------------------------------------------------------------------------------------------


def test_iterations_start_at_the_ratio_of_normalised_descent() -> None:
    tables = smoke(threshold_ratio)
    start = tables["start"]
    for name in threshold_ratio.SCHEDULES:
        rows = where(tables["ratio"], iteration=name, K=0)
        np.testing.assert_allclose(rows["tau"], start["tau"], rtol=1e-13)


def test_ordered_iterations_stay_above_one_and_others_need_not() -> None:
    rows = smoke(threshold_ratio)["ratio"]
    for name in ("cubic", "Padé-5"):
        assert np.all(where(rows, iteration=name)["tau"] >= 1 - 1e-14)
    dip = where(rows, iteration="Polar Express", kappa=10.0, rank=32, K=2)
    assert 0.5 < dip["tau"][0] < 0.6


def test_printed_ratios_are_in_the_table() -> None:
    rows = where(smoke(threshold_ratio)["ratio"], kappa=1e3, rank=32, K=5)
    printed = {"cubic": "3.276", "Padé-5": "2.267", "tuned": "1.157", "Polar Express": "1.054"}
    for name, text in printed.items():
        assert f"{where(rows, iteration=name)['tau'][0]:.3f}" == text
    floors = smoke(threshold_ratio)["start"]["floor"]
    assert np.all((floors > 0.4716) & (floors < 0.49))
    assert "a/b^2 = 0.47" in threshold_ratio.CAPTION


# --- rank_drop ---------------------------------------------------------------------------------------------------


def test_printed_steps_at_a_rank_drop() -> None:
    rows = where(smoke(rank_drop)["step"], iteration="tuned, K = 5")
    printed = ("1.43588", "1.16082", "0.06348", "0.01412", "0.04275")
    for eps, text in zip(rank_drop.QUOTED, printed, strict=True):
        assert f"{where(rows, eps=eps)['step'][0]:.5f}" == text


def test_the_exact_factor_jumps_and_the_iterations_do_not() -> None:
    tables = smoke(rank_drop)
    exact = tables["exact"]
    assert exact["step"][0] == pytest.approx(1 / 50, rel=1e-9)
    np.testing.assert_allclose(exact["step"], (1 + 49 * exact["eps"]) / 50, rtol=1e-14)
    for i, name in enumerate(tables["transition"]["iteration"]):
        rows = where(tables["step"], iteration=name)
        limit, middle = tables["transition"]["limit"][i], tables["transition"]["middle"][i]
        assert rows["step"][0] == pytest.approx(limit, rel=1e-6)
        # At the predicted transition the step has fallen to about half.
        at = np.interp(np.log(middle), np.log(rows["eps"]), rows["step"])
        assert 0.3 < at / limit < 0.75


# --- guaranteed_decrease -----------------------------------------------------------------------------------------


def test_realised_decreases_lie_between_the_guarantee_and_twice_it() -> None:
    rows = smoke(guaranteed_decrease)["decrease"]
    share = rows["realised"] / rows["guaranteed"]
    assert np.all((share >= 1 - 1e-12) & (share <= 2 + 1e-12))
    assert np.all(rows["realised"] <= 1 + 1e-12)


def test_which_guarantee_is_larger() -> None:
    rows = smoke(guaranteed_decrease)["decrease"]
    for norm, larger in (("L", "gd"), ("L_op", "muon")):
        gd, muon = (where(rows, optimiser=name, norm=norm)["guaranteed"] for name in ("gd", "muon"))
        assert np.all((gd >= muon) if larger == "gd" else (muon >= gd))


def test_the_ratio_tells_the_winner() -> None:
    rows = smoke(guaranteed_decrease)["ratio"]
    same_side = (rows["guaranteed"] > 1) == (rows["realised"] > 1)
    assert np.mean(same_side) > 0.95
    assert np.any(rows["guaranteed"] < 1)
    flat = where(rows, alpha=0.0, beta=0.0)  # A = B = 1: the guarantee is exact
    np.testing.assert_allclose(flat["guaranteed"], flat["realised"], rtol=1e-12)
