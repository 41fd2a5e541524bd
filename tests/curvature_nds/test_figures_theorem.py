"""What the figures on the theorem and on step rules show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.curvature_nds import (
    constant_steps,
    exchange_rate,
    matched_norm,
    mean_sharpness,
    phase_diagram,
    spectral_powers,
)
from figures.gallery.tables import where
from labs.core import arrays
from labs.curvature_nds.levels import two_level, win_region


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


def caption(module: ModuleType) -> str:
    return " ".join(module.CAPTION.split())


def test_simulations_lie_in_their_regions() -> None:
    runs = smoke(phase_diagram)["runs"]
    for m, q in phase_diagram.SHARES:
        points = where(runs, alpha=m / q)
        form = two_level(m, q, points["rho"], points["s"])
        np.testing.assert_array_equal(points["first"], np.isin(form.region, (1, 2)))
        # Where the order changes later than the run ends, the run has not seen it.
        settled = ~np.isfinite(form.crossing) | (form.crossing <= phase_diagram.STEPS)
        np.testing.assert_array_equal(points["late"][settled], np.isin(form.region, (1, 3))[settled])
        assert settled.mean() > 0.8


def test_the_papers_condition_lies_in_region_one_and_lines_on_borders() -> None:
    tables = smoke(phase_diagram)
    a = tables["map"]["alpha"] / (1 - tables["map"]["alpha"])
    covered = (tables["map"]["s"] > 1) & (a * tables["map"]["s"] < 1) & (a * tables["map"]["rho"] > 1)
    assert covered.any()
    assert np.all(tables["map"]["region"][covered] == 1)
    assert set(np.unique(tables["map"]["region"])) == {1, 2, 3, 4}
    # A step across each line changes the region.
    for curve, factor in (("rho_lo", 1.01), ("s_star", 1.01)):
        line = where(tables["lines"], curve=curve)
        rho, s = (factor, 1.0) if curve == "rho_lo" else (1.0, factor)
        inside = (line["rho"] > 1.05) & (line["s"] > 1.05)
        points = {name: line[name][inside] for name in ("alpha", "rho", "s")}
        one = win_region(points["alpha"], points["rho"] * rho, points["s"] * s)
        two = win_region(points["alpha"], points["rho"] / rho, points["s"] / s)
        assert np.all(one != two)
    assert "0.484 of it" in caption(phase_diagram)


def test_averages_are_the_closed_forms_with_spread_too() -> None:
    rows = smoke(mean_sharpness)["averages"]
    for name in ("run", "spread"):
        np.testing.assert_allclose(rows[name], rows["form"], rtol=1e-12)
    aligned, against = (
        {rule: where(rows, m=1, q=4, s=s, rule=rule)["run"] for rule in ("gd", "muon")} for s in (2.0, 0.5)
    )
    assert np.all(aligned["muon"] < aligned["gd"])
    assert (against["muon"] < against["gd"]).tolist() == [False, *[True] * (against["gd"].size - 1)]
    many = {rule: where(rows, m=6, rule=rule)["run"] for rule in ("gd", "muon")}
    assert np.all(many["muon"][1::2] > many["gd"][1::2])
    assert (f"{against['muon'][0]:.2f}", f"{against['gd'][0]:.3f}") == ("2.25", "1.385")
    assert "2.25 against 1.385" in caption(mean_sharpness)


def test_the_sharpness_jumps_at_the_threshold() -> None:
    rows = smoke(constant_steps)["sweep"]
    np.testing.assert_allclose(rows["run"], rows["form"], rtol=1e-9)
    late = where(rows, T=constant_steps.TIMES[-1])
    jump = 2 / (constant_steps.RHO + 1)
    below, above = late["eta"] < 0.98 * jump, late["eta"] > 1.02 * jump
    assert above.any()
    np.testing.assert_allclose(late["run"][below], 1.0, rtol=0.01)
    np.testing.assert_allclose(late["run"][above], constant_steps.RHO, rtol=0.01)


def test_constant_steps_of_muon_end_at_their_floor_and_gd_passes_below() -> None:
    tables = smoke(constant_steps)
    last = int(tables["losses"]["t"].max())
    arrived = [
        length
        for length in constant_steps.LENGTHS
        if where(tables["floors"], eta=length)["arrival"][0] < last
    ]
    assert arrived
    for length in arrived:
        loss = where(tables["losses"], rule="muon", eta=length)["loss"]
        floor = where(tables["floors"], eta=length)["floor"][0]
        assert np.mean(loss[-2:]) == pytest.approx(floor, rel=1e-9)
    gd = where(tables["losses"], rule="gd")["loss"]
    assert gd[-1] < 2 * where(tables["floors"], eta=constant_steps.LENGTHS[0])["floor"][0]


def test_matched_norms_cross_at_the_threshold() -> None:
    tables = smoke(matched_norm)
    steps = tables["steps"]
    np.testing.assert_allclose(steps["run"], steps["form"], atol=1e-13)
    for rho, s in matched_norm.CURVES:
        rows = where(steps, rho=rho, s=s)
        started = rows["eta"] > 0
        if s < 1:
            assert np.all(rows["run"][started] < 0)
            continue
        zero = where(tables["zeros"], rho=rho, s=s)["eta"][0]
        np.testing.assert_array_equal(rows["run"][started] > 0, rows["eta"][started] > zero)
    # Where the first searched steps tie, the threshold of matched norms is below Muon's best step.
    form = two_level(matched_norm.M, matched_norm.Q, tables["line"]["rho"], 1.0)
    np.testing.assert_array_equal(form.s_star, tables["line"]["s"])


def test_the_best_power_is_newtons() -> None:
    tables = smoke(spectral_powers)
    best = tables["best"]
    np.testing.assert_allclose(best["found"], best["form"], atol=1e-5)
    other = where(tables["ratios"], beta=0.0)
    assert f"{other['ratio'].min():.2f}" == "0.33"
    p = np.linspace(0.0, 1.5, 301)
    assert f"{spectral_powers.one_step_ratio(*spectral_powers.OTHER, p).min():.3f}" == "0.327"
    assert "leaves 0.327" in caption(spectral_powers)
    muon = spectral_powers.one_step_ratio(spectral_powers.CURVATURES, spectral_powers.CURVATURES, np.zeros(1))
    assert muon[0] < 1e-30


def test_decreases_follow_the_exchange_rate() -> None:
    rows = smoke(exchange_rate)["steps"]
    np.testing.assert_allclose(rows["decrease"], rows["cosine_squared"] / rows["sharpness"], rtol=1e-9)
    wins = rows["decrease"] > 1
    assert np.all(rows["sharpness"][wins] < 1)
    assert np.any(rows["sharpness"][~wins] < 1)
    spoilt = where(rows, family="spoilt")
    assert np.all(spoilt["sharpness"] > 1)
