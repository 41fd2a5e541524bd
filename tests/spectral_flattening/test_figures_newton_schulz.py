"""What the figures on polynomial iterations show, in numbers, at smoke scale."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.spectral_flattening import four_cycle, newton_schulz_errors, newton_schulz_maps
from labs.core import arrays
from labs.core.polar import as_schedule, polynomial_range, smallest_preimage
from tests.spectral_flattening.tuned import landmarks, the_cycle


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- maps and ranges -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", newton_schulz_maps.SCHEDULES)
def test_drawn_ranges_are_those_proved_in_balls(name: str) -> None:
    for steps in newton_schulz_maps.STEPS:
        rows = where(smoke(newton_schulz_maps)["map"], map=name, K=steps)
        schedule = as_schedule(newton_schulz_maps.SCHEDULES[name], steps)
        for i in range(0, rows["x"].size, 12):
            ends = polynomial_range(schedule, (float(rows["x"][i]), 1))
            # Ten steps, slopes below 9 in all, magnify the rounding of an end.
            np.testing.assert_allclose(
                [rows["least"][i], rows["greatest"][i]], [float(e) for e in ends], rtol=1e-9
            )


def test_every_value_lies_in_its_range_and_the_range_shrinks() -> None:
    for name in newton_schulz_maps.SCHEDULES:
        for steps in newton_schulz_maps.STEPS:
            rows = where(smoke(newton_schulz_maps)["map"], map=name, K=steps)
            for end, sign in (("least", 1), ("greatest", -1)):
                assert np.all(sign * (rows["value"] - rows[end]) >= -1e-12)
                assert np.all(sign * np.diff(rows[end]) >= -1e-12)
            if name in ("cubic", "Padé-5"):
                np.testing.assert_allclose(rows["value"], rows["least"], rtol=1e-14)
                np.testing.assert_allclose(rows["greatest"], 1.0, rtol=1e-15)


def test_numbers_in_the_caption_of_the_maps() -> None:
    rows = smoke(newton_schulz_maps)["map"]
    (row,) = where(rows, map="tuned", K=5, x=0.00150512)["least"]
    assert f"{row:.5f}" == "0.68183"
    (top,) = where(rows, map="tuned", K=5, x=0.1)["greatest"]
    assert f"{top:.3f}" == "1.134"
    assert "from x = 0.0052 on the upper end is 1.134" in newton_schulz_maps.CAPTION
    soft = where(rows, map="soft quintic", K=5)["greatest"]
    assert f"{np.max(soft) - 1:.4f}" == "0.0018"
    error = max(
        abs(1 - float(end)) for end in polynomial_range(newton_schulz_maps.POLAR_EXPRESS, (1e-3, 1), 5)
    )
    assert 0.1235 < error < 0.124
    for (name, steps), threshold in newton_schulz_maps.MARKED.items():
        if name == "tuned":
            exact = smallest_preimage(newton_schulz_maps.TUNED, landmarks(newton_schulz_maps.TUNED)[4], steps)
            assert threshold == pytest.approx(float(exact), rel=3e-6)


# --- the cycle -----------------------------------------------------------------------------------------------------


def test_drawn_numbers_are_the_proved_ones() -> None:
    low, high, _, _, m, M = (float(x) for x in landmarks(four_cycle.TUNED))
    assert pytest.approx((low, high), rel=1e-14) == four_cycle.FIXED
    assert pytest.approx((m, M), rel=1e-14) == four_cycle.INTERVAL
    found = the_cycle(four_cycle.TUNED)
    assert pytest.approx([float(x) for x in found.points], rel=1e-14) == list(four_cycle.CYCLE)
    assert pytest.approx(float(found.multiplier), rel=1e-11) == four_cycle.MULTIPLIER


def test_the_orbit_ends_on_the_cycle() -> None:
    orbit = smoke(four_cycle)["orbit"]["x"]
    np.testing.assert_allclose(np.sort(orbit[-4:]), np.sort(four_cycle.CYCLE), atol=1e-12)


def test_histograms_grow_four_spikes_and_none_at_one() -> None:
    rows = smoke(four_cycle)["histogram"]
    last = where(rows, K=80)
    width = last["x"][1] - last["x"][0]
    near = np.min(np.abs(last["x"][:, None] - np.array(four_cycle.CYCLE)), axis=1) < width
    assert np.sum(last["share"][near]) > 0.995
    for k in four_cycle.SHOWN[1:]:
        here = where(rows, K=k)
        assert np.sum(here["share"][np.abs(here["x"] - 1) < 0.02]) < 0.02


def test_the_median_distance_falls_by_the_multiplier() -> None:
    rows = smoke(four_cycle)["distance"]
    at = dict(zip(rows["K"].tolist(), rows["median"].tolist(), strict=True))
    assert at[48] / at[24] == pytest.approx(abs(four_cycle.MULTIPLIER) ** 6, rel=0.2)
    shares = dict(zip(rows["K"].tolist(), rows["far"].tolist(), strict=True))
    for k, share in ((20, 0.742), (40, 0.078), (80, 0.0006)):  # four deviations of 5000 starts
        assert shares[k] == pytest.approx(share, abs=4 * np.sqrt(share / 5000))
    assert "0.742, 0.078, 0.0006" in " ".join(four_cycle.CAPTION.split())


# --- errors --------------------------------------------------------------------------------------------------------


def test_condition_numbers_fall_by_the_predicted_factors() -> None:
    rows = smoke(newton_schulz_errors)["range"]
    for name, factor in newton_schulz_errors.FACTORS.items():
        here = where(rows, iteration=name, ell=1e-6)
        falls = here["greatest"][1:-1] / here["least"][1:-1] / (here["greatest"][2:] / here["least"][2:])
        # Relative deviations are of the order of the singular value squared, or of the singular value.
        assert np.all(np.abs(falls[:3] / factor - 1) < 1e-3), name


def test_best_compositions_are_below_all_others() -> None:
    rows = smoke(newton_schulz_errors)["range"]
    best = where(rows, iteration="best quintics", ell=1e-3)["error"]
    for name in newton_schulz_errors.NAMES:
        assert np.all(where(rows, iteration=name, ell=1e-3)["error"] >= best - 1e-12), name
    assert f"{where(rows, iteration='tuned', ell=1e-3)['error'][-1]:.3f}" == "0.318"
    deployed = where(rows, iteration="deployed", ell=1e-3)["error"]
    assert f"{deployed[5]:.5f}" == "0.12356"
    assert f"{deployed[7]:.3g}" == "1.04e-09"


def test_steps_needed_jump_at_the_printed_limits() -> None:
    for steps, limit in newton_schulz_errors.LIMITS.items():
        assert newton_schulz_errors.steps_needed("best quintics", 1 / (limit * 0.9999)) == steps
        assert newton_schulz_errors.steps_needed("best quintics", 1 / (limit * 1.0001)) == steps + 1
    assert newton_schulz_errors.steps_needed("cubic", 0.2704) == 5
    assert newton_schulz_errors.steps_needed("cubic", 0.2703) == 6


def test_bands_close_or_do_not() -> None:
    rows = smoke(newton_schulz_errors)["range"]
    tuned = where(rows, iteration="tuned", ell=1e-3)
    assert tuned["greatest"][-1] - tuned["least"][-1] > 0.45
    ends = polynomial_range(newton_schulz_errors.TUNED, (Fraction(1, 1000), 1), 6)
    row = where(rows, iteration="tuned", ell=1e-3, K=6)
    np.testing.assert_allclose([row["least"][0], row["greatest"][0]], [float(e) for e in ends], rtol=1e-12)
