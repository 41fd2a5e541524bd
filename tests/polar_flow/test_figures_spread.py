"""What the figures on the sign criterion and on misalignment show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.polar_flow import flattening_criterion, misaligned_flow, sign_criterion_frequency
from labs.core import arrays


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- the criterion along three flows ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["entropy", "participation", "pairwise"])
def test_the_rate_changes_sign_where_the_lines_are_drawn(kind: str) -> None:
    flow = smoke(flattening_criterion)["flow"]
    passing, dip = (where(flow, case=case, kind=kind) for case in flattening_criterion.CASES[:2])
    np.testing.assert_array_equal(passing["rate"] > 0, passing["t"] < 5 / 3)
    np.testing.assert_array_equal(dip["rate"] > 0, dip["t"] > (4.4531 if kind == "entropy" else 4.6))
    for rows in (passing, dip):
        assert np.all((rows["flatness"] > 0) & (rows["flatness"] <= 1 + 1e-12))


def test_difference_quotients_are_the_criterion() -> None:
    """On a fine grid: the error of a central difference is h^2/6 times the third derivative, here below 0.3."""
    t = np.linspace(0.1, 4.5, 441)
    for case in (flattening_criterion._passing, flattening_criterion._dipping):
        sigma, alpha = case(t)
        for kind, power in flattening_criterion.SPREADS:
            value, q = flattening_criterion.spread(sigma, kind, power)
            flat, rate = flattening_criterion._flatness(
                kind, sigma.shape[1], value, -np.sum(alpha * q, axis=-1)
            )
            quotient = (flat[2:] - flat[:-2]) / (t[2:] - t[:-2])
            np.testing.assert_allclose(quotient, rate[1:-1], atol=1e-4)


def test_the_entropy_of_generic_sensing_falls() -> None:
    generic = where(smoke(flattening_criterion)["flow"], case="generic", kind="entropy")
    assert np.all(np.diff(generic["flatness"]) < 1e-3)
    assert generic["flatness"][-1] < 0.8 * generic["flatness"][0]


def test_the_selected_velocity_moves_the_generic_spectrum() -> None:
    """Where rank is lost too: the rate of the nuclear norm is -sum alpha, up to the first order of proximal steps."""
    t = np.linspace(0.0, 2.0, 101)
    sigma, alpha = flattening_criterion._generic(t, 0.02)
    slope = np.diff(np.sum(sigma, axis=-1)) / np.diff(t)
    total = -np.sum(alpha, axis=-1)
    low, high = np.minimum(total[:-1], total[1:]), np.maximum(total[:-1], total[1:])
    assert np.all((slope > low - 0.04) & (slope < high + 0.04))


# --- misalignment -------------------------------------------------------------------------------------------------


def test_distances_stay_below_the_accumulated_misalignment() -> None:
    rows = smoke(misaligned_flow)["path"]
    assert np.all(rows["distance"] <= rows["defect"] * (1 + 1e-6) + 1e-12)
    first = where(rows, t=rows["t"][1])
    assert np.all(first["distance"] > 0.9 * first["defect"])  # they start along the diagonal


def test_delta_stays_below_its_bound() -> None:
    tables = smoke(misaligned_flow)
    rows, most = tables["defect"], 2 * np.sqrt(6)
    assert np.all(rows["delta"] <= rows["bound"] * (1 + 1e-9))
    assert np.all(rows["bound"] <= most * (1 + 1e-15))
    assert np.any(rows["bound"] < 1e-2)
    assert tables["angles"]["delta"] == pytest.approx(most, rel=1e-12)


# --- frequencies --------------------------------------------------------------------------------------------------


def test_frequencies_follow_the_law() -> None:
    """Ensembles that are not the law's differ from it by less than 0.05."""
    cells = smoke(sign_criterion_frequency)["cells"]
    error = np.sqrt(cells["law"] * (1 - cells["law"]) / cells["draws"])
    room = np.where(cells["model"] == "sensing", 0.0, 0.05)
    assert np.all(np.abs(cells["frequency"] - cells["law"]) <= 5 * error + room)


def test_the_normal_approximation_errs_by_at_most_three_hundredths() -> None:
    curves = smoke(sign_criterion_frequency)["curves"]
    assert np.max(np.abs(curves["normal"] - curves["law"])) <= 0.03
    steep = where(curves, fraction=0.9, decay=curves["decay"].max())
    assert steep["normal"] > 5 * steep["law"]  # but it is far off, relatively
    for name in ("law", "normal", "regression"):
        for fraction in (0.5, 0.9):
            rows = where(curves, fraction=fraction)
            assert np.all(np.diff(rows[name]) < 0)
            assert 0.4 < rows[name][0] < 0.5
