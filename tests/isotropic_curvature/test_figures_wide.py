"""What the figures about wide gradients and anisotropic inputs show, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import anisotropic_inputs, approximate_orthogonality
from labs.core import arrays
from labs.isotropic_curvature import Power, solve

# The solver's relative error is about 1e-14, and whitening multiplies rounding by the condition of the root, 3.
ROUNDING = 1e-11


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- approximate orthogonality -----------------------------------------------------------------------------------


@pytest.mark.parametrize("d", approximate_orthogonality.MORE)
def test_the_distance_falls_like_the_leading_order(d: int) -> None:
    rows = where(smoke(approximate_orthogonality)["rate"], d=d)
    slopes = np.diff(np.log(rows["limit"])) / np.diff(np.log(rows["B"]))
    np.testing.assert_allclose(slopes, -2 / d, rtol=1e-12)
    # The next order is a number of order 1 times eps; rounding is left where eps is less.
    error = np.abs(rows["limit"] / rows["eps"] - 1)
    assert np.all(error < 4 * rows["eps"] + ROUNDING)
    assert np.all(rows["B"] > rows["norm"])


def test_the_shape_of_what_is_left() -> None:
    tables = smoke(approximate_orthogonality)
    for d in approximate_orthogonality.MORE:
        limit, found = where(tables["limit"], d=d), where(tables["shape"], d=d)
        np.testing.assert_array_equal(limit["eps"] < 0, limit["ratio"] < 1 / (d + 1))
        assert np.all(np.diff(limit["eps"]) > 0)
        assert limit["eps"][-1] == pytest.approx(1, abs=ROUNDING)
        np.testing.assert_array_equal(limit["ratio"], found["ratio"])
        # eps at B = 1e6 is below 0.05 B^(-2/d) + its square: 1e-3 for d = 4
        np.testing.assert_allclose(found["eps"], limit["eps"], rtol=0.01)
    two = where(tables["limit"], d=2)
    straight = two["ratio"] >= 1 / 3
    np.testing.assert_allclose(two["eps"][straight], two["closed_form"][straight], rtol=ROUNDING)
    assert np.all(two["eps"][~straight] < two["closed_form"][~straight] - 0.1)


# --- anisotropic inputs ------------------------------------------------------------------------------------------


def test_no_direction_beats_the_optimum_and_whitened_ones_do_not_see_the_covariance() -> None:
    share = smoke(anisotropic_inputs)["share"]
    assert np.all(share["share"] <= 1 + ROUNDING)
    known = np.isfinite(share["isotropic"])
    assert set(share["direction"][known]) == {"whitened gradient", "whitened muon"}
    np.testing.assert_allclose(share["share"][known], share["isotropic"][known], rtol=ROUNDING)
    for name in ("gradient", "muon"):
        plain, whitened = (where(share, decay=0.0, direction=d)["share"] for d in (name, f"whitened {name}"))
        np.testing.assert_allclose(plain, whitened, rtol=ROUNDING)
        assert np.all(where(share, decay=3.0, direction=name)["share"] < plain - 0.1)


def test_where_a_whitened_direction_is_the_optimum() -> None:
    share = smoke(anisotropic_inputs)["share"]
    quadratic = where(share, curvature="2", direction="whitened gradient")["share"]
    kink = where(share, curvature=anisotropic_inputs.KINK, direction="whitened muon")["share"]
    np.testing.assert_allclose(np.concatenate([quadratic, kink]), 1.0, rtol=ROUNDING)
    # Muon overtakes gradient descent although the isotropic model prefers it for the quadratic.
    at = {d: where(share, curvature="2", direction=d) for d in ("gradient", "muon")}
    better = at["muon"]["share"] > at["gradient"]["share"]
    np.testing.assert_array_equal(better, at["muon"]["decay"] > 0)


def test_homogenisation_sees_the_whitened_gradient_only() -> None:
    factor = smoke(anisotropic_inputs)["factor"]
    made = where(factor, kind=anisotropic_inputs.MADE)
    np.testing.assert_allclose(made["factor"], made["isotropic"], rtol=ROUNDING)
    assert np.all((factor["factor"] > 1) & (factor["factor"] < factor["p"] - 1))
    for p in anisotropic_inputs.STEEP:
        rows = where(factor, kind=anisotropic_inputs.UNRELATED, p=p)
        assert np.all(np.diff(rows["rank"]) < 0)
        assert np.all(np.diff(rows["factor"]) > 0)


def test_a_decrease_along_the_optimum_is_the_optimal_value() -> None:
    G = np.array([[1.0, 0.2], [0.1, 0.5], [0.0, 0.3]])
    C, values = anisotropic_inputs.inputs(2, 1.0, 0)
    assert np.trace(C) == pytest.approx(2.0)
    np.testing.assert_allclose(np.linalg.eigvalsh(C)[::-1], values, rtol=1e-14)
    R = anisotropic_inputs.root(C)
    Q = anisotropic_inputs._updated(G, Power(4.0), C, arrays.backend())
    value = float(solve(np.linalg.svd(G @ np.linalg.inv(R), compute_uv=False), Power(4.0)).value)
    assert anisotropic_inputs.decrease(Q, G, R, Power(4.0)) == pytest.approx(-value, rel=ROUNDING)
